#include "base/escape.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef int escape_fn(struct buf *b, struct slice s);

static void
check(escape_fn *fn, struct slice in, const char *want)
{
	struct buf b;

	buf_init(&b, 1 << 16);
	assert_int_equal(buf_add_cstr(&b, "<"), 0);
	assert_int_equal(fn(&b, in), 0);
	assert_non_null(buf_cstr(&b));
	assert_string_equal(b.ptr + 1, want);
	assert_int_equal(b.len, strlen(want) + 1);
	buf_release(&b);
}

static void
plain_text_and_other_scripts_pass_a_terminal(void **state)
{
	const char *same[] = {"", "Hello, world! ~", "\xc3\xa4\xc3\xb6\xc3\xbc",
	    "\xe4\xb8\xad\xe6\x96\x87", "\xd8\xb9\xd8\xb1\xd8\xa8\xd9\x8a",
	    "\xf0\x9f\x98\x80", "\xc2\xa0", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf"};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		check(escape_terminal, slice_cstr(same[i]), same[i]);
}

/* Any byte at any place among the sixteen that are looked at together. */
static void
plain_ends_at_the_first_byte_that_is_not(void **state)
{
	char text[40];

	(void)state;
	for (int least = ' '; least <= '!'; least++)
		for (size_t len = 0; len <= sizeof(text); len++)
			for (size_t at = 0; at < len; at++)
				for (int c = 0; c < 256; c++) {
					bool plain = c >= least && c < 0x7f && c != '"' &&
						     c != '\\';

					memset(text, "az!~"[at % 4], len);
					text[at] = (char)c;
					assert_int_equal(escape_plain(slice_of(text, len),
							     (char)least),
					    plain ? len : at);
				}
	assert_int_equal(escape_plain((struct slice){0}, ' '), 0);
}

static void
controls_never_reach_a_terminal(void **state)
{
	(void)state;
	check(escape_terminal, SLICE_LIT("a\x1b[31mb"), "a\\x1b[31mb");
	check(escape_terminal, SLICE_LIT("\r\n\t\b\a\x7f"),
	    "\\x0d\\x0a\\x09\\x08\\x07\\x7f");
	check(escape_terminal, SLICE_LIT("\0"), "\\x00");
	check(escape_terminal,
	    SLICE_LIT("\xc2\x9b"
		      "2J"),
	    "\\xc2\\x9b2J"); /* CSI as C1 */
	check(escape_terminal, SLICE_LIT("\xc2\x80\xc2\x9f"), "\\xc2\\x80\\xc2\\x9f");
	check(
	    escape_terminal, SLICE_LIT("a\\x41"), "a\\\\x41"); /* no forging of escapes */
}

static void
what_reorders_or_hides_text_never_reaches_a_terminal(void **state)
{
	static const struct {
		uint32_t first, last;
	} bad[] = {{0xad, 0xad}, {0x61c, 0x61c}, {0x180e, 0x180e}, {0x200b, 0x200f},
	    {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
	    {0xe0001, 0xe0001}, {0xe0020, 0xe007f}};
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 16);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		for (uint32_t c = bad[i].first; c <= bad[i].last; c++) {
			unsigned char u[4];
			size_t n;

			if (c < 0x800) {
				u[0] = (unsigned char)(0xc0 | c >> 6);
				n = 2;
			} else if (c < 0x10000) {
				u[0] = (unsigned char)(0xe0 | c >> 12);
				n = 3;
			} else {
				u[0] = (unsigned char)(0xf0 | c >> 18);
				n = 4;
			}
			for (size_t k = 1; k < n; k++)
				u[k] = (unsigned char)(0x80 |
						       (c >> (6 * (n - 1 - k)) & 0x3f));
			buf_clear(&b);
			assert_int_equal(escape_terminal(&b, slice_of(u, n)), 0);
			assert_int_equal(b.len, 4 * n);
			for (size_t k = 0; k < b.len; k++)
				assert_in_range(b.ptr[k], 0x20, 0x7e);
		}
	}
	buf_release(&b);
}

