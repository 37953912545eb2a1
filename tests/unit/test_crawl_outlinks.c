#include "crawl/outlinks.h"
#include "frontier/urlrec.h"
#include "sink/checks.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define PAGE "http://a.test/dir/page"

struct rig {
	struct scope_rules *rules;
	struct arena arena;
	struct outlinks o;
};

static void
rig_open(struct rig *r, const char *const *options)
{
	const char *seed = "http://a.test/";
	struct options o;
	struct buf settings;
	struct why why;

	assert_int_equal(options_init(&o), 0);
	for (; *options != NULL; options += 2) {
		bool off;

		assert_int_equal(
		    option_set(&o, option_by_flag(slice_cstr(options[0]), &off),
			slice_cstr(options[1]), NULL),
		    0);
	}
	buf_init(&settings, 1 << 16);
	assert_int_equal(scope_settings(&o, &seed, 1, 77, &settings, NULL), 0);
	if (scope_rules_new(buf_slice(&settings), &r->rules, &why) < 0)
		fail_msg("%s", why.text);
	buf_release(&settings);
	options_release(&o);
	arena_init(&r->arena, 1 << 16, 64 << 20);
}
#define RIG(r, ...) rig_open(r, (const char *const[]){__VA_ARGS__, NULL, NULL})

static void
begin(struct rig *r, uint32_t links_max)
{
	struct outlinks_conf conf = {.rules = r->rules,
	    .arena = &r->arena,
	    .url = SLICE_LIT(PAGE),
	    .links_max = links_max};

	assert_int_equal(outlinks_begin(&r->o, &conf), 0);
}

static void
rig_close(struct rig *r)
{
	arena_release(&r->arena);
	scope_rules_free(r->rules);
}

static void
add(struct rig *r, enum link_kind kind, const char *ref)
{
	assert_int_equal(outlinks_add(&r->o, kind, slice_cstr(ref), 0), 0);
}

static void
expect(const struct rig *r, uint32_t i, enum outcome verdict, const char *url)
{
	assert_true(i < r->o.len);
	if (!slice_eq(r->o.v[i].url, slice_cstr(url)))
		fail_msg("link %u is '" SLICE_FMT "', not '%s'", i,
		    SLICE_ARG(r->o.v[i].url), url);
	assert_int_equal(r->o.v[i].verdict, verdict);
}

static void
what_a_page_names_twice_is_one_link(void **state)
{
	struct rig r;

	(void)state;
	RIG(&r, NULL);
	begin(&r, 100);
	add(&r, LINK_A, "next");
	add(&r, LINK_A, "next");        /* the same reference */
	add(&r, LINK_A, "./next#part"); /* another for the same URL */
	add(&r, LINK_A, "HTTP://A.test:80/dir/x/../next");
	add(&r, LINK_AREA, "next"); /* judged like a link */
	add(&r, LINK_A, "next?");   /* not the same */
	assert_int_equal(r.o.len, 2);
	expect(&r, 0, OUTCOME_NONE, "http://a.test/dir/next");
	expect(&r, 1, OUTCOME_NONE, "http://a.test/dir/next?");
	assert_int_equal(r.o.v[0].depth, 1);
	assert_int_equal(r.o.v[0].kind, LINK_A);
	rig_close(&r);
}

static void
what_is_judged_otherwise_is_a_link_of_its_own(void **state)
{
	struct rig r;

	(void)state;
	RIG(&r, "requisites", "yes");
	begin(&r, 100);
	add(&r, LINK_A, "http://b.test/x.png");
	add(&r, LINK_IMG, "http://b.test/x.png");
	add(&r, LINK_IMG, "http://b.test/x.png");
	assert_int_equal(r.o.len, 2);
	expect(&r, 0, OUTCOME_OUT_OF_SCOPE, "http://b.test/x.png");
	expect(&r, 1, OUTCOME_NONE, "http://b.test/x.png");
	assert_true(r.o.v[0].url_hash == r.o.v[1].url_hash);
	rig_close(&r);
}

