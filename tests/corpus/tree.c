#include "tree.h"
#if HAVE_GUMBO
#include "web/css.h"
#include "web/srcset.h"
#include <errno.h>
#include <gumbo.h>
#include <stdlib.h>

/* -- sets ------------------------------------------------------------------------------ */

struct walk {
	struct arena *arena;
	struct tree_links *links;
	const char *kind; /* of the URLs of the value that is being read */
	uint32_t templates, noscripts;
};

static struct slice
strip(struct slice s)
{
	while (s.len > 0 && strchr(" \t\n\f\r", s.ptr[0]) != NULL && s.ptr[0] != '\0')
		s = slice_from(s, 1);
	while (s.len > 0 && s.ptr[s.len - 1] != '\0' &&
	       strchr(" \t\n\f\r", s.ptr[s.len - 1]) != NULL)
		s.len--;
	return s;
}

static int
add(struct arena *a, struct tree_links *links, const char *kind, struct slice ref)
{
	if (links->len == links->cap) {
		size_t cap = links->cap == 0 ? 64 : links->cap * 2;
		struct tree_link *v = arena_alloc(a, cap * sizeof(*v));

		if (v == NULL)
			return -ENOMEM;
		if (links->len > 0)
			memcpy(v, links->v, links->len * sizeof(*v));
		links->v = v;
		links->cap = cap;
	}
	links->v[links->len].kind = kind;
	return arena_copy(a, strip(ref), &links->v[links->len++].ref) ? 0 : -ENOMEM;
}

static int
compare(const struct tree_link *a, const struct tree_link *b)
{
	int c = strcmp(a->kind, b->kind);
	size_t n = a->ref.len < b->ref.len ? a->ref.len : b->ref.len;

	if (c == 0 && n > 0)
		c = memcmp(a->ref.ptr, b->ref.ptr, n);
	return c != 0 ? c : (a->ref.len > b->ref.len) - (a->ref.len < b->ref.len);
}

static int
compare_void(const void *a, const void *b)
{
	return compare(a, b);
}

static void
make_set(struct tree_links *links)
{
	size_t kept = 0;

	if (links->len == 0)
		return;
	qsort(links->v, links->len, sizeof(*links->v), compare_void);
	for (size_t i = 0; i < links->len; i++)
		if (kept == 0 || compare(&links->v[i], &links->v[kept - 1]) != 0)
			links->v[kept++] = links->v[i];
	links->len = kept;
}

void
tree_links_compare(
    const struct tree_links *a, const struct tree_links *b, tree_diff_fn *fn, void *ctx)
{
	size_t i = 0, k = 0;

	while (i < a->len || k < b->len) {
		int c = i == a->len ? 1 : k == b->len ? -1 : compare(&a->v[i], &b->v[k]);

		if (c < 0)
			fn(ctx, &a->v[i], true);
		else if (c > 0)
			fn(ctx, &b->v[k], false);
		i += c <= 0;
		k += c >= 0;
	}
}

int
tree_links_of_page(const struct page *page, struct arena *a, struct tree_links *ret)
{
	int err = 0;

	*ret =
	    (struct tree_links){.has_base = page->has_base, .base_href = page->base_href};
	for (size_t i = 0; i < page->links_len && err == 0; i++)
		err =
		    add(a, ret, link_kind_name(page->links[i].kind), page->links[i].ref);
	make_set(ret);
	return err;
}

/* -- values ---------------------------------------------------------------------------- */

enum how { URL, URL_OR_EMPTY, SRCSET, LIST };

static int
add_value(struct walk *w, const char *kind, enum how how, struct slice value)
{
	struct slice url;
	int err = 0;

	if (how == SRCSET) {
		while (err == 0 && srcset_next(&value, &url))
			err = add(w->arena, w->links, kind, url);
		return err;
	}
	if (how == LIST) {
		while (err == 0 && (value = strip(value)).len > 0) {
			size_t n = strcspn(value.ptr, " \t\n\f\r");

			n = n < value.len ? n : value.len;
			err = add(w->arena, w->links, kind, slice_head(value, n));
			value = slice_from(value, n);
		}
		return err;
	}
	if (how == URL && strip(value).len == 0)
		return 0;
	return add(w->arena, w->links, kind, value);
}

static int
css_url(void *ctx, struct slice url)
{
	struct walk *w = ctx;

	url = strip(url);
	if (url.len == 0 || url.ptr[0] == '#')
		return 0;
	return add(w->arena, w->links, "css", url);
}

/* -- elements -------------------------------------------------------------------------- */

static struct slice
attr_value(const GumboAttribute *a)
{
	return slice_cstr(a->value);
}

