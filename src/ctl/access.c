#include "ctl/access.h"
#include "base/log.h"
#include "ctl/request_int.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { HOST_BYTES_MAX = 260, BAD_TOKENS_OF_ALL = 10 };

struct access {
	struct loop *loop;
	struct tokens tokens;
	char **hosts;
	size_t hosts_len;
	uint32_t rate, bad_tokens;
};

static void
free_hosts(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
}

int
access_new(struct loop *l, struct access **ret)
{
	struct access *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	a->loop = l;
	a->rate = 1;
	a->bad_tokens = 1;
	*ret = a;
	return 0;
}

void
access_free(struct access *a)
{
	if (a == NULL)
		return;
	tokens_release(&a->tokens);
	free_hosts(a->hosts, a->hosts_len);
	free(a);
}

int
access_set(struct access *a, struct access_rules *rules)
{
	char **hosts = calloc(rules->hosts_len + 1, sizeof(*hosts));

	if (hosts == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < rules->hosts_len; i++) {
		hosts[i] = slice_dup(slice_cstr(rules->hosts[i]));
		if (hosts[i] == NULL) {
			free_hosts(hosts, i);
			return -ENOMEM;
		}
	}
	free_hosts(a->hosts, a->hosts_len);
	a->hosts = hosts;
	a->hosts_len = rules->hosts_len;
	tokens_release(&a->tokens);
	a->tokens = rules->tokens;
	rules->tokens = (struct tokens){0};
	a->rate = rules->rate;
	a->bad_tokens = rules->bad_tokens;
	return 0;
}

/* ---- hosts ---- */

static bool
is_port(struct slice s)
{
	uint64_t n;

	return s.len <= 5 && slice_to_u64(s, &n) && n > 0 && n <= 65535;
}

bool
access_split_host(struct slice host, struct slice *ret_name, struct slice *ret_port)
{
	size_t end;

	if (host.len == 0 || host.len > HOST_BYTES_MAX)
		return false;
	if (host.ptr[0] == '[')
		end = slice_find(host, ']') + 1;
	else
		end = slice_find(host, ':');
	if (end == 0 || end > host.len)
		return false;
	for (size_t i = 0; i < end; i++) {
		char c = host.ptr[i];

		if (!ascii_is_alpha(c) && !ascii_is_digit(c) && c != '-' && c != '.' &&
		    c != '_' && (host.ptr[0] != '[' || strchr("[]:", c) == NULL))
			return false;
	}
	*ret_name = slice_head(host, end);
	*ret_port = slice_from(host, end + 1);
	return end == host.len || (host.ptr[end] == ':' && is_port(*ret_port));
}

static bool
is_address(struct slice name)
{
	char text[INET6_ADDRSTRLEN + 2];
	unsigned char bytes[16];
	bool v6 = name.len > 2 && name.ptr[0] == '[';

	if (v6)
		name = slice_of(name.ptr + 1, name.len - 2);
	if (name.len >= sizeof(text))
		return false;
	(void)snprintf(text, sizeof(text), SLICE_FMT, SLICE_ARG(name));
	return inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes) == 1;
}

bool
access_allows_host(const struct access *a, struct slice name)
{
	if (is_address(name) || slice_ieq(name, SLICE_LIT("localhost")))
		return true;
	for (size_t i = 0; i < a->hosts_len; i++)
		if (slice_ieq(name, slice_cstr(a->hosts[i])))
			return true;
	return false;
}

/* Over the unix socket also what clients make up ("trawl"), for want of a name.  No page from
 * outside has a name without dots; one that has dots may come through a tunnel to the socket. */
static bool
is_made_up(const struct request *r, struct slice name)
{
	return request_via(r) == VIA_UNIX && slice_find(name, '.') == name.len;
}

static bool
check_host(const struct access *a, struct request *r)
{
	struct slice host, name, port;

	if (!request_header(r, "Host", &host)) {
		if (request_via(r) == VIA_UNIX) /* HTTP/1.0 */
			return true;
		request_problem(r, 400, "there is no Host header");
	} else if (!access_split_host(host, &name, &port)) {
		request_problem(r, 400, "the Host header is not a host");
	} else if (!access_allows_host(a, name) && !is_made_up(r, name)) {
		request_add_header(r, "Connection", "close");
		request_problem(r, 421,
		    "this service does not answer for that host; api.hosts says for "
		    "which");
	}
	return !request_is_answered(r);
}

/* ---- what browsers say of who asks ---- */

