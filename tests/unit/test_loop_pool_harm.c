/* What workers do to the pool, and what is done to workers. */
#include "loop/pool_int.h"
#include "pool_bench.h"
#include "pool_jail.h"
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lost_time.h"

#include "base/banned.h"

#ifdef TRAWL_SANITIZED
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* ---- crashes and deadlines ---- */

static void
a_crash_costs_the_task_it_happened_at_and_no_other(void **state)
{
	static const char *const how[] = {
	    "die abort", "die segv", "die exit", "die kill", "die abort"};
	struct pool_conf c = bench_conf();
	struct pool_stats st;
	struct bench *b;

	(void)state;
	c.workers = 1;
	b = bench_open(&c);
	for (size_t i = 0; i < 50; i++)
		bench_apply(b, i, 10000, i % 10 == 3 ? how[i / 10] : "echo fine");
	bench_wait(b, 50);
	for (size_t i = 0; i < 50; i++) {
		if (i % 10 == 3)
			bench_expect(b, i, POOL_CRASH, "");
		else
			bench_expect(b, i, POOL_DONE, "fine");
	}
	pool_stats(b->p, &st);
	assert_int_equal(st.crashes, 5);
	assert_int_equal(st.tasks_done, 45);
	assert_true(strlen(pool_trouble(b->p)) > 0);
	bench_close(b);
}

static void
a_crash_tells_what_the_worker_died_of(void **state)
{
	static const struct {
		const char *command;
		struct pool_death death;
	} deaths[] = {
	    {"die abort", {.signal = SIGABRT}},
	    {"die segv", {.signal = SIGSEGV}},
	    {"die exit", {.exit_status = 0}},
	    {"rubbish type", {.breach = true}},
	};
	struct bench *b = bench_open(NULL);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct outcome_of *o = bench_do(b, deaths[i].command);

		assert_int_equal(o->end, POOL_CRASH);
		if (!SANITIZED || i > 1) /* it has the sanitizer's own way to die */
			assert_int_equal(o->death.signal, deaths[i].death.signal);
		assert_int_equal(o->death.breach, deaths[i].death.breach);
	}
	/* Of another end there is nothing to tell. */
	assert_int_equal(bench_do(b, "echo fine")->death.signal, 0);
	assert_false(b->of[0].death.breach);
	bench_close(b);
}

/* Three that hang, and one that waits for all others, in the middle of 200 that are quick. */
static void
tasks_that_are_alone_keep_one_worker_from_the_others_and_no_more(void **state)
{
	struct pool_task hangs = {
	    .head = SLICE_LIT("spin 100000"), .timeout_ms = 700, .alone = true};
	struct pool_task last = {.head = SLICE_LIT("stop"), .alone = true};
	struct bench *b = bench_open(NULL);
	int64_t start_ms = clock_mono_ms();
	struct pool_stats st;

	(void)state;
	for (size_t i = 0; i < 204; i++) {
		if (i >= 100 && i < 104)
			assert_int_equal(bench_try(b, i, i < 103 ? &hangs : &last), 0);
		else
			bench_apply(b, i, 10000, "echo x");
	}
	/* None waits until the last of them has ended. */
	bench_wait(b, 203);
	assert_int_equal(b->of[103].calls, 0);
	bench_let_go_on(b);
	bench_wait(b, 204);
	bench_expect(b, 103, POOL_DONE, "");
	for (size_t i = 0; i < 204; i++) {
		bool alone = i >= 100 && i < 103;

		if (i != 103)
			bench_expect(
			    b, i, alone ? POOL_TIMEOUT : POOL_DONE, alone ? "" : "x");
	}
	/* One after the other, whatever the number of workers. */
	assert_true(clock_mono_ms() - start_ms >= 3 * 700);
	pool_stats(b->p, &st);
	assert_int_equal(st.timeouts, 3);
	bench_close(b);
}

static void
with_one_worker_those_alone_and_the_others_take_turns(void **state)
{
	struct pool_task dies = {.head = SLICE_LIT("die kill"), .alone = true};
	struct pool_conf c = bench_conf();
	struct bench *b;

	(void)state;
	c.workers = 1;
	b = bench_open(&c);
	for (size_t i = 0; i < 100; i++) {
		if (i % 20 == 7)
			assert_int_equal(bench_try(b, i, &dies), 0);
		else
			bench_apply(b, i, 10000, "echo x");
	}
	/* One that is cancelled while a worker is kept for it. */
	assert_int_equal(bench_try(b, 100, &dies), 0);
	pool_cancel(b->p, b->of[100].id);
	bench_wait(b, 100);
	for (size_t i = 0; i < 100; i++)
		bench_expect(
		    b, i, i % 20 == 7 ? POOL_CRASH : POOL_DONE, i % 20 == 7 ? "" : "x");
	bench_close(b);
}

