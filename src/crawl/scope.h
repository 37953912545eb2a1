/*
 * crawl/scope.h -- how far a crawl goes: is this URL wanted, and if not, why.
 *
 * Compiled once in each process that judges (the workers; the engine for its seeds) from
 * the same settings: options as JSON, and behind them what the seeds reach (crawl/reach.h).
 *
 * Rules, in order; the first that speaks decides:
 *   1. an --exclude matches, or a rule of the job says so: out of scope;
 *   2. the URL lies within the scope of a seed (page, prefix, host, domain, any); else it
 * is out of scope, unless --requisites admits it as part of an in-scope page;
 *   3. --include is given and none matches: out of scope;
 *   4. more links from a seed than --depth, or than a rule for this URL says: depth;
 *   5. more than 20 redirects in a row: redirect-limit.
 * With --check-links what 2 to 4 refuse is wanted all the same, but only asked whether it is
 * there (URLREC_CHECK), and so are images, scripts and media in scope, which have no links.
 * Seeds are always wanted.  A seed's redirect target is a seed (as in Heritrix), so that
 * http://example.org/ that moved to https://www.example.org/ is crawled there.
 *
 * Owns:    its patterns.   Threads: one user at a time.
 * Errors:  -EINVAL with the sentence (a pattern that PCRE2 refuses), -ENOMEM.
 */
#ifndef CRAWL_SCOPE_H
#define CRAWL_SCOPE_H
#include "base/outcome.h"
#include "crawl/options.h"
#include "web/link.h"
#include "web/url.h"

struct scope_rules;
enum { SCOPE_REDIRECTS_MAX = 20 };

/* No settings are longer. */
enum { SCOPE_SETTINGS_MAX = 62 << 20 };

/* What a job's workers need to know; `seeds` as job_tidy_seeds() leaves them.  -EMSGSIZE
 * with the sentence: there are too many. */
int scope_settings(const struct options *o, const char *const *seeds, size_t seeds_len,
    uint64_t hash_seed, struct buf *out, struct why *why);
/* What is done to each URL on top of its normal form: enum url_tidy. */
unsigned scope_tidy_of(const struct options *o);
int scope_rules_new(struct slice settings, struct scope_rules **ret, struct why *why);
void scope_rules_free(struct scope_rules *s);
/* One pattern of --include, --exclude, --priority or --trap-ok by itself; 0 for values of
 * other options. */
int scope_pattern_check(enum option_id option, struct slice value, struct why *why);
/* One more seed.  If it reaches what was not in scope, that is appended to `news` (may be
 * NULL), which tells it to others and is right behind their settings, too. */
int scope_rules_add_root(struct scope_rules *s, struct slice url, struct buf *news);
int scope_rules_extend(struct scope_rules *s, struct slice news);
bool scope_reaches(const struct scope_rules *s, struct slice url);

/* The same for all URLs of an authority, or SCOPE_REACH_ASK: it depends on more. */
enum scope_reach { SCOPE_REACH_ASK, SCOPE_REACH_IN, SCOPE_REACH_OUT };
enum scope_reach scope_reach(const struct scope_rules *s, const struct url *url);

struct scope_link {
	const struct url *url;
	enum link_kind kind;
	uint16_t depth;       /* of the page it stands on */
	uint8_t parent_flags; /* enum urlrec_flag of that page */
	uint8_t redirects;    /* that led to that page */
	enum scope_reach reach; /* what scope_reach() said of the URL, for who knows it */
};
struct scope_verdict {
	enum outcome outcome; /* NONE: wanted */
	uint16_t depth;
	uint8_t flags, redirects;
	int16_t priority;
};
void scope_judge(
    const struct scope_rules *s, const struct scope_link *l, struct scope_verdict *ret);

/*
 * What was queued under other options: is it still wanted?  NONE, OUT_OF_SCOPE or DEPTH,
 * with the reason.  Seeds, where they were redirected to, and sitemaps are; of the rest
 * the page that links it is not asked for again.  What scope_judge() wants this wants, too.
 */
struct urlrec;
enum outcome scope_judge_again(
    const struct scope_rules *s, const struct urlrec *rec, struct buf *reason);
/* RFC 9309 2.2.1: the product token that robots.txt knows us by, at most 63 bytes of it. */
enum { SCOPE_AGENT_BYTES = 64 };
void scope_agent_of(const struct options *o, char ret[SCOPE_AGENT_BYTES]);
/* Of the options that decide what is wanted, and of the seeds; never 0. */
uint64_t scope_hash(const struct options *o, const struct strlist *seeds);

/* Settings that workers need besides: read by parse.c. */
uint64_t scope_hash_seed(const struct scope_rules *s);
unsigned scope_tidy(const struct scope_rules *s); /* enum url_tidy */
unsigned scope_nofollow(const struct scope_rules *s); /* NOFOLLOW_PAGE ... */
uint32_t scope_speculative_max(const struct scope_rules *s); /* 0: none are wanted */
/* --check-links: links are noted, with the ids that they name and those of pages; and hosts
 * are asked for a page that they have not: that of the page, or of each link. */
struct scope_checks {
	bool links, ids, ids_of_all, probes, probes_of_all;
};
struct scope_checks scope_checks(const struct scope_rules *s);
bool scope_reads_sitemaps(const struct scope_rules *s);
/* And what these have beside their pages. */
bool scope_reads_sitemap_extras(const struct scope_rules *s);
bool scope_wants_simhash(const struct scope_rules *s);
bool scope_wants_text(const struct scope_rules *s);   /* in the records */
bool scope_wants_shapes(const struct scope_rules *s); /* text_shape(), against traps */
bool scope_trap_ok(const struct scope_rules *s, const struct url *url); /* --trap-ok */
/* Of the job, compiled: crawl/rules.h; NULL: it has none. */
struct rules;
const struct rules *scope_url_rules(const struct scope_rules *s);
/* What makes links go first: crawl/score.h; NULL: nothing. */
struct score;
const struct score *scope_score(const struct scope_rules *s);
struct slice scope_agent(const struct scope_rules *s); /* robots.txt product token */
/* "exclude 'x'", "scope host", ... for rejected.log and explain. */
void scope_reason(const struct scope_rules *s, const struct scope_link *l,
    enum outcome outcome, struct buf *ret);
#endif
