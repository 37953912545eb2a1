/*
 * crawl/crawl_internal.h -- what crawl.c, visit.c, accounting.c and engine.c share.
 *
 *   crawl.visits: every URL in hand, in one of the states of VISIT_STATES
 *     HELD    a redirected robots.txt, until the host that it leads to has a turn for it
 *     FETCH   name, connection, transfer
 *     QUEUED  waits for room in the worker pool
 *     PARSE   with a worker
 *     COMMIT  with the store thread
 */
#ifndef CRAWL_CRAWL_INTERNAL_H
#define CRAWL_CRAWL_INTERNAL_H
#include "base/log.h"
#include "base/map.h"
#include "crawl/committer.h"
#include "crawl/crawl.h"
#include "crawl/credentials.h"
#include "crawl/parse.h"
#include "crawl/storage.h"
#include "fetch/fetch.h"
#include "loop/limiter.h"

struct engine {
	struct loop *loop;
	struct shm *shm;
	struct shm_block known; /* in it: frontier/known.h, of all crawls */
	struct pool *pool;
	struct addr_policy *policy;
	struct dns *dns;
	struct transport *transport;
	struct proxies proxies;
	struct manners *manners;
	struct list crawls; /* crawl.on_engine */
	struct engine_limits limits;
	struct limiter rate, bandwidth; /* of all crawls */
	uint64_t served;
	uint32_t workers;
	uint32_t context_next;
	uint32_t connections_max; /* as the transport was told last */
	int64_t sized_ms;         /* when that was; 0: never */
};

#define VISIT_STATES(X) X(HELD) X(FETCH) X(QUEUED) X(PARSE) X(COMMIT)
enum visit_state {
#define X(s) VISIT_##s,
	VISIT_STATES(X)
#undef X
	    VISIT_STATE_MAX
};

enum { VISIT_DEATHS_MAX = 3 };
enum { CRAWL_SLOW_MAX = 512 }; /* requests, up to which slow ones do not count */
/* With all that may be slow, and those of all files, below 1,024 descriptors. */
enum { CRAWL_CONNECTIONS_KEPT_MAX = CRAWL_SLOW_MAX + 128 };
struct visit_harm {
	struct death deaths[VISIT_DEATHS_MAX];
	struct quarantine_case report; /* deaths_len grows; the rest for the commit */
	struct warc_exchange exchange;
};

struct visit {
	struct list on_crawl;
	struct list on_parse_wait;   /* or on suspects */
	uint64_t target_hash;        /* of a redirected robots.txt: who is asked, */
	struct frontier_guest guest; /* in whose turn */
	struct crawl *crawl;
	enum visit_state state;
	bool robots;         /* of authority_hash, not a URL of the frontier */
	uint8_t robots_hops; /* redirects that were followed for it */
	bool overlooked;     /* not parsed: too many suspects wait */
	bool unparsed;       /* what was asked of the worker, for that or its deaths */
	bool waits_as_suspect;
	struct visit_harm *harm; /* workers died or hung at it; NULL: none */
	uint64_t authority_hash;
	struct urlrec *rec;
	bool asked;              /* a request was made */
	bool sets_cookie;        /* a redirect, the first time: it may lead to itself */
	bool abandoned;          /* its attempt is for the log only */
	struct frontier_gap gap; /* that it had to keep */
	bool is_probe;           /* its host had not answered yet */
	uint64_t in_hand_bytes, large_in_hand_bytes, url_bytes;
	int64_t retry_ms; /* after which it is tried again */
	struct fetch_id fetch_id;
	struct pool_id pool_id;
	struct fetch_result result;
	/* On the loop's clock: its answer came, the worker gave it back, the store thread has
	 * it.  0: not yet. */
	int64_t came_us, parsed_us, sent_us;
	struct buf request;    /* as sent */
	struct buf validators; /* what commit.etag and .last_modified are in */
	struct saved_page was; /* rec->known; zero: it was never asked */
	char ip[ADDR_TEXT_MAX];
	char warcinfo_id[SINK_ID_MAX]; /* that its records name */
	char *bytes;                   /* the worker's result */
	uint64_t result_bytes; /* of memory, that and what the store thread makes of it */
	uint64_t task_bytes;   /* that a worker may take for it */
	struct found found;
	struct commit commit;
};

