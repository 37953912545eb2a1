/*
 * The sort-friendly key of archive indexes (CDXJ), as pywb and the Wayback Machine look
 * it up: "com,example)/path?query", lower case, without "www.", with parameters in order,
 * and without the session ids that would make two of one page.
 *
 * The model is the Python package surt 0.3.1, oddities included: a key that is not the
 * same is not found.  Where we part: port 0, which it drops, and "www..com".
 */
#include "web/url.h"
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

enum { ESCAPED_MAX = 3 * URL_BYTES_MAX };

static bool
is_alnum(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c);
}

/* "www.", "www2.", ... */
static struct slice
without_www(struct slice host)
{
	size_t i = 3;

	if (!slice_starts(host, SLICE_LIT("www")))
		return host;
	while (i < host.len && ascii_is_digit(host.ptr[i]))
		i++;
	return i + 1 < host.len && host.ptr[i] == '.' ? slice_from(host, i + 1) : host;
}

static int
add_host(const struct url *u, struct buf *out)
{
	struct slice host = without_www(url_host(u));
	size_t end = host.len;
	int r = 0;

	if (host.ptr[0] == '[')
		return buf_add(out, host.ptr + 1, host.len - 2);
	while (end > 0 && r == 0) {
		size_t from = end;

		while (from > 0 && host.ptr[from - 1] != '.')
			from--;
		r = buf_add(out, host.ptr + from, end - from);
		if (from > 0 && r == 0)
			r = buf_add_byte(out, ',');
		end = from > 0 ? from - 1 : 0;
	}
	return r;
}

/*
 * Unescapes until nothing is left to unescape ("%2541" is "A"), in one pass: a byte that
 * was decoded may end an escape that began before it.
 */
static size_t
unescape(struct slice s, char *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		ret[n++] = s.ptr[i];
		while (n >= 3 && ret[n - 3] == '%' && ascii_hex(ret[n - 2]) >= 0 &&
		       ascii_hex(ret[n - 1]) >= 0) {
			ret[n - 3] =
			    (char)(ascii_hex(ret[n - 2]) * 16 + ascii_hex(ret[n - 1]));
			n -= 2;
		}
	}
	return n;
}

/* In lower case, escaped where it must be; `ret` has room for ESCAPED_MAX bytes. */
static size_t
escape(struct slice s, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c <= ' ' || c >= 0x7f || c == '#' || c == '%') {
			ret[n++] = '%';
			ret[n++] = digits[c >> 4];
			ret[n++] = digits[c & 15];
		} else {
			ret[n++] = ascii_lower(s.ptr[i]);
		}
	}
	return n;
}

/* -- the path ---------------------------------------------------------------------- */

/* What unescaping made of the path has dot segments again; empty ones count as such. */
static size_t
dots_resolve(char *path, size_t len)
{
	struct slice rest = slice_of(path + 1, len - 1), segment;
	size_t n = 0;

	while (slice_cut(&rest, '/', &segment)) {
		if (slice_eq(segment, SLICE_LIT(".")))
			continue;
		if (slice_eq(segment, SLICE_LIT("..")) && n > 0) {
			while (path[--n] != '/')
				;
			continue;
		}
		path[n++] = '/';
		memmove(path + n, segment.ptr, segment.len);
		n += segment.len;
	}
	if (n == 0)
		path[n++] = '/';
	return n;
}

/* No empty segments and, but for the root, no slash at the end. */
static size_t
slashes_squeeze(char *path, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		if (path[i] != '/' || n == 0 || path[n - 1] != '/')
			path[n++] = path[i];
	return n > 1 && path[n - 1] == '/' ? n - 1 : n;
}

/* "x(24 letters or digits)" over and over, in brackets; or, `bare`, only those 24. */
static bool
is_path_session(struct slice s, bool bare)
{
	size_t open = bare ? 1 : 2, one = open + 24 + (bare ? 0 : 1), i = bare ? 0 : 1;

	if (s.len < 26 || s.ptr[0] != '(' || s.ptr[s.len - 1] != ')' ||
	    (s.len - 2) % (bare ? 24 : one) != 0 || (bare && s.len != 26))
		return false;
	for (; i + one < s.len; i += one) {
		if (!bare && (!ascii_is_alpha(s.ptr[i]) || s.ptr[i + 1] != '(' ||
				 s.ptr[i + one - 1] != ')'))
			return false;
		for (size_t k = 0; k < 24; k++)
			if (!is_alnum(s.ptr[i + open + k]))
				return false;
	}
	return true;
}

/* ASP.NET's, and only before a page of it: the last one is dropped. */
static size_t
path_session_strip(char *path, size_t len, bool bare)
{
	size_t to = len, aspx = 0; /* the last before the next '?' */

	for (size_t i = len; i-- > 0;) {
		if (path[i] == '?')
			aspx = 0;
		if (aspx == 0 &&
		    slice_starts(slice_of(path + i, len - i), SLICE_LIT(".aspx")))
			aspx = i;
		if (path[i] != '/')
			continue;
		/* The segment behind this slash, up to the one before. */
		if (to < len && to + 1 < aspx &&
		    is_path_session(slice_of(path + i + 1, to - i - 1), bare)) {
			memmove(path + i, path + to, len - to);
			return len - (to - i);
		}
		to = i;
	}
	return len;
}

static int
add_path(struct buf *out, struct slice path, char *scratch)
{
	char escaped[ESCAPED_MAX];
	size_t n = unescape(path, scratch);

	n = slashes_squeeze(scratch, dots_resolve(scratch, n));
	n = escape(slice_of(scratch, n), escaped);
	n = path_session_strip(escaped, n, false);
	n = path_session_strip(escaped, n, true);
	return buf_add(out, escaped, n);
}

