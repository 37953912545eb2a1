#include "base/clock.h"
#include "pool_bench.h"
#include <dirent.h>
#include <sys/stat.h>

#include "base/banned.h"

/* Until so many workers are ready for tasks. */
static void
wait_for_workers(struct bench *b, uint32_t n)
{
	struct pool_stats st;

	do {
		bench_sleep(b, 5);
		pool_stats(b->p, &st);
	} while (st.workers_alive < n);
}

static void
every_task_ends_once_with_its_own_result(void **state)
{
	struct bench *b = bench_open(NULL);
	struct pool_stats st;
	char text[32];

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "echo %zu", i * 7);
		bench_apply(b, i, 60000, text);
		assert_int_equal(b->of[i].calls, 0);
	}
	bench_wait(b, 1000);
	for (size_t i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "%zu", i * 7);
		bench_expect(b, i, POOL_DONE, text);
	}
	wait_for_workers(b, 2);
	pool_stats(b->p, &st);
	assert_int_equal(st.tasks_done, 1000);
	assert_int_equal(st.crashes + st.timeouts + st.recycled, 0);
	assert_int_equal(st.queued + st.running, 0);
	assert_int_equal(st.workers_alive, 2);
	bench_close(b);
}

static void
bodies_are_read_out_of_the_arena(void **state)
{
	struct bench *b = bench_open(NULL);
	struct shm_block blocks[20];
	struct pool_task t = {.head = SLICE_LIT("sum")};
	char text[32], outside[4] = "abc";

	(void)state;
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(shm_alloc(b->shm, 27000, &blocks[i]), 0);
		memset(shm_ptr(b->shm, &blocks[i]), (int)i + 1, 27000);
		t.body = slice_of(shm_ptr(b->shm, &blocks[i]), 27000);
		assert_int_equal(bench_try(b, i, &t), 0);
	}
	bench_wait(b, 20);
	for (size_t i = 0; i < 20; i++) {
		(void)snprintf(text, sizeof(text), "%zu", (i + 1) * 27000);
		bench_expect(b, i, POOL_DONE, text);
	}
	t.body = slice_of(outside, sizeof(outside));
	assert_int_equal(bench_try(b, 20, &t), -EINVAL);
	bench_close(b);
}

static void
heads_of_any_length_up_to_the_limit_arrive(void **state)
{
	struct pool_conf c = bench_conf();
	static char head[65537];
	struct pool_task t = {.timeout_ms = 60000};
	struct bench *b;

	(void)state;
	c.head_bytes_max = 65536;
	b = bench_open(&c);
	memset(head, 'h', sizeof(head));
	t.head = slice_of(head, 65537);
	assert_int_equal(bench_try(b, 0, &t), -EMSGSIZE);
	/* More than the socket holds at a time; the command is unknown: an error. */
	for (size_t i = 0; i < 100; i++) {
		t.head = slice_of(head, i == 99 ? 0 : 65536 - i);
		assert_int_equal(bench_try(b, i, &t), 0);
	}
	bench_wait(b, 100);
	for (size_t i = 0; i < 100; i++)
		bench_expect(b, i, POOL_ERROR, "");
	bench_close(b);
}

static void
what_an_operation_refuses_is_an_error(void **state)
{
	struct bench *b = bench_open(NULL);

	(void)state;
	bench_apply(b, 0, 0, "error");
	bench_apply(b, 1, 0, "over");
	bench_apply(b, 2, 0, "big 1048576");
	bench_apply(b, 3, 0, "big 1048577");
	bench_apply(b, 4, 0, "echo after");
	bench_wait(b, 5);
	bench_expect(b, 0, POOL_ERROR, "");
	bench_expect(b, 1, POOL_ERROR, "");
	assert_int_equal(b->of[2].end, POOL_DONE);
	assert_int_equal(b->of[2].len, 1048576);
	bench_expect(b, 3, POOL_ERROR, "");
	bench_expect(b, 4, POOL_DONE, "after");
	bench_close(b);
}

/* More than the region holds: the worker waits until the loop has read. */
static void
results_larger_together_than_the_region_all_arrive(void **state)
{
	struct bench *b = bench_open(NULL);

	(void)state;
	for (size_t i = 0; i < 200; i++)
		bench_apply(b, i, 20000, i % 3 == 0 ? "big 1000000" : "big 100001");
	bench_wait(b, 200);
	for (size_t i = 0; i < 200; i++) {
		assert_int_equal(b->of[i].end, POOL_DONE);
		assert_int_equal(b->of[i].len, i % 3 == 0 ? 1000000 : 100001);
		assert_int_equal(b->of[i].text[0], 'b');
	}
	bench_close(b);
}

