#include "store/rocksdb.h"
#include <errno.h>
#include <fcntl.h>
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

/* How opening fails, and with what sentence: it must contain `words`. */
static void
expect_refused(const char *dir, enum store_mode mode, int want, const char *words)
{
	struct store_conf conf = {.dir = dir, .mode = mode};
	struct store *s = NULL;
	struct why why = {""};
	int r = store_open("rocksdb", &conf, &s, &why);

	if (r != want || strstr(why.text, words) == NULL)
		fail_msg("%d instead of %d: %s", r, want, why.text);
	assert_null(s);
	assert_null(strchr(why.text, '\n'));
}

static void
delete_one(struct store *s, const char *key, int want)
{
	struct store_batch *b;
	struct why why;

	assert_int_equal(store_batch_new(1 << 10, &b), 0);
	assert_int_equal(store_batch_delete(b, STORE_HOST, slice_cstr(key)), 0);
	assert_int_equal(store_apply(s, b, true, &why), want);
	if (want == -EROFS)
		assert_non_null(strstr(why.text, "reading only"));
	store_batch_free(b);
}

/* The store as a kill -9 would leave it after puts of a=1 and b=2. */
static const char *
killed_store(void)
{
	const char *dir = store_dir_new(), *killed = store_dir_new();
	struct store *s = open_mode(dir, STORE_MAKE);

	put_one(s, "a", "1");
	put_one(s, "b", "2");
	store_files_copy(dir, killed);
	store_close(s);
	return killed;
}

static const char *
closed_store(void)
{
	const char *dir = store_dir_new();
	struct store *s = open_mode(dir, STORE_MAKE);

	put_one(s, "a", "1");
	put_one(s, "b", "2");
	store_close(s);
	return dir;
}

static void
expect_both(const char *dir, enum store_mode mode)
{
	struct store *s = open_mode(dir, mode);
	uint64_t keys[STORE_TABLE_MAX];
	struct why why;

	expect_one(s, "a", "1");
	expect_one(s, "b", "2");
	assert_int_equal(store_verify(s, keys, &why), 0);
	assert_int_equal(keys[STORE_HOST], 2);
	assert_int_equal(keys[STORE_SEEN], 0);
	store_close(s);
}

static void
reading_changes_nothing(void **state)
{
	static char before[1 << 20], after[1 << 20];
	const char *dirs[] = {closed_store(), killed_store()};

	(void)state;
	for (int i = 0; i < 2; i++) {
		const char *copy = store_dir_new();
		struct store_files was, is;
		struct store *s;

		store_files_copy(dirs[i], copy);
		expect_both(copy, STORE_READ);
		s = open_mode(copy, STORE_READ);
		delete_one(s, "a", -EROFS);
		expect_one(s, "a", "1");
		store_close(s);
		store_files_list(dirs[i], &was);
		store_files_list(copy, &is);
		assert_int_equal(was.len, is.len);
		for (int k = 0; k < was.len; k++) {
			size_t n =
			    store_file_read(copy, is.name[k], after, sizeof(after));

			assert_string_equal(was.name[k], is.name[k]);
			assert_int_equal(n, store_file_read(dirs[i], was.name[k], before,
						sizeof(before)));
			assert_memory_equal(before, after, n);
		}
	}
}

static void
only_one_writes_and_others_may_read(void **state)
{
	const char *dir = store_dir_new();
	struct store *s = open_mode(dir, STORE_MAKE), *reader;
	char want[512];

	(void)state;
	put_one(s, "a", "1");
	(void)snprintf(
	    want, sizeof(want), "%s is in use by process %ld", dir, (long)getpid());
	expect_refused(dir, STORE_EXIST, -EBUSY, want);
	expect_refused(dir, STORE_MAKE, -EBUSY, want);
	reader = open_mode(dir, STORE_READ);
	put_one(s, "a", "2");
	expect_one(reader, "a", "1"); /* as it was when it was opened */
	store_close(reader);
	reader = open_mode(dir, STORE_READ);
	expect_one(reader, "a", "2");
	store_close(reader);
	expect_refused(dir, STORE_EXIST, -EBUSY, want);
	store_close(s);
	s = open_mode(dir, STORE_EXIST);
	store_close(s);
}

/* ---- versions ---- */

static int upgrades;

/* From 1 to 2: the keys of host get a letter before them.  Every key in a batch of its
 * own, the first time only one. */
