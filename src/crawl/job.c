#include "crawl/job.h"
#include "crawl/scope.h"
#include "web/url.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int
job_init(struct job *j)
{
	*j = (struct job){0};
	umap_init(&j->seeds_at, JOB_SEEDS_MAX);
	umap_init(&j->sitemaps_at, 2 * JOB_SITEMAPS_MAX);
	return options_init(&j->options);
}

void
job_release(struct job *j)
{
	free(j->name);
	strlist_release(&j->seeds);
	strlist_release(&j->sitemaps);
	umap_release(&j->sitemaps_at);
	strlist_release(&j->files);
	umap_release(&j->seeds_at);
	options_release(&j->options);
	*j = (struct job){0};
}

/* What somebody may have meant by a host that has no scheme before it; NULL: it is none. */
static const char *
scheme_meant(struct slice s)
{
	size_t colon = slice_find(s, ':');
	struct slice host = slice_head(s, colon), port = slice_from(s, colon + 1);
	uint64_t n = 443;
	bool is_local;

	if (colon < s.len &&
	    (!slice_to_u64(slice_head(port, slice_find(port, '/')), &n) || n > 65535))
		return NULL;
	host = slice_head(host, slice_find(host, '/'));
	is_local = slice_ieq(host, SLICE_LIT("localhost"));
	if (slice_find(s, ' ') < s.len || slice_find(host, '.') == 0 ||
	    (slice_find(host, '.') == host.len && !is_local))
		return NULL;
	return n != 443 || (is_local && colon == s.len) ? "http" : "https";
}

/* "http://name:word@host/": what a URL's normal form leaves out, and nobody would miss. */
static bool
has_userinfo(struct slice url)
{
	size_t at = slice_find(url, ':') + 1, from;

	while (at < url.len && (url.ptr[at] == '/' || url.ptr[at] == '\\'))
		at++;
	from = at;
	while (at < url.len && memchr("/\\?#", url.ptr[at], 4) == NULL) {
		if (url.ptr[at] == '@')
			return at > from;
		at++;
	}
	return false;
}

bool
job_seed_at(const struct job *j, struct slice url, size_t *ret)
{
	size_t at = (size_t)(uintptr_t)umap_get(&j->seeds_at, siphash(url));

	if (at == 0 || !slice_eq(slice_cstr(j->seeds.v[at - 1]), url))
		return false;
	*ret = at - 1;
	return true;
}

/* There is room in the list. */
static int
put_seed(struct job *j, char *url)
{
	int r = umap_put(
	    &j->seeds_at, siphash(slice_cstr(url)), (void *)(uintptr_t)(j->seeds.n + 1));

	/* -EEXIST: a collision.  Its like is not found, which no one will notice. */
	if (r < 0 && r != -EEXIST)
		return r;
	j->seeds.v[j->seeds.n++] = url;
	j->seeds_bytes += strlen(url);
	return 0;
}

