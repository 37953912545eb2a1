#include "net/transport_int.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

void
exchange_stop(struct exchange *x, enum exchange_stop why, const char *fmt, ...)
{
	va_list ap;

	x->stop = why;
	va_start(ap, fmt);
	(void)vsnprintf(x->result.error, sizeof(x->result.error), fmt, ap);
	va_end(ap);
}

/* ---- libcurl's callbacks: they record; of libcurl they only set VERBOSE ---- */

static curl_socket_t
on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct exchange *x = ctx;
	struct transport *t = x->transport;
	struct conn *conn;
	struct addr a;
	const char *range;
	char text[ADDR_TEXT_MAX];
	uint16_t port = 0;
	int r;

	(void)purpose;
	if (!addr_from_sockaddr(&to->addr, &a, &port)) {
		exchange_stop(
		    x, STOP_DENIED, "address family %d is not used", to->family);
		return CURL_SOCKET_BAD;
	}
	/* A proxy is the user's own choice; what it connects to was looked at before. */
	range = x->route->proxy != NULL || x->own_authority
		    ? NULL
		    : addr_policy_refuses(t->conf.policy, &a, port);
	if (range != NULL) {
		addr_format(&a, text);
		exchange_stop(x, STOP_DENIED, "address %s is refused: %s", text, range);
		return CURL_SOCKET_BAD;
	}
	r = conns_open(&t->conns, to->family, &a, port, &conn);
	if (r < 0) {
		exchange_stop(x, STOP_LOCAL, "no socket: %s", strerror(-r));
		return CURL_SOCKET_BAD;
	}
	x->opened = conn_id(conn);
	x->opened_len++;
	return conn->fd;
}

static int
on_close(void *ctx, curl_socket_t fd)
{
	struct transport *t = ctx;
	struct conn *conn = conns_get(&t->conns, fd);

	if (conn != NULL)
		conns_drop(&t->conns, conn);
	return close(fd);
}

static void
conn_unuse(struct exchange *x)
{
	struct conn *conn = conns_by_id(&x->transport->conns, x->conn);

	if (conn != NULL)
		conn->users--;
	x->conn = conn_id(NULL);
}

/*
 * libcurl's trace, of which we want the bytes that go out and come in, and not the lines it
 * writes while it connects: they cost more than all that is done here.  Where there is a
 * proxy, what comes from that one is to be seen, too.
 */
static void
trace(struct exchange *x, bool on)
{
	on = on || x->route->proxy != NULL;
	if (on != x->set_trace)
		(void)set_long(x->easy, CURLOPT_VERBOSE, on);
	x->set_trace = on;
}

/*
 * Right before a request is sent.  Bytes that wait on a connection that is to be used
 * again would be taken as the answer to this request: such a connection is left.
 */
static int
on_request(void *ctx, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
	struct exchange *x = ctx;
	struct transport *t = x->transport;
	struct conn_ends ends = {.local_ip = local_ip,
	    .remote_ip = remote_ip,
	    .local_port = local_port,
	    .remote_port = remote_port};
	struct conn *conn;
	bool numbered;

	conn_unuse(x); /* libcurl may have asked twice of itself */
	conn = conns_by_id(&t->conns, x->opened);
	if (x->opened_len > 1)
		conn = conns_find_unnamed(&t->conns, &ends);
	x->opened = conn_id(NULL);
	x->opened_len = 0;
	x->reused = conn == NULL;
	if (conn != NULL)
		conns_name(&t->conns, conn, &ends);
	else
		conn = conns_find(&t->conns, &ends);
	/* HTTP/2 numbers its answers, and always has frames under way. */
	numbered = t->conf.http == 2 && x->tls && (conn == NULL || !conn->http1);
	if (x->reused && !numbered &&
	    (conn == NULL || conn->tainted ||
		(!conn_is_quiet(conn, t->loop) && conn_is_noisy(conn)))) {
		exchange_stop(x, STOP_STALE, "connection not fit for reuse");
		return CURL_PREREQFUNC_ABORT;
	}
	x->conn = conn_id(conn);
	if (conn != NULL)
		conn->users++;
	if (conn != NULL && x->route->proxy == NULL) {
		x->result.addr = conn->addr;
		x->result.port = conn->port;
	}
	x->state = EXCHANGE_WAITING;
	x->asked_ms = x->last_ms = loop_now_ms(t->loop);
	buf_clear(&x->sent);
	trace(x, true);
	return CURL_PREREQFUNC_OK;
}

