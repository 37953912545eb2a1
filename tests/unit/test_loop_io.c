/* Descriptors, signals and wake-ups: what a real loop waits for. */
#include "loop/loop.h"
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop_trace.h"

static void
on_stop(void *ctx)
{
	struct trace *tr = ctx;

	trace_add(tr, '!');
	loop_stop(tr->l);
}

/* ---- descriptors ---- */

struct pipe_end {
	struct trace *tr;
	struct io *io, *other;
	int fd, events;
	char letter;
};

static void
on_pipe_off(void *ctx, int events)
{
	struct pipe_end *p = ctx;

	p->events = events;
	trace_add(p->tr, p->letter);
	io_set(p->io, 0);
}

static void
a_descriptor_calls_only_while_it_is_asked_to(void **state)
{
	struct trace tr;
	struct pipe_end p = {.tr = &tr, .letter = 'r'};
	int fds[2];

	(void)state;
	trace_init(&tr, false);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(io_new(tr.l, fds[0], on_pipe_off, &p, &p.io), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	trace_run(&tr);
	assert_int_equal(tr.len, 0);
	io_set(p.io, IO_READ);
	io_set(p.io, IO_READ);
	loop_check(tr.l);
	trace_run(&tr);
	assert_string_equal(tr.text, "r");
	assert_int_equal(p.events, IO_READ);
	io_set(p.io, IO_READ);
	trace_run(&tr);
	assert_string_equal(tr.text, "rr"); /* the byte is still there */
	io_free(p.io);
	loop_free(tr.l);
	close(fds[0]);
	close(fds[1]);
}

struct talk {
	struct loop *loop;
	struct io *io;
	int fds[2];
	uint64_t said, heard;
};

static void
on_talk_say(void *ctx)
{
	struct talk *t = ctx;

	t->said = loop_waits(t->loop);
	assert_int_equal(write(t->fds[1], "x", 1), 1);
}

static void
on_talk_hear(void *ctx, int events)
{
	struct talk *t = ctx;
	char byte;

	assert_int_equal(events, IO_READ);
	assert_int_equal(read(t->fds[0], &byte, 1), 1);
	t->heard = loop_waits(t->loop);
	loop_stop(t->loop);
}

static void
what_a_descriptor_has_to_tell_is_told_within_two_waits(void **state)
{
	struct talk t = {0};
	struct later say;

	(void)state;
	assert_int_equal(loop_new(&t.loop), 0);
	assert_int_equal(pipe(t.fds), 0);
	assert_int_equal(io_new(t.loop, t.fds[0], on_talk_hear, &t, &t.io), 0);
	assert_int_equal(io_events(t.io), 0);
	io_set(t.io, IO_READ);
	assert_int_equal(io_events(t.io), IO_READ);
	later_init(&say, t.loop, on_talk_say, &t);
	for (uint64_t i = 0; i < 20; i++) {
		later_start(&say);
		assert_int_equal(loop_run(t.loop), 0);
		assert_true(t.said >= i);
		assert_in_range(t.heard, t.said, t.said + 1);
	}
	io_free(t.io);
	loop_free(t.loop);
	close(t.fds[0]);
	close(t.fds[1]);
}

static void
a_descriptor_can_wait_for_both_directions(void **state)
{
	struct trace tr;
	struct pipe_end p = {.tr = &tr, .letter = 'x'};
	int fds[2];

	(void)state;
	trace_init(&tr, false);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(io_new(tr.l, fds[0], on_pipe_off, &p, &p.io), 0);
	io_set(p.io, IO_READ | IO_WRITE);
	trace_run(&tr);
	assert_int_equal(p.events, IO_WRITE);
	assert_int_equal(write(fds[1], "x", 1), 1);
	io_set(p.io, IO_READ | IO_WRITE);
	trace_run(&tr);
	assert_int_equal(p.events, IO_READ | IO_WRITE);
	io_set(p.io, IO_WRITE);
	io_set(p.io, IO_READ);
	trace_run(&tr);
	assert_int_equal(p.events, IO_READ);
	io_free(p.io);
	loop_free(tr.l);
	close(fds[0]);
	close(fds[1]);
}

static void
on_pipe_free_both(void *ctx, int events)
{
	struct pipe_end *p = ctx;

	assert_int_equal(events, IO_READ);
	trace_add(p->tr, p->letter);
	io_free(p->io);
	io_free(p->other);
}

static void
a_descriptor_freed_in_a_callback_is_not_called_again(void **state)
{
	struct trace tr;
	struct pipe_end p = {.tr = &tr, .letter = 'a'}, q = {.tr = &tr, .letter = 'a'};
	int fds[2], fds2[2];

	(void)state;
	trace_init(&tr, false);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pipe(fds2), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(write(fds2[1], "x", 1), 1);
	assert_int_equal(io_new(tr.l, fds[0], on_pipe_free_both, &p, &p.io), 0);
	assert_int_equal(io_new(tr.l, fds2[0], on_pipe_free_both, &q, &q.io), 0);
	p.other = q.io;
	q.other = p.io;
	io_set(p.io, IO_READ);
	io_set(q.io, IO_READ);
	trace_run(&tr);
	/* Both were ready at once; whichever came first has freed the other. */
	assert_string_equal(tr.text, "a");
	loop_free(tr.l);
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		close(fds2[i]);
	}
}

