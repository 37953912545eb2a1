#include "base/clock.h"
#include "observe/format.h"
#include "observe/html_out.h"
#include "observe/report_int.h"
#include <errno.h>
#include <stdio.h>

#include "base/banned.h"

/*
 * One page that needs nothing else: no script, no assets.  Every table scrolls by itself,
 * so that the page is as wide as the screen; whatever came from the net is escaped.
 */

/* ---- pieces ---- */

static void
section(struct html *h, const char *id, const char *title)
{
	html_printf(h, "%s<section aria-labelledby=%s>\n<h2 id=%s>%s</h2>\n",
	    strcmp(id, "times") == 0 ? "" : "</section>\n", id, id, title);
}

/* `head`: cells; `label`: what it is a table of. */
static void
table(struct html *h, const char *label, const char *head)
{
	html_printf(h,
	    "<div class=scroll tabindex=0 role=region aria-label=\"%s\">\n"
	    "<table><thead><tr>%s</tr></thead><tbody>\n",
	    label, head);
}

static void
table_end(struct html *h)
{
	html_add(h, "</tbody></table></div>\n");
}

static void
url_cell(struct html *h, struct slice url)
{
	html_add(h, "<td class=u>");
	html_url(h, url);
}

static void
text_cell(struct html *h, const char *class, struct slice text)
{
	html_printf(h, "<td class=%s>", class);
	html_text(h, text);
}

static void
number_cell(struct html *h, uint64_t n)
{
	html_printf(h, "<td class=n>%s", COUNT(n));
}

static void
bar_row(struct html *h, struct slice name, const char *value, double share)
{
	html_add(h, "<tr><th scope=row>");
	html_text(h, name);
	html_printf(h, "<td class=n>%s<td class=w>", value);
	html_bar(h, share);
	html_add(h, "</tr>\n");
}

/* "first 100 of 2,345 are shown" */
static void
shown_of(struct html *h, uint64_t shown, uint64_t all, const char *what)
{
	if (shown < all)
		html_printf(h, "<p class=soft>The first %s of %s %s are shown.</p>\n",
		    COUNT(shown), COUNT(all), what);
}

/* ---- the head ---- */

static void
card(struct html *h, const char *name, const char *value, const char *class)
{
	html_printf(h, "<div%s><dt>%s</dt><dd>%s</dd></div>\n", class, name, value);
}

static const char *
state_text(const struct report_facts *f)
{
	return f->running       ? "running: this is as of the last commit"
	       : f->interrupted ? "interrupted; trawl resume goes on"
				: crawl_end_text(f->end);
}

static void
head(const struct report *r, struct html *h)
{
	struct slice name = slice_cstr(r->job->name);

	html_add(h,
	    "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
	    "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
	    "<meta name=referrer content=no-referrer>\n"
	    "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; "
	    "style-src 'unsafe-inline'; img-src data:\">\n"
	    "<link rel=icon href=\"data:,\">\n<title>Trawl: ");
	html_text(h, name);
	html_add(h, "</title>\n<style>\n");
	html_add(h, html_style);
	html_add(h, "</style>\n</head>\n<body>\n<header>\n<h1>");
	html_text(h, name);
	html_add(h, "</h1>\n");
}

