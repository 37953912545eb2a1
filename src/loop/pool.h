/*
 * loop/pool.h -- worker processes: tasks in, results out, whatever the tasks do.
 *
 *   loop process --fork early--> nursery --fork--> worker 1..N
 *        |  one SOCK_SEQPACKET socketpair a worker: batches of task heads there, notes of
 *        |  results back; bodies lie in the shm arena (workers read), results in a region
 *        |  of the worker's own (loop reads).
 *
 * The nursery is a small single-threaded process forked before threads, sockets and
 * libraries exist, so that a worker inherits nothing and replacing one costs a fork of
 * it. A worker runs `ops->init` (may still open files), then is jailed (no_new_privs,
 * rlimits, seccomp allow-list; all descriptors but its own closed), then takes tasks. One
 * that cannot be jailed exits, and pool_new() or the replacement fails with the reason.
 *
 * Everything a worker sends is hostile input: ids, lengths and offsets are checked,
 * results are copied before anyone looks at them (the worker could change them between
 * two looks); a worker that breaks the protocol is killed and counts as crashed.
 *
 * A worker that crashes costs the task it was at (POOL_CRASH), one that exceeds the
 * task's deadline likewise (POOL_TIMEOUT, SIGKILL); tasks queued behind it in the same
 * worker are run by another.  The worker is replaced; replacement is slowed (doubling to
 * 1 s) when workers die without finishing a task; when for some seconds none can be
 * started at all (none can be forked or jailed) the pool gives up.
 *
 * Owns:    a task's `head` is copied by pool_apply(); `body` stays the caller's and must
 *          live until `done` (after pool_cancel() it may go at once).  `result` is valid
 *          only within `done`.
 * Errors:  pool_apply(): -EAGAIN at `queue_max`, -EMSGSIZE head too long, -EINVAL body
 *          not in the arena, -ENOMEM, -EPIPE the nursery is gone, or no worker can be
 *          started any more (for ever).
 * Clock:   deadlines in milliseconds from the moment the worker can begin the task: it is
 *          the first of those it was given.  What a worker waits for a processor that others
 *          have does not count, from an eighth of the time on and up to three times the time.
 * Threads: loop thread.  In `done`, `item` and `end` everything may be called but
 *          pool_free().  pool_new() waits for its workers (up to 10 s), pool_free() and
 *          nursery_free() for theirs to be gone (up to 5 s): some milliseconds as a rule.
 *          On a virtual loop there are no processes: `ops` run inline, one task a turn, in
 *          order, without deadlines.
 */
#ifndef LOOP_POOL_H
#define LOOP_POOL_H
#include "base/buf.h"
#include "base/why.h"
#include "loop/loop.h"
#include "loop/shm.h"

struct nursery;
struct pool;

/*
 * Call first thing in main(), before any thread or library, on the thread that ends with
 * the process: nursery and workers are killed when it ends.  They ignore the signals that
 * a terminal sends to all (Ctrl-C is for the caller to act on).  -errno.
 */
int nursery_start(struct nursery **ret, struct why *why);
/* Kills what is left, waits for it.  NULL is fine. */
void nursery_free(struct nursery *n);

struct pool_input {
	uint32_t context;  /* which context the task belongs to */
	struct slice head; /* small: what to do */
	struct slice body; /* in the arena; empty when the task has none */
	struct slice arena;
};

/*
 * Runs in the worker; inline on a virtual loop.  The worker is a fork of the process as
 * it was at nursery_start(): `ops` must be static data, and globals have the values of
 * then. All but `run` may be NULL.
 *
 * `init` is the last that sees the system.  In the jail there are no files (what init
 * opened is closed, so read it or map it), no threads and no memory that can be executed:
 * PCRE2 can compile patterns in `configure`, but its JIT cannot.
 */
struct pool_ops {
	int (*init)(void **ret_state, struct why *why); /* before the jail */
	/* New settings for `context` (a job); empty: forget it.  <0: its tasks end as
	 * POOL_ERROR until there are others; -ENOMEM: another worker tries. */
	int (*configure)(void *state, uint32_t context, struct slice settings);
	/* What pool_extend() appended to the settings that `configure` took.  NULL: it
	 * is given the whole anew. */
	int (*extend)(void *state, uint32_t context, struct slice more);
	/* Appends the result to `out` (its max is result_bytes_max) with the functions of
	 * buf.h, but never releases it; <0: POOL_ERROR. */
	int (*run)(void *state, const struct pool_input *in, struct buf *out);
	/* The next task is another owner's: give back (free, or scrub()) whatever was made
	 * of the last one's. */
	void (*forget)(void *state);
	void (*fini)(void *state); /* not when it is killed */
};

enum pool_end {
	POOL_DONE,      /* result is what ops->run wrote */
	POOL_ERROR,     /* ops->run returned < 0 */
	POOL_CRASH,     /* the worker died at it */
	POOL_TIMEOUT,   /* the worker was killed at its deadline */
	POOL_CANCELLED, /* -EPIPE of pool_apply(); not after pool_cancel() or pool_free() */
};
const char *pool_end_name(enum pool_end e);

