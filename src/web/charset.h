/*
 * web/charset.h -- which charset a page is in, and its text as UTF-8.
 *
 * The charsets and their labels are those of the Encoding Standard, so that "latin1" is
 * windows-1252.  UTF-8, UTF-16 and the single-byte ones are converted by tables and loops
 * of our own; the six East Asian families by iconv, whose converters a jailed process
 * cannot load: charset_preload() opens them before.  One that cannot be had is
 * windows-1252.
 *
 * Owns:    texts are put into the arena, or are the input itself when that is UTF-8
 *          already.
 * Errors:  -ENOMEM.  Broken input is none: it gives U+FFFD.
 * Threads: any; iconv's converters are shared under a lock.
 * Source:  https://encoding.spec.whatwg.org/, HTML 13.2.3.
 */
#ifndef WEB_CHARSET_H
#define WEB_CHARSET_H
#include "base/arena.h"

/* Name, and how it is converted: by UTF8, UTF16, SINGLE byte tables, ICONV (with the name
 * that iconv has for it), OTHER. */
#define CHARSETS(X)                                                                      \
	X(UTF_8, "UTF-8", UTF8, NULL)                                                    \
	X(UTF_16LE, "UTF-16LE", UTF16, NULL)                                             \
	X(UTF_16BE, "UTF-16BE", UTF16, NULL)                                             \
	X(REPLACEMENT, "replacement", OTHER, NULL)                                       \
	X(X_USER_DEFINED, "x-user-defined", OTHER, NULL)                                 \
	X(GBK, "GBK", ICONV, "GB18030")                                                  \
	X(GB18030, "gb18030", ICONV, "GB18030")                                          \
	X(BIG5, "Big5", ICONV, "BIG5-HKSCS")                                             \
	X(EUC_JP, "EUC-JP", ICONV, "EUC-JP-MS")                                          \
	X(ISO_2022_JP, "ISO-2022-JP", ICONV, "ISO-2022-JP")                              \
	X(SHIFT_JIS, "Shift_JIS", ICONV, "CP932")                                        \
	X(EUC_KR, "EUC-KR", ICONV, "UHC")                                                \
	X(IBM866, "IBM866", SINGLE, NULL)                                                \
	X(ISO_8859_2, "ISO-8859-2", SINGLE, NULL)                                        \
	X(ISO_8859_3, "ISO-8859-3", SINGLE, NULL)                                        \
	X(ISO_8859_4, "ISO-8859-4", SINGLE, NULL)                                        \
	X(ISO_8859_5, "ISO-8859-5", SINGLE, NULL)                                        \
	X(ISO_8859_6, "ISO-8859-6", SINGLE, NULL)                                        \
	X(ISO_8859_7, "ISO-8859-7", SINGLE, NULL)                                        \
	X(ISO_8859_8, "ISO-8859-8", SINGLE, NULL)                                        \
	X(ISO_8859_8_I, "ISO-8859-8-I", SINGLE, NULL)                                    \
	X(ISO_8859_10, "ISO-8859-10", SINGLE, NULL)                                      \
	X(ISO_8859_13, "ISO-8859-13", SINGLE, NULL)                                      \
	X(ISO_8859_14, "ISO-8859-14", SINGLE, NULL)                                      \
	X(ISO_8859_15, "ISO-8859-15", SINGLE, NULL)                                      \
	X(ISO_8859_16, "ISO-8859-16", SINGLE, NULL)                                      \
	X(KOI8_R, "KOI8-R", SINGLE, NULL)                                                \
	X(KOI8_U, "KOI8-U", SINGLE, NULL)                                                \
	X(MACINTOSH, "macintosh", SINGLE, NULL)                                          \
	X(WINDOWS_874, "windows-874", SINGLE, NULL)                                      \
	X(WINDOWS_1250, "windows-1250", SINGLE, NULL)                                    \
	X(WINDOWS_1251, "windows-1251", SINGLE, NULL)                                    \
	X(WINDOWS_1252, "windows-1252", SINGLE, NULL)                                    \
	X(WINDOWS_1253, "windows-1253", SINGLE, NULL)                                    \
	X(WINDOWS_1254, "windows-1254", SINGLE, NULL)                                    \
	X(WINDOWS_1255, "windows-1255", SINGLE, NULL)                                    \
	X(WINDOWS_1256, "windows-1256", SINGLE, NULL)                                    \
	X(WINDOWS_1257, "windows-1257", SINGLE, NULL)                                    \
	X(WINDOWS_1258, "windows-1258", SINGLE, NULL)                                    \
	X(X_MAC_CYRILLIC, "x-mac-cyrillic", SINGLE, NULL)

enum charset {
#define X(id, name, how, iconv_name) CHARSET_##id,
	CHARSETS(X)
#undef X
	    CHARSET_MAX,
	CHARSET_SINGLE_FIRST = CHARSET_IBM866,
};

/* How it came to be known; in this order of trust. */
enum charset_how {
	CHARSET_HOW_BOM,
	CHARSET_HOW_HTTP,
	CHARSET_HOW_META, /* of HTML, or its XML declaration; @charset of a style sheet */
	CHARSET_HOW_CONTENT, /* nothing said so, but the bytes are UTF-8 and not all ASCII
			      */
	CHARSET_HOW_DEFAULT, /* windows-1252; UTF-8 for style sheets */
};

struct charset_guess {
	enum charset charset;
	enum charset_how how;
	size_t bom_len; /* to be skipped */
};

const char *charset_name(enum charset c);
const char *charset_how_name(enum charset_how how);
/* By label, white space around it ignored; false leaves *ret untouched. */
bool charset_find(struct slice label, enum charset *ret);
/* In the charset of a Content-Type or a meta element's content: "text/html; charset=x"
 * (HTML 2.6.5 "extracting a character encoding from a meta element"). */
bool charset_find_in_meta(struct slice content, enum charset *ret);

/* Of a document: BOM, `http_label` (may be empty), then what its first 1024 bytes say. */
struct charset_guess charset_sniff_html(struct slice body, struct slice http_label);
/* Of a style sheet (CSS Syntax 3.2). */
struct charset_guess charset_sniff_css(struct slice body, struct slice http_label);

/* May markup be told from text in its bytes, without converting first? */
bool charset_is_markup_safe(enum charset c);
int charset_to_utf8(enum charset c, struct slice in, struct arena *a, struct slice *ret);
bool slice_is_ascii(struct slice s);
/* Encodes `code`, which is a Unicode scalar value; returns 1 to 4. */
size_t utf8_put(uint32_t code, char *out);
/* One byte a character: those, and x-user-defined. */
bool charset_is_single(enum charset c);
/* The byte of `code` in such a charset; -1: it has none. */
int charset_byte(enum charset c, uint32_t code);
/* Bytes from the start that are valid UTF-8. */
size_t utf8_valid_len(struct slice s);
/* Opens all converters; 0, or -ENOENT when one is missing (it is windows-1252 then). */
int charset_preload(void);
#endif
