#include "frontier/hostrec.h"
#include <errno.h>
#include <limits.h>

#include "base/wire.h"

#include "base/banned.h"

/* Older ones are read, too: without what a robots.txt met, and without the gap of a host that
 * had said 429. */
enum { HOSTREC_VERSION = 3, HOSTREC_VERSION_EASED = 2 };
#define WAIT_MAX_MS  ((int64_t)(24 * 3600 + 24 * 360) * 1000) /* back-off with jitter */
#define NEVER_STORED INT64_MIN

/* One allocation instead of four, but of long names. */
enum { HOSTREC_BYTES = 200 };

/* Before the first of all times is "never", and after the last "for ever". */
static void
put_time(struct wire_out *w, int64_t mono_ms, const struct frontier_now *now)
{
	int64_t wall_ms = NEVER_STORED;

	if (mono_ms == INT64_MAX)
		wall_ms = INT64_MAX;
	else if (mono_ms > HOSTQ_NEVER)
		wall_ms = mono_ms - now->mono_ms + now->wall_ms;
	wire_u64(w, (uint64_t)wall_ms);
}

static int64_t
time_of(int64_t wall_ms, const struct frontier_now *now, int64_t ahead_max_ms)
{
	int64_t ahead_ms;

	if (wall_ms == NEVER_STORED || wall_ms < 0)
		return HOSTQ_NEVER;
	if (wall_ms == INT64_MAX)
		return INT64_MAX;
	ahead_ms = wall_ms - now->wall_ms;
	return now->mono_ms + (ahead_ms < ahead_max_ms ? ahead_ms : ahead_max_ms);
}

/* Only what is given up is so for ever. */
static int64_t
get_wall(struct wire_in *in)
{
	int64_t wall_ms = (int64_t)wire_get_u64(in);

	if (wall_ms == INT64_MAX)
		in->bad = true;
	return wall_ms;
}

static int64_t
get_time(struct wire_in *in, const struct frontier_now *now, int64_t ahead_max_ms)
{
	return time_of(get_wall(in), now, ahead_max_ms);
}

/* It is never longer than when it was set. */
static void
get_wait(struct wire_in *in, const struct frontier_now *now, int64_t *ret_until_ms,
    int64_t *ret_set_ms)
{
	int64_t until_ms = get_wall(in);
	int64_t set_ms = get_wall(in);
	int64_t ahead_max_ms = WAIT_MAX_MS;

	if (set_ms >= 0 && until_ms >= set_ms && until_ms - set_ms < ahead_max_ms)
		ahead_max_ms = until_ms - set_ms;
	*ret_until_ms = time_of(until_ms, now, ahead_max_ms);
	*ret_set_ms = time_of(set_ms, now, 0);
}

int
hostrec_encode(const struct hostq *h, const struct frontier_now *now, struct buf *out)
{
	const struct standing *s = h->standing;
	struct wire_out w = {.b = out};
	bool doomed = hostq_is_doomed(h, now->mono_ms);

	(void)buf_reserve(out, HOSTREC_BYTES); /* what it lacks shows below */
	wire_u8(&w, HOSTREC_VERSION);
	wire_text(&w, slice_cstr(h->authority));
	wire_u64(&w, h->done);
	put_time(&w, s->start_ms, now);
	/* One that was under way when we died may have lasted until then. */
	put_time(&w, s->in_flight > 0 ? now->mono_ms : s->end_ms, now);
	wire_u64(&w, (uint64_t)s->took_ms);
	put_time(&w, s->backoff_until_ms, now);
	put_time(&w, s->backoff_set_ms, now);
	wire_u32(&w, s->backoff_level);
	put_time(&w, s->fail_until_ms, now);
	put_time(&w, s->fail_set_ms, now);
	wire_u32(&w, s->failures);
	wire_u8(&w, h->robots == HOSTQ_ROBOTS_KNOWN);
	wire_u8(&w, h->robots_used);
	wire_u32(&w, h->robots_asks);
	put_time(&w, h->robots_until_ms, now);
	put_time(&w, h->robots_again_ms, now);
	wire_u64(&w, (uint64_t)h->crawl_delay_ms);
	wire_u8(&w, h->rules != NULL || h->rules_away);
	wire_u8(&w, doomed ? (uint8_t)h->doom : OUTCOME_NONE);
	wire_u32(&w, h->doom_count);
	put_time(&w, h->doom_until_ms, now);
	wire_u64(&w, (uint64_t)s->eased_ms);
	wire_u32(&w, s->eased_answers);
	wire_u32(&w, (uint32_t)h->trouble_status);
	wire_text(&w, slice_cstr(h->trouble == NULL ? "" : h->trouble));
	return w.err;
}

