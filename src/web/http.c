#include "web/http.h"
#include "base/escape.h"

#include "base/banned.h"

/* RFC 9110, section 5.6.2. */
static const bool token_chars[256] = {
    ['0' ... '9'] = true,
    ['A' ... 'Z'] = true,
    ['a' ... 'z'] = true,
    ['!'] = true,
    ['#' ... '\''] = true,
    ['*'] = true,
    ['+'] = true,
    ['-'] = true,
    ['.'] = true,
    ['^' ... '`'] = true,
    ['|'] = true,
    ['~'] = true,
};

static bool
is_token_char(char c)
{
	return token_chars[(unsigned char)c];
}

static bool
is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_token_char(s.ptr[i]))
			return false;
	return s.len > 0;
}

/* -- status line and header lines --------------------------------------------------- */

/* A line without its end. */
static bool
line_next(struct slice *rest, struct slice *ret)
{
	if (rest->len == 0 || !slice_cut(rest, '\n', ret))
		return false;
	if (ret->len > 0 && ret->ptr[ret->len - 1] == '\r')
		ret->len--;
	return true;
}

static bool
digit_take(struct slice *s, unsigned *ret)
{
	if (s->len == 0 || !ascii_is_digit(s->ptr[0]))
		return false;
	*ret = (unsigned)(s->ptr[0] - '0');
	*s = slice_from(*s, 1);
	return true;
}

/* RFC 9112, section 4: "HTTP/1.1 200 OK"; as the archive has it also "HTTP/2 200". */
bool
http_status(struct slice head, struct http_status *ret)
{
	struct http_status st = {.code = 0};
	struct slice line;
	unsigned digit;

	if (!line_next(&head, &line) || !slice_istarts(line, SLICE_LIT("HTTP/")))
		return false;
	line = slice_from(line, 5);
	if (!digit_take(&line, &st.major))
		return false;
	if (line.len > 0 && line.ptr[0] == '.') {
		line = slice_from(line, 1);
		if (!digit_take(&line, &st.minor))
			return false;
	}
	if (line.len == 0 || line.ptr[0] != ' ')
		return false;
	line = slice_trim(line);
	for (int i = 0; i < 3; i++) {
		if (!digit_take(&line, &digit))
			return false;
		st.code = st.code * 10 + digit;
	}
	if (st.code < 100 || (line.len > 0 && line.ptr[0] != ' '))
		return false;
	st.reason = slice_trim(line);
	*ret = st;
	return true;
}

struct slice
http_headers(struct slice head)
{
	struct slice line;

	(void)line_next(&head, &line);
	return head;
}

bool
http_header_next(struct slice *rest, struct http_header *ret)
{
	struct slice line;

	while (line_next(rest, &line)) {
		size_t colon = slice_find(line, ':');
		struct slice name, value;
		const char *end = line.ptr + line.len;

		/* Lines that begin with space belong to the one before (obs-fold). */
		while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t') &&
		       line_next(rest, &value))
			end = value.ptr + value.len;
		name = slice_trim(slice_head(line, colon));
		if (colon == line.len || !is_token(name))
			continue;
		value =
		    slice_of(line.ptr + colon + 1, (size_t)(end - line.ptr) - colon - 1);
		*ret = (struct http_header){.name = name, .value = slice_trim(value)};
		return true;
	}
	return false;
}

size_t
http_head_pick(struct slice head, const struct slice *names, size_t n, char *out)
{
	struct slice rest = http_headers(head);
	size_t len = head.len - rest.len;
	struct http_header h;

	if (len > 0)
		memcpy(out, head.ptr, len);
	while (http_header_next(&rest, &h)) {
		size_t i = 0;

		while (i < n && !slice_ieq(h.name, names[i]))
			i++;
		if (i == n)
			continue;
		memcpy(out + len, h.name.ptr, h.name.len);
		len += h.name.len;
		out[len++] = ':';
		if (h.value.len > 0)
			memcpy(out + len, h.value.ptr, h.value.len);
		len += h.value.len;
		out[len++] = '\n';
	}
	return len;
}

