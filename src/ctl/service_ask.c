#include "base/log.h"
#include "ctl/service_int.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What people and schedules ask for of runs: refused at once, or asked of the state machine
 * (service_runs.c); who asked hears when the registry has it. */

struct refusal {
	struct later later;
	service_run_fn *fn;
	void *ctx;
	uint64_t id;
	struct service_run *run;
	int err;
	struct why why;
};

static void
on_refusal(void *ctx)
{
	struct refusal *r = ctx;

	r->fn(r->ctx, r->id, r->run, r->err, r->why.text);
	free(r);
}

/* Later, so that nobody is called back before the call returns. */
__attribute__((format(printf, 6, 7))) static void
refuse(struct service *s, service_run_fn *fn, void *ctx, uint64_t id, int err,
    const char *fmt, ...)
{
	struct refusal *r = calloc(1, sizeof(*r));
	va_list ap;

	if (r == NULL) { /* then now: better than never */
		fn(ctx, id, NULL, err, "out of memory");
		return;
	}
	r->fn = fn;
	r->ctx = ctx;
	r->id = id;
	r->err = err;
	va_start(ap, fmt);
	(void)vsnprintf(r->why.text, sizeof(r->why.text), fmt, ap);
	va_end(ap);
	later_init(&r->later, s->loop, on_refusal, r);
	later_start(&r->later);
}

struct starting {
	struct service *service;
	service_run_fn *fn;
	void *ctx;
	char *key;
};

static void
on_started(void *ctx, struct service_run *run, int err, const char *why)
{
	struct starting *st = ctx;
	struct service *s = run->service;
	char number[24];

	(void)snprintf(number, sizeof(number), "%" PRIu64, run->id);
	if (st->key != NULL)
		key_made(s, st->key, err < 0 ? NULL : number);
	if (st->fn != NULL)
		st->fn(st->ctx, run->id, err < 0 ? NULL : run, err, why);
	else if (err < 0)
		log_error_of(RUN_ABOUT(run), "job %s: a run cannot be noted: %s",
		    run->job_name, why);
	free(st->key);
	free(st);
	if (err < 0)
		run_free(run);
	service_pump(s);
}

static int
make_run(struct service *s, struct service_job *j, const struct run_start *how,
    int64_t scheduled_us, service_run_fn *fn, void *ctx)
{
	struct run_row row = {.id = s->run_last + 1,
	    .job = j->name,
	    .spec = j->spec,
	    .state = RUN_QUEUED,
	    .trigger = how->trigger,
	    .revision = 1,
	    .created_us = loop_wall_us(s->loop),
	    .scheduled_us = scheduled_us};
	struct key_row key = {
	    .key = how->key, .body_hash = how->key_hash, .made_us = row.created_us};
	struct starting *st = calloc(1, sizeof(*st));
	struct service_run *run;
	char number[24];
	int r = st == NULL ? -ENOMEM : 0;

	if (r == 0 && how->key != NULL) {
		st->key = slice_dup(slice_cstr(how->key));
		r = st->key == NULL
			? -ENOMEM
			: key_add(s, how->key, how->key_hash, NULL, row.created_us);
	}
	if (r == 0) {
		r = run_new(s, &row, &run);
		if (r < 0 && how->key != NULL)
			key_made(s, how->key, NULL);
	}
	if (r < 0) {
		if (st != NULL)
			free(st->key);
		free(st);
		return r;
	}
	s->run_last++;
	st->service = s;
	st->fn = fn;
	st->ctx = ctx;
	(void)snprintf(number, sizeof(number), "%" PRIu64, run->id);
	key.made = number;
	service_tell(s, run);
	run_save(run, scheduled_us > 0 ? j : NULL, how->key == NULL ? NULL : &key,
	    on_started, st);
	return 0;
}

void
service_start_run(
    struct service *s, const struct run_start *how, service_run_fn *fn, void *ctx)
{
	struct service_job *j = service_job(s, slice_cstr(how->job));
	int r;

