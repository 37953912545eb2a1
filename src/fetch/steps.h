/*
 * fetch/steps.h -- what is put around a request: one ordered table.
 *
 * Each step may add header lines before the transfer, in the order of the table, and look
 * at the head of the answer after it, in the reverse order.  A new one is a row in
 * steps.c.  A line takes the place of lines of that name that earlier steps added: so a
 * person's --header has the last word.
 *
 * Owns:    texts that never change, and room for the lines that are made anew for each
 *          request: these are good until the next fetch_steps_before().
 * Clock:   fetch_ask.now_s: seconds since 1970, UTC.   Threads: loop thread.
 * Errors:  fetch_steps_init(): -ENOMEM, -EMSGSIZE (a User-Agent without end), -E2BIG
 *          (too many header lines).  What has no room in a request is left out of it.
 */
#ifndef FETCH_STEPS_H
#define FETCH_STEPS_H
#include "fetch/fetch.h"
#include "web/url.h"

enum {
	FETCH_OWN_LINES_MAX = 7 + FETCH_HOST_LINES_MAX + FETCH_MORE_LINES_MAX,
	FETCH_LINES_MAX = FETCH_HEADERS_MAX + FETCH_OWN_LINES_MAX,
	FETCH_MADE_BYTES = 16 << 10,
};

struct fetch_lines {
	struct slice v[FETCH_LINES_MAX];
	size_t n;
	size_t step_at; /* where the lines of the step that runs begin */
};

/* What a step may know of a request. */
struct fetch_ask {
	const struct url *url;
	struct slice etag, last_modified; /* empty: not known */
	const char *const *headers;       /* of this request only */
	size_t headers_len;
	int64_t now_s;
};

struct fetch_steps {
	char *user_agent, *from; /* "User-Agent: ...", "From: ..." */
	const char *const *headers;
	size_t headers_len;
	const struct fetch_host_line *host_lines;
	size_t host_lines_len;
	struct jar *jar; /* the caller's, or NULL */
	bool accept_cookies;
	char made[FETCH_MADE_BYTES];
	size_t made_len;
};
int fetch_steps_init(struct fetch_steps *s, const struct fetcher_conf *conf);
void fetch_steps_release(struct fetch_steps *s);

/* The lines of all steps. */
void fetch_steps_before(
    struct fetch_steps *s, const struct fetch_ask *ask, struct fetch_lines *lines);
/* See fetch_request_mask(). */
int fetch_steps_mask(
    const struct fetch_steps *s, struct slice request, size_t max, struct buf *out);
/* `head` of an answer: status line and header lines. */
void fetch_steps_after(
    struct fetch_steps *s, const struct fetch_ask *ask, struct slice head);
#endif
