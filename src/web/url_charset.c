/*
 * The query of a link in the charset of its page: "percent-encode after encoding" of the
 * URL standard (section 1.3) with the encoders of the Encoding standard.  Those of single
 * bytes are the decoders' tables read backwards; the others are iconv's, of which each
 * knows more, or less, than the standard: QUIRKs.
 *
 * Converters are kept open, one set a thread, because a worker in its jail cannot load
 * the modules of iconv any more.
 */
#include "base/escape.h"
#include "web/charset.h"
#include "web/url_int.h"
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <threads.h>

#include "base/banned.h"

enum {
	QUIRK_JAPANESE = 1,   /* U+2212 is encoded as U+FF0D */
	QUIRK_YEN = 2,        /* U+00A5 and U+203E become backslash and tilde */
	QUIRK_EURO = 4,       /* the euro sign is the byte 0x80 */
	QUIRK_ESCAPES = 8,    /* EUC-JP in disguise: seven bits, and escapes */
	QUIRK_TWO_BYTES = 16, /* what takes more is only decoded */
	QUIRK_PRIVATE = 32,   /* code points for private use are in the index */
	QUIRK_BIG5 = 64,
};

/* UTF-8, UTF-16 and "replacement" encode as UTF-8. */
static const struct encoder {
	enum charset charset;
	const char *iconv_name;
	unsigned quirks;
} encoders[] = {
    {CHARSET_SHIFT_JIS, "CP932", QUIRK_JAPANESE | QUIRK_YEN},
    {CHARSET_GBK, "GB18030", QUIRK_EURO | QUIRK_TWO_BYTES | QUIRK_PRIVATE},
    {CHARSET_GB18030, "GB18030", QUIRK_PRIVATE},
    {CHARSET_EUC_JP, "EUC-JP-MS", QUIRK_JAPANESE | QUIRK_YEN | QUIRK_TWO_BYTES},
    {CHARSET_EUC_KR, "CP949", 0},
    {CHARSET_BIG5, "BIG5-HKSCS", QUIRK_TWO_BYTES | QUIRK_BIG5},
    {CHARSET_ISO_2022_JP, "EUC-JP-MS", QUIRK_JAPANESE | QUIRK_TWO_BYTES | QUIRK_ESCAPES},
};
enum { ENCODERS = sizeof(encoders) / sizeof(encoders[0]) };

/* What ISO-2022-JP has escaped to. */
enum mode { MODE_ASCII, MODE_ROMAN, MODE_JIS };

struct writer {
	struct url_out *o;
	enum charset charset;
	const iconv_t *cd; /* NULL: a single byte */
	unsigned quirks;
	enum mode mode;
};

struct converter {
	iconv_t cd;
	enum { CLOSED, OPEN, MISSING } state;
};

static tss_t converters_key; /* -> struct converter[ENCODERS] of this thread */
static bool converters_have_key;
static once_flag converters_once = ONCE_FLAG_INIT;

static void
converters_free(void *p)
{
	struct converter *all = p;

	for (size_t i = 0; i < ENCODERS; i++)
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
		all = calloc(ENCODERS, sizeof(*all));
		if (all == NULL || tss_set(converters_key, all) != thrd_success) {
			free(all);
			return NULL;
		}
	}
	c = &all[i];
	if (c->state == CLOSED) {
		c->cd = iconv_open(encoders[i].iconv_name, "UTF-8");
		c->state = c->cd == (iconv_t)-1 ? MISSING : OPEN;
	}
	return c->state == OPEN ? &c->cd : NULL;
}

