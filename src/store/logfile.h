/*
 * store/logfile.h -- how far a log of RocksDB's (a WAL, a MANIFEST) is sound.
 *
 * Format, after RocksDB's doc and log_format.h: blocks of 32 KiB; in them fragments of
 * CRC-32C of all that follows, masked (4 bytes), length (2), type (1), payload; a record
 * is one fragment of type 1, or 2 3* 4 in order; fewer than 7 bytes at the end of a block
 * are padding.  All little-endian.
 *
 * RocksDB itself takes a fragment that claims to reach past the end of the file for a
 * torn one and stops there without a word.  After a flipped byte in a length that would
 * be the silent loss of all behind it; whoever knows how long the log must be can tell.
 *
 * Errors:  -errno of reading; -ENOMEM; -EMSGSIZE: a record over 64 MiB is to be shown.
 *          Damage is no error but an end before the file's.
 */
#ifndef STORE_LOGFILE_H
#define STORE_LOGFILE_H
#include "base/buf.h"

/*
 * Reads on from `*end`, which is 0 or what it was set to before, and moves it behind the
 * last sound record.  Stops at the first byte that is not part of one.  fn (NULL: none)
 * is shown each record; what it returns, if not 0, ends the reading and is returned.
 */
typedef int logfile_fn(void *ctx, struct slice record);
int logfile_check(int fd, uint64_t *end, logfile_fn *fn, void *ctx);
/* Puts a record behind those in `log`, all of which are of its first block.  -EMSGSIZE:
 * it does not fit there. */
int logfile_add(struct buf *log, struct slice record);
#endif
