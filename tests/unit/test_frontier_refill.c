#include "frontier_rig.h"

/* What the store would answer: keys `first` to `last` of bfs at depth 0. */
static struct urlrec
stored(uint64_t n)
{
	static char text[4][32];
	char *url = text[n % 4];
	struct urlrec r = {.kind = LINK_A, .key = n};

	(void)snprintf(url, sizeof(text[0]), "http://a/%d", (int)n);
	r.url = slice_cstr(url);
	r.url_hash = url_hash(r.url, 1);
	r.authority_hash = rig_hash("http://a");
	return r;
}

static void
start(struct rig *rig, const char *order)
{
	struct frontier_conf conf = rig_conf();

	conf.order = order_find(slice_cstr(order));
	conf.window_max = 4;
	rig_start(rig, &conf);
}

/* Keys from..to, added in that order. */
static void
add(struct rig *rig, uint64_t from, uint64_t to)
{
	uint64_t n = from;

	for (;; n += from <= to ? 1 : UINT64_MAX) {
		struct urlrec r = stored(n);

		assert_int_equal(frontier_add(rig->f, &r, rig->now), 0);
		frontier_check(rig->f);
		if (n == to)
			break;
	}
}

/* Takes a turn; it must be the one with key `n`.  The request ends at once. */
static void
take(struct rig *rig, uint64_t n)
{
	struct urlrec want = stored(n);
	char url[32];

	(void)snprintf(url, sizeof(url), SLICE_FMT, SLICE_ARG(want.url));
	rig_expect_url(rig, url);
	rig_ok(rig, "http://a", 0);
}

static void
expect_want(struct rig *rig, uint64_t after)
{
	struct frontier_want want;

	assert_true(frontier_wants(rig->f, &want));
	frontier_check(rig->f);
	assert_int_equal(want.authority_hash, rig_hash("http://a"));
	assert_int_equal(want.after_key, after);
	assert_true(want.max > 0);
	assert_false(want.rules);
}

static void
expect_no_want(struct rig *rig)
{
	struct frontier_want want;

	assert_false(frontier_wants(rig->f, &want));
}

static void
refill(struct rig *rig, uint64_t after, uint64_t from, uint64_t to, bool more)
{
	struct urlrec recs[4];
	size_t n = 0;

	for (uint64_t k = from; k <= to; k++)
		recs[n++] = stored(k);
	assert_int_equal(
	    frontier_refill(rig->f, rig_hash("http://a"), after, recs, n, more, rig->now),
	    0);
	frontier_check(rig->f);
}

static void
a_small_queue_never_asks_the_store(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig, "bfs");
	add(&rig, 1, 4);
	for (uint64_t i = 1; i <= 4; i++) {
		expect_no_want(&rig);
		take(&rig, i);
	}
	expect_no_want(&rig);
	rig_expect_idle(&rig, INT64_MAX);
	rig_stop(&rig);
}

static void
what_does_not_fit_is_counted_and_fetched_again_in_time(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig, "bfs");
	add(&rig, 1, 10);
	assert_int_equal(rig_stats(&rig).queued, 10);
	expect_no_want(&rig);
	take(&rig, 1);
	take(&rig, 2);
	expect_no_want(&rig);
	take(&rig, 3);
	expect_want(&rig, 4);
	expect_no_want(&rig); /* told once */
	refill(&rig, 4, 5, 7, true);
	assert_int_equal(rig_stats(&rig).queued, 7);
	for (uint64_t i = 4; i <= 6; i++)
		take(&rig, i);
	expect_want(&rig, 7);
	refill(&rig, 7, 8, 10, false);
	for (uint64_t i = 7; i <= 10; i++)
		take(&rig, i);
	expect_no_want(&rig);
	assert_int_equal(rig_stats(&rig).queued, 0);
	rig_stop(&rig);
}

