/*
 * net/transport.h -- one HTTP exchange at a time a request, many at once, over libcurl.
 *
 * No redirects, no cookies, no decoding, no retries: those are the crawler's.  The answer
 * (final status line, headers, body after transfer decoding) is written straight into a
 * block of the shared arena, headers first, body right behind them.
 *
 * Owns:    the request is copied by transport_start() as far as needed; the block of a
 *          result passes to the callback.
 * Errors:  what happens on the net is data: result.outcome, with a sentence in `error`.
 *          transport_start(): -ENOMEM, -EINVAL (a URL or lines that cannot be sent as
 *          they are, no address).
 * Clock:   loop's; deadlines are our own timers, in milliseconds.
 * Threads: loop thread.  The callback is deferred, never from inside start or cancel; it
 *          may start and cancel others, but not free the transport.  With `loops` above 1
 *          exchanges are done by others, which ask `policy` and read `proxy` and take
 *          blocks of `shm`: the first two may not change while there are any.
 */
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H
#include "base/outcome.h"
#include "loop/loop.h"
#include "loop/shm.h"
#include "net/addr.h"
#include "net/proxy.h"

struct transport;

struct transport_conf {
	struct shm *shm;
	const struct addr_policy *policy;
	/* Of the arena for answers in large blocks, so that there is room for small ones
	 * whatever those do; 0: no limit.  One at least always has room, and none takes more
	 * than half of it, head and body together, whatever its request permits: blocks are
	 * powers of two, and one of all of it could hardly be had beside small ones. */
	uint64_t large_bytes_max;
	uint32_t connections_max; /* cache of libcurl: near the number of active ones */
	const char *ca_file;      /* NULL: the system's bundle */
	bool insecure;            /* TLS not verified */
	const char *cert_file, *key_file; /* of ours, PEM; NULL: none; the key may be in
					   * the first */
	int http;                 /* 0 auto, 1: HTTP/1.1, 2: HTTP/2 where TLS negotiates it */
	/* 0, 1: all is done on this loop.  More: on so many less one others, each with a
	 * thread; an authority's requests are all done on the same. */
	uint32_t loops;
};
enum { TRANSPORT_LOOPS_MAX = 16 };

enum transport_method { TRANSPORT_GET, TRANSPORT_HEAD };

struct transport_request {
	enum transport_method method;
	struct slice url;          /* normalised; no fragment, no credentials */
	bool own_authority; /* a seed's own: the address policy is not asked */
	/* NULL: none, the environment is never read.  Lives as long as the transport. */
	const struct proxy *proxy;
	bool is_probe; /* the host is not known to answer: see transport_slow() */
	uint32_t *slow_of; /* also counted there while it is slow; NULL: nowhere else */
	bool show_cert;            /* our certificate, to a server that asks for one */
	struct addr addr;          /* where to connect; behind a proxy it may be none */
	uint16_t port;             /* where to connect */
	const struct slice *lines; /* "Name: value" without CRLF; Host is made by libcurl */
	size_t lines_len;
	uint32_t connect_ms, first_byte_ms, stall_ms, total_ms; /* 0: none */
	/* After transfer decoding; on the wire it may be twice that and a MiB; 0: no limit. */
	uint64_t body_bytes_max;
	uint64_t rate_bytes_max;                                /* a second; 0: no limit */
};

enum transport_cut { TRANSPORT_WHOLE, TRANSPORT_CUT_LENGTH, TRANSPORT_CUT_TIME,
	TRANSPORT_CUT_DISCONNECT };

struct transport_result {
	/* OUTCOME_OK: a whole HTTP answer, whatever its status.  OUTCOME_TOO_LARGE and
	 * OUTCOME_TRUNCATED: status, headers and the part of the body that came.  Else: no
	 * usable answer (block.cap is 0). */
	enum outcome outcome;
	enum transport_cut cut;
	bool arena_full; /* outcome NONE: the arena, or this machine's memory, descriptors
			  * or ports, not the peer, ended it: ask again later */
	int status;      /* 407 with CONNECT_FAILURE: the proxy wants other credentials */
	struct shm_block block;     /* ownership passes to the callback; cap 0: none */
	size_t head_len, body_len;  /* head: status line .. empty line, as received */
	struct slice request;       /* bytes of the request as sent; valid within the callback */
	struct addr addr;           /* connected to; none when a proxy did */
	uint16_t port;
	const char *protocol;       /* "http/1.1", "http/1.0", "h2" */
	bool reused;                /* an existing connection served */
	bool chunked;               /* came with Transfer-Encoding: chunked */
	uint64_t wire_bytes;        /* received, headers and framing included where known */
	uint32_t connect_ms, tls_ms, first_byte_ms, total_ms;
	char error[160];            /* "" when all went well */
};

struct transport_id {
	uint32_t slot, gen;
};
typedef void transport_fn(void *ctx, struct transport_result *r);

int transport_new(struct loop *l, const struct transport_conf *conf, struct transport **ret,
    struct why *why);
void transport_free(struct transport *t); /* running ones are dropped without a callback */
int transport_start(struct transport *t, const struct transport_request *req, transport_fn *fn,
    void *ctx, struct transport_id *ret);
/* fn will not run; idempotent, allowed in any callback. */
void transport_cancel(struct transport *t, struct transport_id id);
/* Live change; see PITFALLS: near the number of active connections. */
void transport_set_connections_max(struct transport *t, uint32_t n);
uint32_t transport_running(const struct transport *t);
/* How many of them have had no byte of an answer for half a second, of a probe for a fifth of
 * one, or are at it for ten: they cost a descriptor and little else. */
uint32_t transport_slow(struct transport *t);
/* Longest turn of the other loops since the last call, microseconds; 0: there are none. */
int64_t transport_lag_us_take(struct transport *t);
/* Whether each of the other loops has made a turn since the last call. */
bool transport_is_alive(struct transport *t);
#endif
