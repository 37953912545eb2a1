#include "frontier/hostrec.h"
#include "frontier_rig.h"
#include <endian.h>
#include <errno.h>

/* What survives of a host, and comes back after a restart: on another monotonic clock. */

enum { RESTART_MS = 5000 }; /* between the two lives */
static const int64_t wall0_ms = 1700000000000;

struct lives {
	struct rig rig; /* the one that lives */
	struct buf saved, rules;
};

static void
live(struct lives *l, const struct frontier_conf *conf)
{
	rig_start(&l->rig, conf);
	buf_init(&l->saved, 1 << 16);
	buf_init(&l->rules, ROBOTS_BLOB_MAX);
}

/* Dies now, and is back RESTART_MS later, after a reboot. */
static void
die(struct lives *l, uint64_t queued)
{
	struct frontier_conf conf = l->rig.conf;
	struct frontier_now now = {l->rig.now, wall0_ms};
	uint64_t a = rig_hash("http://a"), seq = l->rig.seq;

	assert_int_equal(frontier_host_save(l->rig.f, a, &now, &l->saved), 0);
	assert_int_equal(buf_add_slice(&l->rules, frontier_host_rules(l->rig.f, a)), 0);
	rig_stop(&l->rig);
	rig_start(&l->rig, &conf);
	l->rig.seq = seq;
	l->rig.now = 77;
	now = (struct frontier_now){l->rig.now, wall0_ms + RESTART_MS};
	assert_int_equal(
	    frontier_restore(l->rig.f, a, buf_slice(&l->saved), queued, &now), 0);
	frontier_check(l->rig.f);
}

static void
end(struct lives *l)
{
	rig_stop(&l->rig);
	buf_release(&l->saved);
	buf_release(&l->rules);
}

static void
refill_one(struct lives *l, const char *url, bool rules, int64_t not_before_ms)
{
	struct urlrec rec = rig_rec(&l->rig, url, 0, 0);
	struct frontier_want want;

	rec.not_before_ms = not_before_ms;
	assert_true(frontier_wants(l->rig.f, &want));
	assert_int_equal(want.authority_hash, rig_hash("http://a"));
	assert_int_equal(want.rules, rules);
	if (want.rules)
		assert_int_equal(frontier_rules(l->rig.f, want.authority_hash,
				     buf_slice(&l->rules), l->rig.now),
		    0);
	assert_int_equal(frontier_refill(l->rig.f, want.authority_hash, want.after_key,
			     &rec, 1, false, l->rig.now),
	    0);
	frontier_check(l->rig.f);
}

static void
a_back_off_survives(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct lives l;

	(void)state;
	live(&l, &conf);
	rig_add(&l.rig, "http://a/1");
	rig_expect_url(&l.rig, "http://a/1");
	rig_status(&l.rig, "http://a", 429, 60000);
	die(&l, 1);
	assert_int_equal(rig_stats(&l.rig).queued, 1);
	rig_expect_idle(&l.rig, 60000 - RESTART_MS);
	l.rig.now += 60000 - RESTART_MS;
	rig_expect_idle(&l.rig, INT64_MAX); /* its records are to be read first */
	refill_one(&l, "http://a/1", false, 0);
	rig_expect_url(&l.rig, "http://a/1");
	rig_status(&l.rig, "http://a", 429, -1);
	rig_add(&l.rig, "http://a/2");
	/* The second of a row: twice as long. */
	assert_int_equal(rig_next(&l.rig), FRONTIER_IDLE);
	assert_true(l.rig.turn.due_ms - l.rig.now >= 120000);
	end(&l);
}

static void
a_host_that_said_429_is_asked_less_often_by_the_next_life_too(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct lives l;

	(void)state;
	live(&l, &conf);
	rig_add(&l.rig, "http://a/1");
	rig_expect_url(&l.rig, "http://a/1");
	rig_status(&l.rig, "http://a", 429, 60000);
	die(&l, 1);
	l.rig.now += 60000;
	rig_expect_idle(&l.rig, INT64_MAX);
	refill_one(&l, "http://a/1", false, 0);
	rig_add(&l.rig, "http://a/2");
	rig_expect_url(&l.rig, "http://a/1");
	rig_ok(&l.rig, "http://a", 1);
	rig_expect_idle(&l.rig, 250);
	end(&l);
}

