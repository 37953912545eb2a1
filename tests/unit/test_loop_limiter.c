#include "loop/limiter.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)

static void
gives_a_burst_at_once_and_then_the_rate(void **state)
{
	struct limiter l;

	(void)state;
	limiter_init(&l, 10, 3, 0);
	for (int i = 0; i < 3; i++)
		assert_true(limiter_try(&l, 1, 0));
	assert_false(limiter_try(&l, 1, 0));
	assert_int_equal(limiter_wait_us(&l, 1, 0), 100000);
	assert_false(limiter_try(&l, 1, 99999));
	assert_true(limiter_try(&l, 1, 100000));
	assert_int_equal(limiter_wait_us(&l, 3, 100000), 300000);
}

static void
never_gathers_more_than_its_burst(void **state)
{
	struct limiter l;
	int n = 0;

	(void)state;
	limiter_init(&l, 1000, 5, 0);
	while (limiter_try(&l, 1, 3600 * SECOND))
		n++;
	assert_int_equal(n, 5);
}

static void
waiting_as_long_as_it_says_is_enough(void **state)
{
	const double rates[] = {0.1, 1.0 / 3, 0.7, 1, 3, 7.3, 1e3, 1e6, 3e7};
	const double sizes[] = {0.25, 1, 1.1, 4096, 1e6};
	struct limiter l;

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			int64_t now_us = 123456789, wait_us;

			limiter_init(&l, rates[i], sizes[k], now_us);
			for (int round = 0; round < 50; round++) {
				while (limiter_try(&l, sizes[k] / 3, now_us))
					assert_true(l.tokens > -1);
				wait_us = limiter_wait_us(&l, sizes[k] / 3, now_us);
				assert_true(wait_us > 0);
				now_us += wait_us;
				assert_int_equal(
				    limiter_wait_us(&l, sizes[k] / 3, now_us), 0);
			}
		}
	}
}

static void
keeps_the_average_over_many_small_steps(void **state)
{
	struct limiter l;
	int n = 0;

	(void)state;
	limiter_init(&l, 3, 1, 0);
	/* The clock ticks in microseconds that the rate does not divide. */
	for (int64_t now_us = 0; now_us < 100 * SECOND; now_us += 997)
		n += limiter_try(&l, 1, now_us);
	assert_in_range(n, 298, 301);
}

static void
a_large_unit_is_charged_whole_as_debt(void **state)
{
	struct limiter l;

	(void)state;
	limiter_init(&l, 100, 50, 0);
	limiter_take(&l, 1050, 0);
	assert_int_equal(limiter_wait_us(&l, 0, 0), 10 * SECOND);
	assert_false(limiter_try(&l, 1, 9 * SECOND));
	assert_false(limiter_try(&l, 0, 10 * SECOND - 1));
	assert_true(limiter_try(&l, 0, 10 * SECOND));
	assert_in_range(limiter_wait_us(&l, 1, 10 * SECOND), 10000, 10001);
	limiter_take(&l, 1e15, 10 * SECOND);
	assert_int_equal(
	    limiter_wait_us(&l, 1, 10 * SECOND), INT64_C(366) * 86400 * SECOND);
}

static void
a_unit_above_the_burst_starts_when_the_bucket_is_full(void **state)
{
	struct limiter l;

	(void)state;
	limiter_init(&l, 10, 2, 0);
	assert_true(limiter_try(&l, 12, 0)); /* full: 10 of it are debt */
	assert_false(limiter_try(&l, 12, SECOND));
	assert_int_equal(limiter_wait_us(&l, 12, SECOND), 200000);
	assert_true(limiter_try(&l, 12, 1200000));
	limiter_init(&l, 10, 0, 0); /* no burst at all: evenly paced */
	assert_true(limiter_try(&l, 1, 0));
	assert_false(limiter_try(&l, 1, 99999));
	assert_true(limiter_try(&l, 1, 100000));
}

