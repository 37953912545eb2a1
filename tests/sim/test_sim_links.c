/* Which of a page's links become URLs of the crawl, as options and pages ask for it. */
#include "sim_crawl.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

static bool
ends(struct slice url, const char *with)
{
	return slice_ends(url, slice_cstr(with));
}

/* ---- one page by many names ---- */

static void
names_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->status = 200;
	ret->latency_ms = 5;
	if (ends(url, "/robots.txt"))
		ret->status = 404;
	else if (slice_starts(url, SLICE_LIT("http://n.test/start")))
		(void)buf_add_cstr(body,
		    "<a href='/list?b=2&amp;a=1'>1</a><a href='/list?a=1&amp;b=2'>2</a>"
		    "<a href='/page;jsessionid=7?q'>3</a><a href='/page?q'>4</a>"
		    "<a href='/read?utm_source=x'>5</a><a href='/read'>6</a>"
		    "<a href='/moves'>7</a>");
	else if (ends(url, "/moves")) {
		ret->status = 302;
		ret->headers = "Location: /there?z=1&gclid=9&PHPSESSID=8&b=2\r\n";
	}
}

static void
crawl_names(struct sim_run *run, const char *const *options)
{
	*run = (struct sim_run){0};
	sim_web_reset(names_script, NULL);
	sim_crawl(run, "http://n.test/start?utm_id=1&b=1&PHPSESSID=2&a=1", options);
	assert_int_equal(run->end, CRAWL_DONE);
}

static void
urls_are_left_alone_unless_asked(void **state)
{
	struct sim_run run;

	(void)state;
	crawl_names(&run, OPTIONS("delay=0"));
	assert_int_equal(
	    sim_count("http://n.test/start?utm_id=1&b=1&PHPSESSID=2&a=1"), 1);
	assert_int_equal(sim_count("http://n.test/list?b=2&a=1"), 1);
	assert_int_equal(sim_count("http://n.test/list?a=1&b=2"), 1);
	assert_int_equal(sim_count("http://n.test/page;jsessionid=7?q"), 1);
	assert_int_equal(sim_count("http://n.test/read?utm_source=x"), 1);
	assert_int_equal(sim_count("http://n.test/there?z=1&gclid=9&PHPSESSID=8&b=2"), 1);
	assert_int_equal(run.stats.pages, 9);
	sim_release(&run);
}

static void
sorted_queries_make_one_url_of_seeds_links_and_redirects(void **state)
{
	struct sim_run run;

	(void)state;
	crawl_names(&run, OPTIONS("delay=0", "sort-query=yes"));
	assert_int_equal(
	    sim_count("http://n.test/start?PHPSESSID=2&a=1&b=1&utm_id=1"), 1);
	assert_int_equal(sim_count("http://n.test/list?a=1&b=2"), 1);
	assert_int_equal(sim_count("http://n.test/list?b=2&a=1"), 0);
	assert_int_equal(sim_count("http://n.test/there?PHPSESSID=8&b=2&gclid=9&z=1"), 1);
	assert_int_equal(run.stats.pages, 8);
	sim_release(&run);
}

static void
session_ids_are_stripped_of_seeds_links_and_redirects(void **state)
{
	struct sim_run run;

	(void)state;
	crawl_names(&run, OPTIONS("delay=0", "strip-session-ids=yes"));
	assert_int_equal(sim_count("http://n.test/start?utm_id=1&b=1&a=1"), 1);
	assert_int_equal(sim_count("http://n.test/page?q"), 1);
	assert_int_equal(sim_count("http://n.test/page;jsessionid=7?q"), 0);
	assert_int_equal(sim_count("http://n.test/there?z=1&gclid=9&b=2"), 1);
	assert_int_equal(run.stats.pages, 8);
	sim_release(&run);
}