static void
crashes_without_end_are_slowed_but_all_tasks_end(void **state)
{
	struct pool_conf c = bench_conf();
	struct bench *b;
	int64_t start_ms = clock_mono_ms();

	(void)state;
	c.workers = 1;
	b = bench_open(&c);
	for (size_t i = 0; i < 6; i++)
		bench_apply(b, i, 10000, "die abort");
	bench_wait(b, 6);
	for (size_t i = 0; i < 6; i++)
		bench_expect(b, i, POOL_CRASH, "");
	/* 10 + 20 + 40 + 80 + 160 ms between the six. */
	assert_true(clock_mono_ms() - start_ms >= 300);
	bench_close(b);
}

static void
an_endless_task_is_killed_at_its_deadline(void **state)
{
	struct pool_conf c = bench_conf();
	struct pool_stats st;
	struct bench *b;
	int64_t start_ms;

	(void)state;
	c.workers = 1;
	b = bench_open(&c);
	start_ms = clock_mono_ms();
	bench_apply(b, 0, 100, "spin 1000000");
	bench_apply(b, 1, 5000, "echo after");
	bench_wait(b, 2);
	bench_expect(b, 0, POOL_TIMEOUT, "");
	bench_expect(b, 1, POOL_DONE, "after");
	assert_true(clock_mono_ms() - start_ms >= 99);
	assert_true(clock_mono_ms() - start_ms < 60000);
	pool_stats(b->p, &st);
	assert_int_equal(st.timeouts, 1);
	assert_int_equal(st.crashes, 0);
	bench_close(b);
}

/* A process that has the processor of another one, which only gets what is left over. */
static pid_t
starve(int victim)
{
	const struct sched_param none = {0};
	cpu_set_t one;
	pid_t pid;
	size_t cpu = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(one), &one), 0);
	while (!CPU_ISSET(cpu, &one))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(victim, sizeof(one), &one), 0);
	assert_int_equal(sched_setscheduler(victim, SCHED_IDLE, &none), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	(void)sched_setaffinity(0, sizeof(one), &one);
	(void)alarm(60); /* should nobody end it */
	for (;;)
		(void)clock_mono_ms();
}

static void
feed(int victim, pid_t glutton)
{
	const struct sched_param none = {0};
	cpu_set_t all;
	int status;

	assert_int_equal(kill(glutton, SIGKILL), 0);
	assert_int_equal(waitpid(glutton, &status, 0), glutton);
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	(void)sched_setaffinity(victim, sizeof(all), &all); /* it may have ended */
	(void)sched_setscheduler(victim, SCHED_OTHER, &none);
}

/* What it was at when it had no processor it can still do: the machine's fault costs no page. */
static void
a_worker_that_waits_for_a_processor_is_not_killed_for_that(void **state)
{
	struct pool_conf c = bench_conf();
	struct bench *b;
	int64_t lost, until_ms;
	pid_t glutton;
	int pid, tries = 0;

	(void)state;
	c.workers = 1;
	b = bench_open(&c);
	do {
		lost = lost_time_ms();
		assert_int_equal(pool_pids(b->p, &pid, 1), 1);
		glutton = starve(pid);
		bench_apply(b, 0, 1000, "work 100");
		until_ms = clock_mono_ms() + 2000; /* twice as long as it may take */
		while (b->ended == (size_t)tries && clock_mono_ms() < until_ms)
			bench_sleep(b, 10);
		feed(pid, glutton);
		bench_wait(b, (size_t)tries + 1);
	} while (b->of[0].end != POOL_DONE && lost_time_again(lost, 500, &tries));
	assert_string_equal(pool_end_name(b->of[0].end), pool_end_name(POOL_DONE));
	bench_close(b);
}

