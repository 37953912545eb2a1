/* What start tags open, and what they end before (13.2.6.4). */
#include "web/html_open_int.h"

#include "base/banned.h"

static const uint64_t key_select = UINT64_C(0x73656c656374);
static const uint64_t key_ruby = UINT64_C(0x72756279);

static uint32_t
find_id_in(struct html_open *o, enum html_name_id id, uint64_t key)
{
	const struct html_element name = {.id = (uint8_t)id, .key = key};

	return open_find(o, &name, IN_SCOPE);
}

static int
head_begin(struct html_open *o)
{
	int err = 0;

	if (o->mode == HTML_OPEN_BEFORE_HTML)
		err = open_push_implied(o, HTML_N_HTML);
	if (err == 0 && o->mode <= HTML_OPEN_BEFORE_HEAD) {
		o->mode = HTML_OPEN_HEAD;
		err = open_push_implied(o, HTML_N_HEAD);
	}
	return err;
}

/* Leaves what is before the body. */
static int
head_leave(struct html_open *o, enum html_open_mode mode)
{
	int err = head_begin(o);

	open_pop_to(o, 1);
	o->mode = mode;
	return err;
}

int
open_body_begin(struct html_open *o)
{
	int err = head_leave(o, HTML_OPEN_BODY);

	return err != 0 ? err : open_push_implied(o, HTML_N_BODY);
}

int
open_head_end(struct html_open *o)
{
	int err;

	if (o->mode >= HTML_OPEN_AFTER_HEAD || is_in_template(o) ||
	    top_is(o, HTML_N_NOSCRIPT))
		return 0;
	err = head_begin(o);
	o->mode = HTML_OPEN_AFTER_HEAD;
	return err;
}

/* html, head, body, frameset, frame. */
static int
frame_start(struct html_open *o, const struct html_tag *tag)
{
	int err = 0;

	switch (tag->id) {
	case HTML_N_HTML:
		if (o->mode != HTML_OPEN_BEFORE_HTML)
			return o->ops->merged(o->ctx, 1, tag);
		o->mode = HTML_OPEN_BEFORE_HEAD;
		break;
	case HTML_N_HEAD:
		if (o->mode > HTML_OPEN_BEFORE_HEAD)
			return 0;
		if (o->mode == HTML_OPEN_BEFORE_HTML)
			err = open_push_implied(o, HTML_N_HTML);
		o->mode = HTML_OPEN_HEAD;
		break;
	case HTML_N_BODY:
		if (o->mode >= HTML_OPEN_BODY)
			return o->mode == HTML_OPEN_BODY ? o->ops->merged(o->ctx, 2, tag)
							 : 0;
		err = head_leave(o, HTML_OPEN_BODY);
		break;
	case HTML_N_FRAMESET:
		if (o->mode == HTML_OPEN_BODY)
			return 0;
		if (o->mode < HTML_OPEN_BODY)
			err = head_leave(o, HTML_OPEN_FRAMESET);
		break;
	case HTML_N_FRAME:
	default:
		if (o->mode != HTML_OPEN_FRAMESET)
			return 0;
		break;
	}
	if (err == 0)
		err = open_push(o, open_element_of(tag), o->len, tag);
	if (err == 0 && tag->id == HTML_N_FRAME)
		open_pop(o);
	return err;
}

/* In head: *ret_done is false when the tag belongs to the body, which is open then. */
static int
head_start(struct html_open *o, const struct html_tag *tag, bool *ret_done)
{
	bool in_noscript = top_is(o, HTML_N_NOSCRIPT), allowed;
	int err;

	*ret_done = (html_whats[tag->id] & HEADISH) != 0 &&
		    !(tag->id == HTML_N_NOSCRIPT && o->mode == HTML_OPEN_AFTER_HEAD);
	if (!*ret_done)
		return open_body_begin(o);
	err = head_begin(o);
	allowed = tag->id == HTML_N_LINK || tag->id == HTML_N_META ||
		  tag->id == HTML_N_STYLE || tag->id == HTML_N_NOFRAMES;
	if (in_noscript && tag->id == HTML_N_NOSCRIPT)
		return 0;
	if (in_noscript && !allowed)
		open_pop(o);
	if (err == 0)
		err = open_push(o, open_element_of(tag), o->len, tag);
	if (err == 0 && (html_whats[tag->id] & VOID))
		open_pop(o);
	return err;
}

static bool
is_section(const struct html_element *e)
{
	return e->id == HTML_N_TBODY || e->id == HTML_N_THEAD || e->id == HTML_N_TFOOT;
}

/* caption, colgroup, col, tbody, thead, tfoot, tr, td, th: sections lie right in the
 * table, rows in sections, cells in rows. */
