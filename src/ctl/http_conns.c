#include "base/log.h"
#include "ctl/http_int.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Sockets that listen, connections, and who has to go when there are too many. */

enum {
	SWEEP_MS = 250,
	ACCEPTS_PER_TURN = 64,
	NEW_MS = 250,
	NO_ROOM_MS = 1000, /* without descriptors: until the next try */
};

void
conn_deadline(struct conn *c, uint32_t after_ms)
{
	c->deadline_ms = loop_now_ms(c->http->loop) + after_ms;
}

void
http_stream_deadline(struct request *r, bool has_more)
{
	if (has_more)
		conn_deadline(r->conn, r->http->conf.limits.reply_ms);
	else
		r->conn->deadline_ms = 0;
}

static void
listen_on(struct http *h, bool on)
{
	for (size_t i = 0; i < h->listeners_len; i++)
		io_set(h->listeners[i]->io, on && !h->deaf ? IO_READ : 0);
}

void
conn_shut(struct conn *c)
{
	if (c->shut)
		return;
	c->shut = true;
	c->http->shut_len++;
	c->deadline_ms = 0;
	if (c->client != NULL)
		client_drop(c->client);
	c->client = NULL;
	(void)shutdown(c->fd, SHUT_RDWR);
}

void
http_cut_streams(
    struct http *h, bool (*may)(void *ctx, const struct request *r), void *ctx)
{
	list_foreach (at, &h->conns) {
		struct conn *c = container_of(at, struct conn, on_http);

		if (c->request == NULL || c->request->stream == NULL || c->shut ||
		    may(ctx, c->request))
			continue;
		conn_shut(c);
		http_resume(c->request);
	}
}

void
http_sweep(void *ctx)
{
	struct http *h = ctx;
	int64_t now = loop_now_ms(h->loop);

	list_foreach (at, &h->conns) {
		struct conn *c = container_of(at, struct conn, on_http);

		if (c->deadline_ms == 0 || now < c->deadline_ms)
			continue;
		h->stats.timeouts++;
		conn_shut(c);
	}
	if (h->conns_len > 0)
		(void)timer_start(&h->sweep, SWEEP_MS);
}

enum { IDLE, TAKING, NEW, RANKS };

/* In whose favour it may not go on; RANKS: it may. */
static int
evict_rank(const struct conn *c)
{
	bool idle = c->request == NULL || c->request->state == REQUEST_BODY;

	if (c->shut || (!idle && c->request->state != REQUEST_SENT))
		return RANKS;
	if (loop_now_ms(c->http->loop) - c->since_ms < NEW_MS)
		return NEW;
	return idle ? IDLE : TAKING;
}

/*
 * Of those of the client (NULL: of all) that nothing is done for, the one heard of longest ago;
 * if all are served, likewise of those that take an answer, or events.  Those that came just
 * now had no time to ask yet.
 */
static void
evict(struct http *h, const struct client *of)
{
	struct conn *best = NULL;
	int least = RANKS;

	list_foreach (at, &h->conns) {
		struct conn *c = container_of(at, struct conn, on_http);
		int rank = of == NULL || c->client == of ? evict_rank(c) : RANKS;

		if (rank >= least)
			continue;
		least = rank;
		best = c;
		if (rank == IDLE)
			break;
	}
	if (best == NULL)
		return;
	h->stats.evicted++;
	conn_shut(best);
	if (best->request != NULL) /* it may wait for more events */
		http_resume(best->request);
}

static void
conn_free(struct conn *c)
{
	struct http *h = c->http;

	list_remove(&c->on_http);
	h->conns_len--;
	h->shut_len -= c->shut;
	if (c->client != NULL)
		client_drop(c->client);
	http_tls_unref(c->tls);
	free(c);
	if (h->full) {
		h->full = false;
		listen_on(h, true);
	}
}

void
http_on_connection(void *ctx, struct MHD_Connection *mhd, void **conn,
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
	*c = (struct conn){
	    .http = h, .fd = fd, .via = via, .since_ms = loop_now_ms(h->loop)};
	if (!admit(h, c, peer)) {
		h->stats.refused++;
		free(c);
		return NULL;
	}
	client_format(peer, c->peer);
	if (via == VIA_TLS)
		c->tls = http_tls_ref(h->conf.tls);
	conn_deadline(c, h->conf.limits.header_ms);
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

	if (h->conns_len - h->shut_len >= h->conf.limits.connections_max)
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

void
http_on_room(void *ctx)
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
