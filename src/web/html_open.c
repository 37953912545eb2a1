/*
 * The rules of section 13.2.6 that open and close elements, each as far as it can be
 * followed without a tree.
 *
 *   html_open_tag -> start_tag -> head_start, piece_start (of tables), body_start -> push
 *                 -> end_tag   -> the one that it ends -> pop_to
 */
#include "web/html_open_int.h"
#include <assert.h>

#include "base/banned.h"

/* -- What is what --------------------------------------------------------------------- */

#define BLOCK (SPECIAL | ENDS_P | END_IN_SCOPE)
const uint16_t html_whats[HTML_N_MAX] = {
    [HTML_N_ADDRESS] = BLOCK,
    [HTML_N_ARTICLE] = BLOCK,
    [HTML_N_ASIDE] = BLOCK,
    [HTML_N_BLOCKQUOTE] = BLOCK,
    [HTML_N_CENTER] = BLOCK,
    [HTML_N_DETAILS] = BLOCK,
    [HTML_N_DIALOG] = BLOCK & ~SPECIAL,
    [HTML_N_DIR] = BLOCK,
    [HTML_N_DIV] = BLOCK,
    [HTML_N_DL] = BLOCK,
    [HTML_N_FIELDSET] = BLOCK,
    [HTML_N_FIGCAPTION] = BLOCK,
    [HTML_N_FIGURE] = BLOCK,
    [HTML_N_FOOTER] = BLOCK,
    [HTML_N_HEADER] = BLOCK,
    [HTML_N_HGROUP] = BLOCK,
    [HTML_N_LISTING] = BLOCK,
    [HTML_N_MAIN] = BLOCK,
    [HTML_N_MENU] = BLOCK,
    [HTML_N_NAV] = BLOCK,
    [HTML_N_OL] = BLOCK,
    [HTML_N_PRE] = BLOCK,
    [HTML_N_SEARCH] = BLOCK,
    [HTML_N_SECTION] = BLOCK,
    [HTML_N_SUMMARY] = BLOCK,
    [HTML_N_UL] = BLOCK,
    [HTML_N_LI] = BLOCK | IMPLIED,
    [HTML_N_DD] = BLOCK | IMPLIED,
    [HTML_N_DT] = BLOCK | IMPLIED,
    [HTML_N_H1] = SPECIAL | ENDS_P | HEADING,
    [HTML_N_H2] = SPECIAL | ENDS_P | HEADING,
    [HTML_N_H3] = SPECIAL | ENDS_P | HEADING,
    [HTML_N_H4] = SPECIAL | ENDS_P | HEADING,
    [HTML_N_H5] = SPECIAL | ENDS_P | HEADING,
    [HTML_N_H6] = SPECIAL | ENDS_P | HEADING,
    [HTML_N_P] = SPECIAL | ENDS_P | IMPLIED,
    [HTML_N_FORM] = SPECIAL | ENDS_P,
    [HTML_N_PLAINTEXT] = SPECIAL | ENDS_P,
    [HTML_N_XMP] = SPECIAL | ENDS_P,
    [HTML_N_HR] = SPECIAL | ENDS_P | VOID,
    [HTML_N_TABLE] = SPECIAL | SCOPE | APART,
    [HTML_N_CAPTION] = SPECIAL | SCOPE | PIECE | APART | MARKER,
    [HTML_N_COLGROUP] = SPECIAL | PIECE,
    [HTML_N_COL] = SPECIAL | PIECE | VOID,
    [HTML_N_TBODY] = SPECIAL | PIECE | APART,
    [HTML_N_THEAD] = SPECIAL | PIECE | APART,
    [HTML_N_TFOOT] = SPECIAL | PIECE | APART,
    [HTML_N_TR] = SPECIAL | PIECE | APART,
    [HTML_N_TD] = SPECIAL | SCOPE | PIECE | APART | MARKER,
    [HTML_N_TH] = SPECIAL | SCOPE | PIECE | APART | MARKER,
    [HTML_N_A] = FORMATTING,
    [HTML_N_B] = FORMATTING,
    [HTML_N_BIG] = FORMATTING,
    [HTML_N_CODE] = FORMATTING,
    [HTML_N_EM] = FORMATTING,
    [HTML_N_FONT] = FORMATTING,
    [HTML_N_I] = FORMATTING,
    [HTML_N_NOBR] = FORMATTING,
    [HTML_N_S] = FORMATTING,
    [HTML_N_SMALL] = FORMATTING,
    [HTML_N_STRIKE] = FORMATTING,
    [HTML_N_STRONG] = FORMATTING,
    [HTML_N_TT] = FORMATTING,
    [HTML_N_U] = FORMATTING,
    [HTML_N_APPLET] = SPECIAL | SCOPE | END_IN_SCOPE | MARKER,
    [HTML_N_MARQUEE] = SPECIAL | SCOPE | END_IN_SCOPE | MARKER,
    [HTML_N_OBJECT] = SPECIAL | SCOPE | END_IN_SCOPE | MARKER,
    [HTML_N_TEMPLATE] = SPECIAL | SCOPE | HEADISH | MARKER,
    [HTML_N_HTML] = SPECIAL | SCOPE | APART,
    [HTML_N_BODY] = SPECIAL | APART,
    [HTML_N_HEAD] = SPECIAL | APART,
    [HTML_N_FRAMESET] = SPECIAL,
    [HTML_N_BUTTON] = SPECIAL | END_IN_SCOPE,
    [HTML_N_SELECT] = SPECIAL | END_IN_SCOPE,
    [HTML_N_OPTION] = IMPLIED | APART,
    [HTML_N_OPTGROUP] = IMPLIED | APART,
    [HTML_N_RB] = IMPLIED,
    [HTML_N_RP] = IMPLIED,
    [HTML_N_RT] = IMPLIED,
    [HTML_N_RTC] = IMPLIED,
    [HTML_N_AREA] = SPECIAL | VOID,
    [HTML_N_BASE] = SPECIAL | VOID | HEADISH,
    [HTML_N_BR] = SPECIAL | VOID | APART,
    [HTML_N_EMBED] = SPECIAL | VOID,
    [HTML_N_FRAME] = SPECIAL | VOID,
    [HTML_N_IMG] = SPECIAL | VOID,
    [HTML_N_INPUT] = SPECIAL | VOID,
    [HTML_N_KEYGEN] = SPECIAL | VOID,
    [HTML_N_LINK] = SPECIAL | VOID | HEADISH,
    [HTML_N_META] = SPECIAL | VOID | HEADISH,
    [HTML_N_PARAM] = SPECIAL | VOID,
    [HTML_N_SOURCE] = SPECIAL | VOID,
    [HTML_N_TRACK] = SPECIAL | VOID,
    [HTML_N_WBR] = SPECIAL | VOID,
    [HTML_N_IFRAME] = SPECIAL,
    [HTML_N_NOEMBED] = SPECIAL,
    [HTML_N_NOFRAMES] = SPECIAL | HEADISH,
    [HTML_N_NOSCRIPT] = SPECIAL | HEADISH,
    [HTML_N_SCRIPT] = SPECIAL | HEADISH,
    [HTML_N_STYLE] = SPECIAL | HEADISH,
    [HTML_N_TEXTAREA] = SPECIAL,
    [HTML_N_TITLE] = SPECIAL | HEADISH,
};

