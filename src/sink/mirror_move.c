#include "sink/mirror_move.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

enum { PIECE_BYTES = 64 << 10 };

static const char fresh[] = ".fresh"; /* no page's: theirs are never hidden */

int
mirror_mover_init(struct mirror_mover *v, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*v = (struct mirror_mover){.dev = st.st_dev, .far_fd = -1};
	return 0;
}

void
mirror_mover_release(struct mirror_mover *v)
{
	if (v->far_fd >= 0)
		(void)close(v->far_fd);
	v->far_fd = -1;
}

int
mirror_mover_sync(struct mirror_mover *v)
{
	int r = v->far_fd >= 0 && syncfs(v->far_fd) < 0 ? -errno : 0;

	mirror_mover_release(v);
	return r;
}

/* One that is left for another one is synced, so that one descriptor is enough. */
static int
note_device(struct mirror_mover *v, int fd)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev == v->dev || (v->far_fd >= 0 && st.st_dev == v->far_dev))
		return 0;
	r = mirror_mover_sync(v);
	if (r < 0)
		return r;
	v->far_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	v->far_dev = st.st_dev;
	return v->far_fd < 0 ? -errno : 0;
}

static int
copy_bytes(int from, int to)
{
	char piece[PIECE_BYTES];
	ssize_t n;

	while ((n = read(from, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		for (ssize_t done = 0; done < n;) {
			ssize_t put = write(to, piece + done, (size_t)(n - done));

			if (put == 0 || (put < 0 && errno != EINTR))
				return put == 0 ? -EIO : -errno;
			done += put < 0 ? 0 : put;
		}
	}
	return 0;
}

static int
copy(int from_fd, const char *from, int to_fd)
{
	int in = openat(from_fd, from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int out, r;

	if (in < 0)
		return -errno;
	(void)unlinkat(to_fd, fresh, 0); /* it may be a name of another file */
	out = openat(to_fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	r = out < 0 ? -errno : copy_bytes(in, out);
	(void)close(in);
	if (out >= 0 && close(out) < 0 && r == 0)
		r = -errno;
	return r;
}

int
mirror_move(
    struct mirror_mover *v, int from_fd, const char *from, int to_fd, const char *to)
{
	int r;

	if (renameat(from_fd, from, to_fd, to) == 0)
		return 0;
	if (errno != EXDEV)
		return -errno;
	r = copy(from_fd, from, to_fd);
	if (r == 0 && renameat(to_fd, fresh, to_fd, to) < 0)
		r = -errno;
	if (r == 0)
		r = note_device(v, to_fd);
	if (r < 0) {
		(void)unlinkat(to_fd, fresh, 0);
		return r;
	}
	v->has_copied = true;
	return 1;
}
