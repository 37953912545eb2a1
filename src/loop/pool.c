/*
 * Slots, queue, settings, room.  Who runs the tasks: pool_peer.c, or pool_inline.c.
 *
 * Nothing is sent from pool_apply(): what one turn of the loop brings in goes out in the
 * next, one batch a worker.
 */
#include "loop/pool.h"
#include "loop/pool_int.h"
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define CONTEXTS_MAX     65536u
#define QUEUE_MAX        (1u << 24)
#define RESULT_BYTES_MAX ((uint64_t)1 << 40)

static const char *const end_names[] = {
    [POOL_DONE] = "done",
    [POOL_ERROR] = "error",
    [POOL_CRASH] = "crash",
    [POOL_TIMEOUT] = "timeout",
    [POOL_CANCELLED] = "cancelled",
};

const char *
pool_end_name(enum pool_end e)
{
	assert((size_t)e < sizeof(end_names) / sizeof(end_names[0]));
	return end_names[e];
}

void
trouble_set(struct pool *p, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(p->trouble.text, sizeof(p->trouble.text), fmt, ap);
	va_end(ap);
	p->trouble_code = code;
}

const char *
pool_trouble(const struct pool *p)
{
	return p->trouble.text;
}

struct pool_death
pool_death(const struct pool *p)
{
	return p->death;
}

/* ---- tasks ---- */

/* Its worker is for all again. */
static void
alone_is_over(struct pool *p, const struct task *t)
{
	if (p->alone_task != t)
		return;
	p->alone_task = NULL;
	p->alone_at = NULL;
	later_start(&p->turn);
}

static void
task_queue(struct pool *p, struct task *t, bool first)
{
	struct list *queue = t->alone ? &p->alone : &p->queue;

	t->state = TASK_QUEUED;
	list_remove(&t->on);
	if (first)
		list_push_front(queue, &t->on);
	else
		list_push(queue, &t->on);
	if (t->alone)
		p->alone_len++;
	else
		p->queue_len++;
	later_start(&p->turn);
}

static void
task_unqueue(struct pool *p, struct task *t)
{
	list_remove(&t->on);
	if (t->alone)
		p->alone_len--;
	else
		p->queue_len--;
}

void
task_end(struct pool *p, struct task *t, enum pool_end end, struct slice result)
{
	pool_done_fn *done = t->cancelled ? NULL : t->done;
	void *ctx = t->ctx;

	assert(t->state != TASK_FREE);
	free(t->head);
	t->head = NULL;
	t->state = TASK_FREE;
	t->gen = t->gen == UINT32_MAX ? 1 : t->gen + 1;
	list_remove(&t->on);
	list_push_front(&p->tasks_free, &t->on);
	p->tasks_held--;
	alone_is_over(p, t);
	if (p->was_full) {
		p->was_full = false;
		later_start(&p->room);
	}
	if (done != NULL)
		done(ctx, end, result);
}

void
task_again(struct pool *p, struct task *t)
{
	if (t->cancelled) {
		task_end(p, t, POOL_CANCELLED, slice_of(NULL, 0));
		return;
	}
	t->begun = false;
	alone_is_over(p, t);
	task_queue(p, t, true);
}

static struct task *
take_from(struct pool *p, struct list *queue)
{
	struct task *t;

	if (list_is_empty(queue))
		return NULL;
	t = task_of(queue->next);
	task_unqueue(p, t);
	return t;
}

struct task *
task_take(struct pool *p)
{
	return take_from(p, &p->queue);
}

/* Further tasks of its owner's, out of those that wait longest. */
struct task *
task_take_like(struct pool *p, const struct task *t)
{
	enum { LOOK_AT_MOST = 256 };
	int looked = 0;

	list_foreach (at, &p->queue) {
		struct task *other = task_of(at);

		if (other->owner == t->owner && other->context == t->context) {
			task_unqueue(p, other);
			return other;
		}
		if (++looked == LOOK_AT_MOST)
			break;
	}
	return NULL;
}

