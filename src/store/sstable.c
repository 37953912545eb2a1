#include "store/sstable.h"
#include "store/crc32c.h"
#include "store/varint.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/banned.h"

enum {
	FOOTER_BYTES = 53,
	HANDLES_BYTES = 40,
	TRAILER_BYTES = 5,
	BLOCK_BYTES_MAX = 64 << 20,
	CHECKSUM_CRC32C = 1,
	CHECKSUM_XXH3 = 4,
	FORMAT_VERSION = 5, /* as rocksdb_tune.c has it written */
};

static const uint64_t magic = 0x88e241b785f4cff7u;
static const struct slice properties_name = SLICE_LIT("rocksdb.properties");

struct place {
	uint64_t at, len;
};

struct footer {
	int checksum;
	struct place meta, index;
};

static int
read_at(int fd, char *into, size_t len, uint64_t at)
{
	while (len > 0) {
		ssize_t n = pread(fd, into, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EBADMSG;
		into += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

/* Of a block that lies before the footer. */
static bool
take_place(struct slice *s, uint64_t size, struct place *ret)
{
	uint64_t room = size - FOOTER_BYTES;

	return varint_take(s, &ret->at) && varint_take(s, &ret->len) && ret->at <= room &&
	       ret->len <= room - ret->at && room - ret->at - ret->len >= TRAILER_BYTES;
}

static bool
footer_parse(const char *p, uint64_t size, struct footer *ret)
{
	struct slice handles = slice_of(p + 1, HANDLES_BYTES);
	const char *version = p + 1 + HANDLES_BYTES;

	ret->checksum = p[0];
	if (load32_le(version + 4) != (uint32_t)magic ||
	    load32_le(version + 8) != (uint32_t)(magic >> 32) ||
	    load32_le(version) != FORMAT_VERSION ||
	    (ret->checksum != CHECKSUM_CRC32C && ret->checksum != CHECKSUM_XXH3) ||
	    !take_place(&handles, size, &ret->meta) ||
	    !take_place(&handles, size, &ret->index))
		return false;
	for (size_t i = 0; i < handles.len; i++)
		if (handles.ptr[i] != 0)
			return false;
	return true;
}

/* Of a block and the byte of its compression. */
static uint32_t
checksum(int kind, const char *block, size_t len)
{
	uint32_t c;

	if (kind == CHECKSUM_XXH3)
		return (uint32_t)XXH3_64bits(block, len) ^
		       (uint32_t)(unsigned char)block[len] * 0x6b9083d9u;
	c = crc32c(slice_of(block, len + 1));
	return ((c >> 15) | (c << 17)) + 0xa282ead8u;
}

/* A block whose checksum holds; meta blocks are never compressed.  ret: to be freed. */
static int
block_read(int fd, const struct footer *f, struct place p, bool is_meta, char **ret)
{
	char *block;
	int r;

	if (p.len > BLOCK_BYTES_MAX)
		return -EBADMSG;
	block = malloc(p.len + TRAILER_BYTES);
	if (block == NULL)
		return -ENOMEM;
	r = read_at(fd, block, p.len + TRAILER_BYTES, p.at);
	if (r == 0 &&
	    ((is_meta && block[p.len] != 0) ||
		checksum(f->checksum, block, p.len) != load32_le(block + p.len + 1)))
		r = -EBADMSG;
	if (r < 0) {
		free(block);
		return r;
	}
	*ret = block;
	return 0;
}

/* In a block of entries: bytes shared with the key before (none here), of the key, of the
 * value, both; at the end places to start at and their number. */
static bool
find_properties(struct slice block, uint64_t size, struct place *ret)
{
	struct slice key, value;
	uint64_t shared, key_len, value_len, starts;

	if (block.len < 4)
		return false;
	starts = load32_le(block.ptr + block.len - 4);
	if (starts > (block.len - 4) / 4)
		return false;
	block = slice_head(block, block.len - 4 - (size_t)starts * 4);
	while (varint_take(&block, &shared) && varint_take(&block, &key_len) &&
	       varint_take(&block, &value_len) && bytes_take(&block, key_len, &key) &&
	       bytes_take(&block, value_len, &value))
		if (shared == 0 && slice_eq(key, properties_name))
			return take_place(&value, size, ret);
	return false;
}

int
sstable_check(int fd, uint64_t size)
{
	char end[FOOTER_BYTES], *meta, *properties, *index;
	struct footer f;
	struct place p;
	bool found;
	int r;

	if (size < FOOTER_BYTES)
		return -EBADMSG;
	r = read_at(fd, end, FOOTER_BYTES, size - FOOTER_BYTES);
	if (r < 0)
		return r;
	if (!footer_parse(end, size, &f))
		return -EBADMSG;
	r = block_read(fd, &f, f.meta, true, &meta);
	if (r < 0)
		return r;
	found = find_properties(slice_of(meta, f.meta.len), size, &p);
	free(meta);
	if (!found)
		return -EBADMSG;
	r = block_read(fd, &f, p, true, &properties);
	if (r < 0)
		return r;
	free(properties);
	/* RocksDB checks it, too; but first it believes the footer how large it is. */
	r = block_read(fd, &f, f.index, false, &index);
	if (r == 0)
		free(index);
	return r;
}
