/*
 * store/manifest.h -- what a MANIFEST of RocksDB's says: which tables are alive, and from
 * which write-ahead log on they are needed.
 *
 * A MANIFEST is a log (store/logfile.h) of version edits; an edit is a run of tagged
 * fields, after RocksDB's version_edit.h.
 *
 * Owns:    its list of tables, until manifest_release().
 * Errors:  -errno of reading, -ENOMEM; damage ends it early: sound_bytes < size.
 *          -EBADMSG: an edit whose checksum holds makes no sense.
 */
#ifndef STORE_MANIFEST_H
#define STORE_MANIFEST_H
#include "base/map.h"

struct manifest {
	uint64_t sound_bytes, bytes;
	uint64_t wal_needed; /* the number of the first */
	bool
	    is_understood; /* false: edits of a newer RocksDB's; `tables` is incomplete */
	struct umap tables; /* number -> size, boxed by manifest_box() */
};

/* A number as a value of a map, which is never NULL. */
static inline void *
manifest_box(uint64_t n)
{
	return (void *)(uintptr_t)(n + 1);
}

static inline uint64_t
manifest_unbox(const void *p)
{
	return (uint64_t)(uintptr_t)p - 1;
}

/* `fd` is open for reading. */
int manifest_read(int fd, struct manifest *ret);
void manifest_release(struct manifest *m);
#endif
