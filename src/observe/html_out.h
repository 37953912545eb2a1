/*
 * observe/html_out.h -- writing HTML into a buf: the first error sticks, later calls do
 * nothing.  Whatever came from the net goes through html_text() or html_url().
 *
 * Owns:    nothing.    Errors:  `err`, buf_add()'s codes.
 */
#ifndef OBSERVE_HTML_OUT_H
#define OBSERVE_HTML_OUT_H
#include "base/buf.h"

struct html {
	struct buf *b;
	int err;
};
void html_add(struct html *h, const char *markup);
__attribute__((format(printf, 2, 3))) void html_printf(
    struct html *h, const char *fmt, ...);
void html_text(struct html *h, struct slice s);
/* A link for http and https, which tells nobody where it was followed from; else text. */
void html_url(struct html *h, struct slice url);
/* A bar of that share of the whole, 0 to 1. */
void html_bar(struct html *h, double share);

struct format;
/* "90 ms", then as format_elapsed() has it. */
const char *html_took(struct format *store, int64_t ms);
#define TOOK(ms) html_took(&(struct format){{0}}, (ms))

struct timeline;
/* Time lines: pages, bytes, errors, time to answer.  `cuts_ms`: where runs begin. */
void html_charts(
    struct html *h, const struct timeline *t, const int64_t *cuts_ms, size_t cuts_len);
extern const char html_style[];
#endif
