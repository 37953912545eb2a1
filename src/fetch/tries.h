/*
 * fetch/tries.h -- which address of a name is tried next, and for how long.
 *
 * Happy eyeballs (RFC 8305) without racing: families take turns, beginning with the one
 * that worked for the host last, else with that of the first address (dns.h: IPv4).  One
 * that has others behind it gets a part of the time to connect, a short one when the next
 * is of the other family; what is left when all have failed goes to the first that was cut
 * short.  All of them together take no longer than the time to connect.
 *
 * Owns:    nothing.   Units: milliseconds.   Threads: one user at a time.
 */
#ifndef FETCH_TRIES_H
#define FETCH_TRIES_H
#include "net/dns.h"

struct tries {
	struct addr addrs[DNS_ADDRS_MAX];
	uint32_t n, next;  /* next == n: none is left */
	uint32_t left_ms;  /* to connect; TRIES_NO_LIMIT */
	uint32_t given_ms; /* to the one that is tried now; 0: no limit */
	uint32_t cut;      /* the first that was cut short, and one; 0: none was */
};
#define TRIES_NO_LIMIT UINT32_MAX
enum { TRIES_OTHER_FAMILY_MS = 2000 };

/* `only` and `first`: AF_INET, AF_INET6 or 0.  connect_ms 0: no limit. */
void tries_init(struct tries *t, const struct dns_answer *a, int only, int first,
    uint32_t connect_ms);
/* Of one that nobody knows the address of: a proxy will. */
void tries_init_unknown(struct tries *t, uint32_t connect_ms);
/* How long the next may take, which is remembered; 0: no limit. */
uint32_t tries_limit_ms(struct tries *t);
/* It took so long and failed; `cut`: because its time was up.  False: none is left. */
bool tries_failed(struct tries *t, int64_t took_ms, bool cut);
bool tries_have_both(const struct tries *t);

/* Which family worked for a host last; two hosts may share a place, the later has it. */
enum { FAMILIES_LEN = 4096 };
struct families {
	struct {
		uint64_t host; /* siphash */
		int family;
	} v[FAMILIES_LEN];
};
int families_get(const struct families *f, struct slice host); /* 0: not known */
void families_put(struct families *f, struct slice host, int family);
#endif
