/*
 * net/transport_int.h -- what the files of the transport share; for nobody else.
 *
 *   transport.c        exchanges, deadlines, delivery; drives the multi handle
 *   transport_easy.c   a handle's options, libcurl's callbacks: they record, no more
 *   transport_request.c the options of one request
 *   transport_tls.c    those of TLS, and a bound that OpenSSL has not
 *   transport_result.c what an ended exchange amounts to
 *   transport_many.c   the same on loops of their own
 *
 *   transport -> route: how to get there, by which proxy, as whom
 *             -> exchange (slot): one request, with an easy handle of its own for good
 *             -> conns: sockets, by descriptor and by ends
 *             -> multi
 */
#ifndef NET_TRANSPORT_INT_H
#define NET_TRANSPORT_INT_H
#include "base/buf.h"
#include "loop/limiter.h"
#include "net/conns.h"
#include "net/http_head.h"
#include "net/transport.h"
#include <curl/curl.h>

enum {
	EXCHANGES_MAX = 1 << 16,
	URL_BYTES_MAX = 64 << 10,
	LINES_MAX = 256,
	REQUEST_BYTES_MAX = 128 << 10, /* what is sent, and URL and lines as given */
	HEAD_BYTES_MAX = 300 << 10,
	HEAD_LINES_MAX = 1000,
	HEAD_KEPT_BYTES = 16 << 10, /* a larger buffer is given back afterwards */
	BODY_FIRST_BYTES = 16 << 10,
	BODY_TRUSTED_BYTES = SHM_LARGE_BYTES, /* of a head with its Content-Length */
	WIRE_SLACK_BYTES =
	    1 << 20, /* chunks' framing beyond as much as there is in them */
	/* What libcurl reads at once.  It takes such a buffer from the heap for each transfer:
	 * from 64 KiB on, each time it goes back free() tidies up the whole heap. */
	READ_BYTES = 48 << 10,
	TURN_BYTES = 256 << 10, /* of one body in a turn; others have their turn, too */
	SILENT_MS = 500,        /* without a byte of the answer: slow */
	PROBE_SILENT_MS = 200,  /* the same of a probe: there may be many in vain */
	LONG_MS = 10000,        /* at it for so long: slow, too */
	ROOM_AGAIN_MS = 20,     /* a large answer that has no room looks again */
};

enum exchange_state {
	EXCHANGE_UNUSED,
	EXCHANGE_CONNECTING, /* until the request is about to be sent */
	EXCHANGE_WAITING,    /* for the first byte of the head */
	EXCHANGE_RECEIVING,
	EXCHANGE_ENDED, /* result is there, not delivered yet */
};

/* Why a callback of ours made libcurl stop. */
enum exchange_stop {
	STOP_NOT,
	STOP_STALE,    /* the connection that would have been reused is not fit for it */
	STOP_DENIED,   /* address policy */
	STOP_LOCAL,    /* no descriptor or memory left: not the peer's fault */
	STOP_PROTOCOL, /* what came cannot be believed */
	STOP_LARGE,    /* body_bytes_max reached */
};

/*
 * A handle is for one route, for good: what libcurl 7.88 keeps of credentials when a handle
 * gets others is not to be relied on.
 */
struct route {
	struct transport *transport;
	const struct proxy *proxy;
	bool cert;
	struct list unused;
};
enum { ROUTES_MAX = 6 }; /* none and two proxies, with and without a certificate */

/*
 * One of libcurl's multi handles.  With each request it walks over all connections that it
 * keeps; so these are shared out, by the authority, to several handles.  And libcurl 7.88
 * keeps an entry for each host whose connection it closed to make room, over which it walks,
 * too: with 10,000 hosts that were most of a request's cost.  So a handle that has opened
 * many connections is replaced, and goes when its last request has ended.  Until then it
 * keeps its idle connections; as a request may take as long as it likes, so few wait at once.
 */