static bool
upgrade_key(void *ctx, struct slice key, struct slice value)
{
	struct store_batch *b = ctx;
	char text[STORE_KEY_MAX];

	if (key.ptr[0] == 'x')
		return true;
	text[0] = 'x';
	memcpy(text + 1, key.ptr, key.len);
	assert_int_equal(store_batch_delete(b, STORE_HOST, key), 0);
	assert_int_equal(
	    store_batch_put(b, STORE_HOST, slice_of(text, key.len + 1), value), 0);
	return upgrades > 0;
}

static int
upgrade(struct store *s, struct why *why)
{
	struct store_batch *b;
	int r;

	assert_int_equal(store_batch_new(1 << 10, &b), 0);
	assert_int_equal(store_scan(s, STORE_HOST, (struct slice){0}, (struct slice){0},
			     UINT32_MAX, upgrade_key, b),
	    0);
	r = store_apply(s, b, true, why);
	store_batch_free(b);
	if (upgrades++ == 0)
		return why_set(why, -EIO, "the light went out");
	return r;
}

static int
upgrade_more(struct store *s, struct why *why)
{
	(void)why;
	put_one(s, "three", "3");
	return 0;
}

static int
open_schema(const char *dir, const struct rocks_schema *schema, struct store **ret,
    struct why *why)
{
	struct store_conf conf = {.dir = dir, .mode = STORE_EXIST};

	return rocks_open(&conf, schema, ret, why);
}

static void
an_older_store_is_brought_forward_step_by_step(void **state)
{
	static const struct rocks_migration steps[] = {{4, upgrade_more}, {3, upgrade}};
	static const struct rocks_schema five = {5, steps, 2}, six = {6, steps, 2};
	const char *dir = closed_store();
	struct store *s = NULL;
	struct why why;

	(void)state;
	upgrades = 0;
	/* Interrupted half way it is still an old one ... */
	assert_int_equal(open_schema(dir, &five, &s, &why), -EIO);
	assert_string_equal(why.text, "from version 3: the light went out");
	assert_null(s);
	/* ... and the next time goes on. */
	assert_int_equal(open_schema(dir, &five, &s, &why), 0);
	assert_int_equal(upgrades, 2);
	expect_one(s, "xa", "1");
	expect_one(s, "xb", "2");
	expect_one(s, "three", "3");
	store_close(s);
	assert_int_equal(open_schema(dir, &five, &s, &why), 0);
	assert_int_equal(upgrades, 2);
	store_close(s);
	/* What no step leads away from cannot be read. */
	assert_int_equal(open_schema(dir, &six, &s, &why), -ENOTSUP);
	assert_non_null(strstr(why.text, "has version 5, which this trawl cannot read"));
	expect_refused(dir, STORE_EXIST, -ENOTSUP,
	    "was written by a newer trawl (its version is 5, this trawl knows 3)");
	expect_refused(dir, STORE_READ, -ENOTSUP, "use the newer one");
}

static void
who_only_reads_does_not_bring_forward(void **state)
{
	static const struct rocks_migration work = {3, upgrade}, nothing = {3, NULL};
	static const struct rocks_schema four = {4, &work, 1}, same = {4, &nothing, 1};
	struct store_conf conf = {.dir = closed_store(), .mode = STORE_READ};
	struct store *s = NULL;
	struct why why;

	(void)state;
	assert_int_equal(rocks_open(&conf, &four, &s, &why), -ENOTSUP);
	assert_non_null(strstr(why.text, "resume the crawl once"));
	assert_null(s);
	/* Where the step has nothing to do, what is there can be read. */
	assert_int_equal(rocks_open(&conf, &same, &s, &why), 0);
	store_close(s);
	/* A writer notes that older ones must not write any more. */
	conf.mode = STORE_EXIST;
	assert_int_equal(rocks_open(&conf, &same, &s, &why), 0);
	store_close(s);
	expect_refused(conf.dir, STORE_EXIST, -ENOTSUP, "its version is 4");
}

/* Counts of hosts without a low mark: one is read as it is, and from then on
 * belongs to those who keep it. */
static void
a_store_without_low_marks_is_read_and_written_and_then_has_another_version(void **state)
{
	struct store_conf conf = {.dir = closed_store(), .mode = STORE_READ};
	struct store *s = NULL;
	char state_dir[300];
	uint32_t version;
	struct why why;

	(void)state;
	(void)snprintf(state_dir, sizeof(state_dir), "%s/state", conf.dir);
	for (uint32_t old = 1; old <= 2; old++) {
		assert_int_equal(rocks_version_write(state_dir, old, &why), 0);
		conf.mode = STORE_READ;
		assert_int_equal(store_open("rocksdb", &conf, &s, &why), 0);
		store_close(s);
		assert_int_equal(rocks_version_read(state_dir, &version, &why), 0);
		assert_int_equal(version, old);
		conf.mode = STORE_EXIST;
		assert_int_equal(store_open("rocksdb", &conf, &s, &why), 0);
		store_close(s);
		assert_int_equal(rocks_version_read(state_dir, &version, &why), 0);
		assert_int_equal(version, 3);
	}
}

