/* Where the store thread begins to read a queue: past what was taken away, and before all
 * that waits.  Over the real store, which is closed and opened again. */
#include "crawl/committer.h"
#include "crawl/crawl_internal.h"
#include "crawl/scope.h"
#include "frontier/hostcount.h"
#include "frontier/keys.h"
#include "frontier/order.h"
#include "store/backend.h"
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store_dir.h"

enum { SEED = 7, HOSTS = 2, ITEMS_MAX = 20000, A_MAIL = 200, DEPTH_BITS = 5 };

/* A store that hands on to another one, and notes where it was last read from. */
struct spy {
	struct store store;
	struct store *inner;
	struct env *env;
};

struct item { /* a URL; its place tells its text */
	bool waits;
	uint16_t depth;
	uint64_t key;
};

struct env {
	struct loop *loop;
	const char *dir, *order;
	struct committer *committer;
	struct spy *spy;
	uint64_t after; /* of the last scan of a host's queue */
	struct item items[ITEMS_MAX];
	uint32_t items_len;
	uint64_t random;
	struct commit m;
};

/* ---- the store between ---- */

static void
spy_close(struct store *s)
{
	struct spy *spy = container_of(s, struct spy, store);

	store_close(spy->inner);
	spy->env->spy = NULL;
	free(spy);
}

static int
spy_get(struct store *s, enum store_table t, struct slice key, struct buf *value)
{
	return store_get(container_of(s, struct spy, store)->inner, t, key, value);
}

static int
spy_scan(struct store *s, enum store_table t, struct slice prefix, struct slice after,
    uint32_t max, store_scan_fn *fn, void *ctx)
{
	struct spy *spy = container_of(s, struct spy, store);
	uint64_t authority;

	if (t == STORE_QUEUE && prefix.len == KEY_HOST_BYTES)
		assert_true(key_parse(after, &authority, &spy->env->after));
	return store_scan(spy->inner, t, prefix, after, max, fn, ctx);
}

static int
spy_apply(struct store *s, const struct store_batch *b, bool sync, struct why *why)
{
	struct store *inner = container_of(s, struct spy, store)->inner;

	return inner->backend->apply(inner, b, sync, why); /* store.c empties it */
}

static const struct store_backend spy_backend = {.name = "spy",
    .close = spy_close,
    .get = spy_get,
    .scan = spy_scan,
    .apply = spy_apply};

/* ---- the committer ---- */

static void
on_reply(void *ctx, struct commit *m)
{
	struct env *e = ctx;

	if (m->err < 0)
		fail_msg("%s", m->why.text);
	loop_stop(e->loop);
}

static void
ask(struct env *e)
{
	assert_int_equal(committer_send(e->committer, &e->m), 0);
	assert_int_equal(loop_run(e->loop), 0);
}

static void
start(struct env *e)
{
	static const char *const seeds[] = {"http://h0.test/"};
	struct store_conf store = {.dir = e->dir, .mode = STORE_MAKE};
	struct committer_conf conf = {.loop = e->loop,
	    .dir = e->dir,
	    .durable = true,
	    .sink = {.dir = e->dir,
		.job = "job",
		.robots = "obey",
		.software = "trawl",
		.run_id = {1, 2}},
	    .order = order_find(slice_cstr(e->order)),
	    .commit_ms = 1000,
	    .commit_bytes = 32 << 20,
	    .mails_max = 8,
	    .ctx = e,
	    .on_reply = on_reply};
	struct why why = {""};
	struct options o;
	struct buf scope;
	int r;

	e->spy = calloc(1, sizeof(*e->spy));
	assert_non_null(e->spy);
	e->spy->store.backend = &spy_backend;
	e->spy->env = e;
	assert_int_equal(store_open("rocksdb", &store, &e->spy->inner, &why), 0);
	r = saved_get(e->spy->inner, &conf.saved, &why);
	if (r == -ENOENT) {
		conf.saved =
		    (struct saved){.hash_seed = SEED, .seq = 1, .round.number = 1};
		(void)snprintf(
		    conf.saved.order, sizeof(conf.saved.order), "%s", e->order);
	} else {
		assert_int_equal(r, 0);
	}
	conf.store = &e->spy->store;
	buf_init(&scope, 1 << 20);
	assert_int_equal(options_init(&o), 0);
	assert_int_equal(scope_settings(&o, seeds, 1, SEED, &scope, &why), 0);
	o.limits_traps = false;
	crawl_traps_conf(&o, &conf.traps);
	conf.scope_settings = buf_slice(&scope);
	if (committer_new(&conf, &e->committer, &why) < 0)
		fail_msg("%s", why.text);
	options_release(&o);
	buf_release(&scope);
}

