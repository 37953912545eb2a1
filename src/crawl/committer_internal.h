/*
 * crawl/committer_internal.h -- what the files of the committer share.
 *
 *   committer.c         mails in and out, opening and closing
 *   committer_links.c   what a mail means: seen? queue, sinks, sums; all into the batch
 *   committer_recrawl.c which pages wait again, and what has become of them
 *   committer_due.c     when which page is due
 *   committer_moved.c   where seeds were redirected to, and what that admits
 *   committer_traps.c   what links and pages mean for the traps
 *   committer_revisit.c what the archive holds already
 *   committer_group.c   the group commit, and what is read back: refills, hosts
 */
#ifndef CRAWL_COMMITTER_INTERNAL_H
#define CRAWL_COMMITTER_INTERNAL_H
#include "base/arena.h"
#include "base/map.h"
#include "crawl/committer.h"
#include "crawl/scope.h"
#include "frontier/hostcount.h"
#include "frontier/seen.h"

enum {
	SINKS_MAX = 17,
	KNOWN_GOOD_MAX = 1000000,
	LINGER_US = 1000,       /* a group of pages, not each page, wakes the thread */
	LOOK_BYTES = 512 << 10, /* written between looks at the disk, at most */
	COMMIT_BYTES_MIN = 64 << 10, /* however small the disk is */
	COMMIT_BYTES_FREE =
	    32 << 20,          /* a disk with room for that leaves it to --commit-size */
	BATCH_BYTES = 4 << 20, /* enough for a commit: some 20,000 new URLs */
	BATCH_BYTES_MAX = 256 << 20, /* what one mail may add to that */
	OTHER_FILES =
	    5, /* beside the sinks': the store's log, seen.log, index, reports */
	REPORT_BYTES = 48 << 10, /* with tables that are empty */
	REPORT_LINE_BYTES = 512, /* in all of them, with URLs that are short */
	REPORT_URLS = 3,         /* times that each URL of a line is in them */
	REPORT_TOP_LINES = 100,  /* of what was slowest and largest */
	REPORT_LINES_MAX = 1000, /* as observe/ has it */
};

/* A URL as the traps want it. */
struct trap_subject {
	struct url url; /* its text is of the commit */
	struct url_pattern pattern;
	struct trap_link link;
};

/* A URL that has its outcome, and what was known of it. */
struct recrawl_page {
	bool noted;    /* for the next round */
	bool archived; /* there is a record */
	enum page_change change;
	struct saved_page was; /* zero: it was never asked */
	char digest[64];       /* of what is there now */
	size_t digest_len;
};

enum due_state {
	DUE_NONE,
	DUE_BUILDING, /* those of pages that were read so far */
	DUE_KEPT,     /* of all that were asked and do not wait */
};

struct committer {
	struct committer_conf conf;
	struct actor *actor;
	struct store *store;
	struct store_batch *batch;
	struct seen *seen;
	struct hostcount counts;
	struct quarantine quarantine;
	struct warc_packer *packer; /* NULL until a worker has failed to pack */
	struct buf packed;
	struct scope_rules *rules;
	char state_dir[PATH_MAX]; /* where the store is, if it is on the disk */
	struct sink *sinks[SINKS_MAX];
	size_t sinks_len;
	struct saved saved; /* with everything that was handled */
	struct saved_run run;         /* this one */
	uint64_t pages0, wire0_bytes; /* of the runs before */
	struct {
		struct saved saved;
		struct saved_run run;
	} committed;                        /* these, as the store has them */
	uint64_t waits0_ms[WAIT_CAUSE_MAX]; /* of the runs before this one */
	int64_t elapsed0_ms;                /* and their time ... */
	int64_t began_ms;     /* ... which began then, monotonic */
	int64_t commit_at_ms; /* when what is dirty becomes durable; 0: nothing is */
	int64_t committed_ms; /* when that was done last */
	int64_t lows_us;      /* what it took to see where queues begin, in all */
	_Atomic uint64_t commits,
	    commit_us;        /* done, and the time it took; for any thread */
	uint64_t dirty_bytes; /* handed to the sinks since the last commit */
	uint64_t looked_bytes; /* of these, when the disk was looked at */
	uint64_t look_bytes;   /* written between looks at the disk */
	struct list refills;  /* mails that wait for the next commit */
	int64_t measure_at_ms; /* disk_bytes, again */
	uint64_t disk_bytes;   /* taken by the directory, about */
	uint64_t measured_bytes; /* committer_disk_taken() when it was measured last */
	uint64_t wacz_bytes;     /* of the archive packed, about; 0: it will not be */
	uint64_t long_bytes;     /* of the reports: what long URLs make more of them */
	uint32_t long_lines, top_lines; /* counted for that */
	int err;              /* sticks: nothing is accepted after it */
	bool in_doubt; /* the last batch failed: a resume may find it applied or not */
	struct why why;
	struct buf scratch;
	struct {
		uint32_t seeds_open; /* seeds without outcome, and where they lead */
		uint32_t grace;  /* pages whose workers may not know the last place yet */
		bool changed;    /* what is kept is to be judged anew */
		struct umap far; /* url_hash -> struct urlrec, owned */
		int err;
		int64_t judged_ms;
	} moved;
	struct recrawl_page again; /* of the mail that is handled */
	struct {
		enum due_state state;
		uint64_t by; /* hash of the options that decide; 0: none are kept */
	} due;
	struct {
		char id[WARC_ID_MAX]; /* of what its revisit record refers to, */
		size_t id_len;        /* 0: it is none, or the worker made it */
		int64_t wall_us;
		struct buf uri;
	} original;
	struct {
		struct map by_key;  /* in the store -> struct slice, the value there */
		struct arena arena; /* of all of these */
	} payloads; /* noted in the batch, where the store does not find them yet */
	struct umap known_good; /* url_hash -> anything */
	struct traps *traps;
	bool has_traps;      /* any of their rules is in force */
	bool has_page;       /* `page` is the one whose mail is handled */
	bool news;           /* it had a link to what nobody knew, of another pattern */
	struct trap_subject page, subject;
};

