/*
 * app/args.h -- the command line of commands that crawl: options of the table, and a few
 * of the program's own.
 *
 * Errors: one sentence was printed; the caller exits with EXIT_USAGE.  Lists that were given
 *         and are empty: with an empty value.
 */
#ifndef APP_ARGS_H
#define APP_ARGS_H
#include "crawl/job.h"

/* What a command takes besides, out of argv before the rest is read: so that it is told when it
 * is meant. */
struct args_own {
	const char *command;
	const char *const *flags; /* "--junit", ...; NULL ends them */
};

struct args {
	struct options
	    given;       /* what the command line says; options_init() of args_parse() */
	const char *dir; /* -o */
	const char *seeds; /* --seeds: a file, or "-" */
	const char
	    *job_file; /* of the caller's: the file of the job; NULL: DIR/job.yaml */
	bool quiet;
	bool brief;              /* of the caller's: no summary, no report files */
	struct slice known_good; /* likewise: crawl_conf has it */
	int verbose;
	char **words; /* what is not an option; into argv */
	int words_len;
	const struct args_own *own; /* NULL: there is none */
};

/* Reorders nothing: words are collected in place at the front of argv.  0 or -EINVAL. */
int args_parse(int argc, char **argv, const struct args_own *own, struct args *ret);
void args_release(struct args *a);
/* What the command line says goes over what a file says; an empty value takes that away, and is
 * a mistake where there is none.  An exit code. */
int args_merge(struct options *o, const struct args *a);
/* Lines for --help; `new_crawl`: also of what only such a one takes. */
int args_help(bool new_crawl, struct buf *out);
/* The options that a crawl must have and nobody need give.  -ENOMEM. */
int options_complete(struct options *o);
#endif
