#include "base/file_whole.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/trawl-whole-XXXXXX";

static void
path_of(char ret[64], const char *name)
{
	(void)snprintf(ret, 64, "%s/%s", dir, name);
}

static void
assert_holds(const char *name, const char *want)
{
	char path[64], text[64];
	FILE *f;
	size_t n;

	path_of(path, name);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	text[n] = '\0';
	assert_string_equal(text, want);
}

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
remove_dir(void **state)
{
	static const char *const names[] = {"a", "b", "c"};
	char path[64];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_of(path, names[i]);
		(void)unlink(path);
	}
	path_of(path, "d");
	(void)rmdir(path);
	return rmdir(dir); /* nothing else was left */
}

static void
a_file_is_made_and_replaced(void **state)
{
	struct why why;

	(void)state;
	assert_int_equal(file_whole_write(dir, "a", 0644, SLICE_LIT("one"), &why), 0);
	assert_holds("a", "one");
	assert_int_equal(file_whole_write(dir, "a", 0644, SLICE_LIT("2"), &why), 0);
	assert_holds("a", "2");
}

static void
one_for_the_owner_is_so_whatever_a_crash_left(void **state)
{
	char path[64];
	struct stat st;
	struct why why;
	int fd;

	(void)state;
	path_of(path, "b.new");
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(file_whole_write(dir, "b", 0600, SLICE_LIT("secret"), &why), 0);
	path_of(path, "b");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_holds("b", "secret");
}

static void
what_cannot_be_replaced_is_told_and_leaves_nothing(void **state)
{
	char path[64];
	struct why why;

	(void)state;
	path_of(path, "d");
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(file_whole_write(dir, "d", 0644, SLICE_LIT("x"), &why), -EISDIR);
	assert_non_null(strstr(why.text, "cannot write"));
	path_of(path, "d.new");
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(
	    file_whole_write("/nowhere/at/all", "a", 0644, SLICE_LIT("x"), &why),
	    -ENOENT);
}

static void
what_a_user_named_is_written_into_where_it_is_no_plain_file(void **state)
{
	char path[64], real[64], got[8] = "";
	struct stat st;
	struct why why;
	int fd;

	(void)state;
	path_of(path, "a");
	(void)unlink(path);
	assert_int_equal(mkfifo(path, 0644), 0);
	assert_int_equal(chmod(path, 0644), 0); /* whatever the umask is */
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(file_whole_write_at(path, 0600, SLICE_LIT("one"), &why), 0);
	assert_int_equal(read(fd, got, sizeof(got) - 1), 3);
	assert_string_equal(got, "one");
	(void)close(fd);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISFIFO(st.st_mode) && (st.st_mode & 0777) == 0644);
	path_of(real, "b");
	path_of(path, "c");
	assert_int_equal(symlink("b", path), 0);
	assert_int_equal(file_whole_write_at(real, 0600, SLICE_LIT("two"), &why), 0);
	assert_int_equal(file_whole_write_at(path, 0600, SLICE_LIT("three"), &why), 0);
	assert_holds("b", "three");
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(file_whole_write_at(dir, 0600, SLICE_LIT("x"), &why), -EISDIR);
	path_of(path, "no/such");
	assert_int_equal(file_whole_write_at(path, 0600, SLICE_LIT("x"), &why), -ENOENT);
}

static void
what_a_link_leads_to_is_made_where_it_is_not_there_yet(void **state)
{
	char link[64], sub[64], path[64];
	struct stat st;
	struct why why;

	(void)state;
	path_of(sub, "sub");
	path_of(link, "sub/to");
	assert_int_equal(mkdir(sub, 0755), 0);
	assert_int_equal(symlink("../made", link), 0);
	path_of(path, "made");
	for (int i = 0; i < 2; i++) {
		struct slice text = slice_cstr(i == 0 ? "first" : "second");

		assert_int_equal(file_whole_write_at(link, 0600, text, &why), 0);
		assert_holds("made", text.ptr);
		assert_int_equal(lstat(link, &st), 0);
		assert_true(S_ISLNK(st.st_mode));
		assert_int_equal(lstat(path, &st), 0);
		assert_true(S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0600);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink("no/such", link), 0);
	assert_int_equal(file_whole_write_at(link, 0600, SLICE_LIT("x"), &why), -ENOENT);
	assert_non_null(strstr(why.text, "cannot write"));
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink("to", link), 0); /* to itself */
	assert_int_equal(file_whole_write_at(link, 0600, SLICE_LIT("x"), &why), -ELOOP);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(rmdir(sub), 0);
}

/* A file that may not grow stands for a disk that is full. */
static void
what_a_link_leads_to_is_not_left_empty_when_there_is_no_room_for_it(void **state)
{
	void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
	char link[64], path[64];
	struct rlimit was, none;
	struct why why;
	int r;

	(void)state;
	path_of(link, "behind");
	path_of(path, "room");
	assert_int_equal(symlink("room", link), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = was.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	r = file_whole_write_at(link, 0600, SLICE_LIT("text"), &why);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	(void)signal(SIGXFSZ, before);
	assert_int_equal(r, -EFBIG);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(file_whole_write_at(link, 0600, SLICE_LIT("text"), &why), 0);
	assert_holds("room", "text");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(link), 0);
}

