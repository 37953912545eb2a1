/*
 * ctl/mistakes.h -- what is wrong with what a client sent, field by field, until it is told.
 *
 * Owns:    its texts.  Zeroed is empty.
 * Bounds:  MISTAKES_MAX; further ones are left out.
 * Errors:  a mistake there is no memory for counts, and has NULL for its texts.
 * Threads: one at a time.
 */
#ifndef CTL_MISTAKES_H
#define CTL_MISTAKES_H
#include "crawl/options.h"
#include <stdbool.h>
#include <stddef.h>

enum { MISTAKES_MAX = 50 };
struct mistakes {
	struct {
		char *pointer, *text;
	} v[MISTAKES_MAX];
	size_t len;
};

/* As job_json_read() and service_conf.check want them; `ctx` is a struct mistakes.  False:
 * that was enough. */
bool mistakes_add(void *ctx, const char *pointer, const char *text);
bool mistakes_add_option(void *ctx, enum option_id option, int code, const char *text);
void mistakes_release(struct mistakes *m);
#endif
