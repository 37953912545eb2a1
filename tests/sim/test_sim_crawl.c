#include "sim_crawl.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

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

static void
not_found(struct sim_reply *ret)
{
	ret->status = 404;
	ret->latency_ms = 5;
}

/* ---- politeness ---- */

enum { HOSTS = 20, PAGES = 15 };

/* hub.test/ links page 0 of each host; page n links page n + 1. */
static void
chain_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	int n = number_of(url);

	(void)ctx;
	if (ends(url, "/robots.txt")) {
		not_found(ret);
		return;
	}
	ret->status = 200;
	ret->latency_ms = 7 + n % 5 * 10;
	if (ends(url, "hub.test/"))
		for (int h = 0; h < HOSTS; h++)
			(void)buf_printf(body, "<a href='http://h%d.test/0'>x</a>", h);
	else if (n >= 0 && n + 1 < PAGES)
		(void)buf_printf(
		    body, "<a href='%d'>next</a><a href='%d'>again</a>", n + 1, n);
}

static void
hosts_are_asked_one_at_a_time_and_with_the_gap_that_was_set(void **state)
{
	struct sim_run run = {0};
	char host[32];

	(void)state;
	sim_web_reset(chain_script, NULL);
	sim_crawl(
	    &run, "http://hub.test/", OPTIONS("scope=any", "per-host=1", "delay=100ms"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(run.stats.pages, 1 + HOSTS * PAGES);
	for (int h = 0; h < HOSTS; h++) {
		(void)snprintf(host, sizeof(host), "h%d.test", h);
		assert_in_range(sim_least_gap_ms(host), 100, 110);
	}
	/* The hosts run side by side: the whole takes as long as one of them. */
	assert_in_range(run.took_ms, PAGES * 107, PAGES * 150 + 3000);
	assert_true(sim_web.running_max >= HOSTS / 2);
	sim_release(&run);
}

static void
with_delay_auto_a_host_rests_as_long_as_its_answer_took(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(chain_script, NULL);
	sim_crawl(&run, "http://h0.test/0", OPTIONS("delay=auto"));
	assert_int_equal(run.stats.pages, PAGES);
	for (size_t i = 2; i < sim_web.requests_len; i++) {
		const struct sim_request *was = &sim_web.requests[i - 1];

		assert_true(sim_web.requests[i].began_ms - was->ended_ms >=
			    was->ended_ms - was->began_ms);
	}
	sim_release(&run);
}

static void
concurrency_holds_over_all_hosts(void **state)
{
	static const char *const options[] = {
	    "concurrency=1", "concurrency=4", "concurrency=64"};
	uint64_t most[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct sim_run run = {0};

		sim_web_reset(chain_script, NULL);
		sim_crawl(&run, "http://hub.test/",
		    OPTIONS("scope=any", "delay=0", options[i]));
		assert_int_equal(run.stats.pages, 1 + HOSTS * PAGES);
		most[i] = sim_web.running_max;
		sim_release(&run);
	}
	assert_int_equal(most[0], 1);
	assert_int_equal(most[1], 4);
	assert_in_range(most[2], HOSTS / 2, HOSTS);
}

static void
rate_holds_over_all_hosts(void **state)
{
	static const char *const options[] = {"rate=50/s", "rate=0"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		const int64_t ms = (int64_t)(HOSTS * PAGES - 50) * 1000 / 50;
		struct sim_run run = {0};

		sim_web_reset(chain_script, NULL);
		sim_crawl(&run, "http://hub.test/",
		    OPTIONS("scope=any", "delay=0", options[i]));
		assert_int_equal(run.stats.pages, 1 + HOSTS * PAGES);
		assert_true((run.took_ms >= ms) == (i == 0));
		sim_release(&run);
	}
}

static void
robots_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->latency_ms = 10;
	ret->status = 200;
	if (ends(url, "rules.test/robots.txt")) {
		ret->headers = "Content-Type: text/plain\r\n";
		(void)buf_add_cstr(body,
		    "User-agent: *\nDisallow: /private\nCrawl-delay: 2\n"
		    "Sitemap: http://rules.test/map.xml\n");
	} else if (ends(url, "broken.test/robots.txt")) {
		ret->status = 500;
	} else if (ends(url, "silent.test/robots.txt")) {
		ret->latency_ms = 3600000;
	} else if (ends(url, "moved.test/robots.txt")) {
		ret->status = 301;
		ret->headers = "Location: http://rules.test/robots.txt\r\n";
	} else if (ends(url, "map.xml")) {
		ret->headers = "Content-Type: text/xml\r\n";
		(void)buf_add_cstr(body,
		    "<?xml version='1.0'?><urlset "
		    "xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>"
		    "<url><loc>http://rules.test/only-in-map</loc></url></urlset>");
	} else if (ends(url, "rules.test/")) {
		(void)buf_add_cstr(body,
		    "<a href=/private/x>a</a><a href=/public>b</a><a "
		    "href=http://broken.test/>c</a>"
		    "<a href=http://silent.test/>d</a><a "
		    "href=http://moved.test/private>e</a>"
		    "<a href=http://moved.test/fine>f</a>");
	}
}

static void
robots_rules_delay_and_sitemap_are_obeyed(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(robots_script, NULL);
	sim_crawl(&run, "http://rules.test/",
	    OPTIONS("scope=any", "delay=0", "first-byte-timeout=20s"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(
	    sim_outcome(&run, "http://rules.test/private/x"), OUTCOME_ROBOTS_DENIED);
	assert_int_equal(sim_count("http://rules.test/private/x"), 0);
	assert_int_equal(sim_outcome(&run, "http://rules.test/public"), OUTCOME_OK);
	assert_int_equal(sim_outcome(&run, "http://rules.test/only-in-map"), OUTCOME_OK);
	assert_int_equal(sim_outcome(&run, "http://rules.test/map.xml"), OUTCOME_OK);
	assert_true(sim_least_gap_ms("rules.test") >= 2000);
	/* A redirected robots.txt is that host's robots.txt. */
	assert_int_equal(
	    sim_outcome(&run, "http://moved.test/private"), OUTCOME_ROBOTS_DENIED);
	assert_int_equal(sim_outcome(&run, "http://moved.test/fine"), OUTCOME_OK);
	/* Unreachable: disallowed, asked again, given up; nobody else is held up by it.
	 */
	assert_int_equal(
	    sim_outcome(&run, "http://broken.test/"), OUTCOME_ROBOTS_UNREACHABLE);
	assert_int_equal(
	    sim_outcome(&run, "http://silent.test/"), OUTCOME_ROBOTS_UNREACHABLE);
	assert_int_equal(sim_count("http://broken.test/"), 0);
	assert_int_equal(sim_count("http://broken.test/robots.txt"), 3);
	sim_release(&run);
}

static void
an_unavailable_robots_txt_is_asked_for_as_often_as_retries_permit(void **state)
{
	(void)state;
	for (int retries = 0; retries <= 1; retries++) {
		struct sim_run run = {0};
		const char *option = retries == 0 ? "retries=0" : "retries=1";

		sim_web_reset(robots_script, NULL);
		sim_crawl(&run, "http://broken.test/", OPTIONS("delay=0", option));
		assert_int_equal(
		    sim_outcome(&run, "http://broken.test/"), OUTCOME_ROBOTS_UNREACHABLE);
		assert_int_equal(sim_count("http://broken.test/robots.txt"), 1 + retries);
		sim_release(&run);
	}
}

static void
robots_can_be_ignored(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(robots_script, NULL);
	sim_crawl(&run, "http://rules.test/", OPTIONS("robots=ignore", "delay=0"));
	assert_int_equal(sim_count("http://rules.test/robots.txt"), 0);
	assert_int_equal(sim_outcome(&run, "http://rules.test/private/x"), OUTCOME_OK);
	sim_release(&run);
}

/* 40 hosts whose robots.txt all lie at one hub, which forbids everything. */
static void
hub_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->latency_ms = 100;
	ret->status = 200;
	if (ends(url, "start.test/robots.txt")) {
		not_found(ret);
	} else if (ends(url, "start.test/")) {
		for (int i = 0; i < 40; i++)
			(void)buf_printf(body, "<a href=http://m%d.test/>x</a>", i);
	} else if (ends(url, "hub.test/rules")) {
		ret->headers = "Content-Type: text/plain\r\n";
		(void)buf_add_cstr(body, "User-agent: *\nDisallow: /\n");
	} else if (ends(url, "/robots.txt")) {
		ret->status = 302;
		ret->headers = "Location: http://hub.test/rules\r\n";
	}
}

static void
redirected_robots_ask_a_hub_one_at_a_time_and_are_obeyed(void **state)
{
	struct sim_run run = {0};
	int64_t last_end = -1;

	(void)state;
	sim_web_reset(hub_script, NULL);
	sim_crawl(&run, "http://start.test/", OPTIONS("scope=any", "delay=0"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(run.stats.outcomes[OUTCOME_ROBOTS_DENIED], 40);
	assert_int_equal(run.stats.pages, 1);
	assert_int_equal(sim_count("http://hub.test/rules"), 40);
	for (size_t i = 0; i < sim_web.requests_len; i++) {
		const struct sim_request *r = &sim_web.requests[i];

		if (strcmp(r->url, "http://hub.test/rules") != 0)
			continue;
		assert_true(r->began_ms >= last_end);
		last_end = r->ended_ms;
	}
	sim_release(&run);
}

/* ---- retries, back-off, deadlines ---- */

static void
flaky_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	int *tries = ctx;

	ret->latency_ms = 10;
	ret->status = 200;
	if (ends(url, "/robots.txt")) {
		not_found(ret);
	} else if (ends(url, "/")) {
		(void)buf_add_cstr(body,
		    "<a href=/twice>a</a><a href=/slow>b</a><a href=/busy>c</a>"
		    "<a href=/broken>d</a><a href=http://no.invalid/>e</a>");
	} else if (ends(url, "/twice") && tries[0]++ < 2) {
		ret->status = 0;
		ret->failure = OUTCOME_TIMEOUT_STALL;
	} else if (ends(url, "/slow")) {
		ret->latency_ms = 100000000;
	} else if (ends(url, "/busy") && tries[1]++ < 1) {
		ret->status = 503;
		ret->headers = "Retry-After: 90\r\n";
	} else if (ends(url, "/broken")) {
		ret->status = 500;
	}
}

static void
what_may_pass_is_tried_again_and_what_will_not_is_not(void **state)
{
	struct sim_run run = {0};
	int tries[2] = {0};

	(void)state;
	sim_web_reset(flaky_script, tries);
	sim_crawl(&run, "http://a.test/",
	    OPTIONS("scope=any", "delay=0", "retries=3", "first-byte-timeout=5s"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(sim_outcome(&run, "http://a.test/twice"), OUTCOME_OK);
	assert_int_equal(sim_count("http://a.test/twice"), 3);
	assert_int_equal(
	    sim_outcome(&run, "http://a.test/slow"), OUTCOME_TIMEOUT_FIRST_BYTE);
	assert_int_equal(sim_count("http://a.test/slow"), 4);
	assert_int_equal(sim_outcome(&run, "http://a.test/broken"), OUTCOME_HTTP_5XX);
	assert_int_equal(sim_count("http://a.test/broken"), 1);
	assert_int_equal(sim_outcome(&run, "http://no.invalid/"), OUTCOME_DNS_FAILURE);
	sim_release(&run);
}

static void
retry_after_slows_the_host_not_the_url(void **state)
{
	struct sim_run run = {0};
	int tries[2] = {0};
	int64_t busy_end = -1;

	(void)state;
	sim_web_reset(flaky_script, tries);
	sim_crawl(&run, "http://a.test/",
	    OPTIONS("delay=0", "retries=1", "first-byte-timeout=5s"));
	assert_int_equal(sim_outcome(&run, "http://a.test/busy"), OUTCOME_OK);
	assert_int_equal(sim_count("http://a.test/busy"), 2);
	for (size_t i = 0; i < sim_web.requests_len; i++) {
		const struct sim_request *r = &sim_web.requests[i];

		if (busy_end >= 0)
			assert_true(r->began_ms >= busy_end + 90000);
		if (busy_end < 0 && strcmp(r->url, "http://a.test/busy") == 0)
			busy_end = r->ended_ms;
	}
	sim_release(&run);
}

static void
dead_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->latency_ms = 10;
	ret->status = 200;
	if (ends(url, "/robots.txt")) {
		not_found(ret);
	} else if (ends(url, "alive.test/")) {
		for (int i = 0; i < 500; i++)
			(void)buf_printf(body, "<a href=http://dead.test/%d>x</a>", i);
	} else if (slice_starts(url, SLICE_LIT("http://dead.test/"))) {
		ret->status = 0;
		ret->failure = OUTCOME_TIMEOUT_CONNECT;
		ret->latency_ms = 10000;
	}
}

static void
a_dead_host_fails_as_a_host(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(dead_script, NULL);
	sim_crawl(&run, "http://alive.test/", OPTIONS("scope=any", "delay=0"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(run.stats.outcomes[OUTCOME_TIMEOUT_CONNECT], 500);
	assert_true(sim_web.requests_len < 30);
	sim_release(&run);
}

/* ---- redirects, scope, depth ---- */

static void
maze_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	static char location[128];
	int n = number_of(url);

	(void)ctx;
	ret->latency_ms = 1;
	ret->status = 200;
	if (ends(url, "/robots.txt")) {
		not_found(ret);
	} else if (ends(url, "old.test/")) {
		ret->status = 301;
		ret->headers = "Location: http://new.test/\r\n";
	} else if (ends(url, "new.test/")) {
		(void)buf_add_cstr(body,
		    "<a href=/loop1>l</a><a href=/far1>f</a><a href=/deep/1>d</a>"
		    "<img src=http://img.test/i.png><a href=http://img.test/page>x</a>"
		    "<a href=mailto:x@y.test>m</a><a href='http://[bad'>b</a>");
	} else if (ends(url, "/loop1")) {
		ret->status = 302;
		ret->headers = "Location: /loop2\r\n";
	} else if (ends(url, "/loop2")) {
		ret->status = 302;
		ret->headers = "Location: /loop1\r\n";
	} else if (slice_find(url, 'f') < url.len && n > 0 && n < 40) {
		ret->status = 307;
		(void)snprintf(location, sizeof(location), "Location: /far%d\r\n", n + 1);
		ret->headers = location;
	} else if (n > 0) {
		(void)buf_printf(body, "<a href=/deep/%d>d</a>", n + 1);
	}
}

static void
redirects_scope_and_depth_each_have_their_outcome(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(maze_script, NULL);
	sim_crawl(
	    &run, "http://old.test/", OPTIONS("delay=0", "depth=5", "requisites=yes"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(sim_outcome(&run, "http://old.test/"), OUTCOME_REDIRECT);
	/* A seed's new home is crawled. */
	assert_int_equal(sim_outcome(&run, "http://new.test/"), OUTCOME_OK);
	assert_int_equal(sim_outcome(&run, "http://new.test/loop1"), OUTCOME_REDIRECT);
	assert_int_equal(sim_count("http://new.test/loop1"), 1);
	assert_int_equal(run.stats.outcomes[OUTCOME_REDIRECT_LIMIT], 1);
	assert_int_equal(sim_count("http://new.test/far21"), 1);
	assert_int_equal(sim_count("http://new.test/far22"), 0);
	assert_int_equal(sim_outcome(&run, "http://new.test/deep/5"), OUTCOME_OK);
	assert_int_equal(sim_count("http://new.test/deep/6"), 0);
	assert_int_equal(run.stats.outcomes[OUTCOME_DEPTH], 1);
	assert_int_equal(sim_outcome(&run, "http://img.test/i.png"), OUTCOME_OK);
	assert_int_equal(sim_count("http://img.test/page"), 0);
	assert_int_equal(run.stats.outcomes[OUTCOME_OUT_OF_SCOPE], 1);
	assert_int_equal(run.stats.outcomes[OUTCOME_UNSUPPORTED_SCHEME], 1);
	assert_int_equal(run.stats.outcomes[OUTCOME_BAD_URL], 1);
	sim_release(&run);
}

static void
include_and_exclude_decide_by_pattern(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(maze_script, NULL);
	sim_crawl(&run, "http://new.test/",
	    OPTIONS("delay=0", "include=/deep/", "exclude=/deep/[7-9]", "depth=20"));
	assert_int_equal(sim_outcome(&run, "http://new.test/deep/6"), OUTCOME_OK);
	assert_int_equal(sim_count("http://new.test/deep/7"), 0);
	assert_int_equal(sim_count("http://new.test/loop1"), 0);
	sim_release(&run);
}

static void
parts_of_pages_come_from_anywhere_only_if_asked(void **state)
{
	static const char *const options[] = {"requisites=yes", "requisites=no"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sim_run run = {0};

		sim_web_reset(maze_script, NULL);
		sim_crawl(
		    &run, "http://new.test/", OPTIONS("delay=0", "depth=5", options[i]));
		assert_int_equal(sim_count("http://img.test/i.png"), i == 0);
		assert_int_equal(sim_count("http://img.test/page"), 0);
		sim_release(&run);
	}
}

/* One link for each step that a scope may go. */
static const char *const steps[] = {"http://www.site.test/dir/",
    "http://www.site.test/dir/in", "http://www.site.test/beside",
    "http://other.site.test/", "http://elsewhere.test/"};

static void
steps_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->latency_ms = 5;
	ret->status = ends(url, "/robots.txt") ? 404 : 200;
	for (int i = 0; i < 5 && ends(url, "site.test/dir/"); i++)
		(void)buf_printf(body, "<a href='%s'>x</a>", steps[i]);
}

static void
each_scope_reaches_as_far_as_it_says(void **state)
{
	static const char *const scopes[] = {
	    "scope=page", "scope=prefix", "scope=host", "scope=domain", "scope=any"};

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct sim_run run = {0};

		sim_web_reset(steps_script, NULL);
		sim_crawl(&run, steps[0], OPTIONS("delay=0", scopes[i]));
		for (int k = 0; k < 5; k++)
			assert_int_equal(sim_count(steps[k]), k <= i);
		sim_release(&run);
	}
}

/* ---- budgets and stops ---- */

/* Page n links 2n+1 and 2n+2, all on one host. */
static void
tree_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	int n = number_of(url);

	(void)ctx;
	if (ends(url, "/robots.txt")) {
		not_found(ret);
		return;
	}
	ret->status = 200;
	ret->latency_ms = 50;
	for (int i = 0; n >= 0 && n < 4000 && i < 2; i++)
		(void)buf_printf(body, "<a href=/%d>x</a>", 2 * n + 1 + i);
}

static void
a_host_gets_as_many_requests_at_once_as_was_said(void **state)
{
	static const char *const options[] = {"per-host=1", "per-host=3", "per-host=8"};
	static const uint64_t most[] = {1, 3, 8};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct sim_run run = {0};

		sim_web_reset(tree_script, NULL);
		sim_crawl(&run, "http://t.test/0",
		    OPTIONS("delay=0", "max-pages=100", options[i]));
		assert_int_equal(sim_web.running_max, most[i]);
		sim_release(&run);
	}
}

static void
a_page_budget_is_exact(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(tree_script, NULL);
	sim_crawl(
	    &run, "http://t.test/0", OPTIONS("delay=0", "per-host=8", "max-pages=100"));
	assert_int_equal(run.end, CRAWL_PAGES);
	assert_int_equal(run.stats.pages, 100);
	assert_true(run.stats.queued > 0);
	sim_release(&run);
}

static void
a_time_budget_ends_the_crawl(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(tree_script, NULL);
	sim_crawl(&run, "http://t.test/0", OPTIONS("delay=0", "max-time=5s"));
	assert_int_equal(run.end, CRAWL_TIME);
	assert_in_range(run.took_ms, 5000, 5200);
	sim_release(&run);
}

static void
a_polite_stop_waits_for_what_is_in_flight(void **state)
{
	struct sim_run run = {.stop_at_ms = 3020};

	(void)state;
	sim_web_reset(tree_script, NULL);
	sim_crawl(&run, "http://t.test/0", OPTIONS("delay=0", "per-host=4"));
	assert_int_equal(run.end, CRAWL_STOPPED);
	assert_int_equal(run.stats.pages, sim_web.requests_len - 1);
	assert_true(run.stats.queued > 0);
	assert_in_range(run.took_ms, 3020, 3200);
	sim_release(&run);
}

static void
a_stop_at_once_keeps_what_was_in_flight_queued(void **state)
{
	struct sim_run run = {.stop_at_ms = 3020, .stop_at_once = true};

	(void)state;
	sim_web_reset(tree_script, NULL);
	sim_crawl(&run, "http://t.test/0", OPTIONS("delay=0", "per-host=4"));
	assert_int_equal(run.end, CRAWL_STOPPED);
	assert_true(run.stats.pages < sim_web.requests_len - 1);
	assert_int_equal(run.stats.in_flight, 0);
	assert_in_range(run.took_ms, 3020, 3030);
	sim_release(&run);
}

/* ---- orders ---- */

static void
order_is(const char *order, const int *expected, size_t n)
{
	struct sim_run run = {0};
	char option[32], url[64];

	(void)snprintf(option, sizeof(option), "order=%s", order);
	sim_web_reset(tree_script, NULL);
	sim_crawl(&run, "http://t.test/0",
	    OPTIONS(option, "delay=20ms", "robots=ignore", "max-pages=7",
		"priority=/[26]$=5"));
	assert_true(sim_web.requests_len >= n);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(url, sizeof(url), "http://t.test/%d", expected[i]);
		assert_string_equal(sim_web.requests[i].url, url);
	}
	sim_release(&run);
}

static void
orders_do_what_their_names_say(void **state)
{
	static const int bfs[] = {0, 1, 2, 3, 4, 5, 6},
			 dfs[] = {0, 2, 6, 14, 30, 62, 126}, priority[] = {0, 2, 6, 1, 3};

	(void)state;
	order_is("bfs", bfs, 7);
	order_is("dfs", dfs, 7);
	order_is("priority", priority, 4);
}

/* A home page with links, and a sitemap that has its own mind about what counts. */
static void
scores_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->status = 200;
	ret->latency_ms = 50;
	if (ends(url, "/robots.txt")) {
		ret->headers = "Content-Type: text/plain\r\n";
		(void)buf_add_cstr(body, "Sitemap: http://s.test/map.xml\n");
	} else if (ends(url, "/map.xml")) {
		ret->headers = "Content-Type: text/xml\r\n";
		(void)buf_add_cstr(body,
		    "<urlset><url><loc>/low</loc><priority>0.1</priority></url>"
		    "<url><loc>/plain</loc></url>"
		    "<url><loc>/fresh</loc><lastmod>2023-11-14</lastmod></url>"
		    "<url><loc>/high</loc><priority>0.9</priority>"
		    "<lastmod>2023-11-12</lastmod></url></urlset>");
	} else if (ends(url, "s.test/")) {
		(void)buf_add_cstr(body,
		    "<title>Home</title><p>Of everything.<a href=/low>imprint</a>"
		    "<a href=/plain>all about cats</a>"
		    "<a href=/high>the news</a><a href=/fresh>Cats and DOGS</a>");
	} else if (ends(url, "/plain")) {
		(void)buf_add_cstr(body,
		    "<title>Cats, cats, cats</title><p>Cats are cats. "
		    "<a href=/deep>more</a>");
	}
}

static void
scored_is(const char *order, const char *const *expected)
{
	/* 2023-11-14 22:13:20 */
	struct sim_run run = {.wall_us = 1700000000000000};
	size_t at = 0;
	char url[64];

	sim_web_reset(scores_script, NULL);
	sim_crawl(&run, "http://s.test/",
	    OPTIONS(order, "delay=200ms", "focus=cats", "focus=dogs",
		strcmp(order, "order=focus") == 0 ? "sitemaps=no" : "traps=no"));
	assert_int_equal(run.end, CRAWL_DONE);
	for (size_t i = 0; i < sim_web.requests_len; i++) {
		if (ends(slice_cstr(sim_web.requests[i].url), "/robots.txt"))
			continue;
		assert_non_null(expected[at]);
		(void)snprintf(url, sizeof(url), "http://s.test/%s", expected[at++]);
		assert_string_equal(sim_web.requests[i].url, url);
	}
	assert_null(expected[at]);
	sim_release(&run);
}

static void
sitemaps_decide_what_goes_first(void **state)
{
	(void)state;
	scored_is("order=sitemap", (const char *const[]){"map.xml", "high", "fresh", "",
				       "plain", "deep", "low", NULL});
}

static void
words_that_are_looked_for_decide_what_goes_first(void **state)
{
	(void)state;
	scored_is("order=focus",
	    (const char *const[]){"", "fresh", "plain", "deep", "low", "high", NULL});
}

/* ---- random webs ---- */

static uint32_t
hash_of(struct slice url, uint32_t seed)
{
	uint32_t h = 2166136261u ^ seed;

	for (size_t i = 0; i < url.len; i++)
		h = (h ^ (unsigned char)url.ptr[i]) * 16777619u;
	return h ^ h >> 15;
}

/* 12 hosts, 50 paths each; what a URL answers follows from its hash alone, but for the
 * failures that pass with time. */
static void
random_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	uint32_t *seed = ctx, h = hash_of(url, *seed), x = h;
	char text[256];

	ret->latency_ms = h % 400;
	ret->status = 200;
	if (ends(url, "/robots.txt")) {
		not_found(ret);
		return;
	}
	switch (h % 16) {
	case 0:
		ret->status = 404;
		return;
	case 1:
		ret->status = 0;
		ret->failure = OUTCOME_PROTOCOL_ERROR;
		return;
	case 2:
		(void)snprintf(text, sizeof(text), SLICE_FMT, SLICE_ARG(url));
		if (sim_count(text) <= 2) {
			ret->status = 0;
			ret->failure = OUTCOME_TIMEOUT_STALL;
			return;
		}
		break;
	default:
		break;
	}
	for (int i = 0; i < 12; i++) {
		x = x * 1664525u + 1013904223u;
		(void)buf_printf(body, "<a href='http://r%u.test/%u'>x</a>",
		    (x >> 8) % 12, (x >> 16) % 50);
	}
}

