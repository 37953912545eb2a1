/*
 * Input: HTML.  The links of the streaming pass are the same whatever else is asked of it
 * (each way has tags of its own that it leaves out), and they are those of a walk over
 * gumbo's tree, whatever the page, but for what is listed here: the places where a tree
 * builder throws tags away, or goes on in another state, for what a stack of open elements
 * tells it.
 *
 * Compared is the page as prepared():
 *   - of tags that a tree builder may drop where they stand (a <td> outside of a table,
 *     the second <body>, a <form> in a form ...) the attributes are blank: they have no
 *     links then, wherever they go;
 *   - characters that gumbo replaces, and NUL, are '?'; so is the '&' of a numeric
 *     reference with so many digits that gumbo's number overflows;
 *   - "</>" is "?/>": in SVG gumbo passes over the end tag behind it.
 * Not compared are pages with these, see tree_is_comparable():
 *   - <select>, <frameset>: gumbo drops what is in them, and goes on in the data state
 *     where a <title> or <style> of them is;
 *   - <col> in a <template>: the same;
 *   - an attribute twice in a tag: gumbo glues its name to that of the next;
 *   - SVG or MathML that is not closed by its own tags, and end tags of HTML elements in
 *     it: whether those close it depends on the HTML elements that are open.
 */
#include "fuzz.h"
#if HAVE_GUMBO
#include "../corpus/tree.h"
#include "web/html.h"

/* -- the page as it is compared --------------------------------------------------------- */

struct prepared {
	char *text; /* to be changed in place */
	const struct html *html;
	uint32_t foreign_len; /* before the tag */
	size_t forms, selects, framesets, templates, cols, noscripts;
	bool is_odd;
};

static bool
may_be_dropped(struct prepared *p, const struct html_tag *tag)
{
	switch (tag->id) {
	case HTML_N_HTML:
	case HTML_N_HEAD:
	case HTML_N_BODY:
	case HTML_N_FRAME:
	case HTML_N_CAPTION:
	case HTML_N_COL:
	case HTML_N_COLGROUP:
	case HTML_N_TBODY:
	case HTML_N_THEAD:
	case HTML_N_TFOOT:
	case HTML_N_TR:
	case HTML_N_TD:
	case HTML_N_TH:
		return true;
	case HTML_N_FORM: /* the first stays */
		return p->forms++ > 0;
	default: /* which gumbo still makes a form of */
		return slice_ieq(slice_of(tag->raw + tag->name_at, tag->name_len),
		    SLICE_LIT("isindex"));
	}
}

/* Are there bytes from `at` on, up to `to` or '>', that belong to no name or value? */
static bool
has_more(const struct html_tag *tag, uint32_t at, uint32_t to)
{
	while (at < to && tag->raw[at] != '>' && strchr(" \t\n\f\r/='\"", tag->raw[at]))
		at++;
	return at < to && tag->raw[at] != '>';
}

static bool
repeats_attributes(const struct html_tag *tag)
{
	uint32_t at = tag->name_at + tag->name_len;

	for (uint32_t i = 0; i < tag->attrs_len; i++) {
		const struct html_attr *a = &tag->attrs[i];

		if (has_more(tag, at, a->name_at))
			return true;
		at = a->name_at + a->name_len;
		if (a->value_at + a->value_len > at)
			at = a->value_at + a->value_len;
	}
	return has_more(tag, at, UINT32_MAX);
}

/* More than the tokenizer keeps apart; an end tag that ended SVG without being of it. */
static bool
is_odd(const struct prepared *p, const struct html_tag *tag)
{
	const struct html *t = p->html;

	if (tag->attrs_len >= HTML_ATTRS_MAX || t->foreign_len == HTML_FOREIGN_MAX ||
	    repeats_attributes(tag))
		return true;
	return tag->is_end && t->foreign_len < p->foreign_len &&
	       t->foreign[t->foreign_len].name_key != tag->name_key;
}

static int
on_tag(void *ctx, const struct html_tag *tag)
{
	struct prepared *p = ctx;

	p->is_odd |= is_odd(p, tag);
	p->foreign_len = p->html->foreign_len;
	if (tag->is_end || tag->ns != HTML_NS_HTML)
		return 0;
	p->selects += tag->id == HTML_N_SELECT;
	p->framesets += tag->id == HTML_N_FRAMESET;
	p->templates += tag->id == HTML_N_TEMPLATE;
	p->noscripts += tag->id == HTML_N_NOSCRIPT;
	p->cols += tag->id == HTML_N_COL || tag->id == HTML_N_COLGROUP;
	if (may_be_dropped(p, tag))
		for (uint32_t i = 0; i < tag->attrs_len; i++) {
			const struct html_attr *a = &tag->attrs[i];
			size_t at = (size_t)(tag->raw - p->text);

			memset(p->text + at + a->name_at, 'x', a->name_len);
			memset(p->text + at + a->value_at, 'x', a->value_len);
		}
	return 0;
}

static void
prepare(struct prepared *p, struct slice text)
{
	static const struct html_sink sink = {.tag = on_tag};
	static struct html html;

	p->html = &html;
	html_init(&html, &sink, p, HTML_MODELS | HTML_TEXT_RAW, 0);
	FUZZ_CHECK(html_feed(&html, text, true) == 0);
	html_release(&html);
}

