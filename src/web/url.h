/*
 * web/url.h -- URLs: WHATWG parsing and resolving, and the crawler's normal form.
 *
 * url_resolve() writes the serialised URL into the caller's storage and describes it by
 * offsets: no allocation.  For schemes other than http and https it says URL_UNSUPPORTED
 * (after the scheme was recognised), so that `mailto:` is no broken link.
 *
 * Normal form (on top of the standard's): no fragment, no credentials; one host name, one
 * spelling (lower case, IDNA, no trailing dot); default port dropped; empty path is "/".
 *
 * Source:  https://url.spec.whatwg.org/ (sections 3 and 4), UTS 46 by libidn2.
 * Threads: any; no state but converters of charsets, of which each thread has its own.
 */
#ifndef WEB_URL_H
#define WEB_URL_H
#include "base/buf.h"
#include "base/slice.h"

enum { URL_BYTES_MAX = 8192 }; /* of the serialised URL; longer ones are refused */

#define URL_STATUSES(X)                                                                  \
	X(OK, "ok")                                                                      \
	X(RELATIVE_WITHOUT_BASE, "relative URL without a base")                          \
	X(UNSUPPORTED, "scheme is not http or https")                                    \
	X(BAD_HOST, "host is not a valid name or address")                               \
	X(BAD_PORT, "port is not a number up to 65535")                                  \
	X(NO_HOST, "host is missing")                                                    \
	X(TOO_LONG, "longer than 8192 bytes")                                            \
	X(BAD, "not a URL")
enum url_status {
#define X(id, text) URL_##id,
	URL_STATUSES(X)
#undef X
};
const char *url_status_text(enum url_status s);

struct url {
	const char *text; /* serialised; in the storage that was handed in */
	uint16_t len;
	uint16_t scheme_len; /* without ':' */
	/* Host as it is written: IPv6 in brackets. */
	uint16_t user_at, host_at, host_len;
	/* Of the path, of '?' and of '#'; == len where there is none. */
	uint16_t path_at, query_at, fragment_at;
	uint16_t port;        /* effective: 80 or 443 when none is written */
	bool has_credentials; /* had them in the input, also when they were dropped */
};

/* With both flags it is the `href` of the standard, in which also the dot of
 * "example.com." stays; with none, the normal form. */
enum {
	URL_KEEP_FRAGMENT = 1,
	URL_KEEP_CREDENTIALS = 2,
};

/*
 * `base` may be NULL.  `charset`: of the document, for its query (WHATWG "encoding");
 * empty: UTF-8.  `out` must not overlap `base` or `ref`.
 */
enum url_status url_resolve(const struct url *base, struct slice ref,
    struct slice charset, unsigned flags, char *out, size_t out_cap, struct url *ret);

/*
 * The same for a text that url_resolve() wrote, in normal form: its parts are found, which
 * takes a tenth of the time, and nothing is copied.  Of any other text it may say false, or
 * tell parts that are none; they lie in it.
 */
bool url_describe(struct slice text, struct url *ret);

/*
 * What one page is also called: guesses on top of the normal form, for whoever asks for
 * them (the crawl does not by default, for each is wrong for some site).
 */
enum url_tidy {
	/* Parameters by name; of one name as they stand; empty ones ("&&") dropped. */
	URL_SORT_QUERY = 1,
	/* ";jsessionid=", PHPSESSID, ASPSESSIONID..., CFID and CFTOKEN, "(S(...))" of
	 * ASP.NET; sid, sessionid and their like if the value looks like one. */
	URL_STRIP_SESSION_IDS = 2,
	/* utm_*, gclid, fbclid, msclkid, mc_eid and their like. */
	URL_STRIP_TRACKING = 4,
};
/*
 * Of a URL in normal form, in place: `text` is u->text, where the caller may write.  The
 * result is a normal form, and tidy: the same again changes nothing.
 */
void url_tidy(struct url *u, char *text, unsigned how);
/*
 * Opens the converters of this thread for all charsets a query can be in; later calls of
 * url_resolve() then need no file (a worker calls this before it is jailed).  -ENOENT:
 * some are missing; queries in those are encoded as UTF-8.
 */
int url_charsets_preload(void);

static inline struct slice
url_text(const struct url *u)
{
	return slice_of(u->text, u->len);
}
static inline struct slice
url_scheme(const struct url *u)
{
	return slice_of(u->text, u->scheme_len);
}
static inline bool
url_is_https(const struct url *u)
{
	return u->scheme_len == 5;
}
static inline struct slice
url_host(const struct url *u)
{
	return slice_of(u->text + u->host_at, u->host_len);
}
/* Path without query, always starting with '/'. */
static inline struct slice
url_path(const struct url *u)
{
	return slice_of(u->text + u->path_at, (size_t)(u->query_at - u->path_at));
}
/* With its '?', empty when there is none. */
static inline struct slice
url_query(const struct url *u)
{
	return slice_of(u->text + u->query_at, (size_t)(u->fragment_at - u->query_at));
}
/* Path and query: what goes on the request line and what robots.txt is about. */
static inline struct slice
url_target(const struct url *u)
{
	return slice_of(u->text + u->path_at, (size_t)(u->fragment_at - u->path_at));
}
/* Of a URL in normal form: "scheme://host[:port]". */
static inline struct slice
url_authority(const struct url *u)
{
	return slice_of(u->text, u->path_at);
}

/* XXH3 under a seed of the crawl, so that collisions cannot be prepared from outside. */
uint64_t url_hash(struct slice text, uint64_t seed);
enum { URL_SHARDS = 64 };
static inline uint32_t
url_shard(uint64_t authority_hash)
{
	return (uint32_t)(authority_hash % URL_SHARDS);
}
/* The registrable domain of a host by the public suffix list (libpsl); a part of `host`,
 * the whole of it for addresses and for public suffixes themselves. */
struct slice url_site(struct slice host);
/* Whether names are registered right below this one ("co.uk", "github.io"; also a name of
 * one label that the list does not have). In any case; dots at the end do not matter. */
bool url_is_public_suffix(struct slice domain);
/* Whether a host of a URL in normal form is an IP address. */
bool url_host_is_address(struct slice host);
/*
 * Appends the key of a URL in normal form under which archive indexes (CDXJ) list it, as
 * pywb computes it: "com,example)/path?query".  0 or buf_add()'s codes.
 */
int url_surt(const struct url *u, struct buf *out);
#endif
