/*
 * A handle's options of one request: only what differs from its last one is set.
 */
#include "net/transport_int.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/* Nothing below `least`, nothing above `most`, and no DEL. */
static bool
text_is_clean(struct slice s, unsigned char least, unsigned char most)
{
	bool clean = true;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		clean = clean & (c >= least) & (c <= most) & (c != 0x7f);
	}
	return clean;
}

/* Of an exchange's text: scheme, NULs, and a slash. */
enum { TEXT_SLACK = 16 };

static int
target_check(const struct transport_request *req)
{
	if (req->url.len > URL_BYTES_MAX)
		return -EINVAL;
	if (!slice_istarts(req->url, SLICE_LIT("http://")) &&
	    !slice_istarts(req->url, SLICE_LIT("https://")))
		return -EINVAL;
	if (!text_is_clean(req->url, 0x21, 0x7e))
		return -EINVAL;
	if (req->proxy == NULL && (req->addr.family == 0 || req->port == 0))
		return -EINVAL;
	return 0;
}

static int
lines_check(const struct transport_request *req)
{
	size_t bytes = req->url.len + 1;

	if (req->lines_len > LINES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < req->lines_len; i++) {
		struct slice line = req->lines[i];
		size_t colon = slice_find(line, ':');

		if (colon == line.len || colon == 0 || !text_is_clean(line, 0x20, 0xff))
			return -EINVAL;
		bytes += line.len + 1;
	}
	return bytes > REQUEST_BYTES_MAX ? -EINVAL : 0;
}

int
transport_request_check(const struct transport_request *req)
{
	int r = target_check(req);

	return r < 0 ? r : lines_check(req);
}

/* A piece of a text, with a NUL; there is room. */
static char *
text_add(struct buf *text, struct slice piece)
{
	char *at = text->ptr + text->len;

	(void)buf_add_slice(text, piece);
	(void)buf_add_byte(text, '\0');
	return at;
}

/* Most requests have the lines of the one before. */
static bool
lines_are_set(const struct exchange *x, const struct transport_request *req)
{
	struct slice rest = buf_slice(&x->lines_text);

	if (req->lines_len != x->lines_len ||
	    req->url.len + 1 + rest.len > REQUEST_BYTES_MAX)
		return false;
	for (size_t i = 0; i < req->lines_len; i++) {
		size_t len = req->lines[i].len;

		if (rest.len <= len || rest.ptr[len] != '\0' ||
		    !slice_starts(rest, req->lines[i]))
			return false;
		rest = slice_from(rest, len + 1);
	}
	return true;
}

/* A list that points into x->lines_text. */
static int
lines_copy(struct exchange *x, const struct transport_request *req)
{
	size_t bytes = 0;
	struct curl_slist *lines;

	for (size_t i = 0; i < req->lines_len; i++)
		bytes += req->lines[i].len + 1;
	buf_clear(&x->lines_text);
	if (buf_reserve(&x->lines_text, bytes) < 0)
		return -ENOMEM;
	if (req->lines_len > x->lines_cap) {
		lines = realloc(x->lines, req->lines_len * sizeof(*lines));
		if (lines == NULL)
			return -ENOMEM;
		x->lines = lines;
		x->lines_cap = req->lines_len;
	}
	for (size_t i = 0; i < req->lines_len; i++) {
		x->lines[i].data = text_add(&x->lines_text, req->lines[i]);
		x->lines[i].next = i + 1 < req->lines_len ? &x->lines[i + 1] : NULL;
	}
	return 0;
}

void
exchange_forget_lines(struct exchange *x)
{
	buf_release(&x->lines_text);
	x->lines_len = LINES_UNSET;
}

static int
set_lines(struct exchange *x, const struct transport_request *req)
{
	int r;

	if (lines_are_set(x, req))
		return 0;
	r = lines_check(req);
	if (r < 0)
		return r;
	x->lines_len = LINES_UNSET; /* should this fail */
	r = lines_copy(x, req);
	if (r < 0 ||
	    !set_ptr(x->easy, CURLOPT_HTTPHEADER, req->lines_len > 0 ? x->lines : NULL))
		return -ENOMEM;
	x->lines_len = req->lines_len;
	return 0;
}

static int
set_part(struct exchange *x, CURLUPart part, const char *text, unsigned flags)
{
	CURLUcode code = curl_url_set(x->url, part, text, flags);

	return code == CURLUE_OK ? 0 : code == CURLUE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
}

/* A parsed URL saves libcurl from writing it out to parse it again. */
static int
url_parse(struct exchange *x, struct slice url)
{
	return set_part(x, CURLUPART_URL, text_add(&x->text, url),
	    CURLU_PATH_AS_IS | CURLU_DISALLOW_USER);
}

