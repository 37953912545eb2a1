/*
 * crawl/committer.h -- the store thread: what is known, what waits, what is archived.
 *
 *   engine --commit--> [thread] seen? -> queue -> sinks -> batch --reply--> engine
 *
 * The one place that writes to disk.  Work is acknowledged once it is in the batch; the
 * batch and the sinks become durable together at a group commit, about once a second or
 * every 32 MiB: (1) sinks to disk, (2) one synced batch with the sinks' marks and the
 * sums.  What a crash takes away was not committed, and is queued still.
 *
 * Owns:    a commit between committer_send() and its reply; what it points to must live
 *          as long.  Replies come in the order of sending, but for COMMIT_REFILL, whose
 *          answer shows all that was handled before it.
 * Errors:  a reply's `err` is fatal for the run (disk): nothing later is accepted.
 *          -ENOSPC: the disk is full, or nearly; all files end with the last commit.
 * Threads: created and sent to from the loop; works on its own.
 */
#ifndef CRAWL_COMMITTER_H
#define CRAWL_COMMITTER_H
#include "base/why.h"
#include "crawl/quarantine.h"
#include "crawl/saved.h"
#include "crawl/task.h"
#include "crawl/totals.h"
#include "crawl/traps.h"
#include "frontier/frontier.h"
#include "frontier/known.h"
#include "loop/actor.h"
#include "sink/sink.h"

struct committer;

enum commit_kind {
	COMMIT_LINKS,   /* URLs were discovered without a page: seeds */
	COMMIT_DONE,    /* a URL has its outcome; its links were discovered */
	COMMIT_ATTEMPT, /* a try failed and will be repeated: crawl.log, and `rec` anew */
	COMMIT_RAISE,   /* URLs that wait go before others from now on */
	COMMIT_HOST,    /* the state of a host, and its robots.txt rules */
	COMMIT_NAME,    /* a name was asked for: the archive */
	COMMIT_WAITS,   /* nothing but how long hosts waited, and the time */
	COMMIT_REFILL,  /* more of an authority's queue, please */
	COMMIT_CLOSE,   /* last commit; sinks are closed */
};

enum { COMMIT_REFILL_MAX = 4096, COMMIT_GONE_MAX = 4 };

struct commit {
	struct mail mail;
	enum commit_kind kind;
	void *owner;
	bool finished;           /* CLOSE: the crawl is over */
	uint8_t end;             /* CLOSE: how, enum crawl_end */
	const char *end_why;     /* CLOSE: what is said of it; borrowed, NULL: nothing */
	bool asked;              /* DONE, ATTEMPT: a request was made for it */
	struct urlrec *rec;      /* DONE: whose outcome; the parent of the links */
	struct sink_event event; /* DONE, ATTEMPT, NAME */
	struct slice etag, last_modified; /* DONE: as its server called it; empty: not */
	uint64_t record_id[2];            /* DONE: of its response, warc_id() */
	uint64_t shape;                   /* DONE: of the page's text; as in task.h */
	struct found_link *links;
	uint32_t links_len, links_done;
	uint32_t links_known;             /* and were left out by the worker */
	struct commit_counts counted;     /* of these links, already in the sums */
	struct frontier_want want;        /* REFILL */
	bool has_waits;                   /* DONE, ATTEMPT, CLOSE */
	uint64_t wait_ms[WAIT_CAUSE_MAX]; /* of this run so far */
	uint64_t authority_hash;          /* whose state `host` is */
	struct buf host;                  /* frontier_host_save(); may be empty */
	struct buf cookies;               /* of a site, jar_site_save(); may be empty */
	uint64_t cookies_site;            /* the hash of its name */
	uint64_t cookies_gone[COMMIT_GONE_MAX]; /* of sites that have none any more */
	uint32_t cookies_gone_len;
	struct buf raised; /* RAISE: commit_raised() */
	struct buf rules; /* HOST: to be stored; NAME: texts of the event; REFILL: the
				      reply */
	/* DONE: it killed or hung its parsers; and no worker could even archive it, so
	 * that its records are to be made of the bytes here.  NULL: no. */
	const struct quarantine_case *harm;
	const struct warc_exchange *exchange;
	char digest[48];                   /* reply: of that */
	char kept_as[QUARANTINE_NAME_MAX]; /* reply: in the quarantine; "": there is no
					      room */
	uint64_t disk_bytes; /* reply: taken by the crawl's directory, about */

