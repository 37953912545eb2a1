/*
 * frontier/frontier.h -- what waits, and who is next: host queues under politeness.
 *
 *   frontier -> host queue (one an authority) -> window of urlrecs, the first in the order
 *
 * The truth about what waits is the store's queue table; the frontier holds of each
 * authority a window: every waiting record with a key up to the window's high mark.  What
 * lies beyond is fetched with frontier_wants()/frontier_refill().
 *
 * A host queue is in exactly one place: ready (may be asked now), waiting (until a time),
 * full (per_host in flight), blocked (robots pending, refill pending), empty.
 *
 * Owns:    the urlrecs added, until frontier_next() hands them out.
 * Time:    all now_ms are monotonic milliseconds supplied by the caller.
 * Errors:  0 or -ENOMEM.
 * Threads: loop thread.  No I/O.
 */
#ifndef FRONTIER_FRONTIER_H
#define FRONTIER_FRONTIER_H
#include "base/list.h"
#include "base/outcome.h"
#include "frontier/urlrec.h"

struct frontier;
struct manners; /* manners.h */

/* An order: key of a record within its authority, and whether keys compare across hosts
 * (priority) or hosts take turns (bfs, dfs).  One file each, chosen by name. */
struct order {
	const char *name;
	uint64_t (*key)(const struct urlrec *r, uint64_t seq);
	bool across_hosts;
	/* NULL: a priority is what the URL was found with.  Else the priority of `url` that
	 * one more page links to, with `links` links; `had`: as it waits so far, NULL: it is
	 * new; `page` NULL: it is a seed. */
	int16_t (*given)(const struct urlrec *had, const struct urlrec *page,
	    uint32_t links, struct slice url);
};
const struct order *order_find(struct slice name); /* NULL: none of that name */
/* "bfs, dfs ..." for messages. */
const char *order_names(void);

#define WAIT_CAUSES(X)                                                                   \
	X(NONE, "none")                                                                  \
	X(CRAWL_DELAY, "crawl-delay")       /* robots.txt or --delay */                  \
	X(ADAPTIVE_DELAY, "adaptive-delay") /* --delay auto */                           \
	X(RETRY_AFTER, "retry-after")       /* 429, 503: it wants time */                \
	X(ROBOTS_PENDING, "robots-pending")                                              \
	X(DNS, "dns")                                                                    \
	X(CONNECTION_CAP,                                                                \
	    "connection-cap") /* concurrency, or another crawl's request */              \
	X(PER_IP_CAP, "per-ip-cap")                                                      \
	X(GLOBAL_RATE, "global-rate")                                                    \
	X(BANDWIDTH, "bandwidth")                                                        \
	X(PARSER_BEHIND, "parser-behind")                                                \
	X(STORE_BEHIND, "store-behind")                                                  \
	X(PAUSED, "paused")                                                              \
	X(PER_SITE_CAP, "per-site-cap")                                                  \
	X(BUDGET, "budget")           /* what is in flight may use it up */              \
	X(UNREACHABLE, "unreachable") /* until it is tried again */                      \
	X(RETRY, "retry")             /* nothing is left but what failed once */         \
	X(RUN_CAP, "run-cap")         /* it is to go on, and other runs have the places */
enum wait_cause {
#define X(id, name) WAIT_##id,
	WAIT_CAUSES(X)
#undef X
	    WAIT_CAUSE_MAX
};
const char *wait_cause_name(enum wait_cause c);

struct frontier_conf {
	const struct order *order;
	bool robots;       /* ask for robots.txt first and obey it */
	/* Requests in flight to one authority, at least 1; to one address and to one site,
	 * 0: no limit. */
	uint32_t per_host, per_ip, per_site;
	/* Of large answers of one authority, in hand: while there are more it is not asked.
	 * 0: no limit. */
	uint64_t in_hand_bytes_max;
	uint32_t probes_max; /* the frontier's own: see frontier_room() */
	/* Of many hosts not all take turns, unless the order is one across hosts: at most
	 * so many, about as many as connections are kept (0: all), and new ones only while
	 * fewer than sessions_ready of these may be asked, or soon may. */
	uint32_t sessions_max, sessions_ready;
	uint32_t names_max; /* FRONTIER_NAMEs at once; 0: no name is asked for */
	int64_t delay_ms;  /* least gap; -1: auto, as long as the last answer took */
	int64_t delay_auto_max_ms;  /* 30000 */
	int64_t crawl_delay_max_ms; /* cap of robots' Crawl-delay */
	uint32_t window_max;        /* records of one authority in memory, at least 2 */
	uint64_t memory_bytes;      /* for all windows, about; 0: no limit */
	uint64_t jitter_seed;       /* of the 10 % on back-off */
	int64_t robots_ttl_ms;      /* 24 h */
	uint32_t dead_after; /* host-level failures in a row before it is given up */
	/* Until then any host may have been asked, whatever was saved of it: a run that was
	 * killed had no time to save its last requests.  0: none was; less: before the
	 * clock began. */
	int64_t asked_ms;
	/* A robots.txt that was had before then is asked for again: what was kept of it
	 * concerns another agent.  0: none; less: before the clock began. */
	int64_t robots_since_ms;
	/* Of a host ("scheme://host[:port]"): may change what holds of all.  NULL: nothing. */
	void (*pace)(const void *ctx, struct slice authority, uint32_t *per_host,
	    int64_t *delay_ms);
	const void *pace_ctx;
	/* NULL: whatever waits is still wanted.  Else asked when it is a record's turn; one
	 * that is not comes out as FRONTIER_REFUSED. */
	bool (*unwanted)(void *ctx, const struct urlrec *rec, enum outcome *ret_outcome,
	    char *ret_detail, size_t detail_cap);
	void *unwanted_ctx;
	/* What we know of hosts together with other frontiers; NULL: alone. */
	struct manners *manners;
	/* What another frontier did lets something here begin sooner or later than
	 * frontier_next() said: ask again.  It may not call back.  NULL: nobody. */
	void (*on_change)(void *ctx);
	void *on_change_ctx;
};

