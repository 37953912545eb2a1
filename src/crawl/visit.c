#include "base/log.h"
#include "crawl/crawl_internal.h"
#include "crawl/rules.h"
#include "crawl/scope.h"
#include "sink/checks.h"
#include "web/http.h"
#include "web/url.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	ARENA_FULL_MS = 1000,
	ARENA_FULL_GAP_MS = 250,
	ARENA_FULL_MAX_MS = 30000,
	REQUEST_BYTES_MAX = 32 << 10, /* of it archived: more is --header's doing */
};

static void on_fetched(void *ctx, struct fetch_result *r);

/* ---- birth and death ---- */

struct visit *
visit_new(struct crawl *c, struct urlrec *rec)
{
	struct visit *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	v->crawl = c;
	v->rec = rec;
	v->authority_hash = rec->authority_hash;
	v->url_bytes = rec->url.len + rec->via.len;
	c->in_hand_url_bytes += v->url_bytes;
	list_init(&v->on_parse_wait);
	frontier_guest_init(&v->guest);
	buf_init(&v->request, 64 << 10);
	buf_init(&v->validators, 2 * SAVED_VALIDATOR_MAX);
	commit_init(&v->commit, COMMIT_DONE, v);
	list_init(&v->on_crawl);
	list_push(&c->visits, &v->on_crawl);
	v->state = VISIT_FETCH;
	c->in_state[VISIT_FETCH]++;
	return v;
}

void
visit_to(struct visit *v, enum visit_state state)
{
	v->crawl->in_state[v->state]--;
	v->state = state;
	v->crawl->in_state[state]++;
}

/* Of its answer. */
static void
large_in_hand(struct visit *v, uint64_t bytes)
{
	struct crawl *c = v->crawl;
	int64_t more = (int64_t)bytes - (int64_t)v->large_in_hand_bytes;

	if (more == 0)
		return;
	v->large_in_hand_bytes = bytes;
	c->large_in_hand_bytes = (uint64_t)((int64_t)c->large_in_hand_bytes + more);
	frontier_in_hand(c->frontier, v->authority_hash, more, loop_now_ms(c->loop));
}

void
visit_free(struct visit *v)
{
	visit_unsuspect(v);
	v->crawl->in_state[v->state]--;
	v->crawl->in_hand_bytes -= v->in_hand_bytes;
	v->crawl->in_hand_url_bytes -= v->url_bytes;
	large_in_hand(v, 0);
	frontier_guest_remove(
	    v->crawl->frontier, &v->guest, v->target_hash, loop_now_ms(v->crawl->loop));
	list_remove(&v->on_crawl);
	list_remove(&v->on_parse_wait);
	if (v->result.t.block.cap > 0)
		shm_free(v->crawl->engine->shm, &v->result.t.block);
	commit_release(&v->commit);
	buf_release(&v->request);
	buf_release(&v->validators);
	v->crawl->result_bytes -= v->result_bytes;
	v->crawl->tasks_bytes -= v->task_bytes;
	free(v->found.links);
	free(v->harm);
	free(v->bytes);
	urlrec_free(v->rec);
	free(v);
}

static bool
is_of_frontier(const struct visit *v)
{
	return !v->robots;
}

void
visit_drop(struct visit *v)
{
	struct crawl *c = v->crawl;

	assert(v->state != VISIT_COMMIT);
	if (v->state == VISIT_FETCH)
		fetch_cancel(c->fetcher, v->fetch_id);
	else if (v->state == VISIT_PARSE)
		pool_cancel(c->engine->pool, v->pool_id);
	if (is_of_frontier(v)) {
		c->stats.in_flight--;
		c->stats.queued++;
	}
	visit_free(v);
}

/* Who was asked hears of it. */
static void
done(struct visit *v, struct frontier_report *rep)
{
	rep->guest = v->robots_hops > 0;
	frontier_done(v->crawl->frontier, rep->guest ? v->target_hash : v->authority_hash,
	    rep, loop_now_ms(v->crawl->loop));
}

/*
 * The same at the end of a run, but what was asked of a host by then is in crawl.log.
 */