static void
a_clock_that_was_set_back_makes_no_wait_longer(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier_now now;
	struct lives l;

	(void)state;
	live(&l, &conf);
	rig_add(&l.rig, "http://a/1");
	rig_expect_url(&l.rig, "http://a/1");
	rig_status(&l.rig, "http://a", 503, 60000);
	now = (struct frontier_now){l.rig.now, wall0_ms};
	assert_int_equal(
	    frontier_host_save(l.rig.f, rig_hash("http://a"), &now, &l.saved), 0);
	rig_stop(&l.rig);
	rig_start(&l.rig, &conf);
	now.wall_ms -= INT64_C(1000) * 86400000;
	now.mono_ms = l.rig.now;
	assert_int_equal(
	    frontier_restore(l.rig.f, rig_hash("http://a"), buf_slice(&l.saved), 1, &now),
	    0);
	rig_expect_idle(&l.rig, 60000); /* as it was to be, and not a day */
	end(&l);
}

static void
the_delay_counts_from_the_last_life(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct lives l;

	(void)state;
	conf.delay_ms = 8000;
	live(&l, &conf);
	rig_add(&l.rig, "http://a/1");
	rig_expect_url(&l.rig, "http://a/1");
	rig_ok(&l.rig, "http://a", 100);
	die(&l, 1);
	rig_expect_idle(&l.rig, 8000 - RESTART_MS + 1);
	end(&l);
}

static void
what_was_asked_and_not_saved_counts_for_the_delay(void **state)
{
	/* The last one: before the machine started. */
	static const int64_t now_ms[] = {20000, 20000, 20000, 20000, 20000, 1000};
	static const int64_t asked_ms[] = {0, 20000, 17000, 12001, 11000, -1000};
	static const int64_t wait_ms[] = {0, 8001, 5001, 2, 0, 6001};
	struct frontier_conf conf = rig_conf();

	(void)state;
	conf.delay_ms = 8000;
	for (size_t i = 0; i < 6; i++) {
		struct frontier_now now = {now_ms[i], wall0_ms};
		struct lives l;

		conf.asked_ms = asked_ms[i];
		live(&l, &conf);
		l.rig.now = now.mono_ms;
		assert_int_equal(frontier_restore(l.rig.f, rig_hash("http://a"),
				     (struct slice){0}, 1, &now),
		    0);
		if (wait_ms[i] > 0)
			rig_expect_idle(&l.rig, wait_ms[i]);
		/* So do hosts of which nothing was saved. */
		rig_add(&l.rig, "http://b/1");
		if (wait_ms[i] > 0)
			rig_expect_idle(&l.rig, wait_ms[i]);
		l.rig.now += wait_ms[i];
		rig_expect_url(&l.rig, "http://b/1");
		rig_expect_idle(&l.rig, INT64_MAX); /* a's records are to be read first */
		end(&l);
	}
}

static void
robots_rules_come_back_before_the_first_url(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct lives l;

	(void)state;
	conf.robots = true;
	live(&l, &conf);
	rig_add(&l.rig, "http://a/1");
	rig_expect_robots(&l.rig, "http://a");
	rig_ok(&l.rig, "http://a", 0);
	rig_robots(&l.rig, "http://a", FRONTIER_ROBOTS_RULES,
	    "user-agent: *\ndisallow: /private\n");
	die(&l, 1);
	/* Also for what is found before they are read. */
	rig_add(&l.rig, "http://a/private/1");
	rig_expect_idle(&l.rig, INT64_MAX);
	refill_one(&l, "http://a/private/2", true, 0);
	rig_expect_refused(&l.rig, "http://a/private/2", OUTCOME_ROBOTS_DENIED,
	    "robots.txt line 2: Disallow: /private");
	end(&l);
}

