#include "base/wire.h"
#include "crawl/crawl.h"
#include "crawl/saved.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BATCH_MAX = 1 << 16 };

struct env {
	struct store *s;
	struct store_batch *b;
	struct why why;
};

static int
up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	assert_int_equal(store_open("memory", NULL, &e->s, &e->why), 0);
	assert_int_equal(store_batch_new(BATCH_MAX, &e->b), 0);
	*state = e;
	return 0;
}

static int
down(void **state)
{
	struct env *e = *state;

	store_batch_free(e->b);
	store_close(e->s);
	free(e);
	return 0;
}

static void
put_bytes(struct env *e, struct slice bytes)
{
	assert_int_equal(store_batch_put(e->b, STORE_META, SLICE_LIT("crawl"), bytes), 0);
	assert_int_equal(store_apply(e->s, e->b, true, &e->why), 0);
}

static struct saved
some(void)
{
	struct saved v = {.hash_seed = UINT64_MAX,
	    .seq = 77,
	    .runs = 3,
	    .end = CRAWL_TIME,
	    .elapsed_ms = 123456,
	    .began_us = 1700000000000000,
	    .at_us = 1700000001000000,
	    .order = "priority",
	    .scope_hash = 0x123456789abcdef0,
	    .judge_anew = true,
	    .sinks = UINT32_MAX,
	    .fields_hash = 0x0fedcba987654321,
	    .more_us = 1700000000500000,
	    .reads_hash = 0xf00dcba987654321,
	    .agent_hash = 0x7654321f00dcba99,
	    .agent_us = 1700000000700000,
	    .round = {.number = 4,
		.opening = true,
		.whole = true,
		.after = "page/x",
		.after_len = 6,
		.pages0 = 12,
		.wire0_bytes = UINT64_C(1) << 33,
		.elapsed0_ms = 99}};

	for (size_t c = 0; c < WAIT_CAUSE_MAX; c++)
		v.wait_ms[c] = c * c + 1;
	v.totals.discovered = 10;
	v.totals.queued = 4;
	v.totals.fetched = v.totals.outcomes[OUTCOME_OK] = 6;
	v.totals.wire_bytes = UINT64_C(1) << 40;
	return v;
}

static void
what_is_saved_comes_back(void **state)
{
	struct env *e = *state;
	struct saved v = some(), got;

	assert_int_equal(saved_get(e->s, &got, &e->why), -ENOENT);
	assert_int_equal(saved_put(e->b, &v), 0);
	assert_int_equal(store_apply(e->s, e->b, true, &e->why), 0);
	memset(&got, 0xff, sizeof(got));
	assert_int_equal(saved_get(e->s, &got, &e->why), 0);
	assert_int_equal(got.hash_seed, v.hash_seed);
	assert_int_equal(got.seq, 77);
	assert_int_equal(got.runs, 3);
	assert_int_equal(got.end, CRAWL_TIME);
	assert_int_equal(got.elapsed_ms, 123456);
	assert_int_equal(got.began_us, v.began_us);
	assert_int_equal(got.at_us, v.at_us);
	assert_string_equal(got.order, "priority");
	assert_int_equal(got.scope_hash, v.scope_hash);
	assert_true(got.judge_anew);
	assert_int_equal(got.sinks, v.sinks);
	assert_int_equal(got.fields_hash, v.fields_hash);
	assert_int_equal(got.more_us, v.more_us);
	assert_int_equal(got.reads_hash, v.reads_hash);
	assert_int_equal(got.agent_hash, v.agent_hash);
	assert_int_equal(got.agent_us, v.agent_us);
	assert_memory_equal(got.wait_ms, v.wait_ms, sizeof(v.wait_ms));
	assert_memory_equal(&got.totals, &v.totals, sizeof(v.totals));
	assert_int_equal(got.round.number, 4);
	assert_true(got.round.opening && got.round.whole);
	assert_int_equal(got.round.after_len, 6);
	assert_memory_equal(got.round.after, "page/x", 6);
	assert_int_equal(got.round.pages0, 12);
	assert_int_equal(got.round.wire0_bytes, v.round.wire0_bytes);
	assert_int_equal(got.round.elapsed0_ms, 99);
}

