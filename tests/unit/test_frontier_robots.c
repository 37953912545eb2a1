#include "frontier_rig.h"

#define MINUTE ((int64_t)60000)
#define DAY    (24 * 60 * MINUTE)

static void
start(struct rig *rig)
{
	struct frontier_conf conf = rig_conf();

	conf.robots = true;
	conf.robots_ttl_ms = DAY;
	rig_start(rig, &conf);
}

static void
robots_come_before_the_first_url_of_an_authority(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig);
	rig_add(&rig, "http://a:81/1");
	rig_add(&rig, "https://b/1");
	rig_expect_robots(&rig, "http://a:81");
	rig_expect_robots(&rig, "https://b");
	rig_expect_idle(&rig, INT64_MAX);
	assert_int_equal(rig_stats(&rig).hosts_blocked, 2);
	assert_int_equal(rig_stats(&rig).waiting_now[WAIT_ROBOTS_PENDING], 2);
	assert_int_equal(rig_stats(&rig).in_flight, 0);
	/* A robots.txt that never answers does not stall the rest. */
	rig_ok(&rig, "https://b", 5);
	rig_robots(&rig, "https://b", FRONTIER_ROBOTS_ALLOW, NULL);
	rig_expect_url(&rig, "https://b/1");
	rig_expect_idle(&rig, INT64_MAX);
	rig_stop(&rig);
}

static void
verdict_and_report_may_come_in_either_order(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.robots = true;
	conf.per_host = 2;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	rig_add(&rig, "http://b/1");
	rig_expect_robots(&rig, "http://a");
	rig_expect_robots(&rig, "http://b");
	rig_ok(&rig, "http://a", 5);
	rig_expect_idle(&rig, INT64_MAX);
	rig_robots(&rig, "http://a", FRONTIER_ROBOTS_ALLOW, NULL);
	rig_expect_url(&rig, "http://a/1");
	rig_robots(&rig, "http://b", FRONTIER_ROBOTS_ALLOW, NULL);
	rig_expect_idle(&rig, INT64_MAX); /* its request has not ended */
	rig_ok(&rig, "http://b", 5);
	rig_expect_url(&rig, "http://b/1");
	rig_stop(&rig);
}

static void
without_robots_nobody_asks(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	rig_expect_url(&rig, "http://a/1");
	rig_stop(&rig);
}

static void
denied_urls_come_out_with_the_line_and_cost_no_turn(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig);
	rig_add(&rig, "http://a/private/1");
	rig_add(&rig, "http://a/private/2?x");
	rig_add(&rig, "http://a/private/open");
	rig_add(&rig, "http://a/public");
	rig_expect_robots(&rig, "http://a");
	rig_add(&rig, "http://b/1");
	rig_expect_robots(&rig, "http://b");
	rig_ok(&rig, "http://a", 5);
	rig_robots(&rig, "http://a", FRONTIER_ROBOTS_RULES,
	    "User-agent: *\nDisallow: /private\nAllow: /private/open\n");
	rig_ok(&rig, "http://b", 5);
	rig_robots(&rig, "http://b", FRONTIER_ROBOTS_ALLOW, NULL);
	rig_expect_refused(&rig, "http://a/private/1", OUTCOME_ROBOTS_DENIED,
	    "robots.txt line 2: Disallow: /private");
	rig_expect_refused(&rig, "http://a/private/2?x", OUTCOME_ROBOTS_DENIED,
	    "robots.txt line 2: Disallow: /private");
	assert_int_equal(rig_stats(&rig).in_flight, 0);
	rig_expect_url(&rig, "http://a/private/open");
	rig_expect_url(&rig, "http://b/1");
	rig_ok(&rig, "http://a", 0);
	rig_expect_url(&rig, "http://a/public");
	rig_stop(&rig);
}

