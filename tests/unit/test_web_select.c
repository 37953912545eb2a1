#include "base/buf.h"
#include "web/page.h"
#include "web/select.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct select *
compiled(const char *const *specs)
{
	struct slice texts[SELECT_FIELDS_MAX];
	struct select *s = NULL;
	struct why why;
	struct buf blob;
	size_t n = 0;

	for (; specs[n] != NULL; n++)
		texts[n] = slice_cstr(specs[n]);
	buf_init(&blob, SELECT_BLOB_MAX);
	if (select_compile(texts, n, &blob, &why) != 0)
		fail_msg("%s", why.text);
	assert_int_equal(select_new(buf_slice(&blob), &s), 0);
	buf_release(&blob);
	return s;
}

/* The values of a page as "a=1|b=2|". */
static void
assert_fields(const char *const *specs, struct slice html, const char *want)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct select *s = compiled(specs);
	struct arena arena;
	struct page page;
	struct buf got;

	conf.fields = s;
	arena_init(&arena, 64 * 1024, 256 * 1024 * 1024);
	buf_init(&got, 4 << 20);
	assert_int_equal(page_parse(html, &conf, &arena, &page), 0);
	assert_non_null(page.fields);
	for (size_t i = 0; i < page.fields_len; i++) {
		struct slice name = select_field_name(s, page.fields[i].field);

		assert_int_equal(buf_add_slice(&got, name), 0);
		assert_int_equal(buf_add_cstr(&got, "="), 0);
		assert_int_equal(buf_add_slice(&got, page.fields[i].text), 0);
		assert_int_equal(buf_add_cstr(&got, "|"), 0);
	}
	assert_string_equal(buf_cstr(&got), want);
	buf_release(&got);
	arena_release(&arena);
	select_free(s);
}
#define SPECS(...)                ((const char *const[]){__VA_ARGS__, NULL})
#define FIELDS(specs, html, want) assert_fields(specs, SLICE_LIT(html), want)
/* One selector whose elements have ids; all that it selects. */
#define SELECTS(selector, html, want)                                                    \
	FIELDS(SPECS("x[]=" selector "::attr(id)"), html, want)

static void
selects_by_type_id_class_and_attribute(void **state)
{
	(void)state;
	SELECTS("p", "<p id=1><P id=2><pre id=3>", "x=1|x=2|");
	SELECTS("*", "<b id=1><i id=2>", "x=1|x=2|");
	SELECTS("#Yes", "<p id=Yes><p id=yes><p id='Yes '>", "x=Yes|");
	SELECTS(".a.B", "<p id=1 class='B  a'><p id=2 class='a b'><p id=3 class='aB'>",
	    "x=1|");
	SELECTS("p.a", "<p id=1 class=a><b id=2 class=a>", "x=1|");
	SELECTS("[lang]", "<p id=1 lang><p id=2 LANG=x><p id=3>", "x=1|x=2|");
	SELECTS("[a=x]", "<p id=1 a=x><p id=2 a='x '><p id=3 a=X>", "x=1|");
	SELECTS(
	    "[a~='x']", "<p id=1 a='w x'><p id=2 a=xy><p id=3 a='\tx\n'>", "x=1|x=3|");
	SELECTS("[a|=en]", "<p id=1 a=en><p id=2 a=en-US><p id=3 a=eng>", "x=1|x=2|");
	SELECTS("[a^=x]", "<p id=1 a=xy><p id=2 a=yx><p id=3 a=x>", "x=1|x=3|");
	SELECTS("[a$=x]", "<p id=1 a=xy><p id=2 a=yx><p id=3 a=x>", "x=2|x=3|");
	SELECTS("[a*=x]", "<p id=1 a=xy><p id=2 a=yxy><p id=3 a=y>", "x=1|x=2|");
	SELECTS("[a^=''],[a$=\"\"],[a*=''],[a~=''],[a~='x y']",
	    "<p id=1 a=x><p id=2 a><p id=3 a='x y'>", "");
	SELECTS("[a='']", "<p id=1 a><p id=2 a=''><p id=3 a=x>", "x=1|x=2|");
}

