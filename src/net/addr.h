/*
 * net/addr.h -- addresses, and which of them may be connected to.
 *
 * The policy is asked with the binary address right before connect(2), for whatever request:
 * names cannot lie to it and DNS cannot change in between.
 */
#ifndef NET_ADDR_H
#define NET_ADDR_H
#include <netinet/in.h>
#include "base/slice.h"
#include "base/why.h"

struct addr {
	uint8_t family; /* AF_INET or AF_INET6; 0: none */
	uint8_t bytes[16];
};
enum { ADDR_TEXT_MAX = 48 };

/* A literal, with or without brackets; no names, no zone.  false: not one. */
bool addr_parse(struct slice text, struct addr *ret);
void addr_format(const struct addr *a, char ret[ADDR_TEXT_MAX]);
bool addr_eq(const struct addr *a, const struct addr *b);
bool addr_from_sockaddr(const struct sockaddr *sa, struct addr *ret, uint16_t *ret_port);

/*
 * Names that lead to a place of the policy's ranges wherever they are asked for, lower
 * case: "metadata" for those under which clouds hand out credentials, some of them at
 * public addresses; "loopback" for localhost and the like.  NULL: any other.
 */
const char *addr_name_range(struct slice host);

/*
 * Public unicast is admitted.  Refused unless allowed: "this" network, private, CGNAT,
 * loopback, link-local, documentation, benchmarking, multicast, broadcast, reserved,
 * metadata services, all that IANA's registries of special-purpose addresses list, what is
 * no global unicast of IPv6, and whatever carries an IPv4 address that is refused: mapped,
 * NAT64, 6to4, Teredo and ISATAP ones.
 */
struct addr_policy;
int addr_policy_new(struct addr_policy **ret);
void addr_policy_free(struct addr_policy *p);
/* "CIDR[:PORT]", IPv6 in brackets when a port follows; one clear sentence on junk. */
int addr_policy_allow(struct addr_policy *p, struct slice cidr_port, struct why *why);
/* The authority of a seed: this address at this port is admitted from now on. */
int addr_policy_allow_exact(struct addr_policy *p, const struct addr *a, uint16_t port);
/* NULL when admitted, else the name of the refused range ("loopback", "private", ...). */
const char *addr_policy_refuses(
    const struct addr_policy *p, const struct addr *a, uint16_t port);
#endif
