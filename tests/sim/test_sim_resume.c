/* Crawls that are stopped and gone on with, in virtual time: one kind of stop a test.  All
 * kinds at random are test_sim_faults'. */
#include "../fault/fault.h"
#include "../unit/files_kit.h"
#include "sim_crawl.h"
#include <errno.h>
#include <stdio.h>

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define DAY_US       (INT64_C(86400) * 1000000)

static bool
ends(struct slice url, const char *with)
{
	return slice_ends(url, slice_cstr(with));
}

/* The robots.txt of a.test lies elsewhere and forbids /private. */
static void
moved_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->latency_ms = 100;
	ret->status = 200;
	if (ends(url, "a.test/robots.txt")) {
		ret->status = 301;
		ret->headers = "Location: http://b.test/rules\r\n";
	} else if (ends(url, "/rules")) {
		ret->headers = "Content-Type: text/plain\r\n";
		(void)buf_add_cstr(body, "User-agent: *\nDisallow: /private\n");
	} else if (ends(url, "a.test/")) {
		(void)buf_add_cstr(body, "<a href=/private/1>x</a><a href=/2>y</a>");
	}
}

static void
a_stop_before_a_moved_robots_txt_is_read_does_not_allow_everything(void **state)
{
	(void)state;
	/* While the first answer is awaited, and the second. */
	for (int64_t at = 50; at <= 150; at += 100) {
		struct sim_run run = {.stop_at_ms = at};
		char dir[KIT_PATH_MAX];

		kit_scratch(dir);
		run.dir = dir;
		sim_web_reset(moved_script, NULL);
		sim_crawl(&run, "http://a.test/", OPTIONS("delay=0"));
		assert_int_equal(run.end, CRAWL_STOPPED);
		assert_int_equal(run.stats.pages, 0);
		sim_release(&run);

		run = (struct sim_run){.dir = dir, .resume = true};
		sim_web_reset(moved_script, NULL);
		sim_crawl(&run, "http://a.test/", OPTIONS("delay=0"));
		assert_int_equal(run.end, CRAWL_DONE);
		assert_int_equal(sim_count("http://a.test/private/1"), 0);
		assert_int_equal(run.stats.outcomes[OUTCOME_ROBOTS_DENIED], 1);
		assert_int_equal(run.stats.pages, 2);
		/* What was read is not read again. */
		assert_int_equal(sim_count("http://b.test/rules"), at == 50);
		sim_release(&run);
		kit_remove(dir);
	}
}

/* a.test knows a page of new.test; old.test says, later, that it moved there. */
static void
moving_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->latency_ms = 5;
	ret->status = ends(url, "/robots.txt") ? 404 : 200;
	if (ends(url, "a.test/")) {
		(void)buf_add_cstr(body, "<a href=http://new.test/by-a>x</a>"
					 "<a href=http://other.test/>y</a>");
	} else if (ends(url, "old.test/")) {
		ret->status = 301;
		ret->latency_ms = 5000;
		ret->headers = "Location: http://new.test/\r\n";
	}
}

static void
where_a_seed_moves_is_wanted_also_if_it_was_found_in_an_earlier_run(void **state)
{
	static const char *const more[] = {"http://old.test/", NULL};
	struct sim_run run = {
	    .more_seeds = more, .stop_at_ms = 2000, .stop_at_once = true};
	char dir[KIT_PATH_MAX];

	(void)state;
	kit_scratch(dir);
	run.dir = dir;
	sim_web_reset(moving_script, NULL);
	sim_crawl(&run, "http://a.test/", OPTIONS("delay=0"));
	assert_int_equal(run.end, CRAWL_STOPPED);
	assert_int_equal(run.stats.outcomes[OUTCOME_OUT_OF_SCOPE], 2);
	sim_release(&run);
	for (int i = 0; i < 2; i++) {
		run = (struct sim_run){.dir = dir, .resume = true, .more_seeds = more};
		sim_web_reset(moving_script, NULL);
		sim_crawl(&run, "http://a.test/", OPTIONS("delay=0"));
		assert_int_equal(run.end, CRAWL_DONE);
		assert_int_equal(run.stats.outcomes[OUTCOME_OUT_OF_SCOPE], 1);
		assert_int_equal(run.stats.outcomes[OUTCOME_OK], 3);
		assert_int_equal(sim_count("http://new.test/by-a"), i == 0);
		assert_int_equal(sim_count("http://other.test/"), 0);
		sim_release(&run);
	}
	kit_remove(dir);
}

