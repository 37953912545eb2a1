#include "fetch/fetch.h"
#include "fetch/steps.h"
#include "fetch/tries.h"
#include "web/url.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FETCH_STATES(X) X(RESOLVE) X(ADDRESS) X(TRANSFER) X(FINISH)

enum fetch_state {
#define X(s) FETCH_##s,
	FETCH_STATES(X)
#undef X
	    FETCH_STATE_MAX
};

struct fetch {
	struct list on_free;
	struct fetcher *fetcher;
	uint32_t slot, gen;
	bool used;
	enum fetch_state state;
	enum transport_method method;
	struct fetch_home *home;
	bool is_probe;
	bool overridden; /* its address is the user's word */
	uint64_t rate_bytes_max, body_bytes_max;
	uint32_t first_byte_ms, total_ms; /* of this one; 0: as of all */
	bool asked;             /* dns_id is of a question of ours that is open */
	char text[URL_BYTES_MAX];
	struct url url;
	struct dns_id dns_id;
	struct transport_id transport_id;
	struct dns_answer answer;
	struct tries tries;
	int64_t try_ms;            /* when the one that runs was begun */
	const struct proxy *proxy; /* NULL: none */
	char validators[2][FETCH_VALIDATOR_MAX];
	struct slice etag, last_modified; /* there */
	const char *headers[FETCH_MORE_LINES_MAX];
	size_t headers_len;
	int64_t contacted_us;             /* loop's clock */
	struct later run; /* the machine's next step, or the callback */
	struct fetch_result result;
	fetch_fn *fn;
	void *ctx;
};

struct fetcher {
	struct fetcher_conf conf;
	struct fetch_steps steps;
	struct families families;
	struct fetch **slots;
	uint32_t slots_len;
	struct list idle;
};

enum step { STEP_AGAIN, STEP_WAIT };
#define X(s) static enum step step_##s(struct fetch *f);
FETCH_STATES(X)
#undef X
static enum step (*const steps[FETCH_STATE_MAX])(struct fetch *) = {
#define X(s) [FETCH_##s] = step_##s,
    FETCH_STATES(X)
#undef X
};

static void
fetch_run(void *ctx)
{
	struct fetch *f = ctx;

	while (steps[f->state](f) == STEP_AGAIN)
		;
}

/* Whatever is still to be said goes out in the next turn. */
static enum step
finish(struct fetch *f, enum outcome outcome, const char *text)
{
	f->result.outcome = outcome;
	if (text != NULL)
		(void)snprintf(f->result.t.error, sizeof(f->result.t.error), "%s", text);
	f->state = FETCH_FINISH;
	later_start(&f->run);
	return STEP_WAIT;
}

/* ---- RESOLVE: the name ---- */

static void
on_name(void *ctx, const struct dns_answer *a)
{
	struct fetch *f = ctx;

	f->asked = false;
	f->answer = *a;
	f->result.dns_ms = a->ms;
	f->result.dns = a->from_cache ? NULL : &f->answer;
	if (a->status != DNS_OK || a->n == 0) {
		f->result.retry =
		    a->status == DNS_SERVER_FAILED || a->status == DNS_TIMEOUT;
		(void)finish(f, OUTCOME_DNS_FAILURE, dns_status_text(a->status));
		return;
	}
	f->state = FETCH_ADDRESS;
	fetch_run(f);
}

/* Of names that nobody but a seed may mean: what is wrong with it. */
static const char *
name_refused(const struct fetch *f)
{
	const char *range = addr_name_range(url_host(&f->url));

	if (f->home != NULL || range == NULL)
		return NULL;
	/* Where we ask ourselves, the address tells; a proxy would mean its own machine. */
	return f->proxy != NULL || strcmp(range, "loopback") != 0 ? range : NULL;
}

