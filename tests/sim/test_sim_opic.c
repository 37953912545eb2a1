#include "sim_crawl.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../unit/files_kit.h"

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The page number in "http://.../N", or -1. */
static int
number_of(struct slice url)
{
	uint64_t n;
	size_t at = url.len;

	while (at > 0 && ascii_is_digit(url.ptr[at - 1]))
		at--;
	return slice_to_u64(slice_from(url, at), &n) ? (int)n : -1;
}

static bool
ends(struct slice url, const char *with)
{
	return slice_ends(url, slice_cstr(with));
}

/* The home page links to 20 pages, and each of these to one that nobody else knows, to
 * /hub and to /other: nothing says that /hub counts but how many link to it. */
static void
hub_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	int n = number_of(url);

	(void)ctx;
	ret->status = 200;
	ret->latency_ms = 50;
	if (ends(url, "/robots.txt")) {
		ret->status = 404;
	} else if (ends(url, "h.test/")) {
		for (int i = 1; i <= 20; i++)
			(void)buf_printf(body, "<a href=/%d>x</a>", i);
	} else if (n >= 1 && n <= 20) {
		(void)buf_printf(body, "<a href=/%d>x</a>", 100 + n);
		(void)buf_add_cstr(body, "<a href=/hub>x</a>");
		if (n == 1)
			(void)buf_add_cstr(body, "<a href=/other>x</a>");
	}
}

static size_t
place_of(const char *url)
{
	size_t i = 0;

	while (i < sim_web.requests_len && strcmp(sim_web.requests[i].url, url) != 0)
		i++;
	return i;
}

static void
what_many_pages_link_to_goes_first_with_opic(void **state)
{
	static const char *const options[] = {"order=bfs", "order=opic"};
	size_t hub[2], other[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sim_run run = {0};

		sim_web_reset(hub_script, NULL);
		sim_crawl(&run, "http://h.test/",
		    OPTIONS(options[i], "delay=20ms", "robots=ignore"));
		assert_int_equal(run.end, CRAWL_DONE);
		assert_int_equal(run.stats.pages, 43);
		hub[i] = place_of("http://h.test/hub");
		other[i] = place_of("http://h.test/other");
		sim_release(&run);
	}
	/* Two or three of those that link to it are enough. */
	assert_true(hub[0] > 20);
	assert_in_range(hub[1], 3, 5);
	assert_true(other[1] > 20);
}

static void
opic_leaves_nothing_to_chance(void **state)
{
	size_t first[43];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sim_run run = {
		    .random_seed = (uint64_t)i + 1}; /* of hashes, too */
		char url[64];

		sim_web_reset(hub_script, NULL);
		sim_crawl(&run, "http://h.test/",
		    OPTIONS("order=opic", "delay=20ms", "robots=ignore"));
		for (int n = 1; n <= 20; n++) {
			(void)snprintf(url, sizeof(url), "http://h.test/%d", n);
			if (i == 0)
				first[n] = place_of(url);
			assert_int_equal(place_of(url), first[n]);
		}
		sim_release(&run);
	}
}

static void
opic_survives_stops_and_fetches_each_url_once(void **state)
{
	char dir[KIT_PATH_MAX];
	uint64_t requests = 0;
	bool done = false;

	(void)state;
	kit_scratch(dir);
	for (int i = 0; !done; i++) {
		struct sim_run run = {
		    .dir = dir, .resume = i > 0, .stop_at_ms = 700, .stop_at_once = true};

		assert_true(i < 20);
		sim_web_reset(hub_script, NULL);
		sim_crawl(&run, "http://h.test/",
		    OPTIONS("order=opic", "delay=20ms", "robots=ignore"));
		done = run.end == CRAWL_DONE;
		requests += sim_web.requests_len;
		if (i == 1) /* what it knows of waits in the store, with its cash */
			assert_int_equal(sim_count("http://h.test/hub"), 0);
		if (done) {
			assert_int_equal(run.stats.pages, 43);
			assert_int_equal(run.stats.queued, 0);
		}
		sim_release(&run);
	}
	/* One at a time: of each run but the last, one was under way. */
	assert_in_range(requests, 43, 43 + 19);
	kit_remove(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_many_pages_link_to_goes_first_with_opic),
	    cmocka_unit_test(opic_leaves_nothing_to_chance),
	    cmocka_unit_test(opic_survives_stops_and_fetches_each_url_once),
	};

	return cmocka_run_group_tests_name("sim/opic", tests, NULL, NULL);
}
