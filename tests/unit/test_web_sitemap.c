#include "suite.h"
#include "web/coding.h"
#include "web/sitemap.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TOLD_MAX = 100 };
struct told {
	struct sitemap_entry e[TOLD_MAX]; /* with slices into `text` */
	size_t count, extras;
	char text[64 * 1024];
	size_t text_len;
	size_t stop_after;
};

static struct slice
keep(struct told *t, struct slice s)
{
	char *at = t->text + t->text_len;

	assert_true(s.len <= sizeof(t->text) - t->text_len);
	if (s.len > 0)
		memcpy(at, s.ptr, s.len);
	t->text_len += s.len;
	return slice_of(at, s.len);
}

static bool
tell(void *ctx, const struct sitemap_entry *e)
{
	struct told *t = ctx;
	bool is_extra = e->kind != SITEMAP_KIND_PAGE && e->kind != SITEMAP_KIND_SITEMAP;

	t->extras += is_extra;
	if (t->count < TOLD_MAX) {
		struct sitemap_entry *k = &t->e[t->count];

		*k = *e;
		k->loc = keep(t, e->loc);
		k->lastmod = keep(t, e->lastmod);
		k->changefreq = keep(t, e->changefreq);
		k->lang = keep(t, e->lang);
	}
	t->count++;
	return t->stop_after == 0 || t->count < t->stop_after;
}

static struct told told;
static struct sitemap_result result;

static void
parse(struct slice body, const char *type, const struct sitemap_conf *conf)
{
	char *exact = suite_exact(body);

	told.count = told.extras = told.text_len = 0;
	assert_int_equal(sitemap_parse(slice_of(exact, body.len), slice_cstr(type), conf,
			     tell, &told, &result),
	    0);
	free(exact);
}

#define assert_loc(i, want)                                                              \
	do {                                                                             \
		assert_true((size_t)(i) < told.count);                                   \
		assert_int_equal(told.e[i].loc.len, strlen(want));                       \
		assert_memory_equal(told.e[i].loc.ptr, want, strlen(want));              \
	} while (0)

/* The entry against its row; "absent" is 0.5 for the priority in the suite. */
static bool
entry_is(const struct sitemap_entry *e, json_t *want)
{
	struct slice lastmod = suite_text(want, "lastmod");
	struct slice changefreq = suite_text(want, "changefreq");
	json_t *priority = json_object_get(want, "priority");
	int64_t t = SITEMAP_NO_TIME;
	double p = e->priority < 0 ? 0.5 : e->priority;

	if (lastmod.ptr != NULL)
		assert_true(sitemap_date(lastmod, &t));
	return slice_eq(e->loc, suite_text(want, "loc")) && e->lastmod_s == t &&
	       slice_ieq(e->changefreq, changefreq) &&
	       (priority == NULL || (p - json_number_value(priority) < 1e-9 &&
					json_number_value(priority) - p < 1e-9));
}

static bool
row_passes(json_t *row)
{
	json_t *urls = json_object_get(row, "urls"),
	       *entries = json_object_get(row, "entries");
	size_t at = 0, i;

	if (json_is_string(json_object_get(row, "error")))
		return result.status != SITEMAP_OK && told.count == told.extras;
	if (!slice_eq(slice_cstr(sitemap_format_name(result.format)),
		suite_text(row, "type")) ||
	    json_array_size(urls) != told.count - told.extras)
		return false;
	for (i = 0; i < told.count && i < TOLD_MAX; i++) {
		json_t *want = json_array_get(urls, at),
		       *entry = json_array_get(entries, at);

		if (told.e[i].kind != SITEMAP_KIND_PAGE &&
		    told.e[i].kind != SITEMAP_KIND_SITEMAP)
			continue;
		at++;
		if (!slice_eq(told.e[i].loc, slice_cstr(json_string_value(want))) ||
		    (entry != NULL && !entry_is(&told.e[i], entry)))
			return false;
	}
	return true;
}

