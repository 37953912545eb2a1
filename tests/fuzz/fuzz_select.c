/*
 * Input: a byte of flags, a byte of how long chunks are, lines of fields up to an empty
 * one, then HTML.  What compiles is a blob; a page has the same values whole and in
 * pieces, UTF-8 and within their limits, and the links that it has without fields.
 * With AS_BLOB the first line is a blob, of which 'L' is a line feed.
 */
#include "base/buf.h"
#include "fuzz.h"
#include "web/charset.h"
#include "web/page.h"
#include "web/select.h"
#include <errno.h>

enum { AS_BLOB = 1, AS_XML = 2, SCARCE = 4 }; /* of the flags */
enum { SPECS_MAX = 8, ARENA_MAX = 64 << 20 };

struct run {
	struct arena arena;
	struct html html;
	struct select_run *run;
	struct buf bytes; /* the values */
};

static int
on_attr(
    void *ctx, const struct html_tag *tag, const struct html_attr *a, struct slice *ret)
{
	struct run *r = ctx;
	struct slice raw = html_attr_value(tag, a);
	char *out = arena_text(&r->arena, html_decode_max(raw));

	if (out == NULL)
		return -ENOMEM;
	*ret = slice_of(out, html_decode(raw, HTML_DECODE_ATTR, out));
	return 0;
}

static int
on_tag(void *ctx, const struct html_tag *tag)
{
	struct run *r = ctx;
	int err = select_tag(r->run, tag);

	if (err != 0)
		return err;
	select_check(r->run);
	r->html.want_text = select_wants_text(r->run);
	return 0;
}

static int
on_text(void *ctx, struct slice text, bool has_refs)
{
	struct run *r = ctx;

	FUZZ_CHECK(!has_refs);
	return select_text(r->run, text);
}

static int
on_comment(void *ctx, struct slice text)
{
	struct run *r = ctx;

	(void)text;
	select_comment(r->run);
	return 0;
}

static int
on_doctype(void *ctx, const struct html_doctype *d)
{
	struct run *r = ctx;

	select_doctype(r->run, d);
	return 0;
}

static void
values_check(const struct select *s, const struct select_value *v, size_t len)
{
	size_t bytes = 0, of_field = 0;

	for (size_t i = 0; i < len; i++) {
		FUZZ_CHECK(v[i].field < select_fields_len(s));
		FUZZ_CHECK(i == 0 || v[i].field >= v[i - 1].field);
		of_field = i == 0 || v[i].field > v[i - 1].field ? 1 : of_field + 1;
		FUZZ_CHECK(of_field <= (select_field_is_list(s, v[i].field)
					       ? (size_t)SELECT_VALUES_MAX
					       : 1));
		FUZZ_CHECK(utf8_valid_len(v[i].text) == v[i].text.len);
		FUZZ_CHECK(v[i].text.len <= SELECT_VALUE_BYTES_MAX);
		bytes += v[i].text.len;
	}
	FUZZ_CHECK(bytes <= SELECT_PAGE_BYTES_MAX);
}

/* `step` 0: whole.  False: the arena was full. */
static bool
page_run(struct run *r, const struct select *s, struct slice html, bool is_xml,
    size_t step, size_t arena_max)
{
	static const struct html_sink sink = {
	    .tag = on_tag, .text = on_text, .comment = on_comment, .doctype = on_doctype};
	const struct select_value *values;
	size_t at = 0, values_len;
	int err;

	arena_init(&r->arena, 4096, arena_max);
	buf_init(&r->bytes, 4 << 20);
	html_init(
	    &r->html, &sink, r, HTML_MODELS | (is_xml ? HTML_XML : 0u), html.len + 1);
	err = select_start(s, is_xml, &r->arena, on_attr, r, &r->run);
	if (err == 0)
		r->html.want_text = select_wants_text(r->run);
	while (err == 0 && at < html.len) {
		struct slice chunk =
		    slice_head(slice_from(html, at), step == 0 ? html.len : step);
		struct slice copy = fuzz_copy(chunk);

		at += chunk.len;
		err = html_feed(&r->html, copy, at == html.len);
		fuzz_copy_free(copy);
	}
	if (err == 0)
		err = select_end(r->run, &values, &values_len);
	if (err == 0) {
		values_check(s, values, values_len);
		FUZZ_CHECK(select_values_encode(values, values_len, &r->bytes) == 0);
		FUZZ_CHECK(select_values_check(buf_slice(&r->bytes)));
	}
	FUZZ_CHECK(err == 0 || (err == -ENOMEM && arena_max < ARENA_MAX));
	html_release(&r->html);
	arena_release(&r->arena);
	return err == 0;
}