static void
a_rate_of_zero_is_no_limit(void **state)
{
	struct limiter l;

	(void)state;
	limiter_init(&l, 0, 0, 0);
	assert_true(limiter_try(&l, 1e18, 0));
	limiter_take(&l, 1e18, 0);
	assert_int_equal(limiter_wait_us(&l, 1e18, 0), 0);
	assert_true(limiter_try(&l, 1, 0));
}

static void
huge_rates_and_times_do_not_overflow(void **state)
{
	struct limiter l;

	(void)state;
	limiter_init(&l, 1e300, 1e300, INT64_MIN);
	assert_true(limiter_try(&l, 1e300, INT64_MIN));
	assert_true(limiter_try(&l, 1e300, INT64_MAX));
	assert_true(isfinite(l.tokens));
	limiter_take(&l, 1e299, INT64_MAX);
	assert_int_equal(limiter_wait_us(&l, 1, INT64_MAX), 100000);
	limiter_init(&l, 1e-300, 1, 0);
	assert_true(limiter_try(&l, 1, 0));
	assert_int_equal(limiter_wait_us(&l, 1, SECOND), INT64_C(366) * 86400 * SECOND);
}

static void
a_clock_that_stands_still_or_goes_back_adds_nothing(void **state)
{
	struct limiter l;

	(void)state;
	limiter_init(&l, 1, 1, 10 * SECOND);
	assert_true(limiter_try(&l, 1, 10 * SECOND));
	for (int i = 0; i < 1000; i++)
		assert_false(limiter_try(&l, 1, 10 * SECOND));
	assert_false(limiter_try(&l, 1, 0));
	assert_int_equal(limiter_wait_us(&l, 1, 0), SECOND);
	/* Time gone by twice counts once. */
	assert_false(limiter_try(&l, 1, 11 * SECOND - 1));
	assert_true(limiter_try(&l, 1, 11 * SECOND));
	assert_false(limiter_try(&l, 1, 11 * SECOND));
}

static void
a_live_change_keeps_what_was_gathered(void **state)
{
	struct limiter l;

	(void)state;
	limiter_init(&l, 1, 10, 0);
	limiter_take(&l, 10, 0);
	/* Four seconds at the old rate, capped by the new burst. */
	limiter_set(&l, 100, 3, 4 * SECOND);
	assert_true(limiter_try(&l, 3, 4 * SECOND));
	assert_false(limiter_try(&l, 1, 4 * SECOND));
	assert_int_equal(limiter_wait_us(&l, 1, 4 * SECOND), 10000);
	/* A larger burst is not filled at once. */
	limiter_set(&l, 100, 1000, 4 * SECOND);
	assert_false(limiter_try(&l, 1, 4 * SECOND));
	limiter_take(&l, 500, 4 * SECOND);
	assert_int_equal(limiter_wait_us(&l, 0, 4 * SECOND), 5 * SECOND);
	/* Lifted and set again: the debt is forgiven, and the time between is no credit.
	 */
	limiter_set(&l, 0, 0, 5 * SECOND);
	limiter_take(&l, 1e9, 6 * SECOND);
	limiter_set(&l, 1, 5, 60 * SECOND);
	assert_false(limiter_try(&l, 1, 60 * SECOND));
	assert_true(limiter_try(&l, 1, 61 * SECOND));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gives_a_burst_at_once_and_then_the_rate),
	    cmocka_unit_test(never_gathers_more_than_its_burst),
	    cmocka_unit_test(waiting_as_long_as_it_says_is_enough),
	    cmocka_unit_test(keeps_the_average_over_many_small_steps),
	    cmocka_unit_test(a_large_unit_is_charged_whole_as_debt),
	    cmocka_unit_test(a_unit_above_the_burst_starts_when_the_bucket_is_full),
	    cmocka_unit_test(a_rate_of_zero_is_no_limit),
	    cmocka_unit_test(huge_rates_and_times_do_not_overflow),
	    cmocka_unit_test(a_clock_that_stands_still_or_goes_back_adds_nothing),
	    cmocka_unit_test(a_live_change_keeps_what_was_gathered),
	};

	return cmocka_run_group_tests_name("loop/limiter", tests, NULL, NULL);
}