void
visit_abandon(struct visit *v)
{
	struct crawl *c = v->crawl;
	struct frontier_report rep = {.outcome = OUTCOME_CANCELLED, .retry_after_ms = -1};

	if (v->state == VISIT_FETCH) {
		fetch_abandon(c->fetcher, v->fetch_id, &v->result);
		addr_format(&v->result.t.addr, v->ip);
		rep.took_ms = v->result.t.total_ms;
		rep.not_asked = !v->result.contacted;
		done(v, &rep);
	} else if (v->state == VISIT_PARSE) {
		pool_cancel(c->engine->pool, v->pool_id);
	}
	if (!v->result.contacted) {
		visit_to(v, VISIT_HELD); /* nothing runs for it */
		visit_drop(v);
		return;
	}
	list_remove(&v->on_parse_wait);
	list_init(&v->on_parse_wait);
	v->abandoned = true;
	v->commit.kind = COMMIT_ATTEMPT;
	visit_commit(v, v->result.outcome);
}

/* ---- fetch ---- */

/* From the text, not from a hash that a worker gave. */
struct fetch_home *
crawl_home_of(const struct crawl *c, const struct urlrec *rec)
{
	return umap_get(
	    &c->own_authorities, url_hash(urlrec_authority(rec), c->hash_seed));
}

/* What the rules of the job say of a request.  `lines` is what req->headers points to. */
static void
limit_by_rules(const struct crawl *c, struct slice text, struct fetch_request *req,
    const char *lines[FETCH_MORE_LINES_MAX])
{
	uint16_t matching[RULES_MAX];
	char room[URL_BYTES_MAX];
	uint64_t total_ms = 0;
	struct url url;
	size_t n;

	if (c->o->rules_len == 0 || url_resolve(NULL, text, (struct slice){0}, 0, room,
					sizeof(room), &url) != URL_OK)
		return;
	n = rules_matching(scope_url_rules(c->rules), &url, matching);
	for (size_t i = 0; i < n; i++) {
		const struct options *o = c->o->rules[matching[i]].options;

		if (o->given[OPTION_ID_fetch_max_body])
			req->body_bytes_max = (uint64_t)o->fetch_max_body;
		if (o->given[OPTION_ID_fetch_total_timeout])
			total_ms = (uint64_t)o->fetch_total_timeout;
		for (size_t k = 0;
		     k < o->fetch_header.n && req->headers_len < FETCH_MORE_LINES_MAX;
		     k++)
			lines[req->headers_len++] = o->fetch_header.v[k];
	}
	if (total_ms > 0 && total_ms < UINT32_MAX)
		req->total_ms = (uint32_t)total_ms;
	req->headers = lines;
}

int
visit_fetch(struct visit *v)
{
	struct crawl *c = v->crawl;
	uint32_t running = c->in_state[VISIT_FETCH];
	int64_t bandwidth = c->o->fetch_bandwidth;
	uint64_t share;
	const char *lines[FETCH_MORE_LINES_MAX];
	struct fetch_request req = {.url = v->rec->url,
	    .is_probe = v->is_probe,
	    .home = crawl_home_of(c, v->rec)};

	if (v->was.state == PAGE_THERE && (v->rec->flags & URLREC_WHOLE) == 0 &&
	    v->was.asked_us >= c->more_us) {
		req.etag = v->was.etag;
		req.last_modified = v->was.last_modified;
	}
	if (bandwidth !=
	    OPTION_NONE) /* its share; what is left over is booked afterwards */
		req.rate_bytes_max =
		    (uint64_t)bandwidth / (running > 0 ? running : 1) + 1;
	share = engine_bandwidth_share(c->engine);
	if (share > 0 && (req.rate_bytes_max == 0 || share < req.rate_bytes_max))
		req.rate_bytes_max = share;
	if (v->robots)
		visit_robots_limits(&req);
	else
		limit_by_rules(c, v->rec->url, &req, lines);
	if ((v->rec->flags & URLREC_CHECK) != 0)
		visit_check_limits(v, &req);
	c->stats.attempts++;
	v->asked = true;
	return fetch_start(c->fetcher, &req, on_fetched, v, &v->fetch_id);
}

static struct urlrec *
robots_record(uint64_t authority_hash, const char *authority)
{
	char url[320];
	struct urlrec r = {.authority_hash = authority_hash,
	    .kind = LINK_ROBOTS,
	    .hops = SLICE_LIT("P")};

	(void)snprintf(url, sizeof(url), "%s/robots.txt", authority);
	r.url = slice_cstr(url);
	return urlrec_new(&r);
}