static void
random_webs_are_crawled_whole_and_each_url_once(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 40; seed++) {
		struct sim_run run = {0};
		char host[32];

		sim_web_reset(random_script, &seed);
		sim_crawl(&run, "http://r0.test/0",
		    OPTIONS("scope=any", "delay=50ms", "retries=5", "concurrency=10",
			seed % 2 == 0 ? "order=opic" : "order=bfs"));
		assert_int_equal(run.end, CRAWL_DONE);
		for (size_t i = 0; i < run.ended_len; i++)
			for (size_t k = i + 1; k < run.ended_len; k++)
				assert_false(
				    run.ended[i].final && run.ended[k].final &&
				    strcmp(run.ended[i].url, run.ended[k].url) == 0);
		for (int h = 0; h < 12; h++) {
			(void)snprintf(host, sizeof(host), "r%d.test", h);
			assert_true(sim_least_gap_ms(host) >= 50);
		}
		assert_int_equal(run.stats.outcomes[OUTCOME_TIMEOUT_STALL], 0);
		sim_release(&run);
	}
}

static void
the_same_seed_gives_the_same_crawl(void **state)
{
	struct sim_request *first;
	size_t first_len;

	(void)state;
	for (int i = 0; i < 2; i++) {
		uint32_t seed = 7;
		struct sim_run run = {0};

		sim_web_reset(random_script, &seed);
		sim_crawl(&run, "http://r0.test/0", OPTIONS("scope=any", "delay=50ms"));
		free(run.ended);
		if (i == 0) {
			first = sim_web.requests;
			first_len = sim_web.requests_len;
			sim_web.requests = NULL;
		}
	}
	assert_true(first_len > 100);
	assert_int_equal(first_len, sim_web.requests_len);
	assert_memory_equal(first, sim_web.requests, first_len * sizeof(*first));
	free(first);
	free(sim_web.requests);
	sim_web.requests = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hosts_are_asked_one_at_a_time_and_with_the_gap_that_was_set),
	    cmocka_unit_test(with_delay_auto_a_host_rests_as_long_as_its_answer_took),
	    cmocka_unit_test(concurrency_holds_over_all_hosts),
	    cmocka_unit_test(rate_holds_over_all_hosts),
	    cmocka_unit_test(a_host_gets_as_many_requests_at_once_as_was_said),
	    cmocka_unit_test(parts_of_pages_come_from_anywhere_only_if_asked),
	    cmocka_unit_test(each_scope_reaches_as_far_as_it_says),
	    cmocka_unit_test(robots_rules_delay_and_sitemap_are_obeyed),
	    cmocka_unit_test(
		an_unavailable_robots_txt_is_asked_for_as_often_as_retries_permit),
	    cmocka_unit_test(robots_can_be_ignored),
	    cmocka_unit_test(redirected_robots_ask_a_hub_one_at_a_time_and_are_obeyed),
	    cmocka_unit_test(what_may_pass_is_tried_again_and_what_will_not_is_not),
	    cmocka_unit_test(retry_after_slows_the_host_not_the_url),
	    cmocka_unit_test(a_dead_host_fails_as_a_host),
	    cmocka_unit_test(redirects_scope_and_depth_each_have_their_outcome),
	    cmocka_unit_test(include_and_exclude_decide_by_pattern),
	    cmocka_unit_test(a_page_budget_is_exact),
	    cmocka_unit_test(a_time_budget_ends_the_crawl),
	    cmocka_unit_test(a_polite_stop_waits_for_what_is_in_flight),
	    cmocka_unit_test(a_stop_at_once_keeps_what_was_in_flight_queued),
	    cmocka_unit_test(sitemaps_decide_what_goes_first),
	    cmocka_unit_test(words_that_are_looked_for_decide_what_goes_first),
	    cmocka_unit_test(orders_do_what_their_names_say),
	    cmocka_unit_test(random_webs_are_crawled_whole_and_each_url_once),
	    cmocka_unit_test(the_same_seed_gives_the_same_crawl),
	};

	return cmocka_run_group_tests_name("sim/crawl", tests, NULL, NULL);
}
