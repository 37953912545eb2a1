#include "crawl/task.h"
#include "web/select.h"
#include "web/url.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct found_link
link_of(const char *url)
{
	return (struct found_link){.kind = LINK_IMG,
	    .verdict = OUTCOME_NONE,
	    .depth = 3,
	    .priority = -7,
	    .authority_hash = 11,
	    .url_hash = 12,
	    .url = slice_cstr(url)};
}

static void
a_task_reads_back_as_it_was_written(void **state)
{
	struct task t = {.kind = TASK_ROBOTS,
			.link = LINK_ROBOTS,
			.cut = WARC_CUT_TIME,
			.archive = true,
			.depth = 9,
			.head_bytes = 77,
			.wall_us = 1234567890123,
			.record_id = {1, 2, 3, 4},
			.url = SLICE_LIT("http://a.test/robots.txt"),
			.hops = SLICE_LIT("P")},
		    back;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(task_encode(&t, &b), 0);
	assert_int_equal(task_decode(buf_slice(&b), &back), 0);
	assert_int_equal(back.kind, TASK_ROBOTS);
	assert_int_equal(back.wall_us, t.wall_us);
	assert_memory_equal(back.record_id, t.record_id, sizeof(t.record_id));
	assert_true(slice_eq(back.url, t.url));
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(
		    task_decode(slice_head(buf_slice(&b), n), &back), -EBADMSG);
	buf_release(&b);
}

static void
encode_sample(struct buf *b, struct found_link *links, uint32_t n)
{
	const struct select_value values[] = {{1, SLICE_LIT("one")}, {3, SLICE_LIT("")}};
	struct buf fields;
	struct found f = {.status = 200,
	    .body_bytes = 5,
	    .links_total = 2,
	    .worked_us = 31,
	    .retry_after_ms = -1,
	    .mime = SLICE_LIT("text/html"),
	    .title = SLICE_LIT("t"),
	    .description = SLICE_LIT("d"),
	    .robots = {PAGE_ROBOTS_NOFOLLOW, true, 86400},
	    .has_simhash = true,
	    .simhash = 77,
	    .shape = 99,
	    .text = SLICE_LIT("main"),
	    .checks = SLICE_LIT("\0\7\0\0\0\0\0\0\0\0\0"), /* 7 links cut */
	    .records = SLICE_LIT("0123456789"),
	    .parts = {.n = 2, .at = {0, 4}},
	    .links = links,
	    .links_len = n};

	buf_init(&fields, 4096);
	assert_int_equal(select_values_encode(values, 2, &fields), 0);
	f.fields = buf_slice(&fields);
	buf_clear(b);
	assert_int_equal(found_encode(&f, b), 0);
	buf_release(&fields);
}

static void
a_result_reads_back_and_every_cut_of_it_is_refused(void **state)
{
	struct found_link links[2] = {link_of("http://a.test/"),
	    link_of("https://b.test/x")},
			  out[2];
	struct found back;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	encode_sample(&b, links, 2);
	assert_int_equal(found_links_len(buf_slice(&b)), 2);
	assert_int_equal(found_decode(buf_slice(&b), out, 2, &back), 0);
	assert_int_equal(back.links_len, 2);
	assert_int_equal(back.links[1].priority, -7);
	assert_true(slice_eq(back.links[1].url, SLICE_LIT("https://b.test/x")));
	assert_int_equal(back.parts.at[1], 4);
	assert_int_equal(back.worked_us, 31);
	assert_int_equal(back.robots.bits, PAGE_ROBOTS_NOFOLLOW);
	assert_int_equal(back.robots.unavailable_after_s, 86400);
	assert_true(back.has_simhash && back.simhash == 77 && back.shape == 99);
	assert_true(slice_eq(back.description, SLICE_LIT("d")));
	assert_true(slice_eq(back.text, SLICE_LIT("main")));
	assert_int_equal(back.checks.len, 11);
	assert_true(select_values_check(back.fields));
	assert_int_equal(found_decode(buf_slice(&b), out, 1, &back), -EBADMSG);
	for (size_t n = 0; n < b.len; n++) {
		char *exact = malloc(n + 1);

		assert_non_null(exact);
		memcpy(exact, b.ptr, n);
		assert_int_equal(
		    found_decode(slice_of(exact, n), out, 2, &back), -EBADMSG);
		free(exact);
	}
	buf_release(&b);
}

static void
pieces_of_which_no_mirror_can_be_made_are_refused(void **state)
{
	static const char long_url[6 + 8193] = "\1\1\1\x20\0\0http://a.test/";
	static const char long_fragment[6 + 1025] = "\1\1\0\0\1\4";
	const struct slice wrong[] = {SLICE_LIT("\7junk"), SLICE_LIT("\0\5\0\0\0abc"),
	    SLICE_LIT("\1\1\3\0\0\0ab"), {long_url, sizeof(long_url)},
	    {long_fragment, sizeof(long_fragment)}};
	const struct slice right[] = {SLICE_LIT(""), SLICE_LIT("\0\3\0\0\0abc"),
	    SLICE_LIT("\1\1\2\0\1\0abc\0\0\0\0\0")};
	struct found f = {.retry_after_ms = -1, .copy = SINK_COPY_PIECES}, back;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		f.copy_bytes = wrong[i];
		buf_clear(&b);
		assert_int_equal(found_encode(&f, &b), 0);
		assert_int_equal(found_decode(buf_slice(&b), NULL, 0, &back), -EBADMSG);
	}
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		f.copy_bytes = right[i];
		buf_clear(&b);
		assert_int_equal(found_encode(&f, &b), 0);
		assert_int_equal(found_decode(buf_slice(&b), NULL, 0, &back), 0);
	}
	buf_release(&b);
}

