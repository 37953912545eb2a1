/* Which charset a document is in, by its first bytes (HTML 13.2.3.2, CSS Syntax 3.2). */
#include "web/charset.h"

#include "base/banned.h"

enum { PRESCAN_BYTES = 1024, CONTENT_BYTES = 64 * 1024 };

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static struct slice
space_skip(struct slice s)
{
	while (s.len > 0 && is_space(s.ptr[0]))
		s = slice_from(s, 1);
	return s;
}

bool
charset_find_in_meta(struct slice s, enum charset *ret)
{
	struct slice word = SLICE_LIT("charset");
	size_t n;

	for (;;) {
		while (s.len >= word.len && !slice_istarts(s, word))
			s = slice_from(s, 1);
		if (s.len < word.len)
			return false;
		s = space_skip(slice_from(s, word.len));
		if (s.len > 0 && s.ptr[0] == '=')
			break;
	}
	s = space_skip(slice_from(s, 1));
	if (s.len == 0)
		return false;
	if (s.ptr[0] == '"' || s.ptr[0] == '\'') {
		n = slice_find(slice_from(s, 1), s.ptr[0]);
		if (n == s.len - 1) /* no end */
			return false;
		return charset_find(slice_of(s.ptr + 1, n), ret);
	}
	for (n = 0; n < s.len && !is_space(s.ptr[n]) && s.ptr[n] != ';';)
		n++;
	return charset_find(slice_head(s, n), ret);
}

/* Cursor of the prescan.  Running out of bytes ends it, whatever it was in. */
struct scan {
	struct slice s;
	bool out;
};

static char
scan_peek(struct scan *c)
{
	if (c->s.len == 0) {
		c->out = true;
		return '\0';
	}
	return c->s.ptr[0];
}

static void
scan_space(struct scan *c, bool slash_too)
{
	while (
	    c->s.len > 0 && (is_space(c->s.ptr[0]) || (slash_too && c->s.ptr[0] == '/')))
		c->s = slice_from(c->s, 1);
	c->out |= c->s.len == 0;
}

/* Behind the next `stop`. */
static void
scan_past(struct scan *c, char stop)
{
	size_t at = slice_find(c->s, stop);

	c->out |= at == c->s.len;
	c->s = slice_from(c->s, at + 1);
}

struct scan_attr {
	struct slice name, value;
};

static struct slice
scan_value(struct scan *c)
{
	struct slice value;
	char quote = scan_peek(c);
	size_t n = 0;

	if (quote == '"' || quote == '\'') {
		c->s = slice_from(c->s, 1);
		value = slice_head(c->s, slice_find(c->s, quote));
		scan_past(c, quote);
		return value;
	}
	while (n < c->s.len && !is_space(c->s.ptr[n]) && c->s.ptr[n] != '>')
		n++;
	value = slice_head(c->s, n);
	c->s = slice_from(c->s, n);
	c->out |= c->s.len == 0;
	return value;
}

/* "Get an attribute"; false: there is none any more, or the bytes ran out. */
static bool
scan_attr(struct scan *c, struct scan_attr *ret)
{
	size_t n = 0;

	scan_space(c, true);
	if (c->out || c->s.ptr[0] == '>')
		return false;
	while (n < c->s.len && !is_space(c->s.ptr[n]) && c->s.ptr[n] != '/' &&
	       c->s.ptr[n] != '>' && !(c->s.ptr[n] == '=' && n > 0))
		n++;
	*ret = (struct scan_attr){.name = slice_head(c->s, n)};
	c->s = slice_from(c->s, n);
	scan_space(c, false);
	if (c->out)
		return false;
	if (c->s.ptr[0] != '=')
		return true;
	c->s = slice_from(c->s, 1);
	scan_space(c, false);
	if (c->out)
		return false;
	if (c->s.ptr[0] != '>')
		ret->value = scan_value(c);
	return !c->out;
}

