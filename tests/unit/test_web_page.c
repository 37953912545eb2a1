#include "base/buf.h"
#include "web/link.h"
#include "web/page.h"
#include "web_page_rig.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The links as "kind ref|kind ref|". */
static void
assert_links(struct slice html, const char *want)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct fixture f;
	struct buf b;

	parse_with(&f, html, &conf);
	buf_init(&b, 1024 * 1024);
	for (size_t i = 0; i < f.page.links_len; i++)
		assert_int_equal(buf_printf(&b, "%s " SLICE_FMT "|",
				     link_kind_name(f.page.links[i].kind),
				     SLICE_ARG(f.page.links[i].ref)),
		    0);
	assert_string_equal(buf_cstr(&b), want);
	buf_release(&b);
	done(&f);
}
#define LINKS(html, want) assert_links(SLICE_LIT(html), want)

static void
tells_the_links_of_every_element(void **state)
{
	(void)state;
	LINKS("<a href=x ping='p q'><area href=y>", "a x|ping p|ping q|area y|");
	LINKS("<link rel=stylesheet href=s><link rel=canonical href=c><link href=n>",
	    "link s|link c|link n|");
	LINKS("<img src=i srcset='a 1x, b 2x' longdesc=d><image src=j>",
	    "img i|srcset a|srcset b|longdesc d|img j|");
	LINKS("<picture><source srcset=a><source src=b></picture>", "srcset a|source b|");
	LINKS("<video src=v poster=p></video><audio src=a></audio><track src=t>",
	    "video v|poster p|audio a|track t|");
	LINKS(
	    "<iframe src=i></iframe><frame src=f longdesc=l><embed src=e><object data=o>",
	    "iframe i|frame f|longdesc l|embed e|object o|");
	LINKS("<body background=b><table background=t><td background=d>",
	    "body b|body t|body d|");
	LINKS("<q cite=q><blockquote cite=b><ins cite=i><del cite=d>",
	    "cite q|cite b|cite i|cite d|");
	LINKS(
	    "<script src=s></script><link rel=manifest href=m>", "script s|manifest m|");
	LINKS("<link rel=preload imagesrcset='a 1x, b 2x'>", "srcset a|srcset b|");
}

static void
takes_forms_that_get_and_no_others(void **state)
{
	(void)state;
	LINKS("<form action=a><button formaction=b><input formaction=c></form>",
	    "form a|form b|form c|");
	LINKS("<form action=a method=post><button formaction=b>", "");
	LINKS(
	    "<form action=a method=post><button formaction=b formmethod=get>", "form b|");
	LINKS("<form action=a><button formaction=b formmethod=POST>", "form a|");
	LINKS("<input type=image src=i><input src=j>", "input i|");
	LINKS("<form><input type=image src=i formaction=a>", "input i|form a|");
	LINKS(
	    "<form method=dialog action=a></form><form method=GET action=b>", "form b|");
	LINKS("<form action=''>", "form |");
	/* One in another is none, and a button outside of all sends nothing. */
	LINKS("<form method=post><form action=a><button formaction=b></form>"
	      "<form action=c>",
	    "form c|");
	LINKS("<form></form><button formaction=a>", "");
	LINKS("<button formaction=a formmethod=get>", "form a|");
	LINKS("<form method=post><template><form action=a></form></template>"
	      "<button formaction=b>",
	    "form a|");
}

static void
finds_urls_in_styles(void **state)
{
	(void)state;
	LINKS("<style>@import 'a.css'; p { background: url(b.png) }</style>",
	    "css a.css|css b.png|");
	LINKS("<p style=\"background:url('c.png')\">", "css c.png|");
	LINKS("<p style='background:url(&quot;c.png&quot;)'>", "css c.png|");
	LINKS("<style><!-- p { mask: url(#here) } --></style>", "");
	LINKS(
	    "<style type='TEXT/css'>a{b:url(c)}</style><style type=text/less>a{b:url(d)}"
	    "</style>",
	    "css c|");
	LINKS("<style>a{b:'\\\r\nurl(no)';c:url(\"d\\\r\ne\")}</style>", "css de|");
	LINKS("<p style='x:@import \"a\"'><p style='color:red'>", "");
}

