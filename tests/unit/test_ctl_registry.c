#include "ctl/registry.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct rig {
	char dir[64], path[96];
	struct loop *loop;
	struct registry *registry;
};

static int
setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	(void)snprintf(rig->dir, sizeof(rig->dir), "/tmp/test_ctl_registry.XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	(void)snprintf(rig->path, sizeof(rig->path), "%s/registry.db", rig->dir);
	assert_int_equal(loop_new(&rig->loop), 0);
	*state = rig;
	return 0;
}

static int
teardown(void **state)
{
	struct rig *rig = *state;
	char path[128];

	registry_free(rig->registry);
	loop_free(rig->loop);
	for (size_t i = 0; i < 3; i++) {
		static const char *const more[] = {"", "-wal", "-shm"};

		(void)snprintf(path, sizeof(path), "%s%s", rig->path, more[i]);
		(void)unlink(path);
	}
	(void)rmdir(rig->dir);
	free(rig);
	return 0;
}

static void
open_registry(struct rig *rig)
{
	struct why why;

	assert_int_equal(registry_open(rig->loop, rig->path, &rig->registry, &why), 0);
}

static void
reopen(struct rig *rig)
{
	registry_free(rig->registry);
	rig->registry = NULL;
	open_registry(rig);
}

static const struct job_row a_job = {.name = "docs",
    .spec = "{\"seeds\":[]}",
    .revision = 3,
    .created_us = 10,
    .changed_us = 20,
    .due_us = 30,
    .scheduled_from_us = 15};

static struct run_row
a_run(uint64_t id, enum run_state state)
{
	return (struct run_row){.id = id,
	    .job = "docs",
	    .spec = "{}",
	    .state = state,
	    .trigger = "api",
	    .revision = 2,
	    .created_us = 1,
	    .began_us = 2,
	    .starts = 5,
	    .end = "",
	    .why = "because",
	    .stats = "{\"pages\":1}"};
}

static int
count_job(void *ctx, const struct job_row *row)
{
	assert_string_equal(row->name, a_job.name);
	assert_string_equal(row->spec, a_job.spec);
	assert_int_equal(row->revision, 3);
	assert_int_equal(row->due_us, 30);
	assert_int_equal(row->scheduled_from_us, 15);
	assert_false(row->from_file);
	++*(int *)ctx;
	return 0;
}