/* What was not committed is lost. */
static void
kill_it(struct env *e)
{
	committer_free(e->committer);
	e->committer = NULL;
}

static void
stop(struct env *e)
{
	commit_init(&e->m, COMMIT_CLOSE, e);
	e->m.end = CRAWL_STOPPED;
	ask(e);
	commit_release(&e->m);
	kill_it(e);
}

static int
up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	e->dir = store_dir_new();
	e->order = "bfs";
	*state = e;
	return loop_new_virtual(INT64_C(1767225600000000), &e->loop);
}

static int
down(void **state)
{
	struct env *e = *state;

	committer_free(e->committer);
	loop_free(e->loop);
	free(e);
	store_dir_remove();
	return 0;
}

/* ---- URLs ---- */

struct text {
	char bytes[64];
};

static struct slice
text_of(uint32_t i, struct text *t)
{
	(void)snprintf(t->bytes, sizeof(t->bytes), "http://h%u.test/%u", i % HOSTS, i);
	return slice_cstr(t->bytes);
}

static struct urlrec
rec_of(const struct env *e, uint32_t i, struct text *t)
{
	struct urlrec rec = {.depth = e->items[i].depth,
	    .kind = LINK_A,
	    .key = e->items[i].key,
	    .url = text_of(i, t),
	    .hops = SLICE_LIT("L")};

	rec.url_hash = url_hash(rec.url, SEED);
	rec.authority_hash = url_hash(urlrec_authority(&rec), SEED);
	return rec;
}

static uint64_t
host_of(uint32_t host)
{
	struct env none = {0};
	struct text t;

	return rec_of(&none, host, &t).authority_hash;
}

/* A link was found to each of the next `n` URLs of all hosts in turn. */
static void
discover(struct env *e, uint32_t n, uint16_t depth)
{
	static struct found_link links[A_MAIL];
	static struct text texts[A_MAIL];

	assert_true(n <= A_MAIL && e->items_len + n <= ITEMS_MAX);
	commit_init(&e->m, COMMIT_LINKS, e);
	for (uint32_t i = 0; i < n; i++) {
		struct urlrec rec = rec_of(e, e->items_len + i, &texts[i]);

		links[i] = (struct found_link){.kind = LINK_A,
		    .depth = depth,
		    .authority_hash = rec.authority_hash,
		    .url_hash = rec.url_hash,
		    .url = rec.url};
	}
	e->m.links = links;
	e->m.links_len = n;
	ask(e);
	assert_int_equal(e->m.fresh_len, n);
	for (uint32_t i = 0; i < n; i++)
		e->items[e->items_len++] = (struct item){
		    .waits = true, .depth = depth, .key = e->m.fresh[i].key};
	commit_release(&e->m);
}

static void
settle(struct env *e, uint32_t i, bool again)
{
	struct text t;
	struct urlrec rec = rec_of(e, i, &t);

	assert_true(e->items[i].waits);
	commit_init(&e->m, again ? COMMIT_ATTEMPT : COMMIT_DONE, e);
	e->m.rec = &rec;
	e->m.event = (struct sink_event){.kind = SINK_FETCH,
	    .outcome = again ? OUTCOME_CONNECT_FAILURE : OUTCOME_OK,
	    .link = LINK_A,
	    .final = !again,
	    .status = again ? 0 : 200,
	    .attempts = 1,
	    .url = rec.url};
	ask(e);
	e->items[i].waits = again;
	commit_release(&e->m);
}

static void
raise_to(struct env *e, uint32_t i, uint64_t key)
{
	uint64_t old = e->items[i].key;
	struct urlrec rec;
	struct text t;

	e->items[i].key = key;
	rec = rec_of(e, i, &t);
	commit_init(&e->m, COMMIT_RAISE, e);
	assert_int_equal(commit_raised(&e->m, &rec, old), 0);
	ask(e);
	commit_release(&e->m);
}

/* ---- what is there ---- */

struct whole {
	struct env *e;
	uint64_t keys[ITEMS_MAX];
	uint32_t len;
	bool load; /* into the items */
};

static bool
on_there(void *ctx, struct slice key, struct slice value)
{
	struct whole *w = ctx;
	uint64_t authority;
	struct urlrec rec;
	unsigned host, i;
	char text[64];

	assert_true(key_parse(key, &authority, &w->keys[w->len++]));
	assert_int_equal(urlrec_decode(value, &rec), 0);
	(void)snprintf(text, sizeof(text), SLICE_FMT, SLICE_ARG(rec.url));
	assert_int_equal(sscanf(text, "http://h%u.test/%u", &host, &i), 2);
	if (w->load)
		w->e->items[i] =
		    (struct item){.waits = true, .depth = rec.depth, .key = rec.key};
	assert_true(w->e->items[i].waits && w->e->items[i].key == rec.key);
	return true;
}

