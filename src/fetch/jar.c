#include "fetch/jar.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "fetch/jar_int.h"
#include "web/http.h"

#include "base/banned.h"

enum { EXPIRY_SLACK_S = 60 }; /* one that moves by less is not worth a write */

/* ---- sites ---- */

struct site *
jar_site(const struct jar *j, struct slice host)
{
	/* Most crawls see no cookie at all, and the suffix list is not looked at. */
	return j->sites.len == 0 ? NULL : map_get(&j->sites, url_site(host));
}

void
jar_forget_gone(struct jar *j, struct site *s)
{
	list_remove(&s->on_recent);
	j->gone_len--;
	free(s);
}

/* What was saved of it will be replaced, not removed.  There are few at any time. */
static void
come_back(struct jar *j, struct slice name)
{
	list_foreach_safe(at, tmp, &j->gone)
	{
		struct site *s = container_of(at, struct site, on_recent);

		if (slice_eq(s->name, name))
			jar_forget_gone(j, s);
	}
}

static struct site *
site_make(struct jar *j, struct slice host)
{
	struct slice name = url_site(host);
	struct site *s = malloc(sizeof(*s) + name.len);

	if (s == NULL)
		return NULL;
	*s = (struct site){.name = slice_of(s->text, name.len)};
	memcpy(s->text, name.ptr, name.len);
	list_init(&s->cookies);
	list_init(&s->on_recent);
	if (map_put(&j->sites, s->name, s) < 0) {
		free(s);
		return NULL;
	}
	list_push(&j->recent, &s->on_recent);
	come_back(j, s->name);
	return s;
}

static void
site_use(struct jar *j, struct site *s)
{
	list_remove(&s->on_recent);
	list_push(&j->recent, &s->on_recent);
}

/* ---- cookies ---- */

static size_t
cookie_bytes(const struct cookie *c)
{
	return sizeof(*c) + c->name.len + c->value.len + c->domain.len + c->path.len;
}

static void
cookie_drop(struct jar *j, struct site *s, struct cookie *c)
{
	size_t bytes = cookie_bytes(c);

	list_remove(&c->on_site);
	s->n--;
	s->bytes -= bytes;
	j->n--;
	j->bytes -= bytes;
	s->changed = true;
	free(c);
}

static struct slice
text_add(struct cookie *c, size_t *at, struct slice s)
{
	char *to = c->text + *at;

	if (s.len > 0)
		memcpy(to, s.ptr, s.len);
	*at += s.len;
	return slice_of(to, s.len);
}

static struct cookie *
cookie_copy(const struct cookie *form)
{
	struct cookie *c = malloc(cookie_bytes(form));
	size_t at = 0;

	if (c == NULL)
		return NULL;
	*c = *form;
	list_init(&c->on_site);
	c->name = text_add(c, &at, form->name);
	c->value = text_add(c, &at, form->value);
	c->domain = text_add(c, &at, form->domain);
	c->path = text_add(c, &at, form->path);
	return c;
}

static struct cookie *
cookie_at(struct list *at)
{
	return container_of(at, struct cookie, on_site);
}

static bool
is_same(const struct cookie *a, const struct cookie *b)
{
	return a->host_only == b->host_only && slice_eq(a->name, b->name) &&
	       slice_eq(a->path, b->path) && slice_eq(a->domain, b->domain);
}

static struct cookie *
cookie_find(const struct site *s, const struct cookie *form)
{
	list_foreach (at, &s->cookies) {
		if (is_same(cookie_at(at), form))
			return cookie_at(at);
	}
	return NULL;
}

/* ---- limits ---- */

/* Whether `a` goes before `b`. */
static bool
is_worse(const struct cookie *a, const struct cookie *b, int64_t now_s)
{
	bool a_over = a->expires <= now_s, b_over = b->expires <= now_s;

	if (a_over != b_over)
		return a_over;
	if (a->secure != b->secure)
		return !a->secure;
	return a->used < b->used;
}

/* `domain` empty: of the whole site.  The newest, `keep`, stays. */
static void
evict_one(struct jar *j, struct site *s, struct slice domain, const struct cookie *keep,
    int64_t now_s)
{
	struct cookie *worst = NULL;

	list_foreach (at, &s->cookies) {
		struct cookie *c = cookie_at(at);

		if (c == keep || (domain.len > 0 && !slice_eq(c->domain, domain)))
			continue;
		if (worst == NULL || is_worse(c, worst, now_s))
			worst = c;
	}
	if (worst != NULL)
		cookie_drop(j, s, worst);
}

static size_t
count_domain(const struct site *s, struct slice domain)
{
	size_t n = 0;

	list_foreach (at, &s->cookies) {
		n += slice_eq(cookie_at(at)->domain, domain);
	}
	return n;
}

