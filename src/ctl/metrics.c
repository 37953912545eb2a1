#include "ctl/metrics.h"
#include "ctl/metrics_int.h"
#include "ctl/service_int.h"
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { TICK_MS = 1000 };

/* ---- runs ---- */

/* Numbers of a crawl begin with what earlier processes did; sums do not. */
static void
sums_of_crawl(const struct metrics_run *r, struct run_sums *ret)
{
	const struct crawl_totals *now = &r->stats.totals, *base = &r->base;

	*ret = (struct run_sums){.requests = now->attempts - base->attempts,
	    .pages = now->pages - base->pages,
	    .received_bytes = now->wire_bytes - base->wire_bytes,
	    .body_bytes = now->body_bytes - base->body_bytes,
	    .discovered = now->discovered - base->discovered,
	    .duplicates = now->duplicates - base->duplicates,
	    .transfer_ms = r->stats.frontier.transfer_ms,
	    .idle_alarms = r->stats.idle_alarms,
	    .commits = r->stats.commits,
	    .commit_us = r->stats.commit_us};
	for (size_t i = 0; i < WAIT_CAUSE_MAX; i++)
		ret->wait_ms[i] = r->stats.wait_ms[i] - r->base_wait_ms[i];
}

void
metrics_add(struct run_sums *to, const struct run_sums *more)
{
	to->requests += more->requests;
	to->retries += more->retries;
	to->pages += more->pages;
	to->received_bytes += more->received_bytes;
	to->body_bytes += more->body_bytes;
	to->discovered += more->discovered;
	to->duplicates += more->duplicates;
	for (size_t i = 0; i < WAIT_CAUSE_MAX; i++)
		to->wait_ms[i] += more->wait_ms[i];
	to->transfer_ms += more->transfer_ms;
	to->idle_alarms += more->idle_alarms;
	to->commits += more->commits;
	to->commit_us += more->commit_us;
}

void
metrics_run_sums(struct metrics_run *r, struct run_sums *ret)
{
	struct run_sums now;

	*ret = r->before;
	ret->retries = r->retries;
	if (r->crawl == NULL)
		return;
	crawl_stats(r->crawl, &r->stats);
	sums_of_crawl(r, &now);
	metrics_add(ret, &now);
}

static struct metrics_run *
find(const struct list *list, uint64_t id)
{
	list_foreach (at, list) {
		struct metrics_run *r = container_of(at, struct metrics_run, on_metrics);

		if (r->id == id)
			return r;
	}
	return NULL;
}

/* Its sums stay in those of all. */
static void
forget(struct metrics_run *r)
{
	struct metrics *m = r->metrics;
	struct run_sums sums;

	assert(r->crawl == NULL);
	metrics_run_sums(r, &sums);
	metrics_add(&m->gone, &sums);
	list_remove(&r->on_metrics);
	free(r);
}

void
metrics_tidy(struct metrics *m)
{
	int64_t old_ms = loop_now_ms(service_loop(m->service)) - METRICS_KEPT_MS;

	list_foreach_safe(at, tmp, &m->rested)
	{
		struct metrics_run *r = container_of(at, struct metrics_run, on_metrics);

		if (m->rested_len <= METRICS_RUNS_KEPT && r->ended_ms >= old_ms)
			return;
		m->rested_len--;
		forget(r);
	}
}

/* ---- events ---- */

static void
count_fetch(struct metrics_run *r, const struct sink_event *e)
{
	struct metrics *m = r->metrics;

	if (e->internal)
		m->robots[e->outcome]++;
	else if (e->final)
		m->ended[e->outcome]++;
	else if (e->outcome != OUTCOME_CANCELLED)
		r->retries++;
}

static void
on_event(void *ctx, const struct crawl_event *e)
{
	struct metrics_run *r = ctx;

	if (e->kind == CRAWL_EVENT_FETCH)
		count_fetch(r, e->fetch);
	for (size_t i = 0; i < CRAWL_STAGE_MAX; i++)
		if (e->stage_us[i] >= 0)
			histogram_add(&r->metrics->stages[i], e->stage_us[i]);
}

static struct metrics_run *
run_new_or_rested(struct metrics *m, const struct service_run *run)
{
	struct metrics_run *r = find(&m->rested, run->id);

	if (r != NULL) {
		list_remove(&r->on_metrics);
		list_init(&r->on_metrics);
		m->rested_len--;
		return r;
	}
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	list_init(&r->on_metrics);
	r->metrics = m;
	r->id = run->id;
	(void)snprintf(r->job, sizeof(r->job), "%s", run->job_name);
	return r;
}

