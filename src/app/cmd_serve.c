#include "app/app.h"
#include "app/job_check.h"
#include "app/notify.h"
#include "app/serve_access.h"
#include "app/serve_profile.h"
#include "app/serve_settings.h"
#include "app/warc_wacz.h"
#include "base/dir_make.h"
#include "base/log.h"
#include "ctl/access.h"
#include "ctl/api.h"
#include "ctl/http.h"
#include "ctl/service.h"
#include "loop/loop.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	STATUS_MS = 5000,
	HURRY_MS = 15000,     /* after the time to drain: then it ends as it is */
	ROOM_MS = 1000,       /* between two tries of a start on a full disk */
	ROOM_LATE_MS = 60000, /* what the manager is told that it may take */
};

struct serve {
	const char *path;          /* trawl.yaml; NULL: none */
	struct settings *settings; /* in force */
	struct nursery *nursery;
	struct loop *loop;
	struct service *service;
	struct http *http;
	struct access *access;
	bool tcp;          /* somebody may connect over it */
	bool http_has_tls; /* and then it is TLS */
	struct serve_profile *profile;
	struct sig *sigint, *sigterm, *sighup, *sigusr2;
	struct timer watchdog, status, give_up, room;
	int64_t watchdog_ms;
	uint32_t reloads; /* of which the files of jobs are being read */
	bool quit;        /* before it served */
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

