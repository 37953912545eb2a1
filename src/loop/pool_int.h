/*
 * loop/pool_int.h -- what the files of the pool share; for nobody else.
 *
 *   pool -> tasks[queue_max]   slots: free, waiting in `queue`, or at a worker
 *        -> contexts           settings by context
 *        -> peers[workers]     a place for a worker process each  (pool_peer.c, _talk.c)
 *           or inl             the same operations on a virtual loop  (pool_inline.c)
 *        -> manys              pool_map(), pool_imap()                (pool_many.c)
 *
 * A task's way: queue -> peer.outbox (assigned) -> peer.line (sent) -> done.  The first
 * of line + outbox is the one its worker is at, or will be as soon as it looks: its
 * deadline runs, and it is the one that a crash costs.  That one is peer.victim until the
 * nursery has told how the worker died.
 *
 * A task that is to be alone waits in its own queue.  One worker at a time is `alone_at`:
 * it gets nothing any more, and when its line is empty that task.
 */
#ifndef LOOP_POOL_INT_H
#define LOOP_POOL_INT_H
#include "base/map.h"
#include "loop/nursery.h"
#include "loop/pool.h"
#include "loop/pool_wire.h"

enum task_state { TASK_FREE, TASK_QUEUED, TASK_ASSIGNED, TASK_SENT };

struct task {
	struct list on; /* tasks_free, queue, outbox or line */
	enum task_state state;
	bool begun;     /* assigned, and the worker has seen something of it */
	bool cancelled; /* while at a worker: its slot is kept until that one is done */
	bool alone;
	uint32_t slot, gen;
	uint32_t context, timeout_ms;
	uint64_t owner;
	uint32_t seq; /* sent: its number at the worker */
	uint32_t head_bytes;
	char *head;
	struct slice body;
	pool_done_fn *done;
	void *ctx;
};

/* What a worker has of a context's settings. */
struct pool_had {
	uint64_t version; /* 0: nothing */
	uint32_t bytes;   /* from the beginning */
};

struct pool_context {
	struct list on_forgotten; /* until no worker has them any more */
	uint32_t id;
	bool forgotten, broken; /* broken: inline, ops->configure() refused them */
	uint32_t settings_bytes, settings_cap;
	char *settings;
	uint64_t version;       /* of pool_configure(), by the pool's count, never 0 */
	struct pool_had have[]; /* by worker */
};

#define PEER_STATES(X)                                                                   \
	X(DOWN)     /* no process; `timer` starts one */                                 \
	X(STARTING) /* until the nursery and the worker have spoken */                   \
	X(READY)    /* takes tasks; `timer` is the deadline of the first */              \
	X(LEAVING)  /* had its number of tasks and was told to go */                     \
	X(DYING)    /* killed or seen dead, not yet reaped by the nursery */
#define PEER_STATE_ENUM(s) PEER_##s,
enum peer_state { PEER_STATES(PEER_STATE_ENUM) PEER_STATE_MAX };

/* The loop's side of one worker. */
struct peer {
	struct pool *pool;
	uint32_t index;
	uint32_t life; /* counts processes in this place */
	enum peer_state state;
	bool said_hello;
	bool filling; /* takes tasks in this round */
	bool sync;    /* there are contexts to forget */
	bool breach;  /* it is killed for what it said */
	struct task *victim;
	int pid;      /* 0: not told yet */
	int fd, fd_results;
	struct io *io;
	struct region_head *region;
	struct list line, outbox;
	uint32_t line_len; /* of both */
	uint32_t seq_next;
	uint32_t looks;            /* LOOKs in this life */
	uint32_t given, ended;     /* tasks in this life */
	int64_t began_us;          /* the first of the line */
	int64_t busy_us;           /* with those that have ended */
	uint64_t settings_version; /* of those under way in pieces; 0: none are */
	uint32_t settings_from, settings_at, settings_end;
	uint32_t delay_ms; /* before the next start */
	struct timer timer;
	int64_t timeout_us, deadline_us;
	int64_t
	    looked_us;  /* when it was looked at how it runs, in this task; 0: not yet */
	int64_t ran_us; /* of processors, in its life, by then; -1: not known */
};

