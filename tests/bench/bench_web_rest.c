/* robots.txt, style sheets, sitemaps, charsets. */
#include "bench_web.h"
#include "web/charset.h"
#include "web/css.h"
#include "web/robots.h"
#include "web/sitemap.h"
#include <errno.h>
#include <stdio.h>

#include "base/banned.h"

enum { TARGETS_MAX = 2000, SITEMAP_URLS = 20000, TEXT_BYTES = 4 << 20 };

/* -- Setup ----------------------------------------------------------------------- */

/* A hundred rules, as shops and forums write them: folders, wildcards, ends. */
static void
robots_setup(struct bench_data *d)
{
	static const char *const folders[] = {"cart", "checkout", "account", "search",
	    "login", "print", "tag", "cgi-bin", "wp-admin", "compare", "wishlist", "api",
	    "tmp", "feed", "share", "filter"};
	static const char *const wild[] = {"/*?sort=", "/*&sessionid=", "/*.pdf$",
	    "/*/print/", "/*?*utm_source=", "/catalog/*/reviews$",
	    "/*.php?*do=", "/lib/*.html$"};
	struct buf text;
	unsigned n = 0;

	buf_init(&text, 1 << 16);
	bench_must(buf_add_cstr(&text, "User-agent: *\nAllow: /$\n"), "setup");
	n++;
	for (size_t i = 0; n < 76; i++, n++)
		bench_must(buf_printf(&text, "%s: /%s/%zu%s\n",
			       i % 9 == 4 ? "Allow" : "Disallow", folders[i % 16], i / 3,
			       i % 2 != 0 ? "/" : ""),
		    "setup");
	for (size_t i = 0; n < 100; i++, n++)
		bench_must(
		    buf_printf(&text, "%s: %s%s\n", i % 7 == 3 ? "Allow" : "Disallow",
			i < 8 ? "" : (i < 16 ? "/shop" : "/forum"), wild[i % 8]),
		    "setup");
	buf_init(&d->robots_blob, ROBOTS_BLOB_MAX);
	bench_must(robots_compile(buf_slice(&text), SLICE_LIT("trawl"), &d->robots_blob),
	    "robots_compile");
	buf_release(&text);
}

/* Half of them real, half as a shop has them. */
static void
targets_setup(struct bench_data *d)
{
	d->targets = arena_alloc(&d->setup, TARGETS_MAX * sizeof(*d->targets));
	bench_must(d->targets == NULL ? -ENOMEM : 0, "setup");
	for (size_t i = 0; i < TARGETS_MAX; i++) {
		char *text = arena_text(&d->setup, 256);
		const struct url *u = &d->bases[i * 7919 % d->html.files_len];
		int n;

		bench_must(text == NULL ? -ENOMEM : 0, "setup");
		if (i % 2 == 0)
			n = snprintf(text, 256, SLICE_FMT, SLICE_ARG(url_target(u)));
		else
			n = snprintf(text, 256,
			    "/%s/%zu/item-%zu.html?page=%zu&sort%s=price",
			    i % 4 == 1 ? "shop" : "checkout", i % 40, i, i % 9,
			    i % 3 == 0 ? "" : "ed");
		if (n > 0)
			d->targets[d->targets_len++] =
			    slice_of(text, n < 256 ? (size_t)n : 255);
	}
}

static void
sitemap_setup(struct bench_data *d)
{
	buf_init(&d->sitemap, 64 << 20);
	bench_must(buf_add_cstr(&d->sitemap,
		       "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset "
		       "xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n"),
	    "setup");
	for (unsigned i = 0; i < SITEMAP_URLS; i++)
		bench_must(
		    buf_printf(&d->sitemap,
			"<url><loc>https://shop.example.org/item/%u?a=1&amp;b=%u</loc>"
			"<lastmod>2026-10-%02uT10:00:00+00:00</lastmod>"
			"<changefreq>weekly</changefreq><priority>0.5</priority></url>\n",
			i, i % 17, i % 28 + 1),
		    "setup");
	bench_must(buf_add_cstr(&d->sitemap, "</urlset>\n"), "setup");
}