/* But one that nobody lets run does not hold its task for ever. */
static void
a_worker_that_gets_no_processor_at_all_is_killed_in_the_end(void **state)
{
	struct pool_conf c = bench_conf();
	struct bench *b;
	pid_t glutton;
	int pid;

	(void)state;
	c.workers = 1;
	b = bench_open(&c);
	assert_int_equal(pool_pids(b->p, &pid, 1), 1);
	glutton = starve(pid);
	bench_apply(b, 0, 100, "work 100000");
	bench_wait(b, 1);
	bench_expect(b, 0, POOL_TIMEOUT, "");
	feed(pid, glutton);
	bench_close(b);
}

/* How many of the first `n` ended so. */
static size_t
count(const struct bench *b, size_t n, enum pool_end end)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += b->of[i].end == end;
	return found;
}

/* Twenty tasks of 100 ms in one line, 1,500 ms each: time in the line does not count. */
static void
a_deadline_counts_from_when_the_worker_can_begin(void **state)
{
	struct pool_conf c = bench_conf();
	int64_t lost;
	struct bench *b;
	int tries = 0;

	(void)state;
	c.workers = 1;
	b = bench_open(&c);
	do {
		lost = lost_time_ms();
		for (size_t i = 0; i < 20; i++)
			bench_apply(b, i, 1500, "spin 100");
		bench_wait(b, b->ended + 20);
	} while (count(b, 20, POOL_DONE) < 20 && lost_time_again(lost, 500, &tries));
	for (size_t i = 0; i < 20; i++)
		bench_expect(b, i, POOL_DONE, "spun");
	bench_close(b);
}

/* The loop is the slow one here: it looks long after both the result and the deadline. */
static void
a_result_that_lies_there_at_the_deadline_counts(void **state)
{
	struct bench *b = bench_open(NULL);
	struct peer *peers = b->p->peers;

	(void)state;
	bench_apply(b, 0, 500, "echo in time");
	while (b->of[0].calls == 0 && peers[0].region == NULL)
		bench_sleep(b, 0);
	bench_sleep(b, 0);
	while (b->of[0].calls == 0 && atomic_load(&peers[0].region->noted) == 0 &&
	       atomic_load(&peers[1].region->noted) == 0)
		(void)usleep(1000);
	(void)usleep(600000);
	bench_wait(b, 1);
	bench_expect(b, 0, POOL_DONE, "in time");
	bench_close(b);
}

static void
a_stopped_worker_is_a_timeout(void **state)
{
	struct bench *b = bench_open(NULL);
	int64_t lost;
	int pids[2], tries = 0;

	(void)state;
	do {
		lost = lost_time_ms();
		assert_int_equal(pool_pids(b->p, pids, 2), 2);
		for (size_t i = 0; i < 2; i++)
			assert_int_equal(kill(pids[i], SIGSTOP), 0);
		for (size_t i = 0; i < 20; i++)
			bench_apply(b, i, 2000, "echo x");
		bench_wait(b, b->ended + 20);
	} while (count(b, 20, POOL_TIMEOUT) > 2 && lost_time_again(lost, 500, &tries));
	assert_true(count(b, 20, POOL_TIMEOUT) <= 2);
	assert_int_equal(count(b, 20, POOL_TIMEOUT) + count(b, 20, POOL_DONE), 20);
	bench_close(b);
}

/* Settings that do not fit into the socket of a worker that reads nothing. */
static void
a_stopped_worker_with_settings_under_way_is_a_timeout(void **state)
{
	struct pool_task t = {
	    .context = 7, .head = SLICE_LIT("settings"), .timeout_ms = 150};
	struct pool_conf c = bench_conf();
	static char large[1u << 20];
	struct bench *b;
	int pid;

	(void)state;
	c.workers = 1;
	b = bench_open(&c);
	memset(large, 's', sizeof(large));
	assert_int_equal(pool_configure(b->p, 7, slice_of(large, sizeof(large))), 0);
	assert_int_equal(pool_pids(b->p, &pid, 1), 1);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(bench_try(b, 0, &t), 0);
	t.timeout_ms = 10000;
	assert_int_equal(bench_try(b, 1, &t), 0);
	bench_wait(b, 2);
	bench_expect(b, 0, POOL_TIMEOUT, "");
	assert_int_equal(b->of[1].end, POOL_DONE);
	assert_string_equal(
	    b->of[1].text, "ssssssssssssssssssssssssssssssssssssssss/1048576/1/0");
	bench_close(b);
}