struct inline_worker {
	void *state;
	bool has_run; /* of whom */
	uint32_t context;
	uint64_t owner;
	struct buf out;
};

struct pool {
	struct loop *loop;
	struct pool_conf conf;
	bool is_inline, was_full;
	bool lost;              /* the nursery is gone, or no worker can be started */
	uint32_t starts_failed; /* in a row */
	struct task *tasks;
	uint32_t tasks_held; /* not free */
	uint32_t queue_len, alone_len;
	struct list tasks_free, queue, alone;
	struct peer *alone_at; /* the worker that is kept for one of `alone`, or has it */
	struct task *alone_task; /* assigned to that one */
	struct pool_death death; /* of the task that is ending */
	struct umap contexts;
	struct list forgotten;
	uint64_t version_last;
	struct later turn, room;
	loop_fn *on_room;
	void *on_room_ctx;
	struct list manys, manys_waiting;
	struct pool_stats stats; /* the counters only */
	struct why trouble;
	int trouble_code;
	/* Either */
	struct inline_worker inl;
	/* or */
	int ctl;
	struct io *ctl_io;
	struct peer *peers;
	struct buf result; /* a copy of the one that is being delivered */
	char *packet;      /* being put together */
};

/* ---- pool.c ---- */
/* Frees its slot, then calls `done` (unless cancelled). */
void task_end(struct pool *p, struct task *t, enum pool_end end, struct slice result);
/* To the front of the queue, to be begun by another worker. */
void task_again(struct pool *p, struct task *t);
/* The first of the queue, off it. */
struct task *task_take(struct pool *p);
struct task *task_take_like(struct pool *p, const struct task *t);
struct task *task_take_alone(struct pool *p);
/* NULL: it has no settings. */
struct pool_context *context_get(const struct pool *p, uint32_t id);
/* Worker `index` has all of them. */
static inline bool
context_is_had(const struct pool_context *c, uint32_t index)
{
	return c->have[index].version == c->version &&
	       c->have[index].bytes == c->settings_bytes;
}
/* Where those begin that it has not; 0: all, and it is to forget others. */
static inline uint32_t
context_news_at(const struct pool *p, const struct pool_context *c, uint32_t index)
{
	return p->conf.ops->extend != NULL && c->have[index].version == c->version
		   ? c->have[index].bytes
		   : 0;
}
/* Frees what is forgotten everywhere. */
void contexts_sweep(struct pool *p);
/* Worker `index` is a new one and has nothing. */
void contexts_reset(struct pool *p, uint32_t index);
__attribute__((format(printf, 3, 4))) void trouble_set(
    struct pool *p, int code, const char *fmt, ...);
/* The nursery is gone: every task ends as cancelled, none is taken any more. */
void pool_lose(struct pool *p);

/* ---- pool_peer.c ---- */
int peers_start(struct pool *p, struct why *why);
void peers_stop(struct pool *p);
void peers_turn(struct pool *p); /* from the queue to the workers */
void peers_check(const struct pool *p);

static inline struct task *
task_of(struct list *n)
{
	return container_of(n, struct task, on);
}
void peer_arm(struct peer *w);      /* the deadline of the first */
void peer_ready_if(struct peer *w); /* both have spoken */
/* Dead already or to be killed: `end` is that of the first, the others are run again. */
void peer_die(struct peer *w, enum pool_end end);
void peer_gone(struct peer *w);

/* ---- pool_talk.c ---- */
void peer_notes(struct peer *w);
void peer_read(struct peer *w);  /* all that it has said; it may be dying afterwards */
void peer_flush(struct peer *w); /* its outbox; likewise */

/* ---- pool_inline.c ---- */
int inline_start(struct pool *p, struct why *why);
void inline_stop(struct pool *p);
void inline_turn(struct pool *p);

/* ---- pool_many.c ---- */
void manys_room(struct pool *p);
void manys_forget(struct pool *p);
#endif