static void
hashes_are_of_the_url_and_of_its_authority(void **state)
{
	struct rig r;

	(void)state;
	RIG(&r, NULL);
	begin(&r, 100);
	add(&r, LINK_A, "one");
	add(&r, LINK_A, "two");
	add(&r, LINK_A, "http://a.test:81/one");
	assert_int_equal(r.o.len, 3);
	assert_true(
	    r.o.v[0].url_hash == url_hash(SLICE_LIT("http://a.test/dir/one"), 77));
	assert_true(r.o.v[0].authority_hash == url_hash(SLICE_LIT("http://a.test"), 77));
	assert_true(r.o.v[0].authority_hash == r.o.v[1].authority_hash);
	assert_true(r.o.v[0].authority_hash != r.o.v[2].authority_hash);
	rig_close(&r);
}

/* What is known of a link's host does not go on to the next one's. */
static void
links_to_hosts_in_turn_are_judged_each_by_its_own(void **state)
{
	static const struct {
		const char *scope;
		bool wanted[5];
	} cases[] = {
	    {"host", {true, false, true, false, true}},
	    {"domain", {true, true, true, true, true}},
	    {"prefix", {true, false, true, false, true}},
	    {"page", {false, false, false, false, false}},
	    {"any", {true, true, true, true, true}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig r;

		RIG(&r, "scope", cases[i].scope);
		begin(&r, 100);
		add(&r, LINK_A, "/1");
		add(&r, LINK_A, "http://b.a.test/2");
		add(&r, LINK_A, "https://a.test/3");
		add(&r, LINK_A, "http://a.test:82/4");
		add(&r, LINK_A, "/5");
		assert_int_equal(r.o.len, 5);
		for (uint32_t k = 0; k < 5; k++) {
			struct urlrec rec = {.url = r.o.v[k].url};

			assert_int_equal(
			    r.o.v[k].verdict == OUTCOME_NONE, cases[i].wanted[k]);
			assert_true(r.o.v[k].authority_hash ==
				    url_hash(urlrec_authority(&rec), 77));
		}
		rig_close(&r);
	}
}

static void
references_are_resolved_against_the_base_of_the_document(void **state)
{
	struct rig r;

	(void)state;
	RIG(&r, NULL);
	begin(&r, 100);
	outlinks_base(&r.o, true, SLICE_LIT("../base/"), SLICE_LIT("UTF-8"));
	add(&r, LINK_A, "x");
	add(&r, LINK_A, "/y");
	assert_int_equal(r.o.len, 2);
	expect(&r, 0, OUTCOME_NONE, "http://a.test/base/x");
	expect(&r, 1, OUTCOME_NONE, "http://a.test/y");
	rig_close(&r);
}

/* A Link: header says "x" of the page, the document says "x" of its base. */
static void
one_reference_under_two_bases_is_two_links(void **state)
{
	struct rig r;

	(void)state;
	RIG(&r, NULL);
	begin(&r, 100);
	add(&r, LINK_HEADER_LINK, "x");
	add(&r, LINK_HEADER_LINK, "/y");
	outlinks_base(&r.o, true, SLICE_LIT("/base/"), SLICE_LIT("UTF-8"));
	add(&r, LINK_IMG, "x");
	add(&r, LINK_IMG, "/y");
	add(&r, LINK_IMG, "x");
	assert_int_equal(r.o.len, 3);
	expect(&r, 0, OUTCOME_NONE, "http://a.test/dir/x");
	expect(&r, 1, OUTCOME_NONE, "http://a.test/y");
	expect(&r, 2, OUTCOME_NONE, "http://a.test/base/x");
	rig_close(&r);
}

static void
a_base_that_is_none_leaves_that_of_the_page(void **state)
{
	static const char *const bases[] = {
	    "data:text/html,x", "http://[", "javascript:"};
	struct rig r;

	(void)state;
	RIG(&r, NULL);
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		begin(&r, 100);
		outlinks_base(&r.o, true, slice_cstr(bases[i]), SLICE_LIT("UTF-8"));
		add(&r, LINK_A, "x");
		expect(&r, 0, OUTCOME_NONE, "http://a.test/dir/x");
	}
	begin(&r, 100);
	outlinks_base(&r.o, false, SLICE_LIT("/never/"), SLICE_LIT("UTF-8"));
	add(&r, LINK_A, "x");
	expect(&r, 0, OUTCOME_NONE, "http://a.test/dir/x");
	rig_close(&r);
}

