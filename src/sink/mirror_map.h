/*
 * sink/mirror_map.h -- what is in a mirror: by the hash of a URL, its newest record.
 *
 * On the disk, sorted; of each block the first hash is in memory (half a byte a record), and
 * a look-up reads one block.  The hashes have no seed: whoever prepares two URLs with one
 * hash gets a link of their own that leads to the wrong one of them.
 *
 * Owns:    a file without a name in the directory.
 * Errors:  -ENOMEM, -EIO and others of files, without a sentence.
 * Threads: one at a time.
 */
#ifndef SINK_MIRROR_MAP_H
#define SINK_MIRROR_MAP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mirror_entry {
	uint64_t hash;
	uint64_t at;        /* of the record in the index: the greater, the newer */
	uint8_t what, kind; /* as the record has them */
};

struct mirror_map;
int mirror_map_new(const char *dir, struct mirror_map **ret);
void mirror_map_free(struct mirror_map *m); /* NULL is fine */
int mirror_map_add(struct mirror_map *m, const struct mirror_entry *e);
/* Once, after the last one was added and before the first is looked for.  Has a hash several entries? */
int mirror_map_seal(struct mirror_map *m, bool *ret_repeats);
/* 1: found. */
int mirror_map_find(struct mirror_map *m, uint64_t hash, struct mirror_entry *ret);
#endif