static enum step
step_RESOLVE(struct fetch *f)
{
	const struct proxies *proxies = f->fetcher->conf.proxies;
	struct slice host = url_host(&f->url);
	const char *range;
	int r;

	f->proxy = proxies == NULL
		       ? NULL
		       : proxies_for(proxies, url_is_https(&f->url), host, f->url.port);

	if (dns_overridden(
		f->fetcher->conf.dns, host, f->url.port, &f->answer.addrs[0])) {
		f->answer.n = 1;
		f->overridden = true;
		f->state = FETCH_ADDRESS;
		return STEP_AGAIN;
	}
	range = name_refused(f);
	if (range != NULL) {
		(void)snprintf(f->result.t.error, sizeof(f->result.t.error),
		    "host name is %s; only as a seed would it be asked", range);
		return finish(f, OUTCOME_DENIED_ADDRESS, NULL);
	}
	if (f->proxy != NULL && !addr_parse(host, &f->answer.addrs[0])) {
		tries_init_unknown(&f->tries, f->fetcher->conf.connect_ms);
		f->state = FETCH_TRANSFER;
		return STEP_AGAIN;
	}
	r = dns_start(
	    f->fetcher->conf.dns, host, f->fetcher->conf.name_ms, on_name, f, &f->dns_id);
	if (r == -EAGAIN) {
		f->result.t.arena_full = true; /* as good as: ask again later */
		return finish(f, OUTCOME_NONE, "too many names are being asked for");
	}
	if (r < 0)
		return finish(f, OUTCOME_DNS_FAILURE, "out of memory");
	f->asked = true;
	return STEP_WAIT;
}

/* ---- what it came to ---- */

static enum outcome
by_status(int status)
{
	if (status == 304)
		return OUTCOME_NOT_MODIFIED;
	if (status >= 300 && status < 400)
		return OUTCOME_REDIRECT;
	if (status >= 400 && status < 500)
		return OUTCOME_HTTP_4XX;
	return status >= 500 ? OUTCOME_HTTP_5XX : OUTCOME_OK;
}

static struct fetch_ask
ask_of(const struct fetch *f)
{
	return (struct fetch_ask){.url = &f->url,
	    .etag = f->etag,
	    .last_modified = f->last_modified,
	    .headers = f->headers,
	    .headers_len = f->headers_len,
	    .now_s = loop_wall_us(f->fetcher->conf.loop) / 1000000};
}

static enum step
finish_transfer(struct fetch *f)
{
	const struct transport_result *t = &f->result.t;
	struct fetch_ask ask = ask_of(f);

	if (t->block.cap > 0)
		fetch_steps_after(&f->fetcher->steps, &ask,
		    slice_of(shm_ptr(f->fetcher->conf.shm, &t->block), t->head_len));
	f->result.outcome = t->outcome == OUTCOME_OK ? by_status(t->status) : t->outcome;
	f->result.retry =
	    fetch_retry_helps(f->result.outcome, t->status, t->wire_bytes > 0);
	f->state = FETCH_FINISH;
	return STEP_AGAIN;
}

/* ---- ADDRESS: the next one that may be tried ---- */

static bool
home_has(const struct fetch_home *home, const struct addr *a)
{
	for (uint32_t i = 0; home != NULL && i < home->n; i++)
		if (addr_eq(&home->addrs[i], a))
			return true;
	return false;
}

static bool
is_home(const struct fetch *f, const struct addr *a)
{
	return home_has(f->home, a) || (f->home != NULL && f->overridden);
}

bool
fetch_expects(const struct fetcher *f, struct slice host, uint16_t port,
    const struct fetch_home *home, const struct dns_answer *a, struct addr *ret)
{
	bool fresh = home != NULL && home->n == 0; /* all of these will be its own */
	struct tries t;

	if (a->status != DNS_OK)
		return false;
	tries_init(&t, a, f->conf.ip, families_get(&f->families, host), 0);
	for (uint32_t i = 0; i < t.n; i++) {
		*ret = t.addrs[i];
		if (fresh || home_has(home, ret) ||
		    addr_policy_refuses(f->conf.policy, ret, port) == NULL)
			return true;
	}
	return false;
}

