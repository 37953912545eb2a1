/*
 * base/room.h -- what did not fit, and later may.
 *
 * A disk that is full, a quota that is used up and a limit on the size of files are one
 * thing to who waits for room: -ENOSPC.  The sentence that goes with it says which it is.
 */
#ifndef BASE_ROOM_H
#define BASE_ROOM_H
#include <errno.h>

/*
 * For libraries that do not say why they could not make or write a file: whether one beside
 * `path`, of a block and without a name, can be made and written now.  0; -ENOSPC, also for
 * a quota and a limit on file sizes; another -errno.
 */
int room_probe(const char *path);

/* 0 or -errno. */
static inline int
room_error(int r)
{
	return r == -EDQUOT || r == -EFBIG ? -ENOSPC : r;
}
#endif
