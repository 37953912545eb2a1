#include "base/clock.h"
#include "loop/loop.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop_trace.h"

/* Something that a timer or a deferred call leads to, and what it does then. */
struct mark {
	struct trace *tr;
	struct mark *other;
	struct timer t;
	struct later d;
	int64_t at_ms;
	int again; /* restarts itself so often */
	char letter;
};

static void
on_mark(void *ctx)
{
	struct mark *m = ctx;

	m->at_ms = loop_now_ms(m->tr->l);
	trace_add(m->tr, m->letter);
}

static void
mark_init(struct mark *m, struct trace *tr, char letter, loop_fn *fn)
{
	*m = (struct mark){.tr = tr, .letter = letter};
	timer_init(&m->t, tr->l, fn, m);
	later_init(&m->d, tr->l, fn, m);
}

static void
on_stop(void *ctx)
{
	struct trace *tr = ctx;

	trace_add(tr, '!');
	loop_stop(tr->l);
}

/* ---- timers ---- */

static void
timers_fire_in_the_order_of_their_times(void **state)
{
	struct trace tr;
	struct mark a, b, c;

	(void)state;
	trace_init(&tr, true);
	mark_init(&a, &tr, 'a', on_mark);
	mark_init(&b, &tr, 'b', on_mark);
	mark_init(&c, &tr, 'c', on_mark);
	assert_int_equal(timer_start(&a.t, 30), 0);
	assert_int_equal(timer_start(&b.t, 10), 0);
	assert_int_equal(timer_start(&c.t, 20), 0);
	assert_true(timer_is_running(&a.t));
	loop_check(tr.l);
	trace_run(&tr);
	assert_string_equal(tr.text, "bca");
	assert_int_equal(b.at_ms, 1010);
	assert_int_equal(c.at_ms, 1020);
	assert_int_equal(a.at_ms, 1030);
	assert_false(timer_is_running(&a.t));
	loop_free(tr.l);
}

static void
timers_of_equal_time_fire_in_the_order_they_were_started(void **state)
{
	struct trace tr;
	struct mark m[20];

	(void)state;
	trace_init(&tr, true);
	for (size_t i = 0; i < 20; i++) {
		mark_init(&m[i], &tr, (char)('a' + i), on_mark);
		assert_int_equal(timer_start(&m[i].t, 5), 0);
	}
	/* A restart counts as started now. */
	assert_int_equal(timer_start(&m[2].t, 5), 0);
	assert_int_equal(timer_start(&m[0].t, 5), 0);
	trace_run(&tr);
	assert_string_equal(tr.text, "bdefghijklmnopqrstca");
	loop_free(tr.l);
}

static void
on_mark_again(void *ctx)
{
	struct mark *m = ctx;

	on_mark(m);
	if (m->again-- > 0)
		assert_int_equal(timer_start(&m->t, 10), 0);
}

static void
a_timer_restarts_itself_in_its_callback(void **state)
{
	struct trace tr;
	struct mark a, b;

	(void)state;
	trace_init(&tr, true);
	mark_init(&a, &tr, 'a', on_mark_again);
	mark_init(&b, &tr, 'b', on_mark);
	a.again = 3;
	assert_int_equal(timer_start(&a.t, 10), 0);
	assert_int_equal(timer_start(&b.t, 30), 0);
	trace_run(&tr);
	/* b was started before the third start of a, which is due with it. */
	assert_string_equal(tr.text, "aabaa");
	assert_int_equal(a.at_ms, 1040);
	loop_free(tr.l);
}

static void
on_mark_stop_other(void *ctx)
{
	struct mark *m = ctx;

	on_mark(m);
	timer_stop(&m->other->t);
	timer_stop(&m->other->t);
	timer_stop(&m->t);
}

static void
a_stopped_timer_never_fires_even_when_it_is_due(void **state)
{
	struct trace tr;
	struct mark a, b, c;

	(void)state;
	trace_init(&tr, true);
	mark_init(&a, &tr, 'a', on_mark_stop_other);
	mark_init(&b, &tr, 'b', on_mark);
	mark_init(&c, &tr, 'c', on_mark);
	a.other = &b;
	assert_int_equal(timer_start(&a.t, 7), 0);
	assert_int_equal(timer_start(&b.t, 7), 0);
	assert_int_equal(timer_start(&c.t, 7), 0);
	trace_run(&tr);
	assert_string_equal(tr.text, "ac");
	loop_free(tr.l);
}

