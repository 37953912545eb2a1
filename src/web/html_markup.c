/* Comments, doctypes and CDATA sections (13.2.5.41 to 13.2.5.71). */
#include "web/html_int.h"
#include <errno.h>

#include "base/banned.h"

/* The comment's text, [data_at, data_end) of a token that ends before `p`. */
void
comment_emit(struct html *t, const char *p)
{
	const char *raw;
	struct slice s;
	int err;

	if (t->sink->comment == NULL || t->err != 0)
		return;
	raw = token_bytes(t, p);
	if (raw == NULL)
		return;
	s = slice_of(raw + t->data_at, t->data_end - t->data_at);
	buf_clear(&t->scratch);
	err = buf_reserve(&t->scratch, html_decode_max(s));
	if (err != 0) {
		t->err = err;
		return;
	}
	s.len = html_decode(s, HTML_DECODE_NO_REFS, t->scratch.ptr);
	s.ptr = t->scratch.ptr;
	t->err = t->sink->comment(t->ctx, s);
}

static const char *
comment_end(struct html *t, const char *p, uint32_t data_end)
{
	t->data_end = data_end;
	comment_emit(t, p + 1);
	token_done(t, p + 1);
	t->state = t->base;
	return p + 1;
}

static const char *
comment_start_step(struct html *t, const char *p)
{
	bool dash = t->state == HTML_COMMENT_START_DASH;

	if (*p == '>')
		return comment_end(t, p, t->data_at);
	if (*p != '-') {
		t->state = HTML_COMMENT;
		return p;
	}
	t->state = dash ? HTML_COMMENT_END : HTML_COMMENT_START_DASH;
	return p + 1;
}

/*
 * The states for '<' within a comment are left out: they tell errors only, and what
 * follows in them is what the states here do.
 */
const char *
html_comment_step(struct html *t, const char *p, const char *end)
{
	const char *dash;

	switch (t->state) {
	case HTML_COMMENT_START:
	case HTML_COMMENT_START_DASH:
		return comment_start_step(t, p);
	case HTML_COMMENT_END_DASH:
		if (*p != '-')
			break;
		t->state = HTML_COMMENT_END;
		return p + 1;
	case HTML_COMMENT_END:
		if (*p == '>')
			return comment_end(t, p, token_offset(t, p) - 2);
		if (*p == '-')
			return p + 1;
		if (*p != '!')
			break;
		t->state = HTML_COMMENT_END_BANG;
		return p + 1;
	case HTML_COMMENT_END_BANG:
		if (*p == '>')
			return comment_end(t, p, token_offset(t, p) - 3);
		break;
	default:
		break;
	}
	dash = memchr(p, '-', (size_t)(end - p));
	t->state = dash == NULL ? HTML_COMMENT : HTML_COMMENT_END_DASH;
	return dash == NULL ? end : dash + 1;
}

/* What "<!" can go on with; chosen by the first byte. */
static struct slice
declaration_of(char c)
{
	if (c == '-')
		return SLICE_LIT("--");
	if (c == '[')
		return SLICE_LIT("[CDATA[");
	return SLICE_LIT("doctype");
}

static const char *
declaration_done(struct html *t, const char *p)
{
	char c = t->quote;

	if (c == '-') {
		t->data_at = token_offset(t, p);
		t->state = HTML_COMMENT_START;
	} else if (c != '[') {
		t->data_at = token_offset(t, p);
		t->state = HTML_DOCTYPE;
	} else if (model_allows_cdata(t)) {
		token_done(t, p);
		t->state = t->base = HTML_CDATA;
	} else {
		t->data_at = 2;
		t->state = HTML_BOGUS_COMMENT;
	}
	return p;
}

static const char *
declaration_step(struct html *t, const char *p, const char *end)
{
	struct slice want;

	if (t->matched == 0)
		t->quote = *p;
	want = declaration_of(t->quote);
	for (; p < end; p++) {
		char c = t->quote == '[' ? *p : ascii_lower(*p);

		if (c != want.ptr[t->matched]) {
			t->data_at = 2;
			t->state = HTML_BOGUS_COMMENT;
			return p;
		}
		if (++t->matched == want.len)
			return declaration_done(t, p + 1);
	}
	return p;
}

