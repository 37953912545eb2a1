#include "frontier/hostq.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "frontier/rules.h"
#include "frontier/waits.h"

#include "base/banned.h"

#define SECOND_MS ((int64_t)1000)
#define MINUTE_MS (60 * SECOND_MS)
#define DAY_MS    (24 * 60 * MINUTE_MS)

#define BACKOFF_MS       MINUTE_MS /* the first; doubles */
#define BACKOFF_MAX_MS   DAY_MS
#define BACKOFF_MIN_MS   SECOND_MS /* whatever Retry-After says */
#define BACKOFF_QUIET_MS (30 * MINUTE_MS)
#define EASE_MS          ((int64_t)250) /* the first; doubles */
#define EASE_MAX_MS      (30 * SECOND_MS)
#define FAIL_MS          SECOND_MS /* the first; doubles */
#define ROBOTS_AGAIN_MS  MINUTE_MS /* times the asks so far */

enum { FAIL_SHIFT_MAX = 8, ROBOTS_ASKS_MAX = 3, TURN_MS = 20, TURNS_MAX = 5 };
enum { UNANSWERED_MAX = 10, EASE_ANSWERS = 20 };

int
hostq_new(struct manners *m, uint64_t authority_hash, struct slice authority,
    struct hostq **ret)
{
	size_t text_max = sizeof(((struct frontier_turn *)0)->authority) - 1;
	struct hostq *h = calloc(1, sizeof(*h));

	if (h == NULL)
		goto fail;
	h->authority = slice_dup(slice_head(authority, text_max));
	if (h->authority == NULL)
		goto fail_h;
	if (standing_join(m, slice_cstr(h->authority), h) < 0)
		goto fail_authority;
	h->authority_hash = authority_hash;
	list_init(&h->on_hosts);
	list_init(&h->on_ready);
	list_init(&h->on_idle);
	list_init(&h->on_wants);
	list_init(&h->retries);
	list_init(&h->on_dirty);
	list_init(&h->guests);
	list_init(&h->on_gate);
	list_init(&h->on_grants);
	heap_node_init(&h->node);
	h->state.waits = WAITS_NOTHING;
	h->high_key = UINT64_MAX;
	h->refill_at_ms = HOSTQ_NEVER;
	h->robots_until_ms = h->robots_again_ms = HOSTQ_NEVER;
	h->crawl_delay_ms = -1;
	if (authority.ptr != NULL && (authority.len == 0 || authority.len > text_max)) {
		h->doom = OUTCOME_BAD_URL;
		h->doom_until_ms = INT64_MAX;
	}
	*ret = h;
	return 0;

fail_authority:
	free(h->authority);
fail_h:
	free(h);
fail:
	return -ENOMEM;
}

void
hostq_free(struct manners *m, struct hostq *h)
{
	struct list *l;

	if (h == NULL)
		return;
	standing_leave(m, h);
	while (list_pop(&h->guests) != NULL)
		;
	while ((l = list_pop(&h->retries)) != NULL) {
		struct retry *retry = container_of(l, struct retry, on_host);

		urlrec_free(retry->rec);
		free(retry);
	}
	window_release(&h->window);
	free(h->rules);
	free(h->trouble);
	free(h->authority);
	free(h);
}

void
hostq_asked(struct hostq *h, const struct frontier_conf *conf)
{
	struct standing *s = h->standing;

	if (conf->asked_ms == 0)
		return;
	if (s->start_ms < conf->asked_ms)
		s->start_ms = conf->asked_ms;
	if (s->end_ms < conf->asked_ms)
		s->end_ms = conf->asked_ms;
}

/* ---- where it stands ---- */

bool
hostq_is_known(const struct hostq *h)
{
	const struct standing *s = h->standing;

	return (s->answered || h->done > 0) && s->failures == 0 && s->unanswered == 0;
}

bool
hostq_needs_robots(
    const struct hostq *h, const struct frontier_conf *conf, int64_t now_ms)
{
	if (!conf->robots || h->robots == HOSTQ_ROBOTS_ASKED)
		return false;
	/* One URL a verdict at least, should the delay be longer than it is believed. */
	return h->robots == HOSTQ_ROBOTS_UNKNOWN ||
	       (h->robots_used && now_ms >= h->robots_until_ms);
}

