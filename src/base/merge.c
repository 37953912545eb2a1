#include "base/merge.h"
#include "base/file_whole.h"
#include "base/room.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

enum {
	HEAD_BYTES =
	    sizeof(uint32_t), /* where they differ, its length is before an item */
	OUT_BYTES = 2 * MERGE_ITEM_MAX,
};

/* The item that is next lies whole in `buf`. */
struct run {
	uint64_t at, end; /* of what is not read yet, in the file */
	char *buf;
	size_t cap, have, pos;
	struct slice item;
};

struct merge {
	struct merge_conf conf;
	int fd;           /* -1: there is no run yet */
	uint64_t written; /* in the file; what is in `out` comes behind it */
	char *out;        /* while runs are written */
	size_t out_len;
	struct run *runs;
	size_t runs_len, runs_cap;
	size_t *heap; /* of runs, by their item */
	size_t heap_len;
	bool begun; /* the first of the heap was given out */
};

int
merge_new(const struct merge_conf *conf, struct merge **ret)
{
	struct merge *m = calloc(1, sizeof(*m));

	assert(conf->item_bytes <= MERGE_ITEM_MAX);
	if (m == NULL)
		return -ENOMEM;
	m->conf = *conf;
	m->fd = -1;
	m->out = malloc(OUT_BYTES);
	if (m->out == NULL) {
		free(m);
		return -ENOMEM;
	}
	*ret = m;
	return 0;
}

void
merge_free(struct merge *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->runs_len; i++)
		free(m->runs[i].buf);
	free(m->runs);
	free(m->heap);
	free(m->out);
	if (m->fd >= 0)
		(void)close(m->fd);
	free(m);
}

/* -- Writing. -- */

static int
flush(struct merge *m)
{
	const char *p = m->out;

	while (m->out_len > 0) {
		ssize_t n = pwrite(m->fd, p, m->out_len, (off_t)m->written);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? room_error(-errno) : -EIO;
		p += n;
		m->out_len -= (size_t)n;
		m->written += (uint64_t)n;
	}
	return 0;
}

static void
run_end(struct merge *m)
{
	if (m->runs_len > 0)
		m->runs[m->runs_len - 1].end = m->written + m->out_len;
}

int
merge_run(struct merge *m)
{
	if (m->runs_len == m->conf.runs_max)
		return -EFBIG;
	if (m->runs_len == m->runs_cap) {
		size_t cap = m->runs_cap == 0 ? 16 : m->runs_cap * 2;
		struct run *v = realloc(m->runs, cap * sizeof(*v));

		if (v == NULL)
			return -ENOMEM;
		m->runs = v;
		m->runs_cap = cap;
	}
	if (m->fd < 0) {
		int fd = file_unnamed(m->conf.dir);

		if (fd < 0)
			return room_error(fd);
		m->fd = fd;
	}
	run_end(m);
	m->runs[m->runs_len++] = (struct run){.at = m->written + m->out_len};
	return 0;
}

int
merge_put(struct merge *m, struct slice item)
{
	size_t head = m->conf.item_bytes == 0 ? HEAD_BYTES : 0;
	uint32_t len = (uint32_t)item.len;

	assert(m->runs_len > 0 && item.len <= MERGE_ITEM_MAX);
	assert(m->conf.item_bytes == 0 || m->conf.item_bytes == item.len);
	if (m->out_len + head + item.len > OUT_BYTES) {
		int r = flush(m);

		if (r < 0)
			return r;
	}
	if (head > 0)
		memcpy(m->out + m->out_len, &len, head);
	if (item.len > 0)
		memcpy(m->out + m->out_len + head, item.ptr, item.len);
	m->out_len += head + item.len;
	return 0;
}

/* -- Reading. -- */

/* At least `n` bytes are in the run's buffer. */
static int
run_need(struct merge *m, struct run *run, size_t n)
{
	if (run->have - run->pos >= n)
		return 0;
	if (run->have > run->pos)
		memmove(run->buf, run->buf + run->pos, run->have - run->pos);
	run->have -= run->pos;
	run->pos = 0;
	if (run->cap < n) {
		size_t cap =
		    run->cap == 0 ? m->conf.memory_bytes / m->runs_len : run->cap * 2;
		char *buf;

		if (cap < n)
			cap = n;
		buf = realloc(run->buf, cap);
		if (buf == NULL)
			return -ENOMEM;
		run->buf = buf;
		run->cap = cap;
	}
	while (run->have < n) {
		size_t room = run->cap - run->have;
		ssize_t got;

		if (room > run->end - run->at)
			room = (size_t)(run->end - run->at);
		got = pread(m->fd, run->buf + run->have, room, (off_t)run->at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		run->have += (size_t)got;
		run->at += (uint64_t)got;
	}
	return 0;
}

/* 1: its next item is there; 0: it has none. */
static int
run_next(struct merge *m, struct run *run)
{
	size_t head = m->conf.item_bytes == 0 ? HEAD_BYTES : 0, n = m->conf.item_bytes;
	int r;

	if (run->pos == run->have && run->at == run->end)
		return 0;
	if (head > 0) {
		uint32_t len;

		r = run_need(m, run, head);
		if (r < 0)
			return r;
		memcpy(&len, run->buf + run->pos, head);
		if (len > MERGE_ITEM_MAX)
			return -EIO;
		n = len;
	}
	r = run_need(m, run, head + n);
	if (r < 0)
		return r;
	run->item = slice_of(run->buf + run->pos + head, n);
	run->pos += head + n;
	return 1;
}

static bool
less(const struct merge *m, size_t a, size_t b)
{
	return m->conf.cmp(m->conf.arg, m->runs[a].item, m->runs[b].item) < 0;
}

static void
heap_down(struct merge *m, size_t i)
{
	for (;;) {
		size_t least = i, was = m->heap[i];

		for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < m->heap_len; k++)
			if (less(m, m->heap[k], m->heap[least]))
				least = k;
		if (least == i)
			return;
		m->heap[i] = m->heap[least];
		m->heap[least] = was;
		i = least;
	}
}

int
merge_start(struct merge *m)
{
	int r;

	if (m->runs_len == 0)
		return 0;
	run_end(m);
	r = flush(m);
	if (r < 0)
		return r;
	free(m->out);
	m->out = NULL;
	m->heap = calloc(m->runs_len, sizeof(*m->heap));
	if (m->heap == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < m->runs_len; i++) {
		r = run_next(m, &m->runs[i]);
		if (r < 0)
			return r;
		if (r > 0)
			m->heap[m->heap_len++] = i;
	}
	for (size_t i = m->heap_len; i-- > 0;)
		heap_down(m, i);
	return 0;
}

int
merge_next(struct merge *m, struct slice *ret)
{
	if (m->begun && m->heap_len > 0) {
		int r = run_next(m, &m->runs[m->heap[0]]);

		if (r < 0)
			return r;
		if (r == 0)
			m->heap[0] = m->heap[--m->heap_len];
		heap_down(m, 0);
	}
	m->begun = true;
	if (m->heap_len == 0)
		return 0;
	*ret = m->runs[m->heap[0]].item;
	return 1;
}
