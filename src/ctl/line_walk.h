/*
 * ctl/line_walk.h -- a stretch of a file of lines, from a place onwards or backwards, whatever
 * the file's size.
 *
 * A place is the number of bytes before a line: 0, or behind a line's end.  Only whole lines
 * are told; one that is being written is not there yet.
 *
 * Owns:    nothing between calls.   Units: bytes.
 * Errors:  -errno of reading, -EINVAL: no place, -EBADMSG: a line without end, -ENOMEM.
 * Threads: any; blocks on the disk.
 */
#ifndef CTL_LINE_WALK_H
#define CTL_LINE_WALK_H
#include "base/slice.h"

enum { LINE_WALK_BYTES_MAX = 4 << 20 }; /* a line */

struct line_walk {
	bool backwards;
	uint64_t at;       /* the place; afterwards: where to go on */
	uint64_t scan_max; /* so many bytes, and what is left of the last line */
	bool is_over;      /* there was no more in that direction */
};
/* `at` for backwards: behind the last whole line.  -errno. */
int line_walk_end(int fd, uint64_t *ret_at);
enum { LINE_GO_ON, LINE_ENOUGH };
/* Each line without its end, until `fn` says LINE_ENOUGH (that line was the last) or -errno. */
typedef int line_walk_fn(void *ctx, struct slice line);
int line_walk(int fd, struct line_walk *w, line_walk_fn *fn, void *ctx);
#endif
