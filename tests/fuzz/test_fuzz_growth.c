/*
 * Parsers take time in proportion to their input, also for what was made to hurt: a
 * megabyte of it in less than LIMIT_MS, and in not much more than twice what half takes.
 *
 * CPU time of this thread, the best of a few runs: other work on the machine does not
 * count.  Without optimizer, with a sanitizer or under valgrind that says nothing, and is
 * skipped.
 */
#include "base/arena.h"
#include "fuzz.h"
#include "net/http_head.h"
#include "web/charset.h"
#include "web/coding.h"
#include "web/css.h"
#include "web/html.h"
#include "web/http.h"
#include "web/page.h"
#include "web/pdf.h"
#include "web/relink.h"
#include "web/robots.h"
#include "web/select.h"
#include "web/sitemap.h"
#include "web/srcset.h"
#include "web/url.h"
#include <time.h>
#include <zlib.h>

enum {
	FULL_BYTES = 1 << 20,
	LIMIT_MS = 150, /* aim: 50; thrice that, for machines that are slow or busy */
	RUNS_MAX = 8,
	RATIO_FROM_MS = 4,
	HOPELESS_MS = 1000
};
/* Twice the work, and somewhat more for what no longer fits a cache; four is quadratic. */
static const double RATIO_MAX = 3.5;

/* A unit again and again, up to so many bytes, between a start and an end.  Of a unit,
 * "####" is a number that goes up, in four letters. */
struct nasty {
	const char *what;
	void (*parse)(struct slice s);
	struct slice start, unit, end;
};

static void
parse_page(struct slice s)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct page page;
	struct arena a;

	conf.want_anchors = conf.want_speculative = true;
	arena_init(&a, 64 << 10, 256 << 20);
	FUZZ_CHECK(page_parse(s, &conf, &a, &page) == 0);
	arena_release(&a);
}

/* The same with its text, and the links of all of it. */
static void
parse_text(struct slice s)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct page page;
	struct arena a;

	conf.want_text = true;
	conf.refs_max = conf.headings_max = SIZE_MAX;
	arena_init(&a, 64 << 10, 256 << 20);
	FUZZ_CHECK(page_parse(s, &conf, &a, &page) == 0);
	arena_release(&a);
}

static int
relink_any(void *ctx, struct slice ref)
{
	(void)ctx;
	return ref.len % 2 == 1;
}

static int
relink_link(void *ctx, unsigned form)
{
	(void)ctx;
	(void)form;
	return 0;
}

static int
relink_same(void *ctx, struct slice bytes)
{
	*(size_t *)ctx += bytes.len;
	return 0;
}

/* Taken apart at its links, as for the mirror. */
static void
relink_as(struct slice s, enum charset charset, bool is_css)
{
	static const struct relink_ops ops = {
	    .is_link = relink_any, .link = relink_link, .same = relink_same};
	struct arena a, scratch;
	size_t bytes = 0;
	struct relink_conf conf = {.ops = &ops,
	    .ctx = &bytes,
	    .arena = &a,
	    .scratch = &scratch,
	    .charset = charset};

	arena_init(&a, 64 << 10, 256 << 20);
	arena_init(&scratch, 64 << 10, 256 << 20);
	FUZZ_CHECK((is_css ? relink_css(s, &conf) : relink_html(s, &conf)) == 0);
	FUZZ_CHECK(bytes <= 8 * s.len + 64);
	arena_release(&scratch);
	arena_release(&a);
}

static void
relink_page(struct slice s)
{
	relink_as(s, CHARSET_UTF_8, false);
}

static void
relink_latin(struct slice s)
{
	relink_as(s, CHARSET_WINDOWS_1252, false);
}

static void
relink_style(struct slice s)
{
	relink_as(s, CHARSET_UTF_8, true);
}

/* With fields, for which the stack of open elements is kept. */
static void
parse_fields(struct slice s)
{
	static struct slice specs[] = {SLICE_LIT("a=.x .y > b + i::text"),
	    SLICE_LIT("b=li:nth-child(2n) [title*=\"zz\" i]::attr(href)"),
	    SLICE_LIT("c=body")};
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct select *fields;
	struct page page;
	struct arena a;
	struct buf blob;

	buf_init(&blob, SELECT_BLOB_MAX);
	FUZZ_CHECK(select_compile(specs, 3, &blob, NULL) == 0);
	FUZZ_CHECK(select_new(buf_slice(&blob), &fields) == 0);
	conf.fields = fields;
	arena_init(&a, 64 << 10, 256 << 20);
	FUZZ_CHECK(page_parse(s, &conf, &a, &page) == 0);
	arena_release(&a);
	select_free(fields);
	buf_release(&blob);
}

