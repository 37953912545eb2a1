#include "net/transport_int.h"
#include "net/transport_many.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

#define CA_FILE_DEFAULT "/etc/ssl/certs/ca-certificates.crt"

enum { SAFETY_MS = 1000 };

/* ---- exchanges ---- */

static int
exchanges_grow(struct transport *t)
{
	uint32_t cap = t->exchanges_cap == 0 ? 64 : t->exchanges_cap * 2;
	struct exchange **v;

	if (t->exchanges_len < t->exchanges_cap)
		return 0;
	if (t->exchanges_len >= EXCHANGES_MAX)
		return -ENOMEM;
	v = realloc(t->exchanges, cap * sizeof(struct exchange *));
	if (v == NULL)
		return -ENOMEM;
	t->exchanges = v;
	t->exchanges_cap = cap;
	return 0;
}

static void on_deadline(void *ctx);
static void on_resume(void *ctx);

/* -EINVAL: more proxies than there can be. */
static int
route_take(struct transport *t, const struct transport_request *req, struct route **ret)
{
	bool cert = req->show_cert && t->cert_file != NULL;
	struct route *route = t->routes;

	for (; route < t->routes + t->routes_len; route++)
		if (route->proxy == req->proxy && route->cert == cert) {
			*ret = route;
			return 0;
		}
	if (t->routes_len == ROUTES_MAX)
		return -EINVAL;
	*route = (struct route){.transport = t, .proxy = req->proxy, .cert = cert};
	list_init(&route->unused);
	t->routes_len++;
	*ret = route;
	return 0;
}

static int
exchange_take(struct route *route, struct exchange **ret)
{
	struct transport *t = route->transport;
	struct list *link = list_pop(&route->unused);
	struct exchange *x;
	int r;

	if (link != NULL) {
		*ret = container_of(link, struct exchange, on_list);
		return 0;
	}
	r = exchanges_grow(t);
	if (r < 0)
		return r;
	x = calloc(1, sizeof(*x));
	if (x == NULL)
		return -ENOMEM;
	x->transport = t;
	x->route = route;
	x->slot = t->exchanges_len;
	list_init(&x->on_list);
	list_init(&x->on_pace);
	timer_init(&x->deadline, t->loop, on_deadline, x);
	timer_init(&x->resume, t->loop, on_resume, x);
	r = exchange_open(x);
	if (r < 0) {
		free(x);
		return r;
	}
	t->exchanges[t->exchanges_len++] = x;
	*ret = x;
	return 0;
}

/* ---- those that others need not wait for ---- */

void
exchange_pace(struct exchange *x, struct list *on)
{
	list_remove(&x->on_pace);
	x->transport->slow -= x->slow;
	if (x->slow && x->slow_of != NULL)
		--*x->slow_of;
	x->slow = false;
	x->pace_from_ms = loop_now_ms(x->transport->loop);
	if (on != NULL)
		list_push(on, &x->on_pace);
	if (on == &x->transport->heard && x->transport->on_heard != NULL)
		x->transport->on_heard(x->ctx);
}

static void
pace_look(struct transport *t, struct list *on, int64_t limit_ms)
{
	int64_t now_ms = loop_now_ms(t->loop);

	list_foreach_safe(at, tmp, on)
	{
		struct exchange *x = container_of(at, struct exchange, on_pace);

		if (now_ms - x->pace_from_ms < limit_ms)
			break;
		list_remove(&x->on_pace);
		x->slow = true;
		t->slow++;
		if (x->slow_of != NULL)
			++*x->slow_of;
	}
}

uint32_t
transport_slow(struct transport *t)
{
	if (t->many != NULL)
		return many_slow(t->many);
	pace_look(t, &t->probing, PROBE_SILENT_MS);
	pace_look(t, &t->quiet, SILENT_MS);
	pace_look(t, &t->heard, LONG_MS);
	return t->slow;
}

