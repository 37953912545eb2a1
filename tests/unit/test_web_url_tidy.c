#include "web/url.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char text[URL_BYTES_MAX];
static struct url url;

static void
normal(struct slice ref)
{
	assert_int_equal(
	    url_resolve(NULL, ref, (struct slice){0}, 0, text, sizeof(text), &url),
	    URL_OK);
}

/* What url_tidy() leaves is a normal form with the same offsets, and tidy. */
static void
assert_sound(unsigned how)
{
	char again[URL_BYTES_MAX];
	struct url u;

	assert_int_equal(url_resolve(NULL, url_text(&url), (struct slice){0}, 0, again,
			     sizeof(again), &u),
	    URL_OK);
	if (!slice_eq(url_text(&u), url_text(&url)))
		fail_msg("'" SLICE_FMT "' is no normal form", SLICE_ARG(url_text(&url)));
	assert_int_equal(u.path_at, url.path_at);
	assert_int_equal(u.query_at, url.query_at);
	assert_int_equal(u.fragment_at, url.fragment_at);
	url_tidy(&u, again, how);
	assert_true(slice_eq(url_text(&u), url_text(&url)));
}

static void
assert_tidy(unsigned how, const char *ref, const char *want)
{
	normal(slice_cstr(ref));
	url_tidy(&url, text, how);
	if (!slice_eq(url_text(&url), slice_cstr(want)))
		fail_msg("%s: '" SLICE_FMT "', not '%s'", ref, SLICE_ARG(url_text(&url)),
		    want);
	assert_sound(how);
}
#define SORTS(ref, want) assert_tidy(URL_SORT_QUERY, "http://h/" ref, "http://h/" want)
#define SESSION(ref, want)                                                               \
	assert_tidy(URL_STRIP_SESSION_IDS, "http://h/" ref, "http://h/" want)
#define TRACKING(ref, want)                                                              \
	assert_tidy(URL_STRIP_TRACKING, "http://h/" ref, "http://h/" want)
#define HEX "0123456789abcdef0123456789ABCDEF"

static void
nothing_changes_unasked(void **state)
{
	(void)state;
	assert_tidy(0, "http://h/a;jsessionid=1?b&&a&utm_source=x&PHPSESSID=1",
	    "http://h/a;jsessionid=1?b&&a&utm_source=x&PHPSESSID=1");
}

static void
parameters_are_sorted_by_name_and_stay_in_order_within_one(void **state)
{
	(void)state;
	SORTS("?b=1&a=2", "?a=2&b=1");
	SORTS("?a=2&b=1", "?a=2&b=1");
	SORTS("?x=2&a=9&x=1&a=1", "?a=9&a=1&x=2&x=1");
	SORTS("?aa=1&a=1&a", "?a=1&a&aa=1");
	SORTS("?a-b=1&a=2", "?a=2&a-b=1");
	SORTS("?%C3%A9=1&z=1&Z=1", "?%C3%A9=1&Z=1&z=1");
	SORTS("?b&&a&", "?a&b");
	SORTS("?", "");
	SORTS("?&&", "");
	SORTS("p;b=1;a=2", "p;b=1;a=2");
	SORTS("?=2&=1&a", "?=2&=1&a");
}

static void
session_ids_are_known_by_their_names_or_by_their_looks(void **state)
{
	(void)state;
	SESSION("x?PHPSESSID=abc&a=1", "x?a=1");
	SESSION("x?a=1&phpsessid=" HEX "&b=2", "x?a=1&b=2");
	SESSION("x?jsessionid=1", "x");
	SESSION("x?ASPSESSIONIDAABBCCDD=MIGMHHBDKPPPDNFNMOMJBKKD", "x");
	SESSION("x?ASPSESSIONID=1&ASPSESSIONIDAABBCCD1=2",
	    "x?ASPSESSIONID=1&ASPSESSIONIDAABBCCD1=2");
	SESSION("x?CFID=12&a=1&CFTOKEN=34", "x?a=1");
	SESSION("x?CFID=12", "x?CFID=12");
	SESSION("x?sid=" HEX "&a", "x?a");
	SESSION("x?s=" HEX, "x");
	SESSION("x?sid=12&s=query", "x?sid=12&s=query");
	SESSION(
	    "x?sessionid=5f3a9c01d2e4b6a78899&session_id=short", "x?session_id=short");
	SESSION("x?sessionid=thequickbrownfoxjumps", "x?sessionid=thequickbrownfoxjumps");
	SESSION("x?sid=" HEX "0", "x?sid=" HEX "0");
	SESSION("x?osCsid=abcdefabcdefabcdefab12", "x");
	SESSION("x?a=1&&b", "x?a=1&&b");
	SESSION("x?", "x?");
}

