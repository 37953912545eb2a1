#include "frontier/seen_log.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/banned.h"

#define FILE_NAME "seen.log"

enum {
	MARK_VERSION = 1,
	CHECK_BYTES = 8,
	HEAD_BYTES = CHECK_BYTES + 4,
	BLOCK_BYTES_MAX = HEAD_BYTES + SEEN_BLOCK_MAX * SEEN_RECORD_BYTES,
	FILE_BUF_BYTES = 64 << 10,
};

static const struct slice magic = {.ptr = "trawl-seen-log 1", .len = 16};

struct mark {
	uint64_t bytes, check, len;
};

static void
put_le(char *at, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (char)(v >> (8 * i));
}

static uint64_t
get_le(const char *at, int bytes)
{
	uint64_t v = 0;

	for (int i = bytes - 1; i >= 0; i--)
		v = v << 8 | (uint8_t)at[i];
	return v;
}

int
seen_log_init(struct seen_log *l, const char *dir, struct why *why)
{
	*l = (struct seen_log){.check = 0};
	buf_init(&l->block, BLOCK_BYTES_MAX);
	return file_append_init(&l->file, dir, FILE_BUF_BYTES, why);
}

void
seen_log_release(struct seen_log *l)
{
	buf_release(&l->block);
	file_append_release(&l->file);
}

int
seen_log_start(struct seen_log *l, struct why *why)
{
	int r;

	if (l->file.fd >= 0)
		file_append_close(&l->file);
	r = file_append_open(&l->file, FILE_NAME, 0, why);
	if (r == 0)
		r = file_append_add(&l->file, magic, why);
	if (r == 0)
		l->check = XXH3_64bits(magic.ptr, magic.len);
	return r;
}

static bool
mark_parse(struct slice s, struct mark *ret)
{
	if (s.len != SEEN_MARK_BYTES || s.ptr[0] != MARK_VERSION)
		return false;
	ret->bytes = get_le(s.ptr + 1, 8);
	ret->check = get_le(s.ptr + 9, 8);
	ret->len = get_le(s.ptr + 17, 8);
	return ret->bytes >= magic.len;
}

static int
unknown_mark(const struct seen_log *l, struct why *why)
{
	return why_set(why, -EBADMSG, "the mark of '%s/%s' is not understood",
	    l->file.dir, FILE_NAME);
}

