#include "test_sink_kit.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

static int
down(void **state)
{
	struct kit_env *e = *state;

	(void)sink_close(e->s, true, NULL);
	kit_remove(e->dir);
	free(e);
	return 0;
}

static void
get_link(const void *links, size_t i, struct sink_link *ret)
{
	*ret = ((const struct sink_link *)links)[i];
}

static struct sink_event
page(const char *url)
{
	static const struct sink_link links[] = {
	    {LINK_A, OUTCOME_NONE, SLICE_LIT("http://a.test/1")},
	    {LINK_IMG, OUTCOME_OUT_OF_SCOPE, SLICE_LIT("http://b.test/")}};

	return (struct sink_event){.kind = SINK_FETCH,
	    .outcome = OUTCOME_OK,
	    .response = true,
	    .final = true,
	    .status = 200,
	    .title = SLICE_LIT("it's \xff \"one\""),
	    .url = slice_cstr(url),
	    .outlinks = links,
	    .outlinks_len = 2,
	    .outlink_get = get_link};
}

/* A reader of its own: the first row's first column. */
static void
check_sql(const struct kit_env *e, const char *sql, const char *want)
{
	char path[KIT_PATH_MAX + 32];
	sqlite3_stmt *q;
	sqlite3 *db;

	(void)snprintf(path, sizeof(path), "%s/pages.sqlite", e->dir);
	assert_int_equal(
	    sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(q, 0), want);
	(void)sqlite3_finalize(q);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
put(struct kit_env *e, const char *url)
{
	struct sink_event ev = page(url);

	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
}

static void
reopen(struct kit_env *e, const char *mark)
{
	(void)sink_close(e->s, false, NULL);
	e->s = NULL;
	assert_int_equal(
	    sink_open("sqlite", &e->conf, slice_cstr(mark), &e->s, &e->why), 0);
}

static void
what_a_commit_holds_takes_no_more_memory_than_it_may(void **state)
{
	struct kit_env *e = *state;
	sqlite3_int64 before;
	char url[1200];

	e->conf.sqlite_bytes = 256 << 10;
	reopen(e, "");
	put(e, "http://a.test/");
	before = sqlite3_memory_used();
	(void)sqlite3_memory_highwater(1);
	for (int i = 0; i < 4000; i++) { /* some 10 MB with the indexes */
		(void)snprintf(url, sizeof(url), "http://a.test/%d/%01000d", i * 7919, i);
		put(e, url);
	}
	assert_true(sqlite3_memory_highwater(0) - before < 512 << 10);
	/* A file that is there is opened with the same bound. */
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	reopen(e, "4001 8002");
	put(e, "http://a.test/z");
	before = sqlite3_memory_used();
	(void)sqlite3_memory_highwater(1);
	for (int i = 0; i < 2000; i++) {
		(void)snprintf(url, sizeof(url), "http://b.test/%d/%01000d", i * 7919, i);
		put(e, url);
	}
	assert_true(sqlite3_memory_highwater(0) - before < 512 << 10);
}

static void
pages_and_links_are_rows_that_can_be_asked_for(void **state)
{
	struct kit_env *e = *state;
	struct sink_event rejected = page("http://x.test/");
	struct buf mark;

	buf_init(&mark, 100);
	rejected.kind = SINK_REJECT;
	reopen(e, "");
	assert_int_equal(sink_mark(e->s, &mark), 0);
	assert_true(slice_eq(buf_slice(&mark), SLICE_LIT("0 0")));
	put(e, "http://a.test/");
	assert_int_equal(sink_put(e->s, &rejected, &e->why), 0);
	assert_int_equal(sink_mark(e->s, &mark), -EBUSY);
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	buf_clear(&mark);
	assert_int_equal(sink_mark(e->s, &mark), 0);
	assert_true(slice_eq(buf_slice(&mark), SLICE_LIT("1 2")));
	check_sql(e, "SELECT count(*) || title || status || ifnull(mime, '-') FROM pages",
	    "1it's \xef\xbf\xbd \"one\"200-");
	check_sql(e,
	    "SELECT group_concat(l.url || ' ' || l.kind || ' ' || ifnull(rejected, '-')) "
	    "FROM links l JOIN pages p ON p.id = l.page",
	    "http://a.test/1 a -,http://b.test/ img out-of-scope");
	check_sql(e, "PRAGMA integrity_check", "ok");
	buf_release(&mark);
}

#define TABLES "SELECT count(*) || '' FROM sqlite_schema WHERE type = 'table'"

static void
tables_are_there_with_the_first_commit_and_not_before(void **state)
{
	struct kit_env *e = *state;

	reopen(e, "");
	put(e, "http://a.test/");
	check_sql(e, TABLES, "0");
	reopen(e, "0 0"); /* killed before that */
	put(e, "http://a.test/");
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	check_sql(e, TABLES, "2");
	check_sql(e, "SELECT count(*) || '' FROM links", "2");
}

/* An older trawl made one after the other. */
static void
killed_between_its_tables_a_crawl_goes_on(void **state)
{
	struct kit_env *e = *state;
	char path[KIT_PATH_MAX + 32];
	sqlite3 *db;

	reopen(e, "");
	put(e, "http://a.test/");
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	(void)sink_close(e->s, false, NULL);
	e->s = NULL;
	(void)snprintf(path, sizeof(path), "%s/pages.sqlite", e->dir);
	assert_int_equal(
	    sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, "DROP TABLE links; DELETE FROM pages", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(
	    sink_open("sqlite", &e->conf, SLICE_LIT("1 2"), &e->s, &e->why), -EBADMSG);
	reopen(e, "0 0");
	put(e, "http://b.test/");
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	check_sql(e, "SELECT group_concat(url) FROM pages", "http://b.test/");
	check_sql(e, "SELECT count(*) || '' FROM links", "2");
}

static uint64_t
bytes_of(const struct kit_env *e, const char *name)
{
	char path[KIT_PATH_MAX + 32];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", e->dir, name);
	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_size;
}

/* In the log, from there in the tables; until then that is still to come. */
static void
what_it_takes_on_the_disk_is_told_before(void **state)
{
	struct kit_env *e = *state;
	char url[64];
	uint64_t now;

	reopen(e, "");
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(
		    url, sizeof(url), "http://a.test/%d/%d", i * 7919 % 3000, i);
		put(e, url);
	}
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	now = bytes_of(e, "pages.sqlite-wal") + bytes_of(e, "pages.sqlite") +
	      e->s->finish_bytes;
	assert_in_range(now, e->s->line_bytes / 2, e->s->line_bytes * 5 / 4);
	put(e, "http://a.test/");
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	now = bytes_of(e, "pages.sqlite") + e->s->finish_bytes;
	assert_int_equal(sink_close(e->s, true, &e->why), 0);
	e->s = NULL;
	assert_int_equal(bytes_of(e, "pages.sqlite"), now);
}

static void
put_scattered(struct kit_env *e, int from, int n)
{
	char url[160];

	for (int i = from; i < from + n; i++) {
		(void)snprintf(url, sizeof(url), "http://a.test/%08x/%0100d",
		    (unsigned)i * 2654435761u, i);
		put(e, url);
	}
}

/* A row in the middle of an index writes a page of it. */
static void
the_log_counts_by_its_length_where_that_is_more_than_the_rows(void **state)
{
	struct kit_env *e = *state;
	uint64_t told, log;

	reopen(e, "");
	put_scattered(e, 0, 40000);
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	put_scattered(e, 40000, 1);
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	log = bytes_of(e, "pages.sqlite-wal");
	assert_in_range(log, 1, 1100 << 10); /* a long one was cut off */
	told = e->s->line_bytes;
	put_scattered(e, 40001, 2000);
	assert_true(bytes_of(e, "pages.sqlite-wal") > log + (3 << 20));
	assert_true(e->s->line_bytes - told >= bytes_of(e, "pages.sqlite-wal") - log);
}

static void
a_file_that_is_ahead_is_cut_back_to_the_commit(void **state)
{
	struct kit_env *e = *state;

	reopen(e, "");
	put(e, "http://a.test/");
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	/* Committed here, and then the store did not come to it; and one that was not. */
	put(e, "http://a.test/ahead");
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	put(e, "http://a.test/lost");
	reopen(e, "1 2");
	check_sql(e, "SELECT group_concat(url) FROM pages", "http://a.test/");
	check_sql(e, "SELECT count(*) FROM links", "2");
	put(e, "http://a.test/again");
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	check_sql(e, "SELECT group_concat(id || url) FROM pages",
	    "1http://a.test/,2http://a.test/again");
	/* Before the first commit there was nothing. */
	reopen(e, "0 0");
	check_sql(e, "SELECT count(*) FROM pages", "0");
}

static void
a_file_that_has_less_or_is_another_ones_is_refused(void **state)
{
	struct kit_env *e = *state;

	reopen(e, "");
	put(e, "http://a.test/");
	assert_int_equal(sink_close(e->s, true, NULL), 0);
	e->s = NULL;
	assert_int_equal(
	    sink_open("sqlite", &e->conf, SLICE_LIT("2 2"), &e->s, &e->why), -EBADMSG);
	assert_non_null(strstr(e->why.text, "has less than was committed"));
	assert_int_equal(
	    sink_open("sqlite", &e->conf, SLICE_LIT("2"), &e->s, &e->why), -EBADMSG);
	assert_int_equal(
	    sink_open("sqlite", &e->conf, (struct slice){0}, &e->s, &e->why), -EEXIST);
	assert_null(e->s);
}

/* A process that dies within a transaction, without closing anything. */
static void
what_a_dead_process_committed_is_there(void **state)
{
	struct kit_env *e = *state;
	int status;
	uint64_t now;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		reopen(e, "");
		for (int i = 0; i < 500; i++)
			put(e, "http://a.test/");
		if (sink_sync(e->s, &e->why) == 0)
			for (int i = 0; i < 5000; i++)
				put(e, "http://a.test/lost");
		_exit(7);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 7);
	reopen(e, "500 1000");
	now = bytes_of(e, "pages.sqlite") + e->s->finish_bytes;
	check_sql(e, "SELECT count(*) FROM pages", "500");
	check_sql(e, "PRAGMA integrity_check", "ok");
	assert_int_equal(sink_close(e->s, true, &e->why), 0);
	e->s = NULL;
	assert_int_equal(bytes_of(e, "pages.sqlite"), now);
}

