#include "fetch/steps.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- when to ask again ---- */

static void
the_gap_doubles_from_a_second_to_five_minutes(void **state)
{
	static const int64_t middle_ms[] = {
	    500, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000, 256000, 300000};

	(void)state;
	for (uint32_t n = 0; n < 40; n++) {
		int64_t ms = middle_ms[n < 10 ? n : 10], least = INT64_MAX, most = 0;

		for (uint64_t random = 0; random < 1000; random++) {
			int64_t got = fetch_retry_ms(n, random * 0x9e3779b97f4a7c15u);

			least = got < least ? got : least;
			most = got > most ? got : most;
		}
		assert_in_range(least, ms - ms / 4, ms - ms / 5);
		assert_in_range(most, ms + ms / 5, ms + ms / 4);
	}
	assert_int_equal(fetch_retry_ms(1, 0), 750);
	assert_in_range(fetch_retry_ms(UINT32_MAX, UINT64_MAX), 225000, 375000);
}

/* ---- header lines ---- */

#define ACCEPT    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
#define ENCODINGS "Accept-Encoding: gzip, deflate, br, zstd"

static struct fetch_steps steps;

static struct fetch_ask
ask_for(const char *text)
{
	static char room[2048];
	static struct url url;

	assert_int_equal(url_resolve(NULL, slice_cstr(text), (struct slice){0}, 0, room,
			     sizeof(room), &url),
	    URL_OK);
	return (struct fetch_ask){.url = &url, .now_s = 1700000000};
}

static void
assert_lines(const struct fetch_ask *ask, const char *const *want)
{
	struct fetch_lines lines;
	size_t n = 0;

	fetch_steps_before(&steps, ask, &lines);
	for (; want[n] != NULL; n++) {
		assert_true(n < lines.n);
		if (!slice_eq(lines.v[n], slice_cstr(want[n])))
			fail_msg("'" SLICE_FMT "' is not '%s'", SLICE_ARG(lines.v[n]),
			    want[n]);
	}
	assert_int_equal(lines.n, n);
}
#define ASSERT_LINES(ask, ...) assert_lines(ask, (const char *const[]){__VA_ARGS__, NULL})

static void
lines_come_in_the_order_of_the_steps(void **state)
{
	static const char *const headers[] = {"X-One: 1"};
	const struct fetcher_conf conf = {.user_agent = "trawl/1",
	    .from = "me@example.org",
	    .headers = headers,
	    .headers_len = 1};
	struct fetch_ask ask = ask_for("http://a.test/");

	(void)state;
	assert_int_equal(fetch_steps_init(&steps, &conf), 0);
	for (int i = 0; i < 2; i++) /* not added to what was there */
		ASSERT_LINES(&ask, "User-Agent: trawl/1", "From: me@example.org", ACCEPT,
		    ENCODINGS, "X-One: 1");
	fetch_steps_release(&steps);
}

static void
lines_of_one_request_take_the_place_of_those_of_all(void **state)
{
	static const char *const headers[] = {"X-One: 1", "X-Two: 2"};
	static const char *const more[] = {"x-one: 3", "X-Three: 4"};
	const struct fetcher_conf conf = {
	    .user_agent = "trawl/1", .headers = headers, .headers_len = 2};
	struct fetch_ask ask = ask_for("http://a.test/");

	(void)state;
	assert_int_equal(fetch_steps_init(&steps, &conf), 0);
	ask.headers = more;
	ask.headers_len = 2;
	ASSERT_LINES(&ask, "User-Agent: trawl/1", ACCEPT, ENCODINGS, "X-Two: 2",
	    "x-one: 3", "X-Three: 4");
	fetch_steps_release(&steps);
}

static void
a_persons_lines_take_the_place_of_our_own(void **state)
{
	static const char *const headers[] = {
	    "accept: text/plain", "X-Two: 1", "x-two: 2", "Accept: text/css"};
	const struct fetcher_conf conf = {
	    .user_agent = "trawl/1", .headers = headers, .headers_len = 4};
	struct fetch_ask ask = ask_for("http://a.test/");

	(void)state;
	assert_int_equal(fetch_steps_init(&steps, &conf), 0);
	ASSERT_LINES(&ask, "User-Agent: trawl/1", ENCODINGS, "accept: text/plain",
	    "X-Two: 1", "x-two: 2", "Accept: text/css");
	fetch_steps_release(&steps);
}

