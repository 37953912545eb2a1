#include "crawl/options.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct option_row *
row(const char *flag)
{
	bool off;
	const struct option_row *r = option_by_flag(slice_cstr(flag), &off);

	assert_non_null(r);
	return r;
}

static int
set(struct options *o, const char *flag, const char *value, struct why *why)
{
	return option_set(o, row(flag), slice_cstr(value), why);
}

static void
defaults_are_those_of_the_table(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(options_init(&o), 0);
	assert_int_equal(o.crawl_scope, SCOPE_HOST);
	assert_int_equal(o.fetch_concurrency, 64);
	assert_int_equal(o.fetch_per_host, 1);
	assert_true(o.fetch_delay == OPTION_AUTO);
	assert_true(o.fetch_max_body == 64 << 20);
	assert_true(o.limits_max_pages == OPTION_NONE);
	assert_true(o.crawl_sitemaps);
	for (size_t i = 0; i < OPTION_ID_MAX; i++)
		assert_false(o.given[i]);
	options_release(&o);
}

static void
every_default_and_every_word_is_taken_back_as_it_is_printed(void **state)
{
	struct options o, copy;
	struct buf value;

	(void)state;
	assert_int_equal(options_init(&o), 0);
	assert_int_equal(options_init(&copy), 0);
	buf_init(&value, 4096);
	for (size_t i = 0; i < OPTION_ID_MAX; i++) {
		const struct option_row *r = &option_rows[i];
		struct slice word;

		if (option_get(&o, r, 0, &value))
			assert_int_equal(
			    option_set(&copy, r, buf_slice(&value), NULL), 0);
		for (uint32_t w = 0; r->type == OPTION_ENUM && option_word(r, w, &word);
		     w++) {
			assert_int_equal(option_set(&o, r, word, NULL), 0);
			assert_true(option_get(&o, r, 0, &value));
			assert_true(slice_eq(buf_slice(&value), word));
		}
	}
	buf_release(&value);
	options_release(&o);
	options_release(&copy);
}

static void
numbers_are_read_in_the_units_that_people_write(void **state)
{
	int64_t v;

	(void)state;
	assert_true(parse_duration(SLICE_LIT("500ms"), &v) && v == 500);
	assert_true(parse_duration(SLICE_LIT("10s"), &v) && v == 10000);
	assert_true(parse_duration(SLICE_LIT("1.5m"), &v) && v == 90000);
	assert_true(parse_duration(SLICE_LIT("2h"), &v) && v == 7200000);
	assert_true(parse_duration(SLICE_LIT("3"), &v) && v == 3000);
	assert_true(parse_size(SLICE_LIT("64KiB"), &v) && v == 65536);
	assert_true(parse_size(SLICE_LIT("1GB"), &v) && v == 1000000000);
	assert_true(parse_size(SLICE_LIT("10MB/s"), &v) && v == 10000000);
	for (size_t i = 0; i < 8; i++) {
		static const char *const bad[] = {
		    "", "s", "-1s", "1x", "0x10", "1e3", "nan", "99999999999999999999TB"};

		assert_false(parse_duration(slice_cstr(bad[i]), &v));
		assert_false(parse_size(slice_cstr(bad[i]), &v));
	}
}

static bool
is_number(const struct option_row *r)
{
	return r->type != OPTION_BOOL && r->type != OPTION_ENUM &&
	       r->type != OPTION_STR && r->type != OPTION_LIST;
}

static void
a_number_has_neither_sign_nor_blanks_about_it(void **state)
{
	static const char *const bad[] = {
	    " 4", "4 ", "\t4", "4\n", "+4", "-4", "- 4", "", " "};
	struct options o;
	struct why why;
	int numbers = 0;

	(void)state;
	assert_int_equal(options_init(&o), 0);
	for (size_t i = 0; i < OPTION_ID_MAX; i++) {
		const struct option_row *r = &option_rows[i];

		numbers += is_number(r);
		for (size_t k = 0; is_number(r) && k < sizeof(bad) / sizeof(bad[0]);
		     k++) {
			assert_int_equal(
			    option_set(&o, r, slice_cstr(bad[k]), &why), -EINVAL);
			assert_non_null(strstr(why.text, "is not a"));
		}
		assert_false(o.given[i]);
	}
	assert_true(numbers > 40);
	assert_int_equal(set(&o, "max-body", "4 MiB", &why), 0);
	assert_int_equal(set(&o, "delay", "1.5 s", &why), 0);
	options_release(&o);
}