static const GumboAttribute *
attr_of(const GumboElement *e, const char *name)
{
	for (unsigned i = 0; i < e->attributes.length; i++) {
		const GumboAttribute *a = e->attributes.data[i];

		if (a->attr_namespace == GUMBO_ATTR_NAMESPACE_NONE &&
		    strcmp(a->name, name) == 0)
			return a;
	}
	return NULL;
}

static struct slice
value_of(const GumboElement *e, const char *name)
{
	const GumboAttribute *a = attr_of(e, name);

	return a == NULL ? (struct slice){0} : attr_value(a);
}

static bool
has_word(struct slice list, const char *word)
{
	while ((list = strip(list)).len > 0) {
		size_t n = 0;

		while (n < list.len && strchr(" \t\n\f\r", list.ptr[n]) == NULL)
			n++;
		if (slice_ieq(slice_head(list, n), slice_cstr(word)))
			return true;
		list = slice_from(list, n);
	}
	return false;
}

struct rule {
	GumboTag tag;
	const char *attr, *kind;
	enum how how;
};

/* "link", forms and buttons, meta, base and style have functions of their own. */
static const struct rule rules[] = {
    {GUMBO_TAG_A, "href", "a", URL_OR_EMPTY},
    {GUMBO_TAG_A, "ping", "ping", LIST},
    {GUMBO_TAG_AREA, "href", "area", URL_OR_EMPTY},
    {GUMBO_TAG_AREA, "ping", "ping", LIST},
    {GUMBO_TAG_IMG, "src", "img", URL},
    {GUMBO_TAG_IMG, "srcset", "srcset", SRCSET},
    {GUMBO_TAG_IMG, "longdesc", "longdesc", URL},
    {GUMBO_TAG_IMG, "lowsrc", "img", URL},
    {GUMBO_TAG_SOURCE, "src", "source", URL},
    {GUMBO_TAG_SOURCE, "srcset", "srcset", SRCSET},
    {GUMBO_TAG_VIDEO, "src", "video", URL},
    {GUMBO_TAG_VIDEO, "poster", "poster", URL},
    {GUMBO_TAG_AUDIO, "src", "audio", URL},
    {GUMBO_TAG_TRACK, "src", "track", URL},
    {GUMBO_TAG_SCRIPT, "src", "script", URL},
    {GUMBO_TAG_IFRAME, "src", "iframe", URL},
    {GUMBO_TAG_IFRAME, "longdesc", "longdesc", URL},
    {GUMBO_TAG_FRAME, "src", "frame", URL},
    {GUMBO_TAG_FRAME, "longdesc", "longdesc", URL},
    {GUMBO_TAG_EMBED, "src", "embed", URL},
    {GUMBO_TAG_OBJECT, "data", "object", URL},
    {GUMBO_TAG_BODY, "background", "body", URL},
    {GUMBO_TAG_TABLE, "background", "body", URL},
    {GUMBO_TAG_TBODY, "background", "body", URL},
    {GUMBO_TAG_THEAD, "background", "body", URL},
    {GUMBO_TAG_TFOOT, "background", "body", URL},
    {GUMBO_TAG_TR, "background", "body", URL},
    {GUMBO_TAG_TD, "background", "body", URL},
    {GUMBO_TAG_TH, "background", "body", URL},
    {GUMBO_TAG_BLOCKQUOTE, "cite", "cite", URL},
    {GUMBO_TAG_Q, "cite", "cite", URL},
    {GUMBO_TAG_INS, "cite", "cite", URL},
    {GUMBO_TAG_DEL, "cite", "cite", URL},
};

static bool
is_get(struct slice method, bool otherwise)
{
	if (method.len == 0)
		return otherwise;
	return !slice_ieq(method, SLICE_LIT("post")) &&
	       !slice_ieq(method, SLICE_LIT("dialog"));
}

static int
form(struct walk *w, const GumboElement *e)
{
	const GumboAttribute *action = attr_of(e, "action");

	if (action == NULL || !is_get(value_of(e, "method"), true))
		return 0;
	return add_value(w, "form", URL_OR_EMPTY, attr_value(action));
}

/* <button> and <input>, which belong to the form around them. */
static int
submit(struct walk *w, const GumboNode *n)
{
	const GumboElement *e = &n->v.element;
	bool get = false; /* it belongs to none */
	int err = 0;

	for (const GumboNode *up = n->parent; up != NULL; up = up->parent)
		if (up->type == GUMBO_NODE_ELEMENT &&
		    up->v.element.tag == GUMBO_TAG_FORM) {
			get = is_get(value_of(&up->v.element, "method"), true);
			break;
		}
	if (e->tag == GUMBO_TAG_INPUT &&
	    slice_ieq(value_of(e, "type"), SLICE_LIT("image")))
		err = add_value(w, "input", URL, value_of(e, "src"));
	if (err == 0 && is_get(value_of(e, "formmethod"), get))
		err = add_value(w, "form", URL, value_of(e, "formaction"));
	return err;
}