/*
 * A line that goes on with a line before it, right behind the status line.  libcurl 7.88
 * appends it to the last header of the answer before on this handle, which is freed by
 * then.  Here is the last chance to look at it, and making it a line of its own hurts
 * nobody: such a head is refused (RFC 9112 section 2.2).
 */
static void
fold_disarm(struct exchange *x, char *line, size_t len)
{
	if (!x->after_status || len == 0 || (line[0] != ' ' && line[0] != '\t'))
		return;
	line[0] = 'x';
	x->folded = true;
}

/* What stands between chunks comes to no other callback of ours: the timer ends it. */
static void
wire_add(struct exchange *x, size_t len)
{
	x->wire_bytes += len;
	if (x->wire_bytes <= x->wire_bytes_max || x->stop != STOP_NOT || !x->head_done)
		return;
	exchange_stop(x, STOP_LARGE, "more than %llu bytes on the wire",
	    (unsigned long long)x->wire_bytes_max);
	(void)timer_start(&x->deadline, 0);
}

static int
on_debug(CURL *e, curl_infotype type, char *data, size_t len, void *ctx)
{
	struct exchange *x = ctx;
	struct conn *conn;

	(void)e;
	switch (type) {
	case CURLINFO_HEADER_OUT:
		(void)buf_add(&x->sent, data, len); /* what is too long is cut off */
		break;
	case CURLINFO_HEADER_IN: /* comes before on_header() */
		fold_disarm(x, data, len);
		break;
	case CURLINFO_TEXT:
		if (!slice_starts(slice_of(data, len), SLICE_LIT("Excess found")))
			break;
		conn = conns_by_id(&x->transport->conns, x->conn);
		if (conn != NULL)
			conn->tainted = true; /* more bytes came than the answer has */
		break;
	case CURLINFO_DATA_IN: /* as it is before it is made of chunks */
		wire_add(x, len);
		break;
	default:
		break;
	}
	return 0;
}

/* The block for an answer whose head is complete. */
static bool
block_take(struct exchange *x)
{
	struct transport *t = x->transport;
	const struct http_head *h = &x->parsed;
	uint64_t body = BODY_FIRST_BYTES, most = t->conf.large_bytes_max / 2;

	if (most > 0 && x->body_bytes_max > most - x->head.len)
		x->body_bytes_max = most - x->head.len;
	if (x->set_method == TRANSPORT_HEAD || h->status == 204 || h->status == 304)
		body = 0;
	else if (h->has_length && !h->chunked)
		body = h->length < BODY_TRUSTED_BYTES - x->head.len
			   ? h->length
			   : BODY_TRUSTED_BYTES - x->head.len;
	if (body > x->body_bytes_max)
		body = x->body_bytes_max;
	if (shm_alloc(t->conf.shm, x->head.len + body, &x->block) < 0) {
		exchange_stop(x, STOP_LOCAL, "no room for the answer");
		return false;
	}
	memcpy(shm_ptr(t->conf.shm, &x->block), x->head.ptr, x->head.len);
	x->head_len = x->head.len;
	return true;
}

/* What libcurl makes of HTTP/2 is archived in the syntax of HTTP/1.1. */
static bool
head_rewrite(struct exchange *x)
{
	static const char name[] = "HTTP/1.1";
	size_t more = sizeof(name) - 1 - strlen("HTTP/2");

	if (buf_reserve(&x->head, more) < 0) {
		exchange_stop(x, STOP_LOCAL, "out of memory");
		return false;
	}
	memmove(x->head.ptr + more, x->head.ptr, x->head.len);
	memcpy(x->head.ptr, name, sizeof(name) - 1);
	x->head.len += more;
	return true;
}

