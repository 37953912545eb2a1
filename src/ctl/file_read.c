#include "ctl/file_read.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int
read_all(int fd, size_t max, struct buf *out)
{
	enum { BLOCK = 64 << 10 };
	size_t from = out->len;

	for (;;) {
		ssize_t n;
		int r = buf_reserve(out, BLOCK);

		if (r < 0)
			return r;
		n = read(fd, out->ptr + out->len, BLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		out->len += (size_t)n;
		if (out->len - from > max)
			return -EMSGSIZE;
	}
}

int
file_read(const char *path, size_t max, struct buf *out, struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;
	struct stat st;

	if (fd < 0)
		return why_set(why, -errno, "cannot read %s: %s", path, strerror(errno));
	r = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	if (r == -EINVAL)
		(void)why_set(why, r, "%s is not a file", path);
	if (r == 0) {
		r = read_all(fd, max, out);
		if (r < 0)
			(void)why_set(why, r, "cannot read %s: %s", path,
			    r == -EMSGSIZE ? "it is too large" : strerror(-r));
	}
	(void)close(fd);
	return r;
}
