#include "base/log.h"
#include "ctl/job_json.h"
#include "ctl/service_int.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the table ---- */

/* The place of a name, or where it would be. */
static bool
job_find(const struct service *s, struct slice name, size_t *ret)
{
	size_t from = 0, to = s->jobs_len;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		struct slice at = slice_cstr(s->jobs[mid]->name);
		size_t n = at.len < name.len ? at.len : name.len;
		int order = n == 0 ? 0 : memcmp(at.ptr, name.ptr, n);

		if (order == 0 && at.len == name.len) {
			*ret = mid;
			return true;
		}
		if (order < 0 || (order == 0 && at.len < name.len))
			from = mid + 1;
		else
			to = mid;
	}
	*ret = from;
	return false;
}

struct service_job *
service_job(const struct service *s, struct slice name)
{
	size_t at;

	return job_find(s, name, &at) ? s->jobs[at] : NULL;
}

struct service_job *
service_job_after(const struct service *s, struct slice after)
{
	size_t at = 0;

	if (after.len > 0 && job_find(s, after, &at))
		at++;
	return at < s->jobs_len ? s->jobs[at] : NULL;
}

static void
job_free(struct service_job *j)
{
	if (j == NULL)
		return;
	free(j->name);
	free(j->spec);
	free(j->shown);
	free(j->file);
	free(j);
}

static int
make_room(struct service *s)
{
	size_t cap = s->jobs_cap == 0 ? 16 : s->jobs_cap * 2;
	struct service_job **grown;

	if (s->jobs_len == JOBS_MAX)
		return -ENOSPC;
	if (s->jobs_len < s->jobs_cap)
		return 0;
	grown = realloc(s->jobs, cap * sizeof(struct service_job *));
	if (grown == NULL)
		return -ENOMEM;
	s->jobs = grown;
	s->jobs_cap = cap;
	return 0;
}

int
job_add(struct service *s, const struct job_row *row, const char *file,
    const struct schedule *schedule, struct service_job **ret)
{
	struct service_job *j;
	size_t at;
	int r = make_room(s);

	if (r < 0)
		return r;
	j = calloc(1, sizeof(*j));
	if (j == NULL)
		return -ENOMEM;
	list_init(&j->runs);
	j->name = slice_dup(slice_cstr(row->name));
	j->spec = slice_dup(slice_cstr(row->spec));
	j->file = file == NULL ? NULL : slice_dup(slice_cstr(file));
	if (j->name == NULL || j->spec == NULL || (file != NULL && j->file == NULL)) {
		job_free(j);
		return -ENOMEM;
	}
	j->revision = row->revision;
	j->created_us = row->created_us;
	j->changed_us = row->changed_us;
	j->served_us = row->due_us;
	j->scheduled_from_us = row->scheduled_from_us;
	j->schedule = *schedule;
	if (job_find(s, slice_cstr(j->name), &at)) {
		job_free(j);
		return -EEXIST;
	}
	memmove(s->jobs + at + 1, s->jobs + at,
	    (s->jobs_len - at) * sizeof(struct service_job *));
	s->jobs[at] = j;
	s->jobs_len++;
	*ret = j;
	return 0;
}

/* Its runs go on without it. */
void
job_remove(struct service *s, struct service_job *j)
{
	size_t at;

	list_foreach_safe(it, tmp, &j->runs)
	{
		struct service_run *run = container_of(it, struct service_run, on_job);

		list_remove(it);
		run->owner = NULL;
	}
	if (job_find(s, slice_cstr(j->name), &at)) {
		memmove(s->jobs + at, s->jobs + at + 1,
		    (s->jobs_len - at - 1) * sizeof(struct service_job *));
		s->jobs_len--;
	}
	job_free(j);
}

void
jobs_release(struct service *s)
{
	for (size_t i = 0; i < s->jobs_len; i++)
		job_free(s->jobs[i]);
	free(s->jobs);
	s->jobs = NULL;
	s->jobs_len = s->jobs_cap = 0;
}

void
job_row_of(const struct service_job *j, struct job_row *ret)
{
	*ret = (struct job_row){.name = j->name,
	    .spec = j->spec,
	    .from_file = j->file != NULL,
	    .revision = j->revision,
	    .created_us = j->created_us,
	    .changed_us = j->changed_us,
	    .due_us = j->served_us,
	    .scheduled_from_us = j->scheduled_from_us};
}

