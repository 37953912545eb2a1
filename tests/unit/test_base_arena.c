#include "base/arena.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
gives_zeroed_memory_aligned_for_any_type(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 256, 1 << 20);
	for (size_t n = 0; n < 300; n++) {
		char *text = arena_text(&a, 1 + n % 3);
		char *p = arena_alloc(&a, n);

		assert_non_null(text);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
		memset(text, 0xff, 1 + n % 3);
	}
	arena_release(&a);
	assert_int_equal(a.used_bytes, 0);
	arena_release(&a);
}

static void
allocations_do_not_overlap(void **state)
{
	unsigned char *p[200];
	struct arena a;

	(void)state;
	arena_init(&a, 64, 1 << 20);
	for (size_t i = 0; i < 200; i++) {
		p[i] = i % 2 == 0 ? arena_alloc(&a, i) : (void *)arena_text(&a, i);
		assert_non_null(p[i]);
		memset(p[i], (int)i, i);
	}
	for (size_t i = 0; i < 200; i++)
		for (size_t k = 0; k < i; k++)
			assert_int_equal(p[i][k], i);
	arena_release(&a);
}

static void
stops_at_its_maximum(void **state)
{
	struct arena a;
	struct slice s = SLICE_LIT("as it was");
	size_t n = 0;

	(void)state;
	arena_init(&a, 100, 1000);
	while (arena_text(&a, 10) != NULL)
		n += 10;
	assert_int_equal(n, 1000);
	assert_int_equal(a.used_bytes, 1000);
	assert_null(arena_alloc(&a, 1));
	assert_false(arena_copy(&a, SLICE_LIT("x"), &s));
	assert_true(slice_eq(s, SLICE_LIT("as it was")));
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 1));
	arena_release(&a);
	/* Sizes that would wrap around. */
	arena_init(&a, 100, SIZE_MAX);
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 8));
	assert_null(arena_text(&a, SIZE_MAX));
	assert_int_equal(a.used_bytes, 0);
	arena_release(&a);
	arena_init(&a, 100, 99);
	assert_null(arena_alloc(&a, 1)); /* not even one block */
	arena_release(&a);
}

static void
one_larger_than_a_block_gets_its_own(void **state)
{
	struct arena a;
	char *p;

	(void)state;
	arena_init(&a, 64, 10000);
	assert_non_null(arena_text(&a, 10));
	p = arena_alloc(&a, 5000);
	assert_non_null(p);
	memset(p, 1, 5000);
	assert_int_equal(a.used_bytes, 5064);
	assert_non_null(arena_text(&a, 10));
	assert_int_equal(a.used_bytes, 5128);
	arena_release(&a);
}

static void
reset_keeps_the_first_block_and_uses_it_again(void **state)
{
	struct arena a;
	char *first;

	(void)state;
	arena_init(&a, 128, 10000);
	arena_reset(&a); /* nothing yet: nothing happens */
	first = arena_text(&a, 100);
	assert_non_null(first);
	for (int i = 0; i < 20; i++)
		assert_non_null(arena_text(&a, 100));
	assert_int_equal(a.used_bytes, 21 * 128);
	arena_reset(&a);
	assert_int_equal(a.used_bytes, 128);
	assert_ptr_equal(arena_text(&a, 100), first);
	assert_int_equal(a.used_bytes, 128);
	arena_release(&a);
}

static void
copies_slices(void **state)
{
	struct arena a;
	char text[] = "abc";
	struct slice s = {0}, e = {0};

	(void)state;
	arena_init(&a, 128, 1000);
	assert_true(arena_copy(&a, slice_of(text, 3), &s));
	text[0] = 'X';
	assert_true(slice_eq(s, SLICE_LIT("abc")));
	assert_true(arena_copy(&a, (struct slice){0}, &e));
	assert_int_equal(e.len, 0);
	arena_release(&a);
}

/* Also of what an earlier page had, and was longer. */
static void
a_wiped_arena_holds_nothing_of_what_was_in_it(void **state)
{
	struct arena a;
	char *kept;

	(void)state;
	arena_init(&a, 1000, 10000);
	arena_wipe(&a); /* nothing yet: nothing happens */
	kept = arena_text(&a, 900);
	assert_non_null(kept);
	memset(kept, 's', 900);
	assert_non_null(arena_text(&a, 5000));
	arena_reset(&a);
	assert_ptr_equal(arena_text(&a, 10), kept);
	arena_wipe(&a);
	for (size_t i = 0; i < 900; i++)
		assert_int_equal(kept[i], 0);
	assert_ptr_equal(arena_text(&a, 1000), kept);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gives_zeroed_memory_aligned_for_any_type),
	    cmocka_unit_test(allocations_do_not_overlap),
	    cmocka_unit_test(stops_at_its_maximum),
	    cmocka_unit_test(one_larger_than_a_block_gets_its_own),
	    cmocka_unit_test(reset_keeps_the_first_block_and_uses_it_again),
	    cmocka_unit_test(copies_slices),
	    cmocka_unit_test(a_wiped_arena_holds_nothing_of_what_was_in_it),
	};

	return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
