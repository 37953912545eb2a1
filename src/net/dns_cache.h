/*
 * net/dns_cache.h -- answers by name, each until it expires; the one unused longest goes
 * first when there are too many.
 *
 * Owns:    copies of names and answers.   Errors: none; without memory nothing is kept.
 * Clock:   milliseconds, monotonic, an argument.   Threads: one at a time.
 */
#ifndef NET_DNS_CACHE_H
#define NET_DNS_CACHE_H
#include "base/list.h"
#include "base/map.h"
#include "net/dns.h"

struct dns_cache {
	struct map by_name; /* name -> struct dns_entry */
	struct list lru;    /* the one unused longest first */
};

void dns_cache_init(struct dns_cache *c, uint32_t names_max);
void dns_cache_release(struct dns_cache *c);
/* Replaces what was there; it lives for answer->ttl_s. */
void dns_cache_put(struct dns_cache *c, struct slice name,
    const struct dns_answer *answer, int64_t now_ms);
/* With ttl_s as what is left of it; false: not there, or not any more. */
bool dns_cache_get(
    struct dns_cache *c, struct slice name, int64_t now_ms, struct dns_answer *ret);
void dns_cache_check(const struct dns_cache *c);
#endif
