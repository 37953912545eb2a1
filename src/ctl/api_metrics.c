/*
 * /metrics, for Prometheus and those that read as it does.  What the system is asked for is a
 * chore; the rest costs the loop some microseconds a run that is shown.
 */
#include "ctl/api.h"
#include "ctl/http.h"
#include "ctl/metrics.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { METRICS_BYTES_MAX = 4 << 20 };

struct scrape {
	struct chore chore;
	struct request *request;
	struct metrics_look look;
	char dir[4096];
};

static int
look(struct chore *c)
{
	struct scrape *at = container_of(c, struct scrape, chore);

	metrics_look(at->dir, &at->look);
	return 0;
}

static bool
names(struct slice accept, const char *type)
{
	return accept.len > 0 &&
	       memmem(accept.ptr, accept.len, type, strlen(type)) != NULL;
}

/* Also for who does not say, and wants all there is. */
static bool
wants_open_metrics(const struct request *r)
{
	struct slice accept = {0};

	return !request_header(r, "Accept", &accept) ||
	       names(accept, "application/openmetrics-text") ||
	       !names(accept, "text/plain");
}

static void
looked(struct chore *c)
{
	struct scrape *at = container_of(c, struct scrape, chore);
	struct request *r = at->request;
	bool open_metrics = wants_open_metrics(r);
	struct http_stats http;
	struct metrics_text t;
	struct buf text;

	if (c->err < 0) {
		api_refuse(r, c->err, c->why.text);
		return;
	}
	request_http_stats(r, &http);
	buf_init(&text, METRICS_BYTES_MAX);
	metrics_text_init(&t, &text, open_metrics);
	metrics_write(service_metrics(api_service(r)), &at->look, &http, &t);
	if (metrics_text_end(&t) < 0)
		api_refuse(r, -ENOMEM, "out of memory");
	else
		request_reply(r, 200,
		    open_metrics
			? "application/openmetrics-text; version=1.0.0; charset=utf-8"
			: "text/plain; version=0.0.4; charset=utf-8",
		    &text);
	buf_release(&text);
}

static void
metrics(struct request *r)
{
	struct service *s = api_service(r);
	struct scrape *at = calloc(1, sizeof(*at));
	int err;

	if (at == NULL || request_own(r, free, at) < 0) {
		api_refuse(r, -ENOMEM, "out of memory");
		return;
	}
	at->chore.work = look;
	at->chore.done = looked;
	at->request = r;
	(void)snprintf(
	    at->dir, sizeof(at->dir), "%s", service_settings(s)->service_state_dir);
	err = chores_send(service_desk(s), &at->chore);
	if (err < 0)
		api_refuse(r, err, "too much is waiting");
}

const struct route api_metrics[] = {
    {"GET", "/metrics", 0, metrics, "counters and times, as OpenMetrics"},
    {NULL, NULL, 0, NULL, NULL},
};
