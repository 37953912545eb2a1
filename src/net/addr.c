#include "net/addr.h"
#include "base/map.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

/* ---- literals ---- */

/* inet_pton(3) is strict: four decimal parts without leading zeros, no zone. */
static bool
parse_family(struct slice text, uint8_t family, struct addr *ret)
{
	char copy[ADDR_TEXT_MAX];
	struct addr a = {.family = family};

	if (text.len == 0 || text.len >= sizeof(copy) ||
	    memchr(text.ptr, '\0', text.len) != NULL)
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (inet_pton(family, copy, a.bytes) != 1)
		return false;
	*ret = a;
	return true;
}

bool
addr_parse(struct slice text, struct addr *ret)
{
	if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
		return parse_family(slice_of(text.ptr + 1, text.len - 2), AF_INET6, ret);
	return parse_family(text, AF_INET, ret) || parse_family(text, AF_INET6, ret);
}

static char *
put_octet(char *at, unsigned n)
{
	if (n >= 100)
		*at++ = (char)('0' + n / 100);
	if (n >= 10)
		*at++ = (char)('0' + n / 10 % 10);
	*at++ = (char)('0' + n % 10);
	return at;
}

/* It is needed for every answer, and inet_ntop() takes 1,600 instructions. */
static void
format_ipv4(const unsigned char octets[4], char *at)
{
	for (int i = 0; i < 4; i++) {
		at = put_octet(at, octets[i]);
		*at++ = i < 3 ? '.' : '\0';
	}
}

void
addr_format(const struct addr *a, char ret[ADDR_TEXT_MAX])
{
	if (a->family == AF_INET)
		format_ipv4(a->bytes, ret);
	else if (a->family == 0 ||
		 inet_ntop(a->family, a->bytes, ret, ADDR_TEXT_MAX) == NULL)
		ret[0] = '\0';
}

static size_t
addr_len(const struct addr *a)
{
	return a->family == AF_INET ? 4 : a->family == AF_INET6 ? 16 : 0;
}

bool
addr_eq(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, addr_len(a)) == 0;
}

bool
addr_from_sockaddr(const struct sockaddr *sa, struct addr *ret, uint16_t *ret_port)
{
	struct addr a = {0};
	struct sockaddr_in6 six;
	struct sockaddr_in four;

	if (sa->sa_family == AF_INET) {
		memcpy(&four, sa, sizeof(four));
		a.family = AF_INET;
		memcpy(a.bytes, &four.sin_addr, 4);
		*ret_port = ntohs(four.sin_port);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&six, sa, sizeof(six));
		a.family = AF_INET6;
		memcpy(a.bytes, &six.sin6_addr, 16);
		*ret_port = ntohs(six.sin6_port);
	} else {
		return false;
	}
	*ret = a;
	return true;
}

/* ---- ranges ---- */

static bool
prefix_covers(const uint8_t *prefix, uint32_t bits, const uint8_t *bytes)
{
	uint32_t whole = bits / 8, rest = bits % 8;

	if (memcmp(prefix, bytes, whole) != 0)
		return false;
	return rest == 0 || (prefix[whole] ^ bytes[whole]) >> (8 - rest) == 0;
}

struct range {
	uint8_t prefix[16];
	uint8_t bits;
	const char *name;
};

/*
 * IANA IPv4 Special-Purpose Address Registry (RFC 6890 and what was added since), and the
 * metadata services of clouds, which answer whoever asks from inside with credentials.
 * What the registry calls globally reachable is refused, too: relays and sinks that every
 * network may run for itself, and no place of pages.
 */
