/*
 * crawl/score.h -- what makes a link go first, in orders that look at pages: a priority
 * that workers add to that of the job's rules.
 *
 *   --order sitemap  by what the sitemap says of it: its priority, and how lately it changed
 *   --order focus    by the words of --focus: in the text of the link, and how often they
 *                    stand in the text of the page that it is on
 *
 * Owns:    a score its words.   Units: priorities, -127 to 127; times in seconds since 1970.
 * Threads: read-only once made.
 * Errors:  -EINVAL with the sentence (a word that is none, too many), -ENOMEM.
 */
#ifndef CRAWL_SCORE_H
#define CRAWL_SCORE_H
#include "base/why.h"
#include "crawl/options.h"
#include "web/sitemap.h"
#include <jansson.h>

enum { SCORE_WORDS_MAX = 100 };

struct score;
json_t *score_settings(const struct options *o); /* NULL: out of memory */
/* *ret is NULL when the order looks at no page. */
int score_new(json_t *settings, struct score **ret, struct why *why);
void score_free(struct score *s);
/* What a job's words may be; one of them by itself. */
int score_word_check(struct slice word, struct why *why);

/* All take NULL, for 0. */
int16_t score_sitemap(
    const struct score *s, const struct sitemap_entry *e, int64_t now_s);
bool score_wants_words(const struct score *s);
int16_t score_page(const struct score *s, struct slice title, struct slice text);
int16_t score_anchor(const struct score *s, struct slice anchor);
int16_t score_add(int a, int b); /* within the bounds of a priority */
#endif
