#include "crawl/scope.h"
#include "frontier/urlrec.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct scope_rules *
rules_of_seeds(const char *const *seeds, size_t n, const char *const *options)
{
	struct scope_rules *rules;
	struct options o;
	struct buf settings;
	struct why why;

	assert_int_equal(options_init(&o), 0);
	for (; options != NULL && *options != NULL; options += 2) {
		bool off;

		assert_int_equal(
		    option_set(&o, option_by_flag(slice_cstr(options[0]), &off),
			slice_cstr(options[1]), NULL),
		    0);
	}
	buf_init(&settings, SCOPE_SETTINGS_MAX);
	assert_int_equal(
	    scope_settings(&o, seeds, n, UINT64_MAX - 5, &settings, NULL), 0);
	if (scope_rules_new(buf_slice(&settings), &rules, &why) < 0)
		fail_msg("%s", why.text);
	assert_true(scope_hash_seed(rules) == UINT64_MAX - 5);
	buf_release(&settings);
	options_release(&o);
	return rules;
}

static struct scope_rules *
rules_of(const char *seed, const char *const *options)
{
	return rules_of_seeds(&seed, 1, options);
}
#define RULES(seed, ...) rules_of(seed, (const char *const[]){__VA_ARGS__, NULL, NULL})

static struct scope_verdict
judge(const struct scope_rules *rules, const char *text, enum link_kind kind,
    uint16_t depth, uint8_t parent_flags, uint8_t redirects)
{
	char out[URL_BYTES_MAX];
	struct scope_verdict v;
	struct url url;

	assert_int_equal(url_resolve(NULL, slice_cstr(text), (struct slice){0}, 0, out,
			     sizeof(out), &url),
	    URL_OK);
	scope_judge(rules,
	    &(struct scope_link){.url = &url,
		.kind = kind,
		.depth = depth,
		.parent_flags = parent_flags,
		.redirects = redirects},
	    &v);
	return v;
}

static bool
wanted(const struct scope_rules *rules, const char *text)
{
	return judge(rules, text, LINK_A, 0, 0, 0).outcome == OUTCOME_NONE;
}

static void
host_means_host_and_port_but_not_the_default_scheme(void **state)
{
	struct scope_rules *r = RULES("http://h.test/a/b", "scope", "host");

	(void)state;
	assert_true(wanted(r, "http://h.test/x"));
	assert_true(wanted(r, "https://h.test/x"));
	assert_false(wanted(r, "http://h.test:8080/x"));
	assert_false(wanted(r, "http://www.h.test/x"));
	scope_rules_free(r);
	r = RULES("http://h.test:8080/", "scope", "host");
	assert_true(wanted(r, "http://h.test:8080/x"));
	assert_false(wanted(r, "https://h.test:8080/x"));
	assert_false(wanted(r, "http://h.test/x"));
	scope_rules_free(r);
}

static void
page_prefix_domain_and_any_reach_as_far_as_they_say(void **state)
{
	struct scope_rules *r = RULES("http://www.h.co.uk/a/b", "scope", "page");

	(void)state;
	assert_true(wanted(r, "http://www.h.co.uk/a/b"));
	assert_false(wanted(r, "http://www.h.co.uk/a/c"));
	scope_rules_free(r);
	r = RULES("http://www.h.co.uk/a/b", "scope", "prefix");
	assert_true(wanted(r, "http://www.h.co.uk/a/c/d"));
	assert_false(wanted(r, "http://www.h.co.uk/ab"));
	assert_false(wanted(r, "http://h.co.uk/a/c"));
	scope_rules_free(r);
	r = RULES("http://www.h.co.uk/a/b", "scope", "domain");
	assert_true(wanted(r, "https://other.h.co.uk/"));
	assert_false(wanted(r, "http://x.co.uk/"));
	scope_rules_free(r);
	r = RULES("http://www.h.co.uk/a/b", "scope", "any");
	assert_true(wanted(r, "https://elsewhere.test/"));
	scope_rules_free(r);
}

/* ---- against a walk over all seeds ---- */

static uint32_t model_random;

static size_t
model_choose(size_t n)
{
	model_random = model_random * 1664525u + 1013904223u;
	return (model_random >> 8) % n;
}

