/*
 * rejected.log: what was not fetched, and why.  Tab separated: reason, URL, via, detail;
 * "-" where there is nothing.  Tabs, line ends and other controls are escaped, and the
 * first character of a URL that a spreadsheet would take for a formula.
 */
#include "base/escape.h"
#include "sink/lines.h"
#include "sink/types.h"

#include "base/banned.h"

static int
rejected_open(
    struct sink *s, const struct sink_conf *conf, struct slice mark, struct why *why)
{
	return lines_open(s, conf, "rejected.log", mark, why);
}

static int
add_field(struct buf *b, struct slice s, int (*escape)(struct buf *, struct slice))
{
	int r = buf_add_byte(b, '\t');

	if (r < 0)
		return r;
	return s.len == 0 ? buf_add_byte(b, '-') : escape(b, lines_text(s));
}

static int
rejected_put(struct sink *s, struct sink_event *e, struct why *why)
{
	struct buf *b;
	int r;

	if (e->kind != SINK_REJECT)
		return 0;
	b = lines_begin(s);
	r = buf_add_cstr(b, outcome_name(e->outcome));
	if (r == 0)
		r = add_field(b, e->url, escape_cell);
	if (r == 0)
		r = add_field(b, e->via, escape_cell);
	if (r == 0) /* begins with our own words, often an option's name */
		r = add_field(b, e->detail, escape_terminal);
	return lines_end(s, r, why);
}

const struct sink_type sink_rejected_log = {
    .name = "rejected-log",
    .open = rejected_open,
    .put = rejected_put,
    .flush = lines_flush,
    .sync = lines_sync,
    .mark = lines_mark,
    .close = lines_close,
    .lines = "rejected.log",
};
