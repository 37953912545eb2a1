#include "crawl/parse.h"
#include "base/clock.h"
#include "crawl/fields.h"
#include "crawl/parse_internal.h"
#include "crawl/score.h"
#include "crawl/task.h"
#include "crawl/traps.h"
#include "frontier/known.h"
#include "frontier/urlrec.h"
#include "sink/checks.h"
#include "web/coding.h"
#include "web/http.h"
#include "web/page.h"
#include "web/pdf.h"
#include "web/robots.h"
#include "web/sitemap.h"
#include "web/srcset.h"
#include <errno.h>

enum {
	KEPT_BYTES = 1 << 20, /* a larger buffer is given back after the task */
	HEADER_LINKS_MAX = 100,
	SHAPE_ONE_IN = 4,
	RAW_LINKS_MAX = 500000,
};

/* ---- one answer ---- */

struct work {
	struct parser *p;
	const struct scope_rules *rules;
	const struct select *fields;
	const struct parse_limits *limits;
	struct task task;
	struct slice head, body;
	struct slice facts; /* of the head: what is looked at here */
	struct http_mime type;
	struct slice mime, http_charset; /* of type */
	struct page_robots robots;       /* of the head, then also of the page */
	struct found *found;
	struct checks_end checks; /* with --check-links */
};

/* Content coding off; what could be decoded of a broken body still counts. */
static int
decode(struct work *w, struct slice *ret)
{
	enum coding_status status;
	struct buf coding;
	int r;

	*ret = w->body;
	buf_init(&coding, 1024);
	r = http_header_join(w->facts, SLICE_LIT("content-encoding"), &coding);
	if (r == 0 && !coding_is_identity(buf_slice(&coding))) {
		buf_clear(&w->p->decoded);
		r = coding_decode(buf_slice(&coding), w->body, w->limits->decoded_bytes,
		    &w->p->decoded, &status);
		if (r == 0)
			w->found->coding = status;
		/* With nothing decoded it was most likely sent without the coding. */
		if (r == 0 && (w->p->decoded.len > 0 || status == CODING_OK))
			*ret = buf_slice(&w->p->decoded);
	}
	buf_release(&coding);
	w->found->body_bytes = ret->len;
	return r == -EMSGSIZE ? 0 : r;
}

enum document {
	DOCUMENT_NONE, /* nothing that we read */
	DOCUMENT_HTML,
	DOCUMENT_XHTML, /* or SVG */
	DOCUMENT_CSS,
	DOCUMENT_XML, /* a feed, a sitemap, or XHTML all the same */
	DOCUMENT_PDF,
};

