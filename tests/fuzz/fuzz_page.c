/*
 * Input: a byte of options, a line with the charset of the header, then HTML or CSS.
 * What comes out is UTF-8 and within its limits.
 */
#include "fuzz.h"
#include "web/page.h"
#include <errno.h>

enum {
	IS_CSS = 1,
	ANCHORS = 2,
	SPECULATIVE = 4,
	SMALL = 8,
	SCARCE = 16,
	TEXT = 32,
	IS_XML = 64
};

static void
text_check(struct slice s)
{
	FUZZ_CHECK(utf8_valid_len(s) == s.len);
}

/* What people read of it. */
static void
texts_check(const struct page *p, const struct page_conf *conf)
{
	FUZZ_CHECK(p->refs_len <= conf->refs_max);
	for (size_t i = 0; i < p->refs_len; i++) {
		FUZZ_CHECK(p->refs[i].kind <= PAGE_REF_SITEMAP && p->refs[i].ref.len > 0);
		FUZZ_CHECK(p->refs[i].title.len <= conf->title_bytes_max);
		text_check(p->refs[i].ref);
		text_check(p->refs[i].lang);
		text_check(p->refs[i].title);
	}
	FUZZ_CHECK(p->headings_len <= conf->headings_max);
	for (size_t i = 0; i < p->headings_len; i++) {
		FUZZ_CHECK(p->headings[i].level >= 1 && p->headings[i].level <= 6);
		FUZZ_CHECK(p->headings[i].text.len > 0 &&
			   p->headings[i].text.len <= conf->heading_bytes_max);
		text_check(p->headings[i].text);
		FUZZ_CHECK(memchr(p->headings[i].text.ptr, '\n',
			       p->headings[i].text.len) == NULL);
	}
	FUZZ_CHECK(p->text.len <= conf->text_bytes_max);
	text_check(p->text);
	FUZZ_CHECK(conf->want_text ||
		   (p->text.len == 0 && p->headings_len == 0 && !p->has_simhash));
}

static void
page_check(const struct page *p, const struct page_conf *conf)
{
	FUZZ_CHECK(p->charset != NULL && charset_how_name(p->charset_how) != NULL);
	FUZZ_CHECK(p->links_len <= conf->links_max && p->links_len <= p->links_total);
	FUZZ_CHECK(p->title.len <= conf->title_bytes_max);
	FUZZ_CHECK(p->description.len <= conf->title_bytes_max);
	FUZZ_CHECK(p->has_base || p->base_href.len == 0);
	FUZZ_CHECK(p->robots.bits <= PAGE_ROBOTS_ALL);
	texts_check(p, conf);
	text_check(p->title);
	text_check(p->lang);
	text_check(p->description);
	text_check(p->canonical);
	text_check(p->base_href);
	for (size_t i = 0; i < p->links_len; i++) {
		const struct page_link *l = &p->links[i];

		FUZZ_CHECK(link_kind_name(l->kind) != NULL);
		FUZZ_CHECK(l->anchor.len <= conf->anchor_bytes_max);
		FUZZ_CHECK(conf->want_anchors || l->anchor.len == 0);
		text_check(l->ref);
		text_check(l->anchor);
	}
}

FUZZ_TARGET(page)
{
	struct slice rest = slice_of(data, size);
	uint8_t mode = fuzz_byte(&rest);
	struct slice charset = fuzz_copy(fuzz_line(&rest)), body = fuzz_copy(rest);
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct page page;
	struct arena a;
	int err;

	conf.http_charset = charset;
	conf.agent = SLICE_LIT("Trawl/1.0");
	conf.is_xml = (mode & IS_XML) != 0;
	conf.want_anchors = (mode & ANCHORS) != 0;
	conf.want_speculative = (mode & SPECULATIVE) != 0;
	conf.want_text = (mode & TEXT) != 0;
	if (mode & SMALL) {
		conf.links_max = 3;
		conf.anchor_bytes_max = 5;
		conf.title_bytes_max = 7;
		conf.refs_max = conf.headings_max = 2;
		conf.heading_bytes_max = 6;
		conf.text_bytes_max = 9;
	}
	arena_init(&a, 4096, mode & SCARCE ? 32768 : 256 << 20);
	err = (mode & IS_CSS ? page_css : page_parse)(body, &conf, &a, &page);
	if (err == 0)
		page_check(&page, &conf);
	else
		FUZZ_CHECK(err == -ENOMEM && (mode & SCARCE) != 0);
	(void)page_rel_parse(body);
	arena_release(&a);
	fuzz_copy_free(body);
	fuzz_copy_free(charset);
	return 0;
}