int
visit_start(struct crawl *c, struct frontier_turn *turn)
{
	bool robots = turn->kind == FRONTIER_ROBOTS;
	struct urlrec *rec =
	    robots ? robots_record(turn->authority_hash, turn->authority) : turn->rec;
	struct visit *v = rec == NULL ? NULL : visit_new(c, rec);
	int r;

	if (v == NULL) {
		urlrec_free(rec);
		return -ENOMEM;
	}
	v->robots = robots;
	if (rec->known.len > 0 && saved_page_decode(rec->known, &v->was) < 0)
		v->was =
		    (struct saved_page){.state = PAGE_NEVER}; /* the store will say */
	v->gap = turn->gap;
	v->is_probe = turn->is_probe;
	v->authority_hash = turn->authority_hash;
	if (is_of_frontier(v)) {
		c->stats.queued--;
		c->stats.in_flight++;
	}
	r = visit_fetch(v);
	if (r < 0)
		visit_drop(v);
	return r;
}

void
visit_refuse(struct crawl *c, struct frontier_turn *turn)
{
	struct slice trouble = {0};
	struct visit *v = visit_new(c, turn->rec);
	int status = 0;

	if (v == NULL) {
		urlrec_free(turn->rec);
		crawl_fail(c, CRAWL_STORE, "out of memory");
		return;
	}
	c->stats.queued--;
	c->stats.in_flight++;
	(void)snprintf(v->result.t.error, sizeof(v->result.t.error), "%.*s",
	    (int)sizeof(v->result.t.error) - 1, turn->detail);
	if (outcome_class(turn->outcome) == OUTCOME_CLASS_FAILED)
		trouble = frontier_trouble(c->frontier, turn->authority_hash, &status);
	if (trouble.len > 0) {
		(void)snprintf(v->result.t.error, sizeof(v->result.t.error), "%.*s",
		    (int)trouble.len, trouble.ptr);
		v->result.t.status = status;
	}
	v->result.began_wall_us = loop_wall_us(c->loop);
	visit_commit(v, turn->outcome);
}

/* The one header line that is about the host is read here, not in a worker. */
static int64_t
retry_after_ms(const struct visit *v)
{
	const struct transport_result *t = &v->result.t;
	struct slice head;
	int64_t seconds, now;

	if (t->block.cap == 0 || (t->status != 429 && t->status != 503))
		return -1;
	head = slice_of(shm_ptr(v->crawl->engine->shm, &t->block), t->head_len);
	if (!http_date(http_header_get(head, SLICE_LIT("date")), &now))
		now = loop_wall_us(v->crawl->loop) / 1000000;
	seconds =
	    http_retry_after_s(http_header_get(head, SLICE_LIT("retry-after")), now);
	return seconds < 0 ? -1 : seconds * 1000;
}

static void
report_to_frontier(struct visit *v)
{
	const struct fetch_result *r = &v->result;
	struct frontier_report rep = {.outcome = r->outcome,
	    .status = r->t.status,
	    .took_ms = r->t.total_ms,
	    .retry_after_ms = retry_after_ms(v),
	    .address = naming_key(&r->t.addr),
	    .hopeless = !r->retry,
	    .not_asked = (r->t.arena_full && r->t.request.len == 0) ||
			 (r->outcome == OUTCOME_DENIED_ADDRESS && is_of_frontier(v))};

	done(v, &rep);
}

static void
back_to_frontier(struct visit *v, int64_t after_ms, enum wait_cause why)
{
	struct crawl *c = v->crawl;
	int64_t now = loop_now_ms(c->loop);
	struct urlrec *rec = v->rec;

	v->rec = NULL;
	c->stats.in_flight--;
	c->stats.queued++;
	visit_free(v);
	if (frontier_retry(c->frontier, rec, now + after_ms, why, now) < 0) {
		urlrec_free(rec);
		crawl_fail(c, CRAWL_STORE, "out of memory");
	}
	crawl_visit_ended(c);
}

/* The store has it anew, so that a restart neither forgets the tries nor comes early. */
static void
visit_retry(struct visit *v)
{
	struct crawl *c = v->crawl;

	v->retry_ms = fetch_retry_ms(v->rec->attempts + 1u, crawl_random(c));
	v->rec->not_before_ms = loop_wall_us(c->loop) / 1000 + v->retry_ms;
	v->commit.kind = COMMIT_ATTEMPT;
	visit_commit(v, v->result.outcome);
}

