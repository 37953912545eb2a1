/*
 * ctl/api.h -- the groups of routes: one file a group, one line here and in api.c.
 *
 * Handlers find the service by api_service(r).  A list is {"items": [...], "next": CURSOR};
 * without "next" there is no more.
 *
 * Threads: loop thread.
 */
#ifndef CTL_API_H
#define CTL_API_H
#include "ctl/route.h"
#include "ctl/run_view.h"
#include "ctl/service.h"

extern const struct route *const api_groups[]; /* NULL ends them */
/* clang-format off */
extern const struct route api_change[];
extern const struct route api_compare[];
extern const struct route api_dashboard[];
extern const struct route api_events[];
extern const struct route api_health[];
extern const struct route api_hosts[];
extern const struct route api_jobs[];
extern const struct route api_metrics[];
extern const struct route api_openapi[];
extern const struct route api_pages[];
extern const struct route api_profile[];
extern const struct route api_runs[];
/* clang-format on */

static inline struct service *
api_service(const struct request *r)
{
	return request_service(r);
}

enum { API_PAGE_USUAL = 50, API_PAGE_MAX = 500, API_JSON_MAX = 64 << 20 };

/* The answer to an error of the service: its code chooses the status. */
void api_refuse(struct request *r, int err, const char *why);
/* {id} as a number; false: 404 was answered. */
bool api_run_id(struct request *r, uint64_t *ret);
/* Answers who wants a run that goes on, and that is not `id`: 409 and how it is over, or 404. */
void api_run_is_over(struct request *r, uint64_t id);
/*
 * Idempotency-Key, if it is there: "POST /path KEY" into *ret (to be freed) and the hash of
 * what was asked.  False: answered, for the key was used for something else (422), is under
 * way (409), is malformed (400) -- or was served before: `replay` was called with what it made.
 */
bool api_key(struct request *r, char **ret, uint64_t *ret_hash,
    void (*replay)(struct request *r, const char *made));
#endif
