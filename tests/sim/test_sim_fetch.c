/* The states of a request, one by one, over a scripted web in virtual time. */
#include "fetch/fetch.h"
#include "sim_web.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define URL "http://a.test/page"

enum { FETCHES_MAX = 300 };

struct rig;
struct got {
	struct rig *rig;
	struct fetch_id id;
	int calls;
	struct fetch_result result;
};
struct rig {
	struct loop *loop;
	struct shm *shm;
	struct dns *dns;
	struct transport *transport;
	struct addr_policy *policy;
	struct fetcher *fetcher;
	struct fetcher_conf conf;
	/* The script. */
	struct dns_answer names;
	struct sim_reply reply; /* of every address ... */
	struct sim_reply first; /* ... but the first of `names`, when first_differs */
	bool first_differs;
	bool asked_if; /* it is not "v1" any more */
	/* What a test does in between. */
	struct later hook;
	struct timer timer;
	struct got a, b;
	const char *etag; /* of what is asked for conditionally */
	struct fetch_home home; /* of the seed */
	const struct proxy *proxy; /* of the last request */
	const char *next; /* on_done() asks for it too, once */
};

static void
script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	struct rig *r = ctx;

	(void)url;
	r->proxy = sim_web.request->proxy;
	for (size_t i = 0; i < sim_web.request->lines_len && r->etag != NULL; i++)
		r->asked_if |= slice_eq(
		    sim_web.request->lines[i], SLICE_LIT("If-None-Match: \"v1\""));
	*ret = r->first_differs && addr_eq(&sim_web.addr, &r->names.addrs[0]) ? r->first
									      : r->reply;
	(void)buf_add_cstr(body, "hello");
}

static void
names(void *ctx, struct slice host, struct dns_answer *ret)
{
	struct rig *r = ctx;

	(void)host;
	*ret = r->names;
}

static void
name_has(struct rig *r, const char *const *addrs)
{
	r->names.status = DNS_OK;
	for (r->names.n = 0; addrs[r->names.n] != NULL; r->names.n++)
		assert_true(addr_parse(
		    slice_cstr(addrs[r->names.n]), &r->names.addrs[r->names.n]));
}
#define NAME_HAS(r, ...) name_has(r, (const char *const[]){__VA_ARGS__, NULL})

static void
rig_open(struct rig *r, uint32_t fetches_max)
{
	struct fetcher_conf conf = {.user_agent = "trawl",
	    .fetches_max = fetches_max,
	    .first_byte_ms = 1000,
	    .body_bytes_max = 1 << 20};
	struct why why;

	*r = (struct rig){.reply = {.status = 200, .latency_ms = 50}};
	NAME_HAS(r, "93.184.0.1");
	sim_web_reset(script, r);
	sim_web.names = names;
	assert_int_equal(loop_new_virtual(1700000000000000, &r->loop), 0);
	assert_int_equal(shm_new(1 << 20, &r->shm, &why), 0);
	assert_int_equal(addr_policy_new(&r->policy), 0);
	assert_int_equal(dns_new(r->loop, NULL, &r->dns, &why), 0);
	assert_int_equal(transport_new(r->loop,
			     &(struct transport_conf){.shm = r->shm, .policy = r->policy},
			     &r->transport, &why),
	    0);
	conf.loop = r->loop;
	conf.dns = r->dns;
	conf.transport = r->transport;
	conf.policy = r->policy;
	conf.shm = r->shm;
	r->conf = conf;
	assert_int_equal(fetcher_new(&conf, &r->fetcher), 0);
}

/* Nothing may be left of anything. */
static void
rig_close(struct rig *r)
{
	fetcher_free(r->fetcher);
	assert_int_equal(sim_web.asking, 0);
	assert_int_equal(sim_web.running, 0);
	assert_int_equal(shm_used_bytes(r->shm), 0);
	transport_free(r->transport);
	dns_free(r->dns);
	addr_policy_free(r->policy);
	shm_free_all(r->shm);
	loop_free(r->loop);
	free(sim_web.requests);
	sim_web.requests = NULL;
}