int frontier_new(const struct frontier_conf *conf, struct frontier **ret);
void frontier_free(struct frontier *f);

/*
 * `room` requests may be under way.  Hosts that never answered leave up to `reserve` of
 * them to the others, one for each that has something to do, and one in any case: so that
 * dead ones do not hold those up until their time-outs.  At first there is no such limit.
 */
void frontier_room(struct frontier *f, uint32_t room, uint32_t reserve);
/* Whether any of them waits for that: a greater `room` lets it begin. */
bool frontier_lacks_room(const struct frontier *f);

/* A URL waits (it was just put into the store's queue).  Copies `r`. */
int frontier_add(struct frontier *f, const struct urlrec *r, int64_t now_ms);
/*
 * The same URL again, at `at_ms`, under the key it has in the store's queue; the record
 * passes to the frontier, or stays the caller's when memory is out.  Should the window be
 * full by then it comes back by a refill, as the store has it.  `why`: what a host waits for
 * that has nothing else, WAIT_RETRY or WAIT_PARSER_BEHIND (there was no room for it).
 */
int frontier_retry(struct frontier *f, struct urlrec *r, int64_t at_ms,
    enum wait_cause why, int64_t now_ms);

/*
 * With an order that has `given`: a URL that waits in a window and was not tried yet; NULL:
 * there is none.  Its priority may become a greater one, and its key the one that goes with
 * it, frontier_raised_key(): the store's queue must have it under that key before anything
 * that is told of it later.  What lies beyond the windows stays where it is.
 */
const struct urlrec *frontier_find(const struct frontier *f, uint64_t url_hash);
uint64_t frontier_raised_key(
    const struct frontier *f, const struct urlrec *r, int16_t priority);
void frontier_raise(
    struct frontier *f, const struct urlrec *r, int16_t priority, int64_t now_ms);

/* The gap that had to lie between a request and the one before it, and whose rule it is:
 * for those who check afterwards that it did (crawl.log). */
#define GAP_RULES(X)                                                                     \
	X(NONE, "none")                                                                  \
	X(OPTION, "option")                   /* --delay */                              \
	X(CRAWL_DELAY, "crawl-delay")         /* robots.txt */                           \
	X(CRAWL_DELAY_CUT, "crawl-delay-cut") /* it asks for more than is obeyed */      \
	X(ADAPTIVE, "adaptive")               /* --delay auto */                         \
	X(BACK_OFF, "back-off")               /* 429, 503, it could not be reached */
enum gap_rule {
#define X(id, name) GAP_##id,
	GAP_RULES(X)
#undef X
	    GAP_RULE_MAX
};
const char *gap_rule_name(enum gap_rule r);
bool gap_rule_is_fixed(enum gap_rule r); /* not by what the host answers */
struct frontier_gap {
	int64_t ms; /* from the last end; with at_once above 1 and a rule that is
		       fixed: from the last start */
	enum gap_rule rule;
	uint32_t at_once; /* requests that may be in flight, this one included */
	uint32_t per_ip, per_site; /* to the same address, site; 0: no limit */
};

