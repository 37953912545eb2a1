/*
 * ctl/run_view.h -- jobs and runs as JSON, as the API shows them.
 *
 * Owns: nothing.   Threads: loop thread; those of rows: any.
 */
#ifndef CTL_RUN_VIEW_H
#define CTL_RUN_VIEW_H
#include "base/json.h"
#include "ctl/request.h"
#include "ctl/service.h"

/* Totals, rates, waits: an object of that key. */
void run_stats_write(struct jsonw *j, const char *key, const struct crawl_stats *s);
/* A run that is not over, as of now. */
void run_write(struct jsonw *j, const char *key, const struct service_run *run);
/* One that is, from the registry. */
void run_row_write(struct jsonw *j, const char *key, const struct run_row *row);
/* `spec` parsed; secrets are for ROLE_ADMIN only. */
void job_write_json(struct jsonw *j, const char *key, struct service_job *job,
    enum role role, bool with_spec);
/* Of that what changes without the job's revision: when it is due, open runs; false: none. */
bool job_write_changing(struct jsonw *j, struct service_job *job);
/* "2026-..."; 0 and INT64_MAX: nothing. */
void jsonw_time(struct jsonw *j, const char *key, int64_t wall_us);
#endif
