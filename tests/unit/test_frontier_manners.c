/* What crawls of one process share: authorities, addresses, sites. */
#include "frontier/manners.h"
#include <time.h>

#include "frontier_rig.h"

enum { TTL_MS = 60000 };

/* Frontiers over the same manners. */
struct crew {
	struct manners *m;
	struct rig a, b;
	int woken_a, woken_b;
};

static void
wake(void *ctx)
{
	++*(int *)ctx;
}

static void
crew_start_as(struct crew *c, struct frontier_conf a, struct frontier_conf b)
{
	assert_int_equal(manners_new(&c->m), 0);
	c->woken_a = c->woken_b = 0;
	a.manners = b.manners = c->m;
	a.on_change = b.on_change = wake;
	a.on_change_ctx = &c->woken_a;
	b.on_change_ctx = &c->woken_b;
	rig_start(&c->a, &a);
	rig_start(&c->b, &b);
}

static void
crew_start(struct crew *c, struct frontier_conf conf)
{
	crew_start_as(c, conf, conf);
}

static void
crew_stop(struct crew *c)
{
	rig_stop(&c->a);
	rig_stop(&c->b);
	manners_free(c->m);
}

/* Another one in its place. */
static void
crew_renew_a(struct crew *c)
{
	rig_start(&c->a, &c->b.conf);
	c->a.now = c->b.now;
}

static void
crew_pass(struct crew *c, int64_t ms)
{
	c->a.now += ms;
	c->b.now += ms;
}

static struct frontier_conf
conf_of(uint32_t per_ip)
{
	struct frontier_conf conf = rig_conf();

	conf.per_ip = per_ip;
	conf.names_max = 100;
	return conf;
}

/* The next turn that is not for a name; a host's address is its first letter. */
static enum frontier_turn_kind
turn(struct rig *rig)
{
	while (rig_next(rig) == FRONTIER_NAME)
		frontier_name(rig->f, rig->turn.authority_hash,
		    (uint64_t)(unsigned char)rig->turn.authority[7], TTL_MS, rig->now);
	if (rig->turn.rec != NULL) {
		(void)snprintf(rig->turn.authority, sizeof(rig->turn.authority),
		    SLICE_FMT, SLICE_ARG(urlrec_authority(rig->turn.rec)));
		urlrec_free(rig->turn.rec);
	}
	return rig->turn.kind;
}

static void
expect_turn(struct rig *rig, const char *authority)
{
	assert_int_equal(turn(rig), FRONTIER_URL);
	assert_string_equal(rig->turn.authority, authority);
}

static void
expect_none(struct rig *rig)
{
	assert_int_equal(turn(rig), FRONTIER_IDLE);
}

static void
an_address_at_its_limit_holds_its_hosts_and_no_others(void **state)
{
	struct frontier_conf conf = conf_of(2);
	struct frontier_stats s;
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a1/");
	rig_add(&rig, "http://a2/");
	rig_add(&rig, "http://a3/");
	rig_add(&rig, "http://b1/");
	expect_turn(&rig, "http://a1");
	expect_turn(&rig, "http://a2");
	expect_turn(&rig, "http://b1");
	expect_none(&rig);
	assert_int_equal(rig.turn.due_ms, INT64_MAX);
	rig.now += 70;
	s = rig_stats(&rig);
	assert_int_equal(s.waiting_now[WAIT_PER_IP_CAP], 1);
	assert_int_equal(s.wait_ms[WAIT_PER_IP_CAP], 70);
	rig_ok(&rig, "http://b1", 70);
	expect_none(&rig);
	rig_ok(&rig, "http://a2", 70);
	expect_turn(&rig, "http://a3");
	rig_stop(&rig);
}

static void
whoever_came_first_is_let_in_first(void **state)
{
	struct frontier_conf conf = conf_of(1);
	char url[32], host[32];
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	for (int i = 0; i < 20; i++) {
		(void)snprintf(url, sizeof(url), "http://a%d/1", i);
		rig_add(&rig, url);
		(void)snprintf(url, sizeof(url), "http://a%d/2", i);
		rig_add(&rig, url);
	}
	/* Two rounds: nobody comes a second time before all had their first. */
	for (int i = 0; i < 40; i++) {
		(void)snprintf(host, sizeof(host), "http://a%d", i % 20);
		expect_turn(&rig, host);
		expect_none(&rig);
		rig_ok(&rig, host, 0);
	}
	rig_stop(&rig);
}

