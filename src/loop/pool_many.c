/*
 * pool_map() and pool_imap(): many tasks, a window of them in the pool at a time.
 *
 * The window keeps a large call from taking the queue for itself, and bounds what
 * pool_map() has to keep: results that came before their turn are copied.
 */
#include "loop/pool_int.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

struct many_task {
	struct list on_free;
	struct pool_many *many;
	size_t i;
	struct pool_id id;
	bool running; /* in the pool; else free, or ended and waiting for its turn */
	enum pool_end end;
	char *copy;
	size_t copy_len;
};

struct pool_many {
	struct list on_pool, on_waiting;
	struct pool *pool;
	const struct pool_task *tasks;
	size_t n, next, ended; /* next to be given to the pool; items called */
	bool ordered, in_call, cancelled;
	pool_item_fn *item;
	loop_fn *end;
	void *ctx;
	struct later start;
	uint32_t window;
	struct list free;
	struct many_task **turns; /* by i % window: ended, waiting for its turn */
	struct many_task slots[];
};

static void many_fill(struct pool_many *m);

static void
many_free(struct pool_many *m)
{
	for (uint32_t i = 0; i < m->window; i++)
		free(m->slots[i].copy);
	later_stop(&m->start);
	list_remove(&m->on_pool);
	list_remove(&m->on_waiting);
	free(m->turns);
	free(m);
}

static void
many_item(struct pool_many *m, size_t i, enum pool_end end, struct slice result)
{
	m->ended++;
	m->item(m->ctx, i, end, result);
}

static void
slot_give_back(struct many_task *s)
{
	free(s->copy);
	s->copy = NULL;
	s->copy_len = 0;
	list_push(&s->many->free, &s->on_free);
}

/* Those whose turn has come. */
static void
many_deliver(struct pool_many *m)
{
	struct many_task *s;

	while (!m->cancelled && (s = m->turns[m->ended % m->window]) != NULL) {
		m->turns[m->ended % m->window] = NULL;
		many_item(m, s->i, s->end, slice_of(s->copy, s->copy_len));
		slot_give_back(s);
	}
}

static void
many_ended(struct many_task *s, enum pool_end end, struct slice result)
{
	struct pool_many *m = s->many;

	s->running = false;
	if (!m->ordered || s->i == m->ended) {
		many_item(m, s->i, end, result);
		slot_give_back(s);
		if (m->ordered)
			many_deliver(m);
		return;
	}
	s->end = end;
	if (result.len > 0) {
		s->copy = malloc(result.len);
		if (s->copy == NULL) {
			s->end = POOL_ERROR;
		} else {
			memcpy(s->copy, result.ptr, result.len);
			s->copy_len = result.len;
		}
	}
	m->turns[s->i % m->window] = s;
}

/* After items were called: the end, or the next tasks. */
static void
many_go_on(struct pool_many *m)
{
	if (!m->cancelled)
		many_fill(m);
	if (!m->cancelled && m->ended == m->n) {
		m->cancelled = true; /* pool_many_cancel() in `end` is harmless */
		if (m->end != NULL)
			m->end(m->ctx);
	}
	m->in_call = false;
	if (m->cancelled)
		many_free(m);
}

static void
on_done(void *ctx, enum pool_end end, struct slice result)
{
	struct many_task *s = ctx;
	struct pool_many *m = s->many;

	m->in_call = true;
	many_ended(s, end, result);
	many_go_on(m);
}

static void
many_fill(struct pool_many *m)
{
	while (!m->cancelled && m->next < m->n && !list_is_empty(&m->free)) {
		struct many_task *s =
		    container_of(m->free.next, struct many_task, on_free);
		int r;

		/* Its turn would come after that of a whole window. */
		if (m->ordered && m->next - m->ended >= m->window)
			return;
		r = pool_apply(m->pool, &m->tasks[m->next], on_done, s, &s->id);
		if (r == -EAGAIN) {
			list_remove(&m->on_waiting);
			list_push(&m->pool->manys_waiting, &m->on_waiting);
			return;
		}
		list_remove(&s->on_free);
		s->i = m->next++;
		s->running = r == 0;
		if (r < 0)
			many_ended(s, r == -EPIPE ? POOL_CANCELLED : POOL_ERROR,
			    slice_of(NULL, 0));
	}
}

static void
on_start(void *ctx)
{
	struct pool_many *m = ctx;

	m->in_call = true;
	many_go_on(m);
}

void
manys_room(struct pool *p)
{
	struct list now, *n;

	/* Those that find it full again wait for the next time. */
	list_insert(&p->manys_waiting, &now);
	list_remove(&p->manys_waiting);
	while ((n = list_pop(&now)) != NULL)
		on_start(container_of(n, struct pool_many, on_waiting));
}

void
manys_forget(struct pool *p)
{
	struct list *n;

	while ((n = list_pop(&p->manys)) != NULL)
		many_free(container_of(n, struct pool_many, on_pool));
}

/* Twice what the workers' lines hold keeps them full. */
static uint32_t
window_of(const struct pool *p, size_t n)
{
	uint64_t most = (uint64_t)p->conf.workers * p->conf.batch_max * 2;

	if (most > p->conf.queue_max)
		most = p->conf.queue_max;
	if (most > n)
		most = n;
	return most == 0 ? 1 : (uint32_t)most;
}

static int
many_start(struct pool *p, const struct pool_task *tasks, size_t n, bool ordered,
    pool_item_fn *item, loop_fn *end, void *ctx, struct pool_many **ret)
{
	uint32_t window = window_of(p, n);
	struct pool_many *m = calloc(1, sizeof(*m) + window * sizeof(m->slots[0]));

	if (m == NULL)
		return -ENOMEM;
	m->turns = calloc(window, sizeof(m->turns[0]));
	if (m->turns == NULL) {
		free(m);
		return -ENOMEM;
	}
	m->pool = p;
	m->tasks = tasks;
	m->n = n;
	m->ordered = ordered;
	m->item = item;
	m->end = end;
	m->ctx = ctx;
	m->window = window;
	list_init(&m->free);
	for (uint32_t i = 0; i < window; i++) {
		m->slots[i].many = m;
		list_push(&m->free, &m->slots[i].on_free);
	}
	list_init(&m->on_waiting);
	list_push(&p->manys, &m->on_pool);
	later_init(&m->start, p->loop, on_start, m);
	later_start(&m->start);
	*ret = m;
	return 0;
}

int
pool_map(struct pool *p, const struct pool_task *tasks, size_t n, pool_item_fn *item,
    loop_fn *end, void *ctx, struct pool_many **ret)
{
	return many_start(p, tasks, n, true, item, end, ctx, ret);
}

int
pool_imap(struct pool *p, const struct pool_task *tasks, size_t n, pool_item_fn *item,
    loop_fn *end, void *ctx, struct pool_many **ret)
{
	return many_start(p, tasks, n, false, item, end, ctx, ret);
}

void
pool_many_cancel(struct pool_many *m)
{
	if (m->cancelled)
		return;
	m->cancelled = true;
	for (uint32_t i = 0; i < m->window; i++)
		if (m->slots[i].running)
			pool_cancel(m->pool, m->slots[i].id);
	if (!m->in_call)
		many_free(m);
}
