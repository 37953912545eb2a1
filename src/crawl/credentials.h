/*
 * crawl/credentials.h -- header lines that go to one host only: --auth and --header-for.
 *
 *   --auth USER:PASS@HOST[:PORT]            Authorization, scheme Basic (RFC 7617)
 *   --header-for HOST[:PORT]=Name: value    any line
 *
 * They go to https://HOST[:PORT] and, in the clear, to http://HOST[:PORT] only if the job
 * has a seed there: a link cannot make us say a password where all can hear it.  Each goes
 * to an authority, so no redirect takes it anywhere else.  Sent unasked, with every
 * request; a realm is not looked at.
 *
 * Owns:    its texts.   Threads: loop thread.
 * Errors:  -EINVAL with a sentence that holds no secret; -ENOMEM.
 */
#ifndef CRAWL_CREDENTIALS_H
#define CRAWL_CREDENTIALS_H
#include "crawl/options.h"
#include "fetch/fetch.h"

struct credentials {
	struct fetch_host_line *v;
	size_t n;
};
enum { CREDENTIALS_MAX = 1000, CREDENTIALS_FILE_MAX = 1 << 20 };

/* `file`: the text of --auth-file, a line like --auth each; empty and # lines are none. */
int credentials_init(struct credentials *c, const struct options *o, struct slice file,
    const struct strlist *seeds, struct why *why);
/* One value of --auth or --header-for by itself; empty is fine. */
int credentials_check(enum option_id option, struct slice text, struct why *why);
/* What is wrong with a line of --header or --header-for, to stand behind it; NULL: it is
 * "Name: value", not Host, and not of those that say how a request is sent (RFC 9112, section
 * 6; RFC 9110, sections 7.6.1 and 10.1.4), which may be left out only ("Expect:"). */
const char *header_line_fault(struct slice line);
void credentials_release(struct credentials *c);
#endif
