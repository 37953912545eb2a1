#include "base/buf.h"
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
grows_by_what_is_added(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	assert_int_equal(buf_slice(&b).len, 0);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_add_byte(&b, (char)('a' + i % 26)), 0);
	assert_int_equal(b.len, 100000);
	for (size_t i = 0; i < b.len; i++)
		assert_int_equal(b.ptr[i], 'a' + (int)(i % 26));
	assert_int_equal(buf_add_cstr(&b, "xyz"), 0);
	assert_int_equal(buf_add_slice(&b, SLICE_LIT("!")), 0);
	assert_true(slice_ends(buf_slice(&b), SLICE_LIT("xyz!")));
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_true(b.cap >= 100000);
	buf_release(&b);
	assert_null(b.ptr);
	assert_int_equal(b.max, 1 << 20);
	assert_int_equal(buf_add_byte(&b, 'x'), 0); /* and may be used again */
	buf_release(&b);
	buf_release(&b);
}

static void
never_grows_past_its_maximum_and_is_untouched_then(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_int_equal(buf_add(&b, "0123456", 7), 0);
	assert_int_equal(buf_add(&b, "abcd", 4), -EMSGSIZE);
	assert_true(slice_eq(buf_slice(&b), SLICE_LIT("0123456")));
	assert_int_equal(buf_add(&b, "abc", 3), 0);
	assert_int_equal(buf_add_byte(&b, 'x'), -EMSGSIZE);
	assert_int_equal(buf_add(&b, "", 0), 0);
	assert_int_equal(buf_add(&b, NULL, 0), 0);
	assert_int_equal(buf_reserve(&b, SIZE_MAX), -EMSGSIZE);
	assert_int_equal(buf_reserve(&b, 0), 0);
	assert_true(slice_eq(buf_slice(&b), SLICE_LIT("0123456abc")));
	assert_true(b.cap <= 10);
	buf_release(&b);
	buf_init(&b, 0);
	assert_int_equal(buf_add_byte(&b, 'x'), -EMSGSIZE);
	assert_int_equal(buf_reserve(&b, 0), 0);
	buf_release(&b);
}

static void
reserves_room_to_be_written_directly(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	assert_int_equal(buf_reserve(&b, 1000), 0);
	memset(b.ptr, 'x', 1000);
	b.len = 1000;
	assert_int_equal(buf_reserve(&b, 1), 0);
	assert_true(b.cap >= 1001);
	assert_int_equal(b.ptr[999], 'x');
	assert_int_equal(
	    buf_reserve(&b, SIZE_MAX - 999), -EMSGSIZE); /* no wrapping round */
	assert_int_equal(b.len, 1000);
	buf_release(&b);
}

static void
a_c_string_has_its_nul_also_at_the_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	assert_string_equal(buf_cstr(&b), "");
	assert_int_equal(b.len, 0);
	for (int i = 0; i < 64; i++) {
		assert_int_equal(buf_add_byte(&b, 'y'), 0);
		assert_int_equal(strlen(buf_cstr(&b)), i + 1);
	}
	assert_int_equal(b.len, 64);
	assert_int_equal(buf_add_byte(&b, 'y'), -EMSGSIZE);
	buf_release(&b);
}

