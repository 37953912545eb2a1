#include "crawl/saved.h"
#include "base/wire.h"
#include "crawl/crawl.h"
#include "web/url.h"
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAVED_VERSION = 6, RUN_VERSION = 2, SAVED_BYTES_MAX = 4096 };

/* Since version 2. */
static bool
decode_more(struct wire_in *w, struct saved *v)
{
	uint8_t causes;

	v->scope_hash = wire_get_u64(w);
	v->judge_anew = wire_get_u8(w) != 0;
	causes = wire_get_u8(w); /* an older program knew fewer */
	if (causes > WAIT_CAUSE_MAX)
		return false;
	for (size_t c = 0; c < causes; c++)
		v->wait_ms[c] = wire_get_u64(w);
	return true;
}

/* Since version 3. */
static bool
decode_round(struct wire_in *w, struct saved_round *v)
{
	struct slice after;

	v->number = wire_get_u32(w);
	v->opening = wire_get_u8(w) != 0;
	v->whole = wire_get_u8(w) != 0;
	v->pages0 = wire_get_u64(w);
	v->wire0_bytes = wire_get_u64(w);
	v->elapsed0_ms = (int64_t)wire_get_u64(w);
	after = wire_get_text(w);
	if (v->number == 0 || after.len > sizeof(v->after))
		return false;
	v->after_len = (uint8_t)after.len;
	if (after.len > 0)
		memcpy(v->after, after.ptr, after.len);
	return true;
}

/* Since version 4. */
static void
decode_wants(struct wire_in *w, struct saved *v)
{
	v->sinks = wire_get_u32(w);
	v->fields_hash = wire_get_u64(w);
	v->more_us = (int64_t)wire_get_u64(w);
}

static void
encode_round(struct wire_out *w, const struct saved_round *v)
{
	wire_u32(w, v->number);
	wire_u8(w, v->opening);
	wire_u8(w, v->whole);
	wire_u64(w, v->pages0);
	wire_u64(w, v->wire0_bytes);
	wire_u64(w, (uint64_t)v->elapsed0_ms);
	wire_text(w, slice_of(v->after, v->after_len));
}

static int
decode(struct slice s, struct saved *ret)
{
	struct wire_in w = {.rest = s};
	struct saved v = {.round.number = 1};
	struct slice order, totals;
	uint8_t version = wire_get_u8(&w);

	if (version == 0 || version > SAVED_VERSION)
		return -EBADMSG;
	v.hash_seed = wire_get_u64(&w);
	v.seq = wire_get_u64(&w);
	v.runs = wire_get_u32(&w);
	v.end = wire_get_u8(&w);
	v.elapsed_ms = (int64_t)wire_get_u64(&w);
	v.began_us = (int64_t)wire_get_u64(&w);
	v.at_us = (int64_t)wire_get_u64(&w);
	order = wire_get_text(&w);
	totals = wire_get_text(&w);
	if (version >= 2 && !decode_more(&w, &v))
		return -EBADMSG;
	if (version >= 3 && !decode_round(&w, &v.round))
		return -EBADMSG;
	if (version >= 4)
		decode_wants(&w, &v);
	if (version >= 5)
		v.reads_hash = wire_get_u64(&w);
	if (version >= 6) {
		v.agent_hash = wire_get_u64(&w);
		v.agent_us = (int64_t)wire_get_u64(&w);
	}
	if (v.end >= CRAWL_END_MAX && v.end != SAVED_RUNNING)
		return -EBADMSG;
	if (w.bad || w.rest.len > 0 || order.len >= SAVED_ORDER_MAX ||
	    totals_decode(totals, &v.totals) < 0)
		return -EBADMSG;
	memcpy(v.order, order.ptr, order.len);
	*ret = v;
	return 0;
}

int
saved_get(struct store *s, struct saved *ret, struct why *why)
{
	struct buf value;
	int r;

	buf_init(&value, SAVED_BYTES_MAX);
	r = store_get(s, STORE_META, SLICE_LIT("crawl"), &value);
	if (r == 0) {
		r = decode(buf_slice(&value), ret);
		if (r < 0)
			(void)why_set(why, r,
			    "the store says of its crawl what cannot be read: it is "
			    "damaged, "
			    "or of a newer trawl");
	} else if (r == -ENOENT) {
		(void)why_set(why, r, "the store holds no crawl");
	} else if (why != NULL) {
		*why = *store_why(s);
	}
	buf_release(&value);
	return r;
}

