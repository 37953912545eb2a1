#include "files_kit.h"
#include "observe/ledger.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct env {
	char dir[KIT_PATH_MAX];
	struct buf log;
	struct ledger_conf conf;
	struct ledger *ledger;
	struct ledger_totals totals;
};

static int
up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	kit_scratch(e->dir);
	buf_init(&e->log, 256 << 20);
	e->conf = (struct ledger_conf){.dir = e->dir, .tmp_dir = e->dir, .delay_ms = -1};
	*state = e;
	return 0;
}

static int
down(void **state)
{
	struct env *e = *state;

	ledger_close(e->ledger);
	buf_release(&e->log);
	kit_remove(e->dir);
	free(e);
	return 0;
}

/* A request to `url` from `start_ms` after noon, for `took_ms`. */
static void
asked(struct env *e, const char *url, int64_t start_ms, uint32_t took_ms,
    const char *annotations)
{
	assert_int_equal(
	    buf_printf(&e->log,
		"2026-01-31T12:00:01.128Z   200        600 %s L http://v/ text/html #000 "
		"2026013112%02" PRId64 "%02" PRId64 "%03" PRId64 "+%" PRIu32 " - - %s\n",
		url, start_ms / 60000, start_ms / 1000 % 60, start_ms % 1000, took_ms,
		annotations),
	    0);
}

static void
read_it(struct env *e)
{
	struct why why = {""};

	kit_write(e->dir, "crawl.log", buf_slice(&e->log));
	ledger_close(e->ledger);
	e->ledger = NULL;
	assert_int_equal(ledger_open(&e->conf, &e->ledger, &why), 0);
	ledger_totals(e->ledger, &e->totals);
}

static struct ledger_row
next_row(struct env *e, const char *name)
{
	struct ledger_row r = {.gaps = 0};

	assert_int_equal(ledger_next(e->ledger, &r, NULL), 1);
	assert_slice(r.name, name);
	return r;
}

static void
expect_end(struct env *e)
{
	struct ledger_row r;

	assert_int_equal(ledger_next(e->ledger, &r, NULL), 0);
}

static void
a_host_that_was_given_its_delay_is_kept(void **state)
{
	struct env *e = *state;
	struct ledger_row r;

	/* Lines are in order of end, or worse. */
	asked(e, "http://a.test/2", 700, 30, "gap:100/option/1");
	asked(e, "http://a.test/robots.txt", 0, 200, "gap:0/option/1");
	asked(e, "http://a.test/1", 301, 250, "http-4xx,gap:100/option/1");
	read_it(e);
	r = next_row(e, "http://a.test");
	assert_int_equal(r.requests, 3);
	assert_int_equal(r.gap_min_ms, 101);
	assert_int_equal(r.start_gap_min_ms, 301);
	assert_int_equal(r.overlap_max, 1);
	assert_int_equal(r.delay_min_ms, 100);
	assert_int_equal(r.delay_max_ms, 100);
	assert_int_equal(r.verdict, LEDGER_KEPT);
	expect_end(e);
	assert_int_equal(e->totals.violated, 0);
}

static void
a_gap_that_is_too_short_is_a_violation_and_told_with_its_url(void **state)
{
	struct env *e = *state;
	struct ledger_row r;

	asked(e, "http://good.test/", 0, 10, "gap:0/option/1");
	asked(e, "http://a.test/0", 0, 200, "gap:0/crawl-delay/1");
	asked(e, "http://a.test/1", 290, 10, "gap:100/crawl-delay/1");
	asked(e, "http://a.test/2", 310, 10, "gap:100/crawl-delay/1");
	asked(e, "http://a.test/3", 419, 10, "gap:100/crawl-delay/1"); /* within slack */
	read_it(e);
	r = next_row(e, "http://a.test"); /* first, though it came later */
	assert_int_equal(r.verdict, LEDGER_VIOLATED);
	assert_int_equal(r.too_soon, 2);
	assert_int_equal(r.too_many, 0);
	assert_int_equal(r.worst.got_ms, 10);
	assert_int_equal(r.worst.due_ms, 100);
	assert_int_equal(r.worst.rule, GAP_CRAWL_DELAY);
	assert_slice(r.worst_url, "http://a.test/2");
	assert_int_equal(r.gap_min_ms, 10);
	(void)next_row(e, "http://good.test");
	expect_end(e);
	assert_int_equal(e->totals.violated, 1);
}

