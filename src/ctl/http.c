#include "ctl/http.h"
#include "base/log.h"
#include "ctl/http_int.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SWEEP_MS = 250,
	CONNECTIONS_MORE = 64, /* that are being closed, above the limit */
	ACCEPTS_PER_TURN = 64,
	LAST_ANSWER_MS = 100,
	NO_ROOM_MS = 1000,   /* without descriptors: until the next try */
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

/* ---- connections ---- */

static void
set_deadline(struct conn *c, uint32_t after_ms)
{
	c->deadline_ms = loop_now_ms(c->http->loop) + after_ms;
}

void
http_stream_deadline(struct request *r, bool has_more)
{
	r->conn->deadline_ms =
	    has_more ? loop_now_ms(r->http->loop) + r->http->conf.limits.reply_ms : 0;
}

static void
listen_on(struct http *h, bool on)
{
	for (size_t i = 0; i < h->listeners_len; i++)
		io_set(h->listeners[i]->io, on && !h->deaf ? IO_READ : 0);
}

static void
shut(struct conn *c)
{
	if (c->shut)
		return;
	c->shut = true;
	c->deadline_ms = 0;
	if (c->client != NULL)
		client_drop(c->client);
	c->client = NULL;
	(void)shutdown(c->fd, SHUT_RDWR);
}

static void
on_sweep(void *ctx)
{
	struct http *h = ctx;
	int64_t now = loop_now_ms(h->loop);

	list_foreach (at, &h->conns) {
		struct conn *c = container_of(at, struct conn, on_http);

		if (c->deadline_ms == 0 || now < c->deadline_ms)
			continue;
		h->stats.timeouts++;
		shut(c);
	}
	if (h->conns_len > 0)
		(void)timer_start(&h->sweep, SWEEP_MS);
}

static bool
may_evict(const struct conn *c, bool answered)
{
	if (c->shut)
		return false;
	if (answered)
		return c->request != NULL && c->request->state == REQUEST_SENT;
	return c->request == NULL || c->request->state == REQUEST_BODY;
}

/*
 * Of those of the client (NULL: of all) that nothing is done for, the one heard of longest ago;
 * if all are served, likewise of those that take an answer, or events.
 */
static void
evict(struct http *h, const struct client *of)
{
	for (int answered = 0; answered <= 1; answered++) {
		list_foreach (at, &h->conns) {
			struct conn *c = container_of(at, struct conn, on_http);

			if ((of != NULL && c->client != of) ||
			    !may_evict(c, answered != 0))
				continue;
			h->stats.evicted++;
			shut(c);
			if (c->request != NULL) /* it may wait for more events */
				http_resume(c->request);
			return;
		}
	}
}

static void
conn_free(struct conn *c)
{
	struct http *h = c->http;

	list_remove(&c->on_http);
	h->conns_len--;
	if (c->client != NULL)
		client_drop(c->client);
	http_tls_unref(c->tls);
	free(c);
	if (h->full) {
		h->full = false;
		listen_on(h, true);
	}
}

static void
on_connection(void *ctx, struct MHD_Connection *mhd, void **conn,
    enum MHD_ConnectionNotificationCode what)
{
	struct http *h = ctx;

	(void)mhd;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*conn = h->accepting;
		h->accepting = NULL;
	} else if (*conn != NULL) {
		conn_free(*conn);
		*conn = NULL;
	}
}

/* Whether one more connection of that client is taken. */
static bool
admit(struct http *h, struct conn *c, const struct sockaddr *peer)
{
	uint32_t max = h->conf.limits.client_connections_max;
	uint64_t key;

	if (c->via == VIA_UNIX || !client_key(peer, &key))
		return true;
	c->client = clients_find(&h->clients, key);
	if (c->client == NULL)
		return false;
	if (max > 0 && c->client->connections >= max)
		evict(h, c->client);
	if (max > 0 && c->client->connections >= max)
		return false;
	client_add(c->client);
	return true;
}

static struct conn *
conn_new(struct http *h, int fd, const struct sockaddr *peer, enum via via)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	*c = (struct conn){.http = h, .fd = fd, .via = via};
	if (!admit(h, c, peer)) {
		h->stats.refused++;
		free(c);
		return NULL;
	}
	if (via == VIA_TLS)
		c->tls = http_tls_ref(h->conf.tls);
	set_deadline(c, h->conf.limits.header_ms);
	list_push(&h->conns, &c->on_http);
	h->conns_len++;
	h->stats.connections++;
	return c;
}

