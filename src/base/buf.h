/*
 * base/buf.h -- an owned, growing run of bytes that always has a maximum.
 *
 * Owns:    its bytes, until buf_release().
 * Errors:  0, -ENOMEM, or -EMSGSIZE when it would grow past `max`; buf_printf() also
 *          -EINVAL for what printf refuses.  The contents are untouched on failure.
 * Rule:    what is added must not lie in the buf itself, which may move.
 * Threads: none of its own; one user at a time.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H
#include "base/slice.h"
#include <stdarg.h>

struct buf {
	char *ptr;
	size_t len;
	size_t cap;
	size_t max; /* bytes; fixed at init */
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_release(struct buf *b);
static inline void
buf_clear(struct buf *b)
{
	b->len = 0;
}
/* Empty, and nothing of what was in it is left: a large one is released, which is for
 * free() to wipe (loop/scrub.h). */
void buf_wipe(struct buf *b);
/* Room for `n` more bytes at b->ptr + b->len. */
int buf_reserve(struct buf *b, size_t n);
int buf_add_slow(struct buf *b, const void *ptr, size_t len); /* what buf_add() calls */
/* In the place of the call: most of what is added is a few bytes, and there is room. */
static inline int
buf_add(struct buf *b, const void *ptr, size_t len)
{
	if (len == 0)
		return 0;
	if (b->len >= b->cap || len > b->cap - b->len || len > b->max - b->len)
		return buf_add_slow(b, ptr, len);
	memcpy(b->ptr + b->len, ptr, len);
	b->len += len;
	return 0;
}
static inline int
buf_add_slice(struct buf *b, struct slice s)
{
	return buf_add(b, s.ptr, s.len);
}
static inline int
buf_add_cstr(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}
static inline int
buf_add_byte(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}
/* In decimal, as printf would; with zeros before it up to `digits`, which is 20 at most. */
int buf_add_u64(struct buf *b, uint64_t n, unsigned digits);
int buf_add_i64(struct buf *b, int64_t n);
__attribute__((format(printf, 2, 3))) int buf_printf(struct buf *b, const char *fmt, ...);
__attribute__((format(printf, 2, 0))) int buf_vprintf(
    struct buf *b, const char *fmt, va_list ap);
static inline struct slice
buf_slice(const struct buf *b)
{
	return slice_of(b->ptr, b->len);
}
/* The bytes with a NUL after them (not counted in len), or NULL when memory is out. */
const char *buf_cstr(struct buf *b);
#endif
