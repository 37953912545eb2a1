#include "loop/pqueue.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loop_trace.h"

struct job {
	struct pqueue_item item;
	char letter;
};

struct fixture;
struct worker {
	struct pqueue_getter g;
	struct fixture *f;
	struct worker *cancels;
	int again; /* gets so many more */
};

struct fixture {
	struct trace tr;
	struct pqueue q;
	struct job jobs[26];
	struct worker w[4];
	int rooms;
};

static void
on_room(void *ctx)
{
	struct fixture *f = ctx;

	f->rooms++;
	pqueue_check(&f->q);
}

static void
on_item(void *ctx, struct pqueue_item *item)
{
	struct worker *w = ctx;

	trace_add(&w->f->tr, container_of(item, struct job, item)->letter);
	assert_null(w->g.queue);
	if (w->cancels != NULL)
		pqueue_get_cancel(&w->cancels->g);
	if (w->again-- > 0)
		pqueue_get_start(&w->f->q, &w->g, on_item, w);
	pqueue_check(&w->f->q);
}

static void
setup(struct fixture *f, uint32_t items_max)
{
	memset(f, 0, sizeof(*f));
	trace_init(&f->tr, true);
	pqueue_init(&f->q, f->tr.l, items_max, on_room, f);
	for (size_t i = 0; i < 26; i++) {
		f->jobs[i].letter = (char)('a' + i);
		pqueue_item_init(&f->jobs[i].item);
	}
	for (size_t i = 0; i < 4; i++)
		f->w[i].f = f;
}

static void
put(struct fixture *f, size_t i, uint64_t key)
{
	assert_int_equal(pqueue_put(&f->q, &f->jobs[i].item, key), 0);
	pqueue_check(&f->q);
}

static void
get(struct fixture *f, size_t i, int again)
{
	f->w[i].again = again;
	pqueue_get_start(&f->q, &f->w[i].g, on_item, &f->w[i]);
	pqueue_check(&f->q);
}

static void
teardown(struct fixture *f)
{
	for (size_t i = 0; i < 4; i++)
		pqueue_get_cancel(&f->w[i].g);
	pqueue_release(&f->q);
	loop_free(f->tr.l);
}

static void
gives_the_least_first_and_equals_in_order(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 26);
	put(&f, 0, 5);
	put(&f, 1, 3);
	put(&f, 2, 5);
	put(&f, 3, 3);
	put(&f, 4, UINT64_MAX);
	put(&f, 5, 0);
	get(&f, 0, 5);
	assert_int_equal(f.tr.len, 0);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "fbdace");
	assert_int_equal(pqueue_len(&f.q), 0);
	teardown(&f);
}

static void
a_getter_waits_while_it_is_empty_and_takes_what_is_least_then(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 26);
	get(&f, 0, 0);
	trace_run(&f.tr);
	assert_int_equal(f.tr.len, 0);
	put(&f, 0, 9);
	put(&f, 1, 1); /* in the same turn, and less */
	assert_int_equal(f.tr.len, 0);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "b");
	assert_int_equal(pqueue_len(&f.q), 1);
	teardown(&f);
}

static void
getters_are_served_in_the_order_they_came(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 26);
	get(&f, 2, 0);
	get(&f, 0, 0);
	get(&f, 1, 0);
	for (size_t i = 0; i < 2; i++)
		put(&f, i, i);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "ab");
	assert_null(f.w[2].g.queue);
	assert_null(f.w[0].g.queue);
	assert_non_null(f.w[1].g.queue);
	teardown(&f);
}

static void
one_that_gets_again_goes_behind_those_who_wait(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 26);
	get(&f, 0, 9);
	get(&f, 1, 0);
	get(&f, 2, 0);
	put(&f, 0, 0); /* one item, three getters: two stay in front of the first */
	trace_run(&f.tr);
	put(&f, 1, 0);
	put(&f, 2, 0);
	trace_run(&f.tr);
	assert_null(f.w[1].g.queue);
	assert_null(f.w[2].g.queue);
	assert_non_null(f.w[0].g.queue);
	assert_string_equal(f.tr.text, "abc");
	teardown(&f);
}

