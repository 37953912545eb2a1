/*
 * fetch/jar.h -- the cookies of a crawl (RFC 6265bis).
 *
 *   jar -> site (registrable domain, by name) -> cookie
 *
 * Who may set which cookie is said by http_cookie_accept() of web/http.h.  A request gets
 * those of its own site and no others, and so whatever a site does to its cookies, others
 * keep theirs.  SameSite is not looked at: nobody else's page acts in our name.  A session
 * lasts as long as the crawl, its resumes included.
 *
 * Owns:    copies of all it is given.
 * Clock:   now_s: seconds since 1970, UTC.   Threads: loop thread.
 * Errors:  -ENOMEM; jar_read(): -EINVAL with the line, -E2BIG; jar_write(): buf_add()'s.
 *          What is over a limit puts out another cookie and is no error: of the host,
 *          then of the site, the one that has expired, then one that is not Secure, then
 *          the one that was not used for the longest; over all, the oldest of the site
 *          that was not used for the longest.
 */
#ifndef FETCH_JAR_H
#define FETCH_JAR_H
#include "base/buf.h"
#include "base/why.h"
#include "web/url.h"

struct jar;

enum {
	JAR_HOST_COOKIES_MAX = 50, /* of one domain */
	JAR_SITE_COOKIES_MAX = 180,
	JAR_SITE_BYTES_MAX = 64 << 10,
	JAR_COOKIES_MAX = 10000,
	JAR_BYTES_MAX = 16 << 20,
	JAR_LINE_MAX = 8000, /* bytes sent with a request */
	JAR_FILE_BYTES_MAX = 16 << 20,
};

int jar_new(struct jar **ret);
void jar_free(struct jar *j);

/* A Set-Cookie line of an answer to `from`; what may not be set is dropped. */
int jar_set(
    struct jar *j, const struct url *from, struct slice set_cookie, int64_t now_s);
/* What to send: "name=value; ...", longest path first, then the oldest; the length, 0
 * when there is none.  What has no room is left out. */
size_t jar_get(struct jar *j, const struct url *to, int64_t now_s, char *ret, size_t cap);

/*
 * The file that browsers, wget and curl exchange ("Netscape format"): seven fields with
 * tabs between, "#HttpOnly_" before the domain of some.  Expiry 0 is a session's.  What
 * has expired is skipped.  The first line that is no cookie ends it.
 */
int jar_read(struct jar *j, struct slice text, int64_t now_s, struct why *why);
int jar_write(const struct jar *j, int64_t now_s, struct buf *out);

/*
 * For the store: whether the cookies of the site of `host` have changed since this was
 * asked last; if so, `out` has a text that says them all, for jar_site_load().
 */
bool jar_site_save(struct jar *j, struct slice host, int64_t now_s, struct buf *out);
/* The next site that had no room any more, if it was ever saved: what was saved of it is
 * for nothing.  Its name into `out`; false: there is none, or no memory. */
bool jar_site_gone(struct jar *j, struct buf *out);
/* Takes the place of all that the jar has of that site.  -EBADMSG. */
int jar_site_load(struct jar *j, struct slice saved, int64_t now_s);

size_t jar_count(const struct jar *j);
void jar_check(const struct jar *j); /* asserts what must hold */
#endif