static void
tracking_is_stripped_of_seeds_links_and_redirects(void **state)
{
	struct sim_run run;

	(void)state;
	crawl_names(&run, OPTIONS("delay=0", "strip-tracking=yes"));
	assert_int_equal(sim_count("http://n.test/start?b=1&PHPSESSID=2&a=1"), 1);
	assert_int_equal(sim_count("http://n.test/read"), 1);
	assert_int_equal(sim_count("http://n.test/read?utm_source=x"), 0);
	assert_int_equal(sim_count("http://n.test/there?z=1&PHPSESSID=8&b=2"), 1);
	assert_int_equal(run.stats.pages, 8);
	sim_release(&run);
}

/* A seed that was tidied is the root of its scope. */
static void
the_scope_of_a_tidied_seed_is_the_tidied_page(void **state)
{
	struct sim_run run;

	(void)state;
	crawl_names(&run, OPTIONS("delay=0", "scope=page", "sort-query=yes",
			      "strip-tracking=yes", "strip-session-ids=yes"));
	assert_int_equal(sim_count("http://n.test/start?a=1&b=1"), 1);
	assert_int_equal(run.stats.pages, 1);
	assert_int_equal(sim_outcome(&run, "http://n.test/start?a=1&b=1"), OUTCOME_OK);
	sim_release(&run);
}

/* ---- nofollow ---- */

static void
nofollow_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	static const char links[] =
	    "<a href=%1$c>1</a><a rel=nofollow href=%1$c-rel>2</a>"
	    "<a rel='ugc x' href=%1$c-ugc>3</a><img src=%1$c-img>"
	    "<meta http-equiv=refresh content='9;url=%1$c-refresh'>";

	(void)ctx;
	ret->status = 200;
	ret->latency_ms = 5;
	if (ends(url, "/robots.txt")) {
		ret->status = 404;
	} else if (ends(url, "n.test/")) {
		(void)buf_add_cstr(body, "<a href=meta>m</a><a href=agent>a</a>"
					 "<a href=other>o</a><a href=header>h</a>");
	} else if (ends(url, "/meta")) {
		(void)buf_add_cstr(body, "<meta name=robots content='noindex,nofollow'>");
		(void)buf_printf(body, links, 'm');
	} else if (ends(url, "/agent")) {
		(void)buf_add_cstr(body, "<meta name=Trawl content=none>");
		(void)buf_printf(body, links, 'a');
	} else if (ends(url, "/other")) {
		(void)buf_add_cstr(body, "<meta name=otherbot content=nofollow>"
					 "<a href=m-rel>m</a>");
		(void)buf_printf(body, links, 'o');
	} else if (ends(url, "/header")) {
		ret->headers = "Content-Type: text/html\r\nRefresh: 9;url=h-refresh2\r\n"
			       "X-Robots-Tag: otherbot: noindex\r\n"
			       "X-Robots-Tag: trawl: nofollow\r\n";
		(void)buf_printf(body, links, 'h');
	}
}

static void
crawl_nofollow(struct sim_run *run, const char *const *options)
{
	*run = (struct sim_run){0};
	sim_web_reset(nofollow_script, NULL);
	sim_crawl(run, "http://n.test/", options);
	assert_int_equal(run->end, CRAWL_DONE);
}

/* Which of the four pages' links of that kind were fetched, by the pages' letters. */
static void
assert_fetched(const char *suffix, const char *pages)
{
	for (const char *p = "maoh"; *p != '\0'; p++) {
		char url[64];

		(void)snprintf(url, sizeof(url), "http://n.test/%c%s", *p, suffix);
		if ((sim_count(url) == 1) != (strchr(pages, *p) != NULL))
			fail_msg("%s: %zu times", url, sim_count(url));
	}
}

static void
links_of_nofollow_pages_are_not_followed_from_there(void **state)
{
	struct sim_run run;

	(void)state;
	crawl_nofollow(&run, OPTIONS("delay=0"));
	assert_fetched("", "o");
	assert_fetched("-rel", "om"); /* m-rel stands on another page as well */
	assert_fetched("-ugc", "o");
	assert_fetched("-refresh", "o");
	assert_fetched("-refresh2", "");
	assert_fetched("-img", "maoh"); /* parts of pages are no links */
	sim_release(&run);
}

