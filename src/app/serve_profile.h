/*
 * app/serve_profile.h -- the profile that SIGUSR2 asks for: lines of the log, and
 * profile.json in the state directory.
 *
 * Owns:    what it is about, until the service has been stopped.
 * Errors:  logged.   Threads: the loop's; the looking is a chore.
 */
#ifndef APP_SERVE_PROFILE_H
#define APP_SERVE_PROFILE_H
#include "ctl/service.h"

struct serve_profile;
struct serve_profile *serve_profile_new(struct service *s); /* NULL: out of memory */
/* After service_stop().  NULL is fine. */
void serve_profile_free(struct serve_profile *p);
/* One at a time: else nothing. */
void serve_profile_start(struct serve_profile *p);
#endif
