#include "app/look.h"
#include "app/session.h"
#include <stdio.h>
#include <string.h>

/* What is given for a URL may be a file of those that have some. */
static int
not_a_url(const char *word, const char *like, const struct why *why)
{
	struct slice s = slice_cstr(word);

	if (slice_find(s, ':') < s.len ||
	    (!slice_ends(s, SLICE_LIT(".yaml")) && !slice_ends(s, SLICE_LIT(".yml"))))
		return usage_error("%s", why->text);
	return usage_error("'%s' is not a URL; did you mean trawl %s %s?", word,
	    strcmp(like, "check-links") == 0 ? "check-links --job" : "run", word);
}

int
session_take_args(struct job *job, const struct args *a, const char *like)
{
	struct why why;

	for (int i = 0; i < a->words_len; i++)
		if (job_add_seed(job, slice_cstr(a->words[i]), &why) < 0)
			return not_a_url(a->words[i], like, &why);
	if (a->seeds != NULL && check_seeds_file(a->seeds, job) > 0)
		return EXIT_USAGE;
	if (job->seeds.n == 0)
		return usage_error("%s what? Give at least one URL, as in"
				   " trawl %s https://example.org/",
		    like, like);
	if (args_merge(&job->options, a) != EXIT_DONE)
		return EXIT_USAGE;
	if (options_complete(&job->options) < 0 || job_tidy_seeds(job) < 0)
		return usage_error("out of memory");
	return EXIT_DONE;
}

static int
crawl_seeds(struct job *job, const struct args *a, bool is_run, struct nursery *nursery)
{
	const struct options *o = &job->options;
	int code = session_take_args(job, a, "crawl");

	if (code != EXIT_DONE)
		return code;
	is_run = is_run && !o->given[OPTION_ID_crawl_recrawl];
	return session_run(
	    job, a, is_run || o->crawl_recrawl != RECRAWL_WORD_OFF, nursery);
}

int
crawl_named(const char *name, const struct args *a, struct nursery *nursery)
{
	struct job job;
	int code;

	if (job_init(&job) < 0)
		return usage_error("out of memory");
	if (name != NULL && job_set_name(&job, slice_cstr(name), NULL) < 0)
		code = usage_error("out of memory");
	else
		code = crawl_seeds(&job, a, false, nursery);
	job_release(&job);
	return code;
}

int
cmd_crawl(int argc, char **argv, struct nursery *nursery)
{
	struct args a;
	int code;

	if (args_parse(argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	code = crawl_named(NULL, &a, nursery);
	args_release(&a);
	return code;
}

static int
resume_dir(struct job *job, struct args *a, struct nursery *nursery)
{
	char path[LOOK_PATH_MAX];

	if (a->seeds != NULL)
		return usage_error("resume goes on with the seeds that it has;"
				   " --seeds is for a new crawl");
	if (a->dir != NULL)
		return usage_error("resume goes on in the directory of the crawl;"
				   " -o is for a new one");
	if (a->words_len != 1)
		return usage_error("resume wants one directory, as in"
				   " trawl resume example.org-20261124161942602");
	a->dir = a->words[0];
	if (look_job_file(a->dir, path) != EXIT_DONE)
		return EXIT_USAGE;
	if (check_stored_file(path, job) > 0)
		return EXIT_USAGE;
	if (job->options.run_state == STATE_MEMORY)
		return usage_error("%s: that crawl was made with --state memory, which"
				   " leaves nothing to go on from",
		    a->dir);
	if (args_merge(&job->options, a) != EXIT_DONE)
		return EXIT_USAGE;
	if (options_complete(&job->options) < 0)
		return usage_error("out of memory");
	if (job->options.run_state == STATE_MEMORY)
		return usage_error(
		    "--state cannot change: what waits is in %s/state", a->dir);
	return session_resume(job, a, nursery);
}

static int
run_file(struct job *job, struct args *a, struct nursery *nursery)
{
	const char *path;

	if (a->words_len != 1)
		return usage_error("run wants one job file, as in trawl run job.yaml");
	path = a->words[0];
	if (strncmp(path, "http://", 7) == 0 || strncmp(path, "https://", 8) == 0)
		return usage_error(
		    "run wants a job file; did you mean trawl crawl %s?", path);
	a->words_len = 0;
	a->job_file = strcmp(path, "-") == 0 ? NULL : path;
	if (check_file(path, job) > 0)
		return EXIT_USAGE;
	if (job->seeds.n == 0 && a->seeds == NULL)
		return usage_error(
		    "%s: there is no seed; add seeds: [https://example.org/]",
		    strcmp(path, "-") == 0 ? "standard input" : path);
	return crawl_seeds(job, a, true, nursery);
}

/* A command whose job is in a file. */
static int
with_job(int argc, char **argv, struct nursery *nursery,
    int (*run)(struct job *job, struct args *a, struct nursery *nursery))
{
	struct args a;
	struct job job;
	int code;

	if (args_parse(argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	code = job_init(&job) < 0 ? usage_error("out of memory") : run(&job, &a, nursery);
	job_release(&job);
	args_release(&a);
	return code;
}

int
cmd_run(int argc, char **argv, struct nursery *nursery)
{
	return with_job(argc, argv, nursery, run_file);
}

int
cmd_resume(int argc, char **argv, struct nursery *nursery)
{
	return with_job(argc, argv, nursery, resume_dir);
}
