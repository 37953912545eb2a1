/*
 * Input: agent, target, a line each, then a robots.txt.
 * A compiled blob is one; any other bytes, and those of a blob with some changed, do no
 * harm.
 */
#include "fuzz.h"
#include "web/robots.h"

static bool
sitemap(void *ctx, struct slice url)
{
	size_t *n = ctx;

	FUZZ_CHECK(url.len > 0);
	return ++*n < ROBOTS_SITEMAPS_MAX + 1;
}

/* Everything that reads a blob; it lies in a block of its own, `shift` bytes into it. */
static bool
blob_use(struct slice bytes, size_t shift, struct slice target)
{
	char *room = fuzz_room(bytes.len + shift);
	struct slice blob = slice_of(room + shift, bytes.len);
	struct robots_verdict v;
	bool allowed;

	if (bytes.len > 0)
		memcpy(room + shift, bytes.ptr, bytes.len);
	allowed = robots_match(blob, target, &v);
	FUZZ_CHECK(allowed == v.allowed);
	FUZZ_CHECK(fuzz_lies_in(v.pattern, blob));
	FUZZ_CHECK(robots_match(blob, target, NULL) == allowed);
	FUZZ_CHECK(robots_crawl_delay_ms(blob) >= -1);
	(void)robots_blob_check(blob);
	fuzz_room_free(room, bytes.len + shift);
	return allowed;
}

static void
blob_harm(struct buf *blob, struct slice how, struct slice target)
{
	for (size_t i = 0; i + 2 < how.len && i < 48; i += 3) {
		size_t at = ((size_t)(uint8_t)how.ptr[i] << 8 | (uint8_t)how.ptr[i + 1]) %
			    blob->len;

		blob->ptr[at] = (char)(blob->ptr[at] ^ how.ptr[i + 2]);
		(void)blob_use(buf_slice(blob), i & 7, target);
	}
	(void)blob_use(slice_head(buf_slice(blob), blob->len / 2), 0, target);
}

FUZZ_TARGET(robots)
{
	struct slice rest = slice_of(data, size);
	struct slice agent = fuzz_copy(fuzz_line(&rest));
	struct slice target = fuzz_copy(fuzz_line(&rest)), text = fuzz_copy(rest);
	size_t sitemaps = 0;
	struct buf blob;
	bool allowed;

	buf_init(&blob, ROBOTS_BLOB_MAX);
	FUZZ_CHECK(robots_compile(text, agent, &blob) == 0);
	FUZZ_CHECK(robots_blob_check(buf_slice(&blob)));
	allowed = blob_use(buf_slice(&blob), 0, target);
	FUZZ_CHECK(blob_use(buf_slice(&blob), 1, target) == allowed);
	if (blob.len > 0)
		blob_harm(&blob, agent.len > 6 ? agent : text, target);
	(void)blob_use(text, 0, target);
	robots_sitemaps(text, sitemap, &sitemaps);
	FUZZ_CHECK(sitemaps <= ROBOTS_SITEMAPS_MAX);
	buf_release(&blob);
	fuzz_copy_free(text);
	fuzz_copy_free(target);
	fuzz_copy_free(agent);
	return 0;
}
