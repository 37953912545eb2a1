#include "sim_crawl.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* Sites with a part that has an end and a part that has none: the crawl has an end, and the
 * first part is whole. */

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

enum { DOCS = 120, ARCHIVE = 150, ITEMS = 400, HONEST = 1 + DOCS + ARCHIVE + ITEMS };

static int served; /* sessions are numbered by it */

static bool
path_of(struct slice url, struct slice *ret)
{
	struct slice rest = slice_from(url, 7);

	*ret = slice_from(rest, slice_find(rest, '/'));
	return !slice_eq(*ret, SLICE_LIT("/robots.txt"));
}

/* The number behind `head`, or -1. */
static int
number(struct slice path, const char *head)
{
	uint64_t n;

	return slice_starts(path, slice_cstr(head)) &&
		       slice_to_u64(slice_from(path, strlen(head)), &n)
		   ? (int)n
		   : -1;
}

static void
text_of(struct slice s, char ret[64])
{
	(void)snprintf(ret, 64, SLICE_FMT, SLICE_ARG(slice_head(s, 63)));
}

/* Words that no other page has. */
static void
own_text(struct buf *body, unsigned n)
{
	(void)buf_printf(body, "<p>");
	for (int i = 0; i < 12; i++, n = n * 1103515245u + 12345u)
		(void)buf_printf(body, "w%c%c%c ", 'a' + n / 65536 % 26,
		    'a' + n / 1703936 % 26, 'a' + n / 44302336 % 26);
}

/* Documents one after the other, an archive by date, things by number. */
static bool
honest(struct slice path, struct buf *body)
{
	int n;

	if (slice_eq(path, SLICE_LIT("/"))) {
		(void)buf_printf(body, "<a href=/docs/p0.html>docs</a>");
		for (int i = 0; i < ARCHIVE; i++)
			(void)buf_printf(body, "<a href=/news/%d/%02d/%02d/>x</a>",
			    1950 + i / 2, i % 12 + 1, i % 28 + 1);
		for (int i = 0; i < ITEMS; i++)
			(void)buf_printf(
			    body, "<a href='/item?lang=en&amp;id=%d'>x</a>", i);
		own_text(body, 99999);
		return true;
	}
	n = number(slice_head(path, path.len - (path.len > 5 ? 5 : 0)), "/docs/p");
	if (n >= 0) {
		if (n + 1 < DOCS)
			(void)buf_printf(body, "<a href=p%d.html>next</a>", n + 1);
		own_text(body, (unsigned)n + 10000);
		return true;
	}
	n = number(path, "/item?lang=en&id=");
	if (n >= 0)
		own_text(body, (unsigned)n + 20000);
	else if (slice_starts(path, SLICE_LIT("/news/")))
		own_text(body,
		    (unsigned)path.ptr[9] * 7919u + (unsigned)path.ptr[8] * 31u +
			(unsigned)path.ptr[12] * 101u + (unsigned)path.ptr[15] * 1009u);
	else
		return false;
	return true;
}

static void
check_honest(const struct sim_run *run, const char *host)
{
	char url[128];

	for (int i = 0; i < DOCS; i++) {
		(void)snprintf(url, sizeof(url), "http://%s/docs/p%d.html", host, i);
		assert_int_equal(sim_outcome(run, url), OUTCOME_OK);
	}
	for (int i = 0; i < ARCHIVE; i++) {
		(void)snprintf(url, sizeof(url), "http://%s/news/%d/%02d/%02d/", host,
		    1950 + i / 2, i % 12 + 1, i % 28 + 1);
		assert_int_equal(sim_outcome(run, url), OUTCOME_OK);
	}
	for (int i = 0; i < ITEMS; i++) {
		(void)snprintf(url, sizeof(url), "http://%s/item?lang=en&id=%d", host, i);
		assert_int_equal(sim_outcome(run, url), OUTCOME_OK);
	}
}

/* ---- the traps ---- */

/* Months without end, in both directions, each with its days. */
static void
calendar_of(struct slice path, struct buf *body, bool only_on)
{
	static const char *const names[] = {"January", "February", "March", "April",
	    "May", "June", "July", "August", "September", "October", "November",
	    "December"};
	char text[64];
	int y = 2023, m = 11;

	if (slice_eq(path, SLICE_LIT("/"))) {
		(void)buf_printf(body, "<a href='/cal?month=2023-11'>calendar</a>");
		return;
	}
	text_of(slice_from(path, slice_find(path, '=')), text);
	(void)sscanf(text, "=%4d-%2d", &y, &m);
	(void)buf_printf(body, "<h1>%s %d</h1>No events.", names[(m + 11) % 12], y);
	if (!slice_starts(path, SLICE_LIT("/cal?")))
		return;
	if (!only_on)
		(void)buf_printf(body, "<a href='/cal?month=%04d-%02d'>before</a>",
		    m == 1 ? y - 1 : y, m == 1 ? 12 : m - 1);
	(void)buf_printf(body, "<a href='/cal?month=%04d-%02d'>after</a>",
	    m == 12 ? y + 1 : y, m % 12 + 1);
	for (int d = 1; d <= 28; d++)
		(void)buf_printf(
		    body, "<a href='/day?date=%04d-%02d-%02d'>%d</a>", y, m, d, d);
}

