/*
 * base/dir_make.h -- a directory with all above it, so that a power loss leaves it there.
 *
 * What is synced inside of a directory is lost as a whole when its own name is not durable.
 * Each directory is made only when the one above it is, so whoever is killed in between leaves
 * at most one whose name is not: the deepest.  That is why the name of the deepest one that
 * is there already is synced, too.
 *
 * Owns:    nothing.
 * Errors:  -errno; what was made by then stays.  -ENOTDIR: something else has that name.
 * Threads: any; it waits for the disk, so not the loop.
 */
#ifndef BASE_DIR_MAKE_H
#define BASE_DIR_MAKE_H
#include <limits.h>
#include <sys/types.h>

/* Being there already is fine.  `mode` as of mkdir(2), for each one that is made. */
int dir_make(const char *path, mode_t mode);
/* The directory that a path names a file in; "." where it names none.  A path that is too long
 * is cut. */
void dir_of(const char *path, char ret[PATH_MAX]);
/* Where files are that nobody is to find: $TMPDIR, or /tmp.  Nothing is made. */
const char *temporary_dir(void);
#endif
