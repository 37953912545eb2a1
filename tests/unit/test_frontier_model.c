/*
 * A frontier and a store, driven at random, against a model that knows of every URL where
 * it is.  Discovery, hand-out, answers of every kind, retries, commits and refills come
 * in any mixture; what the store does reaches the frontier later, but in the store's
 * order.
 *
 * Held at every step: nothing is lost, nothing comes twice, per_host and the delay are
 * kept, Retry-After is kept, robots.txt is asked first and obeyed, and queued + in flight
 * + ended = added.
 */
#include "frontier_rig.h"

#include "frontier/keys.h"
#include "store/store.h"

enum { HOSTS = 9, URLS = 1200, FLIGHTS_MAX = 64, MESSAGES_MAX = 4096, REFILL_MAX = 12 };

enum where { NOWHERE, ON_ITS_WAY, WAITING, FLYING, COOKING, DELETED, FINAL };

struct flight {
	struct urlrec *rec; /* NULL: robots.txt */
	uint64_t host;
	int64_t start, end;
};

struct message {
	enum { ADD, SETTLED, REFILL } kind;
	uint64_t id, host, after;
	struct urlrec *recs[REFILL_MAX];
	size_t n;
	bool more;
};

struct host {
	char authority[16];
	uint32_t in_flight;
	int64_t last_start, last_end, not_before;
	bool robots_out, denies;
};

struct sim {
	struct rig rig;
	uint64_t seed;
	bool settles;
	struct store *store;
	struct store_batch *batch;
	enum where where[URLS];
	struct urlrec *rec[URLS]; /* as discovered */
	uint64_t discovered, added, ended, waiting, flying, turns;
	struct host host[HOSTS];
	struct flight flights[FLIGHTS_MAX];
	size_t flights_len;
	struct message messages[MESSAGES_MAX];
	size_t first, last;
};

