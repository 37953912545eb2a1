/*
 * crawl/totals.h -- the sums of a crawl, over all its runs.
 *
 * Kept twice by the same functions: by the store thread, which writes them with each
 * commit, so that they fit what is stored; and by the loop, for whoever asks.
 *
 * Identity: discovered = fetched + failed + rejected + queued + in_flight, always.  What
 * is stored has nothing in flight: it is queued until its outcome is committed.
 * Errors:  totals_decode(): -EBADMSG.
 */
#ifndef CRAWL_TOTALS_H
#define CRAWL_TOTALS_H
#include "base/buf.h"
#include "base/outcome.h"
#include "sink/sink.h"

#define CRAWL_TOTALS                                                                     \
	uint64_t discovered, fetched, failed, rejected, queued, in_flight;               \
	uint64_t duplicates; /* links to what was known already; apart */                \
	uint64_t outcomes[OUTCOME_MAX];                                                  \
	uint64_t probes[OUTCOME_MAX]; /* of them those that no link leads to */          \
	uint64_t pages;               /* answers archived, without robots.txt */         \
	uint64_t attempts;            /* requests, with retries and robots.txt */        \
	uint64_t wire_bytes, body_bytes

struct crawl_totals {
	CRAWL_TOTALS;
};

/* What a commit changed. */
struct commit_counts {
	uint32_t discovered, duplicates, wanted;
	int32_t rejected[OUTCOME_MAX]; /* links; an upgrade counts -1 */
	uint32_t made_up_traps;        /* of those cut as traps: no link leads to them */
};

void commit_counts_add(struct commit_counts *sum, const struct commit_counts *n);

void totals_links(struct crawl_totals *t, const struct commit_counts *n);
/* A URL has its outcome; it was among `queued`. */
void totals_end(struct crawl_totals *t, const struct sink_event *e);
/* It waits again, and has that outcome no more. */
void totals_again(struct crawl_totals *t, enum outcome was, bool is_probe);
bool totals_hold(const struct crawl_totals *t);

/* In flight is queued. */
int totals_encode(const struct crawl_totals *t, struct buf *out);
int totals_decode(struct slice s, struct crawl_totals *ret);
#endif
