/*
 * web/url_int.h -- what url.c, url_host.c and url_charset.c share; for these three only.
 */
#ifndef WEB_URL_INT_H
#define WEB_URL_INT_H
#include "web/url.h"

/* Where the URL is written: full means that it was too long, and stays so. */
struct url_out {
	char *ptr;
	size_t len, cap;
	bool full;
};

static inline void
url_out_add(struct url_out *o, const char *ptr, size_t len)
{
	if (len > o->cap - o->len) {
		o->full = true;
		return;
	}
	if (len > 0)
		memcpy(o->ptr + o->len, ptr, len);
	o->len += len;
}

static inline void
url_out_byte(struct url_out *o, char c)
{
	if (o->len == o->cap) {
		o->full = true;
		return;
	}
	o->ptr[o->len++] = c;
}

/* "%XX" of one byte. */
void url_out_escaped(struct url_out *o, unsigned char c);

/* One bit each in url_class[]: the byte is of that percent-encode set (section 1.3). */
enum {
	URL_C_FRAGMENT = 1,
	URL_C_QUERY = 2, /* special-query: with the apostrophe */
	URL_C_PATH = 4,
	URL_C_USERINFO = 8,
	URL_C_HOST_SLOW = 16, /* upper case, '%', not ASCII, or forbidden in a domain */
	URL_C_STRIPPED = 32,  /* tab and newline: taken out before anything else */
	URL_C_SLASH = 64,     /* slash and backslash */
	URL_C_END_PATH = 128, /* '?' and '#' */
};
extern const uint8_t url_class[256];

/* The code point of the valid sequence of `len` bytes (utf8_len() told it). */
uint32_t utf8_point(const char *s, size_t len);
/*
 * Bytes at s[0] that the UTF-8 decoder replaces by one U+FFFD: the longest start of a
 * sequence that could have become valid (Encoding standard, section 8.1.1).
 */
size_t utf8_invalid_len(struct slice s);

/* Section 3.5: `in` as it stands between "//" and the port, never empty. */
enum url_status url_host_parse(struct slice in, struct url_out *o);

/* "domain to ASCII" of lower-case UTF-8 that is not all ASCII; `host` may lie in `ret`.
 */
bool url_idna(struct slice host, char *ret, size_t cap, size_t *ret_len);

/* A query in the charset of its document; false: that is UTF-8, or unknown. */
bool url_query_encode(struct url_out *o, struct slice query, struct slice charset);
#endif
