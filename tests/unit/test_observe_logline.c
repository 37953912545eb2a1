#include "observe/logline.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define EXPECT(got, want) assert_true(slice_eq((got), SLICE_LIT(want)))

static struct logline
parsed(const char *text)
{
	struct logline l;

	assert_true(logline_parse(slice_cstr(text), &l));
	return l;
}

static void
a_line_says_what_was_asked_and_what_came(void **state)
{
	struct logline l = parsed("2026-01-31T12:00:01.128Z   404        600 "
				  "http://a.test/x LLR http://a.test/ "
				  "text/html #000 20260131120000123+1005 sha1:ABC - "
				  "http-4xx,2t,link:img,gap:100/option/1,ip:192.0.2.1");

	(void)state;
	assert_int_equal(l.status, 404);
	assert_true(l.has_bytes);
	assert_int_equal(l.bytes, 600);
	EXPECT(l.url, "http://a.test/x");
	EXPECT(l.hops, "LLR");
	EXPECT(l.via, "http://a.test/");
	EXPECT(l.mime, "text/html");
	EXPECT(l.digest, "sha1:ABC");
	EXPECT(l.kind, "img");
	assert_int_equal(l.start_ms, INT64_C(1769860800123));
	assert_int_equal(l.end_ms - l.start_ms, 1005);
	assert_int_equal(l.outcome, OUTCOME_HTTP_4XX);
	assert_true(l.contacted && !l.retry && !l.internal && logline_is_broken(&l));
}

static void
why_it_failed_is_a_sentence(void **state)
{
	struct logline l = parsed(
	    "2026-01-31T12:00:01.128Z    -2          - http://a.test/ - - no-type #000 "
	    "20260131120000123+0 - - "
	    "connect-failure,link:a,gap:1/option/1,why:refused,+100%25%2C+gone");
	struct buf b;

	(void)state;
	EXPECT(l.why, "refused"); /* a comma would have been escaped */
	buf_init(&b, 100);
	assert_int_equal(logline_sentence(&b, SLICE_LIT("it+was%2C+100%25%+%4")), 0);
	EXPECT(buf_slice(&b), "it was, 100%% %4");
	buf_release(&b);
}

static void
where_nothing_is_there_is_a_dash(void **state)
{
	struct logline l = parsed("2026-01-31T12:00:01.128Z    -1          - "
				  "http://no.invalid/ - - no-type #000 "
				  "20260131120000123+0 - - dns-failure");

	(void)state;
	assert_int_equal(l.status, -1);
	assert_false(l.has_bytes || l.contacted);
	assert_int_equal(l.hops.len + l.via.len + l.mime.len + l.digest.len, 0);
	assert_true(logline_is_broken(&l));
}

static void
the_outcome_is_ok_unless_it_is_said(void **state)
{
	static const char start[] =
	    "2026-01-31T12:00:01.128Z 200 1 http://a.test/robots.txt P - text/plain "
	    "#000 20260131120000123+0 - - ";
	char line[256];
	struct logline l;

	(void)state;
	(void)snprintf(line, sizeof(line), "%s-", start);
	l = parsed(line);
	assert_int_equal(l.outcome, OUTCOME_OK);
	assert_true(l.internal);
	(void)snprintf(line, sizeof(line), "%sgap:0/adaptive/1", start);
	l = parsed(line);
	assert_true(l.outcome == OUTCOME_OK && l.contacted && !logline_is_broken(&l));
	(void)snprintf(line, sizeof(line), "%s2t,retry", start);
	l = parsed(line);
	assert_true(l.outcome == OUTCOME_OK && l.retry && !l.contacted);
	(void)snprintf(line, sizeof(line), "%shttp-5xx,retry,gap:1/option/1", start);
	l = parsed(line);
	assert_true(l.outcome == OUTCOME_HTTP_5XX && l.retry && !logline_is_broken(&l));
}

