#include "observe/explain_json.h"
#include "base/clock.h"
#include "base/outcome.h"

void
explain_time_json(struct jsonw *j, const char *key, int64_t wall_us)
{
	char at[CLOCK_TEXT_MAX];

	clock_format(wall_us, 3, at);
	jsonw_str(j, key, slice_cstr(at));
}

void
explain_host_json(struct jsonw *j, const struct hostrec_outlook *h, int64_t wall_us)
{
	jsonw_int(j, "done", (int64_t)h->done);
	if (h->crawl_delay_ms >= 0)
		jsonw_int(j, "crawl_delay_ms", h->crawl_delay_ms);
	if (h->doom != OUTCOME_NONE) {
		jsonw_str(j, "given_up", slice_cstr(outcome_name(h->doom)));
		if (h->doom_until_wall_ms < INT64_MAX / 1000)
			explain_time_json(
			    j, "given_up_until", h->doom_until_wall_ms * 1000);
		return;
	}
	if (h->failures > 0)
		jsonw_int(j, "failures", h->failures);
	explain_time_json(j, "next_at", h->due_wall_ms * 1000);
	if (h->due_wall_ms > wall_us / 1000)
		jsonw_str(j, "waits_for", slice_cstr(wait_cause_name(h->waits_for)));
	if (h->asks_robots)
		jsonw_bool(j, "robots_first", true);
}

static void
json_queue(struct jsonw *j, const struct inspect_url *u)
{
	jsonw_object(j, "queue");
	if (u->place > 0)
		jsonw_int(j, "place", (int64_t)u->place);
	jsonw_int(j, "queued", (int64_t)u->queued);
	if (u->held_by != NULL)
		jsonw_str(j, "held_by", slice_cstr(u->held_by));
	if (u->priority != 0)
		jsonw_int(j, "priority", u->priority);
	if (u->not_before_ms > 0)
		explain_time_json(j, "not_before", u->not_before_ms * 1000);
	jsonw_object_end(j);
}

static void
json_story(struct jsonw *j, const struct inspect_url *u)
{
	jsonw_opt(j, "rule", u->rule);
	jsonw_opt(j, "via", u->via);
	jsonw_opt(j, "hops", u->hops);
	if (u->depth >= 0)
		jsonw_int(j, "depth", u->depth);
	jsonw_opt(j, "kind", slice_cstr(u->kind));
	if (u->tries > 0)
		jsonw_int(j, "tries", u->tries);
	if (u->tried.len > 0) {
		jsonw_object(j, "last_try");
		jsonw_str(j, "at", u->tried_at);
		jsonw_str(j, "outcome", u->tried);
		jsonw_opt(j, "why", u->tried_why);
		jsonw_object_end(j);
	}
	if (inspect_url_waits(u))
		json_queue(j, u);
}

int
explain_json(const struct inspect_url *u, int64_t wall_us, struct buf *out)
{
	struct jsonw j;

	jsonw_init(&j, out);
	jsonw_object(&j, NULL);
	jsonw_int(&j, "v", 1);
	jsonw_str(&j, "url", u->url);
	jsonw_str(&j, "outcome",
	    u->known ? slice_cstr(inspect_url_text(u)) : SLICE_LIT("not-discovered"));
	if (u->known) {
		explain_time_json(&j, "since", u->since_us);
		json_story(&j, u);
	}
	if (!u->known || u->would_be != OUTCOME_NONE) {
		jsonw_object(&j, "would_be");
		jsonw_str(&j, "outcome",
		    u->would_be == OUTCOME_NONE ? SLICE_LIT("wanted")
						: slice_cstr(outcome_name(u->would_be)));
		jsonw_opt(&j, "rule", u->would_rule);
		jsonw_object_end(&j);
	}
	jsonw_opt(&j, "robots_rule", u->robots_rule);
	if (u->authority.len > 0) {
		jsonw_object(&j, "host");
		jsonw_str(&j, "host", u->authority);
		explain_host_json(&j, &u->host, wall_us);
		jsonw_object_end(&j);
	}
	jsonw_opt(&j, "quarantine", u->quarantine);
	jsonw_opt(&j, "etag", u->etag);
	jsonw_opt(&j, "last_modified", u->last_modified);
	jsonw_opt(&j, "digest", u->digest);
	if (u->looks > 0) {
		jsonw_int(&j, "looks", u->looks);
		jsonw_int(&j, "changes", u->changes);
	}
	if (u->due_us > 0)
		explain_time_json(&j, "due_at", u->due_us);
	if (u->page.len > 0)
		jsonw_raw(&j, "page", u->page);
	jsonw_object_end(&j);
	return j.err;
}
