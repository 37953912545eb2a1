/*
 * Text in which only one end tag is markup, and scripts (13.2.5.2 to 13.2.5.5 and
 * 13.2.5.9 to 13.2.5.31).
 */
#include "web/html_int.h"

#include "base/banned.h"

const char *
html_text_step(struct html *t, const char *p, const char *end)
{
	const char *whole;

	for (;;) {
		if (t->passes && t->state == HTML_DATA && !t->want_text &&
		    t->foreign_len == 0)
			p = tags_pass(t, p, end);
		p = lt_find(p, end);
		if (p == NULL)
			return end;
		t->base = t->state;
		t->token = p;
		if (t->state != HTML_DATA) {
			t->state = HTML_RAW_LT;
			return p + 1;
		}
		whole = tag_whole(t, p, end);
		if (whole == NULL) {
			t->state = HTML_TAG_OPEN;
			return p + 1;
		}
		p = whole;
		if (t->state != HTML_DATA || t->err != 0)
			return p;
	}
}

const char *
html_plaintext_step(struct html *t, const char *p, const char *end)
{
	(void)t;
	(void)p;
	return end;
}

static const char *
raw_give_up(struct html *t, const char *p)
{
	token_abandon(t);
	t->state = t->base;
	return p;
}

static const char *
raw_lt_step(struct html *t, const char *p)
{
	if (*p == '/') {
		t->state = HTML_RAW_END_OPEN;
		return p + 1;
	}
	if (t->base == HTML_SCRIPT && *p == '!') {
		token_abandon(t);
		t->state = HTML_SCRIPT_ESCAPE_START;
		return p + 1;
	}
	if (t->base == HTML_SCRIPT_ESCAPED && ascii_is_alpha(*p)) {
		token_abandon(t);
		t->matched = 0;
		t->state = HTML_SCRIPT_DOUBLE_ESCAPE_START;
		return p;
	}
	return raw_give_up(t, p);
}

static const char *
raw_end_open_step(struct html *t, const char *p)
{
	if (!ascii_is_alpha(*p))
		return raw_give_up(t, p);
	t->tag.name_key = 0;
	t->tag.name_at = token_offset(t, p);
	t->tag.name_odd = false;
	t->tag.is_end = true;
	t->tag.is_self_closing = false;
	t->tag.attrs_len = 0;
	t->state = HTML_RAW_END_NAME;
	return p;
}

/* Is it the end tag of the element that we are in? */
static const char *
raw_end_name_step(struct html *t, const char *p, const char *end)
{
	struct html_tag *tag = &t->tag;
	uint32_t at = token_offset(t, p) - tag->name_at;

	while (
	    p < end && at < t->last_start_len && ascii_lower(*p) == t->last_start[at]) {
		tag->name_key = tag->name_key << 8 | (unsigned char)t->last_start[at];
		tag->name_odd |= *p != t->last_start[at];
		at++;
		p++;
	}
	if (p == end)
		return p;
	if (at != t->last_start_len || at == 0 ||
	    !(html_is_space(*p) || *p == '/' || *p == '>'))
		return raw_give_up(t, p);
	text_end(t);
	tag->name_len = at;
	tag->name_key = name_key(tag->name_key, at);
	t->state =
	    HTML_BEFORE_ATTR_NAME; /* which takes all three as they are meant here */
	return p;
}

const char *
html_raw_end_step(struct html *t, const char *p, const char *end)
{
	if (t->state == HTML_RAW_LT)
		return raw_lt_step(t, p);
	if (t->state == HTML_RAW_END_OPEN)
		return raw_end_open_step(t, p);
	return raw_end_name_step(t, p, end);
}

/* The state after `c` in a comment-like part of a script; the double one keeps its tags.
 */
