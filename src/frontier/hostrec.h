/*
 * frontier/hostrec.h -- what survives of a host: its politeness, as bytes for the store.
 *
 * So that a restart is no burst: when it was asked last and how long the answer took,
 * its back-off, its failures, what its robots.txt said and until when that is believed.
 * What is in flight does not survive, and neither do the records: the queue has those.
 *
 * Clocks:  written as wall time, for the monotonic clock does not outlive a reboot.  Read
 *          against a wall clock that was set meanwhile, no back-off gets longer than it
 *          was, and no other wait than the longest there is (a day and 10 %).
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

/*
 * Where a saved host stands at a time, if something waits there: hostq_judge() without
 * what is in flight.  For people who ask from another process.
 */
struct hostrec_outlook {
	uint64_t done;
	uint32_t failures;          /* to reach it, in a row */
	int64_t crawl_delay_ms;     /* of robots.txt; -1: none */
	enum outcome doom;          /* given up as; NONE: it is not */
	int64_t doom_until_wall_ms; /* INT64_MAX: for ever */
	enum wait_cause waits_for;  /* NONE: it may be asked */
	int64_t due_wall_ms;        /* its next turn; not before now */
	bool asks_robots;           /* for robots.txt, then */
};
/* `saved` empty: it was never asked. */
int hostrec_outlook(struct slice saved, const struct frontier_conf *conf, int64_t wall_ms,
    struct hostrec_outlook *ret);
#endif
