/*
 * store/backend.h -- what an implementation of the store brings; private to store/.
 *
 * A backend embeds `struct store` as its first member.  store.c has checked the lengths
 * of keys before it calls; everything else is as store/store.h says.
 */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H
#include "store/store.h"

struct store_backend {
	const char *name; /* the `kind` people write */
	int (*open)(const struct store_conf *conf, struct store **ret, struct why *why);
	void (*close)(struct store *s);
	int (*get)(
	    struct store *s, enum store_table t, struct slice key, struct buf *value);
	int (*scan)(struct store *s, enum store_table t, struct slice prefix,
	    struct slice after, uint32_t max, store_scan_fn *fn, void *ctx);
	/* Leaves the batch as it is; store.c empties it. */
	int (*apply)(
	    struct store *s, const struct store_batch *b, bool sync, struct why *why);
	/* NULL: nothing can be wrong.  store.c counts the keys. */
	int (*verify)(struct store *s, struct why *why);
};

struct store {
	const struct store_backend *backend;
	struct why why; /* of the last get or scan that failed */
};

extern const struct store_backend store_memory, store_rocksdb;
#endif
