/*
 * ctl/tokens.h -- bearer tokens (RFC 6750): who may do what over TCP.
 *
 *     # role  hash              name
 *     admin   sha256:6b86b2...  alice
 *     read    sha256:d4735e...  grafana
 *
 * A token is 256 random bits; only its SHA-256 is kept, which needs no salt and no slow
 * function, for nobody can try so many.  What is shown to us is compared with all of them, in
 * constant time.
 *
 * Owns:    its table.
 * Errors:  -EINVAL with the line and what is wrong with it; -ENOMEM.
 * Threads: any, one at a time.
 */
#ifndef CTL_TOKENS_H
#define CTL_TOKENS_H
#include "base/buf.h"
#include "base/why.h"
#include "ctl/request.h"

enum {
	TOKEN_HASH_BYTES = 32,
	TOKEN_TEXT_MAX = 80, /* with the NUL */
	TOKEN_NAME_MAX = 64,
	TOKENS_MAX = 1000,
};

struct token {
	enum role role;
	unsigned char hash[TOKEN_HASH_BYTES];
	char name[TOKEN_NAME_MAX];
};
struct tokens {
	struct token *v;
	size_t n;
};

/* Adds to `ts`, which is empty at first. */
int tokens_read(struct tokens *ts, struct slice text, struct why *why);
void tokens_release(struct tokens *ts);
/* NULL: it is none of them. */
const struct token *tokens_find(const struct tokens *ts, struct slice text);
/* A new one, and the line that is kept of it, with its end. */
int token_new(enum role role, const char *name, char ret[TOKEN_TEXT_MAX],
    struct buf *line, struct why *why);
bool role_parse(struct slice text, enum role *ret);
#endif
