/*
 * tests/bench/bench_frontier.c -- what a URL costs in the frontier and the memory store,
 * without anything else: microseconds a call, bytes a URL.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "frontier/frontier.h"
#include "frontier/keys.h"
#include "store/store.h"
#include "web/url.h"

enum { URLS = 300000, HOSTS_MAX = 100000 };

static uint64_t
mix(uint64_t i)
{
	uint64_t z = (i + 1) * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void
must(int r)
{
	if (r == 0)
		return;
	(void)fprintf(stderr, "bench_frontier: error %d\n", r);
	exit(1);
}

static void
add_all(struct frontier *f, const struct order *order, uint64_t hosts, int64_t now)
{
	char url[96];

	for (uint64_t i = 0; i < URLS; i++) {
		uint64_t h = i % hosts;
		struct urlrec r = {.kind = LINK_A,
		    .via = SLICE_LIT("http://host.example.org/index.html"),
		    .hops = SLICE_LIT("LL"),
		    .depth = (uint16_t)(i * 3 / URLS),
		    .authority_hash = mix(h)};

		(void)snprintf(url, sizeof(url), "http://host%u.example.org/a/path/to/%u",
		    (unsigned)h, (unsigned)i);
		r.url = slice_cstr(url);
		r.key = order->key(&r, i);
		must(frontier_add(f, &r, now));
	}
}

static void
take_all(struct frontier *f, int64_t now)
{
	const struct frontier_report ok = {
	    .outcome = OUTCOME_OK, .status = 200, .retry_after_ms = -1};
	struct frontier_turn turn;

	for (uint64_t n = 0; n < URLS;) {
		must(frontier_next(f, now, &turn));
		if (turn.kind == FRONTIER_IDLE) {
			now = turn.due_ms;
			continue;
		}
		n++;
		frontier_done(f, turn.authority_hash, &ok, now);
		frontier_settled(f, turn.authority_hash, turn.rec->key);
		urlrec_free(turn.rec);
	}
}

static void
bench_frontier(const char *order, uint64_t hosts, int64_t delay_ms)
{
	const struct frontier_conf conf = {.order = order_find(slice_cstr(order)),
	    .per_host = 1,
	    .delay_ms = delay_ms,
	    .window_max = URLS,
	    .dead_after = 5};
	struct frontier_stats stats;
	struct frontier *f;
	int64_t t[3];

	must(frontier_new(&conf, &f));
	t[0] = clock_mono_us();
	add_all(f, conf.order, hosts, 1000);
	t[1] = clock_mono_us();
	frontier_stats(f, 1000, &stats);
	take_all(f, 1000);
	t[2] = clock_mono_us();
	(void)printf("frontier %-8s %6u hosts, delay %2d ms: add %.2f us, next and done "
		     "%.2f us, %u bytes a URL\n",
	    order, (unsigned)hosts, (int)delay_ms, (double)(t[1] - t[0]) / URLS,
	    (double)(t[2] - t[1]) / URLS, (unsigned)(stats.memory_bytes / URLS));
	frontier_free(f);
}

static void
bench_store(uint64_t n)
{
	static const char value[64];
	struct store_batch *b;
	struct buf got;
	struct store *s;
	struct key k;
	int64_t t[3];

	must(store_open("memory", NULL, &s, NULL));
	must(store_batch_new(1 << 20, &b));
	buf_init(&got, sizeof(value));
	t[0] = clock_mono_us();
	for (uint64_t i = 0; i < n; i++) {
		key_make(&k, mix(i % 1000), mix(i));
		must(store_batch_put(
		    b, STORE_SEEN, key_whole(&k), slice_of(value, sizeof(value))));
		if (i % 1000 == 999)
			must(store_apply(s, b, true, NULL));
	}
	must(store_apply(s, b, true, NULL));
	t[1] = clock_mono_us();
	for (uint64_t i = 0; i < n; i++) {
		key_make(&k, mix(i % 1000), mix(i));
		must(store_get(s, STORE_SEEN, key_whole(&k), &got));
	}
	t[2] = clock_mono_us();
	(void)printf("store    %8u keys: put %.2f us, get %.2f us\n", (unsigned)n,
	    (double)(t[1] - t[0]) / (double)n, (double)(t[2] - t[1]) / (double)n);
	buf_release(&got);
	store_batch_free(b);
	store_close(s);
}

int
main(void)
{
	static const char *const orders[] = {"bfs", "dfs", "priority"};

	for (size_t i = 0; i < 3; i++) {
		bench_frontier(orders[i], 1, 0);
		bench_frontier(orders[i], 10000, 0);
		bench_frontier(orders[i], 10000, 10);
		bench_frontier(orders[i], HOSTS_MAX, 10);
	}
	for (uint64_t n = 1000; n <= 1000000; n *= 10)
		bench_store(n);
	return 0;
}
