#include "base/buf.h"
#include "web/pdf.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

static int
on_url(void *ctx, struct slice url)
{
	struct buf *b = ctx;

	return buf_printf(b, SLICE_FMT "|", SLICE_ARG(url));
}

/* URLs as "a|b|", of a body in a block of its exact size. */
static void
assert_urls(struct slice pdf, const char *want)
{
	char *body = malloc(pdf.len + (pdf.len == 0));
	struct arena arena;
	struct buf b;

	assert_non_null(body);
	if (pdf.len > 0)
		memcpy(body, pdf.ptr, pdf.len);
	arena_init(&arena, 4096, 64 << 20);
	buf_init(&b, 1 << 20);
	assert_int_equal(pdf_urls(slice_of(body, pdf.len), &arena, on_url, &b), 0);
	assert_string_equal(buf_cstr(&b), want);
	buf_release(&b);
	arena_release(&arena);
	free(body);
}
#define URLS(objects, want) assert_urls(SLICE_LIT("%PDF-1.4\n" objects), want)

static void
finds_the_actions_of_links(void **state)
{
	(void)state;
	URLS("1 0 obj <</Type/Annot/A<</S/URI/URI(http://a.test/)>>>> endobj",
	    "http://a.test/|");
	URLS("<< /URI\n  (x)/S /URI >> << /S /URI % comment (no)\n /URI (y) >>", "x|y|");
	URLS("<</URI (1)>> (/URI) (no) /URI /Next (no) /URI 7 0 R (no) /URIx (no)", "1|");
	URLS("<</URI <</Base (no)>> >> /URI [(no)] /URI true (no) /URI (yes)", "yes|");
	URLS("/URI () /URI (  ) /URI ( z )", "z|");
	assert_urls(SLICE_LIT("%PDF"), "");
	assert_urls(SLICE_LIT("/URI (x)"), "");
	assert_urls(SLICE_LIT("junk before\n%PDF-1.7\n/URI (x)"), "x|");
}

static void
reads_strings_in_all_their_spellings(void **state)
{
	(void)state;
	URLS("/URI (a\\(b\\)(c)\\\\\\101\\7x)", "a(b)(c)\\A\ax|");
	URLS("/URI (a\\\nb\\\r\nc\\d)", "abcd|");
	URLS("/URI <68 7474\n70 3A7> /URI <no", "http:p|");
	URLS("/URI (\xE9) /URI (\xC3\xA9) /URI (\xEF\xBB\xBFx) /URI <FEFF00610416>",
	    "\u00e9|\u00e9|x|a\u0416|");
}

static void
adds_object_stream(struct buf *b, const char *dict, const char *objects)
{
	char packed[1024];
	uLongf len = sizeof(packed);

	assert_int_equal(compress((Bytef *)packed, &len, (const Bytef *)objects,
			     (uLong)strlen(objects)),
	    Z_OK);
	assert_int_equal(
	    buf_printf(b, "1 0 obj\n<< /Length %zu %s >>\nstream\r\n", (size_t)len, dict),
	    0);
	assert_int_equal(buf_add(b, packed, len), 0);
	assert_int_equal(buf_add_cstr(b, "\r\nendstream\nendobj\n"), 0);
}

static void
reads_object_streams_and_no_others(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	assert_int_equal(buf_add_cstr(&b, "%PDF-1.5\n"), 0);
	adds_object_stream(&b, "/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode",
	    "7 0 <</S /URI /URI (in)>> stream");
	adds_object_stream(&b, "/Filter /FlateDecode", "/URI (contents)");
	adds_object_stream(
	    &b, "/Type/ObjStm/Filter[/ASCII85Decode /FlateDecode]", "/URI (otherwise)");
	assert_int_equal(
	    buf_add_cstr(&b,
		"3 0 obj <</Type/ObjStm>>stream\n1 0 <</URI (plain)>> endstream "
		"2 0 obj <<>> stream\n /URI (no) endstream /URI (out)"),
	    0);
	assert_urls(buf_slice(&b), "in|plain|out|");
	/* One that is cut gives what came out of it. */
	buf_clear(&b);
	assert_int_equal(buf_add_cstr(&b, "%PDF-1.5\n"), 0);
	adds_object_stream(&b, "/Type /ObjStm /Filter /FlateDecode",
	    "/URI (first) the quick brown fox jumps over the lazy dog /URI (last)");
	assert_urls(slice_head(buf_slice(&b), b.len - 40), "first|");
	buf_release(&b);
}

static void
encrypted_documents_tell_nothing(void **state)
{
	(void)state;
	URLS("/URI (x) trailer << /Encrypt 5 0 R >>", "");
}

/* What is no PDF in between costs no more than itself. */
static void
goes_on_behind_what_is_broken(void **state)
{
	char text[PDF_URL_BYTES_MAX + 200];
	int n = snprintf(text, sizeof(text), "%%PDF-1.4\n/URI (");

	(void)state;
	memset(text + n, 'x', PDF_URL_BYTES_MAX + 10);
	(void)snprintf(
	    text + n + PDF_URL_BYTES_MAX + 10, 100, ") /URI (y) /URI <zz> /URI (z");
	assert_urls(slice_of(text, strlen(text)), "y|");
	URLS("/URI (a\\", "");
	URLS("/URI <61", "");
	URLS("stream", "");
	URLS("<</Type/ObjStm/Filter/FlateDecode>>stream\nno deflate endstream/URI (x)",
	    "x|");
}

static int
stop(void *ctx, struct slice url)
{
	(void)url;
	return ++*(int *)ctx == 2 ? 77 : 0;
}

static void
stops_when_told_to_and_when_memory_is_out(void **state)
{
	struct slice pdf = SLICE_LIT("%PDF-1.4\n/URI (a) /URI (b) /URI (c)");
	struct arena arena;
	int n = 0;

	(void)state;
	arena_init(&arena, 4096, 1 << 20);
	assert_int_equal(pdf_urls(pdf, &arena, stop, &n), 77);
	assert_int_equal(n, 2);
	arena_release(&arena);
	arena_init(&arena, 16, 0);
	assert_int_equal(pdf_urls(pdf, &arena, stop, &n), -ENOMEM);
	arena_release(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_the_actions_of_links),
	    cmocka_unit_test(reads_strings_in_all_their_spellings),
	    cmocka_unit_test(reads_object_streams_and_no_others),
	    cmocka_unit_test(encrypted_documents_tell_nothing),
	    cmocka_unit_test(goes_on_behind_what_is_broken),
	    cmocka_unit_test(stops_when_told_to_and_when_memory_is_out),
	};

	return cmocka_run_group_tests_name("web/pdf", tests, NULL, NULL);
}
