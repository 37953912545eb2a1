#include "pool_bench.h"

#include "base/banned.h"

/* What workers know of a job, and how it reaches them. */

static void
apply_settings(struct bench *b, size_t from, size_t n)
{
	struct pool_task t = {.context = 7, .head = SLICE_LIT("settings")};

	for (size_t i = from; i < from + n; i++)
		assert_int_equal(bench_try(b, i, &t), 0);
}

static void
settings_reach_every_worker_before_its_next_task(void **state)
{
	struct pool_conf c = bench_conf();
	static char large[1u << 20];
	struct bench *b;

	(void)state;
	c.workers = 3;
	b = bench_open(&c);
	assert_int_equal(pool_configure(b->p, 7, SLICE_LIT("one")), 0);
	apply_settings(b, 0, 60);
	bench_wait(b, 60);
	for (size_t i = 0; i < 60; i++)
		bench_expect(b, i, POOL_DONE, "one/3/1/0");
	/* 1 MiB comes in pieces; whatever was replaced on the way is never seen. */
	memset(large, 'L', sizeof(large));
	assert_int_equal(pool_configure(b->p, 7, SLICE_LIT("skipped")), 0);
	assert_int_equal(pool_configure(b->p, 7, slice_of(large, sizeof(large))), 0);
	apply_settings(b, 0, 60);
	bench_wait(b, 120);
	for (size_t i = 0; i < 60; i++)
		bench_expect(b, i, POOL_DONE,
		    "LLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLL/1048576/2/0");
	assert_int_equal(
	    pool_configure(b->p, 7, slice_of(large, POOL_SETTINGS_MAX + 1)), -EMSGSIZE);
	bench_close(b);
}

static void
apply_extends(struct bench *b, size_t i)
{
	struct pool_task t = {.context = 7, .head = SLICE_LIT("extends")};

	assert_int_equal(bench_try(b, i, &t), 0);
	bench_wait(b, i + 1);
}

static void
extend_and_look(struct bench *b)
{
	assert_int_equal(pool_extend(b->p, 7, SLICE_LIT("x")), -ENOENT);
	assert_int_equal(pool_configure(b->p, 7, SLICE_LIT("one")), 0);
	assert_int_equal(pool_extend(b->p, 7, SLICE_LIT(",two")), 0);
	apply_extends(b, 0);
	bench_expect(b, 0, POOL_DONE, "one,two/7/1/0"); /* it had nothing yet */
	assert_int_equal(pool_extend(b->p, 7, SLICE_LIT(",three")), 0);
	assert_int_equal(pool_extend(b->p, 7, SLICE_LIT(",four")), 0);
	apply_extends(b, 1);
	bench_expect(b, 1, POOL_DONE, "one,two,three,four/18/1/1");
	apply_extends(b, 2);
	bench_expect(b, 2, POOL_DONE, "one,two,three,four/18/1/1");
	assert_int_equal(pool_extend(b->p, 7, SLICE_LIT("!")), 0);
	assert_int_equal(pool_configure(b->p, 7, SLICE_LIT("new")), 0);
	assert_int_equal(pool_extend(b->p, 7, SLICE_LIT("er")), 0);
	apply_extends(b, 3);
	bench_expect(b, 3, POOL_DONE, "newer/5/2/1");
	assert_int_equal(
	    pool_extend(b->p, 7, slice_of("", POOL_SETTINGS_MAX - 4)), -EMSGSIZE);
	assert_int_equal(pool_configure(b->p, 7, SLICE_LIT("")), 0);
	assert_int_equal(pool_extend(b->p, 7, SLICE_LIT("x")), -ENOENT);
}

