#include "store/rocksdb.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file_whole.h"
#include "base/room.h"
#include "store/rocksdb_check.h"

#include "base/banned.h"

/*
 * Opening for writing, in this order: lock; version; the logs against the mark, what was
 * never acknowledged cut off; RocksDB; the number of the last batch against the mark; a
 * new mark; older versions brought forward.
 *
 * Opening for reading takes no lock and changes nothing.  A writer may move files away
 * while they are looked at; then it is tried again.
 */
enum { READ_TRY_MS = 10000, READ_PAUSE_MS = 20 };

/* 1: what waits has a record in the seen table, too.  2: counts of hosts have no low mark,
 * and who writes such a store must not put a record before one. */
static const struct rocks_migration migrations[] = {{.from = 1}, {.from = 2}};
const struct rocks_schema rocks_schema = {.version = 3, migrations, 2};

/* ---- the number of batches ---- */

static const char number_key[] = "commits";

void
rocks_number_batch(struct rocks *r, rocksdb_writebatch_t *w)
{
	uint64_t n = r->mark.last.commits + 1;

	rocksdb_writebatch_put_cf(w, r->cf[ROCKS_CF_OWN], number_key,
	    sizeof(number_key) - 1, (const char *)&n, sizeof(n));
}

static int
check_number(struct rocks *r, const struct mark *m, struct why *why)
{
	uint64_t n = 0;
	char *error = NULL, *got;
	size_t len;

	got = rocksdb_get_cf(r->db, r->tuning.get, r->cf[ROCKS_CF_OWN], number_key,
	    sizeof(number_key) - 1, &len, &error);
	if (error != NULL)
		return rocks_why(r, error, why);
	if (got != NULL && len == sizeof(n))
		memcpy(&n, got, sizeof(n));
	rocksdb_free(got);
	if (n < m->commits)
		return rocks_damaged(r->dir, why,
		    "the last %" PRIu64 " of %" PRIu64 " commits are missing",
		    m->commits - n, m->commits);
	return 0;
}

static int
write_mark(struct rocks *r, struct mark *m, struct why *why)
{
	int err = mark_write(&r->mark, m);

	if (err < 0)
		return why_set(why, err, "the store %s: its mark cannot be written: %s",
		    r->dir, strerror(-err));
	return 0;
}

int
rocks_acknowledge(struct rocks *r, struct why *why)
{
	struct mark m = r->mark.last;
	int err = rocks_look(r->dir, &m, why);

	if (err < 0)
		return err;
	m.commits++;
	return write_mark(r, &m, why);
}

/* ---- RocksDB ---- */

static int
open_db(struct rocks *r, struct why *why)
{
	struct rocks_tuning *t = &r->tuning;
	const rocksdb_options_t *const *cf = (const rocksdb_options_t *const *)t->cf;
	char *error = NULL;

	if (r->mode == STORE_READ) {
		r->db = rocksdb_open_for_read_only_column_families(
		    t->db, r->dir, ROCKS_CF_MAX, rocks_cf_names, cf, r->cf, 0, &error);
	} else {
		r->db = rocksdb_open_column_families(
		    t->db, r->dir, ROCKS_CF_MAX, rocks_cf_names, cf, r->cf, &error);
	}
	if (error == NULL)
		return 0;
	r->db = NULL;
	return rocks_why(r, error, why);
}

static void
close_db(struct rocks *r)
{
	if (r->db == NULL)
		return;
	for (int i = 0; i < ROCKS_CF_MAX; i++)
		rocksdb_column_family_handle_destroy(r->cf[i]);
	rocksdb_close(r->db);
	r->db = NULL;
}

static int
open_marked(struct rocks *r, bool make, struct why *why)
{
	struct mark m = r->mark.last;
	int err =
	    make ? rocks_make(r->dir, why) : rocks_check(r->dir, &m, ROCKS_REPAIR, why);

	if (err == 0 && m.is_closed) {
		m.is_closed = 0;
		err = write_mark(r, &m, why);
	}
	if (err == 0)
		err = open_db(r, why);
	if (err == 0)
		err = check_number(r, &m, why);
	if (err == 0)
		err = rocks_look(r->dir, &m, why);
	if (err == 0)
		err = write_mark(r, &m, why);
	if (err < 0)
		close_db(r);
	return err;
}

int
rocks_reopen(struct rocks *r, struct why *why)
{
	int err;

	close_db(r);
	err = open_marked(r, false, why);
	r->is_broken = err < 0;
	return err;
}

/* ---- opening for writing ---- */

/* No attempt of ours leaves a database that can be opened and no mark: that is made first. */
static bool
is_anothers(const struct rocks *r, const char *mark)
{
	char path[4096], name[64] = "";
	int n = snprintf(path, sizeof(path), "%s/CURRENT", r->dir);
	ssize_t got = -1;
	int fd;

	if (n < 0 || (size_t)n >= sizeof(path) || access(mark, F_OK) == 0)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		got = read(fd, name, sizeof(name) - 1);
		(void)close(fd);
	}
	if (got <= 0)
		return false;
	name[strcspn(name, "\n")] = '\0';
	n = snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	return n > 0 && (size_t)n < sizeof(path) && access(path, F_OK) == 0;
}

