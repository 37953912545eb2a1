#include "store/rocksdb_check.h"
#include "base/buf.h"
#include "store/logfile.h"
#include "store/manifest.h"
#include "store/rocksdb.h"
#include "store/sstable.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

enum { NUMBER_DIGITS = 6, NAME_MAX_BYTES = 40, WALS_MAX = 4096 };

struct name {
	char text[NAME_MAX_BYTES];
};

/* Where something unsound begins that may be cut off; name "" when nothing does. */
struct cut {
	struct name name;
	uint64_t at;
};

struct check {
	const char *dir;
	const struct mark *m;
	enum rocks_check how;
	struct why *why;
	struct buf wals; /* numbers, ascending */
	struct cut manifest_cut, wal_cut;
	size_t wals_kept; /* those behind it are removed */
	struct manifest manifest;
	bool manifest_has_grown; /* since the mark */
};

static struct name
wal_name(uint64_t number)
{
	struct name n;

	(void)snprintf(n.text, sizeof(n.text), "%06" PRIu64 ".log", number);
	return n;
}

static struct name
manifest_name(uint64_t number)
{
	struct name n;

	(void)snprintf(n.text, sizeof(n.text), "MANIFEST-%06" PRIu64, number);
	return n;
}

static struct name
table_name(uint64_t number)
{
	struct name n;

	(void)snprintf(n.text, sizeof(n.text), "%06" PRIu64 ".sst", number);
	return n;
}

static int
open_file(const char *dir, const char *name, int flags)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name), fd;

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC | O_NONBLOCK); /* were it a fifo */
	return fd < 0 ? -errno : fd;
}

static int
io_error(const char *dir, const char *name, int r, struct why *why)
{
	return why_set(why, r, "%s/%s: %s", dir, name, strerror(-r));
}

/* ---- what there is ---- */

static int
compare_numbers(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

static uint64_t
wal_number(const struct buf *wals, size_t i)
{
	uint64_t n;

	memcpy(&n, wals->ptr + i * sizeof(n), sizeof(n));
	return n;
}

static size_t
wals_len(const struct buf *wals)
{
	return wals->len / sizeof(uint64_t);
}

static int
find_wals(const char *dir, struct buf *ret, struct why *why)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int r = 0;

	if (d == NULL)
		return why_set(why, -errno, "%s: %s", dir, strerror(errno));
	buf_clear(ret);
	while (r == 0 && (e = readdir(d)) != NULL) {
		struct slice s = slice_cstr(e->d_name);
		uint64_t number;

		if (s.len < NUMBER_DIGITS + 4 || !slice_ends(s, SLICE_LIT(".log")) ||
		    !slice_to_u64(slice_head(s, s.len - 4), &number))
			continue;
		r = buf_add(ret, &number, sizeof(number));
	}
	(void)closedir(d);
	if (r < 0)
		return why_set(why, r, "%s: too many logs", dir);
	if (ret->len > 0)
		qsort(ret->ptr, wals_len(ret), sizeof(uint64_t), compare_numbers);
	return 0;
}

/* The MANIFEST that CURRENT names; -EBADMSG. */
static int
read_current(const char *dir, uint64_t *ret)
{
	char text[NAME_MAX_BYTES];
	struct slice s = {text, 0};
	ssize_t n;
	int fd = open_file(dir, "CURRENT", O_RDONLY);

	if (fd < 0)
		return fd == -ENOENT ? -EBADMSG : fd;
	n = read(fd, text, sizeof(text));
	(void)close(fd);
	if (n < 0)
		return -EIO;
	s.len = (size_t)n;
	if (!slice_starts(s, SLICE_LIT("MANIFEST-")) || !slice_ends(s, SLICE_LIT("\n")))
		return -EBADMSG;
	s = slice_from(slice_head(s, s.len - 1), 9);
	return s.len >= NUMBER_DIGITS && slice_to_u64(s, ret) ? 0 : -EBADMSG;
}