/* The list has always room for the next power of two. */
static int
push_seed(struct job *j, char *url)
{
	size_t n = j->seeds.n;
	char **grown;

	if ((n & (n - 1)) == 0) {
		grown = realloc(j->seeds.v, (n == 0 ? 1 : 2 * n) * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		j->seeds.v = grown;
	}
	return put_seed(j, url);
}

static int
has_room_for_seed(const struct job *j, size_t bytes, struct why *why)
{
	if (j->seeds.n >= JOB_SEEDS_MAX)
		return why_set(
		    why, -E2BIG, "too many seeds: more than %d", JOB_SEEDS_MAX);
	if (bytes > JOB_SEEDS_BYTES_MAX - j->seeds_bytes)
		return why_set(why, -E2BIG,
		    "too many seeds: their URLs take more than %d MiB",
		    JOB_SEEDS_BYTES_MAX >> 20);
	return 0;
}

/* *ret: its number. */
static int
add_seed(struct job *j, struct slice text, size_t *ret, struct why *why)
{
	char out[URL_BYTES_MAX], *copy;
	struct url url;
	size_t at;
	int r;
	enum url_status s = url_resolve(
	    NULL, slice_trim(text), (struct slice){0}, 0, out, sizeof(out), &url);

	if ((s == URL_RELATIVE_WITHOUT_BASE || s == URL_UNSUPPORTED) &&
	    scheme_meant(text) != NULL)
		return why_set(why, -EINVAL,
		    "'" SLICE_FMT "' is not a URL; did you mean %s://" SLICE_FMT "?",
		    SLICE_ARG(text), scheme_meant(text), SLICE_ARG(text));
	if (s == URL_RELATIVE_WITHOUT_BASE || s == URL_UNSUPPORTED)
		return why_set(why, -EINVAL,
		    "'" SLICE_FMT "' is not a URL that begins with http:// or https://",
		    SLICE_ARG(text));
	if (s != URL_OK)
		return why_set(why, -EINVAL, "'" SLICE_FMT "': %s", SLICE_ARG(text),
		    url_status_text(s));
	if (has_userinfo(slice_trim(text)))
		return why_set(why, -EINVAL,
		    "'" SLICE_FMT "': a name or password within the URL would not be "
		    "sent; --auth USER:PASS@HOST sends it",
		    SLICE_ARG(url_text(&url)));
	if (job_seed_at(j, url_text(&url), &at)) {
		*ret = at;
		return 0;
	}
	r = has_room_for_seed(j, url.len, why);
	if (r < 0)
		return r;
	copy = slice_dup(url_text(&url));
	r = copy == NULL ? -ENOMEM : push_seed(j, copy);
	if (r < 0) {
		free(copy);
		return why_set(why, r, "out of memory");
	}
	*ret = j->seeds.n - 1;
	return 0;
}

int
job_add_seed(struct job *j, struct slice text, struct why *why)
{
	size_t ignored;

	return add_seed(j, text, &ignored, why);
}

static int
mark_sitemap(struct job *j, struct slice seed)
{
	int r = umap_put(&j->sitemaps_at, siphash(seed), j);

	return r == -EEXIST ? 0 : r;
}

bool
job_is_sitemap(const struct job *j, struct slice seed)
{
	return j->sitemaps.n > 0 && umap_get(&j->sitemaps_at, siphash(seed)) != NULL;
}

int
job_add_sitemap(struct job *j, struct slice text, struct why *why)
{
	size_t at;
	int r;

	if (j->sitemaps.n >= JOB_SITEMAPS_MAX)
		return why_set(why, -E2BIG, "more than %d sitemaps", JOB_SITEMAPS_MAX);
	r = add_seed(j, text, &at, why);
	if (r < 0)
		return r;
	if (job_is_sitemap(j, slice_cstr(j->seeds.v[at])))
		return 0;
	r = strlist_add(&j->sitemaps, slice_cstr(j->seeds.v[at]));
	if (r == 0)
		r = mark_sitemap(j, slice_cstr(j->seeds.v[at]));
	return r < 0 ? why_set(why, r, "out of memory") : 0;
}

/* What tidying makes of the i-th, in its place. */
static int
tidy_seed(struct job *j, size_t i, unsigned how)
{
	char out[URL_BYTES_MAX], *tidy;
	struct url url;

	if (url_resolve(NULL, slice_cstr(j->seeds.v[i]), (struct slice){0}, 0, out,
		sizeof(out), &url) != URL_OK)
		return 0;
	url_tidy(&url, out, how);
	tidy = slice_dup(url_text(&url));
	if (tidy == NULL)
		return -ENOMEM;
	if (job_is_sitemap(j, slice_cstr(j->seeds.v[i])) &&
	    mark_sitemap(j, slice_cstr(tidy)) < 0) {
		free(tidy);
		return -ENOMEM;
	}
	free(j->seeds.v[i]);
	j->seeds.v[i] = tidy;
	return 0;
}

int
job_tidy_seeds(struct job *j)
{
	unsigned how = scope_tidy_of(&j->options);
	size_t n = j->seeds.n, at;
	int r = 0;

	if (how == 0)
		return 0;
	for (size_t i = 0; i < n && r == 0; i++)
		r = tidy_seed(j, i, how);
	if (r < 0)
		return r;
	umap_release(&j->seeds_at);
	j->seeds.n = j->seeds_bytes = 0;
	for (size_t i = 0; i < n; i++) {
		char *seed = j->seeds.v[i];

		if (r == 0 && !job_seed_at(j, slice_cstr(seed), &at) &&
		    (r = put_seed(j, seed)) == 0)
			continue;
		free(seed);
	}
	return r;
}

int
job_set_name(struct job *j, struct slice name, struct why *why)
{
	bool ok = name.len > 0 && name.len <= 100 && name.ptr[0] != '.';
	char *copy;

	for (size_t i = 0; i < name.len && ok; i++)
		ok = ascii_is_alpha(name.ptr[i]) || ascii_is_digit(name.ptr[i]) ||
		     strchr("._-", name.ptr[i]) != NULL;
	if (!ok)
		return why_set(why, -EINVAL,
		    "'" SLICE_FMT "' is no name: up to 100 of A-Z a-z 0-9 . _ - are",
		    SLICE_ARG(name));
	copy = slice_dup(name);
	if (copy == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	free(j->name);
	j->name = copy;
	return 0;
}

bool
job_mistake_tell(
    job_mistake_fn *fn, void *ctx, struct job_mistake m, const char *fmt, va_list ap)
{
	char text[1024];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	m.text = text;
	return fn(ctx, &m);
}
