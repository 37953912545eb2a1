#include "app/app.h"
#include "app/job_check.h"
#include <stdio.h>
#include <string.h>

enum { MISTAKES_MAX = 100 };

struct mistakes {
	const char *path;
	int n;
};

static bool
on_mistake(void *ctx, size_t line, size_t column, const char *text)
{
	struct mistakes *m = ctx;

	(void)say_error(0, "%s:%zu:%zu: %s", m->path, line, column, text);
	return ++m->n < MISTAKES_MAX;
}

int
check_seeds_file(const char *path, struct job *job)
{
	struct mistakes m = {.path = strcmp(path, "-") == 0 ? "standard input" : path};
	struct why why;
	struct buf text;
	int r;

	if (read_input(path, JOB_FILE_BYTES_MAX, &text, &why) < 0)
		return say_error(1, "%s", why.text);
	r = job_read_seeds(job, buf_slice(&text), on_mistake, &m);
	buf_release(&text);
	return r;
}

/* A relative name is one beside the job file. */
static int
check_named_seeds(const char *job_path, const char *name, struct job *job)
{
	const char *slash = strrchr(job_path, '/');
	int dir = name[0] == '/' || slash == NULL ? 0 : (int)(slash + 1 - job_path);
	char path[4200];
	int n = snprintf(path, sizeof(path), "%.*s%s", dir, job_path, name);

	if (n < 0 || n >= (int)sizeof(path))
		return say_error(1, "%s: seeds_from: the name is too long", job_path);
	return check_seeds_file(path, job);
}

int
check_file(const char *path, struct job *job)
{
	struct mistakes m = {.path = path};
	struct why why;
	struct buf text;
	int r;

	if (read_input(path, JOB_FILE_BYTES_MAX, &text, &why) < 0)
		return say_error(1, "%s", why.text);
	r = job_read(job, buf_slice(&text), on_mistake, &m);
	buf_release(&text);
	if (r < 0)
		return say_error(1, "%s: %s", path, strerror(-r));
	for (size_t i = 0; i < job->seeds_from.n && r == 0; i++)
		r = check_named_seeds(path, job->seeds_from.v[i], job);
	return r;
}

int
cmd_check(int argc, char **argv, struct nursery *nursery)
{
	struct job job;
	struct why why;
	int mistakes;

	(void)nursery;
	if (argc != 1 || argv[0][0] == '-')
		return usage_error("check wants one file, as in trawl check job.yaml");
	if (job_init(&job) < 0)
		return usage_error("out of memory");
	mistakes = check_file(argv[0], &job);
	if (mistakes == 0 && job.seeds.n == 0)
		mistakes = say_error(1, "%s: there is no seed", argv[0]);
	if (mistakes == 0 && job_check(&job, &why) < 0)
		mistakes = say_error(1, "%s: %s", argv[0], why.text);
	job_release(&job);
	if (mistakes > 0)
		return EXIT_USAGE;
	printf("%s: ok\n", argv[0]);
	return EXIT_DONE;
}