static void
links_may_be_nofollow_one_by_one(void **state)
{
	struct sim_run run;

	(void)state;
	crawl_nofollow(&run, OPTIONS("delay=0", "nofollow=link"));
	assert_fetched("", "o");
	assert_fetched("-rel", "m");
	assert_fetched("-ugc", "");
	assert_fetched("-img", "maoh");
	sim_release(&run);
}

static void
nofollow_can_be_ignored_alone_or_with_robots_txt(void **state)
{
	const char *const *const ways[] = {OPTIONS("delay=0", "nofollow=none"),
	    OPTIONS("delay=0", "robots=ignore", "nofollow=link")};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sim_run run;

		crawl_nofollow(&run, ways[i]);
		assert_fetched("", "maoh");
		assert_fetched("-rel", "maoh");
		assert_fetched("-ugc", "maoh");
		assert_fetched("-refresh", "maoh");
		assert_fetched("-refresh2", "h");
		sim_release(&run);
	}
}

/* ---- guesses ---- */

static void
script_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->status = 200;
	ret->latency_ms = 5;
	if (ends(url, "/robots.txt"))
		ret->status = 404;
	else if (ends(url, "g.test/"))
		(void)buf_add_cstr(body,
		    "<script>go('/s1'); go('/s2.html'); go('/real'); go('/s3')</script>"
		    "<a href=/real>x</a><script type=application/ld+json>"
		    "{\"url\": \"http:\\/\\/g.test\\/ld\", \"image\": "
		    "\"http://cdn.test/i\"}"
		    "</script>");
}

static size_t
crawl_guesses(const char *const *options)
{
	struct sim_run run = {0};
	size_t pages;

	sim_web_reset(script_script, NULL);
	sim_crawl(&run, "http://g.test/", options);
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(sim_count("http://g.test/real"), 1);
	assert_int_equal(sim_count("http://cdn.test/i"), 0);
	assert_int_equal(run.stats.rejected, 0);
	pages = run.stats.pages;
	if (pages == 6)
		assert_int_equal(sim_count("http://g.test/ld"), 1);
	sim_release(&run);
	return pages;
}

static void
urls_in_scripts_are_tried_only_if_asked_and_few_a_page(void **state)
{
	(void)state;
	assert_int_equal(crawl_guesses(OPTIONS("delay=0")), 2);
	assert_int_equal(crawl_guesses(OPTIONS("delay=0", "speculative=yes")), 6);
	assert_int_equal(
	    crawl_guesses(OPTIONS("delay=0", "speculative=yes", "speculative-max=2")), 4);
}

/* ---- links in heads ---- */

static void
header_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	(void)body;
	ret->status = 200;
	ret->latency_ms = 5;
	if (ends(url, "/robots.txt"))
		ret->status = 404;
	else if (ends(url, "e.test/dir/"))
		ret->headers =
		    "Content-Type: text/plain\r\n"
		    "Link: <next>; rel=next, <//cdn.test/s.css>; rel=stylesheet\r\n"
		    "Link: <//cdn.test/other>; rel=canonical, <//dns.test/>; "
		    "rel=preconnect\r\n"
		    "Refresh: 0; url='moved'\r\n";
}

static void
heads_name_parts_of_a_page_and_other_pages(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(header_script, NULL);
	sim_crawl(&run, "http://e.test/dir/", OPTIONS("delay=0", "requisites=yes"));
	assert_int_equal(sim_outcome(&run, "http://e.test/dir/next"), OUTCOME_OK);
	assert_int_equal(sim_outcome(&run, "http://e.test/dir/moved"), OUTCOME_OK);
	assert_int_equal(sim_outcome(&run, "http://cdn.test/s.css"), OUTCOME_OK);
	assert_int_equal(sim_count("http://cdn.test/other"), 0);
	assert_int_equal(sim_count("http://dns.test/"), 0);
	assert_int_equal(run.stats.rejected, 1); /* cdn.test/other */
	sim_release(&run);
}

/* ---- documents that are no HTML ---- */