static void
overview(const struct report *r, struct html *h)
{
	const struct report_facts *f = &r->facts;
	const struct crawl_totals *t = &f->totals;
	char began[CLOCK_TEXT_MAX], ended[CLOCK_TEXT_MAX];

	clock_format(f->began_us, 0, began);
	clock_format(f->at_us, 0, ended);
	html_printf(h, "<p><strong>%s</strong>", state_text(f));
	if (f->why[0] != '\0') {
		html_add(h, ": ");
		html_text(h, slice_cstr(f->why));
	}
	html_printf(h,
	    "<br><span class=soft>%s to %s, %s run%s, %s in all</span></p>\n</header>\n",
	    began, ended, COUNT(f->runs), f->runs == 1 ? "" : "s", TOOK(f->elapsed_ms));
	html_add(h, "<dl class=cards>\n");
	card(h, "pages", COUNT(t->pages), "");
	card(h, "received", BYTES(t->wire_bytes), "");
	card(h, "hosts", COUNT(f->hosts), "");
	card(h, "broken links", COUNT(r->broken_total),
	    r->broken_total > 0 ? " class=bad" : "");
	card(h, "still queued", COUNT(t->queued + t->in_flight), "");
	card(h, "archive", BYTES(r->archive_bytes), "");
	html_add(h, "</dl>\n");
	html_printf(h,
	    "<p>%s URLs discovered = %s fetched + %s failed + %s rejected + %s queued + "
	    "%s "
	    "in flight; %s more links led to what was known already.</p>\n",
	    COUNT(t->discovered), COUNT(t->fetched), COUNT(t->failed), COUNT(t->rejected),
	    COUNT(t->queued), COUNT(t->in_flight), COUNT(t->duplicates));
}

static bool
has_changes(const struct report *r)
{
	return r->changes.round > 1;
}

static void
contents(const struct report *r, struct html *h)
{
	static const char *const items[][2] = {{"times", "Time line"},
	    {"changes", "Changes"}, {"outcomes", "Outcomes"}, {"broken", "Broken links"},
	    {"redirects", "Redirects"}, {"duplicates", "Duplicates"},
	    {"pages", "Slowest and largest"}, {"waits", "Waits"}, {"hosts", "Hosts"},
	    {"rejected", "Not fetched"}, {"runs", "Runs and files"}};

	html_add(h, "<nav aria-label=Sections><ul>\n");
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		if (i != 1 || has_changes(r))
			html_printf(
			    h, "<li><a href=\"#%s\">%s</a>\n", items[i][0], items[i][1]);
	html_add(h, "</ul></nav>\n<main>\n");
}

/* ---- times ---- */

/* Where the runs after the first begin; none when not all of them are at hand. */
static size_t
run_cuts(const struct report *r, int64_t *ret_ms)
{
	int64_t at = 0;
	size_t n = 0;

	if (r->runs_len != r->facts.runs)
		return 0;
	for (size_t i = 0; i + 1 < r->runs_len; i++) {
		at += r->runs[i].elapsed_ms;
		ret_ms[n++] = at;
	}
	return n;
}

static void
times(const struct report *r, struct html *h)
{
	int64_t cuts[REPORT_RUNS_MAX];
	size_t n = run_cuts(r, cuts);

	section(h, "times", "Time line");
	if (r->timeline.len == 0) {
		html_add(h, "<p>Nothing was asked for.</p>\n");
		return;
	}
	html_charts(h, &r->timeline, cuts, n);
	html_printf(h,
	    "<p class=soft>Each step stands for %s of the time that the crawl was under "
	    "way%s. Of all answers half came within about %s ms, 9 of 10 within %s ms, "
	    "99 of "
	    "100 within %s ms, the slowest in %s ms.</p>\n",
	    TOOK(r->timeline.width_ms),
	    n > 0 ? "; dashed lines are where another run began" : "",
	    COUNT(latency_percentile(&r->latency, 50)),
	    COUNT(latency_percentile(&r->latency, 90)),
	    COUNT(latency_percentile(&r->latency, 99)), COUNT(r->latency_max_ms));
}

/* ---- outcomes, status, types ---- */

static void
outcomes(const struct report *r, struct html *h)
{
	const uint64_t *n = r->facts.totals.outcomes;
	uint64_t all = 0;

	for (int o = OUTCOME_NONE + 1; o < OUTCOME_MAX; o++)
		all += n[o];
	html_add(h, "<div><h3>What became of URLs</h3>\n");
	table(h, "Outcomes",
	    "<th scope=col>outcome<th scope=col class=n>URLs<th scope=col>share");
	for (int o = OUTCOME_NONE + 1; o < OUTCOME_MAX; o++)
		if (n[o] > 0)
			bar_row(h, slice_cstr(outcome_name((enum outcome)o)), COUNT(n[o]),
			    (double)n[o] / (double)all);
	table_end(h);
	html_add(h, "</div>\n");
}