/* The later of two times, with the cause of that one. */
static void
later(struct hostq_state *s, int64_t due_ms, enum wait_cause cause)
{
	if (due_ms <= s->due_ms)
		return;
	s->due_ms = due_ms;
	s->waits = cause;
}

struct pace {
	uint32_t per_host;
	int64_t delay_ms; /* -1: auto */
};

/* What holds of this host. */
static struct pace
pace_of(const struct hostq *h, const struct frontier_conf *conf)
{
	struct pace p = {conf->per_host, conf->delay_ms};

	if (conf->pace != NULL)
		conf->pace(
		    conf->pace_ctx, slice_cstr(h->authority), &p.per_host, &p.delay_ms);
	assert(p.per_host >= 1);
	return p;
}

/* Of --delay and Crawl-delay; 0: neither asks for one. */
static int64_t
fixed_gap_ms(
    const struct hostq *h, const struct frontier_conf *conf, enum gap_rule *ret_rule)
{
	int64_t delay_ms = pace_of(h, conf).delay_ms;
	int64_t crawl = conf->robots ? h->standing->crawl_delay_ms : -1;

	*ret_rule = GAP_CRAWL_DELAY;
	if (crawl > conf->crawl_delay_max_ms) {
		crawl = conf->crawl_delay_max_ms;
		*ret_rule = GAP_CRAWL_DELAY_CUT;
	}
	if (crawl <= delay_ms)
		*ret_rule = GAP_OPTION;
	return crawl > delay_ms ? crawl : delay_ms < 0 ? 0 : delay_ms;
}

/* Of --delay auto; 0: it is not in force. */
static int64_t
adaptive_gap_ms(const struct hostq *h, const struct frontier_conf *conf)
{
	const struct standing *s = h->standing;

	if (pace_of(h, conf).delay_ms >= 0)
		return 0;
	return s->took_ms < conf->delay_auto_max_ms ? s->took_ms
						    : conf->delay_auto_max_ms;
}

/*
 * The gap between two requests.  A fixed one counts from the end of the last answer when
 * requests do not overlap, which is stricter than from its start; otherwise between
 * starts. The millisecond on top makes up for both times being cut to whole ones: a gap
 * of 100 is never one of 99.3.
 */
static void
judge_gap(
    const struct hostq *h, const struct frontier_conf *conf, struct hostq_state *ret)
{
	const struct standing *s = h->standing;
	struct pace pace = pace_of(h, conf);
	enum gap_rule rule;
	int64_t fixed = fixed_gap_ms(h, conf, &rule);

	if (fixed > 0)
		later(ret, (pace.per_host > 1 ? s->start_ms : s->end_ms) + fixed + 1,
		    WAIT_CRAWL_DELAY);
	if (pace.delay_ms < 0)
		later(ret, s->end_ms + adaptive_gap_ms(h, conf), WAIT_ADAPTIVE_DELAY);
	if (s->eased_ms > 0)
		later(ret, s->end_ms + s->eased_ms, WAIT_RETRY_AFTER);
}

static void
wider(struct frontier_gap *g, int64_t ms, enum gap_rule rule)
{
	if (ms <= g->ms)
		return;
	g->ms = ms;
	g->rule = rule;
}

void
hostq_gap(
    const struct hostq *h, const struct frontier_conf *conf, struct frontier_gap *ret)
{
	const struct standing *s = h->standing;
	struct pace pace = pace_of(h, conf);
	enum gap_rule rule;
	int64_t fixed = fixed_gap_ms(h, conf, &rule);

	*ret = (struct frontier_gap){.at_once = pace.per_host,
	    .per_ip = conf->per_ip,
	    .per_site = conf->per_site,
	    .rule = pace.delay_ms < 0 ? GAP_ADAPTIVE : GAP_OPTION};
	if (s->end_ms == HOSTQ_NEVER) /* there is none before it */
		return;
	wider(ret, adaptive_gap_ms(h, conf), GAP_ADAPTIVE);
	wider(ret, fixed, rule);
	wider(ret, s->backoff_until_ms - s->end_ms, GAP_BACK_OFF);
	wider(ret, s->eased_ms, GAP_BACK_OFF);
	wider(ret, s->fail_until_ms - s->end_ms, GAP_BACK_OFF);
}

