#include "base/buf.h"
#include "web/page.h"
#include "web/select.h"
#include "web/words.h"
#include "web_page_rig.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Long enough to be content on its own: 18 words. */
#define PROSE                                                                            \
	"The harbour lies where the river meets the sea and ships have come here for "   \
	"eight hundred years now"
#define PROSE_2                                                                          \
	"In winter the ice closes the northern mouth so that only the ferry and the "    \
	"old "                                                                           \
	"pilot boat still run daily"
#define LINK_LIST "<ul><li><a href=1>One</a><li><a href=2>Two words</a></ul>"

static void
parse(struct fixture *f, const char *html)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;

	conf.want_text = true;
	parse_with(f, slice_cstr(html), &conf);
}

/* -- headings -- */

/* "1 Title|2 Part|" */
static void
assert_headings(const char *html, const char *want)
{
	struct fixture f;
	struct buf b;

	parse(&f, html);
	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < f.page.headings_len; i++)
		assert_int_equal(
		    buf_printf(&b, "%u " SLICE_FMT "|", f.page.headings[i].level,
			SLICE_ARG(f.page.headings[i].text)),
		    0);
	assert_string_equal(buf_cstr(&b), want);
	buf_release(&b);
	done(&f);
}

static void
headings_come_with_level_and_text(void **state)
{
	(void)state;
	assert_headings(
	    "<h1> A <b>b</b>c\n d </h1>x<h3>E &amp; F</h3>", "1 A bc d|3 E & F|");
	assert_headings("<nav><h2>Menu</h2></nav><h6>x", "2 Menu|6 x|");
	assert_headings("<h1></h1><h2> <br> </h2><h7>no</h7>", "");
	assert_headings("<h1>a<h2>b</h1>c", "1 a|2 b|");
	assert_headings("<h1>a<div>b</div>c</h1>", "1 a b c|");
	assert_headings(
	    "<h1>a<svg><title>no</title></svg><button>no</button>b</h1>", "1 a b|");
	assert_headings(
	    "<h1><script>no()</script>a<br>b</h1><template><h2>no</h2></template>",
	    "1 a b|");
	assert_headings("<title>no</title><h2><a href=x>link</a></h2>", "2 link|");
}

static void
headings_have_limits(void **state)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct fixture f;

	(void)state;
	conf.want_text = true;
	conf.headings_max = 20;
	conf.heading_bytes_max = 5;
	parse_with(&f,
	    SLICE_LIT(
		"<meta charset=utf-8><h1>abcd\xc3\xa9"
		"f</h1><h1>abc\xc3\xa9"
		"f</h1>"
		"<h1>1</h1><h1>2</h1><h1>3</h1><h1>4</h1><h1>5</h1><h1>6</h1><h1>7</h1>"
		"<h1>8</h1><h1>9</h1><h1>0</h1><h1>1</h1><h1>2</h1><h1>3</h1><h1>4</h1>"
		"<h1>5</h1><h1>6</h1><h1>7</h1><h1>8</h1><h1>9</h1><h1>0</h1>"),
	    &conf);
	assert_int_equal(f.page.headings_len, 20);
	assert_true(slice_eq(f.page.headings[0].text, SLICE_LIT("abcd")));
	assert_true(slice_eq(f.page.headings[1].text, SLICE_LIT("abc\xc3\xa9")));
	assert_true(slice_eq(f.page.headings[19].text, SLICE_LIT("8")));
	done(&f);
}

/* -- other forms of the page -- */

static void
assert_refs(const char *html, const char *want)
{
	static const char kinds[] = "LFS";
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct fixture f;
	struct buf b;

	parse_with(&f, slice_cstr(html), &conf);
	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < f.page.refs_len; i++) {
		const struct page_ref *r = &f.page.refs[i];

		assert_int_equal(
		    buf_printf(&b, "%c " SLICE_FMT " '" SLICE_FMT "' " SLICE_FMT "|",
			kinds[r->kind], SLICE_ARG(r->lang), SLICE_ARG(r->title),
			SLICE_ARG(r->ref)),
		    0);
	}
	assert_string_equal(buf_cstr(&b), want);
	buf_release(&b);
	done(&f);
}