static void
what_is_no_such_line_is_refused(void **state)
{
	static const char *const lines[] = {"", " ", "a b c",
	    "2026-01-31T12:00:01.128Z x 1 http://a/ - - t #000 20260131120000123+0 - - -",
	    "2026-01-31T12:00:01.128Z 200 1 http://a/ - - t #000 20260131120000123 - - -",
	    "2026-01-31T12:00:01.128Z 200 1 http://a/ - - t #000 20261331120000123+0 - - "
	    "-",
	    "2026-01-31T12:00:01.128Z 200 1 http://a/ - - t #000 2026013112000012+0 - - "
	    "-",
	    "2026-01-31T12:00:01.128Z 200 1 http://a/ - - t #000 20260131120000123+0 - "
	    "-"};
	struct logline l;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(logline_parse(slice_cstr(lines[i]), &l));
}

static void
broken_is_what_a_site_should_mend(void **state)
{
	(void)state;
	for (int o = OUTCOME_NONE + 1; o < OUTCOME_MAX; o++) {
		struct logline l = {.outcome = (enum outcome)o};
		bool want = o == OUTCOME_HTTP_4XX || o == OUTCOME_HTTP_5XX ||
			    o == OUTCOME_TRUNCATED || o == OUTCOME_DNS_FAILURE ||
			    o == OUTCOME_CONNECT_FAILURE || o == OUTCOME_TLS_FAILURE ||
			    (o >= OUTCOME_TIMEOUT_CONNECT && o <= OUTCOME_PROTOCOL_ERROR);

		assert_int_equal(logline_is_broken(&l), want);
		l.internal = true;
		assert_false(logline_is_broken(&l));
	}
}

static void
the_authority_is_what_is_before_the_path(void **state)
{
	(void)state;
	EXPECT(
	    logline_authority(SLICE_LIT("http://a.test:8080/x")), "http://a.test:8080");
	EXPECT(logline_authority(SLICE_LIT("https://[2001:db8::1]/")),
	    "https://[2001:db8::1]");
	EXPECT(logline_authority(SLICE_LIT("mailto:a@b/")), "");
	EXPECT(logline_authority((struct slice){0}), "");
}

static void
a_rejection_has_reason_and_rule(void **state)
{
	struct rejectline l;

	(void)state;
	assert_true(rejectline_parse(
	    SLICE_LIT(
		"robots-denied\thttp://a/b\thttp://a/\trobots.txt line 4: Disallow: /b"),
	    &l));
	assert_int_equal(l.outcome, OUTCOME_ROBOTS_DENIED);
	EXPECT(l.url, "http://a/b");
	EXPECT(l.via, "http://a/");
	EXPECT(l.detail, "robots.txt line 4: Disallow: /b");
	assert_true(rejectline_parse(SLICE_LIT("bad-url\tx\t-\t-"), &l));
	assert_int_equal(l.via.len + l.detail.len, 0);
	assert_false(rejectline_parse(SLICE_LIT("nonsense\tx\t-\t-"), &l));
	assert_false(rejectline_parse(SLICE_LIT("bad-url\tx\t-"), &l));
	assert_false(rejectline_parse(SLICE_LIT(""), &l));
}

static void
of_a_page_the_members_at_the_top_count(void **state)
{
	struct pageline p;

	(void)state;
	assert_true(pageline_parse(
	    SLICE_LIT(
		"{\"v\":1,\"url\":\"http://a/"
		"\",\"outcome\":\"redirect\",\"title\":\"\\\"}"
		"{,\\\\\",\"fields\":{\"url\":\"no\",\"l\":[1,{\"digest\":\"no\"}]},"
		"\"digest\":\"sha1:X\",\"simhash\":\"00ff00000000000a\","
		"\"redirect_to\":\"http://b/\",\"links\":7}"),
	    &p));
	EXPECT(p.url, "http://a/");
	EXPECT(p.digest, "sha1:X");
	EXPECT(p.redirect_to, "http://b/");
	assert_int_equal(p.outcome, OUTCOME_REDIRECT);
	assert_true(p.has_simhash && p.simhash == UINT64_C(0x00ff00000000000a));
}

static void
strings_of_all_lengths_end_where_they_end(void **state)
{
	static const char *const ends[] = {"", "\\\"", "\\\\", "\\\\\\\"", "\\n"};
	char line[200];

	(void)state;
	for (int before = 0; before <= 40; before++)
		for (int behind = 0; behind <= 40; behind++)
			for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
				struct pageline p;
				int n = snprintf(line, sizeof(line),
				    "{\"title\":\"%.*s%s%.*s\",\"url\":\"u\"}", before,
				    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", ends[i],
				    behind, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");

				assert_true(
				    pageline_parse(slice_of(line, (size_t)n), &p));
				EXPECT(p.url, "u");
			}
}