struct harm {
	struct bench *b;
	struct timer t;
	int signum;
	unsigned done;
};

static void
on_harm(void *ctx)
{
	struct harm *h = ctx;
	int pids[4];
	uint32_t n = pool_pids(h->b->p, pids, 4);

	if (n > 0)
		h->done += kill(pids[h->done % n], h->signum) == 0;
	if (h->done < 5)
		assert_int_equal(timer_start(&h->t, 10), 0);
}

/* Five workers are struck from outside while 1,000 tasks go through.  false: more were lost. */
static bool
strike(int signum, enum pool_end end)
{
	struct pool_conf c = bench_conf();
	struct harm h = {.signum = signum};
	/* Only a stopped worker is to run into it. */
	uint32_t timeout_ms = signum == SIGSTOP ? 3000 : 60000;
	size_t lost = 0;

	c.workers = 4;
	h.b = bench_open(&c);
	for (size_t i = 0; i < 1000; i++)
		bench_apply(h.b, i, timeout_ms, i % 8 == 0 ? "spin 2" : "echo x");
	timer_init(&h.t, h.b->l, on_harm, &h);
	assert_int_equal(timer_start(&h.t, 5), 0);
	bench_wait(h.b, 1000);
	timer_stop(&h.t);
	assert_true(h.done > 0);
	for (size_t i = 0; i < 1000; i++) {
		assert_int_equal(h.b->of[i].calls, 1);
		if (h.b->of[i].end == POOL_DONE)
			continue;
		assert_string_equal(pool_end_name(h.b->of[i].end), pool_end_name(end));
		lost++;
	}
	bench_close(h.b);
	return lost <= h.done;
}

static void
workers_killed_from_outside_cost_a_task_each_at_most(void **state)
{
	(void)state;
	assert_true(strike(SIGKILL, POOL_CRASH));
}

static void
workers_stopped_from_outside_cost_a_task_each_at_most(void **state)
{
	int64_t lost;
	int tries = 0;
	bool good;

	(void)state;
	do {
		lost = lost_time_ms();
		good = strike(SIGSTOP, POOL_TIMEOUT);
	} while (!good && lost_time_again(lost, 1000, &tries));
	assert_true(good);
}

static void
an_idle_worker_that_dies_is_replaced_and_costs_nothing(void **state)
{
	struct bench *b = bench_open(NULL);
	struct pool_stats st;
	int pids[2];

	(void)state;
	for (int round = 0; round < 5; round++) {
		/* The tasks are handed out before the loop can have noticed. */
		assert_true(pool_pids(b->p, pids, 2) > 0);
		assert_int_equal(kill(pids[0], SIGKILL), 0);
		assert_true(process_is_gone(pids[0]));
		bench_apply(b, 0, 5000, "echo a");
		bench_apply(b, 1, 5000, "echo b");
		bench_wait(b, b->ended + 2);
		bench_expect(b, 0, POOL_DONE, "a");
		bench_expect(b, 1, POOL_DONE, "b");
	}
	pool_stats(b->p, &st);
	assert_int_equal(st.crashes, 5);
	bench_close(b);
}

static void
signals_of_the_terminal_do_not_reach_workers(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP};
	struct bench *b = bench_open(NULL);
	struct pool_stats st;
	int pids[2];

	(void)state;
	assert_int_equal(pool_pids(b->p, pids, 2), 2);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(kill(pids[0], signals[i]), 0);
		assert_int_equal(kill(pids[1], signals[i]), 0);
	}
	for (size_t i = 0; i < 20; i++)
		bench_apply(b, i, 20000, "echo x");
	bench_wait(b, 20);
	pool_stats(b->p, &st);
	assert_int_equal(st.crashes + st.timeouts, 0);
	bench_close(b);
}

/* ---- workers that lie ---- */