static void
the_sitemaps_of_the_suite_are_read(void **state)
{
	static struct suite s;
	static char url_text_[URL_BYTES_MAX];
	json_t *row;

	(void)state;
	if (!suite_open(&s, "sitemaps/sitemaps.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL) {
		struct slice note = suite_text(row, "note"),
			     type = suite_text(row, "content_type");
		struct sitemap_conf conf = {
		    .same_location = slice_starts(note, SLICE_LIT("strict"))};
		struct url base;
		struct buf plain;
		enum coding_status status;
		char path[300];
		size_t len;
		char *body;

		(void)snprintf(path, sizeof(path), "sitemaps/%s",
		    json_string_value(json_object_get(row, "file")));
		body = suite_read(path, &len);
		assert_non_null(body);
		assert_int_equal(
		    url_resolve(NULL, suite_text(row, "sitemap_url"), (struct slice){0},
			0, url_text_, sizeof(url_text_), &base),
		    URL_OK);
		conf.base = &base;
		buf_init(&plain, 1 << 20);
		assert_int_equal(
		    coding_decode(slice_starts(slice_of(body, len), SLICE_LIT("\x1f\x8b"))
				      ? SLICE_LIT("gzip")
				      : SLICE_LIT(""),
			slice_of(body, len), 1 << 20, &plain, &status),
		    0);
		parse(buf_slice(&plain), type.ptr, &conf);
		suite_case(&s, row_passes(row));
		buf_release(&plain);
		free(body);
	}
	assert_int_equal(s.ran, 52);
	assert_int_equal(suite_close(&s), 0);
}

static void
usual_mistakes_are_forgiven(void **state)
{
	(void)state;
	/* A bare ampersand, an entity of HTML, a control. */
	parse(SLICE_LIT("<urlset><url><loc>http://h/1</loc></url><url><loc>http://h/"
			"?a=1&b=2</loc>"
			"</url><url><loc>http://h/&eacute;\x01</loc></url></urlset>"),
	    "", NULL);
	assert_int_equal(result.status, SITEMAP_OK);
	assert_int_equal(told.count, 3);
	assert_loc(0, "http://h/1");
	assert_loc(1, "http://h/?a=1&b=2");
	assert_loc(2, "http://h/&eacute;");
	/* Names in capitals, text around, no end. */
	parse(SLICE_LIT("\n\xef\xbb\xbf "
			"<URLSET>x<Url><LOC>http://h/1</LOC></Url><Url><Loc> http://h/2"
			"</Loc>"),
	    "text/html", NULL);
	assert_int_equal(result.status, SITEMAP_BROKEN);
	assert_int_equal(told.count, 2);
	assert_loc(1, "http://h/2");
	/* What is cut in the middle of a URL is not one. */
	parse(SLICE_LIT("<urlset><url><loc>http://h/1</loc></url><url><loc>http://h/pa"),
	    "", NULL);
	assert_int_equal(told.count, 1);
	/* Bytes that are no UTF-8, and another charset. */
	parse(
	    SLICE_LIT("<urlset><url><loc>http://h/\xe9</loc></url></urlset>"), "", NULL);
	assert_int_equal(result.status, SITEMAP_OK);
	assert_loc(0, "http://h/\xef\xbf\xbd");
	parse(SLICE_LIT("<?xml version='1.0' "
			"encoding='windows-1251'?><urlset><url><loc>http://h/\xe9"
			"</loc></url></urlset>"),
	    "", NULL);
	assert_loc(0, "http://h/\xd0\xb9");
	parse(SLICE_LIT("<urlset><url><loc>http://h/\xe9</loc></url></urlset>"),
	    "text/xml; charset=latin1", NULL);
	assert_loc(0, "http://h/\xc3\xa9");
}

static void
extras_are_told_by_kind(void **state)
{
	(void)state;
	parse(SLICE_LIT(
		  "<s:urlset xmlns:s='x'><s:url><s:loc>http://h/p</s:loc>"
		  "<image:image><image:loc>http://h/i</image:loc></image:image>"
		  "<video:video><video:thumbnail_loc>http://h/t</video:thumbnail_loc>"
		  "<video:content_loc>http://h/v</video:content_loc></video:video>"
		  "<xhtml:link rel='alternate' hreflang='de' href='http://h/de'/>"
		  "<xhtml:link rel='canonical' href='http://h/no'/></s:url></s:urlset>"),
	    "", NULL);
	assert_int_equal(result.status, SITEMAP_OK);
	assert_int_equal(told.count, 5);
	assert_int_equal(result.entries, 1);
	assert_int_equal(result.extras, 4);
	assert_loc(0, "http://h/i");
	assert_int_equal(told.e[0].kind, SITEMAP_KIND_IMAGE);
	assert_loc(2, "http://h/v");
	assert_int_equal(told.e[2].kind, SITEMAP_KIND_VIDEO);
	assert_loc(3, "http://h/de");
	assert_int_equal(told.e[3].kind, SITEMAP_KIND_ALTERNATE);
	assert_true(slice_eq(told.e[3].lang, SLICE_LIT("de")));
	assert_loc(4, "http://h/p");
}

static void
what_is_no_sitemap_is_told(void **state)
{
	static const char *const none[] = {"", " ", "hello",
	    "<html><body>http://h/</body></html>", "<", "<urlset", "{}",
	    "<?xml version='1.0'?>"};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		parse(slice_cstr(none[i]), "text/xml", NULL);
		assert_int_equal(result.status, SITEMAP_NOT_ONE);
		assert_int_equal(result.format, SITEMAP_FORMAT_NONE);
		assert_int_equal(told.count, 0);
	}
}

