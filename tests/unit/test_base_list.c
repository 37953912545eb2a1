#include "base/list.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct item {
	int n;
	struct list on_list;
};

static void
items_init(struct item *v, int n)
{
	for (int i = 0; i < n; i++) {
		v[i].n = i;
		list_init(&v[i].on_list);
	}
}

/* The numbers on the list, forwards, which must be those backwards too. */
static void
check(const struct list *head, const char *want)
{
	char text[32] = "";
	size_t n = 0, back;

	list_foreach (it, head) {
		assert_true(n < sizeof(text) - 1);
		text[n++] = (char)('0' + container_of(it, struct item, on_list)->n);
	}
	assert_string_equal(text, want);
	back = n;
	for (struct list *it = head->prev; it != head; it = it->prev)
		assert_int_equal(
		    text[--back], '0' + container_of(it, struct item, on_list)->n);
	assert_int_equal(back, 0);
}

static void
keeps_the_order_of_both_ends(void **state)
{
	struct list head;
	struct item v[6];

	(void)state;
	items_init(v, 6);
	list_init(&head);
	assert_true(list_is_empty(&head));
	assert_null(list_pop(&head));
	list_push(&head, &v[0].on_list);
	list_push(&head, &v[1].on_list);
	list_push_front(&head, &v[2].on_list);
	list_insert(&v[0].on_list, &v[3].on_list);
	assert_false(list_is_empty(&head));
	check(&head, "2031");
	assert_ptr_equal(list_pop(&head), &v[2].on_list);
	check(&head, "031");
}

static void
removing_twice_is_harmless(void **state)
{
	struct list head;
	struct item v[3];

	(void)state;
	items_init(v, 3);
	list_init(&head);
	for (int i = 0; i < 3; i++)
		list_push(&head, &v[i].on_list);
	list_remove(&v[1].on_list);
	list_remove(&v[1].on_list);
	assert_true(list_is_empty(&v[1].on_list));
	check(&head, "02");
	list_push(&head, &v[1].on_list);
	check(&head, "021");
}

static void
the_safe_walk_survives_removal_of_each(void **state)
{
	struct list head;
	struct item v[5];

	(void)state;
	items_init(v, 5);
	list_init(&head);
	for (int i = 0; i < 5; i++)
		list_push(&head, &v[i].on_list);
	list_foreach_safe(it, next,
	    &head) if (container_of(it, struct item, on_list)->n != 3) list_remove(it);
	check(&head, "3");
}

static void
splicing_moves_all_to_the_tail(void **state)
{
	struct list a, b;
	struct item v[6];

	(void)state;
	items_init(v, 6);
	list_init(&a);
	list_init(&b);
	list_splice(&a, &b);
	check(&a, "");
	for (int i = 0; i < 3; i++)
		list_push(&b, &v[i].on_list);
	list_splice(&a, &b); /* onto an empty list */
	check(&a, "012");
	check(&b, "");
	for (int i = 3; i < 6; i++)
		list_push(&b, &v[i].on_list);
	list_splice(&a, &b);
	check(&a, "012345");
	list_splice(&a, &b); /* of an empty list */
	check(&a, "012345");
	list_remove(&v[3].on_list);
	check(&a, "01245");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_the_order_of_both_ends),
	    cmocka_unit_test(removing_twice_is_harmless),
	    cmocka_unit_test(the_safe_walk_survives_removal_of_each),
	    cmocka_unit_test(splicing_moves_all_to_the_tail),
	};

	return cmocka_run_group_tests_name("base/list", tests, NULL, NULL);
}