/* RESTART_MS and more before the clock of the second life was at 77. */
static void
rules_of_another_agent_are_asked_for_again(void **state)
{
	static const int64_t since_ms[] = {-RESTART_MS, 77};
	struct frontier_conf conf = rig_conf();
	struct lives l;

	(void)state;
	conf.robots = true;
	for (size_t i = 0; i < 2; i++) {
		live(&l, &conf);
		rig_add(&l.rig, "http://a/1");
		rig_expect_robots(&l.rig, "http://a");
		rig_ok(&l.rig, "http://a", 0);
		rig_robots(&l.rig, "http://a", FRONTIER_ROBOTS_RULES,
		    "user-agent: *\ndisallow: /private\n");
		l.rig.conf.robots_since_ms = since_ms[i];
		die(&l, 1);
		refill_one(&l, "http://a/1", i == 0, 0);
		if (i == 0) /* it was had after that */
			rig_expect_url(&l.rig, "http://a/1");
		else
			rig_expect_robots(&l.rig, "http://a");
		end(&l);
	}
}

static void
rules_that_are_lost_are_asked_for_again(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct lives l;

	(void)state;
	conf.robots = true;
	live(&l, &conf);
	rig_add(&l.rig, "http://a/1");
	rig_expect_robots(&l.rig, "http://a");
	rig_ok(&l.rig, "http://a", 0);
	rig_robots(&l.rig, "http://a", FRONTIER_ROBOTS_RULES,
	    "user-agent: *\ndisallow: /private\n");
	die(&l, 1);
	buf_clear(&l.rules);
	refill_one(&l, "http://a/1", true, 0);
	rig_expect_robots(&l.rig, "http://a");
	end(&l);
}

static void
a_host_that_was_given_up_stays_so(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct lives l;

	(void)state;
	conf.dead_after = 1;
	live(&l, &conf);
	rig_add(&l.rig, "http://a/1");
	rig_expect_url(&l.rig, "http://a/1");
	rig_fails(&l.rig, "http://a", OUTCOME_DNS_FAILURE);
	die(&l, 1);
	refill_one(&l, "http://a/1", false, 0);
	rig_expect_refused(
	    &l.rig, "http://a/1", OUTCOME_DNS_FAILURE, "host given up after 1 failure");
	end(&l);
}

static void
what_a_robots_txt_met_is_told_in_the_next_life_too(void **state)
{
	struct frontier_conf conf = rig_conf();
	const uint64_t a = rig_hash("http://a");
	char text[FRONTIER_TROUBLE_MAX + 100];
	struct lives l;
	int status = 1;

	(void)state;
	conf.robots = true;
	live(&l, &conf);
	rig_add(&l.rig, "http://a/1");
	assert_true(slice_eq(frontier_trouble(l.rig.f, a, &status), SLICE_LIT("")));
	assert_int_equal(status, 0);
	rig_expect_robots(&l.rig, "http://a");
	rig_status(&l.rig, "http://a", 500, -1);
	rig_robots(&l.rig, "http://a", FRONTIER_ROBOTS_UNREACHABLE, NULL);
	memset(text, 'x', sizeof(text));
	frontier_trouble_set(l.rig.f, a, slice_of(text, sizeof(text)), 407);
	assert_int_equal(frontier_trouble(l.rig.f, a, &status).len, FRONTIER_TROUBLE_MAX);
	frontier_trouble_set(l.rig.f, a, SLICE_LIT("status 500"), 407);
	frontier_check(l.rig.f);
	die(&l, 1);
	assert_true(
	    slice_eq(frontier_trouble(l.rig.f, a, &status), SLICE_LIT("status 500")));
	assert_int_equal(status, 407);
	frontier_trouble_set(l.rig.f, a, (struct slice){0}, 0);
	assert_true(slice_eq(frontier_trouble(l.rig.f, a, &status), SLICE_LIT("")));
	assert_true(slice_eq(
	    frontier_trouble(l.rig.f, a + 1, &status), SLICE_LIT(""))); /* nobody */
	frontier_check(l.rig.f);
	end(&l);
}

