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

static void
lines_come_in_the_order_of_the_steps(void **state)
{
	static const char *const headers[] = {"X-One: 1", "Accept: text/plain"};
	const struct fetcher_conf conf = {.user_agent = "trawl/1",
	    .from = "me@example.org",
	    .headers = headers,
	    .headers_len = 2};
	static const char accept[] = "Accept: text/html,application/xhtml+xml,"
				     "application/xml;q=0.9,*/*;q=0.8";
	const char *const want[] = {"User-Agent: trawl/1", "From: me@example.org", accept,
	    "Accept-Encoding: gzip, deflate, br, zstd", "X-One: 1", "Accept: text/plain"};
	struct fetch_identity id;
	struct fetch_lines lines;

	(void)state;
	assert_int_equal(fetch_identity_init(&id, &conf), 0);
	fetch_steps_before(&id, &lines);
	assert_int_equal(lines.n, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < lines.n; i++)
		assert_true(slice_eq(lines.v[i], slice_cstr(want[i])));
	fetch_steps_before(&id, &lines); /* not added to what was there */
	assert_int_equal(lines.n, sizeof(want) / sizeof(want[0]));
	fetch_identity_release(&id);
}

static void
nobody_is_named_who_was_not(void **state)
{
	const struct fetcher_conf conf = {.user_agent = "trawl/1"};
	struct fetch_identity id;
	struct fetch_lines lines;

	(void)state;
	assert_int_equal(fetch_identity_init(&id, &conf), 0);
	fetch_steps_before(&id, &lines);
	assert_int_equal(lines.n, 3);
	for (size_t i = 0; i < lines.n; i++)
		assert_false(slice_istarts(lines.v[i], SLICE_LIT("from:")));
	fetch_identity_release(&id);
}

static void
as_many_headers_as_fit_and_not_one_more(void **state)
{
	const char *headers[FETCH_HEADERS_MAX + 1];
	struct fetcher_conf conf = {.user_agent = "trawl/1",
	    .from = "me@example.org",
	    .headers = headers,
	    .headers_len = FETCH_HEADERS_MAX};
	struct fetcher *f = NULL;
	struct fetch_identity id;
	struct fetch_lines lines;

	(void)state;
	for (size_t i = 0; i <= FETCH_HEADERS_MAX; i++)
		headers[i] = "X: y";
	assert_int_equal(fetch_identity_init(&id, &conf), 0);
	fetch_steps_before(&id, &lines);
	assert_int_equal(lines.n, FETCH_LINES_MAX);
	fetch_identity_release(&id);
	conf.headers_len++;
	assert_int_equal(fetcher_new(&conf, &f), -E2BIG);
	assert_null(f);
}

static void
an_endless_user_agent_is_refused(void **state)
{
	char *agent = malloc(10001);
	struct fetcher_conf conf = {.user_agent = agent};
	struct fetch_identity id;
	struct fetcher *f = NULL;

	(void)state;
	assert_non_null(agent);
	memset(agent, 'a', 10000);
	agent[10000] = '\0';
	assert_int_equal(fetch_identity_init(&id, &conf), -EMSGSIZE);
	assert_null(id.user_agent);
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
	    cmocka_unit_test(nobody_is_named_who_was_not),
	    cmocka_unit_test(as_many_headers_as_fit_and_not_one_more),
	    cmocka_unit_test(an_endless_user_agent_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
