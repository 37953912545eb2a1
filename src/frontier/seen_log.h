/*
 * frontier/seen_log.h -- DIR/seen.log: the fingerprints in the order in which they came.
 *
 *   file    "trawl-seen-log 1" block*
 *   block   checksum(8) count(4) record(9)*     little-endian; at most 32,768 records
 *   record  fingerprint(8) note(1)
 *
 * A checksum is XXH3 over count and records under the checksum before it, so that the one
 * in the mark vouches for every byte of the file up to there.  The mark is kept in the
 * store, in the batch that holds the same URLs: on opening, what lies behind it is cut off.
 *
 * Errors:  -ENOMEM, -errno with the sentence; -EBADMSG: the file is not what the mark
 *          says (missing, short, changed).
 * Threads: the store thread; seen_log_has(): any.
 */
#ifndef FRONTIER_SEEN_LOG_H
#define FRONTIER_SEEN_LOG_H
#include "base/buf.h"
#include "base/file_append.h"

enum { SEEN_RECORD_BYTES = 9, SEEN_BLOCK_MAX = 32768, SEEN_MARK_BYTES = 25 };

struct seen_log {
	struct file_append file;
	struct buf block;
	uint64_t check; /* of the last block */
};

/* `n` records, see seen_record_get(). */
typedef int seen_records_fn(void *ctx, const char *records, uint32_t n);

static inline void
seen_record_put(char *at, uint64_t print, uint8_t note)
{
	for (int i = 0; i < 8; i++)
		at[i] = (char)(print >> (8 * i));
	at[8] = (char)note;
}

static inline uint64_t
seen_record_get(const char *at, uint8_t *ret_note)
{
	uint64_t print = 0;

	for (int i = 7; i >= 0; i--)
		print = print << 8 | (uint8_t)at[i];
	*ret_note = (uint8_t)at[8];
	return print;
}

int seen_log_init(struct seen_log *l, const char *dir, struct why *why);
void seen_log_release(struct seen_log *l);
/* An empty file, whatever was there. */
int seen_log_start(struct seen_log *l, struct why *why);
/* Gives all records up to the mark to `fn`, and goes on behind them.  After -EBADMSG
 * comes seen_log_start(); what `fn` was given then counts for nothing.  *ret_len is set
 * before the first is given; the file has at least that many records. */
int seen_log_open(struct seen_log *l, struct slice mark, uint64_t *ret_len,
    seen_records_fn *fn, void *ctx, struct why *why);
/* For who only reads, beside a writer too: whether there is a record of `print` up to the
 * mark in DIR/seen.log. */
int seen_log_has(
    const char *dir, struct slice mark, uint64_t print, bool *ret, struct why *why);
/* All or nothing. */
int seen_log_add(struct seen_log *l, const char *records, uint32_t n, struct why *why);
int seen_log_sync(struct seen_log *l, struct why *why);
/* Everything must be synced.  `len`: a number that seen_log_open() gives back. */
int seen_log_mark(const struct seen_log *l, uint64_t len, struct buf *ret);
#endif
