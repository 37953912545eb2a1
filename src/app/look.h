/*
 * app/look.h -- what `status`, `explain` and `report` share: a crawl's directory, and how a
 * host's state is told.
 */
#ifndef APP_LOOK_H
#define APP_LOOK_H
#include "app/tool.h"
#include "crawl/inspect.h"

struct look {
	const char *dir;
	int64_t wall_us; /* now */
	struct job job;
	struct inspect *in;
};

/* Exit code, EXIT_DONE: it is open; else it was said why.  Close it either way. */
int look_open(struct look *l, const char *dir);
void look_close(struct look *l);

/* Where job.yaml of the crawl in this directory lies.  Exit code. */
enum { LOOK_PATH_MAX = 4200 };
int look_job_file(const char *dir, char ret[LOOK_PATH_MAX]);

/* "next turn in 12 s: crawl-delay" */
int look_host_text(struct buf *out, const struct hostrec_outlook *h, int64_t wall_us);
#endif
