#include "loop/actor.h"
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop_trace.h"
#include "lost_time.h"

struct letter {
	struct mail mail;
	int n;
};

/* Does its work at once, or collects it until idle commits the group. */
struct works {
	struct trace tr;
	struct actor *a;
	bool hold, drop, free_in_reply, send_in_reply;
	int64_t commit_ms; /* hold: idle asks for so long */

	/* The actor's side. */
	struct list held;
	pthread_t self;
	int handled, batches, idle_batches, idles, last;
	bool in_order, signals_blocked, saw_stopping;
	pthread_mutex_t gate; /* held by a test that wants the thread to stand still */

	/* The loop's side. */
	int sent, to_send, replies, rooms;
	bool ordered;
};

static struct letter *
letter_new(int n)
{
	struct letter *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->n = n;
	return m;
}

static void
on_handle(void *ctx, struct list *mails)
{
	struct works *w = ctx;
	struct list *n;
	sigset_t set;

	pthread_mutex_lock(&w->gate);
	pthread_mutex_unlock(&w->gate);
	w->self = pthread_self();
	(void)pthread_sigmask(SIG_SETMASK, NULL, &set);
	w->signals_blocked =
	    sigismember(&set, SIGINT) == 1 && sigismember(&set, SIGTERM) == 1;
	w->batches++;
	while ((n = list_pop(mails)) != NULL) {
		struct letter *m = container_of(
		    container_of(n, struct mail, on_box), struct letter, mail);

		w->in_order = w->in_order && m->n == w->last + 1;
		w->last = m->n;
		w->handled++;
		if (w->drop)
			free(m);
		else if (w->hold)
			list_push(&w->held, &m->mail.on_box);
		else
			actor_reply(w->a, &m->mail);
	}
}

static int64_t
on_idle(void *ctx)
{
	struct works *w = ctx;
	struct list *n;

	w->idles++;
	if (list_is_empty(&w->held))
		return -1;
	if (w->idle_batches != w->batches && !actor_is_stopping(w->a)) {
		w->idle_batches = w->batches;
		return w->commit_ms;
	}
	w->saw_stopping = actor_is_stopping(w->a);
	while ((n = list_pop(&w->held)) != NULL)
		actor_reply(w->a, container_of(n, struct mail, on_box));
	return -1;
}

static void
send_more(struct works *w)
{
	while (w->sent < w->to_send) {
		struct letter *m = letter_new(w->sent + 1);
		int r = actor_send(w->a, &m->mail);

		if (r < 0) {
			assert_int_equal(r, -EAGAIN);
			free(m);
			return;
		}
		w->sent++;
	}
}

static void
on_reply(void *ctx, struct mail *mail)
{
	struct works *w = ctx;
	struct letter *m = container_of(mail, struct letter, mail);

	w->ordered = w->ordered && m->n == w->replies + 1;
	w->replies++;
	if (w->send_in_reply) {
		assert_int_equal(actor_send(w->a, &m->mail), -ESHUTDOWN);
		w->send_in_reply = false;
	}
	free(m);
	if (w->free_in_reply) {
		struct actor *a = w->a;

		w->free_in_reply = false;
		w->send_in_reply = true;
		actor_free(a);
	}
}

static void
on_room(void *ctx)
{
	struct works *w = ctx;

	w->rooms++;
	send_more(w);
}

static void
setup_lingering(struct works *w, bool is_virtual, uint32_t mails_max, uint32_t linger_us)
{
	struct actor_conf conf = {.name = "test-actor",
	    .mails_max = mails_max,
	    .linger_us = linger_us,
	    .ctx = w,
	    .handle = on_handle,
	    .idle = on_idle,
	    .on_reply = on_reply,
	    .on_room = on_room};

	*w = (struct works){.in_order = true, .ordered = true};
	list_init(&w->held);
	assert_int_equal(pthread_mutex_init(&w->gate, NULL), 0);
	trace_init(&w->tr, is_virtual);
	assert_int_equal(actor_new(w->tr.l, &conf, &w->a), 0);
	actor_check(w->a);
}

static void
setup(struct works *w, bool is_virtual, uint32_t mails_max)
{
	setup_lingering(w, is_virtual, mails_max, 0);
}

static void
teardown(struct works *w)
{
	loop_free(w->tr.l);
	pthread_mutex_destroy(&w->gate);
}

/* ---- the same on both kinds of loop ---- */

static void
replies_come_in_order_however_small_the_mailbox(bool is_virtual)
{
	struct works w;

	setup(&w, is_virtual, 3);
	w.to_send = 2000;
	send_more(&w);
	trace_run(&w.tr);
	assert_int_equal(w.handled, 2000);
	assert_true(w.in_order);
	assert_int_equal(w.replies, 2000);
	assert_true(w.ordered);
	assert_true(w.rooms > 0);
	assert_in_range(w.batches, 2000 / 3, 2000);
	assert_int_equal(actor_waiting(w.a), 0);
	actor_check(w.a);
	actor_free(w.a);
	teardown(&w);
}

