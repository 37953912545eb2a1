#include "files_kit.h"
#include "frontier/seen.h"
#include "frontier/seen_table.h"
#include "store/store.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "fail_alloc.h"

/* Pages are allocations, too. */
void *__real_mmap(void *at, size_t n, int prot, int flags, int fd, off_t from);
void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t from);
void *
__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t from)
{
	if (fail_alloc_now())
		return MAP_FAILED;
	return __real_mmap(at, n, prot, flags, fd, from);
}

static struct seen *
new_seen(void)
{
	const struct seen_conf conf = {.dir = NULL};
	struct seen *s;

	assert_int_equal(seen_open(&conf, &s, NULL), 0);
	return s;
}

static enum seen_add
add(struct seen *s, uint64_t hash, enum outcome state, enum outcome *was)
{
	enum seen_add ret;

	*was = OUTCOME_NONE;
	assert_int_equal(seen_add(s, hash, state, &ret, was), 0);
	return ret;
}

static uint64_t
urls(const struct seen *s)
{
	struct seen_stats stats;

	seen_stats(s, &stats);
	return stats.urls;
}

static uint64_t
hash_of(uint64_t i)
{
	uint64_t z = i * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void
a_url_is_new_once(void **state)
{
	struct seen *s = new_seen();
	enum outcome o;

	(void)state;
	seen_hint(s, 5);
	assert_int_equal(add(s, 5, OUTCOME_NONE, &o), SEEN_NEW);
	seen_hint(s, 5);
	assert_int_equal(add(s, 5, OUTCOME_NONE, &o), SEEN_KNOWN);
	assert_int_equal(add(s, 6, OUTCOME_NONE, &o), SEEN_NEW);
	assert_int_equal(urls(s), 2);
	seen_check(s);
	seen_close(s);
	seen_close(NULL);
}

static const enum outcome soft[] = {OUTCOME_OUT_OF_SCOPE, OUTCOME_DEPTH, OUTCOME_BUDGET};

static void
a_wanted_url_overrules_what_scope_depth_and_budget_rejected(void **state)
{
	struct seen *s = new_seen();
	enum outcome was;

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(add(s, 100 + i, soft[i], &was), SEEN_NEW);
		assert_int_equal(add(s, 100 + i, OUTCOME_DEPTH, &was), SEEN_KNOWN);
		assert_int_equal(add(s, 100 + i, OUTCOME_NONE, &was), SEEN_UPGRADED);
		assert_int_equal(was, soft[i]);
		assert_int_equal(add(s, 100 + i, OUTCOME_NONE, &was), SEEN_KNOWN);
		/* It waited, and only then was rejected. */
		assert_int_equal(seen_set(s, 100 + i, soft[i]), 0);
		assert_int_equal(add(s, 100 + i, OUTCOME_NONE, &was), SEEN_UPGRADED);
		assert_int_equal(was, soft[i]);
	}
	assert_int_equal(urls(s), 3);
	seen_check(s);
	seen_close(s);
}

static void
no_other_outcome_is_overruled(void **state)
{
	struct seen *s = new_seen();
	enum outcome was;

	(void)state;
	for (int o = OUTCOME_OK; o < OUTCOME_MAX; o++) {
		uint64_t h = (uint64_t)o;

		if (o == OUTCOME_OUT_OF_SCOPE || o == OUTCOME_DEPTH ||
		    o == OUTCOME_BUDGET)
			continue;
		assert_int_equal(add(s, h, OUTCOME_NONE, &was), SEEN_NEW);
		assert_int_equal(seen_set(s, h, (enum outcome)o), 0);
		assert_int_equal(add(s, h, OUTCOME_NONE, &was), SEEN_KNOWN);
		assert_int_equal(add(s, 100 + h, (enum outcome)o, &was), SEEN_NEW);
		assert_int_equal(add(s, 100 + h, OUTCOME_NONE, &was), SEEN_KNOWN);
	}
	seen_close(s);
}

