#include "ctl/job_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct told {
	char text[4000];
};

static bool
note(void *ctx, const char *pointer, const char *text)
{
	struct told *t = ctx;
	size_t at = strlen(t->text);

	(void)snprintf(t->text + at, sizeof(t->text) - at, "[%s] %s\n", pointer, text);
	return true;
}

static const struct job_json_rights strict = {.files = false};

static int
read_with(struct job *job, const char *text, const struct job_json_rights *rights,
    struct told *t)
{
	json_t *spec = json_loads(text, 0, NULL);
	int r;

	assert_non_null(spec);
	*t = (struct told){.text = ""};
	assert_int_equal(job_init(job), 0);
	r = job_json_read(job, spec, rights, note, t);
	json_decref(spec);
	return r;
}

static int
read_json(struct job *job, const char *text, struct told *t)
{
	return read_with(job, text, &strict, t);
}

static void
json_says_what_a_job_file_says(void **state)
{
	struct job job;
	struct told t;

	(void)state;
	assert_int_equal(
	    read_json(&job,
		"{\"name\": \"a\", \"seeds\": [\"https://a.example/\"],"
		" \"fetch\": {\"per_host\": 4, \"delay\": \"100ms\","
		" \"accept_cookies\": false, \"rate\": 2.5,"
		" \"header\": [\"X-A: \\\"b\\\\c\\\" \\u00e4\\ud83d\\ude00\"]},"
		" \"limits\": {\"max_pages\": null},"
		" \"rules\": [{\"host\": \"a.example\", \"delay\": \"2s\"}],"
		" \"schedule\": {\"at\": [\"03:00\", \"15:00\"]}}",
		&t),
	    0);
	assert_string_equal(job.name, "a");
	assert_int_equal(job.options.fetch_per_host, 4);
	assert_int_equal(job.options.fetch_delay, 100);
	assert_false(job.options.fetch_accept_cookies);
	assert_true(job.options.fetch_rate > 2.49 && job.options.fetch_rate < 2.51);
	assert_string_equal(
	    job.options.fetch_header.v[0], "X-A: \"b\\c\" \xC3\xA4\xF0\x9F\x98\x80");
	assert_false(job.options.given[OPTION_ID_limits_max_pages]);
	assert_int_equal(job.options.rules_len, 1);
	assert_int_equal(job.schedule.at_len, 2);
	job_release(&job);
}

/* Earlier versions took it. */
static void
an_empty_item_is_none_of_what_is_stored_and_a_mistake_of_what_is_new(void **state)
{
	static const char text[] = "{\"crawl\": {\"exclude\": [\"\", \"a\"]},"
				   " \"fetch\": {\"proxy\": [\"\"]}}";
	static const struct job_json_rights stored = {.stored = true};
	struct job job;
	struct told t;

	(void)state;
	assert_int_equal(read_json(&job, text, &t), 2);
	assert_non_null(strstr(t.text, "[/crawl/exclude/0] crawl.exclude: an empty"));
	assert_non_null(strstr(t.text, "[/fetch/proxy/0] fetch.proxy: an empty"));
	job_release(&job);
	assert_int_equal(read_with(&job, text, &stored, &t), 0);
	assert_int_equal(job.options.crawl_exclude.n, 1);
	assert_string_equal(job.options.crawl_exclude.v[0], "a");
	assert_int_equal(job.options.fetch_proxy.n, 0);
	job_release(&job);
}

