#include "loop/scope.h"
#include <assert.h>
#include <errno.h>

#include "base/banned.h"

static void
scope_end_if_done(struct scope *s)
{
	if (s->closed && !s->ended && list_is_empty(&s->tasks))
		later_start(&s->end);
}

static void
scope_on_end(void *ctx)
{
	struct scope *s = ctx;

	/* A task was done within scope_cancel() while others were not reached yet. */
	if (!list_is_empty(&s->tasks))
		return;
	s->ended = true;
	timer_stop(&s->deadline);
	scope_task_done(&s->as_task);
	if (s->on_end != NULL)
		s->on_end(s->ctx, s->cause);
}

static void
scope_stop(struct scope *s, enum scope_cause cause)
{
	struct list now;

	if (s->ended || s->cause != SCOPE_CLOSED)
		return;
	if (s->closed && list_is_empty(&s->tasks))
		return; /* it came to its end by itself, only on_end is still to run */
	s->cause = cause;
	s->closed = true;
	timer_stop(&s->deadline);
	/* Each is back among the tasks before its cancel is called: it may take its time
	 * to end, and whatever it does to the others finds them on a list. */
	list_init(&now);
	list_splice(&now, &s->tasks);
	while (!list_is_empty(&now)) {
		struct scope_task *t =
		    container_of(now.prev, struct scope_task, on_scope);

		list_remove(&t->on_scope);
		list_push_front(&s->tasks, &t->on_scope);
		t->cancel(t->ctx);
	}
	scope_end_if_done(s);
}

static void
scope_on_parent_cancel(void *ctx)
{
	struct scope *s = ctx;

	scope_stop(s, s->as_task.scope->cause);
}

static void
scope_on_deadline(void *ctx)
{
	scope_stop(ctx, SCOPE_DEADLINE);
}

void
scope_init(struct scope *s, struct loop *l, struct scope *parent,
    void (*on_end)(void *ctx, enum scope_cause), void *ctx)
{
	*s = (struct scope){.loop = l, .on_end = on_end, .ctx = ctx};
	list_init(&s->tasks);
	list_init(&s->as_task.on_scope);
	timer_init(&s->deadline, l, scope_on_deadline, s);
	later_init(&s->end, l, scope_on_end, s);
	if (parent != NULL &&
	    scope_add(parent, &s->as_task, scope_on_parent_cancel, s) < 0)
		scope_stop(
		    s, parent->cause == SCOPE_CLOSED ? SCOPE_CANCELLED : parent->cause);
}

int
scope_add(struct scope *s, struct scope_task *t, loop_fn *cancel, void *ctx)
{
	*t = (struct scope_task){.cancel = cancel, .ctx = ctx};
	list_init(&t->on_scope);
	if (s->closed)
		return -ECANCELED;
	t->scope = s;
	list_push(&s->tasks, &t->on_scope);
	return 0;
}

void
scope_task_done(struct scope_task *t)
{
	struct scope *s = t->scope;

	if (s == NULL)
		return;
	list_remove(&t->on_scope);
	t->scope = NULL;
	scope_end_if_done(s);
}

int
scope_deadline(struct scope *s, int64_t after_ms)
{
	int64_t now_ms = loop_now_ms(s->loop), due_ms;
	int r;

	if (s->ended || s->cause != SCOPE_CLOSED)
		return 0;
	if (after_ms < 0)
		after_ms = 0;
	due_ms = after_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + after_ms;
	if (timer_is_running(&s->deadline) && s->deadline_ms <= due_ms)
		return 0;
	r = timer_start(&s->deadline, after_ms);
	if (r == 0)
		s->deadline_ms = due_ms;
	return r;
}

void
scope_close(struct scope *s)
{
	s->closed = true;
	scope_end_if_done(s);
}

void
scope_cancel(struct scope *s)
{
	scope_stop(s, SCOPE_CANCELLED);
}

void
scope_check(const struct scope *s)
{
	list_foreach (n, &s->tasks)
		assert(container_of(n, struct scope_task, on_scope)->scope == s);
	assert(s->cause == SCOPE_CLOSED || s->closed);
	assert(!s->ended || list_is_empty(&s->tasks));
	/* Closed and empty: the end is under way. */
	assert(!s->closed || s->ended || !list_is_empty(&s->tasks) ||
	       !list_is_empty(&s->end.on_loop));
	assert(s->cause == SCOPE_CLOSED || !timer_is_running(&s->deadline));
}
