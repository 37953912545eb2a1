#include "base/line_sorter.h"
#include "files_kit.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

enum { MEMORY = 256 << 10 };

static size_t
make_line(char *out, size_t cap, uint32_t i)
{
	uint32_t key = (i * 2654435761u) % 1000003u;
	int n = snprintf(out, cap, "%u", key);

	for (uint32_t k = 0; k < key % 90; k++)
		out[n++] = (char)('a' + key % 26);
	return (size_t)n;
}

/* All come out, in order, and nothing with a name is left. */
static void
expect_sorted(uint32_t lines)
{
	char dir[KIT_PATH_MAX], text[256], last[256] = "";
	struct line_sorter *s;
	struct kit_list files;
	struct slice line;
	uint64_t bytes = 0, out = 0;
	uint32_t n = 0;
	int r;

	kit_scratch(dir);
	assert_int_equal(line_sorter_new(dir, MEMORY, &s), 0);
	for (uint32_t i = 0; i < lines; i++) {
		size_t len = make_line(text, sizeof(text), i);

		bytes += len;
		assert_int_equal(line_sorter_add(s, slice_of(text, len)), 0);
	}
	assert_int_equal(line_sorter_sort(s), 0);
	kit_list(dir, ".", &files);
	assert_int_equal(files.n, 0);
	while ((r = line_sorter_next(s, &line)) > 0) {
		memcpy(text, line.ptr, line.len);
		text[line.len] = '\0';
		assert_true(strcmp(last, text) <= 0);
		memcpy(last, text, line.len + 1);
		out += line.len;
		n++;
	}
	assert_int_equal(r, 0);
	assert_int_equal(n, lines);
	assert_true(out == bytes);
	line_sorter_free(s);
	kit_remove(dir);
}

static void
lines_come_out_in_the_order_of_their_bytes(void **state)
{
	(void)state;
	expect_sorted(0);
	expect_sorted(1);
	expect_sorted(500);
	expect_sorted(100 * 1000); /* some thirty parts */
}

static void
empty_and_equal_and_long_lines_are_kept(void **state)
{
	static char longest[LINE_SORTER_LINE_MAX + 1];
	struct line_sorter *s;
	struct slice line;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	assert_int_equal(line_sorter_new("/tmp", MEMORY, &s), 0);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(
		    line_sorter_add(s, slice_of(longest, LINE_SORTER_LINE_MAX)), 0);
		assert_int_equal(line_sorter_add(s, SLICE_LIT("")), 0);
	}
	assert_int_equal(
	    line_sorter_add(s, slice_of(longest, sizeof(longest))), -EMSGSIZE);
	assert_int_equal(line_sorter_sort(s), 0);
	for (int i = 0; i < 80; i++) {
		assert_int_equal(line_sorter_next(s, &line), 1);
		assert_int_equal(line.len, i < 40 ? 0 : LINE_SORTER_LINE_MAX);
	}
	assert_int_equal(line_sorter_next(s, &line), 0);
	assert_int_equal(line_sorter_next(s, &line), 0);
	line_sorter_free(s);
}

static void
a_directory_that_is_not_there_is_an_error(void **state)
{
	struct line_sorter *s;
	int r = 0;

	(void)state;
	assert_int_equal(line_sorter_new("/nowhere/at/all", MEMORY, &s), 0);
	for (int i = 0; i < MEMORY && r == 0; i++)
		r = line_sorter_add(s, SLICE_LIT("a line of some length"));
	assert_int_equal(r, -ENOENT);
	line_sorter_free(s);
}

/* A limit on the size of files stands for a quota; what is too much to merge is told otherwise. */
static void
a_quota_that_is_used_up_is_a_full_disk(void **state)
{
	void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
	struct rlimit was, small;
	struct line_sorter *s;
	int r = 0;

	(void)state;
	assert_int_equal(line_sorter_new("/tmp", MEMORY, &s), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = (struct rlimit){.rlim_cur = MEMORY, .rlim_max = was.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (int i = 0; i < MEMORY && r == 0; i++)
		r = line_sorter_add(s, SLICE_LIT("a line of some length"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	(void)signal(SIGXFSZ, before);
	assert_int_equal(r, -ENOSPC);
	line_sorter_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_come_out_in_the_order_of_their_bytes),
	    cmocka_unit_test(empty_and_equal_and_long_lines_are_kept),
	    cmocka_unit_test(a_directory_that_is_not_there_is_an_error),
	    cmocka_unit_test(a_quota_that_is_used_up_is_a_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