enum { MODEL_URL_MAX = 96 };

static void
model_url(char ret[MODEL_URL_MAX])
{
	static const char *const hosts[] = {
	    "h.test", "www.h.test", "a.h.co.uk", "h.co.uk", "10.0.0.1", "b.a.h.co.uk"};
	static const char *const ports[] = {"", "", "", ":80", ":443", ":8080"};
	static const char *const parts[] = {"a", "b", "", "a", "cc", "/"};
	size_t depth = model_choose(7);
	int at = snprintf(ret, MODEL_URL_MAX, "http%s://%s%s/",
	    model_choose(2) ? "s" : "", hosts[model_choose(6)], ports[model_choose(6)]);

	for (size_t i = 0; i < depth; i++)
		at += snprintf(ret + at, MODEL_URL_MAX - (size_t)at, "%s%s",
		    parts[model_choose(6)], model_choose(4) ? "/" : "");
	(void)snprintf(ret + at, MODEL_URL_MAX - (size_t)at, "%s",
	    model_choose(3)   ? ""
	    : model_choose(2) ? "?q=/a/"
			      : "#a/b/");
}

static bool
model_same_host(const struct url *a, const struct url *b)
{
	bool usual = a->port == (url_is_https(a) ? 443 : 80) &&
		     b->port == (url_is_https(b) ? 443 : 80);

	return slice_eq(url_host(a), url_host(b)) &&
	       (usual || (a->port == b->port && url_is_https(a) == url_is_https(b)));
}

static bool
model_holds(const char *mode, const char *seed, const char *text)
{
	char out[2][URL_BYTES_MAX];
	struct url s, u;
	struct slice prefix;

	assert_int_equal(url_resolve(NULL, slice_cstr(seed), (struct slice){0}, 0, out[0],
			     URL_BYTES_MAX, &s),
	    URL_OK);
	assert_int_equal(url_resolve(NULL, slice_cstr(text), (struct slice){0}, 0, out[1],
			     URL_BYTES_MAX, &u),
	    URL_OK);
	if (strcmp(mode, "page") == 0)
		return slice_eq(url_text(&s), url_text(&u));
	if (strcmp(mode, "domain") == 0)
		return slice_eq(url_site(url_host(&s)), url_site(url_host(&u)));
	if (strcmp(mode, "host") == 0)
		return model_same_host(&s, &u);
	prefix = url_path(&s);
	while (prefix.len > 0 && prefix.ptr[prefix.len - 1] != '/')
		prefix.len--;
	return model_same_host(&s, &u) && slice_starts(url_path(&u), prefix);
}

enum { MODEL_SEEDS = 12 };

/* Half of the seeds come later, as redirects do; `others` hears of them. */
static void
model_compare(const char *mode, size_t *in, size_t *out)
{
	char text[MODEL_SEEDS][MODEL_URL_MAX], url[MODEL_URL_MAX];
	const char *seeds[MODEL_SEEDS], *options[] = {"scope", mode, NULL, NULL};
	struct scope_rules *rules, *others;
	size_t n = 1 + model_choose(MODEL_SEEDS), first = n / 2;
	struct buf news;

	for (size_t i = 0; i < n; i++) {
		model_url(text[i]);
		seeds[i] = text[i];
	}
	rules = rules_of_seeds(seeds, first, options);
	others = rules_of_seeds(seeds, first, options);
	buf_init(&news, 1000);
	for (size_t i = first; i < n; i++) {
		size_t had = news.len;
		bool in_scope = scope_reaches(rules, slice_cstr(seeds[i]));

		assert_int_equal(
		    scope_rules_add_root(rules, slice_cstr(seeds[i]), &news), 0);
		assert_true((news.len == had) == in_scope);
	}
	assert_int_equal(scope_rules_extend(others, buf_slice(&news)), 0);
	for (size_t i = 0; i < 60; i++) {
		bool holds = false;

		model_url(url);
		if (model_choose(4) == 0)
			memcpy(url, text[model_choose(n)], sizeof(url));
		for (size_t k = 0; k < n; k++)
			holds |= model_holds(mode, seeds[k], url);
		if (wanted(rules, url) != holds || wanted(others, url) != holds ||
		    scope_reaches(rules, slice_cstr(url)) != holds)
			fail_msg("%s: %s is %sin scope", mode, url, holds ? "" : "not ");
		*(holds ? in : out) += 1;
	}
	buf_release(&news);
	scope_rules_free(rules);
	scope_rules_free(others);
}

