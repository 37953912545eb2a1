/*
 * store/varint.h -- reading and writing the integers of RocksDB's files: little-endian, or seven bits
 * a byte, the lowest first.
 *
 * The slice is moved past what was taken; false, and the slice undefined, where it is too
 * short.
 */
#ifndef STORE_VARINT_H
#define STORE_VARINT_H
#include "base/buf.h"

static inline uint32_t
load32_le(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 |
	       (uint32_t)u[3] << 24;
}

static inline bool
varint_take(struct slice *s, uint64_t *ret)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->len && i < 10; i++) {
		n |= (uint64_t)((unsigned char)s->ptr[i] & 0x7f) << (7 * i);
		if (((unsigned char)s->ptr[i] & 0x80) == 0) {
			if (i > 0 && s->ptr[i] == 0)
				return false; /* longer than it need be: nobody wrote that */
			*s = slice_from(*s, i + 1);
			*ret = n;
			return true;
		}
	}
	return false;
}

static inline bool
bytes_take(struct slice *s, uint64_t n, struct slice *ret)
{
	if (n > s->len)
		return false;
	*ret = slice_head(*s, (size_t)n);
	*s = slice_from(*s, (size_t)n);
	return true;
}

/* A length and as many bytes. */
static inline bool
text_take(struct slice *s, struct slice *ret)
{
	uint64_t n;

	return varint_take(s, &n) && bytes_take(s, n, ret);
}

static inline int
varint_add(struct buf *b, uint64_t n)
{
	char bytes[10];
	size_t len = 0;

	for (; n >= 0x80; n >>= 7)
		bytes[len++] = (char)((n & 0x7f) | 0x80);
	bytes[len++] = (char)n;
	return buf_add(b, bytes, len);
}
#endif
