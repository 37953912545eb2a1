/*
 * text_shape() of web/pattern.h: the words of a page that are its own.
 *
 * Windows of 64 bytes: what is a part of words, a digit, '<' or '>' in them is a bit each, and
 * words and tags are found by shifts of these.  A byte at a time it took five times as long.
 */
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include "web/pattern.h"
#include "web/pattern_date.h"
#include <endian.h>
#include <pthread.h>

#include "base/banned.h"

enum {
	URL_WORDS_MAX = 128,
	DAY_MAX = 31,
	YEAR_FROM = 1800,
	YEAR_TO = 2199,
	ID_MIN = 8,
	WORDS_MIN = 4,
	WINDOW = 64,
	CHUNK =
	    8, /* of a word, hashed at once; so many bytes behind a window are read, too */
	FILTER = 256,
};

/* A bit for each hash that is in it, and for few others. */
struct filter {
	uint64_t v[FILTER];
};

struct shape {
	uint64_t url_words[URL_WORDS_MAX]; /* hashes */
	uint32_t url_words_len;
	struct filter filter; /* of them, and of the names of dates */
	uint64_t hash;
	uint64_t words;
	bool in_tag;
	bool is_raw; /* the tag of a script or a style, or what is in it */
};

/* ---- words ---- */

enum { OTHER = 0, LETTER = 1, DIGIT = 2 };
static const uint8_t classes[256] = {
    ['0' ... '9'] = DIGIT,
    ['A' ... 'Z'] = LETTER,
    ['a' ... 'z'] = LETTER,
    [0x80 ... 0xff] = LETTER,
};

static inline uint8_t
class_of(char c)
{
	return classes[(unsigned char)c];
}

/* How many bytes are a word; which classes are in it. */
static size_t
word_len(struct slice s, uint8_t *ret_classes)
{
	uint8_t class, seen = 0;
	size_t n = 0;

	while (n < s.len && (class = class_of(s.ptr[n])) != OTHER) {
		seen |= class;
		n++;
	}
	*ret_classes = seen;
	return n;
}

