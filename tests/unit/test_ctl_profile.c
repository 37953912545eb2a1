#include "ctl/profile.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
what_perf_prints_is_read_and_what_is_not_understood_is_left_out(void **state)
{
	struct profile_hot h = {0};

	(void)state;
	profile_perf_parse(
	    &h, SLICE_LIT("\n# a comment\n"
			  "   40.25%;libc.so.6      ;[.] memcpy\n"
			  "    9.50%;trawl;[.] a(b;c) \x1b[2J\n"
			  "  no percent;x;y\n"
			  "   0.00%;x;[.] nothing\n"
			  "    1.00%;[kernel.kallsyms];[k] do_syscall_64"));
	assert_int_equal(h.n, 3);
	assert_true(h.v[0].percent > 40.2 && h.v[0].percent < 40.3);
	assert_string_equal(h.v[0].object, "libc.so.6");
	assert_string_equal(h.v[0].function, "memcpy");
	assert_string_equal(h.v[1].function, "a(b;c) ?[2J");
	assert_string_equal(h.v[2].object, "[kernel.kallsyms]");
	assert_string_equal(h.v[2].function, "do_syscall_64");
}

static void
only_the_hottest_are_kept_and_names_are_cut(void **state)
{
	static char text[200 * 400];
	struct profile_hot h = {0};
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		char line[300];

		memset(line, 'f', sizeof(line));
		memcpy(line, "0.50%;o;[.] ", 12);
		line[299] = '\n';
		memcpy(text + n, line, sizeof(line));
		n += sizeof(line);
	}
	profile_perf_parse(&h, slice_of(text, n));
	assert_int_equal(h.n, PROFILE_HOT_MAX);
	assert_int_equal(strlen(h.v[0].function), sizeof(h.v[0].function) - 1);
}

static void
the_heap_and_its_arenas_are_found_and_it_is_json(void **state)
{
	struct profile *p = calloc(1, sizeof(*p));
	void *block = malloc(300000);
	struct buf text;
	struct jsonw j;
	json_t *root, *heap;

	(void)state;
	assert_non_null(p);
	assert_non_null(block);
	memset(block, 1, 300000);
	histogram_add(&p->stages[CRAWL_STAGE_PARSE], 1500);
	profile_look(p, "/", 0);
#ifndef TRAWL_SANITIZED /* which has a heap of its own */
	assert_true(p->heap.used_bytes + p->heap.mapped_bytes >= 300000);
	assert_true(p->arenas_len >= 1);
#endif
	buf_init(&text, 64 << 10);
	jsonw_init(&j, &text);
	profile_write(p, &j);
	assert_int_equal(j.err, 0);
	root = json_loadb(text.ptr, text.len, 0, NULL);
	assert_non_null(root);
	heap = json_object_get(root, "heap");
	assert_int_equal(json_array_size(json_object_get(heap, "arenas")), p->arenas_len);
	assert_int_equal(
	    json_integer_value(json_object_get(
		json_object_get(json_object_get(root, "stages"), "parse"), "count")),
	    1);
	assert_null(json_object_get(root, "functions")); /* nobody asked */
	json_decref(root);
	buf_release(&text);
	free(block);
	free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		what_perf_prints_is_read_and_what_is_not_understood_is_left_out),
	    cmocka_unit_test(only_the_hottest_are_kept_and_names_are_cut),
	    cmocka_unit_test(the_heap_and_its_arenas_are_found_and_it_is_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