static void
flags_say_whether_case_counts(void **state)
{
	(void)state;
	SELECTS("[a=Ab i]", "<p id=1 a=aB><p id=2 a=abc>", "x=1|");
	SELECTS("[a*='Ab'I]", "<p id=1 a=xaBx><p id=2 a=ax>", "x=1|");
	SELECTS("[ a ^= 'Ab' i ]", "<p id=1 a=aBx><p id=2 a=xab>", "x=1|");
	SELECTS("[a$=Ab i]", "<p id=1 a=xaB><p id=2 a=abx>", "x=1|");
	SELECTS("[a~=Ab i]", "<p id=1 a='x aB'><p id=2 a=abx>", "x=1|");
	SELECTS("[a|=Ab i]", "<p id=1 a='aB-x'><p id=2 a=abx>", "x=1|");
	SELECTS("[a=Ab s]", "<p id=1 a=aB><p id=2 a=Ab>", "x=2|");
}

static void
names_may_be_escaped(void **state)
{
	(void)state;
	SELECTS("#\\31 a", "<p id=1a>", "x=1a|");
	SELECTS(".a\\:b", "<p id=1 class=a:b>", "x=1|");
	SELECTS("[data-\\41=\"\\\"\\26 \"]", "<p id=1 data-a='\"&'>", "x=1|");
	SELECTS("#\u00e9\u4e2d", "<p id=\u00e9\u4e2d>", "x=\u00e9\u4e2d|");
	SELECTS("#\\0000e9", "<meta charset=utf-8><p id=\u00e9>", "x=\u00e9|");
	SELECTS("--x, -a, _", "<p id=0><x id=1>", "");
	SELECTS("my-very-long-element",
	    "<my-very-long-element id=1><my-xery-long-element id=2>", "x=1|");
	SELECTS("[a-very-long-attribute]",
	    "<p id=1 A-very-long-attribute><p id=2 b-very-long-attribute>", "x=1|");
	SELECTS("p/* a comment */.a", "<p id=1 class=a>", "x=1|");
}

static void
combinators_look_at_ancestors_and_siblings(void **state)
{
	(void)state;
	SELECTS("div p", "<div><b><p id=1></b></div><p id=2>", "x=1|");
	SELECTS("div > p", "<div><p id=1></p><b><p id=2></p></b></div>", "x=1|");
	SELECTS("h1+p", "<h1></h1>text<p id=1><p id=2><b></b><p id=3>", "x=1|");
	SELECTS("h1 ~ p", "<p id=0><h1></h1><b></b><p id=1><div><p id=2></div><p id=3>",
	    "x=1|x=3|");
	SELECTS("a b > i + u",
	    "<a><i></i><b><i></i><u id=1></u></b></a><b><i></i><u id=2>", "x=1|");
	SELECTS("div div p", "<div><p id=1></p><div><p id=2></p></div></div>", "x=2|");
	SELECTS(":is(p, b) > u, div>div>p::attr(id), b   >   p",
	    "<div><div><p id=1></p><b><p id=2></p></b></div></div>", "x=1|x=2|");
	SELECTS("body > p", "<p id=1>", "x=1|");
	SELECTS("html > head > title::attr(id), head+body",
	    "<title id=1>x</title><body id=2>", "x=1|x=2|");
}

static void
a_formatting_element_holds_nothing_after_its_end_tag(void **state)
{
	(void)state;
	SELECTS("b i", "<b><p><i id=1></i></b><i id=2></i></p><i id=3>", "x=1|");
	FIELDS(SPECS("x[]=b", "y=p"), "<b>1<p>2</b>3</p>4", "x=1 2|y=23|");
	SELECTS("form i", "<div><form><u></form><i id=1></i></div><i id=2>", "x=1|");
	SELECTS("p > b.y", "<p><b class=y id=1>x<p>z", "x=1|x=1|");
	FIELDS(SPECS("x[]=p::text", "y[]=b::text"), "<p><b>x<p>z", "y=x|y=z|");
}

