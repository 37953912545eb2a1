#include "base/escape.h"

/* As many bytes as any processor of today compares at once. */
typedef signed char sixteen __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));

static bool
is_plain(unsigned char c, unsigned char least)
{
	return c >= least && c < 0x7f && c != '"' && c != '\\';
}

/* What is not ASCII is less than 0. */
static bool
are_plain(const char *p, char least)
{
	sixteen x;
	halves other;

	memcpy(&x, p, sizeof(x));
	other =
	    (halves)((x < (signed char)least) | (x == 0x7f) | (x == '"') | (x == '\\'));
	return (other[0] | other[1]) == 0;
}

/* Four to fifteen bytes: the first of them and the last, which overlap, make sixteen. */
static bool
few_are_plain(struct slice s, char least)
{
	char both[sizeof(sixteen)];

	if (s.len >= 8) {
		memcpy(both, s.ptr, 8);
		memcpy(both + 8, s.ptr + s.len - 8, 8);
	} else {
		memcpy(both, s.ptr, 4);
		memcpy(both + 4, s.ptr + s.len - 4, 4);
		memcpy(both + 8, both, 8);
	}
	return are_plain(both, least);
}

/* Whether any of sixteen is another, then which.  The last sixteen may be seen twice. */
size_t
escape_plain(struct slice s, char least)
{
	const size_t step = sizeof(sixteen);
	size_t i = 0;

	if (s.len >= 4 && s.len < step && few_are_plain(s, least))
		return s.len;
	while (s.len - i >= step && are_plain(s.ptr + i, least))
		i += step;
	if (i > 0 && s.len - i < step && are_plain(s.ptr + s.len - step, least))
		return s.len;
	while (i < s.len && is_plain((unsigned char)s.ptr[i], (unsigned char)least))
		i++;
	return i;
}

size_t
utf8_len(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (s.len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (s.len < n)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

static uint32_t
utf8_point(const char *ptr, size_t n)
{
	const unsigned char *p = (const unsigned char *)ptr;

	switch (n) {
	case 1:
		return p[0];
	case 2:
		return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3fu);
	case 3:
		return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 |
		       (p[2] & 0x3fu);
	default:
		return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
		       (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3fu);
	}
}

/* Controls, and what reorders or hides text on a terminal. */
static bool
is_unsafe(uint32_t c)
{
	static const uint32_t ranges[][2] = {
	    {0x00, 0x1f},       /* C0 */
	    {0x7f, 0x9f},       /* DEL, C1 */
	    {0xad, 0xad},       /* soft hyphen */
	    {0x61c, 0x61c},     /* arabic letter mark: bidi */
	    {0x180e, 0x180e},   /* mongolian vowel separator */
	    {0x200b, 0x200f},   /* zero width, LRM, RLM */
	    {0x2028, 0x202e},   /* line separators, bidi embeddings and overrides */
	    {0x2060, 0x206f},   /* word joiner, bidi isolates, deprecated formats */
	    {0xfeff, 0xfeff},   /* byte order mark */
	    {0xfff9, 0xfffb},   /* interlinear annotation */
	    {0x1bca0, 0x1bca3}, /* shorthand formats */
	    {0x1d173, 0x1d17a}, /* musical formats */
	    {0xe0000, 0xe007f}, /* tags */
	};

	if (c >= 0x20 && c < 0x7f)
		return false;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]) && c >= ranges[i][0];
	     i++)
		if (c <= ranges[i][1])
			return true;
	return false;
}

static int
escape_line(struct buf *b, struct slice s, bool also_space)
{
	size_t was = b->len;
	int r = 0;

	while (s.len > 0 && r == 0) {
		size_t n = escape_plain(s, also_space ? '!' : ' ');

		if (n > 0) {
			r = buf_add(b, s.ptr, n);
			s = slice_from(s, n);
			continue;
		}
		n = utf8_len(s);
		if (n == 0) {
			r = buf_printf(b, "\\x%02x", (unsigned)(unsigned char)s.ptr[0]);
			n = 1;
		} else if (s.ptr[0] == '\\') {
			r = buf_add(b, "\\\\", 2);
		} else if (is_unsafe(utf8_point(s.ptr, n)) ||
			   (also_space && s.ptr[0] == ' ')) {
			for (size_t i = 0; i < n && r == 0; i++)
				r = buf_printf(
				    b, "\\x%02x", (unsigned)(unsigned char)s.ptr[i]);
		} else {
			r = buf_add(b, s.ptr, n);
		}
		s = slice_from(s, n);
	}
	if (r < 0)
		b->len = was;
	return r;
}

int
escape_terminal(struct buf *b, struct slice s)
{
	return escape_line(b, s, false);
}

int
escape_field(struct buf *b, struct slice s)
{
	return escape_line(b, s, true);
}

