/*
 * The query of a link in the charset of its page: "percent-encode after encoding" of the
 * URL standard (section 1.3) with the encoders of the Encoding standard, by iconv.
 *
 * Converters are kept open, one set a thread, because a worker in its jail cannot load
 * the modules of iconv any more.
 */
#include "base/escape.h"
#include "web/url_int.h"
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <threads.h>

#include "base/banned.h"

enum {
	QUIRK_JAPANESE = 1, /* U+2212 is encoded as U+FF0D */
	QUIRK_YEN = 2,      /* U+00A5 and U+203E become backslash and tilde */
	QUIRK_EURO = 4,     /* the euro sign is the byte 0x80 */
	QUIRK_SHIFTS = 8,   /* escape, shift in and out are refused (hidden code) */
};

/* Names of the Encoding standard; UTF-8, UTF-16 and "replacement" encode as UTF-8. */
static const struct charset {
	const char *name, *iconv_name;
	unsigned quirks;
} charsets[] = {
    {"windows-1252", "CP1252", 0},
    {"windows-1251", "CP1251", 0},
    {"Shift_JIS", "CP932", QUIRK_JAPANESE | QUIRK_YEN},
    {"GBK", "GBK", QUIRK_EURO},
    {"gb18030", "GB18030", 0},
    {"EUC-JP", "EUC-JP-MS", QUIRK_JAPANESE | QUIRK_YEN},
    {"EUC-KR", "CP949", 0},
    {"Big5", "BIG5-HKSCS", 0},
    {"ISO-2022-JP", "ISO-2022-JP", QUIRK_JAPANESE | QUIRK_SHIFTS},
    {"ISO-8859-2", "ISO-8859-2", 0},
    {"ISO-8859-3", "ISO-8859-3", 0},
    {"ISO-8859-4", "ISO-8859-4", 0},
    {"ISO-8859-5", "ISO-8859-5", 0},
    {"ISO-8859-6", "ISO-8859-6", 0},
    {"ISO-8859-7", "ISO-8859-7", 0},
    {"ISO-8859-8", "ISO-8859-8", 0},
    {"ISO-8859-8-I", "ISO-8859-8", 0},
    {"ISO-8859-10", "ISO-8859-10", 0},
    {"ISO-8859-13", "ISO-8859-13", 0},
    {"ISO-8859-14", "ISO-8859-14", 0},
    {"ISO-8859-15", "ISO-8859-15", 0},
    {"ISO-8859-16", "ISO-8859-16", 0},
    {"windows-1250", "CP1250", 0},
    {"windows-1253", "CP1253", 0},
    {"windows-1254", "CP1254", 0},
    {"windows-1255", "CP1255", 0},
    {"windows-1256", "CP1256", 0},
    {"windows-1257", "CP1257", 0},
    {"windows-1258", "CP1258", 0},
    {"windows-874", "CP874", 0},
    {"KOI8-R", "KOI8-R", 0},
    {"KOI8-U", "KOI8-U", 0},
    {"IBM866", "IBM866", 0},
    {"macintosh", "MACINTOSH", 0},
    {"x-mac-cyrillic", "MAC-CYRILLIC", 0},
};
enum { CHARSETS = sizeof(charsets) / sizeof(charsets[0]) };

struct converter {
	iconv_t cd;
	enum { CLOSED, OPEN, MISSING } state;
};

static tss_t converters_key; /* -> struct converter[CHARSETS] of this thread */
static bool converters_have_key;
static once_flag converters_once = ONCE_FLAG_INIT;

static void
converters_free(void *p)
{
	struct converter *all = p;

	for (size_t i = 0; i < CHARSETS; i++)
		if (all[i].state == OPEN)
			(void)iconv_close(all[i].cd);
	free(all);
}

static void
converters_start(void)
{
	converters_have_key =
	    tss_create(&converters_key, converters_free) == thrd_success;
}