/* As version 1 wrote it: up to the totals. */
static void
version_1(struct buf *out, uint8_t version, uint8_t end)
{
	struct wire_out w = {.b = out};
	struct saved v = some();
	struct buf totals;

	buf_init(&totals, 4096);
	wire_u8(&w, version);
	wire_u64(&w, v.hash_seed);
	wire_u64(&w, v.seq);
	wire_u32(&w, v.runs);
	wire_u8(&w, end);
	wire_u64(&w, (uint64_t)v.elapsed_ms);
	wire_u64(&w, (uint64_t)v.began_us);
	wire_u64(&w, (uint64_t)v.at_us);
	wire_text(&w, slice_cstr(v.order));
	assert_int_equal(totals_encode(&v.totals, &totals), 0);
	wire_text(&w, buf_slice(&totals));
	assert_int_equal(w.err, 0);
	buf_release(&totals);
}

static void
an_older_version_is_read(void **state)
{
	struct env *e = *state;
	struct saved got;
	struct buf b;

	buf_init(&b, 4096);
	version_1(&b, 1, SAVED_RUNNING);
	put_bytes(e, buf_slice(&b));
	assert_int_equal(saved_get(e->s, &got, &e->why), 0);
	assert_int_equal(got.end, SAVED_RUNNING);
	assert_int_equal(got.totals.fetched, 6);
	assert_int_equal(got.scope_hash, 0);
	assert_false(got.judge_anew);
	assert_int_equal(got.wait_ms[WAIT_CRAWL_DELAY], 0);
	assert_int_equal(got.round.number, 1);
	assert_false(got.round.opening);
	buf_release(&b);
}

/* As versions 5 and 4 wrote it: without the agent, and without the last hash. */
static void
what_was_not_noted_before_is_not_known(void **state)
{
	struct env *e = *state;
	struct saved v = some(), got;
	struct buf b;

	buf_init(&b, 4096);
	assert_int_equal(saved_put(e->b, &v), 0);
	assert_int_equal(store_apply(e->s, e->b, true, &e->why), 0);
	assert_int_equal(store_get(e->s, STORE_META, SLICE_LIT("crawl"), &b), 0);
	b.len -= sizeof(v.agent_hash) + sizeof(v.agent_us);
	b.ptr[0] = 5;
	put_bytes(e, buf_slice(&b));
	assert_int_equal(saved_get(e->s, &got, &e->why), 0);
	assert_int_equal(got.reads_hash, v.reads_hash);
	assert_int_equal(got.agent_hash, 0);
	assert_int_equal(got.agent_us, 0);
	b.ptr[0] = 4;
	put_bytes(e, slice_head(buf_slice(&b), b.len - sizeof(v.reads_hash)));
	assert_int_equal(saved_get(e->s, &got, &e->why), 0);
	assert_int_equal(got.more_us, v.more_us);
	assert_int_equal(got.reads_hash, 0);
	buf_release(&b);
}

static void
newer_versions_and_damaged_ones_are_refused(void **state)
{
	struct env *e = *state;
	struct saved v = some(), got;
	struct buf b, whole;

	buf_init(&b, 4096);
	buf_init(&whole, 4096);
	version_1(&b, 99, CRAWL_DONE);
	put_bytes(e, buf_slice(&b));
	assert_int_equal(saved_get(e->s, &got, &e->why), -EBADMSG);
	buf_clear(&b);
	version_1(&b, 1, CRAWL_END_MAX); /* an end that nobody has */
	put_bytes(e, buf_slice(&b));
	assert_int_equal(saved_get(e->s, &got, &e->why), -EBADMSG);
	assert_int_equal(saved_put(e->b, &v), 0);
	assert_int_equal(store_apply(e->s, e->b, true, &e->why), 0);
	assert_int_equal(store_get(e->s, STORE_META, SLICE_LIT("crawl"), &whole), 0);
	for (size_t n = 0; n < whole.len; n++) {
		put_bytes(e, slice_head(buf_slice(&whole), n));
		assert_int_equal(saved_get(e->s, &got, &e->why), -EBADMSG);
	}
	buf_release(&b);
	buf_release(&whole);
}

