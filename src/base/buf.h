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
int buf_add(struct buf *b, const void *ptr, size_t len);
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
