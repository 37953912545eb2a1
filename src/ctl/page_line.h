/*
 * ctl/page_line.h -- which lines of pages.jsonl are wanted.
 *
 * No tree is made of a line (observe/logline.h): a filter may go through gigabytes.  A line
 * that cannot be understood is not wanted.
 *
 * Owns:    nothing; texts of the filter are borrowed.   Errors: -ENOMEM.   Threads: any.
 */
#ifndef CTL_PAGE_LINE_H
#define CTL_PAGE_LINE_H
#include "base/buf.h"
#include "base/outcome.h"

enum { PAGE_STATUSES_MAX = 8 };
struct page_filter {
	uint64_t outcomes; /* bits 1 << enum outcome; 0: any */
	struct {
		uint16_t from, to;
	} statuses[PAGE_STATUSES_MAX]; /* any of them; none: any */
	size_t statuses_len;
	struct slice mime;             /* begins so; any case */
	struct slice prefix, contains; /* of the URL */
};
_Static_assert(OUTCOME_MAX <= 64, "a bit for each outcome");

/* "ok,http-4xx", "404,5xx"; false: that is none.  *ret_bad: the word. */
bool page_filter_outcomes(
    struct page_filter *f, struct slice text, struct slice *ret_bad);
bool page_filter_statuses(
    struct page_filter *f, struct slice text, struct slice *ret_bad);
/* 1, 0, -ENOMEM.  `room` is for a URL. */
int page_is_wanted(const struct page_filter *f, struct slice line, struct buf *room);
#endif
