#include "crawl/traps.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SEED = 7, TODAY = 20000 };

static const struct traps_conf usual = {.hash_seed = SEED,
    .repeats = 3,
    .depth = 30,
    .length = 2048,
    .dates = 200,
    .queries = 300,
    .duplicates = 50,
    .hosts = 50,
    .bytes_max = 1 << 24};

struct link {
	char text[URL_BYTES_MAX];
	struct url url;
	struct url_pattern pattern;
	struct trap_link l;
};

static const struct trap_link *
link_of(struct link *s, const char *url)
{
	assert_int_equal(url_resolve(NULL, slice_cstr(url), (struct slice){0}, 0, s->text,
			     sizeof(s->text), &s->url),
	    URL_OK);
	url_pattern(&s->url, SEED, &s->pattern);
	s->l = (struct trap_link){.url = &s->url,
	    .pattern = &s->pattern,
	    .authority_hash = url_hash(url_authority(&s->url), SEED),
	    .today = TODAY};
	return &s->l;
}

static enum trap_rule
judge(struct traps *t, const char *url)
{
	struct trap_cut cut;
	struct link s;

	assert_int_equal(traps_judge(t, link_of(&s, url), &cut), 0);
	assert_int_equal(cut.rule == TRAP_NONE, cut.detail[0] == '\0');
	return cut.rule;
}

static void
learn(struct traps *t, const char *url, uint64_t digest, uint64_t shape)
{
	struct trap_page page = {.digest = digest, .shape = shape};
	struct link s;

	assert_int_equal(traps_learn(t, link_of(&s, url), &page), 0);
}

/* shape 0: it has nothing to show. */
static void
learn_host(struct traps *t, const char *url, uint64_t shape, bool is_spared)
{
	struct trap_page page = {.shape = shape, .is_bare = shape == 0};
	struct link s;

	assert_int_equal(traps_learn_site(t, link_of(&s, url), &page, is_spared), 0);
}

static struct traps *
traps_with(const struct traps_conf *conf)
{
	struct traps *t;

	assert_int_equal(traps_new(conf, &t), 0);
	return t;
}

/* Frees them, and checks before. */
static void
done(struct traps *t)
{
	traps_check(t);
	traps_free(t);
}

