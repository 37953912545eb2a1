/*
 * tests/bench/bench_discover.c -- discovered links a second of CPU, one in ten new, from 1
 * to 20 million URLs, through the store thread (crawl/committer.h) on RocksDB; then what
 * it costs to open all that again, and to read.
 *
 *   bench_discover DIR [millions [rows [MiB]]]	MiB: --max-memory, 512
 *
 * The links of a page come with its outcome, as from a crawl; no archive is written.  The
 * time is that of the store thread and those of RocksDB: all of the process but the main
 * thread, which makes up the links.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crawl/committer.h"
#include "crawl/crawl_internal.h"
#include "crawl/options.h"
#include "crawl/scope.h"
#include "frontier/keys.h"
#include "frontier/order.h"
#include "frontier/seen.h"
#include "store/store.h"
#include "web/url.h"

enum {
	PAGE = 60,   /* links of a page, distinct */
	PAGES = 256, /* under way */
	HOSTS = 20000,
	FIRST = 1000, /* URLs that are there before the first page */
	DEPTH = 3,
	HASH_SEED = 1,
	HOST_BYTES = 120, /* state of a host that goes with a page */
	URL_MAX = 160,
};

struct text {
	uint16_t len;
	char ptr[URL_MAX];
};

struct page {
	struct commit commit;
	struct urlrec rec;
	struct text url, urls[PAGE];
	struct found_link links[PAGE];
	struct page *next_free;
};

/* Of all that was done so far. */
struct account {
	uint64_t links, urls;
	double cpu, wall, bytes;
};

struct bench {
	const char *dir;
	struct loop *loop;
	struct committer *committer;
	const struct order *order;
	struct page *pages, *free;
	uint32_t under_way;
	/* URL number i is the i-th that is discovered; below `done` are those that have
	 * their outcome. */
	uint64_t urls, done, random, most, row, next_row, links;
	struct account before;
	struct crawl_memory memory;
	struct shm *arena; /* stays empty */
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

/* Of this process, at most. */
static double
peak_mib(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_maxrss / 1024;
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

/* ---- making up pages ---- */

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

	*ret_authority = url_hash(urlrec_authority(&r), HASH_SEED);
	*ret_url = url_hash(r.url, HASH_SEED);
}

/* The committer numbers what it queues from 1 on. */
static uint64_t
key_of(const struct bench *b, uint64_t i)
{
	return b->order->key(&(struct urlrec){.depth = DEPTH, .kind = LINK_A}, i + 1);
}

static void
make_link(struct bench *b, struct text *url, struct found_link *l)
{
	uint64_t dice = mix(b->random++), i;

	if (dice % 10 == 0 || b->urls < FIRST)
		i = b->urls++;
	else if (dice % 10 < 6) /* what is around: the site's own */
		i = b->urls - 1 - (dice >> 8) % (b->urls < 20000 ? b->urls : 20000);
	else
		i = (dice >> 8) % b->urls;
	make_url(i, url);
	*l = (struct found_link){
	    .kind = LINK_A, .depth = DEPTH, .url = slice_of(url->ptr, url->len)};
	hash_url(url, &l->authority_hash, &l->url_hash);
}

/* The outcome of the oldest URL that waits, with its links; the first ones have no page. */
static void
make_page(struct bench *b, struct page *p)
{
	static const char host[HOST_BYTES];
	bool is_first = b->urls < FIRST;

	commit_init(&p->commit, is_first ? COMMIT_LINKS : COMMIT_DONE, p);
	for (uint32_t i = 0; i < PAGE; i++)
		make_link(b, &p->urls[i], &p->links[i]);
	p->commit.links = p->links;
	p->commit.links_len = PAGE;
	if (is_first)
		return;
	make_url(b->done, &p->url);
	p->rec = (struct urlrec){.depth = DEPTH,
	    .kind = LINK_A,
	    .key = key_of(b, b->done++),
	    .url = slice_of(p->url.ptr, p->url.len),
	    .hops = SLICE_LIT("LL")};
	hash_url(&p->url, &p->rec.authority_hash, &p->rec.url_hash);
	p->commit.rec = &p->rec;
	p->commit.asked = true;
	p->commit.authority_hash = p->rec.authority_hash;
	must(buf_add(&p->commit.host, host, sizeof(host)), NULL);
	p->commit.event = (struct sink_event){.kind = SINK_FETCH,
	    .outcome = OUTCOME_OK,
	    .link = LINK_A,
	    .response = true,
	    .final = true,
	    .status = 200,
	    .attempts = 1,
	    .links = PAGE,
	    .url = p->rec.url,
	    .mime = SLICE_LIT("text/html")};
}

/* ---- the run ---- */

static struct account
account(const struct bench *b)
{
	return (struct account){.links = b->links,
	    .urls = b->urls,
	    .cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID) - clock_s(CLOCK_THREAD_CPUTIME_ID),
	    .wall = clock_s(CLOCK_MONOTONIC),
	    .bytes = written()};
}

