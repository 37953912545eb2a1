/* Out of memory at each allocation of the loop's own in turn (libev's are libev's). */
#include "loop/actor.h"
#include "loop/loop.h"
#include "loop/pqueue.h"
#include "loop/scope.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_fail.h"

#define NONE ((void *)-1) /* an output that was not touched */

static void
on_nothing(void *ctx)
{
	(void)ctx;
}

static void
on_no_io(void *ctx, int events)
{
	(void)ctx;
	(void)events;
}

static void
drop_mails(void *ctx, struct list *mails)
{
	int *n = ctx;

	while (list_pop(mails) != NULL)
		(*n)++;
}

static struct loop *
loop_or_null(bool is_virtual)
{
	struct loop *l = NONE;
	int r = is_virtual ? loop_new_virtual(0, &l) : loop_new(&l);

	if (r == 0)
		return l;
	assert_int_equal(r, -ENOMEM);
	assert_ptr_equal(l, NONE);
	return NULL;
}

static void
handles_are_made_whole_or_not_at_all(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct loop *l = loop_or_null(false);
		struct io *io = NONE;
		struct sig *s = NONE;
		struct wake *w = NONE;

		if (l == NULL)
			continue;
		if (io_new(l, STDIN_FILENO, on_no_io, NULL, &io) < 0) {
			assert_ptr_equal(io, NONE);
			io = NULL;
		}
		if (sig_new(l, SIGUSR1, on_nothing, NULL, &s) < 0) {
			assert_ptr_equal(s, NONE);
			/* The number is free again. */
			assert_int_equal(sig_new(l, SIGUSR1, on_nothing, NULL, &s), 0);
		}
		if (wake_new(l, on_nothing, NULL, &w) < 0) {
			assert_ptr_equal(w, NONE);
			w = NULL;
		}
		loop_check(l);
		assert_int_equal(loop_run(l), -EDEADLK);
		io_free(io);
		sig_free(s);
		wake_free(w);
		loop_free(l);
	}
	assert_false(alloc_fail.failed);
}

static void
a_timer_without_memory_is_not_running(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct loop *l = loop_or_null(true);
		struct timer t[100];
		struct scope s;

		if (l == NULL)
			continue;
		for (size_t i = 0; i < 100; i++) {
			int r;

			timer_init(&t[i], l, on_nothing, NULL);
			r = timer_start(&t[i], (int64_t)i);
			assert_true(r == 0 || r == -ENOMEM);
			assert_int_equal(timer_is_running(&t[i]), r == 0);
			/* To move one that runs takes no memory. */
			if (r == 0)
				assert_int_equal(
				    timer_start(&t[i], (int64_t)(100 - i)), 0);
		}
		scope_init(&s, l, NULL, NULL, NULL);
		if (scope_deadline(&s, 5) < 0)
			assert_int_equal(scope_deadline(&s, 7), 0);
		scope_check(&s);
		loop_check(l);
		assert_int_equal(loop_run(l), -EDEADLK);
		assert_true(s.ended);
		assert_int_equal(s.cause, SCOPE_DEADLINE);
		loop_free(l);
	}
	assert_false(alloc_fail.failed);
}

static void
an_item_without_memory_is_not_in_the_queue(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct loop *l = loop_or_null(true);
		struct pqueue_item items[50];
		struct pqueue q;
		uint32_t in = 0;

		if (l == NULL)
			continue;
		pqueue_init(&q, l, 50, NULL, NULL);
		for (size_t i = 0; i < 50; i++) {
			int r;

			pqueue_item_init(&items[i]);
			r = pqueue_put(&q, &items[i], i);
			assert_true(r == 0 || r == -ENOMEM);
			in += r == 0;
		}
		assert_int_equal(pqueue_len(&q), in);
		pqueue_check(&q);
		pqueue_release(&q);
		loop_free(l);
	}
	assert_false(alloc_fail.failed);
}

static void
an_actor_is_made_whole_or_not_at_all(void **state)
{
	(void)state;
	for (int is_virtual = 0; is_virtual < 2; is_virtual++) {
		for (int n = 0; alloc_fail_round(n); n++) {
			struct loop *l = loop_or_null(is_virtual);
			struct actor *a = NONE;
			struct mail m;
			int handled = 0, r;
			const struct actor_conf conf = {.name = "oom",
			    .mails_max = 2,
			    .ctx = &handled,
			    .handle = drop_mails};

			if (l == NULL)
				continue;
			r = actor_new(l, &conf, &a);
			if (r < 0) {
				assert_int_equal(r, -ENOMEM);
				assert_ptr_equal(a, NONE);
			} else {
				assert_int_equal(actor_send(a, &m), 0);
				assert_int_equal(loop_run(l), -EDEADLK);
				actor_free(a);
				assert_int_equal(handled, 1);
			}
			loop_free(l);
		}
		assert_false(alloc_fail.failed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(handles_are_made_whole_or_not_at_all),
	    cmocka_unit_test(a_timer_without_memory_is_not_running),
	    cmocka_unit_test(an_item_without_memory_is_not_in_the_queue),
	    cmocka_unit_test(an_actor_is_made_whole_or_not_at_all),
	};

	return cmocka_run_group_tests_name("loop/oom", tests, NULL, NULL);
}
