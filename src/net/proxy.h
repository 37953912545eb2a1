/*
 * net/proxy.h -- which requests go through which proxy.
 *
 * Rules, a later one over an earlier: "URL" for all, "http=URL" or "https=URL" for the
 * URLs of that scheme, "direct" in the place of a URL for none.  A proxy's URL is
 * SCHEME://[USER:PASS@]HOST[:PORT], SCHEME one of http, https (TLS to the proxy itself),
 * socks5, socks5h, socks4, socks4a.  Names are always the proxy's to resolve.
 *
 * Owns:    its texts.
 * Errors:  -EINVAL with a sentence that holds no password; -ENOMEM.
 * Threads: any; read-only once made.
 */
#ifndef NET_PROXY_H
#define NET_PROXY_H
#include "base/slice.h"
#include "base/why.h"

struct proxy {
	char *url;         /* without credentials, as libcurl wants it */
	char *shown;       /* the same, as it was asked for; NULL: as url */
	char *user, *pass; /* NULL: none */
};

static inline const char *
proxy_shown(const struct proxy *p)
{
	return p->shown != NULL ? p->shown : p->url;
}

struct proxies {
	struct proxy *http, *https; /* NULL: direct */
	char *except;               /* --no-proxy */
};

/* `except` (NULL: nothing): a list with commas between of "*", names (with all below
 * them), addresses, networks ("10.0.0.0/8", for addresses in URLs), the first two maybe
 * with ":PORT". */
int proxies_init(struct proxies *p, const char *const *rules, size_t rules_len,
    const char *except, struct why *why);
void proxies_release(struct proxies *p);
/* For a URL in normal form; NULL: none. */
const struct proxy *proxies_for(
    const struct proxies *p, bool tls, struct slice host, uint16_t port);
#endif
