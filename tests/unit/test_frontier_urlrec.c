#include "frontier/urlrec.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "web/url.h"

static struct urlrec
sample(void)
{
	return (struct urlrec){
	    .authority_hash = 0x1122334455667788u,
	    .url_hash = UINT64_MAX,
	    .key = 0x0102030405060708u,
	    .not_before_ms = -5,
	    .priority = -128,
	    .depth = 65535,
	    .kind = LINK_REDIRECT,
	    .flags = URLREC_SEED | URLREC_SEED_CHAIN,
	    .redirects = 5,
	    .attempts = 255,
	    .since_s = 1700000000,
	    .url = SLICE_LIT("https://example.org:8443/a?b"),
	    .via = SLICE_LIT("https://example.org/"),
	    .hops = SLICE_LIT("LLR"),
	};
}

static void
expect_same(const struct urlrec *a, const struct urlrec *b)
{
	assert_int_equal(a->authority_hash, b->authority_hash);
	assert_int_equal(a->url_hash, b->url_hash);
	assert_int_equal(a->key, b->key);
	assert_int_equal(a->not_before_ms, b->not_before_ms);
	assert_int_equal(a->priority, b->priority);
	assert_int_equal(a->depth, b->depth);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->redirects, b->redirects);
	assert_int_equal(a->attempts, b->attempts);
	assert_int_equal(a->since_s, b->since_s);
	assert_true(slice_eq(a->url, b->url));
	assert_true(slice_eq(a->via, b->via));
	assert_true(slice_eq(a->hops, b->hops));
}

static void
a_copy_has_texts_of_its_own(void **state)
{
	struct urlrec r = sample(), *copy;
	char url[] = "http://h/x";

	(void)state;
	r.url = slice_cstr(url);
	copy = urlrec_new(&r);
	assert_non_null(copy);
	expect_same(copy, &r);
	assert_int_equal(urlrec_bytes(copy), urlrec_bytes(&r));
	url[0] = 'X';
	assert_int_equal(copy->url.ptr[0], 'h');
	urlrec_free(copy);
	r.via = r.hops = (struct slice){0};
	copy = urlrec_new(&r);
	assert_non_null(copy);
	expect_same(copy, &r);
	urlrec_free(copy);
	urlrec_free(NULL);
}

static void
what_was_encoded_decodes_to_the_same(void **state)
{
	struct urlrec r = sample(), back;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	assert_int_equal(urlrec_encode(&r, &b), 0);
	assert_int_equal(urlrec_decode(buf_slice(&b), &back), 0);
	expect_same(&r, &back);
	buf_clear(&b);
	r.via = r.hops = (struct slice){0};
	assert_int_equal(urlrec_encode(&r, &b), 0);
	assert_int_equal(urlrec_decode(buf_slice(&b), &back), 0);
	expect_same(&r, &back);
	buf_clear(&b);
	r.known = SLICE_LIT("of an earlier round");
	assert_int_equal(urlrec_encode(&r, &b), 0);
	assert_int_equal(urlrec_decode(buf_slice(&b), &back), 0);
	expect_same(&r, &back);
	assert_true(slice_eq(back.known, r.known));
	buf_release(&b);
}

/* As it was written before there was since_s, the last of the head. */
static void
a_record_of_an_older_trawl_decodes(void **state)
{
	enum { HEAD_V1_BYTES = 47, SINCE_BYTES = 4 };
	struct urlrec r = sample(), back;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	for (char version = 1; version <= 2; version++) {
		r.known =
		    version == 2 ? SLICE_LIT("of an earlier round") : ((struct slice){0});
		buf_clear(&b);
		assert_int_equal(urlrec_encode(&r, &b), 0);
		b.ptr[0] = version;
		b.len -= SINCE_BYTES;
		memmove(b.ptr + HEAD_V1_BYTES, b.ptr + HEAD_V1_BYTES + SINCE_BYTES,
		    b.len - HEAD_V1_BYTES);
		assert_int_equal(urlrec_decode(buf_slice(&b), &back), 0);
		assert_int_equal(back.since_s, 0);
		back.since_s = r.since_s;
		expect_same(&r, &back);
	}
	buf_release(&b);
}