static void
other_languages_feeds_and_sitemaps_are_told(void **state)
{
	(void)state;
	assert_refs(
	    "<link rel=alternate hreflang=de-CH href=' /de '>", "L de-CH '' /de|");
	assert_refs(
	    "<link rel='x ALTERNATE' hreflang=x-default href='?a&amp;b' title=' A  b '>",
	    "L x-default 'A b' ?a&b|");
	assert_refs("<link rel=alternate type=application/rss+xml title=News href=rss>",
	    "F  'News' rss|");
	assert_refs("<link rel=alternate type='Application/Atom+XML; charset=x' "
		    "hreflang=fr href=a>",
	    "F fr '' a|");
	assert_refs(
	    "<link rel='alternate' type=application/feed+json href=j>", "F  '' j|");
	assert_refs(
	    "<link rel=sitemap type=application/xml href=/map.xml>", "S  '' /map.xml|");
	assert_refs(
	    "<link rel=alternate type=application/json href=j>"
	    "<link rel=alternate media=print href=p><link rel=alternate hreflang=de>"
	    "<link rel='alternate stylesheet' hreflang=de href=s>"
	    "<link rel=sitemaps href=m><a rel=alternate hreflang=de href=a>a</a>"
	    "<svg><link rel=sitemap href=s></svg>",
	    "");
}

static void
other_forms_have_a_limit(void **state)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct fixture f;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 100; i++)
		assert_int_equal(
		    buf_printf(&b, "<link rel=sitemap href=%d title=abcdef>", i), 0);
	conf.refs_max = 70;
	conf.title_bytes_max = 4;
	parse_with(&f, buf_slice(&b), &conf);
	assert_int_equal(f.page.refs_len, 70);
	assert_true(slice_eq(f.page.refs[69].ref, SLICE_LIT("69")));
	assert_true(slice_eq(f.page.refs[69].title, SLICE_LIT("abcd")));
	assert_int_equal(f.page.links_len, 100);
	buf_release(&b);
	done(&f);
}

/* -- main text -- */

static void
assert_text(const char *html, const char *want)
{
	struct fixture f;

	parse(&f, html);
	if (!slice_eq(f.page.text, slice_cstr(want)))
		fail_msg("%s\n: '" SLICE_FMT "'\n: not '%s'", html,
		    SLICE_ARG(f.page.text), want);
	done(&f);
}

static void
menus_and_the_like_are_no_main_text(void **state)
{
	(void)state;
	assert_text("<header>" PROSE "</header><nav>" PROSE "</nav><p>" PROSE_2
		    "<aside>" PROSE "</aside><footer>" PROSE "</footer>",
	    PROSE_2);
	assert_text("<div role=banner>" PROSE "</div><div role=' Navigation '>" PROSE
		    "</div><ul role=contentinfo><li>" PROSE "</ul><p>" PROSE_2,
	    PROSE_2);
	assert_text(LINK_LIST "<p>" PROSE "</p>" LINK_LIST "<p>" PROSE_2 "</p>" LINK_LIST,
	    PROSE "\n" PROSE_2);
	assert_text("<p>" PROSE "<p><a href=x>" PROSE_2 "</a>", PROSE);
	assert_text("<p>" PROSE "<p><a name=x>" PROSE_2 "</a>", PROSE "\n" PROSE_2);
	assert_text("<article><header>" PROSE "</header>" PROSE_2 "</article>",
	    PROSE "\n" PROSE_2);
}

