/*
 * Two halves: what the loop process calls, and the nursery's own main loop.
 */
#include "loop/nursery.h"
#include "base/list.h"
#include "loop/pool_wire.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

#define NESTS_MAX   128
#define END_WAIT_MS 5000
#define FDS_MAX     3

struct nursery {
	int fd;
	pid_t pid;
};

enum request_type { REQUEST_NEST, REQUEST_SPAWN, REQUEST_KILL };

struct request {
	enum request_type type;
	uint32_t fds;
	uint64_t cookie;
	struct worker_conf conf;
};

/* ---- the loop's half ---- */

/* A request and the descriptors that go with it. */
static int
request_send(int fd, const struct request *q, const int *fds)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = {.bytes = {0}};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)q, .iov_len = sizeof(*q)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (q->fds > 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(q->fds * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(q->fds * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, q->fds * sizeof(int));
	}
	if (sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return 0;
}

int
nursery_connect(struct nursery *n, int *ret_ctl)
{
	const struct request q = {.type = REQUEST_NEST, .fds = 1};
	int sv[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return -errno;
	r = request_send(n->fd, &q, &sv[1]);
	(void)close(sv[1]);
	if (r < 0) {
		(void)close(sv[0]);
		return r;
	}
	*ret_ctl = sv[0];
	return 0;
}

int
nursery_spawn(int ctl, uint64_t cookie, const struct worker_conf *conf, int fd_sock,
    int fd_results, int fd_arena)
{
	const int fds[FDS_MAX] = {fd_sock, fd_results, fd_arena};
	const struct request q = {.type = REQUEST_SPAWN,
	    .fds = fd_arena < 0 ? 2 : 3,
	    .cookie = cookie,
	    .conf = *conf};

	return request_send(ctl, &q, fds);
}

int
nursery_kill(int ctl, uint64_t cookie)
{
	const struct request q = {.type = REQUEST_KILL, .cookie = cookie};

	return request_send(ctl, &q, NULL);
}

int
nursery_recv(int ctl, struct nursery_event *ret)
{
	struct nursery_event e;
	ssize_t n = recv(ctl, &e, sizeof(e), MSG_DONTWAIT);

	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	if (n != (ssize_t)sizeof(e))
		return -EPIPE;
	*ret = e;
	return 0;
}

/* Until the other side closes, at most END_WAIT_MS: it does so when its work is done. */
static bool
wait_closed(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct nursery_event e;

	while (poll(&p, 1, END_WAIT_MS) > 0) {
		int r;

		while ((r = nursery_recv(fd, &e)) == 0)
			;
		if (r == -EPIPE)
			return true;
	}
	return false;
}

void
nursery_disconnect(int ctl)
{
	(void)shutdown(ctl, SHUT_WR);
	(void)wait_closed(ctl);
	(void)close(ctl);
}

void
nursery_free(struct nursery *n)
{
	if (n == NULL)
		return;
	(void)shutdown(n->fd, SHUT_WR);
	/* Its workers die with it (PR_SET_PDEATHSIG). */
	if (!wait_closed(n->fd))
		(void)kill(n->pid, SIGKILL);
	(void)close(n->fd);
	while (waitpid(n->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(n);
}

/* ---- the nursery's half ---- */

struct child {
	struct list on_nest;
	uint64_t cookie;
	pid_t pid;
};

/* What one pool has here. */
struct nest {
	struct list on_home;
	struct list children;
	int fd;
	bool closing; /* the pool is gone: closed when the last child is reaped */
};

struct home {
	struct list nests;
	uint32_t nests_len;
	pid_t pid;
	int fd_main;
	int fd_signal;
};

/*
 * A terminal sends its signals to the whole foreground group, service managers to all of
 * a unit: when to end is for the loop process to say.
 */
static void
home_ignore_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN,
	    SIGTTOU, SIGPIPE, SIGUSR1, SIGUSR2};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)signal(signals[i], SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
}

/*
 * stdin and stdout may be pipes whose other end waits for them to close; stderr stays for
 * the reports of sanitizers.  `fd` becomes 3, everything else goes.
 */
static int
home_keep_only(int fd)
{
	int null, high;

	high = fcntl(fd, F_DUPFD_CLOEXEC, 16);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (high < 0 || null < 0)
		return -errno;
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    (fcntl(STDERR_FILENO, F_GETFD) < 0 && dup2(null, STDERR_FILENO) < 0) ||
	    dup3(high, 3, O_CLOEXEC) < 0 || close_range(4, ~0u, 0) < 0)
		return -errno;
	return 3;
}

static void
nest_tell(
    struct nest *n, enum nursery_event_type type, uint64_t cookie, int pid, int status)
{
	struct nursery_event e;

	memset(&e, 0, sizeof(e)); /* what lies between the fields goes out as well */
	e.type = type;
	e.cookie = cookie;
	e.pid = pid;
	e.status = status;
	/* May block: at most two are under way for each worker that was asked for. */
	if (!n->closing)
		(void)send(n->fd, &e, sizeof(e), MSG_NOSIGNAL);
}

/* The new process: its descriptors to where worker_main() expects them. */
_Noreturn static void
child_main(const struct home *h, const struct request *q, const int *fds)
{
	sigset_t none;
	int high[FDS_MAX];

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != h->pid)
		_exit(WORKER_EXIT_INIT);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (uint32_t i = 0; i < q->fds; i++)
		high[i] = fcntl(fds[i], F_DUPFD, WORKER_FD_ARENA + 1);
	for (uint32_t i = 0; i < q->fds; i++)
		if (high[i] < 0 || dup2(high[i], WORKER_FD_SOCK + (int)i) < 0)
			_exit(WORKER_EXIT_INIT);
	if (close_range(WORKER_FD_SOCK + q->fds, ~0u, 0) < 0)
		_exit(WORKER_EXIT_INIT);
	worker_main(&q->conf);
}

