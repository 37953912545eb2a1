/*
 * store/rocksdb.h -- what the files of the RocksDB backend share; private to store/.
 *
 * Owns:    a struct rocks its database, column families and options; rocks_tune() fills
 *          a tuning that rocks_untune() empties, whatever it holds by then.
 * Errors:  RocksDB hands out sentences; rocks_errno() makes codes of them: -EBADMSG for
 *          damage, -ENOSPC, -EIO for the rest.
 * Limits:  RocksDB is C++: where it finds no memory the program ends.  That is why its
 *          memory is bounded beforehand.
 * Threads: one at a time calls; RocksDB's own (two, at lowest priority) flush and compact.
 */
#ifndef STORE_ROCKSDB_H
#define STORE_ROCKSDB_H
#include "store/backend.h"
#include <rocksdb/c.h>

/* Every table is a column family; RocksDB wants the one called "default", too. */
enum { ROCKS_CF_MAX = STORE_TABLE_MAX + 1, ROCKS_CF_OWN = STORE_TABLE_MAX };
extern const char *const rocks_cf_names[ROCKS_CF_MAX];

struct rocks_tuning {
	rocksdb_options_t *db;
	rocksdb_options_t *cf[ROCKS_CF_MAX];
	rocksdb_cache_t *cache;
	rocksdb_env_t *env;
	rocksdb_readoptions_t *get, *scan;
	rocksdb_writeoptions_t *write, *write_synced;
};

struct rocks {
	struct store store;
	enum store_mode mode;
	char *dir; /* DIR/state */
	struct rocks_tuning tuning;
	rocksdb_t *db; /* NULL: not open */
	rocksdb_column_family_handle_t *cf[ROCKS_CF_MAX];
};

void rocks_tune(struct rocks_tuning *t, enum store_mode mode, uint64_t memory_bytes);
void rocks_untune(struct rocks_tuning *t);
/* Of a sentence of RocksDB's. */
int rocks_errno(const char *error);
/* The sentence for people about `error`, which is freed; returns its code. */
int rocks_why(const struct rocks *r, char *error, struct why *why);
#endif