/* Both end with the first '>', wherever it stands. */
const char *
html_markup_step(struct html *t, const char *p, const char *end)
{
	const char *gt;

	if (t->state == HTML_MARKUP_DECLARATION)
		return declaration_step(t, p, end);
	gt = memchr(p, '>', (size_t)(end - p));
	if (gt == NULL)
		return end;
	if (t->state == HTML_BOGUS_COMMENT)
		return comment_end(t, gt, token_offset(t, gt));
	doctype_emit(t, gt, false);
	token_done(t, gt + 1);
	t->state = t->base;
	return gt + 1;
}

const char *
html_cdata_step(struct html *t, const char *p, const char *end)
{
	const char *hit;

	switch (t->state) {
	case HTML_CDATA:
		hit = memchr(p, ']', (size_t)(end - p));
		if (hit == NULL)
			return end;
		t->token = hit;
		t->state = HTML_CDATA_BRACKET;
		return hit + 1;
	case HTML_CDATA_BRACKET:
		if (*p == ']') {
			t->state = HTML_CDATA_END;
			return p + 1;
		}
		break;
	default:
		if (*p == '>') {
			text_end(t);
			token_done(t, p + 1);
			t->state = t->base = HTML_DATA;
			return p + 1;
		}
		if (*p != ']')
			break;
		/* "]]]": the first is text; the token is the last two. */
		if (t->held.len > 0) {
			text_emit(t, "]", 1);
			t->held.len--;
		} else {
			if (t->run == NULL)
				t->run = t->token;
			t->token++;
		}
		return p + 1;
	}
	token_abandon(t);
	t->state = HTML_CDATA;
	return p;
}

static const char *
space_skip(const char *p, const char *end)
{
	while (p < end && html_is_space(*p))
		p++;
	return p;
}

/* A quoted identifier at `p`; false: none, or it has no end (*p moves behind it). */
static bool
doctype_id(const char **p, const char *end, struct slice *ret, bool *ret_has)
{
	const char *from, *quote;

	if (*p == end || (**p != '"' && **p != '\''))
		return false;
	from = *p + 1;
	quote = memchr(from, **p, (size_t)(end - from));
	*ret_has = true;
	*ret = slice_of(from, (size_t)((quote == NULL ? end : quote) - from));
	*p = quote == NULL ? end : quote + 1;
	return quote != NULL;
}

/* From behind the name on; false: quirks. */
static bool
doctype_ids(const char *p, const char *end, bool at_eof, struct html_doctype *d)
{
	struct slice rest = slice_of(p, (size_t)(end - p));
	bool is_public = slice_istarts(rest, SLICE_LIT("public"));

	if (!is_public && !slice_istarts(rest, SLICE_LIT("system")))
		return rest.len == 0 && !at_eof;
	p = space_skip(p + 6, end);
	if (is_public) {
		if (!doctype_id(&p, end, &d->public_id, &d->has_public_id))
			return false;
		p = space_skip(p, end);
		if (p == end)
			return !at_eof;
	}
	if (!doctype_id(&p, end, &d->system_id, &d->has_system_id))
		return false;
	return space_skip(p, end) < end || !at_eof; /* what follows is bogus, no quirk */
}

/* `s` is what stood between "<!doctype" and '>', names still in the case they had. */
static void
doctype_parse(char *s, size_t len, bool at_eof, struct html_doctype *d)
{
	char *end = s + len, *name, *p;

	*d = (struct html_doctype){.force_quirks = true};
	name = s + (space_skip(s, end) - s);
	for (p = name; p < end && !html_is_space(*p); p++)
		*p = ascii_lower(*p);
	if (p == name)
		return;
	d->has_name = true;
	d->name = slice_of(name, (size_t)(p - name));
	d->force_quirks = !doctype_ids(space_skip(p, end), end, at_eof, d);
}

void
doctype_emit(struct html *t, const char *p, bool at_eof)
{
	struct html_doctype d;
	const char *raw;
	struct slice s;
	int err;

	if (t->sink->doctype == NULL || t->err != 0)
		return;
	raw = token_bytes(t, p);
	if (raw == NULL)
		return;
	s = slice_of(raw + t->data_at, token_offset(t, p) - t->data_at);
	buf_clear(&t->scratch);
	err = buf_reserve(&t->scratch, html_decode_max(s));
	if (err != 0) {
		t->err = err;
		return;
	}
	s.len = html_decode(s, HTML_DECODE_NO_REFS, t->scratch.ptr);
	doctype_parse(t->scratch.ptr, s.len, at_eof, &d);
	t->err = t->sink->doctype(t->ctx, &d);
}
