/*
 * frontier/seen_filter.h -- which fingerprints may have been seen: a blocked Bloom filter
 * (Putze, Sanders, Singler 2007), one cache line a question.
 *
 * Never "no" for what was added; wrongly "yes" once in a hundred while it has ten bits for
 * each, and more and more often after that.
 *
 * Owns: its pages (mmap).  Errors: -ENOMEM.
 */
#ifndef FRONTIER_SEEN_FILTER_H
#define FRONTIER_SEEN_FILTER_H
#include <stdbool.h>
#include <stdint.h>

struct seen_filter {
	uint64_t *words;
	uint32_t blocks;
};

int seen_filter_init(struct seen_filter *f, uint64_t bytes);
void seen_filter_release(struct seen_filter *f);
void seen_filter_add(struct seen_filter *f, uint64_t print);
bool seen_filter_has(const struct seen_filter *f, uint64_t print);
/* What has() will read, into the cache. */
void seen_filter_hint(const struct seen_filter *f, uint64_t print);
uint64_t seen_filter_bytes(const struct seen_filter *f);
#endif
