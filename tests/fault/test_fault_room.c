/*
 * What a quota that is used up looks like to who waits for room: like a disk that is full, whichever
 * call of whatever writes into a crawl's directory, or the service's, meets it.
 *
 * Each work is done under plan after plan: the n-th call of a kind and all behind it fail, n from 1
 * until the work has no such call any more.
 */
#include "../unit/test_sink_kit.h"
#include "crawl/quarantine.h"
#include "ctl/registry.h"
#include "fault_child.h"
#include "loop/loop.h"
#include "sink/mirror_page.h"
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

enum { CHILD_OTHER = 2, CHILD_BROKEN = 3, PAGES = 12, CALLS_MAX = 3000 };

/* Shared with the child. */
static struct shared {
	int r;
	struct why why;
} * shared;

static int
told(int r)
{
	shared->r = r;
	return r == 0 ? 0 : r == -ENOSPC ? 1 : CHILD_OTHER;
}

/* ---- works ---- */

static struct sink_event
a_page(const char *url, const char *file)
{
	return (struct sink_event){.kind = SINK_FETCH,
	    .outcome = OUTCOME_OK,
	    .response = true,
	    .final = true,
	    .status = 200,
	    .link = LINK_A,
	    .url = slice_cstr(url),
	    .mime = SLICE_LIT("image/png"),
	    .copy = SINK_COPY_BYTES,
	    .copy_bytes = SLICE_LIT("what is on the picture"),
	    .warc_file = slice_cstr(file),
	    .warc_length = 10};
}

static int
put_pages(struct sink *s)
{
	char url[64];
	int r = 0;

	for (int i = 0; i < PAGES && r == 0; i++) {
		struct sink_event e;

		(void)snprintf(url, sizeof(url), "http://a.test/%d/p.png", i);
		e = a_page(url, "trawl-demo.warc.gz");
		r = sink_put(s, &e, &shared->why);
	}
	return r;
}

static int
use_sink(void *ctx)
{
	struct sink_conf conf = kit_conf(".");
	struct sink *s;
	struct buf mark;
	int r, closed;

	conf.mirror_bytes_max = UINT64_MAX;
	r = sink_open(ctx, &conf, (struct slice){0}, &s, &shared->why);
	if (r < 0)
		return told(r);
	buf_init(&mark, 1 << 10);
	r = put_pages(s);
	if (r == 0)
		r = sink_sync(s, &shared->why);
	if (r == 0)
		r = sink_mark(s, &mark);
	if (r == 0)
		r = sink_committed(s, &shared->why);
	if (r == 0)
		r = sink_finish(s, &shared->why);
	closed = sink_close(s, r == 0, r == 0 ? &shared->why : NULL);
	buf_release(&mark);
	return told(r < 0 ? r : closed);
}

static int
use_quarantine(void *ctx)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\n\r\nbody";
	struct quarantine_case k = {.url = SLICE_LIT("http://a.test/"),
	    .head = slice_of(answer, 19),
	    .body = slice_of(answer + 19, 4)};
	char name[QUARANTINE_NAME_MAX];
	struct store_batch *b;
	struct quarantine q;
	struct store *s;
	int r;

	(void)ctx;
	if (store_open("memory", NULL, &s, &shared->why) < 0 ||
	    store_batch_new(1 << 20, &b) < 0)
		return CHILD_BROKEN;
	r = quarantine_load(&q, ".", s, &shared->why);
	if (r == 0)
		r = quarantine_put(&q, &k, b, name, &shared->why);
	quarantine_release(&q);
	store_batch_free(b);
	store_close(s);
	return told(r);
}

static int
use_registry(void *ctx)
{
	struct run_row row = {.id = 1,
	    .job = "docs",
	    .spec = "{}",
	    .state = RUN_RUNNING,
	    .trigger = "api",
	    .end = "",
	    .why = "",
	    .stats = ""};
	struct registry *g;
	struct loop *l;
	int r;

	(void)ctx;
	if (loop_new(&l) < 0)
		return CHILD_BROKEN;
	r = registry_open(l, "registry.db", &g, &shared->why);
	if (r == 0) {
		r = registry_put_run(registry_db(g), &row, &shared->why);
		registry_free(g);
	}
	loop_free(l);
	return told(r);
}

static int
use_store(void *ctx)
{
	struct store_conf conf = {.dir = ".", .memory_bytes = 1 << 20};
	struct store_batch *b;
	struct store *s;
	int r = store_open(ctx, &conf, &s, &shared->why);

	if (r < 0)
		return told(r);
	for (int i = 0; i < 20 && r == 0; i++) {
		if (store_batch_new(1 << 20, &b) < 0 ||
		    store_batch_put(b, STORE_META, SLICE_LIT("k"), SLICE_LIT("v")) < 0)
			return CHILD_BROKEN;
		r = store_apply(s, b, i % 3 == 0, &shared->why);
		store_batch_free(b);
	}
	store_close(s);
	return told(r);
}

/* ---- under all plans ---- */

/* 1: it had so many calls of the kind. */
static int
one_plan(const char *name, child_fn *work, void *ctx, const char *plan, bool *met)
{
	struct child_dirs d;
	bool fired;
	int r;

	child_dirs_make(&d);
	memset(shared, 0, sizeof(*shared));
	r = child_run(&d, plan, work, ctx);
	fired = child_counts()->fired > 0;
	child_dirs_remove(&d);
	if (r > 1 || (r == 1 && !fired))
		fail_msg("%s, %s: %d: %s", name, plan, shared->r, shared->why.text);
	*met |= r == 1;
	return fired;
}

static void
all_plans(const char *name, child_fn *work, void *ctx)
{
	static const char *const calls[] = {
	    "open", "write", "truncate", "fsync", "rename", "mkdir"};
	bool met = false;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		char plan[64];
		int n = 0, had = 1;

		while (had == 1 && n++ < CALLS_MAX) {
			(void)snprintf(plan, sizeof(plan), "%s=%d+:EDQUOT", calls[i], n);
			had = one_plan(name, work, ctx, plan, &met);
		}
		assert_true(n < CALLS_MAX);
	}
	assert_true(met);
}

static void
of_any_sink(void **state)
{
	static const char *const names[] = {"jsonl", "csv", "sqlite", "mirror",
	    "crawl-log", "rejected-log", "changes", "checks", "cdxj"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "%s", names[i]);
		all_plans(name, use_sink, name);
	}
}

static void
of_the_quarantine(void **state)
{
	(void)state;
	all_plans("quarantine", use_quarantine, NULL);
}

static void
of_the_registry(void **state)
{
	(void)state;
	all_plans("registry", use_registry, NULL);
}

static void
of_the_store(void **state)
{
	char kind[] = "rocksdb";

	(void)state;
	all_plans("store", use_store, kind);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_any_sink),
	    cmocka_unit_test(of_the_quarantine),
	    cmocka_unit_test(of_the_registry),
	    cmocka_unit_test(of_the_store),
	};

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(shared != MAP_FAILED);
	return cmocka_run_group_tests_name("fault/room", tests, NULL, NULL);
}
