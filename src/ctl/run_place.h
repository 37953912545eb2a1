/*
 * ctl/run_place.h -- the directory of a run, opened for questions (crawl/inspect.h).
 *
 * Owns:    the job of its job.yaml, and what inspect_open() gave.
 * Errors:  -errno with the sentence, 409 when it keeps nothing that could be asked; then
 *          nothing is open.
 * Threads: one at a time; blocks on the disk.
 */
#ifndef CTL_RUN_PLACE_H
#define CTL_RUN_PLACE_H
#include "crawl/inspect.h"

struct run_place {
	struct job job;
	struct inspect *in;
};
int run_place_open(
    struct run_place *p, const char *dir, uint64_t id, int64_t wall_us, struct why *why);
void run_place_close(struct run_place *p);
#endif
