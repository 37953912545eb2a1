/*
 * tests/bench/bench_discover.c -- discovered links a second of CPU, one in ten new, from 1
 * to 20 million URLs: what the store thread does with a page and its links (the set of
 * seen URLs, for new ones the records of both tables, for the page its outcome), with its
 * group commits, on RocksDB; and then what reading costs.
 *
 *   bench_discover DIR [millions [rows [memory MiB]]]
 *
 * The time is that of all threads, RocksDB's included, without that of making up the
 * links.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "frontier/keys.h"
#include "frontier/order.h"
#include "frontier/seen.h"
#include "frontier/urlrec.h"
#include "store/store.h"
#include "web/url.h"

enum {
	PAGE = 60,    /* links of a page, distinct */
	PAGES = 5000, /* between two group commits: about a second's */
	HOSTS = 20000,
	URL_MAX = 160,
	BATCH_MAX = 256 << 20,
};

struct text {
	uint16_t len;
	char ptr[URL_MAX];
};

struct link {
	uint64_t authority_hash, url_hash;
	struct text url;
};

struct page {
	struct text url;
	uint64_t authority_hash, url_hash, key; /* of the queue */
	struct link links[PAGE];
};

struct bench {
	struct store *store;
	struct store_batch *batch;
	struct seen *seen;
	const struct order *order;
	struct buf scratch;
	struct page *pages;
	uint64_t urls, seq, done, random;
	double making_s; /* CPU */
};

static double
clock_s(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Bytes that this process wrote to files. */
static double
written(void)
{
	FILE *f = fopen("/proc/self/io", "re");
	unsigned long long in, out = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "rchar: %llu wchar: %llu", &in, &out) != 2)
		out = 0;
	(void)fclose(f);
	return (double)out;
}

static void
must(int r, const struct why *why)
{
	if (r >= 0)
		return;
	(void)fprintf(
	    stderr, "bench_discover: %d: %s\n", r, why == NULL ? "" : why->text);
	exit(1);
}