static void
a_set_of_keys_says_what_a_walk_over_all_seeds_says(void **state)
{
	static const char *const modes[] = {"page", "prefix", "host", "domain"};

	(void)state;
	for (size_t m = 0; m < 4; m++) {
		size_t in = 0, out = 0;

		model_random = 7;
		for (size_t i = 0; i < 300; i++)
			model_compare(modes[m], &in, &out);
		assert_true(in > 100 && out > 100);
	}
}

static void
what_workers_are_told_grows_with_places_and_not_with_seeds(void **state)
{
	enum { N = 20000 };
	static char text[N][40];
	static const char *seeds[N];
	struct options o;
	struct buf one, many;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		(void)snprintf(
		    text[i], sizeof(text[i]), "http://h%zu.test/page/%zu", i % 500, i);
		seeds[i] = text[i];
	}
	assert_int_equal(options_init(&o), 0);
	buf_init(&one, SCOPE_SETTINGS_MAX);
	buf_init(&many, SCOPE_SETTINGS_MAX);
	assert_int_equal(scope_settings(&o, seeds, 1, 1, &one, NULL), 0);
	assert_int_equal(scope_settings(&o, seeds, N, 1, &many, NULL), 0);
	assert_int_equal(many.len - one.len, 499 * 8);
	buf_release(&one);
	buf_release(&many);
	options_release(&o);
}

static void
seeds_that_do_not_fit_are_told_of_in_a_sentence(void **state)
{
	const char *seeds[] = {"http://a.test/", "http://b.test/", "http://c.test/"};
	struct options o;
	struct buf settings;
	struct why why;

	(void)state;
	assert_int_equal(options_init(&o), 0);
	buf_init(&settings, SCOPE_SETTINGS_MAX);
	assert_int_equal(scope_settings(&o, seeds, 1, 1, &settings, NULL), 0);
	settings.max = settings.len + 8;
	assert_int_equal(scope_settings(&o, seeds, 3, 1, &settings, &why), -EMSGSIZE);
	assert_non_null(strstr(why.text, "too many seeds"));
	buf_release(&settings);
	options_release(&o);
}

/* A page of links into a deep directory of slashes: each byte is looked at once. */
static void
many_slashes_cost_no_more_than_other_bytes(void **state)
{
	static char deep[URL_BYTES_MAX];
	struct scope_rules *r;

	(void)state;
	memset(deep, '/', 8000);
	memcpy(deep, "http://h.test", 13);
	r = RULES("http://h.test/a/b/", "scope", "prefix");
	assert_false(wanted(r, deep));
	assert_int_equal(scope_rules_add_root(r, slice_cstr(deep), NULL), 0);
	for (size_t i = 0; i < 1000; i++)
		assert_true(wanted(r, deep));
	deep[7000] = '\0';
	assert_false(wanted(r, deep));
	scope_rules_free(r);
}

static void
requisites_come_from_anywhere_and_lead_nowhere(void **state)
{
	struct scope_rules *r =
	    RULES("http://h.test/", "requisites", "yes", "depth", "0");
	struct scope_verdict v = judge(r, "http://cdn.test/i.png", LINK_IMG, 0, 0, 0);

	(void)state;
	assert_int_equal(v.outcome, OUTCOME_NONE);
	assert_int_equal(v.flags, URLREC_REQUISITE | URLREC_PART);
	assert_int_equal(v.depth, 0);
	assert_int_equal(
	    judge(r, "http://h.test/a", LINK_A, 0, 0, 0).outcome, OUTCOME_DEPTH);
	/* A style sheet from elsewhere may want its fonts, but no links. */
	assert_int_equal(
	    judge(r, "http://cdn.test/f", LINK_CSS, 0, URLREC_REQUISITE, 0).outcome,
	    OUTCOME_NONE);
	assert_int_equal(
	    judge(r, "http://cdn.test/p", LINK_A, 0, URLREC_REQUISITE, 0).outcome,
	    OUTCOME_OUT_OF_SCOPE);
	assert_int_equal(
	    judge(r, "http://cdn2.test/f", LINK_REDIRECT, 0, URLREC_REQUISITE, 0).outcome,
	    OUTCOME_NONE);
	scope_rules_free(r);
}

