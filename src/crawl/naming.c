#include "base/map.h"
#include "crawl/crawl_internal.h"
#include "web/url.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Which address a host's requests will go to, asked before the first of them: the limit of
 * an address binds it too.  A name that has none is asked for all the same, by the fetch,
 * which then says what is wrong with it.
 */

enum {
	FOREVER_MS = 24 * 3600 * 1000, /* of what is no name, or told by --resolve */
	/* The answer may lapse between our look and the fetch's: the report then says where
	 * it went. */
	SECOND_MS = 1000
};

struct naming {
	struct list on_crawl;
	struct crawl *crawl;
	uint64_t authority_hash;
	struct dns_id dns_id;
	struct later known; /* no name is asked for */
	bool asks;
	int64_t ttl_ms; /* of what is known */
	const struct fetch_home *home; /* it is a seed's */
	char host[sizeof(((struct frontier_turn *)0)->authority)];
	uint16_t port;
	struct addr addr;
};

/* This machine: nobody else's server is spared by a limit. */
static bool
is_loopback(const struct addr *a)
{
	static const struct addr v6 = {AF_INET6, {[15] = 1}};

	return (a->family == AF_INET && a->bytes[0] == 127) || addr_eq(a, &v6);
}

uint64_t
naming_key(const struct addr *a)
{
	uint64_t key;

	if (a->family == 0 || is_loopback(a))
		return 0;
	key = siphash(slice_of((const char *)a->bytes, a->family == AF_INET ? 4 : 16));
	return key == 0 ? 1 : key;
}

static void
ends(struct naming *n, const struct addr *addr, int64_t ttl_ms)
{
	struct crawl *c = n->crawl;

	frontier_name(c->frontier, n->authority_hash, addr == NULL ? 0 : naming_key(addr),
	    ttl_ms, loop_now_ms(c->loop));
	list_remove(&n->on_crawl);
	c->namings--;
	free(n);
	crawl_pump(c);
}

static void
on_known(void *ctx)
{
	struct naming *n = ctx;

	ends(n, &n->addr, n->ttl_ms);
}

static void
on_name(void *ctx, const struct dns_answer *a)
{
	struct naming *n = ctx;
	bool goes;

	n->asks = false;
	crawl_save_name(n->crawl, slice_cstr(n->host), a);
	goes = fetch_expects(
	    n->crawl->fetcher, slice_cstr(n->host), n->port, n->home, a, &n->addr);
	ends(n, goes ? &n->addr : NULL, goes ? (int64_t)a->ttl_s * SECOND_MS : 0);
}

static int
start(struct naming *n, struct slice authority)
{
	struct dns *dns = n->crawl->engine->dns;
	char text[URL_BYTES_MAX];
	struct url url;

	if (url_resolve(NULL, authority, (struct slice){0}, 0, text, sizeof(text),
		&url) != URL_OK)
		return -EINVAL;
	n->port = url.port;
	(void)snprintf(n->host, sizeof(n->host), SLICE_FMT, SLICE_ARG(url_host(&url)));
	/* A proxy finds and asks addresses itself. */
	if (dns_overridden(dns, url_host(&url), url.port, &n->addr) ||
	    addr_parse(url_host(&url), &n->addr) ||
	    proxies_for(&n->crawl->engine->proxies, url_is_https(&url), url_host(&url),
		url.port) != NULL) {
		n->ttl_ms = FOREVER_MS;
		later_start(&n->known);
		return 0;
	}
	/* Names of our own network are no business of a server's. */
	if (n->home == NULL && addr_name_range(url_host(&url)) != NULL)
		return -EINVAL;
	n->asks = true;
	return dns_start(
	    dns, url_host(&url), crawl_name_ms(n->crawl->o), on_name, n, &n->dns_id);
}

int
naming_start(struct crawl *c, const struct frontier_turn *turn)
{
	struct naming *n = calloc(1, sizeof(*n));
	struct urlrec rec = {.url = slice_cstr(turn->authority)};
	int r;

	if (n == NULL)
		return -ENOMEM;
	n->crawl = c;
	n->authority_hash = turn->authority_hash;
	n->home = crawl_home_of(c, &rec);
	later_init(&n->known, c->loop, on_known, n);
	list_push(&c->naming, &n->on_crawl);
	c->namings++;
	r = start(n, rec.url);
	if (r < 0) { /* too many at once, or no name: the fetch will say */
		n->asks = false;
		n->addr.family = 0;
		later_start(&n->known);
	}
	return 0;
}

void
namings_drop(struct crawl *c)
{
	struct list *at;

	while ((at = list_pop(&c->naming)) != NULL) {
		struct naming *n = container_of(at, struct naming, on_crawl);

		later_stop(&n->known);
		if (n->asks)
			dns_cancel(c->engine->dns, n->dns_id);
		c->namings--;
		free(n);
	}
}
