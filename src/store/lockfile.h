/*
 * store/lockfile.h -- a file that one process at a time has locked.
 *
 * A POSIX record lock: it goes with its process however that ends, children do not
 * inherit it, and who holds it can be asked.  It does not keep one process from locking
 * twice, so those that are held are listed here.
 *
 * Owns:    a struct lockfile its descriptor; the file itself stays, it means nothing.
 * Errors:  -EBUSY, with the sentence "WHAT is in use by process N"; -errno of open().
 * Threads: any.
 */
#ifndef STORE_LOCKFILE_H
#define STORE_LOCKFILE_H
#include "base/why.h"
#include <stdbool.h>
#include <stdint.h>

struct lockfile;
int lockfile_take(
    const char *path, const char *what, struct lockfile **ret, struct why *why);
bool lockfile_is_taken(const char *path); /* by any process */
/* False: by none.  0: by one that has no number here. */
bool lockfile_owner(const char *path, int64_t *ret_pid);
void lockfile_free(struct lockfile *l);   /* NULL is fine */
#endif
