#include "app/look.h"
#include "base/clock.h"
#include "observe/format.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
look_job_file(const char *dir, char ret[LOOK_PATH_MAX])
{
	struct stat st;
	int n = snprintf(ret, LOOK_PATH_MAX, "%s/job.yaml", dir);

	if (dir[0] == '\0')
		return usage_error("the name of the directory is empty");
	if (n < 0 || n > LOOK_PATH_MAX - 200)
		return usage_error("the name of the directory is too long");
	if (stat(dir, &st) < 0)
		return usage_error("%s holds no crawl: %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return usage_error("%s holds no crawl: it is no directory", dir);
	if (stat(ret, &st) < 0 && errno != ENOENT)
		return usage_error(
		    "%s holds no crawl: job.yaml: %s", dir, strerror(errno));
	if (stat(ret, &st) < 0 || !S_ISREG(st.st_mode))
		return usage_error("%s holds no crawl: there is no job.yaml in it", dir);
	return EXIT_DONE;
}

static int
open_job(struct look *l)
{
	char path[LOOK_PATH_MAX];

	if (look_job_file(l->dir, path) != EXIT_DONE)
		return EXIT_USAGE;
	if (check_stored_file(path, &l->job) > 0)
		return EXIT_USAGE;
	if (l->job.options.run_state == STATE_MEMORY)
		return usage_error("%s: that crawl was made with --state memory, which"
				   " tells nothing to others; see its report.json",
		    l->dir);
	return EXIT_DONE;
}

int
look_open(struct look *l, const char *dir)
{
	struct why why = {""};
	int r;

	*l = (struct look){.dir = dir, .wall_us = clock_wall_us()};
	if (job_init(&l->job) < 0)
		return say_error(EXIT_OTHER, "out of memory");
	r = open_job(l);
	if (r != EXIT_DONE)
		return r;
	r = inspect_open(dir, &l->job, l->wall_us, &l->in, &why);
	if (r == -ENOENT)
		return usage_error("%s: nothing was committed yet (%s)", dir, why.text);
	return r < 0 ? say_error(EXIT_FILE, "%s", why.text) : EXIT_DONE;
}

void
look_close(struct look *l)
{
	inspect_close(l->in);
	job_release(&l->job);
}

int
look_host_text(struct buf *out, const struct hostrec_outlook *h, int64_t wall_us)
{
	char until[CLOCK_TEXT_MAX];
	int64_t wait_ms = h->due_wall_ms - wall_us / 1000;
	int r;

	if (h->doom != OUTCOME_NONE) {
		if (h->doom_until_wall_ms >= INT64_MAX / 1000)
			return buf_printf(out, "given up: %s", outcome_name(h->doom));
		clock_format(h->doom_until_wall_ms * 1000, 0, until);
		return buf_printf(
		    out, "given up until %s: %s", until, outcome_name(h->doom));
	}
	r = wait_ms > 0 ? buf_printf(out, "next turn in %s: %s", ELAPSED(wait_ms),
			      wait_cause_name(h->waits_for))
			: buf_add_cstr(out, "next turn now");
	if (r == 0 && h->asks_robots)
		r = buf_add_cstr(out, ", robots.txt first");
	if (r == 0 && h->failures > 0)
		r = buf_printf(out, ", %u failures in a row", (unsigned)h->failures);
	return r;
}
