/*
 * crawl/reach.h -- what the seeds reach, however many they are: a set of keys.
 *
 * A key is the hash, under the crawl's seed, of what one seed reaches by the scope's mode:
 *   page     the URL
 *   host     the host and its port; http and https on their default ports are one
 *   domain   the registrable domain
 *   prefix   the host, and the directories of the path
 *   any      (there are no keys: everything is in reach)
 * So a look-up costs the same for one seed and a million, and a key has 8 bytes whatever
 * the seed's length.  Two that differ are one by chance only, once in some 10^18: the
 * hashes are those that the set of seen URLs relies on, too.
 *
 * Owns:    its table.
 * Errors:  of adding: -EEXIST, it is there; -ENOSPC at REACH_KEYS_MAX; -ENOMEM.
 * Threads: one user at a time.
 */
#ifndef CRAWL_REACH_H
#define CRAWL_REACH_H
#include "base/map.h"
#include "web/url.h"

enum { REACH_KEYS_MAX = 6000000 };

struct reach {
	unsigned mode; /* enum scope_mode: SCOPE_PAGE ... */
	uint64_t hash_seed;
	unsigned deepest; /* directories of the deepest prefix */
	struct umap keys;
};

void reach_init(struct reach *r, unsigned mode, uint64_t hash_seed);
void reach_release(struct reach *r);
/* Of what a seed there reaches. */
uint64_t reach_key(const struct reach *r, const struct url *seed);
int reach_add(struct reach *r, uint64_t key);
bool reach_holds(const struct reach *r, const struct url *url);
#endif
