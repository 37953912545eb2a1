#include <errno.h>
#include <stdio.h>

#include "crawl/crawl_internal.h"
#include "web/robots.h"
#include "web/url.h"

/* A robots.txt: where redirects lead it, and what its answer means for its host. */

enum { ROBOTS_HOPS_MAX = 5 }; /* RFC 9309 2.3.1.2 */

/*
 * Redirects lead to hosts outside their turn.  One of them at a time is asked for all
 * that were sent there, so that a hub that serves the robots.txt of many is not stormed.
 */
static int
start_or_hold(struct visit *v)
{
	struct crawl *c = v->crawl;
	int r;

	if (umap_get(&c->robots_targets, v->target_hash) != NULL) {
		visit_to(v, VISIT_HELD);
		list_push(&c->robots_wait, &v->on_parse_wait);
		return 0;
	}
	r = umap_put(&c->robots_targets, v->target_hash, v);
	if (r == 0)
		r = visit_fetch(v);
	if (r < 0)
		(void)umap_take(&c->robots_targets, v->target_hash);
	return r;
}

static void
give_up(struct visit *v)
{
	if (frontier_robots(v->crawl->frontier, v->authority_hash,
		FRONTIER_ROBOTS_UNREACHABLE, (struct slice){0},
		loop_now_ms(v->crawl->loop)) < 0)
		crawl_fail(v->crawl, CRAWL_STORE, "out of memory");
	visit_free(v);
}

/* Its host has answered: the next that was sent there may ask. */
void
visit_robots_fetched(struct visit *v)
{
	struct crawl *c = v->crawl;
	const struct fetch_result *r = &v->result;

	if (r->t.error[0] != '\0') {
		c->last_error_authority = v->authority_hash;
		(void)snprintf(c->last_error, sizeof(c->last_error), "%s", r->t.error);
		c->last_status = r->outcome == OUTCOME_CONNECT_FAILURE ? r->t.status : 0;
	}
	if (v->robots_hops == 0)
		return;
	(void)umap_take(&c->robots_targets, v->target_hash);
	list_foreach_safe(at, tmp, &c->robots_wait)
	{
		struct visit *next = container_of(at, struct visit, on_parse_wait);

		if (next->target_hash != v->target_hash)
			continue;
		list_remove(&next->on_parse_wait);
		visit_to(next, VISIT_FETCH);
		if (start_or_hold(next) < 0)
			give_up(next);
		return;
	}
}

static int
follow(struct visit *v)
{
	struct urlrec r = {.kind = LINK_ROBOTS,
	    .hops = SLICE_LIT("PR"),
	    .url = v->found.redirect_to,
	    .via = v->rec->url};
	struct urlrec *rec = urlrec_new(&r);
	struct visit *next = rec == NULL ? NULL : visit_new(v->crawl, rec);
	int err;

	if (next == NULL) {
		urlrec_free(rec);
		return -ENOMEM;
	}
	next->robots = true;
	next->gap = (struct frontier_gap){.at_once = 1}; /* outside of the turns */
	next->robots_hops = (uint8_t)(v->robots_hops + 1);
	next->authority_hash = v->authority_hash;
	next->target_hash = url_hash(urlrec_authority(rec), v->crawl->hash_seed);
	rec->authority_hash = next->target_hash;
	err = start_or_hold(next);
	if (err < 0)
		visit_free(next);
	return err;
}

/* RFC 9309 2.3.1: what the answer, or its absence, means. */
static enum frontier_robots
meaning(const struct visit *v)
{
	int status = v->result.t.status;

	/* A denied address of its own: each URL is told so itself. */
	if (v->commit.event.outcome == OUTCOME_DENIED_ADDRESS)
		return v->robots_hops == 0 ? FRONTIER_ROBOTS_ALLOW
					   : FRONTIER_ROBOTS_UNREACHABLE;
	if (status >= 200 && status < 300)
		return v->bytes != NULL && robots_blob_check(v->found.rules) &&
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
	if (frontier_robots(c->frontier, v->authority_hash, what,
		what == FRONTIER_ROBOTS_RULES ? v->found.rules : (struct slice){0},
		loop_now_ms(c->loop)) < 0 ||
	    crawl_save_host(c, v->authority_hash) < 0)
		crawl_fail(c, CRAWL_STORE, "out of memory");
}
