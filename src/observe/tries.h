/*
 * observe/tries.h -- with -v: a line on stderr for each URL that was asked for, or was not
 * when its turn came.
 *
 * What it came to is told at LOG_LEVEL_INFO; robots.txt, and tries that are made again,
 * at LOG_LEVEL_DEBUG.  A crawl whose log takes neither costs nothing.
 *
 * Owns:    nothing; the crawl tells it for as long as it lives.
 * Errors:  -ENOSPC: the crawl has no room for one more observer.   Threads: loop thread.
 */
#ifndef OBSERVE_TRIES_H
#define OBSERVE_TRIES_H
#include "crawl/crawl.h"

int tries_show(struct crawl *c);
#endif
