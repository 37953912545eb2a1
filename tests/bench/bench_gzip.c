/*
 * tests/bench/bench_gzip.c -- what it costs to archive a page, and how small it gets: see
 * README.md here.
 *
 *     bench_gzip [-r ROUNDS] [-m MEGABYTES] DIRECTORY...
 *
 * The pages of a directory become the records that a crawl would write of them (response,
 * request, metadata with the links of the page), and every library compresses each of them
 * by itself, as WARC wants it.  All rows run once a round, one after the other, so that a
 * machine that slows down slows all of them.  Times are CPU time of this process.  What
 * comes out is read back by zlib, or zstd, and compared.
 */
#define ZLIB_CONST /* deflate() and inflate() only read */
#include "base/map.h"
#include "bench_common.h"
#include "corpus.h"
#include "sink/warc_record.h"
#include "web/page.h"
#include "web/url.h"
#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/banned.h"

enum {
	ROUNDS_DEFAULT = 5,
	ROUNDS_MAX = 1000,
	MEGABYTES_DEFAULT = 6,
	ROWS_MAX = 32,
	LINKS_MAX = 6000,
	OUT_BYTES_MAX = 64 << 20,
	PARTS_MAX = 3, /* response, request, metadata */
};

/* -- The records ----------------------------------------------------------------- */

struct one {
	struct slice url, head, body;
	struct warc_outlink *links;
	size_t links_len;
	struct slice parts[PARTS_MAX]; /* not compressed */
};

struct data {
	struct corpus html;
	struct arena page, keep;
	struct one *v;
	size_t len, bytes, part_bytes[PARTS_MAX];
	struct warc_packer *packer;
	struct buf out;
};

static struct slice
keep(struct data *d, const char *text, size_t len)
{
	char *s = arena_text(&d->keep, len + 1);

	bench_must(s == NULL ? -ENOMEM : 0, "pages");
	memcpy(s, text, len);
	s[len] = '\0';
	return slice_of(s, len);
}

static struct warc_outlink
link_at(const void *ctx, size_t i)
{
	return ((const struct warc_outlink *)ctx)[i];
}

/* The different links of the page, resolved: what a metadata record names. */
static void
links_find(struct data *d, struct one *o, const struct url *base)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	char out[URL_BYTES_MAX];
	struct page page;
	struct map seen;

	arena_reset(&d->page);
	bench_must(page_parse(o->body, &conf, &d->page, &page), "page_parse");
	o->links = arena_alloc(&d->keep, (page.links_len + 1) * sizeof(*o->links));
	bench_must(o->links == NULL ? -ENOMEM : 0, "links");
	map_init(&seen, LINKS_MAX);
	for (size_t i = 0; i < page.links_len; i++) {
		struct warc_outlink *l = &o->links[o->links_len];
		struct url url;

		if (url_resolve(base, page.links[i].ref, slice_cstr(page.charset), 0, out,
			sizeof(out), &url) != URL_OK ||
		    map_get(&seen, slice_of(out, url.len)) != NULL)
			continue;
		l->url = keep(d, out, url.len);
		l->kind = slice_cstr(link_kind_name(page.links[i].kind));
		l->hop = link_kind_hop(page.links[i].kind);
		bench_must(map_put(&seen, l->url, l), "links");
		o->links_len++;
	}
	map_release(&seen);
}

static void
pack(struct data *d, size_t i, struct warc_parts *parts)
{
	static const struct slice request =
	    SLICE_LIT("GET /some/path/index.html HTTP/1.1\r\nHost: 127.0.0.1:18080\r\n"
		      "User-Agent: trawl/0.1.0 (+https://trawl.example/)\r\n"
		      "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"
		      "Accept-Encoding: gzip, br, zstd\r\n\r\n");
	const struct one *o = &d->v[i];
	struct warc_exchange x = {.uri = o->url,
	    .ip = SLICE_LIT("127.0.0.1"),
	    .protocol = SLICE_LIT("http/1.1"),
	    .wall_us = INT64_C(1795720000000000) + (int64_t)i * 200,
	    .warcinfo_id = SLICE_LIT("urn:uuid:01234567-89ab-4cde-8f01-23456789abcd"),
	    .request = request,
	    .head = o->head,
	    .body = o->body,
	    .via = d->v[i / 40].url,
	    .hops = SLICE_LIT("LLL"),
	    .fetch_ms = (uint32_t)i % 50,
	    .outlink = link_at,
	    .outlinks = o->links,
	    .outlinks_n = o->links_len};

	for (size_t k = 0; k < 4; k++) /* as good as random, and every time the same */
		x.record_id[k] = (i * 4 + k + 1) * UINT64_C(0x9e3779b97f4a7c15);
	bench_must(warc_pack(d->packer, &x, &d->out, parts), "warc_pack");
}

