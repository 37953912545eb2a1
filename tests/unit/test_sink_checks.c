#include "sink/checks.h"
#include "test_sink_kit.h"
#include <errno.h>
#include <stdio.h>

static void
notes_make(struct buf *b, bool has_ids)
{
	const uint64_t ids[] = {1, UINT64_MAX};
	const struct checks_link links[] = {
	    {LINK_A, SLICE_LIT("http://a.test/"), SLICE_LIT("x"), SLICE_LIT("a\ttab")},
	    {LINK_IMG, SLICE_LIT("http://a.test/i.png"), {0}, {0}}};
	struct checks_end end = {.links_cut = 7, .has_ids = has_ids, .ids = ids};

	end.ids_len = has_ids ? 2 : 0;
	buf_init(b, 4096);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(checks_add(b, &links[i]), 0);
	assert_int_equal(checks_end(b, &end), 0);
}

static void
notes_read_back_and_every_cut_of_them_is_refused(void **state)
{
	struct checks_link l;
	struct checks_tail t;
	struct slice rest;
	struct buf b;

	(void)state;
	notes_make(&b, true);
	assert_true(checks_sound(buf_slice(&b)));
	assert_true(checks_sound((struct slice){0}));
	for (size_t n = 1; n < b.len; n++)
		assert_false(checks_sound(slice_head(buf_slice(&b), n)));
	rest = buf_slice(&b);
	assert_true(checks_next(&rest, &l));
	assert_int_equal(l.kind, LINK_A);
	assert_slice(l.url, "http://a.test/");
	assert_slice(l.fragment, "x");
	assert_true(checks_next(&rest, &l));
	assert_slice(l.url, "http://a.test/i.png");
	assert_false(checks_next(&rest, &l));
	checks_tail(rest, &t);
	assert_int_equal(t.links_cut, 7);
	assert_true(t.has_ids && t.ids_len == 2);
	assert_true(checks_id(&t, 0) == 1 && checks_id(&t, 1) == UINT64_MAX);
	b.ptr[1] = (char)LINK_KIND_MAX; /* no such kind */
	assert_false(checks_sound(buf_slice(&b)));
	buf_release(&b);
}

static void
long_texts_are_cut_where_they_are_noted(void **state)
{
	char text[2000];
	struct checks_link l = {LINK_A, SLICE_LIT("http://a.test/"),
	    slice_of(text, sizeof(text)), slice_of(text, sizeof(text))};
	struct slice rest;
	struct buf b;

	(void)state;
	memset(text, 'x', sizeof(text));
	buf_init(&b, 4096);
	assert_int_equal(checks_add(&b, &l), 0);
	assert_int_equal(checks_end(&b, &(struct checks_end){0}), 0);
	assert_true(checks_sound(buf_slice(&b)));
	rest = buf_slice(&b);
	assert_true(checks_next(&rest, &l));
	assert_int_equal(l.fragment.len, CHECKS_FRAGMENT_MAX);
	assert_int_equal(l.text.len, CHECKS_TEXT_MAX);
	buf_release(&b);
}

static void
a_line_says_what_was_asked_refused_and_linked(void **state)
{
	struct sink_event e = {.kind = SINK_FETCH,
	    .outcome = OUTCOME_OK,
	    .link = LINK_A,
	    .final = true,
	    .status = 200,
	    .check = CHECKS_OUTSIDE,
	    .began_wall_us = 5000000,
	    .url = SLICE_LIT("http://p.test/"),
	    .mime = SLICE_LIT("text/html")};
	char dir[KIT_PATH_MAX];
	struct sink_conf conf;
	struct slice text;
	struct sink *s;
	struct buf b;

	(void)state;
	kit_scratch(dir);
	conf = kit_conf(dir);
	notes_make(&b, true);
	e.checks = buf_slice(&b);
	assert_int_equal(sink_open("checks", &conf, (struct slice){0}, &s, NULL), 0);
	assert_int_equal(sink_put(s, &e, NULL), 0);
	e.final = false; /* a try */
	assert_int_equal(sink_put(s, &e, NULL), 0);
	e = (struct sink_event){.kind = SINK_REJECT,
	    .outcome = OUTCOME_BAD_URL,
	    .link = LINK_A,
	    .url = SLICE_LIT("http://[\t"),
	    .via = SLICE_LIT("http://p.test/")};
	assert_int_equal(sink_put(s, &e, NULL), 0);
	assert_int_equal(sink_close(s, true, NULL), 0);
	text = kit_file(dir, CHECKS_FILE);
	assert_slice(text, "T\thttp://p.test/\to\tok\t200\t5\ttext/html\t-\t-\t-\t-\n"
			   "L\thttp://p.test/\ta\thttp://a.test/\tx\ta\\x09tab\n"
			   "L\thttp://p.test/\timg\thttp://a.test/i.png\t-\t-\n"
			   "I\thttp://p.test/\t0000000000000001\tffffffffffffffff\n"
			   "X\thttp://p.test/\t7\t0\n"
			   "R\thttp://[\\x09\tbad-url\ta\thttp://p.test/\t-\n");
	kit_free(text);
	buf_release(&b);
	kit_remove(dir);
}

/* Each of its lines has the page's URL, so notes of an allowed size may come to any length. */
static void
links_that_a_page_has_no_room_for_are_counted_as_left_out(void **state)
{
	enum { LINKS = 20000, URL_BYTES = 8000 };
	const struct checks_link l = {LINK_A, SLICE_LIT("http://a.test/"), {0}, {0}};
	struct sink_event e = {
	    .kind = SINK_FETCH, .outcome = OUTCOME_OK, .link = LINK_A, .final = true};
	char dir[KIT_PATH_MAX], url[URL_BYTES];
	size_t lines = 0, left_out = 0;
	struct slice text, rest, line;
	struct sink_conf conf;
	struct sink *s;
	struct buf b;

	(void)state;
	kit_scratch(dir);
	conf = kit_conf(dir);
	buf_init(&b, CHECKS_BYTES_MAX);
	for (int i = 0; i < LINKS; i++)
		assert_int_equal(checks_add(&b, &l), 0);
	assert_int_equal(checks_end(&b, &(struct checks_end){.links_cut = 5}), 0);
	assert_true(checks_sound(buf_slice(&b)));
	memset(url, 'u', sizeof(url));
	e.url = slice_of(url, sizeof(url));
	e.checks = buf_slice(&b);
	assert_int_equal(sink_open("checks", &conf, (struct slice){0}, &s, NULL), 0);
	assert_int_equal(sink_put(s, &e, NULL), 0);
	assert_int_equal(sink_close(s, true, NULL), 0);
	text = kit_file(dir, CHECKS_FILE);
	for (rest = text; slice_cut(&rest, '\n', &line);) {
		lines += slice_starts(line, SLICE_LIT("L\t"));
		if (slice_starts(line, SLICE_LIT("X\t")))
			left_out = (size_t)atoll(line.ptr + 3 + URL_BYTES);
	}
	assert_in_range(lines, LINKS / 2, LINKS - 1);
	assert_int_equal(left_out, LINKS - lines + 5);
	kit_free(text);
	buf_release(&b);
	kit_remove(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(notes_read_back_and_every_cut_of_them_is_refused),
	    cmocka_unit_test(long_texts_are_cut_where_they_are_noted),
	    cmocka_unit_test(a_line_says_what_was_asked_refused_and_linked),
	    cmocka_unit_test(links_that_a_page_has_no_room_for_are_counted_as_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
