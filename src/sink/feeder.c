#include "sink/feeder.h"
#include "base/clock.h"
#include "base/escape.h"
#include "sink/child.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/banned.h"

enum {
	CHUNK_BYTES = 64 << 10,
	LINES_MAX = 4096, /* fed and not taken */
	BEHIND_BYTES_MAX = 8 << 20,
	LOOK_MS = 100, /* what the program has read is looked at so often */
	IDLE_MS = 1000,
	PAUSE_MS = 1000,          /* before a program is started again ... */
	PAUSE_MAX_MS = 60 * 1000, /* ... at most */
	FINISH_MS = 1000,         /* between commits, when only the program is awaited */
	CLOSED_MS = 5000,         /* to end by itself, once it closed its input */
	TERM_MS = 5000,           /* between SIGTERM and SIGKILL */
	SAID_MAX = 50,            /* lines of the program told ... */
	SAID_MS = 10 * 1000,      /* ... within so long */
};

struct feeder {
	struct feeder_conf conf;
	pthread_t thread;
	int wake; /* eventfd */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock. */
	uint64_t offered;
	struct feeder_place taken;
	struct feeder_place done_with; /* less the line that it may be at work on */
	struct feeder_place kept;      /* as feeder_taken() had it last */
	bool finish, quit, done;
	int err;
	struct why why;
	/* The thread's. */
	struct child child;
	bool runs;
	uint64_t fed;             /* bytes of the file that are in the pipe, or further */
	uint64_t ends[LINES_MAX]; /* of lines fed and not taken: a ring */
	size_t ends_at, ends_len;
	char chunk[CHUNK_BYTES]; /* of the file, from `fed` on */
	size_t chunk_at, chunk_len;
	int64_t moved_ms;   /* when the program took something last, or had no need to */
	int64_t *deaths_ms; /* the last conf.restarts + 1, a ring */
	size_t deaths;
	int64_t began_ms, start_at_ms, pause_ms;
	int64_t hurried_ms; /* when that was seen; 0: it was not */
	bool input_closed;
	uint32_t said, unsaid;
	int64_t said_ms;
};

/* -- What the program says. -- */

static void
tell(struct feeder *f, struct slice text)
{
	struct buf line;

	buf_init(&line, 16 << 10);
	if (buf_add_cstr(&line, "exec: ") == 0 && escape_terminal(&line, text) == 0 &&
	    buf_cstr(&line) != NULL && f->conf.tell != NULL)
		f->conf.tell(line.ptr);
	buf_release(&line);
}

static void
tell_unsaid(struct feeder *f)
{
	char text[80];

	if (f->unsaid == 0)
		return;
	(void)snprintf(text, sizeof(text), "... and %" PRIu32 " more lines", f->unsaid);
	f->unsaid = 0;
	tell(f, slice_cstr(text));
}

static void
on_said(void *ctx, struct slice line)
{
	struct feeder *f = ctx;
	int64_t now = clock_mono_ms();

	if (now - f->said_ms >= SAID_MS) {
		tell_unsaid(f);
		f->said_ms = now;
		f->said = 0;
	}
	if (f->said++ < SAID_MAX)
		tell(f, line);
	else
		f->unsaid++;
}

/* -- What is taken. -- */

static void
take(struct feeder *f, size_t lines)
{
	if (lines == 0)
		return;
	assert(lines <= f->ends_len);
	(void)pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < lines; i++) {
		f->done_with = f->taken; /* who reads a line has done with that before */
		f->taken.bytes = f->ends[(f->ends_at + i) % LINES_MAX];
		f->taken.lines++;
	}
	if (f->conf.confirm)
		f->done_with = f->taken;
	(void)pthread_cond_broadcast(&f->changed);
	(void)pthread_mutex_unlock(&f->lock);
	f->ends_at = (f->ends_at + lines) % LINES_MAX;
	f->ends_len -= lines;
	f->moved_ms = clock_mono_ms();
}

/* Up to the line of that number; false: it is none that waits for it. */
static bool
confirm(struct feeder *f, struct slice line)
{
	uint64_t n;

	if (!slice_to_u64(slice_trim(line), &n))
		return false;
	if (n > f->taken.lines && n - f->taken.lines <= f->ends_len)
		take(f, (size_t)(n - f->taken.lines));
	return n <= f->taken.lines;
}

