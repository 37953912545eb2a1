#include "crawl/crawl.h"
#include "base/log.h"
#include "crawl/crawl_internal.h"
#include "crawl/scope.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
	STARTS_PER_TURN = 64,
	MAILS_MAX = 1 << 16,
	MAILS_BEHIND = 1024,  /* more at the store thread: it is behind */
	PARSING_BEHIND = 256, /* more at the workers: they are behind */
	GRACE_MS = 10000,     /* of a polite stop */
	COMMIT_MS = 1000,
	COMMIT_BYTES = 32 << 20,
	WINDOW_MAX = 1024,
	ROBOTS_TTL_MS = 24 * 3600 * 1000,
	DELAY_AUTO_MAX_MS = 30000,
};

const char *
crawl_end_text(enum crawl_end e)
{
	static const char *const texts[] = {
#define X(id, text) [CRAWL_##id] = text,
	    CRAWL_ENDS(X)
#undef X
	};

	return texts[e];
}

const char *
crawl_why(const struct crawl *c)
{
	return c->why.text;
}

uint64_t
crawl_random(struct crawl *c)
{
	uint64_t x;

	if (c->random == 0) {
		if (getrandom(&x, sizeof(x), 0) == (ssize_t)sizeof(x))
			return x;
		c->random = (uint64_t)loop_wall_us(c->loop) | 1;
	}
	/* splitmix64, Steele et al. 2014 */
	x = c->random += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* ---- the end ---- */

static void
set_phase(struct crawl *c, enum crawl_phase phase)
{
	static const char *const names[] = {"running", "stopping", "closing", "ended"};
	struct crawl_event e = {.kind = CRAWL_EVENT_STATE, .state = names[phase]};

	c->phase = phase;
	crawl_tell(c, &e);
}

/* Drops what a stop need not wait for; what is with the store thread comes back by
 * itself. */
static void
drop_visits(struct crawl *c)
{
	list_foreach_safe(at, tmp, &c->visits)
	{
		struct visit *v = container_of(at, struct visit, on_crawl);

		if (v->state != VISIT_COMMIT)
			visit_drop(v);
	}
}

static void
close_if_idle(struct crawl *c)
{
	int r;

	if (c->phase != CRAWL_STOPPING || !list_is_empty(&c->visits) || c->commits > 0)
		return;
	timer_stop(&c->grace);
	set_phase(c, CRAWL_CLOSING);
	commit_init(&c->closing, COMMIT_CLOSE, c);
	c->closing.finished = true;
	c->commits++;
	r = committer_send(c->committer, &c->closing);
	assert(r == 0); /* the mailbox has room when nothing is under way */
}

static void
begin_stop(struct crawl *c, enum crawl_end end)
{
	if (c->phase != CRAWL_RUNNING)
		return;
	c->end = end;
	set_phase(c, CRAWL_STOPPING);
	/* Whatever ends it, an answer that drips may not hold the end. */
	(void)timer_start(&c->grace, GRACE_MS);
	later_start(&c->pump);
}

static void
on_grace(void *ctx)
{
	struct crawl *c = ctx;

	drop_visits(c);
	close_if_idle(c);
}

void
crawl_stop(struct crawl *c, bool at_once)
{
	begin_stop(c, CRAWL_STOPPED);
	if (c->phase == CRAWL_STOPPING && at_once)
		(void)timer_start(&c->grace, 0);
}

void
crawl_fail(struct crawl *c, enum crawl_end end, const char *text)
{
	if (c->why.text[0] == '\0')
		(void)why_set(&c->why, 0, "%s", text);
	begin_stop(c, end);
	c->end = end;
	if (c->phase == CRAWL_STOPPING)
		(void)timer_start(&c->grace, 0);
}

static void
on_budget_time(void *ctx)
{
	struct crawl *c = ctx;

	begin_stop(c, CRAWL_TIME);
}

/* ---- who is next ---- */

/* Whether the budget lets one more begin; ends the run when it is used up. */
static bool
budget_allows(struct crawl *c)
{
	const struct crawl_stats *s = &c->stats;
	int64_t pages_max = c->o->limits_max_pages, bytes_max = c->o->limits_max_bytes;

	if (bytes_max != OPTION_NONE && s->wire_bytes >= (uint64_t)bytes_max) {
		begin_stop(c, CRAWL_BYTES);
		return false;
	}
	if (pages_max == OPTION_NONE)
		return true;
	if (s->pages >= (uint64_t)pages_max) {
		begin_stop(c, CRAWL_PAGES);
		return false;
	}
	/* In hand counts: each may become a page. */
	return s->pages + s->in_flight < (uint64_t)pages_max;
}

static enum wait_cause
held_by(struct crawl *c, int64_t *ret_wait_ms)
{
	int64_t now_us = loop_now_us(c->loop), wait_us;

	*ret_wait_ms = -1;
	if (c->in_state[VISIT_FETCH] >= c->o->fetch_concurrency || !budget_allows(c))
		return WAIT_CONNECTION_CAP;
	if (committer_waiting(c->committer) >= MAILS_BEHIND)
		return WAIT_STORE_BEHIND;
	if (c->in_state[VISIT_PARSE] + c->in_state[VISIT_QUEUED] >= PARSING_BEHIND ||
	    shm_used_bytes(c->engine->shm) > shm_bytes(c->engine->shm) / 4 * 3)
		return WAIT_PARSER_BEHIND;
	wait_us = limiter_wait_us(&c->rate, 1, now_us);
	if (wait_us > 0) {
		*ret_wait_ms = wait_us / 1000 + 1;
		return WAIT_GLOBAL_RATE;
	}
	wait_us = limiter_wait_us(&c->bandwidth, 1, now_us);
	if (wait_us > 0) {
		*ret_wait_ms = wait_us / 1000 + 1;
		return WAIT_BANDWIDTH;
	}
	return WAIT_NONE;
}

static void
wake_at(struct crawl *c, int64_t after_ms)
{
	if (after_ms >= 0)
		(void)timer_start(&c->due, after_ms);
}

/* One URL at most; false: nothing more can begin now. */
static bool
start_one(struct crawl *c)
{
	struct frontier_turn turn;
	int64_t wait_ms, now = loop_now_ms(c->loop);
	enum wait_cause held = held_by(c, &wait_ms);
	int r;

	if (held != c->held) {
		c->held = held;
		frontier_held(c->frontier, held, now);
	}
	if (held != WAIT_NONE) {
		wake_at(c, wait_ms);
		return false;
	}
	r = frontier_next(c->frontier, now, &turn);
	if (r == 0 && turn.kind == FRONTIER_IDLE) {
		wake_at(c, turn.due_ms == INT64_MAX ? -1 : turn.due_ms - now);
		return false;
	}
	if (r == 0 && turn.kind == FRONTIER_REFUSED) {
		visit_refuse(c, &turn);
		return true;
	}
	if (r == 0) {
		limiter_take(&c->rate, 1, loop_now_us(c->loop));
		r = visit_start(c, &turn);
	}
	if (r < 0)
		crawl_fail(c, CRAWL_STORE, strerror(-r));
	return r == 0;
}

static void
ask_refills(struct crawl *c)
{
	uint64_t authority, after;

	while (frontier_wants(c->frontier, &authority, &after)) {
		struct commit *m = malloc(sizeof(*m));

		if (m == NULL) {
			crawl_fail(c, CRAWL_STORE, "out of memory");
			return;
		}
		commit_init(m, COMMIT_REFILL, c);
		m->authority_hash = authority;
		m->after_key = after;
		c->commits++;
		if (committer_send(c->committer, m) < 0) {
			c->commits--;
			free(m);
			crawl_fail(c, CRAWL_STORE, "the store thread takes no more");
			return;
		}
	}
}

static bool
is_over(const struct crawl *c)
{
	return c->stats.queued == 0 && list_is_empty(&c->visits) && c->commits == 0;
}

static void
on_pump(void *ctx)
{
	struct crawl *c = ctx;
	int started = 0;

	if (c->phase == CRAWL_RUNNING) {
		timer_stop(&c->due);
		while (c->phase == CRAWL_RUNNING && started < STARTS_PER_TURN &&
		       start_one(c))
			started++;
		if (started == STARTS_PER_TURN)
			later_start(&c->pump);
		ask_refills(c);
	}
	if (c->phase == CRAWL_RUNNING && is_over(c))
		begin_stop(c, CRAWL_DONE);
	close_if_idle(c);
}

void
crawl_pump(struct crawl *c)
{
	later_start(&c->pump);
}

void
crawl_visit_ended(struct crawl *c)
{
	crawl_pump(c);
}

/* ---- replies of the store thread ---- */

static int
tell_workers(struct crawl *c)
{
	struct buf settings;
	int r;

	buf_init(&settings, 1 << 20);
	r = scope_settings(
	    c->o, (const char *const *)c->roots.v, c->roots.n, c->hash_seed, &settings);
	if (r == 0)
		r = pool_configure(c->engine->pool, c->context, buf_slice(&settings));
	buf_release(&settings);
	return r;
}

static int
root_push(struct crawl *c, struct slice url)
{
	char **grown = realloc(c->roots.v, (c->roots.n + 1) * sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	c->roots.v = grown;
	grown[c->roots.n] = slice_dup(url);
	if (grown[c->roots.n] == NULL)
		return -ENOMEM;
	c->roots.n++;
	return 0;
}

int
crawl_add_root(struct crawl *c, struct slice url)
{
	int r = root_push(c, url);

	return r < 0 ? r : tell_workers(c);
}

static int
take_fresh(struct crawl *c, struct commit *m)
{
	int64_t now = loop_now_ms(c->loop);
	int r = 0;

	totals_links(&c->stats.totals, &m->counts);
	for (uint32_t i = 0; i < m->fresh_len && r == 0; i++) {
		struct urlrec *rec = &m->fresh[i];

		if ((rec->flags & URLREC_SEED_CHAIN) != 0)
			r = crawl_add_root(c, rec->url);
		if (r == 0)
			r = frontier_add(c->frontier, rec, now);
	}
	return r;
}

static void
on_reply(void *ctx, struct commit *m)
{
	struct crawl *c = ctx;
	int r = m->err;

	if (r < 0 && c->why.text[0] == '\0')
		c->why = m->why;
	if (m->warcinfo_id[0] != '\0')
		memcpy(c->warcinfo_id, m->warcinfo_id, sizeof(c->warcinfo_id));
	if (m->kind == COMMIT_REFILL) {
		if (r == 0)
			r = frontier_refill(c->frontier, m->authority_hash, m->after_key,
			    m->fresh, m->fresh_len, m->more, loop_now_ms(c->loop));
		c->commits--;
		commit_release(m);
		free(m);
	} else if (m->kind == COMMIT_CLOSE) {
		c->commits--;
		if (r < 0)
			c->end = CRAWL_STORE;
		commit_release(m);
		set_phase(c, CRAWL_ENDED);
		c->conf.on_end(c->conf.ctx, c->end);
		return; /* c may be gone */
	} else {
		if (r == 0 && m->kind != COMMIT_ATTEMPT)
			r = take_fresh(c, m);
		if (r <
		    0) /* before visit_committed(): what is not archived is not counted */
			crawl_fail(c, CRAWL_STORE, strerror(-r));
		if (m->kind == COMMIT_LINKS) {
			c->commits--;
			free(m->links);
			m->links = NULL;
			commit_release(m);
		} else {
			if (r < 0)
				visit_uncommitted(m->owner);
			else
				visit_committed(m->owner);
		}
	}
	if (r < 0)
		crawl_fail(c, CRAWL_STORE, strerror(-r));
	crawl_pump(c);
}

static void
on_room(void *ctx)
{
	crawl_pump(ctx);
}

static void
on_pool_room(void *ctx)
{
	struct crawl *c = ctx;

	visits_parse_waiting(c);
	crawl_pump(c);
}

/* ---- the start ---- */

static int
own_put(struct crawl *c, struct slice authority)
{
	int r = umap_put(&c->own_authorities, url_hash(authority, c->hash_seed), c);

	return r == -EEXIST ? 0 : r;
}

/* On the default ports http and https are one place to people: http://intranet/ that moves
 * to https://intranet/ stays the seed's own. */
static int
own_add(struct crawl *c, const struct url *url)
{
	char other[URL_BYTES_MAX];
	int n, r = own_put(c, url_authority(url));

	if (r < 0 || url->port != (url_is_https(url) ? 443 : 80))
		return r;
	n = snprintf(other, sizeof(other), "http%s://" SLICE_FMT,
	    url_is_https(url) ? "" : "s", SLICE_ARG(url_host(url)));
	return own_put(c, slice_of(other, (size_t)n));
}

static int
send_seeds(struct crawl *c)
{
	const struct strlist *seeds = &c->conf.job->seeds;
	char text[URL_BYTES_MAX];
	struct url url;
	int r = 0;

	commit_init(&c->seeds, COMMIT_LINKS, c);
	c->seeds.links = calloc(seeds->n + 1, sizeof(*c->seeds.links));
	if (c->seeds.links == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < seeds->n && r == 0; i++) {
		struct found_link *l = &c->seeds.links[c->seeds.links_len++];

		if (url_resolve(NULL, slice_cstr(seeds->v[i]), (struct slice){0}, 0, text,
			sizeof(text), &url) != URL_OK)
			return -EINVAL; /* job_add_seed() took it: our bug */
		*l = (struct found_link){.kind = LINK_SEED,
		    .flags = URLREC_SEED,
		    .url = slice_cstr(seeds->v[i]),
		    .url_hash = url_hash(url_text(&url), c->hash_seed),
		    .authority_hash = url_hash(url_authority(&url), c->hash_seed)};
		r = own_add(c, &url);
		if (r == 0)
			r = root_push(c, l->url);
	}
	if (r == 0)
		r = tell_workers(c);
	c->commits++;
	return r == 0 ? committer_send(c->committer, &c->seeds) : r;
}

static int
open_committer(struct crawl *c, struct why *why)
{
	static const char *const default_sinks[] = {"warc", "jsonl"};
	const struct options *o = c->o;
	struct buf settings, file;
	struct slice state;
	int r;
	struct committer_conf conf = {.loop = c->loop,
	    .dir = c->conf.dir,
	    .sinks = o->output_sink.n > 0 ? (const char *const *)o->output_sink.v
					  : default_sinks,
	    .sinks_len = o->output_sink.n > 0 ? o->output_sink.n : 2,
	    .order = NULL,
	    .commit_ms = COMMIT_MS,
	    .commit_bytes = COMMIT_BYTES,
	    .mails_max = MAILS_MAX,
	    .ctx = c,
	    .on_reply = on_reply,
	    .on_room = on_room};
	char kind[32];

	(void)option_word(&option_rows[OPTION_ID_run_state], o->run_state, &state);
	(void)snprintf(kind, sizeof(kind), SLICE_FMT, SLICE_ARG(state));
	conf.state = kind;
	(void)option_word(&option_rows[OPTION_ID_crawl_order], o->crawl_order, &state);
	conf.order = order_find(state);
	buf_init(&settings, 1 << 20);
	buf_init(&file, 1 << 20);
	r = scope_settings(o, (const char *const *)c->conf.job->seeds.v,
	    c->conf.job->seeds.n, c->hash_seed, &settings);
	if (r == 0)
		r = job_write(c->conf.job, true, &file);
	conf.scope_settings = buf_slice(&settings);
	conf.sink = (struct sink_conf){.dir = c->conf.dir,
	    .job = c->conf.job->name,
	    .user_agent = o->fetch_user_agent,
	    .operator_from = o->fetch_from,
	    .robots = o->crawl_robots == ROBOTS_OBEY ? "obey" : "ignore",
	    .software = PACKAGE_NAME "/" PACKAGE_VERSION,
	    .settings = buf_slice(&file),
	    .warc_bytes_max = (uint64_t)o->output_warc_size,
	    .wall_us = loop_wall_us(c->loop),
	    .run_id = {crawl_random(c), crawl_random(c)}};
	r = r < 0 ? why_set(why, r, "out of memory")
		  : committer_new(&conf, &c->committer, why);
	buf_release(&settings);
	buf_release(&file);
	return r;
}

static int
open_frontier(struct crawl *c)
{
	const struct options *o = c->o;
	struct slice order;
	struct frontier_conf conf = {.robots = o->crawl_robots == ROBOTS_OBEY,
	    .per_host = o->fetch_per_host,
	    .delay_ms = o->fetch_delay,
	    .delay_auto_max_ms = DELAY_AUTO_MAX_MS,
	    .crawl_delay_max_ms = o->fetch_crawl_delay_max,
	    .window_max = WINDOW_MAX,
	    .jitter_seed = crawl_random(c),
	    .robots_ttl_ms = ROBOTS_TTL_MS,
	    .dead_after = o->fetch_retries + 1};

	(void)option_word(&option_rows[OPTION_ID_crawl_order], o->crawl_order, &order);
	conf.order = order_find(order);
	return frontier_new(&conf, &c->frontier);
}

static uint32_t
part_ms(const struct options *o, enum option_id id, int64_t part)
{
	int64_t ms =
	    o->given[OPTION_ID_fetch_timeout] && !o->given[id] ? o->fetch_timeout : part;

	return ms > UINT32_MAX ? 0 : (uint32_t)ms; /* 0: none */
}

static int
open_fetcher(struct crawl *c)
{
	const struct options *o = c->o;
	struct engine *e = c->engine;
	struct fetcher_conf conf = {.loop = c->loop,
	    .dns = e->dns,
	    .transport = e->transport,
	    .policy = e->policy,
	    .fetches_max =
		o->fetch_concurrency + 64, /* redirected robots.txt come on top */
	    .proxied = o->fetch_proxy != NULL,
	    .user_agent = o->fetch_user_agent,
	    .from = o->fetch_from,
	    .headers = (const char *const *)o->fetch_header.v,
	    .headers_len = o->fetch_header.n,
	    .connect_ms =
		part_ms(o, OPTION_ID_fetch_connect_timeout, o->fetch_connect_timeout),
	    .first_byte_ms = part_ms(
		o, OPTION_ID_fetch_first_byte_timeout, o->fetch_first_byte_timeout),
	    .stall_ms = part_ms(o, OPTION_ID_fetch_stall_timeout, o->fetch_stall_timeout),
	    .total_ms = part_ms(o, OPTION_ID_fetch_total_timeout, o->fetch_total_timeout),
	    .body_bytes_max = (uint64_t)o->fetch_max_body};

	return fetcher_new(&conf, &c->fetcher);
}

static void
crawl_init(struct crawl *c, struct engine *e, const struct crawl_conf *conf)
{
	int64_t now_us = loop_now_us(e->loop);
	const struct options *o = &conf->job->options;
	double bandwidth =
	    o->fetch_bandwidth == OPTION_NONE ? 0 : (double)o->fetch_bandwidth;

	c->engine = e;
	c->loop = e->loop;
	c->conf = *conf;
	c->o = o;
	c->random = conf->random_seed;
	c->hash_seed = crawl_random(c);
	c->context = ++e->context_next;
	c->began_ms = loop_now_ms(e->loop);
	list_init(&c->visits);
	list_init(&c->parse_wait);
	list_init(&c->robots_wait);
	umap_init(&c->robots_targets, 1 << 20);
	umap_init(&c->own_authorities, 1 << 20);
	later_init(&c->pump, e->loop, on_pump, c);
	timer_init(&c->due, e->loop, on_pump, c);
	timer_init(&c->grace, e->loop, on_grace, c);
	timer_init(&c->budget_time, e->loop, on_budget_time, c);
	limiter_init(
	    &c->rate, o->fetch_rate, o->fetch_rate < 10 ? 1 : o->fetch_rate / 10, now_us);
	limiter_init(&c->bandwidth, bandwidth, bandwidth, now_us);
}

static int
open_parts(struct crawl *c, struct why *why)
{
	int r = open_committer(c, why);

	if (r < 0)
		return r;
	r = open_frontier(c);
	if (r == 0)
		r = open_fetcher(c);
	c->seed_ends = calloc(c->conf.job->seeds.n + 1, sizeof(*c->seed_ends));
	if (r == 0 && c->seed_ends == NULL)
		r = -ENOMEM;
	if (r == 0 && c->o->limits_max_time != OPTION_NONE)
		r = timer_start(&c->budget_time, c->o->limits_max_time);
	if (r == 0)
		r = send_seeds(c);
	return r < 0 ? why_set(why, r, "cannot start: %s", strerror(-r)) : 0;
}

int
crawl_start(
    struct engine *e, const struct crawl_conf *conf, struct crawl **ret, struct why *why)
{
	struct crawl *c;
	int r;

	if (conf->job->seeds.n == 0)
		return why_set(
		    why, -EINVAL, "there is nothing to crawl: give at least one URL");
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	crawl_init(c, e, conf);
	r = open_parts(c, why);
	if (r < 0) {
		crawl_free(c);
		return r;
	}
	e->crawl = c;
	pool_on_room(e->pool, on_pool_room, c);
	*ret = c;
	return 0;
}

void
crawl_free(struct crawl *c)
{
	if (c == NULL)
		return;
	drop_visits(c);
	/* Its last replies come while visits and frontier are still here. */
	c->phase = CRAWL_CLOSING;
	committer_free(c->committer);
	later_stop(&c->pump);
	timer_stop(&c->due);
	timer_stop(&c->grace);
	timer_stop(&c->budget_time);
	if (c->engine->crawl == c) {
		pool_on_room(c->engine->pool, NULL, NULL);
		c->engine->crawl = NULL;
	}
	fetcher_free(c->fetcher);
	frontier_free(c->frontier);
	umap_release(&c->own_authorities);
	umap_release(&c->robots_targets);
	for (size_t i = 0; i < c->roots.n; i++)
		free(c->roots.v[i]);
	free(c->roots.v);
	free(c->seeds.links);
	free(c->seed_ends);
	free(c);
}
