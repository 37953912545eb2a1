#include "crawl/score.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { NOW = 1700000000 };

static struct score *
score_of(const char *order, const char *const *words)
{
	struct score *s;
	struct options o;
	json_t *settings;
	struct why why;

	assert_int_equal(options_init(&o), 0);
	assert_int_equal(
	    option_set(&o, &option_rows[OPTION_ID_crawl_order], slice_cstr(order), NULL),
	    0);
	for (; words != NULL && *words != NULL; words++)
		assert_int_equal(option_set(&o, &option_rows[OPTION_ID_crawl_focus],
				     slice_cstr(*words), NULL),
		    0);
	settings = score_settings(&o);
	assert_non_null(settings);
	if (score_new(settings, &s, &why) < 0)
		fail_msg("%s", why.text);
	json_decref(settings);
	options_release(&o);
	return s;
}
#define FOCUS(...) score_of("focus", (const char *const[]){__VA_ARGS__, NULL})

static int
entry(const struct score *s, double priority, int64_t lastmod_s)
{
	struct sitemap_entry e = {.priority = priority, .lastmod_s = lastmod_s};

	return score_sitemap(s, &e, NOW);
}

static void
a_sitemaps_priority_and_date_make_a_score(void **state)
{
	struct score *s = score_of("sitemap", NULL);

	(void)state;
	assert_int_equal(entry(s, -1, SITEMAP_NO_TIME), 0);
	assert_int_equal(entry(s, 0.5, SITEMAP_NO_TIME), 0);
	assert_int_equal(entry(s, 1, SITEMAP_NO_TIME), 50);
	assert_int_equal(entry(s, 0, SITEMAP_NO_TIME), -50);
	assert_int_equal(entry(s, 0.8, SITEMAP_NO_TIME), 30);
	assert_int_equal(entry(s, -1, NOW - 3600), 50);
	assert_int_equal(entry(s, -1, NOW - 86400 * 6), 35);
	assert_int_equal(entry(s, -1, NOW - 86400 * 29), 20);
	assert_int_equal(entry(s, -1, NOW - 86400 * 300), 5);
	assert_int_equal(entry(s, -1, NOW - 86400L * 4000), 0);
	assert_int_equal(entry(s, 1, NOW), 100);
	/* Whoever dates a page to next year gets nothing for it. */
	assert_int_equal(entry(s, -1, NOW + 86400 * 365), 0);
	assert_false(score_wants_words(s));
	score_free(s);
}

static void
other_orders_look_at_no_page(void **state)
{
	(void)state;
	assert_null(score_of("bfs", NULL));
	assert_null(score_of("priority", (const char *const[]){"word", NULL}));
	assert_int_equal(entry(NULL, 1, NOW), 0);
	assert_int_equal(score_page(NULL, SLICE_LIT("a"), SLICE_LIT("b")), 0);
	assert_int_equal(score_anchor(NULL, SLICE_LIT("a")), 0);
	assert_false(score_wants_words(NULL));
}

static void
words_count_once_in_a_link_and_by_their_share_on_a_page(void **state)
{
	struct score *s = FOCUS("Bread", "flour", "Hefe", "salz");
	char text[4096] = "";

	(void)state;
	assert_true(score_wants_words(s));
	assert_int_equal(score_anchor(s, SLICE_LIT("about us")), 0);
	assert_int_equal(score_anchor(s, SLICE_LIT("BREAD, bread and breadth")), 30);
	assert_int_equal(score_anchor(s, SLICE_LIT("Bread of flour")), 60);
	assert_int_equal(score_anchor(s, SLICE_LIT("bread flour hefe salz")), 90);
	assert_int_equal(score_page(s, SLICE_LIT("Home"), SLICE_LIT("nothing here")), 0);
	/* One of 50 at least, however short the page. */
	assert_int_equal(score_page(s, SLICE_LIT("Bread"), (struct slice){0}), 7);
	for (int i = 0; i < 100; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ",
		    i % 20 == 0 ? "bread" : "word");
	assert_int_equal(score_page(s, (struct slice){0}, slice_cstr(text)), 18);
	for (int i = 0; i < 40; i++)
		(void)snprintf(
		    text + strlen(text), sizeof(text) - strlen(text), "flour ");
	assert_int_equal(score_page(s, (struct slice){0}, slice_cstr(text)), 37);
	score_free(s);
}

static void
what_is_not_one_word_is_refused(void **state)
{
	struct why why;

	(void)state;
	assert_int_equal(score_word_check(SLICE_LIT("two words"), &why), -EINVAL);
	assert_string_equal(why.text, "'two words' is not one word");
	assert_int_equal(score_word_check(SLICE_LIT(""), &why), -EINVAL);
	assert_int_equal(score_word_check(SLICE_LIT("-"), &why), -EINVAL);
	assert_int_equal(score_word_check(SLICE_LIT("Käse"), &why), 0);
}

static void
scores_stay_within_the_bounds_of_priorities(void **state)
{
	(void)state;
	assert_int_equal(score_add(100, 90), 127);
	assert_int_equal(score_add(-100, -90), -127);
	assert_int_equal(score_add(-3, 90), 87);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sitemaps_priority_and_date_make_a_score),
	    cmocka_unit_test(other_orders_look_at_no_page),
	    cmocka_unit_test(words_count_once_in_a_link_and_by_their_share_on_a_page),
	    cmocka_unit_test(what_is_not_one_word_is_refused),
	    cmocka_unit_test(scores_stay_within_the_bounds_of_priorities),
	};

	return cmocka_run_group_tests_name("crawl/score", tests, NULL, NULL);
}
