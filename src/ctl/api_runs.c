#include "ctl/api.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void
add_etag(struct request *r, uint64_t revision)
{
	char etag[ETAG_TEXT_MAX];

	etag_print(revision, etag);
	request_add_header(r, "ETag", etag);
}

static void
show(struct request *r, unsigned status, const struct service_run *run)
{
	char location[64];
	struct buf text;
	struct jsonw j;

	add_etag(r, run->revision);
	if (status == 201) {
		(void)snprintf(
		    location, sizeof(location), "/api/v1/runs/%" PRIu64, run->id);
		request_add_header(r, "Location", location);
	}
	buf_init(&text, API_JSON_MAX);
	jsonw_init(&j, &text);
	run_write(&j, NULL, run);
	request_reply_json(r, status, &j);
	buf_release(&text);
}

/* ---- from the registry ---- */

/* Rows as JSON, each with its number: what goes on still is shown as it is now instead. */
struct row {
	uint64_t id, revision;
	enum run_state state;
	size_t from, len; /* in text */
};
struct reading {
	struct chore chore;
	struct registry *registry;
	struct request *request;
	unsigned status; /* that a single one is answered with; 409: it is over */
	uint64_t id;     /* of one; 0: those of the filter */
	struct run_filter filter;
	char *job;
	struct row rows[API_PAGE_MAX + 1];
	size_t n;
	bool of_no_job; /* those of a job that is gone; at the end: was never there */
	struct buf text;
};

static void
reading_free(void *ptr)
{
	struct reading *at = ptr;

	buf_release(&at->text);
	free(at->job);
	free(at);
}

static int
on_row(void *ctx, const struct run_row *row)
{
	struct reading *at = ctx;
	struct jsonw j;
	size_t from = at->text.len;

	if (at->n > API_PAGE_MAX)
		return 0;
	jsonw_init(&j, &at->text);
	run_row_write(&j, NULL, row);
	if (j.err < 0)
		return j.err;
	at->rows[at->n++] =
	    (struct row){row->id, row->revision, row->state, from, at->text.len - from};
	return 0;
}

/* Runs stay when their job is deleted, and then they are the list still. */
static int
on_any(void *ctx, const struct run_row *row)
{
	struct reading *at = ctx;

	(void)row;
	at->of_no_job = false;
	return 0;
}

static int
read_work(struct chore *c)
{
	struct reading *at = container_of(c, struct reading, chore);
	sqlite3 *db = registry_db(at->registry);

	struct run_filter any = {.job = at->filter.job, .limit = 1};
	int r;

	if (at->id > 0)
		return registry_run(db, at->id, on_row, at, &c->why);
	r = registry_runs(db, &at->filter, on_row, at, &c->why);
	if (r == 0 && at->of_no_job)
		r = registry_runs(db, &any, on_any, at, &c->why);
	return r;
}

static void
write_row(struct reading *at, struct jsonw *j, const struct row *row)
{
	const struct service_run *run = service_run(api_service(at->request), row->id);

	if (run != NULL)
		run_write(j, NULL, run);
	else
		jsonw_raw(j, NULL, slice_of(at->text.ptr + row->from, row->len));
}

static void
show_rows(struct reading *at)
{
	struct request *r = at->request;
	size_t limit = at->filter.limit - 1; /* one more was asked for */
	struct buf text;
	struct jsonw j;
	char next[24];

	buf_init(&text, API_JSON_MAX);
	jsonw_init(&j, &text);
	jsonw_object(&j, NULL);
	jsonw_array(&j, "items");
	for (size_t i = 0; i < at->n && i < limit; i++)
		write_row(at, &j, &at->rows[i]);
	jsonw_array_end(&j);
	if (at->n > limit) {
		(void)snprintf(next, sizeof(next), "%" PRIu64, at->rows[limit - 1].id);
		jsonw_str(&j, "next", slice_cstr(next));
	}
	jsonw_object_end(&j);
	request_reply_json(r, 200, &j);
	buf_release(&text);
}

static void
show_one(struct reading *at)
{
	struct request *r = at->request;
	struct buf text;
	struct jsonw j;

	if (!request_matches(r, at->rows[0].revision))
		return;
	if (at->status == 409) {
		request_problem(r, 409, "run %" PRIu64 " is over: %s", at->id,
		    run_state_name(at->rows[0].state));
		return;
	}
	add_etag(r, at->rows[0].revision);
	buf_init(&text, API_JSON_MAX);
	jsonw_init(&j, &text);
	jsonw_raw(&j, NULL, slice_of(at->text.ptr + at->rows[0].from, at->rows[0].len));
	request_reply_json(r, at->status, &j);
	buf_release(&text);
}

static void
read_done(struct chore *c)
{
	struct reading *at = container_of(c, struct reading, chore);

	if (c->err < 0)
		api_refuse(at->request, c->err, c->why.text);
	else if (at->id > 0)
		show_one(at);
	else if (at->of_no_job)
		request_problem(at->request, 404, "there is no job %s", at->job);
	else
		show_rows(at);
}

