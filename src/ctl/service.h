/*
 * ctl/service.h -- many jobs, their runs, in one engine: what `trawl serve` is, without its
 * sockets.
 *
 *   service -> job (what to crawl, when)  -> run (one execution; a crawl while it runs)
 *           -> registry (for good)        -> desk, reports (threads for what blocks)
 *
 * A run is QUEUED until one of the places is free, in order; then its directory is made
 * (state_dir/runs/NUMBER), and it is RUNNING.  Whatever ends the process, what was not
 * over goes on at the next start: each change is in the registry before it is told of.
 * One that cannot go on is FAILED with the reason, and is in nobody's way.
 *
 * Owns:    jobs and runs that are not over; those that are over are in the registry only.
 *          What is borrowed from here is good until the callback returns.
 * Clock:   wall time of the loop, microseconds; schedules in local time.
 * Errors:  -errno with the sentence: -ENOENT, -EEXIST, -EPERM (a job of a file), -EBUSY
 *          (it is running; or too much is waiting), -ESTALE (another revision),
 *          -EINVAL, -ESHUTDOWN (it drains), -EIO and others of the registry.
 * Threads: loop thread.
 */
#ifndef CTL_SERVICE_H
#define CTL_SERVICE_H
#include "crawl/crawl.h"
#include "crawl/space.h"
#include "ctl/job_json.h"
#include "ctl/mistakes.h"
#include "ctl/registry.h"
#include "ctl/settings.h"
#include <jansson.h>

struct metrics;
struct service;

struct service_conf {
	struct loop *loop;
	struct nursery *nursery;
	const struct settings *settings; /* borrowed; see service_reload() */
	/* What can be wrong with a job beyond its file: job_check_each() of app/.  Any thread. */
	int (*check)(const struct job *job,
	    bool (*fn)(void *ctx, enum option_id option, int code, const char *text),
	    void *ctx);
	/* Packs the archive of the crawl in `dir`: wacz_pack() of app/.  Any thread. */
	int (*pack)(const char *dir, struct why *why);
	const char *tmp_dir;
	void *ctx;
	void (*on_drained)(void *ctx); /* service_drain() is done */
	void (*on_reloaded)(
	    void *ctx); /* service_reload() is; once for each that was 0 */
};

/* Registry, jobs of files, and what is to be gone on with.  Nothing runs before the loop does. */
int service_new(const struct service_conf *conf, struct service **ret, struct why *why);
/* Other settings, which take the place of the earlier ones at once; and the jobs of files anew,
 * then on_reloaded.  What is wrong with one of these leaves it as it was and is logged.  <0: the
 * files are not read, which is logged, too. */
int service_reload(struct service *s, const struct settings *settings);
/* What is in flight may end; then on_drained.  Nothing new is begun. */
void service_drain(struct service *s);
bool service_is_draining(const struct service *s);
/* What its threads were given is done, and told: from then on nobody is called back.  What
 * crawls still is dropped at its last commit by service_free(). */
void service_stop(struct service *s);
/* After service_stop(): a report could not be waited for.  All is on the disk, and nothing may be
 * freed: the process ends by _exit(2). */
bool service_is_abandoned(const struct service *s);
void service_free(struct service *s); /* NULL is fine */
void service_check(const struct service *s);

const struct settings *service_settings(const struct service *s);
struct loop *service_loop(const struct service *s);
/* Whether each of its loops but the caller's has made a turn since the last call. */
bool service_is_alive(struct service *s);
struct registry *service_registry(const struct service *s);
struct metrics *service_metrics(const struct service *s);
struct chores *service_desk(const struct service *s);    /* short work: reading files */
struct chores *service_reports(const struct service *s); /* long work */
struct events *service_events(const struct service *s);

const char *service_tmp_dir(const struct service *s);
/* What takes long is asked for by few at a time; false: too many do.  Each taken is given back. */
bool service_take_report_place(struct service *s);
void service_give_report_place(struct service *s);

struct service_counts {
	uint32_t jobs, queued, running, paused;
	uint64_t started, ended, failed; /* runs, since the start */
};
void service_counts(const struct service *s, struct service_counts *ret);

/* ---- jobs ---- */

struct service_run;
struct service_job {
	char *name, *spec; /* spec: JSON */
	char *shown; /* what strangers see of it, made when one asks (run_view.c); NULL */
	bool shown_hides;  /* that is not all */
	char *file;        /* whence it comes; NULL: the API */
	uint64_t revision;
	int64_t created_us, changed_us;
	int64_t served_us, next_us; /* of its schedule; next INT64_MAX: never */
	struct schedule schedule;
	int64_t scheduled_from_us; /* when it got this schedule; 0: when it was made */
	struct list runs;          /* service_run.on_job: not over */
	bool put_pending;          /* a change is on its way to the registry */
	uint64_t told_of;          /* the run that was said to hold up its schedule */
};
struct service_job *service_job(const struct service *s, struct slice name);
/* The first of its runs that is not over, as one is whose end is being noted; NULL: none. */
struct service_run *service_job_run(const struct service_job *j);
/* By name, the first one after `after`; NULL: no more. */
struct service_job *service_job_after(const struct service *s, struct slice after);