static void
take(
    struct http *h, int fd, const struct sockaddr *peer, socklen_t peer_len, enum via via)
{
	struct server *s = &h->servers[via == VIA_TLS ? TLS : PLAIN];
	struct conn *c;

	if (h->conns_len >= h->conf.limits.connections_max)
		evict(h, NULL);
	c = conn_new(h, fd, peer, via);
	if (c == NULL) {
		(void)close(fd);
		return;
	}
	h->accepting = c;
	if (MHD_add_connection(s->daemon, fd, peer, peer_len) != MHD_YES)
		log_debug("http: a connection was not taken: %s", strerror(errno));
	if (h->accepting != NULL) { /* nobody will tell of its end */
		h->accepting = NULL;
		conn_free(c);
	}
	if (!timer_is_running(&h->sweep))
		(void)timer_start(&h->sweep, SWEEP_MS);
}

static void
on_room(void *ctx)
{
	listen_on(ctx, true);
}

static void
on_listener(void *ctx, int events)
{
	struct listener *l = ctx;
	struct http *h = l->http;

	(void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage peer;
		socklen_t len = sizeof(peer);
		int fd;

		if (h->conns_len >= h->conf.limits.connections_max + CONNECTIONS_MORE) {
			h->full = true;
			listen_on(h, false);
			break;
		}
		fd = accept4(
		    l->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
				  errno == ENOBUFS)) {
			evict(h, NULL);
			listen_on(h, false);
			(void)timer_start(&h->room, NO_ROOM_MS);
		}
		if (fd < 0)
			break;
		take(h, fd, (struct sockaddr *)&peer, len, l->via);
	}
	later_start(&h->run);
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
	set_deadline(
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
	struct slice target = slice_cstr(r->target);
	enum route_found found = route_find(conf->groups, r->method,
	    slice_head(target, slice_find(target, '?')), &r->match);
	unsigned flags = found == ROUTE_FOUND ? r->match.route->flags : 0;

	r->path = slice_head(target, slice_find(target, '?'));
	set_deadline(r->conn, conf->limits.body_ms);
	r->role = ROLE_ADMIN;
	if (!request_is_framed(r, version))
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
		set_deadline(r->conn, r->http->conf.limits.reply_ms);
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

static void
handle(struct request *r)
{
	r->conn->deadline_ms = 0; /* it is our turn */
	if (r->no_room)
		request_problem(r, 503, "too many bodies are on their way");
	else if (r->too_large)
		request_problem(r, 413, "the body is larger than %u bytes",
		    r->http->conf.limits.body_bytes_max);
	else if (request_read_json(r)) {
		r->state = REQUEST_HANDLED;
		r->match.route->handle(r);
	}
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
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_STRICT_FOR_CLIENT,
	    1, MHD_OPTION_HTTPS_CERT_CALLBACK, on_certificate, /* without TLS: nothing */
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
	timer_init(&h->sweep, h->loop, on_sweep, h);
	timer_init(&h->room, h->loop, on_room, h);
	timer_init(&h->drain, h->loop, http_on_drain, h);
	r = start_servers(h);
	if (r < 0) {
		http_free(h);
		return why_set(why, r, "the HTTP server cannot start: %s", strerror(-r));
	}
	*ret = h;
	return 0;
}

int
http_listen(struct http *h, int fd, enum via via)
{
	struct listener *l;
	int r;

	if (h->listeners_len == HTTP_LISTENERS_MAX)
		return -ENOSPC;
	if (via == VIA_TLS && h->servers[TLS].daemon == NULL)
		return -EINVAL;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return -ENOMEM;
	*l = (struct listener){.http = h, .fd = fd, .via = via};
	r = io_new(h->loop, fd, on_listener, l, &l->io);
	if (r < 0) {
		free(l);
		return r;
	}
	io_set(l->io, IO_READ);
	h->listeners[h->listeners_len++] = l;
	return 0;
}

void
http_deafen(struct http *h)
{
	h->deaf = true;
	listen_on(h, false);
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

		shut(c);
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
