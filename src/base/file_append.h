/*
 * base/file_append.h -- a file that only grows, through a buffer, and is never torn.
 *
 * The position is always known, and every write goes to it.  A write that fails or comes
 * up short is cut back to the last good position and the buffer is kept, so that the same
 * call can be made again when there is room.  As whatever was added in one call is in the
 * buffer as a whole, the file ends with a whole record whenever no write is under way.
 *
 * One object serves one directory, and in it one file after the other.
 *
 * Owns:    the directory's and the file's descriptor, the buffer.
 * Errors:  -errno with the sentence.  -ENOSPC also stands for a quota (EDQUOT) and a
 *          limit on file sizes (EFBIG): it did not fit, and later it may.  A failed
 *          fdatasync sticks: the kernel may have dropped the pages, so no later one is to
 *          be believed.
 * Threads: the store thread.
 */
#ifndef BASE_FILE_APPEND_H
#define BASE_FILE_APPEND_H
#include "base/dir_names.h"
#include "base/slice.h"
#include "base/why.h"
#include <limits.h>

struct file_append {
	char *dir; /* for sentences */
	int dir_fd;
	int fd; /* -1: no file is open */
	char name[NAME_MAX + 1];
	char *buf;
	size_t len, cap;
	uint64_t pos; /* bytes of the file that are good; the buffer comes behind them */
	bool torn;    /* there may be bytes behind `pos` in the file */
	bool dirty;   /* written and not yet synced */
	int sync_err; /* sticks */
	bool dir_dirty;              /* names were changed and not yet synced */
	struct dir_names *dir_names; /* with the others in that directory */
	uint64_t dir_change;         /* the last of ours */
};

int file_append_init(
    struct file_append *f, const char *dir, size_t buf_bytes, struct why *why);
/* What is in the buffer is lost: sync first. */
void file_append_release(struct file_append *f);

/* A new file.  -EEXIST when one is there that is not empty. */
int file_append_create(struct file_append *f, const char *name, struct why *why);
/* Goes on behind the first `length` bytes, what follows is cut off.  -EBADMSG when there
 * are fewer, -ENOENT when it is missing (and length is not 0). */
int file_append_open(
    struct file_append *f, const char *name, uint64_t length, struct why *why);
/* Everything must be flushed.  `pos` and `name` stay. */
void file_append_close(struct file_append *f);
int file_append_rename(struct file_append *f, const char *name, struct why *why);
/* Its user has changed names in the directory: the next sync is of those, too. */
void file_append_names_changed(struct file_append *f);

int file_append_add(struct file_append *f, struct slice bytes, struct why *why);
int file_append_flush(struct file_append *f, struct why *why);
/* Flushes, then bytes and names survive a power loss. */
int file_append_sync(struct file_append *f, struct why *why);

/* Where the next byte goes. */
static inline uint64_t
file_append_at(const struct file_append *f)
{
	return f->pos + f->len;
}
void file_append_check(const struct file_append *f);
#endif
