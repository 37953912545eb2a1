#include "app/tool.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/json.h"
#include "web/page.h"
#include "web/pdf.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ARENA_BLOCK = 1 << 16, ARENA_MAX = 1 << 30, LINE_MAX_BYTES = 1 << 30 };

struct asked {
	struct url base;
	bool has_base, json, facts, speculative;
	char base_store[2][URL_BYTES_MAX];
	struct slice charset, agent;
	struct buf line;
};

/* The document's own base, resolved against where it came from. */
static void
apply_base(struct asked *a, const struct page *page)
{
	struct url url;

	if (!page->has_base || url_resolve(a->has_base ? &a->base : NULL, page->base_href,
				   slice_cstr(page->charset), 0, a->base_store[1],
				   URL_BYTES_MAX, &url) != URL_OK)
		return;
	a->base = url;
	a->has_base = true;
}

/* As a URL in `out`; without a base as it stands.  False: mailto:, data:, no URL at all. */
static bool
resolve(const struct asked *a, struct slice ref, const char *charset,
    char out[URL_BYTES_MAX], struct slice *ret, bool *ret_is_url)
{
	struct url url;
	enum url_status s = url_resolve(a->has_base ? &a->base : NULL, ref,
	    slice_cstr(charset), 0, out, URL_BYTES_MAX, &url);

	*ret_is_url = s == URL_OK;
	*ret = s == URL_OK ? url_text(&url) : ref;
	return s == URL_OK || s == URL_RELATIVE_WITHOUT_BASE;
}

static void
print_line(struct asked *a)
{
	(void)buf_add_byte(&a->line, '\n');
	(void)fwrite(a->line.ptr, 1, a->line.len, stdout);
}

/* -- links ------------------------------------------------------------------------- */

static void
put_link(struct jsonw *j, const struct page_link *l, struct slice url)
{
	jsonw_object(j, NULL);
	jsonw_str(j, "kind", slice_cstr(link_kind_name(l->kind)));
	jsonw_str(j, "url", url);
	jsonw_str(j, "ref", l->ref);
	jsonw_opt(j, "text", l->anchor);
	if ((l->rel & LINK_REL_NOFOLLOW) != 0)
		jsonw_bool(j, "nofollow", true);
	if ((l->rel & LINK_REL_UGC) != 0)
		jsonw_bool(j, "ugc", true);
	if ((l->rel & LINK_REL_SPONSORED) != 0)
		jsonw_bool(j, "sponsored", true);
	jsonw_object_end(j);
}

static void
print_link(struct asked *a, const struct page_link *l, const char *charset)
{
	char out[URL_BYTES_MAX];
	struct slice text;
	struct jsonw j;
	bool is_url;

	if (!resolve(a, l->ref, charset, out, &text, &is_url))
		return;
	buf_clear(&a->line);
	if (a->json) {
		jsonw_init(&j, &a->line);
		put_link(&j, l, text);
	} else {
		(void)buf_printf(&a->line, "%s\t", link_kind_name(l->kind));
		/* The normal form is plain ASCII; what could not be resolved is as it
		 * came. */
		if (is_url)
			(void)buf_add_slice(&a->line, text);
		else
			(void)escape_terminal(&a->line, text);
	}
	print_line(a);
}

/* -- facts ------------------------------------------------------------------------- */

/* Those of one kind, if there are any. */
static void
put_refs(const struct asked *a, struct jsonw *j, const struct page *page,
    enum page_ref_kind kind, const char *name)
{
	char out[URL_BYTES_MAX];
	bool is_url, any = false;
	struct slice url;

	for (size_t i = 0; i < page->refs_len; i++) {
		const struct page_ref *r = &page->refs[i];

		if (r->kind != kind ||
		    !resolve(a, r->ref, page->charset, out, &url, &is_url))
			continue;
		if (!any)
			jsonw_array(j, name);
		any = true;
		jsonw_object(j, NULL);
		jsonw_opt(j, "lang", r->lang);
		jsonw_str(j, "url", url);
		jsonw_opt(j, "title", r->title);
		jsonw_object_end(j);
	}
	if (any)
		jsonw_array_end(j);
}

static void
put_text(struct jsonw *j, const struct page *page)
{
	char print[17];

	if (page->headings_len > 0)
		jsonw_array(j, "headings");
	for (size_t i = 0; i < page->headings_len; i++) {
		jsonw_object(j, NULL);
		jsonw_int(j, "level", page->headings[i].level);
		jsonw_str(j, "text", page->headings[i].text);
		jsonw_object_end(j);
	}
	if (page->headings_len > 0)
		jsonw_array_end(j);
	jsonw_opt(j, "text", page->text);
	if (page->has_simhash) {
		(void)snprintf(print, sizeof(print), "%016" PRIx64, page->simhash);
		jsonw_str(j, "simhash", slice_cstr(print));
	}
}

/* What a link to the page may name behind its "#". */
static void
put_ids(struct jsonw *j, const struct page *page)
{
	if (page->ids_len == 0)
		return;
	jsonw_array(j, "ids");
	for (size_t i = 0; i < page->ids_len; i++)
		jsonw_str(j, NULL, page->ids[i]);
	jsonw_array_end(j);
}