static int
piece_start(struct html_open *o, const struct html_tag *tag)
{
	bool row = tag->id == HTML_N_TR;
	bool cell = tag->id == HTML_N_TD || tag->id == HTML_N_TH;
	uint32_t keep = top_of(o)->table;
	bool in_table = o->open[keep].id == HTML_N_TABLE;
	int err = 0;

	if (keep == 0)
		return 0; /* without a table there are none */
	if ((row || cell) && keep < o->len && is_section(&o->open[keep + 1]))
		keep++;
	if (cell && keep < o->len && o->open[keep + 1].id == HTML_N_TR)
		keep++;
	if (tag->id == HTML_N_COL && keep < o->len &&
	    o->open[keep + 1].id == HTML_N_COLGROUP)
		keep++;
	open_pop_to(o, keep);
	if (in_table && (row || cell) && top_is(o, HTML_N_TABLE))
		err = open_push_implied(o, HTML_N_TBODY);
	if (err == 0 && in_table && cell && !top_is(o, HTML_N_TR))
		err = open_push_implied(o, HTML_N_TR);
	if (err == 0 && in_table && tag->id == HTML_N_COL && top_is(o, HTML_N_TABLE))
		err = open_push_implied(o, HTML_N_COLGROUP);
	if (err == 0)
		err = open_push(o, open_element_of(tag), o->len, tag);
	if (err == 0 && tag->id == HTML_N_COL)
		open_pop(o);
	return err;
}

/* Of what is open, what this start tag ends.  False: the tag is only that. */
static bool
ends_before(struct html_open *o, const struct html_tag *tag)
{
	struct html_element *top = top_of(o), name = open_element_of(tag);
	uint32_t at = 0;
	bool in_select;
	int format;

	switch (tag->id) {
	case HTML_N_A:
	case HTML_N_NOBR:
		format = format_find(o, &name);
		if (format != FORMAT_NONE)
			open_format_end(o, format);
		break;
	case HTML_N_LI:
		at = top->item;
		break;
	case HTML_N_DD:
	case HTML_N_DT:
		at = top->term;
		break;
	case HTML_N_OPTGROUP:
	case HTML_N_OPTION:
	case HTML_N_HR:
		in_select = find_id_in(o, HTML_N_SELECT, key_select) != 0;
		if (top_is(o, HTML_N_OPTION) && (in_select || tag->id != HTML_N_HR))
			open_pop(o);
		if (top_is(o, HTML_N_OPTGROUP) && in_select && tag->id != HTML_N_OPTION)
			open_pop(o);
		break;
	case HTML_N_RB:
	case HTML_N_RTC:
	case HTML_N_RP:
	case HTML_N_RT:
		if (find_id_in(o, HTML_N_RUBY, key_ruby) != 0)
			open_pop_implied(o, tag->id == HTML_N_RP || tag->id == HTML_N_RT
						? HTML_N_RTC
						: HTML_N_OTHER);
		break;
	case HTML_N_BUTTON:
	case HTML_N_SELECT:
		at = open_find(o, &name, IN_SCOPE);
		break;
	case HTML_N_INPUT:
	case HTML_N_KEYGEN:
	case HTML_N_TEXTAREA:
		at = find_id_in(o, HTML_N_SELECT, key_select);
		break;
	case HTML_N_TABLE:
		if (open_is_around_cells(o))
			at = top->table;
		break;
	default:
		break;
	}
	if (at != 0)
		open_pop_to(o, at - 1);
	return at == 0 || tag->id != HTML_N_SELECT;
}

static bool
is_hidden_input(const struct html_tag *tag)
{
	const struct html_attr *a = html_attr_get(tag, HTML_N_TYPE);

	return tag->id == HTML_N_INPUT && a != NULL &&
	       slice_ieq(html_attr_value(tag, a), SLICE_LIT("hidden"));
}

/* Of the few void elements that have no id. */
static bool
is_old_void(const struct html_tag *tag)
{
	return tag->name_key == UINT64_C(0x62617365666f6e74) || /* basefont */
	       tag->name_key == UINT64_C(0x006267736f756e64);   /* bgsound */
}

/* Does it stand in the formatting that was cut off?  Blocks do not: their text will. */
static bool
takes_formats(enum html_name_id id)
{
	switch (id) {
	case HTML_N_XMP:
	case HTML_N_NOSCRIPT:
		return true;
	case HTML_N_TABLE:
	case HTML_N_PARAM:
	case HTML_N_SOURCE:
	case HTML_N_TRACK:
	case HTML_N_TEXTAREA:
	case HTML_N_IFRAME:
	case HTML_N_NOEMBED:
	case HTML_N_RB:
	case HTML_N_RP:
	case HTML_N_RT:
	case HTML_N_RTC:
		return false;
	default:
		return (html_whats[id] & (ENDS_P | HEADISH)) == 0;
	}
}

