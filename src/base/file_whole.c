#include "base/file_whole.h"
#include "base/dir_make.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/banned.h"

enum {
	TRIES = 10,  /* against somebody who puts something in the way again and again */
	WAITS = 200, /* of 10 ms */
};

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
	return 0;
}

static bool
is_at(int fd, const char *path)
{
	struct stat here, there;

	return fstat(fd, &here) == 0 && lstat(path, &there) == 0 &&
	       here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

/* Where the file system knows no locks there are none. */
static bool
is_locked_elsewhere(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* What is at the temporary name goes, if nobody writes it.  -EAGAIN: it is another one by now. */
static int
clear_way(const char *fresh)
{
	struct stat st;
	int fd = -1, r = 0;

	if (lstat(fresh, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISREG(st.st_mode)) /* of others, which cannot be opened, it is not ours */
		fd = open(fresh, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0 && is_locked_elsewhere(fd))
		r = -EBUSY;
	else if (fd >= 0 && !is_at(fd, fresh))
		r = -EAGAIN;
	else if (unlink(fresh) < 0 && errno != ENOENT)
		r = -errno;
	if (fd >= 0)
		(void)close(fd);
	return r;
}

/* Its writer has a lock on it, from before anybody may take it for a leftover until it has its
 * name, or is gone.  -EBUSY: somebody else's has. */
static int
open_fresh(const char *fresh, mode_t mode)
{
	int r = -EEXIST, fd;

	for (int i = 0; i < TRIES && (r == -EEXIST || r == -EAGAIN); i++) {
		fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		if (fd >= 0 && !is_locked_elsewhere(fd) && is_at(fd, fresh))
			return fd;
		r = fd >= 0 ? -EBUSY : -errno;
		if (fd >= 0)
			(void)close(fd);
		if (r == -EEXIST) {
			int way = clear_way(fresh);

			r = way == 0 ? r : way;
		}
	}
	return r;
}

static int
not_opened(int r, const char *fresh, struct why *why)
{
	return r == -EBUSY
		   ? why_set(why, r, "%s is being written by another process", fresh)
		   : why_set(why, r, "cannot create %s: %s", fresh, strerrordesc_np(-r));
}

/* Small files are written in a moment, for which another writer is waited. */
static int
open_fresh_in_turn(const char *fresh, mode_t mode)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000000};
	int fd = open_fresh(fresh, mode);

	for (int i = 0; i < WAITS && fd == -EBUSY; i++) {
		(void)nanosleep(&pause, NULL);
		fd = open_fresh(fresh, mode);
	}
	return fd;
}

int
file_whole_put(
    const char *dir, const char *name, mode_t mode, struct slice text, struct why *why)
{
	char path[PATH_MAX], fresh[PATH_MAX + 8];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name), fd, r;

	if (n < 0 || (size_t)n >= sizeof(path))
		return why_set(why, -ENAMETOOLONG, "the name of %s is too long", name);
	(void)snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open_fresh_in_turn(fresh, mode);
	if (fd == -EBUSY)
		return not_opened(fd, fresh, why);
	r = fd < 0 ? fd : write_all(fd, text);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	if (r < 0 && fd >= 0)
		(void)unlink(fresh);
	if (fd >= 0)
		(void)close(fd);
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

static int
write_into(const char *path, struct slice text, struct why *why)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = fd < 0 ? -errno : 0;

	if (r == 0)
		r = write_all(fd, text);
	if (fd >= 0)
		(void)close(fd);
	return r < 0 ? why_set(why, r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

/* What a link leads to that is not there yet, empty; 1 if so.  By the link, so that one whose links the
 * system does not trust (proc(5): protected_symlinks) makes nothing. */
static int
make_behind(const char *link, mode_t mode)
{
	struct stat st;
	int fd;

	if (lstat(link, &st) < 0 || !S_ISLNK(st.st_mode))
		return 0;
	fd = open(link, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	(void)close(fd);
	return 1;
}

/* What make_behind() made, unless it has been written by now. */
static void
unmake(const char *real)
{
	struct stat st;

	if (lstat(real, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0)
		(void)unlink(real);
}

/* At a path that has no links any more; it is the caller's again afterwards. */
static int
write_real(char *real, mode_t mode, struct slice text, struct why *why)
{
	char *name = strrchr(real, '/');
	int r;

	if (name == NULL)
		return file_whole_write(".", real, mode, text, why);
	*name = '\0';
	r = file_whole_write(name == real ? "/" : real, name + 1, mode, text, why);
	*name = '/';
	return r;
}

int
file_whole_write_at(const char *path, mode_t mode, struct slice text, struct why *why)
{
	char real[PATH_MAX];
	struct stat st;
	bool there = stat(path, &st) == 0, made;
	int r;

	if (there && !S_ISREG(st.st_mode))
		return write_into(path, text, why);
	r = there ? 0 : make_behind(path, mode);
	if (r < 0)
		return why_set(why, r, "cannot write %s: %s", path, strerror(-r));
	made = r > 0;
	/* One that is not there yet has no other name. */
	if (realpath(path, real) == NULL &&
	    (size_t)snprintf(real, sizeof(real), "%s", path) >= sizeof(real))
		return why_set(why, -ENAMETOOLONG, "the name of %s is too long", path);
	r = write_real(real, mode, text, why);
	if (r < 0 && made)
		unmake(real);
	return r;
}

/* ---- larger ones ---- */

int
file_whole_begin(struct file_whole *w, const char *path, mode_t mode, struct why *why)
{
	int n = snprintf(w->fresh, sizeof(w->fresh), "%s.new", path), fd;

	w->path = path;
	w->f = NULL;
	if (n < 0 || n >= PATH_MAX)
		return why_set(why, -ENAMETOOLONG, "the name of %s is too long", path);
	fd = open_fresh(w->fresh, mode);
	if (fd < 0)
		return not_opened(fd, w->fresh, why);
	w->f = fdopen(fd, "w+");
	if (w->f != NULL)
		return 0;
	(void)close(fd);
	(void)unlink(w->fresh);
	return why_set(why, -ENOMEM, "no memory to write %s", w->fresh);
}

static int
sync_dir_of(const char *path)
{
	char dir[PATH_MAX];

	dir_of(path, dir);
	return dir_sync(dir);
}

static int
publish(const struct file_whole *w, bool replace)
{
	errno = 0;
	if (fflush(w->f) != 0 || ferror(w->f) || fsync(fileno(w->f)) != 0)
		return errno != 0 ? -errno : -EIO;
	if ((replace ? rename(w->fresh, w->path) : link(w->fresh, w->path)) < 0)
		return -errno;
	return sync_dir_of(w->path);
}

int
file_whole_end(struct file_whole *w, int r, bool replace, struct why *why)
{
	if (r == 0) {
		r = publish(w, replace);
		if (r < 0)
			(void)why_set(
			    why, r, "cannot write %s: %s", w->path, strerrordesc_np(-r));
	}
	if (r < 0 || !replace)
		(void)unlink(w->fresh);
	(void)fclose(w->f);
	return r;
}

int
file_unnamed(const char *dir)
{
	char path[PATH_MAX];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), n;

	if (fd >= 0)
		return fd;
	/* Not every file system can make one without a name. */
	n = snprintf(path, sizeof(path), "%s/trawl-XXXXXX", dir);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void)unlink(path);
	return fd;
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