static void
a_host_that_comes_later_does_not_pass_those_who_wait(void **state)
{
	struct frontier_conf conf = conf_of(1);
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a1/");
	rig_add(&rig, "http://a2/");
	expect_turn(&rig, "http://a1");
	expect_none(&rig);
	rig_ok(&rig, "http://a1", 0);
	rig_add(&rig, "http://a3/"); /* before a2 made use of its place */
	expect_turn(&rig, "http://a2");
	expect_none(&rig);
	rig_ok(&rig, "http://a2", 0);
	expect_turn(&rig, "http://a3");
	rig_stop(&rig);
}

/* With priorities a host that was let in may never be the first: it loses its place. */
static void
a_place_that_nobody_uses_goes_to_the_next(void **state)
{
	struct frontier_conf conf = conf_of(1);
	struct crew c;

	(void)state;
	crew_start(&c, conf);
	rig_add(&c.a, "http://a1/");
	expect_turn(&c.a, "http://a1");
	rig_add(&c.a, "http://a2/");
	expect_none(&c.a);
	rig_add(&c.b, "http://a3/");
	expect_none(&c.b);
	rig_ok(&c.a, "http://a1", 0); /* a2 may; its crawl is held and does not ask */
	expect_none(&c.b);
	assert_int_equal(c.b.turn.due_ms, c.b.now + 1000);
	crew_pass(&c, 1000);
	expect_turn(&c.b, "http://a3");
	expect_none(&c.a);
	rig_ok(&c.b, "http://a3", 0);
	assert_int_not_equal(c.woken_a, 0);
	expect_turn(&c.a, "http://a2");
	crew_stop(&c);
}

static void
a_site_has_a_limit_of_its_own(void **state)
{
	struct frontier_conf conf = conf_of(0);
	struct frontier_stats s;
	struct rig rig;

	(void)state;
	conf.per_site = 2;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://www.example.co.uk/");
	rig_add(&rig, "https://shop.example.co.uk:8443/");
	rig_add(&rig, "http://example.co.uk/");
	rig_add(&rig, "http://other.co.uk/");
	rig_add(&rig, "http://[2001:db8::1]/");
	rig_add(&rig, "http://[2001:db8::2]:81/");
	expect_turn(&rig, "http://www.example.co.uk");
	expect_turn(&rig, "https://shop.example.co.uk:8443");
	expect_turn(&rig, "http://other.co.uk");
	expect_turn(&rig, "http://[2001:db8::1]");
	expect_turn(&rig, "http://[2001:db8::2]:81");
	expect_none(&rig);
	s = rig_stats(&rig);
	assert_int_equal(s.waiting_now[WAIT_PER_SITE_CAP], 1);
	rig_ok(&rig, "http://www.example.co.uk", 0);
	expect_turn(&rig, "http://example.co.uk");
	rig_stop(&rig);
}

/* What is under way still loads the old address. */
static void
a_host_that_moves_drains_first(void **state)
{
	struct frontier_conf conf = conf_of(2);
	struct frontier_report moved = {
	    .outcome = OUTCOME_OK, .status = 200, .retry_after_ms = -1, .address = 'b'};
	struct rig rig;

	(void)state;
	conf.per_host = 2;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a1/1");
	rig_add(&rig, "http://a1/2");
	rig_add(&rig, "http://a1/3");
	expect_turn(&rig, "http://a1");
	expect_turn(&rig, "http://a1");
	rig_report(&rig, "http://a1", &moved);
	expect_none(&rig);
	rig_ok(&rig, "http://a1", 0);
	expect_turn(&rig, "http://a1");
	/* And there it counts. */
	rig_add(&rig, "http://b1/");
	rig_add(&rig, "http://b2/");
	expect_turn(&rig, "http://b1");
	expect_none(&rig);
	rig_stop(&rig);
}