struct task *
task_take_alone(struct pool *p)
{
	return take_from(p, &p->alone);
}

static int
task_check(const struct pool *p, const struct pool_task *in)
{
	uint64_t at;

	if (p->lost)
		return -EPIPE;
	if (in->head.len > p->conf.head_bytes_max)
		return -EMSGSIZE;
	if (in->body.len > 0 && !p->is_inline)
		return p->conf.shm == NULL ? -EINVAL
					   : shm_find(p->conf.shm, in->body, &at);
	return 0;
}

int
pool_apply(struct pool *p, const struct pool_task *in, pool_done_fn *done, void *ctx,
    struct pool_id *ret)
{
	char *head = NULL;
	struct task *t;
	int r = task_check(p, in);

	if (r < 0)
		return r;
	if (list_is_empty(&p->tasks_free)) {
		p->was_full = true;
		return -EAGAIN;
	}
	if (in->head.len > 0) {
		head = malloc(in->head.len);
		if (head == NULL)
			return -ENOMEM;
		memcpy(head, in->head.ptr, in->head.len);
	}
	t = container_of(list_pop(&p->tasks_free), struct task, on);
	t->begun = t->cancelled = false;
	t->alone = in->alone;
	t->context = in->context;
	t->owner = in->owner;
	t->timeout_ms = in->timeout_ms;
	t->head = head;
	t->head_bytes = (uint32_t)in->head.len;
	t->body = in->body;
	t->done = done;
	t->ctx = ctx;
	p->tasks_held++;
	task_queue(p, t, false);
	if (ret != NULL)
		*ret = (struct pool_id){.slot = t->slot, .gen = t->gen};
	return 0;
}

void
pool_cancel(struct pool *p, struct pool_id id)
{
	struct task *t;

	if (id.slot >= p->conf.queue_max)
		return;
	t = &p->tasks[id.slot];
	if (t->gen != id.gen || t->state == TASK_FREE)
		return;
	t->cancelled = true;
	if (t->state == TASK_QUEUED) {
		task_unqueue(p, t);
		task_end(p, t, POOL_CANCELLED, slice_of(NULL, 0));
	}
}

void
pool_lose(struct pool *p)
{
	struct task *t;

	p->lost = true;
	while ((t = task_take(p)) != NULL || (t = task_take_alone(p)) != NULL)
		task_end(p, t, POOL_CANCELLED, slice_of(NULL, 0));
}

/* ---- settings ---- */

struct pool_context *
context_get(const struct pool *p, uint32_t id)
{
	return umap_get(&p->contexts, id);
}

static uint32_t
lines(const struct pool *p)
{
	return p->is_inline ? 1 : p->conf.workers;
}

static void
context_free(struct pool_context *c)
{
	list_remove(&c->on_forgotten);
	free(c->settings);
	free(c);
}

static bool
context_is_known(const struct pool *p, const struct pool_context *c)
{
	for (uint32_t i = 0; i < lines(p); i++)
		if (c->have[i].version != 0)
			return true;
	return false;
}

void
contexts_sweep(struct pool *p)
{
	list_foreach_safe(it, tmp, &p->forgotten)
	{
		struct pool_context *c =
		    container_of(it, struct pool_context, on_forgotten);

		if (context_is_known(p, c))
			continue;
		(void)umap_take(&p->contexts, c->id);
		context_free(c);
	}
}

void
contexts_reset(struct pool *p, uint32_t index)
{
	void *value;

	for (size_t i = 0; umap_at(&p->contexts, &i, NULL, &value);)
		((struct pool_context *)value)->have[index] = (struct pool_had){0};
	contexts_sweep(p);
}

static int
context_new(struct pool *p, uint32_t id, struct pool_context **ret)
{
	struct pool_context *c = calloc(1, sizeof(*c) + lines(p) * sizeof(c->have[0]));
	int r;

	if (c == NULL)
		return -ENOMEM;
	c->id = id;
	list_init(&c->on_forgotten);
	r = umap_put(&p->contexts, id, c);
	if (r < 0) {
		free(c);
		return r;
	}
	*ret = c;
	return 0;
}