static int
open_mark(struct rocks *r, bool make, bool read_only, struct why *why)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/TRAWL-MARK", r->dir), err;

	if (n < 0 || (size_t)n >= sizeof(path))
		return why_set(why, -ENAMETOOLONG, "%s: the name is too long", r->dir);
	if (make && is_anothers(r, path))
		return why_set(why, -EEXIST,
		    "%s has a database in it that is not trawl's, or has lost TRAWL-MARK "
		    "and TRAWL-VERSION",
		    r->dir);
	err = mark_open(path, make, read_only, &r->mark);
	if (err == -ENOENT || err == -EBADMSG)
		return rocks_damaged(r->dir, why, "TRAWL-MARK is %s",
		    err == -ENOENT ? "missing" : "unreadable");
	if (err < 0)
		return why_set(why, err, "%s: %s", path, strerror(-err));
	if (make && r->mark.last.commits > 0)
		return rocks_damaged(r->dir, why, "TRAWL-VERSION is missing");
	return 0;
}

static const struct rocks_migration *
step_from(const struct rocks_schema *s, uint32_t version)
{
	for (size_t i = 0; i < s->migrations_len; i++)
		if (s->migrations[i].from == version)
			return &s->migrations[i];
	return NULL;
}

static bool
is_readable(const struct rocks_schema *s, uint32_t version)
{
	for (; version < s->version; version++) {
		const struct rocks_migration *m = step_from(s, version);

		if (m == NULL || m->run != NULL)
			return false;
	}
	return true;
}

/* For who reads: nothing is there yet, or that file alone was lost. */
static int
why_no_version(const struct rocks *r, struct why *why)
{
	struct mark_file mark = {.fd = -1};
	char path[4096];
	uint64_t commits = 0;
	int n = snprintf(path, sizeof(path), "%s/TRAWL-MARK", r->dir);

	if (n > 0 && (size_t)n < sizeof(path) &&
	    mark_open(path, false, true, &mark) == 0) {
		commits = mark.last.commits;
		mark_close(&mark);
	}
	if (commits > 0)
		return rocks_damaged(r->dir, why, "TRAWL-VERSION is missing");
	return why_set(why, -ENOENT, "there is no crawl in %s", r->crawl_dir);
}

static int
check_version(const struct rocks *r, uint32_t version, struct why *why)
{
	if (version == 0 && r->mode != STORE_MAKE)
		return why_no_version(r, why);
	if (version > r->schema->version)
		return why_set(why, -ENOTSUP,
		    "the store %s was written by a newer trawl (its version is %" PRIu32
		    ", this trawl knows %" PRIu32 "): use the newer one",
		    r->dir, version, r->schema->version);
	if (r->mode == STORE_READ && !is_readable(r->schema, version))
		return why_set(why, -ENOTSUP,
		    "the store %s was written by an older trawl: resume the crawl once "
		    "with "
		    "this one",
		    r->dir);
	return 0;
}

static int
migrate(struct rocks *r, uint32_t version, struct why *why)
{
	const struct rocks_schema *s = r->schema;

	while (version < s->version) {
		const struct rocks_migration *m = step_from(s, version);
		int err;

		if (m == NULL)
			return why_set(why, -ENOTSUP,
			    "the store %s has version %" PRIu32
			    ", which this trawl cannot read any more",
			    r->dir, version);
		err = m->run == NULL ? 0 : m->run(&r->store, why);
		if (err == 0)
			err = rocks_version_write(r->dir, version + 1, why);
		if (err < 0)
			return why_prefix(why, err, "from version %" PRIu32, version);
		version++;
	}
	return 0;
}

static int
open_to_write(struct rocks *r, struct why *why)
{
	uint32_t version;
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/TRAWL-LOCK", r->dir), err;

	if (n < 0 || (size_t)n >= sizeof(path))
		return why_set(why, -ENAMETOOLONG, "%s: the name is too long", r->dir);
	err = lockfile_take(path, r->crawl_dir, &r->lock, why);
	if (err == 0)
		err = rocks_version_read(r->dir, &version, why);
	if (err == 0)
		err = check_version(r, version, why);
	if (err == 0)
		err = open_mark(r, version == 0, false, why);
	if (err == 0)
		err = open_marked(r, version == 0, why);
	if (err < 0)
		return err;
	if (version == 0)
		return rocks_version_write(r->dir, r->schema->version, why);
	return migrate(r, version, why);
}

/* ---- opening for reading ---- */

/*
 * RocksDB reads the MANIFEST first and then looks for the logs it wants.  A writer that
 * flushed one in between has taken it away, and its batches would be missing without a
 * word.
 */
