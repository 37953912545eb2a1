#include "crawl/task.h"
#include "base/wire.h"
#include "sink/checks.h"
#include "sink/mirror_page.h"
#include "sink/sink.h"
#include "web/http.h"
#include "web/select.h"
#include "web/url.h"
#include <errno.h>

/* One allocation instead of five. */
enum { USUAL_BYTES = 1000 };

int
task_encode(const struct task *t, struct buf *out)
{
	struct wire_out w = {.b = out};

	(void)buf_reserve(out, USUAL_BYTES); /* what it lacks shows below */
	wire_u8(&w, (uint8_t)t->kind);
	wire_u8(&w, (uint8_t)t->link);
	wire_u8(&w, (uint8_t)t->cut);
	wire_u8(&w, t->sitemap);
	wire_u8(&w, t->archive);
	wire_u8(&w, t->redirects);
	wire_u8(&w, t->flags);
	wire_u16(&w, t->depth);
	wire_u32(&w, t->head_bytes);
	wire_u64(&w, (uint64_t)t->wall_us);
	wire_u32(&w, t->fetch_ms);
	wire_put(&w, t->record_id, sizeof(t->record_id));
	wire_text(&w, t->url);
	wire_text(&w, t->via);
	wire_text(&w, t->hops);
	wire_text(&w, t->ip);
	wire_text(&w, t->protocol);
	wire_text(&w, t->request);
	wire_text(&w, t->warcinfo_id);
	wire_text(&w, t->original.id);
	wire_text(&w, t->original.uri);
	wire_u64(&w, (uint64_t)t->original.wall_us);
	wire_text(&w, t->original.payload_digest);
	return w.err;
}

int
task_decode(struct slice bytes, struct task *ret)
{
	struct wire_in w = {.rest = bytes};
	struct task t = {0};
	uint8_t kind = wire_get_u8(&w), link = wire_get_u8(&w), cut = wire_get_u8(&w);

	if (kind >= TASK_KIND_MAX || link >= LINK_KIND_MAX || cut > WARC_CUT_DISCONNECT)
		return -EBADMSG;
	t.kind = (enum task_kind)kind;
	t.link = (enum link_kind)link;
	t.cut = (enum warc_cut)cut;
	t.sitemap = wire_get_u8(&w) != 0;
	t.archive = wire_get_u8(&w) != 0;
	t.redirects = wire_get_u8(&w);
	t.flags = wire_get_u8(&w);
	t.depth = wire_get_u16(&w);
	t.head_bytes = wire_get_u32(&w);
	t.wall_us = (int64_t)wire_get_u64(&w);
	t.fetch_ms = wire_get_u32(&w);
	wire_take(&w, t.record_id, sizeof(t.record_id));
	t.url = wire_get_text(&w);
	t.via = wire_get_text(&w);
	t.hops = wire_get_text(&w);
	t.ip = wire_get_text(&w);
	t.protocol = wire_get_text(&w);
	t.request = wire_get_text(&w);
	t.warcinfo_id = wire_get_text(&w);
	t.original.id = wire_get_text(&w);
	t.original.uri = wire_get_text(&w);
	t.original.wall_us = (int64_t)wire_get_u64(&w);
	t.original.payload_digest = wire_get_text(&w);
	if (w.bad || w.rest.len != 0)
		return -EBADMSG;
	*ret = t;
	return 0;
}

/* Of a link all but its URL, which follows: most of what is told are links, so that they are
 * written and read as a whole. */
struct link_head {
	uint8_t kind, verdict, flags, redirects;
	uint16_t depth;
	int16_t priority;
	uint64_t authority_hash, url_hash;
	uint32_t url_bytes;
} __attribute__((packed));

static void
link_encode(struct wire_out *w, const struct found_link *l)
{
	const struct link_head h = {.kind = (uint8_t)l->kind,
	    .verdict = (uint8_t)l->verdict,
	    .flags = l->flags,
	    .redirects = l->redirects,
	    .depth = l->depth,
	    .priority = l->priority,
	    .authority_hash = l->authority_hash,
	    .url_hash = l->url_hash,
	    .url_bytes = (uint32_t)l->url.len};

	wire_put(w, &h, sizeof(h));
	wire_put(w, l->url.ptr, l->url.len);
}