static enum document
document_of(const struct work *w, struct slice body)
{
	static const struct {
		struct slice mime;
		enum document is;
	} types[] = {
	    {SLICE_LIT("text/html"), DOCUMENT_HTML},
	    {SLICE_LIT("text/css"), DOCUMENT_CSS},
	    {SLICE_LIT("application/xhtml+xml"), DOCUMENT_XHTML},
	    {SLICE_LIT("image/svg+xml"), DOCUMENT_XHTML},
	    {SLICE_LIT("application/rss+xml"), DOCUMENT_XML},
	    {SLICE_LIT("application/atom+xml"), DOCUMENT_XML},
	    {SLICE_LIT("application/rdf+xml"), DOCUMENT_XML},
	    {SLICE_LIT("application/xml"), DOCUMENT_XML},
	    {SLICE_LIT("text/xml"), DOCUMENT_XML},
	    {SLICE_LIT("application/pdf"), DOCUMENT_PDF},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (slice_eq(w->mime, types[i].mime))
			return types[i].is;
	/* No type was sent: what a browser would take it for. */
	if (w->mime.len == 0 && slice_starts(body, SLICE_LIT("%PDF-")))
		return DOCUMENT_PDF;
	body = slice_trim(slice_head(body, 512));
	if (w->mime.len > 0 || body.len == 0 || body.ptr[0] != '<')
		return DOCUMENT_NONE;
	return slice_starts(body, SLICE_LIT("<?xml")) ? DOCUMENT_XML : DOCUMENT_HTML;
}

/*
 * What a page declares nofollow is not discovered on it, so that another page may still
 * link there.  Its parts (images, styles, frames) are no links in that sense.
 */
static bool
is_nofollow(const struct work *w, enum link_kind kind, unsigned rel)
{
	unsigned obeyed = scope_nofollow(w->rules);

	if (obeyed == NOFOLLOW_NONE || link_kind_is_embed(kind))
		return false;
	return (w->robots.bits & PAGE_ROBOTS_NOFOLLOW) != 0 ||
	       (obeyed == NOFOLLOW_LINK &&
		   (rel & (LINK_REL_NOFOLLOW | LINK_REL_UGC | LINK_REL_SPONSORED)) != 0);
}

/* Those that are guesses, or those that are not. */
static int
add_some_links(struct work *w, const struct page *page, bool guesses)
{
	const struct score *score = scope_score(w->rules);
	int of_page = score_page(score, page->title, page->text);
	int r = 0;

	for (size_t i = 0; i < page->links_len && r == 0; i++) {
		const struct page_link *l = &page->links[i];

		w->p->links.score = score_add(of_page, score_anchor(score, l->anchor));
		w->p->links.anchor = l->anchor;
		if (link_kind_is_guess(l->kind) == guesses &&
		    (l->rel & LINK_REL_CONNECT) == 0 && !is_nofollow(w, l->kind, l->rel))
			r = outlinks_add(&w->p->links, l->kind, l->ref, 0);
	}
	w->p->links.anchor = (struct slice){0};
	return r;
}

/* Before the links: the same URL then counts as a sitemap. */
static int
add_page_sitemaps(struct work *w, const struct page *page)
{
	int r = 0;

	if (!scope_reads_sitemaps(w->rules) || is_nofollow(w, LINK_SITEMAP, 0))
		return 0;
	for (size_t i = 0; i < page->refs_len && r == 0; i++)
		if (page->refs[i].kind == PAGE_REF_SITEMAP)
			r = outlinks_add(&w->p->links, LINK_SITEMAP, page->refs[i].ref,
			    OUTLINK_NAMES_SITEMAP);
	return r;
}

static int
add_page_links(struct work *w, const struct page *page)
{
	int r;

	outlinks_base(
	    &w->p->links, page->has_base, page->base_href, slice_cstr(page->charset));
	r = add_page_sitemaps(w, page);
	if (r == 0)
		r = add_some_links(w, page, false);
	if (r == 0 && scope_speculative_max(w->rules) > 0)
		r = add_some_links(w, page, true);
	w->found->links_total += (uint32_t)page->links_total;
	return r;
}

static int
add_fields(struct work *w, const struct page *page)
{
	struct buf *b = &w->p->fields;
	const struct select_value *v;
	size_t n;
	int r = fields_of_page(
	    scope_url_rules(w->rules), &w->p->links.page, page, &w->p->arena, &v, &n);

	buf_clear(b);
	if (r == 0)
		r = select_values_encode(v, n, b);
	if (r == 0)
		w->found->fields = buf_slice(b);
	return r;
}

/* It costs twice what the links do: of URLs that have nothing in common with others only of
 * every fourth, which is enough to know the host by, and of each host's first page. */
static void
read_shape(struct work *w, struct slice body)
{
	const struct url *page = &w->p->links.page;
	uint64_t seed = scope_hash_seed(w->rules), drawn;
	struct url_pattern pattern;

	if (!scope_wants_shapes(w->rules))
		return;
	url_pattern(page, seed, &pattern);
	drawn = pattern.path ^ url_hash(url_authority(page), seed);
	if (!pattern.varies && !traps_by_tail(&pattern) && url_path(page).len > 1 &&
	    drawn % SHAPE_ONE_IN != 0)
		return;
	w->found->shape = text_shape(body, w->task.url);
	if (w->found->shape <= FOUND_SHAPE_BARE)
		w->found->shape = FOUND_SHAPE_BARE;
}

/* What a link may name in it. */
static int
add_ids(struct work *w, const struct page *page)
{
	struct checks_end *c = &w->checks;
	uint64_t *ids;

	if (!scope_checks(w->rules).ids)
		return 0;
	ids = arena_alloc(&w->p->arena, (page->ids_len + 1) * sizeof(*ids));
	if (ids == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < page->ids_len; i++)
		ids[i] = checks_hash(page->ids[i]);
	c->ids = ids;
	c->ids_len = (uint32_t)page->ids_len;
	c->ids_cut = page->ids_total > page->ids_len || w->task.cut != WARC_CUT_NONE ||
		     w->found->coding != CODING_OK;
	c->has_ids = true;
	return 0;
}

static bool
is_check(const struct work *w)
{
	return (w->task.flags & URLREC_CHECK) != 0;
}

/* One that cannot be taken apart is copied as it is. */
static int
relink(struct work *w, const struct page *page, struct slice body, enum document is)
{
	struct copy_page copy = {.links = &w->p->links,
	    .has_base = page->has_base,
	    .arena = &w->p->arena,
	    .body = body,
	    .http_charset = w->http_charset,
	    .charset = slice_cstr(page->charset),
	    .is_css = is == DOCUMENT_CSS,
	    .is_xml = is == DOCUMENT_XHTML,
	    .bytes_max = w->limits->copy_bytes};
	int r;

	if (w->found->copy == SINK_COPY_NONE || w->limits->copy != PARSE_COPY_RELINKED)
		return 0;
	r = copy_page(&w->p->copier, &copy, &w->found->copy_bytes);
	if (r == 0)
		w->found->copy = SINK_COPY_PIECES;
	return r == -ENOTSUP || r == -EMSGSIZE ? 0 : r;
}

static int
read_page(struct work *w, struct slice body, enum document is)
{
	struct scope_checks checks = scope_checks(w->rules);
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct page page;
	int r;

	conf.http_charset = w->http_charset;
	conf.agent = scope_agent(w->rules);
	conf.links_max =
	    RAW_LINKS_MAX; /* repeats are many: the cap is on distinct ones */
	conf.want_speculative = scope_speculative_max(w->rules) > 0;
	conf.want_text = scope_wants_simhash(w->rules) || scope_wants_text(w->rules) ||
			 score_wants_words(scope_score(w->rules)) || checks.probes;
	conf.want_anchors = score_wants_words(scope_score(w->rules)) || checks.links;
	conf.want_ids = checks.ids && is != DOCUMENT_CSS;
	conf.ids_max = CHECKS_IDS_MAX;
	conf.fields = w->fields;
	conf.is_xml = is == DOCUMENT_XHTML;
	r = is == DOCUMENT_CSS ? page_css(body, &conf, &w->p->arena, &page)
			       : page_parse(body, &conf, &w->p->arena, &page);
	if (r < 0)
		return r;
	w->found->charset = slice_cstr(page.charset);
	w->found->title = page.title;
	w->found->lang = slice_head(page.lang, 100);
	w->found->description = page.description;
	w->found->has_simhash =
	    page.has_simhash && (scope_wants_simhash(w->rules) || checks.probes);
	w->found->simhash = page.simhash;
	if (scope_wants_text(w->rules))
		w->found->text = page.text;
	if (conf.want_ids) {
		r = add_ids(w, &page);
		if (r < 0)
			return r;
	}
	if (is_check(w))
		return 0;
	if (is != DOCUMENT_CSS)
		read_shape(w, body);
	page_robots_add(&w->robots, &page.robots);
	r = add_page_links(w, &page);
	if (r == 0 && page.fields != NULL)
		r = add_fields(w, &page);
	if (r == 0)
		r = relink(w, &page, body, is);
	if (r == 0 && page.canonical.len > 0)
		r = outlinks_resolve(&w->p->links, page.canonical, &w->found->canonical);
	return r;
}

/* By its namespace, which stands in the first bytes. */
static bool
is_xhtml(struct slice body)
{
	struct slice name = SLICE_LIT("http://www.w3.org/1999/xhtml");

	body = slice_head(body, 4096);
	return body.len > 0 && memmem(body.ptr, body.len, name.ptr, name.len) != NULL;
}

/* What the pages name themselves, or their scripts do. */
static bool
is_extra(const struct sitemap_entry *e)
{
	return e->kind == SITEMAP_KIND_IMAGE || e->kind == SITEMAP_KIND_VIDEO ||
	       e->kind == SITEMAP_KIND_ALTERNATE;
}

static bool
on_extra(void *ctx, const struct sitemap_entry *e)
{
	struct work *w = ctx;
	enum link_kind kind = e->kind == SITEMAP_KIND_IMAGE   ? LINK_IMG
			      : e->kind == SITEMAP_KIND_VIDEO ? LINK_VIDEO
							      : LINK_SITEMAP;

	if (!is_extra(e))
		return true;
	w->found->links_total++;
	w->p->links.score = 0;
	return (!w->task.sitemap && is_nofollow(w, kind, 0)) ||
	       outlinks_add(&w->p->links, kind, e->loc, 0) == 0;
}

/* Pages first, of which the others must not take the room that links have. */
static int
read_entries(struct work *w, struct slice body, uint32_t entries_max, sitemap_fn *fn,
    struct sitemap_result *ret)
{
	const struct sitemap_conf conf = {.entries_max = entries_max};
	struct slice type = http_header_get(w->facts, SLICE_LIT("content-type"));
	int r = sitemap_parse(body, type, &conf, fn, w, ret);

	return r < 0 || ret->extras == 0 || !scope_reads_sitemap_extras(w->rules)
		   ? r
		   : sitemap_parse(body, type, &conf, on_extra, w, ret);
}

static bool
on_sitemap_entry(void *ctx, const struct sitemap_entry *e)
{
	struct work *w = ctx;

	if (is_extra(e))
		return true;
	w->found->links_total++;
	w->p->links.score =
	    score_sitemap(scope_score(w->rules), e, w->task.wall_us / 1000000);
	/* A feed in the place of a sitemap: what it encloses, where it goes on. */
	if (e->kind == SITEMAP_KIND_ENCLOSURE || e->kind == SITEMAP_KIND_FEED)
		return outlinks_add(&w->p->links, LINK_FEED, e->loc, 0) == 0;
	return outlinks_add(&w->p->links, LINK_SITEMAP, e->loc,
		   e->kind == SITEMAP_KIND_SITEMAP ? OUTLINK_IS_SITEMAP : 0) == 0;
}

static int
read_sitemap(struct work *w, struct slice body)
{
	struct sitemap_result result;
	struct buf plain;
	enum coding_status status = CODING_OK;
	int r;

	/* sitemap.xml.gz: a gzip file, not a content coding. */
	buf_init(&plain, w->limits->decoded_bytes);
	if (slice_starts(body, SLICE_LIT("\x1f\x8b")) &&
	    coding_decode(
		SLICE_LIT("gzip"), body, w->limits->decoded_bytes, &plain, &status) == 0)
		body = buf_slice(&plain);
	if (w->found->coding == CODING_OK)
		w->found->coding = status;
	r = read_entries(w, body, FOUND_SITEMAP_LINKS_MAX, on_sitemap_entry, &result);
	buf_release(&plain);
	return r;
}

/* Of a feed, or of a sitemap that a page links to: it is a document like others, and what
 * it names is in scope or not. */
static bool
on_xml_entry(void *ctx, const struct sitemap_entry *e)
{
	struct work *w = ctx;
	bool is_feed =
	    e->format == SITEMAP_FORMAT_RSS || e->format == SITEMAP_FORMAT_ATOM;
	enum link_kind kind = is_feed ? LINK_FEED : LINK_SITEMAP;

	if (is_extra(e))
		return true;
	w->found->links_total++;
	if (is_nofollow(w, kind, 0) || (!is_feed && !scope_reads_sitemaps(w->rules)))
		return true;
	w->p->links.score =
	    score_sitemap(scope_score(w->rules), e, w->task.wall_us / 1000000);
	return outlinks_add(&w->p->links, kind, e->loc, 0) == 0;
}

static int
read_xml(struct work *w, struct slice body)
{
	struct sitemap_result result;
	int r = read_entries(w, body, 0, on_xml_entry, &result);

	if (r == 0 && result.format == SITEMAP_FORMAT_NONE && is_xhtml(body))
		return read_page(w, body, DOCUMENT_XHTML);
	w->found->charset = w->http_charset;
	return r;
}

static int
on_pdf_url(void *ctx, struct slice url)
{
	struct work *w = ctx;

	w->found->links_total++;
	return is_nofollow(w, LINK_PDF, 0) ? 0
					   : outlinks_add(&w->p->links, LINK_PDF, url, 0);
}

struct robots_sitemaps {
	struct work *w;
	int err;
};

static bool
on_robots_sitemap(void *ctx, struct slice url)
{
	struct robots_sitemaps *s = ctx;

	s->err = outlinks_add(&s->w->p->links, LINK_SITEMAP, url, OUTLINK_IS_SITEMAP);
	return s->err == 0;
}

static int
read_robots(struct work *w, struct slice body)
{
	struct robots_sitemaps sitemaps = {.w = w};
	int r;

	buf_clear(&w->p->rules);
	r = robots_compile(body, scope_agent(w->rules), &w->p->rules);
	if (r < 0)
		return r;
	w->found->rules = buf_slice(&w->p->rules);
	if (scope_reads_sitemaps(w->rules))
		robots_sitemaps(body, on_robots_sitemap, &sitemaps);
	return sitemaps.err;
}

/* Not what names a host only, or is not to be followed. */
static int
add_header_link(struct work *w, const struct http_link *link)
{
	unsigned rel = page_rel_parse(link->rel);
	enum link_kind kind = page_rel_kind(link->rel) == LINK_LINK_PAGE
				  ? LINK_HEADER_LINK_PAGE
				  : LINK_HEADER_LINK;

	if ((rel & LINK_REL_CONNECT) != 0 || is_nofollow(w, kind, rel))
		return 0;
	return outlinks_add(&w->p->links, kind, link->url, 0);
}

/* Link: and Refresh: of the head. */
static int
read_header_links(struct work *w)
{
	struct slice rest = http_headers(w->facts);
	struct refresh refresh;
	struct http_header h;
	struct http_link link;
	int n = 0, r = 0;

	while (r == 0 && n < HEADER_LINKS_MAX && http_header_next(&rest, &h)) {
		if (slice_ieq(h.name, SLICE_LIT("link")))
			while (r == 0 && n++ < HEADER_LINKS_MAX &&
			       http_link_next(&h.value, &link))
				r = add_header_link(w, &link);
		if (slice_ieq(h.name, SLICE_LIT("refresh")) &&
		    !is_nofollow(w, LINK_HEADER_REFRESH, 0) &&
		    refresh_parse(h.value, &refresh) && refresh.has_url)
			r = outlinks_add(
			    &w->p->links, LINK_HEADER_REFRESH, refresh.url, 0);
	}
	return r;
}

/* Of what is only asked for: the ids that it has, and what it looks like. */
static int
read_checked(struct work *w, struct slice body)
{
	enum document is = document_of(w, body);

	if (body.len == 0 || (is != DOCUMENT_HTML && is != DOCUMENT_XHTML))
		return 0;
	return read_page(w, body, is);
}

static int
read_body(struct work *w)
{
	enum document is;
	struct slice body;
	int r = decode(w, &body);

	if (r == 0 && !is_check(w))
		r = read_header_links(w);
	if (r < 0)
		return r;
	if (is_check(w))
		return read_checked(w, body);
	if (w->task.kind == TASK_ROBOTS)
		return read_robots(w, body);
	if (w->limits->copy != PARSE_COPY_NONE && w->found->coding == CODING_OK &&
	    body.len <= w->limits->copy_bytes) {
		w->found->copy = SINK_COPY_BYTES;
		w->found->copy_bytes = body;
	}
	if (w->task.sitemap)
		return read_sitemap(w, body);
	is = document_of(w, body);
	switch (is) {
	case DOCUMENT_XML:
		return read_xml(w, body);
	case DOCUMENT_PDF:
		return pdf_urls(body, &w->p->arena, on_pdf_url, w);
	case DOCUMENT_NONE:
		w->found->charset = w->http_charset;
		return 0;
	default:
		return read_page(w, body, is);
	}
}

/* 304 and 306 lead nowhere, and 305 names a proxy, which is not for a server to choose. */
static bool
leads_on(int status)
{
	return (status >= 300 && status <= 303) || status == 307 || status == 308;
}

/* What has no place to go, or several, is a page for people: it names them. */
static int
read_redirect(struct work *w)
{
	struct slice location = http_header_get(w->facts, SLICE_LIT("location"));
	int r = 0, status = w->found->status;

	if (w->task.kind == TASK_ROBOTS && location.len == 0)
		return 0;
	if (w->task.kind == TASK_ROBOTS)
		return outlinks_resolve(&w->p->links, location, &w->found->redirect_to);
	if (leads_on(status) && location.len > 0) {
		r = outlinks_resolve(&w->p->links, location, &w->found->redirect_to);
		if (r == 0)
			r = outlinks_add(&w->p->links, LINK_REDIRECT, location, 0);
		if (status != 300 || is_check(w))
			return r;
	}
	return r < 0 || status == 304 ? r : read_body(w);
}

static struct warc_outlink
outlink_at(const void *ctx, size_t i)
{
	const struct outlinks *o = ctx;
	const struct found_link *l = &o->v[i];

	return (struct warc_outlink){.url = l->url,
	    .kind = slice_cstr(link_kind_name(l->kind)),
	    .hop = link_kind_hop(l->kind)};
}

static int
archive(struct work *w)
{
	const struct task *t = &w->task;
	struct warc_exchange x = {.uri = t->url,
	    .ip = t->ip,
	    .protocol = t->protocol,
	    .wall_us = t->wall_us,
	    .warcinfo_id = t->warcinfo_id,
	    .request = t->request,
	    .head = w->head,
	    .body = w->body,
	    .cut = t->cut,
	    .original = t->original.id.len > 0 ? &t->original : NULL,
	    .via = t->via,
	    .hops = t->hops,
	    .fetch_ms = t->fetch_ms,
	    .outlink = outlink_at,
	    .outlinks = &w->p->links,
	    .outlinks_n = w->p->links.len};
	int r;

	if (!t->archive) {
		warc_payload_digest(w->p->packer, w->body, w->found->digest);
		return 0;
	}
	memcpy(x.record_id, t->record_id, sizeof(x.record_id));
	buf_clear(&w->p->records);
	warc_packer_code(w->p->packer, w->limits->coding);
	r = warc_pack(w->p->packer, &x, &w->p->records, &w->found->parts);
	if (r < 0)
		return r;
	memcpy(
	    w->found->digest, w->found->parts.payload_digest, sizeof(w->found->digest));
	w->found->records = buf_slice(&w->p->records);
	return 0;
}

static int
end_notes(struct work *w)
{
	int r = 0;

	if (!is_check(w) && w->found->status == 200)
		r = outlinks_probes(&w->p->links);
	w->checks.links_cut = w->p->links.checks_cut;
	if (r == 0)
		r = checks_end(&w->p->checks, &w->checks);
	w->found->checks = buf_slice(&w->p->checks);
	return r;
}

/* The archive has them by now, and links that lead anywhere else in a redirect are few. */
static void
leave_out_known(struct work *w, struct slice arena)
{
	const struct parse_limits *limits = w->limits;
	struct outlinks *o = &w->p->links;
	uint32_t n = 0;

	if (limits->known_bytes == 0 || limits->known_at > arena.len ||
	    limits->known_bytes > arena.len - limits->known_at)
		return;
	for (uint32_t i = 0; i < o->len; i++)
		known_fetch(arena.ptr + limits->known_at, limits->known_bytes,
		    limits->known_salt, o->v[i].url_hash);
	for (uint32_t i = 0; i < o->len; i++) {
		const struct found_link *l = &o->v[i];

		if (l->verdict == OUTCOME_NONE && l->kind != LINK_REDIRECT &&
		    known_is_in(arena.ptr + limits->known_at, limits->known_bytes,
			limits->known_salt, l->url_hash))
			w->found->links_known++;
		else
			o->v[n++] = *l;
	}
	o->len = n;
}

/* A head is asked for six of its fields, one after the other, and may have many. */
static int
read_facts(struct work *w)
{
	static const struct slice names[] = {SLICE_LIT("content-type"),
	    SLICE_LIT("content-encoding"), SLICE_LIT("link"), SLICE_LIT("refresh"),
	    SLICE_LIT("location"), SLICE_LIT("x-robots-tag")};
	size_t room = w->head.len + 1, n = sizeof(names) / sizeof(names[0]);
	char *p = arena_text(&w->p->arena, 4 * room);

	if (p == NULL)
		return -ENOMEM;
	n = http_head_pick(w->head, names, n, p);
	w->facts = slice_of(p + room, http_head_escape(slice_of(p, n), p + room));
	return 0;
}

static void
read_type(struct work *w)
{
	if (!http_mime(w->facts, &w->type))
		return;
	w->mime = w->found->mime = slice_cstr(w->type.essence);
	w->http_charset = slice_cstr(w->type.charset);
}

static int
work_run(struct work *w, struct slice arena)
{
	struct found *f = w->found;
	struct http_status status;
	struct outlinks_conf conf = {.rules = w->rules,
	    .arena = &w->p->arena,
	    .url = w->task.url,
	    .depth = w->task.depth,
	    .redirects = w->task.redirects,
	    .flags = w->task.flags,
	    .sitemap = w->task.sitemap,
	    .hops = w->task.hops,
	    .links_max = w->task.sitemap ? FOUND_SITEMAP_LINKS_MAX : w->limits->links};
	bool notes = scope_checks(w->rules).links && w->task.kind == TASK_PAGE;
	int r;

	buf_clear(&w->p->checks);
	if (notes && !is_check(w))
		conf.checks = &w->p->checks;
	r = outlinks_begin(&w->p->links, &conf);
	if (r == 0)
		r = read_facts(w);
	if (r < 0)
		return r;
	if (http_status(w->head, &status))
		f->status = (int)status.code;
	f->body_bytes = w->body.len;
	f->retry_after_ms = -1;
	read_type(w);
	page_robots_head(&w->robots, w->facts, scope_agent(w->rules));
	if (w->task.kind == TASK_ARCHIVE)
		return archive(w);
	if (f->status >= 300 && f->status < 400)
		r = read_redirect(w);
	else if (f->status >= 200 && f->status < 300)
		r = read_body(w);
	if (r == 0 && notes)
		r = end_notes(w);
	if (r == 0)
		r = archive(w); /* with its outlinks */
	leave_out_known(w, arena);
	f->robots = w->robots;
	f->links = w->p->links.v;
	f->links_len = w->p->links.len;
	f->links_cut = w->p->links.cut;
	return r;
}

/* What one large answer took is not to be taken for ever. */
static void
keep_small(struct buf *b)
{
	if (b->cap > KEPT_BYTES)
		buf_release(b);
}

static int
parser_run(void *state, const struct pool_input *in, struct buf *out)
{
	struct parser *p = state;
	struct context *c = parser_context(p, in->context);
	struct found found = {0};
	struct work w = {.p = p, .found = &found};
	int64_t began_us = clock_mono_us();
	int r = task_decode(in->head, &w.task);

	if (r < 0 || c == NULL || w.task.head_bytes > in->body.len)
		return -EBADMSG;
	w.rules = c->rules;
	w.fields = c->fields;
	w.limits = &c->limits;
	p->arena.max_bytes = c->limits.notes_bytes;
	w.head = slice_head(in->body, w.task.head_bytes);
	w.body = slice_from(in->body, w.task.head_bytes);
	r = work_run(&w, in->arena);
	found.worked_us = (uint32_t)(clock_mono_us() - began_us);
	if (r == 0)
		r = found_encode(&found, out);
	arena_reset(&p->arena);
	keep_small(&p->decoded);
	keep_small(&p->records);
	keep_small(&p->checks);
	return r;
}

const struct pool_ops parse_ops = {
    .init = parser_init,
    .configure = parser_configure,
    .extend = parser_extend,
    .run = parser_run,
    .forget = parser_forget,
    .fini = parser_fini,
};
