/* What a power loss takes, and what it may not. */
#include "base/dir_make.h"
#include "base/file_append.h"
#include "fault_child.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEEDS = 200 };

static int
put(int fd, const char *text)
{
	return write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

static int
sync_dir(const char *name)
{
	int fd = open(name, O_RDONLY | O_DIRECTORY), r = fsync(fd);

	(void)close(fd);
	return r;
}

/* The child dies by itself, in no step: the parent makes it a power loss. */
static void
lose(const struct child_dirs *d, int seed)
{
	assert_int_equal(fault_power_loss(d->undo, d->dir, (uint64_t)seed, NULL), 0);
	assert_int_not_equal(access(d->undo, F_OK), 0);
}

static bool
is_there(const struct child_dirs *d, const char *name)
{
	char path[KIT_PATH_MAX + 64];

	(void)snprintf(path, sizeof(path), "%s/%s", d->dir, name);
	return access(path, F_OK) == 0;
}

/* ---- contents ---- */

static int
append(void *ctx)
{
	int fd = open("f", O_WRONLY | O_CREAT, 0644);

	(void)ctx;
	if (sync_dir(".") < 0 || put(fd, "what was synced;") < 0 || fdatasync(fd) < 0)
		return 1;
	return put(fd, "what was") < 0 || put(fd, " not") < 0;
}

static void
what_was_synced_stays_and_the_rest_may_go_in_part(void **state)
{
	static const char whole[] = "what was synced;what was not";
	int nothing = 0, part = 0, all = 0, wrong = 0;

	(void)state;
	for (int seed = 0; seed < SEEDS; seed++) {
		struct child_dirs d;
		struct slice f;

		child_dirs_make(&d);
		assert_int_equal(child_run(&d, "", append, NULL), 0);
		lose(&d, seed);
		f = kit_file(d.dir, "f");
		assert_in_range(f.len, 16, 28);
		assert_memory_equal(f.ptr, whole, 16);
		nothing += f.len == 16;
		all += f.len == 28 && memcmp(f.ptr, whole, 28) == 0;
		if (memcmp(f.ptr, whole, f.len) != 0)
			wrong++;
		else
			part += f.len > 16 && f.len < 28;
		kit_free(f);
		child_dirs_remove(&d);
	}
	assert_true(nothing > SEEDS / 4);
	assert_true(part > SEEDS / 10);
	assert_true(all > SEEDS / 20);
	assert_true(wrong > SEEDS / 40);
}

static int
overwrite(void *ctx)
{
	int fd = open("f", O_RDWR | O_CREAT, 0644);

	(void)ctx;
	if (sync_dir(".") < 0 || put(fd, "0123456789") < 0 || fsync(fd) < 0)
		return 1;
	if (pwrite(fd, "ab", 2, 4) != 2 || ftruncate(fd, 5) < 0)
		return 1;
	return pwrite(fd, "XYZ", 3, 5) != 3;
}

static void
overwritten_and_cut_off_bytes_come_back(void **state)
{
	/* After none, one, two and three of the changes. */
	static const char *const sound[] = {
	    "0123456789", "0123ab6789", "0123a", "0123aXYZ"};
	int seen[4] = {0};

	(void)state;
	for (int seed = 0; seed < SEEDS; seed++) {
		struct child_dirs d;
		struct slice f;

		child_dirs_make(&d);
		assert_int_equal(child_run(&d, "", overwrite, NULL), 0);
		lose(&d, seed);
		f = kit_file(d.dir, "f");
		assert_in_range(f.len, 5, 10);
		assert_memory_equal(f.ptr, "0123", 4);
		for (size_t i = 0; i < 4; i++)
			seen[i] += slice_eq(f, slice_cstr(sound[i]));
		kit_free(f);
		child_dirs_remove(&d);
	}
	for (size_t i = 0; i < 4; i++)
		assert_true(seen[i] > SEEDS / 40);
}

static int
nothing(void *ctx)
{
	(void)ctx;
	return 0;
}

static int
go_on(void *ctx)
{
	int fd = open("f", O_WRONLY | O_APPEND);

	(void)ctx;
	return put(fd, "!") < 0;
}

static void
what_a_process_left_unsynced_the_next_ones_loss_may_take(void **state)
{
	int back = 0;

	(void)state;
	for (int seed = 0; seed < SEEDS; seed++) {
		struct child_dirs d;
		struct slice f;

		child_dirs_make(&d);
		assert_int_equal(child_run(&d, "", append, NULL), 0);
		assert_int_equal(child_run(&d, "", nothing, NULL), 0);
		assert_int_equal(child_run(&d, "", go_on, NULL), 0);
		lose(&d, seed);
		f = kit_file(d.dir, "f");
		assert_in_range(f.len, 16, 29);
		back += f.len < 28;
		kit_free(f);
		child_dirs_remove(&d);
	}
	assert_true(back > SEEDS / 4);
}

static int
with_stdio(void *ctx)
{
	FILE *f = fopen("f", "w");
	bool *synced = ctx;

	if (f == NULL || fputs("0123456789", f) < 0 || fflush(f) != 0)
		return 1;
	if (*synced && (fsync(fileno(f)) < 0 || sync_dir(".") < 0))
		return 1;
	return fclose(f) == 0 ? 0 : 1;
}

static void
what_stdio_wrote_counts_as_unsynced_until_it_is_synced(void **state)
{
	(void)state;
	for (int seed = 0; seed < SEEDS; seed++) {
		bool synced = seed % 2 == 0;
		static int cut;
		struct child_dirs d;
		struct slice f;

		child_dirs_make(&d);
		assert_int_equal(child_run(&d, "", with_stdio, &synced), 0);
		lose(&d, seed);
		if (synced) {
			f = kit_file(d.dir, "f");
			assert_slice(f, "0123456789");
			kit_free(f);
		} else if (!is_there(&d, "f")) {
			cut++;
		}
		child_dirs_remove(&d);
		assert_true(seed < SEEDS - 2 || cut > SEEDS / 8);
	}
}

/* What `fn` left in the file, by each of so many losses. */
static void
loss_leaves_what_was_committed(int (*fn)(void *ctx), const char *file, int seeds)
{
	for (int seed = 0; seed < seeds; seed++) {
		struct child_dirs d;
		struct slice f;

		child_dirs_make(&d);
		assert_int_equal(child_run(&d, "", fn, NULL), 0);
		lose(&d, seed);
		f = kit_file(d.dir, file);
		assert_slice(f, "committed;");
		kit_free(f);
		child_dirs_remove(&d);
	}
}

static int
cut_back(void *ctx)
{
	struct file_append f;
	int fd = open("f", O_WRONLY | O_CREAT, 0644);

	(void)ctx;
	if (put(fd, "committed;not") < 0 || fsync(fd) < 0 || sync_dir(".") < 0)
		return 1;
	if (file_append_init(&f, ".", 100, NULL) < 0 ||
	    file_append_open(&f, "f", 10, NULL) < 0 || file_append_sync(&f, NULL) < 0)
		return 1;
	file_append_release(&f);
	return 0;
}

static void
what_a_growing_file_was_cut_back_to_is_durable_with_its_sync(void **state)
{
	(void)state;
	loss_leaves_what_was_committed(cut_back, "f", SEEDS / 4);
}

/* ---- names ---- */

static int
make_synced(void *ctx)
{
	int fd = open("a", O_WRONLY | O_CREAT, 0644);

	(void)ctx;
	if (put(fd, "a's") < 0 || fsync(fd) < 0)
		return 1;
	fd = open("b", O_WRONLY | O_CREAT, 0644);
	return put(fd, "b's") < 0 || fsync(fd) < 0 || sync_dir(".") < 0;
}

static int
change_names(void *ctx)
{
	bool *synced = ctx;
	int fd;

	if (make_synced(NULL) != 0 || rename("a", "b") < 0)
		return 1;
	fd = open("c", O_WRONLY | O_CREAT, 0644);
	if (put(fd, "c's") < 0 || fsync(fd) < 0 || unlink("b") < 0 ||
	    mkdir("sub", 0755) < 0)
		return 1;
	fd = open("sub/d", O_WRONLY | O_CREAT, 0644);
	if (put(fd, "d's") < 0 || fsync(fd) < 0 || sync_dir("sub") < 0)
		return 1;
	return *synced ? sync_dir(".") < 0 : 0;
}

/* What lies there: "a's a, b's b, ..." as far as it can be after some of the changes. */
static void
look(const struct child_dirs *d, char *ret, size_t max)
{
	struct kit_list list;
	size_t len = 0;

	kit_list(d->dir, "", &list);
	ret[0] = '\0';
	for (size_t i = 0; i < list.n; i++) {
		struct slice f = {0};
		bool is_dir = strcmp(list.names[i], "sub") == 0;

		if (is_dir)
			f = kit_file(d->dir, "sub/d");
		else
			f = kit_file(d->dir, list.names[i]);
		len += (size_t)snprintf(ret + len, max - len, "%s=" SLICE_FMT " ",
		    list.names[i], SLICE_ARG(f));
		kit_free(f);
	}
}

static void
names_go_back_in_order_and_only_those_that_were_not_synced(void **state)
{
	static const char *const sound[] = {
	    "a=a's b=b's ", "b=a's ", "b=a's c=c's ", "c=c's ", "c=c's sub=d's "};
	int seen[5] = {0};

	(void)state;
	for (int seed = 0; seed < SEEDS; seed++) {
		bool synced = seed % 4 == 0;
		struct child_dirs d;
		char text[256];
		size_t i = 0;

		child_dirs_make(&d);
		assert_int_equal(child_run(&d, "", change_names, &synced), 0);
		lose(&d, seed);
		look(&d, text, sizeof(text));
		while (i < 5 && strcmp(text, sound[i]) != 0)
			i++;
		if (i == 5)
			fail_msg("seed %d: %s", seed, text);
		if (synced)
			assert_int_equal(i, 4);
		else
			seen[i]++;
		child_dirs_remove(&d);
	}
	for (size_t i = 0; i < 5; i++)
		assert_true(seen[i] > SEEDS / 100);
}

/* What a crawl does at its beginning, and commits. */
static int
make_far_below(void *ctx)
{
	struct file_append f;

	(void)ctx;
	return dir_make("a/b//c", 0755) < 0 ||
	       file_append_init(&f, "a/b/c", 100, NULL) < 0 ||
	       file_append_create(&f, "log", NULL) < 0 ||
	       file_append_add(&f, SLICE_LIT("committed;"), NULL) < 0 ||
	       file_append_sync(&f, NULL) < 0;
}

static void
what_was_committed_in_a_new_directory_stays_with_all_above_it(void **state)
{
	(void)state;
	loss_leaves_what_was_committed(make_far_below, "a/b/c/log", SEEDS);
}

static int
make_only(void *ctx)
{
	(void)ctx;
	return dir_make("a/b/c", 0755) < 0;
}

/* The next one finds directories of which it cannot know whether they are durable. */
static void
it_stays_also_when_whoever_made_those_above_it_was_killed(void **state)
{
	int step = 1, r = CHILD_KILLED;

	(void)state;
	for (; r == CHILD_KILLED; step++) {
		for (int seed = 0; seed < SEEDS / 10; seed++) {
			struct child_dirs d;
			struct slice f;
			char plan[64];

			child_dirs_make(&d);
			(void)snprintf(plan, sizeof(plan), "kill=%d", step);
			r = child_run(&d, plan, make_only, NULL);
			assert_int_equal(child_run(&d, "", make_far_below, NULL), 0);
			lose(&d, seed);
			f = kit_file(d.dir, "a/b/c/log");
			assert_slice(f, "committed;");
			kit_free(f);
			child_dirs_remove(&d);
		}
	}
	assert_int_equal(step, 8); /* three are made, and each is synced */
}

/* ---- at a step ---- */

/* Commits as a careful program makes them: records, then a length that is believed. */
static int
commit_for_ever(void *ctx)
{
	int log = open("log", O_WRONLY | O_CREAT, 0644), fd;
	char length[16];

	(void)ctx;
	if (log < 0 || sync_dir(".") < 0)
		return 1;
	for (int i = 1;; i++) {
		if (put(log, "0123456789") < 0 || fdatasync(log) < 0)
			return 1;
		fd = open("length.new", O_WRONLY | O_CREAT | O_TRUNC, 0644);
		(void)snprintf(length, sizeof(length), "%06d", i * 10);
		if (fd < 0 || put(fd, length) < 0 || fsync(fd) < 0 || close(fd) < 0 ||
		    rename("length.new", "length") < 0 || sync_dir(".") < 0)
			return 1;
	}
}

static void
a_careful_program_never_finds_less_than_it_committed(void **state)
{
	(void)state;
	for (int seed = 0; seed < SEEDS; seed++) {
		int step = 3 + seed % 80, commits = (step - 3) / 7;
		struct child_dirs d;
		struct slice f;
		uint64_t length;
		char plan[64];

		child_dirs_make(&d);
		(void)snprintf(plan, sizeof(plan), "seed=%d,power=%d", seed, step);
		assert_int_equal(
		    child_run(&d, plan, commit_for_ever, NULL), CHILD_KILLED);
		assert_int_not_equal(access(d.undo, F_OK), 0);
		if (commits > 0) {
			f = kit_file(d.dir, "length");
			assert_int_equal(f.len, 6);
			assert_true(slice_to_u64(f, &length));
			kit_free(f);
			assert_in_range(length, commits * 10, commits * 10 + 10);
			f = kit_file(d.dir, "log");
			assert_true(f.len >= length);
			kit_free(f);
		}
		child_dirs_remove(&d);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_synced_stays_and_the_rest_may_go_in_part),
	    cmocka_unit_test(overwritten_and_cut_off_bytes_come_back),
	    cmocka_unit_test(what_a_process_left_unsynced_the_next_ones_loss_may_take),
	    cmocka_unit_test(what_stdio_wrote_counts_as_unsynced_until_it_is_synced),
	    cmocka_unit_test(
		what_a_growing_file_was_cut_back_to_is_durable_with_its_sync),
	    cmocka_unit_test(names_go_back_in_order_and_only_those_that_were_not_synced),
	    cmocka_unit_test(
		what_was_committed_in_a_new_directory_stays_with_all_above_it),
	    cmocka_unit_test(it_stays_also_when_whoever_made_those_above_it_was_killed),
	    cmocka_unit_test(a_careful_program_never_finds_less_than_it_committed),
	};

	return cmocka_run_group_tests_name("fault/power", tests, NULL, NULL);
}