/* Bytes of memfds called trawl-results that this process has open. */
static uint64_t
results_resident(void)
{
	DIR *d = opendir("/proc/self/fd");
	uint64_t bytes = 0;
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		char path[300], to[64] = "";
		struct stat st;

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%s", e->d_name);
		if (readlink(path, to, sizeof(to) - 1) > 0 &&
		    strstr(to, "memfd:trawl-results") != NULL && stat(path, &st) == 0)
			bytes += (uint64_t)st.st_blocks * 512;
	}
	(void)closedir(d);
	return bytes;
}

static void
memory_of_large_results_goes_back(void **state)
{
	struct pool_conf c = bench_conf();
	struct bench *b;

	(void)state;
	c.result_bytes_max = 32u << 20;
	b = bench_open(&c);
	for (size_t i = 0; i < 6; i++)
		bench_apply(b, i, 0, i % 2 == 0 ? "big 30000000" : "bigfail 30000000");
	bench_wait(b, 6);
	assert_int_equal(b->of[0].len, 30000000);
	assert_int_equal(b->of[1].end, POOL_ERROR);
	assert_true(results_resident() < 100000);
	bench_close(b);
	assert_int_equal(results_resident(), 0);
}

/* ---- map and imap ---- */

struct many_log {
	struct bench *b;
	struct pool_many *m;
	size_t items[600], len, ends;
	size_t cancel_at;
	bool wrong;
};

static void
log_item(void *ctx, size_t i, enum pool_end end, struct slice result)
{
	struct many_log *g = ctx;
	char text[32];

	(void)snprintf(text, sizeof(text), "%zu", i);
	if (end != POOL_DONE || !slice_eq(result, slice_cstr(text)) || g->ends > 0)
		g->wrong = true;
	g->items[g->len++] = i;
	if (g->cancel_at == g->len) {
		pool_many_cancel(g->m);
		loop_stop(g->b->l);
	}
}

static void
log_end(void *ctx)
{
	struct many_log *g = ctx;

	g->ends++;
	pool_many_cancel(g->m); /* harmless here */
	loop_stop(g->b->l);
}

/* The first is slow, so that others end before it. */
static void
many_tasks(struct pool_task *tasks, char (*text)[32], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "echo %zu", i);
		tasks[i] = (struct pool_task){.head = slice_cstr(text[i])};
	}
}

static void
map_gives_results_in_the_order_of_the_tasks(void **state)
{
	struct pool_conf c = bench_conf();
	struct pool_task tasks[600];
	struct many_log g = {0};
	char text[600][32];

	(void)state;
	c.workers = 3;
	c.batch_max = 4;
	g.b = bench_open(&c);
	many_tasks(tasks, text, 600);
	assert_int_equal(pool_map(g.b->p, tasks, 600, log_item, log_end, &g, &g.m), 0);
	assert_int_equal(g.len, 0);
	bench_apply(g.b, 0, 0, "spin 1"); /* others use the pool as well */
	assert_int_equal(loop_run(g.b->l), 0);
	assert_false(g.wrong);
	assert_int_equal(g.ends, 1);
	assert_int_equal(g.len, 600);
	for (size_t i = 0; i < 600; i++)
		assert_int_equal(g.items[i], i);
	bench_close(g.b);
}

static void
imap_gives_every_result_once(void **state)
{
	struct pool_conf c = bench_conf();
	struct pool_task tasks[600];
	struct many_log g = {0};
	bool seen[600] = {false};
	char text[600][32];

	(void)state;
	c.queue_max = 5; /* less than its window */
	g.b = bench_open(&c);
	many_tasks(tasks, text, 600);
	assert_int_equal(pool_imap(g.b->p, tasks, 600, log_item, log_end, &g, &g.m), 0);
	assert_int_equal(loop_run(g.b->l), 0);
	assert_false(g.wrong);
	assert_int_equal(g.ends, 1);
	assert_int_equal(g.len, 600);
	for (size_t i = 0; i < 600; i++)
		seen[g.items[i]] = true;
	for (size_t i = 0; i < 600; i++)
		assert_true(seen[i]);
	bench_close(g.b);
}

static void
note_end(void *ctx, size_t i, enum pool_end end, struct slice result)
{
	struct many_log *g = ctx;

	(void)end;
	(void)result;
	g->items[g->len++] = i;
}

