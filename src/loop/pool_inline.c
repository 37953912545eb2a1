/*
 * The pool on a virtual loop: one worker that is no process.  One task a turn, in order;
 * deadlines, recycling and jail do not apply, a crash is a crash of ours.
 */
#include "loop/pool_int.h"
#include <errno.h>

#include "base/banned.h"

int
inline_start(struct pool *p, struct why *why)
{
	int r = 0;

	buf_init(&p->inl.out, p->conf.result_bytes_max);
	if (p->conf.ops->init != NULL)
		r = p->conf.ops->init(&p->inl.state, why);
	return r;
}

void
inline_stop(struct pool *p)
{
	if (p->conf.ops->fini != NULL)
		p->conf.ops->fini(p->inl.state);
	buf_release(&p->inl.out);
}

static int
configure(struct pool *p, uint32_t context, struct slice settings)
{
	if (p->conf.ops->configure == NULL)
		return 0;
	return p->conf.ops->configure(p->inl.state, context, settings);
}

/* What is new of them, or all. */
static int
bring(struct pool *p, const struct pool_context *c)
{
	uint32_t from = context_news_at(p, c, 0);
	struct slice news = slice_of(c->settings + from, c->settings_bytes - from);

	if (from == 0)
		return configure(p, c->id, news);
	return c->broken ? -EINVAL : p->conf.ops->extend(p->inl.state, c->id, news);
}

static void
forget(struct pool *p)
{
	list_foreach (it, &p->forgotten) {
		struct pool_context *c =
		    container_of(it, struct pool_context, on_forgotten);

		if (c->have[0].version != 0)
			(void)configure(p, c->id, slice_of(NULL, 0));
		c->have[0] = (struct pool_had){0};
	}
	contexts_sweep(p);
}

/* As in a worker: tasks of a context whose settings were refused end as errors; without
 * memory for them it gets them anew. */
static int
run(struct pool *p, const struct task *t)
{
	const struct pool_input in = {
	    .context = t->context,
	    .head = slice_of(t->head, t->head_bytes),
	    .body = t->body,
	    .arena = p->conf.shm == NULL ? slice_of(NULL, 0) : shm_slice(p->conf.shm),
	};
	struct pool_context *c = context_get(p, t->context);

	if (c != NULL && !c->forgotten && !context_is_had(c, 0)) {
		int r = bring(p, c);

		if (r == -ENOMEM)
			return r;
		c->have[0] = (struct pool_had){c->version, c->settings_bytes};
		c->broken = r < 0;
	}
	if (c != NULL && c->broken)
		return -EINVAL;
	if (p->inl.has_run && p->conf.ops->forget != NULL &&
	    (p->inl.owner != t->owner || p->inl.context != t->context))
		p->conf.ops->forget(p->inl.state);
	p->inl.has_run = true;
	p->inl.owner = t->owner;
	p->inl.context = t->context;
	buf_clear(&p->inl.out);
	return p->conf.ops->run(p->inl.state, &in, &p->inl.out);
}

void
inline_turn(struct pool *p)
{
	struct task *t;
	int r;

	forget(p);
	t = task_take(p);
	if (t == NULL)
		t = task_take_alone(p);
	if (t == NULL)
		return;
	if (p->queue_len + p->alone_len > 0)
		later_start(&p->turn);
	t->state = TASK_SENT;
	r = run(p, t);
	p->stats.tasks_done++;
	if (r < 0)
		task_end(p, t, POOL_ERROR, slice_of(NULL, 0));
	else
		task_end(p, t, POOL_DONE, buf_slice(&p->inl.out));
}
