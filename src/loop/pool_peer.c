/*
 * The loop's side of the worker processes: start, share out tasks, time, bury.
 */
#include "base/clock.h"
#include "loop/pool_int.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

#define START_MS       10000 /* from fork to HELLO */
#define EXIT_WAIT_MS   1000  /* for the word of how one that did not start has ended */
#define START_TRIES    12    /* of each worker, none of which came to HELLO: 6 s */
#define LEAVE_MS       5000  /* for ops->fini() */
#define KILL_AGAIN_MS  1000  /* the nursery did not take it, or is slow */
#define DELAY_MS_FIRST 10
#define DELAY_MS_MAX   1000
#define SOCKET_BYTES   (4 * (int)WIRE_PACKET_BYTES_MAX)
#define TIMER_NEVER_MS INT64_MAX
#define WAITS_FROM     8 /* part of a deadline from which on a worker's waits are seen */
#define WAITS_MAX      4 /* deadlines, however long it waits */
#define WAIT_US_MIN    20000 /* two ticks, in which what a process runs is counted */

static void peer_on_io(void *ctx, int events);
static void peer_on_timer(void *ctx);
static void peer_spawn(struct peer *w);
static void peers_lose(struct pool *p);

static uint64_t
peer_cookie(const struct peer *w)
{
	return (uint64_t)w->life << 32 | w->index;
}

/* The one the worker is at, or NULL. */
static struct task *
peer_first(const struct peer *w)
{
	if (!list_is_empty(&w->line))
		return task_of(w->line.next);
	if (!list_is_empty(&w->outbox))
		return task_of(w->outbox.next);
	return NULL;
}

/* What a process has had of processors in its life (proc(5), stat).  -1: that cannot be seen. */
static int64_t
ran_us(int pid, char *ret_state)
{
	char text[512];
	const char *end;
	unsigned long in_user, in_system;
	ssize_t n = -1;
	int fd;

	(void)snprintf(text, sizeof(text), "/proc/%d/stat", pid);
	fd = open(text, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		(void)close(fd);
	}
	if (n <= 0)
		return -1;
	text[n] = '\0';
	end = strrchr(text, ')');
	if (end == NULL ||
	    sscanf(end + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		ret_state, &in_user, &in_system) != 3)
		return -1;
	return (int64_t)(in_user + in_system) * (1000000 / sysconf(_SC_CLK_TCK));
}

static void
look_how_it_runs(struct peer *w, int64_t now_us)
{
	char state;

	w->looked_us = now_us;
	w->ran_us = ran_us(w->pid, &state);
}

/*
 * By the time in which a worker that wants to run could not, since it was looked at last;
 * one that is stopped or sleeps does not want to.  false: by none, or often enough.
 */
static bool
put_off(struct peer *w, int64_t now_us)
{
	int64_t last_us = w->began_us + w->timeout_us * WAITS_MAX, more_us, ran;
	char state = '?';

	if (w->looked_us == 0 || w->ran_us < 0 || w->deadline_us >= last_us)
		return false;
	ran = ran_us(w->pid, &state);
	more_us = now_us - w->looked_us - (ran - w->ran_us);
	if (ran < 0 || state != 'R' || more_us < WAIT_US_MIN)
		return false;
	w->looked_us = now_us;
	w->ran_us = ran;
	w->deadline_us += more_us;
	if (w->deadline_us > last_us)
		w->deadline_us = last_us;
	return w->deadline_us > now_us;
}

/* The timer is always running (restarting it cannot fail); "never" is far away. */
void
peer_arm(struct peer *w)
{
	const struct task *t = peer_first(w);

	w->began_us = loop_now_us(w->pool->loop);
	if (t == NULL || t->timeout_ms == 0) {
		w->deadline_us = INT64_MAX;
		(void)timer_start(&w->timer, TIMER_NEVER_MS);
		return;
	}
	w->looked_us = 0;
	w->timeout_us = (int64_t)t->timeout_ms * 1000;
	w->deadline_us = w->began_us + w->timeout_us;
	(void)timer_start(&w->timer, t->timeout_ms / WAITS_FROM + 1);
}