static const struct range ranges4[] = {
    {{0}, 8, "this-network"},                /* RFC 1122 section 3.2.1.3 */
    {{10}, 8, "private"},                    /* RFC 1918 */
    {{100, 100, 100, 200}, 32, "metadata"},  /* Alibaba Cloud, inside CGNAT */
    {{100, 64}, 10, "cgnat"},                /* RFC 6598 */
    {{127}, 8, "loopback"},                  /* RFC 1122 */
    {{168, 63, 129, 16}, 32, "metadata"},    /* Azure, a public address */
    {{169, 254, 0, 23}, 32, "metadata"},     /* Tencent Cloud */
    {{169, 254, 42, 42}, 32, "metadata"},    /* Scaleway */
    {{169, 254, 169, 254}, 32, "metadata"},  /* nearly everybody's */
    {{169, 254, 170, 2}, 32, "metadata"},    /* AWS, containers */
    {{169, 254, 170, 23}, 32, "metadata"},   /* AWS, pods */
    {{169, 254}, 16, "link-local"},          /* RFC 3927 */
    {{172, 16}, 12, "private"},              /* RFC 1918 */
    {{192, 0, 0, 192}, 32, "metadata"},      /* Oracle Cloud */
    {{192, 0, 0}, 24, "reserved"},           /* RFC 6890, protocol assignments */
    {{192, 0, 2}, 24, "documentation"},      /* RFC 5737 */
    {{192, 31, 196}, 24, "reserved"},        /* RFC 7535, AS112 */
    {{192, 52, 193}, 24, "reserved"},        /* RFC 7450, AMT relays */
    {{192, 88, 99}, 24, "reserved"},         /* RFC 7526, 6to4 relay */
    {{192, 168}, 16, "private"},             /* RFC 1918 */
    {{192, 175, 48}, 24, "reserved"},        /* RFC 7534, AS112 */
    {{198, 18}, 15, "benchmarking"},         /* RFC 2544 */
    {{198, 51, 100}, 24, "documentation"},   /* RFC 5737 */
    {{203, 0, 113}, 24, "documentation"},    /* RFC 5737 */
    {{224}, 4, "multicast"},                 /* RFC 5771 */
    {{255, 255, 255, 255}, 32, "broadcast"}, /* RFC 919 */
    {{240}, 4, "reserved"},                  /* RFC 1112 */
};

/*
 * IANA IPv6 Special-Purpose Address Registry, what was once given out, and metadata
 * services.  Besides, all that is not 2000::/3, and 2001::/23, is refused as reserved: the
 * table gives names to parts of that.
 */
static const struct range ranges6[] = {
    {{0}, 128, "unspecified"},                                       /* RFC 4291 */
    {{[15] = 1}, 128, "loopback"},                                   /* RFC 4291 */
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48, "private"},                    /* RFC 8215 */
    {{1}, 64, "discard"},                                            /* RFC 6666 */
    {{0x20, 0x01, 0, 2}, 48, "benchmarking"},                        /* RFC 5180 */
    {{0x20, 0x01, 0, 0x10}, 28, "orchid"},                           /* RFC 4843 */
    {{0x20, 0x01, 0, 0x20}, 28, "orchid"},                           /* RFC 7343 */
    {{0x20, 0x01, 0, 0x30}, 28, "orchid"},                           /* RFC 9374 */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation"},                 /* RFC 3849 */
    {{0x26, 0x20, 0, 0x4f, 0x80}, 48, "reserved"},                   /* RFC 7534 */
    {{0x3f, 0xfe}, 16, "reserved"},                                  /* RFC 3701 */
    {{0x3f, 0xff}, 20, "documentation"},                             /* RFC 9637 */
    {{0x5f}, 16, "reserved"},                                        /* RFC 9602 */
    {{0xfd, 0, 0, 0x42, [14] = 0, [15] = 0x42}, 128, "metadata"},    /* Scaleway */
    {{0xfd, 0, 0x0e, 0xc2, [14] = 0, [15] = 0x23}, 128, "metadata"}, /* AWS, pods */
    {{0xfd, 0, 0x0e, 0xc2, [14] = 2, [15] = 0x54}, 128, "metadata"}, /* AWS */
    {{0xfd, 0, 0xa9, 0xfe, 0xa9, 0xfe, [15] = 1}, 128, "metadata"},  /* Akamai */
    {{0xfd, 0x20, 0, 0xce, [14] = 2, [15] = 0x54}, 128, "metadata"}, /* Google */
    {{0xfc}, 7, "private"},                                          /* RFC 4193 */
    {{0xfe, 0x80, [12] = 0xa9, 0xfe, 0xa9, 0xfe}, 128, "metadata"},  /* OpenStack */
    {{0xfe, 0x80}, 10, "link-local"},                                /* RFC 4291 */
    {{0xfe, 0xc0}, 10, "private"},                                   /* RFC 3879 */
    {{0xff}, 8, "multicast"},                                        /* RFC 4291 */
};

