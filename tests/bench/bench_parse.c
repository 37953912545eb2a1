/*
 * tests/bench/bench_parse.c -- what parsing a page costs a worker: see README.md here.
 *
 *     bench_parse DIRECTORY [ROUNDS [MEGABYTES [archive]]]
 *
 * The worker's own code (crawl/parse.h) in this process, without pool and jail, on the pages
 * below DIRECTORY; CPU microseconds a page, median, best and worst of the rounds.  With
 * `archive` it also makes the WARC records.
 */
#include "base/clock.h"
#include "bench_common.h"
#include "corpus.h"
#include "crawl/options.h"
#include "crawl/parse.h"
#include "crawl/scope.h"
#include "crawl/task.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

enum {
	ROUNDS_DEFAULT = 5,
	ROUNDS_MAX = 1000,
	MEGABYTES_DEFAULT = 12,
	RESULT_BYTES_MAX = 64 << 20,
	SETTINGS_BYTES_MAX = 1 << 20,
	DECODED_BYTES_MAX = 64 << 20,
	SEED = 7
};

#define ANSWER                                                                           \
	"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Thu, 26 Nov 2026 19:00:00 "    \
	"GMT\r\nContent-Type: text/html\r\nConnection: keep-alive\r\nETag: "             \
	"\"6747-2841\"\r\nAccept-Ranges: bytes\r\n\r\n"

struct bench {
	struct corpus pages;
	struct buf *answers, *heads, out;
	void *state;
	uint64_t links, result_bytes;
};

static void
must(int r, const char *what)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "bench_parse: %s: %s\n", what, strerror(-r));
	exit(1);
}

/* As an ordinary crawl has it. */
static void
configure(struct bench *b)
{
	static const char *const seeds[] = {"http://127.0.0.1/"};
	static const struct parse_limits limits = {.decoded_bytes = DECODED_BYTES_MAX,
	    .notes_bytes = DECODED_BYTES_MAX,
	    .links = FOUND_LINKS_MAX,
	    .coding = WARC_GZIP};
	struct why why = {""};
	struct options o;
	struct buf scope, settings;

	options_init(&o);
	buf_init(&scope, SETTINGS_BYTES_MAX);
	buf_init(&settings, SETTINGS_BYTES_MAX);
	must(parse_ops.init(&b->state, &why), "a parser");
	must(scope_settings(&o, seeds, 1, SEED, &scope, &why), "a scope");
	must(parse_settings(buf_slice(&scope), (struct slice){0}, &limits, &settings),
	    "settings");
	must(parse_ops.configure(b->state, 1, buf_slice(&settings)), "configure");
	buf_release(&settings);
	buf_release(&scope);
	options_release(&o);
}

static void
prepare(struct bench *b, size_t i, bool archive)
{
	const struct corpus_file *f = &b->pages.files[i];
	struct buf url;
	struct task t = {.kind = TASK_PAGE,
	    .link = LINK_A,
	    .archive = archive,
	    .head_bytes = sizeof(ANSWER) - 1,
	    .record_id = {1, 2, 3, i},
	    .wall_us = 1795719600000000 + (int64_t)i,
	    .via = SLICE_LIT("http://127.0.0.1/"),
	    .hops = SLICE_LIT("L"),
	    .ip = SLICE_LIT("127.0.0.1"),
	    .protocol = SLICE_LIT("http/1.1"),
	    .request = SLICE_LIT("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: "
				 "trawl\r\nAccept: */*\r\n\r\n"),
	    .warcinfo_id = SLICE_LIT("urn:uuid:1")};

	buf_init(&url, URL_BYTES_MAX);
	must(buf_printf(&url, "http://127.0.0.1/%s", f->path), "a URL");
	t.url = buf_slice(&url);
	buf_init(&b->heads[i], SETTINGS_BYTES_MAX);
	must(task_encode(&t, &b->heads[i]), "a task");
	buf_release(&url);
	buf_init(&b->answers[i], f->body.len + sizeof(ANSWER));
	must(buf_add(&b->answers[i], ANSWER, sizeof(ANSWER) - 1), "a head");
	must(buf_add(&b->answers[i], f->body.ptr, f->body.len), "a body");
}

static double
run_once(struct bench *b)
{
	double from = bench_cpu_s() * 1e6;

	b->links = b->result_bytes = 0;
	for (size_t i = 0; i < b->pages.files_len; i++) {
		struct pool_input in = {.context = 1,
		    .head = buf_slice(&b->heads[i]),
		    .body = buf_slice(&b->answers[i])};

		buf_clear(&b->out);
		must(parse_ops.run(b->state, &in, &b->out), b->pages.files[i].path);
		b->links += found_links_len(buf_slice(&b->out));
		b->result_bytes += b->out.len;
	}
	return bench_cpu_s() * 1e6 - from;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
tell(const struct bench *b, double *us, size_t rounds)
{
	double n = (double)b->pages.files_len;

	qsort(us, rounds, sizeof(*us), by_value);
	(void)printf("%zu pages of %.1f KB, %.1f links and %.0f bytes of result each\n"
		     "%.2f us a page (%.2f to %.2f)\n",
	    b->pages.files_len, (double)b->pages.bytes / n / 1e3, (double)b->links / n,
	    (double)b->result_bytes / n, us[rounds / 2] / n, us[0] / n,
	    us[rounds - 1] / n);
}

int
main(int argc, char **argv)
{
	static double us[ROUNDS_MAX];
	struct bench b = {0};
	long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : ROUNDS_DEFAULT;
	long megabytes = argc > 3 ? strtol(argv[3], NULL, 10) : MEGABYTES_DEFAULT;

	if (argc < 2 || argc > 5 || rounds < 1 || rounds > ROUNDS_MAX || megabytes < 1 ||
	    megabytes > 1024) {
		(void)fprintf(stderr,
		    "usage: bench_parse DIRECTORY [ROUNDS [MEGABYTES [archive]]]\n");
		return 2;
	}
	must(corpus_load(&b.pages, argv[1], ".html", (size_t)megabytes << 20), argv[1]);
	b.answers = calloc(b.pages.files_len, sizeof(*b.answers));
	b.heads = calloc(b.pages.files_len, sizeof(*b.heads));
	if (b.answers == NULL || b.heads == NULL)
		must(-ENOMEM, "pages");
	configure(&b);
	for (size_t i = 0; i < b.pages.files_len; i++)
		prepare(&b, i, argc > 4);
	buf_init(&b.out, RESULT_BYTES_MAX);
	for (long i = 0; i < rounds; i++)
		us[i] = run_once(&b);
	tell(&b, us, (size_t)rounds);
	for (size_t i = 0; i < b.pages.files_len; i++) {
		buf_release(&b.answers[i]);
		buf_release(&b.heads[i]);
	}
	buf_release(&b.out);
	parse_ops.fini(b.state);
	free(b.answers);
	free(b.heads);
	corpus_release(&b.pages);
	return 0;
}