static int
link_element(struct walk *w, const GumboElement *e)
{
	static const char *const embeds[] = {"stylesheet", "icon", "apple-touch-icon",
	    "apple-touch-icon-precomposed", "apple-touch-startup-image", "mask-icon",
	    "fluid-icon", "image_src", "preload", "modulepreload"};
	struct slice rel = value_of(e, "rel");
	bool is_embed = false, is_manifest = has_word(rel, "manifest");
	int err =
	    add_value(w, is_manifest ? "manifest" : "link", URL, value_of(e, "href"));

	for (size_t i = 0; i < sizeof(embeds) / sizeof(embeds[0]); i++)
		is_embed |= has_word(rel, embeds[i]);
	if (err == 0 && is_embed && !is_manifest)
		err = add_value(w, "srcset", SRCSET, value_of(e, "imagesrcset"));
	return err;
}

static int
meta(struct walk *w, const GumboElement *e)
{
	struct refresh r;

	if (slice_ieq(value_of(e, "http-equiv"), SLICE_LIT("refresh")) &&
	    refresh_parse(value_of(e, "content"), &r) && r.has_url)
		return add(w->arena, w->links, "meta-refresh", r.url);
	return 0;
}

/* Only the first counts, and none in a <template> or <noscript>, which a browser that
 * runs scripts does not see. */
static int
base(struct walk *w, const GumboElement *e)
{
	const GumboAttribute *href = attr_of(e, "href");

	if (href == NULL || w->links->has_base || w->templates > 0 || w->noscripts > 0)
		return 0;
	w->links->has_base = true;
	return arena_copy(w->arena, strip(attr_value(href)), &w->links->base_href)
		   ? 0
		   : -ENOMEM;
}

static int
style(struct walk *w, const GumboElement *e)
{
	struct slice type = value_of(e, "type");
	size_t len = 0, max = 0;
	char *css;

	if (type.len > 0 && !slice_ieq(type, SLICE_LIT("text/css")))
		return 0;

	for (unsigned i = 0; i < e->children.length; i++) {
		const GumboNode *n = e->children.data[i];

		if (n->type == GUMBO_NODE_TEXT || n->type == GUMBO_NODE_CDATA ||
		    n->type == GUMBO_NODE_WHITESPACE)
			max += strlen(n->v.text.text);
	}
	css = arena_text(w->arena, max);
	if (css == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < e->children.length; i++) {
		const GumboNode *n = e->children.data[i];

		if (n->type == GUMBO_NODE_TEXT || n->type == GUMBO_NODE_CDATA ||
		    n->type == GUMBO_NODE_WHITESPACE) {
			memcpy(css + len, n->v.text.text, strlen(n->v.text.text));
			len += strlen(n->v.text.text);
		}
	}
	return css_urls(slice_of(css, len), w->arena, css_url, w);
}

static int
html_element(struct walk *w, const GumboNode *n)
{
	const GumboElement *e = &n->v.element;
	int err = 0;

	switch (e->tag) {
	case GUMBO_TAG_FORM:
		return form(w, e);
	case GUMBO_TAG_BUTTON:
	case GUMBO_TAG_INPUT:
		return submit(w, n);
	case GUMBO_TAG_LINK:
		return link_element(w, e);
	case GUMBO_TAG_META:
		return meta(w, e);
	case GUMBO_TAG_BASE:
		return base(w, e);
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && err == 0; i++) {
		const GumboAttribute *a;

		if (rules[i].tag != e->tag)
			continue;
		a = attr_of(e, rules[i].attr);
		if (a != NULL)
			err = add_value(w, rules[i].kind, rules[i].how, attr_value(a));
	}
	return err;
}

static const char *const presentation[] = {"clip-path", "cursor", "fill", "filter",
    "marker", "marker-end", "marker-mid", "marker-start", "mask", "stroke"};

/* An attribute that is CSS; there are no at-rules. */
static int
css_value(struct walk *w, struct slice css)
{
	return slice_find(css, '(') == css.len ? 0 : css_urls(css, w->arena, css_url, w);
}