/* ---- descriptors and memory of one life ---- */

static int
results_open(uint64_t bytes, int *ret_fd, struct region_head **ret_head)
{
	int fd = memfd_create("trawl-results", MFD_CLOEXEC | MFD_ALLOW_SEALING), r;
	void *head;

	if (fd < 0)
		return -errno;
	/* Sealed, so that no worker can cut it: a read behind the cut kills the reader.
	 */
	if (ftruncate(fd, (off_t)bytes) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		goto fail;
	head = mmap(NULL, REGION_HEAD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (head == MAP_FAILED)
		goto fail;
	*ret_fd = fd;
	*ret_head = head;
	return 0;

fail:
	r = -errno;
	(void)close(fd);
	return r;
}

static void
peer_close(struct peer *w)
{
	io_free(w->io);
	w->io = NULL;
	if (w->fd >= 0)
		(void)close(w->fd);
	w->fd = -1;
	if (w->region != NULL)
		(void)munmap(w->region, REGION_HEAD_BYTES);
	w->region = NULL;
	if (w->fd_results >= 0)
		(void)close(w->fd_results);
	w->fd_results = -1;
}

/* *ret_theirs is the worker's end. */
static int
peer_open(struct peer *w, int *ret_theirs)
{
	struct pool *p = w->pool;
	int sv[2], bytes = SOCKET_BYTES, r;

	r = results_open(REGION_HEAD_BYTES + region_data_bytes(p->conf.result_bytes_max),
	    &w->fd_results, &w->region);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0) {
		r = -errno;
		goto fail;
	}
	w->fd = sv[0];
	(void)setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	r = io_new(p->loop, w->fd, peer_on_io, w, &w->io);
	if (r < 0) {
		(void)close(sv[1]);
		goto fail;
	}
	*ret_theirs = sv[1];
	return 0;

fail:
	peer_close(w);
	return r;
}

/* ---- life and death ---- */

/* No process; a new one at once, or later if they die without having done anything. */
static void
peer_down(struct peer *w)
{
	struct pool *p = w->pool;

	if (w->state == PEER_DOWN && p->lost)
		return;
	if (!w->said_hello)
		p->starts_failed++;
	peer_close(w);
	w->state = PEER_DOWN;
	w->pid = 0;
	if (p->starts_failed >= START_TRIES * p->conf.workers) {
		peers_lose(p);
		return;
	}
	if (w->ended > 0) {
		w->delay_ms = 0;
		peer_spawn(w);
		return;
	}
	w->delay_ms = w->delay_ms == 0 ? DELAY_MS_FIRST : w->delay_ms * 2;
	if (w->delay_ms > DELAY_MS_MAX)
		w->delay_ms = DELAY_MS_MAX;
	(void)timer_start(&w->timer, w->delay_ms);
}

static void
peer_spawn(struct peer *w)
{
	struct pool *p = w->pool;
	const struct worker_conf conf = {
	    .ops = p->conf.ops,
	    .arena_bytes = p->conf.shm == NULL ? 0 : shm_bytes(p->conf.shm),
	    .result_bytes_max = p->conf.result_bytes_max,
	    .memory_bytes = p->conf.worker_memory_bytes,
	    .cpu_s = p->conf.worker_cpu_s,
	};
	int theirs = -1, r;

	w->life++;
	w->said_hello = w->breach = false;
	w->given = w->ended = 0;
	w->busy_us = 0;
	w->seq_next = 1;
	w->looks = 0;
	w->settings_version = 0;
	r = peer_open(w, &theirs);
	if (r == 0) {
		r = nursery_spawn(p->ctl, peer_cookie(w), &conf, theirs, w->fd_results,
		    p->conf.shm == NULL ? -1 : shm_fd(p->conf.shm));
		(void)close(theirs);
	}
	if (r < 0) {
		trouble_set(p, r, "cannot start a worker: %s", strerror(-r));
		peer_down(w);
		return;
	}
	w->state = PEER_STARTING;
	io_set(w->io, IO_READ);
	(void)timer_start(&w->timer, START_MS);
}

/* All but the one it was at is run by another. */
static void
peer_give_back(struct peer *w, const struct task *keep)
{
	struct list *const lists[] = {&w->outbox, &w->line};

	for (size_t i = 0; i < 2; i++)
		for (struct list *n = lists[i]->prev, *prev; n != lists[i]; n = prev) {
			prev = n->prev;
			if (task_of(n) != keep)
				task_again(w->pool, task_of(n));
		}
	w->line_len = 0;
}

/* It is known now how the worker died, or never will be. */
static void
peer_end_victim(struct peer *w, int status)
{
	struct pool *p = w->pool;
	struct task *t = w->victim;

	w->victim = NULL;
	if (t == NULL)
		return;
	p->death = (struct pool_death){.breach = w->breach};
	if (!w->breach && WIFSIGNALED(status))
		p->death.signal = WTERMSIG(status);
	else if (!w->breach && WIFEXITED(status))
		p->death.exit_status = WEXITSTATUS(status);
	task_end(p, t, POOL_CRASH, slice_of(NULL, 0));
	p->death = (struct pool_death){0};
}

/* Whether it is dead already or has to be killed: the nursery kills what it has. */
void
peer_die(struct peer *w, enum pool_end end)
{
	struct pool *p = w->pool;
	struct task *at = peer_first(w);

	assert(w->state == PEER_STARTING || w->state == PEER_READY);
	if (w->state == PEER_READY && end == POOL_TIMEOUT)
		p->stats.timeouts++;
	else if (w->state == PEER_READY)
		p->stats.crashes++;
	/* One that was never sent it cannot have died of it; a deadline costs it anyway.
	 */
	if (at != NULL && at->state != TASK_SENT && !at->begun && end != POOL_TIMEOUT)
		at = NULL;
	peer_close(w);
	w->state = PEER_DYING;
	peer_give_back(w, at);
	contexts_reset(p, w->index);
	(void)nursery_kill(p->ctl, peer_cookie(w));
	(void)timer_start(&w->timer, KILL_AGAIN_MS);
	later_start(&p->turn);
	if (at != NULL && end == POOL_TIMEOUT) {
		task_end(p, at, end, slice_of(NULL, 0));
	} else if (at != NULL) {
		list_remove(&at->on);
		w->victim = at;
	}
}

void
peer_ready_if(struct peer *w)
{
	if (!w->said_hello || w->pid == 0 || w->state != PEER_STARTING)
		return;
	w->state = PEER_READY;
	w->pool->starts_failed = 0;
	peer_arm(w);
	later_start(&w->pool->turn);
}

void
peer_gone(struct peer *w)
{
	trouble_set(w->pool, -ECHILD, "worker %d has gone", w->pid);
	peer_die(w, POOL_CRASH);
}

/* ---- dispatch ---- */

/* Has had its number of tasks, or its time. */
static bool
peer_is_old(const struct peer *w)
{
	const struct pool_conf *c = &w->pool->conf;

	return (c->recycle_tasks > 0 && w->given >= c->recycle_tasks) ||
	       (c->worker_cpu_s > 0 && w->busy_us / 500000 >= c->worker_cpu_s);
}

static bool
peer_may_take(const struct peer *w)
{
	return w->state == PEER_READY && w->line_len < w->pool->conf.batch_max &&
	       w != w->pool->alone_at && !peer_is_old(w);
}

/* The one with the shortest line. */
static struct peer *
peer_to_fill(struct pool *p)
{
	struct peer *best = NULL;

	for (uint32_t i = 0; i < p->conf.workers; i++) {
		struct peer *w = &p->peers[i];

		if (w->filling && peer_may_take(w) &&
		    (best == NULL || w->line_len < best->line_len))
			best = w;
	}
	return best;
}

static void
peer_assign(struct peer *w, struct task *t)
{
	t->state = TASK_ASSIGNED;
	list_push(&w->outbox, &t->on);
	w->line_len++;
	w->given++;
	if (w->line_len == 1)
		peer_arm(w);
}

/* Its end of file is the word to go. */
static void
peer_leave(struct peer *w)
{
	peer_close(w);
	contexts_reset(w->pool, w->index);
	w->state = PEER_LEAVING;
	(void)timer_start(&w->timer, LEAVE_MS);
}

/* A worker is kept for the first that is to be alone; it gets it when it has nothing
 * else.  One that has died or gone meanwhile was kept in vain. */
static void
peers_alone(struct pool *p)
{
	if (p->alone_task != NULL)
		return;
	if (p->alone_at != NULL && (p->alone_len == 0 || peer_is_old(p->alone_at) ||
				       p->alone_at->state != PEER_READY))
		p->alone_at = NULL;
	if (p->alone_at == NULL && p->alone_len > 0) {
		for (uint32_t i = 0; i < p->conf.workers; i++)
			p->peers[i].filling = true;
		p->alone_at = peer_to_fill(p);
	}
	if (p->alone_at != NULL && p->alone_at->line_len == 0) {
		p->alone_task = task_take_alone(p);
		peer_assign(p->alone_at, p->alone_task);
	}
}

/*
 * What else its owner has waiting goes along with a task, as far as there is enough for all
 * workers: between two owners a worker is wiped, and before that it has to wait until what it
 * made is read.
 */
static void
share_out(struct pool *p)
{
	uint32_t filling = 0;
	struct peer *w;

	/* A line is filled when half of it is gone, so that tasks travel in batches. */
	for (uint32_t i = 0; i < p->conf.workers; i++) {
		w = &p->peers[i];
		w->filling = w->line_len <= p->conf.batch_max / 2;
		filling += w->filling && peer_may_take(w);
	}
	while (p->queue_len > 0 && (w = peer_to_fill(p)) != NULL) {
		struct task *t = task_take(p);
		uint32_t each = p->queue_len / filling;

		do {
			peer_assign(w, t);
		} while (
		    each-- > 0 && peer_may_take(w) && (t = task_take_like(p, t)) != NULL);
	}
}

void
peers_turn(struct pool *p)
{
	struct peer *w;

	peers_alone(p);
	share_out(p);
	for (uint32_t i = 0; i < p->conf.workers; i++) {
		w = &p->peers[i];
		if (w->state == PEER_READY && (w->sync || !list_is_empty(&w->outbox)))
			peer_flush(w);
		if (w->state == PEER_READY && w->line_len == 0 && peer_is_old(w))
			peer_leave(w);
	}
}

static void
peer_on_io(void *ctx, int events)
{
	struct peer *w = ctx;

	if ((events & IO_READ) != 0)
		peer_read(w);
	if ((events & IO_WRITE) != 0 && w->state == PEER_READY)
		peer_flush(w);
	peers_turn(w->pool);
}

/* What has ended in time but was not read yet has ended in time. */
static void
peer_deadline(struct peer *w)
{
	int64_t now_us = loop_now_us(w->pool->loop);

	peer_notes(w);
	if (w->state == PEER_READY)
		peer_read(w);
	if (w->state != PEER_READY || w->deadline_us == INT64_MAX)
		return;
	if (w->looked_us == 0 && now_us >= w->began_us + w->timeout_us / WAITS_FROM)
		look_how_it_runs(w, now_us);
	if (now_us < w->deadline_us || put_off(w, now_us)) {
		(void)timer_start(&w->timer, (w->deadline_us - now_us + 999) / 1000);
		return;
	}
	trouble_set(
	    w->pool, -ETIME, "worker %d was killed at the deadline of a task", w->pid);
	peer_die(w, POOL_TIMEOUT);
}

static void
peer_on_timer(void *ctx)
{
	struct peer *w = ctx;
	struct pool *p = w->pool;

	/* There is room for it: it has just been taken out. */
	(void)timer_start(&w->timer, TIMER_NEVER_MS);
	switch (w->state) {
	case PEER_DOWN:
		peer_spawn(w);
		break;
	case PEER_STARTING:
		trouble_set(
		    p, -ETIME, "a worker did not start within %d s", START_MS / 1000);
		peer_die(w, POOL_CRASH);
		break;
	case PEER_READY:
		peer_deadline(w);
		break;
	case PEER_LEAVING:
	case PEER_DYING:
		(void)nursery_kill(p->ctl, peer_cookie(w));
		(void)timer_start(&w->timer, KILL_AGAIN_MS);
		break;
	case PEER_STATE_MAX:
		assert(false);
	}
	peers_turn(p);
}

/* ---- what the nursery says ---- */

static void
peer_exited(struct peer *w, const struct nursery_event *e)
{
	struct pool *p = w->pool;

	if (w->state == PEER_STARTING || w->state == PEER_READY)
		peer_read(w);
	if (w->state == PEER_STARTING || w->state == PEER_READY)
		peer_gone(w);
	if (WIFSIGNALED(e->status) && WTERMSIG(e->status) != SIGKILL)
		trouble_set(p, -ECHILD, "worker %d died of signal %d (%s)", e->pid,
		    WTERMSIG(e->status), strsignal(WTERMSIG(e->status)));
	if (w->state == PEER_LEAVING)
		p->stats.recycled++;
	peer_down(w);
	peer_end_victim(w, e->status);
}

static void
on_nursery_event(struct pool *p, const struct nursery_event *e)
{
	struct peer *w;

	assert((uint32_t)e->cookie < p->conf.workers);
	w = &p->peers[(uint32_t)e->cookie];
	assert(w->life == e->cookie >> 32);
	switch (e->type) {
	case NURSERY_SPAWNED:
		w->pid = e->pid;
		peer_ready_if(w);
		break;
	case NURSERY_FAILED:
		trouble_set(
		    p, -e->status, "cannot fork a worker: %s", strerror(e->status));
		peer_down(w);
		break;
	case NURSERY_EXITED:
		peer_exited(w, e);
		break;
	}
}

/* There are none, and there will be none. */
static void
peers_lose(struct pool *p)
{
	p->lost = true; /* before any `done` that might ask for more */
	for (uint32_t i = 0; i < p->conf.workers; i++) {
		struct peer *w = &p->peers[i];

		peer_close(w);
		peer_give_back(w, NULL);
		contexts_reset(p, i);
		w->state = PEER_DOWN;
		timer_stop(&w->timer);
		peer_end_victim(w, 0);
	}
	pool_lose(p);
}

static void
nursery_lost(struct pool *p)
{
	trouble_set(p, -EPIPE, "the nursery is gone, and with it all workers");
	io_set(p->ctl_io, 0);
	peers_lose(p);
}

static void
on_ctl(void *ctx, int events)
{
	struct pool *p = ctx;
	struct nursery_event e;
	int r;

	(void)events;
	while ((r = nursery_recv(p->ctl, &e)) == 0)
		on_nursery_event(p, &e);
	if (r == -EPIPE)
		nursery_lost(p);
	else
		peers_turn(p);
}

/* ---- start and stop ---- */

static bool
all_ready(const struct pool *p)
{
	for (uint32_t i = 0; i < p->conf.workers; i++)
		if (p->peers[i].state != PEER_READY)
			return false;
	return true;
}

static bool
any_dying(const struct pool *p)
{
	for (uint32_t i = 0; i < p->conf.workers; i++)
		if (p->peers[i].state == PEER_DYING)
			return true;
	return false;
}

/* That a worker has gone is often heard before the nursery says what it died of, which
 * tells a person more. */
static void
wait_told(struct pool *p)
{
	struct pollfd f = {.fd = p->ctl, .events = POLLIN};

	while (!p->lost && any_dying(p) && poll(&f, 1, EXIT_WAIT_MS) > 0)
		on_ctl(p, IO_READ);
}

/* The loop may not be running yet: waits here, once, until each is jailed or one is not.
 */
static int
wait_ready(struct pool *p, struct pollfd *fds)
{
	int64_t end_ms = clock_mono_ms() + START_MS;

	while (p->trouble_code == 0 && !all_ready(p)) {
		int64_t left_ms = end_ms - clock_mono_ms();
		nfds_t n = 1;

		fds[0] = (struct pollfd){.fd = p->ctl, .events = POLLIN};
		for (uint32_t i = 0; i < p->conf.workers; i++)
			fds[n++] =
			    (struct pollfd){.fd = p->peers[i].fd, .events = POLLIN};
		if (left_ms <= 0 || poll(fds, n, (int)left_ms) == 0) {
			trouble_set(p, -ETIME, "a worker did not start within %d s",
			    START_MS / 1000);
			break;
		}
		for (uint32_t i = 0; i < p->conf.workers; i++)
			if (fds[1 + i].revents != 0 && p->peers[i].fd >= 0)
				peer_read(&p->peers[i]);
		if (fds[0].revents != 0)
			on_ctl(p, IO_READ);
	}
	if (p->trouble_code == -ECHILD)
		wait_told(p);
	return p->trouble_code;
}

static int
peers_alloc(struct pool *p)
{
	uint32_t n = p->conf.workers;
	int r = 0;

	p->packet = malloc(WIRE_PACKET_BYTES_MAX);
	if (p->packet == NULL)
		return -ENOMEM;
	p->peers = calloc(n, sizeof(*p->peers));
	if (p->peers == NULL)
		return -ENOMEM;
	buf_init(&p->result, p->conf.result_bytes_max);
	for (uint32_t i = 0; i < n; i++) {
		struct peer *w = &p->peers[i];

		w->pool = p;
		w->index = i;
		w->fd = w->fd_results = -1;
		list_init(&w->line);
		list_init(&w->outbox);
		timer_init(&w->timer, p->loop, peer_on_timer, w);
		if (r == 0)
			r = timer_start(&w->timer, TIMER_NEVER_MS);
	}
	return r;
}

int
peers_start(struct pool *p, struct why *why)
{
	struct pollfd *fds = calloc(p->conf.workers + 1, sizeof(*fds));
	int r;

	p->ctl = -1;
	r = peers_alloc(p);
	if (r == 0 && fds == NULL)
		r = -ENOMEM;
	if (r == 0)
		r = nursery_connect(p->conf.nursery, &p->ctl);
	if (r == 0)
		r = io_new(p->loop, p->ctl, on_ctl, p, &p->ctl_io);
	if (r < 0) {
		(void)why_set(why, r, "cannot start a pool of workers: %s", strerror(-r));
		goto fail;
	}
	io_set(p->ctl_io, IO_READ);
	for (uint32_t i = 0; i < p->conf.workers && p->trouble_code == 0; i++)
		peer_spawn(&p->peers[i]);
	r = wait_ready(p, fds);
	if (r < 0) {
		(void)why_set(why, r, "%s", p->trouble.text);
		goto fail;
	}
	free(fds);
	return 0;

fail:
	free(fds);
	peers_stop(p);
	return r;
}

void
peers_stop(struct pool *p)
{
	for (uint32_t i = 0; p->peers != NULL && i < p->conf.workers; i++) {
		peer_close(&p->peers[i]);
		timer_stop(&p->peers[i].timer);
	}
	io_free(p->ctl_io);
	if (p->ctl >= 0)
		nursery_disconnect(p->ctl);
	buf_release(&p->result);
	free(p->packet);
	free(p->peers);
}

void
peers_check(const struct pool *p)
{
	for (uint32_t i = 0; i < p->conf.workers; i++) {
		const struct peer *w = &p->peers[i];
		uint32_t len = 0;

		list_foreach (it, &w->line) {
			assert(task_of(it)->state == TASK_SENT);
			len++;
		}
		list_foreach (it, &w->outbox) {
			assert(task_of(it)->state == TASK_ASSIGNED);
			len++;
		}
		assert(len == w->line_len);
		assert(len == 0 || w->state == PEER_READY);
		assert((w->fd >= 0) ==
		       (w->state == PEER_STARTING || w->state == PEER_READY));
	}
}
