/*
 * What an HTTP status of robots.txt means, by the independent suite: a whole crawl of one
 * host a row, whose file, if it is one, forbids /private.
 */
#include "../unit/suite.h"
#include "sim_crawl.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

struct robots {
	int status;
	int redirects;  /* before the answer, each to another host */
	size_t padding; /* comment bytes before the rule */
	char location[64];
};

/* "http://h3.test/robots.txt": the third host that was asked. */
static int
hop_of(struct slice url)
{
	return slice_starts(url, SLICE_LIT("http://h")) && ascii_is_digit(url.ptr[8])
		   ? url.ptr[8] - '0'
		   : -1;
}

static void
script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	struct robots *r = ctx;
	int hop = hop_of(url);

	ret->status = 200;
	ret->latency_ms = 5;
	if (!slice_ends(url, SLICE_LIT("/robots.txt"))) {
		if (slice_ends(url, SLICE_LIT(".test/")))
			(void)buf_add_cstr(body, "<a href=/private>x</a>");
		return;
	}
	if (hop < r->redirects) {
		ret->status = 301;
		(void)snprintf(r->location, sizeof(r->location),
		    "Location: http://h%d.test/robots.txt\r\n", hop + 1);
		ret->headers = r->location;
		return;
	}
	ret->status = r->status;
	ret->headers = "Content-Type: text/plain\r\n";
	for (size_t i = 0; i < r->padding; i++)
		(void)buf_add_byte(body, i % 64 == 63 ? '\n' : '#');
	(void)buf_add_cstr(body, "User-agent: *\nDisallow: /private\n");
}

/* In the suite's words. */
static const char *
meaning_of(struct robots *r)
{
	struct sim_run run = {0};
	enum outcome start, forbidden;
	const char *meaning = "?";

	sim_web_reset(script, r);
	sim_crawl(&run, "http://h0.test/", OPTIONS("delay=0"));
	start = sim_outcome(&run, "http://h0.test/");
	forbidden = sim_outcome(&run, "http://h0.test/private");
	if (start == OUTCOME_ROBOTS_UNREACHABLE)
		meaning = "disallow_all";
	else if (start == OUTCOME_OK && forbidden == OUTCOME_OK)
		meaning = "allow_all";
	else if (start == OUTCOME_OK && forbidden == OUTCOME_ROBOTS_DENIED)
		meaning = "parse";
	sim_release(&run);
	return meaning;
}

static bool
means(struct robots r, const char *what)
{
	return strcmp(meaning_of(&r), what) == 0;
}

static void
the_status_of_a_robots_txt_means_what_rfc_9309_says(void **state)
{
	static struct suite s;
	const size_t limit = 500 * 1024;
	json_t *row;

	(void)state;
	if (!suite_open(&s, "robots/robots_fetch_status.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL) {
		int status = (int)json_integer_value(json_object_get(row, "status"));
		struct slice want = suite_text(row, "expect");
		struct robots r = {.status = status};

		if (slice_eq(want, SLICE_LIT("follow"))) {
			r.status = 200;
			r.redirects = 5;
			suite_case(
			    &s, means(r, "parse") &&
				    means((struct robots){.status = 200, .redirects = 6},
					"allow_all"));
		} else if (slice_eq(want, SLICE_LIT("parse>=500KiB"))) {
			r.padding = limit / 64 * 64 - 64;
			suite_case(&s, means(r, "parse"));
		} else if (slice_eq(want, SLICE_LIT("error"))) {
			/* "The caller decides", and does as for the others of 500. */
			suite_case(&s, means(r, "disallow_all"));
		} else {
			suite_case(&s, slice_eq(slice_cstr(meaning_of(&r)), want));
		}
	}
	assert_true(s.ran >= 32);
	assert_int_equal(suite_close(&s), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_status_of_a_robots_txt_means_what_rfc_9309_says),
	};

	return cmocka_run_group_tests_name("sim/robots suite", tests, NULL, NULL);
}
