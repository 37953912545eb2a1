/*
 * loop/worker.h -- what a worker process does from fork to end.
 *
 * Threads: the one of a process forked by the nursery, with its descriptors in place.
 */
#ifndef LOOP_WORKER_H
#define LOOP_WORKER_H
#include "loop/pool.h"

/*
 * Travels from the loop to the nursery.  `ops` is a pointer: the nursery is a fork of the
 * same image, so what was in it at nursery_start() lies at the same address there.
 */
struct worker_conf {
	const struct pool_ops *ops;
	uint64_t arena_bytes; /* 0: no arena */
	uint64_t result_bytes_max;
	uint64_t memory_bytes; /* besides arena and results; 0: no limit */
	uint64_t cpu_s;        /* of its life; 0: no limit */
};

_Noreturn void worker_main(const struct worker_conf *conf);
#endif