/* NULL: answered. */
static struct reading *
reading_new(struct request *r)
{
	struct reading *at = calloc(1, sizeof(*at));

	if (at == NULL) {
		api_refuse(r, -ENOMEM, NULL);
		return NULL;
	}
	at->chore.work = read_work;
	at->chore.done = read_done;
	at->registry = service_registry(api_service(r));
	at->request = r;
	at->status = 200;
	buf_init(&at->text, API_JSON_MAX);
	if (request_own(r, reading_free, at) == 0)
		return at;
	api_refuse(r, -ENOMEM, NULL);
	return NULL;
}

static void
start_reading(struct reading *at)
{
	if (registry_is_busy(at->registry) || registry_send(at->registry, &at->chore) < 0)
		request_problem(at->request, 503, "too much is waiting; try again");
}

static void
read_one(struct request *r, uint64_t id, unsigned status)
{
	struct reading *at = reading_new(r);

	if (at == NULL)
		return;
	at->id = id;
	at->status = status;
	start_reading(at);
}

void
api_run_is_over(struct request *r, uint64_t id)
{
	const struct service_run *run = service_run(api_service(r), id);

	/* One that is over may still be on its way to the registry. */
	if (run == NULL)
		read_one(r, id, 409);
	else
		request_problem(r, 409, "run %" PRIu64 " is over: %s", id,
		    run_state_name(run->state));
}

/* ---- what happened to one ---- */

static int
on_change(void *ctx, const struct change_row *row)
{
	struct jsonw *j = ctx;

	jsonw_object(j, NULL);
	jsonw_time(j, "at", row->at_us);
	jsonw_str(j, "state", slice_cstr(row->state));
	if (row->why[0] != '\0')
		jsonw_str(j, "why", slice_cstr(row->why));
	jsonw_object_end(j);
	return j->err;
}

static int
history_work(struct chore *c)
{
	struct reading *at = container_of(c, struct reading, chore);
	sqlite3 *db = registry_db(at->registry);
	struct jsonw j;
	int r = registry_run(db, at->id, on_row, at, &c->why);

	if (r < 0)
		return r;
	buf_clear(&at->text);
	jsonw_init(&j, &at->text);
	jsonw_object(&j, NULL);
	jsonw_array(&j, "items");
	r = registry_changes(db, at->id, on_change, &j, &c->why);
	jsonw_array_end(&j);
	jsonw_object_end(&j);
	return r < 0 ? r : j.err;
}

static void
history_done(struct chore *c)
{
	struct reading *at = container_of(c, struct reading, chore);

	if (c->err < 0)
		api_refuse(at->request, c->err, c->why.text);
	else
		request_reply(at->request, 200, "application/json", &at->text);
}

static void
history(struct request *r)
{
	struct reading *at;
	uint64_t id;

	if (!api_run_id(r, &id))
		return;
	at = reading_new(r);
	if (at == NULL)
		return;
	at->id = id;
	at->chore.work = history_work;
	at->chore.done = history_done;
	start_reading(at);
}

/* ---- GET ---- */

/* ?state=done,failed */
static void
read_states(struct request *r, unsigned *ret)
{
	struct slice list, one;
	enum run_state state;

	*ret = 0;
	if (!request_query(r, "state", &list))
		return;
	while (slice_cut(&list, ',', &one)) {
		if (!run_state_find(one, &state)) {
			request_field(r, "?state",
			    "is not one of queued, running, paused, stopping, done, "
			    "cancelled, failed");
			return;
		}
		*ret |= 1u << state;
	}
}

static void
read_order(struct request *r, bool *ret)
{
	struct slice order;

	if (!request_query(r, "sort", &order))
		return;
	*ret = slice_eq(order, SLICE_LIT("id"));
	if (!*ret && !slice_eq(order, SLICE_LIT("-id")))
		request_field(r, "?sort", "is neither id nor -id");
}

static void
list_of(struct request *r, struct slice job)
{
	static const char *const names[] = {"cursor", "limit", "state", "sort", NULL};
	static const char *const all_names[] = {
	    "cursor", "limit", "state", "sort", "job", NULL};
	struct reading *at = NULL;
	struct run_filter f = {0};
	uint64_t limit = API_PAGE_USUAL, cursor = 0;

	request_query_only(r, job.len > 0 ? names : all_names);
	request_query_number(r, "limit", 1, API_PAGE_MAX, &limit);
	request_query_number(r, "cursor", 1, INT64_MAX, &cursor);
	read_states(r, &f.states);
	read_order(r, &f.oldest_first);
	if (!request_query_is_good(r))
		return;
	at = reading_new(r);
	if (at == NULL)
		return;
	f.limit = (uint32_t)limit + 1;
	f.before_id = cursor;
	at->of_no_job = job.len > 0 && service_job(api_service(r), job) == NULL;
	if (job.len > 0 || request_query(r, "job", &job)) {
		at->job = slice_dup(job);
		if (at->job == NULL) {
			api_refuse(r, -ENOMEM, NULL);
			return;
		}
		f.job = at->job;
	}
	at->filter = f;
	start_reading(at);
}