static void
calendar(struct slice path, struct buf *body)
{
	calendar_of(path, body, false);
}

static void
calendar_on(struct slice path, struct buf *body)
{
	calendar_of(path, body, true);
}

/* Whatever the path, the same page with relative links. */
static void
endless_path(struct slice path, struct buf *body)
{
	struct slice segment, last = SLICE_LIT("/");

	if (slice_eq(path, SLICE_LIT("/"))) {
		(void)buf_printf(body, "<a href='/deep/'>deeper</a>");
		return;
	}
	while (slice_cut(&path, '/', &segment))
		if (segment.len > 0)
			last = segment;
	(void)buf_printf(body,
	    "About " SLICE_FMT " <a href=team/>t</a><a href=office/>o</a><a "
	    "href=history/>h</a>",
	    SLICE_ARG(last));
}

/* Each answer has another session, in the links to all its pages. */
static void
sessions(struct slice path, struct buf *body)
{
	if (slice_eq(path, SLICE_LIT("/"))) {
		(void)buf_printf(
		    body, "<a href='/s/%08x1f/enter'>enter</a>", (unsigned)++served);
		return;
	}
	served++;
	own_text(body, (unsigned)path.ptr[slice_find(path, '?') - 1]);
	for (char c = 'a'; c < 'a' + 20; c++)
		(void)buf_printf(
		    body, "<a href='/s/%08x1f/member-%c'>%c</a>", (unsigned)served, c, c);
	for (char c = 'a'; c < 'a' + 20; c++)
		(void)buf_printf(body, "<a href='/forum-%c?sid=%d'>%c</a>", c, served, c);
}

enum { COLOURS = 8, SIZES = 6, BRANDS = 15, SORTS = 4 };

/* Every choice leads to all that differ in one thing; twelve things are for sale. */
static void
facets(struct slice path, struct buf *body)
{
	char text[64];
	int v[4] = {0}, max[4] = {COLOURS, SIZES, BRANDS, SORTS};

	if (slice_starts(path, SLICE_LIT("/thing-"))) {
		own_text(body, (unsigned)path.ptr[7]);
		return;
	}
	text_of(path, text);
	if (path.len > 6)
		(void)sscanf(text, "/shop?colour=%d&size=%d&brand=%d&sort=%d", &v[0],
		    &v[1], &v[2], &v[3]);
	own_text(body, (unsigned)(v[0] + v[1] * 10 + v[2] * 100 + v[3] * 10000));
	for (int k = 0; k < 4; k++)
		for (int n = 0; n < max[k]; n++) {
			int w[4] = {v[0], v[1], v[2], v[3]};

			w[k] = n;
			(void)buf_printf(body,
			    "<a "
			    "href='/shop?colour=%d&amp;size=%d&amp;brand=%d&amp;sort=%d'>"
			    "x</a>",
			    w[0], w[1], w[2], w[3]);
		}
	(void)buf_printf(body, "<a href=/thing-%c>buy</a>", 'a' + v[2] % 12);
}

/* Names that nobody could foresee, and always the same page. */
static void
parked(struct slice path, struct buf *body)
{
	unsigned n = (unsigned)path.len;

	for (size_t i = 0; i < path.len; i++)
		n = n * 31 + (unsigned)path.ptr[i];
	(void)buf_printf(body, "This name is for sale.");
	for (int i = 0; i < 3; i++, n = n * 1103515245u + 12345u)
		(void)buf_printf(body, "<a href='/%c%c%c%c%c'></a>", 'a' + n / 256 % 26,
		    'a' + n / 6656 % 26, 'a' + n / 173056 % 26, 'a' + n / 4499456 % 26,
		    'a' + n / 116985856 % 26);
}

static void
trap_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	static const struct {
		const char *host;
		void (*fill)(struct slice path, struct buf *body);
	} hosts[] = {{"cal.test", calendar}, {"on.test", calendar_on},
	    {"path.test", endless_path}, {"sid.test", sessions}, {"facet.test", facets},
	    {"parked.test", parked}};
	struct slice path, host = slice_from(url, 7);

	(void)ctx;
	ret->latency_ms = 5;
	ret->headers = "Content-Type: text/html\r\n";
	if (!path_of(url, &path)) {
		ret->status = 404;
		return;
	}
	ret->status = 200;
	if (honest(path, body) && path.len > 1)
		return;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (slice_starts(host, slice_cstr(hosts[i].host)))
			hosts[i].fill(path, body);
}

