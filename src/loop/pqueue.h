/*
 * loop/pqueue.h -- bounded priority queue between producers and consumers of one loop.
 *
 * The asyncio.PriorityQueue of this house: least key first, stable among equals.  get()
 * waits while it is empty, put() says -ENOSPC when it is full and `on_room` tells once
 * there is room again.  Getters are served in the order they came, with what is least at
 * that moment.
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
	struct later room;
	bool was_full;    /* a put failed since on_room was called */
	loop_fn *on_room; /* NULL: nobody cares */
	void *ctx;
};

void pqueue_init(
    struct pqueue *q, struct loop *l, uint32_t items_max, loop_fn *on_room, void *ctx);
/* No getter may be waiting; items left in it are forgotten. */
void pqueue_release(struct pqueue *q);
void pqueue_item_init(struct pqueue_item *item);
/* Least key first.  -ENOSPC: full, try again after on_room.  -ENOMEM. */
int pqueue_put(struct pqueue *q, struct pqueue_item *item, uint64_t key);
/* `g` must not be waiting; it is free again when fn is called. */
void pqueue_get_start(struct pqueue *q, struct pqueue_getter *g,
    void (*fn)(void *ctx, struct pqueue_item *item), void *ctx);
/* Harmless when it is not waiting; a getter that never waited must be zeroed. */
void pqueue_get_cancel(struct pqueue_getter *g);
/* Harmless when the item is not in. */
void pqueue_remove(struct pqueue *q, struct pqueue_item *item);
uint32_t pqueue_len(const struct pqueue *q);
void pqueue_check(const struct pqueue *q);
#endif
