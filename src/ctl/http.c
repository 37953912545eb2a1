#include "ctl/http.h"
#include "base/clock.h"
#include "base/log.h"
#include "ctl/http_int.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LAST_ANSWER_MS = 100,
	REQUEST_US = 5000,   /* of the loop's time, for one */
	OWN_BYTES = 8 << 10, /* of a connection's memory that are not headers */
	CLIENTS_KEPT = 4096, /* that have no connection */
	HELD_BODIES = 4, /* bodies and answers of all, in the largest body there may be */
	HELD_LEAST = 64 << 20,
};

void *
http_service(const struct http *h)
{
	return h->conf.ctx;
}

struct clients *
http_clients(struct http *h)
{
	return &h->clients;
}

void
http_set_tls(struct http *h, struct http_tls *tls)
{
	struct http_tls *was = h->conf.tls;

	h->conf.tls = http_tls_ref(tls);
	http_tls_unref(was);
}

/* ---- the daemon runs ---- */

static void
run(struct http *h)
{
	int64_t next_ms = -1;

	for (int i = 0; i < SERVERS; i++) {
		struct MHD_Daemon *d = h->servers[i].daemon;
		unsigned long long ms;

		if (d == NULL)
			continue;
		if (MHD_run(d) != MHD_YES)
			log_error("http: the server cannot run");
		if (MHD_get_timeout(d, &ms) == MHD_YES &&
		    (next_ms < 0 || (int64_t)ms < next_ms))
			next_ms = ms > 60000 ? 60000 : (int64_t)ms;
	}
	timer_stop(&h->run_at);
	if (next_ms == 0)
		later_start(&h->run);
	else if (next_ms > 0)
		(void)timer_start(&h->run_at, next_ms);
}

static void
on_run(void *ctx)
{
	run(ctx);
}

static void
on_io(void *ctx, int events)
{
	(void)events;
	run(ctx);
}

void
http_resume(struct request *r)
{
	if (!r->suspended)
		return;
	r->suspended = false;
	MHD_resume_connection(r->mhd);
	later_start(&r->http->run);
}

/* ---- requests ---- */

static void *
on_target(void *ctx, const char *target, struct MHD_Connection *mhd)
{
	struct http *h = ctx;
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct conn *c = info == NULL ? NULL : info->socket_context;
	struct request *r = c == NULL ? NULL : request_new(h, c, target);

	if (r == NULL)
		return NULL;
	r->mhd = mhd;
	c->request = r;
	h->stats.requests++;
	return r;
}

/* The request holds so much of the memory of all; false: there is not so much. */
static bool
hold(struct request *r, size_t bytes)
{
	struct http *h = r->http;

	h->held_bytes -= r->held_bytes;
	r->held_bytes = 0;
	if (bytes > h->held_bytes_max - h->held_bytes)
		return false;
	h->held_bytes += bytes;
	r->held_bytes = bytes;
	return true;
}

static size_t
keep_escapes(void *ctx, struct MHD_Connection *mhd, char *text)
{
	(void)ctx;
	(void)mhd;
	return strlen(text);
}

/*
 * The client has closed its side already.  When that came with the request libmicrohttpd
 * (0.9.75) hears no more of it, and would wait.  Requests that it has read are still served.
 */