static void
xml_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->status = 200;
	ret->latency_ms = 5;
	if (ends(url, "/robots.txt")) {
		ret->status = 404;
	} else if (ends(url, "x.test/")) {
		(void)buf_add_cstr(body,
		    "<link rel=alternate href=rss><a href=atom>a</a><a href=map>m</a>"
		    "<a href=xhtml>x</a><a href=xml>y</a><a href=untyped>u</a>"
		    "<a href=pdf>p</a>");
	} else if (ends(url, "/pdf")) {
		ret->headers = "Content-Type: application/pdf\r\n";
		(void)buf_add_cstr(body, "%PDF-1.4\n<</S /URI /URI (from-pdf)>>");
	} else if (ends(url, "/rss")) {
		ret->headers = "Content-Type: application/rss+xml\r\n";
		(void)buf_add_cstr(body,
		    "<rss><channel><item><link>http://x.test/item</link>"
		    "<enclosure url='/item.mp3'/></item><item><link>http://y.test/</link>"
		    "</item></channel></rss>");
	} else if (ends(url, "/atom")) {
		ret->headers = "Content-Type: text/xml; charset=utf-8\r\n";
		(void)buf_add_cstr(body,
		    "<feed><link rel='next' href='atom2'/><entry><link href='entry'/>"
		    "</entry></feed>");
	} else if (ends(url, "/map")) {
		ret->headers = "Content-Type: application/xml\r\n";
		(void)buf_add_cstr(
		    body, "<urlset><url><loc>http://x.test/mapped</loc></url></urlset>");
	} else if (ends(url, "/xhtml")) {
		ret->headers = "Content-Type: application/xhtml+xml\r\n";
		(void)buf_add_cstr(body, "<script src='s.js'/><a href='from-xhtml'/>");
	} else if (ends(url, "/xml")) {
		ret->headers = "Content-Type: text/xml\r\n";
		(void)buf_add_cstr(body, "<html xmlns='http://www.w3.org/1999/xhtml'>"
					 "<title/><a href='from-xml'>x</a></html>");
	} else if (ends(url, "/untyped")) {
		ret->headers = "X: y\r\n";
		(void)buf_add_cstr(body, "<?xml version='1.0'?><feed><entry>"
					 "<link href='from-untyped'/></entry></feed>");
	}
}

static void
feeds_and_xml_are_read_like_pages(void **state)
{
	static const char *const found[] = {"item", "item.mp3", "atom2", "entry",
	    "mapped", "s.js", "from-xhtml", "from-xml", "from-untyped", "from-pdf"};
	struct sim_run run = {0};
	char url[64];

	(void)state;
	sim_web_reset(xml_script, NULL);
	sim_crawl(&run, "http://x.test/", OPTIONS("delay=0"));
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		(void)snprintf(url, sizeof(url), "http://x.test/%s", found[i]);
		if (sim_outcome(&run, url) != OUTCOME_OK)
			fail_msg("%s was not fetched", url);
	}
	assert_int_equal(sim_count("http://y.test/"), 0);
	assert_int_equal(run.stats.pages, 8 + 10);
	sim_release(&run);
	/* Without sitemaps a linked one is but a document. */
	sim_web_reset(xml_script, NULL);
	sim_crawl(&run, "http://x.test/", OPTIONS("delay=0", "sitemaps=no"));
	assert_int_equal(sim_count("http://x.test/mapped"), 0);
	assert_int_equal(sim_count("http://x.test/item"), 1);
	sim_release(&run);
}

/* ---- sitemaps that pages name ---- */

static void
sitemap_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->status = 200;
	ret->latency_ms = 5;
	if (ends(url, "/robots.txt")) {
		ret->status = 404;
	} else if (ends(url, "s.test/")) {
		(void)buf_add_cstr(body,
		    "<link rel=sitemap href=/map.txt><link rel=sitemap href=/map.txt>"
		    "<link rel=sitemap href=http://other.test/map.txt><a href=shy>s</a>");
	} else if (ends(url, "/shy")) {
		(void)buf_add_cstr(body, "<meta name=robots content=nofollow>"
					 "<link rel=sitemap href=/shy.txt>");
	} else if (ends(url, ".txt")) {
		/* Nothing but being named one makes it a sitemap. */
		ret->headers = "Content-Type: text/plain\r\n";
		(void)buf_add_cstr(body, "http://s.test/only-in-map\n");
	}
}