enum frontier_turn_kind {
	FRONTIER_IDLE,  /* nothing may start now; see due_ms */
	FRONTIER_NAME,  /* find the address of `authority`; not in flight */
	FRONTIER_URL,   /* fetch rec; it counts as in flight to its authority */
	FRONTIER_GUEST, /* `guest` may ask `authority_hash`, and counts as in flight to it;
			    or (`outcome`) may not */
	FRONTIER_ROBOTS, /* fetch robots.txt of `authority` first; counts as in flight */
	FRONTIER_REFUSED /* rec will not be fetched: `outcome`, `detail`; not in flight */
};
struct frontier_turn {
	enum frontier_turn_kind kind;
	uint64_t authority_hash;
	char authority[280];  /* FRONTIER_ROBOTS, _NAME: "scheme://host[:port]" */
	struct urlrec *rec;   /* passes to the caller */
	struct frontier_guest *guest;
	struct frontier_gap gap; /* FRONTIER_URL, _ROBOTS, _GUEST */
	bool is_probe; /* of these: its host has never answered, or not the last time */
	enum outcome outcome;    /* FRONTIER_REFUSED, _GUEST */
	char detail[200];     /* the rule that decided */
	int64_t due_ms; /* FRONTIER_IDLE: when to ask again; INT64_MAX: on an event */
};
int frontier_next(struct frontier *f, int64_t now_ms, struct frontier_turn *ret);

/*
 * Ends a FRONTIER_NAME: which address (any number for each) its requests will go to, and
 * for how long that is good; 0: none that has a limit, or that is known.  A request is
 * made all the same.
 */
void frontier_name(struct frontier *f, uint64_t authority_hash, uint64_t address,
    int64_t ttl_ms, int64_t now_ms);

/*
 * A request that is no URL of ours, but is to keep to the manners of the authority that it
 * goes to: the robots.txt of another one was redirected there.  It waits for no
 * robots.txt, so that two that lead to each other end.  It takes turns with the URLs of
 * the host.  Where the host is given up it comes out with an outcome.  The guest is the
 * caller's.
 */
struct frontier_guest {
	struct list on_host;
};
static inline void
frontier_guest_init(struct frontier_guest *g)
{
	list_init(&g->on_host);
}
int frontier_guest_add(struct frontier *f, struct frontier_guest *g,
    uint64_t authority_hash, struct slice authority, int64_t now_ms);
/* It waits no more; harmless when it does not. */
void frontier_guest_remove(struct frontier *f, struct frontier_guest *g,
    uint64_t authority_hash, int64_t now_ms);

/* When something may begin: now at the latest, or INT64_MAX: on an event. */
int64_t frontier_due_ms(const struct frontier *f, int64_t now_ms);

/* Whether a request for a URL of that authority has ended, now or in an earlier run. */
bool frontier_was_asked(const struct frontier *f, uint64_t authority_hash);

/* How a request to an authority (also for robots.txt) ended. */
struct frontier_report {
	enum outcome outcome;
	int status;      /* HTTP, 0 when none came */
	int64_t took_ms; /* from the start of the request to the end of its answer */
	int64_t retry_after_ms; /* -1: none was sent */
	uint64_t address;       /* as in frontier_name(): where it went; 0: as expected */
	bool guest;             /* ends what was handed out as FRONTIER_GUEST */
	bool hopeless;  /* no such name, no valid certificate: asking again cannot help */
	bool not_asked; /* nothing reached the host (arena full, cancelled, address
			   refused) */
};
/* Ends what frontier_next() handed out as FRONTIER_URL or FRONTIER_ROBOTS, once each. */
void frontier_done(struct frontier *f, uint64_t authority_hash,
    const struct frontier_report *rep, int64_t now_ms);

enum frontier_robots {
	FRONTIER_ROBOTS_ALLOW,       /* 4xx: everything is allowed */
	FRONTIER_ROBOTS_RULES,       /* `rules` from robots_compile() */
	FRONTIER_ROBOTS_UNREACHABLE, /* nothing is, ask again; given up after 3 asks, or
					dead_after, if that is less */
	FRONTIER_ROBOTS_NEVER,       /* the same, but asking again cannot help */
	FRONTIER_ROBOTS_AGAIN        /* it is our fault: ask again soon, that was none */
};
/*
 * Ends "robots pending" of the authority; `rules` is copied.  Besides frontier_done(), in
 * any order.  After a report of dns, connect or TLS failure UNREACHABLE does not count as
 * an ask: it is the host that failed, and goes by the host's back-off.
 */
int frontier_robots(struct frontier *f, uint64_t authority_hash,
    enum frontier_robots what, struct slice rules, int64_t now_ms);

/*
 * What the robots.txt of a host met when it could not be had, for those whose host is given up
 * for that: it is kept with the host, also over a restart.  `text` is copied and cut, empty:
 * there is nothing (any more); `status`: 407, its proxy wants other credentials, else 0.  Out
 * of memory there is nothing.
 */
enum { FRONTIER_TROUBLE_MAX = 159 };
void frontier_trouble_set(
    struct frontier *f, uint64_t authority_hash, struct slice text, int status);