static bool
says_no_more(const struct conn *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void
on_completed(void *ctx, struct MHD_Connection *mhd, void **request,
    enum MHD_RequestTerminationCode how)
{
	struct http *h = ctx;
	struct request *r = *request;

	(void)mhd;
	(void)how;
	*request = NULL;
	if (r == NULL)
		return;
	r->conn->request = NULL;
	r->over = true;
	(void)hold(r, 0);
	r->conn->since_ms = loop_now_ms(h->loop);
	conn_deadline(
	    r->conn, says_no_more(r->conn) ? LAST_ANSWER_MS : h->conf.limits.header_ms);
	list_remove(&r->conn->on_http);
	list_push(&h->conns, &r->conn->on_http);
	request_free(r);
}

static bool
is_too_large(const struct request *r)
{
	struct slice text;
	uint64_t n;

	if (!request_header(r, "Content-Length", &text))
		return false;
	return !slice_to_u64(text, &n) || n > r->http->conf.limits.body_bytes_max;
}

static bool
has_body(const struct request *r)
{
	struct slice ignored;

	return request_header(r, "Content-Length", &ignored) ||
	       request_header(r, "Transfer-Encoding", &ignored);
}

/* The headers are there: whether the rest is wanted. */
static void
begin(struct request *r, const char *version)
{
	const struct http_conf *conf = &r->http->conf;
	enum route_found found;
	unsigned flags;

	request_take_authority(r);
	r->path = slice_cstr(r->target);
	r->path = slice_head(r->path, slice_find(r->path, '?'));
	found = route_find(conf->groups, r->method, r->path, &r->match);
	flags = found == ROUTE_FOUND ? r->match.route->flags : 0;
	conn_deadline(r->conn, conf->limits.body_ms);
	r->role = ROLE_ADMIN;
	if (!request_is_framed(r, version, conf->limits.header_bytes_max))
		return;
	if (conf->authorize != NULL)
		r->role = conf->authorize(conf->authorize_ctx, r);
	if (request_is_answered(r))
		return;
	if (r->role == ROLE_NONE && (flags & ROUTE_OPEN) == 0)
		request_problem(r, 401, "who asks is not known");
	else if (found == ROUTE_BAD_PATH)
		request_problem(r, 400, "the target must be a path");
	else if (found == ROUTE_NO_PATH)
		request_problem(r, 404, "there is nothing at this address");
	else if (found == ROUTE_NO_METHOD) {
		request_add_header(r, "Allow", r->match.allow);
		request_problem(r, 405, "there is no %.16s of this address; there are %s",
		    r->method, r->match.allow);
	} else if ((flags & ROUTE_ADMIN) != 0 && r->role < ROLE_ADMIN)
		request_problem(r, 403, "this wants the role admin");
	else if (is_too_large(r))
		request_problem(r, 413, "the body is larger than %u bytes",
		    conf->limits.body_bytes_max);
	else
		(void)request_decode(r);
}

static enum MHD_Result
send_answer(struct request *r)
{
	struct MHD_Response *m;
	enum MHD_Result ok;

	if (!hold(r, r->reply.len)) {
		buf_release(&r->reply);
		r->state = REQUEST_HANDLED;
		request_problem(r, 503, "too many answers are on their way");
	}
	if (r->http->deaf)
		request_add_header(r, "Connection", "close");
	m = request_response(r);
	if (m == NULL)
		return MHD_NO;
	r->state = REQUEST_SENT;
	if (r->stream == NULL)
		conn_deadline(r->conn, r->http->conf.limits.reply_ms);
	else
		r->conn->deadline_ms = 0;
	ok = MHD_queue_response(r->mhd, r->status, m);
	MHD_destroy_response(m);
	return ok;
}

static void
receive(struct request *r, const char *data, size_t len)
{
	if (r->too_large || r->no_room || len == 0)
		return;
	r->body.max = r->http->conf.limits.body_bytes_max;
	if (!hold(r, r->body.len + len)) {
		r->no_room = true;
		buf_release(&r->body);
	} else if (buf_add(&r->body, data, len) < 0) {
		r->too_large = true;
		buf_release(&r->body);
	}
}

/* The loop's time is what all share: what takes long counts as several requests. */
static void
charge(struct request *r, int64_t us)
{
	if (r->conn->client != NULL)
		bucket_charge(&r->conn->client->requests, (double)us / REQUEST_US);
}

/* Who asks for a preview where there is none must not change something. */
static bool
query_is_taken(struct request *r)
{
	static const char *const none[] = {NULL};
	unsigned flags = r->match.route->flags;

	if ((flags & ROUTE_ADMIN) == 0 || (flags & ROUTE_QUERY) != 0)
		return true;
	request_query_only(r, none);
	return request_query_is_good(r);
}

static void
handle(struct request *r)
{
	int64_t began_us = clock_mono_us();

	r->conn->deadline_ms = 0; /* it is our turn */
	if (r->no_room)
		request_problem(r, 503, "too many bodies are on their way");
	else if (r->too_large)
		request_problem(r, 413, "the body is larger than %u bytes",
		    r->http->conf.limits.body_bytes_max);
	else if (query_is_taken(r) && request_read_json(r)) {
		r->state = REQUEST_HANDLED;
		r->match.route->handle(r);
	}
	charge(r, clock_mono_us() - began_us);
}

static enum MHD_Result
on_request(void *ctx, struct MHD_Connection *mhd, const char *url, const char *method,
    const char *version, const char *data, size_t *len, void **request)
{
	struct request *r = *request;

	(void)ctx;
	(void)mhd;
	(void)url;
	if (r == NULL || r->state == REQUEST_SENT)
		return MHD_NO;
	if (r->method == NULL) {
		r->method = slice_dup(slice_cstr(method));
		if (r->method == NULL)
			return MHD_NO;
		begin(r, version);
		/* Without a body the connection can go on: the answer waits for its end. */
		if (!has_body(r))
			return MHD_YES;
	} else if (*len > 0) {
		receive(r, data, *len);
		*len = 0;
		return MHD_YES;
	} else if (r->state == REQUEST_BODY) {
		handle(r);
		if (!request_is_answered(r)) {
			r->suspended = true;
			MHD_suspend_connection(r->mhd);
		}
	}
	return request_is_answered(r) ? send_answer(r) : MHD_YES;
}

/* ---- life ---- */

/* GnuTLS asks for the certificate of a connection that begins. */
static int
on_certificate(gnutls_session_t session, const gnutls_datum_t *authorities,
    int authorities_len, const gnutls_pk_algorithm_t *algorithms, int algorithms_len,
    gnutls_pcert_st **certs, unsigned *certs_len, gnutls_privkey_t *key)
{
	struct MHD_Connection *mhd = gnutls_session_get_ptr(session);
	const union MHD_ConnectionInfo *info =
	    mhd == NULL
		? NULL
		: MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct conn *c = info == NULL ? NULL : info->socket_context;

	(void)authorities;
	(void)authorities_len;
	(void)algorithms;
	(void)algorithms_len;
	if (c == NULL || c->tls == NULL)
		return -1;
	http_tls_give(c->tls, certs, certs_len, key);
	return 0;
}

static int
start_server(struct http *h, struct server *s, bool tls)
{
	const struct http_limits *l = &h->conf.limits;
	const union MHD_DaemonInfo *info;

	s->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
					 MHD_ALLOW_SUSPEND_RESUME |
					 (tls ? MHD_USE_TLS : 0),
	    0, NULL, NULL, on_request, h, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)(l->connections_max + 2 * CONNECTIONS_MORE),
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)l->header_bytes_max + OWN_BYTES,
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, h, MHD_OPTION_UNESCAPE_CALLBACK,
	    keep_escapes, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
	    MHD_OPTION_NOTIFY_CONNECTION, http_on_connection, h,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_HTTPS_CERT_CALLBACK,
	    on_certificate, /* without TLS: nothing */
	    MHD_OPTION_HTTPS_PRIORITIES, HTTP_TLS_PRIORITIES, MHD_OPTION_END);
	if (s->daemon == NULL)
		return -EIO;
	info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL)
		return -EIO;
	return io_new(h->loop, info->epoll_fd, on_io, h, &s->io);
}

