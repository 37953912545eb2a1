#include "sink/child.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

enum { READS_MAX = 64 }; /* of 1,000 bytes, in one go */

struct pipes {
	int in[2], out[2], err[2];
};

static void
pipe_close(int ends[2])
{
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			(void)close(ends[i]);
}

static void
pipes_close(struct pipes *p)
{
	pipe_close(p->in);
	pipe_close(p->out);
	pipe_close(p->err);
}

static int
pipe_open(int ends[2], int ours)
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	return fcntl(ends[ours], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int
pipes_open(struct pipes *p)
{
	int r;

	*p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
	r = pipe_open(p->in, 1);
	if (r == 0)
		r = pipe_open(p->out, 0);
	if (r == 0)
		r = pipe_open(p->err, 0);
	if (r < 0)
		pipes_close(p);
	return r;
}

static int
set_files(posix_spawn_file_actions_t *files, const struct pipes *p)
{
	int r = posix_spawn_file_actions_adddup2(files, p->in[0], 0);

	if (r == 0)
		r = posix_spawn_file_actions_adddup2(files, p->out[1], 1);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(files, p->err[1], 2);
	/* All of ours are close-on-exec; this is for those of libraries. */
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(files, 3);
	return r;
}

static int
set_attributes(posix_spawnattr_t *a)
{
	sigset_t none, all;
	int r;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	r = posix_spawnattr_setflags(
	    a, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	if (r == 0)
		r = posix_spawnattr_setsigmask(a, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(a, &all);
	return r != 0 ? r : posix_spawnattr_setpgroup(a, 0);
}

static int
spawn(const struct exec_command *command, const struct pipes *p, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int r = posix_spawn_file_actions_init(&files);

	if (r != 0)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r != 0)
		goto fail;
	r = set_files(&files, p);
	if (r == 0)
		r = set_attributes(&attributes);
	if (r == 0)
		r = posix_spawn(
		    ret, command->path, &files, &attributes, command->argv, command->env);
	(void)posix_spawnattr_destroy(&attributes);
fail:
	(void)posix_spawn_file_actions_destroy(&files);
	return -r;
}

int
child_start(struct child *c, const struct exec_command *command, struct why *why)
{
	struct pipes p;
	pid_t pid;
	int r = pipes_open(&p), fd;

	if (r < 0)
		return why_set(why, r, "no pipes for it: %s", strerrordesc_np(-r));
	r = spawn(command, &p, &pid);
	if (r < 0) {
		pipes_close(&p);
		return why_set(
		    why, r, "'%s' cannot be run: %s", command->path, strerrordesc_np(-r));
	}
	(void)close(p.in[0]);
	(void)close(p.out[1]);
	(void)close(p.err[1]);
	fd = pidfd_open(pid, 0);
	*c = (struct child){.pid = pid,
	    .pid_fd = fd,
	    .in = p.in[1],
	    .out.fd = p.out[0],
	    .err.fd = p.err[0]};
	if (fd < 0) { /* no descriptor left, or an old kernel */
		char status[CHILD_STATUS_MAX];

		r = -errno;
		child_signal(c, SIGKILL);
		(void)child_reap(c, status);
		return why_set(why, r, "cannot watch it: %s", strerrordesc_np(-r));
	}
	return 0;
}

size_t
child_unread(const struct child *c)
{
	int n = 0;

	return c->in < 0 || ioctl(c->in, FIONREAD, &n) < 0 || n < 0 ? 0 : (size_t)n;
}

/* All whole lines of l->text. */
static void
give_lines(struct child_lines *l, bool to_the_end, child_line_fn *fn, void *ctx)
{
	size_t begin = 0;

	while (begin < l->len) {
		struct slice rest = slice_of(l->text + begin, l->len - begin);
		size_t n = slice_find(rest, '\n');

		if (n == rest.len && !to_the_end &&
		    (begin > 0 || l->len < sizeof(l->text)))
			break;
		fn(ctx, slice_head(rest, n));
		begin += n + (n < rest.len);
	}
	if (begin > 0)
		memmove(l->text, l->text + begin, l->len - begin);
	l->len -= begin;
}

void
child_read(struct child_lines *l, bool to_the_end, child_line_fn *fn, void *ctx)
{
	for (int i = 0; i < READS_MAX && l->fd >= 0; i++) {
		ssize_t n = read(l->fd, l->text + l->len, sizeof(l->text) - l->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			(void)close(l->fd);
			l->fd = -1;
			break;
		}
		l->len += (size_t)n;
		give_lines(l, false, fn, ctx);
	}
	if (to_the_end || l->fd < 0)
		give_lines(l, true, fn, ctx);
}

bool
child_has_ended(const struct child *c)
{
	struct pollfd p = {.fd = c->pid_fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

void
child_signal(const struct child *c, int number)
{
	(void)kill(-c->pid, number);
}

static void
close_one(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

bool
child_reap(struct child *c, char ret[CHILD_STATUS_MAX])
{
	int status = 0;
	pid_t r;

	do
		r = waitpid(c->pid, &status, 0);
	while (r < 0 && errno == EINTR);
	close_one(&c->in);
	close_one(&c->out.fd);
	close_one(&c->err.fd);
	close_one(&c->pid_fd);
	if (r >= 0 && WIFSIGNALED(status)) {
		const char *text = sigdescr_np(WTERMSIG(status));

		(void)snprintf(ret, CHILD_STATUS_MAX, "signal %d (%.40s)",
		    WTERMSIG(status), text == NULL ? "?" : text);
		return false;
	}
	(void)snprintf(
	    ret, CHILD_STATUS_MAX, "exit status %d", r < 0 ? -1 : WEXITSTATUS(status));
	return r >= 0 && WEXITSTATUS(status) == 0;
}