size_t
http_head_escape(struct slice head, char *out)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t len = 0;

	while (head.len > 0) {
		size_t n = head.ptr[0] == '\0' ? 1 : utf8_len(head);

		if (n > 0) {
			memcpy(out + len, head.ptr, n);
		} else {
			out[len++] = '%';
			out[len++] = digits[(unsigned char)head.ptr[0] >> 4];
			out[len] = digits[head.ptr[0] & 0xf];
			n = 1;
		}
		len += n;
		head = slice_from(head, n);
	}
	return len;
}

/* Past a line and those that belong to it. */
static void
line_skip(struct slice *rest)
{
	struct slice line;

	while (line_next(rest, &line) && rest->len > 0 &&
	       (rest->ptr[0] == ' ' || rest->ptr[0] == '\t'))
		;
}

bool
http_header_find(struct slice *rest, struct slice name, struct slice *ret)
{
	struct http_header h;

	while (rest->len > 0) {
		/* Most lines have another name, and need not be taken apart to see it. */
		if (!slice_istarts(*rest, name) && !ascii_is_space(rest->ptr[0])) {
			line_skip(rest);
			continue;
		}
		if (!http_header_next(rest, &h))
			return false;
		if (slice_ieq(h.name, name)) {
			*ret = h.value;
			return true;
		}
	}
	return false;
}

struct slice
http_header_get(struct slice head, struct slice name)
{
	struct slice rest = http_headers(head), value = {0};

	return http_header_find(&rest, name, &value) ? value : (struct slice){0};
}

int
http_header_join(struct slice head, struct slice name, struct buf *out)
{
	struct slice rest = http_headers(head);
	struct http_header h;
	size_t before = out->len;
	int r = 0;

	while (r == 0 && http_header_next(&rest, &h)) {
		if (!slice_ieq(h.name, name) || h.value.len == 0)
			continue;
		if (out->len > before)
			r = buf_add(out, ", ", 2);
		if (r == 0)
			r = buf_add_slice(out, h.value);
	}
	if (r != 0)
		out->len = before;
	return r;
}

/* -- lists and parameters -------------------------------------------------------------
 */

/* Offset of the first `sep` that is not in a quoted string, or s.len. */
static size_t
find_unquoted(struct slice s, char sep)
{
	bool is_quoted = false;

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && s.ptr[i] == '\\')
			i++;
		else if (!is_quoted && s.ptr[i] == sep)
			return i;
	}
	return s.len;
}

/* The next part that is not empty. */
static bool
part_next(struct slice *rest, char sep, struct slice *ret)
{
	while (rest->len > 0) {
		size_t end = find_unquoted(*rest, sep);
		struct slice part = slice_trim(slice_head(*rest, end));

		*rest = slice_from(*rest, end + 1);
		if (part.len > 0) {
			*ret = part;
			return true;
		}
	}
	return false;
}

bool
http_list_next(struct slice *rest, struct slice *ret)
{
	return part_next(rest, ',', ret);
}

bool
http_param_next(
    struct slice *rest, char sep, struct slice *ret_name, struct slice *ret_value)
{
	struct slice part, value = {0};
	size_t eq;

	if (!part_next(rest, sep, &part))
		return false;
	eq = slice_find(part, '=');
	if (eq < part.len) {
		value = slice_trim(slice_of(part.ptr + eq + 1, part.len - eq - 1));
		if (value.len > 0 && value.ptr[0] == '"') {
			size_t end = 1;

			while (end < value.len && value.ptr[end] != '"')
				end +=
				    value.ptr[end] == '\\' && end + 1 < value.len ? 2 : 1;
			value = slice_of(value.ptr + 1, end - 1);
		}
	}
	*ret_name = slice_trim(slice_head(part, eq));
	*ret_value = value;
	return true;
}

bool
http_has_token(struct slice list, struct slice token)
{
	size_t i = 0;

	while (i < list.len) {
		size_t from;

		while (i < list.len && ascii_is_space(list.ptr[i]))
			i++;
		from = i;
		while (i < list.len && !ascii_is_space(list.ptr[i]))
			i++;
		if (i > from && slice_ieq(slice_of(list.ptr + from, i - from), token))
			return true;
	}
	return false;
}

/* -- Content-Type (mimesniff, section 4.4) ---------------------------------------------
 */