static int
start_servers(struct http *h)
{
	int r = start_server(h, &h->servers[PLAIN], false);

	if (r == 0)
		io_set(h->servers[PLAIN].io, IO_READ);
	if (r == 0 && h->conf.tls != NULL) {
		r = start_server(h, &h->servers[TLS], true);
		if (r == 0)
			io_set(h->servers[TLS].io, IO_READ);
	}
	return r;
}

int
http_new(const struct http_conf *conf, struct http **ret, struct why *why)
{
	struct http *h = calloc(1, sizeof(*h));
	int r;

	if (h == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	h->conf = *conf;
	(void)http_tls_ref(h->conf.tls);
	h->loop = conf->loop;
	h->held_bytes_max = (size_t)HELD_BODIES * conf->limits.body_bytes_max;
	if (h->held_bytes_max < HELD_LEAST)
		h->held_bytes_max = HELD_LEAST;
	clients_init(&h->clients,
	    conf->limits.connections_max + 2 * CONNECTIONS_MORE + CLIENTS_KEPT);
	list_init(&h->conns);
	later_init(&h->run, h->loop, on_run, h);
	timer_init(&h->run_at, h->loop, on_run, h);
	timer_init(&h->sweep, h->loop, http_sweep, h);
	timer_init(&h->room, h->loop, http_on_room, h);
	timer_init(&h->drain, h->loop, http_on_drain, h);
	r = start_servers(h);
	if (r < 0) {
		http_free(h);
		return why_set(why, r, "the HTTP server cannot start: %s", strerror(-r));
	}
	*ret = h;
	return 0;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->listeners_len; i++) {
		io_free(h->listeners[i]->io);
		(void)close(h->listeners[i]->fd);
		free(h->listeners[i]);
	}
	h->listeners_len = 0;
	list_foreach (at, &h->conns) {
		struct conn *c = container_of(at, struct conn, on_http);

		conn_shut(c);
		if (c->request != NULL && c->request->suspended) {
			c->request->over = true;
			request_problem(c->request, 503, "the service stops");
			http_resume(c->request);
		}
	}
	for (int i = 0; i < SERVERS; i++) {
		io_free(h->servers[i].io);
		if (h->servers[i].daemon == NULL)
			continue;
		(void)MHD_run(h->servers[i].daemon);
		MHD_stop_daemon(h->servers[i].daemon);
	}
	assert(list_is_empty(&h->conns));
	later_stop(&h->run);
	timer_stop(&h->run_at);
	timer_stop(&h->sweep);
	timer_stop(&h->room);
	timer_stop(&h->drain);
	clients_release(&h->clients);
	http_tls_unref(h->conf.tls);
	free(h);
}