static void
statuses(const struct report *r, struct html *h)
{
	uint64_t all = 0;
	char name[8];

	for (size_t i = 0; i < REPORT_STATUS_MAX; i++)
		all += r->status[i];
	html_add(h, "<div><h3>Status codes</h3>\n");
	table(h, "Status codes",
	    "<th scope=col>status<th scope=col class=n>pages<th scope=col>share");
	for (size_t i = 0; i < REPORT_STATUS_MAX; i++) {
		if (r->status[i] == 0)
			continue;
		(void)snprintf(name, sizeof(name), "%zu", i);
		bar_row(h, slice_cstr(name), COUNT(r->status[i]),
		    (double)r->status[i] / (double)all);
	}
	table_end(h);
	html_add(h, "</div>\n");
}

static void
types(const struct report *r, struct html *h)
{
	const struct report_counts *c = &r->mimes;
	uint64_t all = c->others.bytes + 1; /* no division by zero */

	for (size_t i = 0; i < c->len; i++)
		all += c->sorted[i].bytes;
	html_add(h, "<div><h3>Types</h3>\n");
	table(h, "Types",
	    "<th scope=col>type<th scope=col class=n>pages<th scope=col class=n>bytes"
	    "<th scope=col>share of bytes");
	for (size_t i = 0; i < c->len && i < REPORT_MIMES_MAX; i++) {
		html_add(h, "<tr><th scope=row class=t>");
		html_text(h,
		    c->sorted[i].name.len == 0 ? SLICE_LIT("(none)") : c->sorted[i].name);
		number_cell(h, c->sorted[i].n);
		html_printf(h, "<td class=n>%s<td class=w>", BYTES(c->sorted[i].bytes));
		html_bar(h, (double)c->sorted[i].bytes / (double)all);
		html_add(h, "</tr>\n");
	}
	table_end(h);
	shown_of(h, c->len < REPORT_MIMES_MAX ? c->len : REPORT_MIMES_MAX,
	    c->len + (c->others.n > 0), "types");
	html_add(h, "</div>\n");
}

/* ---- what is wrong ---- */

static void
broken(const struct report *r, struct html *h)
{
	section(h, "broken", "Broken links");
	if (r->broken_total == 0) {
		html_add(h, "<p>No broken links.</p>\n");
		return;
	}
	html_printf(h,
	    "<p>%s URL%s that lead%s nowhere, each with the page on which it was found "
	    "first; other pages may link to it, too.</p>\n",
	    COUNT(r->broken_total), r->broken_total == 1 ? "" : "s",
	    r->broken_total == 1 ? "s" : "");
	table(h, "Broken links",
	    "<th scope=col>URL<th scope=col>what<th scope=col>found on<th scope=col>as");
	for (size_t i = 0; i < r->broken_len; i++) {
		const struct report_broken *b = &r->broken[i];

		html_add(h, "<tr>");
		url_cell(h, b->url);
		html_printf(h, "<td class=\"c bad\">%s", outcome_name(b->outcome));
		if (b->status >= 100)
			html_printf(h, " (%d)", b->status);
		if (b->why.len > 0) {
			html_add(h, "<br><span class=\"soft y\">");
			html_text(h, b->why);
			html_add(h, "</span>");
		}
		url_cell(h, b->via);
		text_cell(h, "c", b->kind);
		html_add(h, "</tr>\n");
	}
	table_end(h);
	shown_of(h, r->broken_len, r->broken_total, "broken links");
}