static void
on_done(void *ctx, struct fetch_result *result)
{
	struct got *g = ctx;

	g->calls++;
	g->result = *result;
	if (result->dns != NULL)
		assert_int_equal(result->dns->status, g->rig->names.status);
	g->result.dns = NULL;
	shm_free(g->rig->shm, &result->t.block);
	if (g->rig->next != NULL) {
		struct fetch_request req = {.url = slice_cstr(g->rig->next)};

		g->rig->next = NULL;
		assert_int_equal(
		    fetch_start(g->rig->fetcher, &req, on_done, g, &g->id), 0);
	}
}

static void
start(struct rig *r, struct got *g, const char *url, bool own)
{
	struct fetch_request req = {.url = slice_cstr(url),
	    .home = own ? &r->home : NULL,
	    .etag = slice_cstr(r->etag)};

	*g = (struct got){.rig = r};
	assert_int_equal(fetch_start(r->fetcher, &req, on_done, g, &g->id), 0);
	assert_int_equal(g->calls, 0);
}

/* Until nothing is left to wait for. */
static void
run(struct rig *r)
{
	assert_int_equal(loop_run(r->loop), -EDEADLK);
}

static const struct fetch_result *
fetch(struct rig *r, const char *url, bool own)
{
	start(r, &r->a, url, own);
	run(r);
	assert_int_equal(r->a.calls, 1);
	return &r->a.result;
}

/* ---- outcomes ---- */

static void
the_status_decides_the_outcome_and_whether_to_ask_again(void **state)
{
	static const struct {
		int status;
		enum outcome outcome;
		bool retry;
	} cases[] = {
	    {200, OUTCOME_OK, false},
	    {206, OUTCOME_OK, false},
	    {301, OUTCOME_REDIRECT, false},
	    {304, OUTCOME_NOT_MODIFIED, false},
	    {308, OUTCOME_REDIRECT, false},
	    {404, OUTCOME_HTTP_4XX, false},
	    {408, OUTCOME_HTTP_4XX, true},
	    {425, OUTCOME_HTTP_4XX, true},
	    {429, OUTCOME_HTTP_4XX, true},
	    {500, OUTCOME_HTTP_5XX, false},
	    {501, OUTCOME_HTTP_5XX, false},
	    {502, OUTCOME_HTTP_5XX, true},
	    {503, OUTCOME_HTTP_5XX, true},
	    {504, OUTCOME_HTTP_5XX, true},
	};
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fetch_result *f;

		r.reply.status = cases[i].status;
		f = fetch(&r, URL, false);
		assert_int_equal(f->outcome, cases[i].outcome);
		assert_int_equal(f->retry, cases[i].retry);
		assert_int_equal(f->t.status, cases[i].status);
		assert_int_equal(f->t.total_ms, 50);
		assert_int_equal(f->t.body_len, 5);
	}
	rig_close(&r);
}

static void
what_we_have_is_asked_for_only_if_it_has_changed(void **state)
{
	char etag[] = "\"v1\"";
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	r.etag = etag;
	r.reply.status = 304;
	start(&r, &r.a, URL, false);
	memset(etag, 'x', sizeof(etag) - 1); /* it was copied */
	run(&r);
	assert_true(r.asked_if);
	assert_int_equal(r.a.result.outcome, OUTCOME_NOT_MODIFIED);
	rig_close(&r);
}

static void
what_the_transfer_says_is_kept(void **state)
{
	static const struct {
		enum outcome outcome;
		bool retry;
	} cases[] = {
	    {OUTCOME_TLS_FAILURE, false},
	    {OUTCOME_PROTOCOL_ERROR, true}, /* not a byte came */
	    {OUTCOME_TOO_LARGE, false},
	    {OUTCOME_CONNECT_FAILURE, true},
	    {OUTCOME_TIMEOUT_CONNECT, true},
	    {OUTCOME_TIMEOUT_STALL, true},
	    {OUTCOME_TIMEOUT_TOTAL, true},
	    {OUTCOME_TRUNCATED, true},
	};
	const struct fetch_result *f;
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		r.reply = (struct sim_reply){.failure = cases[i].outcome};
		f = fetch(&r, URL, false);
		assert_int_equal(f->outcome, cases[i].outcome);
		assert_int_equal(f->retry, cases[i].retry);
	}
	r.reply = (struct sim_reply){.status = 200, .latency_ms = 5000};
	f = fetch(&r, URL, false);
	assert_int_equal(f->outcome, OUTCOME_TIMEOUT_FIRST_BYTE);
	assert_true(f->retry);
	rig_close(&r);
}