static void
rules_are_asked_for_again_when_they_are_old(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig);
	rig_add(&rig, "http://a/1");
	rig_expect_robots(&rig, "http://a");
	rig_ok(&rig, "http://a", 5);
	rig_robots(
	    &rig, "http://a", FRONTIER_ROBOTS_RULES, "User-agent: *\nDisallow: /2\n");
	rig_expect_url(&rig, "http://a/1");
	rig_ok(&rig, "http://a", 5);
	rig.now += DAY - 1;
	rig_add(&rig, "http://a/2");
	rig_expect_refused(
	    &rig, "http://a/2", OUTCOME_ROBOTS_DENIED, "robots.txt line 2: Disallow: /2");
	rig_add(&rig, "http://a/22");
	rig.now += 1;
	rig_expect_robots(&rig, "http://a");
	rig_expect_idle(&rig, INT64_MAX);
	rig_ok(&rig, "http://a", 5);
	rig_robots(&rig, "http://a", FRONTIER_ROBOTS_ALLOW, NULL);
	rig_expect_url(&rig, "http://a/22");
	rig_stop(&rig);
}

/* With several in flight the question is put when they have come back. */
static void
old_rules_are_asked_for_when_nothing_else_is_in_flight(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.robots = true;
	conf.per_host = 3;
	rig_start(&rig, &conf);
	for (int i = 0; i < 4; i++)
		rig_add(&rig, i == 0   ? "http://a/1"
			      : i == 1 ? "http://a/2"
				       : "http://a/3");
	rig_expect_robots(&rig, "http://a");
	rig_ok(&rig, "http://a", 5);
	rig_robots(&rig, "http://a", FRONTIER_ROBOTS_ALLOW, NULL);
	rig_expect_url(&rig, "http://a/1");
	rig.now += DAY;
	rig_expect_idle(&rig, INT64_MAX);
	assert_int_equal(rig_stats(&rig).hosts_full, 1);
	rig_ok(&rig, "http://a", 5);
	rig_expect_robots(&rig, "http://a");
	rig_stop(&rig);
}

/* A delay longer than rules are believed must not ask for them for ever. */
static void
each_verdict_serves_for_one_url_at_least(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.robots = true;
	conf.robots_ttl_ms = 10;
	conf.delay_ms = 1000;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	rig_expect_robots(&rig, "http://a");
	rig_ok(&rig, "http://a", 5);
	rig_robots(&rig, "http://a", FRONTIER_ROBOTS_ALLOW, NULL);
	rig.now += 1001;
	rig_expect_url(&rig, "http://a/1");
	rig_stop(&rig);
}

static void
an_unreachable_robots_txt_is_given_up_after_three_asks(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig);
	rig_add(&rig, "http://a/1");
	rig_add(&rig, "http://a/2");
	for (int ask = 1; ask <= 3; ask++) {
		rig_expect_robots(&rig, "http://a");
		rig_status(&rig, "http://a", 500, -1);
		rig_robots(&rig, "http://a", FRONTIER_ROBOTS_UNREACHABLE, NULL);
		if (ask == 3)
			break;
		rig_expect_idle(&rig, ask * MINUTE);
		assert_int_equal(rig_stats(&rig).waiting_now[WAIT_ROBOTS_PENDING], 1);
		rig.now += ask * MINUTE;
	}
	rig_expect_refused(&rig, "http://a/1", OUTCOME_ROBOTS_UNREACHABLE,
	    "robots.txt given up after 3 failures");
	rig_expect_refused(&rig, "http://a/2", OUTCOME_ROBOTS_UNREACHABLE,
	    "robots.txt given up after 3 failures");
	rig.now += DAY - 1;
	rig_add(&rig, "http://a/3");
	rig_expect_refused(&rig, "http://a/3", OUTCOME_ROBOTS_UNREACHABLE,
	    "robots.txt given up after 3 failures");
	rig_add(&rig, "http://a/4");
	rig.now += 1;
	rig_expect_robots(&rig, "http://a");
	rig_stop(&rig);
}

static void
an_unreachable_robots_txt_is_asked_for_no_more_often_than_a_url_is_tried(void **state)
{
	(void)state;
	for (uint32_t tries = 1; tries <= 4; tries++) {
		struct frontier_conf conf = rig_conf();
		uint32_t asks = tries < 3 ? tries : 3;
		struct rig rig;
		char text[64];

		conf.robots = true;
		conf.dead_after = tries;
		rig_start(&rig, &conf);
		rig_add(&rig, "http://a/1");
		for (uint32_t ask = 1; ask <= asks; ask++) {
			rig_expect_robots(&rig, "http://a");
			rig_status(&rig, "http://a", 500, -1);
			rig_robots(&rig, "http://a", FRONTIER_ROBOTS_UNREACHABLE, NULL);
			if (ask < asks)
				rig.now += ask * MINUTE;
		}
		(void)snprintf(text, sizeof(text),
		    "robots.txt given up after %u failure%s", asks, asks == 1 ? "" : "s");
		rig_expect_refused(&rig, "http://a/1", OUTCOME_ROBOTS_UNREACHABLE, text);
		rig_stop(&rig);
	}
}