static void
entries_elsewhere_are_bounded(void)
{
	char out[64];
	struct url base;
	struct sitemap_conf conf = {.same_location = true, .base = &base};
	struct buf b;

	assert_int_equal(url_resolve(NULL, SLICE_LIT("http://h/"), (struct slice){0}, 0,
			     out, sizeof(out), &base),
	    URL_OK);
	buf_init(&b, 16 << 20);
	for (int i = 0; i < SITEMAP_ENTRIES_MAX + 9; i++)
		assert_int_equal(buf_add_cstr(&b, "http://elsewhere/\n"), 0);
	assert_int_equal(buf_add_cstr(&b, "http://h/1\n"), 0);
	parse(buf_slice(&b), "", &conf);
	assert_int_equal(result.status, SITEMAP_TOO_LARGE);
	assert_int_equal(result.elsewhere, SITEMAP_ENTRIES_MAX);
	assert_int_equal(told.count, 0);
	buf_release(&b);
}

static void
it_is_bounded(void **state)
{
	struct sitemap_conf conf = {.entries_max = 2};
	struct buf b;

	(void)state;
	parse(SLICE_LIT("http://h/1\nhttp://h/2\nhttp://h/3"), "", &conf);
	assert_int_equal(result.status, SITEMAP_TOO_LARGE);
	assert_int_equal(told.count, 2);
	parse(
	    SLICE_LIT(
		"<urlset><url><loc>http://h/1</loc></url><url><loc>http://h/2</loc></url>"
		"</urlset>"),
	    "", &conf);
	assert_int_equal(result.status, SITEMAP_OK);
	told.stop_after = 1;
	parse(
	    SLICE_LIT(
		"<urlset><url><loc>http://h/1</loc></url><url><loc>http://h/2</loc></url>"
		"</urlset>"),
	    "", &conf);
	told.stop_after = 0;
	assert_int_equal(result.status, SITEMAP_STOPPED);
	assert_int_equal(told.count, 1);
	entries_elsewhere_are_bounded();
	/* Depth, and a URL that is too long. */
	buf_init(&b, 1 << 20);
	assert_int_equal(buf_add_cstr(&b, "<urlset><url><loc>http://h/1</loc></url>"), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buf_add_cstr(&b, "<a>"), 0);
	parse(buf_slice(&b), "", NULL);
	assert_int_equal(result.status, SITEMAP_BROKEN);
	assert_int_equal(told.count, 1);
	buf_clear(&b);
	assert_int_equal(buf_add_cstr(&b, "<urlset><url><loc>http://h/"), 0);
	for (int i = 0; i < 9000; i++)
		assert_int_equal(buf_add_byte(&b, 'x'), 0);
	assert_int_equal(
	    buf_add_cstr(&b, "</loc></url><url><loc>http://h/1</loc></url></urlset>"), 0);
	parse(buf_slice(&b), "", NULL);
	assert_int_equal(result.status, SITEMAP_OK);
	assert_int_equal(told.count, 1);
	buf_release(&b);
}

