/*
 * tests/bench/bench_web.h -- what the files of bench_web.c share.
 *
 * A row of the table is a function that does all of its work once and says what it found,
 * so that the compiler cannot leave it out, and that rivals can be seen to do the same.
 */
#ifndef BENCH_WEB_H
#define BENCH_WEB_H
#include "base/arena.h"
#include "base/buf.h"
#include "bench_common.h"
#include "corpus.h"
#include "web/url.h"

/* A reference of a page, resolvable. */
struct bench_ref {
	uint32_t page;
	struct slice ref; /* with a NUL behind it */
};

struct bench_data {
	struct corpus html;
	struct buf css, sitemap, latin, sjis, robots_blob;
	struct arena arena; /* of one page; reset for the next */
	struct arena setup; /* what stays */
	struct url *bases;  /* of each page */
	const char **base_cstrs;
	struct bench_ref *refs;
	size_t refs_len;
	struct slice *targets; /* for robots */
	size_t targets_len;
};

enum bench_unit { BENCH_MBS, BENCH_NS };
enum bench_bar {
	BENCH_NO_BAR,
	BENCH_AT_LEAST, /* Trawl is so many times as fast as this row */
	BENCH_NS_BELOW, /* of this row itself */
};

struct bench_row {
	const char *what;
	uint64_t (*run)(struct bench_data *d);
	/* Bytes or calls that one run is about; 0: the row is left out. */
	size_t (*work)(const struct bench_data *d);
	enum bench_unit unit;
	bool is_ours; /* the row its group is compared with */
	enum bench_bar bar;
	double bar_at;
};

struct bench_group {
	const char *title;
	const struct bench_row *rows; /* up to one without a name */
};

extern const struct bench_group bench_html, bench_url, bench_rest;

size_t bench_html_work(const struct bench_data *d);
/* What the rows need; exits when it cannot be had. */
void bench_setup_urls(struct bench_data *d);
void bench_setup_rest(struct bench_data *d, const char *dir);
#endif