/*
 * Where an IPv6 address carries an IPv4 address that packets may end up at: it is refused
 * when that one is.  `settles`: otherwise it is admitted, though it lies in no range
 * from which addresses are given out.
 */
static const struct embedding {
	uint8_t prefix[16];
	uint8_t bits;
	uint8_t at;     /* offset of the IPv4 address */
	uint8_t invert; /* what its bytes are XORed with */
	bool settles;
} embeddings[] = {
    {{[10] = 0xff, [11] = 0xff}, 96, 12, 0, true}, /* mapped, RFC 4291, 2.5.5.2 */
    {{0}, 96, 12, 0, false},                       /* compatible, 2.5.5.1 */
    {{[8] = 0xff, [9] = 0xff}, 96, 12, 0, false},  /* translated, RFC 2765 */
    {{0, 0x64, 0xff, 0x9b}, 96, 12, 0, true},      /* NAT64, RFC 6052 */
    {{0x20, 0x02}, 16, 2, 0, true},                /* 6to4, RFC 3056 */
    {{0x20, 0x01, 0, 0}, 32, 4, 0, true},          /* Teredo server, RFC 4380 */
    {{0x20, 0x01, 0, 0}, 32, 12, 0xff, true},      /* Teredo client */
};
enum { MAPPED = 0 }; /* the one that is merely a way to write an IPv4 address */
#define EMBEDDINGS_LEN (sizeof(embeddings) / sizeof(embeddings[0]))

static struct addr
embedded(size_t i, const struct addr *six)
{
	struct addr a = {.family = AF_INET};

	for (size_t k = 0; k < 4; k++)
		a.bytes[k] = six->bytes[embeddings[i].at + k] ^ embeddings[i].invert;
	return a;
}

static const char *
range_find(const struct range *v, size_t n, const uint8_t *bytes)
{
	for (size_t i = 0; i < n; i++)
		if (prefix_covers(v[i].prefix, v[i].bits, bytes))
			return v[i].name;
	return NULL;
}

static const char *
range_of4(const struct addr *a)
{
	return range_find(ranges4, sizeof(ranges4) / sizeof(ranges4[0]), a->bytes);
}

/* The lower half of an ISATAP address, RFC 5214 section 6.1: under any prefix. */
static bool
is_isatap(const struct addr *a)
{
	static const uint8_t tail[] = {0x5e, 0xfe};

	return (a->bytes[8] & 0xfd) == 0 && a->bytes[9] == 0 &&
	       memcmp(a->bytes + 10, tail, sizeof(tail)) == 0;
}

/* Of the IPv4 address that it carries, if that is refused. */
static const char *
range_carried(const struct addr *a, bool *ret_settled)
{
	struct addr four = {.family = AF_INET};
	const char *name;

	*ret_settled = false;
	for (size_t i = 0; i < EMBEDDINGS_LEN; i++) {
		if (!prefix_covers(embeddings[i].prefix, embeddings[i].bits, a->bytes))
			continue;
		four = embedded(i, a);
		name = range_of4(&four);
		if (name != NULL)
			return name;
		*ret_settled = *ret_settled || embeddings[i].settles;
	}
	if (!is_isatap(a))
		return NULL;
	memcpy(four.bytes, a->bytes + 12, 4);
	return range_of4(&four);
}

static const char *
range_of6(const struct addr *a)
{
	static const uint8_t global_unicast[16] = {0x20}; /* 2000::/3 */
	static const uint8_t assignments[16] = {0x20, 1}; /* 2001::/23, RFC 2928 */
	const char *name;
	bool settled = false;

	name = range_find(ranges6, sizeof(ranges6) / sizeof(ranges6[0]), a->bytes);
	if (name == NULL)
		name = range_carried(a, &settled);
	if (name != NULL || settled)
		return name;
	return prefix_covers(global_unicast, 3, a->bytes) &&
		       !prefix_covers(assignments, 23, a->bytes)
		   ? NULL
		   : "reserved";
}

/* ---- names ---- */