static void
one_make(struct data *d, size_t i)
{
	static const char site[] = "http://127.0.0.1:18080/";
	struct one *o = &d->v[i];
	struct warc_parts parts;
	char text[URL_BYTES_MAX], out[URL_BYTES_MAX];
	struct url url;
	int n = snprintf(text, sizeof(text), "%s%s", site, d->html.files[i].path);

	if (url_resolve(NULL, slice_of(text, (size_t)n), (struct slice){0}, 0, out,
		sizeof(out), &url) != URL_OK)
		bench_must(-EINVAL, d->html.files[i].path);
	o->url = keep(d, out, url.len);
	o->body = d->html.files[i].body;
	n = snprintf(text, sizeof(text),
	    "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Thu, 26 Nov 2026 "
	    "19:%02zu:%02zu "
	    "GMT\r\nContent-Type: text/html\r\nContent-Length: %zu\r\nLast-Modified: "
	    "Thu, 26 "
	    "Nov 2026 09:11:%02zu GMT\r\nConnection: keep-alive\r\nETag: "
	    "\"6566c3a0-%zx\"\r\n"
	    "Accept-Ranges: bytes\r\n\r\n",
	    i / 60 % 60, i % 60, o->body.len, i % 60, o->body.len);
	o->head = keep(d, text, (size_t)n);
	links_find(d, o, &url);
	buf_clear(&d->out);
	warc_packer_code(d->packer, WARC_PLAIN);
	pack(d, i, &parts);
	bench_must(parts.n == PARTS_MAX ? 0 : -EINVAL, "records");
	for (uint32_t k = 0; k < parts.n; k++) {
		uint64_t end = k + 1 < parts.n ? parts.at[k + 1] : d->out.len;

		o->parts[k] = keep(d, d->out.ptr + parts.at[k], end - parts.at[k]);
		d->part_bytes[k] += o->parts[k].len;
		d->bytes += o->parts[k].len;
	}
}

static void
data_make(struct data *d, const char *dir, size_t bytes_max)
{
	int r = corpus_load(&d->html, dir, ".html", bytes_max);

	bench_must(r == 0 && d->html.files_len == 0 ? -ENOENT : r, dir);
	arena_init(&d->page, 256 << 10, 256 << 20);
	arena_init(&d->keep, 1 << 20, 1u << 30);
	buf_init(&d->out, OUT_BYTES_MAX);
	bench_must(warc_packer_new(&d->packer), "memory");
	bench_must(buf_reserve(&d->out, 16 << 20), "memory");
	d->v = calloc(d->html.files_len, sizeof(*d->v));
	bench_must(d->v == NULL ? -ENOMEM : 0, "memory");
	d->len = d->html.files_len;
	for (size_t i = 0; i < d->len; i++)
		one_make(d, i);
}

static void
data_release(struct data *d)
{
	free(d->v);
	warc_packer_free(d->packer);
	buf_release(&d->out);
	arena_release(&d->page);
	arena_release(&d->keep);
	corpus_release(&d->html);
}

/* -- Who compresses -------------------------------------------------------------- */

struct coder {
	const char *what;
	int level;
	void *(*begin)(int level);
	size_t (*run)(void *state, struct slice in, char *out, size_t room);
	void (*end)(void *state);
	bool is_zstd;
};

static void *
zlib_begin(int level)
{
	z_stream *z = calloc(1, sizeof(*z));

	if (z != NULL)
		(void)deflateInit2(z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	return z;
}

static size_t
zlib_run(void *state, struct slice in, char *out, size_t room)
{
	z_stream *z = state;

	(void)deflateReset(z);
	z->next_in = (z_const Bytef *)in.ptr;
	z->avail_in = (uInt)in.len;
	z->next_out = (Bytef *)out;
	z->avail_out = (uInt)room;
	return deflate(z, Z_FINISH) == Z_STREAM_END ? room - z->avail_out : 0;
}

static void
zlib_end(void *state)
{
	(void)deflateEnd(state);
	free(state);
}

static void *
libdeflate_begin(int level)
{
	return libdeflate_alloc_compressor(level);
}

static size_t
libdeflate_run(void *state, struct slice in, char *out, size_t room)
{
	return libdeflate_gzip_compress(state, in.ptr, in.len, out, room);
}

static void
libdeflate_end(void *state)
{
	libdeflate_free_compressor(state);
}

static void *
zstd_begin(int level)
{
	ZSTD_CCtx *z = ZSTD_createCCtx();

	(void)ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, level);
	(void)ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
	return z;
}