static void
exclude_overrules_include_and_both_spare_the_seed_chain(void **state)
{
	struct scope_rules *r =
	    RULES("http://h.test/", "include", "/docs/", "exclude", "\\.pdf$");

	(void)state;
	assert_true(wanted(r, "http://h.test/docs/x"));
	assert_false(wanted(r, "http://h.test/other"));
	assert_false(wanted(r, "http://h.test/docs/x.pdf"));
	assert_int_equal(
	    judge(r, "http://new.test/other", LINK_REDIRECT, 0, URLREC_SEED, 0).outcome,
	    OUTCOME_NONE);
	scope_rules_free(r);
}

static void
depth_counts_links_and_redirects_have_their_own_limit(void **state)
{
	struct scope_rules *r = RULES("http://h.test/", "depth", "2");

	(void)state;
	assert_int_equal(
	    judge(r, "http://h.test/x", LINK_A, 1, 0, 0).outcome, OUTCOME_NONE);
	assert_int_equal(judge(r, "http://h.test/x", LINK_A, 1, 0, 0).depth, 2);
	assert_int_equal(
	    judge(r, "http://h.test/x", LINK_A, 2, 0, 0).outcome, OUTCOME_DEPTH);
	assert_int_equal(
	    judge(r, "http://h.test/x", LINK_REDIRECT, 2, 0, 19).outcome, OUTCOME_NONE);
	assert_int_equal(
	    judge(r, "http://h.test/x", LINK_REDIRECT, 2, 0, 19).redirects, 20);
	assert_int_equal(judge(r, "http://h.test/x", LINK_REDIRECT, 2, 0, 20).outcome,
	    OUTCOME_REDIRECT_LIMIT);
	scope_rules_free(r);
}

static void
priority_is_that_of_the_first_pattern_that_matches(void **state)
{
	struct scope_rules *r =
	    RULES("http://h.test/", "priority", "/news/=10", "priority", "a=b=-3");

	(void)state;
	assert_int_equal(judge(r, "http://h.test/news/1", LINK_A, 0, 0, 0).priority, 10);
	assert_int_equal(judge(r, "http://h.test/?a=b", LINK_A, 0, 0, 0).priority, -3);
	assert_int_equal(judge(r, "http://h.test/", LINK_A, 0, 0, 0).priority, 0);
	scope_rules_free(r);
}

static void
a_hostile_pattern_or_url_cannot_stall_a_judge(void **state)
{
	struct scope_rules *r = RULES("http://h.test/", "exclude", "(a+)+$");
	char text[4096] = "http://h.test/";

	(void)state;
	memset(text + 14, 'a', 4000);
	text[4014] = '!';
	text[4015] = '\0';
	(void)judge(r, text, LINK_A, 0, 0, 0);
	scope_rules_free(r);
}

static void
a_bad_pattern_is_told_with_its_place(void **state)
{
	const char *seed = "http://h.test/";
	struct scope_rules *rules = NULL;
	struct options o;
	struct buf settings;
	struct why why;

	(void)state;
	assert_int_equal(options_init(&o), 0);
	assert_int_equal(
	    option_set(&o, &option_rows[OPTION_ID_crawl_exclude], SLICE_LIT("a(b"), NULL),
	    0);
	buf_init(&settings, 1 << 16);
	assert_int_equal(scope_settings(&o, &seed, 1, 1, &settings, NULL), 0);
	assert_int_equal(scope_rules_new(buf_slice(&settings), &rules, &why), -EINVAL);
	assert_null(rules);
	assert_non_null(strstr(why.text, "--exclude 'a(b': "));
	assert_non_null(strstr(why.text, "character 4"));
	buf_release(&settings);
	options_release(&o);
}

