/* A frontier that forgets what waits, as a bug of ours might, and the watchdog of it. */
#include "sim_crawl.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

enum { PAGES = 20 };

/* From that turn on nothing is to be done, for so long. */
static struct {
	uint32_t turns, at_turn;
	int64_t since_ms, for_ms;
} broken;

int __real_frontier_next(struct frontier *f, int64_t now_ms, struct frontier_turn *ret);
int __wrap_frontier_next(struct frontier *f, int64_t now_ms, struct frontier_turn *ret);

int
__wrap_frontier_next(struct frontier *f, int64_t now_ms, struct frontier_turn *ret)
{
	if (broken.at_turn > 0 && ++broken.turns >= broken.at_turn) {
		if (broken.since_ms == 0)
			broken.since_ms = now_ms;
		if (now_ms - broken.since_ms < broken.for_ms) {
			*ret = (struct frontier_turn){
			    .kind = FRONTIER_IDLE, .due_ms = INT64_MAX};
			return 0;
		}
	}
	return __real_frontier_next(f, now_ms, ret);
}

static void
list_script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->latency_ms = 50;
	ret->status = slice_ends(url, SLICE_LIT("/robots.txt")) ? 404 : 200;
	if (slice_ends(url, SLICE_LIT("a.test/")))
		for (int i = 1; i < PAGES; i++)
			(void)buf_printf(body, "<a href='/%d'>x</a>", i);
}

static void
crawl(struct sim_run *run, int64_t broken_ms, const char *delay)
{
	broken.turns = 0;
	broken.at_turn = broken_ms > 0 ? 9 : 0;
	broken.since_ms = 0;
	broken.for_ms = broken_ms;
	sim_web_reset(list_script, NULL);
	sim_crawl(run, "http://a.test/", OPTIONS(delay));
	assert_int_equal(run->end, CRAWL_DONE);
	assert_int_equal(run->stats.pages, PAGES);
}

static void
a_wake_up_that_is_lost_is_noticed_counted_and_mended(void **state)
{
	struct sim_run run = {.may_idle = true};

	(void)state;
	crawl(&run, 5000, "delay=0");
	assert_int_equal(run.stats.idle_alarms, 1);
	assert_in_range(run.took_ms, 10000, 32000);
	sim_release(&run);
	/* It looks again until it goes on. */
	run = (struct sim_run){.may_idle = true};
	crawl(&run, 45000, "delay=0");
	assert_in_range(run.stats.idle_alarms, 3, 4);
	sim_release(&run);
	/* Also where the host has a time, and nobody looked at it. */
	run = (struct sim_run){.may_idle = true};
	crawl(&run, 5000, "delay=3s");
	assert_int_equal(run.stats.idle_alarms, 1);
	sim_release(&run);
}

static void
a_crawl_that_waits_for_good_reason_raises_no_alarm(void **state)
{
	struct sim_run run = {0};

	(void)state;
	crawl(&run, 0, "delay=5m");
	assert_int_equal(run.stats.idle_alarms, 0);
	sim_release(&run);
	run = (struct sim_run){0};
	crawl(&run, 0, "rate=0.02/s");
	assert_int_equal(run.stats.idle_alarms, 0);
	sim_release(&run);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_wake_up_that_is_lost_is_noticed_counted_and_mended),
	    cmocka_unit_test(a_crawl_that_waits_for_good_reason_raises_no_alarm),
	};

	return cmocka_run_group_tests_name("sim/watchdog", tests, NULL, NULL);
}
