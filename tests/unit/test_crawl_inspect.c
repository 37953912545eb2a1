#include "crawl/crawl.h"
#include "crawl/inspect.h"
#include "fetch/retry.h"
#include "frontier/keys.h"
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "store_dir.h"

/* Stores that were written by hand, with one thing wrong at a time. */

enum { HOSTS = 30, SEED = 7 };
static const int64_t wall_us = 1700000000000000;

struct env {
	const char *dir;
	struct job job;
	struct store_batch *b;
	struct saved saved;
	struct why why;
	char said[2048]; /* the differences */
};

/* ---- a crawl: host i has i URLs that wait, and one page that was fetched ---- */

static uint64_t
authority_of(int host)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "http://h%d.test", host);
	return url_hash(slice_cstr(text), SEED);
}

static void
put_seen(struct env *e, uint64_t authority, uint64_t url, enum outcome o)
{
	struct saved_seen v = {.outcome = o, .since_s = 1700000000};
	char bytes[SAVED_SEEN_BYTES];
	struct key k;

	saved_seen_encode(&v, bytes);
	key_make(&k, authority, url);
	assert_int_equal(store_batch_put(e->b, STORE_SEEN, key_whole(&k),
			     slice_of(bytes, sizeof(bytes))),
	    0);
}

static void
put_record(struct env *e, uint64_t authority, uint64_t order_key, const char *text,
    int64_t not_before_ms)
{
	struct urlrec rec = {.authority_hash = authority,
	    .url_hash = url_hash(slice_cstr(text), SEED),
	    .key = order_key,
	    .depth = 1,
	    .kind = LINK_A,
	    .not_before_ms = not_before_ms,
	    .url = slice_cstr(text),
	    .via = SLICE_LIT("http://h0.test/"),
	    .hops = SLICE_LIT("L")};
	struct buf b;
	struct key k;

	buf_init(&b, 1 << 16);
	key_make(&k, authority, order_key);
	assert_int_equal(urlrec_encode(&rec, &b), 0);
	assert_int_equal(
	    store_batch_put(e->b, STORE_QUEUE, key_whole(&k), buf_slice(&b)), 0);
	put_seen(e, authority, rec.url_hash, OUTCOME_NONE);
	buf_release(&b);
}

static void
put_queued(struct env *e, uint64_t authority, uint64_t order_key, const char *text)
{
	put_record(e, authority, order_key, text, 0);
}

/* `low`: as an older trawl has it, without, when 0. */
static void
put_count_low(struct env *e, uint64_t authority, uint64_t n, uint64_t low)
{
	struct host_key_text k;
	uint64_t value[] = {htole64(n), htole64(low)};

	assert_int_equal(
	    store_batch_put(e->b, STORE_HOST, host_key(&k, HOST_KEY_COUNT, authority),
		slice_of(
		    (const char *)value, low == 0 ? sizeof(value[0]) : sizeof(value))),
	    0);
}

static void
put_count(struct env *e, uint64_t authority, uint64_t n)
{
	put_count_low(e, authority, n, 0);
}

static void
put_mark(struct env *e, const char *sink, const char *mark)
{
	char key[64];

	(void)snprintf(key, sizeof(key), "sink/%s", sink);
	assert_int_equal(
	    store_batch_put(e->b, STORE_META, slice_cstr(key), slice_cstr(mark)), 0);
}

static void
fill(struct env *e)
{
	char text[64];

	for (int h = 0; h < HOSTS; h++) {
		for (int i = 0; i < h; i++) {
			(void)snprintf(text, sizeof(text), "http://h%d.test/%d", h, i);
			put_queued(e, authority_of(h), (uint64_t)i + 1, text);
		}
		if (h > 0)
			put_count(e, authority_of(h), (uint64_t)h);
		put_seen(e, authority_of(h), 1, OUTCOME_OK);
		e->saved.totals.queued += (uint64_t)h;
	}
	e->saved.totals.fetched = e->saved.totals.outcomes[OUTCOME_OK] = HOSTS;
	e->saved.totals.discovered = HOSTS + e->saved.totals.queued;
}

