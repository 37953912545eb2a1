/*
 * crawl/quarantine.h -- documents that killed or hung their parsers, kept to be looked at.
 *
 *   DIR/quarantine/NAME.http   the answer as it was received: head, then body
 *   DIR/quarantine/NAME.json   whose it was and what happened
 *
 * NAME is made of two hashes of the crawl, so nothing of a URL gets into it.  Both files
 * are on the disk before the batch that says so; what no batch speaks of is removed when
 * the crawl is opened again, because its page will be fetched again.  At most
 * QUARANTINE_FILES_MAX documents and QUARANTINE_BYTES_MAX bytes of answers are kept.
 *
 * Owns:    nothing of a case; what it points to must live for the call.
 * Clock:   wall time, microseconds of 1970.
 * Errors:  -errno with the sentence; -ENOSPC: the disk is full.
 * Threads: the store thread (before it runs, the loop's).
 */
#ifndef CRAWL_QUARANTINE_H
#define CRAWL_QUARANTINE_H
#include "base/map.h"
#include "base/outcome.h"
#include "base/why.h"
#include "loop/pool.h"
#include "store/store.h"

enum { QUARANTINE_FILES_MAX = 1000, QUARANTINE_NAME_MAX = 33 };
#define QUARANTINE_BYTES_MAX (1ull << 30)

/* One worker that a document cost. */
struct death {
	enum pool_end end; /* POOL_ERROR: it lived, but its answer could not be used */
	struct pool_death how;
	bool archiving; /* it was not asked to parse */
	uint32_t timeout_ms;
	int64_t wall_us;
};

struct quarantine_case {
	uint64_t authority_hash, url_hash;
	struct slice url, via, ip;
	enum outcome outcome;
	int status;
	int64_t fetched_wall_us;
	struct slice head, body; /* one behind the other */
	const struct death *deaths;
	size_t deaths_len;
};

struct quarantine {
	const char *dir; /* of the crawl */
	struct store *store;
	struct umap bytes_of; /* by name, the number of bytes and one */
	uint64_t bytes;
};

/* What the store knows; files that it does not know are removed. */
int quarantine_load(
    struct quarantine *q, const char *dir, struct store *s, struct why *why);
void quarantine_release(struct quarantine *q);
/* *ret_name is "" when there is no room for it. */
int quarantine_put(struct quarantine *q, const struct quarantine_case *k,
    struct store_batch *b, char ret_name[QUARANTINE_NAME_MAX], struct why *why);
/* For whoever looks from outside: is it in there, and by which name. */
int quarantine_find(struct store *s, uint64_t authority_hash, uint64_t url_hash,
    char ret_name[QUARANTINE_NAME_MAX]); /* -ENOENT */
#endif
