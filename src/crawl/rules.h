/*
 * crawl/rules.h -- what a job wants of some URLs only: "rules:" of its file.
 *
 * A rule is for the URLs that `match` (a regular expression) matches and whose host `host`
 * names ("*.example.org": all below that; with ":8080": at that port only).  All rules that
 * are for a URL hold; of the same key the last has the word; header lines add up.
 *
 *   exclude, depth, priority   where links are judged        (crawl/scope.h, workers)
 *   extract                    fields of these pages only    (crawl/parse.c, workers)
 *   max_body, total_timeout, header   around a request       (crawl/visit.c)
 *   delay, per_host            of a host: rules with `host` and without `match` (frontier)
 *
 * The rules themselves lie in struct options.  Workers get what they judge by, and no
 * header lines.
 *
 * Owns:    compiled rules their patterns.
 * Threads: one user at a time; rules_pace() any.
 * Errors:  -EINVAL with the sentence, -ENOMEM.
 */
#ifndef CRAWL_RULES_H
#define CRAWL_RULES_H
#include "crawl/options.h"
#include "web/url.h"
#include <jansson.h>

enum { RULES_MAX = 100, RULES_HEADERS_MAX = 20 };

/* The options that a rule may have. */
#define RULE_OPTIONS(X)                                                                  \
	X(crawl_depth)                                                                   \
	X(crawl_extract)                                                                 \
	X(fetch_max_body)                                                                \
	X(fetch_total_timeout) X(fetch_header) X(fetch_delay) X(fetch_per_host)
/* Of that name; NULL: there is none. */
const struct option_row *rule_option(struct slice name);
/* The name of a key that looks most like it; NULL: none does. */
const char *rule_key_nearest(struct slice name);

/* A host as a rule may name it, in normal form.  -EINVAL. */
int rule_host(struct slice text, char **ret, struct why *why);
/* Whether the rule can be, as it is: what it is for, and what goes together. */
int rule_check(const struct option_rule *rule, struct why *why);

/* What workers need of them: a list, NULL when memory is out. */
json_t *rules_settings(const struct options *o);
struct rules;
/* `list` as rules_settings() made it; *ret is NULL when there are none. */
int rules_new(json_t *list, struct rules **ret, struct why *why);
void rules_free(struct rules *r);

struct rules_verdict {
	int excluded_by;   /* number of the rule, from 1; 0: not excluded */
	int64_t depth_max; /* -1: as for all */
	int depth_by;
	bool has_priority;
	int16_t priority;
};
/* NULL has no rules. */
void rules_judge(const struct rules *r, const struct url *url, struct rules_verdict *ret);
/* The rules that are for it, as places in options.rules. */
size_t rules_matching(
    const struct rules *r, const struct url *url, uint16_t ret[RULES_MAX]);
/* Are there fields that only some pages have; and has a page with these rules this one? */
bool rules_have_fields(const struct rules *r);
bool rules_want_field(
    const struct rules *r, const uint16_t *matching, size_t n, size_t field);

/* Of an authority, "scheme://host[:port]", as far as rules say something. */
void rules_pace(const struct options *o, struct slice authority, uint32_t *per_host,
    int64_t *delay_ms);
bool rules_have_pace(const struct options *o);
uint64_t rules_hash(const struct options *o, uint64_t hash);
#endif