enum { CRAWL_DRAWN = 32 }; /* 256 bytes: as many as getrandom(2) always gives at once */

enum crawl_phase { CRAWL_RUNNING, CRAWL_STOPPING, CRAWL_CLOSING, CRAWL_ENDED };

/* What a line of the log is about: this crawl, and a URL or {0}. */
#define CRAWL_ABOUT(c, of)                                                               \
	(&(struct log_about){(c)->conf.job->name, (c)->conf.run, (of), (c)->conf.dir})

struct crawl {
	struct list on_engine;
	struct engine *engine;
	struct loop *loop;
	struct crawl_conf conf;
	const struct options *o;
	struct frontier *frontier;
	struct committer *committer;
	struct fetcher *fetcher;
	struct jar *jar;
	struct credentials credentials;
	struct select *fields; /* of pages; NULL: none */
	atomic_bool
	    hurry; /* it is to stop: nobody is waited for long; read by the store thread */
	struct exec_conf exec;
	struct storage storage; /* of --sink s3; empty without it */
	uint32_t context;
	uint64_t hash_seed;
	const struct order *order;
	struct scope_rules *rules; /* as the workers have them */
	bool judge_anew;           /* what waits, by these */
	int64_t more_us; /* what was asked last before that is asked without conditions */
	int64_t
	    agent_us; /* what is kept of robots.txt from before is another agent's; 0: nothing */
	struct trap_gates gates;   /* what waits and is in a trap */
	uint64_t random;     /* state of the repeatable generator; 0: ask the system */
	uint64_t drawn[CRAWL_DRAWN]; /* what it gave, so that not each number is a call */
	uint32_t drawn_left;
	bool goes_on;        /* with what an earlier run left */
	bool went_on;        /* ... in its round */
	struct buf settings; /* of the scope, until the workers have been told */
	size_t roots; /* where seeds were redirected to that was not in scope, so far */
	bool roots_full;             /* there are too many, and it was said */
	struct umap own_authorities; /* of seeds, to one of ... */
	struct umap homes;           /* host name -> struct fetch_home, owned */
	struct retry_budgets *retries;
	char warcinfo_id[SINK_ID_MAX];

	enum crawl_phase phase;
	enum crawl_end end;
	struct why why;
	struct list visits, parse_wait;
	struct list suspects;  /* wait for `suspect` */
	struct visit *suspect; /* the one that may kill or hang, of which one at a time
				  is with a worker */
	uint32_t suspects_len;
	uint64_t suspects_bytes;
	struct umap harmful_hosts; /* number of workers that their documents cost */
	struct list naming;        /* whose address is asked for */
	uint32_t namings;
	uint64_t moves, moves_seen; /* something began or was answered; watchdog.c */
	uint32_t alarms_in_vain;
	bool was_idle;
	struct timer watchdog;
	int64_t waits_told_ms; /* when the store was told last how long hosts waited */
	uint32_t unarchived;   /* pages in a row that no worker could archive */
	uint32_t in_state[VISIT_STATE_MAX];
	uint32_t commits; /* sent and not replied, without visits' */
	uint32_t refills, raises; /* of these */
	uint64_t disk_bytes;
	uint64_t in_hand_bytes;       /* received and not with the store yet */
	uint64_t large_in_hand_bytes; /* of these, those of large answers */
	uint64_t in_hand_url_bytes; /* of visits: their URLs, and whose links they were */
	bool time_is_up;
	uint64_t result_bytes; /* of all visits */
	uint64_t tasks_bytes;  /* of all visits */
	int64_t asked_ms; /* until then an earlier run may have asked any host; 0: none */
	struct later pump;
	struct timer due, grace, budget_time;
	struct commit seeds, closing;
	size_t seeds_sent;
	struct limiter rate, bandwidth;
	enum wait_cause held;
	uint32_t slow; /* of its requests; others' do not give it room */
	bool hungry;          /* a limit of all crawls holds it: others stand back */
	uint64_t served;      /* number of its last turn, among those of all crawls */
	int64_t arena_again_ms; /* when the last that had no room is asked for again */

