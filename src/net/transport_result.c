#include "net/transport_int.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/banned.h"

bool
exchange_deserves_retry(const struct exchange *x, CURLcode code)
{
	if (x->set_fresh)
		return false;
	if (x->stop == STOP_STALE)
		return true;
	if (x->stop != STOP_NOT || !x->reused || x->head_done)
		return false;
	/* The peer closed an idle connection in the very moment it was used again, */
	if (x->head_bytes == 0 &&
	    (code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR ||
		code == CURLE_SEND_ERROR))
		return true;
	/* or what was left of the answer before came only then. */
	return code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY;
}

static enum outcome
outcome_of_stop(const struct exchange *x)
{
	switch (x->stop) {
	case STOP_DENIED:
		return OUTCOME_DENIED_ADDRESS;
	case STOP_PROTOCOL:
		return OUTCOME_PROTOCOL_ERROR;
	case STOP_LARGE:
		return OUTCOME_TOO_LARGE;
	case STOP_STALE: /* a fresh connection is never stale */
	case STOP_LOCAL:
	case STOP_NOT:
		break;
	}
	return OUTCOME_NONE;
}

static enum outcome
outcome_of_code(CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return OUTCOME_OK;
	case CURLE_URL_MALFORMAT:
		return OUTCOME_BAD_URL;
	case CURLE_OUT_OF_MEMORY:
		return OUTCOME_NONE;
	case CURLE_OPERATION_TIMEDOUT: /* libcurl's own limit, minutes */
		return OUTCOME_TIMEOUT_CONNECT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ENGINE_NOTFOUND:
	case CURLE_SSL_ENGINE_SETFAILED:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_SHUTDOWN_FAILED:
	case CURLE_SSL_CRL_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_USE_SSL_FAILED:
		return OUTCOME_TLS_FAILURE;
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9 and the like */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_GOT_NOTHING:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_WRITE_ERROR:
	case CURLE_PARTIAL_FILE:
		return OUTCOME_PROTOCOL_ERROR;
	default:
		return OUTCOME_CONNECT_FAILURE;
	}
}

/* What the answer's failing after its head means for the part that is there. */
static enum outcome
outcome_of_rest(struct exchange *x, CURLcode code, enum outcome otherwise)
{
	struct transport_result *r = &x->result;

	if (x->timeout != OUTCOME_NONE) {
		if (x->body_len == 0)
			return x->timeout;
		r->cut = TRANSPORT_CUT_TIME;
		return OUTCOME_TRUNCATED;
	}
	/* Ended early, or went on as it may not (a chunk without a size, a reset). */
	if (code == CURLE_PARTIAL_FILE || x->body_len > 0) {
		r->cut = TRANSPORT_CUT_DISCONNECT;
		return OUTCOME_TRUNCATED;
	}
	return otherwise == OUTCOME_CONNECT_FAILURE ? OUTCOME_PROTOCOL_ERROR : otherwise;
}

/* No ports or buffers left on this machine: that says nothing about the peer. */
static bool
is_local_trouble(const struct exchange *x, CURLcode code)
{
	long system = 0;

	return code == CURLE_COULDNT_CONNECT &&
	       curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &system) == CURLE_OK &&
	       (system == ENOBUFS || system == ENOMEM ||
		   /* of IPv6 it says that we have none */
		   (system == EADDRNOTAVAIL && x->addr.family != AF_INET6));
}

/* That is how libcurl calls a header line of more than 100 KiB. */
static bool
is_long_line(const struct exchange *x, CURLcode code)
{
	return code == CURLE_OUT_OF_MEMORY && x->state >= EXCHANGE_WAITING &&
	       !x->head_done;
}

static enum outcome
outcome_of(struct exchange *x, CURLcode code)
{
	enum outcome o;

	if (x->stop != STOP_NOT)
		return outcome_of_stop(x);
	if (x->timeout != OUTCOME_NONE && !x->head_done)
		return x->timeout;
	if (is_local_trouble(x, code))
		return OUTCOME_NONE;
	o = outcome_of_code(code);
	if (o == OUTCOME_OK && !x->head_done)
		return OUTCOME_PROTOCOL_ERROR;
	if (is_long_line(x, code))
		return OUTCOME_PROTOCOL_ERROR;
	if (o == OUTCOME_OK || o == OUTCOME_NONE || !x->head_done)
		return o;
	return outcome_of_rest(x, code, o);
}