/* It stays until it is set again, or a host is added. */
struct slice frontier_trouble(
    const struct frontier *f, uint64_t authority_hash, int *ret_status);

/* So many bytes more, or fewer, of large answers of that authority wait for a worker, are
 * with one or with the store. */
void frontier_in_hand(
    struct frontier *f, uint64_t authority_hash, int64_t bytes, int64_t now_ms);

/*
 * The store's queue no longer has the record: its outcome is committed.  Until then the
 * frontier remembers that it was handed out (some 30 bytes), so that a refill which still
 * reads it there does not bring it a second time.
 */
void frontier_settled(struct frontier *f, uint64_t authority_hash, uint64_t key);

/* An authority whose window runs low while the store has more, or whose rules are to be
 * read, too; false: none.  Each is told once until its refill came. */
struct frontier_want {
	uint64_t authority_hash, after_key;
	uint32_t max; /* records that there is room for */
	bool rules;   /* call frontier_rules() first */
};
bool frontier_wants(struct frontier *f, struct frontier_want *ret);
/* robots.txt rules as the store has them; empty: it has none. */
int frontier_rules(
    struct frontier *f, uint64_t authority_hash, struct slice rules, int64_t now_ms);
/*
 * Answer to a want: records with keys after `after_key`, in order; `more`: there are
 * still others behind them.  A record's not_before_ms is monotonic here.  An answer whose
 * after_key is out of date is dropped and asked anew.  Adds, answers and
 * frontier_settled() come in the order in which the store did them.  What was added but
 * the answer does not show is asked for again after 100 ms.
 */
int frontier_refill(struct frontier *f, uint64_t authority_hash, uint64_t after_key,
    const struct urlrec *recs, size_t n, bool more, int64_t now_ms);

/* One moment on both clocks: what is saved is wall time. */
struct frontier_now {
	int64_t mono_ms, wall_ms;
};
/* What of a host survives a restart, without its rules, appended; nothing when it is not
 * known. */
int frontier_host_save(const struct frontier *f, uint64_t authority_hash,
    const struct frontier_now *now, struct buf *out);
/* The robots.txt rules in force; empty: none, or not in memory. */
struct slice frontier_host_rules(const struct frontier *f, uint64_t authority_hash);
/* They are on their way to the store, and a frontier_wants() from now on finds them there:
 * they may leave memory. */
void frontier_rules_stored(struct frontier *f, uint64_t authority_hash);
/*
 * A host as it was saved (empty: it was never asked), with `queued` records in the
 * store's queue; before anything is added to it.  -EBADMSG: `saved` is damaged.
 */
int frontier_restore(struct frontier *f, uint64_t authority_hash, struct slice saved,
    uint64_t queued, const struct frontier_now *now);

struct frontier_stats {
	uint64_t queued;    /* waiting, in windows, for a retry and beyond */
	uint64_t in_flight; /* handed out as FRONTIER_URL and not yet done */
	uint32_t hosts, hosts_ready, hosts_waiting, hosts_full, hosts_blocked, hosts_dead;
	uint64_t wait_ms[WAIT_CAUSE_MAX]; /* host-milliseconds by cause, up to now */
	uint64_t transfer_ms;             /* and with a request for a URL under way */
	uint64_t life_ms; /* hosts had something to do: the sum of all these */
	uint32_t waiting_now[WAIT_CAUSE_MAX];
	uint64_t memory_bytes;
};
/* Of the hosts with something to do, where not all take turns, those that do. */
uint32_t frontier_sessions(const struct frontier *f);
void frontier_stats(struct frontier *f, int64_t now_ms, struct frontier_stats *ret);
/* Of these only wait_ms. */
void frontier_waits(struct frontier *f, int64_t now_ms, uint64_t ret[WAIT_CAUSE_MAX]);
/* Why ready hosts are not asked now (concurrency, rate, parser, store, paused): their
 * wait is accounted to `c` from now on. */
void frontier_held(struct frontier *f, enum wait_cause c, int64_t now_ms);
/* It asks for nothing more: frontiers that share its manners wait for no turn of its hosts, and
 * these for no gate.  What is under way goes on. */
void frontier_retire(struct frontier *f, int64_t now_ms);
/* Whoever has something queued waited for `c` these `ms` already, before we were. */
void frontier_waited(struct frontier *f, enum wait_cause c, int64_t ms);

/* The `max` (at most 64) busiest of the 20,000 hosts served last, for progress and
 * status. */
struct frontier_host {
	char authority[280];
	uint64_t queued, done;
	uint32_t in_flight;
	enum wait_cause waits_for;
	int64_t wait_ms; /* until its next turn; 0: now */
};
uint32_t frontier_hosts(
    const struct frontier *f, int64_t now_ms, struct frontier_host *ret, uint32_t max);
void frontier_check(const struct frontier *f);
#endif