/* Page n links n + 1, up to 9. */
static void
chain_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	int n = url.ptr[url.len - 1] - '0';

	(void)ctx;
	ret->latency_ms = 20;
	ret->status = ends(url, "/robots.txt") ? 404 : 200;
	if (n >= 0 && n < 9)
		(void)buf_printf(body, "<a href=/%d>x</a>", n + 1);
}

static void
every_stop_is_gone_on_with_until_all_is_there_once(void **state)
{
	int64_t wall_us = 1700000000000000;
	char dir[KIT_PATH_MAX];
	struct sim_run run = {.dir = dir};
	size_t asked = 0;

	(void)state;
	kit_scratch(dir);
	for (int i = 0; i < 30; i++) {
		run = (struct sim_run){.dir = dir,
		    .resume = i > 0,
		    .random_seed = (uint64_t)i + 1,
		    .wall_us = wall_us + i * DAY_US / 30,
		    .stop_at_ms = 270,
		    .stop_at_once = i % 2 == 0};
		sim_web_reset(chain_script, NULL);
		sim_crawl(&run, "http://a.test/0", OPTIONS("delay=100ms"));
		assert_true(run.end == CRAWL_STOPPED || run.end == CRAWL_DONE);
		assert_int_equal(
		    run.stats.discovered, run.stats.pages + run.stats.queued);
		for (size_t k = 0; k < run.ended_len; k++)
			asked += run.ended[k].final;
		if (run.end == CRAWL_DONE)
			break;
		sim_release(&run);
	}
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(run.stats.pages, 10);
	assert_int_equal(run.stats.outcomes[OUTCOME_OK], 10);
	assert_int_equal(asked, 10);
	sim_release(&run);
	kit_remove(dir);
}

static void
a_finished_crawl_is_resumed_in_no_time(void **state)
{
	char dir[KIT_PATH_MAX];
	struct sim_run run = {.dir = dir};

	(void)state;
	kit_scratch(dir);
	for (int i = 0; i < 3; i++) {
		run = (struct sim_run){.dir = dir, .resume = i > 0};
		sim_web_reset(chain_script, NULL);
		sim_crawl(&run, "http://a.test/0", OPTIONS("delay=100ms"));
		assert_int_equal(run.end, CRAWL_DONE);
		assert_int_equal(run.stats.pages, 10);
		assert_int_equal(sim_web.requests_len, i == 0 ? 11 : 0);
		sim_release(&run);
	}
	kit_remove(dir);
}

static void
a_new_crawl_does_not_go_into_the_directory_of_another(void **state)
{
	char dir[KIT_PATH_MAX];
	struct sim_run run = {.dir = dir};

	(void)state;
	kit_scratch(dir);
	sim_web_reset(chain_script, NULL);
	sim_crawl(&run, "http://a.test/0", OPTIONS("delay=0"));
	sim_release(&run);
	run = (struct sim_run){.dir = dir, .may_fail = true};
	sim_web_reset(chain_script, NULL);
	sim_crawl(&run, "http://a.test/0", OPTIONS("delay=0"));
	assert_true(run.err < 0);
	assert_non_null(strstr(run.why.text, "resume"));
	assert_int_equal(sim_web.requests_len, 0);
	sim_release(&run);
	kit_remove(dir);
}

/* ctx: of the plan, which call fails. */
static void
with_faults(struct sim_run *run, bool begins)
{
	struct fault_plan *plan = run->ctx;

	if (begins)
		assert_int_equal(fault_start(plan, NULL), 0);
	else
		fault_stop();
}

/* Without the web's own allocations. */
static void
own(bool begins)
{
	if (begins)
		fault_pause();
	else
		fault_resume();
}