static void
jobs_are_there_again(void **state)
{
	struct rig *rig = *state;
	int n = 0;

	open_registry(rig);
	assert_int_equal(registry_put_job(registry_db(rig->registry), &a_job, NULL), 0);
	assert_int_equal(registry_put_job(registry_db(rig->registry), &a_job, NULL), 0);
	reopen(rig);
	assert_int_equal(registry_each_job(rig->registry, count_job, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(
	    registry_delete_job(registry_db(rig->registry), "docs", NULL), 0);
	assert_int_equal(registry_each_job(rig->registry, count_job, &n, NULL), 0);
	assert_int_equal(n, 1);
}

struct ids {
	uint64_t v[16];
	size_t n;
};

static int
note_id(void *ctx, const struct run_row *row)
{
	struct ids *ids = ctx;

	assert_string_equal(row->why, "because");
	assert_string_equal(row->stats, "{\"pages\":1}");
	ids->v[ids->n++] = row->id;
	return 0;
}

static void
runs_are_found_by_state_job_and_number(void **state)
{
	struct rig *rig = *state;
	struct run_filter f = {.job = "docs", .limit = 2};
	struct ids ids = {.n = 0};
	sqlite3 *db;

	open_registry(rig);
	db = registry_db(rig->registry);
	for (uint64_t i = 1; i <= 6; i++) {
		struct run_row row = a_run(i, i % 2 == 0 ? RUN_DONE
					      : i == 5   ? RUN_PAUSED
							 : RUN_RUNNING);

		assert_int_equal(registry_put_run(db, &row, NULL), 0);
	}
	assert_int_equal(registry_runs(db, &f, note_id, &ids, NULL), 0);
	assert_int_equal(ids.n, 2);
	assert_int_equal(ids.v[0], 6);
	f.before_id = 5;
	f.states = 1u << RUN_DONE;
	ids.n = 0;
	assert_int_equal(registry_runs(db, &f, note_id, &ids, NULL), 0);
	assert_int_equal(ids.n, 2);
	assert_int_equal(ids.v[0], 4);
	assert_int_equal(ids.v[1], 2);
	f.job = "other";
	ids.n = 0;
	assert_int_equal(registry_runs(db, &f, note_id, &ids, NULL), 0);
	assert_int_equal(ids.n, 0);
	assert_int_equal(registry_each_open_run(rig->registry, note_id, &ids, NULL), 0);
	assert_int_equal(ids.n, 3);
	assert_int_equal(ids.v[0], 1);
	assert_int_equal(registry_run(db, 99, note_id, &ids, NULL), -ENOENT);
}

static void
no_number_is_given_twice(void **state)
{
	struct rig *rig = *state;
	struct run_row row = a_run(7, RUN_DONE);

	open_registry(rig);
	assert_int_equal(registry_last_run(rig->registry), 0);
	assert_int_equal(registry_put_run(registry_db(rig->registry), &row, NULL), 0);
	assert_int_equal(registry_delete_run(registry_db(rig->registry), 7, NULL), 0);
	reopen(rig);
	assert_int_equal(registry_last_run(rig->registry), 7);
}

static int
count_key(void *ctx, const struct key_row *row)
{
	assert_string_equal(row->key, "new");
	++*(int *)ctx;
	return 0;
}

static void
keys_are_forgotten_when_they_are_old(void **state)
{
	struct rig *rig = *state;
	struct key_row old = {.key = "old", .made = "a", .made_us = 10};
	struct key_row new = {.key = "new", .made = "b", .made_us = 20};
	sqlite3 *db;
	int n = 0;

	open_registry(rig);
	db = registry_db(rig->registry);
	assert_int_equal(registry_put_key(db, &old, NULL), 0);
	assert_int_equal(registry_put_key(db, &new, NULL), 0);
	assert_int_equal(registry_forget_keys(db, 20, NULL), 0);
	assert_int_equal(registry_each_key(rig->registry, 0, count_key, &n, NULL), 0);
	assert_int_equal(n, 1);
}

static void
its_pages_in_memory_are_bounded(void **state)
{
	struct rig *rig = *state;
	sqlite3_stmt *q;

	open_registry(rig);
	assert_int_equal(sqlite3_prepare_v2(registry_db(rig->registry),
			     "PRAGMA cache_size", -1, &q, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	/* KiB; more than nothing would be a number of pages. */
	assert_int_equal(sqlite3_column_int64(q, 0), -(REGISTRY_CACHE_BYTES >> 10));
	(void)sqlite3_finalize(q);
}

static void
an_older_file_goes_forward(void **state)
{
	struct rig *rig = *state;
	struct run_row row = a_run(1, RUN_RUNNING);
	struct ids ids = {.n = 0};

	open_registry(rig);
	assert_int_equal(
	    registry_version(registry_db(rig->registry)), registry_version_newest());
	assert_int_equal(registry_put_run(registry_db(rig->registry), &row, NULL), 0);
	/* As version 1 left it. */
	assert_int_equal(
	    sqlite3_exec(registry_db(rig->registry),
		"DROP TABLE keys; DROP TABLE changes;"
		"ALTER TABLE jobs DROP COLUMN scheduled_from_us; PRAGMA user_version = 1",
		NULL, NULL, NULL),
	    SQLITE_OK);
	reopen(rig);
	assert_int_equal(
	    registry_version(registry_db(rig->registry)), registry_version_newest());
	assert_int_equal(registry_each_open_run(rig->registry, note_id, &ids, NULL), 0);
	assert_int_equal(ids.n, 1);
	assert_int_equal(registry_put_run(registry_db(rig->registry), &row, NULL), 0);
}

static int
begins_when_it_was_made(void *ctx, const struct job_row *row)
{
	assert_string_equal(row->name, a_job.name);
	assert_int_equal(row->due_us, 30);
	assert_int_equal(row->scheduled_from_us, 0);
	++*(int *)ctx;
	return 0;
}

static void
a_schedule_of_an_older_file_begins_when_its_job_was_made(void **state)
{
	struct rig *rig = *state;
	int n = 0;

	open_registry(rig);
	assert_int_equal(registry_put_job(registry_db(rig->registry), &a_job, NULL), 0);
	/* As version 2 left it. */
	assert_int_equal(
	    sqlite3_exec(registry_db(rig->registry),
		"ALTER TABLE jobs DROP COLUMN scheduled_from_us; PRAGMA user_version = 2",
		NULL, NULL, NULL),
	    SQLITE_OK);
	reopen(rig);
	assert_int_equal(
	    registry_version(registry_db(rig->registry)), registry_version_newest());
	assert_int_equal(
	    registry_each_job(rig->registry, begins_when_it_was_made, &n, NULL), 0);
	assert_int_equal(n, 1);
}

static void
a_newer_file_and_a_strange_one_are_refused(void **state)
{
	struct rig *rig = *state;
	struct registry *other;
	struct why why;
	char path[128];
	FILE *f;

	open_registry(rig);
	assert_int_equal(sqlite3_exec(registry_db(rig->registry),
			     "PRAGMA user_version = 1000", NULL, NULL, NULL),
	    SQLITE_OK);
	registry_free(rig->registry);
	rig->registry = NULL;
	assert_int_equal(registry_open(rig->loop, rig->path, &other, &why), -EPROTO);
	assert_non_null(strstr(why.text, "was written by a newer trawl"));
	(void)snprintf(path, sizeof(path), "%s/strange", rig->dir);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs("this is no database, but long enough to be looked at as one", f);
	(void)fclose(f);
	assert_int_equal(registry_open(rig->loop, path, &other, &why), -EBADMSG);
	(void)unlink(path);
}

struct write {
	struct chore chore;
	struct rig *rig;
	int *done;
};

static int
write_work(struct chore *c)
{
	struct write *w = container_of(c, struct write, chore);

	return registry_put_job(registry_db(w->rig->registry), &a_job, &c->why);
}

static void
write_done(struct chore *c)
{
	struct write *w = container_of(c, struct write, chore);

	assert_int_equal(c->err, 0);
	++*w->done;
	loop_stop(w->rig->loop);
}

static void
a_chore_is_done_on_its_thread_and_told_on_the_loop(void **state)
{
	struct rig *rig = *state;
	int done = 0, n = 0;
	struct write w = {.rig = rig, .done = &done};

	open_registry(rig);
	w.chore.work = write_work;
	w.chore.done = write_done;
	assert_int_equal(registry_send(rig->registry, &w.chore), 0);
	assert_int_equal(done, 0);
	assert_int_equal(loop_run(rig->loop), 0);
	assert_int_equal(done, 1);
	/* What was sent is done before it is closed. */
	assert_int_equal(registry_send(rig->registry, &w.chore), 0);
	registry_stop(rig->registry);
	assert_int_equal(done, 2);
	assert_int_equal(registry_send(rig->registry, &w.chore), -ESHUTDOWN);
	assert_int_equal(registry_each_job(rig->registry, count_job, &n, NULL), 0);
	assert_int_equal(n, 1);
}

/* A limit on the size of files is to SQLite what a quota is. */
static void
a_quota_that_is_used_up_is_a_full_disk(void **state)
{
	struct rig *rig = *state;
	struct rlimit was, small;
	struct run_row row = a_run(1, RUN_DONE);
	struct why why = {""};
	int r = 0;

	open_registry(rig);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = (struct rlimit){.rlim_cur = 256 << 10, .rlim_max = was.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (row.id = 1; row.id < 10000 && r == 0; row.id++)
		r = registry_put_run(registry_db(rig->registry), &row, &why);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(registry_put_run(registry_db(rig->registry), &row, &why), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(jobs_are_there_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		runs_are_found_by_state_job_and_number, setup, teardown),
	    cmocka_unit_test_setup_teardown(no_number_is_given_twice, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		its_pages_in_memory_are_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_older_file_goes_forward, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_schedule_of_an_older_file_begins_when_its_job_was_made, setup,
		teardown),
	    cmocka_unit_test_setup_teardown(
		keys_are_forgotten_when_they_are_old, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_newer_file_and_a_strange_one_are_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_chore_is_done_on_its_thread_and_told_on_the_loop, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_quota_that_is_used_up_is_a_full_disk, setup, teardown),
	};

	(void)signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
