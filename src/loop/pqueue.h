/*
 * loop/pqueue.h -- bounded priority queue between producers and consumers of one loop.
 *
 * The asyncio.PriorityQueue of this house: least key first, stable among equals.  get()
 * waits while it is empty, put() says -ENOSPC when it is full and `on_room` tells once
 * there is room again.
 *
 * Owns:    neither items nor waiters; both are embedded.
 * Threads: loop thread.  Callbacks are deferred.
 */
#ifndef LOOP_PQUEUE_H
#define LOOP_PQUEUE_H
#include "loop/loop.h"

struct pqueue_item {
	struct heap_node node;
};

struct pqueue_getter {
	struct list on_queue;
	struct pqueue *queue; /* NULL: not waiting */
	void (*fn)(void *ctx, struct pqueue_item *item);
	void *ctx;
};

struct pqueue {
	struct heap heap;
	struct list getters;
	struct later run;
	bool was_full;
	loop_fn *on_room; /* NULL: nobody cares */
	void *ctx;
};

void pqueue_init(
    struct pqueue *q, struct loop *l, uint32_t items_max, loop_fn *on_room, void *ctx);
void pqueue_release(struct pqueue *q);
void pqueue_item_init(struct pqueue_item *item);
/* Least key first.  -ENOSPC: full, try again after on_room. */
int pqueue_put(struct pqueue *q, struct pqueue_item *item, uint64_t key);
void pqueue_get_start(struct pqueue *q, struct pqueue_getter *g,
    void (*fn)(void *ctx, struct pqueue_item *item), void *ctx);
void pqueue_get_cancel(struct pqueue_getter *g);
void pqueue_remove(struct pqueue *q, struct pqueue_item *item);
uint32_t pqueue_len(const struct pqueue *q);
#endif