static void
evict_oldest(struct jar *j)
{
	struct site *s = container_of(j->recent.next, struct site, on_recent);

	if (s->n > 0)
		cookie_drop(j, s, cookie_at(s->cookies.next));
	if (s->n > 0)
		return;
	if (!s->stored || j->gone_len == JAR_GONE_MAX) {
		jar_drop_site(j, s);
		return;
	}
	(void)map_take(&j->sites, s->name);
	list_remove(&s->on_recent);
	list_push(&j->gone, &s->on_recent);
	j->gone_len++;
}

static void
keep_limits(struct jar *j, struct site *s, const struct cookie *newest, int64_t now_s)
{
	if (count_domain(s, newest->domain) > JAR_HOST_COOKIES_MAX)
		evict_one(j, s, newest->domain, newest, now_s);
	while (s->n > JAR_SITE_COOKIES_MAX || s->bytes > JAR_SITE_BYTES_MAX)
		evict_one(j, s, (struct slice){0}, newest, now_s);
	/* The site of `newest` is the last one to be asked for room. */
	while (j->n > JAR_COOKIES_MAX || j->bytes > JAR_BYTES_MAX ||
	       j->sites.len > JAR_COOKIES_MAX)
		evict_oldest(j);
}

/* ---- put ---- */

static bool
says_something_new(const struct cookie *old, const struct cookie *form)
{
	int64_t moved = form->expires - old->saved_expires;

	if (old->secure != form->secure || old->http_only != form->http_only ||
	    !slice_eq(old->value, form->value))
		return true;
	if (old->saved_expires == JAR_SESSION || form->expires == JAR_SESSION)
		return old->saved_expires != form->expires;
	return moved > EXPIRY_SLACK_S || moved < -EXPIRY_SLACK_S;
}

int
jar_put(struct jar *j, const struct cookie *form, int64_t now_s)
{
	struct site *s = jar_site(j, form->domain);
	struct cookie *old = s == NULL ? NULL : cookie_find(s, form), *c;
	bool changed;

	if (form->expires <= now_s) {
		if (old != NULL)
			cookie_drop(j, s, old);
		return 0;
	}
	if (s == NULL)
		s = site_make(j, form->domain);
	c = s == NULL ? NULL : cookie_copy(form);
	if (c == NULL)
		return -ENOMEM; /* a site without cookies does no harm */
	changed = old == NULL || says_something_new(old, form);
	c->used = ++j->uses;
	c->saved_expires = changed ? c->expires : old->saved_expires;
	list_push(old == NULL ? &s->cookies : &old->on_site, &c->on_site);
	s->n++;
	s->bytes += cookie_bytes(c);
	j->n++;
	j->bytes += cookie_bytes(c);
	changed |= s->changed;
	if (old != NULL)
		cookie_drop(j, s, old); /* the new one has its place */
	s->changed = changed;
	site_use(j, s);
	keep_limits(j, s, c, now_s);
	return 0;
}

/* ---- set ---- */

/* RFC 6265, section 5.1.4 */
static bool
path_matches(struct slice path, struct slice under)
{
	if (!slice_starts(path, under))
		return false;
	return path.len == under.len || under.ptr[under.len - 1] == '/' ||
	       path.ptr[under.len] == '/';
}

static struct slice
default_path(struct slice path)
{
	while (path.len > 1 && path.ptr[path.len - 1] != '/')
		path.len--;
	return path.len > 1 ? slice_head(path, path.len - 1) : path;
}

/* What came over TLS is not replaced by what did not (6265bis, 5.7, step 15). */
static bool
would_hide_a_secure_one(const struct jar *j, const struct cookie *form)
{
	struct site *s = jar_site(j, form->domain);

	if (s == NULL)
		return false;
	list_foreach (at, &s->cookies) {
		const struct cookie *c = cookie_at(at);

		if (c->secure && slice_eq(c->name, form->name) &&
		    (http_domain_match(c->domain, form->domain) ||
			http_domain_match(form->domain, c->domain)) &&
		    path_matches(form->path, c->path))
			return true;
	}
	return false;
}

/* A tab may be in a cookie, but neither in a request of ours nor in a cookie file; nor is
 * there a place for what is longer, or for a host with nothing before its first dot. */
static bool
is_too_odd(const struct cookie *c)
{
	return slice_find(c->name, '	') < c->name.len ||
	       slice_find(c->value, '	') < c->value.len ||
	       slice_find(c->path, '	') < c->path.len || c->path.len > JAR_PATH_MAX ||
	       c->domain.len > JAR_DOMAIN_MAX || c->domain.ptr[0] == '.';
}

