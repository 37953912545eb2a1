/*
 * One turn: the deferred calls that were there when it began, the timers that are due,
 * then descriptors, signals and wake-ups.  The clock is read when the wait for
 * descriptors is over and stands still until the next wait.
 *
 *   loop -> laters    list, taken off whole at the start of a turn
 *        -> timers    heap by due microsecond; `alarm` is armed for the least of them
 *        -> ev        libev: io, sig, wake (absent on a virtual loop)
 *        -> wakes     all of them; a virtual loop looks at their flags itself
 */
#include "loop/loop.h"
#include "base/clock.h"
#include "base/probe.h"
#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

#define LOOP_TIMERS_MAX  (1u << 24)
#define VIRTUAL_START_US 1000000
#define WAIT_SECONDS_MAX 3600.0
#define CLOCK_APART_US   100 /* between two readings that count as one */
#define CLOCK_TRIES      8

struct loop {
	struct ev_loop *ev; /* NULL: virtual */
	struct ev_timer alarm;
	struct ev_check woken;
	struct heap timers;
	struct list laters;
	struct list wakes;
	int64_t now_us;
	int64_t wall_start_us; /* virtual: wall time at VIRTUAL_START_US */
	_Atomic int64_t lag_us;
	uint64_t calls;      /* callbacks made so far */
	uint64_t waits;
	uint32_t handles;    /* io, sig and wake that exist */
	uint32_t ios_active; /* that wait for something */
	uint32_t wakes_ref;
	bool running, stopped;
};

struct io {
	struct ev_io w;
	struct loop *loop;
	io_fn *fn;
	void *ctx;
	int events;
};

struct sig {
	struct ev_signal w;
	struct loop *loop;
	loop_fn *fn;
	void *ctx;
};

struct wake {
	struct ev_async w;
	struct list on_loop;
	struct loop *loop;
	loop_fn *fn;
	void *ctx;
	atomic_bool sent;
	bool ref;
};

/* ---- the loop itself ---- */

/* After the wait and before the callbacks of what was waited for. */
static void
on_woken(struct ev_loop *ev, struct ev_check *w, int revents)
{
	struct loop *l = w->data;

	(void)ev;
	(void)revents;
	l->now_us = clock_mono_us();
}

/* Only there to end the wait; the turn looks for due timers itself. */
static void
on_alarm(struct ev_loop *ev, struct ev_timer *w, int revents)
{
	(void)revents;
	ev_timer_stop(ev, w);
}

static struct loop *
loop_alloc(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	heap_init(&l->timers, LOOP_TIMERS_MAX);
	list_init(&l->laters);
	list_init(&l->wakes);
	return l;
}

int
loop_new(struct loop **ret)
{
	struct loop *l = loop_alloc();

	if (l == NULL)
		return -ENOMEM;
	errno = 0;
	l->ev = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (l->ev == NULL) {
		int r = errno > 0 ? -errno : -ENOSYS;

		free(l);
		return r;
	}
	l->now_us = clock_mono_us();
	ev_init(&l->alarm, on_alarm);
	ev_check_init(&l->woken, on_woken);
	ev_set_priority(&l->woken, EV_MAXPRI);
	l->woken.data = l;
	ev_check_start(l->ev, &l->woken);
	*ret = l;
	return 0;
}

int
loop_new_virtual(int64_t wall_us, struct loop **ret)
{
	struct loop *l = loop_alloc();

	if (l == NULL)
		return -ENOMEM;
	l->now_us = VIRTUAL_START_US;
	l->wall_start_us = wall_us;
	*ret = l;
	return 0;
}

void
loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	assert(!l->running);
	assert(l->handles == 0); /* an io, sig or wake would outlive what it points to */
	while (list_pop(&l->laters) != NULL)
		;
	heap_release(&l->timers);
	if (l->ev != NULL)
		ev_loop_destroy(l->ev);
	free(l);
}

bool
loop_is_virtual(const struct loop *l)
{
	return l->ev == NULL;
}

void
loop_stop(struct loop *l)
{
	l->stopped = true;
}

