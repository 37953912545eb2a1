#include "frontier/waits.h"

#include "frontier_rig.h"

/* All host-milliseconds, ready ones included. */
static uint64_t
total(const struct frontier_stats *s)
{
	uint64_t ms = 0;

	for (int c = 0; c < WAIT_CAUSE_MAX; c++)
		ms += s->wait_ms[c];
	return ms;
}

static void
causes_have_names(void **state)
{
	(void)state;
	assert_string_equal(wait_cause_name(WAIT_NONE), "none");
	assert_string_equal(wait_cause_name(WAIT_CRAWL_DELAY), "crawl-delay");
	assert_string_equal(wait_cause_name(WAIT_PAUSED), "paused");
}

static void
hosts_with_nothing_queued_wait_for_nothing(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier_stats s;
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	rig_expect_url(&rig, "http://a/1");
	rig.now += 1000;
	s = rig_stats(&rig);
	assert_int_equal(total(&s), 0);
	assert_int_equal(s.transfer_ms, 1000); /* while one is under way it lives */
	rig_ok(&rig, "http://a", 1000);
	rig.now += 1000;
	s = rig_stats(&rig);
	assert_int_equal(total(&s), 0);
	assert_int_equal(s.transfer_ms, 1000);
	assert_int_equal(s.life_ms, 1000);
	rig_stop(&rig);
}

/* Requests that overlap are one time of the host. */
static void
a_host_that_is_asked_twice_at_once_does_not_live_twice(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier_stats s;
	struct rig rig;

	(void)state;
	conf.per_host = 2;
	conf.delay_ms = 49;
	rig_start(&rig, &conf);
	for (int i = 0; i < 3; i++)
		rig_add(&rig, "http://a/1");
	rig_expect_url(&rig, "http://a/1");
	rig.now += 50;
	rig_expect_url(&rig, "http://a/1");
	rig.now += 100;
	rig_ok(&rig, "http://a", 150);
	rig.now += 30;
	rig_ok(&rig, "http://a", 130);
	rig.now += 7; /* it may be asked; nobody does */
	s = rig_stats(&rig);
	assert_int_equal(s.transfer_ms, 180);
	assert_int_equal(s.wait_ms[WAIT_NONE], 7);
	assert_int_equal(s.life_ms, 187);
	rig_stop(&rig);
}

static void
what_was_waited_before_us_is_booked(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier_stats s;
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	rig_add(&rig, "http://b/1");
	rig_expect_url(&rig, "http://a/1");
	rig_ok(&rig, "http://a", 0); /* nothing waits there any more */
	frontier_waited(rig.f, WAIT_PAUSED, 60000);
	s = rig_stats(&rig);
	assert_int_equal(s.wait_ms[WAIT_PAUSED], 60000);
	assert_int_equal(s.life_ms, 60000);
	rig_stop(&rig);
}

static void
each_cause_gets_its_milliseconds(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier_stats s;
	struct rig rig;

	(void)state;
	conf.robots = true;
	conf.delay_ms = 499;
	rig_start(&rig, &conf);
	for (int i = 0; i < 5; i++)
		rig_add(&rig, "http://a/1");
	rig_expect_robots(&rig, "http://a");
	rig.now += 30;
	rig_ok(&rig, "http://a", 30);
	rig.now += 5;
	rig_robots(&rig, "http://a", FRONTIER_ROBOTS_ALLOW, NULL);
	rig.now += 495;
	rig_expect_url(&rig, "http://a/1");
	rig.now += 40;
	rig_ok(&rig, "http://a", 40);
	rig.now += 500;
	rig_expect_url(&rig, "http://a/1");
	rig_status(&rig, "http://a", 429, 9000);
	rig.now += 9000;
	s = rig_stats(&rig);
	assert_int_equal(s.wait_ms[WAIT_ROBOTS_PENDING], 35);
	assert_int_equal(s.transfer_ms, 40);
	assert_int_equal(s.wait_ms[WAIT_CRAWL_DELAY], 495 + 500);
	assert_int_equal(s.wait_ms[WAIT_RETRY_AFTER], 9000);
	assert_int_equal(total(&s), 35 + 995 + 9000);
	assert_int_equal(s.life_ms, 35 + 40 + 995 + 9000);
	rig_stop(&rig);
}

