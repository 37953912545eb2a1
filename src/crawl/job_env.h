/*
 * crawl/job_env.h -- ${NAME} and ${NAME:-default} in a value of a job file.
 *
 * $${ is a plain ${; a $ before anything else is a plain $, so that patterns may end in one.
 * A default holds no '}'; it is taken when NAME is not set or empty, as shells do.
 *
 * Owns:    nothing.   Threads: as safe as the function that looks names up.
 * Errors:  -EINVAL with the sentence (a name that is not set, or a ${ that is neither),
 *          -EMSGSIZE (the buf is full), -ENOMEM.
 */
#ifndef CRAWL_JOB_ENV_H
#define CRAWL_JOB_ENV_H
#include "base/buf.h"
#include "base/why.h"

/* NULL: not set. */
typedef const char *job_env_fn(void *ctx, const char *name);

bool job_env_is_used(struct slice value); /* else it says what it says */
/* It is ${NAME:-}, so whoever wrote it knows that there may be nothing. */
bool job_env_may_be_empty(struct slice value);
/* Appends what `value` says; on -EINVAL *ret_at is the offset of what is wrong. */
int job_env_expand(struct slice value, job_env_fn *env, void *ctx, struct buf *out,
    size_t *ret_at, struct why *why);
/* Appends a value that says `text`. */
int job_env_escape(struct slice text, struct buf *out);
#endif
