/*
 * Hosts of a run, and the story of one URL.  Of a run that crawls hosts are told as they
 * are; of another one as its report has them, or its store as of the last commit.
 */
#include "crawl/inspect.h"
#include "ctl/api.h"
#include "ctl/file_read.h"
#include "ctl/run_look.h"
#include "ctl/run_place.h"
#include "observe/explain_json.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { HOSTS_MAX = 64, URL_TEXT_MAX = 8192 };

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
	struct run_place p;
	int r = run_place_open(&p, h->look.dir, h->look.id, h->look.wall_us, why);

	if (r == 0) {
		r = inspect_status(p.in, &h->status, why);
		run_place_close(&p);
	} else if (r == -ENOENT && h->look.is_open) { /* nothing of it is there yet */
		r = 0;
	}
	if (r != 0)
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

	request_query_only(r, names);
	request_query_number(r, "limit", 1, HOSTS_MAX, &limit);
	if (!request_query_is_good(r) || !api_run_id(r, &id))
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
	struct run_place p;
	int r = run_place_open(&p, look->dir, look->id, look->wall_us, why);

	if (r != 0)
		return r;
	r = inspect_url(p.in, slice_of(x->url, x->url_len), &x->found, why);
	if (r == 0)
		r = explain_json(&x->found, look->wall_us, &look->text);
	run_place_close(&p);
	return r;
}

static void
explain(struct request *r)
{
	static const char *const names[] = {"url", NULL};
	struct explain *x;
	struct slice url = {0};

	request_query_only(r, names);
	if (!request_query(r, "url", &url) || url.len == 0 || url.len >= URL_TEXT_MAX)
		request_field(r, "?url",
		    url.len == 0 ? "is missing: the URL that is to be explained"
				 : "is longer than URLs are");
	if (!request_query_is_good(r))
		return;
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
