#include "crawl/space.h"
#include "ctl/api.h"
#include <errno.h>
#include <stdio.h>

/* The loop turns, for it answers. */
static void
healthz(struct request *r)
{
	struct buf text;
	struct jsonw j;

	buf_init(&text, 1024);
	jsonw_init(&j, &text);
	jsonw_object(&j, NULL);
	jsonw_str(&j, "status", SLICE_LIT("ok"));
	jsonw_object_end(&j);
	request_reply_json(r, 200, &j);
	buf_release(&text);
}

struct ready {
	struct chore chore;
	struct registry *registry;
	struct request *request;
	char state_dir[4096];
};

/* Without room nothing is noted, and no run crawls. */
static int
look(struct chore *c)
{
	struct ready *at = container_of(c, struct ready, chore);
	sqlite3 *db = registry_db(at->registry);
	const char *path = sqlite3_db_filename(db, "main");

	if (sqlite3_exec(db, "SELECT 1 FROM runs LIMIT 1", NULL, NULL, NULL) != SQLITE_OK)
		return registry_error(db, &c->why);
	/* Everybody may ask: paths are not told. */
	if (space_is_short(at->state_dir, NULL))
		return why_set(&c->why, -ENOSPC, "the disk of runs is nearly full");
	if (path != NULL && space_is_short(path, NULL))
		return why_set(
		    &c->why, -ENOSPC, "the disk of the registry is nearly full");
	return 0;
}

static void
looked(struct chore *c)
{
	struct ready *at = container_of(c, struct ready, chore);
	struct request *r = at->request;
	struct service_counts counts;
	struct buf text;
	struct jsonw j;

	if (c->err < 0) {
		request_problem(r, 503, "%s", c->why.text);
		return;
	}
	service_counts(api_service(r), &counts);
	buf_init(&text, 4096);
	jsonw_init(&j, &text);
	jsonw_object(&j, NULL);
	jsonw_str(&j, "status", SLICE_LIT("ready"));
	jsonw_int(&j, "jobs", counts.jobs);
	jsonw_int(&j, "queued", counts.queued);
	jsonw_int(&j, "running", counts.running);
	jsonw_int(&j, "paused", counts.paused);
	jsonw_object_end(&j);
	request_reply_json(r, 200, &j);
	buf_release(&text);
}

/* And the registry answers, the disks have room, and work is taken. */
static void
readyz(struct request *r)
{
	struct service *s = api_service(r);
	struct ready *at;

	if (service_is_draining(s)) {
		request_problem(r, 503, "the service is stopping");
		return;
	}
	at = calloc(1, sizeof(*at));
	if (at == NULL || request_own(r, free, at) < 0) {
		request_problem(r, 503, "out of memory");
		return;
	}
	at->chore.work = look;
	at->chore.done = looked;
	at->registry = service_registry(s);
	at->request = r;
	(void)snprintf(at->state_dir, sizeof(at->state_dir), "%s",
	    service_settings(s)->service_state_dir);
	if (registry_send(at->registry, &at->chore) < 0)
		request_problem(r, 503, "too much is waiting");
}

const struct route api_health[] = {
    {"GET", "/healthz", ROUTE_OPEN, healthz, "the service is alive"},
    {"GET", "/readyz", ROUTE_OPEN, readyz, "the service takes work"},
    {NULL, NULL, 0, NULL, NULL},
};
