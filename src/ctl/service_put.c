#include "base/log.h"
#include "ctl/job_json.h"
#include "ctl/service_int.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * A job is made, changed or deleted:
 *
 *   service_put_job()  whether it may be       [loop]
 *   check              the spec is understood  [desk]; what the job is already is done
 *   write              the registry has it     [registry]
 *   commit             it is so                [loop], then done()
 *
 * From the first step to the last the job is marked, or its name is held by the key of the
 * change: two changes of one job do not overlap.
 */

struct job_put *
job_put_new(const char *name)
{
	struct job_put *p = calloc(1, sizeof(*p));

	if (p != NULL)
		(void)snprintf(p->name, sizeof(p->name), "%s", name);
	return p;
}

void
job_put_free(struct job_put *p)
{
	if (p == NULL)
		return;
	mistakes_release(&p->mistakes);
	json_decref(p->spec);
	free(p->key);
	free(p->text);
	if (p->defaults != NULL)
		options_release(p->defaults);
	free(p->defaults);
	free(p);
}

/* Its schedule goes on. */
static void
unmark(struct job_put *p)
{
	struct service_job *j = service_job(p->service, slice_cstr(p->name));

	if (j != NULL && p->marked)
		j->put_pending = false;
	p->marked = false;
}

static void
end(struct job_put *p, int err)
{
	struct service *s = p->service;

	unmark(p);
	if (p->key != NULL && p->keyed)
		key_made(s, p->key, err == 0 ? p->name : NULL);
	list_remove(&p->on_service);
	p->err = err;
	p->done(p);
}

/* ---- check [desk] ---- */

static void
check_job(struct job_put *p, struct job *job)
{
	const struct service_conf *conf = &p->service->conf;

	if (p->name[0] == '\0')
		(void)mistakes_add(&p->mistakes, "/name", SERVICE_NAME_RULE);
	if (job_json_read(job, p->spec, &p->rights, mistakes_add, &p->mistakes) < 0) {
		(void)mistakes_add(&p->mistakes, "", "out of memory");
		return;
	}
	if (job->seeds.n == 0 && (!job->seeds_named || p->mistakes.len == 0))
		(void)mistakes_add(
		    &p->mistakes, "/seeds", "there is no seed: give at least one URL");
	if (job->name != NULL && strcmp(job->name, p->name) != 0)
		(void)mistakes_add(&p->mistakes, "/name", "is not the name of this job");
	if (p->mistakes.len == 0 && conf->check != NULL)
		(void)conf->check(job, mistakes_add_option, &p->mistakes);
	p->schedule = job->schedule;
}

static int
check_work(struct chore *c)
{
	struct job_put *p = container_of(c, struct job_put, chore);
	struct job job;
	int r = job_init(&job);

	if (r < 0)
		return why_set(&c->why, r, "out of memory");
	r = options_merge(&job.options, p->defaults);
	if (r == 0)
		check_job(p, &job);
	job_release(&job);
	options_release(p->defaults);
	if (r == 0 && p->mistakes.len > 0)
		return why_set(&c->why, -EINVAL, "the job is not right");
	/* The name is the address's; it is in the text once. */
	if (r == 0 && json_object_set_new(p->spec, "name", json_string(p->name)) < 0)
		r = -ENOMEM;
	if (r == 0) {
		p->text = json_dumps(p->spec, JSON_COMPACT);
		r = p->text == NULL ? -ENOMEM : 0;
	}
	return r < 0 ? why_set(&c->why, r, "out of memory") : 0;
}

/* ---- write [registry] ---- */

