/*
 * ctl/clients.h -- who connects over TCP, by address: how many connections, how many requests a
 * second, how many wrong tokens.
 *
 * An IPv6 client is its /64, for whoever has one address there has them all.  The table has a
 * fixed number of places; when all are taken the client without a connection that was heard
 * of longest ago is forgotten.
 *
 * Owns:    its clients; a pointer holds while the client has connections (client_add()).
 * Clock:   the caller's milliseconds.
 * Errors:  NULL: no place, or out of memory.
 * Threads: one.
 */
#ifndef CTL_CLIENTS_H
#define CTL_CLIENTS_H
#include "base/list.h"
#include "base/map.h"
#include <sys/socket.h>

/* So many a second, and so many at once: what was not used comes back with time. */
struct bucket {
	double left;
	int64_t at_ms; /* 0: full */
};
/* Takes one.  False: there is none; *ret_wait_ms until there is. */
bool bucket_take(struct bucket *b, double a_second, double at_once, int64_t now_ms,
    int64_t *ret_wait_ms);
/* What was taken cost so many more. */
void bucket_charge(struct bucket *b, double n);

enum { CLIENT_TEXT_MAX = 48 };
struct client {
	struct list on_lru; /* the one heard of longest ago first */
	uint64_t key;
	uint32_t connections;
	struct bucket requests, bad_tokens;
};

struct clients {
	struct umap by_key;
	struct list lru;
	uint32_t len, max;
	struct bucket bad_tokens; /* of all */
};

void clients_init(struct clients *cs, uint32_t max);
void clients_release(struct clients *cs);
/* The same number for whoever is the same; false: neither IPv4 nor IPv6. */
bool client_key(const struct sockaddr *sa, uint64_t *ret);
/* For people: an address, or "the unix socket". */
void client_format(const struct sockaddr *sa, char ret[CLIENT_TEXT_MAX]);
struct client *clients_find(struct clients *cs, uint64_t key);
void client_add(struct client *c);  /* a connection */
void client_drop(struct client *c); /* its end */
void clients_check(const struct clients *cs);
#endif
