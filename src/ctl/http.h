/*
 * ctl/http.h -- the HTTP server of the service, on the loop.
 *
 *   http -> conn (one a connection) -> request (one at a time; ctl/request.h)
 *
 * libmicrohttpd parses; sockets are accepted, deadlines kept and routes found here.  It has
 * no thread: its epoll descriptor is one of the loop's.  Nothing in a handler may block:
 * what does is a chore (ctl/chores.h), and the reply is given when that is done.
 *
 * Two daemons of it: one of them speaks TLS.
 *
 * Owns:    listening sockets given to it, connections, requests.
 * Clock:   the loop's.  A connection that has not sent a whole request in time, or does not
 *          take its answer, is closed; so is the one idle longest when all are taken.
 * Errors:  -errno with the sentence.
 * Threads: loop thread.
 */
#ifndef CTL_HTTP_H
#define CTL_HTTP_H
#include "base/why.h"
#include "ctl/request.h"
#include "loop/loop.h"

struct http;
struct http_tls;

struct http_limits {
	uint32_t connections_max;
	uint32_t client_connections_max; /* of one address; 0: as many as there are */
	uint32_t header_bytes_max;       /* request line and headers */
	uint32_t body_bytes_max;
	uint32_t header_ms; /* from connect, or the last answer, to the last header */
	uint32_t body_ms;   /* then to the end of the body */
	uint32_t reply_ms;  /* for the client to take an answer */
};

struct http_conf {
	struct loop *loop;
	const struct route *const *groups; /* NULL ends them; see route.h */
	void *ctx;                         /* request_service() of every request */
	struct http_limits limits;
	/*
	 * Who asks: called when the headers are there, before any of the body is taken.
	 * Returns the role, or ROLE_NONE after request_problem(): then that is answered.
	 * Of open routes (request_is_open()) the role does not matter.  NULL: everybody
	 * is ADMIN.
	 */
	enum role (*authorize)(void *ctx, struct request *r);
	void *authorize_ctx;
	struct http_tls *tls; /* for VIA_TLS; NULL: there is none */
};

int http_new(const struct http_conf *conf, struct http **ret, struct why *why);
/* Takes the socket, which listens and does not block; -errno: it is still the caller's. */
int http_listen(struct http *h, int fd, enum via via);
/* For connections from now on. */
void http_set_tls(struct http *h, struct http_tls *tls);
/* Streams go on for long: those that `may` does not allow any more are cut. */
void http_cut_streams(
    struct http *h, bool (*may)(void *ctx, const struct request *r), void *ctx);
/* No connection is taken from now on; those there are go on. */
void http_deafen(struct http *h);
/*
 * The end without a cut: deaf from now on, answers say that the connection closes, streams end
 * as soon as they have no more, and `done` is called when no request is in hand any more, within 2 s at most.
 */
void http_drain(struct http *h, loop_fn *done, void *ctx);
/* Connections are closed, requests released; no chore may be under way that would reply to
 * one.  NULL is fine. */
void http_free(struct http *h);

struct http_stats {
	uint64_t connections, requests, timeouts, evicted, refused;
	uint32_t connections_now;
};
void http_stats(const struct http *h, struct http_stats *ret);
void http_check(const struct http *h);

/* A socket that listens on a path: what is left of an earlier one is removed if nobody
 * answers there.  `mode` e.g. 0660; group NULL: as it is. */
int http_unix_socket(
    const char *path, unsigned mode, const char *group, int *ret_fd, struct why *why);
/* One that listens at "127.0.0.1:8620", "[::1]:8620": addresses, no names. */
int http_tcp_socket(const char *address, int *ret_fd, struct why *why);
/* Whether that is well formed, and whether only this machine can connect there. */
bool http_tcp_address(const char *address, bool *ret_loopback);
#endif
