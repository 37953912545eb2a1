#include "base/buf.h"
#include "web/html_open.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* What opened and closed, as "html(head body(p b))". */
struct drawn {
	struct html_open open;
	struct buf text;
	uint32_t depth, deepest, merged, ended;
};

static int
on_opened(void *ctx, uint32_t at, const struct html_tag *tag)
{
	struct drawn *d = ctx;
	const struct html_element *e = &d->open.open[at];
	char name[9] = {0};

	assert_int_equal(at, d->depth + 1);
	assert_true(e->parent < at);
	if (d->text.len > 0)
		assert_int_equal(
		    buf_add_byte(&d->text, d->deepest > d->depth ? ' ' : '('), 0);
	for (int i = 0, shift = 56; shift >= 0; shift -= 8)
		if ((e->key >> shift & 0xFF) != 0)
			name[i++] = (char)(e->key >> shift & 0x7F);
	assert_int_equal(buf_add_cstr(&d->text, name), 0);
	if (tag == NULL)
		assert_int_equal(buf_add_byte(&d->text, '\''), 0);
	if (e->parent != d->depth)
		assert_int_equal(buf_printf(&d->text, "^%u", e->parent), 0);
	d->depth = d->deepest = at;
	return 0;
}

static void
on_closed(void *ctx, uint32_t at)
{
	struct drawn *d = ctx;

	assert_int_equal(at, d->depth);
	if (d->deepest > d->depth)
		assert_int_equal(buf_add_byte(&d->text, ')'), 0);
	d->deepest = d->depth--;
}

static void
on_ended(void *ctx, uint32_t at)
{
	struct drawn *d = ctx;

	assert_true(at < d->depth);
	d->ended++;
}

static int
on_merged(void *ctx, uint32_t at, const struct html_tag *tag)
{
	struct drawn *d = ctx;

	(void)tag;
	assert_true(at == 1 || at == 2);
	d->merged++;
	return 0;
}

static const struct html_open_ops ops = {
    .opened = on_opened, .closed = on_closed, .ended = on_ended, .merged = on_merged};

static int
on_tag(void *ctx, const struct html_tag *tag)
{
	struct drawn *d = ctx;

	int err = html_open_tag(&d->open, tag);

	html_open_check(&d->open);
	return err;
}

static int
on_text(void *ctx, struct slice text, bool has_refs)
{
	struct drawn *d = ctx;

	(void)has_refs;
	return html_open_text(&d->open, slice_trim(text).len == 0);
}

static int
on_doctype(void *ctx, const struct html_doctype *doctype)
{
	struct drawn *d = ctx;

	html_open_doctype(&d->open, doctype);
	return 0;
}

static void
draw_as(struct drawn *d, struct slice page, bool is_xml)
{
	static const struct html_sink sink = {
	    .tag = on_tag, .text = on_text, .doctype = on_doctype};
	static struct html html;

	*d = (struct drawn){0};
	buf_init(&d->text, 1 << 20);
	html_open_init(&d->open, &ops, d, is_xml);
	html_init(&html, &sink, d, HTML_MODELS | (is_xml ? HTML_XML : 0u), 1 << 16);
	assert_int_equal(html_feed(&html, page, true), 0);
	html_release(&html);
	assert_int_equal(html_open_end(&d->open), 0);
	assert_int_equal(d->open.len, 0);
	for (size_t i = 0; i < HTML_OPEN_BUCKETS; i++)
		assert_int_equal(d->open.counts[i], 0);
}

static void
draw(struct drawn *d, struct slice page)
{
	draw_as(d, page, false);
}

static void
assert_whole(const char *page, const char *want)
{
	static struct drawn d;

	draw(&d, slice_cstr(page));
	assert_string_equal(buf_cstr(&d.text), want);
	buf_release(&d.text);
}