/* Once, when the addresses are known. */
static void
arrange(struct fetch *f)
{
	const struct fetcher_conf *c = &f->fetcher->conf;

	if (f->home != NULL && f->home->n == 0 && !f->overridden) {
		memcpy(f->home->addrs, f->answer.addrs, sizeof(f->home->addrs));
		f->home->n = f->answer.n;
	}
	tries_init(&f->tries, &f->answer, f->proxy == NULL ? c->ip : 0,
	    families_get(&f->fetcher->families, url_host(&f->url)), c->connect_ms);
}

static enum step
step_ADDRESS(struct fetch *f)
{
	const struct fetcher_conf *c = &f->fetcher->conf;

	if (f->tries.n == 0)
		arrange(f);
	if (f->tries.n == 0)
		return finish(f, OUTCOME_DNS_FAILURE,
		    c->ip == AF_INET ? "name has no IPv4 address"
				     : "name has no IPv6 address");
	do {
		const struct addr *a = &f->tries.addrs[f->tries.next];
		const char *range;

		range =
		    is_home(f, a) ? NULL : addr_policy_refuses(c->policy, a, f->url.port);
		if (range == NULL) {
			f->state = FETCH_TRANSFER;
			return STEP_AGAIN;
		}
		if (f->result.t.outcome != OUTCOME_NONE)
			continue; /* what became of the one that was tried says more */
		f->result.t.addr = *a;
		(void)snprintf(f->result.t.error, sizeof(f->result.t.error),
		    "address is %s; --allow-net would admit it, in a job file "
		    "net.allow_net, in the service defaults.net.allow_net",
		    range);
	} while (tries_failed(&f->tries, 0, false));
	if (f->result.t.outcome != OUTCOME_NONE)
		return finish_transfer(f);
	return finish(f, OUTCOME_DENIED_ADDRESS, NULL);
}

/* ---- TRANSFER ---- */

static void
on_transfer(void *ctx, struct transport_result *t)
{
	struct fetch *f = ctx;
	bool unreached = t->outcome == OUTCOME_CONNECT_FAILURE ||
			 t->outcome == OUTCOME_TIMEOUT_CONNECT;
	int64_t took_ms = loop_now_ms(f->fetcher->conf.loop) - f->try_ms;

	/* Of several that are not reached, what became of the first is told. */
	if (!unreached || f->result.t.outcome == OUTCOME_NONE)
		f->result.t = *t;
	if (unreached)
		f->result.t.request = (struct slice){0}; /* not ours any longer */
	if (unreached &&
	    tries_failed(&f->tries, took_ms, t->outcome == OUTCOME_TIMEOUT_CONNECT)) {
		f->state = FETCH_ADDRESS;
	} else {
		if (!unreached && t->outcome != OUTCOME_NONE &&
		    tries_have_both(&f->tries))
			families_put(
			    &f->fetcher->families, url_host(&f->url), t->addr.family);
		(void)finish_transfer(f);
	}
	fetch_run(f);
}

static void
note_contact(struct fetch *f)
{
	struct loop *l = f->fetcher->conf.loop;

	if (f->result.contacted)
		return;
	f->result.contacted = true;
	f->contacted_us = loop_now_us(l);
	f->result.began_wall_us = loop_now_wall_us(l);
}

static void
fit(uint32_t *part_ms, uint32_t *room_ms)
{
	if (*part_ms > *room_ms)
		*part_ms = *room_ms;
	*room_ms -= *part_ms;
}

/*
 * The end as logs have it, begin and time in milliseconds, is that of the clock, too.  The
 * parts are measured by another one and rounded: they are no more than the whole.
 */
static void
note_end(const struct fetch *f, struct fetch_result *r)
{
	int64_t end_us =
	    r->began_wall_us + loop_now_us(f->fetcher->conf.loop) - f->contacted_us;
	uint32_t room_ms;

	if (!r->contacted)
		return;
	room_ms = r->t.total_ms = (uint32_t)(end_us / 1000 - r->began_wall_us / 1000);
	fit(&r->t.connect_ms, &room_ms);
	fit(&r->t.tls_ms, &room_ms);
	fit(&r->t.first_byte_ms, &room_ms);
}

