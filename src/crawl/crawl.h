/*
 * crawl/crawl.h -- a run of a job: from its seeds until nothing is left, or until
 * stopped.
 *
 *   engine (what all runs of the process share: workers, arena, names, transport,
 *           manners: how we stand with servers)
 *     -> crawl (one run: frontier, store thread, budgets, accounting)
 *          -> visit (one URL in hand: fetch, parse, commit)
 *
 * Owns:    an engine outlives its crawls; job and dir are borrowed for the crawl's life.
 * Errors:  starting: -errno with the sentence.  Later: the crawl ends with a cause.
 * Threads: loop thread.
 */
#ifndef CRAWL_CRAWL_H
#define CRAWL_CRAWL_H
#include "crawl/job.h"
#include "crawl/totals.h"
#include "frontier/frontier.h"
#include "loop/pool.h"
#include "net/addr.h"
#include "sink/sink.h"

struct engine;
struct crawl;

/* nursery NULL: on a virtual loop only. */
int engine_new(struct loop *l, struct nursery *nursery, const struct options *o,
    struct engine **ret, struct why *why);
void engine_free(struct engine *e);
/* What all crawls together may; 0: no limit.  Crawls that such a limit holds are served
 * fairly.  At any time; before it is called there are none. */
struct engine_limits {
	uint32_t concurrency;    /* requests at once */
	double rate;             /* requests a second */
	int64_t bandwidth_bytes; /* received, a second */
};
void engine_limit(struct engine *e, const struct engine_limits *l);
uint32_t engine_running(const struct engine *e); /* requests, now */
struct engine_stats {
	uint32_t crawls, transfers, slow, connections_max, workers;
	uint64_t arena_bytes, arena_used_bytes;
	struct pool_stats pool;
};
void engine_stats(const struct engine *e, struct engine_stats *ret);
/* Longest turn since the last call, microseconds, of all its loops. */
int64_t engine_lag_us_take(struct engine *e);
/* Whether each of its loops but the caller's has made a turn since the last call. */
bool engine_is_alive(struct engine *e);
/* --resolve HOST:PORT:ADDR, the address maybe in brackets; the host as URLs have it. */
struct engine_override {
	char host[256];
	uint16_t port;
	struct addr addr;
};
int engine_override_parse(
    struct slice text, struct engine_override *ret, struct why *why);

#define CRAWL_ENDS(X)                                                                    \
	X(DONE, "done")                                                                  \
	X(STOPPED, "stopped")                                                            \
	X(PAGES, "page budget reached")                                                  \
	X(BYTES, "byte budget reached")                                                  \
	X(TIME, "time budget reached")                                                   \
	X(DISK, "disk budget reached")                                                   \
	X(DISK_FULL, "the disk is full")                                                 \
	X(STORE, "results could not be written")                                         \
	X(WORKERS, "the parser processes failed")
enum crawl_end {
#define X(id, text) CRAWL_##id,
	CRAWL_ENDS(X)
#undef X
};
#define X(id, text) +1
enum { CRAWL_END_MAX = 0 CRAWL_ENDS(X) };
#undef X
const char *crawl_end_text(enum crawl_end e);

/* What takes longest of the start of a crawl, ahead of it and on any thread: its store is
 * opened. */
struct store;
int crawl_store_open(
    const struct job *job, const char *dir, struct store **ret, struct why *why);
void crawl_store_close(struct store *s); /* that no crawl was started with; NULL is fine */

struct crawl_conf {
	const struct job *job;
	const char *dir; /* exists; NULL: no files (simulation) */
	struct store *store; /* opened ahead, the crawl's from now on; NULL: it opens it */
	/* Since it ended, by what it waited for: the end of a pause, room, a place. */
	int64_t waited_ms[WAIT_CAUSE_MAX];
	/* Whose the job is is not known: its seeds have no right to private addresses. */
	bool strange_seeds;
	bool resume; /* go on with the crawl that may be in it; else that is an error */
	/* If that has come to an end, the next round: what is due is asked again, all if
	 * the options do not say what.  Else it is a resume. */
	bool again;
	struct slice cookies; /* what is in the file of --cookies; for crawl_start() */
	struct slice auth;    /* likewise, of --auth-file */
	/* With --check-links: outside URLs, one a line, that need not be asked; for
	 * crawl_start(). */
	struct slice known_good;
	uint64_t run;         /* its number, for the log; 0: it has none */
	uint64_t random_seed; /* 0: from the system; else a repeatable run */
	void *ctx;
	/* Once, deferred; crawl_free() is allowed in it. */
	void (*on_end)(void *ctx, enum crawl_end end);
};
int crawl_start(
    struct engine *e, const struct crawl_conf *conf, struct crawl **ret, struct why *why);
/* Whether bodies are cut sooner than was asked for, and the sentence, which is logged at the
 * start. */