static void
what_was_never_added_gets_no_outcome(void **state)
{
	struct seen *s = new_seen();
	enum outcome was;

	(void)state;
	assert_int_equal(seen_set(s, 1, OUTCOME_BUDGET), 0);
	assert_int_equal(urls(s), 0);
	assert_int_equal(add(s, 1, OUTCOME_NONE, &was), SEEN_NEW);
	seen_close(s);
}

static void
any_hash_will_do(void **state)
{
	const uint64_t odd[] = {
	    0, UINT64_MAX, (uint64_t)1 << 63, 0xff00000000000000u, 255};
	struct seen *s = new_seen();
	enum outcome was;

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		assert_int_equal(add(s, odd[i], OUTCOME_NONE, &was), SEEN_NEW);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		assert_int_equal(add(s, odd[i], OUTCOME_NONE, &was), SEEN_KNOWN);
	/* All at the end of one part: probing goes round. */
	for (uint64_t i = 1; i < 2000; i++)
		assert_int_equal(add(s, UINT64_MAX - i, OUTCOME_NONE, &was), SEEN_NEW);
	for (uint64_t i = 1; i < 2000; i++)
		assert_int_equal(add(s, UINT64_MAX - i, OUTCOME_NONE, &was), SEEN_KNOWN);
	seen_check(s);
	seen_close(s);
}

static void
a_crowd_takes_fourteen_bytes_each_at_most(void **state)
{
	enum { N = 1000000 };
	struct seen *s = new_seen();
	struct seen_stats stats;
	enum outcome o;

	(void)state;
	for (uint64_t i = 0; i < N; i++) {
		assert_int_equal(add(s, hash_of(i), OUTCOME_NONE, &o), SEEN_NEW);
		if (i < N / 2)
			continue;
		seen_stats(s, &stats);
		assert_true(stats.memory_bytes < (i + 1) * 14);
	}
	for (uint64_t i = 0; i < N; i++)
		assert_int_equal(add(s, hash_of(i), OUTCOME_NONE, &o), SEEN_KNOWN);
	assert_int_equal(urls(s), N);
	seen_check(s);
	seen_close(s);
}

/* ---- with a limit ---- */

struct rig {
	char dir[KIT_PATH_MAX];
	struct store *store;
	struct seen *seen;
	struct buf mark;
	int64_t lent, lends; /* bytes; lends: at most */
};

static int
lend(void *ctx, int64_t bytes)
{
	struct rig *g = ctx;

	if (g->lent + bytes > g->lends)
		return -ENOSPC;
	g->lent += bytes;
	assert_true(g->lent >= 0);
	return 0;
}

static void
rig_open(struct rig *g, uint64_t memory_bytes, int64_t more_bytes)
{
	assert_int_equal(seen_open(&(struct seen_conf){.dir = g->dir,
				       .store = g->store,
				       .mark = buf_slice(&g->mark),
				       .memory_bytes_max = memory_bytes,
				       .more = lend,
				       .ctx = g,
				       .more_bytes_max = more_bytes},
			     &g->seen, NULL),
	    0);
}

static void
rig_up(struct rig *g, uint64_t memory_bytes)
{
	*g = (struct rig){0};
	kit_scratch(g->dir);
	buf_init(&g->mark, 64);
	assert_int_equal(store_open("memory", NULL, &g->store, NULL), 0);
	rig_open(g, memory_bytes, 0);
}

static void
rig_down(struct rig *g)
{
	seen_close(g->seen);
	store_close(g->store);
	buf_release(&g->mark);
	kit_remove(g->dir);
}

static void
commit(struct rig *g)
{
	assert_int_equal(seen_sync(g->seen, NULL), 0);
	buf_clear(&g->mark);
	assert_int_equal(seen_mark(g->seen, &g->mark), 0);
	seen_committed(g->seen);
}

/* What is to come out, by a table of all URLs. */
static void
step(struct rig *g, uint8_t *model, uint64_t url, enum outcome state)
{
	enum { ABSENT = 255 };
	uint64_t hash = hash_of(url);
	enum outcome was = OUTCOME_MAX;
	enum seen_add ret;
	bool is_soft;

	assert_int_equal(seen_add(g->seen, hash, state, &ret, &was), 0);
	is_soft = model[url] == soft[0] || model[url] == soft[1] || model[url] == soft[2];
	if (model[url] == ABSENT) {
		assert_int_equal(ret, SEEN_NEW);
	} else if (state == OUTCOME_NONE && is_soft) {
		assert_int_equal(ret, SEEN_UPGRADED);
		assert_int_equal(was, model[url]);
	} else {
		assert_int_equal(ret, SEEN_KNOWN);
		return;
	}
	model[url] = (uint8_t)state;
}

