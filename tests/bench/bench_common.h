/*
 * tests/bench/bench_common.h -- what the benchmarks in C do alike: CPU time of the process,
 * and an end with a sentence.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double
bench_cpu_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* `r`: 0, or an errno, negative or not. */
static inline void
bench_must(int r, const char *what)
{
	if (r == 0)
		return;
	(void)fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
	    strerror(r < 0 ? -r : r));
	exit(1);
}
#endif
