/*
 * sink/mirror_write.h -- makes DIR/mirror of what was committed; or makes it again.
 *
 *   index -> map: which record of a URL is the newest
 *   index -> newest ones: PAGE put together from its pieces, FILE moved in its place
 *         -> others: what they left under another name goes
 *
 * A file is written aside and renamed, so that there is never half of one; done again, after
 * a kill at any moment, it comes to the same.  Memory: the map's, and one document.
 *
 * Errors:  -errno with the sentence.
 * Threads: the store thread.
 */
#ifndef SINK_MIRROR_WRITE_H
#define SINK_MIRROR_WRITE_H
#include "sink/mirror_files.h"
#include <stdatomic.h>

/* `f` is synced.  hurry: when it is set, the rest is left for another day; may be NULL. */
int mirror_write(const struct mirror_files *f, const char *dir, const atomic_bool *hurry,
    struct why *why);
#endif
