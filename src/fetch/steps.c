#include "fetch/steps.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "web/http.h"

/* ---- lines ---- */

static struct slice
line_name(struct slice line)
{
	return slice_head(line, slice_find(line, ':'));
}

/* Takes out what earlier steps said under that name. */
static void
overrule(struct fetch_lines *lines, struct slice name)
{
	size_t kept = 0, at = lines->step_at;

	for (size_t i = 0; i < lines->n; i++) {
		if (i < at && slice_ieq(line_name(lines->v[i]), name)) {
			lines->step_at--;
			continue;
		}
		lines->v[kept++] = lines->v[i];
	}
	lines->n = kept;
}

static void
add(struct fetch_lines *lines, struct slice line)
{
	overrule(lines, line_name(line));
	assert(lines->n < FETCH_LINES_MAX);
	lines->v[lines->n++] = line;
}

/* "NAME: value", made for this request; left out when there is no room. */
static void
add_made(struct fetch_steps *s, struct fetch_lines *lines, struct slice name,
    struct slice value)
{
	char *at = s->made + s->made_len;

	if (name.len + 2 + value.len > sizeof(s->made) - s->made_len)
		return;
	memcpy(at, name.ptr, name.len);
	memcpy(at + name.len, ": ", 2);
	memcpy(at + name.len + 2, value.ptr, value.len);
	s->made_len += name.len + 2 + value.len;
	add(lines, slice_of(at, name.len + 2 + value.len));
}

/* ---- identity: who asks, and what we can read ---- */

static void
identity_before(
    struct fetch_steps *s, const struct fetch_ask *ask, struct fetch_lines *lines)
{
	(void)ask;
	add(lines, slice_cstr(s->user_agent));
	if (s->from != NULL)
		add(lines, slice_cstr(s->from));
	add(lines, SLICE_LIT("Accept: text/html,application/xhtml+xml,application/"
			     "xml;q=0.9,*/*;q=0.8"));
	/* Decoded by a worker, never by libcurl; archived as it came. */
	add(lines, SLICE_LIT("Accept-Encoding: gzip, deflate, br, zstd"));
}

/* ---- cookies ---- */

static void
cookies_before(
    struct fetch_steps *s, const struct fetch_ask *ask, struct fetch_lines *lines)
{
	char value[JAR_LINE_MAX];
	size_t len = 0;

	if (s->jar != NULL)
		len = jar_get(s->jar, ask->url, ask->now_s, value, sizeof(value));
	if (len > 0)
		add_made(s, lines, SLICE_LIT("Cookie"), slice_of(value, len));
}

/* One that finds no memory is as if it had not been set. */
static void
cookies_after(struct fetch_steps *s, const struct fetch_ask *ask, struct slice head)
{
	struct slice rest = http_headers(head), value;

	if (s->jar == NULL || !s->accept_cookies)
		return;
	while (http_header_find(&rest, SLICE_LIT("set-cookie"), &value))
		(void)jar_set(s->jar, ask->url, value, ask->now_s);
}

/* ---- validators: only if it is not what we have (RFC 9110, section 13) ---- */

static bool
is_clean(struct slice s)
{
	return s.len > 0 && !slice_has_control(s);
}

/* They are what a server said once, so they are looked at again. */
static void
validators_before(
    struct fetch_steps *s, const struct fetch_ask *ask, struct fetch_lines *lines)
{
	int64_t time;

	if (is_clean(ask->etag))
		add_made(s, lines, SLICE_LIT("If-None-Match"), ask->etag);
	if (is_clean(ask->last_modified) && http_date(ask->last_modified, &time))
		add_made(s, lines, SLICE_LIT("If-Modified-Since"), ask->last_modified);
}

/* ---- extra: --header, to everybody ---- */

static void
extra_before(
    struct fetch_steps *s, const struct fetch_ask *ask, struct fetch_lines *lines)
{
	(void)ask;
	for (size_t i = 0; i < s->headers_len; i++)
		add(lines, slice_cstr(s->headers[i]));
}

/* ---- more: of this request, by the rules of the job ---- */

static void
more_before(struct fetch_steps *s, const struct fetch_ask *ask, struct fetch_lines *lines)
{
	(void)s;
	for (size_t i = 0; i < ask->headers_len && i < FETCH_MORE_LINES_MAX; i++)
		add(lines, slice_cstr(ask->headers[i]));
}

/* ---- hosts: --auth and --header-for, to one authority ---- */