static bool
is_http_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice
http_trim_end(struct slice s)
{
	while (s.len > 0 && is_http_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

static struct slice
http_trim(struct slice s)
{
	while (s.len > 0 && is_http_space(s.ptr[0]))
		s = slice_from(s, 1);
	return http_trim_end(s);
}

/*
 * The value of a parameter at *rest, which goes on to the ';' or the end; unquoted into
 * `out` of `cap` bytes.  False when it is empty without quotes, is too long or has a byte
 * that is none of a quoted string.
 */
static bool
mime_value_take(struct slice *rest, char *out, size_t cap)
{
	struct slice s = *rest;
	size_t n = 0, i = 0;
	bool is_quoted = s.len > 0 && s.ptr[0] == '"', fits = true;

	if (is_quoted) {
		for (i = 1; i < s.len && s.ptr[i] != '"'; i++) {
			if (s.ptr[i] == '\\' && i + 1 < s.len)
				i++;
			if (n + 1 < cap)
				out[n++] = s.ptr[i];
			else
				fits = false;
		}
		s = slice_from(s, i);
		*rest = slice_from(s, slice_find(s, ';'));
	} else {
		i = slice_find(s, ';');
		*rest = slice_from(s, i);
		s = http_trim_end(slice_head(s, i));
		fits = s.len > 0 && s.len < cap;
		n = fits ? s.len : 0;
		if (fits)
			memcpy(out, s.ptr, n);
	}
	out[n] = '\0';
	for (i = 0; i < n; i++)
		fits &= (out[i] >= ' ' || out[i] == '\t' || (out[i] & 0x80)) &&
			out[i] != 0x7f;
	return fits;
}

bool
http_mime_parse(struct slice value, struct http_mime *ret)
{
	struct http_mime m = {.essence = ""};
	struct slice s = http_trim(value), type, subtype, name;
	bool has_charset = false;
	size_t at = slice_find(s, '/');

	type = slice_head(s, at);
	s = slice_from(s, at + 1);
	at = slice_find(s, ';');
	subtype = http_trim_end(slice_head(s, at));
	s = slice_from(s, at);
	if (!is_token(type) || !is_token(subtype) ||
	    type.len + 1 + subtype.len >= sizeof(m.essence))
		return false;
	for (size_t i = 0; i < type.len; i++)
		m.essence[i] = ascii_lower(type.ptr[i]);
	m.essence[type.len] = '/';
	for (size_t i = 0; i < subtype.len; i++)
		m.essence[type.len + 1 + i] = ascii_lower(subtype.ptr[i]);
	while (s.len > 0) {
		char text[sizeof(m.charset)];

		s = slice_from(s, 1); /* the ';' */
		while (s.len > 0 && is_http_space(s.ptr[0]))
			s = slice_from(s, 1);
		for (at = 0; at < s.len && s.ptr[at] != ';' && s.ptr[at] != '='; at++)
			;
		name = slice_head(s, at);
		s = slice_from(s, at);
		if (s.len == 0 || s.ptr[0] == ';')
			continue;
		s = slice_from(s, 1); /* the '=' */
		if (!mime_value_take(&s, text, sizeof(text)) || has_charset ||
		    !slice_ieq(name, SLICE_LIT("charset")))
			continue;
		memcpy(m.charset, text, sizeof(text));
		has_charset = true;
	}
	*ret = m;
	return true;
}

bool
http_mime(struct slice head, struct http_mime *ret)
{
	struct slice rest = http_headers(head), list, member;
	struct http_mime last = {.essence = ""}, m;
	struct http_header h;
	bool found = false;

	while (http_header_next(&rest, &h)) {
		if (!slice_ieq(h.name, SLICE_LIT("content-type")))
			continue;
		for (list = h.value; http_list_next(&list, &member);) {
			if (!http_mime_parse(member, &m) || strcmp(m.essence, "*/*") == 0)
				continue;
			/* One that says no charset keeps that of the same type before. */
			if (m.charset[0] == '\0' && strcmp(m.essence, last.essence) == 0)
				memcpy(m.charset, last.charset, sizeof(m.charset));
			last = m;
			found = true;
		}
	}
	if (found)
		*ret = last;
	return found;
}