static void
sitemaps_that_pages_name_are_read_within_scope(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sim_run run = {0};

		sim_web_reset(sitemap_script, NULL);
		sim_crawl(&run, "http://s.test/",
		    i == 0 ? OPTIONS("delay=0") : OPTIONS("delay=0", "sitemaps=no"));
		/* As a link element it is followed either way, but read as a map only once
		 * asked to. */
		assert_int_equal(sim_count("http://s.test/map.txt"), 1);
		assert_int_equal(sim_count("http://s.test/only-in-map"), i == 0);
		assert_int_equal(sim_count("http://other.test/map.txt"), 0);
		assert_int_equal(sim_count("http://s.test/shy.txt"), 0);
		sim_release(&run);
	}
}

/* ---- a feed that robots.txt names as a sitemap ---- */

static void
feed_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->status = 200;
	ret->latency_ms = 5;
	if (ends(url, "/robots.txt")) {
		(void)buf_add_cstr(body, "Sitemap: http://f.test/atom.xml\n");
	} else if (ends(url, "/atom.xml")) {
		ret->headers = "Content-Type: application/atom+xml\r\n";
		(void)buf_add_cstr(body,
		    "<feed xmlns='http://www.w3.org/2005/Atom'>"
		    "<link rel='next' href='http://f.test/atom2.xml'/>"
		    "<entry><link href='http://f.test/new'/>"
		    "<link rel='enclosure' href='http://f.test/sound'/></entry></feed>");
	} else if (ends(url, "/atom2.xml")) {
		ret->headers = "Content-Type: application/atom+xml\r\n";
		(void)buf_add_cstr(body,
		    "<feed xmlns='http://www.w3.org/2005/Atom'>"
		    "<entry><link href='http://f.test/old'/></entry></feed>");
	}
}

static void
a_feed_for_a_sitemap_is_read_to_its_end(void **state)
{
	struct sim_run run = {0};

	(void)state;
	sim_web_reset(feed_script, NULL);
	sim_crawl(&run, "http://f.test/", OPTIONS("delay=0"));
	assert_int_equal(sim_count("http://f.test/new"), 1);
	assert_int_equal(sim_count("http://f.test/sound"), 1);
	assert_int_equal(sim_count("http://f.test/atom2.xml"), 1);
	assert_int_equal(sim_count("http://f.test/old"), 1);
	sim_release(&run);
}

/* ---- what sitemaps have beside their pages ---- */

static void
extras_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	static const char map[] =
	    "<urlset><url><loc>http://e.test/%s/page</loc>"
	    "<image:image><image:loc>http://e.test/%s/image</image:loc></image:image>"
	    "<video:video><video:content_loc>http://e.test/%s/video</video:content_loc>"
	    "<video:thumbnail_loc>http://cdn.test/%s</video:thumbnail_loc></video:video>"
	    "<xhtml:link rel='alternate' hreflang='de' href='http://e.test/%s/de'/>"
	    "</url></urlset>";
	const char *by = ends(url, "/linked.xml") ? "linked" : "named";

	(void)ctx;
	ret->status = 200;
	ret->latency_ms = 5;
	if (ends(url, "e.test/robots.txt")) {
		(void)buf_add_cstr(body, "Sitemap: http://e.test/named.xml\n");
	} else if (ends(url, ".xml")) {
		ret->headers = "Content-Type: application/xml\r\n";
		(void)buf_printf(body, map, by, by, by, by, by);
	} else if (ends(url, "e.test/")) {
		(void)buf_add_cstr(body, "<a href=/linked.xml>map</a>");
	}
}

