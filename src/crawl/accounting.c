#include "crawl/crawl_internal.h"
#include <assert.h>
#include <errno.h>

/* A URL has its outcome. */
void
account_end(struct crawl *c, const struct visit *v)
{
	struct crawl_totals *t = &c->stats.totals;

	t->body_bytes += v->commit.event.body_bytes;
	if (v->robots)
		return;
	t->in_flight--;
	t->queued++;
	totals_end(t, &v->commit.event);
	seed_ended(c, v);
}

void
crawl_stats(struct crawl *c, struct crawl_stats *ret)
{
	int64_t now = loop_now_ms(c->loop);

	*ret = c->stats;
	ret->elapsed_ms = now - c->began_ms;
	ret->crawl_ms = c->earlier_ms + ret->elapsed_ms;
	ret->transfers = c->in_state[VISIT_FETCH];
	ret->parsing = c->in_state[VISIT_PARSE] + c->in_state[VISIT_QUEUED];
	ret->committing = c->in_state[VISIT_COMMIT];
	ret->held = c->held;
	frontier_stats(c->frontier, now, &ret->frontier);
	pool_stats(c->engine->pool, &ret->pool);
}

void
crawl_traps(const struct crawl *c, struct trap_sums *ret)
{
	traps_sums(committer_traps(c->committer), ret);
}

uint32_t
crawl_hosts(struct crawl *c, struct frontier_host *ret, uint32_t max)
{
	return frontier_hosts(c->frontier, loop_now_ms(c->loop), ret, max);
}

void
crawl_check(struct crawl *c)
{
	assert(totals_hold(&c->stats.totals));
	frontier_check(c->frontier);
}

int
crawl_subscribe(struct crawl *c, unsigned mask, crawl_event_fn *fn, void *ctx)
{
	if (c->subscribers_len == CRAWL_SUBSCRIBERS_MAX)
		return -ENOSPC;
	c->subscribers[c->subscribers_len].mask = mask;
	c->subscribers[c->subscribers_len].fn = fn;
	c->subscribers[c->subscribers_len].ctx = ctx;
	c->subscribers_len++;
	return 0;
}

void
crawl_tell(struct crawl *c, const struct crawl_event *e)
{
	for (size_t i = 0; i < c->subscribers_len; i++)
		if ((c->subscribers[i].mask & e->kind) != 0)
			c->subscribers[i].fn(c->subscribers[i].ctx, e);
}
