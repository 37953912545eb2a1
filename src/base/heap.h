/*
 * base/heap.h -- intrusive 4-ary min-heap, stable: of equal keys the one pushed first
 * comes first.
 *
 * Owns:    its table of pointers; never the nodes, which stay where the caller has them.
 * Errors:  -ENOMEM, or -ENOSPC when `max` nodes are in it.
 * Cost:    push O(log4 n); pop, remove, move O(4 log4 n); peek O(1).
 * Why 4:   half the depth of a binary heap, children in one cache line.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H
#include <stdbool.h>
#include <stdint.h>

#define HEAP_NOT_IN UINT32_MAX

struct heap_node {
	uint32_t at; /* index in the table, or HEAP_NOT_IN */
};

struct heap_entry {
	uint64_t key;
	uint64_t seq;
	struct heap_node *node;
};

struct heap {
	struct heap_entry *v;
	uint32_t len, cap, max;
	uint64_t seq_next;
};

void heap_init(struct heap *h, uint32_t max);
void heap_release(struct heap *h);
static inline void
heap_node_init(struct heap_node *n)
{
	n->at = HEAP_NOT_IN;
}
static inline bool
heap_has(const struct heap_node *n)
{
	return n->at != HEAP_NOT_IN;
}
/* `node` must not be in a heap. */
int heap_push(struct heap *h, struct heap_node *node, uint64_t key);
/* The least node, or NULL when empty; *ret_key may be NULL. */
struct heap_node *heap_peek(const struct heap *h, uint64_t *ret_key);
struct heap_node *heap_pop(struct heap *h, uint64_t *ret_key);
/* Harmless when the node is not in. */
void heap_remove(struct heap *h, struct heap_node *node);
/* New key for a node that is in; counts as pushed now among equals. */
void heap_move(struct heap *h, struct heap_node *node, uint64_t key);
/* Asserts the heap order and the back links. */
void heap_check(const struct heap *h);
#endif
