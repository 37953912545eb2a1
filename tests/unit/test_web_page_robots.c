#include "web/page_robots.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define ME SLICE_LIT("trawl")
enum {
	I = PAGE_ROBOTS_NOINDEX,
	F = PAGE_ROBOTS_NOFOLLOW,
	A = PAGE_ROBOTS_NOARCHIVE,
	S = PAGE_ROBOTS_NOSNIPPET
};

static struct page_robots
header(const char *value)
{
	struct page_robots r = {0};

	page_robots_header(&r, slice_cstr(value), ME);
	return r;
}

static struct page_robots
meta(const char *name, const char *content)
{
	struct page_robots r = {0};

	page_robots_meta(&r, slice_cstr(name), slice_cstr(content), ME);
	return r;
}

static void
every_word_has_its_bit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PAGE_ROBOTS_MAX; i++) {
		assert_int_equal(header(page_robots_name(i)).bits, 1u << i);
		assert_int_equal(meta("robots", page_robots_name(i)).bits, 1u << i);
	}
	assert_int_equal(meta("ROBOTS", "NoIndex,nofollow").bits, I | F);
	assert_int_equal(meta("robots", "none").bits, I | F);
	assert_int_equal(meta("robots", "noindex nofollow\tnocache").bits, I | F | A);
	assert_int_equal(meta("robots", ",,noindex , ,").bits, I);
	assert_int_equal(meta("robots", "all").bits, 0);
	assert_int_equal(meta("robots", "index, follow").bits, 0);
	assert_int_equal(meta("robots", "noindex, all, index").bits, I);
	assert_int_equal(meta("robots", "noindexx, no follow, -nofollow").bits, 0);
	assert_int_equal(meta("robots", "").bits, 0);
}

static void
what_is_said_to_others_is_not_said_to_us(void **state)
{
	(void)state;
	assert_int_equal(meta("trawl", "nofollow").bits, F);
	assert_int_equal(meta(" Trawl ", "nofollow").bits, F);
	assert_int_equal(meta("otherbot", "nofollow").bits, 0);
	assert_int_equal(meta("trawler", "nofollow").bits, 0);
	assert_int_equal(meta("description", "noindex").bits, 0);
	assert_int_equal(header("Trawl: noarchive").bits, A);
	assert_int_equal(header("trawl/2.0: noarchive").bits, A);
	assert_int_equal(header("trawl :nofollow").bits, F);
	assert_int_equal(header("otherbot: noindex, nofollow").bits, 0);
	assert_int_equal(header("*: noindex").bits, I);
	/* Lines that a cache has joined. */
	assert_int_equal(header("noindex, otherbot: nofollow, noarchive").bits, I);
	assert_int_equal(
	    header("otherbot: nofollow, trawl: noindex, noarchive").bits, I | A);
}

static void
an_agent_is_its_product_token(void **state)
{
	struct page_robots r = {0};

	(void)state;
	page_robots_header(&r, SLICE_LIT("trawl: nofollow"),
	    SLICE_LIT("Trawl/1.0 (+https://trawl.test/)"));
	assert_int_equal(r.bits, F);
	r = (struct page_robots){0};
	page_robots_header(&r, SLICE_LIT(": nofollow"), (struct slice){0});
	assert_int_equal(r.bits, F); /* to nobody in particular */
	r = (struct page_robots){0};
	page_robots_meta(&r, SLICE_LIT(""), SLICE_LIT("nofollow"), (struct slice){0});
	assert_int_equal(r.bits, 0);
	page_robots_meta(&r, SLICE_LIT("()"), SLICE_LIT("nofollow"), SLICE_LIT("()"));
	assert_int_equal(r.bits, 0);
}

static void
rules_with_values_are_no_agents(void **state)
{
	(void)state;
	assert_int_equal(header("noindex, max-snippet: 3, nofollow").bits, I | F);
	assert_int_equal(header("max-image-preview:large, nofollow").bits, F);
	assert_int_equal(meta("robots", "max-video-preview:-1, noarchive").bits, A);
	assert_int_equal(meta("robots", "max-snippet:0").bits, S);
	assert_int_equal(meta("robots", "max-snippet:-1 nofollow").bits, F);
	assert_int_equal(header("otherbot: max-snippet:0").bits, 0);
	assert_int_equal(header("max-snippet:").bits, 0);
}

static void
pages_say_when_they_are_gone(void **state)
{
	static const char *const same[] = {
	    "25 Jun 2010 15:00:00 PST",
	    "Fri, 25 Jun 2010 15:00:00 PST",
	    "Friday, 25-Jun-10 15:00:00 PST",
	    "2010-06-25T15:00:00-08:00",
	    "25 Jun 2010 23:00:00 GMT",
	    "25-Jun-2010 23:00:00",
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct page_robots r;

		(void)snprintf(text, sizeof(text),
		    "nofollow, unavailable_after: %s, noindex", same[i]);
		r = header(text);
		assert_int_equal(r.bits, I | F);
		assert_true(r.has_unavailable_after);
		assert_int_equal(r.unavailable_after_s, 1277506800);
		r = meta("robots", text);
		assert_int_equal(r.bits, I | F);
		assert_int_equal(r.unavailable_after_s, 1277506800);
	}
	assert_int_equal(
	    header("unavailable_after: Fri 25 Jun 2010 15:00:00 PST, noindex").bits, I);
	assert_int_equal(
	    header("unavailable_after: 2010-06-25").unavailable_after_s, 1277424000);
	assert_false(header("unavailable_after: soon, noindex").has_unavailable_after);
	assert_int_equal(header("unavailable_after: soon, noindex").bits, I);
	assert_false(
	    header("otherbot: unavailable_after: 2010-06-25").has_unavailable_after);
	assert_false(header("unavailable_after:").has_unavailable_after);
	assert_false(header("unavailable_after").has_unavailable_after);
}

static void
all_lines_of_a_head_add_up(void **state)
{
	static const char head[] =
	    "HTTP/1.1 200 OK\r\nX-Robots-Tag: noindex\r\nServer: nofollow\r\n"
	    "x-robots-tag: otherbot: nosnippet\r\nX-ROBOTS-TAG: trawl: noarchive\r\n"
	    "X-Robots-Tag: unavailable_after: 2011-01-01\r\n"
	    "X-Robots-Tag: unavailable_after: 2010-01-01\r\n"
	    "X-Robots-Tag: unavailable_after: 2012-01-01\r\n\r\n";
	struct page_robots r = {0};

	(void)state;
	page_robots_head(&r, slice_cstr(head), ME);
	assert_int_equal(r.bits, I | A);
	assert_true(r.has_unavailable_after);
	assert_int_equal(r.unavailable_after_s, 1262304000);
	page_robots_meta(&r, SLICE_LIT("robots"), SLICE_LIT("nofollow"), ME);
	assert_int_equal(r.bits, I | A | F);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_word_has_its_bit),
	    cmocka_unit_test(what_is_said_to_others_is_not_said_to_us),
	    cmocka_unit_test(an_agent_is_its_product_token),
	    cmocka_unit_test(rules_with_values_are_no_agents),
	    cmocka_unit_test(pages_say_when_they_are_gone),
	    cmocka_unit_test(all_lines_of_a_head_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
