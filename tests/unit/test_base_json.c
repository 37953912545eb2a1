#include "base/json.h"
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
check(const struct buf *b, const char *want)
{
	assert_true(slice_eq(buf_slice(b), slice_cstr(want)));
}

static void
writes_members_with_their_commas(void **state)
{
	struct jsonw j;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	jsonw_init(&j, &b);
	jsonw_object(&j, NULL);
	jsonw_str(&j, "url", SLICE_LIT("http://x/\"\n"));
	jsonw_int(&j, "v", 1);
	jsonw_opt(&j, "absent", (struct slice){0});
	jsonw_opt(&j, "there", SLICE_LIT("y"));
	jsonw_str(&j, "empty", (struct slice){0});
	jsonw_array(&j, "list");
	jsonw_int(&j, NULL, INT64_MIN);
	jsonw_int(&j, NULL, INT64_MAX);
	jsonw_object(&j, NULL);
	jsonw_object_end(&j);
	jsonw_array(&j, NULL);
	jsonw_array_end(&j);
	jsonw_array_end(&j);
	jsonw_bool(&j, "yes", true);
	jsonw_bool(&j, "no", false);
	jsonw_object_end(&j);
	assert_int_equal(j.err, 0);
	check(&b, "{\"url\":\"http://x/\\\"\\n\",\"v\":1,\"there\":\"y\",\"empty\":\"\","
		  "\"list\":[-9223372036854775808,9223372036854775807,{},[]],"
		  "\"yes\":true,\"no\":false}");
	buf_release(&b);
}

static void
the_outermost_may_be_an_array_or_a_bare_value(void **state)
{
	struct jsonw j;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	jsonw_init(&j, &b);
	jsonw_array(&j, NULL);
	jsonw_str(&j, NULL, SLICE_LIT("a"));
	jsonw_str(&j, NULL, SLICE_LIT("b"));
	jsonw_array_end(&j);
	assert_int_equal(buf_add_byte(&b, '\n'), 0);
	jsonw_init(&j, &b); /* the next line of the same buf */
	jsonw_str(&j, NULL, SLICE_LIT("c"));
	check(&b, "[\"a\",\"b\"]\n\"c\"");
	buf_release(&b);
}

static void
keys_are_escaped_too(void **state)
{
	struct jsonw j;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	jsonw_init(&j, &b);
	jsonw_object(&j, NULL);
	jsonw_int(&j, "a\"b\xff", 0);
	jsonw_object_end(&j);
	check(&b, "{\"a\\\"b\xef\xbf\xbd\":0}");
	buf_release(&b);
}

static void
reals_have_a_point_in_every_locale_and_are_always_numbers(void **state)
{
	static const struct {
		double value;
		const char *want;
	} cases[] = {{0, "0.000"}, {1.5, "1.500"}, {-1.5, "-1.500"}, {0.0004, "0.000"},
	    {-0.0004, "0.000"}, {0.9996, "1.000"}, {12345.6789, "12345.679"},
	    {999999999999999.0, "999999999999999.000"}, {1e15, "1000000000000000.000"},
	    {-1e18, "-1000000000000000000.000"}, {(double)NAN, "null"},
	    {(double)INFINITY, "null"}, {(double)-INFINITY, "null"}};
	struct jsonw j;
	struct buf b;

	(void)state;
	/* Where it is installed; the C locale tests the digits in any case. */
	(void)setlocale(LC_ALL, "de_DE.UTF-8");
	buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&b);
		jsonw_init(&j, &b);
		jsonw_real(&j, NULL, cases[i].value);
		assert_int_equal(j.err, 0);
		check(&b, cases[i].want);
	}
	buf_release(&b);
	(void)setlocale(LC_ALL, "C");
}

static void
the_first_error_sticks_and_the_buf_is_as_it_was(void **state)
{
	struct jsonw j;
	struct buf b;

	(void)state;
	for (size_t max = 5; max < 100; max++) {
		buf_init(&b, max);
		assert_int_equal(buf_add_cstr(&b, "line\n"), 0);
		jsonw_init(&j, &b);
		jsonw_object(&j, NULL);
		jsonw_str(&j, "k", SLICE_LIT("some \x01 text"));
		jsonw_int(&j, "n", 1234567);
		jsonw_real(&j, "r", 2.5);
		jsonw_real(&j, "x", (double)NAN);
		jsonw_bool(&j, "b", true);
		jsonw_null(&j, "z");
		jsonw_object_end(&j);
		if (j.err == 0)
			break;
		assert_int_equal(j.err, -EMSGSIZE);
		check(&b, "line\n");
		jsonw_str(&j, "k", SLICE_LIT("")); /* would fit */
		assert_int_equal(j.err, -EMSGSIZE);
		check(&b, "line\n");
		buf_release(&b);
	}
	assert_int_equal(j.err, 0);
	check(&b, "line\n{\"k\":\"some \\u0001 text\",\"n\":1234567,\"r\":2.500,"
		  "\"x\":null,\"b\":true,\"z\":null}");
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes_members_with_their_commas),
	    cmocka_unit_test(the_outermost_may_be_an_array_or_a_bare_value),
	    cmocka_unit_test(keys_are_escaped_too),
	    cmocka_unit_test(reals_have_a_point_in_every_locale_and_are_always_numbers),
	    cmocka_unit_test(the_first_error_sticks_and_the_buf_is_as_it_was),
	};

	return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