static void
an_empty_value_is_no_item_of_a_list(void **state)
{
	struct options o;
	struct why why;

	(void)state;
	assert_int_equal(options_init(&o), 0);
	for (size_t i = 0; i < OPTION_ID_MAX; i++) {
		if (option_rows[i].type != OPTION_LIST)
			continue;
		assert_int_equal(
		    option_set(&o, &option_rows[i], SLICE_LIT(""), &why), -EINVAL);
		assert_string_equal(
		    why.text, "an empty value says nothing: leave the option out");
	}
	options_release(&o);
}

static void
a_wrong_value_is_told_with_what_would_be_right(void **state)
{
	static const struct {
		const char *flag, *value, *text;
	} cases[] = {
	    {"per-host", "0", "'0' is not between 1 and 1000"},
	    {"per-host", "many", "'many' is not a whole number"},
	    {"scope", "world", "'world' is not one of page|prefix|host|domain|any"},
	    {"delay", "soon",
		"'soon' is not a duration such as 500ms, 10s, 5m or 2h, nor auto"},
	    {"max-body", "big", "'big' is not a size such as 500KiB, 64MiB or 1GB"},
	    {"insecure", "maybe", "'maybe' is neither yes nor no"},
	    {"rate", "fast", "'fast' is not a rate such as 5/s"},
	    {"max-pages", "0", "'0' is less than 1"},
	    {"max-memory", "1KiB", "'1KiB' is less than 128MiB"},
	    {"max-body", "2GiB", "'2GiB' is not between 1 and 1GiB"},
	    {"warc-size", "1000", "'1000' is less than 64KiB"},
	    {"extract", "p",
		"column 1 of 'p': NAME=SELECTOR was expected, as in title=h1 or "
		"links[]=a::attr(href), with a name of letters, digits, _, - and "
		". of up to 64 bytes"},
	    {"extract", "x=p:blink",
		"column 4 of 'x=p:blink': the pseudo-class ':blink' is not supported"},
	};
	struct options o;
	struct why why;

	(void)state;
	assert_int_equal(options_init(&o), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(set(&o, cases[i].flag, cases[i].value, &why), -EINVAL);
		assert_string_equal(why.text, cases[i].text);
	}
	assert_int_equal(o.fetch_per_host, 1);
	options_release(&o);
}

static void
no_rate_is_none_as_with_other_limits(void **state)
{
	static const char *const words[] = {"none", "unlimited", "0", "0/s", "None"};
	struct options o;
	struct buf value;
	struct why why;

	(void)state;
	assert_int_equal(options_init(&o), 0);
	assert_true(o.fetch_rate == 0);
	assert_string_equal(row("rate")->def, "none");
	buf_init(&value, 256);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		assert_int_equal(set(&o, "rate", "5/s", NULL), 0);
		assert_true(o.fetch_rate > 4);
		assert_int_equal(set(&o, "rate", words[i], NULL), 0);
		assert_true(o.fetch_rate == 0);
		assert_true(option_get(&o, row("rate"), 0, &value));
		assert_true(slice_eq(buf_slice(&value), SLICE_LIT("none")));
	}
	assert_int_equal(set(&o, "rate", "none/s", &why), -EINVAL);
	assert_string_equal(why.text, "'none/s' is not a rate such as 5/s");
	buf_release(&value);
	options_release(&o);
}

static void
slow_rates_are_kept(void **state)
{
	struct options o;
	struct buf value;

	(void)state;
	assert_int_equal(options_init(&o), 0);
	buf_init(&value, 256);
	assert_int_equal(set(&o, "rate", "1/h", NULL), 0);
	assert_true(o.fetch_rate > 0.000277 && o.fetch_rate < 0.000278);
	assert_true(option_get(&o, row("rate"), 0, &value));
	assert_int_equal(option_set(&o, row("rate"), buf_slice(&value), NULL), 0);
	assert_true(o.fetch_rate > 0.000277 && o.fetch_rate < 0.000278);
	buf_release(&value);
	options_release(&o);
}