static int
check_nothing_was_flushed(const struct rocks *r, struct why *why)
{
	uint64_t wanted, needed;
	int err = rocks_wal_needed(r->dir, &needed, why);

	if (err < 0)
		return err;
	if (rocksdb_property_int(r->db, "rocksdb.min-log-number-to-keep", &wanted) == 0 &&
	    wanted == needed)
		return 0;
	return why_set(why, -EBUSY, "the store %s was written meanwhile", r->dir);
}

static int
read_once(struct rocks *r, const char *lock_path, bool *ret_again, struct why *why)
{
	bool is_written = lockfile_is_taken(lock_path);
	struct mark m;
	int err = open_mark(r, false, true, why);

	*ret_again = err == 0 || is_written;
	if (err < 0)
		return err;
	m = r->mark.last;
	err =
	    rocks_check(r->dir, &m, is_written ? ROCKS_LOOK_BESIDE : ROCKS_LOOK_AT, why);
	if (err == 0)
		err = open_db(r, why);
	if (err == 0)
		err = check_nothing_was_flushed(r, why);
	if (err == 0)
		err = check_number(r, &m, why);
	if (err == 0)
		return 0;
	close_db(r);
	mark_close(&r->mark);
	/* Did somebody write meanwhile? */
	if (!is_written && !lockfile_is_taken(lock_path) &&
	    open_mark(r, false, true, NULL) == 0 && r->mark.last.turn == m.turn)
		*ret_again = false;
	mark_close(&r->mark);
	return err;
}

static int
open_to_read(struct rocks *r, struct why *why)
{
	static const struct timespec pause = {.tv_nsec = READ_PAUSE_MS * 1000000L};
	bool again = true;
	uint32_t version;
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/TRAWL-LOCK", r->dir), err;

	if (n < 0 || (size_t)n >= sizeof(path))
		return why_set(why, -ENAMETOOLONG, "%s: the name is too long", r->dir);
	err = rocks_version_read(r->dir, &version, why);
	if (err == 0)
		err = check_version(r, version, why);
	if (err < 0)
		return err;
	for (int64_t end = clock_mono_ms() + READ_TRY_MS;;) {
		err = read_once(r, path, &again, why);
		if (err == 0 || !again)
			return err;
		if (clock_mono_ms() >= end)
			return why_prefix(
			    why, -EBUSY, "it is written too fast to be read meanwhile");
		(void)nanosleep(&pause, NULL);
	}
}

/* ---- both ---- */

/* A store that was closed properly says so, and then nothing may differ. */
static void
mark_closed(struct rocks *r)
{
	struct mark m = r->mark.last;

	if (r->is_broken || rocks_look(r->dir, &m, NULL) < 0)
		return;
	m.is_closed = 1;
	(void)mark_write(&r->mark, &m);
}

void
rocks_close(struct store *s)
{
	struct rocks *r = (struct rocks *)(void *)s;
	bool was_open = r->db != NULL;

	close_db(r);
	if (was_open && r->mode != STORE_READ)
		mark_closed(r);
	mark_close(&r->mark);
	lockfile_free(r->lock);
	rocks_untune(&r->tuning);
	free(r->crawl_dir);
	free(r->dir);
	free(r);
}

/* DIR/state. */
static int
find_dir(struct rocks *r, const struct store_conf *conf, struct why *why)
{
	struct stat st;
	int err = 0, made = -ENOENT;

	if (conf->dir == NULL)
		return why_set(why, -EINVAL, "a store of kind rocksdb needs a directory");
	r->crawl_dir = slice_dup(slice_cstr(conf->dir));
	if (r->crawl_dir == NULL || asprintf(&r->dir, "%s/state", conf->dir) < 0) {
		r->dir = NULL;
		return why_set(why, -ENOMEM, "no memory for the store");
	}
	if (r->mode == STORE_MAKE)
		made = mkdir(r->dir, 0777) < 0 ? -errno : 0;
	if (made == 0)
		err = dir_sync(conf->dir);
	if (err == 0 && stat(r->dir, &st) < 0)
		err = errno == ENOENT ? made : -errno;
	if (err == -ENOENT)
		return why_set(why, err, "there is no crawl in %s", conf->dir);
	return err < 0 ? why_set(why, err, "%s: %s", r->dir, strerror(-err)) : 0;
}

int
rocks_open(const struct store_conf *conf, const struct rocks_schema *schema,
    struct store **ret, struct why *why)
{
	struct rocks *r;
	int err = clock_check(why);

	if (err < 0)
		return err;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return why_set(why, -ENOMEM, "no memory for the store");
	r->store.backend = &store_rocksdb;
	r->mode = conf->mode;
	r->schema = schema;
	r->mark.fd = -1;
	rocks_tune(&r->tuning, conf->mode, conf->memory_bytes);
	err = find_dir(r, conf, why);
	if (err == 0)
		err = conf->mode == STORE_READ ? open_to_read(r, why)
					       : open_to_write(r, why);
	if (err < 0) {
		rocks_close(&r->store);
		return room_error(err);
	}
	*ret = &r->store;
	return 0;
}
