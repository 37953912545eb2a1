/*
 * observe/progress.h -- what a person sees while a crawl runs, on stderr.
 *
 * On a terminal a block that is redrawn; else a plain line every 10 s.  Text from the net
 * is escaped.  Log lines clear the block first, so that the two do not mix.
 *
 * Threads: loop thread.   Errors: -ENOMEM.
 */
#ifndef OBSERVE_PROGRESS_H
#define OBSERVE_PROGRESS_H
#include "crawl/crawl.h"

enum progress_kind { PROGRESS_SHOW_BLOCK, PROGRESS_SHOW_LINES, PROGRESS_SHOW_NOTHING };

struct progress;
int progress_new(struct loop *l, struct crawl *c, enum progress_kind kind,
    const char *title, struct progress **ret);
/* The crawl has ended, and may go on: `why`, a string that stays, is what limits it. */
void progress_hold(struct progress *p, const char *why);
void progress_free(struct progress *p); /* clears the block; NULL is fine */
#endif
