#include "base/safe_name.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <strings.h>

#include <cmocka.h>

#define TAG UINT64_C(0x0123456789abcdef)

static const char *
named(struct buf *b, struct slice text, size_t max)
{
	buf_clear(b);
	assert_int_equal(safe_name(b, text, TAG, max), 0);
	assert_non_null(buf_cstr(b));
	assert_in_range(b->len, 1, max);
	return b->ptr;
}

static void
plain_names_stay_and_the_rest_is_written_by_its_bytes(void **state)
{
	static const struct {
		const char *text, *name;
	} cases[] = {
	    {"index.html", "index.html"},
	    {"a-b_c.tar.gz", "a-b_c.tar.gz"},
	    {"a/b", "a%2fb"},
	    {"a\\b:c*?\"<>|", "a%5cb%3ac%2a%3f%22%3c%3e%7c"},
	    {"100%", "100%25"},
	    {"%2e", "%252e"},
	    {"a b", "a%20b"},
	    {"caf\xc3\xa9", "caf%c3%a9"},
	    {"cafe\xcc\x81", "cafe%cc%81"}, /* the same letter, another name */
	    {"a~b", "a%7eb"},
	    {"~0123456789abcdef", "%7e0123456789abcdef"},
	    {"-rf", "%2drf"},
	};
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(
		    named(&b, slice_cstr(cases[i].text), 255), cases[i].name);
	assert_string_equal(named(&b, SLICE_LIT("a\x1b[2j\0"), 255), "a%1b%5b2j%00");
	buf_release(&b);
}

static void
no_name_leads_elsewhere_or_hides(void **state)
{
	static const struct {
		const char *text, *name;
	} cases[] = {
	    {".", "%2e"},
	    {"..", "%2e%2e"},
	    {"...", "%2e.%2e"},
	    {"../../etc/passwd", "%2e.%2f..%2fetc%2fpasswd"},
	    {"/etc/passwd", "%2fetc%2fpasswd"},
	    {".htaccess", "%2ehtaccess"},
	    {"name.", "name%2e"},
	    {"", "~0123456789abcdef"},
	};
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(
		    named(&b, slice_cstr(cases[i].text), 255), cases[i].name);
	buf_release(&b);
}

static void
devices_are_no_names(void **state)
{
	static const struct {
		const char *text, *name;
	} cases[] = {
	    {"con", "%63on"},
	    {"nul.html", "%6eul.html"},
	    {"aux.tar.gz", "%61ux.tar.gz"},
	    {"com1", "%63om1"},
	    {"lpt9.txt", "%6cpt9.txt"},
	    {"PRN", "%50RN~0123456789abcdef"},
	    {"console", "console"},
	    {"com10", "com10"},
	    {"common", "common"},
	};
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(
		    named(&b, slice_cstr(cases[i].text), 255), cases[i].name);
	buf_release(&b);
}

static void
names_that_differ_in_case_alone_are_kept_apart(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_string_equal(named(&b, SLICE_LIT("readme.html"), 255), "readme.html");
	assert_string_equal(
	    named(&b, SLICE_LIT("ReadMe.html"), 255), "ReadMe~0123456789abcdef.html");
	assert_string_equal(
	    named(&b, SLICE_LIT("README.HTML"), 255), "README.HTML~0123456789abcdef");
	buf_release(&b);
}

static void
long_names_are_cut_and_kept_apart(void **state)
{
	char text[2000];
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	memset(text, 'a', sizeof(text));
	assert_int_equal(strlen(named(&b, slice_of(text, 255), 255)), 255);
	assert_null(strchr(b.ptr, '~'));
	assert_int_equal(strlen(named(&b, slice_of(text, 256), 255)), 255);
	assert_string_equal(b.ptr + 255 - 17, "~0123456789abcdef");
	memcpy(text + sizeof(text) - 4, ".pdf", 4);
	assert_int_equal(strlen(named(&b, slice_of(text, sizeof(text)), 100)), 100);
	assert_string_equal(b.ptr + 100 - 21, "~0123456789abcdef.pdf");
	memset(text, '/', sizeof(text)); /* not within an escape */
	(void)named(&b, slice_of(text, sizeof(text)), 64);
	assert_int_equal(b.len, 45 + 17);
	buf_release(&b);
}

/* Whatever comes in: the bytes that may be in a name, and of two texts never one name. */
static void
texts_at_random_have_safe_and_different_names(void **state)
{
	static const char letters[] = "aAbB.%~/-\\ \x1b\xc3\xa9"
				      "0";
	struct buf a, b;
	unsigned random = 1;

	(void)state;
	buf_init(&a, 1000);
	buf_init(&b, 1000);
	for (int i = 0; i < 20000; i++) {
		char text[2][8];
		size_t len[2];

		for (int k = 0; k < 2; k++) {
			random = random * 1103515245 + 12345;
			len[k] = random >> 16 & 3;
			for (size_t at = 0; at < len[k]; at++) {
				random = random * 1103515245 + 12345;
				text[k][at] =
				    letters[(random >> 16) % (sizeof(letters) - 1)];
			}
		}
		buf_clear(&a);
		buf_clear(&b);
		assert_int_equal(safe_name(&a, slice_of(text[0], len[0]), 1, 255), 0);
		assert_int_equal(safe_name(&b, slice_of(text[1], len[1]), 2, 255), 0);
		for (size_t at = 0; at < a.len; at++)
			assert_non_null(
			    strchr("abcdefghijklmnopqrstuvwxyz0123456789ABCDEF"
				   "GHIJKLMNOPQRSTUVWXYZ-_.%~",
				a.ptr[at]));
		assert_true(a.ptr[0] != '.' && a.ptr[0] != '-');
		assert_true(a.ptr[a.len - 1] != '.');
		if (!slice_eq(slice_of(text[0], len[0]), slice_of(text[1], len[1])))
			assert_int_not_equal(strcasecmp(buf_cstr(&a), buf_cstr(&b)), 0);
	}
	buf_release(&a);
	buf_release(&b);
}

static void
without_room_the_buf_is_as_it_was(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_int_equal(buf_add_cstr(&b, "x"), 0);
	assert_int_equal(safe_name(&b, SLICE_LIT("much-too-long"), TAG, 255), -EMSGSIZE);
	assert_int_equal(safe_name(&b, SLICE_LIT("A"), TAG, 255), -EMSGSIZE);
	assert_int_equal(b.len, 1);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_names_stay_and_the_rest_is_written_by_its_bytes),
	    cmocka_unit_test(no_name_leads_elsewhere_or_hides),
	    cmocka_unit_test(devices_are_no_names),
	    cmocka_unit_test(names_that_differ_in_case_alone_are_kept_apart),
	    cmocka_unit_test(long_names_are_cut_and_kept_apart),
	    cmocka_unit_test(texts_at_random_have_safe_and_different_names),
	    cmocka_unit_test(without_room_the_buf_is_as_it_was),
	};

	return cmocka_run_group_tests_name("base/safe_name", tests, NULL, NULL);
}
