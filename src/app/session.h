/*
 * app/session.h -- one crawl of the command line, from a checked job to the exit code.
 *
 * Everything that can be wrong with the job is found before a file is made.
 */
#ifndef APP_SESSION_H
#define APP_SESSION_H
#include "app/app.h"
#include "app/args.h"

/* Runs the job in a->dir, NULL: ./HOST-TIMESTAMP; returns the exit code, and printed what was
 * wrong.  `again`: a crawl that is in the directory and has come to an end is crawled again,
 * one that has not is gone on with. */
int session_run(
    struct job *job, const struct args *a, bool again, struct nursery *nursery);
/* Goes on with the crawl in a->dir; a full disk pauses either. */
int session_resume(struct job *job, const struct args *a, struct nursery *nursery);
/* -- cmd_crawl.c: what other commands begin a crawl with ----------------------------- */

/* Seeds and options of the command line, into the job; `like`: a command that is right.
 * An exit code, EXIT_DONE: they are. */
int session_take_args(struct job *job, const struct args *a, const char *like);
/* A crawl of a->words under that name (NULL: the first seed's host). */
int crawl_named(const char *name, const struct args *a, struct nursery *nursery);
#endif