static void
sees_svg_as_markup_of_its_own(void **state)
{
	(void)state;
	LINKS("<svg><a xlink:href=a></a><image href=b xlink:href=no /><use "
	      "href='#c'/></svg>",
	    "a a|svg b|");
	LINKS("<svg><title><a href=in></title></svg>", "a in|");
	LINKS("<svg><style>p{fill:url(s.svg)}</style></svg>", "css s.svg|");
	LINKS("<svg><style>a{b:</x>u<!-- -->rl(1)}<g>url(no)<g/></g>url(2)</style>url(no)"
	      "</svg>",
	    "css 1|css 2|");
	LINKS("<svg><style>url(1)</style><style>url(22)</style></svg>", "css 1|css 22|");
	LINKS("<svg><style/>url(no)<style type=x>url(no)</style><style>url(1)<p>url(no)",
	    "css 1|");
	LINKS("<svg><script href=s></script></svg>", "script s|");
	LINKS("<svg><rect fill='url(a.svg#b)' Mask='url(#c)' d='url(d)'/></svg>"
	      "<p fill='url(e)'>",
	    "css a.svg#b|");
	LINKS(
	    "<math><mi href=a></mi><mi xlink:href=b></mi></math><mi href=c>", "a a|a b|");
	LINKS("<svg><![CDATA[<a href=no>]]></svg><a href=yes>", "a yes|");
	LINKS("<![CDATA[<a href=yes>]]>", "");
	LINKS("<svg><base href=b></svg><p><title><a href=no></title>", "svg b|");
}

/* The arena of a page is bounded; what says nothing must not fill it. */
static void
small_things_take_little_memory(void **state)
{
	static const char *const units[] = {"<style>a</style>",
	    "<style> </style><style/>", "<style>a<b>c</style>",
	    "</svg><meta name=description content=' '>"};

	(void)state;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		struct page_conf conf = PAGE_CONF_DEFAULT;
		struct arena arena;
		struct page page;
		struct buf html;

		buf_init(&html, 1 << 20);
		assert_int_equal(buf_add_cstr(&html, "<svg>"), 0);
		for (int n = 0; n < 10000; n++)
			assert_int_equal(buf_add_cstr(&html, units[i]), 0);
		arena_init(&arena, 64 * 1024, 2 * 1024 * 1024);
		assert_int_equal(page_parse(buf_slice(&html), &conf, &arena, &page), 0);
		arena_release(&arena);
		buf_release(&html);
	}
}

static void
leaves_alone_what_is_no_markup(void **state)
{
	(void)state;
	LINKS("<!-- <a href=no> --><a href=yes>", "a yes|");
	LINKS("<title><a href=no></title><textarea><a href=no></textarea>", "");
	LINKS("<script>'<a href=no>'</script><xmp><a href=no></xmp>", "");
	LINKS("<iframe><a href=no></iframe><noembed><a href=no></noembed>", "");
	LINKS("<noframes><a href=no></noframes><style><a href=no></style>", "");
	LINKS("<noscript><a href=yes></noscript><template><a href=too></template>",
	    "a yes|a too|");
	LINKS("<plaintext><a href=no>", "");
}

static void
reads_xhtml_as_the_xml_it_is(void **state)
{
	struct slice xhtml = SLICE_LIT(
	    "<title/><script src='s'/><style/><noscript/><a href='1'/>text<textarea/>"
	    "<base href='b'/><iframe src='f'/><![CDATA[<a href='no'>]]><a "
	    "href='2'>t</a>");
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct fixture f;

	(void)state;
	conf.want_anchors = true;
	conf.is_xml = true;
	parse_with(&f, xhtml, &conf);
	assert_int_equal(f.page.links_len, 4);
	assert_int_equal(f.page.links[0].kind, LINK_SCRIPT);
	assert_int_equal(f.page.links[1].anchor.len, 0);
	assert_int_equal(f.page.links[2].kind, LINK_IFRAME);
	assert_true(slice_eq(f.page.links[3].anchor, SLICE_LIT("t")));
	assert_int_equal(f.page.title.len, 0);
	assert_true(f.page.has_base);
	done(&f);
	conf.is_xml = false;
	parse_with(&f, xhtml, &conf); /* all is the title's text */
	assert_int_equal(f.page.links_len, 0);
	done(&f);
}

static void
decodes_and_strips_references_to_documents(void **state)
{
	(void)state;
	LINKS("<a href='?a=1&amp;b=2&copy=3'>", "a ?a=1&b=2&copy=3|");
	LINKS("<a href=' \n x \t'>", "a x|");
	LINKS("<a href=''>", "a |");
	LINKS("<img src=''><img src=' '>", "");
	LINKS("<a href=first href=second>", "a first|");
	LINKS("<A HREF=UP>", "a UP|");
}

