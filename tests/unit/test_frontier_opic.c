#include "frontier/order.h"
#include "frontier_rig.h"

static const struct order *opic;

static int16_t
given(int had, int page, uint32_t links, const char *from, const char *to)
{
	struct urlrec h = {.priority = (int16_t)had},
		      p = {.priority = (int16_t)page, .url = slice_cstr(from)};

	return opic->given(&h, &p, links, slice_cstr(to));
}

static int16_t
new_one(int page, uint32_t links, const char *to)
{
	struct urlrec p = {.priority = (int16_t)page, .url = SLICE_LIT("http://a/page")};

	return opic->given(NULL, &p, links, slice_cstr(to));
}

static void
a_page_gives_its_cash_in_equal_shares(void **state)
{
	(void)state;
	assert_int_equal(opic->given(NULL, NULL, 7, SLICE_LIT("http://a/seed")), 0);
	/* Four levels are a factor of two. */
	assert_int_equal(new_one(0, 1, "http://a/x"), 0);
	assert_int_equal(new_one(0, 2, "http://a/x"), -4);
	assert_int_equal(new_one(0, 16, "http://a/x"), -16);
	assert_int_equal(new_one(40, 1024, "http://a/x"), 0);
	/* The nearest level: what one page links to is alike. */
	assert_int_equal(new_one(0, 3, "http://a/x"), -6);
	for (uint32_t i = 0; i < 100; i++) {
		char to[32];

		(void)snprintf(to, sizeof(to), "http://a/%u", i);
		assert_int_equal(new_one(0, 60, to), -24);
	}
	/* A page without links that count gives what it would give to one. */
	assert_int_equal(new_one(0, 0, "http://a/x"), 0);
}

static void
cash_adds_up(void **state)
{
	(void)state;
	/* As much again is twice as much. */
	assert_int_equal(given(0, 0, 1, "http://a/1", "http://a/x"), 4);
	assert_int_equal(given(-20, -16, 2, "http://a/1", "http://a/x"), -16);
	for (int had = -128; had <= 67; had++) {
		int16_t more = given(had, had, 100, "http://a/1", "http://a/x");

		/* A hundredth is a sixteenth of a level. */
		assert_true(more == had || more == had + 1);
	}
}

static void
small_shares_are_right_in_the_mean(void **state)
{
	char from[64], to[64];
	int sum = 0;

	(void)state;
	/* 64 URLs that got 300 hundredths of what they had: four times as much. */
	for (int u = 0; u < 64; u++) {
		int16_t p = 0;

		(void)snprintf(to, sizeof(to), "http://a/%d", u);
		for (int i = 0; i < 300; i++) {
			(void)snprintf(from, sizeof(from), "http://b/%d", i);
			p = given(p, 0, 100, from, to);
		}
		assert_in_range(p, 4, 12);
		sum += p;
	}
	assert_in_range(sum, 64 * 7, 64 * 9);
}

static void
it_depends_on_nothing_else(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(given(i - 50, 0, 3, "http://a/1", "http://a/2"),
		    given(i - 50, 0, 3, "http://a/1", "http://a/2"));
}

static void
cash_has_a_least_and_a_greatest(void **state)
{
	(void)state;
	assert_int_equal(new_one(-128, 6000, "http://a/x"), -128);
	assert_int_equal(new_one(-32768, 1, "http://a/x"), -128);
	assert_int_equal(given(67, 67, 1, "http://a/1", "http://a/x"), 67);
	assert_int_equal(given(32767, 32767, 1, "http://a/1", "http://a/x"), 67);
	assert_int_equal(given(-128, -128, 1, "http://a/1", "http://a/x"), -124);
}

/* ---- places ---- */

static struct frontier_conf
opic_conf(void)
{
	struct frontier_conf conf = rig_conf();

	conf.order = opic;
	conf.per_host = 10;
	return conf;
}

static uint64_t
hash(const char *url)
{
	return url_hash(slice_cstr(url), 1);
}

static void
raise_to(struct rig *rig, const char *url, int16_t priority)
{
	const struct urlrec *r = frontier_find(rig->f, hash(url));
	uint64_t key;

	assert_non_null(r);
	key = frontier_raised_key(rig->f, r, priority);
	frontier_raise(rig->f, r, priority, rig->now);
	assert_int_equal(r->key, key);
	assert_int_equal(r->priority, priority);
	frontier_check(rig->f);
}