static void
what_is_not_fetched_is_kept_with_its_reason(void **state)
{
	char longest[1000] = "mailto:";
	struct rig r;

	(void)state;
	RIG(&r, NULL);
	begin(&r, 100);
	memset(longest + 7, 'x', sizeof(longest) - 8);
	add(&r, LINK_A, "mailto:me@a.test");
	add(&r, LINK_A, "mailto:me@a.test");
	add(&r, LINK_A, "javascript:void(0)");
	add(&r, LINK_A, "ftp://a.test/x");
	add(&r, LINK_A, "http://");
	add(&r, LINK_A, "http://a.test:99999/");
	add(&r, LINK_A, longest);
	assert_int_equal(r.o.len, 6);
	expect(&r, 0, OUTCOME_UNSUPPORTED_SCHEME, "mailto:me@a.test");
	expect(&r, 1, OUTCOME_UNSUPPORTED_SCHEME, "javascript:void(0)");
	expect(&r, 2, OUTCOME_UNSUPPORTED_SCHEME, "ftp://a.test/x");
	expect(&r, 3, OUTCOME_BAD_URL, "http://");
	expect(&r, 4, OUTCOME_BAD_URL, "http://a.test:99999/");
	assert_int_equal(r.o.v[5].verdict, OUTCOME_UNSUPPORTED_SCHEME);
	assert_int_equal(r.o.v[5].url.len, 500); /* for a log: cut */
	rig_close(&r);
}

static void
content_within_the_page_is_no_link(void **state)
{
	struct rig r;

	(void)state;
	RIG(&r, NULL);
	begin(&r, 100);
	add(&r, LINK_IMG, "data:image/png;base64,AAAA");
	add(&r, LINK_IMG, "DATA:,x#y");
	add(&r, LINK_FORM, "search"); /* not followed */
	add(&r, LINK_PING, "ping");
	assert_int_equal(r.o.len, 0);
	rig_close(&r);
}

static void
a_reference_to_the_page_itself_is_its_url(void **state)
{
	struct rig r;

	(void)state;
	RIG(&r, NULL);
	begin(&r, 100);
	add(&r, LINK_A, "#top");
	add(&r, LINK_A, "");
	add(&r, LINK_A, "#bottom");
	assert_int_equal(r.o.len, 1);
	expect(&r, 0, OUTCOME_NONE, PAGE);
	rig_close(&r);
}

static void
links_beyond_the_maximum_are_dropped(void **state)
{
	char ref[32];
	struct rig r;

	(void)state;
	RIG(&r, NULL);
	begin(&r, 5000);
	for (int i = 0; i < 6000; i++) {
		(void)snprintf(ref, sizeof(ref), "p%d", i);
		add(&r, LINK_A, ref);
		add(&r, LINK_A, ref);
	}
	assert_int_equal(r.o.len, 5000);
	/* Grown many times, none lost, none twice. */
	for (uint32_t i = 0; i < r.o.len; i++) {
		(void)snprintf(ref, sizeof(ref), "http://a.test/dir/p%u", i);
		expect(&r, i, OUTCOME_NONE, ref);
	}
	add(&r, LINK_A, "mailto:x@a.test");
	assert_int_equal(r.o.len, 5000);
	rig_close(&r);
}

static void
queries_are_in_the_charset_of_the_document(void **state)
{
	struct rig r;

	(void)state;
	RIG(&r, NULL);
	begin(&r, 100);
	outlinks_base(&r.o, false, SLICE_LIT(""), SLICE_LIT("windows-1252"));
	add(&r, LINK_A, "caf\xc3\xa9?q=caf\xc3\xa9");
	expect(&r, 0, OUTCOME_NONE, "http://a.test/dir/caf%C3%A9?q=caf%E9");
	begin(&r, 100);
	outlinks_base(&r.o, false, SLICE_LIT(""), SLICE_LIT("UTF-8"));
	add(&r, LINK_A, "?q=caf\xc3\xa9");
	expect(&r, 0, OUTCOME_NONE, "http://a.test/dir/page?q=caf%C3%A9");
	begin(&r, 100); /* that of the base, too */
	outlinks_base(&r.o, true, SLICE_LIT("/b?\xc3\xa9"), SLICE_LIT("windows-1252"));
	add(&r, LINK_A, "");
	expect(&r, 0, OUTCOME_NONE, "http://a.test/b?%E9");
	rig_close(&r);
}

