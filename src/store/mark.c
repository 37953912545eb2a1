#include "store/mark.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/banned.h"

enum { SLOT_STRIDE = 4096, MAGIC_BYTES = 8 };
static const char magic[MAGIC_BYTES + 1] = "trawlmk1";

struct slot {
	char magic[MAGIC_BYTES];
	struct mark mark;
	uint64_t check; /* XXH3 of all before */
};

static uint64_t
check_of(const struct slot *s)
{
	return XXH3_64bits(s, offsetof(struct slot, check));
}

/* 1: it is sound, 0: it is not. */
static int
slot_read(int fd, int i, struct slot *ret)
{
	ssize_t n = pread(fd, ret, sizeof(*ret), (off_t)i * SLOT_STRIDE);

	if (n < 0)
		return -errno;
	return n == sizeof(*ret) && memcmp(ret->magic, magic, MAGIC_BYTES) == 0 &&
	       ret->check == check_of(ret);
}

static int
read_last(struct mark_file *f)
{
	struct slot s;
	int found = 0;

	for (int i = 0; i < 2; i++) {
		int r = slot_read(f->fd, i, &s);

		if (r < 0)
			return r;
		if (r == 0)
			continue;
		if (found == 0 || s.mark.turn > f->last.turn)
			f->last = s.mark;
		found = 1;
	}
	return found ? 0 : -EBADMSG;
}

/* Into the other slot. */
static int
put(struct mark_file *f, struct mark *m)
{
	struct slot s = {.mark = *m};
	ssize_t n;

	s.mark.turn = f->last.turn + 1;
	memcpy(s.magic, magic, MAGIC_BYTES);
	s.check = check_of(&s);
	n = pwrite(f->fd, &s, sizeof(s), (off_t)(s.mark.turn % 2) * SLOT_STRIDE);
	if (n != sizeof(s))
		return n < 0 ? -errno : -EIO;
	m->turn = s.mark.turn;
	f->last = s.mark;
	return 0;
}

int
mark_open(const char *path, bool make, bool read_only, struct mark_file *ret)
{
	struct mark_file f = {.fd = -1};
	struct mark none = {0};
	int r;

	f.fd = open(path,
	    (read_only ? O_RDONLY : O_RDWR) | (make ? O_CREAT : 0) | O_CLOEXEC |
		O_NONBLOCK,
	    0666);
	if (f.fd < 0)
		return -errno;
	r = read_last(&f);
	if (r == -EBADMSG && make) {
		r = put(&f, &none);
		if (r == 0)
			r = put(&f, &none); /* both slots have their place */
	} else if (r == 0 && !read_only && fdatasync(f.fd) < 0) {
		r = -errno;
	}
	if (r < 0) {
		mark_close(&f);
		return r;
	}
	*ret = f;
	return 0;
}

int
mark_write(struct mark_file *f, struct mark *m)
{
	struct mark was = f->last;
	int r = put(f, m);

	if (r == 0 && fdatasync(f->fd) < 0) {
		r = -errno;
		f->last = was;
	}
	return r;
}

void
mark_close(struct mark_file *f)
{
	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = -1;
}