static void
a_version_that_is_not_one_is_damage(void **state)
{
	static const char *const texts[] = {"", "trawl store 1", "trawl store 1 00\n",
	    "1\n", "trawl store 2 7d3f1c2b6a5e4f90\n",
	    "trawl store 0 7d3f1c2b6a5e4f90\n"};
	const char *dir = closed_store();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		store_file_write(dir, "TRAWL-VERSION", texts[i], strlen(texts[i]));
		expect_refused(dir, STORE_EXIST, -EBADMSG, "TRAWL-VERSION is unreadable");
		expect_refused(dir, STORE_READ, -EBADMSG, "TRAWL-VERSION is unreadable");
	}
}

/* ---- making one ---- */

static void
what_was_begun_but_not_made_is_no_store_and_can_be_made(void **state)
{
	static const char *const left[][2] = {{"", ""}, {"TRAWL-LOCK", ""},
	    {"TRAWL-MARK", ""}, {"TRAWL-MARK", "trawlmk1"}, {"CURRENT.dbtmp", "MANIF"},
	    {"CURRENT", ""}, {"CURRENT", "MANIFEST-000007\n"},
	    {"MANIFEST-000001", "torn"}, {"MANIFEST-000005", "torn"}, {"IDENTITY", ""},
	    {"000004.log", "torn"}, {"OPTIONS-000007", "torn"}};

	(void)state;
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		const char *dir = store_dir_new();
		char path[512];
		struct store *s;

		store_file_path(dir, "", path);
		assert_int_equal(mkdir(path, 0777), 0);
		if (left[i][0][0] != '\0')
			store_file_write(dir, left[i][0], left[i][1], strlen(left[i][1]));
		expect_refused(dir, STORE_EXIST, -ENOENT, "there is no crawl in ");
		expect_refused(dir, STORE_READ, -ENOENT, "there is no crawl in ");
		s = open_mode(dir, STORE_MAKE);
		put_one(s, "a", "1");
		put_one(s, "b", "2");
		store_close(s);
		expect_both(dir, STORE_EXIST);
		store_dir_remove_last();
	}
}

static void
made_but_not_yet_called_so_it_is_made_again(void **state)
{
	const char *dir = store_dir_new();

	(void)state;
	store_close(open_mode(dir, STORE_MAKE));
	store_file_remove(dir, "TRAWL-VERSION");
	expect_refused(dir, STORE_EXIST, -ENOENT, "there is no crawl in ");
	store_close(open_mode(dir, STORE_MAKE));
	store_close(open_mode(dir, STORE_EXIST));
}

static char bytes[8 << 20];

static void
making_one_takes_away_nothing_of_others(void **state)
{
	static const char *const names[] = {"notes.log", "1a.log", "CURRENT.txt",
	    "OPTIONS-old", "MANIFEST-", "table.sst", ".log"};
	static const char *const left[] = {"000004.log", "000009.sst", "MANIFEST-000001",
	    "OPTIONS-000007", "OPTIONS-000008.dbtmp", "000011.dbtmp"};
	const char *dir = store_dir_new();
	char path[512];

	(void)state;
	store_close(open_mode(dir, STORE_MAKE));
	store_file_remove(dir, "TRAWL-VERSION");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		store_file_write(dir, names[i], "mine", 4);
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		store_file_write(dir, left[i], "left", 4);
	store_close(open_mode(dir, STORE_MAKE));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(store_file_read(dir, names[i], bytes, sizeof(bytes)), 4);
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		store_file_path(dir, left[i], path);
		if (access(path, F_OK) == 0 &&
		    store_file_read(dir, left[i], bytes, sizeof(bytes)) == 4)
			fail_msg("%s was left", left[i]);
	}
}

static void
a_database_of_another_program_is_not_replaced(void **state)
{
	const char *dir = killed_store();

	(void)state;
	store_file_remove(dir, "TRAWL-VERSION");
	store_file_remove(dir, "TRAWL-MARK");
	/* Also when it is tried again. */
	for (int i = 0; i < 2; i++)
		expect_refused(
		    dir, STORE_MAKE, -EEXIST, "database in it that is not trawl's");
}

