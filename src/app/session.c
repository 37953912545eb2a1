#include "app/session.h"
#include "app/job_check.h"
#include "app/job_idle.h"
#include "app/reload.h"
#include "app/rest.h"
#include "app/warc_wacz.h"
#include "base/clock.h"
#include "base/dir_make.h"
#include "base/file_whole.h"
#include "base/log.h"
#include "crawl/crawl.h"
#include "crawl/credentials.h"
#include "crawl/fail_on.h"
#include "crawl/scope.h"
#include "crawl/space.h"
#include "fetch/jar.h"
#include "loop/loop.h"
#include "observe/progress.h"
#include "observe/report.h"
#include "observe/tries.h"
#include "web/url.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LOOK_MS = 1000,      /* between looks at a full disk, at first */
	SEEDS_TOLD_MAX = 20, /* which could not be reached, when none could */
};

struct session {
	struct job *job;
	const struct args *args;
	struct loop *loop;
	struct engine *engine;
	struct crawl *crawl;
	struct report_facts facts; /* once it has ended */
	struct progress *progress;
	struct crawl_stats before; /* as it began */
	struct sig *sigint, *sigterm, *sighup;
	bool changing;    /* it stops, to go on with `next` */
	bool over;        /* it has ended, for good; files may still be on their way */
	struct job *next; /* what SIGHUP found in the file; NULL: nothing new */
	int signals;
	bool resume;
	bool again;  /* it may be a further round of what is in the directory */
	bool paused; /* the disk is full; `crawl` has ended, or is NULL */
	int64_t paused_at_ms;
	struct space_wait wait;      /* between looks */
	struct buf cookies, auth;    /* the files of --cookies, --auth-file */
	struct timer look;           /* whether there is room again */
	char dir[4096];
	enum crawl_end end;
};

/* ---- files ---- */

static int
name_job(struct job *job)
{
	char text[URL_BYTES_MAX], name[101];
	struct url url;
	struct slice host;
	size_t n = 0;

	if (job->name != NULL)
		return 0;
	if (url_resolve(NULL, slice_cstr(job->seeds.v[0]), (struct slice){0}, 0, text,
		sizeof(text), &url) != URL_OK)
		return -EINVAL;
	host = url_host(&url);
	if (host.len > 2 && host.ptr[0] == '[') {
		host = slice_of(host.ptr + 1, host.len - 2);
		n = (size_t)snprintf(name, sizeof(name), "ipv6-");
	}
	for (size_t i = 0; i < host.len && n < 100; i++, n++) {
		char c = host.ptr[i];
		bool plain = ascii_is_alpha(c) || ascii_is_digit(c) || c == '-' ||
			     (c == '.' && n > 0);

		name[n] = plain ? c : c == ':' ? '-' : '_';
	}
	return job_set_name(job, slice_of(name, n), NULL);
}

static int
make_dir(struct session *s, struct why *why)
{
	char stamp[CLOCK_TEXT_MAX];
	int r;

	if (s->args->dir != NULL) {
		if ((size_t)snprintf(s->dir, sizeof(s->dir), "%s", s->args->dir) >= 3900)
			return why_set(why, -ENAMETOOLONG, "-o: the name is too long");
	} else {
		clock_format17(clock_wall_us(), stamp);
		(void)snprintf(s->dir, sizeof(s->dir), "./%s-%s", s->job->name, stamp);
	}
	r = dir_make(s->dir, 0777);
	if (r < 0)
		return why_set(
		    why, r, "cannot make directory %s: %s", s->dir, strerror(-r));
	return 0;
}

/* The options of this run are those of the next. */
static int
write_job_file(const struct session *s, struct why *why)
{
	struct buf text;
	int r;

	buf_init(&text, JOB_FILE_BYTES_MAX);
	r = job_write(s->job, 0, &text);
	r = r < 0 ? why_set(why, r, "cannot write job.yaml: %s", strerror(-r))
		  : file_whole_write(s->dir, "job.yaml",
			job_has_secrets(s->job) ? 0600 : 0666, buf_slice(&text), why);
	buf_release(&text);
	return r;
}

