/*
 * Tags that lie whole in the chunk, in one go: nearly all do, and they are most of what
 * a page has to be looked at for its links.
 *
 * What is right is said by the states in html_tag.c.  Here are only the ways that most
 * tags take; at anything else (the last bytes of a chunk, long names, controls, "a = b")
 * tag_whole() gives up, having changed nothing that the states mind.
 *
 * Blocks of 16 bytes are looked at with the instructions that every x86-64 has; on other
 * machines the states do all.
 */
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include "web/html_int.h"

#include "base/banned.h"

#ifdef __SSE2__

enum { BLOCK = 16 };

struct name {
	uint64_t key;
	uint32_t len;
	bool odd;
};

static inline __m128i
block_load(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline unsigned
block_find(__m128i v, char c)
{
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(c)));
}

static inline uint64_t
big_endian_of(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

/* The name at `p`, up to a control, space, '>', '/' or '=' within a block; else false. */
static inline bool
name_take(const char *p, struct name *ret)
{
	const __m128i v = block_load(p), space = _mm_set1_epi8(' ');
	__m128i from_a = _mm_sub_epi8(v, _mm_set1_epi8('A'));
	__m128i upper =
	    _mm_cmpeq_epi8(_mm_min_epu8(from_a, _mm_set1_epi8('Z' - 'A')), from_a);
	__m128i lower = _mm_or_si128(v, _mm_and_si128(upper, space));
	__m128i stop = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(v, space), v),
	    _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('>')),
		_mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('=')),
		    _mm_cmpeq_epi8(v, _mm_set1_epi8('/')))));
	unsigned at = (unsigned)_mm_movemask_epi8(stop);
	char text[BLOCK];

	if (at == 0 || (at & 1) != 0)
		return false;
	ret->len = (uint32_t)__builtin_ctz(at);
	ret->odd = ((unsigned)_mm_movemask_epi8(upper) & (at ^ (at - 1))) != 0;
	_mm_storeu_si128((__m128i *)(void *)text, lower);
	if (ret->len <= 8)
		ret->key = big_endian_of(text) >> (64 - 8 * ret->len);
	else
		ret->key = name_key(big_endian_of(text + ret->len - 8), ret->len);
	return true;
}

/* Like value_scan() of html_tag.c; NULL when it does not end before the last block. */
static inline const char *
value_take(const char *p, const char *last, char quote, bool *odd)
{
	unsigned o, at;

	*odd = false;
	for (; p <= last; p += BLOCK) {
		__m128i v = block_load(p);

		at = block_find(v, quote);
		o = block_find(v, '&') | block_find(v, '\r') | block_find(v, '\0');
		if (at != 0) {
			*odd |= (o & (at ^ (at - 1))) != 0;
			return p + __builtin_ctz(at);
		}
		*odd |= o != 0;
	}
	return NULL;
}

/* A value without quotes, which ends within a block. */
static inline const char *
unquoted_take(const char *p, bool *odd)
{
	const __m128i v = block_load(p), space = _mm_set1_epi8(' ');
	unsigned at =
	    (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(v, space), v)) |
	    block_find(v, '>');

	if (at == 0 || (at & 1) != 0)
		return NULL;
	*odd = (block_find(v, '&') & (at ^ (at - 1))) != 0;
	p += __builtin_ctz(at);
	return *p == '>' || html_is_space(*p) ? p : NULL;
}

/* The attribute at `p` into `a`; where it ends, or NULL. */
static inline const char *
attr_take(const char *raw, const char *p, const char *last, struct html_attr *a)
{
	struct name name;

	if (p > last || !name_take(p, &name))
		return NULL;
	a->name_key = name.key;
	a->id = html_name_id(name.key, p, name.len);
	a->name_odd = name.odd;
	a->name_at = (uint32_t)(p - raw);
	a->name_len = name.len;
	a->value_odd = false;
	p += name.len;
	if (*p != '=') {
		a->value_at = a->value_len = 0;
		return *p == '>' || (*p == ' ' && p[1] != '=' && !html_is_space(p[1]))
			   ? p
			   : NULL;
	}
	p++;
	if (p >= last)
		return NULL;
	if (*p == '"' || *p == '\'') {
		a->value_at = (uint32_t)(p + 1 - raw);
		p = value_take(p + 1, last, *p, &a->value_odd);
		if (p == NULL)
			return NULL;
		a->value_len = (uint32_t)(p - raw) - a->value_at;
		return p + 1;
	}
	a->value_at = (uint32_t)(p - raw);
	p = unquoted_take(p, &a->value_odd);
	if (p != NULL)
		a->value_len = (uint32_t)(p - raw) - a->value_at;
	return p;
}

/* Of two blocks. */
static inline uint32_t
window_find(__m128i a, __m128i b, char c)
{
	return block_find(a, c) | (uint32_t)block_find(b, c) << BLOCK;
}

