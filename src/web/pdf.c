/*
 * Links of PDF.
 *
 *   body -> words: names, strings, keywords -> "/URI" before a string: url_emit
 *                        |
 *                     "stream" of a dictionary that says /ObjStm -> inflated -> words
 *
 * Everything is read once, from front to back; what is no PDF in between (a stream without
 * an end, a string that does not close) is passed over and read no more.
 */
#include "web/pdf.h"
#include "base/buf.h"
#include "web/charset.h"
#include "web/coding.h"
#include <errno.h>

#include "base/banned.h"

enum { HEAD_BYTES = 1024 };

/* Of the dictionary that was read last. */
enum { IS_OBJSTM = 1, IS_FLATE = 2, IS_OTHERWISE_CODED = 4 };

struct pdf {
	const char *p, *end;
	struct arena *arena;
	pdf_url_fn *fn;
	void *ctx;
	struct buf inflated;    /* an object stream, while its words are read */
	uint64_t inflated_left; /* bytes that may still come out of object streams */
	bool in_stream;         /* reading it: there are none in it */
	bool is_uri;            /* the last word was /URI */
	unsigned dict;
	int err;
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == '\0';
}

static bool
is_delimiter(char c)
{
	return c == '(' || c == ')' || c == '<' || c == '>' || c == '[' || c == ']' ||
	       c == '{' || c == '}' || c == '/' || c == '%';
}

/* -- strings ------------------------------------------------------------------------- */

/* Bytes as UTF-8: with a mark of UTF-16 or UTF-8, or as they are, or Latin 1. */
static void
url_emit(struct pdf *d, struct slice s)
{
	enum charset charset = CHARSET_UTF_8;

	if (slice_starts(s, SLICE_LIT("\xFE\xFF"))) {
		charset = CHARSET_UTF_16BE;
		s = slice_from(s, 2);
	} else if (slice_starts(s, SLICE_LIT("\xEF\xBB\xBF"))) {
		s = slice_from(s, 3);
	} else if (utf8_valid_len(s) < s.len) {
		charset = CHARSET_WINDOWS_1252;
	}
	d->err = charset_to_utf8(charset, s, d->arena, &s);
	s = slice_trim(s);
	if (d->err == 0 && s.len > 0)
		d->err = d->fn(d->ctx, s);
}

/* Behind '\': what it stands for (7.3.4.2); returns where the string goes on. */
static const char *
escape_take(const char *p, const char *end, char *out, size_t *len)
{
	static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
	const char *at;
	unsigned code = 0;
	int digits = 0;

	if (p == end)
		return p;
	for (; p < end && digits < 3 && *p >= '0' && *p <= '7'; p++, digits++)
		code = code << 3 | (unsigned)(*p - '0');
	if (digits > 0) {
		out[(*len)++] = (char)code;
		return p;
	}
	if (*p == '\n' || *p == '\r') /* the line goes on */
		return p + (*p == '\r' && end - p > 1 && p[1] == '\n' ? 2 : 1);
	at = *p == '\0' ? NULL : strchr(from, *p);
	out[(*len)++] = at != NULL ? to[at - from] : *p;
	return p + 1;
}

static void
literal_emit(struct pdf *d, struct slice raw)
{
	const char *p = raw.ptr, *end = p + raw.len;
	char *out = arena_text(d->arena, raw.len);
	size_t len = 0;

	if (out == NULL) {
		d->err = -ENOMEM;
		return;
	}
	while (p < end)
		if (*p == '\\')
			p = escape_take(p + 1, end, out, &len);
		else
			out[len++] = *p++;
	url_emit(d, slice_of(out, len));
}

static void
hex_emit(struct pdf *d, struct slice raw)
{
	char *out = arena_text(d->arena, raw.len / 2 + 1);
	size_t digits = 0;

	if (out == NULL) {
		d->err = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < raw.len; i++) {
		int digit = ascii_hex(raw.ptr[i]);

		if (digit < 0)
			continue;
		if (digits % 2 == 0) /* a last digit alone is followed by 0 */
			out[digits / 2] = (char)(digit << 4);
		else
			out[digits / 2] = (char)((unsigned char)out[digits / 2] | digit);
		digits++;
	}
	url_emit(d, slice_of(out, (digits + 1) / 2));
}

/* At '(': parentheses in a string have to match. */
static void
literal_take(struct pdf *d)
{
	const char *from = ++d->p;
	size_t open = 1;

	while (d->p < d->end && (size_t)(d->p - from) <= PDF_URL_BYTES_MAX) {
		char c = *d->p++;

		if (c == '\\')
			d->p += d->p < d->end;
		else if (c == '(')
			open++;
		else if (c == ')' && --open == 0)
			break;
	}
	if (open == 0 && d->is_uri)
		literal_emit(d, slice_of(from, (size_t)(d->p - 1 - from)));
}

/* At '<'. */
static void
hex_take(struct pdf *d)
{
	const char *from = ++d->p;

	while (d->p < d->end && (ascii_hex(*d->p) >= 0 || is_space(*d->p)) &&
	       (size_t)(d->p - from) <= 2 * PDF_URL_BYTES_MAX)
		d->p++;
	if (d->p < d->end && *d->p == '>' && d->is_uri)
		hex_emit(d, slice_of(from, (size_t)(d->p - from)));
}

