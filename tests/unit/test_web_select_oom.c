#include "web/page.h"
#include "web/select.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "alloc_fail.h"

static const struct slice specs[] = {SLICE_LIT("a[]=p > b::attr(class), p ::text"),
    SLICE_LIT("b=body"), SLICE_LIT("c[]=i:nth-of-type(2):not(.q)")};

static int
fields_make(struct select **ret)
{
	struct buf blob;
	int r;

	buf_init(&blob, SELECT_BLOB_MAX);
	r = select_compile(specs, 3, &blob, NULL);
	assert_true(r == 0 || (r == -ENOMEM && blob.len == 0));
	if (r == 0)
		r = select_new(buf_slice(&blob), ret);
	assert_true(r == 0 || r == -ENOMEM);
	buf_release(&blob);
	return r;
}

static void
fields_are_compiled_or_nothing_is_written(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct select *s = NULL;

		assert_true((fields_make(&s) == 0) == (s != NULL));
		select_free(s);
	}
}

/* Enough for every array to grow, and for each kind of copy. */
static struct slice
page_write(void)
{
	static char html[1 << 16];
	size_t n = 0;

	n += (size_t)snprintf(html, sizeof(html), "<p><b class='k &amp; l'>x");
	for (int i = 0; i < 70; i++)
		n += (size_t)snprintf(html + n, sizeof(html) - n, "<div>");
	for (int i = 0; i < 500; i++)
		n += (size_t)snprintf(html + n, sizeof(html) - n,
		    "<p>text &lt; %d <i></i><i>\xC3\xA9</i>", i);
	return slice_of(html, n);
}

static void
a_page_has_its_fields_or_is_out_of_memory(void **state)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct slice html = page_write();

	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct page page = {.fields_len = 7};
		struct select *s = NULL;
		struct arena arena;
		int r = fields_make(&s);

		arena_init(&arena, 512, 64 << 20);
		conf.fields = s;
		if (r == 0)
			r = page_parse(html, &conf, &arena, &page);
		if (r == 0)
			assert_int_equal(page.fields_len, SELECT_VALUES_MAX + 1 + 500);
		else
			assert_true(r == -ENOMEM && page.fields_len == 7);
		arena_release(&arena);
		select_free(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_are_compiled_or_nothing_is_written),
	    cmocka_unit_test(a_page_has_its_fields_or_is_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
