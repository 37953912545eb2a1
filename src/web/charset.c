#include "web/charset.h"
#include <assert.h>
#include <errno.h>
#include <iconv.h>
#include <pthread.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include "base/escape.h"
#include "web/charset_table.h"

#include "base/banned.h"

enum how { HOW_UTF8, HOW_UTF16, HOW_SINGLE, HOW_ICONV, HOW_OTHER };

static const struct {
	const char *name;
	enum how how;
	const char *iconv_name;
} charsets[CHARSET_MAX] = {
#define X(id, name, how, iconv_name) [CHARSET_##id] = {name, HOW_##how, iconv_name},
    CHARSETS(X)
#undef X
};

static const char *const hows[] = {
    [CHARSET_HOW_BOM] = "bom",
    [CHARSET_HOW_HTTP] = "http",
    [CHARSET_HOW_META] = "meta",
    [CHARSET_HOW_CONTENT] = "content",
    [CHARSET_HOW_DEFAULT] = "default",
};

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* Converters are opened once and kept; NULL: not yet, (iconv_t)-1: cannot be had. */
static pthread_mutex_t iconv_lock = PTHREAD_MUTEX_INITIALIZER;
static iconv_t converters[CHARSET_MAX];

const char *
charset_name(enum charset c)
{
	assert(c < CHARSET_MAX);
	return charsets[c].name;
}

const char *
charset_how_name(enum charset_how how)
{
	assert(how <= CHARSET_HOW_DEFAULT);
	return hows[how];
}

bool
charset_find(struct slice label, enum charset *ret)
{
	char lower[CHARSET_LABEL_MAX];
	size_t lo = 0, hi = CHARSET_LABELS;

	label = slice_trim(label);
	if (label.len == 0 || label.len > CHARSET_LABEL_MAX)
		return false;
	for (size_t i = 0; i < label.len; i++)
		lower[i] = ascii_lower(label.ptr[i]);
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		struct slice have = slice_cstr(charset_labels[mid].label);
		int cmp =
		    memcmp(lower, have.ptr, label.len < have.len ? label.len : have.len);

		if (cmp == 0 && label.len == have.len) {
			*ret = charset_labels[mid].charset;
			return true;
		}
		if (cmp < 0 || (cmp == 0 && label.len < have.len))
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}

bool
charset_is_markup_safe(enum charset c)
{
	/* Trail bytes of the East Asian ones begin at 0x30 in gb18030, at 0x40 in the
	 * others: digits, letters and []\^_`{|}~@ only.  ISO-2022-JP shifts, UTF-16 has
	 * NULs. */
	return c != CHARSET_ISO_2022_JP && c != CHARSET_REPLACEMENT &&
	       charsets[c].how != HOW_UTF16;
}

/* Bytes from the start that are ASCII. */
static size_t
ascii_len(struct slice s)
{
	size_t i = 0;

#ifdef __SSE2__
	for (; s.len - i >= 16; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s.ptr + i));
		unsigned high = (unsigned)_mm_movemask_epi8(v);

		if (high != 0)
			return i + (unsigned)__builtin_ctz(high);
	}
#endif
	while (i < s.len && (unsigned char)s.ptr[i] < 0x80)
		i++;
	return i;
}

bool
slice_is_ascii(struct slice s)
{
	return ascii_len(s) == s.len;
}

size_t
utf8_valid_len(struct slice s)
{
	size_t i = 0, n;

	for (;;) {
		i += ascii_len(slice_from(s, i));
		if (i == s.len)
			return i;
		n = utf8_len(slice_from(s, i));
		if (n == 0)
			return i;
		i += n;
	}
}

size_t
utf8_put(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xC0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xE0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3F));
		out[2] = (char)(0x80 | (c & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3F));
	out[2] = (char)(0x80 | (c >> 6 & 0x3F));
	out[3] = (char)(0x80 | (c & 0x3F));
	return 4;
}

static size_t
replacement_put(char *out)
{
	memcpy(out, replacement, 3);
	return 3;
}

/* Length of the broken sequence at s[0] that becomes one U+FFFD: the longest start of a
 * valid one, at least a byte (Encoding Standard, "UTF-8 decoder"). */