struct hostrec {
	struct slice authority;
	uint64_t done;
	int64_t start_ms, end_ms, took_ms;
	int64_t backoff_until_ms, backoff_set_ms, fail_until_ms, fail_set_ms;
	uint32_t backoff_level, failures, robots_asks, doom_count;
	bool robots_known, robots_used, has_rules;
	int64_t robots_until_ms, robots_again_ms, crawl_delay_ms, doom_until_ms;
	enum outcome doom;
	int64_t eased_ms;
	uint32_t eased_answers, trouble_status;
	struct slice trouble;
};

static int
parse(struct slice saved, const struct frontier_now *now, struct hostrec *r)
{
	struct wire_in in = {.rest = saved};
	uint8_t version = wire_get_u8(&in);

	if (version == 0 || version > HOSTREC_VERSION)
		return -EBADMSG;
	r->authority = wire_get_text(&in);
	r->done = wire_get_u64(&in);
	r->start_ms = get_time(&in, now, 0);
	r->end_ms = get_time(&in, now, 0);
	r->took_ms = (int64_t)wire_get_u64(&in);
	get_wait(&in, now, &r->backoff_until_ms, &r->backoff_set_ms);
	r->backoff_level = wire_get_u32(&in);
	get_wait(&in, now, &r->fail_until_ms, &r->fail_set_ms);
	r->failures = wire_get_u32(&in);
	r->robots_known = wire_get_u8(&in) != 0;
	r->robots_used = wire_get_u8(&in) != 0;
	r->robots_asks = wire_get_u32(&in);
	r->robots_until_ms = get_time(&in, now, WAIT_MAX_MS);
	r->robots_again_ms = get_time(&in, now, WAIT_MAX_MS);
	r->crawl_delay_ms = (int64_t)wire_get_u64(&in);
	r->has_rules = wire_get_u8(&in) != 0;
	r->doom = (enum outcome)wire_get_u8(&in);
	r->doom_count = wire_get_u32(&in);
	r->doom_until_ms = time_of((int64_t)wire_get_u64(&in), now, WAIT_MAX_MS);
	r->eased_ms = r->eased_answers = 0;
	if (version >= HOSTREC_VERSION_EASED) {
		r->eased_ms = (int64_t)wire_get_u64(&in);
		r->eased_answers = wire_get_u32(&in);
	}
	r->trouble_status = 0;
	r->trouble = SLICE_LIT("");
	if (version == HOSTREC_VERSION) {
		r->trouble_status = wire_get_u32(&in);
		r->trouble = wire_get_text(&in);
	}
	if (r->eased_ms < 0 || r->eased_ms > WAIT_MAX_MS)
		return -EBADMSG;
	if (in.bad || in.rest.len > 0 || r->doom >= OUTCOME_MAX || r->took_ms < 0 ||
	    r->crawl_delay_ms < -1 || r->crawl_delay_ms > INT32_MAX ||
	    r->trouble.len > FRONTIER_TROUBLE_MAX || r->trouble_status > INT_MAX ||
	    r->backoff_level > HOSTQ_BACKOFF_LEVEL_MAX)
		return -EBADMSG;
	return 0;
}