const char *
addr_name_range(struct slice host)
{
	static const struct {
		const char *name, *range;
	} names[] = {
	    {"metadata.google.internal", "metadata"},
	    {"metadata.goog", "metadata"},
	    {"metadata", "metadata"}, /* Google's, by the search domain */
	    {"instance-data", "metadata"},
	    {"instance-data.ec2.internal", "metadata"},
	    {"metadata.tencentyun.com", "metadata"},
	    {"metadata.platformequinix.com", "metadata"}, /* at a public address */
	    {"metadata.packet.net", "metadata"},          /* its former name */
	    {"api.metadata.cloud.ibm.com", "metadata"},
	    {"rancher-metadata", "metadata"},
	    {"localhost", "loopback"},
	    {"localhost.localdomain", "loopback"},
	    {"localhost6", "loopback"},
	    {"ip6-localhost", "loopback"},
	    {"ip6-loopback", "loopback"},
	};

	if (host.len > 0 && host.ptr[host.len - 1] == '.')
		host.len--;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_ieq(host, slice_cstr(names[i].name)))
			return names[i].range;
	if (host.len > 10 &&
	    slice_ieq(slice_from(host, host.len - 10), SLICE_LIT(".localhost")))
		return "loopback"; /* RFC 6761 section 6.3 */
	return NULL;
}

/* ---- the policy ---- */

enum { RULES_MAX = 4096, EXACT_MAX = 1 << 20 };

struct rule {
	struct addr net;
	uint32_t bits;
	uint16_t port; /* 0: any */
};

struct exact {
	uint8_t key[19]; /* family, port, address */
};

struct addr_policy {
	struct rule *rules;
	uint32_t rules_len, rules_cap;
	struct map exacts; /* key -> struct exact; only addresses of refused ranges */
};

int
addr_policy_new(struct addr_policy **ret)
{
	struct addr_policy *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	map_init(&p->exacts, EXACT_MAX);
	*ret = p;
	return 0;
}

void
addr_policy_free(struct addr_policy *p)
{
	void *value;

	if (p == NULL)
		return;
	for (size_t i = 0; map_at(&p->exacts, &i, NULL, &value);)
		free(value);
	map_release(&p->exacts);
	free(p->rules);
	free(p);
}

/* A mapped address is the IPv4 address: rules and questions see only the latter. */
static struct addr
addr_plain(const struct addr *a)
{
	if (a->family == AF_INET6 &&
	    prefix_covers(embeddings[MAPPED].prefix, embeddings[MAPPED].bits, a->bytes))
		return embedded(MAPPED, a);
	return *a;
}

static int
policy_add(struct addr_policy *p, const struct rule *rule)
{
	struct rule *v;
	uint32_t cap;

	if (p->rules_len == RULES_MAX)
		return -ENOSPC;
	if (p->rules_len == p->rules_cap) {
		cap = p->rules_cap == 0 ? 8 : p->rules_cap * 2;
		v = realloc(p->rules, cap * sizeof(*v));
		if (v == NULL)
			return -ENOMEM;
		p->rules = v;
		p->rules_cap = cap;
	}
	p->rules[p->rules_len++] = *rule;
	return 0;
}

struct rule_text {
	struct slice addr, bits, port;
	bool has_bits, has_port;
};

/*
 * Cuts "CIDR[:PORT]" apart.  A colon separates a port when it follows a bracket or when
 * it is the only one; "[fd00::/8]:80" and "[fd00::]/8:80" mean the same.
 */
static bool
rule_split(struct slice s, struct rule_text *ret)
{
	struct rule_text t = {0};
	struct slice net, rest;

	if (s.len > 2 * ADDR_TEXT_MAX || !slice_cut(&s, ']', &net))
		return false;
	if (net.len > 0 && net.ptr[0] == '[') {
		net = slice_from(net, 1);
		rest = s;
		if (rest.ptr == NULL || slice_find(net, ':') == net.len)
			return false; /* not closed, or not IPv6 */
	} else {
		size_t colon = slice_find(net, ':');

		if (s.ptr != NULL)
			return false;
		rest = slice_from(net, colon + 1);
		if (slice_find(rest, ':') < rest.len)
			colon = net.len; /* an IPv6 address */
		rest = slice_from(net, colon);
		net = slice_head(net, colon);
	}
	t.addr = slice_head(net, slice_find(net, '/'));
	if (t.addr.len < net.len) {
		t.bits = slice_from(net, t.addr.len + 1);
		t.has_bits = true;
	} else if (rest.len > 0 && rest.ptr[0] == '/') {
		rest = slice_from(rest, 1);
		t.bits = slice_head(rest, slice_find(rest, ':'));
		t.has_bits = true;
		rest = slice_from(rest, t.bits.len);
	}
	if (rest.len > 0) {
		t.port = slice_from(rest, 1);
		t.has_port = true;
	}
	*ret = t;
	return rest.len == 0 || rest.ptr[0] == ':';
}

