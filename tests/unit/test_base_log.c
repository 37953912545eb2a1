#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What log_line() writes to stderr during fn. */
static void
capture(void (*fn)(void), char *ret, size_t size)
{
	int keep = dup(STDERR_FILENO), fds[2];
	ssize_t n;

	assert_true(keep >= 0);
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
	fn();
	assert_true(dup2(keep, STDERR_FILENO) >= 0);
	n = read(fds[0], ret, size - 1);
	ret[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	close(fds[1]);
	close(keep);
}

static void
say_all(void)
{
	log_error("a=%d", 1);
	log_warn("b=%d", 2);
	log_info("c=%d", 3);
	log_debug("d=%d", 4);
}

static void
what_is_above_the_level_is_dropped(void **state)
{
	char text[4096];

	(void)state;
	assert_true(log_enabled(LOG_LEVEL_WARN));
	assert_false(log_enabled(LOG_LEVEL_INFO));
	capture(say_all, text, sizeof(text));
	assert_string_equal(text, "trawl: error: a=1\ntrawl: warning: b=2\n");
	log_set_level(LOG_LEVEL_DEBUG);
	capture(say_all, text, sizeof(text));
	assert_string_equal(text, "trawl: error: a=1\ntrawl: warning: b=2\n"
				  "trawl: info: c=3\ntrawl: debug: d=4\n");
	log_set_level(LOG_LEVEL_WARN);
}

static void
say_long(void)
{
	char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_error("%s", text);
}

static void
a_long_line_is_cut_and_still_a_line(void **state)
{
	char text[8192];

	(void)state;
	capture(say_long, text, sizeof(text));
	assert_in_range(strlen(text), 2000, 2048);
	assert_int_equal(text[strlen(text) - 1], '\n');
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static int before_calls;

static void
on_before(void *ctx)
{
	assert_ptr_equal(ctx, &before_calls);
	before_calls++;
}

static void
a_hook_runs_before_each_line_that_is_written(void **state)
{
	char text[4096];

	(void)state;
	log_set_before(on_before, &before_calls);
	capture(say_all, text, sizeof(text));
	log_set_before(NULL, NULL);
	assert_int_equal(before_calls, 2);
}

static void
text_from_the_net_is_escaped_and_cut(void **state)
{
	char bytes[1000];
	const char *text;

	(void)state;
	assert_string_equal(LOG_TEXT(SLICE_LIT("a\x1b[2J\nb")), "a\\x1b[2J\\x0ab");
	assert_string_equal(LOG_TEXT((struct slice){0}), "");
	memset(bytes, 0xff, sizeof(bytes)); /* each byte becomes four */
	text = LOG_TEXT(slice_of(bytes, sizeof(bytes)));
	assert_int_equal(strlen(text), 240 * 4);
}

static struct {
	enum log_level level;
	char text[4096];
	char job[32];
	uint64_t run;
	char url[64];
	unsigned calls, about_nothing;
} heard;

static void
on_line(enum log_level level, const struct log_about *about, const char *text)
{
	heard.calls++;
	heard.level = level;
	(void)snprintf(heard.text, sizeof(heard.text), "%s", text);
	if (about == NULL) {
		heard.about_nothing++;
		return;
	}
	(void)snprintf(heard.job, sizeof(heard.job), "%s", about->job);
	heard.run = about->run;
	(void)snprintf(heard.url, sizeof(heard.url), SLICE_FMT, SLICE_ARG(about->url));
}

static void
say_to_sink(void)
{
	log_warn_of((&(struct log_about){
			.job = "docs", .run = 7, .url = SLICE_LIT("http://h/\x1b[2J")}),
	    "page %s", "\x1b[2J");
	log_info_of((&(struct log_about){.job = "docs"}), "not at this level");
	log_error("plain");
}

static void
a_log_with_fields_gets_lines_and_what_they_are_about_and_stderr_gets_none(void **state)
{
	char text[4096];

	(void)state;
	log_set_sink(on_line);
	capture(say_to_sink, text, sizeof(text));
	log_set_sink(NULL);
	assert_string_equal(text, "");
	assert_int_equal(heard.calls, 2);
	assert_int_equal(heard.about_nothing, 1);
	assert_int_equal(heard.level, LOG_LEVEL_ERROR);
	assert_string_equal(heard.text, "plain");
	assert_string_equal(heard.job, "docs");
	assert_int_equal(heard.run, 7);
	capture(say_to_sink, text, sizeof(text));
	assert_string_equal(text, "trawl: warning: page ?[2J\ntrawl: error: plain\n");
	assert_int_equal(heard.calls, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_log_with_fields_gets_lines_and_what_they_are_about_and_stderr_gets_none),
	    cmocka_unit_test(what_is_above_the_level_is_dropped),
	    cmocka_unit_test(a_long_line_is_cut_and_still_a_line),
	    cmocka_unit_test(a_hook_runs_before_each_line_that_is_written),
	    cmocka_unit_test(text_from_the_net_is_escaped_and_cut),
	};

	return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
