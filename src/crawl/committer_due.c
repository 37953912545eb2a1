#include "base/wire.h"
#include "crawl/committer_internal.h"
#include <endian.h>
#include <errno.h>
#include <inttypes.h>

/*
 * When which page is due, as "due/TIME KEY" in the meta table: where most pages are not, a
 * round begins without reading them all.
 *
 * That time depends on options.  "due-by" has a hash of these, and whether each page has its
 * place: then a round takes what is due from here, in the order of time.  Where it is not so
 * (other options, or a clock that was set back) all pages are read, and find their places
 * anew on the way.  Not kept at all where no further round is asked for.
 */

enum { DUE_A_SCAN = 4000, DUE_KEY_BYTES = 4 + 4 + KEY_BYTES };
#define DUE    SLICE_LIT("due/")
#define DUE_BY SLICE_LIT("due-by")

struct due_key {
	char text[DUE_KEY_BYTES];
};

static struct slice
due_key(struct due_key *k, uint32_t due_s, uint64_t authority_hash, uint64_t url_hash)
{
	struct slice prefix = DUE;
	uint32_t time = htobe32(due_s);
	struct key of;

	key_make(&of, authority_hash, url_hash);
	memcpy(k->text, prefix.ptr, 4);
	memcpy(k->text + 4, &time, 4);
	memcpy(k->text + 8, of.bytes, KEY_BYTES);
	return slice_of(k->text, sizeof(k->text));
}

static bool
due_key_parse(
    struct slice key, uint32_t *ret_due_s, uint64_t *ret_authority, uint64_t *ret_url)
{
	uint32_t time;

	if (key.len != DUE_KEY_BYTES)
		return false;
	memcpy(&time, key.ptr + 4, 4);
	*ret_due_s = be32toh(time);
	return key_parse(slice_from(key, 8), ret_authority, ret_url);
}

int
committer_due_put(
    struct committer *c, const struct urlrec *rec, const struct saved_page *page)
{
	int64_t at_ms =
	    recrawl_due_ms(&c->conf.recrawl, &page->history, page->asked_us / 1000);
	uint32_t at_s =
	    at_ms / 1000 >= UINT32_MAX ? UINT32_MAX : (uint32_t)(at_ms / 1000);
	struct due_key k;

	if (c->due.state == DUE_NONE)
		return 0;
	return store_batch_put(c->batch, STORE_META,
	    due_key(&k, at_s, rec->authority_hash, rec->url_hash), SLICE_LIT("1"));
}

/* ---- whose places these are ---- */

static int
put_by(struct committer *c)
{
	struct buf b;
	struct wire_out w = {.b = &b};

	buf_init(&b, 16);
	wire_u64(&w, c->due.by);
	wire_u8(&w, c->due.state == DUE_KEPT);
	if (w.err == 0)
		w.err = store_batch_put(c->batch, STORE_META, DUE_BY, buf_slice(&b));
	buf_release(&b);
	return w.err;
}

static int
get_by(struct committer *c, uint64_t *ret_by, bool *ret_whole)
{
	struct wire_in w;
	int r;

	*ret_by = 0;
	*ret_whole = false;
	buf_clear(&c->scratch);
	r = store_get(c->store, STORE_META, DUE_BY, &c->scratch);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	w = (struct wire_in){.rest = buf_slice(&c->scratch)};
	*ret_by = wire_get_u64(&w);
	*ret_whole = wire_get_u8(&w) != 0;
	return w.bad || w.rest.len > 0 ? -EBADMSG : 0;
}

static int
options_hash(const struct recrawl_conf *r, uint64_t *ret)
{
	struct buf b;
	int e;

	buf_init(&b, 256);
	e = buf_printf(&b, "%d %" PRId64 " %" PRId64 " %" PRId64, (int)r->mode,
	    r->interval_ms, r->min_ms, r->max_ms);
	if (e == 0)
		*ret = url_hash(buf_slice(&b), 0) | 1; /* 0: there are none */
	buf_release(&b);
	return e;
}

