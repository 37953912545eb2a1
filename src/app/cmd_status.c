#include "app/look.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/json.h"
#include "crawl/crawl.h"
#include "crawl/inspect.h"
#include "observe/explain_json.h"
#include "observe/format.h"
#include "observe/traps_view.h"
#include <stdio.h>

enum { SHOWN_HOSTS = 10, SHOWN_TRAPS = 5, DIFFERENCES_SHOWN = 100 };

struct view {
	const struct look *look;
	struct inspect_status st;
	bool verified; /* it was asked for */
	int differences;
	struct buf sentences; /* of them, each with a line end */
};

/* "running", "interrupted", "ended" */
static const char *
state_name(const struct view *v)
{
	if (v->st.running)
		return "running";
	return v->st.saved.end == SAVED_RUNNING ? "interrupted" : "ended";
}

/* ---- JSON ---- */

static void
json_totals(struct jsonw *j, const struct crawl_totals *t)
{
	jsonw_int(j, "discovered", (int64_t)t->discovered);
	jsonw_int(j, "fetched", (int64_t)t->fetched);
	jsonw_int(j, "failed", (int64_t)t->failed);
	jsonw_int(j, "rejected", (int64_t)t->rejected);
	jsonw_int(j, "queued", (int64_t)t->queued);
	/* Of a commit nothing is: what is under way is queued until it has its outcome. */
	jsonw_int(j, "in_flight", (int64_t)t->in_flight);
	jsonw_int(j, "duplicates", (int64_t)t->duplicates);
	jsonw_int(j, "pages", (int64_t)t->pages);
	jsonw_int(j, "attempts", (int64_t)t->attempts);
	jsonw_int(j, "bytes_wire", (int64_t)t->wire_bytes);
	jsonw_int(j, "bytes_body", (int64_t)t->body_bytes);
	jsonw_object(j, "outcomes");
	for (int o = OUTCOME_NONE + 1; o < OUTCOME_MAX; o++)
		if (t->outcomes[o] > 0)
			jsonw_int(
			    j, outcome_name((enum outcome)o), (int64_t)t->outcomes[o]);
	jsonw_object_end(j);
}

