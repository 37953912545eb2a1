#include "loop/scope.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loop_trace.h"

/* How a task takes being cancelled. */
enum manner { AT_ONCE, LATER, TAKES_OTHER, CANCELS_SCOPE, ADDS_ANOTHER };

struct job {
	struct scope_task task;
	struct later end; /* LATER */
	struct fixture *f;
	struct scope *s;
	struct job *other;
	char letter;
	enum manner manner;
	int cancels;
};

struct node {
	struct scope s;
	struct fixture *f;
	char letter;
	int ends;
	enum scope_cause cause;
};

struct fixture {
	struct trace tr;
	struct node n[4];
	struct job j[6];
};

static void
on_end(void *ctx, enum scope_cause cause)
{
	struct node *n = ctx;

	n->ends++;
	n->cause = cause;
	trace_add(&n->f->tr, n->letter);
	scope_check(&n->s);
}

static void
on_job_end(void *ctx)
{
	struct job *j = ctx;

	scope_task_done(&j->task);
}

static void
on_cancel(void *ctx)
{
	struct job *j = ctx;

	j->cancels++;
	trace_add(&j->f->tr, j->letter);
	switch (j->manner) {
	case LATER:
		later_start(&j->end);
		return;
	case TAKES_OTHER:
		scope_task_done(&j->other->task);
		break;
	case CANCELS_SCOPE:
		scope_cancel(j->s);
		break;
	case ADDS_ANOTHER:
		assert_int_equal(
		    scope_add(j->s, &j->other->task, on_cancel, j->other), -ECANCELED);
		break;
	case AT_ONCE:
		break;
	}
	scope_task_done(&j->task);
	scope_task_done(&j->task);
}

/* Scopes are A, B, ...; jobs a, b, ... */
static void
setup(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	trace_init(&f->tr, true);
	for (size_t i = 0; i < 4; i++) {
		f->n[i].f = f;
		f->n[i].letter = (char)('A' + i);
	}
	for (size_t i = 0; i < 6; i++) {
		f->j[i].f = f;
		f->j[i].letter = (char)('a' + i);
		later_init(&f->j[i].end, f->tr.l, on_job_end, &f->j[i]);
	}
}

static void
scope_start(struct fixture *f, size_t i, struct scope *parent)
{
	scope_init(&f->n[i].s, f->tr.l, parent, on_end, &f->n[i]);
	scope_check(&f->n[i].s);
}

static void
job_start(struct fixture *f, size_t i, size_t scope, enum manner manner)
{
	f->j[i].manner = manner;
	f->j[i].s = &f->n[scope].s;
	assert_int_equal(
	    scope_add(&f->n[scope].s, &f->j[i].task, on_cancel, &f->j[i]), 0);
	scope_check(&f->n[scope].s);
}

static void
closed_it_ends_when_the_last_task_is_done(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	scope_start(&f, 0, NULL);
	job_start(&f, 0, 0, AT_ONCE);
	job_start(&f, 1, 0, AT_ONCE);
	scope_task_done(&f.j[0].task);
	scope_close(&f.n[0].s);
	scope_close(&f.n[0].s);
	trace_run(&f.tr);
	assert_int_equal(f.n[0].ends, 0);
	assert_int_equal(
	    scope_add(&f.n[0].s, &f.j[2].task, on_cancel, &f.j[2]), -ECANCELED);
	scope_task_done(&f.j[2].task); /* never was on it */
	scope_task_done(&f.j[1].task);
	scope_task_done(&f.j[1].task);
	assert_int_equal(f.n[0].ends, 0); /* deferred */
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "A");
	assert_int_equal(f.n[0].cause, SCOPE_CLOSED);
	scope_cancel(&f.n[0].s);
	scope_close(&f.n[0].s);
	trace_run(&f.tr);
	assert_int_equal(f.n[0].ends, 1);
	loop_free(f.tr.l);
}

static void
an_empty_scope_ends_in_the_next_turn_once_closed(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	scope_start(&f, 0, NULL);
	trace_run(&f.tr);
	assert_int_equal(f.n[0].ends, 0);
	scope_close(&f.n[0].s);
	scope_cancel(&f.n[0].s); /* there is nothing left to cancel */
	scope_check(&f.n[0].s);
	trace_run(&f.tr);
	assert_int_equal(f.n[0].ends, 1);
	assert_int_equal(f.n[0].cause, SCOPE_CLOSED);
	loop_free(f.tr.l);
}

static void
cancelled_it_cancels_the_newest_task_first(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	scope_start(&f, 0, NULL);
	for (size_t i = 0; i < 4; i++)
		job_start(&f, i, 0, AT_ONCE);
	scope_cancel(&f.n[0].s);
	scope_cancel(&f.n[0].s);
	assert_string_equal(f.tr.text, "dcba");
	scope_check(&f.n[0].s);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "dcbaA");
	assert_int_equal(f.n[0].cause, SCOPE_CANCELLED);
	loop_free(f.tr.l);
}

