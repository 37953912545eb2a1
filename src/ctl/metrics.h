/*
 * ctl/metrics.h -- what the service counts, for /metrics and the profile.
 *
 * Counters are of the process: they begin at 0 with it, and with a run that goes on after a
 * restart, too, so that they never fall.  What is as of a commit (URLs by state and outcome) is a
 * gauge.  A run that does not crawl any more is shown for an hour, as one of few.
 *
 * Owns:    its sums.  A crawl is borrowed from metrics_crawl_began() to _ended().
 * Units:   microseconds, bytes.
 * Errors:  -ENOMEM.
 * Threads: loop thread, but metrics_look(), which may block.
 */
#ifndef CTL_METRICS_H
#define CTL_METRICS_H
#include "ctl/metrics_text.h"
#include "ctl/service.h"

enum {
	METRICS_RUNS_SHOWN = 32, /* that crawl: others are in the sums only */
	METRICS_RUNS_KEPT = 16,  /* that do not */
	METRICS_KEPT_MS = 3600 * 1000,
};

struct metrics;
int metrics_new(struct service *s, struct metrics **ret);
void metrics_free(struct metrics *m); /* NULL is fine */
/* Right after crawl_start(), and before crawl_free(). */
int metrics_crawl_began(struct metrics *m, const struct service_run *run);
void metrics_crawl_ended(struct metrics *m, const struct service_run *run);

/* What the system knows of the process; asked for on a thread that may block. */
struct metrics_look {
	uint64_t cpu_us, rss_bytes, virtual_bytes, fds, fds_max;
	uint64_t disk_free_bytes, disk_size_bytes;
};
void metrics_look(const char *state_dir, struct metrics_look *ret);

struct http_stats;
void metrics_write(struct metrics *m, const struct metrics_look *look,
    const struct http_stats *http, struct metrics_text *t);

/* Of all runs since the start: times of stages, by enum crawl_stage, and the loop's longest turn in
 * each second.  Borrowed. */
const struct histogram *metrics_stages(const struct metrics *m);
const struct histogram *metrics_lag(const struct metrics *m);
#endif
