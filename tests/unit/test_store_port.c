#include "store/store.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fail_alloc.h"
#include "store_dir.h"

/* Every implementation of the port has to pass. */
static const char *kind;

static struct store *
open_store(void)
{
	struct store_conf conf = {.dir = store_dir_new()};
	struct store *s;
	struct why why;

	if (store_open(kind, &conf, &s, &why) < 0)
		fail_msg("%s", why.text);
	return s;
}

static struct store_batch *
new_batch(void)
{
	struct store_batch *b;

	assert_int_equal(store_batch_new(1 << 20, &b), 0);
	return b;
}

static void
put(struct store_batch *b, enum store_table t, const char *key, const char *value)
{
	assert_int_equal(store_batch_put(b, t, slice_cstr(key), slice_cstr(value)), 0);
}

static void
drop(struct store_batch *b, enum store_table t, const char *key)
{
	assert_int_equal(store_batch_delete(b, t, slice_cstr(key)), 0);
}

static void
apply(struct store *s, struct store_batch *b)
{
	struct why why;

	assert_int_equal(store_apply(s, b, true, &why), 0);
	assert_int_equal(store_batch_bytes(b), 0);
}

/* NULL: it must be absent. */
static void
expect(struct store *s, enum store_table t, const char *key, const char *value)
{
	struct buf b;
	int r;

	buf_init(&b, 1 << 20);
	assert_int_equal(buf_add_cstr(&b, "before"), 0);
	r = store_get(s, t, slice_cstr(key), &b);
	if (value == NULL) {
		assert_int_equal(r, -ENOENT);
		assert_true(slice_eq(buf_slice(&b), SLICE_LIT("before")));
	} else {
		assert_int_equal(r, 0);
		assert_true(slice_eq(buf_slice(&b), slice_cstr(value)));
	}
	buf_release(&b);
}

struct seen_keys {
	struct buf text; /* "key=value " of each */
	uint32_t stop_after;
};

static bool
note(void *ctx, struct slice key, struct slice value)
{
	struct seen_keys *k = ctx;

	assert_int_equal(buf_printf(&k->text, SLICE_FMT "=" SLICE_FMT " ", SLICE_ARG(key),
			     SLICE_ARG(value)),
	    0);
	return k->stop_after == 0 || --k->stop_after > 0;
}

static void
expect_scan(struct store *s, const char *prefix, const char *after, uint32_t max,
    uint32_t stop_after, const char *want)
{
	struct seen_keys k = {.stop_after = stop_after};

	buf_init(&k.text, 1 << 16);
	assert_int_equal(store_scan(s, STORE_QUEUE, slice_cstr(prefix), slice_cstr(after),
			     max, note, &k),
	    0);
	assert_string_equal(buf_cstr(&k.text), want);
	buf_release(&k.text);
}

static void
an_unknown_kind_is_refused_with_the_known_ones(void **state)
{
	struct store *s = NULL;
	struct why why;

	(void)state;
	assert_int_equal(store_open("postgres", NULL, &s, &why), -EINVAL);
	assert_null(s);
	assert_string_equal(why.text,
	    HAVE_ROCKSDB ? "no store is called 'postgres'; known: memory, rocksdb"
			 : "no store is called 'postgres'; known: memory");
	assert_int_equal(store_open("", NULL, &s, NULL), -EINVAL);
	store_close(NULL);
}

static void
what_was_put_is_got_from_its_table_only(void **state)
{
	struct store *s = open_store();
	struct store_batch *b = new_batch();

	(void)state;
	expect(s, STORE_META, "k", NULL);
	put(b, STORE_META, "k", "meta");
	put(b, STORE_HOST, "k", "");
	apply(s, b);
	expect(s, STORE_META, "k", "meta");
	expect(s, STORE_HOST, "k", "");
	expect(s, STORE_SEEN, "k", NULL);
	expect(s, STORE_META, "", NULL);
	store_batch_free(b);
	store_close(s);
}

static void
a_batch_has_no_effect_before_it_is_applied(void **state)
{
	struct store *s = open_store();
	struct store_batch *b = new_batch();

	(void)state;
	put(b, STORE_META, "k", "v");
	expect(s, STORE_META, "k", NULL);
	store_batch_free(b);
	store_close(s);
}