static uint32_t
crawl_trap(struct sim_run *run, const char *host, const char *const *options)
{
	char seed[64];

	served = 0;
	(void)snprintf(seed, sizeof(seed), "http://%s/", host);
	sim_web_reset(trap_script, NULL);
	sim_crawl(run, seed, options);
	return (uint32_t)run->stats.pages;
}

/* ---- each ends, and loses nothing that is honest ---- */

static void
ends(const char *host, uint32_t trapped_max)
{
	struct sim_run run = {0};
	uint32_t pages =
	    crawl_trap(&run, host, OPTIONS("delay=0", "robots=ignore", "max-pages=8000"));

	assert_int_equal(run.end, CRAWL_DONE);
	assert_in_range(pages, HONEST + 20, HONEST + trapped_max);
	assert_true(run.stats.outcomes[OUTCOME_TRAP] > 0);
	check_honest(&run, host);
	if (strcmp(host, "facet.test") == 0)
		for (char c = 'a'; c < 'a' + 12; c++) {
			char url[64];

			(void)snprintf(url, sizeof(url), "http://facet.test/thing-%c", c);
			assert_int_equal(sim_outcome(&run, url), OUTCOME_OK);
		}
	sim_release(&run);
}

static void
a_calendar_has_an_end(void **state)
{
	(void)state;
	ends("cal.test", 300);
}

static void
a_path_without_end_has_one(void **state)
{
	(void)state;
	ends("path.test", 400);
}

static void
sessions_have_an_end_and_all_their_pages(void **state)
{
	struct sim_run run = {0};
	bool forums[20] = {false}, members[20] = {false};

	(void)state;
	ends("sid.test", 600);
	(void)crawl_trap(&run, "sid.test", OPTIONS("delay=0", "robots=ignore"));
	for (size_t i = 0; i < run.ended_len; i++) {
		const struct sim_ended *e = &run.ended[i];
		const char *forum = strstr(e->url, "/forum-");
		const char *member = strstr(e->url, "/member-");

		if (e->outcome == OUTCOME_OK && forum != NULL)
			forums[forum[7] - 'a'] = true;
		if (e->outcome == OUTCOME_OK && member != NULL)
			members[member[8] - 'a'] = true;
	}
	for (int i = 0; i < 20; i++)
		assert_true(forums[i] && members[i]);
	sim_release(&run);
}

static void
facets_have_an_end_and_all_their_things(void **state)
{
	(void)state;
	ends("facet.test", 700);
}

static void
a_host_that_answers_everything_alike_has_an_end(void **state)
{
	(void)state;
	ends("parked.test", 1500);
}

static void
an_honest_site_is_not_cut(void **state)
{
	struct sim_run run = {0};

	(void)state;
	assert_int_equal(crawl_trap(&run, "honest.test", OPTIONS("delay=0")), HONEST);
	assert_int_equal(run.stats.outcomes[OUTCOME_TRAP], 0);
	check_honest(&run, "honest.test");
	sim_release(&run);
}

/* ---- hosts ---- */

enum { REAL_HOSTS = 30, REAL_PAGES = 10 };

/* Every name is answered, and links to five that nobody has heard of; 30 hosts, which the first
 * names, have pages. */
static void
wild_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	struct slice path, host = slice_from(url, 7);
	uint64_t n;
	int at;

	(void)ctx;
	ret->latency_ms = 5;
	ret->headers = "Content-Type: text/html\r\n";
	ret->status = path_of(url, &path) ? 200 : 404;
	if (ret->status == 404)
		return;
	if (slice_starts(host, SLICE_LIT("www.")))
		for (int i = 0; i < REAL_HOSTS; i++)
			(void)buf_printf(
			    body, "<a href='http://real%d.wild.test/'>r</a>", i);
	if (slice_starts(host, SLICE_LIT("real"))) {
		host = slice_from(host, 4);
		(void)slice_to_u64(slice_head(host, slice_find(host, '.')), &n);
		at = number(path, "/p");
		own_text(body, (unsigned)n * 100 + (unsigned)(at + 1));
		for (int i = 0; i < REAL_PAGES && at < 0; i++)
			(void)buf_printf(body, "<a href=/p%d>p</a>", i);
		return;
	}
	(void)buf_printf(body, "<p>Welcome to the best of all pages of this kind.");
	for (int i = 0; i < 5; i++)
		(void)buf_printf(
		    body, "<a href='http://a%d.wild.test/'>more</a>", ++served);
}

