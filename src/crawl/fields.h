/*
 * crawl/fields.h -- the fields that a crawl takes out of its pages: --extract, compiled.
 *
 * The engine compiles them; workers get the blob with their settings; the sinks get the
 * names by the engine's `struct select`, and the values as a worker encoded them.
 *
 * Errors: -EINVAL with the sentence, -ENOMEM.
 */
#ifndef CRAWL_FIELDS_H
#define CRAWL_FIELDS_H
#include "base/why.h"
#include "crawl/options.h"
#include "web/page.h"
#include "web/select.h"
#include "web/url.h"

/* Of all pages and of rules; *ret is NULL when there are no fields. */
int fields_new(const struct options *o, struct select **ret, struct why *why);
/* What was found on a page, without the fields that by the job's rules only other pages
 * have; in the arena, or where they were. */
struct rules;
int fields_of_page(const struct rules *rules, const struct url *url,
    const struct page *page, struct arena *a, const struct select_value **ret,
    size_t *ret_len);
/* One of them, by itself. */
int field_check(struct slice spec, struct why *why);
#endif
