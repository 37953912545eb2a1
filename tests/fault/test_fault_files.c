/* Calls that fail as planned, and those that are none of a plan's business. */
#include "fault_child.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- plans as text ---- */

static void
a_plan_reads_as_it_is_written(void **state)
{
	static const char text[] = "seed=7,open=3:EMFILE,write=12*4:ENOSPC,fsync=2+:EIO,"
				   "malloc=99:ENOMEM,kill=5,power=6,clock=8:-3600";
	char whole[256], again[256], why[128];
	struct fault_plan p;

	(void)state;
	(void)snprintf(whole, sizeof(whole), "dir=/a,undo=/b,%s", text);
	assert_int_equal(fault_parse(whole, &p, why, sizeof(why)), 0);
	assert_string_equal(p.dir, "/a");
	assert_int_equal(p.nth[FAULT_WRITE].n, 12);
	assert_int_equal(p.nth[FAULT_WRITE].times, 4);
	assert_int_equal(p.nth[FAULT_WRITE].err, ENOSPC);
	assert_int_equal(p.clock_s, -3600);
	fault_text(&p, again, sizeof(again));
	assert_string_equal(again, text);
}

static void
what_is_no_plan_is_refused_with_a_sentence(void **state)
{
	static const char *const wrong[] = {"writ=1:EIO", "write=0:EIO", "write=1",
	    "write=1:EFOO", "write=:EIO", "write=1*:EIO", "fsync=1:short", "dir=x",
	    "kill=x", "power=3", "clock=1", "clock=1:x", "seed"};
	struct fault_plan p;
	char why[128];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		why[0] = '\0';
		assert_int_equal(fault_parse(wrong[i], &p, why, sizeof(why)), -EINVAL);
		assert_true(why[0] != '\0');
	}
}

/* ---- the n-th call ---- */

/* Ten bytes ten times; a digit a write: 0 it was whole, 1 it was short, 2 it failed with
 * the errno that is expected, 3 otherwise. */
struct writes {
	int err;
	char seen[11];
};

static int
write_ten(void *ctx)
{
	struct writes *w = ctx;
	int fd = open("f", O_WRONLY | O_CREAT, 0644), out;

	for (int i = 0; i < 10; i++) {
		ssize_t n = write(fd, "0123456789", 10);

		w->seen[i] = n == 10                    ? '0'
			     : n > 0                    ? '1'
			     : n < 0 && errno == w->err ? '2'
							: '3';
	}
	(void)close(fd);
	/* Not below the directory: not the plan's. */
	out = open("../seen", O_WRONLY | O_CREAT, 0644);
	return write(out, w->seen, 10) == 10 ? 0 : 1;
}

static void
writes_are(const char *plan, int err, const char *expected)
{
	struct writes w = {.err = err};
	struct child_dirs d;
	struct slice seen;

	child_dirs_make(&d);
	assert_int_equal(child_run(&d, plan, write_ten, &w), 0);
	seen = kit_file(d.whole, "seen");
	assert_slice(seen, expected);
	kit_free(seen);
	child_dirs_remove(&d);
}

static void
the_nth_write_fails_once_or_a_number_of_times_or_for_ever(void **state)
{
	(void)state;
	writes_are("write=3:EIO", EIO, "0020000000");
	writes_are("write=3*4:ENOSPC", ENOSPC, "0022220000");
	writes_are("write=9+:EIO", EIO, "0000000022");
	writes_are("write=11:EIO", EIO, "0000000000");
	writes_are("write=2:short", 0, "0100000000");
}

/* The calls of each kind in turn; a bit for each that failed with EIO. */
static int
every_kind(void *ctx)
{
	int failed = 0, fd, dir;

	(void)ctx;
	fd = open("f", O_RDWR | O_CREAT, 0644);
	if (fd < 0) {
		failed |= errno == EIO ? 1 : 128;
		fd = open("f", O_RDWR | O_CREAT, 0644);
	}
	dir = open(".", O_RDONLY | O_DIRECTORY);
	failed |= pwrite(fd, "abc", 3, 0) < 0 && errno == EIO ? 2 : 0;
	failed |= ftruncate(fd, 2) < 0 && errno == EIO ? 4 : 0;
	failed |= fdatasync(fd) < 0 && errno == EIO ? 8 : 0;
	failed |= fsync(dir) < 0 && errno == EIO ? 8 : 0;
	failed |= renameat(dir, "f", dir, "g") < 0 && errno == EIO ? 16 : 0;
	failed |= mkdir("sub", 0755) < 0 && errno == EIO ? 32 : 0;
	failed |= unlinkat(dir, "f", 0) < 0 && errno == EIO ? 64 : 0;
	return failed;
}

