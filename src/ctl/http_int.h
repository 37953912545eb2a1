/*
 * ctl/http_int.h -- the server itself: what http.c (libmicrohttpd, requests), http_conns.c
 * (sockets that listen, connections) and http_end.c (how it stands, how it ends) share.
 */
#ifndef CTL_HTTP_INT_H
#define CTL_HTTP_INT_H
#include "ctl/request_int.h"

enum {
	HTTP_LISTENERS_MAX = 8,
	CONNECTIONS_MORE = 64, /* that are being closed, above the limit */
};

struct listener {
	struct http *http;
	int fd;
	enum via via;
	struct io *io;
};

struct server {
	struct MHD_Daemon *daemon; /* NULL: there is none */
	struct io *io;             /* of its epoll descriptor */
};
enum { PLAIN, TLS, SERVERS };

struct http {
	struct http_conf conf;
	struct loop *loop;
	struct server servers[SERVERS];
	struct clients clients;
	size_t held_bytes, held_bytes_max; /* bodies that came, answers on their way */
	struct listener *listeners[HTTP_LISTENERS_MAX];
	size_t listeners_len;
	struct list conns; /* conn.on_http */
	uint32_t conns_len, shut_len; /* those that were shut are among them */
	struct conn *accepting; /* what the daemon is being told of */
	struct later run;
	struct timer run_at, sweep, room;
	bool deaf, full;
	struct timer drain;
	bool drains;         /* then streams end with what there is */
	int64_t draining_ms; /* since */
	loop_fn *drained;
	void *drained_ctx;
	struct http_stats stats;
};

void conn_deadline(struct conn *c, uint32_t after_ms);
void conn_shut(struct conn *c);
/* Callbacks of timers, with the struct http. */
void http_sweep(void *ctx);
void http_on_room(void *ctx);
/* libmicrohttpd tells of a connection's beginning and end. */
void http_on_connection(void *ctx, struct MHD_Connection *mhd, void **conn,
    enum MHD_ConnectionNotificationCode what);
void http_on_drain(void *http); /* http_end.c: the timer of http_drain() */
#endif
