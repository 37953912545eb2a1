/*
 * web/http.h -- what the head of an HTTP response says: pure parsing of its bytes.
 *
 * A head is what was received: status line and header lines, ended by CR LF or LF, with
 * or without the empty line.  Nothing here fails on odd input: what cannot be read is
 * absent.
 *
 * Owns:    nothing; slices lie in the head.  Times are seconds since 1970, UTC.
 * Source:  RFC 9110 (semantics), 9112 (syntax), 8288 (Link), 6265bis (cookies),
 * mimesniff.spec.whatwg.org.  The header Refresh is read by refresh_parse() of
 * web/srcset.h, X-Robots-Tag by web/page_robots.h.
 * Threads: any; no state.
 */
#ifndef WEB_HTTP_H
#define WEB_HTTP_H
#include "base/buf.h"
#include "base/slice.h"
#include "web/url.h"

/* -- status line and header lines -------------------------------------------------- */

struct http_status {
	unsigned major, minor; /* of the version; "HTTP/2" is 2.0 */
	unsigned code;         /* three digits */
	struct slice reason;
};
bool http_status(struct slice head, struct http_status *ret);

struct http_header {
	struct slice name,
	    value; /* trimmed; a folded value holds its line ends, as space */
};
/* What follows the status line; step through it with http_header_next(). */
struct slice http_headers(struct slice head);
bool http_header_next(struct slice *rest, struct http_header *ret);
/* The value of the next of that name, which is faster than to step through all. */
bool http_header_find(struct slice *rest, struct slice name, struct slice *ret);
/* The status line and the fields of these names, for whoever asks a head many times; into
 * `out`, which has room for head.len + 1 bytes.  How many were written. */
size_t http_head_pick(struct slice head, const struct slice *names, size_t n, char *out);
/* The same with bytes that are no UTF-8 as %XX, into 3 * head.len bytes.  URLs of a head have
 * no charset: browsers ask for what stands there, byte by byte. */
size_t http_head_escape(struct slice head, char *out);
/* The value of the first, or the empty slice. */
struct slice http_header_get(struct slice head, struct slice name);
/* All values of the name with ", " between them, as section 5.2 of RFC 9110 allows. */
int http_header_join(struct slice head, struct slice name, struct buf *out);

/* One member of a comma-separated list, trimmed; quoted strings are kept whole. */
bool http_list_next(struct slice *rest, struct slice *ret);
/* One "name" or "name=value" of a list separated by `sep`; a quoted value loses its
 * quotes (not its backslashes).  `value` has ptr NULL when there is no '='. */
bool http_param_next(
    struct slice *rest, char sep, struct slice *ret_name, struct slice *ret_value);

/* -- Content-Type ------------------------------------------------------------------- */

struct http_mime {
	char essence[80]; /* lower case, "text/html"; "" when there is none */
	char charset[40]; /* as it was written: a label; "" when there is none */
};
/* One value; false: not a MIME type. */
bool http_mime_parse(struct slice value, struct http_mime *ret);
/* Of all Content-Type lines of a head (Fetch, "extract a MIME type"). */
bool http_mime(struct slice head, struct http_mime *ret);

/* -- times -------------------------------------------------------------------------- */

/* The three formats of RFC 9110 section 5.6.7, and what cookies come with. */
bool http_date(struct slice value, int64_t *ret);
struct http_date {
	int64_t year, month, day, hour, minute, second; /* month and day from 1 */
};
#define HTTP_TIME_MIN INT64_C(-11644473600) /* 1601-01-01 */
#define HTTP_TIME_MAX INT64_C(253402300800) /* the end of 9999 */
/* False: there is no such time between 1601 and 9999. */
bool http_time(const struct http_date *d, int64_t *ret);
enum { HTTP_RETRY_AFTER_MAX_S = 7 * 24 * 3600 };
/* RFC 9110 section 10.2.3: seconds to wait from `now`, which for a date is best told by whoever
 * sent it (its Date), 0 to HTTP_RETRY_AFTER_MAX_S; -1: absent, junk, or over before `now`. */
int64_t http_retry_after_s(struct slice value, int64_t now);

/* -- single headers ----------------------------------------------------------------- */

struct http_link {
	struct slice url; /* not resolved */
	struct slice rel; /* tokens separated by space */
	struct slice anchor, type, as;
};
/* The next of a Link header. */
bool http_link_next(struct slice *rest, struct http_link *ret);
/* Whether a space-separated list has `token`, in any case. */
bool http_has_token(struct slice list, struct slice token);

/* Whether it may stand in From (RFC 9110, section 10.1.2): one mailbox of RFC 5322, section
 * 3.4, "me@example.org" or "My name <me@example.org>"; without comments, and with what
 * RFC 6532 lets be beyond ASCII. */
bool http_is_mailbox(struct slice text);

/* -- cookies ------------------------------------------------------------------------ */

enum http_same_site {
	HTTP_SAME_SITE_NONE_GIVEN,
	HTTP_SAME_SITE_NONE,
	HTTP_SAME_SITE_LAX,
	HTTP_SAME_SITE_STRICT
};
enum { HTTP_COOKIE_BYTES_MAX = 4096 }; /* of name and value together */
struct http_cookie {
	struct slice name, value;
	struct slice domain; /* without a leading dot; empty: the host only */
	struct slice path;   /* empty: the default path */
	bool has_expiry;
	int64_t expires; /* valid if has_expiry; Max-Age goes before Expires */
	bool secure, http_only;
	enum http_same_site same_site;
};
/* One Set-Cookie line; false: to be ignored. */
bool http_cookie_parse(struct slice value, int64_t now, struct http_cookie *ret);
/*
 * Whether a cookie that came from `from`, a URL in normal form, may be kept (RFC 6265bis,
 * section 5.7): its domain is that of the host or one above, and no public suffix (libpsl);
 * Secure is only believed over https; names with "__Secure-" and "__Host-" keep what they
 * promise.  `c->domain` becomes empty where it is the host itself and a public suffix.
 */
bool http_cookie_accept(struct http_cookie *c, const struct url *from);
/* Whether `host`, of a URL in normal form, is `domain` or below it; both in any case. */
bool http_domain_match(struct slice host, struct slice domain);
#endif