static int
rule_parse(struct slice text, struct rule *ret, struct why *why)
{
	struct rule rule = {0};
	struct rule_text t;
	uint64_t bits, bits_max, port = 0;

	if (!rule_split(text, &t) || !addr_parse(t.addr, &rule.net))
		return why_set(why, -EINVAL,
		    "'" SLICE_FMT "' is not an address block such as 10.0.0.0/8, "
		    "127.0.0.1:8080 or [fd00::/8]:80",
		    SLICE_ARG(text));
	bits = bits_max = addr_len(&rule.net) * 8;
	if (t.has_bits && (!slice_to_u64(t.bits, &bits) || bits > bits_max))
		return why_set(why, -EINVAL,
		    "'" SLICE_FMT "': the prefix length must be 0 to %u", SLICE_ARG(text),
		    (unsigned)bits_max);
	if (t.has_port && (!slice_to_u64(t.port, &port) || port == 0 || port > 65535))
		return why_set(why, -EINVAL,
		    "'" SLICE_FMT "': the port must be 1 to 65535", SLICE_ARG(text));
	rule.bits = (uint32_t)bits;
	rule.port = (uint16_t)port;
	if (rule.net.family == AF_INET6 && rule.bits >= 96) {
		struct addr plain = addr_plain(&rule.net);

		if (plain.family == AF_INET)
			rule.bits -= 96;
		rule.net = plain;
	}
	*ret = rule;
	return 0;
}

int
addr_policy_allow(struct addr_policy *p, struct slice cidr_port, struct why *why)
{
	struct rule rule;
	int r;

	r = rule_parse(cidr_port, &rule, why);
	if (r < 0)
		return r;
	r = policy_add(p, &rule);
	if (r == -ENOSPC)
		return why_set(
		    why, r, "more than %d address blocks are allowed", RULES_MAX);
	if (r < 0)
		return why_set(why, r, "out of memory");
	return 0;
}

static void
exact_key(const struct addr *a, uint16_t port, uint8_t key[19])
{
	memset(key, 0, 19);
	key[0] = a->family;
	key[1] = (uint8_t)(port >> 8);
	key[2] = (uint8_t)port;
	memcpy(key + 3, a->bytes, addr_len(a));
}

static const char *
range_of(const struct addr *a)
{
	if (a->family == AF_INET)
		return range_of4(a);
	return a->family == AF_INET6 ? range_of6(a) : "unknown";
}

int
addr_policy_allow_exact(struct addr_policy *p, const struct addr *a, uint16_t port)
{
	struct addr plain = addr_plain(a);
	struct exact *e;
	int r;

	if (range_of(&plain) == NULL)
		return 0; /* needs no permission: most seeds */
	e = malloc(sizeof(*e));
	if (e == NULL)
		return -ENOMEM;
	exact_key(&plain, port, e->key);
	r = map_put(&p->exacts, slice_of(e->key, sizeof(e->key)), e);
	if (r < 0)
		free(e);
	return r == -EEXIST ? 0 : r;
}

const char *
addr_policy_refuses(const struct addr_policy *p, const struct addr *a, uint16_t port)
{
	struct addr plain = addr_plain(a);
	const char *name = range_of(&plain);
	uint8_t key[19];

	if (name == NULL)
		return NULL;
	for (uint32_t i = 0; i < p->rules_len; i++) {
		const struct rule *rule = &p->rules[i];

		if (rule->net.family == plain.family &&
		    (rule->port == 0 || rule->port == port) &&
		    prefix_covers(rule->net.bytes, rule->bits, plain.bytes))
			return NULL;
	}
	exact_key(&plain, port, key);
	return map_get(&p->exacts, slice_of(key, sizeof(key))) != NULL ? NULL : name;
}