static void
a_host_waits_for_its_name_and_asks_again_when_that_is_old(void **state)
{
	struct frontier_conf conf = conf_of(1);
	struct frontier_stats s;
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a1/1");
	rig_add(&rig, "http://a1/2");
	rig_add(&rig, "http://a1/3");
	assert_int_equal(rig_next(&rig), FRONTIER_NAME);
	assert_string_equal(rig.turn.authority, "http://a1");
	rig_expect_idle(&rig, INT64_MAX);
	rig.now += 40;
	s = rig_stats(&rig);
	assert_int_equal(s.wait_ms[WAIT_DNS], 40);
	assert_int_equal(s.in_flight, 0);
	frontier_name(rig.f, rig_hash("http://a1"), 'a', 1000, rig.now);
	rig_expect_url(&rig, "http://a1/1");
	rig_ok(&rig, "http://a1", 0);
	rig_expect_url(&rig, "http://a1/2");
	rig.now += 1000;
	rig_ok(&rig, "http://a1", 0);
	/* No address any more: one request is made all the same, and says so itself. */
	assert_int_equal(rig_next(&rig), FRONTIER_NAME);
	frontier_name(rig.f, rig_hash("http://a1"), 0, 0, rig.now);
	rig_expect_url(&rig, "http://a1/3");
	rig_stop(&rig);
}

static void
so_many_names_are_asked_for_at_once(void **state)
{
	struct frontier_conf conf = conf_of(1);
	struct frontier_stats s;
	char url[32];
	struct rig rig;

	(void)state;
	conf.names_max = 3;
	rig_start(&rig, &conf);
	for (int i = 0; i < 10; i++) {
		(void)snprintf(url, sizeof(url), "http://%c/", 'a' + i);
		rig_add(&rig, url);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(rig_next(&rig), FRONTIER_NAME);
	rig_expect_idle(&rig, INT64_MAX);
	rig.now += 10;
	s = rig_stats(&rig);
	assert_int_equal(s.waiting_now[WAIT_DNS], 10);
	assert_int_equal(s.wait_ms[WAIT_DNS], 100);
	frontier_name(rig.f, rig_hash("http://b"), 'b', TTL_MS, rig.now);
	/* A URL of the one, the name of another, in any order, and no more. */
	for (int i = 0; i < 2; i++) {
		enum frontier_turn_kind kind = rig_next(&rig);

		assert_true(kind == FRONTIER_URL || kind == FRONTIER_NAME);
		urlrec_free(rig.turn.rec);
	}
	rig_expect_idle(&rig, INT64_MAX);
	rig_stop(&rig);
}

static void
a_name_that_was_known_does_not_wait_behind_those_that_are_not(void **state)
{
	struct frontier_conf conf = conf_of(0);
	struct rig rig;

	(void)state;
	conf.names_max = 1;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://good/1");
	rig_add(&rig, "http://good/2");
	expect_turn(&rig, "http://good");
	rig_ok(&rig, "http://good", 0);
	rig.now += TTL_MS; /* too old now */
	rig_add(&rig, "http://dead1/");
	rig_add(&rig, "http://dead2/");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rig_next(&rig), FRONTIER_NAME);
		if (strcmp(rig.turn.authority, "http://good") == 0)
			frontier_name(
			    rig.f, rig_hash("http://good"), 'g', TTL_MS, rig.now);
	}
	rig_expect_url(&rig, "http://good/2");
	rig_expect_idle(&rig, INT64_MAX);
	rig_stop(&rig);
}

/* An event costs the same with 100,000 hosts: none of them is looked at but those that it
 * concerns. */
static void
a_hundred_thousand_hosts_wait_at_one_address_for_nothing(void **state)
{
	enum { HOSTS = 100000, EVENTS = 20000 };
	struct frontier_conf conf = conf_of(4);
	struct frontier_turn t;
	char url[32];
	clock_t began;
	struct rig rig;
	uint32_t asked = 0;

	(void)state;
	conf.names_max = 1000;
	conf.delay_ms = 0;
	rig_start(&rig, &conf);
	for (int i = 0; i < HOSTS; i++) {
		struct urlrec r;

		(void)snprintf(url, sizeof(url), "http://a%d/", i);
		r = rig_rec(&rig, url, 0, 0);
		assert_int_equal(frontier_add(rig.f, &r, rig.now), 0);
	}
	began = clock();
	for (;;) {
		assert_int_equal(frontier_next(rig.f, rig.now, &t), 0);
		if (t.kind == FRONTIER_NAME) {
			frontier_name(rig.f, t.authority_hash, 1, TTL_MS, rig.now);
		} else if (t.kind == FRONTIER_URL) {
			const struct frontier_report ok = {
			    .outcome = OUTCOME_OK, .status = 200, .retry_after_ms = -1};

			urlrec_free(t.rec);
			if (++asked == EVENTS)
				break;
			if (asked > 3)
				frontier_done(rig.f, t.authority_hash, &ok, rig.now);
		} else {
			assert_int_equal(t.due_ms, rig.now);
		}
	}
	/* Some microseconds each; walking over the hosts would take minutes. */
	assert_true((clock() - began) / CLOCKS_PER_SEC < 20);
	frontier_check(rig.f);
	frontier_free(rig.f);
}

