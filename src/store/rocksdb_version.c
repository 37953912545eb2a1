#include "store/rocksdb.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/banned.h"

/* "trawl store 1 0123456789abcdef\n": the version and a hash of what is before it. */
static const char file[] = "TRAWL-VERSION", file_new[] = "TRAWL-VERSION.new";
enum { TEXT_MAX = 64 };

static int
text_of(uint32_t version, char ret[TEXT_MAX])
{
	int n = snprintf(ret, TEXT_MAX, "trawl store %" PRIu32 " ", version);

	return n + snprintf(ret + n, (size_t)(TEXT_MAX - n), "%016" PRIx64 "\n",
		       (uint64_t)XXH3_64bits(ret, (size_t)n));
}

static bool
parse(struct slice s, uint32_t *ret)
{
	static const struct slice begin = SLICE_LIT("trawl store ");
	struct slice rest = slice_from(s, begin.len);
	uint64_t version;
	char text[TEXT_MAX];

	if (!slice_starts(s, begin) ||
	    !slice_to_u64(slice_head(rest, slice_find(rest, ' ')), &version) ||
	    version == 0 || version > UINT32_MAX)
		return false;
	*ret = (uint32_t)version;
	return slice_eq(s, slice_of(text, (size_t)text_of(*ret, text)));
}

int
rocks_version_read(const char *dir, uint32_t *ret, struct why *why)
{
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd, err = 0;
	char text[TEXT_MAX];
	ssize_t n = 0;

	if (at < 0)
		return why_set(why, -errno, "%s: %s", dir, strerror(errno));
	fd = openat(at, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		n = read(fd, text, sizeof(text));
	if (fd < 0 || n < 0)
		err = -errno;
	if (fd >= 0)
		(void)close(fd);
	(void)close(at);
	if (err == -ENOENT) {
		*ret = 0;
		return 0;
	}
	if (err < 0)
		return why_set(why, err, "%s/%s: %s", dir, file, strerror(-err));
	return parse(slice_of(text, (size_t)n), ret)
		   ? 0
		   : rocks_damaged(dir, why, "%s is unreadable", file);
}

static int
write_in(int at, uint32_t version)
{
	char text[TEXT_MAX];
	ssize_t len = text_of(version, text), n;
	int fd = openat(at, file_new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666),
	    r = 0;

	if (fd < 0)
		return -errno;
	n = write(fd, text, (size_t)len);
	if (n != len)
		r = n < 0 ? -errno : -ENOSPC;
	else if (fsync(fd) < 0)
		r = -errno;
	(void)close(fd);
	if (r == 0 && (renameat(at, file_new, at, file) < 0 || fsync(at) < 0))
		r = -errno;
	return r;
}

int
rocks_version_write(const char *dir, uint32_t version, struct why *why)
{
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (at < 0)
		return why_set(why, -errno, "%s: %s", dir, strerror(errno));
	r = write_in(at, version);
	(void)close(at);
	return r < 0 ? why_set(why, r, "%s/%s: %s", dir, file, strerror(-r)) : 0;
}