bool
html_open_is_block(const struct html_element *e)
{
	return (what_is(e) & (ENDS_P | APART)) != 0;
}

/* Keys hold names of up to 8 bytes whole. */
uint32_t
html_open_hash(struct slice name)
{
	uint32_t h = 2166136261; /* FNV-1a */

	if (name.len <= 8)
		return 0;
	for (size_t i = 0; i < name.len; i++)
		h = (h ^ (unsigned char)ascii_lower(name.ptr[i])) * 16777619;
	return h;
}

static inline uint32_t
bucket_of(uint64_t key)
{
	return (uint32_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> 58);
}

/* -- Pushing and popping -------------------------------------------------------------- */

void
open_pop(struct html_open *o)
{
	do {
		if (o->form_at == o->len)
			o->form_at = 0;
		if (what_is(top_of(o)) & (FORMATTING | MARKER))
			format_popped(o, o->len);
		o->counts[bucket_of(top_of(o)->key)]--;
		o->ops->closed(o->ctx, o->len);
		o->len--;
	} while (top_of(o)->is_closing);
}

void
open_pop_to(struct html_open *o, uint32_t len)
{
	while (o->len > len)
		open_pop(o);
}

/* What tags in it may end. */
static void
nearest_set(struct html_element *e, uint16_t at)
{
	unsigned what = what_is(e);
	bool html = e->ns == HTML_NS_HTML;

	if (what == 0)
		return;
	if ((what & SCOPE) || (html && e->id == HTML_N_BUTTON))
		e->p = 0;
	if ((what & SPECIAL) && !(html && (e->id == HTML_N_ADDRESS ||
					      e->id == HTML_N_DIV || e->id == HTML_N_P)))
		e->item = e->term = 0;
	if (!html)
		return;
	switch (e->id) {
	case HTML_N_P:
		e->p = at;
		break;
	case HTML_N_LI:
		e->item = at;
		break;
	case HTML_N_DD:
	case HTML_N_DT:
		e->term = at;
		break;
	case HTML_N_TABLE:
	case HTML_N_TEMPLATE:
		e->table = at;
		break;
	default:
		break;
	}
}

