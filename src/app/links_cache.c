#include "app/links_cache.h"
#include "app/app.h"
#include "base/file_whole.h"
#include "web/url.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { CACHE_BYTES_MAX = 256 << 20, CACHE_URLS_MAX = 1000000 };

/* False: it is no line of a cache. */
static bool
line_read(struct slice line, int64_t *ret_at_s, struct slice *ret_url)
{
	struct slice at;
	uint64_t n;

	if (!slice_cut(&line, '\t', &at) || !slice_to_u64(at, &n) || n > INT64_MAX ||
	    line.len == 0 || line.len > URL_BYTES_MAX)
		return false;
	*ret_at_s = (int64_t)n;
	*ret_url = line;
	return true;
}

static int
read_lines(struct links_cache *c, int64_t now_s, int64_t age_s, struct why *why)
{
	struct slice rest = buf_slice(&c->old), line, url;
	int64_t at_s;
	int r = 0;

	while (r == 0 && slice_cut(&rest, '\n', &line)) {
		if (line.len == 0)
			continue;
		if (!line_read(line, &at_s, &url))
			return why_set(
			    why, -EINVAL, "%s is no cache of check-links", c->path);
		if (at_s > now_s || now_s - at_s > age_s)
			continue;
		r = buf_add_slice(&c->fresh, url);
		if (r == 0)
			r = buf_add_byte(&c->fresh, '\n');
	}
	return r < 0 ? why_set(why, r, "%s: %s", c->path, strerrordesc_np(-r)) : 0;
}

int
links_cache_open(struct links_cache *c, const char *path, int64_t now_s, int64_t age_s,
    struct why *why)
{
	int r;

	*c = (struct links_cache){.path = path};
	buf_init(&c->old, CACHE_BYTES_MAX);
	buf_init(&c->fresh, CACHE_BYTES_MAX);
	buf_init(&c->lines, CACHE_BYTES_MAX);
	umap_init(&c->seen, CACHE_URLS_MAX);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	r = read_input(path, CACHE_BYTES_MAX, &c->old, why);
	if (r == 0)
		r = read_lines(c, now_s, age_s, why);
	if (r < 0)
		links_cache_release(c);
	return r;
}

int
links_cache_good(struct links_cache *c, struct slice url, int64_t at_s)
{
	size_t before = c->lines.len;
	int r = umap_put(&c->seen, siphash(url), c);

	if (r == -EEXIST || r == -ENOSPC)
		return 0;
	if (r == 0)
		r = buf_printf(&c->lines, "%" PRId64 "\t", at_s);
	if (r == 0)
		r = buf_add_slice(&c->lines, url);
	if (r == 0)
		r = buf_add_byte(&c->lines, '\n');
	if (r < 0)
		c->lines.len = before;
	return r == -EMSGSIZE ? 0 : r;
}

/* Those that were not met this time, or not asked for the cache's sake, keep their time. */
static int
add_old(struct links_cache *c)
{
	struct slice rest = buf_slice(&c->old), fresh = buf_slice(&c->fresh), line, url,
		     want = {0};
	bool more = slice_cut(&fresh, '\n', &want);
	int64_t at_s;
	int r = 0;

	/* `fresh` has the same URLs in the same order, without those that are too old. */
	while (r == 0 && more && slice_cut(&rest, '\n', &line)) {
		if (!line_read(line, &at_s, &url) || !slice_eq(url, want))
			continue;
		r = links_cache_good(c, url, at_s);
		more = slice_cut(&fresh, '\n', &want) && want.len > 0;
	}
	return r;
}

int
links_cache_write(struct links_cache *c, struct why *why)
{
	int r = add_old(c);

	if (r < 0)
		return why_set(why, r, "%s: %s", c->path, strerrordesc_np(-r));
	return file_whole_write_at(c->path, 0666, buf_slice(&c->lines), why);
}

void
links_cache_release(struct links_cache *c)
{
	buf_release(&c->old);
	buf_release(&c->fresh);
	buf_release(&c->lines);
	umap_release(&c->seen);
	*c = (struct links_cache){0};
}