bool
access_is_same_origin(struct slice origin, struct slice host)
{
	struct slice name[2], port[2];
	bool tls = slice_istarts(origin, SLICE_LIT("https://"));

	if (!tls && !slice_istarts(origin, SLICE_LIT("http://")))
		return false;
	origin = slice_from(origin, tls ? 8 : 7);
	if (!access_split_host(origin, &name[0], &port[0]) ||
	    !access_split_host(host, &name[1], &port[1]))
		return false;
	for (int i = 0; i < 2; i++)
		if (port[i].len == 0)
			port[i] = tls ? SLICE_LIT("443") : SLICE_LIT("80");
	return slice_ieq(name[0], name[1]) && slice_eq(port[0], port[1]);
}

static bool
header_is(const struct request *r, const char *name, const char *value)
{
	struct slice text;

	return request_header(r, name, &text) && slice_eq(text, slice_cstr(value));
}

/* A link from elsewhere that a person followed: a page of its own, which changes nothing. */
static bool
is_navigation(const struct request *r)
{
	return (strcmp(request_method(r), "GET") == 0 ||
		   strcmp(request_method(r), "HEAD") == 0) &&
	       header_is(r, "Sec-Fetch-Mode", "navigate") &&
	       header_is(r, "Sec-Fetch-Dest", "document");
}

static bool
check_browser(struct request *r)
{
	struct slice origin, host = {0}, site;

	(void)request_header(r, "Host", &host);
	if (request_header(r, "Origin", &origin) && !access_is_same_origin(origin, host))
		request_problem(r, 403, "another origin may not ask");
	else if (request_header(r, "Sec-Fetch-Site", &site) &&
		 !slice_eq(site, SLICE_LIT("same-origin")) &&
		 !slice_eq(site, SLICE_LIT("none")) && !is_navigation(r))
		request_problem(r, 403, "a page of another site may not ask");
	return !request_is_answered(r);
}

/* ---- how often, and who ---- */

static void
too_many(struct request *r, int64_t wait_ms, const char *what)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)(wait_ms + 999) / 1000);
	request_add_header(r, "Retry-After", text);
	request_add_header(r, "Connection", "close");
	request_problem(r, 429, "%s", what);
}

static bool
check_rate(const struct access *a, struct request *r)
{
	struct client *c = r->conn->client;
	int64_t wait;

	if (c != NULL && !bucket_take(&c->requests, a->rate, 2.0 * a->rate,
			     loop_now_ms(a->loop), &wait))
		too_many(r, wait, "too many requests of this client");
	return !request_is_answered(r);
}

static void
refuse_token(const struct access *a, struct request *r)
{
	struct clients *all = http_clients(r->http);
	double n = a->bad_tokens;
	int64_t now = loop_now_ms(a->loop), wait = 0;

	if ((r->conn->client != NULL &&
		!bucket_take(&r->conn->client->bad_tokens, n / 60, n, now, &wait)) ||
	    !bucket_take(&all->bad_tokens, n * BAD_TOKENS_OF_ALL / 60,
		n * BAD_TOKENS_OF_ALL, now, &wait)) {
		too_many(r, wait, "too many wrong tokens");
		return;
	}
	log_warn("http: a wrong token at %s: %s " SLICE_FMT, request_peer(r),
	    request_method(r),
	    SLICE_ARG(slice_cstr(LOG_TEXT(slice_head(request_path(r), 100)))));
	request_add_header(r, "Connection", "close");
	request_add_header(
	    r, "WWW-Authenticate", "Bearer realm=\"trawl\", error=\"invalid_token\"");
	request_problem(r, 401, "this token is not known");
}

static const struct token *
find_token(const struct access *a, struct slice authorization)
{
	return slice_istarts(authorization, SLICE_LIT("Bearer "))
		   ? tokens_find(&a->tokens, slice_trim(slice_from(authorization, 7)))
		   : NULL;
}

bool
access_holds(void *ctx, const struct request *r)
{
	struct slice text;

	return request_header(r, "Authorization", &text) ? find_token(ctx, text) != NULL
							 : request_via(r) == VIA_UNIX;
}

static enum role
role_of(const struct access *a, struct request *r)
{
	const struct token *t;
	struct slice text;

	if (!request_header(r, "Authorization", &text)) {
		if (request_via(r) == VIA_UNIX) {
			request_set_asker(r, "");
			return ROLE_ADMIN;
		}
		request_add_header(r, "WWW-Authenticate", "Bearer realm=\"trawl\"");
		request_problem(r, 401, "over TCP a bearer token is wanted");
		return ROLE_NONE;
	}
	t = find_token(a, text);
	if (t == NULL) {
		refuse_token(a, r);
		return ROLE_NONE;
	}
	request_set_asker(r, t->name);
	return t->role;
}

enum role
access_judge(void *ctx, struct request *r)
{
	const struct access *a = ctx;

	if (!check_host(a, r) || !check_browser(r) || !check_rate(a, r))
		return ROLE_NONE;
	return request_is_open(r) ? ROLE_NONE : role_of(a, r);
}
