#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "fetch/jar.h"
#include "fetch/jar_int.h"
#include "web/http.h"

#include "base/banned.h"

enum { FIELDS = 7 };
#define HTTP_ONLY SLICE_LIT("#HttpOnly_")

/* ---- reading ---- */

/* "TRUE" or "FALSE" */
static bool
read_flag(struct slice s, bool *ret)
{
	*ret = slice_ieq(s, SLICE_LIT("TRUE"));
	return *ret || slice_ieq(s, SLICE_LIT("FALSE"));
}

/* Seconds since 1970, maybe with a fraction; 0: of the session. */
static bool
read_expiry(struct slice s, int64_t *ret)
{
	struct slice whole = slice_head(s, slice_find(s, '.'));
	struct slice fraction = slice_from(s, whole.len + 1);
	uint64_t v;

	for (size_t i = 0; i < fraction.len; i++)
		if (!ascii_is_digit(fraction.ptr[i]))
			return false;
	if (whole.len > 0 && whole.ptr[0] == '-') { /* some write -1 */
		*ret = JAR_SESSION;
		return slice_to_u64(slice_from(whole, 1), &v);
	}
	if (!slice_to_u64(whole, &v))
		return false;
	*ret = v == 0                        ? JAR_SESSION
	       : v > (uint64_t)HTTP_TIME_MAX ? HTTP_TIME_MAX
					     : (int64_t)v;
	return true;
}

/* In the normal form of URLs, in `room`. */
static bool
read_domain(struct slice s, char room[URL_BYTES_MAX], struct slice *ret)
{
	char text[300];
	struct url url;
	int n;

	if (s.len > 0 && s.ptr[0] == '.')
		s = slice_from(s, 1);
	if (s.len == 0 || s.len > JAR_DOMAIN_MAX || slice_find(s, '/') < s.len ||
	    slice_find(s, '@') < s.len || slice_find(s, '?') < s.len)
		return false;
	n = snprintf(text, sizeof(text), "http://" SLICE_FMT "/", SLICE_ARG(s));
	if (url_resolve(NULL, slice_of(text, (size_t)n), (struct slice){0}, 0, room,
		URL_BYTES_MAX, &url) != URL_OK ||
	    url.port != 80)
		return false;
	*ret = url_host(&url);
	return ret->len <= JAR_DOMAIN_MAX;
}

static const char *
read_fields(const struct slice f[FIELDS], char room[URL_BYTES_MAX], struct cookie *ret)
{
	struct cookie c = {.path = f[2], .name = f[5], .value = f[6]};
	bool all_below;

	if (!read_domain(f[0], room, &c.domain))
		return "is no domain";
	if (!read_flag(f[1], &all_below))
		return "is neither TRUE nor FALSE (the second field: also for hosts "
		       "below)";
	if (c.path.len == 0 || c.path.ptr[0] != '/' || c.path.len > JAR_PATH_MAX)
		return "is no path";
	if (!read_flag(f[3], &c.secure))
		return "is neither TRUE nor FALSE (the fourth field: only over https)";
	if (!read_expiry(f[4], &c.expires))
		return "is no time (the fifth field: seconds since 1970)";
	if (c.name.len + c.value.len == 0 ||
	    c.name.len + c.value.len > HTTP_COOKIE_BYTES_MAX ||
	    slice_find(c.name, ';') < c.name.len ||
	    slice_find(c.value, ';') < c.value.len)
		return "is no name and value of a cookie";
	c.host_only = !all_below || url_is_public_suffix(c.domain);
	/* "localhost" is one, too, and meant to be that host. */
	if (all_below && c.host_only && slice_find(c.domain, '.') < c.domain.len)
		return "is a public suffix: no cookie may be for all below it";
	*ret = c;
	return NULL;
}

/* What is wrong, or NULL; *ret_skip: no cookie, and none meant. */
static const char *
read_line(struct slice line, char room[URL_BYTES_MAX], struct cookie *ret, bool *ret_skip)
{
	bool http_only = slice_starts(line, HTTP_ONLY);
	struct slice f[FIELDS] = {0}, field;
	const char *wrong;
	size_t n = 0;

	*ret_skip = !http_only && (slice_trim(line).len == 0 || line.ptr[0] == '#');
	if (*ret_skip)
		return NULL;
	if (slice_has_control_but_tab(line))
		return "has a control character";
	if (http_only)
		line = slice_from(line, HTTP_ONLY.len);
	while (slice_cut(&line, '\t', &field)) {
		if (n == FIELDS)
			return "has more than seven fields with tabs between";
		f[n++] = field;
	}
	if (n < FIELDS - 1) /* some leave out an empty value */
		return "has not seven fields with tabs between";
	wrong = read_fields(f, room, ret);
	ret->http_only = http_only;
	return wrong;
}

