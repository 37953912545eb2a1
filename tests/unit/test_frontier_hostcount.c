#include "frontier/hostcount.h"
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
	assert_int_equal(hostcount_set(&h, 5, 7), 0);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counts_are_kept_and_changes_are_told_once),
	    cmocka_unit_test(hosts_with_nothing_left_do_not_fill_the_table),
	    cmocka_unit_test(what_changed_is_not_forgotten_before_it_is_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