/*
 * A change of a job, through the checks and to the disk.  The caller makes it with
 * job_put_new(), fills in what stands above the line, and hears of the end by `done`, once;
 * it then frees it.
 */
#define SERVICE_NAME_RULE                                                                \
	"is 1 to 100 of A-Z a-z 0-9 . _ -, and does not begin with . or -"
struct job_put {
	char name[REGISTRY_NAME_MAX]; /* "": none that can be; the spec has none */
	json_t *spec;         /* owned; NULL: delete it */
	bool create, replace; /* it may not be there yet; it may be there */
	uint64_t revision;    /* it must have; 0: any */
	char *key;            /* owned; idempotency: see service_key() */
	uint64_t key_hash;
	void *ctx;
	void (*done)(struct job_put *p);
	/* ---- */
	int err; /* 0: it is so now */
	bool was_so; /* already: nothing was changed */
	struct why why;
	struct mistakes mistakes;
	struct service *service;
	struct list on_service;
	struct later refused;
	struct chore chore;
	struct job_json_rights rights;
	struct options *defaults;
	char *text; /* of the spec */
	struct schedule schedule;
	struct job_row row;
	int64_t now_us;
	bool marked, keyed;
};
struct job_put *job_put_new(const char *name);
void job_put_free(struct job_put *p);
void service_put_job(struct service *s, struct job_put *p);

/* ---- runs ---- */

struct service_run {
	struct list on_service, on_job;
	struct service *service;
	struct service_job *owner; /* NULL: the job is gone */
	uint64_t id;
	char *job_name, *spec, *trigger;
	enum run_state state;
	uint64_t revision;
	int64_t created_us, began_us, ended_us, scheduled_us;
	uint32_t starts;
	char *end_text, *why;
	char *stats;           /* JSON as of the last change; NULL: none */
	struct crawl *crawl;   /* while it runs */
	enum crawl_end end;    /* of its last crawl */
	bool waits_for_room;   /* the disk was full */
	int64_t room_at_ms;    /* when it tries again, if there is room */
	struct space_wait room;
	/* Between two crawls: what it waits for and since when, WAIT_NONE: it does not; and
	 * for how long it waited before that. */
	enum wait_cause held_for;
	int64_t held_since_ms, held_ms[WAIT_CAUSE_MAX];
	bool is_saved;         /* the registry has it */
	bool pause_is_unsaved; /* it had no room to note that it is paused */
	bool is_changed;       /* its spec is another one than its crawl has */
	uint32_t saves;        /* under way */
	struct list waiters;   /* who wants to hear of its next state */
	struct run_work *work; /* it has a place */
};
/* Of those that are not over. */
struct service_run *service_run(const struct service *s, uint64_t id);
/* Where its files are. */
int service_run_dir(const struct service *s, uint64_t id, char *ret, size_t cap);

/* Ends when the registry has it: err 0 and the run, which may be over already (NULL then). */
typedef void service_run_fn(
    void *ctx, uint64_t id, struct service_run *run, int err, const char *why);
struct run_start {
	const char *job, *trigger, *key; /* key NULL: none */
	uint64_t key_hash;
	bool again; /* though a run of the job goes on */
};
void service_start_run(
    struct service *s, const struct run_start *how, service_run_fn *fn, void *ctx);
/* Called back when it is so: paused, running, cancelled (when it is really gone). */
void service_pause_run(struct service *s, uint64_t id, service_run_fn *fn, void *ctx);
void service_resume_run(struct service *s, uint64_t id, service_run_fn *fn, void *ctx);
/* One that failed, once what was wrong is mended: it goes on where its last commit left it. */
void service_revive_run(struct service *s, uint64_t id, service_run_fn *fn, void *ctx);
void service_cancel_run(struct service *s, uint64_t id, service_run_fn *fn, void *ctx);

/* What a client's key made within a day; false: nothing yet. */
bool service_key(
    const struct service *s, const char *key, uint64_t *ret_hash, const char **ret_made);

/* Who wants to know of runs (event streams, systemd's status): called when one changed. */
struct service_watch {
	struct list on_service;
	void (*fn)(void *ctx, const struct service_run *run);
	void *ctx;
};
void service_watch(struct service *s, struct service_watch *w);
void service_unwatch(struct service_watch *w);
#endif
