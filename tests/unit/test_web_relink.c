/* A page taken apart at its links: each is told, and nothing else changes. */
#include "base/buf.h"
#include "web/relink.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct env {
	struct arena arena, scratch;
	struct buf out, ref;
	bool refuse;
	struct relink_conf conf;
};

/* What is not of a scheme that we know stays; links become [REF|form]. */
static int
is_link(void *ctx, struct slice ref)
{
	struct env *e = ctx;

	if (e->refuse || slice_starts(ref, SLICE_LIT("javascript:")) || ref.ptr[0] == '#')
		return 0;
	buf_clear(&e->ref);
	assert_int_equal(buf_add_slice(&e->ref, ref), 0);
	return 1;
}

static int
on_link(void *ctx, unsigned form)
{
	struct env *e = ctx;

	return buf_printf(&e->out, "[%.*s|%u]", (int)e->ref.len, e->ref.ptr, form);
}

static int
on_same(void *ctx, struct slice bytes)
{
	struct env *e = ctx;

	return buf_add_slice(&e->out, bytes);
}

static const struct relink_ops ops = {is_link, on_link, on_same};

static int
up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	arena_init(&e->arena, 1 << 16, SIZE_MAX);
	arena_init(&e->scratch, 1 << 12, SIZE_MAX);
	buf_init(&e->out, 1 << 24);
	buf_init(&e->ref, 1 << 20);
	e->conf = (struct relink_conf){.ops = &ops,
	    .ctx = e,
	    .arena = &e->arena,
	    .scratch = &e->scratch,
	    .charset = CHARSET_UTF_8};
	*state = e;
	return 0;
}

static int
down(void **state)
{
	struct env *e = *state;

	arena_release(&e->arena);
	arena_release(&e->scratch);
	buf_release(&e->out);
	buf_release(&e->ref);
	free(e);
	return 0;
}

static const char *
html(struct env *e, const char *text)
{
	buf_clear(&e->out);
	assert_int_equal(relink_html(slice_cstr(text), &e->conf), 0);
	return buf_cstr(&e->out);
}

static const char *
css(struct env *e, const char *text)
{
	buf_clear(&e->out);
	assert_int_equal(relink_css(slice_cstr(text), &e->conf), 0);
	return buf_cstr(&e->out);
}

struct row {
	const char *in, *out;
};

static void
each(struct env *e, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_string_equal(html(e, rows[i].in), rows[i].out);
}
#define EACH(e, rows) each(e, rows, sizeof(rows) / sizeof((rows)[0]))

static void
links_of_elements_are_told(void **state)
{
	static const struct row rows[] = {
	    {"<a href=\"x\">", "<a href=\"[x|1]\">"},
	    {"<A HREF='x'  id=1>", "<A HREF='[x|1]'  id=1>"},
	    {"<a href=x>", "<a href=[x|1]>"},
	    {"<a href = \" x \n\">", "<a href = \" [x|1] \n\">"},
	    {"<img src=a alt=b>", "<img src=[a|1] alt=b>"},
	    {"<img srcset='a 1x, b,c 2x'>", "<img srcset='[a|5] 1x, [b,c|5] 2x'>"},
	    {"<source src=s srcset=t>", "<source src=[s|1] srcset=[t|5]>"},
	    {"<link rel=stylesheet href=a>", "<link rel=stylesheet href=[a|1]>"},
	    {"<link rel=canonical href=a>", "<link rel=canonical href=[a|9]>"},
	    {"<link rel=preload imagesrcset='a 1x'>",
		"<link rel=preload imagesrcset='[a|5] 1x'>"},
	    {"<form method=post action=a>", "<form method=post action=[a|1]>"},
	    {"<button formaction=a>", "<button formaction=[a|1]>"},
	    {"<iframe src=a></iframe>", "<iframe src=[a|1]></iframe>"},
	    {"<a ping='a b' href=c>", "<a ping='[a|9] [b|9]' href=[c|1]>"},
	    {"<svg><use xlink:href='a#b'/></svg>",
		"<svg><use xlink:href='[a#b|1]'/></svg>"},
	    {"<svg><rect fill='url(a)'/></svg>", "<svg><rect fill='url([a|3])'/></svg>"},
	    {"<td background=a>", "<td background=[a|1]>"},
	    {"<object data=a>", "<object data=[a|1]>"},
	};

	EACH(*state, rows);
}

