/* How long what waits for room waits, when there is none again and again. */
#include "crawl/space.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { FIRST_MS = 1000, STEADY_MS = 30 * 1000 };

static void
each_wait_is_twice_the_one_before_up_to_a_minute(void **state)
{
	static const int64_t want_ms[] = {
	    1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
	struct space_wait w = {0};
	int64_t now_ms = 123456;

	(void)state;
	for (size_t i = 0; i < sizeof(want_ms) / sizeof(want_ms[0]); i++) {
		assert_int_equal(space_wait_ms(&w, FIRST_MS, now_ms), want_ms[i]);
		now_ms += want_ms[i];
		space_wait_tried(&w, now_ms);
		now_ms += STEADY_MS - 1;
	}
}

static void
what_went_on_for_a_while_had_room(void **state)
{
	struct space_wait w = {0};

	(void)state;
	assert_int_equal(space_wait_ms(&w, FIRST_MS, 0), FIRST_MS);
	space_wait_tried(&w, 1000);
	assert_int_equal(space_wait_ms(&w, FIRST_MS, 1001), 2 * FIRST_MS);
	space_wait_tried(&w, 5000);
	assert_int_equal(space_wait_ms(&w, FIRST_MS, 5000 + STEADY_MS), FIRST_MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_wait_is_twice_the_one_before_up_to_a_minute),
	    cmocka_unit_test(what_went_on_for_a_while_had_room),
	};

	return cmocka_run_group_tests_name("crawl/space", tests, NULL, NULL);
}
