#include "frontier/keys.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frontier/order.h"
#include "web/url.h"

static void
a_key_tells_its_authority_and_its_low_part(void **state)
{
	uint64_t host = 0, low = 0;
	struct key k;

	(void)state;
	key_make(&k, 0xfedcba9876543210u, 77);
	assert_true(key_parse(key_whole(&k), &host, &low));
	assert_int_equal(host, 0xfedcba9876543210u);
	assert_int_equal(low, 77);
	assert_int_equal(k.bytes[0], 0xfedcba9876543210u % URL_SHARDS);
	assert_true(slice_starts(key_whole(&k), key_host(&k)));
	assert_int_equal(key_host(&k).len, KEY_HOST_BYTES);
}

static void
keys_of_an_authority_sort_as_numbers(void **state)
{
	const uint64_t sorted[] = {0, 1, 255, 256, 65535, (uint64_t)1 << 32,
	    (uint64_t)1 << 63, UINT64_MAX - 1, UINT64_MAX};
	struct key a, b;

	(void)state;
	for (size_t i = 1; i < sizeof(sorted) / sizeof(sorted[0]); i++) {
		key_make(&a, 42, sorted[i - 1]);
		key_make(&b, 42, sorted[i]);
		assert_true(memcmp(a.bytes, b.bytes, KEY_BYTES) < 0);
		assert_memory_equal(a.bytes, b.bytes, KEY_HOST_BYTES);
	}
}

static void
what_is_no_key_is_refused(void **state)
{
	uint64_t host = 5, low = 6;
	struct key k;

	(void)state;
	key_make(&k, 42, 1);
	assert_false(key_parse(slice_of(k.bytes, KEY_BYTES - 1), &host, &low));
	assert_false(key_parse((struct slice){0}, &host, &low));
	k.bytes[0] = 1; /* not the shard of 42 */
	assert_false(key_parse(key_whole(&k), &host, &low));
	assert_int_equal(host, 5);
	assert_int_equal(low, 6);
}

static uint64_t
order_key(const char *order, uint16_t depth, int16_t priority, uint64_t seq)
{
	const struct urlrec r = {.depth = depth, .priority = priority};

	return order_find(slice_cstr(order))->key(&r, seq);
}

static void
orders_are_found_by_name(void **state)
{
	const struct order *o;

	(void)state;
	o = order_find(SLICE_LIT("priority"));
	assert_non_null(o);
	assert_string_equal(o->name, "priority");
	assert_true(o->across_hosts);
	assert_true(order_find(SLICE_LIT("sitemap"))->across_hosts);
	assert_true(order_find(SLICE_LIT("focus"))->across_hosts);
	assert_true(order_find(SLICE_LIT("opic"))->across_hosts);
	assert_false(order_find(SLICE_LIT("bfs"))->across_hosts);
	assert_false(order_find(SLICE_LIT("dfs"))->across_hosts);
	assert_null(order_find(SLICE_LIT("random")));
	assert_null(order_find(SLICE_LIT("")));
	assert_string_equal(order_names(), "bfs, dfs, priority, sitemap, focus, opic");
}

static void
bfs_goes_by_depth_then_by_age(void **state)
{
	(void)state;
	assert_true(order_key("bfs", 0, 0, 9) < order_key("bfs", 1, 0, 1));
	assert_true(order_key("bfs", 1, 0, 1) < order_key("bfs", 1, 0, 2));
	assert_true(order_key("bfs", 65534, 0, 9) < order_key("bfs", 65535, 0, 1));
}

static void
dfs_takes_the_newest(void **state)
{
	(void)state;
	assert_true(order_key("dfs", 5, 0, 2) < order_key("dfs", 0, 0, 1));
	assert_true(order_key("dfs", 0, 0, UINT64_MAX) < order_key("dfs", 0, 0, 0));
}

static void
priority_goes_by_priority_then_depth_then_age(void **state)
{
	(void)state;
	assert_true(order_key("priority", 9, 1, 9) < order_key("priority", 0, 0, 1));
	assert_true(order_key("priority", 9, 127, 9) < order_key("priority", 9, 126, 9));
	assert_true(
	    order_key("priority", 0, -127, 9) < order_key("priority", 0, -128, 1));
	assert_true(order_key("priority", 1, 5, 9) < order_key("priority", 2, 5, 1));
	assert_true(order_key("priority", 1, 5, 1) < order_key("priority", 1, 5, 2));
	/* Depth saturates, priority is clamped. */
	assert_true(order_key("priority", 255, 5, 1) < order_key("priority", 9999, 5, 2));
	assert_int_equal(
	    order_key("priority", 0, 300, 1), order_key("priority", 0, 127, 1));
	assert_int_equal(
	    order_key("priority", 0, -300, 1), order_key("priority", 0, -128, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_tells_its_authority_and_its_low_part),
	    cmocka_unit_test(keys_of_an_authority_sort_as_numbers),
	    cmocka_unit_test(what_is_no_key_is_refused),
	    cmocka_unit_test(orders_are_found_by_name),
	    cmocka_unit_test(bfs_goes_by_depth_then_by_age),
	    cmocka_unit_test(dfs_takes_the_newest),
	    cmocka_unit_test(priority_goes_by_priority_then_depth_then_age),
	};

	return cmocka_run_group_tests_name("frontier/keys", tests, NULL, NULL);
}
