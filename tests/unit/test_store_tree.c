#include "store/tree.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t
rng(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void
set(struct tree *t, struct slice text)
{
	struct tree_value **slot;
	struct tree_key k;

	tree_key_make(&k, text);
	assert_int_equal(tree_slot(t, &k, &slot), 0);
	free(*slot);
	*slot = malloc(sizeof(**slot));
	assert_non_null(*slot);
	(*slot)->len = 0;
}

static void
unset(struct tree *t, struct slice text)
{
	struct tree_value **slot;
	struct tree_key k;

	tree_key_make(&k, text);
	slot = tree_find(t, &k);
	assert_non_null(slot);
	free(*slot);
	tree_remove(t, &k);
	assert_null(tree_find(t, &k));
}

static struct slice
number(char ret[8], uint64_t n)
{
	for (int i = 7; i >= 0; i--, n >>= 8)
		ret[i] = (char)(n & 0xff);
	return slice_of(ret, 8);
}

static void
keys_come_back_as_they_went_in(void **state)
{
	const struct slice keys[] = {SLICE_LIT("a"), SLICE_LIT("a\0"), SLICE_LIT("a\0b"),
	    SLICE_LIT("\xff\xff"), SLICE_LIT("0123456789012345678901234567890123456789"),
	    SLICE_LIT("")};
	char text[STORE_KEY_MAX];
	struct tree_key k;

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct slice s = slice_head(keys[i], STORE_KEY_MAX);

		tree_key_make(&k, s);
		assert_int_equal(tree_key_text(&k, text), s.len);
		assert_true(slice_eq(slice_of(text, s.len), s));
	}
}

static void
keys_compare_as_bytes_and_shorter_first(void **state)
{
	const struct slice sorted[] = {SLICE_LIT(""), SLICE_LIT("\0"), SLICE_LIT("\0\0"),
	    SLICE_LIT("a"), SLICE_LIT("a\0"), SLICE_LIT("a\0a"),
	    SLICE_LIT("aaaaaaaaaaaa"), SLICE_LIT("ab"), SLICE_LIT("b"), SLICE_LIT("\x80"),
	    SLICE_LIT("\xff")};
	struct tree_key a, b;

	(void)state;
	for (size_t i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++) {
		for (size_t j = 0; j < sizeof(sorted) / sizeof(sorted[0]); j++) {
			int c;

			tree_key_make(&a, sorted[i]);
			tree_key_make(&b, sorted[j]);
			c = tree_key_compare(&a, &b);
			assert_int_equal(c < 0, i < j);
			assert_int_equal(c == 0, i == j);
		}
	}
}

static void
in_order(const struct tree *t, uint64_t first, uint64_t n)
{
	const struct tree_key *k;
	struct tree_value *value;
	struct tree_key from;
	struct tree_iter it;
	char text[8], got[STORE_KEY_MAX];

	tree_key_make(&from, (struct slice){0});
	tree_seek(t, &from, &it);
	for (uint64_t i = first; i < first + n; i++) {
		assert_true(tree_next(&it, &k, &value));
		assert_int_equal(tree_key_text(k, got), 8);
		assert_memory_equal(got, number(text, i).ptr, 8);
	}
	assert_false(tree_next(&it, &k, &value));
}

static void
holds_a_queue_that_grows_at_one_end_and_drains_at_the_other(void **state)
{
	struct tree t;
	char text[8];

	(void)state;
	tree_init(&t, UINT64_MAX);
	for (uint64_t i = 0; i < 20000; i++) {
		set(&t, number(text, i));
		if (i >= 5000)
			unset(&t, number(text, i - 5000));
		if (i % 500 == 0)
			tree_check(&t);
	}
	in_order(&t, 15000, 5000);
	for (uint64_t i = 15000; i < 20000; i++)
		unset(&t, number(text, i));
	tree_check(&t);
	assert_null(t.root);
	tree_release(&t);
}

