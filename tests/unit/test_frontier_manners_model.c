/*
 * Three frontiers on the same hosts, driven at random, against a model of what servers
 * see.
 *
 * Held at every request: no more at once to an authority, an address and a site than may
 * be, no sooner after the last one than the delay, nothing during a back-off.  A frontier
 * is only asked when something of its own happened, at the time it named, or when it was
 * told of a change: so a wake-up that is lost is a URL that never comes, and the test
 * fails for it.  Now and then a crawl ends with requests under way, and another begins.
 */
#include "frontier/manners.h"

#include "frontier_rig.h"

enum {
	CRAWLS = 3,
	HOSTS = 12,
	ADDRESSES = 4,
	SITES = 3,
	FLIGHTS = 200,
	STEPS = 6000,
	PER_IP = 3,
	PER_SITE = 5
};

struct server {
	char authority[40];
	uint32_t in_flight;
	int64_t last_start, last_end, not_before;
};

struct flight {
	int crawl, host;
	bool robots, name;
	uint64_t address;
	int64_t end;
};

struct play {
	uint64_t seed;
	struct manners *m;
	struct rig crawl[CRAWLS];
	bool asked[CRAWLS]; /* something happened: it is to be asked */
	int64_t due[CRAWLS];
	uint64_t queued[CRAWLS], flying[CRAWLS];
	struct server server[HOSTS];
	uint32_t at_address[ADDRESSES + 1], at_site[SITES];
	uint64_t address[HOSTS]; /* as names are answered now */
	struct flight flight[FLIGHTS];
	size_t flights;
	int64_t now, delay;
	uint32_t per_host, per_ip, per_site;
	uint64_t requests;
};
static uint64_t capped; /* hosts, times asked */

