#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include "observe/logline.h"
#include <errno.h>

#include "base/banned.h"

/* ---- crawl.log ---- */

enum { COLUMNS = 12 };

/* Columns are separated by one blank or more; "-" is nothing. */
static struct slice
column(struct slice *rest)
{
	struct slice c;

	while (rest->len > 0 && rest->ptr[0] == ' ')
		*rest = slice_from(*rest, 1);
	c = slice_head(*rest, slice_find(*rest, ' '));
	*rest = slice_from(*rest, c.len);
	return c;
}

static struct slice
or_nothing(struct slice c)
{
	return c.len == 1 && c.ptr[0] == '-' ? ((struct slice){0}) : c;
}

/* Days since 1970 in the Gregorian calendar (years from March). */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = y / 400, of_era = y % 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool
part(struct slice *digits, size_t n, int64_t max, int64_t *ret)
{
	uint64_t v;

	if (!slice_to_u64(slice_head(*digits, n), &v) || v > (uint64_t)max)
		return false;
	*digits = slice_from(*digits, n);
	*ret = (int64_t)v;
	return true;
}

/* "20260131120000123+1005": begin and duration in milliseconds. */
static bool
take_span(struct slice c, struct logline *l)
{
	struct slice digits = slice_head(c, 17), rest = slice_from(c, digits.len);
	int64_t year, month, day, hour, minute, second, milli;
	uint64_t took;

	if (digits.len < 17 || rest.len < 2 || rest.ptr[0] != '+' ||
	    !slice_to_u64(slice_from(rest, 1), &took) || took > UINT32_MAX ||
	    !part(&digits, 4, 9999, &year) || !part(&digits, 2, 12, &month) ||
	    !part(&digits, 2, 31, &day) || !part(&digits, 2, 23, &hour) ||
	    !part(&digits, 2, 59, &minute) || !part(&digits, 2, 60, &second) ||
	    !part(&digits, 3, 999, &milli) || month == 0 || day == 0)
		return false;
	l->start_ms =
	    (((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) *
		1000 +
	    milli;
	l->end_ms = l->start_ms + (int64_t)took;
	return true;
}

static bool
take_status(struct slice c, int *ret)
{
	bool minus = c.len > 0 && c.ptr[0] == '-';
	uint64_t n;

	if (!slice_to_u64(slice_from(c, minus), &n) || n > 99999)
		return false;
	*ret = minus ? -(int)n : (int)n;
	return true;
}

/* "http-4xx,2t,retry,link:img,gap:100/option/1": the outcome comes first, unless it is ok. */
static void
take_annotations(struct slice rest, struct logline *l)
{
	static const struct slice gap = {"gap:", 4}, link = {"link:", 5},
				  retry = {"retry", 5}, probe = {"probe", 5},
				  why = {"why:", 4};
	struct slice word;

	l->outcome = OUTCOME_OK;
	if (slice_cut(&rest, ',', &word) &&
	    (slice_starts(word, gap) || !outcome_parse(word, &l->outcome)))
		rest =
		    slice_of(word.ptr, word.len + (rest.ptr == NULL ? 0 : 1 + rest.len));
	while (slice_cut(&rest, ',', &word)) {
		if (slice_eq(word, retry))
			l->retry = true;
		else if (slice_eq(word, probe))
			l->probe = true;
		else if (slice_starts(word, gap))
			l->contacted = true;
		else if (slice_starts(word, link))
			l->kind = slice_from(word, link.len);
		else if (slice_starts(word, why))
			l->why = slice_from(word, why.len);
	}
}

bool
logline_parse(struct slice line, struct logline *ret)
{
	static const struct slice robots = {"P", 1}, moved = {"PR", 2};
	struct slice c[COLUMNS];
	struct logline l = {.outcome = OUTCOME_OK};

	for (size_t i = 0; i < COLUMNS; i++)
		c[i] = column(&line);
	if (c[11].len == 0 || !take_status(c[1], &l.status) || !take_span(c[8], &l))
		return false;
	l.has_bytes = slice_to_u64(c[2], &l.bytes);
	l.logged_at = c[0];
	l.url = or_nothing(c[3]);
	l.hops = or_nothing(c[4]);
	l.via = or_nothing(c[5]);
	l.mime = slice_eq(c[6], SLICE_LIT("no-type")) ? ((struct slice){0}) : c[6];
	l.digest = or_nothing(c[9]);
	l.annotations = c[11];
	take_annotations(or_nothing(c[11]), &l);
	l.internal = slice_eq(l.hops, robots) || slice_eq(l.hops, moved);
	*ret = l;
	return true;
}

int
logline_sentence(struct buf *out, struct slice word)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < word.len; i++) {
		char c = word.ptr[i] == '+' ? ' ' : word.ptr[i];
		int high = -1, low = -1;

		if (c == '%' && word.len - i > 2) {
			high = ascii_hex(word.ptr[i + 1]);
			low = ascii_hex(word.ptr[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			c = (char)(high << 4 | low);
			i += 2;
		}
		r = buf_add_byte(out, c);
	}
	return r;
}

bool
logline_is_broken(const struct logline *l)
{
	return !l->retry && !l->internal && !l->probe && outcome_is_broken(l->outcome);
}

struct slice
logline_authority(struct slice url)
{
	static const struct slice http = {"http://", 7}, https = {"https://", 8};
	size_t from = slice_starts(url, http)    ? http.len
		      : slice_starts(url, https) ? https.len
						 : 0;

	if (from == 0)
		return (struct slice){0};
	return slice_head(url, from + slice_find(slice_from(url, from), '/'));
}

/* ---- rejected.log ---- */

bool
rejectline_parse(struct slice line, struct rejectline *ret)
{
	struct rejectline l = {.outcome = OUTCOME_NONE};
	struct slice word, fields[3];

	if (!slice_cut(&line, '\t', &word) || !outcome_parse(word, &l.outcome))
		return false;
	for (size_t i = 0; i < 3; i++) {
		if (!slice_cut(&line, '\t', &fields[i]))
			return false;
		fields[i] = or_nothing(fields[i]);
	}
	l.url = fields[0];
	l.via = fields[1];
	l.detail = fields[2];
	*ret = l;
	return true;
}

/* ---- changes.tsv ---- */

bool
changeline_parse(struct slice line, struct changeline *ret)
{
	struct slice fields[8];
	uint64_t round, status;
	struct changeline l;

	for (size_t i = 0; i < 8; i++)
		if (!slice_cut(&line, '\t', &fields[i]))
			return false;
	if (!slice_to_u64(fields[0], &round) || round == 0 || round > UINT32_MAX ||
	    !page_change_parse(fields[1], &l.change) ||
	    !outcome_parse(fields[3], &l.outcome) || !slice_to_u64(fields[4], &status) ||
	    status > 999)
		return false;
	l.round = (uint32_t)round;
	l.status = (int)status;
	l.url = fields[5];
	*ret = l;
	return true;
}

/* ---- pages.jsonl ---- */

/* Where the first quote or backslash is from s[at] on; s.len or above: nowhere. */
static size_t
string_stop(struct slice s, size_t at)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), escape = _mm_set1_epi8('\\');

	for (; at + 16 <= s.len; at += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s.ptr + at));
		unsigned stops = (unsigned)_mm_movemask_epi8(
		    _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, escape)));

		if (stops != 0)
			return at + (unsigned)__builtin_ctz(stops);
	}
