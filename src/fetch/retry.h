/*
 * fetch/retry.h -- whether to ask again, when, and how often a host may cost that.
 *
 * The one table of what may pass by itself is in retry.c.  A host has a budget of retries
 * beside --retries of each URL: 20 at first, half a one more with each answer that needs
 * none, 100 at most.  One that fails everything then costs a request a URL, not four; one
 * that fails now and then does not notice.  (Hosts that cannot be reached at all, and those
 * that say 429 or 503, are slowed or given up as hosts: frontier/hostq.h.)
 *
 * Owns:    the budgets of the 8,192 hosts that asked last, about; not kept on disk.
 * Errors:  -ENOMEM.   Threads: loop thread.
 */
#ifndef FETCH_RETRY_H
#define FETCH_RETRY_H
#include "base/outcome.h"

/* `answered`: at least a byte came. */
bool fetch_retry_helps(enum outcome o, int status, bool answered);

/* Milliseconds to the next try after `attempts` that failed: 1 s doubling to 5 min, +-25
 * %. */
int64_t fetch_retry_ms(uint32_t attempts, uint64_t random);
#define FETCH_RETRY_MS_MAX INT64_C(375000) /* it never returns more */
/* How long, at this time, until the next try whose time is stored.  The clock may have been set
 * back since, or the record be damaged: FETCH_RETRY_MS_MAX at most. */
int64_t fetch_retry_in_ms(int64_t not_before_wall_ms, int64_t wall_ms);

struct retry_budgets;
int retry_budgets_new(struct retry_budgets **ret);
void retry_budgets_free(struct retry_budgets *b); /* NULL is fine */
/* One retry; false: the host has had its share. */
bool retry_budget_take(struct retry_budgets *b, uint64_t authority_hash);
/* It answered, in a way that needs none. */
void retry_budget_earn(struct retry_budgets *b, uint64_t authority_hash);
#endif