static void
chain_list(struct html *h, const char *title, const struct top *t, bool loops)
{
	if (t->len == 0)
		return;
	html_printf(h, "<h3>%s</h3>\n", title);
	table(h, title,
	    loops ? "<th scope=col>URL<th scope=col class=n>redirects"
		  : "<th scope=col>from<th scope=col class=n>redirects<th scope=col>to"
		    "<th scope=col>end");
	for (size_t i = 0; i < t->len; i++) {
		const struct report_chain *c = top_at(t, i);

		html_add(h, "<tr>");
		url_cell(h, c->url);
		number_cell(h, c->length);
		if (loops) {
			html_add(h, "</tr>\n");
			continue;
		}
		if (c->length == REPORT_CHAIN_LENGTH_MAX)
			html_add(h, "<td class=\"u bad\">nowhere: it does not end");
		else
			url_cell(h, c->to);
		html_printf(h, "<td class=c>%s</tr>\n",
		    !c->to_known                    ? ""
		    : c->to_outcome == OUTCOME_NONE ? "queued"
						    : outcome_name(c->to_outcome));
	}
	table_end(h);
}

static void
redirects(const struct report *r, struct html *h)
{
	const struct report_chains *c = &r->chains;

	section(h, "redirects", "Redirects");
	if (!c->recorded) {
		html_add(h, "<p>Not recorded: the crawl has no pages.jsonl.</p>\n");
		return;
	}
	html_printf(h,
	    "<p>%s redirect%s, of which %s chain%s begin%s, and %s loop%s.</p>\n",
	    COUNT(c->redirects), c->redirects == 1 ? "" : "s", COUNT(c->total),
	    c->total == 1 ? "" : "s", c->total == 1 ? "s" : "", COUNT(c->loops_total),
	    c->loops_total == 1 ? "" : "s");
	chain_list(h, "Loops", &c->loops, true);
	shown_of(h, c->loops.len, c->loops_total, "loops");
	chain_list(h, "Longest chains", &c->longest, false);
	shown_of(h, c->longest.len, c->total, "chains");
}

static void
group_list(struct html *h, const char *label, const struct report_groups *g, bool near)
{
	if (g->top.len == 0)
		return;
	table(h, label,
	    near ? "<th scope=col class=n>pages<th scope=col>the first of them"
		 : "<th scope=col class=n>pages<th scope=col class=n>bytes each"
		   "<th scope=col>the first of them");
	for (size_t i = 0; i < g->top.len; i++) {
		const struct report_group *one = top_at(&g->top, i);

		html_add(h, "<tr>");
		number_cell(h, one->pages);
		if (!near)
			html_printf(h, "<td class=n>%s", BYTES(one->bytes));
		html_add(h, "<td class=u><ul>\n");
		for (size_t k = 0; k < one->urls_len; k++) {
			html_add(h, "<li>");
			html_url(h, one->urls[k]);
			html_add(h, "\n");
		}
		html_add(h, "</ul></tr>\n");
	}
	table_end(h);
	shown_of(h, g->top.len, g->total, "groups");
}

static void
duplicates(const struct report *r, struct html *h)
{
	const struct report_groups *same = &r->duplicates, *near = &r->near;

	section(h, "duplicates", "Duplicates");
	html_add(h, "<h3>The same to the byte</h3>\n");
	html_printf(h,
	    "<p>%s group%s of pages that are the same, %s pages in all; %s would do "
	    "without.</p>\n",
	    COUNT(same->total), same->total == 1 ? "" : "s", COUNT(same->pages),
	    BYTES(same->redundant_bytes));
	group_list(h, "Pages that are the same", same, false);
	html_add(h, "<h3>Nearly the same</h3>\n");
	if (!near->recorded) {
		html_add(h, "<p>Not recorded: pages.jsonl has no fingerprints of "
			    "texts.</p>\n");
		return;
	}
	html_printf(h,
	    "<p>%s group%s of pages whose texts are nearly the same, %s pages in all%s."
	    "</p>\n",
	    COUNT(near->total), near->total == 1 ? "" : "s", COUNT(near->pages),
	    near->partial ? "; there may be more, for not all pairs were compared" : "");
	group_list(h, "Pages that are nearly the same", near, true);
}

/* ---- pages ---- */

