/*
 * base/arena.h -- many small allocations that die together (one page, one fetch).
 *
 * Owns:    everything allocated from it, until arena_reset() or arena_release().
 * Errors:  NULL when memory is out or `max_bytes` is reached.
 * Reset keeps the first block, so that a warm arena allocates nothing.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H
#include "base/slice.h"

struct arena_block;
struct arena {
	struct arena_block *first, *cur;
	size_t block_bytes;
	size_t used_bytes; /* of all blocks, as allocated */
	size_t max_bytes;
};

void arena_init(struct arena *a, size_t block_bytes, size_t max_bytes);
void arena_release(struct arena *a);
void arena_reset(struct arena *a);
/* A reset after which nothing of what was in it is left in the block that is kept; of the
 * others that is for free() to do (loop/scrub.h). */
void arena_wipe(struct arena *a);
/* `n` bytes, zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t n);
/* `n` bytes, not zeroed, not aligned: for text. */
char *arena_text(struct arena *a, size_t n);
/* Copies `s`; false (and *ret untouched) when memory is out. */
bool arena_copy(struct arena *a, struct slice s, struct slice *ret);
#endif
