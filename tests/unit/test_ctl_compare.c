#include "ctl/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void
assert_specs(const char *a, const char *b, const char *wanted)
{
	json_t *x = json_loads(a, 0, NULL), *y = json_loads(b, 0, NULL);
	struct buf text;
	struct jsonw j;

	buf_init(&text, 1 << 16);
	jsonw_init(&j, &text);
	compare_specs(x, y, &j, NULL);
	assert_int_equal(j.err, 0);
	assert_string_equal(buf_cstr(&text), wanted);
	buf_release(&text);
	json_decref(x);
	json_decref(y);
}

static void
parameters_are_told_where_they_differ(void **state)
{
	(void)state;
	assert_specs("{\"a\":1}", "{\"a\":1}", "[]");
	assert_specs("{\"a\":1,\"b\":{\"c\":2,\"d\":3}}",
	    "{\"a\":1,\"b\":{\"c\":4,\"e\":5}}",
	    "[{\"pointer\":\"/b/c\",\"a\":2,\"b\":4},{\"pointer\":\"/b/d\",\"a\":3},"
	    "{\"pointer\":\"/b/e\",\"b\":5}]");
	assert_specs(
	    "{\"f\":{\"g\":[1,2]}}", "{}", "[{\"pointer\":\"/f/g\",\"a\":[1,2]}]");
	assert_specs("{\"x\":[1]}", "{\"x\":{\"y\":1}}",
	    "[{\"pointer\":\"/x\",\"a\":[1],\"b\":{\"y\":1}}]");
}

static void
numbers_of_both_are_subtracted(void **state)
{
	json_t *a = json_loads("{\"n\":5,\"r\":1.5,\"s\":\"x\",\"only\":1}", 0, NULL);
	json_t *b = json_loads("{\"n\":3,\"r\":2.0,\"s\":\"y\"}", 0, NULL);
	struct buf text;
	struct jsonw j;

	(void)state;
	buf_init(&text, 1 << 16);
	jsonw_init(&j, &text);
	compare_numbers(a, b, &j, NULL);
	assert_string_equal(buf_cstr(&text),
	    "{\"n\":{\"a\":5,\"b\":3,\"difference\":-2},"
	    "\"r\":{\"a\":1.500,\"b\":2.000,\"difference\":0.500}}");
	/* A run that has none. */
	buf_clear(&text);
	jsonw_init(&j, &text);
	compare_numbers(NULL, b, &j, NULL);
	assert_string_equal(buf_cstr(&text), "{}");
	buf_release(&text);
	json_decref(a);
	json_decref(b);
}

static void
logs_that_are_missing_are_empty(void **state)
{
	struct compare c;
	struct why why;

	(void)state;
	assert_int_equal(compare_logs("/nowhere/a", "/nowhere/b", "/tmp", &c, &why), 0);
	assert_int_equal(c.a + c.b + c.same, 0);
	compare_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parameters_are_told_where_they_differ),
	    cmocka_unit_test(numbers_of_both_are_subtracted),
	    cmocka_unit_test(logs_that_are_missing_are_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