/* Of every `step`-th call on its own. */
static void
after_each_failure(enum fault_call call, uint64_t step)
{
	uint64_t fired = 1, n = 1;

	for (; fired > 0; n += step) {
		struct fault_plan plan = {.seed = n};
		struct sim_run run = {
		    .work = with_faults, .may_fail = true, .ctx = &plan};
		char dir[KIT_PATH_MAX];

		plan.nth[call] = (struct fault_nth){.n = n, .times = 1, .err = EIO};
		kit_scratch(dir);
		(void)snprintf(plan.dir, sizeof(plan.dir), "%s", dir);
		run.dir = dir;
		sim_web_reset(chain_script, NULL);
		sim_web.own = own;
		sim_crawl(&run, "http://a.test/0", OPTIONS("delay=400ms"));
		fired = fault_counts()->fired;
		sim_release(&run);

		run = (struct sim_run){.dir = dir, .resume = true, .random_seed = 7};
		sim_web_reset(chain_script, NULL);
		sim_crawl(&run, "http://a.test/0", OPTIONS("delay=400ms"));
		assert_int_equal(run.end, CRAWL_DONE);
		assert_int_equal(run.stats.pages, 10);
		assert_int_equal(run.stats.discovered, 10);
		sim_release(&run);
		kit_remove(dir);
	}
	assert_true(n > 20 * step); /* there was something to fail */
}

static void
whichever_sync_fails_a_resume_finds_what_it_needs(void **state)
{
	(void)state;
	after_each_failure(FAULT_FSYNC, 1);
}

static void
whichever_write_fails_a_resume_finds_what_it_needs(void **state)
{
	(void)state;
	after_each_failure(FAULT_WRITE, 1);
}

enum { MAP_LINKS = 14500 };

/* robots.txt names a sitemap, of which the links are more than one commit takes. */
static void
map_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->latency_ms = 5;
	ret->status = 200;
	if (ends(url, "/robots.txt")) {
		ret->headers = "Content-Type: text/plain\r\n";
		(void)buf_add_cstr(body, "sitemap: http://m.test/map.txt\n");
	} else if (ends(url, "/map.txt")) {
		ret->headers = "Content-Type: text/plain\r\n";
		for (int i = 0; i < MAP_LINKS; i++)
			(void)buf_printf(body, "http://m.test/%0400d\n", i);
	}
}

static void
run_map(struct sim_run *run, bool more)
{
	sim_web_reset(map_script, NULL);
	sim_web.own = own;
	sim_crawl(run, "http://m.test/",
	    OPTIONS("delay=100ms", more ? "max-pages=4" : "max-pages=2"));
}

static void
a_sitemap_larger_than_a_commit_is_there_once_whichever_sync_fails(void **state)
{
	uint64_t syncs, between = 0;
	struct fault_plan none = {.seed = 1};
	struct sim_run all = {.work = with_faults, .ctx = &none};
	char dir[KIT_PATH_MAX];

	(void)state;
	kit_scratch(dir);
	(void)snprintf(none.dir, sizeof(none.dir), "%s", dir);
	all.dir = dir;
	run_map(&all, false);
	assert_int_equal(all.end, CRAWL_PAGES);
	assert_int_equal(all.stats.discovered, MAP_LINKS + 2);
	syncs = fault_counts()->calls[FAULT_FSYNC];
	sim_release(&all);
	kit_remove(dir);
	for (uint64_t n = 1; n <= syncs; n++) {
		struct fault_plan plan = {.seed = n};
		struct sim_run run = {
		    .work = with_faults, .may_fail = true, .ctx = &plan};
		uint64_t found;

		plan.nth[FAULT_FSYNC] =
		    (struct fault_nth){.n = n, .times = 1, .err = EIO};
		kit_scratch(dir);
		(void)snprintf(plan.dir, sizeof(plan.dir), "%s", dir);
		run.dir = dir;
		run_map(&run, false);
		sim_release(&run);

		run = (struct sim_run){.dir = dir, .resume = true, .random_seed = 7};
		run_map(&run, true);
		assert_int_equal(run.end, CRAWL_PAGES);
		assert_int_equal(run.stats.discovered, MAP_LINKS + 2);
		assert_int_equal(run.stats.pages, 4);
		assert_int_equal(run.stats.queued, MAP_LINKS + 2 - run.stats.fetched);
		/* Some of it was there, and it was read again. */
		found = run.stats.duplicates;
		between += found > 0 && found < MAP_LINKS &&
			   sim_count("http://m.test/map.txt") == 1;
		sim_release(&run);
		kit_remove(dir);
	}
	assert_true(between > 0);
}