/* Fields that never have enough, of all kinds. */
static void
parse_many_fields(struct slice s)
{
	static const struct slice specs[] = {SLICE_LIT("a[]=b a, i > a, a + a ~ a"),
	    SLICE_LIT("b[]=* * *::text"), SLICE_LIT("c[]=.x.y > .z::attr(class)"),
	    SLICE_LIT("d[]=p:nth-child(2n+1), p:nth-of-type(3)"),
	    SLICE_LIT("e[]=:not(.q, [r*=s i]) > i::attr(id)"), SLICE_LIT("f=never"),
	    SLICE_LIT("g[]=body"), SLICE_LIT("h[]=b::text, b"),
	    SLICE_LIT("i[]=td:first-child b"),
	    SLICE_LIT("j[]=[class*=aab], [class~=aab]")};
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct select *fields;
	struct page page;
	struct arena a;
	struct buf blob;

	buf_init(&blob, SELECT_BLOB_MAX);
	FUZZ_CHECK(
	    select_compile(specs, sizeof(specs) / sizeof(specs[0]), &blob, NULL) == 0);
	FUZZ_CHECK(select_new(buf_slice(&blob), &fields) == 0);
	conf.fields = fields;
	arena_init(&a, 64 << 10, 256 << 20);
	FUZZ_CHECK(page_parse(s, &conf, &a, &page) == 0);
	arena_release(&a);
	select_free(fields);
	buf_release(&blob);
}

/* As many URLs as there is room for. */
static void
parse_tidy(struct slice s)
{
	char out[URL_BYTES_MAX];
	struct url u;

	for (size_t at = 0; at + URL_BYTES_MAX <= s.len; at += URL_BYTES_MAX - 9) {
		struct slice part = slice_head(slice_from(s, at), URL_BYTES_MAX - 9);
		char text[URL_BYTES_MAX] = "http://h/";

		memcpy(text + 9, part.ptr, part.len);
		if (url_resolve(NULL, slice_of(text, 9 + part.len), (struct slice){0}, 0,
			out, sizeof(out), &u) == URL_OK)
			url_tidy(&u, out,
			    URL_SORT_QUERY | URL_STRIP_SESSION_IDS | URL_STRIP_TRACKING);
	}
}

static void
parse_robots_tag(struct slice s)
{
	struct page_robots r = {0};

	page_robots_header(&r, s, SLICE_LIT("Trawl"));
	FUZZ_CHECK(r.bits <= PAGE_ROBOTS_ALL);
}

static int
css_url(void *ctx, struct slice url)
{
	(void)ctx;
	(void)url;
	return 0;
}

static void
parse_css(struct slice s)
{
	struct arena a;

	arena_init(&a, 64 << 10, 256 << 20);
	FUZZ_CHECK(css_urls(s, &a, css_url, NULL) == 0);
	arena_release(&a);
}

static void
parse_srcset(struct slice s)
{
	struct slice url;
	size_t n = 0;

	while (srcset_next(&s, &url))
		n++;
	FUZZ_CHECK(n <= FULL_BYTES);
}

static void
parse_meta_charset(struct slice s)
{
	enum charset c;

	FUZZ_CHECK(!charset_find_in_meta(s, &c));
}

/* As a text of the charsets in which broken bytes take longest. */
static void
parse_charset(struct slice s)
{
	static const enum charset list[] = {
	    CHARSET_UTF_8, CHARSET_GB18030, CHARSET_ISO_2022_JP};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct slice out;
		struct arena a;

		arena_init(&a, 64 << 10, 256 << 20);
		FUZZ_CHECK(charset_to_utf8(list[i], s, &a, &out) == 0);
		arena_release(&a);
	}
}

/* A page that comes byte by byte. */
static void
parse_bytes(struct slice s)
{
	static const struct html_sink sink = {0};
	struct html *t = malloc(sizeof(*t));

	FUZZ_CHECK(t != NULL);
	html_init(t, &sink, NULL, HTML_MODELS, FULL_BYTES + 4096);
	for (size_t i = 0; i < s.len; i++)
		FUZZ_CHECK(html_feed(t, slice_of(s.ptr + i, 1), false) == 0);
	FUZZ_CHECK(html_feed(t, (struct slice){0}, true) == 0);
	html_release(t);
	free(t);
}

static void
parse_url(struct slice s)
{
	char out[URL_BYTES_MAX];
	struct url base, u;

	FUZZ_CHECK(url_resolve(NULL, SLICE_LIT("http://example.com/a/b"),
		       (struct slice){0}, 0, out, sizeof(out), &base) == URL_OK);
	for (int i = 0; i < 2; i++) {
		char ref_out[URL_BYTES_MAX];
		/* Whole: too long most likely.  And cut so that it is one. */
		struct slice ref = i == 0 ? s : slice_head(s, URL_BYTES_MAX / 3 - 64);

		(void)url_resolve(
		    &base, ref, (struct slice){0}, 0, ref_out, sizeof(ref_out), &u);
	}
}

static bool
sitemap_entry(void *ctx, const struct sitemap_entry *e)
{
	(void)ctx;
	(void)e;
	return true;
}

static void
parse_sitemap(struct slice s)
{
	struct sitemap_result r;

	FUZZ_CHECK(
	    sitemap_parse(s, (struct slice){0}, NULL, sitemap_entry, NULL, &r) == 0);
}