static void
who_got_more_goes_before_others_of_all_hosts(void **state)
{
	struct frontier_conf conf = opic_conf();
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	rig_add_deep(&rig, "http://a/1", 0, -10);
	rig_add_deep(&rig, "http://a/2", 0, -20);
	rig_add_deep(&rig, "http://a/3", 0, -30);
	rig_add_deep(&rig, "http://b/1", 0, -15);
	rig_add_deep(&rig, "http://b/2", 0, -15);
	raise_to(&rig, "http://a/3", -14);
	raise_to(&rig, "http://b/2", -12);
	raise_to(&rig, "http://b/2", -11);
	rig_expect_url(&rig, "http://a/1");
	rig_expect_url(&rig, "http://b/2");
	rig_expect_url(&rig, "http://a/3");
	rig_expect_url(&rig, "http://b/1");
	rig_expect_url(&rig, "http://a/2");
	rig_stop(&rig);
}

static void
what_was_handed_out_is_not_found(void **state)
{
	struct frontier_conf conf = opic_conf();
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	assert_non_null(frontier_find(rig.f, hash("http://a/1")));
	assert_null(frontier_find(rig.f, hash("http://a/2")));
	rig_expect_url(&rig, "http://a/1");
	assert_null(frontier_find(rig.f, hash("http://a/1")));
	rig_stop(&rig);
}

static void
what_is_tried_again_keeps_its_place(void **state)
{
	struct frontier_conf conf = opic_conf();
	struct urlrec *rec;
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	assert_int_equal(rig_next(&rig), FRONTIER_URL);
	rec = rig.turn.rec;
	rig_fails(&rig, "http://a", OUTCOME_TIMEOUT_STALL);
	assert_int_equal(frontier_retry(rig.f, rec, rig.now, WAIT_RETRY, rig.now), 0);
	frontier_check(rig.f);
	assert_null(frontier_find(rig.f, hash("http://a/1")));
	rig_stop(&rig);
}

static void
what_is_beyond_the_window_stays_there(void **state)
{
	struct frontier_conf conf = opic_conf();
	struct rig rig;

	(void)state;
	conf.window_max = 4;
	rig_start(&rig, &conf);
	rig_add_deep(&rig, "http://a/1", 0, 0);
	rig_add_deep(&rig, "http://a/2", 0, -1);
	rig_add_deep(&rig, "http://a/3", 0, -2);
	rig_add_deep(&rig, "http://a/4", 0, -3);
	rig_add_deep(&rig, "http://a/5", 0, -4);
	assert_null(frontier_find(rig.f, hash("http://a/5")));
	/* The last of the window goes first: the mark of the window stays. */
	raise_to(&rig, "http://a/4", 9);
	rig_add_deep(&rig, "http://a/6", 0, 1); /* falls in, 3 falls out */
	assert_null(frontier_find(rig.f, hash("http://a/3")));
	rig_expect_url(&rig, "http://a/4");
	rig_expect_url(&rig, "http://a/6");
	assert_int_equal(rig_stats(&rig).queued, 4);
	rig_stop(&rig);
}

static void
other_orders_find_nothing(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	assert_null(frontier_find(rig.f, hash("http://a/1")));
	rig_stop(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_page_gives_its_cash_in_equal_shares),
	    cmocka_unit_test(cash_adds_up),
	    cmocka_unit_test(small_shares_are_right_in_the_mean),
	    cmocka_unit_test(it_depends_on_nothing_else),
	    cmocka_unit_test(cash_has_a_least_and_a_greatest),
	    cmocka_unit_test(who_got_more_goes_before_others_of_all_hosts),
	    cmocka_unit_test(what_was_handed_out_is_not_found),
	    cmocka_unit_test(what_is_tried_again_keeps_its_place),
	    cmocka_unit_test(what_is_beyond_the_window_stays_there),
	    cmocka_unit_test(other_orders_find_nothing),
	};

	opic = order_find(SLICE_LIT("opic"));
	return cmocka_run_group_tests_name("frontier/opic", tests, NULL, NULL);
}
