#include "ctl/api.h"
#include "ctl/openapi.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
it_is_json_with_every_path_once(void **state)
{
	struct buf text;
	json_t *doc, *paths;
	json_error_t e;

	(void)state;
	buf_init(&text, API_JSON_MAX);
	assert_int_equal(openapi_write(api_groups, "1.2.3", &text), 0);
	doc = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &e);
	assert_non_null(doc);
	assert_string_equal(json_string_value(json_object_get(doc, "openapi")), "3.1.0");
	paths = json_object_get(doc, "paths");
	for (const struct route *const *g = api_groups; *g != NULL; g++) {
		for (const struct route *r = *g; r->method != NULL; r++) {
			json_t *path = json_object_get(paths, r->path);

			assert_true(json_is_object(path));
		}
	}
	json_decref(doc);
	buf_release(&text);
}

static void
what_each_address_of_the_api_answers_is_described(void **state)
{
	(void)state;
	for (const struct route *const *g = api_groups; *g != NULL; g++)
		for (const struct route *r = *g; r->method != NULL; r++)
			if (slice_starts(slice_cstr(r->path), SLICE_LIT("/api/v1/")) &&
			    !openapi_knows(r))
				fail_msg("answers[] of openapi.c lacks %s %s", r->method,
				    r->path);
}

static void
too_little_room_is_told(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 1000);
	assert_true(openapi_write(api_groups, "1", &text) < 0);
	assert_int_equal(text.len, 0);
	buf_release(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_json_with_every_path_once),
	    cmocka_unit_test(what_each_address_of_the_api_answers_is_described),
	    cmocka_unit_test(too_little_room_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
