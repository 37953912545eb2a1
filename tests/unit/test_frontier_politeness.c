#include "frontier_rig.h"

static void
three_urls(struct rig *rig)
{
	rig_add(rig, "http://a/1");
	rig_add(rig, "http://a/2");
	rig_add(rig, "http://a/3");
}

static void
no_more_than_per_host_are_in_flight(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	three_urls(&rig);
	rig_expect_url(&rig, "http://a/1");
	rig_expect_idle(&rig, INT64_MAX);
	assert_int_equal(rig_stats(&rig).hosts_full, 1);
	rig_ok(&rig, "http://a", 5);
	rig_expect_url(&rig, "http://a/2");
	rig_stop(&rig);
}

/* Both times are cut to milliseconds: 101 apart are 100 apart at least. */
static void
a_fixed_delay_counts_from_the_end_of_the_answer(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.delay_ms = 100;
	rig_start(&rig, &conf);
	three_urls(&rig);
	rig_expect_url(&rig, "http://a/1");
	rig.now += 5000;
	rig_ok(&rig, "http://a", 5000);
	rig_expect_idle(&rig, 101);
	rig.now += 100;
	rig_expect_idle(&rig, 1);
	rig.now += 1;
	rig_expect_url(&rig, "http://a/2");
	rig_stop(&rig);
}

static void
with_several_at_a_time_starts_are_a_delay_apart(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.delay_ms = 100;
	conf.per_host = 2;
	rig_start(&rig, &conf);
	three_urls(&rig);
	rig_expect_url(&rig, "http://a/1");
	rig_expect_idle(&rig, 101);
	rig.now += 101;
	rig_expect_url(&rig, "http://a/2");
	rig.now += 10;
	rig_ok(&rig, "http://a", 111);
	rig_expect_idle(&rig, 91);
	rig.now += 91;
	rig_expect_url(&rig, "http://a/3");
	rig_stop(&rig);
}

static void
an_automatic_delay_is_as_long_as_the_last_answer_took(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.delay_ms = -1;
	rig_start(&rig, &conf);
	three_urls(&rig);
	rig_add(&rig, "http://a/4");
	rig_expect_url(&rig, "http://a/1");
	rig.now += 70;
	rig_ok(&rig, "http://a", 70);
	rig_expect_idle(&rig, 70);
	assert_int_equal(rig_stats(&rig).waiting_now[WAIT_ADAPTIVE_DELAY], 1);
	rig.now += 70;
	rig_expect_url(&rig, "http://a/2");
	rig_ok(&rig, "http://a", 0);
	rig_expect_url(&rig, "http://a/3");
	rig.now += 100000;
	rig_ok(&rig, "http://a", 100000);
	rig_expect_idle(&rig, 30000);
	rig_stop(&rig);
}

static void
a_crawl_delay_is_obeyed_up_to_its_cap(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.robots = true;
	rig_start(&rig, &conf);
	three_urls(&rig);
	rig_expect_robots(&rig, "http://a");
	rig_ok(&rig, "http://a", 10);
	rig_robots(
	    &rig, "http://a", FRONTIER_ROBOTS_RULES, "User-agent: *\nCrawl-delay: 7\n");
	rig_expect_idle(&rig, 7001);
	assert_int_equal(rig_stats(&rig).waiting_now[WAIT_CRAWL_DELAY], 1);
	rig.now += 7001;
	rig_expect_url(&rig, "http://a/1");
	rig_stop(&rig);
	conf.crawl_delay_max_ms = 2000;
	rig_start(&rig, &conf);
	three_urls(&rig);
	rig_expect_robots(&rig, "http://a");
	rig_ok(&rig, "http://a", 10);
	rig_robots(
	    &rig, "http://a", FRONTIER_ROBOTS_RULES, "User-agent: *\nCrawl-delay: 7\n");
	rig_expect_idle(&rig, 2001);
	rig_stop(&rig);
}

static void
the_longer_of_two_delays_counts(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.robots = true;
	conf.delay_ms = -1;
	rig_start(&rig, &conf);
	three_urls(&rig);
	rig_expect_robots(&rig, "http://a");
	rig_ok(&rig, "http://a", 10);
	rig_robots(
	    &rig, "http://a", FRONTIER_ROBOTS_RULES, "User-agent: *\nCrawl-delay: 1\n");
	rig_expect_idle(&rig, 1001);
	rig.now += 1001;
	rig_expect_url(&rig, "http://a/1");
	rig.now += 4000;
	rig_ok(&rig, "http://a", 4000);
	rig_expect_idle(&rig, 4000);
	assert_int_equal(rig_stats(&rig).waiting_now[WAIT_ADAPTIVE_DELAY], 1);
	rig_stop(&rig);
}

static void
what_never_reached_the_host_costs_no_delay(void **state)
{
	const struct frontier_report rep = {.outcome = OUTCOME_CANCELLED,
	    .took_ms = 9000,
	    .retry_after_ms = -1,
	    .not_asked = true};
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.delay_ms = 1000;
	rig_start(&rig, &conf);
	three_urls(&rig);
	rig_expect_url(&rig, "http://a/1");
	rig_report(&rig, "http://a", &rep);
	rig_expect_url(&rig, "http://a/2");
	rig_stop(&rig);
}

