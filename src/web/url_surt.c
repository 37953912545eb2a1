/*
 * The sort-friendly key of archive indexes (CDXJ), as pywb and the Wayback Machine look
 * it up: "com,example)/path?query", lower case, without "www.", with parameters in order,
 * and without the session ids that would make two of one page.
 */
#include "web/url.h"
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

static bool
is_alnum(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_alpha(s.ptr[i]) && !ascii_is_digit(s.ptr[i]))
			return false;
	return true;
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

/* Lower case, escaped where it must be. */
static int
add_escaped(struct buf *out, struct slice s)
{
	int r = 0;

	for (size_t i = 0; i < s.len && r == 0; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c <= ' ' || c >= 0x7f || c == '#' || c == '%')
			r = buf_printf(out, "%%%02x", (unsigned)c);
		else
			r = buf_add_byte(out, ascii_lower(s.ptr[i]));
	}
	return r;
}

/* No empty segments and, but for the root, no slash at the end. */
static int
add_path(struct buf *out, struct slice path, char *scratch)
{
	size_t n = 0;

	path.len = unescape(path, scratch);
	for (size_t i = 0; i < path.len; i++)
		if (scratch[i] != '/' || n == 0 || scratch[n - 1] != '/')
			scratch[n++] = scratch[i];
	if (n > 1 && scratch[n - 1] == '/')
		n--;
	return add_escaped(out, slice_of(scratch, n));
}

static bool
is_session_id(struct slice name, struct slice value)
{
	struct slice asp = SLICE_LIT("aspsessionid");

	if (!is_alnum(value))
		return false;
	if (slice_ieq(name, SLICE_LIT("jsessionid")) ||
	    slice_ieq(name, SLICE_LIT("phpsessid")) || slice_ieq(name, SLICE_LIT("sid")))
		return value.len == 32;
	return slice_istarts(name, asp) && name.len == asp.len + 8 && value.len == 24;
}

struct param {
	struct slice name, value; /* value.ptr NULL: no '=' */
};

static int
compare_bytes(struct slice a, struct slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;

	for (size_t i = 0; i < n; i++) {
		int d = (unsigned char)ascii_lower(a.ptr[i]) -
			(unsigned char)ascii_lower(b.ptr[i]);

		if (d != 0)
			return d;
	}
	return (a.len > b.len) - (a.len < b.len);
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
		r = add_escaped(out, p->name);
	if (r == 0 && p->value.ptr != NULL)
		r = buf_add_byte(out, '=');
	if (r == 0)
		r = add_escaped(out, p->value);
	return r;
}

static int
add_query(struct buf *out, struct slice query, char *scratch)
{
	struct param *params;
	size_t n = 0, max = 1;
	struct slice rest, arg;
	int r = 0;

	query = slice_of(scratch, unescape(query, scratch));
	if (query.len == 0)
		return 0;
	for (size_t i = 0; i < query.len; i++)
		max += query.ptr[i] == '&';
	params = malloc(max * sizeof(*params));
	if (params == NULL)
		return -ENOMEM;
	rest = query;
	while (slice_cut(&rest, '&', &arg)) {
		size_t eq = slice_find(arg, '=');
		struct param p = {.name = slice_head(arg, eq)};

		if (eq < arg.len)
			p.value = slice_of(arg.ptr + eq + 1, arg.len - eq - 1);
		if (!is_session_id(p.name, p.value))
			params[n++] = p;
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
