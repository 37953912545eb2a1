/* What seeds take is given back when there is no more. */
#include "crawl/job.h"
#include "crawl/reach.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "alloc_fail.h"

enum { SEEDS = 40 };

static struct slice
seed_text(char room[64], int i)
{
	int n = snprintf(room, 64, "http://h%d.test/%d/?b=%d&a", i % 7, i, i % 3);

	return slice_of(room, (size_t)n);
}

/* As many as there was memory for. */
static int
job_fill(struct job *j)
{
	char room[64];
	size_t at;
	int r = 0;

	for (int i = 0; i < SEEDS && r == 0; i++) {
		struct slice seed = seed_text(room, i);

		r = job_add_seed(j, seed, NULL);
		assert_true(r == 0 || r == -ENOMEM);
		assert_int_equal(j->seeds.n, (size_t)i + (r == 0));
		assert_true(job_seed_at(j, seed, &at) == (r == 0));
	}
	return r;
}

static void
a_seed_is_added_whole_or_not_at_all(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct job j;
		int r = job_init(&j);

		if (r == 0)
			r = job_fill(&j);
		if (r == 0) {
			j.options.crawl_sort_query = true;
			r = job_tidy_seeds(&j);
		}
		assert_true(r == 0 || r == -ENOMEM);
		job_release(&j);
	}
}

static bool
on_mistake(void *ctx, const struct job_mistake *m)
{
	int *told = ctx;

	assert_true(m->line > 0 && m->column == 1);
	assert_string_equal(m->text, "out of memory");
	return ++*told < 100;
}

static void
a_file_of_seeds_says_once_that_memory_is_out(void **state)
{
	static const struct slice text =
	    SLICE_LIT("http://a.test/\nhttp://b.test/\n\nhttp://c.test/\n");

	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct job j;
		int told = 0, mistakes;

		if (job_init(&j) == 0) {
			mistakes = job_read_seeds(&j, text, NULL, on_mistake, &told);
			assert_int_equal(mistakes, told);
			assert_true(told <= 1);
			assert_true(told == 1 || j.seeds.n == 3);
		}
		job_release(&j);
	}
}

static int
read_included(void *ctx, const char *path, struct buf *out, struct why *why)
{
	int r;

	(void)ctx;
	buf_init(out, 4096);
	r = buf_add_cstr(out, strcmp(path, "s.txt") == 0 ? "http://b.test/\n"
							 : "fetch: {from: a@b.test}\n");
	if (r == 0)
		return 0;
	buf_release(out);
	return why_set(why, r, "out of memory");
}

static bool
on_any_mistake(void *ctx, const struct job_mistake *m)
{
	int *told = ctx;

	assert_true(m->text[0] != '\0');
	return ++*told < 100;
}

static void
a_job_file_is_read_whole_or_a_mistake_is_told(void **state)
{
	static const struct slice text = SLICE_LIT(
	    "name: x\nseeds: ['http://${N:-a}.test/']\nseeds_from: s.txt\n"
	    "include: i.yaml\ncrawl: {exclude: [a, b], depth: 3}\n"
	    "rules:\n  - {host: '*.x.test', match: y, depth: 3, extract: [a=b]}\n");

	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		int told = 0, mistakes;
		struct job_reading how = {
		    .read = read_included, .fn = on_any_mistake, .ctx = &told};
		struct job j;

		if (job_init(&j) == 0) {
			mistakes = job_read(&j, text, &how);
			assert_true(mistakes == -ENOMEM || mistakes == told);
			assert_true(mistakes != 0 ||
				    (j.seeds.n == 2 && j.options.rules_len == 1 &&
					j.options.crawl_exclude.n == 2 &&
					j.options.fetch_from != NULL));
		}
		job_release(&j);
	}
}

static void
a_key_is_added_or_memory_is_out(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct reach reach;
		int r = 0;

		reach_init(&reach, SCOPE_PREFIX, 5);
		for (uint64_t k = 0; k < 200 && r == 0; k++)
			r = reach_add(&reach, k * 64 + 2);
		assert_true(r == 0 || r == -ENOMEM);
		assert_true(r < 0 || (reach.keys.len == 200 && reach.deepest == 2));
		reach_release(&reach);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_seed_is_added_whole_or_not_at_all),
	    cmocka_unit_test(a_file_of_seeds_says_once_that_memory_is_out),
	    cmocka_unit_test(a_job_file_is_read_whole_or_a_mistake_is_told),
	    cmocka_unit_test(a_key_is_added_or_memory_is_out),
	};

	return cmocka_run_group_tests_name("crawl: out of memory", tests, NULL, NULL);
}
