/*
 * net/transport_many.h -- a transport that has loops of its own; for transport.c only.
 *
 *          first loop                               a lane: thread, loop, transport
 *   start, cancel -> asked, unwanted --- lock, wake --> transport_start(), _cancel()
 *   transport_fn  <- came  <------------ lock, wake --- its result
 *
 * An authority's requests go to one lane, by its hash, so that connections are used again.
 * What crosses is an `ask`: request and result, copied, in a slot that is kept for good.
 * It is the first loop's or the lane's, and goes over under the lane's lock; nobody holds
 * that while calling back.
 *
 * Owns:    the lanes, and their transports and threads; results that were not delivered.
 * Errors:  as transport.h.  What a lane cannot start is told by a result: OUTCOME_BAD_URL,
 *          or arena_full when memory is out.
 * Clock:   CLOCK_MONOTONIC for all loops.
 * Threads: all from the first loop's; callbacks there, too.
 */
#ifndef NET_TRANSPORT_MANY_H
#define NET_TRANSPORT_MANY_H
#include "net/transport.h"

struct many;

/* conf->loops is 2 at least: so many less one are made, and each is a thread. */
int many_new(struct loop *l, const struct transport_conf *conf, struct many **ret,
    struct why *why);
/* Waits for the turns that the lanes are in; NULL is fine. */
void many_free(struct many *m);
int many_start(struct many *m, const struct transport_request *req, transport_fn *fn,
    void *ctx, struct transport_id *ret);
void many_cancel(struct many *m, struct transport_id id);
void many_set_connections_max(struct many *m, uint32_t n);
uint32_t many_running(const struct many *m);
uint32_t many_slow(struct many *m);
int64_t many_lag_us_take(struct many *m);
bool many_is_alive(struct many *m);
#endif
