/*
 * sink/mirror_move.h -- files from mirror.work to their place, on whatever file system.
 *
 * Where a rename does not go, because the mirror or a part of it is mounted from elsewhere or
 * is a link to there, a file is copied beside its place, under a name that no page has, and
 * renamed.  Then it is still where it came from: that must not go before what was copied is
 * on its disk, and one sync for all is cheaper than one each.
 *
 * Owns:    at most one descriptor.
 * Errors:  -errno; what had the name has it still.
 * Threads: the store thread.
 */
#ifndef SINK_MIRROR_MOVE_H
#define SINK_MIRROR_MOVE_H
#include <stdbool.h>
#include <sys/types.h>

struct mirror_mover {
	dev_t dev; /* of the mirror, that the caller syncs */
	dev_t far_dev;
	int far_fd; /* a directory on another one, which is not synced yet; -1: none */
	bool has_copied;
};

/* `fd`: of the mirror. */
int mirror_mover_init(struct mirror_mover *v, int fd);
void mirror_mover_release(struct mirror_mover *v);
/* The directories may be open by O_PATH.  0: renamed; 1: copied. */
int mirror_move(
    struct mirror_mover *v, int from_fd, const char *from, int to_fd, const char *to);
/* What was copied elsewhere than to `dev` is on its disk. */
int mirror_mover_sync(struct mirror_mover *v);
#endif
