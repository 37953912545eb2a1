/*
 * app/job_check.h -- what can be wrong with a job before anything is made for it.
 *
 * Errors: -EINVAL with the sentence about the first mistake.
 */
#ifndef APP_JOB_CHECK_H
#define APP_JOB_CHECK_H
#include "crawl/job.h"

int job_check(const struct job *job, struct why *why);
#endif