/* Against targets, a short and a long one, of what the patterns are made of. */
static void
parse_robots(struct slice s)
{
	char target[URL_BYTES_MAX];
	struct buf blob;

	memset(target, 'a', sizeof(target));
	target[0] = '/';
	buf_init(&blob, ROBOTS_BLOB_MAX);
	FUZZ_CHECK(robots_compile(s, SLICE_LIT("Trawl"), &blob) == 0);
	(void)robots_match(buf_slice(&blob), slice_of(target, 500), NULL);
	(void)robots_match(buf_slice(&blob), slice_of(target, sizeof(target)), NULL);
	buf_release(&blob);
}

static void
parse_pdf(struct slice s)
{
	struct arena a;

	arena_init(&a, 64 << 10, 256 << 20);
	FUZZ_CHECK(pdf_urls(s, &a, css_url, NULL) == 0);
	arena_release(&a);
}

static void
parse_coding(struct slice s)
{
	static const char *const names[] = {"gzip", "deflate", "br", "zstd"};
	enum coding_status st;
	struct buf out;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		buf_init(&out, 8 << 20);
		FUZZ_CHECK(
		    coding_decode(slice_cstr(names[i]), s, 8 << 20, &out, &st) == 0);
		buf_release(&out);
	}
}

/* Every list in a head; heads are no longer than 300 KB, this is more than it takes. */
static void
parse_http(struct slice s)
{
	struct slice rest = http_headers(s), name, value;
	struct http_header h;
	struct http_link link;
	struct http_cookie cookie;
	struct http_mime mime;
	struct http_head head;

	while (http_header_next(&rest, &h))
		(void)http_cookie_parse(h.value, 0, &cookie);
	for (rest = s; http_list_next(&rest, &value);)
		;
	for (rest = s; http_param_next(&rest, ';', &name, &value);)
		;
	for (rest = s; http_link_next(&rest, &link);)
		;
	(void)http_mime(s, &mime);
	(void)http_mime_parse(s, &mime);
	(void)http_head_parse(s, &head);
}

