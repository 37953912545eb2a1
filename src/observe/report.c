#include "observe/report.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/file_whole.h"
#include "base/json.h"
#include "observe/format.h"
#include "observe/traps_view.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { BROKEN_MAX = 1000, SUMMARY_BROKEN = 10, SUMMARY_TRAPS = 5 };

struct broken {
	char *url, *via;
	enum outcome outcome;
	int status;
};

struct report {
	struct crawl *crawl;
	const struct job *job;
	struct broken *broken;
	size_t broken_len;
	uint64_t broken_total;
	struct crawl_stats stats;
	struct trap_sums traps;
	enum crawl_end end;
	char why[512];
	int64_t began_us, ended_us;
};

static bool
is_broken(const struct sink_event *e)
{
	return e->final && !e->internal && e->kind == SINK_FETCH &&
	       e->outcome != OUTCOME_OK && e->outcome != OUTCOME_REDIRECT &&
	       e->outcome != OUTCOME_NOT_MODIFIED &&
	       e->outcome != OUTCOME_DUPLICATE_CONTENT;
}

static void
on_event(void *ctx, const struct crawl_event *e)
{
	struct report *r = ctx;
	struct broken *b;

	if (!is_broken(e->fetch))
		return;
	r->broken_total++;
	if (r->broken_len == BROKEN_MAX)
		return;
	b = &r->broken[r->broken_len];
	b->url = slice_dup(e->fetch->url);
	b->via = slice_dup(e->fetch->via);
	b->outcome = e->fetch->outcome;
	b->status = e->fetch->status;
	if (b->url == NULL || b->via == NULL) {
		free(b->url);
		free(b->via);
		return;
	}
	r->broken_len++;
}