static void
what_is_added_past_the_mark_does_not_overtake_what_lies_beyond(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig, "bfs");
	add(&rig, 1, 6);
	take(&rig, 1);
	take(&rig, 2);
	add(&rig, 7, 7);
	take(&rig, 3);
	take(&rig, 4);
	rig_expect_idle(&rig, INT64_MAX);
	expect_want(&rig, 4);
	refill(&rig, 4, 5, 7, false);
	for (uint64_t i = 5; i <= 7; i++)
		take(&rig, i);
	rig_stop(&rig);
}

static void
an_empty_window_waits_for_the_store(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig, "bfs");
	add(&rig, 1, 6);
	for (uint64_t i = 1; i <= 4; i++)
		take(&rig, i);
	rig_expect_idle(&rig, INT64_MAX);
	assert_int_equal(rig_stats(&rig).hosts_blocked, 1);
	assert_int_equal(rig_stats(&rig).waiting_now[WAIT_STORE_BEHIND], 1);
	expect_want(&rig, 4);
	refill(&rig, 4, 5, 6, false);
	take(&rig, 5);
	take(&rig, 6);
	rig_stop(&rig);
}

static void
an_answer_that_is_out_of_date_is_asked_for_anew(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig, "bfs");
	add(&rig, 11, 16);
	take(&rig, 11);
	take(&rig, 12);
	take(&rig, 13);
	expect_want(&rig, 14);
	add(&rig, 4, 1); /* overflow: now the mark is lower */
	assert_int_equal(rig_stats(&rig).queued, 7);
	for (uint64_t i = 1; i <= 3; i++)
		take(&rig, i);
	expect_no_want(&rig);
	refill(&rig, 14, 15, 16, false);
	assert_int_equal(rig_stats(&rig).queued, 4);
	expect_want(&rig, 4);
	refill(&rig, 4, 14, 16, false);
	take(&rig, 4);
	for (uint64_t i = 14; i <= 16; i++)
		take(&rig, i);
	expect_no_want(&rig);
	rig_stop(&rig);
}

/* An answer may hold more than there is room for. */
static void
what_an_answer_has_too_much_stays_in_the_store(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig, "bfs");
	add(&rig, 1, 9);
	take(&rig, 1);
	take(&rig, 2);
	take(&rig, 3);
	expect_want(&rig, 4);
	refill(&rig, 4, 5, 8, true);
	assert_int_equal(rig_stats(&rig).queued, 6);
	for (uint64_t i = 4; i <= 6; i++)
		take(&rig, i);
	expect_want(&rig, 7);
	refill(&rig, 7, 8, 9, false);
	for (uint64_t i = 7; i <= 9; i++)
		take(&rig, i);
	rig_stop(&rig);
}

/* With keys that decrease, what is in flight lies past the mark. */
static void
what_was_handed_out_does_not_come_back_by_a_refill(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig, "bfs");
	add(&rig, 10, 10);
	rig_expect_url(&rig, "http://a/10"); /* stays in flight */
	add(&rig, 9, 1);
	assert_int_equal(rig_stats(&rig).queued, 9);
	rig_ok(&rig, "http://a", 0); /* ended, but not committed */
	take(&rig, 1);
	take(&rig, 2);
	take(&rig, 3);
	expect_want(&rig, 4);
	refill(&rig, 4, 5, 7, true);
	take(&rig, 4);
	take(&rig, 5);
	take(&rig, 6);
	expect_want(&rig, 7);
	refill(&rig, 7, 8, 10, false);
	take(&rig, 7);
	take(&rig, 8);
	take(&rig, 9);
	rig_expect_idle(&rig, INT64_MAX);
	assert_int_equal(rig_stats(&rig).queued, 0);
	rig_stop(&rig);
}

