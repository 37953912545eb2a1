#include "app/app.h"
#include "app/job_check.h"
#include "app/notify.h"
#include "app/serve_settings.h"
#include "base/log.h"
#include "ctl/api.h"
#include "ctl/http.h"
#include "ctl/service.h"
#include "loop/loop.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	STATUS_MS = 5000,
	HURRY_MS = 5000, /* after the time to drain: then it ends as it is */
};

struct serve {
	const char *path;          /* trawl.yaml; NULL: none */
	struct settings *settings; /* in force */
	struct nursery *nursery;
	struct loop *loop;
	struct service *service;
	struct http *http;
	struct sig *sigint, *sigterm, *sighup;
	struct timer watchdog, status, give_up;
	int64_t watchdog_ms;
	char *socket; /* that is ours to remove */
	int code;
};

/* ---- settings ---- */

struct told {
	const char *path;
	bool quiet;
};

static bool
on_mistake(void *ctx, const struct job_mistake *m)
{
	const struct told *t = ctx;
	const char *file = m->file != NULL ? m->file : t->path;

	if (m->line > 0)
		log_error("%s:%zu:%zu: %s", file == NULL ? "" : file, m->line, m->column,
		    LOG_TEXT(slice_cstr(m->text)));
	else
		log_error("%s%s%s", file == NULL ? "" : file, file == NULL ? "" : ": ",
		    LOG_TEXT(slice_cstr(m->text)));
	return true;
}

/* NULL: mistakes, which were told. */
static struct settings *
read_settings(const char *path)
{
	struct settings *s = malloc(sizeof(*s));
	struct told told = {.path = path};

	if (s == NULL || serve_settings_read(path, on_mistake, &told, s) > 0) {
		free(s);
		return NULL;
	}
	return s;
}

static void
free_settings(struct settings *s)
{
	if (s != NULL)
		settings_release(s);
	free(s);
}

static void
set_log_level(const struct settings *s)
{
	static const enum log_level levels[] = {
	    LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG};

	log_set_level(levels[s->service_log_level]);
}

/* ---- while it runs ---- */

static void
on_watchdog(void *ctx)
{
	struct serve *s = ctx;

	notify("WATCHDOG=1");
	(void)timer_start(&s->watchdog, s->watchdog_ms / 3 + 1);
}

static void
on_status(void *ctx)
{
	struct serve *s = ctx;
	struct service_counts c;

	service_counts(s->service, &c);
	if (service_is_draining(s->service))
		notify("STATUS=stopping: %u runs", c.running);
	else
		notify("STATUS=%u jobs; runs: %u running, %u queued, %u paused", c.jobs,
		    c.running, c.queued, c.paused);
	(void)timer_start(&s->status, STATUS_MS);
}

static void
on_kept(void *ctx, const char *section, const char *name)
{
	(void)ctx;
	log_warn(
	    "%s.%s: what was changed there holds from the next start on", section, name);
}

static void
on_hup(void *ctx)
{
	struct serve *s = ctx;
	struct settings *fresh;

	if (service_is_draining(s->service))
		return;
	notify_reloading();
	fresh = read_settings(s->path);
	if (fresh == NULL) {
		log_error("the settings are wrong: those from before stay in force");
		notify(
		    "READY=1\nSTATUS=the settings are wrong: those from before stay in "
		    "force");
		return;
	}
	if (settings_keep(fresh, s->settings, on_kept, NULL) < 0) {
		log_error("out of memory: the settings from before stay in force");
		free_settings(fresh);
		notify("READY=1");
		return;
	}
	service_reload(s->service, fresh);
	free_settings(s->settings);
	s->settings = fresh;
	set_log_level(fresh);
	log_info("settings read again");
	notify("READY=1");
}

static void
on_give_up(void *ctx)
{
	struct serve *s = ctx;

	log_warn("some runs did not stop in time: they go on from their last commit");
	loop_stop(s->loop);
}

static void
on_term(void *ctx)
{
	struct serve *s = ctx;

	if (service_is_draining(s->service)) { /* again: at once */
		loop_stop(s->loop);
		return;
	}
	notify("STOPPING=1\nSTATUS=stopping");
	log_info("stopping: what is in flight may end; what runs goes on at the next "
		 "start");
	(void)timer_start(&s->give_up, s->settings->service_drain + HURRY_MS);
	service_drain(s->service);
}

static void
on_http_drained(void *ctx)
{
	struct serve *s = ctx;

	loop_stop(s->loop);
}

/* Nothing crawls any more; who asked last is still answered. */
static void
on_drained(void *ctx)
{
	struct serve *s = ctx;

	http_drain(s->http, on_http_drained, s);
}

/* ---- the start ---- */

/* Each connection and each run takes some. */
static void
raise_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
		l.rlim_cur = l.rlim_max > 1 << 20 ? 1 << 20 : l.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &l);
	}
}

static int
open_service(struct serve *s, struct why *why)
{
	struct service_conf conf = {.loop = s->loop,
	    .nursery = s->nursery,
	    .settings = s->settings,
	    .check = job_check_each,
	    .tmp_dir = temporary_dir(),
	    .ctx = s,
	    .on_drained = on_drained};

	return service_new(&conf, &s->service, why);
}

