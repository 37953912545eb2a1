#include "ctl/api.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct service_job *
find(struct request *r)
{
	struct slice name = request_param(r, 0);
	struct service_job *j = service_job(api_service(r), name);

	if (j == NULL)
		request_problem(r, 404, "there is no job " SLICE_FMT,
		    SLICE_ARG(slice_head(name, 100)));
	return j;
}

static void
show(struct request *r, unsigned status, const char *etag, struct service_job *job)
{
	char location[REGISTRY_NAME_MAX + 24];
	struct buf text;
	struct jsonw j;

	request_add_header(r, "ETag", etag);
	if (status == 201) {
		(void)snprintf(location, sizeof(location), "/api/v1/jobs/%s", job->name);
		request_add_header(r, "Location", location);
	}
	buf_init(&text, API_JSON_MAX);
	jsonw_init(&j, &text);
	job_write_json(&j, NULL, job, request_role(r), true);
	request_reply_json(r, status, &j);
	buf_release(&text);
}

static void
show_changed(struct request *r, unsigned status, struct service_job *job)
{
	char etag[ETAG_TEXT_MAX];

	etag_print(job->revision, etag);
	show(r, status, etag, job);
}

/* ---- GET ---- */

static bool
job_is_wanted(const struct service_job *job, struct slice prefix, struct slice scheduled)
{
	if (!slice_starts(slice_cstr(job->name), prefix))
		return false;
	return scheduled.len == 0 ||
	       schedule_is_on(&job->schedule) == slice_eq(scheduled, SLICE_LIT("true"));
}

static void
write_list(struct request *r, struct slice after, struct slice prefix,
    struct slice scheduled, uint64_t limit)
{
	struct service_job *job = service_job_after(api_service(r), after);
	const char *last = NULL;
	struct buf text;
	struct jsonw j;
	uint64_t n = 0;

	buf_init(&text, API_JSON_MAX);
	jsonw_init(&j, &text);
	jsonw_object(&j, NULL);
	jsonw_array(&j, "items");
	for (; job != NULL && n < limit;
	     job = service_job_after(api_service(r), slice_cstr(job->name))) {
		last = job->name;
		if (!job_is_wanted(job, prefix, scheduled))
			continue;
		job_write_json(&j, NULL, job, request_role(r), false);
		n++;
	}
	jsonw_array_end(&j);
	if (job != NULL && last != NULL)
		jsonw_str(&j, "next", slice_cstr(last));
	jsonw_object_end(&j);
	request_reply_json(r, 200, &j);
	buf_release(&text);
}

static void
list(struct request *r)
{
	static const char *const names[] = {
	    "cursor", "limit", "prefix", "scheduled", NULL};
	struct slice after = {0}, prefix = {0}, scheduled = {0};
	uint64_t limit = API_PAGE_USUAL;

	request_query_only(r, names);
	request_query_number(r, "limit", 1, API_PAGE_MAX, &limit);
	(void)request_query(r, "cursor", &after);
	(void)request_query(r, "prefix", &prefix);
	if (request_query(r, "scheduled", &scheduled) &&
	    !slice_eq(scheduled, SLICE_LIT("true")) &&
	    !slice_eq(scheduled, SLICE_LIT("false")))
		request_field(r, "?scheduled", "is neither true nor false");
	if (request_query_is_good(r))
		write_list(r, after, prefix, scheduled, limit);
}

/* When it is due and which runs are open changes without its revision. */
static void
etag_of(struct service_job *job, char ret[ETAG_TEXT_MAX])
{
	struct buf text;
	struct jsonw j;

	buf_init(&text, API_JSON_MAX);
	jsonw_init(&j, &text);
	jsonw_object(&j, NULL);
	if (job_write_changing(&j, job))
		etag_print_with(job->revision, buf_slice(&text), ret);
	else
		etag_print(job->revision, ret);
	buf_release(&text);
}

static void
get(struct request *r)
{
	struct service_job *j = find(r);
	char etag[ETAG_TEXT_MAX];

	if (j == NULL)
		return;
	etag_of(j, etag);
	if (request_is_news(r, j->revision, etag))
		show(r, 200, etag, j);
}

/* ---- changes ---- */

struct change {
	struct request *request;
	struct job_put *put;
	unsigned status; /* when it is done */
};

static void
change_free(void *ptr)
{
	struct change *c = ptr;

	job_put_free(c->put);
	free(c);
}

static void
on_done(struct job_put *p)
{
	struct change *c = p->ctx;
	struct request *r = c->request;
	struct service_job *j = service_job(api_service(r), slice_cstr(p->name));

	request_fields(r, &p->mistakes);
	if (p->was_so)
		request_changed_nothing(r);
	if (p->err < 0)
		api_refuse(r, p->err, p->why.text);
	else if (j == NULL)
		request_reply_empty(r, 204);
	else
		show_changed(r, c->status, j);
}

/* NULL: answered. */
static struct change *
change_new(struct request *r, struct slice name)
{
	struct change *c = calloc(1, sizeof(*c));
	char text[REGISTRY_NAME_MAX];

	(void)snprintf(text, sizeof(text), SLICE_FMT, SLICE_ARG(name));
	if (c != NULL)
		c->put = job_put_new(text);
	if (c == NULL || c->put == NULL) {
		free(c);
		api_refuse(r, -ENOMEM, NULL);
		return NULL;
	}
	c->request = r;
	c->status = 200;
	c->put->ctx = c;
	c->put->done = on_done;
	if (request_own(r, change_free, c) < 0) {
		api_refuse(r, -ENOMEM, NULL);
		return NULL;
	}
	return c;
}

