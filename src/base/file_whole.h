/*
 * base/file_whole.h -- a small file that is replaced whole or not at all.
 *
 * Through a temporary name beside it, so that a reader, and whoever comes after a crash or
 * a power loss, finds the old file or the new one.
 *
 * The temporary name is the same each time, so that what a crash left is gone with the next
 * file; its writer has a lock on it meanwhile (flock(2)).
 *
 * Errors:  -errno with the sentence; then the old file is as it was.  -EBUSY: somebody else
 *          writes it, and of a small one still after two seconds.
 * Threads: any.
 */
#ifndef BASE_FILE_WHOLE_H
#define BASE_FILE_WHOLE_H
#include "base/slice.h"
#include "base/why.h"
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* DIR/NAME; `mode` as of open(2). */
int file_whole_write(
    const char *dir, const char *name, mode_t mode, struct slice text, struct why *why);
/*
 * At a path that a user gave.  What a link leads to is replaced, or made, and not the link; what
 * is no regular file, such as /dev/null or a pipe, is written into, and neither replaced nor given
 * another mode.  A kill may leave what a link leads to empty where there was nothing; a failure does
 * not.
 */
int file_whole_write_at(
    const char *path, mode_t mode, struct slice text, struct why *why);
/* The same as the first, but that its name is the caller's to make durable, with dir_sync(). */
int file_whole_put(
    const char *dir, const char *name, mode_t mode, struct slice text, struct why *why);
/*
 * For larger files of the same kind: a stream under the temporary name, to be read and
 * written.  What a crash left there, or somebody put there in a directory of all, is not
 * written into.
 */
struct file_whole {
	FILE *f;
	const char *path; /* borrowed */
	char fresh[PATH_MAX + 8];
};
int file_whole_begin(
    struct file_whole *w, const char *path, mode_t mode, struct why *why);
/* What was written takes the place of what is at the path, durably; unless `replace`, only
 * if nothing is: -EEXIST.  `r` < 0: it is thrown away, and that is returned. */
int file_whole_end(struct file_whole *w, int r, bool replace, struct why *why);
/* One without a name in that directory, gone when it is closed: its descriptor, or -errno. */
int file_unnamed(const char *dir);
/* The names in a directory survive a power loss from now on. */
int dir_sync(const char *dir);
#endif
