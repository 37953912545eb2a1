#include "loop/shm.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define KIB 1024u
#define MIB (1024u * 1024)

static struct shm *
arena(uint64_t bytes)
{
	struct why why = {""};
	struct shm *s = NULL;

	if (shm_new(bytes, &s, &why) != 0)
		fail_msg("%s", why.text);
	return s;
}

/* What the system has given to the arena. */
static uint64_t
resident(const struct shm *s)
{
	struct stat st;

	assert_int_equal(fstat(shm_fd(s), &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void
blocks_are_powers_of_two_and_do_not_overlap(void **state)
{
	static const struct {
		uint64_t bytes, cap;
	} cases[] = {{0, 4 * KIB}, {1, 4 * KIB}, {4 * KIB, 4 * KIB},
	    {4 * KIB + 1, 8 * KIB}, {27 * KIB, 32 * KIB}, {100 * KIB, 128 * KIB},
	    {256 * KIB, 256 * KIB}};
	struct shm *s = arena(MIB);
	struct shm_block b[7];

	(void)state;
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(shm_alloc(s, cases[i].bytes, &b[i]), 0);
		assert_int_equal(b[i].cap, cases[i].cap);
		memset(shm_ptr(s, &b[i]), (int)i, b[i].cap);
		shm_check(s);
	}
	for (size_t i = 0; i < 7; i++)
		for (size_t k = 0; k < b[i].cap; k++)
			assert_int_equal(shm_ptr(s, &b[i])[k], i);
	for (size_t i = 0; i < 7; i++) {
		shm_free(s, &b[i]);
		assert_int_equal(b[i].cap, 0);
		shm_free(s, &b[i]);
		shm_check(s);
	}
	assert_int_equal(shm_used_bytes(s), 0);
	shm_free_all(s);
}

static void
is_full_until_something_is_freed(void **state)
{
	struct shm *s = arena(64 * KIB);
	struct shm_block b[16], more = {.at = 77};

	(void)state;
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(shm_alloc(s, 4 * KIB, &b[i]), 0);
	assert_int_equal(shm_alloc(s, 1, &more), -ENOSPC);
	assert_int_equal(more.at, 77);
	shm_free(s, &b[3]);
	shm_free(s, &b[4]);
	/* Neighbours, but no buddies: they are not joined. */
	assert_int_equal(shm_alloc(s, 8 * KIB, &more), -ENOSPC);
	shm_free(s, &b[5]);
	assert_int_equal(shm_alloc(s, 8 * KIB, &more), 0);
	assert_int_equal(more.at, 16 * KIB);
	shm_check(s);
	shm_free_all(s);
}

static void
says_when_a_block_can_never_be_had(void **state)
{
	struct shm *s = arena(100 * KIB);
	struct shm_block b;

	(void)state;
	assert_int_equal(shm_bytes(s), 100 * KIB);
	assert_int_equal(shm_alloc(s, 100 * KIB, &b), -EMSGSIZE);
	assert_int_equal(shm_alloc(s, UINT64_MAX, &b), -EMSGSIZE);
	assert_int_equal(shm_alloc(s, 64 * KIB, &b), 0);
	assert_int_equal(shm_alloc(s, 64 * KIB, &b), -ENOSPC);
	shm_free_all(s);
}

static void
uses_all_of_an_odd_size(void **state)
{
	struct shm *s = arena(100 * KIB - 5);
	struct shm_block b[25], more;

	(void)state;
	assert_int_equal(shm_bytes(s), 100 * KIB);
	for (size_t i = 0; i < 25; i++)
		assert_int_equal(shm_alloc(s, 4 * KIB, &b[i]), 0);
	assert_int_equal(shm_alloc(s, 1, &more), -ENOSPC);
	assert_int_equal(shm_used_bytes(s), 100 * KIB);
	for (size_t i = 0; i < 25; i++)
		shm_free(s, &b[(i * 7) % 25]);
	shm_check(s);
	assert_int_equal(shm_alloc(s, 64 * KIB, &more), 0);
	shm_free_all(s);
}

static void
refuses_a_size_that_makes_no_sense(void **state)
{
	struct why why = {""};
	struct shm *s = NULL;

	(void)state;
	assert_int_equal(shm_new(0, &s, &why), -EINVAL);
	assert_int_equal(shm_new(UINT64_MAX, &s, &why), -EINVAL);
	assert_null(s);
	assert_true(strlen(why.text) > 0);
	shm_free_all(NULL);
}

static void
grows_in_place_when_its_buddies_are_free_and_moves_otherwise(void **state)
{
	struct shm *s = arena(MIB);
	struct shm_block a, wall, old;

	(void)state;
	assert_int_equal(shm_alloc(s, 4 * KIB, &a), 0);
	memset(shm_ptr(s, &a), 'a', 4 * KIB);
	old = a;
	assert_int_equal(shm_grow(s, &a, 4 * KIB, 60 * KIB, 0), 0);
	assert_int_equal(a.at, old.at);
	assert_int_equal(a.cap, 64 * KIB);
	assert_int_equal(shm_alloc(s, 64 * KIB, &wall), 0);
	assert_int_equal(shm_grow(s, &a, 4 * KIB, 65 * KIB, 0), 0);
	assert_int_not_equal(a.at, old.at);
	assert_int_equal(a.cap, 128 * KIB);
	for (size_t i = 0; i < 4 * KIB; i++)
		assert_int_equal(shm_ptr(s, &a)[i], 'a');
	shm_check(s);
	old = a;
	assert_int_equal(shm_grow(s, &a, 4 * KIB, 2 * MIB, 0), -EMSGSIZE);
	assert_int_equal(shm_grow(s, &a, 4 * KIB, MIB, 0), -ENOSPC);
	assert_memory_equal(&a, &old, sizeof(a));
	assert_int_equal(shm_grow(s, &a, 4 * KIB, 5, 0), 0);
	assert_int_equal(a.cap, 128 * KIB);
	shm_free(s, &a);
	shm_free(s, &wall);
	shm_check(s);
	assert_int_equal(shm_used_bytes(s), 0);
	shm_free_all(s);
}

static void
tells_what_its_large_blocks_take(void **state)
{
	struct shm *s = arena(16 * MIB);
	struct shm_block a, b;

	(void)state;
	assert_int_equal(shm_alloc(s, MIB, &a), 0);
	assert_int_equal(shm_large_bytes(s), 0);
	assert_int_equal(shm_grow(s, &a, 9, MIB + 1, 0), 0); /* where it is */
	assert_int_equal(shm_large_bytes(s), 2 * MIB);
	assert_int_equal(shm_alloc(s, 2 * MIB, &b), 0);
	assert_int_equal(shm_grow(s, &a, 9, 3 * MIB, 0), 0); /* elsewhere */
	assert_int_equal(shm_large_bytes(s), 6 * MIB);
	assert_int_equal(shm_small_bytes(s), 0);
	shm_check(s);
	shm_shrink(s, &a, MIB);
	assert_int_equal(shm_large_bytes(s), 2 * MIB);
	assert_int_equal(shm_small_bytes(s), MIB);
	shm_free(s, &b);
	assert_int_equal(shm_large_bytes(s), 0);
	shm_free(s, &a);
	shm_check(s);
	shm_free_all(s);
}

static void
large_blocks_grow_as_long_as_others_leave_room(void **state)
{
	struct shm *s = arena(32 * MIB);
	struct shm_block a, b, was;

	(void)state;
	assert_int_equal(shm_alloc(s, MIB, &a), 0);
	assert_int_equal(shm_alloc(s, MIB, &b), 0);
	assert_int_equal(shm_grow(s, &a, 9, 2 * MIB, MIB), 0); /* the only one */
	assert_int_equal(shm_grow(s, &a, 9, 4 * MIB, 6 * MIB), 0);
	assert_int_equal(shm_grow(s, &b, 9, 2 * MIB, 6 * MIB), 0);
	was = b;
	assert_int_equal(shm_grow(s, &b, 9, 4 * MIB, 6 * MIB), -EAGAIN);
	assert_int_equal(shm_grow(s, &b, 9, 64 * MIB, 6 * MIB), -EAGAIN);
	assert_memory_equal(&b, &was, sizeof(b));
	assert_int_equal(shm_large_bytes(s), 6 * MIB);
	shm_free(s, &a);
	assert_int_equal(shm_grow(s, &b, 9, 8 * MIB, 6 * MIB), 0);
	assert_int_equal(shm_alloc(s, 1, &a), 0);
	assert_int_equal(shm_grow(s, &a, 1, MIB, MIB), 0); /* not a large one */
	shm_free(s, &a);
	shm_free(s, &b);
	shm_check(s);
	shm_free_all(s);
}

static void
shrinks_without_moving(void **state)
{
	struct shm *s = arena(MIB);
	struct shm_block a, b;

	(void)state;
	assert_int_equal(shm_alloc(s, MIB, &a), 0);
	memset(shm_ptr(s, &a), 'a', 9 * KIB);
	assert_int_equal(shm_alloc(s, 1, &b), -ENOSPC);
	shm_shrink(s, &a, 9 * KIB);
	shm_check(s);
	assert_int_equal(a.at, 0);
	assert_int_equal(a.cap, 16 * KIB);
	assert_int_equal(shm_ptr(s, &a)[9 * KIB - 1], 'a');
	assert_int_equal(shm_used_bytes(s), 16 * KIB);
	assert_int_equal(shm_large_bytes(s), 0);
	assert_int_equal(shm_alloc(s, 512 * KIB, &b), 0);
	shm_shrink(s, &a, 0);
	assert_int_equal(a.cap, 4 * KIB);
	shm_free(s, &a);
	shm_free(s, &b);
	shm_check(s);
	assert_int_equal(shm_alloc(s, MIB, &a), 0);
	shm_free_all(s);
}

static void
pages_of_large_blocks_go_back_to_the_system(void **state)
{
	struct shm *s = arena(16 * MIB);
	struct shm_block a, b;

	(void)state;
	assert_int_equal(resident(s), 0);
	assert_int_equal(shm_alloc(s, 8 * MIB, &a), 0);
	assert_int_equal(shm_alloc(s, 4 * MIB, &b), 0);
	memset(shm_ptr(s, &a), 1, a.cap);
	memset(shm_ptr(s, &b), 1, b.cap);
	assert_true(resident(s) >= 12 * MIB);
	shm_free(s, &a);
	assert_true(resident(s) <= 4 * MIB);
	shm_shrink(s, &b, 10);
	assert_true(resident(s) <= 4 * KIB);
	shm_free_all(s);
}

/* As a worker has it: the descriptor alone. */
static void
nobody_else_can_write_to_it(void **state)
{
	struct shm *s = arena(MIB);
	struct shm_block b;
	char *m;

	(void)state;
	assert_int_equal(shm_alloc(s, 100, &b), 0);
	memcpy(shm_ptr(s, &b), "body", 5);
	assert_ptr_equal(
	    mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, shm_fd(s), 0),
	    MAP_FAILED);
	m = mmap(NULL, MIB, PROT_READ, MAP_SHARED, shm_fd(s), 0);
	assert_ptr_not_equal(m, MAP_FAILED);
	assert_string_equal(m + b.at, "body");
	assert_int_equal(mprotect(m, MIB, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(pwrite(shm_fd(s), "x", 1, 0), -1);
	assert_int_equal(ftruncate(shm_fd(s), 0), -1);
	assert_int_equal(
	    fallocate(shm_fd(s), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096),
	    -1);
	assert_string_equal(m + b.at, "body");
	(void)munmap(m, MIB);
	shm_free_all(s);
}

/* Where the descriptor cannot be reopened: here because there is room for one only. */
static void
without_a_second_descriptor_a_seal_keeps_writers_out(void **state)
{
	struct rlimit old, few;
	struct shm_block b;
	struct shm *s;
	int next;

	(void)state;
	next = dup(0);
	assert_true(next >= 0);
	(void)close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	few.rlim_cur = (rlim_t)next + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	s = arena(4 * MIB);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_not_equal(fcntl(shm_fd(s), F_GET_SEALS) & F_SEAL_FUTURE_WRITE, 0);
	assert_ptr_equal(
	    mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, shm_fd(s), 0),
	    MAP_FAILED);
	assert_int_equal(pwrite(shm_fd(s), "x", 1, 0), -1);
	assert_int_equal(shm_alloc(s, 2 * MIB, &b), 0);
	memset(shm_ptr(s, &b), 1, b.cap);
	shm_free(s, &b);
	shm_check(s);
	shm_free_all(s);
}

static void
finds_what_lies_in_it(void **state)
{
	struct shm *s = arena(MIB);
	struct shm_block a, b;
	uint64_t at = 5;
	char other[8];

	(void)state;
	assert_int_equal(shm_alloc(s, 4 * KIB, &a), 0);
	assert_int_equal(shm_alloc(s, 4 * KIB, &b), 0);
	assert_int_equal(shm_find(s, slice_of(shm_ptr(s, &b) + 3, 100), &at), 0);
	assert_int_equal(at, b.at + 3);
	assert_int_equal(shm_find(s, slice_of(other, sizeof(other)), &at), -EINVAL);
	assert_int_equal(shm_find(s, slice_of(shm_ptr(s, &a), MIB + 1), &at), -EINVAL);
	assert_int_equal(shm_find(s, slice_of(shm_ptr(s, &a) - 1, 2), &at), -EINVAL);
	shm_free_all(s);
}

enum { BLOCKS = 40, STEPS = 20000 };

struct user {
	struct shm *s;
	uint32_t seed;
	bool ok;
};

/* Any order of the four operations: false when the bytes are not left alone. */
static bool
use(struct user *u)
{
	struct shm *s = u->s;
	struct shm_block b[BLOCKS] = {{0}};
	uint64_t used[BLOCKS] = {0};

	for (int step = 0; step < STEPS; step++) {
		uint64_t bytes;
		size_t i;

		u->seed = u->seed * 1664525 + 1013904223;
		i = (u->seed >> 8) % BLOCKS;
		bytes = ((uint64_t)(u->seed >> 4) % 97 + 1) << (u->seed >> 28);
		if (b[i].cap == 0) {
			if (shm_alloc(s, bytes, &b[i]) == 0) {
				used[i] = bytes;
				memset(shm_ptr(s, &b[i]), (int)i + 1, used[i]);
			}
			continue;
		}
		if (shm_ptr(s, &b[i])[0] != (char)(i + 1) ||
		    shm_ptr(s, &b[i])[used[i] - 1] != (char)(i + 1))
			return false;
		if (u->seed % 3 == 0) {
			shm_free(s, &b[i]);
		} else if (u->seed % 3 == 1 && bytes > used[i]) {
			if (shm_grow(s, &b[i], used[i], bytes, 0) == 0) {
				used[i] = bytes;
				memset(shm_ptr(s, &b[i]), (int)i + 1, used[i]);
			}
		} else if (bytes < used[i]) {
			used[i] = bytes;
			shm_shrink(s, &b[i], bytes);
		}
		if (step % 64 == 0)
			shm_check(s);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		shm_free(s, &b[i]);
	return true;
}

static void
stays_sound_whatever_the_order(void **state)
{
	struct user u = {.s = arena(3 * MIB), .seed = 12345};

	(void)state;
	assert_true(use(&u));
	shm_check(u.s);
	assert_int_equal(shm_used_bytes(u.s), 0);
	shm_free_all(u.s);
}

static void *
use_main(void *user)
{
	struct user *u = user;

	u->ok = use(u);
	return NULL;
}

static void
threads_take_and_give_back_blocks_at_once(void **state)
{
	enum { USERS = 3 };
	struct shm *s = arena(5 * MIB);
	struct user u[USERS];
	pthread_t thread[USERS];

	(void)state;
	for (uint32_t i = 0; i < USERS; i++) {
		u[i] = (struct user){.s = s, .seed = i + 1};
		assert_int_equal(pthread_create(&thread[i], NULL, use_main, &u[i]), 0);
	}
	for (int i = 0; i < USERS; i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		assert_true(u[i].ok);
	}
	shm_check(s);
	assert_int_equal(shm_used_bytes(s), 0);
	shm_free_all(s);
}

static void
what_is_lent_is_taken_from_large_blocks(void **state)
{
	enum { LARGE = 10 * MIB };
	struct shm *s = arena(16 * MIB);
	struct shm_block a = {0}, b = {0}, c = {0};

	(void)state;
	assert_int_equal(shm_lend(s, 9 * MIB), -ENOSPC); /* more than half */
	assert_int_equal(shm_lend(s, 7 * MIB), 0);
	assert_int_equal(shm_lend(s, 2 * MIB), -ENOSPC);
	assert_int_equal(shm_lend(s, MIB), 0);
	shm_check(s);
	/* One may always be, another one as soon as some is back. */
	assert_int_equal(shm_alloc(s, MIB, &a), 0);
	assert_int_equal(shm_grow(s, &a, 0, 4 * MIB, LARGE), 0);
	assert_int_equal(shm_alloc(s, MIB, &b), 0);
	assert_int_equal(shm_grow(s, &b, 0, 2 * MIB, LARGE), -EAGAIN);
	shm_return(s, 3 * MIB);
	assert_int_equal(shm_grow(s, &b, 0, 2 * MIB, LARGE), -EAGAIN);
	shm_return(s, MIB);
	assert_int_equal(shm_grow(s, &b, 0, 2 * MIB, LARGE), 0);
	shm_check(s);
	/* What blocks have cannot be lent. */
	assert_int_equal(shm_alloc(s, 4 * MIB, &c), 0);
	assert_int_equal(shm_lend(s, 3 * MIB), -ENOSPC);
	assert_int_equal(shm_lend(s, 2 * MIB), 0);
	assert_int_equal(shm_lend(s, UINT64_MAX), -ENOSPC);
	shm_free(s, &a);
	shm_free(s, &b);
	shm_free(s, &c);
	shm_return(s, 6 * MIB);
	shm_check(s);
	shm_free_all(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(blocks_are_powers_of_two_and_do_not_overlap),
	    cmocka_unit_test(is_full_until_something_is_freed),
	    cmocka_unit_test(says_when_a_block_can_never_be_had),
	    cmocka_unit_test(uses_all_of_an_odd_size),
	    cmocka_unit_test(refuses_a_size_that_makes_no_sense),
	    cmocka_unit_test(
		grows_in_place_when_its_buddies_are_free_and_moves_otherwise),
	    cmocka_unit_test(tells_what_its_large_blocks_take),
	    cmocka_unit_test(large_blocks_grow_as_long_as_others_leave_room),
	    cmocka_unit_test(shrinks_without_moving),
	    cmocka_unit_test(pages_of_large_blocks_go_back_to_the_system),
	    cmocka_unit_test(nobody_else_can_write_to_it),
	    cmocka_unit_test(without_a_second_descriptor_a_seal_keeps_writers_out),
	    cmocka_unit_test(finds_what_lies_in_it),
	    cmocka_unit_test(what_is_lent_is_taken_from_large_blocks),
	    cmocka_unit_test(stays_sound_whatever_the_order),
	    cmocka_unit_test(threads_take_and_give_back_blocks_at_once),
	};

	return cmocka_run_group_tests_name("loop/shm", tests, NULL, NULL);
}
