/*
 *            loop thread                          actor thread
 *   actor_send -> box ------- lock, cond -------> handle(), idle()
 *   on_reply  <- out <- replies <- lock, wake --- actor_reply()
 *
 * What the lock guards is marked; the rest belongs to the loop's thread.  On a virtual
 * loop the right side is `turn` and `idle_timer` and the wake is `deliver`.
 */
#include "loop/actor.h"
#include "base/clock.h"
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"

#define IDLE_MS_MAX (INT64_C(86400) * 1000)

struct actor {
	struct loop *loop;
	struct actor_conf conf;
	char name[16];
	struct list out; /* replies taken over, not yet delivered */
	bool *ret_gone;  /* of the delivery that is going on: set when freed within */
	bool freeing;

	pthread_mutex_t lock;
	pthread_cond_t cond;  /* box is not empty, or stopping */
	struct list box;      /* guarded */
	struct list replies;  /* guarded */
	bool full;            /* guarded: a send failed since on_room */
	bool room;            /* guarded: the thread took the mails of a full box */
	bool quiet;           /* guarded: the thread waits for its next mail, for ever */
	atomic_bool stopping; /* written under the lock */
	_Atomic uint32_t waiting; /* mails in box; written under the lock */

	pthread_t thread;
	struct wake *wake;

	struct later turn, deliver; /* virtual */
	struct timer idle_timer;
	bool handling;
};

static void
actor_lock(struct actor *a)
{
	int r = pthread_mutex_lock(&a->lock);

	assert(r == 0);
	(void)r;
}

static void
actor_unlock(struct actor *a)
{
	int r = pthread_mutex_unlock(&a->lock);

	assert(r == 0);
	(void)r;
}

/* ---- the loop's side ---- */

static void
actor_on_wake(void *ctx)
{
	struct actor *a = ctx;
	bool gone = false, room, quiet;
	struct list *n;

	actor_lock(a);
	list_splice(&a->out, &a->replies);
	room = a->room;
	if (room && a->waiting >= a->conf.mails_max) {
		a->full = true; /* filled again before anybody was told: later, then */
		room = false;
	}
	a->room = false;
	quiet = a->quiet;
	actor_unlock(a);

	if (quiet && a->wake != NULL)
		wake_ref(a->wake, false);
	a->ret_gone = &gone;
	while ((n = list_pop(&a->out)) != NULL) {
		a->conf.on_reply(a->conf.ctx, container_of(n, struct mail, on_box));
		if (gone)
			return;
	}
	a->ret_gone = NULL;
	if (room && a->conf.on_room != NULL && !a->freeing)
		a->conf.on_room(a->conf.ctx);
}

int
actor_send(struct actor *a, struct mail *m)
{
	int r = 0;

	if (a->freeing)
		return -ESHUTDOWN;
	actor_lock(a);
	if (a->waiting >= a->conf.mails_max) {
		a->full = true;
		r = -EAGAIN;
	} else {
		list_push(&a->box, &m->on_box);
		a->waiting++;
		a->quiet = false;
		(void)pthread_cond_signal(&a->cond);
	}
	actor_unlock(a);
	if (r < 0)
		return r;
	if (a->wake != NULL)
		wake_ref(a->wake, true);
	else
		later_start(&a->turn);
	return 0;
}

uint32_t
actor_waiting(const struct actor *a)
{
	return a->waiting;
}

/* ---- the actor's side ---- */

bool
actor_is_stopping(const struct actor *a)
{
	return a->stopping;
}

static void
actor_notify(struct actor *a)
{
	if (a->wake != NULL)
		wake_send(a->wake);
	else
		later_start(&a->deliver);
}

void
actor_reply(struct actor *a, struct mail *m)
{
	assert(a->conf.on_reply != NULL);
	actor_lock(a);
	list_push(&a->replies, &m->on_box);
	actor_unlock(a);
	actor_notify(a);
}

/* Under the lock: empties the box; true when the loop wants to know that there is room.
 */
static bool
actor_take(struct actor *a, struct list *ret_mails)
{
	bool tell = a->full;

	list_splice(ret_mails, &a->box);
	a->waiting = 0;
	a->full = false;
	a->room |= tell;
	return tell;
}

/* Handles one batch, may be none, and returns what idle returned. */
static int64_t
actor_batch(struct actor *a, struct list *mails)
{
	int64_t idle_ms = -1;

	if (!list_is_empty(mails))
		a->conf.handle(a->conf.ctx, mails);
	assert(list_is_empty(mails));
	if (a->conf.idle != NULL)
		idle_ms = a->conf.idle(a->conf.ctx);
	return idle_ms < IDLE_MS_MAX ? idle_ms : IDLE_MS_MAX;
}

/* Under the lock: until there is mail, `due_us` has passed (-1: never), or the end. */
static void
actor_wait(struct actor *a, int64_t due_us)
{
	struct timespec ts = {.tv_sec = (time_t)(due_us / 1000000),
	    .tv_nsec = (long)(due_us % 1000000 * 1000)};
	int r = 0;

	while (list_is_empty(&a->box) && !a->stopping && r == 0)
		r = due_us < 0 ? pthread_cond_wait(&a->cond, &a->lock)
			       : pthread_cond_timedwait(&a->cond, &a->lock, &ts);
}

