#include "app/serve_settings.h"
#include "app/app.h"
#include "app/job_check.h"
#include "app/serve_access.h"
#include "crawl/job_secrets.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SETTINGS_BYTES_MAX = 4 << 20 };

/* What systemd says of directories (the first of them), where nobody else does. */
static int
take_directory(
    struct settings *s, enum setting_id setting, const char *variable, const char *below)
{
	struct slice dir = slice_cstr(getenv(variable) == NULL ? "" : getenv(variable));
	char path[4200];

	dir = slice_head(dir, slice_find(dir, ':'));
	if (dir.len == 0 || s->given[setting])
		return 0;
	(void)snprintf(path, sizeof(path), SLICE_FMT "%s", SLICE_ARG(dir), below);
	return setting_set(s, &setting_rows[setting], slice_cstr(path), NULL);
}

static int
take_directories(struct settings *s)
{
	int r = take_directory(s, SETTING_ID_service_state_dir, "STATE_DIRECTORY", "");

	if (r == 0)
		r = take_directory(
		    s, SETTING_ID_service_jobs_dir, "CONFIGURATION_DIRECTORY", "/jobs.d");
	if (r == 0)
		r = take_directory(
		    s, SETTING_ID_api_socket, "RUNTIME_DIRECTORY", "/trawl.sock");
	return r;
}

static int
tell(job_mistake_fn *fn, void *ctx, const char *text)
{
	(void)fn(ctx, &(struct job_mistake){.text = text});
	return 1;
}

static int
read_text(struct settings *s, const char *path, struct slice yaml, job_mistake_fn *fn,
    void *ctx)
{
	struct job_reading how = {
	    .path = path, .env = job_secrets_get, .fn = fn, .ctx = ctx};
	int n;

	if (yaml.len > SETTINGS_BYTES_MAX)
		return tell(fn, ctx, "cannot be read: it is too large");
	n = settings_read(s, yaml, &how);
	return n < 0 ? tell(fn, ctx, "out of memory") : n;
}

static int
read_file(struct settings *s, const char *path, job_mistake_fn *fn, void *ctx)
{
	struct buf text;
	char sentence[300];
	int n = read_input(path, SETTINGS_BYTES_MAX, &text, NULL);

	if (n < 0) { /* its name is before each mistake */
		(void)snprintf(sentence, sizeof(sentence), "cannot be read: %s",
		    n == -EMSGSIZE ? "it is too large" : strerror(-n));
		return tell(fn, ctx, sentence);
	}
	n = read_text(s, path, buf_slice(&text), fn, ctx);
	buf_release(&text);
	return n;
}

struct checking {
	job_mistake_fn *fn;
	void *ctx;
	const struct job *defaults;
};

static bool
on_default(void *ctx, enum option_id option, int code, const char *text)
{
	const struct checking *c = ctx;
	const struct job_place *at = &c->defaults->places[option];
	char said[JOB_CHECK_SENTENCE_MAX], whole[JOB_CHECK_SENTENCE_MAX + 20];

	(void)code;
	(void)snprintf(
	    whole, sizeof(whole), "defaults: %s", job_check_by_key(option, text, said));
	return c->fn(c->ctx,
	    &(struct job_mistake){.line = at->line, .column = at->column, .text = whole});
}

/* What is wrong with all of it together. */
static int
check_whole(struct settings *s, job_mistake_fn *fn, void *ctx)
{
	struct checking c = {fn, ctx, &s->defaults};

	return settings_check_each(s, fn, ctx) +
	       job_check_each(&s->defaults, on_default, &c);
}

int
serve_settings_read(const char *path, job_mistake_fn *fn, void *ctx, struct settings *ret)
{
	struct settings s;
	int n = 0, more;

	if (settings_init(&s) < 0)
		return tell(fn, ctx, "out of memory");
	if (path != NULL)
		n = read_file(&s, path, fn, ctx);
	more = settings_read_environment(&s, environ, fn, ctx);
	n += more < 0 ? tell(fn, ctx, "out of memory") : more;
	if (take_directories(&s) < 0 || serve_access_credentials(&s) < 0)
		n += tell(fn, ctx, "out of memory");
	n += check_whole(&s, fn, ctx);
	if (n > 0)
		settings_release(&s);
	else
		*ret = s;
	return n;
}

int
serve_settings_check(const char *path, struct slice yaml, job_mistake_fn *fn, void *ctx)
{
	struct settings s;
	int n;

	if (settings_init(&s) < 0)
		return tell(fn, ctx, "out of memory");
	n = read_text(&s, path, yaml, fn, ctx);
	n += check_whole(&s, fn, ctx);
	settings_release(&s);
	return n;
}

static bool
on_any(void *ctx, const struct job_mistake *at)
{
	(void)ctx, (void)at;
	return false;
}

/* It has no other section, and what is in it is the service's. */
static bool
are_its_limits(struct slice yaml)
{
	struct slice rest = yaml, line;
	bool alone = true, any = false;
	struct settings s;

	while (slice_cut(&rest, '\n', &line))
		alone &= line.len == 0 || !ascii_is_alpha(line.ptr[0]) ||
			 slice_starts(line, SLICE_LIT("limits:"));
	if (!alone || settings_init(&s) < 0)
		return false;
	if (read_text(&s, NULL, yaml, on_any, NULL) == 0)
		for (int i = 0; i < SETTING_ID_MAX; i++)
			any |= s.given[i];
	settings_release(&s);
	return any;
}

bool
serve_settings_are_in(struct slice yaml)
{
	static const char *const sections[] = {
	    "service:", "api:", "history:", "defaults:"};
	struct slice rest = yaml, line;

	while (slice_cut(&rest, '\n', &line))
		for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
			if (slice_starts(line, slice_cstr(sections[i])))
				return true;
	return are_its_limits(yaml);
}