static void
a_robots_txt_that_asking_again_cannot_help_is_given_up_with_the_first(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.robots = true;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	rig_expect_robots(&rig, "http://a");
	rig_status(&rig, "http://a", 500, -1);
	rig_robots(&rig, "http://a", FRONTIER_ROBOTS_NEVER, NULL);
	rig_expect_refused(&rig, "http://a/1", OUTCOME_ROBOTS_UNREACHABLE,
	    "robots.txt given up after 1 failure");
	rig_stop(&rig);
}

static void
a_success_between_starts_the_asks_anew(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig);
	rig_add(&rig, "http://a/1");
	for (int round = 0; round < 3; round++) {
		rig_expect_robots(&rig, "http://a");
		rig_status(&rig, "http://a", 500, -1);
		rig_robots(&rig, "http://a", FRONTIER_ROBOTS_UNREACHABLE, NULL);
		rig.now += MINUTE;
		rig_expect_robots(&rig, "http://a");
		rig_ok(&rig, "http://a", 5);
		rig_robots(&rig, "http://a", FRONTIER_ROBOTS_ALLOW, NULL);
		rig_expect_url(&rig, "http://a/1");
		rig_ok(&rig, "http://a", 5);
		rig.now += DAY;
		rig_add(&rig, "http://a/1");
	}
	assert_int_equal(rig_stats(&rig).hosts_dead, 0);
	rig_stop(&rig);
}

/* It is the host that is dead, not its robots.txt that is broken. */
static void
a_host_that_does_not_resolve_is_given_up_as_such(void **state)
{
	(void)state;
	for (int verdict_first = 0; verdict_first < 2; verdict_first++) {
		struct rig rig;

		start(&rig);
		rig_add(&rig, "http://a/1");
		for (int i = 0; i < 5; i++) {
			rig_expect_robots(&rig, "http://a");
			if (verdict_first)
				rig_robots(
				    &rig, "http://a", FRONTIER_ROBOTS_UNREACHABLE, NULL);
			rig_fails(&rig, "http://a", OUTCOME_DNS_FAILURE);
			if (!verdict_first)
				rig_robots(
				    &rig, "http://a", FRONTIER_ROBOTS_UNREACHABLE, NULL);
			if (i == 4)
				break;
			rig_expect_idle(&rig, 1000 << i);
			rig.now += 1000 << i;
		}
		rig_expect_refused(&rig, "http://a/1", OUTCOME_DNS_FAILURE,
		    "host given up after 5 failures");
		rig_stop(&rig);
	}
}

static void
robots_that_were_not_asked_for_are_asked_for_again(void **state)
{
	const struct frontier_report rep = {.not_asked = true, .retry_after_ms = -1};
	struct rig rig;

	(void)state;
	start(&rig);
	rig_add(&rig, "http://a/1");
	rig_expect_robots(&rig, "http://a");
	rig_report(&rig, "http://a", &rep);
	rig_expect_robots(&rig, "http://a");
	rig_stop(&rig);
}

static void
a_503_on_robots_backs_the_host_off(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig);
	rig_add(&rig, "http://a/1");
	rig_expect_robots(&rig, "http://a");
	rig_status(&rig, "http://a", 503, 600000);
	rig_robots(&rig, "http://a", FRONTIER_ROBOTS_UNREACHABLE, NULL);
	rig_expect_idle(&rig, 600000);
	assert_int_equal(rig_stats(&rig).waiting_now[WAIT_RETRY_AFTER], 1);
	rig_stop(&rig);
}

static void
a_delay_counts_from_robots_too(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.robots = true;
	conf.delay_ms = 500;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	rig_expect_robots(&rig, "http://a");
	rig_ok(&rig, "http://a", 5);
	rig_robots(&rig, "http://a", FRONTIER_ROBOTS_ALLOW, NULL);
	rig_expect_idle(&rig, 501);
	rig_stop(&rig);
}