/* True when the requests in flight, answers in hand, or a missing verdict, settle it. */
static bool
judge_in_flight(const struct hostq *h, const struct frontier_conf *conf, int64_t now_ms,
    struct hostq_state *ret)
{
	const struct standing *s = h->standing;
	bool fails = standing_failures(s, conf->robots_ttl_ms, now_ms) > 0;
	/* While it fails one request at a time finds out whether it is back. */
	uint32_t limit = fails ? 1 : pace_of(h, conf).per_host;

	if (conf->robots && h->robots == HOSTQ_ROBOTS_ASKED) {
		*ret = (struct hostq_state){HOSTQ_BLOCKED, WAIT_ROBOTS_PENDING, 0};
		return true;
	}
	if (s->in_flight >= limit || h->robots_in_flight) {
		*ret = (struct hostq_state){
		    HOSTQ_FULL, fails ? WAIT_UNREACHABLE : WAIT_CONNECTION_CAP, 0};
		return true;
	}
	if (h->in_flight > 0 && hostq_needs_robots(h, conf, now_ms)) {
		/* It is asked alone, so that its report can be told from others. */
		*ret = (struct hostq_state){HOSTQ_FULL, WAIT_ROBOTS_PENDING, 0};
		return true;
	}
	if (conf->in_hand_bytes_max > 0 && h->in_hand_bytes > conf->in_hand_bytes_max) {
		*ret = (struct hostq_state){HOSTQ_BLOCKED, WAIT_PARSER_BEHIND, 0};
		return true;
	}
	return false;
}

/* When the authority is free for it, by what it asks for itself. */
static struct hostq_state
free_for(const struct hostq *h, const struct frontier_conf *conf)
{
	const struct standing *s = h->standing;
	struct hostq_state ret = {HOSTQ_WAITING, WAIT_NONE, s->end_ms};

	judge_gap(h, conf, &ret);
	later(&ret, s->backoff_until_ms, WAIT_RETRY_AFTER);
	later(&ret, s->fail_until_ms, WAIT_UNREACHABLE);
	return ret;
}

static bool
wants_turn(const struct hostq *h, int64_t by_ms)
{
	return !h->is_retired &&
	       (h->state.place == HOSTQ_READY ||
		   (h->state.place == HOSTQ_FULL && h->gate == NULL) ||
		   (h->state.place == HOSTQ_WAITING && h->state.due_ms <= by_ms));
}

/*
 * Crawls that want the same host take turns: whoever was served later leaves those before
 * it some time to come first.  They may want longer gaps: then who wants shorter ones
 * waits for theirs, for else each of its requests would put them off.
 */
static void
judge_turn(const struct hostq *h, int64_t free_ms, struct hostq_state *ret)
{
	const struct standing *s = h->standing;
	int64_t before = 0;

	list_foreach (it, &s->hosts) {
		const struct hostq *other = container_of(it, struct hostq, on_standing);
		int64_t its_ms;

		if (other == h || before == TURNS_MAX)
			break;
		its_ms = free_for(other, other->conf).due_ms;
		if (its_ms < free_ms)
			its_ms = free_ms;
		if (!wants_turn(other, its_ms))
			continue;
		free_ms = its_ms;
		before++;
	}
	if (before > 0) /* what holds all of them is told by its name */
		later(ret, free_ms + before * TURN_MS,
		    ret->waits == WAIT_NONE ? WAIT_CONNECTION_CAP : ret->waits);
}

static void
judge_pace(
    const struct hostq *h, const struct frontier_conf *conf, struct hostq_state *ret)
{
	struct hostq_state is_free = free_for(h, conf);

	later(ret, is_free.due_ms, is_free.waits);
	judge_turn(h, is_free.due_ms, ret);
}

/* Nothing but that is in the way. */
static void
judge_address(const struct hostq *h, struct hostq_state *ret)
{
	if (h->standing->name_asked)
		*ret = (struct hostq_state){HOSTQ_BLOCKED, WAIT_DNS, 0};
	else if (h->standing->moves)
		*ret = (struct hostq_state){HOSTQ_FULL, WAIT_PER_IP_CAP, 0};
	else
		*ret = (struct hostq_state){HOSTQ_READY, WAITS_READY, 0};
}

/* It has no more than what is tried again later. */
static uint32_t
rest_waits(const struct hostq *h, int64_t now_ms)
{
	if (h->retries_len == 0)
		return WAITS_NOTHING;
	if (h->standing->backoff_until_ms > now_ms)
		return WAIT_RETRY_AFTER;
	if (h->standing->fail_until_ms > now_ms)
		return WAIT_UNREACHABLE;
	return h->crowded_len > 0 ? WAIT_PARSER_BEHIND : WAIT_RETRY;
}