static const char *
timeout_text(enum outcome o)
{
	switch (o) {
	case OUTCOME_TIMEOUT_CONNECT:
		return "not connected in time";
	case OUTCOME_TIMEOUT_FIRST_BYTE:
		return "no answer in time";
	case OUTCOME_TIMEOUT_STALL:
		return "the answer stalled";
	default:
		return "the answer took too long";
	}
}

/* OpenSSL's words for a first record that is none of TLS. */
static bool
is_no_tls(const struct exchange *x, CURLcode code)
{
	return code == CURLE_SSL_CONNECT_ERROR && x->state < EXCHANGE_WAITING &&
	       strstr(x->curl_error, "wrong version number") != NULL;
}

/* TLS to the proxy itself comes before the tunnel. */
static bool
is_proxy_meant(const struct exchange *x)
{
	static const struct slice https = SLICE_LIT("https://");
	long status = 0;

	return x->route->proxy != NULL &&
	       slice_starts(slice_cstr(x->route->proxy->url), https) &&
	       (curl_easy_getinfo(x->easy, CURLINFO_HTTP_CONNECTCODE, &status) !=
		       CURLE_OK ||
		   status == 0);
}

static void
error_no_tls(struct exchange *x)
{
	struct transport_result *r = &x->result;
	char *host = NULL, *port = NULL;

	if (is_proxy_meant(x))
		(void)snprintf(r->error, sizeof(r->error), "it does not speak TLS");
	else if (curl_url_get(x->url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		 curl_url_get(x->url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ==
		     CURLUE_OK)
		/* Behind a proxy's name there is less room. */
		(void)snprintf(r->error, sizeof(r->error),
		    "the server at %.*s:%s does not speak TLS",
		    x->route->proxy == NULL ? 100 : 37, host, port);
	else
		(void)snprintf(
		    r->error, sizeof(r->error), "the server does not speak TLS");
	curl_free(host);
	curl_free(port);
}

static void
error_set(struct exchange *x, CURLcode code)
{
	struct transport_result *r = &x->result;
	char ip[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX + 40] = "";
	long system = 0;
	size_t len;
	const char *text =
	    x->curl_error[0] != '\0' ? x->curl_error : curl_easy_strerror(code);

	if (r->error[0] != '\0' || r->outcome == OUTCOME_OK)
		return; /* said by ourselves, or nothing to say */
	if (is_no_tls(x, code)) {
		error_no_tls(x);
		return;
	}
	if (code == CURLE_COULDNT_CONNECT &&
	    curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &system) == CURLE_OK &&
	    system > 0) {
		addr_format(&x->addr, ip);
		if (x->route->proxy == NULL)
			(void)snprintf(to, sizeof(to),
			    "cannot connect to %s port %u: ", ip, x->port);
		(void)snprintf(
		    r->error, sizeof(r->error), "%s%s", to, strerror((int)system));
		return;
	}
	if (x->timeout != OUTCOME_NONE)
		text = timeout_text(x->timeout);
	else if (code == CURLE_OK)
		text = "an answer without a head";
	else if (is_long_line(x, code))
		text = "a header line of more than 100 KiB";
	len = strnlen(text, sizeof(r->error) - 1);
	memcpy(r->error, text, len);
	r->error[len] = '\0';
}

/* That it was the proxy, and which; no credentials are in its URL. */
static void
error_through_proxy(struct exchange *x, CURLcode code)
{
	struct transport_result *r = &x->result;
	const char *proxy = proxy_shown(x->route->proxy);
	char was[sizeof(r->error)];
	long status = 0;

	memcpy(was, r->error, sizeof(was));
	if (code == CURLE_RECV_ERROR && x->state < EXCHANGE_WAITING &&
	    curl_easy_getinfo(x->easy, CURLINFO_HTTP_CONNECTCODE, &status) == CURLE_OK &&
	    status >= 300) {
		r->status = status == 407 ? 407 : 0;
		(void)snprintf(r->error, sizeof(r->error), "proxy %.100s %s (%ld)", proxy,
		    status == 407 ? "wants other credentials" : "makes no tunnel there",
		    status);
		return;
	}
	(void)snprintf(r->error, sizeof(r->error), "%s proxy %.56s: %.76s",
	    code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_PROXY
		? "cannot reach"
		: "through",
	    proxy, was);
}

/* In the clear, a proxy's answer looks as if it were the server's; but no server says
 * this. */
static bool
proxy_wants_credentials(const struct exchange *x)
{
	return x->route->proxy != NULL && !x->tls && x->parsed.status == 407;
}

static void
explain(struct exchange *x, CURLcode code)
{
	struct transport_result *r = &x->result;

	if (r->outcome == OUTCOME_OK && proxy_wants_credentials(x)) {
		r->outcome = OUTCOME_CONNECT_FAILURE;
		r->status = 407;
		(void)snprintf(r->error, sizeof(r->error),
		    "proxy %.100s wants other credentials (407)",
		    proxy_shown(x->route->proxy));
		return;
	}
	error_set(x, code);
	if (r->error[0] != '\0' && x->route->proxy != NULL)
		error_through_proxy(x, code);
}

static int64_t
info_us(const struct exchange *x, CURLINFO info)
{
	curl_off_t us = 0;

	return curl_easy_getinfo(x->easy, info, &us) == CURLE_OK ? us : 0;
}

static uint32_t
span_ms(int64_t from_us, int64_t to_us)
{
	return to_us <= from_us ? 0 : (uint32_t)((to_us - from_us + 500) / 1000);
}

static void
times_set(struct exchange *x)
{
	struct transport_result *r = &x->result;
	int64_t resolved = info_us(x, CURLINFO_NAMELOOKUP_TIME_T);
	int64_t connected = info_us(x, CURLINFO_CONNECT_TIME_T);
	int64_t secured = info_us(x, CURLINFO_APPCONNECT_TIME_T);

	if (!x->reused) {
		r->connect_ms = span_ms(resolved, connected);
		r->tls_ms = span_ms(connected, secured);
	}
	r->first_byte_ms = span_ms(info_us(x, CURLINFO_PRETRANSFER_TIME_T),
	    info_us(x, CURLINFO_STARTTRANSFER_TIME_T));
	r->total_ms = (uint32_t)(loop_now_ms(x->transport->loop) - x->started_ms);
}

/* libcurl calls it HTTP/2 where HTTP/1.1 syntax would say HTTP/1.1. */
static struct slice
sent_rewrite(struct exchange *x)
{
	static const struct slice two = {.ptr = " HTTP/2\r\n", .len = 9};
	static const char one[] = " HTTP/1.1\r\n";
	struct slice sent = buf_slice(&x->sent);
	size_t line = slice_find(sent, '\n') + 1, more = sizeof(one) - 1 - two.len;

	if (x->parsed.version != 20 || line > sent.len ||
	    !slice_ends(slice_head(sent, line), two) || buf_reserve(&x->sent, more) < 0)
		return sent;
	memmove(x->sent.ptr + line + more, x->sent.ptr + line, x->sent.len - line);
	memcpy(x->sent.ptr + line - two.len, one, sizeof(one) - 1);
	x->sent.len += more;
	return buf_slice(&x->sent);
}

static const char *
protocol_of(const struct exchange *x)
{
	switch (x->parsed.version) {
	case 10:
		return "http/1.0";
	case 20:
		return "h2";
	default:
		return "http/1.1";
	}
}

void
exchange_conclude(struct exchange *x, CURLcode code)
{
	struct transport_result *r = &x->result;
	struct shm *shm = x->transport->conf.shm;
	curl_off_t body = 0;

	r->cut = TRANSPORT_WHOLE;
	r->outcome = outcome_of(x, code);
	if (r->outcome == OUTCOME_TOO_LARGE)
		r->cut = TRANSPORT_CUT_LENGTH;
	r->arena_full = r->outcome == OUTCOME_NONE;
	explain(x, code);
	if (r->outcome == OUTCOME_OK || r->outcome == OUTCOME_TOO_LARGE ||
	    r->outcome == OUTCOME_TRUNCATED) {
		assert(x->block.cap >= x->head_len + x->body_len);
		shm_shrink(shm, &x->block, x->head_len + x->body_len);
		r->block = x->block;
		r->head_len = x->head_len;
		r->body_len = x->body_len;
		r->status = x->parsed.status;
		r->chunked = x->parsed.chunked;
	} else if (x->block.cap > 0) {
		shm_free(shm, &x->block);
	}
	x->block = (struct shm_block){0};
	r->protocol = protocol_of(x);
	r->reused = x->reused;
	r->request = sent_rewrite(x);
	(void)curl_easy_getinfo(x->easy, CURLINFO_SIZE_DOWNLOAD_T, &body);
	if (body > 0 && (uint64_t)body > x->wire_bytes)
		x->wire_bytes = (uint64_t)body;
	r->wire_bytes = x->head_bytes + x->wire_bytes;
	times_set(x);
}