static void
a_host_that_failed_more_often_than_it_now_may_is_given_up(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct lives l;

	(void)state;
	conf.dead_after = 5;
	live(&l, &conf);
	rig_add(&l.rig, "http://a/1");
	for (int i = 0; i < 3; i++) {
		l.rig.now += 60000;
		rig_expect_url(&l.rig, "http://a/1");
		rig_fails(&l.rig, "http://a", OUTCOME_CONNECT_FAILURE);
		rig_add(&l.rig, "http://a/1");
	}
	l.rig.conf.dead_after = 1;
	die(&l, 1);
	l.rig.now += 60000;
	refill_one(&l, "http://a/1", false, 0);
	rig_expect_url(&l.rig, "http://a/1");
	rig_fails(&l.rig, "http://a", OUTCOME_CONNECT_FAILURE);
	rig_add(&l.rig, "http://a/2");
	rig_expect_refused(&l.rig, "http://a/2", OUTCOME_CONNECT_FAILURE,
	    "host given up after 4 failures");
	end(&l);
}

static void
a_host_that_was_never_asked_is_named_by_its_records(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier_now now = {1, wall0_ms};
	struct lives l;

	(void)state;
	conf.robots = true;
	live(&l, &conf);
	assert_int_equal(
	    frontier_restore(l.rig.f, rig_hash("http://a"), (struct slice){0}, 1, &now),
	    0);
	rig_expect_idle(&l.rig, INT64_MAX);
	refill_one(&l, "http://a/1", false, 0);
	rig_expect_robots(&l.rig, "http://a");
	end(&l);
}

static void
a_retry_waits_for_its_time(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct lives l;

	(void)state;
	live(&l, &conf);
	rig_add(&l.rig, "http://a/1");
	rig_expect_url(&l.rig, "http://a/1");
	rig_ok(&l.rig, "http://a", 0);
	die(&l, 1);
	refill_one(&l, "http://a/1", false, l.rig.now + 3000);
	rig_expect_idle(&l.rig, 3000);
	l.rig.now += 3000;
	rig_expect_url(&l.rig, "http://a/1");
	end(&l);
}

/* What somebody else is told of a host, who has only what was saved. */
static void
outlook_of(struct lives *l, int64_t wall_ms, struct hostrec_outlook *ret)
{
	struct frontier_now now = {l->rig.now, wall0_ms};

	buf_clear(&l->saved);
	assert_int_equal(
	    frontier_host_save(l->rig.f, rig_hash("http://a"), &now, &l->saved), 0);
	assert_int_equal(
	    hostrec_outlook(buf_slice(&l->saved), &l->rig.conf, wall_ms, ret), 0);
}

static void
an_outlook_tells_the_next_turn_and_what_holds_it(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct hostrec_outlook o;
	struct lives l;

	(void)state;
	conf.delay_ms = 8000;
	live(&l, &conf);
	rig_add(&l.rig, "http://a/1");
	rig_add(&l.rig, "http://a/2");
	rig_expect_url(&l.rig, "http://a/1");
	rig_ok(&l.rig, "http://a", 100);
	outlook_of(&l, wall0_ms + 1000, &o);
	assert_int_equal(o.done, 1);
	assert_int_equal(o.doom, OUTCOME_NONE);
	assert_int_equal(o.waits_for, WAIT_CRAWL_DELAY);
	assert_int_equal(o.due_wall_ms, wall0_ms + 8001);
	assert_false(o.asks_robots);
	outlook_of(&l, wall0_ms + 9000, &o);
	assert_int_equal(o.waits_for, WAIT_NONE);
	assert_int_equal(o.due_wall_ms, wall0_ms + 9000);
	l.rig.now += 9000;
	rig_expect_url(&l.rig, "http://a/2");
	rig_status(&l.rig, "http://a", 429, 60000);
	outlook_of(&l, wall0_ms + 10000, &o);
	assert_int_equal(o.waits_for, WAIT_RETRY_AFTER);
	assert_int_equal(o.due_wall_ms, wall0_ms + 60000);
	end(&l);
}

static void
an_outlook_of_a_host_that_was_never_asked_is_robots(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct hostrec_outlook o;

	(void)state;
	conf.robots = true;
	assert_int_equal(hostrec_outlook((struct slice){0}, &conf, wall0_ms, &o), 0);
	assert_int_equal(o.waits_for, WAIT_NONE);
	assert_int_equal(o.due_wall_ms, wall0_ms);
	assert_true(o.asks_robots);
	assert_int_equal(o.crawl_delay_ms, -1);
	assert_int_equal(
	    hostrec_outlook(SLICE_LIT("\x01oops"), &conf, wall0_ms, &o), -EBADMSG);
}

