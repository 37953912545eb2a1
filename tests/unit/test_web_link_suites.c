#include "base/buf.h"
#include "suite.h"
#include "web/css.h"
#include "web/link.h"
#include "web/page.h"
#include "web/srcset.h"
#include "web/url.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { HREF = URL_KEEP_FRAGMENT | URL_KEEP_CREDENTIALS };

/* A page of a row, parsed, and what its references are resolved against. */
struct fixture {
	struct arena arena;
	char *body;
	struct page page;
	struct url document, base;
	char document_text[URL_BYTES_MAX], base_text[URL_BYTES_MAX];
	char url_text[URL_BYTES_MAX];
	bool has_document, has_base;
};

static void
fixture_parse(
    struct fixture *f, struct slice html, struct slice charset, struct slice document)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;

	memset(f, 0, sizeof(*f));
	conf.http_charset = charset;
	arena_init(&f->arena, 1 << 16, 1 << 28);
	f->body = suite_exact(html);
	assert_int_equal(
	    page_parse(slice_of(f->body, html.len), &conf, &f->arena, &f->page), 0);
	f->has_document =
	    url_resolve(NULL, document, (struct slice){0}, HREF, f->document_text,
		sizeof(f->document_text), &f->document) == URL_OK;
	f->base = f->document;
	f->has_base = f->has_document;
	if (f->page.has_base &&
	    url_resolve(f->has_document ? &f->document : NULL, f->page.base_href,
		(struct slice){0}, HREF, f->base_text, sizeof(f->base_text),
		&f->base) == URL_OK)
		f->has_base = true;
}

static void
fixture_done(struct fixture *f)
{
	arena_release(&f->arena);
	free(f->body);
}

/* In f->url_text. */
static enum url_status
fixture_resolve(struct fixture *f, struct slice ref, struct slice *ret)
{
	struct url url;
	enum url_status s = url_resolve(f->has_base ? &f->base : NULL, ref,
	    slice_cstr(f->page.charset), HREF, f->url_text, sizeof(f->url_text), &url);

	*ret = s == URL_OK ? url_text(&url) : (struct slice){0};
	return s;
}

static bool
array_has(json_t *array, struct slice text)
{
	json_t *v;
	size_t i;

	json_array_foreach(array, i,
	    v) if (slice_eq(slice_of(json_string_value(v), json_string_length(v)),
		       text)) return true;
	return false;
}

static json_t *
text_of(struct slice s)
{
	json_t *v = json_stringn_nocheck(s.len == 0 ? "" : s.ptr, s.len);

	assert_non_null(v);
	return v;
}

/* -- what a tree walk finds ---------------------------------------------------------- */

static enum link_kind
kind_of(json_t *o)
{
	static const struct {
		const char *element, *attr;
		enum link_kind kind;
	} kinds[] = {
	    {"a", "href", LINK_A},
	    {"area", "href", LINK_AREA},
	    {"iframe", "src", LINK_IFRAME},
	    {"img", "src", LINK_IMG},
	    {"img", "srcset", LINK_SRCSET},
	    {"script", "src", LINK_SCRIPT},
	    {"source", "src", LINK_SOURCE},
	    {"source", "srcset", LINK_SRCSET},
	    {"track", "src", LINK_TRACK},
	};
	struct slice element = suite_text(o, "el"), attr = suite_text(o, "attr");

	if (slice_eq(element, SLICE_LIT("link")))
		return slice_eq(suite_text(o, "kind"), SLICE_LIT("res")) ? LINK_LINK
									 : LINK_LINK_PAGE;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (slice_eq(element, slice_cstr(kinds[i].element)) &&
		    slice_eq(attr, slice_cstr(kinds[i].attr)))
			return kinds[i].kind;
	fail_msg("unknown kind of link");
	return LINK_SEED;
}

/* The URL of the row, which is null for one that does not parse; of those that are not
 * fetched only that much is told. */
static bool
url_agrees(json_t *want, enum url_status status, struct slice url)
{
	struct slice text = slice_of(json_string_value(want), json_string_length(want));

	if (want == NULL || json_is_null(want))
		return status != URL_OK && status != URL_UNSUPPORTED;
	if (slice_starts(text, SLICE_LIT("http:")) ||
	    slice_starts(text, SLICE_LIT("https:")))
		return status == URL_OK && slice_eq(url, text);
	return status == URL_UNSUPPORTED;
}