static void
on_mark_start_others(void *ctx)
{
	struct mark *m = ctx;

	on_mark(m);
	assert_int_equal(timer_start(&m->other->t, -5), 0);
	later_start(&m->other->d);
	assert_int_equal(m->tr->len, 1);
}

static void
a_timer_at_zero_fires_in_the_next_turn_not_in_this_one(void **state)
{
	struct trace tr;
	struct mark a, b, c;

	(void)state;
	trace_init(&tr, true);
	mark_init(&a, &tr, 'a', on_mark_start_others);
	mark_init(&b, &tr, 'b', on_mark);
	mark_init(&c, &tr, 'c', on_mark);
	a.other = &b;
	assert_int_equal(timer_start(&a.t, 0), 0);
	assert_int_equal(timer_start(&c.t, 0), 0);
	assert_int_equal(tr.len, 0);
	trace_run(&tr);
	/* c is of this turn; the deferred call and the timer of b are of the next. */
	assert_string_equal(tr.text, "acbb");
	assert_int_equal(b.at_ms, 1000);
	loop_free(tr.l);
}

static void
a_timer_at_the_end_of_time_does_not_overflow(void **state)
{
	struct trace tr;
	struct mark a, b;
	struct timer stop;

	(void)state;
	trace_init(&tr, true);
	mark_init(&a, &tr, 'a', on_mark);
	mark_init(&b, &tr, 'b', on_mark);
	timer_init(&stop, tr.l, on_stop, &tr);
	assert_int_equal(timer_start(&a.t, INT64_MAX), 0);
	assert_int_equal(timer_start(&b.t, INT64_MAX / 1000), 0);
	assert_int_equal(timer_start(&stop, INT64_MAX / 4000), 0);
	assert_int_equal(loop_run(tr.l), 0);
	assert_string_equal(tr.text, "!");
	assert_true(timer_is_running(&a.t));
	loop_free(tr.l);
	assert_false(timer_is_running(&a.t)); /* forgotten with its loop */
}

static void
a_virtual_clock_jumps_and_wall_time_with_it(void **state)
{
	struct trace tr;
	struct mark a;

	(void)state;
	trace_init(&tr, true);
	assert_true(loop_is_virtual(tr.l));
	assert_int_equal(loop_now_ms(tr.l), 1000);
	assert_int_equal(loop_wall_us(tr.l), TRACE_WALL_US);
	mark_init(&a, &tr, 'a', on_mark);
	assert_int_equal(timer_start(&a.t, 86400000), 0);
	trace_run(&tr);
	assert_int_equal(a.at_ms, 86401000);
	assert_int_equal(loop_wall_us(tr.l), TRACE_WALL_US + INT64_C(86400000000));
	assert_int_equal(loop_lag_us_take(tr.l), 0);
	loop_free(tr.l);
}

static void
a_real_timer_takes_its_time(void **state)
{
	struct trace tr;
	struct mark a, b;
	int64_t before_ms, before_us, wall_us;

	(void)state;
	trace_init(&tr, false);
	assert_false(loop_is_virtual(tr.l));
	mark_init(&a, &tr, 'a', on_mark);
	mark_init(&b, &tr, 'b', on_mark_again);
	b.again = 2;
	before_ms = loop_now_ms(tr.l);
	assert_int_equal(timer_start(&a.t, 25), 0);
	assert_int_equal(timer_start(&b.t, 0), 0);
	trace_run(&tr);
	assert_in_range(a.at_ms - before_ms, 25, 20000);
	assert_int_equal(tr.len, 4);
	before_us = clock_wall_us();
	wall_us = loop_wall_us(tr.l);
	assert_in_range(wall_us, before_us, clock_wall_us());
	loop_free(tr.l);
}

static void
spin(int64_t us)
{
	int64_t until_us = clock_mono_us() + us;

	while (clock_mono_us() < until_us)
		;
}

static void
on_spin(void *ctx)
{
	struct mark *m = ctx;
	int64_t before_us = loop_now_us(m->tr->l);

	spin(4000);
	assert_int_equal(loop_now_us(m->tr->l), before_us);
	m->at_ms = before_us / 1000;
}

