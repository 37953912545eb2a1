#include "frontier/seen_cold.h"
#include "base/room.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

#define FILE_NAME "seen.cold"

enum {
	FLAGS_BITS = 8,
	KEY_BITS = 64 - FLAGS_BITS,
	WORD_BYTES = sizeof(uint64_t),
	PLACE_BITS = 32,     /* bytes of a part at most */
	CHUNK = 8192,        /* words of a buffer */
	BLOCK = 128,         /* words that a look-up reads */
	PART_MAX = 1u << 28, /* words */
};

void
seen_cold_init(struct seen_cold *c)
{
	*c = (struct seen_cold){.fd = -1};
}

void
seen_cold_release(struct seen_cold *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	free(c->in);
	free(c->out);
	for (int i = 0; i < SEEN_PARTS; i++)
		free(c->index[i]);
	seen_cold_init(c);
}

/* Later there may be room. */
static int
told(int err)
{
	return room_error(-err);
}

int
seen_cold_open(struct seen_cold *c, int dir_fd)
{
	int r = 0;

	c->in = malloc((size_t)CHUNK * WORD_BYTES);
	c->out = malloc((size_t)CHUNK * WORD_BYTES);
	if (c->in == NULL || c->out == NULL)
		r = -ENOMEM;
	if (r == 0)
		c->fd = openat(
		    dir_fd, FILE_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (r == 0 && (c->fd < 0 || unlinkat(dir_fd, FILE_NAME, 0) != 0))
		r = told(errno);
	if (r < 0)
		seen_cold_release(c);
	return r;
}

static uint64_t
blocks_of(uint64_t words)
{
	return (words + BLOCK - 1) / BLOCK;
}

/* What the index has of a key: its highest 32 bits. */
static uint32_t
coarse(uint64_t key)
{
	return (uint32_t)(key >> (KEY_BITS - 32));
}

uint64_t
seen_cold_bytes(const struct seen_cold *c)
{
	uint64_t bytes = seen_cold_is_open(c) ? (uint64_t)CHUNK * WORD_BYTES * 2 : 0;

	for (int i = 0; i < SEEN_PARTS; i++)
		bytes += blocks_of(c->len[i]) * sizeof(c->index[i][0]);
	return bytes;
}

static off_t
place(unsigned part, bool second)
{
	return (off_t)(part * 2 + second) << PLACE_BITS;
}

static int
read_words(const struct seen_cold *c, off_t at, uint64_t *to, size_t n)
{
	char *p = (char *)to;
	size_t left = n * WORD_BYTES;

	while (left > 0) {
		ssize_t got = pread(c->fd, p, left, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0 ? -EIO : -errno;
		p += got;
		at += got;
		left -= (size_t)got;
	}
	return 0;
}

static int
write_words(const struct seen_cold *c, off_t at, const uint64_t *from, size_t n)
{
	const char *p = (const char *)from;
	size_t left = n * WORD_BYTES;

	while (left > 0) {
		ssize_t put = pwrite(c->fd, p, left, at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put == 0 ? -ENOSPC : told(errno);
		p += put;
		at += put;
		left -= (size_t)put;
	}
	return 0;
}

/* ---- merging ---- */

static int
by_word(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Words on their way from one place of a part to the other. */
struct merge {
	const struct seen_cold *c;
	off_t from, to;      /* the next that is read, written */
	uint64_t left;       /* words that are not read yet */
	size_t at, end, put; /* in `in`; in `out` */
	uint64_t len;        /* written so far, and in `out` */
	uint32_t *index;     /* of these */
};

/* *ret: the next old word, 0: there is none. */
static int
peek(struct merge *m, uint64_t *ret)
{
	int r;

	*ret = 0;
	if (m->at == m->end) {
		m->at = 0;
		m->end = m->left < CHUNK ? (size_t)m->left : CHUNK;
		r = read_words(m->c, m->from, m->c->in, m->end);
		if (r < 0)
			return r;
		m->from += (off_t)(m->end * WORD_BYTES);
		m->left -= m->end;
	}
	if (m->at < m->end)
		*ret = m->c->in[m->at];
	return 0;
}

static int
flush(struct merge *m)
{
	int r = write_words(m->c, m->to, m->c->out, m->put);

	m->to += (off_t)(m->put * WORD_BYTES);
	m->put = 0;
	return r;
}

static int
emit(struct merge *m, uint64_t word)
{
	m->c->out[m->put++] = word;
	if (m->len % BLOCK == 0)
		m->index[m->len / BLOCK] = coarse(word >> FLAGS_BITS);
	m->len++;
	return m->put == CHUNK ? flush(m) : 0;
}

/* All old words below `end`, and of those of its own fingerprint none. */
static int
copy_until(struct merge *m, uint64_t end)
{
	uint64_t old;
	int r = peek(m, &old);

	while (r == 0 && old != 0 && old >> FLAGS_BITS < end >> FLAGS_BITS) {
		m->at++;
		r = emit(m, old);
		if (r == 0)
			r = peek(m, &old);
	}
	if (r == 0 && old != 0 && old >> FLAGS_BITS == end >> FLAGS_BITS)
		m->at++;
	return r;
}

static int
copy_rest(struct merge *m)
{
	uint64_t old;
	int r = peek(m, &old);

	while (r == 0 && old != 0) {
		m->at++;
		r = emit(m, old);
		if (r == 0)
			r = peek(m, &old);
	}
	return r;
}

int
seen_cold_merge(struct seen_cold *c, unsigned part, uint64_t *words, size_t n)
{
	bool second = c->second[part];
	struct merge m = {.c = c,
	    .from = place(part, second),
	    .to = place(part, !second),
	    .left = c->len[part]};
	int r = c->len[part] + n > PART_MAX ? -ENOSPC : 0;

	if (r == 0) {
		m.index = calloc(blocks_of(c->len[part] + n) + 1, sizeof(*m.index));
		if (m.index == NULL)
			return -ENOMEM;
	}
	qsort(words, n, sizeof(words[0]), by_word);
	for (size_t i = 0; i < n && r == 0; i++) {
		r = copy_until(&m, words[i]);
		if (r == 0)
			r = emit(&m, words[i]);
	}
	if (r == 0)
		r = copy_rest(&m);
	if (r == 0)
		r = flush(&m);
	if (r < 0) {
		second = !second; /* what was written is not wanted */
		free(m.index);
	} else {
		free(c->index[part]);
		c->index[part] = m.index;
		c->len[part] = m.len;
		c->second[part] = !second;
	}
	/* Where that cannot be done the next merge writes over it. */
	(void)fallocate(c->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    place(part, second), (off_t)1 << PLACE_BITS);
	return r;
}

/* ---- looking up ---- */

/* Of `n` words in ascending order; 0: none. */
static uint64_t
search(const uint64_t *words, size_t n, uint64_t key)
{
	size_t low = 0;

	while (n > 0) {
		uint64_t word = words[low + n / 2];

		if (word >> FLAGS_BITS == key)
			return word;
		if (word >> FLAGS_BITS < key) {
			low += n / 2 + 1;
			n -= n / 2 + 1;
		} else
			n /= 2;
	}
	return 0;
}

/* The last block that begins with no more than `key`; the index is not empty.  Keys are
 * hashes: it is near where it would be if they were even. */
static uint64_t
block_near(const uint32_t *index, uint64_t blocks, uint64_t key)
{
	uint64_t i = (uint64_t)((unsigned __int128)key * blocks >> KEY_BITS);

	while (i > 0 && index[i] > coarse(key))
		i--;
	while (i + 1 < blocks && index[i + 1] <= coarse(key))
		i++;
	return i;
}

int
seen_cold_find(const struct seen_cold *c, uint64_t print, uint64_t *ret)
{
	uint64_t words[BLOCK], key = print & (((uint64_t)1 << KEY_BITS) - 1);
	unsigned part = (unsigned)(print >> KEY_BITS);
	uint64_t len = c->len[part], block;
	const uint32_t *index = c->index[part];

	*ret = 0;
	if (len == 0)
		return 0;
	/* Blocks that begin alike: it may be in the one before. */
	for (block = block_near(index, blocks_of(len), key) + 1; block-- > 0;) {
		uint64_t at = block * BLOCK, n = len - at < BLOCK ? len - at : BLOCK;
		off_t from = place(part, c->second[part]) + (off_t)(at * WORD_BYTES);
		int r = read_words(c, from, words, n);

		if (r < 0)
			return r;
		*ret = search(words, n, key);
		if (*ret != 0 || words[0] >> FLAGS_BITS <= key)
			break;
	}
	return 0;
}