/* A page names its images, unless scripts do: then those of its sitemap are the only ones. */
static void
what_a_sitemap_has_beside_its_pages_is_followed_only_if_asked(void **state)
{
	static const char *const beside[] = {"image", "video", "de"};
	struct sim_run run = {0};
	char url[64];

	(void)state;
	for (uint32_t asked = 0; asked < 3; asked++) {
		sim_web_reset(extras_script, NULL);
		sim_crawl(&run, "http://e.test/",
		    asked == 0 ? OPTIONS("delay=0")
		    : asked == 1
			? OPTIONS("delay=0", "sitemap_extras=yes")
			: OPTIONS("delay=0", "sitemap_extras=yes", "requisites=yes"));
		for (size_t i = 0; i < 6; i++) {
			(void)snprintf(url, sizeof(url), "http://e.test/%s/%s",
			    i < 3 ? "named" : "linked", beside[i % 3]);
			assert_int_equal(sim_count(url), asked > 0);
		}
		assert_int_equal(sim_count("http://e.test/named/page"), 1);
		assert_int_equal(sim_count("http://e.test/linked/page"), 1);
		assert_int_equal(sim_count("http://cdn.test/named"), asked == 2);
		assert_int_equal(sim_count("http://cdn.test/linked"), asked == 2);
		sim_release(&run);
	}
}

/* ---- links to what is known ---- */

enum { MESH = 30 };

static void
mesh_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	char link[40];

	(void)ctx;
	ret->status = ends(url, "/robots.txt") ? 404 : 200;
	ret->latency_ms = 5;
	for (int i = 0; i < MESH && ret->status == 200; i++) {
		(void)snprintf(link, sizeof(link), "<a href=/%d>%d</a>", i, i);
		(void)buf_add_cstr(body, link);
	}
}

/* Workers leave out of their results what they see to be known, but where somebody wants
 * to hear of it: by the order or a sink. */
static void
links_to_what_is_known_are_counted_whoever_leaves_them_out(void **state)
{
	static const char *const ways[] = {"order=bfs", "order=opic"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sim_run run = {0};

		sim_web_reset(mesh_script, NULL);
		sim_crawl(&run, "http://mesh.test/0", OPTIONS("delay=0", ways[i]));
		assert_int_equal(run.stats.totals.discovered, MESH);
		assert_int_equal(run.stats.totals.duplicates, MESH * MESH - (MESH - 1));
		for (int k = 0; k < MESH; k++) {
			char url[32];

			(void)snprintf(url, sizeof(url), "http://mesh.test/%d", k);
			assert_int_equal(sim_count(url), 1);
		}
		sim_release(&run);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(urls_are_left_alone_unless_asked),
	    cmocka_unit_test(sorted_queries_make_one_url_of_seeds_links_and_redirects),
	    cmocka_unit_test(session_ids_are_stripped_of_seeds_links_and_redirects),
	    cmocka_unit_test(tracking_is_stripped_of_seeds_links_and_redirects),
	    cmocka_unit_test(the_scope_of_a_tidied_seed_is_the_tidied_page),
	    cmocka_unit_test(links_of_nofollow_pages_are_not_followed_from_there),
	    cmocka_unit_test(links_may_be_nofollow_one_by_one),
	    cmocka_unit_test(sitemaps_that_pages_name_are_read_within_scope),
	    cmocka_unit_test(a_feed_for_a_sitemap_is_read_to_its_end),
	    cmocka_unit_test(
		what_a_sitemap_has_beside_its_pages_is_followed_only_if_asked),
	    cmocka_unit_test(nofollow_can_be_ignored_alone_or_with_robots_txt),
	    cmocka_unit_test(urls_in_scripts_are_tried_only_if_asked_and_few_a_page),
	    cmocka_unit_test(heads_name_parts_of_a_page_and_other_pages),
	    cmocka_unit_test(feeds_and_xml_are_read_like_pages),
	    cmocka_unit_test(links_to_what_is_known_are_counted_whoever_leaves_them_out),
	};

	return cmocka_run_group_tests_name("sim/links", tests, NULL, NULL);
}