static void
page_list(
    struct html *h, const char *title, const struct report_page *v, size_t n, bool slow)
{
	html_printf(h, "<div><h3>%s</h3>\n", title);
	table(h, title,
	    slow ? "<th scope=col>URL<th scope=col class=n>time<th scope=col "
		   "class=n>status"
		 : "<th scope=col>URL<th scope=col class=n>size<th scope=col "
		   "class=n>status");
	for (size_t i = 0; i < n; i++) {
		html_add(h, "<tr>");
		url_cell(h, v[i].url);
		if (slow)
			html_printf(h, "<td class=n>%s ms", COUNT(v[i].ms));
		else
			html_printf(h, "<td class=n>%s", BYTES(v[i].bytes));
		html_printf(h, "<td class=n>%d</tr>\n", v[i].status);
	}
	table_end(h);
	html_add(h, "</div>\n");
}

/* ---- waits, hosts ---- */

static void
waits(const struct report *r, struct html *h)
{
	const uint64_t *ms = r->facts.wait_ms;
	uint64_t sum = 0;

	section(h, "waits", "What hosts waited for");
	for (int c = WAIT_NONE + 1; c < WAIT_CAUSE_MAX; c++)
		sum += ms[c];
	if (sum == 0) {
		html_add(h, "<p>Nothing.</p>\n");
		return;
	}
	html_add(h, "<p class=soft>Summed up over hosts: two that wait a second make two "
		    "seconds.</p>\n");
	table(h, "Waits by cause",
	    "<th scope=col>cause<th scope=col class=n>host-time<th scope=col>share");
	for (int c = WAIT_NONE + 1; c < WAIT_CAUSE_MAX; c++)
		if (ms[c] > 0)
			bar_row(h, slice_cstr(wait_cause_name((enum wait_cause)c)),
			    TOOK((int64_t)ms[c]), (double)ms[c] / (double)sum);
	table_end(h);
}

static void
gap_cells(struct html *h, const struct host_sums *s)
{
	const char *lead = " ";

	if (!s->asked) {
		html_add(h, "<td><td><td>");
		return;
	}
	if (s->gaps == 0) {
		html_add(h, "<td><td>");
	} else {
		html_printf(h, "<td class=c>%lld", (long long)s->delay_min_ms);
		if (s->delay_max_ms > s->delay_min_ms)
			html_printf(h, "&#8211;%lld", (long long)s->delay_max_ms);
		html_add(h, " ms");
		for (int i = GAP_NONE + 1; i < GAP_RULE_MAX; i++) {
			if ((s->rules & 1u << i) == 0)
				continue;
			html_printf(h, "%s%s", lead, gap_rule_name((enum gap_rule)i));
			lead = ", ";
		}
		html_printf(h, "<td class=n>%lld ms", (long long)s->gap_min_ms);
	}
	html_printf(h, "<td class=\"c%s\">%s",
	    s->verdict == LEDGER_VIOLATED ? " bad"
	    : s->verdict == LEDGER_LAX    ? " warn"
					  : "",
	    ledger_verdict_name((enum ledger_verdict)s->verdict));
}

static void
asked_hosts(const struct report *r, struct html *h)
{
	const struct top *t = &r->hosts.asked;

	table(h, "Politeness by host",
	    "<th scope=col>host<th scope=col class=n>requests<th scope=col class=n>pages"
	    "<th scope=col>gap in force<th scope=col class=n>smallest gap"
	    "<th scope=col>kept?<th scope=col class=n>denied by robots.txt"
	    "<th scope=col class=n>429, 503");
	for (size_t i = 0; i < t->len; i++) {
		const struct report_host *of = top_at(t, i);

		html_add(h, "<tr><th scope=row class=u>");
		html_text(h, of->name);
		number_cell(h, of->sums.requests);
		number_cell(h, of->sums.pages);
		gap_cells(h, &of->sums);
		number_cell(h, of->sums.denied);
		number_cell(h, of->sums.slowed);
		html_add(h, "</tr>\n");
	}
	table_end(h);
	shown_of(h, t->len, r->hosts.total, "hosts");
}