/* expat keeps each name it sees, and a tag until it is whole. */
static void
names_and_tags_without_end_are_too_large_and_no_lack_of_memory(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64 << 20);
	assert_int_equal(buf_add_cstr(&b, "<urlset><url><loc>http://h/1</loc></url>"), 0);
	for (int i = 0; i < 500000; i++)
		assert_int_equal(buf_printf(&b, "<a%d/>", i), 0);
	assert_int_equal(
	    buf_add_cstr(&b, "<url><loc>http://h/2</loc></url></urlset>"), 0);
	parse(buf_slice(&b), "", NULL);
	assert_int_equal(result.status, SITEMAP_TOO_LARGE);
	assert_int_equal(told.count, 1);
	buf_clear(&b);
	assert_int_equal(
	    buf_add_cstr(&b, "<urlset><url><loc>http://h/1</loc></url><a b='"), 0);
	assert_int_equal(buf_reserve(&b, 20 << 20), 0);
	memset(b.ptr + b.len, 'x', 20 << 20);
	b.len += 20 << 20;
	assert_int_equal(
	    buf_add_cstr(&b, "'/><url><loc>http://h/2</loc></url></urlset>"), 0);
	parse(buf_slice(&b), "", NULL);
	assert_int_equal(result.status, SITEMAP_TOO_LARGE);
	assert_int_equal(told.count, 1);
	/* What one parser took is there again for the next. */
	parse(SLICE_LIT("<urlset><url><loc>http://h/1</loc></url></urlset>"), "", NULL);
	assert_int_equal(result.status, SITEMAP_OK);
	buf_release(&b);
}

static void
feeds_tell_what_is_enclosed_and_where_they_go_on(void **state)
{
	(void)state;
	parse(SLICE_LIT("<rss><channel><atom:link rel='next' href='/2'/><item>"
			"<link>http://h/1</link><enclosure url='http://h/1.mp3'/></item>"
			"</channel></rss>"),
	    "", NULL);
	assert_int_equal(result.format, SITEMAP_FORMAT_RSS);
	assert_int_equal(told.count, 3);
	assert_int_equal(result.entries, 1);
	assert_int_equal(result.extras, 2);
	assert_loc(0, "/2");
	assert_loc(1, "http://h/1.mp3");
	assert_loc(2, "http://h/1");
	parse(SLICE_LIT("<feed><link rel='self' href='/s'/><link rel='next' href='/2'/>"
			"<entry><link rel='enclosure' href='/1.mp3'/>"
			"<link rel='edit' href='/no'/><link href='/1'/></entry></feed>"),
	    "", NULL);
	assert_int_equal(result.format, SITEMAP_FORMAT_ATOM);
	assert_int_equal(told.count, 3);
	assert_loc(0, "/2");
	assert_loc(1, "/1.mp3");
	assert_loc(2, "/1");
}

static void
links_of_atom_are_resolved_against_the_base_of_their_element(void **state)
{
	(void)state;
	parse(SLICE_LIT("<feed xml:base='http://b/x/'><link rel='next' href='?p=2'/>"
			"<entry xml:base='y/'><link href='1'/></entry>"
			"<entry><link rel='enclosure' href='1.mp3'/>"
			"<link href='2' xml:base='/z/'/></entry>"
			"<entry xml:base='mailto:a'><link href='http://c/3'/></entry>"
			"<div xml:base='http://no/'><p/></div><entry><link href='4'/>"
			"</entry></feed>"),
	    "", NULL);
	assert_int_equal(result.status, SITEMAP_OK);
	assert_int_equal(told.count, 6);
	assert_loc(0, "http://b/x/?p=2");
	assert_loc(1, "http://b/x/y/1");
	assert_loc(2, "http://b/x/1.mp3");
	assert_loc(3, "http://b/z/2");
	assert_loc(4, "http://c/3");
	assert_loc(5, "http://b/x/4");
	/* A document read a second time, because of its "&", begins without bases. */
	parse(SLICE_LIT("<feed><entry xml:base='http://b/'><link href='1'/><id>a & b</id>"
			"</entry><entry><link href='2'/></entry></feed>"),
	    "", NULL);
	assert_int_equal(told.count, 2);
	assert_loc(0, "http://b/1");
	assert_loc(1, "2");
}

static void
entities_neither_explode_nor_read_files(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	assert_int_equal(
	    buf_add_cstr(&b, "<!DOCTYPE urlset [<!ENTITY a0 \"0123456789\">"), 0);
	for (int i = 1; i < 12; i++) {
		assert_int_equal(buf_printf(&b, "<!ENTITY a%d \"", i), 0);
		for (int k = 0; k < 10; k++)
			assert_int_equal(buf_printf(&b, "&a%d;", i - 1), 0);
		assert_int_equal(buf_add_cstr(&b, "\">"), 0);
	}
	assert_int_equal(
	    buf_add_cstr(&b,
		"]><urlset><url><loc>http://h/1</loc></url><url><loc>&a11;</loc></url>"
		"<url><loc>http://h/2</loc></url></urlset>"),
	    0);
	parse(buf_slice(&b), "", NULL);
	assert_int_equal(result.status, SITEMAP_BROKEN);
	assert_int_equal(told.count, 1);
	buf_release(&b);
	parse(
	    SLICE_LIT(
		"<!DOCTYPE urlset [<!ENTITY f SYSTEM \"/etc/passwd\"><!ENTITY % p SYSTEM "
		"\"/etc/passwd\">%p;]><urlset><url><loc>http://h/&f;</loc></url></"
		"urlset>"),
	    "", NULL);
	assert_int_equal(told.count, 1);
	assert_loc(0, "http://h/");
}

