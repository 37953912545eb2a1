/*
 * net/ask.h -- one HTTP request, waited for: for commands that have nothing else to do.
 *
 * Over a Unix socket or TCP, to a server that the user named; no redirect is followed.
 *
 * Owns:    nothing.   Units: milliseconds.
 * Errors:  -errno with the sentence: it was not answered; -ECONNREFUSED: no connection,
 *          -EPROTO: a certificate; -EINVAL: no URL; -ETIMEDOUT: it was silent;
 *          -EBADMSG: of another type.  A status is no error.
 * Threads: any; blocks.  Not on a loop.
 */
#ifndef NET_ASK_H
#define NET_ASK_H
#include "base/buf.h"
#include "base/why.h"

struct ask {
	const char *method, *url;
	const char *unix_path;      /* NULL: where the URL says */
	const char *ca;             /* file of certificates; NULL: the system's */
	const char *const *headers; /* "Name: value"; NULL ends them */
	struct slice body;          /* ptr NULL: none */
	/* How long nothing may go or come; 0: without end.  With on_data until the answer
	 * has begun: what is followed is silent when nothing happens. */
	int64_t silence_ms;
	/* Each piece as it comes; returns false to end it.  NULL: into `out`. */
	bool (*on_data)(void *ctx, struct slice data);
	void *ctx;
	const char
	    *type; /* what on_data is for, as "text/event-stream"; NULL: anything */
};
/* `out`: what was answered; with on_data the answer to what was not good (>= 400) only. */
int ask(const struct ask *a, int *ret_status, struct buf *out, struct why *why);
#endif