int64_t
loop_now_us(const struct loop *l)
{
	/* Outside of a turn nobody keeps now_us fresh, and nobody needs it to stand
	 * still. */
	if (l->ev != NULL && !l->running)
		return clock_mono_us();
	return l->now_us;
}

int64_t
loop_now_ms(const struct loop *l)
{
	return loop_now_us(l) / 1000;
}

int64_t
loop_wall_us(const struct loop *l)
{
	if (l->ev != NULL)
		return clock_wall_us();
	return l->wall_start_us + (l->now_us - VIRTUAL_START_US);
}

/* Both clocks at one moment: if the thread is put aside between the two, they are read anew,
 * or a request would be told to have begun that much too early. */
int64_t
loop_now_wall_us(const struct loop *l)
{
	int64_t before_us, wall_us, after_us;
	int tries = CLOCK_TRIES;

	if (l->ev == NULL)
		return loop_wall_us(l);
	do {
		before_us = clock_mono_us();
		wall_us = clock_wall_us();
		after_us = clock_mono_us();
	} while (after_us - before_us > CLOCK_APART_US && --tries > 0);
	return wall_us - (after_us - loop_now_us(l));
}

int64_t
loop_lag_us_take(struct loop *l)
{
	return atomic_exchange(&l->lag_us, 0);
}

uint64_t
loop_waits(const struct loop *l)
{
	return l->waits;
}

static void
run_laters(struct loop *l)
{
	struct list now, *n;

	/* Onto a list of their own, so that what is started from here on waits for the
	 * next turn; later_stop() does not care which list it is. */
	list_init(&now);
	list_splice(&now, &l->laters);
	while ((n = list_pop(&now)) != NULL) {
		struct later *d = container_of(n, struct later, on_loop);

		l->calls++;
		d->fn(d->ctx);
	}
}

static void
run_timers(struct loop *l)
{
	/* A timer started from here on sorts behind all that are due (its time is not
	 * before now, its number higher), so the first such ends the phase. */
	uint64_t seq_end = l->timers.seq_next;
	uint64_t due_us;

	while (heap_peek(&l->timers, &due_us) != NULL && due_us <= (uint64_t)l->now_us &&
	       l->timers.v[0].seq < seq_end) {
		struct timer *t =
		    container_of(heap_pop(&l->timers, NULL), struct timer, node);

		l->calls++;
		t->fn(t->ctx);
	}
}

static bool
can_call_back(const struct loop *l)
{
	return !list_is_empty(&l->laters) || l->timers.len > 0 || l->ios_active > 0 ||
	       l->wakes_ref > 0;
}

static void
poll_real(struct loop *l)
{
	int64_t before_us = clock_mono_us();
	uint64_t due_us;
	bool nowait = !list_is_empty(&l->laters) || !can_call_back(l);

	PROBE1(turn, before_us - l->now_us);
	if (before_us - l->now_us > l->lag_us)
		l->lag_us = before_us - l->now_us;
	if (heap_peek(&l->timers, &due_us) != NULL && !nowait) {
		int64_t wait_us = (int64_t)due_us - before_us;
		double wait_s = wait_us <= 0 ? 0.0 : (double)wait_us * 1e-6;

		nowait = wait_us <= 0;
		if (!nowait) {
			/* libev counts from its own idea of now, which may be a turn old.
			 */
			ev_now_update(l->ev);
			l->alarm.repeat =
			    wait_s < WAIT_SECONDS_MAX ? wait_s : WAIT_SECONDS_MAX;
			ev_timer_again(l->ev, &l->alarm);
		}
	}
	(void)ev_run(l->ev, nowait ? EVRUN_NOWAIT : EVRUN_ONCE);
	l->waits++;
	if (ev_is_active(&l->alarm))
		ev_timer_stop(l->ev, &l->alarm);
}

static void
wake_call(struct wake *w)
{
	/* Cleared first: a send during the call is a new one. */
	if (!atomic_exchange(&w->sent, false))
		return;
	w->loop->calls++;
	w->fn(w->ctx);
}

