/*
 * frontier/inside.h -- what the files of the frontier share; private to frontier/.
 *
 *   frontier.c  hosts and their places; add, retry
 *   turns.c     who is next
 *   answer.c    what comes back: done, robots
 *   raise.c     a URL that goes before others from now on
 *   refill.c    what lies beyond the windows
 *   rest.c      hosts that are not due leave memory
 *   session.c   of many hosts, those that are asked just now
 *   restore.c   what survives of a host, and comes back
 *   stats.c     counts, busiest hosts, invariants
 */
#ifndef FRONTIER_INSIDE_H
#define FRONTIER_INSIDE_H
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "frontier/hostq.h"
#include "frontier/outset.h"
#include "frontier/waits.h"

struct frontier {
	struct frontier_conf conf;

	struct manners *manners;
	struct manners *own_manners; /* nobody gave us any */
	bool is_retired;             /* frontier_retire() */
	struct gate names;           /* that are asked for at once */
	struct gate probes;          /* requests to hosts that never answered */
	uint32_t room, reserve;      /* frontier_room() */
	uint32_t known;              /* hosts that answer, and have something to do */

	struct umap hosts; /* authority hash -> hostq */
	struct list all;   /* the same, most recently served first */
	struct list ready; /* of those that may be asked, whose turn it is */
	struct list ready_soon, ready_later, idle; /* session.c */
	uint32_t ready_len, sessions, sessions_idle, sessions_blocked;
	uint32_t sessions_begun; /* ever, or wanted to */
	struct heap
	    ready_heap;      /* instead, by the key of their head: order->across_hosts */
	struct heap waiting; /* hosts, by due time */
	struct heap retries; /* records, by time */
	struct list wants;   /* hosts whose window runs low */
	struct outset out;
	struct umap by_url; /* url_hash -> urlrec in a window; if the order has `given` */

	struct waits waits;
	uint32_t alive;   /* hosts: their lives are waits and transfers */
	int64_t lives_ms; /* of those that ended, less the births of the others */
	uint32_t places[HOSTQ_PLACE_MAX]; /* hosts at each */
	uint32_t dead;
	uint64_t queued, in_flight;
	uint32_t forgotten;    /* hosts that left memory whole */
	uint64_t random;       /* state of the jitter */
	uint64_t hosts_bytes;  /* hosts with their authorities and rules */
	uint64_t window_bytes; /* rings */
	uint64_t rec_bytes;    /* records, in windows and for retries */
};

struct hostq *frontier_host_get(struct frontier *f, uint64_t authority_hash);
/* The place it belongs to now; also tells the store when its window runs low.  And of
 * those, here and in other frontiers, whose standing or gate changed with it. */
void frontier_place(struct frontier *f, struct hostq *h, int64_t now_ms);
/* Retries and hosts whose time has come, at most `max` of each.  -ENOMEM. */
int frontier_advance(struct frontier *f, uint32_t max, int64_t now_ms);
/* Into the window; whatever does not fit goes back to the store.  -ENOMEM, -EEXIST: the
 * record stays the caller's. */
int frontier_keep(struct frontier *f, struct hostq *h, struct urlrec *rec);
/* raise.c: it came into a window, or leaves it. */
void frontier_index(struct frontier *f, struct urlrec *rec);
void frontier_unindex(struct frontier *f, const struct urlrec *rec);
/* Records that a window may hold now. */
uint32_t frontier_window_max(const struct frontier *f);
int frontier_retry_later(struct frontier *f, struct hostq *h, struct urlrec *rec,
    int64_t at_ms, enum wait_cause why);
/* `rec_bytes`: of its record, which may be gone by now. */
void frontier_retry_free(struct frontier *f, struct retry *retry, uint64_t rec_bytes);
struct urlrec *frontier_retry_take(struct frontier *f, struct retry *retry);
/* A host that answers has something to do from now on, or not any more. */
void frontier_know(struct frontier *f, struct hostq *h, bool known);
/* Places whoever an event has changed besides. */
void frontier_settle(struct frontier *f);
int frontier_host_new(struct frontier *f, uint64_t authority_hash, struct slice authority,
    int64_t now_ms, struct hostq **ret);
/* Of a restored host that was never asked, and whose authority is not known yet. */
int frontier_host_name(struct frontier *f, struct hostq *h, struct slice authority);
/* It has a standing, or another one. */
void frontier_host_joined(struct frontier *f, struct hostq *h);
/* rest.c: a host that waits for long leaves memory, as far as the store has it. */
void frontier_rest(struct frontier *f, struct hostq *h, int64_t now_ms);
/* session.c: the host whose turn it is, or NULL. */
struct hostq *session_first(const struct frontier *f);
/* It may be asked, behind the others; and not any more. */
void session_ready(struct frontier *f, struct hostq *h);
void session_unready(struct frontier *f, struct hostq *h);
/* It has a turn, after which it goes behind the others. */
void session_turn(struct frontier *f, struct hostq *h);
/* Its turn went to asking for its name. */
void session_passed(struct frontier *f, const struct hostq *h);
/* Its state is another one; and it leaves. */
void session_placed(struct frontier *f, struct hostq *h, int64_t now_ms);
void session_end(struct frontier *f, struct hostq *h);
/* Before a new host. */
void frontier_make_room(struct frontier *f, int64_t now_ms);
/* The window runs low, and the store may have more: told by frontier_wants(). */
void frontier_want(struct frontier *f, struct hostq *h, int64_t now_ms);
#endif