static void
a_slow_task_delays_the_later_ones_of_map_but_not_of_imap(void **state)
{
	struct pool_conf c = bench_conf();
	struct pool_task tasks[8];
	struct many_log g = {0};
	char text[8][32];

	(void)state;
	c.batch_max = 1;
	g.b = bench_open(&c);
	many_tasks(tasks, text, 8);
	tasks[0].head = SLICE_LIT("stop");
	assert_int_equal(pool_imap(g.b->p, tasks, 8, note_end, log_end, &g, &g.m), 0);
	while (g.len < 7)
		bench_sleep(g.b, 5);
	bench_let_go_on(g.b);
	while (g.ends == 0)
		bench_sleep(g.b, 5);
	assert_int_equal(g.len, 8);
	assert_int_equal(g.items[7], 0);
	g.len = 0;
	tasks[0].head = SLICE_LIT("spin 100");
	assert_int_equal(pool_map(g.b->p, tasks, 8, note_end, log_end, &g, &g.m), 0);
	assert_int_equal(loop_run(g.b->l), 0);
	assert_int_equal(g.len, 8);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(g.items[i], i);
	assert_int_equal(g.ends, 2);
	bench_close(g.b);
}

static void
a_map_of_nothing_ends_in_the_next_turn(void **state)
{
	struct many_log g = {0};

	(void)state;
	g.b = bench_open(NULL);
	assert_int_equal(pool_map(g.b->p, NULL, 0, log_item, log_end, &g, &g.m), 0);
	assert_int_equal(g.ends, 0);
	assert_int_equal(loop_run(g.b->l), 0);
	assert_int_equal(g.ends, 1);
	bench_close(g.b);
}

static void
a_cancelled_map_calls_nobody_any_more(void **state)
{
	struct pool_task tasks[600];
	struct many_log g = {.cancel_at = 40}, other = {0};
	char text[600][32];

	(void)state;
	g.b = other.b = bench_open(NULL);
	many_tasks(tasks, text, 600);
	assert_int_equal(pool_map(g.b->p, tasks, 600, log_item, log_end, &g, &g.m), 0);
	assert_int_equal(
	    pool_map(g.b->p, tasks, 9, log_item, log_end, &other, &other.m), 0);
	pool_many_cancel(other.m);
	assert_int_equal(loop_run(g.b->l), 0);
	bench_sleep(g.b, 30);
	assert_int_equal(g.len, 40);
	assert_int_equal(g.ends + other.len + other.ends, 0);
	/* One that is left to pool_free(). */
	assert_int_equal(pool_imap(g.b->p, tasks, 600, log_item, log_end, &g, &g.m), 0);
	bench_close(g.b);
}

