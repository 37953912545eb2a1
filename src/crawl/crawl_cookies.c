#include <errno.h>

#include "base/log.h"
#include "crawl/crawl_internal.h"
#include "store/store.h"

/*
 * The jar of a run.  What a site set is in the batch with the page that it set it with,
 * so that a resume has the cookies that belong to what was fetched.  The file of
 * --cookies is older than that, unless it is another than it was.
 */

enum { NOTE_BYTES_MAX = 4096 };

struct loading {
	struct crawl *c;
	int64_t now_s;
};

static int
on_saved(void *ctx, struct slice text)
{
	struct loading *l = ctx;
	int r = jar_site_load(l->c->jar, text, l->now_s);

	if (r != -EBADMSG)
		return r;
	log_warn("the store has cookies that cannot be read: they are left out");
	return 0;
}

static int
load_saved(struct crawl *c, struct store *store, struct why *why)
{
	struct loading l = {.c = c, .now_s = loop_wall_us(c->loop) / 1000000};
	int r = c->o->fetch_accept_cookies ? saved_cookies(store, on_saved, &l) : 0;

	return r < 0 ? why_set(why, r, "cannot read the store: %s", strerror(-r)) : 0;
}

static int
read_file(struct crawl *c, struct why *why)
{
	int r = jar_read(c->jar, c->conf.cookies, loop_wall_us(c->loop) / 1000000, why);

	return r < 0 ? why_prefix(why, r, "--cookies: %s", c->o->fetch_cookies) : 0;
}

static int
note_file(struct store *store, uint64_t hash, struct why *why)
{
	struct store_batch *b;
	int r = store_batch_new(NOTE_BYTES_MAX, &b);

	if (r < 0)
		return why_set(why, r, "out of memory");
	r = saved_cookie_file_put(b, hash);
	if (r == 0)
		r = store_apply(store, b, true, why);
	store_batch_free(b);
	return r;
}

int
crawl_open_jar(struct crawl *c, struct store *store, struct why *why)
{
	uint64_t was, is = 0;
	int r = jar_new(&c->jar);

	if (r < 0)
		return why_set(why, r, "out of memory");
	if (c->conf.cookies.len > 0)
		is = url_hash(c->conf.cookies, c->hash_seed);
	r = saved_cookie_file(store, &was);
	if (r < 0)
		return why_set(why, r, "cannot read the store: %s", strerror(-r));
	if (is == was) {
		r = read_file(c, why);
		return r < 0 ? r : load_saved(c, store, why);
	}
	r = load_saved(c, store, why);
	if (r == 0)
		r = read_file(c, why);
	return r < 0 ? r : note_file(store, is, why);
}

static struct slice
host_of(struct slice authority)
{
	struct slice host = slice_from(authority, slice_find(authority, '/') + 2);
	size_t end = slice_find(host, ']');

	return slice_head(host, end < host.len ? end + 1 : slice_find(host, ':'));
}

/*
 * A site that has no cookies any more needs no record, unless the file of --cookies has
 * some for it, which then do not count.  So there are no more records than the jar may
 * have cookies, whatever number of hosts was asked.
 */
static void
note_gone(struct commit *m, uint64_t site)
{
	if (m->cookies_gone_len < COMMIT_GONE_MAX)
		m->cookies_gone[m->cookies_gone_len++] = site;
}

void
crawl_save_cookies(struct crawl *c, const struct urlrec *rec, struct commit *m)
{
	struct slice host = host_of(urlrec_authority(rec));
	int64_t now_s = loop_wall_us(c->loop) / 1000000;

	m->cookies_gone_len = 0;
	while (m->cookies_gone_len < COMMIT_GONE_MAX - 1 &&
	       jar_site_gone(c->jar, &m->cookies))
		note_gone(m, url_hash(buf_slice(&m->cookies), c->hash_seed));
	buf_clear(&m->cookies);
	if (!jar_site_save(c->jar, host, now_s, &m->cookies))
		return;
	m->cookies_site = url_hash(url_site(host), c->hash_seed);
	if (c->conf.cookies.len > 0 ||
	    slice_find(buf_slice(&m->cookies), '\n') + 1 < m->cookies.len)
		return;
	buf_clear(&m->cookies);
	note_gone(m, m->cookies_site);
}

int
crawl_cookies(const struct crawl *c, struct buf *out)
{
	return jar_write(c->jar, loop_wall_us(c->loop) / 1000000, out);
}
