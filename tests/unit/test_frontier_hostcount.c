#include "frontier/hostcount.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t
hash_of(uint64_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15u;
}

static void
counts_are_kept_and_changes_are_told_once(void **state)
{
	struct hostcount h;
	uint64_t authority, n;

	(void)state;
	hostcount_init(&h);
	assert_int_equal(hostcount_get(&h, 5), 0);
	assert_int_equal(hostcount_set(&h, 5, 7, 0), 0);
	assert_false(hostcount_changed(&h, 0, &authority, &n));
	assert_int_equal(hostcount_add(&h, 5, -1), 0);
	assert_int_equal(hostcount_add(&h, 5, -1), 0);
	assert_int_equal(hostcount_add(&h, 0, 1), 0);
	assert_true(hostcount_changed(&h, 0, &authority, &n));
	assert_int_equal(authority, 5);
	assert_int_equal(n, 5);
	assert_true(hostcount_changed(&h, 1, &authority, &n));
	assert_int_equal(authority, 0);
	assert_int_equal(n, 1);
	assert_false(hostcount_changed(&h, 2, &authority, &n));
	hostcount_settle(&h);
	assert_false(hostcount_changed(&h, 0, &authority, &n));
	assert_int_equal(hostcount_get(&h, 5), 5);
	hostcount_release(&h);
}

static void
hosts_with_nothing_left_do_not_fill_the_table(void **state)
{
	struct hostcount h;

	(void)state;
	hostcount_init(&h);
	for (uint64_t i = 0; i < 100000; i++) {
		assert_int_equal(hostcount_add(&h, hash_of(i), 2), 0);
		if (i >= 100)
			assert_int_equal(hostcount_add(&h, hash_of(i - 100), -2), 0);
		if (i % 50 == 0)
			hostcount_settle(&h);
	}
	for (uint64_t i = 0; i < 100000; i++)
		assert_int_equal(hostcount_get(&h, hash_of(i)), i >= 99900 ? 2 : 0);
	assert_true(h.cap <= 2048);
	hostcount_release(&h);
}

static void
what_changed_is_not_forgotten_before_it_is_stored(void **state)
{
	struct hostcount h;
	uint64_t authority, n;

	(void)state;
	hostcount_init(&h);
	for (uint64_t i = 0; i < 1000; i++) {
		assert_int_equal(hostcount_add(&h, hash_of(i), 1), 0);
		assert_int_equal(hostcount_add(&h, hash_of(i), -1), 0);
	}
	for (size_t i = 0; i < 1000; i++) {
		assert_true(hostcount_changed(&h, i, &authority, &n));
		assert_int_equal(authority, hash_of(i));
		assert_int_equal(n, 0);
	}
	hostcount_release(&h);
}

static void
the_mark_becomes_less_with_each_put_and_more_by_what_was_read(void **state)
{
	struct hostcount h;
	uint64_t authority, n;

	(void)state;
	hostcount_init(&h);
	assert_int_equal(hostcount_low(&h, 5), 0);
	assert_int_equal(hostcount_lower(&h, 5, 100), 0);
	assert_int_equal(hostcount_add(&h, 5, 1), 0);
	assert_int_equal(hostcount_low(&h, 5), 100);
	assert_int_equal(hostcount_lower(&h, 5, 200), 0);
	assert_int_equal(hostcount_low(&h, 5), 100);
	assert_int_equal(hostcount_lower(&h, 5, 99), 0);
	assert_int_equal(hostcount_low(&h, 5), 99);
	hostcount_raise(&h, 5, 150);
	assert_int_equal(hostcount_low(&h, 5), 150);
	hostcount_raise(&h, 5, 120); /* what is known already */
	assert_int_equal(hostcount_low(&h, 5), 150);
	assert_int_equal(hostcount_lower(&h, 5, 3), 0);
	assert_int_equal(hostcount_low(&h, 5), 3);
	/* Another host is not touched, and one that is not there is not made. */
	hostcount_raise(&h, 6, 150);
	assert_int_equal(hostcount_low(&h, 6), 0);
	assert_true(hostcount_changed(&h, 0, &authority, &n));
	assert_int_equal(authority, 5);
	assert_false(hostcount_changed(&h, 1, &authority, &n));
	hostcount_release(&h);
}

static void
a_mark_that_becomes_less_is_a_change_and_one_that_is_raised_is_none(void **state)
{
	struct hostcount h;
	uint64_t authority, n;

	(void)state;
	hostcount_init(&h);
	assert_int_equal(hostcount_set(&h, 5, 7, 50), 0);
	assert_int_equal(hostcount_low(&h, 5), 50);
	hostcount_raise(&h, 5, 60);
	assert_int_equal(hostcount_lower(&h, 5, 61), 0);
	assert_false(hostcount_changed(&h, 0, &authority, &n));
	assert_int_equal(hostcount_lower(&h, 5, 59), 0);
	assert_true(hostcount_changed(&h, 0, &authority, &n));
	assert_int_equal(n, 7);
	hostcount_release(&h);
}