#define L(s)        SLICE_LIT(s)
#define TIMES4(s)   s s s s
#define TIMES64(s)  TIMES4(TIMES4(TIMES4(s)))
#define TIMES500(s) TIMES64(TIMES4(s)) TIMES64(s) TIMES64(s) TIMES64(s)
static const struct nasty nasties[] = {
    {"nested tags", parse_page, L(""), L("<div><b>"), L("")},
    {"nested foreign elements", parse_page, L(""), L("<svg><math>"), L("")},
    {"nested templates", parse_page, L(""), L("<template><noscript>"), L("")},
    {"links that nobody closed", parse_page, L(""), L("<a "), L("")},
    {"links with nothing", parse_page, L(""), L("<a href=x>"), L("")},
    {"ampersands", parse_page, L("<a href=x>"), L("&"), L("")},
    {"ampersands in an attribute", parse_page, L("<a href=\""), L("&"), L("\">")},
    {"entities that almost are", parse_page, L("<a href=x>"), L("&CounterClockwis"),
	L("")},
    {"entities for links", parse_page, L(""), L("<a href=&amp;>"), L("")},
    {"attributes", parse_page, L("<a "), L("a= "), L(">")},
    {"attributes of one name", parse_page, L("<a "), L("aaaaaaaaaa=b "), L(">")},
    {"attributes without end", parse_page, L("<a "), L("a=\"b\""), L("")},
    {"attributes of many names", parse_page, L(""), L("<a" TIMES4(TIMES64(" ####")) ">"),
	L("")},
    {"names that end the same", parse_page, L(""),
	L("<a" TIMES4(TIMES64(" " TIMES4("aaaaaaaaaaaa") "####bcdefgh")) ">"), L("")},
    {"ends of no foreign element", parse_page, L("<p>" TIMES64("<svg>")), L("</x>"),
	L("")},
    {"foreign elements and their ends", parse_page, L("<p>" TIMES64("<math>")),
	L("<svg></x>"), L("")},
    {"words of rel", parse_page, L("<a href=x rel=\""), L("stylesheet "), L("\">")},
    {"short words of rel", parse_page, L("<a href=x rel=\""), L("a "), L("\">")},
    {"pings", parse_page, L("<a ping=\""), L("a "), L("\">")},
    {"robots in a meta", parse_page, L("<meta name=robots content=\""), L("nofollow,"),
	L("\">")},
    {"a page that is read twice", parse_page, L(""), L("<a href=x>"),
	L("<meta charset=koi8-r>")},
    {"links with bytes of GBK", parse_page, L("<meta charset=gbk>"),
	L("<a href=\x81\x40>"), L("")},
    {"links with no bytes of EUC-JP", parse_page, L("<meta charset=euc-jp>"),
	L("<a href=\xFF\xFF>"), L("")},
    {"pages of Latin 1", parse_page, L("<meta charset=latin1>"), L("<a href=\xE4>"),
	L("")},
    {"anchor texts", parse_page, L(""), L("<a href=x>&lt;"), L("")},
    {"an anchor text of pieces", parse_page, L("<a href=x>"), L(" <b>"), L("")},
    {"pieces of a style", parse_page, L("<svg><style>"), L("a</x>"), L("")},
    {"styles in SVG", parse_page, L("<svg>"), L("<style>a</style>"), L("")},
    {"descriptions of nothing", parse_page, L(""),
	L("<meta name=description content=' '>"), L("")},
    {"styles", parse_page, L(""), L("<style>url(a)</style>"), L("")},
    {"scripts", parse_page, L(""), L("<script>'/a'</script>"), L("")},
    {"a script of paths", parse_page, L("<script>"), L("'/a'"), L("</script>")},
    {"a script of dots", parse_page, L("<script>"), L("'/" TIMES64("a.") "'"),
	L("</script>")},
    {"a tag of bytes", parse_bytes, L("<a href=\""), L("x"), L("\">")},
    {"tags of bytes", parse_bytes, L(""), L("<a b=c>"), L("")},
    {"a title of bytes", parse_bytes, L("<title>"), L("</titl"), L("")},
    {"CDATA of bytes", parse_bytes, L("<svg><![CDATA["), L("]"), L("")},
    {"charsets that are none", parse_meta_charset, L(""), L("charset"), L("")},
    {"charsets and spaces", parse_meta_charset, L("charset"), L(" "), L("")},
    {"bytes of no charset", parse_charset, L(""), L("\xFF"), L("")},
    {"lead bytes", parse_charset, L(""), L("\x81"), L("")},
    {"lead bytes and letters", parse_charset, L(""), L("\x81 "), L("")},
    {"bytes of four", parse_charset, L(""), L("\x81\x30\x81"), L("")},
    {"escapes of ISO-2022-JP", parse_charset, L(""), L("\x1B"), L("")},
    {"surrogates", parse_charset, L(""), L("\x00\xD8"), L("")},
    {"comments that almost end", parse_page, L("<!--"), L("--!-"), L("")},
    {"less-than signs", parse_page, L(""), L("<"), L("")},
    {"ends of no tags", parse_page, L(""), L("</"), L("")},
    {"scripts that do not end", parse_page, L("<script>"), L("</scrip"), L("")},
    {"scripts in scripts", parse_page, L("<script>"), L("<!--<script>"), L("")},
    {"titles that do not end", parse_page, L("<title>"), L("</titl"), L("")},
    {"titles", parse_page, L(""), L("<title>"), L("")},
    {"declarations", parse_page, L(""), L("<!"), L("")},
    {"CDATA that does not end", parse_page, L("<svg><![CDATA["), L("]]"), L("")},
    {"metas", parse_page, L(""), L("<meta charset=x content=y name=robots>"), L("")},
    {"style attributes", parse_page, L(""), L("<a style=url(>"), L("")},
    {"a script of quotes", parse_page, L("<script>"), L("\"/"), L("</script>")},
    {"a script of templates", parse_page, L("<script>"), L("`/${"), L("</script>")},
    {"JSON of quotes", parse_page, L("<script type=application/ld+json>"), L("\"\\\""),
	L("</script>")},
    {"JSON of slashes", parse_page, L("<script type=application/ld+json>\""), L("\\/"),
	L("\"</script>")},
    {"a srcset", parse_page, L("<img srcset=\""), L("a,"), L("\">")},
    {"bytes that are no UTF-8", parse_page, L("<a href=\""), L("\xE2\x82"), L("\">")},
    {"bytes that are no GBK", parse_page, L("<meta charset=gbk><a href=\""), L("\x81"),
	L("\">")},
    {"a page in ISO-2022-JP", parse_page, L("<meta charset=iso-2022-jp>"), L("\x1B$B"),
	L("")},
    {"deep and ends of no element", parse_fields, L("<div>" TIMES500("<span>")),
	L("</####>"), L("")},
    {"deep and ends of headings", parse_fields, L("<div>" TIMES500("<span>")), L("</h1>"),
	L("")},
    {"deep and ends out of scope", parse_fields,
	L("<ul><table><tr><td>" TIMES500("<span>")), L("</ul>"), L("")},
    {"deep and rules", parse_fields, L("<select><table><tr><td>" TIMES500("<span>")),
	L("<hr>"), L("")},
    {"deep and ends in SVG", parse_fields, L("<svg>" TIMES500("<g>")), L("</x>"), L("")},
    {"deep formats", parse_fields, L("<div>" TIMES500("<span>")), L("<b></b>"), L("")},
    {"formats and blocks", parse_fields, L(""), L("<b><div></b>"), L("")},
    {"formats of other names", parse_fields, L(""), L("<b a=####><p>"), L("")},
    {"formats that are opened again", parse_fields, L("<p>" TIMES64("<b><i><u>")),
	L("<p>a"), L("")},
    {"classes", parse_fields, L("<p class=\""), L("x "), L("\">")},
    {"elements with a class", parse_fields, L(""), L("<b class=x><i class=y>"), L("")},
    {"a title", parse_fields, L("<ul><li><li><b title=\""), L("z"), L("\">")},
    {"values", parse_fields, L(""),
	L("<div class=x><p class=y><b></b><i>a</i></p></div>"), L("")},
    {"words", parse_text, L(""), L("a "), L("")},
    {"words of one character", parse_text, L("<meta charset=utf-8>"), L("\xE4\xB8\xAD"),
	L("")},
    {"blocks", parse_text, L(""), L("<p>a"), L("")},
    {"blocks that nobody closed", parse_text, L(""), L("<div>a<nav>b"), L("")},
    {"ends of blocks", parse_text, L("<div><div><nav><nav><table><ul>"), L("</div>"),
	L("")},
    {"ends of what is not open", parse_text, L("<div><div><nav><nav><table><ul>"),
	L("</main>"), L("")},
    {"headings", parse_text, L(""), L("<h1>a"), L("")},
    {"a heading of blocks", parse_text, L("<h1>"), L("a<p>"), L("")},
    {"links in text", parse_text, L(""), L("<a href=x>a</a>"), L("")},
    {"entities in text", parse_text, L(""), L("&lt;"), L("")},
    {"other languages", parse_text, L(""), L("<link rel=alternate hreflang=x href=y>"),
	L("")},
    {"parameters", parse_tidy, L(""), L("?b&a"), L("")},
    {"parameters in disorder", parse_tidy, L("?"), L("z&y&xx&w&vv&"), L("")},
    {"session ids", parse_tidy, L(""), L(";jsessionid=1"), L("")},
    {"sessions of ASP", parse_tidy, L(""), L("/(S(lit3py55t21z5v55vlm25s55))"), L("")},
    {"rules for robots", parse_robots_tag, L(""), L("noindex,"), L("")},
    {"agents of rules", parse_robots_tag, L(""), L("a:"), L("")},
    {"dates of rules", parse_robots_tag, L(""), L("unavailable_after: Fri,"), L("")},
    {"many fields: nested", parse_many_fields, L(""), L("<b>"), L("")},
    {"many fields: siblings", parse_many_fields, L("<i>"), L("<a></a>"), L("")},
    {"many fields: texts of siblings", parse_many_fields, L("<b>"), L("<a>x</a> "),
	L("")},
    {"many fields: paragraphs", parse_many_fields, L(""), L("<p>"), L("")},
    {"many fields: paragraphs in formatting", parse_many_fields,
	L("<b 1><b 2><b 3><i 1><i 2><u>"), L("<p>x"), L("")},
    {"many fields: formatting in paragraphs", parse_many_fields, L(""), L("<p><b ####>x"),
	L("")},
    {"many fields: formatting cut off", parse_many_fields, L(""), L("<b><div></b>"),
	L("")},
    {"many fields: anchors in anchors", parse_many_fields, L(""), L("<a><div>"), L("")},
    {"many fields: end tags of nothing", parse_many_fields, L("<b><div><i>"),
	L("</p></u></i>"), L("")},
    {"many fields: deep, and end tags that end nothing", parse_many_fields,
	L("<u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u>"
	  "<u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u><u>"),
	L("<s></s></b>"), L("")},
    {"many fields: items", parse_many_fields, L("<ul>"), L("<li>"), L("")},
    {"many fields: tables", parse_many_fields, L(""), L("<table><td>"), L("")},
    {"many fields: cells", parse_many_fields, L("<table>"), L("<td><b>"), L("")},
    {"many fields: what no table holds", parse_many_fields, L("<table>"), L("<b>x"),
	L("")},
    {"many fields: classes", parse_many_fields, L("<i class=\""), L("x y z "), L("\">")},
    {"many fields: values", parse_many_fields, L("<i class=\""), L("a"), L("\">")},
    {"many fields: attributes", parse_many_fields, L("<i "), L("####=x "), L(">")},
    {"many fields: references in classes", parse_many_fields, L(""), L("<p class=&amp;>"),
	L("")},
    {"many fields: body again", parse_many_fields, L("<p><b>"), L("<body a=b>"), L("")},
    {"many fields: comments", parse_many_fields, L("<b>"), L("a<!---->"), L("")},
    {"many fields: blanks", parse_many_fields, L("<b><b><b>"), L("  \n"), L("")},
    {"many fields: levels beyond", parse_many_fields, L(""), L("<div><p><li>"), L("")},
    {"many fields: SVG", parse_many_fields, L(""), L("<svg><a><desc><p>"), L("")},
    {"many fields: templates", parse_many_fields, L(""), L("<template><tr><td>"), L("")},
    {"relink: links", relink_page, L(""), L("<a href=x>"), L("")},
    {"relink: links written anew", relink_page, L(""), L("<a href=&amp;>"), L("")},
    {"relink: links without end", relink_page, L(""), L("<a "), L("")},
    {"relink: bases", relink_page, L(""), L("<base href=x>"), L("")},
    {"relink: attributes that go", relink_page, L("<link "), L("integrity=a "), L(">")},
    {"relink: a srcset", relink_page, L("<img srcset=\""), L("a,"), L("\">")},
    {"relink: a srcset written anew", relink_page, L("<img srcset=\"&lt;"), L("a,"),
	L("\">")},
    {"relink: pings written anew", relink_page, L("<a ping=\"&lt;"), L("a "), L("\">")},
    {"relink: a style written anew", relink_page, L("<a style=\"&lt;"), L("url(a)"),
	L("\">")},
    {"relink: escapes in a style", relink_page, L("<a style=\""), L("url(\\41)"),
	L("\">")},
    {"relink: styles", relink_page, L(""), L("<style>url(a)</style>"), L("")},
    {"relink: letters of Latin 1", relink_latin, L("<img srcset=\""), L("\xE4,"),
	L("\">")},
    {"relink: links of Latin 1", relink_latin, L(""), L("<a href=\xE4>"), L("")},
    {"relink: references", relink_page, L("<img srcset=\"a "), L("&"), L("\">")},
    {"relink: metas", relink_page, L(""), L("<meta charset=x content=y>"), L("")},
    {"relink: url() that does not end", relink_style, L(""), L("url("), L("")},
    {"relink: imports", relink_style, L(""), L("@import \"a\";"), L("")},
    {"relink: escapes", relink_style, L(""), L("url(\\41)"), L("")},
    {"url() that does not end", parse_css, L(""), L("url("), L("")},
    {"url() with quotes", parse_css, L(""), L("url(\""), L("")},
    {"CSS strings", parse_css, L(""), L("\"\n"), L("")},
    {"CSS comments", parse_css, L(""), L("/*/"), L("")},
    {"CSS escapes", parse_css, L("url("), L("\\"), L(")")},
    {"CSS functions", parse_css, L(""), L("image-set("), L("")},
    {"@import", parse_css, L(""), L("@import "), L("")},
    {"CSS escapes in strings", parse_css, L("@import \""), L("\\41 "), L("\"")},
    {"CSS strings that do not end", parse_css, L("@import "), L("\""), L("")},
    {"CSS names", parse_css, L("("), L("\\41 a"), L("")},
    {"CSS brackets", parse_css, L(""), L("url(a)(["), L("")},
    {"CSS namespaces", parse_css, L(""), L("@namespace url(a);"), L("")},
    {"urls that are bad", parse_css, L(""), L("url(a("), L("")},
    {"descriptors", parse_srcset, L("a "), L("1x "), L("")},
    {"images with descriptors", parse_srcset, L(""), L("a (,"), L("")},
    {"images", parse_srcset, L(""), L("a 1x,"), L("")},
    {"commas", parse_srcset, L(""), L(","), L("")},
    {"parentheses", parse_srcset, L("a "), L("("), L("")},
    {"per cent signs", parse_url, L("/"), L("%%%"), L("")},
    {"dots", parse_url, L("/"), L("../"), L("")},
    {"dots in per cent", parse_url, L("/"), L("a/%2e%2E/"), L("")},
    {"at signs", parse_url, L("http://"), L("@"), L("x/")},
    {"colons", parse_url, L("http://"), L(":"), L("x/")},
    {"brackets", parse_url, L("http://"), L("["), L("]/")},
    {"labels", parse_url, L("http://"), L("a."), L("/")},
    {"labels for IDNA", parse_url, L("http://"), L("\xC3\xA4."), L("/")},
    {"one label for IDNA", parse_url, L("http://"), L("\xE4\xB8\xAD"), L("/")},
    {"combining marks", parse_url, L("http://a"), L("\xCC\xA3\xCC\x87"), L("/")},
    {"tabs", parse_url, L("ht"), L("\t"), L("tp://a/")},
    {"slashes", parse_url, L("http:"), L("/\\"), L("a/")},
    {"question marks", parse_url, L("?"), L("?&=;"), L("")},
    {"digits of a port", parse_url, L("http://a:"), L("0"), L("1/")},
    {"elements", parse_sitemap, L("<urlset>"), L("<url>"), L("")},
    {"locations", parse_sitemap, L("<urlset>"), L("<url><loc>x"), L("")},
    {"stray ampersands", parse_sitemap, L("<urlset><url><loc>"), L("&"),
	L("</loc></url></urlset>")},
    {"stray less-thans", parse_sitemap, L("<urlset>"), L("<"), L("")},
    {"attributes of an element", parse_sitemap, L("<urlset "), L("a='' "), L(">")},
    {"attributes of other names", parse_sitemap, L("<urlset "), L("a####='' "), L(">")},
    {"elements of other names", parse_sitemap, L("<urlset>"), L("<a####/>"), L("")},
    {"an attribute", parse_sitemap, L("<urlset a='"), L("&#65;"), L("'>")},
    {"empty entities", parse_sitemap,
	L("<!DOCTYPE urlset [<!ENTITY a ''>]><urlset><url><loc>"), L("&a;"),
	L("</loc></url></urlset>")},
    {"entities of empty entities", parse_sitemap,
	L("<!DOCTYPE urlset [<!ENTITY a ''><!ENTITY b '" TIMES64(
	    "&a;") "'>]><urlset><url><loc>"),
	L("&b;"), L("</loc></url></urlset>")},
    {"entities of a DTD", parse_sitemap, L("<!DOCTYPE urlset ["),
	L("<!ENTITY a#### 'b'>"), L("]><urlset/>")},
    {"spaces", parse_sitemap, L("<urlset><url><loc>"), L("\xC2\xA0"),
	L("</loc></url></urlset>")},
    {"alternates", parse_sitemap, L("<urlset><url>"),
	L("<link rel='alternate' hreflang='a' href='b'/>"), L("")},
    {"bases of Atom", parse_sitemap, L("<feed><entry>"),
	L("<link href='a' xml:base='b/'>"), L("")},
    {"bases of siblings", parse_sitemap, L("<feed xml:base='http://h/'><entry>"),
	L("<link rel='enclosure' href='a' xml:base='b/'/>"), L("")},
    {"dates", parse_sitemap, L("<urlset>"),
	L("<url><loc>a</loc><lastmod>2020-01-01T00:00:00+00:00</lastmod></url>"), L("")},
    {"CDATA sections", parse_sitemap, L("<urlset><url><loc>"), L("<![CDATA[]]>"), L("")},
    {"namespaces", parse_sitemap, L("<urlset><a"), L(" xmlns:a='b'"), L("")},
    {"comments of XML", parse_sitemap, L("<urlset>"), L("<!---->"), L("")},
    {"entities that do not exist", parse_sitemap, L("<urlset><url><loc>"), L("&x;"),
	L("</loc></url></urlset>")},
    {"lines", parse_sitemap, L("http://a/\n"), L("\n"), L("")},
    {"lines of text", parse_sitemap, L("http://a/\n"), L("http://a/b\n"), L("")},
    {"wildcards", parse_robots, L("User-agent: *\nDisallow: /"), L("*"), L("\n")},
    {"wildcards and letters", parse_robots, L("User-agent: *\nDisallow: /"), L("*a"),
	L("b\n")},
    {"rules with wildcards", parse_robots, L("User-agent: *\n"),
	L("Disallow: /*a*aab$\n"), L("")},
    {"rules that almost match", parse_robots, L("User-agent: *\n"),
	L("Allow: /*aaaaaaaaaaaaaab\n"), L("")},
    {"short rules that almost match", parse_robots, L("User-agent: *\n"),
	L("Allow:/*aaaab\n"), L("")},
    {"rules of thirty letters", parse_robots, L("User-agent: *\n"),
	L("Allow:/*aaaaaaaaaaaaaaaaaaaaaaaaaaaaab\n"), L("")},
    {"rules of parts", parse_robots, L("User-agent: *\n"), L("Allow:/*a*a*a*a*a*a*b\n"),
	L("")},
    {"rules that end otherwise", parse_robots, L("User-agent: *\n"),
	L("Allow:/*a$\nAllow:/*b$\n"), L("")},
    {"rules without wildcards", parse_robots, L("User-agent: *\n"),
	L("Allow:/aaaaaaaaaaab\n"), L("")},
    {"rules", parse_robots, L("User-agent: *\n"), L("Allow:/a\n"), L("")},
    {"groups", parse_robots, L(""), L("User-agent:x\nAllow:/\n"), L("")},
    {"agents", parse_robots, L(""), L("User-agent:trawl\n"), L("Disallow:/\n")},
    {"per cent in rules", parse_robots, L("User-agent: *\nDisallow: /"), L("%"), L("\n")},
    {"carriage returns", parse_robots, L("User-agent: *"), L("\r"), L("Disallow: /")},
    {"strings of PDF", parse_pdf, L("%PDF-\n"), L("/URI (x)"), L("")},
    {"parentheses of PDF", parse_pdf, L("%PDF-\n"), L("("), L("")},
    {"parentheses of a URL", parse_pdf, L("%PDF-\n"), L("/URI ("), L("")},
    {"hexadecimal", parse_pdf, L("%PDF-\n"), L("/URI <6"), L("")},
    {"streams", parse_pdf, L("%PDF-\n"), L("stream endstream "), L("")},
    {"streams without end", parse_pdf, L("%PDF-\n"), L("stream\n"), L("")},
    {"empty object streams", parse_pdf, L("%PDF-\n<</ObjStm /FlateDecode>>"),
	L("stream\n\x78\x9c\x03\0\0\0\0\1 endstream "), L("")},
    {"object streams in one", parse_pdf, L("%PDF-\n/ObjStm stream\n"),
	L("/ObjStm stream\n"), L("")},
    {"zeros", parse_coding, L(""), L("\0"), L("")},
    {"empty gzip members", parse_coding, L(""),
	L("\x1F\x8B\x08\0\0\0\0\0\0\xFF\x03\0\0\0\0\0\0\0\0\0"), L("")},
    {"empty deflate blocks", parse_coding, L("\x1F\x8B\x08\0\0\0\0\0\0\xFF"),
	L("\0\0\0\xFF\xFF"), L("")},
    {"empty metablocks of brotli", parse_coding, L("\x0C"), L("\x06"), L("")},
    {"empty zstd frames", parse_coding, L(""), L("\x28\xB5\x2F\xFD\x20\x00\x01\x00\x00"),
	L("")},
    {"skippable zstd frames", parse_coding, L(""), L("\x50\x2A\x4D\x18\0\0\0\0"), L("")},
    {"links of a head", parse_http, L("HTTP/1.1 200 OK\r\nLink: "), L("<>"), L("\r\n")},
    {"links with commas", parse_http, L("HTTP/1.1 200 OK\r\nLink: "), L("<>,"),
	L("\r\n")},
    {"links that do not end", parse_http, L("HTTP/1.1 200 OK\r\nLink: "), L("<"),
	L("\r\n")},
    {"quotes", parse_http, L("HTTP/1.1 200 OK\r\nLink: <>"), L(";a=\""), L("\r\n")},
    {"separators", parse_http, L("HTTP/1.1 200 OK\r\nA: "), L(";,"), L("\r\n")},
    {"parameters of links", parse_http, L("HTTP/1.1 200 OK\r\nLink: <>"), L(";rel=a"),
	L("\r\n")},
    {"links with a quote", parse_http, L("HTTP/1.1 200 OK\r\nLink: "), L("<>;a=\"b"),
	L("\r\n")},
    {"dates of a cookie", parse_http, L("HTTP/1.1 200 OK\r\nSet-Cookie: a=b"),
	L(";expires=Sun, 06 Nov 1994 08:49:37 GMT"), L("\r\n")},
    {"attributes of a cookie", parse_http, L("HTTP/1.1 200 OK\r\nSet-Cookie: a=b"),
	L(";path"), L("\r\n")},
    {"backslashes in quotes", parse_http, L("HTTP/1.1 200 OK\r\nA: \""), L("\\\""),
	L("\r\n")},
    {"names of a file", parse_http, L("HTTP/1.1 200 OK\r\nA: attachment"),
	L(";filename*=a''%41"), L("\r\n")},
    {"headers", parse_http, L("HTTP/1.1 200 OK\r\n"), L("A:b\r\n"), L("")},
    {"content types", parse_http, L("HTTP/1.1 200 OK\r\n"),
	L("Content-Type: a/b;charset=c\r\n"), L("")},
    {"content types of one line", parse_http, L("HTTP/1.1 200 OK\r\nContent-Type: "),
	L("a/b,"), L("\r\n")},
    {"folded lines", parse_http, L("HTTP/1.1 200 OK\r\nA: b\r\n"), L(" \n"), L("")},
};
#undef L

