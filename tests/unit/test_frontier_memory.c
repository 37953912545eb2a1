#include <errno.h>

#include "fail_alloc.h"
#include "frontier_rig.h"

/* Runs `call` with the first, second, ... allocation failing until it succeeds. */
#define UNTIL_MEMORY(rig, failures, call)                                                \
	do {                                                                             \
		int r_;                                                                  \
		(failures) = 0;                                                          \
		for (int64_t n_ = 0;; n_++) {                                            \
			fail_alloc_after = n_;                                           \
			r_ = (call);                                                     \
			fail_alloc_after = -1;                                           \
			frontier_check((rig)->f);                                        \
			if (r_ == 0)                                                     \
				break;                                                   \
			assert_int_equal(r_, -ENOMEM);                                   \
			(failures)++;                                                    \
		}                                                                        \
	} while (0)

static void
making_one_reports_a_lack_of_memory(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct frontier *f = NULL;

	(void)state;
	fail_alloc_after = 0;
	assert_int_equal(frontier_new(&conf, &f), -ENOMEM);
	fail_alloc_after = -1;
	assert_null(f);
}

static void
what_could_not_be_added_can_be_added_again(void **state)
{
	struct frontier_conf conf = rig_conf();
	char text[64];
	int failures, all = 0;
	struct rig rig;

	(void)state;
	rig_start(&rig, &conf);
	for (int i = 0; i < 100; i++) {
		struct urlrec r;

		(void)snprintf(text, sizeof(text), "http://h%d/%d", i % 40, i);
		r = rig_rec(&rig, text, 0, 0);
		UNTIL_MEMORY(&rig, failures, frontier_add(rig.f, &r, rig.now));
		all += failures;
		assert_int_equal(rig_stats(&rig).queued, i + 1);
	}
	assert_true(all > 100);
	for (int i = 0; i < 40; i++) {
		UNTIL_MEMORY(&rig, failures, frontier_next(rig.f, rig.now, &rig.turn));
		assert_int_equal(rig.turn.kind, FRONTIER_URL);
		urlrec_free(rig.turn.rec);
	}
	assert_int_equal(rig_stats(&rig).queued, 60);
	rig_stop(&rig);
}

static void
a_retry_without_memory_stays_the_callers(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct urlrec r, *rec;
	struct rig rig;
	int failures;

	(void)state;
	rig_start(&rig, &conf);
	r = rig_rec(&rig, "http://a/1", 0, 0);
	for (int64_t in = 0; in < 2; in++) {
		r.key++;
		rec = urlrec_new(&r);
		UNTIL_MEMORY(&rig, failures,
		    frontier_retry(rig.f, rec, rig.now + in * 50, WAIT_RETRY, rig.now));
		assert_true(failures > 0);
	}
	assert_int_equal(rig_stats(&rig).queued, 2);
	rig_expect_url(&rig, "http://a/1");
	rig_ok(&rig, "http://a", 0);
	rig.now += 50;
	UNTIL_MEMORY(&rig, failures, frontier_next(rig.f, rig.now, &rig.turn));
	assert_true(failures > 0);
	assert_int_equal(rig.turn.kind, FRONTIER_URL);
	urlrec_free(rig.turn.rec);
	assert_int_equal(rig_stats(&rig).queued, 0);
	rig_stop(&rig);
}

static void
a_refill_without_memory_is_asked_for_again(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct urlrec recs[7];
	struct frontier_want want;
	struct rig rig;
	int failures = 0, taken = 0;

	(void)state;
	conf.window_max = 4;
	rig_start(&rig, &conf);
	for (int i = 0; i < 7; i++) {
		recs[i] = rig_rec(&rig, "http://a/1", 0, 0);
		assert_int_equal(frontier_add(rig.f, &recs[i], rig.now), 0);
	}
	for (int i = 0; i < 4; i++) {
		rig_expect_url(&rig, "http://a/1");
		rig_ok(&rig, "http://a", 0);
	}
	for (int64_t n = 0; taken < 3; n++) {
		size_t first = 0;
		int r;

		assert_true(frontier_wants(rig.f, &want));
		while (first < 7 && recs[first].key <= want.after_key)
			first++;
		fail_alloc_after = n;
		r = frontier_refill(rig.f, want.authority_hash, want.after_key,
		    &recs[first], 7 - first, false, rig.now);
		fail_alloc_after = -1;
		frontier_check(rig.f);
		if (r < 0)
			failures++;
		while (rig_next(&rig) == FRONTIER_URL) {
			urlrec_free(rig.turn.rec);
			rig_ok(&rig, "http://a", 0);
			taken++;
		}
	}
	assert_true(failures > 0);
	assert_int_equal(taken, 3);
	assert_int_equal(rig_stats(&rig).queued, 0);
	rig_stop(&rig);
}

static void
rules_without_memory_are_asked_for_again(void **state)
{
	struct frontier_conf conf = rig_conf();
	struct buf blob;
	struct rig rig;

	(void)state;
	conf.robots = true;
	rig_start(&rig, &conf);
	rig_add(&rig, "http://a/1");
	buf_init(&blob, ROBOTS_BLOB_MAX);
	assert_int_equal(robots_compile(SLICE_LIT("User-agent: *\nDisallow: /1\n"),
			     SLICE_LIT("trawl"), &blob),
	    0);
	rig_expect_robots(&rig, "http://a");
	rig_ok(&rig, "http://a", 0);
	fail_alloc_after = 0;
	assert_int_equal(frontier_robots(rig.f, rig_hash("http://a"),
			     FRONTIER_ROBOTS_RULES, buf_slice(&blob), rig.now),
	    -ENOMEM);
	fail_alloc_after = -1;
	frontier_check(rig.f);
	rig_expect_robots(&rig, "http://a");
	buf_release(&blob);
	rig_stop(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(making_one_reports_a_lack_of_memory),
	    cmocka_unit_test(what_could_not_be_added_can_be_added_again),
	    cmocka_unit_test(a_retry_without_memory_stays_the_callers),
	    cmocka_unit_test(a_refill_without_memory_is_asked_for_again),
	    cmocka_unit_test(rules_without_memory_are_asked_for_again),
	};

	return cmocka_run_group_tests_name("frontier/memory", tests, NULL, NULL);
}