static void
commit(struct env *e)
{
	struct store_conf conf = {.dir = e->dir, .mode = STORE_MAKE};
	struct store *s;

	assert_int_equal(saved_put(e->b, &e->saved), 0);
	assert_int_equal(store_open("rocksdb", &conf, &s, &e->why), 0);
	assert_int_equal(store_apply(s, e->b, true, &e->why), 0);
	store_close(s);
}

static int
up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	e->dir = store_dir_new();
	e->saved = (struct saved){.hash_seed = SEED,
	    .seq = 1000,
	    .round.number = 1,
	    .runs = 1,
	    .began_us = wall_us,
	    .at_us = wall_us,
	    .order = "bfs",
	    .end = CRAWL_STOPPED};
	assert_int_equal(job_init(&e->job), 0);
	assert_int_equal(job_add_seed(&e->job, SLICE_LIT("http://h0.test/"), NULL), 0);
	assert_int_equal(store_batch_new(1 << 20, &e->b), 0);
	fill(e);
	*state = e;
	return 0;
}

static int
down(void **state)
{
	struct env *e = *state;

	store_batch_free(e->b);
	job_release(&e->job);
	free(e);
	store_dir_remove();
	return 0;
}

/* ---- looking ---- */

static void
on_difference(void *ctx, const char *sentence)
{
	struct env *e = ctx;
	size_t n = strlen(e->said);

	(void)snprintf(e->said + n, sizeof(e->said) - n, "%s\n", sentence);
}

static int
verify(struct env *e)
{
	struct inspect *in;
	int r;

	e->said[0] = '\0';
	assert_int_equal(inspect_open(e->dir, &e->job, wall_us, &in, &e->why), 0);
	r = inspect_verify(in, on_difference, e, &e->why);
	inspect_close(in);
	return r;
}

static void
expect_difference(struct env *e, const char *sentences)
{
	int n = 0;

	commit(e);
	for (const char *p = sentences; *p != '\0'; p++)
		n += *p == '\n';
	assert_int_equal(verify(e), n);
	assert_string_equal(e->said, sentences);
}

static void
a_whole_crawl_has_no_difference(void **state)
{
	expect_difference(*state, "");
}

static void
a_url_that_was_forgotten_is_missed(void **state)
{
	struct env *e = *state;
	struct key k;

	key_make(&k, authority_of(3), 1);
	assert_int_equal(store_batch_delete(e->b, STORE_SEEN, key_whole(&k)), 0);
	expect_difference(e, "outcome ok: 29 in the store, 30 in the sums\n"
			     "discovered: 464 in the store, 465 in the sums\n");
}

static void
a_url_that_is_in_no_queue_is_missed(void **state)
{
	struct env *e = *state;
	struct key k;

	key_make(&k, authority_of(5), 2);
	assert_int_equal(store_batch_delete(e->b, STORE_QUEUE, key_whole(&k)), 0);
	expect_difference(e, "queued: 434 in the store, 435 in the sums\n"
			     "discovered: 464 in the store, 465 in the sums\n"
			     "hosts with another number queued than is noted: 1\n");
}

static void
of_what_waits_the_queue_is_enough(void **state)
{
	struct env *e = *state;
	struct key k;

	key_make(&k, authority_of(5), url_hash(SLICE_LIT("http://h5.test/1"), SEED));
	assert_int_equal(store_batch_delete(e->b, STORE_SEEN, key_whole(&k)), 0);
	expect_difference(e, "");
}

static void
a_count_that_is_wrong_is_told(void **state)
{
	struct env *e = *state;

	put_count(e, authority_of(4), 5);
	put_count(e, authority_of(5), 4);
	put_count(e, 12345, 1); /* a host that has no queue */
	put_count(e, authority_of(1), 0);
	expect_difference(e, "hosts with another number queued than is noted: 4\n");
}

static void
a_record_before_the_mark_of_its_host_is_told(void **state)
{
	struct env *e = *state;

	/* Their records have the keys from 1 on. */
	put_count_low(e, authority_of(4), 4, 1);
	put_count_low(e, authority_of(5), 5, 2);
	put_count_low(e, authority_of(6), 6, 4);
	expect_difference(
	    e, "records of the queue before the place where their host's begin: 4\n");
}