static double
cpu_ms(void)
{
	struct timespec t;

	FUZZ_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
unit_number(char *unit, size_t len, size_t *number)
{
	char *p = unit;

	while ((p = memmem(p, len - (size_t)(p - unit), "####", 4)) != NULL) {
		size_t n = (*number)++;

		for (int i = 3; i >= 0; i--, n /= 26)
			p[i] = (char)('a' + n % 26);
	}
}

static double
run_ms(const struct nasty *n, size_t bytes)
{
	size_t len = n->start.len, number = 1000;
	char *text = malloc(bytes + n->start.len + n->unit.len + n->end.len);
	double ms;

	FUZZ_CHECK(text != NULL);
	memcpy(text, n->start.ptr, n->start.len);
	for (; len < bytes; len += n->unit.len) {
		memcpy(text + len, n->unit.ptr, n->unit.len);
		unit_number(text + len, n->unit.len, &number);
	}
	memcpy(text + len, n->end.ptr, n->end.len);
	ms = cpu_ms();
	n->parse(slice_of(text, len + n->end.len));
	ms = cpu_ms() - ms;
	free(text);
	return ms;
}

static bool
grows_evenly(const struct nasty *n)
{
	double full = 1e9, half = 1e9;
	bool good = false;

	/* A run takes longer than it must when others push it out of the caches. */
	for (int i = 0; i < RUNS_MAX && !good && (i == 0 || full < HOPELESS_MS); i++) {
		double ms = run_ms(n, FULL_BYTES);

		full = ms < full ? ms : full;
		ms = run_ms(n, FULL_BYTES / 2);
		half = ms < half ? ms : half;
		good =
		    full < LIMIT_MS && (full < RATIO_FROM_MS || full < RATIO_MAX * half);
	}
	printf("%s %-28s %6.2f ms, half of it %6.2f ms\n", good ? "  " : "NO", n->what,
	    full, half);
	(void)fflush(stdout);
	return good;
}

/* Why times say nothing here, or NULL. */
static const char *
cannot_tell(void)
{
	const char *preload = getenv("LD_PRELOAD");

#if !defined(__OPTIMIZE__)
	return "built without optimizer";
#endif
#ifdef TRAWL_SANITIZED
	return "built with a sanitizer";
#endif
	if (preload != NULL && strstr(preload, "vgpreload") != NULL)
		return "under valgrind";
	return NULL;
}

int
main(void)
{
	const unsigned all = sizeof(nasties) / sizeof(nasties[0]);
	const char *why = cannot_tell();
	unsigned passed = 0;

	if (why != NULL) {
		printf("skipped: %s\n", why);
		printf("# tests: 0 passed, 0 failed, %u skipped\n", all);
		return 77;
	}
	for (unsigned i = 0; i < all; i++)
		passed += grows_evenly(&nasties[i]);
	printf("# tests: %u passed, %u failed, 0 skipped\n", passed, all - passed);
	return passed == all ? 0 : 1;
}