static size_t
zstd_run(void *state, struct slice in, char *out, size_t room)
{
	size_t n = ZSTD_compress2(state, out, room, in.ptr, in.len);

	return ZSTD_isError(n) ? 0 : n;
}

static void
zstd_end(void *state)
{
	(void)ZSTD_freeCCtx(state);
}

struct igzip {
	struct isal_zstream z;
	int level;
	uint8_t memory[ISAL_DEF_LVL3_DEFAULT];
};

static void *
igzip_begin(int level)
{
	struct igzip *g = calloc(1, sizeof(*g));

	if (g != NULL)
		g->level = level;
	return g;
}

static size_t
igzip_run(void *state, struct slice in, char *out, size_t room)
{
	static const uint32_t sizes[] = {
	    0, ISAL_DEF_LVL1_DEFAULT, ISAL_DEF_LVL2_DEFAULT, ISAL_DEF_LVL3_DEFAULT};
	struct igzip *g = state;

	isal_deflate_stateless_init(&g->z);
	g->z.level = (uint32_t)g->level;
	g->z.level_buf = g->memory;
	g->z.level_buf_size = sizes[g->level];
	g->z.gzip_flag = IGZIP_GZIP;
	g->z.end_of_stream = 1;
	g->z.next_in = (uint8_t *)(uintptr_t)in.ptr; /* it only reads */
	g->z.avail_in = (uint32_t)in.len;
	g->z.next_out = (uint8_t *)out;
	g->z.avail_out = (uint32_t)room;
	return isal_deflate_stateless(&g->z) == COMP_OK ? g->z.total_out : 0;
}

#define ZLIB(l)                                                                          \
	{                                                                                \
		"zlib", l, zlib_begin, zlib_run, zlib_end, false                         \
	}
#define LIB(l)                                                                           \
	{                                                                                \
		"libdeflate", l, libdeflate_begin, libdeflate_run, libdeflate_end, false \
	}
#define IGZIP(l)                                                                         \
	{                                                                                \
		"ISA-L igzip", l, igzip_begin, igzip_run, free, false                    \
	}
#define ZSTD(l)                                                                          \
	{                                                                                \
		"zstd", l, zstd_begin, zstd_run, zstd_end, true                          \
	}

static const struct coder coders[] = {
    ZLIB(1),
    ZLIB(6),
    LIB(1),
    LIB(2),
    LIB(3),
    LIB(4),
    LIB(5),
    LIB(6),
    IGZIP(0),
    IGZIP(1),
    IGZIP(2),
    IGZIP(3),
    ZSTD(-1),
    ZSTD(1),
    ZSTD(3),
};

/* -- The table ------------------------------------------------------------------- */

struct row {
	const struct coder *coder; /* NULL: warc_pack() itself, in `coding` */
	enum warc_coding coding;
	void *state;
	uint64_t bytes, part_bytes[PARTS_MAX];
	double seconds[ROUNDS_MAX], part_seconds[PARTS_MAX][ROUNDS_MAX];
};

static void
read_back(const struct coder *c, struct slice was, const char *out, size_t n)
{
	char *again = malloc(was.len + 1);
	bool ok;

	bench_must(again == NULL ? -ENOMEM : 0, "memory");
	if (c->is_zstd) {
		ok = ZSTD_decompress(again, was.len + 1, out, n) == was.len;
	} else {
		z_stream z = {.next_in = (z_const Bytef *)out,
		    .avail_in = (uInt)n,
		    .next_out = (Bytef *)again,
		    .avail_out = (uInt)was.len + 1};

		(void)inflateInit2(&z, 15 + 16);
		ok = inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0 &&
		     z.total_out == was.len;
		(void)inflateEnd(&z);
	}
	bench_must(ok && memcmp(again, was.ptr, was.len) == 0 ? 0 : -EBADMSG, c->what);
	free(again);
}

/* All records of one kind. */
static double
run_part(struct data *d, struct row *r, size_t k, bool check)
{
	double from = bench_cpu_s();

	r->part_bytes[k] = 0;
	for (size_t i = 0; i < d->len; i++) {
		size_t n =
		    r->coder->run(r->state, d->v[i].parts[k], d->out.ptr, d->out.cap);

		bench_must(n > 0 ? 0 : -EINVAL, r->coder->what);
		r->part_bytes[k] += n;
		if (check)
			read_back(r->coder, d->v[i].parts[k], d->out.ptr, n);
	}
	return bench_cpu_s() - from;
}

static double
run_pack(struct data *d, struct row *r)
{
	double from = bench_cpu_s();
	struct warc_parts parts;

	warc_packer_code(d->packer, r->coding);
	r->bytes = 0;
	for (size_t i = 0; i < d->len; i++) {
		buf_clear(&d->out);
		pack(d, i, &parts);
		r->bytes += d->out.len;
	}
	return bench_cpu_s() - from;
}