static void
what_is_no_record_is_refused(void **state)
{
	struct urlrec r = sample(), back;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	assert_int_equal(urlrec_encode(&r, &b), 0);
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(urlrec_decode(slice_of(b.ptr, n), &back), -EBADMSG);
	assert_int_equal(buf_add_byte(&b, 'x'), 0);
	assert_int_equal(urlrec_decode(buf_slice(&b), &back), -EBADMSG);
	b.len--;
	b.ptr[0] = 4; /* of which something is known, and it is not there */
	assert_int_equal(urlrec_decode(buf_slice(&b), &back), -EBADMSG);
	b.ptr[0] = 5; /* a version to come */
	assert_int_equal(urlrec_decode(buf_slice(&b), &back), -EBADMSG);
	b.ptr[0] = 3;
	b.ptr[1] = LINK_KIND_MAX;
	assert_int_equal(urlrec_decode(buf_slice(&b), &back), -EBADMSG);
	buf_release(&b);
}

/* Whatever one byte becomes, nothing is read outside of the value. */
static void
a_damaged_record_decodes_within_its_bytes_or_not_at_all(void **state)
{
	struct urlrec r = sample(), back;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	assert_int_equal(urlrec_encode(&r, &b), 0);
	for (size_t i = 0; i < b.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			b.ptr[i] = (char)(b.ptr[i] ^ (1 << bit));
			if (urlrec_decode(buf_slice(&b), &back) == 0) {
				assert_true(back.url.ptr + back.url.len <= b.ptr + b.len);
				assert_true(back.via.ptr + back.via.len <= b.ptr + b.len);
				assert_ptr_equal(
				    back.known.ptr + back.known.len, b.ptr + b.len);
			}
			b.ptr[i] = (char)(b.ptr[i] ^ (1 << bit));
		}
	}
	buf_release(&b);
}

static void
texts_that_are_too_long_are_not_encoded(void **state)
{
	static char text[URL_BYTES_MAX + 1];
	struct urlrec r = sample();
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	r.url = slice_of(text, sizeof(text));
	assert_int_equal(urlrec_encode(&r, &b), -EMSGSIZE);
	r.url = (struct slice){0};
	assert_int_equal(urlrec_encode(&r, &b), -EMSGSIZE);
	assert_int_equal(b.len, 0);
	r.url = slice_of(text, URL_BYTES_MAX);
	assert_int_equal(urlrec_encode(&r, &b), 0);
	buf_release(&b);
}

static void
the_authority_ends_at_the_path(void **state)
{
	const char *const cases[][2] = {
	    {"http://h/", "http://h"},
	    {"https://h:8443/a/b?c=http://x/", "https://h:8443"},
	    {"http://[::1]:80/x", "http://[::1]:80"},
	    {"http://h", "http://h"},
	    {"http:/h/", ""},
	    {"nonsense", ""},
	    {"", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct urlrec r = {.url = slice_cstr(cases[i][0])};

		assert_true(slice_eq(urlrec_authority(&r), slice_cstr(cases[i][1])));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_copy_has_texts_of_its_own),
	    cmocka_unit_test(what_was_encoded_decodes_to_the_same),
	    cmocka_unit_test(a_record_of_an_older_trawl_decodes),
	    cmocka_unit_test(what_is_no_record_is_refused),
	    cmocka_unit_test(a_damaged_record_decodes_within_its_bytes_or_not_at_all),
	    cmocka_unit_test(texts_that_are_too_long_are_not_encoded),
	    cmocka_unit_test(the_authority_ends_at_the_path),
	};

	return cmocka_run_group_tests_name("frontier/urlrec", tests, NULL, NULL);
}
