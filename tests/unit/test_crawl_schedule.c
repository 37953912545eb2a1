#include "crawl/schedule.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S 1000000ll

/* "2026-03-01 04:05" of the time zone in force. */
static int64_t
at(const char *text)
{
	struct tm tm = {.tm_isdst = -1};

	assert_int_equal(sscanf(text, "%d-%d-%d %d:%d", &tm.tm_year, &tm.tm_mon,
			     &tm.tm_mday, &tm.tm_hour, &tm.tm_min),
	    5);
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return (int64_t)mktime(&tm) * S;
}

static void
zone(const char *name)
{
	(void)setenv("TZ", name, 1);
	tzset();
}

static struct schedule
made(const char *key, const char *value)
{
	struct schedule s = {0};
	struct why why = {""};

	if (schedule_set(&s, slice_cstr(key), slice_cstr(value), &why) < 0)
		fail_msg("%s: %s", key, why.text);
	return s;
}

static void
assert_next(const char *key, const char *value, const char *after, const char *next)
{
	struct schedule s = made(key, value);
	int64_t t = schedule_next(&s, at(after));

	if (t != at(next))
		fail_msg("%s %s after %s is %lld s off %s", key, value, after,
		    (long long)((t - at(next)) / S), next);
}

static void
cron_lines_mean_what_crontab_says(void **state)
{
	(void)state;
	zone("UTC");
	assert_next("cron", "0 4 * * *", "2026-03-01 03:59", "2026-03-01 04:00");
	assert_next("cron", "0 4 * * *", "2026-03-01 04:00", "2026-03-02 04:00");
	assert_next("cron", "*/15 * * * *", "2026-03-01 03:59", "2026-03-01 04:00");
	assert_next("cron", "*/15 * * * *", "2026-03-01 04:00", "2026-03-01 04:15");
	assert_next("cron", "5-59/20 8-9 * * *", "2026-03-01 08:45", "2026-03-01 09:05");
	assert_next("cron", "30 6 * * mon-fri", "2026-03-06 07:00", "2026-03-09 06:30");
	assert_next("cron", "0 0 * * 7", "2026-03-02 00:00", "2026-03-08 00:00");
	assert_next("cron", "0 0 * * 0", "2026-03-02 00:00", "2026-03-08 00:00");
	assert_next("cron", "0 0 31 * *", "2026-04-01 00:00", "2026-05-31 00:00");
	assert_next("cron", "0 0 29 feb *", "2026-03-01 00:00", "2028-02-29 00:00");
	assert_next("cron", "0 0 1,15 jan,jul *", "2026-01-15 00:00", "2026-07-01 00:00");
	/* Where both are said either will do: the 13th, or a Friday. */
	assert_next("cron", "0 0 13 * fri", "2026-03-07 00:00", "2026-03-13 00:00");
	assert_next("cron", "0 0 13 * fri", "2026-03-13 00:00", "2026-03-20 00:00");
	assert_next("at", "23:59", "2026-12-31 23:59", "2027-01-01 23:59");
}

static void
a_day_that_does_not_come_within_five_years_is_never(void **state)
{
	struct schedule s = made("cron", "0 0 29 feb *");

	(void)state;
	zone("UTC");
	/* 2100 is no leap year. */
	assert_true(schedule_next(&s, at("2097-03-01 00:00")) == INT64_MAX);
	s = made("cron", "* * 29 feb *");
	assert_true(schedule_next(&s, at("2097-03-01 00:00")) == INT64_MAX);
}

