#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_above_the_level_is_dropped),
	    cmocka_unit_test(a_long_line_is_cut_and_still_a_line),
	    cmocka_unit_test(a_hook_runs_before_each_line_that_is_written),
	    cmocka_unit_test(text_from_the_net_is_escaped_and_cut),
	};

	return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
