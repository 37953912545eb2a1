#include "frontier_rig.h"

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define DAY    (24 * 60 * MINUTE)

static void
urls(struct rig *rig, int n)
{
	char text[32];

	for (int i = 1; i <= n; i++) {
		(void)snprintf(text, sizeof(text), "http://a/%d", i);
		rig_add(rig, text);
	}
}

/* Idle, for that cause; the next turn is `low` to `high` milliseconds away.  Goes there. */
static int64_t
waits_between(struct rig *rig, enum wait_cause cause, int64_t low, int64_t high)
{
	int64_t wait;

	assert_int_equal(rig_next(rig), FRONTIER_IDLE);
	wait = rig->turn.due_ms - rig->now;
	assert_in_range((uint64_t)wait, (uint64_t)low, (uint64_t)high);
	assert_int_equal(rig_stats(rig).waiting_now[cause], 1);
	rig->now += wait;
	return wait;
}

static int64_t
wait_between(struct rig *rig, int64_t low, int64_t high)
{
	return waits_between(rig, WAIT_RETRY_AFTER, low, high);
}

static int64_t
down_between(struct rig *rig, int64_t low, int64_t high)
{
	return waits_between(rig, WAIT_UNREACHABLE, low, high);
}

static void
take_url(struct rig *rig)
{
	assert_int_equal(rig_next(rig), FRONTIER_URL);
	urlrec_free(rig->turn.rec);
}

static void
a_429_slows_the_host_ever_more(void **state)
{
	struct frontier_conf conf = rig_conf();
	int64_t base = MINUTE;
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	urls(&rig, 20);
	for (int i = 0; i < 16; i++) {
		take_url(&rig);
		rig_status(&rig, "http://a", i % 2 == 0 ? 429 : 503, -1);
		(void)wait_between(
		    &rig, base, base + base / 10 < DAY ? base + base / 10 : DAY);
		base = base * 2 < DAY ? base * 2 : DAY;
	}
	rig_stop(&rig);
}

static void
the_jitter_is_that_of_the_seed(void **state)
{
	int64_t wait[3];

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		struct frontier_conf conf = rig_conf();
		struct rig rig;

		conf.jitter_seed = i / 2; /* 0, 0, 1 */
		rig_start(&rig, &conf);
		urls(&rig, 2);
		take_url(&rig);
		rig_status(&rig, "http://a", 429, -1);
		wait[i] = wait_between(&rig, MINUTE, MINUTE + MINUTE / 10);
		rig_stop(&rig);
	}
	assert_int_equal(wait[0], wait[1]);
	assert_int_not_equal(wait[1], wait[2]);
}

static void
retry_after_is_taken_at_its_word_within_a_second_and_a_day(void **state)
{
	const int64_t cases[][2] = {{5 * SECOND, 5 * SECOND}, {10 * MINUTE, 10 * MINUTE},
	    {0, SECOND}, {3 * DAY, DAY}};
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	urls(&rig, 10);
	for (size_t i = 0; i < 4; i++) {
		take_url(&rig);
		rig_status(&rig, "http://a", 429, cases[i][0]);
		(void)wait_between(&rig, cases[i][1], cases[i][1]);
	}
	rig_stop(&rig);
}

static void
other_answers_do_not_slow_the_host(void **state)
{
	const int codes[] = {200, 301, 404, 500, 502};
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	urls(&rig, 10);
	for (size_t i = 0; i < 5; i++) {
		take_url(&rig);
		/* Retry-After with another status is not about the rate. */
		rig_status(&rig, "http://a", codes[i], 1000 * SECOND);
	}
	take_url(&rig);
	rig_stop(&rig);
}

static void
thirty_quiet_minutes_are_forgiven(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	urls(&rig, 10);
	take_url(&rig);
	rig_status(&rig, "http://a", 429, -1);
	(void)wait_between(&rig, MINUTE, 66 * SECOND);
	take_url(&rig);
	rig.now += 29 * MINUTE;
	rig_status(&rig, "http://a", 429, -1);
	(void)wait_between(&rig, 2 * MINUTE, 132 * SECOND);
	take_url(&rig);
	rig.now += 30 * MINUTE;
	rig_status(&rig, "http://a", 429, -1);
	(void)wait_between(&rig, MINUTE, 66 * SECOND);
	rig_stop(&rig);
}