int
saved_put(struct store_batch *b, const struct saved *v)
{
	struct buf value, totals;
	struct wire_out w = {.b = &value};

	buf_init(&value, SAVED_BYTES_MAX);
	buf_init(&totals, SAVED_BYTES_MAX);
	wire_u8(&w, SAVED_VERSION);
	wire_u64(&w, v->hash_seed);
	wire_u64(&w, v->seq);
	wire_u32(&w, v->runs);
	wire_u8(&w, v->end);
	wire_u64(&w, (uint64_t)v->elapsed_ms);
	wire_u64(&w, (uint64_t)v->began_us);
	wire_u64(&w, (uint64_t)v->at_us);
	wire_text(&w, slice_cstr(v->order));
	if (w.err == 0)
		w.err = totals_encode(&v->totals, &totals);
	wire_text(&w, buf_slice(&totals));
	wire_u64(&w, v->scope_hash);
	wire_u8(&w, v->judge_anew);
	wire_u8(&w, WAIT_CAUSE_MAX);
	for (size_t c = 0; c < WAIT_CAUSE_MAX; c++)
		wire_u64(&w, v->wait_ms[c]);
	encode_round(&w, &v->round);
	wire_u32(&w, v->sinks);
	wire_u64(&w, v->fields_hash);
	wire_u64(&w, (uint64_t)v->more_us);
	wire_u64(&w, v->reads_hash);
	wire_u64(&w, v->agent_hash);
	wire_u64(&w, (uint64_t)v->agent_us);
	if (w.err == 0)
		w.err =
		    store_batch_put(b, STORE_META, SLICE_LIT("crawl"), buf_slice(&value));
	buf_release(&value);
	buf_release(&totals);
	return w.err;
}

struct roots {
	saved_root_fn *fn;
	void *ctx;
	int err;
};

static bool
on_root(void *ctx, struct slice key, struct slice value)
{
	struct roots *r = ctx;

	(void)key;
	r->err = r->fn(r->ctx, value);
	return r->err == 0;
}

static int
each_value(struct store *s, struct slice prefix, saved_root_fn *fn, void *ctx)
{
	struct roots roots = {.fn = fn, .ctx = ctx};
	int r = store_scan(
	    s, STORE_META, prefix, (struct slice){0}, UINT32_MAX, on_root, &roots);

	return r < 0 ? r : roots.err;
}

int
saved_roots(struct store *s, saved_root_fn *fn, void *ctx)
{
	return each_value(s, SLICE_LIT("root/"), fn, ctx);
}

int
saved_root_put(struct store_batch *b, uint64_t url_hash, struct slice url)
{
	char key[32];

	(void)snprintf(key, sizeof(key), "root/%016" PRIx64, url_hash);
	return store_batch_put(b, STORE_META, slice_cstr(key), url);
}

/* ---- runs ---- */

struct run_key {
	char text[32];
};

static struct slice
run_key(struct run_key *k, uint32_t number)
{
	(void)snprintf(k->text, sizeof(k->text), "run/%08" PRIx32, number);
	return slice_cstr(k->text);
}

int
saved_run_put(struct store_batch *b, const struct saved_run *v)
{
	struct run_key key;
	struct buf value;
	struct wire_out w = {.b = &value};

	buf_init(&value, SAVED_BYTES_MAX);
	wire_u8(&w, RUN_VERSION);
	wire_u32(&w, v->number);
	wire_u8(&w, v->end);
	wire_u64(&w, (uint64_t)v->began_us);
	wire_u64(&w, (uint64_t)v->at_us);
	wire_u64(&w, (uint64_t)v->elapsed_ms);
	wire_u64(&w, v->pages);
	wire_u64(&w, v->wire_bytes);
	wire_text(&w, slice_cstr(v->why));
	wire_u32(&w, v->round);
	wire_u8(&w, PAGE_CHANGE_MAX);
	for (size_t c = 0; c < PAGE_CHANGE_MAX; c++)
		wire_u64(&w, v->changes[c]);
	if (w.err == 0)
		w.err = store_batch_put(
		    b, STORE_META, run_key(&key, v->number), buf_slice(&value));
	buf_release(&value);
	return w.err;
}