void
hostq_judge_urls(const struct hostq *h, const struct frontier_conf *conf, int64_t now_ms,
    struct hostq_state *ret)
{
	bool doomed = hostq_is_doomed(h, now_ms);

	if (h->window.len == 0 && h->beyond == 0 && !(doomed && h->retries_len > 0)) {
		*ret = (struct hostq_state){HOSTQ_EMPTY, rest_waits(h, now_ms), 0};
		return;
	}
	if (doomed && (h->window.len > 0 || h->retries_len > 0)) {
		*ret = (struct hostq_state){HOSTQ_READY, WAITS_READY, 0};
		return;
	}
	if (!doomed && judge_in_flight(h, conf, now_ms, ret))
		return;
	*ret = (struct hostq_state){HOSTQ_WAITING, WAIT_NONE, now_ms};
	if (!doomed) {
		judge_pace(h, conf, ret);
		if (hostq_needs_robots(h, conf, now_ms))
			later(ret, h->robots_again_ms, WAIT_ROBOTS_PENDING);
	}
	if (h->window.len == 0)
		later(ret, h->refill_at_ms, WAIT_STORE_BEHIND);
	if (ret->due_ms > now_ms)
		return;
	if (h->window.len == 0 || (h->rules_away && conf->robots && !doomed))
		*ret = (struct hostq_state){HOSTQ_BLOCKED, WAIT_STORE_BEHIND, 0};
	else if (doomed)
		*ret = (struct hostq_state){HOSTQ_READY, WAITS_READY, 0};
	else
		judge_address(h, ret);
}

/* A guest needs no robots.txt; at a host that is given up it is told so. */
static void
judge_guest(const struct hostq *h, const struct frontier_conf *conf, int64_t now_ms,
    struct hostq_state *ret)
{
	const struct standing *s = h->standing;
	bool fails = standing_failures(s, conf->robots_ttl_ms, now_ms) > 0;

	*ret = (struct hostq_state){HOSTQ_READY, WAITS_READY, 0};
	if (hostq_is_doomed(h, now_ms))
		return;
	if (h->robots_in_flight ||
	    s->in_flight >= (fails ? 1 : pace_of(h, conf).per_host)) {
		*ret = (struct hostq_state){HOSTQ_FULL, WAIT_CONNECTION_CAP, 0};
		return;
	}
	*ret = (struct hostq_state){HOSTQ_WAITING, WAIT_NONE, now_ms};
	judge_pace(h, conf, ret);
	if (ret->due_ms <= now_ms)
		judge_address(h, ret);
}

/* The one that lets something begin first. */
static bool
is_sooner(const struct hostq_state *a, const struct hostq_state *b)
{
	if (a->place == HOSTQ_READY || b->place == HOSTQ_READY)
		return a->place == HOSTQ_READY;
	if (a->place == HOSTQ_WAITING && b->place == HOSTQ_WAITING)
		return a->due_ms <= b->due_ms;
	return a->place == HOSTQ_WAITING || b->place == HOSTQ_EMPTY;
}

void
hostq_judge(const struct hostq *h, const struct frontier_conf *conf, int64_t now_ms,
    struct hostq_state *ret)
{
	struct hostq_state guest;

	hostq_judge_urls(h, conf, now_ms, ret);
	if (list_is_empty(&h->guests))
		return;
	judge_guest(h, conf, now_ms, &guest);
	if (is_sooner(&guest, ret))
		*ret = guest;
}

/* ---- what happens to it ---- */

void
hostq_started(struct manners *m, struct hostq *h, bool robots, int64_t now_ms)
{
	h->in_flight++;
	standing_started(m, h, now_ms);
	if (!robots)
		return;
	assert(h->in_flight == 1);
	h->robots = HOSTQ_ROBOTS_ASKED;
	h->robots_in_flight = true;
}

/* Given up: what waits comes out, and for as long as robots.txt is believed what is
 * added. */
static void
doom(struct hostq *h, const struct frontier_conf *conf, enum outcome outcome,
    uint32_t count, int64_t now_ms)
{
	h->doom = outcome;
	h->doom_count = count;
	h->doom_until_ms = now_ms + conf->robots_ttl_ms;
	/* After that it is a new host. */
	h->robots_asks = 0;
	h->robots_again_ms = HOSTQ_NEVER;
}

