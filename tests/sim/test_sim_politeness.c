/* Politeness beyond one host and one crawl: addresses, sites, crawls at once. */
#include "sim_crawl.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

enum { HOSTS = 24, PAGES = 5 };

/* hub.test/ links to all hosts; page n of one links to page n + 1. */
static void
hub_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	uint64_t n;

	(void)ctx;
	ret->latency_ms = 50;
	ret->status = 404;
	if (slice_ends(url, SLICE_LIT("/robots.txt")))
		return;
	ret->status = 200;
	if (slice_ends(url, SLICE_LIT("hub.test/")))
		for (int h = 0; h < HOSTS; h++)
			(void)buf_printf(body, "<a href='http://%c%d.site.test/0'>x</a>",
			    'a' + h % 2, h);
	else if (slice_to_u64(slice_from(url, url.len - 1), &n) && n + 1 < PAGES)
		(void)buf_printf(body, "<a href='%u'>next</a>", (unsigned)n + 1);
}

/* One address for hosts that begin with a, one for the others; loopback for localhost. */
static void
two_addresses(void *ctx, struct slice host, struct dns_answer *ret)
{
	(void)ctx;
	ret->status = DNS_OK;
	ret->n = 1;
	ret->ttl_s = 300;
	ret->addrs[0] = (struct addr){AF_INET, {198, 41, 0, host.ptr[0] == 'a' ? 4 : 9}};
	if (slice_starts(host, SLICE_LIT("local")))
		ret->addrs[0] = (struct addr){AF_INET, {127, 0, 0, 1}};
}

/* Most requests at one moment to hosts whose name begins so. */
static uint32_t
overlap(const char *begin)
{
	size_t len = strlen(begin);
	uint32_t most = 0;

	for (size_t i = 0; i < sim_web.requests_len; i++) {
		const struct sim_request *r = &sim_web.requests[i];
		uint32_t n = 0;

		if (strncmp(r->host, begin, len) != 0)
			continue;
		for (size_t k = 0; k <= i; k++) {
			const struct sim_request *o = &sim_web.requests[k];

			n += strncmp(o->host, begin, len) == 0 &&
			     o->began_ms <= r->began_ms && o->ended_ms > r->began_ms;
		}
		if (n > most)
			most = n;
	}
	return most;
}

