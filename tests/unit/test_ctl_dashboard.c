/* What is in the program of the dashboard: every file, whole, and safe to serve. */
#include "ctl/api.h"
#include "ctl/dashboard.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = {"actions.js", "api.js", "app.js", "change.js",
    "chart.js", "dialog.js", "dom.js", "explain.js", "form.js", "icon.svg", "index.html",
    "jobs.js", "live.js", "log.js", "pager.js", "pages.js", "run.js", "runs.js",
    "style.css", "theme.js"};
enum { NAMES_LEN = sizeof(names) / sizeof(names[0]) };

static const struct dashboard_file *
file(const char *name)
{
	const struct dashboard_file *f = dashboard_find(slice_cstr(name));

	assert_non_null(f);
	return f;
}

static void
every_file_is_there_byte_by_byte(void **state)
{
	const char *top = getenv("TRAWL_SRCDIR");

	(void)state;
	for (size_t i = 0; i < NAMES_LEN; i++) {
		const struct dashboard_file *f = file(names[i]);
		char path[4096];
		unsigned char *want = malloc(f->len + 1);
		FILE *in;

		(void)snprintf(path, sizeof(path), "%s/src/ctl/www/%s",
		    top == NULL ? ".." : top, names[i]);
		in = fopen(path, "rb");
		assert_non_null(in);
		assert_non_null(want);
		assert_int_equal(fread(want, 1, f->len + 1, in), f->len);
		assert_memory_equal(want, f->bytes, f->len);
		(void)fclose(in);
		free(want);
	}
}

static void
other_names_find_nothing(void **state)
{
	(void)state;
	assert_null(dashboard_find(SLICE_LIT("")));
	assert_null(dashboard_find(SLICE_LIT("../dom.js")));
	assert_null(dashboard_find(SLICE_LIT("dom.j")));
	assert_null(dashboard_find(slice_of("dom.js\0", 7)));
}

static void
types_follow_the_ending(void **state)
{
	(void)state;
	assert_string_equal(
	    dashboard_type(file("index.html")), "text/html; charset=utf-8");
	assert_string_equal(dashboard_type(file("style.css")), "text/css; charset=utf-8");
	assert_string_equal(
	    dashboard_type(file("app.js")), "text/javascript; charset=utf-8");
	assert_string_equal(dashboard_type(file("icon.svg")), "image/svg+xml");
	for (size_t i = 0; i < NAMES_LEN; i++)
		assert_non_null(dashboard_type(file(names[i])));
}

static void
tags_differ_from_file_to_file_and_stay(void **state)
{
	char tag[DASHBOARD_ETAG_MAX], again[DASHBOARD_ETAG_MAX],
	    other[DASHBOARD_ETAG_MAX];

	(void)state;
	dashboard_etag(file("app.js"), tag);
	dashboard_etag(file("app.js"), again);
	dashboard_etag(file("api.js"), other);
	assert_string_equal(tag, again);
	assert_string_not_equal(tag, other);
	assert_int_equal(tag[0], '"');
	assert_int_equal(tag[strlen(tag) - 1], '"');
}

static void
the_policy_permits_nothing_inline_and_fits_a_header(void **state)
{
	(void)state;
	assert_non_null(strstr(dashboard_policy, "default-src 'none'"));
	assert_null(strstr(dashboard_policy, "unsafe"));
	assert_null(strstr(dashboard_policy, "http"));
	assert_true(strlen(dashboard_policy) < REQUEST_HEADER_VALUE_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_file_is_there_byte_by_byte),
	    cmocka_unit_test(other_names_find_nothing),
	    cmocka_unit_test(types_follow_the_ending),
	    cmocka_unit_test(tags_differ_from_file_to_file_and_stay),
	    cmocka_unit_test(the_policy_permits_nothing_inline_and_fits_a_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