/* ---- two crawls ---- */

static void
one_host_is_asked_by_one_crawl_at_a_time(void **state)
{
	struct crew c;

	(void)state;
	crew_start(&c, rig_conf());
	rig_add(&c.a, "http://h/1");
	rig_add(&c.b, "http://h/2");
	expect_turn(&c.a, "http://h");
	expect_none(&c.b);
	crew_pass(&c, 50);
	c.woken_b = 0;
	rig_ok(&c.a, "http://h", 50);
	assert_int_not_equal(c.woken_b, 0);
	expect_turn(&c.b, "http://h");
	crew_stop(&c);
}

static void
a_delay_counts_from_the_request_of_another_crawl(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct crew c;

	(void)state;
	conf.delay_ms = 500;
	crew_start(&c, conf);
	rig_add(&c.a, "http://h/1");
	expect_turn(&c.a, "http://h");
	crew_pass(&c, 50);
	rig_ok(&c.a, "http://h", 50);
	rig_add(&c.b, "http://h/2");
	rig_expect_idle(&c.b, 501);
	crew_pass(&c, 501);
	expect_turn(&c.b, "http://h");
	crew_stop(&c);
}

/* Not by the crawl whose turn it will be then. */
static void
what_a_host_waits_for_is_told_to_all_crawls_by_its_cause(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier_stats a, b;
	struct crew c;

	(void)state;
	conf.delay_ms = 1000;
	crew_start(&c, conf);
	rig_add(&c.a, "http://h/1");
	rig_add(&c.a, "http://h/2");
	rig_add(&c.b, "http://h/3");
	expect_turn(&c.a, "http://h");
	rig_ok(&c.a, "http://h", 0);
	expect_none(&c.b);
	expect_none(&c.a);
	crew_pass(&c, 1000);
	a = rig_stats(&c.a);
	b = rig_stats(&c.b);
	assert_int_equal(a.wait_ms[WAIT_CRAWL_DELAY], 1000);
	assert_int_equal(b.wait_ms[WAIT_CRAWL_DELAY], 1000);
	crew_pass(&c, 1);
	expect_turn(&c.b, "http://h");
	expect_none(&c.a);
	crew_pass(&c, 300);
	a = rig_stats(&c.a);
	assert_int_equal(a.wait_ms[WAIT_CONNECTION_CAP], 300);
	crew_stop(&c);
}

/* Both want fifty pages of one host; who had how many turns in so long. */
static void
crew_share_host(struct crew *c, int for_ms, uint32_t *turns_a, uint32_t *turns_b)
{
	char url[32];

	for (int i = 0; i < 50; i++) {
		(void)snprintf(url, sizeof(url), "http://h/%d", i);
		rig_add(&c->a, url);
		rig_add(&c->b, url);
	}
	for (int ms = 0; ms < for_ms; ms++, crew_pass(c, 1)) {
		/* `a` always asks first. */
		if (turn(&c->a) == FRONTIER_URL) {
			(*turns_a)++;
			rig_ok(&c->a, "http://h", 0);
		}
		if (turn(&c->b) == FRONTIER_URL) {
			(*turns_b)++;
			rig_ok(&c->b, "http://h", 0);
		}
	}
}

static void
crawls_that_want_the_same_host_take_turns(void **state)
{
	struct frontier_conf conf = rig_conf();
	uint32_t turns_a = 0, turns_b = 0;
	struct crew c;

	(void)state;
	conf.delay_ms = 99;
	crew_start(&c, conf);
	crew_share_host(&c, 6000, &turns_a, &turns_b);
	assert_in_range(turns_a + turns_b, 50, 60);
	assert_in_range(turns_a, turns_b - 1, turns_b + 1);
	crew_stop(&c);
}

