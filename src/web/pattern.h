/*
 * web/pattern.h -- what a URL looks like once all that counts or names is taken out of it:
 * the pattern by which a crawler tells that a site makes up URLs for ever.
 *
 *   http://h.test/cal/2031-05-01/v12?view=day&sid=8f2  ->  /cal/{date}/v{n}?view&sid
 *
 *   {date}  a day or a month: 2031-05-01, 20310501, 2031/05, 2031/05/01
 *   {n}     digits, also within a word
 *   {id}    what looks drawn at random: at least 8 letters and digits in turns, or as many
 *           hexadecimal digits of both kinds
 *
 * Of the query the names count, in any order and each once; not the values.
 *
 * Owns:    nothing.     Errors: none.     Threads: any; no state.
 */
#ifndef WEB_PATTERN_H
#define WEB_PATTERN_H
#include "web/url.h"

enum {
	PATTERN_TEXT_MAX = 160,     /* the rest of a longer one is not shown; it counts */
	PATTERN_KEYS_MAX = 8,       /* parameters whose values are told */
	PATTERN_SEGMENTS_MAX = 512, /* that are looked at for repeats */
};

struct pattern_key {
	uint64_t name, value; /* hashes */
};

struct url_pattern {
	uint64_t path;   /* hash: of the path's pattern */
	uint64_t whole;  /* and the names of the query */
	uint64_t names;  /* of the query, in any order */
	uint64_t family; /* up to the last {id}, and the names; 0: it has neither */
	bool varies;     /* has something in braces, or a query */
	bool repeats;    /* a segment is there twice, if not in a row */
	uint32_t segments;
	bool has_query;
	uint32_t keys_len;
	struct pattern_key keys[PATTERN_KEYS_MAX];
	bool has_date; /* of path or query: the last that was found */
	int32_t day;   /* days since 1970-01-01, the first of a month without a day */
	char text[PATTERN_TEXT_MAX]; /* of path and names, with a NUL */
};
/* Hashes are under `seed`. */
void url_pattern(const struct url *u, uint64_t seed, struct url_pattern *ret);
/* The hash of the last segment's pattern and the names; `p` is the URL's. */
uint64_t url_pattern_tail(
    const struct url *u, uint64_t seed, const struct url_pattern *p);

/*
 * How many times in a row the path has the same segment, or the same group of up to eight
 * segments, at most.  A group of nothing but numbers and of names of one or two letters
 * does not count: stores that spread their files have such paths.
 */
uint32_t url_path_repeats(struct slice path);
/* Segments that are not empty. */
uint32_t url_path_segments(struct slice path);

/*
 * The words of a page in a hash, without those that may be of its URL only: what the URL
 * itself has, ids, names of months and days (in seven languages), numbers up to 31 and
 * years.  Two pages of which one was made out of the other's URL have the same shape; a
 * table of figures does not.  0: less than four words are left, which say nothing.
 *
 * Made for the bytes of HTML as they come: tags, scripts and styles are passed over by
 * their brackets.
 */
uint64_t text_shape(struct slice html, struct slice url);
#endif