static void
quantities_are_written_as_people_write_them(void **state)
{
	struct job job, again;
	struct told t;
	struct buf out;

	(void)state;
	assert_int_equal(
	    read_json(&job,
		"{\"seeds\": [\"https://a.example/\"], \"fetch\": {\"delay\": \"1000ms\","
		" \"rate\": 2.5}, \"limits\": {\"max_bytes\": 67108864, \"max_time\": "
		"5400},"
		" \"schedule\": {\"every\": \"129600s\", \"jitter\": \"1500ms\"}}",
		&t),
	    0);
	buf_init(&out, 1 << 16);
	assert_int_equal(job_json_write(&job, &out), 0);
	assert_non_null(strstr(buf_cstr(&out), "\"delay\":\"1s\""));
	assert_non_null(strstr(buf_cstr(&out), "\"rate\":\"2.5\""));
	assert_non_null(strstr(buf_cstr(&out), "\"max_bytes\":\"64MiB\""));
	assert_non_null(strstr(buf_cstr(&out), "\"max_time\":\"90m\""));
	assert_non_null(strstr(buf_cstr(&out), "\"every\":\"36h\""));
	assert_non_null(strstr(buf_cstr(&out), "\"jitter\":\"1500ms\""));
	assert_int_equal(read_json(&again, buf_cstr(&out), &t), 0);
	assert_int_equal(again.options.fetch_delay, job.options.fetch_delay);
	assert_true(again.options.fetch_rate > 2.49 && again.options.fetch_rate < 2.51);
	assert_int_equal(again.options.limits_max_bytes, job.options.limits_max_bytes);
	assert_int_equal(again.options.limits_max_time, job.options.limits_max_time);
	assert_int_equal(again.schedule.every_ms, job.schedule.every_ms);
	assert_int_equal(again.schedule.jitter_ms, job.schedule.jitter_ms);
	buf_release(&out);
	job_release(&again);
	job_release(&job);
}

static void
each_mistake_has_the_pointer_of_its_value(void **state)
{
	struct job job;
	struct told t;

	(void)state;
	assert_true(read_json(&job,
			"{\"seeds\": [\"https://a.example/\", \"gopher://b/\"],"
			" \"fetch\": {\"header\": [\"A: b\", \"x\\ny\"]},"
			" \"crawl\": {\"depth\": \"deep\", \"a/b~c\": 1},"
			" \"rules\": [{\"match\": \"a\"}, {\"match\": \"(\"}]}",
			&t) >= 5);
	assert_non_null(strstr(t.text, "[/seeds/1] "));
	assert_non_null(strstr(t.text, "[/fetch/header/1] "));
	assert_non_null(strstr(t.text, "[/crawl/depth] "));
	assert_non_null(strstr(t.text, "[/crawl/a~1b~0c] "));
	assert_non_null(strstr(t.text, "[/rules/1/match] "));
	job_release(&job);
}

static void
the_api_has_fewer_rights(void **state)
{
	struct job job;
	struct told t;

	(void)state;
	assert_int_equal(
	    read_json(&job,
		"{\"seeds\": [\"https://a.example/\"], \"seeds_from\": \"/etc/passwd\","
		" \"include\": \"x.yaml\", \"fetch\": {\"cookies\": \"/c\","
		" \"user_agent\": \"${HOME}\", \"proxy\": \"http://p/\"},"
		" \"run\": {\"json\": true}, \"output\": {\"sink\": \"stdout\"}}",
		&t),
	    6);
	assert_non_null(strstr(t.text, "[/seeds_from] "));
	assert_non_null(strstr(t.text, "[/include] "));
	assert_non_null(strstr(t.text, "[/fetch/cookies] "));
	assert_non_null(strstr(t.text, "[/fetch/proxy] "));
	assert_non_null(strstr(t.text, "[/run/json] "));
	assert_non_null(strstr(t.text, "[/output/sink] "));
	/* Nothing of the environment: the text is what it says. */
	assert_string_equal(job.options.fetch_user_agent, "${HOME}");
	job_release(&job);
}

static void
assert_same_after_writing(const char *text)
{
	struct job job, again;
	struct buf out;
	struct told t;

	assert_int_equal(read_json(&job, text, &t), 0);
	buf_init(&out, 1 << 20);
	assert_int_equal(job_json_write(&job, &out), 0);
	assert_int_equal(read_json(&again, buf_cstr(&out), &t), 0);
	assert_memory_equal(&job.schedule, &again.schedule, sizeof(job.schedule));
	assert_memory_equal(
	    job.options.given, again.options.given, sizeof(job.options.given));
	assert_int_equal(job.seeds.n, again.seeds.n);
	assert_int_equal(job.options.rules_len, again.options.rules_len);
	buf_release(&out);
	job_release(&job);
	job_release(&again);
}