static void
poll_virtual(struct loop *l)
{
	uint64_t calls = l->calls, due_us;
	struct list now, *n;

	/* Taken over one by one, because a callback may free any of them. */
	list_init(&now);
	list_splice(&now, &l->wakes);
	while ((n = list_pop(&now)) != NULL) {
		list_push(&l->wakes, n);
		wake_call(container_of(n, struct wake, on_loop));
	}
	if (l->calls == calls && list_is_empty(&l->laters) && !l->stopped &&
	    heap_peek(&l->timers, &due_us) != NULL && due_us > (uint64_t)l->now_us)
		l->now_us = (int64_t)due_us;
}

int
loop_run(struct loop *l)
{
	uint64_t calls;
	int r = 0;

	assert(!l->running);
	if (l->ev != NULL)
		l->now_us = clock_mono_us();
	l->running = true;
	while (!l->stopped && r == 0) {
		calls = l->calls;
		run_laters(l);
		run_timers(l);
		if (l->stopped)
			break;
		if (l->ev != NULL)
			poll_real(l);
		else
			poll_virtual(l);
		/* What has come in already (a wake, a signal) is heard before giving up.
		 */
		if (!can_call_back(l) && l->calls == calls && !l->stopped)
			r = -EDEADLK;
	}
	l->running = false;
	l->stopped = false;
	return r;
}

/* ---- timers ---- */

void
timer_init(struct timer *t, struct loop *l, loop_fn *fn, void *ctx)
{
	*t = (struct timer){.loop = l, .fn = fn, .ctx = ctx};
	heap_node_init(&t->node);
}

int
timer_start(struct timer *t, int64_t after_ms)
{
	struct heap *h = &t->loop->timers;
	int64_t now_us = loop_now_us(t->loop);
	int64_t due_us = INT64_MAX;

	if (after_ms < 0)
		after_ms = 0;
	if (after_ms < (INT64_MAX - now_us) / 1000)
		due_us = now_us + after_ms * 1000;
	if (!heap_has(&t->node))
		return heap_push(h, &t->node, (uint64_t)due_us);
	heap_move(h, &t->node, (uint64_t)due_us);
	return 0;
}

void
timer_stop(struct timer *t)
{
	heap_remove(&t->loop->timers, &t->node);
}

/* ---- deferred calls ---- */

void
later_init(struct later *d, struct loop *l, loop_fn *fn, void *ctx)
{
	*d = (struct later){.loop = l, .fn = fn, .ctx = ctx};
	list_init(&d->on_loop);
}

void
later_start(struct later *d)
{
	if (list_is_empty(&d->on_loop))
		list_push(&d->loop->laters, &d->on_loop);
}

void
later_stop(struct later *d)
{
	list_remove(&d->on_loop);
}

/* ---- descriptors ---- */

static void
on_io(struct ev_loop *ev, struct ev_io *w, int revents)
{
	struct io *io = w->data;
	int events = io->events;

	(void)ev;
	io->loop->calls++;
	if (ev_is_active(w)) {
		events &= ((revents & EV_READ) != 0 ? IO_READ : 0) |
			  ((revents & EV_WRITE) != 0 ? IO_WRITE : 0);
	} else {
		/* libev has dropped it, because the kernel would not watch it (out of
		 * memory, or of watches): the owner learns more from the call it makes
		 * now. */
		io->events = 0;
		io->loop->ios_active--;
	}
	io->fn(io->ctx, events);
}

int
io_new(struct loop *l, int fd, io_fn *fn, void *ctx, struct io **ret)
{
	struct io *io;

	if (l->ev == NULL)
		return -EOPNOTSUPP;
	/* libev aborts at a descriptor that is none. */
	if (fcntl(fd, F_GETFD) < 0)
		return -errno;
	io = calloc(1, sizeof(*io));
	if (io == NULL)
		return -ENOMEM;
	io->loop = l;
	io->fn = fn;
	io->ctx = ctx;
	ev_io_init(&io->w, on_io, fd, 0);
	io->w.data = io;
	l->handles++;
	*ret = io;
	return 0;
}