/* As job_set_name() has it, and what stands in addresses and file names. */
static bool
is_good_name(struct slice name)
{
	if (name.len == 0 || name.len >= REGISTRY_NAME_MAX || name.ptr[0] == '.' ||
	    name.ptr[0] == '-')
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char ch = name.ptr[i];

		if (!ascii_is_alpha(ch) && !ascii_is_digit(ch) && ch != '.' &&
		    ch != '-' && ch != '_')
			return false;
	}
	return true;
}

/* Who changed what GET told him, and sends all of it. */
static bool
is_spec(struct request *r)
{
	if (!json_is_object(json_object_get(request_json(r), "spec")))
		return true;
	request_field(r, "/spec", "send what is in it, without what is around it");
	request_problem(r, 422,
	    "this is what GET tells of a job; the job itself is what stands below spec");
	return false;
}

static bool
name_is_good(struct request *r, struct slice name)
{
	if (is_good_name(name))
		return true;
	request_field(r, "/name", SERVICE_NAME_RULE);
	request_problem(r, 422, "a job must have a name");
	return false;
}

static void
replay(struct request *r, const char *made)
{
	struct service_job *j = service_job(api_service(r), slice_cstr(made));

	if (j == NULL)
		request_problem(r, 410, "the job %s that it made was deleted", made);
	else
		show_changed(r, 201, j);
}

static void
create(struct request *r)
{
	json_t *body = request_json(r), *at = json_object_get(body, "name");
	struct slice name = slice_of(
	    json_string_value(at), json_is_string(at) ? json_string_length(at) : 0);
	struct change *c;
	char *key;
	uint64_t hash;

	if (!is_spec(r) || !api_key(r, &key, &hash, replay))
		return;
	/* What else is wrong is told with it. */
	if (!is_good_name(name)) {
		name = (struct slice){0};
		(void)json_object_del(body, "name");
	}
	c = change_new(r, name);
	if (c == NULL) {
		free(key);
		return;
	}
	c->status = 201;
	c->put->key = key;
	c->put->key_hash = hash;
	c->put->spec = json_incref(body);
	c->put->create = true;
	service_put_job(api_service(r), c->put);
}

/* Creates it where it is not there, unless a revision was asked for. */
static void
replace(struct request *r)
{
	struct slice name = request_param(r, 0), match;
	struct service_job *j = service_job(api_service(r), name);
	bool conditional = request_header(r, "If-Match", &match);
	struct change *c;

	if (!name_is_good(r, name) || !is_spec(r) ||
	    (j != NULL && !request_matches(r, j->revision)))
		return;
	if (j == NULL && conditional) {
		api_refuse(r, -ESTALE, "there is no such job");
		return;
	}
	c = change_new(r, name);
	if (c == NULL)
		return;
	c->status = j == NULL ? 201 : 200;
	c->put->spec = json_incref(request_json(r));
	c->put->create = true;
	c->put->replace = j != NULL;
	c->put->revision = conditional && j != NULL ? j->revision : 0;
	service_put_job(api_service(r), c->put);
}

/* RFC 7396. */
static void
patch(struct request *r)
{
	struct service_job *j = find(r);
	struct change *c;
	json_t *spec;

	if (j == NULL || !request_matches(r, j->revision) || !is_spec(r))
		return;
	c = change_new(r, request_param(r, 0));
	if (c == NULL)
		return;
	spec = json_loads(j->spec, 0, NULL);
	c->put->spec = json_merge_patch(spec, request_json(r));
	json_decref(spec);
	if (c->put->spec == NULL) {
		api_refuse(r, -ENOMEM, NULL);
		return;
	}
	c->put->replace = true;
	/* What it was made from. */
	c->put->revision = j->revision;
	service_put_job(api_service(r), c->put);
}

static void delete (struct request *r)
{
	struct service_job *j = find(r);
	struct change *c;

	if (j == NULL || !request_matches(r, j->revision))
		return;
	c = change_new(r, request_param(r, 0));
	if (c == NULL)
		return;
	c->put->revision = j->revision;
	service_put_job(api_service(r), c->put);
}

const struct route api_jobs[] = {
    {"GET", "/api/v1/jobs", 0, list, "jobs, by name"},
    {"POST", "/api/v1/jobs", ROUTE_ADMIN | ROUTE_JSON, create, "a new job"},
    {"GET", "/api/v1/jobs/{name}", 0, get, "one job"},
    {"PUT", "/api/v1/jobs/{name}", ROUTE_ADMIN | ROUTE_JSON, replace,
	"replace a job, or make it"},
    {"PATCH", "/api/v1/jobs/{name}", ROUTE_ADMIN | ROUTE_JSON | ROUTE_MERGE, patch,
	"change some of a job (merge patch)"},
    {"DELETE", "/api/v1/jobs/{name}", ROUTE_ADMIN, delete, "delete a job"},
    {NULL, NULL, 0, NULL, NULL},
};
