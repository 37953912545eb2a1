#include "net/curl_heap.h"
#include "net/transport_int.h"
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"

enum { LARGE = READ_BYTES + 1 };

static int
heap_begin(void **state)
{
	(void)state;
	curl_heap_begin();
	return 0;
}

static int
heap_end(void **state)
{
	(void)state;
	curl_heap_end();
	assert_int_equal(alloc_fail.live, 0);
	return 0;
}

static void
what_was_given_back_is_taken_again(void **state)
{
	static const size_t sizes[] = {1, 16, 17, 100, 2048, LARGE};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		void *p = curl_heap_malloc(sizes[i]), *q;

		curl_heap_free(p);
		assert_true(curl_heap_kept() >= sizes[i]);
		q = curl_heap_malloc(sizes[i]);
		assert_ptr_equal(q, p);
		curl_heap_free(q);
	}
}

static void
a_block_has_the_room_that_was_asked_for(void **state)
{
	(void)state;
	for (int round = 0; round < 2; round++)
		for (size_t n = 0; n < 5000; n++) {
			char *p = curl_heap_malloc(n);

			assert_true(malloc_usable_size(p) >= n);
			memset(p, 1, n);
			curl_heap_free(p);
		}
	for (size_t n = READ_BYTES - 100; n < READ_BYTES + 200; n++) {
		char *p = curl_heap_malloc(n);

		assert_true(malloc_usable_size(p) >= n);
		memset(p, 1, n);
		curl_heap_free(p);
	}
}

static void
what_is_kept_has_a_bound(void **state)
{
	enum { N = 2000 };
	static void *blocks[N];
	static const size_t sizes[] = {40, 2000, LARGE};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (size_t k = 0; k < N; k++) {
			blocks[k] = curl_heap_malloc(sizes[i]);
			assert_non_null(blocks[k]);
		}
		for (size_t k = 0; k < N; k++)
			curl_heap_free(blocks[k]);
		assert_true(curl_heap_kept() <=
			    CURL_HEAP_KEPT_BYTES_MAX +
				(size_t)CURL_HEAP_LARGE_KEPT_MAX * (LARGE + 15));
	}
}

static void
what_is_to_be_zero_is_zero(void **state)
{
	static const char zero[3000];

	(void)state;
	for (size_t n = 1; n < sizeof(zero); n++) {
		char *p = curl_heap_malloc(n), *q;

		memset(p, 0xff, malloc_usable_size(p));
		curl_heap_free(p);
		q = curl_heap_calloc(n, 1);
		assert_memory_equal(q, zero, n);
		curl_heap_free(q);
	}
	assert_null(curl_heap_calloc(SIZE_MAX / 2, 3));
	assert_null(curl_heap_calloc(3, SIZE_MAX / 2));
	curl_heap_free(curl_heap_calloc(0, 7));
	curl_heap_free(curl_heap_calloc(7, 0));
}

static void
what_grows_and_shrinks_keeps_its_bytes(void **state)
{
	static const size_t sizes[] = {
	    1, 20, 30, 500, 3000, 100000, 2000, 2048, 90, 17, 0, 64};
	size_t old = 0;
	char *p = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t same = old < sizes[i] ? old : sizes[i];

		p = curl_heap_realloc(p, sizes[i]);
		assert_true(malloc_usable_size(p) >= sizes[i]);
		for (size_t k = 0; k < same; k++)
			assert_int_equal((unsigned char)p[k], k & 0xff);
		for (size_t k = 0; k < sizes[i]; k++)
			p[k] = (char)(k & 0xff);
		old = sizes[i];
	}
	curl_heap_free(p);
}

static void
a_text_is_copied_whole(void **state)
{
	char *p = curl_heap_strdup("Content-Type"), *q = curl_heap_strdup("");

	(void)state;
	assert_string_equal(p, "Content-Type");
	assert_string_equal(q, "");
	curl_heap_free(p);
	curl_heap_free(q);
	curl_heap_free(NULL);
}

static void *
gives_back(void *block)
{
	curl_heap_free(block);
	assert_int_equal(curl_heap_kept(), 0);
	return curl_heap_malloc(100);
}

static void
a_thread_that_keeps_nothing_may_give_back_what_is_another_ones(void **state)
{
	pthread_t thread;
	void *p = curl_heap_malloc(100), *q;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, gives_back, p), 0);
	assert_int_equal(pthread_join(thread, &q), 0);
	assert_int_equal(curl_heap_kept(), 0);
	curl_heap_free(q);
	assert_true(curl_heap_kept() > 0);
}

static void
nothing_is_kept_before_the_first_begin_and_after_the_last_end(void **state)
{
	(void)state;
	curl_heap_free(curl_heap_malloc(100));
	assert_int_equal(curl_heap_kept(), 0);
	curl_heap_begin();
	curl_heap_begin();
	curl_heap_end();
	curl_heap_free(curl_heap_malloc(100));
	assert_true(curl_heap_kept() >= 100);
	curl_heap_end();
	assert_int_equal(curl_heap_kept(), 0);
	assert_int_equal(alloc_fail.live, 0);
	curl_heap_end(); /* of one that had no memory to begin */
}

static void
a_thread_without_memory_for_it_keeps_nothing(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		curl_heap_begin();
		curl_heap_free(curl_heap_malloc(100));
		assert_int_equal(curl_heap_kept() > 0, !alloc_fail.failed);
		curl_heap_end();
		assert_int_equal(curl_heap_kept(), 0);
	}
}

int
main(void)
{
#define KEEPING(f) cmocka_unit_test_setup_teardown(f, heap_begin, heap_end)
	const struct CMUnitTest tests[] = {
	    KEEPING(what_was_given_back_is_taken_again),
	    KEEPING(a_block_has_the_room_that_was_asked_for),
	    KEEPING(what_is_kept_has_a_bound),
	    KEEPING(what_is_to_be_zero_is_zero),
	    KEEPING(what_grows_and_shrinks_keeps_its_bytes),
	    KEEPING(a_text_is_copied_whole),
	    KEEPING(a_thread_that_keeps_nothing_may_give_back_what_is_another_ones),
	    cmocka_unit_test(
		nothing_is_kept_before_the_first_begin_and_after_the_last_end),
	    cmocka_unit_test(a_thread_without_memory_for_it_keeps_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
