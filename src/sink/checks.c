#include "sink/checks.h"
#include "base/escape.h"
#include "base/wire.h"
#include "sink/lines.h"
#include "sink/types.h"
#include "web/url.h"
#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

enum { MORE = 1, END = 0, IDS_A_LINE = 1000, DETAIL_MAX = 500 };

/* Of what one event adds.  Each line of a link has the URL of its page: links that come after
 * LINKS_BYTES_MAX are left out, and there is room for one line more, and the ids. */
enum { PUT_BYTES_MAX = 8 * CHECKS_BYTES_MAX, LINKS_BYTES_MAX = 7 * CHECKS_BYTES_MAX };

/* ---- the notes of a page ---- */

uint64_t
checks_hash(struct slice id)
{
	return url_hash(id, 0);
}

int
checks_add(struct buf *b, const struct checks_link *l)
{
	struct wire_out w = {.b = b};

	wire_u8(&w, MORE);
	wire_u8(&w, (uint8_t)l->kind);
	wire_text(&w, l->url);
	wire_text(&w, slice_head(l->fragment, CHECKS_FRAGMENT_MAX));
	wire_text(&w, lines_cut(l->text, CHECKS_TEXT_MAX));
	return w.err;
}

int
checks_end(struct buf *b, const struct checks_end *e)
{
	struct wire_out w = {.b = b};

	wire_u8(&w, END);
	wire_u32(&w, e->links_cut);
	wire_u8(&w, e->has_ids);
	wire_u8(&w, e->ids_cut);
	wire_u32(&w, e->ids_len);
	for (uint32_t i = 0; i < e->ids_len; i++)
		wire_u64(&w, e->ids[i]);
	return w.err;
}

static bool
link_read(struct wire_in *w, struct checks_link *ret)
{
	uint8_t kind;

	if (wire_get_u8(w) != MORE)
		return false;
	kind = wire_get_u8(w);
	*ret = (struct checks_link){
	    .kind = kind < LINK_KIND_MAX ? (enum link_kind)kind : LINK_A};
	ret->url = wire_get_text(w);
	ret->fragment = wire_get_text(w);
	ret->text = wire_get_text(w);
	w->bad = w->bad || kind >= LINK_KIND_MAX || ret->url.len > URL_BYTES_MAX ||
		 ret->fragment.len > CHECKS_FRAGMENT_MAX ||
		 ret->text.len > CHECKS_TEXT_MAX;
	return !w->bad;
}

bool
checks_next(struct slice *rest, struct checks_link *ret)
{
	struct wire_in w = {.rest = *rest};

	if (!link_read(&w, ret))
		return false;
	*rest = w.rest;
	return true;
}

static bool
tail_read(struct slice rest, struct checks_tail *ret)
{
	struct wire_in w = {.rest = rest};
	struct checks_tail t = {0};
	uint8_t tag = wire_get_u8(&w);

	t.links_cut = wire_get_u32(&w);
	t.has_ids = wire_get_u8(&w) != 0;
	t.ids_cut = wire_get_u8(&w) != 0;
	t.ids_len = wire_get_u32(&w);
	t.ids = w.rest;
	if (w.bad || tag != END || t.ids_len > CHECKS_IDS_MAX ||
	    t.ids.len != (size_t)t.ids_len * sizeof(uint64_t))
		return false;
	*ret = t;
	return true;
}

bool
checks_sound(struct slice notes)
{
	struct checks_link l;
	struct checks_tail t;

	if (notes.len == 0)
		return true;
	if (notes.len > CHECKS_BYTES_MAX)
		return false;
	while (checks_next(&notes, &l))
		if (l.url.len == 0)
			return false;
	return tail_read(notes, &t);
}

void
checks_tail(struct slice rest, struct checks_tail *ret)
{
	*ret = (struct checks_tail){0};
	(void)tail_read(rest, ret);
}

uint64_t
checks_id(const struct checks_tail *t, uint32_t i)
{
	struct wire_in w = {.rest = slice_from(t->ids, (size_t)i * sizeof(uint64_t))};

	return wire_get_u64(&w);
}

char
checks_letter(enum checks_how how)
{
	return "poin"[how];
}

bool
checks_made_up(enum checks_how how, struct slice hops)
{
	return how == CHECKS_PROBE || link_hops_moved_probe(hops);
}

/* ---- the sink ---- */

static int
checks_open(
    struct sink *s, const struct sink_conf *conf, struct slice mark, struct why *why)
{
	int r = lines_open(s, conf, CHECKS_FILE, mark, why);

