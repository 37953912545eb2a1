#include "sink/sha1_pair.h"
#include "sink/warc_sha1.h"
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TEXT_MAX = 5000 };

static char text[TEXT_MAX + 64];
static struct warc_sha1 *d;

static int
up(void **state)
{
	uint64_t x = 88172645463325252;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		text[i] = (char)(x >> 32);
	}
	return warc_sha1_new(&d);
}

static int
down(void **state)
{
	(void)state;
	warc_sha1_free(d);
	return 0;
}

static void
texts_are_those_of_the_standard(void **state)
{
	/* RFC 3174 section 7.3, and the digest of nothing. */
	static const struct {
		struct slice text;
		const char *want;
	} cases[] = {
	    {SLICE_LIT("abc"), "sha1:VGMT4NSHA2AWVOR6EVYXQUGCNSONBWE5"},
	    {SLICE_LIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
		"sha1:QSMD4RA4HPJG5OVOJKQ7SUJJ4XSUM4HR"},
	    {SLICE_LIT(""), "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"},
	};
	char one[WARC_SHA1_TEXT_MAX], two[WARC_SHA1_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct slice pieces[2] = {{0}, cases[i].text};

		warc_sha1_text(d, pieces, one);
		assert_string_equal(one, cases[i].want);
		assert_int_equal(strlen(one), WARC_SHA1_LEN);
		warc_sha1_texts(d, pieces, one, two);
		assert_string_equal(one, cases[i].want);
		assert_string_equal(two, cases[i].want);
	}
}

static void
assert_both(size_t head_at, size_t head, size_t body_at, size_t body)
{
	const struct slice pieces[2] = {
	    slice_of(text + head_at, head), slice_of(text + body_at, body)};
	const struct slice alone[2] = {pieces[1]};
	char all[WARC_SHA1_TEXT_MAX], second[WARC_SHA1_TEXT_MAX];
	char want[WARC_SHA1_TEXT_MAX];

	warc_sha1_texts(d, pieces, all, second);
	warc_sha1_text(d, pieces, want);
	assert_string_equal(all, want);
	warc_sha1_text(d, alone, want);
	assert_string_equal(second, want);
}

/* Wherever the seam is, and whatever is left over behind the last whole block of either. */
static void
both_are_those_of_openssl_at_all_lengths(void **state)
{
	(void)state;
	for (size_t head = 0; head <= 200; head++)
		for (size_t body = 0; body <= 200; body++)
			assert_both(head % 7, head, 300 + body % 5, body);
	for (size_t body = 0; body <= TEXT_MAX - 64; body += 61)
		assert_both(0, body % 331, body % 64, body);
}

/* By what another library says, where this machine has the instructions. */
static void
a_pair_is_what_two_are(void **state)
{
	unsigned char all[SHA1_BYTES], body[SHA1_BYTES], want[EVP_MAX_MD_SIZE];

	(void)state;
	if (!sha1_pair_is_there())
		skip();
	sha1_pair(slice_of(text, 100), slice_of(text + 100, 4000), all, body);
	assert_int_equal(EVP_Digest(text, 4100, want, NULL, EVP_sha1(), NULL), 1);
	assert_memory_equal(all, want, SHA1_BYTES);
	assert_int_equal(EVP_Digest(text + 100, 4000, want, NULL, EVP_sha1(), NULL), 1);
	assert_memory_equal(body, want, SHA1_BYTES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_are_those_of_the_standard),
	    cmocka_unit_test(both_are_those_of_openssl_at_all_lengths),
	    cmocka_unit_test(a_pair_is_what_two_are),
	};

	return cmocka_run_group_tests_name("sink/warc_sha1", tests, up, down);
}