static int
foreign_element(struct walk *w, const GumboElement *e)
{
	const GumboAttribute *href = attr_of(e, "href");
	bool is_a = e->tag == GUMBO_TAG_A, is_script = e->tag == GUMBO_TAG_SCRIPT;
	struct slice value;
	int err = 0;

	for (size_t i = 0; i < sizeof(presentation) / sizeof(presentation[0]) &&
			   err == 0 && e->tag_namespace == GUMBO_NAMESPACE_SVG;
	     i++)
		err = css_value(w, value_of(e, presentation[i]));
	if (err != 0)
		return err;

	for (unsigned i = 0; i < e->attributes.length && href == NULL; i++) {
		const GumboAttribute *a = e->attributes.data[i];

		if (a->attr_namespace == GUMBO_ATTR_NAMESPACE_XLINK &&
		    strcmp(a->name, "href") == 0)
			href = a;
	}
	if (href == NULL)
		return 0;
	value = strip(attr_value(href));
	if (e->tag_namespace == GUMBO_NAMESPACE_MATHML)
		return add_value(w, "a", URL_OR_EMPTY, value);
	if (!is_a && !is_script && value.len > 0 && value.ptr[0] == '#')
		return 0; /* a part of this document */
	return add_value(w,
	    is_a        ? "a"
	    : is_script ? "script"
			: "svg",
	    is_a ? URL_OR_EMPTY : URL, value);
}

/* -- the tree -------------------------------------------------------------------------- */

static bool
is_element(const GumboNode *n)
{
	return n->type == GUMBO_NODE_ELEMENT || n->type == GUMBO_NODE_TEMPLATE;
}

static int
element(struct walk *w, const GumboNode *n)
{
	const GumboElement *e = &n->v.element;
	const GumboAttribute *css = attr_of(e, "style");
	int err = 0;

	if (css != NULL)
		err = css_value(w, attr_value(css));
	if (err == 0 && e->tag_namespace == GUMBO_NAMESPACE_HTML)
		err = html_element(w, n);
	else if (err == 0)
		err = foreign_element(w, e);
	if (err == 0 && e->tag == GUMBO_TAG_STYLE)
		err = style(w, e);
	return err;
}

/* A step in document order; *ret_depth tells how `n` was left. */
static void
leave(struct walk *w, const GumboNode *n)
{
	if (n->type == GUMBO_NODE_TEMPLATE)
		w->templates--;
	else if (is_element(n) && n->v.element.tag == GUMBO_TAG_NOSCRIPT)
		w->noscripts--;
}

static const GumboNode *
next(struct walk *w, const GumboNode *n)
{
	if (is_element(n) && n->v.element.children.length > 0)
		return n->v.element.children.data[0];
	leave(w, n);
	while (n->parent != NULL && is_element(n->parent)) {
		const GumboVector *siblings = &n->parent->v.element.children;

		if (n->index_within_parent + 1 < siblings->length)
			return siblings->data[n->index_within_parent + 1];
		n = n->parent;
		leave(w, n);
	}
	return NULL;
}

/* By itself, or by an end tag of its name. */
static bool
is_closed(const GumboElement *e)
{
	GumboStringPiece start = e->original_tag, end = e->original_end_tag;

	if (start.length > 1 && start.data[start.length - 2] == '/')
		return true;
	gumbo_tag_from_original_text(&start);
	gumbo_tag_from_original_text(&end);
	return slice_ieq(
	    slice_of(start.data, start.length), slice_of(end.data, end.length));
}

static unsigned
oddness(const GumboNode *n)
{
	const GumboElement *e = &n->v.element;
	unsigned odd = 0;

	if (n->parse_flags & GUMBO_INSERTION_FOSTER_PARENTED)
		odd |= TREE_ODD_TABLE;
	if (n->parse_flags & (GUMBO_INSERTION_RECONSTRUCTED_FORMATTING_ELEMENT |
				 GUMBO_INSERTION_ADOPTION_AGENCY_CLONED |
				 GUMBO_INSERTION_ADOPTION_AGENCY_MOVED))
		odd |= TREE_ODD_COPIES;
	if (e->tag_namespace != GUMBO_NAMESPACE_HTML && !is_closed(e))
		odd |= TREE_ODD_FOREIGN;
	return odd;
}

static int
walk_tree(struct walk *w, const GumboNode *root)
{
	int err = 0;

	for (const GumboNode *n = root; n != NULL && err == 0; n = next(w, n)) {
		if (!is_element(n))
			continue;
		if (n->type == GUMBO_NODE_TEMPLATE)
			w->templates++;
		else if (n->v.element.tag == GUMBO_TAG_NOSCRIPT)
			w->noscripts++;
		w->links->odd |= oddness(n);
		err = element(w, n);
	}
	return err;
}

int
tree_links_of_html(struct slice html, struct arena *a, struct tree_links *ret)
{
	struct walk w = {.arena = a, .links = ret};
	GumboOptions options = kGumboDefaultOptions;
	GumboOutput *out;
	int err;

	*ret = (struct tree_links){0};
	options.max_errors = 0;
	out = gumbo_parse_with_options(&options, html.len == 0 ? "" : html.ptr, html.len);
	if (out == NULL)
		return -ENOMEM;
	err = walk_tree(&w, out->root);
	gumbo_destroy_output(&options, out);
	make_set(ret);
	return err;
}
#endif
