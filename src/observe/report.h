/*
 * observe/report.h -- what a crawl came to: the closing summary, report.json,
 * report.html.
 *
 * Gathers while the crawl runs (subscribe before its first turn), writes at its end.
 *
 * Owns:    what it gathered: counts, and at most 1,000 broken links.
 * Errors:  -errno with the sentence.   Threads: loop thread.
 */
#ifndef OBSERVE_REPORT_H
#define OBSERVE_REPORT_H
#include "crawl/crawl.h"

struct report;
int report_new(const struct job *job, struct report **ret);
/* Gathers from this crawl from now on; what was gathered before stays. */
int report_attach(struct report *r, struct crawl *c);
void report_free(struct report *r); /* NULL is fine */
/* Takes the final figures from the crawl; before crawl_free(). */
void report_close(struct report *r, enum crawl_end end);
/* DIR/report.json and DIR/report.html, each whole or not at all. */
int report_write(const struct report *r, const char *dir, struct why *why);
/* A few lines for a person. */
int report_summary(const struct report *r, const char *dir, struct buf *out);
int report_json(const struct report *r, struct buf *out);
#endif