/* ---- from the registry ---- */

static bool
ignore_mistake(void *ctx, const char *pointer, const char *text)
{
	(void)ctx;
	(void)pointer;
	(void)text;
	return true;
}

/* What its spec says, without files or environment; false: it is not a job any more. */
static bool
job_spec_schedule(const char *spec, struct schedule *ret)
{
	static const struct job_json_rights all = {
	    .files = true, .programs = true, .stored = true, .shared = true};
	json_t *json = json_loads(spec, JSON_REJECT_DUPLICATES, NULL);
	struct job job;
	int r = -ENOMEM;

	*ret = (struct schedule){0};
	if (json_is_object(json) && job_init(&job) == 0) {
		r = job_json_read(&job, json, &all, ignore_mistake, NULL);
		if (r == 0)
			*ret = job.schedule;
		job_release(&job);
	}
	json_decref(json);
	return r == 0;
}

static int
on_row(void *ctx, const struct job_row *row)
{
	struct service *s = ctx;
	struct service_job *j;
	struct schedule schedule;
	int r;

	if (!job_spec_schedule(row->spec, &schedule))
		log_error("job %s: what is stored of it is not understood any more; it "
			  "is kept, and not run by its schedule",
		    row->name);
	/* "": whether the file is still there is seen when files are read. */
	r = job_add(s, row, row->from_file ? "" : NULL, &schedule, &j);
	return r == -ENOSPC ? 0 : r;
}

static int
on_key(void *ctx, const struct key_row *row)
{
	int r = key_add(ctx, row->key, row->body_hash, row->made, row->made_us);

	return r == -ENOSPC || r == -EEXIST ? 0 : r;
}

int
jobs_load(struct service *s, struct why *why)
{
	int r = registry_each_job(s->registry, on_row, s, why);

	if (r == 0)
		r = registry_each_key(
		    s->registry, loop_wall_us(s->loop) - KEY_LIFE_US, on_key, s, why);
	return r;
}

/* ---- keys of clients ---- */

static void
key_free(struct service_key *k)
{
	free(k->key);
	free(k->made);
	free(k);
}

static bool
key_is_old(const struct service_key *k, int64_t now_us)
{
	return k->made != NULL && k->made_us < now_us - KEY_LIFE_US;
}

/* Those that are a day old make room. */
static void
keys_expire(struct service *s)
{
	int64_t now = loop_wall_us(s->loop);
	struct service_key *old[64];
	size_t n = 0, i = 0;
	void *value;

	while (n < 64 && map_at(&s->keys, &i, NULL, &value)) {
		struct service_key *k = value;

		if (key_is_old(k, now))
			old[n++] = k;
	}
	while (n > 0) {
		struct service_key *k = old[--n];

		(void)map_take(&s->keys, slice_cstr(k->key));
		key_free(k);
	}
}

int
key_add(struct service *s, const char *key, uint64_t body_hash, const char *made,
    int64_t made_us)
{
	struct service_key *was = map_get(&s->keys, slice_cstr(key));
	struct service_key *k = calloc(1, sizeof(*k));
	int r = -ENOMEM;

	/* Of yesterday: service_key() does not know it any more. */
	if (was != NULL && key_is_old(was, loop_wall_us(s->loop))) {
		(void)map_take(&s->keys, slice_cstr(key));
		key_free(was);
	}
	if (s->keys.len >= KEYS_MAX)
		keys_expire(s);
	if (k == NULL)
		return -ENOMEM;
	k->key = slice_dup(slice_cstr(key));
	k->made = made == NULL ? NULL : slice_dup(slice_cstr(made));
	k->body_hash = body_hash;
	k->made_us = made_us;
	if (k->key != NULL && (made == NULL || k->made != NULL))
		r = map_put(&s->keys, slice_cstr(k->key), k);
	if (r < 0)
		key_free(k);
	return r;
}

