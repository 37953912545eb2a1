#include "base/escape.h"
#include "base/log.h"
#include "base/probe.h"
#include "crawl/space.h"
#include "ctl/metrics.h"
#include "ctl/run_view.h"
#include "ctl/service_int.h"
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/*
 *             place free          ends by itself
 *   QUEUED ----------> RUNNING -----------------> DONE, FAILED
 *      |                |   ^
 *      |          pause |   | resume (waits for a place)
 *      |                v   |
 *      |               PAUSED
 *      |  cancel        |
 *      +------------> STOPPING ---> CANCELLED
 *
 * A state is the one that is wanted; a crawl that still runs is on its way to it.  `work` is
 * there from the moment a place is taken until it is free again.
 */

static void on_end(void *ctx, enum crawl_end end);

/* Greater ones are no numbers of runs: all readers of JSON have these as they are. */
#define RUN_NUMBER_MAX (UINT64_C(1) << 53)

/* ---- waiting for a state ---- */

struct waiter {
	struct list on_run;
	service_run_fn *fn;
	void *ctx;
};

int
run_wait_for(struct service_run *run, service_run_fn *fn, void *ctx)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	w->fn = fn;
	w->ctx = ctx;
	list_push(&run->waiters, &w->on_run);
	return 0;
}

void
run_tell_waiters(struct service_run *run, int err, const char *why)
{
	struct list waiters, *at;

	list_init(&waiters);
	list_splice(&waiters, &run->waiters);
	while ((at = list_pop(&waiters)) != NULL) {
		struct waiter *w = container_of(at, struct waiter, on_run);

		w->fn(w->ctx, run->id, run, err, why);
		free(w);
	}
}

/* ---- the table ---- */

struct service_run *
service_run(const struct service *s, uint64_t id)
{
	return id == 0 ? NULL : umap_get(&s->runs_by_id, id);
}

struct service_run *
service_job_run(const struct service_job *j)
{
	list_foreach (at, &j->runs) {
		struct service_run *run = container_of(at, struct service_run, on_job);

		if (!run_state_is_over(run->state))
			return run;
	}
	return NULL;
}

int
service_run_dir(const struct service *s, uint64_t id, char *ret, size_t cap)
{
	int n =
	    snprintf(ret, cap, "%s/runs/%" PRIu64, s->settings->service_state_dir, id);

	return n < 0 || (size_t)n >= cap ? -ENAMETOOLONG : 0;
}

void
run_free(struct service_run *run)
{
	if (run == NULL)
		return;
	if (run->service != NULL && umap_get(&run->service->runs_by_id, run->id) == run)
		(void)umap_take(&run->service->runs_by_id, run->id);
	list_remove(&run->on_service);
	list_remove(&run->on_job);
	free(run->job_name);
	free(run->spec);
	free(run->trigger);
	free(run->end_text);
	free(run->why);
	free(run->stats);
	free(run);
}

int
run_new(struct service *s, const struct run_row *row, struct service_run **ret)
{
	struct service_run *run = calloc(1, sizeof(*run));
	int r = -ENOMEM;

	if (run == NULL)
		return -ENOMEM;
	*run = (struct service_run){.service = s,
	    .id = row->id,
	    .state = row->state,
	    .revision = row->revision,
	    .created_us = row->created_us,
	    .began_us = row->began_us,
	    .ended_us = row->ended_us,
	    .scheduled_us = row->scheduled_us,
	    .starts = row->starts,
	    .job_name = slice_dup(slice_cstr(row->job)),
	    .spec = slice_dup(slice_cstr(row->spec)),
	    .trigger = slice_dup(slice_cstr(row->trigger)),
	    .end_text = slice_dup(slice_cstr(row->end == NULL ? "" : row->end)),
	    .why = slice_dup(slice_cstr(row->why == NULL ? "" : row->why)),
	    .stats = slice_dup(slice_cstr(row->stats == NULL ? "" : row->stats))};
	list_init(&run->on_service);
	list_init(&run->on_job);
	list_init(&run->waiters);
	if (run->job_name != NULL && run->spec != NULL && run->trigger != NULL &&
	    run->end_text != NULL && run->why != NULL && run->stats != NULL)
		r = umap_put(&s->runs_by_id, run->id, run);
	if (r < 0) {
		run->service = NULL;
		run_free(run);
		return r;
	}
	list_push(&s->runs, &run->on_service);
	run->owner = service_job(s, slice_cstr(run->job_name));
	if (run->owner != NULL)
		list_push(&run->owner->runs, &run->on_job);
	*ret = run;
	return 0;
}