static bool
head_end(struct exchange *x)
{
	const char *wrong = http_head_parse(buf_slice(&x->head), &x->parsed);
	struct conn *conn = conns_by_id(&x->transport->conns, x->conn);
	bool numbered = x->transport->conf.http == 2 && x->tls;

	if (wrong == NULL && x->parsed.version == 20 && !numbered)
		wrong = "an answer of HTTP/2 over HTTP/1";
	/* 101 says that what follows is not HTTP; nobody asked for that. */
	if (wrong == NULL && x->parsed.status == 101)
		wrong = "status 101 without having asked for an upgrade";
	if (wrong != NULL) {
		exchange_stop(x, STOP_PROTOCOL, "%s", wrong);
		return false;
	}
	if (conn != NULL) {
		conn->http1 = x->parsed.version != 20;
		conn->tainted |= x->parsed.odd && conn->http1;
	}
	if (x->parsed.status < 200) { /* interim: the real one follows */
		buf_clear(&x->head);
		return true;
	}
	x->head_done = true;
	return (x->parsed.version != 20 || head_rewrite(x)) && block_take(x);
}

static bool
head_add(struct exchange *x, struct slice line)
{
	if (x->folded) {
		exchange_stop(x, STOP_PROTOCOL, "the first header line continues none");
		return false;
	}
	x->after_status = x->head.len == 0;
	if (buf_add_slice(&x->head, line) < 0) {
		exchange_stop(x, STOP_LOCAL, "out of memory");
		return false;
	}
	if (slice_eq(line, SLICE_LIT("\r\n")) || slice_eq(line, SLICE_LIT("\n")))
		return head_end(x);
	return true;
}

static size_t
on_header(char *data, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;
	struct slice line = slice_of(data, size * n);

	x->last_ms = loop_now_ms(x->transport->loop);
	if (x->state != EXCHANGE_RECEIVING)
		exchange_pace(x, &x->transport->heard);
	x->state = EXCHANGE_RECEIVING;
	x->head_bytes += line.len;
	if (++x->head_lines > HEAD_LINES_MAX) {
		exchange_stop(x, STOP_PROTOCOL, "too many header lines");
		return 0;
	}
	if (x->head_bytes > HEAD_BYTES_MAX) {
		exchange_stop(x, STOP_PROTOCOL, "header too long");
		return 0;
	}
	if (line.len == 0 || x->head_done) /* what comes behind the body are trailers */
		return line.len;
	return head_add(x, line) ? line.len : 0;
}

/* Room for `need` bytes in the block; doubling, so that a byte is moved once on average.
 */
static bool
block_grow(struct exchange *x, uint64_t need)
{
	uint64_t used = x->head_len + x->body_len, roomy = used * 2;

	if (roomy - x->head_len > x->body_bytes_max)
		roomy = x->head_len + x->body_bytes_max;
	return (roomy > need && room_grow(x, used, roomy)) || room_grow(x, used, need);
}

/* What the peer has to wait for is neither a stall of its own nor time that it takes. */
static void
hold_back(struct exchange *x, int64_t until_ms)
{
	x->last_ms = until_ms;
	if (x->held_from_ms == 0)
		x->held_from_ms = loop_now_ms(x->transport->loop);
}

static void
hold_no_more(struct exchange *x)
{
	if (x->held_from_ms != 0)
		x->held_ms += loop_now_ms(x->transport->loop) - x->held_from_ms;
	x->held_from_ms = 0;
}

/* The peer is made to wait until others have given room back. */
static size_t
room_wait(struct exchange *x)
{
	if (!room_is_worth_waiting(x) || timer_start(&x->resume, ROOM_AGAIN_MS) < 0) {
		exchange_stop(x, STOP_LOCAL, "no room for the answer");
		return CURL_WRITEFUNC_ERROR;
	}
	room_starves(x, true);
	hold_back(x, loop_now_ms(x->transport->loop) + ROOM_AGAIN_MS);
	return CURL_WRITEFUNC_PAUSE;
}

/* Bytes that have come count in full, so what is asked for is to be out of debt. */
static bool
rate_admits(struct exchange *x)
{
	struct loop *l = x->transport->loop;
	int64_t wait_us = limiter_wait_us(&x->rate, 1, loop_now_us(l));

	if (wait_us <= 0 || timer_start(&x->resume, wait_us / 1000 + 1) < 0)
		return true;
	hold_back(x, loop_now_ms(l) + wait_us / 1000 + 1);
	return false;
}