__attribute__((format(printf, 1, 2))) static const char *
text(const char *fmt, ...)
{
	static char out[URL_BYTES_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(out, sizeof(out), fmt, ap);
	va_end(ap);
	return out;
}

/* ---- by form ---- */

static void
form_alone_cuts_what_no_site_means(void **state)
{
	static char deep[URL_BYTES_MAX], just_deep[URL_BYTES_MAX], lengthy[URL_BYTES_MAX],
	    just_lengthy[URL_BYTES_MAX];
	const struct {
		const char *url;
		enum trap_rule rule;
	} cases[] = {
	    {"http://h/img/img/img/img/", TRAP_REPEATS},
	    {"http://h/a/x/foo/bar/foo/bar/foo/bar/foo/bar/", TRAP_REPEATS},
	    {"http://h/img/img/img/", TRAP_NONE},
	    {"http://h/org/apache/apache/x.html", TRAP_NONE},
	    {"http://h/0/0/0/0/0/0/0/1.jpg", TRAP_NONE},
	    {deep, TRAP_DEPTH},
	    {just_deep, TRAP_NONE},
	    {lengthy, TRAP_LENGTH},
	    {just_lengthy, TRAP_NONE},
	    {"http://h/2011/05/07/x", TRAP_NONE},
	};
	struct traps *t = traps_with(&usual);

	(void)state;
	for (int i = 0; i <= 30; i++)
		(void)snprintf(deep + strlen(deep), sizeof(deep) - strlen(deep), "%s%d",
		    i == 0 ? "http://h/s" : "/s", i);
	memcpy(just_deep, deep, strlen(deep) - 4);
	(void)snprintf(lengthy, sizeof(lengthy), "http://h/%02040d", 0);
	(void)snprintf(just_lengthy, sizeof(just_lengthy), "http://h/%02039d", 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (judge(t, cases[i].url) != cases[i].rule)
			fail_msg("%s", cases[i].url);
	done(t);
}

static void
a_limit_that_is_none_cuts_nothing(void **state)
{
	struct traps_conf conf = usual;
	struct traps *t;

	(void)state;
	conf.repeats = conf.depth = conf.length = conf.dates = conf.queries =
	    conf.duplicates = conf.hosts = INT64_MAX;
	t = traps_with(&conf);
	assert_int_equal(judge(t, "http://h/img/img/img/img/img/img/img/"), TRAP_NONE);
	assert_int_equal(judge(t, text("http://h/%04000d", 1)), TRAP_NONE);
	for (int i = 0; i < 2000; i++) {
		const char *url = text("http://h/c/%d-0%d-0%d?a=%d&b=%d", 2100 + i / 81,
		    i / 9 % 9 + 1, i % 9 + 1, i % 9, i / 9 % 9);

		assert_int_equal(judge(t, url), TRAP_NONE);
		learn(t, url, 1, 1);
		learn_host(t, text("http://h%d.wild.test/", i), 1, false);
	}
	assert_int_equal(judge(t, "http://new.wild.test/"), TRAP_NONE);
	assert_int_equal(judge(t, "http://h/c/2200-01-01?a=1&b=1"), TRAP_NONE);
	done(t);
}

/* ---- dates ---- */

static void
a_calendar_is_cut_beyond_its_horizon_and_not_within(void **state)
{
	struct traps *t = traps_with(&usual);
	int passed = 0;

	(void)state;
	/* From 1950 to 2025, every day, as archives have them; TODAY is in 2024. */
	for (int i = 0; i < 76 * 12 * 28; i++)
		assert_int_equal(
		    judge(t, text("http://h/a/%04d/%02d/%02d/", 1950 + i / 336,
				 i / 28 % 12 + 1, i % 28 + 1)),
		    TRAP_NONE);
	for (int i = 0; i < 100 * 12; i++)
		passed += judge(t, text("http://h/cal?month=%04d-%02d", 2030 + i / 12,
				       i % 12 + 1)) == TRAP_NONE;
	assert_int_equal(passed, 200);
	/* Another pattern has its own budget, a date its URLs. */
	assert_int_equal(judge(t, "http://h/day?d=2033-05-01"), TRAP_NONE);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(
		    judge(t, text("http://h/p/2100/07/%d.jpg", i)), TRAP_NONE);
	done(t);
}

static void
far_dates_with_news_go_on(void **state)
{
	struct traps *t = traps_with(&usual);
	struct link s;
	int passed = 0;

	(void)state;
	for (int i = 0; i < 100 * 12; i++) {
		const char *url =
		    text("http://h/paper?issue=%04d-%02d", 1750 + i / 12, i % 12 + 1);

		if (judge(t, url) != TRAP_NONE)
			continue;
		passed++;
		traps_news(t, link_of(&s, url));
	}
	assert_int_equal(passed, 1200);
	done(t);
}

/* ---- queries ---- */

/* How many of colours, sizes, brands, orders and pages are let through. */
static int
facets(struct traps *t, const char *path)
{
	int passed = 0;

	for (int i = 0; i < 8 * 6 * 20 * 4 * 5; i++)
		passed += judge(t, text("http://h/%s?color=%d&size=%d&brand=%d&sort=%d"
					"&page=%d",
				       path, i % 8, i / 8 % 6, i / 48 % 20, i / 960 % 4,
				       i / 3840)) == TRAP_NONE;
	return passed;
}

static void
facets_are_cut_and_numbered_things_are_not(void **state)
{
	struct traps *t = traps_with(&usual);
	struct trap_sums sums;
	int passed;

	(void)state;
	passed = facets(t, "shop");
	assert_in_range(passed, 300, 300 + 8 * 26);
	traps_sums(t, &sums);
	assert_int_equal(sums.cuts[TRAP_QUERIES], 19200 - passed);
	assert_int_equal(sums.top_len, 1);
	assert_string_equal(
	    sums.top[0].pattern, "http://h/shop?color&size&brand&sort&page");
	/* 100,000 products, each in three views, with a category. */
	for (int i = 0; i < 300000; i++)
		if (judge(t, text("http://h/product.php?id=%d&cat=%d&view=%d", i / 3,
				 i / 3 % 40, i % 3)) != TRAP_NONE)
			fail_msg("product %d", i);
	done(t);
}

static void
combinations_with_news_go_on(void **state)
{
	struct traps *t = traps_with(&usual);
	struct link s;
	int passed = 0;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		const char *url = text("http://h/list?cat=%d&page=%d", i % 70, i / 70);

		if (judge(t, url) != TRAP_NONE)
			continue;
		passed++;
		if (i % 8 == 0)
			traps_news(t, link_of(&s, url));
	}
	assert_int_equal(passed, 5000);
	done(t);
}

/* ---- copies ---- */

/* How many pages of a pattern are fetched until it is closed; 0: it is not. */
static int
until_closed(struct traps *t, const char *url_head, int pages, int one_new_in)
{
	for (int i = 0; i < pages; i++) {
		const char *url = text("%s%d", url_head, i);
		uint64_t print = i % one_new_in == 0 ? 1000 + (uint64_t)i : 1;

		if (judge(t, url) != TRAP_NONE)
			return i;
		learn(t, url, print, 0);
	}
	return 0;
}

static void
a_pattern_of_copies_is_closed(void **state)
{
	struct traps *t = traps_with(&usual);

	(void)state;
	assert_in_range(until_closed(t, "http://a/p?sid=", 10000, 1 << 20), 50, 60);
	assert_in_range(until_closed(t, "http://b/cal/", 10000, 20), 60, 200);
	assert_int_equal(until_closed(t, "http://c/thing/", 10000, 10), 0);
	assert_int_equal(until_closed(t, "http://d/thing/", 10000, 1), 0);
	/* Where nothing varies there is no pattern. */
	for (int i = 0; i < 100; i++)
		learn(t, "http://e/about", 1, 1);
	assert_int_equal(judge(t, "http://e/about"), TRAP_NONE);
	done(t);
}

static void
what_had_many_different_pages_may_have_a_run_of_copies(void **state)
{
	struct traps *t = traps_with(&usual);

	(void)state;
	for (int i = 0; i < 8000; i++)
		learn(t, text("http://h/product?id=%d", i), 1000 + (uint64_t)i, 0);
	for (int i = 8000; i < 8500; i++)
		learn(t, text("http://h/product?id=%d", i), 1, 0);
	assert_int_equal(judge(t, "http://h/product?id=9000"), TRAP_NONE);
	for (int i = 8500; i < 9500; i++)
		learn(t, text("http://h/product?id=%d", i), 1, 0);
	assert_int_equal(judge(t, "http://h/product?id=9500"), TRAP_DUPLICATES);
	done(t);
}

static void
shapes_and_fingerprints_make_copies_too(void **state)
{
	struct traps *t = traps_with(&usual);
	struct trap_page page = {.has_simhash = true};
	struct link s;

	(void)state;
	for (uint64_t i = 0; i < 60; i++)
		learn(t, text("http://a/cal?d=%d", (int)i), 1000 + i, 5);
	assert_int_equal(judge(t, "http://a/cal?d=99"), TRAP_DUPLICATES);
	for (uint64_t i = 0; i < 60; i++) {
		page.digest = 1000 + i;
		page.simhash = UINT64_C(0xf0f0f0f0f0f0f0f0) ^ UINT64_C(1) << i;
		assert_int_equal(
		    traps_learn(t, link_of(&s, text("http://b/x?d=%d", (int)i)), &page),
		    0);
	}
	assert_int_equal(judge(t, "http://b/x?d=99"), TRAP_DUPLICATES);
	done(t);
}

static void
a_session_that_every_page_has_is_soon_told_from_the_page(void **state)
{
	struct traps *t = traps_with(&usual);
	int fetched = 0;

	(void)state;
	for (int page = 0; page < 200; page++)
		for (int lap = 0; lap < 1000; lap++) {
			const char *url = text("http://h/page-%c%c.html?sid=%d",
			    'a' + page / 26, 'a' + page % 26, lap * 1000 + page);

			if (judge(t, url) != TRAP_NONE)
				break;
			learn(t, url, 1000 + (uint64_t)page, 0);
			fetched++;
		}
	/* The first needs its fifty copies; the others two. */
	assert_in_range(fetched, 200, 50 + 200 * 3);
	assert_int_equal(judge(t, "http://h/other.html?sid=1"), TRAP_NONE);
	done(t);
}

static void
a_host_that_answers_everything_alike_is_closed(void **state)
{
	struct traps *t = traps_with(&usual);
	int n = 0;

	(void)state;
	for (; n < 5000; n++) {
		const char *url = text("http://parked/w%c%c%c", 'a' + n / 676 % 26,
		    'a' + n / 26 % 26, 'a' + n % 26);

		if (judge(t, url) != TRAP_NONE)
			break;
		learn(t, url, 1 + (uint64_t)n, n % 4 == 0 ? 1 : 0);
	}
	assert_in_range(n, 600, 620);
	assert_int_equal(judge(t, "http://parked/x"), TRAP_HOST);
	assert_int_equal(judge(t, "http://other/x"), TRAP_NONE);
	done(t);
}

static void
a_site_that_makes_up_hosts_gets_no_new_ones(void **state)
{
	struct traps *t = traps_with(&usual);
	struct trap_closed closed;
	struct trap_cut cut;
	struct link s;

	(void)state;
	learn_host(t, "http://www.wild.test/", 77, true);
	for (int i = 0; i < 20; i++)
		learn_host(
		    t, text("http://own%d.wild.test/", i), 1000 + (uint64_t)i, false);
	/* The 2 more are the eighth of those that had something of their own. */
	for (int i = 0; i < 52; i++) {
		assert_int_equal(judge(t, text("http://m%d.wild.test/", i)), TRAP_NONE);
		for (int page = 0; page < 9; page++) /* a host counts once */
			learn_host(t, text("http://m%d.wild.test/%d", i, page),
			    i % 2 == 0 ? 77 : 0, false);
	}
	assert_int_equal(
	    traps_judge(t, link_of(&s, "http://new.wild.test:81/x"), &cut), 0);
	assert_int_equal(cut.rule, TRAP_HOSTS);
	assert_string_equal(
	    cut.detail, "hosts *.wild.test: of 73 hosts 52 had nothing new");
	assert_int_equal(judge(t, "http://m7.wild.test/more"), TRAP_HOSTS);
	assert_int_equal(judge(t, "http://own3.wild.test/more"), TRAP_NONE);
	assert_int_equal(judge(t, "http://www.wild.test/more"), TRAP_NONE);
	assert_int_equal(judge(t, "http://wild2.test/"), TRAP_NONE);
	assert_true(traps_next_closed(t, &closed));
	assert_int_equal(closed.rule, TRAP_HOSTS);
	assert_false(traps_next_closed(t, &closed));
	done(t);
}

static void
hosts_with_something_of_their_own_are_never_too_many(void **state)
{
	struct traps *t = traps_with(&usual);

	(void)state;
	for (int i = 0; i < 5000; i++) {
		learn_host(t, text("http://h%d.big.test/", i),
		    i % 5 == 0 ? 1000 + (uint64_t)i : 0, false);
		assert_int_equal(judge(t, text("http://n%d.big.test/", i)), TRAP_NONE);
	}
	done(t);
}

static void
a_host_that_shows_something_later_is_made_good(void **state)
{
	struct traps *t = traps_with(&usual);

	(void)state;
	for (int i = 0; i < 500; i++) {
		learn_host(t, text("http://h%d.late.test/", i), 7, false);
		learn_host(
		    t, text("http://h%d.late.test/in", i), 1000 + (uint64_t)i, false);
	}
	assert_int_equal(judge(t, "http://new.late.test/"), TRAP_NONE);
	done(t);
}

static void
a_closed_site_lets_pass_at_the_turn_who_was_asked_before(void **state)
{
	struct traps *t = traps_with(&usual);
	struct trap_closed closed;
	struct trap_gates g;
	struct link s;
	uint64_t hash;

	(void)state;
	trap_gates_init(&g, SEED);
	for (int i = 0; i < 51; i++)
		learn_host(t, text("http://m%d.wild.test/", i), 5, false);
	while (traps_next_closed(t, &closed))
		assert_int_equal(trap_gates_add(&g, &closed), 0);
	hash = link_of(&s, "http://x.wild.test/")->authority_hash;
	assert_non_null(trap_gates_find(&g, hash, url_text(&s.url), false));
	assert_null(trap_gates_find(&g, hash, url_text(&s.url), true));
	hash = link_of(&s, "http://x.tame.test/")->authority_hash;
	assert_null(trap_gates_find(&g, hash, url_text(&s.url), false));
	trap_gates_release(&g);
	done(t);
}

static void
names_that_come_back_under_ever_longer_paths_are_closed(void **state)
{
	struct traps *t = traps_with(&usual);
	static const char *const names[] = {"about", "news", "team"};
	int n = 0;

	(void)state;
	/* Never the same in a row. */
	for (int depth = 3; depth < 25; depth++)
		for (int k = 0; k < 3; k++) {
			char url[URL_BYTES_MAX] = "http://h";

			for (int i = 0; i < depth; i++)
				(void)snprintf(url + strlen(url),
				    sizeof(url) - strlen(url), "/%s",
				    names[(i * i + k) % 3]);
			for (int again = 0; again < 20; again++)
				if (judge(t, url) == TRAP_NONE) {
					learn(t, url, 1 + (uint64_t)k, 0);
					n++;
				}
		}
	assert_in_range(n, 100, 3 * 80);
	done(t);
}

/* ---- being kept ---- */

static struct store *
memory_store(void)
{
	struct store *s;
	struct why why;

	assert_int_equal(store_open("memory", NULL, &s, &why), 0);
	return s;
}

static void
save(struct traps *t, struct store *s)
{
	struct store_batch *b;

	assert_int_equal(store_batch_new(64 << 20, &b), 0);
	assert_int_equal(traps_save(t, b), 0);
	assert_int_equal(store_apply(s, b, true, NULL), 0);
	store_batch_free(b);
}

static const char *
mixed_url(int n)
{
	int a = n / 5 % 19, b = n / 95 % 11, c = n % 13;

	switch (n % 5) {
	case 0:
		return text("http://h/shop?a=%d&b=%d&c=%d", a, b, c);
	case 1:
		return text("http://h/s/%x?sid=%d", (unsigned)a, n);
	case 2:
		return text(
		    "http://h/cal/2%03d-%02d-%02d", n / 60 % 999, n % 12 + 1, n % 28 + 1);
	case 3:
		return text("http://g/x/img/img/img/img/%d", n);
	default:
		return text("http://h/p-%d", n);
	}
}

/* One host in 40 has something of its own. */
static enum trap_rule
step_host(struct traps *t, int n)
{
	const char *url = text("http://m%d.wild.test/", n);
	enum trap_rule rule = judge(t, url);

	if (rule == TRAP_NONE)
		learn_host(t, url, n % 40 == 0 ? (uint64_t)n : 3, false);
	return rule;
}

/* The n-th step of some mixed site. */
static enum trap_rule
step(struct traps *t, int n)
{
	enum trap_rule host = n % 9 == 0 ? step_host(t, n / 9 + 1) : TRAP_NONE;
	const char *url = mixed_url(n);
	enum trap_rule rule = judge(t, url);
	struct link s;

	if (rule == TRAP_NONE && n % 5 == 1)
		learn(t, url, 1 + (uint64_t)(n % 40), 1);
	else if (rule == TRAP_NONE)
		learn(t, url, 1000 + (uint64_t)n, 0);
	if (n % 500 == 0)
		traps_news(t, link_of(&s, url));
	return host != TRAP_NONE ? host : rule;
}

static void
after_a_restart_all_goes_on_as_if_there_had_been_none(void **state)
{
	struct store *s = memory_store();
	struct traps *whole = traps_with(&usual), *t = traps_with(&usual);
	struct trap_sums a, b;
	struct trap_closed closed;
	int in_whole = 0, in_t = 0;

	(void)state;
	for (int n = 0; n < 12000; n++) {
		assert_int_equal(step(whole, n), step(t, n));
		if (n % 700 != 699)
			continue;
		save(t, s);
		done(t);
		t = traps_with(&usual);
		assert_int_equal(traps_load(t, s), 0);
		traps_check(t);
	}
	save(t, s);
	traps_sums(whole, &a);
	assert_int_equal(traps_sums_read(s, &b), 0);
	assert_memory_equal(a.cuts, b.cuts, sizeof(a.cuts));
	assert_int_equal(a.top_len, b.top_len);
	for (uint32_t i = 0; i < a.top_len; i++)
		assert_int_equal(a.top[i].cuts, b.top[i].cuts);
	assert_true(a.cuts[TRAP_QUERIES] > 0 && a.cuts[TRAP_DATES] > 0 &&
		    a.cuts[TRAP_REPEATS] > 0 && a.cuts[TRAP_DUPLICATES] > 0 &&
		    a.cuts[TRAP_HOSTS] > 0);
	for (size_t at = 0; traps_closed_at(whole, &at, &closed);)
		in_whole++;
	for (size_t at = 0; traps_closed_at(t, &at, &closed);)
		in_t++;
	assert_int_equal(in_whole, in_t);
	done(t);
	done(whole);
	store_close(s);
}

static void
memory_has_a_bound_and_what_cut_something_stays_longest(void **state)
{
	struct traps_conf conf = usual;
	struct store *s = memory_store();
	struct traps *t;
	struct trap_sums sums;

	(void)state;
	conf.bytes_max = 100000;
	t = traps_with(&conf);
	assert_int_equal(judge(t, "http://trap/a/img/img/img/img/"), TRAP_REPEATS);
	for (int i = 0; i < 5000; i++) {
		assert_int_equal(
		    judge(t, text("http://h%d/list?a=%d&b=1", i, i)), TRAP_NONE);
		learn(t, text("http://h%d/list?a=%d&b=1", i, i), (uint64_t)i + 1, 0);
		if (i % 300 == 0)
			save(t, s);
		traps_check(t);
	}
	save(t, s);
	done(t);
	/* The store has no more than memory had. */
	t = traps_with(&usual);
	assert_int_equal(traps_load(t, s), 0);
	traps_sums(t, &sums);
	assert_int_equal(sums.top_len, 1);
	assert_string_equal(sums.top[0].pattern, "http://trap/a/**");
	done(t);
	store_close(s);
}

static void
a_host_that_makes_up_patterns_displaces_its_own_only(void **state)
{
	struct traps *t = traps_with(&usual);

	(void)state;
	(void)until_closed(t, "http://a/p?sid=", 100, 1 << 20);
	for (int i = 0; i < 40; i++)
		learn(t, text("http://b/p?sid=%d", i), 1, 0);
	for (int i = 0; i < 20000; i++)
		assert_int_equal(
		    judge(t, text("http://evil/x%c%c%c%c?a=1", 'a' + i % 26,
				 'a' + i / 26 % 26, 'a' + i / 676 % 26, 'a' + i / 17576)),
		    TRAP_NONE);
	traps_check(t);
	assert_int_equal(judge(t, "http://a/p?sid=777"), TRAP_DUPLICATES);
	for (int i = 40; i < 55; i++)
		learn(t, text("http://b/p?sid=%d", i), 1, 0);
	assert_int_equal(judge(t, "http://b/p?sid=777"), TRAP_DUPLICATES);
	done(t);
}

static void
damaged_records_are_refused(void **state)
{
	struct store *s = memory_store();
	struct traps *t = traps_with(&usual);
	struct store_batch *b;

	(void)state;
	assert_int_equal(store_batch_new(1 << 20, &b), 0);
	assert_int_equal(
	    store_batch_put(b, STORE_META, SLICE_LIT("trap/0000000000000001"),
		SLICE_LIT("\x01\x00\x00 and so on")),
	    0);
	assert_int_equal(store_apply(s, b, true, NULL), 0);
	store_batch_free(b);
	assert_int_equal(traps_load(t, s), -EBADMSG);
	traps_free(t);
	store_close(s);
}

/* ---- at the turn ---- */

static void
what_waits_of_a_closed_pattern_is_found_at_its_turn(void **state)
{
	struct traps *t = traps_with(&usual);
	struct trap_gates g;
	struct trap_closed closed;
	const struct trap_closed *found;
	struct trap_sums sums;
	struct trap_cut cut;
	struct link s;
	uint64_t authority = url_hash(SLICE_LIT("http://h"), SEED);

	(void)state;
	trap_gates_init(&g, SEED);
	assert_false(traps_next_closed(t, &closed));
	(void)until_closed(t, "http://h/p?sid=", 100, 1 << 20);
	assert_true(traps_next_closed(t, &closed));
	assert_int_equal(trap_gates_add(&g, &closed), 0);
	assert_int_equal(trap_gates_add(&g, &closed), 0);
	assert_false(traps_next_closed(t, &closed));
	found = trap_gates_find(&g, authority, SLICE_LIT("http://h/p?sid=777"), false);
	assert_non_null(found);
	assert_int_equal(found->rule, TRAP_DUPLICATES);
	assert_non_null(strstr(found->detail, "http://h/p?sid"));
	assert_null(
	    trap_gates_find(&g, authority, SLICE_LIT("http://h/q?sid=777"), false));
	assert_null(trap_gates_find(&g, authority, SLICE_LIT("http://h/p?x=777"), false));
	assert_null(trap_gates_find(&g, 1, SLICE_LIT("http://g/p?sid=777"), false));
	traps_refused(t, link_of(&s, "http://h/p?sid=777"), &cut);
	assert_int_equal(cut.rule, TRAP_DUPLICATES);
	traps_sums(t, &sums);
	assert_int_equal(sums.cuts[TRAP_DUPLICATES], 2);
	trap_gates_release(&g);
	done(t);
}

static void
what_was_cut_is_judged_anew_by_other_numbers(void **state)
{
	struct store *s = memory_store();
	struct traps_conf conf = usual;
	struct traps *t = traps_with(&conf);
	struct trap_sums sums;
	struct trap_cut cut;
	struct link l;

	(void)state;
	(void)until_closed(t, "http://h/p?sid=", 100, 1 << 20);
	assert_int_equal(traps_judge(t, link_of(&l, "http://h/p?sid=500"), &cut), 0);
	assert_int_equal(cut.rule, TRAP_DUPLICATES);
	save(t, s);
	done(t);
	/* Looser: it is open again, and would close later. */
	conf.duplicates = 80;
	t = traps_with(&conf);
	assert_int_equal(traps_load(t, s), 0);
	traps_reopen(t);
	traps_uncut(t, cut.rule, cut.id);
	assert_int_equal(judge(t, "http://h/p?sid=500"), TRAP_NONE);
	traps_sums(t, &sums);
	assert_int_equal(sums.cuts[TRAP_DUPLICATES], 1); /* by until_closed() */
	for (int i = 0; i < 40; i++)
		learn(t, text("http://h/p?sid=%d", 600 + i), 1, 0);
	assert_int_equal(judge(t, "http://h/p?sid=500"), TRAP_DUPLICATES);
	done(t);
	/* The same numbers: it stays closed. */
	t = traps_with(&usual);
	assert_int_equal(traps_load(t, s), 0);
	traps_reopen(t);
	traps_uncut(t, cut.rule, cut.id);
	assert_int_equal(judge(t, "http://h/p?sid=500"), TRAP_DUPLICATES);
	done(t);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(form_alone_cuts_what_no_site_means),
	    cmocka_unit_test(a_limit_that_is_none_cuts_nothing),
	    cmocka_unit_test(a_calendar_is_cut_beyond_its_horizon_and_not_within),
	    cmocka_unit_test(far_dates_with_news_go_on),
	    cmocka_unit_test(facets_are_cut_and_numbered_things_are_not),
	    cmocka_unit_test(combinations_with_news_go_on),
	    cmocka_unit_test(a_pattern_of_copies_is_closed),
	    cmocka_unit_test(what_had_many_different_pages_may_have_a_run_of_copies),
	    cmocka_unit_test(shapes_and_fingerprints_make_copies_too),
	    cmocka_unit_test(a_session_that_every_page_has_is_soon_told_from_the_page),
	    cmocka_unit_test(a_host_that_answers_everything_alike_is_closed),
	    cmocka_unit_test(a_site_that_makes_up_hosts_gets_no_new_ones),
	    cmocka_unit_test(hosts_with_something_of_their_own_are_never_too_many),
	    cmocka_unit_test(a_host_that_shows_something_later_is_made_good),
	    cmocka_unit_test(a_closed_site_lets_pass_at_the_turn_who_was_asked_before),
	    cmocka_unit_test(names_that_come_back_under_ever_longer_paths_are_closed),
	    cmocka_unit_test(after_a_restart_all_goes_on_as_if_there_had_been_none),
	    cmocka_unit_test(memory_has_a_bound_and_what_cut_something_stays_longest),
	    cmocka_unit_test(a_host_that_makes_up_patterns_displaces_its_own_only),
	    cmocka_unit_test(damaged_records_are_refused),
	    cmocka_unit_test(what_waits_of_a_closed_pattern_is_found_at_its_turn),
	    cmocka_unit_test(what_was_cut_is_judged_anew_by_other_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