static void
run_set_text(char **at, const char *text)
{
	char *copy = slice_dup(slice_cstr(text));

	if (copy == NULL)
		return; /* the old one is no worse than none */
	free(*at);
	*at = copy;
}

static void
note_stats(struct service_run *run)
{
	struct crawl_stats stats;
	struct buf text;
	struct jsonw j;

	if (run->crawl == NULL)
		return;
	crawl_stats(run->crawl, &stats);
	buf_init(&text, 1 << 16);
	jsonw_init(&j, &text);
	run_stats_write(&j, NULL, &stats);
	if (j.err == 0 && buf_cstr(&text) != NULL)
		run_set_text(&run->stats, buf_cstr(&text));
	buf_release(&text);
}

void
run_set_state(struct service_run *run, enum run_state state)
{
	run->state = state;
	run->revision++;
	PROBE2(run, run->id, state);
	service_tell(run->service, run);
}

/* ---- the end of it ---- */

static void
on_over(void *ctx, struct service_run *run, int err, const char *why)
{
	struct service *s = run->service;

	(void)ctx;
	if (err < 0)
		log_error_of(RUN_ABOUT(run),
		    "run %" PRIu64 " of %s: its end cannot be noted, and it will "
		    "seem to go on at the next start: %s",
		    run->id, run->job_name, why);
	run_tell_waiters(run, err, why);
	run_free(run);
	service_pump(s);
	history_prune(s);
}

void
run_end(struct service_run *run, enum run_state state)
{
	struct service *s = run->service;
	const char *more =
	    strcmp(run->end_text, run_state_name(state)) == 0 ? run->why : run->end_text;

	run->ended_us = loop_wall_us(s->loop);
	if (state == RUN_FAILED)
		s->sums.failed++;
	else
		s->sums.ended++;
	run_set_state(run, state);
	if (state == RUN_FAILED)
		log_error_of(RUN_ABOUT(run), "run %" PRIu64 " of %s: failed: %s", run->id,
		    run->job_name, LOG_TEXT(slice_cstr(run->why)));
	else
		log_info_of(RUN_ABOUT(run), "run %" PRIu64 " of %s: %s%s%s", run->id,
		    run->job_name, run_state_name(state), more[0] == '\0' ? "" : ": ",
		    LOG_TEXT(slice_cstr(more)));
	run_save(run, NULL, NULL, on_over, NULL);
}

static void
fail_run(struct service_run *run, const char *why)
{
	run_set_text(&run->why, why);
	run_end(run, RUN_FAILED);
}

static void
give_back_place(struct service_run *run)
{
	run_work_free(run->work);
	run->work = NULL;
	service_pump(run->service);
}

/* The report is written, or cannot be. */
static void
on_finished(struct run_work *w)
{
	struct service_run *run = w->run;
	enum crawl_end end = run->end;

	if (w->chore.err == -ESHUTDOWN) { /* its end is told by the next start */
		give_back_place(run);
		return;
	}
	if (w->chore.err < 0) {
		log_error_of(RUN_ABOUT(run), "run %" PRIu64 ": after its end: %s",
		    run->id, LOG_TEXT(slice_cstr(w->chore.why.text)));
		if (run->why[0] == '\0')
			run_set_text(&run->why, w->chore.why.text);
	}
	give_back_place(run);
	if (run->state == RUN_STOPPING)
		run_end(run, RUN_CANCELLED);
	else
		run_end(run,
		    end == CRAWL_STORE || end == CRAWL_WORKERS ? RUN_FAILED : RUN_DONE);
}

static void
finish(struct service_run *run)
{
	if (run_work_finish(run->work, on_finished) == 0)
		return;
	/* Without a report, but not without an end. */
	run->work->chore.err = 0;
	on_finished(run->work);
}

/* A crawl that was stopped: what for? */
static void
stopped(struct service_run *run)
{
	if (run->state == RUN_STOPPING) {
		finish(run);
		return;
	}
	run_hold(run, run->state == RUN_PAUSED ? WAIT_PAUSED : WAIT_RUN_CAP);
	give_back_place(run);
	if (run->state == RUN_PAUSED || run->service->draining)
		run_save(run, NULL, NULL, NULL, NULL);
	/* A run that was resumed while it was still being paused waits for a place. */
}

