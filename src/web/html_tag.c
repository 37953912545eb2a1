/* Tags and their attributes (13.2.5.6 to 13.2.5.8 and 13.2.5.32 to 13.2.5.40). */
#include <errno.h>
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include "web/html_int.h"
#include "web/html_names_table.h"

#include "base/banned.h"

enum { FEW_ATTRS = 8 }; /* so many are compared each with each */

bool
html_name_is(enum html_name_id id, const char *name, uint32_t len)
{
	return slice_ieq(slice_of(name, len), slice_cstr(html_name_texts[id]));
}

/* What ends a name: 1 of anything, 2 of an attribute only. */
static const uint8_t name_stops[256] = {['\t'] = 1,
    ['\n'] = 1,
    ['\f'] = 1,
    ['\r'] = 1,
    [' '] = 1,
    ['/'] = 1,
    ['>'] = 1,
    ['='] = 2};

/* Reads a name into its key; `stop` as in name_stops: 1 or 3. */
static const char *
name_scan(const char *p, const char *end, unsigned stop, uint64_t *key, bool *odd)
{
	uint64_t k = *key;
	bool o = *odd;

	while (p < end) {
		unsigned char c = (unsigned char)*p;

		if (name_stops[c] & stop)
			break;
		if (c >= 'A' && c <= 'Z') {
			c |= 0x20;
			o = true;
		} else if (c == '\0') {
			c = 0xFF;
			o = true;
		}
		k = k << 8 | c;
		p++;
	}
	*key = k;
	*odd = o;
	return p;
}

/* A name of more than 8 bytes: its length above its last 7 bytes. */
uint64_t
name_key(uint64_t key, uint32_t len)
{
	if (len <= 8)
		return key;
	return (key & UINT64_C(0x00FFFFFFFFFFFFFF)) |
	       (uint64_t)(0x80 | (len < 0x7F ? len : 0x7F)) << 56;
}

uint64_t
html_name_key(struct slice lower, uint8_t *ret_id)
{
	uint64_t key = 0;

	for (size_t i = lower.len < 8 ? 0 : lower.len - 8; i < lower.len; i++)
		key = key << 8 | (unsigned char)lower.ptr[i];
	key = name_key(key, (uint32_t)lower.len);
	*ret_id = html_name_id(key, lower.ptr, (uint32_t)lower.len);
	return key;
}

/*
 * To the first `quote`, noting whether '&', CR or NUL come before it.  16 bytes at a
 * time: a value's bytes are half of what a page has to be looked at for its links.
 */
static const char *
value_scan(const char *p, const char *end, char quote, bool *odd)
{
#ifdef __SSE2__
	const __m128i q = _mm_set1_epi8(quote), amp = _mm_set1_epi8('&');
	const __m128i cr = _mm_set1_epi8('\r'), nul = _mm_setzero_si128();

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		unsigned at = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, q));
		unsigned o = (unsigned)_mm_movemask_epi8(_mm_or_si128(
		    _mm_or_si128(_mm_cmpeq_epi8(v, amp), _mm_cmpeq_epi8(v, cr)),
		    _mm_cmpeq_epi8(v, nul)));

		if (at != 0) {
			*odd |= (o & (at ^ (at - 1))) != 0;
			return p + __builtin_ctz(at);
		}
		*odd |= o != 0;
	}
#endif
	for (; p < end && *p != quote; p++)
		if (*p == '&' || *p == '\r' || *p == '\0')
			*odd = true;
	return p;
}

static const char *
unquoted_scan(const char *p, const char *end, bool *odd)
{
	for (; p < end && *p != '>' && !html_is_space(*p); p++)
		if (*p == '&' || *p == '\0')
			*odd = true;
	return p;
}

static inline struct html_attr *
attr_cur(struct html *t)
{
	return &t->attrs[t->tag.attrs_len];
}

static inline void
attr_begin(struct html *t, const char *p)
{
	struct html_attr *a = attr_cur(t);

	a->name_key = 0;
	a->name_at = token_offset(t, p);
	a->value_at = a->value_len = 0;
	a->name_odd = a->value_odd = false;
}

/* An attribute is complete.  One too many stays in the spare slot, to be overwritten. */
static inline void
attr_end(struct html *t)
{
	if (t->tag.attrs_len < HTML_ATTRS_MAX)
		t->tag.attrs_len++;
}

static bool
names_are_same(
    const struct html_tag *tag, const struct html_attr *a, const struct html_attr *b)
{
	if (a->name_key != b->name_key || a->name_len != b->name_len)
		return false;
	return a->name_len <= 8 ||
	       slice_ieq(html_attr_name(tag, a), html_attr_name(tag, b));
}