static void
what_is_taken_away_is_counted_until_the_mark_is_looked_at(void **state)
{
	struct hostcount h;

	(void)state;
	hostcount_init(&h);
	assert_int_equal(hostcount_gone(&h, 5), 0);
	assert_int_equal(hostcount_set(&h, 5, 200000, 1), 0);
	for (int i = 0; i < 64; i++)
		assert_int_equal(hostcount_add(&h, 5, -1), 0);
	assert_int_equal(hostcount_add(&h, 5, 1), 0);
	assert_int_equal(hostcount_gone(&h, 5), 64);
	hostcount_raise(&h, 5, 0);
	assert_int_equal(hostcount_gone(&h, 5), 0);
	assert_int_equal(hostcount_low(&h, 5), 1);
	/* Where records come before the first, as with dfs, there is no need to look. */
	assert_int_equal(hostcount_add(&h, 5, -1), 0);
	assert_int_equal(hostcount_lower(&h, 5, 1), 0);
	assert_int_equal(hostcount_gone(&h, 5), 1);
	assert_int_equal(hostcount_lower(&h, 5, 0), 0);
	assert_int_equal(hostcount_gone(&h, 5), 0);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(hostcount_add(&h, 5, -1), 0);
	assert_int_equal(hostcount_gone(&h, 5), 65535);
	assert_int_equal(hostcount_get(&h, 5), 200000 - 64 + 1 - 1 - 100000);
	hostcount_release(&h);
}

/* Also when the table grew meanwhile. */
static void
a_host_that_has_nothing_left_begins_anew_when_it_is_forgotten(void **state)
{
	struct hostcount h;

	(void)state;
	hostcount_init(&h);
	for (uint64_t i = 0; i < 1000; i++) {
		assert_int_equal(hostcount_lower(&h, hash_of(i), i + 1), 0);
		assert_int_equal(hostcount_add(&h, hash_of(i), 1), 0);
	}
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(hostcount_low(&h, hash_of(i)), i + 1);
	assert_int_equal(hostcount_add(&h, hash_of(0), -1), 0);
	hostcount_settle(&h);
	for (uint64_t i = 1000; i < 5000; i++) {
		assert_int_equal(hostcount_lower(&h, hash_of(i), i + 1), 0);
		assert_int_equal(hostcount_add(&h, hash_of(i), 1), 0);
	}
	assert_int_equal(hostcount_low(&h, hash_of(0)), 0);
	assert_int_equal(hostcount_lower(&h, hash_of(0), 12345), 0);
	assert_int_equal(hostcount_low(&h, hash_of(0)), 12345);
	hostcount_release(&h);
}

static void
a_stored_count_of_an_older_version_has_no_mark(void **state)
{
	char text[HOSTCOUNT_BYTES + 1];
	uint64_t n, low;

	(void)state;
	hostcount_encode(0x0102030405060708u, UINT64_MAX - 1, text);
	assert_memory_equal(text, "\x8\x7\x6\x5\x4\x3\x2\x1\xfe\xff", 10);
	assert_int_equal(hostcount_decode(slice_of(text, 16), &n, &low), 0);
	assert_int_equal(n, 0x0102030405060708u);
	assert_true(low == UINT64_MAX - 1);
	assert_int_equal(hostcount_decode(slice_of(text, 8), &n, &low), 0);
	assert_int_equal(n, 0x0102030405060708u);
	assert_int_equal(low, 0);
	for (size_t len = 0; len <= sizeof(text); len++)
		if (len != 8 && len != 16)
			assert_int_equal(
			    hostcount_decode(slice_of(text, len), &n, &low), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counts_are_kept_and_changes_are_told_once),
	    cmocka_unit_test(hosts_with_nothing_left_do_not_fill_the_table),
	    cmocka_unit_test(what_changed_is_not_forgotten_before_it_is_stored),
	    cmocka_unit_test(
		the_mark_becomes_less_with_each_put_and_more_by_what_was_read),
	    cmocka_unit_test(
		a_mark_that_becomes_less_is_a_change_and_one_that_is_raised_is_none),
	    cmocka_unit_test(what_is_taken_away_is_counted_until_the_mark_is_looked_at),
	    cmocka_unit_test(
		a_host_that_has_nothing_left_begins_anew_when_it_is_forgotten),
	    cmocka_unit_test(a_stored_count_of_an_older_version_has_no_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
