/*
 * loop/gather.h -- wait for `n` completions, then one call.
 *
 * `fn` is deferred; it gets the first error that was reported (0: none).  With `n` == 0
 * it is called in the next turn.  gather_cancel(): fn never runs, later gather_done() are
 * ignored; harmless twice and after fn ran.
 *
 * Owns:    nothing; it must live until fn is called (which may free it) or until it was
 *          cancelled and the last gather_done() came.
 * Errors:  none of its own; more gather_done() than `n` is a bug (asserted).
 * Threads: loop thread.
 */
#ifndef LOOP_GATHER_H
#define LOOP_GATHER_H
#include "loop/loop.h"

struct gather {
	uint32_t left;
	int err;
	bool cancelled;
	struct later end;
	void (*fn)(void *ctx, int err);
	void *ctx;
};

void gather_start(struct gather *g, struct loop *l, uint32_t n,
    void (*fn)(void *ctx, int err), void *ctx);
void gather_done(struct gather *g, int err);
void gather_cancel(struct gather *g);
#endif