/* UTF-16 cannot be what a byte-wise scan can read; x-user-defined is not for pages. */
static enum charset
meta_charset(enum charset c)
{
	if (c == CHARSET_UTF_16LE || c == CHARSET_UTF_16BE)
		return CHARSET_UTF_8;
	return c == CHARSET_X_USER_DEFINED ? CHARSET_WINDOWS_1252 : c;
}

enum { SEEN_HTTP_EQUIV = 1, SEEN_CONTENT = 2, SEEN_CHARSET = 4 };

/* Behind "<meta": true when it names a charset. */
static bool
scan_meta(struct scan *c, enum charset *ret)
{
	bool got_pragma = false, need_pragma = false, found = false;
	enum charset charset = CHARSET_UTF_8;
	struct scan_attr a;
	unsigned seen = 0;

	while (scan_attr(c, &a)) {
		if (slice_ieq(a.name, SLICE_LIT("http-equiv")) &&
		    !(seen & SEEN_HTTP_EQUIV)) {
			seen |= SEEN_HTTP_EQUIV;
			got_pragma = slice_ieq(a.value, SLICE_LIT("content-type"));
		} else if (slice_ieq(a.name, SLICE_LIT("content")) &&
			   !(seen & SEEN_CONTENT)) {
			seen |= SEEN_CONTENT;
			if (!(seen & SEEN_CHARSET) &&
			    charset_find_in_meta(a.value, &charset))
				found = need_pragma = true;
		} else if (slice_ieq(a.name, SLICE_LIT("charset")) &&
			   !(seen & SEEN_CHARSET)) {
			seen |= SEEN_CHARSET;
			found = charset_find(a.value, &charset);
			need_pragma = false;
		}
	}
	if (c->out || !found || (need_pragma && !got_pragma))
		return false;
	*ret = meta_charset(charset);
	return true;
}

/* At '<': behind what begins there; true when it was a meta with a charset. */
static bool
scan_markup(struct scan *c, enum charset *ret)
{
	struct scan_attr a;
	size_t n, end;

	if (slice_starts(c->s, SLICE_LIT("<!--"))) {
		for (end = 4; end < c->s.len; end++)
			if (c->s.ptr[end] == '>' && c->s.ptr[end - 1] == '-' &&
			    c->s.ptr[end - 2] == '-')
				break;
		c->out |= end >= c->s.len;
		c->s = slice_from(c->s, end + 1);
		return false;
	}
	if (slice_istarts(c->s, SLICE_LIT("<meta")) && c->s.len > 5 &&
	    (is_space(c->s.ptr[5]) || c->s.ptr[5] == '/')) {
		c->s = slice_from(c->s, 5);
		return scan_meta(c, ret);
	}
	n = c->s.len > 1 && c->s.ptr[1] == '/' ? 2 : 1;
	if (c->s.len > n && ascii_is_alpha(c->s.ptr[n])) {
		while (n < c->s.len && !is_space(c->s.ptr[n]) && c->s.ptr[n] != '>')
			n++;
		c->s = slice_from(c->s, n);
		while (scan_attr(c, &a))
			continue;
		return false;
	}
	if (c->s.len > 1 &&
	    (c->s.ptr[1] == '!' || c->s.ptr[1] == '/' || c->s.ptr[1] == '?')) {
		scan_past(c, '>');
		return false;
	}
	c->s = slice_from(c->s, 1);
	return false;
}

/* <?xml ... encoding="x"?> ("get an XML encoding"). */
static bool
xml_charset(struct slice s, enum charset *ret)
{
	struct slice word = SLICE_LIT("encoding");
	size_t end;
	char quote;

	if (!slice_starts(s, SLICE_LIT("<?xml")))
		return false;
	end = slice_find(s, '>');
	if (end == s.len)
		return false;
	s = slice_head(s, end);
	while (s.len >= word.len && !slice_starts(s, word))
		s = slice_from(s, 1);
	s = slice_from(s, word.len);
	while (s.len > 0 && (unsigned char)s.ptr[0] <= 0x20)
		s = slice_from(s, 1);
	if (s.len == 0 || s.ptr[0] != '=')
		return false;
	s = slice_from(s, 1);
	while (s.len > 0 && (unsigned char)s.ptr[0] <= 0x20)
		s = slice_from(s, 1);
	if (s.len == 0 || (s.ptr[0] != '"' && s.ptr[0] != '\''))
		return false;
	quote = s.ptr[0];
	s = slice_from(s, 1);
	end = slice_find(s, quote);
	if (end == s.len || !charset_find(slice_head(s, end), ret))
		return false;
	*ret = meta_charset(*ret);
	return true;
}

