/*
 * ctl/access.h -- who may ask: Host, Origin, tokens, how often.
 *
 * Over the unix socket whoever may connect is an admin (the socket's mode and group say who
 * may), unless a token says less.  Over TCP a token is wanted, and a client has so many requests
 * a second.  Everywhere the Host must be one of ours (a name that others point at us is how a
 * browser is made to ask, DNS rebinding, and ssh leads it to the socket, too), and what a browser
 * sends for another site is refused, by Origin and by Sec-Fetch-Site; there are no cookies, so
 * nothing is sent unasked.
 *
 * Wrong tokens are limited for each address and for all; a right one is served all the same,
 * so that nobody locks out those who share an address with him.
 *
 * Owns:    a copy of the rules.   Clock: the loop's.
 * Errors:  -ENOMEM.
 * Threads: loop thread.
 */
#ifndef CTL_ACCESS_H
#define CTL_ACCESS_H
#include "ctl/tokens.h"
#include "loop/loop.h"

struct access_rules {
	struct tokens tokens; /* taken over */
	char *const *hosts;   /* names besides localhost and addresses; copied */
	size_t hosts_len;
	uint32_t rate;       /* requests a second of a client, twice that at once */
	uint32_t bad_tokens; /* a minute and client; of all ten times that */
};

struct access;
int access_new(struct loop *l, struct access **ret);
void access_free(struct access *a); /* NULL is fine */
/* Instead of those from before, which stay when it fails (and the tokens the caller's). */
int access_set(struct access *a, struct access_rules *rules);
/* http_conf.authorize */
enum role access_judge(void *ctx, struct request *r);
/* http_cut_streams(): whether the token that was shown is one still. */
bool access_holds(void *ctx, const struct request *r);

/* Of what a Host header says: is it well formed, and its part before the port. */
bool access_split_host(struct slice host, struct slice *ret_name, struct slice *ret_port);
/* An Origin and a Host name the same place. */
bool access_is_same_origin(struct slice origin, struct slice host);
/* A name, or an address that is written as one, that may stand before the port. */
bool access_allows_host(const struct access *a, struct slice name);
#endif