static uint64_t
mix(uint64_t i)
{
	uint64_t z = (i + 1) * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* URL number i: its host and its path follow from the number. */
static void
make_url(uint64_t i, struct text *to)
{
	uint64_t h = mix(i / 50) % HOSTS; /* fifty in a row on one host */

	to->len = (uint16_t)snprintf(to->ptr, URL_MAX,
	    "https://www.host-%llu.example.org/%s/%llu/"
	    "a-page-with-a-longish-name-%llx.html",
	    (unsigned long long)h, i % 3 == 0 ? "articles" : "shop/products",
	    (unsigned long long)(i % 97), (unsigned long long)i);
}

static void
hash_url(const struct text *url, uint64_t *ret_authority, uint64_t *ret_url)
{
	const struct urlrec r = {.url = slice_of(url->ptr, url->len)};

	*ret_authority = url_hash(urlrec_authority(&r), 1);
	*ret_url = url_hash(r.url, 1);
}

/* The order's key of URL number i, for they are discovered in this order. */
static uint64_t
key_of(const struct bench *b, uint64_t i)
{
	return b->order->key(&(struct urlrec){.depth = 3, .kind = LINK_A}, i);
}

static void
make_link(struct bench *b, struct link *l)
{
	uint64_t dice = mix(b->random++), url;

	if (dice % 10 == 0 || b->urls < 1000)
		url = b->urls++;
	else if (dice % 10 < 6) /* what is around: the site's own */
		url = b->urls - 1 - (dice >> 8) % (b->urls < 20000 ? b->urls : 20000);
	else
		url = (dice >> 8) % b->urls;
	make_url(url, &l->url);
	hash_url(&l->url, &l->authority_hash, &l->url_hash);
}

static void
make_pages(struct bench *b)
{
	double t = clock_s(CLOCK_THREAD_CPUTIME_ID);

	for (size_t i = 0; i < PAGES; i++) {
		struct page *p = &b->pages[i];

		make_url(b->done, &p->url);
		hash_url(&p->url, &p->authority_hash, &p->url_hash);
		p->key = key_of(b, b->done++);
		for (size_t j = 0; j < PAGE; j++)
			make_link(b, &p->links[j]);
	}
	b->making_s += clock_s(CLOCK_THREAD_CPUTIME_ID) - t;
}

/* From here on as in crawl/committer.c. */
static void
put_seen(struct bench *b, uint64_t authority_hash, uint64_t url_hash, enum outcome o)
{
	char value = (char)o;
	struct key k;

	key_make(&k, authority_hash, url_hash);
	must(store_batch_put(b->batch, STORE_SEEN, key_whole(&k), slice_of(&value, 1)),
	    NULL);
}

static void
put_new(struct bench *b, const struct page *p, const struct link *l)
{
	struct urlrec r = {.authority_hash = l->authority_hash,
	    .url_hash = l->url_hash,
	    .depth = 3,
	    .kind = LINK_A,
	    .url = slice_of(l->url.ptr, l->url.len),
	    .via = slice_of(p->url.ptr, p->url.len),
	    .hops = SLICE_LIT("LLL")};
	struct key k;

	put_seen(b, l->authority_hash, l->url_hash, OUTCOME_NONE);
	r.key = key_of(b, b->seq++);
	key_make(&k, l->authority_hash, r.key);
	buf_clear(&b->scratch);
	must(urlrec_encode(&r, &b->scratch), NULL);
	must(
	    store_batch_put(b->batch, STORE_QUEUE, key_whole(&k), buf_slice(&b->scratch)),
	    NULL);
}

static void
page_done(struct bench *b, const struct page *p)
{
	const struct link *links = p->links;
	struct key k;

	key_make(&k, p->authority_hash, p->key);
	must(store_batch_delete(b->batch, STORE_QUEUE, key_whole(&k)), NULL);
	must(seen_set(b->seen, p->url_hash, OUTCOME_OK), NULL);
	put_seen(b, p->authority_hash, p->url_hash, OUTCOME_OK);
	for (int i = 0; i < PAGE; i++)
		seen_hint(b->seen, links[i].url_hash);
	for (int i = 0; i < PAGE; i++) {
		enum outcome was;
		enum seen_add ret;

		must(seen_add(b->seen, links[i].authority_hash, links[i].url_hash,
			 OUTCOME_NONE, &ret, &was),
		    NULL);
		if (ret == SEEN_NEW)
			put_new(b, p, &links[i]);
	}
}

static void
group_commit(struct bench *b)
{
	struct why why = {""};

	must(seen_sync(b->seen, &why), &why);
	buf_clear(&b->scratch);
	must(seen_mark(b->seen, &b->scratch), NULL);
	must(store_batch_put(
		 b->batch, STORE_META, SLICE_LIT("seen"), buf_slice(&b->scratch)),
	    NULL);
	must(store_apply(b->store, b->batch, true, &why), &why);
	seen_committed(b->seen);
}

static void
open_all(struct bench *b, const char *dir, uint64_t memory_bytes)
{
	struct store_conf store = {
	    .dir = dir, .mode = STORE_MAKE, .memory_bytes = memory_bytes};
	struct seen_conf seen = {.dir = dir};
	struct why why = {""};

	if (mkdir(dir, 0777) != 0 && errno != EEXIST)
		must(-errno, &(struct why){"mkdir"});
	must(store_open("rocksdb", &store, &b->store, &why), &why);
	must(store_batch_new(BATCH_MAX, &b->batch), NULL);
	seen.store = b->store;
	must(seen_open(&seen, &b->seen, &why), &why);
	b->order = order_find(SLICE_LIT("bfs"));
	b->pages = calloc(PAGES, sizeof(*b->pages));
	must(b->pages == NULL ? -ENOMEM : 0, NULL);
	buf_init(&b->scratch, 1 << 20);
}

/* Of this process, at most. */
static double
peak_mib(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_maxrss / 1024;
}

/* ---- reading ---- */

static bool
on_record(void *ctx, struct slice key, struct slice value)
{
	(void)key;
	(void)value;
	++*(uint64_t *)ctx;
	return true;
}

/* The head of a host's queue, as when a crawl is resumed; and what lies behind a record
 * that waits, as when a window is filled. */
static void
bench_refill(struct bench *b, bool from_head)
{
	enum { HOSTS_ASKED = 1000, RECORDS = 512 };
	double wall = clock_s(CLOCK_MONOTONIC), cpu = clock_s(CLOCK_THREAD_CPUTIME_ID);
	uint64_t records = 0;

	for (uint64_t i = 0; i < HOSTS_ASKED; i++) {
		uint64_t url = b->done + mix(i) % (b->urls - b->done), authority, hash;
		struct slice after = {0};
		struct text text;
		struct key k;

		make_url(url, &text);
		hash_url(&text, &authority, &hash);
		key_make(&k, authority, key_of(b, url));
		if (!from_head)
			after = key_whole(&k);
		must(store_scan(b->store, STORE_QUEUE, key_host(&k), after, RECORDS,
			 on_record, &records),
		    store_why(b->store));
	}
	wall = clock_s(CLOCK_MONOTONIC) - wall;
	cpu = clock_s(CLOCK_THREAD_CPUTIME_ID) - cpu;
	(void)printf("%s: %.0f us of CPU a host (%.0f us), %.0f records each\n",
	    from_head ? "heads of queues" : "refills", cpu / HOSTS_ASKED * 1e6,
	    wall / HOSTS_ASKED * 1e6, (double)records / HOSTS_ASKED);
}

/* URLs below `most` are in the store, others are not. */
static void
bench_get(struct bench *b, const char *what, uint64_t first, uint64_t most)
{
	enum { GETS = 20000 };
	double wall = clock_s(CLOCK_MONOTONIC), cpu = clock_s(CLOCK_THREAD_CPUTIME_ID);
	uint64_t found = 0;

	for (uint64_t i = 0; i < GETS; i++) {
		uint64_t authority, hash;
		struct text text;
		struct key k;

		make_url(first + mix(i) % (most - first), &text);
		hash_url(&text, &authority, &hash);
		key_make(&k, authority, hash);
		found += store_get(b->store, STORE_SEEN, key_whole(&k), &b->scratch) == 0;
	}
	wall = clock_s(CLOCK_MONOTONIC) - wall;
	cpu = clock_s(CLOCK_THREAD_CPUTIME_ID) - cpu;
	(void)printf("%s: %.1f us of CPU a look-up (%.0f us), %.0f %% found\n", what,
	    cpu / GETS * 1e6, wall / GETS * 1e6, (double)found * 100 / GETS);
}

int
main(int argc, char **argv)
{
	uint64_t most = (argc > 2 ? strtoull(argv[2], NULL, 10) : 20) * 1000000;
	uint64_t rows = argc > 3 ? strtoull(argv[3], NULL, 10) : 20;
	uint64_t memory = (argc > 4 ? strtoull(argv[4], NULL, 10) : 0) << 20;
	struct bench b = {.urls = 0};
	uint64_t links = 0, urls = 0, next = most / rows;
	double cpu, wall, bytes;

	if (argc < 2) {
		(void)fprintf(stderr, "bench_discover DIR [millions [rows [MiB]]]\n");
		return 2;
	}
	open_all(&b, argv[1], memory);
	cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID);
	wall = clock_s(CLOCK_MONOTONIC);
	bytes = written();
	while (b.urls < most) {
		make_pages(&b);
		for (size_t i = 0; i < PAGES; i++)
			page_done(&b, &b.pages[i]);
		group_commit(&b);
		links += (uint64_t)PAGES * PAGE;
		if (b.urls < next)
			continue;
		cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu - b.making_s;
		wall = clock_s(CLOCK_MONOTONIC) - wall - b.making_s;
		(void)printf("%5.1f M URLs: %7.0f links/s of CPU, %7.0f links/s; %3.0f "
			     "MiB; %4.1f %% "
			     "new, a new one %4.1f us and %4.0f bytes in all\n",
		    (double)b.urls / 1e6, (double)links / cpu, (double)links / wall,
		    peak_mib(), (double)(b.urls - urls) * 100 / (double)links,
		    cpu / (double)(b.urls - urls) * 1e6,
		    (written() - bytes) / (double)(b.urls - urls));
		(void)fflush(stdout);
		cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID);
		wall = clock_s(CLOCK_MONOTONIC);
		bytes = written();
		b.making_s = 0;
		links = 0;
		urls = b.urls;
		next += most / rows;
	}
	bench_refill(&b, false);
	bench_refill(&b, true);
	bench_get(&b, "URLs seen", 0, b.urls);
	bench_get(&b, "URLs not seen", b.urls, 2 * b.urls);
	seen_close(b.seen);
	store_batch_free(b.batch);
	store_close(b.store);
	buf_release(&b.scratch);
	free(b.pages);
	return 0;
}
