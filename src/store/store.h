/*
 * store/store.h -- the port to what survives: four ordered tables of bytes -> bytes.
 *
 * Two implementations: memory (small crawls, tests) and RocksDB.  What the keys mean is
 * the frontier's business (frontier/keys.h); the store only promises that keys compare as
 * bytes, that a batch is applied whole or not at all, and that a synced batch survives
 * power loss (and with it all batches before it).
 *
 * Owns:    keys and values handed in are copied.
 * Errors:  -ENOMEM, -EIO, -ENOSPC, -EBADMSG (what is on disk is damaged), each with the
 *          reason; store_get(): -ENOENT.
 *          store_batch_put(), _delete(): -ENOMEM; -EMSGSIZE: the batch would grow past
 *          its maximum (apply it first), or the key or value is over its own; -EINVAL:
 *          an empty key.
 *          store_open(): -EINVAL for an unknown kind, with a sentence that names the
 *          known; -ENOENT: there is no store to open; -EBUSY: another process has it;
 *          -ENOTSUP: a newer program wrote it; -ERANGE: clock_check().
 *          store_apply() to a store that was opened with STORE_READ: -EROFS.
 * Threads: one thread at a time: the store thread (before it runs, the loop's).
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H
#include "base/buf.h"
#include "base/why.h"

enum store_table {
	STORE_SEEN,  /* what was ever discovered, by URL hash */
	STORE_QUEUE, /* what waits, in the order of its key */
	STORE_HOST,  /* state of an authority */
	STORE_META,  /* of the crawl */
	STORE_TABLE_MAX
};

/* Bytes.  A key is never empty. */
enum { STORE_KEY_MAX = 39, STORE_VALUE_MAX = 64 << 20 };

struct store;
struct store_batch; /* puts and deletes, applied in order */

enum store_mode {
	STORE_MAKE,  /* opened, or made when there is none */
	STORE_EXIST, /* there must be one */
	STORE_READ,  /* as it is now, without changing it; others may be writing */
};

struct store_conf {
	const char *dir; /* of the crawl; the store is in DIR/state.  Memory has none */
	enum store_mode mode;
	uint64_t memory_bytes; /* for caches and buffers; 0: STORE_MEMORY_BYTES */
};

enum { STORE_MEMORY_BYTES = 64 << 20 };

/* kind: "memory" or "rocksdb".  NULL for `conf`: all zero. */
int store_open(
    const char *kind, const struct store_conf *conf, struct store **ret, struct why *why);
void store_close(struct store *s); /* NULL is fine */
/* Why the last store_get() or store_scan() failed, if not with -ENOENT or -EMSGSIZE. */
const struct why *store_why(const struct store *s);
/* Replaces the contents of `value`. */
int store_get(struct store *s, enum store_table t, struct slice key, struct buf *value);
/*
 * Keys that start with `prefix` and are greater than `after` (empty: from the start), in
 * order, at most `max`; fn returning false ends it.  Slices are valid within fn only; fn
 * must not change the store.  Returns 0 or an error.
 */
typedef bool store_scan_fn(void *ctx, struct slice key, struct slice value);
int store_scan(struct store *s, enum store_table t, struct slice prefix,
    struct slice after, uint32_t max, store_scan_fn *fn, void *ctx);
/* The batch is left empty when this succeeds and untouched when it fails. */
int store_apply(struct store *s, struct store_batch *b, bool sync, struct why *why);

/*
 * Reads everything and checks what can be checked; counts the keys.  -EBADMSG with what
 * is damaged.
 */
int store_verify(struct store *s, uint64_t ret_keys[STORE_TABLE_MAX], struct why *why);

/*
 * The process that has the store in DIR/state open for writing; 0: one that has no number
 * here (another container, another machine).  -ENOENT: nobody.
 */
int store_owner(const char *dir, int64_t *ret_pid);

int store_batch_new(size_t bytes_max, struct store_batch **ret);
void store_batch_free(struct store_batch *b);
int store_batch_put(
    struct store_batch *b, enum store_table t, struct slice key, struct slice value);
int store_batch_delete(struct store_batch *b, enum store_table t, struct slice key);
size_t store_batch_bytes(const struct store_batch *b);
#endif
