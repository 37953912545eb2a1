/* References of real pages, resolved against the URL of their page. */
#include "bench_web.h"
#include "web/page.h"
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/* -- Setup ----------------------------------------------------------------------- */

/* The URL of a page: that of the file, or what <base> makes of it. */
static void
base_setup(struct bench_data *d, size_t i)
{
	static const char site[] = "https://docs.example.org/";
	size_t cap = URL_BYTES_MAX,
	       len = sizeof(site) - 1 + strlen(d->html.files[i].path);
	char *out = arena_text(&d->setup, cap), *text = arena_text(&d->setup, len + 1);

	bench_must(out == NULL || text == NULL ? -ENOMEM : 0, "setup");
	(void)snprintf(text, len + 1, "%s%s", site, d->html.files[i].path);
	if (url_resolve(NULL, slice_of(text, len), (struct slice){0}, 0, out, cap - 1,
		&d->bases[i]) != URL_OK)
		bench_must(-EINVAL, d->html.files[i].path);
	out[d->bases[i].len] = '\0';
	d->base_cstrs[i] = out;
}

/* Those that are URLs of the web; all else is no work for either side. */
static void
refs_setup(struct bench_data *d, size_t i, struct bench_ref **refs, size_t *cap)
{
	static const struct page_conf conf = {.links_max = 100000, .title_bytes_max = 64};
	struct page page;
	char out[URL_BYTES_MAX];
	struct url url;

	arena_reset(&d->arena);
	bench_must(page_parse(d->html.files[i].body, &conf, &d->arena, &page), "setup");
	for (size_t k = 0; k < page.links_len; k++) {
		struct slice ref = page.links[k].ref;
		char *text;

		if (memchr(ref.ptr, 0, ref.len) != NULL ||
		    url_resolve(&d->bases[i], ref, (struct slice){0}, 0, out, sizeof(out),
			&url) != URL_OK)
			continue;
		text = arena_text(&d->setup, ref.len + 1);
		if (d->refs_len == *cap) {
			*cap = *cap == 0 ? 4096 : *cap * 2;
			*refs = realloc(*refs, *cap * sizeof(**refs));
		}
		bench_must(text == NULL || *refs == NULL ? -ENOMEM : 0, "setup");
		memcpy(text, ref.ptr, ref.len);
		text[ref.len] = '\0';
		(*refs)[d->refs_len++] =
		    (struct bench_ref){(uint32_t)i, slice_of(text, ref.len)};
	}
}

void
bench_setup_urls(struct bench_data *d)
{
	struct bench_ref *refs = NULL;
	size_t n = d->html.files_len, cap = 0;

	d->bases = arena_alloc(&d->setup, n * sizeof(*d->bases));
	d->base_cstrs = arena_alloc(&d->setup, n * sizeof(*d->base_cstrs));
	bench_must(d->bases == NULL || d->base_cstrs == NULL ? -ENOMEM : 0, "setup");
	for (size_t i = 0; i < n; i++) {
		base_setup(d, i);
		refs_setup(d, i, &refs, &cap);
	}
	d->refs = refs;
}

static size_t
work(const struct bench_data *d)
{
	return d->refs_len;
}

/* -- Rows ------------------------------------------------------------------------ */

static uint64_t
resolve(struct bench_data *d, unsigned flags)
{
	char out[URL_BYTES_MAX];
	uint64_t bytes = 0;
	struct url url;

	for (size_t i = 0; i < d->refs_len; i++)
		if (url_resolve(&d->bases[d->refs[i].page], d->refs[i].ref,
			(struct slice){0}, flags, out, sizeof(out), &url) == URL_OK)
			bytes += url.len;
	return bytes;
}

static uint64_t
run_normal(struct bench_data *d)
{
	return resolve(d, 0);
}

static uint64_t
run_standard(struct bench_data *d)
{
	return resolve(d, URL_KEEP_FRAGMENT | URL_KEEP_CREDENTIALS);
}

static uint64_t
run_hash(struct bench_data *d)
{
	char out[URL_BYTES_MAX];
	uint64_t sum = 0;
	struct url url;

	for (size_t i = 0; i < d->refs_len; i++)
		if (url_resolve(&d->bases[d->refs[i].page], d->refs[i].ref,
			(struct slice){0}, 0, out, sizeof(out), &url) == URL_OK)
			sum += url_hash(url_text(&url), 1) != 0;
	return sum;
}

/* The URL that `h` holds now. */
static uint64_t
curl_take(CURLU *h)
{
	char *text = NULL;
	uint64_t bytes = 0;

	if (curl_url_get(h, CURLUPART_URL, &text, 0) == CURLUE_OK)
		bytes = strlen(text);
	curl_free(text);
	return bytes;
}

/* One handle: the base is set anew for each reference, as resolving replaces it. */
static uint64_t
run_curl_set(struct bench_data *d)
{
	CURLU *h = curl_url();
	uint64_t bytes = 0;

	bench_must(h == NULL ? -ENOMEM : 0, "curl_url");
	for (size_t i = 0; i < d->refs_len; i++)
		if (curl_url_set(h, CURLUPART_URL, d->base_cstrs[d->refs[i].page], 0) ==
			CURLUE_OK &&
		    curl_url_set(h, CURLUPART_URL, d->refs[i].ref.ptr, 0) == CURLUE_OK)
			bytes += curl_take(h);
	curl_url_cleanup(h);
	return bytes;
}

/* The base is parsed once a page, and copied for each reference. */
static uint64_t
run_curl_dup(struct bench_data *d)
{
	CURLU *base = NULL;
	uint64_t bytes = 0;
	uint32_t page = UINT32_MAX;

	for (size_t i = 0; i < d->refs_len; i++) {
		CURLU *h;

		if (d->refs[i].page != page) {
			page = d->refs[i].page;
			curl_url_cleanup(base);
			base = curl_url();
			(void)curl_url_set(base, CURLUPART_URL, d->base_cstrs[page], 0);
		}
		h = curl_url_dup(base);
		if (curl_url_set(h, CURLUPART_URL, d->refs[i].ref.ptr, 0) == CURLUE_OK)
			bytes += curl_take(h);
		curl_url_cleanup(h);
	}
	curl_url_cleanup(base);
	return bytes;
}

static const struct bench_row rows[] = {
    {.what = "url_resolve: normal form (found: bytes)",
	.work = work,
	.unit = BENCH_NS,
	.run = run_normal,
	.is_ours = true,
	.bar = BENCH_NS_BELOW,
	.bar_at = 250},
    {.what = "  and hashed (found: URLs)",
	.work = work,
	.unit = BENCH_NS,
	.run = run_hash},
    {.what = "  as the standard's href",
	.work = work,
	.unit = BENCH_NS,
	.run = run_standard},
    {.what = "curl_url: base set again for each",
	.work = work,
	.unit = BENCH_NS,
	.run = run_curl_set,
	.bar = BENCH_AT_LEAST,
	.bar_at = 15},
    {.what = "curl_url: base parsed once a page, copied",
	.work = work,
	.unit = BENCH_NS,
	.run = run_curl_dup,
	.bar = BENCH_AT_LEAST,
	.bar_at = 15},
    {0}};
const struct bench_group bench_url = {"References of those pages, each", rows};
