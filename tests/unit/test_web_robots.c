#include "suite.h"
#include "web/robots.h"
#include "web/url.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct buf blob;

static void
compile(struct slice text, struct slice agent)
{
	char *exact = suite_exact(text);

	buf_release(&blob);
	buf_init(&blob, ROBOTS_BLOB_MAX);
	assert_int_equal(robots_compile(slice_of(exact, text.len), agent, &blob), 0);
	free(exact);
	assert_true(robots_blob_check(buf_slice(&blob)));
}

static bool
allows(const char *target, struct robots_verdict *v)
{
	char *exact = suite_exact(buf_slice(&blob)), *t = suite_exact(slice_cstr(target));
	bool allowed =
	    robots_match(slice_of(exact, blob.len), slice_of(t, strlen(target)), v);

	free(t);
	free(exact);
	return allowed;
}

/* The "robots" of a row, or its base64. */
static char *
text_of(json_t *row, size_t *ret_len)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct slice s = suite_text(row, "robots");
	unsigned bits = 0, have = 0;
	char *out;

	if (s.ptr != NULL) {
		*ret_len = s.len;
		return suite_exact(s);
	}
	s = suite_text(row, "robots_b64");
	out = malloc(s.len + 1);
	assert_non_null(out);
	*ret_len = 0;
	for (size_t i = 0; i < s.len && s.ptr[i] != '='; i++) {
		const char *d = strchr(digits, s.ptr[i]);

		assert_non_null(d);
		bits = bits << 6 | (unsigned)(d - digits);
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[(*ret_len)++] = (char)(bits >> have);
		}
	}
	return out;
}

/* The path and query of a URL of the suites, which may be longer than ours or none at
 * all. */
static struct slice
target_of(struct slice url)
{
	static char out[URL_BYTES_MAX];
	static struct url u;
	size_t at;

	if (url_resolve(NULL, url, (struct slice){0}, 0, out, sizeof(out), &u) == URL_OK)
		return url_target(&u);
	at = slice_starts(url, SLICE_LIT("http://")) ? 7 : 0;
	return slice_from(url, at + slice_find(slice_from(url, at), '/'));
}