static bool
on_place(void *ctx, struct slice key, struct slice value)
{
	struct due_scan *s = ctx;
	uint64_t authority, url;
	uint32_t due_s;

	(void)value;
	if (!due_key_parse(key, &due_s, &authority, &url)) {
		s->err = -EBADMSG;
		return false;
	}
	if (due_s > s->until_s)
		return false;
	s->err = buf_add_slice(&s->keys, key);
	s->n++;
	return s->err == 0;
}

/* The next ones in the order of time, into s->keys. */
static int
scan(struct committer *c, struct due_scan *s)
{
	int r;

	buf_clear(&s->keys);
	s->n = 0;
	r = store_scan(c->store, STORE_META, DUE, slice_of(s->last, s->last_len),
	    DUE_A_SCAN, on_place, s);
	if (r == 0)
		r = s->err;
	if (r == 0 && s->n > 0) {
		memcpy(s->last, s->keys.ptr + s->keys.len - DUE_KEY_BYTES, DUE_KEY_BYTES);
		s->last_len = DUE_KEY_BYTES;
	}
	return r;
}

static struct slice
key_at(const struct due_scan *s, uint32_t i)
{
	return slice_of(s->keys.ptr + (size_t)i * DUE_KEY_BYTES, DUE_KEY_BYTES);
}

void
due_scan_init(struct due_scan *s, uint32_t until_s)
{
	*s = (struct due_scan){.until_s = until_s};
	buf_init(&s->keys, (size_t)DUE_A_SCAN * DUE_KEY_BYTES);
}

void
due_scan_release(struct due_scan *s)
{
	buf_release(&s->keys);
}

/* All of them, in batches of their own. */
static int
clear(struct committer *c)
{
	struct due_scan s;
	int r;

	due_scan_init(&s, UINT32_MAX);
	do {
		r = scan(c, &s);
		for (uint32_t i = 0; i < s.n && r == 0; i++)
			r = store_batch_delete(c->batch, STORE_META, key_at(&s, i));
		if (r == 0 && s.n > 0)
			r = group_commit(c);
	} while (r == 0 && s.n > 0);
	due_scan_release(&s);
	return r;
}

static int
build(struct committer *c)
{
	int r = clear(c);

	c->saved.round.after_len = 0;
	c->due.state = DUE_BUILDING;
	return r < 0 ? r : put_by(c);
}

int
committer_due_open(struct committer *c)
{
	bool whole, is_first = c->saved.runs == 1;
	bool set_back = c->conf.saved.at_us > committer_wall_us(c);
	uint64_t was;
	int r = get_by(c, &was, &whole);

	c->due.state = DUE_NONE;
	if (r == 0 && c->conf.recrawl_expected)
		r = options_hash(&c->conf.recrawl, &c->due.by);
	if (r < 0)
		return r;
	if (c->due.by != 0 && was == c->due.by && whole && !set_back) {
		c->due.state = DUE_KEPT;
		return 0;
	}
	if (c->due.by != 0 && is_first) {
		c->due.state = DUE_KEPT;
		return put_by(c);
	}
	if (c->due.by != 0 && c->saved.round.opening) {
		if (was != c->due.by || whole)
			return build(c);
		c->due.state = DUE_BUILDING; /* and was at it when it was killed */
		return 0;
	}
	return was == 0 ? 0 : store_batch_delete(c->batch, STORE_META, DUE_BY);
}

int
committer_due_built(struct committer *c)
{
	if (c->due.state != DUE_BUILDING)
		return 0;
	c->due.state = DUE_KEPT;
	return put_by(c);
}

/* ---- what is due ---- */

int
committer_due_some(
    struct committer *c, struct due_scan *s, committer_due_fn *fn, void *ctx)
{
	int r = scan(c, s);

	for (uint32_t i = 0; i < s->n && r == 0; i++) {
		struct slice key = key_at(s, i);
		uint64_t authority = 0, url = 0;
		uint32_t due_s = 0;

		if (!due_key_parse(key, &due_s, &authority, &url))
			return -EBADMSG;
		r = store_batch_delete(c->batch, STORE_META, key);
		if (r == 0)
			r = fn(ctx, authority, url);
	}
	return r;
}
