/*
 * app/serve_settings.h -- the settings of the service, from trawl.yaml and the environment.
 *
 * Errors: mistakes are told one by one.
 */
#ifndef APP_SERVE_SETTINGS_H
#define APP_SERVE_SETTINGS_H
#include "ctl/settings.h"

/* `path` NULL: only the environment.  How many mistakes there were; `ret` is the caller's to
 * release when there was none. */
int serve_settings_read(
    const char *path, job_mistake_fn *fn, void *ctx, struct settings *ret);
/* The file alone, which says `yaml`. */
int serve_settings_check(
    const char *path, struct slice yaml, job_mistake_fn *fn, void *ctx);
/* Whether a file looks like one of the service, not of a job: by its sections, and where it
 * has only limits:, which both have, by what is in these. */
bool serve_settings_are_in(struct slice yaml);
#endif
