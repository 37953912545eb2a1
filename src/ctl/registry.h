/*
 * ctl/registry.h -- what the service knows for good: jobs, runs and what happened to them,
 * in one SQLite file.
 *
 *   registry_open()   on the loop's thread, before the loop runs: opens, migrates
 *   registry_each_*() likewise: what is there
 *   registry_send()   later: a chore on the registry's thread, which uses the database by
 *                     registry_db(); a query of one's own is a chore with SQL in its `work`
 *
 * A change is on the disk (WAL, synchronous FULL) when its chore is done.  The file has a
 * version: migrations are numbered and go forward when it is opened; of a newer program it
 * is refused.
 *
 * Owns:    the database; chores as ctl/chores.h says.
 * Units:   wall clock microseconds.
 * Errors:  -errno with the sentence: -EPROTO of a newer version, -EBUSY held by another
 *          process, -EBADMSG not a registry or damaged, -EIO, -ENOSPC.
 * Threads: the loop's; `work` on the registry's own.
 */
#ifndef CTL_REGISTRY_H
#define CTL_REGISTRY_H
#include "base/buf.h"
#include "ctl/chores.h"
#include <sqlite3.h>

struct registry;

/* What became of a run.  Words of the API and of the file: do not rename. */
#define RUN_STATES(X)                                                                    \
	X(QUEUED, "queued")   /* waits for a place */                                    \
	X(RUNNING, "running") /* goes on at the next start, if it does not end */        \
	X(PAUSED, "paused")                                                              \
	X(STOPPING, "stopping") /* cancelled, and not ended yet */                       \
	X(DONE, "done")         /* nothing was left, or a budget was used up */          \
	X(CANCELLED, "cancelled")                                                        \
	X(FAILED, "failed") /* cannot go on; `why` says it */
enum run_state {
#define X(id, name) RUN_##id,
	RUN_STATES(X)
#undef X
	    RUN_STATE_MAX
};
const char *run_state_name(enum run_state s);
bool run_state_find(struct slice name, enum run_state *ret);
static inline bool
run_state_is_over(enum run_state s)
{
	return s >= RUN_DONE;
}

enum { REGISTRY_NAME_MAX = 101, REGISTRY_TEXT_MAX = 16 << 20 };

/* Texts are borrowed. */
struct job_row {
	const char *name;
	const char *spec;  /* JSON, as the API has it; of a file: what was read last */
	bool from_file;    /* of jobs.d */
	uint64_t revision; /* 1, 2 ... with each change */
	int64_t created_us, changed_us;
	int64_t due_us; /* the time its schedule was served last; 0: never */
	int64_t scheduled_from_us; /* when it got that schedule; 0: when it was made */
};
struct run_row {
	uint64_t id;
	const char *job;
	const char *spec; /* of the job when the run began */
	enum run_state state;
	const char *trigger; /* "api", "schedule", "start" ... */
	uint64_t revision;   /* of the run */
	int64_t created_us, began_us, ended_us, scheduled_us; /* 0: not */
	uint32_t starts;    /* of the crawl: 1, and one a resume */
	const char *end;    /* crawl_end_text(); "" */
	const char *why;    /* "" */
	const char *stats;  /* JSON, as of the last change; "" */
	int64_t changed_us; /* when it became what it is; for registry_changes() only */
};

enum { REGISTRY_CACHE_BYTES = 1 << 20 }; /* pages of its file in memory, at most */
int registry_open(
    struct loop *l, const char *path, struct registry **ret, struct why *why);
/* Ends when `fn` returns <0, with that. */
int registry_each_job(struct registry *g, int (*fn)(void *ctx, const struct job_row *row),
    void *ctx, struct why *why);
/* Those that are not over, by id. */
int registry_each_open_run(struct registry *g,
    int (*fn)(void *ctx, const struct run_row *row), void *ctx, struct why *why);
uint64_t registry_last_run(struct registry *g); /* greatest id ever given; 0: none */

int registry_send(struct registry *g, struct chore *c);
bool registry_is_busy(const struct registry *g);
uint32_t registry_waiting(const struct registry *g);
sqlite3 *registry_db(struct registry *g); /* in `work` */
/* What was sent is done, and told; registry_db() is the loop's then. */
void registry_stop(struct registry *g);
/* And closed.  NULL is fine. */
void registry_free(struct registry *g);

/* ---- in `work` ---- */
/* The code and the sentence of the database's last error; -EIO ... */
int registry_error(sqlite3 *db, struct why *why);
int registry_put_job(sqlite3 *db, const struct job_row *row, struct why *why);
int registry_delete_job(sqlite3 *db, const char *name, struct why *why);
int registry_put_run(sqlite3 *db, const struct run_row *row, struct why *why);
int registry_delete_run(sqlite3 *db, uint64_t id, struct why *why);
/* What happened to a run: each state that it came to, oldest first, 1,000 at most. */
struct change_row {
	int64_t at_us;
	const char *state, *why;
};
int registry_changes(sqlite3 *db, uint64_t run,
    int (*fn)(void *ctx, const struct change_row *row), void *ctx, struct why *why);
struct run_filter {
	const char *job;    /* NULL: of any */
	unsigned states;    /* bits 1 << enum run_state; 0: any */
	uint64_t before_id; /* 0: from the newest on */
	bool oldest_first;  /* then before_id is "after" */
	uint32_t limit;
};
int registry_runs(sqlite3 *db, const struct run_filter *f,
    int (*fn)(void *ctx, const struct run_row *row), void *ctx, struct why *why);
/* -ENOENT: there is none. */
int registry_run(sqlite3 *db, uint64_t id,
    int (*fn)(void *ctx, const struct run_row *row), void *ctx, struct why *why);
/* What a key of a client made: the same key does not make another for a day. */
struct key_row {
	const char *key;    /* method, path and the client's key */
	uint64_t body_hash; /* of what was asked */
	const char *made;   /* the name or number of what it made */
	int64_t made_us;
};
int registry_put_key(sqlite3 *db, const struct key_row *row, struct why *why);
int registry_forget_keys(sqlite3 *db, int64_t before_us, struct why *why);
/* Those made after `since_us`; older ones are deleted. */
int registry_each_key(struct registry *g, int64_t since_us,
    int (*fn)(void *ctx, const struct key_row *row), void *ctx, struct why *why);

/* For tests: the version the file has, and the newest there is. */
int registry_version(sqlite3 *db);
int registry_version_newest(void);
#endif