static void
what_became_of_a_url_comes_back(void **state)
{
	struct saved_seen v = {.outcome = OUTCOME_PARSE_TIMEOUT, .since_s = 1700000000},
			  got;
	char bytes[SAVED_SEEN_BYTES];

	(void)state;
	saved_seen_encode(&v, bytes);
	assert_int_equal(saved_seen_decode(slice_of(bytes, sizeof(bytes)), &got), 0);
	assert_int_equal(got.outcome, v.outcome);
	assert_int_equal(got.since_s, v.since_s);
	assert_int_equal(saved_seen_decode(slice_of(bytes, 4), &got), -EBADMSG);
	bytes[0] = (char)OUTCOME_MAX;
	assert_int_equal(
	    saved_seen_decode(slice_of(bytes, sizeof(bytes)), &got), -EBADMSG);
}

/* As the first version of the record had it. */
static void
put_first_version(struct env *e, uint64_t authority_hash, uint64_t url_hash)
{
	char name[SAVED_PAGE_KEY_BYTES];
	struct buf value;
	struct wire_out w = {.b = &value};
	struct key k;

	key_make(&k, authority_hash, url_hash);
	memcpy(name, "page/", 5);
	memcpy(name + 5, k.bytes, KEY_BYTES);
	buf_init(&value, 4096);
	wire_u8(&w, 1);
	wire_u64(&w, 1700000000123456);
	wire_text(&w, SLICE_LIT("sha1:ABC"));
	wire_text(&w, SLICE_LIT("W/\"a\""));
	wire_text(&w, (struct slice){0});
	assert_int_equal(w.err, 0);
	assert_int_equal(store_batch_put(e->b, STORE_META, slice_of(name, sizeof(name)),
			     buf_slice(&value)),
	    0);
	buf_release(&value);
}

static void
what_is_known_of_a_page_comes_back_with_how_it_was_found(void **state)
{
	struct env *e = *state;
	struct saved_page v = {.state = PAGE_GONE,
	    .fetched_us = 1700000000123456,
	    .asked_us = 1700000000923456,
	    .history =
		{.looks = 3, .changes = 2, .row = 1, .observed_ms = 70, .gap_ms = 30},
	    .original = {.id = {1, 2, 3}, .wall_us = 17, .uri = SLICE_LIT("http://b/")},
	    .etag = SLICE_LIT("W/\"a\""),
	    .last_modified = SLICE_LIT("Wed, 15 Nov 2023 00:00:00 GMT"),
	    .digest = SLICE_LIT("sha1:ABC")};
	struct urlrec rec = {.authority_hash = 7,
	    .url_hash = 8,
	    .attempts = 2,
	    .depth = 5,
	    .flags = URLREC_SEED | URLREC_AGAIN | URLREC_WHOLE,
	    .not_before_ms = 99,
	    .url = SLICE_LIT("http://a.test/x"),
	    .hops = SLICE_LIT("LL"),
	    .known = SLICE_LIT("old")};
	char text[SAVED_VALIDATOR_MAX + 1];
	struct saved_page got, known;
	struct urlrec back;
	struct buf value;

	buf_init(&value, 4096);
	memset(text, 'x', sizeof(text));
	assert_int_equal(saved_page_get(e->s, 7, 8, &value, &got), -ENOENT);
	assert_int_equal(saved_page_put(e->b, &rec, &v), 0);
	v.etag = slice_of(text, sizeof(text));
	rec.url_hash = 9;
	assert_int_equal(saved_page_put(e->b, &rec, &v), 0);
	put_first_version(e, 7, 10);
	assert_int_equal(store_apply(e->s, e->b, true, &e->why), 0);
	assert_int_equal(saved_page_get(e->s, 7, 8, &value, &got), 0);
	assert_int_equal(got.state, PAGE_GONE);
	assert_int_equal(got.fetched_us, v.fetched_us);
	assert_int_equal(got.asked_us, v.asked_us);
	assert_memory_equal(&got.history, &v.history, sizeof(v.history));
	assert_memory_equal(got.original.id, v.original.id, sizeof(v.original.id));
	assert_int_equal(got.original.wall_us, 17);
	assert_true(slice_eq(got.original.uri, SLICE_LIT("http://b/")));
	assert_true(slice_eq(got.etag, SLICE_LIT("W/\"a\"")));
	assert_true(slice_eq(got.last_modified, v.last_modified));
	assert_true(slice_eq(got.digest, v.digest));
	/* The record is as it was found, and what is known goes without it. */
	assert_int_equal(urlrec_decode(got.rec, &back), 0);
	assert_true(slice_eq(back.url, rec.url));
	assert_int_equal(back.depth, 5);
	assert_int_equal(back.flags, URLREC_SEED);
	assert_int_equal(back.attempts, 0);
	assert_int_equal(back.not_before_ms, 0);
	assert_int_equal(back.known.len, 0);
	assert_int_equal(
	    saved_page_decode(saved_page_known(buf_slice(&value), &got), &known), 0);
	assert_int_equal(known.rec.len, 0);
	assert_true(slice_eq(known.digest, v.digest));
	for (size_t n = 0; n < value.len - got.rec.len; n++)
		assert_int_equal(
		    saved_page_decode(slice_of(value.ptr, n), &known), -EBADMSG);
	/* Too long to be sent back, so not kept. */
	assert_int_equal(saved_page_get(e->s, 7, 9, &value, &got), 0);
	assert_int_equal(got.etag.len, 0);
	assert_true(slice_eq(got.last_modified, v.last_modified));
	/* Of an older trawl. */
	assert_int_equal(saved_page_get(e->s, 7, 10, &value, &got), 0);
	assert_int_equal(got.state, PAGE_THERE);
	assert_int_equal(got.asked_us, 1700000000123456);
	assert_true(slice_eq(got.etag, SLICE_LIT("W/\"a\"")));
	assert_int_equal(got.rec.len, 0);
	buf_release(&value);
}

