/*
 * Input: a byte of options, a line with the Content-Type, then the sitemap.
 * What the result counts was told.
 */
#include "fuzz.h"
#include "web/sitemap.h"

enum { HAS_BASE = 1, SAME_LOCATION = 2, FEW = 4, STOPS = 8 };

struct seen {
	uint32_t entries, extras, stop_at, bytes;
};

static bool
entry(void *ctx, const struct sitemap_entry *e)
{
	struct seen *s = ctx;

	FUZZ_CHECK(e->loc.len > 0 && e->kind <= SITEMAP_KIND_FEED);
	FUZZ_CHECK(!ascii_is_space(e->loc.ptr[0]));
	FUZZ_CHECK(e->priority >= -1 && e->priority <= 1);
	for (size_t i = 0; i < e->loc.len; i++) /* readable to the last byte */
		s->bytes += (unsigned char)e->loc.ptr[i] & 1;
	if (e->kind <= SITEMAP_KIND_SITEMAP)
		s->entries++;
	else
		s->extras++;
	return s->entries + s->extras != s->stop_at;
}

FUZZ_TARGET(sitemap)
{
	static char base_text[] = "http://example.com/maps/sitemap.xml";
	struct slice rest = slice_of(data, size);
	uint8_t mode = fuzz_byte(&rest);
	struct slice type = fuzz_copy(fuzz_line(&rest)), body = fuzz_copy(rest);
	struct sitemap_conf conf = {.entries_max = mode & FEW ? 2 : 0};
	struct seen seen = {.stop_at = mode & STOPS ? 3 : 0};
	struct sitemap_result r;
	char out[64];
	struct url base;
	int64_t when;

	FUZZ_CHECK(url_resolve(NULL, slice_cstr(base_text), (struct slice){0}, 0, out,
		       sizeof(out), &base) == URL_OK);
	if (mode & (HAS_BASE | SAME_LOCATION))
		conf.base = &base;
	conf.same_location = (mode & SAME_LOCATION) != 0;
	FUZZ_CHECK(sitemap_parse(body, type, &conf, entry, &seen, &r) == 0);
	FUZZ_CHECK(r.entries == seen.entries && r.extras == seen.extras);
	FUZZ_CHECK(r.entries <= (mode & FEW ? 2 : SITEMAP_ENTRIES_MAX));
	FUZZ_CHECK(r.extras <= SITEMAP_EXTRAS_MAX);
	FUZZ_CHECK(conf.same_location || r.elsewhere == 0);
	FUZZ_CHECK(sitemap_format_name(r.format) != NULL);
	FUZZ_CHECK(sitemap_status_name(r.status) != NULL);
	FUZZ_CHECK((r.status == SITEMAP_STOPPED) ==
		   (seen.stop_at != 0 && seen.entries + seen.extras == seen.stop_at));
	(void)sitemap_date(type, &when);
	fuzz_copy_free(body);
	fuzz_copy_free(type);
	return 0;
}
