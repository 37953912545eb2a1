#include "ctl/api.h"
#include "ctl/compare.h"
#include "ctl/job_json.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * GET /api/v1/runs/{id}/compare?with={id}: what {id} (a) and the other (b) differ in.
 *
 *   rows of both [registry] -> logs of both [reports] -> the answer
 */

struct side {
	uint64_t id;
	char dir[4096];
	json_t *spec, *stats;
	struct buf row; /* as JSON */
};

struct comparing {
	struct chore chore;
	struct service *service;
	struct request *request;
	bool has_place;
	bool is_admin;
	const char *tmp_dir;
	struct side sides[2];
	struct compare pages;
};

static void
comparing_free(void *ptr)
{
	struct comparing *c = ptr;

	for (size_t i = 0; i < 2; i++) {
		json_decref(c->sides[i].spec);
		json_decref(c->sides[i].stats);
		buf_release(&c->sides[i].row);
	}
	compare_release(&c->pages);
	if (c->has_place)
		service_give_report_place(c->service);
	free(c);
}

/* ---- rows [registry] ---- */

static int
on_row(void *ctx, const struct run_row *row)
{
	struct side *s = ctx;
	struct jsonw j;

	jsonw_init(&j, &s->row);
	run_row_write(&j, NULL, row);
	s->spec = json_loads(row->spec, 0, NULL);
	s->stats = json_loads(row->stats, 0, NULL);
	return j.err;
}

static int
rows_work(struct chore *ch)
{
	struct comparing *c = container_of(ch, struct comparing, chore);
	sqlite3 *db = registry_db(service_registry(c->service));
	int r = 0;

	for (size_t i = 0; i < 2 && r == 0; i++)
		r = registry_run(db, c->sides[i].id, on_row, &c->sides[i], &ch->why);
	return r;
}

/* ---- logs [reports] ---- */

static int
logs_work(struct chore *ch)
{
	struct comparing *c = container_of(ch, struct comparing, chore);

	return compare_logs(
	    c->sides[0].dir, c->sides[1].dir, c->tmp_dir, &c->pages, &ch->why);
}

/* ---- the answer ---- */

static void
write_specs(struct comparing *c, struct jsonw *j)
{
	json_t *shown[2];
	bool hidden;

	for (size_t i = 0; i < 2; i++)
		shown[i] = c->is_admin || c->sides[i].spec == NULL
			       ? json_incref(c->sides[i].spec)
			       : job_json_for_strangers(c->sides[i].spec, &hidden);
	compare_specs(shown[0], shown[1], j, "parameters");
	for (size_t i = 0; i < 2; i++)
		json_decref(shown[i]);
}

static void
answer(struct comparing *c)
{
	struct buf text;
	struct jsonw j;

	buf_init(&text, API_JSON_MAX);
	jsonw_init(&j, &text);
	jsonw_object(&j, NULL);
	jsonw_raw(&j, "a", buf_slice(&c->sides[0].row));
	jsonw_raw(&j, "b", buf_slice(&c->sides[1].row));
	write_specs(c, &j);
	compare_numbers(c->sides[0].stats, c->sides[1].stats, &j, "totals");
	compare_numbers(json_object_get(c->sides[0].stats, "outcomes"),
	    json_object_get(c->sides[1].stats, "outcomes"), &j, "outcomes");
	compare_write(&c->pages, &j, "pages");
	jsonw_object_end(&j);
	request_reply_json(c->request, 200, &j);
	buf_release(&text);
}

static void
logs_done(struct chore *ch)
{
	struct comparing *c = container_of(ch, struct comparing, chore);

	if (ch->err < 0)
		api_refuse(c->request, ch->err, ch->why.text);
	else
		answer(c);
}

/* Of a run that goes on, as it is now. */
static void
take_live_stats(struct comparing *c, struct side *s)
{
	const struct service_run *run = service_run(c->service, s->id);
	struct crawl_stats stats;
	struct buf text;
	struct jsonw j;

	if (run == NULL || run->crawl == NULL)
		return;
	crawl_stats(run->crawl, &stats);
	buf_init(&text, 1 << 16);
	jsonw_init(&j, &text);
	run_stats_write(&j, NULL, &stats);
	json_decref(s->stats);
	s->stats = j.err < 0 ? NULL : json_loadb(text.ptr, text.len, 0, NULL);
	buf_release(&text);
}

static void
rows_done(struct chore *ch)
{
	struct comparing *c = container_of(ch, struct comparing, chore);

	if (ch->err < 0) {
		api_refuse(c->request, ch->err, ch->why.text);
		return;
	}
	for (size_t i = 0; i < 2; i++)
		take_live_stats(c, &c->sides[i]);
	ch->work = logs_work;
	ch->done = logs_done;
	if (service_is_draining(c->service) ||
	    chores_send(service_reports(c->service), ch) < 0)
		api_refuse(c->request, -EAGAIN, "too much is waiting; try again");
}

static void
start(struct request *r, const uint64_t ids[2])
{
	struct service *s = api_service(r);
	struct comparing *c = calloc(1, sizeof(*c));
	int err = c == NULL ? -ENOMEM : 0;

	for (size_t i = 0; i < 2 && err == 0; i++) {
		c->sides[i].id = ids[i];
		buf_init(&c->sides[i].row, 1 << 20);
		err =
		    service_run_dir(s, ids[i], c->sides[i].dir, sizeof(c->sides[i].dir));
	}
	if (err < 0) {
		free(c);
		api_refuse(r, err, NULL);
		return;
	}
	c->service = s;
	c->request = r;
	c->is_admin = request_role(r) == ROLE_ADMIN;
	c->tmp_dir = service_tmp_dir(s);
	c->has_place = service_take_report_place(s);
	c->chore.work = rows_work;
	c->chore.done = rows_done;
	if (request_own(r, comparing_free, c) < 0)
		api_refuse(r, -ENOMEM, NULL);
	else if (!c->has_place || registry_send(service_registry(s), &c->chore) < 0)
		api_refuse(r, -EAGAIN, "other comparisons go on; try again");
}

static void
compare(struct request *r)
{
	static const char *const names[] = {"with", NULL};
	struct slice with;
	uint64_t ids[2] = {0};

	if (!api_run_id(r, &ids[0]))
		return;
	request_query_only(r, names);
	if (!request_query(r, "with", &with))
		request_field(r, "?with", "is missing: the number of the other run");
	request_query_number(r, "with", 1, INT64_MAX, &ids[1]);
	if (request_query_is_good(r))
		start(r, ids);
}

const struct route api_compare[] = {
    {"GET", "/api/v1/runs/{id}/compare", 0, compare,
	"what two runs differ in: parameters, totals, pages"},
    {NULL, NULL, 0, NULL, NULL},
};
