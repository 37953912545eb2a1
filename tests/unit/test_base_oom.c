/* Out of memory at each allocation in turn: it is returned, nothing leaks, nothing
 * changes. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/escape.h"
#include "base/heap.h"
#include "base/json.h"
#include "base/line_sorter.h"
#include "base/log.h"
#include "base/map.h"
#include "base/sorter.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"

static void
a_c_string_without_room_for_its_nul_is_null(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct buf b;

		buf_init(&b, 64);
		if (buf_reserve(&b, 64) == 0) {
			memset(b.ptr, 'x', 64);
			b.len = 64;
			if (buf_cstr(&b) == NULL)
				assert_int_equal(b.len, 64);
			else
				assert_int_equal(strlen(b.ptr), 64);
		}
		buf_release(&b);
	}
	assert_false(alloc_fail.failed);
}

static int
buf_step(struct buf *b, int step)
{
	switch (step % 7) {
	case 0:
		return buf_add(b, "0123456789012345678901234567890123456789", 40);
	case 1:
		return buf_printf(b, "%d %s", step, "short");
	case 2:
		return buf_printf(b, "%400d", step);
	case 3:
		return buf_cstr(b) == NULL ? -ENOMEM : 0;
	case 4:
		return escape_json(b, SLICE_LIT("a\"\x01\xff\n bcd"));
	case 5:
		return escape_terminal(b, SLICE_LIT("a\x1b[0m\xff \\"));
	default:
		return escape_html(b, SLICE_LIT("<&\"'> and so on"));
	}
}

static void
a_buf_is_untouched_by_what_it_had_no_memory_for(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		char was[8192];
		struct buf b;

		buf_init(&b, sizeof(was));
		for (int step = 0; step < 50; step++) {
			size_t len = b.len;
			int r;

			if (len > 0)
				memcpy(was, b.ptr, len);
			r = buf_step(&b, step);
			if (r == 0)
				continue;
			assert_int_equal(r, -ENOMEM);
			assert_true(alloc_fail.failed);
			assert_true(slice_eq(buf_slice(&b), slice_of(was, len)));
			/* It is not broken: with memory the same goes on. */
			assert_int_equal(buf_step(&b, step), 0);
		}
		buf_release(&b);
	}
	assert_false(alloc_fail.failed);
}

static void
an_arena_gives_null_and_goes_on_later(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		unsigned char *p[40];
		struct slice s = SLICE_LIT("kept");
		struct arena a;

		arena_init(&a, 256, 1 << 16);
		for (size_t i = 0; i < 40; i++) {
			size_t used = a.used_bytes;

			p[i] = arena_alloc(&a, i * 20);
			if (p[i] == NULL) {
				assert_int_equal(a.used_bytes, used);
				p[i] = arena_alloc(&a, i * 20);
			}
			assert_non_null(p[i]);
			memset(p[i], (int)i, i * 20);
		}
		for (size_t i = 0; i < 40; i++)
			for (size_t k = 0; k < i * 20; k++)
				assert_int_equal(p[i][k], i);
		if (!arena_copy(&a, SLICE_LIT("new"), &s))
			assert_true(slice_eq(s, SLICE_LIT("kept")));
		arena_reset(&a);
		if (arena_text(&a, 1000) == NULL)
			assert_true(alloc_fail.failed);
		arena_release(&a);
	}
	assert_false(alloc_fail.failed);
}

static void
a_map_keeps_what_it_has(void **state)
{
	static char keys[500][4];

	(void)state;
	for (size_t i = 0; i < 500; i++)
		memcpy(keys[i], &(uint32_t){(uint32_t)i}, 4);
	for (int n = 0; alloc_fail_round(n); n++) {
		struct map m;
		struct umap u;

		map_init(&m, 500);
		umap_init(&u, 500);
		for (size_t i = 0; i < 500; i++) {
			struct slice key = slice_of(keys[i], 4);
			int r = map_put(&m, key, keys[i]);

			if (r < 0) {
				assert_int_equal(r, -ENOMEM);
				assert_int_equal(m.len, i);
				assert_null(map_get(&m, key));
				assert_int_equal(map_put(&m, key, keys[i]), 0);
			}
			r = umap_put(&u, i, keys[i]);
			if (r < 0) {
				assert_int_equal(r, -ENOMEM);
				assert_int_equal(u.len, i);
				assert_null(umap_get(&u, i));
				assert_int_equal(umap_put(&u, i, keys[i]), 0);
			}
		}
		for (size_t i = 0; i < 500; i++) {
			assert_ptr_equal(map_get(&m, slice_of(keys[i], 4)), keys[i]);
			assert_ptr_equal(umap_get(&u, i), keys[i]);
		}
		map_release(&m);
		umap_release(&u);
	}
	assert_false(alloc_fail.failed);
}