static void
answers_to_requests_that_were_under_way_count_once(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier_report rep = {.outcome = OUTCOME_HTTP_4XX,
	    .status = 429,
	    .took_ms = 1000,
	    .retry_after_ms = -1};
	struct rig rig;

	(void)state;
	conf.per_host = 4;
	rig_start(&rig, &conf);
	urls(&rig, 10);
	for (int i = 0; i < 4; i++)
		take_url(&rig);
	rig.now += 1000;
	for (int i = 0; i < 3; i++)
		rig_report(&rig, "http://a", &rep);
	/* But what one of them asks for is heard. */
	rep.retry_after_ms = 90 * SECOND;
	rig_report(&rig, "http://a", &rep);
	(void)wait_between(&rig, 90 * SECOND, 90 * SECOND);
	take_url(&rig);
	rig_status(&rig, "http://a", 429, -1);
	(void)wait_between(&rig, 2 * MINUTE, 132 * SECOND);
	rig_stop(&rig);
}

static void
a_dead_host_fails_as_a_host(void **state)
{
	struct frontier_conf conf = rig_conf();
	char text[32];
	struct rig rig;

	(void)state;
	conf.dead_after = 4;
	conf.robots_ttl_ms = DAY;
	rig_start(&rig, &conf);
	urls(&rig, 8);
	for (int i = 0; i < 4; i++) {
		take_url(&rig);
		rig_fails(&rig, "http://a", OUTCOME_CONNECT_FAILURE);
		if (i < 3)
			(void)down_between(&rig, SECOND << i, SECOND << i);
	}
	assert_int_equal(rig_stats(&rig).hosts_dead, 1);
	for (int i = 5; i <= 8; i++) {
		(void)snprintf(text, sizeof(text), "http://a/%d", i);
		rig_expect_refused(&rig, text, OUTCOME_CONNECT_FAILURE,
		    "host given up after 4 failures");
	}
	/* Also what is found later, until it is time to try again. */
	rig_add(&rig, "http://a/9");
	rig_expect_refused(&rig, "http://a/9", OUTCOME_CONNECT_FAILURE,
	    "host given up after 4 failures");
	rig_expect_idle(&rig, INT64_MAX);
	rig.now += DAY;
	rig_add(&rig, "http://a/10");
	rig_expect_url(&rig, "http://a/10");
	assert_int_equal(rig_stats(&rig).hosts_dead, 0);
	rig_stop(&rig);
}

static void
every_kind_of_host_failure_counts_and_the_last_is_told(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.dead_after = 4;
	rig_start(&rig, &conf);
	urls(&rig, 5);
	take_url(&rig);
	rig_fails(&rig, "http://a", OUTCOME_TLS_FAILURE);
	(void)down_between(&rig, SECOND, SECOND);
	take_url(&rig);
	rig_fails(&rig, "http://a", OUTCOME_CONNECT_FAILURE);
	(void)down_between(&rig, 2 * SECOND, 2 * SECOND);
	take_url(&rig);
	rig_fails(&rig, "http://a", OUTCOME_TIMEOUT_CONNECT);
	(void)down_between(&rig, 4 * SECOND, 4 * SECOND);
	take_url(&rig);
	rig_fails(&rig, "http://a", OUTCOME_DNS_FAILURE);
	rig_expect_refused(
	    &rig, "http://a/5", OUTCOME_DNS_FAILURE, "host given up after 4 failures");
	rig_stop(&rig);
}

static void
a_success_starts_the_count_anew(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.dead_after = 2;
	rig_start(&rig, &conf);
	urls(&rig, 9);
	for (int i = 0; i < 3; i++) {
		take_url(&rig);
		rig_fails(&rig, "http://a", OUTCOME_DNS_FAILURE);
		(void)down_between(&rig, SECOND, SECOND);
		take_url(&rig);
		rig_status(&rig, "http://a", 404, -1);
	}
	assert_int_equal(rig_stats(&rig).hosts_dead, 0);
	rig_stop(&rig);
}

/* One timeout later than the connection says nothing about whether the host is there. */
static void
failures_of_a_page_are_not_the_hosts(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.dead_after = 1;
	rig_start(&rig, &conf);
	urls(&rig, 9);
	for (int o = 0; o < OUTCOME_MAX; o++) {
		if (o != OUTCOME_TIMEOUT_STALL && o != OUTCOME_PROTOCOL_ERROR &&
		    o != OUTCOME_CANCELLED && o != OUTCOME_TIMEOUT_TOTAL)
			continue;
		take_url(&rig);
		rig_fails(&rig, "http://a", (enum outcome)o);
	}
	take_url(&rig);
	assert_int_equal(rig_stats(&rig).hosts_dead, 0);
	rig_stop(&rig);
}

