#include "web/words.h"

#include "base/banned.h"

/* What a byte of text is; the rest is told from two more. */
enum byte_kind { SPACE, LETTER, LEAD };
static const uint8_t kinds[256] = {
    ['0' ... '9'] = LETTER,
    ['A' ... 'Z'] = LETTER,
    ['a' ... 'z'] = LETTER,
    [0x80 ... 0xc1] = LETTER,
    [0xc2] = LEAD, /* U+00A0, and signs */
    [0xc3 ... 0xdf] = LETTER,
    [0xe0 ... 0xe9] = LEAD, /* Thai, Khmer, punctuation, Han, kana */
    [0xea ... 0xee] = LETTER,
    [0xef] = LEAD, /* full-width forms */
    [0xf0] = LEAD, /* rare Han */
    [0xf1 ... 0xff] = LETTER,
};

enum char_kind { CHAR_SPACE, CHAR_LETTER, CHAR_WORD };

/* Full-width punctuation, between full-width letters and digits. */
static bool
is_wide_sign(uint32_t code)
{
	return (code >= 0xff00 && code <= 0xff0f) || (code >= 0xff1a && code <= 0xff20) ||
	       (code >= 0xff3b && code <= 0xff40) || (code >= 0xff5b && code <= 0xff65) ||
	       code >= 0xffe0;
}

/* Of the character that begins with a LEAD; its bytes in *ret_len. */
static enum char_kind
char_kind(struct slice s, size_t *ret_len)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	size_t n = p[0] == 0xc2 ? 2 : p[0] == 0xf0 ? 4 : 3;
	uint32_t code;

	*ret_len = 1;
	if (s.len < n)
		return CHAR_LETTER;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return CHAR_LETTER;
	*ret_len = n;
	if (n == 2)
		return p[1] < 0xaa || (p[1] > 0xaa && p[1] < 0xb5) ? CHAR_SPACE
								   : CHAR_LETTER;
	if (n == 4)
		return p[1] >= 0xa0 && p[1] <= 0xb3 ? CHAR_WORD : CHAR_LETTER;
	code = (p[0] & 15u) << 12 | (p[1] & 63u) << 6 | (p[2] & 63u);
	if ((code >= 0x2000 && code <= 0x206f) || (code >= 0x3000 && code <= 0x3004) ||
	    (code >= 0x3008 && code <= 0x3020) || code == 0x30fb || is_wide_sign(code))
		return CHAR_SPACE;
	if ((code >= 0x0e00 && code <= 0x0eff) || (code >= 0x1000 && code <= 0x109f) ||
	    (code >= 0x1780 && code <= 0x17ff) || (code >= 0x2e80 && code <= 0x9fff))
		return CHAR_WORD;
	return CHAR_LETTER;
}

/* As above, of any byte. */
static inline enum char_kind
kind_at(struct slice s, size_t i, size_t *ret_len)
{
	uint8_t kind = kinds[(unsigned char)s.ptr[i]];

	*ret_len = 1;
	if (kind == LEAD)
		return char_kind(slice_from(s, i), ret_len);
	return kind == SPACE ? CHAR_SPACE : CHAR_LETTER;
}

bool
word_next(struct slice *rest, struct word *ret)
{
	struct slice s = *rest;
	enum char_kind kind = CHAR_SPACE;
	size_t from = 0, to, n = 0;

	for (; from < s.len; from += n) {
		kind = kind_at(s, from, &n);
		if (kind != CHAR_SPACE)
			break;
	}
	if (from == s.len) {
		*rest = (struct slice){0};
		return false;
	}
	to = from + n;
	while (kind == CHAR_LETTER && to < s.len && kind_at(s, to, &n) == CHAR_LETTER)
		to += n;
	*ret = (struct word){slice_of(s.ptr + from, to - from), kind == CHAR_WORD};
	*rest = slice_from(s, to);
	return true;
}

size_t
words_count(struct slice s)
{
	size_t words = 0, chars = 0;
	struct word w;

	while (word_next(&s, &w)) {
		words += !w.is_char;
		chars += w.is_char;
	}
	return words + (chars + 1) / 2;
}

/* -- the fingerprint --------------------------------------------------------------- */

enum { SHINGLE = 3, LANES = 8, LANE_MAX = 255 };

/* The finalizer of MurmurHash3 (Appleby): every bit of the result depends on all. */
static inline uint64_t
mix(uint64_t h)
{
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

/* FNV-1a. */
static uint64_t
word_hash(struct slice word)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < word.len; i++)
		h = (h ^ (unsigned char)ascii_lower(word.ptr[i])) *
		    UINT64_C(0x100000001b3);
	return h;
}

/* How often each bit was set: byte k of lane i counts bit 8 * i + k, until it is full. */
struct tally {
	uint64_t lanes[LANES];
	unsigned in_lanes;
	uint32_t ones[64];
	uint32_t n;
};

static void
tally_flush(struct tally *t)
{
	for (size_t i = 0; i < LANES; i++)
		for (size_t k = 0; k < 8; k++)
			t->ones[8 * i + k] += (uint32_t)(t->lanes[i] >> 8 * k & 0xff);
	memset(t->lanes, 0, sizeof(t->lanes));
	t->in_lanes = 0;
}

static void
tally_add(struct tally *t, uint64_t h)
{
	const uint64_t each = UINT64_C(0x0101010101010101);

	for (size_t i = 0; i < LANES; i++) {
		/* Eight copies of eight bits, of which each byte keeps its own. */
		uint64_t x = (h >> 8 * i & 0xff) * each & UINT64_C(0x8040201008040201);

		t->lanes[i] += (x + each * 0x7f) >> 7 & each;
	}
	t->n++;
	if (++t->in_lanes == LANE_MAX)
		tally_flush(t);
}

bool
simhash64(struct slice s, uint64_t *ret)
{
	struct tally t = {.n = 0};
	uint64_t last[SHINGLE] = {0}, bits = 0;
	size_t words = 0;
	struct word w;

	while (word_next(&s, &w)) {
		last[0] = last[1];
		last[1] = last[2];
		last[2] = word_hash(w.text);
		/* Of one or two words, these are the run. */
		if (++words >= SHINGLE)
			tally_add(&t, mix(last[2] + mix(last[1] + mix(last[0]))));
	}
	if (words == 0)
		return false;
	if (words < SHINGLE)
		tally_add(&t, mix(last[2] + mix(last[1] + mix(last[0]))));
	tally_flush(&t);
	for (size_t i = 0; i < 64; i++)
		bits |= (uint64_t)(t.ones[i] > t.n / 2) << i;
	*ret = bits;
	return true;
}
