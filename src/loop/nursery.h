/*
 * loop/nursery.h -- how a pool speaks with the nursery; the public half is in pool.h.
 *
 *   loop process                         nursery
 *     struct nursery  --- main socket ---  accepts pools; end of file: kill all, exit
 *     struct pool     --- ctl socket ----  a nest: its children; end of file: kill them,
 *                                          reap them, then close (so the loop can wait)
 *
 * Workers are known by a cookie that the pool chooses.  Only the nursery sends signals:
 * it is the one who reaps, so the process id it kills is never somebody else's.
 *
 * Owns:    the ctl socket is the caller's; descriptors passed to nursery_spawn() stay so.
 * Errors:  -errno; -EAGAIN when the nursery does not keep up, -EPIPE when it is gone.
 * Threads: any, a pool's ctl one at a time.
 */
#ifndef LOOP_NURSERY_H
#define LOOP_NURSERY_H
#include "loop/pool.h"
#include "loop/worker.h"

enum nursery_event_type {
	NURSERY_SPAWNED, /* pid */
	NURSERY_FAILED,  /* status is the errno of fork() */
	NURSERY_EXITED   /* pid, status as of waitpid() */
};

struct nursery_event {
	enum nursery_event_type type;
	int pid;
	int status;
	uint64_t cookie;
};

/* A non-blocking socket to a nest of its own. */
int nursery_connect(struct nursery *n, int *ret_ctl);
/* `fd_arena` may be -1. */
int nursery_spawn(int ctl, uint64_t cookie, const struct worker_conf *conf, int fd_sock,
    int fd_results, int fd_arena);
int nursery_kill(int ctl, uint64_t cookie);
int nursery_recv(int ctl, struct nursery_event *ret);
/* Closes; returns once the nest is empty, or after 5 s. */
void nursery_disconnect(int ctl);
#endif