static size_t
utf8_broken_len(struct slice s)
{
	unsigned char c = (unsigned char)s.ptr[0];
	unsigned char lo = 0x80, hi = 0xBF;
	size_t want = c >= 0xC2 && c <= 0xDF   ? 1
		      : c >= 0xE0 && c <= 0xEF ? 2
		      : c >= 0xF0 && c <= 0xF4 ? 3
					       : 0;
	size_t n = 1;

	if (c == 0xE0)
		lo = 0xA0;
	else if (c == 0xED)
		hi = 0x9F;
	else if (c == 0xF0)
		lo = 0x90;
	else if (c == 0xF4)
		hi = 0x8F;
	while (n <= want && n < s.len) {
		unsigned char next = (unsigned char)s.ptr[n];

		if (next < lo || next > hi)
			break;
		lo = 0x80;
		hi = 0xBF;
		n++;
	}
	return n;
}

static size_t
utf8_repair(struct slice in, char *out)
{
	size_t n = 0;

	while (in.len > 0) {
		size_t good = utf8_valid_len(in);

		memcpy(out + n, in.ptr, good);
		n += good;
		in = slice_from(in, good);
		if (in.len == 0)
			break;
		n += replacement_put(out + n);
		in = slice_from(in, utf8_broken_len(in));
	}
	return n;
}

static size_t
single_decode(enum charset c, struct slice in, char *out)
{
	const uint16_t *codes = charset_codes[c - CHARSET_SINGLE_FIRST];
	size_t n = 0;

	for (size_t i = 0; i < in.len; i++) {
		unsigned char b = (unsigned char)in.ptr[i];
		uint32_t code = b;

		if (b >= 0x80) {
			code = codes[b - 0x80];
			if (code == 0)
				code = 0xFFFD;
		}
		n += utf8_put(code, out + n);
	}
	return n;
}

bool
charset_is_single(enum charset c)
{
	return charsets[c].how == HOW_SINGLE || c == CHARSET_X_USER_DEFINED;
}

int
charset_byte(enum charset c, uint32_t code)
{
	const uint16_t *codes;

	assert(charset_is_single(c));
	if (code < 0x80)
		return (int)code;
	if (c == CHARSET_X_USER_DEFINED)
		return code >= 0xF780 && code <= 0xF7FF ? (int)(code & 0xFF) : -1;
	codes = charset_codes[c - CHARSET_SINGLE_FIRST];
	for (int i = 0; i < 0x80; i++)
		if (codes[i] == code)
			return i + 0x80;
	return -1;
}

static uint32_t
utf16_unit(const char *p, bool big)
{
	unsigned char a = (unsigned char)p[0], b = (unsigned char)p[1];

	return big ? (uint32_t)(a << 8 | b) : (uint32_t)(b << 8 | a);
}

static size_t
utf16_decode(struct slice in, bool big, char *out)
{
	size_t n = 0, i = 0;

	while (in.len - i >= 2) {
		uint32_t c = utf16_unit(in.ptr + i, big), low;

		i += 2;
		if (c >= 0xD800 && c <= 0xDBFF && in.len - i >= 2) {
			low = utf16_unit(in.ptr + i, big);
			if (low >= 0xDC00 && low <= 0xDFFF) {
				i += 2;
				c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
			}
		}
		if (c >= 0xD800 && c <= 0xDFFF)
			c = 0xFFFD;
		n += utf8_put(c, out + n);
	}
	if (i < in.len)
		n += replacement_put(out + n);
	return n;
}

static size_t
other_decode(enum charset c, struct slice in, char *out)
{
	size_t n = 0;

	if (c == CHARSET_REPLACEMENT) /* all of it is one error */
		return in.len == 0 ? 0 : replacement_put(out);
	for (size_t i = 0; i < in.len; i++) {
		unsigned char b = (unsigned char)in.ptr[i];

		n += utf8_put(b < 0x80 ? b : 0xF700U + b, out + n);
	}
	return n;
}

