/*
 * tests/bench/bench_store.c -- what a key costs in the store, under several options of
 * RocksDB's and in LMDB; and scans over what was deleted.
 *
 *   bench_store DIR [millions [MiB [row ...]]]	rows: 0, 1, ... lmdb drain
 *
 * Keys have 17 bytes, batches 5,000 keys and are synced.  The time is CPU of all threads,
 * compaction included, which is waited for; lookups are of random keys, a tenth as many.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench_store.h"
#include "store/rocksdb.h"

enum { BATCH = 5000, VALUE_BYTES = 80, HOSTS = 20000, CLUSTER = 50 };

double
bench_wall_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t
mix(uint64_t z)
{
	z += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void
store64(char *p, uint64_t n)
{
	for (int i = 7; i >= 0; i--, n >>= 8)
		p[i] = (char)(n & 0xff);
}

struct slice
bench_key(enum bench_order order, uint64_t i, char text[BENCH_KEY_BYTES])
{
	uint64_t host = mix(i / CLUSTER % HOSTS);

	switch (order) {
	case BENCH_RANDOM:
		host = mix(~i);
		break;
	case BENCH_SITES:
		host = mix(mix(i / CLUSTER) % HOSTS);
		break;
	case BENCH_ASCENDING:
		host = i;
		break;
	}
	text[0] = (char)(order == BENCH_ASCENDING ? 0 : host % 64);
	store64(text + 1, host);
	store64(text + 9, mix(i));
	return slice_of(text, BENCH_KEY_BYTES);
}

/* Half of it is text that can be packed. */
static struct slice
value_of(uint64_t i, char text[VALUE_BYTES])
{
	memset(text, 'a', VALUE_BYTES);
	for (int k = 0; k < VALUE_BYTES / 2; k += 8)
		store64(text + k, mix(i + (uint64_t)k));
	return slice_of(text, VALUE_BYTES);
}

/* ---- directories ---- */

static uint64_t dir_bytes;

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int
weigh_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path, (void)type, (void)ftw;
	dir_bytes += (uint64_t)st->st_blocks * 512;
	return 0;
}

void
bench_dir_empty(const char *dir)
{
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	bench_must(mkdir(dir, 0777) < 0 ? errno : 0, dir);
}

double
bench_dir_mb(const char *dir)
{
	dir_bytes = 0;
	(void)nftw(dir, weigh_one, 16, FTW_PHYS);
	return (double)dir_bytes / 1e6;
}

/* ---- rows ---- */

void
bench_report(const char *name, enum bench_order order, const struct bench_result *r)
{
	static const char *const orders[] = {"random", "by site", "ascending"};

	(void)printf("%-34s %-9s put %5.2f us (wall %5.2f), absent %5.2f, there %5.2f, "
		     "%5.0f MB on disk\n",
	    name, orders[order], r->put_us, r->put_wall_us, r->absent_us, r->present_us,
	    r->mb);
	(void)fflush(stdout);
}

static struct store *
open_in(const char *dir, uint64_t memory)
{
	struct store_conf conf = {.dir = dir, .memory_bytes = memory};
	struct store *s;
	struct why why = {""};

	bench_dir_empty(dir);
	if (store_open("rocksdb", &conf, &s, &why) < 0) {
		(void)fprintf(stderr, "%s\n", why.text);
		exit(1);
	}
	return s;
}

/* Until nothing is left to compact. */
static void
settle(struct store *s)
{
	static const char *const counts[] = {"rocksdb.num-running-compactions",
	    "rocksdb.compaction-pending", "rocksdb.num-running-flushes"};
	struct rocks *r = (struct rocks *)(void *)s;
	uint64_t left;

	do {
		struct timespec pause = {.tv_nsec = 100000000};

		(void)nanosleep(&pause, NULL);
		left = 0;
		for (int t = 0; t < ROCKS_CF_MAX; t++)
			for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
				uint64_t n = 0;

				(void)rocksdb_property_int_cf(
				    r->db, r->cf[t], counts[i], &n);
				left += n;
			}
	} while (left > 0);
}

static double
get_us(struct store *s, enum bench_order order, uint64_t from, uint64_t range, uint64_t n,
    int want)
{
	double t = bench_cpu_s();
	char key[BENCH_KEY_BYTES];
	struct buf got;

	buf_init(&got, 1 << 10);
	for (uint64_t i = 0; i < n; i++)
		if (store_get(s, STORE_SEEN, bench_key(order, from + mix(i) % range, key),
			&got) != want)
			bench_must(EINVAL, "get");
	buf_release(&got);
	return (bench_cpu_s() - t) / (double)n * 1e6;
}

static void
row(const char *dir, const char *name, enum bench_order order, uint64_t n,
    uint64_t memory)
{
	double cpu = bench_cpu_s(), wall = bench_wall_s();
	char key[BENCH_KEY_BYTES], value[VALUE_BYTES];
	struct store *s = open_in(dir, memory);
	struct store_batch *b;
	struct bench_result r;

	bench_must(store_batch_new(16 << 20, &b), "batch");
	for (uint64_t i = 0; i < n; i++) {
		bench_must(store_batch_put(b, STORE_SEEN, bench_key(order, i, key),
			       value_of(i, value)),
		    "put");
		if (i % BATCH == BATCH - 1)
			bench_must(store_apply(s, b, true, NULL), "apply");
	}
	wall = bench_wall_s() - wall;
	settle(s);
	r.put_us = (bench_cpu_s() - cpu) / (double)n * 1e6;
	r.put_wall_us = wall / (double)n * 1e6;
	r.absent_us = get_us(s, order, n, n, n / 10, -ENOENT);
	r.present_us = get_us(s, order, 0, n, n / 10, 0);
	r.mb = bench_dir_mb(dir);
	bench_report(name, order, &r);
	store_batch_free(b);
	store_close(s);
}

