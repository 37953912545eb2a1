#include "ctl/run_change.h"
#include "ctl/job_json.h"
#include "ctl/run_place.h"
#include "ctl/service_int.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct run_change *
run_change_new(void)
{
	struct run_change *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	buf_init(&c->before, 1 << 20);
	buf_init(&c->after, 1 << 20);
	return c;
}

void
run_change_free(struct run_change *c)
{
	if (c == NULL)
		return;
	mistakes_release(&c->mistakes);
	buf_release(&c->before);
	buf_release(&c->after);
	free(c->spec);
	free(c->text);
	if (c->defaults != NULL)
		options_release(c->defaults);
	free(c->defaults);
	free(c);
}

/* ---- seeds [desk] ---- */

/* The list of the spec, which may be one string. */
static json_t *
seeds_of(json_t *spec)
{
	json_t *old = json_object_get(spec, "seeds"), *list;

	if (json_is_array(old))
		return old;
	list = json_array();
	if (list == NULL || (old != NULL && json_array_append(list, old) < 0) ||
	    json_object_set_new(spec, "seeds", list) < 0)
		return NULL;
	return list;
}

static int
add_seeds(struct run_change *c, json_t *spec)
{
	json_t *list = seeds_of(spec), *seed;
	size_t i;

	if (list == NULL)
		return -ENOMEM;
	json_array_foreach(c->seeds, i, seed)
	{
		char pointer[40];
		struct why why;
		struct job job;
		int r = job_init(&job);

		if (r < 0)
			return r;
		(void)snprintf(pointer, sizeof(pointer), "/seeds/%zu", i);
		if (!json_is_string(seed))
			(void)mistakes_add(
			    &c->mistakes, pointer, "is not a URL in a string");
		else if (job_add_seed(&job, slice_cstr(json_string_value(seed)), &why) <
			 0)
			(void)mistakes_add(&c->mistakes, pointer, why.text);
		else if (json_array_append(list, seed) < 0)
			r = -ENOMEM;
		job_release(&job);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- a patch [desk] ---- */

/* NULL: that is no option, or none that may be changed of a run. */
static const struct option_row *
live_option(const char *section, const char *key)
{
	const struct option_row *row =
	    option_by_key(slice_cstr(section), slice_cstr(key));

	return row != NULL && option_is_live(row->id) ? row : NULL;
}

/* What cannot be changed is told and taken out, so that the rest can be judged, too. */
static void
check_section(struct run_change *c, const char *section, json_t *keys, bool *scope)
{
	const char *key;
	json_t *value;
	void *next;
	char pointer[200];

	json_object_foreach_safe(keys, next, key, value)
	{
		const struct option_row *row = live_option(section, key);

		(void)snprintf(pointer, sizeof(pointer), "/%.60s/%.60s", section, key);
		if (row != NULL) { /* those of crawl: decide which URLs are wanted */
			*scope |= strcmp(row->section, "crawl") == 0;
			continue;
		}
		(void)mistakes_add(&c->mistakes, pointer, "cannot be changed of a run");
		(void)json_object_del(keys, key);
	}
}

static bool
has_live_option(const char *section)
{
	for (size_t i = 0; i < OPTION_ID_MAX; i++)
		if (option_is_live((enum option_id)i) &&
		    strcmp(option_rows[i].section, section) == 0)
			return true;
	return false;
}

static bool
check_patch(struct run_change *c, json_t *patch)
{
	const char *section;
	json_t *keys;
	void *next;
	bool scope = false;
	char pointer[80];

	json_object_foreach_safe(patch, next, section, keys)
	{
		(void)snprintf(pointer, sizeof(pointer), "/%.60s", section);
		if (json_is_object(keys) &&
		    (json_object_size(keys) > 0 || has_live_option(section))) {
			check_section(c, section, keys, &scope);
			if (json_object_size(keys) > 0)
				continue;
		} else {
			(void)mistakes_add(&c->mistakes, pointer,
			    "cannot be changed of a run: crawl, fetch and limits can, in "
			    "part");
		}
		(void)json_object_del(patch, section);
	}
	return scope;
}

/* *scope: whether it concerns what is wanted. */
static int
apply_patch(struct run_change *c, json_t **spec, bool *scope)
{
	json_t *patch = json_deep_copy(c->patch), *merged = NULL;

	if (patch != NULL) {
		*scope = check_patch(c, patch);
		merged = json_merge_patch(*spec, patch);
	}
	json_decref(patch);
	if (merged == NULL)
		return -ENOMEM;
	json_decref(*spec);
	*spec = merged;
	return 0;
}

static int
write_value(struct jsonw *j, const char *name, const struct options *o,
    const struct option_row *row)
{
	struct buf value, text;
	bool is_list = row->type == OPTION_LIST;
	int r = 0;

	buf_init(&value, 1 << 16);
	buf_init(&text, 1 << 16);
	if (is_list)
		jsonw_array(j, name);
	for (size_t i = 0; r == 0 && option_get(o, row, i, &value); i++) {
		buf_clear(&text);
		r = job_write_quantity(&text, row, buf_slice(&value));
		jsonw_str(j, is_list ? NULL : name, buf_slice(&text));
		if (!is_list)
			break;
	}
	if (is_list)
		jsonw_array_end(j);
	buf_release(&text);
	buf_release(&value);
	return r;
}

static int
write_all(struct buf *out, const struct options *o)
{
	struct jsonw j;
	int r = 0;

	jsonw_init(&j, out);
	jsonw_object(&j, NULL);
	for (size_t i = 0; r == 0 && i < OPTION_ID_MAX; i++) {
		const struct option_row *row = &option_rows[i];
		char name[80];

		if (!option_is_live(row->id))
			continue;
		(void)snprintf(name, sizeof(name), "%s.%s", row->section, row->name);
		r = write_value(&j, name, o, row);
	}
	jsonw_object_end(&j);
	return r < 0 ? r : j.err;
}

/* ---- the check [desk, reports] ---- */

static int
read_spec(struct run_change *c, json_t *spec, struct job *job, bool told)
{
	struct job_json_rights rights = {.files = true, .programs = true};
	int r = job_init(job);

	if (r == 0)
		r = options_merge(&job->options, c->defaults);
	if (r == 0) {
		struct mistakes ignored = {.len = MISTAKES_MAX};

		/* What the job says of files was judged when it was made. */
		r = job_json_read(
		    job, spec, &rights, mistakes_add, told ? &c->mistakes : &ignored);
		r = r < 0 ? r : 0;
	}
	return r;
}

static int
preview(struct run_change *c, const struct job *after, struct why *why)
{
	struct run_place place;
	struct why unread;
	int r;

	r = run_place_open(&place, c->dir, c->run, c->wall_us, &unread);
	if (r != 0)
		return 0; /* nothing waits there that could be asked */
	r = inspect_judge(place.in, after, PREVIEW_URLS_MAX, &c->fall, why);
	run_place_close(&place);
	c->has_fall = r == 0;
	return r;
}

static int
check_jobs(
    struct run_change *c, json_t *spec, json_t *changed, bool scope, struct why *why)
{
	const struct service_conf *conf = &c->service->conf;
	struct job before, after;
	int r = read_spec(c, spec, &before, false);

	if (r == 0) {
		r = read_spec(c, changed, &after, true);
		if (r == 0 && c->mistakes.len == 0 && conf->check != NULL)
			(void)conf->check(&after, mistakes_add_option, &c->mistakes);
		c->added = after.seeds.n - before.seeds.n;
		if (r == 0 && c->mistakes.len == 0 && c->patch != NULL) {
			r = write_all(&c->before, &before.options);
			if (r == 0)
				r = write_all(&c->after, &after.options);
		}
		if (r == 0 && c->mistakes.len == 0 && c->preview && scope)
			r = job_tidy_seeds(&after);
		if (r == 0 && c->mistakes.len == 0 && c->preview && scope)
			r = preview(c, &after, why);
		job_release(&after);
	}
	job_release(&before);
	return r;
}

static int
work(struct chore *chore)
{
	struct run_change *c = container_of(chore, struct run_change, chore);
	json_t *spec = json_loads(c->spec, 0, NULL), *changed = NULL;
	bool scope = false;
	int r;

	if (spec == NULL)
		return why_set(
		    &chore->why, -EBADMSG, "what is stored of the run is damaged");
	changed = json_deep_copy(spec);
	r = changed == NULL ? -ENOMEM : 0;
	if (r == 0 && c->seeds != NULL)
		r = add_seeds(c, changed);
	if (r == 0 && c->patch != NULL)
		r = apply_patch(c, &changed, &scope);
	if (r == 0 && (c->patch != NULL || c->mistakes.len == 0))
		r = check_jobs(c, spec, changed, scope, &chore->why);
	if (r == 0 && c->mistakes.len == 0) {
		c->is_same = json_equal(spec, changed);
		c->text = json_dumps(changed, JSON_COMPACT);
		r = c->text == NULL ? -ENOMEM : 0;
	}
	if (r == 0 && c->text != NULL && strlen(c->text) > REGISTRY_TEXT_MAX)
		r = why_set(&chore->why, -EINVAL, "the run would have too many seeds");
	if (r == 0 && c->seeds != NULL && c->mistakes.len == 0)
		c->known = json_array_size(c->seeds) - c->added;
	json_decref(spec);
	json_decref(changed);
	if (r == 0 && c->mistakes.len > 0)
		return why_set(&chore->why, -EINVAL, "the run cannot be changed so");
	return r == -ENOMEM ? why_set(&chore->why, r, "out of memory") : r;
}

/* ---- the change [loop] ---- */

static void
finish(struct run_change *c, int err, const char *why)
{
	c->err = err;
	(void)snprintf(c->why.text, sizeof(c->why.text), "%s", why == NULL ? "" : why);
	c->done(c);
}

static void
on_saved(void *ctx, struct service_run *run, int err, const char *why)
{
	(void)run;
	finish(ctx, err, why);
}

bool
run_change_is_none(const struct run_change *c)
{
	return c->preview || c->is_same || (c->seeds != NULL && c->added == 0);
}

static void
done(struct chore *chore)
{
	struct run_change *c = container_of(chore, struct run_change, chore);
	struct service_run *run = service_run(c->service, c->run);

	if (chore->err < 0) {
		finish(c, chore->err, chore->why.text);
	} else if (run_change_is_none(c)) {
		finish(c, 0, NULL);
	} else if (run == NULL || run_state_is_over(run->state) ||
		   run->state == RUN_STOPPING) {
		finish(c, -ENOENT, "the run is over");
	} else if (strcmp(run->spec, c->spec) != 0) {
		finish(c, -EBUSY, "the run was changed at the same time; try again");
	} else {
		free(run->spec);
		run->spec = c->text;
		c->text = NULL;
		run->revision++;
		run->is_changed = run->work != NULL;
		if (run->crawl != NULL)
			crawl_stop(run->crawl, false);
		run_save(run, NULL, NULL, on_saved, c);
		service_tell(c->service, run);
	}
}

static int
copy_defaults(struct run_change *c)
{
	int r;

	c->defaults = calloc(1, sizeof(*c->defaults));
	if (c->defaults == NULL)
		return -ENOMEM;
	r = options_init(c->defaults);
	return r < 0
		   ? r
		   : options_merge(c->defaults, &c->service->settings->defaults.options);
}

int
service_change_run(struct service *s, struct run_change *c)
{
	struct service_run *run = service_run(s, c->run);
	struct chores *to = c->preview ? s->reports : s->desk;
	int r;

	if (s->draining)
		return -ESHUTDOWN;
	if (run == NULL || run_state_is_over(run->state))
		return -ENOENT;
	if (!run->is_saved) /* it may come to nothing: on_started() */
		return -EAGAIN;
	c->service = s;
	c->wall_us = loop_wall_us(s->loop);
	c->chore.work = work;
	c->chore.done = done;
	c->spec = slice_dup(slice_cstr(run->spec));
	if (c->spec == NULL)
		return -ENOMEM;
	r = copy_defaults(c);
	if (r == 0)
		r = service_run_dir(s, c->run, c->dir, sizeof(c->dir));
	if (r == 0)
		r = chores_are_busy(to) ? -EAGAIN : chores_send(to, &c->chore);
	return r;
}
