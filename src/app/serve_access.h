/*
 * app/serve_access.h -- the files of the service that say who may connect: tokens, and the
 * certificate; where the settings name none, those that systemd hands over
 * ($CREDENTIALS_DIRECTORY: trawl.tokens, trawl.cert, trawl.key).
 *
 * Owns:    what it returns is the caller's.
 * Errors:  -errno with the sentence that names the file.
 * Threads: one; reads small files.
 */
#ifndef APP_SERVE_ACCESS_H
#define APP_SERVE_ACCESS_H
#include "ctl/access.h"
#include "ctl/http_tls.h"
#include "ctl/settings.h"

/* Paths of credentials, where the settings name no files. */
int serve_access_credentials(struct settings *s);
/* ret->hosts borrows from the settings; *ret_tls NULL: TCP is plain.  `tcp`: somebody
 * may connect over TCP, so there must be tokens. */
int serve_access_read(const struct settings *s, bool tcp, struct access_rules *ret,
    struct http_tls **ret_tls, struct why *why);
/* `trawl serve --new-token read|admin NAME FILE`: the exit code. */
int serve_new_token(const char *role, const char *name, const char *path);
#endif
