#include "sim_crawl.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Redirects and retries: what each comes to, and how often it is asked for. */

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

static bool
ends(struct slice url, const char *with)
{
	return slice_ends(url, slice_cstr(with));
}

/* ---- redirects ---- */

struct turn {
	const char *path; /* on a.test */
	int status;
	const char *headers, *body;
	enum outcome outcome; /* of it */
	const char *to;       /* which is asked for so often, and has that outcome */
	size_t asked;
	enum outcome to_outcome;
};

static const struct turn turns[] = {
    {"/300", 300, "Location: /t300\r\n", "<a href=/t300b>b</a>", OUTCOME_REDIRECT,
	"http://a.test/t300", 1, OUTCOME_OK},
    {"/301", 301, "Location: /t301\r\n", NULL, OUTCOME_REDIRECT, "http://a.test/t301", 1,
	OUTCOME_OK},
    {"/302", 302, "Location: t302\r\n", NULL, OUTCOME_REDIRECT, "http://a.test/t302", 1,
	OUTCOME_OK},
    {"/303", 303, "Location: //a.test/t303\r\n", NULL, OUTCOME_REDIRECT,
	"http://a.test/t303", 1, OUTCOME_OK},
    {"/307", 307, "Location: ?t=307\r\n", NULL, OUTCOME_REDIRECT,
	"http://a.test/307?t=307", 1, OUTCOME_OK},
    {"/308", 308, "LOCATION:   http://A.TEST:80/x/../t308#part  \r\n", NULL,
	OUTCOME_REDIRECT, "http://a.test/t308", 1, OUTCOME_OK},
    /* Lead nowhere. */
    {"/304", 304, "Location: /t304\r\n", NULL, OUTCOME_NOT_MODIFIED, "http://a.test/t304",
	0, OUTCOME_NONE},
    {"/305", 305, "Location: http://a.test/t305\r\n", NULL, OUTCOME_REDIRECT,
	"http://a.test/t305", 0, OUTCOME_NONE},
    {"/306", 306, "Location: /t306\r\n", NULL, OUTCOME_REDIRECT, "http://a.test/t306", 0,
	OUTCOME_NONE},
    {"/missing", 302, "X: y\r\n", "<a href=/tmissing>there</a>", OUTCOME_REDIRECT,
	"http://a.test/tmissing", 1, OUTCOME_OK},
    {"/empty", 302, "Location:\r\n", "<a href=/tempty>there</a>", OUTCOME_REDIRECT,
	"http://a.test/tempty", 1, OUTCOME_OK},
    /* Circles. */
    {"/self", 302, "Location: /self#top\r\n", NULL, OUTCOME_REDIRECT,
	"http://a.test/self", 1, OUTCOME_REDIRECT},
    {"/ring1", 302, "Location: /ring2\r\n", NULL, OUTCOME_REDIRECT, "http://a.test/ring2",
	1, OUTCOME_REDIRECT},
    {"/ring2", 302, "Location: /ring1\r\n", NULL, OUTCOME_REDIRECT, "http://a.test/ring1",
	1, OUTCOME_REDIRECT},
    {"/known", 302, "Location: /301\r\n", NULL, OUTCOME_REDIRECT, "http://a.test/301", 1,
	OUTCOME_REDIRECT},
    /* To where we do not go. */
    {"/ftp", 302, "Location: ftp://a.test/x\r\n", NULL, OUTCOME_REDIRECT, NULL, 0,
	OUTCOME_NONE},
    {"/mail", 302, "Location: mailto:a@a.test\r\n", NULL, OUTCOME_REDIRECT, NULL, 0,
	OUTCOME_NONE},
    {"/data", 302, "Location: data:text/html,x\r\n", NULL, OUTCOME_REDIRECT, NULL, 0,
	OUTCOME_NONE},
    {"/bad", 302, "Location: http://[bad\r\n", NULL, OUTCOME_REDIRECT, NULL, 0,
	OUTCOME_NONE},
    {"/off", 302, "Location: http://b.test/off\r\n", NULL, OUTCOME_REDIRECT,
	"http://b.test/off", 0, OUTCOME_NONE},
    /* No redirects at all. */
    {"/refresh", 200, "Refresh: 0; url=/trefresh\r\n", NULL, OUTCOME_OK,
	"http://a.test/trefresh", 1, OUTCOME_OK},
    {"/201", 201, "Location: /t201\r\n", NULL, OUTCOME_OK, "http://a.test/t201", 0,
	OUTCOME_NONE},
    {"/401", 401, "WWW-Authenticate: Basic realm=x\r\n", NULL, OUTCOME_HTTP_4XX,
	"http://a.test/401", 1, OUTCOME_HTTP_4XX},
    {"/407", 407, "Proxy-Authenticate: Basic realm=x\r\n", NULL, OUTCOME_HTTP_4XX,
	"http://a.test/407", 1, OUTCOME_HTTP_4XX},
    {"/410", 410, NULL, NULL, OUTCOME_HTTP_4XX, "http://a.test/410", 1, OUTCOME_HTTP_4XX},
    {"/451", 451, "Location: /t451\r\n", NULL, OUTCOME_HTTP_4XX, "http://a.test/t451", 0,
	OUTCOME_NONE},
};
enum { TURNS = sizeof(turns) / sizeof(turns[0]) };