/* The n-th of the oracle is `l`. */
static bool
oracle_is(struct fixture *f, json_t *o, const struct page_link *l)
{
	struct slice url;
	enum url_status status;
	bool is_hint = slice_eq(suite_text(o, "kind"), SLICE_LIT("link-hint"));

	if (l->kind != kind_of(o) || ((l->rel & LINK_REL_CONNECT) != 0) != is_hint ||
	    !slice_eq(l->ref, slice_trim(suite_text(o, "raw"))))
		return false;
	status = fixture_resolve(f, l->ref, &url);
	return url_agrees(json_object_get(o, "url"), status, url);
}

/*
 * All that the oracle lists, and nothing else.  As sets: a tree has copies of an <a> that
 * was left open ("reconstruct the active formatting elements"), here it is one link.
 */
static bool
oracle_agrees(struct fixture *f, json_t *oracle)
{
	bool *listed = calloc(f->page.links_len + 1, sizeof(*listed)), pass = true;
	json_t *o;
	size_t i;

	assert_non_null(listed);
	json_array_foreach(oracle, i, o)
	{
		bool found = false;

		for (size_t k = 0; k < f->page.links_len; k++)
			if (oracle_is(f, o, &f->page.links[k]))
				found = listed[k] = true;
		pass &= found;
	}
	for (i = 0; i < f->page.links_len; i++)
		pass &= listed[i];
	free(listed);
	return pass;
}

/* -- what the crawlers' own tests expect ----------------------------------------------- */

static bool
is_in_scope(struct slice scope, const struct page_link *l)
{
	if (slice_eq(scope, SLICE_LIT("a+area")))
		return l->kind == LINK_A || l->kind == LINK_AREA;
	if (slice_eq(scope, SLICE_LIT("links_to_follow")))
		return link_kind_is_followed(l->kind) && !(l->rel & LINK_REL_CONNECT);
	assert_true(slice_eq(scope, SLICE_LIT("all")));
	return true;
}

static bool
expectation_holds(struct fixture *f, json_t *row)
{
	json_t *want = json_object_get(row, "expected_links"), *found = json_array(), *v;
	struct slice mode = suite_text(row, "mode"), url;
	bool pass = true;
	size_t i;

	if (slice_eq(mode, SLICE_LIT("oracle_only"))) {
		json_decref(found);
		return true;
	}
	for (i = 0; i < f->page.links_len; i++) {
		const struct page_link *l = &f->page.links[i];

		if (is_in_scope(suite_text(row, "scope"), l) &&
		    fixture_resolve(f, l->ref, &url) == URL_OK) {
			pass &= !array_has(json_object_get(row, "must_not"), url);
			if (slice_eq(mode, SLICE_LIT("exact_set")))
				pass &= array_has(want, url);
			assert_int_equal(json_array_append_new(found, text_of(url)), 0);
		}
	}
	json_array_foreach(want, i, v) pass &=
	    array_has(found, slice_of(json_string_value(v), json_string_length(v)));
	json_decref(found);
	return pass;
}

static void
links_are_those_of_the_suite(void **state)
{
	static struct suite s;
	static struct fixture f;
	unsigned contested = 0, found = 0, strays = 0;
	json_t *row;

	(void)state;
	if (!suite_open(&s, "links/link_extraction.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL) {
		contested += suite_text(row, "contested").len > 0;
		fixture_parse(&f, suite_text(row, "html"), SLICE_LIT("utf-8"),
		    suite_text(row, "base_url"));
		/* Expectations may be contested; what a tree walk finds is not. */
		found += (unsigned)json_array_size(json_object_get(row, "oracle"));
		strays += !oracle_agrees(&f, json_object_get(row, "oracle"));
		suite_case(&s, expectation_holds(&f, row));
		fixture_done(&f);
	}
	printf("link_extraction: %u are contested; a tree walk finds %u links, on %u "
	       "pages others than we\n",
	    contested, found, strays);
	assert_true(s.ran >= 57);
	assert_int_equal(strays, 0);
	assert_int_equal(suite_close(&s), 0);
}

/* -- single features ------------------------------------------------------------------- */

/* In one byte a character, which the rows that are latin-1 fit. */
static struct slice
latin1_of(struct slice utf8, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < utf8.len; i++) {
		unsigned char c = (unsigned char)utf8.ptr[i];

		if (c < 0x80) {
			out[n++] = (char)c;
		} else {
			assert_true((c == 0xC2 || c == 0xC3) && i + 1 < utf8.len);
			out[n++] = (char)(c << 6 | (utf8.ptr[++i] & 0x3F));
		}
	}
	return slice_of(out, n);
}

