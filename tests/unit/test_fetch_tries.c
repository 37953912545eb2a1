#include "fetch/tries.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct tries t;

/* "4466": addresses of these families, each with another last byte. */
static void
init(const char *families, int only, int first, uint32_t connect_ms)
{
	struct dns_answer a = {.status = DNS_OK};

	for (; families[a.n] != '\0'; a.n++) {
		a.addrs[a.n].family = families[a.n] == '4' ? AF_INET : AF_INET6;
		a.addrs[a.n].bytes[0] = (uint8_t)a.n;
	}
	tries_init(&t, &a, only, first, connect_ms);
}

static void
assert_order(const char *want)
{
	char got[8 * DNS_ADDRS_MAX] = "";

	for (uint32_t i = 0; i < t.n; i++)
		(void)snprintf(got + strlen(got), 8, "%c%u ",
		    t.addrs[i].family == AF_INET ? '4' : '6', t.addrs[i].bytes[0]);
	assert_string_equal(got, want);
}

static void
families_take_turns(void **state)
{
	(void)state;
	init("444466", 0, 0, 0);
	assert_order("40 64 41 65 42 43 ");
	init("444466", 0, AF_INET6, 0);
	assert_order("64 40 65 41 42 43 ");
	init("4466", 0, AF_INET, 0);
	assert_order("40 62 41 63 ");
	init("66", 0, 0, 0);
	assert_order("60 61 ");
	init("66", 0, AF_INET, 0);
	assert_order("60 61 ");
	init("", 0, 0, 0);
	assert_order("");
	init("44446666", 0, 0, 0);
	assert_int_equal(t.n, 8);
}

static void
only_the_family_that_is_wanted(void **state)
{
	(void)state;
	init("4466", AF_INET6, AF_INET, 0);
	assert_order("62 63 ");
	assert_false(tries_have_both(&t));
	init("44", AF_INET6, 0, 0);
	assert_order("");
	init("46", 0, 0, 0);
	assert_true(tries_have_both(&t));
}

static void
the_other_family_has_its_turn_soon(void **state)
{
	(void)state;
	init("46", 0, 0, 10000);
	assert_int_equal(tries_limit_ms(&t), TRIES_OTHER_FAMILY_MS);
	assert_true(tries_failed(&t, 2000, true));
	assert_int_equal(tries_limit_ms(&t), 8000);
	assert_true(
	    tries_failed(&t, 10, false)); /* refused: so the first is worth a wait */
	assert_int_equal(t.next, 0);
	assert_int_equal(tries_limit_ms(&t), 7990);
	assert_false(tries_failed(&t, 7990, true));
}

static void
one_that_refused_is_not_tried_again(void **state)
{
	(void)state;
	init("46", 0, 0, 10000);
	(void)tries_limit_ms(&t);
	assert_true(tries_failed(&t, 1, false));
	(void)tries_limit_ms(&t);
	assert_false(tries_failed(&t, 1, false));
}

static void
all_of_them_take_no_longer_than_one(void **state)
{
	static const char *const answers[] = {
	    "4", "44", "46", "44444444", "44446666", "4666"};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		uint32_t sum = 0, n = 0, ms;

		init(answers[i], 0, 0, 3000);
		do {
			ms = tries_limit_ms(&t);
			assert_true(ms > 0);
			sum += ms;
			n++;
		} while (tries_failed(&t, ms, true));
		assert_in_range(sum, 3000, 3001);
		assert_true(n <= strlen(answers[i]));
	}
}

static void
without_a_limit_only_the_family_is_in_a_hurry(void **state)
{
	(void)state;
	init("446", 0, 0, 0);
	assert_int_equal(tries_limit_ms(&t), TRIES_OTHER_FAMILY_MS);
	assert_true(tries_failed(&t, 2000, true));
	assert_int_equal(tries_limit_ms(&t), TRIES_OTHER_FAMILY_MS);
	assert_true(tries_failed(&t, 5, false));
	assert_int_equal(tries_limit_ms(&t), 0);
	assert_true(tries_failed(&t, 5, false));
	assert_int_equal(tries_limit_ms(&t), 0);
	assert_false(tries_failed(&t, 5, false));
}

static void
what_worked_is_remembered_by_host(void **state)
{
	struct families *f = calloc(1, sizeof(*f));
	char name[32];
	size_t known = 0;

	(void)state;
	assert_non_null(f);
	assert_int_equal(families_get(f, SLICE_LIT("a.test")), 0);
	families_put(f, SLICE_LIT("a.test"), AF_INET6);
	assert_int_equal(families_get(f, SLICE_LIT("a.test")), AF_INET6);
	families_put(f, SLICE_LIT("a.test"), AF_INET);
	assert_int_equal(families_get(f, SLICE_LIT("a.test")), AF_INET);
	for (int i = 0; i < 100000; i++) {
		(void)snprintf(name, sizeof(name), "h%d.test", i);
		families_put(f, slice_cstr(name), AF_INET6);
	}
	for (int i = 0; i < 100000; i++) {
		(void)snprintf(name, sizeof(name), "h%d.test", i);
		known += families_get(f, slice_cstr(name)) != 0;
	}
	assert_in_range(known, FAMILIES_LEN / 2, FAMILIES_LEN);
	free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(families_take_turns),
	    cmocka_unit_test(only_the_family_that_is_wanted),
	    cmocka_unit_test(the_other_family_has_its_turn_soon),
	    cmocka_unit_test(one_that_refused_is_not_tried_again),
	    cmocka_unit_test(all_of_them_take_no_longer_than_one),
	    cmocka_unit_test(without_a_limit_only_the_family_is_in_a_hurry),
	    cmocka_unit_test(what_worked_is_remembered_by_host),
	};

	return cmocka_run_group_tests_name("fetch/tries", tests, NULL, NULL);
}