/* Within a body that is written. */
static void
assert_body(const char *body, const char *want)
{
	struct buf page, all;

	buf_init(&page, 1 << 20);
	buf_init(&all, 1 << 20);
	assert_int_equal(
	    buf_printf(&page, "<!DOCTYPE html><html><head></head><body>%s", body), 0);
	assert_int_equal(buf_printf(&all, "html(head body(%s))", want), 0);
	assert_whole(buf_cstr(&page), buf_cstr(&all));
	buf_release(&page);
	buf_release(&all);
}

static void
a_page_has_html_head_and_body_whatever_is_written(void **state)
{
	(void)state;
	assert_whole("", "html'(head' body')");
	assert_whole("x", "html'(head' body')");
	assert_whole("<title>x</title>", "html'(head'(title) body')");
	assert_whole("<title>x</title><p>y", "html'(head'(title) body'(p))");
	assert_whole("<html><p>", "html(head' body'(p))");
	assert_whole("<meta>x<meta>", "html'(head'(meta) body'(meta))");
	assert_whole(
	    "<head><link></head><link><body><p>", "html'(head(link link) body(p))");
	assert_whole("<body><head><html><body>", "html'(head' body)");
	assert_whole("<p></body></html><p>", "html'(head' body'(p p))");
	assert_whole("<head><noscript><link><img></noscript><meta>",
	    "html'(head(noscript(link)) body'(img meta))");
	assert_whole("<head><template><p></template><title>a</title>",
	    "html'(head(template(p) title) body')");
	assert_whole("<frameset><frame><frameset><frame></frameset><p></frameset>",
	    "html'(head' frameset(frame frameset(frame)))");
}

static void
later_attributes_of_html_and_body_are_told(void **state)
{
	static struct drawn d;

	(void)state;
	draw(&d, SLICE_LIT("<p><html a><body b><body c>"));
	assert_int_equal(d.merged, 3);
	buf_release(&d.text);
}

static void
elements_end_where_the_next_one_begins(void **state)
{
	(void)state;
	assert_body("<p>a<p>b<div>c</div>d</p>", "p p div p'");
	assert_body("<p><button><p></button><p>", "p(button(p)) p");
	assert_body("<ul><li>a<li><p>b<li><ul><li>c</ul><li>d</ul>",
	    "ul(li li(p) li(ul(li)) li)");
	assert_body("<li><div><li>", "li(div) li");
	assert_body("<li><section><li>", "li(section(li))");
	assert_body("<dl><dt>a<dd>b<dt>c<dd><p>d</dl>", "dl(dt dd dt dd(p))");
	assert_body("<h1>a<h2>b</h3>c", "h1 h2");
	assert_body("<select><option>a<option>b<optgroup><option>c<optgroup></select>x",
	    "select(option option optgroup(option) optgroup)");
	assert_body("<select><input><select><option>", "select input select(option)");
	assert_body("<ruby>a<rt>b<rp>c<rt>d</ruby>", "ruby(rt rp rt)");
	assert_body("<button><b><button>", "button(b) b(button)");
}

static void
void_elements_hold_nothing(void **state)
{
	(void)state;
	assert_body("<br><img><hr><input><wbr></br>", "br img hr input wbr br'");
	assert_body("<div/><br/>", "div(br)");
	assert_body("<image><p>", "img p");
	assert_body("<basefont>x<bgsound>", "basefont bgsound");
}

static void
end_tags_end_what_they_may(void **state)
{
	(void)state;
	assert_body("<div><span><b></div><p>", "div(span(b)) p");
	assert_body("<span><div></span><i></div><p>", "span(div(i) p)");
	assert_body("<div></p></x></ul></td></table><i>", "div(p' i)");
	assert_body("<b><div></b><i></i></div><p>", "b(div(i)) p");
	assert_body("<ul><li><ol></li><li></ol></ul><p>", "ul(li(ol(li))) p");
	assert_body("<form><div><form></form></div><form>", "form(div) form");
	assert_body("<form><div></form><p></div><form>", "form(div(p)) form");
}

