/*
 * ctl/run_look.h -- an answer that is made of the files of a run, off the loop.
 *
 *     struct x { struct run_look look; what was asked };
 *     run_look_start(&x->look, r, work, free_x)
 *
 * `work` reads what lies in look->dir and makes look->text, JSON, which then is the answer.
 *
 * Owns:    passes to the request, which releases it (with `release`, or free()).
 * Errors:  `work` returns -errno with the sentence, -ENOENT: 404; or a status >= 400.
 * Threads: loop thread; `work` on another.
 */
#ifndef CTL_RUN_LOOK_H
#define CTL_RUN_LOOK_H
#include "ctl/api.h"

struct run_look {
	struct chore chore; /* its `why` is for the sentence */
	struct request *request;
	uint64_t id;
	bool is_open; /* the run is not over */
	int64_t wall_us;
	char dir[4096];
	struct buf text;
	int (*work)(struct run_look *look, struct why *why);
	void (*release)(void *look);
};
enum run_look_queue { LOOK_SHORT, LOOK_LONG };
/* Takes `look`, which is the first member of what calloc() gave. */
void run_look_start(struct run_look *look, struct request *r, enum run_look_queue queue,
    int (*work)(struct run_look *look, struct why *why), void (*release)(void *look));
/* ---- in `work` ---- */
/* Opens a file of the run.  -ENOENT: the sentence says what `what` is. */
int run_look_open(struct run_look *look, const char *name, const char *what, int *ret_fd,
    struct why *why);
#endif