/* ---- damage ---- */

static void
append(const char *dir, const char *name, const char *more, size_t n)
{
	size_t len = store_file_read(dir, name, bytes, sizeof(bytes) - n);

	memcpy(bytes + len, more, n);
	store_file_write(dir, name, bytes, len + n);
}

static void
shorten(const char *dir, const char *name, size_t by)
{
	size_t len = store_file_read(dir, name, bytes, sizeof(bytes));

	assert_true(len > by);
	store_file_write(dir, name, bytes, len - by);
}

static void
a_missing_file_is_told_and_put_back_all_is_well(void **state)
{
	static const struct {
		const char *begin, *end, *words;
	} files[] = {{"TRAWL-MARK", "", "TRAWL-MARK is missing"},
	    {"TRAWL-VERSION", "", "TRAWL-VERSION is missing"},
	    {"CURRENT", "", "CURRENT names no MANIFEST"}, {"MANIFEST", "", "is missing"},
	    {"0", ".log", ".log is missing"}};
	const char *dirs[] = {closed_store(), killed_store()};

	(void)state;
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			struct store_files names;
			const char *name;
			size_t len;

			store_files_list(dirs[k], &names);
			name = store_files_last(&names, files[i].begin, files[i].end);
			len = store_file_read(dirs[k], name, bytes, sizeof(bytes));
			store_file_remove(dirs[k], name);
			if (strcmp(name, "TRAWL-VERSION") != 0) {
				expect_refused(
				    dirs[k], STORE_EXIST, -EBADMSG, files[i].words);
				expect_refused(
				    dirs[k], STORE_READ, -EBADMSG, files[i].words);
			}
			expect_refused(dirs[k], STORE_MAKE, -EBADMSG, files[i].words);
			store_file_write(dirs[k], name, bytes, len);
			expect_both(dirs[k], STORE_READ);
			/* Opening for writing moves on; the next case wants the same. */
			store_files_copy(dirs[k], store_dir_new());
			expect_both(store_dirs[store_dirs_len - 1], STORE_MAKE);
			store_dir_remove_last();
		}
}

static void
an_old_manifest_is_not_taken_for_the_new_one(void **state)
{
	const char *dir = killed_store();
	static const char old[] = "MANIFEST-000001\n";

	(void)state;
	store_file_write(dir, "CURRENT", old, sizeof(old) - 1);
	store_file_write(dir, "MANIFEST-000001", "", 0);
	expect_refused(dir, STORE_EXIST, -EBADMSG, "CURRENT names an old MANIFEST");
	expect_refused(dir, STORE_READ, -EBADMSG, "CURRENT names an old MANIFEST");
}

/* What a power failure may leave behind what was synced. */
static void
a_torn_tail_is_cut_off(void **state)
{
	static char zeros[40000], garbage[40000];
	static const char half[] = "\x12\x34\x56\x78\x40\x00\x01half of a record";
	const struct slice tails[] = {{half, sizeof(half)}, {half, 3}, {zeros, 10},
	    {zeros, sizeof(zeros)}, {garbage, 50}, {garbage, sizeof(garbage)}};
	static const char *const files[][2] = {{"0", ".log"}, {"MANIFEST", ""}};

	(void)state;
	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = (char)(i * 2654435761u >> 13);
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++)
		for (int f = 0; f < 2; f++) {
			const char *dir = killed_store();
			struct store_files names;

			store_files_list(dir, &names);
			append(dir, store_files_last(&names, files[f][0], files[f][1]),
			    tails[i].ptr, tails[i].len);
			if (f == 0)
				expect_both(dir, STORE_READ);
			expect_both(dir, STORE_EXIST);
			expect_both(dir, STORE_EXIST);
			store_dir_remove();
		}
}

static void
what_was_closed_has_no_torn_tail(void **state)
{
	static const char *const files[][2] = {{"0", ".log"}, {"MANIFEST", ""}};

	(void)state;
	for (int f = 0; f < 2; f++) {
		const char *dir = closed_store();
		struct store_files names;

		store_files_list(dir, &names);
		append(dir, store_files_last(&names, files[f][0], files[f][1]), "x", 1);
		expect_refused(dir, STORE_EXIST, -EBADMSG, "is damaged");
	}
}

