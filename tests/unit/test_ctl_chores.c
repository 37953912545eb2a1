#include "ctl/chores.h"
#include <errno.h>
#include <stdatomic.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

struct task {
	struct chore chore;
	struct loop *loop;
	atomic_bool *gate; /* works until it is true; NULL: not */
	int number;
	int *order, *n; /* numbers of those that are done */
	atomic_bool works;
};

static int
work(struct chore *c)
{
	struct task *t = container_of(c, struct task, chore);
	const struct timespec look = {.tv_nsec = 1000000};

	atomic_store(&t->works, true);
	while (t->gate != NULL && !atomic_load(t->gate))
		(void)nanosleep(&look, NULL);
	return t->number == 3 ? why_set(&c->why, -EIO, "the third fails") : 0;
}

static void
done(struct chore *c)
{
	struct task *t = container_of(c, struct task, chore);

	t->order[(*t->n)++] = t->number;
	if (*t->n == 4)
		loop_stop(t->loop);
}

static void
fill(struct task *tasks, size_t len, struct loop *l, int *order, int *n)
{
	for (size_t i = 0; i < len; i++) {
		tasks[i] = (struct task){.loop = l,
		    .number = (int)i + 1,
		    .order = order,
		    .n = n,
		    .chore = {.work = work, .done = done}};
	}
}

static void
chores_are_done_in_order_and_told_on_the_loop(void **state)
{
	struct chores *c;
	struct loop *l;
	struct task tasks[4];
	int order[4], n = 0;

	(void)state;
	assert_int_equal(loop_new(&l), 0);
	assert_int_equal(chores_new(l, "test", 8, &c), 0);
	fill(tasks, 4, l, order, &n);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(chores_send(c, &tasks[i].chore), 0);
	assert_int_equal(n, 0);
	assert_int_equal(loop_run(l), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(order[i], i + 1);
	assert_int_equal(tasks[2].chore.err, -EIO);
	assert_string_equal(tasks[2].chore.why.text, "the third fails");
	assert_int_equal(tasks[3].chore.err, 0);
	chores_free(c);
	loop_free(l);
}

static void
no_more_wait_than_may(void **state)
{
	struct chores *c;
	struct loop *l;
	struct task tasks[8];
	atomic_bool gate = false;
	int order[8], n = 0, sent = 0, r = 0;

	(void)state;
	assert_int_equal(loop_new(&l), 0);
	assert_int_equal(chores_new(l, "test", 4, &c), 0);
	fill(tasks, 8, l, order, &n);
	tasks[0].gate = &gate;
	for (; sent < 8 && r == 0; sent += r == 0)
		r = chores_send(c, &tasks[sent].chore);
	assert_int_equal(r, -EAGAIN);
	assert_true(sent >= 4);
	assert_true(chores_are_busy(c));
	atomic_store(&gate, true);
	chores_free(c);
	assert_int_equal(n, sent);
	loop_free(l);
}

static void
who_quits_waits_for_the_one_at_work_and_begins_no_other(void **state)
{
	struct chores *c;
	struct loop *l;
	struct task tasks[2];
	atomic_bool gate = false;
	int order[2], n = 0;

	(void)state;
	assert_int_equal(loop_new(&l), 0);
	assert_int_equal(chores_new(l, "test", 4, &c), 0);
	fill(tasks, 2, l, order, &n);
	tasks[0].gate = &gate;
	assert_int_equal(chores_send(c, &tasks[0].chore), 0);
	assert_int_equal(chores_send(c, &tasks[1].chore), 0);
	while (!atomic_load(&tasks[0].works))
		;
	assert_false(chores_quit(c, 30));
	atomic_store(&gate, true);
	assert_true(chores_quit(c, 5000));
	chores_free(c);
	assert_int_equal(n, 2);
	assert_int_equal(tasks[0].chore.err, 0);
	assert_int_equal(tasks[1].chore.err, -ESHUTDOWN);
	assert_false(tasks[1].works);
	loop_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(chores_are_done_in_order_and_told_on_the_loop),
	    cmocka_unit_test(no_more_wait_than_may),
	    cmocka_unit_test(who_quits_waits_for_the_one_at_work_and_begins_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