static void
a_heap_keeps_its_nodes_and_its_order(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct heap_node nodes[200];
		uint64_t last = 0, key;
		struct heap h;

		heap_init(&h, 200);
		for (size_t i = 0; i < 200; i++) {
			int r;

			heap_node_init(&nodes[i]);
			r = heap_push(&h, &nodes[i], i * 7919 % 101);
			if (r == 0)
				continue;
			assert_int_equal(r, -ENOMEM);
			assert_false(heap_has(&nodes[i]));
			assert_int_equal(h.len, i);
			heap_check(&h);
			assert_int_equal(heap_push(&h, &nodes[i], i * 7919 % 101), 0);
		}
		heap_check(&h);
		while (heap_pop(&h, &key) != NULL) {
			assert_true(key >= last);
			last = key;
		}
		heap_release(&h);
	}
	assert_false(alloc_fail.failed);
}

static void
json_is_whole_or_not_there(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct jsonw j;
		struct buf b;

		buf_init(&b, 1 << 16);
		if (buf_add_cstr(&b, "line\n") < 0)
			assert_int_equal(buf_add_cstr(&b, "line\n"), 0);
		jsonw_init(&j, &b);
		jsonw_object(&j, NULL);
		for (int i = 0; i < 100; i++) {
			jsonw_str(&j, "text", SLICE_LIT("some \"text\" with \xff in it"));
			jsonw_int(&j, "int", i);
			jsonw_real(&j, "real", i);
			jsonw_bool(&j, "bool", i % 2 == 0);
		}
		jsonw_object_end(&j);
		if (j.err < 0) {
			assert_int_equal(j.err, -ENOMEM);
			assert_true(slice_eq(buf_slice(&b), SLICE_LIT("line\n")));
		} else {
			assert_true(
			    slice_ends(buf_slice(&b), SLICE_LIT(",\"bool\":false}")));
		}
		buf_release(&b);
	}
	assert_false(alloc_fail.failed);
}

static void
copies_and_log_texts_fail_softly(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct log_text store;
		char *copy = slice_dup(SLICE_LIT("text"));
		const char *text = log_text(&store, SLICE_LIT("text"));

		assert_true(copy == NULL || strcmp(copy, "text") == 0);
		assert_true(strcmp(text, "text") == 0 || strcmp(text, "") == 0);
		assert_true(alloc_fail.failed == (copy == NULL || text[0] == '\0'));
		free(copy);
	}
	assert_false(alloc_fail.failed);
}

static int
u32_cmp(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int
sort_numbers(struct sorter *s)
{
	uint32_t k, got = 0;
	int r = 0;

	for (uint32_t i = 0; i < 3000 && r == 0; i++) {
		k = 2999 - i;
		r = sorter_add(s, &k);
	}
	if (r == 0)
		r = sorter_sort(s);
	while (r == 0 && (r = sorter_next(s, &k)) > 0) {
		assert_int_equal(k, got++);
		r = 0;
	}
	assert_true(r < 0 || got == 3000);
	return r;
}

static void
sorting_through_a_file_fails_softly(void **state)
{
	const struct sorter_conf conf = {sizeof(uint32_t), 1024, u32_cmp, "/tmp"};

	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct sorter *s = NULL;
		int r = sorter_new(&conf, &s);

		if (r == 0)
			r = sort_numbers(s);
		assert_int_equal(r, alloc_fail.failed ? -ENOMEM : 0);
		sorter_free(s);
	}
	assert_false(alloc_fail.failed);
}

/* The first lines are short: the buffers they are read through must grow. */
static int
sort_lines(struct line_sorter *s)
{
	static char text[20000];
	struct slice line;
	size_t last = 0;
	int r = 0, got = 0;

	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < 100 && r == 0; i++)
		r = line_sorter_add(s, slice_of(text, i % 2 == 0 ? i : sizeof(text) - i));
	if (r == 0)
		r = line_sorter_sort(s);
	while (r == 0 && (r = line_sorter_next(s, &line)) > 0) {
		assert_true(got++ == 0 || line.len >= last);
		last = line.len;
		r = 0;
	}
	assert_true(r < 0 || got == 100);
	return r;
}

static void
sorting_lines_through_a_file_fails_softly(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct line_sorter *s = NULL;
		int r = line_sorter_new("/tmp", 256 << 10, &s);

		if (r == 0)
			r = sort_lines(s);
		assert_int_equal(r, alloc_fail.failed ? -ENOMEM : 0);
		line_sorter_free(s);
	}
	assert_false(alloc_fail.failed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_buf_is_untouched_by_what_it_had_no_memory_for),
	    cmocka_unit_test(a_c_string_without_room_for_its_nul_is_null),
	    cmocka_unit_test(an_arena_gives_null_and_goes_on_later),
	    cmocka_unit_test(a_map_keeps_what_it_has),
	    cmocka_unit_test(a_heap_keeps_its_nodes_and_its_order),
	    cmocka_unit_test(json_is_whole_or_not_there),
	    cmocka_unit_test(copies_and_log_texts_fail_softly),
	    cmocka_unit_test(sorting_through_a_file_fails_softly),
	    cmocka_unit_test(sorting_lines_through_a_file_fails_softly),
	};

	return cmocka_run_group_tests_name("base/oom", tests, NULL, NULL);
}
