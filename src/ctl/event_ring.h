/*
 * ctl/event_ring.h -- the latest events, numbered from 1, each as it is sent.
 *
 * Owns:    copies of the texts; at most so many, of so many bytes: the oldest go.
 * Errors:  -ENOMEM, -EMSGSIZE (it alone is more than all may be).
 * Threads: one user at a time.
 */
#ifndef CTL_EVENT_RING_H
#define CTL_EVENT_RING_H
#include "base/slice.h"

struct event {
	uint64_t run; /* 0: of none */
	unsigned kind;
	uint32_t len;
	char *text;
};
struct event_ring {
	struct event *v;
	uint32_t max;
	size_t bytes, bytes_max;
	uint64_t first, next; /* numbers: of the oldest, of the one to come */
};
int event_ring_init(struct event_ring *g, uint32_t max, size_t bytes_max);
void event_ring_release(struct event_ring *g);
int event_ring_add(struct event_ring *g, uint64_t run, unsigned kind, struct slice text);
/* NULL: it is gone, or yet to come. */
const struct event *event_ring_get(const struct event_ring *g, uint64_t number);

/* "EPOCH-NUMBER" in hexadecimal and decimal. */
enum { EVENT_ID_MAX = 48 };
void event_id_print(uint64_t epoch, uint64_t number, char ret[EVENT_ID_MAX]);
bool event_id_read(struct slice text, uint64_t *ret_epoch, uint64_t *ret_number);
#endif