/* Each request of the one with the shorter delay is a new begin of the other's. */
static void
a_crawl_with_a_longer_delay_takes_turns_with_one_that_has_a_shorter(void **state)
{
	struct frontier_conf slow = rig_conf(), fast = rig_conf();
	uint32_t turns_slow = 0, turns_fast = 0;
	struct crew c;

	(void)state;
	slow.delay_ms = 299;
	fast.delay_ms = 99;
	crew_start_as(&c, fast, slow);
	crew_share_host(&c, 8000, &turns_fast, &turns_slow);
	assert_in_range(turns_slow, 17, 20);
	assert_in_range(turns_fast, turns_slow - 1, turns_slow + 1);
	crew_stop(&c);
}

/* A crawl that is held does not take its turn: the others lose little by it. */
static void
a_crawl_that_does_not_ask_holds_nobody_up(void **state)
{
	struct frontier_conf conf = rig_conf();
	uint32_t turns = 0;
	char url[32];
	struct crew c;

	(void)state;
	conf.delay_ms = 99;
	crew_start(&c, conf);
	rig_add(&c.b, "http://h/0");
	for (int i = 0; i < 50; i++) {
		(void)snprintf(url, sizeof(url), "http://h/%d", i);
		rig_add(&c.a, url);
	}
	for (int ms = 0; ms < 6000; ms++, crew_pass(&c, 1)) {
		if (turn(&c.a) == FRONTIER_URL) {
			turns++;
			rig_ok(&c.a, "http://h", 0);
		}
	}
	assert_in_range(turns, 49, 51);
	crew_stop(&c);
}

/* Nor any more one that stops, however long its delay is. */
static void
a_crawl_that_stops_leaves_its_turns_to_the_others(void **state)
{
	struct frontier_conf slow = rig_conf(), fast = rig_conf();
	uint32_t turns_fast = 0, turns_slow = 0;
	struct crew c;

	(void)state;
	slow.delay_ms = 2999;
	fast.delay_ms = 99;
	crew_start_as(&c, fast, slow);
	crew_share_host(&c, 4000, &turns_fast, &turns_slow);
	assert_in_range(turns_fast, 1, 3);
	assert_in_range(turns_slow, 1, 3);
	frontier_retire(c.b.f, c.b.now);
	frontier_check(c.b.f);
	rig_add(&c.b, "http://h/late"); /* of what is in flight still */
	turns_fast = 0;
	for (int ms = 0; ms < 2000; ms++, crew_pass(&c, 1)) {
		if (turn(&c.a) == FRONTIER_URL) {
			turns_fast++;
			rig_ok(&c.a, "http://h", 0);
		}
	}
	assert_in_range(turns_fast, 18, 21);
	crew_stop(&c);
}

static void
a_crawl_that_stops_waits_at_no_gate(void **state)
{
	struct crew c;

	(void)state;
	crew_start(&c, conf_of(1));
	rig_add(&c.a, "http://a1/");
	expect_turn(&c.a, "http://a1");
	rig_add(&c.b, "http://a2/");
	rig_add(&c.b, "http://a3/");
	expect_none(&c.b);
	rig_add(&c.a, "http://a4/");
	expect_none(&c.a);
	frontier_retire(c.b.f, c.b.now);
	frontier_check(c.b.f);
	rig_ok(&c.a, "http://a1", 0);
	expect_turn(&c.a, "http://a4"); /* those before it are gone */
	rig_ok(&c.a, "http://a4", 0);
	crew_stop(&c);
}

static void
a_back_off_holds_in_every_crawl(void **state)
{
	struct crew c;

	(void)state;
	crew_start(&c, rig_conf());
	rig_add(&c.a, "http://h/1");
	rig_add(&c.b, "http://h/2");
	expect_turn(&c.a, "http://h");
	rig_status(&c.a, "http://h", 503, 90000);
	rig_expect_idle(&c.b, 90000);
	crew_pass(&c, 90000);
	expect_turn(&c.b, "http://h");
	rig_ok(&c.b, "http://h", 0);
	crew_stop(&c);
	/* And in one that begins later. */
	crew_start(&c, rig_conf());
	rig_add(&c.a, "http://h/1");
	expect_turn(&c.a, "http://h");
	rig_status(&c.a, "http://h", 503, 90000);
	crew_pass(&c, 1000);
	frontier_free(c.a.f);
	c.a.f = NULL;
	rig_add(&c.b, "http://h/2");
	rig_expect_idle(&c.b, 89000);
	crew_renew_a(&c);
	crew_stop(&c);
}