static void
an_answer_that_finds_no_room_is_asked_for_later(void **state)
{
	struct shm_block all = {0};
	const struct fetch_result *f;
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	assert_int_equal(shm_alloc(r.shm, 1 << 20, &all), 0);
	f = fetch(&r, URL, false);
	assert_int_equal(f->outcome, OUTCOME_NONE);
	assert_true(f->t.arena_full);
	assert_false(f->retry); /* nobody's fault: not counted as a try */
	shm_free(r.shm, &all);
	rig_close(&r);
}

static void
what_is_no_url_of_ours_is_said_in_the_next_turn(void **state)
{
	static const char *const urls[] = {"", "page", "ftp://a.test/", "http://"};
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		assert_int_equal(fetch(&r, urls[i], false)->outcome, OUTCOME_BAD_URL);
	assert_int_equal(sim_web.requests_len, 0);
	rig_close(&r);
}

/* ---- names ---- */

static void
a_name_without_an_address_is_a_dns_failure(void **state)
{
	static const struct {
		enum dns_status status;
		bool retry;
	} cases[] = {
	    {DNS_OK, false}, /* and no address */
	    {DNS_NO_NAME, false},
	    {DNS_NO_ADDRESS, false},
	    {DNS_BAD_NAME, false},
	    {DNS_SERVER_FAILED, true},
	    {DNS_TIMEOUT, true},
	};
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fetch_result *f;

		r.names = (struct dns_answer){.status = cases[i].status, .ms = 12};
		f = fetch(&r, URL, false);
		assert_int_equal(f->outcome, OUTCOME_DNS_FAILURE);
		assert_int_equal(f->retry, cases[i].retry);
		assert_int_equal(f->dns_ms, 12);
		assert_string_equal(f->t.error, dns_status_text(cases[i].status));
	}
	assert_int_equal(sim_web.requests_len, 0);
	rig_close(&r);
}

static void
too_many_names_at_once_are_asked_for_later(void **state)
{
	struct got *all = calloc(FETCHES_MAX, sizeof(*all));
	struct fetch_request req = {.url = SLICE_LIT(URL)};
	struct fetch_id id;
	size_t later = 0;
	struct rig r;

	(void)state;
	assert_non_null(all);
	rig_open(&r, FETCHES_MAX);
	for (size_t i = 0; i < FETCHES_MAX; i++)
		start(&r, &all[i], URL, false);
	assert_int_equal(fetch_start(r.fetcher, &req, on_done, all, &id), -EAGAIN);
	run(&r);
	for (size_t i = 0; i < FETCHES_MAX; i++) {
		assert_int_equal(all[i].calls, 1);
		assert_int_equal(all[i].result.outcome,
		    all[i].result.t.arena_full ? OUTCOME_NONE : OUTCOME_OK);
		later += all[i].result.t.arena_full;
	}
	assert_true(later >= FETCHES_MAX - 256 && later < FETCHES_MAX);
	rig_close(&r);
	free(all);
}

/* ---- addresses ---- */

static void
the_next_address_is_tried_when_one_does_not_connect(void **state)
{
	static const enum outcome unreached[] = {
	    OUTCOME_CONNECT_FAILURE, OUTCOME_TIMEOUT_CONNECT};
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	NAME_HAS(&r, "93.184.0.1", "93.184.0.2", "93.184.0.3");
	r.first_differs = true;
	for (size_t i = 0; i < 2; i++) {
		const struct fetch_result *f;
		size_t before = sim_web.requests_len;

		r.first = (struct sim_reply){.failure = unreached[i]};
		f = fetch(&r, URL, false);
		assert_int_equal(f->outcome, OUTCOME_OK);
		assert_true(addr_eq(&f->t.addr, &r.names.addrs[1]));
		assert_int_equal(sim_web.requests_len - before, 2);
	}
	rig_close(&r);
}

