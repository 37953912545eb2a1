#include "base/heap.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define ARITY 4u

void
heap_init(struct heap *h, uint32_t max)
{
	assert(max < HEAP_NOT_IN);
	*h = (struct heap){.max = max};
}

void
heap_release(struct heap *h)
{
	for (uint32_t i = 0; i < h->len; i++)
		h->v[i].node->at = HEAP_NOT_IN;
	free(h->v);
	*h = (struct heap){.max = h->max};
}

static bool
less(const struct heap_entry *a, const struct heap_entry *b)
{
	return a->key != b->key ? a->key < b->key : a->seq < b->seq;
}

static void
put(struct heap *h, uint32_t at, struct heap_entry e)
{
	h->v[at] = e;
	e.node->at = at;
}

static void
sift_up(struct heap *h, uint32_t at, struct heap_entry e)
{
	while (at > 0) {
		uint32_t parent = (at - 1) / ARITY;

		if (!less(&e, &h->v[parent]))
			break;
		put(h, at, h->v[parent]);
		at = parent;
	}
	put(h, at, e);
}

static void
sift_down(struct heap *h, uint32_t at, struct heap_entry e)
{
	for (;;) {
		uint64_t first = (uint64_t)at * ARITY + 1;
		uint32_t best, last;

		if (first >= h->len)
			break;
		best = (uint32_t)first;
		last = first + ARITY > h->len ? h->len : (uint32_t)first + ARITY;
		for (uint32_t c = best + 1; c < last; c++)
			if (less(&h->v[c], &h->v[best]))
				best = c;
		if (!less(&h->v[best], &e))
			break;
		put(h, at, h->v[best]);
		at = best;
	}
	put(h, at, e);
}

int
heap_push(struct heap *h, struct heap_node *node, uint64_t key)
{
	assert(node->at == HEAP_NOT_IN);
	if (h->len >= h->max)
		return -ENOSPC;
	if (h->len == h->cap) {
		uint32_t cap = h->cap == 0 ? 16 : h->cap > h->max / 2 ? h->max : h->cap * 2;
		struct heap_entry *v = realloc(h->v, cap * sizeof(*v));

		if (v == NULL)
			return -ENOMEM;
		h->v = v;
		h->cap = cap;
	}
	h->len++;
	sift_up(h, h->len - 1,
	    (struct heap_entry){.key = key, .seq = h->seq_next++, .node = node});
	return 0;
}

struct heap_node *
heap_peek(const struct heap *h, uint64_t *ret_key)
{
	if (h->len == 0)
		return NULL;
	if (ret_key != NULL)
		*ret_key = h->v[0].key;
	return h->v[0].node;
}

struct heap_node *
heap_pop(struct heap *h, uint64_t *ret_key)
{
	struct heap_node *top = heap_peek(h, ret_key);

	if (top != NULL)
		heap_remove(h, top);
	return top;
}

static void
settle(struct heap *h, uint32_t at, struct heap_entry e)
{
	if (at > 0 && less(&e, &h->v[(at - 1) / ARITY]))
		sift_up(h, at, e);
	else
		sift_down(h, at, e);
}

void
heap_remove(struct heap *h, struct heap_node *node)
{
	uint32_t at = node->at;
	struct heap_entry last;

	if (at == HEAP_NOT_IN)
		return;
	assert(at < h->len && h->v[at].node == node);
	node->at = HEAP_NOT_IN;
	last = h->v[--h->len];
	if (at < h->len)
		settle(h, at, last);
}

void
heap_move(struct heap *h, struct heap_node *node, uint64_t key)
{
	assert(node->at < h->len && h->v[node->at].node == node);
	settle(h, node->at,
	    (struct heap_entry){.key = key, .seq = h->seq_next++, .node = node});
}

void
heap_check(const struct heap *h)
{
	assert(h->len <= h->cap || h->len == 0);
	for (uint32_t i = 0; i < h->len; i++) {
		assert(h->v[i].node->at == i);
		assert(i == 0 || !less(&h->v[i], &h->v[(i - 1) / ARITY]));
	}
}
