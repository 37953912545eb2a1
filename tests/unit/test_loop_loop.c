#include "base/clock.h"
#include "loop/loop.h"
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define WALL_US 1700000000000000

/* What ran, in order: each callback adds its letter. */
struct trace {
	struct loop *l;
	char text[64];
	size_t len;
};

struct mark {
	struct trace *tr;
	char letter;
	struct timer t;
	struct later d;
	struct mark *other;
	int again; /* restarts itself so often */
	int64_t at_ms;
};

static void
trace_add(struct trace *tr, char c)
{
	assert_true(tr->len < sizeof(tr->text) - 1);
	tr->text[tr->len++] = c;
	tr->text[tr->len] = '\0';
}

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
trace_new_virtual(struct trace *tr)
{
	*tr = (struct trace){0};
	assert_int_equal(loop_new_virtual(WALL_US, &tr->l), 0);
}

static void
trace_new_real(struct trace *tr)
{
	*tr = (struct trace){0};
	assert_int_equal(loop_new(&tr->l), 0);
}

static void
timers_fire_in_the_order_of_their_times(void **state)
{
	struct trace tr;
	struct mark a, b, c;

	(void)state;
	trace_new_virtual(&tr);
	mark_init(&a, &tr, 'a', on_mark);
	mark_init(&b, &tr, 'b', on_mark);
	mark_init(&c, &tr, 'c', on_mark);
	assert_int_equal(timer_start(&a.t, 30), 0);
	assert_int_equal(timer_start(&b.t, 10), 0);
	assert_int_equal(timer_start(&c.t, 20), 0);
	assert_true(timer_is_running(&a.t));
	loop_check(tr.l);
	assert_int_equal(loop_run(tr.l), -EDEADLK);
	assert_string_equal(tr.text, "bca");
	assert_int_equal(b.at_ms, 1010);
	assert_int_equal(c.at_ms, 1020);
	assert_int_equal(a.at_ms, 1030);
	assert_false(timer_is_running(&a.t));
	loop_free(tr.l);
}

static void
a_virtual_clock_jumps_and_wall_time_with_it(void **state)
{
	struct trace tr;
	struct mark a;

	(void)state;
	trace_new_virtual(&tr);
	assert_true(loop_is_virtual(tr.l));
	assert_int_equal(loop_now_ms(tr.l), 1000);
	assert_int_equal(loop_wall_us(tr.l), WALL_US);
	mark_init(&a, &tr, 'a', on_mark);
	assert_int_equal(timer_start(&a.t, 86400000), 0);
	assert_int_equal(loop_run(tr.l), -EDEADLK);
	assert_int_equal(a.at_ms, 86401000);
	assert_int_equal(loop_wall_us(tr.l), WALL_US + INT64_C(86400000000));
	loop_free(tr.l);
}

static void
nothing_that_can_call_back_is_a_deadlock_at_once(void **state)
{
	struct trace tr;

	(void)state;
	trace_new_virtual(&tr);
	assert_int_equal(loop_run(tr.l), -EDEADLK);
	assert_int_equal(loop_run(tr.l), -EDEADLK);
	loop_free(tr.l);
	trace_new_real(&tr);
	assert_int_equal(loop_run(tr.l), -EDEADLK);
	loop_free(tr.l);
}

static void
on_bytes(void *ctx, int events)
{
	struct trace *tr = ctx;

	assert_int_equal(events, IO_READ);
	trace_add(tr, 'r');
	loop_stop(tr->l);
}

static void
a_descriptor_calls_when_bytes_are_there(void **state)
{
	struct trace tr;
	struct io *io = NULL;
	int fds[2];

	(void)state;
	trace_new_real(&tr);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(io_new(tr.l, fds[0], on_bytes, &tr, &io), 0);
	assert_int_equal(loop_run(tr.l), -EDEADLK);
	io_set(io, IO_READ);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(loop_run(tr.l), 0);
	assert_string_equal(tr.text, "r");
	io_free(io);
	loop_free(tr.l);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(timers_fire_in_the_order_of_their_times),
	    cmocka_unit_test(a_virtual_clock_jumps_and_wall_time_with_it),
	    cmocka_unit_test(nothing_that_can_call_back_is_a_deadlock_at_once),
	    cmocka_unit_test(a_descriptor_calls_when_bytes_are_there),
	};

	return cmocka_run_group_tests_name("loop/loop", tests, NULL, NULL);
}