/* Bytes of what a spreadsheet takes for the begin of a formula, wide forms too; or 0. */
static size_t
formula_len(struct slice s)
{
	static const char *const leads[] = {"=", "+", "-", "@", "\xef\xbc\x9d",
	    "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};

	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (slice_starts(s, slice_cstr(leads[i])))
			return strlen(leads[i]);
	return 0;
}

int
escape_cell(struct buf *b, struct slice s)
{
	size_t was = b->len, n = formula_len(s);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = buf_printf(b, "\\x%02x", (unsigned)(unsigned char)s.ptr[i]);
	if (r == 0)
		r = escape_terminal(b, slice_from(s, n));
	if (r < 0)
		b->len = was;
	return r;
}

void
scrub_terminal(char *p, size_t len)
{
	while (len > 0) {
		size_t n = utf8_len(slice_of(p, len));
		bool safe = n > 0 && !is_unsafe(utf8_point(p, n));

		n = n == 0 ? 1 : n;
		if (!safe)
			memset(p, '?', n);
		p += n;
		len -= n;
	}
}

static int
json_byte(struct buf *b, char c)
{
	switch (c) {
	case '"':
		return buf_add(b, "\\\"", 2);
	case '\\':
		return buf_add(b, "\\\\", 2);
	case '\n':
		return buf_add(b, "\\n", 2);
	case '\r':
		return buf_add(b, "\\r", 2);
	case '\t':
		return buf_add(b, "\\t", 2);
	default:
		return buf_printf(b, "\\u%04x", (unsigned)(unsigned char)c);
	}
}

/* A code point that JSON would take, and a terminal not; RFC 8259 section 7. */
static int
json_point(struct buf *b, uint32_t c)
{
	if (c < 0x10000)
		return buf_printf(b, "\\u%04x", (unsigned)c);
	c -= 0x10000;
	return buf_printf(b, "\\u%04x\\u%04x", 0xd800u | c >> 10, 0xdc00u | (c & 0x3ffu));
}

/* Length of the run at the front that is written as it is. */
static size_t
json_plain(struct slice s)
{
	size_t i = escape_plain(s, ' ');

	while (i < s.len) {
		unsigned char c = (unsigned char)s.ptr[i];
		size_t n;

		if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
			break;
		if (c < 0x80) {
			i++;
			continue;
		}
		n = utf8_len(slice_from(s, i));
		if (n == 0 || is_unsafe(utf8_point(s.ptr + i, n)))
			break;
		i += n;
	}
	return i;
}

int
unescape_line(struct buf *b, struct slice s)
{
	size_t was = b->len;
	int r = 0;

	while (s.len > 0 && r == 0) {
		size_t n = slice_find(s, '\\');
		char byte = '\\';
		int high, low;

		r = buf_add(b, s.ptr, n);
		s = slice_from(s, n);
		if (s.len == 0 || r < 0)
			break;
		high = s.len < 4 || s.ptr[1] != 'x' ? -1 : ascii_hex(s.ptr[2]);
		low = high < 0 ? -1 : ascii_hex(s.ptr[3]);
		n = low >= 0 ? 4 : s.len > 1 && s.ptr[1] == '\\' ? 2 : 1;
		if (low >= 0)
			byte = (char)(high << 4 | low);
		r = buf_add_byte(b, byte);
		s = slice_from(s, n);
	}
	if (r < 0)
		b->len = was;
	return r;
}

int
escape_json(struct buf *b, struct slice s)
{
	size_t was = b->len;
	int r = 0;

	while (s.len > 0 && r == 0) {
		size_t n = json_plain(s);

		r = buf_add(b, s.ptr, n);
		s = slice_from(s, n);
		if (s.len == 0 || r < 0)
			break;
		n = utf8_len(s);
		if (n == 0)
			r = buf_add(b, "\xef\xbf\xbd", 3);
		else if (n > 1)
			r = json_point(b, utf8_point(s.ptr, n));
		else
			r = json_byte(b, s.ptr[0]);
		s = slice_from(s, n == 0 ? 1 : n);
	}
	if (r < 0)
		b->len = was;
	return r;
}

static int
html_byte(struct buf *b, char c)
{
	switch (c) {
	case '&':
		return buf_add_cstr(b, "&amp;");
	case '<':
		return buf_add_cstr(b, "&lt;");
	case '>':
		return buf_add_cstr(b, "&gt;");
	case '"':
		return buf_add_cstr(b, "&quot;");
	case '\'':
		return buf_add_cstr(b, "&#39;");
	case '\t':
	case '\n':
		return buf_add_byte(b, c);
	default:
		return is_unsafe((unsigned char)c) ? buf_add(b, "\xef\xbf\xbd", 3)
						   : buf_add_byte(b, c);
	}
}

int
escape_html(struct buf *b, struct slice s)
{
	size_t was = b->len;
	int r = 0;

	while (s.len > 0 && r == 0) {
		size_t n = utf8_len(s);

		if (n == 1)
			r = html_byte(b, s.ptr[0]);
		else if (n == 0 || is_unsafe(utf8_point(s.ptr, n)))
			r = buf_add(b, "\xef\xbf\xbd", 3);
		else
			r = buf_add(b, s.ptr, n);
		s = slice_from(s, n == 0 ? 1 : n);
	}
	if (r < 0)
		b->len = was;
	return r;
}