static void
nest_spawn(struct home *h, struct nest *n, const struct request *q, const int *fds)
{
	struct child *c = malloc(sizeof(*c));
	pid_t pid;

	if (c == NULL) {
		nest_tell(n, NURSERY_FAILED, q->cookie, 0, ENOMEM);
		return;
	}
	pid = fork();
	if (pid == 0)
		child_main(h, q, fds);
	if (pid < 0) {
		nest_tell(n, NURSERY_FAILED, q->cookie, 0, errno);
		free(c);
		return;
	}
	*c = (struct child){.cookie = q->cookie, .pid = pid};
	list_push(&n->children, &c->on_nest);
	nest_tell(n, NURSERY_SPAWNED, q->cookie, pid, 0);
}

static void
nest_kill(struct nest *n, const uint64_t *cookie)
{
	list_foreach (it, &n->children) {
		struct child *c = container_of(it, struct child, on_nest);

		if (cookie == NULL || c->cookie == *cookie)
			(void)kill(c->pid, SIGKILL);
	}
}

static void
nest_close(struct nest *n)
{
	n->closing = true;
	nest_kill(n, NULL);
}

static void
nest_free_if_empty(struct home *h, struct nest *n)
{
	if (!n->closing || !list_is_empty(&n->children))
		return;
	list_remove(&n->on_home);
	h->nests_len--;
	(void)close(n->fd);
	free(n);
}

/* A request and up to FDS_MAX descriptors; 0 at the end of file, -EAGAIN, 1. */
static int
request_recv(int fd, struct request *ret, int fds[FDS_MAX], uint32_t *ret_fds)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = ret, .iov_len = sizeof(*ret)};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*ret_fds = 0;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -EAGAIN : 0;
	c = CMSG_FIRSTHDR(&m);
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		*ret_fds = (uint32_t)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), *ret_fds * sizeof(int));
	}
	return n == (ssize_t)sizeof(*ret) && ret->fds == *ret_fds;
}

static void
nest_read(struct home *h, struct nest *n)
{
	int fds[FDS_MAX], r;
	uint32_t fds_len;
	struct request q;

	while ((r = request_recv(n->fd, &q, fds, &fds_len)) > 0) {
		if (q.type == REQUEST_SPAWN)
			nest_spawn(h, n, &q, fds);
		else if (q.type == REQUEST_KILL)
			nest_kill(n, &q.cookie);
		for (uint32_t i = 0; i < fds_len; i++)
			(void)close(fds[i]);
	}
	if (r == 0) {
		nest_close(n);
		nest_free_if_empty(h, n);
	}
}