static void
a_cancelled_getter_gets_nothing_and_the_item_stays(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 26);
	get(&f, 0, 0);
	put(&f, 0, 0);
	pqueue_get_cancel(&f.w[0].g);
	pqueue_get_cancel(&f.w[0].g);
	trace_run(&f.tr);
	assert_int_equal(f.tr.len, 0);
	assert_int_equal(pqueue_len(&f.q), 1);
	/* In the callback of another, with an item there for both. */
	put(&f, 1, 1);
	f.w[1].cancels = &f.w[2];
	get(&f, 1, 0);
	get(&f, 2, 0);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "a");
	assert_int_equal(pqueue_len(&f.q), 1);
	pqueue_check(&f.q);
	teardown(&f);
}

static void
full_it_refuses_and_tells_once_there_is_room(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 2);
	put(&f, 0, 0);
	put(&f, 1, 1);
	trace_run(&f.tr);
	assert_int_equal(f.rooms, 0);
	assert_int_equal(pqueue_put(&f.q, &f.jobs[2].item, 2), -ENOSPC);
	assert_int_equal(pqueue_put(&f.q, &f.jobs[2].item, 2), -ENOSPC);
	trace_run(&f.tr);
	assert_int_equal(f.rooms, 0);
	get(&f, 0, 0);
	assert_int_equal(f.rooms, 0);
	trace_run(&f.tr);
	assert_int_equal(f.rooms, 1);
	get(&f, 0, 0);
	trace_run(&f.tr);
	assert_int_equal(f.rooms, 1); /* nobody was refused since */
	teardown(&f);
}

static void
room_taken_by_somebody_faster_is_told_later(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 1);
	put(&f, 0, 0);
	assert_int_equal(pqueue_put(&f.q, &f.jobs[1].item, 0), -ENOSPC);
	pqueue_remove(&f.q, &f.jobs[0].item);
	pqueue_remove(&f.q, &f.jobs[0].item);
	put(&f, 2, 0);
	trace_run(&f.tr);
	assert_int_equal(f.rooms, 0);
	pqueue_remove(&f.q, &f.jobs[2].item);
	trace_run(&f.tr);
	assert_int_equal(f.rooms, 1);
	teardown(&f);
}

static void
a_removed_item_is_not_delivered(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 26);
	put(&f, 0, 0);
	put(&f, 1, 1);
	get(&f, 0, 1);
	pqueue_remove(&f.q, &f.jobs[0].item);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "b");
	assert_non_null(f.w[0].g.queue);
	teardown(&f);
}

static void
on_item_release(void *ctx, struct pqueue_item *item)
{
	struct worker *w = ctx;
	struct fixture *f = w->f;

	trace_add(&f->tr, container_of(item, struct job, item)->letter);
	pqueue_release(&f->q);
	memset(&f->q, 0xa5, sizeof(f->q));
}

static void
the_last_getter_may_release_the_queue_in_its_callback(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 1);
	put(&f, 0, 0);
	assert_int_equal(pqueue_put(&f.q, &f.jobs[1].item, 0), -ENOSPC);
	pqueue_get_start(&f.q, &f.w[0].g, on_item_release, &f.w[0]);
	trace_run(&f.tr);
	assert_string_equal(f.tr.text, "a");
	assert_int_equal(f.rooms, 0);
	loop_free(f.tr.l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gives_the_least_first_and_equals_in_order),
	    cmocka_unit_test(
		a_getter_waits_while_it_is_empty_and_takes_what_is_least_then),
	    cmocka_unit_test(getters_are_served_in_the_order_they_came),
	    cmocka_unit_test(one_that_gets_again_goes_behind_those_who_wait),
	    cmocka_unit_test(a_cancelled_getter_gets_nothing_and_the_item_stays),
	    cmocka_unit_test(full_it_refuses_and_tells_once_there_is_room),
	    cmocka_unit_test(room_taken_by_somebody_faster_is_told_later),
	    cmocka_unit_test(a_removed_item_is_not_delivered),
	    cmocka_unit_test(the_last_getter_may_release_the_queue_in_its_callback),
	};

	return cmocka_run_group_tests_name("loop/pqueue", tests, NULL, NULL);
}