enum { LONG_BYTES = 8192, LONG_LINKS = 5500 };
static char long_seed[LONG_BYTES];

/* The seed links thousands of URLs that are as long as they may be. */
static void
long_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->latency_ms = 5;
	ret->status = 200;
	if (ends(url, "/robots.txt"))
		ret->status = 404;
	for (int i = 0; ends(url, "/") && i < LONG_LINKS; i++)
		(void)buf_printf(body, "<a href=%05d>x</a>", i);
}

static void
what_waits_of_the_longest_urls_is_read_again(void **state)
{
	char dir[KIT_PATH_MAX];
	struct sim_run run = {.dir = dir};
	int at = snprintf(long_seed, sizeof(long_seed), "http://l.test/");

	(void)state;
	kit_scratch(dir);
	memset(long_seed + at, 'a', LONG_BYTES - (size_t)at);
	long_seed[LONG_BYTES - 6] = '/';
	long_seed[LONG_BYTES - 5] = '\0';
	sim_web_reset(long_script, NULL);
	sim_web.own = own;
	sim_crawl(&run, long_seed, OPTIONS("delay=0", "traps=no", "max-pages=1"));
	assert_int_equal(run.stats.discovered, LONG_LINKS + 1);
	sim_release(&run);

	run = (struct sim_run){.dir = dir, .resume = true};
	sim_web_reset(long_script, NULL);
	sim_web.own = own;
	sim_crawl(&run, long_seed, OPTIONS("delay=0", "traps=no", "max-pages=300"));
	assert_int_equal(run.end, CRAWL_PAGES);
	assert_int_equal(run.stats.pages, 300);
	sim_release(&run);
	kit_remove(dir);
}

/* Page n links 2n+1 and 2n+2, up to 40, and three days of a calendar. */
static void
calendar_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	size_t at = url.len;
	uint64_t n;

	(void)ctx;
	ret->latency_ms = 20;
	ret->status = ends(url, "/robots.txt") ? 404 : 200;
	while (at > 0 && ascii_is_digit(url.ptr[at - 1]))
		at--;
	if (!slice_to_u64(slice_from(url, at), &n) ||
	    slice_starts(url, SLICE_LIT("http://a.test/cal/")))
		return;
	for (uint64_t i = 2 * n + 1; i <= 2 * n + 2 && i <= 40; i++)
		(void)buf_printf(body, "<a href=/%d>x</a>", (int)i);
	for (int i = 0; i < 3; i++)
		(void)buf_printf(body, "<a href=/cal/%d>x</a>", (int)n * 3 + i);
}

enum { CALENDAR_PAGES = 41, CALENDAR_DAYS = 3 * CALENDAR_PAGES };

/* The first run is stopped after a while; the others want no calendar. */
static void
stop_and_exclude(const char *order, int64_t first_ms, int64_t then_ms)
{
	char dir[KIT_PATH_MAX];
	struct sim_run run = {.dir = dir};
	uint64_t days = 0;

	kit_scratch(dir);
	for (int i = 0; i < 200; i++) {
		run = (struct sim_run){.dir = dir,
		    .resume = i > 0,
		    .random_seed = (uint64_t)i + 1,
		    .wall_us = 1700000000000000 + i * DAY_US / 100,
		    .stop_at_ms = i == 0 ? first_ms : then_ms,
		    .stop_at_once = i % 2 == 0};
		sim_web_reset(calendar_script, NULL);
		sim_crawl(&run, "http://a.test/0",
		    i == 0 ? OPTIONS("delay=30ms", order)
			   : OPTIONS("delay=30ms", order, "exclude=/cal/"));
		for (size_t k = 0; k < sim_web.requests_len; k++) {
			bool day = strstr(sim_web.requests[k].url, "/cal/") != NULL;

			assert_false(i > 0 && day);
		}
		if (i == 0)
			days = run.stats.pages;
		if (run.end == CRAWL_DONE)
			break;
		sim_release(&run);
	}
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(run.stats.discovered, CALENDAR_PAGES + CALENDAR_DAYS);
	/* Each page, and the days that were fetched before. */
	assert_in_range(run.stats.pages, CALENDAR_PAGES, CALENDAR_PAGES + days);
	assert_int_equal(run.stats.outcomes[OUTCOME_OK], run.stats.pages);
	assert_int_equal(run.stats.outcomes[OUTCOME_OUT_OF_SCOPE],
	    run.stats.discovered - run.stats.pages);
	sim_release(&run);
	kit_remove(dir);
}

