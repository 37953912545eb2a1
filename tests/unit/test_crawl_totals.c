/* The sums of a crawl, and what --fail-on reads in them. */
#include "crawl/fail_on.h"
#include "crawl/totals.h"
#include "sink/checks.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* URLs that came to `trap`, and how many of them no link leads to. */
static struct crawl_totals
trapped(uint64_t all, uint64_t made_up)
{
	struct crawl_totals t = {.discovered = all, .rejected = all};

	t.outcomes[OUTCOME_TRAP] = all;
	t.probes[OUTCOME_TRAP] = made_up;
	assert_true(totals_hold(&t));
	return t;
}

static uint64_t
told(const struct crawl_totals *t)
{
	struct options o;
	bool off;
	uint64_t n;

	assert_int_equal(options_init(&o), 0);
	assert_int_equal(option_set(&o, option_by_flag(SLICE_LIT("fail-on"), &off),
			     SLICE_LIT("trap"), NULL),
	    0);
	n = fail_on_count(&o, t, 5, OUTCOME_TRAP);
	options_release(&o);
	return n;
}

static void
what_waits_again_has_its_outcome_no_more(void **state)
{
	struct crawl_totals t = trapped(3, 1);

	(void)state;
	assert_int_equal(told(&t), 2);
	totals_again(&t, OUTCOME_TRAP, true);
	assert_int_equal(told(&t), 2);
	assert_int_equal(t.probes[OUTCOME_TRAP], 0);
	totals_again(&t, OUTCOME_TRAP, false);
	totals_again(&t, OUTCOME_TRAP, true); /* one that was not counted as that */
	assert_int_equal(told(&t), 0);
	assert_int_equal(t.outcomes[OUTCOME_TRAP], 0);
	assert_int_equal(t.probes[OUTCOME_TRAP], 0);
	assert_int_equal(t.queued, 3);
	assert_int_equal(t.rejected, 0);
	assert_true(totals_hold(&t));
}

/* One is refused when its turn has come, one is cut as it is found. */
static void
what_waits_again_takes_no_other_ones_count(void **state)
{
	struct crawl_totals t = {.discovered = 1, .queued = 1};
	struct commit_counts n = {.discovered = 1, .made_up_traps = 1}, sum = {0};
	const struct sink_event e = {.outcome = OUTCOME_TRAP, .check = CHECKS_PROBE};

	(void)state;
	totals_end(&t, &e);
	n.rejected[OUTCOME_TRAP] = 1;
	commit_counts_add(&sum, &n);
	totals_links(&t, &sum);
	assert_true(totals_hold(&t));
	assert_int_equal(told(&t), 0);
	totals_again(&t, OUTCOME_TRAP, true);
	assert_int_equal(t.probes[OUTCOME_TRAP], 1);
	assert_int_equal(told(&t), 0);
	totals_again(&t, OUTCOME_TRAP, true);
	assert_int_equal(t.probes[OUTCOME_TRAP], 0);
	assert_true(totals_hold(&t));
}

static void
fail_on_never_tells_less_than_none(void **state)
{
	struct crawl_totals t = trapped(1, 1);
	struct commit_counts n = {.wanted = 1};

	(void)state;
	n.rejected[OUTCOME_TRAP] = -1;
	totals_links(&t, &n); /* a link leads there now */
	assert_true(totals_hold(&t));
	assert_int_equal(told(&t), 0);
}

static void
sums_of_an_older_version_are_read_without_what_it_did_not_count(void **state)
{
	struct crawl_totals t = trapped(2, 1), got;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(totals_encode(&t, &b), 0);
	assert_int_equal(totals_decode(buf_slice(&b), &got), 0);
	assert_memory_equal(&got, &t, sizeof(t));
	assert_int_equal(told(&got), 1);
	/* It ended with the outcomes. */
	assert_int_equal(
	    totals_decode(
		slice_head(buf_slice(&b), b.len - OUTCOME_MAX * sizeof(uint64_t)), &got),
	    0);
	assert_int_equal(got.probes[OUTCOME_TRAP], 0);
	assert_int_equal(told(&got), 2);
	totals_again(&got, OUTCOME_TRAP, true);
	assert_int_equal(got.probes[OUTCOME_TRAP], 0);
	assert_int_equal(told(&got), 1);
	assert_int_equal(
	    totals_decode(slice_head(buf_slice(&b), b.len - 1), &got), -EBADMSG);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_waits_again_has_its_outcome_no_more),
	    cmocka_unit_test(what_waits_again_takes_no_other_ones_count),
	    cmocka_unit_test(fail_on_never_tells_less_than_none),
	    cmocka_unit_test(
		sums_of_an_older_version_are_read_without_what_it_did_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