static void
on_pipe_note(void *ctx, int events)
{
	struct pipe_end *p = ctx;

	p->events = events;
	trace_add(p->tr, p->letter);
}

static void
what_is_no_descriptor_is_refused(void **state)
{
	struct trace tr;
	struct pipe_end p = {.tr = &tr, .letter = 'e'};
	int fds[2];

	(void)state;
	trace_init(&tr, false);
	assert_int_equal(io_new(tr.l, -1, on_pipe_note, &p, &p.io), -EBADF);
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(io_new(tr.l, fds[0], on_pipe_note, &p, &p.io), -EBADF);
	assert_null(p.io);
	loop_free(tr.l);
}

static void
a_file_is_always_ready(void **state)
{
	struct trace tr;
	struct pipe_end p = {.tr = &tr, .letter = 'f'};
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	trace_init(&tr, false);
	assert_int_equal(io_new(tr.l, fileno(f), on_pipe_off, &p, &p.io), 0);
	io_set(p.io, IO_READ);
	trace_run(&tr);
	assert_string_equal(tr.text, "f");
	io_free(p.io);
	loop_free(tr.l);
	fclose(f);
}

static void
a_number_reused_by_another_descriptor_is_watched_anew(void **state)
{
	struct trace tr;
	struct pipe_end p = {.tr = &tr, .letter = 'a'}, q = {.tr = &tr, .letter = 'b'};
	int fds[2], again[2];

	(void)state;
	trace_init(&tr, false);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(io_new(tr.l, fds[0], on_pipe_off, &p, &p.io), 0);
	io_set(p.io, IO_READ);
	assert_int_equal(write(fds[1], "x", 1), 1);
	trace_run(&tr);
	io_set(p.io, IO_READ);
	io_free(p.io);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(pipe(again), 0);
	assert_int_equal(again[0], fds[0]);
	assert_int_equal(io_new(tr.l, again[0], on_pipe_off, &q, &q.io), 0);
	io_set(q.io, IO_READ);
	assert_int_equal(write(again[1], "x", 1), 1);
	trace_run(&tr);
	assert_string_equal(tr.text, "ab");
	io_free(q.io);
	loop_free(tr.l);
	close(again[0]);
	close(again[1]);
}

static void
a_waiting_descriptor_and_a_timer_share_the_wait(void **state)
{
	struct trace tr;
	struct pipe_end p = {.tr = &tr, .letter = 'r'};
	struct timer stop;
	int fds[2];

	(void)state;
	trace_init(&tr, false);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(io_new(tr.l, fds[0], on_pipe_note, &p, &p.io), 0);
	io_set(p.io, IO_READ);
	timer_init(&stop, tr.l, on_stop, &tr);
	assert_int_equal(timer_start(&stop, 5), 0);
	assert_int_equal(loop_run(tr.l), 0);
	assert_string_equal(tr.text, "!");
	io_free(p.io);
	loop_free(tr.l);
	close(fds[0]);
	close(fds[1]);
}

struct alarm {
	struct trace *tr;
	struct timer t;
	struct later set;
	int64_t set_ms, at_ms;
};

static void
on_alarm(void *ctx)
{
	struct alarm *a = ctx;

	trace_add(a->tr, 'a');
	a->at_ms = loop_now_ms(a->tr->l);
}