static void
list(struct request *r)
{
	list_of(r, (struct slice){0});
}

static void
list_of_job(struct request *r)
{
	list_of(r, request_param(r, 0));
}

static void
get(struct request *r)
{
	const struct service_run *run;
	uint64_t id;

	if (!api_run_id(r, &id))
		return;
	run = service_run(api_service(r), id);
	if (run == NULL)
		read_one(r, id, 200);
	else if (run_state_is_over(run->state) ? request_matches(r, run->revision)
					       : request_is_always_news(r, run->revision))
		show(r, 200, run);
}

/* ---- changes ---- */

static void
on_changed(void *ctx, uint64_t id, struct service_run *run, int err, const char *why)
{
	struct request *r = ctx;

	if (err < 0)
		api_refuse(r, err, why);
	else if (run != NULL)
		show(r, 200, run);
	else
		read_one(r, id, 200);
}

typedef void change_fn(struct service *s, uint64_t id, service_run_fn *fn, void *ctx);

/* Of one that is over: 409, if there is such a one; also while its end is being noted. */
static void
change(struct request *r, change_fn *fn)
{
	struct service *s = api_service(r);
	const struct service_run *run;
	uint64_t id;

	if (!api_run_id(r, &id))
		return;
	run = service_run(s, id);
	if (run != NULL && !request_matches(r, run->revision))
		return;
	if (run == NULL || run_state_is_over(run->state))
		api_run_is_over(r, id);
	else
		fn(s, id, on_changed, r);
}

static void
pause(struct request *r)
{
	change(r, service_pause_run);
}

static void
resume(struct request *r)
{
	uint64_t id;

	if (!api_run_id(r, &id))
		return;
	if (service_run(api_service(r), id) == NULL)
		service_revive_run(api_service(r), id, on_changed, r);
	else
		change(r, service_resume_run);
}

static void
cancel(struct request *r)
{
	change(r, service_cancel_run);
}

static void
on_started(void *ctx, uint64_t id, struct service_run *run, int err, const char *why)
{
	struct request *r = ctx;

	(void)id;
	if (err < 0)
		api_refuse(r, err, why);
	else
		show(r, 201, run);
}

static void
replay(struct request *r, const char *made)
{
	const struct service_run *run;
	uint64_t id = 0;

	(void)slice_to_u64(slice_cstr(made), &id);
	run = service_run(api_service(r), id);
	if (run != NULL)
		show(r, 201, run);
	else
		read_one(r, id, 201);
}

static bool
read_again(struct request *r, bool *ret)
{
	const char *key;
	json_t *v;

	json_object_foreach(request_json(r), key, v)
	{
		char pointer[80];

		(void)snprintf(pointer, sizeof(pointer), "/%.70s", key);
		if (strcmp(key, "again") != 0)
			request_field(
			    r, pointer, "there is no such field; there is again");
		else if (!json_is_boolean(v))
			request_field(r, pointer, "is true or false");
		else
			*ret = json_is_true(v);
	}
	if (request_has_fields(r))
		request_problem(r, 422, "the run cannot be started so");
	return !request_is_answered(r);
}

static void
start(struct request *r)
{
	struct run_start how = {.trigger = "api"};
	char name[REGISTRY_NAME_MAX], *key;

	(void)snprintf(name, sizeof(name), SLICE_FMT, SLICE_ARG(request_param(r, 0)));
	if (!read_again(r, &how.again) || !api_key(r, &key, &how.key_hash, replay))
		return;
	how.job = name;
	how.key = key;
	service_start_run(api_service(r), &how, on_started, r);
	free(key);
}

const struct route api_runs[] = {
    {"GET", "/api/v1/runs", 0, list, "runs, the newest first"},
    {"GET", "/api/v1/jobs/{name}/runs", 0, list_of_job, "runs of a job"},
    {"POST", "/api/v1/jobs/{name}/runs", ROUTE_ADMIN | ROUTE_JSON_OPTIONAL, start,
	"start a run of a job"},
    {"GET", "/api/v1/runs/{id}", 0, get, "one run"},
    {"GET", "/api/v1/runs/{id}/history", 0, history, "what happened to a run"},
    {"POST", "/api/v1/runs/{id}:pause", ROUTE_ADMIN, pause, "begin nothing more"},
    {"POST", "/api/v1/runs/{id}:resume", ROUTE_ADMIN, resume, "go on"},
    {"POST", "/api/v1/runs/{id}:cancel", ROUTE_ADMIN, cancel, "end it for good"},
    {NULL, NULL, 0, NULL, NULL},
};
