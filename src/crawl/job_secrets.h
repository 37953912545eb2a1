/*
 * crawl/job_secrets.h -- what ${NAME} in a file of ours may name: the environment, and the
 * credentials that systemd hands over as files of $CREDENTIALS_DIRECTORY (systemd.exec(5)).
 *
 * The environment goes first.  Of a credential the last end of line is not part of it.
 * They are read once, as they cannot change while we run, and are in nobody's
 * environment: what we start does not inherit them.
 *
 * Owns:    their texts, until the process ends.   Units: bytes.
 * Errors:  -errno; those that could be read are there.
 * Threads: job_secrets_read() before there are others; the look-up: any.
 */
#ifndef CRAWL_JOB_SECRETS_H
#define CRAWL_JOB_SECRETS_H
#include "base/why.h"

/* NULL: no directory, no credentials. */
int job_secrets_read(const char *dir, struct why *why);
/* A job_env_fn. */
const char *job_secrets_get(void *ctx, const char *name);
#endif