static void
a_crawl_that_ends_gives_back_what_it_had(void **state)
{
	struct frontier_conf conf = conf_of(1);
	struct crew c;

	(void)state;
	crew_start(&c, conf);
	rig_add(&c.a, "http://a1/");
	rig_add(&c.b, "http://a1/");
	rig_add(&c.b, "http://a2/");
	expect_turn(&c.a, "http://a1");
	expect_none(&c.b);
	crew_pass(&c, 10);
	c.woken_b = 0;
	frontier_free(c.a.f);
	assert_int_not_equal(c.woken_b, 0);
	manners_check(c.m);
	assert_int_equal(turn(&c.b), FRONTIER_URL);
	assert_int_equal(turn(&c.b), FRONTIER_IDLE);
	/* Nor does a name stay asked for that nobody waits for. */
	crew_renew_a(&c);
	rig_add(&c.a, "http://b1/");
	assert_int_equal(rig_next(&c.a), FRONTIER_NAME);
	rig_add(&c.b, "http://b1/");
	expect_none(&c.b);
	frontier_free(c.a.f);
	assert_int_equal(rig_next(&c.b), FRONTIER_NAME);
	crew_renew_a(&c);
	crew_stop(&c);
}

static void
a_host_that_is_down_is_probed_once_for_all_crawls(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct crew c;

	(void)state;
	conf.dead_after = 2;
	crew_start(&c, conf);
	rig_add(&c.a, "http://h/1");
	rig_add(&c.a, "http://h/2");
	rig_add(&c.b, "http://h/1");
	rig_add(&c.b, "http://h/2");
	expect_turn(&c.a, "http://h");
	rig_fails(&c.a, "http://h", OUTCOME_CONNECT_FAILURE);
	crew_pass(&c, 1000);
	expect_turn(&c.b, "http://h");
	rig_fails(&c.b, "http://h", OUTCOME_CONNECT_FAILURE);
	/* Both give it up, with what each has. */
	assert_int_equal(turn(&c.a), FRONTIER_REFUSED);
	assert_int_equal(c.a.turn.outcome, OUTCOME_CONNECT_FAILURE);
	assert_int_equal(turn(&c.b), FRONTIER_REFUSED);
	/* One that begins later asks once. */
	frontier_free(c.a.f);
	crew_renew_a(&c);
	rig_add(&c.a, "http://h/1");
	rig_add(&c.a, "http://h/2");
	crew_pass(&c, 2000);
	expect_turn(&c.a, "http://h");
	rig_fails(&c.a, "http://h", OUTCOME_CONNECT_FAILURE);
	assert_int_equal(turn(&c.a), FRONTIER_REFUSED);
	crew_stop(&c);
}

static void
the_longest_crawl_delay_holds_for_all_that_obey(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct crew c;

	(void)state;
	conf.robots = true;
	crew_start(&c, conf);
	rig_add(&c.a, "http://h/1");
	rig_add(&c.b, "http://h/1");
	assert_int_equal(turn(&c.a), FRONTIER_ROBOTS);
	rig_ok(&c.a, "http://h", 0);
	rig_robots(
	    &c.a, "http://h", FRONTIER_ROBOTS_RULES, "User-agent: *\nCrawl-delay: 7\n");
	rig_expect_idle(&c.b, 7001);
	crew_stop(&c);
}