static bool
has_crawl(const struct session *s)
{
	char path[4200];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/job.yaml", s->dir);
	return lstat(path, &st) == 0;
}

static int
make_job_file(const struct session *s, struct why *why)
{
	if (has_crawl(s))
		return why_set(why, -EEXIST,
		    "%s holds a crawl already; go on with trawl resume, crawl it again "
		    "with --recrawl fixed, or choose another directory with -o",
		    s->dir);
	return write_job_file(s, why);
}

/* ---- the run ---- */

static void
on_signal(void *ctx)
{
	struct session *s = ctx;

	s->signals++;
	if (s->paused) {
		s->end = CRAWL_STOPPED;
		loop_stop(s->loop);
		return;
	}
	if (s->signals == 1)
		log_warn("stopping: what is in flight may end within 10 s; again to stop "
			 "at once");
	crawl_stop(s->crawl, s->signals > 1);
}

static bool
is_durable(const struct session *s)
{
	return s->job->options.run_state == STATE_ROCKSDB;
}

static int crawl_begin(struct session *s, bool resume, struct why *why);

/* No crawl has the job now. */
static void
take_next(struct session *s)
{
	struct why why = {""};
	int r = s->next == NULL ? -ENOENT : reload_apply(s->job, s->next);

	s->changing = false;
	reload_free(s->next);
	s->next = NULL;
	if (r < 0)
		return;
	if (write_job_file(s, &why) < 0)
		(void)say_error(0, "%s", why.text);
	log_warn("the job was read again: the crawl goes on with it");
}

static void
look_later(struct session *s)
{
	int64_t now_ms = loop_now_ms(s->loop);

	(void)timer_start(&s->look, space_wait_ms(&s->wait, LOOK_MS, now_ms));
}

/* Until there is room; `crawl` has ended, or is NULL. */
static void
pause_full(struct session *s, const char *why)
{
	log_warn("paused: %s; goes on when there is room", why);
	s->paused = true;
	s->paused_at_ms = loop_now_ms(s->loop);
	look_later(s);
}

/* From the last commit, as after any other stop, with what SIGHUP found meanwhile.  -ENOSPC: not
 * yet; any other failure was told and ends it. */
static int
begin_again(struct session *s, struct why *why)
{
	int r;

	crawl_free(s->crawl);
	s->crawl = NULL;
	take_next(s);
	r = crawl_begin(s, true, why);
	if (r < 0 && r != -ENOSPC) {
		(void)say_error(0, "cannot go on: %s", why->text);
		s->paused = false;
		s->end = s->facts.end = CRAWL_STORE; /* not that it was stopped */
		(void)snprintf(s->facts.why, sizeof(s->facts.why), "%.*s",
		    (int)sizeof(s->facts.why) - 1, why->text);
		loop_stop(s->loop);
	}
	return r;
}

/* As the service does it: a crawl is told other options by going on with them. */
static void
go_on_changed(struct session *s)
{
	struct why why = {""};

	progress_free(s->progress);
	s->progress = NULL;
	if (begin_again(s, &why) == -ENOSPC)
		pause_full(s, why.text);
}

static void
on_hangup(void *ctx)
{
	struct session *s = ctx;
	struct job *next;
	char path[4200];
	int r;

	if (s->signals > 0 || s->over)
		return;
	if (!is_durable(s)) {
		log_warn("the job is not read again: with --state memory nothing can be "
			 "changed while the crawl runs");
		return;
	}
	(void)snprintf(path, sizeof(path), "%s/job.yaml", s->dir);
	r = s->args->job_file == NULL
		? reload_read(s->job, path, NULL, &next)
		: reload_read(s->job, s->args->job_file, &s->args->given, &next);
	if (r < 0) /* what was found before is taken still */
		return;
	reload_free(s->next);
	s->next = next;
	if (s->next == NULL || s->changing)
		return;
	s->changing = true;
	if (!s->paused) /* else it is had when there is room */
		crawl_stop(s->crawl, false);
}

