#include "base/log.h"
#include "crawl/job_secrets.h"
#include "ctl/job_json.h"
#include "ctl/service_int.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* jobs.d: each *.yaml in it is a job.  A file that is wrong is logged with its mistakes, and the
 * job stays what it was; one that is right and names another job leaves its own behind. */

enum { FILES_MAX = 10000, MISTAKES_TOLD_MAX = 20 };

struct file_job {
	char *name, *file, *spec; /* spec NULL: it is wrong */
	struct schedule schedule;
};
struct files_read {
	struct file_job *v;
	size_t n;
	struct map names; /* of jobs: the file that was the first to say it */
	bool unread;      /* not all were: nobody knows which are gone */
	bool unnamed;     /* of one that is wrong nobody knows whose it is */
	/* of the one being read */
	const char *path;
	int mistakes;
	const struct service_conf *conf;
};

void
files_read_free(struct files_read *f)
{
	if (f == NULL)
		return;
	map_release(&f->names);
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].name);
		free(f->v[i].file);
		free(f->v[i].spec);
	}
	free(f->v);
	free(f);
}

/* ---- one file [any thread] ---- */

static bool
tell(struct files_read *f, const char *where, const char *text)
{
	f->mistakes++;
	if (f->mistakes <= MISTAKES_TOLD_MAX)
		log_error("%s%s: %s", f->path, where, text);
	return f->mistakes < MISTAKES_TOLD_MAX;
}

static bool
on_file_mistake(void *ctx, const struct job_mistake *m)
{
	char where[48] = "";

	if (m->line > 0)
		(void)snprintf(where, sizeof(where), ":%zu:%zu", m->line, m->column);
	return tell(ctx, where, m->text);
}

static bool
on_mistake(void *ctx, const char *pointer, const char *text)
{
	char where[100];

	(void)snprintf(where, sizeof(where), ": %.90s", pointer);
	return tell(ctx, where, text);
}

static bool
on_option_mistake(void *ctx, enum option_id option, int code, const char *text)
{
	(void)option;
	(void)code;
	return tell(ctx, "", text);
}

static int
read_other(void *ctx, const char *path, struct buf *out, struct why *why)
{
	(void)ctx;
	buf_init(out, JOB_FILE_BYTES_MAX);
	return file_read(path, JOB_FILE_BYTES_MAX - 1, out, why);
}

static int
read_job(struct files_read *f, struct job *job)
{
	static const struct job_json_rights rights = {.files = true, .programs = true};
	struct job_reading how = {.path = f->path,
	    .read = read_other,
	    .env = job_secrets_get,
	    .fn = on_file_mistake,
	    .ctx = f};
	struct buf text;
	struct why why;
	int r;

	buf_init(&text, JOB_FILE_BYTES_MAX);
	r = file_read(f->path, JOB_FILE_BYTES_MAX - 1, &text, &why);
	if (r < 0)
		(void)tell(f, "", why.text);
	if (r == 0 && job_read(job, buf_slice(&text), &how) < 0)
		(void)tell(f, "", "out of memory");
	(void)job_service_check(job, &rights, on_mistake, f);
	buf_release(&text);
	return f->mistakes > 0 ? -EINVAL : 0;
}

/* What the file says, as JSON; without what every job begins with. */
static char *
spec_of(struct files_read *f, const struct job *job)
{
	struct buf out;
	char *spec = NULL;

	buf_init(&out, JOB_JSON_BYTES_MAX);
	if (job_json_write(job, &out) == 0)
		spec = slice_dup(buf_slice(&out));
	if (spec == NULL)
		(void)tell(
		    f, "", "its seeds are too many for the service, or memory is out");
	buf_release(&out);
	return spec;
}

static void
check_rest(struct files_read *f, struct job *job, const struct options *defaults)
{
	struct options whole;

	if (job->seeds.n == 0)
		(void)tell(f, "", "there is no seed");
	/* Sinks, files and patterns are judged with the defaults under them. */
	if (f->mistakes > 0 || options_init(&whole) < 0)
		return;
	if (options_merge(&whole, defaults) == 0 &&
	    options_merge(&whole, &job->options) == 0 && f->conf->check != NULL) {
		struct job all = *job;

		whole.rules = job->options.rules;
		whole.rules_len = job->options.rules_len;
		all.options = whole;
		(void)f->conf->check(&all, on_option_mistake, f);
		whole.rules = NULL;
		whole.rules_len = 0;
	}
	options_release(&whole);
}

