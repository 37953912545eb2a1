/*
 * observe/logfile.h -- a log of a crawl, read line by line, and single lines again.
 *
 * Reads only the first `length` bytes: what a commit vouches for, while the file may grow.
 *
 * Owns:    a descriptor and a buffer.  A line is valid until the next call.
 * Errors:  -errno; a log that is missing is an empty one.
 * Threads: one at a time.
 */
#ifndef OBSERVE_LOGFILE_H
#define OBSERVE_LOGFILE_H
#include "base/buf.h"
#include "base/why.h"

struct logfile {
	int fd; /* -1: it is not there */
	uint64_t length;
	struct buf line; /* what was read last */
};

/* length_max: UINT64_MAX for all that is there. */
int logfile_open(struct logfile *f, const char *dir, const char *name,
    uint64_t length_max, struct why *why);
void logfile_close(struct logfile *f); /* also of one that is zeroed, or failed to open */

/* Each whole line without its end, and where it begins; fn's error ends it.  Lines longer
 * than any of ours are passed over. */
typedef int logfile_fn(void *ctx, struct slice line, uint64_t at);
int logfile_each(struct logfile *f, logfile_fn *fn, void *ctx);
/* The line that begins there. */
int logfile_line(struct logfile *f, uint64_t at, struct slice *ret);
#endif
