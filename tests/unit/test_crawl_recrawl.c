#include "crawl/recrawl.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)

static const struct recrawl_conf adaptive = {.mode = RECRAWL_ADAPTIVE,
    .interval_ms = DAY_MS,
    .min_ms = HOUR_MS,
    .max_ms = 30 * DAY_MS};

static void
assert_near(double got, double want, double part)
{
	if (fabs(got - want) > want * part)
		fail_msg("%g is not near %g", got, want);
}

/* Figures of the paper: table 2, and the formula of its section 4.2. */
static void
the_rate_is_estimated_as_cho_and_garcia_molina_do(void **state)
{
	struct page_history h = {.looks = 10, .changes = 6, .observed_ms = 10 * DAY_MS};

	(void)state;
	/* 10 daily looks of which 6 found a change: more than 0.6 a day. */
	assert_near(page_history_rate(&h) * (double)DAY_MS, 0.847, 0.001);
	h.changes = 10; /* each time: the naive estimator -log(0) has no end */
	assert_near(page_history_rate(&h) * (double)DAY_MS, log(21), 0.001);
	h.changes = 1;
	assert_near(page_history_rate(&h) * (double)DAY_MS, log(10.5 / 9.5), 0.001);
	h.changes = 0;
	assert_true(page_history_rate(&h) == 0);
	h = (struct page_history){0};
	assert_true(page_history_rate(&h) == 0);
}

static void
a_fixed_interval_is_that_of_all_pages(void **state)
{
	const struct recrawl_conf fixed = {.mode = RECRAWL_FIXED, .interval_ms = DAY_MS};
	struct page_history h = {.looks = 5, .changes = 5, .observed_ms = HOUR_MS};
	int64_t at = 1700000000000;

	(void)state;
	assert_int_equal(recrawl_interval_ms(&fixed, &h), DAY_MS);
	assert_false(recrawl_is_due(&fixed, &h, at, at + DAY_MS / 2));
	assert_true(recrawl_is_due(&fixed, &h, at, at + DAY_MS));
	/* At the same hour each day, and it was asked in the middle of the run. */
	assert_true(recrawl_is_due(&fixed, &h, at, at + DAY_MS - HOUR_MS));
	assert_false(recrawl_is_due(&fixed, &h, at, at + DAY_MS - 3 * HOUR_MS));
	/* It never answered, or by a clock that was wrong. */
	assert_true(recrawl_is_due(&fixed, &h, 0, at));
	assert_true(recrawl_is_due(&fixed, &h, at + DAY_MS, at));
}

static void
what_is_not_known_waits_for_the_usual_interval_and_what_is_quiet_ever_longer(void **state)
{
	struct page_history h = {0};
	int64_t gap = recrawl_interval_ms(&adaptive, &h), before = 0;

	(void)state;
	assert_int_equal(gap, DAY_MS);
	for (int i = 0; i < 5; i++) {
		before = gap;
		page_history_add(&h, (uint64_t)gap, false);
		gap = recrawl_interval_ms(&adaptive, &h);
		assert_int_equal(
		    gap, before * 2 < 30 * DAY_MS ? before * 2 : 30 * DAY_MS);
	}
	/* One change, and it is not left alone for a month any more. */
	page_history_add(&h, (uint64_t)gap, true);
	assert_true(recrawl_interval_ms(&adaptive, &h) <= 30 * DAY_MS);
	assert_true(recrawl_interval_ms(&adaptive, &h) > 10 * DAY_MS);
	/* Three in a row: it has become a busy one, whatever it was before. */
	page_history_add(&h, (uint64_t)recrawl_interval_ms(&adaptive, &h), true);
	page_history_add(&h, (uint64_t)recrawl_interval_ms(&adaptive, &h), true);
	assert_int_equal(h.looks, h.row);
	for (int i = 0; i < 12; i++)
		page_history_add(&h, (uint64_t)recrawl_interval_ms(&adaptive, &h), true);
	assert_in_range(recrawl_interval_ms(&adaptive, &h), HOUR_MS, 3 * DAY_MS);
}

static void
intervals_keep_within_their_bounds(void **state)
{
	struct page_history h = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		page_history_add(&h, 1000, true);
	assert_int_equal(recrawl_interval_ms(&adaptive, &h), HOUR_MS);
	assert_true(h.looks <= HISTORY_LOOKS && h.changes <= h.looks);
	h = (struct page_history){0};
	for (int i = 0; i < 100; i++)
		page_history_add(&h, UINT64_MAX / 3, false);
	assert_int_equal(recrawl_interval_ms(&adaptive, &h), 30 * DAY_MS);
}

/* splitmix64, as a number from 0 to 1. */
static double
chance(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return (double)((x ^ (x >> 31)) >> 11) / 9007199254740992.0;
}

/* A page that changes by chance, looked at when it is due; mean of the last intervals. */
static double
play(double mean_ms, uint64_t seed)
{
	struct page_history h = {0};
	double at = 0, next = -log(1 - chance(&seed)) * mean_ms, sum = 0;

	for (int i = 0; i < 1000; i++) {
		int64_t gap = recrawl_interval_ms(&adaptive, &h);
		bool changed = false;

		at += (double)gap;
		for (; next <= at; changed = true)
			next += -log(1 - chance(&seed)) * mean_ms;
		page_history_add(&h, (uint64_t)gap, changed);
		sum += i >= 100 ? (double)gap : 0;
	}
	return sum / 900;
}

static void
pages_that_change_by_chance_are_asked_about_as_often_as_they_change(void **state)
{
	const double means[] = {6, 24, 72, 240}; /* hours */

	(void)state;
	for (size_t i = 0; i < sizeof(means) / sizeof(means[0]); i++) {
		double mean = means[i] * (double)HOUR_MS, got = play(mean, i + 1);

		assert_near(got, mean, 0.5);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_rate_is_estimated_as_cho_and_garcia_molina_do),
	    cmocka_unit_test(a_fixed_interval_is_that_of_all_pages),
	    cmocka_unit_test(
		what_is_not_known_waits_for_the_usual_interval_and_what_is_quiet_ever_longer),
	    cmocka_unit_test(intervals_keep_within_their_bounds),
	    cmocka_unit_test(
		pages_that_change_by_chance_are_asked_about_as_often_as_they_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
