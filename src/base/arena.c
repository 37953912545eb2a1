#include "base/arena.h"
#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>

struct arena_block {
	struct arena_block *next;
	size_t cap, len;
	size_t dirty; /* of the first: how far it was used before `len` began anew */
	alignas(max_align_t) char bytes[];
};

void
arena_init(struct arena *a, size_t block_bytes, size_t max_bytes)
{
	assert(block_bytes > 0);
	*a = (struct arena){.block_bytes = block_bytes, .max_bytes = max_bytes};
}

static void
blocks_free(struct arena_block *b)
{
	while (b != NULL) {
		struct arena_block *next = b->next;

		free(b);
		b = next;
	}
}

void
arena_release(struct arena *a)
{
	blocks_free(a->first);
	a->first = a->cur = NULL;
	a->used_bytes = 0;
}

void
arena_reset(struct arena *a)
{
	if (a->first == NULL)
		return;
	blocks_free(a->first->next);
	a->first->next = NULL;
	if (a->first->dirty < a->first->len)
		a->first->dirty = a->first->len;
	a->first->len = 0;
	a->cur = a->first;
	a->used_bytes = a->first->cap;
}

void
arena_wipe(struct arena *a)
{
	arena_reset(a);
	if (a->first == NULL)
		return;
	explicit_bzero(a->first->bytes, a->first->dirty);
	a->first->dirty = 0;
}

static struct arena_block *
block_add(struct arena *a, size_t n)
{
	size_t cap = n > a->block_bytes ? n : a->block_bytes;
	struct arena_block *b;

	if (cap > a->max_bytes || a->used_bytes > a->max_bytes - cap)
		return NULL;
	if (cap > SIZE_MAX - sizeof(*b))
		return NULL;
	b = malloc(sizeof(*b) + cap);
	if (b == NULL)
		return NULL;
	b->next = NULL;
	b->cap = cap;
	b->len = b->dirty = 0;
	if (a->cur == NULL)
		a->first = b;
	else
		a->cur->next = b;
	a->cur = b;
	a->used_bytes += cap;
	return b;
}

static char *
take(struct arena *a, size_t n, size_t align)
{
	struct arena_block *b = a->cur;
	size_t at;

	if (b != NULL) {
		at = (b->len + (align - 1)) & ~(align - 1);
		if (at <= b->cap && n <= b->cap - at) {
			b->len = at + n;
			return b->bytes + at;
		}
	}
	b = block_add(a, n);
	if (b == NULL)
		return NULL;
	b->len = n;
	return b->bytes;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	char *p = take(a, n, alignof(max_align_t));

	if (p != NULL)
		memset(p, 0, n);
	return p;
}

char *
arena_text(struct arena *a, size_t n)
{
	return take(a, n, 1);
}

bool
arena_copy(struct arena *a, struct slice s, struct slice *ret)
{
	char *p = arena_text(a, s.len);

	if (p == NULL)
		return false;
	if (s.len > 0)
		memcpy(p, s.ptr, s.len);
	*ret = slice_of(p, s.len);
	return true;
}
