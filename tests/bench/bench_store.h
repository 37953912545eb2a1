/*
 * tests/bench/bench_store.h -- what the files of bench_store share: keys, clocks, a row.
 */
#ifndef TESTS_BENCH_STORE_H
#define TESTS_BENCH_STORE_H
#include "base/slice.h"
#include "bench_common.h"

enum { BENCH_KEY_BYTES = 17 };
enum bench_order {
	BENCH_RANDOM,    /* no two neighbours */
	BENCH_SITES,     /* fifty of one of 20,000 hosts, then another: a crawl */
	BENCH_ASCENDING, /* in key order */
};

struct bench_result {
	double put_us, put_wall_us, absent_us, present_us, mb;
};

/* Key number i. */
struct slice bench_key(enum bench_order order, uint64_t i, char text[BENCH_KEY_BYTES]);
double bench_wall_s(void);
void bench_dir_empty(const char *dir);
double bench_dir_mb(const char *dir);
void bench_report(const char *name, enum bench_order order, const struct bench_result *r);
/* The same in LMDB; says so where there is none. */
void bench_lmdb(const char *dir, enum bench_order order, uint64_t n);
#endif