/* Since version 2. */
static bool
run_decode_more(struct wire_in *w, struct saved_run *v)
{
	uint8_t changes;

	v->round = wire_get_u32(w);
	changes = wire_get_u8(w); /* an older program knew fewer */
	if (v->round == 0 || changes > PAGE_CHANGE_MAX)
		return false;
	for (size_t c = 0; c < changes; c++)
		v->changes[c] = wire_get_u64(w);
	return true;
}

static int
run_decode(struct slice s, struct saved_run *ret)
{
	struct wire_in w = {.rest = s};
	struct saved_run v = {.round = 1};
	struct slice why;
	uint8_t version = wire_get_u8(&w);

	if (version == 0 || version > RUN_VERSION)
		return -EBADMSG;
	v.number = wire_get_u32(&w);
	v.end = wire_get_u8(&w);
	v.began_us = (int64_t)wire_get_u64(&w);
	v.at_us = (int64_t)wire_get_u64(&w);
	v.elapsed_ms = (int64_t)wire_get_u64(&w);
	v.pages = wire_get_u64(&w);
	v.wire_bytes = wire_get_u64(&w);
	why = wire_get_text(&w);
	if (version >= 2 && !run_decode_more(&w, &v))
		return -EBADMSG;
	if (w.bad || w.rest.len > 0 || why.len >= SAVED_WHY_MAX ||
	    (v.end >= CRAWL_END_MAX && v.end != SAVED_RUNNING))
		return -EBADMSG;
	memcpy(v.why, why.ptr == NULL ? "" : why.ptr, why.len);
	*ret = v;
	return 0;
}

int
saved_run_get(struct store *s, uint32_t number, struct saved_run *ret)
{
	struct run_key key;
	struct buf value;
	int r;

	buf_init(&value, SAVED_BYTES_MAX);
	r = store_get(s, STORE_META, run_key(&key, number), &value);
	if (r == 0)
		r = run_decode(buf_slice(&value), ret);
	buf_release(&value);
	return r;
}

struct runs {
	saved_run_fn *fn;
	void *ctx;
};

static int
on_run(void *ctx, struct slice value)
{
	struct runs *r = ctx;
	struct saved_run run;
	int e = run_decode(value, &run);

	return e < 0 ? e : r->fn(r->ctx, &run);
}

int
saved_runs(struct store *s, saved_run_fn *fn, void *ctx)
{
	struct runs r = {.fn = fn, .ctx = ctx};

	return each_value(s, SLICE_LIT("run/"), on_run, &r);
}

/* ---- seeds ---- */

static const struct slice seed_prefix = SLICE_LIT("seed/");

struct saved_end
saved_end_of(const struct urlrec *rec, const struct sink_event *e, uint64_t hash_seed)
{
	bool told = (rec->flags & URLREC_SEED) == 0 && rec->url.len <= SAVED_LEADS_TO_MAX;
	bool leads = e->outcome == OUTCOME_REDIRECT && e->redirect_to.len > 0;

	return (struct saved_end){.outcome = e->outcome,
	    .status = e->status,
	    .detail = e->detail,
	    .next = leads ? url_hash(e->redirect_to, hash_seed) : 0,
	    .url = told ? rec->url : (struct slice){0}};
}

int
saved_seed_put(struct store_batch *b, uint64_t url_hash, const struct saved_end *end)
{
	char key[32];
	struct buf value;
	struct wire_out w = {.b = &value};

	(void)snprintf(key, sizeof(key), "seed/%016" PRIx64, url_hash);
	buf_init(&value, SAVED_BYTES_MAX);
	wire_u16(&w, (uint16_t)end->status);
	wire_text(&w, slice_head(end->detail, SAVED_DETAIL_MAX - 1));
	wire_u8(&w, (uint8_t)end->outcome);
	wire_u64(&w, end->next);
	wire_text(&w, end->url);
	if (w.err == 0)
		w.err =
		    store_batch_put(b, STORE_META, slice_cstr(key), buf_slice(&value));
	buf_release(&value);
	return w.err;
}

struct seeds {
	saved_seed_fn *fn;
	void *ctx;
	int err;
};