int
open_push(struct html_open *o, struct html_element e, uint32_t parent,
    const struct html_tag *tag)
{
	const struct html_element *top = top_of(o);
	uint32_t at = o->len + 1;

	if (at == HTML_OPEN_MAX) {
		if ((what_is(&e) & (VOID | IMPLIED | PIECE)) == 0)
			o->beyond++;
		return 0;
	}
	e.parent = (uint16_t)parent;
	e.p = top->p;
	e.item = top->item;
	e.term = top->term;
	e.table = top->table;
	nearest_set(&e, (uint16_t)at);
	o->open[at] = e;
	o->len = at;
	o->counts[bucket_of(e.key)]++;
	if (what_is(&e) & MARKER)
		format_marker_add(o, at);
	return o->ops->opened(o->ctx, at, tag);
}

struct html_element
open_element_of(const struct html_tag *tag)
{
	return (struct html_element){.key = tag->name_key,
	    .hash = tag->name_len <= 8 ? 0
				       : html_open_hash(slice_of(
					     tag->raw + tag->name_at, tag->name_len)),
	    .id = tag->id,
	    .ns = (uint8_t)tag->ns};
}

/* One that nobody wrote; its name is at most 8 bytes long. */
int
open_push_implied(struct html_open *o, enum html_name_id id)
{
	static const struct {
		enum html_name_id id;
		struct slice name;
	} names[] = {{HTML_N_HTML, SLICE_LIT("html")}, {HTML_N_HEAD, SLICE_LIT("head")},
	    {HTML_N_BODY, SLICE_LIT("body")}, {HTML_N_TBODY, SLICE_LIT("tbody")},
	    {HTML_N_TR, SLICE_LIT("tr")}, {HTML_N_COLGROUP, SLICE_LIT("colgroup")},
	    {HTML_N_P, SLICE_LIT("p")}, {HTML_N_BR, SLICE_LIT("br")}};
	struct html_element e = {.id = (uint8_t)id};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].id == id)
			for (size_t k = 0; k < names[i].name.len; k++)
				e.key = e.key << 8 | (unsigned char)names[i].name.ptr[k];
	return open_push(o, e, o->len, NULL);
}

/* -- Finding -------------------------------------------------------------------------- */

