/*
 * tests/sim/sim_crawl.h -- a whole crawl in virtual time over a scripted web, and what it
 * came to.  The accounting identity is checked after every try that ended.
 */
#ifndef TESTS_SIM_CRAWL_H
#define TESTS_SIM_CRAWL_H
#include "crawl/crawl.h"
#include "sim_web.h"

enum { SIM_ENDED_MAX = 20000 };
struct sim_ended {
	char url[256];
	enum outcome outcome;
	bool final;
	uint8_t attempts;
	uint16_t depth;
};

struct sim_run {
	enum crawl_end end;
	bool deadlock; /* the loop had nothing to wait for and the crawl had not ended */
	struct crawl_stats stats;
	int64_t took_ms;
	struct sim_ended *ended;
	size_t ended_len;
	/* Set before: a stop at this moment, polite or not; 0: none. */
	int64_t stop_at_ms;
	bool stop_at_once;
	/* Set before, for a crawl that is kept: in `dir`, begun or resumed. */
	const char *dir;
	bool resume, again;
	const char *const *more_seeds; /* NULL at the end; or NULL */
	uint64_t random_seed;          /* 0: 42 */
	int64_t wall_us;               /* at the start; 0: some day in 2023 */
	/* Around everything that the crawl does; may be NULL. */
	void (*work)(struct sim_run *run, bool begins);
	/* It may fail to start, and end for another reason than its own. */
	bool may_fail;
	bool may_idle; /* the watchdog may find it idle */
	int err; /* of crawl_start(); the rest says nothing then */
	struct why why;
	void *ctx;
};

/* `options`: "name=value" as flags without dashes, NULL at the end.  Asserts what must
 * hold for every crawl.  Release with sim_release(). */
void sim_crawl(struct sim_run *run, const char *seed, const char *const *options);
/* Several at once in one engine, without directories. */
enum { SIM_CRAWLS_MAX = 8 };
void sim_crawls(
    struct sim_run *runs, const char *const *seeds, size_t n, const char *const *options);
void sim_release(struct sim_run *run);
/* Final outcome of `url`; OUTCOME_NONE: it has none. */
enum outcome sim_outcome(const struct sim_run *run, const char *url);
#endif