static void
entries_of_a_sitemap_are_one_step_from_a_seed(void **state)
{
	struct outlinks_conf conf = {.url = SLICE_LIT("http://a.test/sitemap.xml"),
	    .depth = 9,
	    .sitemap = true,
	    .links_max = 10};
	struct rig r;

	(void)state;
	RIG(&r, NULL);
	conf.rules = r.rules;
	conf.arena = &r.arena;
	assert_int_equal(outlinks_begin(&r.o, &conf), 0);
	add(&r, LINK_SITEMAP, "http://a.test/one");
	assert_int_equal(outlinks_add(&r.o, LINK_SITEMAP,
			     SLICE_LIT("http://maps.test/more.xml"), OUTLINK_IS_SITEMAP),
	    0);
	assert_int_equal(r.o.len, 2);
	expect(&r, 0, OUTCOME_NONE, "http://a.test/one");
	assert_int_equal(r.o.v[0].depth, 1);
	assert_int_equal(r.o.v[0].flags & URLREC_SITEMAP, 0);
	expect(&r, 1, OUTCOME_NONE, "http://maps.test/more.xml");
	assert_int_equal(r.o.v[1].flags, URLREC_SITEMAP);
	rig_close(&r);
}

static void
sitemaps_nest_a_few_levels_and_no_more(void **state)
{
	static const struct {
		const char *hops;
		enum outcome verdict;
	} cases[] = {
	    {"P", OUTCOME_NONE},
	    {"PIIIII", OUTCOME_NONE},
	    {"PIIIIII", OUTCOME_TRAP},
	    {"PIIRIRIRII", OUTCOME_TRAP},
	    {"IIIIIIL", OUTCOME_NONE},
	    {"IIIIIIIIIIIIIIIIIIIIIIIIIIIIIIII", OUTCOME_TRAP},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outlinks_conf conf = {
		    .url = SLICE_LIT("http://a.test/sitemap.xml"),
		    .hops = slice_cstr(cases[i].hops),
		    .sitemap = true,
		    .links_max = 10};
		struct rig r;

		RIG(&r, NULL);
		conf.rules = r.rules;
		conf.arena = &r.arena;
		assert_int_equal(outlinks_begin(&r.o, &conf), 0);
		assert_int_equal(
		    outlinks_add(&r.o, LINK_SITEMAP, SLICE_LIT("http://a.test/more.xml"),
			OUTLINK_IS_SITEMAP),
		    0);
		expect(&r, 0, cases[i].verdict, "http://a.test/more.xml");
		rig_close(&r);
	}
}

static void
only_the_url_of_a_reference(void **state)
{
	struct slice url = {0};
	struct rig r;

	(void)state;
	RIG(&r, NULL);
	begin(&r, 100);
	assert_int_equal(outlinks_resolve(&r.o, SLICE_LIT("mailto:x"), &url), 0);
	assert_int_equal(url.len, 0);
	assert_int_equal(outlinks_resolve(&r.o, SLICE_LIT("../c#d"), &url), 0);
	assert_true(slice_eq(url, SLICE_LIT("http://a.test/c")));
	assert_int_equal(r.o.len, 0);
	rig_close(&r);
}

static void
a_sitemap_that_a_page_names_is_one_if_it_is_in_scope(void **state)
{
	struct rig r;

	(void)state;
	RIG(&r, NULL);
	begin(&r, 100);
	assert_int_equal(outlinks_add(&r.o, LINK_SITEMAP, SLICE_LIT("/map.xml"),
			     OUTLINK_NAMES_SITEMAP),
	    0);
	assert_int_equal(outlinks_add(&r.o, LINK_SITEMAP, SLICE_LIT("http://b.test/map"),
			     OUTLINK_NAMES_SITEMAP),
	    0);
	assert_int_equal(outlinks_add(&r.o, LINK_SITEMAP, SLICE_LIT("http://b.test/map"),
			     OUTLINK_IS_SITEMAP),
	    0);
	assert_int_equal(r.o.len, 3);
	expect(&r, 0, OUTCOME_NONE, "http://a.test/map.xml");
	assert_int_equal(r.o.v[0].flags, URLREC_SITEMAP);
	expect(&r, 1, OUTCOME_OUT_OF_SCOPE, "http://b.test/map");
	assert_int_equal(r.o.v[1].flags, 0);
	expect(&r, 2, OUTCOME_NONE, "http://b.test/map");
	rig_close(&r);
}