bool
open_is_named(const struct html_element *e, const struct html_element *name)
{
	return e->key == name->key && e->hash == name->hash && e->ns == HTML_NS_HTML &&
	       !e->is_closing;
}

bool
open_scope_ends(const struct html_element *e, enum scope scope)
{
	if (what_is(e) & SCOPE)
		return true;
	if (scope == IN_SCOPE || e->ns != HTML_NS_HTML)
		return false;
	if (scope == IN_BUTTON)
		return e->id == HTML_N_BUTTON;
	return e->id == HTML_N_OL || e->id == HTML_N_UL;
}

bool
open_may_have(const struct html_open *o, const struct html_element *name)
{
	return o->counts[bucket_of(name->key)] != 0;
}

uint32_t
open_search_floor(const struct html_open *o)
{
	if (o->steps < HTML_OPEN_STEPS_MAX || o->len < HTML_OPEN_STEPS_FEW)
		return 0;
	return o->len - HTML_OPEN_STEPS_FEW;
}

void
open_search_done(struct html_open *o, uint32_t at)
{
	if (o->steps < HTML_OPEN_STEPS_MAX)
		o->steps += o->len - at;
}

uint32_t
open_find(struct html_open *o, const struct html_element *name, enum scope scope)
{
	uint32_t floor = open_search_floor(o), i = o->len, found = 0;

	if (!open_may_have(o, name))
		return 0;
	for (; i > floor && found == 0; i--) {
		if (open_is_named(&o->open[i], name))
			found = i;
		else if (open_scope_ends(&o->open[i], scope))
			break;
	}
	open_search_done(o, i);
	return found;
}

void
open_pop_implied(struct html_open *o, enum html_name_id except)
{
	while (top_of(o)->ns == HTML_NS_HTML && (html_whats[top_of(o)->id] & IMPLIED) &&
	       top_of(o)->id != except)
		open_pop(o);
}

void
open_format_end(struct html_open *o, int format)
{
	uint32_t at = o->formats[format].at;

	if (at != 0 && open_find(o, &o->open[at], IN_SCOPE) == 0)
		return;
	format_remove(o, format);
	for (uint32_t i = at + 1; at != 0 && i <= o->len; i++)
		if (what_is(&o->open[i]) & SPECIAL) {
			o->open[at].is_closing = true;
			o->ops->ended(o->ctx, at);
			return;
		}
	if (at != 0)
		open_pop_to(o, at - 1);
}

/* Where only pieces of a table may be. */
static bool
open_is_in_table(struct html_open *o)
{
	if (top_of(o)->ns != HTML_NS_HTML)
		return false;
	switch (top_of(o)->id) {
	case HTML_N_TABLE:
	case HTML_N_TBODY:
	case HTML_N_THEAD:
	case HTML_N_TFOOT:
	case HTML_N_TR:
		return o->open[top_of(o)->table].id == HTML_N_TABLE;
	default:
		return false;
	}
}

bool
open_is_around_cells(struct html_open *o)
{
	uint32_t table = top_of(o)->table;

	if (o->open[table].id != HTML_N_TABLE)
		return false;
	for (uint32_t i = table + 1; i <= table + 3 && i <= o->len; i++)
		if (o->open[i].id == HTML_N_TD || o->open[i].id == HTML_N_TH ||
		    o->open[i].id == HTML_N_CAPTION)
			return false;
	return true;
}

uint32_t
open_parent_of_next(struct html_open *o)
{
	return open_is_in_table(o) ? o->open[top_of(o)->table].parent : o->len;
}

int
open_formats_reopen(struct html_open *o)
{
	int err = 0, i = format_first_lost(o);

	for (; err == 0 && i != FORMAT_NONE && i < (int)o->formats_len; i++) {
		struct html_tag tag = format_tag(o, i);
		uint32_t was = o->len;

		if (o->again == HTML_OPEN_AGAIN_MAX || o->len + 1 == HTML_OPEN_MAX)
			return 0;
		o->again++;
		err = open_push(o, o->formats[i].e, open_parent_of_next(o), &tag);
		o->formats[i].at = was + 1;
	}
	return err;
}