static void
model_run(uint64_t memory_bytes, uint64_t n, uint64_t steps, uint64_t commit_every)
{
	const enum outcome verdicts[] = {OUTCOME_NONE, OUTCOME_NONE, OUTCOME_NONE,
	    OUTCOME_OUT_OF_SCOPE, OUTCOME_DEPTH, OUTCOME_BUDGET, OUTCOME_TRAP,
	    OUTCOME_BAD_URL};
	const enum outcome ends[] = {OUTCOME_OK, OUTCOME_HTTP_4XX, OUTCOME_BUDGET,
	    OUTCOME_DEPTH, OUTCOME_ROBOTS_DENIED};
	uint8_t *model = malloc(n);
	uint64_t known = 0;
	struct seen_stats stats;
	struct rig g;

	assert_non_null(model);
	memset(model, 255, n);
	rig_up(&g, memory_bytes);
	for (uint64_t i = 0; i < steps; i++) {
		uint64_t r = hash_of(i + 12345), at = r >> 8;
		/* Mostly from what is lately under way, now and then from all. */
		uint64_t top = 1 + i * n / steps, url = at % top;

		if (r % 4 != 0)
			url = top - 1 - at % (top < 5000 ? top : 5000);
		if (r % 16 < 13) {
			step(&g, model, url, verdicts[(r >> 4) % 8]);
		} else if (model[url] == OUTCOME_NONE) {
			model[url] = (uint8_t)ends[(r >> 4) % 5];
			assert_int_equal(seen_set(g.seen, hash_of(url), model[url]), 0);
		}
		if (i % commit_every == 0)
			commit(&g);
	}
	seen_check(g.seen);
	for (uint64_t i = 0; i < n; i++) {
		known += model[i] != 255;
		step(&g, model, i, OUTCOME_TRAP);
		if (i % commit_every == 0)
			commit(&g);
	}
	seen_stats(g.seen, &stats);
	assert_int_equal(stats.urls, n);
	assert_true(known > n / 2);
	assert_true(stats.memory_bytes <= memory_bytes + (8 << 20));
	assert_true(stats.reads_known > 1000);
	assert_true(stats.reads_known <= stats.reads);
	seen_check(g.seen);
	rig_down(&g);
	free(model);
}

static void
with_a_limit_every_answer_is_that_of_a_naive_set(void **state)
{
	(void)state;
	model_run(SEEN_MEMORY_MIN, 300000, 800000, 5000);
	model_run(1, 250000, 300000, 29);
}

static void
memory_stays_below_the_limit(void **state)
{
	enum {
		N = 600000,
		MAX = SEEN_MEMORY_MIN,
		HELD = MAX / 18,
		FIRST = HELD / 10 * 8
	};
	struct seen_stats stats;
	enum seen_add ret;
	enum outcome was;
	struct rig g;

	(void)state;
	rig_up(&g, MAX);
	for (uint64_t i = 0; i < N; i++) {
		uint64_t h = hash_of(i);

		assert_int_equal(seen_add(g.seen, h, OUTCOME_NONE, &ret, &was), 0);
		assert_int_equal(ret, SEEN_NEW);
		if (i % 1000 == 0)
			commit(&g);
		seen_stats(g.seen, &stats);
		assert_true(stats.memory_bytes < MAX + (512 << 10)); /* buffers */
		if (i == FIRST)
			assert_int_equal(stats.remembered, FIRST + 1);
		/* While most is in memory, few new URLs cost a read. */
		if (i == 2 * HELD)
			assert_true(stats.reads < HELD / 100);
	}
	assert_int_equal(stats.urls, N);
	assert_true(stats.remembered > HELD / 2);
	assert_true(stats.reads < N / 2);
	assert_int_equal(stats.reads_known, 0);
	rig_down(&g);
}

