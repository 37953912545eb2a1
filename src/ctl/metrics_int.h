/*
 * ctl/metrics_int.h -- what metrics.c (counting) and metrics_write.c (telling) share.
 */
#ifndef CTL_METRICS_INT_H
#define CTL_METRICS_INT_H
#include "ctl/metrics.h"

struct run_sums {
	uint64_t requests, retries, pages, received_bytes, body_bytes;
	uint64_t discovered, duplicates;
	uint64_t wait_ms[WAIT_CAUSE_MAX], transfer_ms;
	uint64_t idle_alarms, commits, commit_us;
};

/* One run that crawls, or did. */
struct metrics_run {
	struct list
	    on_metrics; /* live ones by the time they began, others by their end */
	struct metrics *metrics;
	uint64_t id;
	char job[REGISTRY_NAME_MAX];
	enum run_state state;
	struct crawl *crawl; /* NULL: it does not crawl now */
	int64_t ended_ms;
	struct crawl_stats stats; /* the last that is known */
	struct crawl_totals base; /* as its crawl began */
	uint64_t base_wait_ms[WAIT_CAUSE_MAX];
	struct run_sums before;   /* of its crawls before this one, in this process */
	uint64_t retries;         /* of all */
};

struct metrics {
	struct service *service;
	struct service_watch watch;
	struct timer tick;
	int64_t started_us; /* wall */
	struct list live, rested;
	uint32_t live_len, rested_len;
	struct run_sums gone; /* of runs that are not shown any more */
	uint64_t ended[OUTCOME_MAX], robots[OUTCOME_MAX];
	struct histogram stages[CRAWL_STAGE_MAX], lag;
};

/* As of now. */
void metrics_run_sums(struct metrics_run *r, struct run_sums *ret);
void metrics_add(struct run_sums *to, const struct run_sums *more);
/* Who rests for too long is forgotten. */
void metrics_tidy(struct metrics *m);
#endif