/* libcurl goes on reading as long as a peer sends fast enough. */
static bool
turn_admits(struct exchange *x, size_t len)
{
	int64_t now_us = loop_now_us(x->transport->loop);

	if (now_us != x->turn_us) {
		x->turn_us = now_us;
		x->turn_bytes = 0;
	}
	if (x->turn_bytes >= TURN_BYTES && timer_start(&x->resume, 0) == 0)
		return false;
	x->turn_bytes += len;
	return true;
}

static size_t
on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;
	size_t len = size * n, take = len, need;

	x->last_ms = loop_now_ms(x->transport->loop);
	if (!x->head_done) {
		exchange_stop(x, STOP_PROTOCOL, "a body without a head");
		return CURL_WRITEFUNC_ERROR;
	}
	if (x->stop != STOP_NOT)
		return CURL_WRITEFUNC_ERROR;
	if (take > x->body_bytes_max - x->body_len)
		take = (size_t)(x->body_bytes_max - x->body_len);
	need = x->head_len + x->body_len + take;
	if (need > x->block.cap && !block_grow(x, need))
		return room_wait(x); /* all of it comes again later */
	room_starves(x, false);
	x->room_from_ms = 0;
	if (!turn_admits(x, len) || (x->rate.rate > 0 && !rate_admits(x)))
		return CURL_WRITEFUNC_PAUSE;
	hold_no_more(x);
	if (x->rate.rate > 0)
		limiter_take(&x->rate, (double)len, loop_now_us(x->transport->loop));
	memcpy(shm_ptr(x->transport->conf.shm, &x->block) + x->head_len + x->body_len,
	    data, take);
	x->body_len += take;
	if (take == len)
		return len;
	exchange_stop(
	    x, STOP_LARGE, "more than %llu bytes", (unsigned long long)x->body_bytes_max);
	return CURL_WRITEFUNC_ERROR;
}

/* ---- options that never change ---- */

static bool
set_callbacks(struct exchange *x)
{
	CURL *e = x->easy;

#define SET(option, value) (curl_easy_setopt(e, option, value) == CURLE_OK)
	return SET(CURLOPT_OPENSOCKETFUNCTION, on_open) &&
	       SET(CURLOPT_OPENSOCKETDATA, x) &&
	       SET(CURLOPT_CLOSESOCKETFUNCTION, on_close) &&
	       SET(CURLOPT_CLOSESOCKETDATA, x->transport) &&
	       SET(CURLOPT_PREREQFUNCTION, on_request) && SET(CURLOPT_PREREQDATA, x) &&
	       SET(CURLOPT_DEBUGFUNCTION, on_debug) && SET(CURLOPT_DEBUGDATA, x) &&
	       SET(CURLOPT_HEADERFUNCTION, on_header) && SET(CURLOPT_HEADERDATA, x) &&
	       SET(CURLOPT_WRITEFUNCTION, on_body) && SET(CURLOPT_WRITEDATA, x) &&
	       SET(CURLOPT_ERRORBUFFER, x->curl_error) && SET(CURLOPT_PRIVATE, x) &&
	       SET(CURLOPT_CURLU, x->url);
#undef SET
}

/* Never from the environment.  Basic only: with the other schemes libcurl would keep a
 * connection's state, and mix up whose it is. */
static bool
set_proxy(struct exchange *x)
{
	const struct proxy *p = x->route->proxy;
	CURL *e = x->easy;

	if (!set_text(e, CURLOPT_PROXY, p == NULL ? "" : p->url) ||
	    !set_text(e, CURLOPT_NOPROXY, ""))
		return false;
	if (p == NULL)
		return true;
	return set_long(e, CURLOPT_PROXYAUTH, CURLAUTH_BASIC) &&
	       set_long(e, CURLOPT_SOCKS5_AUTH, CURLAUTH_BASIC) &&
	       set_text(e, CURLOPT_PROXYUSERNAME, p->user) &&
	       set_text(e, CURLOPT_PROXYPASSWORD, p->pass) &&
	       set_text(e, CURLOPT_PROXY_CAINFO, x->transport->ca_file) &&
	       set_text(e, CURLOPT_PROXY_CAPATH, NULL) &&
	       /* What is for the server is not for who makes the tunnel. */
	       set_long(e, CURLOPT_HEADEROPT, CURLHEADER_SEPARATE) &&
	       set_long(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1);
}