static bool
sets_cookie(const struct visit *v)
{
	const struct transport_result *t = &v->result.t;
	struct slice head;

	if (v->result.outcome != OUTCOME_REDIRECT || t->block.cap == 0 ||
	    v->rec->attempts > 0 || !v->crawl->o->fetch_accept_cookies)
		return false;
	head = slice_of(shm_ptr(v->crawl->engine->shm, &t->block), t->head_len);
	return http_header_get(head, SLICE_LIT("set-cookie")).len > 0;
}

/* The head is given back before the commit. */
static int
keep_validators(struct visit *v)
{
	const struct transport_result *t = &v->result.t;
	struct slice head, etag, modified;
	int r;

	buf_clear(&v->validators);
	v->commit.etag = v->commit.last_modified = (struct slice){0};
	if (v->result.outcome != OUTCOME_OK || t->block.cap == 0 || v->robots ||
	    (v->rec->flags & URLREC_CHECK) != 0)
		return 0;
	head = slice_of(shm_ptr(v->crawl->engine->shm, &t->block), t->head_len);
	etag = http_header_get(head, SLICE_LIT("etag"));
	modified = http_header_get(head, SLICE_LIT("last-modified"));
	if (etag.len > SAVED_VALIDATOR_MAX)
		etag.len = 0;
	if (modified.len > SAVED_VALIDATOR_MAX)
		modified.len = 0;
	r = buf_add_slice(&v->validators, etag);
	if (r == 0)
		r = buf_add_slice(&v->validators, modified);
	if (r < 0)
		return r;
	v->commit.etag = slice_head(buf_slice(&v->validators), etag.len);
	v->commit.last_modified = slice_from(buf_slice(&v->validators), etag.len);
	return 0;
}

/* It set a cookie and sent us to itself, to see whether we bring it back: we do, once. */
bool
visit_bounce(struct visit *v)
{
	if (!v->sets_cookie || !slice_eq(v->found.redirect_to, v->rec->url))
		return false;
	v->retry_ms = 0;
	v->rec->not_before_ms = loop_wall_us(v->crawl->loop) / 1000;
	v->commit.kind = COMMIT_ATTEMPT;
	visit_commit(v, OUTCOME_REDIRECT);
	return true;
}

/* Large ones one after another, or they would be in each other's way again.  These had most
 * of a MiB before they waited for room; where there was none for a small one there soon is. */
static int64_t
arena_again_ms(struct crawl *c, uint64_t wire_bytes)
{
	int64_t now_ms = loop_now_ms(c->loop);

	if (wire_bytes < SHM_LARGE_BYTES / 2)
		return ARENA_FULL_MS;
	if (c->arena_again_ms < now_ms + ARENA_FULL_MS)
		c->arena_again_ms = now_ms + ARENA_FULL_MS;
	else if (c->arena_again_ms < now_ms + ARENA_FULL_MAX_MS)
		c->arena_again_ms += ARENA_FULL_GAP_MS;
	return c->arena_again_ms - now_ms;
}

/* Not its fault: it is no try, but what was asked of its host is in crawl.log. */
static void
visit_again(struct visit *v)
{
	if (v->request.len == 0) {
		back_to_frontier(v, ARENA_FULL_MS, WAIT_PARSER_BEHIND);
		return;
	}
	v->retry_ms = arena_again_ms(v->crawl, v->result.t.wire_bytes);
	v->abandoned = true;
	v->commit.kind = COMMIT_ATTEMPT;
	visit_commit(v, OUTCOME_CANCELLED);
}

static bool
may_retry(struct visit *v)
{
	struct crawl *c = v->crawl;
	int status = v->result.t.status;

	if (!is_of_frontier(v) || v->rec->attempts >= c->o->fetch_retries ||
	    visit_check_is_deferred(v))
		return false;
	/* The host asks for time, gets it, and has done nothing to be given up for: at one
	 * that takes a request a second the budget would go, and then its pages. */
	if (status == 429 || status == 503)
		return true;
	return retry_budget_take(c->retries, v->rec->authority_hash);
}

/* The answer that was known had lapsed. */
static void
save_name(struct visit *v, const struct dns_answer *a)
{
	char text[URL_BYTES_MAX];
	struct url url;

	if (url_resolve(NULL, v->rec->url, (struct slice){0}, 0, text, sizeof(text),
		&url) == URL_OK)
		crawl_save_name(v->crawl, url_host(&url), a);
}

