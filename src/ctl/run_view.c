#include "ctl/run_view.h"
#include "base/clock.h"
#include "base/outcome.h"
#include "ctl/job_json.h"
#include <inttypes.h>
#include <stdlib.h>

void
jsonw_time(struct jsonw *j, const char *key, int64_t wall_us)
{
	char text[CLOCK_TEXT_MAX];

	if (wall_us == 0 || wall_us == INT64_MAX)
		return;
	clock_format(wall_us, 3, text);
	jsonw_str(j, key, slice_cstr(text));
}

static void
write_outcomes(struct jsonw *j, const struct crawl_totals *t)
{
	jsonw_object(j, "outcomes");
	for (unsigned i = 0; i < OUTCOME_MAX; i++)
		if (t->outcomes[i] > 0)
			jsonw_int(
			    j, outcome_name((enum outcome)i), (int64_t)t->outcomes[i]);
	jsonw_object_end(j);
}

static void
write_waits(struct jsonw *j, const struct crawl_stats *s)
{
	jsonw_object(j, "wait_ms");
	for (unsigned i = 1; i < WAIT_CAUSE_MAX; i++)
		if (s->wait_ms[i] > 0)
			jsonw_int(j, wait_cause_name((enum wait_cause)i),
			    (int64_t)s->wait_ms[i]);
	jsonw_object_end(j);
}

static double
a_second(uint64_t n, int64_t ms)
{
	return ms <= 0 ? 0 : (double)n * 1000 / (double)ms;
}

void
run_stats_write(struct jsonw *j, const char *key, const struct crawl_stats *s)
{
	const struct crawl_totals *t = &s->totals;

	jsonw_object(j, key);
	jsonw_int(j, "discovered", (int64_t)t->discovered);
	jsonw_int(j, "fetched", (int64_t)t->fetched);
	jsonw_int(j, "failed", (int64_t)t->failed);
	jsonw_int(j, "rejected", (int64_t)t->rejected);
	jsonw_int(j, "queued", (int64_t)t->queued);
	jsonw_int(j, "in_flight", (int64_t)t->in_flight);
	jsonw_int(j, "duplicates", (int64_t)t->duplicates);
	jsonw_int(j, "pages", (int64_t)t->pages);
	jsonw_int(j, "attempts", (int64_t)t->attempts);
	jsonw_int(j, "bytes_wire", (int64_t)t->wire_bytes);
	jsonw_int(j, "bytes_body", (int64_t)t->body_bytes);
	jsonw_int(j, "ms", s->crawl_ms);
	/* Over all of it; of the last minute is for who asks twice. */
	jsonw_real(j, "pages_per_second", a_second(t->pages, s->crawl_ms));
	jsonw_real(j, "bytes_per_second", a_second(t->wire_bytes, s->crawl_ms));
	jsonw_int(j, "transfers", s->transfers);
	jsonw_int(j, "parsing", s->parsing);
	jsonw_int(j, "committing", s->committing);
	jsonw_str(j, "held_by", slice_cstr(wait_cause_name(s->held)));
	jsonw_int(j, "hosts_ready", s->frontier.hosts_ready);
	jsonw_int(j, "hosts_waiting", s->frontier.hosts_waiting);
	write_outcomes(j, t);
	write_waits(j, s);
	jsonw_object_end(j);
}

static void
write_head(struct jsonw *j, const struct run_row *row)
{
	jsonw_int(j, "id", (int64_t)row->id);
	jsonw_str(j, "job", slice_cstr(row->job));
	jsonw_str(j, "state", slice_cstr(run_state_name(row->state)));
	jsonw_str(j, "trigger", slice_cstr(row->trigger));
	jsonw_int(j, "revision", (int64_t)row->revision);
	jsonw_time(j, "created_at", row->created_us);
	jsonw_time(j, "began_at", row->began_us);
	jsonw_time(j, "ended_at", row->ended_us);
	jsonw_time(j, "scheduled_for", row->scheduled_us);
	jsonw_int(j, "starts", row->starts);
	if (row->end != NULL && row->end[0] != '\0')
		jsonw_str(j, "end", slice_cstr(row->end));
	if (row->why != NULL && row->why[0] != '\0')
		jsonw_str(j, "why", slice_cstr(row->why));
}

