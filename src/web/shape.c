/* text_shape() of web/pattern.h: the words of a page that are its own. */
#include "web/pattern.h"
#include "web/pattern_date.h"

#include "base/banned.h"

enum {
	URL_WORDS_MAX = 128,
	DAY_MAX = 31,
	YEAR_FROM = 1800,
	YEAR_TO = 2199,
	ID_MIN = 8,
	WORDS_MIN = 4
};

enum { OTHER = 0, LETTER = 1, DIGIT = 2 };
static const uint8_t classes[256] = {
    ['0' ... '9'] = DIGIT,
    ['A' ... 'Z'] = LETTER,
    ['a' ... 'z'] = LETTER,
    [0x80 ... 0xff] = LETTER,
};

struct shape {
	uint64_t url_words[URL_WORDS_MAX]; /* hashes */
	uint32_t url_words_len;
	uint64_t filter; /* of them: whether one is worth looking for */
	uint64_t hash;
	uint64_t words;
};

static inline uint8_t
class_of(char c)
{
	return classes[(unsigned char)c];
}

/* How many bytes are a word; which classes are in it. */
static inline size_t
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

/* Eight bytes at a time; case of ASCII does not matter. */
static inline uint64_t
word_hash(struct slice word)
{
	uint64_t h = word.len, chunk;

	for (size_t at = 0; at < word.len; at += sizeof(chunk)) {
		size_t n = word.len - at < sizeof(chunk) ? word.len - at : sizeof(chunk);

		chunk = 0;
		memcpy(&chunk, word.ptr + at, n);
		chunk |= UINT64_C(0x2020202020202020);
		h = (h ^ chunk) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	return h;
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
			p->filter |= UINT64_C(1) << (h >> 58);
		}
		url = slice_from(url, n == 0 ? 1 : n);
	}
}

static bool
is_of_url(const struct shape *p, uint64_t hash)
{
	if ((p->filter >> (hash >> 58) & 1) == 0)
		return false;
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

static inline void
add_word(struct shape *p, struct slice word, uint8_t seen)
{
	uint64_t hash = word_hash(word);

	if (is_of_url(p, hash))
		return;
	if (seen == DIGIT ? is_day_or_year(word) : date_is_name(word))
		return;
	if (seen == (LETTER | DIGIT) && word.len >= ID_MIN && is_id(word))
		return;
	hash = (p->hash ^ hash) * UINT64_C(0x9e3779b97f4a7c15);
	p->hash = hash ^ hash >> 32;
	p->words++;
}

static void
add_text(struct shape *p, struct slice text)
{
	while (text.len > 0) {
		uint8_t seen;
		size_t n;

		while (text.len > 0 && class_of(text.ptr[0]) == OTHER)
			text = slice_from(text, 1);
		n = word_len(text, &seen);
		if (n > 0)
			add_word(p, slice_head(text, n), seen);
		text = slice_from(text, n);
	}
}

/* What follows a tag that ends here: the text of scripts and styles is none. */
static struct slice
after_tag(struct slice tag, struct slice rest)
{
	bool script = slice_istarts(tag, SLICE_LIT("script"));

	if (!script && !slice_istarts(tag, SLICE_LIT("style")))
		return rest;
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

	url_words(&p, url);
	while (html.len > 0) {
		size_t open = slice_find(html, '<');
		struct slice tag;

		add_text(&p, slice_head(html, open));
		html = slice_from(html, open + 1);
		tag = slice_head(html, slice_find(html, '>'));
		html = after_tag(tag, slice_from(html, tag.len + 1));
	}
	return p.words < WORDS_MIN ? 0 : p.hash | 1;
}
