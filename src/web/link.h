/*
 * web/link.h -- the kinds of links there are, and what is known of one besides its URL.
 *
 * A link element is two kinds of one name: what the page needs (styles, icons), and other
 * documents (canonical, alternate, next).  So is the header Link.
 *
 * One X-list: enum, the name people see (`trawl links`, pages.jsonl), Heritrix's hop
 * letter (L navigation, E embed, R redirect, I inferred/sitemap, X speculative, P
 * prerequisite, F form), and whether a crawl follows it without being asked to.
 */
#ifndef WEB_LINK_H
#define WEB_LINK_H
#include "base/slice.h"

#define LINK_KINDS(X)                                                                    \
	X(SEED, "seed", '-', true)                                                       \
	X(A, "a", 'L', true)                                                             \
	X(AREA, "area", 'L', true)                                                       \
	X(LINK, "link", 'E', true)                                                       \
	X(LINK_PAGE, "link", 'L', true)                                                  \
	X(IMG, "img", 'E', true)                                                         \
	X(SRCSET, "srcset", 'E', true)                                                   \
	X(SOURCE, "source", 'E', true)                                                   \
	X(VIDEO, "video", 'E', true)                                                     \
	X(AUDIO, "audio", 'E', true)                                                     \
	X(TRACK, "track", 'E', true)                                                     \
	X(POSTER, "poster", 'E', true)                                                   \
	X(SCRIPT, "script", 'E', true)                                                   \
	X(IFRAME, "iframe", 'E', true)                                                   \
	X(FRAME, "frame", 'E', true)                                                     \
	X(EMBED, "embed", 'E', true)                                                     \
	X(OBJECT, "object", 'E', true)                                                   \
	X(INPUT, "input", 'E', true)                                                     \
	X(BODY, "body", 'E', true)                                                       \
	X(SVG, "svg", 'E', true)                                                         \
	X(CSS, "css", 'E', true)                                                         \
	X(MANIFEST, "manifest", 'E', true)                                               \
	X(META_REFRESH, "meta-refresh", 'L', true)                                       \
	X(FORM, "form", 'F', false)                                                      \
	X(CITE, "cite", 'L', false)                                                      \
	X(LONGDESC, "longdesc", 'L', true)                                               \
	X(PING, "ping", 'X', false)                                                      \
	X(JSON_LD, "json-ld", 'X', false)                                                \
	X(SPECULATIVE, "speculative", 'X', false)                                        \
	X(HEADER_LINK, "header-link", 'E', true)                                         \
	X(HEADER_REFRESH, "header-refresh", 'L', true)                                   \
	X(REDIRECT, "redirect", 'R', true)                                               \
	X(SITEMAP, "sitemap", 'I', true)                                                 \
	X(FEED, "feed", 'L', true)                                                       \
	X(ROBOTS, "robots", 'P', true)                                                   \
	X(HEADER_LINK_PAGE, "header-link", 'L', true)                                    \
	X(PDF, "pdf", 'L', true)

enum link_kind {
#define X(id, name, hop, follow) LINK_##id,
	LINK_KINDS(X)
#undef X
	    LINK_KIND_MAX
};

enum link_rel { /* bits */
	LINK_REL_NOFOLLOW = 1,
	LINK_REL_UGC = 2,
	LINK_REL_SPONSORED = 4,
	LINK_REL_CANONICAL = 8,
	LINK_REL_ALTERNATE = 16,
	LINK_REL_STYLESHEET = 32,
	LINK_REL_NEXT = 64,
	LINK_REL_CONNECT =
	    128, /* dns-prefetch, preconnect: names a host, not a document */
};

const char *link_kind_name(enum link_kind k);
char link_kind_hop(enum link_kind k);
bool link_kind_is_followed(enum link_kind k);
/* Needed to show the page it stands on: images, styles, scripts, frames. */
bool link_kind_is_embed(enum link_kind k);
/* Looks like a URL in a script, in JSON-LD. */
bool link_kind_is_guess(enum link_kind k);
/* In a hop path, of what --check-links makes up to hear what a host says of what it has not. */
enum { LINK_HOP_PROBE = 'S' };
/* Of a hop path: redirects led there, and to the first of them such a question. */
bool link_hops_moved_probe(struct slice path);
#endif