static void
holds_a_stack(void **state)
{
	struct tree t;
	char text[8];

	(void)state;
	tree_init(&t, UINT64_MAX);
	for (uint64_t i = 10000; i > 0; i--)
		set(&t, number(text, i));
	tree_check(&t);
	in_order(&t, 1, 10000);
	for (uint64_t i = 1; i <= 9999; i++)
		unset(&t, number(text, i));
	tree_check(&t);
	assert_int_equal(t.slots, 1);
	assert_int_equal(t.depth, 1);
	tree_release(&t);
}

static void
survives_random_inserts_and_removals(void **state)
{
	enum { KEYS = 4000, STEPS = 60000 };
	static bool in[KEYS];
	uint64_t seed = 1, n = 0;
	struct tree t;
	char text[8];

	(void)state;
	tree_init(&t, UINT64_MAX);
	for (uint32_t i = 0; i < STEPS; i++) {
		/* Waves, so that it grows to full and shrinks to nearly nothing. */
		bool growing = (i / 10000) % 2 == 0;
		uint64_t x = rng(&seed) % KEYS;

		if (!in[x] && (growing || rng(&seed) % 8 == 0)) {
			set(&t, number(text, x));
			in[x] = true;
			n++;
		} else if (in[x] && (!growing || rng(&seed) % 8 == 0)) {
			unset(&t, number(text, x));
			in[x] = false;
			n--;
		}
		assert_int_equal(t.slots, n);
		if (i % 1000 == 0)
			tree_check(&t);
	}
	for (uint64_t x = 0; x < KEYS; x++) {
		struct tree_key k;

		tree_key_make(&k, number(text, x));
		assert_int_equal(tree_find(&t, &k) != NULL, in[x]);
	}
	tree_release(&t);
}

static void
seeks_to_the_first_key_that_is_not_less(void **state)
{
	const struct tree_key *k;
	struct tree_value *value;
	struct tree_key from;
	struct tree_iter it;
	struct tree t;
	char text[8], got[STORE_KEY_MAX];

	(void)state;
	tree_init(&t, UINT64_MAX);
	for (uint64_t i = 0; i < 1000; i++)
		set(&t, number(text, i * 10));
	for (uint64_t i = 0; i < 9990; i++) {
		tree_key_make(&from, number(text, i));
		tree_seek(&t, &from, &it);
		assert_true(tree_next(&it, &k, &value));
		(void)tree_key_text(k, got);
		assert_memory_equal(got, number(text, (i + 9) / 10 * 10).ptr, 8);
	}
	tree_key_make(&from, number(text, 9991));
	tree_seek(&t, &from, &it);
	assert_false(tree_next(&it, &k, &value));
	tree_release(&t);
}

static void
refuses_more_slots_than_its_maximum(void **state)
{
	struct tree_value **slot;
	struct tree_key k;
	struct tree t;
	char text[8];

	(void)state;
	tree_init(&t, 2);
	set(&t, number(text, 1));
	set(&t, number(text, 2));
	tree_key_make(&k, number(text, 3));
	assert_int_equal(tree_slot(&t, &k, &slot), -ENOSPC);
	set(&t, number(text, 2));
	unset(&t, number(text, 1));
	set(&t, number(text, 3));
	tree_check(&t);
	tree_release(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_come_back_as_they_went_in),
	    cmocka_unit_test(keys_compare_as_bytes_and_shorter_first),
	    cmocka_unit_test(holds_a_queue_that_grows_at_one_end_and_drains_at_the_other),
	    cmocka_unit_test(holds_a_stack),
	    cmocka_unit_test(survives_random_inserts_and_removals),
	    cmocka_unit_test(seeks_to_the_first_key_that_is_not_less),
	    cmocka_unit_test(refuses_more_slots_than_its_maximum),
	};

	return cmocka_run_group_tests_name("store/tree", tests, NULL, NULL);
}
