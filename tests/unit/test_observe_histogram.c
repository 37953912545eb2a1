#include "observe/histogram.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
a_bound_belongs_to_the_class_below_it(void **state)
{
	struct histogram h = {0};

	(void)state;
	for (uint64_t base = HISTOGRAM_LEAST_US; base < 1000000000; base *= 10) {
		static const unsigned bounds[] = {1, 2, 5, 10};

		for (size_t i = 0; i < 4; i++) {
			uint64_t bound = base * bounds[i];

			memset(&h, 0, sizeof(h));
			histogram_add(&h, (int64_t)bound);
			histogram_add(&h, (int64_t)bound + 1);
			assert_int_equal(histogram_up_to(&h, bound), 1);
			assert_int_equal(histogram_up_to(&h, bound - 1), 0);
		}
	}
}

static void
nothing_is_lost_below_and_above_the_classes(void **state)
{
	struct histogram h = {0};

	(void)state;
	histogram_add(&h, -5);
	histogram_add(&h, 0);
	histogram_add(&h, 3000000000);
	histogram_add(&h, INT64_MAX / 4);
	assert_int_equal(h.count, 4);
	assert_int_equal(histogram_up_to(&h, HISTOGRAM_LEAST_US), 2);
	assert_int_equal(histogram_up_to(&h, UINT64_MAX), 2);
	assert_int_equal(h.sum_us, 3000000000 + INT64_MAX / 4);
	assert_int_equal(histogram_percentile_us(&h, 100), INT64_MAX / 4);
}

static void
what_is_at_most_a_bound_is_what_counting_says(void **state)
{
	static const uint64_t bounds[] = {
	    10, 20, 50, 100, 1000, 2000, 50000, 1000000, 20000000, 1000000000};
	struct histogram h = {0};
	uint64_t seed = 7, want[10] = {0};

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t us;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		us = (seed >> 33) >> (seed >> 20) % 31;
		histogram_add(&h, (int64_t)us);
		for (size_t k = 0; k < 10; k++)
			want[k] += us <= bounds[k];
	}
	for (size_t k = 0; k < 10; k++)
		assert_int_equal(histogram_up_to(&h, bounds[k]), want[k]);
}

static void
percentiles_are_right_to_within_a_class(void **state)
{
	struct histogram h = {0};

	(void)state;
	assert_int_equal(histogram_percentile_us(&h, 50), 0);
	for (int64_t us = 1; us <= 100000; us++)
		histogram_add(&h, us);
	for (unsigned p = 1; p <= 100; p++)
		assert_in_range(
		    histogram_percentile_us(&h, p), p * 1000 - 30, p * 1000 + 30);
	assert_int_equal(histogram_percentile_us(&h, 100), 100000);
}

static void
two_merged_are_one_of_both(void **state)
{
	struct histogram a = {0}, b = {0}, both = {0};

	(void)state;
	for (int64_t us = 1; us < 2000000; us = us * 3 / 2 + 1) {
		histogram_add(us % 2 == 0 ? &a : &b, us);
		histogram_add(&both, us);
	}
	histogram_merge(&a, &b);
	assert_memory_equal(&a, &both, sizeof(a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_bound_belongs_to_the_class_below_it),
	    cmocka_unit_test(nothing_is_lost_below_and_above_the_classes),
	    cmocka_unit_test(what_is_at_most_a_bound_is_what_counting_says),
	    cmocka_unit_test(percentiles_are_right_to_within_a_class),
	    cmocka_unit_test(two_merged_are_one_of_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
