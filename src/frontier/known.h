/*
 * frontier/known.h -- URLs that were wanted not long ago, for the workers to see.
 *
 * Nine of ten links lead to what is known already.  A worker that finds them here leaves
 * them out of its result: they cross no process, and nobody judges them again.
 *
 * A table of hashes in memory that the workers can read, each hash in the one place that
 * is its own, where a newer one takes the place of an older.  It forgets, but never
 * invents: what is in was given to the store thread's batch, and adding it once more as
 * wanted would change nothing.
 *
 * Owns:    nothing; the memory is the caller's, zeroed, a power of two of bytes.
 * Errors:  none.
 * Threads: one writes (the store thread), any may read, also in other processes.
 */
#ifndef FRONTIER_KNOWN_H
#define FRONTIER_KNOWN_H
#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct known {
	_Atomic uint64_t *v; /* NULL: nothing is known, and nothing kept */
	uint64_t mask;
	uint64_t salt; /* keeps crawls apart that share the memory */
};

static inline void
known_init(struct known *k, void *memory, size_t bytes, uint64_t salt)
{
	assert(bytes % sizeof(*k->v) == 0 && (bytes & (bytes - 1)) == 0);
	k->v = memory;
	k->mask = bytes / sizeof(*k->v) - 1;
	k->salt = salt;
}

/* For readers: says that it will be asked for soon.  Its place is in no cache of theirs, and
 * that of many may come at once. */
static inline void
known_fetch(const void *memory, size_t bytes, uint64_t salt, uint64_t url_hash)
{
	const uint64_t *v = memory;

	__builtin_prefetch(&v[(url_hash ^ salt) & (bytes / sizeof(*v) - 1)]);
}

/* For readers. */
static inline bool
known_is_in(const void *memory, size_t bytes, uint64_t salt, uint64_t url_hash)
{
	const _Atomic uint64_t *v = memory;
	uint64_t key = url_hash ^ salt;

	return key != 0 && atomic_load_explicit(&v[key & (bytes / sizeof(*v) - 1)],
			       memory_order_relaxed) == key;
}

static inline bool
known_has(const struct known *k, uint64_t url_hash)
{
	return k->v != NULL &&
	       known_is_in(k->v, (k->mask + 1) * sizeof(*k->v), k->salt, url_hash);
}

static inline void
known_write(struct known *k, uint64_t url_hash, uint64_t value)
{
	atomic_store_explicit(
	    &k->v[(url_hash ^ k->salt) & k->mask], value, memory_order_relaxed);
}

static inline void
known_put(struct known *k, uint64_t url_hash)
{
	if (k->v != NULL && !known_has(k, url_hash))
		known_write(k, url_hash, url_hash ^ k->salt);
}

/* Adding it once more may change something from now on. */
static inline void
known_drop(struct known *k, uint64_t url_hash)
{
	if (known_has(k, url_hash))
		known_write(k, url_hash, 0);
}
#endif
