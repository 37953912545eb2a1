#include "store/lockfile.h"
#include "base/list.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

struct lockfile {
	struct list on_held;
	int fd;
	dev_t dev;
	ino_t ino;
	pid_t pid;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct list held = {&held, &held};

static bool
is_held(dev_t dev, ino_t ino)
{
	list_foreach (at, &held) {
		struct lockfile *l = container_of(at, struct lockfile, on_held);

		/* What a child finds here is its parent's. */
		if (l->dev == dev && l->ino == ino && l->pid == getpid())
			return true;
	}
	return false;
}

static int
busy(int fd, const char *what, struct why *why)
{
	struct flock f = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_GETLK, &f) < 0 || f.l_type == F_UNLCK || f.l_pid <= 0)
		return why_set(why, -EBUSY, "%s is in use by another process", what);
	return why_set(why, -EBUSY, "%s is in use by process %ld", what, (long)f.l_pid);
}

/* Closing a descriptor gives up all locks of the process on that file: what is held here
 * already must not even be opened. */
static int
take(struct lockfile *l, const char *path, const char *what, struct why *why)
{
	struct flock f = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct stat st;

	if (stat(path, &st) == 0 && is_held(st.st_dev, st.st_ino))
		return why_set(
		    why, -EBUSY, "%s is in use by process %ld", what, (long)getpid());
	l->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (l->fd < 0 || fstat(l->fd, &st) < 0)
		return why_set(why, -errno, "%s: %s", path, strerror(errno));
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	if (fcntl(l->fd, F_SETLK, &f) == 0) {
		list_push(&held, &l->on_held);
		return 0;
	}
	if (errno == EAGAIN || errno == EACCES)
		return busy(l->fd, what, why);
	return why_set(why, -errno, "%s cannot be locked: %s", path, strerror(errno));
}

int
lockfile_take(const char *path, const char *what, struct lockfile **ret, struct why *why)
{
	struct lockfile *l = calloc(1, sizeof(*l));
	int r;

	if (l == NULL)
		return why_set(why, -ENOMEM, "no memory to lock %s", path);
	list_init(&l->on_held);
	l->fd = -1;
	l->pid = getpid();
	(void)pthread_mutex_lock(&mutex);
	r = take(l, path, what, why);
	(void)pthread_mutex_unlock(&mutex);
	if (r < 0) {
		lockfile_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

bool
lockfile_owner(const char *path, int64_t *ret_pid)
{
	struct flock f = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct stat st;
	bool is_taken = false;
	int fd;

	(void)pthread_mutex_lock(&mutex);
	if (stat(path, &st) == 0) {
		is_taken = is_held(st.st_dev, st.st_ino);
		f.l_pid = getpid();
		fd = is_taken ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0) {
			is_taken = fcntl(fd, F_GETLK, &f) == 0 && f.l_type != F_UNLCK;
			(void)close(fd);
		}
	}
	(void)pthread_mutex_unlock(&mutex);
	if (is_taken)
		*ret_pid = f.l_pid > 0 ? f.l_pid : 0;
	return is_taken;
}

bool
lockfile_is_taken(const char *path)
{
	int64_t pid;

	return lockfile_owner(path, &pid);
}

void
lockfile_free(struct lockfile *l)
{
	if (l == NULL)
		return;
	(void)pthread_mutex_lock(&mutex);
	list_remove(&l->on_held);
	if (l->fd >= 0)
		(void)close(l->fd);
	(void)pthread_mutex_unlock(&mutex);
	free(l);
}
