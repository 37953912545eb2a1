/*
 * crawl/space.h -- room on the disk of a crawl.
 *
 * Some is kept free: what runs until the crawl has stopped must still be written, and a
 * disk that is quite full harms others, too.  A sixteenth of the file system, at most
 * 64 MiB; to go on, twice that must be free.
 *
 * Threads: any.   Errors: what cannot be measured is taken for enough.
 */
#ifndef CRAWL_SPACE_H
#define CRAWL_SPACE_H
#include "base/why.h"
#include <stdbool.h>
#include <stdint.h>

/* Bytes that are kept free; 0: that cannot be told. */
uint64_t space_reserve(const char *dir);
bool space_is_short(const char *dir, struct why *why);
bool space_is_back(const char *dir);
/* Bytes that the files below take on the disk. */
uint64_t space_taken(const char *dir);
#endif