/* Two files of one job would change it by turns, at each reload anew. */
static void
check_name(struct files_read *f, struct file_job *made)
{
	const struct file_job *other;
	char text[4400];
	int r;

	if (made->name == NULL)
		return;
	r = map_put(&f->names, slice_cstr(made->name), made);
	if (r == 0)
		return;
	other = map_get(&f->names, slice_cstr(made->name));
	(void)snprintf(text, sizeof(text),
	    "job %s is of %s already; this file is not taken", made->name,
	    other == NULL || other->file == NULL ? "a file" : other->file);
	(void)tell(f, "", r == -EEXIST ? text : "out of memory");
	free(made->spec);
	made->spec = NULL;
}

static void
read_one(struct files_read *f, const char *dir, const char *base,
    const struct options *defaults)
{
	struct file_job *made = &f->v[f->n];
	char path[4300];
	struct job job;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, base);
	f->path = path;
	f->mistakes = 0;
	if (job_init(&job) < 0) {
		f->unread = true;
		return;
	}
	if (read_job(f, &job) == 0)
		check_rest(f, &job, defaults);
	/* One that is wrong has its name, too: so its job is known, and stays. */
	f->unnamed |= f->mistakes > 0 && job.name == NULL;
	if (job.name == NULL)
		(void)job_set_name(
		    &job, slice_of(base, strlen(base) - strlen(".yaml")), NULL);
	if (job.name == NULL)
		(void)tell(f, "", "its name has other characters than A-Z a-z 0-9 . _ -");
	*made = (struct file_job){
	    .name = job.name == NULL ? NULL : slice_dup(slice_cstr(job.name)),
	    .file = slice_dup(slice_cstr(path)),
	    .spec = f->mistakes == 0 ? spec_of(f, &job) : NULL,
	    .schedule = job.schedule};
	f->n++;
	check_name(f, made);
	job_release(&job);
}

static int
is_job_file(const struct dirent *d)
{
	struct slice name = slice_cstr(d->d_name);

	return name.len > 5 && name.ptr[0] != '.' && slice_ends(name, SLICE_LIT(".yaml"));
}

int
files_read(const char *dir, const struct service_conf *conf,
    const struct options *defaults, struct files_read **ret)
{
	struct files_read *f = calloc(1, sizeof(*f));
	struct dirent **names = NULL;
	int n;

	if (f == NULL)
		return -ENOMEM;
	f->conf = conf;
	map_init(&f->names, FILES_MAX);
	n = dir == NULL ? 0 : scandir(dir, &names, is_job_file, alphasort);
	if (n < 0 && errno != ENOENT) {
		log_error("cannot read %s: %s; its jobs stay as they are", dir,
		    strerror(errno));
		f->unread = true;
	}
	if (n > FILES_MAX) {
		log_error("%s has %d job files, of which %d are read: those from %s on "
			  "are not, and their jobs stay as they are",
		    dir, n, FILES_MAX, names[FILES_MAX]->d_name);
		f->unread = true;
	}
	f->v = calloc((size_t)(n > 0 ? n : 0) + 1, sizeof(*f->v));
	for (int i = 0; i < n; i++) {
		if (f->v != NULL && i < FILES_MAX)
			read_one(f, dir, names[i]->d_name, defaults);
		free(names[i]);
	}
	free(names);
	if (f->v == NULL) {
		files_read_free(f);
		return -ENOMEM;
	}
	*ret = f;
	return 0;
}

/* ---- what follows from it [loop] ---- */

static void
change(
    struct service *s, struct service_job *j, struct file_job *f, struct job_batch *batch)
{
	int64_t now = loop_wall_us(s->loop);

	if (j->file == NULL) {
		log_error("%s: there is a job %s of the API; this file is not taken",
		    f->file, f->name);
		return;
	}
	free(j->file);
	j->file = f->file;
	f->file = NULL;
	if (strcmp(j->spec, f->spec) == 0)
		return;
	free(j->spec);
	free(j->shown);
	j->shown = NULL;
	j->spec = f->spec;
	f->spec = NULL;
	j->revision++;
	j->changed_us = now;
	if (!schedule_eq(&j->schedule, &f->schedule)) {
		j->served_us = 0;
		j->scheduled_from_us = now;
	}
	j->schedule = f->schedule;
	job_batch_add(batch, j);
	log_info_of(JOB_ABOUT(j->name), "job %s: changed by its file", j->name);
}

static void
apply_one(struct service *s, struct file_job *f, struct job_batch *batch)
{
	int64_t now = loop_wall_us(s->loop);
	struct service_job *j = service_job(s, slice_cstr(f->name));
	struct job_row row = {.name = f->name,
	    .spec = f->spec,
	    .from_file = true,
	    .revision = 1,
	    .created_us = now,
	    .changed_us = now};
	int r;

	if (j != NULL) {
		change(s, j, f, batch);
		return;
	}
	r = job_add(s, &row, f->file, &f->schedule, &j);
	if (r < 0) {
		log_error_of(JOB_ABOUT(f->name), "job %s: %s", f->name,
		    r == -ENOSPC ? "there are too many" : "out of memory");
		return;
	}
	job_batch_add(batch, j);
	log_info_of(JOB_ABOUT(j->name), "job %s: of %s", j->name, j->file);
}

