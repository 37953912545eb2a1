#include "store/lockfile.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "store_dir.h"

static char path[512];

static void
new_path(void)
{
	(void)snprintf(path, sizeof(path), "%s/lock", store_dir_new());
}

static void
one_process_cannot_take_it_twice(void **state)
{
	struct lockfile *l, *other = NULL;
	struct why why;
	char want[64];
	int64_t owner = 0;

	(void)state;
	new_path();
	assert_false(lockfile_is_taken(path));
	assert_int_equal(lockfile_take(path, "the crawl", &l, &why), 0);
	assert_int_equal(lockfile_take(path, "the crawl", &other, &why), -EBUSY);
	assert_null(other);
	(void)snprintf(
	    want, sizeof(want), "the crawl is in use by process %ld", (long)getpid());
	assert_string_equal(why.text, want);
	assert_true(lockfile_owner(path, &owner));
	assert_int_equal(owner, getpid());
	assert_int_equal(lockfile_take(path, "the crawl", &other, &why), -EBUSY);
	lockfile_free(l);
	assert_false(lockfile_is_taken(path));
	assert_int_equal(lockfile_take(path, "the crawl", &l, &why), 0);
	lockfile_free(l);
	lockfile_free(NULL);
}

/* Holds the lock until it is killed. */
static pid_t
start_holder(void)
{
	struct lockfile *l;
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (lockfile_take(path, "it", &l, NULL) == 0)
			(void)!write(ready[1], "r", 1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	return pid;
}

static void
another_process_is_named_and_leaves_nothing_when_killed(void **state)
{
	struct lockfile *l = NULL;
	struct why why;
	char want[64];
	int64_t owner = 0;
	pid_t pid;

	(void)state;
	new_path();
	pid = start_holder();
	assert_int_equal(lockfile_take(path, "/a/crawl", &l, &why), -EBUSY);
	(void)snprintf(
	    want, sizeof(want), "/a/crawl is in use by process %ld", (long)pid);
	assert_string_equal(why.text, want);
	assert_true(lockfile_owner(path, &owner));
	assert_int_equal(owner, pid);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(lockfile_is_taken(path));
	assert_int_equal(lockfile_take(path, "/a/crawl", &l, &why), 0);
	lockfile_free(l);
}

static void
a_child_does_not_keep_it_after_its_parent(void **state)
{
	struct lockfile *l;
	int status;
	pid_t pid;

	(void)state;
	new_path();
	assert_int_equal(lockfile_take(path, "it", &l, NULL), 0);
	pid = fork();
	if (pid == 0) {
		struct lockfile *mine;
		struct why why;

		/* The parent's, whom it names; asking does not take it away. */
		if (lockfile_take(path, "it", &mine, &why) != -EBUSY ||
		    strtol(why.text + strlen("it is in use by process "), NULL, 10) !=
			getppid())
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(lockfile_is_taken(path));
	pid = fork();
	if (pid == 0)
		for (;;)
			(void)pause();
	lockfile_free(l);
	assert_false(lockfile_is_taken(path));
	assert_int_equal(lockfile_take(path, "it", &l, NULL), 0);
	lockfile_free(l);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
where_no_file_can_be_the_reason_is_told(void **state)
{
	struct lockfile *l = NULL;
	struct why why;

	(void)state;
	assert_int_equal(lockfile_take("/nowhere/lock", "it", &l, &why), -ENOENT);
	assert_string_equal(why.text, "/nowhere/lock: No such file or directory");
	assert_false(lockfile_is_taken("/nowhere/lock"));
}

static int
files_are_removed(void **state)
{
	(void)state;
	store_dir_remove();
	return 0;
}

#define T(f) cmocka_unit_test_teardown(f, files_are_removed)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(one_process_cannot_take_it_twice),
	    T(another_process_is_named_and_leaves_nothing_when_killed),
	    T(a_child_does_not_keep_it_after_its_parent),
	    T(where_no_file_can_be_the_reason_is_told),
	};

	return cmocka_run_group_tests_name("store/lockfile", tests, NULL, NULL);
}