static void
json_hosts(struct jsonw *j, const char *key, const struct view *v,
    const struct inspect_hosts *hosts)
{
	jsonw_array(j, key);
	for (uint32_t i = 0; i < hosts->n; i++) {
		const struct inspect_host *h = &hosts->v[i];

		jsonw_object(j, NULL);
		jsonw_str(j, "host", slice_cstr(h->authority));
		jsonw_int(j, "queued", (int64_t)h->queued);
		explain_host_json(j, &h->look, v->look->wall_us);
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
}

static void
json_waits(struct jsonw *j, const char *key, const uint64_t v[WAIT_CAUSE_MAX])
{
	jsonw_object(j, key);
	for (int c = WAIT_NONE + 1; c < WAIT_CAUSE_MAX; c++)
		if (v[c] > 0)
			jsonw_int(j, wait_cause_name((enum wait_cause)c), (int64_t)v[c]);
	jsonw_object_end(j);
}

static void
json_verified(struct jsonw *j, const struct view *v)
{
	struct slice rest = buf_slice(&v->sentences), line;

	if (!v->verified)
		return;
	jsonw_bool(j, "verified", v->differences == 0);
	jsonw_array(j, "differences");
	while (slice_cut(&rest, '\n', &line))
		if (line.len > 0)
			jsonw_str(j, NULL, line);
	jsonw_array_end(j);
}

static int
json_status(const struct view *v, struct buf *out)
{
	const struct inspect_status *st = &v->st;
	const struct saved *s = &st->saved;
	struct jsonw j;

	jsonw_init(&j, out);
	jsonw_object(&j, NULL);
	jsonw_int(&j, "v", 1);
	jsonw_str(&j, "dir", slice_cstr(v->look->dir));
	jsonw_opt(&j, "job", slice_cstr(v->look->job.name));
	jsonw_str(&j, "state", slice_cstr(state_name(v)));
	if (st->running && st->pid > 0)
		jsonw_int(&j, "pid", st->pid);
	if (!st->running && s->end != SAVED_RUNNING)
		jsonw_str(&j, "end", slice_cstr(crawl_end_text((enum crawl_end)s->end)));
	if (!st->running)
		jsonw_opt(&j, "why", slice_cstr(st->why));
	jsonw_int(&j, "runs", s->runs);
	jsonw_int(&j, "round", s->round.number);
	explain_time_json(&j, "started_at", s->began_us);
	explain_time_json(&j, "committed_at", s->at_us);
	jsonw_real(&j, "seconds", (double)s->elapsed_ms / 1000);
	json_totals(&j, &s->totals);
	traps_view_json(&st->traps, &j);
	json_waits(&j, "wait_ms", s->wait_ms);
	jsonw_int(&j, "hosts", (int64_t)st->hosts);
	jsonw_int(&j, "hosts_queued", (int64_t)st->hosts_queued);
	jsonw_int(&j, "hosts_ready", (int64_t)st->hosts_ready);
	json_waits(&j, "hosts_waiting", st->hosts_waiting);
	jsonw_int(&j, "hosts_given_up", (int64_t)st->hosts_given_up);
	json_hosts(&j, "busiest", v, &st->busiest);
	json_hosts(&j, "given_up", v, &st->given_up);
	jsonw_int(&j, "bytes_disk", (int64_t)st->disk_bytes);
	jsonw_bool(&j, "disk_short", st->disk_short);
	json_verified(&j, v);
	jsonw_object_end(&j);
	return j.err == 0 ? buf_add_byte(out, '\n') : j.err;
}

/* ---- for people ---- */

static int
text_state(const struct view *v, struct buf *out)
{
	const struct inspect_status *st = &v->st;
	int e = escape_terminal(out, slice_cstr(v->look->dir));

	if (e == 0)
		e = buf_printf(out, ": %s", state_name(v));
	if (e == 0 && st->running && st->pid > 0)
		e = buf_printf(out, " by process %lld", (long long)st->pid);
	if (e == 0 && st->running && st->disk_short)
		e = buf_add_cstr(
		    out, "; the disk is nearly full: it pauses until there is room");
	if (e == 0 && !st->running)
		e = buf_printf(out, ": %s",
		    st->saved.end == SAVED_RUNNING
			? "killed, or disk or machine failed; trawl resume goes on"
			: crawl_end_text((enum crawl_end)st->saved.end));
	if (e == 0 && !st->running && st->why[0] != '\0') {
		e = buf_add_cstr(out, ": ");
		if (e == 0)
			e = escape_terminal(out, slice_cstr(st->why));
	}
	return e == 0 ? buf_add_byte(out, '\n') : e;
}

static int
text_run(const struct view *v, struct buf *out)
{
	const struct saved *s = &v->st.saved;
	char began[CLOCK_TEXT_MAX], at[CLOCK_TEXT_MAX];
	int64_t ago_ms = (v->look->wall_us - s->at_us) / 1000;

	clock_format(s->began_us, 0, began);
	clock_format(s->at_us, 0, at);
	return buf_printf(out,
	    "  runs      %u in %u round%s, %s in all, since %s; last commit %s ago "
	    "(%s)\n",
	    (unsigned)s->runs, (unsigned)s->round.number, s->round.number == 1 ? "" : "s",
	    ELAPSED(s->elapsed_ms), began, ELAPSED(ago_ms < 0 ? 0 : ago_ms), at);
}

static int
text_totals(const struct view *v, struct buf *out)
{
	const struct crawl_totals *t = &v->st.saved.totals;
	const char *lead = "  outcomes  ";
	int e = buf_printf(out,
	    "  pages     %s, %s received; %s requests\n"
	    "  URLs      %s discovered = %s fetched + %s failed + %s rejected + %s "
	    "queued\n",
	    COUNT(t->pages), BYTES(t->wire_bytes), COUNT(t->attempts),
	    COUNT(t->discovered), COUNT(t->fetched), COUNT(t->failed), COUNT(t->rejected),
	    COUNT(t->queued));

	for (int o = OUTCOME_NONE + 1; o < OUTCOME_MAX && e == 0; o++) {
		if (t->outcomes[o] == 0)
			continue;
		e = buf_printf(out, "%s%s %s", lead, outcome_name((enum outcome)o),
		    COUNT(t->outcomes[o]));
		lead = ", ";
	}
	return e == 0 && lead[0] == ',' ? buf_add_byte(out, '\n') : e;
}

/* Causes in the order of the table, as parts of the sum. */
static int
text_waits(const struct view *v, struct buf *out)
{
	const uint64_t *ms = v->st.saved.wait_ms;
	const char *lead = "  waits     ";
	uint64_t sum = 0;
	int e = 0;

	for (int c = WAIT_NONE + 1; c < WAIT_CAUSE_MAX; c++)
		sum += ms[c];
	for (int c = WAIT_NONE + 1; c < WAIT_CAUSE_MAX && e == 0; c++) {
		if (ms[c] == 0 || ms[c] < sum / 100)
			continue;
		e = buf_printf(out, "%s%s %.0f %%", lead,
		    wait_cause_name((enum wait_cause)c),
		    100.0 * (double)ms[c] / (double)sum);
		lead = ", ";
	}
	return e == 0 && lead[0] == ',' ? buf_add_byte(out, '\n') : e;
}

static int
text_hosts(const struct view *v, struct buf *out)
{
	const struct inspect_status *st = &v->st;
	int e = buf_printf(out, "  hosts     %s, %s with something queued",
	    COUNT(st->hosts), COUNT(st->hosts_queued));
	const char *lead = ": ";

	if (e == 0 && st->hosts_ready > 0) {
		e = buf_printf(out, "%s%s ready", lead, COUNT(st->hosts_ready));
		lead = ", ";
	}
	for (int c = WAIT_NONE + 1; c < WAIT_CAUSE_MAX && e == 0; c++) {
		if (st->hosts_waiting[c] == 0)
			continue;
		e = buf_printf(out, "%s%s %s", lead, COUNT(st->hosts_waiting[c]),
		    wait_cause_name((enum wait_cause)c));
		lead = ", ";
	}
	if (e == 0 && st->hosts_given_up > 0)
		e = buf_printf(out, "; %s given up", COUNT(st->hosts_given_up));
	return e == 0 ? buf_add_byte(out, '\n') : e;
}

static int
text_top(const struct view *v, const char *title, const struct inspect_hosts *hosts,
    struct buf *out)
{
	int e = 0;

	for (uint32_t i = 0; i < hosts->n && i < SHOWN_HOSTS && e == 0; i++) {
		const struct inspect_host *h = &hosts->v[i];

		e = buf_printf(out, "  %-8s  ", i == 0 ? title : "");
		if (e == 0)
			e = escape_terminal(out, slice_cstr(h->authority));
		if (e == 0)
			e = buf_printf(out, "  %s queued, %s asked, ", COUNT(h->queued),
			    COUNT(h->look.done));
		if (e == 0)
			e = look_host_text(out, &h->look, v->look->wall_us);
		if (e == 0)
			e = buf_add_byte(out, '\n');
	}
	return e;
}

static int
text_verified(const struct view *v, struct buf *out)
{
	struct slice rest = buf_slice(&v->sentences), line;
	int e = 0;

	if (!v->verified)
		return 0;
	if (v->differences == 0)
		return buf_add_cstr(out,
		    "  verified  store, sums and lengths of files; for their bytes: "
		    "trawl warc verify\n");
	while (e == 0 && slice_cut(&rest, '\n', &line)) {
		if (line.len == 0)
			continue;
		e = buf_add_cstr(out, "  DIFFERS   ");
		if (e == 0)
			e = escape_terminal(out, line);
		if (e == 0)
			e = buf_add_byte(out, '\n');
	}
	if (e == 0 && v->differences > DIFFERENCES_SHOWN)
		e = buf_printf(
		    out, "  DIFFERS   and %d more\n", v->differences - DIFFERENCES_SHOWN);
	return e;
}

static int
text_status(const struct view *v, struct buf *out)
{
	int e = text_state(v, out);

	if (e == 0)
		e = text_run(v, out);
	if (e == 0)
		e = text_totals(v, out);
	if (e == 0)
		e = traps_view_text(&v->st.traps, SHOWN_TRAPS, out);
	if (e == 0)
		e = text_waits(v, out);
	if (e == 0)
		e = text_hosts(v, out);
	if (e == 0)
		e = text_top(v, "busiest", &v->st.busiest, out);
	if (e == 0)
		e = text_top(v, "given up", &v->st.given_up, out);
	if (e == 0)
		e = buf_printf(out, "  disk      %s\n", BYTES(v->st.disk_bytes));
	return e == 0 ? text_verified(v, out) : e;
}

/* ---- the command ---- */

static void
on_difference(void *ctx, const char *sentence)
{
	struct view *v = ctx;

	if (++v->differences > DIFFERENCES_SHOWN)
		return;
	(void)buf_printf(&v->sentences, "%s\n", sentence);
}

static int
show(struct look *l, bool json, bool verify)
{
	struct view v = {.look = l, .verified = verify};
	struct buf out;
	struct why why = {""};
	int r, code = EXIT_DONE;

	buf_init(&out, 4 << 20);
	buf_init(&v.sentences, 1 << 20);
	r = inspect_status(l->in, &v.st, &why);
	if (r == 0 && verify) {
		r = inspect_verify(l->in, on_difference, &v, &why);
		code = r > 0 ? EXIT_FILE : EXIT_DONE;
	}
	if (r < 0) {
		code = say_error(EXIT_FILE, "%s", why.text);
	} else {
		r = json ? json_status(&v, &out) : text_status(&v, &out);
		if (r < 0)
			code = say_error(EXIT_OTHER, "out of memory");
		else if (!write_stdout(buf_slice(&out)))
			code = EXIT_FILE;
	}
	buf_release(&v.sentences);
	buf_release(&out);
	return code;
}

int
cmd_status(int argc, char **argv, struct nursery *nursery)
{
	bool json = false, verify = false;
	const struct tool_flag flags[] = {
	    {"--json", NULL, &json}, {"--verify", NULL, &verify}};
	struct look l;
	int words, code = tool_flags(argc, argv, flags, 2, &words);

	(void)nursery;
	if (code != 0)
		return code;
	if (words != 1)
		return usage_error("status wants one directory, as in"
				   " trawl status example.org-20261124161942602");
	code = look_open(&l, argv[0]);
	if (code == EXIT_DONE)
		code = show(&l, json, verify);
	look_close(&l);
	return code;
}
