/*
 * crawl/inspect.h -- a crawl's directory, looked at from outside: while it runs, after it
 * ended, after it was killed.
 *
 * All that is told is as of the last commit: the store is opened for reading, and of the
 * logs only what that commit vouches for is read.  Nothing is changed.
 *
 * Owns:    slices that are handed out live until inspect_close(); job and dir are
 *          borrowed as long.
 * Clock:   wall time, handed in: microseconds of 1970.
 * Errors:  with the sentence.  -ENOENT: there is no crawl, or nothing was committed yet;
 *          -EBADMSG: what is there is damaged; others of the store and the files.
 * Threads: one at a time.
 */
#ifndef CRAWL_INSPECT_H
#define CRAWL_INSPECT_H
#include "base/why.h"
#include "crawl/job.h"
#include "crawl/saved.h"
#include "crawl/traps.h"
#include "frontier/hostrec.h"
#include "web/url.h"

struct inspect;
int inspect_open(const char *dir, const struct job *job, int64_t wall_us,
    struct inspect **ret, struct why *why);
/* Of a crawl of this process that has ended and is not free yet: its own store is read as
 * long, which saves reading all again that the last seconds put into its log.  Where it has
 * not ended, or a write failed, the store is opened anew. */
struct crawl;
int inspect_open_ended(const struct crawl *c, const char *dir, const struct job *job,
    int64_t wall_us, struct inspect **ret, struct why *why);
void inspect_close(struct inspect *in); /* NULL is fine */

/* ---- the whole ---- */

enum { INSPECT_HOSTS_MAX = 20 };
struct inspect_host {
	char authority[280];
	uint64_t queued;
	struct hostrec_outlook look;
};
struct inspect_hosts {
	uint32_t n; /* in v: those with most that waits, the most first */
	struct inspect_host v[INSPECT_HOSTS_MAX];
};

struct inspect_status {
	struct saved saved;
	char why[SAVED_WHY_MAX]; /* what was said of the last run's end; "": nothing */
	bool running;
	int64_t pid;     /* of who runs it; 0: not known */
	bool disk_short; /* a crawl that runs pauses, or is about to */
	uint64_t disk_bytes;
	uint64_t hosts, hosts_queued, hosts_ready;
	uint64_t hosts_waiting[WAIT_CAUSE_MAX]; /* of those with something queued */
	uint64_t hosts_given_up;
	struct inspect_hosts busiest, given_up;
	struct trap_sums traps;
};
int inspect_status(struct inspect *in, struct inspect_status *ret, struct why *why);

/* Reads all there is and compares; fn is told each difference.  Returns how many there
 * were, or an error that kept it from looking. */
typedef void inspect_difference_fn(void *ctx, const char *sentence);
int inspect_verify(
    struct inspect *in, inspect_difference_fn *fn, void *ctx, struct why *why);

/* ---- for those who read it all: reports ---- */

/* In the order of their numbers. */
int inspect_runs(struct inspect *in, saved_run_fn *fn, void *ctx, struct why *why);
/* How many bytes of a sink's file ("crawl-log", "rejected-log", "jsonl") are committed.
 * -ENOENT: the crawl has no such sink, and no sentence. */
int inspect_length(
    struct inspect *in, const char *sink, uint64_t *ret_bytes, struct why *why);
/* Of a URL in normal form; NONE: it waits.  -ENOENT: nobody ever met it, no sentence. */
int inspect_outcome(
    struct inspect *in, struct slice url, enum outcome *ret, struct why *why);

/* What of that which waits would not be asked any more if the job were `as`: of `max` of
 * them, by host in no order. */
struct inspect_fall {
	uint64_t waiting, sampled, out_of_scope, too_deep;
};
int inspect_judge(struct inspect *in, const struct job *as, uint32_t max,
    struct inspect_fall *ret, struct why *why);

/* ---- one URL ---- */

struct inspect_url {
	struct slice url;        /* as a crawl has it */
	enum url_status invalid; /* not URL_OK: `url` is as it was given */
	bool known;
	enum outcome outcome; /* NONE: it waits */
	int64_t since_us;
	struct slice rule; /* that decided; empty: none is known */

	/* How it was found and tried. */
	struct slice via, hops;
	int32_t depth; /* -1: not known */
	const char *kind;
	uint32_t tries;
	struct slice tried_at, tried; /* the last one: when, with what outcome */
	struct slice tried_why;       /* the sentence of what failed; empty: none */

	/* Its line of pages.jsonl, and what of it people read. */
	struct slice page;
	int status;
	struct slice mime, fetched_at, redirect_to, warc_file;
	struct slice quarantine; /* the file there that tells why it is kept */
	uint64_t body_bytes, warc_offset, warc_length;
	struct slice etag, last_modified, digest; /* empty: not known */
	int64_t asked_us, due_us;                 /* it answered; is due again; 0: not */
	uint32_t looks, changes; /* that were compared with what was there before */

	/* It waits. */
	uint64_t place; /* 1: it is next in its host's queue; 0: it is not there */
	uint64_t queued;
	const char
	    *held_by; /* how the crawl ended, before its turn came; NULL: it has not */
	int64_t not_before_ms; /* 0: none; wall */
	int16_t priority;

	/* Its host; `authority` empty: not a word is known of it. */
	struct slice authority;
	struct hostrec_outlook host;
	struct slice robots_rule; /* that forbids it, of the robots.txt we have */

	/* Never discovered: what a link to it from a seed would come to.  Waiting: what it
	 * comes to when its turn is there, the options being other ones since. */
	enum outcome would_be; /* NONE: it would be, or is to be, fetched */
	struct slice would_rule;
};
int inspect_url(
    struct inspect *in, struct slice url, struct inspect_url *ret, struct why *why);
bool inspect_url_waits(const struct inspect_url *u);
const char *inspect_url_text(const struct inspect_url *u); /* its outcome, in words */
#endif