static void
formatting_goes_on_in_the_next_block(void **state)
{
	(void)state;
	assert_body("<p><b>x<p>y</b>z<p>u", "p(b) p(b) p");
	assert_body("<p><b><i>x</p>y<p>z", "p(b(i)) b(i(p))");
	assert_body("<p><b>x</p> <p></p><div><br></div>", "p(b) b(p div(br))");
	assert_body("<p><b>x</p><p></p><div><br></div>", "p(b) p div(b(br))");
	assert_body("<a>x<b>y<a>z", "a(b) b(a)");
	assert_body("<a>x<p>y<a>z</p>u", "a(p(a)) a");
	assert_body("<p><i></i><b>x</p></b>y", "p(i b)");
	assert_body(
	    "<div><b></div><table><tr><td>x</table>y", "div(b) table(tbody'(tr(td))) b");
	assert_body("<table><td><b>x<td>y</table>z", "table(tbody'(tr'(td(b) td)))");
	assert_body("<p><b><b><b><b><b>x<p>y", "p(b(b(b(b(b))))) p(b(b(b)))");
	assert_body("<p><b x=1><b x=2><b x=1><b>x</p>y", "p(b(b(b(b)))) b(b(b(b)))");
	assert_body("<p><b>x<p><script>a</script><svg>b</svg>", "p(b) p(script b(svg))");
}

static void
formatting_that_ends_within_a_block_is_told_to(void **state)
{
	static struct drawn d;

	(void)state;
	draw(&d, SLICE_LIT("<b><i><p>x</b>y</i>z</p>"));
	assert_string_equal(buf_cstr(&d.text), "html'(head' body'(b(i(p))))");
	assert_int_equal(d.ended, 2);
	buf_release(&d.text);
}

static void
tables_have_sections_rows_and_cells(void **state)
{
	(void)state;
	assert_body("<table><tr><td>a<td>b<tr><th>c</table><p>",
	    "table(tbody'(tr(td td) tr(th))) p");
	assert_body("<table><td>a</table>", "table(tbody'(tr'(td)))");
	assert_body(
	    "<table><thead><td>a<tbody><tr></table>", "table(thead(tr'(td)) tbody(tr))");
	assert_body("<table><col><col><caption>x<tr>",
	    "table(colgroup'(col col) caption tbody'(tr))");
	assert_body("<table><tr><td><table><td></table><td>",
	    "table(tbody'(tr(td(table(tbody'(tr'(td)))) td)))");
	assert_body("<table><table>", "table table");
	assert_body("<p><table>", "p table");
	assert_body("<tr><td>x<p>", "p");
	assert_body("<table><tr><td><div><td></td></tr></tbody><tr>",
	    "table(tbody'(tr(td(div) td)) tbody'(tr))");
	assert_whole("<p><table>", "html'(head' body'(p(table)))");
	assert_body("<table><tr><form><td><input></form></table><p>",
	    "table(tbody'(tr(form td(input)))) p");
}

static void
what_a_table_may_not_hold_belongs_to_its_parent(void **state)
{
	(void)state;
	assert_body(
	    "<table><div><b></b></div><tr></table>", "table(div^2(b) tbody'(tr))");
	assert_body("<table><script></script><input type=Hidden><input>",
	    "table(script input input^2)");
	assert_body("<table><tr><svg></svg>", "table(tbody'(tr(svg^2)))");
}

static void
templates_hold_pieces_of_tables_as_they_are(void **state)
{
	(void)state;
	assert_body("<template><tr><td>a<td>b</template><p>", "template(tr(td td)) p");
	assert_body("<table><template><td></template><td>",
	    "table(template(td) tbody'(tr'(td)))");
	assert_body(
	    "<template><form></form><form></form></template>", "template(form form)");
}

