#include "base/line_sorter.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

enum {
	PARTS_MAX = 1024,
	MEMORY_MIN = 256 << 10,
	READ_BYTES = 32 << 10,
	HEAD_BYTES = sizeof(uint32_t), /* its length is before a line, in the file */
};

/* A sorted stretch of the file; the line that is next lies whole in `buf`. */
struct part {
	uint64_t at, end; /* of what is not read yet, in the file */
	char *buf;
	size_t cap, have, pos;
	struct slice line;
};

/*
 * Text grows from the front of one block, what tells where lines are from its back, so
 * that the two meet when it is full, whatever the lines are like.
 */
struct line_sorter {
	const char *dir;
	char *text;
	size_t cap, text_len, lines, next;
	int fd; /* -1: all is in memory */
	uint64_t written;
	struct part *parts;
	size_t parts_len;
	size_t *heap; /* of parts, by their line */
	size_t heap_len;
	bool begun; /* the first of the heap was given out */
};

int
line_sorter_new(const char *dir, size_t memory_bytes, struct line_sorter **ret)
{
	struct line_sorter *s = calloc(1, sizeof(*s));

	assert(memory_bytes >= MEMORY_MIN);
	if (s == NULL)
		return -ENOMEM;
	s->dir = dir;
	s->fd = -1;
	s->cap = memory_bytes - memory_bytes % sizeof(struct slice);
	s->text = malloc(s->cap);
	if (s->text == NULL) {
		free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void
line_sorter_free(struct line_sorter *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->parts_len; i++)
		free(s->parts[i].buf);
	free(s->parts);
	free(s->heap);
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s->text);
	free(s);
}

/* The lines in memory; as they were added, the last comes first. */
static struct slice *
lines_of(struct line_sorter *s)
{
	return (struct slice *)(void *)(s->text + s->cap) - s->lines;
}

static int
line_cmp(struct slice x, struct slice y)
{
	size_t n = x.len < y.len ? x.len : y.len;
	int r = n == 0 ? 0 : memcmp(x.ptr, y.ptr, n);

	return r != 0 ? r : (x.len > y.len) - (x.len < y.len);
}

static int
slice_cmp(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;

	return line_cmp(*x, *y);
}

/* -- The file. -- */

static int
file_make(const char *dir)
{
	char path[4096];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), n;

	if (fd >= 0)
		return fd;
	/* Not every file system can make one without a name. */
	n = snprintf(path, sizeof(path), "%s/lines-XXXXXX", dir);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void)unlink(path);
	return fd;
}

static int
file_write(struct line_sorter *s, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = pwrite(s->fd, p, n, (off_t)s->written);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		p += done;
		n -= (size_t)done;
		s->written += (uint64_t)done;
	}
	return 0;
}

/* What is in memory becomes a part of the file. */
static int
spill(struct line_sorter *s)
{
	struct slice *v = lines_of(s);
	struct part *parts;
	char *out = malloc(LINE_SORTER_LINE_MAX * 4);
	uint64_t at = s->written;
	size_t len = 0;
	int r = 0;

	if (out == NULL)
		return -ENOMEM;
	if (s->parts_len == PARTS_MAX)
		r = -EFBIG;
	if (r == 0 && s->fd < 0) {
		s->fd = file_make(s->dir);
		r = s->fd < 0 ? s->fd : 0;
	}
	qsort(v, s->lines, sizeof(*v), slice_cmp);
	for (size_t i = 0; i < s->lines && r == 0; i++) {
		uint32_t n = (uint32_t)v[i].len;

		if (len + HEAD_BYTES + n > LINE_SORTER_LINE_MAX * 4) {
			r = file_write(s, out, len);
			len = 0;
		}
		memcpy(out + len, &n, HEAD_BYTES);
		if (n > 0)
			memcpy(out + len + HEAD_BYTES, v[i].ptr, n);
		len += HEAD_BYTES + n;
	}
	if (r == 0)
		r = file_write(s, out, len);
	free(out);
	if (r < 0)
		return r;
	parts = realloc(s->parts, (s->parts_len + 1) * sizeof(*parts));
	if (parts == NULL)
		return -ENOMEM;
	s->parts = parts;
	parts[s->parts_len++] = (struct part){.at = at, .end = s->written};
	s->text_len = s->lines = 0;
	return 0;
}

