/*
 * Hosts of a run, and the story of one URL.  Of a run that crawls hosts are told as they
 * are; of another one as its report has them, or its store as of the last commit.
 */
#include "crawl/inspect.h"
#include "ctl/api.h"
#include "ctl/file_read.h"
#include "ctl/run_look.h"
#include "observe/explain_json.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { HOSTS_MAX = 64, URL_TEXT_MAX = 8192 };

/* ---- a crawl's directory ---- */

struct place {
	struct job job;
	struct inspect *in;
};

static void
place_close(struct place *p)
{
	inspect_close(p->in);
	job_release(&p->job);
}

struct first {
	struct why *why;
};

static bool
on_mistake(void *ctx, const struct job_mistake *m)
{
	struct first *f = ctx;

	(void)why_set(f->why, 0, "job.yaml:%zu: %s", m->line, m->text);
	return false;
}

static int
read_job(struct run_look *look, struct job *job, struct why *why)
{
	struct first first = {why};
	struct job_reading how = {.fn = on_mistake, .ctx = &first};
	struct buf text;
	char path[4200];
	int r;

	(void)snprintf(path, sizeof(path), "%s/job.yaml", look->dir);
	buf_init(&text, JOB_FILE_BYTES_MAX);
	r = file_read(path, JOB_FILE_BYTES_MAX - 1, &text, why);
	if (r == -ENOENT)
		(void)why_set(why, r, "run %" PRIu64 " has not begun", look->id);
	how.path = path;
	if (r == 0) {
		r = job_read(job, buf_slice(&text), &how);
		r = r > 0 ? -EBADMSG : r;
	}
	buf_release(&text);
	return r;
}

/* On failure nothing is open. */
static int
place_open(struct run_look *look, struct place *p, struct why *why)
{
	int r = job_init(&p->job);

	p->in = NULL;
	if (r == 0)
		r = read_job(look, &p->job, why);
	if (r == 0 && p->job.options.run_state == STATE_MEMORY)
		r = why_set(why, 409,
		    "run %" PRIu64 " has run.state memory, which is not to be asked: its "
		    "report tells what it came to",
		    look->id);
	if (r == 0)
		r = inspect_open(look->dir, &p->job, look->wall_us, &p->in, why);
	if (r != 0)
		place_close(p);
	return r;
}

/* ---- hosts ---- */

static void
write_live_host(struct jsonw *j, const struct frontier_host *h)
{
	jsonw_object(j, NULL);
	jsonw_str(j, "host", slice_cstr(h->authority));
	jsonw_int(j, "queued", (int64_t)h->queued);
	jsonw_int(j, "done", (int64_t)h->done);
	jsonw_int(j, "in_flight", h->in_flight);
	jsonw_str(j, "waits_for", slice_cstr(wait_cause_name(h->waits_for)));
	jsonw_int(j, "wait_ms", h->wait_ms);
	jsonw_object_end(j);
}

static void
reply_live_hosts(struct request *r, struct crawl *c, uint32_t limit)
{
	struct frontier_host *hosts = calloc(HOSTS_MAX, sizeof(*hosts));
	struct buf text;
	struct jsonw j;
	uint32_t n;

	if (hosts == NULL) {
		api_refuse(r, -ENOMEM, NULL);
		return;
	}
	n = crawl_hosts(c, hosts, limit);
	buf_init(&text, API_JSON_MAX);
	jsonw_init(&j, &text);
	jsonw_object(&j, NULL);
	jsonw_str(&j, "as_of", SLICE_LIT("now"));
	jsonw_array(&j, "items");
	for (uint32_t i = 0; i < n; i++)
		write_live_host(&j, &hosts[i]);
	jsonw_array_end(&j);
	jsonw_object_end(&j);
	request_reply_json(r, 200, &j);
	buf_release(&text);
	free(hosts);
}

struct hosts {
	struct run_look look; /* first */
	uint64_t limit;
	struct inspect_status status;
};

static void
write_report_hosts(struct jsonw *j, json_t *list, uint64_t limit)
{
	size_t i;
	json_t *host;

	json_array_foreach(list, i, host)
	{
		char *text = i < limit ? json_dumps(host, JSON_COMPACT) : NULL;

		if (text != NULL)
			jsonw_raw(j, NULL, slice_cstr(text));
		else if (i < limit)
			j->err = -ENOMEM;
		free(text);
	}
}

