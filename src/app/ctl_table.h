/*
 * app/ctl_table.h -- what `trawl ctl` prints for people: lists as tables, objects as rows.
 *
 * All that comes from the service is made harmless for a terminal.
 *
 * Owns: nothing.   Errors: buf_add()'s.
 */
#ifndef APP_CTL_TABLE_H
#define APP_CTL_TABLE_H
#include "base/buf.h"
#include <jansson.h>

struct ctl_column {
	const char *title, *path; /* "stats.pages"; "why|end": the first that is there */
	bool right;               /* a number */
};
enum { CTL_COLUMNS_MAX = 8 };
/* A line a member of `items`, below the titles; `columns` end with a NULL title. */
int ctl_table(json_t *items, const struct ctl_column *columns, struct buf *out);
/* Of a log: what is unsafe was escaped when it was written, and tabs part its fields. */
int ctl_lines(json_t *lines, struct buf *out);
/* A line a member, those of objects in it with a dot. */
int ctl_rows(json_t *object, struct buf *out);
#endif
