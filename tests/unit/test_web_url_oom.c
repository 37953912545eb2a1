#define ZLIB_CONST
#include "web/coding.h"
#include "web/http.h"
#include "web/robots.h"
#include "web/sitemap.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <zlib.h>

#include <cmocka.h>

#include "alloc_fail.h"

static void
robots_are_compiled_or_nothing_is_written(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct buf text, blob;
		int r = 0;

		buf_init(&text, 100000);
		buf_init(&blob, ROBOTS_BLOB_MAX);
		r = buf_add_cstr(&text, "User-agent: *\n");
		for (int i = 0; i < 100 && r == 0; i++)
			r = buf_printf(&text, "Disallow: /%d*/x\n", i);
		if (r == 0)
			r = robots_compile(buf_slice(&text), SLICE_LIT("Trawl"), &blob);
		assert_true(r == 0 || r == -ENOMEM);
		if (r == 0)
			assert_true(
			    robots_blob_check(buf_slice(&blob)) &&
			    !robots_match(buf_slice(&blob), SLICE_LIT("/7/x"), NULL));
		else
			assert_int_equal(blob.len, 0);
		buf_release(&text);
		buf_release(&blob);
	}
}

static bool
count(void *ctx, const struct sitemap_entry *e)
{
	*(unsigned *)ctx += e->loc.len > 0;
	return true;
}

static void
sitemaps_are_read_or_out_of_memory(void **state)
{
	struct slice text =
	    SLICE_LIT("<?xml version='1.0' encoding='latin1'?><urlset><url><loc>"
		      "http://h/?\xe9&b</loc></url></urlset>");

	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct sitemap_result result = {.entries = 77};
		unsigned told = 0;
		int r =
		    sitemap_parse(text, (struct slice){0}, NULL, count, &told, &result);

		assert_true(r == 0 || r == -ENOMEM);
		if (r != 0)
			assert_int_equal(result.entries, 77);
		else
			assert_true(result.status == SITEMAP_OK && told == 1);
	}
}

static size_t
packed(char *to, size_t cap, const char *from, size_t len)
{
	z_stream z = {0};

	assert_int_equal(
	    deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (const Bytef *)from;
	z.avail_in = (uInt)len;
	z.next_out = (Bytef *)to;
	z.avail_out = (uInt)cap;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(deflateEnd(&z), Z_OK);
	return cap - z.avail_out;
}

static void
codings_are_undone_or_nothing_is_written(void **state)
{
	char once[200], twice[200];
	size_t once_len = packed(once, sizeof(once), "0123456789", 10);
	size_t twice_len = packed(twice, sizeof(twice), once, once_len);

	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		enum coding_status status = CODING_UNSUPPORTED;
		struct buf out;
		int r;

		buf_init(&out, 1000);
		r = coding_decode(SLICE_LIT("gzip, gzip"), slice_of(twice, twice_len),
		    1000, &out, &status);
		if (r == 0) {
			assert_int_equal(status, CODING_OK);
			assert_true(slice_eq(buf_slice(&out), SLICE_LIT("0123456789")));
		} else {
			assert_int_equal(r, -ENOMEM);
			assert_int_equal(out.len, 0);
			assert_int_equal(status, CODING_UNSUPPORTED);
		}
		buf_release(&out);
	}
}

static void
keys_and_joined_fields_are_whole_or_absent(void **state)
{
	char text[100];
	struct url u;

	(void)state;
	assert_int_equal(url_resolve(NULL, SLICE_LIT("http://h.example/a?c=1&b=2"),
			     (struct slice){0}, 0, text, sizeof(text), &u),
	    URL_OK);
	for (int n = 0; alloc_fail_round(n); n++) {
		struct buf key, joined;
		int r;

		buf_init(&key, 100);
		buf_init(&joined, 100);
		r = url_surt(&u, &key);
		assert_int_equal(r != 0, key.len == 0);
		assert_true(r == 0 || r == -ENOMEM);
		r = http_header_join(
		    SLICE_LIT("HTTP/1.1 200\nA: 1\nA: 2\n"), SLICE_LIT("a"), &joined);
		assert_int_equal(joined.len, r == 0 ? 4 : 0);
		buf_release(&key);
		buf_release(&joined);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(robots_are_compiled_or_nothing_is_written),
	    cmocka_unit_test(sitemaps_are_read_or_out_of_memory),
	    cmocka_unit_test(codings_are_undone_or_nothing_is_written),
	    cmocka_unit_test(keys_and_joined_fields_are_whole_or_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
