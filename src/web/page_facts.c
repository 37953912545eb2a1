/* Link elements that name other forms of the page: languages, feeds, sitemaps; and what
 * a fragment may name in it. */
#include "web/http.h"
#include "web/page_int.h"
#include <errno.h>

#include "base/banned.h"

enum { REFS_FIRST = 8, IDS_FIRST = 32 };

static int
ref_add(struct page_parser *p, const struct page_ref *ref)
{
	struct page *page = p->page;
	size_t cap = p->refs_cap == 0 ? REFS_FIRST : p->refs_cap * 2;
	struct page_ref *grown;

	if (page->refs_len >= p->conf->refs_max)
		return 0;
	if (page->refs_len == p->refs_cap) {
		grown = arena_alloc(p->arena, cap * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		if (page->refs_len > 0)
			memcpy(grown, page->refs, page->refs_len * sizeof(*grown));
		page->refs = grown;
		p->refs_cap = cap;
	}
	page->refs[page->refs_len++] = *ref;
	return 0;
}

/* "application/rss+xml; charset=..."; JSON alone may be anything. */
static bool
is_feed_type(struct slice type)
{
	type = slice_trim(slice_head(type, slice_find(type, ';')));
	return slice_ieq(type, SLICE_LIT("application/rss+xml")) ||
	       slice_ieq(type, SLICE_LIT("application/atom+xml")) ||
	       slice_ieq(type, SLICE_LIT("application/feed+json"));
}

static int
title_get(struct page_parser *p, const struct html_tag *tag, struct slice *ret)
{
	size_t max = p->conf->title_bytes_max;
	struct slice title = {0};
	char *text;
	int err = page_value_of(p, tag, HTML_N_TITLE, &title);

	if (err != 0 || title.len == 0)
		return err;
	max = title.len < max ? title.len : max;
	text = arena_text(p->arena, max);
	if (text == NULL)
		return -ENOMEM;
	*ret = gather_one(title, text, max);
	return 0;
}

int
page_refs_of(struct page_parser *p, const struct html_tag *tag)
{
	struct slice rel = {0}, href = {0}, lang = {0}, type = {0};
	struct page_ref ref = {0};
	bool alternate, sitemap;
	int err = page_value_of(p, tag, HTML_N_REL, &rel);

	alternate = http_has_token(rel, SLICE_LIT("alternate"));
	sitemap = http_has_token(rel, SLICE_LIT("sitemap"));
	if (err != 0 || (!alternate && !sitemap))
		return err;
	if ((err = page_value_of(p, tag, HTML_N_HREF, &href)) != 0 ||
	    (err = page_value_of(p, tag, HTML_N_HREFLANG, &lang)) != 0 ||
	    (err = page_value_of(p, tag, HTML_N_TYPE, &type)) != 0 ||
	    (err = title_get(p, tag, &ref.title)) != 0)
		return err;
	ref.ref = page_strip(href);
	ref.lang = slice_trim(lang);
	if (ref.ref.len == 0)
		return 0;
	if (sitemap)
		ref.kind = PAGE_REF_SITEMAP;
	else if (is_feed_type(type))
		ref.kind = PAGE_REF_FEED;
	else if (ref.lang.len > 0 && !http_has_token(rel, SLICE_LIT("stylesheet")))
		ref.kind = PAGE_REF_LANG;
	else
		return 0;
	return ref_add(p, &ref);
}

static int
id_add(struct page_parser *p, struct slice id)
{
	struct page *page = p->page;
	size_t cap = p->ids_cap == 0 ? IDS_FIRST : p->ids_cap * 2;
	struct slice *ids;

	if (id.len == 0)
		return 0;
	page->ids_total++;
	if (page->ids_len >= p->conf->ids_max)
		return 0;
	if (page->ids_len == p->ids_cap) {
		ids = arena_alloc(p->arena, cap * sizeof(*ids));
		if (ids == NULL)
			return -ENOMEM;
		if (page->ids_len > 0)
			memcpy(ids, page->ids, page->ids_len * sizeof(*ids));
		page->ids = ids;
		p->ids_cap = cap;
	}
	page->ids[page->ids_len++] = id;
	return 0;
}

int
page_ids_of(struct page_parser *p, const struct html_tag *tag)
{
	struct slice id = {0}, name = {0};
	int err = page_value_of(p, tag, HTML_N_ID, &id);

	if (err == 0)
		err = id_add(p, id);
	if (err != 0 || tag->id != HTML_N_A || tag->ns != HTML_NS_HTML)
		return err;
	err = page_value_of(p, tag, HTML_N_NAME, &name);
	return err != 0 || slice_eq(id, name) ? err : id_add(p, name);
}