int
hostrec_decode(struct slice saved, const struct frontier_now *now, struct hostq *h)
{
	struct standing s;
	struct hostrec r;
	int err = parse(saved, now, &r);

	if (err < 0)
		return err;
	h->done = r.done;
	standing_init(&s);
	s.start_ms = r.start_ms;
	s.end_ms = r.end_ms;
	s.took_ms = r.took_ms;
	s.backoff_until_ms = r.backoff_until_ms;
	s.backoff_set_ms = r.backoff_set_ms;
	s.backoff_level = r.backoff_level;
	s.fail_until_ms = r.fail_until_ms;
	s.fail_set_ms = r.fail_set_ms;
	s.failures = r.failures;
	s.eased_ms = r.eased_ms;
	s.eased_answers = r.eased_answers;
	standing_merge(h->standing, &s);
	h->robots_asks = r.robots_asks;
	h->robots_again_ms = r.robots_again_ms;
	if (r.robots_known) {
		h->robots = HOSTQ_ROBOTS_KNOWN;
		h->robots_used = r.robots_used;
		h->robots_until_ms = r.robots_until_ms;
		h->crawl_delay_ms = r.crawl_delay_ms;
		h->rules_away = r.has_rules;
		standing_crawl_delay(h->standing);
	}
	if (r.doom != OUTCOME_NONE) {
		h->doom = r.doom;
		h->doom_count = r.doom_count;
		h->doom_until_ms = r.doom_until_ms;
	}
	if (r.trouble.len > 0) /* without memory it is not told */
		h->trouble = slice_dup(r.trouble);
	h->trouble_status = h->trouble == NULL ? 0 : (int)r.trouble_status;
	return 0;
}

static void
later(struct hostrec_brief *b, int64_t at_ms, enum wait_cause cause)
{
	if (at_ms <= b->due_wall_ms)
		return;
	b->due_wall_ms = at_ms;
	b->waits_for = cause;
}

int
hostrec_brief(struct slice saved, struct hostrec_brief *ret)
{
	/* On this clock monotonic and wall time are one. */
	static const struct frontier_now wall = {INT64_MAX / 4, INT64_MAX / 4};
	struct hostrec_brief b = {.waits_for = WAIT_NONE};
	struct hostrec r;
	int err = parse(saved, &wall, &r);

	if (err < 0)
		return err;
	b.authority = r.authority;
	b.doom = r.doom;
	b.asked_wall_ms = r.end_ms;
	if (r.doom == OUTCOME_NONE) {
		later(&b, r.backoff_until_ms, WAIT_RETRY_AFTER);
		later(&b, r.fail_until_ms, WAIT_UNREACHABLE);
		if (!r.robots_known)
			later(&b, r.robots_again_ms, WAIT_ROBOTS_PENDING);
		if (r.crawl_delay_ms > 0)
			later(&b, r.end_ms + r.crawl_delay_ms, WAIT_CRAWL_DELAY);
	}
	*ret = b;
	return 0;
}

int
hostrec_outlook(struct slice saved, const struct frontier_conf *conf, int64_t wall_ms,
    struct hostrec_outlook *ret)
{
	const struct frontier_now now = {wall_ms, wall_ms}; /* both clocks are one */
	struct hostq_state state;
	struct hostq *h;
	int err = hostq_new(NULL, 0, (struct slice){0}, &h);

	if (err < 0)
		return err;
	if (saved.len > 0)
		err = hostrec_decode(saved, &now, h);
	if (err == 0) {
		h->beyond = 1;
		hostq_judge(h, conf, wall_ms, &state);
		*ret = (struct hostrec_outlook){.done = h->done,
		    .failures =
			standing_failures(h->standing, conf->robots_ttl_ms, wall_ms),
		    .crawl_delay_ms = h->crawl_delay_ms,
		    .doom = hostq_is_doomed(h, wall_ms) ? h->doom : OUTCOME_NONE,
		    .doom_until_wall_ms = h->doom_until_ms,
		    .waits_for = WAIT_NONE,
		    .due_wall_ms = wall_ms,
		    .asks_robots = hostq_needs_robots(h, conf, wall_ms)};
		if (state.place == HOSTQ_WAITING) {
			ret->waits_for = (enum wait_cause)state.waits;
			ret->due_wall_ms = state.due_ms;
		}
		h->beyond = 0;
	}
	hostq_free(NULL, h);
	return err;
}