int
line_sorter_add(struct line_sorter *s, struct slice line)
{
	int r;

	if (line.len > LINE_SORTER_LINE_MAX)
		return -EMSGSIZE;
	if (s->text_len + line.len + (s->lines + 1) * sizeof(line) > s->cap) {
		r = spill(s);
		if (r < 0)
			return r;
	}
	if (line.len > 0)
		memcpy(s->text + s->text_len, line.ptr, line.len);
	s->lines++;
	*lines_of(s) = slice_of(s->text + s->text_len, line.len);
	s->text_len += line.len;
	return 0;
}

/* -- Merging. -- */

/* At least `n` bytes are in the part's buffer. */
static int
part_need(struct line_sorter *s, struct part *p, size_t n)
{
	if (p->have - p->pos >= n)
		return 0;
	if (p->have > p->pos)
		memmove(p->buf, p->buf + p->pos, p->have - p->pos);
	p->have -= p->pos;
	p->pos = 0;
	if (p->cap < n) {
		size_t cap =
		    n > READ_BYTES ? LINE_SORTER_LINE_MAX + HEAD_BYTES : READ_BYTES;
		char *buf = realloc(p->buf, cap);

		if (buf == NULL)
			return -ENOMEM;
		p->buf = buf;
		p->cap = cap;
	}
	while (p->have < n) {
		size_t room = p->cap - p->have;
		ssize_t got;

		if (room > p->end - p->at)
			room = (size_t)(p->end - p->at);
		got = pread(s->fd, p->buf + p->have, room, (off_t)p->at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		p->have += (size_t)got;
		p->at += (uint64_t)got;
	}
	return 0;
}

/* 1: its next line is there; 0: it has none. */
static int
part_next(struct line_sorter *s, struct part *p)
{
	uint32_t n;
	int r;

	if (p->pos == p->have && p->at == p->end)
		return 0;
	r = part_need(s, p, HEAD_BYTES);
	if (r < 0)
		return r;
	memcpy(&n, p->buf + p->pos, HEAD_BYTES);
	if (n > LINE_SORTER_LINE_MAX)
		return -EIO;
	r = part_need(s, p, HEAD_BYTES + n);
	if (r < 0)
		return r;
	p->line = slice_of(p->buf + p->pos + HEAD_BYTES, n);
	p->pos += HEAD_BYTES + n;
	return 1;
}

static void
heap_down(struct line_sorter *s, size_t i)
{
	for (;;) {
		size_t least = i, was;

		for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < s->heap_len; k++)
			if (line_cmp(s->parts[s->heap[k]].line,
				s->parts[s->heap[least]].line) < 0)
				least = k;
		if (least == i)
			return;
		was = s->heap[i];
		s->heap[i] = s->heap[least];
		s->heap[least] = was;
		i = least;
	}
}

int
line_sorter_sort(struct line_sorter *s)
{
	int r;

	if (s->parts_len == 0) {
		qsort(lines_of(s), s->lines, sizeof(struct slice), slice_cmp);
		return 0;
	}
	r = s->lines > 0 ? spill(s) : 0;
	if (r < 0)
		return r;
	free(s->text);
	s->text = NULL;
	s->heap = calloc(s->parts_len, sizeof(*s->heap));
	if (s->heap == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->parts_len; i++) {
		r = part_next(s, &s->parts[i]);
		if (r < 0)
			return r;
		if (r > 0)
			s->heap[s->heap_len++] = i;
	}
	for (size_t i = s->heap_len; i-- > 0;)
		heap_down(s, i);
	return 0;
}

int
line_sorter_next(struct line_sorter *s, struct slice *ret)
{
	int r;

	if (s->heap == NULL) {
		if (s->next == s->lines)
			return 0;
		*ret = lines_of(s)[s->next++];
		return 1;
	}
	if (s->begun && s->heap_len > 0) {
		r = part_next(s, &s->parts[s->heap[0]]);
		if (r < 0)
			return r;
		if (r == 0)
			s->heap[0] = s->heap[--s->heap_len];
		heap_down(s, 0);
	}
	s->begun = true;
	if (s->heap_len == 0)
		return 0;
	*ret = s->parts[s->heap[0]].line;
	return 1;
}
