#include "base/dir_make.h"
#include "base/log.h"
#include "ctl/metrics.h"
#include "ctl/service_int.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

enum { DESK_MAX = 256, REPORTS_MAX = 4096, REPORT_WAIT_MS = 3000 };

/* ---- what others ask ---- */

const struct settings *
service_settings(const struct service *s)
{
	return s->settings;
}

struct loop *
service_loop(const struct service *s)
{
	return s->loop;
}

bool
service_is_alive(struct service *s)
{
	return engine_is_alive(s->engine);
}

struct registry *
service_registry(const struct service *s)
{
	return s->registry;
}

struct metrics *
service_metrics(const struct service *s)
{
	return s->metrics;
}

struct chores *
service_desk(const struct service *s)
{
	return s->desk;
}

struct chores *
service_reports(const struct service *s)
{
	return s->reports;
}

const char *
service_tmp_dir(const struct service *s)
{
	return s->conf.tmp_dir;
}

bool
service_take_report_place(struct service *s)
{
	if (s->report_places == REPORT_PLACES)
		return false;
	s->report_places++;
	return true;
}

void
service_give_report_place(struct service *s)
{
	assert(s->report_places > 0);
	s->report_places--;
}

struct events *
service_events(const struct service *s)
{
	return s->events;
}

bool
service_is_draining(const struct service *s)
{
	return s->draining;
}

void
service_counts(const struct service *s, struct service_counts *ret)
{
	*ret = s->sums;
	ret->jobs = (uint32_t)s->jobs_len;
	list_foreach (at, &s->runs) {
		const struct service_run *run =
		    container_of(at, struct service_run, on_service);

		ret->queued += run->state == RUN_QUEUED;
		ret->running += run->state == RUN_RUNNING;
		ret->paused += run->state == RUN_PAUSED;
	}
}

void
service_check(const struct service *s)
{
	for (size_t i = 1; i < s->jobs_len; i++)
		assert(strcmp(s->jobs[i - 1]->name, s->jobs[i]->name) < 0);
	list_foreach (at, &s->runs) {
		const struct service_run *run =
		    container_of(at, struct service_run, on_service);

		assert(umap_get(&s->runs_by_id, run->id) == run);
		assert(run->crawl == NULL || run->work != NULL);
		assert(run->id <= s->run_last);
	}
}

void
service_watch(struct service *s, struct service_watch *w)
{
	list_push(&s->watches, &w->on_service);
}

void
service_unwatch(struct service_watch *w)
{
	list_remove(&w->on_service);
}

void
service_tell(struct service *s, const struct service_run *run)
{
	list_foreach_safe(at, tmp, &s->watches)
	{
		struct service_watch *w =
		    container_of(at, struct service_watch, on_service);

		w->fn(w->ctx, run);
	}
}

/* ---- turns ---- */

void
service_pump(struct service *s)
{
	later_start(&s->pump);
}

static void
on_pump(void *ctx)
{
	struct service *s = ctx;

	if (!s->draining) {
		runs_pump(s);
	} else if (!s->drained && runs_are_quiet(s)) {
		s->drained = true;
		timer_stop(&s->drain);
		s->conf.on_drained(s->conf.ctx);
	}
}

/* ---- the beginning ---- */

int
service_make_dir(const char *path, struct why *why)
{
	int r = dir_make(path, 0750);

	if (r == -ENAMETOOLONG)
		return why_set(why, r, "%.60s...: the name is too long", path);
	return r < 0 ? why_set(why, r, "cannot make directory %s: %s", path, strerror(-r))
		     : 0;
}

/* Two services with one state would do everything twice. */
static int
lock_state(struct service *s, struct why *why)
{
	const char *dir = s->settings->service_state_dir;
	char path[4200];
	int r = service_make_dir(dir, why);

	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/lock", dir);
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0)
		return why_set(why, -errno, "cannot open %s: %s", path, strerror(errno));
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return why_set(why, -EBUSY, "another trawl serve uses %s", dir);
	return 0;
}

static void
set_limits(struct service *s)
{
	const struct settings *set = s->settings;
	struct engine_limits l = {.concurrency = set->limits_concurrency,
	    .rate = set->limits_rate,
	    .bandwidth_bytes =
		set->limits_bandwidth == OPTION_NONE ? 0 : set->limits_bandwidth};

	engine_limit(s->engine, &l);
}

/* What is of the whole process it has from `defaults:` and the limits. */
static int
open_engine(struct service *s, struct why *why)
{
	struct options o;
	int r = options_init(&o);

	if (r == 0)
		r = options_merge(&o, &s->settings->defaults.options);
	if (r < 0)
		return why_set(why, r, "out of memory");
	o.fetch_concurrency = s->settings->limits_concurrency;
	o.run_workers = s->settings->limits_workers;
	o.limits_max_memory = s->settings->limits_memory;
	r = engine_new(s->loop, s->conf.nursery, &o, &s->engine, why);
	options_release(&o);
	if (r == 0)
		set_limits(s);
	return r;
}