static void
the_id_of_a_record_is_kept_in_16_bytes(void **state)
{
	static const char id[] = "urn:uuid:29650b6b-d7c5-4929-a7f2-370d589e900f";
	char text[SAVED_ORIGINAL_ID_MAX];
	struct saved_original o = {.wall_us = 1};

	(void)state;
	assert_false(saved_original_is(&o));
	assert_true(saved_original_parse(slice_cstr(id), o.id));
	assert_true(saved_original_is(&o));
	saved_original_id(&o, text);
	assert_string_equal(text, id);
	assert_false(saved_original_parse(SLICE_LIT("urn:uuid:29650b6b"), o.id));
	assert_false(saved_original_parse(SLICE_LIT("urn:oid:1"), o.id));
	saved_original_id(&o, text);
	assert_string_equal(text, id);
}

/* ---- seeds and cookies ---- */

struct ends {
	struct {
		uint64_t hash;
		enum outcome outcome;
		int status;
		char detail[SAVED_DETAIL_MAX];
		uint64_t next;
		size_t url_len;
	} v[4];
	size_t n;
};

static int
on_end(void *ctx, uint64_t hash, const struct saved_end *end)
{
	struct ends *e = ctx;

	assert_true(e->n < 4 && end->detail.len < SAVED_DETAIL_MAX);
	e->v[e->n].hash = hash;
	e->v[e->n].outcome = end->outcome;
	e->v[e->n].status = end->status;
	e->v[e->n].next = end->next;
	e->v[e->n].url_len = end->url.len;
	if (end->detail.len > 0)
		memcpy(e->v[e->n].detail, end->detail.ptr, end->detail.len);
	e->n++;
	return 0;
}

