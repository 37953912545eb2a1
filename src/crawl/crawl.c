#include "crawl/crawl.h"
#include "base/log.h"
#include "crawl/crawl_internal.h"
#include "crawl/fields.h"
#include "crawl/scope.h"
#include "frontier/manners.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
	STARTS_PER_TURN = 64,
	MAILS_MAX = 1 << 16,
	REFILLS_MAX = 64,            /* under way */
	MAILS_BEHIND = 1024,         /* more at the store thread: it is behind */
	PARSING_BEHIND = 256,        /* more at the workers: they are behind */
	GRACE_MS = 10000,            /* of a polite stop */
	BODY_BYTES_USUAL = 64 << 20, /* of --max-body */
	SLOW_LOOK_MS = 100,          /* which requests are slow changes by time alone */
	HARMFUL_HOSTS_MAX = 1 << 16,
	DISK_PER_WIRE_BYTE = 4, /* at most, about: a page may be nothing but links */
	DISK_ROWS_PER_WIRE_BYTE =
	    16,                 /* besides, of a sink that has a row for each link */
	DISK_PER_PAGE = 4096,   /* however little came: heads, lines, notes */
	DISK_PER_URL_BYTE = 14, /* records, lines of all files, index, reports */
	KEPT_FOR_KNOWN_PART =
	    8, /* of the concurrency: of what new hosts leave to others */
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

bool
crawl_went_on(const struct crawl *c)
{
	return c->conf.again && c->went_on;
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

	if (c->random == 0 && c->drawn_left == 0) {
		if (getrandom(c->drawn, sizeof(c->drawn), 0) == (ssize_t)sizeof(c->drawn))
			c->drawn_left = CRAWL_DRAWN;
		else
			c->random = (uint64_t)loop_wall_us(c->loop) | 1;
	}
	if (c->random == 0)
		return c->drawn[--c->drawn_left];
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

		if (v->state == VISIT_COMMIT)
			continue;
		if (c->phase == CRAWL_STOPPING)
			visit_abandon(v);
		else
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
	c->closing.end = (uint8_t)c->end;
	c->closing.end_why = c->why.text;
	crawl_sum_waits(c, &c->closing);
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
	frontier_retire(c->frontier, loop_now_ms(c->loop));
	timer_stop(&c->watchdog);
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
	atomic_store(&c->hurry, true);
	begin_stop(c, CRAWL_STOPPED);
	if (c->phase == CRAWL_STOPPING && at_once)
		(void)timer_start(&c->grace, 0);
}

void
crawl_stop_within(struct crawl *c, int64_t ms)
{
	crawl_stop(c, false);
	if (c->phase == CRAWL_STOPPING)
		(void)timer_start(&c->grace, ms);
}

void
crawl_fail(struct crawl *c, enum crawl_end end, const char *text)
{
	if (c->why.text[0] == '\0')
		(void)why_set(&c->why, 0, "%s", text);
	atomic_store(&c->hurry, true);
	begin_stop(c, end);
	c->end = end;
	if (c->phase == CRAWL_STOPPING)
		(void)timer_start(&c->grace, 0);
}

/* What could not be written is written when there is room: by a resume. */
static void
fail_store(struct crawl *c, int err)
{
	crawl_fail(c, err == -ENOSPC ? CRAWL_DISK_FULL : CRAWL_STORE, strerror(-err));
}

static void
on_budget_time(void *ctx)
{
	struct crawl *c = ctx;

	c->time_is_up = true;
	crawl_pump(c);
}

/* ---- who is next ---- */

static uint64_t
disk_in_hand(const struct crawl *c)
{
	uint64_t per_byte = DISK_PER_WIRE_BYTE;

	for (size_t i = 0; i < c->o->output_sink.n; i++)
		if (sink_wants_outlinks(c->o->output_sink.v[i]))
			per_byte += DISK_ROWS_PER_WIRE_BYTE;
	return per_byte * c->in_hand_bytes + DISK_PER_URL_BYTE * c->in_hand_url_bytes +
	       DISK_PER_PAGE * c->stats.in_flight;
}

/* Whether the budget of the round lets one more begin; ends the run when it is used up.  Where nothing
 * is left to do it is not the budget that ends it. */