static void
hosts_before(
    struct fetch_steps *s, const struct fetch_ask *ask, struct fetch_lines *lines)
{
	struct slice to = url_authority(ask->url);
	size_t n = 0;

	for (size_t i = 0; i < s->host_lines_len && n < FETCH_HOST_LINES_MAX; i++) {
		if (!slice_eq(slice_cstr(s->host_lines[i].authority), to))
			continue;
		add(lines, slice_cstr(s->host_lines[i].line));
		n++;
	}
}

/* ---- the table ---- */

struct step {
	const char *name;
	void (*before)(struct fetch_steps *s, const struct fetch_ask *ask,
	    struct fetch_lines *lines);
	void (*after)(
	    struct fetch_steps *s, const struct fetch_ask *ask, struct slice head);
};
static const struct step steps[] = {
    {"identity", identity_before, NULL},
    {"cookies", cookies_before, cookies_after},
    {"validators", validators_before, NULL},
    {"extra", extra_before, NULL},
    {"more", more_before, NULL},
    {"hosts", hosts_before, NULL},
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

void
fetch_steps_before(
    struct fetch_steps *s, const struct fetch_ask *ask, struct fetch_lines *lines)
{
	lines->n = 0;
	s->made_len = 0;
	for (size_t i = 0; i < STEPS; i++) {
		lines->step_at = lines->n;
		if (steps[i].before != NULL)
			steps[i].before(s, ask, lines);
	}
}

void
fetch_steps_after(struct fetch_steps *s, const struct fetch_ask *ask, struct slice head)
{
	for (size_t i = STEPS; i-- > 0;)
		if (steps[i].after != NULL)
			steps[i].after(s, ask, head);
}

static struct slice
without_end(struct slice line)
{
	while (line.len > 0 && ascii_is_space(line.ptr[line.len - 1]))
		line.len--;
	return line;
}

/* HTTP/2 has names in lower case. */
static bool
is_secret(const struct fetch_steps *s, struct slice line)
{
	struct slice name = line_name(line);

	if (slice_ieq(name, SLICE_LIT("authorization")) ||
	    slice_ieq(name, SLICE_LIT("proxy-authorization")))
		return true;
	for (size_t i = 0; i < s->host_lines_len; i++)
		if (slice_ieq(without_end(line),
			without_end(slice_cstr(s->host_lines[i].line))))
			return true;
	return false;
}

/* Who has the archive could log in, else. */
int
fetch_steps_mask(
    const struct fetch_steps *s, struct slice request, size_t max, struct buf *out)
{
	struct slice line;
	int r;

	buf_clear(out);
	r = buf_reserve(out, request.len < max ? request.len : max);
	while (r == 0 && request.len > 0) {
		size_t end = slice_find(request, '\n') + 1;

		line = slice_head(request, end);
		request = slice_from(request, end);
		if (is_secret(s, line)) {
			r = buf_add_slice(out, line_name(line));
			if (r == 0)
				r = buf_add_cstr(out, ": [not archived]\r\n");
		} else
			r = buf_add_slice(
			    out, slice_head(line, max > out->len ? max - out->len : 0));
		if (out->len >= max)
			break;
	}
	return r;
}

int
fetch_steps_init(struct fetch_steps *s, const struct fetcher_conf *conf)
{
	struct buf b;
	int r;

	if (conf->headers_len > FETCH_HEADERS_MAX)
		return -E2BIG;
	*s = (struct fetch_steps){.headers = conf->headers,
	    .headers_len = conf->headers_len,
	    .host_lines = conf->host_lines,
	    .host_lines_len = conf->host_lines_len,
	    .jar = conf->jar,
	    .accept_cookies = conf->accept_cookies};
	buf_init(&b, 8192);
	r = buf_printf(&b, "User-Agent: %s", conf->user_agent);
	if (r == 0)
		s->user_agent = slice_dup(buf_slice(&b));
	if (r == 0 && conf->from != NULL) {
		buf_clear(&b);
		r = buf_printf(&b, "From: %s", conf->from);
		if (r == 0)
			s->from = slice_dup(buf_slice(&b));
	}
	buf_release(&b);
	if (r == 0 && (s->user_agent == NULL || (conf->from != NULL && s->from == NULL)))
		r = -ENOMEM;
	if (r < 0)
		fetch_steps_release(s);
	return r;
}

void
fetch_steps_release(struct fetch_steps *s)
{
	free(s->user_agent);
	free(s->from);
	s->user_agent = s->from = NULL;
}