static void
on_end(void *ctx, enum crawl_end end)
{
	struct session *s = ctx;

	s->end = end;
	report_facts_take(&s->facts, s->crawl, end, clock_wall_us());
	if (end == CRAWL_STOPPED && s->changing && s->signals == 0) {
		go_on_changed(s);
		return;
	}
	if (end == CRAWL_DISK_FULL && s->signals == 0 && is_durable(s)) {
		pause_full(s, crawl_why(s->crawl));
		progress_hold(s->progress, "the disk, which is full");
		return;
	}
	s->over = true;
	loop_stop(s->loop);
}

static void
on_look(void *ctx)
{
	struct session *s = ctx;
	struct why why = {""};
	int r;

	if (!space_is_back(s->dir)) {
		(void)timer_start(&s->look, s->wait.ms);
		return;
	}
	space_wait_tried(&s->wait, loop_now_ms(s->loop));
	r = begin_again(s, &why);
	if (r == 0) {
		log_warn("there is room again: the crawl goes on");
		s->paused = false;
	} else if (r == -ENOSPC) {
		look_later(s);
	}
}

static enum progress_kind
progress_wanted(const struct session *s)
{
	if (s->args->quiet)
		return PROGRESS_SHOW_NOTHING;
	switch (s->job->options.run_progress) {
	case PROGRESS_BAR:
		return PROGRESS_SHOW_BLOCK;
	case PROGRESS_PLAIN:
		return PROGRESS_SHOW_LINES;
	case PROGRESS_NONE:
		return PROGRESS_SHOW_NOTHING;
	default:
		return is_screen(STDERR_FILENO) ? PROGRESS_SHOW_BLOCK
						: PROGRESS_SHOW_LINES;
	}
}

static int
crawl_begin(struct session *s, bool resume, struct why *why)
{
	struct crawl_conf conf = {.job = s->job,
	    .dir = s->dir,
	    .resume = resume,
	    .again = s->again && !resume,
	    .waited_ms[WAIT_PAUSED] =
		s->paused ? loop_now_ms(s->loop) - s->paused_at_ms : 0,
	    .cookies = buf_slice(&s->cookies),
	    .auth = buf_slice(&s->auth),
	    .known_good = s->args->known_good,
	    .ctx = s,
	    .on_end = on_end};
	int r;

	progress_free(s->progress);
	s->progress = NULL;
	r = crawl_start(s->engine, &conf, &s->crawl, why);
	if (r < 0)
		return r;
	r = tries_show(s->crawl);
	if (r == 0)
		r = progress_new(
		    s->loop, s->crawl, progress_wanted(s), s->job->name, &s->progress);
	return r < 0 ? why_set(why, r, "cannot start: %s", strerror(-r)) : 0;
}

static int
read_files(struct session *s, struct why *why)
{
	const struct options *o = &s->job->options;

	if (o->fetch_cookies != NULL &&
	    read_input(o->fetch_cookies, JAR_FILE_BYTES_MAX, &s->cookies, why) < 0)
		return why_prefix(why, -EINVAL, "--cookies");
	if (o->fetch_auth_file != NULL &&
	    read_input(o->fetch_auth_file, CREDENTIALS_FILE_MAX, &s->auth, why) < 0)
		return why_prefix(why, -EINVAL, "--auth-file");
	return 0;
}

static int
start(struct session *s, struct why *why)
{
	int r;

	timer_init(&s->look, s->loop, on_look, s);
	if (read_files(s, why) < 0)
		return -EINVAL;
	r = crawl_begin(s, s->resume, why);
	if (r < 0)
		return r;
	crawl_stats(s->crawl, &s->before);
	r = sig_new(s->loop, SIGINT, on_signal, s, &s->sigint);
	if (r == 0)
		r = sig_new(s->loop, SIGTERM, on_signal, s, &s->sigterm);
	if (r == 0)
		r = sig_new(s->loop, SIGHUP, on_hangup, s, &s->sighup);
	return r < 0 ? why_set(why, r, "cannot start: %s", strerror(-r)) : 0;
}

/* What wget would say when no seed was reached; it asks no robots.txt of what it is told to get,
 * but is not content where nothing could be had. */