/* It looks like what we fetch. */
static bool
is_web(struct slice url)
{
	return url.len <= URL_BYTES_MAX && (slice_starts(url, SLICE_LIT("http://")) ||
					       slice_starts(url, SLICE_LIT("https://")));
}

static bool
link_decode(struct wire_in *w, struct found_link *ret)
{
	struct link_head h;

	wire_take(w, &h, sizeof(h));
	if (h.kind >= LINK_KIND_MAX || h.verdict >= OUTCOME_MAX)
		return false;
	*ret = (struct found_link){.kind = (enum link_kind)h.kind,
	    .verdict = (enum outcome)h.verdict,
	    .flags = h.flags,
	    .redirects = h.redirects,
	    .depth = h.depth,
	    .priority = h.priority,
	    .authority_hash = h.authority_hash,
	    .url_hash = h.url_hash,
	    .url = wire_get_slice(w, h.url_bytes)};
	if (ret->verdict != OUTCOME_NONE &&
	    outcome_class(ret->verdict) != OUTCOME_CLASS_REJECTED)
		return false;
	return !w->bad && ret->url.len > 0 && ret->url.len <= URL_BYTES_MAX &&
	       (ret->verdict != OUTCOME_NONE || is_web(ret->url));
}

int
found_encode(const struct found *f, struct buf *out)
{
	struct wire_out w = {.b = out};

	wire_u32(&w, f->links_len); /* first: found_links_len() */
	wire_u16(&w, (uint16_t)f->status);
	wire_u64(&w, f->body_bytes);
	wire_u32(&w, f->links_total);
	wire_u32(&w, f->links_cut);
	wire_u32(&w, f->links_known);
	wire_u32(&w, f->worked_us);
	wire_u8(&w, (uint8_t)f->coding);
	wire_u64(&w, (uint64_t)f->retry_after_ms);
	wire_u8(&w, (uint8_t)f->robots.bits);
	wire_u8(&w, f->robots.has_unavailable_after);
	wire_u64(&w, (uint64_t)f->robots.unavailable_after_s);
	wire_u8(&w, f->has_simhash);
	wire_u64(&w, f->simhash);
	wire_u64(&w, f->shape);
	wire_put(&w, f->digest, sizeof(f->digest));
	wire_text(&w, f->mime);
	wire_text(&w, f->charset);
	wire_text(&w, f->title);
	wire_text(&w, f->canonical);
	wire_text(&w, f->lang);
	wire_text(&w, f->description);
	wire_text(&w, f->redirect_to);
	wire_text(&w, f->text);
	wire_text(&w, f->checks);
	wire_text(&w, f->fields);
	wire_u8(&w, (uint8_t)f->copy);
	wire_text(&w, f->copy_bytes);
	wire_text(&w, f->rules);
	wire_u8(&w, (uint8_t)f->parts.revisit);
	wire_u8(&w, (uint8_t)f->parts.n);
	for (uint32_t i = 0; i < f->parts.n; i++)
		wire_u64(&w, f->parts.at[i]);
	wire_text(&w, f->records);
	for (uint32_t i = 0; i < f->links_len; i++)
		link_encode(&w, &f->links[i]);
	return w.err;
}

uint32_t
found_links_len(struct slice bytes)
{
	struct wire_in w = {.rest = bytes};
	uint32_t n = wire_get_u32(&w);

	return w.bad || n > FOUND_SITEMAP_LINKS_MAX ? 0 : n;
}

static enum coding_status
coding_decode_status(struct wire_in *w)
{
	uint8_t status = wire_get_u8(w);

	if (status >= CODING_STATUS_MAX) {
		w->bad = true;
		return CODING_OK;
	}
	return (enum coding_status)status;
}

static struct slice
short_text(struct wire_in *w)
{
	struct slice s = wire_get_text(w);

	if (s.len > FOUND_TEXT_MAX)
		w->bad = true;
	return s;
}

