/*
 * observe/explain_json.h -- a URL's story and a host's state as JSON: `trawl explain --json`,
 * `trawl status --json`, the service.
 *
 * Owns:    nothing.   Clock: wall time, microseconds.   Errors: buf_add()'s.
 * Threads: any.
 */
#ifndef OBSERVE_EXPLAIN_JSON_H
#define OBSERVE_EXPLAIN_JSON_H
#include "base/json.h"
#include "crawl/inspect.h"

int explain_json(const struct inspect_url *u, int64_t wall_us, struct buf *out);
/* Members of the object that is open: done, next_at and waits_for, or given_up. */
void explain_host_json(struct jsonw *j, const struct hostrec_outlook *h, int64_t wall_us);
void explain_time_json(struct jsonw *j, const char *key, int64_t wall_us);
#endif
