#include "base/file_append.h"
#include "files_kit.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUF_BYTES = 1000 };

struct env {
	char dir[KIT_PATH_MAX];
	struct file_append f;
	struct why why;
};

static int
up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	kit_scratch(e->dir);
	assert_int_equal(file_append_init(&e->f, e->dir, BUF_BYTES, &e->why), 0);
	*state = e;
	return 0;
}

static int
down(void **state)
{
	struct env *e = *state;

	file_append_release(&e->f);
	kit_remove(e->dir);
	free(e);
	return 0;
}

static void
assert_file(const struct env *e, const char *name, const char *want)
{
	struct slice s = kit_file(e->dir, name);

	assert_slice(s, want);
	kit_free(s);
}

static void
limit_files(rlim_t bytes)
{
	struct rlimit l;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = bytes == 0 ? l.rlim_max : bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void
bytes_are_in_the_file_once_flushed(void **state)
{
	struct env *e = *state;

	assert_int_equal(file_append_create(&e->f, "log", &e->why), 0);
	assert_int_equal(file_append_add(&e->f, SLICE_LIT("one\n"), &e->why), 0);
	assert_int_equal(file_append_at(&e->f), 4);
	assert_file(e, "log", "");
	assert_int_equal(file_append_flush(&e->f, &e->why), 0);
	assert_int_equal(file_append_at(&e->f), 4);
	assert_file(e, "log", "one\n");
	assert_int_equal(file_append_add(&e->f, SLICE_LIT("two\n"), &e->why), 0);
	assert_int_equal(file_append_sync(&e->f, &e->why), 0);
	assert_int_equal(file_append_sync(&e->f, &e->why), 0);
	assert_file(e, "log", "one\ntwo\n");
	file_append_check(&e->f);
}

static void
a_full_buffer_is_written_and_large_pieces_go_straight(void **state)
{
	struct env *e = *state;
	char piece[BUF_BYTES * 3];
	struct slice s;
	size_t total = 0;

	memset(piece, 'x', sizeof(piece));
	assert_int_equal(file_append_create(&e->f, "log", &e->why), 0);
	for (size_t n = 0; n <= sizeof(piece); n += 333) {
		assert_int_equal(file_append_add(&e->f, slice_of(piece, n), &e->why), 0);
		total += n;
		assert_int_equal(file_append_at(&e->f), total);
		file_append_check(&e->f);
	}
	assert_int_equal(file_append_flush(&e->f, &e->why), 0);
	s = kit_file(e->dir, "log");
	assert_int_equal(s.len, total);
	kit_free(s);
}

static void
a_file_that_holds_something_is_not_overwritten(void **state)
{
	struct env *e = *state;

	kit_write(e->dir, "log", SLICE_LIT("precious"));
	assert_int_equal(file_append_create(&e->f, "log", &e->why), -EEXIST);
	assert_non_null(
	    strstr(e->why.text, "/log' exists already and is not overwritten"));
	assert_file(e, "log", "precious");
	kit_write(e->dir, "empty", SLICE_LIT(""));
	assert_int_equal(file_append_create(&e->f, "empty", &e->why), 0);
}

static void
only_regular_files_are_opened(void **state)
{
	struct env *e = *state;
	char path[KIT_PATH_MAX + 8];

	(void)snprintf(path, sizeof(path), "%s/fifo", e->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(file_append_create(&e->f, "fifo", &e->why), -EINVAL);
	(void)snprintf(path, sizeof(path), "%s/link", e->dir);
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(file_append_create(&e->f, "link", &e->why), -ELOOP);
	assert_non_null(strstr(e->why.text, "/link'"));
	assert_int_equal(file_append_create(&e->f, "no/such", &e->why), -ENOENT);
}

static void
opening_cuts_back_to_the_mark(void **state)
{
	struct env *e = *state;

	kit_write(e->dir, "log", SLICE_LIT("good|torn"));
	assert_int_equal(file_append_open(&e->f, "log", 5, &e->why), 0);
	file_append_check(&e->f);
	assert_int_equal(file_append_add(&e->f, SLICE_LIT("more"), &e->why), 0);
	assert_int_equal(file_append_sync(&e->f, &e->why), 0);
	assert_file(e, "log", "good|more");
}

static void
opening_refuses_a_file_that_lost_bytes(void **state)
{
	struct env *e = *state;

	kit_write(e->dir, "log", SLICE_LIT("four"));
	assert_int_equal(file_append_open(&e->f, "log", 5, &e->why), -EBADMSG);
	assert_non_null(strstr(e->why.text, "holds 4 bytes, but 5 were committed"));
	assert_file(e, "log", "four");
	assert_int_equal(file_append_open(&e->f, "gone", 5, &e->why), -ENOENT);
	assert_int_equal(file_append_open(&e->f, "gone", 0, &e->why), 0);
}

/* A piece of `letter`s, as long as the buffer. */
static struct slice
piece(char *store, char letter)
{
	memset(store, letter, BUF_BYTES);
	return slice_of(store, BUF_BYTES);
}

static void
a_short_write_is_cut_back_and_can_be_tried_again(void **state)
{
	struct env *e = *state;
	char store[BUF_BYTES], large[BUF_BYTES * 4];
	struct slice s;

	assert_int_equal(file_append_create(&e->f, "log", &e->why), 0);
	assert_int_equal(file_append_add(&e->f, piece(store, 'a'), &e->why), 0);
	assert_int_equal(file_append_add(&e->f, piece(store, 'b'), &e->why), 0);

	limit_files(BUF_BYTES + 300);
	for (int i = 0; i < 2; i++) {
		int r = file_append_add(&e->f, piece(store, 'c'), &e->why);
		uint64_t at = file_append_at(&e->f);

		limit_files(0); /* before something is printed */
		assert_int_equal(r, -ENOSPC);
		assert_non_null(strstr(e->why.text, "cannot write '"));
		assert_int_equal(at, 2 * BUF_BYTES);
		file_append_check(&e->f);
		assert_int_equal(e->f.pos, BUF_BYTES);
		limit_files(BUF_BYTES + 300);
	}
	limit_files(0);

	assert_int_equal(file_append_add(&e->f, piece(store, 'c'), &e->why), 0);
	assert_int_equal(file_append_flush(&e->f, &e->why), 0);
	memset(large, 'd', sizeof(large));
	limit_files(3 * BUF_BYTES + 1500);
	assert_int_equal(
	    file_append_add(&e->f, slice_of(large, sizeof(large)), NULL), -ENOSPC);
	limit_files(0);
	file_append_check(&e->f);
	assert_int_equal(e->f.pos, 3 * BUF_BYTES);
	assert_int_equal(
	    file_append_add(&e->f, slice_of(large, sizeof(large)), &e->why), 0);
	assert_int_equal(file_append_sync(&e->f, &e->why), 0);

	s = kit_file(e->dir, "log");
	assert_int_equal(s.len, 7 * BUF_BYTES);
	for (size_t i = 0; i < s.len; i++)
		assert_int_equal(s.ptr[i], "abcdddd"[i / BUF_BYTES]);
	kit_free(s);
}

static void
a_full_disk_is_told_and_survived(void **state)
{
	struct env *e = *state;
	char store[BUF_BYTES];
	struct slice s;
	size_t put = 0;
	int r;

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", e->dir, "tmpfs", 0, "size=16k") != 0)
		skip(); /* needs root; the limit above stands in for it */
	file_append_release(&e->f);
	assert_int_equal(file_append_init(&e->f, e->dir, BUF_BYTES, &e->why), 0);
	assert_int_equal(file_append_create(&e->f, "log", &e->why), 0);
	while (
	    (r = file_append_add(&e->f, piece(store, (char)('a' + put)), &e->why)) == 0 &&
	    put < 25)
		put++;
	assert_int_equal(r, -ENOSPC);
	assert_non_null(strstr(e->why.text, "No space left on device"));
	assert_in_range(put, 12, 18);
	file_append_check(&e->f);
	assert_int_equal(e->f.pos % BUF_BYTES, 0);

	assert_int_equal(mount("none", e->dir, "tmpfs", MS_REMOUNT, "size=64k"), 0);
	assert_int_equal(
	    file_append_add(&e->f, piece(store, (char)('a' + put)), &e->why), 0);
	assert_int_equal(file_append_sync(&e->f, &e->why), 0);
	s = kit_file(e->dir, "log");
	assert_int_equal(s.len, (put + 1) * BUF_BYTES);
	for (size_t i = 0; i < s.len; i++)
		assert_int_equal(s.ptr[i], 'a' + (int)(i / BUF_BYTES));
	kit_free(s);
	file_append_release(&e->f);
	assert_int_equal(umount2(e->dir, MNT_DETACH), 0);
}

static void
a_failed_sync_sticks(void **state)
{
	struct env *e = *state;
	int ends[2], fd;

	assert_int_equal(file_append_create(&e->f, "log", &e->why), 0);
	assert_int_equal(file_append_add(&e->f, SLICE_LIT("x"), &e->why), 0);
	assert_int_equal(file_append_flush(&e->f, &e->why), 0);
	assert_int_equal(pipe(ends), 0);
	fd = dup(e->f.fd);
	assert_true(fd >= 0);
	assert_true(dup2(ends[1], e->f.fd) >= 0); /* a pipe cannot be synced */
	assert_int_equal(file_append_sync(&e->f, &e->why), -EINVAL);
	assert_true(dup2(fd, e->f.fd) >= 0);
	assert_int_equal(file_append_sync(&e->f, &e->why), -EINVAL);
	assert_non_null(strstr(e->why.text, "go on from the last commit"));
	(void)close(fd);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void
one_file_follows_the_other(void **state)
{
	struct env *e = *state;

	assert_int_equal(file_append_create(&e->f, "a.open", &e->why), 0);
	assert_int_equal(file_append_add(&e->f, SLICE_LIT("one"), &e->why), 0);
	assert_int_equal(file_append_sync(&e->f, &e->why), 0);
	assert_int_equal(file_append_rename(&e->f, "a", &e->why), 0);
	file_append_close(&e->f);
	assert_int_equal(file_append_at(&e->f), 3);
	assert_int_equal(file_append_sync(&e->f, &e->why), 0);
	assert_int_equal(file_append_create(&e->f, "b", &e->why), 0);
	assert_int_equal(file_append_at(&e->f), 0);
	assert_file(e, "a", "one");
}

static void
a_missing_directory_is_told(void **state)
{
	struct env *e = *state;
	struct file_append f;

	assert_int_equal(file_append_init(&f, "/nonexistent/x", 10, &e->why), -ENOENT);
	assert_non_null(strstr(e->why.text, "/nonexistent/x"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(bytes_are_in_the_file_once_flushed, up, down),
	    cmocka_unit_test_setup_teardown(
		a_full_buffer_is_written_and_large_pieces_go_straight, up, down),
	    cmocka_unit_test_setup_teardown(
		a_file_that_holds_something_is_not_overwritten, up, down),
	    cmocka_unit_test_setup_teardown(only_regular_files_are_opened, up, down),
	    cmocka_unit_test_setup_teardown(opening_cuts_back_to_the_mark, up, down),
	    cmocka_unit_test_setup_teardown(
		opening_refuses_a_file_that_lost_bytes, up, down),
	    cmocka_unit_test_setup_teardown(
		a_short_write_is_cut_back_and_can_be_tried_again, up, down),
	    cmocka_unit_test_setup_teardown(a_full_disk_is_told_and_survived, up, down),
	    cmocka_unit_test_setup_teardown(a_failed_sync_sticks, up, down),
	    cmocka_unit_test_setup_teardown(one_file_follows_the_other, up, down),
	    cmocka_unit_test_setup_teardown(a_missing_directory_is_told, up, down),
	};

	return cmocka_run_group_tests_name("base/file_append", tests, NULL, NULL);
}
