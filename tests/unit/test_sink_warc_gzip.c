/* Members of gzip: what zlib makes of them again, and how long they are. */
#include "base/buf.h"
#ifdef __x86_64__
#include <cpuid.h>
#endif
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

#include "sink/warc_gzip.c" /* also what its memory holds is looked at */

enum { TEXT_MAX = 300000, OUT_MAX = 2 << 20, WRAP_MAX = 18 };

static char text[TEXT_MAX];
static struct warc_gzip *g;
static struct buf out;

static void
fill_with_words(void)
{
	for (size_t i = 0, n = 0; i < TEXT_MAX; i++) {
		if (i % 61 == 60)
			n++;
		text[i] = (char)("outlink: http://docs.example/a.html L a\r\nvia: "
			[(i * (n % 7 + 1) + n) % 47]);
	}
}

static void
fill_at_random(void)
{
	uint64_t x = 88172645463325252;

	for (size_t i = 0; i < TEXT_MAX; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		text[i] = (char)(x >> 32);
	}
}

static int
setup(void **state)
{
	(void)state;
	fill_with_words();
	buf_init(&out, OUT_MAX);
	return warc_gzip_new(&g);
}

static int
teardown(void **state)
{
	(void)state;
	warc_gzip_free(g);
	buf_release(&out);
	return 0;
}

/* One member, and no byte behind it. */
static void
assert_comes_back(size_t at, size_t len)
{
	static char again[TEXT_MAX + 1];
	z_stream z = {.next_in = (Bytef *)out.ptr + at,
	    .avail_in = (uInt)(out.len - at),
	    .next_out = (Bytef *)again,
	    .avail_out = sizeof(again)};

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	assert_int_equal(z.total_out, len);
	assert_memory_equal(again, text, len);
	assert_int_equal(inflateEnd(&z), Z_OK);
}

static void
texts_of_all_lengths_come_back(void **state)
{
	static const size_t lens[] = {0, 1, 2, 7, 300, 1535, 1536, 1537, 4000, 8191, 8192,
	    8193, 16000, 65535, 65536, 65537, 200000, TEXT_MAX};

	(void)state;
	for (int random = 0; random < 2; random++) {
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
			for (int kind = WARC_GZIP_ANY; kind <= WARC_GZIP_FIELDS; kind++) {
				size_t at = out.len;

				assert_int_equal(
				    warc_gzip_whole(g, slice_of(text, lens[i]),
					(enum warc_gzip_text)kind, &out),
				    0);
				assert_comes_back(at, lens[i]);
				assert_true(
				    out.len - at <=
				    lens[i] + WRAP_MAX + 5 * (lens[i] / 65535 + 1));
				buf_clear(&out);
				assert_int_equal(buf_add_cstr(&out, "before it"), 0);
			}
		fill_at_random(); /* which cannot get smaller */
	}
}

static void
pieces_of_any_length_are_one_member(void **state)
{
	static const size_t steps[] = {1000, 65536, 131072, TEXT_MAX};

	(void)state;
	for (int random = 0; random < 2; random++) {
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			struct slice rest = slice_of(text, TEXT_MAX);

			buf_clear(&out);
			warc_gzip_begin(g);
			while (rest.len > 0) {
				struct slice piece = slice_head(rest, steps[i]);

				rest = slice_from(rest, piece.len);
				/* The end comes with the last piece, or alone. */
				assert_int_equal(warc_gzip_piece(g, piece,
						     rest.len == 0 && i % 2 == 0, &out),
				    0);
			}
			if (i % 2 != 0)
				assert_int_equal(
				    warc_gzip_piece(g, (struct slice){0}, true, &out), 0);
			assert_comes_back(0, TEXT_MAX);
		}
		fill_at_random();
	}
}

static void
whole_and_pieces_may_follow_each_other(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		buf_clear(&out);
		warc_gzip_begin(g); /* and given up */
		assert_int_equal(
		    warc_gzip_piece(g, slice_of(text, 5000), false, &out), 0);
		buf_clear(&out);
		assert_int_equal(warc_gzip_whole(g, slice_of(text, 20000),
				     i % 2 == 0 ? WARC_GZIP_ANY : WARC_GZIP_FIELDS, &out),
		    0);
		assert_comes_back(0, 20000);
	}
}

static void
a_maximum_is_kept(void **state)
{
	struct buf small;

	(void)state;
	fill_at_random();
	buf_init(&small, 70000);
	assert_int_equal(buf_add(&small, "before", 6), 0);
	assert_int_equal(
	    warc_gzip_whole(g, slice_of(text, 70000), WARC_GZIP_ANY, &small), -EMSGSIZE);
	assert_int_equal(small.len, 6);
	warc_gzip_begin(g);
	assert_int_equal(
	    warc_gzip_piece(g, slice_of(text, TEXT_MAX), true, &small), -EMSGSIZE);
	assert_true(small.len <= 70000);
	buf_release(&small);
}