	if (s->draining) {
		refuse(s, fn, ctx, 0, -ESHUTDOWN, "the service is stopping");
	} else if (j == NULL) {
		refuse(s, fn, ctx, 0, -ENOENT, "there is no job %s", how->job);
	} else if (!how->again && service_job_run(j) != NULL) {
		uint64_t id = service_job_run(j)->id;

		refuse(s, fn, ctx, id, -EBUSY,
		    "run %" PRIu64 " of job %s is not over yet", id, how->job);
	} else if (registry_is_busy(s->registry)) {
		refuse(s, fn, ctx, 0, -EAGAIN, "too much is waiting; try again");
	} else {
		r = make_run(s, j, how, 0, fn, ctx);
		if (r < 0)
			refuse(s, fn, ctx, 0, r, "%s",
			    r == -ENOSPC ? "there are too many runs" : "out of memory");
	}
}

/* Once of each: a run may be paused for days, and its job be due each second. */
static void
tell_not_over(struct service_job *j, uint64_t run)
{
	if (j->told_of == run)
		return;
	j->told_of = run;
	log_warn_of(JOB_ABOUT(j->name),
	    "job %s: its run %" PRIu64 " is not over: it is not started again now",
	    j->name, run);
}

void
run_start_scheduled(struct service *s, struct service_job *j, int64_t due_us)
{
	struct run_start how = {.job = j->name, .trigger = "schedule"};
	int r;

	j->served_us = due_us;
	if (service_job_run(j) != NULL) {
		tell_not_over(j, service_job_run(j)->id);
		job_save(s, j);
		return;
	}
	r = make_run(s, j, &how, due_us, NULL, NULL);
	if (r < 0)
		log_error_of(JOB_ABOUT(j->name),
		    "job %s: its schedule cannot be followed: %s", j->name, strerror(-r));
}

static void
on_state_saved(void *ctx, struct service_run *run, int err, const char *why)
{
	(void)ctx;
	run_tell_waiters(run, err, why);
}

/* NULL: refused. */
static struct service_run *
open_run(struct service *s, uint64_t id, service_run_fn *fn, void *ctx)
{
	struct service_run *run = service_run(s, id);

	if (run != NULL && !run_state_is_over(run->state) && run->is_saved &&
	    !s->draining)
		return run;
	if (s->draining)
		refuse(s, fn, ctx, id, -ESHUTDOWN, "the service is stopping");
	else if (run != NULL && !run->is_saved) /* it may come to nothing: on_started() */
		refuse(s, fn, ctx, id, -EBUSY, "run %" PRIu64 " is being made", id);
	else
		refuse(
		    s, fn, ctx, id, -ENOENT, "run %" PRIu64 " is over, or never was", id);
	return NULL;
}

static bool
is_waited_for(struct service_run *run, service_run_fn *fn, void *ctx, struct service *s)
{
	if (run_wait_for(run, fn, ctx) == 0)
		return true;
	refuse(s, fn, ctx, run->id, -ENOMEM, "out of memory");
	return false;
}

/* One that may be paused or go on, and `fn` hears of it; NULL: it was told why not. */
static struct service_run *
steerable_run(struct service *s, uint64_t id, service_run_fn *fn, void *ctx)
{
	struct service_run *run = open_run(s, id, fn, ctx);

	if (run == NULL)
		return NULL;
	if (run->state == RUN_STOPPING) {
		refuse(s, fn, ctx, id, -EBUSY, "run %" PRIu64 " is being cancelled", id);
		return NULL;
	}
	return is_waited_for(run, fn, ctx, s) ? run : NULL;
}

void
service_pause_run(struct service *s, uint64_t id, service_run_fn *fn, void *ctx)
{
	struct service_run *run = steerable_run(s, id, fn, ctx);

	if (run == NULL)
		return;
	/* What is in flight may end; nothing begins from now on. */
	if (run->crawl != NULL)
		crawl_stop(run->crawl, false);
	run_hold(run, WAIT_PAUSED);
	if (run->state != RUN_PAUSED)
		run_set_state(run, RUN_PAUSED);
	run->waits_for_room = false;
	run_save(run, NULL, NULL, on_state_saved, NULL);
}

void
service_resume_run(struct service *s, uint64_t id, service_run_fn *fn, void *ctx)
{
	struct service_run *run = steerable_run(s, id, fn, ctx);

	if (run == NULL)
		return;
	if (run->state == RUN_PAUSED)
		run_set_state(run, run->began_us == 0 ? RUN_QUEUED : RUN_RUNNING);
	if (run->held_for == WAIT_PAUSED && !run->waits_for_room)
		run_hold(run, run->work == NULL ? WAIT_RUN_CAP : WAIT_STORE_BEHIND);
	run_save(run, NULL, NULL, on_state_saved, NULL);
	service_pump(s);
}

