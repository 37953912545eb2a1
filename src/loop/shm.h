/*
 * loop/shm.h -- the shared arena of bodies: written here, read-only in the workers.
 *
 * A memfd with F_SEAL_FUTURE_WRITE: the loop process keeps the one writable mapping.
 * Inside, a buddy allocator in powers of two from 4 KiB up; pages of freed blocks of 1 MiB
 * and more go back to the system at once.
 *
 * Owns:    the mapping.  A block is the caller's until shm_free().
 * Errors:  -ENOSPC when no block of that size is free (wait for one to be freed), -ENOMEM.
 * Threads: loop thread.
 */
#ifndef LOOP_SHM_H
#define LOOP_SHM_H
#include "base/slice.h"
#include "base/why.h"

struct shm;
struct shm_block {
	uint64_t at;  /* offset in the arena */
	uint64_t cap; /* bytes; 0: no block */
};

int shm_new(uint64_t bytes, struct shm **ret, struct why *why);
void shm_free_all(struct shm *s); /* the arena itself; NULL is fine */
int shm_alloc(struct shm *s, uint64_t bytes, struct shm_block *ret);
/* At least `bytes`, the first `used` kept; the block may move.  Untouched on failure. */
int shm_grow(struct shm *s, struct shm_block *b, uint64_t used, uint64_t bytes);
/* Gives back what lies beyond `used`, keeping the block where it is. */
void shm_shrink(struct shm *s, struct shm_block *b, uint64_t used);
void shm_free(struct shm *s, struct shm_block *b); /* and sets cap to 0 */
char *shm_ptr(const struct shm *s, const struct shm_block *b);
int shm_fd(const struct shm *s);
uint64_t shm_bytes(const struct shm *s);
uint64_t shm_used_bytes(const struct shm *s);
void shm_check(const struct shm *s);
#endif