static uint64_t
rng(struct play *p, uint64_t below)
{
	uint64_t z = (p->seed += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % below;
}

static int
site_of(int host)
{
	return host % SITES;
}

static void
on_change(void *ctx)
{
	*(bool *)ctx = true;
}

static void
crawl_begins(struct play *p, int i)
{
	struct frontier_conf conf = rig_conf();

	conf.manners = p->m;
	conf.robots = rng(p, 2) == 0;
	conf.per_host = p->per_host;
	conf.per_ip = p->per_ip;
	conf.per_site = p->per_site;
	conf.names_max = 2;
	conf.delay_ms = p->delay;
	conf.dead_after = 1000000;
	conf.on_change = on_change;
	conf.on_change_ctx = &p->asked[i];
	rig_start(&p->crawl[i], &conf);
	p->asked[i] = true;
	p->due[i] = INT64_MAX;
	p->queued[i] = p->flying[i] = 0;
}

static void
server_ends(struct play *p, const struct flight *f)
{
	struct server *s = &p->server[f->host];

	s->in_flight--;
	s->last_end = p->now;
	p->at_address[f->address]--;
	p->at_site[site_of(f->host)]--;
}

static void
flight_remove(struct play *p, size_t at)
{
	p->flight[at] = p->flight[--p->flights];
}

/* "N" more of each, for a longer look. */
static uint64_t
more(void)
{
	const char *text = getenv("MANNERS_SEEDS");

	return text == NULL ? 0 : strtoull(text, NULL, 10);
}

/* Killed: its requests end, without a report. */
static void
crawl_ends(struct play *p, int i)
{
	for (size_t at = 0; at < p->flights;) {
		struct flight *f = &p->flight[at];

		if (f->crawl != i) {
			at++;
			continue;
		}
		if (!f->name)
			server_ends(p, f);
		flight_remove(p, at);
	}
	manners_advance(p->m, p->now);
	frontier_free(p->crawl[i].f);
	manners_check(p->m);
}

static void
request_begins(struct play *p, int i, int host, bool robots)
{
	struct server *s = &p->server[host];
	struct flight *f = &p->flight[p->flights++];
	uint64_t address = p->address[host];

	p->requests++;
	assert_true(s->in_flight < p->per_host);
	assert_true(p->now >= s->not_before);
	if (p->delay > 0)
		assert_true(
		    p->now - (p->per_host > 1 ? s->last_start : s->last_end) > p->delay);
	s->in_flight++;
	s->last_start = p->now;
	p->at_address[address]++;
	p->at_site[site_of(host)]++;
	assert_true(p->at_address[address] <= PER_IP || p->per_ip == 0);
	assert_true(p->at_site[site_of(host)] <= PER_SITE || p->per_site == 0);
	*f = (struct flight){.crawl = i,
	    .host = host,
	    .robots = robots,
	    .address = address,
	    .end = p->now + (int64_t)rng(p, 300)};
}

static int
host_of(const struct play *p, uint64_t authority_hash)
{
	for (int h = 0; h < HOSTS; h++)
		if (rig_hash(p->server[h].authority) == authority_hash)
			return h;
	fail_msg("no such host");
	return -1;
}

static void
ask(struct play *p, int i)
{
	struct rig *rig = &p->crawl[i];
	struct frontier_stats s;
	int host;

	p->asked[i] = false;
	rig->now = p->now;
	while (p->flights < FLIGHTS && rig_next(rig) != FRONTIER_IDLE) {
		host = host_of(p, rig->turn.authority_hash);
		if (rig->turn.kind == FRONTIER_REFUSED) { /* no robots.txt, three times */
			urlrec_free(rig->turn.rec);
			p->queued[i]--;
			continue;
		}
		if (rig->turn.kind == FRONTIER_NAME) {
			p->flight[p->flights++] = (struct flight){.crawl = i,
			    .host = host,
			    .name = true,
			    .end = p->now + (int64_t)rng(p, 100)};
			continue;
		}
		request_begins(p, i, host, rig->turn.kind == FRONTIER_ROBOTS);
		if (rig->turn.kind == FRONTIER_URL) {
			urlrec_free(rig->turn.rec);
			p->queued[i]--;
			p->flying[i]++;
		}
	}
	p->due[i] = rig->turn.kind == FRONTIER_IDLE ? rig->turn.due_ms : p->now;
	frontier_stats(rig->f, p->now, &s);
	assert_int_equal(s.queued, p->queued[i]);
	assert_int_equal(s.in_flight, p->flying[i]);
	capped += s.waiting_now[WAIT_PER_IP_CAP] + s.waiting_now[WAIT_PER_SITE_CAP];
}

static void
flight_ends(struct play *p, size_t at)
{
	struct flight f = p->flight[at];
	struct rig *rig = &p->crawl[f.crawl];
	struct server *s = &p->server[f.host];
	struct frontier_report rep = {
	    .outcome = OUTCOME_OK, .status = 200, .retry_after_ms = -1};

	flight_remove(p, at);
	rig->now = p->now;
	p->asked[f.crawl] = true;
	if (f.name) {
		frontier_name(
		    rig->f, rig_hash(s->authority), p->address[f.host], 30000, p->now);
		return;
	}
	server_ends(p, &f);
	rep.address = f.address;
	if (rng(p, 20) == 0) {
		rep.outcome = OUTCOME_HTTP_5XX;
		rep.status = 503;
		rep.retry_after_ms = 1000 + (int64_t)rng(p, 5000);
		if (p->now + rep.retry_after_ms > s->not_before)
			s->not_before = p->now + rep.retry_after_ms;
	} else if (rng(p, 20) == 0) {
		rep.outcome = OUTCOME_CONNECT_FAILURE;
		rep.status = 0;
	}
	if (!f.robots)
		p->flying[f.crawl]--;
	rig_report(rig, s->authority, &rep);
	if (f.robots)
		rig_robots(rig, s->authority,
		    rep.status == 200 ? FRONTIER_ROBOTS_ALLOW
				      : FRONTIER_ROBOTS_UNREACHABLE,
		    NULL);
}

static bool
is_over(const struct play *p)
{
	for (int i = 0; i < CRAWLS; i++)
		if (p->queued[i] > 0)
			return false;
	return p->flights == 0;
}

static void
step(struct play *p, bool adds)
{
	char url[80];
	int64_t next = INT64_MAX;
	int i = (int)rng(p, CRAWLS);

	if (adds && rng(p, 3) > 0) {
		(void)snprintf(
		    url, sizeof(url), "%s/x", p->server[rng(p, HOSTS)].authority);
		p->crawl[i].now = p->now;
		rig_add(&p->crawl[i], url);
		p->queued[i]++;
		p->asked[i] = true;
	}
	if (adds && rng(p, 500) == 0) {
		crawl_ends(p, i);
		crawl_begins(p, i);
	}
	for (i = 0; i < CRAWLS; i++)
		if (p->asked[i] || p->due[i] <= p->now)
			ask(p, i);
	for (i = 0; i < CRAWLS; i++) {
		if (p->asked[i])
			return; /* another one told it */
		if (p->due[i] < next)
			next = p->due[i];
	}
	for (size_t at = 0; at < p->flights; at++)
		if (p->flight[at].end < next)
			next = p->flight[at].end;
	if (!adds && !is_over(p))
		assert_int_not_equal(next, INT64_MAX); /* or a wake-up was lost */
	if (adds && next > p->now + 20)
		next = p->now + (int64_t)rng(p, 20);
	if (next > p->now)
		p->now = next;
	for (size_t at = 0; at < p->flights;) {
		if (p->flight[at].end <= p->now)
			flight_ends(p, at);
		else
			at++;
	}
}

static void
play(uint64_t seed, uint32_t per_host, uint32_t per_ip, uint32_t per_site, int64_t delay)
{
	struct play *p = calloc(1, sizeof(*p));
	int n = 0;

	assert_non_null(p);
	p->seed = seed;
	p->now = 1000000;
	p->per_host = per_host;
	p->per_ip = per_ip;
	p->per_site = per_site;
	p->delay = delay;
	assert_int_equal(manners_new(&p->m), 0);
	for (int h = 0; h < HOSTS; h++) {
		(void)snprintf(p->server[h].authority, sizeof(p->server[h].authority),
		    "http://h%d.site%d.example", h, site_of(h));
		p->server[h].last_start = p->server[h].last_end = INT64_MIN / 4;
		p->address[h] = 1 + rng(p, ADDRESSES);
	}
	for (int i = 0; i < CRAWLS; i++)
		crawl_begins(p, i);
	for (int i = 0; i < STEPS; i++)
		step(p, true);
	while (!is_over(p)) {
		step(p, false);
		assert_true(n++ < 1000000);
	}
	assert_true(p->requests > STEPS / 20);
	for (int i = 0; i < CRAWLS; i++)
		rig_stop(&p->crawl[i]);
	manners_free(p->m);
	free(p);
}

static void
no_limit_of_an_authority_is_passed(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4 + more(); seed++) {
		play(seed, 1, 0, 0, 50);
		play(seed, 3, 0, 0, 0);
		play(seed, 2, 0, 0, 30);
	}
}

static void
no_limit_of_an_address_is_passed(void **state)
{
	(void)state;
	capped = 0;
	for (uint64_t seed = 11; seed <= 14 + more(); seed++) {
		play(seed, 1, PER_IP, 0, 0);
		play(seed, 2, PER_IP, 0, 20);
	}
	assert_true(capped > 0);
}

static void
no_limit_of_a_site_is_passed_nor_of_both(void **state)
{
	(void)state;
	capped = 0;
	for (uint64_t seed = 21; seed <= 24 + more(); seed++) {
		play(seed, 2, 0, PER_SITE, 0);
		play(seed, 3, PER_IP, PER_SITE, 10);
	}
	assert_true(capped > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_limit_of_an_authority_is_passed),
	    cmocka_unit_test(no_limit_of_an_address_is_passed),
	    cmocka_unit_test(no_limit_of_a_site_is_passed_nor_of_both),
	};

	return cmocka_run_group_tests_name("frontier/manners model", tests, NULL, NULL);
}
