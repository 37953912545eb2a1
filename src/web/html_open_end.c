/* What end tags end (13.2.6.4). */
#include "web/html_open_int.h"

#include "base/banned.h"

static void
form_end(struct html_open *o, const struct html_element *name)
{
	uint32_t at = o->form_at;

	if (is_in_template(o)) {
		at = open_find(o, name, IN_SCOPE);
		open_pop_to(o, at == 0 ? o->len : at - 1);
		return;
	}
	o->form_is_open = false;
	o->form_at = 0;
	if (at == 0 || open_find(o, name, IN_SCOPE) != at)
		return;
	open_pop_implied(o, HTML_N_OTHER);
	if (at == o->len)
		open_pop(o);
	else
		o->open[at].is_closing = true;
}

static void
piece_end(struct html_open *o, enum html_name_id id)
{
	uint32_t table = top_of(o)->table;

	if (table == 0)
		return;
	/* table, section, row, cell: at most three levels below the table. */
	for (uint32_t i = table + 1; i <= table + 3 && i <= o->len; i++) {
		if (o->open[i].id != id || o->open[i].ns != HTML_NS_HTML)
			continue;
		open_pop_to(o, i - 1);
		return;
	}
}

static void
heading_end(struct html_open *o)
{
	uint32_t floor = open_search_floor(o), i = o->len;

	while (i > floor && !open_scope_ends(&o->open[i], IN_SCOPE) &&
	       !(what_is(&o->open[i]) & HEADING))
		i--;
	open_search_done(o, i);
	if (i > floor && (what_is(&o->open[i]) & HEADING))
		open_pop_to(o, i - 1);
}

static void
template_end(struct html_open *o)
{
	uint32_t at = top_of(o)->table;

	while (at != 0 && o->open[at].id != HTML_N_TEMPLATE)
		at = o->open[at - 1].table;
	if (at != 0)
		open_pop_to(o, at - 1);
}

/* "Any other end tag". */
static void
other_end(struct html_open *o, const struct html_element *name)
{
	uint32_t floor = open_search_floor(o), i = o->len;

	if (!open_may_have(o, name))
		return;
	while (i > floor && !open_is_named(&o->open[i], name) &&
	       !(what_is(&o->open[i]) & SPECIAL))
		i--;
	open_search_done(o, i);
	if (i > floor && open_is_named(&o->open[i], name))
		open_pop_to(o, i - 1);
}

/* </p> and </br> open what they do not find. */
static int
end_makes(struct html_open *o, enum html_name_id id)
{
	int err;

	if (o->mode < HTML_OPEN_BODY && !is_in_template(o)) {
		if (id == HTML_N_P)
			return 0;
		err = open_body_begin(o);
		if (err != 0)
			return err;
	}
	if (id == HTML_N_P && top_of(o)->p != 0) {
		open_pop_to(o, (uint32_t)top_of(o)->p - 1);
		return 0;
	}
	if (o->len + 1 == HTML_OPEN_MAX || o->mode == HTML_OPEN_FRAMESET)
		return 0;
	err = id == HTML_N_BR ? open_formats_reopen(o) : 0;
	if (err != 0 || o->len + 1 == HTML_OPEN_MAX)
		return err;
	err = open_push_implied(o, id);
	if (err == 0)
		open_pop(o);
	return err;
}

/* False: it may still end an HTML element. */
static bool
foreign_end(struct html_open *o, const struct html_element *name)
{
	uint32_t floor = open_search_floor(o), i = o->len;

	while (i > floor && o->open[i].ns != HTML_NS_HTML &&
	       (o->open[i].key != name->key || o->open[i].hash != name->hash))
		i--;
	open_search_done(o, i);
	if (i <= floor || o->open[i].ns == HTML_NS_HTML)
		return false;
	open_pop_to(o, i - 1);
	return true;
}

int
open_end_tag(struct html_open *o, const struct html_tag *tag)
{
	struct html_element name = open_element_of(tag);
	unsigned what = html_whats[tag->id];
	uint32_t at = 0;
	int format;

	if (foreign_end(o, &name))
		return 0;
	switch (tag->id) {
	case HTML_N_HTML:
	case HTML_N_BODY:
		if (o->mode < HTML_OPEN_BODY && !is_in_template(o) &&
		    !top_is(o, HTML_N_NOSCRIPT))
			return open_body_begin(o);
		return 0; /* what comes behind them belongs to the body, too */
	case HTML_N_HEAD:
		return open_head_end(o);
	case HTML_N_P:
	case HTML_N_BR:
		return end_makes(o, tag->id);
	case HTML_N_FORM:
		form_end(o, &name);
		return 0;
	case HTML_N_TEMPLATE:
		template_end(o);
		return 0;
	case HTML_N_TABLE:
		if (top_of(o)->table != 0 && !is_in_template(o))
			open_pop_to(o, (uint32_t)top_of(o)->table - 1);
		return 0;
	default:
		break;
	}
	if (what & FORMATTING) {
		format = format_find(o, &name);
		if (format != FORMAT_NONE)
			open_format_end(o, format);
		else
			other_end(o, &name);
	} else if (what & PIECE) {
		piece_end(o, tag->id);
	} else if (what & HEADING) {
		heading_end(o);
	} else if (what & END_IN_SCOPE) {
		at = open_find(o, &name, tag->id == HTML_N_LI ? IN_LIST : IN_SCOPE);
		open_pop_to(o, at == 0 ? o->len : at - 1);
	} else {
		other_end(o, &name);
	}
	return 0;
}
