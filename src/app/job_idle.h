/*
 * app/job_idle.h -- options of a job that are given and do nothing beside the others: no mistakes,
 * for files are shared and services have defaults, but worth a word.
 */
#ifndef APP_JOB_IDLE_H
#define APP_JOB_IDLE_H
#include "crawl/options.h"

/* Logs a warning of each kind; of several options that want the same, of the first. */
void job_idle_warn(const struct options *o);
#endif
