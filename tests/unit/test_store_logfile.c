#include "store/logfile.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "store_log.h"

enum { BLOCK = LOG_BLOCK, HEAD = LOG_HEAD };

/* A record of `n` bytes that begins with its length. */
static void
add_record(struct log *l, size_t n)
{
	char *bytes = calloc(1, n + 1);

	assert_non_null(bytes);
	memset(bytes, 'x', n);
	(void)snprintf(bytes, n, "%zu ", n);
	log_add_record(l, bytes, n);
	free(bytes);
}

static void
flip(struct log *l, uint64_t at)
{
	char c;

	assert_int_equal(pread(l->fd, &c, 1, (off_t)at), 1);
	c ^= 0x10;
	assert_int_equal(pwrite(l->fd, &c, 1, (off_t)at), 1);
}

static void
expect_end(struct log *l, uint64_t want)
{
	uint64_t end = 0;

	assert_int_equal(logfile_check(l->fd, &end, NULL, NULL), 0);
	assert_int_equal(end, want);
}

static void
checksums_are_those_of_rfc_3720(void **state)
{
	char bytes[32];

	(void)state;
	assert_int_equal(crc32c(SLICE_LIT("")), 0);
	assert_int_equal(crc32c(SLICE_LIT("123456789")), 0xe3069283u);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(crc32c(slice_of(bytes, sizeof(bytes))), 0x8a9136aau);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(crc32c(slice_of(bytes, sizeof(bytes))), 0x62a8ab43u);
	for (int i = 0; i < 32; i++)
		bytes[i] = (char)i;
	assert_int_equal(crc32c(slice_of(bytes, sizeof(bytes))), 0x46dd794eu);
}

static void
a_sound_log_is_sound_to_its_end(void **state)
{
	static const size_t sizes[] = {0, 1, 100, BLOCK - 7, BLOCK - 120, BLOCK,
	    3 * BLOCK, 5, BLOCK - 40, 200000, 1};
	struct log l = log_new();

	(void)state;
	expect_end(&l, 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		add_record(&l, sizes[i]);
		expect_end(&l, l.len);
	}
	/* Records that end at every distance from the end of a block. */
	for (size_t i = 0; i < 40; i++) {
		size_t left = BLOCK - l.len % BLOCK;

		add_record(&l, left > 100 ? left - HEAD - i / 2 : 1);
		expect_end(&l, l.len);
	}
	(void)close(l.fd);
}

static void
what_is_torn_off_ends_at_the_record_before(void **state)
{
	struct log l = log_new();
	uint64_t before, whole;

	(void)state;
	add_record(&l, 1000);
	before = l.len;
	add_record(&l, 2 * BLOCK);
	whole = l.len;
	for (uint64_t len = whole - 1; len > before;
	     len -= 997 < len - before ? 997 : 1) {
		assert_int_equal(ftruncate(l.fd, (off_t)len), 0);
		expect_end(&l, before);
	}
	/* Zeros where a file was enlarged beforehand. */
	assert_int_equal(ftruncate(l.fd, (off_t)before), 0);
	assert_int_equal(ftruncate(l.fd, 10 * BLOCK), 0);
	expect_end(&l, before);
	(void)close(l.fd);
}

static void
a_flipped_byte_ends_it_wherever_it_is(void **state)
{
	struct log l = log_new();
	uint64_t begin[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		begin[i] = l.len;
		add_record(&l, 20);
	}
	for (uint64_t at = 0; at < l.len; at++) {
		flip(&l, at);
		expect_end(&l, at < begin[1] ? 0 : at < begin[2] ? begin[1] : begin[2]);
		flip(&l, at);
	}
	(void)close(l.fd);
}