static void
records_that_are_none_are_told(void **state)
{
	struct env *e = *state;
	struct key k;

	key_make(&k, authority_of(7), 1000);
	assert_int_equal(
	    store_batch_put(e->b, STORE_QUEUE, key_whole(&k), SLICE_LIT("junk")), 0);
	assert_int_equal(
	    store_batch_put(e->b, STORE_SEEN, SLICE_LIT("odd"), SLICE_LIT("junk")), 0);
	expect_difference(e, "damaged records of seen URLs: 1\n"
			     "damaged records of the queue: 1\n");
}

static void
sums_that_do_not_add_up_are_told(void **state)
{
	struct env *e = *state;

	e->saved.totals.fetched--;
	expect_difference(
	    e, "discovered 465 is not fetched 29 + failed 0 + rejected 0 + queued 435\n");
}

static void
files_are_held_against_their_marks(void **state)
{
	struct env *e = *state;
	char path[4096];

	put_mark(e, "jsonl", "3");
	put_mark(e, "crawl-log", "2");
	put_mark(e, "warc", "1 10 trawl-x-20260131120000123-00000.warc.gz urn:x");
	(void)snprintf(path, sizeof(path), "%s/pages.jsonl", e->dir);
	assert_int_equal(truncate(path, 0), -1); /* not there yet */
	fclose(fopen(path, "w"));
	assert_int_equal(truncate(path, 3), 0);
	(void)snprintf(path, sizeof(path), "%s/warc", e->dir);
	assert_int_equal(mkdir(path, 0777), 0);
	(void)snprintf(path, sizeof(path),
	    "%s/warc/trawl-x-20260131120000123-00000.warc.gz.open", e->dir);
	fclose(fopen(path, "w"));
	assert_int_equal(truncate(path, 9), 0);
	expect_difference(e,
	    "warc/trawl-x-20260131120000123-00000.warc.gz has 9 bytes, 10 were "
	    "committed\n"
	    "crawl.log is missing\n");
	assert_int_equal(truncate(path, 11), 0); /* it grows */
	assert_int_equal(verify(e), 1);
	put_mark(e, "jsonl", "3x");
	commit(e);
	assert_int_equal(verify(e), -EBADMSG);
	assert_non_null(strstr(e->why.text, "mark of jsonl is damaged"));
}

static void
the_hosts_with_most_that_waits_come_first(void **state)
{
	struct env *e = *state;
	struct inspect *in;
	struct inspect_status st;

	commit(e);
	assert_int_equal(inspect_open(e->dir, &e->job, wall_us, &in, &e->why), 0);
	assert_int_equal(inspect_status(in, &st, &e->why), 0);
	assert_false(st.running);
	assert_int_equal(st.saved.end, CRAWL_STOPPED);
	assert_int_equal(st.hosts_queued, HOSTS - 1);
	assert_int_equal(st.hosts_ready, HOSTS - 1);
	assert_int_equal(st.hosts_given_up, 0);
	assert_int_equal(st.busiest.n, INSPECT_HOSTS_MAX);
	for (int i = 0; i < INSPECT_HOSTS_MAX; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "http://h%d.test", HOSTS - 1 - i);
		assert_string_equal(st.busiest.v[i].authority, name);
		assert_int_equal(st.busiest.v[i].queued, HOSTS - 1 - i);
		assert_true(st.busiest.v[i].look.asks_robots);
	}
	inspect_close(in);
}

