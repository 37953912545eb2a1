/*
 * An empty database, as files.
 *
 * RocksDB makes each column family on its own: a list of its options is written and synced
 * for every one, some twenty syncs in all, which a small crawl spends most of its time in.
 * So what it opens is there already: a MANIFEST that knows the column families, CURRENT
 * that names it, and the database's name.  RocksDB then writes and syncs a MANIFEST of its
 * own, as at every opening.
 *
 * None of this is synced: a store is not there until its TRAWL-VERSION is, which is
 * written when RocksDB has opened and synced what it goes on from.  What an attempt that
 * came to no end left is removed here; that it was ours its TRAWL-MARK has told, which it
 * made first (rocksdb_open.c).
 */
#include "base/buf.h"
#include "store/logfile.h"
#include "store/rocksdb.h"
#include "store/varint.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/banned.h"

/* Of RocksDB's version_edit.h. */
enum {
	COMPARATOR = 1,
	LOG_NUMBER = 2,
	NEXT_FILE_NUMBER = 3,
	LAST_SEQUENCE = 4,
	COLUMN_FAMILY = 200,
	COLUMN_FAMILY_ADD = 201,
};

enum { MANIFEST_NUMBER = 1, FILE_BYTES_MAX = 4096 };
static const char manifest_name[] = "MANIFEST-000001";
static const char comparator[] = "leveldb.BytewiseComparator";

/* ---- what is left of an attempt ---- */

/* "000012" and `end`; with anything else in it, it is not RocksDB's. */
static bool
is_numbered(struct slice s, const char *end)
{
	size_t digits = 0;

	while (digits < s.len && s.ptr[digits] >= '0' && s.ptr[digits] <= '9')
		digits++;
	return digits > 0 && slice_eq(slice_from(s, digits), slice_cstr(end));
}

static bool
is_rocksdbs(const char *name)
{
	static const char *const begins[] = {"MANIFEST-", "OPTIONS-"};
	static const char *const ends[] = {".log", ".sst", ".dbtmp"};
	struct slice s = slice_cstr(name);

	if (slice_eq(s, SLICE_LIT("CURRENT")))
		return true;
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (slice_starts(s, slice_cstr(begins[i])) &&
		    (is_numbered(slice_from(s, strlen(begins[i])), "") ||
			is_numbered(slice_from(s, strlen(begins[i])), ".dbtmp")))
			return true;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (is_numbered(s, ends[i]))
			return true;
	return false;
}

static int
remove_left(int at)
{
	int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (d == NULL) {
		r = -errno;
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	while (r == 0 && (e = readdir(d)) != NULL)
		if (is_rocksdbs(e->d_name) && unlinkat(at, e->d_name, 0) < 0)
			r = -errno;
	(void)closedir(d);
	return r;
}

/* ---- the files ---- */

static int
add_text(struct buf *b, uint64_t tag, const char *text)
{
	int r = varint_add(b, tag);

	if (r == 0)
		r = varint_add(b, strlen(text));
	return r == 0 ? buf_add_cstr(b, text) : r;
}

static int
add_number(struct buf *b, uint64_t tag, uint64_t n)
{
	int r = varint_add(b, tag);

	return r == 0 ? varint_add(b, n) : r;
}

/* "default" is number 0 and always there. */
static int
add_family(struct buf *edit, uint32_t number, const char *name)
{
	int r = add_text(edit, COMPARATOR, comparator);

	if (r == 0)
		r = add_number(edit, LOG_NUMBER, 0);
	if (r == 0 && number == 0)
		r = add_number(edit, NEXT_FILE_NUMBER, MANIFEST_NUMBER + 1);
	if (r == 0 && number == 0)
		r = add_number(edit, LAST_SEQUENCE, 0);
	if (r == 0 && number > 0)
		r = add_number(edit, COLUMN_FAMILY, number);
	if (r == 0 && number > 0)
		r = add_text(edit, COLUMN_FAMILY_ADD, name);
	return r;
}

/* An edit each; numbers in the order of `enum store_table`, from 1 on. */
static int
make_manifest(struct buf *ret)
{
	struct buf edit;
	int r = 0;

	buf_init(&edit, FILE_BYTES_MAX);
	for (uint32_t i = 0; i < ROCKS_CF_MAX && r == 0; i++) {
		buf_clear(&edit);
		r = add_family(&edit, i, i == 0 ? NULL : rocks_cf_names[i - 1]);
		if (r == 0)
			r = logfile_add(ret, buf_slice(&edit));
	}
	buf_release(&edit);
	return r;
}

/* A random UUID, as RocksDB would take one. */
static int
make_identity(struct buf *ret)
{
	unsigned char u[16];

	if (getrandom(u, sizeof(u), 0) != (ssize_t)sizeof(u))
		return -EIO;
	u[6] = (unsigned char)((u[6] & 0x0f) | 0x40);
	u[8] = (unsigned char)((u[8] & 0x3f) | 0x80);
	return buf_printf(ret,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0],
	    u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
	    u[13], u[14], u[15]);
}

static int
make_current(struct buf *ret)
{
	return buf_printf(ret, "%s\n", manifest_name);
}

static int
write_file(int at, const char *name, int (*make)(struct buf *ret))
{
	struct buf text;
	int fd, r;
	ssize_t n;

	buf_init(&text, FILE_BYTES_MAX);
	r = make(&text);
	fd =
	    r < 0 ? -1 : openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (r == 0 && fd < 0)
		r = -errno;
	if (fd >= 0) {
		n = write(fd, text.ptr, text.len);
		if (n != (ssize_t)text.len)
			r = n < 0 ? -errno : -ENOSPC;
		(void)close(fd);
	}
	buf_release(&text);
	return r;
}

int
rocks_make(const char *dir, struct why *why)
{
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (at < 0)
		return why_set(why, -errno, "%s: %s", dir, strerror(errno));
	r = remove_left(at);
	if (r == 0)
		r = write_file(at, "IDENTITY", make_identity);
	if (r == 0)
		r = write_file(at, manifest_name, make_manifest);
	if (r == 0)
		r = write_file(at, "CURRENT", make_current);
	(void)close(at);
	return r < 0
		   ? why_set(why, r, "the store %s cannot be made: %s", dir, strerror(-r))
		   : 0;
}