/* Under the lock, which is free meanwhile: nobody waits on the condition, so that a mail
 * is no system call. */
static void
actor_linger(struct actor *a)
{
	struct timespec ts = {.tv_nsec = a->conf.linger_us * 1000L};

	if (ts.tv_nsec == 0 || a->stopping || list_is_empty(&a->box))
		return;
	actor_unlock(a);
	(void)nanosleep(&ts, NULL);
	actor_lock(a);
}

static void *
actor_main(void *arg)
{
	struct actor *a = arg;
	int64_t due_us = -1, idle_ms;
	struct list mails;
	bool last, tell;

	(void)pthread_setname_np(pthread_self(), a->name);
	list_init(&mails);
	do {
		actor_lock(a);
		a->quiet = due_us < 0 && list_is_empty(&a->box);
		if (a->quiet)
			actor_notify(a);
		actor_wait(a, due_us);
		actor_linger(a);
		last = a->stopping;
		tell = actor_take(a, &mails);
		actor_unlock(a);
		if (tell)
			actor_notify(a);
		if (list_is_empty(&mails) && due_us < 0)
			break; /* stopped with nothing to do */
		idle_ms = actor_batch(a, &mails);
		due_us = idle_ms < 0 ? -1 : clock_mono_us() + idle_ms * 1000;
	} while (!last);
	return NULL;
}

/* The same on a virtual loop, once a batch. */
static void
actor_on_turn(void *ctx)
{
	struct actor *a = ctx;
	struct list mails;
	int64_t idle_ms;

	list_init(&mails);
	if (actor_take(a, &mails))
		actor_notify(a);
	a->handling = true;
	timer_stop(&a->idle_timer);
	idle_ms = actor_batch(a, &mails);
	/* Without memory for the timer idle is called a turn later: too soon, never not.
	 */
	if (idle_ms >= 0 && !a->stopping && timer_start(&a->idle_timer, idle_ms) < 0)
		later_start(&a->turn);
	a->handling = false;
}

/* ---- birth and death ---- */

static int
actor_init_lock(struct actor *a)
{
	pthread_condattr_t attr;
	int r;

	r = pthread_mutex_init(&a->lock, NULL);
	if (r != 0)
		return -r;
	r = pthread_condattr_init(&attr);
	if (r != 0)
		goto fail_lock;
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	r = pthread_cond_init(&a->cond, &attr);
	(void)pthread_condattr_destroy(&attr);
	if (r != 0)
		goto fail_lock;
	return 0;

fail_lock:
	(void)pthread_mutex_destroy(&a->lock);
	return -r;
}

static int
actor_start_thread(struct actor *a)
{
	sigset_t all, before;
	int r;

	r = wake_new(a->loop, actor_on_wake, a, &a->wake);
	if (r < 0)
		return r;
	/* Signals are the loop's business. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&a->thread, NULL, actor_main, a);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		wake_free(a->wake);
		return -r;
	}
	return 0;
}

int
actor_new(struct loop *l, const struct actor_conf *conf, struct actor **ret)
{
	struct actor *a;
	size_t name_len = strlen(conf->name);
	int r = -ENOMEM;

	assert(conf->handle != NULL);
	assert(conf->mails_max > 0);
	assert(conf->linger_us < 1000000);
	assert(name_len < sizeof(a->name));
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		goto fail;
	a->loop = l;
	a->conf = *conf;
	memcpy(a->name, conf->name, name_len);
	list_init(&a->out);
	list_init(&a->box);
	list_init(&a->replies);
	later_init(&a->turn, l, actor_on_turn, a);
	later_init(&a->deliver, l, actor_on_wake, a);
	timer_init(&a->idle_timer, l, actor_on_turn, a);
	r = actor_init_lock(a);
	if (r < 0)
		goto fail_actor;
	if (!loop_is_virtual(l)) {
		r = actor_start_thread(a);
		if (r < 0)
			goto fail_lock;
	}
	*ret = a;
	return 0;

fail_lock:
	(void)pthread_cond_destroy(&a->cond);
	(void)pthread_mutex_destroy(&a->lock);
fail_actor:
	free(a);
fail:
	return r;
}

void
actor_free(struct actor *a)
{
	if (a == NULL)
		return;
	assert(!a->freeing);
	assert(!a->handling);
	a->freeing = true;
	actor_lock(a);
	a->stopping = true;
	(void)pthread_cond_signal(&a->cond);
	actor_unlock(a);
	if (a->wake != NULL)
		(void)pthread_join(a->thread, NULL);
	else if (!list_is_empty(&a->turn.on_loop) || timer_is_running(&a->idle_timer))
		actor_on_turn(a);
	if (a->ret_gone != NULL)
		*a->ret_gone = true;
	actor_on_wake(a);
	wake_free(a->wake);
	later_stop(&a->turn);
	later_stop(&a->deliver);
	timer_stop(&a->idle_timer);
	(void)pthread_cond_destroy(&a->cond);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}

void
actor_check(struct actor *a)
{
	uint32_t mails = 0;

	actor_lock(a);
	list_foreach (n, &a->box)
		mails++;
	assert(mails == a->waiting);
	assert(mails <= a->conf.mails_max);
	assert(!a->quiet || mails == 0);
	actor_unlock(a);
}
