#include "base/map.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N 3000

struct item {
	char key[16];
	size_t key_len;
	int seen;
};

static struct item *
items_new(void)
{
	struct item *v = calloc(N, sizeof(*v));

	assert_non_null(v);
	for (size_t i = 0; i < N; i++)
		v[i].key_len =
		    (size_t)snprintf(v[i].key, sizeof(v[i].key), "key-%zu", i * 7);
	return v;
}

static struct slice
key_of(const struct item *it)
{
	return slice_of(it->key, it->key_len);
}

static void
finds_what_was_put_and_nothing_else(void **state)
{
	struct item *v = items_new();
	struct map m;

	(void)state;
	map_init(&m, N);
	assert_null(map_get(&m, SLICE_LIT("key-0")));
	assert_null(map_take(&m, SLICE_LIT("key-0")));
	for (size_t i = 0; i < N; i++)
		assert_int_equal(map_put(&m, key_of(&v[i]), &v[i]), 0);
	assert_int_equal(m.len, N);
	for (size_t i = 0; i < N; i++)
		assert_ptr_equal(map_get(&m, key_of(&v[i])), &v[i]);
	assert_null(map_get(&m, SLICE_LIT("key-1")));
	assert_null(map_get(&m, SLICE_LIT("key-")));
	assert_null(map_get(&m, (struct slice){0}));
	map_release(&m);
	assert_null(map_get(&m, key_of(&v[0])));
	map_release(&m);
	free(v);
}

static void
the_empty_key_and_keys_with_nul_are_keys(void **state)
{
	struct map m;
	int a, b, c;

	(void)state;
	map_init(&m, 10);
	assert_int_equal(map_put(&m, (struct slice){0}, &a), 0);
	assert_int_equal(map_put(&m, SLICE_LIT("x\0y"), &b), 0);
	assert_int_equal(map_put(&m, SLICE_LIT("x\0z"), &c), 0);
	assert_int_equal(map_put(&m, SLICE_LIT(""), &c), -EEXIST);
	assert_ptr_equal(map_get(&m, SLICE_LIT("")), &a);
	assert_ptr_equal(map_get(&m, SLICE_LIT("x\0y")), &b);
	assert_ptr_equal(map_get(&m, SLICE_LIT("x\0z")), &c);
	map_release(&m);
}

static void
a_present_key_is_told_even_when_the_map_is_full(void **state)
{
	struct map m;
	int a, b;

	(void)state;
	map_init(&m, 1);
	assert_int_equal(map_put(&m, SLICE_LIT("a"), &a), 0);
	assert_int_equal(map_put(&m, SLICE_LIT("a"), &b), -EEXIST);
	assert_int_equal(map_put(&m, SLICE_LIT("b"), &b), -ENOSPC);
	assert_ptr_equal(map_get(&m, SLICE_LIT("a")), &a);
	assert_ptr_equal(map_take(&m, SLICE_LIT("a")), &a);
	assert_int_equal(map_put(&m, SLICE_LIT("b"), &b), 0);
	map_release(&m);
	map_init(&m, 0);
	assert_int_equal(map_put(&m, SLICE_LIT("a"), &a), -ENOSPC);
	map_release(&m);
}

/* Chains of probing run into each other and around the end; each is checked whole. */
static void
taking_leaves_every_other_key_findable(void **state)
{
	struct item *v = items_new();
	uint32_t seed = 7;
	struct map m;
	size_t in = 0;

	(void)state;
	map_init(&m, N);
	for (size_t round = 0; round < 60000; round++) {
		struct item *it;

		seed = seed * 1664525 + 1013904223;
		/* 11 keys of 12 that fit into 16 places: as full as it gets. */
		it = &v[(seed >> 8) % 12];
		if (it->seen) {
			assert_ptr_equal(map_take(&m, key_of(it)), it);
			assert_null(map_take(&m, key_of(it)));
			it->seen = 0;
			in--;
		} else {
			assert_int_equal(map_put(&m, key_of(it), it), 0);
			it->seen = 1;
			in++;
		}
		assert_int_equal(m.len, in);
		assert_true(m.cap <= 32);
		for (size_t i = 0; i < 12; i++)
			assert_ptr_equal(
			    map_get(&m, key_of(&v[i])), v[i].seen ? &v[i] : NULL);
	}
	map_release(&m);
	free(v);
}