/* It came to an end of its own while it was given more to do: run_change.h. */
static bool
goes_on_changed(const struct service_run *run, enum crawl_end end)
{
	return run->is_changed && run->state == RUN_RUNNING && end != CRAWL_DISK_FULL &&
	       end != CRAWL_STORE && end != CRAWL_WORKERS;
}

/* As the command line tells it, for any terminal. */
static int
tell_unreached(const struct service_run *run, struct buf *out)
{
	size_t more = run->work->job.seeds.n - 1;
	struct buf told;
	int r;

	buf_init(&told, SEED_TOLD_BYTES_MAX);
	r = crawl_seed_tell(run->crawl, 0, &told);
	if (r == 0)
		r = escape_terminal(out, buf_slice(&told));
	if (r == 0 && more > 0)
		r = buf_printf(out,
		    "; and so for %zu more seed%s: crawl.log tells of each", more,
		    more == 1 ? "" : "s");
	buf_release(&told);
	return r;
}

/* A run that reached no seed is done like any other, and nobody who sees it would know. */
static void
note_unreached(struct service_run *run, enum crawl_end end)
{
	struct buf text;

	if (run->why[0] != '\0' || (end != CRAWL_DONE && end != CRAWL_PAGES) ||
	    goes_on_changed(run, end) || crawl_reach(run->crawl) == CRAWL_REACHED)
		return;
	buf_init(&text, 4 * SEED_TOLD_BYTES_MAX);
	if (tell_unreached(run, &text) == 0 && buf_cstr(&text) != NULL)
		run_set_text(&run->why, buf_cstr(&text));
	buf_release(&text);
}

/* Where there is none it goes on, or begins, when there is some. */
static void
wait_for_room(struct service_run *run)
{
	struct service *s = run->service;
	int64_t now_ms = loop_now_ms(s->loop);

	log_warn_of(RUN_ABOUT(run), "run %" PRIu64 " of %s: waits for room on the disk",
	    run->id, run->job_name);
	run->waits_for_room = true;
	run->room_at_ms = now_ms + space_wait_ms(&run->room, ROOM_LOOK_MS, now_ms);
	run_hold(run, WAIT_PAUSED);
	give_back_place(run);
	(void)timer_start(&s->room, ROOM_LOOK_MS);
}

static void
on_end(void *ctx, enum crawl_end end)
{
	struct service_run *run = ctx;
	struct run_work *w = run->work;

	note_stats(run);
	run->end = end;
	report_facts_take(&w->facts, run->crawl, end, loop_wall_us(run->service->loop));
	run_set_text(&run->end_text, crawl_end_text(end));
	run_set_text(&run->why, crawl_why(run->crawl));
	note_unreached(run, end);
	metrics_crawl_ended(run->service->metrics, run);
	crawl_free(run->crawl);
	run->crawl = NULL;
	if (end == CRAWL_STOPPED || goes_on_changed(run, end)) {
		run_set_text(&run->end_text, "");
		stopped(run);
	} else if (end == CRAWL_DISK_FULL && run->state != RUN_STOPPING) {
		run_set_text(&run->end_text, "");
		wait_for_room(run);
	} else {
		finish(run);
	}
	service_tell(run->service, run);
}

void
run_hold(struct service_run *run, enum wait_cause cause)
{
	int64_t now_ms = loop_now_ms(run->service->loop);

	if (run->crawl != NULL || run->starts == 0)
		return; /* it tells itself; nothing of it waits yet */
	if (run->held_for != WAIT_NONE)
		run->held_ms[run->held_for] += now_ms - run->held_since_ms;
	run->held_for = cause;
	run->held_since_ms = now_ms;
}

/* ---- the beginning ---- */