/* As if nobody were at the first address: it takes all the time it is given. */
static void
script_black_hole(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	struct rig *r = ctx;

	script(ctx, url, ret, body);
	if (addr_eq(&sim_web.addr, &r->names.addrs[0]))
		*ret = (struct sim_reply){.failure = OUTCOME_TIMEOUT_CONNECT,
		    .latency_ms = sim_web.request->connect_ms};
}

static void
the_family_that_worked_for_a_host_goes_first(void **state)
{
	const struct fetch_result *f;
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	fetcher_free(r.fetcher);
	r.conf.connect_ms = 10000;
	r.conf.first_byte_ms = 0;
	assert_int_equal(fetcher_new(&r.conf, &r.fetcher), 0);
	sim_web.script = script_black_hole;
	NAME_HAS(&r, "93.184.0.1", "93.184.0.2", "2a00::1");
	f = fetch(&r, URL, false);
	assert_int_equal(f->outcome, OUTCOME_OK);
	assert_true(addr_eq(&f->t.addr, &r.names.addrs[2]));
	assert_int_equal(f->t.total_ms, 2050); /* not 10 s */
	f = fetch(&r, URL, false);
	assert_true(addr_eq(&f->t.addr, &r.names.addrs[2]));
	assert_int_equal(f->t.total_ms, 50);
	f = fetch(&r, "http://other.test/", false);
	assert_int_equal(f->t.total_ms, 2050);
	/* all fail: the first is told of, and all the time there is was enough */
	r.reply = (struct sim_reply){.failure = OUTCOME_CONNECT_FAILURE};
	f = fetch(&r, "http://other.test/", false);
	assert_int_equal(f->outcome, OUTCOME_CONNECT_FAILURE);
	assert_true(addr_eq(&f->t.addr, &r.names.addrs[2]));
	assert_true(f->retry);
	assert_int_equal(f->t.total_ms, 10000);
	rig_close(&r);
}

static void
only_the_family_that_is_wanted_is_connected_to(void **state)
{
	const struct fetch_result *f;
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	fetcher_free(r.fetcher);
	r.conf.ip = AF_INET6;
	assert_int_equal(fetcher_new(&r.conf, &r.fetcher), 0);
	NAME_HAS(&r, "93.184.0.1", "2a00::1");
	f = fetch(&r, URL, false);
	assert_true(addr_eq(&f->t.addr, &r.names.addrs[1]));
	NAME_HAS(&r, "93.184.0.1");
	f = fetch(&r, URL, false);
	assert_int_equal(f->outcome, OUTCOME_DNS_FAILURE);
	assert_string_equal(f->t.error, "name has no IPv6 address");
	assert_false(f->retry);
	rig_close(&r);
}

static void
one_that_connected_is_not_asked_elsewhere(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	NAME_HAS(&r, "93.184.0.1", "93.184.0.2");
	r.first_differs = true;
	r.first = (struct sim_reply){.failure = OUTCOME_TIMEOUT_STALL};
	assert_int_equal(fetch(&r, URL, false)->outcome, OUTCOME_TIMEOUT_STALL);
	assert_int_equal(sim_web.requests_len, 1);
	rig_close(&r);
}

static void
when_no_address_connects_it_is_a_connect_failure(void **state)
{
	const struct fetch_result *f;
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	NAME_HAS(&r, "93.184.0.1", "93.184.0.2", "2606:2800::1");
	r.reply = (struct sim_reply){.failure = OUTCOME_CONNECT_FAILURE};
	f = fetch(&r, URL, false);
	assert_int_equal(f->outcome, OUTCOME_CONNECT_FAILURE);
	assert_true(f->retry);
	assert_int_equal(sim_web.requests_len, 3);
	rig_close(&r);
}