/* -ENOENT: there is none. */
static int
hosts_of_report(struct hosts *h, struct jsonw *j, struct why *why)
{
	char path[4200];
	json_t *report = NULL;
	struct buf text;
	int r;

	(void)snprintf(path, sizeof(path), "%s/report.json", h->look.dir);
	buf_init(&text, API_JSON_MAX);
	r = file_read(path, API_JSON_MAX - 1, &text, why);
	if (r == 0) {
		report = json_loadb(text.ptr, text.len, 0, NULL);
		r = report == NULL ? why_set(why, -EBADMSG, "report.json is damaged") : 0;
	}
	buf_release(&text);
	if (r < 0)
		return r;
	jsonw_str(j, "as_of", SLICE_LIT("report"));
	jsonw_array(j, "items");
	write_report_hosts(
	    j, json_object_get(json_object_get(report, "politeness"), "hosts"), h->limit);
	jsonw_array_end(j);
	json_decref(report);
	return 0;
}

static int
hosts_of_store(struct hosts *h, struct jsonw *j, struct why *why)
{
	const struct inspect_hosts *list = &h->status.busiest;
	struct place p;
	int r = place_open(&h->look, &p, why);

	if (r != 0)
		return r;
	r = inspect_status(p.in, &h->status, why);
	place_close(&p);
	if (r < 0)
		return r;
	jsonw_str(j, "as_of", SLICE_LIT("commit"));
	jsonw_array(j, "items");
	for (uint32_t i = 0; i < list->n && i < h->limit; i++) {
		jsonw_object(j, NULL);
		jsonw_str(j, "host", slice_cstr(list->v[i].authority));
		jsonw_int(j, "queued", (int64_t)list->v[i].queued);
		explain_host_json(j, &list->v[i].look, h->look.wall_us);
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
	return 0;
}

static int
hosts_work(struct run_look *look, struct why *why)
{
	struct hosts *h = container_of(look, struct hosts, look);
	struct jsonw j;
	int r;

	jsonw_init(&j, &look->text);
	jsonw_object(&j, NULL);
	/* Of a run that goes on there may be the report of an earlier round. */
	r = look->is_open ? -ENOENT : hosts_of_report(h, &j, why);
	if (r == -ENOENT)
		r = hosts_of_store(h, &j, why);
	if (r != 0)
		return r;
	jsonw_object_end(&j);
	return j.err;
}

static void
hosts(struct request *r)
{
	static const char *const names[] = {"limit", NULL};
	uint64_t limit = HOSTS_MAX, id;
	const struct service_run *run;
	struct hosts *h;

	if (!request_query_only(r, names) ||
	    !request_query_number(r, "limit", 1, HOSTS_MAX, &limit) ||
	    !api_run_id(r, &id))
		return;
	run = service_run(api_service(r), id);
	if (run != NULL && run->crawl != NULL) {
		reply_live_hosts(r, run->crawl, (uint32_t)limit);
		return;
	}
	h = calloc(1, sizeof(*h));
	if (h == NULL) {
		api_refuse(r, -ENOMEM, NULL);
		return;
	}
	h->limit = limit;
	run_look_start(&h->look, r, LOOK_LONG, hosts_work, NULL);
}

/* ---- explain ---- */

struct explain {
	struct run_look look; /* first */
	struct inspect_url found;
	size_t url_len;
	char url[URL_TEXT_MAX];
};

static int
explain_work(struct run_look *look, struct why *why)
{
	struct explain *x = container_of(look, struct explain, look);
	struct place p;
	int r = place_open(look, &p, why);

	if (r != 0)
		return r;
	r = inspect_url(p.in, slice_of(x->url, x->url_len), &x->found, why);
	if (r == 0)
		r = explain_json(&x->found, look->wall_us, &look->text);
	place_close(&p);
	return r;
}

static void
explain(struct request *r)
{
	static const char *const names[] = {"url", NULL};
	struct explain *x;
	struct slice url = {0};

	if (!request_query_only(r, names))
		return;
	if (!request_query(r, "url", &url) || url.len == 0 || url.len >= URL_TEXT_MAX) {
		request_field(r, "?url",
		    url.len == 0 ? "is missing: the URL that is to be explained"
				 : "is longer than URLs are");
		request_problem(r, 400, "the query of this address is not understood");
		return;
	}
	x = calloc(1, sizeof(*x));
	if (x == NULL) {
		api_refuse(r, -ENOMEM, NULL);
		return;
	}
	memcpy(x->url, url.ptr, url.len);
	x->url_len = url.len;
	run_look_start(&x->look, r, LOOK_LONG, explain_work, NULL);
}

const struct route api_hosts[] = {
    {"GET", "/api/v1/runs/{id}/hosts", 0, hosts, "the busiest hosts of a run"},
    {"GET", "/api/v1/runs/{id}/explain", 0, explain, "what is known of one URL"},
    {NULL, NULL, 0, NULL, NULL},
};