	/* One that hangs is to be told of, as if it were this one. */
	if (s->service == NULL || service_is_alive(s->service))
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

/* Tokens, certificate, hosts; false: those from before stay, for a reason that was told. */
static bool
set_access(struct serve *s, const struct settings *set)
{
	struct access_rules rules;
	struct http_tls *tls;
	struct why why;
	int r = serve_access_read(set, s->tcp, &rules, &tls, &why);

	if (r == 0 && s->http_has_tls && tls == NULL)
		r = why_set(
		    &why, -EINVAL, "api.tls_cert is gone: that wants a new start");
	if (r == 0 && access_set(s->access, &rules) < 0) {
		tokens_release(&rules.tokens);
		r = why_set(&why, -ENOMEM, "out of memory");
	}
	if (r < 0) {
		log_error("%s", LOG_TEXT(slice_cstr(why.text)));
		return false;
	}
	http_cut_streams(s->http, access_holds, s->access);
	if (s->http_has_tls)
		http_set_tls(s->http, tls);
	http_tls_unref(tls);
	return true;
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

	if (s->service == NULL || service_is_draining(s->service))
		return;
	notify_reloading();
	fresh = read_settings(s->path);
	if (fresh != NULL && !set_access(s, fresh)) {
		free_settings(fresh);
		fresh = NULL;
	}
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
	if (service_reload(s->service, fresh) == 0)
		s->reloads++;
	free_settings(s->settings);
	s->settings = fresh;
	set_log_level(fresh);
	log_info("settings read again");
	if (s->reloads == 0)
		notify("READY=1");
}

/* The jobs are as their files say: whoever waited for the reload may start them. */
static void
on_reloaded(void *ctx)
{
	struct serve *s = ctx;

	if (--s->reloads == 0 && !service_is_draining(s->service))
		notify("READY=1");
}

/* Where time and memory go. */
static void
on_usr2(void *ctx)
{
	struct serve *s = ctx;

	if (s->service == NULL)
		return;
	if (s->profile == NULL)
		s->profile = serve_profile_new(s->service);
	if (s->profile != NULL)
		serve_profile_start(s->profile);
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

	if (s->service == NULL) {
		s->quit = true;
		loop_stop(s->loop);
		return;
	}
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

static int
open_service(struct serve *s, struct why *why)
{
	struct service_conf conf = {.loop = s->loop,
	    .nursery = s->nursery,
	    .settings = s->settings,
	    .check = job_check_each,
	    .pack = wacz_pack,
	    .tmp_dir = temporary_dir(),
	    .ctx = s,
	    .on_drained = on_drained,
	    .on_reloaded = on_reloaded};

	return service_new(&conf, &s->service, why);
}

static void
on_room(void *ctx)
{
	struct serve *s = ctx;

	loop_stop(s->loop);
}

/* Without room nothing can be noted.  Who gave up would stay down when there is some again: a
 * manager tries a few times only. */
static int
open_service_with_room(struct serve *s, struct why *why)
{
	int r = open_service(s, why);

	if (r == -ENOSPC)
		log_warn("%s: the start waits for room", LOG_TEXT(slice_cstr(why->text)));
	while (r == -ENOSPC && !s->quit) {
		notify("EXTEND_TIMEOUT_USEC=%d\nSTATUS=the disk is full: the start waits "
		       "for room",
		    ROOM_LATE_MS * 1000);
		if (timer_start(&s->room, ROOM_MS) < 0)
			return r;
		(void)loop_run(s->loop);
		if (!s->quit)
			r = open_service(s, why);
	}
	return r;
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

static bool
hands_over_tcp(int first, int n)
{
	for (int i = 0; i < n; i++)
		if (!notify_is_unix_socket(first + i))
			return true;
	return false;
}

/* Those of the manager. */
static int
take_sockets(struct serve *s, int first, int n, struct why *why)
{
	int r = 0;

	for (int i = 0; i < n && r == 0; i++) {
		bool is_unix = notify_is_unix_socket(first + i);

		r = take_socket(s, first + i,
		    is_unix           ? VIA_UNIX
		    : s->http_has_tls ? VIA_TLS
				      : VIA_TCP,
		    why);
	}
	return r;
}

static int
open_unix_socket(struct serve *s, struct why *why)
{
	const struct settings *set = s->settings;
	unsigned mode = 0660;
	int fd, r;

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
open_tcp_sockets(struct serve *s, struct why *why)
{
	const struct strlist *at = &s->settings->api_listen;
	int r = 0;

	for (size_t i = 0; i < at->n && r == 0; i++) {
		int fd;

		r = http_tcp_socket(at->v[i], &fd, why);
		if (r < 0)
			break;
		r = take_socket(s, fd, s->http_has_tls ? VIA_TLS : VIA_TCP, why);
		if (r < 0)
			(void)close(fd);
		else
			log_info("listening at %s%s", at->v[i],
			    s->http_has_tls ? ", with TLS" : "");
	}
	return r;
}

/* What is known of who may connect comes before the sockets. */
static int
open_access(struct serve *s, int first, int n, struct http_tls **ret_tls, struct why *why)
{
	struct access_rules rules;
	int r;

	s->tcp = s->settings->api_listen.n > 0 || hands_over_tcp(first, n);
	r = serve_access_read(s->settings, s->tcp, &rules, ret_tls, why);
	if (r < 0)
		return r;
	s->http_has_tls = *ret_tls != NULL;
	r = access_new(s->loop, &s->access);
	if (r == 0)
		r = access_set(s->access, &rules);
	if (r < 0) {
		tokens_release(&rules.tokens);
		(void)why_set(why, r, "out of memory");
	}
	return r;
}

static int
open_http(struct serve *s, struct why *why)
{
	const struct settings *set = s->settings;
	struct http_conf conf = {.loop = s->loop,
	    .groups = api_groups,
	    .ctx = s->service,
	    .authorize = access_judge,
	    .limits = {.connections_max = set->api_connections,
		.client_connections_max = set->api_client_connections,
		.header_bytes_max = (uint32_t)set->api_header_bytes,
		.body_bytes_max = (uint32_t)set->api_body_bytes,
		.header_ms = (uint32_t)set->api_header_timeout,
		.body_ms = (uint32_t)set->api_body_timeout,
		.reply_ms = (uint32_t)set->api_reply_timeout}};
	int first = 0, n = notify_sockets(&first), r;

	if (n < 0)
		return why_set(why, n, "sockets of systemd: %s", strerror(-n));
	r = open_access(s, first, n, &conf.tls, why);
	if (r < 0)
		return r;
	conf.authorize_ctx = s->access;
	r = http_new(&conf, &s->http, why);
	http_tls_unref(conf.tls);
	if (r == 0)
		r = n > 0 ? take_sockets(s, first, n, why) : open_unix_socket(s, why);
	/* Sockets of TCP that are handed over are all there are; beside others, our own. */
	if (r == 0 && !hands_over_tcp(first, n))
		r = open_tcp_sockets(s, why);
	return r;
}

static int
open_signals(struct serve *s, struct why *why)
{
	int r = sig_new(s->loop, SIGINT, on_term, s, &s->sigint);

	if (r == 0)
		r = sig_new(s->loop, SIGTERM, on_term, s, &s->sigterm);
	if (r == 0)
		r = sig_new(s->loop, SIGHUP, on_hup, s, &s->sighup);
	if (r == 0)
		r = sig_new(s->loop, SIGUSR2, on_usr2, s, &s->sigusr2);
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
	timer_init(&s->room, s->loop, on_room, s);
	r = open_signals(s, why);
	if (r == 0)
		r = open_service_with_room(s, why);
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
	timer_stop(&s->room);
	if (s->service != NULL)
		service_stop(s->service);
	serve_profile_free(s->profile);
	if (s->service != NULL && service_is_abandoned(s->service)) {
		if (s->socket != NULL)
			(void)unlink(s->socket);
		_exit(code);
	}
	http_free(s->http);
	access_free(s->access);
	service_free(s->service);
	sig_free(s->sigint);
	sig_free(s->sigterm);
	sig_free(s->sighup);
	sig_free(s->sigusr2);
	if (s->socket != NULL)
		(void)unlink(s->socket);
	free(s->socket);
	loop_free(s->loop);
}

static int
start_code(int err)
{
	switch (err) {
	case -EINVAL:
		return EXIT_USAGE;
	case -EBUSY: /* another service */
	case -EADDRINUSE:
	case -ENOMEM:
	case -EAGAIN:
		return EXIT_OTHER;
	default: /* the registry, directories, sockets */
		return EXIT_FILE;
	}
}

static int
serve(struct serve *s)
{
	struct why why = {""};
	int code = EXIT_DONE, r;

	set_log_level(s->settings);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)umask(0027);
	r = start(s, &why);
	if (s->quit) {
		log_info("stopped before there was room");
	} else if (r < 0) {
		code = say_error(start_code(r), "%s", why.text);
	} else {
		notify("READY=1");
		log_info("trawl %s serves%s%s", PACKAGE_VERSION,
		    s->socket == NULL ? "" : " at ", s->socket == NULL ? "" : s->socket);
		if (loop_run(s->loop) < 0)
			code =
			    say_error(EXIT_OTHER, "the service waits for nothing: this "
						  "is a bug");
	}
	end(s, code);
	return code;
}

/* -c FILE; else the one of ConfigurationDirectory=, or that is installed, if it is there. */
static bool
read_args(int argc, char **argv, struct serve *s)
{
	static char usual[4200] = TRAWL_SYSCONFDIR "/trawl/trawl.yaml";
	const char *dir = getenv("CONFIGURATION_DIRECTORY");

	if (dir != NULL)
		(void)snprintf(usual, sizeof(usual), "%.4000s/trawl.yaml", dir);
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

	if (argc == 4 && strcmp(argv[0], "--new-token") == 0)
		return serve_new_token(argv[1], argv[2], argv[3]);
	if (!read_args(argc, argv, &s))
		return usage_error("serve takes -c FILE, or --new-token ROLE NAME FILE");
	s.settings = read_settings(s.path);
	if (s.settings == NULL)
		return EXIT_USAGE;
	code = serve(&s);
	free_settings(s.settings);
	return code;
}
