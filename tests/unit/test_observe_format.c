#include "observe/format.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
counts_are_grouped_by_thousands(void **state)
{
	(void)state;
	assert_string_equal(COUNT(0), "0");
	assert_string_equal(COUNT(999), "999");
	assert_string_equal(COUNT(1000), "1,000");
	assert_string_equal(COUNT(12345), "12,345");
	assert_string_equal(COUNT(100000), "100,000");
	assert_string_equal(COUNT(UINT64_MAX), "18,446,744,073,709,551,615");
}

static void
bytes_have_two_or_three_digits_and_a_unit(void **state)
{
	(void)state;
	assert_string_equal(BYTES(0), "0 B");
	assert_string_equal(BYTES(999), "999 B");
	assert_string_equal(BYTES(1000), "1.0 kB");
	assert_string_equal(BYTES(1234), "1.2 kB");
	assert_string_equal(BYTES(99400), "99.4 kB");
	assert_string_equal(BYTES(99600), "100 kB");
	assert_string_equal(BYTES(999400), "999 kB");
	assert_string_equal(BYTES(999999), "1.0 MB");
	assert_string_equal(BYTES(1.25e9), "1.2 GB");
	assert_string_equal(BYTES(3e12), "3.0 TB");
	assert_string_equal(BYTES(UINT64_MAX), "18447 PB");
}

static void
times_are_seconds_then_minutes_then_hours(void **state)
{
	(void)state;
	assert_string_equal(ELAPSED(0), "0.0 s");
	assert_string_equal(ELAPSED(4249), "4.2 s");
	assert_string_equal(ELAPSED(59999), "59.9 s");
	assert_string_equal(ELAPSED(60000), "1:00");
	assert_string_equal(ELAPSED(185000), "3:05");
	assert_string_equal(ELAPSED(3599999), "59:59");
	assert_string_equal(ELAPSED(3723000), "1:02:03");
	assert_string_equal(ELAPSED(360000000), "100:00:00");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counts_are_grouped_by_thousands),
	    cmocka_unit_test(bytes_have_two_or_three_digits_and_a_unit),
	    cmocka_unit_test(times_are_seconds_then_minutes_then_hours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
