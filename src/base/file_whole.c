#include "base/file_whole.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static int
write_all(int fd, struct slice text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.ptr, text.len);

		if (n == 0)
			return -EIO;
		if (n < 0 && errno != EINTR)
			return -errno;
		text = slice_from(text, n < 0 ? 0 : (size_t)n);
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int
make(const char *path, mode_t mode, struct slice text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode), r;

	if (fd < 0)
		return -errno;
	/* One that a crash left may have been made for all to read. */
	r = (mode & 077) == 0 && fchmod(fd, mode) < 0 ? -errno : write_all(fd, text);
	(void)close(fd);
	return r;
}

int
file_whole_put(
    const char *dir, const char *name, mode_t mode, struct slice text, struct why *why)
{
	char path[PATH_MAX], fresh[PATH_MAX + 8];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name), r;

	if (n < 0 || (size_t)n >= sizeof(path))
		return why_set(why, -ENAMETOOLONG, "the name of %s is too long", name);
	(void)snprintf(fresh, sizeof(fresh), "%s.new", path);
	r = make(fresh, mode, text);
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(fresh);
	return r < 0 ? why_set(why, r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

int
file_whole_write(
    const char *dir, const char *name, mode_t mode, struct slice text, struct why *why)
{
	int r = file_whole_put(dir, name, mode, text, why);

	if (r < 0)
		return r;
	r = dir_sync(dir);
	return r < 0 ? why_set(why, r, "cannot write %s/%s: %s", dir, name, strerror(-r))
		     : 0;
}

int
dir_sync(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		r = -errno;
	(void)close(fd);
	return r;
}