static void
the_robots_token_is_the_product_of_the_user_agent(void **state)
{
	static const char *const cases[][2] = {
	    {"trawl/0.1 (+https://x.test/)", "trawl"},
	    {"My-Bot_2", "My-Bot_2"},
	    {"Mozilla/5.0 (compatible; ArchiveBot/2.0; +http://a.test)", "ArchiveBot"},
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct scope_rules *r =
		    RULES("http://h.test/", "user-agent", cases[i][0]);

		assert_true(slice_eq(scope_agent(r), slice_cstr(cases[i][1])));
		scope_rules_free(r);
	}
}

static enum outcome
again(const struct scope_rules *r, const struct urlrec *rec, const char *why)
{
	struct buf reason;
	enum outcome o;

	buf_init(&reason, 1000);
	o = scope_judge_again(r, rec, &reason);
	assert_true(slice_eq(buf_slice(&reason), slice_cstr(why)));
	buf_release(&reason);
	return o;
}

static enum outcome
again_of(const struct scope_rules *r, const char *url, unsigned flags, uint16_t depth,
    const char *why)
{
	return again(r,
	    &(struct urlrec){.url = slice_cstr(url),
		.kind = LINK_A,
		.depth = depth,
		.flags = (uint8_t)flags},
	    why);
}

static void
what_was_wanted_under_other_options_is_judged_by_these(void **state)
{
	static const struct urlrec img = {
	    .url = {"http://cdn.test/i", 17}, .kind = LINK_IMG, .depth = 2};
	struct scope_rules *r = RULES("http://h.test/", "exclude", "/cal/", "depth", "3");

	(void)state;
	assert_int_equal(again_of(r, "http://h.test/a", 0, 2, ""), OUTCOME_NONE);
	assert_int_equal(again_of(r, "http://h.test/cal/1", 0, 2, "--exclude /cal/"),
	    OUTCOME_OUT_OF_SCOPE);
	assert_int_equal(
	    again_of(r, "http://x.test/", 0, 2, "--scope host"), OUTCOME_OUT_OF_SCOPE);
	assert_int_equal(again_of(r, "http://h.test/a", 0, 3, ""), OUTCOME_NONE);
	assert_int_equal(
	    again_of(r, "http://h.test/a", 0, 4, "--depth 3"), OUTCOME_DEPTH);
	/* Seeds, their chain and sitemaps are not judged. */
	assert_int_equal(
	    again_of(r, "http://x.test/cal/", URLREC_SEED, 2, ""), OUTCOME_NONE);
	assert_int_equal(
	    again_of(r, "http://x.test/", URLREC_SEED_CHAIN, 2, ""), OUTCOME_NONE);
	assert_int_equal(
	    again_of(r, "http://x.test/", URLREC_SITEMAP, 2, ""), OUTCOME_NONE);
	/* Requisites are not asked for any more. */
	assert_int_equal(again_of(r, "http://cdn.test/", URLREC_REQUISITE | URLREC_PART,
			     2, "--scope host"),
	    OUTCOME_OUT_OF_SCOPE);
	scope_rules_free(r);
	r = RULES(
	    "http://h.test/", "include", "/docs/", "requisites", "yes", "depth", "1");
	assert_int_equal(again_of(r, "http://h.test/a", 0, 2, "no --include matches"),
	    OUTCOME_OUT_OF_SCOPE);
	assert_int_equal(again_of(r, "http://h.test/docs/a", 0, 1, ""), OUTCOME_NONE);
	assert_int_equal(
	    again_of(r, "http://cdn.test/i", URLREC_PART, 2, ""), OUTCOME_NONE);
	assert_int_equal(again(r, &img, ""), OUTCOME_NONE);
	scope_rules_free(r);
}