static void
whatever_a_worker_says_wrongly_it_is_killed_and_the_pool_goes_on(void **state)
{
	static const char *const kinds[] = {"id", "next", "status", "length", "offset",
	    "wrap", "errlen", "unwritten", "flood", "type", "hello", "fail", "short",
	    "long", "empty"};
	enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };
	struct pool_conf c = bench_conf();
	struct pool_stats st;
	struct bench *b;

	(void)state;
	c.workers = 1;
	b = bench_open(&c);
	for (size_t i = 0; i < KINDS; i++) {
		char text[32];

		bench_apply(b, 3 * i, 10000, "echo before");
		(void)snprintf(text, sizeof(text), "rubbish %s", kinds[i]);
		bench_apply(b, 3 * i + 1, 10000, text);
		bench_apply(b, 3 * i + 2, 10000, "echo behind");
	}
	bench_wait(b, 3 * (size_t)KINDS);
	for (size_t i = 0; i < KINDS; i++) {
		bench_expect(b, 3 * i, POOL_DONE, "before");
		bench_expect(b, 3 * i + 1, POOL_CRASH, "");
		bench_expect(b, 3 * i + 2, POOL_DONE, "behind");
	}
	pool_stats(b->p, &st);
	assert_int_equal(st.crashes, KINDS);
	assert_int_equal(st.timeouts, 0);
	bench_close(b);
}

static void
a_worker_cannot_cut_its_results_away_under_the_reader(void **state)
{
	struct bench *b = bench_open(NULL);

	(void)state;
	assert_string_equal(bench_do(b, "cut")->text, strerror(EPERM));
	bench_close(b);
}

/* ---- workers that do not start ---- */

static int
init_refuses(void **ret, struct why *why)
{
	*ret = NULL;
	return why_set(why, -ENOENT, "no word list at \x1b[31m/nowhere");
}

/* The system in which it runs forbids the jail, as a service manager may. */
static int
init_forbids_seccomp(void **ret, struct why *why)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int r = f == NULL ? -ENOMEM : 0;

	*ret = NULL;
	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(seccomp), 0);
	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1,
		    SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP, 0));
	if (r == 0)
		r = seccomp_load(f);
	seccomp_release(f);
	return r < 0 ? why_set(why, r, "test: %s", strerror(-r)) : 0;
}

static int
init_dies(void **ret, struct why *why)
{
	(void)ret;
	(void)why;
	abort();
}

static const struct pool_ops ops_refuses = {.init = init_refuses, .run = NULL};

static void
expect_no_pool(const struct pool_ops *broken, int code, const char *part)
{
	struct pool_conf c = bench_conf();
	struct why why = {""};
	struct pool *p = NULL;
	struct loop *l;
	int r;

	c.ops = broken;
	assert_int_equal(loop_new(&l), 0);
	r = pool_new(l, &c, &p, &why);
	if (code != 0)
		assert_int_equal(r, code);
	assert_true(r < 0);
	assert_null(p);
	if (strstr(why.text, part) == NULL)
		fail_msg("'%s' does not say '%s'", why.text, part);
	loop_free(l);
}

static int
run_nothing(void *state, const struct pool_input *in, struct buf *out)
{
	(void)state;
	(void)in;
	return buf_add_byte(out, '.');
}

static const struct pool_ops ops_init_refuses = {
    .init = init_refuses, .run = run_nothing};
static const struct pool_ops ops_unjailed = {
    .init = init_forbids_seccomp, .run = run_nothing};
static const struct pool_ops ops_init_dies = {.init = init_dies, .run = run_nothing};

static void
a_worker_that_cannot_start_says_why(void **state)
{
	(void)state;
	expect_no_pool(&ops_init_refuses, -ENOENT, "no word list at ?[31m/nowhere");
	/* Which error libseccomp makes of the kernel's differs by version. */
	expect_no_pool(&ops_unjailed, 0, "cannot jail a worker: seccomp");
	/* Also when its end of file is here before the nursery tells the signal. */
	expect_no_pool(&ops_init_dies, 0, "signal 6");
	expect_no_pool(&ops_refuses, -EINVAL, "something to run");
}

/* The first start is fine, later ones are not: as when a system runs out of something. */
static char no_more_path[64];

static int
init_once(void **ret, struct why *why)
{
	*ret = NULL;
	return access(no_more_path, F_OK) == 0 ? why_set(why, -EAGAIN, "no more of it")
					       : 0;
}

static const struct pool_ops ops_init_once = {.init = init_once, .run = run_nothing};

