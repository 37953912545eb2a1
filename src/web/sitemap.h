/*
 * web/sitemap.h -- the URLs a sitemap lists: XML, index, text, RSS, RDF, Atom.
 *
 * Lenient with what people get wrong: space before the declaration, a stray "&",
 * namespaces, several <loc> in one entry, a file cut short.  What was read before an
 * error counts. Nothing is ever fetched for it, and entities of a DTD expand to 1 MiB at
 * most.
 *
 * Owns:    nothing; what the callback gets lives until it returns.
 * Errors:  -ENOMEM.  A file that is no sitemap is none: that is the status.
 * Source:  https://www.sitemaps.org/protocol.html, and Google's extensions.
 * Threads: any; no state.
 */
#ifndef WEB_SITEMAP_H
#define WEB_SITEMAP_H
#include "base/slice.h"
#include "web/url.h"

enum {
	SITEMAP_BYTES_MAX = 50 << 20, /* parsed of a file, decoded; of a tag some 2 MB */
	SITEMAP_ENTRIES_MAX = 50000,  /* of the protocol */
	SITEMAP_EXTRAS_MAX = 200000,  /* images, videos, alternates of a file */
};

#define SITEMAP_FORMATS(X)                                                               \
	X(NONE, "none")                                                                  \
	X(XML, "xml")                                                                    \
	X(INDEX, "index")                                                                \
	X(TEXT, "text")                                                                  \
	X(RSS, "rss")                                                                    \
	X(ATOM, "atom")
enum sitemap_format {
#define X(id, name) SITEMAP_FORMAT_##id,
	SITEMAP_FORMATS(X)
#undef X
};
const char *sitemap_format_name(enum sitemap_format f);

#define SITEMAP_STATUSES(X)                                                              \
	X(OK, "ok")                                                                      \
	X(BROKEN, "broken")       /* not well-formed, or cut: entries up to there */     \
	X(TOO_LARGE, "too-large") /* bytes, entries, names: those up to there */         \
	X(STOPPED, "stopped")     /* by the callback */                                  \
	X(NOT_ONE, "not a sitemap")
enum sitemap_status {
#define X(id, name) SITEMAP_##id,
	SITEMAP_STATUSES(X)
#undef X
};
const char *sitemap_status_name(enum sitemap_status s);

enum sitemap_kind {
	SITEMAP_KIND_PAGE,
	SITEMAP_KIND_SITEMAP, /* of an index */
	SITEMAP_KIND_IMAGE,
	SITEMAP_KIND_VIDEO,
	SITEMAP_KIND_ALTERNATE, /* the same page in another language */
	SITEMAP_KIND_ENCLOSURE, /* of a feed: sound, video, whatever */
	SITEMAP_KIND_FEED,      /* where a feed goes on (RFC 5005, rel=next) */
};

struct sitemap_entry {
	enum sitemap_kind kind;
	enum sitemap_format format;       /* of the file */
	struct slice loc; /* as written, trimmed; not resolved but against xml:base */
	struct slice lastmod, changefreq; /* as written; empty: absent */
	int64_t lastmod_s; /* since 1970; SITEMAP_NO_TIME: absent or junk */
	double priority;   /* 0 to 1; -1: absent or junk */
	struct slice lang; /* of an alternate */
};
#define SITEMAP_NO_TIME INT64_MIN

struct sitemap_conf {
	/* Where the sitemap came from, or NULL. */
	const struct url *base;
	/* Take only pages on its host and under its folder, as the protocol has it
	 * (section "Sitemap file location").  Needs `base`. */
	bool same_location;
	uint32_t entries_max; /* 0: SITEMAP_ENTRIES_MAX */
};

struct sitemap_result {
	enum sitemap_format format;
	enum sitemap_status status;
	uint32_t entries;   /* pages and sitemaps that were told */
	uint32_t extras;    /* all others that were told */
	uint32_t elsewhere; /* not taken because of same_location */
};

/* False: stop. */
typedef bool sitemap_fn(void *ctx, const struct sitemap_entry *e);

/*
 * `body` is decoded (see web/coding.h).  `content_type`: the value of the header, of
 * which only the charset counts: what it is, is told from the bytes.  `conf` may be NULL.
 * Extras are told before the page they are of.
 */
int sitemap_parse(struct slice body, struct slice content_type,
    const struct sitemap_conf *conf, sitemap_fn *fn, void *ctx,
    struct sitemap_result *ret);

/* W3C date and time, or that of RFC 822; false leaves *ret untouched. */
bool sitemap_date(struct slice s, int64_t *ret);
#endif