void
key_made(struct service *s, const char *key, const char *made)
{
	struct service_key *k = map_get(&s->keys, slice_cstr(key));

	if (k == NULL)
		return;
	if (made != NULL)
		k->made = slice_dup(slice_cstr(made));
	if (k->made != NULL)
		return;
	(void)map_take(&s->keys, slice_cstr(key));
	key_free(k);
}

bool
service_key(
    const struct service *s, const char *key, uint64_t *ret_hash, const char **ret_made)
{
	const struct service_key *k = map_get(&s->keys, slice_cstr(key));

	if (k == NULL || key_is_old(k, loop_wall_us(s->loop)))
		return false;
	*ret_hash = k->body_hash;
	*ret_made = k->made;
	return true;
}

void
keys_release(struct service *s)
{
	void *value;

	for (size_t i = 0; map_at(&s->keys, &i, NULL, &value);)
		key_free(value);
	map_release(&s->keys);
}

/* ---- to the registry ---- */

struct job_save {
	struct list on_batch;
	char *name, *spec;
	struct job_row row;
};
struct job_batch {
	struct chore chore;
	struct registry *registry;
	struct list saves; /* job_save.on_batch */
	size_t len;
};

static void
save_free(struct job_save *v)
{
	free(v->name);
	free(v->spec);
	free(v);
}

static void
batch_free(struct job_batch *b)
{
	struct list *at;

	while ((at = list_pop(&b->saves)) != NULL)
		save_free(container_of(at, struct job_save, on_batch));
	free(b);
}

static int
put_all(struct job_batch *b, sqlite3 *db, struct why *why)
{
	int r = 0;

	list_foreach (at, &b->saves) {
		struct job_save *v = container_of(at, struct job_save, on_batch);

		r = registry_put_job(db, &v->row, why);
		if (r < 0)
			break;
	}
	return r;
}

static int
batch_work(struct chore *c)
{
	struct job_batch *b = container_of(c, struct job_batch, chore);
	sqlite3 *db = registry_db(b->registry);
	int r;

	if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return registry_error(db, &c->why);
	r = put_all(b, db, &c->why);
	if (r == 0 && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		r = registry_error(db, &c->why);
	if (r < 0)
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

static void
batch_lost(const struct job_batch *b, const char *why)
{
	const char *name =
	    list_is_empty(&b->saves)
		? "?"
		: container_of(b->saves.next, struct job_save, on_batch)->name;

	if (b->len > 1)
		log_error(
		    "job %s and %zu more cannot be saved now: %s", name, b->len - 1, why);
	else
		log_error_of(
		    JOB_ABOUT(name), "job %s: cannot be saved now: %s", name, why);
}

static void
batch_done(struct chore *c)
{
	struct job_batch *b = container_of(c, struct job_batch, chore);

	if (c->err < 0)
		batch_lost(b, c->why.text);
	batch_free(b);
}

struct job_batch *
job_batch_new(const struct service *s)
{
	struct job_batch *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->chore.work = batch_work;
	b->chore.done = batch_done;
	b->registry = s->registry;
	list_init(&b->saves);
	return b;
}

void
job_batch_add(struct job_batch *b, const struct service_job *j)
{
	struct job_save *v = b == NULL ? NULL : calloc(1, sizeof(*v));

	if (v != NULL) {
		v->name = slice_dup(slice_cstr(j->name));
		v->spec = slice_dup(slice_cstr(j->spec));
		job_row_of(j, &v->row);
		v->row.name = v->name;
		v->row.spec = v->spec;
		if (v->name != NULL && v->spec != NULL) {
			list_push(&b->saves, &v->on_batch);
			b->len++;
			return;
		}
		save_free(v);
	}
	log_error_of(
	    JOB_ABOUT(j->name), "job %s: cannot be saved now: out of memory", j->name);
}

void
job_batch_send(struct job_batch *b)
{
	int r;

	if (b == NULL)
		return;
	r = b->len == 0 ? -ENOENT : registry_send(b->registry, &b->chore);
	if (r < 0 && b->len > 0)
		batch_lost(b, strerror(-r));
	if (r < 0)
		batch_free(b);
}

void
job_save(struct service *s, const struct service_job *j)
{
	struct job_batch *b = job_batch_new(s);

	job_batch_add(b, j);
	job_batch_send(b);
}