static void
what_is_hidden_is_no_text(void **state)
{
	(void)state;
	assert_text(
	    "<p>" PROSE "<select><option>no</select><button>no</button>"
	    "<noscript>no</noscript><template>no</template><textarea>no</textarea>"
	    "<script>no</script><style>no</style><svg><text>no</text></svg><!-- no -->"
	    "<video>no</video><object>no</object><iframe>no</iframe><title>no</title>"
	    "<b>yes",
	    PROSE " yes");
	assert_text("<div hidden>" PROSE_2 "</div><p>" PROSE, PROSE);
	assert_text("<p>" PROSE "<svg/>yes", PROSE " yes");
}

static void
main_is_taken_at_its_word(void **state)
{
	(void)state;
	assert_text("<p>" PROSE "<main><h1>Title</h1><p>" PROSE_2 "<p>Short" LINK_LIST
		    "<footer>no</footer><header>By me</header></main><p>" PROSE,
	    "Title\n" PROSE_2 "\nShort\nBy me");
	assert_text("<div role=main><pre>x = 1</pre>" PROSE " " PROSE_2 "</div><p>" PROSE,
	    "x = 1\n" PROSE " " PROSE_2);
	/* Scripts will fill it. */
	assert_text("<main><p>Loading</main><p>" PROSE, "Loading\n" PROSE);
}

static void
blocks_stand_by_their_neighbours(void **state)
{
	(void)state;
	assert_text("<h1>Title</h1><p>" PROSE "<p>Short", "Title\n" PROSE "\nShort");
	assert_text("<p>" PROSE "<p>x<p>y<p>z", PROSE "\nx");
	/* Nothing is long: all of it, but for links. */
	assert_text("<h1>Short</h1><p>and so" LINK_LIST, "Short\nand so");
	assert_text(LINK_LIST, "");
	assert_text("", "");
}

static void
words_are_parted_where_people_see_them_parted(void **state)
{
	(void)state;
	assert_text("a<b>b</b>c<br>d<img src=x>e<div>f</div>g", "abc d e\nf\ng");
	assert_text("<table><tr><td>a<td>b<tr><th>c</th><th>d</th></table>", "a b\nc d");
	assert_text("<p> a &nbsp;\n\n &lt;b&gt; </p>", "a \xc2\xa0 <b>");
	assert_text("<dl><dt>a<dd>b</dl><blockquote>c</blockquote><hr>d", "a\nb\nc\nd");
}

/* A nav that nobody closed ends with what it stands in. */
static void
open_elements_end_with_those_around_them(void **state)
{
	struct fixture f;
	struct buf b;

	(void)state;
	assert_text("<div><nav>" PROSE "</div><p>" PROSE_2, PROSE_2);
	assert_text("<section><aside><div>" PROSE "</section>" PROSE_2, PROSE_2);
	assert_text("</nav></div><p>" PROSE "</main></nav>", PROSE);
	assert_text("<nav>" PROSE "</p></span>" PROSE, "");
	/* More of them than are kept. */
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buf_add_cstr(&b, "<div>"), 0);
	assert_int_equal(buf_add_cstr(&b, "<nav>" PROSE "</nav>"), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buf_add_cstr(&b, "</div>"), 0);
	assert_int_equal(buf_add_cstr(&b, "<nav>" PROSE "</nav>" PROSE_2), 0);
	parse(&f, buf_cstr(&b));
	assert_true(slice_ends(f.page.text, SLICE_LIT(PROSE_2)));
	buf_release(&b);
	done(&f);
}

/* In XML a tag may close itself, whatever it is. */
static void
in_xml_elements_close_themselves(void **state)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct fixture f;

	(void)state;
	conf.want_text = conf.is_xml = true;
	parse_with(&f,
	    SLICE_LIT("<nav/><svg><svg/>no</svg><h1/><h2>a</h2><p>" PROSE "</p>"), &conf);
	assert_true(slice_eq(f.page.text, SLICE_LIT("a\n" PROSE)));
	assert_int_equal(f.page.headings_len, 1);
	done(&f);
}