static void
children_are_counted(void **state)
{
	(void)state;
#define ITEMS "<ul><li id=1><li id=2><li id=3><li id=4><li id=5></ul>"
	SELECTS("li:first-child", ITEMS, "x=1|");
	SELECTS("li:nth-child(2)", ITEMS, "x=2|");
	SELECTS("li:nth-child(odd)", ITEMS, "x=1|x=3|x=5|");
	SELECTS("li:nth-child( EVEN )", ITEMS, "x=2|x=4|");
	SELECTS("li:nth-child(3n+1)", ITEMS, "x=1|x=4|");
	SELECTS("li:nth-child(n + 4)", ITEMS, "x=4|x=5|");
	SELECTS("li:nth-child(-n+2)", ITEMS, "x=1|x=2|");
	SELECTS("li:nth-child(+2n)", ITEMS, "x=2|x=4|");
	SELECTS("li:nth-child(2n-1)", ITEMS, "x=1|x=3|x=5|");
	SELECTS("li:nth-child(-2)", ITEMS, "");
	SELECTS("li:nth-child(0n+3)", ITEMS, "x=3|");
	SELECTS("li:NOT(:nth-child(-N+4))", ITEMS, "x=5|");
	SELECTS("p:first-child", "<div>text<p id=1><p id=2></div><br><p id=3>", "x=1|");
	SELECTS("p:first-of-type", "<div><b></b><p id=1><p id=2></div><p id=3><p id=4>",
	    "x=1|x=3|");
	SELECTS("p:nth-of-type(2)::attr(id), b:nth-of-type(2)",
	    "<p id=1></p><b id=2></b><p id=3></p><i></i><b id=4></b><p id=5>",
	    "x=3|x=4|");
	SELECTS("p:not(:nth-of-type(1))", "<p id=1><b></b><p id=2>", "x=2|");
	SELECTS("td:nth-child(2)",
	    "<table><tr><td><td id=1><tr><td id=2><td id=3></table>", "x=1|x=3|");
	SELECTS(
	    ":root::attr(id), *:root > body", "<html id=1><body id=2><p>", "x=1|x=2|");
}

static void
compounds_may_be_negated_or_gathered(void **state)
{
	(void)state;
	SELECTS("p:not(.a)", "<p id=1 class=a><p id=2 class=b><p id=3>", "x=2|x=3|");
	SELECTS("p:not(.a, [b])", "<p id=1 class=a><p id=2 b><p id=3>", "x=3|");
	SELECTS("*:not(p):not(html):not(body):not(head)", "<p id=1><b id=2>", "x=2|");
	SELECTS("p:not(p.a.b#c)",
	    "<p id=1 class='a b'><p id=c class='a b'><p id=3 class=a>", "x=1|x=3|");
	SELECTS(":is(h1, h2.x) > b",
	    "<h1><b id=1></b></h1><h2><b id=2></b></h2>"
	    "<h2 class=x><b id=3></b></h2>",
	    "x=1|x=3|");
	SELECTS("p:where( [a] , [b] )", "<p id=1 a><p id=2 b><p id=3>", "x=1|x=2|");
}

static void
lists_give_each_element_once_and_in_order(void **state)
{
	(void)state;
	FIELDS(SPECS("x[]=b::attr(id), p::attr(id), [id]::attr(id)"),
	    "<p id=1><b id=2></b><p id=3>", "x=1|x=2|x=3|");
	FIELDS(SPECS("x[]=p, .a"), "<p class=a>one<b class=a>two</b></p>",
	    "x=onetwo|x=two|");
}

static void
a_field_is_the_first_value_or_all(void **state)
{
	(void)state;
	FIELDS(SPECS("a=p", "b[]=p", "c=i", "d[]=i"), "<p>1<p>2<p>3", "a=1|b=1|b=2|b=3|");
	FIELDS(SPECS("a=p, div"), "<div>1<p>2</p></div>", "a=1 2|");
	FIELDS(SPECS(" my.field-2 = p::attr(a)"), "<p><p a=x><p a=y>", "my.field-2=x|");
}