static void
on_out(void *ctx, struct slice line)
{
	struct feeder *f = ctx;

	if (!f->conf.confirm || !confirm(f, line))
		on_said(f, line);
}

/* What it has read out of the pipe. */
static void
take_read(struct feeder *f)
{
	uint64_t at = f->fed - child_unread(&f->child);
	size_t n = 0;

	while (n < f->ends_len && f->ends[(f->ends_at + n) % LINES_MAX] <= at)
		n++;
	take(f, n);
}

static void
hear(struct feeder *f, bool to_the_end)
{
	child_read(&f->child.out, to_the_end, on_out, f);
	child_read(&f->child.err, to_the_end, on_said, f);
	if (!f->conf.confirm && !f->input_closed)
		take_read(f);
}

/* -- Failure. -- */

static void
fail(struct feeder *f, int err, const struct why *why)
{
	(void)pthread_mutex_lock(&f->lock);
	f->err = err;
	f->why = *why;
	(void)pthread_cond_broadcast(&f->changed);
	(void)pthread_mutex_unlock(&f->lock);
}

/* Of the last conf.restarts + 1 ends the oldest was within the window. */
static bool
is_too_often(struct feeder *f, int64_t now)
{
	size_t n = (size_t)f->conf.restarts + 1;

	f->deaths_ms[f->deaths++ % n] = now;
	return f->deaths >= n && now - f->deaths_ms[f->deaths % n] < f->conf.window_ms;
}

/* It ended, or could not be started: what is not taken is fed to the next one. */
static void
on_end(struct feeder *f, const char *how)
{
	int64_t now = clock_mono_ms();
	bool steady = f->runs && now - f->began_ms >= PAUSE_MAX_MS;
	struct why why;

	f->runs = false;
	f->ends_at = f->ends_len = f->chunk_at = f->chunk_len = 0;
	(void)pthread_mutex_lock(&f->lock);
	if (!f->conf.confirm)
		f->taken = f->done_with = f->kept;
	f->fed = f->taken.bytes;
	(void)pthread_mutex_unlock(&f->lock);
	if (is_too_often(f, now)) {
		(void)why_set(&why, 0,
		    "the program of --sink exec ended too often (%" PRIu32 " restarts "
		    "within %" PRId64 " s are permitted), the last time with %s",
		    f->conf.restarts, f->conf.window_ms / 1000, how);
		fail(f, -ECHILD, &why);
		return;
	}
	f->pause_ms = steady || f->pause_ms == 0 ? PAUSE_MS : f->pause_ms * 2;
	if (f->pause_ms > PAUSE_MAX_MS)
		f->pause_ms = PAUSE_MAX_MS;
	f->start_at_ms = now + f->pause_ms;
	(void)why_set(&why, 0,
	    "the program ended before its input did, with %s; it is "
	    "started again in %" PRId64 " s",
	    how, f->pause_ms / 1000);
	tell(f, slice_cstr(why.text));
}

/* -- Ending it. -- */

static bool
is_hurried(const struct feeder *f)
{
	return f->conf.hurry != NULL && atomic_load(f->conf.hurry);
}

static bool
is_quit(struct feeder *f)
{
	bool quit;

	(void)pthread_mutex_lock(&f->lock);
	quit = f->quit;
	(void)pthread_mutex_unlock(&f->lock);
	return quit;
}

/* Until it has ended; what it says is read meanwhile.  false: it has not. */
static bool
await_end(struct feeder *f, int64_t ms, bool may_hurry)
{
	int64_t began = clock_mono_ms();

	for (;;) {
		struct pollfd p[] = {{.fd = f->child.pid_fd, .events = POLLIN},
		    {.fd = f->child.out.fd, .events = POLLIN},
		    {.fd = f->child.err.fd, .events = POLLIN}};
		bool ended = child_has_ended(&f->child);
		int64_t max = ms;

		hear(f, ended);
		if (ended)
			return true;
		if (may_hurry && (is_hurried(f) || is_quit(f)) && max > f->conf.hurry_ms)
			max = f->conf.hurry_ms;
		if (clock_mono_ms() - began >= max)
			return false;
		(void)poll(p, sizeof(p) / sizeof(p[0]), LOOK_MS);
	}
}

