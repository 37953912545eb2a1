#include "frontier/seen.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fail_alloc.h"

static struct seen *
new_seen(void)
{
	struct seen *s;

	assert_int_equal(seen_new(&s), 0);
	return s;
}

static enum seen_add
add(struct seen *s, uint64_t hash, enum outcome state, enum outcome *was)
{
	enum seen_add ret;

	*was = OUTCOME_NONE;
	assert_int_equal(seen_add(s, hash, state, &ret, was), 0);
	return ret;
}

static uint64_t
hash_of(uint64_t i)
{
	uint64_t z = i * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void
a_url_is_new_once(void **state)
{
	struct seen *s = new_seen();
	enum outcome o;

	(void)state;
	assert_int_equal(add(s, 5, OUTCOME_NONE, &o), SEEN_NEW);
	assert_int_equal(add(s, 5, OUTCOME_NONE, &o), SEEN_KNOWN);
	assert_int_equal(add(s, 6, OUTCOME_NONE, &o), SEEN_NEW);
	assert_int_equal(seen_len(s), 2);
	seen_free(s);
	seen_free(NULL);
}

static void
a_wanted_url_overrules_what_scope_depth_and_budget_rejected(void **state)
{
	const enum outcome soft[] = {OUTCOME_OUT_OF_SCOPE, OUTCOME_DEPTH, OUTCOME_BUDGET};
	struct seen *s = new_seen();
	enum outcome was, now;

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(add(s, 100 + i, soft[i], &was), SEEN_NEW);
		assert_int_equal(add(s, 100 + i, OUTCOME_DEPTH, &was), SEEN_KNOWN);
		assert_true(seen_get(s, 100 + i, &now));
		assert_int_equal(now, soft[i]);
		assert_int_equal(add(s, 100 + i, OUTCOME_NONE, &was), SEEN_UPGRADED);
		assert_int_equal(was, soft[i]);
		assert_int_equal(add(s, 100 + i, OUTCOME_NONE, &was), SEEN_KNOWN);
	}
	assert_int_equal(seen_len(s), 3);
	seen_free(s);
}

static void
no_other_outcome_is_overruled(void **state)
{
	struct seen *s = new_seen();
	enum outcome was, now;

	(void)state;
	for (int o = OUTCOME_OK; o < OUTCOME_MAX; o++) {
		uint64_t h = (uint64_t)o;

		if (o == OUTCOME_OUT_OF_SCOPE || o == OUTCOME_DEPTH ||
		    o == OUTCOME_BUDGET)
			continue;
		assert_int_equal(add(s, h, OUTCOME_NONE, &was), SEEN_NEW);
		seen_set(s, h, (enum outcome)o);
		assert_int_equal(add(s, h, OUTCOME_NONE, &was), SEEN_KNOWN);
		assert_true(seen_get(s, h, &now));
		assert_int_equal(now, o);
	}
	seen_free(s);
}

static void
what_is_not_known_has_no_outcome(void **state)
{
	struct seen *s = new_seen();
	enum outcome o = OUTCOME_TRAP;

	(void)state;
	assert_false(seen_get(s, 1, &o));
	seen_set(s, 1, OUTCOME_OK);
	assert_false(seen_get(s, 1, &o));
	assert_int_equal(o, OUTCOME_TRAP);
	seen_free(s);
}

static void
any_hash_will_do(void **state)
{
	const uint64_t odd[] = {0, UINT64_MAX, (uint64_t)1 << 63, 0xff00000000000000u};
	struct seen *s = new_seen();
	enum outcome was;

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		assert_int_equal(add(s, odd[i], OUTCOME_NONE, &was), SEEN_NEW);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		assert_int_equal(add(s, odd[i], OUTCOME_NONE, &was), SEEN_KNOWN);
	/* All at the end of one part: probing goes round. */
	for (uint64_t i = 1; i < 1000; i++)
		assert_int_equal(add(s, UINT64_MAX - i, OUTCOME_NONE, &was), SEEN_NEW);
	for (uint64_t i = 1; i < 1000; i++)
		assert_int_equal(add(s, UINT64_MAX - i, OUTCOME_NONE, &was), SEEN_KNOWN);
	seen_free(s);
}

static void
a_crowd_is_remembered_in_little_memory(void **state)
{
	enum { N = 300000 };
	struct seen *s = new_seen();
	enum outcome o;

	(void)state;
	for (uint64_t i = 0; i < N; i++) {
		assert_int_equal(add(s, hash_of(i), OUTCOME_NONE, &o), SEEN_NEW);
		if (i % 3 == 0)
			seen_set(s, hash_of(i), OUTCOME_OK);
	}
	for (uint64_t i = 0; i < N; i++) {
		assert_true(seen_get(s, hash_of(i), &o));
		assert_int_equal(o, i % 3 == 0 ? OUTCOME_OK : OUTCOME_NONE);
	}
	for (uint64_t i = N; i < N + 1000; i++)
		assert_false(seen_get(s, hash_of(i), &o));
	assert_int_equal(seen_len(s), N);
	assert_true(seen_memory_bytes(s) < (uint64_t)N * 18);
	seen_free(s);
}

static void
without_memory_nothing_is_added(void **state)
{
	struct seen *s = NULL;
	enum seen_add ret = SEEN_KNOWN;
	enum outcome o;

	(void)state;
	fail_alloc_after = 0;
	assert_int_equal(seen_new(&s), -ENOMEM);
	fail_alloc_after = -1;
	assert_null(s);
	s = new_seen();
	for (int64_t n = 0; n < 2; n++) {
		fail_alloc_after = n;
		assert_int_equal(seen_add(s, 9, OUTCOME_NONE, &ret, &o), -ENOMEM);
		fail_alloc_after = -1;
		assert_int_equal(ret, SEEN_KNOWN);
		assert_int_equal(seen_len(s), 0);
		assert_false(seen_get(s, 9, &o));
	}
	assert_int_equal(add(s, 9, OUTCOME_NONE, &o), SEEN_NEW);
	seen_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_url_is_new_once),
	    cmocka_unit_test(a_wanted_url_overrules_what_scope_depth_and_budget_rejected),
	    cmocka_unit_test(no_other_outcome_is_overruled),
	    cmocka_unit_test(what_is_not_known_has_no_outcome),
	    cmocka_unit_test(any_hash_will_do),
	    cmocka_unit_test(a_crowd_is_remembered_in_little_memory),
	    cmocka_unit_test(without_memory_nothing_is_added),
	};

	return cmocka_run_group_tests_name("frontier/seen", tests, NULL, NULL);
}
