/*
 * ctl/openapi.h -- the description of the API (OpenAPI 3.1), made of the table of routes, of
 * the options of jobs (options.def), and of what answers look like.
 *
 * Owns:    nothing.   Errors: buf_add()'s.   Threads: any.
 */
#ifndef CTL_OPENAPI_H
#define CTL_OPENAPI_H
#include "base/buf.h"
#include "ctl/route.h"

int openapi_write(
    const struct route *const *groups, const char *version, struct buf *out);
/* Whether it says what the answer to it looks like. */
bool openapi_knows(const struct route *r);
#endif
