#include "crawl/crawl_internal.h"

/*
 * What all crawls of the process have together: requests at once, a second, and bytes.
 *
 * Who goes next: of the crawls that the limit holds (`hungry`) the one that has the fewest
 * requests running, so that a crawl of slow hosts does not take all there are; where it is
 * the rate that holds them, the one served longest ago.  A crawl that could start more
 * stands back for it, and for nobody who has nothing to ask.
 */
enum { STAND_BACK_MS = 20, SLOW_LOOK_MS = 100 };

void
engine_limit(struct engine *e, const struct engine_limits *l)
{
	int64_t now_us = loop_now_us(e->loop);
	double bandwidth = (double)l->bandwidth_bytes;

	e->limits = *l;
	limiter_set(&e->rate, l->rate, l->rate < 10 ? 1 : l->rate / 10, now_us);
	limiter_set(&e->bandwidth, bandwidth, bandwidth, now_us);
	list_foreach (at, &e->crawls)
		crawl_pump(container_of(at, struct crawl, on_engine));
}

static uint32_t
running_of(const struct crawl *c)
{
	return c->in_state[VISIT_FETCH];
}

uint32_t
engine_running(const struct engine *e)
{
	uint32_t n = 0;

	list_foreach (at, &e->crawls)
		n += running_of(container_of(at, struct crawl, on_engine));
	return n;
}

/* Whoever of the hungry comes before c; NULL: nobody. */
static struct crawl *
first_before(const struct crawl *c, bool by_turn)
{
	struct crawl *first = NULL;

	list_foreach (at, &c->engine->crawls) {
		struct crawl *o = container_of(at, struct crawl, on_engine);
		const struct crawl *than = first == NULL ? c : first;
		bool before =
		    by_turn ? o->served < than->served : running_of(o) < running_of(than);

		if (o != c && o->hungry && o->phase == CRAWL_RUNNING && before)
			first = o;
	}
	return first;
}

static bool
stands_back(struct crawl *c, bool by_turn, int64_t *ret_wait_ms)
{
	struct crawl *first = first_before(c, by_turn);

	if (first == NULL)
		return false;
	crawl_pump(first);
	c->hungry = true;
	*ret_wait_ms = STAND_BACK_MS;
	return true;
}

enum wait_cause
engine_holds(struct crawl *c, int64_t *ret_wait_ms)
{
	struct engine *e = c->engine;
	int64_t now_us = loop_now_us(c->loop), rate_us, bandwidth_us;
	uint32_t slow;

	if (e->limits.concurrency > 0) {
		slow = transport_slow(e->transport);
		if (engine_running(e) >=
		    e->limits.concurrency +
			(slow < CRAWL_SLOW_MAX ? slow : CRAWL_SLOW_MAX)) {
			c->hungry = true;
			*ret_wait_ms = SLOW_LOOK_MS;
			return WAIT_CONNECTION_CAP;
		}
		if (stands_back(c, false, ret_wait_ms))
			return WAIT_CONNECTION_CAP;
	}
	rate_us = limiter_wait_us(&e->rate, 1, now_us);
	bandwidth_us = limiter_wait_us(&e->bandwidth, 1, now_us);
	if (rate_us > 0 || bandwidth_us > 0) {
		c->hungry = true;
		*ret_wait_ms =
		    (rate_us > bandwidth_us ? rate_us : bandwidth_us) / 1000 + 1;
		return rate_us > 0 ? WAIT_GLOBAL_RATE : WAIT_BANDWIDTH;
	}
	if (e->limits.rate > 0 && stands_back(c, true, ret_wait_ms))
		return WAIT_GLOBAL_RATE;
	return WAIT_NONE;
}

void
engine_served(struct crawl *c)
{
	limiter_take(&c->engine->rate, 1, loop_now_us(c->loop));
	c->served = ++c->engine->served;
}

/* Its share of the bytes a second; 0: no limit. */
uint64_t
engine_bandwidth_share(const struct engine *e)
{
	uint32_t running = engine_running(e);

	return e->limits.bandwidth_bytes == 0
		   ? 0
		   : (uint64_t)e->limits.bandwidth_bytes / (running > 0 ? running : 1) +
			 1;
}
