#include "ctl/api.h"
#include "ctl/events.h"

static void
read_kinds(struct request *r, unsigned *ret)
{
	struct slice list, one;
	enum event_kind kind;

	if (!request_query(r, "kinds", &list))
		return;
	while (slice_cut(&list, ',', &one)) {
		if (event_kind_find(one, &kind)) {
			*ret |= 1u << kind;
			continue;
		}
		request_field(r, "?kinds", "is not one of run, progress, page, log");
		return;
	}
}

/* What is asked for, of all runs or one; false: a problem was answered. */
static bool
read_wish(struct request *r, struct events_wish *ret)
{
	static const char *const names[] = {"kinds", NULL};

	request_query_only(r, names);
	read_kinds(r, &ret->kinds);
	if (!request_query_is_good(r))
		return false;
	(void)request_header(r, "Last-Event-ID", &ret->last_id);
	return true;
}

static void
all(struct request *r)
{
	struct events_wish wish = {0};

	if (read_wish(r, &wish))
		events_listen(service_events(api_service(r)), r, &wish);
}

/* Of one that is over: who was cut off before its end comes back for the rest. */
static void
of_run(struct request *r)
{
	struct events *e = service_events(api_service(r));
	struct events_wish wish = {0};
	const struct service_run *run;

	if (!api_run_id(r, &wish.run) || !read_wish(r, &wish))
		return;
	run = service_run(api_service(r), wish.run);
	wish.is_over = run == NULL || run_state_is_over(run->state);
	if (wish.is_over && !events_has(e, &wish))
		api_run_is_over(r, wish.run);
	else
		events_listen(e, r, &wish);
}

const struct route api_events[] = {
    {"GET", "/api/v1/events", 0, all, "what happens, as server-sent events"},
    {"GET", "/api/v1/runs/{id}/events", 0, of_run,
	"the same, of one run until it is over"},
    {NULL, NULL, 0, NULL, NULL},
};
