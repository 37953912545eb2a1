#include "ctl/run_look.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void
look_free(void *ptr)
{
	struct run_look *look = ptr;

	buf_release(&look->text);
	if (look->release != NULL)
		look->release(look);
	else
		free(look);
}

static int
on_work(struct chore *c)
{
	struct run_look *look = container_of(c, struct run_look, chore);
	struct stat st;

	/* Its directory is made when it begins, and goes when it is forgotten. */
	if (!look->is_open && (stat(look->dir, &st) < 0 || !S_ISDIR(st.st_mode)))
		return why_set(&c->why, -ENOENT,
		    "there is no run %" PRIu64 ", or its files are gone", look->id);
	return look->work(look, &c->why);
}

static void
on_done(struct chore *c)
{
	struct run_look *look = container_of(c, struct run_look, chore);
	struct request *r = look->request;

	if (c->err > 0)
		request_problem(r, (unsigned)c->err, "%s", c->why.text);
	else if (c->err < 0)
		api_refuse(r, c->err == -EINVAL ? -EIO : c->err, c->why.text);
	else
		request_reply(r, 200, "application/json", &look->text);
}

void
run_look_start(struct run_look *look, struct request *r, enum run_look_queue queue,
    int (*work)(struct run_look *look, struct why *why), void (*release)(void *look))
{
	struct service *s = api_service(r);
	const struct service_run *run;
	struct chores *to;
	int e;

	buf_init(&look->text, API_JSON_MAX);
	look->release = release;
	look->request = r;
	look->work = work;
	look->chore.work = on_work;
	look->chore.done = on_done;
	if (request_own(r, look_free, look) < 0) {
		api_refuse(r, -ENOMEM, NULL);
		return;
	}
	if (!api_run_id(r, &look->id))
		return;
	run = service_run(s, look->id);
	look->is_open = run != NULL;
	look->wall_us = loop_wall_us(service_loop(s));
	e = service_run_dir(s, look->id, look->dir, sizeof(look->dir));
	to = queue == LOOK_LONG ? service_reports(s) : service_desk(s);
	if (e == 0)
		e = chores_are_busy(to) ? -EAGAIN : chores_send(to, &look->chore);
	if (e == -EAGAIN)
		request_problem(r, 503, "too much is waiting; try again");
	else if (e < 0)
		api_refuse(r, e, NULL);
}

int
run_look_open(struct run_look *look, const char *name, const char *what, int *ret_fd,
    struct why *why)
{
	char path[4200];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", look->dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return why_set(why, -ENOENT, "run %" PRIu64 " has no %s%s", look->id,
		    what, look->is_open ? " yet" : "");
	if (fd < 0)
		return why_set(why, -errno, "cannot read %s of run %" PRIu64 ": %s", name,
		    look->id, strerror(errno));
	*ret_fd = fd;
	return 0;
}