/* False: the loop process has gone or wants us to go. */
static bool
home_read(struct home *h)
{
	int fds[FDS_MAX], r;
	uint32_t fds_len;
	struct request q;

	while ((r = request_recv(h->fd_main, &q, fds, &fds_len)) > 0) {
		struct nest *n = NULL;

		assert(q.type == REQUEST_NEST && fds_len == 1);
		if (h->nests_len < NESTS_MAX)
			n = malloc(sizeof(*n));
		if (n == NULL) {
			(void)close(fds[0]);
			continue;
		}
		*n = (struct nest){.fd = fds[0]};
		list_init(&n->children);
		list_push(&h->nests, &n->on_home);
		h->nests_len++;
	}
	return r < 0;
}

static void
home_bury(struct home *h, pid_t pid, int status)
{
	list_foreach (it, &h->nests) {
		struct nest *n = container_of(it, struct nest, on_home);

		list_foreach (at, &n->children) {
			struct child *c = container_of(at, struct child, on_nest);

			if (c->pid != pid)
				continue;
			nest_tell(n, NURSERY_EXITED, c->cookie, pid, status);
			list_remove(&c->on_nest);
			free(c);
			nest_free_if_empty(h, n);
			return;
		}
	}
}

static void
home_reap(struct home *h)
{
	struct signalfd_siginfo si;
	pid_t pid;
	int status;

	/* Only to be woken: one signal may stand for several dead. */
	while (read(h->fd_signal, &si, sizeof(si)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		home_bury(h, pid, status);
}

/* Everything dies with the loop process; its pools may wait for it on their sockets. */
_Noreturn static void
home_end(struct home *h)
{
	pid_t pid;
	int status;

	list_foreach_safe(it, tmp, &h->nests)
	{
		struct nest *n = container_of(it, struct nest, on_home);

		nest_close(n);
		nest_free_if_empty(h, n);
	}
	while ((pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR)
		if (pid > 0)
			home_bury(h, pid, status);
	_exit(0);
}

static void
home_turn(struct home *h)
{
	struct pollfd p[2 + NESTS_MAX];
	struct nest *nests[NESTS_MAX];
	uint32_t len = 0;

	p[0] = (struct pollfd){.fd = h->fd_main, .events = POLLIN};
	p[1] = (struct pollfd){.fd = h->fd_signal, .events = POLLIN};
	list_foreach (it, &h->nests) {
		nests[len] = container_of(it, struct nest, on_home);
		p[2 + len] = (struct pollfd){
		    .fd = nests[len]->closing ? -1 : nests[len]->fd, .events = POLLIN};
		len++;
	}
	if (poll(p, 2 + len, -1) < 0)
		return;
	/* The nests before the dead: burying may free a nest. */
	for (uint32_t i = 0; i < len; i++)
		if (p[2 + i].revents != 0)
			nest_read(h, nests[i]);
	if (p[1].revents != 0)
		home_reap(h);
	if (p[0].revents != 0 && !home_read(h))
		home_end(h);
}

_Noreturn static void
home_main(int fd, pid_t parent)
{
	struct home h = {.pid = getpid()};
	sigset_t chld;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(1);
	(void)prctl(PR_SET_NAME, "trawl-nursery", 0, 0, 0);
	home_ignore_signals();
	list_init(&h.nests);
	h.fd_main = home_keep_only(fd);
	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	if (h.fd_main < 0 || sigprocmask(SIG_SETMASK, &chld, NULL) < 0)
		_exit(1);
	h.fd_signal = signalfd(-1, &chld, SFD_NONBLOCK | SFD_CLOEXEC);
	if (h.fd_signal < 0)
		_exit(1);
	for (;;)
		home_turn(&h);
}

int
nursery_start(struct nursery **ret, struct why *why)
{
	struct nursery *n = malloc(sizeof(*n));
	pid_t parent = getpid();
	int sv[2], r;

	if (n == NULL)
		return why_set(why, -ENOMEM, "cannot start the nursery: no memory");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		goto fail_n;
	n->pid = fork();
	if (n->pid == 0) {
		free(n);
		home_main(sv[1], parent);
	}
	if (n->pid < 0)
		goto fail_sv;
	(void)close(sv[1]);
	n->fd = sv[0];
	*ret = n;
	return 0;

fail_sv:
	r = -errno;
	(void)close(sv[0]);
	(void)close(sv[1]);
	errno = -r;
fail_n:
	r = -errno;
	free(n);
	return why_set(why, r, "cannot start the nursery: %s", strerror(-r));
}
