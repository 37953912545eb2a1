/*
 * tests/unit/loop_trace.h -- a loop and the order in which callbacks ran, a letter each.
 *
 * For the tests of loop/.  Include after cmocka.h.
 */
#ifndef TESTS_LOOP_TRACE_H
#define TESTS_LOOP_TRACE_H
#include "loop/loop.h"

#define TRACE_WALL_US INT64_C(1700000000000000)

struct trace {
	struct loop *l;
	size_t len;
	char text[128];
};

static inline void
trace_add(struct trace *tr, char c)
{
	assert_true(tr->len < sizeof(tr->text) - 1);
	tr->text[tr->len++] = c;
	tr->text[tr->len] = '\0';
}

static inline void
trace_init(struct trace *tr, bool is_virtual)
{
	*tr = (struct trace){0};
	if (is_virtual)
		assert_int_equal(loop_new_virtual(TRACE_WALL_US, &tr->l), 0);
	else
		assert_int_equal(loop_new(&tr->l), 0);
}

/* Runs until nothing is left that could call back. */
static inline void
trace_run(struct trace *tr)
{
	assert_int_equal(loop_run(tr->l), -EDEADLK);
	loop_check(tr->l);
}
#endif