static int
take_socket(struct serve *s, int fd, enum via via, struct why *why)
{
	int flags = fcntl(fd, F_GETFL), r;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return why_set(why, -errno, "descriptor %d: %s", fd, strerror(errno));
	r = http_listen(s->http, fd, via);
	return r < 0 ? why_set(why, r, "descriptor %d: %s", fd, strerror(-r)) : 0;
}

/* Those of the manager, or our own. */
static int
open_sockets(struct serve *s, struct why *why)
{
	const struct settings *set = s->settings;
	int first, fd, n = notify_sockets(&first), r = 0;
	unsigned mode = 0660;

	if (n < 0)
		return why_set(why, n, "sockets of systemd: %s", strerror(-n));
	for (int i = 0; i < n && r == 0; i++)
		r = notify_is_unix_socket(first + i)
			? take_socket(s, first + i, VIA_UNIX, why)
			: why_set(why, -EINVAL,
			      "systemd hands over a socket that is not of the unix "
			      "family; who may use it is not known");
	if (n > 0 || r < 0)
		return r;
	(void)settings_mode(set->api_socket_mode, &mode);
	r = http_unix_socket(set->api_socket, mode, set->api_socket_group, &fd, why);
	if (r < 0)
		return r;
	s->socket = slice_dup(slice_cstr(set->api_socket));
	r = take_socket(s, fd, VIA_UNIX, why);
	if (r < 0)
		(void)close(fd);
	return r;
}

static int
open_http(struct serve *s, struct why *why)
{
	const struct settings *set = s->settings;
	struct http_conf conf = {.loop = s->loop,
	    .groups = api_groups,
	    .ctx = s->service,
	    .limits = {.connections_max = set->api_connections,
		.header_bytes_max = (uint32_t)set->api_header_bytes,
		.body_bytes_max = (uint32_t)set->api_body_bytes,
		.header_ms = (uint32_t)set->api_header_timeout,
		.body_ms = (uint32_t)set->api_body_timeout,
		.reply_ms = (uint32_t)set->api_reply_timeout}};
	int r = http_new(&conf, &s->http, why);

	return r < 0 ? r : open_sockets(s, why);
}

static int
open_signals(struct serve *s, struct why *why)
{
	int r = sig_new(s->loop, SIGINT, on_term, s, &s->sigint);

	if (r == 0)
		r = sig_new(s->loop, SIGTERM, on_term, s, &s->sigterm);
	if (r == 0)
		r = sig_new(s->loop, SIGHUP, on_hup, s, &s->sighup);
	return r < 0 ? why_set(why, r, "cannot start: %s", strerror(-r)) : 0;
}

static int
start(struct serve *s, struct why *why)
{
	int r = loop_new(&s->loop);

	if (r < 0)
		return why_set(why, r, "cannot start: %s", strerror(-r));
	timer_init(&s->watchdog, s->loop, on_watchdog, s);
	timer_init(&s->status, s->loop, on_status, s);
	timer_init(&s->give_up, s->loop, on_give_up, s);
	r = open_signals(s, why);
	if (r == 0)
		r = open_service(s, why);
	if (r == 0)
		r = open_http(s, why);
	if (r < 0)
		return r;
	s->watchdog_ms = notify_watchdog_ms();
	if (s->watchdog_ms > 0)
		on_watchdog(s);
	(void)timer_start(&s->status, 0);
	return 0;
}

static void
end(struct serve *s, int code)
{
	if (s->loop == NULL)
		return;
	timer_stop(&s->watchdog);
	timer_stop(&s->status);
	timer_stop(&s->give_up);
	if (s->service != NULL)
		service_stop(s->service);
	if (s->service != NULL && service_is_abandoned(s->service)) {
		if (s->socket != NULL)
			(void)unlink(s->socket);
		_exit(code);
	}
	http_free(s->http);
	service_free(s->service);
	sig_free(s->sigint);
	sig_free(s->sigterm);
	sig_free(s->sighup);
	if (s->socket != NULL)
		(void)unlink(s->socket);
	free(s->socket);
	loop_free(s->loop);
}

static int
serve(struct serve *s)
{
	struct why why = {""};
	int code = EXIT_DONE;

	set_log_level(s->settings);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)umask(0027);
	raise_files();
	if (start(s, &why) < 0) {
		code = say_error(EXIT_OTHER, "%s", why.text);
	} else {
		notify("READY=1");
		log_info("trawl %s serves", PACKAGE_VERSION);
		if (loop_run(s->loop) < 0)
			code =
			    say_error(EXIT_OTHER, "the service waits for nothing: this "
						  "is a bug");
	}
	end(s, code);
	return code;
}

/* -c FILE; else the one that is installed, if it is there. */
static bool
read_args(int argc, char **argv, struct serve *s)
{
	static const char usual[] = TRAWL_SYSCONFDIR "/trawl/trawl.yaml";

	if (argc == 2 && (strcmp(argv[0], "-c") == 0 || strcmp(argv[0], "--config") == 0))
		s->path = argv[1];
	else if (argc != 0)
		return false;
	else if (access(usual, F_OK) == 0)
		s->path = usual;
	return true;
}

int
cmd_serve(int argc, char **argv, struct nursery *nursery)
{
	struct serve s = {.nursery = nursery};
	int code;

	if (!read_args(argc, argv, &s))
		return usage_error("serve takes -c FILE and nothing else");
	s.settings = read_settings(s.path);
	if (s.settings == NULL)
		return EXIT_USAGE;
	code = serve(&s);
	free_settings(s.settings);
	return code;
}
