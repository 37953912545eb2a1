/* What the jail keeps workers from, and what the kernel says of it. */
#include "loop/pool_wire.h"
#include "pool_bench.h"
#include "pool_jail.h"
#include <dirent.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/banned.h"

#ifdef TRAWL_SANITIZED
#define SANITIZED true
#else
#define SANITIZED false
#endif

static void
the_jail_refuses_each_of_these(void **state)
{
	struct bench *b = bench_open(NULL);
	const char *name;

	(void)state;
#ifdef TRAWL_SANITIZED
	bench_close(b);
	skip(); /* the sanitizers want some of them */
#endif
	for (size_t i = 0; (name = jail_name(i)) != NULL; i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "jail %s", name);
		if (strcmp(bench_do(b, text)->text, strerror(EPERM)) != 0)
			fail_msg("%s: '%s'", name, b->of[0].text);
	}
	bench_close(b);
}

static void
a_call_of_another_machine_kills(void **state)
{
	struct bench *b = bench_open(NULL);

	(void)state;
	(void)bench_do(b, "jail foreign");
	bench_expect(b, 0, POOL_CRASH, "");
	bench_close(b);
}

static void
a_worker_cannot_write_to_the_arena(void **state)
{
	struct bench *b = bench_open(NULL);
	struct pool_task t = {.head = SLICE_LIT("jail arena_mprotect")};
	struct shm_block block;

	(void)state;
	assert_int_equal(shm_alloc(b->shm, 5000, &block), 0);
	memset(shm_ptr(b->shm, &block), 'a', 5000);
	t.body = slice_of(shm_ptr(b->shm, &block), 5000);
	assert_int_equal(bench_try(b, 0, &t), 0);
	bench_wait(b, 1);
	bench_expect(b, 0, POOL_DONE, strerror(EACCES));
	t.head = SLICE_LIT("jail arena_write");
	assert_int_equal(bench_try(b, 0, &t), 0);
	bench_wait(b, 2);
	bench_expect(b, 0, POOL_CRASH, "");
	assert_int_equal(shm_ptr(b->shm, &block)[0], 'a');
	bench_close(b);
}

static void
the_kernel_says_that_workers_are_jailed(void **state)
{
	struct bench *b = bench_open(NULL);
	int pids[2];

	(void)state;
	assert_int_equal(pool_pids(b->p, pids, 2), 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(proc_status(pids[i], "Seccomp", 10), 2);
		assert_int_equal(proc_status(pids[i], "NoNewPrivs", 10), 1);
		assert_int_equal(proc_status(pids[i], "CapEff", 16), 0);
		assert_int_equal(proc_status(pids[i], "CapPrm", 16), 0);
		assert_int_equal(proc_status(pids[i], "CapInh", 16), 0);
		assert_int_equal(proc_status(pids[i], "CapAmb", 16), 0);
		assert_int_equal(proc_status(pids[i], "Threads", 10), 1);
		if (geteuid() == 0) {
			assert_int_equal(proc_status(pids[i], "CapBnd", 16), 0);
			assert_int_equal(proc_status(pids[i], "Uid", 10), 65534);
		}
	}
	bench_close(b);
}

/* The kernel gives what may be looked into to whom the process runs as, else to root. */
static void
others_of_its_user_cannot_look_into_a_worker(void **state)
{
	struct bench *b = bench_open(NULL);
	int pids[2];

	(void)state;
	assert_int_equal(pool_pids(b->p, pids, 2), 2);
	for (size_t i = 0; i < 2; i++) {
		long long user = proc_status(pids[i], "Uid", 10);
		struct stat st;
		char path[64];

		(void)snprintf(path, sizeof(path), "/proc/%d/mem", pids[i]);
		assert_int_equal(stat(path, &st), 0);
		if (user != 0) /* a container may keep it root */
			assert_false((long long)st.st_uid == user);
	}
	bench_close(b);
}

static void
a_worker_has_no_descriptors_but_its_own(void **state)
{
	struct bench *b = bench_open(NULL);
	char path[64], to[64];
	struct dirent *e;
	int pid, found = 0;
	DIR *d;

	(void)state;
	assert_true(pool_pids(b->p, &pid, 1) == 1);
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	if (d == NULL && geteuid() != 0) {
		bench_close(b);
		skip(); /* it is not dumpable: only root may look */
	}
	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		ssize_t n;

		if (e->d_name[0] == '.')
			continue;
		n = readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1);
		assert_true(n > 0);
		to[n] = '\0';
		found++;
		if (strcmp(e->d_name, "3") == 0)
			assert_memory_equal(to, "socket:[", 8);
		else if (strcmp(e->d_name, "2") != 0 || !SANITIZED)
			assert_string_equal(to, "/dev/null");
	}
	assert_int_equal(found, 4);
	(void)closedir(d);
	bench_close(b);
}