static void
an_outlook_knows_who_is_given_up(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier_report rep = {
	    .outcome = OUTCOME_DNS_FAILURE, .retry_after_ms = -1, .hopeless = true};
	struct hostrec_outlook o;
	struct lives l;

	(void)state;
	live(&l, &conf);
	rig_add(&l.rig, "http://a/1");
	rig_expect_url(&l.rig, "http://a/1");
	frontier_done(l.rig.f, rig_hash("http://a"), &rep, l.rig.now);
	outlook_of(&l, wall0_ms + 1000, &o);
	assert_int_equal(o.doom, OUTCOME_DNS_FAILURE);
	assert_true(o.doom_until_wall_ms > wall0_ms + 1000);
	/* One day it is a new host. */
	outlook_of(&l, o.doom_until_wall_ms, &o);
	assert_int_equal(o.doom, OUTCOME_NONE);
	end(&l);
}

static void
damaged_bytes_are_refused(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier_now now = {1, wall0_ms};
	struct lives l;

	(void)state;
	live(&l, &conf);
	rig_add(&l.rig, "http://a/1");
	assert_int_equal(
	    frontier_host_save(l.rig.f, rig_hash("http://a"), &now, &l.saved), 0);
	for (size_t n = 1; n < l.saved.len; n++)
		assert_true(frontier_restore(l.rig.f, 5,
				slice_head(buf_slice(&l.saved), n), 1, &now) < 0);
	assert_int_equal(rig_stats(&l.rig).hosts, 1);
	end(&l);
}

/* Where the fields of 8 bytes of a record of "http://a" are that are times, but for the one that
 * may be for ever, or are added to one. */
static void
times_that_nobody_wrote_are_refused(void **state)
{
	static const size_t at[] = {21, 29, 45, 53, 65, 73, 91, 99, 107};
	const uint64_t last = htole64(INT64_MAX);
	struct frontier_conf conf = rig_conf();
	struct frontier_now now = {1, wall0_ms};
	struct hostrec_brief brief;
	char was[sizeof(last)];
	struct lives l;

	(void)state;
	live(&l, &conf);
	rig_add(&l.rig, "http://a/1");
	assert_int_equal(
	    frontier_host_save(l.rig.f, rig_hash("http://a"), &now, &l.saved), 0);
	assert_int_equal(hostrec_brief(buf_slice(&l.saved), &brief), 0);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		memcpy(was, l.saved.ptr + at[i], sizeof(was));
		memcpy(l.saved.ptr + at[i], &last, sizeof(last));
		assert_int_equal(hostrec_brief(buf_slice(&l.saved), &brief), -EBADMSG);
		assert_int_equal(
		    frontier_restore(l.rig.f, 5, buf_slice(&l.saved), 1, &now), -EBADMSG);
		memcpy(l.saved.ptr + at[i], was, sizeof(was));
	}
	assert_int_equal(hostrec_brief(buf_slice(&l.saved), &brief), 0);
	end(&l);
}

static void
windows_of_many_hosts_share_the_memory(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;
	char url[64];

	(void)state;
	conf.memory_bytes = 1 << 20;
	rig_start(&rig, &conf);
	for (int i = 0; i < 100; i++)
		for (int n = 0; n < 100; n++) {
			struct urlrec r;

			(void)snprintf(url, sizeof(url), "http://h%d/%d", i, n);
			r = rig_rec(&rig, url, 0, 0);
			assert_int_equal(frontier_add(rig.f, &r, rig.now), 0);
		}
	assert_int_equal(rig_stats(&rig).queued, 10000);
	assert_true(rig_stats(&rig).memory_bytes < 2 << 20);
	rig_stop(&rig);
}