static const int unreached_codes[CRAWL_REACH_MAX] = {[CRAWL_REACH_REFUSED] = EXIT_NETWORK,
    [CRAWL_REACH_NETWORK] = EXIT_NETWORK,
    [CRAWL_REACH_TLS] = EXIT_TLS,
    [CRAWL_REACH_PROTOCOL] = EXIT_PROTOCOL,
    [CRAWL_REACH_AUTH] = EXIT_AUTH};

static int
exit_code(const struct session *s)
{
	switch (s->end) {
	case CRAWL_STOPPED:
		return EXIT_SIGNAL;
	case CRAWL_BYTES:
		return EXIT_SIZE;
	case CRAWL_TIME:
		return EXIT_TIME;
	case CRAWL_DISK:
		return EXIT_DISK;
	case CRAWL_DISK_FULL: /* that can be resumed, as was asked for */
		return s->signals > 0 && is_durable(s) ? EXIT_SIGNAL : EXIT_FILE;
	case CRAWL_STORE:
		return EXIT_FILE;
	case CRAWL_WORKERS:
		return EXIT_OTHER;
	case CRAWL_PAGES:
	case CRAWL_DONE:
		break;
	}
	return unreached_codes[crawl_reach(s->crawl)];
}

static void
tell_seed(const struct session *s, size_t i)
{
	struct buf text;

	buf_init(&text, SEED_TOLD_BYTES_MAX);
	if (crawl_seed_tell(s->crawl, i, &text) == 0)
		(void)say_error(0, SLICE_FMT, SLICE_ARG(buf_slice(&text)));
	buf_release(&text);
}

/* Also when asked to be quiet: it is an error. */
static void
tell_unreached(const struct session *s, int code)
{
	if (code != EXIT_NETWORK && code != EXIT_TLS && code != EXIT_PROTOCOL &&
	    code != EXIT_AUTH)
		return;
	for (size_t i = 0; i < s->job->seeds.n && i < SEEDS_TOLD_MAX; i++)
		tell_seed(s, i);
	if (s->job->seeds.n > SEEDS_TOLD_MAX)
		(void)say_error(0, "and so for %zu more seeds: crawl.log tells of each",
		    s->job->seeds.n - SEEDS_TOLD_MAX);
}

/* --fail-on: also of a crawl that reached a limit, but not of one that was stopped or broke. */
static int
failed_on(const struct session *s, int code)
{
	struct crawl_stats stats;
	uint64_t n, sum = 0, left = 0;
	char text[OUTCOME_MAX * 48]; /* a name, a number, a comma each */
	size_t len = 0;

	if (s->crawl == NULL || code == EXIT_SIGNAL || code == EXIT_FILE ||
	    code == EXIT_OTHER)
		return code;
	crawl_stats(s->crawl, &stats);
	if (s->end == CRAWL_PAGES || s->end == CRAWL_BYTES || s->end == CRAWL_TIME ||
	    s->end == CRAWL_DISK)
		left = stats.queued;
	for (int o = 0; o < OUTCOME_MAX; o++) {
		n = fail_on_count(&s->job->options, &stats.totals, left, (enum outcome)o);
		if (n == 0)
			continue;
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %" PRIu64,
		    sum == 0 ? "" : ", ", outcome_name((enum outcome)o), n);
		sum += n;
	}
	return sum == 0 ? code : say_error(EXIT_BROKEN, "--fail-on: %s", text);
}

/* For nobody else to read: who has them is who was logged in. */
static bool
save_cookies(const struct session *s)
{
	const char *path = s->job->options.fetch_save_cookies;
	struct buf text;
	struct why why;
	int r;

	if (path == NULL || s->crawl == NULL)
		return true;
	buf_init(&text, 2 * JAR_BYTES_MAX);
	r = crawl_cookies(s->crawl, &text);
	r = r < 0 ? why_set(&why, r, "out of memory")
		  : file_whole_write_at(path, 0600, buf_slice(&text), &why);
	buf_release(&text);
	if (r < 0)
		(void)say_error(0, "--save-cookies: %s", why.text);
	return r == 0;
}

/* --wacz; a crawl that may go on is not packed. */
static bool
pack_wacz(struct session *s)
{
	struct why why;

	if (!s->job->options.output_wacz || s->end != CRAWL_DONE || s->crawl == NULL)
		return true;
	if (wacz_pack(s->dir, &why) == 0)
		return true;
	(void)say_error(0, "--wacz: %s", why.text);
	return false;
}

