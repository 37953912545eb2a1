/*
 * Where time and memory go.  It takes the seconds for which perf is asked, on the thread of
 * reports; who may start a program on the machine is an administrator.
 */
#include "base/clock.h"
#include "ctl/api.h"
#include "ctl/http.h"
#include "ctl/profile.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { PROFILE_BYTES_MAX = 64 << 10 };

struct profiling {
	struct chore chore;
	struct request *request;
	struct profile profile;
	uint32_t seconds;
	char dir[4096];
};

static int
look(struct chore *c)
{
	struct profiling *at = container_of(c, struct profiling, chore);

	profile_look(&at->profile, at->dir, at->seconds);
	return 0;
}

static void
looked(struct chore *c)
{
	struct profiling *at = container_of(c, struct profiling, chore);
	struct buf text;
	struct jsonw j;

	if (c->err < 0) {
		api_refuse(at->request, c->err, c->why.text);
		return;
	}
	buf_init(&text, PROFILE_BYTES_MAX);
	jsonw_init(&j, &text);
	profile_write(&at->profile, &j);
	request_reply_json(at->request, 200, &j);
	buf_release(&text);
}

static void
profile(struct request *r)
{
	static const char *const names[] = {"seconds", NULL};
	struct service *s = api_service(r);
	struct profiling *at;
	uint64_t seconds = 0;
	int err;

	request_query_only(r, names);
	request_query_number(r, "seconds", 0, PROFILE_SECONDS_MAX, &seconds);
	if (!request_query_is_good(r))
		return;
	at = calloc(1, sizeof(*at));
	if (at == NULL || request_own(r, free, at) < 0) {
		api_refuse(r, -ENOMEM, "out of memory");
		return;
	}
	at->chore.work = look;
	at->chore.done = looked;
	at->request = r;
	at->seconds = (uint32_t)seconds;
	profile_times(&at->profile, service_metrics(s), clock_wall_us());
	(void)snprintf(
	    at->dir, sizeof(at->dir), "%s", service_settings(s)->service_state_dir);
	err = chores_send(seconds > 0 ? service_reports(s) : service_desk(s), &at->chore);
	if (err < 0)
		api_refuse(r, err, "too much is waiting");
}

const struct route api_profile[] = {
    {"GET", "/api/v1/profile", ROUTE_ADMIN | ROUTE_QUERY, profile,
	"times of stages, the loop's lag, heap, and for ?seconds=N the functions"},
    {NULL, NULL, 0, NULL, NULL},
};
