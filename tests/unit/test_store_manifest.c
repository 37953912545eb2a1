#include "store/manifest.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/rocksdb.h"
#include "store/sstable.h"
#include "store_log.h"

/* ---- edits made by hand ---- */

static void
add_edit(struct log *l, struct slice edit)
{
	log_add_record(l, edit.ptr, edit.len);
}

static void
read_log(struct log *l, struct manifest *ret)
{
	assert_int_equal(manifest_read(l->fd, ret), 0);
	assert_int_equal(ret->sound_bytes, l->len);
	assert_int_equal(ret->bytes, l->len);
}

/* level 0, number, size, two keys, two sequence numbers, a field of its own, the end */
#define NEW_FILE(number, size)                                                           \
	"\x67\x00" number size "\x01"                                                    \
	"a"                                                                              \
	"\x01"                                                                           \
	"z"                                                                              \
	"\x05\x06\x0c\x02uu\x01"
#define DELETED(number) "\x06\x00" number

static void
tables_come_and_go(void **state)
{
	struct log l = log_new();
	struct manifest m;

	(void)state;
	add_edit(&l, SLICE_LIT("\x01\x03"
			       "cmp"
			       "\x02\x04\x09\x00\x03\x0a\x04\x00"));
	add_edit(&l, SLICE_LIT("\xc9\x01\x04"
			       "seen"
			       "\xc8\x01\x01\xcb\x01\x01"));
	add_edit(&l, SLICE_LIT(NEW_FILE("\x07", "\x90\x4e") NEW_FILE("\x08", "\x01")));
	add_edit(&l, SLICE_LIT("\x0a\x06" DELETED("\x07")
			     NEW_FILE("\x09", "\x02") "\xc8\x01\x01"));
	add_edit(&l, SLICE_LIT("\x0a\x05\x05\x01\x02"
			       "ab"));
	read_log(&l, &m);
	assert_true(m.is_understood);
	assert_int_equal(m.wal_needed, 6);
	assert_int_equal(m.tables.len, 2);
	assert_null(umap_get(&m.tables, 7));
	assert_int_equal(manifest_unbox(umap_get(&m.tables, 8)), 1);
	assert_int_equal(manifest_unbox(umap_get(&m.tables, 9)), 2);
	manifest_release(&m);
	(void)close(l.fd);
}

static void
a_file_moved_to_another_level_stays(void **state)
{
	struct log l = log_new();
	struct manifest m;

	(void)state;
	add_edit(&l, SLICE_LIT(NEW_FILE("\x07", "\x05")));
	add_edit(&l, SLICE_LIT(DELETED("\x07") NEW_FILE("\x07", "\x05")));
	read_log(&l, &m);
	assert_int_equal(m.tables.len, 1);
	manifest_release(&m);
	(void)close(l.fd);
}

static void
what_may_be_ignored_is_and_what_may_not_is_told(void **state)
{
	struct log l = log_new();
	struct manifest m;

	(void)state;
	add_edit(&l, SLICE_LIT("\xff\x40\x02"
			       "xy" NEW_FILE("\x07", "\x05")));
	read_log(&l, &m);
	assert_true(m.is_understood);
	assert_int_equal(m.tables.len, 1);
	manifest_release(&m);
	add_edit(&l, SLICE_LIT("\x0a\x09\xff\x01\x02"
			       "xy" NEW_FILE("\x08", "\x05")));
	read_log(&l, &m);
	assert_false(m.is_understood);
	assert_int_equal(m.wal_needed, 9);
	manifest_release(&m);
	(void)close(l.fd);
}

static void
edits_that_make_no_sense_are_damage(void **state)
{
	static const struct slice edits[] = {SLICE_LIT("\x06\x00"),
	    SLICE_LIT("\x67\x00\x07"),
	    SLICE_LIT("\x67\x00\x07\x05\x01"
		      "a"),
	    SLICE_LIT("\x67\x00\x07\x05\x7f"
		      "a"),
	    SLICE_LIT("\x01\x09"
		      "cmp"),
	    SLICE_LIT("\x0a"), SLICE_LIT("\x0a\x80\x80"),
	    SLICE_LIT("\xff\x40\x05"
		      "xy"),
	    SLICE_LIT("\x80"),
	    SLICE_LIT(NEW_FILE("\x07", "\x05") NEW_FILE("\x07", "\x06")),
	    SLICE_LIT("\x67\x00\x07\x05\x01"
		      "a"
		      "\x01"
		      "z"
		      "\x05\x06\x0c\x02")};

	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		struct log l = log_new();
		struct manifest m;

		add_edit(&l, edits[i]);
		assert_int_equal(manifest_read(l.fd, &m), -EBADMSG);
		(void)close(l.fd);
		store_dir_remove_last();
	}
}

