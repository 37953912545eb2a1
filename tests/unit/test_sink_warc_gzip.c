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
#include <stdio.h>
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
			for (int kind = WARC_GZIP_ANY; kind <= WARC_GZIP_MARKUP; kind++) {
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

/* The i-th page of a site; its length. */
static size_t
fill_with_page(unsigned i)
{
	static const char *const words[] = {"harbour", "tide", "the", "of", "lantern",
	    "and", "weather", "Captain", "12", "a", "north", "quay", "keel"};
	uint64_t x = 88172645463325252 + i;
	size_t n = (size_t)snprintf(text, TEXT_MAX,
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>Page %u</title>\n", i);

	while (n < 9000) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		n += (size_t)snprintf(text + n, TEXT_MAX - n,
		    x % 7 == 0 ? "<a href=\"/%02u/%s.html\">%s</a>\n"
			       : "<b>%02u</b> %s %s ",
		    (unsigned)(x >> 8) % 100, words[(x >> 16) % 13],
		    words[(x >> 24) % 13]);
	}
	return n;
}

static size_t
member(size_t text_bytes, enum warc_gzip_text kind)
{
	buf_clear(&out);
	assert_int_equal(warc_gzip_whole(g, slice_of(text, text_bytes), kind, &out), 0);
	assert_comes_back(0, text_bytes);
	return out.len;
}

/* ISA-L's level 0 has the code at the beginning, behind ten bytes of head and three bits. */
static bool
has_shared_code(void)
{
	return memcmp(out.ptr + 11, g->markup.deflate_hdr + 1, 40) == 0;
}

static void
pages_of_a_site_share_a_code_and_are_hardly_larger(void **state)
{
	size_t with_own = 0, with_shared = 0;
	unsigned shared = 0;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		size_t n = fill_with_page(i);

		with_own += member(n, WARC_GZIP_ANY);
		with_shared += member(n, WARC_GZIP_MARKUP);
		shared += has_shared_code();
	}
	assert_int_equal(shared, 200 - MARKUPS_UNTIL_LEARNT);
	assert_true(with_shared < with_own + with_own / 25);
}

static void
no_code_outlives_the_site_that_it_was_learnt_from(void **state)
{
	static char first[2][20000];
	size_t len[2];

	(void)state;
	for (int round = 0; round < 2; round++) {
		len[round] = member(fill_with_page(0), WARC_GZIP_MARKUP);
		assert_true(len[round] <= sizeof(first[round]));
		memcpy(first[round], out.ptr, len[round]);
		for (unsigned i = 1; i < 50; i++)
			(void)member(fill_with_page(i), WARC_GZIP_MARKUP);
		assert_true(has_shared_code());
		warc_gzip_forget(g);
	}
	assert_int_equal(len[0], len[1]);
	assert_memory_equal(first[0], first[1], len[0]);
	/* The next site's is as if there had been none before. */
	for (unsigned i = 1; i < MARKUPS_UNTIL_LEARNT; i++) {
		(void)member(fill_with_page(i), WARC_GZIP_MARKUP);
		assert_false(g->has_markup);
	}
}

/* Letters of which each is as frequent as the two before it together have the longest codes. */
static void
fill_with_rare_letters(void)
{
	size_t n = 0, last = 1, next = 1;

	for (unsigned char c = 0; n < TEXT_MAX; c++) {
		for (size_t i = 0; i < last && n < TEXT_MAX; i++)
			text[n++] = (char)(c * 37);
		next += last;
		last = next - last;
	}
	for (size_t i = TEXT_MAX - 1; i > 0; i--) { /* mixed, so that they are letters */
		size_t k = i * 2654435761u % (i + 1);
		char c = text[i];

		text[i] = text[k];
		text[k] = c;
	}
}

static void
a_code_learnt_from_one_text_serves_any_other(void **state)
{
	static const size_t lens[] = {1537, 9000, 65536, 65537};

	(void)state;
	for (int learnt = 0; learnt < 4; learnt++) {
		for (int i = 0; i < MARKUPS_UNTIL_LEARNT + 1; i++) {
			if (learnt == 0)
				memset(text, 'a', TEXT_MAX);
			else if (learnt == 1)
				fill_at_random();
			else if (learnt == 2)
				fill_with_rare_letters();
			else
				fill_with_words();
			(void)member(60000, WARC_GZIP_MARKUP);
		}
		for (int other = 0; other < 4; other++) {
			if (other == 0)
				memset(text, 'b', TEXT_MAX);
			else if (other == 1)
				fill_at_random();
			else if (other == 2)
				fill_with_rare_letters();
			else
				fill_with_words();
			for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
				assert_true(
				    member(lens[i], WARC_GZIP_MARKUP) <=
				    lens[i] + WRAP_MAX + 5 * (lens[i] / 65535 + 1));
		}
		warc_gzip_forget(g);
	}
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
	for (int i = 0; i < 50; i++)
		(void)member(7000, WARC_GZIP_MARKUP);
	assert_false(is_zero(&g->markup, sizeof(g->markup)));
	assert_false(is_zero(&g->seen, sizeof(g->seen)));
	warc_gzip_forget(g);
	assert_true(is_zero(&g->markup, sizeof(g->markup)));
	assert_true(is_zero(&g->seen, sizeof(g->seen)));
	assert_true(is_zero(&g->z, sizeof(g->z)));
	assert_true(is_zero(g->memory, sizeof(g->memory)));
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
	for (int i = 0; i < MARKUPS_UNTIL_LEARNT + 1; i++) {
		buf_clear(&out);
		assert_int_equal(
		    warc_gzip_whole(g, slice_of(text, 7000), WARC_GZIP_MARKUP, &out), 0);
		assert_false(upper_halves_are_used());
	}
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
		pages_of_a_site_share_a_code_and_are_hardly_larger, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		no_code_outlives_the_site_that_it_was_learnt_from, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_code_learnt_from_one_text_serves_any_other, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		nothing_is_left_when_it_forgets, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		vector_registers_are_left_as_others_want_them, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
