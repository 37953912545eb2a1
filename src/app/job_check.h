/*
 * app/job_check.h -- what can be wrong with a job before anything is made for it.
 *
 * Errors: -EINVAL with the sentence, -ENOMEM.
 */
#ifndef APP_JOB_CHECK_H
#define APP_JOB_CHECK_H
#include "crawl/job.h"

/* The first mistake. */
int job_check(const struct job *job, struct why *why);
/* One mistake of each kind, until fn returns false; how many there were. */
typedef bool job_check_fn(void *ctx, enum option_id option, int code, const char *text);
int job_check_each(const struct job *job, job_check_fn *fn, void *ctx);

/* The sentence for a file, where an option has the name of its key: what begins with the flag
 * begins with that instead. */
enum { JOB_CHECK_SENTENCE_MAX = sizeof(((struct why *)0)->text) + OPTION_FLAG_MAX };
const char *job_check_by_key(
    enum option_id option, const char *text, char store[JOB_CHECK_SENTENCE_MAX]);
#endif
