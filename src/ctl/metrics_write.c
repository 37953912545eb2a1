#include "ctl/events.h"
#include "ctl/http.h"
#include "ctl/metrics_int.h"
#include "ctl/service_int.h"
#include <inttypes.h>
#include <stdio.h>

/* The families one after the other, as metrics.def has them; and of all runs at once, for
 * samples of a family belong together. */

#define COUNT(t, id, n)                                                                  \
	do {                                                                             \
		metrics_family(t, METRIC_##id);                                          \
		metrics_number(t, NULL, NULL, n);                                        \
	} while (0)
#define TIME_US(t, id, us)                                                               \
	do {                                                                             \
		metrics_family(t, METRIC_##id);                                          \
		metrics_time(t, NULL, NULL, us);                                         \
	} while (0)

struct shown {
	struct metrics_run *run;
	char id[24];
	struct metric_label labels[2];
	struct run_sums sums;
};

struct view {
	struct metrics *m;
	struct shown runs[METRICS_RUNS_SHOWN + METRICS_RUNS_KEPT + 1];
	size_t runs_len;
	struct run_sums sums; /* of all */
	struct {
		uint64_t transfer, parse, store, store_queue, frontier_bytes;
	} in_hand;
	struct engine_stats engine;
};

/* ---- what there is ---- */

static void
show(struct view *v, struct metrics_run *r, const struct run_sums *sums)
{
	struct shown *s = &v->runs[v->runs_len];

	if (v->runs_len == sizeof(v->runs) / sizeof(v->runs[0]))
		return;
	v->runs_len++;
	s->run = r;
	s->sums = *sums;
	(void)snprintf(s->id, sizeof(s->id), "%" PRIu64, r->id);
	s->labels[0] = (struct metric_label){"job", slice_cstr(r->job)};
	s->labels[1] = (struct metric_label){"run", slice_cstr(s->id)};
}

static void
look_at_run(struct view *v, struct metrics_run *r, bool shown)
{
	const struct crawl_stats *stats = &r->stats;
	struct run_sums sums;

	metrics_run_sums(r, &sums);
	metrics_add(&v->sums, &sums);
	if (shown)
		show(v, r, &sums);
	if (r->crawl == NULL)
		return;
	v->in_hand.transfer += stats->transfers;
	v->in_hand.parse += stats->parsing;
	v->in_hand.store += stats->committing;
	v->in_hand.store_queue += stats->store_queue;
	v->in_hand.frontier_bytes += stats->frontier.memory_bytes;
}

static void
view_fill(struct view *v, struct metrics *m)
{
	uint32_t n = 0;

	metrics_tidy(m);
	v->m = m;
	v->runs_len = 0;
	v->sums = m->gone;
	memset(&v->in_hand, 0, sizeof(v->in_hand));
	list_foreach (at, &m->live)
		look_at_run(v, container_of(at, struct metrics_run, on_metrics),
		    n++ < METRICS_RUNS_SHOWN);
	list_foreach (at, &m->rested)
		look_at_run(v, container_of(at, struct metrics_run, on_metrics), true);
	engine_stats(m->service->engine, &v->engine);
}

/* ---- the service ---- */

static void
write_service(const struct view *v, struct metrics_text *t)
{
	const struct metric_label version = {"version", SLICE_LIT(PACKAGE_VERSION)};
	uint32_t live = v->m->live_len, room = 0;
	struct service *s = v->m->service;
	struct service_counts c;

	service_counts(s, &c);
	list_foreach (at, &s->runs)
		room += container_of(at, struct service_run, on_service)->waits_for_room;
	metrics_family(t, METRIC_BUILD);
	metrics_sample(t, &version, 1, "1");
	COUNT(t, JOBS, c.jobs);
	metrics_family(t, METRIC_RUNS);
	metrics_number(t, "state", "queued", c.queued);
	metrics_number(t, "state", "running", c.running);
	metrics_number(t, "state", "paused", c.paused);
	COUNT(t, RUNS_WAITING_FOR_ROOM, room);
	COUNT(t, RUNS_UNLABELLED,
	    live > METRICS_RUNS_SHOWN ? live - METRICS_RUNS_SHOWN : 0);
	COUNT(t, RUNS_STARTED, c.started);
	COUNT(t, RUNS_ENDED, c.ended);
	COUNT(t, RUNS_FAILED, c.failed);
}

/* ---- all runs together ---- */

static const char *
class_name(enum outcome o)
{
	static const char *const names[] = {[OUTCOME_CLASS_NONE] = "none",
	    [OUTCOME_CLASS_FETCHED] = "fetched",
	    [OUTCOME_CLASS_FAILED] = "failed",
	    [OUTCOME_CLASS_REJECTED] = "rejected"};

	return names[outcome_class(o)];
}

static void
write_outcomes(const struct view *v, struct metrics_text *t)
{
	char n[24];

	metrics_family(t, METRIC_ENDED);
	for (unsigned o = OUTCOME_NONE + 1; o < OUTCOME_MAX; o++) {
		const struct metric_label labels[] = {
		    {"class", slice_cstr(class_name((enum outcome)o))},
		    {"outcome", slice_cstr(outcome_name((enum outcome)o))}};

		(void)snprintf(n, sizeof(n), "%" PRIu64, v->m->ended[o]);
		metrics_sample(t, labels, 2, n);
	}
}

/* Also those that are 0, so that a rate is right from the first one on. */
static void
write_waits(const uint64_t *ms, struct metrics_text *t)
{
	for (unsigned i = WAIT_NONE + 1; i < WAIT_CAUSE_MAX; i++)
		metrics_time(
		    t, "cause", wait_cause_name((enum wait_cause)i), ms[i] * 1000);
}

static void
write_sums(const struct view *v, struct metrics_text *t)
{
	const struct run_sums *s = &v->sums;

	COUNT(t, REQUESTS, s->requests);
	metrics_family(t, METRIC_ROBOTS);
	for (unsigned o = OUTCOME_NONE + 1; o < OUTCOME_MAX; o++)
		if (v->m->robots[o] > 0)
			metrics_number(
			    t, "outcome", outcome_name((enum outcome)o), v->m->robots[o]);
	COUNT(t, RETRIES, s->retries);
	COUNT(t, PAGES, s->pages);
	COUNT(t, RECEIVED, s->received_bytes);
	COUNT(t, BODY, s->body_bytes);
	COUNT(t, DISCOVERED, s->discovered);
	COUNT(t, DUPLICATES, s->duplicates);
	write_outcomes(v, t);
	metrics_family(t, METRIC_WAIT);
	write_waits(s->wait_ms, t);
	TIME_US(t, TRANSFER, s->transfer_ms * 1000);
	COUNT(t, IDLE_ALARMS, s->idle_alarms);
	metrics_family(t, METRIC_STAGE);
	for (unsigned i = 0; i < CRAWL_STAGE_MAX; i++)
		metrics_histogram(
		    t, "stage", crawl_stage_name((enum crawl_stage)i), &v->m->stages[i]);
	COUNT(t, COMMITS, s->commits);
	TIME_US(t, COMMIT_TIME, s->commit_us);
}

/* ---- what they share ---- */

static void
write_parser(const struct engine_stats *e, struct metrics_text *t)
{
	metrics_family(t, METRIC_PARSER_TASKS);
	metrics_number(t, "state", "queued", e->pool.queued);
	metrics_number(t, "state", "running", e->pool.running);
	COUNT(t, PARSER_WORKERS, e->pool.workers_alive);
	COUNT(t, PARSER_WANTED, e->workers);
	COUNT(t, PARSER_DONE, e->pool.tasks_done);
	COUNT(t, PARSER_CRASHES, e->pool.crashes);
	COUNT(t, PARSER_TIMEOUTS, e->pool.timeouts);
	COUNT(t, PARSER_RECYCLED, e->pool.recycled);
}

static void
write_events(const struct view *v, struct metrics_text *t)
{
	struct events_stats e;

	events_stats(v->m->service->events, &e);
	COUNT(t, EVENT_LISTENERS, e.listeners);
	COUNT(t, EVENTS_KEPT, e.kept);
	COUNT(t, EVENTS, e.told);
	COUNT(t, EVENT_GAPS, e.gaps);
}

static void
write_engine(const struct view *v, struct metrics_text *t)
{
	const struct engine_stats *e = &v->engine;
	const struct service *s = v->m->service;

	metrics_family(t, METRIC_LOOP_LAG);
	metrics_histogram(t, NULL, NULL, &v->m->lag);
	COUNT(t, TRANSFERS, e->transfers);
	COUNT(t, TRANSFERS_SLOW, e->slow);
	COUNT(t, CONNECTIONS_MAX, e->connections_max);
	metrics_family(t, METRIC_IN_HAND);
	metrics_number(t, "at", "transfer", v->in_hand.transfer);
	metrics_number(t, "at", "parser", v->in_hand.parse);
	metrics_number(t, "at", "store", v->in_hand.store);
	write_parser(e, t);
	COUNT(t, STORE_QUEUE, v->in_hand.store_queue);
	metrics_family(t, METRIC_CHORES);
	metrics_number(t, "thread", "desk", chores_waiting(s->desk));
	metrics_number(t, "thread", "reports", chores_waiting(s->reports));
	metrics_number(t, "thread", "registry", registry_waiting(s->registry));
	write_events(v, t);
	COUNT(t, ARENA, e->arena_bytes);
	COUNT(t, ARENA_USED, e->arena_used_bytes);
	COUNT(t, FRONTIER, v->in_hand.frontier_bytes);
}

static void
write_disk(const struct metrics_look *look, struct metrics_text *t)
{
	if (look->disk_size_bytes == 0)
		return;
	COUNT(t, DISK_FREE, look->disk_free_bytes);
	COUNT(t, DISK_SIZE, look->disk_size_bytes);
}

static void
write_api(const struct http_stats *h, struct metrics_text *t)
{
	COUNT(t, API_CONNECTIONS, h->connections_now);
	COUNT(t, API_ACCEPTED, h->connections);
	COUNT(t, API_REQUESTS, h->requests);
	COUNT(t, API_TIMEOUTS, h->timeouts);
	COUNT(t, API_EVICTED, h->evicted);
}

static void
write_process(
    const struct view *v, const struct metrics_look *look, struct metrics_text *t)
{
	TIME_US(t, PROCESS_CPU, look->cpu_us);
	COUNT(t, PROCESS_RSS, look->rss_bytes);
	COUNT(t, PROCESS_VIRTUAL, look->virtual_bytes);
	COUNT(t, PROCESS_FDS, look->fds);
	COUNT(t, PROCESS_FDS_MAX, look->fds_max);
	TIME_US(t, PROCESS_START, (uint64_t)v->m->started_us);
}

/* ---- each run ---- */

typedef void run_fn(const struct shown *s, struct metrics_text *t);

static void
each_run(const struct view *v, enum metric_id id, run_fn *fn, struct metrics_text *t)
{
	metrics_family(t, id);
	for (size_t i = 0; i < v->runs_len; i++) {
		t->common = v->runs[i].labels;
		t->common_len = 2;
		fn(&v->runs[i], t);
	}
	t->common_len = 0;
}

#define RUN_NUMBER(fn, n)                                                                \
	static void fn(const struct shown *s, struct metrics_text *t)                    \
	{                                                                                \
		metrics_number(t, NULL, NULL, n);                                        \
	}
#define RUN_TIME(fn, us)                                                                 \
	static void fn(const struct shown *s, struct metrics_text *t)                    \
	{                                                                                \
		metrics_time(t, NULL, NULL, us);                                         \
	}
RUN_NUMBER(run_crawling, s->run->crawl != NULL)
RUN_NUMBER(run_discovered, s->run->stats.discovered)
RUN_NUMBER(run_pages, s->sums.pages)
RUN_NUMBER(run_requests, s->sums.requests)
RUN_NUMBER(run_retries, s->sums.retries)
RUN_NUMBER(run_received, s->sums.received_bytes)
RUN_NUMBER(run_body, s->sums.body_bytes)
RUN_TIME(run_transfer, s->sums.transfer_ms * 1000)
RUN_TIME(run_elapsed, (uint64_t)s->run->stats.crawl_ms * 1000)

static void
run_state(const struct shown *s, struct metrics_text *t)
{
	metrics_number(t, "state", run_state_name(s->run->state), 1);
}

static void
run_urls(const struct shown *s, struct metrics_text *t)
{
	const struct crawl_totals *n = &s->run->stats.totals;

	metrics_number(t, "state", "fetched", n->fetched);
	metrics_number(t, "state", "failed", n->failed);
	metrics_number(t, "state", "rejected", n->rejected);
	metrics_number(t, "state", "queued", n->queued);
	metrics_number(t, "state", "in-flight", n->in_flight);
}

static void
run_outcomes(const struct shown *s, struct metrics_text *t)
{
	const struct crawl_totals *n = &s->run->stats.totals;

	for (unsigned o = OUTCOME_NONE + 1; o < OUTCOME_MAX; o++)
		if (n->outcomes[o] > 0)
			metrics_number(
			    t, "outcome", outcome_name((enum outcome)o), n->outcomes[o]);
}

static void
run_waits(const struct shown *s, struct metrics_text *t)
{
	write_waits(s->sums.wait_ms, t);
}

static void
run_in_hand(const struct shown *s, struct metrics_text *t)
{
	metrics_number(t, "at", "transfer", s->run->stats.transfers);
	metrics_number(t, "at", "parser", s->run->stats.parsing);
	metrics_number(t, "at", "store", s->run->stats.committing);
}

static void
run_hosts(const struct shown *s, struct metrics_text *t)
{
	const struct frontier_stats *f = &s->run->stats.frontier;

	if (s->run->crawl == NULL)
		return;
	metrics_number(t, "state", "ready", f->hosts_ready);
	metrics_number(t, "state", "waiting", f->hosts_waiting);
	metrics_number(t, "state", "full", f->hosts_full);
	metrics_number(t, "state", "blocked", f->hosts_blocked);
	metrics_number(t, "state", "dead", f->hosts_dead);
}

static void
write_runs(const struct view *v, struct metrics_text *t)
{
	each_run(v, METRIC_RUN_STATE, run_state, t);
	each_run(v, METRIC_RUN_CRAWLING, run_crawling, t);
	each_run(v, METRIC_RUN_DISCOVERED, run_discovered, t);
	each_run(v, METRIC_RUN_URLS, run_urls, t);
	each_run(v, METRIC_RUN_OUTCOMES, run_outcomes, t);
	each_run(v, METRIC_RUN_PAGES, run_pages, t);
	each_run(v, METRIC_RUN_REQUESTS, run_requests, t);
	each_run(v, METRIC_RUN_RETRIES, run_retries, t);
	each_run(v, METRIC_RUN_RECEIVED, run_received, t);
	each_run(v, METRIC_RUN_BODY, run_body, t);
	each_run(v, METRIC_RUN_WAIT, run_waits, t);
	each_run(v, METRIC_RUN_TRANSFER, run_transfer, t);
	each_run(v, METRIC_RUN_IN_HAND, run_in_hand, t);
	each_run(v, METRIC_RUN_HOSTS, run_hosts, t);
	each_run(v, METRIC_RUN_ELAPSED, run_elapsed, t);
}

void
metrics_write(struct metrics *m, const struct metrics_look *look,
    const struct http_stats *http, struct metrics_text *t)
{
	struct view v;

	view_fill(&v, m);
	write_service(&v, t);
	write_sums(&v, t);
	write_engine(&v, t);
	write_disk(look, t);
	write_api(http, t);
	write_runs(&v, t);
	write_process(&v, look, t);
}
