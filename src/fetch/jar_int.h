/*
 * fetch/jar_int.h -- what the files of the jar share; for nobody else.
 *
 *   jar.c       cookies and sites, limits, what is sent
 *   jar_file.c  the text form, of files and of the store
 */
#ifndef FETCH_JAR_INT_H
#define FETCH_JAR_INT_H
#include "base/list.h"
#include "base/map.h"
#include "fetch/jar.h"

enum { JAR_GONE_MAX = 1000 };
enum { JAR_PATH_MAX = 1024, JAR_DOMAIN_MAX = 255 };
#define JAR_SESSION INT64_MAX /* of cookie.expires: with the crawl */

struct cookie {
	struct list on_site;
	struct slice name, value, domain, path; /* in text */
	int64_t expires, saved_expires;
	uint64_t used; /* counts up with each use of the jar */
	bool host_only, secure, http_only;
	char text[];
};

struct site {
	struct list on_recent;
	struct list cookies; /* in the order in which they were made */
	size_t n, bytes;
	bool changed; /* since jar_site_save() */
	bool stored;  /* that was ever called for it */
	struct slice name;
	char text[];
};

struct jar {
	struct map sites;
	struct list recent; /* the one unused longest first */
	struct list gone;   /* sites by on_recent: for jar_site_gone() */
	size_t gone_len;
	size_t n, bytes;
	uint64_t uses;
};

struct site *jar_site(const struct jar *j, struct slice host); /* NULL: none */
/* A cookie that may be kept; `c` is a form for it.  Takes the place of one of the same
 * name, domain and path; one that has expired only takes it away. */
int jar_put(struct jar *j, const struct cookie *c, int64_t now_s);
void jar_drop_site(struct jar *j, struct site *site);
void jar_forget_gone(struct jar *j, struct site *site);
#endif
