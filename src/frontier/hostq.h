/*
 * frontier/hostq.h -- one authority: its queue and when it may be asked again.
 *
 *   window   the records in memory, by key; every waiting one with a key up to high_key
 *   beyond   how many wait in the store with a greater key
 *   retries  records that come back into the window at a time of their own
 *
 * The functions here change one host's politeness and tell, with hostq_judge(), where it
 * stands; frontier.c moves it to that place.
 *
 * Owns:    its records, its rules.
 * Time:    monotonic milliseconds of the caller.
 * Errors:  0 or -ENOMEM.
 */
#ifndef FRONTIER_HOSTQ_H
#define FRONTIER_HOSTQ_H
#include "base/heap.h"
#include "base/list.h"
#include "frontier/frontier.h"
#include "frontier/manners.h"
#include "frontier/window.h"

enum hostq_place {
	HOSTQ_EMPTY,   /* nothing waits, or only for a retry */
	HOSTQ_READY,   /* may be asked now */
	HOSTQ_WAITING, /* until due_ms */
	HOSTQ_FULL,    /* as much in flight as may be */
	HOSTQ_BLOCKED, /* robots.txt is being fetched, or a refill */
	HOSTQ_PLACE_MAX
};

enum hostq_robots {
	HOSTQ_ROBOTS_UNKNOWN, /* to be asked for */
	HOSTQ_ROBOTS_ASKED,   /* the turn was handed out, no verdict yet */
	HOSTQ_ROBOTS_KNOWN,   /* until robots_until_ms */
};

enum { HOSTQ_BACKOFF_LEVEL_MAX = 11 };

#define HOSTQ_NEVER MANNERS_NEVER

struct hostq_state {
	enum hostq_place place;
	uint32_t waits; /* enum wait_cause, WAITS_READY or WAITS_NOTHING */
	int64_t due_ms; /* HOSTQ_WAITING */
};

/* A record that is to be asked for again. */
struct retry {
	struct heap_node node; /* in frontier.retries, by time */
	struct list on_host;
	struct hostq *host;
	struct urlrec *rec;
	enum wait_cause why;
};

struct hostq {
	uint64_t authority_hash;
	char *authority; /* "scheme://host[:port]"; "": its first record will tell */

	/* Where it is; frontier.c only. */
	struct list on_hosts; /* of all, most recently served first */
	struct list on_ready; /* orders that take turns */
	struct list on_idle;  /* in a session, which has nothing to do: session.c */
	bool in_session, ready_now, soon, blocks_session;
	uint32_t session_left; /* turns */
	struct list on_wants;
	struct heap_node node; /* in frontier.waiting or frontier.ready_heap */
	uint64_t ready_key;    /* under which it is in ready_heap */
	struct hostq_state state;
	/* Its life by cause, while it has one: waits.h. */
	int64_t born_ms, since_ms; /* since: it is where it is */
	int64_t waited_ms, transfer_ms;
	bool wants; /* on the list */
	bool told;  /* a refill was asked for and has not come */
	bool counted_as_dead;

	/* The queue. */
	struct window window;
	uint64_t high_key; /* UINT64_MAX when nothing is beyond */
	uint64_t beyond;
	int64_t refill_at_ms; /* the store had nothing new: not before */
	struct list retries;
	uint32_t retries_len, crowded_len; /* of these: for which there was no room */

	/* Politeness: what it shares with the same authority in other crawls. */
	struct standing *standing;
	struct list on_standing, on_dirty;
	struct frontier *frontier;
	const struct frontier_conf *conf; /* the frontier's */
	struct gate *gate;                /* where it waits, or was let in */
	struct list on_gate, on_grants;
	bool granted;
	int64_t granted_ms;
	bool asks_name;      /* and has no answer yet */
	bool is_retired;     /* it asks for nothing more */
	uint64_t fails_seen; /* of standing.fails */

