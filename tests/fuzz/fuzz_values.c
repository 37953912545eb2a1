/*
 * Input: the value of a srcset, of a meta refresh, and a style sheet, all in one.
 * Each step consumes something; what is told lies in the input, or is UTF-8 if that is.
 */
#include "fuzz.h"
#include "web/charset.h"
#include "web/css.h"
#include "web/srcset.h"

enum { STOP = 77 };

struct css_count {
	size_t urls, stop_at;
	bool is_utf8;
};

static int
css_url(void *ctx, struct slice url)
{
	struct css_count *c = ctx;

	if (c->is_utf8)
		FUZZ_CHECK(utf8_valid_len(url) == url.len);
	return ++c->urls == c->stop_at ? STOP : 0;
}

static size_t
css_run(struct slice s, size_t stop_at)
{
	struct css_count c = {.stop_at = stop_at, .is_utf8 = utf8_valid_len(s) == s.len};
	struct arena a;
	int err;

	arena_init(&a, 1024, 64 << 20);
	err = css_urls(s, &a, css_url, &c);
	FUZZ_CHECK(err == (c.urls == stop_at ? STOP : 0));
	arena_release(&a);
	return c.urls;
}

FUZZ_TARGET(values)
{
	struct slice s = fuzz_copy(slice_of(data, size)), rest = s, url;
	struct refresh r;
	size_t urls;

	for (size_t left = s.len; srcset_next(&rest, &url); left = rest.len) {
		FUZZ_CHECK(rest.len < left && fuzz_lies_in(rest, s));
		FUZZ_CHECK(url.len > 0 && fuzz_lies_in(url, s));
	}
	if (refresh_parse(s, &r) && r.has_url)
		FUZZ_CHECK(fuzz_lies_in(r.url, s));
	urls = css_run(s, SIZE_MAX);
	if (urls > 1)
		FUZZ_CHECK(css_run(s, urls / 2) == urls / 2);
	fuzz_copy_free(s);
	return 0;
}
