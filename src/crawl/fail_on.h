/*
 * crawl/fail_on.h -- --fail-on: which outcomes of URLs make a crawl that is done a failure.
 *
 * Owns:    nothing; options and totals are borrowed for the call.
 * Units:   URLs, over all runs of the crawl, each by its last outcome.
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
/* How many came to `o` if it is one that the options name; else 0. */
uint64_t fail_on_count(
    const struct options *o, const struct crawl_totals *totals, enum outcome outcome);
#endif
