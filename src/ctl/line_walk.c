#include "ctl/line_walk.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW = 256 << 10 };

struct window {
	char *ptr;
	size_t cap;
};

static int
window_grow(struct window *v)
{
	size_t cap = v->cap == 0 ? WINDOW : v->cap * 2;
	char *ptr;

	if (v->cap >= LINE_WALK_BYTES_MAX)
		return -EBADMSG;
	ptr = realloc(v->ptr, cap);
	if (ptr == NULL)
		return -ENOMEM;
	*v = (struct window){ptr, cap};
	return 0;
}

/* Up to n bytes; fewer only at the file's end. */
static ssize_t
read_at(int fd, char *into, size_t n, uint64_t at)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = pread(fd, into + got, n - got, (off_t)(at + got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

static const char *
last_newline(const char *ptr, size_t n)
{
	return n == 0 ? NULL : memrchr(ptr, '\n', n);
}

int
line_walk_end(int fd, uint64_t *ret_at)
{
	struct window v = {0};
	struct stat st;
	uint64_t end;
	int r = fstat(fd, &st) < 0 ? -errno : window_grow(&v);

	end = r == 0 ? (uint64_t)st.st_size : 0;
	while (r == 0 && end > 0) {
		size_t n = end < v.cap ? (size_t)end : v.cap;
		ssize_t got = read_at(fd, v.ptr, n, end - n);
		const char *nl = got <= 0 ? NULL : last_newline(v.ptr, (size_t)got);

		if (got < 0)
			r = (int)got;
		else if (nl != NULL) {
			end = end - n + (uint64_t)(nl - v.ptr) + 1;
			break;
		} else if (n == end)
			end = 0;
		else
			r = window_grow(&v);
	}
	free(v.ptr);
	if (r == 0)
		*ret_at = end;
	return r;
}

static int
check_place(int fd, uint64_t at)
{
	char c = '\n';
	ssize_t n;

	if (at == 0)
		return 0;
	if (at > INT64_MAX)
		return -EINVAL;
	n = read_at(fd, &c, 1, at - 1);
	if (n < 0)
		return (int)n;
	return n == 1 && c == '\n' ? 0 : -EINVAL;
}

/* One window's lines.  1: go on; 0: enough, or over. */
static int
walk_on(int fd, struct line_walk *w, struct window *v, line_walk_fn *fn, void *ctx)
{
	ssize_t got = read_at(fd, v->ptr, v->cap, w->at);
	const char *nl = got <= 0 ? NULL : last_newline(v->ptr, (size_t)got);
	struct slice rest, line;

	if (got < 0)
		return (int)got;
	if (nl == NULL && (size_t)got < v->cap) {
		w->is_over = true;
		return 0;
	}
	if (nl == NULL) {
		int r = window_grow(v);

		return r < 0 ? r : 1;
	}
	rest = slice_of(v->ptr, (size_t)(nl - v->ptr));
	while (slice_cut(&rest, '\n', &line)) {
		int r = fn(ctx, line);

		if (r < 0)
			return r;
		w->at += line.len + 1;
		if (r == LINE_ENOUGH)
			return 0;
	}
	return 1;
}

static int
walk_back(int fd, struct line_walk *w, struct window *v, line_walk_fn *fn, void *ctx)
{
	size_t n = w->at < v->cap ? (size_t)w->at : v->cap, end = n;
	uint64_t low = w->at - n;
	ssize_t got;

	if (n == 0) {
		w->is_over = true;
		return 0;
	}
	got = read_at(fd, v->ptr, n, low);
	if (got < 0 || (size_t)got < n) /* it became shorter under our hands */
		return got < 0 ? (int)got : -EINVAL;
	while (end > 0) {
		const char *nl = last_newline(v->ptr, end - 1);
		size_t from = nl == NULL ? 0 : (size_t)(nl - v->ptr) + 1;
		int r;

		if (nl == NULL && low > 0)
			break;
		r = fn(ctx, slice_of(v->ptr + from, end - 1 - from));
		if (r < 0)
			return r;
		w->at = low + from;
		end = from;
		if (r == LINE_ENOUGH)
			return 0;
	}
	if (end == n) {
		int r = window_grow(v);

		return r < 0 ? r : 1;
	}
	return 1;
}

int
line_walk(int fd, struct line_walk *w, line_walk_fn *fn, void *ctx)
{
	struct window v = {0};
	uint64_t from = w->at;
	int r = check_place(fd, w->at);

	w->is_over = false;
	if (r == 0)
		r = window_grow(&v);
	if (r == 0)
		r = 1;
	while (r == 1) {
		uint64_t done = w->backwards ? from - w->at : w->at - from;

		if (done >= w->scan_max)
			break;
		r = w->backwards ? walk_back(fd, w, &v, fn, ctx)
				 : walk_on(fd, w, &v, fn, ctx);
	}
	free(v.ptr);
	if (r >= 0 && w->backwards && w->at == 0)
		w->is_over = true;
	return r < 0 ? r : 0;
}