/* It holds nothing there, but its controls know it. */
static int
form_in_table(struct html_open *o, const struct html_tag *tag)
{
	uint32_t was = o->len;
	int err = open_push(o, open_element_of(tag), was, tag);

	o->form_is_open = true;
	if (err == 0 && o->len > was)
		open_pop(o);
	return err;
}

static int
body_start(struct html_open *o, const struct html_tag *tag)
{
	struct html_element e = open_element_of(tag);
	unsigned what = html_whats[tag->id];
	uint32_t parent, was;
	int err;

	if (top_is(o, HTML_N_COLGROUP) && tag->id != HTML_N_TEMPLATE)
		open_pop(o);
	if (tag->id == HTML_N_FORM && o->form_is_open && !is_in_template(o))
		return 0;
	if (tag->id == HTML_N_FORM && open_is_around_cells(o))
		return form_in_table(o, tag);
	if (!ends_before(o, tag))
		return 0;
	if (((what & ENDS_P) || (tag->id == HTML_N_TABLE && o->has_doctype)) &&
	    top_of(o)->p != 0)
		open_pop_to(o, (uint32_t)top_of(o)->p - 1);
	if ((what & HEADING) && top_of(o)->ns == HTML_NS_HTML &&
	    (html_whats[top_of(o)->id] & HEADING))
		open_pop(o);
	err = takes_formats(tag->id) ? open_formats_reopen(o) : 0;
	if (err != 0)
		return err;
	parent = open_parent_of_next(o);
	if (tag->id == HTML_N_STYLE || tag->id == HTML_N_SCRIPT ||
	    tag->id == HTML_N_TEMPLATE || is_hidden_input(tag))
		parent = o->len;
	if (tag->id == HTML_N_IMAGE) { /* "don't ask", says the standard */
		e.id = HTML_N_IMG;
		e.key = UINT64_C(0x696d67);
		what = VOID;
	}
	o->form_is_open |= tag->id == HTML_N_FORM;
	was = o->len;
	err = open_push(o, e, parent, tag);
	if (err != 0 || o->len == was) /* too deep */
		return err;
	if ((what & VOID) || is_old_void(tag))
		open_pop(o);
	else if (what & FORMATTING)
		format_add(o, o->len, tag);
	else if (tag->id == HTML_N_FORM)
		o->form_at = o->len;
	return 0;
}

static int
foreign_start(struct html_open *o, const struct html_tag *tag)
{
	struct html_element e = open_element_of(tag);
	uint32_t was;
	int err;

	if (tag->ns == HTML_NS_SVG)
		e.holds_html = tag->id == HTML_N_FOREIGNOBJECT ||
			       tag->id == HTML_N_DESC || tag->id == HTML_N_TITLE;
	else
		e.holds_html = tag->id == HTML_N_MI || tag->id == HTML_N_MO ||
			       tag->id == HTML_N_MN || tag->id == HTML_N_MS ||
			       tag->id == HTML_N_MTEXT ||
			       tag->id == HTML_N_ANNOTATION_XML;
	err = top_of(o)->ns == HTML_NS_HTML ? open_formats_reopen(o) : 0;
	was = o->len;
	if (err == 0)
		err = open_push(o, e, open_parent_of_next(o), tag);
	if (err == 0 && tag->is_self_closing) {
		if (o->len > was)
			open_pop(o);
		else if (o->beyond > 0)
			o->beyond--;
	}
	return err;
}

int
open_start_tag(struct html_open *o, const struct html_tag *tag)
{
	bool done = false;
	int err = 0;

	if (tag->ns == HTML_NS_HTML)
		while (top_of(o)->ns != HTML_NS_HTML && !top_of(o)->holds_html)
			open_pop(o);
	if (o->mode < HTML_OPEN_BODY && !is_in_template(o) && tag->ns != HTML_NS_HTML)
		err = open_body_begin(o);
	if (err != 0)
		return err;
	if (tag->ns != HTML_NS_HTML)
		return foreign_start(o, tag);
	switch (tag->id) {
	case HTML_N_HTML:
	case HTML_N_HEAD:
	case HTML_N_BODY:
	case HTML_N_FRAMESET:
	case HTML_N_FRAME:
		return is_in_template(o) ? 0 : frame_start(o, tag);
	default:
		break;
	}
	if (o->mode == HTML_OPEN_FRAMESET)
		return tag->id == HTML_N_NOFRAMES ? body_start(o, tag) : 0;
	if (o->mode < HTML_OPEN_BODY && !is_in_template(o))
		err = head_start(o, tag, &done);
	if (err != 0 || done)
		return err;
	return (html_whats[tag->id] & PIECE) ? piece_start(o, tag) : body_start(o, tag);
}
