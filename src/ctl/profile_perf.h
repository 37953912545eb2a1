/*
 * ctl/profile_perf.h -- in which functions this process spends its time, as perf(1) samples it.
 *
 * Owns:    nothing but what is in it.
 * Errors:  `why` is a sentence when there is nothing: no perf, not allowed, nothing seen.
 * Threads: any, but not the loop's: it takes the seconds asked for, and some more.
 */
#ifndef CTL_PROFILE_PERF_H
#define CTL_PROFILE_PERF_H
#include "base/slice.h"
#include <stdint.h>

enum { PROFILE_HOT_MAX = 30, PROFILE_SECONDS_MAX = 30 };

struct profile_hot {
	uint32_t seconds;
	uint32_t n;
	struct {
		double percent;
		char object[64], function[160];
	} v[PROFILE_HOT_MAX];
	char why[160];
};

void profile_perf(struct profile_hot *h, uint32_t seconds);
/* What `perf report` prints, lines of "12.34%;object;[.] function". */
void profile_perf_parse(struct profile_hot *h, struct slice text);
#endif
