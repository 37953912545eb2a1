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

/* A qvalue in thousandths (RFC 9110, 12.4.2); 1000 for what is none. */
static int
quality_of(struct slice s)
{
	int q = 0;

	if (s.len == 0 || s.len > 5 || (s.ptr[0] != '0' && s.ptr[0] != '1') ||
	    (s.len > 1 && s.ptr[1] != '.'))
		return 1000;
	for (size_t i = 0; i < 5; i++) {
		if (i == 1)
			continue;
		if (i < s.len && !ascii_is_digit(s.ptr[i]))
			return 1000;
		q = q * 10 + (i < s.len ? s.ptr[i] - '0' : 0);
	}
	return q > 1000 ? 1000 : q;
}

/* How much `type` is wanted: twice the best quality among what names it, and 1 more for being
 * named; else that of the range that has it, or 0. */
static int
wish_for(struct slice accept, struct slice type)
{
	struct slice whole = slice_head(type, slice_find(type, '/')), one, part;
	int wish[3] = {-1, -1, -1}; /* by its name, by its kind, by what has all */

	while (slice_cut(&accept, ',', &one)) {
		int at = 3, q = 1000;

		(void)slice_cut(&one, ';', &part);
		part = slice_trim(part);
		if (slice_ieq(part, type))
			at = 0;
		else if (slice_eq(part, SLICE_LIT("*/*")))
			at = 2;
		else if (part.len == whole.len + 2 && slice_istarts(part, whole) &&
			 slice_ends(part, SLICE_LIT("/*")))
			at = 1;
		while (slice_cut(&one, ';', &part))
			if (slice_istarts(slice_trim(part), SLICE_LIT("q=")))
				q = quality_of(slice_from(slice_trim(part), 2));
		if (at < 3 && q > wish[at])
			wish[at] = q;
	}
	if (wish[0] >= 0)
		return wish[0] > 0 ? 2 * wish[0] + 1 : 0;
	return 2 * (wish[1] >= 0 ? wish[1] : wish[2] > 0 ? wish[2] : 0);
}

/* Also for who does not say, and wants all there is. */
static bool
wants_open_metrics(const struct request *r)
{
	struct slice accept = {0};

	return !request_header(r, "Accept", &accept) ||
	       wish_for(accept, SLICE_LIT("application/openmetrics-text")) >=
		   wish_for(accept, SLICE_LIT("text/plain"));
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