/* All of a host's queue, whatever its mark says. */
static void
read_whole(struct env *e, uint32_t host, bool load, struct whole *ret)
{
	uint32_t waiting = 0;
	struct key k;

	*ret = (struct whole){.e = e, .load = load};
	key_make(&k, host_of(host), 0);
	assert_int_equal(store_scan(e->spy->inner, STORE_QUEUE, key_host(&k),
			     (struct slice){0}, UINT32_MAX, on_there, ret),
	    0);
	for (uint32_t i = host; i < e->items_len; i += HOSTS)
		waiting += e->items[i].waits;
	assert_int_equal(ret->len, waiting);
}

static uint64_t
stored_low(struct env *e, uint32_t host)
{
	struct host_key_text k;
	uint64_t n, low = 0;
	struct buf value;

	buf_init(&value, 64);
	if (store_get(e->spy->inner, STORE_HOST,
		host_key(&k, HOST_KEY_COUNT, host_of(host)), &value) == 0)
		assert_int_equal(hostcount_decode(buf_slice(&value), &n, &low), 0);
	buf_release(&value);
	return low;
}

/* What is read of a queue behind `after` is all that is there; *ret_after: where the store was read
 * from first. */
static void
expect_all(struct env *e, uint32_t host, uint64_t after, uint64_t *ret_after)
{
	struct whole *w = malloc(sizeof(*w));
	uint32_t at = 0;
	bool first = true, more = true;

	assert_non_null(w);
	while (more) {
		commit_init(&e->m, COMMIT_REFILL, e);
		e->m.want = (struct frontier_want){
		    .authority_hash = host_of(host), .after_key = after, .max = 512};
		ask(e);
		if (first) {
			*ret_after = e->after;
			read_whole(e, host, false, w); /* the batch was applied */
			while (at < w->len && w->keys[at] <= after)
				at++;
		}
		first = false;
		for (uint32_t i = 0; i < e->m.fresh_len; i++) {
			assert_true(at < w->len);
			assert_int_equal(e->m.fresh[i].key, w->keys[at++]);
			after = e->m.fresh[i].key;
		}
		more = e->m.more;
		commit_release(&e->m);
	}
	assert_int_equal(at, w->len);
	assert_true(w->len == 0 || stored_low(e, host) <= w->keys[0]);
	free(w);
}

/* ---- the tests ---- */

static void
what_was_taken_away_is_not_walked_over_again(void **state)
{
	struct env *e = *state;
	uint64_t after;

	start(e);
	for (int i = 0; i < 5; i++)
		discover(e, 200, 1);
	expect_all(e, 0, 0, &after);
	for (uint32_t i = 0; i < 800; i++)
		settle(e, i, false);
	/* Only what waits behind a window is asked for, as while a crawl goes on. */
	expect_all(e, 0, e->items[900].key, &after);
	settle(e, 800, false);
	expect_all(e, 0, e->items[900].key, &after);
	kill_it(e);
	start(e);
	expect_all(e, 0, 0, &after);
	assert_int_equal(after, e->items[800].key - 1);
	/* And once it was read from there, from the first that is there. */
	expect_all(e, 0, 0, &after);
	assert_int_equal(after, e->items[802].key - 1);
}

static void
a_record_with_a_key_before_the_mark_is_found(void **state)
{
	struct env *e = *state;
	uint64_t after;

	start(e);
	discover(e, 200, 9);
	for (uint32_t i = 0; i < 198; i++)
		settle(e, i, false);
	expect_all(e, 0, 0, &after);
	expect_all(e, 0, 0, &after);
	assert_int_equal(after, e->items[198].key - 1);
	discover(e, 2, 3);
	expect_all(e, 0, 0, &after);
	assert_int_equal(after, e->items[200].key - 1);
	/* One that goes before others; the mark is stored with it, whatever else is. */
	raise_to(e, 198, 1000);
	expect_all(e, 0, e->items[200].key, &after);
	assert_int_equal(stored_low(e, 0), 1000);
	kill_it(e);
	start(e);
	expect_all(e, 0, 0, &after);
	assert_int_equal(after, 999);
	settle(e, 198, true);
	expect_all(e, 0, 0, &after);
	assert_int_equal(after, 999);
}

static void
a_mark_that_was_never_stored_is_not_missed(void **state)
{
	struct env *e = *state;
	uint64_t after;

	start(e);
	for (int i = 0; i < 2; i++)
		discover(e, 200, 1);
	expect_all(e, 0, 0, &after);
	for (uint32_t i = 0; i < 300; i++)
		settle(e, i, false);
	kill_it(e); /* with all that was taken away */
	start(e);
	expect_all(e, 0, 0, &after);
	assert_int_equal(after, e->items[0].key - 1);
}