static void
a_worker_that_has_settings_gets_only_what_is_added(void **state)
{
	struct pool_conf c = bench_conf();
	struct bench *b;
	int pid;

	(void)state;
	c.workers = 1;
	b = bench_open(&c);
	extend_and_look(b);
	/* One that comes later gets the whole. */
	assert_int_equal(pool_configure(b->p, 7, SLICE_LIT("a")), 0);
	apply_extends(b, 4);
	assert_int_equal(pool_extend(b->p, 7, SLICE_LIT("b")), 0);
	assert_int_equal(pool_pids(b->p, &pid, 1), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(process_is_gone(pid));
	apply_extends(b, 5);
	bench_expect(b, 5, POOL_DONE, "ab/2/1/0");
	bench_close(b);
	b = bench_open_virtual(NULL);
	extend_and_look(b);
	bench_close(b);
}

static void
what_is_added_comes_in_pieces_and_not_to_what_was_refused(void **state)
{
	static char large[300000];
	struct pool_conf c = bench_conf();
	struct pool_task t = {.context = 5, .head = SLICE_LIT("echo x")};
	struct bench *b;

	(void)state;
	c.workers = 1;
	b = bench_open(&c);
	memset(large, 'x', sizeof(large));
	assert_int_equal(pool_configure(b->p, 7, slice_of(large, sizeof(large))), 0);
	apply_extends(b, 0);
	assert_int_equal(pool_extend(b->p, 7, slice_of(large, sizeof(large))), 0);
	apply_extends(b, 1);
	bench_expect(
	    b, 1, POOL_DONE, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/600000/1/1");
	assert_int_equal(pool_configure(b->p, 5, SLICE_LIT("accept")), 0);
	assert_int_equal(bench_try(b, 2, &t), 0);
	bench_wait(b, 3);
	bench_expect(b, 2, POOL_DONE, "x");
	assert_int_equal(pool_extend(b->p, 5, SLICE_LIT("refuse")), 0);
	assert_int_equal(bench_try(b, 3, &t), 0);
	bench_wait(b, 4);
	bench_expect(b, 3, POOL_ERROR, "");
	assert_int_equal(pool_extend(b->p, 5, SLICE_LIT("good")), 0);
	assert_int_equal(bench_try(b, 4, &t), 0);
	bench_wait(b, 5);
	bench_expect(b, 4, POOL_ERROR, "");
	bench_close(b);
}

static void
settings_reach_workers_that_come_later(void **state)
{
	struct pool_conf c = bench_conf();
	static char large[300000];
	struct bench *b;
	int pid;

	(void)state;
	c.workers = 1;
	b = bench_open(&c);
	memset(large, 'x', sizeof(large));
	assert_int_equal(pool_configure(b->p, 7, slice_of(large, sizeof(large))), 0);
	apply_settings(b, 0, 1);
	bench_wait(b, 1);
	assert_int_equal(pool_pids(b->p, &pid, 1), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(process_is_gone(pid));
	apply_settings(b, 1, 5);
	bench_wait(b, 6);
	for (size_t i = 1; i < 6; i++)
		bench_expect(b, i, POOL_DONE,
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/300000/1/0");
	bench_close(b);
}

static void
forgotten_settings_are_taken_back(void **state)
{
	struct pool_conf c = bench_conf();
	struct bench *b;

	(void)state;
	c.workers = 1;
	b = bench_open(&c);
	assert_int_equal(pool_configure(b->p, 7, SLICE_LIT("one")), 0);
	apply_settings(b, 0, 1);
	bench_wait(b, 1);
	assert_int_equal(pool_configure(b->p, 7, SLICE_LIT("")), 0);
	assert_int_equal(pool_configure(b->p, 8, SLICE_LIT("")), 0);
	apply_settings(b, 1, 1);
	bench_wait(b, 2);
	bench_expect(b, 1, POOL_DONE, "/0/1/1");
	/* Never used by a worker: nothing to take back. */
	assert_int_equal(pool_configure(b->p, 9, SLICE_LIT("unused")), 0);
	assert_int_equal(pool_configure(b->p, 9, SLICE_LIT("")), 0);
	assert_int_equal(pool_configure(b->p, 7, SLICE_LIT("two")), 0);
	apply_settings(b, 2, 1);
	bench_wait(b, 3);
	bench_expect(b, 2, POOL_DONE, "two/3/2/1");
	bench_close(b);
}

static void
tasks_of_refused_settings_are_errors_until_there_are_others(void **state)
{
	struct pool_task t = {.context = 5, .head = SLICE_LIT("echo x")};
	struct bench *b = bench_open(NULL);

	(void)state;
	assert_int_equal(pool_configure(b->p, 5, SLICE_LIT("refuse")), 0);
	assert_int_equal(bench_try(b, 0, &t), 0);
	bench_apply(b, 1, 0, "echo of another context");
	bench_wait(b, 2);
	bench_expect(b, 0, POOL_ERROR, "");
	bench_expect(b, 1, POOL_DONE, "of another context");
	assert_int_equal(pool_configure(b->p, 5, SLICE_LIT("accept")), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(bench_try(b, i, &t), 0);
	bench_wait(b, 6);
	for (size_t i = 0; i < 4; i++)
		bench_expect(b, i, POOL_DONE, "x");
	bench_close(b);
}

/* Without memory for settings, for `ms` from now on. */
static void
starve(struct bench *b, int64_t ms)
{
	char text[40];

	(void)snprintf(
	    text, sizeof(text), "starve-until %lld", (long long)(clock_mono_ms() + ms));
	assert_int_equal(pool_configure(b->p, 5, slice_of(text, strlen(text) + 1)), 0);
}

static void
settings_that_find_no_memory_are_given_anew(void **state)
{
	struct pool_task t = {.context = 5, .head = SLICE_LIT("echo x")};
	struct bench *b = bench_open(NULL);

	(void)state;
	starve(b, 100);
	assert_int_equal(bench_try(b, 0, &t), 0);
	bench_wait(b, 1);
	assert_int_not_equal(b->of[0].end, POOL_ERROR);
	bench_sleep(b, 200);
	for (size_t i = 1; i < 5; i++)
		assert_int_equal(bench_try(b, i, &t), 0);
	bench_wait(b, 5);
	for (size_t i = 1; i < 5; i++)
		bench_expect(b, i, POOL_DONE, "x");
	bench_close(b);
}

static void
on_a_virtual_loop_settings_work_the_same(void **state)
{
	struct pool_task t = {.context = 5, .head = SLICE_LIT("echo x")};
	struct bench *b = bench_open_virtual(NULL);

	(void)state;
	assert_int_equal(pool_configure(b->p, 7, SLICE_LIT("one")), 0);
	assert_int_equal(pool_configure(b->p, 7, SLICE_LIT("two")), 0);
	apply_settings(b, 0, 2);
	bench_wait(b, 2);
	bench_expect(b, 0, POOL_DONE, "two/3/1/0");
	bench_expect(b, 1, POOL_DONE, "two/3/1/0");
	assert_int_equal(pool_configure(b->p, 7, SLICE_LIT("")), 0);
	apply_settings(b, 2, 1);
	bench_wait(b, 3);
	bench_expect(b, 2, POOL_DONE, "/0/1/1");
	assert_int_equal(pool_configure(b->p, 5, SLICE_LIT("refuse")), 0);
	assert_int_equal(bench_try(b, 3, &t), 0);
	bench_wait(b, 4);
	bench_expect(b, 3, POOL_ERROR, "");
	assert_int_equal(pool_configure(b->p, 5, SLICE_LIT("accept")), 0);
	assert_int_equal(bench_try(b, 4, &t), 0);
	bench_wait(b, 5);
	bench_expect(b, 4, POOL_DONE, "x");
	bench_starves = true;
	assert_int_equal(pool_configure(b->p, 5, SLICE_LIT("starve")), 0);
	assert_int_equal(bench_try(b, 5, &t), 0);
	bench_wait(b, 6);
	bench_expect(b, 5, POOL_ERROR, "");
	bench_starves = false;
	assert_int_equal(bench_try(b, 6, &t), 0);
	bench_wait(b, 7);
	bench_expect(b, 6, POOL_DONE, "x");
	bench_close(b);
}

static int
run(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(settings_reach_every_worker_before_its_next_task),
	    cmocka_unit_test(settings_reach_workers_that_come_later),
	    cmocka_unit_test(a_worker_that_has_settings_gets_only_what_is_added),
	    cmocka_unit_test(what_is_added_comes_in_pieces_and_not_to_what_was_refused),
	    cmocka_unit_test(forgotten_settings_are_taken_back),
	    cmocka_unit_test(tasks_of_refused_settings_are_errors_until_there_are_others),
	    cmocka_unit_test(settings_that_find_no_memory_are_given_anew),
	    cmocka_unit_test(on_a_virtual_loop_settings_work_the_same),
	};

	return cmocka_run_group_tests_name("loop/pool settings", tests, NULL, NULL);
}

int
main(void)
{
	return bench_main("loop/pool settings", run);
}