static double
run_row(struct data *d, struct row *r, unsigned round, bool check)
{
	double all = 0;

	if (r->coder == NULL)
		return run_pack(d, r);
	r->bytes = 0;
	for (size_t k = 0; k < PARTS_MAX; k++) {
		double s = run_part(d, r, k, check);

		r->part_seconds[k][round] = s;
		r->bytes += r->part_bytes[k];
		all += s;
	}
	return all;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median_us(double *seconds, unsigned rounds, size_t pages)
{
	qsort(seconds, rounds, sizeof(*seconds), by_value);
	return seconds[rounds / 2] * 1e6 / (double)pages;
}

static void
row_print(const struct data *d, struct row *r, unsigned rounds)
{
	static const char *const names[] = {
	    [WARC_PLAIN] = "none", [WARC_GZIP] = "gzip", [WARC_ZSTD] = "zstd"};
	double ratio = (double)d->bytes / (double)r->bytes, kept;

	if (r->coder == NULL) {
		(void)printf("  warc_pack(), %-7s %8.1f\t\t\t       %8.0f %6.2f\n",
		    names[r->coding], median_us(r->seconds, rounds, d->len),
		    (double)r->bytes / (double)d->len, ratio);
		return;
	}
	kept = median_us(r->seconds, rounds, d->len);
	(void)printf("  %-14s %5d %8.1f %8.1f %8.1f %8.1f %8.0f %6.2f\n", r->coder->what,
	    r->coder->level, kept, median_us(r->part_seconds[0], rounds, d->len),
	    median_us(r->part_seconds[1], rounds, d->len),
	    median_us(r->part_seconds[2], rounds, d->len),
	    (double)r->bytes / (double)d->len, ratio);
}

static size_t
rows_begin(struct row *rows)
{
	const size_t n = sizeof(coders) / sizeof(coders[0]);

	for (size_t i = 0; i < n; i++) {
		rows[i] = (struct row){.coder = &coders[i]};
		rows[i].state = coders[i].begin(coders[i].level);
		bench_must(rows[i].state == NULL ? -ENOMEM : 0, coders[i].what);
	}
	for (int i = WARC_PLAIN; i <= WARC_ZSTD; i++)
		rows[n + (size_t)i] = (struct row){.coding = (enum warc_coding)i};
	return n + WARC_ZSTD + 1;
}

static void
directory(const char *dir, unsigned rounds, size_t bytes_max)
{
	static struct row rows[ROWS_MAX];
	struct data d = {0};
	size_t n = rows_begin(rows);

	data_make(&d, dir, bytes_max);
	for (size_t i = 0; i < n; i++)
		(void)run_row(&d, &rows[i], 0, true);
	for (unsigned round = 0; round < rounds; round++)
		for (size_t i = 0; i < n; i++)
			rows[i].seconds[round] = run_row(&d, &rows[i], round, false);
	(void)printf(
	    "\n%s: %zu of %zu pages; response %.1f KB, request %.0f bytes, metadata "
	    "%.0f bytes a page; %u rounds\n",
	    dir, d.len, d.html.pages_seen, (double)d.part_bytes[0] / 1e3 / (double)d.len,
	    (double)d.part_bytes[1] / (double)d.len,
	    (double)d.part_bytes[2] / (double)d.len, rounds);
	(void)printf("  %-20s %8s %8s %8s %8s %8s %6s\n", "us of CPU a page", "all",
	    "response", "request", "metadata", "bytes", "ratio");
	for (size_t i = 0; i < n; i++) {
		row_print(&d, &rows[i], rounds);
		if (rows[i].coder != NULL)
			rows[i].coder->end(rows[i].state);
	}
	data_release(&d);
}

int
main(int argc, char **argv)
{
	unsigned long rounds = ROUNDS_DEFAULT, mb = MEGABYTES_DEFAULT;
	int c;

	while ((c = getopt(argc, argv, "r:m:")) != -1)
		if (c == 'r')
			rounds = strtoul(optarg, NULL, 10);
		else if (c == 'm')
			mb = strtoul(optarg, NULL, 10);
		else
			rounds = 0;
	if (optind == argc || rounds < 1 || rounds > ROUNDS_MAX || mb < 1 || mb > 4096) {
		(void)fprintf(stderr,
		    "usage: bench_gzip [-r ROUNDS] [-m MEGABYTES] DIRECTORY...\n");
		return 2;
	}
	for (; optind < argc; optind++)
		directory(argv[optind], (unsigned)rounds, (size_t)mb * 1000 * 1000);
	return 0;
}
