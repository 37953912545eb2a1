#include "base/sorter.h"
#include "files_kit.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>

struct rec {
	uint32_t key, twin;
};

static int
by_key(const void *a, const void *b)
{
	const struct rec *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static uint32_t
scrambled(uint32_t i)
{
	return (i * 2654435761u) % 100003u;
}

/* `n` records through `memory_bytes`: all come out, in order, whole. */
static void
expect_sorted(uint32_t n, size_t memory_bytes)
{
	char dir[KIT_PATH_MAX];
	struct sorter_conf conf = {sizeof(struct rec), memory_bytes, by_key, dir};
	struct sorter *s;
	struct rec r, last = {0};
	uint64_t sum = 0, want = 0;
	struct kit_list files;
	uint32_t got = 0;
	int more;

	kit_scratch(dir);
	assert_int_equal(sorter_new(&conf, &s), 0);
	for (uint32_t i = 0; i < n; i++) {
		r = (struct rec){scrambled(i), ~scrambled(i)};
		want += r.key;
		assert_int_equal(sorter_add(s, &r), 0);
	}
	assert_int_equal(sorter_sort(s), 0);
	kit_list(dir, ".", &files);
	assert_int_equal(files.n, 0); /* the file has no name */
	while ((more = sorter_next(s, &r)) == 1) {
		assert_true(r.key >= last.key);
		assert_int_equal(r.twin, ~r.key);
		sum += r.key;
		last = r;
		got++;
	}
	assert_int_equal(more, 0);
	assert_int_equal(sorter_next(s, &r), 0);
	assert_int_equal(got, n);
	assert_true(sum == want);
	sorter_free(s);
	kit_remove(dir);
}

static void
what_fits_into_memory_is_sorted(void **state)
{
	(void)state;
	expect_sorted(0, 64);
	expect_sorted(1, 64);
	expect_sorted(8, 64);
	expect_sorted(10000, 1 << 20);
}

static void
what_does_not_fit_is_sorted_through_a_file(void **state)
{
	(void)state;
	expect_sorted(9, 64); /* two runs, of 8 and of 1 */
	expect_sorted(16, 64);
	expect_sorted(17, 64);
	expect_sorted(100000, 16 << 10);
	expect_sorted(65536, 16 << 10);
}

static void
more_than_can_be_merged_is_an_error(void **state)
{
	struct sorter_conf conf = {
	    sizeof(struct rec), 8 * sizeof(struct rec), by_key, "/tmp"};
	struct rec r = {0};
	struct sorter *s;
	int e = 0, n = 0;

	(void)state;
	assert_int_equal(sorter_new(&conf, &s), 0);
	while (e == 0 && n++ < 1000)
		e = sorter_add(s, &r);
	assert_int_equal(e, -EFBIG);
	sorter_free(s);
}

static void
a_directory_that_takes_no_file_is_an_error(void **state)
{
	struct sorter_conf conf = {
	    sizeof(struct rec), 2 * sizeof(struct rec), by_key, "/nonexistent/dir"};
	struct rec r = {0};
	struct sorter *s;

	(void)state;
	assert_int_equal(sorter_new(&conf, &s), 0);
	assert_int_equal(sorter_add(s, &r), 0);
	assert_int_equal(sorter_add(s, &r), 0);
	assert_int_equal(sorter_add(s, &r), -ENOENT);
	sorter_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_fits_into_memory_is_sorted),
	    cmocka_unit_test(what_does_not_fit_is_sorted_through_a_file),
	    cmocka_unit_test(more_than_can_be_merged_is_an_error),
	    cmocka_unit_test(a_directory_that_takes_no_file_is_an_error),
	};

	return cmocka_run_group_tests_name("base/sorter", tests, NULL, NULL);
}