static void
turns_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->latency_ms = 5;
	ret->status = ends(url, "/robots.txt") ? 404 : 200;
	ret->headers = "Content-Type: text/html\r\n";
	if (ends(url, "a.test/"))
		for (size_t i = 0; i < TURNS; i++)
			(void)buf_printf(body, "<a href=%s>x</a>", turns[i].path);
	for (size_t i = 0; i < TURNS; i++) {
		char at[64];

		(void)snprintf(at, sizeof(at), "http://a.test%s", turns[i].path);
		if (!slice_eq(url, slice_cstr(at)))
			continue;
		ret->status = turns[i].status;
		ret->headers = turns[i].headers;
		if (turns[i].body != NULL)
			(void)buf_add_cstr(body, turns[i].body);
	}
}

static void
each_redirect_has_its_outcome_and_so_has_its_target(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(turns_script, NULL);
	sim_crawl(&run, "http://a.test/", OPTIONS("delay=0"));
	assert_int_equal(run.end, CRAWL_DONE);
	for (size_t i = 0; i < TURNS; i++) {
		const struct turn *t = &turns[i];
		char at[64];

		(void)snprintf(at, sizeof(at), "http://a.test%s", t->path);
		if (sim_outcome(&run, at) != t->outcome ||
		    (t->to != NULL && (sim_count(t->to) != t->asked ||
					  sim_outcome(&run, t->to) != t->to_outcome)))
			fail_msg("%s: %s", t->path, outcome_name(sim_outcome(&run, at)));
	}
	/* The body of a 300 names the other choices. */
	assert_int_equal(sim_count("http://a.test/t300b"), 1);
	assert_int_equal(run.stats.outcomes[OUTCOME_UNSUPPORTED_SCHEME], 3);
	assert_int_equal(run.stats.outcomes[OUTCOME_BAD_URL], 1);
	assert_int_equal(run.stats.outcomes[OUTCOME_OUT_OF_SCOPE], 1);
	sim_release(&run);
}

/* /N leads to /N+1, up to the number of ctx. */
static void
chain_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	static char location[64];
	struct slice tail = slice_from(url, strlen("http://a.test/"));
	uint64_t n;

	(void)body;
	ret->latency_ms = 5;
	ret->status = 200;
	if (ends(url, "/robots.txt"))
		ret->status = 404;
	if (!slice_to_u64(tail, &n) || n >= *(uint64_t *)ctx)
		return;
	ret->status = 302;
	(void)snprintf(location, sizeof(location), "Location: /%u\r\n", (unsigned)n + 1);
	ret->headers = location;
}

static void
twenty_redirects_in_a_row_are_followed_and_no_more(void **state)
{
	uint64_t links;

	(void)state;
	for (links = 20; links <= 21; links++) {
		struct sim_run run = {0};

		sim_web_reset(chain_script, &links);
		sim_crawl(&run, "http://a.test/0", OPTIONS("delay=0"));
		assert_int_equal(sim_count("http://a.test/20"), 1);
		assert_int_equal(sim_count("http://a.test/21"), 0);
		assert_int_equal(run.stats.outcomes[OUTCOME_REDIRECT_LIMIT], links == 21);
		assert_int_equal(run.stats.outcomes[OUTCOME_OK], links == 20);
		sim_release(&run);
	}
}

static void
denied_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	(void)body;
	ret->latency_ms = 5;
	ret->status = ends(url, "/robots.txt") ? 404 : 200;
	if (ends(url, "a.test/")) {
		ret->status = 302;
		ret->headers = "Location: http://inside.test/x\r\n";
	}
}