/* -- The page ------------------------------------------------------------------------- */

void
html_open_init(
    struct html_open *o, const struct html_open_ops *ops, void *ctx, bool is_xml)
{
	o->ops = ops;
	o->ctx = ctx;
	o->mode = is_xml ? HTML_OPEN_BODY : HTML_OPEN_BEFORE_HTML;
	o->is_xml = is_xml;
	o->has_doctype = o->form_is_open = false;
	o->form_at = o->beyond = o->steps = o->again = o->len = 0;
	o->formats_len = o->bytes_len = o->attrs_len = 0;
	memset(o->counts, 0, sizeof(o->counts));
	o->open[0] = (struct html_element){0};
}

/* Which doctypes mean quirks mode (13.2.6.4.1), but for those that nobody writes. */
void
html_open_doctype(struct html_open *o, const struct html_doctype *d)
{
	static const struct slice quirks[] = {SLICE_LIT("-//w3c//dtd html 3"),
	    SLICE_LIT("-//w3c//dtd html 4.0 transitional//"),
	    SLICE_LIT("-//w3c//dtd html 4.0 frameset//"),
	    SLICE_LIT("-//w3c//dtd w3 html"), SLICE_LIT("-//ietf//dtd html"),
	    SLICE_LIT("-//netscape comm. corp.//"),
	    SLICE_LIT("-//microsoft//dtd internet explorer"), SLICE_LIT("html")};
	static const struct slice unless_system[] = {
	    SLICE_LIT("-//w3c//dtd html 4.01 frameset//"),
	    SLICE_LIT("-//w3c//dtd html 4.01 transitional//")};

	if (o->mode != HTML_OPEN_BEFORE_HTML)
		return;
	o->has_doctype = !d->force_quirks && slice_ieq(d->name, SLICE_LIT("html"));
	for (size_t i = 0; i < sizeof(quirks) / sizeof(quirks[0]); i++)
		if (slice_istarts(d->public_id, quirks[i]))
			o->has_doctype = false;
	for (size_t i = 0; i < sizeof(unless_system) / sizeof(unless_system[0]); i++)
		if (!d->has_system_id && slice_istarts(d->public_id, unless_system[i]))
			o->has_doctype = false;
}

/* Nearly all end tags end what was opened last. */
static bool
ends_last(struct html_open *o, const struct html_tag *tag)
{
	const struct html_element *top = top_of(o);

	return tag->id != HTML_N_OTHER && top->id == tag->id && top->ns == tag->ns &&
	       o->mode == HTML_OPEN_BODY && tag->id != HTML_N_BODY &&
	       tag->id != HTML_N_HTML && tag->id != HTML_N_FORM;
}

static void
xml_end(struct html_open *o, const struct html_element *name)
{
	uint32_t floor = open_search_floor(o), i = o->len;

	if (!open_may_have(o, name))
		return;
	while (
	    i > floor && (o->open[i].key != name->key || o->open[i].hash != name->hash))
		i--;
	open_search_done(o, i);
	if (i > floor)
		open_pop_to(o, i - 1);
}

static int
xml_tag(struct html_open *o, const struct html_tag *tag)
{
	struct html_element e = open_element_of(tag);
	int err;

	if (tag->is_end) {
		if (o->beyond > 0)
			o->beyond--;
		else
			xml_end(o, &e);
		return 0;
	}
	if (o->len + 1 == HTML_OPEN_MAX) {
		o->beyond += !tag->is_self_closing;
		return 0;
	}
	err = open_push(o, e, o->len, tag);
	if (err == 0 && tag->is_self_closing)
		open_pop(o);
	return err;
}

