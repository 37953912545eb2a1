/*
 * frontier/window.h -- the records of one authority that are in memory, sorted by key.
 *
 * A ring kept in order: bfs adds at its end, dfs at its front, both take from the front;
 * whatever goes in between moves the shorter side.  Memory is given back when it is
 * empty.
 *
 * Owns:    the records in it.
 * Errors:  -ENOMEM; -EEXIST: a record of that key is in.  Nothing changed, the record
 * stays the caller's.
 */
#ifndef FRONTIER_WINDOW_H
#define FRONTIER_WINDOW_H
#include "frontier/urlrec.h"

struct window_slot {
	uint64_t key;
	struct urlrec *rec;
};

struct window {
	struct window_slot *v;
	uint32_t first, len, cap; /* cap: a power of two */
};

void window_release(struct window *w);
int window_insert(struct window *w, struct urlrec *rec);
/* The least and the greatest; NULL when empty. */
struct urlrec *window_take_first(struct window *w);
struct urlrec *window_take_last(struct window *w);
/* The one with that key, which is in.  An empty window keeps its memory: it is put in again. */
struct urlrec *window_take(struct window *w, uint64_t key);
/* Of a window that is not empty. */
uint64_t window_first_key(const struct window *w);
uint64_t window_last_key(const struct window *w);
static inline uint64_t
window_bytes(const struct window *w)
{
	return (uint64_t)w->cap * sizeof(struct window_slot);
}
/* Number `i` in the order. */
const struct urlrec *window_at(const struct window *w, uint32_t i);
void window_check(const struct window *w);
#endif
