#include "ctl/metrics_text.h"
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *
text_of(struct buf *b)
{
	const char *text = buf_cstr(b);

	assert_non_null(text);
	return text;
}

static void
a_counter_is_told_in_both_forms(void **state)
{
	struct metrics_text t;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	metrics_text_init(&t, &b, true);
	metrics_family(&t, METRIC_RECEIVED);
	metrics_number(&t, NULL, NULL, UINT64_MAX);
	assert_int_equal(metrics_text_end(&t), 0);
	assert_string_equal(text_of(&b),
	    "# TYPE trawl_received_bytes counter\n"
	    "# UNIT trawl_received_bytes bytes\n"
	    "# HELP trawl_received_bytes Received from servers, with headers.\n"
	    "trawl_received_bytes_total 18446744073709551615\n"
	    "# EOF\n");
	buf_clear(&b);
	metrics_text_init(&t, &b, false);
	metrics_family(&t, METRIC_RECEIVED);
	metrics_number(&t, NULL, NULL, 1);
	assert_int_equal(metrics_text_end(&t), 0);
	assert_string_equal(text_of(&b),
	    "# TYPE trawl_received_bytes_total counter\n"
	    "# HELP trawl_received_bytes_total Received from servers, with headers.\n"
	    "trawl_received_bytes_total 1\n");
	buf_release(&b);
}

static void
labels_are_in_order_and_escaped(void **state)
{
	const struct metric_label common[] = {
	    {"job", SLICE_LIT("a\"b\\c\nd")}, {"run", SLICE_LIT("7")}};
	struct metrics_text t;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	metrics_text_init(&t, &b, true);
	t.common = common;
	t.common_len = 2;
	t.family = &metric_table[METRIC_RUN_WAIT];
	metrics_time(&t, "cause", "dns", 1000001);
	assert_string_equal(text_of(&b), "trawl_run_wait_seconds_total{job="
					 "\"a\\\"b\\\\c\\nd\",run=\"7\",cause=\"dns\"} "
					 "1.000001\n");
	buf_release(&b);
}

static void
a_histogram_counts_up_to_its_bounds(void **state)
{
	struct histogram h = {0};
	struct metrics_text t;
	struct buf b;
	const char *text;

	(void)state;
	histogram_add(&h, 100);
	histogram_add(&h, 101);
	histogram_add(&h, 2000000);
	histogram_add(&h, INT64_C(600000000));
	buf_init(&b, 8192);
	metrics_text_init(&t, &b, true);
	t.family = &metric_table[METRIC_STAGE];
	metrics_histogram(&t, "stage", "parse", &h);
	assert_int_equal(t.err, 0);
	text = text_of(&b);
#define LINE(le, n) "trawl_stage_seconds_bucket{stage=\"parse\",le=\"" le "\"} " n "\n"
	assert_int_equal(
	    strncmp(text, LINE("0.0001", "1"), strlen(LINE("0.0001", "1"))), 0);
	assert_non_null(strstr(text, LINE("0.0002", "2")));
	assert_non_null(strstr(text, LINE("1.0", "2")));
	assert_non_null(strstr(text, LINE("2.0", "3")));
	assert_non_null(strstr(text, LINE("500.0", "3")));
	assert_non_null(strstr(text, LINE("+Inf", "4")));
	assert_non_null(strstr(text, "trawl_stage_seconds_count{stage=\"parse\"} 4\n"));
	assert_non_null(
	    strstr(text, "trawl_stage_seconds_sum{stage=\"parse\"} 602.000201\n"));
	buf_release(&b);
}

/* What Prometheus' conventions and OpenMetrics want of a family. */
static void
the_table_keeps_the_conventions(void **state)
{
	(void)state;
	for (size_t i = 0; i < METRIC_MAX; i++) {
		const struct metric *m = &metric_table[i];
		size_t len = strlen(m->name), unit = strlen(m->unit);

		for (const char *c = m->name; *c != '\0'; c++)
			assert_true(islower((unsigned char)*c) || *c == '_');
		assert_null(strstr(m->name, "_total"));
		assert_null(strstr(m->labels, "host"));
		assert_true(unit == 0 || (len > unit && m->name[len - unit - 1] == '_' &&
					     strcmp(m->name + len - unit, m->unit) == 0));
		assert_true(unit > 0 || strstr(m->name, "_seconds") == NULL);
		assert_true(unit > 0 || strstr(m->name, "_bytes") == NULL);
		assert_true(m->help[0] != '\0' && strpbrk(m->help, "\\\n") == NULL);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(m->name, metric_table[k].name);
	}
}

static void
what_does_not_fit_is_an_error_and_no_half_answer(void **state)
{
	struct metrics_text t;
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	metrics_text_init(&t, &b, true);
	metrics_family(&t, METRIC_STAGE);
	assert_int_equal(metrics_text_end(&t), -EMSGSIZE);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_counter_is_told_in_both_forms),
	    cmocka_unit_test(labels_are_in_order_and_escaped),
	    cmocka_unit_test(a_histogram_counts_up_to_its_bounds),
	    cmocka_unit_test(the_table_keeps_the_conventions),
	    cmocka_unit_test(what_does_not_fit_is_an_error_and_no_half_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