static void
a_batch_is_applied_in_its_order(void **state)
{
	struct store *s = open_store();
	struct store_batch *b = new_batch();

	(void)state;
	put(b, STORE_META, "twice", "1");
	put(b, STORE_META, "twice", "2");
	put(b, STORE_META, "gone", "x");
	drop(b, STORE_META, "gone");
	drop(b, STORE_META, "back");
	put(b, STORE_META, "back", "y");
	drop(b, STORE_META, "never was");
	apply(s, b);
	expect(s, STORE_META, "twice", "2");
	expect(s, STORE_META, "gone", NULL);
	expect(s, STORE_META, "back", "y");
	drop(b, STORE_META, "back");
	put(b, STORE_META, "back", "z");
	drop(b, STORE_META, "twice");
	apply(s, b);
	expect(s, STORE_META, "back", "z");
	expect(s, STORE_META, "twice", NULL);
	store_batch_free(b);
	store_close(s);
}

static void
a_scan_gives_the_keys_of_a_prefix_in_order_after_a_key(void **state)
{
	struct store *s = open_store();
	struct store_batch *b = new_batch();

	(void)state;
	put(b, STORE_QUEUE, "b2", "4");
	put(b, STORE_QUEUE, "b1", "3");
	put(b, STORE_QUEUE, "a", "1");
	put(b, STORE_QUEUE, "b", "2");
	put(b, STORE_QUEUE, "c", "5");
	apply(s, b);
	expect_scan(s, "", "", 100, 0, "a=1 b=2 b1=3 b2=4 c=5 ");
	expect_scan(s, "b", "", 100, 0, "b=2 b1=3 b2=4 ");
	expect_scan(s, "b", "b", 100, 0, "b1=3 b2=4 ");
	expect_scan(s, "b", "b11", 100, 0, "b2=4 ");
	expect_scan(s, "b", "a", 100, 0, "b=2 b1=3 b2=4 ");
	expect_scan(s, "b", "b2", 100, 0, "");
	expect_scan(s, "b", "c", 100, 0, "");
	expect_scan(s, "x", "", 100, 0, "");
	expect_scan(s, "", "b1", 100, 0, "b2=4 c=5 ");
	expect_scan(s, "", "", 2, 0, "a=1 b=2 ");
	expect_scan(s, "", "", 0, 0, "");
	expect_scan(s, "", "", 100, 3, "a=1 b=2 b1=3 ");
	store_batch_free(b);
	store_close(s);
}

static void
a_scan_ends_with_its_prefix_whatever_the_bytes(void **state)
{
	struct store *s = open_store();
	struct store_batch *b = new_batch();

	(void)state;
	put(b, STORE_QUEUE, "a\xfe", "1");
	put(b, STORE_QUEUE, "a\xff", "2");
	put(b, STORE_QUEUE, "a\xff\xff", "3");
	put(b, STORE_QUEUE, "b", "4");
	put(b, STORE_QUEUE, "\xff", "5");
	put(b, STORE_QUEUE, "\xff\xff!", "6");
	apply(s, b);
	expect_scan(s, "a\xff", "", 100, 0, "a\xff=2 a\xff\xff=3 ");
	expect_scan(s, "a\xff", "a\xff", 100, 0, "a\xff\xff=3 ");
	expect_scan(s, "a\xff", "a\xff\xff\xff", 100, 0, "");
	expect_scan(s, "\xff", "", 100, 0, "\xff=5 \xff\xff!=6 ");
	expect_scan(s, "\xff\xff", "", 100, 0, "\xff\xff!=6 ");
	store_batch_free(b);
	store_close(s);
}

