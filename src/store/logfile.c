#include "store/logfile.h"
#include "store/crc32c.h"
#include "store/varint.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

enum {
	BLOCK = 32 << 10,
	HEAD = 7,
	RECORD_MAX = 64 << 20,
	TYPE_FULL = 1,
	TYPE_FIRST,
	TYPE_MIDDLE,
	TYPE_LAST,
};

struct reader {
	int fd;
	logfile_fn *fn;
	void *ctx;
	int err;
	bool in_record; /* the last fragment was not its last */
	struct buf record;
	char block[BLOCK];
};

/* What is written for a checksum, so that one of data with checksums in it is no trap. */
static uint32_t
masked(uint32_t crc)
{
	return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

/* Reads the block at `at`; returns its length, less only at the end of the file. */
static ssize_t
read_block(struct reader *r, uint64_t at)
{
	size_t len = 0;

	while (len < BLOCK) {
		ssize_t n = pread(r->fd, r->block + len, BLOCK - len, (off_t)(at + len));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* Is `type` what may follow?  Notes whether a record is open after it. */
static bool
in_order(struct reader *r, int type)
{
	switch (type) {
	case TYPE_FULL:
	case TYPE_FIRST:
		if (r->in_record)
			return false;
		r->in_record = type == TYPE_FIRST;
		return true;
	case TYPE_MIDDLE:
	case TYPE_LAST:
		if (!r->in_record)
			return false;
		r->in_record = type == TYPE_MIDDLE;
		return true;
	default:
		return false;
	}
}

static int
record_add(struct reader *r, struct slice fragment)
{
	int err;

	if (r->fn == NULL)
		return 0;
	err = buf_add_slice(&r->record, fragment);
	if (err < 0 || r->in_record)
		return err;
	err = r->fn(r->ctx, buf_slice(&r->record));
	buf_clear(&r->record);
	return err;
}

/* The fragments from `i` on in a block of `len` bytes.  Returns where the sound ones end;
 * ret_record: where the last whole record ended, if one did. */
static size_t
check_block(struct reader *r, size_t i, size_t len, size_t *ret_record)
{
	while (BLOCK - i >= HEAD) {
		const char *head = r->block + i;
		size_t size;

		if (len - i < HEAD)
			return i;
		size = (size_t)(unsigned char)head[4] | (size_t)(unsigned char)head[5]
							    << 8;
		if (size > len - i - HEAD ||
		    masked(crc32c(slice_of(head + 6, size + 1))) != load32_le(head) ||
		    !in_order(r, head[6]))
			return i;
		r->err = record_add(r, slice_of(head + HEAD, size));
		if (r->err != 0)
			return i;
		i += HEAD + size;
		if (!r->in_record)
			*ret_record = i;
	}
	return BLOCK;
}

static int
check_blocks(struct reader *r, uint64_t *end)
{
	uint64_t at = *end - *end % BLOCK;
	size_t i = *end % BLOCK;

	for (;; at += BLOCK, i = 0) {
		ssize_t len = read_block(r, at);
		size_t record = 0;

		if (len < 0)
			return (int)len;
		if ((size_t)len < i)
			return 0;
		i = check_block(r, i, (size_t)len, &record);
		if (record > 0)
			*end = at + record;
		if (i < BLOCK)
			return r->err;
	}
}

int
logfile_check(int fd, uint64_t *end, logfile_fn *fn, void *ctx)
{
	struct reader *r = calloc(1, sizeof(*r));
	int err;

	if (r == NULL)
		return -ENOMEM;
	r->fd = fd;
	r->fn = fn;
	r->ctx = ctx;
	buf_init(&r->record, RECORD_MAX);
	err = check_blocks(r, end);
	buf_release(&r->record);
	free(r);
	return err;
}

int
logfile_add(struct buf *log, struct slice record)
{
	size_t at = log->len;
	char head[HEAD] = {0};
	uint32_t crc;
	int r;

	if (at > BLOCK - HEAD || record.len > BLOCK - HEAD - at)
		return -EMSGSIZE;
	head[4] = (char)(record.len & 0xff);
	head[5] = (char)(record.len >> 8);
	head[6] = TYPE_FULL;
	r = buf_reserve(log, sizeof(head) + record.len);
	if (r < 0)
		return r;
	(void)buf_add(log, head, sizeof(head));
	(void)buf_add_slice(log, record);
	crc = masked(crc32c(slice_of(log->ptr + at + 6, record.len + 1)));
	for (size_t i = 0; i < 4; i++)
		log->ptr[at + i] = (char)(crc >> (8 * i));
	return 0;
}