/* Case of ASCII does not matter. */
static inline uint64_t
mix(uint64_t h, uint64_t chunk)
{
	chunk |= UINT64_C(0x2020202020202020);
	h = (h ^ chunk) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

static inline uint64_t
chunk_of(const char *p, size_t n)
{
	uint64_t chunk = 0;

	memcpy(&chunk, p, n);
	return le64toh(chunk);
}

static uint64_t
word_hash(struct slice word)
{
	uint64_t h = word.len;

	for (; word.len > CHUNK; word = slice_from(word, CHUNK))
		h = mix(h, chunk_of(word.ptr, CHUNK));
	return mix(h, chunk_of(word.ptr, word.len));
}

/* The same of one that may be read beyond its end, which is faster. */
static inline uint64_t
word_hash_in_window(const char *p, size_t len)
{
	uint64_t h = len;

	for (; len > CHUNK; len -= CHUNK, p += CHUNK)
		h = mix(h, chunk_of(p, CHUNK));
	return mix(h, chunk_of(p, CHUNK) & UINT64_MAX >> (64 - 8 * len));
}

static inline void
filter_add(struct filter *f, uint64_t hash)
{
	f->v[hash >> 56] |= UINT64_C(1) << (hash >> 50 & 63);
}

static inline bool
filter_may_have(const struct filter *f, uint64_t hash)
{
	return (f->v[hash >> 56] >> (hash >> 50 & 63) & 1) != 0;
}

static pthread_once_t dates_once = PTHREAD_ONCE_INIT;
static struct filter dates;

static void
dates_make(void)
{
	const char *name;

	for (size_t i = 0; (name = date_name(i)) != NULL; i++)
		filter_add(&dates, word_hash(slice_cstr(name)));
}

static void
url_words(struct shape *p, struct slice url)
{
	uint8_t seen;

	while (url.len > 0 && p->url_words_len < URL_WORDS_MAX) {
		size_t n = word_len(url, &seen);

		if (n > 0) {
			uint64_t h = word_hash(slice_head(url, n));

			p->url_words[p->url_words_len++] = h;
			filter_add(&p->filter, h);
		}
		url = slice_from(url, n == 0 ? 1 : n);
	}
}

static bool
is_of_url(const struct shape *p, uint64_t hash)
{
	for (uint32_t i = 0; i < p->url_words_len; i++)
		if (p->url_words[i] == hash)
			return true;
	return false;
}

/* Letters and digits in turns. */
static bool
is_id(struct slice word)
{
	unsigned turns = 0;

	for (size_t i = 1; i < word.len; i++)
		turns += class_of(word.ptr[i]) != class_of(word.ptr[i - 1]);
	return turns >= 3;
}

static bool
is_day_or_year(struct slice word)
{
	uint64_t n;

	return word.len <= 4 && slice_to_u64(word, &n) &&
	       (n <= DAY_MAX || (n >= YEAR_FROM && n <= YEAR_TO));
}

/* Only of words with digits, and of those that the filter may have. */
__attribute__((noinline)) static bool
is_left_out(const struct shape *p, struct slice word, uint64_t hash)
{
	uint8_t seen;

	if (filter_may_have(&p->filter, hash) && is_of_url(p, hash))
		return true;
	(void)word_len(word, &seen);
	if (seen == LETTER)
		return date_is_name(word);
	if (seen == DIGIT)
		return is_day_or_year(word);
	return word.len >= ID_MIN && is_id(word);
}

static inline bool
is_own(const struct shape *p, struct slice word, uint64_t hash, bool has_digits)
{
	return !(has_digits | filter_may_have(&p->filter, hash)) ||
	       !is_left_out(p, word, hash);
}

static inline uint64_t
add_hash(uint64_t h, uint64_t of_word)
{
	h = (h ^ of_word) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

/* ---- windows ---- */

/* A bit for each byte. */
struct window {
	uint64_t words, digits, lts, gts;
};

#ifdef __SSE2__

static inline uint64_t
bits(__m128i v)
{
	return (unsigned)_mm_movemask_epi8(v);
}

/* At most `n` above `from`, as unsigned bytes. */
static inline __m128i
in_range(__m128i v, char from, char n)
{
	v = _mm_sub_epi8(v, _mm_set1_epi8(from));
	return _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(n)), v);
}

static inline struct window
window_read(const char *p)
{
	struct window w = {0};

#pragma GCC unroll 4 /* so that shifts are by constants */
	for (unsigned i = 0; i < WINDOW; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		__m128i low = _mm_or_si128(v, _mm_set1_epi8(0x20));
		__m128i digits = in_range(v, '0', 9);
		/* Beyond ASCII the highest bit is set, which is what bits() takes. */
		__m128i words =
		    _mm_or_si128(_mm_or_si128(v, digits), in_range(low, 'a', 25));

		w.words |= bits(words) << i;
		w.digits |= bits(digits) << i;
		w.lts |= bits(_mm_cmpeq_epi8(v, _mm_set1_epi8('<'))) << i;
		w.gts |= bits(_mm_cmpeq_epi8(v, _mm_set1_epi8('>'))) << i;
	}
	return w;
}

#else

static inline struct window
window_read(const char *p)
{
	struct window w = {0};

	for (unsigned i = 0; i < WINDOW; i++) {
		w.words |= (uint64_t)(class_of(p[i]) != OTHER) << i;
		w.digits |= (uint64_t)(class_of(p[i]) == DIGIT) << i;
		w.lts |= (uint64_t)(p[i] == '<') << i;
		w.gts |= (uint64_t)(p[i] == '>') << i;
	}
	return w;
}

#endif

static inline unsigned
lowest(uint64_t bits)
{
	return (unsigned)__builtin_ctzll(bits);
}

