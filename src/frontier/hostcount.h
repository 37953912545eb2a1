/*
 * frontier/hostcount.h -- how many records wait in the store's queue, authority by
 * authority, and where the first of them may be; the store thread's.
 *
 * What a resume needs to know of a host before it reads its queue.  24 bytes a host that
 * has something waiting, at a load of 3/8 to 3/4; a host with nothing is forgotten when
 * the table grows.  Those that changed since the last commit are remembered, so that a
 * commit writes only them.
 *
 * The low mark: no record that waits has a lesser order key.  The store walks over what was
 * deleted until it is merged away, so whoever reads a queue from its head begins here.  It
 * may be too low, which costs time, and never too high, which would lose a URL: so it
 * becomes less with each put, and more only by what was read from the store while no
 * batch was pending (hostcount_raise()), which is stored when the host's count
 * changes, in the batch of that change.
 *
 * Errors:  -ENOMEM; then nothing was counted.
 * Threads: one at a time.
 */
#ifndef FRONTIER_HOSTCOUNT_H
#define FRONTIER_HOSTCOUNT_H
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hostcount_slot {
	uint64_t authority_hash;
	uint64_t low;  /* UINT64_MAX: nothing was put since nothing waited */
	uint64_t bits; /* 1: used; 2: changed; 16 bits of `gone`; the count above them */
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
int hostcount_set(struct hostcount *h, uint64_t authority_hash, uint64_t n, uint64_t low);
int hostcount_add(struct hostcount *h, uint64_t authority_hash, int n);
uint64_t hostcount_get(const struct hostcount *h, uint64_t authority_hash);
/* A record was put under order_key, whether it waited before or not. */
int hostcount_lower(struct hostcount *h, uint64_t authority_hash, uint64_t order_key);
/* There is no record below order_key, neither in the store nor in a batch.  Not a change: it
 * is stored with the next one.  Less than the mark: that stays. */
void hostcount_raise(struct hostcount *h, uint64_t authority_hash, uint64_t order_key);
/* 0: nothing is known. */
uint64_t hostcount_low(const struct hostcount *h, uint64_t authority_hash);
/* How many were taken away since the mark was moved or found right; 65,535 is that or more. */
uint32_t hostcount_gone(const struct hostcount *h, uint64_t authority_hash);
/* All there are: for (size_t i = 0; hostcount_at(h, &i, ...);). */
bool hostcount_at(
    const struct hostcount *h, size_t *i, uint64_t *ret_authority_hash, uint64_t *ret_n);
/* The i-th that changed; false past the last. */
bool hostcount_changed(
    const struct hostcount *h, size_t i, uint64_t *ret_authority_hash, uint64_t *ret_n);
/* The changes are stored. */
void hostcount_settle(struct hostcount *h);

/* As it is stored: count and mark, each 8 bytes, little-endian.  Stores of version 2 and
 * before have the count alone: their mark is 0. */
enum { HOSTCOUNT_BYTES = 16 };
void hostcount_encode(uint64_t n, uint64_t low, char ret[HOSTCOUNT_BYTES]);
/* -EBADMSG: it is none. */
int hostcount_decode(struct slice value, uint64_t *ret_n, uint64_t *ret_low);
#endif
