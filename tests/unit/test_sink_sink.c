#include "test_sink_kit.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

static void
names_are_those_that_people_may_ask_for(void **state)
{
	(void)state;
	assert_string_equal(
	    sink_names(), "warc, jsonl, csv, sqlite, mirror, stdout, exec, s3, none");
	assert_true(sink_exists("warc"));
	assert_true(sink_exists("jsonl"));
	assert_true(sink_exists("none"));
	assert_false(sink_exists("crawl-log"));
	assert_false(sink_exists("rejected-log"));
	assert_false(sink_exists("tape"));
	assert_false(sink_exists(""));
}

static void
an_unknown_name_is_told_with_those_there_are(void **state)
{
	struct sink_conf conf = kit_conf("/nonexistent");
	struct sink *s = NULL;
	struct why why;

	(void)state;
	assert_int_equal(sink_open("tape", &conf, (struct slice){0}, &s, &why), -ENOENT);
	assert_string_equal(why.text, "there is no sink 'tape'; there are warc, jsonl, "
				      "csv, sqlite, mirror, stdout, exec, s3, none");
	assert_null(s);
}

static void
none_throws_everything_away(void **state)
{
	struct sink_conf conf = kit_conf("/nonexistent");
	struct sink_event e = {
	    .kind = SINK_FETCH, .outcome = OUTCOME_OK, .response = true};
	struct buf mark;
	struct sink *s;

	(void)state;
	buf_init(&mark, 100);
	assert_int_equal(sink_open("none", &conf, (struct slice){0}, &s, NULL), 0);
	assert_int_equal(sink_put(s, &e, NULL), 0);
	assert_int_equal(sink_flush(s, NULL), 0);
	assert_int_equal(sink_sync(s, NULL), 0);
	assert_int_equal(sink_mark(s, &mark), 0);
	assert_int_equal(mark.len, 0);
	assert_string_equal(s->warcinfo_id, "");
	assert_int_equal(sink_close(s, true, NULL), 0);
	assert_int_equal(sink_close(NULL, true, NULL), 0);
	buf_release(&mark);
}

static void
every_sink_opens_and_closes_in_one_directory(void **state)
{
	static const char *const names[] = {
	    "warc", "jsonl", "none", "crawl-log", "rejected-log"};
	char dir[KIT_PATH_MAX];
	struct sink_conf conf;
	struct kit_list l;
	struct sink *s;

	(void)state;
	kit_scratch(dir);
	conf = kit_conf(dir);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(
		    sink_open(names[i], &conf, (struct slice){0}, &s, NULL), 0);
		assert_string_equal(s->type->name, names[i]);
		assert_int_equal(sink_close(s, true, NULL), 0);
	}
	kit_list(dir, "", &l);
	assert_int_equal(l.n, 4);
	assert_string_equal(l.names[0], "crawl.log");
	assert_string_equal(l.names[1], "pages.jsonl");
	assert_string_equal(l.names[2], "rejected.log");
	assert_string_equal(l.names[3], "warc");
	kit_remove(dir);
}

static void
put_pages(struct sink *s, int pages)
{
	struct why why = {""};
	char url[64];

	for (int i = 0; i < pages; i++) {
		struct sink_event e = {.kind = SINK_FETCH,
		    .outcome = OUTCOME_OK,
		    .url = slice_of(
			url, (size_t)snprintf(url, sizeof(url), "http://a.test/%d", i)),
		    .warc_file = SLICE_LIT("trawl-demo.warc.gz")};

		assert_int_equal(sink_put(s, &e, &why), 0);
	}
	assert_int_equal(sink_sync(s, &why), 0);
}

/* A limit on the size of files stands for a quota. */
static void
an_index_that_a_quota_has_no_room_for_waits_for_room_and_leaves_nothing(void **state)
{
	void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
	char dir[KIT_PATH_MAX];
	struct rlimit was, small;
	struct sink_conf conf;
	struct kit_list l;
	struct why why = {""};
	struct sink *s;
	int r;

	(void)state;
	kit_scratch(dir);
	conf = kit_conf(dir);
	assert_int_equal(sink_open("cdxj", &conf, (struct slice){0}, &s, &why), 0);
	put_pages(s, 1000);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = (struct rlimit){.rlim_cur = 32 << 10, .rlim_max = was.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	r = sink_close(s, true, &why);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	(void)signal(SIGXFSZ, before);
	assert_int_equal(r, -ENOSPC);
	assert_non_null(strstr(why.text, "/index.cdxj: File too large"));
	kit_list(dir, "", &l);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.names[0], "index.unsorted");
	kit_remove(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_those_that_people_may_ask_for),
	    cmocka_unit_test(an_unknown_name_is_told_with_those_there_are),
	    cmocka_unit_test(none_throws_everything_away),
	    cmocka_unit_test(every_sink_opens_and_closes_in_one_directory),
	    cmocka_unit_test(
		an_index_that_a_quota_has_no_room_for_waits_for_room_and_leaves_nothing),
	};

	return cmocka_run_group_tests_name("sink/sink", tests, NULL, NULL);
}