static void
session_ids_in_paths_go_without_changing_where_the_path_leads(void **state)
{
	(void)state;
	SESSION("a;jsessionid=1A53.node1", "a");
	SESSION("a;JSESSIONID=1?b=2", "a?b=2");
	SESSION("a;v=1;jsessionid=2;w=3/b;jsessionid=4", "a;v=1;w=3/b");
	SESSION(";jsessionid=2", "");
	SESSION("a/;jsessionid=2", "a/");
	SESSION("a;jsessionid=2/", "a/");
	SESSION("a/..;jsessionid=2/b", "a/..;jsessionid=2/b");
	SESSION("a/%2E%2e;jsessionid=2/b", "a/%2E%2e;jsessionid=2/b");
	SESSION("a/.;jsessionid=2", "a/.;jsessionid=2");
	SESSION("a;jsessionid=2&b=1", "a;jsessionid=2&b=1");
	SESSION("a;jsession=2", "a;jsession=2");
	SESSION("(S(lit3py55t21z5v55vlm25s55))/p.aspx?q", "p.aspx?q");
	SESSION("a/(S(lit3py55t21z5v55vlm25s55)F(lit3py55t21z5v55vlm25s55))/p", "a/p");
	SESSION("a/(S(lit3py55t21z5v55vlm25s55))", "a/");
	SESSION("(S(lit3py55t21z5v55vlm25s55))", "");
	SESSION("a/(S(lit3py55t21z5v55vlm25s55));jsessionid=1/p", "a/p");
	SESSION("a/(S(short))/()/(S())/((/x", "a/(S(short))/()/(S())/((/x");
	SESSION("(draft)/f(x)", "(draft)/f(x)");
}

static void
tracking_parameters_go(void **state)
{
	(void)state;
	TRACKING("?utm_source=a&utm_medium=b&UTM_x&q=1", "?q=1");
	TRACKING("?gclid=1&fbclid=2&msclkid=3&mc_eid=4&mc_cid=5&yclid=6", "");
	TRACKING("?a=1&__hstc=1&b=2&_ga=3", "?a=1&b=2");
	TRACKING("?utm=1&mygclid=2&gclids=3", "?utm=1&mygclid=2&gclids=3");
	TRACKING("?q=utm_source=a", "?q=utm_source=a");
	TRACKING("utm_source=a", "utm_source=a");
	TRACKING("?mtm_campaign=1&pk_kwd=2&a", "?a");
}

static void
all_together(void **state)
{
	(void)state;
	assert_tidy(URL_SORT_QUERY | URL_STRIP_SESSION_IDS | URL_STRIP_TRACKING,
	    "https://h:8443/a;jsessionid=9/b?z=1&utm_id=2&PHPSESSID=3&c=4&fbclid=5",
	    "https://h:8443/a/b?c=4&z=1");
}

/* As many parameters as a URL has room for, the last first. */
static void
the_longest_query_is_sorted(void **state)
{
	char ref[URL_BYTES_MAX];
	size_t n = (size_t)snprintf(ref, sizeof(ref), "http://h/?"), params = 0;
	struct slice rest, last = {0}, param;

	(void)state;
	for (unsigned i = 0; n + 4 < URL_BYTES_MAX; i++, params++)
		n += (size_t)snprintf(ref + n, sizeof(ref) - n, "%s%c%c",
		    i == 0 ? "" : "&", 'z' - (char)(i % 26), 'a' + (char)(i / 26 % 26));
	normal(slice_of(ref, n));
	url_tidy(&url, text, URL_SORT_QUERY);
	assert_int_equal(url.len, n);
	assert_sound(URL_SORT_QUERY);
	rest = slice_from(url_query(&url), 1);
	while (slice_cut(&rest, '&', &param)) {
		assert_int_equal(param.len, 2);
		assert_true(last.len == 0 || memcmp(last.ptr, param.ptr, 2) <= 0);
		last = param;
		params--;
	}
	assert_int_equal(params, 0);
	n = (size_t)snprintf(ref, sizeof(ref), "http://h/?");
	memset(ref + n, '&', URL_BYTES_MAX - n);
	normal(slice_of(ref, URL_BYTES_MAX));
	url_tidy(&url, text, URL_SORT_QUERY);
	assert_true(slice_eq(url_text(&url), SLICE_LIT("http://h/")));
}

static void
whatever_the_url_is_it_stays_one(void **state)
{
	static const char *const parts[] = {"/", ";", "jsessionid=", "1", "..", ".",
	    "%2e", "?", "&", "=", "a", "sid", "utm_", "gclid", "CFID", "cftoken", "(S(",
	    "))", "lit3py55t21z5v55vlm25s55", "(", ")", HEX, "PHPSESSID", "F(",
	    ";jsessionid=1", "/(S(lit3py55t21z5v55vlm25s55))/", "?utm_a=1&b", "&sid=" HEX,
	    "?z&y", "&CFID=1&CFTOKEN=2", "&gclid=1"};
	uint64_t x = 88172645463325252u;
	size_t shrunk = 0;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		unsigned how = (unsigned)i % 8;
		char ref[1024];
		size_t n = (size_t)snprintf(ref, sizeof(ref), "http://h/"), was;

		for (int k = 0; k < 14; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			n += (size_t)snprintf(ref + n, sizeof(ref) - n, "%s",
			    parts[x % (sizeof(parts) / sizeof(parts[0]))]);
		}
		normal(slice_of(ref, n));
		was = url.len;
		url_tidy(&url, text, how);
		assert_true(url.len <= was && (how != 0 || url.len == was));
		shrunk += url.len < was;
		assert_sound(how);
	}
	assert_true(shrunk > 5000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_changes_unasked),
	    cmocka_unit_test(parameters_are_sorted_by_name_and_stay_in_order_within_one),
	    cmocka_unit_test(session_ids_are_known_by_their_names_or_by_their_looks),
	    cmocka_unit_test(
		session_ids_in_paths_go_without_changing_where_the_path_leads),
	    cmocka_unit_test(tracking_parameters_go),
	    cmocka_unit_test(all_together),
	    cmocka_unit_test(the_longest_query_is_sorted),
	    cmocka_unit_test(whatever_the_url_is_it_stays_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