static void
fields_that_are_no_values_are_refused(void **state)
{
	const struct slice wrong[] = {SLICE_LIT("x"), SLICE_LIT("V\0"),
	    SLICE_LIT("V\0\0\0\0\1\0\0\0\xFF"), SLICE_LIT("V\377\0\0\0\0\0\0\0")};
	struct found f = {.retry_after_ms = -1}, back;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		f.fields = wrong[i];
		buf_clear(&b);
		assert_int_equal(found_encode(&f, &b), 0);
		assert_int_equal(found_decode(buf_slice(&b), NULL, 0, &back), -EBADMSG);
	}
	f.fields = SLICE_LIT("V");
	buf_clear(&b);
	assert_int_equal(found_encode(&f, &b), 0);
	assert_int_equal(found_decode(buf_slice(&b), NULL, 0, &back), 0);
	buf_release(&b);
}

static void
more_known_links_than_a_page_can_have_are_refused(void **state)
{
	struct found f = {.status = 200, .links_known = FOUND_SITEMAP_LINKS_MAX}, back;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	assert_int_equal(found_encode(&f, &b), 0);
	assert_int_equal(found_decode(buf_slice(&b), NULL, 0, &back), 0);
	assert_int_equal(back.links_known, FOUND_SITEMAP_LINKS_MAX);
	buf_clear(&b);
	f.links_known++;
	assert_int_equal(found_encode(&f, &b), 0);
	assert_int_equal(found_decode(buf_slice(&b), NULL, 0, &back), -EBADMSG);
	buf_release(&b);
}

/* A worker that was taken over sends what it likes: never a crash, never a wild value. */
static void
mutated_results_are_refused_or_sane(void **state)
{
	struct found_link links[2] = {
	    link_of("http://a.test/"), link_of("https://b.test/x")};
	struct found_link out[64];
	uint32_t x = 1;
	struct found back;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	for (int i = 0; i < 50000; i++) {
		uint32_t n;

		encode_sample(&b, links, 2);
		for (int k = 0; k < 3; k++) {
			x = x * 1664525u + 1013904223u;
			b.ptr[(x >> 8) % b.len] = (char)(x >> 3);
		}
		n = found_links_len(buf_slice(&b));
		assert_true(n <= FOUND_SITEMAP_LINKS_MAX);
		if (n > 64 || found_decode(buf_slice(&b), out, n, &back) < 0)
			continue;
		assert_true(back.parts.n <= 4);
		for (uint32_t k = 0; k < back.parts.n; k++)
			assert_true(back.parts.at[k] < back.records.len);
		for (uint32_t k = 0; k < back.links_len; k++) {
			assert_true(back.links[k].kind < LINK_KIND_MAX);
			assert_true(back.links[k].url.len > 0);
		}
	}
	buf_release(&b);
}

static void
where_a_redirect_leads_must_be_http_and_a_url(void **state)
{
	static const char *const bad[] = {"file:///etc/passwd", "x", "//a.test/"};
	static const size_t lens[] = {0, 14, URL_BYTES_MAX, URL_BYTES_MAX + 1};
	char url[URL_BYTES_MAX + 1];
	struct found f = {.retry_after_ms = -1}, back;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	memset(url, 'u', sizeof(url));
	memcpy(url, "http://a.test/", strlen("http://a.test/"));
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		f.redirect_to = slice_of(url, lens[i]);
		buf_clear(&b);
		assert_int_equal(found_encode(&f, &b), 0);
		assert_int_equal(found_decode(buf_slice(&b), NULL, 0, &back),
		    lens[i] > URL_BYTES_MAX ? -EBADMSG : 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f.redirect_to = slice_cstr(bad[i]);
		buf_clear(&b);
		assert_int_equal(found_encode(&f, &b), 0);
		assert_int_equal(found_decode(buf_slice(&b), NULL, 0, &back), -EBADMSG);
	}
	buf_release(&b);
}

static void
a_wanted_link_must_be_http(void **state)
{
	struct found_link links[1] = {link_of("ftp://a.test/")}, out[1];
	struct found back;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	encode_sample(&b, links, 1);
	assert_int_equal(found_decode(buf_slice(&b), out, 1, &back), -EBADMSG);
	links[0].verdict = OUTCOME_UNSUPPORTED_SCHEME;
	encode_sample(&b, links, 1);
	assert_int_equal(found_decode(buf_slice(&b), out, 1, &back), 0);
	links[0].verdict = OUTCOME_OK;
	encode_sample(&b, links, 1);
	assert_int_equal(found_decode(buf_slice(&b), out, 1, &back), -EBADMSG);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_task_reads_back_as_it_was_written),
	    cmocka_unit_test(a_result_reads_back_and_every_cut_of_it_is_refused),
	    cmocka_unit_test(pieces_of_which_no_mirror_can_be_made_are_refused),
	    cmocka_unit_test(fields_that_are_no_values_are_refused),
	    cmocka_unit_test(more_known_links_than_a_page_can_have_are_refused),
	    cmocka_unit_test(mutated_results_are_refused_or_sane),
	    cmocka_unit_test(where_a_redirect_leads_must_be_http_and_a_url),
	    cmocka_unit_test(a_wanted_link_must_be_http),
	};

	return cmocka_run_group_tests_name("crawl/task", tests, NULL, NULL);
}