static void
one_that_waits_is_told_with_its_place(void **state)
{
	struct env *e = *state;
	struct inspect *in;
	struct inspect_url u;

	commit(e);
	assert_int_equal(inspect_open(e->dir, &e->job, wall_us, &in, &e->why), 0);
	assert_int_equal(
	    inspect_url(in, SLICE_LIT("HTTP://H9.test:80/x/../4#part"), &u, &e->why), 0);
	assert_true(slice_eq(u.url, SLICE_LIT("http://h9.test/4")));
	assert_true(u.known);
	assert_int_equal(u.outcome, OUTCOME_NONE);
	assert_int_equal(u.place, 5);
	assert_int_equal(u.queued, 9);
	assert_int_equal(u.depth, 1);
	assert_string_equal(u.kind, "a");
	assert_true(slice_eq(u.via, SLICE_LIT("http://h0.test/")));
	assert_int_equal(u.since_us, wall_us);
	assert_true(slice_eq(u.authority, SLICE_LIT("http://h9.test")));
	assert_int_equal(inspect_url(in, SLICE_LIT("http://h9.test/99"), &u, &e->why), 0);
	assert_false(u.known);
	assert_int_equal(u.would_be, OUTCOME_OUT_OF_SCOPE);
	assert_true(slice_eq(u.would_rule, SLICE_LIT("--scope host")));
	assert_int_equal(inspect_url(in, SLICE_LIT("http://h0.test/99"), &u, &e->why), 0);
	assert_int_equal(u.would_be, OUTCOME_NONE);
	assert_int_equal(inspect_url(in, SLICE_LIT("http://[/"), &u, &e->why), 0);
	assert_int_equal(u.would_be, OUTCOME_BAD_URL);
	inspect_close(in);
}

/* The clock was set back by a day since, or the record is damaged: a resume waits for the longest
 * delay of a retry at most. */
static void
a_retry_is_told_no_later_than_it_is_made(void **state)
{
	enum { LATER_MS = 86400000, SOON_MS = 5000 };
	const int64_t now_ms = wall_us / 1000;
	struct env *e = *state;
	struct inspect *in;
	struct inspect_url u;

	put_record(e, authority_of(9), 5, "http://h9.test/4", now_ms + LATER_MS);
	put_record(e, authority_of(9), 6, "http://h9.test/5", now_ms + SOON_MS);
	put_record(e, authority_of(9), 7, "http://h9.test/6", now_ms - SOON_MS);
	commit(e);
	assert_int_equal(inspect_open(e->dir, &e->job, wall_us, &in, &e->why), 0);
	assert_int_equal(inspect_url(in, SLICE_LIT("http://h9.test/4"), &u, &e->why), 0);
	assert_int_equal(u.not_before_ms, now_ms + FETCH_RETRY_MS_MAX);
	assert_int_equal(inspect_url(in, SLICE_LIT("http://h9.test/5"), &u, &e->why), 0);
	assert_int_equal(u.not_before_ms, now_ms + SOON_MS);
	assert_int_equal(inspect_url(in, SLICE_LIT("http://h9.test/6"), &u, &e->why), 0);
	assert_int_equal(u.not_before_ms, now_ms - SOON_MS);
	assert_int_equal(inspect_url(in, SLICE_LIT("http://h9.test/7"), &u, &e->why), 0);
	assert_int_equal(u.not_before_ms, 0);
	inspect_close(in);
}

static void
where_nothing_was_committed_there_is_nothing_to_see(void **state)
{
	struct env *e = *state;
	struct store_conf conf = {.dir = e->dir, .mode = STORE_MAKE};
	struct inspect *in;
	struct store *s;

	assert_int_equal(inspect_open(e->dir, &e->job, wall_us, &in, &e->why), -ENOENT);
	assert_int_equal(store_open("rocksdb", &conf, &s, &e->why), 0);
	store_close(s);
	assert_int_equal(inspect_open(e->dir, &e->job, wall_us, &in, &e->why), -ENOENT);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, up, down)
	const struct CMUnitTest tests[] = {
	    TEST(a_whole_crawl_has_no_difference),
	    TEST(a_url_that_was_forgotten_is_missed),
	    TEST(a_url_that_is_in_no_queue_is_missed),
	    TEST(of_what_waits_the_queue_is_enough),
	    TEST(a_count_that_is_wrong_is_told),
	    TEST(a_record_before_the_mark_of_its_host_is_told),
	    TEST(records_that_are_none_are_told),
	    TEST(sums_that_do_not_add_up_are_told),
	    TEST(files_are_held_against_their_marks),
	    TEST(the_hosts_with_most_that_waits_come_first),
	    TEST(one_that_waits_is_told_with_its_place),
	    TEST(a_retry_is_told_no_later_than_it_is_made),
	    TEST(where_nothing_was_committed_there_is_nothing_to_see),
	};

	return cmocka_run_group_tests_name("crawl/inspect", tests, NULL, NULL);
}
