/* What the store keeps when the power fails, when it is killed, and when the disk fails.
 *
 *	test_fault_store [CRAWLS [SEED]]
 */
#include "fault_child.h"
#include "store/store.h"
#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>

/*
 * A child checks the store and then applies batches until something happens to it; every
 * third is synced and with that acknowledged.  Batch n puts PUTS keys into each table and
 * its number into meta, and takes those of batch n - LIVE out of the queue.
 */
enum { PUTS = 4, LIVE = 12, ROUNDS = 5, BATCHES = 150, MEMORY_BYTES = 1 << 20 };

static int crawls = 12;
static uint64_t first_seed = 1;

/* Shared with the child. */
static struct shared {
	uint64_t acked, last; /* batches: acknowledged; found by the last child */
	struct why why;
} * shared;

enum { CHILD_WRONG = 1, CHILD_REFUSED, CHILD_NO_STORE, CHILD_APPLY };

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

struct expect {
	uint64_t n; /* the next key */
	int i;
	bool is_wrong;
};

static bool
on_key(void *ctx, struct slice key, struct slice value)
{
	struct expect *e = ctx;
	char want_key[40], want[128];

	if (slice_eq(key, SLICE_LIT("last")))
		return true;
	e->is_wrong = !slice_eq(key, key_of(e->n, e->i, want_key)) ||
		      !slice_eq(value, value_of(e->n, e->i, want));
	if (e->is_wrong)
		(void)why_set(&shared->why, 0, SLICE_FMT " instead of %s", SLICE_ARG(key),
		    want_key);
	if (++e->i == PUTS) {
		e->i = 0;
		e->n++;
	}
	return !e->is_wrong;
}

static int
check_store(struct store *s)
{
	struct buf b;
	int r;

	buf_init(&b, 1 << 10);
	shared->last = 0;
	r = store_get(s, STORE_META, SLICE_LIT("last"), &b);
	if (r == 0)
		memcpy(&shared->last, b.ptr, sizeof(shared->last));
	buf_release(&b);
	if (shared->last < shared->acked || (r < 0 && r != -ENOENT))
		return why_set(&shared->why, CHILD_WRONG, "the last batch is %" PRIu64,
		    shared->last);
	for (int t = 0; t < STORE_TABLE_MAX; t++) {
		struct expect e = {.n = 1};

		if (t == STORE_QUEUE && shared->last > LIVE)
			e.n = shared->last - LIVE + 1;
		r = store_scan(s, (enum store_table)t, (struct slice){0},
		    (struct slice){0}, UINT32_MAX, on_key, &e);
		if (r < 0 || e.is_wrong)
			return CHILD_WRONG;
		if (e.n != shared->last + 1 || e.i != 0)
			return why_set(&shared->why, CHILD_WRONG,
			    "table %d ends at %" PRIu64 "/%d", t, e.n, e.i);
	}
	return 0;
}

static int
put_batch(struct store_batch *b, uint64_t n)
{
	char key[40], value[128];
	int r = 0;

	for (int t = 0; t < STORE_TABLE_MAX; t++)
		for (int i = 0; i < PUTS && r == 0; i++)
			r = store_batch_put(b, (enum store_table)t, key_of(n, i, key),
			    value_of(n, i, value));
	for (int i = 0; i < PUTS && n > LIVE && r == 0; i++)
		r = store_batch_delete(b, STORE_QUEUE, key_of(n - LIVE, i, key));
	return r == 0 ? store_batch_put(
			    b, STORE_META, SLICE_LIT("last"), slice_of(&n, sizeof(n)))
		      : r;
}

struct task {
	int tries;        /* how often what failed is repeated */
	uint64_t batches; /* 0: BATCHES */
};