#define POOL_WORKERS_MAX 256u

struct pool_conf {
	struct nursery *nursery; /* may be NULL on a virtual loop */
	struct shm *shm;         /* may be NULL: tasks without a body */
	const struct pool_ops *ops;
	uint32_t workers;          /* processes, 1 to POOL_WORKERS_MAX */
	uint32_t queue_max;        /* tasks accepted and not ended */
	uint32_t batch_max;        /* tasks sent ahead to one worker, 1 to 64 */
	uint32_t recycle_tasks;    /* a worker is replaced after so many; 0: never */
	uint32_t head_bytes_max;   /* at most 64 KiB */
	uint64_t result_bytes_max; /* of one task */
	uint64_t
	    worker_memory_bytes; /* of addresses, besides arena and results; 0: any */
	/* CPU time of a worker's life; it is replaced when it has been busy for half of
	 * it, so that the limit only ends one whose deadline nobody kept; 0: any. */
	uint32_t worker_cpu_s;
};

struct pool_task {
	uint32_t context;
	/* Whose it is: when a task of another owner or context comes, nothing of the last
	 * one's is left in the worker: not in its heap, stack and results.  That takes time,
	 * so what an owner has waiting goes to a worker together. */
	uint64_t owner;
	struct slice head;
	struct slice body;   /* a slice of the arena's mapping, or empty */
	uint32_t timeout_ms; /* 0: none */
	/* It may kill its worker, or hang: it has one to itself, so that it costs no other
	 * task its time; one of these at a time, whatever the number of workers. */
	bool alone;
};

/* Of a task; stale ids are ignored, {0} is never one. */
struct pool_id {
	uint32_t slot, gen;
};

typedef void pool_done_fn(void *ctx, enum pool_end end, struct slice result);

int pool_new(
    struct loop *l, const struct pool_conf *conf, struct pool **ret, struct why *why);
/* Kills the workers; tasks not ended are forgotten without a call.  NULL is fine. */
void pool_free(struct pool *p);
/*
 * Settings that every worker, also later ones, gets before the next task of `context`
 * that it is sent.  Copied; at most POOL_SETTINGS_MAX (-EMSGSIZE); empty forgets the
 * context; -ENOMEM, -ENOSPC above 65,536 contexts.
 */
enum { POOL_SETTINGS_MAX = 64 << 20 };
int pool_configure(struct pool *p, uint32_t context, struct slice settings);
/* Appends to them: a worker that has the beginning gets no more than what is new, and that
 * of several calls at once.  -ENOENT: it has none; else as above. */
int pool_extend(struct pool *p, uint32_t context, struct slice more);

int pool_apply(struct pool *p, const struct pool_task *t, pool_done_fn *done, void *ctx,
    struct pool_id *ret);
/* done will not run.  What the worker does with it is thrown away. */
void pool_cancel(struct pool *p, struct pool_id id);

/*
 * Many tasks: `item` gets each result, pool_map() in the order of `tasks`, pool_imap() as
 * they end; `end` (may be NULL) once after the last.  The tasks must live until `end`,
 * and so does *ret.  Only a window of them is in the pool at a time, twice what the
 * workers take ahead; a task that pool_apply() would refuse ends as POOL_ERROR.
 */
struct pool_many;
typedef void pool_item_fn(void *ctx, size_t i, enum pool_end end, struct slice result);
int pool_map(struct pool *p, const struct pool_task *tasks, size_t n, pool_item_fn *item,
    loop_fn *end, void *ctx, struct pool_many **ret);
int pool_imap(struct pool *p, const struct pool_task *tasks, size_t n, pool_item_fn *item,
    loop_fn *end, void *ctx, struct pool_many **ret);
void pool_many_cancel(struct pool_many *m); /* neither item nor end runs any more */

struct pool_stats {
	uint64_t tasks_done, crashes, timeouts, recycled;
	uint32_t queued, running, workers_alive;
};
void pool_stats(const struct pool *p, struct pool_stats *ret);
/* Process ids of the live workers, for tests and `status`; returns how many. */
uint32_t pool_pids(const struct pool *p, int *ret_pids, uint32_t pids_max);
/* A call, deferred, each time that pool_apply() said -EAGAIN and there is room again. */
void pool_on_room(struct pool *p, loop_fn *fn, void *ctx);
/* How the worker died; of the task that is ending, within `done` of POOL_CRASH. */
struct pool_death {
	int signal;      /* 0: none */
	int exit_status; /* of one that ended by itself */
	bool breach;     /* it broke the protocol, and was killed for that */
};
struct pool_death pool_death(const struct pool *p);
/* Why a worker was lost, or could not be started, the last time; "": never. */
const char *pool_trouble(const struct pool *p);
void pool_check(const struct pool *p);
#endif
