#include "loop/gather.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "loop_trace.h"

struct end {
	struct trace tr;
	struct gather g;
	int err;
};

static void
on_end(void *ctx, int err)
{
	struct end *e = ctx;

	trace_add(&e->tr, 'e');
	e->err = err;
}

static void
setup(struct end *e, uint32_t n)
{
	*e = (struct end){.err = 1};
	trace_init(&e->tr, true);
	gather_start(&e->g, e->tr.l, n, on_end, e);
}

static void
calls_once_when_the_last_is_done(void **state)
{
	struct end e;

	(void)state;
	setup(&e, 3);
	gather_done(&e.g, 0);
	gather_done(&e.g, 0);
	trace_run(&e.tr);
	assert_int_equal(e.tr.len, 0);
	gather_done(&e.g, 0);
	assert_int_equal(e.tr.len, 0); /* deferred */
	trace_run(&e.tr);
	assert_string_equal(e.tr.text, "e");
	assert_int_equal(e.err, 0);
	trace_run(&e.tr);
	assert_string_equal(e.tr.text, "e");
	loop_free(e.tr.l);
}

static void
of_nothing_ends_in_the_next_turn(void **state)
{
	struct end e;

	(void)state;
	setup(&e, 0);
	assert_int_equal(e.tr.len, 0);
	trace_run(&e.tr);
	assert_string_equal(e.tr.text, "e");
	assert_int_equal(e.err, 0);
	loop_free(e.tr.l);
}

static void
tells_the_first_error_and_still_waits_for_all(void **state)
{
	struct end e;

	(void)state;
	setup(&e, 3);
	gather_done(&e.g, 0);
	gather_done(&e.g, -EIO);
	trace_run(&e.tr);
	assert_int_equal(e.tr.len, 0);
	gather_done(&e.g, -ENOMEM);
	trace_run(&e.tr);
	assert_int_equal(e.err, -EIO);
	loop_free(e.tr.l);
}

static void
cancelled_it_never_calls_and_ignores_the_rest(void **state)
{
	struct end e;

	(void)state;
	setup(&e, 2);
	gather_done(&e.g, 0);
	gather_cancel(&e.g);
	gather_cancel(&e.g);
	for (int i = 0; i < 5; i++)
		gather_done(&e.g, -EIO);
	trace_run(&e.tr);
	assert_int_equal(e.tr.len, 0);
	loop_free(e.tr.l);

	setup(&e, 1);
	gather_done(&e.g, 0);
	gather_cancel(&e.g); /* the call is already queued */
	trace_run(&e.tr);
	assert_int_equal(e.tr.len, 0);
	loop_free(e.tr.l);

	setup(&e, 0);
	gather_cancel(&e.g);
	trace_run(&e.tr);
	assert_int_equal(e.tr.len, 0);
	loop_free(e.tr.l);
}

/* A gather of gathers, the way a caller builds a tree; freed by the last call. */
struct tree {
	struct trace *tr;
	struct gather g;
	struct gather *up;
};

static void
on_branch(void *ctx, int err)
{
	struct tree *t = ctx;

	trace_add(t->tr, 'b');
	if (t->up != NULL)
		gather_done(t->up, err);
	free(t);
}

static void
gathers_nest_and_may_be_freed_by_their_call(void **state)
{
	struct trace tr;
	struct tree *top = calloc(1, sizeof(*top)), *leaf[3];

	(void)state;
	assert_non_null(top);
	trace_init(&tr, true);
	top->tr = &tr;
	gather_start(&top->g, tr.l, 3, on_branch, top);
	for (int i = 0; i < 3; i++) {
		leaf[i] = calloc(1, sizeof(*leaf[i]));
		assert_non_null(leaf[i]);
		leaf[i]->tr = &tr;
		leaf[i]->up = &top->g;
		gather_start(&leaf[i]->g, tr.l, (uint32_t)i, on_branch, leaf[i]);
	}
	gather_done(&leaf[1]->g, 0);
	gather_done(&leaf[2]->g, 0);
	trace_run(&tr);
	assert_string_equal(tr.text, "bb");
	gather_done(&leaf[2]->g, 0);
	trace_run(&tr);
	assert_string_equal(tr.text, "bbbb");
	loop_free(tr.l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(calls_once_when_the_last_is_done),
	    cmocka_unit_test(of_nothing_ends_in_the_next_turn),
	    cmocka_unit_test(tells_the_first_error_and_still_waits_for_all),
	    cmocka_unit_test(cancelled_it_never_calls_and_ignores_the_rest),
	    cmocka_unit_test(gathers_nest_and_may_be_freed_by_their_call),
	};

	return cmocka_run_group_tests_name("loop/gather", tests, NULL, NULL);
}
