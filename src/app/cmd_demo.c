#include "app/session.h"
#include "base/clock.h"
#include "base/dir_make.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the site lies: installed, or in the source tree it was built from. */
#ifndef TRAWL_SITE_INSTALLED
#define TRAWL_SITE_INSTALLED "/usr/share/trawl/site"
#endif
#ifndef TRAWL_SITE_SOURCE
#define TRAWL_SITE_SOURCE "tests/site"
#endif

enum { CONF_MAX = 1 << 20, PATH_BYTES = 512, UP_MS = 5000, PORT_TRIES = 5 };

struct demo {
	char run[PATH_BYTES];
	const char *site;
	uint16_t port;
	pid_t nginx;
};

static const char *
find_site(void)
{
	const char *env = getenv("TRAWL_SITE");
	const char *places[] = {env, TRAWL_SITE_INSTALLED, TRAWL_SITE_SOURCE};
	struct stat st;
	char conf[4096];

	for (size_t i = 0; i < 3; i++) {
		if (places[i] == NULL)
			continue;
		(void)snprintf(conf, sizeof(conf), "%s/nginx.conf.in", places[i]);
		if (stat(conf, &st) == 0)
			return places[i];
	}
	return NULL;
}

static int
port_socket(uint16_t port, bool bind_it, uint16_t *ret_port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r = bind_it ? bind(fd, (struct sockaddr *)&sa, sizeof(sa))
		    : connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	if (r == 0 && ret_port != NULL)
		r = getsockname(fd, (struct sockaddr *)&sa, &len);
	if (r < 0)
		r = -errno;
	(void)close(fd);
	if (r == 0 && ret_port != NULL)
		*ret_port = ntohs(sa.sin_port);
	return r;
}

/* The template with its three words replaced. */
static int
write_conf(const struct demo *d, struct why *why)
{
	char path[PATH_BYTES + 64], port[8];
	const struct {
		struct slice word;
		const char *value;
	} words[] = {{SLICE_LIT("@PORT@"), port}, {SLICE_LIT("@SITE@"), d->site},
	    {SLICE_LIT("@RUN@"), d->run}};
	struct buf in, out;
	FILE *f;
	int r;

	(void)snprintf(port, sizeof(port), "%u", (unsigned)d->port);
	(void)snprintf(path, sizeof(path), "%s/nginx.conf.in", d->site);
	r = read_input(path, CONF_MAX, &in, why);
	if (r < 0)
		return r;
	buf_init(&out, CONF_MAX);
	for (size_t at = 0; at < in.len && r == 0;) {
		struct slice rest = slice_from(buf_slice(&in), at);
		size_t w = 0;

		while (w < 3 && !slice_starts(rest, words[w].word))
			w++;
		r = w < 3 ? buf_add_cstr(&out, words[w].value)
			  : buf_add(&out, rest.ptr, 1);
		at += w < 3 ? words[w].word.len : 1;
	}
	(void)snprintf(path, sizeof(path), "%s/nginx.conf", d->run);
	f = r == 0 ? fopen(path, "we") : NULL;
	if (f == NULL || fwrite(out.ptr, 1, out.len, f) != out.len)
		r = why_set(why, -EIO, "cannot write %s", path);
	if (f != NULL)
		(void)fclose(f);
	buf_release(&in);
	buf_release(&out);
	return r;
}

static pid_t
spawn_nginx(const struct demo *d)
{
	char conf[PATH_BYTES + 64], log[PATH_BYTES + 64];
	pid_t pid;

	(void)snprintf(conf, sizeof(conf), "%s/nginx.conf", d->run);
	(void)snprintf(log, sizeof(log), "%s/error.log", d->run);
	pid = fork();
	if (pid != 0)
		return pid;
	/* A Ctrl-C is for the crawl; it ends nginx when it is done. */
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* however we end, it ends */
	execlp("nginx", "nginx", "-e", log, "-p", d->run, "-c", conf, (char *)NULL);
	execl("/usr/sbin/nginx", "nginx", "-e", log, "-p", d->run, "-c", conf,
	    (char *)NULL);
	_exit(127);
}