static int
read_seed(struct slice key, struct slice value, uint64_t *ret_hash, struct saved_end *ret)
{
	struct wire_in w = {.rest = value};
	char digits[17], *end;
	unsigned outcome;

	*ret = (struct saved_end){0};
	key = slice_from(key, seed_prefix.len);
	ret->status = wire_get_u16(&w);
	ret->detail = wire_get_text(&w);
	/* An older trawl did not write it down. */
	outcome = w.rest.len == 0 ? OUTCOME_NONE : wire_get_u8(&w);
	if (w.rest.len > 0) {
		ret->next = wire_get_u64(&w);
		ret->url = wire_get_text(&w);
	}
	if (key.len != 16 || w.bad || ret->detail.len >= SAVED_DETAIL_MAX ||
	    ret->url.len > SAVED_LEADS_TO_MAX || outcome >= OUTCOME_MAX)
		return -EBADMSG;
	memcpy(digits, key.ptr, 16);
	digits[16] = '\0';
	*ret_hash = strtoull(digits, &end, 16);
	ret->outcome = (enum outcome)outcome;
	return *end == '\0' ? 0 : -EBADMSG;
}

static bool
on_seed(void *ctx, struct slice key, struct slice value)
{
	struct seeds *s = ctx;
	struct saved_end end;
	uint64_t hash;

	s->err = read_seed(key, value, &hash, &end);
	if (s->err == 0)
		s->err = s->fn(s->ctx, hash, &end);
	return s->err == 0;
}

int
saved_seeds(struct store *s, saved_seed_fn *fn, void *ctx)
{
	struct seeds seeds = {.fn = fn, .ctx = ctx};
	int r = store_scan(
	    s, STORE_META, seed_prefix, (struct slice){0}, UINT32_MAX, on_seed, &seeds);

	return r < 0 ? r : seeds.err;
}

struct cookies_key {
	char text[32];
};

static struct slice
cookies_key(struct cookies_key *k, uint64_t site_hash)
{
	(void)snprintf(k->text, sizeof(k->text), "cookies/%016" PRIx64, site_hash);
	return slice_cstr(k->text);
}

int
saved_cookies_put(struct store_batch *b, uint64_t site_hash, struct slice text)
{
	struct cookies_key k;

	return store_batch_put(b, STORE_META, cookies_key(&k, site_hash), text);
}

int
saved_cookies_delete(struct store_batch *b, uint64_t site_hash)
{
	struct cookies_key k;

	return store_batch_delete(b, STORE_META, cookies_key(&k, site_hash));
}

int
saved_cookies(struct store *s, saved_root_fn *fn, void *ctx)
{
	return each_value(s, SLICE_LIT("cookies/"), fn, ctx);
}

int
saved_cookie_file(struct store *s, uint64_t *ret_hash)
{
	struct buf value;
	struct wire_in w;
	int r;

	buf_init(&value, sizeof(*ret_hash));
	r = store_get(s, STORE_META, SLICE_LIT("cookies"), &value);
	w = (struct wire_in){.rest = buf_slice(&value)};
	if (r == 0)
		*ret_hash = wire_get_u64(&w);
	else if (r == -ENOENT)
		*ret_hash = 0;
	buf_release(&value);
	if (r == -ENOENT)
		return 0;
	return r == 0 && w.bad ? -EBADMSG : r;
}

int
saved_cookie_file_put(struct store_batch *b, uint64_t hash)
{
	char value[sizeof(hash)];

	memcpy(value, &hash, sizeof(hash));
	return store_batch_put(
	    b, STORE_META, SLICE_LIT("cookies"), slice_of(value, sizeof(value)));
}

void
saved_seen_encode(const struct saved_seen *v, char ret[SAVED_SEEN_BYTES])
{
	uint32_t since = htole32(v->since_s);

	ret[0] = (char)v->outcome;
	memcpy(ret + 1, &since, sizeof(since));
}

int
saved_seen_decode(struct slice value, struct saved_seen *ret)
{
	uint32_t since;

	if (value.len != SAVED_SEEN_BYTES || (uint8_t)value.ptr[0] >= OUTCOME_MAX)
		return -EBADMSG;
	memcpy(&since, value.ptr + 1, sizeof(since));
	ret->outcome = (enum outcome)value.ptr[0];
	ret->since_s = le32toh(since);
	return 0;
}