/* In order of names; of one name, in order of the tag. */
static int
attr_order(const void *pa, const void *pb, void *ctx)
{
	const struct html_tag *tag = ctx;
	uint16_t ia = *(const uint16_t *)pa, ib = *(const uint16_t *)pb;
	const struct html_attr *a = &tag->attrs[ia], *b = &tag->attrs[ib];

	if (a->name_key != b->name_key)
		return a->name_key < b->name_key ? -1 : 1;
	if (a->name_len != b->name_len)
		return a->name_len < b->name_len ? -1 : 1;
	for (uint32_t i = 0; a->name_len > 8 && i < a->name_len; i++) {
		char ca = ascii_lower(tag->raw[a->name_at + i]);
		char cb = ascii_lower(tag->raw[b->name_at + i]);

		if (ca != cb)
			return ca < cb ? -1 : 1;
	}
	return ia < ib ? -1 : 1;
}

/* By sorting: somebody may have made 256 long names that differ late. */
static void
repeated_of_many(struct html_tag *tag, bool *repeated)
{
	uint16_t order[HTML_ATTRS_MAX];

	for (uint16_t i = 0; i < tag->attrs_len; i++)
		order[i] = i;
	qsort_r(order, tag->attrs_len, sizeof(order[0]), attr_order, tag);
	repeated[order[0]] = false;
	for (uint32_t i = 1; i < tag->attrs_len; i++)
		repeated[order[i]] =
		    names_are_same(tag, &tag->attrs[order[i - 1]], &tag->attrs[order[i]]);
}

static void
repeated_of_few(const struct html_tag *tag, bool *repeated)
{
	for (uint32_t i = 0; i < tag->attrs_len; i++) {
		repeated[i] = false;
		for (uint32_t k = 0; k < i && !repeated[i]; k++)
			repeated[i] = names_are_same(tag, &tag->attrs[i], &tag->attrs[k]);
	}
}

/* The first of those with one name counts (13.2.5.33). */
static void
attrs_drop_repeated(struct html_tag *tag)
{
	bool repeated[HTML_ATTRS_MAX];
	uint32_t n = 0;

	if (tag->attrs_len > FEW_ATTRS)
		repeated_of_many(tag, repeated);
	else
		repeated_of_few(tag, repeated);
	for (uint32_t i = 0; i < tag->attrs_len; i++) {
		if (repeated[i])
			continue;
		if (n != i)
			tag->attrs[n] = tag->attrs[i];
		n++;
	}
	tag->attrs_len = n;
}

static void
last_start_set(struct html *t)
{
	const struct html_tag *tag = &t->tag;

	t->last_start_len = 0;
	if (tag->name_len > sizeof(t->last_start))
		return;
	for (uint32_t i = 0; i < tag->name_len; i++)
		t->last_start[i] = ascii_lower(tag->raw[tag->name_at + i]);
	t->last_start_len = tag->name_len;
}

void
tag_deliver(struct html *t)
{
	struct html_tag *tag = &t->tag;
	bool models = (t->flags & HTML_MODELS) != 0;

	tag->attrs = t->attrs;
	/* Two different names are the usual case. */
	if (tag->attrs_len > 2 ||
	    (tag->attrs_len == 2 && t->attrs[0].name_key == t->attrs[1].name_key))
		attrs_drop_repeated(tag);
	if (tag->is_end)
		tag->attrs_len = 0;
	tag->ns = HTML_NS_HTML;
	if (models &&
	    (t->foreign_len > 0 || tag->id == HTML_N_SVG || tag->id == HTML_N_MATH))
		model_tag(t);
	if (t->sink->tag != NULL)
		t->err = t->sink->tag(t->ctx, tag);
	t->state = t->base = models ? model_state(t) : HTML_DATA;
	if (!tag->is_end && (t->state != HTML_DATA || !models))
		last_start_set(t);
}

/* At '>': the tag is whole. */
static const char *
tag_emit(struct html *t, const char *p)
{
	struct html_tag *tag = &t->tag;

	p++;
	tag->raw = token_bytes(t, p);
	if (tag->raw == NULL)
		return p;
	tag->id = html_name_id(tag->name_key, tag->raw + tag->name_at, tag->name_len);
	for (uint32_t i = 0; i < tag->attrs_len; i++) {
		struct html_attr *a = &t->attrs[i];

		a->id = html_name_id(a->name_key, tag->raw + a->name_at, a->name_len);
	}
	tag_deliver(t);
	token_done(t, p);
	return p;
}

static const char *
tag_open_step(struct html *t, const char *p)
{
	char c = *p;
	bool is_end = t->state == HTML_END_TAG_OPEN;

	if (ascii_is_alpha(c)) {
		text_end(t);
		t->tag.name_key = 0;
		t->tag.name_at = token_offset(t, p);
		t->tag.name_odd = false;
		t->tag.is_end = is_end;
		t->tag.is_self_closing = false;
		t->tag.attrs_len = 0;
		t->state = HTML_TAG_NAME;
		return p;
	}
	if (!is_end && c == '/') {
		t->state = HTML_END_TAG_OPEN;
		return p + 1;
	}
	if (!is_end && c == '!') {
		text_end(t);
		t->matched = 0;
		t->state = HTML_MARKUP_DECLARATION;
		return p + 1;
	}
	if (is_end && c == '>') { /* "</>" is nothing */
		text_end(t);
		token_done(t, p + 1);
		t->state = t->base;
		return p + 1;
	}
	if (is_end || c == '?') {
		text_end(t);
		t->data_at = token_offset(t, p);
		t->state = HTML_BOGUS_COMMENT;
		return p;
	}
	token_abandon(t);
	t->state = t->base;
	return p;
}