static void
failed_hosts(const struct report *r, struct html *h)
{
	const struct top *t = &r->hosts.failed;

	if (t->len == 0)
		return;
	html_add(h, "<h3>Errors by host</h3>\n");
	table(h, "Errors by host",
	    "<th scope=col>host<th scope=col class=n>errors<th scope=col class=n>pages");
	for (size_t i = 0; i < t->len; i++) {
		const struct report_host *of = top_at(t, i);

		html_add(h, "<tr><th scope=row class=u>");
		html_text(h, of->name);
		number_cell(h, of->sums.errors);
		number_cell(h, of->sums.pages);
		html_add(h, "</tr>\n");
	}
	table_end(h);
	shown_of(h, t->len, r->hosts.failed_total, "hosts");
}

static void
hosts(const struct report *r, struct html *h)
{
	const struct ledger_totals *l = &r->hosts.ledger;

	section(h, "hosts", "Robots and politeness");
	html_printf(h,
	    "<p>%s request%s to %s host%s%s. Gaps are from the end of a request to the "
	    "begin "
	    "of the next.</p>\n",
	    COUNT(l->requests), l->requests == 1 ? "" : "s",
	    COUNT(l->subjects[LEDGER_HOST]), l->subjects[LEDGER_HOST] == 1 ? "" : "s",
	    l->violated == 0 ? "; what was in force was kept everywhere" : "");
	if (l->violated > 0)
		html_printf(h,
		    "<p class=bad>At %s hosts, addresses or sites less was kept than was "
		    "in force; trawl report --politeness tells more.</p>\n",
		    COUNT(l->violated));
	asked_hosts(r, h);
	failed_hosts(r, h);
}

/* ---- what was not fetched ---- */

static void
traps(const struct report *r, struct html *h)
{
	const struct trap_sums *s = &r->facts.traps;

	if (s->top_len == 0)
		return;
	html_add(h, "<h3>Cut as traps</h3>\n");
	table(h, "Cut as traps",
	    "<th scope=col>pattern<th scope=col>rule<th scope=col class=n>URLs");
	for (uint32_t i = 0; i < s->top_len; i++) {
		html_add(h, "<tr>");
		text_cell(h, "u", slice_cstr(s->top[i].pattern));
		html_printf(h, "<td class=c>%s", trap_rule_name(s->top[i].rule));
		number_cell(h, s->top[i].cuts);
		html_add(h, "</tr>\n");
	}
	table_end(h);
}

static void
reject_rules(const struct report *r, struct html *h, int outcome)
{
	size_t n = 0;

	for (size_t i = 0; i < r->rules.len && n < REPORT_RULES_MAX; i++) {
		if (r->rules.sorted[i].group != outcome)
			continue;
		html_add(h, n++ == 0 ? "<ul>" : "");
		html_add(h, "<li>");
		html_text(h, r->rules.sorted[i].name);
		html_printf(h, " (%s)\n", COUNT(r->rules.sorted[i].n));
	}
	html_add(h, n > 0 ? "</ul>" : "");
}

static void
rejected(const struct report *r, struct html *h)
{
	bool any = false;

	section(h, "rejected", "What was not fetched, and why");
	for (int o = 0; o < OUTCOME_MAX; o++)
		any = any || r->rejects[o].lines > 0;
	if (!any) {
		html_add(h, "<p>Nothing was rejected.</p>\n");
		return;
	}
	table(h, "Rejected URLs",
	    "<th scope=col>reason<th scope=col class=n>times<th scope=col>rules"
	    "<th scope=col>examples");
	for (int o = 0; o < OUTCOME_MAX; o++) {
		const struct report_reject *of = &r->rejects[o];
		bool is_link = o != OUTCOME_BAD_URL;

		if (of->lines == 0)
			continue;
		html_printf(
		    h, "<tr><th scope=row class=c>%s", outcome_name((enum outcome)o));
		number_cell(h, of->lines);
		html_add(h, "<td class=u>");
		reject_rules(r, h, o);
		html_add(h, "<td class=u><ul>\n");
		for (size_t i = 0; i < of->examples_len; i++) {
			html_add(h, "<li>");
			if (is_link)
				html_url(h, of->examples[i].url);
			else
				html_text(h, of->examples[i].url);
			html_add(h, "\n");
		}
		html_add(h, "</ul></tr>\n");
	}
	table_end(h);
	traps(r, h);
}