struct multi {
	struct transport *transport;
	CURLM *m;
	struct timer timer; /* libcurl's, or the safety tick */
	int64_t timer_due_ms;
	struct later kick; /* libcurl wants to be called at once */
	uint32_t running;
	uint32_t room;          /* its CURLMOPT_MAXCONNECTS */
	uint32_t opened;        /* connections, by requests that have ended */
	struct list on_retired; /* it was replaced */
};
#define LINES_UNSET SIZE_MAX /* as many as there cannot be */
enum { MULTIS = 8, MULTI_OPENED_MAX = 256, MULTIS_RETIRED_MAX = 2 };

struct exchange {
	struct transport *transport;
	struct multi *multi; /* while it runs */
	struct route *route;
	struct list on_list; /* route's unused, transport's running or ended */
	uint32_t slot, gen;
	enum exchange_state state;
	CURL *easy;
	CURLU *url;
	transport_fn *fn;
	void *ctx;

	/* The request. */
	struct buf text;          /* of its URL */
	struct buf authority;     /* that `url` has: "http://host:port" */
	struct curl_slist *lines; /* point into lines_text */
	size_t lines_len, lines_cap;
	struct buf lines_text;
	struct curl_slist connect_to;
	struct buf way; /* the text of it */
	struct addr addr;
	uint16_t port;
	uint32_t connect_ms, first_byte_ms, stall_ms, total_ms;
	uint64_t body_bytes_max, wire_bytes_max;
	bool tls;
	bool own_authority;

	/* How the handle stands, so that only what changes is set. */
	enum transport_method set_method;
	bool set_fresh, set_trace;
	struct addr way_addr;
	uint16_t way_port;

	/* What has happened. */
	struct timer deadline;
	struct limiter rate; /* of the body */
	struct timer resume; /* libcurl is to hold back until then */
	int64_t started_ms, connect_from_ms, asked_ms, last_ms;
	int64_t held_from_ms;      /* since when we hold the body back; 0: we do not */
	int64_t held_ms;           /* how long we did before that, turns not counted */
	struct list on_pace;       /* transport's probing, quiet or heard */
	int64_t pace_from_ms;      /* since when it is there */
	bool slow;                 /* and on neither any more */
	uint32_t *slow_of;         /* counted there, too; NULL: nowhere else */
	int64_t turn_us;           /* the turn in which the last of the body came ... */
	size_t turn_bytes;         /* ... and how much in that one */
	int64_t room_from_ms;      /* since when there is no room for more; 0: there is */
	int64_t room_moved_ms;     /* since when large blocks take ... */
	uint64_t room_large_bytes; /* ... so much */
	bool starves;              /* its block is a large one already */
	struct conn_id opened; /* the last one by this exchange, not yet used */
	uint32_t opened_len;   /* several, when a proxy has several addresses */
	struct conn_id conn;   /* that carries it, once the request is on its way */
	enum exchange_stop stop;
	enum outcome timeout; /* which deadline passed, or OUTCOME_NONE */
	bool reused;
	struct buf sent; /* the request as sent */
	struct buf head;
	uint64_t head_bytes; /* those of interim answers and trailers included */
	uint64_t wire_bytes; /* of the body, chunks' framing included */
	uint32_t head_lines;
	bool head_done;
	bool after_status; /* the last line was a status line */
	bool folded;       /* and the next one continues it */
	struct http_head parsed;
	struct shm_block block;
	size_t head_len, body_len;
	struct transport_result result;
	char curl_error[CURL_ERROR_SIZE];
};

struct lane;
struct many;

/* What those share who receive large answers; any thread. */
struct large_room {
	_Atomic uint32_t starved; /* that hold something, and wait for room to go on */
	_Atomic uintptr_t first;  /* the exchange that goes before all others; 0: none */
	_Atomic uint64_t first_wants; /* bytes that are kept for it */
	_Atomic bool first_starves;   /* it looked in vain since another gave up */
	_Atomic int64_t first_until_ms;
};

