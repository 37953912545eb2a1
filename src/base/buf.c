#include "base/buf.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_CAP_MIN  64
#define BUF_WIPE_MAX ((size_t)128 << 10)

void
buf_init(struct buf *b, size_t max_bytes)
{
	*b = (struct buf){.max = max_bytes};
}

void
buf_release(struct buf *b)
{
	free(b->ptr);
	*b = (struct buf){.max = b->max};
}

void
buf_wipe(struct buf *b)
{
	if (b->cap > BUF_WIPE_MAX)
		buf_release(b);
	if (b->cap > 0)
		explicit_bzero(b->ptr, b->cap);
	b->len = 0;
}

int
buf_reserve(struct buf *b, size_t n)
{
	size_t need, cap;
	char *p;

	if (n > b->max || b->len > b->max - n)
		return -EMSGSIZE;
	need = b->len + n;
	if (need <= b->cap)
		return 0;
	cap = b->cap < BUF_CAP_MIN ? BUF_CAP_MIN : b->cap;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	if (cap > b->max)
		cap = b->max;
	p = realloc(b->ptr, cap);
	if (p == NULL)
		return -ENOMEM;
	b->ptr = p;
	b->cap = cap;
	return 0;
}

int
buf_add_slow(struct buf *b, const void *ptr, size_t len)
{
	int r = buf_reserve(b, len);

	if (r < 0)
		return r;
	memcpy(b->ptr + b->len, ptr, len);
	b->len += len;
	return 0;
}

enum { DIGITS_MAX = 20 };

int
buf_add_u64(struct buf *b, uint64_t n, unsigned digits)
{
	char text[DIGITS_MAX];
	unsigned at = DIGITS_MAX;

	assert(digits <= DIGITS_MAX);
	do {
		text[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	while (DIGITS_MAX - at < digits)
		text[--at] = '0';
	return buf_add(b, text + at, DIGITS_MAX - at);
}

int
buf_add_i64(struct buf *b, int64_t n)
{
	size_t was = b->len;
	int r;

	if (n >= 0)
		return buf_add_u64(b, (uint64_t)n, 0);
	r = buf_add(b, "-", 1);
	if (r == 0)
		r = buf_add_u64(b, -(uint64_t)n, 0);
	if (r < 0)
		b->len = was;
	return r;
}

int
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	char small[256];
	int n, r;

	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	if (n < 0) {
		r = -EINVAL;
	} else if ((size_t)n < sizeof(small)) {
		r = buf_add(b, small, (size_t)n);
	} else if ((size_t)n > b->max - b->len) {
		r = -EMSGSIZE; /* before any memory is spent on it */
	} else {
		char *large = malloc((size_t)n + 1);

		r = -ENOMEM;
		if (large != NULL) {
			(void)vsnprintf(large, (size_t)n + 1, fmt, again);
			r = buf_add(b, large, (size_t)n);
			free(large);
		}
	}
	va_end(again);
	return r;
}

int
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = buf_vprintf(b, fmt, ap);
	va_end(ap);
	return r;
}

const char *
buf_cstr(struct buf *b)
{
	if (b->len == b->cap) {
		char *p = realloc(b->ptr, b->len + 1);

		if (p == NULL)
			return NULL;
		b->ptr = p;
		b->cap = b->len + 1;
	}
	b->ptr[b->len] = '\0';
	return b->ptr;
}