static void
svg_and_math_are_trees_of_their_own(void **state)
{
	(void)state;
	assert_body(
	    "<svg><path/><g><title>x</title></g></svg><p>", "svg(path g(title)) p");
	assert_body("<svg><g><p>", "svg(g) p");
	assert_body("<svg><desc><p><b></svg><i>", "svg(desc(p(b(i))))");
	assert_body("<p><svg><li/></svg><i>", "p(svg) li(i)");
	assert_whole("<svg>", "html'(head' body'(svg))");
	assert_body("<math><mi><b></b></mi><mo/></math>", "math(mi(b) mo)");
}

static void
in_xml_nothing_is_implied(void **state)
{
	static struct drawn d;

	(void)state;
	draw_as(&d,
	    SLICE_LIT("<html><body><p><p/><table><tr/></table><br></br></p></x>"
		      "<title/><b><i></b>u</body></html>"),
	    true);
	assert_string_equal(
	    buf_cstr(&d.text), "html(body(p(p table(tr) br) title b(i)))");
	buf_release(&d.text);
	draw_as(&d, SLICE_LIT("<svg><style/><a><circle/></a></svg>"), true);
	assert_string_equal(buf_cstr(&d.text), "svg(style a(circle))");
	buf_release(&d.text);
}

static void
levels_beyond_the_limit_are_left_out(void **state)
{
	static struct drawn d;
	struct buf page;

	(void)state;
	buf_init(&page, 1 << 20);
	for (int i = 0; i < 600; i++)
		assert_int_equal(buf_add_cstr(&page, "<div><br><p>"), 0);
	for (int i = 0; i < 600; i++)
		assert_int_equal(buf_add_cstr(&page, "</div>"), 0);
	assert_int_equal(buf_add_cstr(&page, "<hr>"), 0);
	draw(&d, buf_slice(&page));
	assert_true(slice_ends(buf_slice(&d.text), SLICE_LIT(") hr))")));
	buf_release(&d.text);
	buf_release(&page);
}

static void
a_page_that_makes_us_search_is_searched_less(void **state)
{
	static struct drawn d;
	struct buf page;

	(void)state;
	buf_init(&page, 1 << 20);
	assert_int_equal(buf_add_cstr(&page, "<div>"), 0);
	for (int i = 0; i < 300; i++)
		assert_int_equal(buf_add_cstr(&page, "<span>"), 0);
	for (int i = 0; i < HTML_OPEN_STEPS_MAX / 300; i++)
		assert_int_equal(buf_add_cstr(&page, "</h1>"), 0);
	assert_int_equal(buf_add_cstr(&page, "</h1></div><ul><li><i></ul><hr>"), 0);
	draw(&d, buf_slice(&page));
	/* The <div> is too far by now, the <ul> is not. */
	assert_non_null(strstr(buf_cstr(&d.text), "(span(ul(li(i)) hr))"));
	buf_release(&d.text);
	buf_release(&page);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_page_has_html_head_and_body_whatever_is_written),
	    cmocka_unit_test(later_attributes_of_html_and_body_are_told),
	    cmocka_unit_test(elements_end_where_the_next_one_begins),
	    cmocka_unit_test(void_elements_hold_nothing),
	    cmocka_unit_test(end_tags_end_what_they_may),
	    cmocka_unit_test(formatting_goes_on_in_the_next_block),
	    cmocka_unit_test(formatting_that_ends_within_a_block_is_told_to),
	    cmocka_unit_test(tables_have_sections_rows_and_cells),
	    cmocka_unit_test(what_a_table_may_not_hold_belongs_to_its_parent),
	    cmocka_unit_test(templates_hold_pieces_of_tables_as_they_are),
	    cmocka_unit_test(svg_and_math_are_trees_of_their_own),
	    cmocka_unit_test(in_xml_nothing_is_implied),
	    cmocka_unit_test(levels_beyond_the_limit_are_left_out),
	    cmocka_unit_test(a_page_that_makes_us_search_is_searched_less),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