static void
ready_hosts_wait_for_what_holds_the_engine(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier_stats s;
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	rig_add(&rig, "http://b/1");
	rig.now += 10;
	frontier_held(rig.f, WAIT_BANDWIDTH, rig.now);
	rig.now += 100;
	frontier_held(rig.f, WAIT_BANDWIDTH, rig.now);
	rig_add(&rig, "http://c/1");
	rig.now += 100;
	s = rig_stats(&rig);
	assert_int_equal(s.waiting_now[WAIT_BANDWIDTH], 3);
	frontier_held(rig.f, WAIT_NONE, rig.now);
	rig.now += 1000;
	s = rig_stats(&rig);
	assert_int_equal(s.wait_ms[WAIT_BANDWIDTH], 2 * 100 + 3 * 100);
	assert_int_equal(s.wait_ms[WAIT_NONE], 2 * 10 + 3 * 1000);
	assert_int_equal(s.waiting_now[WAIT_NONE], 3);
	rig_stop(&rig);
}

/* One of two was fetched, the host is to wait 99 ms for the other, and all are held for 5 s. */
static void
held_behind_a_delay(struct rig *rig, enum wait_cause cause)
{
	struct frontier_conf conf = rig_conf();

	conf.delay_ms = 99;
	rig_start(rig, &conf);
	rig_add(rig, "http://a/1");
	rig_add(rig, "http://a/2");
	rig_expect_url(rig, "http://a/1");
	rig_ok(rig, "http://a", 0);
	frontier_held(rig->f, cause, rig->now);
	rig->now += 5000;
}

/* The engine is full and asks late: it is not the crawl delay that held the host then. */
static void
a_delay_ends_when_it_ends_not_when_it_is_noticed(void **state)
{
	struct frontier_stats s;
	struct rig rig;

	(void)state;
	held_behind_a_delay(&rig, WAIT_CONNECTION_CAP);
	s = rig_stats(&rig);
	assert_int_equal(s.wait_ms[WAIT_CRAWL_DELAY], 100);
	assert_int_equal(s.wait_ms[WAIT_CONNECTION_CAP], 4900);
	rig_stop(&rig);
}

/* Under --rate nobody is looked for until the next request may go: what was due meanwhile
 * waited for the rate. */
static void
what_is_due_while_hosts_are_held_waits_for_what_holds_them(void **state)
{
	struct frontier_stats s;
	struct rig rig;

	(void)state;
	held_behind_a_delay(&rig, WAIT_GLOBAL_RATE);
	frontier_held(rig.f, WAIT_NONE, rig.now);
	rig_expect_url(&rig, "http://a/2");
	s = rig_stats(&rig);
	assert_int_equal(s.wait_ms[WAIT_CRAWL_DELAY], 100);
	assert_int_equal(s.wait_ms[WAIT_GLOBAL_RATE], 4900);
	assert_int_equal(total(&s), 5000);
	rig_stop(&rig);
}

static void
a_host_with_only_a_retry_waits_for_that(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier_stats s;
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	assert_int_equal(rig_next(&rig), FRONTIER_URL);
	rig_ok(&rig, "http://a", 0);
	assert_int_equal(
	    frontier_retry(rig.f, rig.turn.rec, rig.now + 200, WAIT_RETRY, rig.now), 0);
	rig.now += 150;
	s = rig_stats(&rig);
	assert_int_equal(s.wait_ms[WAIT_RETRY], 150);
	assert_int_equal(s.waiting_now[WAIT_RETRY], 1);
	assert_int_equal(total(&s), 150);
	rig_stop(&rig);
}

