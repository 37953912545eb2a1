#include "ctl/job_json.h"
#include "ctl/route.h"
#include "ctl/settings.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "alloc_fail.h"

/* What is read is right: each mistake that is told is that memory was out. */

struct told {
	int n, other;
};

static void
note(struct told *t, const char *text)
{
	t->n++;
	t->other += strstr(text, "out of memory") == NULL;
}

static bool
on_mistake(void *ctx, const struct job_mistake *m)
{
	note(ctx, m->text);
	return true;
}

static bool
on_json_mistake(void *ctx, const char *pointer, const char *text)
{
	(void)pointer;
	note(ctx, text);
	return true;
}

static const char settings_text[] =
    "service: {state_dir: /srv/trawl, log_level: warn}\n"
    "limits: {rate: 5/s}\n"
    "defaults:\n  fetch: {user_agent: a, header: ['A: b', 'C: d']}\n"
    "  net: {allow_net: [10.0.0.0/8]}\n";

static void
settings_are_read_whole_or_it_is_said(void **state)
{
	char *const environment[] = {(char *)(uintptr_t) "TRAWL_API_SOCKET=/run/x",
	    (char *)(uintptr_t) "TRAWL_DEFAULTS_FETCH_FROM=a@b.example", NULL};

	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct told t = {.n = 0};
		struct job_reading how = {.fn = on_mistake, .ctx = &t};
		struct settings s;
		int r = settings_init(&s);

		if (r < 0) {
			assert_int_equal(r, -ENOMEM);
			continue;
		}
		r = settings_read(&s, slice_cstr(settings_text), &how);
		if (r == 0)
			r = settings_read_environment(&s, environment, on_mistake, &t);
		assert_true(r == -ENOMEM || r == t.n);
		assert_int_equal(t.other, 0);
		if (r == 0) {
			assert_string_equal(s.service_state_dir, "/srv/trawl");
			assert_string_equal(s.api_socket, "/run/x");
			assert_int_equal(s.defaults.options.fetch_header.n, 2);
			assert_string_equal(s.defaults.options.fetch_from, "a@b.example");
		}
		settings_release(&s);
	}
}

static void
a_job_in_json_is_read_whole_or_it_is_said(void **state)
{
	json_t *spec =
	    json_loads("{\"name\": \"a\", \"seeds\": [\"https://a.example/\", "
		       "\"https://b.example/\"],"
		       " \"fetch\": {\"per_host\": 4, \"header\": [\"A: b\", \"C: d\"]},"
		       " \"rules\": [{\"match\": \"/x/\", \"exclude\": true}],"
		       " \"schedule\": {\"cron\": [\"1 2 * * *\"]}}",
		0, NULL);
	static const struct job_json_rights rights = {.files = false};

	(void)state;
	assert_non_null(spec);
	for (int n = 0; alloc_fail_round(n); n++) {
		struct told t = {.n = 0};
		struct job job;
		int r = job_init(&job);

		if (r == 0)
			r = job_json_read(&job, spec, &rights, on_json_mistake, &t);
		assert_true(r == -ENOMEM || r == t.n);
		if (r == 0) {
			assert_int_equal(job.seeds.n, 2);
			assert_int_equal(job.options.fetch_header.n, 2);
			assert_int_equal(job.options.rules_len, 1);
			assert_int_equal(job.schedule.cron_len, 1);
		}
		job_release(&job);
	}
	json_decref(spec);
}

static void
a_job_is_written_whole_or_not(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct job job;
		struct buf out;
		int r = job_init(&job);

		buf_init(&out, 1 << 16);
		if (r == 0)
			r = job_add_seed(&job, SLICE_LIT("https://a.example/"), NULL);
		if (r == 0)
			r = option_set(&job.options, &option_rows[OPTION_ID_fetch_header],
			    SLICE_LIT("A: b"), NULL);
		if (r == 0)
			r = option_set(&job.options,
			    &option_rows[OPTION_ID_fetch_per_host], SLICE_LIT("3"), NULL);
		if (r == 0)
			r = job_json_write(&job, &out);
		assert_true(r == 0 || r == -ENOMEM);
		if (r == 0)
			assert_true(slice_eq(buf_slice(&out),
			    SLICE_LIT("{\"seeds\":[\"https://a.example/\"],\"fetch\":{"
				      "\"per_host\":3,\"header\":[\"A: b\"]}}")));
		buf_release(&out);
		job_release(&job);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(settings_are_read_whole_or_it_is_said),
	    cmocka_unit_test(a_job_in_json_is_read_whole_or_it_is_said),
	    cmocka_unit_test(a_job_is_written_whole_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