static void
more_at_once_than_permitted_is_a_violation(void **state)
{
	struct env *e = *state;
	struct ledger_row r;

	asked(e, "http://a.test/0", 0, 500, "gap:0/option/2");
	asked(e, "http://a.test/1", 10, 500, "gap:0/option/2");
	asked(e, "http://a.test/2", 20, 5, "gap:0/option/2");
	read_it(e);
	r = next_row(e, "http://a.test");
	assert_int_equal(r.verdict, LEDGER_VIOLATED);
	assert_int_equal(r.overlap_max, 3);
	assert_int_equal(r.too_many, 1);
	assert_int_equal(r.gap_min_ms, -490);
	expect_end(e);
}

/* With several at once a fixed delay lies between starts, an automatic one behind the
 * last end. */
static void
what_options_permit_is_lax_and_no_violation(void **state)
{
	struct env *e = *state;
	struct ledger_row r;

	asked(e, "http://a.test/0", 0, 500, "gap:0/option/2");
	asked(e, "http://a.test/1", 100, 500, "gap:100/option/2");
	asked(e, "http://b.test/0", 0, 20, "gap:0/adaptive/2");
	asked(e, "http://b.test/1", 5, 500, "gap:0/adaptive/2");
	asked(e, "http://b.test/2", 40, 500, "gap:20/adaptive/2");
	asked(e, "http://c.test/0", 0, 20, "gap:0/option/1");
	asked(e, "http://c.test/1", 20, 20, "gap:0/option/1");
	read_it(e);
	r = next_row(e, "http://a.test");
	assert_int_equal(r.verdict, LEDGER_LAX);
	assert_int_equal(r.overlap_max, 2);
	(void)next_row(e, "http://b.test");
	r = next_row(e, "http://c.test");
	assert_int_equal(r.verdict, LEDGER_LAX);
	assert_int_equal(r.overlap_max, 1);
	expect_end(e);
	assert_int_equal(e->totals.violated, 0);
	assert_int_equal(e->totals.lax, 3);

	e->conf.delay_ms = 50; /* and judged by something stricter it is */
	e->conf.at_once = 1;
	read_it(e);
	assert_int_equal(e->totals.violated, 3);
}

static void
addresses_are_told_behind_the_hosts(void **state)
{
	struct env *e = *state;
	struct ledger_row r;

	asked(e, "http://a.test/0", 0, 500, "gap:0/option/1,ip:192.0.2.1");
	asked(e, "https://b.test/0", 100, 500, "2t,retry,gap:0/option/1,ip:192.0.2.1");
	asked(e, "https://b.test/1", 700, 100, "gap:50/option/1,ip:2001:db8::1");
	read_it(e);
	(void)next_row(e, "http://a.test");
	(void)next_row(e, "https://b.test");
	r = next_row(e, "192.0.2.1");
	assert_int_equal(r.subject, LEDGER_ADDRESS);
	assert_int_equal(r.requests, 2);
	assert_int_equal(r.overlap_max, 2);
	assert_int_equal(r.verdict, LEDGER_KEPT);
	r = next_row(e, "2001:db8::1");
	assert_int_equal(r.requests, 1);
	assert_int_equal(r.gaps, 0);
	expect_end(e);
}

static void
addresses_and_sites_are_judged_by_their_limits(void **state)
{
	struct env *e = *state;
	struct ledger_row r;

	asked(e, "http://a.b.test/0", 0, 500,
	    "gap:0/option/1,ip:192.0.2.1,per-ip:2,per-site:3");
	asked(e, "https://b.test:8443/0", 100, 500,
	    "gap:0/option/1,ip:192.0.2.1,per-ip:2,per-site:3");
	asked(e, "http://c.b.test:81/0", 200, 500,
	    "gap:0/option/1,ip:192.0.2.1,per-ip:2,per-site:3");
	asked(e, "http://[2001:db8::1]:81/0", 200, 500,
	    "gap:0/option/1,ip:2001:db8::1,per-ip:1,per-site:1");
	read_it(e);
	assert_int_equal(e->totals.violated, 1);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(ledger_next(e->ledger, &r, NULL), 1);
		assert_int_equal(r.verdict, LEDGER_KEPT);
	}
	r = next_row(e, "192.0.2.1");
	assert_int_equal(r.verdict, LEDGER_VIOLATED);
	assert_int_equal(r.too_many, 1);
	assert_int_equal(r.at_once_max, 2);
	assert_int_equal(next_row(e, "2001:db8::1").verdict, LEDGER_KEPT);
	r = next_row(e, "b.test");
	assert_int_equal(r.subject, LEDGER_SITE);
	assert_int_equal(r.overlap_max, 3);
	assert_int_equal(r.verdict, LEDGER_KEPT);
	(void)next_row(e, "[2001:db8::1]");
	expect_end(e);
}

/* A crawl that runs has half a line at the end of its log; other lines are of no request,
 * or of another program. */
