#include "loop/sem.h"
#include <assert.h>

#include "base/banned.h"

/* Calls those whose permits are taken already. */
static void
sem_on_run(void *ctx)
{
	struct sem *s = ctx;
	struct list now, *n;

	/* Who is granted from here on has its call in the next turn.  `s` is not looked
	 * at again: the last callback may have released it. */
	list_init(&now);
	list_splice(&now, &s->granted);
	while ((n = list_pop(&now)) != NULL) {
		struct sem_waiter *w = container_of(n, struct sem_waiter, on_sem);

		w->sem = NULL;
		w->granted = false;
		w->fn(w->ctx);
	}
}

void
sem_init(struct sem *s, struct loop *l, uint32_t permits)
{
	*s = (struct sem){.loop = l, .permits = permits, .permits_max = permits};
	list_init(&s->waiters);
	list_init(&s->granted);
	later_init(&s->run, l, sem_on_run, s);
}

void
sem_release_all(struct sem *s)
{
	assert(list_is_empty(&s->waiters));
	assert(list_is_empty(&s->granted));
	later_stop(&s->run);
}

uint32_t
sem_held(const struct sem *s)
{
	return s->permits_max - s->permits + s->debt;
}

static bool
sem_can_take(const struct sem *s, uint32_t n)
{
	if (n > s->permits_max)
		return s->permits_max > 0 && sem_held(s) == 0;
	return n <= s->permits;
}

static void
sem_take(struct sem *s, uint32_t n)
{
	if (n > s->permits) {
		s->debt = n - s->permits;
		s->permits = 0;
	} else {
		s->permits -= n;
	}
}

/* Grants from the head of the queue, and stops at the first that cannot be served. */
static void
sem_serve(struct sem *s)
{
	while (!list_is_empty(&s->waiters)) {
		struct sem_waiter *w =
		    container_of(s->waiters.next, struct sem_waiter, on_sem);

		if (!sem_can_take(s, w->n))
			break;
		sem_take(s, w->n);
		w->granted = true;
		list_remove(&w->on_sem);
		list_push(&s->granted, &w->on_sem);
		later_start(&s->run);
	}
}

bool
sem_try(struct sem *s, uint32_t n)
{
	if (!list_is_empty(&s->waiters) || !sem_can_take(s, n))
		return false;
	sem_take(s, n);
	return true;
}

void
sem_waiter_init(struct sem_waiter *w, loop_fn *fn, void *ctx)
{
	*w = (struct sem_waiter){.fn = fn, .ctx = ctx};
	list_init(&w->on_sem);
}

void
sem_wait_start(struct sem *s, struct sem_waiter *w, uint32_t n)
{
	assert(w->sem == NULL);
	w->sem = s;
	w->n = n;
	list_push(&s->waiters, &w->on_sem);
	sem_serve(s);
}

void
sem_wait_cancel(struct sem_waiter *w)
{
	struct sem *s = w->sem;
	bool granted = w->granted;

	if (s == NULL)
		return;
	list_remove(&w->on_sem);
	w->sem = NULL;
	w->granted = false;
	if (granted)
		sem_post(s, w->n);
	else
		sem_serve(s); /* it may have been the big one that held the others up */
}

void
sem_post(struct sem *s, uint32_t n)
{
	uint32_t paid = n < s->debt ? n : s->debt;

	assert(n <= sem_held(s));
	s->debt -= paid;
	s->permits += n - paid;
	sem_serve(s);
}

void
sem_resize(struct sem *s, uint32_t permits_max)
{
	uint32_t held = sem_held(s);

	s->permits_max = permits_max;
	s->debt = held > permits_max ? held - permits_max : 0;
	s->permits = held > permits_max ? 0 : permits_max - held;
	sem_serve(s);
}

void
sem_check(const struct sem *s)
{
	uint64_t granted = 0;

	assert(s->permits <= s->permits_max);
	assert(s->debt == 0 || s->permits == 0);
	list_foreach (n, &s->waiters) {
		const struct sem_waiter *w = container_of(n, struct sem_waiter, on_sem);

		assert(w->sem == s && !w->granted);
		assert(n != s->waiters.next || !sem_can_take(s, w->n));
	}
	list_foreach (n, &s->granted) {
		const struct sem_waiter *w = container_of(n, struct sem_waiter, on_sem);

		assert(w->sem == s && w->granted);
		granted += w->n;
	}
	assert(granted <= sem_held(s));
}