/* ---- runs, files ---- */

static void
run_changes(const struct saved_run *run, struct html *h)
{
	struct buf words;

	if (run->round < 2)
		return;
	buf_init(&words, 1024);
	if (changes_words(run->changes, &words) < 0)
		h->err = -ENOMEM;
	html_printf(h, "round %u: ", (unsigned)run->round);
	html_text(h, buf_slice(&words));
	buf_release(&words);
}

static void
runs(const struct report *r, struct html *h)
{
	char at[CLOCK_TEXT_MAX];

	html_add(h, "<div><h3>Runs</h3>\n");
	table(h, "Runs",
	    "<th scope=col class=n>run<th scope=col>began<th scope=col class=n>took"
	    "<th scope=col class=n>pages<th scope=col>ended<th scope=col>found");
	for (size_t i = 0; i < r->runs_len; i++) {
		const struct saved_run *run = &r->runs[i];
		bool going = r->facts.running && run->number == r->facts.runs;

		clock_format(run->began_us, 0, at);
		html_printf(h, "<tr><th scope=row class=n>%u<td class=c>%s<td class=n>%s",
		    (unsigned)run->number, at, TOOK(run->elapsed_ms));
		number_cell(h, run->pages);
		html_printf(h, "<td>%s",
		    run->end != SAVED_RUNNING ? crawl_end_text((enum crawl_end)run->end)
		    : going                   ? "running"
					      : "interrupted");
		if (run->why[0] != '\0')
			html_add(h, ": ");
		html_text(h, slice_cstr(run->why));
		html_add(h, "<td>");
		run_changes(run, h);
		html_add(h, "</tr>\n");
	}
	table_end(h);
	html_add(h, "</div>\n");
}

static void
files(const struct report *r, struct html *h)
{
	html_add(h, "<div><h3>Files</h3>\n");
	table(h, "Files", "<th scope=col>file<th scope=col class=n>size");
	html_printf(h, "<tr><th scope=row>warc/ (%s file%s%s)<td class=n>%s</tr>\n",
	    COUNT(r->archive_files), r->archive_files == 1 ? "" : "s",
	    r->archive_open > 0 ? ", one still grows" : "", BYTES(r->archive_bytes));
	for (size_t i = 0; i < r->files_len; i++) {
		html_add(h, "<tr><th scope=row>");
		html_text(h, r->files[i].name);
		html_printf(h, "<td class=n>%s</tr>\n", BYTES(r->files[i].bytes));
	}
	table_end(h);
	html_add(h, "</div>\n");
}

int
report_html(const struct report *r, struct buf *out)
{
	struct html h = {.b = out};

	head(r, &h);
	overview(r, &h);
	contents(r, &h);
	times(r, &h);
	if (has_changes(r)) {
		section(&h, "changes", "Changes since the round before");
		changes_html(r, &h);
	}
	section(&h, "outcomes", "Outcomes, status codes, types");
	html_add(&h, "<div class=two>\n");
	outcomes(r, &h);
	statuses(r, &h);
	types(r, &h);
	html_add(&h, "</div>\n");
	broken(r, &h);
	redirects(r, &h);
	duplicates(r, &h);
	section(&h, "pages", "Slowest and largest pages");
	html_add(&h, "<div class=two>\n");
	page_list(&h, "Slowest", r->slow_pages, r->slowest.len, true);
	page_list(&h, "Largest", r->large_pages, r->largest.len, false);
	html_add(&h, "</div>\n");
	waits(r, &h);
	hosts(r, &h);
	rejected(r, &h);
	section(&h, "runs", "Runs and files");
	html_add(&h, "<div class=two>\n");
	runs(r, &h);
	files(r, &h);
	html_add(&h, "</div>\n</section>\n</main>\n<footer><p>Made by trawl; the same as "
		     "data is in report.json.</p></footer>\n</body>\n</html>\n");
	return h.err;
}