/* RocksDB reads it as it opens, and would wait for whoever writes into a FIFO. */
static int
check_identity(const struct check *c)
{
	int fd = open_file(c->dir, "IDENTITY", O_RDONLY);
	struct stat st;
	bool is_file;

	if (fd < 0) /* without one it makes one, or says what is wrong */
		return 0;
	is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	(void)close(fd);
	return is_file ? 0 : rocks_damaged(c->dir, c->why, "IDENTITY is no regular file");
}

/* ---- the MANIFEST ---- */

static int
read_manifest(const char *dir, uint64_t number, struct manifest *ret, struct why *why)
{
	struct name name = manifest_name(number);
	int fd = open_file(dir, name.text, O_RDONLY), r;

	if (fd == -ENOENT)
		return rocks_damaged(dir, why, "%s is missing", name.text);
	if (fd < 0)
		return io_error(dir, name.text, fd, why);
	r = manifest_read(fd, ret);
	(void)close(fd);
	if (r == -EBADMSG)
		return rocks_damaged(dir, why, "%s makes no sense", name.text);
	return r < 0 ? io_error(dir, name.text, r, why) : 0;
}

static int
check_manifest(struct check *c)
{
	const struct manifest *m = &c->manifest;
	uint64_t number, want;
	struct name name;
	int r = read_current(c->dir, &number);

	if (r == -EBADMSG)
		return rocks_damaged(c->dir, c->why, "CURRENT names no MANIFEST");
	if (r < 0)
		return io_error(c->dir, "CURRENT", r, c->why);
	if (number < c->m->manifest)
		return rocks_damaged(c->dir, c->why, "CURRENT names an old MANIFEST");
	r = read_manifest(c->dir, number, &c->manifest, c->why);
	if (r < 0)
		return r;
	name = manifest_name(number);
	want = number == c->m->manifest ? c->m->manifest_bytes : 1;
	if (m->sound_bytes < want)
		return rocks_damaged(
		    c->dir, c->why, "%s at byte %" PRIu64, name.text, m->sound_bytes);
	c->manifest_has_grown =
	    number > c->m->manifest || m->sound_bytes > c->m->manifest_bytes;
	if (c->m->is_closed && (c->manifest_has_grown || m->sound_bytes < m->bytes))
		return rocks_damaged(
		    c->dir, c->why, "%s was changed after it was closed", name.text);
	if (m->sound_bytes < m->bytes)
		c->manifest_cut = (struct cut){name, m->sound_bytes};
	return 0;
}

int
rocks_wal_needed(const char *dir, uint64_t *ret, struct why *why)
{
	struct manifest m;
	uint64_t number;
	int r = read_current(dir, &number);

	if (r < 0)
		return io_error(dir, "CURRENT", r, why);
	r = read_manifest(dir, number, &m, why);
	if (r < 0)
		return r;
	*ret = m.wal_needed;
	manifest_release(&m);
	return 0;
}

/* ---- tables ---- */

static int
check_table(const struct check *c, uint64_t number, uint64_t size)
{
	struct name name = table_name(number);
	int fd = open_file(c->dir, name.text, O_RDONLY), r;
	struct stat st;

	if (fd == -ENOENT)
		return c->how == ROCKS_LOOK_BESIDE /* compacted away meanwhile */
			   ? 0
			   : rocks_damaged(c->dir, c->why, "%s is missing", name.text);
	if (fd < 0)
		return io_error(c->dir, name.text, fd, c->why);
	if (fstat(fd, &st) < 0)
		r = -errno;
	else
		r = (uint64_t)st.st_size == size ? sstable_check(fd, size) : -EBADMSG;
	(void)close(fd);
	if (r == -EBADMSG)
		return rocks_damaged(c->dir, c->why, "%s", name.text);
	return r < 0 ? io_error(c->dir, name.text, r, c->why) : 0;
}