static void
invalid_utf8_is_told_byte_by_byte(void **state)
{
	(void)state;
	check(escape_terminal,
	    SLICE_LIT("a\xff"
		      "b"),
	    "a\\xffb");
	check(escape_terminal, SLICE_LIT("\xc3"), "\\xc3"); /* cut short */
	check(escape_terminal, SLICE_LIT("\xe4\xb8"), "\\xe4\\xb8");
	check(escape_terminal, SLICE_LIT("\xc0\xaf"), "\\xc0\\xaf"); /* overlong / */
	check(escape_terminal, SLICE_LIT("\xe0\x9f\xbf"), "\\xe0\\x9f\\xbf");
	check(escape_terminal, SLICE_LIT("\xed\xa0\x80"),
	    "\\xed\\xa0\\x80"); /* surrogate */
	check(escape_terminal, SLICE_LIT("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
	check(escape_terminal, SLICE_LIT("\xf0\x8f\xbf\xbf"), "\\xf0\\x8f\\xbf\\xbf");
	check(escape_terminal, SLICE_LIT("\x80"), "\\x80");
	check(escape_terminal,
	    SLICE_LIT("\xe4\xb8"
		      "A"),
	    "\\xe4\\xb8"
	    "A");
}

static void
a_field_has_no_space_and_no_tab(void **state)
{
	(void)state;
	check(escape_field, SLICE_LIT("a b\tc"), "a\\x20b\\x09c");
	check(escape_field, SLICE_LIT("plain/path?x=1"), "plain/path?x=1");
}

static void
a_cell_begins_no_formula(void **state)
{
	static const struct slice same[] = {SLICE_LIT("=1+1"), SLICE_LIT("-"),
	    SLICE_LIT("\xef\xbc\x9d\xef\xbc\x9d"), SLICE_LIT("@\\x3d\t")};

	(void)state;
	check(escape_cell, SLICE_LIT("=cmd|' /C calc'!A0"), "\\x3dcmd|' /C calc'!A0");
	check(escape_cell, SLICE_LIT("+1"), "\\x2b1");
	check(escape_cell, SLICE_LIT("-1=2"), "\\x2d1=2");
	check(escape_cell, SLICE_LIT("@SUM(A1)"), "\\x40SUM(A1)");
	check(escape_cell,
	    SLICE_LIT("\xef\xbc\x9d"
		      "1"),
	    "\\xef\\xbc\\x9d"
	    "1");
	check(escape_cell, SLICE_LIT("\t=1"), "\\x09=1");
	check(escape_cell, SLICE_LIT("http://a/?x=-1"), "http://a/?x=-1");
	check(escape_cell, SLICE_LIT(""), "");
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct buf there, back;

		buf_init(&there, 100);
		buf_init(&back, 100);
		assert_int_equal(escape_cell(&there, same[i]), 0);
		assert_int_equal(unescape_line(&back, buf_slice(&there)), 0);
		assert_true(slice_eq(buf_slice(&back), same[i]));
		buf_release(&there);
		buf_release(&back);
	}
}

static void
a_line_is_scrubbed_in_place(void **state)
{
	char line[] = "a\x1b[2J\xc3\xa4\xc2\x9b\xe2\x80\xae\xff\n\xe4\xb8";

	(void)state;
	scrub_terminal(line, sizeof(line) - 1);
	assert_string_equal(line, "a?[2J\xc3\xa4???????"
				  "??");
	scrub_terminal(line, 0);
}

static void
json_is_safe_to_be_shown_on_a_terminal(void **state)
{
	(void)state;
	check(escape_json,
	    SLICE_LIT("\xc2\x9b"
		      "2J"),
	    "\\u009b2J");
	check(escape_json, SLICE_LIT("\xe2\x80\xa8\xe2\x80\xa9"), "\\u2028\\u2029");
	check(escape_json,
	    SLICE_LIT("a\xe2\x80\xae"
		      "b"),
	    "a\\u202eb");
	check(escape_json, SLICE_LIT("\xf3\xa0\x81\x81"), "\\udb40\\udc41"); /* U+E0041 */
}

static void
json_strings_are_valid_json(void **state)
{
	(void)state;
	check(escape_json, SLICE_LIT("a\"b\\c/"), "a\\\"b\\\\c/");
	check(
	    escape_json, SLICE_LIT("\n\r\t\b\x1f\x7f"), "\\n\\r\\t\\u0008\\u001f\\u007f");
	check(escape_json, SLICE_LIT("\0x"), "\\u0000x");
	check(escape_json, SLICE_LIT("\xc3\xa4\xf0\x9f\x98\x80"),
	    "\xc3\xa4\xf0\x9f\x98\x80");
	check(escape_json, SLICE_LIT("a\xff\xc3"), "a\xef\xbf\xbd\xef\xbf\xbd");
	check(escape_json, SLICE_LIT("\xed\xa0\x80"),
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	check(escape_json, (struct slice){0}, "");
}

static void
html_cannot_be_left(void **state)
{
	(void)state;
	check(escape_html, SLICE_LIT("<a href=\"x\" b='y'>&amp;"),
	    "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;");
	check(escape_html, SLICE_LIT("\xc3\xa4"), "\xc3\xa4");
	check(escape_html, SLICE_LIT("a\tb\nc"), "a\tb\nc");
	check(escape_html, SLICE_LIT("\x1b[2J\x00\x7f\r"),
	    "\xef\xbf\xbd[2J\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	check(escape_html, SLICE_LIT("\xc2\x9b\xff\xe2\x80\xae"),
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void
a_full_buf_is_left_as_it_was(void **state)
{
	static escape_fn *const fns[] = {
	    escape_terminal, escape_field, escape_json, escape_html, escape_cell};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		buf_init(&b, 12);
		assert_int_equal(buf_add_cstr(&b, "12345"), 0);
		assert_int_equal(fns[i](&b, SLICE_LIT("abc\x01<>\x01\xff")), -EMSGSIZE);
		assert_true(slice_eq(buf_slice(&b), SLICE_LIT("12345")));
		buf_release(&b);
	}
}

static void
what_was_escaped_for_a_line_comes_back(void **state)
{
	static const struct slice cases[] = {SLICE_LIT("plain"), SLICE_LIT("a b\tc\nd"),
	    SLICE_LIT("\\d+\\\\"), SLICE_LIT("\xff\x00\x01"),
	    SLICE_LIT("\xe2\x80\xae\\x41"), SLICE_LIT("")};
	struct buf there, back;

	(void)state;
	buf_init(&there, 1000);
	buf_init(&back, 1000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&there);
		buf_clear(&back);
		assert_int_equal(i % 2 == 0 ? escape_terminal(&there, cases[i])
					    : escape_field(&there, cases[i]),
		    0);
		assert_int_equal(unescape_line(&back, buf_slice(&there)), 0);
		assert_true(slice_eq(buf_slice(&back), cases[i]));
	}
	/* What it did not write stays. */
	buf_clear(&back);
	assert_int_equal(unescape_line(&back, SLICE_LIT("\\q \\x4 \\xzz \\")), 0);
	assert_true(slice_eq(buf_slice(&back), SLICE_LIT("\\q \\x4 \\xzz \\")));
	buf_release(&there);
	buf_release(&back);
	buf_init(&back, 3);
	assert_int_equal(unescape_line(&back, SLICE_LIT("abcd")), -EMSGSIZE);
	assert_int_equal(back.len, 0);
	buf_release(&back);
}

static void
lengths_of_utf8_are_those_of_rfc_3629(void **state)
{
	unsigned valid = 0;
	unsigned char u[4];

	(void)state;
	assert_int_equal(utf8_len((struct slice){0}), 0);
	assert_int_equal(utf8_len(SLICE_LIT("a")), 1);
	/* Of all first two bytes, followed by continuations, count the valid. */
	for (unsigned i = 0; i < 0x10000; i++) {
		u[0] = (unsigned char)(i >> 8);
		u[1] = (unsigned char)i;
		u[2] = u[3] = 0x80;
		valid += utf8_len(slice_of(u, 4)) > 1;
	}
	/* c2..df: 30 * 64; e0: 32, e1..ec ee ef: 14 * 64, ed: 32; f0: 48, f1..f3: 3 * 64,
	 * f4: 16 */
	assert_int_equal(valid, 30 * 64 + 32 + 14 * 64 + 32 + 48 + 3 * 64 + 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_text_and_other_scripts_pass_a_terminal),
	    cmocka_unit_test(plain_ends_at_the_first_byte_that_is_not),
	    cmocka_unit_test(controls_never_reach_a_terminal),
	    cmocka_unit_test(what_reorders_or_hides_text_never_reaches_a_terminal),
	    cmocka_unit_test(invalid_utf8_is_told_byte_by_byte),
	    cmocka_unit_test(a_field_has_no_space_and_no_tab),
	    cmocka_unit_test(a_cell_begins_no_formula),
	    cmocka_unit_test(a_line_is_scrubbed_in_place),
	    cmocka_unit_test(json_is_safe_to_be_shown_on_a_terminal),
	    cmocka_unit_test(json_strings_are_valid_json),
	    cmocka_unit_test(html_cannot_be_left),
	    cmocka_unit_test(a_full_buf_is_left_as_it_was),
	    cmocka_unit_test(what_was_escaped_for_a_line_comes_back),
	    cmocka_unit_test(lengths_of_utf8_are_those_of_rfc_3629),
	};

	return cmocka_run_group_tests_name("base/escape", tests, NULL, NULL);
}