static void
text_of_elements_has_its_white_space_collapsed(void **state)
{
	(void)state;
	FIELDS(SPECS("x=p"), "<p>\n  a  <b> b</b>c\t&amp;&nbsp;<i>d</i> \n</p>e",
	    "x=a bc &\u00a0d|");
	FIELDS(SPECS("x[]=p"), "<p></p><p> </p><p><img></p>", "x=|x=|x=|");
	FIELDS(
	    SPECS("x=ul", "y[]=li"), "<ul><li>a<li>b<li>c</ul>", "x=a b c|y=a|y=b|y=c|");
	FIELDS(
	    SPECS("x=div"), "<div>a<br>b<p>c</p>d<span>e</span>f</div>", "x=a b c def|");
	FIELDS(SPECS("x=tr"), "<table><tr><td>a</td><td>b</td></tr></table>", "x=a b|");
	FIELDS(SPECS("x=body"), "a<!-- no -->b<script>no</script>c<style>no</style>",
	    "x=abc|");
	FIELDS(SPECS("x[]=b"), "<b>1<b>2<b>3</b></b></b>4", "x=123|x=23|x=3|");
	FIELDS(SPECS("x=title", "y=textarea"),
	    "<title>a&lt;b></title><textarea><b></textarea>", "x=a<b>|y=<b>|");
	FIELDS(SPECS("x=html", "y=head", "z=body"), "", "x=|y=|z=|");
}

static void
text_nodes_are_taken_one_by_one(void **state)
{
	(void)state;
	FIELDS(SPECS("x[]=p::text"), "<p> a <b>no</b> b <!-- --> c <i></i> <u></u></p>d",
	    "x=a|x=b|x=c|");
	FIELDS(SPECS("x=p::text"), "<p><b>no</b>a<i></i>b", "x=a|");
	FIELDS(SPECS("x[]=p ::text"), "<p>a<b>b<i>c</i></b>d</p>e", "x=a|x=b|x=c|x=d|");
	FIELDS(SPECS("x[]=p > ::text"), "<p>a<b>b<i>c</i></b>d</p>e", "x=b|");
	FIELDS(SPECS("x[]=p ::attr(id)"), "<p id=1><b id=2></b></p><p>", "x=1|x=2|");
	FIELDS(SPECS("x[]=p *::text, p::text"), "<p>a<b>b</b>c</p>e", "x=a|x=b|x=c|");
	FIELDS(
	    SPECS("x[]=p::text", "y[]=p"), "<p>a</x>b &amp; c</p>", "x=ab & c|y=ab & c|");
	FIELDS(SPECS("x=::text"), " <title> a </title>", "x=a|");
	FIELDS(SPECS("x[]=body::text"), "a<p>b</p>c<table><tr><td>d</table>e",
	    "x=a|x=c|x=e|");
}

static void
scripts_are_taken_as_they_are_when_selected(void **state)
{
	(void)state;
	FIELDS(SPECS("x=script[type='application/ld+json']::text", "y=script", "z=body",
		   "u=style"),
	    "<body>a<script>1 < 2</script><script type=application/ld+json>\n"
	    "{\"a\":  \"&amp;</b>\"}\n</script>b<style> p  { } </style>",
	    "x={\"a\":  \"&amp;</b>\"}|y=1 < 2|z=ab|u=p  { }|");
}

static void
attributes_are_taken_as_they_are(void **state)
{
	(void)state;
	FIELDS(SPECS("x[]=a::attr(href)"), "<a href=' a&amp;b '><a><a href><a HREF=c>",
	    "x= a&b |x=|x=c|");
	FIELDS(SPECS("x=::attr( data-X )"), "<p data-x='1\n2'>", "x=1\n2|");
	FIELDS(SPECS("x[]=a::attr(href), a::text, a"), "<a href=u>v<b>w</b></a>",
	    "x=u|x=vw|x=v|");
	FIELDS(SPECS("x=meta[property='og:title']::attr(content)"),
	    "<meta property=og:title content='T &eacute;'>", "x=T \u00e9|");
}

