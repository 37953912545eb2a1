#include "web/html.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* What a tag is, as text that can be compared. */
struct record {
	struct buf out;
	uint32_t tags;
	bool only_wanted;
	struct html
	    *html; /* when only_wanted; text is, too, up to the tag behind an <a> */
};

static const uint8_t wants[HTML_N_MAX] = {HTML_WANTS_ALWAYS,
    [HTML_N_A] = HTML_WANT_START | HTML_WANT_END, [HTML_N_P] = HTML_WANT_END};

static bool
has_value(const struct html_tag *tag, enum html_name_id id)
{
	const struct html_attr *a = html_attr_get(tag, id);

	return a != NULL && a->value_len > 0;
}

static bool
is_wanted(const struct html_tag *tag)
{
	return (wants[tag->id] & (tag->is_end ? HTML_WANT_END : HTML_WANT_START)) != 0 ||
	       has_value(tag, HTML_N_STYLE) || has_value(tag, HTML_N_BACKGROUND) ||
	       tag->ns != HTML_NS_HTML;
}

static int
on_tag(void *ctx, const struct html_tag *tag)
{
	struct record *r = ctx;

	if (r->only_wanted && !is_wanted(tag))
		return 0;
	if (r->only_wanted)
		r->html->want_text = tag->id == HTML_N_A && !tag->is_end;
	r->tags++;
	assert_int_equal(buf_printf(&r->out, "%s%d.%.*s[%d %d]", tag->is_end ? "/" : "",
			     tag->id, (int)tag->name_len, tag->raw + tag->name_at,
			     tag->name_odd, tag->is_self_closing),
	    0);
	for (uint32_t i = 0; i < tag->attrs_len; i++) {
		const struct html_attr *a = &tag->attrs[i];
		struct slice name = html_attr_name(tag, a),
			     value = html_attr_value(tag, a);

		assert_int_equal(
		    buf_printf(&r->out, " %d.%.*s(%d)=%.*s(%d)#%llx", a->id,
			(int)name.len, name.ptr, a->name_odd, (int)value.len, value.ptr,
			a->value_odd, (unsigned long long)a->name_key),
		    0);
	}
	assert_int_equal(buf_add_byte(&r->out, '\n'), 0);
	return 0;
}

static int
on_text(void *ctx, struct slice text, bool has_refs)
{
	struct record *r = ctx;

	(void)has_refs;
	assert_int_equal(buf_add_slice(&r->out, text), 0);
	return 0;
}

static const struct html_sink sink = {.tag = on_tag, .text = on_text};
static const struct html_sink wanting_sink = {
    .wants = wants, .tag = on_tag, .text = on_text};

static void
tokens_of(struct slice html, size_t chunk_max, const struct html_sink *to,
    bool only_wanted, struct record *ret)
{
	static struct html t;

	*ret = (struct record){.only_wanted = only_wanted, .html = &t};
	buf_init(&ret->out, 1 << 20);
	html_init(&t, to, ret, HTML_MODELS | HTML_TEXT_RAW, 1 << 20);
	t.want_text = !only_wanted;
	while (html.len > chunk_max) {
		assert_int_equal(html_feed(&t, slice_head(html, chunk_max), false), 0);
		html = slice_from(html, chunk_max);
	}
	assert_int_equal(html_feed(&t, html, true), 0);
	html_release(&t);
}

/* Seeded, so that a failure comes again. */
static size_t
draw(uint32_t *seed, size_t below)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 12) % below;
}

static void
tag_write(struct buf *out, uint32_t *seed)
{
	static const char *const pieces[] = {" ", " ", "=", "\"", "'", "/", ">", "\n",
	    "&amp;", "\r", "href", "HREF", "a", "class=\"n\"",
	    "class='reference internal'", "id=x", "=\"\"", "\t", "data-something-long",
	    "a-name-of-eight", "exactly8", "exactly-9", "a-name-of-16-byt",
	    "a-name-of-17-byte", "checked", "x=y/", " class=\"a\"", " class=\"a\"",
	    " alt=\"<p>\"", " a/\"b><a>c\"", " style=\"\"", " style", "style=\"a:b\"",
	    "STYLE=x", " background=\"y\"", " class=\"a > b\"",
	    " id=\"q\" title=\"it's\"", "<", "value of more than a block, then some",
	    "\f", "\x01", "\xC3\xA9"};
	static const char *const names[] = {"a", "A", "span", "blockquote", "BlockQuote",
	    "svg", "div", "DIV", "em", "style", "t", "a-b", "x-element-of-length-23",
	    "h1", "p", "xxckquote!", "b\x01", "i="};
	size_t n = draw(seed, 3) == 0 ? 0 : draw(seed, 12);

	buf_add_cstr(out, draw(seed, 4) == 0 ? "</" : "<");
	buf_add_cstr(out, names[draw(seed, sizeof(names) / sizeof(names[0]))]);
	if (draw(seed, 8) == 0)
		buf_add_byte(out, '\0');
	while (n-- > 0)
		buf_add_cstr(out, pieces[draw(seed, sizeof(pieces) / sizeof(pieces[0]))]);
	buf_add_cstr(out, draw(seed, 3) == 0   ? ">"
			  : draw(seed, 2) == 0 ? ">te&amp;xt"
					       : ">te < xt\r");
}

