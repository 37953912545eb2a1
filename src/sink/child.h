/*
 * sink/child.h -- a program that runs as our child, with pipes to its three streams.
 *
 * It gets no descriptor of ours but the pipes, an environment that is said, default signals,
 * and a process group of its own: a ^C of the terminal is ours to pass on.
 *
 * Owns:    the pipes and the process; child_reap() must be called for each that was started.
 * Errors:  -errno with the sentence.
 * Clock:   CLOCK_MONOTONIC, milliseconds.
 * Threads: one user at a time; only it waits for the process.
 */
#ifndef SINK_CHILD_H
#define SINK_CHILD_H
#include "base/slice.h"
#include "sink/command.h"
#include <sys/types.h>

enum { CHILD_LINE_BYTES_MAX = 1000 };

/* Of what it says, lines; longer ones come in pieces. */
struct child_lines {
	int fd; /* -1: its end was seen */
	size_t len;
	char text[CHILD_LINE_BYTES_MAX];
};

struct child {
	pid_t pid;
	int pid_fd; /* readable: it has ended */
	int in;     /* its standard input, not blocking; -1: closed */
	struct child_lines out, err;
};

int child_start(struct child *c, const struct exec_command *command, struct why *why);
/* Bytes that lie in the pipe to it, unread. */
size_t child_unread(const struct child *c);
typedef void child_line_fn(void *ctx, struct slice line);
/* fn for each line that is there; `to_the_end`: also for one that has no end. */
void child_read(struct child_lines *l, bool to_the_end, child_line_fn *fn, void *ctx);
bool child_has_ended(const struct child *c);
/* To it and to those that it started. */
void child_signal(const struct child *c, int number);
/* Waits for its end, which must be near, and closes all; what it said must have been read. */
enum { CHILD_STATUS_MAX = 64 };
/* "exit status 3" or "signal 9 (Killed)"; true: it was exit status 0. */
bool child_reap(struct child *c, char ret[CHILD_STATUS_MAX]);
#endif