static void
time_stands_still_within_a_turn_and_lag_tells_its_length(void **state)
{
	struct trace tr;
	struct mark a, b;
	int64_t began_us;

	(void)state;
	trace_init(&tr, false);
	mark_init(&a, &tr, 'a', on_spin);
	mark_init(&b, &tr, 'b', on_mark);
	later_start(&a.d);
	later_start(&b.d);
	began_us = clock_mono_us();
	trace_run(&tr);
	assert_int_equal(a.at_ms, b.at_ms);
	assert_in_range(loop_lag_us_take(tr.l), 4000, clock_mono_us() - began_us);
	assert_int_equal(loop_lag_us_take(tr.l), 0);
	assert_true(loop_now_ms(tr.l) >= a.at_ms + 4);
	loop_free(tr.l);
}

static void
a_timer_after_a_long_callback_is_not_early(void **state)
{
	struct trace tr;
	struct mark a, b;

	(void)state;
	trace_init(&tr, false);
	mark_init(&a, &tr, 'a', on_spin);
	mark_init(&b, &tr, 'b', on_mark);
	assert_int_equal(timer_start(&b.t, 10), 0);
	later_start(&a.d);
	trace_run(&tr);
	assert_true(b.at_ms - a.at_ms >= 9); /* a ms is lost by rounding both down */
	loop_free(tr.l);
}

/* ---- deferred calls ---- */

static void
on_mark_later_other(void *ctx)
{
	struct mark *m = ctx;

	on_mark(m);
	later_start(&m->other->d);
	if (m->again-- > 0)
		later_start(&m->d);
}

static void
deferred_calls_run_once_in_order_and_new_ones_a_turn_later(void **state)
{
	struct trace tr;
	struct mark a, b, c;

	(void)state;
	trace_init(&tr, true);
	mark_init(&a, &tr, 'a', on_mark_later_other);
	mark_init(&b, &tr, 'b', on_mark);
	mark_init(&c, &tr, 'c', on_mark);
	a.other = &c;
	a.again = 1;
	later_start(&a.d);
	later_start(&b.d);
	later_start(&a.d);
	loop_check(tr.l);
	trace_run(&tr);
	assert_string_equal(tr.text, "abcac");
	assert_int_equal(c.at_ms, 1000);
	loop_free(tr.l);
}

static void
on_mark_later_stop(void *ctx)
{
	struct mark *m = ctx;

	on_mark(m);
	later_stop(&m->other->d);
	later_stop(&m->other->d);
	later_stop(&m->d);
}

static void
a_deferred_call_can_be_stopped_by_one_of_the_same_turn(void **state)
{
	struct trace tr;
	struct mark a, b, c;

	(void)state;
	trace_init(&tr, true);
	mark_init(&a, &tr, 'a', on_mark_later_stop);
	mark_init(&b, &tr, 'b', on_mark);
	mark_init(&c, &tr, 'c', on_mark);
	a.other = &b;
	later_start(&a.d);
	later_start(&b.d);
	later_start(&c.d);
	trace_run(&tr);
	assert_string_equal(tr.text, "ac");
	loop_free(tr.l);
}

static void
on_mark_free(void *ctx)
{
	on_mark(ctx);
	free(ctx);
}

static void
what_calls_back_may_be_freed_in_its_callback(void **state)
{
	struct trace tr;
	struct mark *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	trace_init(&tr, true);
	mark_init(a, &tr, 'a', on_mark_free);
	mark_init(b, &tr, 'b', on_mark_free);
	later_start(&a->d);
	assert_int_equal(timer_start(&b->t, 1), 0);
	trace_run(&tr);
	assert_string_equal(tr.text, "ab");
	loop_free(tr.l);
}

/* ---- running and stopping ---- */

static void
nothing_that_can_call_back_is_a_deadlock_at_once(void **state)
{
	struct trace tr;
	struct sig *s = NULL;
	struct wake *w = NULL;

	(void)state;
	trace_init(&tr, true);
	trace_run(&tr);
	trace_run(&tr);
	/* Nobody but this thread could send it, and this thread waits. */
	assert_int_equal(wake_new(tr.l, on_stop, &tr, &w), 0);
	wake_ref(w, true);
	wake_ref(w, true);
	loop_check(tr.l);
	wake_free(w);
	trace_run(&tr);
	loop_free(tr.l);

	trace_init(&tr, false);
	assert_int_equal(sig_new(tr.l, SIGUSR1, on_stop, &tr, &s), 0);
	assert_int_equal(wake_new(tr.l, on_stop, &tr, &w), 0);
	trace_run(&tr);
	assert_int_equal(tr.len, 0);
	wake_free(w);
	sig_free(s);
	loop_free(tr.l);
}

