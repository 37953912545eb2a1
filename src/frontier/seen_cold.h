/*
 * frontier/seen_cold.h -- fingerprints that left the memory: a sorted file.
 *
 *   file   256 parts, as in seen_table; of each its words (56 bits of the fingerprint, 8 of
 *          flags) in ascending order, in one of two places that are the part's own
 *   index  of each 128th word the highest 32 bits, in memory: 1/32 byte a fingerprint
 *
 * A look-up is one pread(2) of 1 KiB, mostly from the page cache.  What a sweep of the table
 * drops is merged into its part, which is read whole and written to its other place: whatever
 * fails, the part is as it was.
 *
 * The file has no name and ends with the process; seen.log has what makes it again.  It is
 * sparse: 2 TiB long, 8 bytes a fingerprint on the disk.
 *
 * Owns:    the file, the index and two buffers, together 128 KiB.
 * Errors:  -ENOMEM; -ENOSPC, also for a quota and a limit on file sizes; -errno.
 * Threads: one at a time.
 */
#ifndef FRONTIER_SEEN_COLD_H
#define FRONTIER_SEEN_COLD_H
#include "frontier/seen_table.h"
#include <stddef.h>

struct seen_cold {
	int fd; /* -1: not open */
	uint64_t *in, *out;
	uint64_t len[SEEN_PARTS]; /* words */
	bool second[SEEN_PARTS];  /* the place where they are */
	uint32_t *index[SEEN_PARTS];
};

void seen_cold_init(struct seen_cold *c);
/* In the directory; what was there under the name is gone. */
int seen_cold_open(struct seen_cold *c, int dir_fd);
/* Back to how init left it. */
void seen_cold_release(struct seen_cold *c);
static inline bool
seen_cold_is_open(const struct seen_cold *c)
{
	return c->fd >= 0;
}
uint64_t seen_cold_bytes(const struct seen_cold *c); /* of memory */
/* Sorts the `n` distinct words of a part, and adds them; they overrule those of the same
 * fingerprints that are there. */
int seen_cold_merge(struct seen_cold *c, unsigned part, uint64_t *words, size_t n);
/* *ret: its word, 0: it is not there. */
int seen_cold_find(const struct seen_cold *c, uint64_t print, uint64_t *ret);
#endif