static void
what_waits_is_dropped_when_the_scope_shrinks_whenever_that_is_stopped(void **state)
{
	static const char *const orders[] = {
	    "order=bfs", "order=dfs", "order=priority", "order=sitemap", "order=opic"};

	(void)state;
	for (size_t i = 0; i < 5; i++)
		for (int64_t ms = 300; ms < 1300; ms += 900)
			stop_and_exclude(orders[i], ms, 270 + ms / 10);
}

static void
whichever_allocation_fails_a_resume_finds_what_it_needs(void **state)
{
	const char *step = getenv("SIM_STEP");

	(void)state;
#ifdef TRAWL_SANITIZED
	skip();
#endif
	after_each_failure(FAULT_MALLOC, step == NULL ? 17 : strtoull(step, NULL, 10));
}

/* The first answer to a.test/ does not come. */
static void
late_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)body;
	ret->latency_ms = 50;
	ret->status = ends(url, "/robots.txt") ? 404 : 200;
	if (ends(url, "a.test/") && *(bool *)ctx) {
		ret->status = 0;
		ret->failure = OUTCOME_TIMEOUT_FIRST_BYTE;
	}
}

static void
a_retry_comes_soon_though_the_clock_was_set_back(void **state)
{
	struct sim_run run = {.stop_at_ms = 300, .wall_us = 1700000000000000};
	char dir[KIT_PATH_MAX];
	bool late = true;

	(void)state;
	kit_scratch(dir);
	run.dir = dir;
	sim_web_reset(late_script, &late);
	sim_crawl(&run, "http://a.test/", OPTIONS("delay=0"));
	assert_int_equal(run.end, CRAWL_STOPPED);
	assert_int_equal(run.stats.queued, 1);
	assert_int_equal(sim_count("http://a.test/"), 1);
	sim_release(&run);

	late = false;
	run = (struct sim_run){
	    .dir = dir, .resume = true, .wall_us = 1700000000000000 - 365 * DAY_US};
	sim_web_reset(late_script, &late);
	sim_crawl(&run, "http://a.test/", OPTIONS("delay=0"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(run.stats.pages, 1);
	assert_in_range(run.stats.crawl_ms, 0, 10 * 60 * 1000);
	sim_release(&run);
	kit_remove(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_stop_before_a_moved_robots_txt_is_read_does_not_allow_everything),
	    cmocka_unit_test(
		where_a_seed_moves_is_wanted_also_if_it_was_found_in_an_earlier_run),
	    cmocka_unit_test(every_stop_is_gone_on_with_until_all_is_there_once),
	    cmocka_unit_test(a_finished_crawl_is_resumed_in_no_time),
	    cmocka_unit_test(a_retry_comes_soon_though_the_clock_was_set_back),
	    cmocka_unit_test(
		what_waits_is_dropped_when_the_scope_shrinks_whenever_that_is_stopped),
	    cmocka_unit_test(whichever_sync_fails_a_resume_finds_what_it_needs),
	    cmocka_unit_test(whichever_write_fails_a_resume_finds_what_it_needs),
	    cmocka_unit_test(
		a_sitemap_larger_than_a_commit_is_there_once_whichever_sync_fails),
	    cmocka_unit_test(what_waits_of_the_longest_urls_is_read_again),
	    cmocka_unit_test(whichever_allocation_fails_a_resume_finds_what_it_needs),
	    cmocka_unit_test(a_new_crawl_does_not_go_into_the_directory_of_another),
	};

	return cmocka_run_group_tests_name("sim/resume", tests, NULL, NULL);
}
