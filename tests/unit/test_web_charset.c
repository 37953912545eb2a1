#include "suite.h"
#include "web/charset.h"
#include "web/page.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* -- the suites ----------------------------------------------------------------------- */

static void
labels_are_those_of_the_encoding_standard(void **state)
{
	unsigned ran = 0, failed = 0;
	size_t len;
	char *text = suite_read("charset/whatwg_labels.tsv", &len);
	struct slice rest = slice_of(text, len), line, label;

	(void)state;
	if (text == NULL) {
		printf("skipped: charset/whatwg_labels.tsv is not here\n");
		skip();
	}
	while (slice_cut(&rest, '\n', &line)) {
		enum charset c = CHARSET_MAX;
		char odd[64];
		int n;

		if (line.len == 0 || line.ptr[0] == '#' ||
		    !slice_cut(&line, '\t', &label))
			continue;
		/* In any case, with white space around. */
		n = snprintf(odd, sizeof(odd), "\t \n%.*s\f\r", SLICE_ARG(label));
		for (int i = 0; i < n; i++)
			if (odd[i] >= 'a' && odd[i] <= 'z' && i % 2 == 0)
				odd[i] -= 'a' - 'A';
		ran++;
		if (!charset_find(label, &c) ||
		    !slice_eq(slice_cstr(charset_name(c)), slice_trim(line)) ||
		    !charset_find(slice_of(odd, (size_t)n), &c) ||
		    !slice_eq(slice_cstr(charset_name(c)), slice_trim(line))) {
			printf("label " SLICE_FMT " fails\n", SLICE_ARG(label));
			failed++;
		}
	}
	free(text);
	printf("charset/whatwg_labels.tsv: %u cases ran, %u fail\n", ran, failed);
	assert_int_equal(ran, 228);
	assert_int_equal(failed, 0);
}

/* Base64 of a row, which has no line ends. */
static size_t
base64_undo(struct slice s, char *out)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	size_t n = 0;
	int have = 0;

	for (size_t i = 0; i < s.len && s.ptr[i] != '='; i++) {
		const char *at = strchr(digits, s.ptr[i]);

		assert_true(s.ptr[i] != '\0' && at != NULL);
		bits = bits << 6 | (uint32_t)(at - digits);
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (char)(bits >> have);
		}
	}
	return n;
}

/*
 * The whole way, as the suite means it: the prescan, and a <meta> that the parser finds
 * later.  The cases of scripts that write a <meta> are not among the rows.
 */