static int
start_crawl(struct service_run *run, struct run_work *w, struct why *why)
{
	struct service *s = run->service;
	struct crawl_conf conf = {.job = &w->job,
	    .dir = w->dir,
	    .resume = true, /* or begins, where nothing was committed */
	    .strange_seeds = (run->owner == NULL || run->owner->file == NULL) &&
			     !s->settings->api_allow_local,
	    .run = run->id,
	    .cookies = buf_slice(&w->cookies),
	    .auth = buf_slice(&w->auth),
	    .store = w->store,
	    .ctx = run,
	    .on_end = on_end};
	int r;

	run_hold(run, WAIT_NONE);
	memcpy(conf.waited_ms, run->held_ms, sizeof(conf.waited_ms));
	r = crawl_start(s->engine, &conf, &run->crawl, why);
	w->store = NULL; /* it has it, or has closed it */
	if (r == 0)
		memset(run->held_ms, 0, sizeof(run->held_ms));
	return r;
}

static void
begin_count(const struct service_run *run)
{
	if (metrics_crawl_began(run->service->metrics, run) < 0)
		log_warn_of(RUN_ABOUT(run),
		    "run %" PRIu64 " of %s is not in the metrics: out of memory", run->id,
		    run->job_name);
}

static void
on_prepared(struct run_work *w)
{
	struct service_run *run = w->run;
	struct service *s = run->service;
	struct why why = w->chore.why;
	int r = w->chore.err;

	if (r == 0 && run->state == RUN_RUNNING && !s->draining) {
		r = start_crawl(run, w, &why);
		if (r == 0) {
			run->starts++;
			begin_count(run);
			log_info_of(RUN_ABOUT(run), "run %" PRIu64 " of %s: %s", run->id,
			    run->job_name, run->starts == 1 ? "begins" : "goes on");
			run_save(run, NULL, NULL, NULL, NULL);
			service_tell(s, run);
			if (run->is_changed) /* since it was prepared */
				crawl_stop(run->crawl, false);
			return;
		}
	}
	if (r == -ENOSPC && run->state == RUN_RUNNING) {
		wait_for_room(run);
		service_tell(s, run);
		return;
	}
	give_back_place(run);
	if (run->state == RUN_STOPPING)
		run_end(run, RUN_CANCELLED);
	else if (r < 0 && r != -ENOSPC)
		fail_run(run, why.text);
	/* else it is paused or the service stops: it is begun another time */
}

static void
begin(struct service_run *run)
{
	struct service *s = run->service;
	int r;

	if (run->state == RUN_QUEUED) {
		run->began_us = loop_wall_us(s->loop);
		s->sums.started++;
		run_set_state(run, RUN_RUNNING);
	}
	if (run->held_for != WAIT_NONE) /* its store is opened */
		run_hold(run, WAIT_STORE_BEHIND);
	r = run_work_prepare(run, on_prepared);
	if (r == 0 || r == -EAGAIN) /* then at the next turn */
		return;
	fail_run(run, strerror(-r));
}

static uint32_t
places_taken(const struct service *s)
{
	uint32_t n = 0;

	list_foreach (at, &s->runs)
		n += container_of(at, struct service_run, on_service)->work != NULL;
	return n;
}

static bool
wants_place(const struct service_run *run, enum run_state state)
{
	return run->state == state && run->is_saved && run->work == NULL &&
	       !run->waits_for_room;
}

/* What was interrupted first, then in the order in which they were made. */
void
runs_pump(struct service *s)
{
	static const enum run_state order[] = {RUN_RUNNING, RUN_QUEUED};
	uint32_t taken = places_taken(s);

	for (size_t i = 0; i < 2 && !s->draining; i++) {
		list_foreach_safe(at, tmp, &s->runs)
		{
			struct service_run *run =
			    container_of(at, struct service_run, on_service);

			if (taken >= s->settings->service_runs_at_once)
				return;
			if (!wants_place(run, order[i]))
				continue;
			begin(run);
			taken++;
		}
	}
}

/* ---- room on the disk ---- */

struct room {
	struct chore chore;
	struct service *service;
	char dir[4096];
	bool is_back;
};

static int
room_work(struct chore *c)
{
	struct room *r = container_of(c, struct room, chore);

	r->is_back = space_is_back(r->dir);
	return 0;
}

