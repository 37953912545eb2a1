/*
 * fetch/fetch.h -- the life of one request: name, address, transfer, what became of it.
 *
 *   fetch (one URL) -> dns question -> transfer to the first address that takes it
 *
 * Redirects and retries are not followed here: they go back through the frontier, so that
 * robots and politeness always apply.  What is put around a request (identity,
 * cookies, validators, headers, credentials) is the ordered table in steps.c.
 *
 * Owns:    the request's texts are copied; a result's block passes to the callback.
 * Clock:   loop's.   Threads: loop thread.
 * Errors:  fetcher_new(): -ENOMEM, -E2BIG, -EMSGSIZE (headers).  fetch_start(): -EAGAIN (too many at
 *          once, or out of memory).  All else is an outcome.
 * Rule:    the callback is never run from inside fetch_start() or fetch_cancel().
 */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H
#include "base/list.h"
#include "fetch/jar.h"
#include "fetch/retry.h"
#include "net/dns.h"
#include "net/transport.h"

struct fetcher;
enum {
	FETCH_HEADERS_MAX = 60,
	FETCH_MORE_LINES_MAX = 20,
	FETCH_HOST_LINES_MAX = 20,
	FETCH_VALIDATOR_MAX = 512
};

/* A header line that goes to one authority, "scheme://host[:port]" in normal form. */
struct fetch_host_line {
	char *authority, *line;
};

struct fetcher_conf {
	struct loop *loop;
	struct dns *dns;
	struct transport *transport;
	struct shm *shm; /* the transport's */
	struct addr_policy *policy;
	uint32_t fetches_max;
	uint32_t *slow; /* how many are slow (net/transport.h) is kept there; NULL: nowhere */
	const struct proxies *proxies; /* NULL: none.  Names are a proxy's to resolve;
					* addresses in URLs are looked at */
	int ip; /* AF_INET, AF_INET6: addresses of this family only; 0: any */
	const char *user_agent, *from; /* from may be NULL */
	const char *const *headers;    /* "Name: value" */
	size_t headers_len;
	const struct fetch_host_line
	    *host_lines; /* FETCH_HOST_LINES_MAX of an authority */
	size_t host_lines_len;
	struct jar *jar;     /* cookies that are sent; NULL: none */
	bool accept_cookies; /* and those that servers set are put into it */
	uint32_t connect_ms, first_byte_ms, stall_ms, total_ms;
	uint32_t name_ms; /* for a name to be found; 0: as long as servers are asked */
	uint64_t body_bytes_max;
};

/*
 * A seed's own authority: the addresses that its name had when it was first asked for are
 * admitted, whatever they are.  What the name is given later, by who may not be its
 * friend, goes by the policy.  What --resolve says is the user's word, and always admitted.
 */
struct fetch_home {
	uint32_t n; /* 0: not asked yet */
	struct addr addrs[DNS_ADDRS_MAX];
};

struct fetch_request {
	enum transport_method method;
	struct slice url;        /* normal form */
	bool is_probe;           /* as in transport.h */
	struct fetch_home *home; /* NULL: of no seed; lives as long as the fetcher */
	uint64_t rate_bytes_max; /* a second; 0: no limit */
	/* Tighter than those of the fetcher, each where it is; 0: not. */
	uint32_t first_byte_ms, total_ms;
	uint64_t body_bytes_max;
	/*
	 * What we have of it, as its server called it: ETag and Last-Modified.  Where it
	 * is that still, the answer is 304 and the outcome NOT_MODIFIED.  Empty: not
	 * known.  What is longer than FETCH_VALIDATOR_MAX is not used.
	 */
	struct slice etag, last_modified;
	/* More lines, FETCH_MORE_LINES_MAX at most; the texts live as long as the
	 * fetcher. */
	const char *const *headers;
	size_t headers_len;
};

struct fetch_result {
	/*
	 * By HTTP status once an answer came: OK, REDIRECT, NOT_MODIFIED, HTTP_4XX,
	 * HTTP_5XX; or what the transfer says (TRUNCATED, TOO_LARGE, failures);
	 * DNS_FAILURE.
	 */
	enum outcome outcome;
	bool retry; /* asking again may help */
	bool contacted; /* its host was reached for, with success or without */
	uint32_t dns_ms;
	/* When its host was reached for first, else when it was begun; t.total_ms is from
	 * there to the end. */
	int64_t began_wall_us;
	const struct dns_answer *dns; /* fresh answer to our question, else NULL */
	struct transport_result t;
};

struct fetch_id {
	uint32_t slot, gen;
};
typedef void fetch_fn(void *ctx, struct fetch_result *r);

int fetcher_new(const struct fetcher_conf *conf, struct fetcher **ret);
void fetcher_free(struct fetcher *f); /* running fetches are dropped without a callback */
int fetch_start(struct fetcher *f, const struct fetch_request *req, fetch_fn *fn,
    void *ctx, struct fetch_id *ret);
/* Which of a host's addresses a request would go to first; false: to none of them. */
bool fetch_expects(const struct fetcher *f, struct slice host, uint16_t port,
    const struct fetch_home *home, const struct dns_answer *a, struct addr *ret);

/* fn will not run; idempotent. */
void fetch_cancel(struct fetcher *f, struct fetch_id id);
/* The same, and what is known of it until now: `outcome` CANCELLED, when it began and what
 * it took, whether its host was contacted.  Nothing in it has to be freed. */
void fetch_abandon(struct fetcher *f, struct fetch_id id, struct fetch_result *ret);

/* The bytes of a request as they may be archived and shown: without the values of what
 * authorises, and of lines that are for one host only.  At most `max` bytes of it, a line
 * more at its end; buf_add()'s codes. */
int fetch_request_mask(
    const struct fetcher *f, struct slice request, size_t max, struct buf *out);
#endif
