#include "crawl/inspect_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_BYTES = 256 << 10 };

int
inspect_mark(struct inspect *in, const char *sink, struct why *why)
{
	char key[64];
	int r;

	(void)snprintf(key, sizeof(key), "sink/%s", sink);
	buf_clear(&in->value);
	r = store_get(in->store, STORE_META, slice_cstr(key), &in->value);
	if (r < 0 && r != -ENOENT && why != NULL)
		*why = *store_why(in->store);
	return r;
}

int
inspect_place(
    struct inspect *in, const char *sink, struct sink_place *ret, struct why *why)
{
	int r = inspect_mark(in, sink, why);

	if (r < 0)
		return r;
	r = sink_place(sink, buf_slice(&in->value), ret);
	if (r == -EBADMSG)
		return why_set(
		    why, r, "the store of %s: the mark of %s is damaged", in->dir, sink);
	return r;
}

struct lines {
	inspect_line_fn *fn;
	void *ctx;
	struct buf half; /* a line whose end is yet to come */
	bool too_long, over;
};

/* A line that is longer than any of ours is none of ours. */
static int
give_lines(struct lines *l, struct slice chunk)
{
	while (chunk.len > 0 && !l->over) {
		size_t n = slice_find(chunk, '\n');
		bool whole = n < chunk.len;
		int r = l->half.len == 0 && whole
			    ? 0
			    : buf_add_slice(&l->half, slice_head(chunk, n));

		if (r < 0 && r != -EMSGSIZE)
			return r;
		l->too_long = l->too_long || r == -EMSGSIZE;
		if (whole && !l->too_long)
			l->over = !l->fn(l->ctx, l->half.len == 0 ? slice_head(chunk, n)
								  : buf_slice(&l->half));
		if (whole) {
			l->too_long = false;
			buf_clear(&l->half);
		}
		chunk = slice_from(chunk, n + whole);
	}
	return 0;
}

static int
read_lines(struct lines *l, int fd, uint64_t length)
{
	struct buf chunk;
	int r;

	buf_init(&chunk, CHUNK_BYTES);
	r = buf_reserve(&chunk, CHUNK_BYTES);
	while (r == 0 && length > 0 && !l->over) {
		size_t want = length < CHUNK_BYTES ? (size_t)length : CHUNK_BYTES;
		ssize_t n = read(fd, chunk.ptr, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <=
		    0) { /* shorter than it should be: that is for inspect_verify() */
			r = n < 0 ? -errno : 0;
			break;
		}
		length -= (uint64_t)n;
		r = give_lines(l, slice_of(chunk.ptr, (size_t)n));
	}
	buf_release(&chunk);
	return r;
}

int
inspect_lines(
    struct inspect *in, const char *sink, inspect_line_fn *fn, void *ctx, struct why *why)
{
	struct lines l = {.fn = fn, .ctx = ctx};
	struct sink_place at;
	struct stat st;
	char path[4096];
	int r = inspect_place(in, sink, &at, why), fd;

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	(void)snprintf(path, sizeof(path), "%s/%s", in->dir, at.file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT) /* moved away: that is for inspect_verify(), too */
		return 0;
	if (fd < 0)
		return why_set(why, -errno, "cannot read %s: %s", path, strerror(errno));
	buf_init(&l.half, INSPECT_LINE_MAX);
	if (fstat(fd, &st) < 0 ||
	    S_ISREG(st.st_mode)) /* no file has no lines, as above */
		r = read_lines(&l, fd, at.length);
	buf_release(&l.half);
	(void)close(fd);
	return r < 0 ? why_set(why, r, "cannot read %s: %s", path, strerror(-r)) : 0;
}