static void
damaged_rules_allow_nothing(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig);
	rig_add(&rig, "http://a/1");
	rig_expect_robots(&rig, "http://a");
	rig_ok(&rig, "http://a", 5);
	assert_int_equal(frontier_robots(rig.f, rig_hash("http://a"),
			     FRONTIER_ROBOTS_RULES, SLICE_LIT("no blob"), rig.now),
	    0);
	rig_expect_refused(
	    &rig, "http://a/1", OUTCOME_ROBOTS_DENIED, "robots.txt rules are damaged");
	rig_stop(&rig);
}

/* ---- guests: the robots.txt of others ---- */

static void
add_guest(struct rig *rig, struct frontier_guest *g, const char *authority)
{
	frontier_guest_init(g);
	assert_int_equal(frontier_guest_add(rig->f, g, rig_hash(authority),
			     slice_cstr(authority), rig->now),
	    0);
	frontier_check(rig->f);
}

static void
expect_guest(struct rig *rig, const struct frontier_guest *g, enum outcome outcome)
{
	assert_int_equal(rig_next(rig), FRONTIER_GUEST);
	assert_ptr_equal(rig->turn.guest, g);
	assert_int_equal(rig->turn.outcome, outcome);
}

static void
guest_ends(struct rig *rig, const char *authority)
{
	const struct frontier_report rep = {
	    .outcome = OUTCOME_OK, .status = 200, .retry_after_ms = -1, .guest = true};

	rig_report(rig, authority, &rep);
}

static void
a_guest_waits_for_the_turn_of_the_host_that_it_asks(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier_guest g[3];
	struct frontier_stats s;
	struct rig rig;

	(void)state;
	conf.delay_ms = 99;
	rig_start(&rig, &conf);
	/* Nothing of ours is there. */
	add_guest(&rig, &g[0], "http://hub");
	expect_guest(&rig, &g[0], OUTCOME_NONE);
	add_guest(&rig, &g[1], "http://hub");
	rig_expect_idle(&rig, INT64_MAX);
	rig.now += 20;
	guest_ends(&rig, "http://hub");
	rig_expect_idle(&rig, 100);
	rig_add(&rig, "http://hub/1");
	add_guest(&rig, &g[2], "http://hub");
	rig.now += 100;
	/* Its own URLs and the guests take turns. */
	rig_expect_url(&rig, "http://hub/1");
	rig_ok(&rig, "http://hub", 0);
	rig_add(&rig, "http://hub/2");
	rig.now += 100;
	expect_guest(&rig, &g[1], OUTCOME_NONE);
	guest_ends(&rig, "http://hub");
	rig.now += 100;
	rig_expect_url(&rig, "http://hub/2");
	rig_ok(&rig, "http://hub", 0);
	frontier_guest_remove(rig.f, &g[2], rig_hash("http://hub"), rig.now);
	frontier_guest_remove(rig.f, &g[2], rig_hash("http://hub"), rig.now);
	rig.now += 100;
	rig_expect_idle(&rig, INT64_MAX);
	s = rig_stats(&rig);
	assert_int_equal(s.in_flight, 0);
	assert_int_equal(s.queued, 0);
	rig_stop(&rig);
}

/* The robots.txt of each is the other's. */
static void
two_hosts_whose_robots_txt_lead_to_each_other_do_not_wait_for_ever(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier_guest of_a, of_b;
	struct rig rig;

	(void)state;
	conf.robots = true;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/");
	rig_add(&rig, "http://b/");
	rig_expect_robots(&rig, "http://a");
	rig_expect_robots(&rig, "http://b");
	add_guest(&rig, &of_a, "http://b");
	rig_expect_idle(&rig, INT64_MAX); /* b is being asked */
	rig_ok(&rig, "http://a", 0);
	rig_ok(&rig, "http://b", 0);
	add_guest(&rig, &of_b, "http://a");
	expect_guest(&rig, &of_a, OUTCOME_NONE);
	expect_guest(&rig, &of_b, OUTCOME_NONE);
	guest_ends(&rig, "http://a");
	guest_ends(&rig, "http://b");
	rig_expect_idle(&rig, INT64_MAX);
	rig_robots(&rig, "http://a", FRONTIER_ROBOTS_ALLOW, NULL);
	rig_robots(&rig, "http://b", FRONTIER_ROBOTS_ALLOW, NULL);
	rig_expect_url(&rig, "http://a/");
	rig_expect_url(&rig, "http://b/");
	rig_stop(&rig);
}