/* Bit i: whether an odd number of bits up to i is set. */
static inline uint32_t
parity_to(uint32_t m)
{
	for (int shift = 1; shift < 32; shift *= 2)
		m ^= m << shift;
	return m;
}

/* May one of the names before these be style or background? */
static inline bool
window_has_link(const char *p, uint32_t equals)
{
	const uint32_t tyle = 0x656c7974, ound = 0x646e756f; /* as they lie */

	for (; equals != 0; equals &= equals - 1) {
		const char *e = p + __builtin_ctz(equals);
		uint32_t name;

		memcpy(&name, e - 4, sizeof(name));
		name |= 0x20202020; /* lower case */
		if (name == tyle || name == ound)
			return true;
	}
	return false;
}

/*
 * Behind the name of a start tag whose attributes nobody wants, at a space: where its '>'
 * is, by telling what is in quotes.  NULL: it may have a link all the same, or is not made of
 * name and name="value" alone within a window.
 */
static inline const char *
tag_skim(const char *p)
{
	const __m128i a = block_load(p), b = block_load(p + BLOCK);
	const __m128i space = _mm_set1_epi8(' ');
	uint32_t spaces =
	    (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(a, space), a)) |
	    (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(b, space), b))
		<< BLOCK;
	uint32_t quotes = window_find(a, b, '"'), equals = window_find(a, b, '=');
	uint32_t quoted = parity_to(quotes); /* with the opening quote */
	uint32_t ends = window_find(a, b, '>') & ~quoted;
	uint32_t inside = (ends & -ends) - 1, bare = inside & ~quoted, odd;

	if (ends == 0)
		return NULL;
	equals &= bare;
	/* Each '=' stands between a name and a quote, and so does each opening quote. */
	odd = ((quotes & quoted) ^ (equals << 1)) & inside;
	odd |= equals & ((spaces | equals | (quotes & ~quoted)) << 1);
	odd |= (window_find(a, b, '\'') | window_find(a, b, '/')) & bare;
	if (odd != 0 || window_has_link(p, equals))
		return NULL;
	return p + __builtin_ctz(ends);
}

/* Behind the name, at a space: the attributes; where '>' or "/>" is, or NULL. */
static inline const char *
attrs_take(struct html *t, const char *raw, const char *p, const char *last)
{
	uint32_t n = 0;

	while (html_is_space(*p)) {
		while (p < last && html_is_space(*p))
			p++;
		if (*p == '>' || *p == '/')
			break;
		if (n == HTML_ATTRS_MAX)
			return NULL;
		p = attr_take(raw, p, last, &t->attrs[n]);
		if (p == NULL || p >= last)
			return NULL;
		n++;
	}
	t->tag.attrs_len = n;
	t->tag.is_self_closing = *p == '/';
	p += *p == '/';
	return *p == '>' ? p : NULL;
}

const char *
tag_whole(struct html *t, const char *raw, const char *end)
{
	const char *p = raw + 1, *gt, *last = end - BLOCK; /* where a block may begin */
	struct html_tag *tag = &t->tag;
	struct name name;
	bool wanted;

	if (end - raw < 4 * BLOCK)
		return NULL;
	tag->is_end = *p == '/';
	p += tag->is_end;
	if (!ascii_is_alpha(*p) || !name_take(p, &name))
		return NULL;
	tag->id = html_name_id(name.key, p, name.len);
	wanted =
	    t->foreign_len > 0 || (t->wants[tag->id] & (HTML_WANT_START << tag->is_end));
	tag->name_at = (uint32_t)(p - raw);
	p += name.len;
	tag->is_self_closing = false;
	tag->attrs_len = 0;
	if (*p != '>') {
		gt = !wanted && *p == ' ' && !tag->is_end ? tag_skim(p) : NULL;
		if (gt == NULL) {
			wanted = true;
			gt = tag->is_end ? NULL : attrs_take(t, raw, p, last);
			if (gt == NULL)
				return NULL;
		}
		p = gt;
	}
	if (t->want_text)
		text_end(t);
	t->ref.step = 0;
	t->skip_lf = false;
	if (wanted) {
		tag->name_key = name.key;
		tag->name_len = name.len;
		tag->name_odd = name.odd;
		tag->raw = raw;
		tag_deliver(t);
	}
	t->run = p + 1;
	return p + 1;
}

const char *
lt_find(const char *p, const char *end)
{
	for (int i = 0; i < 3 && end - p >= BLOCK; i++, p += BLOCK) {
		unsigned at = block_find(block_load(p), '<');

		if (at != 0)
			return p + __builtin_ctz(at);
	}
	return memchr(p, '<', (size_t)(end - p));
}

#else

const char *
tag_whole(struct html *t, const char *raw, const char *end)
{
	(void)t;
	(void)raw;
	(void)end;
	return NULL;
}

const char *
lt_find(const char *p, const char *end)
{
	return memchr(p, '<', (size_t)(end - p));
}
#endif
