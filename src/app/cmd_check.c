#include "app/app.h"
#include "app/job_check.h"
#include "app/job_idle.h"
#include "app/serve_settings.h"
#include "app/tool.h"
#include "base/json.h"
#include "crawl/crawl.h"
#include "crawl/job_secrets.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MISTAKES_MAX = 100, JSON_BYTES_MAX = 4 << 20 };

struct mistakes {
	const char *path;
	struct jsonw *json; /* NULL: they are printed */
	int n, warnings;
};

static const char *
name_of(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}

static void
tell_at(struct mistakes *m, const char *kind, const struct job_mistake *at)
{
	const char *file = name_of(at->file == NULL ? m->path : at->file);

	if (m->json != NULL) {
		jsonw_object(m->json, NULL);
		jsonw_str(m->json, "file", slice_cstr(file));
		if (at->line > 0) {
			jsonw_int(m->json, "line", (int64_t)at->line);
			jsonw_int(m->json, "column", (int64_t)at->column);
		}
		jsonw_str(m->json, "text", slice_cstr(at->text));
		jsonw_object_end(m->json);
	} else if (at->line > 0)
		(void)say_error(
		    0, "%s%s:%zu:%zu: %s", kind, file, at->line, at->column, at->text);
	else
		(void)say_error(0, "%s%s: %s", kind, file, at->text);
}

static bool
on_mistake(void *ctx, const struct job_mistake *at)
{
	struct mistakes *m = ctx;

	tell_at(m, "", at);
	return ++m->n < MISTAKES_MAX;
}

int
check_seeds_file(const char *path, struct job *job)
{
	struct mistakes m = {.path = path};
	struct why why;
	struct buf text;
	int r;

	if (read_input(path, JOB_FILE_BYTES_MAX, &text, &why) < 0)
		return say_error(1, "%s", why.text);
	r = job_read_seeds(job, buf_slice(&text), NULL, on_mistake, &m);
	buf_release(&text);
	return r;
}

static int
read_other(void *ctx, const char *path, struct buf *out, struct why *why)
{
	(void)ctx;
	return read_input(path, JOB_FILE_BYTES_MAX, out, why);
}

/* A mistake without a place. */
static void
tell(struct mistakes *m, const char *text)
{
	(void)on_mistake(m, &(struct job_mistake){.text = text});
}

/* A sentence that names the file already. */
static void
unreadable(struct mistakes *m, const char *text)
{
	if (m->json != NULL) {
		tell(m, text);
		return;
	}
	(void)say_error(0, "%s", text);
	m->n++;
}

static void
read_job(struct mistakes *m, bool stored, struct slice text, struct job *job)
{
	struct job_reading how = {.path = m->path,
	    .read = read_other,
	    .env = job_secrets_get,
	    .stored = stored,
	    .fn = on_mistake,
	    .ctx = m};

	if (job_read(job, text, &how) < 0)
		tell(m, "out of memory");
}

static int
read_job_file(const char *path, bool stored, struct job *job)
{
	struct mistakes m = {.path = path};
	struct why why;
	struct buf text;

	if (read_input(path, JOB_FILE_BYTES_MAX, &text, &why) < 0) {
		unreadable(&m, why.text);
		return m.n;
	}
	read_job(&m, stored, buf_slice(&text), job);
	buf_release(&text);
	return m.n;
}

int
check_file(const char *path, struct job *job)
{
	return read_job_file(path, false, job);
}

int
check_stored_file(const char *path, struct job *job)
{
	return read_job_file(path, true, job);
}

/* ---- the command ---- */

struct check {
	struct mistakes *mistakes;
	const struct job *job;
};

/* What is said of an option, at its place in the file. */
static struct job_mistake
said_of(const struct job *job, enum option_id option, const char *text,
    char store[JOB_CHECK_SENTENCE_MAX])
{
	const struct job_place *at = &job->places[option];

	return (struct job_mistake){
	    .file = at->line == 0 || at->file == 0 ? NULL : job->files.v[at->file - 1],
	    .line = at->line,
	    .column = at->column,
	    .text = job_check_by_key(option, text, store)};
}

static bool
on_job_mistake(void *ctx, enum option_id option, int code, const char *text)
{
	struct check *c = ctx;
	char store[JOB_CHECK_SENTENCE_MAX];
	struct job_mistake m = said_of(c->job, option, text, store);

	(void)code;
	return on_mistake(c->mistakes, &m);
}

