#include "sink/mirror_map.h"
#include "base/buf.h"
#include "base/file_whole.h"
#include "base/sorter.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

enum {
	SORT_BYTES = 16 << 20,
	BLOCK_ENTRIES = 128,
};

struct mirror_map {
	char *dir;
	struct sorter *sorter;
	int fd;
	struct buf first; /* uint64_t: hash of the first entry of each block */
	uint64_t entries;
	size_t held_at; /* the block in `block`; SIZE_MAX: none */
	size_t held_n;
	struct mirror_entry block[BLOCK_ENTRIES];
};

static int
compare(const void *a, const void *b)
{
	const struct mirror_entry *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

int
mirror_map_new(const char *dir, struct mirror_map **ret)
{
	struct mirror_map *m = calloc(1, sizeof(*m));
	struct sorter_conf conf = {.record_bytes = sizeof(struct mirror_entry),
	    .memory_bytes = SORT_BYTES,
	    .cmp = compare};
	int r = -ENOMEM;

	if (m == NULL)
		return r;
	m->fd = -1;
	m->held_at = SIZE_MAX;
	buf_init(&m->first, SIZE_MAX / 2);
	conf.dir = m->dir = slice_dup(slice_cstr(dir));
	if (m->dir != NULL)
		r = sorter_new(&conf, &m->sorter);
	if (r == 0) {
		m->fd = file_unnamed(dir);
		r = m->fd < 0 ? m->fd : 0;
	}
	if (r < 0)
		mirror_map_free(m);
	else
		*ret = m;
	return r;
}

void
mirror_map_free(struct mirror_map *m)
{
	if (m == NULL)
		return;
	sorter_free(m->sorter);
	if (m->fd >= 0)
		(void)close(m->fd);
	buf_release(&m->first);
	free(m->dir);
	free(m);
}

int
mirror_map_add(struct mirror_map *m, const struct mirror_entry *e)
{
	return sorter_add(m->sorter, e);
}

static int
block_write(struct mirror_map *m)
{
	const char *p = (const char *)m->block;
	size_t left = m->held_n * sizeof(m->block[0]);
	uint64_t at = m->entries * sizeof(m->block[0]);
	int r = buf_add(&m->first, &m->block[0].hash, sizeof(uint64_t));

	while (r == 0 && left > 0) {
		ssize_t n = pwrite(m->fd, p, left, (off_t)at);

		if (n < 0 && errno != EINTR)
			r = -errno;
		if (n > 0) {
			p += n;
			at += (uint64_t)n;
			left -= (size_t)n;
		}
	}
	m->entries += m->held_n;
	m->held_n = 0;
	return r;
}

static int
entry_write(struct mirror_map *m, const struct mirror_entry *e)
{
	m->block[m->held_n++] = *e;
	return m->held_n == BLOCK_ENTRIES ? block_write(m) : 0;
}

int
mirror_map_seal(struct mirror_map *m, bool *ret_repeats)
{
	struct mirror_entry e, last;
	bool repeats = false;
	int more, r = sorter_sort(m->sorter);

	if (r < 0)
		return r;
	more = sorter_next(m->sorter, &last);
	for (; more > 0 && r == 0; last = e) {
		more = sorter_next(m->sorter, &e);
		if (more <= 0 || e.hash != last.hash)
			r = entry_write(m, &last);
		else
			repeats = true;
	}
	if (r == 0 && more == 0 && m->held_n > 0)
		r = block_write(m);
	sorter_free(m->sorter);
	m->sorter = NULL;
	*ret_repeats = repeats;
	return r == 0 ? more : r;
}

static int
block_read(struct mirror_map *m, size_t at)
{
	uint64_t from = (uint64_t)at * BLOCK_ENTRIES;
	size_t n = m->entries - from < BLOCK_ENTRIES ? (size_t)(m->entries - from)
						     : BLOCK_ENTRIES;
	size_t bytes = n * sizeof(m->block[0]), done = 0;

	if (m->held_at == at)
		return 0;
	m->held_at = SIZE_MAX;
	while (done < bytes) {
		ssize_t got = pread(m->fd, (char *)m->block + done, bytes - done,
		    (off_t)(from * sizeof(m->block[0]) + done));

		if (got == 0 || (got < 0 && errno != EINTR))
			return got == 0 ? -EIO : -errno;
		done += got < 0 ? 0 : (size_t)got;
	}
	m->held_at = at;
	m->held_n = n;
	return 0;
}

int
mirror_map_find(struct mirror_map *m, uint64_t hash, struct mirror_entry *ret)
{
	const uint64_t *first = (const uint64_t *)(const void *)m->first.ptr;
	size_t lo = 0, hi = m->first.len / sizeof(uint64_t);
	int r;

	if (hi == 0 || hash < first[0])
		return 0;
	while (hi - lo > 1) { /* first[lo] <= hash < first[hi] */
		size_t mid = lo + (hi - lo) / 2;

		if (first[mid] <= hash)
			lo = mid;
		else
			hi = mid;
	}
	r = block_read(m, lo);
	if (r < 0)
		return r;
	lo = 0;
	hi = m->held_n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->block[mid].hash < hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == m->held_n || m->block[lo].hash != hash)
		return 0;
	*ret = m->block[lo];
	return 1;
}
