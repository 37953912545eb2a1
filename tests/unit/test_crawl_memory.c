#include "crawl/crawl_internal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)

static struct crawl_memory
share_out(int64_t all, int64_t body, int64_t decoded)
{
	struct crawl_memory m;
	struct options o;

	assert_int_equal(options_init(&o), 0);
	o.limits_max_memory = all;
	o.fetch_max_body = body;
	o.fetch_max_decoded = decoded;
	m = crawl_memory(&o);
	options_release(&o);
	return m;
}

static void
no_share_is_more_than_its_part_whatever_bodies_are_asked_for(void **state)
{
	(void)state;
	for (uint64_t all = 128 * MIB; all <= 65536 * MIB; all += all / 7)
		for (uint64_t body = 1; body <= 1024 * MIB; body *= 3) {
			struct crawl_memory m =
			    share_out((int64_t)all, (int64_t)body, (int64_t)body);

			assert_true(m.arena_bytes <= all / 2);
			assert_true(m.arena_bytes >= 64 * MIB);
			/* with its head a body takes a block of twice its size */
			assert_true(m.body_bytes_max * 2 <= m.arena_bytes / 2);
			assert_true(m.body_bytes_max <= body);
			assert_true(m.decoded_bytes_max <= all / 8);
			assert_true(m.decoded_bytes_max <= body);
			assert_true(m.tasks_bytes <= all / 4);
			assert_true(m.sqlite_bytes >= 512 << 10);
			assert_true(m.arena_bytes + m.frontier_bytes + m.store_bytes +
					m.seen_bytes + m.result_bytes + m.tasks_bytes +
					m.sqlite_bytes <=
				    all + m.arena_lent_bytes);
			/* Whatever is lent, there is room for one of the largest, as it
			 * moves into a block of twice its size. */
			assert_true(m.arena_lent_bytes + m.seen_more_bytes +
					m.body_bytes_max * 2 <=
				    m.arena_bytes);
			assert_true(m.arena_lent_bytes < m.seen_more_bytes);
		}
}

static void
what_is_usual_is_not_cut(void **state)
{
	struct crawl_memory m = share_out(512 << 20, 64 << 20, 64 << 20);

	(void)state;
	assert_int_equal(m.body_bytes_max, 64 * MIB);
	assert_int_equal(m.decoded_bytes_max, 64 * MIB);
	m = share_out(256 << 20, 64 << 20, 64 << 20);
	assert_int_equal(m.body_bytes_max, 32 * MIB);
	assert_int_equal(m.decoded_bytes_max, 32 * MIB);
}

static void
without_a_limit_there_is_one_nevertheless(void **state)
{
	struct crawl_memory m = share_out(OPTION_NONE, 1 << 30, 1 << 30);

	(void)state;
	assert_int_equal(m.arena_bytes, 2048 * MIB);
	assert_int_equal(m.body_bytes_max, 512 * MIB);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		no_share_is_more_than_its_part_whatever_bodies_are_asked_for),
	    cmocka_unit_test(what_is_usual_is_not_cut),
	    cmocka_unit_test(without_a_limit_there_is_one_nevertheless),
	};

	return cmocka_run_group_tests_name("crawl/memory", tests, NULL, NULL);
}
