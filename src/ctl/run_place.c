#include "ctl/run_place.h"
#include "ctl/file_read.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

void
run_place_close(struct run_place *p)
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
read_job(const char *dir, uint64_t id, struct job *job, struct why *why)
{
	struct first first = {why};
	struct job_reading how = {.stored = true, .fn = on_mistake, .ctx = &first};
	struct buf text;
	char path[4200];
	int r;

	(void)snprintf(path, sizeof(path), "%s/job.yaml", dir);
	buf_init(&text, JOB_FILE_BYTES_MAX);
	r = file_read(path, JOB_FILE_BYTES_MAX - 1, &text, why);
	if (r == -ENOENT)
		(void)why_set(why, r, "run %" PRIu64 " has not begun", id);
	how.path = path;
	if (r == 0) {
		r = job_read(job, buf_slice(&text), &how);
		r = r > 0 ? -EBADMSG : r;
	}
	buf_release(&text);
	return r;
}

int
run_place_open(
    struct run_place *p, const char *dir, uint64_t id, int64_t wall_us, struct why *why)
{
	int r = job_init(&p->job);

	p->in = NULL;
	if (r == 0)
		r = read_job(dir, id, &p->job, why);
	if (r == 0 && p->job.options.run_state == STATE_MEMORY)
		r = why_set(why, 409,
		    "run %" PRIu64 " has run.state memory, which is not to be asked: its "
		    "report tells what it came to",
		    id);
	if (r == 0)
		r = inspect_open(dir, &p->job, wall_us, &p->in, why);
	if (r != 0)
		run_place_close(p);
	return r;
}