static void
values_are_utf_8_whatever_the_page_is(void **state)
{
	(void)state;
	FIELDS(SPECS("x=p", "y=p::attr(a)", "z=.\u0430"),
	    "<meta charset=koi8-r><p a=\xC1 class=\xC1>\xC1\xC2 \xC3",
	    "x=\u0430\u0431 \u0446|y=\u0430|z=\u0430\u0431 \u0446|");
	FIELDS(SPECS("x=p"), "<meta charset=utf-8><p>a\xFFz", "x=a\uFFFDz|");
}

static void
attributes_that_come_late_count_from_then_on(void **state)
{
	(void)state;
	FIELDS(SPECS("x[]=.a p", "y=body::attr(class)", "z=.a > p"),
	    "<p>1</p><body class=a><p>2</p>", "x=2|y=a|z=2|");
}

static void
links_and_title_are_found_as_without_fields(void **state)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct select *s = compiled(SPECS("x[]=a", "y=title", "z=h1"));
	struct arena arena;
	struct page with, without;
	const struct slice html = SLICE_LIT(
	    "<title>T</title><a href=1>one</a><h1>H</h1><a href=2>two <b>b</b></a>"
	    "<style>@import 'c'</style><p style='background:url(d)'>");

	(void)state;
	conf.want_anchors = true;
	arena_init(&arena, 64 * 1024, 1 << 20);
	assert_int_equal(page_parse(html, &conf, &arena, &without), 0);
	assert_null(without.fields);
	conf.fields = s;
	assert_int_equal(page_parse(html, &conf, &arena, &with), 0);
	assert_int_equal(with.fields_len, 4);
	assert_true(slice_eq(with.title, without.title));
	assert_int_equal(with.links_len, without.links_len);
	assert_int_equal(with.links_len, 4);
	for (size_t i = 0; i < with.links_len; i++) {
		assert_true(slice_eq(with.links[i].ref, without.links[i].ref));
		assert_true(slice_eq(with.links[i].anchor, without.links[i].anchor));
	}
	arena_release(&arena);
	select_free(s);
}