static const char *
script_escaped_step(struct html *t, const char *p, bool is_double)
{
	bool two = t->state == HTML_SCRIPT_ESCAPED_DASH_DASH ||
		   t->state == HTML_SCRIPT_DOUBLE_ESCAPED_DASH_DASH;
	bool one = t->state == HTML_SCRIPT_ESCAPED_DASH ||
		   t->state == HTML_SCRIPT_DOUBLE_ESCAPED_DASH;

	if (*p == '-' && is_double) {
		t->state = one || two ? HTML_SCRIPT_DOUBLE_ESCAPED_DASH_DASH
				      : HTML_SCRIPT_DOUBLE_ESCAPED_DASH;
	} else if (*p == '-') {
		t->state =
		    one || two ? HTML_SCRIPT_ESCAPED_DASH_DASH : HTML_SCRIPT_ESCAPED_DASH;
	} else if (*p == '<' && is_double) {
		t->state = HTML_SCRIPT_DOUBLE_ESCAPED_LT;
	} else if (*p == '<') {
		t->base = HTML_SCRIPT_ESCAPED;
		t->token = p;
		t->state = HTML_RAW_LT;
	} else if (*p == '>' && two) {
		t->state = HTML_SCRIPT;
	} else {
		t->state = is_double ? HTML_SCRIPT_DOUBLE_ESCAPED : HTML_SCRIPT_ESCAPED;
	}
	return p + 1;
}

/* After '<' or '</' of what may be "script": counts the bytes that match. */
static const char *
script_double_name_step(
    struct html *t, const char *p, enum html_state yes, enum html_state no)
{
	static const char script[] = "script";

	if (html_is_space(*p) || *p == '/' || *p == '>') {
		t->state = t->matched == sizeof(script) - 1 ? yes : no;
		return p + 1;
	}
	if (!ascii_is_alpha(*p)) {
		t->state = no;
		return p;
	}
	if (t->matched < sizeof(script) - 1 && ascii_lower(*p) == script[t->matched])
		t->matched++;
	else
		t->matched = UINT8_MAX;
	return p + 1;
}

static const char *
script_one_step(struct html *t, const char *p)
{
	switch (t->state) {
	case HTML_SCRIPT_ESCAPE_START:
	case HTML_SCRIPT_ESCAPE_START_DASH:
		if (*p != '-') {
			t->state = HTML_SCRIPT;
			return p;
		}
		t->state = t->state == HTML_SCRIPT_ESCAPE_START
			       ? HTML_SCRIPT_ESCAPE_START_DASH
			       : HTML_SCRIPT_ESCAPED_DASH_DASH;
		return p + 1;
	case HTML_SCRIPT_DOUBLE_ESCAPE_START:
		return script_double_name_step(
		    t, p, HTML_SCRIPT_DOUBLE_ESCAPED, HTML_SCRIPT_ESCAPED);
	case HTML_SCRIPT_DOUBLE_ESCAPE_END:
		return script_double_name_step(
		    t, p, HTML_SCRIPT_ESCAPED, HTML_SCRIPT_DOUBLE_ESCAPED);
	case HTML_SCRIPT_DOUBLE_ESCAPED_LT:
		t->state = HTML_SCRIPT_DOUBLE_ESCAPED;
		if (*p != '/')
			return p;
		t->matched = 0;
		t->state = HTML_SCRIPT_DOUBLE_ESCAPE_END;
		return p + 1;
	case HTML_SCRIPT_DOUBLE_ESCAPED:
	case HTML_SCRIPT_DOUBLE_ESCAPED_DASH:
	case HTML_SCRIPT_DOUBLE_ESCAPED_DASH_DASH:
		return script_escaped_step(t, p, true);
	default:
		return script_escaped_step(t, p, false);
	}
}

const char *
html_script_step(struct html *t, const char *p, const char *end)
{
	do
		p = script_one_step(t, p);
	while (p < end && t->state >= HTML_SCRIPT_ESCAPE_START &&
	       t->state <= HTML_SCRIPT_DOUBLE_ESCAPE_END);
	return p;
}
