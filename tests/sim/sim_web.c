#include "sim_web.h"
#include "net/dns.h"
#include "net/transport.h"
#include "web/url.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct sim_web sim_web;

void
sim_web_reset(sim_script *script, void *ctx)
{
	free(sim_web.requests);
	sim_web = (struct sim_web){.script = script, .ctx = ctx};
	sim_web.requests = calloc(SIM_REQUESTS_MAX, sizeof(*sim_web.requests));
	assert(sim_web.requests != NULL);
}

void
sim_web_share(struct sim_request *requests)
{
	free(sim_web.requests);
	sim_web.requests = requests;
	while (sim_web.requests_len < SIM_REQUESTS_MAX &&
	       requests[sim_web.requests_len].url[0] != '\0')
		sim_web.requests_len++;
}

static int64_t
web_now_ms(const struct loop *l)
{
	return loop_now_ms(l) + sim_web.base_ms;
}

static void
own(bool begins)
{
	if (sim_web.own != NULL)
		sim_web.own(begins);
}

size_t
sim_count(const char *url)
{
	size_t n = 0;

	for (size_t i = 0; i < sim_web.requests_len; i++)
		n += strcmp(sim_web.requests[i].url, url) == 0;
	return n;
}

int64_t
sim_least_gap_ms(const char *host)
{
	int64_t least = INT64_MAX, last_end = -1;

	for (size_t i = 0; i < sim_web.requests_len; i++) {
		const struct sim_request *r = &sim_web.requests[i];

		if (strcmp(r->host, host) != 0 || r->robots)
			continue;
		if (last_end == -2 || (last_end >= 0 && r->began_ms < last_end))
			return -1;
		if (last_end >= 0 && r->began_ms - last_end < least)
			least = r->began_ms - last_end;
		last_end = r->ended_ms < 0 ? -2 : r->ended_ms;
	}
	return least;
}

/* ---- net/dns.h ---- */

struct dns {
	struct loop *loop;
};

struct ask {
	struct later run;
	dns_fn *fn;
	void *ctx;
	struct dns_answer answer;
	uint32_t gen;
	bool used;
};
static struct ask asks[256];

const char *
dns_status_text(enum dns_status s)
{
	static const char *const texts[] = {
#define X(id, text) [DNS_##id] = text,
	    DNS_STATUSES(X)
#undef X
	};

	return texts[s];
}

int
dns_new(struct loop *l, const struct dns_conf *conf, struct dns **ret, struct why *why)
{
	struct dns *d = calloc(1, sizeof(*d));

	(void)conf;
	(void)why;
	if (d == NULL)
		return -ENOMEM;
	d->loop = l;
	memset(asks, 0, sizeof(asks));
	*ret = d;
	return 0;
}

void
dns_free(struct dns *d)
{
	for (size_t i = 0; i < 256 && d != NULL; i++)
		if (asks[i].used)
			later_stop(&asks[i].run);
	free(d);
}

static void
on_ask(void *ctx)
{
	struct ask *a = ctx;

	a->used = false;
	a->gen++;
	sim_web.asking--;
	a->fn(a->ctx, &a->answer);
}

int
dns_start(struct dns *d, struct slice host, uint32_t max_ms, dns_fn *fn, void *ctx,
    struct dns_id *ret)
{
	uint32_t h = 2166136261u;

	(void)max_ms; /* it is answered in the next turn */
	for (uint32_t i = 0; i < 256; i++) {
		struct ask *a = &asks[i];

		if (a->used)
			continue;
		*a = (struct ask){.fn = fn, .ctx = ctx, .gen = a->gen, .used = true};
		for (size_t k = 0; k < host.len; k++)
			h = (h ^ (unsigned char)host.ptr[k]) * 16777619u;
		a->answer.status =
		    slice_ends(host, SLICE_LIT(".invalid")) ? DNS_NO_NAME : DNS_OK;
		a->answer.n = a->answer.status == DNS_OK;
		a->answer.ttl_s = 300;
		a->answer.addrs[0] = (struct addr){.family = AF_INET, .bytes = {93, 184}};
		a->answer.addrs[0].bytes[2] = (uint8_t)(h >> 8);
		a->answer.addrs[0].bytes[3] = (uint8_t)h;
		if (sim_web.names != NULL)
			sim_web.names(sim_web.ctx, host, &a->answer);
		sim_web.asking++;
		later_init(&a->run, d->loop, on_ask, a);
		later_start(&a->run);
		*ret = (struct dns_id){.slot = i, .gen = a->gen};
		return 0;
	}
	return -EAGAIN;
}

void
dns_cancel(struct dns *d, struct dns_id id)
{
	struct ask *a = &asks[id.slot];

	(void)d;
	if (!a->used || a->gen != id.gen)
		return;
	later_stop(&a->run);
	a->used = false;
	a->gen++;
	sim_web.asking--;
}

int
dns_override(struct dns *d, struct slice host, uint16_t port, const struct addr *a)
{
	(void)d, (void)host, (void)port, (void)a;
	return 0;
}

bool
dns_overridden(const struct dns *d, struct slice host, uint16_t port, struct addr *ret)
{
	(void)d, (void)host, (void)port, (void)ret;
	return false;
}

/* ---- net/transport.h ---- */

enum { SLOTS = 1024 };

struct transfer {
	struct transport *t;
	struct timer timer;
	transport_fn *fn;
	void *ctx;
	struct sim_reply reply;
	struct buf body;
	struct addr addr;
	size_t request; /* in sim_web.requests */
	enum outcome deadline;
	uint32_t gen;
	bool used;
};