	if (r == 0)
		((struct lines *)s->priv)->line.max = PUT_BYTES_MAX;
	return r;
}

static int
field(struct buf *b, struct slice s)
{
	int r = buf_add_byte(b, '\t');

	if (r < 0)
		return r;
	return s.len == 0 ? buf_add_byte(b, '-') : escape_field(b, lines_text(s));
}

static int
line_link(struct buf *b, struct slice page, const struct checks_link *l)
{
	int r = buf_add_cstr(b, "\nL");

	if (r == 0)
		r = field(b, page);
	if (r == 0)
		r = field(b, slice_cstr(link_kind_name(l->kind)));
	if (r == 0)
		r = field(b, l->url);
	if (r == 0)
		r = field(b, l->fragment);
	return r < 0 ? r : field(b, l->text);
}

static int
line_links(struct buf *b, struct slice page, struct slice *notes, uint32_t *ret_cut)
{
	struct checks_link l;
	int r = 0;

	*ret_cut = 0;
	while (r == 0 && checks_next(notes, &l)) {
		if (b->len < LINKS_BYTES_MAX)
			r = line_link(b, page, &l);
		else
			++*ret_cut;
	}
	return r;
}

static int
line_ids(struct buf *b, struct slice page, const struct checks_tail *t)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && t->has_ids && i <= t->ids_len; i++) {
		if (i % IDS_A_LINE == 0 && (i == 0 || i < t->ids_len)) {
			r = buf_add_cstr(b, "\nI");
			if (r == 0)
				r = field(b, page);
		}
		if (r == 0 && i < t->ids_len)
			r = buf_printf(b, "\t%016" PRIx64, checks_id(t, i));
	}
	if (r == 0 && (t->links_cut > 0 || t->ids_cut)) {
		r = buf_add_cstr(b, "\nX");
		if (r == 0)
			r = field(b, page);
		if (r == 0)
			r = buf_printf(b, "\t%" PRIu32 "\t%d", t->links_cut, t->ids_cut);
	}
	return r;
}

static int
line_asked(struct buf *b, const struct sink_event *e)
{
	char simhash[24] = "-";
	int r = buf_add_byte(b, 'T');

	if (e->has_simhash)
		(void)snprintf(simhash, sizeof(simhash), "%016" PRIx64, e->simhash);
	if (r == 0)
		r = field(b, e->url);
	if (r == 0)
		r = buf_printf(b, "\t%c%s\t%s\t%d\t%" PRId64,
		    checks_letter((enum checks_how)e->check),
		    e->link == LINK_SEED ? "s" : "", outcome_name(e->outcome), e->status,
		    e->began_wall_us / 1000000);
	if (r == 0)
		r = field(b, e->mime);
	if (r == 0)
		r = field(b, e->redirect_to);
	if (r == 0)
		r = buf_printf(b, "\t%s", simhash);
	if (r == 0)
		r = field(b, e->body_bytes > 0 ? e->digest : (struct slice){0});
	return r < 0 ? r : field(b, slice_head(e->detail, DETAIL_MAX));
}

static int
line_refused(struct buf *b, const struct sink_event *e)
{
	int r = buf_add_byte(b, 'R');

	if (r == 0)
		r = field(b, e->url);
	if (r == 0)
		r = buf_printf(
		    b, "\t%s\t%s", outcome_name(e->outcome), link_kind_name(e->link));
	if (r == 0)
		r = field(b, e->via);
	return r < 0 ? r : field(b, slice_head(e->detail, DETAIL_MAX));
}

/* All lines of an event at once: what did not fit is put again, whole. */
static int
checks_put(struct sink *s, struct sink_event *e, struct why *why)
{
	struct slice notes = e->checks;
	struct checks_tail tail;
	uint32_t cut = 0;
	struct buf *b;
	int r;

	if (e->internal || (e->kind == SINK_FETCH && !e->final) || e->kind == SINK_NAME)
		return 0;
	b = lines_begin(s);
	r = e->kind == SINK_FETCH ? line_asked(b, e) : line_refused(b, e);
	if (r == 0)
		r = line_links(b, e->url, &notes, &cut);
	checks_tail(notes, &tail);
	tail.links_cut += cut < UINT32_MAX - tail.links_cut ? cut : 0;
	if (r == 0)
		r = line_ids(b, e->url, &tail);
	return lines_end(s, r, why);
}

const struct sink_type sink_checks = {
    .name = "checks",
    .open = checks_open,
    .put = checks_put,
    .flush = lines_flush,
    .sync = lines_sync,
    .mark = lines_mark,
    .close = lines_close,
    .lines = CHECKS_FILE,
};
