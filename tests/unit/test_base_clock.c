#include "base/clock.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void
check(int64_t wall_us, int digits, const char *want)
{
	char text[CLOCK_TEXT_MAX];

	clock_format(wall_us, digits, text);
	assert_string_equal(text, want);
}

static void
times_are_written_as_rfc_3339(void **state)
{
	(void)state;
	check(0, 0, "1970-01-01T00:00:00Z");
	check(1769860800123456, 0, "2026-01-31T12:00:00Z");
	check(1769860800123456, 3, "2026-01-31T12:00:00.123Z");
	check(1709209845000000, 3, "2024-02-29T12:30:45.000Z"); /* a leap day */
	check(999, 3, "1970-01-01T00:00:00.000Z");
}

static void
times_before_1970_round_down_like_all_others(void **state)
{
	(void)state;
	check(-1, 3, "1969-12-31T23:59:59.999Z");
	check(-1000, 3, "1969-12-31T23:59:59.999Z");
	check(-1001, 3, "1969-12-31T23:59:59.998Z");
	check(INT64_C(-62135596800) * 1000000, 0, "0001-01-01T00:00:00Z");
}

static void
times_beyond_four_digits_of_a_year_stay_in_bounds(void **state)
{
	char text[CLOCK_TEXT_MAX];

	(void)state;
	check(INT64_MAX, 3, "9999-12-31T23:59:59.999Z");
	check(INT64_MIN, 3, "0000-01-01T00:00:00.000Z");
	clock_format17(INT64_MAX, text);
	assert_string_equal(text, "99991231235959999");
	clock_format17(INT64_MIN, text);
	assert_string_equal(text, "00000101000000000");
}

/* The calendar is counted here, not asked of libc: which is asked instead. */
static void
every_day_of_ten_thousand_years_is_that_of_libc(void **state)
{
	(void)state;
	for (int64_t day = -719528; day < 2932897; day++) {
		time_t s = (time_t)(day * 86400 + (day % 86400 + 86400) % 86400);
		char want[CLOCK_TEXT_MAX], text[CLOCK_TEXT_MAX];
		struct tm tm;

		assert_non_null(gmtime_r(&s, &tm));
		(void)snprintf(want, sizeof(want), "%04u-%02u-%02uT%02u:%02u:%02uZ",
		    (unsigned)(tm.tm_year + 1900) % 10000,
		    (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100,
		    (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
		    (unsigned)tm.tm_sec % 100);
		clock_format((int64_t)s * 1000000, 0, text);
		if (strcmp(text, want) != 0)
			assert_string_equal(text, want);
	}
}

static void
archive_names_have_17_digits(void **state)
{
	char text[CLOCK_TEXT_MAX];

	(void)state;
	clock_format17(1769860800123456, text);
	assert_string_equal(text, "20260131120000123");
	clock_format17(0, text);
	assert_string_equal(text, "19700101000000000");
}

static void
the_monotonic_clock_does_not_go_back(void **state)
{
	int64_t last_us = clock_mono_us();

	(void)state;
	assert_true(last_us > 0);
	for (int i = 0; i < 1000; i++) {
		int64_t now_us = clock_mono_us();

		assert_true(now_us >= last_us);
		last_us = now_us;
	}
	assert_true(clock_mono_ms() >= last_us / 1000);
	assert_true(clock_wall_us() > INT64_C(1577836800000000)); /* 2020 */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times_are_written_as_rfc_3339),
	    cmocka_unit_test(times_before_1970_round_down_like_all_others),
	    cmocka_unit_test(times_beyond_four_digits_of_a_year_stay_in_bounds),
	    cmocka_unit_test(every_day_of_ten_thousand_years_is_that_of_libc),
	    cmocka_unit_test(archive_names_have_17_digits),
	    cmocka_unit_test(the_monotonic_clock_does_not_go_back),
	};

	return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
