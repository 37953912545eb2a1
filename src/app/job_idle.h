/*
 * app/job_idle.h -- options of a job that are given and do nothing beside the others: no mistakes,
 * for files are shared and services have defaults, but worth a word.
 */
#ifndef APP_JOB_IDLE_H
#define APP_JOB_IDLE_H
#include "crawl/options.h"

/* One of each kind, which begins with the option's flag; of several options that want the same,
 * of the first. */
typedef void job_idle_fn(void *ctx, enum option_id option, const char *text);
void job_idle_each(const struct options *o, job_idle_fn *fn, void *ctx);
/* Logs them as warnings. */
void job_idle_warn(const struct options *o);
#endif
