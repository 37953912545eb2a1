/*
 * web/robots.h -- robots.txt: which of a host's URLs we may fetch, and how often.
 *
 * robots_compile() turns the file into a blob that holds only what concerns our agent:
 * rules sorted so that the first that matches decides.  The blob is plain bytes, position
 * independent, of this machine's byte order, and crosses a process boundary: each
 * function here is safe on any bytes, robots_blob_check() tells whether they are a blob.
 *
 * Owns:    nothing; the blob is written into the caller's buf.
 * Source:  RFC 9309; Crawl-delay and Sitemap as commonly understood; of keys also the
 *          misspellings that Google's parser knows, but none without a colon.
 * Threads: any; no state.
 */
#ifndef WEB_ROBOTS_H
#define WEB_ROBOTS_H
#include "base/buf.h"
#include "base/slice.h"

enum {
	ROBOTS_BYTES_MAX = 500 * 1024, /* parsed of a file (RFC 9309, section 2.5) */
	ROBOTS_BLOB_MAX = 4 << 20,     /* a blob is never larger */
	ROBOTS_SITEMAPS_MAX = 1000,    /* told of a file */
	ROBOTS_WORK_MAX = 4 << 20,     /* bytes searched to match one target */
};

enum robots_group {
	ROBOTS_GROUP_NONE, /* no group is about us: everything is allowed */
	ROBOTS_GROUP_ANY,  /* "User-agent: *" */
	ROBOTS_GROUP_OWN,  /* our product token is named */
};

struct robots_verdict {
	bool allowed;
	uint32_t line;        /* of the rule that decided, from 1; 0: no rule matched */
	struct slice pattern; /* of that rule, normalised; in the blob */
	enum robots_group group;
};

/*
 * Appends the blob to `out`.  `agent`: a product token or a User-Agent that begins with
 * one ("Trawl/1.0 (+https://...)").  All groups that name it are merged; else those of "*".
 * 0, -ENOMEM, or -EMSGSIZE when `out` would grow past its maximum.
 */
int robots_compile(struct slice text, struct slice agent, struct buf *out);
bool robots_blob_check(struct slice blob);
/*
 * Whether `target` (path and query) may be fetched; `ret` may be NULL.  An empty blob
 * allows everything, one without the head of a blob nothing.  Of a target only the first
 * 20 KiB are looked at, and rules with wildcards only until they passed ROBOTS_WORK_MAX
 * bytes of it together: a file that takes more allows nothing that it did not decide on
 * by then (line 0).
 */
bool robots_match(struct slice blob, struct slice target, struct robots_verdict *ret);
/* Milliseconds; -1: none is asked for. */
int64_t robots_crawl_delay_ms(struct slice blob);

/* Each "Sitemap:" of the file, wherever it stands, not resolved.  `fn` returns false to
 * stop. */
typedef bool robots_sitemap_fn(void *ctx, struct slice url);
void robots_sitemaps(struct slice text, robots_sitemap_fn *fn, void *ctx);
#endif
