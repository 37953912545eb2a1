#include "base/slice.h"
#include "ctl/registry.h"
#include <errno.h>
#include <stdio.h>

static const char *const state_names[] = {
#define X(id, name) [RUN_##id] = name,
    RUN_STATES(X)
#undef X
};

const char *
run_state_name(enum run_state s)
{
	return state_names[s];
}

bool
run_state_find(struct slice name, enum run_state *ret)
{
	for (unsigned i = 0; i < RUN_STATE_MAX; i++) {
		if (!slice_eq(name, slice_cstr(state_names[i])))
			continue;
		*ret = (enum run_state)i;
		return true;
	}
	return false;
}

/* ---- statements ---- */

static int
prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret, struct why *why)
{
	return sqlite3_prepare_v2(db, sql, -1, ret, NULL) == SQLITE_OK
		   ? 0
		   : registry_error(db, why);
}

static void
bind_text(sqlite3_stmt *s, int i, const char *text)
{
	(void)sqlite3_bind_text(s, i, text == NULL ? "" : text, -1, SQLITE_STATIC);
}

static void
bind_number(sqlite3_stmt *s, int i, uint64_t n)
{
	(void)sqlite3_bind_int64(s, i, (sqlite3_int64)n);
}

static const char *
text_of(sqlite3_stmt *s, int i)
{
	const char *text = (const char *)sqlite3_column_text(s, i);

	return text == NULL ? "" : text;
}

/* Runs it to its end and frees it. */
static int
finish(sqlite3 *db, sqlite3_stmt *s, struct why *why)
{
	int r = sqlite3_step(s) == SQLITE_DONE ? 0 : registry_error(db, why);

	(void)sqlite3_finalize(s);
	return r;
}

typedef int row_fn(void *ctx, sqlite3_stmt *s);

static int
each(sqlite3 *db, sqlite3_stmt *s, row_fn *fn, void *ctx, struct why *why)
{
	int r = 0, code = SQLITE_DONE;

	while (r == 0 && (code = sqlite3_step(s)) == SQLITE_ROW)
		r = fn(ctx, s);
	if (r == 0 && code != SQLITE_DONE)
		r = registry_error(db, why);
	(void)sqlite3_finalize(s);
	return r;
}

/* ---- jobs ---- */