static void
text_setup(struct buf *b, struct slice unit)
{
	buf_init(b, TEXT_BYTES + 1024);
	while (b->len < TEXT_BYTES)
		bench_must(buf_add_slice(b, unit), "setup");
}

void
bench_setup_rest(struct bench_data *d, const char *dir)
{
	struct corpus css;

	robots_setup(d);
	targets_setup(d);
	sitemap_setup(d);
	text_setup(&d->latin, SLICE_LIT("<p>Die Gr\xf6\xdf"
					"e der \xdc"
					"bertragung h\xe4ngt vom Netz ab: "
					"<a href=\"/netz.html\">siehe dort</a>.\n"));
	text_setup(&d->sjis,
	    SLICE_LIT("<p>\x82\xb1\x82\xea\x82\xcd\x93\xfa\x96{\x8c\xea\x82\xcc\x83y"
		      "\x81[\x83W\x82\xc5\x82\xb7\x81"
		      "B<a href=\"/a.html\">next</a>\n"));
	buf_init(&d->css, 16 << 20);
	bench_must(corpus_load(&css, dir, ".css", 8 << 20), dir);
	for (size_t i = 0; i < css.files_len; i++)
		bench_must(buf_add_slice(&d->css, css.files[i].body), "setup");
	corpus_release(&css);
}

/* -- Rows ------------------------------------------------------------------------ */

static size_t
robots_work(const struct bench_data *d)
{
	return d->targets_len;
}

static uint64_t
run_robots(struct bench_data *d)
{
	uint64_t allowed = 0;

	for (size_t i = 0; i < d->targets_len; i++)
		allowed += robots_match(buf_slice(&d->robots_blob), d->targets[i], NULL);
	return allowed;
}

static size_t
css_work(const struct bench_data *d)
{
	return d->css.len;
}

static int
css_url(void *ctx, struct slice url)
{
	uint64_t *found = ctx;

	*found += url.len > 0;
	return 0;
}

static uint64_t
run_css(struct bench_data *d)
{
	uint64_t found = 0;

	arena_reset(&d->arena);
	bench_must(css_urls(buf_slice(&d->css), &d->arena, css_url, &found), "css_urls");
	return found;
}

static size_t
sitemap_work(const struct bench_data *d)
{
	return d->sitemap.len;
}

static bool
sitemap_entry(void *ctx, const struct sitemap_entry *e)
{
	uint64_t *found = ctx;

	*found += e->loc.len > 0;
	return true;
}

static uint64_t
run_sitemap(struct bench_data *d)
{
	struct sitemap_result res;
	uint64_t found = 0;

	bench_must(sitemap_parse(buf_slice(&d->sitemap), (struct slice){0}, NULL,
		       sitemap_entry, &found, &res),
	    "sitemap_parse");
	return found;
}

static uint64_t
convert(struct bench_data *d, enum charset c, const struct buf *text)
{
	struct slice out;

	arena_reset(&d->arena);
	bench_must(charset_to_utf8(c, buf_slice(text), &d->arena, &out), "charset");
	return out.len;
}

static size_t
latin_work(const struct bench_data *d)
{
	return d->latin.len;
}

static uint64_t
run_latin(struct bench_data *d)
{
	return convert(d, CHARSET_WINDOWS_1252, &d->latin);
}

static size_t
sjis_work(const struct bench_data *d)
{
	return d->sjis.len;
}

static uint64_t
run_sjis(struct bench_data *d)
{
	return convert(d, CHARSET_SHIFT_JIS, &d->sjis);
}

static const struct bench_row rows[] = {
    {.what = "robots_match: 100 rules (found: allowed)",
	.run = run_robots,
	.work = robots_work,
	.unit = BENCH_NS,
	.bar = BENCH_NS_BELOW,
	.bar_at = 1000},
    {.what = "css_urls: style sheets of those pages", .run = run_css, .work = css_work},
    {.what = "sitemap_parse", .run = run_sitemap, .work = sitemap_work},
    {.what = "windows-1252 to UTF-8 (found: bytes)",
	.run = run_latin,
	.work = latin_work},
    {.what = "Shift_JIS to UTF-8 (found: bytes)", .run = run_sjis, .work = sjis_work},
    {0}};
const struct bench_group bench_rest = {"Others", rows};
