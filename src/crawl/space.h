/*
 * crawl/space.h -- room on the disk of a crawl.
 *
 * Some is kept free: what runs until the crawl has stopped must still be written, and a
 * disk that is quite full harms others, too.  A sixteenth of the file system, at most
 * 64 MiB; to go on, twice that must be free.
 *
 * Units:   bytes; milliseconds of whatever clock the caller has.
 * Threads: any.   Errors: what cannot be measured is taken for enough.
 */
#ifndef CRAWL_SPACE_H
#define CRAWL_SPACE_H
#include "base/why.h"
#include <stdbool.h>
#include <stdint.h>

/* Bytes that are kept free; 0: that cannot be told. */
uint64_t space_reserve(const char *dir);
bool space_is_short(const char *dir, struct why *why);
bool space_is_back(const char *dir);
/*
 * What waits for room goes on to find that there is none where it is a quota that is used
 * up, or another disk than the one that was measured.  So it tries at once less and less
 * often: each wait is twice the one before, up to a minute, unless it went on for half a
 * minute in between.
 */
struct space_wait {
	int64_t ms,
	    tried_ms; /* the last wait, 0: there was none; when it was tried last */
};
/* How long to wait now, `first_ms` if it is the first time. */
int64_t space_wait_ms(struct space_wait *w, int64_t first_ms, int64_t now_ms);
/* It goes on. */
void space_wait_tried(struct space_wait *w, int64_t now_ms);
/* Bytes that the files below take on the disk. */
uint64_t space_taken(const char *dir);
#endif
