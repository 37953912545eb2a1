/*
 * ctl/run_change.h -- more seeds, other limits, another scope for a run that is not over.
 *
 * What a run does is its spec, which the registry keeps; so that is changed, and its crawl
 * stops politely (what is in flight may end, 10 s at most) and goes on with it at once: as
 * after a restart, known URLs stay known, new seeds are new, and what waits is judged anew when its
 * turn comes.  A kill at any moment leaves the spec from before or the new one.
 *
 * Owns:    see run_change_new().   Clock: the loop's.
 * Errors:  by `done`: -EINVAL with the mistakes by pointer, -ENOENT (it is over), -EBUSY
 *          (it was changed at the same time), -EAGAIN, -ENOMEM, those of the registry.
 * Threads: loop thread; checks on the desk's, previews on the reports'.
 */
#ifndef CTL_RUN_CHANGE_H
#define CTL_RUN_CHANGE_H
#include "crawl/inspect.h"
#include "ctl/service.h"

enum { CHANGE_SEEDS_MAX = 10000, PREVIEW_URLS_MAX = 20000 };
struct run_change {
	/* ---- filled in by who asks ---- */
	uint64_t run;
	json_t *seeds; /* borrowed: more of them; or */
	json_t *patch; /* a merge patch (RFC 7396) of what may be changed */
	bool preview;  /* only tell what it would do */
	void *ctx;
	void (*done)(struct run_change *c); /* once; it is freed by run_change_free() */
	/* ---- what came of it ---- */
	int err;
	struct why why;
	struct mistakes mistakes;
	size_t added, known;      /* seeds */
	bool is_same; /* its spec says that already: its crawl is left alone */
	struct buf before, after; /* of a patch: JSON objects of what differs */
	bool has_fall;            /* of a preview that concerns what is wanted */
	struct inspect_fall fall;
	/* ---- */
	struct service *service;
	struct chore chore;
	char *spec, *text; /* as it was; as it is to be */
	struct options *defaults;
	bool files;
	int64_t wall_us;
	char dir[4096];
};
struct run_change *run_change_new(void);
void run_change_free(struct run_change *c); /* not before `done` */
/* It was to be a preview, or all was so already. */
bool run_change_is_none(const struct run_change *c);
/* `done` is called later, if 0 is returned. */
int service_change_run(struct service *s, struct run_change *c);
#endif