int
html_open_tag(struct html_open *o, const struct html_tag *tag)
{
	if (o->is_xml)
		return xml_tag(o, tag);
	if (!tag->is_end)
		return open_start_tag(o, tag);
	if (o->beyond > 0) {
		o->beyond -= (html_whats[tag->id] & (VOID | IMPLIED | PIECE)) == 0;
		return 0;
	}
	if (!ends_last(o, tag))
		return open_end_tag(o, tag);
	if ((html_whats[tag->id] & FORMATTING) && o->formats_len > 0 &&
	    o->formats[o->formats_len - 1].at == o->len)
		format_remove(o, (int)o->formats_len - 1);
	else if (html_whats[tag->id] & FORMATTING)
		return open_end_tag(o, tag);
	open_pop(o);
	return 0;
}

bool
html_open_awaits_text(const struct html_open *o)
{
	return o->mode < HTML_OPEN_BODY || format_first_lost(o) != FORMAT_NONE;
}

int
html_open_text(struct html_open *o, bool is_blank)
{
	if (top_of(o)->ns != HTML_NS_HTML && !top_of(o)->holds_html)
		return 0;
	if (top_of(o)->ns == HTML_NS_HTML) {
		switch (top_of(o)->id) {
		case HTML_N_TITLE:
		case HTML_N_SCRIPT:
		case HTML_N_STYLE:
		case HTML_N_TEXTAREA:
		case HTML_N_IFRAME:
		case HTML_N_NOEMBED:
		case HTML_N_NOFRAMES:
			return 0;
		default:
			break;
		}
	}
	if (o->mode == HTML_OPEN_BODY || is_in_template(o)) {
		if (is_blank && open_is_in_table(o))
			return 0;
		return open_formats_reopen(o);
	}
	return o->mode < HTML_OPEN_BODY && !is_blank ? open_body_begin(o) : 0;
}

int
html_open_end(struct html_open *o)
{
	int err = 0;

	o->beyond = 0;
	if (o->mode < HTML_OPEN_BODY)
		err = open_body_begin(o);
	open_pop_to(o, 0);
	return err;
}

static bool
is_at(const struct html_open *o, uint32_t at, enum html_name_id id)
{
	return o->open[at].id == id && o->open[at].ns == HTML_NS_HTML;
}

void
html_open_check(const struct html_open *o)
{
	uint16_t counts[HTML_OPEN_BUCKETS] = {0};

	assert(o->len < HTML_OPEN_MAX);
	for (uint32_t i = 1; i <= o->len; i++) {
		const struct html_element *e = &o->open[i];

		counts[bucket_of(e->key)]++;
		assert(e->parent < i);
		assert(!e->is_closing || i < o->len);
		assert(e->p <= i && (e->p == 0 || is_at(o, e->p, HTML_N_P)));
		assert(e->item <= i && (e->item == 0 || is_at(o, e->item, HTML_N_LI)));
		assert(e->term <= i);
		assert(
		    e->table <= i && (e->table == 0 || is_at(o, e->table, HTML_N_TABLE) ||
					 is_at(o, e->table, HTML_N_TEMPLATE)));
	}
	assert(memcmp(counts, o->counts, sizeof(counts)) == 0);
	assert(o->form_at <= o->len);
	assert(o->form_at == 0 || is_at(o, o->form_at, HTML_N_FORM));
	assert(o->formats_len <= HTML_OPEN_FORMATS_MAX);
	for (uint32_t i = 0; i < o->formats_len; i++) {
		const struct html_format *f = &o->formats[i];

		assert(f->at <= o->len && (!f->is_marker || f->at != 0));
		assert(f->at == 0 || f->is_marker || o->open[f->at].key == f->e.key);
		assert(f->bytes_at + f->bytes_len <= o->bytes_len);
		assert(f->attrs_at + f->attrs_len <= o->attrs_len);
	}
	assert(o->bytes_len <= HTML_OPEN_SAVED_BYTES);
	assert(o->attrs_len <= HTML_OPEN_SAVED_ATTRS);
}