static void
memory_does_not_grow_once_there_are_a_hundred_thousand(void **state)
{
	enum { FIRST = 200000, N = 2000000, MAX = 64 << 20 };
	struct seen_stats stats;
	uint64_t then = 0;
	enum outcome was;
	struct rig g;

	(void)state;
	rig_up(&g, MAX);
	for (uint64_t i = 0; i < N; i++) {
		if (i == FIRST) {
			commit(&g);
			seen_stats(g.seen, &stats);
			then = stats.memory_bytes;
			assert_true(then > MAX / 10 * 8 && then < MAX);
		}
		assert_int_equal(add(g.seen, hash_of(i), OUTCOME_NONE, &was), SEEN_NEW);
		if (i % 1000 == 0)
			commit(&g);
	}
	commit(&g);
	seen_stats(g.seen, &stats);
	assert_int_equal(stats.remembered, N);
	assert_true(stats.memory_bytes <= then + then / 50);
	rig_down(&g);
}

/* Somebody gave it a large machine, and a small crawl. */
static void
of_a_great_limit_only_a_part_is_taken_at_once(void **state)
{
	enum { N = 200000, LIMIT = 1 << 30, TAKEN = 300 << 20 };
	struct seen_stats stats;
	enum outcome was;
	struct rig g;

	(void)state;
	rig_up(&g, LIMIT);
	for (uint64_t i = 0; i < N; i++)
		assert_int_equal(add(g.seen, hash_of(i), OUTCOME_NONE, &was), SEEN_NEW);
	commit(&g);
	seen_stats(g.seen, &stats);
	assert_true(stats.memory_bytes < TAKEN);
	seen_close(g.seen);
	assert_int_equal(seen_open(&(struct seen_conf){.dir = g.dir,
				       .store = g.store,
				       .mark = buf_slice(&g.mark),
				       .memory_bytes_max = LIMIT},
			     &g.seen, NULL),
	    0);
	seen_stats(g.seen, &stats);
	assert_int_equal(stats.remembered, N);
	assert_true(stats.memory_bytes < TAKEN);
	rig_down(&g);
}