/* From what is on the disk, as `trawl report` does it.  Where the store cannot be read the
 * crawl's own figures take its place, where the logs cannot, the report is of these alone. */
static int
make_report(struct session *s, struct report **ret, struct why *why)
{
	struct report_conf conf = {
	    .job = s->job, .dir = s->dir, .tmp_dir = temporary_dir(), .facts = &s->facts};
	struct why unread = {""};
	int r;

	if (!is_durable(s))
		r = -ENOENT;
	else if (s->crawl != NULL)
		r = inspect_open_ended(
		    s->crawl, s->dir, s->job, clock_wall_us(), &conf.in, &unread);
	else
		r = inspect_open(s->dir, s->job, clock_wall_us(), &conf.in, &unread);
	if (r < 0)
		conf.in = NULL;
	r = report_make(&conf, ret, why);
	inspect_close(conf.in);
	if (r == 0)
		return 0;
	conf.in = NULL;
	conf.dir = NULL;
	return report_make(&conf, ret, NULL) < 0 ? -ENOMEM : r;
}

static void
summarise(const struct session *s, const struct report *report)
{
	struct buf text;

	buf_init(&text, 64 << 20);
	if (!s->args->quiet && report != NULL &&
	    report_summary(report, s->dir, &text) == 0)
		(void)fwrite(text.ptr, 1, text.len, stderr);
	else if (s->crawl != NULL &&
		 (s->end == CRAWL_STORE || s->end == CRAWL_DISK_FULL ||
		     s->end == CRAWL_WORKERS))
		(void)say_error(0, "%s: %s", crawl_end_text(s->end), crawl_why(s->crawl));
	buf_release(&text);
}

static bool
print_json(const struct report *report)
{
	struct buf text;
	bool ok;

	buf_init(&text, 256 << 20);
	ok = report != NULL && report_json(report, (struct slice){0}, &text) == 0 &&
	     write_stdout(buf_slice(&text));
	buf_release(&text);
	return ok;
}

/* Of a crawl that was stopped or failed, nothing: a resume sees to it. */
static int
put_rest(struct session *s)
{
	if (s->crawl == NULL || s->end == CRAWL_STOPPED || s->end == CRAWL_STORE ||
	    s->end == CRAWL_DISK_FULL)
		return EXIT_DONE;
	sig_free(s->sigint);
	sig_free(s->sigterm);
	s->sigint = s->sigterm = NULL;
	return upload_rest(s->job, s->dir, s->signals > 0);
}

/* The crawl was over, and somebody did not want to wait for its program. */
static bool
is_unfed(const struct session *s)
{
	const struct strlist *sinks = &s->job->options.output_sink;

	for (size_t i = 0; i < sinks->n; i++)
		if (strcmp(sinks->v[i], "exec") == 0)
			return s->signals > 0;
	return false;
}

static bool
had_nothing_to_do(const struct session *s)
{
	struct crawl_stats now;

	if (!s->resume || s->crawl == NULL || s->end != CRAWL_DONE ||
	    s->before.queued > 0)
		return false;
	crawl_stats(s->crawl, &now);
	return now.attempts == s->before.attempts;
}

static int
finish(struct session *s)
{
	int code = exit_code(s), r;
	struct report *report = NULL;
	struct why why = {""};

	progress_free(s->progress);
	s->progress = NULL;
	if (!pack_wacz(s)) /* the report tells how large it is */
		code = code == EXIT_DONE ? EXIT_FILE : code;
	r = s->args->brief ? 0 : make_report(s, &report, &why);
	if (r == 0 && report != NULL)
		r = report_write(report, s->dir, &why);
	if (r < 0) {
		(void)say_error(0, "%s", why.text);
		code = code == EXIT_DONE ? EXIT_FILE : code;
	}
	if (code == EXIT_DONE && is_unfed(s))
		code = EXIT_SIGNAL;
	r = put_rest(s); /* the reports, too */
	if (r != EXIT_DONE)
		code = code == EXIT_DONE ? r : code;
	if (had_nothing_to_do(s))
		log_warn("the crawl in %s was over, nothing was left to ask for; how to "
			 "crawl it again: trawl(1), CRAWLING AGAIN",
		    s->dir);
	summarise(s, report);
	if (!save_cookies(s))
		code = code == EXIT_DONE ? EXIT_FILE : code;
	if (s->job->options.run_json && !print_json(report))
		code = code == EXIT_DONE ? EXIT_FILE : code;
	report_free(report);
	tell_unreached(s, code);
	return failed_on(s, code);
}

