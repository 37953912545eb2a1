#include "base/heap.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static void
pops_in_order_of_keys(void **state)
{
	struct heap_node nodes[500];
	struct heap h;
	uint64_t last = 0, key;

	(void)state;
	heap_init(&h, 1000);
	for (size_t i = 0; i < 500; i++) {
		heap_node_init(&nodes[i]);
		assert_int_equal(heap_push(&h, &nodes[i], (i * 7919) % 97), 0);
		heap_check(&h);
	}
	while (heap_pop(&h, &key) != NULL) {
		assert_true(key >= last);
		last = key;
		heap_check(&h);
	}
	heap_release(&h);
}

static void
keeps_the_order_of_arrival_among_equal_keys(void **state)
{
	struct heap_node nodes[100];
	struct heap h;

	(void)state;
	heap_init(&h, 100);
	for (size_t i = 0; i < 100; i++) {
		heap_node_init(&nodes[i]);
		assert_int_equal(heap_push(&h, &nodes[i], i % 2), 0);
	}
	for (size_t i = 0; i < 100; i++)
		assert_ptr_equal(heap_pop(&h, NULL), &nodes[i < 50 ? i * 2 : (i - 50) * 2 + 1]);
	heap_release(&h);
}

static void
refuses_more_than_its_maximum(void **state)
{
	struct heap_node a, b;
	struct heap h;

	(void)state;
	heap_init(&h, 1);
	heap_node_init(&a);
	heap_node_init(&b);
	assert_int_equal(heap_push(&h, &a, 1), 0);
	assert_int_equal(heap_push(&h, &b, 1), -ENOSPC);
	assert_false(heap_has(&b));
	heap_release(&h);
	assert_false(heap_has(&a));
}

static void
removes_and_moves_any_node(void **state)
{
	struct heap_node nodes[64];
	struct heap h;
	uint64_t key;

	(void)state;
	heap_init(&h, 64);
	for (size_t i = 0; i < 64; i++) {
		heap_node_init(&nodes[i]);
		assert_int_equal(heap_push(&h, &nodes[i], 100 + i), 0);
	}
	heap_move(&h, &nodes[63], 1);
	heap_check(&h);
	heap_remove(&h, &nodes[10]);
	heap_remove(&h, &nodes[10]);
	heap_check(&h);
	assert_ptr_equal(heap_pop(&h, &key), &nodes[63]);
	assert_int_equal(key, 1);
	assert_int_equal(h.len, 62);
	heap_release(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pops_in_order_of_keys),
	    cmocka_unit_test(keeps_the_order_of_arrival_among_equal_keys),
	    cmocka_unit_test(refuses_more_than_its_maximum),
	    cmocka_unit_test(removes_and_moves_any_node),
	};

	return cmocka_run_group_tests_name("base/heap", tests, NULL, NULL);
}