static void
inside_is_private(void *ctx, struct slice host, struct dns_answer *ret)
{
	(void)ctx;
	*ret = (struct dns_answer){.status = DNS_OK, .n = 1};
	ret->addrs[0] = (struct addr){.family = AF_INET, .bytes = {93, 184, 1, 1}};
	if (slice_starts(host, SLICE_LIT("inside")))
		memcpy(ret->addrs[0].bytes, (uint8_t[]){10, 0, 0, 1}, 4);
}

static void
denied_robots_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	(void)body;
	ret->latency_ms = 5;
	ret->status = 200;
	if (ends(url, "/robots.txt")) {
		ret->status = 302;
		ret->headers = "Location: http://inside.test/robots.txt\r\n";
	}
}

static void
a_robots_txt_that_is_at_a_denied_address_is_asked_for_once(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(denied_robots_script, NULL);
	sim_web.names = inside_is_private;
	sim_crawl(&run, "http://a.test/", OPTIONS("delay=0"));
	assert_int_equal(sim_count("http://a.test/robots.txt"), 1);
	assert_int_equal(sim_count("http://inside.test/robots.txt"), 0);
	assert_int_equal(sim_outcome(&run, "http://a.test/"), OUTCOME_ROBOTS_UNREACHABLE);
	assert_true(run.took_ms < 5000);
	sim_release(&run);
}

static void
a_redirect_to_a_denied_address_is_not_followed_even_from_a_seed(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(denied_script, NULL);
	sim_web.names = inside_is_private;
	sim_crawl(&run, "http://a.test/", OPTIONS("delay=0", "scope=any"));
	assert_int_equal(sim_outcome(&run, "http://a.test/"), OUTCOME_REDIRECT);
	assert_int_equal(
	    sim_outcome(&run, "http://inside.test/x"), OUTCOME_DENIED_ADDRESS);
	assert_int_equal(sim_count("http://inside.test/x"), 0);
	assert_int_equal(sim_count("http://inside.test/robots.txt"), 0);
	sim_release(&run);
}

/* Without the cookie, which it sees by having been asked before, it sends us to itself. */
static void
bounce_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	int *asked = ctx;

	ret->latency_ms = 5;
	ret->status = ends(url, "/robots.txt") ? 404 : 200;
	if (ends(url, "/once") && asked[0]++ == 0) {
		ret->status = 302;
		ret->headers = "Set-Cookie: seen=1\r\nLocation: http://a.test/once\r\n";
	} else if (ends(url, "/once")) {
		(void)buf_add_cstr(body, "<a href=/always>x</a>");
	} else if (ends(url, "/always")) {
		ret->status = 302;
		ret->headers = "Set-Cookie: seen=1\r\nLocation: http://a.test/always\r\n";
	}
}

static void
what_sets_a_cookie_and_leads_to_itself_is_asked_once_more(void **state)
{
	struct sim_run run = {0};
	int asked = 0;

	(void)state;
	sim_web_reset(bounce_script, &asked);
	sim_crawl(&run, "http://a.test/once", OPTIONS("delay=1s"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(sim_outcome(&run, "http://a.test/once"), OUTCOME_OK);
	assert_int_equal(sim_count("http://a.test/once"), 2);
	assert_int_equal(sim_outcome(&run, "http://a.test/always"), OUTCOME_REDIRECT);
	assert_int_equal(sim_count("http://a.test/always"), 2);
	assert_in_range(sim_least_gap_ms("a.test"), 1000, 1100);
	sim_release(&run);
	asked = 0;
	sim_web_reset(bounce_script, &asked);
	sim_crawl(&run, "http://a.test/once", OPTIONS("delay=0", "accept-cookies=no"));
	assert_int_equal(sim_outcome(&run, "http://a.test/once"), OUTCOME_REDIRECT);
	assert_int_equal(sim_count("http://a.test/once"), 1);
	sim_release(&run);
}

/* a.test knows pages of new.test; old.test says, after some seconds, that it moved there. */
static void
moving_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->latency_ms = 5;
	ret->status = ends(url, "/robots.txt") ? 404 : 200;
	if (ends(url, "a.test/")) {
		(void)buf_add_cstr(body,
		    "<a href=http://new.test/by-a>x</a>"
		    "<a href=http://other.test/>y</a><a href=/2>z</a>");
	} else if (ends(url, "a.test/2")) {
		ret->latency_ms = 9000;
		(void)buf_add_cstr(body, "<a href=http://new.test/by-2>x</a>");
	} else if (ends(url, "old.test/")) {
		ret->status = 301;
		ret->latency_ms = 5000;
		ret->headers = "Location: http://new.test/\r\n";
	} else if (ends(url, "new.test/")) {
		(void)buf_add_cstr(body, "<a href=/by-new>x</a>");
	}
}

static void
check_moved(const struct sim_run *run)
{
	static const char *const wanted[] = {"http://new.test/", "http://new.test/by-a",
	    "http://new.test/by-2", "http://new.test/by-new"};

	assert_int_equal(run->end, CRAWL_DONE);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_int_equal(sim_count(wanted[i]), 1);
	assert_int_equal(sim_count("http://other.test/"), 0);
	assert_int_equal(run->stats.outcomes[OUTCOME_OUT_OF_SCOPE], 1);
}

static void
where_a_seed_moves_is_wanted_also_if_it_was_found_before(void **state)
{
	static const char *const more[] = {"http://old.test/", NULL};
	struct sim_run run = {.more_seeds = more};

	(void)state;
	sim_web_reset(moving_script, NULL);
	sim_crawl(&run, "http://a.test/", OPTIONS("delay=0"));
	check_moved(&run);
	assert_int_equal(sim_outcome(&run, "http://new.test/by-a"), OUTCOME_OK);
	sim_release(&run);
}

static void
nowhere_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	(void)body;
	ret->latency_ms = 5;
	ret->status = ends(url, "/robots.txt") ? 302 : 200;
}