static void
stopping_ends_the_run_after_its_turn_and_the_next_goes_on(void **state)
{
	struct trace tr;
	struct mark a, b;
	struct later stop;

	(void)state;
	trace_init(&tr, true);
	mark_init(&a, &tr, 'a', on_mark);
	mark_init(&b, &tr, 'b', on_mark);
	later_init(&stop, tr.l, on_stop, &tr);
	later_start(&stop);
	later_start(&a.d);
	assert_int_equal(timer_start(&b.t, 1), 0);
	assert_int_equal(loop_run(tr.l), 0);
	assert_string_equal(tr.text, "!a");
	assert_int_equal(loop_now_ms(tr.l), 1000);
	loop_stop(tr.l);
	assert_int_equal(loop_run(tr.l), 0);
	assert_string_equal(tr.text, "!a");
	trace_run(&tr);
	assert_string_equal(tr.text, "!ab");
	loop_free(tr.l);
}

static void
a_freed_null_is_fine(void **state)
{
	struct trace tr;

	(void)state;
	trace_init(&tr, true);
	io_free(NULL);
	sig_free(NULL);
	wake_free(NULL);
	loop_free(NULL);
	trace_run(&tr);
	loop_free(tr.l);
}

/* As if others had the processor meanwhile. */
static void
put_aside(int sig)
{
	int64_t end_us = clock_mono_us() + 400;

	(void)sig;
	while (clock_mono_us() < end_us)
		;
}

struct walls {
	struct loop *l;
	int64_t first_us, last_us;
};

static void
on_walls(void *ctx)
{
	struct walls *w = ctx;
	int64_t end_us = clock_mono_us() + 300000;

	w->first_us = INT64_MAX;
	w->last_us = INT64_MIN;
	while (clock_mono_us() < end_us) {
		int64_t at_us = loop_now_wall_us(w->l);

		if (w->first_us > at_us)
			w->first_us = at_us;
		if (w->last_us < at_us)
			w->last_us = at_us;
	}
	loop_stop(w->l);
}

static void
the_time_of_day_of_a_turn_stands_still_whoever_interrupts(void **state)
{
	const struct itimerval often = {{0, 1000}, {0, 1000}}, never = {0};
	struct sigaction action = {.sa_handler = put_aside, .sa_flags = SA_RESTART},
			 before;
	struct walls w;
	struct timer t;

	(void)state;
	assert_int_equal(loop_new(&w.l), 0);
	timer_init(&t, w.l, on_walls, &w);
	assert_int_equal(timer_start(&t, 0), 0);
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	assert_int_equal(loop_run(w.l), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	if (w.last_us - w.first_us > 300)
		fail_msg("it differs by %lld us", (long long)(w.last_us - w.first_us));
	loop_free(w.l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_time_of_day_of_a_turn_stands_still_whoever_interrupts),
	    cmocka_unit_test(timers_fire_in_the_order_of_their_times),
	    cmocka_unit_test(timers_of_equal_time_fire_in_the_order_they_were_started),
	    cmocka_unit_test(a_timer_restarts_itself_in_its_callback),
	    cmocka_unit_test(a_stopped_timer_never_fires_even_when_it_is_due),
	    cmocka_unit_test(a_timer_at_zero_fires_in_the_next_turn_not_in_this_one),
	    cmocka_unit_test(a_timer_at_the_end_of_time_does_not_overflow),
	    cmocka_unit_test(a_virtual_clock_jumps_and_wall_time_with_it),
	    cmocka_unit_test(a_real_timer_takes_its_time),
	    cmocka_unit_test(time_stands_still_within_a_turn_and_lag_tells_its_length),
	    cmocka_unit_test(a_timer_after_a_long_callback_is_not_early),
	    cmocka_unit_test(deferred_calls_run_once_in_order_and_new_ones_a_turn_later),
	    cmocka_unit_test(a_deferred_call_can_be_stopped_by_one_of_the_same_turn),
	    cmocka_unit_test(what_calls_back_may_be_freed_in_its_callback),
	    cmocka_unit_test(nothing_that_can_call_back_is_a_deadlock_at_once),
	    cmocka_unit_test(stopping_ends_the_run_after_its_turn_and_the_next_goes_on),
	    cmocka_unit_test(a_freed_null_is_fine),
	};

	return cmocka_run_group_tests_name("loop/loop", tests, NULL, NULL);
}