/* A host with a limit of its own would say no to every other request, did we go on as
 * before whenever its time is up.  So the gap grows until it does not any more ... */
static void
ease(struct standing *s)
{
	s->eased_ms = s->eased_ms == 0 ? EASE_MS : 2 * s->eased_ms;
	if (s->eased_ms > EASE_MAX_MS)
		s->eased_ms = EASE_MAX_MS;
	s->eased_answers = 0;
}

/* ... and shrinks with answers that it gives, to find out whether it may. */
static void
ease_off(struct standing *s, int64_t now_ms)
{
	if (s->eased_ms > 0 && now_ms - s->backoff_until_ms >= BACKOFF_QUIET_MS)
		s->eased_ms = 0;
	if (s->eased_ms == 0 || ++s->eased_answers < EASE_ANSWERS)
		return;
	s->eased_answers = 0;
	s->eased_ms -= s->eased_ms / 4;
	if (s->eased_ms < EASE_MS / 2)
		s->eased_ms = 0;
}

/* RFC 6585 section 4, RFC 9110 sections 10.2.3 and 15.6.4. */
static void
back_off(struct standing *s, int64_t retry_after_ms, int64_t start_ms, uint64_t random,
    int64_t now_ms)
{
	bool was_under_way = start_ms < s->backoff_set_ms && now_ms < s->backoff_until_ms;
	int64_t wait_ms;

	if (was_under_way && retry_after_ms < 0)
		return; /* sent before we knew: says nothing new */
	if (!was_under_way) {
		if (now_ms - s->backoff_until_ms >= BACKOFF_QUIET_MS)
			s->eased_ms = s->backoff_level = 0;
		s->backoff_set_ms = now_ms;
		ease(s);
	}
	wait_ms = BACKOFF_MS << s->backoff_level;
	wait_ms += (int64_t)(random % (uint64_t)(wait_ms / 10 + 1));
	if (!was_under_way && s->backoff_level < HOSTQ_BACKOFF_LEVEL_MAX)
		s->backoff_level++;
	if (retry_after_ms >= 0)
		wait_ms =
		    retry_after_ms < BACKOFF_MIN_MS ? BACKOFF_MIN_MS : retry_after_ms;
	if (wait_ms > BACKOFF_MAX_MS)
		wait_ms = BACKOFF_MAX_MS;
	if (now_ms + wait_ms > s->backoff_until_ms)
		s->backoff_until_ms = now_ms + wait_ms;
}

/* The host itself could not be reached. */
static bool
is_host_failure(enum outcome o)
{
	return o == OUTCOME_DNS_FAILURE || o == OUTCOME_CONNECT_FAILURE ||
	       o == OUTCOME_TLS_FAILURE || o == OUTCOME_TIMEOUT_CONNECT;
}

static void
fail(struct standing *s, const struct frontier_conf *conf,
    const struct frontier_report *rep, int64_t start_ms, int64_t now_ms)
{
	uint32_t shift;

	if (standing_failures(s, conf->robots_ttl_ms, now_ms) == 0)
		s->failures = 0;
	else if (start_ms < s->fail_set_ms)
		return; /* was under way when the host went down */
	shift = s->failures < FAIL_SHIFT_MAX ? s->failures : FAIL_SHIFT_MAX;
	s->failures++;
	s->fails++;
	s->hopeless = rep->hopeless;
	s->failure = rep->outcome;
	s->fail_set_ms = now_ms;
	s->fail_until_ms = now_ms + (FAIL_MS << shift);
}

/*
 * It took the request and said nothing.  Once is the page's matter; of many in a row each
 * would cost its time-out, hours at a host with a thousand URLs: then it is the host's.
 */
static void
stay_unanswered(struct standing *s, const struct frontier_conf *conf,
    const struct frontier_report *rep, int64_t start_ms, int64_t now_ms)
{
	uint32_t most =
	    conf->dead_after > UNANSWERED_MAX ? conf->dead_after : UNANSWERED_MAX;

	if (start_ms < s->unanswered_set_ms)
		return; /* was under way with the last one that counted */
	s->unanswered_set_ms = now_ms;
	if (++s->unanswered < most)
		return;
	s->failures = s->unanswered;
	s->unanswered = 0;
	s->fails++;
	s->hopeless = false;
	s->failure = rep->outcome;
	s->fail_set_ms = now_ms;
	s->fail_until_ms = now_ms + FAIL_MS;
}

