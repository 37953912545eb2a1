/*
 * ctl/events.h -- what happens in the service, told to whoever listens (server-sent events).
 *
 *   run       a run changed: the run, as runs/{id} shows it
 *   progress  once a second of each that crawls: sums, rates of the last second, what waits
 *   page      a page got its outcome; at most EVENTS_PAGES_A_SECOND a run, `progress` says
 *             how many more there were
 *   log       a line of the service's log
 *   gap       events were lost: the listener was too slow, or came back too late
 *
 * All listeners read one ring of the latest events, each from its own place: one that is slow
 * costs nothing, and hears of what it lost.  Ids are "EPOCH-NUMBER"; the epoch is another one
 * after each start, so that who comes back with an id from before is told of the gap.
 *
 * Owns:    the ring (EVENTS_KEPT, EVENTS_BYTES at most); of a listener the event it is being
 *          sent.  Without listeners nothing is kept of progress and pages.
 * Errors:  -errno with the sentence.   Clock: the loop's.
 * Threads: loop thread; lines of the log come from any.
 */
#ifndef CTL_EVENTS_H
#define CTL_EVENTS_H
#include "base/buf.h"
#include "ctl/request.h"

struct service;
struct events;

#define EVENT_KINDS(X) X(RUN, "run") X(PROGRESS, "progress") X(PAGE, "page") X(LOG, "log")
enum event_kind {
#define X(id, name) EVENT_##id,
	EVENT_KINDS(X)
#undef X
	    EVENT_KIND_MAX
};
bool event_kind_find(struct slice name, enum event_kind *ret);

enum {
	EVENTS_KEPT = 2048,
	EVENTS_BYTES = 2 << 20,
	EVENTS_LISTENERS_MAX = 64,
	EVENTS_PAGES_A_SECOND = 20,
	EVENTS_TICK_MS = 1000,
	EVENTS_HEARTBEAT_MS = 15000,
};

int events_new(struct service *s, struct events **ret);
void events_free(struct events *e); /* no listener is left; NULL is fine */

struct events_wish {
	uint64_t run;         /* 0: of all */
	unsigned kinds;       /* bits 1 << enum event_kind; 0: all */
	struct slice last_id; /* empty: from now on */
	bool is_over;         /* the run: what is kept of it, and no more */
};
/* Whether something is kept that who has heard all up to last_id has not. */
bool events_has(const struct events *e, const struct events_wish *wish);
/* Answers r with the stream, or that there are too many. */
void events_listen(struct events *e, struct request *r, const struct events_wish *wish);

struct events_stats {
	uint32_t listeners, kept;
	uint64_t told, gaps, bytes;
};
void events_stats(const struct events *e, struct events_stats *ret);
#endif