static void
urls_are_tidied_where_they_are_resolved(void **state)
{
	struct slice only;
	struct rig r;

	(void)state;
	RIG(&r, "sort-query", "yes", "strip-session-ids", "yes", "strip-tracking", "yes");
	begin(&r, 100);
	add(&r, LINK_A, "x?b=1&a=2&utm_id=3");
	add(&r, LINK_A, "x;jsessionid=1?a=2&b=1");
	assert_int_equal(r.o.len, 1);
	expect(&r, 0, OUTCOME_NONE, "http://a.test/dir/x?a=2&b=1");
	assert_true(r.o.v[0].url_hash == url_hash(r.o.v[0].url, 77));
	assert_int_equal(outlinks_resolve(&r.o, SLICE_LIT("?PHPSESSID=1"), &only), 0);
	assert_true(slice_eq(only, SLICE_LIT(PAGE)));
	rig_close(&r);
}

static void
guesses_are_none_unless_asked_for(void **state)
{
	struct rig r;

	(void)state;
	RIG(&r, NULL);
	begin(&r, 100);
	add(&r, LINK_SPECULATIVE, "x");
	add(&r, LINK_JSON_LD, "x");
	assert_int_equal(r.o.len, 0);
	add(&r, LINK_A, "x"); /* which is not one for that */
	assert_int_equal(r.o.len, 1);
	rig_close(&r);
}

static void
guesses_have_a_budget_and_tell_of_nothing_but_what_is_tried(void **state)
{
	struct rig r;

	(void)state;
	RIG(&r, "speculative", "yes", "speculative-max", "2");
	begin(&r, 100);
	add(&r, LINK_A, "known");
	add(&r, LINK_SPECULATIVE, "known");            /* a link already */
	add(&r, LINK_SPECULATIVE, "http://b.test/");   /* out of scope */
	add(&r, LINK_SPECULATIVE, "http://[broken/x"); /* no URL */
	add(&r, LINK_JSON_LD, "mailto:x@a.test");
	add(&r, LINK_SPECULATIVE, "one");
	add(&r, LINK_SPECULATIVE, "one");
	add(&r, LINK_JSON_LD, "two");
	add(&r, LINK_SPECULATIVE, "three");
	assert_int_equal(r.o.len, 3);
	expect(&r, 0, OUTCOME_NONE, "http://a.test/dir/known");
	expect(&r, 1, OUTCOME_NONE, "http://a.test/dir/one");
	expect(&r, 2, OUTCOME_NONE, "http://a.test/dir/two");
	assert_int_equal(r.o.v[2].kind, LINK_JSON_LD);
	add(&r, LINK_A, "four"); /* links go on */
	assert_int_equal(r.o.len, 4);
	rig_close(&r);
}

static void
a_full_arena_is_out_of_memory(void **state)
{
	char ref[64];
	struct rig r;
	int e = 0;

	(void)state;
	RIG(&r, NULL);
	arena_release(&r.arena);
	arena_init(&r.arena, 4096, 32768);
	begin(&r, 100000);
	for (int i = 0; i < 10000 && e == 0; i++) {
		(void)snprintf(ref, sizeof(ref), "page-%d", i);
		e = outlinks_add(&r.o, LINK_A, slice_cstr(ref), 0);
	}
	assert_int_equal(e, -ENOMEM);
	assert_true(r.o.len > 0);
	rig_close(&r);
}

static void
a_page_without_a_url_is_refused(void **state)
{
	struct outlinks_conf conf = {.url = SLICE_LIT("page"), .links_max = 10};
	struct rig r;

	(void)state;
	RIG(&r, NULL);
	conf.rules = r.rules;
	conf.arena = &r.arena;
	assert_int_equal(outlinks_begin(&r.o, &conf), -EBADMSG);
	rig_close(&r);
}

