#include "ctl/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct told {
	char text[2000];
	int n;
};

static bool
note(void *ctx, const struct job_mistake *m)
{
	struct told *t = ctx;
	size_t at = strlen(t->text);

	(void)snprintf(t->text + at, sizeof(t->text) - at, "%s%zu:%zu: %s\n",
	    m->file == NULL ? "" : m->file, m->line, m->column, m->text);
	t->n++;
	return true;
}

static const char *
no_environment(void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, "PLACE") == 0 ? "/srv/trawl" : NULL;
}

static int
read_text(struct settings *s, const char *yaml, struct told *t)
{
	struct job_reading how = {.env = no_environment, .fn = note, .ctx = t};

	*t = (struct told){.n = 0};
	assert_int_equal(settings_init(s), 0);
	return settings_read(s, slice_cstr(yaml), &how);
}

static void
an_empty_file_leaves_all_as_it_is_by_default(void **state)
{
	struct settings s;
	struct told t;

	(void)state;
	assert_int_equal(read_text(&s, "", &t), 0);
	assert_string_equal(s.service_state_dir, "/var/lib/trawl");
	assert_int_equal(s.service_runs_at_once, 10);
	assert_true(s.limits_bandwidth == OPTION_NONE);
	assert_false(s.api_allow_files);
	assert_int_equal(settings_check(&s, NULL), 0);
	settings_release(&s);
	assert_int_equal(read_text(&s, "service:\napi:\ndefaults:\n", &t), 0);
	settings_release(&s);
}

static void
each_value_is_read_in_its_unit(void **state)
{
	struct settings s;
	struct told t;

	(void)state;
	assert_int_equal(read_text(&s,
			     "service: {state_dir: '${PLACE}', runs_at_once: 3}\n"
			     "limits:\n  bandwidth: 10MB/s\n  rate: 5/s\n"
			     "api: {allow_files: yes, header_timeout: 500ms}\n"
			     "history: {keep_runs: 5, keep_for: 30d}\n",
			     &t),
	    0);
	assert_string_equal(s.service_state_dir, "/srv/trawl");
	assert_int_equal(s.service_runs_at_once, 3);
	assert_true(s.limits_bandwidth == 10000000);
	assert_true(s.limits_rate > 4.99 && s.limits_rate < 5.01);
	assert_int_equal(s.api_header_timeout, 500);
	assert_true(s.api_allow_files);
	assert_int_equal(s.history_keep_runs, 5);
	settings_release(&s);
}

static void
defaults_are_options_of_crawls_with_their_lines(void **state)
{
	struct settings s;
	struct told t;

	(void)state;
	/* What stands before it has characters of more than one byte. */
	assert_int_equal(read_text(&s,
			     "# \xC3\xA4\xE2\x82\xAC\n"
			     "defaults:\n"
			     "  fetch:\n    per_host: 4\n"
			     "  net: {allow_net: [10.0.0.0/8]}\n"
			     "service: {drain: 3s}\n",
			     &t),
	    0);
	assert_int_equal(s.defaults.options.fetch_per_host, 4);
	assert_int_equal(s.defaults.options.net_allow_net.n, 1);
	assert_int_equal(s.service_drain, 3000);
	settings_release(&s);
	assert_int_equal(read_text(&s,
			     "# \xC3\xA4\n"
			     "defaults:\n  fetch:\n    per_hots: 4\n",
			     &t),
	    1);
	assert_non_null(strstr(t.text, "4:5: there is no fetch.per_hots"));
	settings_release(&s);
	assert_int_equal(
	    read_text(&s, "defaults: {fetch: {per_host: 2}}\nlimits: {rate: 1}\n", &t),
	    0);
	assert_int_equal(s.defaults.options.fetch_per_host, 2);
	settings_release(&s);
}

