/*
 * app/ctl_client.h -- `trawl ctl` and the service: who is asked, and what it answers.
 *
 * Owns:    between open and close the token and where the service is.
 * Errors:  exit codes, said on stderr: EXIT_NETWORK (nobody answers), EXIT_TLS, EXIT_AUTH
 *          (401, 403), EXIT_BROKEN (it refuses: problem details, each bad field by name).
 */
#ifndef APP_CTL_CLIENT_H
#define APP_CTL_CLIENT_H
#include "app/app.h"
#include <jansson.h>

struct ctl_client {
	/* As given; NULL: from the environment, or what the service has by itself. */
	const char *socket, *url, *token_file, *ca, *timeout;
	int64_t silence_ms; /* of ctl_client_open() */
	struct buf auth; /* the header; empty: none */
};
int ctl_client_open(struct ctl_client *c);
void ctl_client_close(struct ctl_client *c);
/* `body` ptr NULL: none.  *ret: what was answered, NULL if nothing was said. */
int ctl_ask(const struct ctl_client *c, const char *method, const char *path,
    struct slice body, json_t **ret);
/* What is no JSON; made harmless for a terminal. */
int ctl_ask_text(const struct ctl_client *c, const char *path, struct buf *ret);
/* Prints events until there are no more. */
int ctl_follow(const struct ctl_client *c, const char *path, bool json);

int ctl_json(json_t *v, struct buf *out);        /* on one line, likewise */
#endif