/* -- streams -------------------------------------------------------------------------- */

static void words_take(struct pdf *d, struct slice s);

static void
object_stream_take(struct pdf *d, struct slice data)
{
	const char *p = d->p, *end = d->end;
	enum coding_status status;

	if ((d->dict & IS_OTHERWISE_CODED) || d->inflated_left == 0)
		return;
	d->in_stream = true;
	if (d->dict & IS_FLATE) {
		buf_clear(&d->inflated);
		d->err = coding_decode(
		    SLICE_LIT("deflate"), data, d->inflated_left, &d->inflated, &status);
		d->inflated_left -= d->inflated.len;
		data = buf_slice(&d->inflated); /* what came out, if it is broken */
	}
	if (d->err == 0)
		words_take(d, data);
	d->in_stream = false;
	d->p = p;
	d->end = end;
}

/* Behind "stream". */
static void
stream_take(struct pdf *d)
{
	struct slice data;
	const char *at;

	if (d->p < d->end && *d->p == '\r')
		d->p++;
	if (d->p < d->end && *d->p == '\n')
		d->p++;
	at = memmem(d->p, (size_t)(d->end - d->p), "endstream", 9);
	if (at == NULL)
		at = d->end;
	data = slice_of(d->p, (size_t)(at - d->p));
	d->p = at;
	if (d->dict & IS_OBJSTM)
		object_stream_take(d, data);
}

/* -- words ---------------------------------------------------------------------------- */

static struct slice
regular_take(struct pdf *d)
{
	const char *from = d->p;

	while (d->p < d->end && !is_space(*d->p) && !is_delimiter(*d->p))
		d->p++;
	return slice_of(from, (size_t)(d->p - from));
}

/* At '/'. */
static void
name_take(struct pdf *d)
{
	static const struct {
		struct slice name;
		unsigned dict;
	} names[] = {
	    {SLICE_LIT("ObjStm"), IS_OBJSTM},
	    {SLICE_LIT("FlateDecode"), IS_FLATE},
	    {SLICE_LIT("Fl"), IS_FLATE},
	    {SLICE_LIT("ASCIIHexDecode"), IS_OTHERWISE_CODED},
	    {SLICE_LIT("ASCII85Decode"), IS_OTHERWISE_CODED},
	    {SLICE_LIT("LZWDecode"), IS_OTHERWISE_CODED},
	    {SLICE_LIT("RunLengthDecode"), IS_OTHERWISE_CODED},
	    {SLICE_LIT("Crypt"), IS_OTHERWISE_CODED},
	    {SLICE_LIT("Predictor"), IS_OTHERWISE_CODED},
	};
	struct slice name;

	d->p++;
	name = regular_take(d);
	d->is_uri = slice_eq(name, SLICE_LIT("URI"));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_eq(name, names[i].name))
			d->dict |= names[i].dict;
}

static void
keyword_take(struct pdf *d)
{
	struct slice word = regular_take(d);

	d->is_uri = false;
	if (slice_eq(word, SLICE_LIT("obj")))
		d->dict = 0;
	else if (slice_eq(word, SLICE_LIT("stream")) && !d->in_stream)
		stream_take(d);
}

static void
comment_skip(struct pdf *d)
{
	while (d->p < d->end && *d->p != '\n' && *d->p != '\r')
		d->p++;
}

static void
word_take(struct pdf *d)
{
	switch (*d->p) {
	case '%':
		comment_skip(d); /* is white space: a name is still the last word */
		return;
	case '/':
		name_take(d);
		return;
	case '(':
		literal_take(d);
		break;
	case '<':
		if (d->end - d->p > 1 && d->p[1] == '<')
			d->p += 2;
		else
			hex_take(d);
		break;
	default:
		if (!is_delimiter(*d->p)) {
			keyword_take(d);
			return;
		}
		d->p++;
		break;
	}
	d->is_uri = false;
}

static void
words_take(struct pdf *d, struct slice s)
{
	d->p = s.len == 0 ? "" : s.ptr;
	d->end = d->p + s.len;
	d->is_uri = false;
	while (d->p < d->end && d->err == 0)
		if (is_space(*d->p))
			d->p++;
		else
			word_take(d);
}

bool
pdf_is_one(struct slice body)
{
	body = slice_head(body, HEAD_BYTES);
	return body.len > 0 && memmem(body.ptr, body.len, "%PDF-", 5) != NULL;
}

int
pdf_urls(struct slice body, struct arena *a, pdf_url_fn *fn, void *ctx)
{
	struct pdf d = {.arena = a, .fn = fn, .ctx = ctx};

	/* In the trailer, which is never in a stream, or in the dictionary of one. */
	if (!pdf_is_one(body) || memmem(body.ptr, body.len, "/Encrypt", 8) != NULL)
		return 0;
	d.inflated_left = (uint64_t)body.len * PDF_INFLATED_RATIO + (1 << 20);
	if (d.inflated_left > PDF_INFLATED_MAX)
		d.inflated_left = PDF_INFLATED_MAX;
	buf_init(&d.inflated, PDF_INFLATED_MAX);
	words_take(&d, body);
	buf_release(&d.inflated);
	return d.err;
}