int
url_charsets_preload(void)
{
	int missing = 0;

	for (size_t i = 0; i < ENCODERS; i++)
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

/* -- ISO-2022-JP -------------------------------------------------------------------- */

static void
mode_set(struct writer *w, enum mode mode)
{
	static const char *const escapes[] = {
	    [MODE_ASCII] = "\x1b(B", [MODE_ROMAN] = "\x1b(J", [MODE_JIS] = "\x1b$B"};

	if (w->mode != mode)
		write_bytes(w->o, escapes[mode], 3);
	w->mode = mode;
}

/* Half-width katakana, U+FF61 on, as those of full width ("index ISO-2022-JP katakana"). */
static uint32_t
katakana_widen(uint32_t point)
{
	static const uint8_t from_3000[] = {0x02, 0x0c, 0x0d, 0x01, 0xfb, 0xf2, 0xa1,
	    0xa3, 0xa5, 0xa7, 0xa9, 0xe3, 0xe5, 0xe7, 0xc3, 0xfc, 0xa2, 0xa4, 0xa6, 0xa8,
	    0xaa, 0xab, 0xad, 0xaf, 0xb1, 0xb3, 0xb5, 0xb7, 0xb9, 0xbb, 0xbd, 0xbf, 0xc1,
	    0xc4, 0xc6, 0xc8, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd2, 0xd5, 0xd8, 0xdb,
	    0xde, 0xdf, 0xe0, 0xe1, 0xe2, 0xe4, 0xe6, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed,
	    0xef, 0xf3, 0x9b, 0x9c};

	return point >= 0xff61 && point <= 0xff9f ? 0x3000U + from_3000[point - 0xff61]
						  : point;
}

/* -- all of them ---------------------------------------------------------------------- */

/*
 * What iconv made of one character, as the standard has it; false: it does not.  Of Big5
 * only what is not from Hong Kong alone is encoded, and boxes by the first of their two
 * places.
 */
static bool
write_converted(struct writer *w, char *s, size_t len)
{
	unsigned char lead = (unsigned char)s[0];

	if ((w->quirks & QUIRK_TWO_BYTES) && len > 2)
		return false;
	if ((w->quirks & QUIRK_BIG5) && len == 2) {
		unsigned trail = (unsigned char)s[1];

		if (lead < 0xa1)
			return false;
		if (lead == 0xf9 && trail >= 0xfa && trail <= 0xfd) {
			s[0] = '\xa2';
			s[1] = (char)(trail == 0xfa ? 0x7e : trail - 0xfb + 0xa1);
		}
	}
	if (w->quirks & QUIRK_ESCAPES) {
		mode_set(w, MODE_JIS);
		for (size_t i = 0; i < len; i++)
			s[i] = (char)(s[i] & 0x7f);
	}
	write_bytes(w->o, s, len);
	return true;
}

/* One character; false: the charset does not have it. */
static bool
convert(struct writer *w, uint32_t point)
{
	char in[4], out[32];
	char *in_at = in, *out_at = out;
	size_t len = utf8_put(point, in), out_left = sizeof(out);

	if (point >= 0xe000 && point <= 0xf8ff &&
	    (!(w->quirks & QUIRK_PRIVATE) || point == 0xe5e5))
		return false;
	/* These two iconv keeps for itself until it knows what follows. */
	if ((w->quirks & QUIRK_BIG5) && (point == 0xca || point == 0xea))
		return false;
	/* A count above 0 is of irreversible conversions: not in the standard's index. */
	if (iconv(*w->cd, &in_at, &len, &out_at, &out_left) != 0 || out_at == out) {
		(void)iconv(*w->cd, NULL, NULL, NULL, NULL);
		return false;
	}
	return write_converted(w, out, sizeof(out) - out_left);
}

static void
write_ascii(struct writer *w, uint32_t point)
{
	char c = (char)point;

	if (w->quirks & QUIRK_ESCAPES) {
		if (w->mode == MODE_JIS)
			mode_set(w, MODE_ASCII);
		/* A page could hide code behind its own. */
		if (point == 0x0e || point == 0x0f || point == 0x1b) {
			write_reference(w->o, 0xfffd);
			return;
		}
		if (c == '\\' || c == '~')
			mode_set(w, MODE_ASCII);
	}
	write_bytes(w->o, &c, 1);
}

static void
write_char(struct writer *w, uint32_t point)
{
	int byte = w->cd == NULL ? charset_byte(w->charset, point) : -1;
	char yen = point == 0xa5 ? '\\' : '~', high = (char)byte;

	if (point < 0x80) {
		write_ascii(w, point);
		return;
	}
	if (w->quirks & QUIRK_ESCAPES)
		point = katakana_widen(point);
	if ((w->quirks & QUIRK_JAPANESE) && point == 0x2212)
		point = 0xff0d;
	if (w->cd == NULL) {
		if (byte < 0)
			write_reference(w->o, point);
		else
			write_bytes(w->o, &high, 1);
	} else if ((w->quirks & (QUIRK_YEN | QUIRK_ESCAPES)) &&
		   (point == 0xa5 || point == 0x203e)) {
		if (w->quirks & QUIRK_ESCAPES)
			mode_set(w, MODE_ROMAN);
		write_bytes(w->o, &yen, 1);
	} else if ((w->quirks & QUIRK_EURO) && point == 0x20ac) {
		write_bytes(w->o, "\x80", 1);
	} else if (!convert(w, point)) {
		if (w->mode == MODE_JIS)
			mode_set(w, MODE_ASCII);
		write_reference(w->o, point);
	}
}

static bool
writer_init(struct writer *w, struct url_out *o, struct slice label)
{
	*w = (struct writer){.o = o};
	if (label.len == 0 || !charset_find(label, &w->charset))
		return false;
	if (charset_is_single(w->charset))
		return true;
	for (size_t i = 0; i < ENCODERS; i++)
		if (encoders[i].charset == w->charset) {
			w->quirks = encoders[i].quirks;
			w->cd = converter_get(i);
		}
	return w->cd != NULL;
}

bool
url_query_encode(struct url_out *o, struct slice query, struct slice charset)
{
	struct writer w;
	size_t len;

	if (!writer_init(&w, o, charset))
		return false;
	if (w.cd != NULL)
		(void)iconv(*w.cd, NULL, NULL, NULL, NULL);
	for (; query.len > 0; query = slice_from(query, len)) {
		len = utf8_len(query);
		if (len > 0) {
			write_char(&w, utf8_point(query.ptr, len));
		} else {
			if (w.mode == MODE_JIS)
				mode_set(&w, MODE_ASCII);
			write_reference(o, 0xfffd);
			len = utf8_invalid_len(query);
		}
	}
	mode_set(&w, MODE_ASCII);
	return true;
}