static void
prints_short_and_long(void **state)
{
	char long_text[1001];
	struct buf b;

	(void)state;
	memset(long_text, 'z', 1000);
	long_text[1000] = '\0';
	buf_init(&b, 1300);
	assert_int_equal(buf_printf(&b, "%d-%s", 42, "abc"), 0);
	assert_true(slice_eq(buf_slice(&b), SLICE_LIT("42-abc")));
	assert_int_equal(buf_printf(&b, "[%s]", long_text), 0);
	assert_int_equal(b.len, 6 + 1002);
	assert_int_equal(b.ptr[b.len - 1], ']');
	assert_int_equal(buf_printf(&b, "[%s]", long_text), -EMSGSIZE);
	assert_int_equal(buf_printf(&b, "%300d", 1), -EMSGSIZE);
	assert_int_equal(b.len, 6 + 1002);
	/* Exactly 255 and 256 bytes: the edge of what is printed on the stack. */
	buf_clear(&b);
	assert_int_equal(buf_printf(&b, "%255d", 1), 0);
	assert_int_equal(buf_printf(&b, "%256d", 2), 0);
	assert_int_equal(b.len, 511);
	assert_int_equal(b.ptr[254], '1');
	assert_int_equal(b.ptr[510], '2');
	assert_int_equal(buf_printf(&b, "%s", ""), 0);
	buf_release(&b);
}

static void
numbers_are_those_of_printf(void **state)
{
	static const uint64_t numbers[] = {0, 1, 9, 10, 99, 100, 12345, UINT32_MAX,
	    INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
	struct buf b, small;

	(void)state;
	buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		for (int digits = 0; digits <= 20; digits++) {
			int64_t n = (int64_t)numbers[i];
			char want[100];

			buf_clear(&b);
			assert_int_equal(
			    buf_add_u64(&b, numbers[i], (unsigned)digits), 0);
			assert_int_equal(buf_add_byte(&b, ' '), 0);
			assert_int_equal(buf_add_i64(&b, n), 0);
			assert_int_equal(buf_add_byte(&b, ' '), 0);
			assert_int_equal(buf_add_i64(&b, (int64_t)(0 - numbers[i])), 0);
			(void)snprintf(want, sizeof(want),
			    "%0*" PRIu64 " %" PRId64 " %" PRId64, digits, numbers[i], n,
			    (int64_t)(0 - numbers[i]));
			assert_string_equal(buf_cstr(&b), want);
		}
	/* All of it, or nothing. */
	buf_init(&small, 3);
	assert_int_equal(buf_add_i64(&small, -123), -EMSGSIZE);
	assert_int_equal(small.len, 0);
	assert_int_equal(buf_add_i64(&small, -12), 0);
	buf_release(&small);
	buf_release(&b);
}

static void
room_beyond_the_maximum_is_not_used(void **state)
{
	char room[8] = "xxxxxxx";
	struct buf b = {.ptr = room, .cap = 8, .max = 3};

	(void)state;
	assert_int_equal(buf_add_cstr(&b, "abc"), 0);
	assert_int_equal(buf_add_byte(&b, 'd'), -EMSGSIZE);
	assert_int_equal(b.len, 3);
	assert_int_equal(room[3], 'x');
}

static void
a_wiped_one_holds_nothing_of_what_was_in_it(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_wipe(&b);
	assert_int_equal(buf_add_cstr(&b, "nobody is to know"), 0);
	buf_clear(&b);
	assert_int_equal(buf_add_cstr(&b, "x"), 0);
	buf_wipe(&b);
	assert_int_equal(b.len, 0);
	for (size_t i = 0; i < b.cap; i++)
		assert_int_equal(b.ptr[i], 0);
	/* A large one is not kept. */
	assert_int_equal(buf_reserve(&b, 500000), 0);
	buf_wipe(&b);
	assert_int_equal(b.cap, 0);
	assert_int_equal(buf_add_cstr(&b, "and goes on"), 0);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(grows_by_what_is_added),
	    cmocka_unit_test(never_grows_past_its_maximum_and_is_untouched_then),
	    cmocka_unit_test(reserves_room_to_be_written_directly),
	    cmocka_unit_test(a_c_string_has_its_nul_also_at_the_maximum),
	    cmocka_unit_test(prints_short_and_long),
	    cmocka_unit_test(numbers_are_those_of_printf),
	    cmocka_unit_test(room_beyond_the_maximum_is_not_used),
	    cmocka_unit_test(a_wiped_one_holds_nothing_of_what_was_in_it),
	};

	return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
