/*
 * loop/limiter.h -- token bucket: `rate` units a second on average, `burst` at once.
 *
 * Pure: time is an argument, monotonic microseconds; one that stands still or goes back
 * adds nothing.  A rate of 0 means no limit.
 *
 * limiter_take() may go into debt, so that one large unit (a body) is charged whole after
 * the fact; limiter_wait_us() then says how long nothing more may start.  A unit larger
 * than the burst could never gather its tokens: it may start when the bucket is full, and
 * the rest of it is debt.
 *
 * Owns: nothing.  Errors: none.  Threads: whoever has it.
 */
#ifndef LOOP_LIMITER_H
#define LOOP_LIMITER_H
#include <stdbool.h>
#include <stdint.h>

struct limiter {
	double rate;  /* units a second; 0: unlimited */
	double burst; /* units */
	double tokens;
	int64_t at_us; /* when tokens was right */
};

/* Full at first. */
void limiter_init(struct limiter *l, double rate, double burst, int64_t now_us);
/* Keeps the tokens gathered, capped by the new burst; no limit forgives the debt. */
void limiter_set(struct limiter *l, double rate, double burst, int64_t now_us);
/* Takes `n` if they are there; false: nothing was taken. */
bool limiter_try(struct limiter *l, double n, int64_t now_us);
/* Takes `n` in any case, into debt if need be. */
void limiter_take(struct limiter *l, double n, int64_t now_us);
/* Microseconds until limiter_try(l, n) holds; 0: now.  A year at most. */
int64_t limiter_wait_us(struct limiter *l, double n, int64_t now_us);
#endif