static void
session_release(struct session *s)
{
	sig_free(s->sigint);
	sig_free(s->sigterm);
	sig_free(s->sighup);
	reload_free(s->next);
	if (s->look.loop != NULL) /* start() was called */
		timer_stop(&s->look);
	progress_free(s->progress);
	crawl_free(s->crawl);
	engine_free(s->engine);
	buf_release(&s->cookies);
	buf_release(&s->auth);
	loop_free(s->loop);
}

static int
start_again(struct session *s, struct why *why)
{
	int r;

	if (!is_durable(s)) {
		(void)why_set(why, -EINVAL,
		    "%s cannot be crawled again with --state memory, which leaves "
		    "nothing to compare with",
		    s->dir);
		return EXIT_USAGE;
	}
	r = start(s, why);
	if (r == 0)
		r = write_job_file(s, why);
	if (r == 0 && crawl_went_on(s->crawl))
		log_warn(
		    "the crawl in %s had not come to an end: it is gone on with", s->dir);
	return r == -EINVAL ? EXIT_USAGE : r < 0 ? EXIT_FILE : EXIT_DONE;
}

static int
prepare(struct session *s, struct nursery *nursery, struct why *why)
{
	struct options *o = &s->job->options;
	int r = job_check(s->job, why);

	if (r < 0)
		return EXIT_USAGE;
	job_idle_warn(o);
	if (loop_new(&s->loop) < 0 || name_job(s->job) < 0 || options_name_sinks(o) < 0) {
		(void)why_set(why, 0, "out of memory");
		return EXIT_OTHER;
	}
	r = engine_new(s->loop, nursery, o, &s->engine, why);
	if (r < 0)
		return r == -EINVAL ? EXIT_USAGE : EXIT_OTHER;
	if (s->resume) {
		(void)snprintf(s->dir, sizeof(s->dir), "%s", s->args->dir);
		r = start(s, why);
		if (r == 0)
			r = write_job_file(s, why);
		return r == -EINVAL ? EXIT_USAGE : r < 0 ? EXIT_FILE : EXIT_DONE;
	}
	r = make_dir(s, why);
	s->again = s->again && r == 0 && has_crawl(s);
	if (r == 0 && s->again)
		return start_again(s, why);
	if (r == 0)
		r = make_job_file(s, why);
	if (r == 0)
		r = start(s, why);
	return r < 0 ? EXIT_FILE : EXIT_DONE;
}

static int
run(struct session *s, struct nursery *nursery)
{
	const struct args *a = s->args;
	struct why why = {""};
	int code;

	log_set_level(a->quiet          ? LOG_LEVEL_ERROR
		      : a->verbose == 0 ? LOG_LEVEL_WARN
		      : a->verbose == 1 ? LOG_LEVEL_INFO
					: LOG_LEVEL_DEBUG);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error of write(2) */
	code = prepare(s, nursery, &why);
	if (code != EXIT_DONE) {
		(void)say_error(0, "%s", why.text);
	} else if (loop_run(s->loop) < 0) {
		code =
		    say_error(EXIT_OTHER, "the crawl waits for nothing: this is a bug");
	} else {
		code = finish(s);
	}
	session_release(s);
	return code;
}

int
session_run(struct job *job, const struct args *a, bool again, struct nursery *nursery)
{
	struct session s = {.job = job, .args = a, .again = again};

	return run(&s, nursery);
}

int
session_resume(struct job *job, const struct args *a, struct nursery *nursery)
{
	struct session s = {.job = job, .args = a, .resume = true};

	return run(&s, nursery);
}