struct transport {
	struct loop *loop;
	struct transport_conf conf;
	struct multi *multis[MULTIS];
	struct list retired;
	uint32_t retired_len;
	struct later bury;
	struct conns conns;
	struct later deliver;
	struct exchange **exchanges; /* by slot */
	uint32_t exchanges_len, exchanges_cap;
	struct route routes[ROUTES_MAX];
	uint32_t routes_len;
	struct list running, ended;
	uint32_t used;         /* running and ended */
	struct list probing, quiet, heard; /* exchanges not slow yet, by pace_from_ms */
	uint32_t slow;
	struct large_room *room; /* of all lanes */
	struct large_room room_own;
	struct many *many; /* who does it; NULL: all is done here */
	/* Of a lane's (transport_many.c): the first of an answer came, `ctx` is that of
	 * transport_start(); and the results of a turn were delivered.  NULL: tell nobody. */
	void (*on_heard)(void *ctx);
	void (*on_delivered)(struct lane *lane);
	struct lane *lane;
	uint64_t tls_bytes, tls_reads;        /* within one call of libcurl's */
	char *ca_file, *cert_file, *key_file; /* copies, the last two may be NULL */
};

/* libcurl's own types for options are easily mistaken; each goes through one of these. */
static inline bool
set_long(CURL *e, CURLoption option, long value)
{
	return curl_easy_setopt(e, option, value) == CURLE_OK;
}

static inline bool
set_text(CURL *e, CURLoption option, const char *value)
{
	return curl_easy_setopt(e, option, value) == CURLE_OK;
}

static inline bool
set_ptr(CURL *e, CURLoption option, void *value)
{
	return curl_easy_setopt(e, option, value) == CURLE_OK;
}

/* -- transport.c: what libcurl tells a multi, and its time -- */
int multi_on_socket(CURL *e, curl_socket_t fd, int what, void *ctx, void *unused);
int multi_on_wish(CURLM *m, long after_ms, void *ctx);
void multi_on_timer(void *ctx);
void multi_on_kick(void *ctx);

/* -- transport_multi.c -- */
bool multis_open(struct transport *t); /* false: no memory; multis_close() in any case */
void multis_close(struct transport *t);
/* To conf.connections_max. */
void multis_set_room(struct transport *t);
int multi_add(struct exchange *x);
/* libcurl is done with it, or is told that it is. */
void multi_leave(struct exchange *x);

/* -- transport_easy.c -- */
/* Options that never change; the handle goes on being x->easy. */
int exchange_open(struct exchange *x);
void exchange_close(struct exchange *x);
/* -EINVAL: it cannot be sent as it is. */
int transport_request_check(const struct transport_request *req);
/* After the handle was removed from the multi: it is not on a socket any more. */
void exchange_leave(struct exchange *x);
/* Where transport_slow() looks for it: on probing, on quiet, on heard, or on neither. */
void exchange_pace(struct exchange *x, struct list *on);
/* Forgets what has happened, before the first and before another try. */
void exchange_rewind(struct exchange *x, bool fresh);
__attribute__((format(printf, 3, 4))) void exchange_stop(
    struct exchange *x, enum exchange_stop why, const char *fmt, ...);

/* -- transport_room.c -- */
/* Of the block, to at least `bytes`, the first `used` kept. */
bool room_grow(struct exchange *x, uint64_t used, uint64_t bytes);
/* There was none; false: it is to be asked for later. */
bool room_is_worth_waiting(struct exchange *x);
/* Whether it waits for room to go on. */
void room_starves(struct exchange *x, bool starves);
void room_leave(struct exchange *x);

/* -- transport_request.c -- */
/* Options of this request.  -EINVAL, -ENOMEM. */
int exchange_prepare(struct exchange *x, const struct transport_request *req);
/* The next request sets its lines, whatever they are. */
void exchange_forget_lines(struct exchange *x);

/* -- transport_tls.c -- */
/* Options of TLS that never change. */
bool exchange_set_tls(struct exchange *x);
/* Before each call of libcurl's that may read: what TLS reads within it has a bound. */
void transport_tls_call(struct transport *t);

/* -- transport_result.c -- */
/* After the handle was removed from the multi: fills x->result; the block goes there. */
void exchange_conclude(struct exchange *x, CURLcode code);
/* Whether asking once more, on a new connection, would tell more about the peer. */
bool exchange_deserves_retry(const struct exchange *x, CURLcode code);
#endif