static void
assert_refused(const char *spec, const char *want)
{
	struct slice text = slice_cstr(spec);
	struct why why = {.text = "nothing"};
	struct buf blob;

	buf_init(&blob, SELECT_BLOB_MAX);
	if (select_compile(&text, 1, &blob, &why) != -EINVAL)
		fail_msg("'%s' is taken", spec);
	assert_int_equal(blob.len, 0);
	if (strstr(why.text, want) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", want, why.text);
	buf_release(&blob);
}

static void
what_is_not_supported_is_refused_with_its_place(void **state)
{
	static const char *const refused[][2] = {
	    {"", "column 1 of ''"},
	    {"p", "column 1 of 'p': NAME=SELECTOR was expected"},
	    {"a[href=x]", "with a name of letters"},
	    {"1a=p", "with a name of letters"},
	    {"x=", "column 3 of 'x=': a selector was expected, found the end"},
	    {"x=p,", "column 5 of 'x=p,': a selector was expected, found the end"},
	    {"x=> p", "column 3 of 'x=> p': a selector was expected, found '>'"},
	    {"x=p >", "column 6 of 'x=p >': a selector was expected, found the end"},
	    {"x=p > > b", "column 7 of 'x=p > > b': a selector was expected, found '>'"},
	    {"x=p:last-child", "column 4 of 'x=p:last-child': ':last-child' depends on "
			       "what comes later"},
	    {"x=p:nth-last-child(2)", "':nth-last-child' depends on"},
	    {"x=p:empty", "':empty' depends on"},
	    {"x=p:has(b)", "':has' depends on"},
	    {"x=\u00e9\u00e9:hover", "column 5 of"},
	    {"x=p:hover", "the pseudo-class ':hover' is not supported"},
	    {"x=p:nth-child(2n+)", "column 18 of"},
	    {"x=p:nth-child(2n+)", "a number up to 1000000 was expected, found ')'"},
	    {"x=p:nth-child(x)",
		"odd, even or a rule such as 2n+1 was expected, found 'x'"},
	    {"x=p:nth-child(9999999999)", "was expected, found '9999999999'"},
	    {"x=p:nth-child(2 of .a)", "'of' is not supported here"},
	    {"x=p:nth-child", "':nth-child' wants its arguments"},
	    {"x=p:first-child(2)", "':first-child' takes no arguments"},
	    {"x=:first-of-type", "has to be named before 'first-of-type'"},
	    {"x=p:not(a > b)",
		"only simple selectors may stand in these parentheses, found '>'"},
	    {"x=p:not(:not(a))", "column 9 of"},
	    {"x=p:not(:not(a))", "parentheses within parentheses"},
	    {"x=p:not()", "a selector was expected, found ')'"},
	    {"x=p:not(a::text)", "found ':'"},
	    {"x=p::first-line",
		"there are ::text and ::attr(name) only, found 'first-line'"},
	    {"x=p::text b",
		"nothing may follow ::text or ::attr() but a comma, found 'b'"},
	    {"x=p::attr", "'::attr' wants a name in parentheses, found the end"},
	    {"x=p::attr()", "the name of an attribute was expected, found ')'"},
	    {"x=[a!=b]", "CSS has no '!='"},
	    {"x=[a=b", "']' was expected, found the end"},
	    {"x=[a=/b]", "a name or a string in quotes was expected, found '/'"},
	    {"x=[a=1]", "a name or a string in quotes was expected, found '1'"},
	    {"x=[a=b c]", "']' was expected, found 'c'"},
	    {"x=['a']", "the name of an attribute was expected, found '''"},
	    {"x=[a='b]",
		"column 6 of 'x=[a='b]': the string that begins here has no end"},
	    {"x=[a|b]", "namespaces are not supported"},
	    {"x=svg|a", "namespaces are not supported"},
	    {"x=#1a", "a name does not begin with a digit: write [id='...'], found '1a'"},
	    {"x=.", "a name was expected behind '.', found the end"},
	    {"x=p..a", "a name was expected behind '.', found '.'"},
	    {"x=p$", "a combinator, a comma or the end was expected, found '$'"},
	    {"x=p\x01", "found a control character"},
	    {"x=p\xFF", "a field is not UTF-8 from byte 4 on"},
	    {"x=/* x", "found the end"},
	    {"x=p || a", "namespaces are not supported"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_refused(refused[i][0], refused[i][1]);
}

static void
limits_of_fields_are_told(void **state)
{
	struct slice twice[] = {SLICE_LIT("x=p"), SLICE_LIT("x[]=b")}, many[65];
	char names[65][16];
	struct why why;
	struct buf blob, text;

	(void)state;
	buf_init(&blob, SELECT_BLOB_MAX);
	buf_init(&text, 1 << 20);
	assert_int_equal(select_compile(twice, 2, &blob, &why), -EINVAL);
	assert_non_null(strstr(why.text, "'x' is there twice"));
	for (int i = 0; i < 65; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "f%d=p", i);
		many[i] = slice_cstr(names[i]);
	}
	assert_int_equal(select_compile(many, 64, &blob, &why), 0);
	buf_clear(&blob);
	assert_int_equal(select_compile(many, 65, &blob, &why), -EINVAL);
	assert_non_null(strstr(why.text, "more than 64 fields"));
	assert_int_equal(buf_add_cstr(&text, "x=p"), 0);
	for (int i = 0; i < 256; i++)
		assert_int_equal(buf_add_cstr(&text, " p"), 0);
	assert_refused(buf_cstr(&text), "the selectors are too many");
	for (int i = 0; i < 2000; i++)
		assert_int_equal(buf_add_cstr(&text, " p"), 0);
	assert_refused(buf_cstr(&text), "longer than 4096 bytes");
	buf_clear(&text);
	assert_int_equal(buf_add_cstr(&text, "x=p"), 0);
	for (int i = 0; i < 33; i++)
		assert_int_equal(buf_add_cstr(&text, ".a"), 0);
	assert_refused(buf_cstr(&text), "too many");
	buf_release(&blob);
	buf_release(&text);
}

/* Two hundred and fifty steps: sets of several words. */
static void
long_selectors_match_across_words(void **state)
{
	struct buf spec, html;
	const char *specs[2] = {NULL, NULL};

	(void)state;
	buf_init(&spec, 1 << 16);
	buf_init(&html, 1 << 16);
	assert_int_equal(buf_add_cstr(&spec, "x[]=b::attr(id), i"), 0);
	for (int i = 0; i < 250; i++) {
		assert_int_equal(buf_add_cstr(&spec, i % 2 == 0 ? " > u" : " u"), 0);
		assert_int_equal(buf_add_cstr(&html, i == 0 ? "<i><u>" : "<u>"), 0);
	}
	assert_int_equal(buf_add_cstr(&spec, "::attr(id)"), 0);
	assert_int_equal(
	    buf_add_cstr(&html, "<u id=1></u></u><u id=2></u></u><u id=9></u><b id=3>"),
	    0);
	specs[0] = buf_cstr(&spec);
	assert_fields(specs, buf_slice(&html), "x=1|x=2|x=3|");
	buf_release(&spec);
	buf_release(&html);
}

static void
values_are_bounded(void **state)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct select *s = compiled(SPECS("a[]=p::text", "b=body", "c[]=div", "d=div"));
	struct arena arena;
	struct buf html;
	struct page page;
	size_t of[4] = {0}, bytes = 0;

	(void)state;
	conf.fields = s;
	arena_init(&arena, 1 << 20, 256 << 20);
	buf_init(&html, 16 << 20);
	for (int i = 0; i < 1500; i++)
		assert_int_equal(buf_add_cstr(&html, "<p>\u4e2d"), 0);
	assert_int_equal(buf_add_cstr(&html, "</p>"), 0);
	for (int i = 0; i < 300; i++)
		assert_int_equal(buf_add_cstr(&html, "<div>"), 0);
	for (int i = 0; i < 600000; i++)
		assert_int_equal(buf_add_cstr(&html, "\u4e2d"), 0);
	assert_int_equal(page_parse(buf_slice(&html), &conf, &arena, &page), 0);
	for (size_t i = 0; i < page.fields_len; i++) {
		const struct select_value *v = &page.fields[i];

		of[v->field]++;
		bytes += v->text.len;
		assert_true(v->text.len <= SELECT_VALUE_BYTES_MAX);
		assert_int_equal(utf8_valid_len(v->text), v->text.len);
	}
	assert_int_equal(of[0], SELECT_VALUES_MAX);
	assert_int_equal(of[1], 1);
	assert_in_range(of[2], 1, 4);
	assert_true(bytes <= SELECT_PAGE_BYTES_MAX);
	buf_release(&html);
	arena_release(&arena);
	select_free(s);
}

static void
blobs_are_checked(void **state)
{
	const struct slice specs[] = {
	    SLICE_LIT("a=p.x > b:not(.a, [c^=d]):nth-of-type(2n+1)::attr(href)"),
	    SLICE_LIT("b[]=#y ~ p, :is(u, i)::text")};
	struct select *s;
	struct buf blob;
	unsigned good = 0;

	(void)state;
	buf_init(&blob, SELECT_BLOB_MAX);
	assert_int_equal(select_compile(specs, 2, &blob, NULL), 0);
	for (size_t n = 0; n < blob.len; n++)
		assert_int_equal(select_new(slice_of(blob.ptr, n), &s), -EBADMSG);
	for (size_t i = 0; i < blob.len * 8; i++) {
		blob.ptr[i / 8] ^= (char)(1 << i % 8);
		if (select_new(buf_slice(&blob), &s) == 0) {
			good++; /* a letter of a name, say */
			select_free(s);
		}
		blob.ptr[i / 8] ^= (char)(1 << i % 8);
	}
	assert_true(good > 0 && good < blob.len * 4);
	assert_int_equal(select_new(buf_slice(&blob), &s), 0);
	assert_int_equal(select_fields_len(s), 2);
	assert_true(slice_eq(select_field_name(s, 1), SLICE_LIT("b")));
	assert_false(select_field_is_list(s, 0));
	assert_true(select_field_is_list(s, 1));
	select_free(s);
	buf_release(&blob);
}

static void
values_cross_as_bytes(void **state)
{
	const struct select_value values[] = {{0, SLICE_LIT("a")}, {2, SLICE_LIT("")},
	    {2, SLICE_LIT("\u4e2d")}, {63, SLICE_LIT("z")}};
	const struct select_value wrong[][2] = {
	    {{1, SLICE_LIT("a")}, {0, SLICE_LIT("b")}},
	    {{0, SLICE_LIT("a")}, {64, SLICE_LIT("b")}},
	    {{0, SLICE_LIT("a")}, {0, SLICE_LIT("\xFF")}}};
	struct select_value v;
	struct slice rest;
	struct buf b;
	size_t n = 0;

	(void)state;
	buf_init(&b, 1 << 20);
	assert_int_equal(select_values_encode(values, 4, &b), 0);
	assert_true(select_values_check(buf_slice(&b)));
	for (size_t i = 0; i < b.len; i++)
		if (select_values_check(slice_of(b.ptr, i)))
			assert_true(i == 1 || i == 10 || i == 18 || i == 29);
	rest = buf_slice(&b);
	select_values_begin(&rest);
	for (; select_values_next(&rest, &v); n++) {
		assert_int_equal(v.field, values[n].field);
		assert_true(slice_eq(v.text, values[n].text));
	}
	assert_int_equal(n, 4);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		buf_clear(&b);
		assert_int_equal(select_values_encode(wrong[i], 2, &b), 0);
		assert_false(select_values_check(buf_slice(&b)));
	}
	buf_clear(&b);
	for (int i = 0; i <= SELECT_VALUES_MAX; i++)
		assert_int_equal(
		    select_values_encode(values, 1, &b), 0); /* each with its head */
	assert_false(select_values_check(buf_slice(&b)));
	buf_clear(&b);
	assert_int_equal(select_values_encode(NULL, 0, &b), 0);
	assert_true(select_values_check(buf_slice(&b)));
	assert_false(select_values_check((struct slice){0}));
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(selects_by_type_id_class_and_attribute),
	    cmocka_unit_test(flags_say_whether_case_counts),
	    cmocka_unit_test(names_may_be_escaped),
	    cmocka_unit_test(combinators_look_at_ancestors_and_siblings),
	    cmocka_unit_test(a_formatting_element_holds_nothing_after_its_end_tag),
	    cmocka_unit_test(children_are_counted),
	    cmocka_unit_test(compounds_may_be_negated_or_gathered),
	    cmocka_unit_test(lists_give_each_element_once_and_in_order),
	    cmocka_unit_test(a_field_is_the_first_value_or_all),
	    cmocka_unit_test(text_of_elements_has_its_white_space_collapsed),
	    cmocka_unit_test(text_nodes_are_taken_one_by_one),
	    cmocka_unit_test(scripts_are_taken_as_they_are_when_selected),
	    cmocka_unit_test(attributes_are_taken_as_they_are),
	    cmocka_unit_test(values_are_utf_8_whatever_the_page_is),
	    cmocka_unit_test(attributes_that_come_late_count_from_then_on),
	    cmocka_unit_test(links_and_title_are_found_as_without_fields),
	    cmocka_unit_test(what_is_not_supported_is_refused_with_its_place),
	    cmocka_unit_test(limits_of_fields_are_told),
	    cmocka_unit_test(long_selectors_match_across_words),
	    cmocka_unit_test(values_are_bounded),
	    cmocka_unit_test(blobs_are_checked),
	    cmocka_unit_test(values_cross_as_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
