/*
 * loop/jail.h -- the calling process gives up, for good, whatever a parser does not need.
 *
 * No capabilities (root becomes nobody where that is possible), no new privileges, no
 * files, no processes, no core; address space limited; and a seccomp allow-list without
 * which nothing of the system is reached but memory and the descriptors that are open.
 * What is not on the list answers EPERM rather than killing: a library that only probes
 * (sysconf, stat) falls back, a test can ask for each call and be refused, and nothing
 * gets through either way.
 *
 * Owns:    nothing.   Threads: of a process with one thread.
 * Errors:  -errno with the step that failed; the process must then exit.
 */
#ifndef LOOP_JAIL_H
#define LOOP_JAIL_H
#include "base/why.h"
#include <stdint.h>

struct jail_conf {
	uint64_t address_bytes; /* RLIMIT_AS; 0: none */
};

int jail_enter(const struct jail_conf *conf, struct why *why);
#endif
