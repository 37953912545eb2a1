/*
 * tests/fault/fault.h -- faults on demand: in the files below one directory, in memory and
 * in the wall clock.
 *
 *   program, librocksdb --> [libc's names, fault_libc.c] --> plan? --> the kernel
 *                                     |
 *                                     +--> undo: what a power loss may take back
 *
 * Programs that link these files (test programs, and `trawl` with --enable-faults) define
 * open, write, fsync, rename, malloc ... themselves, so that the calls of shared libraries
 * pass here, too.  Nothing happens before fault_start(); then calls on regular files and
 * directories below `dir` are counted, and the n-th of a kind fails as planned.  Other
 * files, sockets, pipes and memory files are never touched.
 *
 * A step is a call that changes what is on disk or makes it durable: create, write,
 * truncate, sync, rename, link, unlink, mkdir, rmdir.  RocksDB's files LOG* take part in
 * everything but the counting: how much they say depends on the time of day.
 *
 * malloc, calloc and realloc are counted when the program's own code calls them (not when
 * libraries do: where RocksDB, which is C++, finds no memory, the process ends).  Not in
 * builds with a sanitizer, which has its own.
 *
 * Owns:    one plan a process at a time; children of fork() are outside it.
 * Errors:  -EINVAL of a plan that cannot be read, with the sentence; -errno.
 * Threads: any; calls below `dir` wait for each other.
 * Not seen: mapped writes, renamed directories, more than one name of a file at a time.
 */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define FAULT_CALLS(X)                                                                   \
	X(OPEN, "open")                                                                  \
	X(WRITE, "write")                                                                \
	X(TRUNCATE, "truncate")                                                          \
	X(FSYNC, "fsync") /* and fdatasync */                                            \
	X(RENAME, "rename")                                                              \
	X(UNLINK, "unlink")                                                              \
	X(MKDIR, "mkdir")                                                                \
	X(MALLOC, "malloc")
enum fault_call {
#define X(id, name) FAULT_##id,
	FAULT_CALLS(X)
#undef X
	    FAULT_CALL_MAX
};

enum { FAULT_SHORT = -1 }; /* in the place of an errno: half of it is written */
struct fault_nth {
	uint64_t n;     /* from this call on, counted from 1; 0: never */
	uint64_t times; /* so many calls */
	int err;
};

struct fault_plan {
	char dir[PATH_MAX]; /* absolute */
	char undo
	    [PATH_MAX]; /* a directory on the same file system, not below `dir`: what a
				power loss needs.  "": none can happen */
	uint64_t seed;  /* of everything that is left to chance */
	struct fault_nth nth[FAULT_CALL_MAX];
	uint64_t kill;   /* SIGKILL in the middle of this step; 0: never */
	uint64_t power;  /* power loss there */
	uint64_t clock;  /* from this reading of the wall clock on ... */
	int64_t clock_s; /* ... it is so far off */
	bool log;        /* a power loss says on stderr what it takes back */
};

/*
 * "dir=/x,undo=/y,seed=7,write=12:ENOSPC,..." with, in any order:
 *   CALL=N:ERROR        the N-th fails; ERROR is EIO, ENOSPC, EDQUOT, EINTR, EMFILE, ENOMEM
 *                       or, for write, `short`
 *   CALL=N*TIMES:ERROR  so do those after it, TIMES in all
 *   CALL=N+:ERROR       so do all after it
 *   malloc=N            likewise, without an error
 *   kill=N power=N clock=N:SECONDS log=1
 */
int fault_parse(const char *text, struct fault_plan *ret, char *ret_why, size_t why_max);
/* The plan in the form that fault_parse() reads, without dir and undo. */
void fault_text(const struct fault_plan *p, char *ret, size_t max);

/* Shared memory of the caller's, so that a parent sees what became of a plan. */
struct fault_counts {
	_Atomic uint64_t calls[FAULT_CALL_MAX], steps, fired;
};
/* counts: NULL for counts of its own.  Goes on with what a former process left in `undo`. */
int fault_start(const struct fault_plan *p, struct fault_counts *counts);
void fault_stop(void);
const struct fault_counts *fault_counts(void);
/* Calls of this thread in between pass unseen and uncounted: the test's own.  Nest. */
void fault_pause(void);
void fault_resume(void);
/* Starts by the environment's TRAWL_FAULTS when it is set: for `trawl`.  A plan that cannot
 * be read ends the process: a test must not pass because it was mistyped. */
void fault_start_by_environment(void);

/*
 * What a power loss does to the files below `dir` that plans with this `undo` were about: of what
 * was not synced any part may be gone, by the seed.  A file may end anywhere behind its
 * synced length, or be filled up with zeros or old garbage to a length that was never
 * written; names that were made, changed or taken away since their directory was synced
 * may be as before.  Called by power=N itself; by a parent after a kill to make a power
 * loss of it.  No process may be using the files.  `log`: what was done, or NULL.
 */
int fault_power_loss(const char *undo, const char *dir, uint64_t seed, FILE *log);
#endif
