#include "fetch/retry.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
what_may_pass_by_itself_is_in_one_table(void **state)
{
	static const struct {
		enum outcome outcome;
		int status;
		bool answered, helps;
	} cases[] = {
	    {OUTCOME_OK, 200, true, false},
	    {OUTCOME_REDIRECT, 302, true, false},
	    {OUTCOME_CONNECT_FAILURE, 0, false, true},
	    {OUTCOME_CONNECT_FAILURE, 407, false, false},
	    {OUTCOME_TLS_FAILURE, 0, false, false},
	    {OUTCOME_DNS_FAILURE, 0, false, false},
	    {OUTCOME_TIMEOUT_CONNECT, 0, false, true},
	    {OUTCOME_TIMEOUT_FIRST_BYTE, 0, false, true},
	    {OUTCOME_TIMEOUT_STALL, 200, true, true},
	    {OUTCOME_TIMEOUT_TOTAL, 200, true, true},
	    {OUTCOME_TRUNCATED, 200, true, true},
	    {OUTCOME_TOO_LARGE, 200, true, false},
	    {OUTCOME_PROTOCOL_ERROR, 0, true, false},
	    {OUTCOME_PROTOCOL_ERROR, 0, false, true},
	    {OUTCOME_DENIED_ADDRESS, 0, false, false},
	    {OUTCOME_HTTP_4XX, 400, true, false},
	    {OUTCOME_HTTP_4XX, 401, true, false},
	    {OUTCOME_HTTP_4XX, 404, true, false},
	    {OUTCOME_HTTP_4XX, 407, true, false},
	    {OUTCOME_HTTP_4XX, 408, true, true},
	    {OUTCOME_HTTP_4XX, 410, true, false},
	    {OUTCOME_HTTP_4XX, 425, true, true},
	    {OUTCOME_HTTP_4XX, 429, true, true},
	    {OUTCOME_HTTP_4XX, 451, true, false},
	    {OUTCOME_HTTP_5XX, 500, true, false},
	    {OUTCOME_HTTP_5XX, 501, true, false},
	    {OUTCOME_HTTP_5XX, 502, true, true},
	    {OUTCOME_HTTP_5XX, 503, true, true},
	    {OUTCOME_HTTP_5XX, 504, true, true},
	    {OUTCOME_HTTP_5XX, 505, true, false},
	    {OUTCOME_HTTP_5XX, 522, true, true},
	    {OUTCOME_HTTP_5XX, 525, true, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (fetch_retry_helps(cases[i].outcome, cases[i].status,
			cases[i].answered) != cases[i].helps)
			fail_msg(
			    "%s %d", outcome_name(cases[i].outcome), cases[i].status);
}

static void
a_host_that_fails_everything_has_twenty_retries(void **state)
{
	struct retry_budgets *b;
	int n = 0;

	(void)state;
	assert_int_equal(retry_budgets_new(&b), 0);
	while (n < 1000 && retry_budget_take(b, 0x1234560000))
		n++;
	assert_int_equal(n, 20);
	assert_true(retry_budget_take(b, 0x7777770000));
	retry_budgets_free(b);
}

static void
a_host_that_fails_one_in_three_always_has_some(void **state)
{
	struct retry_budgets *b;

	(void)state;
	assert_int_equal(retry_budgets_new(&b), 0);
	for (int i = 0; i < 10000; i++) {
		retry_budget_earn(b, 5);
		retry_budget_earn(b, 5);
		assert_true(retry_budget_take(b, 5));
	}
	retry_budgets_free(b);
}

static void
what_is_earned_has_an_end(void **state)
{
	struct retry_budgets *b;
	int n = 0;

	(void)state;
	assert_int_equal(retry_budgets_new(&b), 0);
	for (int i = 0; i < 100000; i++)
		retry_budget_earn(b, 5);
	while (n < 1000 && retry_budget_take(b, 5))
		n++;
	assert_int_equal(n, 100);
	retry_budgets_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_may_pass_by_itself_is_in_one_table),
	    cmocka_unit_test(a_host_that_fails_everything_has_twenty_retries),
	    cmocka_unit_test(a_host_that_fails_one_in_three_always_has_some),
	    cmocka_unit_test(what_is_earned_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