/* A record that this run queued may be judged again, and must not be lost. */
static void
what_is_wanted_is_wanted_again(void **state)
{
	static const char *const urls[] = {"http://h.test/docs/a", "http://h.test/a",
	    "http://cdn.test/docs/i.png", "http://cdn.test/i.png", "http://h.test/cal/"};
	static const uint8_t parents[] = {0, URLREC_SEED, URLREC_SEED_CHAIN,
	    URLREC_REQUISITE, URLREC_REQUISITE | URLREC_PART, URLREC_PART,
	    URLREC_SITEMAP};
	struct scope_rules *rules[] = {
	    RULES("http://h.test/", "exclude", "/cal/", "include", "/docs/", "requisites",
		"yes", "depth", "2"),
	    RULES("http://h.test/", "depth", "2"),
	    RULES("http://h.test/", "scope", "any", "include", "a$", "depth", "1"),
	    RULES("http://h.test/", "scope", "domain", "requisites", "yes", "depth", "0"),
	};
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < 4 * 5 * 7 * 4 * (size_t)LINK_KIND_MAX; i++) {
		size_t x = i;
		struct scope_rules *r = rules[x % 4];
		const char *url = urls[(x /= 4) % 5];
		uint8_t parent = parents[(x /= 5) % 7];
		uint16_t depth = (uint16_t)((x /= 7) % 4);
		enum link_kind kind = (enum link_kind)(x / 4);
		struct scope_verdict v = judge(r, url, kind, depth, parent, 0);
		struct urlrec rec = {.url = slice_cstr(url),
		    .kind = (uint8_t)kind,
		    .flags = v.flags,
		    .depth = v.depth};

		if (v.outcome != OUTCOME_NONE)
			continue;
		assert_int_equal(again(r, &rec, ""), OUTCOME_NONE);
		n++;
	}
	assert_true(n > 500);
	for (size_t i = 0; i < 4; i++)
		scope_rules_free(rules[i]);
}

static uint64_t
hash_of(const char *seed, const char *flag, const char *value)
{
	char *texts[] = {(char *)(uintptr_t)seed};
	struct strlist seeds = {texts, 1};
	struct options o;
	uint64_t hash;
	bool off;

	assert_int_equal(options_init(&o), 0);
	assert_int_equal(option_set(&o, option_by_flag(slice_cstr(flag), &off),
			     slice_cstr(value), NULL),
	    0);
	hash = scope_hash(&o, &seeds);
	assert_true(hash != 0);
	options_release(&o);
	return hash;
}

static void
the_hash_tells_options_that_decide_and_seeds(void **state)
{
	uint64_t usual = hash_of("http://h.test/", "scope", "host");

	(void)state;
	assert_true(hash_of("http://h.test/", "delay", "5s") == usual);
	assert_true(hash_of("http://h.test/", "user-agent", "x") == usual);
	assert_true(hash_of("http://i.test/", "delay", "5s") != usual);
	assert_true(hash_of("http://h.test/", "scope", "any") != usual);
	assert_true(hash_of("http://h.test/", "depth", "3") != usual);
	assert_true(hash_of("http://h.test/", "requisites", "yes") != usual);
	assert_true(hash_of("http://h.test/", "exclude", "a") != usual);
	assert_true(hash_of("http://h.test/", "exclude", "a") !=
		    hash_of("http://h.test/", "include", "a"));
}

static void
trap_ok_matches_anywhere_and_a_bad_one_is_told(void **state)
{
	static const struct {
		const char *url;
		bool ok;
	} cases[] = {{"http://h.test/cal/1", true}, {"http://h.test/x?sid=1", true},
	    {"http://h.test/x", false}};
	struct scope_rules *r =
	    RULES("http://h.test/", "trap-ok", "/cal/", "trap-ok", "sid=");
	struct options o;
	struct buf settings;
	struct why why = {""};
	char out[URL_BYTES_MAX];
	struct url url;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(url_resolve(NULL, slice_cstr(cases[i].url),
				     (struct slice){0}, 0, out, sizeof(out), &url),
		    URL_OK);
		assert_int_equal(scope_trap_ok(r, &url), cases[i].ok);
	}
	scope_rules_free(r);
	assert_int_equal(options_init(&o), 0);
	assert_int_equal(option_set(&o, &option_rows[OPTION_ID_limits_trap_ok],
			     SLICE_LIT("a(b"), NULL),
	    0);
	buf_init(&settings, 1 << 16);
	assert_int_equal(
	    scope_settings(&o, (const char *const[]){"http://h/"}, 1, 1, &settings, NULL),
	    0);
	assert_int_equal(scope_rules_new(buf_slice(&settings), &r, &why), -EINVAL);
	assert_non_null(strstr(why.text, "--trap-ok 'a(b': "));
	buf_release(&settings);
	options_release(&o);
}

