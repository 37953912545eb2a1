/*
 * tests/unit/frontier_rig.h -- a frontier in virtual time, and short words for what tests
 * do with it.  After every step the invariants are checked.
 */
#ifndef TESTS_FRONTIER_RIG_H
#define TESTS_FRONTIER_RIG_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frontier/frontier.h"
#include "web/robots.h"
#include "web/url.h"

struct rig {
	struct frontier *f;
	struct frontier_conf conf;
	int64_t now;
	uint64_t seq;
	struct frontier_turn turn; /* of the last rig_next() */
};

/* No robots, one request a host, no delay, wide windows. */
static inline struct frontier_conf
rig_conf(void)
{
	return (struct frontier_conf){
	    .order = order_find(SLICE_LIT("bfs")),
	    .robots = false,
	    .per_host = 1,
	    .delay_ms = 0,
	    .delay_auto_max_ms = 30000,
	    .crawl_delay_max_ms = 60000,
	    .window_max = 1000,
	    .jitter_seed = 7,
	    .robots_ttl_ms = 86400000,
	    .dead_after = 5,
	};
}

static inline void
rig_start(struct rig *rig, const struct frontier_conf *conf)
{
	*rig = (struct rig){.conf = *conf, .now = 1000000};
	assert_int_equal(frontier_new(conf, &rig->f), 0);
}

static inline void
rig_stop(struct rig *rig)
{
	frontier_check(rig->f);
	frontier_free(rig->f);
}

static inline uint64_t
rig_hash(const char *authority)
{
	return url_hash(slice_cstr(authority), 1);
}

/* A record that borrows `url`. */
static inline struct urlrec
rig_rec(struct rig *rig, const char *url, uint16_t depth, int16_t priority)
{
	struct urlrec r = {
	    .url = slice_cstr(url),
	    .url_hash = url_hash(slice_cstr(url), 1),
	    .depth = depth,
	    .priority = priority,
	    .kind = LINK_A,
	};

	r.authority_hash = url_hash(urlrec_authority(&r), 1);
	r.key = rig->conf.order->key(&r, ++rig->seq);
	return r;
}

static inline void
rig_add_deep(struct rig *rig, const char *url, uint16_t depth, int16_t priority)
{
	struct urlrec r = rig_rec(rig, url, depth, priority);

	assert_int_equal(frontier_add(rig->f, &r, rig->now), 0);
	frontier_check(rig->f);
}

static inline void
rig_add(struct rig *rig, const char *url)
{
	rig_add_deep(rig, url, 0, 0);
}

static inline enum frontier_turn_kind
rig_next(struct rig *rig)
{
	assert_int_equal(frontier_next(rig->f, rig->now, &rig->turn), 0);
	frontier_check(rig->f);
	return rig->turn.kind;
}

/* The next turn is to fetch `url`. */
static inline void
rig_expect_url(struct rig *rig, const char *url)
{
	assert_int_equal(rig_next(rig), FRONTIER_URL);
	assert_non_null(rig->turn.rec);
	assert_int_equal(rig->turn.rec->url.len, strlen(url));
	assert_memory_equal(rig->turn.rec->url.ptr, url, strlen(url));
	assert_int_equal(rig->turn.rec->authority_hash, rig->turn.authority_hash);
	urlrec_free(rig->turn.rec);
}

static inline void
rig_expect_robots(struct rig *rig, const char *authority)
{
	assert_int_equal(rig_next(rig), FRONTIER_ROBOTS);
	assert_string_equal(rig->turn.authority, authority);
	assert_int_equal(rig->turn.authority_hash, rig_hash(authority));
	assert_null(rig->turn.rec);
}

static inline void
rig_expect_refused(
    struct rig *rig, const char *url, enum outcome outcome, const char *detail)
{
	assert_int_equal(rig_next(rig), FRONTIER_REFUSED);
	assert_true(slice_eq(rig->turn.rec->url, slice_cstr(url)));
	assert_int_equal(rig->turn.outcome, outcome);
	assert_string_equal(rig->turn.detail, detail);
	urlrec_free(rig->turn.rec);
}

/* Nothing now; `in_ms` from now there may be (INT64_MAX: only after an event). */
static inline void
rig_expect_idle(struct rig *rig, int64_t in_ms)
{
	assert_int_equal(rig_next(rig), FRONTIER_IDLE);
	assert_int_equal(
	    rig->turn.due_ms, in_ms == INT64_MAX ? INT64_MAX : rig->now + in_ms);
}

static inline void
rig_report(struct rig *rig, const char *authority, const struct frontier_report *rep)
{
	frontier_done(rig->f, rig_hash(authority), rep, rig->now);
	frontier_check(rig->f);
}

/* The request to it ends now with 200 after `took_ms`. */
static inline void
rig_ok(struct rig *rig, const char *authority, int64_t took_ms)
{
	const struct frontier_report rep = {.outcome = OUTCOME_OK,
	    .status = 200,
	    .took_ms = took_ms,
	    .retry_after_ms = -1};

	rig_report(rig, authority, &rep);
}

static inline void
rig_status(struct rig *rig, const char *authority, int status, int64_t retry_after_ms)
{
	const struct frontier_report rep = {
	    .outcome = status >= 500 ? OUTCOME_HTTP_5XX : OUTCOME_HTTP_4XX,
	    .status = status,
	    .retry_after_ms = retry_after_ms};

	rig_report(rig, authority, &rep);
}

static inline void
rig_fails(struct rig *rig, const char *authority, enum outcome outcome)
{
	const struct frontier_report rep = {.outcome = outcome, .retry_after_ms = -1};

	rig_report(rig, authority, &rep);
}

static inline void
rig_robots(struct rig *rig, const char *authority, enum frontier_robots what,
    const char *robots_txt)
{
	struct buf blob;

	buf_init(&blob, ROBOTS_BLOB_MAX);
	if (robots_txt != NULL)
		assert_int_equal(
		    robots_compile(slice_cstr(robots_txt), SLICE_LIT("trawl"), &blob), 0);
	assert_int_equal(frontier_robots(rig->f, rig_hash(authority), what,
			     buf_slice(&blob), rig->now),
	    0);
	buf_release(&blob);
	frontier_check(rig->f);
}

static inline struct frontier_stats
rig_stats(struct rig *rig)
{
	struct frontier_stats s;

	frontier_stats(rig->f, rig->now, &s);
	frontier_check(rig->f);
	return s;
}
#endif