int
jar_set(struct jar *j, const struct url *from, struct slice set_cookie, int64_t now_s)
{
	struct slice host = url_host(from);
	struct http_cookie h;
	struct cookie form;

	if (!http_cookie_parse(set_cookie, now_s, &h) || !http_cookie_accept(&h, from))
		return 0;
	form = (struct cookie){.name = h.name,
	    .value = h.value,
	    .domain = h.domain.len > 0 ? slice_from(host, host.len - h.domain.len)
				       : host, /* in lower case */
	    .path = h.path.len > 0 ? h.path : default_path(url_path(from)),
	    .expires = h.has_expiry ? h.expires : JAR_SESSION,
	    .host_only = h.domain.len == 0,
	    .secure = h.secure,
	    .http_only = h.http_only};
	if (is_too_odd(&form) ||
	    (!url_is_https(from) && would_hide_a_secure_one(j, &form)))
		return 0;
	return jar_put(j, &form, now_s);
}

/* ---- get ---- */

static bool
goes_to(const struct cookie *c, const struct url *to, int64_t now_s)
{
	struct slice host = url_host(to);

	if (c->expires <= now_s || (c->secure && !url_is_https(to)) ||
	    !path_matches(url_path(to), c->path))
		return false;
	return c->host_only ? slice_eq(host, c->domain)
			    : http_domain_match(host, c->domain);
}

/* Those that go there, longest path first; of equal ones the oldest. */
static size_t
choose(struct site *s, const struct url *to, int64_t now_s,
    struct cookie *ret[JAR_SITE_COOKIES_MAX])
{
	size_t n = 0, i;

	list_foreach (at, &s->cookies) {
		struct cookie *c = cookie_at(at);

		if (!goes_to(c, to, now_s))
			continue;
		for (i = n++; i > 0 && ret[i - 1]->path.len < c->path.len; i--)
			ret[i] = ret[i - 1];
		ret[i] = c;
	}
	return n;
}

static void
put_text(char *ret, size_t *len, struct slice s)
{
	if (s.len > 0)
		memcpy(ret + *len, s.ptr, s.len);
	*len += s.len;
}

size_t
jar_get(struct jar *j, const struct url *to, int64_t now_s, char *ret, size_t cap)
{
	struct site *s = jar_site(j, url_host(to));
	struct cookie *v[JAR_SITE_COOKIES_MAX];
	size_t n = s == NULL ? 0 : choose(s, to, now_s, v), len = 0;

	if (n > 0)
		site_use(j, s);
	for (size_t i = 0; i < n; i++) {
		/* Without a name there is no '=' either. */
		struct slice gap = len > 0 ? SLICE_LIT("; ") : ((struct slice){0});
		struct slice is =
		    v[i]->name.len > 0 ? SLICE_LIT("=") : ((struct slice){0});

		if (gap.len + v[i]->name.len + is.len + v[i]->value.len > cap - len)
			continue;
		v[i]->used = ++j->uses;
		put_text(ret, &len, gap);
		put_text(ret, &len, v[i]->name);
		put_text(ret, &len, is);
		put_text(ret, &len, v[i]->value);
	}
	return len;
}

/* ---- the jar ---- */

int
jar_new(struct jar **ret)
{
	struct jar *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return -ENOMEM;
	map_init(&j->sites, JAR_COOKIES_MAX * 2);
	list_init(&j->recent);
	list_init(&j->gone);
	*ret = j;
	return 0;
}

void
jar_drop_site(struct jar *j, struct site *s)
{
	while (s->n > 0)
		cookie_drop(j, s, cookie_at(s->cookies.next));
	(void)map_take(&j->sites, s->name);
	list_remove(&s->on_recent);
	free(s);
}

void
jar_free(struct jar *j)
{
	if (j == NULL)
		return;
	while (!list_is_empty(&j->recent))
		jar_drop_site(j, container_of(j->recent.next, struct site, on_recent));
	while (!list_is_empty(&j->gone))
		jar_forget_gone(j, container_of(j->gone.next, struct site, on_recent));
	map_release(&j->sites);
	free(j);
}

size_t
jar_count(const struct jar *j)
{
	return j->n;
}

static void
site_check(const struct site *s)
{
	size_t n = 0, bytes = 0;

	list_foreach (at, &s->cookies) {
		const struct cookie *c = cookie_at(at);

		n++;
		bytes += cookie_bytes(c);
		assert(slice_eq(url_site(c->domain), s->name));
		assert(c->path.len > 0 && c->path.ptr[0] == '/');
		assert(count_domain(s, c->domain) <= JAR_HOST_COOKIES_MAX);
	}
	assert(n == s->n && n <= JAR_SITE_COOKIES_MAX);
	assert(bytes == s->bytes && bytes <= JAR_SITE_BYTES_MAX);
}

void
jar_check(const struct jar *j)
{
	size_t n = 0, bytes = 0, sites = 0;

	list_foreach (at, &j->recent) {
		const struct site *s = container_of(at, struct site, on_recent);

		site_check(s);
		assert(map_get(&j->sites, s->name) == s);
		n += s->n;
		bytes += s->bytes;
		sites++;
	}
	assert(n == j->n && n <= JAR_COOKIES_MAX);
	assert(bytes == j->bytes && bytes <= JAR_BYTES_MAX);
	assert(sites == j->sites.len);
}
