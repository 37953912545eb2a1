#include "base/dir_names.h"
#include "base/file_append.h"
#include "files_kit.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

static int dir_syncs;
static bool fails;

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int
__wrap_fsync(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		dir_syncs++;
		if (fails) {
			errno = EIO;
			return -1;
		}
	}
	return __real_fsync(fd);
}

struct env {
	char dir[KIT_PATH_MAX], other[KIT_PATH_MAX];
	struct file_append a, b, c;
};

static int
up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	dir_syncs = 0;
	fails = false;
	kit_scratch(e->dir);
	kit_scratch(e->other);
	assert_int_equal(file_append_init(&e->a, e->dir, 100, NULL), 0);
	assert_int_equal(file_append_init(&e->b, e->dir, 100, NULL), 0);
	assert_int_equal(file_append_init(&e->c, e->other, 100, NULL), 0);
	assert_int_equal(file_append_create(&e->a, "a", NULL), 0);
	assert_int_equal(file_append_create(&e->b, "b", NULL), 0);
	assert_int_equal(file_append_create(&e->c, "c", NULL), 0);
	*state = e;
	return 0;
}

static int
down(void **state)
{
	struct env *e = *state;

	file_append_release(&e->a);
	file_append_release(&e->b);
	file_append_release(&e->c);
	kit_remove(e->dir);
	kit_remove(e->other);
	free(e);
	return 0;
}

static void
names_made_in_one_directory_are_synced_once(void **state)
{
	struct env *e = *state;

	assert_int_equal(file_append_sync(&e->a, NULL), 0);
	assert_int_equal(dir_syncs, 1);
	assert_int_equal(file_append_sync(&e->b, NULL), 0);
	assert_int_equal(dir_syncs, 1);
	assert_int_equal(file_append_sync(&e->c, NULL), 0);
	assert_int_equal(dir_syncs, 2);
}

static void
a_name_made_after_the_sync_wants_its_own(void **state)
{
	struct env *e = *state;

	assert_int_equal(file_append_sync(&e->a, NULL), 0);
	assert_int_equal(file_append_rename(&e->b, "b2", NULL), 0);
	assert_int_equal(file_append_sync(&e->a, NULL), 0);
	assert_int_equal(dir_syncs, 1);
	assert_int_equal(file_append_sync(&e->b, NULL), 0);
	assert_int_equal(dir_syncs, 2);
}

static void
what_failed_counts_for_nobody(void **state)
{
	struct env *e = *state;

	fails = true;
	assert_int_equal(file_append_sync(&e->a, NULL), -EIO);
	assert_int_equal(file_append_sync(&e->b, NULL), -EIO);
	assert_int_equal(dir_syncs, 2);
	fails = false;
	assert_int_equal(file_append_sync(&e->a, NULL), -EIO); /* it sticks */
	assert_int_equal(dir_syncs, 2);
}

static void
who_comes_when_all_have_gone_begins_anew(void **state)
{
	struct env *e = *state;

	assert_int_equal(file_append_sync(&e->a, NULL), 0);
	file_append_release(&e->a);
	file_append_release(&e->b);
	assert_int_equal(file_append_init(&e->a, e->dir, 100, NULL), 0);
	assert_int_equal(file_append_init(&e->b, e->dir, 100, NULL), 0);
	assert_int_equal(file_append_open(&e->a, "a", 0, NULL), 0);
	assert_int_equal(file_append_sync(&e->a, NULL), 0);
	assert_int_equal(dir_syncs, 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(names_made_in_one_directory_are_synced_once),
	    T(a_name_made_after_the_sync_wants_its_own),
	    T(what_failed_counts_for_nobody),
	    T(who_comes_when_all_have_gone_begins_anew),
	};

	return cmocka_run_group_tests_name("base/dir_names", tests, NULL, NULL);
}