static int
wait_until_up(struct demo *d, struct why *why)
{
	int64_t until = clock_mono_ms() + UP_MS;
	int status;

	while (clock_mono_ms() < until) {
		if (port_socket(d->port, false, NULL) == 0)
			return 0;
		if (waitpid(d->nginx, &status, WNOHANG) == d->nginx) {
			d->nginx = 0;
			if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
				return why_set(why, -ENOENT,
				    "nginx is not installed; the demo needs it: apt "
				    "install nginx-light");
			return -EAGAIN;
		}
		(void)poll(NULL, 0, 20);
	}
	return why_set(
	    why, -ETIMEDOUT, "nginx did not come up; see %s/error.log", d->run);
}

static void
stop_nginx(struct demo *d)
{
	if (d->nginx <= 0)
		return;
	(void)kill(d->nginx, SIGTERM);
	(void)waitpid(d->nginx, NULL, 0);
	d->nginx = 0;
}

static int
start_nginx(struct demo *d, struct why *why)
{
	int r = -EAGAIN;

	/* Another process may take the port between our look and nginx's: try again. */
	for (int i = 0; i < PORT_TRIES && r == -EAGAIN; i++) {
		r = port_socket(0, true, &d->port);
		if (r == 0)
			r = write_conf(d, why);
		if (r < 0)
			return r;
		d->nginx = spawn_nginx(d);
		if (d->nginx < 0)
			return why_set(
			    why, -errno, "cannot start nginx: %s", strerror(errno));
		r = wait_until_up(d, why);
	}
	return r == -EAGAIN
		   ? why_set(why, r, "nginx ends at once; see %s/error.log", d->run)
		   : r;
}

static void
remove_run(const struct demo *d)
{
	static const char *const names[] = {
	    "nginx.conf", "nginx.pid", "error.log", "access.log"};
	static const char *const dirs[] = {"body", "proxy", "fastcgi", "uwsgi", "scgi"};
	char path[PATH_BYTES + 64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", d->run, names[i]);
		(void)unlink(path);
	}
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", d->run, dirs[i]);
		(void)rmdir(path);
	}
	(void)rmdir(d->run);
}

static int
crawl_demo(const struct demo *d, int argc, char **argv, struct nursery *nursery)
{
	char seed[64], name[] = "demo";
	char **args = calloc((size_t)argc + 3, sizeof(*args));
	struct args a;
	int code;

	if (args == NULL)
		return EXIT_OTHER;
	if (args_parse(argc, argv, NULL, &a) < 0) {
		free(args);
		return EXIT_USAGE;
	}
	if (a.words_len > 0)
		code =
		    usage_error("the demo brings its own site: it takes options, no URL");
	else {
		(void)snprintf(
		    seed, sizeof(seed), "http://127.0.0.1:%u/", (unsigned)d->port);
		a.words = args;
		a.words_len = 1;
		args[0] = seed;
		if (!a.quiet)
			fprintf(stderr, "trawl: the demo site is at %s\n", seed);
		code = crawl_named(name, &a, nursery);
	}
	args_release(&a);
	free(args);
	return code;
}

int
cmd_demo(int argc, char **argv, struct nursery *nursery)
{
	struct demo d = {.site = find_site()};
	struct why why = {"it failed"};
	int code;

	if (d.site == NULL)
		return usage_error(
		    "the demo site is not installed; TRAWL_SITE can say where it is");
	(void)snprintf(d.run, sizeof(d.run), "%s/trawl-demo-XXXXXX", temporary_dir());
	if (mkdtemp(d.run) == NULL)
		return usage_error("cannot make a directory in %s: %s", temporary_dir(),
		    strerror(errno));
	if (start_nginx(&d, &why) < 0) {
		stop_nginx(&d);
		return say_error(EXIT_OTHER, "%s", why.text);
	}
	code = crawl_demo(&d, argc, argv, nursery);
	stop_nginx(&d);
	remove_run(&d);
	return code;
}
