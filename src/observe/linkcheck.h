/*
 * observe/linkcheck.h -- which links of a crawl with --check-links are broken, and where
 * they stand; from DIR/checks.log (sink/checks.h).
 *
 *   1st pass  redirects, hosts     2nd  ids that links name, where redirects end
 *   3rd       ids that pages have  sort each target next to its links   then one by one
 *
 * A target is a URL, or a URL with an id that its page has not.  Redirects are followed to
 * their end, which decides.  Memory is bounded, whatever the crawl: what was too much of
 * redirects or ids is not judged, and the sums say so.
 *
 * Owns:    its maps, and a file without a name in `tmp_dir`; what a target and a place
 *          point to is valid until the next call.
 * Errors:  -errno with the sentence; of calls without a why -ENOMEM, or that of the file.
 * Threads: one at a time.
 */
#ifndef OBSERVE_LINKCHECK_H
#define OBSERVE_LINKCHECK_H
#include "base/buf.h"
#include "base/outcome.h"
#include "base/why.h"
#include "sink/checks.h"

enum linkcheck_verdict {
	LINKCHECK_GOOD,
	LINKCHECK_BROKEN,
	LINKCHECK_SUSPECT, /* is there, but looks like what its host says of pages it has not */
	LINKCHECK_UNCHECKED, /* robots.txt, --exclude, an end before its turn ... */
	LINKCHECK_IGNORED,   /* would be broken or suspect */
	LINKCHECK_VERDICT_MAX
};
const char *linkcheck_verdict_name(enum linkcheck_verdict v);

struct linkcheck_target {
	enum linkcheck_verdict verdict;
	enum outcome outcome; /* of the URL itself, before redirects */
	int status;           /* where redirects end; 0: none came */
	uint32_t redirects;
	bool outside, cached; /* not asked this time */
	bool seed;
	int64_t asked_s;     /* 0: it was not */
	struct slice url;    /* with "#id" where that is what is missing */
	struct slice end;    /* of its redirects; empty: there are none */
	struct slice reason; /* what people read; empty: good */
};
struct linkcheck_place {
	struct slice page, text;
	const char *kind;
};
struct linkcheck_sums {
	uint64_t pages, targets; /* targets: different URLs */
	uint64_t by[LINKCHECK_VERDICT_MAX];
	uint64_t pages_cut, links_cut; /* links left out, for --max-links */
	uint64_t robots;               /* of those unchecked: robots.txt says so */
};

struct linkcheck;
/* `ignore`: regular expressions, one a line; lines that begin with # and empty ones are
 * not.  -EINVAL for one that is wrong. */
int linkcheck_open(const char *dir, const char *tmp_dir, struct slice ignore,
    struct linkcheck **ret, struct why *why);
/* Whether an ignore file is right; the same errors. */
int linkcheck_ignore_check(struct slice ignore, struct why *why);
void linkcheck_close(struct linkcheck *lc); /* NULL is fine */
/* 1: the next target, in the order of URLs, also of those that are good; 0: no more. */
int linkcheck_next(struct linkcheck *lc, struct linkcheck_target *ret);
/* Of that target, unless it is good: 1: where it stands next; 0: no more. */
int linkcheck_place(struct linkcheck *lc, struct linkcheck_place *ret);
/* Whole after the last target. */
const struct linkcheck_sums *linkcheck_sums(const struct linkcheck *lc);
#endif