static void
a_host_that_waits_for_long_leaves_memory(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct lives l;
	uint64_t before;

	(void)state;
	conf.robots = true;
	conf.memory_bytes = 1024;
	live(&l, &conf);
	rig_add(&l.rig, "http://a/1");
	rig_expect_robots(&l.rig, "http://a");
	rig_ok(&l.rig, "http://a", 0);
	rig_robots(&l.rig, "http://a", FRONTIER_ROBOTS_RULES,
	    "user-agent: *\ndisallow: /private\n");
	assert_int_equal(
	    buf_add_slice(&l.rules, frontier_host_rules(l.rig.f, rig_hash("http://a"))),
	    0);
	frontier_rules_stored(l.rig.f, rig_hash("http://a"));
	rig_expect_url(&l.rig, "http://a/1");
	for (int i = 2; i < 6; i++)
		rig_add(&l.rig, i == 2 ? "http://a/2" : "http://a/private/x");
	before = rig_stats(&l.rig).memory_bytes;
	rig_status(&l.rig, "http://a", 503, 60000);
	assert_true(rig_stats(&l.rig).memory_bytes < before);
	assert_int_equal(rig_stats(&l.rig).queued, 4);
	assert_int_equal(frontier_host_rules(l.rig.f, rig_hash("http://a")).len, 0);
	rig_add(&l.rig, "http://a/3"); /* what is found meanwhile goes to the store */
	l.rig.now += 60000;
	rig_expect_idle(&l.rig, INT64_MAX);
	refill_one(&l, "http://a/2", true, 0);
	rig_expect_url(&l.rig, "http://a/2");
	end(&l);
}

static void
a_quiet_host_with_nothing_left_is_forgotten(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct rig rig;
	char url[64];

	(void)state;
	conf.memory_bytes = 64 << 10;
	rig_start(&rig, &conf);
	for (int i = 0; i < 1000; i++) {
		char authority[32];

		(void)snprintf(authority, sizeof(authority), "http://h%d", i);
		(void)snprintf(url, sizeof(url), "%s/", authority);
		rig_add(&rig, url);
		rig_expect_url(&rig, url);
		if (i % 100 == 0) /* a host that backs off is remembered */
			rig_status(&rig, authority, 429, 86400000);
		else
			rig_ok(&rig, authority, 0);
		rig.now += 60000;
	}
	assert_int_equal(rig_stats(&rig).hosts, 1000);
	assert_true(rig_stats(&rig).memory_bytes < 256 << 10);
	rig_add(&rig, "http://h900/2");
	assert_int_equal(rig_next(&rig), FRONTIER_IDLE);
	rig_add(&rig, "http://h5/2"); /* and one that was forgotten is a new one */
	rig_expect_url(&rig, "http://h5/2");
	rig_stop(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_back_off_survives),
	    cmocka_unit_test(
		a_host_that_said_429_is_asked_less_often_by_the_next_life_too),
	    cmocka_unit_test(a_clock_that_was_set_back_makes_no_wait_longer),
	    cmocka_unit_test(the_delay_counts_from_the_last_life),
	    cmocka_unit_test(what_was_asked_and_not_saved_counts_for_the_delay),
	    cmocka_unit_test(robots_rules_come_back_before_the_first_url),
	    cmocka_unit_test(rules_of_another_agent_are_asked_for_again),
	    cmocka_unit_test(rules_that_are_lost_are_asked_for_again),
	    cmocka_unit_test(a_host_that_was_given_up_stays_so),
	    cmocka_unit_test(what_a_robots_txt_met_is_told_in_the_next_life_too),
	    cmocka_unit_test(a_host_that_failed_more_often_than_it_now_may_is_given_up),
	    cmocka_unit_test(a_host_that_was_never_asked_is_named_by_its_records),
	    cmocka_unit_test(a_retry_waits_for_its_time),
	    cmocka_unit_test(an_outlook_tells_the_next_turn_and_what_holds_it),
	    cmocka_unit_test(an_outlook_of_a_host_that_was_never_asked_is_robots),
	    cmocka_unit_test(an_outlook_knows_who_is_given_up),
	    cmocka_unit_test(damaged_bytes_are_refused),
	    cmocka_unit_test(times_that_nobody_wrote_are_refused),
	    cmocka_unit_test(a_host_that_waits_for_long_leaves_memory),
	    cmocka_unit_test(a_quiet_host_with_nothing_left_is_forgotten),
	    cmocka_unit_test(windows_of_many_hosts_share_the_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