struct transport {
	struct loop *loop;
	struct shm *shm;
	struct transfer slots[SLOTS];
};

int
transport_new(struct loop *l, const struct transport_conf *conf, struct transport **ret,
    struct why *why)
{
	struct transport *t = calloc(1, sizeof(*t));

	(void)why;
	if (t == NULL)
		return -ENOMEM;
	t->loop = l;
	t->shm = conf->shm;
	*ret = t;
	return 0;
}

static void
end(struct transfer *x)
{
	timer_stop(&x->timer);
	buf_release(&x->body);
	sim_web.requests[x->request].ended_ms = web_now_ms(x->t->loop);
	sim_web.running--;
	x->used = false;
	x->gen++;
}

void
transport_free(struct transport *t)
{
	for (size_t i = 0; i < SLOTS && t != NULL; i++)
		if (t->slots[i].used)
			end(&t->slots[i]);
	free(t);
}

static void
answer(struct transfer *x, struct transport_result *r)
{
	struct buf head;
	char *p;

	buf_init(&head, 4096);
	(void)buf_printf(&head, "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n",
	    x->reply.status,
	    x->reply.headers == NULL ? "Content-Type: text/html\r\n" : x->reply.headers,
	    x->body.len);
	r->request = SLICE_LIT("GET / HTTP/1.1\r\nHost: sim\r\n\r\n");
	if (x->reply.no_room ||
	    shm_alloc(x->t->shm, head.len + x->body.len, &r->block) < 0) {
		r->arena_full = true;
	} else {
		p = shm_ptr(x->t->shm, &r->block);
		memcpy(p, head.ptr, head.len);
		if (x->body.len > 0)
			memcpy(p + head.len, x->body.ptr, x->body.len);
		r->outcome = OUTCOME_OK;
		r->status = x->reply.status;
		r->head_len = head.len;
		r->body_len = x->body.len;
		r->wire_bytes = head.len + x->body.len;
	}
	buf_release(&head);
}

static void
on_timer(void *ctx)
{
	struct transfer *x = ctx;
	struct transport_result r = {.protocol = "http/1.1", .addr = x->addr};
	transport_fn *fn = x->fn;
	void *fn_ctx = x->ctx;
	int64_t took = web_now_ms(x->t->loop) - sim_web.requests[x->request].began_ms;

	own(true);
	r.total_ms = (uint32_t)took;
	if (x->deadline != OUTCOME_NONE)
		r.outcome = x->deadline;
	else if (x->reply.status == 0)
		r.outcome = x->reply.failure;
	else
		answer(x, &r);
	end(x);
	own(false);
	fn(fn_ctx, &r);
}

static void
log_request(struct transfer *x, const struct transport_request *req)
{
	struct sim_request *log;
	char text[URL_BYTES_MAX];
	struct url url;

	assert(sim_web.requests_len < SIM_REQUESTS_MAX);
	x->request = sim_web.requests_len++;
	log = &sim_web.requests[x->request];
	(void)snprintf(log->url, sizeof(log->url), SLICE_FMT, SLICE_ARG(req->url));
	assert(url_resolve(NULL, req->url, (struct slice){0}, 0, text, sizeof(text),
		   &url) == URL_OK);
	(void)snprintf(
	    log->host, sizeof(log->host), SLICE_FMT, SLICE_ARG(url_host(&url)));
	log->robots = slice_ends(req->url, SLICE_LIT("/robots.txt"));
	log->began_ms = web_now_ms(x->t->loop);
	log->ended_ms = -1;
}

int
transport_start(struct transport *t, const struct transport_request *req,
    transport_fn *fn, void *ctx, struct transport_id *ret)
{
	uint32_t slot = 0;
	struct transfer *x;
	int64_t after;

	while (slot < SLOTS && t->slots[slot].used)
		slot++;
	if (slot == SLOTS)
		return -ENOSPC;
	x = &t->slots[slot];
	*x = (struct transfer){
	    .t = t, .fn = fn, .ctx = ctx, .used = true, .gen = x->gen, .addr = req->addr};
	buf_init(&x->body, 16 << 20);
	own(true);
	log_request(x, req);
	sim_web.addr = req->addr;
	sim_web.request = req;
	sim_web.script(sim_web.ctx, req->url, &x->reply, &x->body);
	own(false);
	after = x->reply.latency_ms;
	if (req->first_byte_ms > 0 && after > req->first_byte_ms) {
		after = req->first_byte_ms;
		x->deadline = OUTCOME_TIMEOUT_FIRST_BYTE;
	}
	assert(after < INT64_MAX);
	timer_init(&x->timer, t->loop, on_timer, x);
	if (++sim_web.running > sim_web.running_max)
		sim_web.running_max = sim_web.running;
	*ret = (struct transport_id){.slot = slot, .gen = x->gen};
	return timer_start(&x->timer, after);
}

void
transport_cancel(struct transport *t, struct transport_id id)
{
	struct transfer *x = &t->slots[id.slot];

	if (x->used && x->gen == id.gen)
		end(x);
}

void
transport_set_connections_max(struct transport *t, uint32_t n)
{
	(void)t;
	if (n > sim_web.connections_most)
		sim_web.connections_most = n;
}

uint32_t
transport_slow(struct transport *t)
{
	(void)t;
	return 0;
}

int64_t
transport_lag_us_take(struct transport *t)
{
	(void)t;
	return 0;
}

bool
transport_is_alive(struct transport *t)
{
	(void)t;
	return true;
}

uint32_t
transport_running(const struct transport *t)
{
	(void)t;
	return sim_web.running;
}
