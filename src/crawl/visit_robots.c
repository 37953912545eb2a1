#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "crawl/crawl_internal.h"
#include "web/robots.h"
#include "web/url.h"

/* A robots.txt: where redirects lead it, and what its answer means for its host. */

enum {
	ROBOTS_HOPS_MAX = 5,             /* RFC 9309 2.3.1.2 */
	ROBOTS_READ_BYTES = 500 << 10,   /* 2.5: what is behind is not parsed */
	ROBOTS_BODY_BYTES_MAX = 1 << 20, /* and need not be here */
	/* All of a host waits for it: it has less time than a page. */
	ROBOTS_FIRST_BYTE_MS = 15000,
	ROBOTS_TOTAL_MS = 30000,
};

void
visit_robots_limits(struct fetch_request *req)
{
	req->first_byte_ms = ROBOTS_FIRST_BYTE_MS;
	req->total_ms = ROBOTS_TOTAL_MS;
	req->body_bytes_max = ROBOTS_BODY_BYTES_MAX;
}

static void
ends_as(struct visit *v, enum frontier_robots what)
{
	struct crawl *c = v->crawl;

	if (frontier_robots(c->frontier, v->authority_hash, what, (struct slice){0},
		loop_now_ms(c->loop)) < 0)
		crawl_fail(c, CRAWL_STORE, "out of memory");
	visit_free(v);
	crawl_visit_ended(c);
}

void
visit_robots_again(struct visit *v)
{
	ends_as(v, FRONTIER_ROBOTS_AGAIN);
}

/* Why it is given up, for those that wait for it. */
void
visit_robots_fetched(struct visit *v)
{
	struct frontier *f = v->crawl->frontier;
	const struct fetch_result *r = &v->result;
	int status = r->t.status;
	char text[FRONTIER_TROUBLE_MAX + 1];

	if (r->t.error[0] == '\0' && status < 500 && status != 429) {
		frontier_trouble_set(
		    f, v->authority_hash, (struct slice){0}, 0); /* it is over */
		return;
	}
	if (r->t.error[0] != '\0')
		(void)snprintf(text, sizeof(text), "%s", r->t.error);
	else
		(void)snprintf(
		    text, sizeof(text), "robots.txt cannot be had: status %d", status);
	frontier_trouble_set(f, v->authority_hash, slice_cstr(text),
	    r->outcome == OUTCOME_CONNECT_FAILURE ? status : 0);
}

/* Who it was sent to has a turn for it, or will have none for long. */
int
visit_robots_turn(const struct frontier_turn *turn)
{
	struct visit *v = container_of(turn->guest, struct visit, guest);
	int r;

	if (turn->outcome != OUTCOME_NONE) {
		ends_as(v, FRONTIER_ROBOTS_UNREACHABLE);
		return 0;
	}
	v->gap = turn->gap;
	v->is_probe = turn->is_probe;
	visit_to(v, VISIT_FETCH);
	r = visit_fetch(v);
	if (r < 0)
		visit_drop(v);
	return r;
}

static int
follow(struct visit *v)
{
	struct urlrec r = {.kind = LINK_ROBOTS,
	    .hops = SLICE_LIT("PR"),
	    .url = v->found.redirect_to,
	    .via = v->rec->url};
	struct urlrec *rec = urlrec_new(&r);
	struct crawl *c = v->crawl;
	struct visit *next = rec == NULL ? NULL : visit_new(c, rec);
	int err;

	if (next == NULL) {
		urlrec_free(rec);
		return -ENOMEM;
	}
	next->robots = true;
	next->robots_hops = (uint8_t)(v->robots_hops + 1);
	next->authority_hash = v->authority_hash;
	next->target_hash = url_hash(urlrec_authority(rec), c->hash_seed);
	rec->authority_hash = next->target_hash;
	visit_to(next, VISIT_HELD);
	err = frontier_guest_add(c->frontier, &next->guest, next->target_hash,
	    urlrec_authority(rec), loop_now_ms(c->loop));
	if (err < 0)
		visit_free(next);
	return err;
}

/* The rest may forbid what the beginning does not. */
static bool
is_torn(const struct visit *v)
{
	const struct transport_result *t = &v->result.t;

	return (t->cut == TRANSPORT_CUT_TIME || t->cut == TRANSPORT_CUT_DISCONNECT) &&
	       t->body_len < ROBOTS_READ_BYTES;
}

/* RFC 9309 2.3.1: what the answer, or its absence, means. */
static enum frontier_robots
meaning(const struct visit *v)
{
	int status = v->result.t.status;

	/* A denied address of its own: each URL is told so itself. */
	if (v->commit.event.outcome == OUTCOME_DENIED_ADDRESS)
		return v->robots_hops == 0 ? FRONTIER_ROBOTS_ALLOW
					   : FRONTIER_ROBOTS_NEVER;
	if (status >= 200 && status < 300)
		return !is_torn(v) && v->bytes != NULL &&
			       robots_blob_check(v->found.rules) &&
			       v->commit.event.outcome != OUTCOME_PARSE_CRASH &&
			       v->commit.event.outcome != OUTCOME_PARSE_TIMEOUT
			   ? FRONTIER_ROBOTS_RULES
			   : FRONTIER_ROBOTS_UNREACHABLE;
	/* Too many redirects, or one to nowhere, is as good as no file. */
	if (status >= 300 && status < 500 && status != 429)
		return FRONTIER_ROBOTS_ALLOW;
	return FRONTIER_ROBOTS_UNREACHABLE;
}

static bool
is_to_follow(const struct visit *v)
{
	int status = v->result.t.status;

	return status >= 300 && status < 400 && v->found.redirect_to.len > 0 &&
	       v->robots_hops < ROBOTS_HOPS_MAX;
}

/* It would have us slower than the user wants to be. */
static void
tell_clamped(const struct visit *v)
{
	int64_t ms = robots_crawl_delay_ms(v->found.rules);
	int64_t max_ms = v->crawl->o->fetch_crawl_delay_max;

	if (ms > max_ms)
		log_warn_of(CRAWL_ABOUT(v->crawl, v->rec->url),
		    "Crawl-delay of %.1f s cut to %.1f s: url=%s", (double)ms / 1000,
		    (double)max_ms / 1000, LOG_TEXT(v->rec->url));
}

void
visit_robots_ended(struct visit *v)
{
	struct crawl *c = v->crawl;
	enum frontier_robots what = meaning(v);

	if (is_to_follow(v)) {
		if (c->phase != CRAWL_RUNNING || follow(v) == 0)
			return;                     /* after a stop a resume asks again */
		what = FRONTIER_ROBOTS_UNREACHABLE; /* ours to mend, not leave to ignore
						       it */
	}
	if (what == FRONTIER_ROBOTS_RULES)
		tell_clamped(v);
	if (frontier_robots(c->frontier, v->authority_hash, what,
		what == FRONTIER_ROBOTS_RULES ? v->found.rules : (struct slice){0},
		loop_now_ms(c->loop)) < 0 ||
	    crawl_save_host(c, v->authority_hash) < 0)
		crawl_fail(c, CRAWL_STORE, "out of memory");
}