static void
what_a_seed_ended_with_comes_back(void **state)
{
	struct env *e = *state;
	char longer[2 * SAVED_DETAIL_MAX];
	struct saved_end refused = {
	    OUTCOME_NONE, 407, SLICE_LIT("who are you?"), .next = UINT64_MAX - 7};
	struct saved_end fetched = {OUTCOME_OK, 200, {longer, sizeof(longer)},
	    .url = SLICE_LIT("http://h.test/to")};
	struct ends ends = {.n = 0};

	assert_int_equal(saved_seeds(e->s, on_end, &ends), 0);
	assert_int_equal(ends.n, 0);
	memset(longer, 'x', sizeof(longer));
	assert_int_equal(saved_seed_put(e->b, 7, &refused), 0);
	assert_int_equal(saved_seed_put(e->b, UINT64_MAX - 7, &fetched), 0);
	/* As an older trawl wrote it: status, detail. */
	assert_int_equal(
	    store_batch_put(e->b, STORE_META, SLICE_LIT("seed/0000000000000008"),
		slice_of("\x90\x01\x02\0\0\0no", 8)),
	    0);
	assert_int_equal(store_apply(e->s, e->b, true, &e->why), 0);
	assert_int_equal(saved_seeds(e->s, on_end, &ends), 0);
	assert_int_equal(ends.n, 3);
	assert_true(ends.v[0].hash == 7 && ends.v[1].hash == 8 &&
		    ends.v[2].hash == UINT64_MAX - 7);
	assert_int_equal(ends.v[0].outcome, OUTCOME_NONE);
	assert_int_equal(ends.v[0].status, 407);
	assert_string_equal(ends.v[0].detail, "who are you?");
	assert_int_equal(ends.v[1].status, 400);
	assert_string_equal(ends.v[1].detail, "no");
	assert_int_equal(ends.v[2].outcome, OUTCOME_OK);
	assert_int_equal(strlen(ends.v[2].detail), SAVED_DETAIL_MAX - 1);
	assert_true(ends.v[0].next == UINT64_MAX - 7 && ends.v[1].next == 0 &&
		    ends.v[2].next == 0);
	assert_true(
	    ends.v[0].url_len == 0 && ends.v[1].url_len == 0 && ends.v[2].url_len == 16);
	assert_int_equal(store_batch_put(e->b, STORE_META,
			     SLICE_LIT("seed/0000000000000009"), SLICE_LIT("x")),
	    0);
	assert_int_equal(store_apply(e->s, e->b, true, &e->why), 0);
	ends.n = 0;
	assert_int_equal(saved_seeds(e->s, on_end, &ends), -EBADMSG);
}

static void
where_a_seed_leads_to_is_no_longer_than_is_kept(void **state)
{
	struct env *e = *state;
	char url[SAVED_LEADS_TO_MAX + 1];
	struct saved_end end = {OUTCOME_OK, 200, {0}, .url = {url, SAVED_LEADS_TO_MAX}};
	struct ends ends = {.n = 0};

	memset(url, 'u', sizeof(url));
	assert_int_equal(saved_seed_put(e->b, 7, &end), 0);
	assert_int_equal(store_apply(e->s, e->b, true, &e->why), 0);
	assert_int_equal(saved_seeds(e->s, on_end, &ends), 0);
	assert_int_equal(ends.v[0].url_len, SAVED_LEADS_TO_MAX);
	end.url.len++;
	assert_int_equal(saved_seed_put(e->b, 7, &end), 0);
	assert_int_equal(store_apply(e->s, e->b, true, &e->why), 0);
	assert_int_equal(saved_seeds(e->s, on_end, &ends), -EBADMSG);
}

struct texts {
	char text[64];
	size_t n;
};

static int
on_cookies(void *ctx, struct slice text)
{
	struct texts *t = ctx;

	(void)snprintf(t->text + strlen(t->text), 20, SLICE_FMT ";", SLICE_ARG(text));
	t->n++;
	return 0;
}

static void
cookies_of_sites_come_back_until_they_are_deleted(void **state)
{
	struct env *e = *state;
	struct texts t = {.n = 0};
	uint64_t hash = 1;

	assert_int_equal(saved_cookie_file(e->s, &hash), 0);
	assert_int_equal(hash, 0);
	assert_int_equal(saved_cookies_put(e->b, 1, SLICE_LIT("a")), 0);
	assert_int_equal(saved_cookies_put(e->b, 2, SLICE_LIT("b")), 0);
	assert_int_equal(saved_cookies_put(e->b, 2, SLICE_LIT("B")), 0);
	assert_int_equal(saved_cookies_put(e->b, 3, SLICE_LIT("c")), 0);
	assert_int_equal(saved_cookies_delete(e->b, 1), 0);
	assert_int_equal(saved_cookie_file_put(e->b, UINT64_MAX - 1), 0);
	assert_int_equal(saved_root_put(e->b, 4, SLICE_LIT("http://a.test/")), 0);
	assert_int_equal(store_apply(e->s, e->b, true, &e->why), 0);
	assert_int_equal(saved_cookies(e->s, on_cookies, &t), 0);
	assert_string_equal(t.text, "B;c;");
	assert_int_equal(saved_cookie_file(e->s, &hash), 0);
	assert_true(hash == UINT64_MAX - 1);
	assert_int_equal(
	    store_batch_put(e->b, STORE_META, SLICE_LIT("cookies"), SLICE_LIT("x")), 0);
	assert_int_equal(store_apply(e->s, e->b, true, &e->why), 0);
	assert_int_equal(saved_cookie_file(e->s, &hash), -EBADMSG);
}