static void
a_host_whose_answers_have_no_room_waits_for_the_parser(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier_stats s;
	struct rig rig;
	struct urlrec *rec;

	(void)state;
	conf.per_host = 2;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	rig_add(&rig, "http://a/2");
	assert_int_equal(rig_next(&rig), FRONTIER_URL);
	rec = rig.turn.rec;
	assert_int_equal(rig_next(&rig), FRONTIER_URL);
	rig_ok(&rig, "http://a", 0);
	rig_ok(&rig, "http://a", 0);
	assert_int_equal(
	    frontier_retry(rig.f, rec, rig.now + 300, WAIT_RETRY, rig.now), 0);
	assert_int_equal(frontier_retry(rig.f, rig.turn.rec, rig.now + 200,
			     WAIT_PARSER_BEHIND, rig.now),
	    0);
	rig.now += 200;
	s = rig_stats(&rig);
	assert_int_equal(s.wait_ms[WAIT_PARSER_BEHIND], 200);
	rig_expect_url(
	    &rig, "http://a/2"); /* and now it is the other that is waited for */
	rig_ok(&rig, "http://a", 0);
	rig.now += 50;
	s = rig_stats(&rig);
	assert_int_equal(s.wait_ms[WAIT_RETRY], 50);
	assert_int_equal(total(&s), 250);
	rig_stop(&rig);
}

static void
a_host_that_cannot_be_reached_waits_for_that(void **state)
{
	const struct frontier_report refused = {
	    .outcome = OUTCOME_CONNECT_FAILURE, .retry_after_ms = -1};
	struct frontier_conf conf = rig_conf();
	struct frontier_stats s;
	struct rig rig;

	(void)state;
	conf.per_host = 2;
	rig_start(&rig, &conf);
	for (int i = 0; i < 4; i++)
		rig_add(&rig, "http://a/1");
	rig_expect_url(&rig, "http://a/1");
	rig_report(&rig, "http://a", &refused);
	rig.now += 1000;
	s = rig_stats(&rig);
	assert_int_equal(s.wait_ms[WAIT_UNREACHABLE], 1000);
	rig_expect_url(
	    &rig, "http://a/1"); /* one alone finds out; the next one is held */
	rig.now += 70;
	s = rig_stats(&rig);
	assert_int_equal(s.waiting_now[WAIT_UNREACHABLE], 0);
	assert_int_equal(s.transfer_ms, 70);
	assert_int_equal(total(&s), 1000);
	rig_stop(&rig);
}

/* It has nothing else, and what it has to ask for would wait for its host anyway. */
static void
a_retry_at_a_host_that_wants_time_waits_for_the_host(void **state)
{
	const struct frontier_report refused = {
	    .outcome = OUTCOME_CONNECT_FAILURE, .retry_after_ms = -1};
	struct frontier_conf conf = rig_conf();
	struct frontier_stats s;
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://slow/1");
	rig_add(&rig, "http://dead/1");
	assert_int_equal(rig_next(&rig), FRONTIER_URL);
	rig_status(&rig, "http://slow", 503, 60000);
	assert_int_equal(
	    frontier_retry(rig.f, rig.turn.rec, rig.now + 500, WAIT_RETRY, rig.now), 0);
	assert_int_equal(rig_next(&rig), FRONTIER_URL);
	rig_report(&rig, "http://dead", &refused);
	assert_int_equal(
	    frontier_retry(rig.f, rig.turn.rec, rig.now + 500, WAIT_RETRY, rig.now), 0);
	rig.now += 400;
	s = rig_stats(&rig);
	assert_int_equal(s.wait_ms[WAIT_RETRY_AFTER], 400);
	assert_int_equal(s.wait_ms[WAIT_UNREACHABLE], 400);
	assert_int_equal(total(&s), 800);
	rig_stop(&rig);
}