static void
context_forget(struct pool *p, struct pool_context *c)
{
	c->forgotten = true;
	list_remove(&c->on_forgotten);
	list_push(&p->forgotten, &c->on_forgotten);
	for (uint32_t i = 0; !p->is_inline && i < p->conf.workers; i++)
		p->peers[i].sync = true;
	contexts_sweep(p);
	later_start(&p->turn);
}

int
pool_configure(struct pool *p, uint32_t context, struct slice settings)
{
	struct pool_context *c = context_get(p, context);
	char *copy = NULL;
	int r;

	if (settings.len > POOL_SETTINGS_MAX)
		return -EMSGSIZE;
	if (settings.len == 0) {
		if (c != NULL)
			context_forget(p, c);
		return 0;
	}
	copy = malloc(settings.len);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, settings.ptr, settings.len);
	if (c == NULL) {
		r = context_new(p, context, &c);
		if (r < 0) {
			free(copy);
			return r;
		}
	}
	free(c->settings);
	c->settings = copy;
	c->settings_bytes = c->settings_cap = (uint32_t)settings.len;
	c->version = ++p->version_last;
	c->forgotten = c->broken = false;
	list_remove(&c->on_forgotten);
	return 0;
}

int
pool_extend(struct pool *p, uint32_t context, struct slice more)
{
	struct pool_context *c = context_get(p, context);
	char *grown;
	size_t cap;

	if (c == NULL || c->forgotten)
		return -ENOENT;
	if (more.len > POOL_SETTINGS_MAX - c->settings_bytes)
		return -EMSGSIZE;
	if (more.len > c->settings_cap - c->settings_bytes) {
		cap = c->settings_bytes + more.len + c->settings_bytes / 4;
		grown = realloc(c->settings, cap);
		if (grown == NULL)
			return -ENOMEM;
		c->settings = grown;
		c->settings_cap = (uint32_t)cap;
	}
	if (more.len > 0)
		memcpy(c->settings + c->settings_bytes, more.ptr, more.len);
	c->settings_bytes += (uint32_t)more.len;
	return 0;
}

/* ---- the pool itself ---- */

static void
on_turn(void *ctx)
{
	struct pool *p = ctx;

	if (p->is_inline)
		inline_turn(p);
	else
		peers_turn(p);
}

static void
on_room(void *ctx)
{
	struct pool *p = ctx;

	manys_room(p);
	if (p->on_room != NULL)
		p->on_room(p->on_room_ctx);
}

void
pool_on_room(struct pool *p, loop_fn *fn, void *ctx)
{
	p->on_room = fn;
	p->on_room_ctx = ctx;
}

static int
conf_check(const struct loop *l, const struct pool_conf *c, struct why *why)
{
	if (c->ops == NULL || c->ops->run == NULL)
		return why_set(why, -EINVAL, "a pool needs something to run");
	if (c->workers == 0 || c->workers > POOL_WORKERS_MAX)
		return why_set(
		    why, -EINVAL, "a pool has 1 to %u workers", POOL_WORKERS_MAX);
	if (c->queue_max == 0 || c->queue_max > QUEUE_MAX || c->batch_max == 0 ||
	    c->batch_max > REGION_NOTES)
		return why_set(why, -EINVAL,
		    "a pool's queue holds 1 to %u tasks, its batches 1 to %d", QUEUE_MAX,
		    REGION_NOTES);
	if (c->head_bytes_max > WIRE_HEAD_BYTES_MAX)
		return why_set(why, -EINVAL, "the head of a task has at most %u bytes",
		    WIRE_HEAD_BYTES_MAX);
	if (c->result_bytes_max > RESULT_BYTES_MAX)
		return why_set(why, -EINVAL,
		    "the result of a task has at most %llu bytes",
		    (unsigned long long)RESULT_BYTES_MAX);
	if (c->nursery == NULL && !loop_is_virtual(l))
		return why_set(why, -EINVAL, "a pool needs a nursery");
	return 0;
}