static void
links_are_noted_once_with_each_id_that_they_name(void **state)
{
	static const char *const want[][2] = {{"http://a.test/dir/x", ""},
	    {"http://a.test/dir/x", "one"}, {"http://a.test/dir/x", "two"},
	    {"http://[", ""}};
	struct checks_link l;
	struct slice rest;
	struct buf notes;
	struct rig r;

	(void)state;
	RIG(&r, "check-links", "yes");
	begin(&r, 100);
	buf_init(&notes, 65536);
	r.o.conf.checks = &notes;
	add(&r, LINK_A, "x");
	add(&r, LINK_A, "x#one");
	add(&r, LINK_A, "./x#one");
	add(&r, LINK_A, "x#two");
	add(&r, LINK_IMG, "x#one"); /* an image's: not looked at */
	add(&r, LINK_A, "mailto:a@b.test");
	add(&r, LINK_A, "http://[");
	add(&r, LINK_REDIRECT, "y");
	assert_int_equal(
	    checks_end(&notes, &(struct checks_end){.links_cut = r.o.checks_cut}), 0);
	rest = buf_slice(&notes);
	for (size_t i = 0; i < 4; i++) {
		assert_true(checks_next(&rest, &l));
		assert_true(slice_eq(l.url, slice_cstr(want[i][0])));
		assert_true(slice_eq(l.fragment, slice_cstr(want[i][1])));
	}
	assert_false(checks_next(&rest, &l));
	buf_release(&notes);
	rig_close(&r);
}

static void
hosts_are_asked_for_what_they_have_not_once_each(void **state)
{
	struct rig r;

	(void)state;
	RIG(&r, "check-links", "yes", "check-soft-404", "all");
	begin(&r, 100);
	add(&r, LINK_A, "http://b.test/1");
	add(&r, LINK_A, "http://b.test/2");
	add(&r, LINK_A, "here");
	assert_int_equal(outlinks_probes(&r.o), 0);
	assert_int_equal(r.o.len, 5);
	assert_true(slice_starts(r.o.v[3].url, SLICE_LIT("http://a.test/trawl-asks-")));
	assert_true(slice_starts(r.o.v[4].url, SLICE_LIT("http://b.test/trawl-asks-")));
	assert_int_equal(r.o.v[4].flags, URLREC_CHECK | URLREC_CHECK_GET);
	assert_true(r.o.v[4].authority_hash == r.o.v[0].authority_hash);
	rig_close(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_page_names_twice_is_one_link),
	    cmocka_unit_test(what_is_judged_otherwise_is_a_link_of_its_own),
	    cmocka_unit_test(hashes_are_of_the_url_and_of_its_authority),
	    cmocka_unit_test(links_to_hosts_in_turn_are_judged_each_by_its_own),
	    cmocka_unit_test(references_are_resolved_against_the_base_of_the_document),
	    cmocka_unit_test(one_reference_under_two_bases_is_two_links),
	    cmocka_unit_test(a_base_that_is_none_leaves_that_of_the_page),
	    cmocka_unit_test(what_is_not_fetched_is_kept_with_its_reason),
	    cmocka_unit_test(content_within_the_page_is_no_link),
	    cmocka_unit_test(a_reference_to_the_page_itself_is_its_url),
	    cmocka_unit_test(links_beyond_the_maximum_are_dropped),
	    cmocka_unit_test(queries_are_in_the_charset_of_the_document),
	    cmocka_unit_test(entries_of_a_sitemap_are_one_step_from_a_seed),
	    cmocka_unit_test(only_the_url_of_a_reference),
	    cmocka_unit_test(sitemaps_nest_a_few_levels_and_no_more),
	    cmocka_unit_test(a_sitemap_that_a_page_names_is_one_if_it_is_in_scope),
	    cmocka_unit_test(urls_are_tidied_where_they_are_resolved),
	    cmocka_unit_test(guesses_are_none_unless_asked_for),
	    cmocka_unit_test(guesses_have_a_budget_and_tell_of_nothing_but_what_is_tried),
	    cmocka_unit_test(links_are_noted_once_with_each_id_that_they_name),
	    cmocka_unit_test(hosts_are_asked_for_what_they_have_not_once_each),
	    cmocka_unit_test(a_full_arena_is_out_of_memory),
	    cmocka_unit_test(a_page_without_a_url_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