static void
on_fetched(void *ctx, struct fetch_result *r)
{
	struct visit *v = ctx;
	struct crawl *c = v->crawl;
	int err;

	v->result = *r;
	v->result.dns = NULL;
	if (r->dns != NULL)
		save_name(v, r->dns);
	err =
	    fetch_request_mask(c->fetcher, r->t.request, REQUEST_BYTES_MAX, &v->request);
	if (err == 0)
		err = keep_validators(v);
	addr_format(&r->t.addr, v->ip);
	report_to_frontier(v);
	c->stats.wire_bytes += r->t.wire_bytes;
	c->in_hand_bytes += r->t.wire_bytes;
	v->in_hand_bytes += r->t.wire_bytes;
	if (r->t.block.cap > SHM_LARGE_BYTES)
		large_in_hand(v, r->t.wire_bytes);
	limiter_take(&c->bandwidth, (double)r->t.wire_bytes, loop_now_us(c->loop));
	limiter_take(
	    &c->engine->bandwidth, (double)r->t.wire_bytes, loop_now_us(c->loop));
	crawl_pump(c);
	if (v->robots)
		visit_robots_fetched(v);
	v->sets_cookie = is_of_frontier(v) && sets_cookie(v);
	if (!r->retry && r->t.status != 0)
		retry_budget_earn(c->retries, v->rec->authority_hash);
	if (err < 0) { /* an answer without its request is not archived */
		crawl_fail(c, CRAWL_STORE, "out of memory");
		visit_drop(v);
	} else if (r->t.arena_full && v->robots) {
		visit_robots_again(v);
	} else if (r->t.arena_full) {
		visit_again(v);
	} else if (visit_check_again(v)) {
		/* with GET */
	} else if (r->retry && may_retry(v)) {
		visit_retry(v);
	} else if (r->t.block.cap == 0) {
		visit_commit(
		    v, r->outcome == OUTCOME_NONE ? OUTCOME_CANCELLED : r->outcome);
	} else {
		visit_parse(v);
	}
}

/* ---- commit ---- */

static void
outlink_get(const void *outlinks, size_t i, struct sink_link *ret)
{
	const struct found_link *l = (const struct found_link *)outlinks + i;

	*ret = (struct sink_link){.kind = l->kind, .rejected = l->verdict, .url = l->url};
}

static enum checks_how
check_of(const struct visit *v)
{
	if ((v->rec->flags & URLREC_CHECK) == 0)
		return CHECKS_PAGE;
	if (urlrec_is_probe(v->rec))
		return CHECKS_PROBE;
	return scope_reaches(v->crawl->rules, v->rec->url) ? CHECKS_INSIDE
							   : CHECKS_OUTSIDE;
}

/* What the worker found. */
static void
event_add_found(struct sink_event *e, const struct visit *v)
{
	const struct found *f = &v->found;
	bool is_last = v->commit.kind == COMMIT_DONE;

	e->body_bytes = f->body_bytes;
	e->links = f->links_total;
	e->mime = f->mime;
	e->charset = f->charset;
	e->title = f->title;
	e->canonical = f->canonical;
	e->description = f->description;
	e->robots = f->robots;
	e->coding = f->coding == CODING_OK ? NULL : coding_status_name(f->coding);
	e->has_simhash = f->has_simhash;
	e->simhash = f->simhash;
	e->lang = f->lang;
	e->text = f->text;
	e->checks = is_last ? f->checks : (struct slice){0};
	e->copy = f->copy;
	e->copy_bytes = f->copy_bytes;
	e->outlinks_len = is_last ? f->links_len : 0;
	e->outlinks = f->links;
	e->outlink_get = outlink_get;
	e->select = v->crawl->fields;
	e->fields = f->fields;
	e->digest = slice_cstr(f->digest);
	e->redirect_to = f->redirect_to;
	e->records = f->records;
	e->records_n = f->parts.n;
	e->revisit = f->parts.revisit != WARC_NO_REVISIT;
	memcpy(e->records_at, f->parts.at, sizeof(e->records_at));
}