static void
what_is_written_reads_the_same(void **state)
{
	(void)state;
	assert_same_after_writing("{\"seeds\": [\"https://a.example/\"]}");
	assert_same_after_writing(
	    "{\"seeds\": [\"https://a.example/\", \"https://b.example/x?y\"],"
	    " \"seeds_sitemaps\": [\"https://a.example/s.xml\"],"
	    " \"fetch\": {\"per_host\": 4, \"delay\": \"auto\", \"bandwidth\": \"1MB\","
	    " \"rate\": \"0.5/s\", \"auth\": [\"u:p@a.example\"], \"max_body\": 77},"
	    " \"crawl\": {\"scope\": \"domain\", \"include\": [\"a\", \"b\"]},"
	    " \"limits\": {\"max_pages\": 9, \"max_time\": \"90s\"},"
	    " \"rules\": [{\"match\": \"x\", \"exclude\": true},"
	    " {\"host\": \"b.example\", \"delay\": \"3s\", \"priority\": -3}]}");
	assert_same_after_writing("{\"seeds\": [\"https://a.example/\"], \"schedule\":"
				  " {\"cron\": [\"*/7 1-3 1,31 jan mon-wed\","
				  " \"0 0 * * *\"], \"at\": \"3:05\","
				  " \"jitter\": \"90s\", \"catch_up\": \"skip\"}}");
	assert_same_after_writing("{\"seeds\": [\"https://a.example/\"], \"schedule\":"
				  " {\"every\": \"36h\"}}");
}

static void
strangers_see_no_secrets(void **state)
{
	json_t *spec = json_loads("{\"fetch\": {\"auth\": [\"u:p@h\"], \"per_host\": 2,"
				  " \"header\": \"Cookie: x\"}}",
	    0, NULL);
	bool hidden;
	json_t *shown = job_json_for_strangers(spec, &hidden);
	char *text = json_dumps(shown, JSON_COMPACT);

	(void)state;
	assert_string_equal(text, "{\"fetch\":{\"per_host\":2}}");
	assert_true(hidden);
	free(text);
	json_decref(shown);
	json_decref(spec);
}

/* The examples of RFC 7396, appendix A, that are about objects. */
static void
a_merge_patch_is_that_of_the_rfc(void **state)
{
	static const char *const cases[][3] = {
	    {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
	    {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
	    {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
	    {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
	    {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
	    {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
	    {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
		"{\"a\":{\"b\":\"d\"}}"},
	    {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
	    {"{\"e\":null}", "{\"a\":1}", "{\"a\":1,\"e\":null}"},
	    {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *target = json_loads(cases[i][0], 0, NULL);
		json_t *patch = json_loads(cases[i][1], 0, NULL);
		json_t *merged = json_merge_patch(target, patch);
		char *text = json_dumps(merged, JSON_COMPACT | JSON_SORT_KEYS);

		assert_string_equal(text, cases[i][2]);
		free(text);
		json_decref(merged);
		json_decref(patch);
		json_decref(target);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(json_says_what_a_job_file_says),
	    cmocka_unit_test(
		an_empty_item_is_none_of_what_is_stored_and_a_mistake_of_what_is_new),
	    cmocka_unit_test(quantities_are_written_as_people_write_them),
	    cmocka_unit_test(each_mistake_has_the_pointer_of_its_value),
	    cmocka_unit_test(the_api_has_fewer_rights),
	    cmocka_unit_test(what_is_written_reads_the_same),
	    cmocka_unit_test(strangers_see_no_secrets),
	    cmocka_unit_test(a_merge_patch_is_that_of_the_rfc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
