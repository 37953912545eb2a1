#include "loop/sem.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loop_trace.h"

#define WAITERS 8

/* What a waiter does once it holds its permits. */
enum then { THEN_HOLD, THEN_POST, THEN_CANCEL_OTHER, THEN_WAIT_AGAIN };

struct wait {
	struct sem_waiter w;
	struct fixture *f;
	uint32_t n;
	char letter;
	enum then then;
	struct wait *other;
	int again;
};

struct fixture {
	struct trace tr;
	struct sem s;
	struct wait w[WAITERS];
};

static void
on_granted(void *ctx)
{
	struct wait *w = ctx;

	sem_check(&w->f->s);
	trace_add(&w->f->tr, w->letter);
	switch (w->then) {
	case THEN_HOLD:
		break;
	case THEN_CANCEL_OTHER:
		sem_wait_cancel(&w->other->w);
		sem_wait_cancel(&w->w); /* itself: not waiting any more */
		break;
	case THEN_WAIT_AGAIN:
		if (w->again-- > 0)
			sem_wait_start(&w->f->s, &w->w, w->n);
		sem_post(&w->f->s, w->n);
		break;
	case THEN_POST:
		sem_post(&w->f->s, w->n);
		break;
	}
	sem_check(&w->f->s);
}

static void
setup(struct fixture *f, uint32_t permits)
{
	memset(f, 0, sizeof(*f));
	trace_init(&f->tr, true);
	sem_init(&f->s, f->tr.l, permits);
	for (size_t i = 0; i < WAITERS; i++) {
		f->w[i] = (struct wait){.f = f, .letter = (char)('a' + i)};
		sem_waiter_init(&f->w[i].w, on_granted, &f->w[i]);
	}
	sem_check(&f->s);
}

static void
wait_start(struct fixture *f, size_t i, uint32_t n, enum then then)
{
	f->w[i].n = n;
	f->w[i].then = then;
	sem_wait_start(&f->s, &f->w[i].w, n);
	sem_check(&f->s);
}

static void
teardown(struct fixture *f)
{
	sem_check(&f->s);
	sem_release_all(&f->s);
	loop_free(f->tr.l);
}

static void
lends_as_many_permits_as_there_are(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 3);
	assert_true(sem_try(&f.s, 2));
	assert_false(sem_try(&f.s, 2));
	assert_true(sem_try(&f.s, 1));
	assert_false(sem_try(&f.s, 1));
	assert_int_equal(sem_held(&f.s), 3);
	sem_post(&f.s, 3);
	assert_int_equal(sem_held(&f.s), 0);
	assert_true(sem_try(&f.s, 3));
	sem_post(&f.s, 1);
	sem_post(&f.s, 2);
	teardown(&f);
}

static void
calls_a_waiter_in_a_later_turn_even_when_permits_are_free(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 1);
	wait_start(&f, 0, 1, THEN_POST);
	assert_int_equal(f.tr.len, 0);
	assert_int_equal(sem_held(&f.s), 1);
	assert_false(sem_try(&f.s, 1)); /* lent, though the call is still to come */
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "a");
	assert_int_equal(sem_held(&f.s), 0);
	teardown(&f);
}

static void
serves_waiters_in_the_order_they_came(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 1);
	for (size_t i = 0; i < WAITERS; i++)
		wait_start(&f, i, 1, THEN_POST);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "abcdefgh");
	teardown(&f);
}

static void
a_big_waiter_is_not_overtaken_by_small_ones(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 4);
	assert_true(sem_try(&f.s, 2));
	wait_start(&f, 0, 4, THEN_HOLD);
	wait_start(&f, 1, 1, THEN_HOLD);
	assert_false(sem_try(&f.s, 1)); /* two are free, but somebody waits */
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "");
	sem_post(&f.s, 1);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "");
	sem_post(&f.s, 1);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "a");
	sem_post(&f.s, 4);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "ab");
	sem_post(&f.s, 1);
	teardown(&f);
}

static void
cancelling_while_waiting_lets_the_next_pass(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 2);
	assert_true(sem_try(&f.s, 1));
	wait_start(&f, 0, 2, THEN_HOLD);
	wait_start(&f, 1, 1, THEN_HOLD);
	sem_wait_cancel(&f.w[0].w);
	sem_wait_cancel(&f.w[0].w);
	sem_check(&f.s);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "b");
	sem_post(&f.s, 2);
	teardown(&f);
}

static void
cancelling_what_was_granted_gives_the_permits_back(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 1);
	wait_start(&f, 0, 1, THEN_HOLD);
	wait_start(&f, 1, 1, THEN_HOLD);
	sem_wait_cancel(&f.w[0].w);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "b");
	sem_wait_cancel(&f.w[1].w); /* it has run: its permit stays its own */
	assert_int_equal(sem_held(&f.s), 1);
	sem_post(&f.s, 1);
	wait_start(&f, 2, 1, THEN_HOLD);
	sem_wait_cancel(&f.w[2].w);
	teardown(&f); /* with the call still queued */
}

static void
a_callback_may_cancel_one_granted_in_the_same_turn(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 2);
	f.w[0].other = &f.w[1];
	wait_start(&f, 0, 1, THEN_CANCEL_OTHER);
	wait_start(&f, 1, 1, THEN_HOLD);
	wait_start(&f, 2, 1, THEN_HOLD);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "ac");
	assert_int_equal(sem_held(&f.s), 2);
	sem_post(&f.s, 2);
	teardown(&f);
}

