/*
 * web/page_robots.h -- what a page asks robots to do with it: <meta name=robots> and the
 * header X-Robots-Tag.
 *
 * Both may speak to one agent only: <meta name=trawl content=nofollow>, "X-Robots-Tag:
 * trawl: nofollow".  An agent is a product token as in robots.txt, compared in any case.
 * What is said to all and what is said to us add up: nothing takes back a restriction,
 * also not "all", "index" and "follow", which are read and mean nothing.
 *
 * Owns:    nothing.    Units: seconds since 1970, UTC.
 * Errors:  none; what cannot be read is not said.
 * Source:  developers.google.com/search/docs/crawling-indexing/robots-meta-tag; nobody
 *          has made it a standard.
 * Threads: any; no state.
 */
#ifndef WEB_PAGE_ROBOTS_H
#define WEB_PAGE_ROBOTS_H
#include "base/json.h"
#include "base/slice.h"

#define PAGE_ROBOTS(X)                                                                   \
	X(NOINDEX, "noindex")                                                            \
	X(NOFOLLOW, "nofollow")                                                          \
	X(NOARCHIVE, "noarchive")                                                        \
	X(NOSNIPPET, "nosnippet")                                                        \
	X(NOIMAGEINDEX, "noimageindex")                                                  \
	X(NOTRANSLATE, "notranslate")                                                    \
	X(INDEXIFEMBEDDED, "indexifembedded")
enum page_robots_place {
#define X(id, name) PAGE_ROBOTS_AT_##id,
	PAGE_ROBOTS(X)
#undef X
	    PAGE_ROBOTS_MAX
};
enum page_robots_bit { /* bits */
#define X(id, name) PAGE_ROBOTS_##id = 1 << PAGE_ROBOTS_AT_##id,
	PAGE_ROBOTS(X)
#undef X
	    PAGE_ROBOTS_ALL = (1 << PAGE_ROBOTS_MAX) - 1
};
/* Of the i-th bit: "noindex". */
const char *page_robots_name(unsigned i);

struct page_robots {
	unsigned bits;              /* enum page_robots_bit */
	bool has_unavailable_after; /* the earliest, where there are several */
	int64_t unavailable_after_s;
};

/* `agent`: a product token, or a User-Agent that begins with one; empty: only what is
 * said to all counts.  All of these add to `r`, which begins as {0}. */
void page_robots_meta(
    struct page_robots *r, struct slice name, struct slice content, struct slice agent);
/* The value of one header line. */
void page_robots_header(struct page_robots *r, struct slice value, struct slice agent);
/* What another says as well. */
void page_robots_add(struct page_robots *r, const struct page_robots *more);
/* All X-Robots-Tag lines of the head of an answer. */
void page_robots_head(struct page_robots *r, struct slice head, struct slice agent);
/* Members of the object that is being written: "robots":["noindex"],
 * "unavailable_after"; nothing where nothing was said. */
void page_robots_json(struct jsonw *j, const struct page_robots *r);
#endif
