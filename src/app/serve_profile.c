#include "app/serve_profile.h"
#include "base/clock.h"
#include "base/log.h"
#include "ctl/chores.h"
#include "ctl/profile.h"
#include "ctl/settings.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECONDS = 2 }; /* for which perf looks */

struct serve_profile {
	struct chore chore;
	struct service *service;
	bool busy;
	struct profile profile;
	char dir[4096];
};

struct serve_profile *
serve_profile_new(struct service *s)
{
	struct serve_profile *p = calloc(1, sizeof(*p));

	if (p != NULL)
		p->service = s;
	return p;
}

void
serve_profile_free(struct serve_profile *p)
{
	/* A chore that did not end in time is left alone, and what it uses, too. */
	if (p != NULL && !p->busy)
		free(p);
}

static int
look(struct chore *c)
{
	struct serve_profile *p = container_of(c, struct serve_profile, chore);

	profile_look(&p->profile, p->dir, SECONDS);
	return profile_save(&p->profile, p->dir, &c->why);
}

static void
looked(struct chore *c)
{
	struct serve_profile *p = container_of(c, struct serve_profile, chore);

	p->busy = false;
	if (c->err == -ESHUTDOWN)
		return;
	profile_log(&p->profile);
	if (c->err < 0)
		log_error("profile: %s", c->why.text);
	else
		log_info("profile: all of it is in %s/profile.json", p->dir);
}

void
serve_profile_start(struct serve_profile *p)
{
	int r;

	if (p->busy)
		return;
	profile_times(&p->profile, service_metrics(p->service), clock_wall_us());
	(void)snprintf(p->dir, sizeof(p->dir), "%s",
	    service_settings(p->service)->service_state_dir);
	p->chore.work = look;
	p->chore.done = looked;
	r = chores_send(service_reports(p->service), &p->chore);
	p->busy = r == 0;
	if (r < 0)
		log_error("profile: not now: %s", strerror(-r));
}
