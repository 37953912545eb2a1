#include "ctl/api.h"
#include "ctl/run_change.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void
release(void *ptr)
{
	run_change_free(ptr);
}

static void
write_fall(struct jsonw *j, const struct inspect_fall *f)
{
	jsonw_object(j, "waiting_urls");
	jsonw_int(j, "waiting", (int64_t)f->waiting);
	jsonw_int(j, "sampled", (int64_t)f->sampled);
	jsonw_int(j, "would_be_out_of_scope", (int64_t)f->out_of_scope);
	jsonw_int(j, "would_be_too_deep", (int64_t)f->too_deep);
	jsonw_object_end(j);
}

static void
on_done(struct run_change *c)
{
	struct request *r = c->ctx;
	const struct service_run *run = service_run(api_service(r), c->run);
	struct buf text;
	struct jsonw j;

	request_fields(r, &c->mistakes);
	if (c->err < 0) {
		api_refuse(r, c->err, c->why.text);
		return;
	}
	if (run_change_is_none(c))
		request_changed_nothing(r);
	buf_init(&text, API_JSON_MAX);
	jsonw_init(&j, &text);
	jsonw_object(&j, NULL);
	jsonw_int(&j, "run", (int64_t)c->run);
	if (run != NULL)
		jsonw_int(&j, "revision", (int64_t)run->revision);
	if (c->seeds != NULL) {
		jsonw_int(&j, "added", (int64_t)c->added);
		jsonw_int(&j, "known", (int64_t)c->known);
	} else {
		jsonw_bool(&j, "preview", c->preview);
		jsonw_raw(&j, "before", buf_slice(&c->before));
		jsonw_raw(&j, "after", buf_slice(&c->after));
	}
	if (c->has_fall)
		write_fall(&j, &c->fall);
	jsonw_object_end(&j);
	request_reply_json(r, 200, &j);
	buf_release(&text);
}

/* NULL: answered. */
static struct run_change *
change_new(struct request *r)
{
	const struct service_run *run;
	struct run_change *c;
	uint64_t id;

	if (!api_run_id(r, &id))
		return NULL;
	run = service_run(api_service(r), id);
	if (run == NULL || run_state_is_over(run->state)) {
		api_run_is_over(r, id);
		return NULL;
	}
	if (!request_matches(r, run->revision))
		return NULL;
	c = run_change_new();
	if (c != NULL)
		c->run = id;
	if (c == NULL || request_own(r, release, c) < 0) {
		api_refuse(r, -ENOMEM, NULL);
		return NULL;
	}
	c->ctx = r;
	c->done = on_done;
	return c;
}

static void
begin(struct request *r, struct run_change *c)
{
	int e = service_change_run(api_service(r), c);

	if (e < 0)
		api_refuse(r, e, e == -EAGAIN ? "too much is waiting; try again" : NULL);
}

static void
seeds(struct request *r)
{
	json_t *list = json_object_get(request_json(r), "seeds");
	struct run_change *c;

	if (json_object_size(request_json(r)) != 1 || !json_is_array(list) ||
	    json_array_size(list) == 0 || json_array_size(list) > CHANGE_SEEDS_MAX) {
		request_field(
		    r, "/seeds", "is to be a list of 1 to 10000 URLs, and alone");
		request_problem(r, 422, "these seeds cannot be added");
		return;
	}
	c = change_new(r);
	if (c == NULL)
		return;
	c->seeds = list;
	begin(r, c);
}

static void
patch(struct request *r)
{
	static const char *const names[] = {"preview", NULL};
	uint64_t preview = 0;
	struct run_change *c;

	request_query_only(r, names);
	request_query_number(r, "preview", 0, 1, &preview);
	if (!request_query_is_good(r))
		return;
	c = change_new(r);
	if (c == NULL)
		return;
	c->patch = request_json(r);
	c->preview = preview == 1;
	begin(r, c);
}

const struct route api_change[] = {
    {"POST", "/api/v1/runs/{id}/seeds", ROUTE_ADMIN | ROUTE_JSON, seeds,
	"more seeds for a run that is not over"},
    {"PATCH", "/api/v1/runs/{id}", ROUTE_ADMIN | ROUTE_JSON | ROUTE_MERGE | ROUTE_QUERY,
	patch, "other limits, another scope; ?preview=1: what that would change"},
    {NULL, NULL, 0, NULL, NULL},
};
