/*
 * base/room.h -- what did not fit, and later may.
 *
 * A disk that is full, a quota that is used up and a limit on the size of files are one
 * thing to who waits for room: -ENOSPC.  The sentence that goes with it says which it is.
 */
#ifndef BASE_ROOM_H
#define BASE_ROOM_H
#include <errno.h>

/* 0 or -errno. */
static inline int
room_error(int r)
{
	return r == -EDQUOT || r == -EFBIG ? -ENOSPC : r;
}
#endif
