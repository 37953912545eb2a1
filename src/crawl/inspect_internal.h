/*
 * crawl/inspect_internal.h -- what the files of inspect share.
 *
 *   inspect.c         opening, the whole
 *   inspect_verify.c  the tables against the sums, the files against the marks
 *   inspect_archive.c files of the archive that are full
 *   inspect_url.c     one URL
 *   inspect_lines.c   the lines of a log that are committed
 */
#ifndef CRAWL_INSPECT_INTERNAL_H
#define CRAWL_INSPECT_INTERNAL_H
#include "base/arena.h"
#include "crawl/inspect.h"
#include "frontier/hostcount.h"
#include "sink/sink.h"

struct inspect {
	const char *dir;
	const struct job *job;
	int64_t wall_us;
	struct store *store, *own; /* own: NULL if it is somebody else's */
	struct saved saved;
	struct frontier_conf politeness; /* as the job has it */
	struct buf value;
	struct arena texts;
};

/* -EBADMSG and -ENOMEM of our own readers, or store_why(). */
int inspect_why(const struct inspect *in, int err, struct why *why);
/* URLs that wait at a host; UINT64_MAX: that cannot be told.  None has a lesser order key
 * than *ret_low. */
uint64_t inspect_host_waits(
    struct inspect *in, uint64_t authority_hash, uint64_t *ret_low);
/* Whether a URL was ever met, by seen.log; `unsure` where that cannot be read. */
bool inspect_log_has(struct inspect *in, uint64_t url_hash, bool unsure);
/* All records of a table under a prefix, and greater than `after`.  `*err` is fn's own, checked
 * afterwards. */
int inspect_scan(struct inspect *in, enum store_table t, struct slice prefix,
    struct slice after, store_scan_fn *fn, void *ctx, const int *err, struct why *why);
/* How much of each host waits. */
int inspect_counts(struct inspect *in, struct hostcount *ret, struct why *why);

enum { INSPECT_LINE_MAX = 2 << 20 }; /* bytes; a longer one is none of ours */
/* inspect_lines.c */
/* Into in->value; -ENOENT: the crawl has no such sink. */
int inspect_mark(struct inspect *in, const char *sink, struct why *why);
int inspect_place(struct inspect *in, const char *sink, struct sink_place *ret,
    struct why *why); /* -ENOENT: the crawl has no such sink */
/* Each line without its end; fn returning false ends it. */
typedef bool inspect_line_fn(void *ctx, struct slice line);
int inspect_lines(struct inspect *in, const char *sink, inspect_line_fn *fn, void *ctx,
    struct why *why);
/* inspect_archive.c: all but the one that grew at the last commit, DIR/GROWING.  As
 * inspect_verify(). */
int inspect_verify_archive(struct inspect *in, const char *growing,
    inspect_difference_fn *fn, void *ctx, struct why *why);
#endif
