#include "base/file_whole.h"
#include "base/log.h"
#include "base/room.h"
#include "crawl/credentials.h"
#include "crawl/storage.h"
#include "ctl/job_json.h"
#include "ctl/service_int.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { COOKIES_BYTES_MAX = 16 << 20 };
#define RUN_MEMORY_MIN (128ll << 20) /* that --max-memory may be */

void
run_work_free(struct run_work *w)
{
	if (w == NULL)
		return;
	crawl_store_close(w->store);
	job_release(&w->job);
	free(w->spec);
	buf_release(&w->cookies);
	buf_release(&w->auth);
	free(w);
}

static void
done(struct chore *c)
{
	struct run_work *w = container_of(c, struct run_work, chore);

	w->then(w);
}

/* ---- before the crawl [desk] ---- */

struct first {
	struct why *why;
	int n;
};

static bool
on_mistake(void *ctx, const char *pointer, const char *text)
{
	struct first *f = ctx;

	if (f->n++ == 0)
		(void)why_set(f->why, 0, "%s: %s", pointer, text);
	return false;
}

static int
read_spec(struct run_work *w, struct why *why)
{
	/* It was judged when it was made; by now the rules may be others. */
	static const struct job_json_rights rights = {
	    .files = true, .programs = true, .stored = true};
	struct first first = {.why = why};
	json_t *spec = json_loads(w->spec, JSON_REJECT_DUPLICATES, NULL);
	int r;

	if (spec == NULL)
		return why_set(why, -EBADMSG, "what is stored of the job is damaged");
	r = job_json_read(&w->job, spec, &rights, on_mistake, &first);
	json_decref(spec);
	if (r < 0)
		return why_set(why, r, "out of memory");
	if (r > 0)
		return why_prefix(why, -EINVAL, "the job is not understood any more");
	r = job_tidy_seeds(&w->job);
	if (r == 0)
		r = options_name_sinks(&w->job.options);
	return r < 0 ? why_set(why, r, "out of memory") : 0;
}

static int
read_files(struct run_work *w, struct why *why)
{
	const struct options *o = &w->job.options;
	int r = 0;

	if (o->fetch_cookies != NULL)
		r = file_read(o->fetch_cookies, COOKIES_BYTES_MAX, &w->cookies, why);
	if (r == 0 && o->fetch_auth_file != NULL)
		r = file_read(o->fetch_auth_file, CREDENTIALS_FILE_MAX, &w->auth, why);
	return r;
}

/* So that trawl status, explain and resume understand the directory. */
static int
write_job_file(const struct run_work *w, struct why *why)
{
	struct buf text;
	int r;

	buf_init(&text, JOB_FILE_BYTES_MAX);
	r = job_write(&w->job, 0, &text);
	r = r < 0 ? why_set(why, r, "cannot write job.yaml: %s", strerror(-r))
		  : file_whole_write(w->dir, "job.yaml",
			job_has_secrets(&w->job) ? 0600 : 0640, buf_slice(&text), why);
	buf_release(&text);
	return r;
}

static int
prepare_work(struct chore *c)
{
	struct run_work *w = container_of(c, struct run_work, chore);
	int r = read_spec(w, &c->why);

	if (r == 0)
		r = read_files(w, &c->why);
	if (r == 0)
		r = service_make_dir(w->dir, &c->why);
	if (r == 0)
		r = write_job_file(w, &c->why);
	return r < 0 ? room_error(r)
		     : crawl_store_open(&w->job, w->dir, &w->store, &c->why);
}

/* What the run may take of the service's memory. */
static void
share_memory(struct options *o, const struct settings *s)
{
	int64_t all = s->limits_memory == OPTION_NONE ? INT64_MAX : s->limits_memory;
	int64_t share = (all - REGISTRY_CACHE_BYTES) / s->service_runs_at_once;

	if (share < RUN_MEMORY_MIN)
		share = RUN_MEMORY_MIN;
	o->limits_max_memory = share;
	o->given[OPTION_ID_limits_max_memory] = true;
}

int
run_work_prepare(struct service_run *run, void (*then)(struct run_work *w))
{
	struct service *s = run->service;
	struct run_work *w = calloc(1, sizeof(*w));
	int r;

	if (w == NULL)
		return -ENOMEM;
	w->run = run;
	w->then = then;
	w->chore.work = prepare_work;
	w->chore.done = done;
	w->tmp_dir = s->conf.tmp_dir;
	buf_init(&w->cookies, COOKIES_BYTES_MAX + 1);
	buf_init(&w->auth, CREDENTIALS_FILE_MAX + 1);
	w->spec = slice_dup(slice_cstr(run->spec));
	r = job_init(&w->job);
	if (r == 0)
		r = options_merge(&w->job.options, &s->settings->defaults.options);
	if (r == 0)
		share_memory(&w->job.options, s->settings);
	if (r == 0 && w->spec == NULL)
		r = -ENOMEM;
	if (r == 0)
		r = service_run_dir(s, run->id, w->dir, sizeof(w->dir));
	if (r == 0)
		r = chores_send(s->desk, &w->chore);
	if (r < 0) {
		run_work_free(w);
		return r;
	}
	run->work = w;
	run->is_changed = false; /* it has the spec as it is now */
	return 0;
}

/* ---- after it [reports] ---- */

static void
tell(const char *text)
{
	log_warn("%s", text);
}

/* --sink s3.  What is not there at the end of the drain is left to trawl resume. */
static int
put_rest(struct run_work *w, struct why *why)
{
	int r =
	    storage_put_rest(&w->job.options, w->dir, &w->run->service->hurry, tell, why);

	return r > 0 ? why_prefix(why, -EIO, "s3: not all could be put there") : r;
}

/* output.wacz; a crawl that may go on is not packed. */
static int
pack(const struct run_work *w, struct why *why)
{
	const struct service_conf *conf = &w->run->service->conf;
	int r;

	if (!w->job.options.output_wacz || w->facts.end != CRAWL_DONE ||
	    conf->pack == NULL)
		return 0;
	r = conf->pack(w->dir, why);
	return r < 0 ? why_prefix(why, r, "output.wacz") : 0;
}

static int
make_report(struct run_work *w, struct why *why)
{
	struct report_conf conf = {
	    .job = &w->job, .dir = w->dir, .tmp_dir = w->tmp_dir, .facts = &w->facts};
	struct report *report;
	struct why unread = {""};
	int r;

	if (inspect_open(w->dir, &w->job, w->facts.at_us, &conf.in, &unread) < 0)
		conf.in = NULL;
	r = report_make(&conf, &report, why);
	inspect_close(conf.in);
	if (r < 0)
		return r;
	r = report_write(report, w->dir, why);
	report_free(report);
	return r;
}

/* An archive that cannot be packed has its report all the same. */
static int
finish_work(struct chore *c)
{
	struct run_work *w = container_of(c, struct run_work, chore);
	struct why unpacked;
	int packed = pack(w, &unpacked), r = make_report(w, &c->why);

	if (r == 0 && packed < 0) {
		c->why = unpacked;
		r = packed;
	}
	return r < 0 ? r : put_rest(w, &c->why);
}

int
run_work_finish(struct run_work *w, void (*then)(struct run_work *w))
{
	w->then = then;
	w->chore.work = finish_work;
	return chores_send(w->run->service->reports, &w->chore);
}