static struct pool *
pool_alloc(struct loop *l, const struct pool_conf *conf)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->tasks = calloc(conf->queue_max, sizeof(*p->tasks));
	if (p->tasks == NULL) {
		free(p);
		return NULL;
	}
	p->loop = l;
	p->conf = *conf;
	p->is_inline = loop_is_virtual(l);
	list_init(&p->tasks_free);
	list_init(&p->queue);
	list_init(&p->alone);
	list_init(&p->forgotten);
	list_init(&p->manys);
	list_init(&p->manys_waiting);
	for (uint32_t i = 0; i < conf->queue_max; i++) {
		p->tasks[i].slot = i;
		p->tasks[i].gen = 1;
		list_push(&p->tasks_free, &p->tasks[i].on);
	}
	umap_init(&p->contexts, CONTEXTS_MAX);
	later_init(&p->turn, l, on_turn, p);
	later_init(&p->room, l, on_room, p);
	return p;
}

static void
pool_release(struct pool *p)
{
	void *value;

	later_stop(&p->turn);
	later_stop(&p->room);
	for (uint32_t i = 0; i < p->conf.queue_max; i++)
		free(p->tasks[i].head);
	for (size_t i = 0; umap_at(&p->contexts, &i, NULL, &value);)
		context_free(value);
	umap_release(&p->contexts);
	free(p->tasks);
	free(p);
}

int
pool_new(struct loop *l, const struct pool_conf *conf, struct pool **ret, struct why *why)
{
	struct pool *p;
	int r = conf_check(l, conf, why);

	if (r < 0)
		return r;
	p = pool_alloc(l, conf);
	if (p == NULL)
		return why_set(why, -ENOMEM, "no memory for a pool");
	r = p->is_inline ? inline_start(p, why) : peers_start(p, why);
	if (r < 0) {
		pool_release(p);
		return r;
	}
	*ret = p;
	return 0;
}

void
pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	manys_forget(p);
	if (p->is_inline)
		inline_stop(p);
	else
		peers_stop(p);
	pool_release(p);
}

void
pool_stats(const struct pool *p, struct pool_stats *ret)
{
	*ret = p->stats;
	ret->workers_alive = p->is_inline ? 1 : 0;
	for (uint32_t i = 0; !p->is_inline && i < p->conf.workers; i++) {
		const struct peer *w = &p->peers[i];

		ret->running += w->line_len > 0;
		ret->workers_alive += w->state == PEER_READY;
	}
	ret->queued = p->tasks_held - ret->running;
}

uint32_t
pool_pids(const struct pool *p, int *ret_pids, uint32_t pids_max)
{
	uint32_t n = 0;

	for (uint32_t i = 0; !p->is_inline && i < p->conf.workers && n < pids_max; i++)
		if (p->peers[i].state == PEER_READY)
			ret_pids[n++] = p->peers[i].pid;
	return n;
}

void
pool_check(const struct pool *p)
{
	uint32_t held = 0, queued = 0, listed = 0;

	for (uint32_t i = 0; i < p->conf.queue_max; i++) {
		assert(p->tasks[i].slot == i && p->tasks[i].gen != 0);
		held += p->tasks[i].state != TASK_FREE;
		queued += p->tasks[i].state == TASK_QUEUED;
		assert(p->tasks[i].state != TASK_QUEUED || !p->tasks[i].cancelled);
	}
	list_foreach (it, &p->queue)
		listed += !task_of(it)->alone;
	assert(listed == p->queue_len);
	list_foreach (it, &p->alone)
		listed += task_of(it)->alone;
	assert(held == p->tasks_held);
	assert(queued == p->queue_len + p->alone_len && listed == queued);
	assert(p->alone_task == NULL || p->alone_task->alone);
	assert(!p->lost || held == 0);
	if (!p->is_inline)
		peers_check(p);
}
