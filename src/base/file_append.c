#include "base/file_append.h"
#include "base/room.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

/* errno as the callers are to see it, with the sentence. */
static int
failed(const struct file_append *f, const char *doing, const char *name, struct why *why)
{
	int err = errno;

	(void)why_set(
	    why, 0, "cannot %s '%s/%s': %s", doing, f->dir, name, strerrordesc_np(err));
	return room_error(-err);
}

int
file_append_init(
    struct file_append *f, const char *dir, size_t buf_bytes, struct why *why)
{
	int r;

	assert(buf_bytes > 0);
	*f = (struct file_append){.dir_fd = -1, .fd = -1, .cap = buf_bytes};
	r = why_set(why, -ENOMEM, "no memory for a file in '%s'", dir);
	f->dir = slice_dup(slice_cstr(dir));
	if (f->dir == NULL)
		goto fail;
	f->buf = malloc(buf_bytes);
	if (f->buf == NULL)
		goto fail;
	f->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir_fd < 0) {
		r = failed(f, "open directory", ".", why);
		goto fail;
	}
	r = dir_names_open(f->dir_fd, &f->dir_names);
	if (r < 0) {
		errno = -r;
		r = failed(f, "open directory", ".", why);
		goto fail;
	}
	return 0;

fail:
	file_append_release(f);
	return r;
}

void
file_append_release(struct file_append *f)
{
	if (f->fd >= 0)
		(void)close(f->fd);
	if (f->dir_fd >= 0)
		(void)close(f->dir_fd);
	dir_names_close(f->dir_names);
	free(f->buf);
	free(f->dir);
	*f = (struct file_append){.dir_fd = -1, .fd = -1};
}

/* Opens `name`, made when it is missing and `make`; a regular file and no link. */
static int
open_regular(struct file_append *f, const char *name, bool make, uint64_t *ret_size,
    struct why *why)
{
	struct stat st;
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (make ? O_CREAT : 0);
	int fd, r;

	fd = openat(f->dir_fd, name, flags, 0644);
	if (fd < 0)
		return failed(f, make ? "create" : "open", name, why);
	if (fstat(fd, &st) != 0) {
		r = failed(f, "open", name, why);
		goto fail;
	}
	if (!S_ISREG(st.st_mode)) {
		r = why_set(why, -EINVAL, "'%s/%s' is not a regular file", f->dir, name);
		goto fail;
	}
	*ret_size = (uint64_t)st.st_size;
	return fd;

fail:
	(void)close(fd);
	return r;
}

void
file_append_names_changed(struct file_append *f)
{
	f->dir_change = dir_names_change(f->dir_names);
	f->dir_dirty = true;
}

static void
take_file(struct file_append *f, int fd, const char *name, uint64_t pos)
{
	assert(f->fd < 0);
	assert(f->len == 0);
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	f->fd = fd;
	f->pos = pos;
	f->torn = false;
	f->dirty = false;
	file_append_names_changed(f);
}

int
file_append_create(struct file_append *f, const char *name, struct why *why)
{
	uint64_t size = 0;
	int fd;

	fd = open_regular(f, name, true, &size, why);
	if (fd < 0)
		return fd;
	if (size > 0) {
		(void)close(fd);
		return why_set(why, -EEXIST,
		    "'%s/%s' exists already and is not overwritten: choose another "
		    "directory, or go on with 'trawl resume'",
		    f->dir, name);
	}
	take_file(f, fd, name, 0);
	return 0;
}

int
file_append_open(
    struct file_append *f, const char *name, uint64_t length, struct why *why)
{
	uint64_t size = 0;
	int fd, r;

	fd = open_regular(f, name, length == 0, &size, why);
	if (fd < 0)
		return fd;
	if (size < length) {
		r = why_set(why, -EBADMSG,
		    "'%s/%s' holds %llu bytes, but %llu were committed: it was changed "
		    "or "
		    "lost its end",
		    f->dir, name, (unsigned long long)size, (unsigned long long)length);
		goto fail;
	}
	if (size > length && ftruncate(fd, (off_t)length) != 0) {
		r = failed(f, "cut back", name, why);
		goto fail;
	}
	take_file(f, fd, name, length);
	f->dirty = size > length; /* what was cut off must not come back */
	return 0;

fail:
	(void)close(fd);
	return r;
}

void
file_append_close(struct file_append *f)
{
	assert(f->len == 0);
	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = -1;
}

int
file_append_rename(struct file_append *f, const char *name, struct why *why)
{
	if (renameat(f->dir_fd, f->name, f->dir_fd, name) != 0)
		return failed(f, "rename", f->name, why);
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	file_append_names_changed(f);
	return 0;
}

/* Takes away what a failed write left behind. */
static int
cut_back(struct file_append *f, struct why *why)
{
	if (!f->torn)
		return 0;
	if (ftruncate(f->fd, (off_t)f->pos) != 0)
		return failed(f, "cut back", f->name, why);
	f->torn = false;
	return 0;
}

/* All of it at `pos`, which moves on, or nothing. */
static int
write_whole(struct file_append *f, struct slice bytes, struct why *why)
{
	size_t done = 0;
	int r;

	assert(f->fd >= 0);
	r = cut_back(f, why);
	if (r < 0)
		return r;
	f->dirty = true;
	while (done < bytes.len) {
		ssize_t n = pwrite(
		    f->fd, bytes.ptr + done, bytes.len - done, (off_t)(f->pos + done));

		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO; /* no progress: do not spin */
		r = failed(f, "write", f->name, why);
		f->torn = true;
		(void)cut_back(f, NULL); /* or later, before the next write */
		return r;
	}
	f->pos += bytes.len;
	return 0;
}

int
file_append_flush(struct file_append *f, struct why *why)
{
	int r;

	if (f->len == 0)
		return 0;
	r = write_whole(f, slice_of(f->buf, f->len), why);
	if (r < 0)
		return r;
	f->len = 0;
	return 0;
}

int
file_append_add(struct file_append *f, struct slice bytes, struct why *why)
{
	int r;

	if (bytes.len > f->cap - f->len) {
		r = file_append_flush(f, why);
		if (r < 0)
			return r;
	}
	if (bytes.len > f->cap)
		return write_whole(f, bytes, why);
	if (bytes.len > 0)
		memcpy(f->buf + f->len, bytes.ptr, bytes.len);
	f->len += bytes.len;
	return 0;
}

int
file_append_sync(struct file_append *f, struct why *why)
{
	int r;

	if (f->sync_err < 0)
		return why_set(why, f->sync_err,
		    "an earlier sync of a file in '%s' failed: go on from the last "
		    "commit",
		    f->dir);
	r = file_append_flush(f, why);
	if (r == 0)
		r = f->fd < 0 ? 0 : cut_back(f, why);
	if (r < 0)
		return r;
	if (f->fd >= 0 && f->dirty && fdatasync(f->fd) != 0) {
		f->sync_err = failed(f, "sync", f->name, why);
		return f->sync_err;
	}
	f->dirty = false;
	r = f->dir_dirty ? dir_names_sync(f->dir_names, f->dir_fd, f->dir_change) : 0;
	if (r < 0) {
		errno = -r;
		f->sync_err = failed(f, "sync directory", ".", why);
		return f->sync_err;
	}
	f->dir_dirty = false;
	return 0;
}

void
file_append_check(const struct file_append *f)
{
	struct stat st;

	assert(f->len <= f->cap);
	assert(f->fd >= 0 || f->len == 0);
	if (f->fd < 0 || f->torn)
		return;
	assert(fstat(f->fd, &st) == 0);
	assert((uint64_t)st.st_size == f->pos);
}