int
metrics_crawl_began(struct metrics *m, const struct service_run *run)
{
	struct metrics_run *r = run_new_or_rested(m, run);
	int err;

	if (r == NULL)
		return -ENOMEM;
	err = crawl_subscribe(
	    run->crawl, CRAWL_EVENT_FETCH | CRAWL_EVENT_NAME, on_event, r);
	if (err < 0) {
		forget(r);
		return err;
	}
	r->crawl = run->crawl;
	r->state = run->state;
	crawl_stats(r->crawl, &r->stats);
	r->base = r->stats.totals;
	/* What it was paused is of this crawl already. */
	for (size_t i = 0; i < WAIT_CAUSE_MAX; i++)
		r->base_wait_ms[i] = r->stats.wait_ms[i] - r->stats.frontier.wait_ms[i];
	list_push(&m->live, &r->on_metrics);
	m->live_len++;
	return 0;
}

void
metrics_crawl_ended(struct metrics *m, const struct service_run *run)
{
	struct metrics_run *r = find(&m->live, run->id);

	if (r == NULL)
		return;
	metrics_run_sums(r, &r->before);
	r->crawl = NULL;
	r->before.retries = 0; /* they are in r->retries */
	/* Nothing of it is in hand any more. */
	r->stats.transfers = r->stats.parsing = r->stats.committing = 0;
	r->stats.store_queue = 0;
	r->ended_ms = loop_now_ms(service_loop(m->service));
	list_remove(&r->on_metrics);
	m->live_len--;
	list_push(&m->rested, &r->on_metrics);
	m->rested_len++;
	metrics_tidy(m);
}

static void
on_change(void *ctx, const struct service_run *run)
{
	struct metrics *m = ctx;
	struct metrics_run *r = find(&m->live, run->id);

	if (r == NULL)
		r = find(&m->rested, run->id);
	if (r != NULL)
		r->state = run->state;
}

/* ---- the service ---- */

static void
on_tick(void *ctx)
{
	struct metrics *m = ctx;

	histogram_add(&m->lag, engine_lag_us_take(m->service->engine));
	(void)timer_start(&m->tick, TICK_MS);
}

int
metrics_new(struct service *s, struct metrics **ret)
{
	struct metrics *m = calloc(1, sizeof(*m));
	struct loop *l = service_loop(s);
	int r;

	if (m == NULL)
		return -ENOMEM;
	m->service = s;
	m->started_us = loop_wall_us(l);
	list_init(&m->live);
	list_init(&m->rested);
	timer_init(&m->tick, l, on_tick, m);
	r = timer_start(&m->tick, TICK_MS);
	if (r < 0) {
		free(m);
		return r;
	}
	(void)engine_lag_us_take(s->engine); /* what the start took is no turn */
	m->watch.fn = on_change;
	m->watch.ctx = m;
	service_watch(s, &m->watch);
	*ret = m;
	return 0;
}

void
metrics_free(struct metrics *m)
{
	struct list *at;

	if (m == NULL)
		return;
	service_unwatch(&m->watch);
	timer_stop(&m->tick);
	while ((at = list_pop(&m->live)) != NULL || (at = list_pop(&m->rested)) != NULL)
		free(container_of(at, struct metrics_run, on_metrics));
	free(m);
}

const struct histogram *
metrics_stages(const struct metrics *m)
{
	return m->stages;
}

const struct histogram *
metrics_lag(const struct metrics *m)
{
	return &m->lag;
}

/* ---- the process ---- */

static uint64_t
timeval_us(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_usec;
}

static void
look_at_memory(struct metrics_look *ret)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), n[2] = {0, 0};
	struct slice rest, word;
	char text[128];
	FILE *f = fopen("/proc/self/statm", "re");
	size_t len;

	if (f == NULL)
		return;
	len = fread(text, 1, sizeof(text), f);
	(void)fclose(f);
	rest = slice_of(text, len);
	for (size_t i = 0; i < 2; i++)
		if (!slice_cut(&rest, ' ', &word) || !slice_to_u64(word, &n[i]))
			return;
	ret->virtual_bytes = n[0] * page;
	ret->rss_bytes = n[1] * page;
}

/* But the one that it takes to look. */
static uint64_t
count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	uint64_t n = 0;

	if (d == NULL)
		return 0;
	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	(void)closedir(d);
	return n > 0 ? n - 1 : 0;
}

void
metrics_look(const char *state_dir, struct metrics_look *ret)
{
	struct statvfs fs;
	struct rusage usage;
	struct rlimit files;

	*ret = (struct metrics_look){.fds = count_fds()};
	look_at_memory(ret);
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		ret->cpu_us = timeval_us(&usage.ru_utime) + timeval_us(&usage.ru_stime);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		ret->fds_max = files.rlim_cur;
	if (statvfs(state_dir, &fs) == 0) {
		ret->disk_free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
		ret->disk_size_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
	}
}