static bool
budget_allows(struct crawl *c)
{
	const struct crawl_stats *s = &c->stats;
	int64_t pages_max = c->o->limits_max_pages, bytes_max = c->o->limits_max_bytes;
	int64_t disk_max = c->o->limits_max_disk;
	uint64_t pages;

	if (s->queued == 0 && s->in_flight == 0)
		return true;
	if (c->time_is_up) {
		begin_stop(c, CRAWL_TIME);
		return false;
	}
	if (bytes_max != OPTION_NONE &&
	    s->wire_bytes - c->round.wire0_bytes >= (uint64_t)bytes_max) {
		begin_stop(c, CRAWL_BYTES);
		return false;
	}
	if (disk_max != OPTION_NONE && c->disk_bytes >= (uint64_t)disk_max) {
		begin_stop(c, CRAWL_DISK);
		return false;
	}
	/* What is in hand is on its way to the disk. */
	if (disk_max != OPTION_NONE &&
	    c->disk_bytes + disk_in_hand(c) >= (uint64_t)disk_max)
		return false;
	if (pages_max == OPTION_NONE)
		return true;
	pages = s->pages - c->round.pages0;
	if (pages >= (uint64_t)pages_max) {
		begin_stop(c, CRAWL_PAGES);
		return false;
	}
	/* Here too: each may become a page. */
	return pages + s->in_flight < (uint64_t)pages_max;
}

/*
 * Dead hosts, and those that answer a byte a second, would have all the requests there may
 * be to themselves until their time-outs.  So those are told apart and do not count, up to a
 * number.
 */
static uint32_t
room_for_requests(const struct crawl *c)
{
	uint32_t usual = c->o->fetch_concurrency;
	uint32_t room;

	(void)transport_slow(c->engine->transport); /* looks who is slow by now */
	room = usual + c->slow;
	if (room > CRAWL_SLOW_MAX)
		room = CRAWL_SLOW_MAX;
	return room < usual ? usual : room;
}

/* Why nothing more may begin now, and how long if that is known (else -1). */
enum wait_cause
crawl_held_by(struct crawl *c, int64_t *ret_wait_ms)
{
	int64_t now_us = loop_now_us(c->loop), wait_us;
	/* Large answers have a part of their own, and wait where that is full: some hosts
	 * that send what never ends do not hold up the others. */
	uint64_t small = shm_small_bytes(c->engine->shm);
	uint64_t in_hand = c->in_hand_bytes - c->large_in_hand_bytes;

	*ret_wait_ms = -1;
	c->hungry = false;
	if (!budget_allows(c))
		return WAIT_BUDGET;
	if (c->in_state[VISIT_FETCH] >= room_for_requests(c)) {
		*ret_wait_ms = SLOW_LOOK_MS;
		return WAIT_CONNECTION_CAP;
	}
	if (!seeds_are_sent(c) || committer_waiting(c->committer) >= MAILS_BEHIND)
		return WAIT_STORE_BEHIND;
	if (c->in_state[VISIT_PARSE] + c->in_state[VISIT_QUEUED] >= PARSING_BEHIND ||
	    in_hand > crawl_memory(c->o).body_bytes ||
	    small > shm_bytes(c->engine->shm) / 4)
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
	return engine_holds(c, ret_wait_ms);
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
	enum wait_cause held = crawl_held_by(c, &wait_ms);
	int r;

	if (held != c->held) {
		c->held = held;
		frontier_held(c->frontier, held, now);
	}
	if (held != WAIT_NONE) {
		wake_at(c, wait_ms);
		return false;
	}
	frontier_room(c->frontier, room_for_requests(c),
	    c->o->fetch_concurrency / KEPT_FOR_KNOWN_PART);
	r = frontier_next(c->frontier, now, &turn);
	if (r == 0 && turn.kind == FRONTIER_IDLE) {
		if (frontier_lacks_room(c->frontier) && turn.due_ms > now + SLOW_LOOK_MS)
			turn.due_ms = now + SLOW_LOOK_MS;
		wake_at(c, turn.due_ms == INT64_MAX ? -1 : turn.due_ms - now);
		return false;
	}
	if (r == 0 && turn.kind == FRONTIER_REFUSED) {
		visit_refuse(c, &turn);
		return true;
	}
	if (r == 0 && turn.kind == FRONTIER_NAME) {
		r = naming_start(c, &turn);
	} else if (r == 0) {
		limiter_take(&c->rate, 1, loop_now_us(c->loop));
		engine_served(c);
		r = turn.kind == FRONTIER_GUEST ? visit_robots_turn(&turn)
						: visit_start(c, &turn);
	}
	if (r < 0)
		crawl_fail(c, CRAWL_STORE, strerror(-r));
	return r == 0;
}

