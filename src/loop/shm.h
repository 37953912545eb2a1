/*
 * loop/shm.h -- the shared arena of bodies: written here, read-only in the workers.
 *
 * A memfd of fixed size.  The loop process has the one writable mapping; what it hands to
 * others (shm_fd()) is a descriptor that was opened for reading only, so that no mapping
 * of it can be made writable, and the writable one never leaves the process.  Inside, a
 * buddy allocator in powers of two from 4 KiB up; pages of freed blocks of 256 KiB and more
 * go back to the system at once.
 *
 * Where the descriptor cannot be reopened (no /proc), F_SEAL_FUTURE_WRITE has the same
 * effect on workers, but then the kernel refuses to take pages back (fallocate(2): EPERM
 * on a sealed file) and the arena keeps what it once touched.
 *
 * Owns:    the mapping.  A block is the caller's until shm_free().
 * Errors:  -ENOSPC when no block of that size is free (wait for one to be freed),
 *          -EMSGSIZE when the arena is too small for it for ever, -ENOMEM.
 * Threads: any may take and give back blocks; a block is one thread's at a time.
 *          shm_new() and shm_free_all(): nobody else is there.
 */
#ifndef LOOP_SHM_H
#define LOOP_SHM_H
#include "base/slice.h"
#include "base/why.h"

struct shm;
struct shm_block {
	uint64_t at;  /* offset in the arena */
	uint64_t cap; /* bytes, a power of two; 0: no block */
};

/* Blocks above this are large: those who share an arena may limit what they take of it. */
enum { SHM_LARGE_BYTES = 1 << 20 };

/* Rounded up to whole blocks of 4 KiB. */
int shm_new(uint64_t bytes, struct shm **ret, struct why *why);
void shm_free_all(struct shm *s); /* the arena itself; NULL is fine */
int shm_alloc(struct shm *s, uint64_t bytes, struct shm_block *ret);
/*
 * At least `bytes`, the first `used` kept; the block may move.  Untouched on failure.
 * -EAGAIN: it would be a large one, and all large ones together more than
 * `large_bytes_max` less what was lent (0: no limit); but one may always be.
 */
int shm_grow(struct shm *s, struct shm_block *b, uint64_t used, uint64_t bytes,
    uint64_t large_bytes_max);
/* Gives back what lies beyond `used`, keeping the block where it is. */
void shm_shrink(struct shm *s, struct shm_block *b, uint64_t used);
/* And sets cap to 0; harmless when it is. */
void shm_free(struct shm *s, struct shm_block *b);
char *shm_ptr(const struct shm *s, const struct shm_block *b);
/*
 * Room of the arena becomes memory elsewhere, half of it at most: large blocks with a limit
 * may take that much less all together; one may always be.  -ENOSPC: that is more than half,
 * or blocks have it now.
 */
int shm_lend(struct shm *s, uint64_t bytes);
void shm_return(struct shm *s, uint64_t bytes);
struct slice shm_slice(const struct shm *s); /* the whole arena */
/* Offset of `part` in the arena; -EINVAL when it is not wholly in it. */
int shm_find(const struct shm *s, struct slice part, uint64_t *ret_at);
int shm_fd(const struct shm *s); /* for others: can be mapped for reading only */
uint64_t shm_bytes(const struct shm *s);
uint64_t shm_used_bytes(const struct shm *s); /* in blocks given out */
uint64_t shm_large_bytes(const struct shm *s); /* in large ones of these */
uint64_t shm_small_bytes(const struct shm *s); /* and in the others */
void shm_check(struct shm *s);
#endif