static void
an_actor_with_nothing_to_do_does_not_keep_the_loop(bool is_virtual)
{
	struct works w;

	setup(&w, is_virtual, 10);
	trace_run(&w.tr);
	w.drop = true;
	w.to_send = 7;
	send_more(&w);
	trace_run(&w.tr); /* there is no reply, and yet it ends when all is handled */
	assert_int_equal(w.handled, 7);
	assert_int_equal(w.replies, 0);
	actor_free(w.a);
	teardown(&w);
}

static void
idle_commits_a_group_after_its_time_and_the_loop_waits_for_it(bool is_virtual)
{
	struct works w;
	int64_t before_ms, lost = lost_time_ms();

	setup(&w, is_virtual, 10);
	w.hold = true;
	w.commit_ms = 15;
	w.to_send = 5;
	before_ms = loop_now_ms(w.tr.l);
	send_more(&w);
	trace_run(&w.tr);
	assert_int_equal(w.replies, 5);
	assert_true(w.ordered);
	assert_false(w.saw_stopping);
	if (is_virtual)
		assert_int_equal(loop_now_ms(w.tr.l), before_ms + 15);
	else
		assert_in_range(loop_now_ms(w.tr.l), before_ms + 15,
		    before_ms + 5000 + lost_time_ms() - lost);
	actor_free(w.a);
	teardown(&w);
}

static void
freeing_handles_what_was_sent_and_delivers_the_replies(bool is_virtual)
{
	struct works w;

	setup(&w, is_virtual, 100);
	w.to_send = 100;
	send_more(&w);
	w.send_in_reply = true;
	/* Refused mail is the test's again; on_reply frees it. */
	actor_free(w.a);
	assert_int_equal(w.handled, 100);
	assert_int_equal(w.replies, 100);
	assert_true(w.ordered);
	assert_false(w.send_in_reply);
	trace_run(&w.tr);
	teardown(&w);
}

static void
freeing_lets_idle_do_what_it_was_holding_back(bool is_virtual)
{
	struct works w;

	setup(&w, is_virtual, 100);
	w.hold = true;
	w.commit_ms = 3600 * 1000;
	w.to_send = 4;
	send_more(&w);
	actor_free(w.a);
	assert_int_equal(w.replies, 4);
	assert_true(w.saw_stopping);
	teardown(&w);
}

static void
an_actor_may_be_freed_in_its_own_reply(bool is_virtual)
{
	struct works w;

	setup(&w, is_virtual, 100);
	w.to_send = 50;
	w.free_in_reply = true;
	send_more(&w);
	trace_run(&w.tr);
	assert_int_equal(w.handled, 50);
	assert_int_equal(w.replies, 50);
	assert_true(w.ordered);
	teardown(&w);
}

static void
an_actor_that_never_got_mail_is_freed_without_a_call(bool is_virtual)
{
	struct works w;

	setup(&w, is_virtual, 1);
	actor_free(w.a);
	assert_int_equal(w.batches + w.idles, 0);
	actor_free(NULL);
	teardown(&w);
}

#define BOTH(name)                                                                       \
	static void name##_with_a_thread(void **state)                                   \
	{                                                                                \
		(void)state;                                                             \
		name(false);                                                             \
	}                                                                                \
	static void name##_on_a_virtual_loop(void **state)                               \
	{                                                                                \
		(void)state;                                                             \
		name(true);                                                              \
	}

BOTH(replies_come_in_order_however_small_the_mailbox)
BOTH(an_actor_with_nothing_to_do_does_not_keep_the_loop)
BOTH(idle_commits_a_group_after_its_time_and_the_loop_waits_for_it)
BOTH(freeing_handles_what_was_sent_and_delivers_the_replies)
BOTH(freeing_lets_idle_do_what_it_was_holding_back)
BOTH(an_actor_may_be_freed_in_its_own_reply)
BOTH(an_actor_that_never_got_mail_is_freed_without_a_call)

/* ---- with a thread only ---- */

static void
a_full_mailbox_refuses_and_tells_once_when_there_is_room(void **state)
{
	struct works w;
	struct letter *first = letter_new(1), *extra = letter_new(99);

	(void)state;
	setup(&w, false, 4);
	pthread_mutex_lock(&w.gate);
	assert_int_equal(actor_send(w.a, &first->mail), 0);
	w.sent = 1;
	while (actor_waiting(w.a) > 0)
		usleep(500); /* until the thread has taken it and stands at the gate */
	w.to_send = 5;
	send_more(&w);
	assert_int_equal(w.sent, 5);
	assert_int_equal(actor_waiting(w.a), 4);
	assert_int_equal(actor_send(w.a, &extra->mail), -EAGAIN);
	assert_int_equal(actor_send(w.a, &extra->mail), -EAGAIN);
	actor_check(w.a);
	free(extra);
	pthread_mutex_unlock(&w.gate);
	trace_run(&w.tr);
	assert_int_equal(w.replies, 5);
	assert_int_equal(w.rooms, 1);
	assert_int_equal(w.batches, 2); /* what waited came as one batch */
	actor_free(w.a);
	teardown(&w);
}

