#include "base/escape.h"
#include "observe/format.h"
#include "observe/report_int.h"
#include "observe/traps_view.h"

#include "base/banned.h"

/* The closing summary. */

enum { SUMMARY_BROKEN = 10, SUMMARY_TRAPS = 5, SUMMARY_URL_BYTES = 300 };

static int
summary_outcomes(const struct report *r, struct buf *out)
{
	const char *before = "  outcomes  ";
	bool some = false;
	int e = 0;

	for (int o = OUTCOME_NONE + 1; o < OUTCOME_MAX && e == 0; o++) {
		if (r->facts.totals.outcomes[o] == 0)
			continue;
		e = buf_printf(out, "%s%s %s", before, outcome_name((enum outcome)o),
		    COUNT(r->facts.totals.outcomes[o]));
		before = ", ";
		some = true;
	}
	return e == 0 && some ? buf_add_byte(out, '\n') : e;
}

static size_t
broken_shown(const struct report *r)
{
	return r->broken_len < SUMMARY_BROKEN ? r->broken_len : SUMMARY_BROKEN;
}

/* So that URLs stand below each other. */
static int
broken_width(const struct report *r)
{
	size_t width = 12;

	for (size_t i = 0; i < broken_shown(r); i++) {
		size_t len = strlen(outcome_name(r->broken[i].outcome));

		width = len > width ? len : width;
	}
	return (int)width;
}

static int
summary_broken(const struct report *r, struct buf *out)
{
	int e = 0, width = broken_width(r);

	for (size_t i = 0; i < broken_shown(r) && e == 0; i++) {
		const struct report_broken *b = &r->broken[i];

		e = buf_printf(out, "  %s  %-*s ", i == 0 ? "broken  " : "        ",
		    width, outcome_name(b->outcome));
		if (e == 0)
			e = escape_terminal(out, slice_head(b->url, SUMMARY_URL_BYTES));
		if (e == 0 && b->via.len > 0) {
			e = buf_add_cstr(out, "  on ");
			if (e == 0)
				e = escape_terminal(
				    out, slice_head(b->via, SUMMARY_URL_BYTES));
		}
		if (e == 0 && b->why.len > 0) {
			e = buf_add_cstr(out, ": ");
			if (e == 0)
				e = escape_terminal(
				    out, slice_head(b->why, SUMMARY_URL_BYTES));
		} else if (e == 0 && b->status > 0) {
			e = buf_printf(out, ": %d", b->status);
		}
		if (e == 0)
			e = buf_add_byte(out, '\n');
	}
	if (e == 0 && r->broken_total > SUMMARY_BROKEN)
		e = buf_printf(out, "            and %s more, in report.html\n",
		    COUNT(r->broken_total - SUMMARY_BROKEN));
	return e;
}

static bool
has_sink(const struct report *r, const char *name)
{
	const struct strlist *sinks = &r->job->options.output_sink;

	for (size_t i = 0; i < sinks->n; i++)
		if (strcmp(sinks->v[i], name) == 0)
			return true;
	return sinks->n == 0 && (strcmp(name, "warc") == 0 || strcmp(name, "jsonl") == 0);
}

/* Something was left for a resume, whether or not a URL waits. */
static bool
is_cut_short(enum crawl_end e)
{
	return e == CRAWL_STOPPED || e == CRAWL_STORE || e == CRAWL_DISK_FULL ||
	       e == CRAWL_WORKERS;
}

/* What has to grow, or a resume stops at once; "": nothing has to. */
static const char *
used_up(enum crawl_end e)
{
	switch (e) {
	case CRAWL_PAGES:
		return " --max-pages N, with a greater N";
	case CRAWL_BYTES:
		return " --max-bytes SIZE, with a greater SIZE";
	case CRAWL_TIME:
		return " --max-time T, with a greater T";
	case CRAWL_DISK:
		return " --max-disk SIZE, with a greater SIZE";
	default:
		return "";
	}
}

