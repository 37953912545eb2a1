#include "net/transport_int.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MIB = 1 << 20, LOOK_MS = ROOM_AGAIN_MS };

/* Exchanges that libcurl has no part in: what they wait for is all there is. */
struct rig {
	struct loop *loop;
	struct shm *shm;
	struct transport t;
	struct exchange x[3];
};

static int
setup(void **state)
{
	struct rig *f = calloc(1, sizeof(*f));
	struct why why;

	assert_non_null(f);
	assert_int_equal(loop_new_virtual(0, &f->loop), 0);
	assert_int_equal(shm_new(64 * MIB, &f->shm, &why), 0);
	f->t.loop = f->loop;
	f->t.conf = (struct transport_conf){.shm = f->shm, .large_bytes_max = 32 * MIB};
	f->t.room = &f->t.room_own;
	for (size_t i = 0; i < 3; i++) {
		f->x[i].transport = &f->t;
		f->x[i].body_bytes_max = 16 * MIB - 1000;
		f->x[i].head_len = 1000;
		assert_int_equal(shm_alloc(f->shm, 16 << 10, &f->x[i].block), 0);
	}
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct rig *f = *state;

	for (size_t i = 0; i < 3; i++) {
		room_leave(&f->x[i]);
		shm_free(f->shm, &f->x[i].block);
	}
	assert_int_equal(f->t.room->first, 0);
	assert_int_equal(f->t.room->starved, 0);
	shm_check(f->shm);
	assert_int_equal(shm_used_bytes(f->shm), 0);
	shm_free_all(f->shm);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void
on_time(void *ctx)
{
	loop_stop(ctx);
}

static void
after_ms(struct rig *f, int64_t ms)
{
	struct timer t;

	timer_init(&t, f->loop, on_time, f->loop);
	assert_int_equal(timer_start(&t, ms), 0);
	assert_int_equal(loop_run(f->loop), 0);
}

/* What libcurl's callback does with more of the body. */
static bool
gets(struct exchange *x, uint64_t bytes)
{
	if (!room_grow(x, 0, bytes))
		return false;
	room_starves(x, false);
	x->room_from_ms = 0;
	return true;
}

static bool
waits(struct exchange *x)
{
	if (!room_is_worth_waiting(x)) {
		room_leave(x);
		shm_free(x->transport->conf.shm, &x->block);
		return false;
	}
	room_starves(x, true);
	return true;
}

/* Three that hold all there is, of which the first to wait is the first. */
static void
fill(struct rig *f)
{
	assert_true(gets(&f->x[0], 8 * MIB));
	assert_true(gets(&f->x[1], 8 * MIB));
	assert_true(gets(&f->x[2], 16 * MIB));
	assert_false(gets(&f->x[0], 16 * MIB));
	assert_true(waits(&f->x[0]));
}

static void
others_give_up_for_the_first_and_it_goes_on(void **state)
{
	struct rig *f = *state;
	struct exchange *first = &f->x[0], *other = &f->x[1];
	int64_t began = loop_now_ms(f->loop);

	fill(f);
	while (!gets(first, 16 * MIB)) {
		assert_true(waits(first));
		if (other->block.cap > 0 && !gets(other, 16 * MIB))
			(void)waits(other);
		after_ms(f, LOOK_MS);
	}
	assert_int_equal(other->block.cap, 0);
	assert_in_range(loop_now_ms(f->loop) - began, 1000, 1100);
}

static void
one_gives_up_each_time_the_first_looked_in_vain(void **state)
{
	struct rig *f = *state;
	struct exchange *first = &f->x[0], *a = &f->x[1], *b = &f->x[2];
	struct shm_block hog;

	assert_true(gets(a, 8 * MIB));
	assert_true(gets(b, 8 * MIB));
	assert_true(gets(first, 8 * MIB));
	assert_int_equal(shm_alloc(f->shm, 8 * MIB, &hog), 0);
	assert_false(gets(first, 16 * MIB));
	assert_true(waits(first));
	assert_true(waits(a) && waits(b));
	after_ms(f, 2000); /* the machine has other things to do */
	assert_false(waits(a));
	assert_true(waits(b));
	after_ms(f, 100);
	assert_true(waits(b));
	assert_true(gets(first, 16 * MIB));
	after_ms(f, 2000);
	assert_true(waits(b));
	shm_free(f->shm, &hog);
	assert_true(gets(b, 16 * MIB));
}

static void
where_the_first_has_left_nobody_gives_up_for_it(void **state)
{
	struct rig *f = *state;
	struct exchange *little = &f->x[2];
	struct shm_block hog;

	fill(f);
	shm_free(f->shm, &little->block);
	assert_int_equal(shm_alloc(f->shm, MIB, &little->block), 0);
	assert_int_equal(shm_alloc(f->shm, 16 * MIB, &hog), 0);
	assert_true(waits(little));
	room_leave(&f->x[0]);
	after_ms(f, 4900);
	assert_true(waits(little));
	after_ms(f, 200);
	assert_false(waits(little));
	shm_free(f->shm, &hog);
}

static void
one_that_waited_long_has_all_the_time_when_it_is_its_turn(void **state)
{
	struct rig *f = *state;
	struct exchange *next = &f->x[1];
	int64_t began;

	fill(f);
	shm_free(f->shm, &f->x[2].block);
	assert_true(gets(&f->x[0], 16 * MIB));
	assert_int_equal(shm_alloc(f->shm, 8 * MIB, &f->x[2].block), 0);
	for (int ms = 0; ms < 9000; ms += LOOK_MS) { /* its peer is slow */
		assert_false(gets(next, 16 * MIB));
		assert_true(waits(next));
		after_ms(f, LOOK_MS);
	}
	room_leave(&f->x[0]); /* ended; a worker has the answer */
	began = loop_now_ms(f->loop);
	while (waits(next)) {
		assert_int_equal(f->t.room->first, (uintptr_t)next);
		after_ms(f, LOOK_MS);
	}
	assert_in_range(loop_now_ms(f->loop) - began, 9900, 10100);
}

static void
a_first_that_stalls_loses_its_place_to_who_can_have_it(void **state)
{
	struct rig *f = *state;
	struct exchange *next = &f->x[1], *little = &f->x[2];

	fill(f);
	shm_free(f->shm, &little->block);
	assert_int_equal(shm_alloc(f->shm, MIB, &little->block), 0);
	room_starves(&f->x[0], false); /* and from here on nothing comes */
	assert_true(waits(next));
	after_ms(f, 9900);
	assert_true(waits(next));
	assert_int_equal(f->t.room->first, (uintptr_t)&f->x[0]);
	after_ms(f, 200);
	assert_true(waits(little)); /* others starve: it is not its turn */
	assert_int_equal(f->t.room->first, (uintptr_t)&f->x[0]);
	assert_true(waits(next));
	assert_int_equal(f->t.room->first, (uintptr_t)next);
	assert_true(gets(next, 16 * MIB));
}

/* Peers do not wait without end for their bytes to be taken. */
static void
one_that_holds_little_waits_no_longer_than_others_however_these_move(void **state)
{
	struct rig *f = *state;
	struct exchange *moves = &f->x[1], *little = &f->x[2];
	int64_t began = loop_now_ms(f->loop);

	fill(f);
	shm_free(f->shm, &little->block);
	assert_int_equal(shm_alloc(f->shm, MIB, &little->block), 0);
	assert_true(waits(moves));
	room_starves(&f->x[0], false);
	for (int i = 0; waits(little); i++) {
		assert_in_range(loop_now_ms(f->loop) - began, 0, 30000);
		after_ms(f, 500);
		shm_free(f->shm, &moves->block);
		assert_int_equal(
		    shm_alloc(f->shm, (i % 2 == 0 ? 4 : 8) * MIB, &moves->block), 0);
	}
	assert_in_range(loop_now_ms(f->loop) - began, 29500, 30500);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(others_give_up_for_the_first_and_it_goes_on),
	    TEST(one_gives_up_each_time_the_first_looked_in_vain),
	    TEST(where_the_first_has_left_nobody_gives_up_for_it),
	    TEST(one_that_waited_long_has_all_the_time_when_it_is_its_turn),
	    TEST(a_first_that_stalls_loses_its_place_to_who_can_have_it),
	    TEST(one_that_holds_little_waits_no_longer_than_others_however_these_move),
	};

	return cmocka_run_group_tests_name("net/transport room", tests, NULL, NULL);
}
