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

const char *
tag_whole(struct html *t, const char *raw, const char *end)
{
	const char *p = raw + 1, *last = end - BLOCK; /* where a block may begin */
	struct html_tag *tag = &t->tag;
	struct name name;
	uint32_t attrs = 0;
	bool is_end;

	if (end - raw < 2 * BLOCK)
		return NULL;
	is_end = *p == '/';
	p += is_end;
	if (!ascii_is_alpha(*p) || !name_take(p, &name))
		return NULL;
	tag->name_at = (uint32_t)(p - raw);
	p += name.len;
	if (*p != '>') {
		if (is_end || *p == '=')
			return NULL;
		while (html_is_space(*p)) {
			while (p < last && html_is_space(*p))
				p++;
			if (*p == '>' || *p == '/')
				break;
			if (attrs == HTML_ATTRS_MAX)
				return NULL;
			p = attr_take(raw, p, last, &t->attrs[attrs]);
			if (p == NULL || p >= last)
				return NULL;
			attrs++;
		}
	}
	tag->is_self_closing = *p == '/';
	p += tag->is_self_closing;
	if (*p != '>')
		return NULL;
	tag->name_key = name.key;
	tag->id = html_name_id(name.key, raw + tag->name_at, name.len);
	tag->name_len = name.len;
	tag->name_odd = name.odd;
	tag->is_end = is_end;
	tag->attrs_len = attrs;
	if (t->want_text)
		text_end(t);
	t->ref.step = 0;
	t->skip_lf = false;
	tag->raw = raw;
	tag_deliver(t);
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