static void
the_base_is_that_of_the_suite(void **state)
{
	static struct suite s;
	static struct fixture f;
	json_t *row;

	(void)state;
	if (!suite_open(&s, "links/base_href.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL) {
		struct slice html = suite_text(row, "html"),
			     charset = suite_text(row, "page_encoding"), base = {0};
		char *text = suite_exact(html);

		if (slice_eq(charset, SLICE_LIT("latin-1"))) {
			html = latin1_of(html, text);
			charset = SLICE_LIT("latin1");
		}
		fixture_parse(&f, html, charset, suite_text(row, "document_url"));
		if (f.has_base)
			base = url_text(&f.base);
		/* The suite writes an empty path as it came. */
		if (!f.page.has_base && f.has_base && base.ptr[base.len - 1] == '/')
			base.len--;
		suite_case(&s, slice_eq(base, suite_text(row, "base")));
		fixture_done(&f);
		free(text);
	}
	assert_int_equal(suite_close(&s), 0);
}

/* The URL of the one refresh of the page; empty: it has none. */
static struct slice
refresh_of(struct fixture *f)
{
	struct slice url = {0};

	assert_true(f->page.links_len <= 1);
	if (f->page.links_len == 1) {
		assert_int_equal(f->page.links[0].kind, LINK_META_REFRESH);
		assert_int_equal(fixture_resolve(f, f->page.links[0].ref, &url), URL_OK);
	}
	return url;
}

static void
refreshes_are_read_as_browsers_do(void **state)
{
	static struct suite s;
	static struct fixture f;
	json_t *row;

	(void)state;
	if (!suite_open(&s, "links/meta_refresh_wpt.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL) {
		bool parses = json_is_true(json_object_get(row, "parses")), pass;
		struct slice content = suite_text(row, "content"),
			     want = suite_text(row, "url"), got;
		char *exact = suite_exact(content);
		struct refresh r;

		fixture_parse(&f, suite_text(row, "html"), SLICE_LIT("utf-8"),
		    suite_text(row, "document_url"));
		pass = refresh_parse(slice_of(exact, content.len), &r) == parses;
		if (pass && parses)
			pass = (json_int_t)r.seconds ==
			       json_integer_value(json_object_get(row, "time"));
		got = refresh_of(&f);
		if (parses && got.len == 0) /* of itself, which is no link */
			pass &= !r.has_url && slice_eq(want, url_text(&f.document));
		else
			pass &= slice_eq(got, want);
		suite_case(&s, pass);
		free(exact);
		fixture_done(&f);
	}
	assert_int_equal(suite_close(&s), 0);
}

/* Candidates whose descriptors a browser would refuse count: the page names them. */
static void
candidates_of_srcset_are_those_of_browsers(void **state)
{
	static struct suite s;
	json_t *row;

	(void)state;
	if (!suite_open(&s, "links/srcset_wpt.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL) {
		json_t *want = json_object_get(row, "candidates");
		struct slice rest = suite_text(row, "srcset"), url;
		char *exact = suite_exact(rest);
		bool pass = true;
		size_t n = 0;

		rest.ptr = exact;
		for (; srcset_next(&rest, &url); n++) {
			json_t *v = json_array_get(want, n);

			pass &= slice_eq(
			    url, slice_of(json_string_value(v), json_string_length(v)));
		}
		suite_case(&s, pass && n == json_array_size(want));
		free(exact);
	}
	assert_int_equal(suite_close(&s), 0);
}

struct css_found {
	json_t *want;
	size_t n;
	bool same;
};

static int
css_found(void *ctx, struct slice url)
{
	struct css_found *f = ctx;
	json_t *v = json_array_get(f->want, f->n++);

	f->same &= v != NULL &&
		   slice_eq(url, slice_of(json_string_value(v), json_string_length(v)));
	return 0;
}

static void
urls_of_style_sheets_are_read_as_browsers_do(void **state)
{
	static struct suite s;
	json_t *row;

	(void)state;
	if (!suite_open(&s, "css/css_url_tokens.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL) {
		struct css_found f = {.want = json_object_get(row, "urls"), .same = true};
		struct slice css = suite_text(row, "css");
		char *exact = suite_exact(css);
		struct arena arena;

		arena_init(&arena, 4096, 1 << 20);
		assert_int_equal(
		    css_urls(slice_of(exact, css.len), &arena, css_found, &f), 0);
		suite_case(&s, f.same && f.n == json_array_size(f.want));
		arena_release(&arena);
		free(exact);
	}
	assert_int_equal(suite_close(&s), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(links_are_those_of_the_suite),
	    cmocka_unit_test(the_base_is_that_of_the_suite),
	    cmocka_unit_test(refreshes_are_read_as_browsers_do),
	    cmocka_unit_test(candidates_of_srcset_are_those_of_browsers),
	    cmocka_unit_test(urls_of_style_sheets_are_read_as_browsers_do),
	};

	return cmocka_run_group_tests_name("web/link suites", tests, NULL, NULL);
}
