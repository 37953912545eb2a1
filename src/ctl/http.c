#include "ctl/http.h"
#include "base/log.h"
#include "ctl/request_int.h"
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
	DRAIN_LOOK_MS = 20,
	DRAIN_IDLE_MS = 200, /* for requests that are on their way */
	DRAIN_MAX_MS = 2000,
	NO_ROOM_MS = 1000, /* without descriptors: until the next try */
	LISTENERS_MAX = 8,
	OWN_BYTES = 8 << 10, /* of a connection's memory that are not headers */
};

struct listener {
	struct http *http;
	int fd;
	enum via via;
	struct io *io;
};

struct http {
	struct http_conf conf;
	struct loop *loop;
	struct MHD_Daemon *daemon;
	struct io *io; /* of its epoll descriptor */
	struct listener *listeners[LISTENERS_MAX];
	size_t listeners_len;
	struct list conns; /* conn.on_http */
	uint32_t conns_len;
	struct conn *accepting; /* what the daemon is being told of */
	struct later run;
	struct timer run_at, sweep, room;
	bool deaf, full;
	struct timer drain;
	int64_t draining_ms; /* since; 0: it does not */
	loop_fn *drained;
	void *drained_ctx;
	struct http_stats stats;
};

void *
http_service(const struct http *h)
{
	return h->conf.ctx;
}

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
}

/* ---- the daemon runs ---- */

static void
run(struct http *h)
{
	unsigned long long ms;

	if (MHD_run(h->daemon) != MHD_YES)
		log_error("http: the server cannot run");
	timer_stop(&h->run_at);
	if (MHD_get_timeout(h->daemon, &ms) != MHD_YES)
		return;
	if (ms == 0)
		later_start(&h->run);
	else
		(void)timer_start(&h->run_at, ms > 60000 ? 60000 : (int64_t)ms);
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

/* Of those that nothing is done for, the one heard of longest ago. */
static void
evict(struct http *h)
{
	list_foreach (at, &h->conns) {
		struct conn *c = container_of(at, struct conn, on_http);

		if (c->shut || (c->request != NULL && c->request->state != REQUEST_BODY))
			continue;
		h->stats.evicted++;
		shut(c);
		return;
	}
}

static void
conn_free(struct conn *c)
{
	struct http *h = c->http;

	list_remove(&c->on_http);
	h->conns_len--;
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

static void
take(
    struct http *h, int fd, const struct sockaddr *peer, socklen_t peer_len, enum via via)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		(void)close(fd);
		return;
	}
	if (h->conns_len >= h->conf.limits.connections_max)
		evict(h);
	*c = (struct conn){.http = h, .fd = fd, .via = via};
	set_deadline(c, h->conf.limits.header_ms);
	list_push(&h->conns, &c->on_http);
	h->conns_len++;
	h->stats.connections++;
	h->accepting = c;
	if (MHD_add_connection(h->daemon, fd, peer, peer_len) != MHD_YES)
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
			evict(h);
			listen_on(h, false);
			(void)timer_start(&h->room, NO_ROOM_MS);
		}
		if (fd < 0)
			break;
		take(h, fd, (struct sockaddr *)&peer, len, l->via);
	}
	later_start(&h->run);
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

static void
on_drain(void *ctx)
{
	struct http *h = ctx;
	int64_t ms = loop_now_ms(h->loop) - h->draining_ms;

	if (h->conns_len == 0 || ms >= DRAIN_MAX_MS ||
	    (ms >= DRAIN_IDLE_MS && !has_requests(h)))
		h->drained(h->drained_ctx);
	else
		(void)timer_start(&h->drain, DRAIN_LOOK_MS);
}

void
http_drain(struct http *h, loop_fn *done, void *ctx)
{
	http_deafen(h);
	h->draining_ms = loop_now_ms(h->loop);
	h->drained = done;
	h->drained_ctx = ctx;
	(void)timer_start(&h->drain, 0);
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

static size_t
keep_escapes(void *ctx, struct MHD_Connection *mhd, char *text)
{
	(void)ctx;
	(void)mhd;
	return strlen(text);
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
	set_deadline(r->conn, h->conf.limits.header_ms);
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
begin(struct request *r)
{
	const struct http_conf *conf = &r->http->conf;
	struct slice target = slice_cstr(r->target);
	enum route_found found = route_find(conf->groups, r->method,
	    slice_head(target, slice_find(target, '?')), &r->match);
	unsigned flags = found == ROUTE_FOUND ? r->match.route->flags : 0;

	r->path = slice_head(target, slice_find(target, '?'));
	set_deadline(r->conn, conf->limits.body_ms);
	r->role = ROLE_ADMIN;
	if (conf->authorize != NULL && (flags & ROUTE_OPEN) == 0)
		r->role = conf->authorize(conf->authorize_ctx, r);
	if (request_is_answered(r))
		return;
	if (r->role == ROLE_NONE)
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
	if (r->too_large || len == 0)
		return;
	r->body.max = r->http->conf.limits.body_bytes_max;
	if (buf_add(&r->body, data, len) < 0) {
		r->too_large = true;
		buf_release(&r->body);
	}
}

static void
handle(struct request *r)
{
	r->conn->deadline_ms = 0; /* it is our turn */
	if (r->too_large)
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
	(void)version;
	if (r == NULL || r->state == REQUEST_SENT)
		return MHD_NO;
	if (r->method == NULL) {
		r->method = slice_dup(slice_cstr(method));
		if (r->method == NULL)
			return MHD_NO;
		begin(r);
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

static int
start_daemon(struct http *h)
{
	const struct http_limits *l = &h->conf.limits;
	const union MHD_DaemonInfo *info;

	h->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
	    NULL, on_request, h, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)(l->connections_max + 2 * CONNECTIONS_MORE),
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)l->header_bytes_max + OWN_BYTES,
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, h, MHD_OPTION_UNESCAPE_CALLBACK,
	    keep_escapes, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_STRICT_FOR_CLIENT,
	    1, MHD_OPTION_END);
	if (h->daemon == NULL)
		return -EIO;
	info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL)
		return -EIO;
	return io_new(h->loop, info->epoll_fd, on_io, h, &h->io);
}

int
http_new(const struct http_conf *conf, struct http **ret, struct why *why)
{
	struct http *h = calloc(1, sizeof(*h));
	int r;

	if (h == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	h->conf = *conf;
	h->loop = conf->loop;
	list_init(&h->conns);
	later_init(&h->run, h->loop, on_run, h);
	timer_init(&h->run_at, h->loop, on_run, h);
	timer_init(&h->sweep, h->loop, on_sweep, h);
	timer_init(&h->room, h->loop, on_room, h);
	timer_init(&h->drain, h->loop, on_drain, h);
	r = start_daemon(h);
	if (r < 0) {
		http_free(h);
		return why_set(why, r, "the HTTP server cannot start: %s", strerror(-r));
	}
	io_set(h->io, IO_READ);
	*ret = h;
	return 0;
}

int
http_listen(struct http *h, int fd, enum via via)
{
	struct listener *l;
	int r;

	if (h->listeners_len == LISTENERS_MAX)
		return -ENOSPC;
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
	io_free(h->io);
	if (h->daemon != NULL) {
		(void)MHD_run(h->daemon);
		MHD_stop_daemon(h->daemon);
	}
	assert(list_is_empty(&h->conns));
	later_stop(&h->run);
	timer_stop(&h->run_at);
	timer_stop(&h->sweep);
	timer_stop(&h->room);
	timer_stop(&h->drain);
	free(h);
}