struct seen_runs {
	struct saved_run v[3];
	uint32_t n;
};

static int
take_run(void *ctx, const struct saved_run *run)
{
	struct seen_runs *s = ctx;

	if (s->n == 3)
		return -E2BIG;
	s->v[s->n++] = *run;
	return 0;
}

static void
runs_come_back_in_order_and_each_as_it_was_last(void **state)
{
	struct env *e = *state;
	struct saved_run second = {.number = 2,
	    .round = 2,
	    .changes = {[PAGE_CHANGE_NEW] = 3, [PAGE_CHANGE_GONE] = 4},
	    .end = SAVED_RUNNING,
	    .began_us = 1700000000000000,
	    .at_us = 1700000001000000,
	    .elapsed_ms = 1000,
	    .pages = 5,
	    .wire_bytes = UINT64_C(1) << 40};
	struct saved_run first = {
	    .number = 1, .round = 1, .end = CRAWL_STOPPED, .why = "asked to"};
	struct seen_runs seen = {.n = 0};

	assert_int_equal(saved_runs(e->s, take_run, &seen), 0);
	assert_int_equal(seen.n, 0);
	assert_int_equal(saved_run_put(e->b, &second), 0);
	assert_int_equal(saved_run_put(e->b, &first), 0);
	second.end = CRAWL_DONE;
	assert_int_equal(saved_run_put(e->b, &second), 0);
	assert_int_equal(store_apply(e->s, e->b, true, &e->why), 0);
	assert_int_equal(saved_runs(e->s, take_run, &seen), 0);
	assert_int_equal(seen.n, 2);
	assert_memory_equal(&seen.v[0], &first, sizeof(first));
	assert_memory_equal(&seen.v[1], &second, sizeof(second));
}

static void
a_run_that_is_none_is_refused(void **state)
{
	struct env *e = *state;
	struct saved_run run = {.number = 1, .round = 1, .end = CRAWL_END_MAX};
	struct seen_runs seen = {.n = 0};

	assert_int_equal(saved_run_put(e->b, &run), 0);
	assert_int_equal(store_apply(e->s, e->b, true, &e->why), 0);
	assert_int_equal(saved_runs(e->s, take_run, &seen), -EBADMSG);
	assert_int_equal(store_batch_put(e->b, STORE_META, SLICE_LIT("run/00000001"),
			     SLICE_LIT("\1short")),
	    0);
	assert_int_equal(store_apply(e->s, e->b, true, &e->why), 0);
	assert_int_equal(saved_runs(e->s, take_run, &seen), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_is_saved_comes_back, up, down),
	    cmocka_unit_test_setup_teardown(an_older_version_is_read, up, down),
	    cmocka_unit_test_setup_teardown(
		what_was_not_noted_before_is_not_known, up, down),
	    cmocka_unit_test_setup_teardown(
		newer_versions_and_damaged_ones_are_refused, up, down),
	    cmocka_unit_test(what_became_of_a_url_comes_back),
	    cmocka_unit_test_setup_teardown(
		what_is_known_of_a_page_comes_back_with_how_it_was_found, up, down),
	    cmocka_unit_test(the_id_of_a_record_is_kept_in_16_bytes),
	    cmocka_unit_test_setup_teardown(
		runs_come_back_in_order_and_each_as_it_was_last, up, down),
	    cmocka_unit_test_setup_teardown(a_run_that_is_none_is_refused, up, down),
	    cmocka_unit_test_setup_teardown(what_a_seed_ended_with_comes_back, up, down),
	    cmocka_unit_test_setup_teardown(
		where_a_seed_leads_to_is_no_longer_than_is_kept, up, down),
	    cmocka_unit_test_setup_teardown(
		cookies_of_sites_come_back_until_they_are_deleted, up, down),
	};

	return cmocka_run_group_tests_name("crawl/saved", tests, NULL, NULL);
}