/* A limit on the size of files is a full disk to whoever writes. */
static void
a_full_disk_is_told_and_nothing_is_committed_after_it(void **state)
{
	struct kit_env *e = *state;
	struct sink_event ev = page("http://a.test/");
	struct rlimit was, small = {.rlim_cur = 512 << 10};
	struct buf mark;
	int r = 0;

	buf_init(&mark, 100);
	reopen(e, "");
	put(e, "http://a.test/");
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (int i = 0; i < 100000 && r == 0; i++) {
		r = sink_put(e->s, &ev, &e->why);
		if (r == 0 && i % 100 == 0)
			r = sink_sync(e->s, &e->why);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(sink_put(e->s, &ev, &e->why), r);
	assert_int_equal(sink_sync(e->s, &e->why), r);
	assert_int_equal(sink_mark(e->s, &mark), -EBUSY);
	reopen(e, "1 2");
	check_sql(e, "SELECT count(*) FROM pages", "1");
	check_sql(e, "PRAGMA integrity_check", "ok");
	buf_release(&mark);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		tables_are_there_with_the_first_commit_and_not_before, kit_env_up, down),
	    cmocka_unit_test_setup_teardown(
		killed_between_its_tables_a_crawl_goes_on, kit_env_up, down),
	    cmocka_unit_test_setup_teardown(
		what_a_commit_holds_takes_no_more_memory_than_it_may, kit_env_up, down),
	    cmocka_unit_test_setup_teardown(
		pages_and_links_are_rows_that_can_be_asked_for, kit_env_up, down),
	    cmocka_unit_test_setup_teardown(
		what_it_takes_on_the_disk_is_told_before, kit_env_up, down),
	    cmocka_unit_test_setup_teardown(
		the_log_counts_by_its_length_where_that_is_more_than_the_rows, kit_env_up,
		down),
	    cmocka_unit_test_setup_teardown(
		a_file_that_is_ahead_is_cut_back_to_the_commit, kit_env_up, down),
	    cmocka_unit_test_setup_teardown(
		a_file_that_has_less_or_is_another_ones_is_refused, kit_env_up, down),
	    cmocka_unit_test_setup_teardown(
		what_a_dead_process_committed_is_there, kit_env_up, down),
	    cmocka_unit_test_setup_teardown(
		a_full_disk_is_told_and_nothing_is_committed_after_it, kit_env_up, down),
	};

	(void)signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests_name("sink/sqlite", tests, NULL, NULL);
}