#endif
	while (at < s.len && s.ptr[at] != '"' && s.ptr[at] != '\\')
		at++;
	return at;
}

/* Past the string that begins at s[at]; s.len: it has no end. */
static size_t
skip_string(struct slice s, size_t at)
{
	for (at = string_stop(s, at + 1); at < s.len; at = string_stop(s, at + 2))
		if (s.ptr[at] == '"')
			return at + 1;
	return s.len;
}

/* Past the value that begins at s[at]. */
static size_t
skip_value(struct slice s, size_t at)
{
	size_t depth = 0;

	while (at < s.len) {
		char c = s.ptr[at];

		if (c == '"') {
			at = skip_string(s, at);
			continue;
		}
		if (depth == 0 && (c == ',' || c == '}'))
			return at;
		if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		at++;
	}
	return at;
}

static struct slice
unquoted(struct slice v)
{
	return v.len >= 2 && v.ptr[0] == '"' ? slice_of(v.ptr + 1, v.len - 2)
					     : (struct slice){0};
}

static bool
take_hex(struct slice digits, uint64_t *ret)
{
	uint64_t v = 0;

	if (digits.len == 0 || digits.len > 16)
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		int d = ascii_hex(digits.ptr[i]);

		if (d < 0)
			return false;
		v = v << 4 | (unsigned)d;
	}
	*ret = v;
	return true;
}

