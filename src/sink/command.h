/*
 * sink/command.h -- a command as a user wrote it: its words, its program, its environment.
 *
 * Words are cut at blanks; 'single' and "double" quotes and the backslash keep them together,
 * as in a shell, and nothing else is special: no variables, no patterns, no pipes.  Who wants
 * a shell writes one: sh -c '...'.
 *
 * The program is given what programs need to run (PATH, HOME, the language, where temporary
 * files go) and the variables that were named; nothing else of our environment, which may
 * hold secrets.
 *
 * Owns:    all its texts.
 * Errors:  -EINVAL it cannot be read, -ENOENT no such program or variable, -EACCES it cannot
 *          be run, -ENOMEM; with the sentence.
 * Threads: any; the environment must not be changed meanwhile.
 */
#ifndef SINK_COMMAND_H
#define SINK_COMMAND_H
#include "base/why.h"
#include <stddef.h>

enum { COMMAND_WORDS_MAX = 256 };
struct exec_command {
	char *path;  /* of the program */
	char **argv; /* NULL behind the last */
	char **env;
};
/* `env_names`: variables that it gets besides. */
int command_init(struct exec_command *c, const char *text, const char *const *env_names,
    size_t env_len, struct why *why);
/* -ENOENT: the environment has not all of them. */
int command_env_check(const char *const *names, size_t n, struct why *why);
void command_release(struct exec_command *c);
#endif