static int
open_threads(struct service *s, struct why *why)
{
	char path[4200];
	int r = chores_new(s->loop, "desk", DESK_MAX, &s->desk);

	if (r == 0)
		r = chores_new(s->loop, "reports", REPORTS_MAX, &s->reports);
	if (r < 0)
		return why_set(why, r, "cannot start a thread: %s", strerror(-r));
	(void)snprintf(
	    path, sizeof(path), "%s/registry.db", s->settings->service_state_dir);
	return registry_open(s->loop, path, &s->registry, why);
}

static int
load(struct service *s, struct why *why)
{
	struct files_read *files;
	int r = jobs_load(s, why);

	if (r < 0)
		return why_prefix(why, r, "%s", s->settings->service_state_dir);
	r = files_read(s->settings->service_jobs_dir, &s->conf,
	    &s->settings->defaults.options, &files);
	if (r < 0)
		return why_set(why, r, "cannot read %s: %s",
		    s->settings->service_jobs_dir, strerror(-r));
	files_apply(s, files);
	files_read_free(files);
	r = runs_load(s, why);
	return r < 0 ? why_prefix(why, r, "%s", s->settings->service_state_dir) : 0;
}

static void
on_drain_over(void *ctx)
{
	struct service *s = ctx;

	atomic_store(&s->hurry, true);
	runs_hurry(s);
}

static void
init(struct service *s, const struct service_conf *conf)
{
	s->conf = *conf;
	s->loop = conf->loop;
	s->settings = conf->settings;
	s->lock_fd = -1;
	list_init(&s->runs);
	umap_init(&s->runs_by_id, RUNS_OPEN_MAX);
	map_init(&s->keys, KEYS_MAX);
	list_init(&s->watches);
	list_init(&s->unsent);
	list_init(&s->puts);
	later_init(&s->pump, s->loop, on_pump, s);
	timer_init(&s->resend, s->loop, run_resend, s);
	timer_init(&s->schedule, s->loop, schedules_look, s);
	timer_init(&s->room, s->loop, runs_look_for_room, s);
	timer_init(&s->prune, s->loop, history_prune, s);
	timer_init(&s->drain, s->loop, on_drain_over, s);
}

int
service_new(const struct service_conf *conf, struct service **ret, struct why *why)
{
	struct service *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	init(s, conf);
	r = lock_state(s, why);
	if (r == 0)
		r = events_new(s, &s->events) == 0
			? 0
			: why_set(why, -ENOMEM, "out of memory");
	if (r == 0)
		r = open_engine(s, why);
	if (r == 0)
		r = open_threads(s, why);
	if (r == 0) {
		r = metrics_new(s, &s->metrics);
		if (r < 0)
			(void)why_set(why, r, "out of memory");
	}
	if (r == 0)
		r = load(s, why);
	if (r < 0) {
		service_free(s);
		return r;
	}
	service_pump(s);
	(void)timer_start(&s->schedule, 0);
	(void)timer_start(&s->prune, 0);
	*ret = s;
	return 0;
}

int
service_reload(struct service *s, const struct settings *settings)
{
	int r;

	s->settings = settings;
	set_limits(s);
	r = files_reload(s);
	if (r < 0)
		log_error("the files of jobs cannot be read now; reload again");
	history_prune(s);
	service_pump(s);
	return r;
}

/* ---- the end ---- */

void
service_drain(struct service *s)
{
	if (s->draining)
		return;
	s->draining = true;
	timer_stop(&s->schedule);
	timer_stop(&s->prune);
	timer_stop(&s->room);
	runs_drain(s);
	(void)timer_start(&s->drain, s->settings->service_drain);
	service_pump(s);
}

/* A report may take minutes: then it is made by the next start, whose runs end again. */
static void
stop_reports(struct service *s)
{
	if (s->reports == NULL)
		return;
	s->abandoned = !chores_quit(s->reports, REPORT_WAIT_MS);
	if (!s->abandoned)
		chores_free(s->reports);
	s->reports = NULL;
}

void
service_stop(struct service *s)
{
	s->draining = true;
	/* Each is to tell the registry what it did, so that goes last. */
	stop_reports(s);
	chores_free(s->desk);
	s->desk = NULL;
	timer_stop(&s->resend);
	if (s->registry != NULL) {
		registry_stop(s->registry);
		run_flush(s);
	}
	runs_tell_stop(s);
}

bool
service_is_abandoned(const struct service *s)
{
	return s->abandoned;
}

void
service_free(struct service *s)
{
	if (s == NULL)
		return;
	service_check(s);
	service_stop(s);
	runs_release(s);
	events_free(s->events);
	metrics_free(s->metrics);
	keys_release(s);
	jobs_release(s);
	registry_free(s->registry);
	engine_free(s->engine);
	later_stop(&s->pump);
	timer_stop(&s->schedule);
	timer_stop(&s->room);
	timer_stop(&s->prune);
	timer_stop(&s->drain);
	if (s->lock_fd >= 0)
		(void)close(s->lock_fd);
	free(s);
}