static void
nobody_is_named_who_was_not(void **state)
{
	const struct fetcher_conf conf = {.user_agent = "trawl/1"};
	struct fetch_ask ask = ask_for("http://a.test/");

	(void)state;
	assert_int_equal(fetch_steps_init(&steps, &conf), 0);
	ASSERT_LINES(&ask, "User-Agent: trawl/1", ACCEPT, ENCODINGS);
	fetch_steps_release(&steps);
}

static void
what_we_have_is_not_asked_for_again(void **state)
{
	const struct fetcher_conf conf = {.user_agent = "trawl/1"};
	struct fetch_ask ask = ask_for("http://a.test/");

	(void)state;
	assert_int_equal(fetch_steps_init(&steps, &conf), 0);
	ask.etag = SLICE_LIT("W/\"a b\"");
	ask.last_modified = SLICE_LIT("Sun, 06 Nov 1994 08:49:37 GMT");
	ASSERT_LINES(&ask, "User-Agent: trawl/1", ACCEPT, ENCODINGS,
	    "If-None-Match: W/\"a b\"",
	    "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT");
	/* what a server can have said, and nobody may repeat */
	ask.etag = SLICE_LIT("\"a\"\r\nX: y");
	ask.last_modified = SLICE_LIT("yesterday");
	ASSERT_LINES(&ask, "User-Agent: trawl/1", ACCEPT, ENCODINGS);
	fetch_steps_release(&steps);
}

static void
cookies_go_back_to_who_set_them(void **state)
{
	struct fetcher_conf conf = {.user_agent = "trawl/1", .accept_cookies = true};
	struct fetch_ask ask = ask_for("https://www.a.test/x");

	(void)state;
	assert_int_equal(jar_new(&conf.jar), 0);
	assert_int_equal(fetch_steps_init(&steps, &conf), 0);
	fetch_steps_after(&steps, &ask,
	    SLICE_LIT("HTTP/1.1 200 OK\r\nSet-Cookie: k=v\r\nset-cookie: "
		      "all=1; Domain=a.test\r\nX: Set-Cookie: no=1\r\n\r\n"));
	ASSERT_LINES(
	    &ask, "User-Agent: trawl/1", ACCEPT, ENCODINGS, "Cookie: k=v; all=1");
	ask = ask_for("https://a.test/");
	ASSERT_LINES(&ask, "User-Agent: trawl/1", ACCEPT, ENCODINGS, "Cookie: all=1");
	ask = ask_for("https://b.test/");
	ASSERT_LINES(&ask, "User-Agent: trawl/1", ACCEPT, ENCODINGS);
	steps.accept_cookies = false;
	fetch_steps_after(
	    &steps, &ask, SLICE_LIT("HTTP/1.1 200 OK\r\nSet-Cookie: k=v\r\n\r\n"));
	ASSERT_LINES(&ask, "User-Agent: trawl/1", ACCEPT, ENCODINGS);
	fetch_steps_release(&steps);
	jar_free(conf.jar);
}

static void
a_line_for_one_host_goes_to_no_other(void **state)
{
	static char site[] = "https://a.test", key[] = "X-Key: 1",
		    agent[] = "user-agent: me";
	static const struct fetch_host_line host_lines[] = {{site, key}, {site, agent}};
	static const char *const headers[] = {"X-Key: 0"};
	struct fetcher_conf conf = {.user_agent = "trawl/1",
	    .headers = headers,
	    .headers_len = 1,
	    .host_lines = host_lines,
	    .host_lines_len = 2};
	struct fetch_ask ask = ask_for("https://a.test/x");

	(void)state;
	assert_int_equal(fetch_steps_init(&steps, &conf), 0);
	ASSERT_LINES(&ask, ACCEPT, ENCODINGS, "X-Key: 1", "user-agent: me");
	for (size_t i = 0; i < 4; i++) {
		static const char *const others[] = {"http://a.test/",
		    "https://a.test:444/", "https://b.a.test/", "https://a.test.b/"};

		ask = ask_for(others[i]);
		ASSERT_LINES(&ask, "User-Agent: trawl/1", ACCEPT, ENCODINGS, "X-Key: 0");
	}
	fetch_steps_release(&steps);
}