static void
text_is_utf8_and_cut_at_characters(void **state)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct fixture f;

	(void)state;
	conf.want_text = true;
	conf.http_charset = SLICE_LIT("windows-1252");
	for (size_t max = 0; max <= 8; max++) {
		conf.text_bytes_max = max;
		parse_with(&f, SLICE_LIT("<p>\xe9\xe9 \xe9"), &conf);
		assert_true(f.page.text.len <= max);
		assert_int_equal(utf8_valid_len(f.page.text), f.page.text.len);
		assert_int_equal(f.page.text.len, max < 2   ? 0
						  : max < 4 ? 2
						  : max < 7 ? 4
							    : 7);
		done(&f);
	}
	conf.http_charset = SLICE_LIT("windows-874"); /* one byte is three */
	conf.text_bytes_max = 100;
	parse_with(&f, SLICE_LIT("\xa1\xa1\xa1\xa1"), &conf);
	assert_int_equal(f.page.text.len, 12);
	done(&f);
}

static void
text_is_not_made_unasked(void **state)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct fixture f;

	(void)state;
	parse_with(&f, SLICE_LIT("<h1>Title</h1><p>" PROSE), &conf);
	assert_int_equal(f.page.headings_len, 0);
	assert_int_equal(f.page.text.len, 0);
	assert_false(f.page.has_simhash);
	done(&f);
}

/* Beside text, links and anchors are what they are without. */
static void
links_are_the_same_with_text(void **state)
{
	static const char html[] =
	    "<nav><a href=1>one</a></nav><select><a href=2>two</a></select><p>" PROSE
	    "<a href=3>three <b>3</b></a><title>T</title><style>@import 'c'</style>";
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct fixture f, g;

	(void)state;
	conf.want_anchors = true;
	parse_with(&f, slice_cstr(html), &conf);
	conf.want_text = true;
	parse_with(&g, slice_cstr(html), &conf);
	assert_int_equal(f.page.links_len, 4);
	assert_int_equal(g.page.links_len, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_true(slice_eq(f.page.links[i].ref, g.page.links[i].ref));
		assert_true(slice_eq(f.page.links[i].anchor, g.page.links[i].anchor));
	}
	assert_true(slice_eq(g.page.links[1].anchor, SLICE_LIT("two")));
	assert_true(slice_eq(g.page.title, SLICE_LIT("T")));
	done(&f);
	done(&g);
}

/* Neither hides text from the other: not before fields are done, nor behind. */
static void
text_is_the_same_with_fields(void **state)
{
	static const char html[] = "<h1>One</h1><p>" PROSE "<select><option>no</select>"
				   "<b>two</b> <i>three</i><p>" PROSE_2;
	struct slice specs[] = {SLICE_LIT("b=b"), SLICE_LIT("o=option")};
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct fixture f, g;
	struct select *fields;
	struct buf blob;

	(void)state;
	parse(&f, html);
	buf_init(&blob, SELECT_BLOB_MAX);
	assert_int_equal(select_compile(specs, 2, &blob, NULL), 0);
	assert_int_equal(select_new(buf_slice(&blob), &fields), 0);
	conf.want_text = true;
	conf.fields = fields;
	parse_with(&g, slice_cstr(html), &conf);
	assert_int_equal(g.page.fields_len, 2);
	assert_true(slice_eq(g.page.fields[0].text, SLICE_LIT("two")));
	assert_true(slice_eq(g.page.fields[1].text, SLICE_LIT("no")));
	assert_true(
	    slice_eq(f.page.text, SLICE_LIT("One\n" PROSE " two three\n" PROSE_2)));
	assert_true(slice_eq(g.page.text, f.page.text));
	assert_true(g.page.simhash == f.page.simhash);
	select_free(fields);
	buf_release(&blob);
	done(&f);
	done(&g);
}

/* -- fingerprint -- */

