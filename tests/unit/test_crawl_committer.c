#include "crawl/committer.h"
#include "crawl/crawl_internal.h"
#include "crawl/scope.h"
#include "crawl/space.h"
#include "frontier/order.h"
#include "store/store.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "store_dir.h"

enum {
	SEED = 7,
	PAGE_BYTES = 4096,
	BLOCK_BYTES = 4096,
	FILES = 4,               /* archive, two logs, index, at least */
	REPORTS_BYTES = 48 << 10 /* expected of those that are made at the end */
};

struct env {
	struct loop *loop;
	const char *dir;
	struct committer *committer;
	struct commit broken, closing;
	int err; /* of the last reply */
	uint64_t disk_bytes;
};

static void
on_reply(void *ctx, struct commit *m)
{
	struct env *e = ctx;

	e->err = m->err;
	e->disk_bytes = m->disk_bytes;
	if (m->kind == COMMIT_CLOSE)
		loop_stop(e->loop);
}

static int
up(void **state)
{
	static struct env e;

	e = (struct env){.dir = store_dir_new()};
	*state = &e;
	return loop_new(&e.loop);
}

static int
down(void **state)
{
	struct env *e = *state;

	committer_free(e->committer);
	commit_release(&e->broken);
	commit_release(&e->closing);
	loop_free(e->loop);
	store_dir_remove();
	return 0;
}

/* With an archive; `hostname` is the caller's for the call only. */
static void
start(struct env *e, const char *hostname)
{
	static const char *const seeds[] = {"http://h.test/"}, *const sinks[] = {"warc"};
	struct committer_conf conf = {.loop = e->loop,
	    .saved = {.hash_seed = SEED, .seq = 1, .order = "bfs"},
	    .dir = e->dir,
	    .sinks = sinks,
	    .sinks_len = 1,
	    .sink = {.dir = e->dir,
		.job = "job",
		.robots = "obey",
		.software = "trawl",
		.hostname = hostname,
		.warc_bytes_max = 1 << 20,
		.run_id = {1, 2}},
	    .order = order_find(SLICE_LIT("bfs")),
	    .commit_ms = 1000,
	    .commit_bytes = 32 << 20,
	    .disk_bytes_max = 1 << 20,
	    .mails_max = 8,
	    .ctx = e,
	    .on_reply = on_reply};
	struct why why = {""};
	struct options o;
	struct buf scope;

	buf_init(&scope, 1 << 20);
	assert_int_equal(options_init(&o), 0);
	assert_int_equal(scope_settings(&o, seeds, 1, SEED, &scope, &why), 0);
	crawl_traps_conf(&o, &conf.traps);
	conf.scope_settings = buf_slice(&scope);
	assert_int_equal(store_open("memory", NULL, &conf.store, &why), 0);
	if (committer_new(&conf, &e->committer, &why) < 0)
		fail_msg("%s", why.text);
	options_release(&o);
	buf_release(&scope);
}

/* Files that are still written to end in ".open". */
static int
whole_files(const struct env *e)
{
	char path[300];
	struct dirent *at;
	int n = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/warc", e->dir);
	d = opendir(path);
	assert_non_null(d);
	while ((at = readdir(d)) != NULL)
		n += slice_ends(slice_cstr(at->d_name), SLICE_LIT(".warc"));
	(void)closedir(d);
	return n;
}

/* Its file is opened again for that. */
static void
after_a_failure_the_archive_is_cut_back_without_what_was_lent_for_the_start(void **state)
{
	struct env *e = *state;
	char *lent = mmap(
	    NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(lent, MAP_FAILED);
	(void)snprintf(lent, PAGE_BYTES, "host.test");
	start(e, lent);
	assert_int_equal(munmap(lent, PAGE_BYTES), 0);

	commit_init(&e->broken, COMMIT_RAISE, e);
	assert_int_equal(buf_add(&e->broken.raised, "no record", 9), 0);
	assert_int_equal(committer_send(e->committer, &e->broken), 0);
	commit_init(&e->closing, COMMIT_CLOSE, e);
	assert_int_equal(committer_send(e->committer, &e->closing), 0);
	assert_int_equal(loop_run(e->loop), 0);
	assert_int_equal(e->err, -EBADMSG);
	assert_int_equal(whole_files(e), 1);
}

/* Files are counted by blocks when the disk is measured, and by bytes in between. */
static void
of_the_disk_each_file_may_take_a_block_more_than_was_measured(void **state)
{
	struct env *e = *state;

	start(e, "host.test");
	commit_init(&e->closing, COMMIT_CLOSE, e);
	assert_int_equal(committer_send(e->committer, &e->closing), 0);
	assert_int_equal(loop_run(e->loop), 0);
	assert_int_equal(e->err, 0);
	assert_true(
	    e->disk_bytes >= space_taken(e->dir) + REPORTS_BYTES + FILES * BLOCK_BYTES);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, up, down)
	const struct CMUnitTest tests[] = {
	    TEST(
		after_a_failure_the_archive_is_cut_back_without_what_was_lent_for_the_start),
	    TEST(of_the_disk_each_file_may_take_a_block_more_than_was_measured),
	};

	return cmocka_run_group_tests_name("crawl/committer", tests, NULL, NULL);
}