/* "Prescan a byte stream to determine its encoding". */
static bool
prescan(struct slice body, enum charset *ret)
{
	struct scan c = {.s = slice_head(body, PRESCAN_BYTES)};

	if (c.s.len >= 6 && memcmp(c.s.ptr, "<\0?\0x\0", 6) == 0) {
		*ret = CHARSET_UTF_16LE;
		return true;
	}
	if (c.s.len >= 6 && memcmp(c.s.ptr, "\0<\0?\0x", 6) == 0) {
		*ret = CHARSET_UTF_16BE;
		return true;
	}
	while (c.s.len > 0 && !c.out) {
		c.s = slice_from(c.s, slice_find(c.s, '<'));
		if (c.s.len > 0 && scan_markup(&c, ret))
			return true;
	}
	return xml_charset(slice_head(body, PRESCAN_BYTES), ret);
}

static bool
sniff_bom(struct slice body, struct charset_guess *ret)
{
	*ret = (struct charset_guess){.how = CHARSET_HOW_BOM};
	if (slice_starts(body, SLICE_LIT("\xEF\xBB\xBF"))) {
		ret->charset = CHARSET_UTF_8;
		ret->bom_len = 3;
	} else if (slice_starts(body, SLICE_LIT("\xFE\xFF"))) {
		ret->charset = CHARSET_UTF_16BE;
		ret->bom_len = 2;
	} else if (slice_starts(body, SLICE_LIT("\xFF\xFE"))) {
		ret->charset = CHARSET_UTF_16LE;
		ret->bom_len = 2;
	}
	return ret->bom_len > 0;
}

/* Not all ASCII, and UTF-8 but for a character that the limit cuts. */
static bool
looks_like_utf8(struct slice body)
{
	struct slice head = slice_head(body, CONTENT_BYTES);
	size_t good = utf8_valid_len(head);

	if (good < head.len && (head.len == body.len || head.len - good > 3))
		return false;
	return !slice_is_ascii(slice_head(head, good));
}

struct charset_guess
charset_sniff_html(struct slice body, struct slice http_label)
{
	struct charset_guess g;

	if (sniff_bom(body, &g))
		return g;
	g.how = CHARSET_HOW_HTTP;
	if (charset_find(http_label, &g.charset))
		return g;
	g.how = CHARSET_HOW_META;
	if (prescan(body, &g.charset))
		return g;
	/* The standard leaves room for a look at the text here (step 7 of the sniffing).
	 */
	g.how = CHARSET_HOW_CONTENT;
	g.charset = CHARSET_UTF_8;
	if (looks_like_utf8(body))
		return g;
	g.how = CHARSET_HOW_DEFAULT;
	g.charset = CHARSET_WINDOWS_1252;
	return g;
}

struct charset_guess
charset_sniff_css(struct slice body, struct slice http_label)
{
	struct slice at = SLICE_LIT("@charset \"");
	struct charset_guess g;
	struct slice rest;
	size_t n;

	if (sniff_bom(body, &g))
		return g;
	g.how = CHARSET_HOW_HTTP;
	if (charset_find(http_label, &g.charset))
		return g;
	if (slice_starts(body, at)) {
		rest = slice_from(slice_head(body, PRESCAN_BYTES), at.len);
		n = slice_find(rest, '"');
		g.how = CHARSET_HOW_META;
		if (n + 1 < rest.len && rest.ptr[n + 1] == ';' &&
		    charset_find(slice_head(rest, n), &g.charset)) {
			g.charset = meta_charset(g.charset);
			return g;
		}
	}
	g.how = CHARSET_HOW_DEFAULT;
	g.charset = CHARSET_UTF_8;
	return g;
}