static void
article(struct buf *b, uint32_t seed, const char *menu, const char *extra)
{
	buf_clear(b);
	assert_int_equal(buf_printf(b, "<nav>%s</nav><h1>Page %u</h1>", menu, seed), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(buf_add_cstr(b, "<p>"), 0);
		for (int k = 0; k < 25; k++) {
			seed = seed * 1664525u + 1013904223u;
			assert_int_equal(buf_printf(b, "w%u ", (seed >> 16) % 700), 0);
		}
	}
	assert_int_equal(
	    buf_printf(b, "%s<footer>%s %s</footer>", extra, menu, extra), 0);
}

static uint64_t
fingerprint(struct buf *b)
{
	struct fixture f;
	uint64_t print;

	parse(&f, buf_cstr(b));
	assert_true(f.page.has_simhash);
	print = f.page.simhash;
	done(&f);
	return print;
}

static void
pages_that_differ_around_their_text_have_near_fingerprints(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	for (uint32_t seed = 1; seed < 20; seed++) {
		uint64_t one, two, three, other;

		article(&b, seed, "<a href=1>Home</a> <a href=2>News</a>", "");
		one = fingerprint(&b);
		article(&b, seed, "<a href=9>Start</a>" PROSE, "");
		two = fingerprint(&b);
		article(&b, seed, "<a href=9>Start</a>", "<p>Read 12,345 times");
		three = fingerprint(&b);
		article(&b, seed + 100, "<a href=1>Home</a> <a href=2>News</a>", "");
		other = fingerprint(&b);
		assert_true(one == two);
		assert_in_range(simhash_distance(one, three), 0, 6);
		assert_in_range(simhash_distance(one, other), 12, 52);
	}
	buf_release(&b);
}

static void
a_page_of_links_alone_has_a_fingerprint_too(void **state)
{
	struct fixture f;
	uint64_t print;

	(void)state;
	parse(&f, LINK_LIST);
	assert_true(f.page.has_simhash);
	assert_true(simhash64(SLICE_LIT("one two words"), &print));
	assert_true(f.page.simhash == print);
	done(&f);
	parse(&f, "<img src=x> &mdash; <br>");
	assert_false(f.page.has_simhash);
	done(&f);
}

static void
an_arena_that_is_full_is_out_of_memory(void **state)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct page page, untouched;
	struct buf b;
	int r = -ENOMEM, tries = 0;

	(void)state;
	conf.want_text = conf.want_anchors = true;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 300; i++)
		assert_int_equal(
		    buf_printf(&b,
			"<h2>H &amp; %d</h2><p>" PROSE " &copy;<link rel=sitemap "
			"title='a &amp; b' href='&amp;%d'><a href=%d>&lt;</a>",
			i, i, i),
		    0);
	memset(&page, 0x5a, sizeof(page));
	untouched = page;
	for (size_t max = 4096; r != 0; max += 2048, tries++) {
		struct arena a;

		arena_init(&a, 1024, max);
		r = page_parse(buf_slice(&b), &conf, &a, &page);
		if (r != 0) {
			assert_int_equal(r, -ENOMEM);
			assert_memory_equal(&page, &untouched, sizeof(page));
		} else {
			assert_int_equal(page.headings_len, 200);
			assert_int_equal(page.refs_len, 200);
			assert_true(page.text.len > 300 * sizeof(PROSE));
		}
		arena_release(&a);
	}
	assert_true(tries > 50);
	buf_release(&b);
}

/* As "id|id|", with the number of all behind it. */
static void
assert_ids(struct slice html, const struct page_conf *conf, const char *want)
{
	struct fixture f;
	struct buf b;

	parse_with(&f, html, conf);
	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < f.page.ids_len; i++)
		assert_int_equal(
		    buf_printf(&b, SLICE_FMT "|", SLICE_ARG(f.page.ids[i])), 0);
	assert_int_equal(buf_printf(&b, "%d", (int)f.page.ids_total), 0);
	assert_string_equal(buf_cstr(&b), want);
	buf_release(&b);
	done(&f);
}