static void
what_others_put_in_its_way_is_not_written_into(void **state)
{
	static const char *const ways[] = {"link", "symbolic link", "pipe"};
	char path[64], way[64];
	struct stat st;
	struct why why;

	(void)state;
	path_of(way, "b.new");
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		print_message("%s\n", ways[i]);
		assert_int_equal(
		    file_whole_write(dir, "a", 0644, SLICE_LIT("theirs"), &why), 0);
		path_of(path, "a");
		assert_int_equal(i == 0   ? link(path, way)
				 : i == 1 ? symlink("a", way)
					  : mkfifo(way, 0644),
		    0);
		assert_int_equal(
		    file_whole_write(dir, "b", 0600, SLICE_LIT("secret"), &why), 0);
		assert_holds("a", "theirs");
		assert_holds("b", "secret");
		path_of(path, "b");
		assert_int_equal(lstat(path, &st), 0);
		assert_true(S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0600);
	}
}

static void
two_at_once_do_not_publish_each_others_unfinished_file(void **state)
{
	struct file_whole first, second;
	char path[64];
	struct why why = {""};

	(void)state;
	path_of(path, "c");
	assert_int_equal(file_whole_begin(&first, path, 0644, &why), 0);
	assert_true(fputs("the fi", first.f) > 0);
	assert_int_equal(file_whole_begin(&second, path, 0644, &why), -EBUSY);
	assert_non_null(strstr(why.text, "/c.new is being written by another process"));
	assert_int_equal(
	    file_whole_write(dir, "c", 0644, SLICE_LIT("the other"), &why), -EBUSY);
	assert_int_equal(access(path, F_OK), -1);
	assert_true(fputs("rst", first.f) > 0);
	assert_int_equal(file_whole_end(&first, 0, false, &why), 0);
	assert_holds("c", "the first");
	assert_int_equal(file_whole_begin(&second, path, 0644, &why), 0);
	assert_true(fputs("the second", second.f) > 0);
	assert_int_equal(file_whole_end(&second, 0, false, &why), -EEXIST);
	assert_holds("c", "the first");
	assert_int_equal(file_whole_begin(&second, path, 0644, &why), 0);
	assert_int_equal(file_whole_end(&second, -EIO, true, &why), -EIO);
	assert_holds("c", "the first");
	assert_int_equal(file_whole_begin(&second, path, 0644, &why), 0);
	assert_true(fputs("the second", second.f) > 0);
	assert_int_equal(file_whole_end(&second, 0, true, &why), 0);
	assert_holds("c", "the second");
	assert_int_equal(unlink(path), 0);
}

static void
who_writes_a_small_file_waits_for_another_writer(void **state)
{
	const struct timespec a_moment = {.tv_nsec = 30 * 1000000};
	struct file_whole first;
	struct why why;
	char path[64];
	int status;
	pid_t pid;

	(void)state;
	path_of(path, "c");
	assert_int_equal(file_whole_begin(&first, path, 0644, &why), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(fileno(first.f)); /* it is the parent's */
		_exit(-file_whole_write(dir, "c", 0644, SLICE_LIT("second"), &why));
	}
	(void)nanosleep(&a_moment, NULL);
	assert_int_equal(file_whole_end(&first, 0, true, &why), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_holds("c", "second");
	assert_int_equal(unlink(path), 0);
}

static void
what_a_crash_left_is_taken_for_no_writer(void **state)
{
	char path[64], left[64];
	struct file_whole w;
	struct why why;
	FILE *f;

	(void)state;
	path_of(path, "c");
	path_of(left, "c.new");
	f = fopen(left, "we");
	assert_non_null(f);
	assert_true(fputs("half, and longer than the whole", f) > 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(file_whole_begin(&w, path, 0644, &why), 0);
	assert_true(fputs("whole", w.f) > 0);
	assert_int_equal(file_whole_end(&w, 0, true, &why), 0);
	assert_holds("c", "whole");
	assert_int_equal(access(left, F_OK), -1);
	assert_int_equal(unlink(path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_file_is_made_and_replaced),
	    cmocka_unit_test(one_for_the_owner_is_so_whatever_a_crash_left),
	    cmocka_unit_test(what_cannot_be_replaced_is_told_and_leaves_nothing),
	    cmocka_unit_test(what_a_link_leads_to_is_made_where_it_is_not_there_yet),
	    cmocka_unit_test(
		what_a_link_leads_to_is_not_left_empty_when_there_is_no_room_for_it),
	    cmocka_unit_test(what_others_put_in_its_way_is_not_written_into),
	    cmocka_unit_test(two_at_once_do_not_publish_each_others_unfinished_file),
	    cmocka_unit_test(who_writes_a_small_file_waits_for_another_writer),
	    cmocka_unit_test(what_a_crash_left_is_taken_for_no_writer),
	    cmocka_unit_test(what_a_user_named_is_written_into_where_it_is_no_plain_file),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