/* `n` bytes at `*at`, which moves on. */
static int
read_whole(const struct seen_log *l, uint64_t *at, char *to, size_t n, struct why *why)
{
	while (n > 0) {
		ssize_t got = pread(l->file.fd, to, n, (off_t)*at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return why_set(why, -EBADMSG, "'%s/%s' cannot be read: %s",
			    l->file.dir, FILE_NAME,
			    got == 0 ? "it ends early" : strerrordesc_np(errno));
		to += got;
		n -= (size_t)got;
		*at += (uint64_t)got;
	}
	return 0;
}

static int
damaged(const struct seen_log *l, uint64_t at, struct why *why)
{
	return why_set(why, -EBADMSG, "'%s/%s' is damaged at byte %llu", l->file.dir,
	    FILE_NAME, (unsigned long long)at);
}

/* One block at `*at`, which moves on; its records are in l->block behind the head. */
static int
read_block(
    struct seen_log *l, uint64_t *at, uint64_t end, uint32_t *ret_n, struct why *why)
{
	uint64_t from = *at;
	char *b = l->block.ptr;
	size_t bytes;
	uint32_t n;
	int r;

	if (end - *at < HEAD_BYTES)
		return damaged(l, from, why);
	r = read_whole(l, at, b, HEAD_BYTES, why);
	if (r < 0)
		return r;
	n = (uint32_t)get_le(b + CHECK_BYTES, 4);
	bytes = (size_t)n * SEEN_RECORD_BYTES;
	if (n == 0 || n > SEEN_BLOCK_MAX || bytes > end - *at)
		return damaged(l, from, why);
	r = read_whole(l, at, b + HEAD_BYTES, bytes, why);
	if (r < 0)
		return r;
	l->check = XXH3_64bits_withSeed(
	    b + CHECK_BYTES, HEAD_BYTES - CHECK_BYTES + bytes, l->check);
	if (l->check != get_le(b, CHECK_BYTES))
		return damaged(l, from, why);
	*ret_n = n;
	return 0;
}

static int
read_all(struct seen_log *l, const struct mark *m, seen_records_fn *fn, void *ctx,
    struct why *why)
{
	uint64_t at = 0;
	int r = read_whole(l, &at, l->block.ptr, magic.len, why);

	if (r == 0 && !slice_eq(slice_of(l->block.ptr, magic.len), magic))
		r = damaged(l, 0, why);
	l->check = XXH3_64bits(magic.ptr, magic.len);
	while (r == 0 && at < m->bytes) {
		uint32_t n = 0;

		r = read_block(l, &at, m->bytes, &n, why);
		if (r == 0)
			r = fn(ctx, l->block.ptr + HEAD_BYTES, n);
	}
	if (r == 0 && l->check != m->check)
		r = damaged(l, m->bytes, why);
	return r;
}

int
seen_log_open(struct seen_log *l, struct slice mark, uint64_t *ret_len,
    seen_records_fn *fn, void *ctx, struct why *why)
{
	struct mark m;
	int r = buf_reserve(&l->block, BLOCK_BYTES_MAX);

	if (r < 0)
		return r;
	if (!mark_parse(mark, &m))
		return unknown_mark(l, why);
	r = file_append_open(&l->file, FILE_NAME, m.bytes, why);
	if (r == -ENOENT)
		return -EBADMSG;
	if (r == 0 && m.len > m.bytes / SEEN_RECORD_BYTES)
		r = why_set(
		    why, -EBADMSG, "'%s/%s' lacks records", l->file.dir, FILE_NAME);
	if (r == 0)
		*ret_len = m.len;
	if (r == 0)
		(void)posix_fadvise(l->file.fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	if (r == 0)
		r = read_all(l, &m, fn, ctx, why);
	return r;
}

struct look {
	uint64_t print;
	bool found;
};

static int
look_at(void *ctx, const char *records, uint32_t n)
{
	struct look *look = ctx;
	uint8_t note;

	for (uint32_t i = 0; i < n && !look->found; i++)
		look->found = seen_record_get(records + (size_t)i * SEEN_RECORD_BYTES,
				  &note) == look->print;
	return look->found; /* what is behind it does not matter */
}

/* Not by seen_log_open(), which cuts off what is behind the mark: that is a writer's. */
int
seen_log_has(
    const char *dir, struct slice mark, uint64_t print, bool *ret, struct why *why)
{
	struct look look = {.print = print};
	struct seen_log l;
	struct mark m;
	int r = seen_log_init(&l, dir, why);

	if (r < 0)
		return r;
	r = buf_reserve(&l.block, BLOCK_BYTES_MAX);
	if (r == 0 && !mark_parse(mark, &m))
		r = unknown_mark(&l, why);
	if (r == 0) {
		l.file.fd =
		    openat(l.file.dir_fd, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (l.file.fd < 0)
			r = why_set(why, -errno, "'%s/%s': %s", dir, FILE_NAME,
			    strerrordesc_np(errno));
	}
	if (r == 0)
		r = read_all(&l, &m, look_at, &look, why);
	seen_log_release(&l);
	*ret = look.found;
	return r > 0 ? 0 : r;
}

int
seen_log_add(struct seen_log *l, const char *records, uint32_t n, struct why *why)
{
	size_t bytes = (size_t)n * SEEN_RECORD_BYTES;
	uint64_t check;
	char *b;
	int r;

	assert(n > 0 && n <= SEEN_BLOCK_MAX);
	buf_clear(&l->block);
	r = buf_reserve(&l->block, HEAD_BYTES + bytes);
	if (r < 0)
		return why_set(why, r, "no memory to write '%s'", FILE_NAME);
	b = l->block.ptr;
	put_le(b + CHECK_BYTES, n, 4);
	memcpy(b + HEAD_BYTES, records, bytes);
	check = XXH3_64bits_withSeed(
	    b + CHECK_BYTES, HEAD_BYTES - CHECK_BYTES + bytes, l->check);
	put_le(b, check, CHECK_BYTES);
	r = file_append_add(&l->file, slice_of(b, HEAD_BYTES + bytes), why);
	if (r == 0)
		l->check = check;
	return r;
}

int
seen_log_sync(struct seen_log *l, struct why *why)
{
	return file_append_sync(&l->file, why);
}

int
seen_log_mark(const struct seen_log *l, uint64_t len, struct buf *ret)
{
	char mark[SEEN_MARK_BYTES] = {MARK_VERSION};

	if (l->file.len > 0)
		return -EBUSY;
	put_le(mark + 1, file_append_at(&l->file), 8);
	put_le(mark + 9, l->check, 8);
	put_le(mark + 17, len, 8);
	return buf_add(ret, mark, sizeof(mark));
}
