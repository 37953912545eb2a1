#include "base/sorter.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

enum { RUNS_MAX = 1 << 16, RECORD_BYTES_MAX = 64 << 10 };

/* A sorted stretch of the file, of which a part is in memory while merging. */
struct run {
	uint64_t at; /* of what is not read yet, in records */
	uint64_t left;
	char *part; /* in sorter.records */
	size_t have, next;
};

struct sorter {
	struct sorter_conf conf;
	char *records;
	size_t cap, len, next;
	int fd; /* -1: all is in memory */
	uint64_t written;
	struct run *runs;
	size_t runs_len, runs_cap;
	size_t *heap; /* of runs, by their first record */
	size_t heap_len;
};

int
sorter_new(const struct sorter_conf *conf, struct sorter **ret)
{
	struct sorter *s = calloc(1, sizeof(*s));

	assert(conf->record_bytes > 0 && conf->record_bytes <= RECORD_BYTES_MAX);
	assert(conf->memory_bytes >= 2 * conf->record_bytes);
	if (s == NULL)
		return -ENOMEM;
	s->conf = *conf;
	s->cap = conf->memory_bytes / conf->record_bytes;
	s->fd = -1;
	s->records = malloc(s->cap * conf->record_bytes);
	if (s->records == NULL) {
		free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void
sorter_free(struct sorter *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s->heap);
	free(s->runs);
	free(s->records);
	free(s);
}

/* ---- the file ---- */

static int
file_make(const char *dir)
{
	char path[4096];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), n;

	if (fd >= 0)
		return fd;
	/* Not every file system can make one without a name. */
	n = snprintf(path, sizeof(path), "%s/trawl-sort-XXXXXX", dir);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void)unlink(path);
	return fd;
}

static int
write_at(int fd, const char *p, size_t len, uint64_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

static int
read_at(int fd, char *p, size_t len, uint64_t at)
{
	while (len > 0) {
		ssize_t n = pread(fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

/* ---- adding ---- */

static int
runs_grow(struct sorter *s)
{
	size_t cap = s->runs_cap == 0 ? 16 : s->runs_cap * 2;
	struct run *v;

	if (s->runs_len < s->runs_cap)
		return 0;
	/* Merging needs room for two records of each. */
	if (s->runs_len == RUNS_MAX || s->runs_len >= s->cap / 2)
		return -EFBIG;
	v = realloc(s->runs, cap * sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	s->runs = v;
	s->runs_cap = cap;
	return 0;
}

static void
sort_memory(struct sorter *s)
{
	if (s->len > 1)
		qsort(s->records, s->len, s->conf.record_bytes, s->conf.cmp);
}

static int
spill(struct sorter *s)
{
	size_t bytes = s->conf.record_bytes;
	int r = runs_grow(s);

	if (r == 0 && s->fd < 0)
		r = s->fd = file_make(s->conf.dir);
	if (r < 0)
		return r;
	sort_memory(s);
	r = write_at(s->fd, s->records, s->len * bytes, s->written * bytes);
	if (r < 0)
		return r;
	s->runs[s->runs_len++] = (struct run){.at = s->written, .left = s->len};
	s->written += s->len;
	s->len = 0;
	return 0;
}

int
sorter_add(struct sorter *s, const void *rec)
{
	if (s->len == s->cap) {
		int r = spill(s);

		if (r < 0)
			return r;
	}
	memcpy(s->records + s->len * s->conf.record_bytes, rec, s->conf.record_bytes);
	s->len++;
	return 0;
}

/* ---- merging ---- */

static const char *
first_of(const struct sorter *s, size_t run)
{
	const struct run *r = &s->runs[run];

	return r->part + r->next * s->conf.record_bytes;
}

static void
sift_down(struct sorter *s, size_t i)
{
	for (;;) {
		size_t best = i, was = s->heap[i];

		for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < s->heap_len; c++)
			if (s->conf.cmp(
				first_of(s, s->heap[c]), first_of(s, s->heap[best])) < 0)
				best = c;
		if (best == i)
			return;
		s->heap[i] = s->heap[best];
		s->heap[best] = was;
		i = best;
	}
}

/* The next part of it into memory; nothing is left when `have` is 0. */
static int
run_fill(struct sorter *s, struct run *r, size_t part_cap)
{
	size_t n = r->left < part_cap ? (size_t)r->left : part_cap;
	size_t bytes = s->conf.record_bytes;
	int e = read_at(s->fd, r->part, n * bytes, r->at * bytes);

	if (e < 0)
		return e;
	r->at += n;
	r->left -= n;
	r->have = n;
	r->next = 0;
	return 0;
}

int
sorter_sort(struct sorter *s)
{
	size_t part;
	int r;

	if (s->fd < 0) {
		sort_memory(s);
		return 0;
	}
	r = spill(s);
	if (r < 0)
		return r;
	s->heap = calloc(s->runs_len, sizeof(*s->heap));
	if (s->heap == NULL)
		return -ENOMEM;
	part = s->cap / s->runs_len;
	for (size_t i = 0; i < s->runs_len; i++) {
		s->runs[i].part = s->records + i * part * s->conf.record_bytes;
		r = run_fill(s, &s->runs[i], part);
		if (r < 0)
			return r;
		s->heap[s->heap_len++] = i;
	}
	for (size_t i = s->heap_len / 2; i-- > 0;)
		sift_down(s, i);
	return 0;
}

static int
next_merged(struct sorter *s, void *ret)
{
	struct run *r;

	if (s->heap_len == 0)
		return 0;
	r = &s->runs[s->heap[0]];
	memcpy(ret, first_of(s, s->heap[0]), s->conf.record_bytes);
	if (++r->next == r->have) {
		int e = run_fill(s, r, s->cap / s->runs_len);

		if (e < 0)
			return e;
	}
	if (r->have == 0)
		s->heap[0] = s->heap[--s->heap_len];
	if (s->heap_len > 0)
		sift_down(s, 0);
	return 1;
}

int
sorter_next(struct sorter *s, void *ret)
{
	if (s->fd >= 0)
		return next_merged(s, ret);
	if (s->next == s->len)
		return 0;
	memcpy(ret, s->records + s->next++ * s->conf.record_bytes, s->conf.record_bytes);
	return 1;
}