/* ---- files of RocksDB's own ---- */

/* Several tables of each column family. */
static struct rocks *
real_store(const char *dir)
{
	struct store_conf conf = {.dir = dir, .memory_bytes = 4 << 20};
	struct store_batch *b;
	struct store *s = NULL;
	char key[32];

	assert_int_equal(store_batch_new(1 << 20, &b), 0);
	for (int part = 0; part < 3; part++) {
		store_close(s);
		assert_int_equal(store_open("rocksdb", &conf, &s, NULL), 0);
		for (int i = 0; i < 400; i++) {
			(void)snprintf(key, sizeof(key), "%d/%d", part, i);
			assert_int_equal(store_batch_put(b, (enum store_table)(i % 4),
					     slice_cstr(key), slice_cstr(key)),
			    0);
		}
		assert_int_equal(store_apply(s, b, true, NULL), 0);
	}
	store_batch_free(b);
	return (struct rocks *)(void *)s;
}

static int
open_number(const char *dir, uint64_t number)
{
	char name[32], path[512];

	(void)snprintf(name, sizeof(name), "%06d.sst", (int)number);
	store_file_path(dir, name, path);
	return open(path, O_RDWR);
}

static void
rocksdb_names_the_same_tables_and_their_ends_are_sound(void **state)
{
	const char *dir = store_dir_new();
	struct rocks *r = real_store(dir);
	const rocksdb_livefiles_t *live = rocksdb_livefiles(r->db);
	struct store_files files;
	struct manifest m;
	char path[512];
	int fd;

	(void)state;
	store_files_list(dir, &files);
	store_file_path(dir, store_files_last(&files, "MANIFEST", ""), path);
	fd = open(path, O_RDONLY);
	assert_int_equal(manifest_read(fd, &m), 0);
	(void)close(fd);
	assert_true(m.is_understood);
	assert_int_equal(m.tables.len, rocksdb_livefiles_count(live));
	assert_true(m.tables.len >= 8);
	for (int i = 0; i < rocksdb_livefiles_count(live); i++) {
		uint64_t number = strtoull(rocksdb_livefiles_name(live, i) + 1, NULL, 10);
		uint64_t size = rocksdb_livefiles_size(live, i);
		void *boxed = umap_get(&m.tables, number);

		assert_non_null(boxed);
		assert_int_equal(manifest_unbox(boxed), size);
		fd = open_number(dir, number);
		assert_true(fd >= 0);
		assert_int_equal(sstable_check(fd, size), 0);
		assert_int_equal(sstable_check(fd, size - 1), -EBADMSG);
		(void)close(fd);
	}
	rocksdb_livefiles_destroy(live);
	manifest_release(&m);
	store_close(&r->store);
}

/* Whatever RocksDB reads unchecked lies behind what it checks. */
static void
from_some_byte_on_every_flip_in_a_table_is_seen(void **state)
{
	const char *dir = store_dir_new();
	struct rocks *r = real_store(dir);
	const rocksdb_livefiles_t *live = rocksdb_livefiles(r->db);
	uint64_t number = strtoull(rocksdb_livefiles_name(live, 0) + 1, NULL, 10);
	uint64_t size = rocksdb_livefiles_size(live, 0), first = size;
	int fd = open_number(dir, number);

	(void)state;
	assert_true(fd >= 0);
	for (uint64_t at = 0; at < size; at++)
		for (int bit = 0; bit < 8; bit++) {
			char c, was;
			int got;

			assert_int_equal(pread(fd, &was, 1, (off_t)at), 1);
			c = (char)(was ^ (1 << bit));
			assert_int_equal(pwrite(fd, &c, 1, (off_t)at), 1);
			got = sstable_check(fd, size);
			assert_int_equal(pwrite(fd, &was, 1, (off_t)at), 1);
			assert_true(got == 0 || got == -EBADMSG);
			if (got != 0 && first == size)
				first = at;
			if (got == 0 && at > first)
				fail_msg(
				    "byte %d of %d, bit %d", (int)at, (int)size, bit);
		}
	/* The properties alone are half a kilobyte. */
	assert_in_range(first, 10, size - 500);
	(void)close(fd);
	rocksdb_livefiles_destroy(live);
	store_close(&r->store);
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
	    T(tables_come_and_go),
	    T(a_file_moved_to_another_level_stays),
	    T(what_may_be_ignored_is_and_what_may_not_is_told),
	    T(edits_that_make_no_sense_are_damage),
	    T(rocksdb_names_the_same_tables_and_their_ends_are_sound),
	    T(from_some_byte_on_every_flip_in_a_table_is_seen),
	};

	return cmocka_run_group_tests_name("store/manifest", tests, NULL, NULL);
}