/* The gap to the next request after one that it answered. */
static int64_t
gap_after_an_answer(struct rig *rig)
{
	int64_t at;

	take_url(rig);
	rig_ok(rig, "http://a", 1);
	at = rig->now;
	assert_int_equal(rig_next(rig), FRONTIER_IDLE);
	rig->now = rig->turn.due_ms;
	return rig->now - at;
}

static void
a_host_that_says_429_again_and_again_is_asked_less_often(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	urls(&rig, 200);
	for (int i = 0; i < 2; i++) {
		take_url(&rig);
		rig_status(&rig, "http://a", 429, 1000);
		(void)wait_between(&rig, SECOND, SECOND);
		assert_int_equal(gap_after_an_answer(&rig), 250 << i);
	}
	/* Twenty answers, and it is tried what it bears. */
	for (int i = 0; i < 18; i++)
		assert_int_equal(gap_after_an_answer(&rig), 500);
	assert_int_equal(gap_after_an_answer(&rig), 375);
	for (int i = 0; i < 10; i++) {
		take_url(&rig);
		rig_status(&rig, "http://a", 503, 40000);
		(void)wait_between(&rig, 40 * SECOND, 40 * SECOND);
	}
	assert_int_equal(gap_after_an_answer(&rig), 30000);
	rig.now += 30 * MINUTE;
	take_url(&rig);
	rig_ok(&rig, "http://a", 1);
	take_url(&rig); /* at once */
	rig_stop(&rig);
}

/* Reports one that took `took_ms` and brought not a byte. */
static void
says_nothing(struct rig *rig, int64_t took_ms)
{
	const struct frontier_report rep = {.outcome = OUTCOME_TIMEOUT_FIRST_BYTE,
	    .took_ms = took_ms,
	    .retry_after_ms = -1};

	rig_report(rig, "http://a", &rep);
}

/* Or a host with a thousand URLs costs a thousand time-outs, one after the other. */
static void
a_host_that_says_nothing_ten_times_in_a_row_is_given_up(void **state)
{
	struct frontier_conf conf = rig_conf();
	char text[32];
	struct rig rig;

	(void)state;
	conf.dead_after = 1;
	rig_start(&rig, &conf);
	urls(&rig, 32);
	for (int i = 0; i < 9; i++) {
		take_url(&rig);
		rig.now += 30 * SECOND;
		says_nothing(&rig, 30 * SECOND);
	}
	/* One that it answers, and the count begins anew. */
	take_url(&rig);
	rig_status(&rig, "http://a", 404, -1);
	for (int i = 0; i < 10; i++) {
		take_url(&rig);
		assert_int_equal(rig_stats(&rig).hosts_dead, 0);
		rig.now += 30 * SECOND;
		says_nothing(&rig, 30 * SECOND);
	}
	assert_int_equal(rig_stats(&rig).hosts_dead, 1);
	for (int i = 21; i <= 32; i++) {
		(void)snprintf(text, sizeof(text), "http://a/%d", i);
		rig_expect_refused(&rig, text, OUTCOME_TIMEOUT_FIRST_BYTE,
		    "host given up after 10 failures");
	}
	rig.now += DAY;
	rig_add(&rig, "http://a/33");
	rig_expect_url(&rig, "http://a/33");
	says_nothing(&rig, 30 * SECOND);
	assert_int_equal(rig_stats(&rig).hosts_dead, 0);
	rig_stop(&rig);
}

static void
silences_side_by_side_are_one_and_retries_raise_their_number(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.per_host = 8;
	conf.dead_after = 12;
	rig_start(&rig, &conf);
	urls(&rig, 100);
	for (int round = 0; round < 12; round++) {
		assert_int_equal(rig_stats(&rig).hosts_dead, 0);
		for (int i = 0; i < 8; i++)
			take_url(&rig);
		rig.now += 30 * SECOND;
		for (int i = 0; i < 8; i++)
			says_nothing(&rig, 30 * SECOND);
	}
	assert_int_equal(rig_stats(&rig).hosts_dead, 1);
	rig_stop(&rig);
}

