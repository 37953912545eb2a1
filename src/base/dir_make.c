#include "base/dir_make.h"
#include "base/file_whole.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

/* Where the part of `path` ends that begins at `from`. */
static size_t
part_end(const char *path, size_t from)
{
	from += strspn(path + from, "/");
	return from + strcspn(path + from, "/");
}

/* Its first `len` bytes. */
static const char *
head_of(const char *path, size_t len, char ret[PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%.*s", (int)len, path);
	return ret;
}

/* 1: a directory is there, 0: nothing is. */
static int
is_there(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	return S_ISDIR(st.st_mode) ? 1 : -ENOTDIR;
}

/* Makes the name of a directory durable; ".." is where that is, whatever links lead there. */
static int
sync_name(const char *path)
{
	char above[PATH_MAX + 4];

	(void)snprintf(above, sizeof(above), "%s/..", path);
	return dir_sync(above);
}

/* For a name made where one may write but not read: with all else in that file system. */
static int
sync_around(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (syncfs(fd) < 0)
		r = -errno;
	(void)close(fd);
	return r;
}

static int
make_one(const char *path, mode_t mode)
{
	int r;

	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return -errno;
	r = sync_name(path);
	return r == -EACCES ? sync_around(path) : r;
}

int
dir_make(const char *path, mode_t mode)
{
	char head[PATH_MAX];
	size_t len = strlen(path), there = 0;
	int r = 1;

	if (len == 0 || len >= sizeof(head))
		return len == 0 ? -ENOENT : -ENAMETOOLONG;
	while (len > 1 && path[len - 1] == '/')
		len--;
	while (there < len) {
		size_t end = part_end(path, there);

		r = is_there(head_of(path, end, head));
		if (r <= 0)
			break;
		there = end;
	}
	if (r >= 0 && there > 0) {
		/* Where one may not read, or that knows no syncing, it is not of our making. */
		r = sync_name(head_of(path, there, head));
		if (r == -EACCES || r == -EINVAL)
			r = 0;
	}
	while (r == 0 && there < len) {
		there = part_end(path, there);
		r = make_one(head_of(path, there, head), mode);
	}
	return r;
}

void
dir_of(const char *path, char ret[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		(void)head_of(".", 1, ret);
	else
		(void)head_of(path, slash == path ? 1 : (size_t)(slash - path), ret);
}

const char *
temporary_dir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir == NULL || dir[0] == '\0' ? "/tmp" : dir;
}
