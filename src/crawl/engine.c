#include "base/clock.h"
#include "crawl/crawl_internal.h"
#include "crawl/parse.h"
#include "frontier/manners.h"
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	TASKS_MAX = 512,
	TASKS_AHEAD = 8,
	TASKS_PER_WORKER =
	    20000, /* then it is replaced: whatever leaks, leaks no further */
	RESULT_SLACK = 32 << 20, /* links and texts beside the record */
	SIZE_EVERY_MS = 1000,
	KNOWN_BYTES = 1 << 20, /* the latest 100,000 URLs, about */
};
#define WORKER_MEMORY_MIN (512ull << 20) /* addresses: libraries, tables, windows */

/* Slack, or hosts evict each other. */
static uint32_t
connections_least(const struct options *o)
{
	return o->fetch_concurrency * 2;
}

/*
 * A connection is kept for each host that has something to do, so that none has to be made
 * anew whenever its turn comes; many more than that would cost, too.
 */
void
engine_size_connections(struct engine *e)
{
	int64_t now_ms = loop_now_ms(e->loop);
	uint32_t least = 0, hosts = 0;

	if (e->sized_ms != 0 && now_ms - e->sized_ms < SIZE_EVERY_MS)
		return;
	e->sized_ms = now_ms;
	list_foreach (at, &e->crawls) {
		struct crawl *c = container_of(at, struct crawl, on_engine);

		hosts += frontier_sessions(c->frontier);
		if (least < connections_least(c->o))
			least = connections_least(c->o);
	}
	hosts += hosts / 8; /* where one more than is kept takes its turn, all are lost */
	if (hosts > CRAWL_CONNECTIONS_KEPT_MAX)
		hosts = CRAWL_CONNECTIONS_KEPT_MAX;
	if (hosts < least)
		hosts = least;
	if (hosts != e->connections_max)
		transport_set_connections_max(e->transport, hosts);
	e->connections_max = hosts;
}

static int
open_net(struct engine *e, const struct options *o, struct why *why)
{
	static const int http[] = {[HTTP_AUTO] = 0, [HTTP_1_1] = 1, [HTTP_2] = 2};
	struct dns_conf dns = {.servers = o->net_dns,
	    .asks_max = o->fetch_concurrency * 4 + 64,
	    .cache_max = 100000,
	    .ipv4 = o->net_ip == IP_4,
	    .ipv6 = o->net_ip == IP_6};
	struct transport_conf transport = {.shm = e->shm,
	    .large_bytes_max = shm_bytes(e->shm) / 2,
	    .connections_max = connections_least(o),
	    .ca_file = o->fetch_ca,
	    .insecure = o->fetch_insecure,
	    .cert_file = o->fetch_cert,
	    .key_file = o->fetch_key,
	    .http = http[o->fetch_http],
	    .loops = o->run_loops};
	int r = addr_policy_new(&e->policy);

	if (r < 0)
		return why_set(why, r, "out of memory");
	for (size_t i = 0; i < o->net_allow_net.n; i++) {
		r = addr_policy_allow(e->policy, slice_cstr(o->net_allow_net.v[i]), why);
		if (r < 0)
			return why_prefix(why, r, "--allow-net");
	}
	r = proxies_init(&e->proxies, (const char *const *)o->fetch_proxy.v,
	    o->fetch_proxy.n, o->fetch_no_proxy, why);
	if (r < 0)
		return r;
	transport.policy = e->policy;
	r = dns_new(e->loop, &dns, &e->dns, why);
	if (r < 0)
		return why_prefix(why, r, "--dns");
	return transport_new(e->loop, &transport, &e->transport, why);
}

/* Not as it is written: FOO.example is foo.example, and letters beyond ASCII are xn--. */
static bool
host_of(struct slice name, char ret[256])
{
	char room[URL_BYTES_MAX], text[1024];
	struct url u;
	int n;

	for (size_t i = 0; i < name.len; i++)
		if (strchr("/@?#\\ ", name.ptr[i]) != NULL)
			return false;
	n = snprintf(text, sizeof(text), "http://" SLICE_FMT "/", SLICE_ARG(name));
	if (n < 0 || (size_t)n >= sizeof(text) ||
	    url_resolve(NULL, slice_of(text, (size_t)n), (struct slice){0}, 0, room,
		sizeof(room), &u) != URL_OK ||
	    url_host(&u).len > 255)
		return false;
	(void)snprintf(ret, 256, SLICE_FMT, SLICE_ARG(url_host(&u)));
	return true;
}

int
engine_override_parse(struct slice text, struct engine_override *ret, struct why *why)
{
	struct slice rest = text, host, port;
	struct engine_override o;
	uint64_t n;

	if (!slice_cut(&rest, ':', &host) || !slice_cut(&rest, ':', &port) ||
	    host.len == 0 || !slice_to_u64(port, &n) || n > 65535 ||
	    !addr_parse(rest, &o.addr) || !host_of(host, o.host))
		return why_set(why, -EINVAL,
		    "--resolve '" SLICE_FMT "' is not HOST:PORT:ADDRESS",
		    SLICE_ARG(text));
	o.port = (uint16_t)n;
	*ret = o;
	return 0;
}