static void
a_refused_address_is_never_connected_to(void **state)
{
	const struct fetch_result *f;
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	NAME_HAS(&r, "10.0.0.1", "127.0.0.1", "::1");
	f = fetch(&r, URL, false);
	assert_int_equal(f->outcome, OUTCOME_DENIED_ADDRESS);
	assert_false(f->retry);
	assert_non_null(strstr(f->t.error, "loopback"));
	assert_int_equal(sim_web.requests_len, 0);
	rig_close(&r);
}

static void
a_public_address_behind_a_refused_one_is_used(void **state)
{
	const struct fetch_result *f;
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	NAME_HAS(&r, "10.0.0.1", "93.184.0.2");
	f = fetch(&r, URL, false);
	assert_int_equal(f->outcome, OUTCOME_OK);
	assert_string_equal(f->t.error, "");
	assert_true(addr_eq(&f->t.addr, &r.names.addrs[1]));
	assert_int_equal(sim_web.requests_len, 1);
	rig_close(&r);
}

/* A host that is down for a moment must not be given up because it also has a private
 * address. */
static void
a_refused_address_does_not_hide_that_another_failed(void **state)
{
	const struct fetch_result *f;
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	NAME_HAS(&r, "93.184.0.1", "10.0.0.1");
	r.reply = (struct sim_reply){.failure = OUTCOME_CONNECT_FAILURE};
	f = fetch(&r, URL, false);
	assert_int_equal(f->outcome, OUTCOME_CONNECT_FAILURE);
	assert_true(f->retry);
	assert_true(addr_eq(&f->t.addr, &r.names.addrs[0]));
	rig_close(&r);
}

static void
a_seeds_own_authority_and_allowed_nets_are_admitted(void **state)
{
	struct why why;
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	NAME_HAS(&r, "10.0.0.1");
	assert_int_equal(fetch(&r, URL, true)->outcome, OUTCOME_OK);
	assert_int_equal(fetch(&r, URL, false)->outcome, OUTCOME_DENIED_ADDRESS);
	assert_int_equal(
	    addr_policy_allow(r.policy, SLICE_LIT("10.0.0.0/8:80"), &why), 0);
	assert_int_equal(fetch(&r, URL, false)->outcome, OUTCOME_OK);
	assert_int_equal(
	    fetch(&r, "http://a.test:8080/", false)->outcome, OUTCOME_DENIED_ADDRESS);
	rig_close(&r);
}

/* Whoever has a seed's name in hand does not get at what is inside by giving it another
 * address later. */
static void
a_seeds_name_that_is_given_another_address_goes_by_the_policy(void **state)
{
	struct why why;
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	NAME_HAS(&r, "93.184.0.1");
	assert_int_equal(fetch(&r, URL, true)->outcome, OUTCOME_OK);
	NAME_HAS(&r, "169.254.169.254");
	assert_int_equal(fetch(&r, URL, true)->outcome, OUTCOME_DENIED_ADDRESS);
	NAME_HAS(&r, "::1", "93.184.0.2");
	assert_int_equal(fetch(&r, URL, true)->outcome, OUTCOME_OK);
	assert_true(addr_eq(&sim_web.addr, &r.names.addrs[1]));

	/* One that is inside stays where it was. */
	r.home = (struct fetch_home){0};
	NAME_HAS(&r, "10.0.0.1", "10.0.0.2");
	assert_int_equal(fetch(&r, URL, true)->outcome, OUTCOME_OK);
	NAME_HAS(&r, "10.0.0.2");
	assert_int_equal(fetch(&r, URL, true)->outcome, OUTCOME_OK);
	NAME_HAS(&r, "10.0.0.3");
	assert_int_equal(fetch(&r, URL, true)->outcome, OUTCOME_DENIED_ADDRESS);
	assert_int_equal(addr_policy_allow(r.policy, SLICE_LIT("10.0.0.3"), &why), 0);
	assert_int_equal(fetch(&r, URL, true)->outcome, OUTCOME_OK);
	rig_close(&r);
}