static void
links_check(const struct select *s, struct slice html, bool is_xml)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct page with, without;
	struct arena arena;

	arena_init(&arena, 1 << 16, ARENA_MAX);
	conf.want_anchors = true;
	conf.is_xml = is_xml;
	FUZZ_CHECK(page_parse(html, &conf, &arena, &without) == 0);
	conf.fields = s;
	FUZZ_CHECK(page_parse(html, &conf, &arena, &with) == 0);
	values_check(s, with.fields, with.fields_len);
	FUZZ_CHECK(slice_eq(with.title, without.title));
	FUZZ_CHECK(with.links_len == without.links_len);
	for (size_t i = 0; i < with.links_len; i++)
		FUZZ_CHECK(slice_eq(with.links[i].ref, without.links[i].ref) &&
			   slice_eq(with.links[i].anchor, without.links[i].anchor));
	arena_release(&arena);
}

static void
page_use(const struct select *s, struct slice html, unsigned flags, uint8_t step)
{
	bool is_xml = (flags & AS_XML) != 0;
	static struct run whole, pieces;
	struct arena arena;
	struct slice utf8;

	arena_init(&arena, 4096, ARENA_MAX);
	FUZZ_CHECK(charset_to_utf8(CHARSET_UTF_8, html, &arena, &utf8) == 0);
	(void)page_run(&whole, s, utf8, is_xml, 0, ARENA_MAX);
	(void)page_run(&pieces, s, utf8, is_xml, (size_t)step + 1, ARENA_MAX);
	FUZZ_CHECK(slice_eq(buf_slice(&whole.bytes), buf_slice(&pieces.bytes)));
	buf_release(&pieces.bytes);
	if (flags & SCARCE) {
		(void)page_run(&pieces, s, utf8, is_xml, 0, (size_t)(step + 1) << 10);
		buf_release(&pieces.bytes);
	}
	buf_release(&whole.bytes);
	arena_release(&arena);
	links_check(s, html, is_xml);
}

static struct select *
blob_read(struct slice line)
{
	char *p = fuzz_room(line.len);
	struct select *s = NULL;

	for (size_t i = 0; i < line.len; i++)
		p[i] = (char)(line.ptr[i] == 'L' ? '\n' : line.ptr[i]);
	if (select_new(slice_of(p, line.len), &s) != 0)
		s = NULL;
	fuzz_room_free(p, line.len);
	return s;
}

static struct select *
specs_compile(struct slice *rest)
{
	struct slice specs[SPECS_MAX], line;
	struct select *s = NULL;
	struct why why = {""};
	struct buf blob;
	size_t n = 0;
	int err;

	while ((line = fuzz_line(rest)).len > 0 && n < SPECS_MAX)
		specs[n++] = line;
	buf_init(&blob, SELECT_BLOB_MAX);
	err = select_compile(specs, n, &blob, &why);
	FUZZ_CHECK(err == 0 || (err == -EINVAL && why.text[0] != '\0' && blob.len == 0));
	if (err == 0) {
		FUZZ_CHECK(select_new(buf_slice(&blob), &s) == 0);
		FUZZ_CHECK(select_fields_len(s) == n);
		FUZZ_CHECK(slice_eq(select_blob(s), buf_slice(&blob)));
	}
	buf_release(&blob);
	return s;
}

FUZZ_TARGET(select)
{
	struct slice rest = slice_of(data, size);
	unsigned flags = fuzz_byte(&rest);
	uint8_t step = fuzz_byte(&rest);
	struct select *s =
	    flags & AS_BLOB ? blob_read(fuzz_line(&rest)) : specs_compile(&rest);

	if (s != NULL)
		page_use(s, rest, flags, step);
	select_free(s);
	return 0;
}