bool crawl_cuts_bodies(const struct options *o, struct why *ret);
/* Polite: what is in flight may end within 10 s.  At once: it is dropped and stays
 * queued. */
void crawl_stop(struct crawl *c, bool at_once);
/* Politely, but in so many milliseconds. */
void crawl_stop_within(struct crawl *c, int64_t ms);
void crawl_free(struct crawl *c); /* NULL is fine; what was not committed is dropped */

struct crawl_stats {
	union {
		struct {
			CRAWL_TOTALS;
		};
		struct crawl_totals totals; /* the same, of all runs */
	};
	int64_t elapsed_ms; /* of this run */
	int64_t crawl_ms;   /* of all runs */
	uint64_t wait_ms[WAIT_CAUSE_MAX]; /* the frontier's, of all runs */
	uint32_t transfers; /* running now */
	uint32_t parsing;   /* answers at the workers now */
	uint32_t committing;
	uint32_t idle_alarms; /* nothing ran, though something could: a bug of ours */
	uint32_t store_queue; /* mails that the store thread has not handled */
	uint64_t commits, commit_us; /* group commits of this run, and what they took */
	enum wait_cause held; /* why no more is started right now */
	struct frontier_stats frontier;
	struct pool_stats pool;
};
void crawl_stats(struct crawl *c, struct crawl_stats *ret);
uint32_t crawl_hosts(struct crawl *c, struct frontier_host *ret, uint32_t max);
/* It went on with what had not ended, though a next round was asked for. */
bool crawl_went_on(const struct crawl *c);
/* What a person should read about the end, e.g. the error of the disk; "" if nothing. */
const char *crawl_why(const struct crawl *c);
/* Once it has ended: what was cut as a trap, of all its runs. */
struct trap_sums;
void crawl_traps(const struct crawl *c, struct trap_sums *ret);
enum { SEED_TOLD_BYTES_MAX = 16 << 10 };
/* "URL: OUTCOME: DETAIL" of the i-th seed, or "URL, redirected to URL: ..." of where it leads
 * to; what came from the net as it came. */
int crawl_seed_tell(const struct crawl *c, size_t i, struct buf *out);
enum crawl_reach {
	CRAWL_REACHED, /* a seed answered or still waits; there is none */
	/* Each, or where it was redirected to, failed, was refused, or wants a login: all
	 * were refused; else by the last that was not. */
	CRAWL_REACH_REFUSED,
	CRAWL_REACH_NETWORK,
	CRAWL_REACH_TLS,
	CRAWL_REACH_PROTOCOL,
	CRAWL_REACH_AUTH,
	CRAWL_REACH_MAX
};
enum crawl_reach crawl_reach(const struct crawl *c);
/* The cookies of the run, as a file of --cookies has them. */
int crawl_cookies(const struct crawl *c, struct buf *out);
/* Asserts the accounting identity and that frontier and run agree. */
void crawl_check(struct crawl *c);

/* Observers: called on the loop, after what they are told is committed to the store
 * thread. */
enum crawl_event_kind {
	CRAWL_EVENT_FETCH = 1, /* a try ended; `fetch`, `stage_us` */
	CRAWL_EVENT_STATE = 2, /* the phase changed; `state` */
	CRAWL_EVENT_NAME = 4,  /* a name server was asked; `stage_us` */
};
/* What takes time: a name, then of each try.  The store's is until it has taken it. */
#define CRAWL_STAGES(X)                                                                  \
	X(DNS, "dns")                                                                    \
	X(CONNECT, "connect")                                                            \
	X(TLS, "tls")                                                                    \
	X(FIRST_BYTE, "first-byte") /* from the request to it */                         \
	X(DOWNLOAD, "download")     /* from it to the last */                            \
	X(PARSE_QUEUE, "parse-queue")                                                    \
	X(PARSE, "parse")                                                                \
	X(STORE, "store")
enum crawl_stage {
#define X(id, name) CRAWL_STAGE_##id,
	CRAWL_STAGES(X)
#undef X
	    CRAWL_STAGE_MAX
};
const char *crawl_stage_name(enum crawl_stage s);
struct crawl_event {
	enum crawl_event_kind kind;
	const struct sink_event *fetch;
	/* By enum crawl_stage; -1: it did not come to that.  Those of the net are whole
	 * milliseconds. */
	const int64_t *stage_us;
	const char *state; /* "running", "stopping", "closing" */
};
typedef void crawl_event_fn(void *ctx, const struct crawl_event *e);
enum { CRAWL_SUBSCRIBERS_MAX = 8 };
/* mask: of enum crawl_event_kind.  -ENOSPC. */
int crawl_subscribe(struct crawl *c, unsigned mask, crawl_event_fn *fn, void *ctx);
#endif