struct job_gone {
	struct chore chore;
	struct registry *registry;
	char name[REGISTRY_NAME_MAX];
};

static int
gone_work(struct chore *c)
{
	struct job_gone *g = container_of(c, struct job_gone, chore);

	return registry_delete_job(registry_db(g->registry), g->name, &c->why);
}

static void
gone_done(struct chore *c)
{
	free(container_of(c, struct job_gone, chore));
}

/* Its file is not there any more, or says another. */
static void
forget(struct service *s, struct service_job *j)
{
	struct job_gone *g = calloc(1, sizeof(*g));

	log_info_of(JOB_ABOUT(j->name),
	    "job %s: no file says it any more, and so it is gone", j->name);
	if (g != NULL) {
		g->chore.work = gone_work;
		g->chore.done = gone_done;
		g->registry = s->registry;
		(void)snprintf(g->name, sizeof(g->name), "%s", j->name);
		/* Else it is found again at the next start, and forgotten then. */
		if (registry_send(s->registry, &g->chore) < 0)
			free(g);
	}
	job_remove(s, j);
}

static bool
is_gone(const struct files_read *f, const struct service_job *j)
{
	/* At a start it is not known of which file a job was. */
	if (f->unread || (f->unnamed && j->file[0] == '\0'))
		return false;
	if (map_get(&f->names, slice_cstr(j->name)) != NULL)
		return false;
	/* One that is wrong now keeps its job. */
	for (size_t i = 0; i < f->n; i++) {
		const struct file_job *at = &f->v[i];

		if (at->spec == NULL && at->file != NULL &&
		    strcmp(at->file, j->file) == 0)
			return false;
	}
	return true;
}

/* Of one that is wrong since a start the file is told, too. */
static void
claim(struct service *s, struct file_job *f)
{
	struct service_job *j = service_job(s, slice_cstr(f->name));

	if (j == NULL || f->file == NULL || j->file == NULL || j->file[0] != '\0')
		return;
	free(j->file);
	j->file = f->file;
	f->file = NULL;
}

void
files_apply(struct service *s, struct files_read *f)
{
	struct job_batch *batch = job_batch_new(s);

	for (size_t i = 0; i < s->jobs_len;) {
		struct service_job *j = s->jobs[i];

		if (j->file != NULL && is_gone(f, j))
			forget(s, j);
		else
			i++;
	}
	for (size_t i = 0; i < f->n; i++) {
		if (f->v[i].name == NULL)
			continue;
		if (f->v[i].spec != NULL)
			apply_one(s, &f->v[i], batch);
		else
			claim(s, &f->v[i]);
	}
	job_batch_send(batch);
}

/* ---- on the desk ---- */

struct files_chore {
	struct chore chore;
	struct service *service;
	char *dir;
	struct options defaults;
	struct files_read *read;
};

static int
reload_work(struct chore *c)
{
	struct files_chore *f = container_of(c, struct files_chore, chore);

	return files_read(f->dir, &f->service->conf, &f->defaults, &f->read);
}

static void
files_chore_free(struct files_chore *f)
{
	files_read_free(f->read);
	options_release(&f->defaults);
	free(f->dir);
	free(f);
}

static void
reload_done(struct chore *c)
{
	struct files_chore *f = container_of(c, struct files_chore, chore);
	struct service *s = f->service;

	if (c->err == 0 && !s->draining) {
		files_apply(s, f->read);
		schedules_look(s);
	}
	files_chore_free(f);
	s->conf.on_reloaded(s->conf.ctx);
}

int
files_reload(struct service *s)
{
	struct files_chore *f = calloc(1, sizeof(*f));
	int r;

	if (f == NULL)
		return -ENOMEM;
	f->chore.work = reload_work;
	f->chore.done = reload_done;
	f->service = s;
	f->dir = slice_dup(slice_cstr(s->settings->service_jobs_dir));
	r = options_init(&f->defaults);
	if (f->dir == NULL) /* which would be no jobs at all */
		r = -ENOMEM;
	if (r == 0)
		r = options_merge(&f->defaults, &s->settings->defaults.options);
	if (r == 0)
		r = chores_send(s->desk, &f->chore);
	if (r < 0)
		files_chore_free(f);
	return r;
}
