/*
 * crawl/fail_on.h -- --fail-on: which outcomes of URLs make a crawl that is done a failure.
 *
 * Owns:    nothing; options and totals are borrowed for the call.
 * Units:   URLs, over all runs of the crawl, each by its last outcome; but for those that
 *          were made up to hear what a host says of what it has not.  What a budget that
 *          ended the crawl left in the queue came to `budget`, for as long as it does.
 * Threads: any.
 * Errors:  -EINVAL with the sentence.
 */
#ifndef CRAWL_FAIL_ON_H
#define CRAWL_FAIL_ON_H
#include "base/why.h"
#include "crawl/options.h"
#include "crawl/totals.h"

/* "broken", or the name of an outcome that a URL can end with. */
int fail_on_check(struct slice word, struct why *why);
/* How many came to `outcome` if it is one that the options name; else 0.  `left`: in the queue,
 * by a budget. */
uint64_t fail_on_count(const struct options *o, const struct crawl_totals *totals,
    uint64_t left, enum outcome outcome);
#endif
