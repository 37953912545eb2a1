/*
 * sink/feeder.h -- a program that is fed the lines of a file, on a thread of its own.
 *
 *   store thread --offer--> [thread] file --pipe--> program
 *
 * Only what was offered is fed.  Lines that the program has read out of its pipe count as
 * taken, but for the last one, which it may be at work on until it reads the next or has
 * ended well; with `confirm` those whose number it has printed.  One that ends before its
 * input does is started again, after a pause that doubles, with what is not taken: of a
 * program that does not confirm, from where feeder_taken() was called last.  When it ends
 * too often the feeder fails, which sticks.
 *
 * Owns:    the program; the file's descriptor is the caller's.
 * Errors:  -ECHILD the program does not do its work, -errno of the file; with the sentence.
 * Clock:   CLOCK_MONOTONIC, milliseconds.
 * Threads: made, asked and freed by one; `tell` is called on the feeder's.
 */
#ifndef SINK_FEEDER_H
#define SINK_FEEDER_H
#include "base/why.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct feeder;
struct exec_command;

/* Behind so many lines, and their bytes. */
struct feeder_place {
	uint64_t bytes, lines;
};

struct feeder_conf {
	const struct exec_command *command; /* outlives the feeder */
	int fd;                             /* of the file; read by position */
	struct feeder_place at;             /* what was taken before */
	bool confirm;
	uint32_t restarts; /* more of them ... */
	int64_t window_ms; /* ... within this time are a failure */
	int64_t stall_ms;  /* a program that takes nothing so long is ended */
	int64_t finish_ms; /* that it has to end once its input has */
	int64_t hurry_ms;  /* the same of what is left, once the crawl is to stop */
	const atomic_bool *hurry;
	/* What the program says and what becomes of it, harmless for a terminal. */
	void (*tell)(const char *text);
};

int feeder_new(const struct feeder_conf *conf, struct feeder **ret, struct why *why);
/* The file is good up to there. */
void feeder_offer(struct feeder *f, uint64_t bytes);
/* Waits until the program is not far behind (8 MiB), or the crawl is to stop. */
int feeder_wait(struct feeder *f, struct why *why);
/* To be kept: a later feeder goes on there, and so does the next program. */
struct feeder_place feeder_taken(struct feeder *f);
/* Waits until all is taken and the program has ended well; -EAGAIN: for a second it has not,
 * ask again.  A crawl that is to stop does not wait long: then not all may be taken. */
int feeder_finish(struct feeder *f, struct why *why);
/* Ends the program, if it still runs. */
void feeder_free(struct feeder *f);
#endif