static int
work(void *ctx)
{
	const struct task *task = ctx;
	struct store_conf conf = {.dir = ".", .memory_bytes = MEMORY_BYTES};
	uint64_t batches = task->batches == 0 ? BATCHES : task->batches;
	int r, tries = task->tries;
	struct store_batch *b;
	struct store *s;

	do {
		r = store_open("rocksdb", &conf, &s, &shared->why);
	} while (r < 0 && r != -EBADMSG && tries-- > 0);
	if (r < 0)
		return r == -EBADMSG ? CHILD_REFUSED : CHILD_NO_STORE;
	r = check_store(s);
	if (r == 0 && store_batch_new(1 << 20, &b) < 0)
		r = CHILD_NO_STORE;
	for (uint64_t n = shared->last + 1, end = n + batches; n < end && r == 0; n++) {
		bool sync = n % 3 == 0;

		if (put_batch(b, n) < 0)
			return CHILD_NO_STORE;
		do {
			r = store_apply(s, b, sync, &shared->why);
		} while (r < 0 && tries-- > 0);
		if (r < 0)
			return CHILD_APPLY;
		if (sync)
			shared->acked = n;
	}
	if (r == 0)
		store_close(s);
	return r;
}

static uint64_t
rng(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* One store, to which something happens at a random step of each round but the last.
 * Returns how often it did. */
static int
one_crawl(uint64_t seed, const char *what)
{
	uint64_t state = seed;
	struct child_dirs d;
	char plan[128];
	int killed = 0;

	child_dirs_make(&d);
	memset(shared, 0, sizeof(*shared));
	for (int i = 0; i < ROUNDS; i++) {
		/* Steps of a round: a third while it opens, the rest while it writes. */
		uint64_t step = 1 + rng(&state) % (i % 2 == 0 ? 60 : 400);
		struct task once = {0};
		int r;

		(void)snprintf(plan, sizeof(plan), "seed=%" PRIu64 ",%s=%" PRIu64,
		    rng(&state) % 100000, what, step);
		r = child_run(&d, i + 1 < ROUNDS ? plan : "", work, &once);
		if (r != CHILD_KILLED && r != 0)
			fail_msg("seed %" PRIu64 ", round %d, %s: %d: %s", seed, i, plan,
			    r, shared->why.text);
		killed += r == CHILD_KILLED;
	}
	assert_true(shared->acked >= BATCHES - 3);
	child_dirs_remove(&d);
	return killed;
}

static void
a_power_loss_takes_nothing_that_was_acknowledged_and_leaves_nothing_half(void **state)
{
	int killed = 0;

	(void)state;
	for (int i = 0; i < crawls; i++)
		killed += one_crawl(first_seed + (uint64_t)i, "power");
	assert_true(killed > crawls * 2);
}

static void
neither_does_a_kill_in_the_middle_of_any_step(void **state)
{
	int killed = 0;

	(void)state;
	for (int i = 0; i < crawls; i++)
		killed += one_crawl(first_seed + (uint64_t)i, "kill");
	assert_true(killed > crawls * 2);
}

static int
run_at(const struct child_dirs *d, const char *what, int step, int seed)
{
	struct task few = {.batches = 3};
	char plan[128];
	int r;

	(void)snprintf(plan, sizeof(plan), "seed=%d,%s=%d", seed, what, step);
	r = child_run(d, plan, work, &few);
	if (r != CHILD_KILLED && r != 0)
		fail_msg("%s: %d: %s", plan, r, shared->why.text);
	return r;
}

/* The one leaves in the kernel's memory what the other takes for the disk's. */
static void
neither_does_a_kill_while_it_opens_and_a_power_loss_while_it_opens_again(void **state)
{
	int both = 0;

	(void)state;
	/* The mark is written and synced in the first steps, and again when RocksDB is open. */
	for (int kill = 1; kill <= 3; kill++)
		for (int power = 2; power <= 70; power += 2) {
			int seed = 1000 * kill + power, killed;
			struct child_dirs d;

			child_dirs_make(&d);
			memset(shared, 0, sizeof(*shared));
			assert_int_equal(run_at(&d, "kill", 100000, seed), 0);
			killed = run_at(&d, "kill", kill, seed);
			if (run_at(&d, "power", power, seed) == killed)
				both += killed == CHILD_KILLED;
			assert_int_equal(run_at(&d, "kill", 100000, seed), 0);
			child_dirs_remove(&d);
		}
	assert_true(both > 80);
}

/* Calls fail for a while, as on a disk that is full; then it goes on where it was. */
static void
after_failed_calls_the_same_batch_can_be_applied_again(void **state)
{
	static const char *const calls[] = {"write", "fsync", "open", "write"};
	static const char *const errors[] = {"ENOSPC", "EIO", "EMFILE", "short"};
	uint64_t random = first_seed;
	int failed = 0;

	(void)state;
	for (int i = 0; i < crawls * 2; i++) {
		uint64_t at = 40 + rng(&random) % 200;
		struct child_dirs d;
		char plan[128];
		struct task patient = {.tries = 50};
		int r;

		child_dirs_make(&d);
		memset(shared, 0, sizeof(*shared));
		(void)snprintf(plan, sizeof(plan), "%s=%" PRIu64 "*%d:%s", calls[i % 4],
		    at, (int)(rng(&random) % 10 + 1), errors[i % 4]);
		r = child_run(&d, plan, work, &patient);
		if (r != 0)
			fail_msg("%s: %d: %s", plan, r, shared->why.text);
		failed += child_counts()->fired > 0;
		r = child_run(&d, "", work, &patient);
		if (r != 0)
			fail_msg("after %s: %d: %s", plan, r, shared->why.text);
		assert_true(shared->acked >= 2 * BATCHES - 3);
		child_dirs_remove(&d);
	}
	assert_true(failed > crawls); /* the others were past the end */
}

static int
has_no_room(void *ctx)
{
	struct store_conf conf = {.dir = ".", .memory_bytes = MEMORY_BYTES};
	struct store_batch *b;
	struct store *s;
	int r;

	(void)ctx;
	r = store_open("rocksdb", &conf, &s, &shared->why);
	for (uint64_t n = 1; n < BATCHES && r == 0; n++) {
		if (store_batch_new(1 << 20, &b) < 0 || put_batch(b, n) < 0)
			return CHILD_WRONG;
		r = store_apply(s, b, true, &shared->why);
		store_batch_free(b);
	}
	return r == -ENOSPC ? 0 : CHILD_NO_STORE;
}

static void
a_quota_that_is_used_up_is_a_full_disk_to_who_waits_for_room(void **state)
{
	static const char *const errors[] = {"ENOSPC", "EDQUOT"};
	static const char *const calls[] = {"mkdir=1", "open=2", "open=3+", "open=4+",
	    "open=5+", "open=8+", "write=1", "write=2+", "write=3+", "write=20+"};

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		for (size_t k = 0; k < 2; k++) {
			struct child_dirs d;
			char plan[64];
			int r;

			child_dirs_make(&d);
			memset(shared, 0, sizeof(*shared));
			(void)snprintf(plan, sizeof(plan), "%s:%s", calls[i], errors[k]);
			r = child_run(&d, plan, has_no_room, NULL);
			if (r != 0)
				fail_msg("%s: %d: %s", plan, r, shared->why.text);
			assert_true(child_counts()->fired > 0);
			child_dirs_remove(&d);
		}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_power_loss_takes_nothing_that_was_acknowledged_and_leaves_nothing_half),
	    cmocka_unit_test(neither_does_a_kill_in_the_middle_of_any_step),
	    cmocka_unit_test(
		neither_does_a_kill_while_it_opens_and_a_power_loss_while_it_opens_again),
	    cmocka_unit_test(after_failed_calls_the_same_batch_can_be_applied_again),
	    cmocka_unit_test(
		a_quota_that_is_used_up_is_a_full_disk_to_who_waits_for_room),
	};

	if (argc > 1)
		crawls = (int)strtol(argv[1], NULL, 10);
	if (argc > 2)
		first_seed = strtoull(argv[2], NULL, 10);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 99;
	return cmocka_run_group_tests_name("fault/store", tests, NULL, NULL);
}
