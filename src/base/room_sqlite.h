/*
 * base/room_sqlite.h -- whether SQLite failed for want of room.
 *
 * It says so of a full disk only, and only of files that it knows to grow: of a quota, and
 * of files beside the database that cannot be made, it says that they failed, and keeps the
 * errno.  Not of the journal under whose protection the log is made, which is closed by then;
 * and of what cannot be made it keeps ENOENT, for it tries to read it then.
 *
 * Of base only this knows a library besides libc: sink/ and ctl/ both keep tables in SQLite,
 * and have no floor above base in common.
 *
 * Threads: that of the database, before its next call.
 */
#ifndef BASE_ROOM_SQLITE_H
#define BASE_ROOM_SQLITE_H
#include "base/room.h"
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* What SQLite kept of it. */
static inline int
room_sqlite_errno(sqlite3 *db)
{
	int err = sqlite3_system_errno(db);
	sqlite3_file *log = NULL;

	if (err == 0)
		(void)sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &err);
	if (err == 0)
		(void)sqlite3_file_control(
		    db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (log != NULL && log->pMethods != NULL && log->pMethods->xFileControl != NULL)
		(void)log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &err);
	return err;
}

/* `path`: of the database; empty: not known. */
static inline bool
room_sqlite_lacks(sqlite3 *db, const char *path)
{
	int code = sqlite3_errcode(db) & 0xff, err;

	if (code != SQLITE_IOERR && code != SQLITE_CANTOPEN)
		return code == SQLITE_FULL;
	err = room_sqlite_errno(db);
	if ((err == 0 || err == ENOENT) && path[0] != '\0')
		err = -room_probe(path);
	return room_error(-err) == -ENOSPC;
}
#endif
