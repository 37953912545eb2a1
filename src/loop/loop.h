/*
 * loop/loop.h -- the event loop: timers, descriptors, signals, deferred calls, wake-ups.
 *
 * A thin coat over libev, so that nobody else includes ev.h.  Timers are our own heap
 * with one libev timer under it, which is what makes virtual time possible: a virtual
 * loop never waits; when nothing is due now its clock jumps to the next timer.
 *
 * Owns:    nothing of the caller's; watchers are embedded (timer, later) or heap (io, ...).
 * Clock:   loop_now_ms() is monotonic and does not move within a callback's turn.
 * Errors:  0, -ENOMEM, or -errno of the system call; loop_run() see there.
 * Threads: one thread at a time runs a loop and calls everything here; only wake_send()
 *          and loop_lag_us_take() may be called from others.
 * Rule:    a callback is never called from inside the function that arms it.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H
#include "base/heap.h"
#include "base/list.h"
#include <stdbool.h>
#include <stdint.h>

struct loop;
typedef void loop_fn(void *ctx);

int loop_new(struct loop **ret);
/*
 * Virtual time starts at 1 s monotonic and at `wall_us`.  No descriptors and no signals
 * (-EOPNOTSUPP); a wake is heard when it was sent from the loop's own thread.
 */
int loop_new_virtual(int64_t wall_us, struct loop **ret);
/* NULL is fine.  No io, sig or wake may be left; timers and laters are just forgotten. */
void loop_free(struct loop *l);
bool loop_is_virtual(const struct loop *l);
/*
 * Turns until loop_stop(): 0.  When nothing is left that could ever call back (no timer,
 * no descriptor, no deferred call, no referenced wake): -EDEADLK, at once.
 */
int loop_run(struct loop *l);
/* Deferred calls and timers of this turn still run.  Before loop_run(): it returns at
 * once. */
void loop_stop(struct loop *l);
int64_t loop_now_ms(const struct loop *l);
int64_t loop_now_us(const struct loop *l);
int64_t loop_wall_us(const struct loop *l);
/* What the wall clock showed at loop_now_us(): differences of it are those of that. */
int64_t loop_now_wall_us(const struct loop *l);
/*
 * How many waits for descriptors have been, with all that came of them.  A descriptor that
 * was waited for since this showed n, and about which nothing was told until it shows n + 2,
 * had nothing to tell in between.
 */
uint64_t loop_waits(const struct loop *l);
/* Longest turn since the last call, microseconds: the loop's lag.  Any thread. */
int64_t loop_lag_us_take(struct loop *l);
void loop_check(const struct loop *l);

/* -- timers: one shot, embedded -- */
struct timer {
	struct heap_node node;
	struct loop *loop;
	loop_fn *fn;
	void *ctx;
};
void timer_init(struct timer *t, struct loop *l, loop_fn *fn, void *ctx);
/*
 * (Re)starts; after_ms < 0 counts as 0 and runs in the next turn at the earliest.  Of
 * equal times the one started first comes first.  -ENOMEM; restarting a running one
 * cannot fail.
 */
int timer_start(struct timer *t, int64_t after_ms);
void timer_stop(struct timer *t); /* harmless when not running */
static inline bool
timer_is_running(const struct timer *t)
{
	return heap_has(&t->node);
}

/* -- deferred calls: fn runs once, in the next turn, in the order of later_start() -- */
struct later {
	struct list on_loop;
	struct loop *loop;
	loop_fn *fn;
	void *ctx;
};
void later_init(struct later *d, struct loop *l, loop_fn *fn, void *ctx);
void later_start(struct later *d); /* harmless when already started */
void later_stop(struct later *d);

/* -- descriptors -- */
enum { IO_READ = 1, IO_WRITE = 2 };
struct io;
typedef void io_fn(void *ctx, int events);
/* Waits for nothing until io_set().  Does not own the descriptor: io_free() before
 * close(). */
int io_new(struct loop *l, int fd, io_fn *fn, void *ctx, struct io **ret);
void io_set(struct io *io, int events); /* IO_READ | IO_WRITE; 0: nothing */
int io_events(const struct io *io);     /* that it waits for */
void io_free(struct io *io);            /* NULL is fine; allowed in its own callback */

/* -- signals; one `sig` a signal number in the process (-EBUSY); do not keep the loop
 * running by themselves -- */
struct sig;
int sig_new(struct loop *l, int signum, loop_fn *fn, void *ctx, struct sig **ret);
void sig_free(struct sig *s);

/* -- wake-ups from other threads; many sends before a turn are one call -- */
struct wake;
int wake_new(struct loop *l, loop_fn *fn, void *ctx, struct wake **ret);
void wake_send(struct wake *w); /* any thread, async-signal-safe */
/* Whether a waiting wake keeps loop_run() going (default: no). */
void wake_ref(struct wake *w, bool keeps_running);
void wake_free(struct wake *w);
#endif