/* Politely, then not.  true: it ended by itself, and well. */
static bool
end_child(struct feeder *f, int64_t patience_ms, char ret[CHILD_STATUS_MAX])
{
	bool by_itself, well;

	if (!f->conf.confirm)
		take_read(f);
	f->input_closed = true;
	if (f->child.in >= 0)
		(void)close(f->child.in);
	f->child.in = -1;
	by_itself = await_end(f, patience_ms, true);
	if (!by_itself) {
		child_signal(&f->child, SIGTERM);
		if (!await_end(f, TERM_MS, false)) {
			child_signal(&f->child, SIGKILL);
			(void)await_end(f, TERM_MS, false);
		}
	}
	tell_unsaid(f);
	well = child_reap(&f->child, ret);
	f->runs = false;
	return by_itself && well;
}

/* It does not do what it should. */
static void
give_up_child(struct feeder *f, const char *what)
{
	char status[CHILD_STATUS_MAX], how[160];

	(void)end_child(f, 0, status);
	f->runs = true; /* it did, until now */
	(void)snprintf(how, sizeof(how), "%s (it %s and was ended)", status, what);
	on_end(f, how);
}

/* All is read, and nothing more will come.  Returns whether the feeder is done. */
static bool
finish_child(struct feeder *f)
{
	char status[CHILD_STATUS_MAX];
	struct why why = {""};
	bool well;

	well = end_child(f, is_hurried(f) ? f->conf.hurry_ms : f->conf.finish_ms, status);
	if (well) {
		(void)pthread_mutex_lock(&f->lock);
		f->done_with = f->taken;
		(void)pthread_mutex_unlock(&f->lock);
	}
	if (is_hurried(f) || is_quit(f) || (well && f->taken.bytes == f->offered))
		return true;
	if (f->taken.bytes < f->offered) {
		if (well)
			(void)snprintf(status, sizeof(status),
			    "line %" PRIu64 " as the last that it confirmed",
			    f->taken.lines);
		on_end(f, status);
		return f->err < 0;
	}
	(void)why_set(&why, 0,
	    "the program of --sink exec did not end well once it had all its input: %s",
	    status);
	fail(f, -ECHILD, &why);
	return true;
}

/* -- Feeding it. -- */

static bool
start_child(struct feeder *f)
{
	struct why why;

	f->began_ms = f->moved_ms = clock_mono_ms();
	f->input_closed = false;
	if (child_start(&f->child, f->conf.command, &why) == 0) {
		f->runs = true;
		return true;
	}
	on_end(f, why.text);
	return false;
}

/* More of the file, up to what was offered. */
static bool
fill_chunk(struct feeder *f, uint64_t offered)
{
	size_t n =
	    offered - f->fed < CHUNK_BYTES ? (size_t)(offered - f->fed) : CHUNK_BYTES;
	ssize_t got;
	struct why why;

	if (f->chunk_at < f->chunk_len)
		return true;
	do
		got = pread(f->conf.fd, f->chunk, n, (off_t)f->fed);
	while (got < 0 && errno == EINTR);
	f->chunk_at = 0;
	f->chunk_len = got > 0 ? (size_t)got : 0;
	if (got > 0)
		return true;
	(void)why_set(&why, 0, "cannot read exec.spool: %s",
	    got < 0 ? strerrordesc_np(errno) : "it has lost its end");
	fail(f, got < 0 ? -errno : -EBADMSG, &why);
	return false;
}

/* So much of the chunk has no more line ends than there is room for. */
static size_t
feedable(const struct feeder *f)
{
	size_t room = LINES_MAX - f->ends_len, n = f->chunk_at;

	while (room > 0 && n < f->chunk_len) {
		const char *end = memchr(f->chunk + n, '\n', f->chunk_len - n);

		if (end == NULL)
			return f->chunk_len - f->chunk_at;
		n = (size_t)(end - f->chunk) + 1;
		room--;
	}
	return n - f->chunk_at;
}

static void
note_fed(struct feeder *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (f->chunk[f->chunk_at + i] == '\n') {
			f->ends[(f->ends_at + f->ends_len) % LINES_MAX] = f->fed + i + 1;
			f->ends_len++;
		}
	f->chunk_at += n;
	f->fed += n;
	f->moved_ms = clock_mono_ms();
}

