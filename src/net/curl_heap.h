/*
 * net/curl_heap.h -- libcurl's memory: what a loop's thread gives back, it takes again.
 *
 * A page costs libcurl some forty small blocks and one of READ_BYTES, and the next page the
 * same again.  The C library looks at its whole heap for the large one and for what was
 * calloc()ed; here they are taken from a pile for each size.
 *
 * Owns:    what was given back, up to KEPT_BYTES_MAX and LARGE_KEPT_MAX blocks a thread, until
 *          curl_heap_end().  Every block is malloc()'s own, so those of one thread may be
 *          given back by another, and by free().
 * Errors:  NULL where malloc() has none.
 * Threads: any.  Only those that have called curl_heap_begin() keep something, each for
 *          itself; in others all goes to malloc() and free().
 */
#ifndef NET_CURL_HEAP_H
#define NET_CURL_HEAP_H
#include <stdbool.h>
#include <stddef.h>

enum {
	CURL_HEAP_KEPT_BYTES_MAX = 512 << 10, /* in small blocks */
	CURL_HEAP_LARGE_KEPT_MAX = 64,
};

/* curl_global_init() with this memory, unless it was called before.  curl_global_cleanup() is
 * its end.  With a sanitizer libcurl keeps the C library's, or what it reads of blocks that it
 * has given back would not be seen. */
bool curl_heap_init(void);

/* This thread keeps from here on what it gives back, until as many calls of curl_heap_end().
 * Without memory for that it does not. */
void curl_heap_begin(void);
void curl_heap_end(void);
/* What it keeps now, bytes. */
size_t curl_heap_kept(void);

/* ---- what libcurl is given ---- */

void *curl_heap_malloc(size_t bytes);
void *curl_heap_calloc(size_t n, size_t bytes);
void *curl_heap_realloc(void *p, size_t bytes);
char *curl_heap_strdup(const char *text);
void curl_heap_free(void *p);
#endif
