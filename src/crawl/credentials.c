#include "crawl/credentials.h"
#include "base/map.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "web/url.h"

enum { PAIR_MAX = 1024, LINE_MAX = 4096, HOST_MAX = 300 };

/* ---- base64, RFC 4648 section 4 ---- */

static void
base64(struct slice s, char *ret)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < s.len; i += 3) {
		uint32_t v = 0;

		for (size_t k = 0; k < 3; k++)
			v = v << 8 | (i + k < s.len ? (unsigned char)s.ptr[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			*ret++ = i + k > s.len ? '=' : digits[v >> (18 - 6 * k) & 63];
	}
	*ret = '\0';
}

/* ---- one line for one authority ---- */

static int
push(struct credentials *c, struct slice authority, struct slice line, struct why *why)
{
	struct fetch_host_line *grown, *at;
	size_t same = 0;

	for (size_t i = 0; i < c->n; i++)
		same += slice_eq(slice_cstr(c->v[i].authority), authority);
	if (same == FETCH_HOST_LINES_MAX)
		return why_set(why, -EINVAL, "more than %d lines for " SLICE_FMT,
		    FETCH_HOST_LINES_MAX, SLICE_ARG(authority));
	if (c->n == CREDENTIALS_MAX)
		return why_set(why, -EINVAL, "more than %d of them", CREDENTIALS_MAX);
	grown = realloc(c->v, (c->n + 1) * sizeof(*grown));
	if (grown == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	c->v = grown;
	at = &grown[c->n];
	at->authority = slice_dup(authority);
	at->line = slice_dup(line);
	if (at->authority == NULL || at->line == NULL) {
		free(at->authority);
		free(at->line);
		return why_set(why, -ENOMEM, "out of memory");
	}
	c->n++;
	return 0;
}

/* Where seeds are, once somebody asks. */
struct places {
	const struct strlist *seeds;
	struct umap at; /* by hash of the authority */
	bool filled;
};

static int
places_fill(struct places *p)
{
	static char yes;
	char text[URL_BYTES_MAX];
	struct url u;

	for (size_t i = 0; i < p->seeds->n; i++) {
		if (url_resolve(NULL, slice_cstr(p->seeds->v[i]), (struct slice){0}, 0,
			text, sizeof(text), &u) == URL_OK &&
		    umap_put(&p->at, siphash(url_authority(&u)), &yes) == -ENOMEM)
			return -ENOMEM;
	}
	p->filled = true;
	return 0;
}

/* 1: yes, 0: no, -ENOMEM. */
static int
has_seed_at(struct places *p, struct slice authority)
{
	int r = p->filled ? 0 : places_fill(p);

	return r < 0 ? r : umap_get(&p->at, siphash(authority)) != NULL;
}

/* "scheme://HOST[:PORT]" in normal form, in `room`. */
static bool
authority_of(const char *scheme, struct slice host_port, char room[URL_BYTES_MAX],
    struct slice *ret)
{
	char text[HOST_MAX + 20];
	struct url u;
	int n;

	if (host_port.len == 0 || host_port.len > HOST_MAX)
		return false;
	for (size_t i = 0; i < host_port.len; i++)
		if (strchr("/@?#\\ ", host_port.ptr[i]) != NULL)
			return false;
	n = snprintf(
	    text, sizeof(text), "%s://" SLICE_FMT "/", scheme, SLICE_ARG(host_port));
	if (url_resolve(NULL, slice_of(text, (size_t)n), (struct slice){0}, 0, room,
		URL_BYTES_MAX, &u) != URL_OK)
		return false;
	*ret = url_authority(&u);
	return true;
}

static int
add(struct credentials *c, struct slice host_port, struct slice line,
    struct places *places, struct why *why)
{
	char room[URL_BYTES_MAX];
	struct slice authority;
	int r;

	if (!authority_of("https", host_port, room, &authority))
		return why_set(why, -EINVAL, "'" SLICE_FMT "' is not HOST or HOST:PORT",
		    SLICE_ARG(slice_head(host_port, HOST_MAX)));
	r = push(c, authority, line, why);
	if (r < 0 || !authority_of("http", host_port, room, &authority))
		return r;
	r = has_seed_at(places, authority);
	if (r < 0)
		return why_set(why, r, "out of memory");
	return r > 0 ? push(c, authority, line, why) : 0;
}

/* ---- the two options ---- */

/* The last '@' and the first ':' count: hosts have no '@', and users no ':'. */
static int
add_auth(struct credentials *c, struct slice text, struct places *places, struct why *why)
{
	char line[LINE_MAX] = "Authorization: Basic ";
	size_t at = text.len, colon = slice_find(text, ':');

	while (at > 0 && text.ptr[at - 1] != '@')
		at--;
	if (at == 0 || colon >= at - 1)
		return why_set(why, -EINVAL,
		    "that is not USER:PASS@HOST or "
		    "USER:PASS@HOST:PORT");
	if (at - 1 > PAIR_MAX)
		return why_set(
		    why, -EINVAL, "user and password have more than %d bytes", PAIR_MAX);
	base64(slice_head(text, at - 1), line + strlen(line));
	return add(c, slice_from(text, at), slice_cstr(line), places, why);
}

static int
add_file(struct credentials *c, struct slice file, struct places *places, struct why *why)
{
	struct slice line;

	for (size_t n = 1; slice_cut(&file, '\n', &line); n++) {
		int r;

		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		if (slice_has_control(line))
			return why_set(
			    why, -EINVAL, "line %zu has a control character", n);
		r = add_auth(c, line, places, why);
		if (r < 0)
			return why_prefix(why, r, "line %zu", n);
	}
	return 0;
}

/* A server would wait for a body that never comes, or take the next request for it; or it would
 * send what we do not read (TE), or what HTTP/2 forbids (RFC 9113, section 8.2.2). */
static bool
is_about_sending(struct slice name)
{
	static const char *const names[] = {"content-length", "transfer-encoding",
	    "expect", "upgrade", "te", "keep-alive", "proxy-connection",
	    "http2-settings"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_ieq(name, slice_cstr(names[i])))
			return true;
	return false;
}

const char *
header_line_fault(struct slice line)
{
	size_t colon = slice_find(line, ':');

	if (colon == 0 || colon == line.len || slice_has_control(line) ||
	    slice_find(line, ' ') < colon)
		return "is not \"Name: value\"";
	/* It could not be left out either (RFC 9112, section 3.2). */
	if (slice_ieq(slice_head(line, colon), SLICE_LIT("host")))
		return "is for the URL to say; --resolve says at which address a host is";
	/* Without a value it is not sent at all. */
	return is_about_sending(slice_head(line, colon)) &&
		       slice_trim(slice_from(line, colon + 1)).len > 0
		   ? "says how a request is sent, which is not for options to say"
		   : NULL;
}

static int
add_header(
    struct credentials *c, struct slice text, struct places *places, struct why *why)
{
	size_t at = slice_find(text, '=');
	struct slice line = slice_from(text, at + 1);

	if (at == text.len || line.len == 0 || line.len >= LINE_MAX)
		return why_set(why, -EINVAL,
		    "that is not \"HOST=Name: value\" or \"HOST:PORT=...\"");
	if (header_line_fault(line) != NULL) /* it may be a secret: it is not told */
		return why_set(
		    why, -EINVAL, "what is behind = %s", header_line_fault(line));
	return add(c, slice_head(text, at), line, places, why);
}

int
credentials_check(enum option_id option, struct slice text, struct why *why)
{
	const struct strlist nobody = {0};
	struct places places = {.seeds = &nobody};
	struct credentials c = {0};
	int r;

	if (text.len == 0)
		return 0;
	umap_init(&places.at, 1);
	r = option == OPTION_ID_fetch_auth ? add_auth(&c, text, &places, why)
					   : add_header(&c, text, &places, why);
	umap_release(&places.at);
	credentials_release(&c);
	return r;
}

int
credentials_init(struct credentials *c, const struct options *o, struct slice file,
    const struct strlist *seeds, struct why *why)
{
	struct places places = {.seeds = seeds};
	int r;

	umap_init(&places.at, seeds->n);
	*c = (struct credentials){0};
	r = add_file(c, file, &places, why);
	if (r < 0)
		(void)why_prefix(why, r, "--auth-file");
	for (size_t i = 0; i < o->fetch_auth.n && r == 0; i++) {
		r = add_auth(c, slice_cstr(o->fetch_auth.v[i]), &places, why);
		if (r < 0)
			(void)why_prefix(why, r, "--auth");
	}
	for (size_t i = 0; i < o->fetch_header_for.n && r == 0; i++) {
		r = add_header(c, slice_cstr(o->fetch_header_for.v[i]), &places, why);
		if (r < 0)
			(void)why_prefix(why, r, "--header-for");
	}
	umap_release(&places.at);
	if (r < 0)
		credentials_release(c);
	return r;
}

void
credentials_release(struct credentials *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].authority);
		free(c->v[i].line);
	}
	free(c->v);
	*c = (struct credentials){0};
}
