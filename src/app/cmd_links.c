#include "app/tool.h"
#include "base/escape.h"
#include "base/json.h"
#include "web/page.h"
#include <stdio.h>
#include <string.h>

enum { ARENA_BLOCK = 1 << 16, ARENA_MAX = 1 << 30 };

struct asked {
	struct url base;
	bool has_base, json, speculative;
	char base_store[2][URL_BYTES_MAX];
	struct slice charset;
	struct buf line;
};

/* The document's own base, resolved against where it came from. */
static void
apply_base(struct asked *a, const struct page *page)
{
	struct url url;

	if (!page->has_base ||
	    url_resolve(a->has_base ? &a->base : NULL, page->base_href, (struct slice){0},
		0, a->base_store[1], URL_BYTES_MAX, &url) != URL_OK)
		return;
	a->base = url;
	a->has_base = true;
}

static void
print_link(struct asked *a, const struct page_link *l, const char *charset)
{
	char out[URL_BYTES_MAX];
	struct url url;
	struct slice text = l->ref;
	enum url_status s = url_resolve(a->has_base ? &a->base : NULL, l->ref,
	    slice_cstr(charset), 0, out, sizeof(out), &url);
	struct jsonw j;

	if (s == URL_OK)
		text = url_text(&url);
	else if (s != URL_RELATIVE_WITHOUT_BASE)
		return; /* mailto:, data:, and what is no URL at all */
	buf_clear(&a->line);
	if (a->json) {
		jsonw_init(&j, &a->line);
		jsonw_object(&j, NULL);
		jsonw_str(&j, "kind", slice_cstr(link_kind_name(l->kind)));
		jsonw_str(&j, "url", text);
		jsonw_str(&j, "ref", l->ref);
		jsonw_opt(&j, "text", l->anchor);
		if ((l->rel & LINK_REL_NOFOLLOW) != 0)
			jsonw_bool(&j, "nofollow", true);
		if ((l->rel & LINK_REL_UGC) != 0)
			jsonw_bool(&j, "ugc", true);
		if ((l->rel & LINK_REL_SPONSORED) != 0)
			jsonw_bool(&j, "sponsored", true);
		jsonw_object_end(&j);
	} else {
		(void)buf_printf(&a->line, "%s\t", link_kind_name(l->kind));
		/* The normal form is plain ASCII; what could not be resolved is as it
		 * came. */
		if (s == URL_OK)
			(void)buf_add_slice(&a->line, text);
		else
			(void)escape_terminal(&a->line, text);
	}
	(void)buf_add_byte(&a->line, '\n');
	(void)fwrite(a->line.ptr, 1, a->line.len, stdout);
}

static int
print_links(struct asked *a, struct slice html)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct arena arena;
	struct page page;
	int r;

	conf.http_charset = a->charset;
	conf.links_max = SIZE_MAX;
	conf.want_anchors = a->json;
	conf.want_speculative = a->speculative;
	arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
	r = page_parse(html, &conf, &arena, &page);
	if (r == 0) {
		apply_base(a, &page);
		for (size_t i = 0; i < page.links_len; i++)
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
	const char *base = NULL, *charset = NULL;
	const struct tool_flag flags[] = {{"--base", &base, NULL},
	    {"--charset", &charset, NULL}, {"--speculative", NULL, &a.speculative},
	    {"--json", NULL, &a.json}};
	struct why why;
	struct buf html;
	int words, code = tool_flags(argc, argv, flags, 4, &words);

	(void)nursery;
	if (code == 0 && base != NULL)
		code = tool_base(base, a.base_store[0], URL_BYTES_MAX, &a.base);
	if (code == 0 && words > 1)
		code = usage_error("links reads one document");
	if (code != 0)
		return code;
	a.has_base = base != NULL;
	a.charset = slice_cstr(charset);
	if (read_input(words > 0 ? argv[0] : NULL, TOOL_INPUT_MAX, &html, &why) < 0)
		return say_error(EXIT_FILE, "%s", why.text);
	buf_init(&a.line, 1 << 20);
	code = print_links(&a, buf_slice(&html));
	buf_release(&a.line);
	buf_release(&html);
	return code;
}
