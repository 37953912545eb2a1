#include "frontier/window.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frontier/outset.h"

static uint64_t
rng(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void
insert(struct window *w, uint64_t key)
{
	const struct urlrec r = {.key = key, .url = SLICE_LIT("http://h/")};
	struct urlrec *rec = urlrec_new(&r);

	assert_non_null(rec);
	assert_int_equal(window_insert(w, rec), 0);
	window_check(w);
}

static uint64_t
take(struct window *w, bool first)
{
	struct urlrec *rec = first ? window_take_first(w) : window_take_last(w);
	uint64_t key;

	assert_non_null(rec);
	key = rec->key;
	urlrec_free(rec);
	window_check(w);
	return key;
}

static void
it_sorts_whatever_comes(void **state)
{
	struct window w = {0};
	uint64_t seed = 3;
	uint64_t last = 0;

	(void)state;
	for (int i = 0; i < 300; i++)
		insert(&w, rng(&seed));
	assert_int_equal(w.len, 300);
	while (w.len > 0) {
		uint64_t key = take(&w, true);

		assert_true(key >= last);
		last = key;
	}
	assert_null(window_take_first(&w));
	assert_null(window_take_last(&w));
	assert_int_equal(window_bytes(&w), 0);
}

static void
it_serves_as_queue_and_as_stack(void **state)
{
	struct window w = {0};

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		insert(&w, 1000 + i);
		if (i % 2 == 1)
			assert_int_equal(take(&w, true), 1000 + i / 2);
	}
	for (uint64_t i = 0; i < 500; i++)
		insert(&w, 999 - i);
	for (uint64_t i = 0; i < 500; i++)
		assert_int_equal(take(&w, true), 500 + i);
	assert_int_equal(window_first_key(&w), 1500);
	assert_int_equal(window_last_key(&w), 1999);
	window_release(&w);
}

static void
it_gives_from_both_ends(void **state)
{
	struct window w = {0};

	(void)state;
	for (uint64_t i = 0; i < 9; i++)
		insert(&w, i * 7 % 9);
	assert_int_equal(window_at(&w, 4)->key, 4);
	for (uint64_t i = 0; i < 4; i++) {
		assert_int_equal(take(&w, false), 8 - i);
		assert_int_equal(take(&w, true), i);
	}
	assert_int_equal(take(&w, false), 4);
}

static void
one_can_be_taken_by_its_key(void **state)
{
	struct window w = {0};
	struct urlrec *rec;

	(void)state;
	for (uint64_t i = 0; i < 20; i++)
		insert(&w, i * 7 % 20);
	/* From the shorter side, whichever that is. */
	for (uint64_t i = 0; i < 20; i++) {
		uint64_t key = i * 11 % 20;

		rec = window_take(&w, key);
		window_check(&w);
		assert_int_equal(rec->key, key);
		assert_int_equal(w.len, 19);
		rec->key = 100 + i;
		assert_int_equal(window_insert(&w, rec), 0);
		window_check(&w);
	}
	assert_int_equal(take(&w, true), 100);
	window_release(&w);
	insert(&w, 5);
	rec = window_take(&w, 5);
	assert_int_equal(w.len, 0);
	rec->key = 4;
	assert_int_equal(window_insert(&w, rec), 0);
	assert_int_equal(take(&w, false), 4);
}

static void
a_key_is_in_it_once(void **state)
{
	const struct urlrec r = {.key = 5, .url = SLICE_LIT("http://h/")};
	struct urlrec *again = urlrec_new(&r);
	struct window w = {0};

	(void)state;
	insert(&w, 4);
	insert(&w, 5);
	insert(&w, 6);
	assert_int_equal(window_insert(&w, again), -EEXIST);
	assert_int_equal(w.len, 3);
	urlrec_free(again);
	window_release(&w);
}

static void
the_outset_holds_pairs_exactly(void **state)
{
	enum { HOSTS = 7, KEYS = 200, STEPS = 20000 };
	static bool in[HOSTS][KEYS];
	struct outset o = {0};
	uint64_t seed = 11;
	uint32_t n = 0;

	(void)state;
	assert_false(outset_has(&o, 1, 2));
	outset_remove(&o, 1, 2);
	for (int i = 0; i < STEPS; i++) {
		uint64_t h = rng(&seed) % HOSTS, k = rng(&seed) % KEYS;

		if (rng(&seed) % 2 == 0) {
			assert_int_equal(outset_add(&o, h, k), 0);
			n += !in[h][k];
			in[h][k] = true;
		} else {
			outset_remove(&o, h, k);
			n -= in[h][k];
			in[h][k] = false;
		}
		assert_int_equal(o.len, n);
		h = rng(&seed) % HOSTS;
		k = rng(&seed) % KEYS;
		assert_int_equal(outset_has(&o, h, k), in[h][k]);
	}
	for (uint64_t h = 0; h < HOSTS; h++)
		for (uint64_t k = 0; k < KEYS; k++)
			assert_int_equal(outset_has(&o, h, k), in[h][k]);
	outset_release(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_sorts_whatever_comes),
	    cmocka_unit_test(it_serves_as_queue_and_as_stack),
	    cmocka_unit_test(it_gives_from_both_ends),
	    cmocka_unit_test(one_can_be_taken_by_its_key),
	    cmocka_unit_test(a_key_is_in_it_once),
	    cmocka_unit_test(the_outset_holds_pairs_exactly),
	};

	return cmocka_run_group_tests_name("frontier/window", tests, NULL, NULL);
}