static void
decides_as_rfc_9309_says(void **state)
{
	static struct suite s;
	unsigned consensus = 0;
	json_t *row;

	(void)state;
	if (!suite_open(&s, "robots/robots_match.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL) {
		struct slice target = target_of(suite_text(row, "url"));
		size_t len;
		char *text = text_of(row, &len), *exact = suite_exact(target);
		bool allowed;

		compile(slice_of(text, len), suite_text(row, "user_agent"));
		allowed =
		    robots_match(buf_slice(&blob), slice_of(exact, target.len), NULL);
		consensus += slice_eq(suite_text(row, "class"), SLICE_LIT("consensus"));
		suite_case(&s,
		    allowed == json_is_true(json_object_get(row, "rfc9309_ref_verdict")));
		free(exact);
		free(text);
	}
	printf("robots_match: %u cases of class consensus\n", consensus);
	assert_true(consensus > 500);
	assert_int_equal(suite_close(&s), 0);
}

struct found {
	json_t *want;
	size_t count;
	bool same;
};

static bool
sitemap_found(void *ctx, struct slice url)
{
	struct found *f = ctx;
	json_t *want = json_array_get(f->want, f->count++);

	f->same &=
	    slice_eq(url, slice_of(json_string_value(want), json_string_length(want)));
	return true;
}

static void
crawl_delays_and_sitemaps_are_found(void **state)
{
	static struct suite s;
	unsigned others = 0;
	json_t *row;

	(void)state;
	if (!suite_open(&s, "robots/robots_meta.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL) {
		struct slice kind = suite_text(row, "kind"),
			     text = suite_text(row, "robots");
		json_t *want = json_object_get(row, "value");

		compile(text, suite_text(row, "user_agent"));
		if (slice_eq(kind, SLICE_LIT("crawl_delay"))) {
			int64_t ms = robots_crawl_delay_ms(buf_slice(&blob));
			double seconds =
			    json_is_null(want) ? -0.001 : json_number_value(want);

			suite_case(&s,
			    ms == (int64_t)(seconds * 1000 + (seconds < 0 ? -.5 : .5)));
		} else if (slice_eq(kind, SLICE_LIT("sitemaps"))) {
			struct found f = {.want = want, .same = true};

			robots_sitemaps(text, sitemap_found, &f);
			suite_case(&s, f.same && f.count == json_array_size(want));
		} else {
			others++; /* Host, Request-rate, Visit-time: not read */
		}
	}
	printf("robots_meta: %u rows are about records that are not read\n", others);
	assert_int_equal(suite_close(&s), 0);
}

/* On the loop, at that: nobody may hold it up with his robots.txt. */
static void
a_file_that_takes_too_long_allows_nothing(void **state)
{
	struct robots_verdict v;
	struct buf text;
	char target[8000];

	(void)state;
	memset(target, 'a', sizeof(target));
	target[0] = '/';
	buf_init(&text, ROBOTS_BYTES_MAX);
	assert_int_equal(buf_add_cstr(&text, "User-agent: *\nAllow: /\n"), 0);
	while (buf_add_cstr(&text, "Disallow: /*aaaaaaaaab\n") == 0)
		;
	compile(buf_slice(&text), SLICE_LIT("trawl"));
	assert_true(allows("/aaa", &v));
	assert_int_equal(v.line, 2);
	assert_false(
	    robots_match(buf_slice(&blob), slice_of(target, sizeof(target)), &v));
	assert_int_equal(v.line, 0);
	buf_release(&text);
}

static bool
stop_at_two(void *ctx, struct slice url)
{
	unsigned *count = ctx;

	assert_true(url.len > 0);
	return ++*count < 2;
}

static void
sitemaps_are_told_until_enough(void **state)
{
	unsigned count = 0;

	(void)state;
	robots_sitemaps(SLICE_LIT("Sitemap: a\nSITEMAP:\nsitemap:b # c\nSitemap: d"),
	    stop_at_two, &count);
	assert_int_equal(count, 2);
}

static void
the_verdict_tells_line_and_pattern(void **state)
{
	struct robots_verdict v;

	(void)state;
	compile(
	    SLICE_LIT(
		"User-agent: *\r\nDisallow: /a\r\n\rUser-agent: TRAWL/2\nAllow: /a/b$\n"
		"Disallow: /a/*/c # why\nCrawl-delay: 2.5\n"),
	    SLICE_LIT("trawl/1.0 (+https://example.com)"));
	assert_true(allows("/a", &v));
	assert_int_equal(v.line, 0);
	assert_int_equal(v.group, ROBOTS_GROUP_OWN);
	assert_true(allows("/a/b", &v));
	assert_int_equal(v.line, 5);
	assert_false(allows("/a/b/c?d", &v));
	assert_int_equal(v.line, 6);
	assert_int_equal(v.pattern.len, 6);
	assert_int_equal(robots_crawl_delay_ms(buf_slice(&blob)), 2500);
	compile(SLICE_LIT("User-agent: *\nDisallow: /a\n"), SLICE_LIT("Trawl"));
	assert_false(allows("/a", &v));
	assert_int_equal(v.group, ROBOTS_GROUP_ANY);
	assert_true(allows("", &v));
	assert_int_equal(robots_crawl_delay_ms(buf_slice(&blob)), -1);
	compile(SLICE_LIT("User-agent: other\nDisallow: /\n"), SLICE_LIT("Trawl"));
	assert_true(allows("/a", &v));
	assert_int_equal(v.group, ROBOTS_GROUP_NONE);
}

static bool
sitemap_seen(void *ctx, struct slice url)
{
	*(bool *)ctx = slice_eq(url, SLICE_LIT("/s.xml"));
	return true;
}

static void
keys_that_are_often_misspelt_are_understood(void **state)
{
	static const char *const agents[] = {"useragent", "User Agent", "USER-AGENT"},
				 *const rules[] = {"dissallow", "dissalow", "Disalow",
				     "diasllow", "disallaw", "disallow"};
	char text[128];
	bool seen = false;

	(void)state;
	for (size_t i = 0; i < sizeof(agents) / sizeof(agents[0]); i++)
		for (size_t k = 0; k < sizeof(rules) / sizeof(rules[0]); k++) {
			(void)snprintf(text, sizeof(text),
			    "user-agent: x\nallow: /\n%s: trawl\n%s: /a\n", agents[i],
			    rules[k]);
			compile(slice_cstr(text), SLICE_LIT("trawl"));
			assert_false(allows("/a", NULL));
			assert_true(allows("/b", NULL));
		}
	compile(SLICE_LIT("user-agent: trawl\ndisallows: /a\ndisallow-all: /\n"),
	    SLICE_LIT("trawl"));
	assert_true(allows("/a", NULL));
	robots_sitemaps(SLICE_LIT("Site-map: /s.xml\n"), sitemap_seen, &seen);
	assert_true(seen);
}

static void
an_octet_has_one_spelling(void **state)
{
	static const struct {
		const char *rule, *target;
		bool allowed;
	} cases[] = {
	    {"Disallow: /%7Efoo", "/~foo", false},
	    {"Disallow: /~foo", "/%7efoo", false},
	    {"Disallow: /\xc3\xbc", "/%c3%BC", false},
	    {"Disallow: /a b", "/a%20b", false},
	    {"Disallow: /a%2fb", "/a/b", true},
	    {"Disallow: /a%2fb", "/a%2Fb", false},
	    {"Disallow: /{x}", "/%7Bx%7D", false},
	    {"Disallow: /?q='x'", "/?q=%27x%27", false},
	    {"Disallow: /a$b", "/a$b", false},
	    {"Disallow: /a%", "/a%", false},
	    {"Disallow: /a*$", "/abc", false},
	    {"Disallow: /*.php$", "/x.php?y", true},
	    {"Disallow: /*.php$", "/.php.php", false},
	    {"Disallow: *", "/", false},
	    {"Disallow: $", "/", true},
	    {"Disallow: a", "/a", true},
	    {"Disallow: /a*b*c", "/acb", true},
	    {"Disallow: /ab$", "/abb", true},
	    {"Disallow: /a*a$", "/a", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[100];
		int n = snprintf(text, sizeof(text), "User-agent: *\n%s", cases[i].rule);

		compile(slice_of(text, (size_t)n), SLICE_LIT("Trawl"));
		if (allows(cases[i].target, NULL) != cases[i].allowed)
			fail_msg("%s against %s", cases[i].rule, cases[i].target);
	}
}

static void
five_hundred_kibibytes_are_parsed_and_no_half_line(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 2 * ROBOTS_BYTES_MAX);
	assert_int_equal(buf_add_cstr(&b, "User-agent: *\n"), 0);
	while (b.len < ROBOTS_BYTES_MAX - 100)
		assert_int_equal(buf_printf(&b, "Disallow: /%zu\n", b.len), 0);
	assert_int_equal(buf_add_cstr(&b, "Disallow: /last\nDisallow: /"), 0);
	while (b.len < ROBOTS_BYTES_MAX + 100)
		assert_int_equal(buf_add_byte(&b, 'x'), 0);
	compile(buf_slice(&b), SLICE_LIT("Trawl"));
	assert_false(allows("/last", NULL));
	assert_true(allows("/", NULL));
	assert_true(allows("/xx", NULL));
	buf_release(&b);
	/* The most rules that fit stay within the largest blob. */
	buf_init(&b, ROBOTS_BYTES_MAX);
	assert_int_equal(buf_add_cstr(&b, "User-agent:*\n"), 0);
	while (buf_add_cstr(&b, "Allow:/\n") == 0)
		;
	compile(buf_slice(&b), SLICE_LIT("Trawl"));
	buf_release(&b);
}

static void
wildcards_cost_no_more_than_the_target(void **state)
{
	static char target[8192];
	struct buf b;

	(void)state;
	buf_init(&b, ROBOTS_BYTES_MAX);
	assert_int_equal(buf_add_cstr(&b, "User-agent: *\n"), 0);
	for (int rule = 0; rule < 20; rule++) {
		assert_int_equal(buf_add_cstr(&b, "Disallow: /"), 0);
		for (int i = 0; i < 500; i++)
			assert_int_equal(buf_add_cstr(&b, "*a*a*aaaaaaaa"), 0);
		assert_int_equal(buf_add_cstr(&b, "b$\n"), 0);
	}
	compile(buf_slice(&b), SLICE_LIT("Trawl"));
	memset(target, 'a', sizeof(target));
	target[0] = '/';
	for (int i = 0; i < 100; i++)
		assert_true(robots_match(
		    buf_slice(&blob), slice_of(target, sizeof(target)), NULL));
	buf_release(&b);
}

static uint64_t seed = 88172645463325252u;
static uint32_t
random_below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % n;
}

static void
any_bytes_are_read_without_harm(void **state)
{
	static const char *const parts[] = {"User-agent:", "*", "trawl", "\n", "\r",
	    "Disallow:", "Allow: ", "/", "$", "%2a", "%", "#", ":", " ", "\xef\xbb\xbf",
	    "\xff", "\nUser-agent: trawl\n", "\nUser-agent: *\n",
	    "Crawl-delay: ", "\nUser-agent: trawl\n", "\nUser-agent: *\n", "1", ".5",
	    "99999999999999999999", "Sitemap: x", "a*b"};
	struct robots_verdict v;
	unsigned ours = 0, blobs = 0;
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (int i = 0; i < 10000; i++) {
		buf_clear(&b);
		for (uint32_t n = random_below(24); n > 0; n--)
			assert_int_equal(
			    buf_add_cstr(&b,
				parts[random_below(sizeof(parts) / sizeof(parts[0]))]),
			    0);
		compile(buf_slice(&b), SLICE_LIT("Trawl"));
		(void)allows("/a", &v);
		ours += v.group == ROBOTS_GROUP_OWN;
	}
	assert_true(ours > 100);
	compile(SLICE_LIT(
		    "User-agent: *\nDisallow: /a*c$\nAllow: /abcdefghi\nCrawl-delay: 1"),
	    SLICE_LIT("x"));
	for (int i = 0; i < 20000; i++) {
		char *bad = suite_exact(buf_slice(&blob));
		size_t len =
		    random_below(8) == 0 ? random_below((uint32_t)blob.len) : blob.len;
		char *exact;

		for (uint32_t n = 1 + random_below(3); n > 0; n--)
			bad[random_below((uint32_t)blob.len)] = (char)random_below(256);
		exact = suite_exact(slice_of(bad, len));
		blobs += robots_blob_check(slice_of(exact, len));
		(void)robots_match(slice_of(exact, len), SLICE_LIT("/abcdefghic"), &v);
		(void)robots_crawl_delay_ms(slice_of(exact, len));
		free(exact);
		free(bad);
	}
	assert_true(blobs > 100);
	assert_true(robots_match((struct slice){0}, SLICE_LIT("/"), NULL));
	assert_false(robots_match(SLICE_LIT("x"), SLICE_LIT("/"), NULL));
	buf_release(&b);
	buf_release(&blob);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decides_as_rfc_9309_says),
	    cmocka_unit_test(crawl_delays_and_sitemaps_are_found),
	    cmocka_unit_test(sitemaps_are_told_until_enough),
	    cmocka_unit_test(a_file_that_takes_too_long_allows_nothing),
	    cmocka_unit_test(the_verdict_tells_line_and_pattern),
	    cmocka_unit_test(keys_that_are_often_misspelt_are_understood),
	    cmocka_unit_test(an_octet_has_one_spelling),
	    cmocka_unit_test(five_hundred_kibibytes_are_parsed_and_no_half_line),
	    cmocka_unit_test(wildcards_cost_no_more_than_the_target),
	    cmocka_unit_test(any_bytes_are_read_without_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