int
registry_put_job(sqlite3 *db, const struct job_row *row, struct why *why)
{
	sqlite3_stmt *s;
	int r = prepare(db,
	    "INSERT OR REPLACE INTO jobs (name, spec, from_file, revision, created_us,"
	    " changed_us, due_us, scheduled_from_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	    &s, why);

	if (r < 0)
		return r;
	bind_text(s, 1, row->name);
	bind_text(s, 2, row->spec);
	bind_number(s, 3, row->from_file);
	bind_number(s, 4, row->revision);
	bind_number(s, 5, (uint64_t)row->created_us);
	bind_number(s, 6, (uint64_t)row->changed_us);
	bind_number(s, 7, (uint64_t)row->due_us);
	bind_number(s, 8, (uint64_t)row->scheduled_from_us);
	return finish(db, s, why);
}

int
registry_delete_job(sqlite3 *db, const char *name, struct why *why)
{
	sqlite3_stmt *s;
	int r = prepare(db, "DELETE FROM jobs WHERE name = ?", &s, why);

	if (r < 0)
		return r;
	bind_text(s, 1, name);
	return finish(db, s, why);
}

struct jobs {
	int (*fn)(void *ctx, const struct job_row *row);
	void *ctx;
};

static int
on_job(void *ctx, sqlite3_stmt *s)
{
	const struct jobs *j = ctx;
	struct job_row row = {.name = text_of(s, 0),
	    .spec = text_of(s, 1),
	    .from_file = sqlite3_column_int(s, 2) != 0,
	    .revision = (uint64_t)sqlite3_column_int64(s, 3),
	    .created_us = sqlite3_column_int64(s, 4),
	    .changed_us = sqlite3_column_int64(s, 5),
	    .due_us = sqlite3_column_int64(s, 6),
	    .scheduled_from_us = sqlite3_column_int64(s, 7)};

	return j->fn(j->ctx, &row);
}

int
registry_each_job(struct registry *g, int (*fn)(void *ctx, const struct job_row *row),
    void *ctx, struct why *why)
{
	sqlite3 *db = registry_db(g);
	struct jobs jobs = {fn, ctx};
	sqlite3_stmt *s;
	int r = prepare(db,
	    "SELECT name, spec, from_file, revision, created_us, changed_us, due_us,"
	    " scheduled_from_us FROM jobs ORDER BY name",
	    &s, why);

	return r < 0 ? r : each(db, s, on_job, &jobs, why);
}

/* ---- runs ---- */

#define RUN_COLUMNS                                                                      \
	"id, job, spec, state, started_by, revision, created_us, began_us, ended_us,"    \
	" scheduled_us, starts, end, why, stats"

static int
note_change(sqlite3 *db, const struct run_row *row, struct why *why)
{
	sqlite3_stmt *s;
	/* Of a run that changes for ever the first ones are enough. */
	int r = prepare(db,
	    "INSERT INTO changes (run, at_us, state, why)"
	    " SELECT ?1, ?2, ?3, ?4 WHERE ?3 IS NOT (SELECT state FROM changes"
	    " WHERE run = ?1 ORDER BY at_us DESC, rowid DESC LIMIT 1)"
	    " AND (SELECT count(*) FROM changes WHERE run = ?1) < 1000",
	    &s, why);

	if (r < 0)
		return r;
	bind_number(s, 1, row->id);
	bind_number(s, 2, (uint64_t)row->changed_us);
	bind_text(s, 3, run_state_name(row->state));
	bind_text(s, 4, row->why);
	return finish(db, s, why);
}

int
registry_put_run(sqlite3 *db, const struct run_row *row, struct why *why)
{
	sqlite3_stmt *s;
	int r = prepare(db,
	    "INSERT OR REPLACE INTO runs (" RUN_COLUMNS
	    ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    &s, why);

	if (r < 0)
		return r;
	bind_number(s, 1, row->id);
	bind_text(s, 2, row->job);
	bind_text(s, 3, row->spec);
	bind_text(s, 4, run_state_name(row->state));
	bind_text(s, 5, row->trigger);
	bind_number(s, 6, row->revision);
	bind_number(s, 7, (uint64_t)row->created_us);
	bind_number(s, 8, (uint64_t)row->began_us);
	bind_number(s, 9, (uint64_t)row->ended_us);
	bind_number(s, 10, (uint64_t)row->scheduled_us);
	bind_number(s, 11, row->starts);
	bind_text(s, 12, row->end);
	bind_text(s, 13, row->why);
	bind_text(s, 14, row->stats);
	r = finish(db, s, why);
	return r < 0 ? r : note_change(db, row, why);
}

int
registry_delete_run(sqlite3 *db, uint64_t id, struct why *why)
{
	static const char *const statements[] = {
	    "DELETE FROM changes WHERE run = ?", "DELETE FROM runs WHERE id = ?"};
	int r = 0;

	for (size_t i = 0; i < 2 && r == 0; i++) {
		sqlite3_stmt *s;

		r = prepare(db, statements[i], &s, why);
		if (r < 0)
			break;
		bind_number(s, 1, id);
		r = finish(db, s, why);
	}
	return r;
}

struct changes {
	int (*fn)(void *ctx, const struct change_row *row);
	void *ctx;
};

static int
on_change(void *ctx, sqlite3_stmt *s)
{
	const struct changes *c = ctx;
	struct change_row row = {.at_us = sqlite3_column_int64(s, 0),
	    .state = text_of(s, 1),
	    .why = text_of(s, 2)};

	return c->fn(c->ctx, &row);
}

int
registry_changes(sqlite3 *db, uint64_t run,
    int (*fn)(void *ctx, const struct change_row *row), void *ctx, struct why *why)
{
	struct changes changes = {fn, ctx};
	sqlite3_stmt *s;
	int r = prepare(db,
	    "SELECT at_us, state, why FROM changes WHERE run = ? ORDER BY at_us, rowid",
	    &s, why);

	if (r < 0)
		return r;
	bind_number(s, 1, run);
	return each(db, s, on_change, &changes, why);
}

struct runs {
	int (*fn)(void *ctx, const struct run_row *row);
	void *ctx;
	uint32_t n;
};

static int
on_run(void *ctx, sqlite3_stmt *s)
{
	struct runs *runs = ctx;
	struct run_row row = {.id = (uint64_t)sqlite3_column_int64(s, 0),
	    .job = text_of(s, 1),
	    .spec = text_of(s, 2),
	    .trigger = text_of(s, 4),
	    .revision = (uint64_t)sqlite3_column_int64(s, 5),
	    .created_us = sqlite3_column_int64(s, 6),
	    .began_us = sqlite3_column_int64(s, 7),
	    .ended_us = sqlite3_column_int64(s, 8),
	    .scheduled_us = sqlite3_column_int64(s, 9),
	    .starts = (uint32_t)sqlite3_column_int64(s, 10),
	    .end = text_of(s, 11),
	    .why = text_of(s, 12),
	    .stats = text_of(s, 13)};

	runs->n++;
	/* What no version of ours writes: it is not gone on with, and seen. */
	if (!run_state_find(slice_cstr(text_of(s, 3)), &row.state))
		row.state = RUN_FAILED;
	return runs->fn(runs->ctx, &row);
}

/* "queued,running,": for instr(), so that one statement serves all filters. */
static void
print_states(unsigned states, char *ret, size_t cap)
{
	size_t n = 0;

	ret[0] = '\0';
	for (unsigned i = 0; i < RUN_STATE_MAX; i++)
		if ((states & 1u << i) != 0)
			n += (size_t)snprintf(
			    ret + n, cap - n, "%s,", run_state_name((enum run_state)i));
}

int
registry_runs(sqlite3 *db, const struct run_filter *f,
    int (*fn)(void *ctx, const struct run_row *row), void *ctx, struct why *why)
{
	struct runs runs = {fn, ctx, 0};
	char states[128], sql[512];
	sqlite3_stmt *s;
	int r;

	print_states(f->states, states, sizeof(states));
	(void)snprintf(sql, sizeof(sql),
	    "SELECT " RUN_COLUMNS " FROM runs WHERE %s%s AND id %s ?3 ORDER BY id %s"
	    " LIMIT ?4",
	    f->job == NULL ? "?1 = ''" : "job = ?1",
	    f->states == 0 ? " AND ?2 = ''" : " AND instr(?2, state || ',') > 0",
	    f->oldest_first ? ">" : "<", f->oldest_first ? "ASC" : "DESC");
	r = prepare(db, sql, &s, why);
	if (r < 0)
		return r;
	bind_text(s, 1, f->job);
	bind_text(s, 2, states);
	(void)sqlite3_bind_int64(s, 3,
	    f->before_id > 0  ? (sqlite3_int64)f->before_id
	    : f->oldest_first ? 0
			      : INT64_MAX);
	bind_number(s, 4, f->limit);
	return each(db, s, on_run, &runs, why);
}

int
registry_run(sqlite3 *db, uint64_t id, int (*fn)(void *ctx, const struct run_row *row),
    void *ctx, struct why *why)
{
	struct runs runs = {fn, ctx, 0};
	sqlite3_stmt *s;
	int r = prepare(db, "SELECT " RUN_COLUMNS " FROM runs WHERE id = ?", &s, why);

	if (r < 0)
		return r;
	bind_number(s, 1, id);
	r = each(db, s, on_run, &runs, why);
	if (r == 0 && runs.n == 0)
		return why_set(
		    why, -ENOENT, "there is no run %llu", (unsigned long long)id);
	return r;
}

int
registry_each_open_run(struct registry *g,
    int (*fn)(void *ctx, const struct run_row *row), void *ctx, struct why *why)
{
	struct run_filter f = {.oldest_first = true, .limit = INT32_MAX};

	for (unsigned i = 0; i < RUN_STATE_MAX; i++)
		if (!run_state_is_over((enum run_state)i))
			f.states |= 1u << i;
	return registry_runs(registry_db(g), &f, fn, ctx, why);
}

/* ---- keys ---- */

int
registry_put_key(sqlite3 *db, const struct key_row *row, struct why *why)
{
	sqlite3_stmt *s;
	int r = prepare(db,
	    "INSERT OR REPLACE INTO keys (key, body_hash, made, made_us)"
	    " VALUES (?, ?, ?, ?)",
	    &s, why);

	if (r < 0)
		return r;
	bind_text(s, 1, row->key);
	bind_number(s, 2, row->body_hash);
	bind_text(s, 3, row->made);
	bind_number(s, 4, (uint64_t)row->made_us);
	return finish(db, s, why);
}

struct keys {
	int (*fn)(void *ctx, const struct key_row *row);
	void *ctx;
};

static int
on_key(void *ctx, sqlite3_stmt *s)
{
	const struct keys *k = ctx;
	struct key_row row = {.key = text_of(s, 0),
	    .body_hash = (uint64_t)sqlite3_column_int64(s, 1),
	    .made = text_of(s, 2),
	    .made_us = sqlite3_column_int64(s, 3)};

	return k->fn(k->ctx, &row);
}

int
registry_forget_keys(sqlite3 *db, int64_t before_us, struct why *why)
{
	sqlite3_stmt *s;
	int r = prepare(db, "DELETE FROM keys WHERE made_us < ?", &s, why);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(s, 1, before_us);
	return finish(db, s, why);
}

int
registry_each_key(struct registry *g, int64_t since_us,
    int (*fn)(void *ctx, const struct key_row *row), void *ctx, struct why *why)
{
	sqlite3 *db = registry_db(g);
	struct keys keys = {fn, ctx};
	sqlite3_stmt *s;
	int r = registry_forget_keys(db, since_us, why);

	if (r == 0)
		r = prepare(db,
		    "SELECT key, body_hash, made, made_us FROM keys ORDER BY made_us", &s,
		    why);
	return r < 0 ? r : each(db, s, on_key, &keys, why);
}