static void
when_no_worker_can_be_started_any_more_the_pool_says_so(void **state)
{
	struct pool_task t = {.head = SLICE_LIT("x")};
	struct pool_conf c = bench_conf();
	struct nursery *n;
	struct why why;
	struct bench *b;
	int pids[2], fd;

	(void)state;
	(void)snprintf(
	    no_more_path, sizeof(no_more_path), "/tmp/trawl-no-more-%d", (int)getpid());
	assert_int_equal(nursery_start(&n, &why), 0); /* it knows the path */
	c.nursery = n;
	c.ops = &ops_init_once;
	b = bench_open(&c);
	assert_int_equal(bench_do(b, "x")->end, POOL_DONE);
	fd = open(no_more_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(pool_pids(b->p, pids, 2), 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(kill(pids[i], SIGKILL), 0);
	assert_true(process_is_gone(pids[0]) && process_is_gone(pids[1]));
	for (size_t i = 0; i < 10; i++)
		bench_apply(b, i, 0, "x");
	bench_wait(b, 1 + 10);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(b->of[i].end, POOL_CANCELLED);
	assert_int_equal(bench_try(b, 0, &t), -EPIPE);
	assert_non_null(strstr(pool_trouble(b->p), "cannot start: no more of it"));
	(void)unlink(no_more_path);
	bench_close(b);
	nursery_free(n);
}

static void
too_little_memory_for_a_worker_is_said(void **state)
{
	struct pool_conf c = bench_conf();
	struct why why = {""};
	struct pool *p = NULL;
	struct loop *l;

	(void)state;
#ifdef TRAWL_SANITIZED
	skip();
#endif
	c.worker_memory_bytes = 4096;
	assert_int_equal(loop_new(&l), 0);
	assert_int_equal(pool_new(l, &c, &p, &why), -ENOMEM);
	assert_non_null(strstr(why.text, "memory limit"));
	loop_free(l);
}

/* ---- ends ---- */

static void
nothing_is_left_after_pool_free(void **state)
{
	struct bench *b = bench_open(NULL);
	int pids[2];

	(void)state;
	assert_int_equal(pool_pids(b->p, pids, 2), 2);
	for (size_t i = 0; i < 50; i++)
		bench_apply(b, i, 0, i < 2 ? "spin 100000" : "echo never");
	bench_sleep(b, 20);
	bench_close(b);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(kill(pids[i], 0), -1);
		assert_int_equal(errno, ESRCH);
	}
}

static void
a_pool_outlives_its_nursery_and_ends_its_tasks(void **state)
{
	struct pool_conf c = bench_conf();
	struct pool_task t = {.head = SLICE_LIT("echo x")};
	struct nursery *n;
	struct why why;
	struct bench *b;
	int pids[2];

	(void)state;
	assert_int_equal(nursery_start(&n, &why), 0);
	c.nursery = n;
	b = bench_open(&c);
	assert_int_equal(pool_pids(b->p, pids, 2), 2);
	for (size_t i = 0; i < 100; i++)
		bench_apply(b, i, 0, "spin 100000");
	bench_sleep(b, 20);
	nursery_free(n);
	assert_true(process_is_gone(pids[0]));
	assert_true(process_is_gone(pids[1]));
	bench_wait(b, 100);
	for (size_t i = 0; i < 100; i++)
		assert_true(b->of[i].end == POOL_CANCELLED || b->of[i].end == POOL_CRASH);
	assert_int_equal(b->of[99].end, POOL_CANCELLED);
	assert_int_equal(bench_try(b, 0, &t), -EPIPE);
	assert_int_equal(pool_configure(b->p, 7, SLICE_LIT("x")), 0);
	assert_non_null(strstr(pool_trouble(b->p), "nursery"));
	bench_close(b);
}

/* A process with a pool, all workers busy; tells their ids and waits. */
_Noreturn static void
doomed(int fd)
{
	struct pool_conf c = bench_conf();
	struct nursery *n;
	struct why why;
	struct bench *b;
	int pids[2];

	if (nursery_start(&n, &why) < 0)
		_exit(1);
	c.nursery = n;
	b = bench_open(&c);
	for (size_t i = 0; i < 20; i++)
		bench_apply(b, i, 0, "spin 1000000");
	bench_sleep(b, 20);
	if (pool_pids(b->p, pids, 2) != 2 || write(fd, pids, sizeof(pids)) < 0)
		_exit(1);
	for (;;)
		(void)pause();
}

static pid_t
parent_of(pid_t pid)
{
	char path[64];
	int parent = -1;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d (%*[^)]) %*c %d", &parent), 1);
	(void)fclose(f);
	return parent;
}