/* Back to the unused ones; whatever it still holds is freed. */
static void
exchange_drop(struct exchange *x)
{
	struct transport *t = x->transport;

	assert(x->state == EXCHANGE_UNUSED || x->state == EXCHANGE_ENDED);
	exchange_pace(x, NULL);
	if (x->state == EXCHANGE_ENDED)
		t->used--;
	x->state = EXCHANGE_UNUSED;
	if (x->head.cap > HEAD_KEPT_BYTES)
		buf_release(&x->head);
	if (x->sent.cap > HEAD_KEPT_BYTES)
		buf_release(&x->sent);
	if (x->text.cap > HEAD_KEPT_BYTES)
		buf_release(&x->text);
	if (x->lines_text.cap > HEAD_KEPT_BYTES)
		exchange_forget_lines(x);
	list_remove(&x->on_list);
	list_push_front(&x->route->unused, &x->on_list);
}

static bool
exchange_is_running(const struct exchange *x)
{
	return x->state != EXCHANGE_UNUSED && x->state != EXCHANGE_ENDED;
}

/* Ends what libcurl does for it, if it is not at its end anyway. */
static void
exchange_remove(struct exchange *x)
{
	multi_leave(x);
	timer_stop(&x->resume);
	exchange_leave(x);
}

static void
exchange_end(struct exchange *x, CURLcode code)
{
	struct transport *t = x->transport;

	timer_stop(&x->deadline);
	exchange_pace(x, NULL);
	exchange_conclude(x, code);
	x->state = EXCHANGE_ENDED;
	list_remove(&x->on_list);
	list_push(&t->ended, &x->on_list);
	later_start(&t->deliver);
}

static void
on_deliver(void *ctx)
{
	struct transport *t = ctx;
	struct list now, *link;

	/* The whole list changes its head: what ends from here on has its turn next time,
	 * and transport_cancel() still finds its neighbours. */
	list_insert(&t->ended, &now);
	list_remove(&t->ended);
	while ((link = list_pop(&now)) != NULL) {
		struct exchange *x = container_of(link, struct exchange, on_list);
		transport_fn *fn = x->fn;

		x->gen++; /* from here on a cancel comes too late */
		fn(x->ctx, &x->result);
		exchange_drop(x);
	}
	if (t->on_delivered != NULL)
		t->on_delivered(t->lane);
}

/* ---- deadlines: one timer an exchange, moved only when it fires ---- */

static int64_t
soonest(int64_t at_ms, int64_t from_ms, uint32_t limit_ms)
{
	return limit_ms == 0 || from_ms + limit_ms > at_ms ? at_ms : from_ms + limit_ms;
}

/* The limit that holds in this state, and since when. */
static int64_t
deadline_of_state(const struct exchange *x, enum outcome *ret)
{
	switch (x->state) {
	case EXCHANGE_CONNECTING:
		*ret = OUTCOME_TIMEOUT_CONNECT;
		return soonest(INT64_MAX, x->connect_from_ms, x->connect_ms);
	case EXCHANGE_WAITING:
		*ret = OUTCOME_TIMEOUT_FIRST_BYTE;
		return soonest(INT64_MAX, x->asked_ms, x->first_byte_ms);
	default:
		*ret = OUTCOME_TIMEOUT_STALL;
		return soonest(INT64_MAX, x->last_ms, x->stall_ms);
	}
}

/* Since when it is at it, as far as it is the peer that takes the time. */
static int64_t
total_from_ms(const struct exchange *x, int64_t now_ms)
{
	int64_t held_ms = x->held_ms;

	if (x->held_from_ms != 0)
		held_ms += now_ms - x->held_from_ms;
	return x->started_ms + held_ms;
}

/*
 * When to look again.  A state that is entered later brings a limit of its own, which
 * cannot pass before now plus that limit; so nothing has to be done on entering one.
 */
static int
deadline_arm(struct exchange *x, int64_t now_ms)
{
	enum outcome unused;
	int64_t at_ms = deadline_of_state(x, &unused);

	at_ms = soonest(at_ms, total_from_ms(x, now_ms), x->total_ms);
	if (x->state < EXCHANGE_WAITING)
		at_ms = soonest(at_ms, now_ms, x->first_byte_ms);
	if (x->state < EXCHANGE_RECEIVING)
		at_ms = soonest(at_ms, now_ms, x->stall_ms);
	return at_ms == INT64_MAX ? 0 : timer_start(&x->deadline, at_ms - now_ms);
}

