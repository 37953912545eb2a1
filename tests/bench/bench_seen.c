/*
 * tests/bench/bench_seen.c -- the set of seen URLs: CPU time of a new URL and of a known
 * one (hinted, as a page's links are, and alone), bytes a URL, and opening it again.
 *
 *   bench_seen [DIR [millions ...]]     DIR: where seen.log is written; default 1 5 20 50
 */
#include "bench_common.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "frontier/keys.h"
#include "frontier/seen.h"
#include "store/store.h"

enum { COMMIT_EVERY = 30000, PAGE = 64, LOOKUPS = 4000000 };

static uint64_t
mix(uint64_t i)
{
	uint64_t z = (i + 1) * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static double
wall_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What is resident of this process. */
static double
resident(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long size, pages = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%llu %llu", &size, &pages) != 2)
		pages = 0;
	(void)fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void
must(int r, const struct why *why)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "bench_seen: %d: %s\n", r, why->text);
	exit(1);
}

static void
add(struct seen *s, uint64_t hash, enum seen_add want)
{
	enum outcome was;
	enum seen_add ret;

	must(seen_add(s, hash, OUTCOME_NONE, &ret, &was), &(struct why){"seen_add"});
	if (ret != want) {
		(void)fprintf(stderr, "bench_seen: %d instead of %d\n", ret, want);
		exit(1);
	}
}

static double
lookups(struct seen *s, uint64_t n, bool hinted)
{
	double t = bench_cpu_s();

	for (uint64_t i = 0; i < LOOKUPS; i += PAGE) {
		for (uint64_t j = i; j < i + PAGE && hinted; j++)
			seen_hint(s, mix(mix(j) % n));
		for (uint64_t j = i; j < i + PAGE; j++)
			add(s, mix(mix(j) % n), SEEN_KNOWN);
	}
	return (bench_cpu_s() - t) / LOOKUPS * 1e9;
}

static void
commit(struct seen *s, struct buf *mark)
{
	struct why why = {""};

	must(seen_sync(s, &why), &why);
	buf_clear(mark);
	must(seen_mark(s, mark), &why);
	seen_committed(s);
}

static void
bench(const char *dir, struct store *store, uint64_t n, uint64_t limit)
{
	struct seen_conf conf = {.dir = dir, .store = store, .memory_bytes_max = limit};
	struct seen_stats stats;
	double t, wall, rss = resident(), add_ns, hinted, known, load, load_wall;
	struct why why = {""};
	struct buf mark;
	struct seen *s;

	buf_init(&mark, 1024);
	must(seen_open(&conf, &s, &why), &why);
	t = bench_cpu_s();
	for (uint64_t i = 0; i < n; i++) {
		for (uint64_t j = i; j < i + PAGE && i % PAGE == 0; j++)
			seen_hint(s, mix(j));
		add(s, mix(i), SEEN_NEW);
		if (i % COMMIT_EVERY == 0)
			commit(s, &mark);
	}
	commit(s, &mark);
	add_ns = (bench_cpu_s() - t) / (double)n * 1e9;
	known = lookups(s, n, false);
	hinted = lookups(s, n, true);
	rss = resident() - rss;
	seen_stats(s, &stats);
	seen_close(s);
	conf.mark = buf_slice(&mark);
	t = bench_cpu_s();
	wall = wall_s();
	must(seen_open(&conf, &s, &why), &why);
	load = bench_cpu_s() - t;
	load_wall = wall_s() - wall;
	if (seen_mended(s) != NULL)
		must(-1, &(struct why){"the log was not accepted"});
	seen_close(s);
	buf_release(&mark);
	(void)printf(
	    "%5.0f M, %s: new %3.0f ns, known %3.0f ns (alone %3.0f ns); %.1f bytes a "
	    "URL (resident %.1f); opened in %.2f s (%.2f s CPU, %.3f s a million)\n",
	    (double)n / 1e6, limit == 0 ? "no limit" : "  16 MiB", add_ns, hinted, known,
	    (double)stats.memory_bytes / (double)n, rss / (double)n, load_wall, load,
	    load_wall / ((double)n / 1e6));
	(void)fflush(stdout);
}

int
main(int argc, char **argv)
{
	enum { USUAL = 4, LIMIT = 16 << 20 };
	static const uint64_t usual[USUAL] = {1000000, 5000000, 20000000, 50000000};
	const char *dir = argc > 1 ? argv[1] : ".";
	struct why why = {""};
	struct store *store;

	must(store_open("memory", NULL, &store, &why), &why);
	for (size_t i = 0; i < (argc > 2 ? (size_t)argc - 2 : USUAL); i++) {
		uint64_t n =
		    argc > 2 ? strtoull(argv[i + 2], NULL, 10) * 1000000 : usual[i];

		bench(dir, store, n, 0);
		bench(dir, store, n, LIMIT);
	}
	store_close(store);
	return 0;
}