/* What goes into the pipe now.  false: the program closed it, or the file failed. */
static bool
feed(struct feeder *f, uint64_t offered)
{
	while (f->fed < offered) {
		ssize_t wrote;
		size_t n;

		if (!fill_chunk(f, offered))
			return false;
		n = feedable(f);
		if (n == 0)
			return true;
		wrote = write(f->child.in, f->chunk + f->chunk_at, n);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return errno == EAGAIN;
		note_fed(f, (size_t)wrote);
	}
	return true;
}

/* Is it the program's turn? */
static bool
is_awaited(const struct feeder *f, uint64_t offered)
{
	return f->fed < offered || child_unread(&f->child) > 0;
}

static void
await(struct feeder *f, uint64_t offered, bool awaited)
{
	struct pollfd p[] = {{.fd = f->wake, .events = POLLIN},
	    {.fd = f->child.pid_fd, .events = POLLIN},
	    {.fd = f->child.out.fd, .events = POLLIN},
	    {.fd = f->child.err.fd, .events = POLLIN},
	    {.fd = f->fed < offered && f->ends_len < LINES_MAX ? f->child.in : -1,
		.events = POLLOUT}};
	uint64_t n;

	(void)poll(p, sizeof(p) / sizeof(p[0]), awaited ? LOOK_MS : IDLE_MS);
	(void)!read(f->wake, &n, sizeof(n));
}

/* Nothing runs: until there is something to do.  `ms` < 0: that is not known. */
static void
rest(struct feeder *f, int64_t ms)
{
	struct pollfd p = {.fd = f->wake, .events = POLLIN};
	uint64_t n;

	if (poll(&p, 1, ms < 0 ? -1 : ms < LOOK_MS ? (int)ms : LOOK_MS) > 0)
		(void)!read(f->wake, &n, sizeof(n));
}

/* Returns whether there is more to do. */
static bool
step_idle(struct feeder *f, uint64_t offered, bool finish)
{
	int64_t pause_ms = f->start_at_ms - clock_mono_ms();

	if (f->taken.bytes == offered) {
		if (finish)
			return false;
		rest(f, -1);
		return true;
	}
	if (finish && is_hurried(f))
		return false;
	if (pause_ms > 0)
		rest(f, pause_ms);
	else
		(void)start_child(f);
	return true;
}

/* However much of it is left: a resume feeds that. */
static bool
is_out_of_time(struct feeder *f)
{
	int64_t now = clock_mono_ms();

	if (is_hurried(f) && f->hurried_ms == 0)
		f->hurried_ms = now;
	return f->hurried_ms != 0 && now - f->hurried_ms >= f->conf.hurry_ms;
}

static bool
step_running(struct feeder *f, uint64_t offered, bool finish)
{
	char status[CHILD_STATUS_MAX];
	bool awaited, open = feed(f, offered);

	if (f->err < 0)
		return false;
	hear(f, false);
	awaited = is_awaited(f, offered);
	if (!awaited && f->ends_len < LINES_MAX)
		f->moved_ms = clock_mono_ms();
	if (finish && (!awaited || is_out_of_time(f)))
		return !finish_child(f);
	if (!open) /* as a rule because it ends: its files are closed before it has ended */
		(void)await_end(f, CLOSED_MS, true);
	if (child_has_ended(&f->child)) {
		hear(f, true);
		(void)child_reap(&f->child, status);
		on_end(f, status);
	} else if (!open) {
		give_up_child(f, "closed its standard input");
	} else if (clock_mono_ms() - f->moved_ms >= f->conf.stall_ms) {
		give_up_child(f, "took nothing for too long");
	} else {
		await(f, offered, awaited || f->ends_len > 0 || finish);
	}
	return true;
}

static bool
step(struct feeder *f)
{
	uint64_t offered;
	bool finish, quit;

	(void)pthread_mutex_lock(&f->lock);
	offered = f->offered;
	finish = f->finish;
	quit = f->quit;
	(void)pthread_mutex_unlock(&f->lock);
	if (f->err < 0 || quit)
		return false;
	return f->runs ? step_running(f, offered, finish) : step_idle(f, offered, finish);
}

