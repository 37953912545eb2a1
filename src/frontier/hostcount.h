/*
 * frontier/hostcount.h -- how many records wait in the store's queue, authority by
 * authority; the store thread's.
 *
 * What a resume needs to know of a host before it reads its queue.  16 bytes a host that
 * has something waiting, at a load of 3/8 to 3/4; a host with nothing is forgotten when
 * the table grows.  Those that changed since the last commit are remembered, so that a
 * commit writes only them.
 *
 * Errors:  -ENOMEM; then nothing was counted.
 * Threads: one at a time.
 */
#ifndef FRONTIER_HOSTCOUNT_H
#define FRONTIER_HOSTCOUNT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hostcount_slot {
	uint64_t authority_hash;
	uint64_t bits; /* 1: used; 2: changed; the count above them */
};

struct hostcount {
	struct hostcount_slot *v;
	size_t len, cap;
	uint64_t *changed; /* authority hashes */
	size_t changed_len, changed_cap;
};

void hostcount_init(struct hostcount *h);
void hostcount_release(struct hostcount *h);
/* As it was stored; does not count as a change. */
int hostcount_set(struct hostcount *h, uint64_t authority_hash, uint64_t n);
int hostcount_add(struct hostcount *h, uint64_t authority_hash, int n);
uint64_t hostcount_get(const struct hostcount *h, uint64_t authority_hash);
/* All there are: for (size_t i = 0; hostcount_at(h, &i, ...);). */
bool hostcount_at(
    const struct hostcount *h, size_t *i, uint64_t *ret_authority_hash, uint64_t *ret_n);
/* The i-th that changed; false past the last. */
bool hostcount_changed(
    const struct hostcount *h, size_t i, uint64_t *ret_authority_hash, uint64_t *ret_n);
/* The changes are stored. */
void hostcount_settle(struct hostcount *h);
#endif