/* Under the lock.  (iconv_t)-1: there is none. */
static iconv_t
converter_get(enum charset c)
{
	if (converters[c] == NULL)
		converters[c] = iconv_open("UTF-8", charsets[c].iconv_name);
	return converters[c];
}

/* What iconv does not take at in[0]: one U+FFFD for a lead byte, and for its trail byte
 * too unless that is ASCII, which stands for itself. */
static size_t
iconv_skip(enum charset c, struct slice in, char *out, size_t *n)
{
	bool gb = c == CHARSET_GBK || c == CHARSET_GB18030;

	if (gb && (unsigned char)in.ptr[0] == 0x80) {
		*n += utf8_put(0x20AC, out + *n);
		return 1;
	}
	*n += replacement_put(out + *n);
	return in.len > 1 && (unsigned char)in.ptr[0] >= 0x80 &&
		       (unsigned char)in.ptr[1] >= 0x80
		   ? 2
		   : 1;
}

static size_t
iconv_decode(enum charset c, struct slice in, char *out, size_t cap)
{
	iconv_t cd;
	size_t n = 0;

	(void)pthread_mutex_lock(&iconv_lock);
	cd = converter_get(c);
	if (cd == (iconv_t)-1) {
		(void)pthread_mutex_unlock(&iconv_lock);
		return single_decode(CHARSET_WINDOWS_1252, in, out);
	}
	(void)iconv(cd, NULL, NULL, NULL, NULL);
	while (in.len > 0) {
		union { /* iconv takes char **, and does not write there */
			const char *in;
			char *arg;
		} p = {.in = in.ptr};
		char *to = out + n;
		size_t left = in.len, room = cap - n;

		if (iconv(cd, &p.arg, &left, &to, &room) != (size_t)-1)
			left = 0;
		n = (size_t)(to - out);
		in = slice_from(in, in.len - left);
		if (in.len == 0 || cap - n < 3)
			break;
		in = slice_from(in, iconv_skip(c, in, out, &n));
	}
	(void)pthread_mutex_unlock(&iconv_lock);
	return n;
}

/* Bytes that converting `in` can give at most. */
static size_t
decode_max(enum charset c, struct slice in)
{
	size_t high = 0;

	if (charsets[c].how == HOW_UTF16)
		return in.len / 2 * 3 + 3;
	if (c == CHARSET_ISO_2022_JP) /* two bytes of ASCII give three */
		return in.len * 3 + 3;
	for (size_t i = 0; i < in.len; i++)
		high += (unsigned char)in.ptr[i] >> 7;
	/* A high byte and the trail byte that may be ASCII give 4 at most. */
	return in.len + 3 * high + 3;
}

int
charset_to_utf8(enum charset c, struct slice in, struct arena *a, struct slice *ret)
{
	size_t cap, n;
	char *out;

	if (charset_is_markup_safe(c) && slice_is_ascii(in)) {
		*ret = in;
		return 0;
	}
	if (c == CHARSET_UTF_8 && utf8_valid_len(in) == in.len) {
		*ret = in;
		return 0;
	}
	cap = decode_max(c, in);
	out = arena_text(a, cap);
	if (out == NULL)
		return -ENOMEM;
	switch (charsets[c].how) {
	case HOW_UTF8:
		n = utf8_repair(in, out);
		break;
	case HOW_UTF16:
		n = utf16_decode(in, c == CHARSET_UTF_16BE, out);
		break;
	case HOW_SINGLE:
		n = single_decode(c, in, out);
		break;
	case HOW_ICONV:
		n = iconv_decode(c, in, out, cap);
		break;
	case HOW_OTHER:
	default:
		n = other_decode(c, in, out);
		break;
	}
	assert(n <= cap);
	*ret = slice_of(out, n);
	return 0;
}

int
charset_preload(void)
{
	int err = 0;

	(void)pthread_mutex_lock(&iconv_lock);
	for (int c = 0; c < CHARSET_MAX; c++)
		if (charsets[c].iconv_name != NULL &&
		    converter_get((enum charset)c) == (iconv_t)-1)
			err = -ENOENT;
	(void)pthread_mutex_unlock(&iconv_lock);
	return err;
}
