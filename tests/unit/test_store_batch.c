#include "store/batch.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fail_alloc.h"

static struct store_batch *
new_batch(void)
{
	struct store_batch *b;

	assert_int_equal(store_batch_new(64 << 20, &b), 0);
	return b;
}

static void
put(struct store_batch *b, enum store_table t, struct slice key, const char *value)
{
	assert_int_equal(store_batch_put(b, t, key, slice_cstr(value)), 0);
}

/* "table key=value" of each in turn, a deletion without "=value". */
static void
assert_order(struct store_batch *b, const char *want)
{
	char got[1024] = "";
	size_t at = 0, where = 0, n = 0;
	struct batch_op op;

	assert_int_equal(batch_sort(b), 0);
	for (; batch_next(b, &where, &op); n++) {
		at += (size_t)snprintf(got + at, sizeof(got) - at, "%d " SLICE_FMT,
		    op.table, SLICE_ARG(op.key));
		if (!op.is_delete)
			at += (size_t)snprintf(got + at, sizeof(got) - at, "=" SLICE_FMT,
			    SLICE_ARG(op.value));
		at += (size_t)snprintf(got + at, sizeof(got) - at, ";");
	}
	assert_string_equal(got, want);
	assert_int_equal(n, batch_count(b));
}

static void
operations_come_by_table_and_key(void **state)
{
	struct store_batch *b = new_batch();

	(void)state;
	assert_order(b, "");
	put(b, STORE_META, SLICE_LIT("a"), "1");
	assert_order(b, "3 a=1;");
	put(b, STORE_QUEUE, SLICE_LIT("longer than eight, b"), "2");
	put(b, STORE_QUEUE, SLICE_LIT("longer than eight"), "3");
	put(b, STORE_QUEUE, SLICE_LIT("longer than eight, a"), "4");
	put(b, STORE_SEEN, SLICE_LIT("\xff"), "5");
	put(b, STORE_QUEUE, SLICE_LIT("l"), "6");
	put(b, STORE_SEEN, SLICE_LIT("\x7f"), "7");
	assert_order(b,
	    "0 \x7f=7;0 \xff=5;1 l=6;1 longer than eight=3;1 longer than eight, a=4;"
	    "1 longer than eight, b=2;3 a=1;");
	store_batch_free(b);
}

static void
of_one_key_the_last_operation_stays(void **state)
{
	struct store_batch *b = new_batch();

	(void)state;
	put(b, STORE_SEEN, SLICE_LIT("k"), "1");
	put(b, STORE_QUEUE, SLICE_LIT("k"), "2");
	put(b, STORE_SEEN, SLICE_LIT("k"), "3");
	assert_int_equal(store_batch_delete(b, STORE_QUEUE, SLICE_LIT("k")), 0);
	assert_int_equal(store_batch_delete(b, STORE_SEEN, SLICE_LIT("j")), 0);
	put(b, STORE_SEEN, SLICE_LIT("j"), "4");
	put(b, STORE_SEEN, SLICE_LIT("j"), "5");
	assert_order(b, "0 j=5;0 k=3;1 k;");
	put(b, STORE_SEEN, SLICE_LIT("j"), "6"); /* it goes on */
	put(b, STORE_SEEN, SLICE_LIT("a"), "7");
	assert_order(b, "0 a=7;0 j=6;0 k=3;1 k;");
	store_batch_free(b);
}

/* Bytes compare, and a key that ends there is less than one that goes on with zeros. */
static void
zeros_at_the_end_count(void **state)
{
	struct store_batch *b = new_batch();
	struct batch_op op;
	size_t at = 0;

	(void)state;
	for (size_t n = 12; n > 0; n--)
		put(b, STORE_HOST, slice_of("\1\0\0\0\0\0\0\0\0\0\0\0", n), "");
	assert_int_equal(batch_sort(b), 0);
	assert_int_equal(batch_count(b), 12);
	for (size_t n = 1; batch_next(b, &at, &op); n++)
		assert_int_equal(op.key.len, n);
	store_batch_free(b);
}

static void
keys_that_differ_late_are_sorted_too(void **state)
{
	static const char zeros[STORE_KEY_MAX];
	enum { ROUNDS = 40 };
	struct store_batch *b = new_batch();
	struct batch_op op;
	size_t at = 0, n = 1;

	(void)state;
	for (size_t i = 0; i < (size_t)ROUNDS * STORE_KEY_MAX; i++) {
		char value[8];

		(void)snprintf(value, sizeof(value), "%zu", i / STORE_KEY_MAX);
		put(b, STORE_SEEN, slice_of(zeros, i * 7 % STORE_KEY_MAX + 1), value);
	}
	assert_int_equal(batch_sort(b), 0);
	assert_int_equal(batch_count(b), STORE_KEY_MAX);
	for (; batch_next(b, &at, &op); n++) {
		assert_int_equal(op.key.len, n);
		assert_true(slice_eq(op.value, SLICE_LIT("39")));
	}
	assert_int_equal(n, STORE_KEY_MAX + 1);
	store_batch_free(b);
}

static uint64_t
mix(uint64_t i)
{
	uint64_t z = (i + 1) * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static int
compare(struct batch_op x, struct batch_op y)
{
	size_t common = x.key.len < y.key.len ? x.key.len : y.key.len;
	int c = memcmp(x.key.ptr, y.key.ptr, common);

	if (x.table != y.table)
		return x.table < y.table ? -1 : 1;
	return c != 0 ? c : (x.key.len > y.key.len) - (x.key.len < y.key.len);
}

static void
a_crowd_is_sorted_and_complete(void **state)
{
	enum { N = 50000 };
	struct store_batch *b = new_batch();
	struct batch_op op, before = {.key = {.len = 0}};
	size_t at = 0;
	uint64_t sum = 0;

	(void)state;
	for (uint64_t i = 0; i < N; i++) {
		/* Few authorities, many keys; each key twice. */
		uint64_t key[3] = {mix(i / 2 % 20), mix(i / 2), i};

		assert_int_equal(store_batch_put(b, (enum store_table)(i / 2 % 4),
				     slice_of(key, 16), slice_of(&key[2], 8)),
		    0);
	}
	assert_int_equal(batch_sort(b), 0);
	assert_int_equal(batch_sort(b), 0);
	assert_int_equal(batch_count(b), N / 2);
	for (size_t i = 0; batch_next(b, &at, &op); i++) {
		uint64_t value;

		assert_true(i == 0 || compare(before, op) < 0);
		memcpy(&value, op.value.ptr, sizeof(value));
		assert_int_equal(value % 2, 1); /* the second of the two */
		sum += value;
		before = op;
	}
	assert_int_equal(sum, (uint64_t)(N / 2) * (N / 2));
	store_batch_free(b);
}

static void
without_memory_it_is_not_sorted(void **state)
{
	struct store_batch *b = new_batch();

	(void)state;
	put(b, STORE_META, SLICE_LIT("a"), "1");
	fail_alloc_after = 0;
	assert_int_equal(batch_sort(b), -ENOMEM);
	fail_alloc_after = -1;
	assert_order(b, "3 a=1;");
	store_batch_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(operations_come_by_table_and_key),
	    cmocka_unit_test(of_one_key_the_last_operation_stays),
	    cmocka_unit_test(zeros_at_the_end_count),
	    cmocka_unit_test(keys_that_differ_late_are_sorted_too),
	    cmocka_unit_test(a_crowd_is_sorted_and_complete),
	    cmocka_unit_test(without_memory_it_is_not_sorted),
	};

	return cmocka_run_group_tests_name("store/batch", tests, NULL, NULL);
}