static void *
feeder_run(void *ctx)
{
	struct feeder *f = ctx;
	char status[CHILD_STATUS_MAX];

	while (step(f))
		continue;
	if (f->runs)
		(void)end_child(f, f->conf.hurry_ms, status);
	(void)pthread_mutex_lock(&f->lock);
	f->done = true;
	(void)pthread_cond_broadcast(&f->changed);
	(void)pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* -- From outside. -- */

static int
start_thread(struct feeder *f)
{
	pthread_condattr_t attr;
	int r;

	f->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->wake < 0)
		return -errno;
	r = pthread_condattr_init(&attr);
	if (r == 0)
		r = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (r == 0)
		r = pthread_cond_init(&f->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	if (r != 0)
		return -r;
	r = pthread_mutex_init(&f->lock, NULL);
	if (r == 0)
		r = pthread_create(&f->thread, NULL, feeder_run, f);
	return -r;
}

int
feeder_new(const struct feeder_conf *conf, struct feeder **ret, struct why *why)
{
	struct feeder *f = calloc(1, sizeof(*f));
	int r = -ENOMEM;

	if (f == NULL)
		goto fail;
	f->conf = *conf;
	f->wake = -1;
	f->taken = f->done_with = f->kept = conf->at;
	f->fed = f->offered = conf->at.bytes;
	f->deaths_ms = calloc((size_t)conf->restarts + 1, sizeof(*f->deaths_ms));
	if (f->deaths_ms != NULL)
		r = start_thread(f);
	if (r < 0)
		goto fail;
	(void)pthread_setname_np(f->thread, "exec");
	*ret = f;
	return 0;

fail:
	if (f != NULL && f->wake >= 0)
		(void)close(f->wake);
	if (f != NULL)
		free(f->deaths_ms);
	free(f);
	return why_set(why, r, "cannot feed a program: %s", strerrordesc_np(-r));
}

static void
wake(struct feeder *f)
{
	const uint64_t one = 1;

	(void)!write(f->wake, &one, sizeof(one));
}

void
feeder_offer(struct feeder *f, uint64_t bytes)
{
	(void)pthread_mutex_lock(&f->lock);
	assert(bytes >= f->offered);
	f->offered = bytes;
	(void)pthread_mutex_unlock(&f->lock);
	wake(f);
}

/* Under the lock: until the thread has changed something, or a little while. */
static void
await_change(struct feeder *f)
{
	struct timespec at;

	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_nsec += LOOK_MS * 1000000L;
	at.tv_sec += at.tv_nsec / 1000000000L;
	at.tv_nsec %= 1000000000L;
	(void)pthread_cond_timedwait(&f->changed, &f->lock, &at);
}

static int
result(const struct feeder *f, struct why *why)
{
	return f->err < 0 ? why_set(why, f->err, "%s", f->why.text) : 0;
}

int
feeder_wait(struct feeder *f, struct why *why)
{
	int r;

	(void)pthread_mutex_lock(&f->lock);
	while (f->err == 0 && !f->done && !is_hurried(f) &&
	       f->offered - f->taken.bytes > BEHIND_BYTES_MAX)
		await_change(f);
	r = result(f, why);
	(void)pthread_mutex_unlock(&f->lock);
	return r;
}

struct feeder_place
feeder_taken(struct feeder *f)
{
	struct feeder_place at;

	(void)pthread_mutex_lock(&f->lock);
	at = f->kept = f->done_with;
	(void)pthread_mutex_unlock(&f->lock);
	return at;
}

int
feeder_finish(struct feeder *f, struct why *why)
{
	int64_t until_ms = clock_mono_ms() + FINISH_MS;
	int r;

	(void)pthread_mutex_lock(&f->lock);
	f->finish = true;
	wake(f);
	while (!f->done && clock_mono_ms() < until_ms)
		await_change(f);
	r = f->done ? result(f, why) : -EAGAIN;
	(void)pthread_mutex_unlock(&f->lock);
	return r;
}

void
feeder_free(struct feeder *f)
{
	if (f == NULL)
		return;
	(void)pthread_mutex_lock(&f->lock);
	f->quit = true;
	(void)pthread_mutex_unlock(&f->lock);
	wake(f);
	(void)pthread_join(f->thread, NULL);
	(void)pthread_cond_destroy(&f->changed);
	(void)pthread_mutex_destroy(&f->lock);
	(void)close(f->wake);
	free(f->deaths_ms);
	free(f);
}
