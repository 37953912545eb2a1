/*
 * loop/jail.h -- the calling process gives up, for good, whatever a parser does not need.
 *
 * All descriptors but the lowest few are closed; no capabilities (root becomes nobody
 * where that is possible), no new privileges, not dumpable, no files, no processes, no
 * core; addresses and CPU time limited; and a seccomp allow-list without which nothing of
 * the system is reached but memory and the one socket.  What is not on the list answers
 * EPERM rather than killing: a library that only probes (tzset, stat) falls back and no
 * page is lost, a test can ask for each call and be refused, and nothing gets through
 * either way.  Only calls in the ABI of another machine (32 bit) kill.
 *
 * Owns:    nothing.   Threads: of a process with one thread.
 * Errors:  -errno with the step that failed; the process must then exit.  What can be
 *          looked at afterwards is: descriptors, capabilities, dumpable, the filter.
 */
#ifndef LOOP_JAIL_H
#define LOOP_JAIL_H
#include "base/why.h"
#include <stdint.h>

enum { JAIL_SOCKET = 3 }; /* the descriptor that may be received from and sent to */

struct jail_conf {
	uint32_t files;         /* descriptors below it stay */
	uint64_t address_bytes; /* RLIMIT_AS; 0: none */
	uint64_t cpu_s;         /* RLIMIT_CPU, of the life of the process; 0: none */
};

int jail_enter(const struct jail_conf *conf, struct why *why);
#endif
