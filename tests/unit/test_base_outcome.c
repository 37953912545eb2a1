#include "base/outcome.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
every_outcome_has_a_name_of_its_own_that_leads_back(void **state)
{
	(void)state;
	for (int o = 0; o < OUTCOME_MAX; o++) {
		enum outcome back = OUTCOME_MAX;
		const char *name = outcome_name((enum outcome)o);

		assert_non_null(name);
		assert_true(outcome_parse(slice_cstr(name), &back));
		assert_int_equal(back, o);
		for (const char *p = name; *p != '\0'; p++)
			assert_true(
			    ascii_is_alpha(*p) || ascii_is_digit(*p) || *p == '-');
	}
}

static void
what_is_no_outcome_is_refused(void **state)
{
	enum outcome o = OUTCOME_TRAP;

	(void)state;
	assert_false(outcome_parse(SLICE_LIT("OK"), &o));
	assert_false(outcome_parse(SLICE_LIT("ok "), &o));
	assert_false(outcome_parse((struct slice){0}, &o));
	assert_int_equal(o, OUTCOME_TRAP);
}

static void
only_the_waiting_are_in_no_class_of_the_accounting(void **state)
{
	(void)state;
	assert_int_equal(outcome_class(OUTCOME_NONE), OUTCOME_CLASS_NONE);
	for (int o = 1; o < OUTCOME_MAX; o++)
		assert_int_not_equal(outcome_class((enum outcome)o), OUTCOME_CLASS_NONE);
	assert_int_equal(outcome_class(OUTCOME_OK), OUTCOME_CLASS_FETCHED);
	assert_int_equal(outcome_class(OUTCOME_HTTP_5XX), OUTCOME_CLASS_FETCHED);
	assert_int_equal(outcome_class(OUTCOME_DNS_FAILURE), OUTCOME_CLASS_FAILED);
	assert_int_equal(outcome_class(OUTCOME_ROBOTS_DENIED), OUTCOME_CLASS_REJECTED);
	/* A page whose parser died is archived all the same. */
	assert_int_equal(outcome_class(OUTCOME_PARSE_CRASH), OUTCOME_CLASS_FETCHED);
}

static void
broken_is_what_is_not_there_or_not_whole(void **state)
{
	(void)state;
	assert_true(outcome_is_broken(OUTCOME_HTTP_4XX));
	assert_true(outcome_is_broken(OUTCOME_TRUNCATED));
	assert_true(outcome_is_broken(OUTCOME_DNS_FAILURE));
	assert_false(outcome_is_broken(OUTCOME_NONE));
	assert_false(outcome_is_broken(OUTCOME_REDIRECT));
	assert_false(outcome_is_broken(OUTCOME_TOO_LARGE));
	assert_false(outcome_is_broken(OUTCOME_ROBOTS_DENIED));
	/* They failed, and of what is there nothing is known. */
	assert_false(outcome_is_broken(OUTCOME_ROBOTS_UNREACHABLE));
	assert_false(outcome_is_broken(OUTCOME_CANCELLED));
}

static void
whole_is_what_came_new_or_not(void **state)
{
	(void)state;
	assert_true(outcome_is_whole(OUTCOME_OK));
	assert_true(outcome_is_whole(OUTCOME_DUPLICATE_CONTENT));
	assert_false(outcome_is_whole(OUTCOME_NOT_MODIFIED));
	assert_false(outcome_is_whole(OUTCOME_TRUNCATED));
	assert_false(outcome_is_whole(OUTCOME_REDIRECT));
	assert_false(outcome_is_whole(OUTCOME_NONE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_outcome_has_a_name_of_its_own_that_leads_back),
	    cmocka_unit_test(what_is_no_outcome_is_refused),
	    cmocka_unit_test(broken_is_what_is_not_there_or_not_whole),
	    cmocka_unit_test(whole_is_what_came_new_or_not),
	    cmocka_unit_test(only_the_waiting_are_in_no_class_of_the_accounting),
	};

	return cmocka_run_group_tests_name("base/outcome", tests, NULL, NULL);
}