/* Once it is settled the frontier forgets it: the key could come again. */
static void
a_settled_record_is_forgotten(void **state)
{
	struct rig rig;
	uint64_t before;

	(void)state;
	start(&rig, "bfs");
	before = rig_stats(&rig).memory_bytes;
	for (uint64_t i = 1; i <= 2000; i++) {
		add(&rig, i, i);
		take(&rig, i);
		frontier_settled(rig.f, rig_hash("http://a"), i);
	}
	/* One host, and the smallest table of what is out. */
	assert_true(rig_stats(&rig).memory_bytes < before + 4096);
	for (uint64_t i = 2001; i <= 4000; i++) {
		add(&rig, i, i);
		take(&rig, i);
	}
	assert_true(rig_stats(&rig).memory_bytes > before + 2000 * 16);
	rig_stop(&rig);
}

static void
a_refill_with_only_known_records_goes_on_behind_them(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig, "bfs");
	add(&rig, 10, 10);
	take(&rig, 10);
	add(&rig, 11, 11);
	take(&rig, 11);
	add(&rig, 20, 20);
	add(&rig, 4, 1);
	for (uint64_t i = 1; i <= 4; i++)
		take(&rig, i);
	expect_want(&rig, 4);
	refill(&rig, 4, 10, 11, true);
	expect_want(&rig, 11);
	refill(&rig, 11, 20, 20, false);
	take(&rig, 20);
	rig_stop(&rig);
}

static void
what_the_store_does_not_show_yet_is_asked_for_again(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig, "bfs");
	add(&rig, 1, 6);
	for (uint64_t i = 1; i <= 4; i++)
		take(&rig, i);
	expect_want(&rig, 4);
	refill(&rig, 4, 1, 0, false);
	expect_no_want(&rig);
	rig_expect_idle(&rig, 100);
	assert_int_equal(rig_stats(&rig).waiting_now[WAIT_STORE_BEHIND], 1);
	rig.now += 100;
	rig_expect_idle(&rig, INT64_MAX);
	expect_want(&rig, 0);
	refill(&rig, 0, 5, 5, false); /* half of it */
	take(&rig, 5);
	expect_want(&rig, 5);
	refill(&rig, 5, 6, 6, false);
	take(&rig, 6);
	expect_no_want(&rig);
	rig_stop(&rig);
}

/* The mark went past the key of a record that the store could not show yet. */
static void
what_the_store_passed_over_is_found_in_the_end(void **state)
{
	struct urlrec recs[2];
	struct rig rig;

	(void)state;
	start(&rig, "bfs");
	add(&rig, 1, 7);
	for (uint64_t i = 1; i <= 4; i++)
		take(&rig, i);
	expect_want(&rig, 4);
	recs[0] = stored(5);
	recs[1] = stored(7); /* 6 is in a batch that is not applied */
	assert_int_equal(
	    frontier_refill(rig.f, rig_hash("http://a"), 4, recs, 2, false, rig.now), 0);
	take(&rig, 5);
	take(&rig, 7);
	expect_want(&rig, 7);
	refill(&rig, 7, 1, 0, false);
	rig.now += 100;
	rig_expect_idle(&rig, INT64_MAX);
	expect_want(&rig, 0);
	refill(&rig, 0, 4, 7, false); /* 4, 5 and 7 are not committed */
	take(&rig, 6);
	expect_no_want(&rig);
	rig_expect_idle(&rig, INT64_MAX);
	assert_int_equal(rig_stats(&rig).queued, 0);
	rig_stop(&rig);
}

static void
records_of_others_and_out_of_order_are_left_out(void **state)
{
	struct urlrec recs[4];
	struct rig rig;

	(void)state;
	start(&rig, "bfs");
	add(&rig, 1, 6);
	for (uint64_t i = 1; i <= 4; i++)
		take(&rig, i);
	expect_want(&rig, 4);
	recs[0] = stored(2);
	recs[1] = stored(5);
	recs[2] = stored(5);
	recs[3] = stored(6);
	recs[3].authority_hash++;
	assert_int_equal(
	    frontier_refill(rig.f, rig_hash("http://a"), 4, recs, 4, true, rig.now), 0);
	assert_int_equal(frontier_refill(rig.f, 12345, 4, recs, 4, true, rig.now), 0);
	take(&rig, 5);
	assert_int_equal(rig_stats(&rig).queued, 1);
	expect_want(&rig, 5);
	refill(&rig, 5, 6, 6, false);
	take(&rig, 6);
	rig_stop(&rig);
}

