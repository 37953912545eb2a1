/* Links out of HTML: ours, and others. */
#include "bench_web.h"
#include "web/html.h"
#include "web/html_names.h"
#include "web/page.h"
#include "web/select.h"
#include <stdio.h>
#include <stdlib.h>
#if HAVE_GUMBO
#include <gumbo.h>
#endif
#if HAVE_LIBXML2
#include <libxml/HTMLparser.h>
#endif

#include "base/banned.h"

size_t
bench_html_work(const struct bench_data *d)
{
	return d->html.bytes;
}

/* -- Ours ------------------------------------------------------------------------ */

static uint64_t
pages_parse(struct bench_data *d, bool anchors, bool text, bool resolve)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	char out[URL_BYTES_MAX];
	uint64_t found = 0;

	conf.want_anchors = anchors;
	conf.want_text = text;
	for (size_t i = 0; i < d->html.files_len; i++) {
		struct page page;
		struct url url;

		arena_reset(&d->arena);
		bench_must(page_parse(d->html.files[i].body, &conf, &d->arena, &page),
		    d->html.files[i].path);
		found += resolve ? 0 : page.links_len;
		for (size_t k = 0; resolve && k < page.links_len; k++)
			if (url_resolve(&d->bases[i], page.links[k].ref,
				slice_cstr(page.charset), 0, out, sizeof(out),
				&url) == URL_OK)
				found++;
	}
	return found;
}

static uint64_t
run_page(struct bench_data *d)
{
	return pages_parse(d, false, false, false);
}

static uint64_t
run_page_anchors(struct bench_data *d)
{
	return pages_parse(d, true, false, false);
}

static uint64_t
run_page_text(struct bench_data *d)
{
	return pages_parse(d, false, true, false);
}

static uint64_t
run_page_resolved(struct bench_data *d)
{
	return pages_parse(d, false, false, true);
}

/* What somebody may want of documentation: found counts values. */
static uint64_t
pages_select(struct bench_data *d, bool all)
{
	static const char *const selectors[] = {"title", "h1::text",
	    "meta[name=viewport]::attr(content)", "h2, h3", "div.section > p:first-child",
	    "a.external::attr(href)", "table > tbody > tr > td:nth-child(2)",
	    "dl dt::attr(id)", "pre", "body li > a:not(.headerlink)"};
	enum { FIELDS = sizeof(selectors) / sizeof(selectors[0]) };
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct slice specs[FIELDS];
	char texts[FIELDS][100];
	struct select *fields;
	struct buf blob;
	uint64_t found = 0;

	buf_init(&blob, SELECT_BLOB_MAX);
	for (size_t i = 0; i < FIELDS; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "f%zu%s=%s", i,
		    all ? "[]" : "", selectors[i]);
		specs[i] = slice_cstr(texts[i]);
	}
	bench_must(select_compile(specs, FIELDS, &blob, NULL), "select_compile");
	bench_must(select_new(buf_slice(&blob), &fields), "select_new");
	conf.fields = fields;
	for (size_t i = 0; i < d->html.files_len; i++) {
		struct page page;

		arena_reset(&d->arena);
		bench_must(page_parse(d->html.files[i].body, &conf, &d->arena, &page),
		    d->html.files[i].path);
		found += page.fields_len;
	}
	select_free(fields);
	buf_release(&blob);
	return found;
}

static uint64_t
run_page_fields(struct bench_data *d)
{
	return pages_select(d, true);
}

static uint64_t
run_page_first(struct bench_data *d)
{
	return pages_select(d, false);
}

struct counter {
	uint64_t tags, text_bytes;
};

static int
count_tag(void *ctx, const struct html_tag *tag)
{
	struct counter *c = ctx;

	c->tags += tag->raw != NULL;
	return 0;
}

static int
count_text(void *ctx, struct slice text, bool has_refs)
{
	struct counter *c = ctx;

	(void)has_refs;
	c->text_bytes += text.len;
	return 0;
}

static uint64_t
tokenize(struct bench_data *d, bool want_text)
{
	static const struct html_sink sink = {.tag = count_tag, .text = count_text};
	static struct html html;
	struct counter c = {0};

	for (size_t i = 0; i < d->html.files_len; i++) {
		html_init(&html, &sink, &c, HTML_MODELS | HTML_TEXT_RAW, 0);
		html.want_text = want_text;
		bench_must(html_feed(&html, d->html.files[i].body, true), "html_feed");
		html_release(&html);
	}
	return c.tags + (c.text_bytes & 0);
}

static uint64_t
run_tags(struct bench_data *d)
{
	return tokenize(d, false);
}

static uint64_t
run_tags_text(struct bench_data *d)
{
	return tokenize(d, true);
}

