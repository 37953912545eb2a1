#define ZLIB_CONST
#include "suite.h"
#include "web/coding.h"
#include <errno.h>
#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

enum { MAX = 64 << 20 };
static struct buf out;

static enum coding_status
decode(const char *coding, struct slice body, uint64_t max)
{
	char *exact = suite_exact(body);
	enum coding_status status;

	buf_clear(&out);
	assert_int_equal(coding_decode(slice_cstr(coding), slice_of(exact, body.len), max,
			     &out, &status),
	    0);
	free(exact);
	return status;
}

static bool
digest_is(struct slice s, struct slice hex)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char d[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)s.ptr, s.len, d);
	for (size_t i = 0; i < sizeof(d); i++)
		if (hex.len != 2 * sizeof(d) || hex.ptr[2 * i] != digits[d[i] >> 4] ||
		    hex.ptr[2 * i + 1] != digits[d[i] & 15])
			return false;
	return true;
}

static void
the_suite_of_codings_decodes(void **state)
{
	static struct suite s;
	json_t *row;
	json_int_t n = 0;

	(void)state;
	if (!suite_open(&s, "http/encodings/manifest.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL) {
		struct slice coding = suite_text(row, "content_encoding");
		char path[200], name[50];
		size_t len;
		char *body;
		enum coding_status status;
		bool bomb = json_is_true(json_object_get(row, "bomb"));

		/* The rows have no number: they are counted. */
		assert_int_equal(json_object_set_new(row, "n", json_integer(++n)), 0);
		(void)snprintf(path, sizeof(path), "http/encodings/%s",
		    json_string_value(json_object_get(row, "file")));
		(void)snprintf(name, sizeof(name), "%.*s", SLICE_ARG(coding));
		body = suite_read(path, &len);
		assert_non_null(body);
		status = decode(name, slice_of(body, len), MAX);
		printf("%s: %s, %zu bytes\n", path, coding_status_name(status), out.len);
		if (bomb)
			suite_case(&s,
			    status == CODING_BOMB &&
				out.len <= len * CODING_RATIO_MAX + CODING_RATIO_FREE);
		else
			suite_case(&s, slice_eq(slice_cstr(coding_status_name(status)),
					   suite_text(row, "status")) &&
					   digest_is(buf_slice(&out),
					       suite_text(row, "decoded_sha256")));
		free(body);
	}
	assert_int_equal(s.ran, 16);
	assert_int_equal(suite_close(&s), 0);
}

/* `window_bits` as deflateInit2() has it. */
static void
compress_to(struct buf *b, struct slice s, int window_bits)
{
	z_stream z = {0};

	assert_int_equal(
	    deflateInit2(&z, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(buf_reserve(b, s.len + 1000), 0);
	z.next_in = (z_const Bytef *)s.ptr;
	z.avail_in = (uInt)s.len;
	z.next_out = (Bytef *)b->ptr + b->len;
	z.avail_out = (uInt)s.len + 1000;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	b->len += s.len + 1000 - z.avail_out;
	assert_int_equal(deflateEnd(&z), Z_OK);
}

/* Text that shrinks to about a third. */
static void
fill(struct buf *b, size_t len)
{
	uint64_t x = 88172645463325252u;

	while (b->len < len) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		assert_int_equal(buf_printf(b, "%04x ", (unsigned)(x >> 33) & 0xffff), 0);
	}
}

static void
members_follow_each_other_and_padding_does_not_count(void **state)
{
	struct buf text, gz;

	(void)state;
	buf_init(&text, MAX);
	buf_init(&gz, MAX);
	fill(&text, 100000);
	compress_to(&gz, buf_slice(&text), 31);
	assert_int_equal(decode("gzip", buf_slice(&gz), MAX), CODING_OK);
	assert_true(slice_eq(buf_slice(&out), buf_slice(&text)));
	compress_to(&gz, SLICE_LIT("more"), 31);
	compress_to(&gz, SLICE_LIT(""), 31);
	compress_to(&gz, SLICE_LIT("and more"), 31);
	assert_int_equal(buf_add(&gz, "\0\0\0\0garbage", 11), 0);
	assert_int_equal(buf_add_cstr(&text, "moreand more"), 0);
	assert_int_equal(decode("X-GZIP", buf_slice(&gz), MAX), CODING_OK);
	assert_true(slice_eq(buf_slice(&out), buf_slice(&text)));
	buf_release(&gz);
	buf_release(&text);
}

static void
a_body_cut_anywhere_gives_what_came_before(void **state)
{
	static const struct {
		const char *coding;
		int window_bits;
	} kinds[] = {{"gzip", 31}, {"deflate", 15}, {"deflate", -15}};
	struct buf text, packed;

	(void)state;
	buf_init(&text, MAX);
	buf_init(&packed, MAX);
	fill(&text, 3000);
	for (size_t k = 0; k < 3; k++) {
		buf_clear(&packed);
		compress_to(&packed, buf_slice(&text), kinds[k].window_bits);
		for (size_t len = 0; len <= packed.len; len++) {
			enum coding_status s =
			    decode(kinds[k].coding, slice_of(packed.ptr, len), MAX);

			assert_int_equal(s,
			    len == 0 || len == packed.len ? CODING_OK : CODING_TRUNCATED);
			assert_true(out.len <= text.len);
			assert_memory_equal(
			    out.ptr == NULL ? "" : out.ptr, text.ptr, out.len);
		}
		assert_int_equal(out.len, text.len);
	}
	buf_release(&packed);
	buf_release(&text);
}

static void
output_is_bounded_to_the_byte(void **state)
{
	struct buf text, gz;

	(void)state;
	buf_init(&text, MAX);
	buf_init(&gz, MAX);
	fill(&text, 50000);
	compress_to(&gz, buf_slice(&text), 31);
	assert_int_equal(decode("gzip", buf_slice(&gz), text.len), CODING_OK);
	assert_int_equal(decode("gzip", buf_slice(&gz), text.len - 1), CODING_TOO_LARGE);
	assert_int_equal(out.len, text.len - 1);
	assert_int_equal(decode("gzip", buf_slice(&gz), 0), CODING_TOO_LARGE);
	assert_int_equal(out.len, 0);
	assert_int_equal(decode("", buf_slice(&text), 10), CODING_TOO_LARGE);
	assert_int_equal(out.len, 10);
	/* Zeros: more than 200 to 1. */
	buf_clear(&gz);
	buf_clear(&text);
	assert_int_equal(buf_reserve(&text, 8 << 20), 0);
	memset(text.ptr, 0, 8 << 20);
	text.len = 8 << 20;
	compress_to(&gz, buf_slice(&text), 31);
	assert_int_equal(decode("gzip", buf_slice(&gz), MAX), CODING_BOMB);
	assert_int_equal(out.len, gz.len * CODING_RATIO_MAX + CODING_RATIO_FREE);
	assert_int_equal(decode("gzip", buf_slice(&gz), 1000), CODING_TOO_LARGE);
	/* And hidden under a second layer. */
	buf_clear(&text);
	compress_to(&text, buf_slice(&gz), 31);
	assert_int_equal(decode("gzip, gzip", buf_slice(&text), MAX), CODING_BOMB);
	buf_release(&gz);
	buf_release(&text);
}

static void
codings_are_told_from_the_header(void **state)
{
	(void)state;
	assert_true(coding_is_identity(SLICE_LIT("")));
	assert_true(coding_is_identity(SLICE_LIT(" Identity , ,identity")));
	assert_false(coding_is_identity(SLICE_LIT("br")));
	assert_false(coding_is_identity(SLICE_LIT("utf-8")));
	assert_int_equal(decode("identity", SLICE_LIT("abc"), MAX), CODING_OK);
	assert_true(slice_eq(buf_slice(&out), SLICE_LIT("abc")));
	assert_int_equal(decode("compress", SLICE_LIT("abc"), MAX), CODING_UNSUPPORTED);
	assert_int_equal(decode("gzip,gzip,gzip,gzip,gzip", SLICE_LIT("abc"), MAX),
	    CODING_UNSUPPORTED);
	assert_int_equal(decode("gzip", SLICE_LIT("<html>"), MAX), CODING_CORRUPT);
	assert_int_equal(
	    decode("br", SLICE_LIT("<html><head><title>x"), MAX), CODING_CORRUPT);
	assert_int_equal(decode("zstd", SLICE_LIT("<html>"), MAX), CODING_CORRUPT);
	assert_int_equal(decode("deflate", SLICE_LIT("<html>"), MAX), CODING_CORRUPT);
	assert_int_equal(out.len, 0);
	assert_int_equal(decode("gzip", SLICE_LIT(""), MAX), CODING_OK);
}

static void
a_flipped_byte_is_told_and_harms_nothing(void **state)
{
	static const char *const files[][2] = {{"html-br.bin", "br"},
	    {"html-gzip.bin", "gzip"}, {"html-zlibdeflate.bin", "deflate"},
	    {"html-rawdeflate.bin", "deflate"},
	    {"html-zstd-streaming-no-content-size.bin", "zstd"},
	    {"html-gzip-deflate-gzip.bin", "gzip, deflate, gzip"}};
	uint64_t seed = 88172645463325252u;
	unsigned bad = 0;

	(void)state;
	for (size_t f = 0; f < sizeof(files) / sizeof(files[0]); f++) {
		char path[200];
		size_t len;
		char *body;

		(void)snprintf(path, sizeof(path), "http/encodings/%s", files[f][0]);
		body = suite_read(path, &len);
		if (body == NULL) {
			printf("skipped: %s is not here\n", path);
			skip();
		}
		for (int i = 0; i < 200; i++) {
			size_t at;
			char was;

			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			at = (seed >> 33) % len;
			was = body[at];
			body[at] = (char)(was ^ (1 << (seed >> 20 & 7)));
			bad += decode(files[f][1], slice_of(body, len), 1 << 20) !=
			       CODING_OK;
			assert_true(out.len <= 1 << 20);
			body[at] = was;
		}
		free(body);
	}
	assert_true(bad > 600);
}

/* A stored block whose padding and length happen to be the two bytes of a zlib head. */
static void
raw_deflate_that_looks_like_zlib_decodes(void **state)
{
	struct slice raw = SLICE_LIT("\x08\x1d\x00\xe2\xff"
				     "0123456789012345678901234567x"
				     "\x03\x00");

	(void)state;
	assert_int_equal(decode("deflate", raw, MAX), CODING_OK);
	assert_true(slice_eq(buf_slice(&out), slice_of(raw.ptr + 5, 29)));
	raw.len--;
	assert_int_equal(decode("deflate", raw, MAX), CODING_CORRUPT);
}

static void
no_room_is_an_error_that_leaves_nothing(void **state)
{
	struct buf small, gz;
	enum coding_status status = CODING_UNSUPPORTED;

	(void)state;
	buf_init(&gz, MAX);
	compress_to(&gz, SLICE_LIT("0123456789"), 31);
	buf_init(&small, 12);
	assert_int_equal(buf_add_cstr(&small, "abc"), 0);
	assert_int_equal(
	    coding_decode(SLICE_LIT("gzip"), buf_slice(&gz), MAX, &small, &status),
	    -EMSGSIZE);
	assert_int_equal(small.len, 3);
	assert_int_equal(status, CODING_UNSUPPORTED);
	assert_int_equal(
	    coding_decode(SLICE_LIT("gzip"), buf_slice(&gz), 9, &small, &status), 0);
	assert_int_equal(status, CODING_TOO_LARGE);
	assert_true(slice_eq(buf_slice(&small), SLICE_LIT("abc012345678")));
	buf_release(&small);
	buf_release(&gz);
}

static int
start(void **state)
{
	(void)state;
	buf_init(&out, MAX);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	buf_release(&out);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_suite_of_codings_decodes),
	    cmocka_unit_test(members_follow_each_other_and_padding_does_not_count),
	    cmocka_unit_test(a_body_cut_anywhere_gives_what_came_before),
	    cmocka_unit_test(output_is_bounded_to_the_byte),
	    cmocka_unit_test(codings_are_told_from_the_header),
	    cmocka_unit_test(a_flipped_byte_is_told_and_harms_nothing),
	    cmocka_unit_test(raw_deflate_that_looks_like_zlib_decodes),
	    cmocka_unit_test(no_room_is_an_error_that_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