static void
on_warning(void *ctx, enum option_id option, const char *text)
{
	struct check *c = ctx;
	char store[JOB_CHECK_SENTENCE_MAX];
	struct job_mistake m = said_of(c->job, option, text, store);

	if (c->mistakes->json != NULL && c->mistakes->warnings == 0)
		jsonw_array(c->mistakes->json, "warnings");
	c->mistakes->warnings++;
	tell_at(c->mistakes, "warning: ", &m);
}

/* Those of a run. */
static void
warn_all(struct check *c)
{
	const struct options *o = &c->job->options;
	struct why why;

	job_idle_each(o, on_warning, c);
	if (crawl_cuts_bodies(o, &why))
		on_warning(c, OPTION_ID_fetch_max_body, why.text);
	if (c->mistakes->json != NULL && c->mistakes->warnings > 0)
		jsonw_array_end(c->mistakes->json);
}

static void
check_job(struct mistakes *m, struct slice text, struct job *job)
{
	struct check c = {.mistakes = m, .job = job};

	read_job(m, false, text, job);
	if (job->seeds.n == 0 && (!job->seeds_named || m->n == 0))
		tell(m, "there is no seed; add seeds: [https://example.org/]");
	if (m->n < MISTAKES_MAX)
		(void)job_check_each(job, on_job_mistake, &c);
}

/* Whether it is a job, not trawl.yaml.  It is read once: it may be a pipe. */
static bool
check_all(struct mistakes *m, struct job *job)
{
	struct why why;
	struct buf text;
	bool is_job;

	if (read_input(m->path, JOB_FILE_BYTES_MAX, &text, &why) < 0) {
		unreadable(m, why.text);
		return false;
	}
	is_job = !serve_settings_are_in(buf_slice(&text));
	if (is_job)
		check_job(m, buf_slice(&text), job);
	else
		(void)serve_settings_check(m->path, buf_slice(&text), on_mistake, m);
	buf_release(&text);
	return is_job;
}

/* { "file": ..., "mistakes": [...], "warnings": [...], "ok": true } */
static int
check_json(struct mistakes *m, struct job *job)
{
	struct jsonw json;
	struct buf text;
	bool is_job;
	int code;

	buf_init(&text, JSON_BYTES_MAX);
	jsonw_init(&json, &text);
	m->json = &json;
	jsonw_object(&json, NULL);
	jsonw_str(&json, "file", slice_cstr(name_of(m->path)));
	jsonw_array(&json, "mistakes");
	is_job = check_all(m, job);
	jsonw_array_end(&json);
	if (is_job && m->n == 0)
		warn_all(&(struct check){.mistakes = m, .job = job});
	jsonw_bool(&json, "ok", m->n == 0);
	jsonw_object_end(&json);
	if (json.err == 0)
		json.err = buf_add_byte(&text, '\n');
	if (json.err < 0)
		code = say_error(EXIT_OTHER, "out of memory");
	else if (!write_stdout(buf_slice(&text)))
		code = EXIT_FILE;
	else
		code = m->n > 0 ? EXIT_USAGE : EXIT_DONE;
	buf_release(&text);
	return code;
}

static int
check(struct mistakes *m, struct job *job, bool json)
{
	bool is_job;

	if (json)
		return check_json(m, job);
	is_job = check_all(m, job);
	if (m->n > 0)
		return EXIT_USAGE;
	if (is_job)
		warn_all(&(struct check){.mistakes = m, .job = job});
	printf("%s: ok\n", name_of(m->path));
	return EXIT_DONE;
}

int
cmd_check(int argc, char **argv, struct nursery *nursery)
{
	bool json = false;
	const struct tool_flag flags[] = {{"--json", NULL, &json}};
	struct mistakes m = {.path = NULL};
	struct job job;
	int words, code = tool_flags(argc, argv, flags, 1, &words);

	(void)nursery;
	if (code != 0)
		return code;
	if (words != 1)
		return usage_error("check wants one file, as in trawl check job.yaml, or"
				   " trawl check --json job.yaml");
	m.path = argv[0];
	code = job_init(&job) < 0 ? say_error(EXIT_OTHER, "out of memory")
				  : check(&m, &job, json);
	job_release(&job);
	return code;
}