	/* The reply. */
	int err;
	struct why why;
	struct commit_counts counts;
	struct urlrec *fresh; /* what waits from now on; borrows from links, rec, texts */
	uint32_t fresh_len;
	bool more;             /* REFILL: there are others behind these */
	struct urlrec **moved; /* owned; some of `fresh` borrow from them */
	uint32_t moved_len;
	struct trap_closed *closed; /* patterns of which nothing more is wanted */
	uint32_t closed_len;
	struct buf texts; /* hop paths, refilled records; buf_init by commit_init() */
	char warcinfo_id
	    [SINK_ID_MAX]; /* of the archive file that is open now; "" without one */
};

/* One more for COMMIT_RAISE: as it is from now on, and the key that it had. */
int commit_raised(struct commit *c, const struct urlrec *rec, uint64_t old_key);

void commit_init(struct commit *c, enum commit_kind kind, void *owner);
void commit_release(struct commit *c);

struct committer_conf {
	struct loop *loop;
	struct store *store;      /* passes to the committer, also when that fails */
	struct saved saved;       /* as the store has it, or of a new crawl */
	const char *dir;          /* of the crawl; NULL: none (simulation) */
	bool durable;             /* the store is on the disk, in DIR/state */
	const char *const *sinks; /* names; the logs are added */
	size_t sinks_len;
	struct sink_conf sink;
	bool checks;             /* --check-links: their sink is added, too */
	struct slice known_good; /* as in crawl_conf; not kept */
	bool revisits; /* what is archived already is not archived again */
	bool wacz;     /* the archive will be packed into one more file */
	const struct order *order;
	struct slice scope_settings; /* to name the rule of a rejection */
	struct traps_conf traps;     /* but for the hash seed */
	uint64_t traps_hash;         /* of all options that decide what is cut */
	struct recrawl_conf recrawl; /* what is due when a round begins */
	bool recrawl_expected;       /* there will be one, by the options */
	int64_t commit_ms;           /* 1000 */
	uint64_t commit_bytes;       /* 32 MiB */
	uint64_t seen_bytes;         /* of memory, for what was seen */
	uint64_t seen_more_bytes;    /* that the arena may lend for that */
	struct shm *arena;           /* NULL: it lends none */
	struct known known;          /* where workers look; NULL in it: nowhere */
	uint64_t disk_bytes_max;     /* commit.disk_bytes is for this; 0: for nothing */
	uint32_t mails_max;
	void *ctx;
	void (*on_reply)(void *ctx, struct commit *c);
	void (*on_room)(void *ctx);
};

int committer_new(
    const struct committer_conf *conf, struct committer **ret, struct why *why);
/* After the reply to COMMIT_CLOSE, or to drop everything since the last commit. */
void committer_free(struct committer *c);
/* -EAGAIN: the mailbox is full; on_room tells. */
int committer_send(struct committer *c, struct commit *m);
/*
 * Before anything is sent: each host that has something waiting, or a reason why it must
 * not be asked yet; `state` as it was saved, or empty.  Stops at fn's first error.
 */
typedef int committer_host_fn(
    void *ctx, uint64_t authority_hash, struct slice state, uint64_t queued);
int committer_hosts(
    struct committer *c, int64_t wall_ms, committer_host_fn *fn, void *ctx);
/* The sums of the last commit; after the reply to COMMIT_CLOSE. */
void committer_committed(const struct committer *c, struct crawl_totals *ret);
/* Before anything is sent: what became of a URL; -ENOENT: it was never seen, or waits
 * and is neither a seed nor where a redirect leads. */
int committer_seen(
    struct committer *c, uint64_t authority_hash, uint64_t url_hash, enum outcome *ret);
/* The same of what seeds ended with. */
int committer_seeds(struct committer *c, saved_seed_fn *fn, void *ctx);
/* Before anything is sent, and after the reply to COMMIT_CLOSE. */
const struct traps *committer_traps(const struct committer *c);
/* After the reply to COMMIT_CLOSE, until committer_free(): to be read from. */
struct store *committer_store(const struct committer *c);
uint32_t committer_waiting(const struct committer *c);
/* Group commits so far, and what they took, all together. */
void committer_commits(const struct committer *c, uint64_t *ret_n, uint64_t *ret_us);
#endif
