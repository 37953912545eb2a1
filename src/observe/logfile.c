#include "observe/logfile.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

enum {
	CHUNK_BYTES = 256 << 10,
	LINE_BYTES_MAX = 2 << 20, /* of pages.jsonl, with all its fields */
	LINE_AGAIN_BYTES = 4096,
};

int
logfile_open(struct logfile *f, const char *dir, const char *name, uint64_t length_max,
    struct why *why)
{
	char path[4300];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name), r;

	*f = (struct logfile){.fd = -1};
	buf_init(&f->line, LINE_BYTES_MAX + CHUNK_BYTES);
	if (n < 0 || (size_t)n >= sizeof(path))
		return why_set(
		    why, -ENAMETOOLONG, "the name of the directory is too long");
	f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f->fd < 0 && errno == ENOENT)
		return 0;
	if (f->fd < 0 || fstat(f->fd, &st) < 0) {
		r = -errno;
		logfile_close(f);
		return why_set(why, r, "cannot read %s: %s", path, strerror(-r));
	}
	f->length = (uint64_t)st.st_size < length_max ? (uint64_t)st.st_size : length_max;
	return 0;
}

void
logfile_close(struct logfile *f)
{
	if (f->line.max == 0) /* zeroed: never opened */
		return;
	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = -1;
	buf_release(&f->line);
}

static ssize_t
read_some(int fd, char *p, size_t len, uint64_t at)
{
	ssize_t n;

	do
		n = pread(fd, p, len, (off_t)at);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* The whole lines of what is in the buffer, which begins at *at of the file; the rest moves
 * to its front. */
static int
give_lines(struct logfile *f, uint64_t *at, bool *lost, logfile_fn *fn, void *ctx)
{
	struct slice rest = buf_slice(&f->line);
	int r = 0;

	for (size_t n; r == 0 && (n = slice_find(rest, '\n')) < rest.len;) {
		if (!*lost)
			r = fn(ctx, slice_head(rest, n), *at);
		*lost = false;
		*at += n + 1;
		rest = slice_from(rest, n + 1);
	}
	if (rest.len > LINE_BYTES_MAX) { /* none of ours: up to its end */
		*lost = true;
		*at += rest.len;
		rest.len = 0;
	}
	if (rest.len > 0)
		memmove(f->line.ptr, rest.ptr, rest.len);
	f->line.len = rest.len;
	return r;
}

int
logfile_each(struct logfile *f, logfile_fn *fn, void *ctx)
{
	uint64_t at = 0, line_at = 0;
	bool lost = false;
	int r = 0;

	buf_clear(&f->line);
	while (r == 0 && f->fd >= 0 && at < f->length) {
		uint64_t left = f->length - at;
		size_t want = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
		ssize_t n;

		r = buf_reserve(&f->line, want);
		if (r < 0)
			break;
		n = read_some(f->fd, f->line.ptr + f->line.len, want, at);
		if (n <= 0) { /* 0: a resume cut it back */
			r = (int)n;
			break;
		}
		at += (uint64_t)n;
		f->line.len += (size_t)n;
		r = give_lines(f, &line_at, &lost, fn, ctx);
	}
	return r;
}

int
logfile_line(struct logfile *f, uint64_t at, struct slice *ret)
{
	buf_clear(&f->line);
	while (f->fd >= 0 && f->line.len < LINE_BYTES_MAX) {
		struct slice text;
		size_t end, from = f->line.len;
		ssize_t n;
		int r = buf_reserve(&f->line, LINE_AGAIN_BYTES);

		if (r < 0)
			return r;
		n = read_some(f->fd, f->line.ptr + from, LINE_AGAIN_BYTES, at + from);
		if (n <= 0)
			return n < 0 ? (int)n : -ENODATA;
		f->line.len += (size_t)n;
		text = slice_from(buf_slice(&f->line), from);
		end = from + slice_find(text, '\n');
		if (end < f->line.len) {
			*ret = slice_head(buf_slice(&f->line), end);
			return 0;
		}
	}
	return -ENODATA;
}