int64_t committer_now_ms(const struct committer *c);
int64_t committer_wall_us(const struct committer *c);
/* By the crawl's directory, about, when all that is here is written and the run has ended. */
uint64_t committer_disk_taken(const struct committer *c);
/* What came of a URL, which the reports will tell. */
void committer_expect_report(struct committer *c, const struct sink_event *e);
/* With c->err. */
void committer_reply(struct committer *c, struct commit *m);

/* committer_links.c */
int commit_links(struct committer *c, struct commit *m);
int commit_done(struct committer *c, struct commit *m);
int commit_attempt(struct committer *c, struct commit *m);
/* Of what is archived already, a revisit record; its bytes are c->packed. */
int revisit_known(struct committer *c, struct sink_event *e);
void revisit_init(struct committer *c);
void revisit_release(struct committer *c);
/* The store knows all that was noted. */
void revisit_committed(struct committer *c);
int commit_name(struct committer *c, struct commit *m);
int commit_host(struct committer *c, struct commit *m);
int commit_raise(struct committer *c, const struct commit *m);
/* One that was cut as a trap waits again. */
int commit_requeue(struct committer *c, struct urlrec *rec);

/* Into the queue, and the table of what was seen. */
int commit_wait(struct committer *c, struct urlrec *rec);

/* committer_recrawl.c */
/* What is due waits again, if a round begins. */
int committer_recrawl_open(struct committer *c);
/* Before the sinks: how it has changed.  Afterwards: what to know of it the next time. */
int committer_recrawl_judge(struct committer *c, struct commit *m);
int committer_recrawl_note(struct committer *c, const struct commit *m);

/* committer_due.c */
/* Before a round is opened. */
int committer_due_open(struct committer *c);
/* A page that does not wait: when it is due. */
int committer_due_put(
    struct committer *c, const struct urlrec *rec, const struct saved_page *page);
/* All pages were read. */
int committer_due_built(struct committer *c);
struct due_scan {
	struct buf keys;
	char last[32];
	uint8_t last_len;
	uint32_t n, until_s; /* found by the last call */
	int err;
};
void due_scan_init(struct due_scan *s, uint32_t until_s);
void due_scan_release(struct due_scan *s);
/* The next ones that are due, which lose their places. */
typedef int committer_due_fn(void *ctx, uint64_t authority_hash, uint64_t url_hash);
int committer_due_some(
    struct committer *c, struct due_scan *s, committer_due_fn *fn, void *ctx);

/* committer_moved.c */
int committer_moved_open(struct committer *c);
void committer_moved_release(struct committer *c);
/* One of the job's seeds that an earlier run knew. */
int committer_moved_seed(struct committer *c, const struct found_link *l);
/* A place was added to the scope. */
void committer_moved_to(struct committer *c);
/* Whether what is out of scope is to be kept. */
bool committer_moved_wants(const struct committer *c, const struct commit *m);
int committer_moved_keep(struct committer *c, const struct urlrec *rec);
/* A seed, or where one leads, has its outcome. */
int committer_moved_settled(struct committer *c);
/* Is it in scope by what is known here?  Then *ret is as it should have come. */
bool committer_moved_admits(const struct committer *c, const struct commit *m,
    const struct found_link *l, struct found_link *ret);
/* What was kept, if a place was added: it goes with the reply. */
int committer_moved_judge(struct committer *c, struct commit *m);

/* committer_traps.c */
int committer_traps_open(struct committer *c);
/* The URL of a mail has its outcome, or is the parent of its links. */
int committer_traps_page(struct committer *c, struct commit *m);
/* The page's own path has had its share: links to it are to be judged last. */
bool committer_traps_short(struct committer *c);
bool committer_traps_own_path(const struct committer *c, const struct found_link *l);
/* A link that is new and wanted. */
int committer_traps_link(
    struct committer *c, const struct found_link *l, struct trap_cut *ret);
/* What its links were so far counts. */
void committer_traps_news(struct committer *c);
/* It was cut: kept, so that other options may bring it back. */
int committer_traps_park(
    struct committer *c, const struct urlrec *rec, const struct trap_cut *cut);
/* What was cut under other options is judged anew. */
int committer_traps_reconsider(struct committer *c);
/* Patterns that were closed go with the reply. */
int committer_traps_tell(struct committer *c, struct commit *m);

/* committer_group.c */
int group_commit(struct committer *c);
/* -ENOSPC: it is nearly full.  Also measures what the crawl takes of it. */
int group_look_at_disk(struct committer *c);
/* Of --max-disk, and has grown since it was measured last. */
bool group_is_near_limit(const struct committer *c);
/* Now, when nothing is in the batch; else with the next commit, which is not far. */
int refill_begin(struct committer *c, struct commit *m);
/* All that wait: after a commit, or with c->err. */
void refills_answer(struct committer *c);
int sinks_open(struct committer *c, struct why *why);
/* What they do elsewhere; to be committed once more.  -EAGAIN: and then called again. */
int sinks_finish(struct committer *c);
int sinks_close(struct committer *c, bool finished);
/* After a failure: every file is cut back to the last commit, unless that is in doubt. */
void sinks_cut_back(struct committer *c);
/* That it failed, and why, where there is a store to say it to. */
void group_failed(struct committer *c, int err);
/* What was seen and how much of each host waits, from the store. */
int committer_load(struct committer *c, struct why *why);
#endif
