#include "base/clock.h"
#include "observe/report_int.h"
#include "observe/traps_view.h"
#include <stdio.h>

#include "base/banned.h"

/* doc/report.schema.json says what each member means. */

static void
put_count(struct jsonw *j, const char *key, uint64_t n)
{
	jsonw_int(j, key, n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

static void
put_time(struct jsonw *j, const char *key, int64_t wall_us)
{
	char at[CLOCK_TEXT_MAX];

	clock_format(wall_us, 3, at);
	jsonw_str(j, key, slice_cstr(at));
}

static void
put_name(struct jsonw *j, const char *key, const char *name)
{
	jsonw_str(j, key, slice_cstr(name));
}

/* ---- the whole ---- */

static void
put_job(const struct report *r, struct jsonw *j)
{
	const struct report_facts *f = &r->facts;

	put_name(j, "job", r->job->name == NULL ? "" : r->job->name);
	put_name(j, "state",
	    f->running       ? "running"
	    : f->interrupted ? "interrupted"
			     : "ended");
	if (!f->running && !f->interrupted)
		put_name(j, "end", crawl_end_text(f->end));
	jsonw_opt(j, "why", slice_cstr(f->why));
	put_time(j, "started_at", f->began_us);
	put_time(j, "ended_at", f->at_us);
	jsonw_real(j, "seconds", (double)f->elapsed_ms / 1000);
}

static void
put_totals(const struct report *r, struct jsonw *j)
{
	const struct crawl_totals *s = &r->facts.totals;

	put_count(j, "discovered", s->discovered);
	put_count(j, "fetched", s->fetched);
	put_count(j, "failed", s->failed);
	put_count(j, "rejected", s->rejected);
	put_count(j, "queued", s->queued);
	put_count(j, "in_flight", s->in_flight);
	put_count(j, "duplicates", s->duplicates);
	put_count(j, "pages", s->pages);
	put_count(j, "attempts", s->attempts);
	put_count(j, "bytes_wire", s->wire_bytes);
	put_count(j, "bytes_body", s->body_bytes);
	put_count(j, "hosts", r->facts.hosts);
}

static void
put_runs(const struct report *r, struct jsonw *j)
{
	put_count(j, "runs_total", r->facts.runs);
	jsonw_array(j, "runs");
	for (size_t i = 0; i < r->runs_len; i++) {
		const struct saved_run *run = &r->runs[i];
		bool last = run->number == r->facts.runs;

		jsonw_object(j, NULL);
		put_count(j, "number", run->number);
		put_time(j, "started_at", run->began_us);
		put_time(j, "ended_at", run->at_us);
		jsonw_real(j, "seconds", (double)run->elapsed_ms / 1000);
		put_name(j, "end",
		    run->end != SAVED_RUNNING  ? crawl_end_text((enum crawl_end)run->end)
		    : last && r->facts.running ? "running"
					       : "interrupted");
		jsonw_opt(j, "why", slice_cstr(run->why));
		put_count(j, "pages", run->pages);
		put_count(j, "bytes_wire", run->wire_bytes);
		put_count(j, "round", run->round);
		if (run->round > 1) {
			jsonw_object(j, "changes");
			changes_counts_json(run->changes, j);
			jsonw_object_end(j);
		}
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
}

static void
put_outcomes(const struct report *r, struct jsonw *j)
{
	const uint64_t *n = r->facts.totals.outcomes;

	jsonw_object(j, "outcomes");
	for (int o = OUTCOME_NONE + 1; o < OUTCOME_MAX; o++)
		if (n[o] > 0)
			put_count(j, outcome_name((enum outcome)o), n[o]);
	jsonw_object_end(j);
}

static void
put_status(const struct report *r, struct jsonw *j)
{
	char name[8];

	jsonw_object(j, "status");
	for (unsigned i = 0; i < REPORT_STATUS_MAX; i++) {
		if (r->status[i] == 0)
			continue;
		(void)snprintf(name, sizeof(name), "%u", i);
		put_count(j, name, r->status[i]);
	}
	jsonw_object_end(j);
}

static void
put_mimes(const struct report *r, struct jsonw *j)
{
	const struct report_counts *c = &r->mimes;
	uint64_t n = c->others.n, bytes = c->others.bytes;

	put_count(j, "mime_total", c->len + (c->others.n > 0));
	jsonw_array(j, "mime");
	for (size_t i = 0; i < c->len; i++) {
		if (i >= REPORT_MIMES_MAX) {
			n += c->sorted[i].n;
			bytes += c->sorted[i].bytes;
			continue;
		}
		jsonw_object(j, NULL);
		jsonw_opt(j, "type", c->sorted[i].name);
		put_count(j, "pages", c->sorted[i].n);
		put_count(j, "bytes", c->sorted[i].bytes);
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
	if (n == 0)
		return;
	jsonw_object(j, "mime_others");
	put_count(j, "pages", n);
	put_count(j, "bytes", bytes);
	jsonw_object_end(j);
}

static void
put_traps(const struct report *r, struct jsonw *j)
{
	traps_view_json(&r->facts.traps, j);
}

static void
put_waits(const struct report *r, struct jsonw *j)
{
	jsonw_object(j, "wait_ms");
	for (int c = WAIT_NONE + 1; c < WAIT_CAUSE_MAX; c++)
		if (r->facts.wait_ms[c] > 0)
			put_count(
			    j, wait_cause_name((enum wait_cause)c), r->facts.wait_ms[c]);
	jsonw_object_end(j);
}

/* ---- times ---- */

static void
put_percentiles(struct jsonw *j, const struct latency *l)
{
	put_count(j, "p50", latency_percentile(l, 50));
	put_count(j, "p90", latency_percentile(l, 90));
	put_count(j, "p99", latency_percentile(l, 99));
}

static void
put_latency(const struct report *r, struct jsonw *j)
{
	jsonw_object(j, "latency_ms");
	put_percentiles(j, &r->latency);
	put_count(j, "max", r->latency_max_ms);
	jsonw_object_end(j);
}

static void
put_timeline(const struct report *r, struct jsonw *j)
{
	const struct timeline *t = &r->timeline;

	jsonw_object(j, "timeline");
	jsonw_int(j, "interval_ms", t->width_ms);
	jsonw_array(j, "points");
	for (size_t i = 0; i < t->len; i++) {
		const struct timeline_point *p = &t->v[i];

		jsonw_object(j, NULL);
		jsonw_int(j, "from_ms", (int64_t)i * t->width_ms);
		put_count(j, "requests", p->sums.requests);
		put_count(j, "pages", p->sums.pages);
		put_count(j, "bytes", p->sums.bytes);
		put_count(j, "errors", p->sums.errors);
		if (p->sums.requests > 0)
			put_percentiles(j, &p->latency);
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
	jsonw_object_end(j);
}

static void
put_pages(struct jsonw *j, const char *key, const struct report_page *v, size_t len)
{
	jsonw_array(j, key);
	for (size_t i = 0; i < len; i++) {
		jsonw_object(j, NULL);
		jsonw_str(j, "url", v[i].url);
		put_name(j, "outcome", outcome_name(v[i].outcome));
		jsonw_int(j, "status", v[i].status);
		put_count(j, "ms", v[i].ms);
		put_count(j, "bytes", v[i].bytes);
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
}

static void
put_slowest(const struct report *r, struct jsonw *j)
{
	put_pages(j, "slowest", r->slow_pages, r->slowest.len);
}

static void
put_largest(const struct report *r, struct jsonw *j)
{
	put_pages(j, "largest", r->large_pages, r->largest.len);
}

/* ---- what is wrong ---- */

static void
put_broken(const struct report *r, struct jsonw *j)
{
	put_count(j, "broken_total", r->broken_total);
	jsonw_array(j, "broken");
	for (size_t i = 0; i < r->broken_len; i++) {
		const struct report_broken *b = &r->broken[i];

		jsonw_object(j, NULL);
		jsonw_str(j, "url", b->url);
		put_name(j, "outcome", outcome_name(b->outcome));
		if (b->status >= 100)
			jsonw_int(j, "status", b->status);
		jsonw_opt(j, "via", b->via);
		jsonw_opt(j, "kind", b->kind);
		jsonw_opt(j, "hops", b->hops);
		jsonw_opt(j, "why", b->why);
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
}

static void
put_chain_list(struct jsonw *j, const char *key, const struct top *t)
{
	jsonw_array(j, key);
	for (size_t i = 0; i < t->len; i++) {
		const struct report_chain *c = top_at(t, i);
		bool endless = c->length == REPORT_CHAIN_LENGTH_MAX;

		jsonw_object(j, NULL);
		jsonw_str(j, "url", c->url);
		put_count(j, "length", c->length);
		if (endless)
			jsonw_bool(j, "endless", true);
		else
			jsonw_str(j, "to", c->to);
		if (!endless && c->to_known)
			put_name(j, "to_outcome", outcome_name(c->to_outcome));
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
}

static void
put_redirects(const struct report *r, struct jsonw *j)
{
	const struct report_chains *c = &r->chains;
	char name[8];

	jsonw_object(j, "redirects");
	jsonw_bool(j, "recorded", c->recorded);
	put_count(j, "total", c->redirects);
	put_count(j, "chains_total", c->total);
	jsonw_object(j, "by_length");
	for (unsigned i = 0; i <= REPORT_CHAIN_LENGTH_MAX; i++) {
		if (c->by_length[i] == 0)
			continue;
		(void)snprintf(name, sizeof(name), "%u", i);
		put_count(j, name, c->by_length[i]);
	}
	jsonw_object_end(j);
	put_chain_list(j, "longest", &c->longest);
	put_count(j, "loops_total", c->loops_total);
	put_chain_list(j, "loops", &c->loops);
	jsonw_object_end(j);
}

static void
put_groups(struct jsonw *j, const char *key, const struct report_groups *g, bool near)
{
	jsonw_object(j, key);
	jsonw_bool(j, "recorded", g->recorded);
	put_count(j, "groups_total", g->total);
	put_count(j, "pages_total", g->pages);
	if (near)
		jsonw_bool(j, "complete", !g->partial);
	else
		put_count(j, "bytes_redundant", g->redundant_bytes);
	jsonw_array(j, "groups");
	for (size_t i = 0; i < g->top.len; i++) {
		const struct report_group *one = top_at(&g->top, i);

		jsonw_object(j, NULL);
		put_count(j, "pages", one->pages);
		if (!near)
			put_count(j, "bytes", one->bytes);
		jsonw_opt(j, "digest", one->digest);
		jsonw_array(j, "urls");
		for (size_t k = 0; k < one->urls_len; k++)
			jsonw_str(j, NULL, one->urls[k]);
		jsonw_array_end(j);
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
	jsonw_object_end(j);
}

static void
put_duplicates(const struct report *r, struct jsonw *j)
{
	put_groups(j, "duplicate_pages", &r->duplicates, false);
}

static void
put_near(const struct report *r, struct jsonw *j)
{
	put_groups(j, "near_duplicates", &r->near, true);
}

/* ---- what was not fetched ---- */

static void
put_rules(const struct report *r, struct jsonw *j, int outcome)
{
	size_t n = 0;

	jsonw_array(j, "rules");
	for (size_t i = 0; i < r->rules.len && n < REPORT_RULES_MAX; i++) {
		if (r->rules.sorted[i].group != outcome)
			continue;
		n++;
		jsonw_object(j, NULL);
		jsonw_str(j, "rule", r->rules.sorted[i].name);
		put_count(j, "lines", r->rules.sorted[i].n);
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
}

static void
put_rejects(const struct report *r, struct jsonw *j)
{
	jsonw_array(j, "rejected_by");
	for (int o = 0; o < OUTCOME_MAX; o++) {
		const struct report_reject *of = &r->rejects[o];

		if (of->lines == 0)
			continue;
		jsonw_object(j, NULL);
		put_name(j, "reason", outcome_name((enum outcome)o));
		put_count(j, "lines", of->lines);
		put_rules(r, j, o);
		jsonw_array(j, "examples");
		for (size_t i = 0; i < of->examples_len; i++) {
			jsonw_object(j, NULL);
			jsonw_str(j, "url", of->examples[i].url);
			jsonw_opt(j, "via", of->examples[i].via);
			jsonw_opt(j, "detail", of->examples[i].detail);
			jsonw_object_end(j);
		}
		jsonw_array_end(j);
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
}

/* ---- hosts ---- */

static void
put_host_gaps(struct jsonw *j, const struct host_sums *s)
{
	put_name(j, "verdict", ledger_verdict_name((enum ledger_verdict)s->verdict));
	put_count(j, "at_once", s->at_once);
	if (s->at_once_permitted > 0)
		put_count(j, "at_once_permitted", s->at_once_permitted);
	if (s->gaps > 0) {
		jsonw_int(j, "gap_min_ms", s->gap_min_ms);
		jsonw_int(j, "delay_min_ms", s->delay_min_ms);
		jsonw_int(j, "delay_max_ms", s->delay_max_ms);
	}
	jsonw_array(j, "rules");
	for (int i = GAP_NONE + 1; i < GAP_RULE_MAX; i++)
		if ((s->rules & 1u << i) != 0)
			put_name(j, NULL, gap_rule_name((enum gap_rule)i));
	jsonw_array_end(j);
	put_count(j, "too_soon", s->too_soon);
}

static void
put_politeness(const struct report *r, struct jsonw *j)
{
	const struct report_hosts *h = &r->hosts;

	jsonw_object(j, "politeness");
	put_count(j, "requests", h->ledger.requests);
	put_count(j, "hosts_total", h->ledger.subjects[LEDGER_HOST]);
	put_count(j, "violated", h->ledger.violated);
	put_count(j, "lax", h->ledger.lax);
	jsonw_array(j, "hosts");
	for (size_t i = 0; i < h->asked.len; i++) {
		const struct report_host *of = top_at(&h->asked, i);

		jsonw_object(j, NULL);
		jsonw_str(j, "host", of->name);
		put_count(j, "requests", of->sums.requests);
		put_count(j, "pages", of->sums.pages);
		put_count(j, "bytes", of->sums.bytes);
		put_count(j, "robots_denied", of->sums.denied);
		put_count(j, "slowed", of->sums.slowed);
		if (of->sums.asked)
			put_host_gaps(j, &of->sums);
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
	jsonw_object_end(j);
}

static void
put_errors(const struct report *r, struct jsonw *j)
{
	const struct report_hosts *h = &r->hosts;

	put_count(j, "errors_hosts_total", h->failed_total);
	jsonw_array(j, "errors_by_host");
	for (size_t i = 0; i < h->failed.len; i++) {
		const struct report_host *of = top_at(&h->failed, i);

		jsonw_object(j, NULL);
		jsonw_str(j, "host", of->name);
		put_count(j, "errors", of->sums.errors);
		put_count(j, "pages", of->sums.pages);
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
}

static void
put_archive(const struct report *r, struct jsonw *j)
{
	jsonw_object(j, "archive");
	put_count(j, "files", r->archive_files);
	put_count(j, "open", r->archive_open);
	put_count(j, "bytes", r->archive_bytes);
	jsonw_array(j, "logs");
	for (size_t i = 0; i < r->files_len; i++) {
		jsonw_object(j, NULL);
		jsonw_str(j, "name", r->files[i].name);
		put_count(j, "bytes", r->files[i].bytes);
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
	jsonw_object_end(j);
}

/* ---- sections ---- */

static const struct {
	const char *name;
	void (*put)(const struct report *r, struct jsonw *j);
} sections[] = {
    {"totals", put_totals},
    {"runs", put_runs},
    {"changes", changes_json},
    {"outcomes", put_outcomes},
    {"status", put_status},
    {"mime", put_mimes},
    {"traps", put_traps},
    {"waits", put_waits},
    {"latency", put_latency},
    {"timeline", put_timeline},
    {"slowest", put_slowest},
    {"largest", put_largest},
    {"broken", put_broken},
    {"redirects", put_redirects},
    {"duplicates", put_duplicates},
    {"near-duplicates", put_near},
    {"rejected", put_rejects},
    {"politeness", put_politeness},
    {"errors", put_errors},
    {"archive", put_archive},
};
enum { SECTIONS = sizeof(sections) / sizeof(sections[0]) };

const char *
report_section_name(size_t i)
{
	return i < SECTIONS ? sections[i].name : NULL;
}

bool
report_sections_known(struct slice names, struct slice *ret_unknown)
{
	struct slice name;

	while (slice_cut(&names, ',', &name)) {
		size_t i = 0;

		while (i < SECTIONS && !slice_eq(name, slice_cstr(sections[i].name)))
			i++;
		if (i == SECTIONS) {
			*ret_unknown = name;
			return false;
		}
	}
	return true;
}

static bool
is_wanted(struct slice names, const char *section)
{
	struct slice name;

	if (names.len == 0)
		return true;
	while (slice_cut(&names, ',', &name))
		if (slice_eq(name, slice_cstr(section)))
			return true;
	return false;
}

int
report_json(const struct report *r, struct slice names, struct buf *out)
{
	struct jsonw j;

	jsonw_init(&j, out);
	jsonw_object(&j, NULL);
	jsonw_int(&j, "v", 1);
	put_job(r, &j);
	for (size_t i = 0; i < SECTIONS; i++)
		if (is_wanted(names, sections[i].name))
			sections[i].put(r, &j);
	jsonw_object_end(&j);
	return j.err == 0 ? buf_add_byte(out, '\n') : j.err;
}