static void
put_facts(const struct asked *a, struct jsonw *j, const struct page *page)
{
	char out[URL_BYTES_MAX];
	struct slice url;
	bool is_url;

	jsonw_opt(j, "title", page->title);
	jsonw_opt(j, "description", page->description);
	jsonw_opt(j, "lang", page->lang);
	jsonw_str(j, "charset", slice_cstr(page->charset));
	if (page->canonical.len > 0 &&
	    resolve(a, page->canonical, page->charset, out, &url, &is_url))
		jsonw_str(j, "canonical", url);
	page_robots_json(j, &page->robots);
	put_refs(a, j, page, PAGE_REF_LANG, "alternates");
	put_refs(a, j, page, PAGE_REF_FEED, "feeds");
	put_refs(a, j, page, PAGE_REF_SITEMAP, "sitemaps");
	put_text(j, page);
	put_ids(j, page);
}

static int
print_facts(struct asked *a, const struct page *page)
{
	char out[URL_BYTES_MAX];
	struct slice url;
	struct jsonw j;
	bool is_url;

	buf_clear(&a->line);
	jsonw_init(&j, &a->line);
	jsonw_object(&j, NULL);
	put_facts(a, &j, page);
	jsonw_array(&j, "links");
	for (size_t i = 0; i < page->links_len; i++)
		if (resolve(a, page->links[i].ref, page->charset, out, &url, &is_url))
			put_link(&j, &page->links[i], url);
	jsonw_array_end(&j);
	jsonw_object_end(&j);
	if (j.err == 0)
		print_line(a);
	return j.err;
}

/* -- the command ------------------------------------------------------------------- */

static int
on_pdf_url(void *ctx, struct slice url)
{
	print_link(ctx, &(struct page_link){.kind = LINK_PDF, .ref = url}, "UTF-8");
	return 0;
}

/* Links are all that is known of a PDF. */
static int
print_pdf(struct asked *a, struct slice pdf)
{
	struct arena arena;
	int r;

	if (a->facts)
		return say_error(EXIT_OTHER, "a PDF has no facts but its links");
	arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
	r = pdf_urls(pdf, &arena, on_pdf_url, a);
	arena_release(&arena);
	if (r < 0)
		return say_error(EXIT_OTHER, "cannot parse: %s", strerror(-r));
	return write_stdout((struct slice){0}) ? EXIT_DONE : EXIT_FILE;
}

static int
print_page(struct asked *a, struct slice html)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct arena arena;
	struct page page;
	int r;

	conf.http_charset = a->charset;
	conf.agent = a->agent;
	conf.links_max = SIZE_MAX;
	conf.want_anchors = a->json || a->facts;
	conf.want_text = a->facts;
	conf.want_ids = a->facts;
	conf.ids_max = SIZE_MAX;
	conf.want_speculative = a->speculative;
	arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
	r = page_parse(html, &conf, &arena, &page);
	if (r == 0) {
		apply_base(a, &page);
		if (a->facts)
			r = print_facts(a, &page);
		for (size_t i = 0; !a->facts && i < page.links_len; i++)
			print_link(a, &page.links[i], page.charset);
	}
	arena_release(&arena);
	if (r < 0)
		return say_error(EXIT_OTHER, "cannot parse: %s", strerror(-r));
	return write_stdout((struct slice){0}) ? EXIT_DONE : EXIT_FILE;
}

int
cmd_links(int argc, char **argv, struct nursery *nursery)
{
	static struct asked a;
	const char *base = NULL, *charset = NULL, *agent = PACKAGE_NAME;
	const struct tool_flag flags[] = {{"--base", &base, NULL},
	    {"--charset", &charset, NULL}, {"--agent", &agent, NULL},
	    {"--speculative", NULL, &a.speculative}, {"--facts", NULL, &a.facts},
	    {"--json", NULL, &a.json}};
	struct why why;
	struct buf html;
	int words, code = tool_flags(
		       argc, argv, flags, sizeof(flags) / sizeof(flags[0]), &words);

	(void)nursery;
	if (code == 0 && base != NULL)
		code = tool_base(base, a.base_store[0], URL_BYTES_MAX, &a.base);
	if (code == 0 && words > 1)
		code = usage_error("links reads one document");
	if (code != 0)
		return code;
	a.has_base = base != NULL;
	a.charset = slice_cstr(charset);
	a.agent = slice_cstr(agent);
	if (read_input(words > 0 ? argv[0] : NULL, TOOL_INPUT_MAX, &html, &why) < 0)
		return say_error(EXIT_FILE, "%s", why.text);
	buf_init(&a.line, LINE_MAX_BYTES);
	code = pdf_is_one(buf_slice(&html)) ? print_pdf(&a, buf_slice(&html))
					    : print_page(&a, buf_slice(&html));
	buf_release(&a.line);
	buf_release(&html);
	return code;
}
