/*
 * tests/fault/undo.h -- the journal of what is not durable yet; private to tests/fault.
 *
 *   UNDO/journal   records, appended before (a new name: after) the call they are about
 *   UNDO/<n>       hard links to files that lost their name, so that it can come back
 *
 * As it lies in files it outlives a SIGKILL: what one process wrote and did not sync, a
 * power loss during the next one may still take away.
 *
 * Errors:  -errno.  Threads: the caller's lock.  All calls here go to the kernel directly.
 */
#ifndef TESTS_FAULT_UNDO_H
#define TESTS_FAULT_UNDO_H
#include <stdint.h>
#include <sys/types.h>

enum undo_kind {
	UNDO_CREATE, /* name, ino */
	UNDO_MKDIR,
	UNDO_RMDIR,
	UNDO_LINK,
	UNDO_UNLINK, /* name, kept */
	UNDO_RENAME, /* name -> to; kept: what had been called `to` */
	UNDO_DIRSYNC,
	UNDO_WRITE,    /* ino, at, len, size: of the file before it; old */
	UNDO_TRUNCATE, /* ino, at: the new size; size; old */
	UNDO_SYNC,     /* ino */
};

#define UNDO_MAGIC 0x6f646e75u
struct undo_rec {
	uint32_t magic, kind;
	uint32_t name_len, to_len; /* with their NUL */
	uint64_t ino, at, len, size;
	uint64_t kept; /* UNDO/<kept>; 0: nothing */
	uint64_t old_len;
	/* name, to, old */
};

struct undo;
int undo_open(const char *dir, struct undo **ret);
void undo_close(struct undo *u); /* NULL is fine */
int undo_note_name(struct undo *u, enum undo_kind kind, const char *name, const char *to,
    uint64_t ino, uint64_t kept);
int undo_note_sync(struct undo *u, uint64_t ino);
int undo_note_dirsync(struct undo *u, const char *name);
/* `fd`: of the file that is going to change; what will be overwritten or cut off is read. */
int undo_note_write(struct undo *u, int fd, uint64_t at, uint64_t len);
int undo_note_truncate(struct undo *u, int fd, uint64_t size);
/* Keeps the file called `name`; 0 when there is none. */
uint64_t undo_keep(struct undo *u, const char *name);
#endif