static void
while_a_host_fails_one_request_at_a_time_probes_it(void **state)
{
	const struct frontier_report late = {
	    .outcome = OUTCOME_CONNECT_FAILURE, .took_ms = 500, .retry_after_ms = -1};
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.per_host = 3;
	conf.dead_after = 3;
	rig_start(&rig, &conf);
	urls(&rig, 9);
	for (int i = 0; i < 3; i++)
		take_url(&rig);
	rig.now += 500;
	/* All three were under way: the host failed once. */
	for (int i = 0; i < 3; i++)
		rig_report(&rig, "http://a", &late);
	(void)down_between(&rig, SECOND, SECOND);
	take_url(&rig);
	rig_expect_idle(&rig, INT64_MAX);
	assert_int_equal(rig_stats(&rig).hosts_full, 1); /* and is being asked */
	rig_ok(&rig, "http://a", 5);
	for (int i = 0; i < 3; i++)
		take_url(&rig);
	rig_expect_idle(&rig, INT64_MAX);
	rig_stop(&rig);
}

static void
retries_of_a_dead_host_do_not_wait_for_their_time(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct urlrec *rec;
	struct rig rig;

	(void)state;
	conf.dead_after = 2;
	rig_start(&rig, &conf);
	urls(&rig, 2);
	assert_int_equal(rig_next(&rig), FRONTIER_URL);
	rec = rig.turn.rec;
	rig_fails(&rig, "http://a", OUTCOME_DNS_FAILURE);
	assert_int_equal(
	    frontier_retry(rig.f, rec, rig.now + 7 * 60 * MINUTE, WAIT_RETRY, rig.now),
	    0);
	(void)down_between(&rig, SECOND, SECOND);
	take_url(&rig);
	rig_fails(&rig, "http://a", OUTCOME_DNS_FAILURE);
	rig_expect_refused(
	    &rig, "http://a/1", OUTCOME_DNS_FAILURE, "host given up after 2 failures");
	rig_expect_idle(&rig, INT64_MAX);
	assert_int_equal(rig_stats(&rig).queued, 0);
	rig_stop(&rig);
}

static void
a_late_success_revives_the_host(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.dead_after = 1;
	conf.per_host = 2;
	rig_start(&rig, &conf);
	urls(&rig, 3);
	take_url(&rig);
	take_url(&rig);
	rig_fails(&rig, "http://a", OUTCOME_CONNECT_FAILURE);
	assert_int_equal(rig_stats(&rig).hosts_dead, 1);
	rig_ok(&rig, "http://a", 10);
	assert_int_equal(rig_stats(&rig).hosts_dead, 0);
	rig_expect_url(&rig, "http://a/3");
	rig_stop(&rig);
}

static void
refusals_of_a_dead_host_leave_the_others_their_turns(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;

	(void)state;
	conf.dead_after = 1;
	rig_start(&rig, &conf);
	urls(&rig, 3);
	take_url(&rig);
	rig_fails(&rig, "http://a", OUTCOME_DNS_FAILURE);
	rig_add(&rig, "http://b/1");
	rig_expect_refused(
	    &rig, "http://a/2", OUTCOME_DNS_FAILURE, "host given up after 1 failure");
	rig_expect_url(&rig, "http://b/1");
	rig_expect_refused(
	    &rig, "http://a/3", OUTCOME_DNS_FAILURE, "host given up after 1 failure");
	rig_stop(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_429_slows_the_host_ever_more),
	    cmocka_unit_test(the_jitter_is_that_of_the_seed),
	    cmocka_unit_test(retry_after_is_taken_at_its_word_within_a_second_and_a_day),
	    cmocka_unit_test(other_answers_do_not_slow_the_host),
	    cmocka_unit_test(thirty_quiet_minutes_are_forgiven),
	    cmocka_unit_test(answers_to_requests_that_were_under_way_count_once),
	    cmocka_unit_test(a_dead_host_fails_as_a_host),
	    cmocka_unit_test(every_kind_of_host_failure_counts_and_the_last_is_told),
	    cmocka_unit_test(a_success_starts_the_count_anew),
	    cmocka_unit_test(failures_of_a_page_are_not_the_hosts),
	    cmocka_unit_test(a_host_that_says_429_again_and_again_is_asked_less_often),
	    cmocka_unit_test(a_host_that_says_nothing_ten_times_in_a_row_is_given_up),
	    cmocka_unit_test(
		silences_side_by_side_are_one_and_retries_raise_their_number),
	    cmocka_unit_test(while_a_host_fails_one_request_at_a_time_probes_it),
	    cmocka_unit_test(retries_of_a_dead_host_do_not_wait_for_their_time),
	    cmocka_unit_test(a_late_success_revives_the_host),
	    cmocka_unit_test(refusals_of_a_dead_host_leave_the_others_their_turns),
	};

	return cmocka_run_group_tests_name("frontier/backoff", tests, NULL, NULL);
}
