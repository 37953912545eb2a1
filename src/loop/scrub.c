#include "loop/scrub.h"
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/banned.h"

enum {
	PAGE_BYTES = 4096,
	LARGE_BYTES = 128 << 10, /* pages that were never touched stay untouched */
	STACK_BYTES = 8 << 20,
	STACK_USUAL_BYTES = 64 << 10, /* cheaper than pages that come back */
};

/* The whole pages in [from, to) are read as zeroes from now on. */
static void
drop_pages(uintptr_t from, uintptr_t to)
{
	if (from < to)
		(void)madvise((void *)from, to - from, MADV_DONTNEED);
}

void
scrub(void *p, size_t n)
{
	uintptr_t at = (uintptr_t)p, end = at + n;
	uintptr_t from = (at + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1);
	uintptr_t to = end & ~(uintptr_t)(PAGE_BYTES - 1);

	if (n < LARGE_BYTES) {
		explicit_bzero(p, n);
		return;
	}
	explicit_bzero(p, from - at);
	drop_pages(from, to);
	explicit_bzero((void *)to, end - to);
}

/*
 * Zeroes what lies right below, down to the beginning of a page, and tells where that is.
 * Not a byte below that is written, not by a call either: a page that is dropped and then
 * touched each time costs more than all the rest here.  What lies between the two pieces of
 * room is written, too, where the sanitizer has marks of its own.
 */
__attribute__((noinline, no_sanitize("address"))) static uintptr_t
zero_below(void)
{
	typedef char line __attribute__((vector_size(16), may_alias));
	char *top = __builtin_alloca(sizeof(line));
	size_t n = STACK_USUAL_BYTES + ((uintptr_t)top & (PAGE_BYTES - 1));
	char *bottom = __builtin_alloca(n);
	uintptr_t from =
	    ((uintptr_t)bottom + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1);

	for (uintptr_t at = from; at < (uintptr_t)top + sizeof(line); at += sizeof(line))
		*(volatile line *)at = (line){0};
	return from;
}

/*
 * What lies deeper goes by whole pages.  What was never mapped there does no harm: madvise()
 * goes on behind a hole.
 */
__attribute__((noinline)) void
scrub_stack(void)
{
	uintptr_t to = zero_below();

	drop_pages(to - STACK_BYTES, to);
}

#ifdef TRAWL_SANITIZED

void
scrub_begin(void)
{
}

#else

/* Seen by the libraries, whatever the default of the build; but tests that make memory run
 * out (tests/fault) have their own, and then what they move is not wiped. */
#define FOR_ALL __attribute__((visibility("default"), weak))

/* glibc's own, which it exports for those who define theirs. */
void __libc_free(void *p);
void *__libc_malloc(size_t n);
void *__libc_realloc(void *p, size_t n);

static bool is_on;

void
scrub_begin(void)
{
	is_on = true;
}

FOR_ALL void
free(void *p)
{
	int kept = errno;

	if (is_on && p != NULL)
		scrub(p, malloc_usable_size(p));
	errno = kept;
	__libc_free(p);
}

/* That of glibc would free without asking us.  A block stays where it is as long as no
 * more than half of it is wasted. */
FOR_ALL void *
realloc(void *p, size_t n)
{
	size_t old;
	void *q;

	if (!is_on || p == NULL)
		return __libc_realloc(p, n);
	if (n == 0) {
		free(p);
		return NULL;
	}
	old = malloc_usable_size(p);
	if (n <= old && n >= old / 2)
		return p;
	q = __libc_malloc(n);
	if (q == NULL)
		return NULL;
	memcpy(q, p, n < old ? n : old);
	free(p);
	return q;
}

#endif
