#include "web/pattern.h"
#include "web/pattern_date.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* The tail with it. */
static uint64_t
pattern_of(const char *text, struct url_pattern *ret)
{
	char out[URL_BYTES_MAX];
	struct url u;

	assert_int_equal(url_resolve(NULL, slice_cstr(text), (struct slice){0}, 0, out,
			     sizeof(out), &u),
	    URL_OK);
	url_pattern(&u, 42, ret);
	return url_pattern_tail(&u, 42, ret);
}

static void
what_counts_or_names_is_taken_out(void **state)
{
	static const struct {
		const char *url, *text;
	} cases[] = {
	    {"http://h/", "/"},
	    {"http://h/about/team.html", "/about/team.html"},
	    {"http://h/article/123", "/article/{n}"},
	    {"http://h/python3.11/ch12s03.html", "/python{n}.{n}/ch{n}s{n}.html"},
	    {"http://h/cal/2031-05-01", "/cal/{date}"},
	    {"http://h/cal/2031-05", "/cal/{date}"},
	    {"http://h/cal/20310501.html", "/cal/{date}.html"},
	    {"http://h/2031/05/01/title-of-it", "/{date}/title-of-it"},
	    {"http://h/2031/05/", "/{date}/"},
	    {"http://h/2031/05", "/{date}"},
	    {"http://h/2031/13", "/{n}/{n}"},
	    {"http://h/2031/", "/{n}/"},
	    {"http://h/1.2.3/x", "/{n}.{n}.{n}/x"},
	    {"http://h/s/8f3a9c01be77/page1", "/s/{id}/page{n}"},
	    {"http://h/(S(x0r5kd3vlpmz55a1))/p.aspx", "/(S({id}))/p.aspx"},
	    {"http://h/x;jsessionid=1A2B3C4D5E6F7A8B", "/x;jsessionid={id}"},
	    {"http://h/deadbeef1/", "/{id}/"},
	    {"http://h/cafe1/", "/cafe{n}/"},
	    {"http://h/internationalization", "/internationalization"},
	    {"http://h/a?b=1&c=2", "/a?b&c"},
	    {"http://h/a?b=1&b=2&c", "/a?b&c"},
	    {"http://h/a?", "/a"},
	    {"http://h/a//b", "/a//b"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct url_pattern p;

		(void)pattern_of(cases[i].url, &p);
		assert_string_equal(p.text, cases[i].text);
	}
}

static void
two_urls_share_what_their_patterns_share(void **state)
{
	struct url_pattern a, b;
	uint64_t tail;

	(void)state;
	(void)pattern_of("http://h/p/1?x=1&y=2", &a);
	(void)pattern_of("http://h/p/22?y=7&x=9", &b);
	assert_true(a.path == b.path);
	assert_true(a.whole == b.whole);
	assert_int_equal(a.keys_len, 2);
	assert_true(a.keys[0].name == b.keys[1].name);
	assert_true(a.keys[0].value != b.keys[1].value);
	(void)pattern_of("http://h/p/1?x=1&y=2&z=3", &b);
	assert_true(a.path == b.path);
	assert_true(a.whole != b.whole);
	/* The last segment, wherever it is. */
	tail = pattern_of("http://h/a/b/about/", &a);
	assert_true(
	    pattern_of("http://h/b/a/b/about/", &b) == tail && a.whole != b.whole);
	assert_true(pattern_of("http://h/a/b/about", &b) != tail);
	assert_true(pattern_of("http://h/a/b/about/?x", &b) != tail);
	/* All pages under one kind of id. */
	(void)pattern_of("http://h/s/8f3a9c01be77/a", &a);
	(void)pattern_of("http://h/s/77be019c3a8f/b/c", &b);
	assert_true(a.family != 0 && a.family == b.family && a.whole != b.whole);
	(void)pattern_of("http://h/a/b", &a);
	assert_true(a.family == 0 && !a.varies);
	(void)pattern_of("http://h/a/b1", &a);
	assert_true(a.family == 0 && a.varies);
}

static void
dates_are_found_in_paths_and_queries(void **state)
{
	static const struct {
		const char *url;
		int32_t day; /* -1: none */
	} cases[] = {
	    {"http://h/1970-01-02", 1},
	    {"http://h/1970/02", 31},
	    {"http://h/c?date=1970-01-11", 10},
	    {"http://h/c?x=1&m=1970-02", 31},
	    {"http://h/c?year=1970&month=2&day=3", 33},
	    {"http://h/c?month=2&view=list&year=1970", 31},
	    {"http://h/c?year=1970", 0},
	    {"http://h/c?d=03.02.1970", 33},
	    {"http://h/c?d=02%2F13%2F1970", 43},
	    {"http://h/c?month=02/1970", 31},
	    {"http://h/c?ts=864000000", 10000},
	    {"http://h/c?ts=864000000000", 10000},
	    {"http://h/1969/12/31", -1 + 0x10000},
	    {"http://h/c?page=1970", -1},
	    {"http://h/c?id=864000000", -1},
	    {"http://h/c?v=10.2.1", -1},
	    {"http://h/1970/", -1},
	    {"http://h/12345678", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct url_pattern p;

		(void)pattern_of(cases[i].url, &p);
		assert_int_equal(p.has_date, cases[i].day != -1);
		if (cases[i].day > 0xff00)
			assert_int_equal(p.day, -1);
		else if (p.has_date)
			assert_int_equal(p.day, cases[i].day);
	}
}

static void
repeats_in_a_row_are_counted_of_groups_too(void **state)
{
	static const struct {
		const char *path;
		uint32_t repeats;
	} cases[] = {
	    {"/", 1},
	    {"/a", 1},
	    {"/img/img/", 2},
	    {"/img/img/img/x", 3},
	    {"/a/img/b/img/c/img", 1},
	    {"/foo/bar/foo/bar/foo/bar/", 3},
	    {"/x/foo/bar/foo/bar/foo/bar/foo", 3},
	    {"/one/two/three/four/one/two/three/four", 2},
	    {"/0/0/0/0/0/0/file", 1},
	    {"/a/a/a/a/file", 1},
	    {"/00/12/00/12/00/12", 1},
	    {"/en/blog/en/blog/en/blog/en/blog/", 4},
	    {"/img//img/img", 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		    url_path_repeats(slice_cstr(cases[i].path)), cases[i].repeats);
}

static void
the_longest_path_is_judged_at_once(void **state)
{
	static char path[URL_BYTES_MAX];
	struct url_pattern p;
	char url[URL_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(path); i += 2)
		memcpy(path + i, "/a", 2);
	assert_int_equal(url_path_segments(slice_of(path, 8000)), 4000);
	assert_int_equal(url_path_repeats(slice_of(path, 8000)), 1);
	(void)snprintf(url, sizeof(url), "http://h%.8000s", path);
	(void)pattern_of(url, &p);
	assert_int_equal(p.segments, 4000);
	assert_true(p.repeats);
	for (size_t i = 0; i + 1 < 8000; i++)
		path[i] = i % 9 == 0 ? '/' : '7';
	(void)snprintf(url, sizeof(url), "http://h%.8000s", path);
	(void)pattern_of(url, &p);
	assert_int_equal(strlen(p.text), PATTERN_TEXT_MAX - 1);
}

static void
names_of_months_and_days_are_known(void **state)
{
	static const char *const names[] = {"January", "maart", "d\303\251cembre", "Mon",
	    "samstag", "S\303\241bado", "abr", "zondag"};
	static const char *const others[] = {
	    "ja", "page", "calendar", "decide", "", "zz"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(date_is_name(slice_cstr(names[i])));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(date_is_name(slice_cstr(others[i])));
}

static uint64_t
shape(const char *html, const char *url)
{
	return text_shape(slice_cstr(html), slice_cstr(url));
}

static void
pages_made_out_of_their_urls_have_one_shape(void **state)
{
	static const struct {
		const char *a, *a_url, *b, *b_url;
		bool same;
	} cases[] = {
	    /* A calendar without events. */
	    {"<h1>May 2031</h1><td>1<td>2<td>31 There are no events", "http://h/2031/05",
		"<h1>June 2044</h1><td>30 There are no events", "http://h/2044/06", true},
	    {"<h1>May 2031</h1> There are no events", "http://h/2031/05",
		"<h1>June 2031</h1> There is a concert", "http://h/2031/06", false},
	    /* The id of a session in attributes, in the text, in a script. */
	    {"<a href='/x?s=1'>home</a> hello my dear friends", "http://h/x?s=1",
		"<a href='/x?s=2'>home</a> hello my dear friends", "http://h/x?s=2",
		true},
	    {"your session abcde says hello friend", "http://h/x?s=abcde",
		"your session fghij says hello friend", "http://h/x?s=fghij", true},
	    {"hello <script>var t='a<b q'</script> to all of you", "http://h/",
		"hello <script>t=1;s='zzz'</script> to all of you", "http://h/", true},
	    {"token 8f3a9c01be77 hello my friend", "http://h/",
		"token 77be019c3a8f hello my friend", "http://h/", true},
	    /* What is told by figures alone. */
	    {"pressure 1013 rain 45", "http://h/2011/05/01", "pressure 1009 rain 99",
		"http://h/2011/05/02", false},
	    {"A resistor of 47 kOhm", "http://h/p/1", "A resistor of 68 kOhm",
		"http://h/p/2", false},
	    {"one two three four", "http://h/", "two one three four", "http://h/", false},
	    {"a small caf\303\251 here", "http://h/", "a small cafe here", "http://h/",
		false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t a = shape(cases[i].a, cases[i].a_url),
			 b = shape(cases[i].b, cases[i].b_url);

		assert_true(a != 0 && b != 0);
		assert_int_equal(a == b, cases[i].same);
	}
	assert_true(shape("", "http://h/") == 0);
	assert_true(shape("<br><!-- x -->12 <", "http://h/") == 0);
	assert_true(shape("just three words", "http://h/") == 0);
	assert_true(shape("<script>", "http://h/") == 0);
}

/* The same words: where they lie in the bytes that are looked at together is no matter. */
static void
a_shape_does_not_depend_on_where_words_begin(void **state)
{
	static const char words[] =
	    "Seventy-four antidisestablishmentarianisms of caf\303\251 <b>and</b> r2d2"
	    "<script>var a='<b>';</script> 1013 31 8f3a9c01be77 of Mercredi<style "
	    ">p</style >x";
	static const char alike[] = "seventy four antidisestablishmentarianisms of "
				    "caf\303\251 and r2d2 1013 of x";
	char page[2048];

	(void)state;
	for (int before = 0; before < 200; before++) {
		for (int after = 0; after < 3; after++) {
			(void)snprintf(page, sizeof(page), "<p>%*s%s%*s", before, "",
			    words, after, "");
			assert_int_equal(
			    shape(page, "http://h/"), shape(alike, "http://h/"));
		}
		(void)snprintf(
		    page, sizeof(page), "<a title='%*s'>%s", before, "", words);
		assert_int_equal(shape(page, "http://h/"), shape(alike, "http://h/"));
	}
}

static void
a_word_is_one_however_long_it_is(void **state)
{
	char page[2048], other[2048], name[400];

	(void)state;
	for (int len = 1; len < 300; len++) {
		memset(name, 'a', (size_t)len);
		name[len] = '\0';
		for (int before = 0; before < 66; before++) {
			(void)snprintf(
			    page, sizeof(page), "%*s%s is one of four", before, "", name);
			(void)snprintf(
			    other, sizeof(other), "%s <br> is one of four<br", name);
			assert_int_equal(
			    shape(page, "http://h/"), shape(other, "http://h/"));
			(void)snprintf(other, sizeof(other), "%s%s is one of four", name,
			    before % 2 == 0 ? "a" : " a");
			assert_int_not_equal(
			    shape(page, "http://h/"), shape(other, "http://h/"));
			/* One of the URL is none of the page's. */
			(void)snprintf(other, sizeof(other), "http://h/%s", name);
			assert_int_equal(
			    shape(page, other), shape("is one of four", "http://h/"));
		}
	}
}

static void
all_names_of_dates_are_left_out(void **state)
{
	uint64_t none = shape("there are no events", "http://h/");
	char page[256];
	const char *name;
	size_t n = 0;

	(void)state;
	for (; (name = date_name(n)) != NULL; n++) {
		assert_true(date_is_name(slice_cstr(name)));
		(void)snprintf(page, sizeof(page), "%s there %c%s are no events", name,
		    name[0] - 'a' + 'A', name + 1);
		assert_int_equal(shape(page, "http://h/"), none);
		(void)snprintf(page, sizeof(page), "%sx there are no events", name);
		assert_int_not_equal(shape(page, "http://h/"), none);
	}
	assert_int_equal(n, 167);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_counts_or_names_is_taken_out),
	    cmocka_unit_test(two_urls_share_what_their_patterns_share),
	    cmocka_unit_test(dates_are_found_in_paths_and_queries),
	    cmocka_unit_test(repeats_in_a_row_are_counted_of_groups_too),
	    cmocka_unit_test(the_longest_path_is_judged_at_once),
	    cmocka_unit_test(names_of_months_and_days_are_known),
	    cmocka_unit_test(pages_made_out_of_their_urls_have_one_shape),
	    cmocka_unit_test(a_shape_does_not_depend_on_where_words_begin),
	    cmocka_unit_test(a_word_is_one_however_long_it_is),
	    cmocka_unit_test(all_names_of_dates_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
