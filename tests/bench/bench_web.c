/*
 * tests/bench/bench_web.c -- how fast src/web is, in memory, on one core, on real pages,
 * beside others who do the same work: see README.md here.
 *
 *     bench_web DIRECTORY [ROUNDS [MEGABYTES]]
 *
 * All rows run once a round, one after the other, so that a machine that slows down slows
 * all of them.  Times are CPU time of this process.
 */
#include "bench_web.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

enum {
	ROUNDS_DEFAULT = 5,
	ROUNDS_MAX = 1000,
	MEGABYTES_DEFAULT = 12,
	ROWS_MAX = 64,
	RUN_NS_MIN = 50 * 1000 * 1000 /* a faster row runs more than once a round */
};

struct result {
	const struct bench_row *row;
	size_t work;
	unsigned repeats;
	uint64_t found;
	double seconds[ROUNDS_MAX];
};

static const struct bench_group *const groups[] = {&bench_html, &bench_url, &bench_rest};
static struct result results[ROWS_MAX];
static size_t results_len;

static double
run_once(struct result *r, struct bench_data *d)
{
	double from = bench_cpu_s();

	for (unsigned i = 0; i < r->repeats; i++)
		r->found = r->row->run(d);
	return (bench_cpu_s() - from) / r->repeats;
}

static void
run_all(struct bench_data *d, unsigned rounds)
{
	for (size_t i = 0; i < results_len;
	     i++) { /* warm up, and see how long it takes */
		double s;

		results[i].repeats = 1;
		s = run_once(&results[i], d);
		if (s < RUN_NS_MIN / 1e9)
			results[i].repeats =
			    (unsigned)(RUN_NS_MIN / 1e9 / (s + 1e-6)) + 1;
	}
	for (unsigned n = 0; n < rounds; n++)
		for (size_t i = 0; i < results_len; i++)
			results[i].seconds[n] = run_once(&results[i], d);
}

/* -- The table ------------------------------------------------------------------- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* MB/s or ns. */
static double
figure(const struct result *r, double seconds)
{
	return r->row->unit == BENCH_MBS ? (double)r->work / 1e6 / seconds
					 : seconds * 1e9 / (double)r->work;
}

static void
row_print(const struct result *r, const struct result *ours, unsigned rounds)
{
	double median = r->seconds[rounds / 2], ratio = 0;
	char ratio_text[16] = "", bar[32] = "";
	bool ok = true;

	/* Seconds a byte or a call: `ours` may have another number of them. */
	if (ours != NULL && ours != r) {
		ratio = median / (double)r->work /
			(ours->seconds[rounds / 2] / (double)ours->work);
		(void)snprintf(ratio_text, sizeof(ratio_text), "%.2f", ratio);
	}
	if (r->row->bar == BENCH_AT_LEAST) {
		ok = ratio >= r->row->bar_at;
		(void)snprintf(
		    bar, sizeof(bar), "%s (>= %g)", ok ? "ok" : "MISSED", r->row->bar_at);
	} else if (r->row->bar == BENCH_NS_BELOW) {
		ok = figure(r, median) < r->row->bar_at;
		(void)snprintf(bar, sizeof(bar), "%s (< %g ns)", ok ? "ok" : "MISSED",
		    r->row->bar_at);
	}
	(void)printf("  %-44s %9.1f %9.1f %9.1f %-5s %8s  %-16s %10llu\n", r->row->what,
	    figure(r, median), figure(r, r->seconds[0]),
	    figure(r, r->seconds[rounds - 1]), r->row->unit == BENCH_MBS ? "MB/s" : "ns",
	    ratio_text, bar, (unsigned long long)r->found);
}

static void
table_print(unsigned rounds)
{
	size_t i = 0;

	(void)printf("\n  %-44s %9s %9s %9s %-5s %8s  %-16s %10s\n", "", "median", "best",
	    "worst", "", "Trawl x", "bar", "found");
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		const struct result *ours = NULL;
		size_t from = i;

		for (; i < results_len && results[i].row >= groups[g]->rows; i++) {
			const struct bench_row *last = groups[g]->rows;

			while (last->what != NULL)
				last++;
			if (results[i].row > last)
				break;
			qsort(results[i].seconds, rounds, sizeof(double), by_value);
			if (results[i].row->is_ours)
				ours = &results[i];
		}
		(void)printf("%s\n", groups[g]->title);
		for (size_t k = from; k < i; k++)
			row_print(&results[k], ours, rounds);
	}
}

static void
rows_gather(const struct bench_data *d)
{
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		for (const struct bench_row *r = groups[g]->rows; r->what != NULL; r++) {
			size_t work = r->work(d);

			if (work > 0 && results_len < ROWS_MAX)
				results[results_len++] =
				    (struct result){.row = r, .work = work};
		}
}

static void
data_release(struct bench_data *d)
{
	corpus_release(&d->html);
	buf_release(&d->css);
	buf_release(&d->sitemap);
	buf_release(&d->latin);
	buf_release(&d->sjis);
	buf_release(&d->robots_blob);
	arena_release(&d->arena);
	arena_release(&d->setup);
}

int
main(int argc, char **argv)
{
	static struct bench_data d;
	unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : ROUNDS_DEFAULT;
	unsigned long mb = argc > 3 ? strtoul(argv[3], NULL, 10) : MEGABYTES_DEFAULT;
	int err;

	if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX || mb < 1 || mb > 4096) {
		(void)fprintf(
		    stderr, "usage: bench_web DIRECTORY [ROUNDS [MEGABYTES]]\n");
		return 2;
	}
	err = corpus_load(&d.html, argv[1], ".html", (size_t)mb * 1000 * 1000);
	if (err == -ENOENT || (err == 0 && d.html.files_len == 0)) {
		(void)printf("bench_web: no pages in %s: skipped "
			     "(`./bootstrap check` puts some there)\n",
		    argv[1]);
		return 0;
	}
	bench_must(err, argv[1]);
	arena_init(&d.arena, 256 << 10, 256 << 20);
	arena_init(&d.setup, 1 << 20, 1u << 30);
	bench_setup_urls(&d);
	bench_setup_rest(&d, argv[1]);
	rows_gather(&d);
	(void)printf(
	    "%zu of the %zu pages in %s: %.1f MB, %.1f KB a page, %zu links that "
	    "resolve; %lu rounds\n",
	    d.html.files_len, d.html.pages_seen, argv[1], (double)d.html.bytes / 1e6,
	    (double)d.html.bytes / 1e3 / (double)d.html.files_len, d.refs_len, rounds);
	run_all(&d, (unsigned)rounds);
	table_print((unsigned)rounds);
	data_release(&d);
	return 0;
}
