/* A clock before 1970, with which RocksDB ends the process: nothing that would keep a crawl begins. */
#include "crawl/crawl.h"
#include "fault_child.h"
#include "loop/loop.h"
#include "store/store.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { CHILD_STARTED = 1, CHILD_SAID = 2, CHILD_BROKEN = 3 };

static int
told(int r, const struct why *why)
{
	if (r != -ERANGE)
		return CHILD_STARTED;
	return strstr(why->text, "the clock of this machine says 1") == why->text &&
		       strstr(why->text, ", which is before 1970: set it") != NULL
		   ? 0
		   : CHILD_SAID;
}

static int
open_store(void *ctx)
{
	struct store_conf conf = {.dir = ".", .mode = *(const enum store_mode *)ctx};
	struct why why = {""};
	struct store *s;

	return told(store_open("rocksdb", &conf, &s, &why), &why);
}

static int
start_engine(void *ctx)
{
	struct why why = {""};
	struct engine *e;
	struct options o;
	struct loop *l;

	(void)ctx;
	if (loop_new(&l) < 0 || options_init(&o) < 0)
		return CHILD_BROKEN;
	return told(engine_new(l, NULL, &o, &e, &why), &why);
}

static void
refused(child_fn *fn, void *ctx)
{
	struct child_dirs d;

	child_dirs_make(&d);
	assert_int_equal(child_run(&d, "clock=1:-2000000000", fn, ctx), 0);
	child_dirs_remove(&d);
}

static void
no_store_is_opened_before_1970_for_reading_or_writing(void **state)
{
	static enum store_mode modes[] = {STORE_MAKE, STORE_EXIST, STORE_READ};

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		refused(open_store, &modes[i]);
}

static void
no_crawl_begins_before_1970(void **state)
{
	(void)state;
	refused(start_engine, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_store_is_opened_before_1970_for_reading_or_writing),
	    cmocka_unit_test(no_crawl_begins_before_1970),
	};

	return cmocka_run_group_tests_name("fault/clock", tests, NULL, NULL);
}
