#include "frontier_rig.h"

static void
an_empty_frontier_is_idle_until_something_happens(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	rig_expect_idle(&rig, INT64_MAX);
	rig_stop(&rig);
	frontier_free(NULL);
}

static void
hosts_take_turns(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.per_host = 2;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	rig_add(&rig, "http://a/2");
	rig_add(&rig, "http://a/3");
	rig_add(&rig, "http://b/1");
	rig_add(&rig, "http://b/2");
	rig_add(&rig, "http://c/1");
	rig_expect_url(&rig, "http://a/1");
	rig_expect_url(&rig, "http://b/1");
	rig_expect_url(&rig, "http://c/1");
	rig_expect_url(&rig, "http://a/2");
	rig_expect_url(&rig, "http://b/2");
	rig_expect_idle(&rig, INT64_MAX);
	rig_ok(&rig, "http://a", 0);
	rig_expect_url(&rig, "http://a/3");
	rig_expect_idle(&rig, INT64_MAX);
	rig_stop(&rig);
}

/* Of whom the next turn is, which ends at once; 0: of nobody. */
static char
whose(struct rig *rig)
{
	char authority[] = "http://?";

	if (rig_next(rig) != FRONTIER_URL)
		return 0;
	authority[7] = rig->turn.rec->url.ptr[7];
	rig_ok(rig, authority, 0);
	urlrec_free(rig->turn.rec);
	rig->now++;
	return authority[7];
}