/* One that failed before this crawl knew it gets a probe. */
void
hostq_heed(struct hostq *h, const struct frontier_conf *conf, int64_t now_ms)
{
	const struct standing *s = h->standing;
	uint32_t failures = s->hopeless ? conf->dead_after : s->failures;

	if (h->fails_seen == s->fails)
		return;
	h->fails_seen = s->fails;
	if (s->failures == 0)
		return;                   /* and was reached since */
	if (failures >= conf->dead_after) /* more: it may have been lowered */
		doom(h, conf, s->failure, failures, now_ms);
}

/* A robots.txt that could not be asked for is the host's failure, not an answer: it is
 * asked for again when the host is, whichever of report and verdict came first. */
static void
robots_failed(struct hostq *h)
{
	if (h->robots == HOSTQ_ROBOTS_ASKED) {
		h->robots = HOSTQ_ROBOTS_UNKNOWN;
	} else if (h->robots == HOSTQ_ROBOTS_UNKNOWN && h->robots_asks > 0) {
		h->robots_asks--;
		h->robots_again_ms = HOSTQ_NEVER;
	}
}

/* It answered. */
static void
reached(struct standing *s)
{
	s->answered = true;
	s->failures = s->unanswered = 0;
	s->fail_until_ms = HOSTQ_NEVER;
	list_foreach (it, &s->hosts) {
		struct hostq *h = container_of(it, struct hostq, on_standing);

		if (is_host_failure(h->doom) || h->doom == OUTCOME_TIMEOUT_FIRST_BYTE)
			h->doom = OUTCOME_NONE; /* it is there after all */
	}
}

void
hostq_ended(struct manners *m, struct hostq *h, const struct frontier_conf *conf,
    const struct frontier_report *rep, uint64_t random, int64_t now_ms)
{
	struct standing *s = h->standing;
	bool was_robots = h->robots_in_flight;
	int64_t took_ms = rep->took_ms > 0 ? rep->took_ms : 0;

	assert(h->in_flight > 0);
	h->in_flight--;
	assert(!rep->guest || h->guests_in_flight > 0);
	h->guests_in_flight -= rep->guest;
	standing_ended(m, h);
	h->robots_in_flight = false;
	if (rep->not_asked) {
		if (was_robots && h->robots == HOSTQ_ROBOTS_ASKED)
			h->robots = HOSTQ_ROBOTS_UNKNOWN;
		return;
	}
	if (!was_robots && !rep->guest)
		h->done++;
	s->end_ms = now_ms;
	s->took_ms = took_ms;
	if (rep->status == 429 || rep->status == 503)
		back_off(s, rep->retry_after_ms, now_ms - took_ms, random, now_ms);
	else if (rep->status > 0)
		ease_off(s, now_ms);
	if (is_host_failure(rep->outcome)) {
		if (was_robots)
			robots_failed(h);
		fail(s, conf, rep, now_ms - took_ms, now_ms);
		hostq_heed(h, conf, now_ms);
	} else if (rep->outcome == OUTCOME_TIMEOUT_FIRST_BYTE && !was_robots) {
		stay_unanswered(s, conf, rep, now_ms - took_ms, now_ms);
		hostq_heed(h, conf, now_ms);
	} else if (rep->status > 0 ||
		   outcome_class(rep->outcome) == OUTCOME_CLASS_FETCHED) {
		reached(s);
	}
}

static int
rules_set(struct hostq *h, struct slice rules)
{
	char *copy = NULL;

	if (rules.len > 0) {
		copy = slice_dup(rules);
		if (copy == NULL)
			return -ENOMEM;
	}
	free(h->rules);
	h->rules = copy;
	h->rules_len = rules.len;
	h->rules_away = h->rules_stored = false;
	h->crawl_delay_ms = rules.len > 0 ? rules_crawl_delay_ms(rules) : -1;
	standing_crawl_delay(h->standing);
	return 0;
}

