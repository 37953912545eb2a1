#include "app/tool.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "app_stderr.h"

static char said[STDERR_TEXT_MAX];
static char *argv[16];
static const char *base;
static bool json;
static const struct tool_flag flags[] = {
    {"--base", &base, NULL},
    {"--json", NULL, &json},
};

static int
parse_words(int *ret_words, char *const *words)
{
	int argc = 0, code;

	base = NULL;
	json = false;
	for (; words[argc] != NULL; argc++)
		argv[argc] = words[argc];
	stderr_catch();
	code = tool_flags(argc, argv, flags, 2, ret_words);
	stderr_text(said);
	return code;
}
#define PARSE(ret, ...) parse_words(ret, (char *[]){__VA_ARGS__, NULL})

static void
flags_are_taken_out_from_between_the_words(void **state)
{
	int n;

	(void)state;
	assert_int_equal(PARSE(&n, "a", "--base", "http://x/", "b", "--json", "-"), 0);
	assert_string_equal(base, "http://x/");
	assert_true(json);
	assert_int_equal(n, 3);
	assert_string_equal(argv[0], "a");
	assert_string_equal(argv[1], "b");
	assert_string_equal(argv[2], "-");
	assert_int_equal(PARSE(&n, "--base=--json"), 0);
	assert_string_equal(base, "--json");
	assert_false(json);
	assert_int_equal(n, 0);
	assert_int_equal(PARSE(&n, "--", "--json", "--"), 0);
	assert_false(json);
	assert_int_equal(n, 2);
	assert_string_equal(said, "");
}

static void
what_is_wrong_with_a_flag_is_said(void **state)
{
	int n;

	(void)state;
	assert_int_equal(PARSE(&n, "--base"), EXIT_USAGE);
	assert_string_equal(said, "trawl: --base wants a value\n");
	assert_int_equal(PARSE(&n, "--json=yes"), EXIT_USAGE);
	assert_string_equal(said, "trawl: --json takes no value\n");
	assert_int_equal(PARSE(&n, "--depth=3"), EXIT_USAGE);
	assert_string_equal(said, "trawl: there is no option --depth here\n");
	assert_int_equal(PARSE(&n, "--bsae=3"), EXIT_USAGE);
	assert_string_equal(
	    said, "trawl: there is no option --bsae here; did you mean --base?\n");
	assert_int_equal(PARSE(&n, "-q"), EXIT_USAGE);
	assert_string_equal(said, "trawl: there is no option -q here\n");
}

static void
a_base_is_a_url_of_its_own(void **state)
{
	char store[URL_BYTES_MAX];
	struct url url;

	(void)state;
	stderr_catch();
	assert_int_equal(tool_base("HTTP://A.test:80/x", store, sizeof(store), &url), 0);
	assert_int_equal(tool_base("a/b\033", store, sizeof(store), &url), EXIT_USAGE);
	stderr_text(said);
	assert_true(slice_starts(slice_cstr(said), SLICE_LIT("trawl: --base 'a/b")));
	assert_null(strchr(said, '\033'));
}

struct lines {
	size_t n, until;
	char text[64];
};

static bool
on_line(void *ctx, struct slice line)
{
	struct lines *l = ctx;

	(void)snprintf(l->text + strlen(l->text), sizeof(l->text) - strlen(l->text),
	    "[" SLICE_FMT "]", SLICE_ARG(line));
	return ++l->n < l->until;
}

static void
input_comes_without_the_ends_of_its_lines(void **state)
{
	struct lines all = {.until = 99}, two = {.until = 2};
	FILE *was = stdin;
	char text[] = "a\nb\r\n\n c \r";

	(void)state;
	stdin = fmemopen(text, strlen(text), "r");
	assert_non_null(stdin);
	assert_int_equal(tool_lines(on_line, &all), EXIT_DONE);
	rewind(stdin);
	assert_int_equal(tool_lines(on_line, &two), EXIT_DONE);
	(void)fclose(stdin);
	stdin = was;
	assert_string_equal(all.text, "[a][b][][ c ]");
	assert_string_equal(two.text, "[a][b]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(flags_are_taken_out_from_between_the_words),
	    cmocka_unit_test(what_is_wrong_with_a_flag_is_said),
	    cmocka_unit_test(a_base_is_a_url_of_its_own),
	    cmocka_unit_test(input_comes_without_the_ends_of_its_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