	struct crawl_stats stats; /* its wait_ms are those of the runs before this one */
	int64_t began_ms;
	int64_t earlier_ms;         /* of the runs before this one */
	struct saved_round round;   /* that this run belongs to, as it began */
	struct seed_end *seed_ends; /* by seed */
	struct umap chain; /* where they lead to and nothing came of it: by url_hash */
	struct {
		unsigned mask;
		crawl_event_fn *fn;
		void *ctx;
	} subscribers[CRAWL_SUBSCRIBERS_MAX];
	size_t subscribers_len;
};

/* engine.c */
void engine_size_connections(struct engine *e); /* once a second it does something */
/* crawl.c */
void crawl_pump(struct crawl *c); /* in the next turn */
void crawl_fail(struct crawl *c, enum crawl_end end, const char *text);
void crawl_visit_ended(struct crawl *c);
uint64_t crawl_random(struct crawl *c);
void crawl_on_reply(void *ctx, struct commit *m);
void crawl_on_room(void *ctx);
void crawl_save_name(struct crawl *c, struct slice host, const struct dns_answer *a);
int crawl_save_host(struct crawl *c, uint64_t authority_hash);
int crawl_host_state(struct crawl *c, uint64_t authority_hash, struct buf *out);
void crawl_sum_waits(struct crawl *c, struct commit *m);
/* With nothing else; where it cannot be sent it is another time. */
void crawl_save_waits(struct crawl *c);
enum wait_cause crawl_held_by(struct crawl *c, int64_t *ret_wait_ms);
/* crawl_raise.c: what a page gives to URLs that wait; before its new ones are added. */
int crawl_raise(struct crawl *c, const struct commit *m);
/* engine_share.c */
/* Whether, and how long, what all crawls together may keeps c from one more request. */
enum wait_cause engine_holds(struct crawl *c, int64_t *ret_wait_ms);
void engine_served(struct crawl *c); /* it begins one */
uint64_t engine_bandwidth_share(const struct engine *e);
/* watchdog.c */
void watchdog_look(void *crawl); /* again and again from now on */
/* crawl_open.c */
int crawl_open_parts(struct crawl *c, struct why *why);
/* Patterns take a 32nd of the memory, and 16 MiB at most. */
enum warc_coding crawl_warc_coding(const struct options *o);
void crawl_recrawl_conf(const struct options *o, struct recrawl_conf *ret);
enum parse_copy crawl_copy(const struct options *o);
/* What workers may leave out; nothing where somebody wants to hear of links to what is
 * known already. */
void crawl_known(const struct crawl *c, struct known *ret);
void crawl_traps_conf(const struct options *o, struct traps_conf *ret);
/* What of the politeness the options decide. */
void crawl_frontier_conf(const struct options *o, struct frontier_conf *ret);
/* crawl_seeds.c */
struct seed_end {
	enum outcome outcome;
	int status;
	char *detail;  /* NULL: nothing was said */
	uint64_t next; /* where it was redirected to, in `chain` or not; 0: nowhere */
	size_t seed;   /* which seed that is, from 1 on; 0: it is none */
};
/* When it is known under which seed URLs are hashed; before the committer. */
int seeds_open(struct crawl *c, struct store *store, struct why *why);
void seeds_release(struct crawl *c);
int seeds_restore(struct crawl *c); /* what they ended with in earlier runs */
/* To the store thread, some at a time: the next ones when those before were taken.  Until
 * it has them all nothing is asked, so that none is found as a mere link first. */