/* Within a turn, in which time stands still: it is not due when that turn looks at what is. */
static void
on_set(void *ctx)
{
	struct alarm *a = ctx;

	a->set_ms = loop_now_ms(a->tr->l);
	assert_int_equal(timer_start(&a->t, 10), 0);
}

static void
a_descriptor_that_is_ready_first_does_not_move_the_timer(void **state)
{
	struct trace tr;
	struct pipe_end p = {.tr = &tr, .letter = 'r'};
	struct alarm a = {.tr = &tr};
	int fds[2];

	(void)state;
	trace_init(&tr, false);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(io_new(tr.l, fds[0], on_pipe_off, &p, &p.io), 0);
	io_set(p.io, IO_READ);
	assert_int_equal(write(fds[1], "x", 1), 1);
	timer_init(&a.t, tr.l, on_alarm, &a);
	later_init(&a.set, tr.l, on_set, &a);
	later_start(&a.set);
	trace_run(&tr);
	assert_string_equal(tr.text, "ra");
	assert_in_range(a.at_ms - a.set_ms, 10, 20000);
	io_free(p.io);
	loop_free(tr.l);
	close(fds[0]);
	close(fds[1]);
}

static void
a_virtual_loop_has_no_descriptors_and_no_signals(void **state)
{
	struct trace tr;
	struct io *io = NULL;
	struct sig *s = NULL;

	(void)state;
	trace_init(&tr, true);
	assert_int_equal(io_new(tr.l, 0, on_pipe_note, &tr, &io), -EOPNOTSUPP);
	assert_int_equal(sig_new(tr.l, SIGUSR1, on_stop, &tr, &s), -EOPNOTSUPP);
	assert_null(io);
	assert_null(s);
	loop_free(tr.l);
}

/* ---- signals ---- */

static void
on_raise(void *ctx)
{
	struct trace *tr = ctx;

	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(tr->len, 0);
}

static void
a_signal_calls_on_the_loop_and_not_where_it_strikes(void **state)
{
	struct trace tr;
	struct later a;
	struct sig *s = NULL, *t = NULL;

	(void)state;
	trace_init(&tr, false);
	assert_int_equal(sig_new(tr.l, 0, on_stop, &tr, &s), -EINVAL);
	assert_int_equal(sig_new(tr.l, NSIG, on_stop, &tr, &s), -EINVAL);
	assert_int_equal(sig_new(tr.l, SIGKILL, on_stop, &tr, &s), -EINVAL);
	assert_int_equal(sig_new(tr.l, SIGUSR1, on_stop, &tr, &s), 0);
	assert_int_equal(sig_new(tr.l, SIGUSR1, on_stop, &tr, &t), -EBUSY);
	assert_null(t);
	later_init(&a, tr.l, on_raise, &tr);
	later_start(&a);
	assert_int_equal(loop_run(tr.l), 0);
	assert_string_equal(tr.text, "!");
	sig_free(s);
	assert_int_equal(sig_new(tr.l, SIGUSR1, on_stop, &tr, &s), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(loop_run(tr.l), 0); /* heard although nothing else is left */
	sig_free(s);
	loop_free(tr.l);
}

/* ---- wake-ups ---- */

struct sender {
	struct trace *tr;
	struct wake *wake;
	pthread_mutex_t lock;
	int sent, seen, calls; /* sent: guarded */
};

#define SENDS 2000

static void *
sender_main(void *arg)
{
	struct sender *s = arg;

	for (int i = 0; i < SENDS; i++) {
		pthread_mutex_lock(&s->lock);
		s->sent++;
		pthread_mutex_unlock(&s->lock);
		wake_send(s->wake);
	}
	return NULL;
}

static void
on_sent(void *ctx)
{
	struct sender *s = ctx;

	s->calls++;
	pthread_mutex_lock(&s->lock);
	s->seen = s->sent;
	pthread_mutex_unlock(&s->lock);
	if (s->seen == 2 * SENDS)
		wake_ref(s->wake, false);
}

static void
no_wake_up_from_other_threads_is_lost(void **state)
{
	struct trace tr;
	struct sender s = {.tr = &tr, .lock = PTHREAD_MUTEX_INITIALIZER};
	pthread_t threads[2];

	(void)state;
	trace_init(&tr, false);
	assert_int_equal(wake_new(tr.l, on_sent, &s, &s.wake), 0);
	wake_ref(s.wake, true);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sender_main, &s), 0);
	trace_run(&tr);
	assert_int_equal(s.seen, 2 * SENDS);
	assert_in_range(s.calls, 1, 2 * SENDS);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	wake_free(s.wake);
	loop_free(tr.l);
}