/* It is made at the end only, and not while a person waits for that. */
static int
summary_mirror(const struct report *r, const char *dir, struct buf *out)
{
	return is_cut_short(r->facts.end)
		   ? buf_add_cstr(out, "  mirror    is made when the crawl is done\n")
		   : buf_printf(out, "  mirror    %s/mirror/index.html\n", dir);
}

/* Files there are named by s3.log as they are put: maybe not all, or none yet. */
static int
summary_bucket(const struct options *o, const char *dir, struct buf *out)
{
	return buf_printf(out, "  bucket    %s/%s at %s; which files: %s/s3.log\n",
	    o->s3_s3_bucket, o->s3_s3_prefix == NULL ? "" : o->s3_s3_prefix,
	    o->s3_s3_endpoint, dir);
}

static int
summary_places(const struct report *r, const char *dir, struct buf *out)
{
	static const struct {
		const char *sink, *title, *file;
	} files[] = {{"warc", "archive", "warc/"}, {"jsonl", "records", "pages.jsonl"},
	    {"csv", "table", "pages.csv"}, {"sqlite", "database", "pages.sqlite"}};
	const struct crawl_totals *t = &r->facts.totals;
	int e = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && e == 0; i++)
		if (has_sink(r, files[i].sink))
			e = buf_printf(
			    out, "  %-8s  %s/%s\n", files[i].title, dir, files[i].file);
	if (e == 0 && r->job->options.output_wacz && r->facts.end == CRAWL_DONE)
		e = buf_printf(out, "  replay    %s/archive.wacz\n", dir);
	if (e == 0 && has_sink(r, "mirror"))
		e = summary_mirror(r, dir, out);
	if (e == 0 && has_sink(r, "s3"))
		e = summary_bucket(&r->job->options, dir, out);
	if (e == 0)
		e = buf_printf(out, "  report    %s/report.html\n", dir);
	if (e == 0 && (t->queued + t->in_flight > 0 || is_cut_short(r->facts.end)) &&
	    r->job->options.run_state == STATE_ROCKSDB)
		e = buf_printf(
		    out, "  go on     trawl resume %s%s\n", dir, used_up(r->facts.end));
	return e;
}

static int
summary_figures(const struct report *r, struct buf *out)
{
	const struct report_facts *f = &r->facts;
	const struct crawl_totals *t = &f->totals;
	double seconds = (double)f->elapsed_ms / 1000;
	int e = buf_printf(out,
	    "\n  pages     %s in %s (%.1f/s), %s received, %s host%s\n", COUNT(t->pages),
	    ELAPSED(f->elapsed_ms), seconds > 0 ? (double)t->pages / seconds : 0,
	    BYTES(t->wire_bytes), COUNT(f->hosts), f->hosts == 1 ? "" : "s");

	if (e == 0)
		e = buf_printf(out,
		    "  URLs      %s discovered = %s fetched + %s failed + %s rejected + "
		    "%s queued\n",
		    COUNT(t->discovered), COUNT(t->fetched), COUNT(t->failed),
		    COUNT(t->rejected), COUNT(t->queued + t->in_flight));
	return e;
}

int
report_summary(const struct report *r, const char *dir, struct buf *out)
{
	const struct report_facts *f = &r->facts;
	int e = buf_printf(
	    out, "trawl: %s%s", crawl_end_text(f->end), f->why[0] == '\0' ? "" : ": ");

	if (e == 0)
		e = escape_terminal(out, slice_cstr(f->why));
	if (e == 0)
		e = summary_figures(r, out);
	if (e == 0)
		e = changes_text(r, dir, out);
	if (e == 0)
		e = summary_outcomes(r, out);
	if (e == 0)
		e = traps_view_text(&f->traps, SUMMARY_TRAPS, out);
	if (e == 0)
		e = summary_broken(r, out);
	if (e == 0 && dir != NULL)
		e = summary_places(r, dir, out);
	return e;
}
