#include "app/ctl_table.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct ctl_column columns[] = {
    {"N", "a.n", true}, {"NAME", "name", false}, {NULL, NULL, false}};

static void
columns_are_as_wide_as_what_is_in_them(void **state)
{
	json_t *items = json_loads(
	    "[{\"name\":\"x\",\"a\":{\"n\":1234}},{\"name\":\"yy\"}]", 0, NULL);
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	assert_int_equal(ctl_table(items, columns, &out), 0);
	assert_string_equal(buf_cstr(&out), "   N  NAME\n1234  x\n   -  yy\n");
	json_decref(items);
	buf_release(&out);
}

static void
lists_in_cells_are_words_and_the_first_path_that_is_there_counts(void **state)
{
	static const struct ctl_column some[] = {
	    {"OPEN", "open", false}, {"END", "why|end", false}, {NULL, NULL, false}};
	json_t *items =
	    json_loads("[{\"open\":[],\"end\":\"all done\"},{\"open\":[7,\"x\"],"
		       "\"end\":\"failed\",\"why\":\"no name\"},{}]",
		0, NULL);
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	assert_int_equal(ctl_table(items, some, &out), 0);
	assert_string_equal(
	    buf_cstr(&out), "OPEN  END\n-     all done\n7, x  no name\n-     -\n");
	json_decref(items);
	buf_release(&out);
}

static void
backslashes_of_json_are_not_doubled(void **state)
{
	json_t *job = json_loads("{\"exclude\":[\"/g\",\"\\\\?lang=\"]}", 0, NULL);
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	assert_int_equal(ctl_rows(job, &out), 0);
	assert_non_null(strstr(buf_cstr(&out), " [\"/g\",\"\\\\?lang=\"]\n"));
	json_decref(job);
	buf_release(&out);
}

static void
lines_of_a_log_keep_their_tabs_and_escapes(void **state)
{
	json_t *lines = json_loads(
	    "[\"depth\\thttp://a/\\\\x1b\\t-\\t\",\"a\\u001b[31m\\nb\",7,\"\"]", 0, NULL);
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	assert_int_equal(ctl_lines(lines, &out), 0);
	assert_string_equal(buf_cstr(&out), "depth\thttp://a/\\x1b\t-\t\na?[31m?b\n\n\n");
	json_decref(lines);
	buf_release(&out);
}

static void
what_a_terminal_obeys_is_shown_instead(void **state)
{
	json_t *items = json_loads("[{\"name\":\"a\\u001b[31m\\nb\"}]", 0, NULL);
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	assert_int_equal(ctl_table(items, columns, &out), 0);
	assert_null(memchr(out.ptr, '\033', out.len));
	assert_non_null(strstr(buf_cstr(&out), "a\\x1b[31m\\x0ab\n"));
	json_decref(items);
	buf_release(&out);
}

static void
objects_are_rows_with_dotted_names(void **state)
{
	json_t *v = json_loads(
	    "{\"a\":{\"b\":{\"c\":true}},\"d\":[1,2],\"e\\u001b\":null}", 0, NULL);
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	assert_int_equal(ctl_rows(v, &out), 0);
	assert_non_null(strstr(buf_cstr(&out), "a.b.c                    true\n"));
	assert_non_null(strstr(buf_cstr(&out), "d                        [1,2]\n"));
	assert_null(memchr(out.ptr, '\033', out.len));
	json_decref(v);
	buf_release(&out);
}

static void
values_of_objects_are_in_one_column(void **state)
{
	static const char name[] = "a name.that is longer than others are";
	json_t *v =
	    json_loads("{\"x\":1,\"a name\":{\"that is longer than others are\":2},"
		       "\"y\":{\"z\":3}}",
		0, NULL);
	struct buf out, want;

	(void)state;
	buf_init(&out, 1 << 16);
	buf_init(&want, 1 << 16);
	assert_int_equal(ctl_rows(v, &out), 0);
	assert_int_equal(
	    buf_printf(&want, "%-37s 1\n%s 2\n%-37s 3\n", "x", name, "y.z"), 0);
	assert_string_equal(buf_cstr(&out), buf_cstr(&want));
	json_decref(v);
	buf_release(&want);
	buf_release(&out);
}

static void
too_little_room_is_told(void **state)
{
	json_t *items = json_loads("[{\"name\":\"0123456789\"}]", 0, NULL);
	struct buf out;

	(void)state;
	buf_init(&out, 16);
	assert_true(ctl_table(items, columns, &out) < 0);
	json_decref(items);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(columns_are_as_wide_as_what_is_in_them),
	    cmocka_unit_test(
		lists_in_cells_are_words_and_the_first_path_that_is_there_counts),
	    cmocka_unit_test(backslashes_of_json_are_not_doubled),
	    cmocka_unit_test(lines_of_a_log_keep_their_tabs_and_escapes),
	    cmocka_unit_test(what_a_terminal_obeys_is_shown_instead),
	    cmocka_unit_test(objects_are_rows_with_dotted_names),
	    cmocka_unit_test(values_of_objects_are_in_one_column),
	    cmocka_unit_test(too_little_room_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