static void
take_page_status(struct slice value, struct pageline *p)
{
	uint64_t n;

	if (slice_to_u64(value, &n) && n <= 999)
		p->status = (int)n;
}

static void
take_member(struct slice key, struct slice value, struct pageline *p)
{
	if (slice_eq(key, SLICE_LIT("url")))
		p->url = unquoted(value);
	else if (slice_eq(key, SLICE_LIT("redirect_to")))
		p->redirect_to = unquoted(value);
	else if (slice_eq(key, SLICE_LIT("digest")))
		p->digest = unquoted(value);
	else if (slice_eq(key, SLICE_LIT("outcome")))
		(void)outcome_parse(unquoted(value), &p->outcome);
	else if (slice_eq(key, SLICE_LIT("status")))
		take_page_status(value, p);
	else if (slice_eq(key, SLICE_LIT("mime")))
		p->mime = unquoted(value);
	else if (slice_eq(key, SLICE_LIT("simhash")))
		p->has_simhash = take_hex(unquoted(value), &p->simhash);
}

/* The members of an object as base/json.h writes it: without blanks. */
bool
pageline_parse(struct slice line, struct pageline *ret)
{
	struct pageline p = {.outcome = OUTCOME_NONE};
	size_t at = 1;

	if (line.len < 2 || line.ptr[0] != '{')
		return false;
	while (at < line.len && line.ptr[at] == '"') {
		size_t key_end = skip_string(line, at), end;

		if (key_end >= line.len || line.ptr[key_end] != ':')
			return false;
		end = skip_value(line, key_end + 1);
		take_member(slice_of(line.ptr + at + 1, key_end - at - 2),
		    slice_of(line.ptr + key_end + 1, end - key_end - 1), &p);
		at = end + 1;
	}
	*ret = p;
	return p.url.len > 0;
}

static int
add_utf8(struct buf *out, uint32_t c)
{
	char s[4];
	size_t n = 0;

	if (c < 0x80) {
		s[n++] = (char)c;
	} else if (c < 0x800) {
		s[n++] = (char)(0xc0 | c >> 6);
		s[n++] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		s[n++] = (char)(0xe0 | c >> 12);
		s[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		s[n++] = (char)(0x80 | (c & 0x3f));
	} else {
		s[n++] = (char)(0xf0 | c >> 18);
		s[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		s[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		s[n++] = (char)(0x80 | (c & 0x3f));
	}
	return buf_add(out, s, n);
}

/* "\uXXXX" at the front of *s, or two of them that are one code point. */
static int
take_escaped(struct buf *out, struct slice *s)
{
	uint64_t high, low;
	uint32_t c;

	if (s->len < 6 || !take_hex(slice_of(s->ptr + 2, 4), &high))
		return -EBADMSG;
	*s = slice_from(*s, 6);
	c = (uint32_t)high;
	if (c >= 0xd800 && c < 0xdc00 && s->len >= 6 && s->ptr[0] == '\\' &&
	    s->ptr[1] == 'u' && take_hex(slice_of(s->ptr + 2, 4), &low) &&
	    low >= 0xdc00 && low < 0xe000) {
		c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
		*s = slice_from(*s, 6);
	}
	return add_utf8(out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
}

int
pageline_text(struct buf *out, struct slice s)
{
	static const char names[] = "\"\\/bfnrt", chars[] = "\"\\/\b\f\n\r\t";
	int r = 0;

	while (r == 0 && s.len > 0) {
		size_t n = slice_find(s, '\\');
		const char *name;

		r = buf_add_slice(out, slice_head(s, n));
		s = slice_from(s, n);
		if (r < 0 || s.len == 0)
			break;
		if (s.len >= 2 && s.ptr[1] == 'u') {
			r = take_escaped(out, &s);
			continue;
		}
		name = s.len < 2 || s.ptr[1] == '\0' ? NULL : strchr(names, s.ptr[1]);
		if (name == NULL)
			return -EBADMSG;
		r = buf_add_byte(out, chars[name - names]);
		s = slice_from(s, 2);
	}
	return r;
}
