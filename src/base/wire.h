/*
 * base/wire.h -- how the engine and its workers write fields into bytes, and read them
 * back.
 *
 * Little-endian fixed integers and length-prefixed texts.  The writer's first error
 * sticks; the reader never leaves its slice: the first field that does not fit makes it
 * `bad` and yields zeros from then on, so that a whole message is read and then judged
 * once.
 */
#ifndef BASE_WIRE_H
#define BASE_WIRE_H
#include "base/buf.h"

struct wire_out {
	struct buf *b;
	int err;
};

static inline void
wire_put(struct wire_out *w, const void *p, size_t n)
{
	struct buf *b = w->b;

	if (w->err == 0 && b->cap - b->len >= n && b->len + n <= b->max) {
		if (n > 0)
			memcpy(b->ptr + b->len, p, n);
		b->len += n;
	} else if (w->err == 0) {
		w->err = buf_add(b, p, n);
	}
}
static inline void
wire_u8(struct wire_out *w, uint8_t v)
{
	wire_put(w, &v, sizeof(v));
}
static inline void
wire_u16(struct wire_out *w, uint16_t v)
{
	wire_put(w, &v, sizeof(v));
}
static inline void
wire_u32(struct wire_out *w, uint32_t v)
{
	wire_put(w, &v, sizeof(v));
}
static inline void
wire_u64(struct wire_out *w, uint64_t v)
{
	wire_put(w, &v, sizeof(v));
}
static inline void
wire_text(struct wire_out *w, struct slice s)
{
	wire_u32(w, (uint32_t)s.len);
	wire_put(w, s.ptr, s.len);
}

struct wire_in {
	struct slice rest;
	bool bad;
};

static inline void
wire_take(struct wire_in *w, void *ret, size_t n)
{
	memset(ret, 0, n);
	if (w->bad || w->rest.len < n) {
		w->bad = true;
		return;
	}
	memcpy(ret, w->rest.ptr, n);
	w->rest = slice_from(w->rest, n);
}
static inline uint8_t
wire_get_u8(struct wire_in *w)
{
	uint8_t v;

	wire_take(w, &v, sizeof(v));
	return v;
}
static inline uint16_t
wire_get_u16(struct wire_in *w)
{
	uint16_t v;

	wire_take(w, &v, sizeof(v));
	return v;
}
static inline uint32_t
wire_get_u32(struct wire_in *w)
{
	uint32_t v;

	wire_take(w, &v, sizeof(v));
	return v;
}
static inline uint64_t
wire_get_u64(struct wire_in *w)
{
	uint64_t v;

	wire_take(w, &v, sizeof(v));
	return v;
}
/* Borrows from the message. */
static inline struct slice
wire_get_slice(struct wire_in *w, size_t n)
{
	struct slice s;

	if (w->bad || w->rest.len < n) {
		w->bad = true;
		return (struct slice){0};
	}
	s = slice_of(w->rest.ptr, n);
	w->rest = slice_from(w->rest, n);
	return s;
}
static inline struct slice
wire_get_text(struct wire_in *w)
{
	return wire_get_slice(w, wire_get_u32(w));
}
#endif