static void
every_kind_of_call_can_fail(void **state)
{
	static const struct {
		const char *plan;
		int failed;
	} cases[] = {{"open=1:EIO", 1}, {"write=1:EIO", 2}, {"truncate=1:EIO", 4},
	    {"fsync=1:EIO", 8}, {"fsync=2:EIO", 8}, {"fsync=3:EIO", 0},
	    {"rename=1:EIO", 16}, {"mkdir=1:EIO", 32}, {"unlink=1:EIO", 64}, {"", 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct child_dirs d;

		child_dirs_make(&d);
		assert_int_equal(
		    child_run(&d, cases[i].plan, every_kind, NULL), cases[i].failed);
		assert_int_equal(child_counts()->fired, cases[i].failed != 0);
		child_dirs_remove(&d);
	}
}

/* ---- what is none of a plan's business ---- */

static int
elsewhere(void *ctx)
{
	int pair[2], memory = memfd_create("m", 0), failed = 0, out, below;

	(void)ctx;
	failed |= socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0;
	out = open("../out", O_RDWR | O_CREAT, 0644);
	failed |= write(pair[0], "x", 1) != 1;
	failed |= write(memory, "x", 1) != 1;
	failed |= write(out, "x", 1) != 1 || fsync(out) < 0 || ftruncate(out, 0) < 0;
	failed |= rename("../out", "../out2") < 0 || unlink("../out2") < 0;
	/* A number that had been a file of the plan's. */
	below = open("f", O_RDWR | O_CREAT, 0644);
	failed |= below < 0;
	failed |= dup2(pair[0], below) < 0 || write(below, "x", 1) != 1;
	return failed;
}

static void
other_files_and_sockets_are_never_touched(void **state)
{
	struct child_dirs d;

	(void)state;
	child_dirs_make(&d);
	assert_int_equal(child_run(&d,
			     "write=1+:EIO,fsync=1+:EIO,rename=1+:EIO,truncate=1+:EIO,"
			     "unlink=1+:EIO,open=2+:EIO",
			     elsewhere, NULL),
	    0);
	assert_int_equal(child_counts()->fired, 0);
	assert_int_equal(child_counts()->steps, 1); /* f was made */
	child_dirs_remove(&d);
}

static int
grandchild(void *ctx)
{
	int fd = open("f", O_WRONLY | O_CREAT, 0644), status;
	pid_t pid;

	(void)ctx;
	pid = fork();
	if (pid == 0)
		_exit(write(fd, "x", 1) == 1 && malloc(10) != NULL ? 0 : 1);
	return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 2;
}

static void
children_are_outside_the_plan(void **state)
{
	struct child_dirs d;

	(void)state;
	child_dirs_make(&d);
	assert_int_equal(child_run(&d, "write=1+:EIO,malloc=2+", grandchild, NULL), 0);
	child_dirs_remove(&d);
}

/* ---- kill ---- */

static int
steps(void *ctx)
{
	int fd = open("f", O_WRONLY | O_CREAT, 0644);

	(void)ctx;
	for (int i = 0; i < 5; i++)
		if (write(fd, "0123456789", 10) != 10 || fdatasync(fd) < 0)
			return 1;
	return rename("f", "g") == 0 ? 0 : 1;
}

static void
it_is_killed_in_the_middle_of_the_step(void **state)
{
	/* create, 5 x (write, sync), rename */
	(void)state;
	for (int step = 1; step <= 13; step++) {
		struct child_dirs d;
		struct kit_list list;
		struct slice f;
		size_t least, most;
		char plan[64];

		child_dirs_make(&d);
		(void)snprintf(plan, sizeof(plan), "seed=%d,kill=%d", step * 31, step);
		assert_int_equal(
		    child_run(&d, plan, steps, NULL), step <= 12 ? CHILD_KILLED : 0);
		kit_list(d.dir, "", &list);
		assert_in_range(list.n, step == 1 ? 0 : 1, 1);
		if (list.n == 1) {
			f = kit_file(d.dir, list.names[0]);
			least =
			    step < 2 ? 0 : (size_t)(step > 12 ? 11 : step - 1) / 2 * 10;
			most = (size_t)step / 2 * 10;
			assert_in_range(f.len, least, most > 50 ? 50 : most);
			kit_free(f);
			if (step < 12)
				assert_string_equal(list.names[0], "f");
		}
		child_dirs_remove(&d);
	}
}

/* ---- memory and the clock ---- */

static int
allocate(void *ctx)
{
	int bits = 0;
	void *p, *q, *r, *s, *text;

	(void)ctx;
	p = malloc(10);
	q = calloc(2, 10);
	text = strdup("libc's own");
	r = realloc(q, 100);
	fault_pause();
	s = malloc(10);
	fault_resume();
	bits = (p == NULL) | (q == NULL) << 1 | (r == NULL) << 2 | (s == NULL) << 3 |
	       (text == NULL) << 4;
	free(p), free(r == NULL ? q : r), free(s), free(text);
	return bits;
}

static void
the_nth_allocation_of_the_program_itself_fails(void **state)
{
	struct child_dirs d;

	(void)state;
#ifdef TRAWL_SANITIZED
	skip();
#endif
	child_dirs_make(&d);
	assert_int_equal(child_run(&d, "malloc=1", allocate, NULL), 1);
	assert_int_equal(child_run(&d, "malloc=2", allocate, NULL), 2);
	assert_int_equal(child_run(&d, "malloc=3", allocate, NULL), 4);
	assert_int_equal(child_run(&d, "malloc=4+", allocate, NULL), 0);
	assert_int_equal(child_counts()->calls[FAULT_MALLOC], 3);
	child_dirs_remove(&d);
}

static int
read_clock(void *ctx)
{
	struct timespec before, after, mono, mono_after;

	(void)ctx;
	(void)clock_gettime(CLOCK_REALTIME, &before);
	(void)clock_gettime(CLOCK_MONOTONIC, &mono);
	(void)clock_gettime(CLOCK_MONOTONIC, &mono_after);
	(void)clock_gettime(CLOCK_REALTIME, &after);
	return after.tv_sec - before.tv_sec < -3590 && mono_after.tv_sec >= mono.tv_sec
		   ? 0
		   : 1;
}

static void
the_wall_clock_can_jump(void **state)
{
	struct child_dirs d;

	(void)state;
	child_dirs_make(&d);
	assert_int_equal(child_run(&d, "clock=2:-3600", read_clock, NULL), 0);
	child_dirs_remove(&d);
}

/* ---- libraries ---- */

#if HAVE_ROCKSDB
static int
store(void *ctx)
{
	struct why why = {""};
	struct store_batch *b;
	struct store *s;
	uint64_t writes, syncs;
	int r = store_open("rocksdb", &(struct store_conf){.dir = "."}, &s, &why);

	if (r < 0)
		return 10;
	writes = fault_counts()->calls[FAULT_WRITE];
	syncs = fault_counts()->calls[FAULT_FSYNC];
	r = store_batch_new(1 << 20, &b);
	if (r == 0)
		r = store_batch_put(b, STORE_META, SLICE_LIT("k"), SLICE_LIT("v"));
	if (r == 0)
		r = store_apply(s, b, true, &why);
	store_batch_free(b);
	if (r < 0)
		return r == -ENOSPC ? 11 : 12;
	if (ctx == NULL)
		store_close(s);
	return fault_counts()->calls[FAULT_WRITE] > writes &&
		       fault_counts()->calls[FAULT_FSYNC] > syncs
		   ? 0
		   : 13;
}

static void
calls_of_rocksdb_pass_through_the_plan(void **state)
{
	struct child_dirs d;
	uint64_t writes;
	char plan[64];

	(void)state;
	child_dirs_make(&d);
	assert_int_equal(child_run(&d, "", store, NULL), 0);
	child_dirs_remove(&d);
	child_dirs_make(&d);
	assert_int_equal(child_run(&d, "write=1+:ENOSPC", store, NULL), 10);
	child_dirs_remove(&d);
	child_dirs_make(&d);
	assert_int_equal(child_run(&d, "write=1000:EIO", store, "left open"), 0);
	writes = child_counts()->calls[FAULT_WRITE];
	child_dirs_remove(&d);
	/* The last one acknowledges the batch. */
	child_dirs_make(&d);
	(void)snprintf(
	    plan, sizeof(plan), "write=%llu+:ENOSPC", (unsigned long long)writes);
	assert_int_equal(child_run(&d, plan, store, NULL), 11);
	child_dirs_remove(&d);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_reads_as_it_is_written),
		cmocka_unit_test(what_is_no_plan_is_refused_with_a_sentence),
		cmocka_unit_test(
		    the_nth_write_fails_once_or_a_number_of_times_or_for_ever),
		cmocka_unit_test(every_kind_of_call_can_fail),
		cmocka_unit_test(other_files_and_sockets_are_never_touched),
		cmocka_unit_test(children_are_outside_the_plan),
		cmocka_unit_test(it_is_killed_in_the_middle_of_the_step),
		cmocka_unit_test(the_nth_allocation_of_the_program_itself_fails),
		cmocka_unit_test(the_wall_clock_can_jump),
#if HAVE_ROCKSDB
		cmocka_unit_test(calls_of_rocksdb_pass_through_the_plan),
#endif
	};

	return cmocka_run_group_tests_name("fault/files", tests, NULL, NULL);
}