void
run_row_write(struct jsonw *j, const char *key, const struct run_row *row)
{
	jsonw_object(j, key);
	write_head(j, row);
	if (row->stats != NULL && row->stats[0] == '{')
		jsonw_raw(j, "stats", slice_cstr(row->stats));
	jsonw_object_end(j);
}

void
run_write(struct jsonw *j, const char *key, const struct service_run *run)
{
	struct run_row row = {.id = run->id,
	    .job = run->job_name,
	    .state = run->state,
	    .trigger = run->trigger,
	    .revision = run->revision,
	    .created_us = run->created_us,
	    .began_us = run->began_us,
	    .ended_us = run->ended_us,
	    .scheduled_us = run->scheduled_us,
	    .starts = run->starts,
	    .end = run->end_text,
	    .why = run->waits_for_room ? "the disk is full; it goes on when there is room"
				       : run->why};
	struct crawl_stats stats;

	jsonw_object(j, key);
	write_head(j, &row);
	/* Its place, as opposed to what is wanted of it. */
	jsonw_bool(j, "crawling", run->crawl != NULL);
	if (run->crawl != NULL) {
		crawl_stats(run->crawl, &stats);
		run_stats_write(j, "stats", &stats);
	} else if (run->stats[0] == '{') {
		jsonw_raw(j, "stats", slice_cstr(run->stats));
	}
	jsonw_object_end(j);
}

/* ---- jobs ---- */

/* Once for each change: the spec may be megabytes, and whoever may read may ask often. */
static void
make_shown(struct service_job *job)
{
	json_t *spec = json_loads(job->spec, 0, NULL), *shown = NULL;

	job->shown_hides = false;
	if (spec != NULL)
		shown = job_json_for_strangers(spec, &job->shown_hides);
	if (shown != NULL)
		job->shown = json_dumps(shown, JSON_COMPACT);
	json_decref(shown);
	json_decref(spec);
}

static void
write_spec(struct jsonw *j, struct service_job *job, enum role role)
{
	if (role == ROLE_ADMIN) {
		jsonw_raw(j, "spec", slice_cstr(job->spec));
		return;
	}
	if (job->shown == NULL)
		make_shown(job);
	if (job->shown != NULL)
		jsonw_raw(j, "spec", slice_cstr(job->shown));
	if (job->shown_hides)
		jsonw_bool(j, "secrets_hidden", true);
}

bool
job_write_changing(struct jsonw *j, struct service_job *job)
{
	bool has_any = job->next_us != 0 && job->next_us != INT64_MAX;

	jsonw_time(j, "next_at", job->next_us);
	jsonw_array(j, "open_runs");
	list_foreach (at, &job->runs) {
		const struct service_run *run =
		    container_of(at, struct service_run, on_job);

		if (run_state_is_over(run->state))
			continue;
		jsonw_int(j, NULL, (int64_t)run->id);
		has_any = true;
	}
	jsonw_array_end(j);
	return has_any;
}

void
job_write_json(struct jsonw *j, const char *key, struct service_job *job, enum role role,
    bool with_spec)
{
	jsonw_object(j, key);
	jsonw_str(j, "name", slice_cstr(job->name));
	jsonw_int(j, "revision", (int64_t)job->revision);
	if (job->file != NULL)
		jsonw_str(j, "file", slice_cstr(job->file));
	jsonw_time(j, "created_at", job->created_us);
	jsonw_time(j, "changed_at", job->changed_us);
	jsonw_bool(j, "scheduled", schedule_is_on(&job->schedule));
	(void)job_write_changing(j, job);
	if (with_spec)
		write_spec(j, job, role);
	jsonw_object_end(j);
}
