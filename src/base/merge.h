/*
 * base/merge.h -- sorted stretches ("runs") of items in a file without a name, merged.
 *
 * What sorter.h and line_sorter.h do when memory is full: they write what they hold, sorted,
 * as one more run, and in the end read all runs in order.
 *
 * Owns:    its file, and while it reads `memory_bytes` for all runs together, or of each run
 *          as much as its longest item takes, if that is more.
 * Errors:  -ENOMEM, -EFBIG (`runs_max`), those of the file, of which -ENOSPC also stands
 *          for a quota and a limit on file sizes.  After one only merge_free() is left.
 * Threads: one at a time.
 */
#ifndef BASE_MERGE_H
#define BASE_MERGE_H
#include "base/slice.h"

enum { MERGE_ITEM_MAX = 64 << 10 };

/* As qsort's; which of two equal items comes first is not said. */
typedef int merge_cmp(const void *arg, struct slice a, struct slice b);

struct merge_conf {
	const char *dir;   /* borrowed; where the file is made, with the first run */
	size_t item_bytes; /* of every item; 0: they differ */
	size_t memory_bytes;
	size_t runs_max;
	merge_cmp *cmp;
	const void *arg; /* borrowed; for cmp */
};

struct merge;
int merge_new(const struct merge_conf *conf, struct merge **ret);
void merge_free(struct merge *m); /* NULL is fine */
/* A run begins; merge_put() adds to it, in order. */
int merge_run(struct merge *m);
int merge_put(struct merge *m, struct slice item);
/* Once, after the last merge_put(). */
int merge_start(struct merge *m);
/* 1: the next one is in `ret`, until the next call; 0: there is none. */
int merge_next(struct merge *m, struct slice *ret);
#endif