static void
what_comes_while_it_lingers_is_handled_together(void **state)
{
	struct works w;
	int64_t lost;
	int tries = 0;

	(void)state;
	for (;;) {
		lost = lost_time_ms();
		setup_lingering(&w, false, 10, 900000);
		while (w.to_send < 6) {
			w.to_send++;
			send_more(&w);
			/* Without lingering each would be handled alone. */
			(void)usleep(5000);
		}
		trace_run(&w.tr);
		assert_int_equal(w.replies, 6);
		assert_true(w.ordered);
		/* Anew where the machine made them come that far apart. */
		if (w.batches <= 2 || !lost_time_again(lost, 400, &tries))
			break;
		actor_free(w.a);
		teardown(&w);
	}
	assert_in_range(w.batches, 1, 2);
	w.to_send = 7;
	send_more(&w);
	actor_free(w.a); /* does not wait for more, and forgets nothing */
	assert_int_equal(w.replies, 7);
	teardown(&w);
}

static void
its_thread_is_another_one_and_takes_no_signals(void **state)
{
	struct works w;

	(void)state;
	setup(&w, false, 4);
	w.to_send = 1;
	send_more(&w);
	trace_run(&w.tr);
	assert_false(pthread_equal(w.self, pthread_self()));
	assert_true(w.signals_blocked);
	actor_free(w.a);
	teardown(&w);
}

static void
idle_is_not_called_without_need(void **state)
{
	struct works w;

	(void)state;
	setup(&w, false, 4);
	w.to_send = 1;
	send_more(&w);
	trace_run(&w.tr);
	usleep(20000);
	actor_free(w.a);
	assert_int_equal(w.idles, 1);
	teardown(&w);
}

/* ---- on a virtual loop only ---- */

static void
virtually_handle_and_reply_are_a_turn_apart(void **state)
{
	struct works w;

	(void)state;
	setup(&w, true, 2);
	w.to_send = 3;
	send_more(&w);
	assert_int_equal(w.sent, 2);
	assert_int_equal(w.handled, 0);
	assert_int_equal(actor_waiting(w.a), 2);
	actor_check(w.a);
	trace_run(&w.tr);
	assert_int_equal(w.rooms, 1);
	assert_int_equal(w.replies, 3);
	assert_int_equal(w.batches, 2);
	assert_int_equal(w.idles, 2);
	assert_int_equal(loop_now_ms(w.tr.l), 1000);
	actor_free(w.a);
	teardown(&w);
}

static void
on_send_more(void *ctx)
{
	send_more(ctx);
}

static void
room_taken_before_it_was_told_is_told_later(void **state)
{
	struct works w;
	struct later faster;

	(void)state;
	setup(&w, true, 2);
	w.to_send = 5;
	send_more(&w); /* two, and one refused */
	later_init(&faster, w.tr.l, on_send_more, &w);
	later_start(&faster); /* runs after the box was emptied, before on_room */
	trace_run(&w.tr);
	assert_int_equal(w.replies, 5);
	assert_true(w.ordered);
	assert_int_equal(w.rooms, 1);
	actor_free(w.a);
	teardown(&w);
}

#define TEST_BOTH(name)                                                                  \
	cmocka_unit_test(name##_with_a_thread), cmocka_unit_test(name##_on_a_virtual_loop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST_BOTH(replies_come_in_order_however_small_the_mailbox),
	    TEST_BOTH(an_actor_with_nothing_to_do_does_not_keep_the_loop),
	    TEST_BOTH(idle_commits_a_group_after_its_time_and_the_loop_waits_for_it),
	    TEST_BOTH(freeing_handles_what_was_sent_and_delivers_the_replies),
	    TEST_BOTH(freeing_lets_idle_do_what_it_was_holding_back),
	    TEST_BOTH(an_actor_may_be_freed_in_its_own_reply),
	    TEST_BOTH(an_actor_that_never_got_mail_is_freed_without_a_call),
	    cmocka_unit_test(a_full_mailbox_refuses_and_tells_once_when_there_is_room),
	    cmocka_unit_test(what_comes_while_it_lingers_is_handled_together),
	    cmocka_unit_test(its_thread_is_another_one_and_takes_no_signals),
	    cmocka_unit_test(idle_is_not_called_without_need),
	    cmocka_unit_test(virtually_handle_and_reply_are_a_turn_apart),
	    cmocka_unit_test(room_taken_before_it_was_told_is_told_later),
	};

	return cmocka_run_group_tests_name("loop/actor", tests, NULL, NULL);
}
