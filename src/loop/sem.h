/*
 * loop/sem.h -- counting semaphore with a fair wait queue.
 *
 * Waiters are served strictly in the order they came; a waiter that wants many permits is
 * not overtaken by later ones that want few, so nobody starves.
 *
 * A waiter that wants more than `permits_max` (the limit was lowered) is served alone,
 * when nothing is held: it goes into debt instead of waiting for ever.  A limit of 0
 * lends nothing at all, until it is raised.
 *
 * Owns:    nothing; waiters are embedded in what waits.
 * Errors:  none.  Posting more than is held is a bug (asserted).
 * Threads: loop thread.  Callbacks are deferred to the loop's next turn.
 */
#ifndef LOOP_SEM_H
#define LOOP_SEM_H
#include "loop/loop.h"

struct sem {
	struct loop *loop;
	uint32_t permits; /* free now */
	uint32_t permits_max;
	uint32_t debt; /* held above permits_max after it was lowered */
	struct list waiters;
	struct list granted; /* permits taken, callback not yet run */
	struct later run;
};

struct sem_waiter {
	struct list on_sem;
	struct sem *sem; /* NULL: neither waiting nor granted */
	uint32_t n;
	bool granted;
	loop_fn *fn;
	void *ctx;
};

void sem_init(struct sem *s, struct loop *l, uint32_t permits);
/* No waiter may be left, waiting or granted. */
void sem_release_all(struct sem *s);
/* Takes `n` now when they are free and nobody waits; false: nothing was taken. */
bool sem_try(struct sem *s, uint32_t n);
void sem_waiter_init(struct sem_waiter *w, loop_fn *fn, void *ctx);
/* fn is called, in a later turn, once the waiter holds its `n` permits. */
void sem_wait_start(struct sem *s, struct sem_waiter *w, uint32_t n);
/* fn will not run; what was granted goes back.  Harmless after fn ran. */
void sem_wait_cancel(struct sem_waiter *w);
void sem_post(struct sem *s, uint32_t n);
/* Live change of the limit; held permits above it are not revoked, only not lent again.
 */
void sem_resize(struct sem *s, uint32_t permits_max);
uint32_t sem_held(const struct sem *s);
void sem_check(const struct sem *s);
#endif