static void
a_retry_past_the_mark_comes_once(void **state)
{
	struct urlrec *rec;
	struct rig rig;

	(void)state;
	start(&rig, "bfs");
	add(&rig, 7, 7);
	assert_int_equal(rig_next(&rig), FRONTIER_URL);
	rec = rig.turn.rec;
	rig_ok(&rig, "http://a", 0);
	assert_int_equal(
	    frontier_retry(rig.f, rec, rig.now + 10, WAIT_RETRY, rig.now), 0);
	add(&rig, 6, 1);
	for (uint64_t i = 1; i <= 3; i++)
		take(&rig, i);
	rig.now += 10;
	assert_int_equal(rig_stats(&rig).queued, 4); /* 4, 7 in the window, 5, 6 beyond */
	take(&rig, 4);
	expect_want(&rig, 4);
	refill(&rig, 4, 5, 7, false); /* the store has 7, too */
	for (uint64_t i = 5; i <= 7; i++)
		take(&rig, i);
	rig_expect_idle(&rig, INT64_MAX);
	assert_int_equal(rig_stats(&rig).queued, 0);
	rig_stop(&rig);
}

static void
a_retry_that_finds_the_window_full_comes_back_by_a_refill(void **state)
{
	struct urlrec *rec;
	struct rig rig;

	(void)state;
	start(&rig, "bfs");
	add(&rig, 9, 9);
	assert_int_equal(rig_next(&rig), FRONTIER_URL);
	rec = rig.turn.rec;
	rig_ok(&rig, "http://a", 0);
	assert_int_equal(
	    frontier_retry(rig.f, rec, rig.now + 10, WAIT_RETRY, rig.now), 0);
	add(&rig, 1, 4);
	rig.now += 10;
	assert_int_equal(rig_stats(&rig).queued, 5);
	for (uint64_t i = 1; i <= 4; i++)
		take(&rig, i);
	expect_want(&rig, 4);
	refill(&rig, 4, 9, 9, false);
	take(&rig, 9);
	expect_no_want(&rig);
	assert_int_equal(rig_stats(&rig).queued, 0);
	rig_stop(&rig);
}

static void
retries_past_the_mark_do_not_raise_it(void **state)
{
	struct urlrec *recs[3];
	struct rig rig;

	(void)state;
	start(&rig, "bfs");
	for (uint64_t i = 0; i < 3; i++) {
		add(&rig, 21 + i, 21 + i);
		assert_int_equal(rig_next(&rig), FRONTIER_URL);
		recs[i] = rig.turn.rec;
		rig_ok(&rig, "http://a", 0);
	}
	add(&rig, 1, 6);
	take(&rig, 1);
	take(&rig, 2);
	/* 3, 4, 21, 22 in the window, the third falls out of it; 5 and 6 beyond. */
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(
		    frontier_retry(rig.f, recs[i], rig.now, WAIT_RETRY, rig.now), 0);
	take(&rig, 3);
	take(&rig, 4);
	take(&rig, 21);
	expect_want(&rig, 4);
	rig_stop(&rig);
}

/* After a resume: it was never handed out, but the store has it. */
static void
a_retry_is_not_refilled_while_it_waits(void **state)
{
	struct urlrec late = stored(6), *rec = urlrec_new(&late);
	struct rig rig;

	(void)state;
	assert_non_null(rec);
	start(&rig, "bfs");
	assert_int_equal(
	    frontier_retry(rig.f, rec, rig.now + 1000, WAIT_RETRY, rig.now), 0);
	add(&rig, 1, 5);
	for (uint64_t i = 1; i <= 3; i++)
		take(&rig, i);
	expect_want(&rig, 4);
	refill(&rig, 4, 5, 6, false);
	take(&rig, 4);
	take(&rig, 5);
	rig_expect_idle(&rig, 1000);
	rig.now += 1000;
	take(&rig, 6);
	rig_stop(&rig);
}