static void
robots_decode(struct wire_in *w, struct page_robots *ret)
{
	ret->bits = wire_get_u8(w);
	ret->has_unavailable_after = wire_get_u8(w) != 0;
	ret->unavailable_after_s = (int64_t)wire_get_u64(w);
	if (ret->bits > PAGE_ROBOTS_ALL || ret->unavailable_after_s < HTTP_TIME_MIN ||
	    ret->unavailable_after_s > HTTP_TIME_MAX)
		w->bad = true;
}

static void
parts_decode(struct wire_in *w, struct found *f)
{
	uint8_t revisit = wire_get_u8(w);
	uint64_t last = 0;

	f->parts.n = wire_get_u8(w);
	if (f->parts.n > 4 || revisit > WARC_NOT_MODIFIED)
		w->bad = true;
	for (uint32_t i = 0; i < f->parts.n && !w->bad; i++)
		f->parts.at[i] = wire_get_u64(w);
	f->records = wire_get_text(w);
	for (uint32_t i = 0; i < f->parts.n && !w->bad; i++) {
		if (f->parts.at[i] < last || f->parts.at[i] >= f->records.len)
			w->bad = true;
		last = f->parts.at[i];
	}
	f->parts.revisit = w->bad ? WARC_NO_REVISIT : (enum warc_revisit)revisit;
	if (f->parts.n > 0 && f->parts.at[0] != 0)
		w->bad = true;
}

static void
copy_decode(struct wire_in *w, struct found *f)
{
	uint8_t copy = wire_get_u8(w);

	if (copy >= SINK_COPY_MAX)
		w->bad = true;
	else
		f->copy = (enum sink_copy)copy;
	f->copy_bytes = wire_get_text(w);
	if (f->copy == SINK_COPY_PIECES && !mirror_pieces_sound(f->copy_bytes))
		w->bad = true;
}

int
found_decode(
    struct slice bytes, struct found_link *links, uint32_t links_max, struct found *ret)
{
	struct wire_in w = {.rest = bytes};
	struct found f = {0};

	f.links_len = wire_get_u32(&w);
	if (f.links_len > links_max)
		return -EBADMSG;
	f.status = wire_get_u16(&w);
	f.body_bytes = wire_get_u64(&w);
	f.links_total = wire_get_u32(&w);
	f.links_cut = wire_get_u32(&w);
	f.links_known = wire_get_u32(&w);
	if (f.links_known > FOUND_SITEMAP_LINKS_MAX)
		return -EBADMSG;
	f.worked_us = wire_get_u32(&w);
	f.coding = coding_decode_status(&w);
	f.retry_after_ms = (int64_t)wire_get_u64(&w);
	robots_decode(&w, &f.robots);
	f.has_simhash = wire_get_u8(&w) != 0;
	f.simhash = wire_get_u64(&w);
	f.shape = wire_get_u64(&w);
	wire_take(&w, f.digest, sizeof(f.digest));
	f.digest[sizeof(f.digest) - 1] = '\0';
	f.mime = short_text(&w);
	f.charset = short_text(&w);
	f.title = short_text(&w);
	f.canonical = short_text(&w);
	f.lang = short_text(&w);
	f.description = short_text(&w);
	f.redirect_to = short_text(&w);
	if (f.redirect_to.len > 0 &&
	    !is_web(f.redirect_to)) /* robots.txt is asked there */
		w.bad = true;
	f.text = wire_get_text(&w);
	if (f.text.len > SINK_TEXT_BYTES_MAX)
		w.bad = true;
	f.checks = wire_get_text(&w);
	if (!checks_sound(f.checks))
		w.bad = true;
	f.fields = wire_get_text(&w);
	if (f.fields.len > 0 && !select_values_check(f.fields))
		w.bad = true;
	copy_decode(&w, &f);
	f.rules = wire_get_text(&w);
	parts_decode(&w, &f);
	for (uint32_t i = 0; i < f.links_len && !w.bad; i++)
		if (!link_decode(&w, &links[i]))
			w.bad = true;
	if (w.bad || w.rest.len != 0)
		return -EBADMSG;
	f.links = links;
	*ret = f;
	return 0;
}
