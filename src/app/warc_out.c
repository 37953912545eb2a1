#include "app/warc_tool.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_BYTES = 8 };

static int
unreadable(const char *path, struct why *why)
{
	return why_set(why, -EEXIST, "cannot look at %s, which exists: %s", path,
	    strerrordesc_np(errno));
}

/* The first bytes; none of a file that is empty or not there. */
static int
look_at(const char *path, char store[HEAD_BYTES], struct slice *ret, struct why *why)
{
	struct stat st;
	ssize_t n;
	int fd;

	*ret = (struct slice){0};
	if (stat(path, &st) < 0)
		return errno == ENOENT ? 0 : unreadable(path, why);
	/* Before it is opened, which of a pipe means to wait for somebody who writes. */
	if (!S_ISREG(st.st_mode))
		return why_set(why, -EEXIST,
		    "%s exists, is no regular file, and is not overwritten", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return unreadable(path, why);
	n = read(fd, store, HEAD_BYTES);
	if (n >= 0)
		*ret = slice_of(store, (size_t)n);
	else
		(void)unreadable(path, why);
	(void)close(fd);
	return n < 0 ? -EEXIST : 0;
}

int
warc_out_is_wacz(const char *path, struct why *why)
{
	char store[HEAD_BYTES];
	struct slice head;
	int r = look_at(path, store, &head, why);

	if (r < 0 || head.len == 0 || slice_starts(head, SLICE_LIT("PK\x03\x04")))
		return r;
	return why_set(
	    why, -EEXIST, "%s exists, is no WACZ, and is not overwritten", path);
}

int
warc_out_is_no_archive(const char *path, struct why *why)
{
	static const struct slice begins[] = {SLICE_LIT("\x1f\x8b"),
	    SLICE_LIT("\x28\xb5\x2f\xfd"), SLICE_LIT("\x5d\x2a\x4d\x18"),
	    SLICE_LIT("WARC/"), SLICE_LIT("filedesc"), SLICE_LIT("PK\x03\x04")};
	char store[HEAD_BYTES];
	struct slice head;
	int r = look_at(path, store, &head, why);

	for (size_t i = 0; r == 0 && i < sizeof(begins) / sizeof(begins[0]); i++)
		if (slice_starts(head, begins[i]))
			r = why_set(why, -EEXIST,
			    "%s is an archive, and is not overwritten", path);
	return r;
}