static void
room_done(struct chore *c)
{
	struct room *r = container_of(c, struct room, chore);
	struct service *s = r->service;
	int64_t now_ms = loop_now_ms(s->loop);
	bool any_tries = false, any_waits = false;

	list_foreach (at, &s->runs) {
		struct service_run *run =
		    container_of(at, struct service_run, on_service);
		bool tries =
		    run->waits_for_room && r->is_back && now_ms >= run->room_at_ms;

		if (tries) {
			space_wait_tried(&run->room, now_ms);
			run_hold(run, WAIT_RUN_CAP);
			run->waits_for_room = false;
		}
		any_tries |= tries;
		any_waits |= run->waits_for_room;
	}
	if (any_waits && !s->draining)
		(void)timer_start(&s->room, ROOM_LOOK_MS);
	if (any_tries)
		service_pump(s);
	free(r);
}

void
runs_look_for_room(void *ctx)
{
	struct service *s = ctx;
	struct room *r = calloc(1, sizeof(*r));

	if (r != NULL) {
		r->chore.work = room_work;
		r->chore.done = room_done;
		r->service = s;
		(void)snprintf(
		    r->dir, sizeof(r->dir), "%s", s->settings->service_state_dir);
		if (chores_send(s->desk, &r->chore) == 0)
			return;
		free(r);
	}
	(void)timer_start(&s->room, ROOM_LOOK_MS);
}

/* ---- start and stop of the service ---- */

static int
on_row(void *ctx, const struct run_row *row)
{
	struct service *s = ctx;
	struct service_run *run;
	int r = run_new(s, row, &run);

	if (r < 0)
		return r;
	run->is_saved = true;
	return 0;
}

/* A registry that is new, or an older copy, does not know of all runs there are files of:
 * none begins where another one's lie. */
static int
last_of_files(const struct service *s, uint64_t *ret, struct why *why)
{
	char path[4200];
	const struct dirent *d;
	uint64_t n;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/runs", s->settings->service_state_dir);
	*ret = 0;
	dir = opendir(path);
	if (dir == NULL)
		return errno == ENOENT ? 0
				       : why_set(why, -errno, "cannot read %s: %s", path,
					     strerror(errno));
	while ((d = readdir(dir)) != NULL)
		if (slice_to_u64(slice_cstr(d->d_name), &n) && n <= RUN_NUMBER_MAX &&
		    n > *ret)
			*ret = n;
	(void)closedir(dir);
	return 0;
}

int
runs_load(struct service *s, struct why *why)
{
	uint64_t last;
	int r = last_of_files(s, &last, why);

	if (r < 0)
		return r;
	s->run_last = registry_last_run(s->registry);
	if (last > s->run_last)
		s->run_last = last;
	r = registry_each_open_run(s->registry, on_row, s, why);
	if (r < 0)
		return r;
	list_foreach_safe(at, tmp, &s->runs)
	{
		struct service_run *run =
		    container_of(at, struct service_run, on_service);

		/* It was to be cancelled, and nothing of it runs. */
		if (run->state == RUN_STOPPING)
			run_end(run, RUN_CANCELLED);
		else if (run->state == RUN_PAUSED)
			run_hold(run, WAIT_PAUSED);
		else if (run->state == RUN_RUNNING)
			run_hold(run, WAIT_RUN_CAP);
	}
	return 0;
}

void
runs_drain(struct service *s)
{
	list_foreach (at, &s->runs) {
		struct service_run *run =
		    container_of(at, struct service_run, on_service);

		if (run->crawl != NULL)
			crawl_stop_within(run->crawl, s->settings->service_drain);
	}
}

void
runs_hurry(struct service *s)
{
	list_foreach (at, &s->runs) {
		struct service_run *run =
		    container_of(at, struct service_run, on_service);

		if (run->crawl != NULL)
			crawl_stop(run->crawl, true);
	}
}

bool
runs_are_quiet(const struct service *s)
{
	list_foreach (at, &s->runs) {
		const struct service_run *run =
		    container_of(at, struct service_run, on_service);

		if (run->crawl != NULL)
			return false;
	}
	return true;
}

void
runs_tell_stop(struct service *s)
{
	list_foreach (at, &s->runs)
		run_tell_waiters(container_of(at, struct service_run, on_service),
		    -ESHUTDOWN, "the service is stopping");
}

void
runs_release(struct service *s)
{
	list_foreach_safe(at, tmp, &s->runs)
	{
		struct service_run *run =
		    container_of(at, struct service_run, on_service);

		crawl_free(run->crawl);
		run_work_free(run->work);
		run_free(run);
	}
	umap_release(&s->runs_by_id);
}