static void
of_what_was_saved_and_what_is_known_the_stricter_holds(void **state)
{
	struct frontier_now now = {1000000, 1700000000000};
	struct frontier_conf conf = rig_conf();
	struct buf saved;
	struct crew c;
	struct rig old;

	(void)state;
	buf_init(&saved, 1 << 16);
	rig_start(&old, &conf);
	rig_add(&old, "http://h/1");
	expect_turn(&old, "http://h");
	rig_status(&old, "http://h", 429, 50000);
	assert_int_equal(
	    frontier_host_save(old.f, rig_hash("http://h"), &now, &saved), 0);
	rig_stop(&old);
	crew_start(&c, conf);
	rig_add(&c.a, "http://h/1");
	expect_turn(&c.a, "http://h");
	rig_status(&c.a, "http://h", 429, 9000);
	assert_int_equal(
	    frontier_restore(c.b.f, rig_hash("http://h"), buf_slice(&saved), 0, &now), 0);
	rig_add(&c.a, "http://h/2");
	rig_expect_idle(&c.a, 50000);
	crew_stop(&c);
	crew_start(&c, conf);
	rig_add(&c.a, "http://h/1");
	expect_turn(&c.a, "http://h");
	rig_status(&c.a, "http://h", 429, 90000);
	assert_int_equal(
	    frontier_restore(c.b.f, rig_hash("http://h"), buf_slice(&saved), 0, &now), 0);
	rig_add(&c.b, "http://h/2");
	rig_expect_idle(&c.b, 90000);
	crew_stop(&c);
	buf_release(&saved);
}

static void
what_nobody_uses_is_forgotten_after_a_while(void **state)
{
	struct crew c;
	char url[32];

	(void)state;
	crew_start(&c, rig_conf());
	for (int i = 0; i < 100; i++) {
		(void)snprintf(url, sizeof(url), "http://h%d/", i);
		rig_add(&c.a, url);
		assert_int_equal(turn(&c.a), FRONTIER_URL);
	}
	crew_pass(&c, 10);
	frontier_free(c.a.f);
	assert_int_equal(manners_standings(c.m), 100);
	crew_pass(&c, 31 * 60 * 1000);
	crew_renew_a(&c);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(url, sizeof(url), "http://new%d/", i);
		rig_add(&c.a, url);
		assert_int_equal(turn(&c.a), FRONTIER_URL);
	}
	frontier_free(c.a.f);
	assert_in_range(manners_standings(c.m), 1, 100);
	crew_renew_a(&c);
	crew_stop(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_address_at_its_limit_holds_its_hosts_and_no_others),
	    cmocka_unit_test(whoever_came_first_is_let_in_first),
	    cmocka_unit_test(a_host_that_comes_later_does_not_pass_those_who_wait),
	    cmocka_unit_test(a_place_that_nobody_uses_goes_to_the_next),
	    cmocka_unit_test(a_site_has_a_limit_of_its_own),
	    cmocka_unit_test(a_host_that_moves_drains_first),
	    cmocka_unit_test(a_host_waits_for_its_name_and_asks_again_when_that_is_old),
	    cmocka_unit_test(so_many_names_are_asked_for_at_once),
	    cmocka_unit_test(
		a_name_that_was_known_does_not_wait_behind_those_that_are_not),
	    cmocka_unit_test(a_hundred_thousand_hosts_wait_at_one_address_for_nothing),
	    cmocka_unit_test(one_host_is_asked_by_one_crawl_at_a_time),
	    cmocka_unit_test(a_delay_counts_from_the_request_of_another_crawl),
	    cmocka_unit_test(what_a_host_waits_for_is_told_to_all_crawls_by_its_cause),
	    cmocka_unit_test(crawls_that_want_the_same_host_take_turns),
	    cmocka_unit_test(
		a_crawl_with_a_longer_delay_takes_turns_with_one_that_has_a_shorter),
	    cmocka_unit_test(a_crawl_that_does_not_ask_holds_nobody_up),
	    cmocka_unit_test(a_crawl_that_stops_leaves_its_turns_to_the_others),
	    cmocka_unit_test(a_crawl_that_stops_waits_at_no_gate),
	    cmocka_unit_test(a_back_off_holds_in_every_crawl),
	    cmocka_unit_test(a_crawl_that_ends_gives_back_what_it_had),
	    cmocka_unit_test(a_host_that_is_down_is_probed_once_for_all_crawls),
	    cmocka_unit_test(the_longest_crawl_delay_holds_for_all_that_obey),
	    cmocka_unit_test(of_what_was_saved_and_what_is_known_the_stricter_holds),
	    cmocka_unit_test(what_nobody_uses_is_forgotten_after_a_while),
	};

	return cmocka_run_group_tests_name("frontier/manners", tests, NULL, NULL);
}
