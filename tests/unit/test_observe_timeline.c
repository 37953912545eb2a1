#include "observe/timeline.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct timeline_sums one = {
    .requests = 1, .pages = 1, .bytes = 10, .errors = 1};

static void
however_long_it_takes_the_points_suffice_and_nothing_is_lost(void **state)
{
	static const int64_t lengths_ms[] = {
	    10, 9999, 60000, 86400000, INT64_C(90) * 86400000};
	struct timeline t;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths_ms) / sizeof(lengths_ms[0]); i++) {
		struct timeline_sums sum = {0};

		assert_int_equal(timeline_init(&t), 0);
		for (int64_t k = 0; k <= 10000; k++)
			timeline_add(&t, lengths_ms[i] * k / 10000, &one, k % 100);
		assert_true(t.len > 0 && t.len <= TIMELINE_POINTS);
		assert_true((int64_t)t.len * t.width_ms > lengths_ms[i]);
		assert_true((int64_t)(t.len - 1) * t.width_ms <= lengths_ms[i]);
		for (size_t p = 0; p < t.len; p++) {
			sum.requests += t.v[p].sums.requests;
			sum.bytes += t.v[p].sums.bytes;
			sum.errors += t.v[p].sums.errors;
		}
		assert_int_equal(sum.requests, 10001);
		assert_int_equal(sum.errors, 10001);
		assert_int_equal(sum.bytes, 100010);
		timeline_release(&t);
	}
}

static void
an_event_counts_in_its_interval(void **state)
{
	struct timeline t;

	(void)state;
	assert_int_equal(timeline_init(&t), 0);
	timeline_add(&t, -5, &one, -1); /* before the begin: the first */
	timeline_add(&t, 5 * t.width_ms, &one, 7);
	timeline_add(&t, 6 * t.width_ms - 1, &one, 7);
	assert_int_equal(t.len, 6);
	assert_int_equal(t.v[0].sums.pages, 1);
	assert_int_equal(t.v[5].sums.pages, 2);
	assert_int_equal(latency_percentile(&t.v[0].latency, 50), 0);
	assert_int_equal(latency_percentile(&t.v[5].latency, 50), 7);
	timeline_release(&t);
}

static int
by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
percentiles_are_right_to_within_nine_percent(void **state)
{
	enum { N = 5000 };
	static const unsigned percents[] = {1, 50, 90, 99, 100};
	uint32_t *v = calloc(N, sizeof(*v)), seed = 1;
	struct latency l = {{0}}, half = {{0}};

	(void)state;
	assert_non_null(v);
	for (int i = 0; i < N; i++) {
		seed = seed * 1103515245 + 12345;
		v[i] = (seed >> 8) % (i % 3 == 0 ? 60000 : 300);
		latency_add(i % 2 == 0 ? &l : &half, v[i]);
	}
	latency_merge(&l, &half);
	qsort(v, N, sizeof(*v), by_number);
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		size_t at = (N * percents[i] + 99) / 100;
		double want = v[at == 0 ? 0 : at - 1];
		double got = (double)latency_percentile(&l, percents[i]);

		assert_true(got <= want + 0.5 && got >= want / 1.0906 - 1);
	}
	free(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		however_long_it_takes_the_points_suffice_and_nothing_is_lost),
	    cmocka_unit_test(an_event_counts_in_its_interval),
	    cmocka_unit_test(percentiles_are_right_to_within_nine_percent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