/* The bits above the lowest that is set, and those below it; of 0 all are below. */
static inline uint64_t
above(uint64_t bits)
{
	return ~(bits ^ (bits - 1));
}
static inline uint64_t
below(uint64_t bits)
{
	return (bits - 1) & ~bits;
}

/* A word of a whole window or more. */
__attribute__((noinline)) static size_t
add_long_word(struct shape *p, struct slice rest)
{
	uint8_t seen;
	struct slice word = slice_head(rest, word_len(rest, &seen));
	uint64_t hash = word_hash(word);

	if (is_own(p, word, hash, (seen & DIGIT) != 0)) {
		p->hash = add_hash(p->hash, hash);
		p->words++;
	}
	return word.len;
}

/* How much of the window is done: a word that may go on behind it is not. */
static inline unsigned
add_words(struct shape *p, const char *window, const struct window *w, uint64_t words)
{
	uint64_t starts = words & ~(words << 1), ends = ~words & words << 1;
	uint64_t hash = p->hash, n = 0;

	for (; ends != 0; starts &= starts - 1, ends &= ends - 1) {
		unsigned from = lowest(starts), len = lowest(ends) - from;
		struct slice word = slice_of(window + from, len);
		uint64_t of_word = word_hash_in_window(word.ptr, len);

		if (is_own(p, word, of_word,
			(w->digits >> from & ~(UINT64_MAX << len)) != 0)) {
			hash = add_hash(hash, of_word);
			n++;
		}
	}
	p->hash = hash;
	p->words += n;
	return starts == 0 ? WINDOW : lowest(starts);
}

static inline bool
is_raw_tag(struct slice tag)
{
	return tag.len > 0 && (tag.ptr[0] | 0x20) == 's' &&
	       (slice_istarts(tag, SLICE_LIT("script")) ||
		   slice_istarts(tag, SLICE_LIT("style")));
}

/* What is at `window` is what `rest` begins with, and zeroes behind its end; how many bytes of
 * it are done. */
static size_t
add_window(struct shape *p, const char *window, struct slice rest)
{
	const struct window w = window_read(window);
	uint64_t left = UINT64_MAX, lts;
	unsigned done;

	for (;;) {
		if (p->in_tag) {
			uint64_t gts = w.gts & left;

			if (gts == 0)
				return WINDOW;
			p->in_tag = false;
			if (p->is_raw)
				return lowest(gts) + 1;
			left = above(gts);
		}
		lts = w.lts & left;
		done = add_words(p, window, &w, w.words & left & below(lts));
		if (done == 0)
			return add_long_word(p, rest);
		if (done < WINDOW || lts == 0)
			return done;
		left = above(lts);
		p->in_tag = true;
		p->is_raw = is_raw_tag(slice_from(rest, lowest(lts) + 1));
	}
}

/* The text of scripts and styles is none. */
static struct slice
raw_pass(struct slice rest)
{
	while (rest.len > 0) {
		rest = slice_from(rest, slice_find(rest, '<'));
		if (slice_istarts(rest, SLICE_LIT("</s")))
			break;
		rest = slice_from(rest, 1);
	}
	return rest;
}

uint64_t
text_shape(struct slice html, struct slice url)
{
	struct shape p = {.hash = UINT64_C(0x9e3779b97f4a7c15)};
	char end[WINDOW + CHUNK];

	(void)pthread_once(&dates_once, dates_make);
	p.filter = dates;
	url_words(&p, url);
	while (html.len > 0) {
		const char *window = html.ptr;

		if (p.is_raw && !p.in_tag) {
			html = raw_pass(html);
			p.is_raw = false;
			continue;
		}
		if (html.len < sizeof(end)) {
			memcpy(end, html.ptr, html.len);
			memset(end + html.len, 0, sizeof(end) - html.len);
			window = end;
		}
		html = slice_from(html, add_window(&p, window, html));
	}
	return p.words < WORDS_MIN ? 0 : p.hash | 1;
}