static int
add_override(struct engine *e, struct slice text, struct why *why)
{
	struct engine_override o;
	int r = engine_override_parse(text, &o, why);

	return r < 0 ? r : dns_override(e->dns, slice_cstr(o.host), o.port, &o.addr);
}

/*
 * One more than there are cores for this process: a worker that waits for its next packet, or
 * for the loop to take a result, then leaves no core idle.
 */
static uint32_t
worker_count(const struct options *o)
{
	cpu_set_t set;
	long cores = sched_getaffinity(0, sizeof(set), &set) == 0
			 ? CPU_COUNT(&set)
			 : sysconf(_SC_NPROCESSORS_ONLN);

	if (o->run_workers > 0)
		return o->run_workers;
	if (cores < 1)
		cores = 1;
	return cores < POOL_WORKERS_MAX ? (uint32_t)cores + 1 : POOL_WORKERS_MAX;
}

static int
open_arena(struct engine *e, const struct options *o, struct why *why)
{
	struct crawl_memory m = crawl_memory(o);
	int r = shm_new(m.arena_bytes, &e->shm, why);

	if (r < 0)
		return r;
	r = shm_lend(e->shm, m.arena_lent_bytes);
	if (r == 0)
		r = shm_alloc(e->shm, KNOWN_BYTES, &e->known);
	return r < 0 ? why_set(why, r, "out of memory") : 0;
}

static int
open_pool(
    struct engine *e, struct nursery *nursery, const struct options *o, struct why *why)
{
	struct crawl_memory m = crawl_memory(o);
	uint64_t body = m.body_bytes_max;
	struct pool_conf conf = {.nursery = nursery,
	    .shm = e->shm,
	    .ops = &parse_ops,
	    .workers = e->workers,
	    .queue_max = TASKS_MAX,
	    .batch_max = TASKS_AHEAD,
	    .recycle_tasks = TASKS_PER_WORKER,
	    .head_bytes_max = 64 << 10,
	    .result_bytes_max = body + body / 8 + m.copy_bytes_max + RESULT_SLACK,
	    .worker_memory_bytes = WORKER_MEMORY_MIN + shm_bytes(e->shm) + body * 2 +
				   m.decoded_bytes_max * 2 + m.copy_bytes_max * 2 +
				   m.notes_bytes_max,
	    /* So that no line of tasks can use up the other half of it. */
	    .worker_cpu_s = 600 + parse_timeout_ms(body) / 1000 * 4 * TASKS_AHEAD};

	return pool_new(e->loop, &conf, &e->pool, why);
}

int
engine_new(struct loop *l, struct nursery *nursery, const struct options *o,
    struct engine **ret, struct why *why)
{
	struct engine *e;
	int r = clock_check(why);

	if (r < 0)
		return r;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	e->loop = l;
	list_init(&e->crawls);
	limiter_init(&e->rate, 0, 1, loop_now_us(l));
	limiter_init(&e->bandwidth, 0, 1, loop_now_us(l));
	e->workers = worker_count(o);
	r = manners_new(&e->manners);
	if (r < 0)
		(void)why_set(why, r, "out of memory");
	if (r == 0)
		r = open_arena(e, o, why);
	if (r == 0)
		r = open_pool(e, nursery, o, why);
	if (r == 0)
		r = open_net(e, o, why);
	for (size_t i = 0; i < o->net_resolve.n && r == 0; i++)
		r = add_override(e, slice_cstr(o->net_resolve.v[i]), why);
	if (r < 0) {
		engine_free(e);
		return r;
	}
	*ret = e;
	return 0;
}

void
engine_stats(const struct engine *e, struct engine_stats *ret)
{
	*ret = (struct engine_stats){.transfers = engine_running(e),
	    .slow = transport_slow(e->transport),
	    .connections_max = e->connections_max,
	    .workers = e->workers,
	    .arena_bytes = shm_bytes(e->shm),
	    .arena_used_bytes = shm_used_bytes(e->shm)};
	list_foreach (at, &e->crawls)
		ret->crawls++;
	pool_stats(e->pool, &ret->pool);
}

int64_t
engine_lag_us_take(struct engine *e)
{
	int64_t first_us = loop_lag_us_take(e->loop);
	int64_t others_us = transport_lag_us_take(e->transport);

	return first_us > others_us ? first_us : others_us;
}

bool
engine_is_alive(struct engine *e)
{
	return transport_is_alive(e->transport);
}

void
engine_free(struct engine *e)
{
	if (e == NULL)
		return;
	transport_free(e->transport);
	proxies_release(&e->proxies);
	dns_free(e->dns);
	addr_policy_free(e->policy);
	pool_free(e->pool);
	shm_free_all(e->shm);
	manners_free(e->manners);
	free(e);
}
