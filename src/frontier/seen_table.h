/*
 * frontier/seen_table.h -- fingerprints in memory, exact, 8.9 to 11.1 bytes each.
 *
 * 256 parts, chosen by the top 8 bits of a fingerprint; a part keeps the other 56 bits and
 * 8 bits of flags in one word, in buckets of the size of a cache line.  A fingerprint
 * belongs into two of them, that in proportion to its next 32 bits and one of the same 4 KiB,
 * and comes into the emptier one (Azar et al., Balanced Allocations, 1999); where both are
 * full into the next one that has room, which of a part nine tenths full is one in thirty.
 * So any number of pages will do, and parts grow one at a time, reading and writing both
 * tables from front to back.  Without a limit they grow by a quarter.  With one, a part that
 * has outgrown its first page gets its whole share of `bytes_max`, and from some 100,000
 * fingerprints on memory does not grow any more; of a limit above 256 MiB it gets its share of
 * these first, and then grows by a quarter, too.
 *
 * When its share is full, the caller lets a part grow by a quarter nevertheless, up to its
 * share of `bytes_more`, or sweeps it (seen_table_sweep()), which drops some of what was not
 * looked up lately.
 *
 * Owns:    its pages (mmap).
 * Errors:  -ENOMEM; -ENOSPC: the part is full and `bytes_max` reached.  The table is then
 *          as it was.
 * Threads: one at a time.
 */
#ifndef FRONTIER_SEEN_TABLE_H
#define FRONTIER_SEEN_TABLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEEN_PARTS = 256 };

/* The low byte of a word.  0: the place is free. */
enum seen_flag {
	SEEN_USED = 1,
	SEEN_STATE = 6, /* two bits that the caller may use */
	SEEN_HOT = 8,   /* met again since the last sweep went by; set by the caller */
	SEEN_COLD = 16, /* kept elsewhere, too, as it is; taken off by the caller */
};

struct seen_part {
	uint64_t *words;
	uint32_t buckets, len;
};

struct seen_table {
	struct seen_part parts[SEEN_PARTS];
	uint64_t len, bytes;
	uint64_t bytes_max;  /* 0: none */
	uint64_t bytes_more; /* that the caller may let it have beyond that, in all */
};

void seen_table_init(struct seen_table *t, uint64_t bytes_max);
void seen_table_release(struct seen_table *t);
/* Its word, or NULL.  Good until something is added. */
uint64_t *seen_table_find(const struct seen_table *t, uint64_t print);
/* The fingerprint must not be in it.  Flags: state, hot. */
int seen_table_add(struct seen_table *t, uint64_t print, uint8_t flags);
/* Room for `n` in all, if bytes_max admits it: they will not have to grow one by one.  By how
 * many bytes it would have to be greater for that: */
int seen_table_reserve(struct seen_table *t, uint64_t n);
uint64_t seen_table_lacks(const struct seen_table *t, uint64_t n);
/* The part of `print` becomes larger, whatever bytes_max says; and by how many bytes.  0: it has
 * its share of bytes_more, too, or there is no larger one. */
int seen_table_grow(struct seen_table *t, uint64_t print);
uint64_t seen_table_growth(const struct seen_table *t, uint64_t print);
/*
 * Makes room in the part of `print`: drops a quarter of it, hot ones only for want of
 * others, and what stays is hot no more.  Only what is SEEN_COLD is dropped.  Where that
 * is less than half, `write` gets all words that are not, and they then are; when it fails
 * nothing has changed.
 */
typedef int seen_write_fn(void *ctx, unsigned part, uint64_t *words, size_t n);
int seen_table_sweep(
    struct seen_table *t, uint64_t print, seen_write_fn *write, void *ctx);
/* What find() and add() will read, into the cache. */
void seen_table_hint(const struct seen_table *t, uint64_t print);
void seen_table_check(const struct seen_table *t);
#endif
