/*
 * ctl/dashboard.h -- the dashboard: the files of src/ctl/www/, which are part of the program.
 *
 * `/` is index.html, `/ui/NAME` is each of them.  They hold nothing of the service, so
 * whoever reaches it may have them; what they show they ask the API for, as who uses them.
 *
 * Owns:    nothing: the files are constants.   Clock: none.   Errors: none.
 * Threads: any.
 */
#ifndef CTL_DASHBOARD_H
#define CTL_DASHBOARD_H
#include "base/slice.h"

struct dashboard_file {
	const char *name; /* without a directory */
	const unsigned char *bytes;
	size_t len;
};
/* NULL: there is none of that name. */
const struct dashboard_file *dashboard_find(struct slice name);
/* By its ending, as Content-Type has it. */
const char *dashboard_type(const struct dashboard_file *file);
/* A strong entity tag, from what is in it. */
enum { DASHBOARD_ETAG_MAX = 24 };
void dashboard_etag(const struct dashboard_file *file, char ret[DASHBOARD_ETAG_MAX]);
/* What all of it is served with: nothing inline, nothing from elsewhere, no text as markup. */
extern const char dashboard_policy[];
#endif
