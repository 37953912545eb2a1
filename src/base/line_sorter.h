/*
 * base/line_sorter.h -- sorts more lines than memory should hold, as bytes.
 *
 * Lines are added, then sorted, then read in order, as `LC_ALL=C sort` has them.  What does
 * not fit lies sorted in a file without a name in a directory for such files.
 *
 * Owns:    its memory (`memory_bytes`, and 64 KiB for each stretch of the file that holds
 *          lines so long) and its file.
 * Errors:  -ENOMEM, -EMSGSIZE (a line of more than 64 KiB), -EFBIG (1,024 times what
 *          memory holds), those of the file.  After one only line_sorter_free() is left.
 * Threads: one at a time.
 */
#ifndef BASE_LINE_SORTER_H
#define BASE_LINE_SORTER_H
#include "base/slice.h"

enum { LINE_SORTER_LINE_MAX = 64 << 10 };

struct line_sorter;
/* `dir`: borrowed; a file is made there when memory is full.  At least 256 KiB. */
int line_sorter_new(const char *dir, size_t memory_bytes, struct line_sorter **ret);
void line_sorter_free(struct line_sorter *s); /* NULL is fine */
/* Without its end; there is no LF in it. */
int line_sorter_add(struct line_sorter *s, struct slice line);
/* Once, after the last line_sorter_add(). */
int line_sorter_sort(struct line_sorter *s);
/* 1: the next one is in `ret`, until the next call; 0: there is none. */
int line_sorter_next(struct line_sorter *s, struct slice *ret);
#endif