static void
texts_of_fields_are_small_without_a_code_of_their_own(void **state)
{
	static const char head[] =
	    "WARC/1.1\r\nWARC-Type: request\r\n"
	    "WARC-Record-ID: <urn:uuid:01234567-89ab-4cde-8f01-23456789abcd>\r\n"
	    "WARC-Warcinfo-ID: <urn:uuid:6c2d8e1f-0b7a-49d3-a5f4-7e1908b6c3d2>\r\n"
	    "WARC-Concurrent-To: <urn:uuid:f1e2d3c4-b5a6-4798-8a9b-0c1d2e3f4051>\r\n"
	    "WARC-Target-URI: http://127.0.0.1:18080/00/page00017.html\r\n"
	    "WARC-Date: 2026-11-26T19:16:41Z\r\nWARC-IP-Address: 127.0.0.1\r\n"
	    "WARC-Protocol: http/1.1\r\n"
	    "WARC-Block-Digest: sha1:B2LTWWPUOYAH7UIPQ7ZUPQ4VMBSVC36A\r\n"
	    "Content-Type: application/http;msgtype=request\r\n"
	    "Content-Length: 170\r\n\r\n"
	    "GET /00/page00017.html HTTP/1.1\r\nHost: 127.0.0.1:18080\r\n"
	    "User-Agent: Mozilla/5.0 (compatible; ExampleBot/2.1)\r\nAccept: */*\r\n"
	    "Accept-Encoding: gzip, deflate, br, zstd\r\n\r\n\r\n\r\n";
	size_t n = sizeof(head) - 1;
	uLongf zlib = compressBound(n);
	Bytef *other = malloc(zlib);

	(void)state;
	assert_non_null(other);
	assert_int_equal(compress2(other, &zlib, (const Bytef *)head, n, 6), Z_OK);
	assert_int_equal(
	    warc_gzip_whole(g, slice_of(head, n), WARC_GZIP_FIELDS, &out), 0);
	assert_true(out.len < zlib + zlib / 6);
	free(other);
}

static bool
is_zero(const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((const char *)p)[i] != 0)
			return false;
	return true;
}

static void
nothing_is_left_when_it_forgets(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		buf_clear(&out);
		if (i == 0) {
			warc_gzip_begin(g);
			assert_int_equal(
			    warc_gzip_piece(g, slice_of(text, TEXT_MAX), true, &out), 0);
		} else {
			assert_int_equal(
			    warc_gzip_whole(g, slice_of(text, 7000),
				i == 1 ? WARC_GZIP_ANY : WARC_GZIP_FIELDS, &out),
			    0);
		}
		assert_false(is_zero(&g->z, sizeof(g->z)));
		warc_gzip_forget(g);
		assert_true(is_zero(&g->z, sizeof(g->z)));
		assert_true(is_zero(g->memory, sizeof(g->memory)));
	}
}

#ifdef __x86_64__

/* Whether the upper halves of the vector registers are in use; XGETBV with ECX = 1 tells. */
static bool
upper_halves_are_used(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1) : "memory");
	return (low & 1u << 2) != 0;
}

/* A processor may say always that they are. */
static bool
processor_tells(void)
{
	uint32_t a = 0, b = 0, c = 0, d = 0;

	if (!__builtin_cpu_supports("avx") ||
	    __get_cpuid_count(0xd, 1, &a, &b, &c, &d) == 0 || (a & 1u << 2) == 0)
		return false;
	vectors_leave();
	return !upper_halves_are_used();
}

static void
vector_registers_are_left_as_others_want_them(void **state)
{
	struct warc_gzip *another = NULL;

	(void)state;
	if (!processor_tells())
		skip();
	assert_int_equal(warc_gzip_new(&another), 0);
	assert_false(upper_halves_are_used());
	warc_gzip_free(another);
	assert_int_equal(
	    warc_gzip_whole(g, slice_of(text, 7000), WARC_GZIP_FIELDS, &out), 0);
	assert_false(upper_halves_are_used());
	assert_int_equal(
	    warc_gzip_whole(g, slice_of(text, 7000), WARC_GZIP_ANY, &out), 0);
	assert_false(upper_halves_are_used());
	warc_gzip_begin(g);
	assert_int_equal(warc_gzip_piece(g, slice_of(text, TEXT_MAX), true, &out), 0);
	assert_false(upper_halves_are_used());
}

#else

static void
vector_registers_are_left_as_others_want_them(void **state)
{
	(void)state;
	skip();
}

#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		texts_of_all_lengths_come_back, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		pieces_of_any_length_are_one_member, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		whole_and_pieces_may_follow_each_other, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_maximum_is_kept, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		texts_of_fields_are_small_without_a_code_of_their_own, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		nothing_is_left_when_it_forgets, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		vector_registers_are_left_as_others_want_them, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