static void
what_authorises_is_not_archived(void **state)
{
	static char site[] = "https://a.test", key[] = "X-Key: s3cr3t ";
	static const struct fetch_host_line host_lines[] = {{site, key}};
	const struct fetcher_conf conf = {
	    .user_agent = "trawl/1", .host_lines = host_lines, .host_lines_len = 1};
	struct buf out;

	(void)state;
	assert_int_equal(fetch_steps_init(&steps, &conf), 0);
	buf_init(&out, 4096);
	assert_int_equal(fetch_steps_mask(&steps,
			     SLICE_LIT("GET / HTTP/1.1\r\nHost: a\r\n"
				       "authorization: Basic eA==\r\n"
				       "X-Authorization: y\r\nx-key: s3cr3t\r\n"
				       "X-Key: other\r\n"
				       "Proxy-Authorization:z\r\n\r\n"),
			     1000, &out),
	    0);
	assert_string_equal(buf_cstr(&out),
	    "GET / HTTP/1.1\r\nHost: a\r\nauthorization: [not archived]\r\n"
	    "X-Authorization: y\r\nx-key: [not archived]\r\nX-Key: other\r\n"
	    "Proxy-Authorization: [not archived]\r\n\r\n");
	assert_int_equal(fetch_steps_mask(&steps, SLICE_LIT("GET / HTTP"), 5, &out), 0);
	assert_string_equal(buf_cstr(&out), "GET /");
	assert_int_equal(fetch_steps_mask(&steps, (struct slice){0}, 5, &out), 0);
	assert_int_equal(out.len, 0);
	buf_release(&out);
	fetch_steps_release(&steps);
}

static void
as_many_headers_as_fit_and_not_one_more(void **state)
{
	const char *headers[FETCH_HEADERS_MAX + 1];
	struct fetcher_conf conf = {.user_agent = "trawl/1",
	    .from = "me@example.org",
	    .headers = headers,
	    .headers_len = FETCH_HEADERS_MAX};
	struct fetch_ask ask = ask_for("http://a.test/");
	struct fetcher *f = NULL;
	struct fetch_host_line host_lines[FETCH_HOST_LINES_MAX];
	const char *more[FETCH_MORE_LINES_MAX];
	static char site[] = "http://a.test", key[] = "Y: z";
	struct fetch_lines lines;

	(void)state;
	for (size_t i = 0; i < FETCH_HOST_LINES_MAX; i++)
		host_lines[i] = (struct fetch_host_line){site, key};
	conf.host_lines = host_lines;
	conf.host_lines_len = FETCH_HOST_LINES_MAX;
	for (size_t i = 0; i <= FETCH_HEADERS_MAX; i++)
		headers[i] = "X: y";
	for (size_t i = 0; i < FETCH_MORE_LINES_MAX; i++)
		more[i] = "Z: y";
	ask.headers = more;
	ask.headers_len = FETCH_MORE_LINES_MAX;
	ask.etag = SLICE_LIT("\"x\"");
	conf.accept_cookies = true;
	assert_int_equal(jar_new(&conf.jar), 0);
	assert_int_equal(jar_set(conf.jar, ask.url, SLICE_LIT("k=v"), ask.now_s), 0);
	ask.last_modified = SLICE_LIT("Sun, 06 Nov 1994 08:49:37 GMT");
	assert_int_equal(fetch_steps_init(&steps, &conf), 0);
	fetch_steps_before(&steps, &ask, &lines);
	assert_int_equal(lines.n, FETCH_LINES_MAX);
	fetch_steps_release(&steps);
	conf.headers_len++;
	assert_int_equal(fetcher_new(&conf, &f), -E2BIG);
	assert_null(f);
	jar_free(conf.jar);
}

static void
an_endless_user_agent_is_refused(void **state)
{
	char *agent = malloc(10001);
	struct fetcher_conf conf = {.user_agent = agent};
	struct fetcher *f = NULL;

	(void)state;
	assert_non_null(agent);
	memset(agent, 'a', 10000);
	agent[10000] = '\0';
	assert_int_equal(fetch_steps_init(&steps, &conf), -EMSGSIZE);
	assert_null(steps.user_agent);
	assert_int_equal(fetcher_new(&conf, &f), -EMSGSIZE);
	assert_null(f);
	free(agent);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_gap_doubles_from_a_second_to_five_minutes),
	    cmocka_unit_test(lines_come_in_the_order_of_the_steps),
	    cmocka_unit_test(lines_of_one_request_take_the_place_of_those_of_all),
	    cmocka_unit_test(a_persons_lines_take_the_place_of_our_own),
	    cmocka_unit_test(what_we_have_is_not_asked_for_again),
	    cmocka_unit_test(cookies_go_back_to_who_set_them),
	    cmocka_unit_test(a_line_for_one_host_goes_to_no_other),
	    cmocka_unit_test(what_authorises_is_not_archived),
	    cmocka_unit_test(nobody_is_named_who_was_not),
	    cmocka_unit_test(as_many_headers_as_fit_and_not_one_more),
	    cmocka_unit_test(an_endless_user_agent_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