int
report_new(const struct job *job, struct report **ret)
{
	struct report *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->job = job;
	r->began_us = clock_wall_us();
	r->broken = calloc(BROKEN_MAX, sizeof(*r->broken));
	if (r->broken == NULL) {
		report_free(r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

int
report_attach(struct report *r, struct crawl *c)
{
	int err = crawl_subscribe(c, CRAWL_EVENT_FETCH, on_event, r);

	if (err == 0)
		r->crawl = c;
	return err;
}

void
report_free(struct report *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->broken_len; i++) {
		free(r->broken[i].url);
		free(r->broken[i].via);
	}
	free(r->broken);
	free(r);
}

void
report_close(struct report *r, enum crawl_end end)
{
	crawl_stats(r->crawl, &r->stats);
	crawl_traps(r->crawl, &r->traps);
	r->end = end;
	r->ended_us = clock_wall_us();
	(void)snprintf(r->why, sizeof(r->why), "%s", crawl_why(r->crawl));
}

/* ---- JSON ---- */

static void
json_totals(const struct report *r, struct jsonw *j)
{
	const struct crawl_stats *s = &r->stats;

	jsonw_int(j, "discovered", (int64_t)s->discovered);
	jsonw_int(j, "fetched", (int64_t)s->fetched);
	jsonw_int(j, "failed", (int64_t)s->failed);
	jsonw_int(j, "rejected", (int64_t)s->rejected);
	jsonw_int(j, "queued", (int64_t)s->queued);
	jsonw_int(j, "in_flight", (int64_t)s->in_flight);
	jsonw_int(j, "duplicates", (int64_t)s->duplicates);
	jsonw_int(j, "pages", (int64_t)s->pages);
	jsonw_int(j, "attempts", (int64_t)s->attempts);
	jsonw_int(j, "bytes_wire", (int64_t)s->wire_bytes);
	jsonw_int(j, "bytes_body", (int64_t)s->body_bytes);
	jsonw_int(j, "hosts", (int64_t)s->frontier.hosts);
}

static void
json_broken(const struct report *r, struct jsonw *j)
{
	jsonw_array(j, "broken");
	for (size_t i = 0; i < r->broken_len; i++) {
		const struct broken *b = &r->broken[i];

		jsonw_object(j, NULL);
		jsonw_str(j, "url", slice_cstr(b->url));
		jsonw_str(j, "outcome", slice_cstr(outcome_name(b->outcome)));
		if (b->status != 0)
			jsonw_int(j, "status", b->status);
		jsonw_opt(j, "via", slice_cstr(b->via));
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
}

int
report_json(const struct report *r, struct buf *out)
{
	char began[CLOCK_TEXT_MAX], ended[CLOCK_TEXT_MAX];
	struct jsonw j;

	clock_format(r->began_us, 3, began);
	clock_format(r->ended_us, 3, ended);
	jsonw_init(&j, out);
	jsonw_object(&j, NULL);
	jsonw_int(&j, "v", 1);
	jsonw_str(&j, "job", slice_cstr(r->job->name));
	jsonw_str(&j, "end", slice_cstr(crawl_end_text(r->end)));
	jsonw_opt(&j, "why", slice_cstr(r->why));
	jsonw_str(&j, "started_at", slice_cstr(began));
	jsonw_str(&j, "ended_at", slice_cstr(ended));
	jsonw_real(&j, "seconds", (double)r->stats.elapsed_ms / 1000);
	json_totals(r, &j);
	jsonw_object(&j, "outcomes");
	for (int o = OUTCOME_NONE + 1; o < OUTCOME_MAX; o++)
		if (r->stats.outcomes[o] > 0)
			jsonw_int(&j, outcome_name((enum outcome)o),
			    (int64_t)r->stats.outcomes[o]);
	jsonw_object_end(&j);
	traps_view_json(&r->traps, &j);
	jsonw_object(&j, "wait_ms");
	for (int c = WAIT_NONE + 1; c < WAIT_CAUSE_MAX; c++)
		if (r->stats.frontier.wait_ms[c] > 0)
			jsonw_int(&j, wait_cause_name((enum wait_cause)c),
			    (int64_t)r->stats.frontier.wait_ms[c]);
	jsonw_object_end(&j);
	if (r->stats.idle_alarms > 0)
		jsonw_int(&j, "idle_alarms", (int64_t)r->stats.idle_alarms);
	jsonw_int(&j, "broken_total", (int64_t)r->broken_total);
	json_broken(r, &j);
	jsonw_object_end(&j);
	return j.err == 0 ? buf_add_byte(out, '\n') : j.err;
}

/* ---- HTML ---- */

static int
html_row(struct buf *out, const char *name, const char *value)
{
	return buf_printf(out, "<tr><th scope=row>%s<td>%s\n", name, value);
}

static int
html_text(struct buf *out, const char *text)
{
	return escape_html(out, slice_cstr(text));
}

static int
html_broken(const struct report *r, struct buf *out)
{
	int e = 0;

	if (r->broken_total == 0)
		return buf_add_cstr(out, "<p>No broken links.\n");
	e = buf_printf(out,
	    "<h2>Broken: %s</h2>\n<table>\n<tr><th>URL<th>what<th>found on\n",
	    COUNT(r->broken_total));
	for (size_t i = 0; i < r->broken_len && e == 0; i++) {
		const struct broken *b = &r->broken[i];

		e = buf_add_cstr(out, "<tr><td>");
		if (e == 0)
			e = html_text(out, b->url);
		if (e == 0)
			e = buf_printf(out, "<td>%s", outcome_name(b->outcome));
		if (e == 0 && b->status != 0)
			e = buf_printf(out, " (%d)", b->status);
		if (e == 0)
			e = buf_add_cstr(out, "<td>");
		if (e == 0)
			e = html_text(out, b->via);
		if (e == 0)
			e = buf_add_byte(out, '\n');
	}
	return e == 0 ? buf_add_cstr(out, "</table>\n") : e;
}

static int
html_tables(const struct report *r, struct buf *out)
{
	const struct crawl_stats *s = &r->stats;
	int e = buf_add_cstr(out, "<table>\n");

	if (e == 0)
		e = html_row(out, "pages", COUNT(s->pages));
	if (e == 0)
		e = html_row(out, "received", BYTES(s->wire_bytes));
	if (e == 0)
		e = html_row(out, "time", ELAPSED(s->elapsed_ms));
	if (e == 0)
		e = html_row(out, "URLs discovered", COUNT(s->discovered));
	if (e == 0)
		e = html_row(out, "still queued", COUNT(s->queued));
	if (e == 0)
		e = buf_add_cstr(out, "</table>\n<h2>Outcomes</h2>\n<table>\n");
	for (int o = OUTCOME_NONE + 1; o < OUTCOME_MAX && e == 0; o++)
		if (s->outcomes[o] > 0)
			e = html_row(
			    out, outcome_name((enum outcome)o), COUNT(s->outcomes[o]));
	if (e == 0)
		e = buf_add_cstr(
		    out, "</table>\n<h2>What hosts waited for</h2>\n<table>\n");
	for (int c = WAIT_NONE + 1; c < WAIT_CAUSE_MAX && e == 0; c++)
		if (s->frontier.wait_ms[c] > 0)
			e = html_row(out, wait_cause_name((enum wait_cause)c),
			    ELAPSED((int64_t)s->frontier.wait_ms[c]));
	return e == 0 ? buf_add_cstr(out, "</table>\n") : e;
}

static int
report_html(const struct report *r, struct buf *out)
{
	int e = buf_add_cstr(out,
	    "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
	    "<meta name=viewport content='width=device-width'>\n<title>Trawl: ");

	if (e == 0)
		e = html_text(out, r->job->name);
	if (e == 0)
		e = buf_add_cstr(out,
		    "</title>\n<style>body{font:16px/1.4 "
		    "system-ui,sans-serif;max-width:60rem;"
		    "margin:2rem auto;padding:0 "
		    "1rem}th{text-align:left;font-weight:normal;"
		    "padding-right:1rem;vertical-align:top}td{overflow-wrap:anywhere}"
		    "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}"
		    "</style>\n<h1>");
	if (e == 0)
		e = html_text(out, r->job->name);
	if (e == 0)
		e = buf_printf(out, "</h1>\n<p>%s", crawl_end_text(r->end));
	if (e == 0 && r->why[0] != '\0') {
		e = buf_add_cstr(out, ": ");
		if (e == 0)
			e = html_text(out, r->why);
	}
	if (e == 0)
		e = buf_add_byte(out, '\n');
	if (e == 0)
		e = html_tables(r, out);
	if (e == 0)
		e = traps_view_html(&r->traps, out);
	return e == 0 ? html_broken(r, out) : e;
}

/* ---- files ---- */

int
report_write(const struct report *r, const char *dir, struct why *why)
{
	struct buf text;
	int e;

	buf_init(&text, 64 << 20);
	e = report_json(r, &text);
	e = e < 0 ? why_set(why, e, "out of memory")
		  : file_whole_write(dir, "report.json", 0644, buf_slice(&text), why);
	if (e == 0) {
		buf_clear(&text);
		e = report_html(r, &text);
		e = e < 0 ? why_set(why, e, "out of memory")
			  : file_whole_write(
				dir, "report.html", 0644, buf_slice(&text), why);
	}
	buf_release(&text);
	return e;
}

/* ---- summary ---- */

static int
summary_outcomes(const struct report *r, struct buf *out)
{
	int e = buf_add_cstr(out, "  outcomes  ");
	const char *comma = "";

	for (int o = OUTCOME_NONE + 1; o < OUTCOME_MAX && e == 0; o++) {
		if (r->stats.outcomes[o] == 0)
			continue;
		e = buf_printf(out, "%s%s %s", comma, outcome_name((enum outcome)o),
		    COUNT(r->stats.outcomes[o]));
		comma = ", ";
	}
	return e == 0 ? buf_add_byte(out, '\n') : e;
}

static int
summary_broken(const struct report *r, struct buf *out)
{
	int e = 0;

	for (size_t i = 0; i < r->broken_len && i < SUMMARY_BROKEN && e == 0; i++) {
		const struct broken *b = &r->broken[i];

		e = buf_printf(out, "  %s  %-12s ", i == 0 ? "broken  " : "        ",
		    outcome_name(b->outcome));
		if (e == 0)
			e = escape_terminal(out, slice_head(slice_cstr(b->url), 300));
		if (e == 0 && b->via[0] != '\0') {
			e = buf_add_cstr(out, "  on ");
			if (e == 0)
				e = escape_terminal(
				    out, slice_head(slice_cstr(b->via), 300));
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
	return sinks->n == 0; /* the default has both */
}

static int
summary_places(const struct report *r, const char *dir, struct buf *out)
{
	int e = 0;

	if (has_sink(r, "warc"))
		e = buf_printf(out, "  archive   %s/warc/\n", dir);
	if (e == 0 && has_sink(r, "jsonl"))
		e = buf_printf(out, "  records   %s/pages.jsonl\n", dir);
	if (e == 0)
		e = buf_printf(out, "  report    %s/report.html\n", dir);
	if (e == 0 && r->stats.queued + r->stats.in_flight > 0 &&
	    r->job->options.run_state == STATE_ROCKSDB)
		e = buf_printf(out, "  go on     trawl resume %s\n", dir);
	return e;
}

int
report_summary(const struct report *r, const char *dir, struct buf *out)
{
	const struct crawl_stats *s = &r->stats;
	double seconds = (double)s->crawl_ms / 1000;
	int e = buf_printf(
	    out, "trawl: %s%s", crawl_end_text(r->end), r->why[0] == '\0' ? "" : ": ");

	if (e == 0)
		e = escape_terminal(out, slice_cstr(r->why));
	if (e == 0)
		e = buf_printf(out,
		    "\n  pages     %s in %s (%.1f/s), %s received, %s host%s\n",
		    COUNT(s->pages), ELAPSED(s->crawl_ms),
		    seconds > 0 ? (double)s->pages / seconds : 0, BYTES(s->wire_bytes),
		    COUNT(s->frontier.hosts), s->frontier.hosts == 1 ? "" : "s");
	if (e == 0)
		e = buf_printf(out,
		    "  URLs      %s discovered = %s fetched + %s failed + %s rejected + "
		    "%s queued\n",
		    COUNT(s->discovered), COUNT(s->fetched), COUNT(s->failed),
		    COUNT(s->rejected), COUNT(s->queued + s->in_flight));
	if (e == 0)
		e = summary_outcomes(r, out);
	if (e == 0)
		e = traps_view_text(&r->traps, SUMMARY_TRAPS, out);
	if (e == 0)
		e = summary_broken(r, out);
	if (e == 0 && dir != NULL)
		e = summary_places(r, dir, out);
	return e;
}
