#include "crawl/reach.h"
#include "crawl/options.h"
#include <errno.h>

/* The lowest bits of a prefix's key say how many directories deep it is, so that nobody
 * looks deeper into a URL than the deepest seed lies; the greatest number means any. */
enum { DEPTH_MASK = 63 };

void
reach_init(struct reach *r, unsigned mode, uint64_t hash_seed)
{
	*r = (struct reach){.mode = mode, .hash_seed = hash_seed};
	umap_init(&r->keys, REACH_KEYS_MAX);
}

void
reach_release(struct reach *r)
{
	umap_release(&r->keys);
}

/* ---- keys ---- */

/* http and https on their default ports are one host to people. */
static uint64_t
host_key(const struct reach *r, const struct url *url)
{
	bool https = url_is_https(url);
	unsigned char port[3] = {0};

	if (url->port != (https ? 443 : 80)) {
		port[0] = https ? 2 : 1;
		port[1] = (unsigned char)(url->port >> 8);
		port[2] = (unsigned char)url->port;
	}
	return url_hash(slice_of((const char *)port, sizeof(port)),
	    url_hash(url_host(url), r->hash_seed));
}

/* From a directory's hash to that of one in it, which is the next of *path: each byte of a
 * path is hashed once, whatever its slashes.  False: there is none. */
static bool
into_directory(struct slice *path, uint64_t *hash)
{
	size_t at = slice_find(*path, '/');

	if (at == path->len)
		return false;
	*hash = url_hash(slice_head(*path, at + 1), *hash);
	*path = slice_from(*path, at + 1);
	return true;
}

static uint64_t
prefix_key(uint64_t hash, unsigned depth)
{
	return (hash & ~(uint64_t)DEPTH_MASK) | (depth < DEPTH_MASK ? depth : DEPTH_MASK);
}

uint64_t
reach_key(const struct reach *r, const struct url *seed)
{
	struct slice path = url_path(seed);
	unsigned depth = 0;
	uint64_t hash;

	switch (r->mode) {
	case SCOPE_PAGE:
		return url_hash(url_text(seed), r->hash_seed);
	case SCOPE_DOMAIN:
		return url_hash(url_site(url_host(seed)), r->hash_seed);
	case SCOPE_PREFIX:
		for (hash = host_key(r, seed); into_directory(&path, &hash);)
			depth++;
		return prefix_key(hash, depth);
	default:
		return host_key(r, seed);
	}
}

/* ---- the set ---- */

int
reach_add(struct reach *r, uint64_t key)
{
	static char yes;
	unsigned depth = key & DEPTH_MASK;
	int err = umap_put(&r->keys, key, &yes);

	if (err == 0 && r->mode == SCOPE_PREFIX && depth > r->deepest)
		r->deepest = depth;
	return err;
}

static bool
holds_prefix(const struct reach *r, const struct url *url)
{
	struct slice path = url_path(url);
	uint64_t hash = host_key(r, url);

	for (unsigned depth = 0; depth <= r->deepest || r->deepest == DEPTH_MASK;
	     depth++) {
		if (umap_get(&r->keys, prefix_key(hash, depth)) != NULL)
			return true;
		if (!into_directory(&path, &hash))
			return false;
	}
	return false;
}

bool
reach_holds(const struct reach *r, const struct url *url)
{
	switch (r->mode) {
	case SCOPE_PAGE:
	case SCOPE_HOST:
	case SCOPE_DOMAIN:
		return umap_get(&r->keys, reach_key(r, url)) != NULL;
	case SCOPE_PREFIX:
		return holds_prefix(r, url);
	default:
		return true;
	}
}