int seeds_send(struct crawl *c);
bool seeds_are_sent(const struct crawl *c);
void seed_ended(struct crawl *c, const struct visit *v);
/* Where a seed was redirected to is in scope from now on. */
int seeds_widen(struct crawl *c, struct slice url);
/* crawl_cookies.c */
/* Those of the file, and those that earlier runs left. */
int crawl_open_jar(struct crawl *c, struct store *store, struct why *why);
/* What the site of a URL has set since the last time goes along. */
void crawl_save_cookies(struct crawl *c, const struct urlrec *rec, struct commit *m);
/* memory.c */
struct crawl_memory {
	uint64_t arena_bytes, store_bytes, seen_bytes, frontier_bytes;
	uint64_t arena_lent_bytes; /* of the arena, that the store has from the start */
	uint64_t seen_more_bytes;  /* ... and that what was seen may have, too */
	uint64_t
	    body_bytes; /* received and not with the store yet: more is not asked for */
	uint64_t result_bytes; /* of parsed pages: more is not parsed */
	uint64_t body_bytes_max, decoded_bytes_max; /* of one answer */
	uint64_t copy_bytes_max; /* of what is made of one for the mirror */
	uint64_t notes_bytes_max;                   /* on one answer, in a worker */
	uint64_t tasks_bytes; /* that tasks may take in workers, all together */
	uint64_t sqlite_bytes; /* of --sink sqlite */
};
struct crawl_memory crawl_memory(const struct options *o);
uint32_t crawl_name_ms(const struct options *o); /* dns_start()'s max_ms */
/* visit.c */
int visit_start(struct crawl *c, struct frontier_turn *turn);
void visit_refuse(struct crawl *c, struct frontier_turn *turn);
void visit_drop(struct visit *v); /* stays queued in the store */
void visit_abandon(struct visit *v);
void visit_committed(struct visit *v);
void visit_uncommitted(struct visit *v); /* the store failed: as if dropped */
struct visit *visit_new(struct crawl *c, struct urlrec *rec);
void visit_free(struct visit *v);
void visit_to(struct visit *v, enum visit_state state);
int visit_fetch(struct visit *v);
struct fetch_home *crawl_home_of(const struct crawl *c, const struct urlrec *rec);
void visit_commit(struct visit *v, enum outcome outcome);
bool visit_bounce(struct visit *v); /* instead, if it is to be asked once more */
/* URLREC_CHECK: what is asked; and whether it is asked once more, with GET. */
void visit_check_limits(const struct visit *v, struct fetch_request *req);
bool visit_check_again(struct visit *v);
bool visit_check_is_deferred(const struct visit *v); /* and not to be tried again */
/* visit_parse.c */
void visit_parse(struct visit *v); /* v may be gone */
void visits_parse_waiting(struct crawl *c);
void visit_unsuspect(struct visit *v);
void visit_tell_harm(const struct visit *v);
/* naming.c */
int naming_start(struct crawl *c, const struct frontier_turn *turn); /* FRONTIER_NAME */
void namings_drop(struct crawl *c);
uint64_t naming_key(const struct addr *a); /* of frontier_name() */
/* visit_robots.c */
void visit_robots_fetched(struct visit *v);
void visit_robots_ended(struct visit *v);
void visit_robots_again(struct visit *v); /* it is our fault that it did not come */
void visit_robots_limits(struct fetch_request *req);
int visit_robots_turn(const struct frontier_turn *turn); /* GUEST */
/* accounting.c */
void account_end(struct crawl *c, const struct visit *v);
void crawl_tell(struct crawl *c, const struct crawl_event *e);
void crawl_tell_fetch(const struct visit *v);
void crawl_tell_name(struct crawl *c, const struct dns_answer *a);
#endif