static void
on_woken_free(void *ctx)
{
	struct sender *s = ctx;

	s->calls++;
	wake_free(s->wake);
}

static void
on_woken_again(void *ctx)
{
	struct sender *s = ctx;

	if (++s->calls < 3)
		wake_send(s->wake);
}

static void
wakes_are_coalesced_heard_before_giving_up_and_freed_anywhere(bool is_virtual)
{
	struct trace tr;
	struct sender s = {.tr = &tr}, t = {.tr = &tr}, u = {.tr = &tr};

	trace_init(&tr, is_virtual);
	assert_int_equal(wake_new(tr.l, on_woken_free, &s, &s.wake), 0);
	assert_int_equal(wake_new(tr.l, on_woken_again, &t, &t.wake), 0);
	assert_int_equal(wake_new(tr.l, on_woken_again, &u, &u.wake), 0);
	for (int i = 0; i < 5; i++) {
		wake_send(s.wake);
		wake_send(t.wake);
	}
	assert_int_equal(s.calls, 0);
	trace_run(&tr);
	assert_int_equal(s.calls, 1);
	assert_int_equal(t.calls, 3);
	assert_int_equal(u.calls, 0);
	wake_send(t.wake);
	wake_free(t.wake); /* sent, but nobody is there to hear it */
	wake_free(u.wake);
	trace_run(&tr);
	loop_free(tr.l);
}

static void
wakes_on_a_real_loop(void **state)
{
	(void)state;
	wakes_are_coalesced_heard_before_giving_up_and_freed_anywhere(false);
}

static void
wakes_on_a_virtual_loop(void **state)
{
	(void)state;
	wakes_are_coalesced_heard_before_giving_up_and_freed_anywhere(true);
}

static struct wake *handler_wake;

static void
on_usr2(int signum)
{
	(void)signum;
	wake_send(handler_wake);
}

static void
a_wake_can_be_sent_from_a_signal_handler(void **state)
{
	struct trace tr;
	struct sender s = {.tr = &tr};
	struct sigaction act = {.sa_handler = on_usr2}, before;

	(void)state;
	trace_init(&tr, false);
	assert_int_equal(wake_new(tr.l, on_woken_free, &s, &s.wake), 0);
	handler_wake = s.wake;
	assert_int_equal(sigaction(SIGUSR2, &act, &before), 0);
	assert_int_equal(raise(SIGUSR2), 0);
	trace_run(&tr);
	assert_int_equal(s.calls, 1);
	assert_int_equal(sigaction(SIGUSR2, &before, NULL), 0);
	loop_free(tr.l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_descriptor_calls_only_while_it_is_asked_to),
	    cmocka_unit_test(what_a_descriptor_has_to_tell_is_told_within_two_waits),
	    cmocka_unit_test(a_descriptor_can_wait_for_both_directions),
	    cmocka_unit_test(a_descriptor_freed_in_a_callback_is_not_called_again),
	    cmocka_unit_test(what_is_no_descriptor_is_refused),
	    cmocka_unit_test(a_file_is_always_ready),
	    cmocka_unit_test(a_number_reused_by_another_descriptor_is_watched_anew),
	    cmocka_unit_test(a_waiting_descriptor_and_a_timer_share_the_wait),
	    cmocka_unit_test(a_descriptor_that_is_ready_first_does_not_move_the_timer),
	    cmocka_unit_test(a_virtual_loop_has_no_descriptors_and_no_signals),
	    cmocka_unit_test(a_signal_calls_on_the_loop_and_not_where_it_strikes),
	    cmocka_unit_test(no_wake_up_from_other_threads_is_lost),
	    cmocka_unit_test(wakes_on_a_real_loop),
	    cmocka_unit_test(wakes_on_a_virtual_loop),
	    cmocka_unit_test(a_wake_can_be_sent_from_a_signal_handler),
	};

	return cmocka_run_group_tests_name("loop/io", tests, NULL, NULL);
}
