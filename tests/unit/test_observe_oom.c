/* A report when memory is out: each allocation fails once. */
#include "fail_alloc.h"
#include "files_kit.h"
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_report_is_made_whole_or_not_at_all),
	    cmocka_unit_test(what_is_written_is_whole_or_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
