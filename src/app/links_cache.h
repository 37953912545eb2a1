/*
 * app/links_cache.h -- which outside links were good, and when: what check-links --cache
 * keeps from run to run.  Lines "SECONDS<TAB>URL", sorted by nothing.
 *
 * Owns:    the bytes of the file.   Units: seconds since 1970.
 * Errors:  -EINVAL, -ENOMEM, -errno, with the sentence.   Threads: one at a time.
 */
#ifndef APP_LINKS_CACHE_H
#define APP_LINKS_CACHE_H
#include "base/buf.h"
#include "base/map.h"
#include "base/why.h"

struct links_cache {
	const char *path;
	struct buf old;   /* the file */
	struct buf fresh; /* URLs of it that need not be asked, one a line */
	struct buf lines; /* that are to be written */
	struct umap seen; /* of these, the hashes of URLs */
};

/* Of a file that is not there: an empty one.  What is older than age_s is forgotten. */
int links_cache_open(struct links_cache *c, const char *path, int64_t now_s,
    int64_t age_s, struct why *why);
int links_cache_good(struct links_cache *c, struct slice url, int64_t at_s);
int links_cache_write(struct links_cache *c, struct why *why);
void links_cache_release(struct links_cache *c); /* also of one that is zeroed */
#endif