static void
nothing_is_left_when_the_parent_is_killed(void **state)
{
	int fds[2], pids[3];
	pid_t pid;
	int64_t end_ms;
	bool left = true;

	(void)state;
	/* Orphans become ours, so that none can hide. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0)
		doomed(fds[1]);
	assert_true(pid > 0);
	assert_int_equal(read(fds[0], pids, 2 * sizeof(pids[0])), 2 * sizeof(pids[0]));
	pids[2] = parent_of(pids[0]); /* the nursery */
	assert_int_not_equal(pids[2], pid);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* The nursery may reap its two, or leave them to us. */
	end_ms = clock_mono_ms() + 60000;
	while (left && clock_mono_ms() < end_ms) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		left = false;
		for (int i = 0; i < 3; i++)
			left = left || kill(pids[i], 0) == 0;
		(void)usleep(1000);
	}
	assert_false(left);
	(void)close(fds[0]);
	(void)close(fds[1]);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}

static void
the_nursery_holds_no_descriptors_of_its_parent(void **state)
{
	struct pollfd p = {.events = POLLIN};
	struct nursery *n;
	struct why why;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(nursery_start(&n, &why), 0);
	/* The write end is closed here, and nobody else has it. */
	(void)close(fds[1]);
	p.fd = fds[0];
	assert_int_equal(poll(&p, 1, 2000), 1);
	assert_int_equal(p.revents & POLLHUP, POLLHUP);
	(void)close(fds[0]);
	nursery_free(n);
	nursery_free(NULL);
}

static void
two_pools_share_a_nursery(void **state)
{
	struct bench *a = bench_open(NULL), *b = bench_open(NULL);

	(void)state;
	assert_string_equal(bench_do(a, "echo a")->text, "a");
	assert_string_equal(bench_do(b, "echo b")->text, "b");
	bench_close(a);
	assert_string_equal(bench_do(b, "echo c")->text, "c");
	bench_close(b);
}

static int
run(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_crash_costs_the_task_it_happened_at_and_no_other),
	    cmocka_unit_test(a_crash_tells_what_the_worker_died_of),
	    cmocka_unit_test(
		tasks_that_are_alone_keep_one_worker_from_the_others_and_no_more),
	    cmocka_unit_test(with_one_worker_those_alone_and_the_others_take_turns),
	    cmocka_unit_test(crashes_without_end_are_slowed_but_all_tasks_end),
	    cmocka_unit_test(an_endless_task_is_killed_at_its_deadline),
	    cmocka_unit_test(a_worker_that_waits_for_a_processor_is_not_killed_for_that),
	    cmocka_unit_test(a_worker_that_gets_no_processor_at_all_is_killed_in_the_end),
	    cmocka_unit_test(a_deadline_counts_from_when_the_worker_can_begin),
	    cmocka_unit_test(a_result_that_lies_there_at_the_deadline_counts),
	    cmocka_unit_test(a_stopped_worker_is_a_timeout),
	    cmocka_unit_test(a_stopped_worker_with_settings_under_way_is_a_timeout),
	    cmocka_unit_test(workers_killed_from_outside_cost_a_task_each_at_most),
	    cmocka_unit_test(workers_stopped_from_outside_cost_a_task_each_at_most),
	    cmocka_unit_test(an_idle_worker_that_dies_is_replaced_and_costs_nothing),
	    cmocka_unit_test(signals_of_the_terminal_do_not_reach_workers),
	    cmocka_unit_test(
		whatever_a_worker_says_wrongly_it_is_killed_and_the_pool_goes_on),
	    cmocka_unit_test(a_worker_cannot_cut_its_results_away_under_the_reader),
	    cmocka_unit_test(a_worker_that_cannot_start_says_why),
	    cmocka_unit_test(when_no_worker_can_be_started_any_more_the_pool_says_so),
	    cmocka_unit_test(too_little_memory_for_a_worker_is_said),
	    cmocka_unit_test(nothing_is_left_after_pool_free),
	    cmocka_unit_test(a_pool_outlives_its_nursery_and_ends_its_tasks),
	    cmocka_unit_test(nothing_is_left_when_the_parent_is_killed),
	    cmocka_unit_test(the_nursery_holds_no_descriptors_of_its_parent),
	    cmocka_unit_test(two_pools_share_a_nursery),
	};

	return cmocka_run_group_tests_name("loop/pool under harm", tests, NULL, NULL);
}

int
main(void)
{
	return bench_main("loop/pool under harm", run);
}