/* "Max open files            4                    4 ..." */
static void
expect_limit(int pid, const char *name, uint64_t soft, uint64_t hard)
{
	char path[64], line[256];
	uint64_t at[2] = {UINT64_MAX, UINT64_MAX};
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/limits", pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			assert_int_equal(
			    sscanf(line + 25, "%" SCNu64 " %" SCNu64, &at[0], &at[1]), 2);
	(void)fclose(f);
	assert_int_equal(at[0], soft);
	assert_int_equal(at[1], hard);
}

static void
the_kernel_knows_the_limits_of_workers(void **state)
{
	struct pool_conf c = bench_conf();
	struct bench *b;
	int pid;

	(void)state;
	c.worker_cpu_s = 77;
	b = bench_open(&c);
	assert_true(pool_pids(b->p, &pid, 1) == 1);
	expect_limit(pid, "Max cpu time", 77, 79);
	expect_limit(pid, "Max core file size", 0, 0);
	expect_limit(pid, "Max processes", 0, 0);
	expect_limit(pid, "Max open files", 4, 4);
	if (!SANITIZED) {
		/* What it may use, its arena and its results. */
		uint64_t bytes = (256u << 20) + (4u << 20) + REGION_HEAD_BYTES +
				 region_data_bytes(BENCH_RESULT_MAX);

		expect_limit(pid, "Max address space", bytes, bytes);
		expect_limit(pid, "Max file size", 0, 0); /* a report may go to a file */
	}
	bench_close(b);
}

/* Nobody keeps a deadline here, as when the crawl itself is stopped. */
static void
cpu_time_without_end_ends(void **state)
{
	struct pool_conf c = bench_conf();
	struct bench *b;

	(void)state;
	c.workers = 1;
	c.worker_cpu_s = 1;
	b = bench_open(&c);
	(void)bench_do(b, "spin 1000000");
	bench_expect(b, 0, POOL_CRASH, "");
	assert_string_equal(bench_do(b, "echo next")->text, "next");
	assert_non_null(strstr(pool_trouble(b->p), "CPU time limit"));
	bench_close(b);
}

static void
a_worker_is_replaced_before_its_cpu_time_is_used_up(void **state)
{
	struct pool_conf c = bench_conf();
	struct pool_stats st;
	struct bench *b;
	char first[128];

	(void)state;
	c.workers = 1;
	c.batch_max = 1;
	c.worker_cpu_s = 2;
	b = bench_open(&c);
	(void)snprintf(first, sizeof(first), "%s", bench_do(b, "pid")->text);
	for (int i = 0; i < 7; i++)
		assert_string_equal(bench_do(b, "spin 350")->text, "spun");
	assert_string_not_equal(bench_do(b, "pid")->text, first);
	pool_stats(b->p, &st);
	assert_true(st.recycled >= 2);
	assert_int_equal(st.crashes, 0);
	bench_close(b);
}

static void
memory_beyond_the_limit_is_refused(void **state)
{
	struct bench *b = bench_open(NULL);

	(void)state;
#ifdef TRAWL_SANITIZED
	bench_close(b);
	skip();
#else
	assert_string_equal(bench_do(b, "alloc 1000000")->text, "given");
	assert_string_equal(bench_do(b, "alloc 300000000")->text, "refused");
	bench_close(b);
#endif
}
static int
run(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_jail_refuses_each_of_these),
	    cmocka_unit_test(a_call_of_another_machine_kills),
	    cmocka_unit_test(a_worker_cannot_write_to_the_arena),
	    cmocka_unit_test(the_kernel_says_that_workers_are_jailed),
	    cmocka_unit_test(others_of_its_user_cannot_look_into_a_worker),
	    cmocka_unit_test(a_worker_has_no_descriptors_but_its_own),
	    cmocka_unit_test(the_kernel_knows_the_limits_of_workers),
	    cmocka_unit_test(cpu_time_without_end_ends),
	    cmocka_unit_test(a_worker_is_replaced_before_its_cpu_time_is_used_up),
	    cmocka_unit_test(memory_beyond_the_limit_is_refused),
	};

	return cmocka_run_group_tests_name("loop/pool's jail", tests, NULL, NULL);
}

int
main(void)
{
	return bench_main("loop/pool's jail", run);
}