static uint64_t
rng(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* A hundred random puts and deletes of one of 3,000 keys a table. */
static void
change_at_random(struct store_batch *b, uint64_t seed)
{
	char key[16];

	for (int i = 0; i < 100; i++) {
		enum store_table t = (enum store_table)(rng(&seed) % STORE_TABLE_MAX);

		(void)snprintf(key, sizeof(key), "%04d", (int)(rng(&seed) % 3000));
		if (rng(&seed) % 3 == 0)
			drop(b, t, key);
		else
			put(b, t, key, key + rng(&seed) % 4);
	}
}

static void
scan_at_random(struct store *s, uint64_t seed, struct buf *ret)
{
	enum store_table t = (enum store_table)(rng(&seed) % STORE_TABLE_MAX);
	size_t prefix_len = rng(&seed) % 4;
	uint32_t max = rng(&seed) % 3 == 0 ? 3 : UINT32_MAX;
	struct seen_keys k = {0};
	char from[16];

	(void)snprintf(from, sizeof(from), "%04d", (int)(rng(&seed) % 3000));
	buf_init(&k.text, 1 << 20);
	assert_int_equal(store_scan(s, t, slice_head(slice_cstr(from), prefix_len),
			     rng(&seed) % 2 == 0 ? slice_cstr(from) : (struct slice){0},
			     max, note, &k),
	    0);
	*ret = k.text;
}

static void
any_changes_leave_what_they_leave_in_memory(void **state)
{
	struct store *s = open_store(), *model;
	struct store_batch *b = new_batch();
	struct buf got, want;

	(void)state;
	assert_int_equal(store_open("memory", NULL, &model, NULL), 0);
	for (uint64_t round = 0; round < 300; round++) {
		change_at_random(b, round);
		apply(s, b);
		change_at_random(b, round);
		apply(model, b);
		scan_at_random(s, ~round, &got);
		scan_at_random(model, ~round, &want);
		assert_true(slice_eq(buf_slice(&got), buf_slice(&want)));
		buf_release(&got);
		buf_release(&want);
	}
	store_batch_free(b);
	store_close(s);
	store_close(model);
}

static void
keys_and_batches_have_their_limits(void **state)
{
	const struct slice longest = SLICE_LIT("012345678901234567890123456789012345678");
	const struct slice too_long =
	    SLICE_LIT("0123456789012345678901234567890123456789");
	struct store *s = open_store();
	struct store_batch *b;
	struct buf value;

	(void)state;
	assert_int_equal(longest.len, STORE_KEY_MAX);
	assert_int_equal(store_batch_new(100, &b), 0);
	assert_int_equal(store_batch_put(b, STORE_META, too_long, longest), -EMSGSIZE);
	assert_int_equal(store_batch_put(b, STORE_META, SLICE_LIT(""), longest), -EINVAL);
	assert_int_equal(store_batch_delete(b, STORE_META, too_long), -EMSGSIZE);
	assert_int_equal(store_batch_bytes(b), 0);
	assert_int_equal(store_batch_put(b, STORE_META, longest, SLICE_LIT("v")), 0);
	assert_int_equal(store_batch_put(b, STORE_META, longest, longest), -EMSGSIZE);
	apply(s, b);
	buf_init(&value, 100);
	assert_int_equal(store_get(s, STORE_META, longest, &value), 0);
	assert_true(slice_eq(buf_slice(&value), SLICE_LIT("v")));
	assert_int_equal(store_get(s, STORE_META, too_long, &value), -ENOENT);
	assert_int_equal(
	    store_scan(s, STORE_META, too_long, longest, 1, note, NULL), -EMSGSIZE);
	buf_release(&value);
	store_batch_free(b);
	store_close(s);
}

static void
a_value_too_large_for_the_buffer_leaves_it_untouched(void **state)
{
	struct store *s = open_store();
	struct store_batch *b = new_batch();
	struct buf value;

	(void)state;
	put(b, STORE_META, "k", "0123456789");
	apply(s, b);
	buf_init(&value, 4);
	assert_int_equal(buf_add_cstr(&value, "abc"), 0);
	assert_int_equal(store_get(s, STORE_META, SLICE_LIT("k"), &value), -EMSGSIZE);
	assert_true(slice_eq(buf_slice(&value), SLICE_LIT("abc")));
	buf_release(&value);
	store_batch_free(b);
	store_close(s);
}

enum { MANY = 200 };

static void
fill(struct store *s, struct store_batch *b)
{
	char key[16];

	for (int i = 0; i < MANY; i++) {
		(void)snprintf(key, sizeof(key), "%06d", i * 2);
		put(b, STORE_QUEUE, key, "old");
	}
	apply(s, b);
}

/* New keys between the old ones (nodes split), changed ones, and deleted ones. */
static void
change(struct store_batch *b)
{
	char key[16];

	for (int i = 0; i < MANY; i++) {
		(void)snprintf(key, sizeof(key), "%06d", i * 2 + 1);
		put(b, STORE_QUEUE, key, "new");
		(void)snprintf(key, sizeof(key), "%06d", i * 2);
		if (i % 3 == 0)
			put(b, STORE_QUEUE, key, "changed");
		else
			drop(b, STORE_QUEUE, key);
		if (i % 6 == 1)
			put(b, STORE_QUEUE, key, "again");
	}
}

static void
all_text(struct store *s, struct buf *ret)
{
	struct seen_keys k = {0};

	buf_init(&k.text, 1 << 20);
	assert_int_equal(store_scan(s, STORE_QUEUE, (struct slice){0}, (struct slice){0},
			     UINT32_MAX, note, &k),
	    0);
	*ret = k.text;
}

static void
a_batch_that_finds_no_memory_changes_nothing(void **state)
{
	struct store *s = open_store();
	struct store_batch *b = new_batch();
	struct buf before, after;
	struct why why;
	int64_t n;
	int r;

	(void)state;
	fill(s, b);
	all_text(s, &before);
	change(b);
	for (n = 0;; n++) {
		size_t bytes = store_batch_bytes(b);

		fail_alloc_after = n;
		r = store_apply(s, b, false, &why);
		fail_alloc_after = -1;
		if (r == 0)
			break;
		assert_int_equal(r, -ENOMEM);
		assert_int_equal(store_batch_bytes(b), bytes);
		all_text(s, &after);
		assert_true(slice_eq(buf_slice(&before), buf_slice(&after)));
		buf_release(&after);
	}
	assert_true(n > MANY); /* values and nodes were tried */
	all_text(s, &after);
	assert_false(slice_eq(buf_slice(&before), buf_slice(&after)));
	expect(s, STORE_QUEUE, "000001", "new");
	expect(s, STORE_QUEUE, "000000", "changed");
	expect(s, STORE_QUEUE, "000002", "again");
	expect(s, STORE_QUEUE, "000004", NULL);
	buf_release(&after);
	buf_release(&before);
	store_batch_free(b);
	store_close(s);
}

static void
opening_and_batching_report_a_lack_of_memory(void **state)
{
	struct store_batch *b = NULL;
	struct store *s = NULL;
	struct why why;

	(void)state;
	fail_alloc_after = 0;
	assert_int_equal(store_open("memory", NULL, &s, &why), -ENOMEM);
	assert_int_equal(store_batch_new(10, &b), -ENOMEM);
	fail_alloc_after = -1;
	assert_null(s);
	assert_null(b);
	b = new_batch();
	fail_alloc_after = 0;
	assert_int_equal(
	    store_batch_put(b, STORE_META, SLICE_LIT("k"), SLICE_LIT("v")), -ENOMEM);
	fail_alloc_after = -1;
	assert_int_equal(store_batch_bytes(b), 0);
	store_batch_free(b);
}

static int
stores_are_removed(void **state)
{
	(void)state;
	store_dir_remove();
	return 0;
}

#define T(f) cmocka_unit_test_teardown(f, stores_are_removed)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(what_was_put_is_got_from_its_table_only),
	    T(a_batch_has_no_effect_before_it_is_applied),
	    T(a_batch_is_applied_in_its_order),
	    T(a_scan_gives_the_keys_of_a_prefix_in_order_after_a_key),
	    T(a_scan_ends_with_its_prefix_whatever_the_bytes),
	    T(any_changes_leave_what_they_leave_in_memory),
	    T(keys_and_batches_have_their_limits),
	    T(a_value_too_large_for_the_buffer_leaves_it_untouched),
	};
	const struct CMUnitTest in_memory[] = {
	    cmocka_unit_test(an_unknown_kind_is_refused_with_the_known_ones),
	    T(a_batch_that_finds_no_memory_changes_nothing),
	    T(opening_and_batching_report_a_lack_of_memory),
	};
	int failed;

	kind = "memory";
	failed = cmocka_run_group_tests_name("store/memory", tests, NULL, NULL) +
		 cmocka_run_group_tests_name("store/memory alone", in_memory, NULL, NULL);
	if (HAVE_ROCKSDB) {
		kind = "rocksdb";
		failed += cmocka_run_group_tests_name("store/rocksdb", tests, NULL, NULL);
	}
	return failed;
}
