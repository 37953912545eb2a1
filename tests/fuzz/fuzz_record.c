/*
 * Input: a letter that says what it is, then a value as it lies in the store.
 *   u  a URL that waits       h  a host         c  its count and low mark
 *   p  a page that was asked  k  what its URL knows of it
 *   s  of a URL that was seen
 *   m  of the crawl: a line with the key, then the value
 * What is accepted lies in the value and keeps its limits; written again it is the same.
 */
#include "crawl/saved.h"
#include "frontier/hostcount.h"
#include "frontier/hostrec.h"
#include "fuzz.h"
#include "web/url.h"

#define WALL_MS INT64_C(1700000000000)

static const struct frontier_now now = {5000000, WALL_MS};

static void
url_use(struct slice value)
{
	struct urlrec r, *copy;
	struct buf out, twice;

	if (urlrec_decode(value, &r) != 0)
		return;
	FUZZ_CHECK(r.kind < LINK_KIND_MAX);
	FUZZ_CHECK(r.url.len > 0 && r.url.len <= URL_BYTES_MAX);
	FUZZ_CHECK(r.via.len <= URL_BYTES_MAX);
	FUZZ_CHECK(fuzz_lies_in(r.url, value) && fuzz_lies_in(r.via, value));
	FUZZ_CHECK(fuzz_lies_in(r.hops, value) && fuzz_lies_in(r.known, value));
	FUZZ_CHECK(fuzz_lies_in(urlrec_authority(&r), r.url));
	copy = urlrec_new(&r);
	FUZZ_CHECK(copy != NULL);
	buf_init(&out, value.len + 4);
	buf_init(&twice, value.len + 4);
	FUZZ_CHECK(urlrec_encode(&r, &out) == 0 && urlrec_encode(copy, &twice) == 0);
	FUZZ_CHECK(slice_eq(buf_slice(&out), buf_slice(&twice)));
	FUZZ_CHECK(urlrec_decode(buf_slice(&out), &r) == 0);
	buf_release(&twice);
	buf_release(&out);
	urlrec_free(copy);
}

static const struct frontier_conf conf = {.robots = true,
    .per_host = 1,
    .delay_ms = -1,
    .delay_auto_max_ms = 30000,
    .crawl_delay_max_ms = 60000,
    .robots_ttl_ms = 86400000,
    .dead_after = 5};

/* Written again it comes to the same turn. */
static void
host_again(struct slice value, const struct hostrec_outlook *o)
{
	struct hostrec_outlook again;
	struct hostq *h;
	struct buf out;

	buf_init(&out, 1 << 10);
	FUZZ_CHECK(hostq_new(NULL, 1, SLICE_LIT("http://h"), &h) == 0);
	FUZZ_CHECK(hostrec_decode(value, &now, h) == 0);
	FUZZ_CHECK(hostrec_encode(h, &now, &out) == 0);
	FUZZ_CHECK(hostrec_outlook(buf_slice(&out), &conf, WALL_MS, &again) == 0);
	FUZZ_CHECK(again.due_wall_ms == o->due_wall_ms && again.doom == o->doom &&
		   again.waits_for == o->waits_for);
	hostq_free(NULL, h);
	buf_release(&out);
}

static void
host_use(struct slice value)
{
	struct hostrec_outlook o;
	struct hostrec_brief b;
	int r = hostrec_brief(value, &b);

	if (value.len == 0) /* who was never asked has no record */
		return;
	FUZZ_CHECK((hostrec_outlook(value, &conf, WALL_MS, &o) == 0) == (r == 0));
	if (r != 0)
		return;
	FUZZ_CHECK(fuzz_lies_in(b.authority, value));
	FUZZ_CHECK(b.doom < OUTCOME_MAX && o.doom < OUTCOME_MAX);
	FUZZ_CHECK(b.waits_for < WAIT_CAUSE_MAX && o.waits_for < WAIT_CAUSE_MAX);
	FUZZ_CHECK(o.due_wall_ms >= WALL_MS);
	host_again(value, &o);
}

static void
count_use(struct slice value)
{
	uint64_t n, low, n_again, low_again;
	char out[HOSTCOUNT_BYTES];

	if (hostcount_decode(value, &n, &low) != 0)
		return;
	hostcount_encode(n, low, out);
	FUZZ_CHECK(
	    hostcount_decode(slice_of(out, sizeof(out)), &n_again, &low_again) == 0);
	FUZZ_CHECK(n == n_again && low == low_again);
	FUZZ_CHECK(value.len != sizeof(out) || memcmp(out, value.ptr, sizeof(out)) == 0);
}