static void
names_of_metadata_services_are_asked_as_seeds_only(void **state)
{
	static const char *const url = "http://metadata.platformequinix.com/";
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	NAME_HAS(&r, "93.184.0.1");
	assert_int_equal(fetch(&r, url, false)->outcome, OUTCOME_DENIED_ADDRESS);
	assert_string_equal(r.a.result.t.error,
	    "host name is metadata; only as a seed would it be asked");
	assert_false(r.a.result.contacted);
	assert_int_equal(sim_web.requests_len, 0);
	assert_int_equal(fetch(&r, url, true)->outcome, OUTCOME_OK);
	rig_close(&r);
}

static void
behind_a_proxy_no_name_is_asked(void **state)
{
	static const char *const proxy = "http://proxy.test:3128";
	struct proxies proxies;
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	fetcher_free(r.fetcher);
	assert_int_equal(proxies_init(&proxies, &proxy, 1, "direct.test", NULL), 0);
	r.conf.proxies = &proxies;
	assert_int_equal(fetcher_new(&r.conf, &r.fetcher), 0);
	r.names = (struct dns_answer){.status = DNS_NO_NAME};
	assert_int_equal(fetch(&r, URL, false)->outcome, OUTCOME_OK);
	assert_int_equal(sim_web.addr.family, 0); /* the proxy finds it */
	assert_string_equal(r.proxy->url, "http://proxy.test:3128");
	assert_int_equal(
	    fetch(&r, "http://direct.test/", false)->outcome, OUTCOME_DNS_FAILURE);
	/* Its own machine is the proxy's, not ours to visit. */
	assert_int_equal(
	    fetch(&r, "http://localhost/", false)->outcome, OUTCOME_DENIED_ADDRESS);
	assert_int_equal(fetch(&r, "http://metadata.google.internal/", false)->outcome,
	    OUTCOME_DENIED_ADDRESS);
	/* An address in the URL answers for itself, and is looked at. */
	NAME_HAS(&r, "10.0.0.1");
	assert_int_equal(
	    fetch(&r, "http://10.0.0.1/", false)->outcome, OUTCOME_DENIED_ADDRESS);
	rig_close(&r);
	proxies_release(&proxies);
}

/* ---- cancel ---- */

static void
cancel_a(void *ctx)
{
	struct rig *r = ctx;

	fetch_cancel(r->fetcher, r->a.id);
	fetch_cancel(r->fetcher, r->a.id);
}

/* Another one's question is open under the very id that a new fetch begins with. */
static void
start_and_cancel_b(void *ctx)
{
	struct rig *r = ctx;

	assert_int_equal(sim_web.asking, 1);
	start(r, &r->b, "http://b.test/", false);
	fetch_cancel(r->fetcher, r->b.id);
	assert_int_equal(sim_web.asking, 1);
}

static void
cancelled_before_the_name_is_asked_it_harms_nobody(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	start(&r, &r.a, URL, false);
	later_init(&r.hook, r.loop, start_and_cancel_b, &r);
	later_start(&r.hook);
	run(&r);
	assert_int_equal(r.a.calls, 1);
	assert_int_equal(r.a.result.outcome, OUTCOME_OK);
	assert_int_equal(r.b.calls, 0);
	assert_int_equal(sim_count("http://b.test/"), 0);
	rig_close(&r);
}

static void
cancelled_while_the_name_is_asked(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	start(&r, &r.a, URL, false);
	later_init(&r.hook, r.loop, cancel_a, &r);
	later_start(&r.hook);
	run(&r);
	assert_int_equal(r.a.calls, 0);
	assert_int_equal(sim_web.asking, 0);
	assert_int_equal(sim_web.requests_len, 0);
	rig_close(&r);
}

static void
cancelled_during_the_transfer(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	start(&r, &r.a, URL, false);
	start(&r, &r.b, URL, false);
	timer_init(&r.timer, r.loop, cancel_a, &r);
	assert_int_equal(timer_start(&r.timer, 20), 0);
	run(&r);
	assert_int_equal(r.a.calls, 0);
	assert_int_equal(r.b.calls, 1);
	assert_int_equal(sim_web.requests[0].ended_ms - sim_web.requests[0].began_ms, 20);
	rig_close(&r);
}