static void
a_guest_waits_for_a_back_off_but_not_for_a_host_that_is_given_up(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier_guest g;
	struct rig rig;

	(void)state;
	conf.dead_after = 1;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	rig_add(&rig, "http://b/1");
	rig_expect_url(&rig, "http://a/1");
	rig_expect_url(&rig, "http://b/1");
	rig_status(&rig, "http://a", 429, 3600000);
	rig_fails(&rig, "http://b", OUTCOME_DNS_FAILURE);
	add_guest(&rig, &g, "http://b");
	expect_guest(&rig, &g, OUTCOME_DNS_FAILURE);
	add_guest(&rig, &g, "http://a");
	rig_expect_idle(&rig, 3600000);
	rig.now += 3600000;
	expect_guest(&rig, &g, OUTCOME_NONE);
	guest_ends(&rig, "http://a");
	rig_stop(&rig);
}

static void
a_robots_txt_that_we_had_no_room_for_is_no_failure_of_its_host(void **state)
{
	struct frontier_conf conf = rig_conf();
	const struct frontier_report no_room = {.not_asked = true, .retry_after_ms = -1};
	struct rig rig;

	(void)state;
	conf.robots = true;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	for (int i = 0; i < 10; i++) {
		rig_expect_robots(&rig, "http://a");
		rig_report(&rig, "http://a", &no_room);
		rig_robots(&rig, "http://a", FRONTIER_ROBOTS_AGAIN, NULL);
		rig_expect_idle(&rig, 1000);
		rig.now += 1000;
	}
	rig_expect_robots(&rig, "http://a");
	rig_ok(&rig, "http://a", 0);
	rig_robots(&rig, "http://a", FRONTIER_ROBOTS_ALLOW, NULL);
	rig_expect_url(&rig, "http://a/1");
	rig_stop(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_guest_waits_for_the_turn_of_the_host_that_it_asks),
	    cmocka_unit_test(
		two_hosts_whose_robots_txt_lead_to_each_other_do_not_wait_for_ever),
	    cmocka_unit_test(
		a_guest_waits_for_a_back_off_but_not_for_a_host_that_is_given_up),
	    cmocka_unit_test(
		a_robots_txt_that_we_had_no_room_for_is_no_failure_of_its_host),
	    cmocka_unit_test(robots_come_before_the_first_url_of_an_authority),
	    cmocka_unit_test(verdict_and_report_may_come_in_either_order),
	    cmocka_unit_test(without_robots_nobody_asks),
	    cmocka_unit_test(denied_urls_come_out_with_the_line_and_cost_no_turn),
	    cmocka_unit_test(rules_are_asked_for_again_when_they_are_old),
	    cmocka_unit_test(old_rules_are_asked_for_when_nothing_else_is_in_flight),
	    cmocka_unit_test(each_verdict_serves_for_one_url_at_least),
	    cmocka_unit_test(an_unreachable_robots_txt_is_given_up_after_three_asks),
	    cmocka_unit_test(
		an_unreachable_robots_txt_is_asked_for_no_more_often_than_a_url_is_tried),
	    cmocka_unit_test(
		a_robots_txt_that_asking_again_cannot_help_is_given_up_with_the_first),
	    cmocka_unit_test(a_success_between_starts_the_asks_anew),
	    cmocka_unit_test(a_host_that_does_not_resolve_is_given_up_as_such),
	    cmocka_unit_test(robots_that_were_not_asked_for_are_asked_for_again),
	    cmocka_unit_test(a_503_on_robots_backs_the_host_off),
	    cmocka_unit_test(a_delay_counts_from_robots_too),
	    cmocka_unit_test(damaged_rules_allow_nothing),
	};

	return cmocka_run_group_tests_name("frontier/robots", tests, NULL, NULL);
}
