/*
 * base/map.h -- hash maps: bytes -> pointer (struct map), 64-bit -> pointer (struct
 * umap).
 *
 * The hash is keyed (SipHash-1-3, Aumasson and Bernstein 2012) with a random key of the
 * process, so that nobody outside can choose collisions.  Values are never NULL.  Iterate
 * with an index: for (size_t i = 0; map_at(m, &i, ...);).  Nothing may be inserted or
 * removed while iterating.
 *
 * Owns:    its table only.  Keys of `struct map` are borrowed: keep them inside the value.
 * Errors:  of put, in this order: -EEXIST, the key is in it; -ENOSPC, `max` entries are in
 *          it; -ENOMEM.
 * Threads: one user at a time.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H
#include "base/slice.h"

struct map_entry {
	uint64_t hash; /* 0: free */
	struct slice key;
	void *value;
};

struct map {
	struct map_entry *v;
	size_t len, cap, max;
};

void map_init(struct map *m, size_t max);
void map_release(struct map *m);
int map_put(struct map *m, struct slice key, void *value);
void *map_get(const struct map *m, struct slice key); /* NULL: absent */
void *map_take(struct map *m, struct slice key);      /* removes; NULL: absent */
bool map_at(const struct map *m, size_t *i, struct slice *ret_key, void **ret_value);

struct umap_entry {
	uint64_t key;
	void *value; /* NULL: free */
};

struct umap {
	struct umap_entry *v;
	size_t len, cap, max;
};

void umap_init(struct umap *m, size_t max);
void umap_release(struct umap *m);
int umap_put(struct umap *m, uint64_t key, void *value);
void *umap_get(const struct umap *m, uint64_t key);
void *umap_take(struct umap *m, uint64_t key);
bool umap_at(const struct umap *m, size_t *i, uint64_t *ret_key, void **ret_value);

/* SipHash-1-3 under the process key. */
uint64_t siphash(struct slice s);
#endif
