/*
 * sink/jsonl.h -- a page as a JSON object on one line, for the sinks that write such.
 *
 * The members are those of doc/pages.schema.json.
 *
 * Owns:    nothing.
 * Errors:  those of buf_add(); what was in `b` before stays.
 * Threads: any.
 */
#ifndef SINK_JSONL_H
#define SINK_JSONL_H
#include "sink/sink.h"

/* A dozen texts of 8 KiB, 256 KiB of main text and as much of fields, each byte escaped
 * to six. */
enum { JSONL_LINE_BYTES_MAX = 4 << 20 };

/* A page is a URL whose fetch ended with a response: answers that are tried again, and
 * robots.txt, are none. */
bool jsonl_is_page(const struct sink_event *e);
struct jsonw;
/* The object of the extracted fields, if any were looked for. */
void jsonl_fields(struct jsonw *j, const char *key, const struct sink_event *e);
/* Without the end of the line. */
int jsonl_line(struct buf *b, const struct sink_event *e);
/* The same with its number, `seq`. */
int jsonl_line_numbered(struct buf *b, const struct sink_event *e, uint64_t seq);
#endif
