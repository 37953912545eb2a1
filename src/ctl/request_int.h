/*
 * ctl/request_int.h -- what http.c (sockets, libmicrohttpd) and request.c (what handlers
 * see) share.
 *
 *   BODY      the headers are there, a route was found
 *   HANDLED   the handler runs, or what it started
 *   ANSWERED  an answer is there; libmicrohttpd takes it when the connection runs again
 *   SENT      libmicrohttpd has it
 */
#ifndef CTL_REQUEST_INT_H
#define CTL_REQUEST_INT_H
#include "base/list.h"
#include "ctl/clients.h"
#include "ctl/http.h"
#include "ctl/http_tls.h"
#include "ctl/route.h"
#include <microhttpd.h>

struct http;
struct conn {
	struct list on_http; /* the one heard of longest ago first */
	struct http *http;
	int fd;
	enum via via;
	struct client *client; /* NULL: not over TCP */
	char peer[CLIENT_TEXT_MAX];
	struct http_tls *tls;  /* NULL: none */
	int64_t since_ms;      /* of its connect, or its last answer */
	int64_t deadline_ms; /* 0: none */
	struct request *request;
	bool shut;
};

enum request_state { REQUEST_BODY, REQUEST_HANDLED, REQUEST_ANSWERED, REQUEST_SENT };

struct request_query {
	struct slice name, value;
};
struct request_held {
	void (*release)(void *);
	void *ptr;
};
struct request_bad {
	char *pointer, *text;
};
enum { REQUEST_HEADERS_MAX = 8, REQUEST_HELD_MAX = 16 };

struct request {
	struct http *http;
	struct conn *conn;
	struct MHD_Connection *mhd;
	enum request_state state;
	bool suspended;
	bool over; /* the connection ended; whoever works for it still has it */
	enum role role;
	char asker[REQUEST_ASKER_MAX]; /* for the log; "": nobody told */
	struct route_match match;
	char *method, *target; /* as sent; the method NULL until the headers are there */
	struct slice path;
	char *decoded; /* what params and query borrow from */
	struct request_query query[REQUEST_QUERY_MAX];
	size_t query_len;
	struct buf body;
	bool too_large, no_room;
	json_t *json;

	struct request_held held[REQUEST_HELD_MAX];
	size_t held_len;
	struct request_bad bad[REQUEST_FIELDS_MAX];
	size_t bad_len;

	unsigned status;
	const char *content_type;
	struct buf reply;
	struct {
		char name[32], value[REQUEST_HEADER_VALUE_MAX];
	} headers[REQUEST_HEADERS_MAX];
	size_t headers_len;
	size_t held_bytes; /* of body or answer, as http.c counts them */
	request_stream_fn *stream;
	void *stream_ctx;
};

/* request.c: NULL when memory is out.  The method comes with the headers. */
struct request *request_new(struct http *h, struct conn *c, const char *target);
void request_free(struct request *r);
/* request_frame.c: of a target in absolute form (RFC 9112, 3.2.2) only path and query stay, if
 * scheme and Host say the same as it does; else it stays as it is, and is no path. */
void request_take_authority(struct request *r);
/* There is one way to read it; false: a problem was answered. */
bool request_is_framed(struct request *r, const char *version, size_t bytes_max);
/* A route with ROUTE_OPEN. */
bool request_is_open(const struct request *r);
/* Splits and decodes path and query; false: a problem was answered. */
bool request_decode(struct request *r);
/* The body is there: JSON, if the route takes it. */
bool request_read_json(struct request *r);
/* request_reply.c */
/* What it is to be answered with; NULL: memory is out. */
struct MHD_Response *request_response(struct request *r);

/* http.c: it has become answered, or has more to stream; it may be suspended. */
void http_resume(struct request *r);
/* What it was given has to be taken in time; it waits for more: it has no end. */
void http_stream_deadline(struct request *r, bool has_more);
void *http_service(const struct http *h);
struct clients *http_clients(struct http *h);
#endif