static void
print_row(struct bench *b)
{
	struct account now = account(b);
	double links = (double)(now.links - b->before.links);
	double urls = (double)(now.urls - b->before.urls);
	double cpu = now.cpu - b->before.cpu;

	(void)printf(
	    "%5.1f M URLs: %7.0f links/s of CPU, %7.0f links/s; %3.0f MiB; %4.1f %% "
	    "new, a new one %4.1f us and %4.0f bytes in all\n",
	    (double)now.urls / 1e6, links / cpu, links / (now.wall - b->before.wall),
	    peak_mib(), urls * 100 / links, cpu / urls * 1e6,
	    (now.bytes - b->before.bytes) / urls);
	(void)fflush(stdout);
	b->before = now;
	b->next_row += b->row;
}

static void
feed(struct bench *b)
{
	while (b->free != NULL && b->urls < b->most) {
		struct page *p = b->free;
		int r;

		b->free = p->next_free;
		make_page(b, p);
		r = committer_send(b->committer, &p->commit);
		must(r, &(struct why){"committer_send"});
		b->under_way++;
	}
	if (b->under_way > 0 || b->committer == NULL)
		return;
	b->pages[0].commit.kind = COMMIT_CLOSE;
	commit_init(&b->pages[0].commit, COMMIT_CLOSE, NULL);
	must(committer_send(b->committer, &b->pages[0].commit), NULL);
}

static void
on_reply(void *ctx, struct commit *c)
{
	struct page *p = c->owner;
	struct bench *b = ctx;

	must(c->err, &c->why);
	b->links += c->links_len;
	commit_release(c);
	if (c->kind == COMMIT_CLOSE) {
		loop_stop(b->loop);
		return;
	}
	p->next_free = b->free;
	b->free = p;
	b->under_way--;
	if (b->urls >= b->next_row)
		print_row(b);
	feed(b);
}

static void
open_committer(struct bench *b)
{
	static const char *const seeds[] = {"https://www.example.org/"};
	struct store_conf store = {
	    .dir = b->dir, .mode = STORE_MAKE, .memory_bytes = b->memory.store_bytes};
	struct committer_conf conf = {.loop = b->loop,
	    .saved = {.hash_seed = HASH_SEED, .seq = 1, .order = "bfs"},
	    .dir = b->dir,
	    .durable = true,
	    .sink = {.dir = b->dir,
		.job = "bench",
		.user_agent = "bench",
		.robots = "obey",
		.software = "bench",
		.run_id = {1, 2}},
	    .order = b->order,
	    .commit_ms = 1000,
	    .commit_bytes = 32 << 20,
	    .seen_bytes = b->memory.seen_bytes,
	    .seen_more_bytes = b->memory.seen_more_bytes,
	    .arena = b->arena,
	    .mails_max = PAGES + 1,
	    .ctx = b,
	    .on_reply = on_reply};
	struct why why = {""};
	struct options o;
	struct buf scope;

	buf_init(&scope, 1 << 20);
	must(options_init(&o), NULL);
	must(scope_settings(&o, seeds, 1, HASH_SEED, &scope, NULL), NULL);
	crawl_traps_conf(&o, &conf.traps);
	conf.scope_settings = buf_slice(&scope);
	must(store_open("rocksdb", &store, &conf.store, &why), &why);
	must(committer_new(&conf, &b->committer, &why), &why);
	options_release(&o);
	buf_release(&scope);
}

static void
run(struct bench *b)
{
	must(loop_new(&b->loop), NULL);
	must(shm_new(b->memory.arena_bytes, &b->arena, NULL), NULL);
	must(shm_lend(b->arena, b->memory.arena_lent_bytes), NULL);
	open_committer(b);
	b->pages = calloc(PAGES, sizeof(*b->pages));
	must(b->pages == NULL ? -ENOMEM : 0, NULL);
	for (size_t i = 0; i < PAGES; i++) {
		b->pages[i].next_free = b->free;
		b->free = &b->pages[i];
	}
	b->before = account(b);
	feed(b);
	must(loop_run(b->loop), &(struct why){"loop_run"});
	committer_free(b->committer);
	loop_free(b->loop);
	free(b->pages);
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
bench_refill(const struct bench *b, struct store *store, bool from_head)
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
		must(store_scan(store, STORE_QUEUE, key_host(&k), after, RECORDS,
			 on_record, &records),
		    store_why(store));
	}
	wall = clock_s(CLOCK_MONOTONIC) - wall;
	cpu = clock_s(CLOCK_THREAD_CPUTIME_ID) - cpu;
	(void)printf("%s: %.0f us of CPU a host (%.0f us), %.0f records each\n",
	    from_head ? "heads of queues" : "refills", cpu / HOSTS_ASKED * 1e6,
	    wall / HOSTS_ASKED * 1e6, (double)records / HOSTS_ASKED);
}