static void
page_use(struct slice value)
{
	char id[SAVED_ORIGINAL_ID_MAX];
	uint8_t bytes[16];
	struct saved_page v;
	struct urlrec rec;
	struct slice known;

	if (saved_page_decode(value, &v) != 0)
		return;
	FUZZ_CHECK(v.state < PAGE_STATE_MAX && v.history.changes <= v.history.looks);
	FUZZ_CHECK(fuzz_lies_in(v.etag, value) && fuzz_lies_in(v.last_modified, value));
	FUZZ_CHECK(fuzz_lies_in(v.digest, value) && fuzz_lies_in(v.rec, value));
	FUZZ_CHECK(fuzz_lies_in(v.original.uri, value));
	known = saved_page_known(value, &v);
	FUZZ_CHECK(saved_page_decode(known, &v) == 0);
	saved_original_id(&v.original, id);
	FUZZ_CHECK(saved_original_parse(slice_cstr(id), bytes) &&
		   memcmp(bytes, v.original.id, sizeof(bytes)) == 0);
	(void)urlrec_decode(v.rec, &rec);
}

static void
seen_use(struct slice value)
{
	char out[SAVED_SEEN_BYTES];
	struct saved_seen v, again;

	if (saved_seen_decode(value, &v) != 0)
		return;
	FUZZ_CHECK(v.outcome < OUTCOME_MAX);
	saved_seen_encode(&v, out);
	FUZZ_CHECK(saved_seen_decode(slice_of(out, sizeof(out)), &again) == 0);
	FUZZ_CHECK(v.outcome == again.outcome && v.since_s == again.since_s);
}

static int
on_run(void *ctx, const struct saved_run *run)
{
	struct store_batch *b = ctx;

	FUZZ_CHECK(memchr(run->why, '\0', sizeof(run->why)) != NULL && run->round > 0);
	return saved_run_put(b, run);
}

static int
on_seed(void *ctx, uint64_t hash, const struct saved_end *end)
{
	struct store_batch *b = ctx;

	FUZZ_CHECK(end->outcome < OUTCOME_MAX && end->detail.len < SAVED_DETAIL_MAX);
	FUZZ_CHECK(end->url.len <= SAVED_LEADS_TO_MAX);
	return saved_seed_put(b, hash, end);
}

static int
on_text(void *ctx, struct slice text)
{
	FUZZ_CHECK(text.len <= *(const size_t *)ctx);
	return 0;
}

static void
meta_use(struct slice rest, size_t size)
{
	struct slice key = slice_head(fuzz_line(&rest), STORE_KEY_MAX);
	struct store_batch *b;
	struct saved saved;
	struct store *s;
	struct why why;
	uint64_t hash;

	FUZZ_CHECK(store_open("memory", NULL, &s, &why) == 0);
	FUZZ_CHECK(store_batch_new(1 << 20, &b) == 0);
	if (key.len > 0) {
		FUZZ_CHECK(store_batch_put(b, STORE_META, key, rest) == 0);
		FUZZ_CHECK(store_apply(s, b, false, &why) == 0);
	}
	if (saved_get(s, &saved, &why) == 0) {
		FUZZ_CHECK(memchr(saved.order, '\0', sizeof(saved.order)) != NULL);
		FUZZ_CHECK(saved.round.after_len <= sizeof(saved.round.after));
		FUZZ_CHECK(saved_put(b, &saved) == 0);
	}
	(void)saved_runs(s, on_run, b);
	(void)saved_seeds(s, on_seed, b);
	(void)saved_roots(s, on_text, &size);
	(void)saved_cookies(s, on_text, &size);
	(void)saved_cookie_file(s, &hash);
	FUZZ_CHECK(store_apply(s, b, false, &why) == 0);
	store_batch_free(b);
	store_close(s);
}

FUZZ_TARGET(record)
{
	struct slice rest = slice_of(data, size), value;
	uint8_t what = fuzz_byte(&rest);

	value = fuzz_copy(rest);
	switch (what) {
	case 'u':
		url_use(value);
		break;
	case 'h':
		host_use(value);
		break;
	case 'c':
		count_use(value);
		break;
	case 'p':
	case 'k':
		page_use(value);
		break;
	case 's':
		seen_use(value);
		break;
	default:
		meta_use(value, size);
	}
	fuzz_copy_free(value);
	return 0;
}