static void
fragments_out_of_order_end_it(void **state)
{
	static const int orders[][3] = {
	    {3, 4, 1}, {4, 1, 1}, {2, 2, 4}, {2, 1, 1}, {9, 1, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct log l = log_new();
		uint64_t sound;

		add_record(&l, 10);
		sound = l.len;
		for (int k = 0; k < 3; k++)
			log_add_fragment(&l, orders[i][k], "abc", 3);
		expect_end(&l, sound);
		(void)close(l.fd);
		store_dir_remove_last();
	}
}

/* Notes their sizes, with which they begin. */
static int
note_record(void *ctx, struct slice record)
{
	size_t *sizes = ctx, n;
	char text[32];

	(void)snprintf(text, sizeof(text), SLICE_FMT, SLICE_ARG(slice_head(record, 20)));
	n = strtoull(text, NULL, 10);
	assert_int_equal(record.len, n);
	assert_int_equal(record.ptr[n - 1], 'x');
	sizes[++sizes[0]] = n;
	return sizes[0] == 5 ? -EINTR : 0;
}

static void
records_are_shown_whole_and_reading_goes_on_where_it_ended(void **state)
{
	size_t sizes[16] = {0};
	struct log l = log_new();
	uint64_t end = 0;

	(void)state;
	add_record(&l, 50);
	add_record(&l, BLOCK - 50 - 2 * HEAD - 10); /* leaves ten bytes of this block */
	add_record(&l, 500);
	assert_int_equal(logfile_check(l.fd, &end, note_record, sizes), 0);
	assert_int_equal(end, l.len);
	add_record(&l, 3 * BLOCK);
	assert_int_equal(logfile_check(l.fd, &end, note_record, sizes), 0);
	assert_int_equal(end, l.len);
	assert_int_equal(sizes[0], 4);
	assert_int_equal(sizes[1], 50);
	assert_int_equal(sizes[2], BLOCK - 50 - 2 * HEAD - 10);
	assert_int_equal(sizes[3], 500);
	assert_int_equal(sizes[4], 3 * BLOCK);
	/* Unless whoever is shown them has seen enough. */
	add_record(&l, 30);
	add_record(&l, 40);
	assert_int_equal(logfile_check(l.fd, &end, note_record, sizes), -EINTR);
	assert_int_equal(sizes[0], 5);
	(void)close(l.fd);
}

static void
what_is_added_reads_back_as_long_as_it_fits_into_a_block(void **state)
{
	struct log l = log_new();
	char bytes[300];
	struct buf b;
	uint64_t end = 0;

	(void)state;
	memset(bytes, 'r', sizeof(bytes));
	buf_init(&b, 2 * BLOCK);
	for (size_t n = 0; n < 100; n++)
		assert_int_equal(logfile_add(&b, slice_of(bytes, n * 3)), 0);
	log_add_bytes(&l, b.ptr, b.len);
	expect_end(&l, b.len);
	log_add_record(&l, bytes, 100);
	expect_end(&l, l.len);
	while (logfile_add(&b, slice_of(bytes, sizeof(bytes))) == 0)
		end = b.len;
	assert_int_equal(b.len, end);
	assert_true(b.len <= BLOCK && b.len > BLOCK - HEAD - sizeof(bytes));
	b.max = b.cap = b.len;
	assert_int_equal(logfile_add(&b, (struct slice){0}), -EMSGSIZE);
	buf_release(&b);
	(void)close(l.fd);
}

static int
logs_are_removed(void **state)
{
	(void)state;
	store_dir_remove();
	return 0;
}

#define T(f) cmocka_unit_test_teardown(f, logs_are_removed)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(checksums_are_those_of_rfc_3720),
	    T(a_sound_log_is_sound_to_its_end),
	    T(what_is_torn_off_ends_at_the_record_before),
	    T(a_flipped_byte_ends_it_wherever_it_is),
	    T(fragments_out_of_order_end_it),
	    T(records_are_shown_whole_and_reading_goes_on_where_it_ended),
	    T(what_is_added_reads_back_as_long_as_it_fits_into_a_block),
	};

	return cmocka_run_group_tests_name("store/logfile", tests, NULL, NULL);
}