/* ---- one that failed ---- */

struct revival {
	struct chore chore;
	struct service *service;
	uint64_t id;
	service_run_fn *fn;
	void *ctx;
	struct run_row row;
	char *job, *spec, *trigger, *stats;
};

static void
revival_free(struct revival *v)
{
	free(v->job);
	free(v->spec);
	free(v->trigger);
	free(v->stats);
	free(v);
}

static int
on_failed_row(void *ctx, const struct run_row *row)
{
	struct revival *v = ctx;

	v->row = *row;
	v->row.job = v->job = slice_dup(slice_cstr(row->job));
	v->row.spec = v->spec = slice_dup(slice_cstr(row->spec));
	v->row.trigger = v->trigger = slice_dup(slice_cstr(row->trigger));
	v->row.stats = v->stats = slice_dup(slice_cstr(row->stats));
	v->row.end = v->row.why = "";
	return v->job == NULL || v->spec == NULL || v->trigger == NULL || v->stats == NULL
		   ? -ENOMEM
		   : 0;
}

static int
revive_work(struct chore *c)
{
	struct revival *v = container_of(c, struct revival, chore);
	int r = registry_run(
	    registry_db(v->service->registry), v->id, on_failed_row, v, &c->why);

	if (r < 0)
		return r;
	return v->row.state == RUN_FAILED
		   ? 0
		   : why_set(&c->why, -EEXIST, "run %" PRIu64 " is over: %s", v->id,
			 run_state_name(v->row.state));
}

static int
revive(struct revival *v, struct service_run **ret)
{
	int r;

	v->row.state = RUN_RUNNING;
	v->row.revision++;
	v->row.ended_us = 0;
	r = run_new(v->service, &v->row, ret); /* -EEXIST: somebody was faster */
	if (r == 0) {
		r = run_wait_for(*ret, v->fn, v->ctx);
		if (r < 0)
			run_free(*ret);
	}
	return r;
}

static void
revive_done(struct chore *c)
{
	struct revival *v = container_of(c, struct revival, chore);
	struct service *s = v->service;
	struct service_run *run;
	int r = s->draining ? -ESHUTDOWN : c->err;

	if (r == 0)
		r = revive(v, &run);
	if (r < 0) {
		v->fn(v->ctx, v->id, NULL, r,
		    c->err < 0     ? c->why.text
		    : r == -EEXIST ? "it goes on already"
				   : "");
	} else {
		log_info("run %" PRIu64 " of %s: goes on, though it had failed", run->id,
		    run->job_name);
		run->is_saved = true;
		service_tell(s, run);
		run_save(run, NULL, NULL, on_state_saved, NULL);
		service_pump(s);
	}
	revival_free(v);
}

void
service_revive_run(struct service *s, uint64_t id, service_run_fn *fn, void *ctx)
{
	struct revival *v = calloc(1, sizeof(*v));

	if (v != NULL) {
		v->chore.work = revive_work;
		v->chore.done = revive_done;
		v->service = s;
		v->id = id;
		v->fn = fn;
		v->ctx = ctx;
		if (!s->draining && registry_send(s->registry, &v->chore) == 0)
			return;
		free(v);
	}
	refuse(s, fn, ctx, id, -EAGAIN, "too much is waiting; try again");
}

/* ---- the end ---- */

static void
on_cancel_saved(void *ctx, struct service_run *run, int err, const char *why)
{
	(void)ctx;
	/* Who asked hears when it is gone, or that it cannot be noted. */
	if (err < 0)
		run_tell_waiters(run, err, why);
}

void
service_cancel_run(struct service *s, uint64_t id, service_run_fn *fn, void *ctx)
{
	struct service_run *run = open_run(s, id, fn, ctx);
	bool again;

	if (run == NULL || !is_waited_for(run, fn, ctx, s))
		return;
	again = run->state == RUN_STOPPING;
	if (again)
		return;
	run->waits_for_room = false;
	if (run->crawl != NULL)
		crawl_stop(run->crawl, true);
	run_set_state(run, RUN_STOPPING);
	if (run->work == NULL) /* nothing of it is anywhere */
		run_end(run, RUN_CANCELLED);
	else
		run_save(run, NULL, NULL, on_cancel_saved, NULL);
}
