#include "base/log.h"
#include "ctl/service_int.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A run's state to the registry, maybe with what led to it, in one transaction.  They are written
 * in the order in which they were given; where the registry has no room they wait here. */

enum {
	RESEND_MS = 200,
	ROOM_MS = 1000, /* between two tries on a full disk */
};

struct run_save {
	struct chore chore;
	struct list on_service;
	struct service *service;
	struct service_run *run;
	struct run_row row; /* texts are copies */
	bool has_job, has_key;
	struct job_row job;
	struct key_row key;
	char *texts[12];
	size_t texts_len;
	bool out_of_memory;
	bool waits; /* for room, which was told */
	run_saved_fn *fn;
	void *ctx;
};

static const char *
keep(struct run_save *v, const char *text)
{
	char *copy = slice_dup(slice_cstr(text == NULL ? "" : text));

	if (copy == NULL) {
		v->out_of_memory = true;
		return "";
	}
	v->texts[v->texts_len++] = copy;
	return copy;
}

static void
save_free(struct run_save *v)
{
	for (size_t i = 0; i < v->texts_len; i++)
		free(v->texts[i]);
	free(v);
}

static int
put_all(struct run_save *v, sqlite3 *db, struct why *why)
{
	int r = registry_put_run(db, &v->row, why);

	if (r == 0 && v->has_job)
		r = registry_put_job(db, &v->job, why);
	if (r == 0 && v->has_key)
		r = registry_put_key(db, &v->key, why);
	return r;
}

static int
work(struct chore *c)
{
	struct run_save *v = container_of(c, struct run_save, chore);
	sqlite3 *db = registry_db(v->service->registry);
	int r;

	if (v->out_of_memory)
		return why_set(&c->why, -ENOMEM, "out of memory");
	if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return registry_error(db, &c->why);
	r = put_all(v, db, &c->why);
	if (r == 0 && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		r = registry_error(db, &c->why);
	if (r < 0)
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

/* What a client asked for and the registry has no room for, the client is told.  The end of a
 * run is tried until there is room: else the run would seem to go on.  Who waits for that end
 * hears at once that it is not noted. */
static bool
waits_for_room(struct run_save *v)
{
	struct service *s = v->service;

	if (v->chore.err != -ENOSPC || v->row.ended_us == 0 || s->draining)
		return false;
	if (!v->waits) {
		log_warn_of(RUN_ABOUT(v->run),
		    "run %" PRIu64
		    " of %s: its end waits for room on the disk to be noted",
		    v->row.id, v->row.job);
		run_tell_waiters(v->run, -ENOSPC, v->chore.why.text);
	}
	v->waits = true;
	v->chore.why.text[0] = '\0';
	list_push(&s->unsent, &v->on_service);
	if (!timer_is_running(&s->resend))
		(void)timer_start(&s->resend, ROOM_MS);
	return true;
}

/* That it is paused is noted when there is room: else it would run after the next start.  Not
 * this row is tried again, which may be old by then, but what the run is then. */
static void
note_pause(const struct run_save *v)
{
	struct service_run *run = v->run;
	struct service *s = v->service;
	bool lost = v->chore.err == -ENOSPC && v->row.state == RUN_PAUSED &&
		    run->state == RUN_PAUSED && !s->draining;

	if (lost && !run->pause_is_unsaved)
		log_warn_of(RUN_ABOUT(run),
		    "run %" PRIu64
		    " of %s: that it is paused waits for room on the disk to be noted",
		    run->id, run->job_name);
	run->pause_is_unsaved = lost;
	if (lost && !timer_is_running(&s->resend))
		(void)timer_start(&s->resend, ROOM_MS);
}

static void
resave_pauses(struct service *s)
{
	list_foreach (at, &s->runs) {
		struct service_run *run =
		    container_of(at, struct service_run, on_service);

		if (run->pause_is_unsaved && run->state == RUN_PAUSED && run->saves == 0)
			run_save(run, NULL, NULL, NULL, NULL);
	}
}

static void
done(struct chore *c)
{
	struct run_save *v = container_of(c, struct run_save, chore);
	struct service_run *run = v->run;

	if (waits_for_room(v))
		return;
	run->saves--;
	if (c->err == 0)
		run->is_saved = true;
	note_pause(v);
	if (v->fn != NULL)
		v->fn(v->ctx, run, c->err, c->why.text); /* the run may be gone */
	save_free(v);
}

static void
submit(struct run_save *v)
{
	struct service *s = v->service;

	if (list_is_empty(&s->unsent) && registry_send(s->registry, &v->chore) == 0)
		return;
	list_push(&s->unsent, &v->on_service);
	if (!timer_is_running(&s->resend))
		(void)timer_start(&s->resend, RESEND_MS);
}

void
run_resend(void *ctx)
{
	struct service *s = ctx;

	while (!list_is_empty(&s->unsent)) {
		struct run_save *v =
		    container_of(s->unsent.next, struct run_save, on_service);
		int r = registry_send(s->registry, &v->chore);

		if (r == -EAGAIN) {
			(void)timer_start(&s->resend, RESEND_MS);
			return;
		}
		list_remove(&v->on_service);
	}
	resave_pauses(s);
}

void
run_flush(struct service *s)
{
	struct list *at;

	resave_pauses(s);
	while ((at = list_pop(&s->unsent)) != NULL) {
		struct run_save *v = container_of(at, struct run_save, on_service);

		v->chore.err = work(&v->chore);
		done(&v->chore);
	}
}

static void
fill(struct run_save *v, const struct service_run *run, const struct service_job *job,
    const struct key_row *key)
{
	v->row = (struct run_row){.id = run->id,
	    .job = keep(v, run->job_name),
	    .spec = keep(v, run->spec),
	    .state = run->state,
	    .trigger = keep(v, run->trigger),
	    .revision = run->revision,
	    .created_us = run->created_us,
	    .began_us = run->began_us,
	    .ended_us = run->ended_us,
	    .scheduled_us = run->scheduled_us,
	    .starts = run->starts,
	    .end = keep(v, run->end_text),
	    .why = keep(v, run->why),
	    .stats = keep(v, run->stats),
	    .changed_us = loop_wall_us(run->service->loop)};
	v->has_job = job != NULL;
	if (job != NULL) {
		job_row_of(job, &v->job);
		v->job.name = keep(v, job->name);
		v->job.spec = keep(v, job->spec);
	}
	v->has_key = key != NULL;
	if (key != NULL) {
		v->key = *key;
		v->key.key = keep(v, key->key);
		v->key.made = keep(v, key->made);
	}
}

void
run_save(struct service_run *run, const struct service_job *with_job,
    const struct key_row *with_key, run_saved_fn *fn, void *ctx)
{
	struct run_save *v = calloc(1, sizeof(*v));

	/* There is no way to go on without: what cannot be noted must not be told. */
	if (v == NULL) {
		(void)fputs("out of memory\n", stderr);
		abort();
	}
	v->chore.work = work;
	v->chore.done = done;
	v->service = run->service;
	v->run = run;
	v->fn = fn;
	v->ctx = ctx;
	list_init(&v->on_service);
	fill(v, run, with_job, with_key);
	run->saves++;
	submit(v);
}
