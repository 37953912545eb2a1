/*
 * crawl/job_item.h -- is one value of an option right by itself, so that a mistake in a job
 * file can be told with its place.
 *
 * What depends on several options, or on files, is looked at when all are there.
 *
 * Owns: nothing.   Threads: any.   Errors: -EINVAL with the sentence, -ENOMEM.
 */
#ifndef CRAWL_JOB_ITEM_H
#define CRAWL_JOB_ITEM_H
#include "crawl/options.h"

int job_item_check(const struct option_row *row, struct slice value, struct why *why);
#endif
