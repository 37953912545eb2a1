/*
 * frontier/seen.h -- the set of every URL that was ever discovered: exact, durable, and
 * bounded in memory.
 *
 * A URL is known by its hash, 64 bits under a seed of the crawl: among n URLs the
 * probability that any two share one is n^2 / 2^65, that is 3e-4 at 1e8 URLs.  With it
 * goes what adding it again depends on: whether it was rejected for a reason that another
 * way to it may not have (scope, depth, budget), or not.  Outcomes are the store's.
 *
 *   memory   seen_table: 8.9 to 11.1 bytes a URL
 *   file     seen_log: 9 bytes a URL, from which the memory is filled at opening
 *   store    the tables STORE_SEEN and, of what waits, STORE_QUEUE, which the caller writes:
 *            the truth
 *
 * When that memory is full and more() has none, what was not met lately leaves the memory for a sorted
 * file (seen_cold, 8 bytes a URL); a filter remembers that it was there, and where the
 * filter says "maybe" that file is asked.  The answers stay exact.
 *
 * The caller, at each group commit:
 *
 *   seen_sync()        the log is on the disk
 *   seen_mark()        goes into the batch, into STORE_META
 *   store_apply()      the batch, which holds the records of the same URLs
 *   seen_committed()
 *
 * and when it opens a crawl, seen_open() with the mark that the store has.  If the log is
 * not what the mark says (a byte flipped, an end missing), it is made again from the
 * store, which takes 0.6 us of CPU a URL and more instead of 0.06; seen_mended() tells.
 *
 * Owns:    its memory and DIR/seen.log.  The store is borrowed.
 * Errors:  -ENOMEM; -ENOSPC and other -errno of the log, after which seen_sync() can be
 *          called again (a failed fdatasync sticks); those of store_scan() and of reading
 *          what left the memory.  After a failure nothing has changed.  While the disk is
 *          full nothing leaves the memory, whatever the limit.
 * Threads: the store thread only.
 */
#ifndef FRONTIER_SEEN_H
#define FRONTIER_SEEN_H
#include "base/buf.h"
#include "base/outcome.h"
#include "base/why.h"

struct store;
struct seen;
enum seen_add {
	SEEN_NEW,      /* was not known */
	SEEN_KNOWN,    /* known, and stays as it was */
	SEEN_UPGRADED, /* was rejected (scope, depth, budget) and is now wanted */
};

/* memory_bytes_max is at least this; an eighth of the whole is the filter's. */
enum { SEEN_MEMORY_MIN = 2 << 20 };

struct seen_conf {
	const char *dir; /* where seen.log is; NULL: no file, the set ends with the run */
	/* What seen_mark() gave for the last batch that was applied; empty: none was. */
	struct slice mark;
	uint64_t memory_bytes_max; /* 0: no limit; there is none without `dir` */
	struct store *store;       /* NULL only without `dir` */
	/* Asked for bytes beyond that, up to more_bytes_max: 0, or -ENOSPC: not now.  What it
	 * gave goes back in seen_close(), as a negative number.  NULL: there are none. */
	int (*more)(void *ctx, int64_t bytes);
	void *ctx;
	int64_t more_bytes_max;
};

int seen_open(const struct seen_conf *conf, struct seen **ret, struct why *why);
/* Syncs nothing.  NULL is fine. */
void seen_close(struct seen *s);
/* NULL, or one sentence: what was wrong with the log, which was made again. */
const char *seen_mended(const struct seen *s);

/* `state`: OUTCOME_NONE for a URL that is wanted, else why it is rejected.  A wanted one
 * overrules an earlier rejection by out-of-scope, depth or budget; *ret_was gets that. */
int seen_add(struct seen *s, uint64_t url_hash, enum outcome state, enum seen_add *ret,
    enum outcome *ret_was);
/* Whether seen_add() would find it SEEN_KNOWN, where that can be told from memory; false
 * says nothing. */
bool seen_has(struct seen *s, uint64_t url_hash, enum outcome state);
/* A URL that was added has its outcome. */
int seen_set(struct seen *s, uint64_t url_hash, enum outcome state);
/* seen_add() of it follows soon: with a page's links hinted first, adding them costs a
 * third. */
void seen_hint(const struct seen *s, uint64_t url_hash);

int seen_sync(struct seen *s, struct why *why);
/* Appends what is to be in the mark.  -EBUSY: seen_sync() first. */
int seen_mark(const struct seen *s, struct buf *ret);
void seen_committed(struct seen *s);

struct seen_stats {
	uint64_t urls;       /* in the set */
	uint64_t remembered; /* of these, in memory */
	uint64_t memory_bytes;
	uint64_t reads;       /* of what left the memory */
	uint64_t reads_known; /* those that found it there */
};
void seen_stats(const struct seen *s, struct seen_stats *ret);
void seen_check(const struct seen *s);
#endif