static inline const char *
tag_name_step(struct html *t, const char *p, const char *end)
{
	struct html_tag *tag = &t->tag;

	p = name_scan(p, end, 1, &tag->name_key, &tag->name_odd);
	if (p == end)
		return p;
	tag->name_len = token_offset(t, p) - tag->name_at;
	tag->name_key = name_key(tag->name_key, tag->name_len);
	if (*p == '>')
		return tag_emit(t, p);
	t->state = *p == '/' ? HTML_SELF_CLOSING : HTML_BEFORE_ATTR_NAME;
	return p + 1;
}

static inline const char *
before_attr_name_step(struct html *t, const char *p, const char *end)
{
	while (p < end && html_is_space(*p))
		p++;
	if (p == end)
		return p;
	if (*p == '>')
		return tag_emit(t, p);
	if (*p == '/') {
		t->state = HTML_SELF_CLOSING;
		return p + 1;
	}
	attr_begin(t, p);
	t->state = HTML_ATTR_NAME;
	if (*p != '=')
		return p;
	attr_cur(t)->name_key = '='; /* here, and only here, a part of the name */
	return p + 1;
}

static inline const char *
attr_name_step(struct html *t, const char *p, const char *end)
{
	struct html_attr *a = attr_cur(t);

	p = name_scan(p, end, 3, &a->name_key, &a->name_odd);
	if (p == end)
		return p;
	a->name_len = token_offset(t, p) - a->name_at;
	a->name_key = name_key(a->name_key, a->name_len);
	if (*p != '=') {
		t->state = HTML_AFTER_ATTR_NAME;
		return p;
	}
	t->state = HTML_BEFORE_ATTR_VALUE;
	return p + 1;
}

static inline const char *
after_attr_name_step(struct html *t, const char *p, const char *end)
{
	while (p < end && html_is_space(*p))
		p++;
	if (p == end)
		return p;
	if (*p == '=') {
		t->state = HTML_BEFORE_ATTR_VALUE;
		return p + 1;
	}
	attr_end(t);
	t->state = HTML_BEFORE_ATTR_NAME;
	return p;
}

static inline const char *
before_attr_value_step(struct html *t, const char *p, const char *end)
{
	while (p < end && html_is_space(*p))
		p++;
	if (p == end)
		return p;
	if (*p == '>') {
		attr_end(t);
		return tag_emit(t, p);
	}
	if (*p == '"' || *p == '\'') {
		t->quote = *p++;
		t->state = HTML_ATTR_VALUE_QUOTED;
	} else {
		t->state = HTML_ATTR_VALUE_UNQUOTED;
	}
	attr_cur(t)->value_at = token_offset(t, p);
	return p;
}

static inline const char *
attr_value_step(struct html *t, const char *p, const char *end)
{
	struct html_attr *a = attr_cur(t);
	bool quoted = t->state == HTML_ATTR_VALUE_QUOTED;

	if (quoted)
		p = value_scan(p, end, t->quote, &a->value_odd);
	else
		p = unquoted_scan(p, end, &a->value_odd);
	if (p == end)
		return p;
	a->value_len = token_offset(t, p) - a->value_at;
	attr_end(t);
	if (!quoted) {
		t->state = HTML_BEFORE_ATTR_NAME;
		return p;
	}
	t->state = HTML_AFTER_ATTR_VALUE;
	return p + 1;
}

static inline const char *
self_closing_step(struct html *t, const char *p)
{
	if (*p == '>') {
		t->tag.is_self_closing = true;
		return tag_emit(t, p);
	}
	t->state = HTML_BEFORE_ATTR_NAME;
	return p;
}

const char *
html_tag_step(struct html *t, const char *p, const char *end)
{
	while (p < end) {
		switch (t->state) {
		case HTML_TAG_OPEN:
		case HTML_END_TAG_OPEN:
			p = tag_open_step(t, p);
			break;
		case HTML_TAG_NAME:
			p = tag_name_step(t, p, end);
			break;
		case HTML_BEFORE_ATTR_NAME:
		case HTML_AFTER_ATTR_VALUE: /* but for errors, the same */
			p = before_attr_name_step(t, p, end);
			break;
		case HTML_ATTR_NAME:
			p = attr_name_step(t, p, end);
			break;
		case HTML_AFTER_ATTR_NAME:
			p = after_attr_name_step(t, p, end);
			break;
		case HTML_BEFORE_ATTR_VALUE:
			p = before_attr_value_step(t, p, end);
			break;
		case HTML_ATTR_VALUE_QUOTED:
		case HTML_ATTR_VALUE_UNQUOTED:
			p = attr_value_step(t, p, end);
			break;
		case HTML_SELF_CLOSING:
			p = self_closing_step(t, p);
			break;
		default:
			return p;
		}
	}
	return p;
}
