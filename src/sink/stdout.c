/*
 * stdout: the lines of pages.jsonl to a pipe.  They go out as 64 KiB are together, and
 * with each commit; what a program has read cannot be taken back, so that after a crash
 * the pages since the last commit come again: each at least once.
 *
 * A reader that is slow slows down the store thread and with it the crawl.  It is never
 * waited for without end: a pipe that can be written takes PIPE_BUF bytes, and no more are
 * written at once; in between the clock is looked at, and whether the crawl is to stop.
 */
#include "base/clock.h"
#include "base/room.h"
#include "sink/jsonl.h"
#include "sink/types.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

enum {
	TOGETHER_BYTES = 64 << 10,
	LOOK_MS = 100, /* how often whether to stop is looked at */
};

struct out {
	int fd;
	int64_t wait_ms, hurry_ms;
	const atomic_bool *hurry;
	size_t done;     /* of `lines`, in its first bytes */
	struct buf line; /* the one that is being made */
	struct buf lines;
};

static int
stdout_open(
    struct sink *s, const struct sink_conf *conf, struct slice mark, struct why *why)
{
	struct out *o = calloc(1, sizeof(*o));

	(void)mark; /* there is nothing to cut back */
	if (o == NULL)
		return why_set(why, -ENOMEM, "no memory for standard output");
	o->fd = conf->out_fd;
	o->wait_ms = conf->out_wait_ms;
	o->hurry_ms = conf->out_hurry_ms;
	o->hurry = conf->hurry;
	buf_init(&o->line, JSONL_LINE_BYTES_MAX);
	buf_init(&o->lines, TOGETHER_BYTES + JSONL_LINE_BYTES_MAX);
	s->priv = o;
	return 0;
}

/* 0: it can be written to, or is broken, which a write will tell. */
static int
await_reader(const struct out *o, int64_t since_ms, struct why *why)
{
	struct pollfd p = {.fd = o->fd, .events = POLLOUT};

	for (;;) {
		bool hurry = o->hurry != NULL && atomic_load(o->hurry);
		int64_t max_ms = hurry ? o->hurry_ms : o->wait_ms;
		int n = poll(&p, 1, LOOK_MS);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return why_set(why, -errno, "cannot wait for standard output: %s",
			    strerrordesc_np(errno));
		if (clock_mono_ms() - since_ms >= max_ms)
			return why_set(why, -ETIMEDOUT,
			    "the reader of standard output has taken nothing for %lld s",
			    (long long)(max_ms / 1000));
	}
}

static bool
may_get_room(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* A file lies on a disk that somebody may tidy up, and the crawl waits for that; of what has
 * no room else nobody can say what would make some. */
static int
write_failed(int fd, int err, struct why *why)
{
	bool full = room_error(-err) == -ENOSPC;

	if (err == EPIPE)
		return why_set(
		    why, -EPIPE, "nobody reads standard output any more (--sink stdout)");
	(void)why_set(why, 0, "cannot write to standard output: %s (--sink stdout)",
	    strerrordesc_np(full ? ENOSPC : err));
	if (full)
		return may_get_room(fd) ? -ENOSPC : -EIO;
	return -err;
}

static int
drain(struct out *o, struct why *why)
{
	int64_t since_ms = clock_mono_ms();

	while (o->done < o->lines.len) {
		size_t n = o->lines.len - o->done;
		ssize_t wrote;
		int r = await_reader(o, since_ms, why);

		if (r < 0)
			return r;
		wrote = write(o->fd, o->lines.ptr + o->done, n < PIPE_BUF ? n : PIPE_BUF);
		if (wrote < 0 && errno != EINTR && errno != EAGAIN)
			return write_failed(o->fd, errno, why);
		if (wrote > 0) {
			o->done += (size_t)wrote;
			since_ms = clock_mono_ms();
		}
	}
	buf_clear(&o->lines);
	o->done = 0;
	return 0;
}

static int
stdout_put(struct sink *s, struct sink_event *e, struct why *why)
{
	struct out *o = s->priv;
	int r = 0;

	if (!jsonl_is_page(e))
		return 0;
	buf_clear(&o->line);
	if (o->lines.len >= TOGETHER_BYTES)
		r = drain(o, why);
	if (r < 0)
		return r;
	r = jsonl_line(&o->line, e);
	if (r == 0)
		r = buf_add_byte(&o->line, '\n');
	if (r == 0)
		r = buf_add_slice(&o->lines, buf_slice(&o->line));
	return r == 0 ? 0
		      : why_set(why, r, "cannot make a line for standard output: %s",
			    strerrordesc_np(-r));
}

static int
stdout_flush(struct sink *s, struct why *why)
{
	return drain(s->priv, why);
}

static int
stdout_mark(struct sink *s, struct buf *out)
{
	const struct out *o = s->priv;

	(void)out;
	return o->lines.len > 0 ? -EBUSY : 0;
}

/* What was not committed is not written: the crawl failed, and its pages will come again. */
static int
stdout_close(struct sink *s, bool finished, struct why *why)
{
	struct out *o = s->priv;

	(void)finished, (void)why;
	buf_release(&o->line);
	buf_release(&o->lines);
	free(o);
	return 0;
}

const struct sink_type sink_output = {
    .name = "stdout",
    .open = stdout_open,
    .put = stdout_put,
    .flush = stdout_flush,
    .sync = stdout_flush,
    .mark = stdout_mark,
    .close = stdout_close,
};
