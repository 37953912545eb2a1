#include "loop/pqueue.h"
#include <assert.h>
#include <errno.h>

#include "base/banned.h"

static void
pqueue_run_if_both(struct pqueue *q)
{
	if (q->heap.len > 0 && !list_is_empty(&q->getters))
		later_start(&q->run);
}

static void
pqueue_tell_room(struct pqueue *q)
{
	if (q->was_full && q->on_room != NULL)
		later_start(&q->room);
}

static void
pqueue_on_run(void *ctx)
{
	struct pqueue *q = ctx;
	struct list now;

	/* A getter that starts again from its callback is for the next turn.  While one
	 * is left the queue is there; after the last callback it may not be. */
	list_init(&now);
	list_splice(&now, &q->getters);
	while (!list_is_empty(&now)) {
		struct pqueue_getter *g =
		    container_of(now.next, struct pqueue_getter, on_queue);
		struct heap_node *n = heap_pop(&q->heap, NULL);

		if (n == NULL) {
			/* Ahead of those that came meanwhile. */
			list_splice(&now, &q->getters);
			list_splice(&q->getters, &now);
			return;
		}
		pqueue_tell_room(q);
		list_remove(&g->on_queue);
		g->queue = NULL;
		g->fn(g->ctx, container_of(n, struct pqueue_item, node));
	}
}

static void
pqueue_on_room(void *ctx)
{
	struct pqueue *q = ctx;

	if (q->heap.len >= q->heap.max)
		return; /* somebody was faster: the next item that leaves tells again */
	q->was_full = false;
	q->on_room(q->ctx);
}

void
pqueue_init(
    struct pqueue *q, struct loop *l, uint32_t items_max, loop_fn *on_room, void *ctx)
{
	*q = (struct pqueue){.on_room = on_room, .ctx = ctx};
	heap_init(&q->heap, items_max);
	list_init(&q->getters);
	later_init(&q->run, l, pqueue_on_run, q);
	later_init(&q->room, l, pqueue_on_room, q);
}

void
pqueue_release(struct pqueue *q)
{
	assert(list_is_empty(&q->getters));
	later_stop(&q->run);
	later_stop(&q->room);
	heap_release(&q->heap);
}

void
pqueue_item_init(struct pqueue_item *item)
{
	heap_node_init(&item->node);
}

int
pqueue_put(struct pqueue *q, struct pqueue_item *item, uint64_t key)
{
	int r = heap_push(&q->heap, &item->node, key);

	if (r == -ENOSPC)
		q->was_full = true;
	if (r == 0)
		pqueue_run_if_both(q);
	return r;
}

void
pqueue_get_start(struct pqueue *q, struct pqueue_getter *g,
    void (*fn)(void *ctx, struct pqueue_item *item), void *ctx)
{
	*g = (struct pqueue_getter){.queue = q, .fn = fn, .ctx = ctx};
	list_push(&q->getters, &g->on_queue);
	pqueue_run_if_both(q);
}

void
pqueue_get_cancel(struct pqueue_getter *g)
{
	if (g->queue == NULL)
		return;
	list_remove(&g->on_queue);
	g->queue = NULL;
}

void
pqueue_remove(struct pqueue *q, struct pqueue_item *item)
{
	if (!heap_has(&item->node))
		return;
	heap_remove(&q->heap, &item->node);
	pqueue_tell_room(q);
}

uint32_t
pqueue_len(const struct pqueue *q)
{
	return q->heap.len;
}

void
pqueue_check(const struct pqueue *q)
{
	heap_check(&q->heap);
	list_foreach (n, &q->getters)
		assert(container_of(n, struct pqueue_getter, on_queue)->queue == q);
	/* Both waiting for each other would be for ever. */
	assert(q->heap.len == 0 || list_is_empty(&q->getters) ||
	       !list_is_empty(&q->run.on_loop));
}