/* 0: none. */
static uint32_t
tighter(uint32_t a_ms, uint32_t b_ms)
{
	if (a_ms == 0 || b_ms == 0)
		return a_ms | b_ms;
	return a_ms < b_ms ? a_ms : b_ms;
}

static enum step
step_TRANSFER(struct fetch *f)
{
	const struct fetcher_conf *c = &f->fetcher->conf;
	struct fetch_ask ask = ask_of(f);
	struct fetch_lines lines;
	struct transport_request req = {
	    .method = f->method,
	    .url = url_text(&f->url),
	    .proxy = f->proxy,
	    .is_probe = f->is_probe,
	    .slow_of = c->slow,
	    .show_cert = f->home != NULL,
	    .own_authority = is_home(f, &f->tries.addrs[f->tries.next]),
	    .addr = f->tries.addrs[f->tries.next],
	    .port = f->url.port,
	    .connect_ms = tries_limit_ms(&f->tries),
	    .first_byte_ms = tighter(c->first_byte_ms, f->first_byte_ms),
	    .stall_ms = c->stall_ms,
	    .total_ms = tighter(c->total_ms, f->total_ms),
	    .body_bytes_max =
		f->body_bytes_max > 0 && f->body_bytes_max < c->body_bytes_max
		    ? f->body_bytes_max
		    : c->body_bytes_max,
	    .rate_bytes_max = f->rate_bytes_max,
	};
	int r;

	fetch_steps_before(&f->fetcher->steps, &ask, &lines);
	req.lines = lines.v;
	req.lines_len = lines.n;
	r = transport_start(c->transport, &req, on_transfer, f, &f->transport_id);
	f->try_ms = loop_now_ms(c->loop);
	if (r == 0) {
		note_contact(f);
		return STEP_WAIT;
	}
	if (r == -ENOSPC || r == -EAGAIN) {
		f->result.t.arena_full = true;
		return finish(f, OUTCOME_NONE, "no room for the answer");
	}
	return finish(f, OUTCOME_CONNECT_FAILURE, "the request could not be made");
}

/* ---- FINISH ---- */

static void
put_back(struct fetch *f)
{
	f->used = false;
	f->gen++;
	list_push_front(&f->fetcher->idle, &f->on_free);
}

static enum step
step_FINISH(struct fetch *f)
{
	struct fetch_result result = f->result;
	struct dns_answer answer = f->answer;
	fetch_fn *fn = f->fn;
	void *ctx = f->ctx;

	if (result.dns != NULL)
		result.dns = &answer;
	note_end(f, &result);
	put_back(f); /* first: the callback may start the next one */
	fn(ctx, &result);
	return STEP_WAIT;
}

/* ---- the fetcher ---- */

int
fetcher_new(const struct fetcher_conf *conf, struct fetcher **ret)
{
	struct fetcher *f;
	int r;

	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return -ENOMEM;
	f->conf = *conf;
	list_init(&f->idle);
	f->slots = calloc(conf->fetches_max, sizeof(struct fetch *));
	if (f->slots == NULL) {
		free(f);
		return -ENOMEM;
	}
	r = fetch_steps_init(&f->steps, conf);
	if (r < 0) {
		free(f->slots);
		free(f);
		return r;
	}
	*ret = f;
	return 0;
}

static void
drop(struct fetch *f)
{
	later_stop(&f->run);
	if (f->asked)
		dns_cancel(f->fetcher->conf.dns, f->dns_id);
	else if (f->state == FETCH_TRANSFER)
		transport_cancel(f->fetcher->conf.transport, f->transport_id);
}

void
fetcher_free(struct fetcher *f)
{
	if (f == NULL)
		return;
	for (uint32_t i = 0; i < f->slots_len; i++) {
		if (f->slots[i]->used)
			drop(f->slots[i]);
		free(f->slots[i]);
	}
	free(f->slots);
	fetch_steps_release(&f->steps);
	free(f);
}

