/*
 * loop/scrub.h -- what a worker gave back holds nothing any more.
 *
 * In a process that has called scrub_begin() every byte that is freed, by us or by any
 * library, is zeroed first: the program defines free() and realloc() before those of
 * glibc, which elsewhere only pass on.  So what is left of a task is what its ops still
 * hold, and they let go of that when they are told to forget.
 *
 * Not with sanitizers, which have their own allocators (and keep what was freed apart).
 *
 * Threads: of a process with one thread.
 */
#ifndef LOOP_SCRUB_H
#define LOOP_SCRUB_H
#include <stddef.h>

void scrub_begin(void);
/* Zero without being optimized away, large ranges by giving back their pages.  Private
 * memory only. */
void scrub(void *p, size_t n);
/* What functions that have returned left on the stack. */
void scrub_stack(void);
#endif
