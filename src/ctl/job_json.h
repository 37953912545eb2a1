/*
 * ctl/job_json.h -- a job as JSON, which is how the API and the registry have it.
 *
 *     {"name": "docs", "seeds": ["https://docs.example/"],
 *      "fetch": {"per_host": 4, "delay": "100ms"}, "schedule": {"every": "6h"}}
 *
 * The same words as a job file.  It is read by the reader of job files (job_read()), so
 * that there is one set of rules and of sentences; each mistake is told with the JSON pointer
 * (RFC 6901) of the value that is wrong.  Nothing of the environment can be named.
 *
 * Owns:    nothing.   Errors: -ENOMEM, -EMSGSIZE; mistakes are told one by one.
 * Threads: any.
 */
#ifndef CTL_JOB_JSON_H
#define CTL_JOB_JSON_H
#include "base/json.h"
#include "crawl/job.h"
#include <jansson.h>

enum { JOB_JSON_BYTES_MAX = 64 << 20 };

typedef bool job_json_mistake_fn(void *ctx, const char *pointer, const char *text);
struct job_json_rights {
	bool files;    /* it may name local files */
	bool programs; /* and programs to run: only who writes files of the service may */
	bool stored;   /* it was taken before, maybe by an earlier trawl */
	bool shared;   /* it may say what is of the whole process (settings.h) */
};
/* Over what `j` holds.  How many mistakes there were. */
int job_json_read(struct job *j, json_t *spec, const struct job_json_rights *rights,
    job_json_mistake_fn *fn, void *ctx);
/* For job_read() of files: what may not be said in a job of the service. */
int job_service_check(const struct job *j, const struct job_json_rights *rights,
    job_json_mistake_fn *fn, void *ctx);
/* What is given in it, as an object. */
int job_json_write(const struct job *j, struct buf *out);
/* A copy without what may hold secrets; *ret_hidden: something was left out. */
json_t *job_json_for_strangers(const json_t *spec, bool *ret_hidden);
/* RFC 7396; a new reference.  NULL: out of memory. */
json_t *json_merge_patch(const json_t *target, const json_t *patch);
#endif