static void
it_waits_for_tasks_that_take_their_time_to_end(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	scope_start(&f, 0, NULL);
	job_start(&f, 0, 0, LATER);
	job_start(&f, 1, 0, AT_ONCE); /* done first: for a moment nothing is left */
	job_start(&f, 2, 0, AT_ONCE);
	scope_cancel(&f.n[0].s);
	later_stop(&f.j[0].end);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "cba");
	scope_cancel(&f.n[0].s);
	assert_int_equal(f.j[0].cancels, 1);
	scope_check(&f.n[0].s);
	scope_task_done(&f.j[0].task);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "cbaA");
	loop_free(f.tr.l);
}

static void
a_cancel_function_may_end_others_cancel_again_and_add_nothing(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	scope_start(&f, 0, NULL);
	job_start(&f, 0, 0, AT_ONCE);
	job_start(&f, 1, 0, CANCELS_SCOPE);
	job_start(&f, 2, 0, ADDS_ANOTHER);
	f.j[2].other = &f.j[5];
	job_start(&f, 3, 0, TAKES_OTHER);
	f.j[3].other = &f.j[0];
	scope_cancel(&f.n[0].s);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "dcbA");
	assert_int_equal(f.j[0].cancels, 0);
	assert_int_equal(f.j[1].cancels, 1);
	loop_free(f.tr.l);
}

static void
a_tree_is_cancelled_from_the_top_and_ends_from_the_bottom(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	scope_start(&f, 0, NULL);
	job_start(&f, 0, 0, AT_ONCE);
	scope_start(&f, 1, &f.n[0].s);
	job_start(&f, 1, 1, LATER);
	scope_start(&f, 2, &f.n[1].s);
	job_start(&f, 2, 2, AT_ONCE);
	scope_start(&f, 3, &f.n[0].s);
	job_start(&f, 3, 0, AT_ONCE);
	scope_cancel(&f.n[0].s);
	assert_string_equal(f.tr.text, "dcba");
	trace_run(&f.tr);
	/* D (the empty newest) and C end at once, B waits for b, A for all. */
	assert_string_equal(f.tr.text, "dcbaDCBA");
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(f.n[i].ends, 1);
		assert_int_equal(f.n[i].cause, SCOPE_CANCELLED);
	}
	loop_free(f.tr.l);
}

static void
cancelling_a_child_leaves_the_rest_alone(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	scope_start(&f, 0, NULL);
	job_start(&f, 0, 0, AT_ONCE);
	scope_start(&f, 1, &f.n[0].s);
	job_start(&f, 1, 1, AT_ONCE);
	scope_cancel(&f.n[1].s);
	scope_close(&f.n[0].s);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "bB");
	assert_int_equal(f.j[0].cancels, 0);
	scope_check(&f.n[0].s);
	scope_task_done(&f.j[0].task);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "bBA");
	assert_int_equal(f.n[0].cause, SCOPE_CLOSED);
	loop_free(f.tr.l);
}

static void
a_scope_born_into_a_cancelled_one_is_cancelled_at_once(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	scope_start(&f, 0, NULL);
	job_start(&f, 0, 0, LATER);
	assert_int_equal(scope_deadline(&f.n[0].s, 5), 0);
	assert_int_equal(loop_run(f.tr.l), -EDEADLK);
	assert_int_equal(f.n[0].cause, SCOPE_DEADLINE);
	scope_start(&f, 1, &f.n[0].s);
	assert_int_equal(
	    scope_add(&f.n[1].s, &f.j[1].task, on_cancel, &f.j[1]), -ECANCELED);
	trace_run(&f.tr);
	assert_int_equal(f.n[1].ends, 1);
	assert_int_equal(f.n[1].cause, SCOPE_DEADLINE);
	/* Into one that is only closed likewise. */
	scope_start(&f, 2, NULL);
	scope_close(&f.n[2].s);
	scope_start(&f, 3, &f.n[2].s);
	trace_run(&f.tr);
	assert_int_equal(f.n[2].cause, SCOPE_CLOSED);
	assert_int_equal(f.n[3].ends, 1);
	assert_int_equal(f.n[3].cause, SCOPE_CANCELLED);
	loop_free(f.tr.l);
}

