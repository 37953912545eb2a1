/*
 * app/tool.h -- what the four asking commands (links, url, robots, sitemap) share: a few
 * flags, lines of input, lines of output.
 */
#ifndef APP_TOOL_H
#define APP_TOOL_H
#include "app/app.h"
#include "web/url.h"

enum { TOOL_INPUT_MAX = 256 << 20 };

struct tool_flag {
	const char *name;   /* "--base" */
	const char **value; /* where its value goes; NULL: a switch */
	bool *on;           /* of a switch */
};
/* Takes the flags off; words stay at the front of argv.  0, or EXIT_USAGE (said why). */
int tool_flags(
    int argc, char **argv, const struct tool_flag *flags, size_t n, int *ret_words);
/* --base URL into storage; 0, or EXIT_USAGE. */
int tool_base(const char *text, char *store, size_t cap, struct url *ret);
/* Each line of standard input, without its end; false from fn ends it.  Exit code. */
int tool_lines(bool (*fn)(void *ctx, struct slice line), void *ctx);
#endif
