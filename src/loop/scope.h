/*
 * loop/scope.h -- task scope: a tree of running things that end together, with a
 * deadline.
 *
 * Whatever runs embeds a `struct scope_task` and tells how to cancel it.  A scope that is
 * cancelled (or whose deadline passes) cancels its tasks, newest first, and its child
 * scopes, which take over its cause; `on_end` is called, deferred, once it was closed or
 * cancelled and nothing is left, children before their parent.
 *
 * Owns:    nothing; a scope must live until its on_end (which may free it).
 * Clock:   the loop's.   Threads: loop thread.   Errors: none but timer_start()'s.
 * Cancel is idempotent and allowed in any callback, also in a task's own cancel function.
 */
#ifndef LOOP_SCOPE_H
#define LOOP_SCOPE_H
#include "loop/loop.h"

enum scope_cause { SCOPE_CLOSED, SCOPE_CANCELLED, SCOPE_DEADLINE };

struct scope_task {
	struct list on_scope;
	struct scope *scope; /* NULL: on none */
	loop_fn *cancel;     /* must end the task; scope_task_done() from in it is fine */
	void *ctx;
};

struct scope {
	struct loop *loop;
	struct list tasks;
	struct scope_task as_task; /* in the parent */
	struct timer deadline;
	int64_t deadline_ms; /* when it is running */
	struct later end;
	enum scope_cause cause;
	bool closed, ended;
	void (*on_end)(void *ctx, enum scope_cause cause);
	void *ctx;
};

/* `parent` may be NULL.  A scope born into a parent that is cancelled or closed is
 * cancelled at once.  `on_end` may be NULL. */
void scope_init(struct scope *s, struct loop *l, struct scope *parent,
    void (*on_end)(void *ctx, enum scope_cause), void *ctx);
/* -ECANCELED when the scope is cancelled or closed: the task must not start. */
int scope_add(struct scope *s, struct scope_task *t, loop_fn *cancel, void *ctx);
/* Harmless twice, and after scope_add() failed. */
void scope_task_done(struct scope_task *t);
/* From now; 0 cancels in the next turn; the sooner of this and the one set before wins.
 */
int scope_deadline(struct scope *s, int64_t after_ms);
void scope_close(struct scope *s);  /* no new tasks; ends when the last is done */
void scope_cancel(struct scope *s); /* and cancels those that run */
void scope_check(const struct scope *s);
#endif