static bool
set_protocol(struct exchange *x)
{
	const struct transport *t = x->transport;
	CURL *e = x->easy;

	return set_text(e, CURLOPT_PROTOCOLS_STR, "http,https") &&
	       set_long(e, CURLOPT_HTTP_VERSION,
		   t->conf.http == 2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1) &&
	       set_long(e, CURLOPT_PIPEWAIT, t->conf.http == 2) &&
	       set_long(e, CURLOPT_HTTP09_ALLOWED, 0) &&
	       set_long(e, CURLOPT_FOLLOWLOCATION, 0) &&
	       set_long(e, CURLOPT_HTTP_CONTENT_DECODING, 0) &&
	       set_long(e, CURLOPT_HTTP_TRANSFER_DECODING, 1) &&
	       set_long(e, CURLOPT_PATH_AS_IS, 1) &&
	       set_long(e, CURLOPT_NETRC, CURL_NETRC_IGNORED) && set_proxy(x) &&
	       set_long(e, CURLOPT_NOSIGNAL, 1) &&
	       set_long(e, CURLOPT_BUFFERSIZE, READ_BYTES) &&
	       set_long(e, CURLOPT_MAXAGE_CONN, 45) &&
	       set_long(e, CURLOPT_MAXLIFETIME_CONN, 600) &&
	       /* Addresses come with the request; libcurl walks through what it remembers
		* of them at the end of every transfer. */
	       set_long(e, CURLOPT_DNS_CACHE_TIMEOUT, 0);
}

int
exchange_open(struct exchange *x)
{
	x->easy = curl_easy_init();
	x->url = curl_url();
	buf_init(&x->text, URL_BYTES_MAX + 16);
	buf_init(&x->lines_text, REQUEST_BYTES_MAX);
	buf_init(&x->authority, URL_BYTES_MAX);
	buf_init(&x->way, ADDR_TEXT_MAX + 16);
	buf_init(&x->sent, REQUEST_BYTES_MAX);
	buf_init(&x->head, HEAD_BYTES_MAX);
	if (x->easy == NULL || x->url == NULL || !set_callbacks(x) || !set_protocol(x) ||
	    !exchange_set_tls(x)) {
		exchange_close(x);
		return -ENOMEM;
	}
	x->set_method = TRANSPORT_GET;
	trace(x, false);
	return 0;
}

void
exchange_close(struct exchange *x)
{
	curl_easy_cleanup(x->easy);
	curl_url_cleanup(x->url);
	buf_release(&x->text);
	buf_release(&x->lines_text);
	buf_release(&x->authority);
	buf_release(&x->way);
	buf_release(&x->sent);
	buf_release(&x->head);
	free(x->lines);
	x->easy = NULL;
	x->url = NULL;
	x->lines = NULL;
}

void
exchange_leave(struct exchange *x)
{
	struct conn *conn = conns_by_id(&x->transport->conns, x->opened);

	if (conn != NULL)
		conns_drop(&x->transport->conns, conn);
	conn_unuse(x);
	x->opened = x->conn = conn_id(NULL);
	room_leave(x);
}

void
exchange_rewind(struct exchange *x, bool fresh)
{
	assert(x->block.cap == 0);
	if (fresh != x->set_fresh) {
		x->set_fresh = fresh;
		(void)set_long(x->easy, CURLOPT_FRESH_CONNECT, fresh);
	}
	x->state = EXCHANGE_CONNECTING;
	x->connect_from_ms = loop_now_ms(x->transport->loop);
	x->asked_ms = x->last_ms = x->connect_from_ms;
	x->opened = x->conn = conn_id(NULL);
	x->opened_len = 0;
	x->stop = STOP_NOT;
	x->timeout = OUTCOME_NONE;
	trace(x, false);
	x->reused = x->head_done = x->after_status = x->folded = false;
	buf_clear(&x->sent);
	buf_clear(&x->head);
	x->head_bytes = x->wire_bytes = 0;
	x->room_from_ms = x->held_from_ms = x->held_ms = 0;
	x->head_lines = 0;
	x->parsed = (struct http_head){0};
	x->head_len = x->body_len = 0;
	x->result = (struct transport_result){.addr = x->addr, .port = x->port};
	x->curl_error[0] = '\0';
}
