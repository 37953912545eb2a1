/*
 * tests/unit/pool_bench.h -- a pool on a loop, and operations that behave as badly as
 * told.
 *
 * The head of a task is a command, see pool_bench.c.  bench_main() starts the nursery
 * before anything else and runs the tests.
 */
#ifndef POOL_BENCH_H
#define POOL_BENCH_H
#include "base/clock.h"
#include "loop/pool.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define BENCH_TASKS_MAX  2000
#define BENCH_RESULT_MAX (1u << 20)

/* What became of one task. */
struct outcome_of {
	struct bench *bench;
	struct pool_id id;
	unsigned calls;
	enum pool_end end;
	struct pool_death death;
	size_t nth; /* of all that ended, from 1 */
	size_t len;
	char text[128]; /* of the result, cut, with a NUL */
};

struct bench {
	struct loop *l;
	struct shm *shm;
	struct pool *p;
	struct timer guard;
	size_t ended, want;
	struct outcome_of of[BENCH_TASKS_MAX];
};

extern const struct pool_ops bench_ops;
extern struct nursery *bench_nursery;
extern bool bench_starves; /* on a virtual loop: no memory for the settings "starve" */

/* Fits most tests: 2 workers, 16 ahead, 1 MiB results, an arena of 4 MiB. */
struct pool_conf bench_conf(void);
/* On a loop of its own; `conf->shm` is filled in.  NULL: bench_conf(). */
struct bench *bench_open(const struct pool_conf *conf);
struct bench *bench_open_virtual(const struct pool_conf *conf);
void bench_close(struct bench *b);
/* Task `i`: a command, without deadline unless `timeout_ms`. */
void bench_apply(struct bench *b, size_t i, uint32_t timeout_ms, const char *command);
int bench_try(struct bench *b, size_t i, const struct pool_task *t);
/* Runs the loop until `n` tasks in all have ended. */
void bench_wait(struct bench *b, size_t n);
/* One task alone. */
struct outcome_of *bench_do(struct bench *b, const char *command);
/* Runs the loop for so long. */
void bench_sleep(struct bench *b, int64_t ms);
void bench_expect(const struct bench *b, size_t i, enum pool_end end, const char *text);
/* The number after `name` in /proc/PID/status, in `base`; -1: not there. */
long long proc_status(int pid, const char *name, int base);
bool process_is_stopped(int pid);
void bench_let_go_on(
    struct bench *b);          /* the worker that a task "stop" stopped, once it has */
bool process_is_gone(int pid); /* waits up to 60 s */
int bench_main(const char *name, int (*run)(void));
#endif
