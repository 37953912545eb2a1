#include "base/buf.h"
#include "web/words.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void
assert_words(const char *text, const char *want)
{
	struct slice rest = slice_cstr(text);
	struct word w;
	struct buf b;

	buf_init(&b, 4096);
	while (word_next(&rest, &w))
		assert_int_equal(buf_printf(&b, SLICE_FMT "%s", SLICE_ARG(w.text),
				     w.is_char ? "'" : "|"),
		    0);
	assert_string_equal(buf_cstr(&b), want);
	buf_release(&b);
}

static void
words_are_runs_of_letters_and_digits(void **state)
{
	(void)state;
	assert_words("One, two--3 (x2)", "One|two|3|x2|");
	assert_words("", "");
	assert_words(" .,; ", "");
	assert_words("don't e-mail", "don|t|e|mail|");
	assert_words("na\xc3\xafve \xd0\xbc\xd0\xb8\xd1\x80",
	    "na\xc3\xafve|\xd0\xbc\xd0\xb8\xd1\x80|");
	/* no-break space, guillemets, dashes, quotation marks, full-width stop */
	assert_words("a\xc2\xa0"
		     "b\xc2\xab"
		     "c\xe2\x80\x94"
		     "d\xe2\x80\x9d"
		     "e\xef\xbc\x8e",
	    "a|b|c|d|e|");
	assert_words("\xc2\xb5m", "\xc2\xb5m|");
}

static void
scripts_without_spaces_have_a_word_a_character(void **state)
{
	(void)state;
	assert_words("\xe6\xbc\xa2\xe5\xad\x97x", "\xe6\xbc\xa2'\xe5\xad\x97'x|");
	assert_words(
	    "x\xe3\x81\x82\xe3\x80\x82\xe0\xb8\x81", "x|\xe3\x81\x82'\xe0\xb8\x81'");
	assert_words("\xed\x95\x9c\xea\xb5\xad",
	    "\xed\x95\x9c\xea\xb5\xad|"); /* Korean has spaces */
	assert_words("\xf0\xa0\x80\x80", "\xf0\xa0\x80\x80'");
	assert_int_equal(words_count(SLICE_LIT("a b \xe6\xbc\xa2\xe5\xad\x97")), 3);
	assert_int_equal(words_count(SLICE_LIT("\xe6\xbc\xa2")), 1);
	assert_int_equal(words_count(SLICE_LIT("")), 0);
}

static void
broken_text_is_stepped_through(void **state)
{
	static const char bytes[] = "a\xe3\x81 \xe3\xff\xf0\xa0\x80\xc2";

	(void)state;
	for (size_t n = 0; n <= sizeof(bytes) - 1; n++) {
		char *exact = malloc(n + 1);
		struct slice rest;
		size_t words = 0, sum = 0;
		struct word w;

		assert_non_null(exact);
		memcpy(exact, bytes, n);
		rest = slice_of(exact, n);
		while (word_next(&rest, &w)) {
			assert_true(w.text.len > 0);
			sum += w.text.len;
			words++;
		}
		assert_true(sum <= n && words <= 2);
		assert_int_equal(words > 0, n > 0);
		free(exact);
	}
}

static uint64_t
fingerprint(const char *text)
{
	uint64_t f = 0;

	assert_true(simhash64(slice_cstr(text), &f));
	return f;
}

/* `n` words of a language of 500 words; every `change`-th is another. */
static void
prose(struct buf *b, uint32_t seed, size_t n, size_t change)
{
	buf_clear(b);
	for (size_t i = 0; i < n; i++) {
		uint32_t x;

		seed = seed * 1664525u + 1013904223u;
		x = (seed >> 16) % 500;
		if (change != 0 && i % change == change / 2)
			x += 1000;
		assert_int_equal(
		    buf_printf(b, "w%u%s", x, i % 12 == 11 ? ".\n" : " "), 0);
	}
}

static void
the_fingerprint_is_of_the_words_alone(void **state)
{
	uint64_t f;

	(void)state;
	assert_true(
	    fingerprint("One two three four") == fingerprint("one TWO, three\n\nfour!"));
	assert_true(
	    fingerprint("one two three four") != fingerprint("two one three four"));
	assert_true(fingerprint("one") != fingerprint("two"));
	assert_true(fingerprint("one two") != fingerprint("two one"));
	assert_false(simhash64(SLICE_LIT(""), &f));
	assert_false(simhash64(SLICE_LIT(" ... \xe2\x80\x94"), &f));
	/* It is what it is, for it is compared with that of other crawls. */
	assert_true(fingerprint("the quick brown fox jumps over the lazy dog") ==
		    UINT64_C(0x18ca2c22c2cbe916));
}

static void
texts_that_are_nearly_the_same_have_near_fingerprints(void **state)
{
	struct buf a, b;
	uint64_t fa = 0, fb = 0;
	unsigned sum = 0;

	(void)state;
	buf_init(&a, 1 << 20);
	buf_init(&b, 1 << 20);
	for (uint32_t seed = 1; seed <= 50; seed++) {
		prose(&a, seed, 1000, 0);
		prose(&b, seed, 1000, 500); /* two words of a thousand */
		assert_true(simhash64(buf_slice(&a), &fa));
		assert_true(simhash64(buf_slice(&b), &fb));
		assert_in_range(simhash_distance(fa, fb), 0, 8);
		sum += simhash_distance(fa, fb);
	}
	assert_in_range(sum, 1, 50 * 3);
	buf_release(&a);
	buf_release(&b);
}

static void
texts_that_have_nothing_in_common_have_far_fingerprints(void **state)
{
	struct buf a, b;
	uint64_t fa = 0, fb = 0;
	unsigned sum = 0;

	(void)state;
	buf_init(&a, 1 << 20);
	buf_init(&b, 1 << 20);
	for (uint32_t seed = 1; seed <= 50; seed++) {
		prose(&a, seed, 1000, 0);
		prose(&b, seed + 1000, 1000, 0);
		assert_true(simhash64(buf_slice(&a), &fa));
		assert_true(simhash64(buf_slice(&b), &fb));
		assert_in_range(simhash_distance(fa, fb), 15, 50);
		sum += simhash_distance(fa, fb);
	}
	assert_in_range(sum, 50 * 29, 50 * 35);
	buf_release(&a);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words_are_runs_of_letters_and_digits),
	    cmocka_unit_test(scripts_without_spaces_have_a_word_a_character),
	    cmocka_unit_test(broken_text_is_stepped_through),
	    cmocka_unit_test(the_fingerprint_is_of_the_words_alone),
	    cmocka_unit_test(texts_that_are_nearly_the_same_have_near_fingerprints),
	    cmocka_unit_test(texts_that_have_nothing_in_common_have_far_fingerprints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