static void
dates_have_zones(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} cases[] = {
	    {"2005", 1104537600},
	    {"2005-02", 1107216000},
	    {"2005-01-01", 1104537600},
	    {"2004-12-23T18:00:15+00:00", 1103824815},
	    {"2004-12-23T18:00:15.123-05:30", 1103824815 + 19800},
	    {" 2004-12-23 18:00 ", 1103824800},
	    {"2004-12-23T18:00:15Z", 1103824815},
	    {"Thu, 23 Dec 2004 19:00:15 +0100", 1103824815},
	    {"Thu, 23 Dec 2004 13:00:15 EST", 1103824815},
	};
	static const char *const bad[] = {"", "yesterday", "2005-13-01", "2005-02-30",
	    "2005-01-01T", "2005-01-01T1:00", "2005-01-01X", "23 Dec 2004 13:00:15",
	    "05"};
	int64_t t = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(sitemap_date(slice_cstr(bad[i]), &t));
	assert_int_equal(t, 7);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(sitemap_date(slice_cstr(cases[i].text), &t));
		assert_int_equal(t, cases[i].seconds);
	}
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
	static const char *const parts[] = {"<urlset>", "<sitemapindex>", "<rss>",
	    "<rdf:RDF>", "<feed>", "<url>", "</url>", "<sitemap>", "<item>", "<entry>",
	    "<loc>", "</loc>", "<link>", "</link>", "<link href='http://h/'/>",
	    "<lastmod>", "</lastmod>", "2005-01-01", "http://h/", "&", "&amp;", "&#65;",
	    "&#x", "<![CDATA[", "]]>", "<!--", "-->", "<!DOCTYPE a [<!ENTITY b 'c'>]>",
	    "&b;", "\xff", "\xef\xbb\xbf", " ", "\n", "\x01", "<priority>", "</priority>",
	    "0.5", "</urlset>", "<?xml version='1.0' encoding='utf-16'?>", "<image:loc>",
	    "</image:loc>", "<url><loc>http://h/1</loc>",
	    "<url><loc>http://h/?a&b</loc></url>"};
	static const char *const whole[] = {"<url><loc>http://h/1</loc></url>",
	    "<url><loc>http://h/?a&b</loc></url>", "<item><link>http://h/</link></item>",
	    "<entry><link href='http://h/'/></entry>"};
	unsigned pages = 0;
	struct buf b;

	(void)state;
	buf_init(&b, 4000);
	for (int i = 0; i < 10000; i++) {
		buf_clear(&b);
		if (random_below(3) > 0)
			assert_int_equal(buf_add_cstr(&b, parts[random_below(5)]), 0);
		if (random_below(3) > 0)
			assert_int_equal(buf_add_cstr(&b, whole[random_below(4)]), 0);
		for (uint32_t n = random_below(30); n > 0; n--)
			assert_int_equal(
			    buf_add_cstr(&b,
				parts[random_below(sizeof(parts) / sizeof(parts[0]))]),
			    0);
		parse(buf_slice(&b), "", NULL);
		assert_int_equal(told.count, result.entries + result.extras);
		pages += result.entries;
	}
	buf_release(&b);
	assert_true(pages > 500);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_sitemaps_of_the_suite_are_read),
	    cmocka_unit_test(usual_mistakes_are_forgiven),
	    cmocka_unit_test(extras_are_told_by_kind),
	    cmocka_unit_test(what_is_no_sitemap_is_told),
	    cmocka_unit_test(it_is_bounded),
	    cmocka_unit_test(
		names_and_tags_without_end_are_too_large_and_no_lack_of_memory),
	    cmocka_unit_test(feeds_tell_what_is_enclosed_and_where_they_go_on),
	    cmocka_unit_test(
		links_of_atom_are_resolved_against_the_base_of_their_element),
	    cmocka_unit_test(entities_neither_explode_nor_read_files),
	    cmocka_unit_test(dates_have_zones),
	    cmocka_unit_test(any_bytes_are_read_without_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
