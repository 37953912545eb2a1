#include "web/link.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
each_kind_has_a_known_hop_and_only_links_to_parts_and_pages_share_a_name(void **state)
{
	(void)state;
	for (int k = 0; k < LINK_KIND_MAX; k++) {
		struct slice name = slice_cstr(link_kind_name((enum link_kind)k));

		assert_true(name.len > 0);
		assert_non_null(strchr("-LEXRIPF", link_kind_hop((enum link_kind)k)));
		for (int other = 0; other < k; other++)
			if (k != LINK_LINK_PAGE && k != LINK_HEADER_LINK_PAGE)
				assert_false(slice_eq(name,
				    slice_cstr(link_kind_name((enum link_kind)other))));
	}
}

static void
what_a_page_needs_to_be_shown_is_an_embed(void **state)
{
	(void)state;
	assert_true(link_kind_is_embed(LINK_IMG));
	assert_true(link_kind_is_embed(LINK_CSS));
	assert_false(link_kind_is_embed(LINK_A));
	assert_false(link_kind_is_embed(LINK_META_REFRESH));
	assert_false(link_kind_is_followed(LINK_FORM));
	assert_true(link_kind_is_followed(LINK_A));
	assert_true(link_kind_is_embed(LINK_HEADER_LINK));
	assert_false(link_kind_is_embed(LINK_HEADER_LINK_PAGE));
	assert_true(link_kind_is_guess(LINK_JSON_LD));
	assert_false(link_kind_is_followed(LINK_SPECULATIVE));
}

static void
only_what_a_probe_is_sent_on_to_is_made_up_with_it(void **state)
{
	static const struct {
		const char *path;
		bool moved;
	} cases[] = {{"SR", true}, {"LSR", true}, {"LLSRRR", true}, {"", false},
	    {"S", false}, {"R", false}, {"RR", false}, {"SRL", false}, {"SLR", false},
	    {"LR", false}, {"XR", false}, {"LXRR", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		    link_hops_moved_probe(slice_cstr(cases[i].path)), cases[i].moved);
	for (int k = 0; k < LINK_KIND_MAX; k++)
		assert_true(link_kind_hop((enum link_kind)k) != LINK_HOP_PROBE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		each_kind_has_a_known_hop_and_only_links_to_parts_and_pages_share_a_name),
	    cmocka_unit_test(what_a_page_needs_to_be_shown_is_an_embed),
	    cmocka_unit_test(only_what_a_probe_is_sent_on_to_is_made_up_with_it),
	};

	return cmocka_run_group_tests_name("web/link", tests, NULL, NULL);
}
