/*
 * crawl/outlinks.h -- the references of one page made into judged, distinct URLs.
 *
 *   raw reference -> seen on this page? -> resolve -> seen? -> scope -> found_link
 *
 * Repeats are dropped before they cost anything: half of a page's references are.
 *
 * Speculative references are wanted only if the job says so, and then only what is in
 * scope, up to a number of its own.  Add them last: they take no room from links then, and
 * what is a link is none.
 *
 * Owns:    nothing; all lies in the arena of the page.
 * Errors:  -ENOMEM.   Beyond links_max references are dropped (and counted by the
 * caller).
 */
#ifndef CRAWL_OUTLINKS_H
#define CRAWL_OUTLINKS_H
#include "base/arena.h"
#include "crawl/scope.h"
#include "crawl/task.h"

struct outlinks_conf {
	const struct scope_rules *rules;
	struct arena *arena;
	struct slice url; /* of the page, normal form */
	uint16_t depth;
	uint8_t redirects, flags;
	bool sitemap; /* the page is one: its entries are one step from a seed */
	struct slice hops; /* of the page, in whose end a sitemap's nesting is seen */
	uint32_t links_max;
	struct buf *checks; /* links are noted there, sink/checks.h; NULL: nowhere */
};

struct outlinks {
	struct outlinks_conf conf;
	struct url page, base;
	struct slice charset;
	uint64_t bases; /* how often the base was set; keeps raw references apart */
	uint64_t *set; /* hashes of what was seen; 0: free */
	uint32_t set_len, set_cap;
	struct found_link *v;
	uint32_t len, cap;
	uint32_t cut;     /* distinct ones beyond links_max */
	int16_t score;    /* that the caller gives to what is added from now on */
	uint32_t guesses; /* speculative ones among them */
	struct slice anchor; /* that the caller gives to what is added from now on */
	uint32_t checks_len, checks_cut;
	/* Of the last link, with what is the same for all of it: most links of a page lead to
	 * one host. */
	struct slice authority;
	uint64_t authority_hash;
	enum scope_reach reach;
	char base_text[URL_BYTES_MAX]; /* these two last: they are not cleared */
	char page_text[URL_BYTES_MAX];
};

/* Sitemaps named by sitemaps: one level is what sitemaps.org has. */
enum { OUTLINKS_NESTING_MAX = 5 };

enum {
	OUTLINK_IS_SITEMAP = 1,    /* says the owner of the site, in robots.txt */
	OUTLINK_NAMES_SITEMAP = 2, /* says a page: it is one if it is in scope */
};

int outlinks_begin(struct outlinks *o, const struct outlinks_conf *conf);
/* <base href> and charset of the document, before its links are added. */
void outlinks_base(
    struct outlinks *o, bool has_base, struct slice href, struct slice charset);
int outlinks_add(
    struct outlinks *o, enum link_kind kind, struct slice ref, unsigned flags);
/* A page that its host, and if asked those of its links, are sure not to have. */
int outlinks_probes(struct outlinks *o);
/* Only the URL; `text` has room for URL_BYTES_MAX. */
enum url_status outlinks_url(
    struct outlinks *o, struct slice ref, char *text, struct url *ret);
/* Only the URL, in the arena; empty when it is none that we fetch. */
int outlinks_resolve(struct outlinks *o, struct slice ref, struct slice *ret);
#endif
