#include "base/room.h"
#include "base/dir_make.h"
#include "base/file_whole.h"
#include <unistd.h>

#include "base/banned.h"

enum { BLOCK_BYTES = 4096 };

int
room_probe(const char *path)
{
	static const char block[BLOCK_BYTES];
	char dir[PATH_MAX];
	int fd, r = 0;

	dir_of(path, dir);
	fd = file_unnamed(dir);
	if (fd < 0)
		return room_error(fd);
	if (write(fd, block, sizeof(block)) < 0 || fsync(fd) < 0)
		r = room_error(-errno);
	(void)close(fd);
	return r;
}