static int
write_work(struct chore *c)
{
	struct job_put *p = container_of(c, struct job_put, chore);
	sqlite3 *db = registry_db(p->service->registry);
	struct key_row key = {.key = p->key,
	    .body_hash = p->key_hash,
	    .made = p->name,
	    .made_us = p->now_us};
	int r;

	if (p->spec == NULL)
		return registry_delete_job(db, p->name, &c->why);
	p->row.spec = p->text;
	if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return registry_error(db, &c->why);
	r = registry_put_job(db, &p->row, &c->why);
	if (r == 0 && p->key != NULL)
		r = registry_put_key(db, &key, &c->why);
	if (r == 0 && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		r = registry_error(db, &c->why);
	if (r < 0)
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

static int
replace(struct service_job *j, struct job_put *p)
{
	free(j->spec);
	free(j->shown);
	j->shown = NULL;
	j->spec = p->text;
	p->text = NULL;
	j->revision = p->row.revision;
	j->changed_us = p->row.changed_us;
	j->served_us = p->row.due_us;
	j->scheduled_from_us = p->row.scheduled_from_us;
	j->schedule = p->schedule;
	return 0;
}

static void
write_done(struct chore *c)
{
	struct job_put *p = container_of(c, struct job_put, chore);
	struct service *s = p->service;
	struct service_job *j = service_job(s, slice_cstr(p->name));
	int r = c->err;

	p->why = c->why;
	if (r == 0 && p->spec == NULL) {
		if (j != NULL)
			job_remove(s, j);
	} else if (r == 0 && j != NULL) {
		r = replace(j, p);
	} else if (r == 0) {
		p->row.spec = p->text;
		r = job_add(s, &p->row, NULL, &p->schedule, &j);
		if (r < 0)
			(void)why_set(&p->why, r, "%s",
			    r == -ENOSPC ? "there are too many jobs" : "out of memory");
	}
	unmark(p);
	schedules_look(s); /* who is answered hears of the next run */
	end(p, r);
}

static int
send_write(struct job_put *p)
{
	p->chore.work = write_work;
	p->chore.done = write_done;
	return registry_send(p->service->registry, &p->chore);
}

/* To say again what a job is changes nothing, and so makes no revision.  Names have no order, so
 * the same may be written in two ways, of one length. */
static bool
is_so_already(const struct job_put *p)
{
	const struct service_job *j = service_job(p->service, slice_cstr(p->name));
	json_t *spec;
	bool same;

	if (j == NULL || strlen(j->spec) != strlen(p->text))
		return false;
	if (strcmp(j->spec, p->text) == 0)
		return true;
	spec = json_loads(j->spec, 0, NULL);
	same = json_equal(spec, p->spec) == 1;
	json_decref(spec);
	return same;
}

/* Another schedule begins anew; the same goes on. */
static void
begin_schedule(struct job_put *p)
{
	const struct service_job *j = service_job(p->service, slice_cstr(p->name));

	if (j == NULL || schedule_eq(&j->schedule, &p->schedule))
		return;
	p->row.due_us = 0;
	p->row.scheduled_from_us = p->now_us;
}

static void
check_done(struct chore *c)
{
	struct job_put *p = container_of(c, struct job_put, chore);
	int r = c->err;

	p->why = c->why;
	p->was_so = r == 0 && is_so_already(p);
	if (p->was_so) {
		end(p, 0);
		return;
	}
	if (r == 0) {
		begin_schedule(p);
		r = send_write(p);
		if (r < 0)
			(void)why_set(&p->why, r, "too much is waiting; try again");
	}
	if (r < 0)
		end(p, r);
}

/* ---- whether it may be [loop] ---- */

static bool
is_being_put(const struct service *s, const struct job_put *but)
{
	if (but->name[0] == '\0')
		return false; /* it comes to nothing */
	list_foreach (at, &s->puts) {
		const struct job_put *p = container_of(at, struct job_put, on_service);

		if (p != but && strcmp(p->name, but->name) == 0)
			return true;
	}
	return false;
}

static int
may(struct service *s, const struct job_put *p, struct why *why)
{
	const struct service_job *j = service_job(s, slice_cstr(p->name));

	if (s->draining)
		return why_set(why, -ESHUTDOWN, "the service is stopping");
	if (is_being_put(s, p))
		return why_set(why, -EBUSY, "another change of %s is under way", p->name);
	if (j == NULL && (p->spec == NULL || !p->create))
		return why_set(why, -ENOENT, "there is no job %s", p->name);
	if (j == NULL && p->revision != 0)
		return why_set(why, -ESTALE, "there is no job %s", p->name);
	if (j == NULL && s->jobs_len >= JOBS_MAX)
		return why_set(
		    why, -ENOSPC, "there are %d jobs, and no more can be", JOBS_MAX);
	if (j == NULL)
		return 0;
	if (p->spec != NULL && !p->replace)
		return why_set(why, -EEXIST, "there is a job %s already", p->name);
	if (j->file != NULL)
		return why_set(why, -EPERM,
		    "job %s is of the file %s: change it there, and reload", p->name,
		    j->file);
	if (p->revision != 0 && p->revision != j->revision)
		return why_set(
		    why, -ESTALE, "job %s was changed in the meantime", p->name);
	if (p->spec == NULL && service_job_run(j) != NULL)
		return why_set(why, -EBUSY,
		    "job %s has a run that goes on; cancel it first", p->name);
	return 0;
}

static int
copy_defaults(struct service *s, struct job_put *p)
{
	int r;

	p->defaults = calloc(1, sizeof(*p->defaults));
	if (p->defaults == NULL)
		return -ENOMEM;
	r = options_init(p->defaults);
	if (r == 0)
		r = options_merge(p->defaults, &s->settings->defaults.options);
	return r;
}

static int
begin(struct service *s, struct job_put *p)
{
	struct service_job *j = service_job(s, slice_cstr(p->name));
	int r;

	p->now_us = loop_wall_us(s->loop);
	p->rights.files = s->settings->api_allow_files;
	p->row = (struct job_row){.name = p->name,
	    .revision = j == NULL ? 1 : j->revision + 1,
	    .created_us = j == NULL ? p->now_us : j->created_us,
	    .changed_us = p->now_us,
	    .due_us = j == NULL ? 0 : j->served_us,
	    .scheduled_from_us = j == NULL ? 0 : j->scheduled_from_us};
	if (j != NULL)
		j->put_pending = p->marked = true;
	if (p->key != NULL) {
		r = key_add(s, p->key, p->key_hash, NULL, p->now_us);
		if (r < 0)
			return r;
		p->keyed = true;
	}
	if (p->spec == NULL)
		return send_write(p);
	r = copy_defaults(s, p);
	if (r < 0)
		return r;
	p->chore.work = check_work;
	p->chore.done = check_done;
	return chores_send(s->desk, &p->chore);
}

static void
on_refused(void *ctx)
{
	struct job_put *p = ctx;

	end(p, p->err);
}

void
service_put_job(struct service *s, struct job_put *p)
{
	int r;

	p->service = s;
	list_init(&p->on_service);
	r = may(s, p, &p->why);
	if (r == 0) {
		list_push(&s->puts, &p->on_service);
		r = begin(s, p);
		if (r == -ENOSPC) /* of keys */
			r = -EAGAIN;
		if (r < 0)
			(void)why_set(&p->why, r, "%s",
			    r == -ENOMEM ? "out of memory"
					 : "too much is waiting; try again");
	}
	if (r == 0)
		return;
	/* Nobody is called back before the call returns. */
	p->err = r;
	later_init(&p->refused, s->loop, on_refused, p);
	later_start(&p->refused);
}
