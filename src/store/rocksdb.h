/*
 * store/rocksdb.h -- what the files of the RocksDB backend share; private to store/.
 *
 * Owns:    a struct rocks its database, column families and options; rocks_tune() fills
 *          a tuning that rocks_untune() empties, whatever it holds by then.
 * Errors:  RocksDB hands out sentences; rocks_why() makes codes of them: -EBADMSG for
 *          damage, -ENOSPC, -EIO for the rest.
 * Limits:  RocksDB is C++: where it finds no memory the program ends.  That is why its
 *          memory is bounded beforehand.
 * Threads: one at a time calls; RocksDB's own (two, at lowest priority) flush and compact.
 */
#ifndef STORE_ROCKSDB_H
#define STORE_ROCKSDB_H
#include "store/backend.h"
#include "store/lockfile.h"
#include "store/mark.h"
#include <rocksdb/c.h>

/* Every table is a column family; what the store notes for itself is in "default". */
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

/* How a store of version `from` becomes one of the next.  May be interrupted and run again
 * on what it left.  Without `run` there is nothing to do: what is there can be read as it is,
 * by who only reads as well, and only an older trawl must not write any more. */
struct rocks_migration {
	uint32_t from;
	int (*run)(struct store *s, struct why *why);
};

struct rocks_schema {
	uint32_t version; /* of what this program writes */
	const struct rocks_migration *migrations;
	size_t migrations_len;
};
extern const struct rocks_schema rocks_schema;

struct rocks {
	struct store store;
	enum store_mode mode;
	const struct rocks_schema *schema;
	char *crawl_dir, *dir; /* DIR, DIR/state */
	struct lockfile *lock;
	struct mark_file mark;
	struct rocks_tuning tuning;
	rocksdb_t *db; /* NULL: not open */
	rocksdb_column_family_handle_t *cf[ROCKS_CF_MAX];
	bool
	    is_broken; /* a write failed: RocksDB wants to be opened again before the next */
	size_t applied_bytes; /* since memory was given back */
};

/* For benches: on top of ours for each column family, the last one for all. */
extern const char *rocks_more_options[ROCKS_CF_MAX + 1];
void rocks_tune(struct rocks_tuning *t, enum store_mode mode, uint64_t memory_bytes);
void rocks_untune(struct rocks_tuning *t);

/* The sentence for people about `error`, which is freed; returns its code. */
int rocks_why(const struct rocks *r, char *error, struct why *why);
/* -EBADMSG, and what to do about it. */
__attribute__((format(printf, 3, 4))) int rocks_damaged(
    const char *dir, struct why *why, const char *fmt, ...);

/* store_open() and store_close(), for tests with a schema of their own. */
int rocks_open(const struct store_conf *conf, const struct rocks_schema *schema,
    struct store **ret, struct why *why);
void rocks_close(struct store *s);
/* In `dir`, an empty database that is not synced, in the place of any other one. */
int rocks_make(const char *dir, struct why *why);
/* After a failed write: opens the database again. */
int rocks_reopen(struct rocks *r, struct why *why);
/* The batch with number mark.last.commits + 1 was synced: notes it beside. */
int rocks_acknowledge(struct rocks *r, struct why *why);
/* In the same batch, so that opening can compare. */
void rocks_number_batch(struct rocks *r, rocksdb_writebatch_t *w);

/* The version a store in DIR/state has; 0: none (yet).  -EBADMSG: unreadable. */
int rocks_version_read(const char *dir, uint32_t *ret, struct why *why);
int rocks_version_write(const char *dir, uint32_t version, struct why *why);
#endif
