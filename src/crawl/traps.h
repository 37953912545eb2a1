/*
 * crawl/traps.h -- sites that make up URLs for ever: which ones are not worth asking for.
 *
 *   a new URL ---> traps_judge() ---> wanted, or cut by a rule; told with its pattern
 *   a page    ---> traps_learn() ---> a pattern may be closed: nothing more of it
 *   its turn  ---> trap_gates_find(), on the loop: what waits of a closed pattern is cut, too
 *
 * Rules:
 *   repeats          the path has the same segments too often in a row
 *   path-depth       it has too many segments
 *   url-length       the URL is too long
 *   dates            of a pattern, too many dates before 1900 or two years from now and
 *                    later; a page with links to something else allows some more
 *   queries          of a path, too many combinations of parameters: more than the most
 *                    diverse of them can explain, and pages with links to something else
 *                    allow some more
 *   duplicates       of a pattern, or of all pages of a host that end alike under a path
 *                    that repeats: the last pages were nearly all copies of others
 *   host-duplicates  the same of a whole host, by those of its pages of which the shape is
 *                    known and that have no pattern in common
 *   hosts            of a site (registrable domain) the last hosts had nothing that others of
 *                    it do not have, or redirects and errors only: no new host of it is wanted
 *
 * A page is a copy when its shape (text_shape(); of what is no HTML, its bytes) or, where it
 * is known, its fingerprint (within 3 bits) is that of one of the last different pages of its
 * pattern.
 *
 * Owns:    a record of each pattern that matters, the least used given up past bytes_max
 *          and 4,096 of a host (those that cut something last); of a site the last 1,024
 *          hosts; the store has the same, by
 *          traps_save().
 * Clock:   wall, as days since 1970-01-01.
 * Errors:  -ENOMEM; traps_load(): -EBADMSG; those of the batch.
 * Threads: struct traps the store thread's, struct trap_gates the loop's.
 */
#ifndef CRAWL_TRAPS_H
#define CRAWL_TRAPS_H
#include "base/map.h"
#include "store/store.h"
#include "web/link.h"
#include "web/pattern.h"

/* The numbers are on disk: new ones go to the end. */
#define TRAP_RULES(X)                                                                    \
	X(NONE, "none")                                                                  \
	X(REPEATS, "repeats")                                                            \
	X(DEPTH, "path-depth")                                                           \
	X(LENGTH, "url-length")                                                          \
	X(DATES, "dates")                                                                \
	X(QUERIES, "queries")                                                            \
	X(DUPLICATES, "duplicates")                                                      \
	X(HOST, "host-duplicates")                                                       \
	X(HOSTS, "hosts")
enum trap_rule {
#define X(id, name) TRAP_##id,
	TRAP_RULES(X)
#undef X
	    TRAP_RULE_MAX
};
const char *trap_rule_name(enum trap_rule r);

enum {
	TRAP_PATTERN_MAX = 128, /* with a NUL; the end of a longer one is not shown */
	TRAP_DETAIL_MAX = 200,
	TRAP_TOP_MAX = 10,
};

/* INT64_MAX: no limit, that rule never cuts. */
struct traps_conf {
	uint64_t hash_seed;
	int64_t repeats, depth, length, dates, queries, duplicates, hosts;
	uint64_t bytes_max;
};

/* What is asked for whatever its URL looks like: seeds, what a sitemap names, and what only
 * shows a page (an image leads nowhere; a page without its style is not whole). */
bool traps_spare(enum link_kind kind, unsigned urlrec_flags);

struct traps;
int traps_new(const struct traps_conf *conf, struct traps **ret);
void traps_free(struct traps *t); /* NULL is fine */

struct trap_link {
	const struct url *url;
	const struct url_pattern *pattern; /* of it, under the seed */
	uint64_t authority_hash;
	int32_t today;
};
/* TRAP_NONE, and no detail: it is wanted. */
struct trap_cut {
	enum trap_rule rule;
	uint64_t id;                  /* of the record that counts it; 0: none */
	char detail[TRAP_DETAIL_MAX]; /* "RULE PATTERN: why" */
};
/* A URL that nobody met before; each once, for it counts. */
int traps_judge(struct traps *t, const struct trap_link *l, struct trap_cut *ret);

struct trap_page {
	uint64_t digest, shape; /* 0: not known */
	bool is_bare; /* a redirect, an error, or HTML of hardly a word: see `hosts` */
	bool has_simhash;
	uint64_t simhash;
};
/* Pages that end alike are compared with each other when their path is such a one. */
bool traps_by_tail(const struct url_pattern *p);
/* That URL was fetched, and is a page. */
int traps_learn(struct traps *t, const struct trap_link *l, const struct trap_page *page);
/* The same for its site.  `is_spared`: it is good for its host whatever it is. */
int traps_learn_site(struct traps *t, const struct trap_link *l,
    const struct trap_page *page, bool is_spared);
/* It had a link to what nobody knew, outside its own pattern. */
void traps_news(struct traps *t, const struct trap_link *l);
/* That URL was cut at its turn; of *ret, rule and id. */
void traps_refused(struct traps *t, const struct trap_link *l, struct trap_cut *ret);
/* It was cut, and is to be judged anew. */
void traps_uncut(struct traps *t, enum trap_rule rule, uint64_t id);
/* The numbers have changed: patterns are closed by those that are in force now. */
void traps_reopen(struct traps *t);
/* Whether nothing more is to be expected of the parameters of this page's path: of its
 * links, those to other paths are to be judged first. */
bool traps_is_short(struct traps *t, const struct trap_link *l);

/* A pattern of which nothing more is wanted. */
struct trap_closed {
	uint64_t id;
	enum trap_rule rule;
	char detail[TRAP_DETAIL_MAX];
};
/* Those that were closed since the last call, one a call; false: no more. */
bool traps_next_closed(struct traps *t, struct trap_closed *ret);
/* All of them, from *at = 0 on. */
bool traps_closed_at(const struct traps *t, size_t *at, struct trap_closed *ret);

/* What changed since the last call, and the sums, into the batch. */
int traps_save(struct traps *t, struct store_batch *b);
int traps_load(struct traps *t, struct store *s);

/* ---- what was cut ---- */

struct trap_top {
	enum trap_rule rule;
	uint64_t cuts;
	char pattern[TRAP_PATTERN_MAX];
};
struct trap_sums {
	uint64_t cuts[TRAP_RULE_MAX];
	uint32_t top_len; /* the patterns with most cuts, the most first */
	struct trap_top top[TRAP_TOP_MAX];
};
void traps_sums(const struct traps *t, struct trap_sums *ret);
/* The same out of the store. */
int traps_sums_read(struct store *s, struct trap_sums *ret);

/* ---- at the turn of a URL ---- */

struct trap_gates {
	struct umap closed;
	uint32_t sites; /* of these */
	uint64_t seed;
};
void trap_gates_init(struct trap_gates *g, uint64_t hash_seed);
void trap_gates_release(struct trap_gates *g);
/* Copies; past 65,536 of them it forgets to. */
int trap_gates_add(struct trap_gates *g, const struct trap_closed *c);
/* Of which closed pattern that URL is; NULL: of none.  `was_asked`: its host has answered
 * before, so that it is no new one. */
const struct trap_closed *trap_gates_find(const struct trap_gates *g,
    uint64_t authority_hash, struct slice url, bool was_asked);

void traps_check(const struct traps *t);
#endif