static void
what_is_no_link_stays(void **state)
{
	static const char *const texts[] = {"", "text", "<!-- <a href=x> -->",
	    "<script>var a = '<a href=x>'</script>", "<textarea><a href=x></textarea>",
	    "<a href=''>", "<a href>", "<a href=\"javascript:f(&quot;x&quot;)\">",
	    "<a href='#x'>", "<div href=x>", "<style>.a { b: url(#c) }</style>",
	    "<style type=text/x>url(a)</style>", "<p title='<a href=x>'>", "<a href=\"x",
	    "<meta content='0; url=x'>", "<style></style>url(a)",
	    "a & b < c &amp; d\r\n\v"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_string_equal(html(*state, texts[i]), texts[i]);
}

static void
values_with_references_are_told_decoded(void **state)
{
	static const struct row rows[] = {
	    {"<a href='?a&amp;b'>", "<a href='[?a&b|1]'>"},
	    {"<a href=?a&amp;b>", "<a href=\"[?a&b|1]\">"},
	    {"<p style='a:url(&quot;b&quot;)'>", "<p style='a:url(&quot;[b|3]&quot;)'>"},
	    {"<img srcset='a&amp;b 1x, c 2x'>", "<img srcset='[a&b|5] 1x, [c|5] 2x'>"},
	    {"<meta http-equiv=refresh content='1;url=a&amp;b'>",
		"<meta http-equiv=refresh content='1;url=[a&b|1]'>"},
	};

	EACH(*state, rows);
}

static void
styles_are_told(void **state)
{
	static const struct row rows[] = {
	    {"<p style='background: url( a )'>", "<p style='background: url( [a|3] )'>"},
	    {"<style>@import 'a'; b { c: url(d) url(\"e\") }</style>",
		"<style>@import '[a|2]'; b { c: url([d|2]) url(\"[e|2]\") }</style>"},
	    {"<svg><style>b { c: url(d) }</style></svg>",
		"<svg><style>b { c: url([d|3]) }</style></svg>"},
	};
	struct env *e = *state;

	EACH(e, rows);
	assert_string_equal(css(e, "a{b:url( 'c' )} /* url(d) */ @import \"e\" print;"),
	    "a{b:url( '[c|2]' )} /* url(d) */ @import \"[e|2]\" print;");
	assert_string_equal(css(e, "a{b:url(c\\)d)}"), "a{b:url([c)d|2])}");
	assert_string_equal(css(e, "@namespace url(x); a{b:image-set('c' 1x)}"),
	    "@namespace url(x); a{b:image-set('[c|2]' 1x)}");
}

static void
what_would_not_work_from_elsewhere_goes(void **state)
{
	static const struct row rows[] = {
	    {"<base href='/x/' target=_top>", "<base href='' target=_top>"},
	    {"<base href=/x/>", "<base href=\"\">"},
	    {"<script src=a integrity='sha1-x' crossorigin async>",
		"<script src=[a|1]   async>"},
	    {"<link href=a crossorigin=\"\" integrity=b>", "<link href=[a|1]  >"},
	    {"<meta http-equiv=Content-Security-Policy content=\"x\">",
		"<meta http-equiv=Content-Security-Policy content=\"\">"},
	    {"<p integrity=x>", "<p integrity=x>"},
	};

	EACH(*state, rows);
}

static void
a_charset_that_only_the_server_knew_is_declared(void **state)
{
	struct env *e = *state;

	e->conf.charset = CHARSET_ISO_8859_2;
	e->conf.http_charset = SLICE_LIT("iso-8859-2");
	assert_string_equal(html(e, "<!DOCTYPE html><html><head><title>\xe6"),
	    "<!DOCTYPE html><html><head><meta charset=\"ISO-8859-2\"><title>\xe6");
	assert_string_equal(html(e, "<head id=x><p>\xe6"),
	    "<head id=x><meta charset=\"ISO-8859-2\"><p>\xe6");
	assert_string_equal(html(e, "\xe6"), "<meta charset=\"ISO-8859-2\">\xe6");
	assert_string_equal(
	    html(e, "<meta charset=iso-8859-2>\xe6"), "<meta charset=iso-8859-2>\xe6");
	assert_string_equal(html(e, "<meta charset=utf-8>\xe6"),
	    "<meta charset=\"ISO-8859-2\"><meta charset=utf-8>\xe6");
	assert_string_equal(html(e, "<p>ascii"), "<p>ascii");
	assert_string_equal(css(e, "a{b:'\xe6'}"), "@charset \"ISO-8859-2\";a{b:'\xe6'}");
	e->conf.charset = CHARSET_UTF_8;
	e->conf.http_charset = (struct slice){0};
	assert_string_equal(
	    html(e, "<p>\xc3\xbc"), "<meta charset=\"UTF-8\"><p>\xc3\xbc");
	assert_string_equal(html(e, "\xef\xbb\xbf<p>\xc3\xbc<a href=a>"),
	    "\xef\xbb\xbf<p>\xc3\xbc<a href=[a|1]>");
}

static void
letters_of_another_charset_are_told_as_utf8(void **state)
{
	struct env *e = *state;

	e->conf.charset = CHARSET_WINDOWS_1252;
	assert_string_equal(
	    html(e, "<a href=\"\xe4\">\xe4"), "<a href=\"[\xc3\xa4|1]\">\xe4");
	assert_string_equal(html(e, "<p style='a:\"\xe4\" url(b)'>"),
	    "<p style='a:&quot;&#228;&quot; url([b|3])'>");
}

static void
utf16_becomes_utf8(void **state)
{
	static const char text[] = "\xff\xfe<\0a\0 \0h\0r\0e\0f\0=\0x\0>\0\xe4\0";
	struct env *e = *state;

	e->conf.charset = CHARSET_UTF_16LE;
	assert_int_equal(relink_html(slice_of(text, sizeof(text) - 1), &e->conf), 0);
	assert_string_equal(buf_cstr(&e->out), "\xef\xbb\xbf<a href=[x|1]>\xc3\xa4");
	e->conf.is_xml = true;
	assert_int_equal(
	    relink_html(slice_of(text, sizeof(text) - 1), &e->conf), -ENOTSUP);
}

static void
xml_is_read_as_xml(void **state)
{
	struct env *e = *state;

	e->conf.is_xml = true;
	assert_string_equal(
	    html(e, "<html><style/><p>url(a)</p><script/><a href='b&amp;c'/>"),
	    "<html><style/><p>url(a)</p><script/><a href='[b&c|1]'/>");
	assert_string_equal(html(e, "<p>\xc3\xbc"), "<p>\xc3\xbc");
}

/* Whatever the page is: without links it is told byte by byte as it was. */
static void
soup_stays_what_it_was(void **state)
{
	static const char *const parts[] = {"<a href=", "x", "\"", "'", ">", "<", "</a",
	    " ", "<style>", "</style>", "url(", ")", "@import", "<svg>",
	    "srcset=", "&amp;", "/", "<!--", "-->", "style=", "\\",
	    "<meta http-equiv=refresh content=", "0;url=", "\n", "<img ", "=", ",",
	    "<title>", "<base href=", "\xc3\xbc", "<script>", "\r", "#"};
	struct env *e = *state;
	uint64_t seed = 88172645463325252u;
	char text[2048];

	for (int round = 0; round < 20000; round++) {
		size_t len = 0;

		for (int i = 0; i < 40; i++) {
			const char *p;

			seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
			p = parts[seed % (sizeof(parts) / sizeof(parts[0]))];
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", p);
		}
		e->refuse = (round & 1) != 0;
		buf_clear(&e->out);
		assert_int_equal(relink_html(slice_of(text, len), &e->conf), 0);
		/* These are changed without a link, too. */
		if (e->refuse && strstr(text, "<base") == NULL &&
		    strstr(text, "&amp;") == NULL && strstr(text, "\xc3") == NULL)
			assert_true(slice_eq(buf_slice(&e->out), slice_of(text, len)));
		buf_clear(&e->out);
		assert_int_equal(relink_css(slice_of(text, len), &e->conf), 0);
		if (e->refuse)
			assert_true(slice_eq(buf_slice(&e->out), slice_of(text, len)));
		arena_reset(&e->arena);
	}
}

/* The page ends where the memory does. */
static void
nothing_behind_a_page_is_read(void **state)
{
	static const char text[] = "<img crossorigin>";
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), n = sizeof(text) - 1;
	struct env *e = *state;
	char *map = mmap(
	    NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct slice body;

	assert_true(map != MAP_FAILED);
	assert_int_equal(mprotect(map + page, page, PROT_NONE), 0);
	memcpy(map + page - n, text, n);
	body = slice_of(map + page - n, n);
	assert_int_equal(relink_html(body, &e->conf), 0);
	assert_string_equal(buf_cstr(&e->out), "<img >");
	assert_int_equal(munmap(map, 2 * page), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(links_of_elements_are_told),
	    TEST(what_is_no_link_stays),
	    TEST(values_with_references_are_told_decoded),
	    TEST(styles_are_told),
	    TEST(what_would_not_work_from_elsewhere_goes),
	    TEST(a_charset_that_only_the_server_knew_is_declared),
	    TEST(letters_of_another_charset_are_told_as_utf8),
	    TEST(utf16_becomes_utf8),
	    TEST(xml_is_read_as_xml),
	    TEST(soup_stays_what_it_was),
	    TEST(nothing_behind_a_page_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