int
jar_read(struct jar *j, struct slice text, int64_t now_s, struct why *why)
{
	char room[URL_BYTES_MAX];
	struct slice line;
	size_t cookies = 0;

	for (size_t n = 1; slice_cut(&text, '\n', &line); n++) {
		struct cookie c = {0};
		const char *wrong;
		bool skip;
		int r;

		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		wrong = read_line(line, room, &c, &skip);
		/* Without the value, which may be a secret. */
		if (wrong != NULL)
			return why_set(why, -EINVAL, "line %zu %s", n, wrong);
		if (skip)
			continue;
		if (cookies++ == JAR_COOKIES_MAX)
			return why_set(
			    why, -E2BIG, "more than %d cookies", JAR_COOKIES_MAX);
		r = jar_put(j, &c, now_s);
		if (r < 0)
			return why_set(why, r, "out of memory");
	}
	return 0;
}

/* ---- writing ---- */

static int
write_cookie(const struct cookie *c, struct buf *out)
{
	int64_t expires = c->expires == JAR_SESSION ? 0 : c->expires;
	int r = buf_printf(out, "%s%s" SLICE_FMT "\t%s\t" SLICE_FMT "\t%s\t%" PRId64 "\t",
	    c->http_only ? "#HttpOnly_" : "", c->host_only ? "" : ".",
	    SLICE_ARG(c->domain), c->host_only ? "FALSE" : "TRUE", SLICE_ARG(c->path),
	    c->secure ? "TRUE" : "FALSE", expires);

	if (r == 0)
		r = buf_add_slice(out, c->name);
	if (r == 0)
		r = buf_add_byte(out, '\t');
	if (r == 0)
		r = buf_add_slice(out, c->value);
	return r == 0 ? buf_add_byte(out, '\n') : r;
}

static int
write_site(const struct site *s, int64_t now_s, struct buf *out)
{
	int r = 0;

	list_foreach (at, &s->cookies) {
		const struct cookie *c = container_of(at, struct cookie, on_site);

		if (r == 0 && c->expires > now_s)
			r = write_cookie(c, out);
	}
	return r;
}

static int
compare_sites(const void *a, const void *b)
{
	const struct site *const *x = a, *const *y = b;
	size_t n = (*x)->name.len < (*y)->name.len ? (*x)->name.len : (*y)->name.len;
	int d = memcmp((*x)->name.ptr, (*y)->name.ptr, n);

	if (d != 0)
		return d;
	return ((*x)->name.len > (*y)->name.len) - ((*x)->name.len < (*y)->name.len);
}

int
jar_write(const struct jar *j, int64_t now_s, struct buf *out)
{
	const struct site **sites = calloc(j->sites.len + 1, sizeof(*sites));
	size_t n = 0;
	int r;

	if (sites == NULL)
		return -ENOMEM;
	list_foreach (at, &j->recent) {
		sites[n++] = container_of(at, struct site, on_recent);
	}
	qsort(sites, n, sizeof(*sites), compare_sites);
	r = buf_add_cstr(out, "# Netscape HTTP Cookie File\n");
	for (size_t i = 0; i < n && r == 0; i++)
		r = write_site(sites[i], now_s, out);
	free(sites);
	return r;
}

/* ---- for the store: the name of the site, then its cookies ---- */

bool
jar_site_save(struct jar *j, struct slice host, int64_t now_s, struct buf *out)
{
	struct site *s = jar_site(j, host);
	int r;

	if (s == NULL || !s->changed)
		return false;
	buf_clear(out);
	r = buf_add_slice(out, s->name);
	if (r == 0)
		r = buf_add_byte(out, '\n');
	if (r == 0)
		r = write_site(s, now_s, out);
	if (r < 0) {
		buf_clear(out);
		return false; /* the next time */
	}
	s->changed = false;
	s->stored = true;
	list_foreach (at, &s->cookies) {
		struct cookie *c = container_of(at, struct cookie, on_site);

		c->saved_expires = c->expires;
	}
	if (s->n == 0)
		jar_drop_site(j, s);
	return true;
}

bool
jar_site_gone(struct jar *j, struct buf *out)
{
	struct site *s;

	if (list_is_empty(&j->gone))
		return false;
	s = container_of(j->gone.next, struct site, on_recent);
	buf_clear(out);
	if (buf_add_slice(out, s->name) < 0)
		return false;
	jar_forget_gone(j, s);
	return true;
}

int
jar_site_load(struct jar *j, struct slice saved, int64_t now_s)
{
	struct slice name;
	struct site *s;
	int r;

	if (!slice_cut(&saved, '\n', &name))
		return -EBADMSG;
	s = map_get(&j->sites, name);
	if (s != NULL)
		jar_drop_site(j, s);
	r = jar_read(j, saved, now_s, NULL);
	s = map_get(&j->sites, name);
	if (s != NULL) {
		s->changed = false;
		s->stored = true;
	}
	return r == -EINVAL ? -EBADMSG : r == -E2BIG ? 0 : r;
}
