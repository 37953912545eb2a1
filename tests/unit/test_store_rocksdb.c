#include "store/store.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store_dir.h"

static struct store *
open_mode(const char *dir, enum store_mode mode)
{
	struct store_conf conf = {.dir = dir, .mode = mode};
	struct store *s;
	struct why why;

	if (store_open("rocksdb", &conf, &s, &why) < 0)
		fail_msg("%s", why.text);
	return s;
}

static void
put_one(struct store *s, const char *key, const char *value)
{
	struct store_batch *b;

	assert_int_equal(store_batch_new(1 << 10, &b), 0);
	assert_int_equal(
	    store_batch_put(b, STORE_HOST, slice_cstr(key), slice_cstr(value)), 0);
	assert_int_equal(store_apply(s, b, true, NULL), 0);
	store_batch_free(b);
}

static void
expect_one(struct store *s, const char *key, const char *value)
{
	struct buf b;

	buf_init(&b, 1 << 10);
	assert_int_equal(store_get(s, STORE_HOST, slice_cstr(key), &b), 0);
	assert_string_equal(buf_cstr(&b), value);
	buf_release(&b);
}

static void
what_was_applied_is_there_when_it_is_opened_again(void **state)
{
	const char *dir = store_dir_new();
	struct store *s = open_mode(dir, STORE_MAKE);

	(void)state;
	put_one(s, "a", "1");
	store_close(s);
	s = open_mode(dir, STORE_EXIST);
	expect_one(s, "a", "1");
	put_one(s, "a", "2");
	store_close(s);
	s = open_mode(dir, STORE_MAKE);
	expect_one(s, "a", "2");
	store_close(s);
}

static void
where_no_store_is_none_is_opened(void **state)
{
	struct store_conf conf = {.dir = store_dir_new(), .mode = STORE_EXIST};
	struct store *s = NULL;
	char want[sizeof(store_dirs[0]) + 64];
	struct why why;

	(void)state;
	assert_int_equal(store_open("rocksdb", &conf, &s, &why), -ENOENT);
	(void)snprintf(want, sizeof(want), "there is no crawl in %s", conf.dir);
	assert_string_equal(why.text, want);
	conf.mode = STORE_READ;
	assert_int_equal(store_open("rocksdb", &conf, &s, &why), -ENOENT);
	conf.dir = NULL;
	assert_int_equal(store_open("rocksdb", &conf, &s, &why), -EINVAL);
	assert_null(s);
}

static void
reading_changes_nothing(void **state)
{
	const char *dir = store_dir_new();
	struct store *s = open_mode(dir, STORE_MAKE);
	struct store_batch *b;
	struct why why;

	(void)state;
	put_one(s, "a", "1");
	store_close(s);
	s = open_mode(dir, STORE_READ);
	expect_one(s, "a", "1");
	assert_int_equal(store_batch_new(1 << 10, &b), 0);
	assert_int_equal(store_batch_delete(b, STORE_HOST, SLICE_LIT("a")), 0);
	assert_int_equal(store_apply(s, b, true, &why), -EROFS);
	assert_non_null(strstr(why.text, "reading only"));
	expect_one(s, "a", "1");
	store_batch_free(b);
	store_close(s);
}

static int
stores_are_removed(void **state)
{
	(void)state;
	store_dir_remove();
	return 0;
}

#define T(f) cmocka_unit_test_teardown(f, stores_are_removed)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(what_was_applied_is_there_when_it_is_opened_again),
	    T(where_no_store_is_none_is_opened),
	    T(reading_changes_nothing),
	};

	return cmocka_run_group_tests_name("store/rocksdb", tests, NULL, NULL);
}
