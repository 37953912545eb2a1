#include "ctl/api.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
nothing(struct request *r)
{
	(void)r;
}

static const struct route one[] = {
    {"GET", "/things", 0, nothing, "list"},
    {"POST", "/things", 0, nothing, "make"},
    {"GET", "/things/{id}", 0, nothing, "one"},
    {NULL, NULL, 0, NULL, NULL},
};
static const struct route two[] = {
    {"POST", "/things/{id}:stop", 0, nothing, "stop"},
    {"GET", "/things/{id}/parts/{part}", 0, nothing, "part"},
    {NULL, NULL, 0, NULL, NULL},
};
static const struct route *const groups[] = {one, two, NULL};

static enum route_found
find(const char *method, const char *path, struct route_match *m)
{
	return route_find(groups, method, slice_cstr(path), m);
}

static void
assert_param(const struct route_match *m, unsigned i, const char *text)
{
	assert_true(i < m->params_len);
	assert_true(slice_eq(m->params[i], slice_cstr(text)));
}

static void
a_path_is_found_with_its_names(void **state)
{
	struct route_match m;

	(void)state;
	assert_int_equal(find("GET", "/things", &m), ROUTE_FOUND);
	assert_ptr_equal(m.route, &one[0]);
	assert_int_equal(find("GET", "/things/12", &m), ROUTE_FOUND);
	assert_ptr_equal(m.route, &one[2]);
	assert_param(&m, 0, "12");
	assert_int_equal(find("GET", "/things/a/parts/b%2Fc", &m), ROUTE_FOUND);
	assert_param(&m, 0, "a");
	assert_param(&m, 1, "b%2Fc");
}

static void
a_verb_is_none_of_the_name(void **state)
{
	struct route_match m;

	(void)state;
	assert_int_equal(find("POST", "/things/12:stop", &m), ROUTE_FOUND);
	assert_ptr_equal(m.route, &two[0]);
	assert_param(&m, 0, "12");
	assert_int_equal(find("POST", "/things/12:halt", &m), ROUTE_NO_PATH);
	assert_int_equal(find("POST", "/things/:stop", &m), ROUTE_NO_PATH);
	assert_int_equal(find("POST", "/things/a:b:stop", &m), ROUTE_NO_PATH);
	assert_int_equal(find("GET", "/things/12:stop", &m), ROUTE_NO_METHOD);
}

static void
another_method_is_told_from_no_path(void **state)
{
	struct route_match m;

	(void)state;
	assert_int_equal(find("DELETE", "/things", &m), ROUTE_NO_METHOD);
	assert_string_equal(m.allow, "GET, HEAD, POST");
	assert_int_equal(find("HEAD", "/things", &m), ROUTE_FOUND);
	assert_int_equal(find("GET", "/thing", &m), ROUTE_NO_PATH);
	assert_int_equal(find("GET", "/things/", &m), ROUTE_NO_PATH);
	assert_int_equal(find("GET", "/things/1/", &m), ROUTE_NO_PATH);
	assert_int_equal(find("GET", "//things", &m), ROUTE_NO_PATH);
	assert_int_equal(find("GET", "things", &m), ROUTE_BAD_PATH);
	assert_int_equal(find("GET", "http://x/things", &m), ROUTE_BAD_PATH);
	assert_int_equal(find("GET", "", &m), ROUTE_BAD_PATH);
}

static void
the_table_of_the_api_is_sound(void **state)
{
	(void)state;
	route_check(groups);
	route_check(api_groups);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_path_is_found_with_its_names),
	    cmocka_unit_test(a_verb_is_none_of_the_name),
	    cmocka_unit_test(another_method_is_told_from_no_path),
	    cmocka_unit_test(the_table_of_the_api_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