static void
map_keeps_what_came_early_when_tasks_fail(void **state)
{
	struct pool_task tasks[6];
	struct many_log g = {0};
	char text[6][32];

	(void)state;
	g.b = bench_open(NULL);
	many_tasks(tasks, text, 6);
	tasks[0].head = SLICE_LIT("die abort");
	tasks[3].head = slice_of(text, 5000); /* longer than the pool takes */
	assert_int_equal(pool_map(g.b->p, tasks, 6, note_end, log_end, &g, &g.m), 0);
	assert_int_equal(loop_run(g.b->l), 0);
	assert_int_equal(g.len, 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(g.items[i], i);
	bench_close(g.b);
}

/* ---- queue ---- */

static void
on_room(void *ctx)
{
	unsigned *rooms = ctx;

	(*rooms)++;
}

static void
a_full_queue_says_so_and_calls_when_there_is_room(void **state)
{
	const struct pool_task t = {.head = SLICE_LIT("echo x")};
	struct pool_conf c = bench_conf();
	unsigned rooms = 0;
	struct bench *b;

	(void)state;
	c.queue_max = 10;
	b = bench_open(&c);
	pool_on_room(b->p, on_room, &rooms);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(bench_try(b, i, &t), 0);
	bench_wait(b, 10);
	bench_sleep(b, 1);
	assert_int_equal(rooms, 0);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(bench_try(b, i, &t), 0);
	assert_int_equal(bench_try(b, 10, &t), -EAGAIN);
	assert_int_equal(bench_try(b, 10, &t), -EAGAIN);
	assert_int_equal(rooms, 0);
	bench_wait(b, 20);
	bench_sleep(b, 1);
	assert_int_equal(rooms, 1);
	bench_close(b);
}

static void
tasks_go_to_the_worker_with_the_shortest_line(void **state)
{
	struct pool_conf c = bench_conf();
	struct bench *b;
	int64_t start_ms;

	(void)state;
	c.workers = 4;
	b = bench_open(&c);
	wait_for_workers(b, 4);
	start_ms = clock_mono_ms();
	for (size_t i = 0; i < 4; i++)
		bench_apply(b, i, 0, "stop");
	for (size_t i = 0; i < 4; i++)
		b->of[i].end = POOL_ERROR;
	bench_sleep(b, 50);
	{
		int pids[4];
		struct pool_stats st;

		/* Each of the four has one. */
		pool_stats(b->p, &st);
		assert_int_equal(st.running, 4);
		assert_int_equal(st.queued, 0);
		assert_int_equal(pool_pids(b->p, pids, 4), 4);
		for (size_t i = 0; i < 4; i++) {
			while (!process_is_stopped(pids[i]))
				bench_sleep(b, 5);
			assert_int_equal(kill(pids[i], SIGCONT), 0);
		}
	}
	bench_wait(b, 4);
	assert_true(clock_mono_ms() - start_ms < 20000);
	bench_close(b);
}

/* ---- cancel ---- */

/* Those of four owners come by turns; a worker that took them so would be wiped after each. */
static void
tasks_of_an_owner_go_together_in_their_order(void **state)
{
	enum { N = 64, OWNERS = 4 };
	struct pool_conf conf = bench_conf();
	struct bench *b;
	char text[32];

	(void)state;
	conf.workers = 1;
	b = bench_open(&conf);
	for (size_t i = 0; i < N; i++) {
		struct pool_task t = {.owner = i % OWNERS + 1};

		(void)snprintf(text, sizeof(text), "echo %zu", i);
		t.head = slice_cstr(i < N - 1 ? text : "wipes");
		assert_int_equal(bench_try(b, i, &t), 0);
	}
	bench_wait(b, N);
	for (size_t i = 0; i < N - 1; i++) {
		(void)snprintf(text, sizeof(text), "%zu", i);
		bench_expect(b, i, POOL_DONE, text);
		assert_true(i < OWNERS || b->of[i].nth > b->of[i - OWNERS].nth);
	}
	assert_int_equal(b->of[0].nth, 1);
	assert_in_range(strtol(b->of[N - 1].text, NULL, 10), OWNERS - 1, 2 * OWNERS);
	bench_close(b);
}

static void
what_waits_is_shared_out_even_if_it_is_of_one_owner(void **state)
{
	enum { N = 8 };
	struct bench *b = bench_open(NULL);
	unsigned first = 0;

	(void)state;
	wait_for_workers(b, 2);
	for (size_t i = 0; i < N; i++) {
		struct pool_task t = {.owner = 1, .head = SLICE_LIT("pid")};

		assert_int_equal(bench_try(b, i, &t), 0);
	}
	bench_wait(b, N);
	for (size_t i = 0; i < N; i++)
		first += strcmp(b->of[i].text, b->of[0].text) == 0;
	assert_int_equal(first, N / 2);
	bench_close(b);
}

static void
a_cancelled_task_is_never_heard_of(void **state)
{
	struct pool_conf c = bench_conf();
	struct bench *b;
	int pid;

	(void)state;
	c.workers = 1;
	c.batch_max = 2;
	b = bench_open(&c);
	bench_apply(b, 0, 0, "echo at once");
	pool_cancel(b->p, b->of[0].id); /* never sent */
	bench_apply(b, 1, 0, "stop");
	bench_apply(b, 2, 0, "echo second in line");
	bench_apply(b, 3, 0, "echo queued");
	bench_apply(b, 4, 0, "echo heard");
	assert_int_equal(pool_pids(b->p, &pid, 1), 1);
	while (!process_is_stopped(pid)) /* it runs */
		bench_sleep(b, 5);
	pool_cancel(b->p, b->of[1].id); /* running */
	pool_cancel(b->p, b->of[2].id); /* with the worker */
	pool_cancel(b->p, b->of[3].id); /* not sent */
	pool_cancel(b->p, b->of[3].id);
	pool_check(b->p);
	assert_int_equal(kill(pid, SIGCONT), 0);
	bench_wait(b, 1);
	bench_sleep(b, 10);
	bench_expect(b, 4, POOL_DONE, "heard");
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(b->of[i].calls, 0);
	pool_cancel(b->p, b->of[4].id); /* ended */
	pool_cancel(b->p, (struct pool_id){0});
	pool_cancel(b->p, (struct pool_id){.slot = UINT32_MAX, .gen = 1});
	bench_close(b);
}

static void
a_cancelled_task_that_hangs_still_meets_its_deadline(void **state)
{
	struct pool_conf c = bench_conf();
	struct pool_stats st;
	struct bench *b;
	uint32_t late;

	(void)state;
	c.workers = 1;
	b = bench_open(&c);
	for (late = 0; late < 50; late++) {
		bench_apply(b, 0, 1000, "spin 100000");
		bench_apply(b, 1, 30000, "echo next");
		bench_sleep(b, 10); /* on a machine that is busy, some hundred ... */
		if (b->of[0].calls == 0)
			break;
		bench_wait(b, 2 * (late + 1)); /* ... or more than its deadline */
	}
	pool_cancel(b->p, b->of[0].id);
	bench_wait(b, 2 * late + 1);
	bench_expect(b, 1, POOL_DONE, "next");
	assert_int_equal(b->of[0].calls, 0);
	pool_stats(b->p, &st);
	assert_int_equal(st.timeouts, late + 1);
	bench_close(b);
}

/* A stale id must not hit the task that has its slot now. */
static void
an_old_id_does_not_cancel_a_new_task(void **state)
{
	struct pool_conf c = bench_conf();
	struct pool_id old;
	struct bench *b;

	(void)state;
	c.queue_max = 1;
	b = bench_open(&c);
	bench_apply(b, 0, 0, "echo a");
	old = b->of[0].id;
	bench_wait(b, 1);
	bench_apply(b, 0, 0, "echo b");
	assert_int_equal(b->of[0].id.slot, old.slot);
	pool_cancel(b->p, old);
	bench_wait(b, 2);
	bench_expect(b, 0, POOL_DONE, "b");
	bench_close(b);
}

struct chain {
	struct bench *b;
	struct pool_id other;
	unsigned calls;
};

/* Everything a callback may do, it does. */
static void
on_chain(void *ctx, enum pool_end end, struct slice result)
{
	const struct pool_task t = {.head = SLICE_LIT("echo link")};
	struct chain *ch = ctx;

	(void)result;
	if (end == POOL_DONE)
		ch->calls++;
	pool_cancel(ch->b->p, ch->other);
	assert_int_equal(pool_configure(ch->b->p, 3, SLICE_LIT("settings")), 0);
	if (ch->calls >= 50) { /* more may come in the turn of the stop */
		loop_stop(ch->b->l);
		return;
	}
	assert_int_equal(pool_apply(ch->b->p, &t, on_chain, ch, NULL), 0);
	assert_int_equal(pool_apply(ch->b->p, &t, on_chain, ch, &ch->other), 0);
}

static void
callbacks_may_apply_cancel_and_configure(void **state)
{
	const struct pool_task t = {.head = SLICE_LIT("echo link")};
	struct chain ch = {0};

	(void)state;
	ch.b = bench_open(NULL);
	assert_int_equal(pool_apply(ch.b->p, &t, on_chain, &ch, NULL), 0);
	assert_int_equal(loop_run(ch.b->l), 0);
	assert_true(ch.calls >= 50);
	bench_close(ch.b);
}

/* ---- recycling ---- */

static void
a_worker_is_replaced_after_its_number_of_tasks(void **state)
{
	struct pool_conf c = bench_conf();
	unsigned of_pid[64] = {0};
	int pids[64], known = 0;
	struct pool_stats st;
	struct bench *b;

	(void)state;
	c.recycle_tasks = 10;
	b = bench_open(&c);
	for (size_t i = 0; i < 200; i++)
		bench_apply(b, i, 60000, "pid");
	bench_wait(b, 200);
	for (size_t i = 0; i < 200; i++) {
		int pid = (int)strtol(b->of[i].text, NULL, 10), k = 0;

		assert_int_equal(b->of[i].end, POOL_DONE);
		while (k < known && pids[k] != pid)
			k++;
		assert_true(k < 64);
		if (k == known)
			pids[known++] = pid;
		assert_true(++of_pid[k] <= 10);
	}
	assert_true(known >= 20);
	pool_stats(b->p, &st);
	assert_true(st.recycled >= 18 && st.recycled <= 20);
	assert_int_equal(st.crashes + st.timeouts, 0);
	bench_close(b);
	for (int k = 0; k < known; k++)
		assert_true(process_is_gone(pids[k]));
}

/* ---- the same without processes ---- */

static void
on_a_virtual_loop_tasks_run_inline_in_order(void **state)
{
	struct pool_conf c = bench_conf();
	struct pool_task t = {.head = SLICE_LIT("sum")};
	struct many_log g = {0};
	struct pool_task tasks[600];
	char text[600][32], body[3] = {1, 2, 3};
	struct bench *b;
	int pid;

	(void)state;
	c.nursery = NULL;
	c.queue_max = 20;
	b = g.b = bench_open_virtual(&c);
	bench_apply(b, 0, 10, "pid");
	bench_apply(b, 1, 0, "echo cancelled");
	t.body = slice_of(body, 3);
	assert_int_equal(bench_try(b, 2, &t), 0);
	bench_apply(b, 3, 0, "over");
	pool_cancel(b->p, b->of[1].id);
	assert_int_equal(b->of[0].calls, 0);
	bench_wait(b, 3);
	assert_int_equal(strtol(b->of[0].text, NULL, 10), getpid());
	assert_int_equal(b->of[1].calls, 0);
	bench_expect(b, 2, POOL_DONE, "6");
	bench_expect(b, 3, POOL_ERROR, "");
	assert_int_equal(pool_pids(b->p, &pid, 1), 0);
	many_tasks(tasks, text, 600);
	assert_int_equal(pool_map(b->p, tasks, 600, log_item, log_end, &g, &g.m), 0);
	assert_int_equal(loop_run(b->l), 0);
	assert_int_equal(g.len, 600);
	assert_false(g.wrong);
	assert_int_equal(loop_run(b->l), -EDEADLK);
	bench_close(b);
}

static void
a_pool_that_makes_no_sense_is_refused_with_a_reason(void **state)
{
	struct pool_conf good = bench_conf(), c[6];
	struct loop *l;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		c[i] = good;
	c[0].workers = 0;
	c[1].queue_max = 0;
	c[2].batch_max = 0;
	c[3].head_bytes_max = 65537;
	c[4].ops = NULL;
	c[5].nursery = NULL;
	assert_int_equal(loop_new(&l), 0);
	for (size_t i = 0; i < 6; i++) {
		struct pool *p = NULL;
		struct why why = {""};

		assert_int_equal(pool_new(l, &c[i], &p, &why), -EINVAL);
		assert_null(p);
		assert_true(strlen(why.text) > 0);
	}
	pool_free(NULL);
	loop_free(l);
}

static int
run(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_task_ends_once_with_its_own_result),
	    cmocka_unit_test(bodies_are_read_out_of_the_arena),
	    cmocka_unit_test(heads_of_any_length_up_to_the_limit_arrive),
	    cmocka_unit_test(what_an_operation_refuses_is_an_error),
	    cmocka_unit_test(results_larger_together_than_the_region_all_arrive),
	    cmocka_unit_test(memory_of_large_results_goes_back),
	    cmocka_unit_test(map_gives_results_in_the_order_of_the_tasks),
	    cmocka_unit_test(imap_gives_every_result_once),
	    cmocka_unit_test(a_slow_task_delays_the_later_ones_of_map_but_not_of_imap),
	    cmocka_unit_test(a_map_of_nothing_ends_in_the_next_turn),
	    cmocka_unit_test(a_cancelled_map_calls_nobody_any_more),
	    cmocka_unit_test(map_keeps_what_came_early_when_tasks_fail),
	    cmocka_unit_test(a_full_queue_says_so_and_calls_when_there_is_room),
	    cmocka_unit_test(tasks_go_to_the_worker_with_the_shortest_line),
	    cmocka_unit_test(tasks_of_an_owner_go_together_in_their_order),
	    cmocka_unit_test(what_waits_is_shared_out_even_if_it_is_of_one_owner),
	    cmocka_unit_test(a_cancelled_task_is_never_heard_of),
	    cmocka_unit_test(a_cancelled_task_that_hangs_still_meets_its_deadline),
	    cmocka_unit_test(an_old_id_does_not_cancel_a_new_task),
	    cmocka_unit_test(callbacks_may_apply_cancel_and_configure),
	    cmocka_unit_test(a_worker_is_replaced_after_its_number_of_tasks),
	    cmocka_unit_test(on_a_virtual_loop_tasks_run_inline_in_order),
	    cmocka_unit_test(a_pool_that_makes_no_sense_is_refused_with_a_reason),
	};

	return cmocka_run_group_tests_name("loop/pool", tests, NULL, NULL);
}

int
main(void)
{
	return bench_main("loop/pool", run);
}
