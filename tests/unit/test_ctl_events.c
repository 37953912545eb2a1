#include "ctl/event_ring.h"
#include "ctl/events.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void
the_latest_are_kept_by_number(void **state)
{
	struct event_ring g;

	(void)state;
	assert_int_equal(event_ring_init(&g, 4, 1000), 0);
	for (unsigned i = 1; i <= 10; i++) {
		char text[8];

		(void)snprintf(text, sizeof(text), "e%u", i);
		assert_int_equal(event_ring_add(&g, i, i % 3, slice_cstr(text)), 0);
	}
	assert_null(event_ring_get(&g, 0));
	assert_null(event_ring_get(&g, 6));
	assert_null(event_ring_get(&g, 11));
	assert_string_equal(event_ring_get(&g, 7)->text, "e7");
	assert_string_equal(event_ring_get(&g, 10)->text, "e10");
	assert_int_equal(event_ring_get(&g, 10)->run, 10);
	assert_int_equal(g.first, 7);
	event_ring_release(&g);
}

static void
their_bytes_have_a_limit_too(void **state)
{
	struct event_ring g;
	char text[400];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(event_ring_init(&g, 100, 1000), 0);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(
		    event_ring_add(&g, 1, 0, slice_of(text, sizeof(text))), 0);
		assert_true(g.bytes <= 1000);
	}
	assert_int_equal(g.next - g.first, 2);
	assert_int_equal(event_ring_add(&g, 1, 0, slice_of(text, 10)), 0);
	assert_int_equal(g.next - g.first, 3);
	{
		char more[1001] = {0};

		assert_int_equal(
		    event_ring_add(&g, 1, 0, slice_of(more, sizeof(more))), -EMSGSIZE);
	}
	assert_int_equal(g.next - g.first, 3);
	event_ring_release(&g);
}

static void
ids_are_read_as_they_are_printed(void **state)
{
	static const char *const bad[] = {
	    "", "-", "1", "x-1", "1-", "1-x", "12345678901234567-1", "-1", "1--1"};
	char text[EVENT_ID_MAX];
	uint64_t epoch, number;

	(void)state;
	event_id_print(UINT64_MAX, UINT64_MAX, text);
	assert_true(event_id_read(slice_cstr(text), &epoch, &number));
	assert_true(epoch == UINT64_MAX && number == UINT64_MAX);
	event_id_print(0x65a, 17, text);
	assert_string_equal(text, "65a-17");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(event_id_read(slice_cstr(bad[i]), &epoch, &number));
}

static void
kinds_are_found_by_name(void **state)
{
	enum event_kind kind;

	(void)state;
	assert_true(event_kind_find(SLICE_LIT("progress"), &kind));
	assert_int_equal(kind, EVENT_PROGRESS);
	assert_false(event_kind_find(SLICE_LIT("gap"), &kind));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_latest_are_kept_by_number),
	    cmocka_unit_test(their_bytes_have_a_limit_too),
	    cmocka_unit_test(ids_are_read_as_they_are_printed),
	    cmocka_unit_test(kinds_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
