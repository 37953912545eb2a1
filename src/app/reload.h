/*
 * app/reload.h -- SIGHUP: the file of a job is read again while it is crawled, and what may
 * be changed of a run (option_is_live()) is taken from it.
 *
 * Owns:    a job that reload_read() made is the caller's, for reload_free().
 * Errors:  mistakes of the file were told; the crawl goes on as it was.
 * Threads: the loop's, which waits for the file: a person asked for it.  A job that a crawl
 *          borrows is not touched before reload_apply(): stop the crawl first.
 */
#ifndef APP_RELOAD_H
#define APP_RELOAD_H
#include "crawl/job.h"

/* The file, with the flags of the command line over it (NULL: there were none): 0 and the job, or
 * NULL where it says nothing new of what is live; what else is new in it is told.  -EINVAL: it has
 * mistakes, which were told; -ENOMEM likewise. */
int reload_read(const struct job *now, const char *path, const struct options *flags,
    struct job **ret);
/* Takes the live options of `next` over, or none of them (told why): 0, -EINVAL, -ENOMEM. */
int reload_apply(struct job *now, const struct job *next);
void reload_free(struct job *next); /* NULL is fine */
#endif
