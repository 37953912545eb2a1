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

static void
listen_to(struct request *r, uint64_t run)
{
	static const char *const names[] = {"kinds", NULL};
	struct events_wish wish = {.run = run};

	request_query_only(r, names);
	read_kinds(r, &wish.kinds);
	if (!request_query_is_good(r))
		return;
	(void)request_header(r, "Last-Event-ID", &wish.last_id);
	events_listen(service_events(api_service(r)), r, &wish);
}

static void
all(struct request *r)
{
	listen_to(r, 0);
}

static void
of_run(struct request *r)
{
	const struct service_run *run;
	uint64_t id;

	if (!api_run_id(r, &id))
		return;
	run = service_run(api_service(r), id);
	if (run == NULL || run_state_is_over(run->state))
		api_run_is_over(r, id);
	else
		listen_to(r, id);
}

const struct route api_events[] = {
    {"GET", "/api/v1/events", 0, all, "what happens, as server-sent events"},
    {"GET", "/api/v1/runs/{id}/events", 0, of_run,
	"the same, of one run until it is over"},
    {NULL, NULL, 0, NULL, NULL},
};