static void
html_write(struct buf *html, uint32_t *seed)
{
	for (size_t n = 1 + draw(seed, 6); n > 0; n--)
		tag_write(html, seed);
	/* Room behind it, without which the states would do all. */
	for (int i = 0; i < 150; i++)
		assert_int_equal(buf_add_byte(html, '.'), 0);
}

static void
a_tag_is_the_same_taken_whole_and_byte_by_byte(void **state)
{
	uint32_t seed = 1, tags = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct record whole, bytes;
		struct buf html;

		buf_init(&html, 1 << 20);
		html_write(&html, &seed);
		tokens_of(buf_slice(&html), SIZE_MAX, &sink, false, &whole);
		tokens_of(buf_slice(&html), 1, &sink, false, &bytes);
		assert_true(slice_eq(buf_slice(&whole.out), buf_slice(&bytes.out)));
		tags += whole.tags;
		buf_release(&whole.out);
		buf_release(&bytes.out);
		buf_release(&html);
	}
	assert_true(tags > 20000);
}

static void
leaving_out_what_is_not_wanted_leaves_out_nothing_else(void **state)
{
	uint32_t seed = 2, tags = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct record less, all;
		struct buf html;

		buf_init(&html, 1 << 20);
		html_write(&html, &seed);
		tokens_of(buf_slice(&html), SIZE_MAX, &wanting_sink, true, &less);
		tokens_of(buf_slice(&html), 1, &sink, true, &all);
		assert_true(slice_eq(buf_slice(&less.out), buf_slice(&all.out)));
		tags += less.tags;
		buf_release(&less.out);
		buf_release(&all.out);
		buf_release(&html);
	}
	assert_true(tags > 5000);
}

static void
more_attributes_than_are_kept_are_dropped_and_the_tag_goes_on(void **state)
{
	struct record whole, bytes;
	struct buf html;

	(void)state;
	buf_init(&html, 1 << 20);
	buf_add_cstr(&html, "<a");
	for (int i = 0; i < HTML_ATTRS_MAX + 3; i++)
		assert_int_equal(buf_printf(&html, " a%d=\"%d\"", i, i), 0);
	buf_add_cstr(&html, ">text and more of it, for a block to fit</a>");
	tokens_of(buf_slice(&html), SIZE_MAX, &sink, false, &whole);
	tokens_of(buf_slice(&html), 7, &sink, false, &bytes);
	assert_true(slice_eq(buf_slice(&whole.out), buf_slice(&bytes.out)));
	assert_int_equal(whole.tags, 2);
	buf_release(&whole.out);
	buf_release(&bytes.out);
	buf_release(&html);
}

static int
on_id(void *ctx, const struct html_tag *tag)
{
	*(int *)ctx = tag->id;
	return 0;
}

static int
id_in(const char *html)
{
	static const struct html_sink ids = {.tag = on_id};
	static struct html t;
	int id = -1;

	html_init(&t, &ids, &id, 0, 100);
	assert_int_equal(html_feed(&t, slice_cstr(html), true), 0);
	html_release(&t);
	return id;
}

static void
a_long_name_is_known_by_all_of_it(void **state)
{
	(void)state;
	assert_int_equal(id_in("<blockquote>"), HTML_N_BLOCKQUOTE);
	assert_int_equal(
	    id_in("<BlockQuote>                                 "), HTML_N_BLOCKQUOTE);
	/* the same length and the same last seven bytes */
	assert_int_equal(id_in("<xxxckquote>"), HTML_N_OTHER);
	assert_int_equal(
	    id_in("<xxxckquote>                                 "), HTML_N_OTHER);
	assert_int_equal(id_in("<a>"), HTML_N_A);
	assert_int_equal(id_in("<aa>"), HTML_N_OTHER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_tag_is_the_same_taken_whole_and_byte_by_byte),
	    cmocka_unit_test(leaving_out_what_is_not_wanted_leaves_out_nothing_else),
	    cmocka_unit_test(
		more_attributes_than_are_kept_are_dropped_and_the_tag_goes_on),
	    cmocka_unit_test(a_long_name_is_known_by_all_of_it),
	};

	return cmocka_run_group_tests_name("web/html", tests, NULL, NULL);
}