static void
a_robots_txt_that_leads_nowhere_does_not_lead_to_itself(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(nowhere_script, NULL);
	sim_crawl(&run, "http://a.test/", OPTIONS("delay=0"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(sim_count("http://a.test/robots.txt"), 1);
	assert_int_equal(sim_outcome(&run, "http://a.test/"), OUTCOME_OK);
	sim_release(&run);
}

/* ---- retries ---- */

enum { PAGES = 200 };

/* ctx: of how many requests one fails; the first page never does. */
static void
failing_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	static unsigned n;

	ret->latency_ms = 5;
	ret->status = 200;
	if (ends(url, "/robots.txt")) {
		ret->status = 404;
		n = 0;
	} else if (ends(url, "a.test/")) {
		for (int i = 0; i < PAGES; i++)
			(void)buf_printf(body, "<a href=/p%d>x</a>", i);
	} else if (++n % *(unsigned *)ctx == 0) {
		ret->status = 502;
	} else {
		(void)buf_printf(
		    body, SLICE_FMT, SLICE_ARG(url)); /* no copy of another */
	}
}

static void
a_host_that_fails_everything_does_not_cost_all_retries(void **state)
{
	struct sim_run run = {0};
	unsigned one_in = 1;

	(void)state;
	sim_web_reset(failing_script, &one_in);
	sim_crawl(&run, "http://a.test/", OPTIONS("delay=0", "retries=3"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(run.stats.outcomes[OUTCOME_HTTP_5XX], PAGES);
	assert_in_range(sim_web.requests_len, PAGES + 2 + 20, PAGES + 2 + 21);
	sim_release(&run);
}

static void
a_host_that_fails_now_and_then_loses_nothing(void **state)
{
	struct sim_run run = {0};
	unsigned one_in = 4;

	(void)state;
	sim_web_reset(failing_script, &one_in);
	sim_crawl(&run, "http://a.test/", OPTIONS("delay=0", "retries=5"));
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(run.stats.outcomes[OUTCOME_OK], PAGES + 1);
	sim_release(&run);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_redirect_has_its_outcome_and_so_has_its_target),
	    cmocka_unit_test(twenty_redirects_in_a_row_are_followed_and_no_more),
	    cmocka_unit_test(a_robots_txt_that_is_at_a_denied_address_is_asked_for_once),
	    cmocka_unit_test(
		a_redirect_to_a_denied_address_is_not_followed_even_from_a_seed),
	    cmocka_unit_test(what_sets_a_cookie_and_leads_to_itself_is_asked_once_more),
	    cmocka_unit_test(where_a_seed_moves_is_wanted_also_if_it_was_found_before),
	    cmocka_unit_test(a_robots_txt_that_leads_nowhere_does_not_lead_to_itself),
	    cmocka_unit_test(a_host_that_fails_everything_does_not_cost_all_retries),
	    cmocka_unit_test(a_host_that_fails_now_and_then_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