static void
on_deadline(void *ctx)
{
	struct exchange *x = ctx;
	int64_t now_ms = loop_now_ms(x->transport->loop);
	enum outcome timeout;

	if (x->stop != STOP_NOT) { /* by a callback that cannot make libcurl stop */
		exchange_remove(x);
		exchange_end(x, CURLE_WRITE_ERROR);
		return;
	}
	if (soonest(INT64_MAX, total_from_ms(x, now_ms), x->total_ms) <= now_ms)
		x->timeout = OUTCOME_TIMEOUT_TOTAL;
	else if (deadline_of_state(x, &timeout) <= now_ms)
		x->timeout = timeout;
	if (x->timeout == OUTCOME_NONE) {
		if (deadline_arm(x, now_ms) == 0)
			return;
		x->timeout = OUTCOME_TIMEOUT_TOTAL; /* no memory to go on watching it */
	}
	exchange_remove(x);
	exchange_end(x, CURLE_OPERATION_TIMEDOUT);
}

/* ---- libcurl's sockets and time ---- */

static void
exchange_done(struct exchange *x, CURLcode code)
{
	exchange_remove(x);
	if (exchange_deserves_retry(x, code)) {
		exchange_rewind(x, true);
		if (multi_add(x) == 0)
			return;
		code = CURLE_OUT_OF_MEMORY;
	}
	exchange_end(x, code);
}

/* Its body came too fast; what libcurl held back meanwhile comes from within this call.
 */
static void
on_resume(void *ctx)
{
	struct exchange *x = ctx;
	CURLcode code = curl_easy_pause(x->easy, CURLPAUSE_CONT);

	if (code != CURLE_OK)
		exchange_done(x, code);
}

static void
multi_drain(struct multi *mu)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(mu->m, &left)) != NULL) {
		CURLcode code = m->data.result;
		char *x = NULL;

		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
		assert(x != NULL);
		exchange_done((struct exchange *)(void *)x, code);
	}
}

static void
multi_act(struct multi *mu, curl_socket_t fd, int events)
{
	int running;

	transport_tls_call(mu->transport);
	(void)curl_multi_socket_action(mu->m, fd, events, &running);
	multi_drain(mu);
}

static void
timer_arm(struct multi *mu, int64_t after_ms)
{
	int64_t due_ms = loop_now_ms(mu->transport->loop) + after_ms;

	if (timer_is_running(&mu->timer) && mu->timer_due_ms <= due_ms)
		return; /* too early does no harm */
	if (timer_start(&mu->timer, after_ms) == 0)
		mu->timer_due_ms = due_ms;
}

void
multi_on_timer(void *ctx)
{
	struct multi *mu = ctx;

	multi_act(mu, CURL_SOCKET_TIMEOUT, 0);
	/* Whatever libcurl forgets to ask for, it is looked after once a second. */
	if (mu->running > 0)
		timer_arm(mu, SAFETY_MS);
}

