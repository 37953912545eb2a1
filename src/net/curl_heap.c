#include "net/curl_heap.h"
#include "net/transport_int.h"
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* The C library's own, past what wipes (loop/scrub.c) and past what makes memory run out in
 * tests: libcurl 7.88 divides by zero then. */
#ifdef TRAWL_SANITIZED
#define LIBC(function) function
#else
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);
#define LIBC(function) __libc_##function
#endif

enum {
	STEP_BYTES = 16,
	SMALL_BYTES = 2 << 10,
	SIZES = SMALL_BYTES / STEP_BYTES + 1, /* by steps; that of none is empty */
	KEPT_OF_SIZE = 512, /* many pages end at once, with a dozen header lines each */
	LARGE_BYTES = READ_BYTES + STEP_BYTES, /* libcurl wants a byte more for it */
};

/* What is kept is told here and not in the blocks: who writes into one that was given back
 * does not come at this. */
struct pile {
	unsigned users;
	size_t bytes; /* of the small ones, at least */
	unsigned len[SIZES], large_len;
	void *large[CURL_HEAP_LARGE_KEPT_MAX];
	void *of_size[SIZES][KEPT_OF_SIZE];
};

static _Thread_local struct pile *mine;

static bool
is_large(size_t bytes)
{
	return bytes > READ_BYTES && bytes <= LARGE_BYTES;
}

void *
curl_heap_malloc(size_t bytes)
{
	struct pile *h = mine;
	size_t steps = bytes == 0 ? 1 : (bytes + STEP_BYTES - 1) / STEP_BYTES;

	if (h == NULL)
		return LIBC(malloc)(bytes);
	if (is_large(bytes))
		return h->large_len > 0 ? h->large[--h->large_len]
					: LIBC(malloc)(LARGE_BYTES);
	if (bytes > SMALL_BYTES)
		return LIBC(malloc)(bytes);
	if (h->len[steps] == 0)
		return LIBC(malloc)(steps * STEP_BYTES);
	h->bytes -= steps * STEP_BYTES;
	return h->of_size[steps][--h->len[steps]];
}

void
curl_heap_free(void *p)
{
	struct pile *h = mine;
	size_t bytes, steps;

	if (p == NULL)
		return; /* two times of three */
	if (h == NULL) {
		LIBC(free)(p);
		return;
	}
	bytes = malloc_usable_size(p);
	steps = bytes / STEP_BYTES;
	if (steps > 0 && steps < SIZES && h->len[steps] < KEPT_OF_SIZE &&
	    h->bytes + steps * STEP_BYTES <= CURL_HEAP_KEPT_BYTES_MAX) {
		h->of_size[steps][h->len[steps]++] = p;
		h->bytes += steps * STEP_BYTES;
	} else if (bytes >= LARGE_BYTES && bytes < LARGE_BYTES + 4 * STEP_BYTES &&
		   h->large_len < CURL_HEAP_LARGE_KEPT_MAX) {
		h->large[h->large_len++] = p;
	} else {
		LIBC(free)(p);
	}
}

void *
curl_heap_calloc(size_t n, size_t bytes)
{
	void *p;

	if (mine == NULL || (bytes > 0 && n > SMALL_BYTES / bytes))
		return LIBC(calloc)(n, bytes); /* which knows what is zero already */
	p = curl_heap_malloc(n * bytes);
	if (p != NULL)
		memset(p, 0, n * bytes);
	return p;
}

/* A block stays where it is as long as no more than half of it is wasted. */
void *
curl_heap_realloc(void *p, size_t bytes)
{
	size_t old;
	void *q;

	if (p == NULL)
		return curl_heap_malloc(bytes);
	if (mine == NULL || bytes > SMALL_BYTES)
		return LIBC(realloc)(p, bytes);
	old = malloc_usable_size(p);
	if (bytes <= old && bytes >= old / 2)
		return p;
	q = curl_heap_malloc(bytes);
	if (q == NULL)
		return NULL;
	memcpy(q, p, bytes < old ? bytes : old);
	curl_heap_free(p);
	return q;
}

char *
curl_heap_strdup(const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *copy = curl_heap_malloc(bytes);

	if (copy != NULL)
		memcpy(copy, text, bytes);
	return copy;
}

void
curl_heap_begin(void)
{
	if (mine == NULL)
		mine = calloc(1, sizeof(*mine));
	if (mine != NULL)
		mine->users++;
}

void
curl_heap_end(void)
{
	struct pile *h = mine;

	if (h == NULL || --h->users > 0)
		return;
	mine = NULL;
	for (size_t i = 0; i < SIZES; i++)
		while (h->len[i] > 0)
			LIBC(free)(h->of_size[i][--h->len[i]]);
	while (h->large_len > 0)
		LIBC(free)(h->large[--h->large_len]);
	free(h);
}

size_t
curl_heap_kept(void)
{
	return mine == NULL ? 0 : mine->bytes + (size_t)mine->large_len * LARGE_BYTES;
}

bool
curl_heap_init(void)
{
#ifdef TRAWL_SANITIZED
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
#else
	return curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_heap_malloc, curl_heap_free,
		   curl_heap_realloc, curl_heap_strdup, curl_heap_calloc) == CURLE_OK;
#endif
}