static void
event_fill(struct visit *v, enum outcome outcome)
{
	const struct transport_result *t = &v->result.t;
	struct sink_event *e = &v->commit.event;

	*e = (struct sink_event){
	    .kind = outcome_class(outcome) == OUTCOME_CLASS_REJECTED && is_of_frontier(v)
			? SINK_REJECT
			: SINK_FETCH,
	    .outcome = outcome,
	    .link = (enum link_kind)v->rec->kind,
	    .response = t->status != 0 && v->commit.kind == COMMIT_DONE &&
			(v->rec->flags & URLREC_CHECK) == 0 &&
			outcome_class(outcome) == OUTCOME_CLASS_FETCHED,
	    .final = v->commit.kind == COMMIT_DONE,
	    .internal = v->robots,
	    .status = t->status,
	    .depth = v->rec->depth,
	    .attempts = (uint8_t)(v->rec->attempts + 1),
	    .began_wall_us = v->result.began_wall_us,
	    .dns_ms = v->result.dns_ms,
	    .connect_ms = t->connect_ms,
	    .tls_ms = t->tls_ms,
	    .first_byte_ms = t->first_byte_ms,
	    .total_ms = t->total_ms,
	    .contacted = v->result.contacted && outcome != OUTCOME_DENIED_ADDRESS,
	    .gap_ms = v->gap.ms,
	    .gap_rule = gap_rule_name(v->gap.rule),
	    .at_once = v->gap.at_once,
	    .per_ip = naming_key(&t->addr) == 0 ? 0 : v->gap.per_ip,
	    .per_site = v->gap.per_site,
	    .wire_bytes = t->wire_bytes,
	    .url = v->rec->url,
	    .via = v->rec->via,
	    .hops = v->rec->hops,
	    .check = (uint8_t)check_of(v),
	    .protocol =
		t->protocol == NULL ? ((struct slice){0}) : slice_cstr(t->protocol),
	    .ip = t->addr.family == 0 ? ((struct slice){0}) : slice_cstr(v->ip),
	    .detail = slice_cstr(t->error),
	    .warcinfo_id = slice_cstr(v->warcinfo_id),
	};
	event_add_found(e, v);
}

void
visit_commit(struct visit *v, enum outcome outcome)
{
	struct commit *m = &v->commit;

	event_fill(v, outcome);
	m->asked = v->asked;
	m->shape = v->found.shape;
	if (m->kind == COMMIT_ATTEMPT && !v->abandoned)
		v->rec->attempts++;
	m->authority_hash = v->authority_hash;
	if (crawl_host_state(v->crawl, v->authority_hash, &m->host) < 0)
		buf_clear(&m->host); /* a restart then knows an older state */
	crawl_save_cookies(v->crawl, v->rec, m);
	crawl_sum_waits(v->crawl, m);
	m->rec = v->rec;
	m->links = v->found.links;
	m->links_len = m->kind == COMMIT_DONE ? v->found.links_len : 0;
	m->links_known = m->kind == COMMIT_DONE ? v->found.links_known : 0;
	if (m->harm != NULL)
		v->harm->report.outcome = outcome;
	v->sent_us = loop_now_us(v->crawl->loop);
	visit_to(v, VISIT_COMMIT);
	if (committer_send(v->crawl->committer, m) < 0) {
		crawl_fail(v->crawl, CRAWL_STORE, "the store thread takes no more");
		visit_to(v, VISIT_FETCH); /* nothing runs for it: dropped with the rest */
	}
}

void
visit_uncommitted(struct visit *v)
{
	visit_to(v, VISIT_FETCH); /* nothing runs for it */
	visit_drop(v);
}

void
visit_committed(struct visit *v)
{
	struct crawl *c = v->crawl;

	if (v->commit.kind == COMMIT_ATTEMPT) {
		crawl_tell_fetch(v);
		if (is_of_frontier(v)) {
			back_to_frontier(v, v->retry_ms,
			    v->result.t.arena_full ? WAIT_PARSER_BEHIND : WAIT_RETRY);
			return;
		}
		visit_free(v); /* a robots.txt at the end of the run */
		crawl_visit_ended(c);
		return;
	}
	visit_tell_harm(v);
	account_end(c, v);
	if (is_of_frontier(v))
		frontier_settled(c->frontier, v->rec->authority_hash, v->rec->key);
	crawl_tell_fetch(v);
	if (v->robots)
		visit_robots_ended(v);
	visit_free(v);
	crawl_visit_ended(c);
}