static void
mistakes_are_told_with_place_and_what_was_meant(void **state)
{
	struct settings s;
	struct told t;
	struct why why;

	(void)state;
	assert_int_equal(read_text(&s,
			     "service:\n  state_drr: x\n  runs_at_once: 0\n"
			     "limits: [1]\n"
			     "apo: {}\n"
			     "api: {connections: 8, connections: 9}\n",
			     &t),
	    5);
	assert_non_null(strstr(t.text,
	    "2:3: there is no service.state_drr; did you mean service.state_dir?"));
	assert_non_null(strstr(t.text, "3:17: service.runs_at_once: '0' is not between"));
	assert_non_null(strstr(t.text, "4:9: limits wants keys"));
	assert_non_null(strstr(t.text, "5:1: there is no section 'apo'"));
	assert_non_null(
	    strstr(t.text, "api.connections is there twice; first in line 6"));
	settings_release(&s);
	assert_int_equal(read_text(&s,
			     "api: {connections: 8}\n"
			     "defaults: {fetch: {delay: 1s}}\n"
			     "api: {connections: 9}\n"
			     "defaults: {fetch: {delay: 2s}, fetch: {retries: 1}}\n",
			     &t),
	    4);
	assert_non_null(strstr(t.text, "3:1: api is there twice; first in line 1"));
	assert_non_null(
	    strstr(t.text, "api.connections is there twice; first in line 1"));
	assert_non_null(strstr(t.text, "4:1: defaults is there twice; first in line 2"));
	assert_non_null(strstr(t.text, "4:32: fetch is there twice; first in line 4"));
	settings_release(&s);
	assert_int_equal(
	    read_text(&s, "defaults: {seeds: [https://a.example/]}\n", &t), 1);
	assert_non_null(strstr(t.text, "a job's own"));
	settings_release(&s);
	assert_int_equal(
	    read_text(&s, "defaults: {rules: [{match: x, exclude: yes}]}\n", &t), 1);
	settings_release(&s);
	assert_int_equal(read_text(&s, "service: {runs_at_once: 100}\n", &t), 0);
	assert_true(settings_check(&s, &why) < 0);
	assert_non_null(strstr(why.text, "100 runs at once want 7200 MiB at least"));
	settings_release(&s);
	assert_int_equal(read_text(&s, "defaults: {run: {progress: none}}\n", &t), 1);
	settings_release(&s);
	assert_true(read_text(&s, "service: [", &t) > 0);
	settings_release(&s);
	assert_int_equal(read_text(&s, "api: {}\n---\napi: {}\n", &t), 1);
	assert_non_null(strstr(t.text, "2:1: a second document begins here"));
	settings_release(&s);
}

static void
the_environment_has_the_last_word(void **state)
{
	char *const environment[] = {(char *)"TRAWL_LIMITS_CONCURRENCY=7",
	    (char *)"TRAWL_DEFAULTS_FETCH_PER_HOST=3",
	    (char *)"TRAWL_API_SOCKET=/run/x.sock", (char *)"TRAWL=unrelated",
	    (char *)"TRAWL_SUITES=unrelated", NULL};
	char *const wrong[] = {(char *)"TRAWL_LIMITS_CONCURENCY=7",
	    (char *)"TRAWL_LIMITS_RATE=fast", (char *)"TRAWL_DEFAULTS_RUN_STATE=memory",
	    NULL};
	struct settings s;
	struct told t;

	(void)state;
	assert_int_equal(read_text(&s, "limits: {concurrency: 5}\n", &t), 0);
	assert_int_equal(settings_read_environment(&s, environment, note, &t), 0);
	assert_int_equal(s.limits_concurrency, 7);
	assert_int_equal(s.defaults.options.fetch_per_host, 3);
	assert_string_equal(s.api_socket, "/run/x.sock");
	assert_int_equal(settings_read_environment(&s, wrong, note, &t), 3);
	assert_non_null(strstr(t.text, "TRAWL_LIMITS_CONCURENCY: there is no such"));
	assert_non_null(strstr(t.text, "TRAWL_LIMITS_RATE: 'fast' is not a rate"));
	/* As the file's: its runs could not go on after a kill. */
	assert_non_null(strstr(t.text, "TRAWL_DEFAULTS_RUN_STATE: it has no meaning"));
	assert_false(s.defaults.options.given[OPTION_ID_run_state]);
	settings_release(&s);
}

static void
note_kept(void *ctx, const char *section, const char *name)
{
	struct told *t = ctx;
	size_t at = strlen(t->text);

	(void)snprintf(t->text + at, sizeof(t->text) - at, "%s.%s ", section, name);
	t->n++;
}

static void
what_holds_to_the_end_is_not_changed_by_a_reload(void **state)
{
	struct settings old, fresh;
	struct told t;

	(void)state;
	assert_int_equal(read_text(&old,
			     "service: {state_dir: /a, drain: 3s}\n"
			     "limits: {concurrency: 5, memory: 512MiB}\n"
			     "defaults: {net: {dns: 127.0.0.1}, fetch: {per_host: 2}}\n",
			     &t),
	    0);
	assert_int_equal(read_text(&fresh,
			     "service: {state_dir: /b, drain: 3s}\n"
			     "limits: {concurrency: 6, memory: 1GiB}\n"
			     "api: {allow_files: yes}\n"
			     "defaults: {net: {dns: 127.0.0.2}, fetch: {per_host: 3}}\n",
			     &t),
	    0);
	t = (struct told){.n = 0};
	assert_int_equal(settings_keep(&fresh, &old, note_kept, &t), 0);
	assert_string_equal(t.text, "service.state_dir limits.memory net.dns ");
	assert_string_equal(fresh.service_state_dir, "/a");
	assert_true(fresh.limits_memory == 512 << 20);
	assert_int_equal(fresh.limits_concurrency, 6);
	assert_true(fresh.api_allow_files);
	assert_int_equal(fresh.defaults.options.fetch_per_host, 3);
	settings_release(&old);
	settings_release(&fresh);
}