static void
fragments_may_name_ids_and_anchors_that_have_a_name(void **state)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;

	(void)state;
	assert_ids(SLICE_LIT("<p id=a>"), &conf, "0");
	conf.want_ids = true;
	assert_ids(SLICE_LIT("<p id=a><unheard-of ID='b c'>"), &conf, "a|b c|2");
	assert_ids(SLICE_LIT("<a name=n>x</a><a id=i name=j><a id=k name=k>"), &conf,
	    "n|i|j|k|4");
	assert_ids(SLICE_LIT("<input name=n><p name=o><p id=''><p id>"), &conf, "0");
	assert_ids(SLICE_LIT("<!-- <p id=a> --><script>'<p id=b>'</script>"
			     "<textarea id=c><p id=d></textarea></p id=e>"),
	    &conf, "c|1");
	assert_ids(SLICE_LIT("<svg id=s><a name=n><g id=g /></a></svg>"), &conf, "s|g|2");
	assert_ids(SLICE_LIT("<p id='a&amp;b'><meta charset=latin1><p id=\xfc>"), &conf,
	    "a&b|\xc3\xbc|2");
	conf.ids_max = 2;
	assert_ids(SLICE_LIT("<p id=a><p id=b><p id=c>"), &conf, "a|b|3");
}

static void
links_are_the_same_with_ids(void **state)
{
	struct slice html = SLICE_LIT(
	    "<b id=1><a href=x>t</a></b><style>a{background:url(y)}</style><img src=z>");
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct fixture f, g;

	(void)state;
	parse_with(&f, html, &conf);
	conf.want_ids = true;
	parse_with(&g, html, &conf);
	assert_int_equal(f.page.links_len, 3);
	assert_int_equal(g.page.links_len, 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(slice_eq(f.page.links[i].ref, g.page.links[i].ref));
	done(&f);
	done(&g);
}

static void
many_ids_are_kept(void **state)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct fixture f;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(buf_printf(&b, "<p id=n%d>", i), 0);
	conf.want_ids = true;
	parse_with(&f, buf_slice(&b), &conf);
	assert_int_equal(f.page.ids_len, 5000);
	assert_true(slice_eq(f.page.ids[0], SLICE_LIT("n0")));
	assert_true(slice_eq(f.page.ids[4999], SLICE_LIT("n4999")));
	done(&f);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(headings_come_with_level_and_text),
	    cmocka_unit_test(headings_have_limits),
	    cmocka_unit_test(other_languages_feeds_and_sitemaps_are_told),
	    cmocka_unit_test(other_forms_have_a_limit),
	    cmocka_unit_test(menus_and_the_like_are_no_main_text),
	    cmocka_unit_test(what_is_hidden_is_no_text),
	    cmocka_unit_test(main_is_taken_at_its_word),
	    cmocka_unit_test(blocks_stand_by_their_neighbours),
	    cmocka_unit_test(words_are_parted_where_people_see_them_parted),
	    cmocka_unit_test(open_elements_end_with_those_around_them),
	    cmocka_unit_test(in_xml_elements_close_themselves),
	    cmocka_unit_test(text_is_utf8_and_cut_at_characters),
	    cmocka_unit_test(text_is_not_made_unasked),
	    cmocka_unit_test(links_are_the_same_with_text),
	    cmocka_unit_test(text_is_the_same_with_fields),
	    cmocka_unit_test(pages_that_differ_around_their_text_have_near_fingerprints),
	    cmocka_unit_test(a_page_of_links_alone_has_a_fingerprint_too),
	    cmocka_unit_test(fragments_may_name_ids_and_anchors_that_have_a_name),
	    cmocka_unit_test(links_are_the_same_with_ids),
	    cmocka_unit_test(many_ids_are_kept),
	    cmocka_unit_test(an_arena_that_is_full_is_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
