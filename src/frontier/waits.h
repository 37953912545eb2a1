/*
 * frontier/waits.h -- host-milliseconds by cause: "why is it slow" has an answer.
 *
 * A host lives from when something is queued there to when nothing is, and nothing is in
 * flight.  All the while it is at exactly one place: a request of its own is under way
 * (TRANSFER), or it waits for one cause.  So its waits and its transfers are its lifetime,
 * and so are the sums of all.  That robots.txt is fetched counts as waiting for it.
 *
 * Hosts that could be asked share the cause that the engine holds them for (NONE: it does
 * not).  Only the number of hosts at each cause is kept, and summed up when it changes, so
 * that an event costs the same with 100,000 hosts.
 *
 * Time:    monotonic milliseconds; a time before the last one counts as the last one.
 */
#ifndef FRONTIER_WAITS_H
#define FRONTIER_WAITS_H
#include "frontier/frontier.h"

/* Besides the causes, a host can be at: */
enum { WAITS_READY = WAIT_CAUSE_MAX, WAITS_NOTHING, WAITS_TRANSFER, WAITS_MAX };

struct waits {
	uint64_t ms[WAIT_CAUSE_MAX], transfer_ms;
	uint32_t hosts[WAITS_MAX];
	int64_t since_ms[WAITS_MAX];
	enum wait_cause held;
};

void waits_enter(struct waits *w, uint32_t at, int64_t now_ms);
void waits_leave(struct waits *w, uint32_t at, int64_t now_ms);
void waits_move(struct waits *w, uint32_t from, uint32_t to, int64_t now_ms);
void waits_hold(struct waits *w, enum wait_cause c, int64_t now_ms);
/* A host's wait at `c` was over `late_ms` ago, and is noticed only now: since then it was
 * ready.  Comes after the move. */
void waits_correct(struct waits *w, enum wait_cause c, int64_t late_ms);
/* Sums up to now, and how many wait for each cause. */
void waits_sum(
    struct waits *w, int64_t now_ms, uint64_t *ret_ms, uint32_t *ret_waiting_now);
#endif
