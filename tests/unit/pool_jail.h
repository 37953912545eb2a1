/*
 * tests/unit/pool_jail.h -- what a worker tries that the jail should refuse.
 *
 * Owns: nothing.  Threads: that of the worker in which it runs.
 */
#ifndef POOL_JAIL_H
#define POOL_JAIL_H
#include "loop/pool.h"

/* Appends to `out` the error of trying it, or "allowed"; -EINVAL: no such name. */
int jail_try(const char *what, const struct pool_input *in, struct buf *out);
/* The i-th name of what must be refused with EPERM, NULL behind the last. */
const char *jail_name(size_t i);
#endif
