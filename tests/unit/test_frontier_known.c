#include "frontier/known.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t memory[16];

static void
start(struct known *k)
{
	memset(memory, 0, sizeof(memory));
	known_init(k, memory, sizeof(memory), 0);
}

static void
what_was_put_is_in_for_readers_too(void **state)
{
	struct known k;

	(void)state;
	start(&k);
	assert_false(known_has(&k, 99));
	known_put(&k, 99);
	assert_true(known_has(&k, 99));
	assert_true(known_is_in(memory, sizeof(memory), 0, 99));
	assert_false(known_is_in(memory, sizeof(memory), 0, 99 + 16));
}

static void
a_newer_one_takes_the_place_of_an_older(void **state)
{
	struct known k;

	(void)state;
	start(&k);
	known_put(&k, 5);
	known_put(&k, 5 + 16);
	assert_false(known_has(&k, 5));
	assert_true(known_has(&k, 5 + 16));
	known_drop(&k, 5); /* not its place any more */
	assert_true(known_has(&k, 5 + 16));
	known_drop(&k, 5 + 16);
	assert_false(known_has(&k, 5 + 16));
}

static void
an_empty_place_is_nobodys(void **state)
{
	struct known k;

	(void)state;
	start(&k);
	assert_false(known_has(&k, 0));
	known_put(&k, 0);
	assert_false(known_has(&k, 0));
}

static void
crawls_with_the_same_hashes_do_not_mix(void **state)
{
	struct known k, other;

	(void)state;
	start(&k);
	known_init(&other, memory, sizeof(memory), 1000);
	known_put(&k, 7);
	assert_false(known_has(&other, 7));
	known_put(&other, 8);
	assert_true(known_has(&other, 8));
	assert_true(known_is_in(memory, sizeof(memory), 1000, 8));
	assert_false(known_has(&k, 8));
}

static void
without_memory_nothing_is_known(void **state)
{
	struct known k = {0};

	(void)state;
	known_put(&k, 7);
	known_drop(&k, 7);
	assert_false(known_has(&k, 7));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_put_is_in_for_readers_too),
	    cmocka_unit_test(a_newer_one_takes_the_place_of_an_older),
	    cmocka_unit_test(an_empty_place_is_nobodys),
	    cmocka_unit_test(crawls_with_the_same_hashes_do_not_mix),
	    cmocka_unit_test(without_memory_nothing_is_known),
	};

	return cmocka_run_group_tests_name("frontier/known", tests, NULL, NULL);
}