static void
takes_white_space_for_what_the_standard_does(void **state)
{
	(void)state;
	LINKS("<a href='\vx\f'>", "a \vx|");
	LINKS("<img src='\v'>", "img \v|");
	LINKS("<a ping='x\vy\fz'>", "ping x\vy|ping z|");
	LINKS("<link rel='stylesheet\vicon' href=x imagesrcset=y>", "link x|");
}

static void
tells_what_rel_says_of_a_link(void **state)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct fixture f;

	(void)state;
	parse_with(&f,
	    SLICE_LIT("<a rel='NoFollow x' href=1><area rel='ugc sponsored' href=2>"
		      "<svg><a rel=nofollow href=3></svg><link rel=preconnect href=4>"
		      "<form rel=nofollow action=5><a rel='nofollowed,nofollow' href=6>"),
	    &conf);
	assert_int_equal(f.page.links_len, 6);
	assert_int_equal(f.page.links[0].rel, LINK_REL_NOFOLLOW);
	assert_int_equal(f.page.links[1].rel, LINK_REL_UGC | LINK_REL_SPONSORED);
	assert_int_equal(f.page.links[2].rel, LINK_REL_NOFOLLOW);
	assert_int_equal(f.page.links[3].rel, LINK_REL_CONNECT);
	assert_int_equal(f.page.links[4].rel, LINK_REL_NOFOLLOW);
	assert_int_equal(f.page.links[5].rel, 0);
	done(&f);
}

static void
tells_parts_of_a_page_from_other_pages_by_rel(void **state)
{
	(void)state;
	assert_int_equal(page_rel_kind(SLICE_LIT("x StyleSheet")), LINK_LINK);
	assert_int_equal(page_rel_kind(SLICE_LIT("preload")), LINK_LINK);
	assert_int_equal(page_rel_kind(SLICE_LIT("icon manifest")), LINK_MANIFEST);
	assert_int_equal(page_rel_kind(SLICE_LIT("next canonical")), LINK_LINK_PAGE);
	assert_int_equal(page_rel_kind(SLICE_LIT("")), LINK_LINK_PAGE);
}

static void
reads_refreshes(void **state)
{
	(void)state;
	LINKS("<meta http-equiv=refresh content='0; url=x'>", "meta-refresh x|");
	LINKS("<meta http-equiv=Refresh content='5'>", "");
	LINKS("<meta content='1;URL=\"a b\"' http-equiv=refresh>", "meta-refresh a b|");
}

static void
tells_the_facts_of_a_page(void **state)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct fixture f;

	(void)state;
	parse_with(&f,
	    SLICE_LIT(
		"<html lang=de><title> A\n &amp;  B </title><title>no</title>"
		"<meta name=robots content='NOINDEX, nofollow'>"
		"<meta name=description content=' d  e '>"
		"<noscript><base href=no></noscript><base target=x><base href=' /b/ '>"
		"<base href=no><link rel='x Canonical' href=/c>"),
	    &conf);
	assert_true(slice_eq(f.page.title, SLICE_LIT("A & B")));
	assert_true(slice_eq(f.page.lang, SLICE_LIT("de")));
	assert_true(slice_eq(f.page.description, SLICE_LIT("d e")));
	assert_true(f.page.has_base);
	assert_true(slice_eq(f.page.base_href, SLICE_LIT("/b/")));
	assert_true(slice_eq(f.page.canonical, SLICE_LIT("/c")));
	assert_int_equal(f.page.robots.bits, PAGE_ROBOTS_NOINDEX | PAGE_ROBOTS_NOFOLLOW);
	assert_string_equal(f.page.charset, "windows-1252");
	done(&f);
}

static void
keeps_the_text_of_anchors_when_asked(void **state)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct fixture f;

	(void)state;
	conf.want_anchors = true;
	conf.anchor_bytes_max = 8;
	parse_with(&f,
	    SLICE_LIT("out <a href=1> one <b>&lt;1</b>\n</a> out <a href=2>abc defghi</a>"
		      "<a href=3><a href=4>four"),
	    &conf);
	assert_int_equal(f.page.links_len, 4);
	assert_true(slice_eq(f.page.links[0].anchor, SLICE_LIT("one <1")));
	assert_true(slice_eq(f.page.links[1].anchor, SLICE_LIT("abc defg")));
	assert_int_equal(f.page.links[2].anchor.len, 0);
	assert_true(slice_eq(f.page.links[3].anchor, SLICE_LIT("four")));
	done(&f);
}

