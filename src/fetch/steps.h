/*
 * fetch/steps.h -- what is put around a request: one ordered table.
 *
 * Each step may add header lines before the transfer and look at the answer after it, in
 * the reverse order.  A new one (cookies, credentials, validators) is a row in steps.c.
 */
#ifndef FETCH_STEPS_H
#define FETCH_STEPS_H
#include "base/buf.h"
#include "fetch/fetch.h"

enum {
	FETCH_OWN_LINES_MAX = 4,
	FETCH_LINES_MAX = FETCH_HEADERS_MAX + FETCH_OWN_LINES_MAX
};
struct fetch_lines {
	struct slice v[FETCH_LINES_MAX];
	size_t n;
};

/* The fetcher's part: texts of the lines that never change. */
struct fetch_identity {
	char *user_agent, *from; /* "User-Agent: ...", "From: ..." */
	const char *const *headers;
	size_t headers_len;
};
int fetch_identity_init(struct fetch_identity *id, const struct fetcher_conf *conf);
void fetch_identity_release(struct fetch_identity *id);

/* The lines of all steps, in order; there is room for them. */
void fetch_steps_before(const struct fetch_identity *id, struct fetch_lines *lines);
#endif