static void
one_that_waits_again_goes_behind_the_others(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 1);
	f.w[0].again = 2;
	wait_start(&f, 0, 1, THEN_WAIT_AGAIN);
	wait_start(&f, 1, 1, THEN_POST);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "abaa");
	teardown(&f);
}

static void
raising_the_limit_serves_those_who_wait(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 1);
	assert_true(sem_try(&f.s, 1));
	wait_start(&f, 0, 1, THEN_HOLD);
	wait_start(&f, 1, 1, THEN_HOLD);
	wait_start(&f, 2, 1, THEN_HOLD);
	sem_resize(&f.s, 3);
	sem_check(&f.s);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "ab");
	assert_int_equal(sem_held(&f.s), 3);
	sem_wait_cancel(&f.w[2].w);
	sem_post(&f.s, 3);
	teardown(&f);
}

static void
lowering_the_limit_below_what_is_held_lends_nothing_until_it_fits(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 5);
	assert_true(sem_try(&f.s, 5));
	sem_resize(&f.s, 2);
	sem_check(&f.s);
	assert_int_equal(sem_held(&f.s), 5);
	wait_start(&f, 0, 1, THEN_HOLD);
	for (int i = 0; i < 3; i++) {
		sem_post(&f.s, 1);
		sem_check(&f.s);
		trace_run(&f.tr);
		assert_string_equal(f.tr.text, "");
	}
	assert_int_equal(sem_held(&f.s), 2);
	sem_post(&f.s, 1);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "a");
	/* Lowered and raised again while in debt. */
	sem_resize(&f.s, 1);
	sem_resize(&f.s, 4);
	assert_int_equal(sem_held(&f.s), 2);
	assert_true(sem_try(&f.s, 2));
	sem_post(&f.s, 4);
	teardown(&f);
}

static void
one_that_wants_more_than_a_lowered_limit_is_served_alone(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 4);
	assert_true(sem_try(&f.s, 1));
	wait_start(&f, 0, 4, THEN_HOLD);
	wait_start(&f, 1, 1, THEN_HOLD);
	sem_resize(&f.s, 2);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "");
	sem_post(&f.s, 1);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "a");
	assert_int_equal(sem_held(&f.s), 4);
	sem_post(&f.s, 2);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "a");
	sem_post(&f.s, 2);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "ab");
	sem_post(&f.s, 1);
	teardown(&f);
}

static void
a_limit_of_zero_is_a_pause(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 0);
	assert_false(sem_try(&f.s, 1));
	wait_start(&f, 0, 1, THEN_HOLD);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "");
	sem_resize(&f.s, 1);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "a");
	sem_resize(&f.s, 0);
	assert_int_equal(sem_held(&f.s), 1);
	sem_post(&f.s, 1);
	assert_false(sem_try(&f.s, 1));
	teardown(&f);
}

/* Thousands of random steps against a model that only counts. */
static void
invariants_hold_whatever_happens(void **state)
{
	struct fixture f;
	uint32_t seed = 12345, held = 0;

	(void)state;
	setup(&f, 4);
	for (int step = 0; step < 20000; step++) {
		struct wait *w;
		uint32_t n;

		seed = seed * 1664525 + 1013904223;
		w = &f.w[(seed >> 8) % WAITERS];
		n = 1 + (seed >> 16) % 4;
		switch ((seed >> 24) % 5) {
		case 0:
			if (w->w.sem == NULL)
				wait_start(&f, (size_t)(w - f.w), n, THEN_POST);
			break;
		case 1:
			sem_wait_cancel(&w->w);
			break;
		case 2:
			if (sem_try(&f.s, n))
				held += n;
			break;
		case 3:
			n = n < held ? n : held;
			sem_post(&f.s, n);
			held -= n;
			break;
		default:
			sem_resize(&f.s, (seed >> 12) % 7);
			trace_run(&f.tr);
			f.tr.len = 0;
		}
		sem_check(&f.s);
		assert_true(sem_held(&f.s) >= held);
	}
	for (size_t i = 0; i < WAITERS; i++)
		sem_wait_cancel(&f.w[i].w);
	assert_int_equal(sem_held(&f.s), held);
	teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lends_as_many_permits_as_there_are),
	    cmocka_unit_test(calls_a_waiter_in_a_later_turn_even_when_permits_are_free),
	    cmocka_unit_test(serves_waiters_in_the_order_they_came),
	    cmocka_unit_test(a_big_waiter_is_not_overtaken_by_small_ones),
	    cmocka_unit_test(cancelling_while_waiting_lets_the_next_pass),
	    cmocka_unit_test(cancelling_what_was_granted_gives_the_permits_back),
	    cmocka_unit_test(a_callback_may_cancel_one_granted_in_the_same_turn),
	    cmocka_unit_test(one_that_waits_again_goes_behind_the_others),
	    cmocka_unit_test(raising_the_limit_serves_those_who_wait),
	    cmocka_unit_test(
		lowering_the_limit_below_what_is_held_lends_nothing_until_it_fits),
	    cmocka_unit_test(one_that_wants_more_than_a_lowered_limit_is_served_alone),
	    cmocka_unit_test(a_limit_of_zero_is_a_pause),
	    cmocka_unit_test(invariants_hold_whatever_happens),
	};

	return cmocka_run_group_tests_name("loop/sem", tests, NULL, NULL);
}
