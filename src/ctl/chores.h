/*
 * ctl/chores.h -- work that may block on the disk, done on a thread of its own, in order.
 *
 * A chore is embedded in what it is about:
 *
 *     struct chore { work: [thread] does it, returns 0 or -errno;  done: [loop], once }
 *
 * Owns:    a chore from chores_send() until `done`, which may free it.
 * Errors:  -EAGAIN: as many wait as may; -ESHUTDOWN, from `done` of chores_free().
 *          What `work` returned is in chore.err, its sentence in chore.why.
 * Threads: the loop's, but `work`.
 */
#ifndef CTL_CHORES_H
#define CTL_CHORES_H
#include "base/why.h"
#include "loop/actor.h"

struct chore {
	struct mail mail;
	int (*work)(struct chore *c);
	void (*done)(struct chore *c);
	int err;
	struct why why;
};

struct chores;
/* `name` of the thread: at most 15 bytes. */
int chores_new(
    struct loop *l, const char *name, uint32_t waiting_max, struct chores **ret);
int chores_send(struct chores *c, struct chore *chore);
uint32_t chores_waiting(const struct chores *c); /* NULL: none */
/* More than half of what may wait does: what comes from outside is to be put off. */
bool chores_are_busy(const struct chores *c);
/* What waits is not begun any more: it ends with -ESHUTDOWN.  False: one is not done within
 * `wait_ms`; then the thread, and what its chore uses, must be left alone for good. */
bool chores_quit(struct chores *c, int64_t wait_ms);
/* What was sent is done, and told, before it returns.  NULL is fine. */
void chores_free(struct chores *c);
#endif
