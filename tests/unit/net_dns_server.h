/*
 * A name server for tests: a thread on 127.0.0.1, UDP and TCP on the same port, that
 * answers as a function says.
 */
#ifndef TESTS_NET_DNS_SERVER_H
#define TESTS_NET_DNS_SERVER_H
#include <stdbool.h>
#include <stdint.h>

enum { DNS_TYPE_A = 1, DNS_TYPE_AAAA = 28 };
enum {
	DNS_RCODE_OK = 0,
	DNS_RCODE_SERVFAIL = 2,
	DNS_RCODE_NXDOMAIN = 3,
	DNS_RCODE_REFUSED = 5
};

struct dns_reply {
	bool lost; /* say nothing */
	int rcode;
	uint32_t addrs; /* 10.0.x.y or fd00::x:y */
	uint32_t ttl;
	uint32_t delay_ms;
	bool held;      /* until dns_server_let_go(); over UDP */
	bool alias;     /* the addresses are those of a CNAME */
	bool truncated; /* over UDP: ask again over TCP */
	bool junk;      /* not a DNS message */
};

/* Called on the server's thread. */
typedef void dns_script(const char *name, int type, bool tcp, struct dns_reply *reply);

struct dns_server;
struct dns_server *dns_server_start(dns_script *script);
void dns_server_stop(struct dns_server *s);
uint16_t dns_server_port(const struct dns_server *s);
uint32_t dns_server_queries(const struct dns_server *s);
void dns_server_let_go(struct dns_server *s); /* what is held, now and later */
#endif
