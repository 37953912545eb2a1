/*
 * ctl/service_int.h -- what service.c (life), service_jobs.c, service_files.c (jobs.d),
 * service_runs.c (states), run_work.c (what blocks) and service_history.c share.
 */
#ifndef CTL_SERVICE_INT_H
#define CTL_SERVICE_INT_H
#include "base/log.h"
#include "base/map.h"
#include "ctl/events.h"
#include "ctl/file_read.h"
#include "ctl/service.h"
#include "observe/report.h"

enum { ROOM_LOOK_MS = 5000, REPORT_PLACES = 4 };
enum { JOBS_MAX = 10000, RUNS_OPEN_MAX = 10000, KEYS_MAX = 10000 };
#define KEY_LIFE_US (86400 * 1000000ll)

struct service_key {
	char *key, *made; /* made NULL: under way */
	uint64_t body_hash;
	int64_t made_us;
};

/* What a line of the log is about. */
#define RUN_ABOUT(r)    (&(struct log_about){.job = (r)->job_name, .run = (r)->id})
#define JOB_ABOUT(name) (&(struct log_about){.job = (name)})

struct service {
	struct service_conf conf;
	struct loop *loop;
	const struct settings *settings;
	struct engine *engine;
	struct registry *registry;
	struct metrics *metrics;
	struct chores *desk, *reports;
	struct events *events;
	int lock_fd;
	struct service_job **jobs; /* by name */
	size_t jobs_len, jobs_cap;
	struct list runs; /* service_run.on_service, by id */
	struct umap runs_by_id;
	uint64_t run_last;
	struct map keys;
	struct list watches;
	struct list puts;   /* job_put.on_service: under way */
	struct list unsent; /* run_save.on_service: the registry had no room */
	struct timer resend, schedule, room, prune, drain;
	struct later pump;
	bool draining, drained, pruning;
	bool prune_again;       /* a run ended meanwhile */
	bool abandoned;         /* a report is still being made */
	uint32_t report_places; /* taken */
	atomic_bool hurry;      /* [reports] what is put elsewhere is broken off */
	struct service_counts sums;
};

/* service.c */
void service_pump(struct service *s); /* in the next turn: free places are taken */
void service_tell(struct service *s, const struct service_run *run);
int service_make_dir(
    const char *path, struct why *why); /* with its parents; any thread */

/* service_jobs.c */
int jobs_load(struct service *s, struct why *why);
void jobs_release(struct service *s);
/* Takes the strings.  -ENOMEM, -ENOSPC. */
int job_add(struct service *s, const struct job_row *row, const char *file,
    const struct schedule *schedule, struct service_job **ret);
void job_remove(struct service *s, struct service_job *j);
void job_row_of(const struct service_job *j, struct job_row *ret);
/* Jobs to the disk, in one transaction: what their schedules have served, what files say.  That
 * it cannot be is logged.  A batch that is NULL (out of memory) takes none. */
struct job_batch *job_batch_new(const struct service *s);
void job_batch_add(struct job_batch *b, const struct service_job *j); /* as it is now */
void job_batch_send(struct job_batch *b);
void job_save(struct service *s, const struct service_job *j);
int key_add(struct service *s, const char *key, uint64_t body_hash, const char *made,
    int64_t made_us);
void key_made(struct service *s, const char *key, const char *made); /* NULL: failed */
void keys_release(struct service *s);

/* service_files.c */
struct files_read; /* what lies in jobs.d */
/* Any thread. */
int files_read(const char *dir, const struct service_conf *conf,
    const struct options *defaults, struct files_read **ret);
void files_read_free(struct files_read *f);
/* Jobs become as the files say. */
void files_apply(struct service *s, struct files_read *f);
int files_reload(struct service *s); /* on the desk, then applied */

/* service_runs.c */
int runs_load(struct service *s, struct why *why);
void runs_tell_stop(struct service *s); /* who waits for a state waits no more */
void runs_release(struct service *s);
void runs_pump(struct service *s);
void runs_drain(struct service *s); /* politely */
void runs_hurry(struct service *s); /* at once */
void runs_look_for_room(void *service);
bool runs_are_quiet(const struct service *s); /* no crawl, nothing on its way */
int run_new(struct service *s, const struct run_row *row, struct service_run **ret);
void run_set_state(struct service_run *run, enum run_state state);
/* It has begun, and waits for that from now on; until its crawl goes on. */
void run_hold(struct service_run *run, enum wait_cause cause);
void run_end(struct service_run *run, enum run_state state); /* it is over */
/* Who wants to hear of its next state. */
int run_wait_for(struct service_run *run, service_run_fn *fn, void *ctx);
void run_tell_waiters(struct service_run *run, int err, const char *why);
/* service_ask.c */
/* A run that its schedule wants. */
void run_start_scheduled(struct service *s, struct service_job *j, int64_t due_us);
/* To the disk; fn may be NULL. */
typedef void run_saved_fn(void *ctx, struct service_run *run, int err, const char *why);
void run_save(struct service_run *run, const struct service_job *with_job,
    const struct key_row *with_key, run_saved_fn *fn, void *ctx);
void run_resend(void *service);
void run_flush(struct service *s); /* what waits is written here and now: at the end */
void run_free(struct service_run *run);

/* run_work.c: before and after the crawl, on the desk's and the reports' threads. */
struct run_work {
	struct chore chore;
	struct service_run *run;
	char dir[4096];
	struct job job;
	char *spec;
	struct store *store; /* opened ahead of the crawl, which takes it */
	struct buf cookies, auth;
	struct report_facts facts;
	const char *tmp_dir;
	void (*then)(struct run_work *w); /* on the loop */
};
/* -ENOMEM. */
int run_work_prepare(struct service_run *run, void (*then)(struct run_work *w));
/* The report.  The crawl is freed. */
int run_work_finish(struct run_work *w, void (*then)(struct run_work *w));
void run_work_free(struct run_work *w);

/* service_schedule.c */
void schedules_look(void *service);
/* service_history.c */
void history_prune(void *service);
#endif