static void
of_many_hosts_a_few_take_turns_and_then_others(void **state)
{
	struct frontier_conf conf = rig_conf();
	char url[32], was = 0;
	int turns[3] = {0}, changes = 0;
	struct rig rig;

	(void)state;
	conf.sessions_max = 2;
	conf.sessions_ready = 2;
	rig_start(&rig, &conf);
	for (int i = 0; i < 60; i++) {
		(void)snprintf(url, sizeof(url), "http://%c/%d", 'a' + i % 3, i);
		rig_add(&rig, url);
	}
	for (int i = 0; i < 30; i++)
		turns[whose(&rig) - 'a']++;
	assert_int_equal(turns[0], 15);
	assert_int_equal(turns[1], 15);
	for (int i = 0; i < 30; i++) {
		char who = whose(&rig);

		changes += who != was;
		was = who;
		turns[who - 'a']++;
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(turns[i], 20);
	assert_true(changes > 6); /* still by turns */
	assert_int_equal(whose(&rig), 0);
	rig_stop(&rig);
}

static void
who_has_nothing_to_do_for_a_moment_keeps_its_place(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.sessions_max = 2;
	conf.sessions_ready = 1;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	for (int i = 0; i < 9; i++)
		rig_add(&rig, (const char *[]){"http://b/1", "http://b/2", "http://b/3",
				  "http://b/4", "http://c/1", "http://c/2", "http://d/1",
				  "http://d/2", "http://d/3"}[i]);
	assert_int_equal(whose(&rig), 'a');
	assert_int_equal(whose(&rig), 'b');
	rig_add(&rig, "http://a/2"); /* that page had a link */
	assert_int_equal(whose(&rig), 'b');
	assert_int_equal(whose(&rig), 'a');
	for (int left = 7; left > 0; left--)
		assert_int_not_equal(whose(&rig), 0);
	assert_int_equal(whose(&rig), 0);
	rig_stop(&rig);
}

/* Each page of nine hosts has one link, to another one of them. */
static void
hosts_with_a_page_at_a_time_do_not_hold_up_the_others(void **state)
{
	enum { HOSTS = 9, PAGES = 40, STEPS = 1000 };
	struct frontier_conf conf = rig_conf();
	int turns = 0;
	char url[32];
	struct rig rig;

	(void)state;
	conf.sessions_max = 2;
	conf.sessions_ready = 1;
	rig_start(&rig, &conf);
	for (int i = 0; i < PAGES; i++) {
		(void)snprintf(url, sizeof(url), "http://z/%d", i);
		rig_add(&rig, url);
	}
	for (int i = 0; i < STEPS; i++) {
		char who = i < HOSTS - 3 ? (char)('a' + i) : whose(&rig);

		assert_int_not_equal(who, 0);
		turns += who == 'z';
		if (who == 'z')
			continue;
		(void)snprintf(
		    url, sizeof(url), "http://%c/%d", 'a' + (who - 'a' + 4) % HOSTS, i);
		rig_add(&rig, url);
	}
	assert_int_equal(turns, PAGES);
	rig_stop(&rig);
}

static bool
is_odd(void *ctx, const struct urlrec *rec, enum outcome *ret_outcome, char *ret_detail,
    size_t detail_cap)
{
	char last = rec->url.ptr[rec->url.len - 1];

	if ((last - '0') % 2 == 0)
		return false;
	++*(int *)ctx;
	*ret_outcome = OUTCOME_OUT_OF_SCOPE;
	(void)snprintf(ret_detail, detail_cap, "odd");
	return true;
}

static void
what_is_not_wanted_any_more_comes_out_without_a_turn(void **state)
{
	struct frontier_conf conf = rig_conf();
	int odd = 0;
	struct rig rig;

	(void)state;
	conf.delay_ms = 1000;
	conf.unwanted = is_odd;
	conf.unwanted_ctx = &odd;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	rig_add(&rig, "http://a/3");
	rig_add(&rig, "http://a/4");
	rig_add(&rig, "http://a/5");
	rig_add(&rig, "http://b/2");
	rig_expect_refused(&rig, "http://a/1", OUTCOME_OUT_OF_SCOPE, "odd");
	rig_expect_url(&rig, "http://b/2"); /* the others go in between */
	rig_expect_refused(&rig, "http://a/3", OUTCOME_OUT_OF_SCOPE, "odd");
	rig_expect_url(&rig, "http://a/4");
	assert_int_equal(rig_stats(&rig).in_flight, 2);
	rig_ok(&rig, "http://a", 0);
	rig_expect_idle(&rig, 1001);
	rig.now += 1001;
	rig_expect_refused(&rig, "http://a/5", OUTCOME_OUT_OF_SCOPE, "odd");
	rig_expect_idle(&rig, INT64_MAX);
	assert_int_equal(odd, 3);
	rig_stop(&rig);
}

static void
what_is_not_wanted_any_more_costs_no_name_and_no_robots(void **state)
{
	struct frontier_conf conf = rig_conf();
	int odd = 0;
	struct rig rig;

	(void)state;
	conf.robots = true;
	conf.names_max = 1;
	conf.unwanted = is_odd;
	conf.unwanted_ctx = &odd;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	rig_add(&rig, "http://b/3");
	rig_expect_refused(&rig, "http://a/1", OUTCOME_OUT_OF_SCOPE, "odd");
	rig_expect_refused(&rig, "http://b/3", OUTCOME_OUT_OF_SCOPE, "odd");
	rig_expect_idle(&rig, INT64_MAX);
	rig_stop(&rig);
}

static void
hosts_that_never_answered_leave_room_for_those_that_did(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	frontier_room(rig.f, 4, 2);
	rig_add(&rig, "http://good/1");
	rig_add(&rig, "http://good/2");
	rig_expect_url(&rig, "http://good/1");
	for (int i = 0; i < 6; i++) {
		char url[32];

		(void)snprintf(url, sizeof(url), "http://new%d/1", i);
		rig_add(&rig, url);
	}
	rig_expect_url(&rig, "http://new0/1");
	rig_expect_url(&rig, "http://new1/1");
	rig_ok(&rig, "http://good", 0); /* one place is its own from now on */
	rig_expect_url(&rig, "http://new2/1");
	rig_expect_url(&rig, "http://good/2");
	rig_expect_idle(&rig, INT64_MAX);
	frontier_room(rig.f, 6, 2); /* some were found slow */
	rig_expect_url(&rig, "http://new3/1");
	rig_expect_url(&rig, "http://new4/1");
	rig_expect_idle(&rig, INT64_MAX);
	rig_ok(&rig, "http://good", 0); /* it may soon have something again */
	rig_expect_idle(&rig, INT64_MAX);
	rig_ok(&rig, "http://new0", 0);
	rig_expect_url(&rig, "http://new5/1");
	rig_stop(&rig);
}

static void
breadth_first_takes_the_shallow_ones_of_a_host_first(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.per_host = 10;
	rig_start(&rig, &conf);
	rig_add_deep(&rig, "http://a/deep", 3, 0);
	rig_add_deep(&rig, "http://a/x", 1, 0);
	rig_add_deep(&rig, "http://a/y", 1, 0);
	rig_expect_url(&rig, "http://a/x");
	rig_expect_url(&rig, "http://a/y");
	rig_expect_url(&rig, "http://a/deep");
	rig_stop(&rig);
}

static void
depth_first_takes_the_newest_of_a_host_first(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.order = order_find(SLICE_LIT("dfs"));
	conf.per_host = 10;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	rig_add(&rig, "http://a/2");
	rig_expect_url(&rig, "http://a/2");
	rig_add(&rig, "http://a/3");
	rig_expect_url(&rig, "http://a/3");
	rig_expect_url(&rig, "http://a/1");
	rig_stop(&rig);
}

static void
priority_goes_across_hosts(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.order = order_find(SLICE_LIT("priority"));
	conf.per_host = 2;
	rig_start(&rig, &conf);
	rig_add_deep(&rig, "http://a/low", 0, -5);
	rig_add_deep(&rig, "http://b/usual", 0, 0);
	rig_add_deep(&rig, "http://b/high1", 0, 9);
	rig_add_deep(&rig, "http://b/high2", 0, 9);
	rig_add_deep(&rig, "http://c/mid", 0, 5);
	/* What comes later may still change who is next. */
	rig_add_deep(&rig, "http://a/top", 0, 100);
	rig_expect_url(&rig, "http://a/top");
	rig_expect_url(&rig, "http://b/high1");
	rig_expect_url(&rig, "http://b/high2");
	rig_expect_url(&rig, "http://c/mid");
	rig_expect_url(&rig, "http://a/low");
	rig_expect_idle(&rig, INT64_MAX);
	rig_ok(&rig, "http://b", 0);
	rig_expect_url(&rig, "http://b/usual");
	rig_stop(&rig);
}

static void
http_and_https_and_ports_are_different_authorities(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	rig_add(&rig, "https://a/1");
	rig_add(&rig, "http://a:8080/1");
	rig_expect_url(&rig, "http://a/1");
	rig_expect_url(&rig, "https://a/1");
	rig_expect_url(&rig, "http://a:8080/1");
	assert_int_equal(rig_stats(&rig).hosts_full, 0);
	assert_int_equal(rig_stats(&rig).in_flight, 3);
	rig_stop(&rig);
}

static void
the_same_key_waits_once(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;
	struct urlrec r;

	(void)state;
	rig_start(&rig, &conf);
	r = rig_rec(&rig, "http://a/1", 0, 0);
	assert_int_equal(frontier_add(rig.f, &r, rig.now), 0);
	assert_int_equal(frontier_add(rig.f, &r, rig.now), 0);
	assert_int_equal(rig_stats(&rig).queued, 1);
	rig_expect_url(&rig, "http://a/1");
	assert_int_equal(rig_stats(&rig).queued, 0);
	rig_stop(&rig);
}

static void
a_url_without_a_usable_host_comes_out_refused(void **state)
{
	struct frontier_conf conf = rig_conf();
	char url[1000] = "http://";
	struct rig rig;

	(void)state;
	conf.robots = true;
	rig_start(&rig, &conf);
	memset(url + 7, 'x', 900);
	url[907] = '/';
	rig_add(&rig, url);
	rig_expect_refused(&rig, url, OUTCOME_BAD_URL, "no usable host name");
	rig_add(&rig, "nonsense");
	rig_expect_refused(&rig, "nonsense", OUTCOME_BAD_URL, "no usable host name");
	rig_expect_idle(&rig, INT64_MAX);
	rig_stop(&rig);
}

static void
a_retry_waits_for_its_time(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct urlrec *rec;
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	rig_add(&rig, "http://a/2");
	assert_int_equal(rig_next(&rig), FRONTIER_URL);
	rec = rig.turn.rec;
	rig_ok(&rig, "http://a", 0);
	rec->attempts = 1;
	assert_int_equal(
	    frontier_retry(rig.f, rec, rig.now + 500, WAIT_RETRY, rig.now), 0);
	frontier_check(rig.f);
	assert_int_equal(rig_stats(&rig).queued, 2);
	rig_expect_url(&rig, "http://a/2");
	rig_ok(&rig, "http://a", 0);
	rig_expect_idle(&rig, 500);
	rig.now += 499;
	rig_expect_idle(&rig, 1);
	rig.now += 1;
	assert_int_equal(rig_next(&rig), FRONTIER_URL);
	assert_int_equal(rig.turn.rec->attempts, 1);
	urlrec_free(rig.turn.rec);
	assert_int_equal(rig_stats(&rig).queued, 0);
	rig_stop(&rig);
}

static void
a_retry_at_once_needs_no_time(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	assert_int_equal(rig_next(&rig), FRONTIER_URL);
	assert_int_equal(
	    frontier_retry(rig.f, rig.turn.rec, rig.now, WAIT_RETRY, rig.now), 0);
	rig_expect_idle(&rig, INT64_MAX); /* the first one is still in flight */
	rig_ok(&rig, "http://a", 0);
	rig_expect_url(&rig, "http://a/1");
	rig_stop(&rig);
}

/* A thousand hosts that become due together are all served, in bounded steps. */
static void
many_hosts_due_at_once_are_all_served(void **state)
{
	enum { HOSTS = 1000 };
	struct frontier_conf conf = rig_conf();
	uint32_t served = 0, calls = 0;
	struct rig rig;
	char text[64];

	(void)state;
	conf.delay_ms = 100;
	rig_start(&rig, &conf);
	for (int i = 0; i < HOSTS * 2; i++) {
		struct urlrec r;

		(void)snprintf(text, sizeof(text), "http://h%d/%d", i % HOSTS, i);
		r = rig_rec(&rig, text, 0, 0);
		assert_int_equal(frontier_add(rig.f, &r, rig.now), 0);
	}
	for (int i = 0; i < HOSTS; i++) {
		assert_int_equal(frontier_next(rig.f, rig.now, &rig.turn), 0);
		assert_int_equal(rig.turn.kind, FRONTIER_URL);
		urlrec_free(rig.turn.rec);
		(void)snprintf(text, sizeof(text), "http://h%d", i);
		frontier_done(rig.f, rig_hash(text),
		    &(struct frontier_report){.outcome = OUTCOME_OK, .status = 200},
		    rig.now);
	}
	rig_expect_idle(&rig, 101);
	rig.now += 101;
	while (served < HOSTS) {
		assert_true(++calls < 2 * HOSTS);
		assert_int_equal(frontier_next(rig.f, rig.now, &rig.turn), 0);
		if (rig.turn.kind != FRONTIER_URL)
			continue;
		urlrec_free(rig.turn.rec);
		served++;
	}
	rig_expect_idle(&rig, INT64_MAX);
	rig_stop(&rig);
}

static void
a_host_whose_large_answers_are_in_hand_waits_for_the_parser(void **state)
{
	struct frontier_conf conf = rig_conf();
	const uint64_t a = rig_hash("http://a"), b = rig_hash("http://b");
	struct rig rig;

	(void)state;
	conf.in_hand_bytes_max = 1000;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	rig_add(&rig, "http://a/2");
	rig_add(&rig, "http://b/1");
	rig_add(&rig, "http://b/2");
	frontier_in_hand(rig.f, a, 600, rig.now);
	frontier_in_hand(rig.f, a, 500, rig.now);
	frontier_in_hand(rig.f, b, 1000, rig.now);
	assert_int_equal(rig_stats(&rig).waiting_now[WAIT_PARSER_BEHIND], 1);
	rig_expect_url(&rig, "http://b/1");
	rig_ok(&rig, "http://b", 0);
	rig_expect_url(&rig, "http://b/2");
	rig_ok(&rig, "http://b", 0);
	rig_expect_idle(&rig, INT64_MAX);
	frontier_in_hand(rig.f, a, -600, rig.now);
	assert_int_equal(rig_stats(&rig).waiting_now[WAIT_PARSER_BEHIND], 0);
	rig_expect_url(&rig, "http://a/1");
	frontier_in_hand(rig.f, a, -500, rig.now);
	rig_ok(&rig, "http://a", 0);
	rig_expect_url(&rig, "http://a/2");
	rig_ok(&rig, "http://a", 0);
	rig_stop(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_frontier_is_idle_until_something_happens),
	    cmocka_unit_test(hosts_take_turns),
	    cmocka_unit_test(of_many_hosts_a_few_take_turns_and_then_others),
	    cmocka_unit_test(who_has_nothing_to_do_for_a_moment_keeps_its_place),
	    cmocka_unit_test(hosts_with_a_page_at_a_time_do_not_hold_up_the_others),
	    cmocka_unit_test(what_is_not_wanted_any_more_comes_out_without_a_turn),
	    cmocka_unit_test(hosts_that_never_answered_leave_room_for_those_that_did),
	    cmocka_unit_test(what_is_not_wanted_any_more_costs_no_name_and_no_robots),
	    cmocka_unit_test(breadth_first_takes_the_shallow_ones_of_a_host_first),
	    cmocka_unit_test(depth_first_takes_the_newest_of_a_host_first),
	    cmocka_unit_test(priority_goes_across_hosts),
	    cmocka_unit_test(http_and_https_and_ports_are_different_authorities),
	    cmocka_unit_test(the_same_key_waits_once),
	    cmocka_unit_test(a_url_without_a_usable_host_comes_out_refused),
	    cmocka_unit_test(a_retry_waits_for_its_time),
	    cmocka_unit_test(a_retry_at_once_needs_no_time),
	    cmocka_unit_test(many_hosts_due_at_once_are_all_served),
	    cmocka_unit_test(a_host_whose_large_answers_are_in_hand_waits_for_the_parser),
	};

	return cmocka_run_group_tests_name("frontier/turns", tests, NULL, NULL);
}