static void
stats_count_hosts_by_place(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier_stats s;
	struct rig rig;

	(void)state;
	conf.delay_ms = 50;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://waits/1");
	rig_add(&rig, "http://waits/2");
	rig_add(&rig, "http://full/1");
	rig_add(&rig, "http://full/2");
	rig_add(&rig, "http://empty/1");
	rig_expect_url(&rig, "http://waits/1");
	rig_ok(&rig, "http://waits", 0);
	rig_expect_url(&rig, "http://full/1");
	rig_expect_url(&rig, "http://empty/1");
	rig_add(&rig, "http://ready/1");
	s = rig_stats(&rig);
	assert_int_equal(s.hosts, 4);
	assert_int_equal(s.hosts_ready, 1);
	assert_int_equal(s.hosts_waiting, 1);
	assert_int_equal(s.hosts_full, 1);
	assert_int_equal(s.hosts_blocked, 0);
	assert_int_equal(s.hosts_dead, 0);
	assert_int_equal(s.queued, 3);
	assert_int_equal(s.in_flight, 2);
	assert_true(s.memory_bytes > 4 * 300);
	rig_stop(&rig);
}

static void
the_busiest_hosts_come_first(void **state)
{
	struct frontier_host top[100];
	struct frontier_conf conf = rig_conf();
	char text[32];
	struct rig rig;

	(void)state;
	conf.delay_ms = 1000;
	rig_start(&rig, &conf);
	for (int h = 0; h < 80; h++) {
		for (int i = 0; i <= (h * 7) % 80; i++) {
			(void)snprintf(text, sizeof(text), "http://h%d/%d", h, i);
			rig_add(&rig, text);
		}
	}
	assert_int_equal(frontier_hosts(rig.f, rig.now, top, 0), 0);
	assert_int_equal(frontier_hosts(rig.f, rig.now, top, 5), 5);
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(top[i].queued, 80 - i);
	assert_int_equal(frontier_hosts(rig.f, rig.now, top, 100), 64);
	for (uint64_t i = 0; i < 64; i++)
		assert_int_equal(top[i].queued, 80 - i);
	rig_expect_url(&rig, "http://h0/0");
	rig_expect_url(&rig, "http://h1/0");
	rig_ok(&rig, "http://h1", 0);
	rig_add(&rig, "http://h1/more");
	for (int i = 0; i < 100; i++)
		rig_add(&rig, "http://h1/more");
	rig.now += 1;
	assert_int_equal(frontier_hosts(rig.f, rig.now, top, 1), 1);
	assert_string_equal(top[0].authority, "http://h1");
	assert_int_equal(top[0].done, 1);
	assert_int_equal(top[0].in_flight, 0);
	assert_int_equal(top[0].waits_for, WAIT_CRAWL_DELAY);
	assert_int_equal(top[0].wait_ms, 1000);
	rig_stop(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(causes_have_names),
	    cmocka_unit_test(hosts_with_nothing_queued_wait_for_nothing),
	    cmocka_unit_test(a_host_that_is_asked_twice_at_once_does_not_live_twice),
	    cmocka_unit_test(what_was_waited_before_us_is_booked),
	    cmocka_unit_test(each_cause_gets_its_milliseconds),
	    cmocka_unit_test(ready_hosts_wait_for_what_holds_the_engine),
	    cmocka_unit_test(a_delay_ends_when_it_ends_not_when_it_is_noticed),
	    cmocka_unit_test(what_is_due_while_hosts_are_held_waits_for_what_holds_them),
	    cmocka_unit_test(a_host_with_only_a_retry_waits_for_that),
	    cmocka_unit_test(a_host_whose_answers_have_no_room_waits_for_the_parser),
	    cmocka_unit_test(a_host_that_cannot_be_reached_waits_for_that),
	    cmocka_unit_test(a_retry_at_a_host_that_wants_time_waits_for_the_host),
	    cmocka_unit_test(stats_count_hosts_by_place),
	    cmocka_unit_test(the_busiest_hosts_come_first),
	};

	return cmocka_run_group_tests_name("frontier/waits", tests, NULL, NULL);
}
