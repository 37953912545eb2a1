/*
 * tests/unit/lost_time.h -- for how long the machine had others to serve.
 *
 * A thread that wants to run every 2 ms adds up how much later than that it did: a limit of
 * time is one of the time that a test was given.  Include after cmocka.h.
 */
#ifndef TESTS_LOST_TIME_H
#define TESTS_LOST_TIME_H
#include "base/clock.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#define LOST_TIME_EVERY_US 2000

static _Atomic int64_t lost_time_us;
static _Atomic uint32_t lost_time_rounds;

static inline void *
lost_time_run(void *ctx)
{
	int64_t last_us = clock_mono_us();

	for (;;) {
		int64_t now_us;

		(void)usleep(LOST_TIME_EVERY_US);
		now_us = clock_mono_us();
		(void)atomic_fetch_add(
		    &lost_time_us, now_us - last_us - LOST_TIME_EVERY_US);
		(void)atomic_fetch_add(&lost_time_rounds, 1);
		last_us = now_us;
	}
	return ctx;
}

static inline void
lost_time_start(void)
{
	sigset_t all, before;
	pthread_t thread;

	(void)sigfillset(&all);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &all, &before), 0);
	assert_int_equal(pthread_create(&thread, NULL, lost_time_run, NULL), 0);
	assert_int_equal(pthread_detach(thread), 0);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}

/* In ms, since the first call of this process, until now. */
static inline int64_t
lost_time_ms(void)
{
	static bool started;
	uint32_t round;

	if (!started)
		lost_time_start();
	started = true;
	/* What was lost just now counts, too. */
	for (round = atomic_load(&lost_time_rounds);
	     atomic_load(&lost_time_rounds) - round < 2;)
		(void)usleep(LOST_TIME_EVERY_US / 4);
	return atomic_load(&lost_time_us) / 1000;
}

/*
 * Whether what failed since lost_time_ms() was `since` says nothing, for the machine took more
 * than `ms` of that time, and is to be tried anew: 50 times at most, which `tries` counts.
 */
static inline bool
lost_time_again(int64_t since, int64_t ms, int *tries)
{
	return lost_time_ms() - since > ms && ++*tries < 50;
}
#endif
