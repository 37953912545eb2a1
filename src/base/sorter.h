/*
 * base/sorter.h -- sorts more records of one size than memory should hold.
 *
 * Records are added, then sorted, then read in order; equal ones come out in no particular
 * order.  What does not fit lies in a file without a name in a directory for such files.
 *
 * Owns:    its memory (twice `memory_bytes`, about, and 128 KiB) and its file.
 * Errors:  -ENOMEM, -EFBIG (65,536 times what memory holds, or half as many times as it
 *          holds records), those of the file, -ENOSPC among them.  After one only
 *          sorter_free() is left.
 * Threads: one at a time.
 */
#ifndef BASE_SORTER_H
#define BASE_SORTER_H
#include <stddef.h>

typedef int sorter_cmp(const void *a, const void *b); /* as of qsort(3) */

struct sorter_conf {
	size_t record_bytes; /* 1 to 64 KiB */
	size_t memory_bytes; /* at least for two records */
	sorter_cmp *cmp;
	const char *dir; /* borrowed; a file is made there when memory is full */
};

struct sorter;
int sorter_new(const struct sorter_conf *conf, struct sorter **ret);
void sorter_free(struct sorter *s); /* NULL is fine */
int sorter_add(struct sorter *s, const void *rec);
/* Once, after the last sorter_add(). */
int sorter_sort(struct sorter *s);
/* 1: the next one is in `ret`; 0: there is none. */
int sorter_next(struct sorter *s, void *ret);
#endif