static void
control_characters_are_refused(void **state)
{
	struct options o;
	struct why why;

	(void)state;
	assert_int_equal(options_init(&o), 0);
	assert_int_equal(set(&o, "user-agent", "a\tb", &why), -EINVAL);
	assert_int_equal(set(&o, "exclude", "a\nb", &why), -EINVAL);
	assert_null(o.fetch_user_agent);
	assert_int_equal(o.crawl_exclude.n, 0);
	options_release(&o);
}

static void
flags_are_found_by_name_by_their_negation_and_by_likeness(void **state)
{
	bool off = true;

	(void)state;
	assert_int_equal(
	    option_by_flag(SLICE_LIT("per-host"), &off)->id, OPTION_ID_fetch_per_host);
	assert_false(off);
	assert_int_equal(
	    option_by_flag(SLICE_LIT("no-sitemaps"), &off)->id, OPTION_ID_crawl_sitemaps);
	assert_true(off);
	assert_null(option_by_flag(SLICE_LIT("no-scope"), &off));
	assert_null(option_by_flag(SLICE_LIT("nonsense"), &off));
	assert_int_equal(option_nearest((struct slice){0}, SLICE_LIT("per-hots"))->id,
	    OPTION_ID_fetch_per_host);
	assert_null(option_nearest((struct slice){0}, SLICE_LIT("zzzzzzzzzz")));
}

static void
a_key_is_looked_for_in_its_own_section_first(void **state)
{
	static const struct {
		const char *section, *name;
		enum option_id id;
	} keys[] = {
	    {"mirror", "link", OPTION_ID_mirror_mirror_links},
	    {"output", "sinks", OPTION_ID_output_sink},
	    {"s3", "timout", OPTION_ID_s3_s3_timeout},
	    {"fetch", "timout", OPTION_ID_fetch_timeout},
	    {"exec", "stall_timeuot", OPTION_ID_exec_exec_stall_timeout},
	    {"limits", "depth", OPTION_ID_crawl_depth}, /* right, but elsewhere */
	    {"crawl", "per_hots", OPTION_ID_fetch_per_host},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct option_row *row =
		    option_nearest(slice_cstr(keys[i].section), slice_cstr(keys[i].name));

		assert_non_null(row);
		assert_int_equal(row->id, keys[i].id);
	}
}

static void
what_is_given_overrules_and_lists_are_replaced(void **state)
{
	struct options file, line;

	(void)state;
	assert_int_equal(options_init(&file), 0);
	assert_int_equal(options_init(&line), 0);
	assert_int_equal(set(&file, "exclude", "a", NULL), 0);
	assert_int_equal(set(&file, "exclude", "b", NULL), 0);
	assert_int_equal(set(&file, "per-host", "7", NULL), 0);
	assert_int_equal(set(&line, "exclude", "c", NULL), 0);
	assert_int_equal(options_merge(&file, &line), 0);
	assert_int_equal(file.crawl_exclude.n, 1);
	assert_string_equal(file.crawl_exclude.v[0], "c");
	assert_int_equal(file.fetch_per_host, 7);
	options_release(&file);
	options_release(&line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_are_those_of_the_table),
	    cmocka_unit_test(every_default_and_every_word_is_taken_back_as_it_is_printed),
	    cmocka_unit_test(numbers_are_read_in_the_units_that_people_write),
	    cmocka_unit_test(a_number_has_neither_sign_nor_blanks_about_it),
	    cmocka_unit_test(an_empty_value_is_no_item_of_a_list),
	    cmocka_unit_test(a_wrong_value_is_told_with_what_would_be_right),
	    cmocka_unit_test(no_rate_is_none_as_with_other_limits),
	    cmocka_unit_test(slow_rates_are_kept),
	    cmocka_unit_test(control_characters_are_refused),
	    cmocka_unit_test(flags_are_found_by_name_by_their_negation_and_by_likeness),
	    cmocka_unit_test(a_key_is_looked_for_in_its_own_section_first),
	    cmocka_unit_test(what_is_given_overrules_and_lists_are_replaced),
	};

	return cmocka_run_group_tests_name("crawl/options", tests, NULL, NULL);
}
