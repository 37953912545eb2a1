/*
 * store/mark.h -- the file beside a RocksDB database that says how much of its logs was
 * acknowledged.
 *
 * RocksDB cannot tell a torn tail from a damaged middle (store/logfile.h).  So after each
 * synced batch the numbers and lengths of its logs are written here and synced, before
 * the batch is acknowledged; opening compares.
 *
 * Format: two slots, at 0 and 4096, written in turn, so that a torn write leaves the one
 * before; each its own checksum.  Integers as the machine has them.
 *
 * Owns:    a struct mark_file its descriptor.
 * Errors:  mark_open(): -ENOENT; -EBADMSG: no slot is sound; -errno.
 * Cost:    one fdatasync() of a file that never grows.
 */
#ifndef STORE_MARK_H
#define STORE_MARK_H
#include <stdbool.h>
#include <stdint.h>

/* Logs that one mark can name; more than RocksDB ever has with our options. */
enum { MARK_WALS_MAX = 32 };

struct mark {
	uint64_t turn;           /* of writing; the larger one counts */
	uint64_t commits;        /* synced batches; the database holds the same number */
	uint64_t manifest;       /* number of the file */
	uint64_t manifest_bytes; /* of it that are sound and synced */
	uint64_t wal_bytes;      /* of the last of the write-ahead logs that are synced */
	uint32_t wals_len;
	uint32_t is_closed;           /* nothing was written after it */
	uint64_t wals[MARK_WALS_MAX]; /* numbers of those that were there, ascending */
};

struct mark_file {
	int fd; /* -1: none */
	struct mark last;
};

/* Reads the last mark, and syncs it unless read_only: whoever wrote it may have been killed before
 * that, and a power loss would bring back the one before.  `make`: where there is none, makes one
 * with all zero, which the first mark_write() syncs. */
int mark_open(const char *path, bool make, bool read_only, struct mark_file *ret);
/* Writes and syncs; `m->turn` is set. */
int mark_write(struct mark_file *f, struct mark *m);
void mark_close(struct mark_file *f);
#endif