static bool
tree_is_comparable(const struct prepared *p, const struct tree_links *tree)
{
	return p->selects + p->framesets == 0 && (p->cols == 0 || p->templates == 0) &&
	       !p->is_odd && (tree->odd & TREE_ODD_FOREIGN) == 0;
}

/* -- one pass and another ----------------------------------------------------------------- */

static void
links_are_the_same(const struct page *a, const struct page *b)
{
	FUZZ_CHECK(a->links_len == b->links_len && a->links_total == b->links_total);
	for (size_t i = 0; i < a->links_len; i++)
		FUZZ_CHECK(a->links[i].kind == b->links[i].kind &&
			   a->links[i].rel == b->links[i].rel &&
			   slice_eq(a->links[i].ref, b->links[i].ref));
	FUZZ_CHECK(a->has_base == b->has_base && slice_eq(a->base_href, b->base_href));
}

static void
page_parse_in_all_ways(struct slice html, struct arena *a, struct page *ret)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct page other;

	conf.links_max = SIZE_MAX;
	conf.http_charset = SLICE_LIT("utf-8");
	FUZZ_CHECK(page_parse(html, &conf, a, ret) == 0);
	conf.want_anchors = true;
	FUZZ_CHECK(page_parse(html, &conf, a, &other) == 0);
	links_are_the_same(ret, &other);
	conf.want_text = true;
	FUZZ_CHECK(page_parse(html, &conf, a, &other) == 0);
	links_are_the_same(ret, &other);
}

/* -- comparing -------------------------------------------------------------------------- */

struct differences {
	const struct prepared *p;
	size_t n;
};

static void
on_difference(void *ctx, const struct tree_link *l, bool is_ours)
{
	struct differences *d = ctx;

	/* Which form a button belongs to does not stand in gumbo's tree. */
	if (d->p->forms > 0 && strcmp(l->kind, "form") == 0)
		return;
	(void)fprintf(stderr, "only %s: %s " SLICE_FMT "\n",
	    is_ours ? "ours" : "in the tree", l->kind, SLICE_ARG(l->ref));
	d->n++;
}

static void
page_compare(struct slice html, const struct prepared *p, struct arena *a)
{
	struct differences d = {.p = p};
	struct tree_links ours, tree;
	struct page page;

	page_parse_in_all_ways(html, a, &page);
	FUZZ_CHECK(tree_links_of_page(&page, a, &ours) == 0);
	FUZZ_CHECK(tree_links_of_html(html, a, &tree) == 0);
	if (!tree_is_comparable(p, &tree))
		return;
	tree_links_compare(&ours, &tree, on_difference, &d);
	FUZZ_CHECK(d.n == 0);
	/* With scripts a <noscript> is text up to its end tag; to gumbo it is an element. */
	if (p->noscripts + p->templates == 0)
		FUZZ_CHECK(ours.has_base == tree.has_base &&
			   slice_eq(ours.base_href, tree.base_href));
}

/* Of a character at `s`, which is UTF-8: its length, and whether gumbo leaves it alone. */
static size_t
character(struct slice s, bool *ret_plain)
{
	unsigned char c = (unsigned char)s.ptr[0];
	size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
	uint32_t code = n == 1 ? c : c & (0x7Fu >> n);

	FUZZ_CHECK(n <= s.len);
	for (size_t i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)s.ptr[i] & 0x3F);
	*ret_plain = (code >= 0x20 && code < 0x7F) || c == '\t' || c == '\n' ||
		     c == '\f' || c == '\r' ||
		     (code >= 0xA0 && (code & 0xFFFE) != 0xFFFE &&
			 !(code >= 0xFDD0 && code <= 0xFDEF) && code != 0xFEFF);
	return n;
}

static bool
is_huge_reference(struct slice s)
{
	size_t n = 2, digits = 0;

	if (!slice_starts(s, SLICE_LIT("&#")))
		return false;
	n += n < s.len && ascii_lower(s.ptr[n]) == 'x';
	for (; n < s.len && ascii_hex(s.ptr[n]) >= 0; n++)
		digits++;
	return digits > 7;
}

static struct slice
plain_text(struct slice utf8, char *out)
{
	size_t len = 0, n;
	bool plain;

	for (; utf8.len > 0; utf8 = slice_from(utf8, n)) {
		n = character(utf8, &plain);
		plain &=
		    !is_huge_reference(utf8) && !slice_starts(utf8, SLICE_LIT("</>"));
		if (plain)
			memcpy(out + len, utf8.ptr, n);
		else
			out[len] = '?';
		len += plain ? n : 1;
	}
	return slice_of(out, len);
}

FUZZ_TARGET(links)
{
	struct prepared p = {0};
	struct slice utf8, html;
	struct arena a;

	arena_init(&a, 1 << 16, 256 << 20);
	FUZZ_CHECK(charset_to_utf8(CHARSET_UTF_8, slice_of(data, size), &a, &utf8) == 0);
	p.text = arena_text(&a, utf8.len);
	FUZZ_CHECK(p.text != NULL);
	html = plain_text(utf8, p.text);
	prepare(&p, html);
	page_compare(html, &p, &a);
	arena_release(&a);
	return 0;
}
#else
FUZZ_TARGET(links)
{
	(void)data;
	(void)size;
	return 0;
}
#endif
