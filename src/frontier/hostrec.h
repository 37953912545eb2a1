/*
 * frontier/hostrec.h -- what survives of a host: its politeness, as bytes for the store.
 *
 * So that a restart is no burst: when it was asked last and how long the answer took,
 * its back-off, its failures, what its robots.txt said and until when that is believed.
 * What is in flight does not survive, and neither do the records: the queue has those.
 *
 * Clocks:  written as wall time, for the monotonic clock does not outlive a reboot.  Read
 *          against a wall clock that was set meanwhile, no wait gets longer than the
 *          longest there is (a day and 10 %).
 * Errors:  -ENOMEM; hostrec_decode(): -EBADMSG.
 */
#ifndef FRONTIER_HOSTREC_H
#define FRONTIER_HOSTREC_H
#include "frontier/hostq.h"

int hostrec_encode(
    const struct hostq *h, const struct frontier_now *now, struct buf *out);
/* Into a host that hostq_new() made; its rules are away. */
int hostrec_decode(struct slice saved, const struct frontier_now *now, struct hostq *h);
/* What can be told without making a host; the authority borrows. */
struct hostrec_brief {
	struct slice authority;
	int64_t asked_wall_ms; /* end of the last request; 0 or less: never */
	int64_t due_wall_ms;   /* nothing is asked before; 0: no reason to wait */
	enum wait_cause waits_for;
	enum outcome doom; /* given up as; NONE: it is not */
};
int hostrec_brief(struct slice saved, struct hostrec_brief *ret);
#endif