static void
what_is_cut_off_anywhere_is_survived(void **state)
{
	static const char whole[] = "{\"v\":1,\"url\":\"a\\\\\",\"m\":{\"a\":[1,\"]\"]},"
				    "\"simhash\":\"12\",\"digest\":\"d\"}";
	struct pageline p;

	(void)state;
	assert_true(pageline_parse(SLICE_LIT("{\"url\":\"a\\\\\"}"), &p));
	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		/* Of the exact size: reading past it is noticed. */
		char *cut = test_malloc(n + 1);

		memcpy(cut, whole, n);
		(void)pageline_parse(slice_of(cut, n), &p);
		test_free(cut);
	}
	assert_false(pageline_parse(SLICE_LIT("[\"url\"]"), &p));
	assert_false(pageline_parse(SLICE_LIT("{\"url\":\"\"}"), &p));
	assert_false(pageline_parse(SLICE_LIT("{\"url\"}"), &p));
}

static void
strings_are_read_as_json_has_them(void **state)
{
	static const char *const bad[] = {"\\", "\\x", "\\u12", "\\u12g4"};
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(
	    pageline_text(&b, SLICE_LIT("a\\\"\\\\\\/\\n\\u00e9\\u20AC")), 0);
	assert_true(slice_eq(buf_slice(&b), SLICE_LIT("a\"\\/\n\xc3\xa9\xe2\x82\xac")));
	buf_clear(&b);
	assert_int_equal(
	    pageline_text(&b, SLICE_LIT("\\ud83d\\ude00\\ud83dx\\ude00")), 0);
	assert_true(slice_eq(
	    buf_slice(&b), SLICE_LIT("\xf0\x9f\x98\x80\xef\xbf\xbdx\xef\xbf\xbd")));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(pageline_text(&b, slice_cstr(bad[i])) < 0);
	buf_release(&b);
}

static void
a_change_has_its_round_and_what_it_is(void **state)
{
	struct changeline l;

	(void)state;
	assert_true(changeline_parse(
	    SLICE_LIT(
		"7\tgone\t2023-11-14T22:13:20.123Z\thttp-4xx\t410\thttp://a/\tsha1:X\t-"),
	    &l));
	assert_int_equal(l.round, 7);
	assert_int_equal(l.change, PAGE_CHANGE_GONE);
	assert_int_equal(l.outcome, OUTCOME_HTTP_4XX);
	assert_int_equal(l.status, 410);
	assert_true(slice_eq(l.url, SLICE_LIT("http://a/")));
	assert_false(
	    changeline_parse(SLICE_LIT("7\tgone\tx\tok\t200\thttp://a/\t-"), &l));
	assert_false(
	    changeline_parse(SLICE_LIT("0\tnew\tx\tok\t200\thttp://a/\t-\t-"), &l));
	assert_false(
	    changeline_parse(SLICE_LIT("1\todd\tx\tok\t200\thttp://a/\t-\t-"), &l));
	assert_false(
	    changeline_parse(SLICE_LIT("1\tnew\tx\tok\t2000\thttp://a/\t-\t-"), &l));
	assert_false(changeline_parse(SLICE_LIT(""), &l));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_says_what_was_asked_and_what_came),
	    cmocka_unit_test(why_it_failed_is_a_sentence),
	    cmocka_unit_test(where_nothing_is_there_is_a_dash),
	    cmocka_unit_test(the_outcome_is_ok_unless_it_is_said),
	    cmocka_unit_test(what_is_no_such_line_is_refused),
	    cmocka_unit_test(broken_is_what_a_site_should_mend),
	    cmocka_unit_test(the_authority_is_what_is_before_the_path),
	    cmocka_unit_test(a_rejection_has_reason_and_rule),
	    cmocka_unit_test(a_change_has_its_round_and_what_it_is),
	    cmocka_unit_test(of_a_page_the_members_at_the_top_count),
	    cmocka_unit_test(strings_of_all_lengths_end_where_they_end),
	    cmocka_unit_test(what_is_cut_off_anywhere_is_survived),
	    cmocka_unit_test(strings_are_read_as_json_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
