/*
 * Tags that lie whole in the chunk, in one go: nearly all do, and they are most of what
 * a page has to be looked at for its links.
 *
 *     tags_pass()   runs over those that nobody wants, and the text between them
 *     tag_whole()   takes one apart
 *
 * What is right is said by the states in html_tag.c.  Here are only the ways that most
 * tags take; at anything else (the last bytes of a chunk, long names, controls, "a = b")
 * both give up, having changed nothing that the states mind.
 *
 * Blocks of 16 bytes are looked at with the instructions that every x86-64 has; on other
 * machines the states do all.
 */
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include "web/html_int.h"

#include "base/banned.h"

/*
 * What it brings: links out of documentation pages, MB/s, medians (AMD EPYC, gcc 12 -O2,
 * where memchr() of '<' makes 3,300):
 *       470   the states alone
 *       730   tag_whole()
 *     1,060   and tags_pass(), by windows
 *     1,250   end tags have a path of their own: the processor foresees what follows '/'
 *     1,450   attrs_pass() goes from name to value, in place of masks of 32 bytes
 */
#ifdef __SSE2__

enum { BLOCK = 16, NO_STOP = 1 << (BLOCK - 1) };

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

/* Controls, space, '>', '/' and '='. */
static inline unsigned
name_stops(__m128i v)
{
	__m128i space = _mm_set1_epi8(' ');

	return (unsigned)_mm_movemask_epi8(
	    _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(v, space), v),
		_mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('>')),
		    _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('=')),
			_mm_cmpeq_epi8(v, _mm_set1_epi8('/'))))));
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
	unsigned at = name_stops(v);
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

/* Bit i: p[i] is '<'. */
static inline uint64_t
window_lts(const char *p)
{
	return (uint64_t)block_find(block_load(p), '<') |
	       (uint64_t)block_find(block_load(p + BLOCK), '<') << BLOCK |
	       (uint64_t)block_find(block_load(p + 2 * BLOCK), '<') << 2 * BLOCK |
	       (uint64_t)block_find(block_load(p + 3 * BLOCK), '<') << 3 * BLOCK;
}

/* Is the name before this '=' style or background, by its last four letters? */
static inline bool
name_may_link(const char *equals)
{
	const uint32_t tyle = 0x656c7974, ound = 0x646e756f; /* as they lie */
	uint32_t name;

	memcpy(&name, equals - 4, sizeof(name));
	name |= 0x20202020; /* lower case */
	return name == tyle || name == ound;
}

static inline unsigned
name_len(const char *p)
{
	return (unsigned)__builtin_ctz(name_stops(block_load(p)) | NO_STOP);
}

/*
 * Behind the name of a start tag that nobody wants: its '>'.  NULL: it may have a link
 * all the same, or other things than ` name="value"`.
 */
static inline const char *
attrs_pass(const char *p, const char *last)
{
	while (*p == ' ') {
		unsigned len = name_len(p + 1), at = 0;

		p += 1 + len;
		if (len == 0 || p[0] != '=' || p[1] != '"' || name_may_link(p))
			return NULL;
		for (p += 2; p <= last; p += BLOCK)
			if ((at = block_find(block_load(p), '"')) != 0)
				break;
		if (at == 0)
			return NULL;
		p += __builtin_ctz(at) + 1;
		if (p > last - BLOCK)
			return NULL;
	}
	return *p == '>' ? p : NULL;
}

/* Is no name wanted that is as long and begins and ends with these letters? */
static inline bool
name_passes(const uint32_t maybe_wanted[HTML_LETTERS], const char *p, unsigned len)
{
	unsigned letter = ((unsigned char)p[0] | 0x20u) - 'a', bit;

	if (letter >= HTML_LETTERS)
		return false;
	bit = ((unsigned char)p[len - 1] ^ len) & 31;
	return (maybe_wanted[letter] >> bit & 1) == 0;
}

/* At '<': where the tag's '>' is when nobody wants it; NULL: somebody may. */
static inline const char *
tag_pass(const struct html *t, const char *lt, const char *last)
{
	const char *name = lt + 1;
	unsigned len;

	if (*name == '/') {
		len = name_len(++name);
		if (!name_passes(t->maybe_wanted[1], name, len) || name[len] != '>')
			return NULL;
		return name + len;
	}
	len = name_len(name);
	if (!name_passes(t->maybe_wanted[0], name, len))
		return NULL;
	return attrs_pass(name + len, last);
}

/*
 * Looks for '<' in a whole window first and then at each tag, so that the processor may
 * be at the next tag before it knows where this one ends.
 */
const char *
tags_pass(struct html *t, const char *p, const char *end)
{
	const char *text = p; /* behind the last tag; a '<' before is within it */

	t->ref.step = 0;
	t->skip_lf = false;
	/* A window, and as much again for what is read behind its last '<'. */
	while (end - p >= 8 * BLOCK) {
		for (uint64_t lts = window_lts(p); lts != 0; lts &= lts - 1) {
			const char *lt = p + __builtin_ctzll(lts), *gt;

			if (lt < text)
				continue;
			gt = tag_pass(t, lt, end - BLOCK);
			if (gt == NULL)
				return lt;
			text = gt + 1;
		}
		p += 4 * BLOCK;
		p = text > p ? text : p;
	}
	return p;
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
	const char *p = raw + 1, *last = end - BLOCK; /* where a block may begin */
	struct html_tag *tag = &t->tag;
	struct name name;

	if (end - raw < 4 * BLOCK)
		return NULL;
	tag->is_end = *p == '/';
	p += tag->is_end;
	if (!ascii_is_alpha(*p) || !name_take(p, &name))
		return NULL;
	tag->id = html_name_id(name.key, p, name.len);
	tag->name_key = name.key;
	tag->name_at = (uint32_t)(p - raw);
	tag->name_len = name.len;
	tag->name_odd = name.odd;
	tag->raw = raw;
	tag->is_self_closing = false;
	tag->attrs_len = 0;
	p += name.len;
	if (*p != '>') {
		p = tag->is_end ? NULL : attrs_take(t, raw, p, last);
		if (p == NULL)
			return NULL;
	}
	if (t->want_text)
		text_end(t);
	t->ref.step = 0;
	t->skip_lf = false;
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
tags_pass(struct html *t, const char *p, const char *end)
{
	(void)t;
	(void)end;
	return p;
}

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
