#include "crawl/copy.h"
#include "sink/mirror_page.h"
#include "web/relink.h"
#include <errno.h>

enum {
	SCRATCH_BLOCK = 1 << 14,
	KEPT_BYTES = 1 << 20,
	URLS_FREE = 1 << 20, /* bytes of URLs that any page may have */
};

struct copying {
	struct copier *copier;
	const struct copy_page *page;
	uint64_t urls_left; /* bytes */
	/* The link that was found last. */
	struct url url;
	char text[URL_BYTES_MAX];
	struct slice fragment;
};

void
copier_init(struct copier *c)
{
	buf_init(&c->pieces, SIZE_MAX / 2);
	arena_init(&c->scratch, SCRATCH_BLOCK, SIZE_MAX);
}

void
copier_release(struct copier *c)
{
	buf_release(&c->pieces);
	arena_release(&c->scratch);
}

void
copier_wipe(struct copier *c)
{
	buf_wipe(&c->pieces);
	arena_wipe(&c->scratch);
}

static int
is_link(void *ctx, struct slice ref)
{
	struct copying *c = ctx;
	size_t at = slice_find(ref, '#');

	if (at == 0 && !c->page->has_base)
		return 0; /* a place on the page itself */
	c->fragment = slice_head(slice_from(ref, at + 1), MIRROR_FRAGMENT_BYTES_MAX);
	if (outlinks_url(c->page->links, slice_head(ref, at), c->text, &c->url) != URL_OK)
		return 0;
	return c->url.len + c->fragment.len + MIRROR_LINK_BYTES <= c->urls_left;
}

static int
on_link(void *ctx, unsigned form)
{
	struct copying *c = ctx;

	c->urls_left -= c->url.len + c->fragment.len + MIRROR_LINK_BYTES;
	return mirror_piece_link(
	    &c->copier->pieces, form, url_text(&c->url), c->fragment);
}

static int
on_same(void *ctx, struct slice bytes)
{
	struct copying *c = ctx;

	return mirror_piece_same(&c->copier->pieces, bytes);
}

int
copy_page(struct copier *copier, const struct copy_page *page, struct slice *ret)
{
	static const struct relink_ops ops = {
	    .is_link = is_link, .link = on_link, .same = on_same};
	struct copying c = {
	    .copier = copier, .page = page, .urls_left = page->body.len + URLS_FREE};
	struct relink_conf conf = {.ops = &ops,
	    .ctx = &c,
	    .arena = page->arena,
	    .scratch = &copier->scratch,
	    .http_charset = page->http_charset,
	    .charset = CHARSET_UTF_8,
	    .is_xml = page->is_xml};
	int r;

	(void)charset_find(page->charset, &conf.charset);
	if (copier->pieces.cap > KEPT_BYTES)
		buf_release(&copier->pieces);
	buf_clear(&copier->pieces);
	copier->pieces.max = page->bytes_max;
	r = page->is_css ? relink_css(page->body, &conf) : relink_html(page->body, &conf);
	arena_reset(&copier->scratch);
	if (r == 0)
		*ret = buf_slice(&copier->pieces);
	return r;
}
