#include "ctl/profile_perf.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/dir_make.h"
#include "base/escape.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

enum { REPORT_BYTES_MAX = 256 << 10, TOOL_MS = 20000 };

/* ---- a program that is not trusted to end ---- */

/* Its output into `out`, what is above its maximum left out; EOF, or the time is over. */
static bool
read_all(int fd, int64_t until_us, struct buf *out)
{
	char chunk[8192];

	for (;;) {
		int64_t left_ms = (until_us - clock_mono_us()) / 1000;
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (left_ms <= 0 || poll(&p, 1, (int)left_ms) <= 0)
			return false;
		n = read(fd, chunk, sizeof(chunk));
		if (n <= 0)
			return n == 0;
		(void)buf_add(out, chunk, (size_t)n);
	}
}

static int
spawn(char *const *argv, int to, pid_t *ret)
{
	/* Nothing of ours, no debug information from the net, and what it prints is ASCII. */
	static char *const environment[] = {
	    "PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "DEBUGINFOD_URLS=", NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, usual;
	int r;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	if (posix_spawn_file_actions_init(&files) != 0)
		return -ENOMEM;
	if (posix_spawnattr_init(&attr) != 0) {
		posix_spawn_file_actions_destroy(&files);
		return -ENOMEM;
	}
	posix_spawnattr_setflags(&attr,
	    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &usual);
	r = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&files, to, 1);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	if (r == 0)
		r = posix_spawnp(ret, argv[0], &files, &attr, argv, environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return -r;
}

/* 0: it ended, and well. */
static int
run_tool(char *const *argv, int64_t ms, struct buf *out)
{
	int fds[2], r, status = 0;
	bool ended;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	r = spawn(argv, fds[1], &pid);
	(void)close(fds[1]);
	if (r < 0) {
		(void)close(fds[0]);
		return r;
	}
	ended = read_all(fds[0], clock_mono_us() + ms * 1000, out);
	(void)close(fds[0]);
	if (!ended)
		(void)kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (!ended)
		return -ETIMEDOUT;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}

/* ---- perf ---- */

static void
take_text(char *to, size_t size, struct slice text)
{
	text = slice_head(slice_trim(text), size - 1);
	if (text.len > 0)
		memcpy(to, text.ptr, text.len);
	to[text.len] = '\0';
	scrub_terminal(to, text.len);
}

void
profile_perf_parse(struct profile_hot *h, struct slice text)
{
	struct slice line, percent, object;

	while (h->n < PROFILE_HOT_MAX && slice_cut(&text, '\n', &line)) {
		char number[16];

		if (!slice_cut(&line, ';', &percent) || !slice_cut(&line, ';', &object))
			continue;
		take_text(number, sizeof(number), percent);
		h->v[h->n].percent = strtod(number, NULL);
		if (h->v[h->n].percent <= 0)
			continue;
		take_text(h->v[h->n].object, sizeof(h->v[0].object), object);
		line = slice_trim(line);
		if (slice_starts(line, SLICE_LIT("[.] ")) ||
		    slice_starts(line, SLICE_LIT("[k] ")))
			line = slice_from(line, 4);
		take_text(h->v[h->n].function, sizeof(h->v[0].function), line);
		h->n++;
	}
}

static void
say_why(struct profile_hot *h, int err)
{
	const char *why =
	    err == -ENOENT ? "there is no perf (Debian's linux-perf)"
	    : err == -EPERM
		? "perf may not look at this process (kernel.perf_event_paranoid, "
		  "or a filter of system calls)"
	    : err == -ETIMEDOUT ? "perf did not end in time"
				: strerror(-err);

	(void)snprintf(h->why, sizeof(h->why), "%s", why);
}

static int
record_and_report(struct profile_hot *h, char *data, struct buf *out)
{
	char pid[16], seconds[16];
	char *record[] = {"perf", "record", "-q", "-F", "199", "-p", pid, "-o", data,
	    "--", "sleep", seconds, NULL};
	char *report[] = {"perf", "report", "-i", data, "--stdio", "-q", "--no-children",
	    "-F", "overhead,dso,symbol", "-t", ";", NULL};
	int r;

	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	(void)snprintf(seconds, sizeof(seconds), "%u", h->seconds);
	r = run_tool(record, h->seconds * 1000LL + TOOL_MS, out);
	buf_clear(out);
	return r < 0 ? r : run_tool(report, TOOL_MS, out);
}

void
profile_perf(struct profile_hot *h, uint32_t seconds)
{
	char data[PATH_MAX];
	struct buf out;
	int fd, r;

	*h = (struct profile_hot){
	    .seconds = seconds < PROFILE_SECONDS_MAX ? seconds : PROFILE_SECONDS_MAX};
	(void)snprintf(data, sizeof(data), "%s/trawl-perf-XXXXXX", temporary_dir());
	fd = mkostemp(data, O_CLOEXEC);
	if (fd < 0) {
		say_why(h, -errno);
		return;
	}
	(void)close(fd);
	buf_init(&out, REPORT_BYTES_MAX);
	r = record_and_report(h, data, &out);
	(void)unlink(data);
	if (r == 0)
		profile_perf_parse(h, buf_slice(&out));
	if (r < 0)
		say_why(h, r);
	else if (h->n == 0)
		(void)snprintf(
		    h->why, sizeof(h->why), "the process did nothing meanwhile");
	buf_release(&out);
}
