#include "undo.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FD_MIN = 400 }; /* out of the way of those who close what they do not know */

struct undo {
	char dir[PATH_MAX];
	int fd;
	uint64_t kept;
};

int
undo_open(const char *dir, struct undo **ret)
{
	struct undo *u = calloc(1, sizeof(*u));
	char path[PATH_MAX + 16];
	int fd, r;

	if (u == NULL)
		return -ENOMEM;
	(void)snprintf(u->dir, sizeof(u->dir), "%s", dir);
	(void)snprintf(path, sizeof(path), "%s/journal", dir);
	r = mkdir(dir, 0700) < 0 && errno != EEXIST ? -errno : 0;
	fd = r < 0 ? -1 : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (r == 0)
		r = fd < 0 ? -errno : 0;
	u->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FD_MIN);
	if (fd >= 0)
		(void)close(fd);
	if (r == 0 && u->fd < 0)
		r = -errno;
	if (r < 0) {
		free(u);
		return r;
	}
	*ret = u;
	return 0;
}

void
undo_close(struct undo *u)
{
	if (u == NULL)
		return;
	(void)close(u->fd);
	free(u);
}

/* One write: it is there as a whole, or its process died in it and so before the call. */
static int
append(struct undo *u, struct undo_rec *rec, const char *name, const char *to,
    const char *old)
{
	size_t len, at = sizeof(*rec);
	char *whole;
	ssize_t n;

	rec->magic = UNDO_MAGIC;
	rec->name_len = name == NULL ? 0 : (uint32_t)strlen(name) + 1;
	rec->to_len = to == NULL ? 0 : (uint32_t)strlen(to) + 1;
	len = sizeof(*rec) + rec->name_len + rec->to_len + (size_t)rec->old_len;
	whole = malloc(len);
	if (whole == NULL)
		return -ENOMEM;
	memcpy(whole, rec, sizeof(*rec));
	if (name != NULL)
		memcpy(whole + at, name, rec->name_len);
	at += rec->name_len;
	if (to != NULL)
		memcpy(whole + at, to, rec->to_len);
	at += rec->to_len;
	if (rec->old_len > 0)
		memcpy(whole + at, old, (size_t)rec->old_len);
	n = write(u->fd, whole, len);
	free(whole);
	return n == (ssize_t)len ? 0 : n < 0 ? -errno : -EIO;
}

int
undo_note_name(struct undo *u, enum undo_kind kind, const char *name, const char *to,
    uint64_t ino, uint64_t kept)
{
	struct undo_rec rec = {.kind = kind, .ino = ino, .kept = kept};

	return append(u, &rec, name, to, NULL);
}

int
undo_note_sync(struct undo *u, uint64_t ino)
{
	struct undo_rec rec = {.kind = UNDO_SYNC, .ino = ino};

	return append(u, &rec, NULL, NULL, NULL);
}

int
undo_note_dirsync(struct undo *u, const char *name)
{
	struct undo_rec rec = {.kind = UNDO_DIRSYNC};

	return append(u, &rec, name, NULL, NULL);
}

/* [from, to) of a file that may be open for writing only. */
static char *
read_old(int fd, uint64_t from, uint64_t to)
{
	size_t len = (size_t)(to - from);
	char *old = malloc(len + 1), link[64];
	ssize_t n;

	if (old == NULL)
		return NULL;
	n = pread(fd, old, len, (off_t)from);
	if (n < 0 && errno == EBADF) {
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		fd = open(link, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : pread(fd, old, len, (off_t)from);
		if (fd >= 0)
			(void)close(fd);
	}
	if (n == (ssize_t)len)
		return old;
	free(old);
	return NULL;
}

static int
note_change(struct undo *u, enum undo_kind kind, int fd, uint64_t at, uint64_t len)
{
	struct undo_rec rec = {.kind = kind, .at = at, .len = len};
	struct stat st;
	uint64_t end;
	char *old = NULL;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	rec.ino = st.st_ino;
	rec.size = (uint64_t)st.st_size;
	end = len > rec.size - (at < rec.size ? at : rec.size) ? rec.size : at + len;
	if (at < end) {
		old = read_old(fd, at, end);
		if (old == NULL)
			return -EIO;
		rec.old_len = end - at;
	}
	r = append(u, &rec, NULL, NULL, old);
	free(old);
	return r;
}

int
undo_note_write(struct undo *u, int fd, uint64_t at, uint64_t len)
{
	return note_change(u, UNDO_WRITE, fd, at, len);
}

int
undo_note_truncate(struct undo *u, int fd, uint64_t size)
{
	return note_change(u, UNDO_TRUNCATE, fd, size, UINT64_MAX);
}

uint64_t
undo_keep(struct undo *u, const char *name)
{
	char path[PATH_MAX + 32];
	struct stat st;

	if (lstat(name, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	do {
		u->kept++;
		(void)snprintf(
		    path, sizeof(path), "%s/%llu", u->dir, (unsigned long long)u->kept);
		if (link(name, path) == 0)
			return u->kept;
	} while (errno == EEXIST);
	return 0;
}
