#include "store/store.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "store_dir.h"

/*
 * A child applies synced batches, one after the other, and tells of each that was
 * acknowledged.  Batch n puts PUTS keys into each table, takes those of batch n - LIVE out
 * of the queue, and writes its number into meta.  Killed, it leaves the store as some
 * batch did that is not before the last acknowledged.
 *
 *	test_store_kill [KILLS [SEED]]
 */
enum { PUTS = 8, LIVE = 20, MEMORY_BYTES = 1 << 20 };

static int kills = 30;
static uint64_t seed = 1;

static uint64_t
rng(void)
{
	uint64_t z = (seed += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static struct store *
open_store(const char *dir, enum store_mode mode)
{
	struct store_conf conf = {.dir = dir, .mode = mode, .memory_bytes = MEMORY_BYTES};
	struct store *s;
	struct why why;

	if (store_open("rocksdb", &conf, &s, &why) < 0)
		fail_msg("%s", why.text);
	return s;
}

static struct slice
key_of(uint64_t n, int i, char text[40])
{
	return slice_of(text, (size_t)snprintf(text, 40, "%08" PRIu64 "/%d", n, i));
}

static struct slice
value_of(uint64_t n, int i, char text[128])
{
	return slice_of(text, (size_t)snprintf(text, 128, "batch %" PRIu64 " key %d %*s",
				  n, i, (int)(n % 60), ""));
}

static void
pause_us(uint64_t us)
{
	struct timespec t = {
	    .tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};

	(void)nanosleep(&t, NULL);
}

/* ---- the writer ---- */

static void
must(int r)
{
	if (r < 0)
		_exit(1);
}

static void
write_batch(struct store *s, struct store_batch *b, uint64_t n)
{
	char key[40], value[128];

	for (int t = 0; t < STORE_TABLE_MAX; t++)
		for (int i = 0; i < PUTS; i++)
			must(store_batch_put(b, (enum store_table)t, key_of(n, i, key),
			    value_of(n, i, value)));
	for (int i = 0; i < PUTS && n > LIVE; i++)
		must(store_batch_delete(b, STORE_QUEUE, key_of(n - LIVE, i, key)));
	must(store_batch_put(b, STORE_META, SLICE_LIT("last"), slice_of(&n, sizeof(n))));
	must(store_apply(s, b, true, NULL));
}

/* The program once more: threads of RocksDB's do not survive a fork. */
static void
be_writer(const char *dir, uint64_t n, uint64_t pause)
{
	struct store_conf conf = {.dir = dir, .memory_bytes = MEMORY_BYTES};
	struct store_batch *b;
	struct store *s;

	must(store_batch_new(1 << 20, &b));
	must(store_open("rocksdb", &conf, &s, NULL));
	for (;; n++) {
		write_batch(s, b, n);
		if (write(STDOUT_FILENO, &n, sizeof(n)) != sizeof(n))
			_exit(2);
		pause_us(pause);
	}
}

static pid_t
start_writer(const char *dir, uint64_t n, uint64_t pause, int *ret_acks)
{
	int acks[2];
	pid_t pid;

	assert_int_equal(pipe(acks), 0);
	pid = fork();
	if (pid == 0) {
		char from[24], wait[24];

		(void)snprintf(from, sizeof(from), "%" PRIu64, n);
		(void)snprintf(wait, sizeof(wait), "%" PRIu64, pause);
		(void)dup2(acks[1], STDOUT_FILENO);
		(void)close(acks[0]);
		(void)close(acks[1]);
		(void)execl(
		    "/proc/self/exe", "writer", "--write", dir, from, wait, (char *)NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	(void)close(acks[1]);
	*ret_acks = acks[0];
	return pid;
}

/* What it has told until now, or until the end of it. */
static void
read_acks(int fd, uint64_t *last, bool to_the_end)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t n;

	while (
	    (to_the_end || poll(&p, 1, 0) > 0) && read(fd, &n, sizeof(n)) == sizeof(n)) {
		assert_true(n > *last);
		*last = n;
	}
}

/* The next ones, however long they take. */
static void
wait_for_acks(int fd, uint64_t *last, int len)
{
	uint64_t n;

	for (int i = 0; i < len; i++) {
		assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
		assert_true(n > *last);
		*last = n;
	}
}

static void
kill_writer(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status)); /* it did not fail before */
}

/* ---- what is left ---- */

struct expect {
	uint64_t n; /* the next key */
	int i;
};

static bool
on_key(void *ctx, struct slice key, struct slice value)
{
	struct expect *e = ctx;
	char want_key[40], want[128];

	if (slice_eq(key, SLICE_LIT("last")))
		return true;
	if (!slice_eq(key, key_of(e->n, e->i, want_key)))
		fail_msg(
		    "%s is missing, " SLICE_FMT " is there", want_key, SLICE_ARG(key));
	assert_true(slice_eq(value, value_of(e->n, e->i, want)));
	if (++e->i == PUTS) {
		e->i = 0;
		e->n++;
	}
	return true;
}

/* Returns the number of its last batch. */
static uint64_t
check_store(struct store *s)
{
	struct buf b;
	uint64_t last = 0;
	int r;

	buf_init(&b, 1 << 10);
	r = store_get(s, STORE_META, SLICE_LIT("last"), &b);
	if (r == 0)
		memcpy(&last, b.ptr, sizeof(last));
	else
		assert_int_equal(r, -ENOENT);
	buf_release(&b);
	for (int t = 0; t < STORE_TABLE_MAX; t++) {
		struct expect e = {.n = 1};

		if (t == STORE_QUEUE && last > LIVE)
			e.n = last - LIVE + 1;
		assert_int_equal(store_scan(s, (enum store_table)t, (struct slice){0},
				     (struct slice){0}, UINT32_MAX, on_key, &e),
		    0);
		assert_int_equal(e.n, last + 1);
		assert_int_equal(e.i, 0);
	}
	return last;
}

static void
killed_at_any_time_it_keeps_what_was_acknowledged_and_nothing_half(void **state)
{
	const char *dir = store_dir_new();
	uint64_t last = 0, acked = 0;
	int ahead = 0;

	(void)state;
	for (int i = 0; i < kills; i++) {
		struct store *s;
		int acks;
		pid_t pid = start_writer(dir, last + 1, 0, &acks);

		/* Every third time while it opens, perhaps; else while it writes. */
		if (i % 3 != 0)
			wait_for_acks(acks, &acked, 3);
		pause_us(rng() % (i % 3 == 0 ? 30000 : 100000));
		kill_writer(pid);
		read_acks(acks, &acked, true);
		(void)close(acks);
		if (i == 0 && acked == 0)
			s = open_store(dir, STORE_MAKE);
		else
			s = open_store(dir, i % 2 == 0 ? STORE_MAKE : STORE_EXIST);
		last = check_store(s);
		assert_true(last >= acked);
		ahead += last > acked;
		store_close(s);
	}
	print_message("%d kills, %" PRIu64
		      " batches, %d times one more than acknowledged\n",
	    kills, last, ahead);
	assert_true(last > (uint64_t)kills);
}

static void
another_process_reads_a_state_while_it_is_written_and_after_a_kill(void **state)
{
	const char *dir = store_dir_new();
	uint64_t acked = 0, last = 0, first_seen = 0;
	struct store *s;
	int acks;
	pid_t pid = start_writer(dir, 1, 1000, &acks);

	(void)state;
	while (acked == 0)
		read_acks(acks, &acked, false);
	for (int i = 0; i < 20; i++) {
		uint64_t before;

		pause_us(rng() % 20000);
		read_acks(acks, &acked, false);
		before = acked;
		s = open_store(dir, STORE_READ);
		last = check_store(s);
		assert_true(last >= before);
		store_close(s);
		if (i == 0)
			first_seen = last;
		while (acked <= first_seen)
			wait_for_acks(acks, &acked, 1);
	}
	assert_true(last > first_seen);
	kill_writer(pid);
	read_acks(acks, &acked, true);
	(void)close(acks);
	s = open_store(dir, STORE_READ);
	last = check_store(s);
	assert_true(last >= acked);
	store_close(s);
	s = open_store(dir, STORE_EXIST);
	assert_int_equal(check_store(s), last);
	store_close(s);
}

static int
stores_are_removed(void **state)
{
	(void)state;
	store_dir_remove();
	return 0;
}

#define T(f) cmocka_unit_test_teardown(f, stores_are_removed)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    T(killed_at_any_time_it_keeps_what_was_acknowledged_and_nothing_half),
	    T(another_process_reads_a_state_while_it_is_written_and_after_a_kill),
	};

	if (argc == 5 && strcmp(argv[1], "--write") == 0)
		be_writer(
		    argv[2], strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
	if (argc > 1)
		kills = (int)strtol(argv[1], NULL, 10);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests_name("store/kill", tests, NULL, NULL);
}