/* -- the query --------------------------------------------------------------------- */

struct session {
	struct slice name; /* with its '=' */
	size_t letters;    /* that follow "aspsessionid" before the '=' */
	size_t len;        /* of the value */
	bool digits;       /* may be in it */
};

/* Where what begins at q[i] ends; 0: it is no session id. */
static size_t
session_end(struct slice q, size_t i, const struct session *s)
{
	size_t end = i + s->name.len;

	if (!slice_starts(slice_from(q, i), s->name))
		return 0;
	for (size_t n = 0; n < s->letters; n++, end++)
		if (end >= q.len || !ascii_is_alpha(q.ptr[end]))
			return 0;
	if (s->letters > 0 && (end >= q.len || q.ptr[end++] != '='))
		return 0;
	for (size_t n = 0; n < s->len; n++, end++)
		if (end >= q.len ||
		    !(s->digits ? is_alnum(q.ptr[end]) : ascii_is_alpha(q.ptr[end])))
			return 0;
	return end == q.len || q.ptr[end] == '&' ? end : 0;
}

/* Drops q[at, end) and the '&' behind it. */
static size_t
query_cut(char *q, size_t len, size_t at, size_t end)
{
	if (end + 1 >= len)
		return at;
	memmove(q + at, q + end + 1, len - end - 1);
	return len - (end + 1 - at);
}

/* "cfid=1&cftoken=2"; the last one. */
static size_t
cfid_strip(char *q, size_t len)
{
	struct slice s = slice_of(q, len), token = SLICE_LIT("&cftoken=");
	size_t amp = len;

	for (size_t i = len; i-- > 0;) {
		size_t at = amp + token.len;

		if (q[i] == '&')
			amp = i;
		else if (amp > i + 5 && slice_starts(slice_from(s, amp), token) &&
			 at < len && q[at] != '&' &&
			 slice_starts(slice_from(s, i), SLICE_LIT("cfid=")))
			return query_cut(
			    q, len, i, at + slice_find(slice_from(s, at), '&'));
	}
	return len;
}

/* The last of each kind, wherever in the query it stands: so does the model. */
static size_t
sessions_strip(char *q, size_t len)
{
	static const struct session sessions[] = {
	    {SLICE_LIT("jsessionid="), 0, 32, true},
	    {SLICE_LIT("phpsessid="), 0, 32, true},
	    {SLICE_LIT("sid="), 0, 32, true},
	    {SLICE_LIT("aspsessionid"), 8, 24, false},
	};

	for (size_t k = 0; k < sizeof(sessions) / sizeof(sessions[0]); k++)
		for (size_t i = len; i-- > 0;) {
			size_t end = session_end(slice_of(q, len), i, &sessions[k]);

			if (end == 0)
				continue;
			len = query_cut(q, len, i, end);
			break;
		}
	return cfid_strip(q, len);
}

struct param {
	struct slice name, value; /* value.ptr NULL: no '=' */
};

static int
compare_bytes(struct slice a, struct slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int d = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);

	return d != 0 ? d : (a.len > b.len) - (a.len < b.len);
}

static int
param_compare(const void *pa, const void *pb)
{
	const struct param *a = pa, *b = pb;
	int d = compare_bytes(a->name, b->name);

	if (d != 0)
		return d;
	d = (a->value.ptr != NULL) - (b->value.ptr != NULL);
	return d != 0 ? d : compare_bytes(a->value, b->value);
}

static int
add_param(struct buf *out, const struct param *p, char before)
{
	int r = buf_add_byte(out, before);

	if (r == 0)
		r = buf_add_slice(out, p->name);
	if (r == 0 && p->value.ptr != NULL)
		r = buf_add_byte(out, '=');
	if (r == 0)
		r = buf_add_slice(out, p->value);
	return r;
}

static int
add_query(struct buf *out, struct slice query, char *scratch)
{
	char escaped[ESCAPED_MAX];
	struct param *params;
	size_t n = 0, max = 1, len;
	struct slice rest, arg;
	int r = 0;

	len = escape(slice_of(scratch, unescape(query, scratch)), escaped);
	len = sessions_strip(escaped, len);
	if (len == 0)
		return 0;
	for (size_t i = 0; i < len; i++)
		max += escaped[i] == '&';
	params = malloc(max * sizeof(*params));
	if (params == NULL)
		return -ENOMEM;
	rest = slice_of(escaped, len);
	while (slice_cut(&rest, '&', &arg)) {
		size_t eq = slice_find(arg, '=');

		params[n] = (struct param){.name = slice_head(arg, eq)};
		if (eq < arg.len)
			params[n].value = slice_of(arg.ptr + eq + 1, arg.len - eq - 1);
		n++;
	}
	qsort(params, n, sizeof(*params), param_compare);
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_param(out, &params[i], i == 0 ? '?' : '&');
	free(params);
	return r;
}

int
url_surt(const struct url *u, struct buf *out)
{
	char scratch[URL_BYTES_MAX];
	size_t before = out->len;
	size_t port_at = (size_t)u->host_at + u->host_len;
	int r = add_host(u, out);

	if (r == 0)
		r = buf_add(out, u->text + port_at, u->path_at - port_at);
	if (r == 0)
		r = buf_add_byte(out, ')');
	if (r == 0)
		r = add_path(out, url_path(u), scratch);
	if (r == 0)
		r = add_query(out, slice_from(url_query(u), 1), scratch);
	if (r != 0)
		out->len = before;
	return r;
}