static void
pages_are_read_in_the_charset_of_html5lib(void **state)
{
	static struct suite s;
	json_t *row;

	(void)state;
	if (!suite_open(&s, "html5lib/encoding_sniff.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL) {
		struct slice b64 = suite_text(row, "html_b64");
		struct page_conf conf = PAGE_CONF_DEFAULT;
		char *body = malloc(b64.len + 1), *exact;
		struct arena arena;
		struct page page;
		size_t len;

		assert_non_null(body);
		len = base64_undo(b64, body);
		exact = suite_exact(slice_of(body, len));
		arena_init(&arena, 1 << 16, 1 << 26);
		assert_int_equal(
		    page_parse(slice_of(exact, len), &conf, &arena, &page), 0);
		suite_case(
		    &s, slice_ieq(slice_cstr(page.charset), suite_text(row, "encoding")));
		arena_release(&arena);
		free(exact);
		free(body);
	}
	assert_true(s.ran >= 82);
	assert_int_equal(suite_close(&s), 0);
}

/* -- style sheets ---------------------------------------------------------------------- */

static void
assert_css(
    struct slice body, const char *http, enum charset charset, enum charset_how how)
{
	char *exact = suite_exact(body);
	struct charset_guess g =
	    charset_sniff_css(slice_of(exact, body.len), slice_cstr(http));

	assert_int_equal(g.charset, charset);
	assert_int_equal(g.how, how);
	free(exact);
}
#define CSS(body, http, charset, how) assert_css(SLICE_LIT(body), http, charset, how)

static void
style_sheets_have_a_rule_for_their_charset(void **state)
{
	(void)state;
	CSS("@charset \"koi8-r\";", "", CHARSET_KOI8_R, CHARSET_HOW_META);
	CSS("@charset \"koi8-r\";", "latin1", CHARSET_WINDOWS_1252, CHARSET_HOW_HTTP);
	CSS("\xEF\xBB\xBF@charset \"koi8-r\";", "latin1", CHARSET_UTF_8, CHARSET_HOW_BOM);
	CSS("@charset \"utf-16\";", "", CHARSET_UTF_8, CHARSET_HOW_META);
	/* These bytes, or none. */
	CSS("@charset 'koi8-r';", "", CHARSET_UTF_8, CHARSET_HOW_DEFAULT);
	CSS("@CHARSET \"koi8-r\";", "", CHARSET_UTF_8, CHARSET_HOW_DEFAULT);
	CSS("@charset  \"koi8-r\";", "", CHARSET_UTF_8, CHARSET_HOW_DEFAULT);
	CSS("@charset \"koi8-r\" ;", "", CHARSET_UTF_8, CHARSET_HOW_DEFAULT);
	CSS("@charset \"koi8-r", "", CHARSET_UTF_8, CHARSET_HOW_DEFAULT);
	CSS("@charset \"bogus\";", "bogus", CHARSET_UTF_8, CHARSET_HOW_DEFAULT);
}

/* -- texts ----------------------------------------------------------------------------- */

static void
assert_utf8(enum charset c, struct slice in, struct slice want)
{
	char *exact = suite_exact(in);
	struct arena arena;
	struct slice out;

	arena_init(&arena, 4096, 1 << 20);
	assert_int_equal(charset_to_utf8(c, slice_of(exact, in.len), &arena, &out), 0);
	if (!slice_eq(out, want))
		fail_msg("%s: \"" SLICE_FMT "\"", charset_name(c), SLICE_ARG(out));
	arena_release(&arena);
	free(exact);
}
#define UTF8(c, in, want) assert_utf8(CHARSET_##c, SLICE_LIT(in), SLICE_LIT(want))

static void
every_family_of_charsets_is_read(void **state)
{
	(void)state;
	assert_int_equal(charset_preload(), 0);
	UTF8(UTF_8, "\u00e9", "\u00e9");
	UTF8(UTF_16LE, "a\0\xAC\x20", "a\u20AC");
	UTF8(UTF_16BE, "\0a\x20\xAC", "a\u20AC");
	UTF8(UTF_16BE, "\xD8\x3D\xDE\x00", "\U0001F600");
	UTF8(WINDOWS_1252, "\x80\x81\xE9", "\u20AC\xC2\x81\u00e9");
	UTF8(KOI8_R, "\xC1\xC2", "\u0430\u0431");
	UTF8(GBK, "\xC4\xE3\xBA\xC3", "\u4F60\u597D");
	UTF8(GB18030, "\x81\x30\x84\x36", "\u00A5");
	UTF8(BIG5, "\xA7\x41\xA6\x6E", "\u4F60\u597D");
	UTF8(EUC_JP, "\xC6\xFC\xCB\xDC", "\u65E5\u672C");
	UTF8(ISO_2022_JP, "\x1B$B\x46\x7C\x4B\x5C\x1B(B", "\u65E5\u672C");
	UTF8(SHIFT_JIS, "\x93\xFA\x96\x7B", "\u65E5\u672C");
	UTF8(EUC_KR, "\xC7\xD1\xB1\xDB", "\uD55C\uAE00");
	UTF8(X_USER_DEFINED, "a\x80\xFF", "a\uF780\uF7FF");
	UTF8(REPLACEMENT, "<a href=x>", "\uFFFD");
}

/* What is broken is replaced, and what follows is read: nothing swallows markup. */
static void
broken_texts_are_mended(void **state)
{
	(void)state;
	UTF8(UTF_8,
	    "a\xFF"
	    "b\xC3",
	    "a\uFFFDb\uFFFD");
	UTF8(UTF_8, "\xED\xA0\x80|\xF4\x90\x80\x80|\xC0\x80",
	    "\uFFFD\uFFFD\uFFFD|\uFFFD\uFFFD\uFFFD\uFFFD|\uFFFD\uFFFD");
	UTF8(UTF_16LE,
	    "a\0\x00\xD8"
	    "b\0c",
	    "a\uFFFDb\uFFFD");
	UTF8(SHIFT_JIS, "\x81<b>", "\uFFFD<b>");
	UTF8(EUC_JP, "\xC6<b>\xFF", "\uFFFD<b>\uFFFD");
	UTF8(BIG5, "\xA7<b>", "\uFFFD<b>");
	UTF8(GBK, "\xC4<b>", "\uFFFD<b>");
	UTF8(EUC_KR, "\xC7<b>", "\uFFFD<b>");
	UTF8(WINDOWS_1253, "\xAA", "\uFFFD");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(labels_are_those_of_the_encoding_standard),
	    cmocka_unit_test(pages_are_read_in_the_charset_of_html5lib),
	    cmocka_unit_test(style_sheets_have_a_rule_for_their_charset),
	    cmocka_unit_test(every_family_of_charsets_is_read),
	    cmocka_unit_test(broken_texts_are_mended),
	};

	return cmocka_run_group_tests_name("web/charset", tests, NULL, NULL);
}