static uint64_t
rng(struct sim *s, uint64_t below)
{
	uint64_t z = (s->seed += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % below;
}

static void
check(struct sim *s)
{
	struct frontier_stats stats = rig_stats(&s->rig);

	assert_int_equal(stats.queued, s->waiting);
	assert_int_equal(stats.in_flight, s->flying);
	assert_int_equal(stats.queued + stats.in_flight + s->ended, s->added);
}

static struct message *
post(struct sim *s, int kind)
{
	struct message *m = &s->messages[s->last++ % MESSAGES_MAX];

	assert_true(s->last - s->first <= MESSAGES_MAX);
	*m = (struct message){0};
	m->kind = (unsigned)kind;
	return m;
}

/* ---- the store's side ---- */

static void
store_put(struct sim *s, const struct urlrec *r)
{
	struct buf value;
	struct key k;

	buf_init(&value, 1 << 16);
	assert_int_equal(urlrec_encode(r, &value), 0);
	key_make(&k, r->authority_hash, r->key);
	assert_int_equal(
	    store_batch_put(s->batch, STORE_QUEUE, key_whole(&k), buf_slice(&value)), 0);
	buf_release(&value);
}

static void
discover(struct sim *s)
{
	uint64_t id = s->discovered, h;
	char url[64];
	struct urlrec r;

	if (id == URLS || s->last - s->first > MESSAGES_MAX / 2)
		return;
	s->discovered++;
	/* Few hosts have much, so that windows overflow. */
	h = rng(s, 3) > 0 ? rng(s, 2) : rng(s, HOSTS);
	(void)snprintf(url, sizeof(url), "%s/%s/%d", s->host[h].authority,
	    id % 5 == 0 ? "private" : "x", (int)id);
	r = rig_rec(&s->rig, url, (uint16_t)rng(s, 4), (int16_t)((int)rng(s, 256) - 128));
	s->rec[id] = urlrec_new(&r);
	assert_non_null(s->rec[id]);
	store_put(s, &r);
	s->where[id] = ON_ITS_WAY;
	post(s, ADD)->id = id;
}

static void
commit(struct sim *s)
{
	struct key k;

	for (uint64_t id = 0; id < s->discovered; id++) {
		if (s->where[id] != COOKING || rng(s, 3) == 0)
			continue;
		key_make(&k, s->rec[id]->authority_hash, s->rec[id]->key);
		assert_int_equal(
		    store_batch_delete(s->batch, STORE_QUEUE, key_whole(&k)), 0);
		s->where[id] = DELETED;
	}
	assert_int_equal(store_apply(s->store, s->batch, true, NULL), 0);
	for (uint64_t id = 0; id < s->discovered; id++) {
		if (s->where[id] != DELETED)
			continue;
		s->where[id] = FINAL;
		if (s->settles)
			post(s, SETTLED)->id = id;
	}
}

static bool
collect(void *ctx, struct slice key, struct slice value)
{
	struct message *m = ctx;
	struct urlrec r;
	uint64_t host, low;

	assert_true(key_parse(key, &host, &low));
	assert_int_equal(urlrec_decode(value, &r), 0);
	assert_int_equal(r.authority_hash, host);
	assert_int_equal(r.key, low);
	m->recs[m->n] = urlrec_new(&r);
	assert_non_null(m->recs[m->n]);
	m->n++;
	return true;
}

static void
answer_wants(struct sim *s)
{
	struct frontier_want want;
	struct message *m;
	struct key k;
	uint32_t max;

	if (s->last - s->first > MESSAGES_MAX / 2)
		return;
	if (!frontier_wants(s->rig.f, &want))
		return;
	m = post(s, REFILL);
	m->host = want.authority_hash;
	m->after = want.after_key;
	max = 1 + (uint32_t)rng(s, REFILL_MAX);
	key_make(&k, want.authority_hash, want.after_key);
	assert_int_equal(store_scan(s->store, STORE_QUEUE, key_host(&k), key_whole(&k),
			     max, collect, m),
	    0);
	m->more = m->n == max;
}

static void
deliver_refill(struct sim *s, struct message *m)
{
	struct urlrec recs[REFILL_MAX];

	for (size_t i = 0; i < m->n; i++)
		recs[i] = *m->recs[i];
	assert_int_equal(
	    frontier_refill(s->rig.f, m->host, m->after, recs, m->n, m->more, s->rig.now),
	    0);
	for (size_t i = 0; i < m->n; i++)
		urlrec_free(m->recs[i]);
}

static void
deliver(struct sim *s)
{
	struct message *m;

	if (s->first == s->last)
		return;
	m = &s->messages[s->first++ % MESSAGES_MAX];
	switch (m->kind) {
	case ADD:
		assert_int_equal(frontier_add(s->rig.f, s->rec[m->id], s->rig.now), 0);
		assert_int_equal(s->where[m->id], ON_ITS_WAY);
		s->where[m->id] = WAITING;
		s->added++;
		s->waiting++;
		break;
	case SETTLED:
		frontier_settled(
		    s->rig.f, s->rec[m->id]->authority_hash, s->rec[m->id]->key);
		break;
	case REFILL:
		deliver_refill(s, m);
		break;
	}
}

/* ---- the engine's side ---- */

static uint64_t
host_of(const struct sim *s, uint64_t authority_hash)
{
	for (uint64_t h = 0; h < HOSTS; h++)
		if (rig_hash(s->host[h].authority) == authority_hash)
			return h;
	fail();
	return 0;
}

static uint64_t
id_of(const struct urlrec *r)
{
	struct slice rest = r->url, part = {0};
	uint64_t id = URLS;

	while (slice_cut(&rest, '/', &part))
		continue;
	assert_true(slice_to_u64(part, &id));
	assert_true(id < URLS);
	return id;
}

static void
start(struct sim *s, uint64_t h, struct urlrec *rec)
{
	const struct frontier_conf *conf = &s->rig.conf;
	struct host *host = &s->host[h];
	int64_t now = s->rig.now;

	host->in_flight++;
	assert_true(host->in_flight <= conf->per_host);
	assert_true(now >= host->not_before);
	if (conf->delay_ms > 0 && conf->per_host == 1)
		assert_true(now - host->last_end > conf->delay_ms);
	if (conf->delay_ms > 0)
		assert_true(now - host->last_start > conf->delay_ms);
	host->last_start = now;
	assert_true(s->flights_len < FLIGHTS_MAX);
	s->flights[s->flights_len++] = (struct flight){
	    .rec = rec, .host = h, .start = now, .end = now + (int64_t)rng(s, 300)};
}

static void
turn(struct sim *s)
{
	struct frontier_turn *t = &s->rig.turn;
	uint64_t id, h;

	if (s->flights_len == FLIGHTS_MAX)
		return;
	if (rig_next(&s->rig) == FRONTIER_IDLE)
		return;
	s->turns++;
	h = host_of(s, t->authority_hash);
	if (t->kind == FRONTIER_ROBOTS) {
		assert_int_equal(s->host[h].in_flight, 0);
		assert_string_equal(t->authority, s->host[h].authority);
		s->host[h].robots_out = true;
		start(s, h, NULL);
		return;
	}
	id = id_of(t->rec);
	assert_int_equal(s->where[id], WAITING);
	assert_int_equal(t->rec->key, s->rec[id]->key);
	s->waiting--;
	if (t->kind == FRONTIER_REFUSED) {
		if (t->outcome == OUTCOME_ROBOTS_DENIED)
			assert_true(s->host[h].denies && id % 5 == 0);
		s->where[id] = COOKING;
		s->ended++;
		urlrec_free(t->rec);
		return;
	}
	assert_false(s->host[h].robots_out);
	assert_false(s->host[h].denies && id % 5 == 0);
	s->where[id] = FLYING;
	s->flying++;
	start(s, h, t->rec);
}

static void
report(struct sim *s, const struct flight *f, struct frontier_report rep)
{
	struct host *host = &s->host[f->host];

	rep.took_ms = s->rig.now - f->start;
	host->in_flight--;
	if (!rep.not_asked)
		host->last_end = s->rig.now;
	else if (s->rig.conf.per_host == 1)
		host->last_start = host->last_end; /* as if it had not been */
	if (rep.status == 429 && rep.retry_after_ms > 0)
		host->not_before = s->rig.now + rep.retry_after_ms;
	rig_report(&s->rig, host->authority, &rep);
}

static void
verdict(struct sim *s, uint64_t h, enum frontier_robots what)
{
	s->host[h].robots_out = false;
	if (what != FRONTIER_ROBOTS_UNREACHABLE)
		s->host[h].denies = what == FRONTIER_ROBOTS_RULES;
	rig_robots(&s->rig, s->host[h].authority, what,
	    what == FRONTIER_ROBOTS_RULES ? "User-agent: *\nDisallow: /private/\n"
					  : NULL);
}

static void
robots_end(struct sim *s, const struct flight *f)
{
	const struct {
		enum frontier_robots what;
		struct frontier_report rep;
	} ends[] = {
	    {FRONTIER_ROBOTS_RULES,
		{.outcome = OUTCOME_OK, .status = 200, .retry_after_ms = -1}},
	    {FRONTIER_ROBOTS_ALLOW,
		{.outcome = OUTCOME_HTTP_4XX, .status = 404, .retry_after_ms = -1}},
	    {FRONTIER_ROBOTS_UNREACHABLE,
		{.outcome = OUTCOME_HTTP_5XX, .status = 500, .retry_after_ms = -1}},
	    {FRONTIER_ROBOTS_UNREACHABLE,
		{.outcome = OUTCOME_DNS_FAILURE, .status = 0, .retry_after_ms = -1}},
	};
	uint64_t i = rng(s, 10) < 7 ? rng(s, 2) : 2 + rng(s, 2);
	bool verdict_first = rng(s, 2) == 0;

	if (verdict_first)
		verdict(s, f->host, ends[i].what);
	report(s, f, ends[i].rep);
	if (!verdict_first)
		verdict(s, f->host, ends[i].what);
}

static void
again(struct sim *s, struct urlrec *rec)
{
	int64_t at = s->rig.now + (int64_t)rng(s, 3) * (int64_t)rng(s, 2000);

	rec->attempts++;
	store_put(s, rec);
	s->where[id_of(rec)] = WAITING;
	s->waiting++;
	assert_int_equal(frontier_retry(s->rig.f, rec, at, WAIT_RETRY, s->rig.now), 0);
}

static void
url_end(struct sim *s, const struct flight *f)
{
	static const struct frontier_report ends[] = {
	    {.outcome = OUTCOME_HTTP_5XX, .status = 500, .retry_after_ms = -1},
	    {.outcome = OUTCOME_HTTP_4XX, .status = 429, .retry_after_ms = -1},
	    {.outcome = OUTCOME_HTTP_4XX, .status = 429, .retry_after_ms = 5000},
	    {.outcome = OUTCOME_CONNECT_FAILURE, .status = 0, .retry_after_ms = -1},
	    {.outcome = OUTCOME_TIMEOUT_STALL, .status = 0, .retry_after_ms = -1},
	    {.outcome = OUTCOME_CANCELLED, .retry_after_ms = -1, .not_asked = true},
	};
	const struct frontier_report ok = {
	    .outcome = OUTCOME_OK, .status = 200, .retry_after_ms = -1};
	uint64_t id = id_of(f->rec), i = rng(s, 20);

	s->flying--;
	s->where[id] = COOKING;
	report(s, f, i < 6 ? ends[i] : ok);
	if (i < 6 && f->rec->attempts < 4) {
		again(s, f->rec);
		return;
	}
	s->ended++;
	urlrec_free(f->rec);
}

static void
end_flight(struct sim *s)
{
	for (size_t i = 0; i < s->flights_len; i++) {
		struct flight f = s->flights[i];

		if (f.end > s->rig.now)
			continue;
		s->flights[i] = s->flights[--s->flights_len];
		if (f.rec == NULL)
			robots_end(s, &f);
		else
			url_end(s, &f);
		return;
	}
}

/* To when something can happen: the next turn or the end of a flight. */
static void
leap(struct sim *s)
{
	int64_t to;

	if (s->first != s->last || s->flights_len == FLIGHTS_MAX)
		return;
	assert_int_equal(frontier_next(s->rig.f, s->rig.now, &s->rig.turn), 0);
	if (s->rig.turn.kind != FRONTIER_IDLE)
		fail_msg("the model leapt over a turn");
	to = s->rig.turn.due_ms;
	for (size_t i = 0; i < s->flights_len; i++)
		if (s->flights[i].end < to)
			to = s->flights[i].end;
	if (to != INT64_MAX && to > s->rig.now)
		s->rig.now = to;
}

static void
step(struct sim *s)
{
	switch (rng(s, 12)) {
	case 0:
	case 1:
	case 2:
		discover(s);
		break;
	case 3:
	case 4:
	case 5:
		deliver(s);
		break;
	case 6:
		if (rng(s, 10) == 0)
			commit(s);
		break;
	case 7:
	case 8:
		turn(s);
		break;
	case 9:
		answer_wants(s);
		break;
	case 10:
		end_flight(s);
		break;
	default:
		s->rig.now += (int64_t)rng(s, 60);
		break;
	}
	check(s);
}

/* Whatever can be done is done; time passes only when nothing can. */
static void
drain_step(struct sim *s)
{
	uint64_t turns = s->turns;

	while (s->first != s->last)
		deliver(s);
	answer_wants(s);
	end_flight(s);
	turn(s);
	check(s);
	if (s->turns != turns)
		return;
	commit(s);
	while (s->first != s->last)
		deliver(s);
	turn(s);
	if (s->turns == turns && s->flights_len < FLIGHTS_MAX)
		leap(s);
}

static void
run(const struct frontier_conf *conf, uint64_t seed, bool settles)
{
	static struct sim s;
	uint64_t final = 0;

	memset(&s, 0, sizeof(s));
	rig_start(&s.rig, conf);
	s.seed = seed;
	s.settles = settles;
	assert_int_equal(store_open("memory", NULL, &s.store, NULL), 0);
	assert_int_equal(store_batch_new(64 << 20, &s.batch), 0);
	for (uint64_t h = 0; h < HOSTS; h++) {
		(void)snprintf(s.host[h].authority, sizeof(s.host[h].authority),
		    "http://h%d", (int)h);
		s.host[h].last_start = s.host[h].last_end = -1000000;
	}
	for (int i = 0; i < 8000; i++)
		step(&s);
	for (int i = 0; s.ended < s.discovered; i++) {
		assert_true(i < 100000);
		drain_step(&s);
	}
	for (int i = 0; i < 50; i++)
		commit(&s), deliver(&s);
	for (uint64_t id = 0; id < s.discovered; id++)
		final += s.where[id] == FINAL;
	assert_true(s.discovered > URLS / 2);
	assert_int_equal(final, s.discovered);
	assert_int_equal(s.flights_len, 0);
	while (s.first != s.last)
		deliver(&s);
	check(&s);
	for (uint64_t id = 0; id < s.discovered; id++)
		urlrec_free(s.rec[id]);
	store_batch_free(s.batch);
	store_close(s.store);
	rig_stop(&s.rig);
}

static struct frontier_conf
model_conf(const char *order, uint32_t per_host, int64_t delay_ms, uint32_t window_max)
{
	struct frontier_conf conf = rig_conf();

	conf.order = order_find(slice_cstr(order));
	conf.robots = true;
	conf.per_host = per_host;
	conf.delay_ms = delay_ms;
	conf.window_max = window_max;
	conf.memory_bytes = per_host == 1 ? 4096 : 0; /* so that resting hosts let go */
	conf.robots_ttl_ms = 20000;
	conf.dead_after = 4;
	conf.sessions_max = per_host == 1 ? 3 : 0;
	conf.sessions_ready = 2;
	return conf;
}

static void
breadth_first_with_a_delay(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct frontier_conf conf = model_conf("bfs", 1, 40, 8);

		run(&conf, seed, seed % 2 == 0);
	}
}

static void
depth_first_with_several_in_flight(void **state)
{
	(void)state;
	for (uint64_t seed = 21; seed <= 28; seed++) {
		struct frontier_conf conf = model_conf("dfs", 3, 25, 6);

		run(&conf, seed, seed % 2 == 0);
	}
}

static void
priorities_with_the_least_window(void **state)
{
	(void)state;
	for (uint64_t seed = 41; seed <= 48; seed++) {
		struct frontier_conf conf = model_conf("priority", 2, 0, 2);

		run(&conf, seed, seed % 2 == 0);
	}
}

static void
an_adaptive_delay_without_robots(void **state)
{
	(void)state;
	for (uint64_t seed = 61; seed <= 68; seed++) {
		struct frontier_conf conf = model_conf("priority", 4, -1, 16);

		conf.robots = false;
		conf.dead_after = 0; /* never */
		run(&conf, seed, seed % 2 == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(breadth_first_with_a_delay),
	    cmocka_unit_test(depth_first_with_several_in_flight),
	    cmocka_unit_test(priorities_with_the_least_window),
	    cmocka_unit_test(an_adaptive_delay_without_robots),
	};

	return cmocka_run_group_tests_name("frontier/model", tests, NULL, NULL);
}