static void
counts_links_beyond_the_cap(void **state)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct fixture f;

	(void)state;
	conf.links_max = 2;
	parse_with(&f, SLICE_LIT("<a href=1><a href=2><a href=3><a href=4>"), &conf);
	assert_int_equal(f.page.links_len, 2);
	assert_int_equal(f.page.links_total, 4);
	done(&f);
}

static void
reads_pages_in_their_charset(void **state)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct fixture f;

	(void)state;
	parse_with(&f,
	    SLICE_LIT("<meta charset=koi8-r><title>\xF4\xF2</title><a href=\xC1>"),
	    &conf);
	assert_string_equal(f.page.charset, "KOI8-R");
	assert_int_equal(f.page.charset_how, CHARSET_HOW_META);
	assert_true(slice_eq(f.page.title, SLICE_LIT("\u0422\u0420")));
	assert_true(slice_eq(f.page.links[0].ref, SLICE_LIT("\u0430")));
	done(&f);
	parse_with(&f, SLICE_LIT("\xFF\xFE<\0a\0 \0h\0r\0e\0f\0=\0\x16\x04>\0"), &conf);
	assert_string_equal(f.page.charset, "UTF-16LE");
	assert_true(slice_eq(f.page.links[0].ref, SLICE_LIT("\u0416")));
	done(&f);
	parse_with(&f, SLICE_LIT("<title>\u00e9</title>"), &conf);
	assert_int_equal(f.page.charset_how, CHARSET_HOW_CONTENT);
	assert_true(slice_eq(f.page.title, SLICE_LIT("\u00e9")));
	done(&f);
	conf.http_charset = SLICE_LIT("Shift_JIS");
	parse_with(
	    &f, SLICE_LIT("<title>\x83\x65\x83\x58\x83\x67\x81\x5C</title>"), &conf);
	assert_true(slice_eq(f.page.title, SLICE_LIT("\u30C6\u30B9\u30C8\u2015")));
	done(&f);
}

static void
guesses_in_scripts_only_when_asked(void **state)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct slice html = SLICE_LIT("<script>var a = '/api/list.json', b = \"a < b / "
				      "c\", c = 'text/html';</script>"
				      "<script type=application/ld+json>{\"@id\": "
				      "\"https:\\/\\/e.example\\/x\"}</script>");
	struct fixture f;

	(void)state;
	parse_with(&f, html, &conf);
	assert_int_equal(f.page.links_total, 0);
	done(&f);
	conf.want_speculative = true;
	parse_with(&f, html, &conf);
	assert_int_equal(f.page.links_len, 2);
	assert_int_equal(f.page.links[0].kind, LINK_SPECULATIVE);
	assert_true(slice_eq(f.page.links[0].ref, SLICE_LIT("/api/list.json")));
	assert_int_equal(f.page.links[1].kind, LINK_JSON_LD);
	assert_true(slice_eq(f.page.links[1].ref, SLICE_LIT("https://e.example/x")));
	done(&f);
	conf.guesses_max = 1;
	parse_with(&f, html, &conf);
	assert_int_equal(f.page.links_total, 1);
	done(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tells_the_links_of_every_element),
	    cmocka_unit_test(takes_forms_that_get_and_no_others),
	    cmocka_unit_test(finds_urls_in_styles),
	    cmocka_unit_test(sees_svg_as_markup_of_its_own),
	    cmocka_unit_test(small_things_take_little_memory),
	    cmocka_unit_test(leaves_alone_what_is_no_markup),
	    cmocka_unit_test(reads_xhtml_as_the_xml_it_is),
	    cmocka_unit_test(decodes_and_strips_references_to_documents),
	    cmocka_unit_test(takes_white_space_for_what_the_standard_does),
	    cmocka_unit_test(tells_what_rel_says_of_a_link),
	    cmocka_unit_test(tells_parts_of_a_page_from_other_pages_by_rel),
	    cmocka_unit_test(reads_refreshes),
	    cmocka_unit_test(tells_the_facts_of_a_page),
	    cmocka_unit_test(keeps_the_text_of_anchors_when_asked),
	    cmocka_unit_test(counts_links_beyond_the_cap),
	    cmocka_unit_test(reads_pages_in_their_charset),
	    cmocka_unit_test(guesses_in_scripts_only_when_asked),
	};

	return cmocka_run_group_tests_name("web/page", tests, NULL, NULL);
}