static void
cancelled_when_only_the_callback_is_left(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	start(&r, &r.a, "ftp://a.test/", false);
	fetch_cancel(r.fetcher, r.a.id);
	run(&r);
	assert_int_equal(r.a.calls, 0);
	rig_close(&r);
}

static void
an_id_of_something_that_ended_is_ignored(void **state)
{
	struct fetch_id old;
	struct rig r;

	(void)state;
	rig_open(&r, 1);
	(void)fetch(&r, URL, false);
	old = r.a.id;
	start(&r, &r.b, URL, false); /* in the same slot */
	assert_int_equal(r.b.id.slot, old.slot);
	fetch_cancel(r.fetcher, old);
	fetch_cancel(r.fetcher, (struct fetch_id){.slot = 77});
	run(&r);
	assert_int_equal(r.b.calls, 1);
	rig_close(&r);
}

static void
the_callback_may_start_the_next_one(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 1);
	start(&r, &r.a, URL, false);
	r.next = "http://a.test/next";
	run(&r);
	assert_int_equal(r.a.calls, 2);
	assert_int_equal(sim_count("http://a.test/next"), 1);
	rig_close(&r);
}

static void
stop_loop(void *ctx)
{
	struct rig *r = ctx;

	loop_stop(r->loop);
}

static void
freed_with_requests_in_every_state_it_leaves_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 4);
	start(&r, &r.a, URL, false);
	timer_init(&r.timer, r.loop, stop_loop, &r);
	assert_int_equal(timer_start(&r.timer, 20), 0);
	assert_int_equal(loop_run(r.loop), 0);
	assert_int_equal(sim_web.running, 1);
	start(&r, &r.b, "ftp://a.test/", false);
	rig_close(&r);
	assert_int_equal(r.a.calls + r.b.calls, 0);
	fetcher_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_status_decides_the_outcome_and_whether_to_ask_again),
	    cmocka_unit_test(what_we_have_is_asked_for_only_if_it_has_changed),
	    cmocka_unit_test(what_the_transfer_says_is_kept),
	    cmocka_unit_test(an_answer_that_finds_no_room_is_asked_for_later),
	    cmocka_unit_test(what_is_no_url_of_ours_is_said_in_the_next_turn),
	    cmocka_unit_test(a_name_without_an_address_is_a_dns_failure),
	    cmocka_unit_test(too_many_names_at_once_are_asked_for_later),
	    cmocka_unit_test(the_next_address_is_tried_when_one_does_not_connect),
	    cmocka_unit_test(the_family_that_worked_for_a_host_goes_first),
	    cmocka_unit_test(only_the_family_that_is_wanted_is_connected_to),
	    cmocka_unit_test(one_that_connected_is_not_asked_elsewhere),
	    cmocka_unit_test(when_no_address_connects_it_is_a_connect_failure),
	    cmocka_unit_test(a_refused_address_is_never_connected_to),
	    cmocka_unit_test(a_public_address_behind_a_refused_one_is_used),
	    cmocka_unit_test(a_refused_address_does_not_hide_that_another_failed),
	    cmocka_unit_test(a_seeds_own_authority_and_allowed_nets_are_admitted),
	    cmocka_unit_test(
		a_seeds_name_that_is_given_another_address_goes_by_the_policy),
	    cmocka_unit_test(names_of_metadata_services_are_asked_as_seeds_only),
	    cmocka_unit_test(behind_a_proxy_no_name_is_asked),
	    cmocka_unit_test(cancelled_before_the_name_is_asked_it_harms_nobody),
	    cmocka_unit_test(cancelled_while_the_name_is_asked),
	    cmocka_unit_test(cancelled_during_the_transfer),
	    cmocka_unit_test(cancelled_when_only_the_callback_is_left),
	    cmocka_unit_test(an_id_of_something_that_ended_is_ignored),
	    cmocka_unit_test(the_callback_may_start_the_next_one),
	    cmocka_unit_test(freed_with_requests_in_every_state_it_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
