#include "ctl/registry.h"
#include "base/room_sqlite.h"
#include "ctl/registry_schema.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHORES_MAX = 1024, BUSY_MS = 2000 };

struct registry {
	sqlite3 *db;
	struct chores *chores;
};

sqlite3 *
registry_db(struct registry *g)
{
	return g->db;
}

int
registry_send(struct registry *g, struct chore *c)
{
	return g->chores == NULL ? -ESHUTDOWN : chores_send(g->chores, c);
}

uint32_t
registry_waiting(const struct registry *g)
{
	return chores_waiting(g->chores);
}

bool
registry_is_busy(const struct registry *g)
{
	return g->chores == NULL || chores_are_busy(g->chores);
}

int
registry_error(sqlite3 *db, struct why *why)
{
	int code = sqlite3_errcode(db), r = -EIO;
	const char *path = sqlite3_db_filename(db, "main");

	if (room_sqlite_lacks(db, path == NULL ? "" : path))
		r = -ENOSPC;
	else if (code == SQLITE_NOMEM)
		r = -ENOMEM;
	else if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		r = -EBUSY;
	else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		r = -EBADMSG;
	(void)why_set(why, r, "the registry: %s", sqlite3_errmsg(db));
	return r;
}

static int
exec(sqlite3 *db, const char *sql, struct why *why)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK
		   ? 0
		   : registry_error(db, why);
}

/* The number that a statement returns. */
static int
number(sqlite3 *db, const char *sql, int64_t *ret, struct why *why)
{
	sqlite3_stmt *s;
	int r = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		return registry_error(db, why);
	switch (sqlite3_step(s)) {
	case SQLITE_ROW:
		*ret = sqlite3_column_int64(s, 0);
		break;
	case SQLITE_DONE:
		*ret = 0;
		break;
	default:
		r = registry_error(db, why);
	}
	(void)sqlite3_finalize(s);
	return r;
}

/* ---- versions ---- */

int
registry_version(sqlite3 *db)
{
	int64_t n;

	return number(db, "PRAGMA user_version", &n, NULL) < 0 ? -1 : (int)n;
}

int
registry_version_newest(void)
{
	return REGISTRY_VERSION;
}

static int
step(sqlite3 *db, int version, struct why *why)
{
	char sql[64];
	int r = exec(db, "BEGIN IMMEDIATE", why);

	if (r < 0)
		return r;
	r = exec(db, registry_migrations[version], why);
	(void)snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", version + 1);
	if (r == 0)
		r = exec(db, sql, why);
	if (r == 0)
		r = exec(db, "COMMIT", why);
	if (r < 0)
		(void)exec(db, "ROLLBACK", NULL);
	return r < 0 ? why_prefix(why, r, "cannot go from version %d to %d", version,
			   version + 1)
		     : 0;
}

static int
migrate(sqlite3 *db, const char *path, struct why *why)
{
	int64_t id, version, tables;
	char sql[64];
	int r = number(db, "PRAGMA application_id", &id, why);

	if (r == 0)
		r = number(db, "PRAGMA user_version", &version, why);
	if (r == 0)
		r = number(db, "SELECT count(*) FROM sqlite_master", &tables, why);
	if (r < 0)
		return r;
	if (id != REGISTRY_APPLICATION_ID && (tables > 0 || version > 0))
		return why_set(why, -EBADMSG, "%s is no registry of trawl", path);
	if (version > REGISTRY_VERSION)
		return why_set(why, -EPROTO,
		    "%s was written by a newer trawl (version %lld of the registry; this "
		    "program knows up to %d): start that, or move the file away",
		    path, (long long)version, REGISTRY_VERSION);
	(void)snprintf(
	    sql, sizeof(sql), "PRAGMA application_id = %d", REGISTRY_APPLICATION_ID);
	if (id !=
	    REGISTRY_APPLICATION_ID) /* else it would be written without need, and room */
		r = exec(db, sql, why);
	for (int v = (int)version; v < REGISTRY_VERSION && r == 0; v++)
		r = step(db, v, why);
	return r;
}

/* ---- life ---- */

/* Jobs have passwords in them: SQLite gives its other files the rights of this one. */
static int
make_private(const char *path, struct why *why)
{
	int r = 0, fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || fchmod(fd, 0600) < 0)
		r = why_set(why, -errno, "cannot open %s: %s", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return room_error(r);
}

static int
open_db(struct registry *g, const char *path, struct why *why)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
	int r = make_private(path, why);
	char sql[128];

	if (r < 0)
		return r;
	if (sqlite3_open_v2(path, &g->db, flags, NULL) != SQLITE_OK) {
		r = g->db == NULL ? why_set(why, -ENOMEM, "out of memory")
				  : registry_error(g->db, why);
		return why_prefix(why, r, "cannot open %s", path);
	}
	(void)sqlite3_busy_timeout(g->db, BUSY_MS);
	/* Whoever looks at the file from outside trusts no schema in it, and so do we. */
	(void)sqlite3_db_config(g->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(g->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)snprintf(sql, sizeof(sql),
	    "PRAGMA cache_size = -%d; PRAGMA journal_mode = WAL; PRAGMA synchronous = "
	    "FULL",
	    REGISTRY_CACHE_BYTES >> 10);
	r = exec(g->db, sql, why);
	return r < 0 ? why_prefix(why, r, "cannot open %s", path)
		     : migrate(g->db, path, why);
}

int
registry_open(struct loop *l, const char *path, struct registry **ret, struct why *why)
{
	struct registry *g = calloc(1, sizeof(*g));
	int r;

	if (g == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	r = open_db(g, path, why);
	if (r == 0) {
		r = chores_new(l, "registry", CHORES_MAX, &g->chores);
		if (r < 0)
			(void)why_set(why, r, "cannot start a thread: %s", strerror(-r));
	}
	if (r < 0) {
		registry_free(g);
		return r;
	}
	*ret = g;
	return 0;
}

void
registry_stop(struct registry *g)
{
	chores_free(g->chores);
	g->chores = NULL;
}

void
registry_free(struct registry *g)
{
	if (g == NULL)
		return;
	registry_stop(g);
	(void)sqlite3_close(g->db);
	free(g);
}

uint64_t
registry_last_run(struct registry *g)
{
	int64_t n = 0;

	(void)number(
	    g->db, "SELECT seq FROM sqlite_sequence WHERE name = 'runs'", &n, NULL);
	return (uint64_t)n;
}
