/*
 * tests/unit/alloc_fail.h -- the n-th allocation fails.
 *
 * Include in the one source file of a test that is linked with WRAP_ALLOC, which
 * sends the calls of all that is linked statically through here.  The shape of a test:
 *
 *	for (int n = 0; alloc_fail_round(n); n++)
 *		what_is_tested();	(checks itself what a failure leaves behind)
 *
 * The round in which nothing failed any more is the last.  After each, as much must have
 * been freed as was allocated.  Where there are threads, which allocation is the n-th is up
 * to chance, and two may fail.
 */
#ifndef TESTS_ALLOC_FAIL_H
#define TESTS_ALLOC_FAIL_H
#include <stdbool.h>
#include <stddef.h>

static struct {
	_Atomic long left; /* allocations until one fails; <0: none does */
	_Atomic long live; /* allocated and not freed */
	_Atomic bool failed;
} alloc_fail = {.left = -1};

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static inline bool
alloc_fail_now(void)
{
	if (alloc_fail.left < 0 || alloc_fail.left-- > 0)
		return false;
	alloc_fail.failed = true;
	return true;
}

static inline void *
alloc_fail_count(void *p)
{
	alloc_fail.live += p != NULL;
	return p;
}

void *
__wrap_malloc(size_t n)
{
	return alloc_fail_now() ? NULL : alloc_fail_count(__real_malloc(n));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return alloc_fail_now() ? NULL : alloc_fail_count(__real_calloc(n, size));
}

void *
__wrap_realloc(void *p, size_t n)
{
	if (p == NULL)
		return __wrap_malloc(n);
	return alloc_fail_now() ? NULL : __real_realloc(p, n);
}

void
__wrap_free(void *p)
{
	alloc_fail.live -= p != NULL;
	__real_free(p);
}

/* Ends the round before and begins the one in which allocation `n` fails, once. */
static inline bool
alloc_fail_round(int n)
{
	bool more = n == 0 || alloc_fail.failed;

	assert_int_equal(alloc_fail.live, 0);
	assert_in_range(n, 0, 10000); /* a test that never ends is no test */
	alloc_fail.left = more ? n : -1;
	alloc_fail.failed = false;
	return more;
}
#endif
