#include "app/args.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "app_stderr.h"

enum { WORDS_MAX = 16 };
static char said[STDERR_TEXT_MAX];
static char *argv[WORDS_MAX];

static int
parse_words(struct args *a, char *const *words)
{
	int argc = 0, r;

	for (; words[argc] != NULL; argc++)
		argv[argc] = words[argc];
	stderr_catch();
	r = args_parse(argc, argv, NULL, a);
	stderr_text(said);
	return r;
}
#define PARSE(a, ...) parse_words(a, (char *[]){__VA_ARGS__, NULL})

/* Refused, with one sentence that holds `part`; nothing to be released is left. */
static void
refused_words(const char *part, char *const *words)
{
	struct args a;

	assert_int_equal(parse_words(&a, words), -EINVAL);
	if (strstr(said, part) == NULL)
		fail_msg("'%s' does not say '%s'", said, part);
	assert_true(slice_starts(slice_cstr(said), SLICE_LIT("trawl: ")));
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
}
#define REFUSED(part, ...) refused_words(part, (char *[]){__VA_ARGS__, NULL})

static void
a_value_follows_an_equals_sign_or_is_the_next_word(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(PARSE(&a, "--per-host=4", "--depth", "7", "--max-time=2m"), 0);
	assert_int_equal(a.given.fetch_per_host, 4);
	assert_int_equal(a.given.crawl_depth, 7);
	assert_int_equal(a.given.limits_max_time, 120000);
	assert_true(a.given.given[OPTION_ID_fetch_per_host]);
	assert_false(a.given.given[OPTION_ID_fetch_delay]);
	assert_int_equal(a.words_len, 0);
	assert_string_equal(said, "");
	args_release(&a);
}

static void
a_value_may_hold_equals_signs_and_begin_with_a_dash(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(
	    PARSE(&a, "--exclude=a=b", "--exclude", "-x", "--user-agent", "--"), 0);
	assert_int_equal(a.given.crawl_exclude.n, 2);
	assert_string_equal(a.given.crawl_exclude.v[0], "a=b");
	assert_string_equal(a.given.crawl_exclude.v[1], "-x");
	assert_string_equal(a.given.fetch_user_agent, "--");
	args_release(&a);
}

static void
switches_go_on_and_off(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(
	    PARSE(&a, "--no-sitemaps", "--requisites", "--insecure=no", "word"), 0);
	assert_false(a.given.crawl_sitemaps);
	assert_true(a.given.given[OPTION_ID_crawl_sitemaps]);
	assert_true(a.given.crawl_requisites);
	assert_false(a.given.fetch_insecure);
	assert_int_equal(a.words_len, 1); /* was not taken for a switch's value */
	args_release(&a);
	REFUSED("--no-sitemaps takes no value", "--no-sitemaps=yes");
	REFUSED("--requisites", "--requisites=perhaps");
	REFUSED("no option --no-depth", "--no-depth");
}

static void
after_two_dashes_all_are_words(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(PARSE(&a, "one", "-q", "-", "--", "-v", "--", "--depth"), 0);
	assert_true(a.quiet);
	assert_int_equal(a.verbose, 0);
	assert_int_equal(a.words_len, 5);
	assert_string_equal(a.words[0], "one");
	assert_string_equal(a.words[1], "-");
	assert_string_equal(a.words[2], "-v");
	assert_string_equal(a.words[3], "--");
	assert_string_equal(a.words[4], "--depth");
	args_release(&a);
}

static void
short_flags_may_be_written_together(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(PARSE(&a, "-qvv", "x", "-v"), 0);
	assert_true(a.quiet);
	assert_int_equal(a.verbose, 3);
	assert_null(a.dir);
	args_release(&a);
	assert_int_equal(PARSE(&a, "--quiet", "--verbose"), 0);
	assert_true(a.quiet);
	assert_int_equal(a.verbose, 1);
	args_release(&a);
	REFUSED("no option -x", "-qx");
}

static void
the_directory_is_given_in_four_ways(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(PARSE(&a, "-oDIR"), 0);
	assert_string_equal(a.dir, "DIR");
	args_release(&a);
	assert_int_equal(PARSE(&a, "-vo", "DIR", "word"), 0);
	assert_string_equal(a.dir, "DIR");
	assert_int_equal(a.words_len, 1);
	args_release(&a);
	assert_int_equal(PARSE(&a, "--output=DIR"), 0);
	assert_string_equal(a.dir, "DIR");
	args_release(&a);
	assert_int_equal(PARSE(&a, "--output", "DIR"), 0);
	assert_string_equal(a.dir, "DIR");
	args_release(&a);
}

static void
a_missing_value_is_named(void **state)
{
	(void)state;
	REFUSED("--per-host wants a value", "x", "--per-host");
	REFUSED("-o wants a value", "-o");
	REFUSED("--output wants a value", "--output");
}

static void
a_wrong_value_is_named_with_its_option(void **state)
{
	(void)state;
	REFUSED("--per-host: ", "--per-host", "many");
	REFUSED("--per-host: ", "--per-host=");
	REFUSED("--scope: ", "--scope=galaxy");
	REFUSED("--depth: ", "--exclude", "kept until then", "--depth=-1");
}

static void
an_unknown_option_is_told_the_nearest(void **state)
{
	(void)state;
	REFUSED("no option --per-hots; did you mean --per-host?", "--per-hots=3");
	REFUSED("did you mean --max-pages?", "--max-page", "3");
	REFUSED("trawl crawl --help lists them", "--zzzzzzzzzzzzzzzz");
	/* What came with the command line may have come from elsewhere. */
	REFUSED("--\\x1b[31m", "--\033[31m");
}

static void
help_names_every_option(void **state)
{
	char flag[OPTION_FLAG_MAX];
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	assert_int_equal(args_help(true, &out), 0);
	for (size_t i = 0; i < OPTION_ID_MAX; i++) {
		option_flag(&option_rows[i], flag);
		if (strstr(buf_cstr(&out), flag) == NULL)
			fail_msg("%s is not in the help", flag);
	}
	assert_non_null(
	    strstr(buf_cstr(&out), " (yes; --no-sitemaps)\n")); /* how to have it off */
	assert_non_null(strstr(buf_cstr(&out), " this often (1s)\n"));
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_value_follows_an_equals_sign_or_is_the_next_word),
	    cmocka_unit_test(a_value_may_hold_equals_signs_and_begin_with_a_dash),
	    cmocka_unit_test(switches_go_on_and_off),
	    cmocka_unit_test(after_two_dashes_all_are_words),
	    cmocka_unit_test(short_flags_may_be_written_together),
	    cmocka_unit_test(the_directory_is_given_in_four_ways),
	    cmocka_unit_test(a_missing_value_is_named),
	    cmocka_unit_test(a_wrong_value_is_named_with_its_option),
	    cmocka_unit_test(an_unknown_option_is_told_the_nearest),
	    cmocka_unit_test(help_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