static void
ask_refills(struct crawl *c)
{
	struct frontier_want want;

	while (c->refills < REFILLS_MAX && frontier_wants(c->frontier, &want)) {
		struct commit *m = malloc(sizeof(*m));

		if (m == NULL) {
			crawl_fail(c, CRAWL_STORE, "out of memory");
			return;
		}
		commit_init(m, COMMIT_REFILL, c);
		m->want = want;
		c->commits++;
		c->refills++;
		if (committer_send(c->committer, m) < 0) {
			c->commits--;
			commit_release(m);
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

/* What waits for a turn of somebody has none any more. */
static void
drop_held(struct crawl *c)
{
	list_foreach_safe(at, tmp, &c->visits)
	{
		struct visit *v = container_of(at, struct visit, on_crawl);

		if (v->state == VISIT_HELD)
			visit_drop(v);
	}
}

static void
on_pump(void *ctx)
{
	struct crawl *c = ctx;
	int started = 0;

	if (c->phase == CRAWL_RUNNING) {
		engine_size_connections(c->engine);
		timer_stop(&c->due);
		while (c->phase == CRAWL_RUNNING && started < STARTS_PER_TURN &&
		       start_one(c))
			started++;
		c->moves += (uint64_t)started;
		if (started == STARTS_PER_TURN)
			later_start(&c->pump);
		ask_refills(c);
	}
	if (c->phase == CRAWL_RUNNING && is_over(c))
		begin_stop(c, CRAWL_DONE);
	if (c->phase == CRAWL_STOPPING && c->in_state[VISIT_HELD] > 0)
		drop_held(c);
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
	if (!list_is_empty(&c->parse_wait) || !list_is_empty(&c->suspects))
		visits_parse_waiting(c); /* its memory is free */
	list_foreach (at, &c->engine->crawls) /* for the others, too */
		crawl_pump(container_of(at, struct crawl, on_engine));
}

/* ---- replies of the store thread ---- */

static int
take_fresh(struct crawl *c, struct commit *m)
{
	int64_t now = loop_now_ms(c->loop);
	int r = 0;

	totals_links(&c->stats.totals, &m->counts);
	r = crawl_raise(c, m);
	for (uint32_t i = 0; i < m->closed_len && r == 0; i++) {
		log_info_of(
		    CRAWL_ABOUT(c, (struct slice){0}), "trap: %s", m->closed[i].detail);
		r = trap_gates_add(&c->gates, &m->closed[i]);
	}
	for (uint32_t i = 0; i < m->fresh_len && r == 0; i++) {
		struct urlrec *rec = &m->fresh[i];

		if ((rec->flags & URLREC_SEED_CHAIN) != 0)
			r = seeds_widen(c, rec->url);
		if (r == 0)
			r = frontier_add(c->frontier, rec, now);
	}
	return r;
}

static int
take_refill(struct crawl *c, struct commit *m)
{
	int64_t now = loop_now_ms(c->loop), wall = loop_wall_us(c->loop) / 1000;
	int r = 0;

	for (uint32_t i = 0; i < m->fresh_len; i++)
		m->fresh[i].not_before_ms =
		    now + fetch_retry_in_ms(m->fresh[i].not_before_ms, wall);
	if (m->want.rules)
		r = frontier_rules(
		    c->frontier, m->want.authority_hash, buf_slice(&m->rules), now);
	if (r < 0)
		return r;
	return frontier_refill(c->frontier, m->want.authority_hash, m->want.after_key,
	    m->fresh, m->fresh_len, m->more, now);
}

static void
on_closed(struct crawl *c, struct commit *m)
{
	c->commits--;
	if (m->err < 0) {
		c->end = m->err == -ENOSPC ? CRAWL_DISK_FULL : CRAWL_STORE;
		/* What was acknowledged since is queued again. */
		committer_committed(c->committer, &c->stats.totals);
	}
	commit_release(m);
	set_phase(c, CRAWL_ENDED);
	c->conf.on_end(c->conf.ctx, c->end); /* c may be gone */
}

/* A mail that is the crawl's own, not a visit's. */
static void
own_ended(struct crawl *c, struct commit *m)
{
	c->commits--;
	commit_release(m);
	if (m->kind == COMMIT_LINKS) {
		if (m->err == 0 && c->phase == CRAWL_RUNNING && seeds_send(c) < 0)
			crawl_fail(c, CRAWL_STORE, "the store thread takes no more");
		return;
	}
	c->refills -= m->kind == COMMIT_REFILL;
	c->raises -= m->kind == COMMIT_RAISE;
	free(m);
}

void
crawl_on_reply(void *ctx, struct commit *m)
{
	struct crawl *c = ctx;
	bool moves = m->kind != COMMIT_WAITS; /* else nothing can go on by it */
	int r = m->err;

	c->moves += moves;
	if (r < 0 && c->why.text[0] == '\0')
		c->why = m->why;
	if (m->warcinfo_id[0] != '\0')
		memcpy(c->warcinfo_id, m->warcinfo_id, sizeof(c->warcinfo_id));
	c->disk_bytes = m->disk_bytes;
	if (m->kind == COMMIT_CLOSE) {
		on_closed(c, m);
		return;
	}
	if (r == 0 && m->kind == COMMIT_REFILL)
		r = take_refill(c, m);
	else if (r == 0 && (m->kind == COMMIT_DONE || m->kind == COMMIT_LINKS))
		r = take_fresh(c, m);
	if (r < 0) /* before visit_committed(): what is not archived is not counted */
		fail_store(c, r);
	if (m->kind != COMMIT_DONE && m->kind != COMMIT_ATTEMPT)
		own_ended(c, m);
	else if (r < 0)
		visit_uncommitted(m->owner);
	else
		visit_committed(m->owner);
	if (moves || c->phase != CRAWL_RUNNING)
		crawl_pump(c);
}

/* So that what robots.txt said need not be asked for after a restart. */
int
crawl_save_host(struct crawl *c, uint64_t authority_hash)
{
	struct commit *m = malloc(sizeof(*m));
	int r;

	if (m == NULL)
		return -ENOMEM;
	commit_init(m, COMMIT_HOST, c);
	m->authority_hash = authority_hash;
	r = crawl_host_state(c, authority_hash, &m->host);
	if (r == 0)
		r = buf_add_slice(
		    &m->rules, frontier_host_rules(c->frontier, authority_hash));
	if (r == 0)
		r = committer_send(c->committer, m);
	if (r < 0) {
		commit_release(m);
		free(m);
		return r;
	}
	frontier_rules_stored(c->frontier, authority_hash);
	c->commits++;
	return 0;
}

int
crawl_host_state(struct crawl *c, uint64_t authority_hash, struct buf *out)
{
	struct frontier_now now = {loop_now_ms(c->loop), loop_wall_us(c->loop) / 1000};

	return frontier_host_save(c->frontier, authority_hash, &now, out);
}

/* For those who ask the store. */
void
crawl_sum_waits(struct crawl *c, struct commit *m)
{
	c->waits_told_ms = loop_now_ms(c->loop);
	frontier_waits(c->frontier, c->waits_told_ms, m->wait_ms);
	m->has_waits = true;
}

void
crawl_save_waits(struct crawl *c)
{
	struct commit *m = malloc(sizeof(*m));

	if (m == NULL)
		return; /* another time */
	commit_init(m, COMMIT_WAITS, c);
	crawl_sum_waits(c, m);
	if (committer_send(c->committer, m) == 0) {
		c->commits++;
		return;
	}
	commit_release(m);
	free(m);
}

void
crawl_on_room(void *ctx)
{
	crawl_pump(ctx);
}

static void
on_pool_room(void *ctx)
{
	struct engine *e = ctx;

	list_foreach (at, &e->crawls) {
		struct crawl *c = container_of(at, struct crawl, on_engine);

		visits_parse_waiting(c);
		crawl_pump(c);
	}
	/* Another one is the first to fill it the next time. */
	if (!list_is_empty(&e->crawls))
		list_push(&e->crawls, list_pop(&e->crawls));
}

/* ---- the start ---- */

bool
crawl_cuts_bodies(const struct options *o, struct why *ret)
{
	struct crawl_memory m = crawl_memory(o);
	uint64_t body = (uint64_t)o->fetch_max_body;

	if (body <= m.body_bytes_max || body == BODY_BYTES_USUAL)
		return false;
	(void)why_set(ret, 0,
	    "bodies are cut at %llu bytes, for --max-body is more than an eighth of "
	    "--max-memory",
	    (unsigned long long)m.body_bytes_max);
	return true;
}

/* What was asked for and cannot be had. */
static void
tell_cuts(const struct options *o)
{
	struct why why;

	if (crawl_cuts_bodies(o, &why))
		log_warn("%s", why.text);
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
	tell_cuts(o);
	c->o = o;
	c->random = conf->random_seed;
	c->hash_seed = crawl_random(c);
	c->context = ++e->context_next;
	c->began_ms = loop_now_ms(e->loop);
	list_push(&e->crawls, &c->on_engine);
	list_init(&c->visits);
	list_init(&c->naming);
	list_init(&c->parse_wait);
	list_init(&c->suspects);
	umap_init(&c->harmful_hosts, HARMFUL_HOSTS_MAX);
	umap_init(&c->own_authorities, 2 * JOB_SEEDS_MAX);
	umap_init(&c->homes, JOB_SEEDS_MAX);
	later_init(&c->pump, e->loop, on_pump, c);
	timer_init(&c->due, e->loop, on_pump, c);
	timer_init(&c->watchdog, e->loop, watchdog_look, c);
	c->waits_told_ms = loop_now_ms(e->loop);
	timer_init(&c->grace, e->loop, on_grace, c);
	timer_init(&c->budget_time, e->loop, on_budget_time, c);
	limiter_init(
	    &c->rate, o->fetch_rate, o->fetch_rate < 10 ? 1 : o->fetch_rate / 10, now_us);
	limiter_init(&c->bandwidth, bandwidth, bandwidth, now_us);
}

int
crawl_start(
    struct engine *e, const struct crawl_conf *conf, struct crawl **ret, struct why *why)
{
	struct crawl *c = NULL;
	int r = 0;

	if (conf->job->seeds.n == 0)
		r = why_set(
		    why, -EINVAL, "there is nothing to crawl: give at least one URL");
	else if ((c = calloc(1, sizeof(*c))) == NULL)
		r = why_set(why, -ENOMEM, "out of memory");
	if (r < 0) {
		crawl_store_close(conf->store);
		return r;
	}
	crawl_init(c, e, conf);
	r = fields_new(c->o, &c->fields, why);
	if (r == 0)
		r = crawl_open_parts(c, why);
	if (r < 0) {
		crawl_free(c);
		return r;
	}
	pool_on_room(e->pool, on_pool_room, e);
	watchdog_look(c);
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
	crawl_store_close(c->conf.store);
	storage_release(&c->storage);
	later_stop(&c->pump);
	timer_stop(&c->due);
	timer_stop(&c->grace);
	timer_stop(&c->budget_time);
	timer_stop(&c->watchdog);
	list_remove(&c->on_engine);
	/* Tasks of it that are with workers still end as those of nobody. */
	(void)pool_configure(c->engine->pool, c->context, (struct slice){0});
	list_foreach (at, &c->engine->crawls) /* what it held is free */
		crawl_pump(container_of(at, struct crawl, on_engine));
	if (list_is_empty(&c->engine->crawls))
		pool_on_room(c->engine->pool, NULL, NULL);
	namings_drop(c);
	fetcher_free(c->fetcher);
	retry_budgets_free(c->retries);
	/* What it asked until now, others are to know. */
	manners_advance(c->engine->manners, loop_now_ms(c->loop));
	frontier_free(c->frontier);
	scope_rules_free(c->rules);
	trap_gates_release(&c->gates);
	umap_release(&c->harmful_hosts);
	seeds_release(c);
	select_free(c->fields);
	jar_free(c->jar);
	credentials_release(&c->credentials);
	free(c);
}
