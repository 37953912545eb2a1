/*
 * crawl/saved.h -- what the store says of a crawl: its sums, and what a resume needs.
 *
 *   meta table   "crawl"      struct saved
 *                "root/HASH"  where a seed was redirected to
 *                "run/NUMBER" struct saved_run, of each run
 *                "page/KEY"   of a URL that was asked: saved_page.h
 *                "due/TIME KEY", "due-by"  when which is to be asked again: committer_due.c
 *                "seen"       how far DIR/state/seen.log is good: seen_mark()
 *                "cookies/HASH"  those of a site: jar_site_save()
 *                "cookies"    hash of the file that cookies were read from last
 *                "seed/HASH"  what a seed ended with: outcome, status, and what was said of it
 *                "sink/NAME"  how far a sink's files are good: sink_mark()
 *   seen table   outcome (1 byte; 0: it waits), since when (4 bytes, seconds of 1970); of what
 *                waits since it was discovered only seeds and where redirects lead are there
 *
 * Errors:  -ENOENT: there is no crawl; -EBADMSG: what is there is no such record, or of a
 *          newer version; others of the store.
 * Threads: whoever has the store.
 */
#ifndef CRAWL_SAVED_H
#define CRAWL_SAVED_H
#include "base/page_change.h"
#include "base/why.h"
#include "crawl/saved_page.h"
#include "crawl/totals.h"
#include "frontier/frontier.h"
#include "store/store.h"

enum { SAVED_ORDER_MAX = 16, SAVED_RUNNING = 255 };

/*
 * A round: all is crawled once.  Some runs make one when it is stopped and resumed; the
 * next one asks again what is due by then.  While it is being opened pages that are due
 * move back into the queue, in the order of their keys, and `after` is how far that is.
 */
struct saved_round {
	uint32_t number; /* from 1 */
	bool opening;
	bool whole; /* pages are asked without conditions: other links are wanted now */
	uint8_t after_len;
	char after[SAVED_PAGE_KEY_BYTES];
	/* What all rounds before it came to, for the budgets. */
	uint64_t pages0, wire0_bytes;
	int64_t elapsed0_ms;
};

struct saved {
	uint64_t hash_seed; /* of all URL and authority hashes */
	uint64_t seq;       /* of the next record that is queued */
	uint32_t runs;
	uint8_t
	    end; /* of the last run: enum crawl_end; SAVED_RUNNING: it had not ended */
	int64_t elapsed_ms; /* of all runs */
	int64_t began_us;   /* the first of them, wall clock */
	int64_t at_us;      /* of this commit */
	char order[SAVED_ORDER_MAX];
	uint64_t scope_hash; /* of the options that decide what is wanted; 0: not known */
	bool judge_anew;     /* what waits was found under others: scope_judge_again() */
	/* Which sinks the last run had (a bit each, crawl_open.c; 0: not known), and a hash of
	 * the fields that it took out of pages (0: none). */
	uint32_t sinks;
	uint64_t fields_hash;
	uint64_t reads_hash; /* of what decides which links are read; 0: not known */
	/* When more was wanted of pages than before, links or contents; wall clock, 0: never.
	 * What was asked last before that is asked without conditions. */
	int64_t more_us;
	/* Of the agent whose rules are kept of robots.txt (0: not known), and since when they
	 * are (wall clock; 0: always): those from before are another one's. */
	uint64_t agent_hash;
	int64_t agent_us;
	uint64_t wait_ms[WAIT_CAUSE_MAX]; /* what hosts waited for, over all runs */
	struct saved_round round;
	struct crawl_totals totals;
};

int saved_get(struct store *s, struct saved *ret, struct why *why);
int saved_put(struct store_batch *b, const struct saved *v);

/* A run: as of its last commit. */
enum { SAVED_WHY_MAX = 200 };
struct saved_run {
	uint32_t number;         /* from 1 */
	uint32_t round;          /* that it belongs to, from 1 */
	uint8_t end;             /* enum crawl_end, SAVED_RUNNING */
	int64_t began_us, at_us; /* wall clock; at_us: of the commit */
	int64_t elapsed_ms;
	uint64_t pages, wire_bytes; /* of this run alone */
	uint64_t changes[PAGE_CHANGE_MAX]; /* what it found, from the second round on */
	char why[SAVED_WHY_MAX];    /* what was said of the end; "": nothing */
};
int saved_run_put(struct store_batch *b, const struct saved_run *v);
/* -ENOENT: a run of an older trawl. */
int saved_run_get(struct store *s, uint32_t number, struct saved_run *ret);
/* In the order of their numbers; runs of an older trawl are not there. */
typedef int saved_run_fn(void *ctx, const struct saved_run *run);
int saved_runs(struct store *s, saved_run_fn *fn, void *ctx);

typedef int saved_root_fn(void *ctx, struct slice url);
int saved_roots(struct store *s, saved_root_fn *fn, void *ctx);
int saved_root_put(struct store_batch *b, uint64_t url_hash, struct slice url);

enum { SAVED_DETAIL_MAX = 160, SAVED_LEADS_TO_MAX = 2048 };
struct saved_end { /* of a seed, or of where one was redirected to */
	enum outcome outcome;
	int status;
	struct slice detail; /* what was said; shorter than SAVED_DETAIL_MAX */
	uint64_t next;       /* of a redirect: the hash of where to; else 0 */
	struct slice url;    /* not of a seed; empty: longer than SAVED_LEADS_TO_MAX */
};
/* Of a record that has its outcome; borrows from both. */
struct saved_end saved_end_of(
    const struct urlrec *rec, const struct sink_event *e, uint64_t hash_seed);
int saved_seed_put(struct store_batch *b, uint64_t url_hash, const struct saved_end *end);
/* Each, until fn says something else than 0.  -EBADMSG. */
typedef int saved_seed_fn(void *ctx, uint64_t url_hash, const struct saved_end *end);
int saved_seeds(struct store *s, saved_seed_fn *fn, void *ctx);

/* Those of a site, by the hash of its name. */
int saved_cookies_put(struct store_batch *b, uint64_t site_hash, struct slice text);
int saved_cookies_delete(struct store_batch *b, uint64_t site_hash);
int saved_cookies(struct store *s, saved_root_fn *fn, void *ctx);
/* 0: there was none. */
int saved_cookie_file(struct store *s, uint64_t *ret_hash);
int saved_cookie_file_put(struct store_batch *b, uint64_t hash);

#define SAVED_SEEN_MARK SLICE_LIT("seen") /* key of seen_mark() in the meta table */
struct saved_seen {
	enum outcome outcome;
	uint32_t since_s;
};
enum { SAVED_SEEN_BYTES = 5 };
void saved_seen_encode(const struct saved_seen *v, char ret[SAVED_SEEN_BYTES]);
int saved_seen_decode(struct slice value, struct saved_seen *ret);
#endif