static struct fetch *
slot_take(struct fetcher *fetcher)
{
	struct list *idle = list_pop(&fetcher->idle);
	struct fetch *f;

	if (idle != NULL)
		return container_of(idle, struct fetch, on_free);
	if (fetcher->slots_len == fetcher->conf.fetches_max)
		return NULL;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return NULL;
	f->fetcher = fetcher;
	f->slot = fetcher->slots_len;
	f->gen = 1; /* so that a zeroed id is nobody's */
	list_init(&f->on_free);
	later_init(&f->run, fetcher->conf.loop, fetch_run, f);
	fetcher->slots[fetcher->slots_len++] = f;
	return f;
}

/* A copy in `room`. */
static struct slice
validator_copy(char room[FETCH_VALIDATOR_MAX], struct slice v)
{
	if (v.len == 0 || v.len > FETCH_VALIDATOR_MAX)
		return (struct slice){0};
	memcpy(room, v.ptr, v.len);
	return slice_of(room, v.len);
}

int
fetch_start(struct fetcher *fetcher, const struct fetch_request *req, fetch_fn *fn,
    void *ctx, struct fetch_id *ret)
{
	struct fetch *f = slot_take(fetcher);

	if (f == NULL)
		return -EAGAIN;
	f->used = true;
	f->state = FETCH_RESOLVE;
	f->method = req->method;
	f->home = req->home;
	f->is_probe = req->is_probe;
	f->overridden = false;
	f->rate_bytes_max = req->rate_bytes_max;
	f->body_bytes_max = req->body_bytes_max;
	f->first_byte_ms = req->first_byte_ms;
	f->total_ms = req->total_ms;
	f->etag = validator_copy(f->validators[0], req->etag);
	f->last_modified = validator_copy(f->validators[1], req->last_modified);
	f->headers_len = req->headers_len < FETCH_MORE_LINES_MAX ? req->headers_len
								 : FETCH_MORE_LINES_MAX;
	for (size_t i = 0; i < f->headers_len; i++)
		f->headers[i] = req->headers[i];
	f->asked = false;
	f->tries.n = f->tries.next = 0;
	f->answer.n = 0;
	f->result =
	    (struct fetch_result){.began_wall_us = loop_wall_us(fetcher->conf.loop)};
	f->fn = fn;
	f->ctx = ctx;
	*ret = (struct fetch_id){.slot = f->slot, .gen = f->gen};
	if (url_resolve(NULL, req->url, (struct slice){0}, 0, f->text, sizeof(f->text),
		&f->url) != URL_OK)
		(void)finish(f, OUTCOME_BAD_URL, "not a URL that can be fetched");
	else
		later_start(&f->run);
	return 0;
}

static struct fetch *
fetch_find(const struct fetcher *fetcher, struct fetch_id id)
{
	struct fetch *f;

	if (id.slot >= fetcher->slots_len)
		return NULL;
	f = fetcher->slots[id.slot];
	return f->used && f->gen == id.gen ? f : NULL;
}

int
fetch_request_mask(
    const struct fetcher *f, struct slice request, size_t max, struct buf *out)
{
	return fetch_steps_mask(&f->steps, request, max, out);
}

void
fetch_cancel(struct fetcher *fetcher, struct fetch_id id)
{
	struct fetch *f = fetch_find(fetcher, id);

	if (f == NULL)
		return;
	drop(f);
	put_back(f);
}

void
fetch_abandon(struct fetcher *fetcher, struct fetch_id id, struct fetch_result *ret)
{
	struct fetch *f = fetch_find(fetcher, id);

	*ret = (struct fetch_result){.outcome = OUTCOME_CANCELLED};
	if (f == NULL)
		return;
	ret->contacted = f->result.contacted;
	ret->began_wall_us = f->result.began_wall_us;
	if (f->tries.next < f->tries.n)
		ret->t.addr = f->tries.addrs[f->tries.next];
	note_end(f, ret);
	fetch_cancel(fetcher, id);
}