static void
hosts_do_not_wait_for_each_other(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.delay_ms = 1000;
	rig_start(&rig, &conf);
	three_urls(&rig);
	rig_add(&rig, "http://b/1");
	rig_expect_url(&rig, "http://a/1");
	rig_ok(&rig, "http://a", 0);
	rig_expect_url(&rig, "http://b/1");
	rig_expect_idle(&rig, 1001);
	rig_stop(&rig);
}

static void
expect_gap(const struct rig *rig, int64_t ms, enum gap_rule rule, uint32_t at_once)
{
	assert_int_equal(rig->turn.gap.ms, ms);
	assert_string_equal(gap_rule_name(rig->turn.gap.rule), gap_rule_name(rule));
	assert_int_equal(rig->turn.gap.at_once, at_once);
}

static void
each_turn_tells_the_gap_it_had_to_keep_and_whose_rule_that_is(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.robots = true;
	conf.delay_ms = -1;
	conf.per_host = 3;
	rig_start(&rig, &conf);
	three_urls(&rig);
	rig_expect_robots(&rig, "http://a");
	expect_gap(&rig, 0, GAP_ADAPTIVE, 3);
	rig_ok(&rig, "http://a", 10);
	rig_robots(
	    &rig, "http://a", FRONTIER_ROBOTS_RULES, "User-agent: *\nCrawl-delay: 1\n");
	rig.now += 1001;
	rig_expect_url(&rig, "http://a/1");
	expect_gap(&rig, 1000, GAP_CRAWL_DELAY, 3);
	rig.now += 4000;
	rig_ok(&rig, "http://a", 4000);
	rig.now += 4000;
	rig_expect_url(&rig, "http://a/2");
	expect_gap(&rig, 4000, GAP_ADAPTIVE, 3);
	rig_status(&rig, "http://a", 503, 7000);
	rig.now += 7000;
	rig_expect_url(&rig, "http://a/3");
	expect_gap(&rig, 7000, GAP_BACK_OFF, 3);
	rig_stop(&rig);
	conf.delay_ms = 2000;
	conf.per_host = 1;
	rig_start(&rig, &conf);
	three_urls(&rig);
	rig_expect_robots(&rig, "http://a");
	rig_ok(&rig, "http://a", 10);
	rig_robots(
	    &rig, "http://a", FRONTIER_ROBOTS_RULES, "User-agent: *\nCrawl-delay: 1\n");
	rig.now += 2001;
	rig_expect_url(&rig, "http://a/1");
	expect_gap(&rig, 2000, GAP_OPTION, 1);
	rig_stop(&rig);
}

static void
slow_is_slow(
    const void *ctx, struct slice authority, uint32_t *per_host, int64_t *delay_ms)
{
	assert_string_equal(ctx, "ctx");
	if (slice_eq(authority, SLICE_LIT("http://slow.test")))
		*delay_ms = 2000;
	else if (slice_eq(authority, SLICE_LIT("http://wide.test")))
		*per_host = 2;
}

static void
a_host_may_have_a_pace_of_its_own(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.pace = slow_is_slow;
	conf.pace_ctx = "ctx";
	rig_start(&rig, &conf);
	rig_add(&rig, "http://slow.test/1");
	rig_add(&rig, "http://slow.test/2");
	rig_expect_url(&rig, "http://slow.test/1");
	rig_ok(&rig, "http://slow.test", 5);
	rig_expect_idle(&rig, 2001);
	rig_add(&rig, "http://wide.test/1");
	rig_add(&rig, "http://wide.test/2");
	rig_add(&rig, "http://wide.test/3");
	rig_expect_url(&rig, "http://wide.test/1");
	assert_int_equal(rig.turn.gap.at_once, 2);
	rig_expect_url(&rig, "http://wide.test/2");
	rig_expect_idle(&rig, 2001);
	rig_add(&rig, "http://usual.test/1");
	rig_add(&rig, "http://usual.test/2");
	rig_expect_url(&rig, "http://usual.test/1");
	rig_expect_idle(&rig, 2001);
	rig_ok(&rig, "http://usual.test", 5);
	rig_expect_url(&rig, "http://usual.test/2");
	rig.now += 2001;
	rig_expect_url(&rig, "http://slow.test/2");
	assert_int_equal(rig.turn.gap.ms, 2000);
	rig_stop(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_host_may_have_a_pace_of_its_own),
	    cmocka_unit_test(no_more_than_per_host_are_in_flight),
	    cmocka_unit_test(a_fixed_delay_counts_from_the_end_of_the_answer),
	    cmocka_unit_test(with_several_at_a_time_starts_are_a_delay_apart),
	    cmocka_unit_test(an_automatic_delay_is_as_long_as_the_last_answer_took),
	    cmocka_unit_test(a_crawl_delay_is_obeyed_up_to_its_cap),
	    cmocka_unit_test(the_longer_of_two_delays_counts),
	    cmocka_unit_test(what_never_reached_the_host_costs_no_delay),
	    cmocka_unit_test(hosts_do_not_wait_for_each_other),
	    cmocka_unit_test(
		each_turn_tells_the_gap_it_had_to_keep_and_whose_rule_that_is),
	};

	return cmocka_run_group_tests_name("frontier/politeness", tests, NULL, NULL);
}