static void
an_address_is_not_asked_by_more_than_its_limit(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(hub_script, NULL);
	sim_web.names = two_addresses;
	sim_crawl(&run, "http://hub.test/", OPTIONS("scope=any", "per-ip=3", "delay=0"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(run.stats.pages, 1 + HOSTS * PAGES);
	assert_int_equal(overlap("a"), 3);
	assert_int_equal(overlap("b"), 3);
	assert_true(run.stats.frontier.wait_ms[WAIT_PER_IP_CAP] > 1000);
	assert_int_equal(run.stats.frontier.wait_ms[WAIT_NONE], 0);
	sim_release(&run);
}

static void
by_default_eight_requests_go_to_one_address(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(hub_script, NULL);
	sim_web.names = two_addresses;
	sim_crawl(&run, "http://hub.test/", OPTIONS("scope=any", "delay=0"));
	assert_int_equal(overlap("a"), 8);
	sim_release(&run);
	sim_web_reset(hub_script, NULL);
	sim_web.names = two_addresses;
	sim_crawl(
	    &run, "http://hub.test/", OPTIONS("scope=any", "delay=0", "per-ip=none"));
	assert_int_equal(overlap("a"), HOSTS / 2);
	sim_release(&run);
}

static void
a_site_is_not_asked_by_more_than_its_limit(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(hub_script, NULL);
	sim_crawl(
	    &run, "http://hub.test/", OPTIONS("scope=any", "per-site=2", "delay=0"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(run.stats.pages, 1 + HOSTS * PAGES);
	assert_int_equal(sim_web.running_max, 2);
	assert_true(run.stats.frontier.wait_ms[WAIT_PER_SITE_CAP] > 1000);
	sim_release(&run);
}

/* As many connections are kept as there are hosts at work, no fewer and not many more. */
static void
a_connection_is_kept_for_each_host(void **state)
{
	static const struct {
		const char *concurrency;
		uint32_t least, most;
	} cases[] = {{"concurrency=4", HOSTS - 2, HOSTS + HOSTS / 8 + 2},
	    {"concurrency=100", 200, 200}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sim_run run = {0};

		sim_web_reset(hub_script, NULL);
		sim_crawl(&run, "http://hub.test/",
		    OPTIONS("scope=any", "delay=2s", cases[i].concurrency));
		assert_int_equal(run.end, CRAWL_DONE);
		assert_in_range(sim_web.connections_most, cases[i].least, cases[i].most);
		sim_release(&run);
	}
}

/* Before each of them one that no request may go to. */
static void
denied_first(void *ctx, struct slice host, struct dns_answer *ret)
{
	two_addresses(ctx, host, ret);
	ret->addrs[1] = ret->addrs[0];
	ret->addrs[0] = (struct addr){AF_INET, {10, 0, 0, host.ptr[0] == 'a' ? 1 : 2}};
	ret->n = 2;
}

static void
the_address_that_counts_is_the_one_that_is_asked(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(hub_script, NULL);
	sim_web.names = denied_first;
	sim_crawl(&run, "http://hub.test/",
	    OPTIONS("scope=any", "per-ip=3", "delay=0", "allow-net=10.0.0.0/8:81"));
	assert_int_equal(run.stats.pages, 1 + HOSTS * PAGES);
	assert_int_equal(overlap("a"), 3);
	sim_release(&run);
}

/* localN.test: links to itself and to each other. */
static void
local_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->latency_ms = 50;
	ret->status = slice_ends(url, SLICE_LIT("/robots.txt")) ? 404 : 200;
	if (slice_ends(url, SLICE_LIT("local0.test/")))
		for (int h = 1; h < HOSTS; h++)
			(void)buf_printf(body, "<a href='http://local%d.test/'>x</a>", h);
}

static void
loopback_is_nobody_elses_server(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(local_script, NULL);
	sim_web.names = two_addresses;
	sim_crawl(&run, "http://local0.test/",
	    OPTIONS("scope=any", "delay=0", "per-ip=2", "allow-net=127.0.0.0/8"));
	assert_int_equal(overlap("local"), HOSTS - 1);
	sim_release(&run);
}

/* What is in flight may use the budget up: the others wait for that, not for a slot. */
static void
a_budget_that_may_be_used_up_is_a_cause_of_its_own(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(hub_script, NULL);
	sim_crawl(
	    &run, "http://hub.test/", OPTIONS("scope=any", "delay=0", "max-pages=3"));
	assert_int_equal(run.end, CRAWL_PAGES);
	assert_int_equal(run.stats.pages, 3);
	assert_true(run.stats.frontier.wait_ms[WAIT_BUDGET] > 0);
	assert_int_equal(run.stats.frontier.wait_ms[WAIT_CONNECTION_CAP], 0);
	sim_release(&run);
}

/* The transfers of a host are booked as such to the millisecond, and what lies between
 * them as waits. */
static void
a_hosts_life_is_its_waits_and_its_transfers(void **state)
{
	struct sim_run run = {0};
	const struct frontier_stats *f = &run.stats.frontier;
	uint64_t transfer_ms = 0, robots_ms = 0;

	(void)state;
	sim_web_reset(hub_script, NULL);
	sim_crawl(&run, "http://a1.site.test/0", OPTIONS("delay=300ms"));
	for (size_t i = 0; i < sim_web.requests_len; i++) {
		const struct sim_request *r = &sim_web.requests[i];
		uint64_t ms = (uint64_t)(r->ended_ms - r->began_ms);

		*(r->robots ? &robots_ms : &transfer_ms) += ms;
	}
	assert_int_equal(transfer_ms, PAGES * 50);
	assert_int_equal(f->transfer_ms, transfer_ms);
	assert_true(f->wait_ms[WAIT_ROBOTS_PENDING] >= robots_ms);
	/* After robots.txt, too. */
	assert_in_range(f->wait_ms[WAIT_CRAWL_DELAY], PAGES * 300, PAGES * 301);
	assert_int_equal(f->life_ms, run.took_ms);
	sim_release(&run);
}

/* ---- robots.txt ---- */

/* All hosts but the hub send their robots.txt to the hub's, which has pages of its own. */
static void
elsewhere_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->latency_ms = 50;
	ret->status = 200;
	if (slice_ends(url, SLICE_LIT("//hub.test/robots.txt"))) {
		ret->headers = "Content-Type: text/plain\r\n";
		(void)buf_add_cstr(body, "User-agent: *\nDisallow: /private\n");
	} else if (slice_ends(url, SLICE_LIT("/robots.txt"))) {
		ret->status = 302;
		ret->headers = "Location: http://hub.test/robots.txt\r\n";
	} else if (slice_ends(url, SLICE_LIT("//hub.test/"))) {
		for (int h = 0; h < HOSTS; h++)
			(void)buf_printf(body,
			    "<a href='http://h%d.test/'>x</a><a href='/%d'>y</a>", h, h);
	} else {
		(void)buf_add_cstr(body, "<a href='/private'>no</a>");
	}
}

static void
a_robots_txt_that_leads_elsewhere_keeps_to_the_manners_there(void **state)
{
	struct sim_run run = {0};
	int64_t last_ms = -1;
	uint32_t asked = 0;

	(void)state;
	sim_web_reset(elsewhere_script, NULL);
	sim_crawl(&run, "http://hub.test/", OPTIONS("scope=any", "delay=200ms"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(run.stats.pages, 1 + 2 * HOSTS);
	/* Whatever for, each request of the hub comes after the one before it. */
	for (size_t i = 0; i < sim_web.requests_len; i++) {
		const struct sim_request *r = &sim_web.requests[i];

		if (strcmp(r->host, "hub.test") != 0)
			continue;
		if (last_ms >= 0)
			assert_true(r->began_ms - last_ms > 200);
		last_ms = r->ended_ms;
		asked++;
	}
	assert_int_equal(asked, 1 + HOSTS + 1 + HOSTS);
	assert_int_equal(
	    sim_outcome(&run, "http://h3.test/private"), OUTCOME_ROBOTS_DENIED);
	sim_release(&run);
}

/* robots.txt of a0 never comes; everything else does. */
static void
black_hole_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	hub_script(ctx, url, ret, body);
	if (slice_ends(url, SLICE_LIT("//a0.site.test/robots.txt")))
		ret->latency_ms = 3600 * 1000;
}

static void
a_robots_txt_that_never_comes_holds_up_nobody_else(void **state)
{
	struct sim_run run = {0};
	int64_t others_ms = 0;

	(void)state;
	sim_web_reset(black_hole_script, NULL);
	sim_crawl(&run, "http://hub.test/", OPTIONS("scope=any", "delay=0"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(run.stats.pages, 1 + (HOSTS - 1) * PAGES);
	assert_int_equal(
	    sim_outcome(&run, "http://a0.site.test/0"), OUTCOME_ROBOTS_UNREACHABLE);
	for (size_t i = 0; i < sim_web.requests_len; i++) {
		const struct sim_request *r = &sim_web.requests[i];

		if (strcmp(r->host, "a0.site.test") == 0)
			assert_int_equal(r->ended_ms - r->began_ms, 15000);
		else if (r->ended_ms > others_ms)
			others_ms = r->ended_ms;
	}
	assert_true(others_ms < 2000);
	/* Asked three times, a minute and two apart. */
	assert_int_equal(sim_count("http://a0.site.test/robots.txt"), 3);
	assert_in_range(run.took_ms, 3 * 15000 + 180000, 3 * 15000 + 190000);
	sim_release(&run);
}

/* For the first five answers there is no room. */
static void
no_room_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	uint32_t *asked = ctx;

	hub_script(NULL, url, ret, body);
	ret->no_room = slice_ends(url, SLICE_LIT("/robots.txt")) && ++*asked <= 5;
}

static void
a_robots_txt_that_there_was_no_room_for_is_asked_for_again(void **state)
{
	struct sim_run run = {0};
	uint32_t asked = 0;

	(void)state;
	sim_web_reset(no_room_script, &asked);
	sim_crawl(&run, "http://a1.site.test/0", OPTIONS("delay=0"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(run.stats.pages, PAGES);
	assert_int_equal(asked, 6);
	assert_in_range(run.took_ms, 5000, 7000);
	sim_release(&run);
}

/* Nor for the first to the first page of each host. */
static void
no_room_at_once_script(
    void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	hub_script(NULL, url, ret, body);
	(void)ctx;
	ret->no_room = slice_ends(url, SLICE_LIT(".site.test/0")) &&
		       sim_count(sim_web.requests[sim_web.requests_len - 1].url) == 1;
}

static void
small_answers_that_there_was_no_room_for_do_not_wait_for_each_other(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(no_room_at_once_script, NULL);
	sim_crawl(&run, "http://hub.test/", OPTIONS("scope=any", "delay=0", "traps=no"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(run.stats.pages, 1 + HOSTS * PAGES);
	assert_int_equal(sim_count("http://a0.site.test/0"), 2);
	assert_in_range(run.took_ms, 1000, 3000);
	sim_release(&run);
}

/* ---- limits over all hosts ---- */

/* Pages of 20 KB. */
static void
heavy_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	hub_script(ctx, url, ret, body);
	for (int i = 0; i < 2000; i++)
		(void)buf_add_cstr(body, "123456789 ");
}

static void
no_more_is_received_than_the_bandwidth(void **state)
{
	struct sim_run run = {0};
	uint64_t bytes;

	(void)state;
	sim_web_reset(heavy_script, NULL);
	sim_crawl(&run, "http://hub.test/",
	    OPTIONS("scope=any", "delay=0", "bandwidth=100KB/s", "traps=no",
		"concurrency=4"));
	assert_int_equal(run.stats.pages, 1 + HOSTS * PAGES);
	bytes = run.stats.wire_bytes;
	assert_true(bytes > 20000 * HOSTS * PAGES);
	/* A second's worth at the start, and what was in flight then. */
	assert_true((uint64_t)run.took_ms > (bytes - 2 * 100000) / 100);
	assert_true((uint64_t)run.took_ms < bytes / 100 * 11 / 10 + 1000);
	assert_true(run.stats.frontier.wait_ms[WAIT_BANDWIDTH] > 10000);
	sim_release(&run);
}

/* ---- fair share ---- */

enum { GIANT = 3000, SMALL = 100 };

/* One host with thousands of pages that are all of the highest priority, and a hundred
 * with three each. */
static void
giant_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	uint64_t n;

	(void)ctx;
	ret->latency_ms = 50;
	ret->status = slice_ends(url, SLICE_LIT("/robots.txt")) ? 404 : 200;
	if (slice_ends(url, SLICE_LIT("//giant.test/"))) {
		for (int i = 0; i < GIANT; i++)
			(void)buf_printf(body, "<a href='/%d'>x</a>", i);
		for (int h = 0; h < SMALL; h++)
			(void)buf_printf(body, "<a href='http://s%d.test/0'>x</a>", h);
	} else if (slice_starts(url, SLICE_LIT("http://s")) &&
		   slice_to_u64(slice_from(url, url.len - 1), &n) && n < 2) {
		(void)buf_printf(body, "<a href='/%u'>x</a>", (unsigned)n + 1);
	}
}

/* When the last page of the small ones came; how many of the giant had come by then. */
static void
giant_and_small(const char *order, uint32_t *ret_giant)
{
	struct sim_run run = {0};
	int64_t small_ms = 0;

	*ret_giant = 0;
	sim_web_reset(giant_script, NULL);
	/* Slots are what they compete for. */
	sim_crawl(&run, "http://giant.test/",
	    OPTIONS("scope=any", "delay=0", "per-host=50", "concurrency=8",
		"priority=giant=50", "per-ip=none", "traps=no", order));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(run.stats.pages, 1 + GIANT + 3 * SMALL);
	for (size_t i = 0; i < sim_web.requests_len; i++) {
		const struct sim_request *r = &sim_web.requests[i];

		if (r->host[0] == 's' && r->ended_ms > small_ms)
			small_ms = r->ended_ms;
	}
	for (size_t i = 0; i < sim_web.requests_len; i++)
		*ret_giant += sim_web.requests[i].host[0] == 'g' &&
			      sim_web.requests[i].ended_ms <= small_ms;
	sim_release(&run);
}

static void
a_giant_host_does_not_starve_small_ones(void **state)
{
	uint32_t giant;

	(void)state;
	/* Turns: each small one has as many as the giant while it has something. */
	giant_and_small("order=bfs", &giant);
	assert_true(giant < 60);
	giant_and_small("order=dfs", &giant);
	assert_true(giant < 60);
	/* Priorities mean what they say: the giant comes first where it may be asked. */
	giant_and_small("order=priority", &giant);
	assert_true(giant > GIANT / 2);
}

static void
with_priorities_a_host_that_is_busy_leaves_slots_to_others(void **state)
{
	struct sim_run run = {0};
	int64_t small_ms = 0;

	(void)state;
	sim_web_reset(giant_script, NULL);
	/* One request at a time to each: seven slots are for the small ones. */
	sim_crawl(&run, "http://giant.test/",
	    OPTIONS("scope=any", "concurrency=8", "priority=giant=50", "order=priority",
		"traps=no"));
	for (size_t i = 0; i < sim_web.requests_len; i++)
		if (sim_web.requests[i].host[0] == 's' &&
		    sim_web.requests[i].ended_ms > small_ms)
			small_ms = sim_web.requests[i].ended_ms;
	assert_true(small_ms < run.took_ms / 20);
	sim_release(&run);
}

/* ---- what servers ask for ---- */

struct asks {
	const char *headers;
	int status;
	bool said;
};

static void
asks_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	struct asks *a = ctx;

	hub_script(NULL, url, ret, body);
	if (!a->said && slice_ends(url, SLICE_LIT("/1"))) {
		a->said = true;
		ret->status = a->status;
		ret->headers = a->headers;
	}
}

/* The longest time without a request. */
static int64_t
pause_after(int status, const char *headers)
{
	struct asks asks = {.headers = headers, .status = status};
	struct sim_run run = {0};
	int64_t pause_ms = 0;

	sim_web_reset(asks_script, &asks);
	sim_crawl(&run, "http://a1.site.test/0", OPTIONS("delay=0"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(run.stats.pages, status == 404 ? 2 : PAGES);
	for (size_t i = 1; i < sim_web.requests_len; i++) {
		int64_t ms =
		    sim_web.requests[i].began_ms - sim_web.requests[i - 1].ended_ms;

		pause_ms = ms > pause_ms ? ms : pause_ms;
	}
	sim_release(&run);
	return pause_ms;
}

static void
retry_after_is_seconds_a_date_or_nothing(void **state)
{
	const int64_t day_ms = 24 * 3600 * 1000;

	(void)state;
	assert_in_range(pause_after(503, "Retry-After: 90\r\n"), 90000, 90100);
	assert_in_range(pause_after(429, "Retry-After: 90\r\n"), 90000, 90100);
	/* The simulation begins at 2023-11-14 22:13:20. */
	assert_in_range(
	    pause_after(503, "Retry-After: Tue, 14 Nov 2023 22:15:20 GMT\r\n"), 118000,
	    120100);
	/* Junk is as good as none: a minute, and up to a tenth. */
	assert_in_range(pause_after(503, "Retry-After: soon\r\n"), 60000, 66100);
	assert_in_range(pause_after(503, "Retry-After: -5\r\n"), 60000, 66100);
	assert_in_range(pause_after(503, ""), 60000, 66100);
	/* A day at most, whatever it says. */
	assert_in_range(pause_after(503, "Retry-After: 99999999999999999999999\r\n"),
	    day_ms, day_ms + 100);
	assert_in_range(
	    pause_after(503, "Retry-After: Tue, 14 Nov 2090 22:15:20 GMT\r\n"), day_ms,
	    day_ms + 100);
	/* It is the host's, not of one URL; others of its statuses ask for nothing. */
	assert_true(pause_after(404, "Retry-After: 90\r\n") < 100);
}

/* ---- a host that takes a request a second ---- */

enum { LIMITED = 120 };
struct limited {
	int64_t last_ms;
	uint32_t refused;
};

static void
limited_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	int64_t now_ms = sim_web.requests[sim_web.requests_len - 1].began_ms;
	struct limited *l = ctx;

	ret->latency_ms = 5;
	ret->status = 404;
	if (slice_ends(url, SLICE_LIT("/robots.txt")))
		return;
	if (l->last_ms > 0 && now_ms - l->last_ms < 1000) {
		l->refused++;
		ret->status = 429;
		ret->headers = "Retry-After: 1\r\n";
		return;
	}
	l->last_ms = now_ms;
	ret->status = 200;
	for (int i = 0; slice_ends(url, SLICE_LIT(".test/")) && i < LIMITED; i++)
		(void)buf_printf(body, "<a href='/%d'>x</a>", i);
}

static void
a_host_that_asks_for_time_loses_no_page_by_it(void **state)
{
	struct limited limited = {0};
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(limited_script, &limited);
	sim_crawl(&run, "http://limited.test/", OPTIONS("traps=no"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(run.stats.totals.outcomes[OUTCOME_OK], 1 + LIMITED);
	/* And is not told no all the time. */
	assert_in_range(limited.refused, 1, LIMITED / 8);
	sim_release(&run);
}

/* A Crawl-delay of an hour. */
static void
slow_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	hub_script(ctx, url, ret, body);
	if (!slice_ends(url, SLICE_LIT("/robots.txt")))
		return;
	ret->status = 200;
	ret->headers = "Content-Type: text/plain\r\n";
	(void)buf_add_cstr(body, "User-agent: *\nCrawl-delay: 3600\n");
}

static void
a_crawl_delay_is_kept_up_to_what_the_user_wants(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(slow_script, NULL);
	sim_crawl(&run, "http://a1.site.test/0", OPTIONS("delay=0"));
	assert_in_range(sim_least_gap_ms("a1.site.test"), 60001, 60010);
	sim_release(&run);
	sim_web_reset(slow_script, NULL);
	sim_crawl(
	    &run, "http://a1.site.test/0", OPTIONS("delay=0", "crawl-delay-max=2h"));
	assert_in_range(sim_least_gap_ms("a1.site.test"), 3600001, 3600010);
	sim_release(&run);
}

/* ---- crawls at once ---- */

static void
crawls_at_once_ask_one_host_in_turn(void **state)
{
	static const char *const seeds[] = {
	    "http://a1.site.test/0", "http://a1.site.test/1", "http://a1.site.test/2"};
	struct sim_run runs[3] = {{0}};

	(void)state;
	sim_web_reset(hub_script, NULL);
	sim_crawls(runs, seeds, 3, OPTIONS("delay=200ms"));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(runs[i].end, CRAWL_DONE);
		assert_int_equal(runs[i].stats.pages, PAGES - i);
	}
	assert_int_equal(overlap("a"), 1);
	assert_true(sim_least_gap_ms("a1.site.test") > 200);
	/* Each has its own robots.txt, in its own archive. */
	assert_int_equal(sim_count("http://a1.site.test/robots.txt"), 3);
	/* None came only when the others were done. */
	assert_true(runs[2].took_ms < runs[0].took_ms);
	for (int i = 2; i >= 0; i--)
		free(runs[i].ended);
}

static void
crawls_at_once_share_the_limit_of_an_address(void **state)
{
	static const char *const seeds[] = {"http://hub.test/", "http://hub.test/"};
	struct sim_run runs[2] = {{0}};

	(void)state;
	sim_web_reset(hub_script, NULL);
	sim_web.names = two_addresses;
	sim_crawls(runs, seeds, 2, OPTIONS("scope=any", "per-ip=4", "delay=0"));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(runs[i].end, CRAWL_DONE);
		assert_int_equal(runs[i].stats.pages, 1 + HOSTS * PAGES);
		free(runs[i].ended);
	}
	assert_int_equal(overlap("a"), 4);
	assert_int_equal(overlap("b"), 4);
	/* Fair: they end about together. */
	assert_true(runs[0].took_ms < runs[1].took_ms * 11 / 10);
	assert_true(runs[1].took_ms < runs[0].took_ms * 11 / 10);
}

/* A request that was dropped in the middle counts until then, and for no longer. */
static void
a_crawl_that_is_stopped_leaves_its_hosts_to_the_others(void **state)
{
	static const char *const seeds[] = {"http://hub.test/", "http://hub.test/"};
	struct sim_run runs[2] = {{.stop_at_ms = 777, .stop_at_once = true}, {0}};

	(void)state;
	sim_web_reset(hub_script, NULL);
	sim_web.names = two_addresses;
	sim_crawls(runs, seeds, 2, OPTIONS("scope=any", "per-ip=2", "delay=30ms"));
	assert_int_equal(runs[0].end, CRAWL_STOPPED);
	assert_true(runs[0].stats.pages < 1 + HOSTS * PAGES);
	assert_int_equal(runs[1].end, CRAWL_DONE);
	assert_int_equal(runs[1].stats.pages, 1 + HOSTS * PAGES);
	for (int i = 0; i < 2; i++)
		free(runs[i].ended);
	assert_int_equal(overlap("a"), 2);
	assert_int_equal(overlap("b"), 2);
	for (int h = 0; h < HOSTS; h++) {
		char host[32];

		(void)snprintf(host, sizeof(host), "%c%d.site.test", 'a' + h % 2, h);
		assert_true(sim_least_gap_ms(host) > 30);
	}
}

/* Page 1 says 503 once. */
static void
overloaded_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	bool *said = ctx;

	hub_script(NULL, url, ret, body);
	if (!*said && slice_ends(url, SLICE_LIT("/1"))) {
		*said = true;
		ret->status = 503;
		ret->headers = "Retry-After: 120\r\n";
	}
}

static void
a_back_off_that_one_crawl_was_told_holds_for_all(void **state)
{
	static const char *const seeds[] = {
	    "http://a1.site.test/0", "http://a1.site.test/2"};
	struct sim_run runs[2] = {{0}};
	int64_t last_ms = 0, gap_ms = 0;
	bool said = false;

	(void)state;
	sim_web_reset(overloaded_script, &said);
	sim_crawls(runs, seeds, 2, OPTIONS("delay=0"));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(runs[i].end, CRAWL_DONE);
		free(runs[i].ended);
	}
	for (size_t i = 0; i < sim_web.requests_len; i++) {
		if (sim_web.requests[i].began_ms - last_ms > gap_ms)
			gap_ms = sim_web.requests[i].began_ms - last_ms;
		last_ms = sim_web.requests[i].began_ms;
	}
	assert_in_range(gap_ms, 120000, 121000);
}

/* ---- a name that moves ---- */

struct moving {
	int questions,
	    public_for;      /* the first so many are answered with a public address */
	int outside, inside; /* requests */
};

static void
moving_names(void *ctx, struct slice host, struct dns_answer *ret)
{
	struct moving *m = ctx;

	(void)host;
	ret->status = DNS_OK;
	ret->n = 1;
	ret->addrs[0] = m->questions++ < m->public_for
			    ? (struct addr){AF_INET, {198, 41, 0, 4}}
			    : (struct addr){AF_INET, {10, 0, 0, 1}};
}

static void
moving_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	struct moving *m = ctx;

	(void)url;
	(void)body;
	ret->status = 404;
	*(sim_web.addr.bytes[0] == 10 ? &m->inside : &m->outside) += 1;
}

/* Whoever has a seed's name gives it an inner address when one port of it was asked. */
static void
a_seeds_name_does_not_move_inside_from_one_port_to_another(void **state)
{
	static const char *const more[] = {
	    "http://a.test:8080/", "https://a.test/", NULL};
	struct moving m = {.public_for = 4}; /* looked at for three, and asked for one */
	struct sim_run run = {.more_seeds = more};

	(void)state;
	sim_web_reset(moving_script, &m);
	sim_web.names = moving_names;
	sim_crawl(&run, "http://a.test/", OPTIONS("delay=0"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_true(m.questions > 5);
	assert_true(m.outside > 0);
	assert_int_equal(m.inside, 0);
	assert_int_equal(run.stats.outcomes[OUTCOME_DENIED_ADDRESS], 3);
	sim_release(&run);

	/* One that was inside from the start is asked there, at each port. */
	m = (struct moving){.public_for = 0};
	sim_web_reset(moving_script, &m);
	sim_web.names = moving_names;
	sim_crawl(&run, "http://a.test/", OPTIONS("delay=0"));
	assert_int_equal(m.outside, 0);
	assert_int_equal(m.inside, 6);
	sim_release(&run);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_address_is_not_asked_by_more_than_its_limit),
	    cmocka_unit_test(by_default_eight_requests_go_to_one_address),
	    cmocka_unit_test(a_site_is_not_asked_by_more_than_its_limit),
	    cmocka_unit_test(a_connection_is_kept_for_each_host),
	    cmocka_unit_test(the_address_that_counts_is_the_one_that_is_asked),
	    cmocka_unit_test(loopback_is_nobody_elses_server),
	    cmocka_unit_test(a_budget_that_may_be_used_up_is_a_cause_of_its_own),
	    cmocka_unit_test(a_hosts_life_is_its_waits_and_its_transfers),
	    cmocka_unit_test(
		a_robots_txt_that_leads_elsewhere_keeps_to_the_manners_there),
	    cmocka_unit_test(a_robots_txt_that_never_comes_holds_up_nobody_else),
	    cmocka_unit_test(a_robots_txt_that_there_was_no_room_for_is_asked_for_again),
	    cmocka_unit_test(
		small_answers_that_there_was_no_room_for_do_not_wait_for_each_other),
	    cmocka_unit_test(no_more_is_received_than_the_bandwidth),
	    cmocka_unit_test(a_giant_host_does_not_starve_small_ones),
	    cmocka_unit_test(with_priorities_a_host_that_is_busy_leaves_slots_to_others),
	    cmocka_unit_test(retry_after_is_seconds_a_date_or_nothing),
	    cmocka_unit_test(a_host_that_asks_for_time_loses_no_page_by_it),
	    cmocka_unit_test(a_crawl_delay_is_kept_up_to_what_the_user_wants),
	    cmocka_unit_test(crawls_at_once_ask_one_host_in_turn),
	    cmocka_unit_test(crawls_at_once_share_the_limit_of_an_address),
	    cmocka_unit_test(a_crawl_that_is_stopped_leaves_its_hosts_to_the_others),
	    cmocka_unit_test(a_back_off_that_one_crawl_was_told_holds_for_all),
	    cmocka_unit_test(a_seeds_name_does_not_move_inside_from_one_port_to_another),
	};

	return cmocka_run_group_tests_name("sim/politeness", tests, NULL, NULL);
}