/* NULL: iconv does not know it, or memory is out. */
static const iconv_t *
converter_get(size_t i)
{
	struct converter *all, *c;

	call_once(&converters_once, converters_start);
	if (!converters_have_key)
		return NULL;
	all = tss_get(converters_key);
	if (all == NULL) {
		all = calloc(CHARSETS, sizeof(*all));
		if (all == NULL || tss_set(converters_key, all) != thrd_success) {
			free(all);
			return NULL;
		}
	}
	c = &all[i];
	if (c->state == CLOSED) {
		c->cd = iconv_open(charsets[i].iconv_name, "UTF-8");
		c->state = c->cd == (iconv_t)-1 ? MISSING : OPEN;
	}
	return c->state == OPEN ? &c->cd : NULL;
}

int
url_charsets_preload(void)
{
	int missing = 0;

	for (size_t i = 0; i < CHARSETS; i++)
		missing += converter_get(i) == NULL;
	return missing == 0 ? 0 : -ENOENT;
}

static void
write_bytes(struct url_out *o, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (url_class[c] & URL_C_QUERY)
			url_out_escaped(o, c);
		else
			url_out_byte(o, s[i]);
	}
}

/* What the charset does not have: "&#N;", percent-encoded. */
static void
write_reference(struct url_out *o, uint32_t point)
{
	char digits[8];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + point % 10);
	while ((point /= 10) > 0);
	url_out_add(o, "%26%23", 6);
	url_out_add(o, digits + at, sizeof(digits) - at);
	url_out_add(o, "%3B", 3);
}

/* Converts the whole of `s`, a few bytes; false: the charset does not have it. */
static bool
convert(iconv_t cd, const char *s, size_t len, struct url_out *o)
{
	char in[4], out[32];
	char *in_at = in, *out_at = out;
	size_t out_left = sizeof(out);

	memcpy(in, s, len);
	/* A count above 0 is of irreversible conversions: not in the standard's index. */
	if (iconv(cd, &in_at, &len, &out_at, &out_left) != 0)
		return false;
	write_bytes(o, out, sizeof(out) - out_left);
	return true;
}

/* One character that is well-formed UTF-8. */
static void
write_char(struct url_out *o, iconv_t cd, unsigned quirks, const char *s, size_t len)
{
	uint32_t point = utf8_point(s, len);

	if ((quirks & QUIRK_SHIFTS) && (point == 0x0e || point == 0x0f || point == 0x1b))
		write_reference(o, 0xfffd);
	else if ((quirks & QUIRK_YEN) && (point == 0xa5 || point == 0x203e))
		write_bytes(o, point == 0xa5 ? "\\" : "~", 1);
	else if ((quirks & QUIRK_EURO) && point == 0x20ac)
		write_bytes(o, "\x80", 1);
	else if ((quirks & QUIRK_JAPANESE) && point == 0x2212)
		(void)convert(cd, "\xef\xbc\x8d", 3, o);
	else if ((point >= 0xe000 && point <= 0xf8ff) || !convert(cd, s, len, o))
		write_reference(o, point);
}

bool
url_query_encode(struct url_out *o, struct slice query, struct slice charset)
{
	const iconv_t *cd = NULL;
	unsigned quirks = 0;
	char out[32], *out_at = out;
	size_t out_left = sizeof(out), len;

	for (size_t i = 0; i < CHARSETS && charset.len > 0; i++)
		if (slice_ieq(charset, slice_cstr(charsets[i].name))) {
			cd = converter_get(i);
			quirks = charsets[i].quirks;
			break;
		}
	if (cd == NULL)
		return false;
	(void)iconv(*cd, NULL, NULL, NULL, NULL);
	for (; query.len > 0; query = slice_from(query, len)) {
		len = utf8_len(query);
		if (len > 0) {
			write_char(o, *cd, quirks, query.ptr, len);
		} else {
			write_reference(o, 0xfffd);
			len = utf8_invalid_len(query);
		}
	}
	(void)iconv(*cd, NULL, NULL, &out_at, &out_left);
	write_bytes(o, out, sizeof(out) - out_left);
	return true;
}
