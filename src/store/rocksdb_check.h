/*
 * store/rocksdb_check.h -- are the files of a RocksDB database what the mark says?
 * Private to store/.
 *
 * What must be there: of the MANIFEST as many sound bytes as the mark says; of the last
 * write-ahead log likewise; those before it whole; every log that the mark names unless
 * the MANIFEST says it is not needed any more; every table that the MANIFEST names, with
 * a sound end.  What is not sound behind that was never acknowledged: it is cut off, so
 * that RocksDB can be told to tolerate nothing.
 *
 * Errors:  -EBADMSG and a sentence; -errno.
 * Limits:  a cut is refused, too, when what was flushed since might hold half of what
 *          would be cut.  What is within tables is checked by RocksDB as it is read.
 */
#ifndef STORE_ROCKSDB_CHECK_H
#define STORE_ROCKSDB_CHECK_H
#include "base/why.h"
#include "store/mark.h"

enum rocks_check {
	ROCKS_REPAIR,      /* nobody has it open; cut off what is unsound and may be */
	ROCKS_LOOK_AT,     /* nobody has it open; nothing is changed */
	ROCKS_LOOK_BESIDE, /* it is open: only what cannot move meanwhile */
};

int rocks_check(
    const char *dir, const struct mark *m, enum rocks_check how, struct why *why);
/*
 * Makes `m` say what is there now; what it said before of the same MANIFEST is not read
 * again.  The caller has synced the last write-ahead log and writes none meanwhile.
 */
int rocks_look(const char *dir, struct mark *m, struct why *why);
/* The first write-ahead log that the MANIFEST, as it is now, does not say is done with. */
int rocks_wal_needed(const char *dir, uint64_t *ret, struct why *why);
#endif