static void
check_links_asks_for_what_is_not_followed(void **state)
{
	struct scope_rules *r =
	    RULES("http://h.test/", "check-links", "yes", "depth", "1", "exclude", "/no");
	struct scope_verdict v = judge(r, "http://far.test/", LINK_A, 0, 0, 0);

	(void)state;
	assert_int_equal(v.outcome, OUTCOME_NONE);
	assert_int_equal(v.flags, URLREC_CHECK);
	v = judge(r, "http://h.test/page", LINK_A, 0, 0, 0);
	assert_int_equal(v.flags, 0);
	v = judge(r, "http://h.test/deep", LINK_A, 1, 0, 0);
	assert_int_equal(v.outcome, OUTCOME_NONE);
	assert_int_equal(v.flags, URLREC_CHECK);
	v = judge(r, "http://h.test/i.png", LINK_IMG, 0, 0, 0);
	assert_int_equal(v.flags, URLREC_CHECK | URLREC_PART);
	v = judge(r, "http://h.test/s.css", LINK_LINK, 0, 0, 0); /* it may name others */
	assert_int_equal(v.flags, 0);
	v = judge(r, "http://far.test/no", LINK_A, 0, 0, 0);
	assert_int_equal(v.outcome, OUTCOME_OUT_OF_SCOPE);
	/* Where a redirect leads is asked, too, but in scope it is crawled. */
	v = judge(r, "http://other.test/", LINK_REDIRECT, 0, URLREC_CHECK, 0);
	assert_int_equal(v.flags, URLREC_CHECK);
	v = judge(r, "http://h.test/page", LINK_REDIRECT, 0, URLREC_CHECK, 0);
	assert_int_equal(v.flags, 0);
	v = judge(r, "http://h.test/i2", LINK_REDIRECT, 0, URLREC_CHECK | URLREC_PART, 0);
	assert_int_equal(v.flags, URLREC_CHECK | URLREC_PART);
	v = judge(r, "http://other.test/", LINK_REDIRECT, 0, URLREC_CHECK, 20);
	assert_int_equal(v.outcome, OUTCOME_REDIRECT_LIMIT);
	scope_rules_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check_links_asks_for_what_is_not_followed),
	    cmocka_unit_test(trap_ok_matches_anywhere_and_a_bad_one_is_told),
	    cmocka_unit_test(host_means_host_and_port_but_not_the_default_scheme),
	    cmocka_unit_test(page_prefix_domain_and_any_reach_as_far_as_they_say),
	    cmocka_unit_test(a_set_of_keys_says_what_a_walk_over_all_seeds_says),
	    cmocka_unit_test(what_workers_are_told_grows_with_places_and_not_with_seeds),
	    cmocka_unit_test(seeds_that_do_not_fit_are_told_of_in_a_sentence),
	    cmocka_unit_test(many_slashes_cost_no_more_than_other_bytes),
	    cmocka_unit_test(requisites_come_from_anywhere_and_lead_nowhere),
	    cmocka_unit_test(exclude_overrules_include_and_both_spare_the_seed_chain),
	    cmocka_unit_test(depth_counts_links_and_redirects_have_their_own_limit),
	    cmocka_unit_test(what_was_wanted_under_other_options_is_judged_by_these),
	    cmocka_unit_test(what_is_wanted_is_wanted_again),
	    cmocka_unit_test(the_hash_tells_options_that_decide_and_seeds),
	    cmocka_unit_test(priority_is_that_of_the_first_pattern_that_matches),
	    cmocka_unit_test(a_hostile_pattern_or_url_cannot_stall_a_judge),
	    cmocka_unit_test(a_bad_pattern_is_told_with_its_place),
	    cmocka_unit_test(the_robots_token_is_the_product_of_the_user_agent),
	};

	return cmocka_run_group_tests_name("crawl/scope", tests, NULL, NULL);
}