static void
iterating_meets_each_once(void **state)
{
	struct item *v = items_new();
	struct slice key;
	void *value;
	struct map m;
	size_t n = 0;

	(void)state;
	map_init(&m, N);
	for (size_t i = 0; map_at(&m, &i, NULL, &value);)
		n++;
	assert_int_equal(n, 0);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(map_put(&m, key_of(&v[i]), &v[i]), 0);
	for (size_t i = 0; map_at(&m, &i, &key, &value);) {
		struct item *it = value;

		assert_true(slice_eq(key, key_of(it)));
		it->seen++;
	}
	for (size_t i = 0; i < N; i++)
		assert_int_equal(v[i].seen, 1);
	map_release(&m);
	free(v);
}

static void
the_hash_spreads_and_depends_on_every_byte(void **state)
{
	char text[32] = {0};
	unsigned buckets[64] = {0};

	(void)state;
	assert_true(siphash(SLICE_LIT("abc")) == siphash(SLICE_LIT("abc")));
	assert_true(siphash((struct slice){0}) == siphash(SLICE_LIT("")));
	for (size_t len = 0; len < sizeof(text); len++) {
		uint64_t h = siphash(slice_of(text, len));

		assert_true(h != siphash(slice_of(text, len + (len < 31))) || len == 31);
		for (size_t i = 0; i < len; i++) {
			text[i] ^= 1;
			assert_true(siphash(slice_of(text, len)) != h);
			text[i] ^= 1;
		}
	}
	for (unsigned i = 0; i < 64000; i++)
		buckets[siphash(slice_of(&i, sizeof(i))) % 64]++;
	for (size_t i = 0; i < 64; i++)
		assert_in_range(buckets[i], 700, 1300);
}

/* ---- 64-bit keys ---- */

static void
numbers_map_to_what_was_put(void **state)
{
	static int values[N];
	struct umap m;
	uint64_t key;
	void *value;
	size_t n = 0;

	(void)state;
	umap_init(&m, N);
	assert_null(umap_get(&m, 0));
	assert_null(umap_take(&m, 0));
	for (uint64_t i = 0; i < N; i++)
		assert_int_equal(umap_put(&m, i << 32, &values[i]), 0);
	assert_int_equal(umap_put(&m, 0, &values[1]), -EEXIST);
	assert_int_equal(umap_put(&m, 1, &values[1]), -ENOSPC);
	for (uint64_t i = 0; i < N; i++)
		assert_ptr_equal(umap_get(&m, i << 32), &values[i]);
	assert_null(umap_get(&m, UINT64_MAX));
	for (size_t i = 0; umap_at(&m, &i, &key, &value);) {
		assert_ptr_equal(value, &values[key >> 32]);
		values[key >> 32]++;
		n++;
	}
	assert_int_equal(n, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(values[i], 1);
	umap_release(&m);
	umap_release(&m);
}

static void
taking_numbers_leaves_every_other_findable(void **state)
{
	static char values[12];
	bool in[12] = {false};
	uint32_t seed = 99;
	struct umap m;

	(void)state;
	umap_init(&m, 12);
	for (size_t round = 0; round < 60000; round++) {
		size_t k;

		seed = seed * 1664525 + 1013904223;
		k = (seed >> 8) % 12;
		if (in[k]) {
			assert_ptr_equal(umap_take(&m, k), &values[k]);
			assert_null(umap_take(&m, k));
		} else {
			assert_int_equal(umap_put(&m, k, &values[k]), 0);
		}
		in[k] = !in[k];
		for (size_t i = 0; i < 12; i++)
			assert_ptr_equal(umap_get(&m, i), in[i] ? &values[i] : NULL);
	}
	umap_release(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_what_was_put_and_nothing_else),
	    cmocka_unit_test(the_empty_key_and_keys_with_nul_are_keys),
	    cmocka_unit_test(a_present_key_is_told_even_when_the_map_is_full),
	    cmocka_unit_test(taking_leaves_every_other_key_findable),
	    cmocka_unit_test(iterating_meets_each_once),
	    cmocka_unit_test(the_hash_spreads_and_depends_on_every_byte),
	    cmocka_unit_test(numbers_map_to_what_was_put),
	    cmocka_unit_test(taking_numbers_leaves_every_other_findable),
	};

	return cmocka_run_group_tests_name("base/map", tests, NULL, NULL);
}
