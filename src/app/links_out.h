/*
 * app/links_out.h -- the result of check-links as people, programs and build servers read
 * it: text, JSON, JUnit XML.
 *
 * Written as it comes, target by target; memory does not grow with it.
 *
 * Owns:    the file of --junit, and one without a name for what is grouped by page.
 * Errors:  -errno with the sentence in `why`.   Threads: one at a time.
 */
#ifndef APP_LINKS_OUT_H
#define APP_LINKS_OUT_H
#include "base/arena.h"
#include "base/line_sorter.h"
#include "observe/linkcheck.h"
#include <stdio.h>

struct links_out_conf {
	bool json, by_page, verbose, strict;
	const char *junit; /* NULL: none */
	const char *tmp_dir;
	const char *partial; /* why the crawl did not get to its end; NULL: it did */
};

struct links_out {
	struct links_out_conf conf;
	struct buf text; /* for standard output */
	struct arena arena;
	FILE *junit; /* the test cases, until their number is known */
	struct line_sorter *pages;
	bool comma;
	uint64_t broken, places, suspect;
	uint64_t tests, skipped;
};

int links_out_begin(
    struct links_out *o, const struct links_out_conf *conf, struct why *why);
/* With all its places, which are taken from `lc`. */
int links_out_target(struct links_out *o, struct linkcheck *lc,
    const struct linkcheck_target *t, struct why *why);
int links_out_end(
    struct links_out *o, const struct linkcheck_sums *sums, struct why *why);
void links_out_release(struct links_out *o);
#endif
