/*
 * tests/unit/fail_alloc.h -- lets the n-th allocation fail.
 *
 * For one test program: it is linked with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,
 * so that every allocation of our archives comes here (not those of shared libraries).
 */
#ifndef TESTS_FAIL_ALLOC_H
#define TESTS_FAIL_ALLOC_H
#include <stddef.h>
#include <stdint.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

/* Allocations that still succeed; negative: all do. */
static int64_t fail_alloc_after = -1;

static inline int
fail_alloc_now(void)
{
	if (fail_alloc_after < 0)
		return 0;
	if (fail_alloc_after == 0)
		return 1;
	fail_alloc_after--;
	return 0;
}

void *
__wrap_malloc(size_t n)
{
	return fail_alloc_now() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fail_alloc_now() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fail_alloc_now() ? NULL : __real_realloc(p, n);
}
#endif
