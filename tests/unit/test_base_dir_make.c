/* What a power loss leaves is in tests/fault/test_fault_power.c. */
#include "base/dir_make.h"
#include "files_kit.h"
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SYNCS_MAX = 16, NOBODY = 65534 };

static ino_t synced[SYNCS_MAX];
static size_t synced_len, file_systems;
static int fails; /* errno of each sync */

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_syncfs(int fd);

int
__wrap_fsync(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	assert_true(synced_len < SYNCS_MAX);
	synced[synced_len++] = st.st_ino;
	errno = fails;
	return fails != 0 ? -1 : __real_fsync(fd);
}

int
__wrap_syncfs(int fd)
{
	(void)fd;
	file_systems++;
	return 0;
}

static char dir[KIT_PATH_MAX];

static int
up(void **state)
{
	(void)state;
	kit_scratch(dir);
	assert_int_equal(chdir(dir), 0);
	synced_len = file_systems = 0;
	fails = 0;
	return 0;
}

static int
down(void **state)
{
	(void)state;
	assert_int_equal(chdir("/"), 0);
	kit_remove(dir);
	return 0;
}

static bool
is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void
assert_synced(size_t i, const char *path)
{
	struct stat st;

	assert_true(i < synced_len);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(synced[i], st.st_ino);
}

static void
those_above_are_made_too_and_each_name_is_synced(void **state)
{
	(void)state;
	assert_int_equal(dir_make("a/b//c/", 0777), 0);
	assert_true(is_dir("a/b/c"));
	assert_int_equal(synced_len, 3);
	assert_synced(0, ".");
	assert_synced(1, "a");
	assert_synced(2, "a/b");
}

static void
of_those_that_are_there_the_deepest_is_synced_and_no_other(void **state)
{
	(void)state;
	assert_int_equal(mkdir("a", 0777), 0);
	assert_int_equal(mkdir("a/b", 0777), 0);
	assert_int_equal(dir_make("a/b/c", 0777), 0);
	assert_int_equal(synced_len, 2);
	assert_synced(0, "a");
	assert_synced(1, "a/b");
	assert_int_equal(dir_make("a/b/c", 0777), 0);
	assert_int_equal(synced_len, 3);
	assert_synced(2, "a/b");
}

static void
a_link_leads_to_where_the_name_is(void **state)
{
	(void)state;
	assert_int_equal(mkdir("a", 0777), 0);
	assert_int_equal(mkdir("a/b", 0777), 0);
	assert_int_equal(symlink("a/b", "l"), 0);
	assert_int_equal(dir_make("l", 0777), 0);
	assert_int_equal(synced_len, 1);
	assert_synced(0, "a");
}

static void
each_has_the_mode_that_was_asked_for(void **state)
{
	mode_t mask = umask(022);
	struct stat st;

	(void)state;
	assert_int_equal(dir_make("a/b", 0770), 0);
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
	assert_int_equal(stat("a/b", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
	(void)umask(mask);
}

static void
what_cannot_be_a_directory_is_said(void **state)
{
	char name[PATH_MAX + 1];

	(void)state;
	kit_write(dir, "file", SLICE_LIT("x"));
	assert_int_equal(dir_make("file", 0777), -ENOTDIR);
	assert_int_equal(dir_make("file/a", 0777), -ENOTDIR);
	assert_int_equal(symlink("nowhere/at/all", "dangling"), 0);
	assert_int_equal(dir_make("dangling", 0777), -ENOENT);
	assert_int_equal(dir_make("", 0777), -ENOENT);
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(dir_make(name, 0777), -ENAMETOOLONG);
	assert_int_equal(dir_make("/", 0777), 0);
}

static void
a_name_that_cannot_be_synced_is_an_error(void **state)
{
	(void)state;
	fails = EIO;
	assert_int_equal(dir_make("a/b", 0777), -EIO);
	assert_false(
	    is_dir("a/b")); /* for it would be taken for one whose above is safe */
	assert_int_equal(dir_make("a/b", 0777), -EIO);
	fails = EINVAL; /* "does not support synchronization" */
	assert_int_equal(dir_make("a", 0777), 0);
	assert_int_equal(dir_make("a/b", 0777), -EINVAL);
}

/* Root may read everything, so a child becomes somebody else. */
static void
where_one_may_write_but_not_read_the_file_system_is_synced(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(chmod(dir, 0711), 0);
	assert_int_equal(mkdir("drop", 0777), 0);
	assert_int_equal(chmod("drop", 0333), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && setuid(NOBODY) < 0)
			_exit(77);
		_exit(dir_make("drop/a/b", 0777) == 0 && is_dir("drop/a/b") &&
			      file_systems == 1 && synced_len == 1
			  ? 0
			  : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(chmod("drop", 0777), 0);
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(those_above_are_made_too_and_each_name_is_synced),
	    T(of_those_that_are_there_the_deepest_is_synced_and_no_other),
	    T(a_link_leads_to_where_the_name_is),
	    T(each_has_the_mode_that_was_asked_for),
	    T(what_cannot_be_a_directory_is_said),
	    T(a_name_that_cannot_be_synced_is_an_error),
	    T(where_one_may_write_but_not_read_the_file_system_is_synced),
	};

	return cmocka_run_group_tests_name("base/dir_make", tests, NULL, NULL);
}
