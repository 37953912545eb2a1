/*
 * net/dns_ares.h -- one question about one name: A and AAAA asked apart, one answer.
 *
 * Beneath net/dns.h, which caches and joins; nobody else includes it.
 *
 *   resolver -> question (a name) -> half (A, AAAA) -> a query of c-ares
 *
 * The answer is told when both halves are in, or when it cannot get better: the name does
 * not exist, or one half has addresses and the other is late (50 ms for an AAAA; 200 ms
 * for an A, since a machine without IPv6 is better off waiting).  A half that comes with
 * addresses after the answer was told is handed to `late`, so that the cache learns it.
 *
 * Owns:    questions.   Clock: loop's.   Threads: loop thread.
 * Errors:  resolver_ask(): -ENOMEM, -EAGAIN (too many open); what DNS says is data.
 * Callbacks are deferred, never from inside resolver_ask() and never from c-ares.
 */
#ifndef NET_DNS_ARES_H
#define NET_DNS_ARES_H
#include "net/dns.h"

/* In answers, ttl_s is clamped to 60 s .. 24 h, and 0 when there are no addresses. */
typedef void resolver_fn(void *ctx, struct slice name, const struct dns_answer *a);

struct resolver_conf {
	const char *servers; /* "IP[:PORT],..."; NULL: /etc/resolv.conf */
	uint32_t timeout_ms; /* of the first try; it doubles */
	uint32_t tries;
	uint32_t asks_max; /* questions that wait for an answer */
	bool ipv4, ipv6;
	resolver_fn *fn, *late;
	void *ctx;
};

struct resolver;
int resolver_new(struct loop *l, const struct resolver_conf *conf, struct resolver **ret,
    struct why *why);
void resolver_free(struct resolver *r); /* NULL is fine; questions are dropped */
/* conf->fn is called once, later, with `name` (a valid one, at most 253 bytes). */
int resolver_ask(struct resolver *r, struct slice name);
/* At most 8 in all, IPv4 first, with room left for two of IPv6. */
void dns_answer_set(struct dns_answer *a, const struct addr *v4, uint32_t v4_len,
    const struct addr *v6, uint32_t v6_len);
#endif
