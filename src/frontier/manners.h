/*
 * frontier/manners.h -- how we stand with servers: what all crawls of the process share.
 *
 *   manners -> standing (one an authority) <- hostq (one a crawl and authority)
 *           -> gate (one an address, one a site) <- standing
 *
 * A standing is what politeness depends on: requests in flight, when the last one ended,
 * back-off, failures.  Whoever asks the authority, of whatever crawl, is bound by it, and
 * whoever waits for it learns of a change: its host queue becomes dirty, and the frontier
 * that is being called places it anew, whosesoever it is.
 *
 * A gate lets so many requests through at once.  Host queues that find it full wait there
 * in the order in which they came.  When there is room the first is granted it: nobody
 * who comes later takes it, and whoever cannot use it within a second lets the next.
 *
 * Limits are of the crawl that asks: the one with the least waits for as few as it wants,
 * and while it is the first nobody passes it.  So the strictest crawl's limit holds.
 *
 * What robots.txt said is each crawl's own, for it depends on the user agent, and each
 * archive holds it; only the Crawl-delay is shared, the longest.
 *
 * Owns:    standings outlive the host queues that use them: for half an hour after the
 *          last request or back-off, 65,536 at most.
 * Time:    monotonic milliseconds of the frontiers' caller.
 * Errors:  -ENOMEM.
 * Threads: loop thread.
 */
#ifndef FRONTIER_MANNERS_H
#define FRONTIER_MANNERS_H
#include "base/list.h"
#include "base/map.h"
#include "base/slice.h"

#include "frontier/frontier.h"

struct hostq;

enum gate_kind { GATE_NAMES, GATE_SITE, GATE_ADDRESS, GATE_PROBES };
struct gate {
	enum gate_kind kind;
	uint64_t key;
	uint32_t refs; /* standings behind it */
	uint32_t in_flight;
	uint32_t granted;    /* let in, and not begun yet */
	struct list waiters; /* hostq.on_gate, in the order in which they came */
};

/* Long before any time there is, and far from overflow. */
#define MANNERS_NEVER (INT64_MIN / 2)

struct standing {
	uint64_t key;
	bool shared;         /* it is in the table: its authority is known */
	struct list hosts;   /* hostq.on_standing, the one served longest ago first */
	struct list on_idle; /* nobody uses it */

	uint32_t in_flight;
	int64_t start_ms, end_ms, took_ms;        /* of the last request */
	int64_t backoff_until_ms, backoff_set_ms; /* 429, 503 */
	uint32_t backoff_level;
	int64_t eased_ms; /* between requests, since it said 429 or 503; 0: nothing */
	uint32_t eased_answers;
	bool answered;     /* to anything, ever */
	uint32_t failures; /* in a row: could not be reached */
	bool hopeless;     /* the last one: asking again cannot help */
	uint64_t fails;    /* ever, so that each crawl sees a new one */
	enum outcome failure;
	int64_t fail_until_ms, fail_set_ms;
	uint32_t unanswered; /* in a row: connected, and not a byte in time */
	int64_t unanswered_set_ms;
	int64_t crawl_delay_ms; /* the longest that a robots.txt demands; -1: none */

	struct gate *address, *site; /* NULL: not known, or of no interest */
	uint64_t moves_to;           /* an address, when nothing is in flight any more */
	bool moves;
	bool name_asked, name_fresh; /* fresh: good for one request, however old */
	bool name_known;             /* it had an address, the last time */
	int64_t name_until_ms;
};

/* One for all frontiers of a process; it outlives them. */
int manners_new(struct manners **ret);
void manners_free(struct manners *m);

/* `m` NULL, or an authority that is not known (empty): a standing of its own. */
int standing_join(struct manners *m, struct slice authority, struct hostq *h);
/* Its authority became known: the stricter of both wins.  -ENOMEM: nothing changed. */
int standing_named(struct manners *m, struct slice authority, struct hostq *h);
void standing_merge(struct standing *s, const struct standing *other);
void standing_init(struct standing *s);
/* And what of it is in flight. */
void standing_leave(struct manners *m, struct hostq *h);
/* A request began, ended. */
void standing_started(struct manners *m, struct hostq *h, int64_t now_ms);
void standing_ended(struct manners *m, struct hostq *h);
/* Failures in a row; those of `ttl_ms` ago are forgotten. */
uint32_t standing_failures(const struct standing *s, int64_t ttl_ms, int64_t now_ms);
/* One of its crawls read another robots.txt. */
void standing_crawl_delay(struct standing *s);
/* Its other host queues are to be placed anew. */
void standing_changed(struct manners *m, struct standing *s, const struct hostq *but);
/* `address` is one number an address; 0: none.  Out of memory: as if there was none. */
void standing_address(struct manners *m, struct standing *s, uint64_t address);
void standing_site(struct manners *m, struct standing *s, struct slice site);

void gate_init(struct gate *g, enum gate_kind kind);
/* True: a request may begin; false: the host queue waits at the gate from now on. */
bool gate_enter(struct manners *m, struct gate *g, struct hostq *h);
/* It waits no more; what it was granted goes to the next. */
void gate_leave(struct manners *m, struct hostq *h);
void gate_began(struct manners *m, struct gate *g, struct hostq *h);
void gate_ended(struct manners *m, struct gate *g);
/* Whether its waiters, by their limits, may now. */
void gate_wake(struct manners *m, struct gate *g);
void gate_check(const struct gate *g);

/* Time goes on: grants nobody used go to the next. */
void manners_advance(struct manners *m, int64_t now_ms);
int64_t manners_now_ms(const struct manners *m);
/* When that is due; INT64_MAX: never. */
int64_t manners_due_ms(const struct manners *m);
/* The next host queue to be placed; NULL: none. */
struct hostq *manners_dirty(struct manners *m);
void manners_joined(struct manners *m, int frontiers);
void manners_check(const struct manners *m);
uint32_t manners_standings(const struct manners *m);
#endif