static void
lines_that_are_not_of_a_request_are_left_out(void **state)
{
	struct env *e = *state;

	asked(e, "http://a.test/0", 0, 500, "-");
	asked(e, "http://a.test/0", 0, 500, "robots-denied");
	asked(e, "dns:a.test", 0, 500, "gap:0/option/1");
	asked(e, "http://a.test/0", 0, 500, "gap:x/option/1");
	asked(e, "http://a.test/0", 0, 500, "gap:1/option");
	asked(e, "http://a.test/0", 0, 500, "gap:1/option/99999999999");
	assert_int_equal(buf_add_cstr(&e->log, "\n\nnonsense\n \xff\x01 x\n"), 0);
	for (int i = 0; i < 600 << 10; i++)
		assert_int_equal(buf_add_byte(&e->log, 'x'), 0);
	assert_int_equal(buf_add_byte(&e->log, '\n'), 0);
	asked(e, "http://a.test/1", 0, 500, "gap:1/option/1");
	asked(e, "http://a.test/2", 600, 500, "gap:1/option/1");
	e->log.len -= 5;
	read_it(e);
	assert_int_equal(e->totals.requests, 1);
	assert_int_equal(next_row(e, "http://a.test").requests, 1);
	expect_end(e);
}

static void
times_are_those_of_the_calendar(void **state)
{
	struct env *e = *state;
	struct ledger_row r;

	assert_int_equal(buf_add_cstr(&e->log, "- 200 1 http://a.test/0 - - - #000 "
					       "20240228235959990+5 - - gap:0/none/1\n"
					       "- 200 1 http://a.test/0 - - - #000 "
					       "20240229000000000+5 - - gap:0/none/1\n"
					       "- 200 1 http://a.test/0 - - - #000 "
					       "20240301000000000+5 - - gap:0/none/1\n"
					       "- 200 1 http://b.test/0 - - - #000 "
					       "20231231235959999+0 - - gap:0/none/1\n"
					       "- 200 1 http://b.test/0 - - - #000 "
					       "20240101000000001+5 - - gap:0/none/1\n"
					       "- 200 1 http://c.test/0 - - - #000 "
					       "20241301000000001+5 - - gap:0/none/1\n"),
	    0);
	read_it(e);
	r = next_row(e, "http://a.test");
	assert_int_equal(r.requests, 3);
	assert_int_equal(r.gap_min_ms, 5);
	assert_int_equal(next_row(e, "http://b.test").gap_min_ms, 2);
	expect_end(e);
}

/* 200,000 requests to 5,000 hosts through 64 KiB. */
static void
a_log_much_larger_than_memory_is_judged_the_same(void **state)
{
	enum { HOSTS = 5000, EACH = 40 };
	struct env *e = *state;
	struct ledger_row r;
	char url[64];

	for (int i = 0; i < EACH; i++)
		for (int h = 0; h < HOSTS; h++) {
			(void)snprintf(url, sizeof(url), "http://h%d.test/%d", h, i);
			asked(e, url, i * 120 + (h == 77 && i == 20 ? -30 : 0), 20,
			    "gap:100/option/1");
		}
	e->conf.memory_bytes = 64 << 10;
	read_it(e);
	assert_int_equal(e->totals.requests, HOSTS * EACH);
	assert_int_equal(e->totals.subjects[LEDGER_HOST], HOSTS);
	assert_int_equal(e->totals.violated, 1);
	r = next_row(e, "http://h77.test");
	assert_int_equal(r.worst.got_ms, 70);
	for (int h = 1; h < HOSTS; h++) {
		assert_int_equal(ledger_next(e->ledger, &r, NULL), 1);
		assert_int_equal(r.requests, EACH);
		assert_int_equal(r.gap_min_ms, 100);
		assert_int_equal(r.verdict, LEDGER_KEPT);
	}
	expect_end(e);
}

static void
without_a_log_there_is_no_ledger(void **state)
{
	struct env *e = *state;
	struct why why = {""};

	assert_int_equal(ledger_open(&e->conf, &e->ledger, &why), -ENOENT);
	assert_non_null(strstr(why.text, "crawl.log"));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
	    T(a_host_that_was_given_its_delay_is_kept),
	    T(a_gap_that_is_too_short_is_a_violation_and_told_with_its_url),
	    T(more_at_once_than_permitted_is_a_violation),
	    T(what_options_permit_is_lax_and_no_violation),
	    T(addresses_are_told_behind_the_hosts),
	    T(addresses_and_sites_are_judged_by_their_limits),
	    T(lines_that_are_not_of_a_request_are_left_out),
	    T(times_are_those_of_the_calendar),
	    T(a_log_much_larger_than_memory_is_judged_the_same),
	    T(without_a_log_there_is_no_ledger),
	};
#undef T

	return cmocka_run_group_tests_name("observe/ledger", tests, NULL, NULL);
}