static void
robots_unreachable(
    struct hostq *h, const struct frontier_conf *conf, bool never, int64_t now_ms)
{
	h->robots = HOSTQ_ROBOTS_UNKNOWN;
	if (standing_failures(h->standing, conf->robots_ttl_ms, now_ms) > 0 ||
	    hostq_is_doomed(h, now_ms))
		return; /* counted as the host's failure already */
	h->robots_asks++;
	if (never || h->robots_asks >= ROBOTS_ASKS_MAX ||
	    h->robots_asks >= conf->dead_after)
		doom(h, conf, OUTCOME_ROBOTS_UNREACHABLE, h->robots_asks, now_ms);
	else
		h->robots_again_ms = now_ms + ROBOTS_AGAIN_MS * h->robots_asks;
}

int
hostq_robots_came(struct hostq *h, const struct frontier_conf *conf,
    enum frontier_robots what, struct slice rules, int64_t now_ms)
{
	if (what == FRONTIER_ROBOTS_AGAIN) {
		h->robots = HOSTQ_ROBOTS_UNKNOWN;
		h->robots_again_ms = now_ms + SECOND_MS;
		return 0;
	}
	if (what == FRONTIER_ROBOTS_UNREACHABLE || what == FRONTIER_ROBOTS_NEVER) {
		robots_unreachable(h, conf, what == FRONTIER_ROBOTS_NEVER, now_ms);
		return 0;
	}
	if (what == FRONTIER_ROBOTS_ALLOW)
		rules = (struct slice){0};
	if (rules_set(h, rules) < 0) {
		h->robots = HOSTQ_ROBOTS_UNKNOWN; /* or it would be blocked for ever */
		return -ENOMEM;
	}
	h->robots = HOSTQ_ROBOTS_KNOWN;
	h->robots_used = false;
	h->robots_until_ms = now_ms + conf->robots_ttl_ms;
	h->robots_asks = 0;
	h->robots_again_ms = HOSTQ_NEVER;
	return 0;
}

int
hostq_rules_came(struct hostq *h, struct slice rules)
{
	if (!h->rules_away)
		return 0;
	if (rules.len > 0) {
		int r = rules_set(h, rules);

		h->rules_stored = r == 0;
		return r;
	}
	h->rules_away = false;
	h->robots = HOSTQ_ROBOTS_UNKNOWN; /* to be asked for again */
	return 0;
}

void
hostq_rules_leave(struct hostq *h)
{
	free(h->rules);
	h->rules = NULL;
	h->rules_len = 0;
	h->rules_away = true;
}

bool
hostq_refuses(const struct hostq *h, const struct frontier_conf *conf,
    const struct urlrec *rec, int64_t now_ms, enum outcome *ret_outcome, char *ret_detail,
    size_t detail_cap)
{
	struct slice target;

	if (hostq_is_doomed(h, now_ms)) {
		*ret_outcome = h->doom;
		if (h->doom == OUTCOME_BAD_URL)
			(void)snprintf(ret_detail, detail_cap, "no usable host name");
		else if (h->doom == OUTCOME_ROBOTS_UNREACHABLE)
			(void)snprintf(ret_detail, detail_cap,
			    "robots.txt given up after %u failure%s", h->doom_count,
			    h->doom_count == 1 ? "" : "s");
		else
			(void)snprintf(ret_detail, detail_cap,
			    "host given up after %u failure%s", h->doom_count,
			    h->doom_count == 1 ? "" : "s");
		return true;
	}
	if (!conf->robots || h->rules == NULL)
		return false;
	target = slice_from(rec->url, urlrec_authority(rec).len);
	if (!rules_deny(slice_of(h->rules, h->rules_len), target, ret_detail, detail_cap))
		return false;
	*ret_outcome = OUTCOME_ROBOTS_DENIED;
	return true;
}

void
hostq_check(const struct hostq *h, const struct frontier_conf *conf)
{
	uint32_t retries = 0, crowded = 0;

	window_check(&h->window);
	assert(h->window.len <= conf->window_max);
	assert((h->beyond == 0) == (h->high_key == UINT64_MAX));
	assert(!h->robots_in_flight || h->in_flight == 1);
	list_foreach (it, &h->retries) {
		const struct retry *r = container_of(it, struct retry, on_host);

		assert(r->host == h && heap_has(&r->node));
		retries++;
		crowded += r->why == WAIT_PARSER_BEHIND;
	}
	assert(retries == h->retries_len);
	assert(crowded == h->crowded_len);
	assert((h->rules == NULL) == (h->rules_len == 0));
}