static uint32_t
crawl_wild(struct sim_run *run, const char *option)
{
	served = 0;
	sim_web_reset(wild_script, NULL);
	sim_crawl(run, "http://www.wild.test/",
	    OPTIONS("delay=0", "scope=domain", "max-pages=3000", option));
	return (uint32_t)run->stats.pages;
}

static void
made_up_hosts_have_an_end(void **state)
{
	struct sim_run run = {0};
	size_t others = 0;
	uint32_t pages;

	(void)state;
	pages = crawl_wild(&run, "trap-hosts=50");
	assert_int_equal(run.end, CRAWL_DONE);
	assert_in_range(pages, 1 + REAL_HOSTS * (1 + REAL_PAGES) + 50, 600);
	for (int i = 0; i < REAL_HOSTS; i++)
		for (int k = 0; k < REAL_PAGES; k++) {
			char url[64];

			(void)snprintf(
			    url, sizeof(url), "http://real%d.wild.test/p%d", i, k);
			assert_int_equal(sim_outcome(&run, url), OUTCOME_OK);
		}
	/* Of those that waited when it was noticed not even robots.txt was asked for. */
	assert_true(run.stats.outcomes[OUTCOME_TRAP] > 200);
	for (size_t i = 0; i < sim_web.requests_len; i++)
		others += sim_web.requests[i].robots;
	assert_in_range(others, 1 + REAL_HOSTS + 50, 1 + REAL_HOSTS + 250);
	sim_release(&run);
	assert_in_range(crawl_wild(&run, "trap-hosts=10"),
	    1 + REAL_HOSTS * (1 + REAL_PAGES) + 10, pages - 20);
	assert_int_equal(run.end, CRAWL_DONE);
	sim_release(&run);
	assert_int_equal(crawl_wild(&run, "trap-hosts=none"), 3000);
	sim_release(&run);
	assert_int_equal(crawl_wild(&run, "trap-ok=wild"), 3000);
	sim_release(&run);
}

/* ---- options ---- */

static void
without_traps_or_with_trap_ok_nothing_is_cut(void **state)
{
	static const char *const off[] = {
	    "traps=no", "trap-duplicates=none", "trap-ok=/(cal|day)\\?"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct sim_run run = {0};
		uint32_t pages = crawl_trap(&run, "cal.test",
		    OPTIONS("delay=0", "robots=ignore", "max-pages=3000",
			"trap-dates=none", "trap-queries=none", off[i]));

		assert_int_equal(run.end, CRAWL_PAGES);
		assert_int_equal(pages, 3000);
		assert_int_equal(run.stats.outcomes[OUTCOME_TRAP], 0);
		sim_release(&run);
	}
}

static void
each_number_has_its_effect(void **state)
{
	static const struct {
		const char *host, *option, *rule_off[3];
		uint32_t pages_min, pages_max;
	} cases[] = {
	    {"cal.test", "trap-duplicates=10", {"x"}, 20, 120},
	    {"on.test", "trap-dates=20", {"trap-duplicates=none", "trap-queries=none"},
		700, 900},
	    {"facet.test", "trap-queries=50", {"x"}, 50, 400},
	    {"path.test", "trap-depth=4", {"trap-duplicates=none"}, 40, 60},
	    {"path.test", "trap-repeats=1", {"trap-duplicates=none", "trap-depth=5"}, 40,
		40},
	    {"path.test", "trap-length=40", {"trap-duplicates=none"}, 20, 60},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sim_run run = {0};
		const char *options[8] = {"delay=0", "robots=ignore", cases[i].option};
		size_t n = 3;

		for (size_t k = 0; k < 2 && cases[i].rule_off[k] != NULL &&
				   cases[i].rule_off[0][0] != 'x';
		     k++)
			options[n++] = cases[i].rule_off[k];
		(void)crawl_trap(&run, cases[i].host, options);
		assert_int_equal(run.end, CRAWL_DONE);
		assert_in_range(run.stats.pages, HONEST + cases[i].pages_min,
		    HONEST + cases[i].pages_max);
		sim_release(&run);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_honest_site_is_not_cut),
	    cmocka_unit_test(a_calendar_has_an_end),
	    cmocka_unit_test(a_path_without_end_has_one),
	    cmocka_unit_test(sessions_have_an_end_and_all_their_pages),
	    cmocka_unit_test(facets_have_an_end_and_all_their_things),
	    cmocka_unit_test(a_host_that_answers_everything_alike_has_an_end),
	    cmocka_unit_test(made_up_hosts_have_an_end),
	    cmocka_unit_test(without_traps_or_with_trap_ok_nothing_is_cut),
	    cmocka_unit_test(each_number_has_its_effect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
