/* A report when memory is out: each allocation fails once. */
#include "fail_alloc.h"
#include "files_kit.h"
#include "observe/linkcheck.h"
#include "observe/report.h"
#include <errno.h>
#include <stdio.h>

static const char crawl_log[] =
    "2026-01-31T12:00:00.000Z 200 9 http://a.test/ - - text/html #000 "
    "20260131120000000+9 sha1:A - gap:1/option/1,ip:192.0.2.1\n"
    "2026-01-31T12:00:01.000Z 200 9 http://a.test/b L http://a.test/ text/html #000 "
    "20260131120001000+9 sha1:A - gap:1/option/1,ip:192.0.2.1\n"
    "2026-01-31T12:00:02.000Z 404 9 http://a.test/c L http://a.test/ text/html #000 "
    "20260131120002000+9 sha1:C - http-4xx,link:a,gap:1/option/1,ip:192.0.2.1\n"
    "2026-01-31T12:00:03.000Z -2 - http://b.test/ L http://a.test/ no-type #000 "
    "20260131120003000+9 - - connect-failure,link:a,gap:1/option/1,why:refused\n";
static const char rejected_log[] =
    "robots-denied\thttp://a.test/no\thttp://a.test/\trobots.txt line 1: Disallow: /no\n";
static const char pages[] =
    "{\"v\":1,\"url\":\"http://a.test/\",\"outcome\":\"ok\",\"digest\":\"sha1:A\","
    "\"simhash\":\"0000000000000001\"}\n"
    "{\"v\":1,\"url\":\"http://a.test/b\",\"outcome\":\"ok\",\"digest\":\"sha1:B\","
    "\"simhash\":\"0000000000000003\"}\n"
    "{\"v\":1,\"url\":\"http://a.test/r\",\"outcome\":\"redirect\",\"redirect_to\":"
    "\"http://a.test/s\"}\n"
    "{\"v\":1,\"url\":\"http://a.test/s\",\"outcome\":\"redirect\",\"redirect_to\":"
    "\"http://a.test/r\"}\n"
    "{\"v\":1,\"url\":\"http://a.test/t\",\"outcome\":\"redirect\",\"redirect_to\":"
    "\"http://a.test/r\"}\n";

static void
a_report_is_made_whole_or_not_at_all(void **state)
{
	static const struct report_facts facts = {.runs = 1, .elapsed_ms = 4000};
	char dir[KIT_PATH_MAX];
	struct report *r = NULL;
	struct job job;
	int64_t n = 0;
	int e = -ENOMEM;

	(void)state;
	kit_scratch(dir);
	kit_write(dir, "crawl.log", slice_cstr(crawl_log));
	kit_write(dir, "rejected.log", slice_cstr(rejected_log));
	kit_write(dir, "pages.jsonl", slice_cstr(pages));
	assert_int_equal(job_init(&job), 0);
	while (e < 0 && n < 5000) {
		struct report_conf conf = {
		    .job = &job, .dir = dir, .tmp_dir = dir, .facts = &facts};
		struct why why = {""};

		fail_alloc_after = n++;
		e = report_make(&conf, &r, &why);
		fail_alloc_after = -1;
		assert_true(e == 0 || (e == -ENOMEM && why.text[0] != '\0' && r == NULL));
	}
	assert_int_equal(e, 0);
	assert_true(n > 50);
	report_free(r);
	job_release(&job);
	kit_remove(dir);
}

static void
what_is_written_is_whole_or_an_error(void **state)
{
	static const struct report_facts facts = {.runs = 1};
	struct report_conf conf = {.facts = &facts};
	struct report *r;
	struct job job;
	int failed = 0;

	(void)state;
	assert_int_equal(job_init(&job), 0);
	conf.job = &job;
	assert_int_equal(report_make(&conf, &r, NULL), 0);
	for (int n = 0; n < 100; n++) {
		struct buf json, html;

		buf_init(&json, 1 << 20);
		buf_init(&html, 1 << 20);
		fail_alloc_after = n;
		if (report_json(r, (struct slice){0}, &json) < 0 ||
		    report_html(r, &html) < 0)
			failed++;
		else
			assert_true(json.len > 100 && html.len > 1000);
		fail_alloc_after = -1;
		buf_release(&json);
		buf_release(&html);
	}
	assert_in_range(failed, 2, 90);
	report_free(r);
	job_release(&job);
}

static const char checks_log[] =
    "T\thttp://a/\tps\tok\t200\t9\ttext/html\t-\t0000000000000001\t-\t-\n"
    "L\thttp://a/\ta\thttp://a/r\tid\tx\nL\thttp://a/\ta\thttp://a/b\tno\t-\n"
    "I\thttp://a/b\t0000000000000001\nT\thttp://a/b\tp\tok\t200\t9\t-\t-\t-\t-\t-\n"
    "T\thttp://a/r\tp\tredirect\t301\t9\t-\thttp://a/gone\t-\t-\t-\n"
    "T\thttp://a/gone\tp\thttp-4xx\t404\t9\t-\t-\t-\t-\t-\n"
    "T\thttp://a/none\tn\tok\t200\t9\t-\t-\t00000000000000f1\t-\t-\n";

/* Broken links and their places, or the error. */
static int
count_broken(const char *dir, int *ret_broken, int *ret_places)
{
	struct linkcheck *lc = NULL;
	struct linkcheck_target t;
	struct linkcheck_place p;
	struct why why = {""};
	int r = linkcheck_open(dir, dir, SLICE_LIT("^never$\n"), &lc, &why);

	*ret_broken = *ret_places = 0;
	if (r < 0) {
		assert_true(why.text[0] != '\0' && lc == NULL);
		return r;
	}
	while ((r = linkcheck_next(lc, &t)) > 0) {
		*ret_broken += t.verdict == LINKCHECK_BROKEN;
		while ((r = linkcheck_place(lc, &p)) > 0)
			++*ret_places;
		if (r < 0)
			break;
	}
	linkcheck_close(lc);
	return r;
}

static void
broken_links_are_all_told_or_none(void **state)
{
	char dir[KIT_PATH_MAX];
	int broken = 0, places = 0, e = -ENOMEM;
	int64_t n = 0;

	(void)state;
	kit_scratch(dir);
	kit_write(dir, CHECKS_FILE, slice_cstr(checks_log));
	while (e < 0 && n < 5000) {
		fail_alloc_after = n++;
		e = count_broken(dir, &broken, &places);
		fail_alloc_after = -1;
		assert_true(e == 0 || e == -ENOMEM || e == -EIO);
	}
	assert_int_equal(e, 0);
	assert_int_equal(broken, 2);
	assert_int_equal(places, 2);
	assert_true(n > 10);
	kit_remove(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(broken_links_are_all_told_or_none),
	    cmocka_unit_test(a_report_is_made_whole_or_not_at_all),
	    cmocka_unit_test(what_is_written_is_whole_or_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