static void
what_was_acknowledged_is_not_taken_for_a_torn_tail(void **state)
{
	static const char *const files[][2] = {{"0", ".log"}, {"MANIFEST", ""}};
	const char *(*const stores[])(void) = {closed_store, killed_store};

	(void)state;
	for (int k = 0; k < 4; k++) {
		const char *dir = stores[k % 2]();
		struct store_files names;

		store_files_list(dir, &names);
		shorten(
		    dir, store_files_last(&names, files[k / 2][0], files[k / 2][1]), 1);
		expect_refused(dir, STORE_EXIST, -EBADMSG, "is damaged");
		expect_refused(dir, STORE_READ, -EBADMSG, "is damaged");
		store_dir_remove();
	}
}

/* A mark of yesterday's beside a store of today's is no harm, the other way round is. */
static void
an_older_copy_of_the_database_is_noticed(void **state)
{
	const char *dir = store_dir_new(), *old = store_dir_new();
	struct store *s = open_mode(dir, STORE_MAKE);
	size_t len;

	(void)state;
	put_one(s, "a", "1");
	store_files_copy(dir, old);
	put_one(s, "b", "2");
	len = store_file_read(dir, "TRAWL-MARK", bytes, sizeof(bytes));
	store_close(s);
	store_file_write(old, "TRAWL-MARK", bytes, len);
	expect_refused(old, STORE_EXIST, -EBADMSG, "is damaged");
}

/* The descriptor of this process that is open on `path`, or -1. */
static int
descriptor_of(const char *path)
{
	char link[64], target[PATH_MAX];

	for (int fd = 3; fd < 1024; fd++) {
		ssize_t n;

		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		if (strcmp(target, path) == 0)
			return fd;
	}
	return -1;
}

/* Enough that memtables are written out many times: RocksDB might say much about that. */
static void
put_much(struct store *s)
{
	enum { BATCHES = 240, VALUE = 64 << 10 };
	for (int i = 0; i < BATCHES; i++) {
		struct store_batch *b;
		char key[32];

		assert_int_equal(store_batch_new(VALUE + (1 << 10), &b), 0);
		(void)snprintf(key, sizeof(key), "%d", i);
		assert_int_equal(store_batch_put(b, STORE_HOST, slice_cstr(key),
				     slice_of(bytes, VALUE)),
		    0);
		assert_int_equal(store_apply(s, b, false, NULL), 0);
		store_batch_free(b);
	}
}

/* See rocksdb_tune.c: a second write after one that failed would end the process. */
static void
rocksdbs_own_log_may_be_on_a_disk_that_is_full(void **state)
{
	struct store_conf conf = {
	    .dir = store_dir_new(), .mode = STORE_MAKE, .memory_bytes = 1 << 20};
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), log;
	char path[PATH_MAX], real[PATH_MAX];
	struct store *s;

	(void)state;
	assert_true(full >= 0);
	assert_int_equal(store_open("rocksdb", &conf, &s, NULL), 0);
	(void)snprintf(path, sizeof(path), "%s/state/LOG", conf.dir);
	assert_non_null(realpath(path, real));
	log = descriptor_of(real);
	assert_true(log >= 0);
	assert_int_equal(dup3(full, log, O_CLOEXEC), log);
	assert_int_equal(close(full), 0);
	put_much(s);
	put_one(s, "a", "1");
	expect_one(s, "a", "1");
	store_close(s);
	s = open_mode(conf.dir, STORE_EXIST);
	expect_one(s, "a", "1");
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
	    T(only_one_writes_and_others_may_read),
	    T(an_older_store_is_brought_forward_step_by_step),
	    T(who_only_reads_does_not_bring_forward),
	    T(a_store_without_low_marks_is_read_and_written_and_then_has_another_version),
	    T(a_version_that_is_not_one_is_damage),
	    T(what_was_begun_but_not_made_is_no_store_and_can_be_made),
	    T(made_but_not_yet_called_so_it_is_made_again),
	    T(making_one_takes_away_nothing_of_others),
	    T(a_database_of_another_program_is_not_replaced),
	    T(a_missing_file_is_told_and_put_back_all_is_well),
	    T(an_old_manifest_is_not_taken_for_the_new_one),
	    T(a_torn_tail_is_cut_off),
	    T(what_was_closed_has_no_torn_tail),
	    T(what_was_acknowledged_is_not_taken_for_a_torn_tail),
	    T(an_older_copy_of_the_database_is_noticed),
	    T(rocksdbs_own_log_may_be_on_a_disk_that_is_full),
	};

	return cmocka_run_group_tests_name("store/rocksdb", tests, NULL, NULL);
}
