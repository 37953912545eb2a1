#include "base/probe.h"
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

/* Also where there is nothing to start: then it is what was answered that goes on. */
static enum wait_cause
held_by(const struct crawl *c, const struct crawl_stats *s)
{
	if (c->held != WAIT_NONE || s->queued > 0 || s->transfers > 0)
		return c->held;
	return s->parsing > 0      ? WAIT_PARSER_BEHIND
	       : s->committing > 0 ? WAIT_STORE_BEHIND
				   : WAIT_NONE;
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
	ret->held = held_by(c, ret);
	ret->store_queue = committer_waiting(c->committer);
	committer_commits(c->committer, &ret->commits, &ret->commit_us);
	frontier_stats(c->frontier, now, &ret->frontier);
	for (size_t i = 0; i < WAIT_CAUSE_MAX; i++)
		ret->wait_ms[i] += c->closing.has_waits ? c->closing.wait_ms[i]
							: ret->frontier.wait_ms[i];
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

/* ---- what took how long ---- */

const char *
crawl_stage_name(enum crawl_stage s)
{
	static const char *const names[] = {
#define X(id, name) [CRAWL_STAGE_##id] = name,
	    CRAWL_STAGES(X)
#undef X
	};

	return names[s];
}

static void
no_stages(int64_t ret[CRAWL_STAGE_MAX])
{
	for (size_t i = 0; i < CRAWL_STAGE_MAX; i++)
		ret[i] = -1;
}

static void
stages_of_transfer(const struct transport_result *t, int64_t ret[CRAWL_STAGE_MAX])
{
	uint32_t before_ms = t->connect_ms + t->tls_ms + t->first_byte_ms;

	if (t->status == 0)
		return;
	if (!t->reused)
		ret[CRAWL_STAGE_CONNECT] = t->connect_ms * INT64_C(1000);
	if (t->tls_ms > 0)
		ret[CRAWL_STAGE_TLS] = t->tls_ms * INT64_C(1000);
	ret[CRAWL_STAGE_FIRST_BYTE] = t->first_byte_ms * INT64_C(1000);
	ret[CRAWL_STAGE_DOWNLOAD] =
	    t->total_ms > before_ms ? (t->total_ms - before_ms) * INT64_C(1000) : 0;
}

/* The worker says how long it was at it, and it cannot have been longer than we waited. */
static void
stages_of_parser(const struct visit *v, int64_t ret[CRAWL_STAGE_MAX])
{
	int64_t all_us = v->parsed_us - v->came_us, parse_us = v->found.worked_us;

	if (v->came_us == 0 || v->parsed_us == 0)
		return;
	if (parse_us > all_us)
		parse_us = all_us;
	ret[CRAWL_STAGE_PARSE] = parse_us;
	ret[CRAWL_STAGE_PARSE_QUEUE] = all_us - parse_us;
}

void
crawl_tell_fetch(const struct visit *v)
{
	int64_t stage_us[CRAWL_STAGE_MAX];
	struct crawl_event e = {
	    .kind = CRAWL_EVENT_FETCH, .fetch = &v->commit.event, .stage_us = stage_us};

	no_stages(stage_us);
	stages_of_transfer(&v->result.t, stage_us);
	stages_of_parser(v, stage_us);
	if (v->sent_us > 0)
		stage_us[CRAWL_STAGE_STORE] = loop_now_us(v->crawl->loop) - v->sent_us;
	PROBE6(fetch, v->rec->url.ptr, v->rec->url.len, v->commit.event.outcome,
	    stage_us[CRAWL_STAGE_FIRST_BYTE], stage_us[CRAWL_STAGE_PARSE],
	    stage_us[CRAWL_STAGE_STORE]);
	crawl_tell(v->crawl, &e);
}

void
crawl_tell_name(struct crawl *c, const struct dns_answer *a)
{
	int64_t stage_us[CRAWL_STAGE_MAX];
	struct crawl_event e = {.kind = CRAWL_EVENT_NAME, .stage_us = stage_us};

	if (a->from_cache)
		return;
	no_stages(stage_us);
	stage_us[CRAWL_STAGE_DNS] = a->ms * INT64_C(1000);
	PROBE1(name, a->ms);
	crawl_tell(c, &e);
}