void
io_set(struct io *io, int events)
{
	struct loop *l = io->loop;

	assert((events & ~(IO_READ | IO_WRITE)) == 0);
	if (events == io->events)
		return;
	ev_io_stop(l->ev, &io->w);
	l->ios_active -= io->events != 0;
	io->events = events;
	if (events == 0)
		return;
	ev_io_modify(&io->w, ((events & IO_READ) != 0 ? EV_READ : 0) |
				 ((events & IO_WRITE) != 0 ? EV_WRITE : 0));
	ev_io_start(l->ev, &io->w);
	l->ios_active++;
}

int
io_events(const struct io *io)
{
	return io->events;
}

void
io_free(struct io *io)
{
	if (io == NULL)
		return;
	io_set(io, 0);
	io->loop->handles--;
	free(io);
}

/* ---- signals ---- */

/* libev aborts when a second loop asks for a signal; here that is an error. */
static atomic_bool sig_taken[NSIG];

static void
on_sig(struct ev_loop *ev, struct ev_signal *w, int revents)
{
	struct sig *s = w->data;

	(void)ev;
	(void)revents;
	s->loop->calls++;
	s->fn(s->ctx);
}

int
sig_new(struct loop *l, int signum, loop_fn *fn, void *ctx, struct sig **ret)
{
	struct sig *s;

	if (l->ev == NULL)
		return -EOPNOTSUPP;
	if (signum <= 0 || signum >= NSIG || signum == SIGKILL || signum == SIGSTOP)
		return -EINVAL;
	if (atomic_exchange(&sig_taken[signum], true))
		return -EBUSY;
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		atomic_store(&sig_taken[signum], false);
		return -ENOMEM;
	}
	s->loop = l;
	s->fn = fn;
	s->ctx = ctx;
	ev_signal_init(&s->w, on_sig, signum);
	s->w.data = s;
	ev_signal_start(l->ev, &s->w);
	l->handles++;
	*ret = s;
	return 0;
}

void
sig_free(struct sig *s)
{
	if (s == NULL)
		return;
	ev_signal_stop(s->loop->ev, &s->w);
	atomic_store(&sig_taken[s->w.signum], false);
	s->loop->handles--;
	free(s);
}

/* ---- wake-ups ---- */

static void
on_async(struct ev_loop *ev, struct ev_async *w, int revents)
{
	(void)ev;
	(void)revents;
	wake_call(w->data);
}

int
wake_new(struct loop *l, loop_fn *fn, void *ctx, struct wake **ret)
{
	struct wake *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	w->loop = l;
	w->fn = fn;
	w->ctx = ctx;
	list_push(&l->wakes, &w->on_loop);
	ev_async_init(&w->w, on_async);
	w->w.data = w;
	if (l->ev != NULL)
		ev_async_start(l->ev, &w->w);
	l->handles++;
	*ret = w;
	return 0;
}

void
wake_send(struct wake *w)
{
	/* The flag spares the system call when one is on its way, and orders what the
	 * sender did before what the callback sees. */
	if (!atomic_exchange(&w->sent, true) && w->loop->ev != NULL)
		ev_async_send(w->loop->ev, &w->w);
}

void
wake_ref(struct wake *w, bool keeps_running)
{
	if (w->ref == keeps_running)
		return;
	w->ref = keeps_running;
	if (keeps_running)
		w->loop->wakes_ref++;
	else
		w->loop->wakes_ref--;
}

void
wake_free(struct wake *w)
{
	if (w == NULL)
		return;
	wake_ref(w, false);
	list_remove(&w->on_loop);
	if (w->loop->ev != NULL)
		ev_async_stop(w->loop->ev, &w->w);
	w->loop->handles--;
	free(w);
}

void
loop_check(const struct loop *l)
{
	uint32_t wakes = 0, refs = 0;

	heap_check(&l->timers);
	list_foreach (n, &l->laters)
		assert(container_of(n, struct later, on_loop)->loop == l);
	list_foreach (n, &l->wakes) {
		wakes++;
		refs += container_of(n, struct wake, on_loop)->ref;
	}
	assert(refs == l->wakes_ref);
	assert(wakes <= l->handles);
	assert(l->ios_active <= l->handles - wakes);
}
