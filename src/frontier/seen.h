/*
 * frontier/seen.h -- the set of every URL that was ever discovered, and what is known of
 * it.
 *
 * Exact 64-bit fingerprints (authority hash xor-folded with the URL hash is NOT enough:
 * the URL hash covers the whole URL) in an open-addressing table, 9 bytes a URL at most
 * half empty, with a state byte.
 *
 * Threads: the store thread only.   Errors: -ENOMEM.
 */
#ifndef FRONTIER_SEEN_H
#define FRONTIER_SEEN_H
#include "base/outcome.h"

struct seen;
enum seen_add {
	SEEN_NEW,      /* was not known */
	SEEN_KNOWN,    /* known, and stays as it was */
	SEEN_UPGRADED, /* was rejected (scope, depth, budget) and is now wanted */
};

int seen_new(struct seen **ret);
void seen_free(struct seen *s);
/* `state`: OUTCOME_NONE for a URL that is wanted, else why it is rejected.  A wanted one
 * overrules an earlier rejection by out-of-scope, depth or budget; *ret_was gets that. */
int seen_add(struct seen *s, uint64_t url_hash, enum outcome state, enum seen_add *ret,
    enum outcome *ret_was);
/* Its outcome is known now. */
void seen_set(struct seen *s, uint64_t url_hash, enum outcome state);
bool seen_get(const struct seen *s, uint64_t url_hash, enum outcome *ret);
uint64_t seen_len(const struct seen *s);
uint64_t seen_memory_bytes(const struct seen *s);
#endif
