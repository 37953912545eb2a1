/*
 * net/http_head.h -- is the head of an answer fit to be believed?
 *
 * libcurl finds the body's end by the head, leniently.  What is read in two ways by two
 * programs is how answers get swapped, so the head is looked at once more: what cannot be
 * right is refused, what is merely odd costs the connection its reuse.
 *
 * Pure.   References: RFC 9112 sections 4, 6.1, 6.3; RFC 9110 sections 8.6, 15.
 */
#ifndef NET_HTTP_HEAD_H
#define NET_HTTP_HEAD_H
#include "base/slice.h"

struct http_head {
	int status;      /* 100 .. 599 */
	int version;     /* 10, 11, ..; 20 for HTTP/2 */
	bool chunked;    /* the only Transfer-Encoding there may be */
	bool has_length; /* Content-Length, which a Transfer-Encoding overrides */
	uint64_t length;
	bool odd; /* others may find the end elsewhere: do not use the connection again */
};

/*
 * `head`: status line to empty line, line ends as received.  NULL when it is good, else
 * what is wrong with it (and *ret is untouched).
 */
const char *http_head_parse(struct slice head, struct http_head *ret);
#endif