static void
a_deadline_cancels_the_tree_and_children_learn_the_cause(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	scope_start(&f, 0, NULL);
	scope_start(&f, 1, &f.n[0].s);
	job_start(&f, 0, 1, AT_ONCE);
	assert_int_equal(scope_deadline(&f.n[0].s, 2500), 0);
	scope_check(&f.n[0].s);
	trace_run(&f.tr);
	assert_int_equal(loop_now_ms(f.tr.l), 3500);
	assert_string_equal(f.tr.text, "aBA");
	assert_int_equal(f.n[0].cause, SCOPE_DEADLINE);
	assert_int_equal(f.n[1].cause, SCOPE_DEADLINE);
	assert_int_equal(scope_deadline(&f.n[0].s, 0), 0); /* over: nothing happens */
	trace_run(&f.tr);
	assert_int_equal(f.n[0].ends, 1);
	loop_free(f.tr.l);
}

static void
a_deadline_at_zero_cancels_in_the_next_turn(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	scope_start(&f, 0, NULL);
	job_start(&f, 0, 0, AT_ONCE);
	assert_int_equal(scope_deadline(&f.n[0].s, 0), 0);
	assert_int_equal(f.j[0].cancels, 0);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "aA");
	assert_int_equal(loop_now_ms(f.tr.l), 1000);
	assert_int_equal(f.n[0].cause, SCOPE_DEADLINE);
	loop_free(f.tr.l);
}

static void
of_two_deadlines_the_sooner_wins(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	scope_start(&f, 0, NULL);
	job_start(&f, 0, 0, AT_ONCE);
	assert_int_equal(scope_deadline(&f.n[0].s, 100), 0);
	assert_int_equal(scope_deadline(&f.n[0].s, 500), 0);
	assert_int_equal(scope_deadline(&f.n[0].s, INT64_MAX), 0);
	trace_run(&f.tr);
	assert_int_equal(loop_now_ms(f.tr.l), 1100);
	loop_free(f.tr.l);

	setup(&f);
	scope_start(&f, 0, NULL);
	job_start(&f, 0, 0, AT_ONCE);
	assert_int_equal(scope_deadline(&f.n[0].s, INT64_MAX), 0);
	assert_int_equal(scope_deadline(&f.n[0].s, 500), 0);
	assert_int_equal(scope_deadline(&f.n[0].s, -3), 0);
	trace_run(&f.tr);
	assert_int_equal(loop_now_ms(f.tr.l), 1000);
	assert_int_equal(f.n[0].cause, SCOPE_DEADLINE);
	loop_free(f.tr.l);
}

static void
a_scope_that_ended_in_time_does_not_keep_its_deadline(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	scope_start(&f, 0, NULL);
	job_start(&f, 0, 0, AT_ONCE);
	assert_int_equal(scope_deadline(&f.n[0].s, 60000), 0);
	scope_close(&f.n[0].s);
	scope_task_done(&f.j[0].task);
	trace_run(&f.tr);
	assert_int_equal(loop_now_ms(f.tr.l), 1000);
	assert_int_equal(f.n[0].cause, SCOPE_CLOSED);
	assert_int_equal(f.j[0].cancels, 0);
	loop_free(f.tr.l);
}

static void
on_end_free(void *ctx, enum scope_cause cause)
{
	assert_int_equal(cause, SCOPE_CANCELLED);
	free(ctx);
}

static void
a_scope_may_be_freed_in_its_on_end(void **state)
{
	struct fixture f;
	struct scope *child = calloc(1, sizeof(*child));

	(void)state;
	assert_non_null(child);
	setup(&f);
	scope_start(&f, 0, NULL);
	scope_init(child, f.tr.l, &f.n[0].s, on_end_free, child);
	scope_cancel(&f.n[0].s);
	trace_run(&f.tr);
	assert_int_equal(f.n[0].ends, 1);
	loop_free(f.tr.l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(closed_it_ends_when_the_last_task_is_done),
	    cmocka_unit_test(an_empty_scope_ends_in_the_next_turn_once_closed),
	    cmocka_unit_test(cancelled_it_cancels_the_newest_task_first),
	    cmocka_unit_test(it_waits_for_tasks_that_take_their_time_to_end),
	    cmocka_unit_test(
		a_cancel_function_may_end_others_cancel_again_and_add_nothing),
	    cmocka_unit_test(a_tree_is_cancelled_from_the_top_and_ends_from_the_bottom),
	    cmocka_unit_test(cancelling_a_child_leaves_the_rest_alone),
	    cmocka_unit_test(a_scope_born_into_a_cancelled_one_is_cancelled_at_once),
	    cmocka_unit_test(a_deadline_cancels_the_tree_and_children_learn_the_cause),
	    cmocka_unit_test(a_deadline_at_zero_cancels_in_the_next_turn),
	    cmocka_unit_test(of_two_deadlines_the_sooner_wins),
	    cmocka_unit_test(a_scope_that_ended_in_time_does_not_keep_its_deadline),
	    cmocka_unit_test(a_scope_may_be_freed_in_its_on_end),
	};

	return cmocka_run_group_tests_name("loop/scope", tests, NULL, NULL);
}
