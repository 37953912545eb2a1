/*
 * base/dir_names.h -- names made in a directory by several files, synced once for all.
 *
 * A crawl opens six files in one directory and syncs each with its name.  A sync of the
 * directory covers all names made in it before; so whoever finds that another one's has
 * covered his needs none.
 *
 * Owns:    one object a directory (by device and inode) for all of the process, while
 *          somebody holds it; whoever opens gives it back.
 * Errors:  -errno; after a failed sync nobody's names count as synced, and everyone who
 *          tries is told through his own descriptor.
 * Threads: any.
 */
#ifndef BASE_DIR_NAMES_H
#define BASE_DIR_NAMES_H
#include <stdint.h>

struct dir_names;

int dir_names_open(int dir_fd, struct dir_names **ret);
void dir_names_close(struct dir_names *d);
/* A name was made, moved or taken away; returns what to give to dir_names_sync(). */
uint64_t dir_names_change(struct dir_names *d);
/* What was changed up to `change` survives a power loss. */
int dir_names_sync(struct dir_names *d, int dir_fd, uint64_t change);
#endif