static void
a_host_that_an_older_version_counted_is_read_from_its_head(void **state)
{
	struct env *e = *state;
	struct host_key_text k;
	struct store_batch *b;
	uint64_t n = htole64(50), after;

	start(e);
	discover(e, 200, 1);
	for (uint32_t i = 0; i < 100; i++)
		settle(e, i, false);
	expect_all(e, 0, 0, &after);
	assert_int_equal(store_batch_new(1 << 10, &b), 0);
	assert_int_equal(
	    store_batch_put(b, STORE_HOST, host_key(&k, HOST_KEY_COUNT, host_of(0)),
		slice_of((const char *)&n, sizeof(n))),
	    0);
	assert_int_equal(store_apply(e->spy->inner, b, true, NULL), 0);
	store_batch_free(b);
	kill_it(e);
	start(e);
	expect_all(e, 0, 0, &after);
	assert_int_equal(after, 0);
	expect_all(e, 0, 0, &after);
	assert_int_equal(after, e->items[100].key - 1);
	settle(e, 198, false);
	expect_all(e, 0, 0, &after);
	assert_int_equal(stored_low(e, 0), e->items[100].key);
}

/* ---- whatever happens ---- */

static uint32_t
draw(struct env *e, uint32_t n)
{
	e->random = e->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(e->random >> 33) % n;
}

/* In the order of their keys, mostly; or anywhere. */
static void
settle_some(struct env *e, uint32_t n)
{
	bool in_order = draw(e, 4) > 0;

	for (; n > 0; n--) {
		uint32_t at = UINT32_MAX, from = draw(e, e->items_len);

		for (uint32_t i = 0; i < e->items_len; i++) {
			uint32_t j = (from + i) % e->items_len;

			if (e->items[j].waits &&
			    (at == UINT32_MAX ||
				(in_order && e->items[j].key < e->items[at].key)))
				at = j;
		}
		if (at == UINT32_MAX)
			return;
		settle(e, at, draw(e, 16) == 0);
	}
}

static void
raise_some(struct env *e, uint32_t n)
{
	for (; n > 0; n--) {
		uint32_t i = draw(e, e->items_len);
		uint64_t key =
		    e->items[i].key - (1 + draw(e, 1u << 20)) * (UINT64_C(1) << 24);

		if (e->items[i].waits && key < e->items[i].key && key > 0)
			raise_to(e, i, key);
	}
}

static void
again(struct env *e, bool killed)
{
	struct whole *w = malloc(sizeof(*w));

	assert_non_null(w);
	if (killed)
		kill_it(e);
	else
		stop(e);
	start(e);
	for (uint32_t i = 0; i < e->items_len && killed; i++)
		e->items[i].waits = false;
	for (uint32_t h = 0; h < HOSTS; h++)
		read_whole(e, h, killed, w);
	free(w);
}

static void
any_order_of_events(struct env *e, const char *order)
{
	uint64_t after;

	e->order = order;
	start(e);
	discover(e, 100, 4);
	for (int i = 0; i < 300; i++) {
		uint32_t host = draw(e, HOSTS), what = draw(e, 16);

		if (what < 4 && e->items_len + A_MAIL <= ITEMS_MAX)
			discover(e, 1 + draw(e, A_MAIL - 1), (uint16_t)(2 + draw(e, 4)));
		else if (what < 9)
			settle_some(e, draw(e, 150));
		else if (what < 10)
			raise_some(e, draw(e, 4));
		else if (what < 12)
			expect_all(e, host, e->items[draw(e, e->items_len)].key, &after);
		else if (what < 14)
			expect_all(e, host, 0, &after);
		else
			again(e, what == 15);
	}
	for (uint32_t h = 0; h < HOSTS; h++)
		expect_all(e, h, 0, &after);
}

static void
whatever_happens_all_that_waits_is_found(void **state)
{
	static const char *const orders[] = {"bfs", "dfs", "priority"};
	struct env *e = *state;

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		e->random = i + 1;
		any_order_of_events(e, orders[i]);
		kill_it(e);
		e->items_len = 0;
		e->dir = store_dir_new();
	}
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, up, down)
	const struct CMUnitTest tests[] = {
	    TEST(what_was_taken_away_is_not_walked_over_again),
	    TEST(a_record_with_a_key_before_the_mark_is_found),
	    TEST(a_mark_that_was_never_stored_is_not_missed),
	    TEST(a_host_that_an_older_version_counted_is_read_from_its_head),
	    TEST(whatever_happens_all_that_waits_is_found),
	};

	return cmocka_run_group_tests_name("crawl/queue head", tests, NULL, NULL);
}