/* One part of such a limit, up to its share. */
static void
a_part_grows_until_it_has_its_share_of_a_great_limit(void **state)
{
	enum { LIMIT = 1 << 30, SHARE = LIMIT / (SEEN_PARTS + 1), STEP = 4096 };
	struct seen_table t;
	uint64_t n = 0, before;
	int r = 0;

	(void)state;
	seen_table_init(&t, LIMIT);
	for (; r == 0; n++) {
		before = t.bytes;
		r = seen_table_add(&t, hash_of(n) >> 8, 0);
		assert_true(n < 1000 || t.bytes - before <= before / 4 + STEP);
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(t.len, n - 1);
	assert_true(t.bytes - sizeof(t) <= SHARE);
	assert_true(t.bytes - sizeof(t) > SHARE / 100 * 98);
	for (uint64_t i = 0; i < n - 1; i++)
		assert_non_null(seen_table_find(&t, hash_of(i) >> 8));
	seen_table_check(&t);
	seen_table_release(&t);
}

/* URLs from..to, as new ones; how many of all are in memory then. */
static uint64_t
fill(struct rig *g, uint64_t from, uint64_t to)
{
	struct seen_stats stats;
	enum outcome was;

	for (uint64_t i = from; i < to; i++) {
		assert_int_equal(add(g->seen, hash_of(i), OUTCOME_NONE, &was), SEEN_NEW);
		if (i % 1000 == 0)
			commit(g);
	}
	commit(g);
	seen_check(g->seen);
	seen_stats(g->seen, &stats);
	return stats.remembered;
}

static void
what_is_lent_holds_more_until_it_goes_back(void **state)
{
	enum { N = 700000, MAX = 4 << 20, MORE = 4 << 20 };
	struct seen_stats stats;
	struct rig g;

	(void)state;
	rig_up(&g, MAX);
	assert_true(fill(&g, 0, N) < N / 2);
	rig_down(&g);

	rig_up(&g, MAX);
	seen_close(g.seen);
	g.lends = INT64_MAX;
	rig_open(&g, MAX, MORE);
	assert_int_equal(fill(&g, 0, N), N);
	assert_in_range(g.lent, MORE / 2, MORE);
	/* No more than it may have, whoever would give it. */
	assert_true(fill(&g, N, N * 2) < N * 2);
	assert_in_range(g.lent, MORE / 10 * 9, MORE);
	seen_stats(g.seen, &stats);
	assert_true(
	    stats.memory_bytes < (uint64_t)MAX + MORE + (512 << 10)); /* buffers */
	seen_close(g.seen);
	assert_int_equal(g.lent, 0);

	/* Opened again it borrows at once; and while the lender needs it himself, what he has. */
	rig_open(&g, MAX, MORE);
	assert_in_range(g.lent, MORE / 10 * 9, MORE);
	seen_stats(g.seen, &stats);
	assert_int_equal(stats.urls, N * 2);
	assert_true(stats.memory_bytes < (uint64_t)MAX + MORE + (512 << 10));
	seen_check(g.seen);
	seen_close(g.seen);
	assert_int_equal(g.lent, 0);
	g.lends = MORE / 4;
	rig_open(&g, MAX, MORE);
	assert_in_range(g.lent, MORE / 5, MORE / 4);
	seen_stats(g.seen, &stats);
	assert_int_equal(stats.urls, N * 2);
	assert_true(stats.memory_bytes < MAX + MORE / 4 + (512 << 10));
	for (uint64_t i = 0; i < N * 2; i += 101) {
		enum outcome was;

		assert_int_equal(add(g.seen, hash_of(i), OUTCOME_NONE, &was), SEEN_KNOWN);
	}
	rig_down(&g);
	assert_int_equal(g.lent, 0);
}

/* Else those that are full first take all, and the others lose what they have. */
static void
each_part_has_its_share_of_what_is_lent(void **state)
{
	enum { N = 780000, MAX = 4 << 20, MORE = 4 << 20 };
	struct rig g;

	(void)state;
	rig_up(&g, MAX);
	seen_close(g.seen);
	g.lends = INT64_MAX;
	rig_open(&g, MAX, MORE);
	assert_int_equal(fill(&g, 0, N), N);
	assert_in_range(g.lent, MORE / 10 * 9, MORE);
	rig_down(&g);
}

static void
what_links_meet_often_stays_in_memory(void **state)
{
	enum { N = 300000, OFTEN = 20000 };
	struct seen_stats stats;
	enum seen_add ret;
	enum outcome was;
	struct rig g;

	(void)state;
	rig_up(&g, SEEN_MEMORY_MIN);
	for (uint64_t i = 0; i < N; i++) {
		uint64_t h = hash_of(i), known = hash_of(i % OFTEN);

		assert_int_equal(seen_add(g.seen, h, OUTCOME_NONE, &ret, &was), 0);
		assert_int_equal(ret, SEEN_NEW);
		assert_int_equal(seen_add(g.seen, known, OUTCOME_NONE, &ret, &was), 0);
		assert_int_equal(ret, SEEN_KNOWN);
		if (i % 1000 == 0)
			commit(&g);
	}
	seen_stats(g.seen, &stats);
	assert_true(stats.reads_known < N / 1000);
	rig_down(&g);
}

static void
what_left_the_memory_and_came_back_unchanged_is_written_once(void **state)
{
	enum { N = 300000, ROUNDS = 3 };
	struct seen_stats stats;
	enum outcome was;
	struct rig g;

	(void)state;
	rig_up(&g, SEEN_MEMORY_MIN);
	for (int round = 0; round < ROUNDS; round++)
		for (uint64_t i = 0; i < N; i++)
			assert_int_equal(add(g.seen, hash_of(i), OUTCOME_DEPTH, &was),
			    round == 0 ? SEEN_NEW : SEEN_KNOWN);
	seen_check(g.seen);
	seen_stats(g.seen, &stats);
	assert_true(stats.reads_known > N);
	/* A change is not forgotten by leaving once more. */
	for (uint64_t i = 0; i < N; i++) {
		assert_int_equal(
		    add(g.seen, hash_of(i), OUTCOME_NONE, &was), SEEN_UPGRADED);
		assert_int_equal(was, OUTCOME_DEPTH);
	}
	for (uint64_t i = 0; i < N; i++)
		assert_int_equal(add(g.seen, hash_of(i), OUTCOME_NONE, &was), SEEN_KNOWN);
	rig_down(&g);
}

static void
without_memory_nothing_is_added(void **state)
{
	const struct seen_conf conf = {.dir = NULL};
	struct seen *s = NULL;
	enum seen_add ret = SEEN_KNOWN;
	struct why why;
	enum outcome o;

	(void)state;
	fail_alloc_after = 0;
	assert_int_equal(seen_open(&conf, &s, &why), -ENOMEM);
	fail_alloc_after = -1;
	assert_null(s);
	s = new_seen();
	fail_alloc_after = 0;
	assert_int_equal(seen_add(s, 9, OUTCOME_NONE, &ret, &o), -ENOMEM);
	fail_alloc_after = -1;
	assert_int_equal(ret, SEEN_KNOWN);
	assert_int_equal(urls(s), 0);
	assert_int_equal(add(s, 9, OUTCOME_NONE, &o), SEEN_NEW);
	seen_close(s);
}

/* Each allocation fails once, whatever it is for: growing, sweeping, the filter. */
static void
a_failed_allocation_can_be_tried_again(void **state)
{
	enum { N = 200000 };
	uint64_t failures = 0;
	enum seen_add ret;
	enum outcome was;
	struct rig g;

	(void)state;
	rig_up(&g, SEEN_MEMORY_MIN);
	seen_close(g.seen);
	g.lends = 200 << 10;
	rig_open(&g, SEEN_MEMORY_MIN, INT64_MAX);
	for (uint64_t i = 0; i < N; i++) {
		uint64_t h = hash_of(i);

		for (int64_t n = 0;; n++) {
			int r;

			fail_alloc_after = n;
			r = seen_add(g.seen, h, OUTCOME_NONE, &ret, &was);
			fail_alloc_after = -1;
			if (r == 0)
				break;
			assert_int_equal(r, -ENOMEM);
			failures++;
		}
		assert_int_equal(ret, SEEN_NEW);
		if (i % 1000 == 0)
			commit(&g);
	}
	assert_true(failures > 256 * 2);
	commit(&g);
	for (uint64_t i = 0; i < N; i += 7) {
		uint64_t h = hash_of(i);

		assert_int_equal(seen_add(g.seen, h, OUTCOME_NONE, &ret, &was), 0);
		assert_int_equal(ret, SEEN_KNOWN);
	}
	seen_check(g.seen);
	rig_down(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_url_is_new_once),
	    cmocka_unit_test(a_wanted_url_overrules_what_scope_depth_and_budget_rejected),
	    cmocka_unit_test(no_other_outcome_is_overruled),
	    cmocka_unit_test(what_was_never_added_gets_no_outcome),
	    cmocka_unit_test(any_hash_will_do),
	    cmocka_unit_test(a_crowd_takes_fourteen_bytes_each_at_most),
	    cmocka_unit_test(with_a_limit_every_answer_is_that_of_a_naive_set),
	    cmocka_unit_test(memory_stays_below_the_limit),
	    cmocka_unit_test(memory_does_not_grow_once_there_are_a_hundred_thousand),
	    cmocka_unit_test(of_a_great_limit_only_a_part_is_taken_at_once),
	    cmocka_unit_test(a_part_grows_until_it_has_its_share_of_a_great_limit),
	    cmocka_unit_test(what_is_lent_holds_more_until_it_goes_back),
	    cmocka_unit_test(each_part_has_its_share_of_what_is_lent),
	    cmocka_unit_test(what_links_meet_often_stays_in_memory),
	    cmocka_unit_test(
		what_left_the_memory_and_came_back_unchanged_is_written_once),
	    cmocka_unit_test(without_memory_nothing_is_added),
	    cmocka_unit_test(a_failed_allocation_can_be_tried_again),
	};

	return cmocka_run_group_tests_name("frontier/seen", tests, NULL, NULL);
}
