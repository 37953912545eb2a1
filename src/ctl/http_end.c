#include "ctl/http.h"
#include "ctl/http_int.h"
#include <assert.h>

enum {
	DRAIN_LOOK_MS = 20,
	DRAIN_IDLE_MS = 200, /* for requests that are on their way */
	DRAIN_MAX_MS = 2000,
};

void
http_stats(const struct http *h, struct http_stats *ret)
{
	*ret = h->stats;
	ret->connections_now = h->conns_len;
}

void
http_check(const struct http *h)
{
	uint32_t n = 0;

	list_foreach (at, &h->conns) {
		const struct conn *c = container_of(at, struct conn, on_http);

		assert(c->http == h);
		assert(c->request == NULL || c->request->conn == c);
		n++;
	}
	assert(n == h->conns_len);
	clients_check(&h->clients);
}

/* ---- the end ---- */

static bool
has_requests(const struct http *h)
{
	list_foreach (at, &h->conns) {
		if (container_of(at, struct conn, on_http)->request != NULL)
			return true;
	}
	return false;
}

void
http_on_drain(void *ctx)
{
	struct http *h = ctx;
	int64_t ms = loop_now_ms(h->loop) - h->draining_ms;

	http_check(h);
	if (h->conns_len == 0 || ms >= DRAIN_MAX_MS ||
	    (ms >= DRAIN_IDLE_MS && !has_requests(h)))
		h->drained(h->drained_ctx);
	else
		(void)timer_start(&h->drain, DRAIN_LOOK_MS);
}

/* Those that wait for more would have no end. */
static void
wake_streams(struct http *h)
{
	list_foreach (at, &h->conns) {
		struct request *r = container_of(at, struct conn, on_http)->request;

		if (r != NULL && r->stream != NULL)
			http_resume(r);
	}
}

void
http_drain(struct http *h, loop_fn *done, void *ctx)
{
	http_deafen(h);
	h->drains = true;
	wake_streams(h);
	h->draining_ms = loop_now_ms(h->loop);
	h->drained = done;
	h->drained_ctx = ctx;
	(void)timer_start(&h->drain, 0);
}