void
multi_on_kick(void *ctx)
{
	multi_act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

int
multi_on_wish(CURLM *multi, long after_ms, void *ctx)
{
	struct multi *mu = ctx;

	(void)multi;
	if (after_ms == 0)
		later_start(&mu->kick);
	else if (after_ms > 0)
		timer_arm(mu, after_ms);
	return 0;
}

static void
on_io(void *ctx, int events)
{
	struct conn *conn = ctx;
	int what = 0;

	if (!conn->wanted) {
		/* While it carries nothing that is noise, or its end. */
		conn->tainted |= conn->users == 0;
		io_set(conn->io, 0);
		return;
	}
	if ((events & IO_READ) != 0)
		what |= CURL_CSELECT_IN;
	if ((events & IO_WRITE) != 0)
		what |= CURL_CSELECT_OUT;
	/* `conn` may be gone after this. */
	multi_act(conn->ctx, conn->fd, what == 0 ? CURL_CSELECT_ERR : what);
}

static void
conn_unwatch(struct conn *conn)
{
	io_free(conn->io);
	conn->io = NULL;
}

/*
 * Idle, and kept for the next request, or held back.  It goes on being watched: telling the
 * kernel twice a request costs more, and what comes on an idle one is heard at once.
 */
static void
conn_rest(struct transport *t, struct conn *conn)
{
	conn->wanted = false;
	conn->quiet_since = loop_waits(t->loop);
	io_set(conn->io, IO_READ);
}

int
multi_on_socket(CURL *e, curl_socket_t fd, int what, void *ctx, void *unused)
{
	struct multi *mu = ctx;
	struct transport *t = mu->transport;
	struct conn *conn = conns_get(&t->conns, fd);

	(void)e;
	(void)unused;
	if (what == CURL_POLL_REMOVE) {
		if (conn != NULL && !conn->opened)
			conns_drop(&t->conns, conn);
		else if (conn != NULL && conn->ends != 0 && conn->io != NULL)
			conn_rest(t, conn);
		else if (conn != NULL)
			conn_unwatch(conn); /* it may be closed, and the number reused */
		return 0;
	}
	if (conn == NULL)
		conn = conns_take(&t->conns, fd);
	/* No memory: its deadline ends the exchange.  An error from here would be the end
	 * of all of them. */
	if (conn == NULL)
		return 0;
	conn->ctx = mu;
	conn->wanted = true;
	if (conn->io == NULL && io_new(t->loop, fd, on_io, conn, &conn->io) < 0)
		return 0;
	io_set(conn->io, ((what & CURL_POLL_IN) != 0 ? IO_READ : 0) |
			     ((what & CURL_POLL_OUT) != 0 ? IO_WRITE : 0));
	return 0;
}

/* ---- what others call ---- */

static bool
behind_proxy_denied(struct exchange *x)
{
	const struct transport *t = x->transport;
	const char *range;

	if (x->route->proxy == NULL || x->addr.family == 0 || x->own_authority)
		return false;
	range = addr_policy_refuses(t->conf.policy, &x->addr, x->port);
	if (range != NULL)
		exchange_stop(x, STOP_DENIED, "address is refused: %s", range);
	return range != NULL;
}

int
transport_start(struct transport *t, const struct transport_request *req,
    transport_fn *fn, void *ctx, struct transport_id *ret)
{
	struct route *route;
	struct exchange *x;
	int r;

	if (t->many != NULL)
		return many_start(t->many, req, fn, ctx, ret);
	r = route_take(t, req, &route);
	if (r == 0)
		r = exchange_take(route, &x);
	if (r < 0)
		return r;
	r = exchange_prepare(x, req);
	if (r < 0)
		goto fail;
	exchange_rewind(x, false);
	x->fn = fn;
	x->ctx = ctx;
	x->slow_of = req->slow_of;
	x->started_ms = x->connect_from_ms;
	r = deadline_arm(x, x->started_ms);
	if (r < 0)
		goto fail;
	if (behind_proxy_denied(x)) {
		t->used++;
		exchange_end(x, CURLE_COULDNT_CONNECT);
	} else if (multi_add(x) == 0) {
		t->used++;
		list_push(&t->running, &x->on_list);
		exchange_pace(x, req->is_probe ? &t->probing : &t->quiet);
		timer_arm(x->multi, SAFETY_MS);
	} else {
		r = -ENOMEM;
		goto fail_timer;
	}
	*ret = (struct transport_id){.slot = x->slot, .gen = x->gen};
	return 0;

fail_timer:
	timer_stop(&x->deadline);
fail:
	x->state = EXCHANGE_UNUSED;
	exchange_drop(x);
	return r;
}

void
transport_cancel(struct transport *t, struct transport_id id)
{
	struct exchange *x;

	if (t->many != NULL) {
		many_cancel(t->many, id);
		return;
	}
	if (id.slot >= t->exchanges_len)
		return;
	x = t->exchanges[id.slot];
	if (x->gen != id.gen || x->state == EXCHANGE_UNUSED)
		return;
	if (exchange_is_running(x)) {
		exchange_remove(x);
		timer_stop(&x->deadline);
		if (x->block.cap > 0)
			shm_free(t->conf.shm, &x->block);
		x->state = EXCHANGE_ENDED;
	} else if (x->result.block.cap > 0) {
		shm_free(t->conf.shm, &x->result.block);
	}
	x->gen++;
	exchange_drop(x);
}

void
transport_set_connections_max(struct transport *t, uint32_t n)
{
	t->conf.connections_max = n;
	if (t->many != NULL) {
		many_set_connections_max(t->many, n);
		return;
	}
	multis_set_room(t);
}

uint32_t
transport_running(const struct transport *t)
{
	return t->many != NULL ? many_running(t->many) : t->used;
}

int64_t
transport_lag_us_take(struct transport *t)
{
	return t->many != NULL ? many_lag_us_take(t->many) : 0;
}

bool
transport_is_alive(struct transport *t)
{
	return t->many == NULL || many_is_alive(t->many);
}

static int
file_check(const char *path, struct why *why)
{
	return path == NULL || access(path, R_OK) == 0
		   ? 0
		   : why_set(why, -ENOENT, "cannot read the certificate in '%s': %s",
			 path, strerror(errno));
}

static int
conf_copy(struct transport *t, const struct transport_conf *conf, struct why *why)
{
	t->conf = *conf;
	if (conf->http < 0 || conf->http > 2)
		return why_set(
		    why, -EINVAL, "HTTP version %d is none of 1 and 2", conf->http);
	if (file_check(conf->ca_file, why) < 0 || file_check(conf->cert_file, why) < 0 ||
	    file_check(conf->key_file, why) < 0)
		return -ENOENT;
	t->ca_file = slice_dup(
	    slice_cstr(conf->ca_file == NULL ? CA_FILE_DEFAULT : conf->ca_file));
	if (conf->cert_file != NULL) {
		t->cert_file = slice_dup(slice_cstr(conf->cert_file));
		t->key_file = slice_dup(slice_cstr(
		    conf->key_file == NULL ? conf->cert_file : conf->key_file));
	}
	if (t->ca_file == NULL ||
	    (conf->cert_file != NULL && (t->cert_file == NULL || t->key_file == NULL)))
		return why_set(why, -ENOMEM, "out of memory");
	/* The caller's. */
	t->conf.ca_file = t->conf.cert_file = t->conf.key_file = NULL;
	return 0;
}

static void
transport_drop(struct transport *t)
{
	free(t->ca_file);
	free(t->cert_file);
	free(t->key_file);
	free(t);
}

int
transport_new(struct loop *l, const struct transport_conf *conf, struct transport **ret,
    struct why *why)
{
	struct transport *t = calloc(1, sizeof(*t));
	int r;

	if (t == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	t->loop = l;
	t->room = &t->room_own;
	list_init(&t->running);
	list_init(&t->ended);
	list_init(&t->probing);
	list_init(&t->quiet);
	list_init(&t->heard);
	later_init(&t->deliver, l, on_deliver, t);
	conns_init(&t->conns);
	r = conf_copy(t, conf, why);
	if (r == 0 && conf->loops > 1) {
		r = many_new(l, conf, &t->many, why);
		if (r == 0) {
			*ret = t;
			return 0;
		}
	}
	if (r < 0)
		goto fail_conf;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		r = why_set(why, -ENOMEM, "libcurl does not start");
		goto fail_conf;
	}
	if (!multis_open(t)) {
		r = why_set(why, -ENOMEM, "out of memory");
		goto fail_multi;
	}
	transport_set_connections_max(t, conf->connections_max);
	*ret = t;
	return 0;

fail_multi:
	multis_close(t);
	curl_global_cleanup();
fail_conf:
	transport_drop(t);
	return r;
}

void
transport_free(struct transport *t)
{
	if (t == NULL)
		return;
	if (t->many != NULL) {
		many_free(t->many);
		transport_drop(t);
		return;
	}
	for (uint32_t i = 0; i < t->exchanges_len; i++)
		transport_cancel(
		    t, (struct transport_id){.slot = i, .gen = t->exchanges[i]->gen});
	for (uint32_t i = 0; i < t->exchanges_len; i++) {
		exchange_close(t->exchanges[i]);
		free(t->exchanges[i]);
	}
	free(t->exchanges);
	multis_close(t);
	curl_global_cleanup();
	conns_release(&t->conns);
	later_stop(&t->deliver);
	transport_drop(t);
}