	/* Its own part of that. */
	uint64_t in_hand_bytes; /* frontier_in_hand() */
	uint32_t in_flight; /* with guests */
	uint32_t guests_in_flight;
	struct list guests; /* frontier_guest.on_host */
	bool guest_was_last;
	uint64_t done; /* requests for URLs that ended */
	uint32_t probes; /* of in_flight: begun before it had answered anything */
	bool counted_as_known;

	/* robots.txt */
	enum hostq_robots robots;
	bool robots_in_flight;
	bool robots_used;     /* a URL was judged by what is known */
	uint32_t robots_asks; /* that found it unreachable, in a row */
	int64_t robots_until_ms, robots_again_ms;
	int64_t crawl_delay_ms; /* -1: none */
	char *rules;            /* robots_compile()d; NULL: everything is allowed */
	size_t rules_len;
	bool rules_away;   /* there are some, and only the store has them */
	bool rules_stored; /* the store has those that are here */
	/* frontier_trouble_set(); NULL: nothing */
	char *trouble;
	int trouble_status;

	/* Given up: everything comes out with this outcome. */
	enum outcome doom; /* OUTCOME_NONE: it is not */
	uint32_t doom_count;
	int64_t doom_until_ms;
};

/* An authority without a usable text is given up from the start; NULL: not known yet.
 * `m` NULL: a host of no frontier. */
int hostq_new(struct manners *m, uint64_t authority_hash, struct slice authority,
    struct hostq **ret);
void hostq_free(struct manners *m, struct hostq *h);
/* The host failed, maybe when another crawl asked: is it given up? */
void hostq_heed(struct hostq *h, const struct frontier_conf *conf, int64_t now_ms);
/* Of memory, with its standing, without its records. */
static inline uint64_t
hostq_bytes(const struct hostq *h)
{
	return sizeof(*h) + sizeof(struct standing) + strlen(h->authority) + 1 +
	       h->rules_len + (h->trouble == NULL ? 0 : strlen(h->trouble) + 1);
}
/* New, or read back: by a run before this one it may have been asked since. */
void hostq_asked(struct hostq *h, const struct frontier_conf *conf);

/* Where it stands now. */
void hostq_judge(const struct hostq *h, const struct frontier_conf *conf, int64_t now_ms,
    struct hostq_state *ret);
/* As if no guest waited. */
void hostq_judge_urls(const struct hostq *h, const struct frontier_conf *conf,
    int64_t now_ms, struct hostq_state *ret);
static inline bool
hostq_is_doomed(const struct hostq *h, int64_t now_ms)
{
	return h->doom != OUTCOME_NONE && now_ms < h->doom_until_ms;
}
/* It answers: it did before, and the last time. */
bool hostq_is_known(const struct hostq *h);
/* robots.txt must be asked for before the next URL. */
bool hostq_needs_robots(
    const struct hostq *h, const struct frontier_conf *conf, int64_t now_ms);
/* The gap that a request which starts now has to keep. */
void hostq_gap(
    const struct hostq *h, const struct frontier_conf *conf, struct frontier_gap *ret);
/* A request to it was handed out. */
void hostq_started(struct manners *m, struct hostq *h, bool robots, int64_t now_ms);
/* It ended; `random` is for the jitter. */
void hostq_ended(struct manners *m, struct hostq *h, const struct frontier_conf *conf,
    const struct frontier_report *rep, uint64_t random, int64_t now_ms);
int hostq_robots_came(struct hostq *h, const struct frontier_conf *conf,
    enum frontier_robots what, struct slice rules, int64_t now_ms);
/* What the store has; empty: nothing. */
int hostq_rules_came(struct hostq *h, struct slice rules);
/* Only the store has them from now on. */
void hostq_rules_leave(struct hostq *h);
/* True when `rec` is not to be fetched: why. */
bool hostq_refuses(const struct hostq *h, const struct frontier_conf *conf,
    const struct urlrec *rec, int64_t now_ms, enum outcome *ret_outcome, char *ret_detail,
    size_t detail_cap);
void hostq_check(const struct hostq *h, const struct frontier_conf *conf);
#endif
