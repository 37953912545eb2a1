/*
 * ctl/profile.h -- where the time and the memory of the service go, for who tunes it: SIGUSR2
 * and GET /api/v1/profile.
 *
 * Times come from metrics.h; heap and its arenas from the C library; the functions that the
 * process was found in from perf(1), if that is there and allowed.
 *
 * Owns:    nothing but what is in it.   Units: microseconds, bytes.
 * Errors:  what is not to be had is left out; hot.why says why there are no functions.
 * Threads: profile_times() and profile_log(): loop thread; profile_look(), which blocks:
 *          another; profile_write() any.
 */
#ifndef CTL_PROFILE_H
#define CTL_PROFILE_H
#include "base/json.h"
#include "crawl/crawl.h"
#include "ctl/metrics.h"
#include "ctl/profile_perf.h"
#include "observe/histogram.h"

enum { PROFILE_ARENAS_MAX = 64 };

struct profile {
	int64_t wall_us;
	struct histogram stages[CRAWL_STAGE_MAX], lag;
	struct metrics_look process;
	struct {
		uint64_t used_bytes, free_bytes, mapped_bytes, top_bytes;
	} heap;
	struct profile_arena {
		uint64_t system_bytes, free_bytes;
	} arenas[PROFILE_ARENAS_MAX];
	uint32_t arenas_len;
	struct profile_hot hot;
};

/* What the loop knows. */
void profile_times(struct profile *p, const struct metrics *m, int64_t wall_us);
/* The rest; perf looks for so many seconds, 0: it is not asked. */
void profile_look(struct profile *p, const char *state_dir, uint32_t seconds);
void profile_write(const struct profile *p, struct jsonw *j);
/* DIR/profile.json, as a whole. */
int profile_save(const struct profile *p, const char *dir, struct why *why);
/* Some lines of the log. */
void profile_log(const struct profile *p);
#endif
