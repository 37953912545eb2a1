#include "base/slice.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
compares_whole_with_and_without_case(void **state)
{
	(void)state;
	assert_true(slice_eq(SLICE_LIT("abc"), slice_cstr("abc")));
	assert_false(slice_eq(SLICE_LIT("abc"), SLICE_LIT("abd")));
	assert_false(slice_eq(SLICE_LIT("abc"), SLICE_LIT("ab")));
	assert_true(slice_eq((struct slice){0}, SLICE_LIT("")));
	assert_true(slice_eq(SLICE_LIT("a\0b"), SLICE_LIT("a\0b")));
	assert_false(slice_eq(SLICE_LIT("a\0b"), SLICE_LIT("a\0c")));
	assert_true(slice_ieq(SLICE_LIT("Content-TYPE"), SLICE_LIT("content-type")));
	assert_false(
	    slice_ieq(SLICE_LIT("@"), SLICE_LIT("`"))); /* 0x20 apart, no letters */
	assert_false(slice_ieq(SLICE_LIT("["), SLICE_LIT("{")));
	assert_false(slice_ieq(SLICE_LIT("\xc4"), SLICE_LIT("\xe4"))); /* ASCII only */
	assert_int_equal(slice_cstr(NULL).len, 0);
}

static void
knows_its_ends(void **state)
{
	(void)state;
	assert_true(slice_starts(SLICE_LIT("http://x"), SLICE_LIT("http:")));
	assert_false(slice_starts(SLICE_LIT("htt"), SLICE_LIT("http:")));
	assert_true(slice_starts((struct slice){0}, (struct slice){0}));
	assert_true(slice_istarts(SLICE_LIT("HTTP://x"), SLICE_LIT("http:")));
	assert_false(slice_istarts(SLICE_LIT("HTT"), SLICE_LIT("http:")));
	assert_true(slice_ends(SLICE_LIT("a.warc.gz"), SLICE_LIT(".gz")));
	assert_false(slice_ends(SLICE_LIT("gz"), SLICE_LIT(".gz")));
	assert_true(slice_ends(SLICE_LIT("gz"), (struct slice){0}));
}

static void
cuts_from_the_front_and_the_back(void **state)
{
	struct slice s = SLICE_LIT("abc");

	(void)state;
	assert_true(slice_eq(slice_from(s, 1), SLICE_LIT("bc")));
	assert_true(slice_eq(slice_from(s, 3), (struct slice){0}));
	assert_true(slice_eq(slice_from(s, SIZE_MAX), (struct slice){0}));
	assert_true(slice_eq(slice_head(s, 2), SLICE_LIT("ab")));
	assert_true(slice_eq(slice_head(s, SIZE_MAX), s));
	assert_int_equal(slice_find(s, 'c'), 2);
	assert_int_equal(slice_find(s, 'x'), 3);
	assert_int_equal(slice_find((struct slice){0}, 'x'), 0);
	assert_true(
	    slice_eq(slice_trim(SLICE_LIT(" \t\r\n\v\f a b \n")), SLICE_LIT("a b")));
	assert_int_equal(slice_trim(SLICE_LIT(" \n ")).len, 0);
	assert_int_equal(slice_trim((struct slice){0}).len, 0);
}

static void
splits_at_each_separator(void **state)
{
	struct slice rest = SLICE_LIT("a,,b,"), head = SLICE_LIT("kept");

	(void)state;
	assert_true(slice_cut(&rest, ',', &head));
	assert_true(slice_eq(head, SLICE_LIT("a")));
	assert_true(slice_cut(&rest, ',', &head));
	assert_int_equal(head.len, 0);
	assert_true(slice_cut(&rest, ',', &head));
	assert_true(slice_eq(head, SLICE_LIT("b")));
	assert_true(slice_cut(&rest, ',', &head));
	assert_int_equal(head.len, 0);
	head = SLICE_LIT("kept");
	assert_false(slice_cut(&rest, ',', &head));
	assert_true(slice_eq(head, SLICE_LIT("kept")));
	rest = (struct slice){0};
	assert_false(slice_cut(&rest, ',', &head));
}

static void
reads_numbers_whole_or_not_at_all(void **state)
{
	const char *bad[] = {"", "-1", "+1", " 1", "1 ", "1x", "0x1",
	    "18446744073709551616", "99999999999999999999999", "1.0"};
	uint64_t v = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(slice_to_u64(slice_cstr(bad[i]), &v));
	assert_int_equal(v, 77);
	assert_true(slice_to_u64(SLICE_LIT("0"), &v));
	assert_int_equal(v, 0);
	assert_true(slice_to_u64(SLICE_LIT("00042"), &v));
	assert_int_equal(v, 42);
	assert_true(slice_to_u64(SLICE_LIT("18446744073709551615"), &v));
	assert_true(v == UINT64_MAX);
}

static void
tells_characters_apart_whatever_the_locale(void **state)
{
	(void)state;
	for (int i = -128; i < 128; i++) {
		char c = (char)i;
		bool digit = i >= '0' && i <= '9';
		bool alpha = (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z');

		assert_int_equal(ascii_is_digit(c), digit);
		assert_int_equal(ascii_is_alpha(c), alpha);
		assert_int_equal(ascii_is_space(c), i == ' ' || (i >= 9 && i <= 13));
		assert_int_equal(ascii_hex(c) >= 0,
		    digit || (i >= 'a' && i <= 'f') || (i >= 'A' && i <= 'F'));
	}
	assert_int_equal(ascii_hex('f'), 15);
	assert_int_equal(ascii_hex('A'), 10);
	assert_int_equal(ascii_lower('Z'), 'z');
	assert_int_equal(ascii_lower('['), '[');
}

static void
copies_to_a_c_string(void **state)
{
	char *a = slice_dup(slice_of("hello", 4)), *b = slice_dup((struct slice){0});

	(void)state;
	assert_string_equal(a, "hell");
	assert_string_equal(b, "");
	free(a);
	free(b);
}

static void
finds_controls_wherever_they_stand(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char text[] = {'a', (char)c, 'b'};
		bool control = c < 32 || c == 127;

		assert_int_equal(ascii_is_control((char)c), control);
		assert_int_equal(slice_has_control(slice_of(text, 3)), control);
		assert_int_equal(slice_has_control(slice_of(text, 2)), control);
		assert_int_equal(slice_has_control(slice_of(text + 1, 1)), control);
		assert_int_equal(
		    slice_has_control_but_tab(slice_of(text, 3)), control && c != '\t');
	}
	assert_false(slice_has_control((struct slice){0}));
	assert_false(slice_has_control_but_tab((struct slice){0}));
	assert_true(slice_has_control_but_tab(SLICE_LIT("a\t\n")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(compares_whole_with_and_without_case),
	    cmocka_unit_test(knows_its_ends),
	    cmocka_unit_test(cuts_from_the_front_and_the_back),
	    cmocka_unit_test(splits_at_each_separator),
	    cmocka_unit_test(reads_numbers_whole_or_not_at_all),
	    cmocka_unit_test(tells_characters_apart_whatever_the_locale),
	    cmocka_unit_test(copies_to_a_c_string),
	    cmocka_unit_test(finds_controls_wherever_they_stand),
	};

	return cmocka_run_group_tests_name("base/slice", tests, NULL, NULL);
}