static void
schedules_are_alike_when_all_of_them_is(void **state)
{
	static const struct {
		const char *key, *a, *b;
	} rows[] = {{"every", "1h", "2h"}, {"at", "03:00", "03:01"},
	    {"at", "03:00", "04:00"}, {"cron", "0 0 * * *", "1 0 * * *"},
	    {"cron", "0 0 * * *", "0 0 * * mon"}, {"cron", "0 0 1 * *", "0 0 */31 * *"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct schedule a = made(rows[i].key, rows[i].a), b;

		memset(&b, 0xff, sizeof(b)); /* what lies between its members */
		b = made(rows[i].key, rows[i].a);
		assert_true(schedule_eq(&a, &b));
		b = made(rows[i].key, rows[i].b);
		assert_false(schedule_eq(&a, &b));
		b = a;
		assert_int_equal(
		    schedule_set(&b, SLICE_LIT("jitter"), SLICE_LIT("1m"), NULL), 0);
		assert_false(schedule_eq(&a, &b));
	}
}

static void
when_clocks_change_nothing_is_lost_or_done_twice(void **state)
{
	struct schedule s = made("at", "02:30");
	int64_t spring, autumn;

	(void)state;
	zone("Europe/Berlin");
	/* 2026-03-29: 02:00 becomes 03:00.  It is moved by as much. */
	spring = schedule_next(&s, at("2026-03-28 12:00"));
	assert_true(spring == at("2026-03-29 03:30") || spring == at("2026-03-29 01:30"));
	assert_true(schedule_next(&s, spring) == at("2026-03-30 02:30"));
	/* 2026-10-25: 03:00 becomes 02:00; 02:30 is there twice, and served once. */
	autumn = schedule_next(&s, at("2026-10-24 12:00"));
	assert_true(schedule_next(&s, autumn) == at("2026-10-26 02:30"));
	/* What is for every hour goes through both. */
	s = made("cron", "0 * * * *");
	autumn = at("2026-10-25 00:00");
	for (int i = 0; i < 25; i++) {
		int64_t t = schedule_next(&s, autumn);

		assert_true(t - autumn == 3600 * S);
		autumn = t;
	}
	assert_true(autumn == at("2026-10-26 00:00"));
	zone("UTC");
}

static void
assert_refused(const char *key, const char *value, const char *part)
{
	struct schedule s = {0};
	struct why why = {""};

	assert_true(schedule_set(&s, slice_cstr(key), slice_cstr(value), &why) < 0);
	if (strstr(why.text, part) == NULL)
		fail_msg("%s: '%s' has no '%s'", value, why.text, part);
}

static void
what_is_wrong_is_said(void **state)
{
	struct schedule s = {0};
	struct why why;

	(void)state;
	assert_refused("cron", "60 * * * *", "'60' is no minute");
	assert_refused("cron", "* * * *", "has no five fields");
	assert_refused("cron", "* * * * * *", "more than five");
	assert_refused("cron", "5-1 * * * *", "is no minute");
	assert_refused("cron", "*/0 * * * *", "is no minute");
	assert_refused("cron", "* * * * fry", "is no weekday");
	assert_refused("cron", "* * 0 * *", "is no day");
	assert_refused("cron", "0 0 31 feb *", "never comes");
	assert_refused("cron", "* * 30,31 feb */2", "never comes");
	assert_refused("cron", "0 0 31 apr,jun,sep,nov *", "never comes");
	(void)made("cron", "0 0 31 feb mon"); /* each Monday of it */
	assert_refused("at", "24:00", "no time of day");
	assert_refused("at", "3:5", "no time of day");
	assert_refused("every", "10ms", "not between");
	assert_refused("every", "soon", "not a duration");
	assert_refused("catch_up", "all", "once|skip");
	assert_refused("evry", "1h", "there are every");
	assert_int_equal(schedule_check(&s, NULL), 0);
	s = made("jitter", "5m");
	assert_true(schedule_check(&s, &why) < 0);
	s = made("every", "1h");
	assert_int_equal(schedule_set(&s, SLICE_LIT("at"), SLICE_LIT("1:00"), NULL), 0);
	assert_true(schedule_check(&s, &why) < 0);
}

/* ---- turns, in virtual time ---- */

struct clock {
	struct schedule s;
	int64_t now, since, served;
	int runs;
};

/* Goes on from turn to turn until then, as the service does. */
static void
run_until(struct clock *c, int64_t until)
{
	struct schedule_turn t;

	for (int i = 0; i < 100000; i++) {
		schedule_look(&c->s, c->served, c->since, c->now, 7, &t);
		if (t.due_us != 0) {
			c->served = t.due_us;
			c->runs += !(t.missed && c->s.catch_up == CATCH_UP_SKIP);
			continue;
		}
		if (t.next_us > until)
			break;
		assert_true(t.next_us > c->now);
		c->now = t.next_us;
	}
	c->now = until;
}

static void
every_begins_at_once_and_keeps_its_beat(void **state)
{
	struct clock c = {.s = made("every", "6h"), .now = 1000 * S, .since = 1000 * S};
	struct schedule_turn t;

	(void)state;
	run_until(&c, 1000 * S + 24 * 3600 * S);
	assert_int_equal(c.runs, 5);
	assert_true(c.served == c.since + 24 * 3600 * S);
	/* Three were missed: one is made good, and the beat is the old one. */
	c.now += 20 * 3600 * S;
	schedule_look(&c.s, c.served, c.since, c.now, 7, &t);
	assert_true(t.missed);
	assert_true(t.due_us == c.served + 18 * 3600 * S);
	assert_true(t.next_us == c.served + 24 * 3600 * S);
}

static void
what_was_missed_comes_once_or_not_at_all(void **state)
{
	struct clock c = {.s = made("at", "03:00")};

	(void)state;
	zone("UTC");
	c.since = c.now = at("2026-03-01 12:00");
	run_until(&c, at("2026-03-04 12:00"));
	assert_int_equal(c.runs, 3);
	/* Nobody was there for ten days. */
	c.now = at("2026-03-14 12:00");
	run_until(&c, at("2026-03-14 13:00"));
	assert_int_equal(c.runs, 4);
	c.s.catch_up = CATCH_UP_SKIP;
	c.now = at("2026-03-24 12:00");
	run_until(&c, at("2026-03-24 13:00"));
	assert_int_equal(c.runs, 4);
	run_until(&c, at("2026-03-25 13:00"));
	assert_int_equal(c.runs, 5);
}

static void
jitter_delays_each_turn_by_its_own_time(void **state)
{
	struct clock c = {.s = made("every", "1h")};
	struct schedule_turn t;
	int64_t first;

	(void)state;
	c.s.jitter_ms = 600 * 1000;
	c.since = c.now = 5000 * S;
	schedule_look(&c.s, 0, c.since, c.now, 7, &t);
	assert_int_equal(t.due_us, 0);
	first = t.next_us;
	assert_true(first >= c.since && first <= c.since + 600 * S);
	schedule_look(&c.s, 0, c.since, first, 7, &t);
	assert_true(t.due_us == c.since && t.begin_us == first);
	schedule_look(&c.s, 0, c.since, first, 8, &t); /* another job, another time */
	assert_true(t.begin_us != first);
	run_until(&c, c.since + 10 * 3600 * S - S);
	assert_int_equal(c.runs, 10);
}

static void
jitter_that_is_longer_than_it_is_to_the_next_turn_loses_none(void **state)
{
	struct clock c = {.s = made("every", "1h")};

	(void)state;
	c.s.jitter_ms = 24ll * 3600 * 1000;
	c.since = c.now = 5000 * S;
	run_until(&c, c.since + 100 * 3600 * S - S);
	assert_int_equal(c.runs, 100);
	c = (struct clock){.s = made("cron", "0,10,50 * * * *")};
	c.s.jitter_ms = 3600ll * 1000;
	c.since = c.now = 3600 * S - S;
	run_until(&c, c.since + 100 * 3600 * S);
	assert_int_equal(c.runs, 300);
}

static void
a_clock_that_is_set_back_starts_nothing_twice(void **state)
{
	struct schedule s = made("every", "1h");
	struct schedule_turn t;

	(void)state;
	schedule_look(&s, 7200 * S, 3600 * S, 5000 * S, 7, &t);
	assert_int_equal(t.due_us, 0);
	assert_true(t.next_us == 10800 * S);
	assert_true(schedule_set_back(&s, 7200 * S, 5000 * S) == 7200 * S);
	assert_true(schedule_set_back(&s, 7200 * S, 3600 * S) == 7200 * S);
	assert_true(schedule_set_back(&s, 7200 * S, 9000 * S) == 7200 * S);
	assert_true(schedule_set_back(&s, 0, 9000 * S) == 0);
	/* Two times of a night, and back by an hour: neither is done again. */
	s = made("at", "03:00");
	assert_int_equal(schedule_set(&s, SLICE_LIT("at"), SLICE_LIT("03:30"), NULL), 0);
	assert_true(schedule_set_back(&s, at("2026-05-04 03:30"),
			at("2026-05-04 02:45")) == at("2026-05-04 03:30"));
	/* By a day: the turn of that day was served. */
	s = made("at", "03:00");
	assert_true(schedule_set_back(&s, at("2026-05-04 03:00"),
			at("2026-05-03 03:10")) == at("2026-05-04 03:00"));
}

static void
a_clock_that_was_wrong_for_long_stops_no_schedule(void **state)
{
	struct schedule s = made("every", "1h");
	struct schedule_turn t;
	int64_t served;

	(void)state;
	/* The beat is kept: the next turn comes within one. */
	served = schedule_set_back(&s, 1000 * 3600 * S + 7 * S, 9000 * S);
	assert_true(served == 7207 * S);
	schedule_look(&s, served, 0, 9000 * S, 7, &t);
	assert_true(t.due_us == 0 && t.next_us == 10807 * S);
	schedule_look(&s, served, 0, 10808 * S, 7, &t);
	assert_true(t.due_us == 10807 * S && !t.missed);
	assert_true(schedule_set_back(&s, 10800 * S, 3600 * S) == 3600 * S);
	/* A year ahead, once. */
	s = made("at", "03:00");
	served = schedule_set_back(&s, at("2027-05-04 03:00"), at("2026-05-04 02:50"));
	assert_true(served == at("2026-05-04 02:50"));
	schedule_look(&s, served, 0, at("2026-05-04 03:00"), 7, &t);
	assert_true(t.due_us == at("2026-05-04 03:00"));
	s = made("cron", "* * * * *");
	assert_true(schedule_set_back(&s, at("2026-05-04 09:00"),
			at("2026-05-04 02:50")) == at("2026-05-04 02:50"));
	/* What comes seldom is not done twice of the same turn. */
	s = made("cron", "0 0 1 1 *");
	assert_true(schedule_set_back(&s, at("2027-01-01 00:00"),
			at("2026-05-04 02:50")) == at("2027-01-01 00:00"));
}

/* A registry that was damaged says anything. */
static void
no_time_that_was_saved_is_too_early_or_too_late(void **state)
{
	static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1,
	    INT64_MAX - 3600 * S, INT64_MAX - 1, INT64_MAX};
	static const char *const kinds[][2] = {
	    {"every", "1h"}, {"every", "7d"}, {"at", "03:00"}, {"cron", "* * * * *"}};
	int64_t now = at("2026-05-04 02:50");

	(void)state;
	for (size_t k = 0; k < 4; k++)
		for (size_t i = 0; i < 8; i++)
			for (size_t j = 0; j < 5; j++) {
				struct schedule s = made(kinds[k][0], kinds[k][1]);
				struct schedule_turn t;
				int64_t served = schedule_set_back(&s, times[i], now);

				if (times[i] <= now)
					assert_true(served == times[i]);
				else
					assert_true(
					    served > now - s.every_ms * 1000 - 1 &&
					    served <= now);
				schedule_look(&s, served, times[j], now, 7, &t);
				assert_true(t.due_us >= 0 && t.due_us <= now);
				assert_true(t.next_us > now &&
					    t.next_us <= now + 7 * 24 * 3600 * S);
			}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cron_lines_mean_what_crontab_says),
	    cmocka_unit_test(a_day_that_does_not_come_within_five_years_is_never),
	    cmocka_unit_test(schedules_are_alike_when_all_of_them_is),
	    cmocka_unit_test(when_clocks_change_nothing_is_lost_or_done_twice),
	    cmocka_unit_test(what_is_wrong_is_said),
	    cmocka_unit_test(every_begins_at_once_and_keeps_its_beat),
	    cmocka_unit_test(what_was_missed_comes_once_or_not_at_all),
	    cmocka_unit_test(jitter_delays_each_turn_by_its_own_time),
	    cmocka_unit_test(
		jitter_that_is_longer_than_it_is_to_the_next_turn_loses_none),
	    cmocka_unit_test(a_clock_that_is_set_back_starts_nothing_twice),
	    cmocka_unit_test(a_clock_that_was_wrong_for_long_stops_no_schedule),
	    cmocka_unit_test(no_time_that_was_saved_is_too_early_or_too_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
