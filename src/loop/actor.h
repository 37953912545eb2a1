/*
 * loop/actor.h -- a thread with a bounded mailbox, for work that may block on the disk.
 *
 * Mails go to the thread in batches, in order; replies come back to the loop in the order
 * of actor_reply().  On a virtual loop there is no thread: `handle` and `idle` run on the
 * loop, one turn later and by timers, so that a simulation stays deterministic.
 *
 * An actor that has anything to do (mails, an idle time it asked for, replies under way)
 * keeps loop_run() going; one that waits for its next mail does not.
 *
 * Owns:    mails between actor_send() and on_reply(); one that is not replied to is freed
 *          by `handle`.
 * Errors:  actor_send(): -EAGAIN when `mails_max` are under way (sent and not yet taken),
 *          -ESHUTDOWN from a callback of actor_free().
 * Clock:   idle's milliseconds are CLOCK_MONOTONIC, or the virtual loop's.
 * Threads: functions marked [actor] are called on the actor's thread, all others on the
 *          loop's.
 */
#ifndef LOOP_ACTOR_H
#define LOOP_ACTOR_H
#include "loop/loop.h"

struct actor;
struct mail {
	struct list on_box;
};

struct actor_conf {
	const char *name; /* thread name, at most 15 bytes */
	uint32_t mails_max;
	/* Microseconds from the first mail until `handle`: what comes meanwhile goes with
	 * it, and costs no switch between threads.  0: at once. */
	uint32_t linger_us;
	void *ctx;
	/* [actor] All that waits, oldest first; takes every mail off the list. */
	void (*handle)(void *ctx, struct list *mails);
	/*
	 * [actor] Called after each batch and when its own wait is over: does what is due
	 * (a group commit) and returns milliseconds until it wants to be called again, or
	 * -1 for "after the next batch".  May be NULL.
	 */
	int64_t (*idle)(void *ctx);
	/* [loop] May be NULL when nothing is ever replied.  May call actor_free(). */
	void (*on_reply)(void *ctx, struct mail *m);
	void (*on_room)(
	    void *ctx); /* the mailbox was full and is not any more; may be NULL */
};

/* Neither handle nor idle is called before the first mail is sent.  -ENOMEM, -EAGAIN. */
int actor_new(struct loop *l, const struct actor_conf *conf, struct actor **ret);
int actor_send(struct actor *a, struct mail *m);
/* [actor] */
void actor_reply(struct actor *a, struct mail *m);
/* Mails sent and not yet taken by the thread. */
uint32_t actor_waiting(const struct actor *a);
/*
 * [actor] actor_free() was called: `idle` does now all that it was holding back, because
 * no time that it asks for is waited for any more.
 */
bool actor_is_stopping(const struct actor *a);
/*
 * Handles what was sent, joins the thread, delivers the last replies, frees.  NULL is
 * fine. Blocks as long as the thread is busy.
 */
void actor_free(struct actor *a);
void actor_check(struct actor *a);
#endif
