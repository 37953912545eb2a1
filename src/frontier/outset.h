/*
 * frontier/outset.h -- which records are out: handed out (or waiting for a retry) while
 * the store's queue still has them.
 *
 * A refill reads the store, and the store is behind: what is being fetched, or was
 * fetched and is not committed, is still there.  With new keys that are less than old
 * ones (dfs, priority) such a record may lie past the high mark of the window, so only
 * remembering it keeps it from being fetched twice.
 *
 * Exact: pairs of authority and order key, 16 bytes each, in an open-addressing table
 * between a third and three quarters full.
 *
 * Errors:  -ENOMEM.
 */
#ifndef FRONTIER_OUTSET_H
#define FRONTIER_OUTSET_H
#include <stdbool.h>
#include <stdint.h>

struct outset_slot {
	uint64_t authority_hash, key;
};

struct outset {
	struct outset_slot *v;
	uint8_t *used;
	uint32_t len, cap;
};

void outset_release(struct outset *o);
/* Room for one more: the next outset_add() cannot fail. */
int outset_reserve(struct outset *o);
/* Adding twice is harmless. */
int outset_add(struct outset *o, uint64_t authority_hash, uint64_t key);
bool outset_has(const struct outset *o, uint64_t authority_hash, uint64_t key);
/* Harmless when it is not in. */
void outset_remove(struct outset *o, uint64_t authority_hash, uint64_t key);
static inline uint64_t
outset_bytes(const struct outset *o)
{
	return (uint64_t)o->cap * (sizeof(struct outset_slot) + 1);
}
#endif