/* -- Others ---------------------------------------------------------------------- */

static uint64_t
run_memchr(struct bench_data *d)
{
	uint64_t found = 0;

	for (size_t i = 0; i < d->html.files_len; i++) {
		const char *p = d->html.files[i].body.ptr;
		const char *end = p + d->html.files[i].body.len;

		while ((p = memchr(p, '<', (size_t)(end - p))) != NULL) {
			found++;
			p++;
		}
	}
	return found;
}

static bool
is_link(const char *name)
{
	return strcmp(name, "href") == 0 || strcmp(name, "src") == 0;
}

#if HAVE_LIBXML2
struct sax {
	uint64_t found;
};

static void
sax_start(void *ctx, const xmlChar *name, const xmlChar **attrs)
{
	struct sax *s = ctx;

	(void)name;
	for (; attrs != NULL && attrs[0] != NULL; attrs += 2)
		if (attrs[1] != NULL && is_link((const char *)attrs[0]))
			s->found++;
}

/* No tree, and of all events only the one that is wanted. */
static uint64_t
run_libxml2(struct bench_data *d)
{
	xmlSAXHandler handler = {.startElement = sax_start};
	struct sax sax = {0};

	for (size_t i = 0; i < d->html.files_len; i++) {
		const struct slice body = d->html.files[i].body;
		htmlParserCtxtPtr p = htmlCreatePushParserCtxt(
		    &handler, &sax, body.ptr, 0, NULL, XML_CHAR_ENCODING_UTF8);

		bench_must(p == NULL ? -1 : 0, "libxml2");
		(void)htmlCtxtUseOptions(p, HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING);
		(void)htmlParseChunk(p, body.ptr, (int)body.len, 1);
		htmlFreeParserCtxt(p);
	}
	return sax.found;
}
#endif

#if HAVE_GUMBO
static uint64_t
gumbo_links(const GumboNode *root)
{
	static const GumboNode *stack[4096];
	size_t len = 1;
	uint64_t found = 0;

	stack[0] = root;
	while (len > 0) {
		const GumboNode *n = stack[--len];

		if (n->type != GUMBO_NODE_ELEMENT && n->type != GUMBO_NODE_TEMPLATE)
			continue;
		for (unsigned i = 0; i < n->v.element.attributes.length; i++) {
			const GumboAttribute *a = n->v.element.attributes.data[i];

			found += is_link(a->name);
		}
		for (unsigned i = 0; i < n->v.element.children.length && len < 4096; i++)
			stack[len++] = n->v.element.children.data[i];
	}
	return found;
}

static uint64_t
run_gumbo(struct bench_data *d)
{
	uint64_t found = 0;

	for (size_t i = 0; i < d->html.files_len; i++) {
		const struct slice body = d->html.files[i].body;
		GumboOutput *out =
		    gumbo_parse_with_options(&kGumboDefaultOptions, body.ptr, body.len);

		found += gumbo_links(out->root);
		gumbo_destroy_output(&kGumboDefaultOptions, out);
	}
	return found;
}
#endif

static const struct bench_row rows[] = {{.what = "page_parse: links as written",
					    .work = bench_html_work,
					    .run = run_page,
					    .is_ours = true},
    {.what = "  with anchor texts", .work = bench_html_work, .run = run_page_anchors},
    {.what = "  with main text and fingerprint",
	.work = bench_html_work,
	.run = run_page_text},
    {.what = "  with 10 fields, all values",
	.work = bench_html_work,
	.run = run_page_fields},
    {.what = "  with 10 fields, the first values",
	.work = bench_html_work,
	.run = run_page_first},
    {.what = "  with each link resolved",
	.work = bench_html_work,
	.run = run_page_resolved},
    {.what = "tokenizer: tags", .work = bench_html_work, .run = run_tags},
    {.what = "tokenizer: tags and text", .work = bench_html_work, .run = run_tags_text},
    {.what = "memchr('<') (found: bytes '<')",
	.work = bench_html_work,
	.run = run_memchr,
	.bar = BENCH_AT_LEAST,
	.bar_at = 0.2},
#if HAVE_LIBXML2
    {.what = "libxml2 HTML SAX: href, src",
	.work = bench_html_work,
	.run = run_libxml2,
	.bar = BENCH_AT_LEAST,
	.bar_at = 12},
#endif
#if HAVE_GUMBO
    {.what = "gumbo, walk of its tree: href, src",
	.work = bench_html_work,
	.run = run_gumbo,
	.bar = BENCH_AT_LEAST,
	.bar_at = 40},
#endif
    {0}};
const struct bench_group bench_html = {"Links out of HTML", rows};
