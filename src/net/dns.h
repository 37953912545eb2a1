/*
 * net/dns.h -- names to addresses, through c-ares only.
 *
 * A and AAAA are asked apart; whoever has an answer is not held up by the other: an A
 * that came waits at most 50 ms for the AAAA, an AAAA 200 ms for the A.  Answers are
 * cached for their TTL clamped to 60 s .. 24 h, failures for `negative_ttl_s`; at most 8
 * addresses a name, IPv4 first.  /etc/hosts is read (and re-read when it changes).
 * Literals answer at once.  Calls for a name that is being asked join the question.
 *
 * Owns:    answers are copied out.
 * Errors:  what DNS says is data: enum dns_status.  dns_start(): -ENOMEM, -EAGAIN when
 *          `asks_max` questions are open (names that need no asking are answered still).
 * Clock:   loop's.   Threads: loop thread.
 * Callbacks are deferred, also for cached names; they may start and cancel calls, but not
 * free the whole.
 */
#ifndef NET_DNS_H
#define NET_DNS_H
#include "loop/loop.h"
#include "net/addr.h"

#define DNS_STATUSES(X)                                                                  \
	X(OK, "ok")                                                                      \
	X(NO_NAME, "no such name")                                                       \
	X(NO_ADDRESS, "name has no address")                                             \
	X(SERVER_FAILED, "the name server failed")                                       \
	X(TIMEOUT, "no answer from a name server")                                       \
	X(BAD_NAME, "not a name")
enum dns_status {
#define X(id, text) DNS_##id,
	DNS_STATUSES(X)
#undef X
};
const char *dns_status_text(enum dns_status s);

enum { DNS_ADDRS_MAX = 8 };
struct dns_answer {
	enum dns_status status;
	uint32_t n;
	struct addr addrs[DNS_ADDRS_MAX];
	uint32_t ttl_s;  /* what is left of it */
	uint32_t ms;     /* how long the question took; 0 from the cache */
	bool from_cache; /* or from /etc/hosts, a literal, an override */
	char server[64]; /* who answered, "" when unknown */
};

struct dns_conf {
	const char *servers;    /* "IP[:PORT],..."; NULL: /etc/resolv.conf */
	const char *hosts_path; /* NULL: /etc/hosts */
	uint32_t timeout_ms;    /* a try; default 3000 */
	uint32_t tries;         /* at least 3 */
	uint32_t asks_max;
	uint32_t cache_max;      /* names; the one unused longest goes first */
	uint32_t negative_ttl_s; /* default 60 */
	bool ipv4, ipv6;         /* which to ask; both false: both */
};

/* -EINVAL: `servers` is no such list. */
int dns_servers_check(const char *servers, struct why *why);

struct dns;
struct dns_id {
	uint32_t slot, gen;
};
typedef void dns_fn(void *ctx, const struct dns_answer *a);

int dns_new(struct loop *l, const struct dns_conf *conf, struct dns **ret, struct why *why);
void dns_free(struct dns *d); /* pending calls are dropped without a callback */
/* `max_ms`: after which the call gets DNS_TIMEOUT, since the name began to be asked for, by
 * whomever; 0: as long as the servers are asked.  The question goes on for those who come
 * after. */
int dns_start(struct dns *d, struct slice host, uint32_t max_ms, dns_fn *fn, void *ctx,
    struct dns_id *ret);
void dns_cancel(struct dns *d, struct dns_id id);
/* --resolve HOST:PORT:ADDR; such a name is never asked.  `port` 0: any; dns_start(),
 * which knows no port, answers with that one.  -ENOMEM, -ENOSPC, -EINVAL. */
int dns_override(struct dns *d, struct slice host, uint16_t port, const struct addr *a);
/* The override for host and port; false: none. */
bool dns_overridden(const struct dns *d, struct slice host, uint16_t port, struct addr *ret);
#endif