static int
check_tables(const struct check *c)
{
	uint64_t number;
	void *size;

	if (!c->manifest.is_understood)
		return 0;
	for (size_t i = 0; umap_at(&c->manifest.tables, &i, &number, &size);) {
		int r = check_table(c, number, manifest_unbox(size));

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the write-ahead logs ---- */

/* The sound bytes of a log and all its bytes. */
static int
measure(const struct check *c, const char *name, uint64_t *ret_sound, uint64_t *ret_size)
{
	int fd = open_file(c->dir, name, O_RDONLY), r;
	struct stat st;

	if (fd == -ENOENT)
		return rocks_damaged(c->dir, c->why, "%s is missing", name);
	if (fd < 0)
		return io_error(c->dir, name, fd, c->why);
	*ret_sound = 0;
	r = logfile_check(fd, ret_sound, NULL, NULL);
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	(void)close(fd);
	if (r < 0)
		return io_error(c->dir, name, r, c->why);
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

static bool
is_there(const struct check *c, uint64_t number)
{
	return c->wals.len > 0 && bsearch(&number, c->wals.ptr, wals_len(&c->wals),
				      sizeof(number), compare_numbers) != NULL;
}

static int
check_missing(const struct check *c)
{
	for (uint32_t i = 0; i < c->m->wals_len; i++) {
		uint64_t number = c->m->wals[i];

		if (number >= c->manifest.wal_needed && !is_there(c, number))
			return rocks_damaged(
			    c->dir, c->why, "%s is missing", wal_name(number).text);
	}
	return 0;
}

/* From here on nothing can be sound. */
static int
cut_at(struct check *c, size_t i, uint64_t sound)
{
	struct name name = wal_name(wal_number(&c->wals, i));

	/* A flush would have begun a new log, and may have kept half of a batch. */
	if (i + 1 < wals_len(&c->wals) && c->manifest_has_grown)
		return rocks_damaged(
		    c->dir, c->why, "%s at byte %" PRIu64, name.text, sound);
	c->wal_cut = (struct cut){name, sound};
	c->wals_kept = i + 1;
	return 0;
}

static int
check_wal(struct check *c, size_t i)
{
	uint64_t number = wal_number(&c->wals, i), sound = 0, size = 0, want = 0;
	uint64_t last = c->m->wals_len == 0 ? 0 : c->m->wals[c->m->wals_len - 1];
	struct name name = wal_name(number);
	int r = measure(c, name.text, &sound, &size);

	if (r < 0)
		return r;
	if (number < last || c->m->is_closed)
		want = size;
	if (number == last && want < c->m->wal_bytes)
		want = c->m->wal_bytes;
	if (sound < want)
		return rocks_damaged(
		    c->dir, c->why, "%s at byte %" PRIu64, name.text, sound);
	if (c->m->is_closed &&
	    (number > last || (number == last && want != c->m->wal_bytes)))
		return rocks_damaged(
		    c->dir, c->why, "%s was changed after it was closed", name.text);
	return sound < size ? cut_at(c, i, sound) : 0;
}

static int
check_wals(struct check *c)
{
	int r = find_wals(c->dir, &c->wals, c->why);

	if (r == 0)
		r = check_missing(c);
	c->wals_kept = wals_len(&c->wals);
	for (size_t i = 0; i < c->wals_kept && r == 0; i++)
		if (wal_number(&c->wals, i) >= c->manifest.wal_needed)
			r = check_wal(c, i);
	return r;
}

/* ---- cutting ---- */

static int
cut(const struct check *c, const struct cut *at)
{
	int fd, r = 0;

	if (at->name.text[0] == '\0')
		return 0;
	fd = open_file(c->dir, at->name.text, O_RDWR);
	if (fd < 0)
		return io_error(c->dir, at->name.text, fd, c->why);
	if (ftruncate(fd, (off_t)at->at) < 0 || fsync(fd) < 0)
		r = io_error(c->dir, at->name.text, -errno, c->why);
	(void)close(fd);
	return r;
}

static int
repair_all(struct check *c)
{
	int r = 0, fd = open_file(c->dir, ".", O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return io_error(c->dir, ".", fd, c->why);
	/* The last first, so that there is no gap whenever this is interrupted. */
	for (size_t i = wals_len(&c->wals); i > c->wals_kept && r == 0; i--) {
		struct name name = wal_name(wal_number(&c->wals, i - 1));

		if (unlinkat(fd, name.text, 0) < 0 || fsync(fd) < 0)
			r = io_error(c->dir, name.text, -errno, c->why);
	}
	(void)close(fd);
	if (r == 0)
		r = cut(c, &c->wal_cut);
	return r == 0 ? cut(c, &c->manifest_cut) : r;
}

int
rocks_check(const char *dir, const struct mark *m, enum rocks_check how, struct why *why)
{
	struct check c = {.dir = dir, .m = m, .how = how, .why = why};
	int r;

	buf_init(&c.wals, WALS_MAX * sizeof(uint64_t));
	umap_init(&c.manifest.tables, 1);
	r = check_identity(&c);
	if (r == 0)
		r = check_manifest(&c);
	if (r == 0)
		r = check_tables(&c);
	if (r == 0 && how != ROCKS_LOOK_BESIDE)
		r = check_wals(&c);
	if (r == 0 && how == ROCKS_REPAIR)
		r = repair_all(&c);
	manifest_release(&c.manifest);
	buf_release(&c.wals);
	return r;
}

/* ---- making a mark ---- */

static int
look_at_manifest(const char *dir, struct mark *m, struct why *why)
{
	uint64_t number, end;
	struct name name;
	struct stat st;
	int fd, r = read_current(dir, &number);

	if (r < 0)
		return io_error(dir, "CURRENT", r, why);
	name = manifest_name(number);
	end = number == m->manifest ? m->manifest_bytes : 0;
	fd = open_file(dir, name.text, O_RDONLY);
	if (fd < 0)
		return io_error(dir, name.text, fd, why);
	if (fstat(fd, &st) < 0) {
		r = -errno;
	} else if (end != (uint64_t)st.st_size) {
		r = logfile_check(fd, &end, NULL, NULL);
		if (r == 0 && fdatasync(fd) < 0)
			r = -errno;
	}
	(void)close(fd);
	if (r < 0)
		return io_error(dir, name.text, r, why);
	m->manifest = number;
	m->manifest_bytes = end;
	return 0;
}

static int
look_at_wals(const char *dir, struct mark *m, struct why *why)
{
	struct buf wals;
	size_t len, from;
	struct stat st = {0};
	int r, fd;

	buf_init(&wals, WALS_MAX * sizeof(uint64_t));
	r = find_wals(dir, &wals, why);
	len = r < 0 ? 0 : wals_len(&wals);
	from = len > MARK_WALS_MAX ? len - MARK_WALS_MAX : 0;
	if (len > 0) {
		struct name name = wal_name(wal_number(&wals, len - 1));

		fd = open_file(dir, name.text, O_RDONLY);
		r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;
		if (fd >= 0)
			(void)close(fd);
		if (r < 0)
			(void)io_error(dir, name.text, r, why);
	}
	if (r == 0) {
		memset(m->wals, 0, sizeof(m->wals));
		for (size_t i = from; i < len; i++)
			m->wals[i - from] = wal_number(&wals, i);
		m->wals_len = (uint32_t)(len - from);
		m->wal_bytes = (uint64_t)st.st_size;
	}
	buf_release(&wals);
	return r;
}

int
rocks_look(const char *dir, struct mark *m, struct why *why)
{
	int r = look_at_manifest(dir, m, why);

	return r == 0 ? look_at_wals(dir, m, why) : r;
}
