/*
 * changes.tsv: of each recrawl, what is new, what has changed and what is gone.  Tab
 * separated: round, change, when, outcome, status, URL, digest before, digest now; "-"
 * where there is nothing.  Escaped as rejected.log is.
 */
#include "base/clock.h"
#include "base/escape.h"
#include "sink/lines.h"
#include "sink/types.h"
#include <inttypes.h>

#include "base/banned.h"

#define FILE_NAME "changes.tsv"

static int
changes_open(
    struct sink *s, const struct sink_conf *conf, struct slice mark, struct why *why)
{
	return lines_open(s, conf, FILE_NAME, mark, why);
}

static int
add_field(struct buf *b, struct slice s)
{
	int r = buf_add_byte(b, '\t');

	if (r < 0)
		return r;
	return s.len == 0 ? buf_add_byte(b, '-') : escape_cell(b, lines_text(s));
}

static int
changes_put(struct sink *s, struct sink_event *e, struct why *why)
{
	char at[CLOCK_TEXT_MAX];
	struct buf *b;
	int r;

	if (!page_change_is_told(e->change) || !e->final || e->internal)
		return 0;
	b = lines_begin(s);
	clock_format(e->began_wall_us, 3, at);
	r = buf_printf(b, "%" PRIu32 "\t%s\t%s\t%s\t%d", e->round,
	    page_change_name(e->change), at, outcome_name(e->outcome), e->status);
	if (r == 0)
		r = add_field(b, e->url);
	if (r == 0)
		r = add_field(b, e->digest_before);
	if (r == 0)
		r = add_field(
		    b, e->change == PAGE_CHANGE_GONE ? ((struct slice){0}) : e->digest);
	return lines_end(s, r, why);
}

const struct sink_type sink_changes = {
    .name = "changes",
    .open = changes_open,
    .put = changes_put,
    .flush = lines_flush,
    .sync = lines_sync,
    .mark = lines_mark,
    .close = lines_close,
    .lines = FILE_NAME,
};