static void
where_it_listens_is_a_list_and_beyond_this_machine_wants_tls(void **state)
{
	char *const environment[] = {
	    (char *)"TRAWL_API_LISTEN=127.0.0.1:1, [::1]:2", NULL};
	struct settings s;
	struct told t;
	struct why why;

	(void)state;
	assert_int_equal(read_text(&s,
			     "api:\n  listen: ['127.0.0.1:8620', '192.0.2.1:8620']\n"
			     "  hosts: a.example\n",
			     &t),
	    0);
	assert_int_equal(s.api_listen.n, 2);
	assert_int_equal(s.api_hosts.n, 1);
	assert_true(settings_check(&s, &why) < 0);
	assert_non_null(strstr(why.text, "at 192.0.2.1:8620 tokens would cross"));
	/* The environment's list takes the place of the file's. */
	assert_int_equal(settings_read_environment(&s, environment, note, &t), 0);
	assert_int_equal(s.api_listen.n, 2);
	assert_string_equal(s.api_listen.v[1], "[::1]:2");
	assert_int_equal(settings_check(&s, NULL), 0);
	settings_release(&s);
	assert_int_equal(read_text(&s, "api: {listen: 'localhost:1'}\n", &t), 0);
	assert_true(settings_check(&s, &why) < 0);
	assert_non_null(strstr(why.text, "'localhost:1' is no address"));
	settings_release(&s);
	assert_int_equal(read_text(&s, "api: {listen: [[a]], socket: [a]}\n", &t), 2);
	settings_release(&s);
}

/* What is answered for anyway, or never, does no harm. */
static void
for_whom_it_answers_are_names_and_addresses(void **state)
{
	static const char *const good[] = {"a.example", "a_b-1", "127.0.0.1", "[::1]",
	    "::1", "2001:db8::1", "a.example:8620", "[::1]:8620"};
	static const char *const bad[] = {"http://a.example/", "a.example/", "a b",
	    "*.example", "a.example:", "a.example:x", "a.example:65536", "[::1",
	    "2001:db8:::1"};
	char text[80];
	struct settings s;
	struct told t;
	struct why why;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		(void)snprintf(text, sizeof(text), "api: {hosts: ['%s']}\n", good[i]);
		assert_int_equal(read_text(&s, text, &t), 0);
		if (settings_check(&s, &why) < 0)
			fail_msg("%s", why.text);
		settings_release(&s);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "api: {hosts: ['%s']}\n", bad[i]);
		assert_int_equal(read_text(&s, text, &t), 0);
		if (settings_check(&s, &why) == 0)
			fail_msg("'%s' is taken", bad[i]);
		assert_non_null(strstr(why.text, "is no name of a host"));
		settings_release(&s);
	}
}

static void
a_mode_is_octal(void **state)
{
	unsigned mode;

	(void)state;
	assert_true(settings_mode("0660", &mode) && mode == 0660);
	assert_true(settings_mode("600", &mode) && mode == 0600);
	assert_false(settings_mode("0888", &mode));
	assert_false(settings_mode("07777", &mode));
	assert_false(settings_mode("", &mode));
	assert_false(settings_mode(NULL, &mode));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_file_leaves_all_as_it_is_by_default),
	    cmocka_unit_test(each_value_is_read_in_its_unit),
	    cmocka_unit_test(defaults_are_options_of_crawls_with_their_lines),
	    cmocka_unit_test(mistakes_are_told_with_place_and_what_was_meant),
	    cmocka_unit_test(the_environment_has_the_last_word),
	    cmocka_unit_test(what_holds_to_the_end_is_not_changed_by_a_reload),
	    cmocka_unit_test(
		where_it_listens_is_a_list_and_beyond_this_machine_wants_tls),
	    cmocka_unit_test(for_whom_it_answers_are_names_and_addresses),
	    cmocka_unit_test(a_mode_is_octal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
