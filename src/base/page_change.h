/*
 * base/page_change.h -- what a recrawl found of a page: always exactly one of these.
 *
 * One X-list, as that of outcomes: the enum, the names that people see and, of those that
 * have a line each in changes.tsv, 1.  The numbers are on disk: new ones go to the end.
 */
#ifndef BASE_PAGE_CHANGE_H
#define BASE_PAGE_CHANGE_H
#include "base/slice.h"

#define PAGE_CHANGES(X)                                                                  \
	X(NONE, "none", 0)       /* nothing to compare with: the first crawl */          \
	X(NEW, "new", 1)         /* was not there before */                              \
	X(CHANGED, "changed", 1) /* has other contents */                                \
	X(UNCHANGED, "unchanged", 0)                                                     \
	X(GONE, "gone", 1)       /* was there, and now there is 404 or 410 */            \
	X(ABSENT, "absent", 0)   /* is not there, and was not before */                  \
	X(UNKNOWN, "unknown", 0) /* did not say: it failed, or must not be asked */

enum page_change {
#define X(id, name, told) PAGE_CHANGE_##id,
	PAGE_CHANGES(X)
#undef X
	    PAGE_CHANGE_MAX
};

const char *page_change_name(enum page_change c);
/* Whether each such page is told of, and not their number alone. */
bool page_change_is_told(enum page_change c);
/* By name; false leaves *ret untouched. */
bool page_change_parse(struct slice name, enum page_change *ret);
#endif