/* URLs from `first` on, below `most`. */
static void
bench_get(struct store *store, const char *what, uint64_t first, uint64_t most)
{
	enum { GETS = 20000 };
	double wall = clock_s(CLOCK_MONOTONIC), cpu = clock_s(CLOCK_THREAD_CPUTIME_ID);
	uint64_t found = 0;
	struct buf value;

	buf_init(&value, 4096);
	for (uint64_t i = 0; i < GETS; i++) {
		uint64_t authority, hash;
		struct text text;
		struct key k;

		make_url(first + mix(i) % (most - first), &text);
		hash_url(&text, &authority, &hash);
		key_make(&k, authority, hash);
		found += store_get(store, STORE_SEEN, key_whole(&k), &value) == 0;
	}
	wall = clock_s(CLOCK_MONOTONIC) - wall;
	cpu = clock_s(CLOCK_THREAD_CPUTIME_ID) - cpu;
	(void)printf("%s: %.1f us of CPU a look-up (%.0f us), %.0f %% found\n", what,
	    cpu / GETS * 1e6, wall / GETS * 1e6, (double)found * 100 / GETS);
	buf_release(&value);
}

static int
lend(void *ctx, int64_t bytes)
{
	if (bytes >= 0)
		return shm_lend(ctx, (uint64_t)bytes);
	shm_return(ctx, (uint64_t)-bytes);
	return 0;
}

/* From the log; then once more, from the store, as if the log were damaged. */
static void
bench_seen(const struct bench *b, struct store *store, bool from_log)
{
	char state[4096];
	struct seen_conf conf = {.dir = state,
	    .store = store,
	    .memory_bytes_max = b->memory.seen_bytes,
	    .more = lend,
	    .ctx = b->arena,
	    .more_bytes_max = (int64_t)b->memory.seen_more_bytes};
	double wall = clock_s(CLOCK_MONOTONIC), cpu = clock_s(CLOCK_THREAD_CPUTIME_ID);
	struct why why = {""};
	struct buf mark;
	struct seen *s;

	(void)snprintf(state, sizeof(state), "%s/state", b->dir);
	buf_init(&mark, 1024);
	must(store_get(store, STORE_META, SLICE_LIT("seen"), &mark), NULL);
	if (!from_log)
		mark.ptr[mark.len - 1] ^= 1;
	conf.mark = buf_slice(&mark);
	must(seen_open(&conf, &s, &why), &why);
	wall = clock_s(CLOCK_MONOTONIC) - wall;
	cpu = clock_s(CLOCK_THREAD_CPUTIME_ID) - cpu;
	(void)printf("what was seen, from %s: %.2f s of CPU (%.2f s)%s\n",
	    from_log ? "seen.log" : "the store", cpu, wall,
	    from_log == (seen_mended(s) == NULL) ? "" : " ???");
	seen_close(s);
	buf_release(&mark);
}

static void
read_all(const struct bench *b)
{
	struct store_conf conf = {
	    .dir = b->dir, .mode = STORE_EXIST, .memory_bytes = b->memory.store_bytes};
	double wall = clock_s(CLOCK_MONOTONIC), cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID);
	struct why why = {""};
	struct store *store;

	must(store_open("rocksdb", &conf, &store, &why), &why);
	(void)printf("store opened: %.2f s of CPU (%.2f s)\n",
	    clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu, clock_s(CLOCK_MONOTONIC) - wall);
	bench_seen(b, store, true);
	bench_refill(b, store, false);
	bench_refill(b, store, true);
	bench_get(store, "URLs seen", 0, b->urls);
	bench_get(store, "URLs not seen", b->urls, 2 * b->urls);
	bench_seen(b, store, false);
	store_close(store);
}

int
main(int argc, char **argv)
{
	uint64_t rows = argc > 3 ? strtoull(argv[3], NULL, 10) : 10;
	const struct options o = {
	    .limits_max_memory = (argc > 4 ? strtoll(argv[4], NULL, 10) : 512) << 20};
	struct bench b = {.order = order_find(SLICE_LIT("bfs"))};

	if (argc < 2 || rows == 0) {
		(void)fprintf(stderr, "bench_discover DIR [millions [rows [MiB]]]\n");
		return 2;
	}
	b.dir = argv[1];
	b.memory = crawl_memory(&o);
	b.most = (argc > 2 ? strtoull(argv[2], NULL, 10) : 20) * 1000000;
	b.row = b.next_row = b.most / rows;
	if (mkdir(b.dir, 0777) != 0 && errno != EEXIST)
		must(-errno, &(struct why){"cannot make the directory"});
	run(&b);
	read_all(&b);
	shm_free_all(b.arena);
	return 0;
}