/* ---- a queue of which nearly all was taken ---- */

static bool
count(void *ctx, struct slice key, struct slice value)
{
	uint32_t *n = ctx;

	(void)key, (void)value;
	++*n;
	return true;
}

static void
scan_ms(struct store *s, uint64_t after, const char *what)
{
	double t = bench_wall_s();
	char key[BENCH_KEY_BYTES];
	uint32_t n = 0;

	(void)memset(key, 1, 9);
	store64(key + 9, after);
	bench_must(store_scan(s, STORE_QUEUE, slice_of(key, 9),
		       slice_of(key, after == 0 ? 0 : BENCH_KEY_BYTES), 512, count, &n),
	    "scan");
	(void)printf("    512 of one host %-26s %8.2f ms, %u found\n", what,
	    (bench_wall_s() - t) * 1e3, (unsigned)n);
}

static void
drain(const char *dir, uint64_t n, uint64_t memory)
{
	char key[BENCH_KEY_BYTES], value[VALUE_BYTES];
	struct store *s = open_in(dir, memory);
	struct store_batch *b;
	double cpu = bench_cpu_s();

	bench_must(store_batch_new(16 << 20, &b), "batch");
	(void)memset(key, 1, 9);
	/* Put, and all but one in a hundred deleted, in order, as a crawl does it. */
	for (uint64_t i = 1; i <= 2 * n; i++) {
		store64(key + 9, i <= n ? i : i - n);
		if (i <= n)
			bench_must(store_batch_put(b, STORE_QUEUE,
				       slice_of(key, sizeof(key)), value_of(i, value)),
			    "put");
		else if (i - n <= n / 100 * 99)
			bench_must(store_batch_delete(
				       b, STORE_QUEUE, slice_of(key, sizeof(key))),
			    "delete");
		if (i % BATCH == 0)
			bench_must(store_apply(s, b, true, NULL), "apply");
	}
	(void)printf("%llu put, all but 1 %% deleted: %.2f us each\n",
	    (unsigned long long)n, (bench_cpu_s() - cpu) / (double)n / 2 * 1e6);
	scan_ms(s, 0, "from the start");
	scan_ms(s, n / 100 * 99, "after the last deleted");
	settle(s);
	scan_ms(s, 0, "from the start, at rest");
	store_batch_free(b);
	store_close(s);
}

/* ---- which ---- */

#define UNIVERSAL "compaction_style=kCompactionStyleUniversal;"
#define LEVEL     "compaction_style=kCompactionStyleLevel;"
static const struct variant {
	const char *name, *cf, *db;
	enum bench_order order;
} variants[] = {
    {"as chosen", NULL, NULL, BENCH_RANDOM},
    {"as chosen", NULL, NULL, BENCH_SITES},
    {"as chosen", NULL, NULL, BENCH_ASCENDING},
    {"level, runs to merge 4", LEVEL "level0_file_num_compaction_trigger=4", NULL,
	BENCH_SITES},
    {"level, runs to merge 16", LEVEL "level0_file_num_compaction_trigger=16", NULL,
	BENCH_SITES},
    {"universal, runs to merge 4", UNIVERSAL "level0_file_num_compaction_trigger=4", NULL,
	BENCH_SITES},
    {"universal, runs to merge 8", UNIVERSAL "level0_file_num_compaction_trigger=8", NULL,
	BENCH_SITES},
    {"universal, runs to merge 32", UNIVERSAL "level0_file_num_compaction_trigger=32",
	NULL, BENCH_SITES},
    {"filters in memtables",
	"memtable_prefix_bloom_size_ratio=0.05;memtable_whole_key_filtering=true", NULL,
	BENCH_SITES},
    {"not compressed", "compression=kNoCompression", NULL, BENCH_SITES},
    {"zstd", "compression=kZSTD", NULL, BENCH_SITES},
    {"half the memtables", "write_buffer_size=4m", "db_write_buffer_size=16m",
	BENCH_SITES},
    {"twice the memtables", "write_buffer_size=32m", "db_write_buffer_size=64m",
	BENCH_SITES},
};

/* No rows given: all. */
static bool
is_wanted(int argc, char **argv, const char *row)
{
	for (int i = 4; i < argc; i++)
		if (strcmp(argv[i], row) == 0)
			return true;
	return argc <= 4;
}

int
main(int argc, char **argv)
{
	uint64_t n = (uint64_t)((argc > 2 ? strtod(argv[2], NULL) : 5) * 1e6);
	uint64_t memory = (argc > 3 ? strtoull(argv[3], NULL, 10) : 0) << 20;

	if (argc < 2) {
		(void)fprintf(stderr, "bench_store DIR [millions [MiB [row ...]]]\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		const struct variant *v = &variants[i];
		char number[16];

		(void)snprintf(number, sizeof(number), "%zu", i);
		for (int t = 0; t < ROCKS_CF_MAX; t++)
			rocks_more_options[t] = v->cf;
		rocks_more_options[ROCKS_CF_MAX] = v->db;
		if (is_wanted(argc, argv, number))
			row(argv[1], v->name, v->order, n, memory);
	}
	memset(rocks_more_options, 0, sizeof(rocks_more_options));
	if (is_wanted(argc, argv, "lmdb")) {
		bench_lmdb(argv[1], BENCH_RANDOM, n);
		bench_lmdb(argv[1], BENCH_SITES, n);
	}
	if (is_wanted(argc, argv, "drain"))
		drain(argv[1], n < 1000000 ? n : 1000000, memory);
	(void)nftw(argv[1], remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
