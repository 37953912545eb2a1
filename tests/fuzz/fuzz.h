/*
 * tests/fuzz/fuzz.h -- what the fuzz targets share.
 *
 * A target is one function of bytes, FUZZ_TARGET(parser).  Built alone with libFuzzer it
 * is LLVMFuzzerTestOneInput(); built into the replay it has a name of its own, so that
 * one program can hold all of them.  What must hold whatever the bytes are stands in
 * FUZZ_CHECK().
 *
 * Inputs that have parts are lines where that can be, so that a person can write them:
 * what configures the call comes first, the text last.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H
#include "base/slice.h"
#include <stdio.h>
#include <stdlib.h>

#define FUZZ_TARGETS(X)                                                                  \
	X(url)                                                                           \
	X(html)                                                                          \
	X(page)                                                                          \
	X(links)                                                                         \
	X(relink)                                                                        \
	X(values)                                                                        \
	X(robots)                                                                        \
	X(sitemap)                                                                       \
	X(pdf)                                                                           \
	X(http)                                                                          \
	X(http_head)                                                                     \
	X(coding)                                                                        \
	X(charset)                                                                       \
	X(escape)                                                                        \
	X(found)                                                                         \
	X(job)                                                                           \
	X(jar)                                                                           \
	X(select)                                                                        \
	X(warc)                                                                          \
	X(record)                                                                        \
	X(rocks)                                                                         \
	X(lines)                                                                         \
	X(api)

#ifdef FUZZ_ALONE
#define FUZZ_TARGET(name)                                                                \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);                    \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
#else
#define FUZZ_TARGET(name)                                                                \
	int fuzz_##name(const uint8_t *data, size_t size);                               \
	int fuzz_##name(const uint8_t *data, size_t size)
#endif

/* Both libFuzzer and the replay take a death for a finding. */
#define FUZZ_CHECK(cond)                                                                 \
	do {                                                                             \
		if (!(cond)) {                                                           \
			(void)fprintf(                                                   \
			    stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #cond);   \
			abort();                                                         \
		}                                                                        \
	} while (0)

/* The next byte of the input; 0 at its end. */
static inline uint8_t
fuzz_byte(struct slice *rest)
{
	uint8_t b = rest->len == 0 ? 0 : (uint8_t)rest->ptr[0];

	*rest = slice_from(*rest, 1);
	return b;
}

/* Up to the next line feed, which is dropped. */
static inline struct slice
fuzz_line(struct slice *rest)
{
	size_t n = slice_find(*rest, '\n');
	struct slice line = slice_head(*rest, n);

	*rest = slice_from(*rest, n + 1);
	return line;
}

/* A block of exactly that size, so that a sanitizer sees a byte too far. */
static inline char *
fuzz_room(size_t n)
{
	char *p;

	FUZZ_CHECK(n <= PTRDIFF_MAX); /* gcc at -O1 wonders whether it could be more */
	p = malloc(n == 0 ? 1 : n);
	FUZZ_CHECK(p != NULL);
	return n == 0 ? p + 1 : p;
}

static inline void
fuzz_room_free(char *p, size_t n)
{
	free(n == 0 ? p - 1 : p);
}

/* A copy in a block of its own; end it with fuzz_room_free(). */
static inline struct slice
fuzz_copy(struct slice s)
{
	char *p = fuzz_room(s.len);

	if (s.len > 0)
		memcpy(p, s.ptr, s.len);
	return slice_of(p, s.len);
}

static inline void
fuzz_copy_free(struct slice s)
{
	char *p;

	memcpy(&p, &s.ptr, sizeof(p));
	fuzz_room_free(p, s.len);
}

static inline bool
fuzz_lies_in(struct slice part, struct slice whole)
{
	return part.len == 0 ||
	       (part.ptr >= whole.ptr && part.len <= whole.len &&
		   (size_t)(part.ptr - whole.ptr) <= whole.len - part.len);
}
#endif