/* "http://host:port" in its parts, which takes libcurl a fifth of what parsing does. */
static int
set_authority(struct exchange *x, struct slice authority)
{
	struct slice host =
	    slice_from(authority, slice_find(authority, ':') + strlen("://"));
	size_t digits = host.len;
	const char *port = NULL;
	int r;

	while (digits > 0 && ascii_is_digit(host.ptr[digits - 1]))
		digits--;
	if (digits > 0 && host.ptr[digits - 1] == ':') {
		if (digits < host.len)
			port = text_add(&x->text, slice_from(host, digits));
		host.len = digits - 1;
	}
	if (host.len == 0)
		return -EINVAL;
	r = set_part(x, CURLUPART_SCHEME, x->tls ? "https" : "http", 0);
	if (r == 0)
		r = set_part(x, CURLUPART_HOST, text_add(&x->text, host), 0);
	if (r == 0)
		r = set_part(x, CURLUPART_PORT, port, 0);
	return r;
}

/*
 * Straight to a server, its authority is told only when it is another than the handle's;
 * what is asked for there is said in so many words.
 */
static int
set_url(struct exchange *x, struct slice url)
{
	size_t at = slice_find(url, ':') + strlen("://");
	struct slice target;
	int r;

	buf_clear(&x->text);
	if (buf_reserve(&x->text, url.len + TEXT_SLACK) < 0)
		return -ENOMEM;
	if (x->route->proxy != NULL)
		return url_parse(x, url);
	url.len = slice_find(url, '#');
	while (at < url.len && url.ptr[at] != '/' && url.ptr[at] != '?')
		at++;
	if (!slice_eq(slice_head(url, at), buf_slice(&x->authority))) {
		buf_clear(&x->authority); /* should this fail, there is none */
		r = set_authority(x, slice_head(url, at));
		if (r == 0)
			r = buf_add_slice(&x->authority, slice_head(url, at));
		if (r < 0)
			return r;
	}
	target = slice_from(url, at);
	at = x->text.len;
	if (target.len == 0 || target.ptr[0] == '?')
		(void)buf_add_byte(&x->text, '/');
	(void)text_add(&x->text, target);
	return set_text(x->easy, CURLOPT_REQUEST_TARGET, x->text.ptr + at) ? 0 : -ENOMEM;
}

/* "::192.0.2.1:80", or "::[2001:db8::1]:80": whatever the host, the way is that one. */
static bool
way_write(struct exchange *x)
{
	char ip[ADDR_TEXT_MAX];
	bool six = x->addr.family == AF_INET6;
	struct buf *b = &x->way;

	addr_format(&x->addr, ip);
	buf_clear(b);
	return buf_add_cstr(b, six ? "::[" : "::") == 0 && buf_add_cstr(b, ip) == 0 &&
	       buf_add_cstr(b, six ? "]:" : ":") == 0 &&
	       buf_add_u64(b, x->port, 0) == 0 && buf_add_byte(b, '\0') == 0;
}

static bool
set_way(struct exchange *x)
{
	if (x->route->proxy != NULL)
		return true; /* the proxy finds the way */
	if (x->way_port == x->port && addr_eq(&x->way_addr, &x->addr))
		return true;
	x->way_port = 0; /* should this fail, there is none */
	if (!way_write(x))
		return false;
	x->connect_to = (struct curl_slist){.data = x->way.ptr};
	x->way_addr = x->addr;
	x->way_port = x->port;
	return set_ptr(x->easy, CURLOPT_CONNECT_TO, &x->connect_to);
}

static bool
set_method(struct exchange *x, enum transport_method method)
{
	if (method == x->set_method)
		return true;
	x->set_method = method;
	if (method == TRANSPORT_HEAD)
		return set_long(x->easy, CURLOPT_NOBODY, 1);
	return set_long(x->easy, CURLOPT_HTTPGET, 1);
}

int
exchange_prepare(struct exchange *x, const struct transport_request *req)
{
	int r;

	r = target_check(req);
	if (r == 0)
		r = set_lines(x, req);
	if (r < 0)
		return r;
	x->addr = req->addr;
	x->port = req->port;
	x->own_authority = req->own_authority;
	x->tls = slice_istarts(req->url, SLICE_LIT("https:"));
	x->connect_ms = req->connect_ms;
	x->first_byte_ms = req->first_byte_ms;
	x->stall_ms = req->stall_ms;
	x->total_ms = req->total_ms;
	limiter_init(&x->rate, (double)req->rate_bytes_max,
	    (double)req->rate_bytes_max / 8, loop_now_us(x->transport->loop));
	x->body_bytes_max = req->body_bytes_max == 0 ? SIZE_MAX : req->body_bytes_max;
	x->wire_bytes_max = req->body_bytes_max == 0
				? UINT64_MAX
				: req->body_bytes_max * 2 + WIRE_SLACK_BYTES;
	r = set_url(x, req->url);
	if (r < 0)
		return r;
	if (!set_way(x) || !set_method(x, req->method))
		return -ENOMEM;
	return 0;
}