static void
a_dead_host_gives_out_what_lies_beyond_too(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.window_max = 4;
	conf.dead_after = 1;
	rig_start(&rig, &conf);
	add(&rig, 1, 7);
	rig_expect_url(&rig, "http://a/1");
	rig_fails(&rig, "http://a", OUTCOME_DNS_FAILURE);
	for (int i = 2; i <= 4; i++)
		assert_int_equal(rig_next(&rig), FRONTIER_REFUSED),
		    urlrec_free(rig.turn.rec);
	rig_expect_idle(&rig, INT64_MAX);
	expect_want(&rig, 4);
	refill(&rig, 4, 5, 7, false);
	for (int i = 5; i <= 7; i++)
		assert_int_equal(rig_next(&rig), FRONTIER_REFUSED),
		    urlrec_free(rig.turn.rec);
	assert_int_equal(rig_stats(&rig).queued, 0);
	rig_stop(&rig);
}

static void
a_large_queue_takes_the_memory_of_its_window(void **state)
{
	struct rig rig;
	uint64_t few;

	(void)state;
	start(&rig, "dfs");
	add(&rig, 100000, 99990);
	few = rig_stats(&rig).memory_bytes;
	add(&rig, 99989, 89990);
	assert_int_equal(rig_stats(&rig).queued, 10011);
	assert_int_equal(rig_stats(&rig).memory_bytes, few);
	rig_stop(&rig);
}

static void
windows_of_long_urls_hold_fewer(void **state)
{
	struct frontier_conf conf = rig_conf();
	static char url[8000];
	struct rig rig;

	(void)state;
	conf.window_max = 8192;
	conf.memory_bytes = 4 << 20;
	rig_start(&rig, &conf);
	memset(url, 'a', sizeof(url) - 1);
	for (int i = 0; i < 2000; i++) { /* 16 MB */
		char digit = url[20];
		int n = snprintf(url, 21, "http://%c/%011d", 'a' + i % 4, i);

		assert_in_range(n, 1, 20);
		url[n] = digit;
		rig_add(&rig, url);
	}
	assert_true(rig_stats(&rig).memory_bytes < 8 << 20);
	rig_stop(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_small_queue_never_asks_the_store),
	    cmocka_unit_test(what_does_not_fit_is_counted_and_fetched_again_in_time),
	    cmocka_unit_test(
		what_is_added_past_the_mark_does_not_overtake_what_lies_beyond),
	    cmocka_unit_test(an_empty_window_waits_for_the_store),
	    cmocka_unit_test(an_answer_that_is_out_of_date_is_asked_for_anew),
	    cmocka_unit_test(what_an_answer_has_too_much_stays_in_the_store),
	    cmocka_unit_test(what_was_handed_out_does_not_come_back_by_a_refill),
	    cmocka_unit_test(a_settled_record_is_forgotten),
	    cmocka_unit_test(a_refill_with_only_known_records_goes_on_behind_them),
	    cmocka_unit_test(what_the_store_does_not_show_yet_is_asked_for_again),
	    cmocka_unit_test(what_the_store_passed_over_is_found_in_the_end),
	    cmocka_unit_test(records_of_others_and_out_of_order_are_left_out),
	    cmocka_unit_test(a_retry_past_the_mark_comes_once),
	    cmocka_unit_test(a_retry_that_finds_the_window_full_comes_back_by_a_refill),
	    cmocka_unit_test(retries_past_the_mark_do_not_raise_it),
	    cmocka_unit_test(a_retry_is_not_refilled_while_it_waits),
	    cmocka_unit_test(a_dead_host_gives_out_what_lies_beyond_too),
	    cmocka_unit_test(a_large_queue_takes_the_memory_of_its_window),
	    cmocka_unit_test(windows_of_long_urls_hold_fewer),
	};

	return cmocka_run_group_tests_name("frontier/refill", tests, NULL, NULL);
}
