#include "sink/uploads.h"
#include "test_sink_kit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* What a server has to do with it, tests/e2e/test_s3.py shows. */

static struct uploads_conf
usual(void)
{
	return (struct uploads_conf){.s3 = {.endpoint = "http://127.0.0.1:1",
					 .region = "r",
					 .bucket = "crawls",
					 .access_key = "a",
					 .secret_key = "b",
					 .path_style = true,
					 .timeout_ms = 2000}};
}

static void
numbers_of_archive_files_are_read_from_their_names(void **state)
{
	static const struct {
		const char *name;
		bool is;
		uint64_t serial;
	} rows[] = {{"trawl-a-20260101000000000-00000.warc.gz", true, 0},
	    {"trawl-a-20260101000000000-00012.warc", true, 12},
	    {"trawl-a-20260101000000000-123456.warc.zst.open", true, 123456},
	    {"trawl-a.warc-7.warc.gz-20260101000000000-00003.warc.gz", true, 3},
	    {"trawl-a-20260101000000000-.warc.gz", false, 0}, {"trawl-a", false, 0},
	    {"other-00001.warc.gz", false, 0}, {"", false, 0}};
	uint64_t serial;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    uploads_serial(slice_cstr(rows[i].name), &serial), rows[i].is);
		if (rows[i].is)
			assert_int_equal(serial, rows[i].serial);
	}
}

static void
expect(const struct s3_conf *c, const char *sentence)
{
	struct why why = {""};
	struct s3 *s;

	assert_int_equal(s3_new(c, &s, &why), -EINVAL);
	if (strstr(why.text, sentence) != why.text)
		fail_msg("'%s' does not begin with '%s'", why.text, sentence);
}

static void
a_value_that_cannot_be_is_told_with_its_option(void **state)
{
	static const char *const endpoints[] = {NULL, "", "x y", "ftp://a", "http://u@a",
	    "http://a/b", "http://a/?b", "http://a/#b", "file:///etc"};
	static const char *const buckets[] = {NULL, "ab", "a/b", "../x", ".abc", "a b c"};
	struct s3_conf c = usual().s3;

	(void)state;
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
		c.endpoint = endpoints[i];
		expect(&c, "--s3-endpoint: ");
	}
	c = usual().s3;
	for (size_t i = 0; i < sizeof(buckets) / sizeof(buckets[0]); i++) {
		c.bucket = buckets[i];
		expect(&c, "--s3-bucket: ");
	}
	c = usual().s3;
	c.region = "a:b"; /* would be another word of libcurl's */
	expect(&c, "--s3-region: ");
	c = usual().s3;
	c.prefix = "a//b";
	expect(&c, "--s3-prefix: ");
	c = usual().s3;
	c.storage_class = "A\r\nB: c";
	expect(&c, "--s3-storage-class: ");
	c = usual().s3;
	c.secret_key = NULL;
	expect(&c, "--s3-credentials: ");
}

static void
digests_are_those_of_the_whole_file(void **state)
{
	static const unsigned char md5[] = {
	    0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0};
	static const unsigned char sha[] = {
	    0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
	const atomic_bool cancel = true;
	char dir[KIT_PATH_MAX], path[KIT_PATH_MAX + 8];
	struct s3_file f;
	struct why why;
	int fd;

	(void)state;
	kit_scratch(dir);
	kit_write(dir, "abc", SLICE_LIT("abc"));
	(void)snprintf(path, sizeof(path), "%s/abc", dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(s3_file_init(&f, fd, NULL, &why), 0);
	assert_int_equal(f.size, 3);
	assert_memory_equal(f.md5, md5, sizeof(md5));    /* RFC 1321 */
	assert_memory_equal(f.sha256, sha, sizeof(sha)); /* FIPS 180-2 */
	assert_int_equal(s3_file_init(&f, fd, &cancel, &why), -ECANCELED);
	assert_int_equal(ftruncate(fd, ((off_t)5 << 30) + 1), 0); /* sparse */
	assert_int_equal(s3_file_init(&f, fd, NULL, &why), -EFBIG);
	(void)close(fd);
	kit_remove(dir);
}

/* Nobody listens: what had to be put would fail. */
static void
what_the_log_tells_of_is_not_put_again(void **state)
{
	struct uploads_conf conf = usual();
	char dir[KIT_PATH_MAX];
	struct uploads *u;
	struct slice log;
	struct why why;

	(void)state;
	kit_scratch(dir);
	kit_write(dir, "a", SLICE_LIT("abc"));
	kit_write(dir, "b", SLICE_LIT("abd"));
	kit_write(dir, "c", SLICE_LIT("abc"));
	/* The last line has no end: that was not finished. */
	kit_write(dir, "s3.log",
	    SLICE_LIT("nonsense\n3 900150983cd24fb0d6963f7d28e17f72 a\n"
		      "3 900150983cd24fb0d6963f7d28e17f72 b\n"
		      "3 900150983cd24fb0d6963f7d28e17f72 c"));
	assert_int_equal(uploads_new(&conf, dir, NULL, NULL, &u, &why), 0);
	assert_int_equal(uploads_put(u, "a", &why), 0);
	assert_int_equal(uploads_put(u, "b", &why), -EAGAIN); /* has changed */
	assert_int_equal(slice_starts(slice_cstr(why.text), SLICE_LIT("b: ")), true);
	assert_int_equal(uploads_put(u, "c", &why), -EAGAIN);
	assert_int_equal(uploads_put(u, "gone", &why), -ENOENT);
	assert_int_equal(uploads_archive(u, UINT64_MAX, &why), -ENOENT);
	uploads_free(u);
	log = kit_file(dir, "s3.log");
	assert_true(slice_ends(log, SLICE_LIT(" b\n")));
	kit_free(log);
	kit_remove(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_of_archive_files_are_read_from_their_names),
	    cmocka_unit_test(a_value_that_cannot_be_is_told_with_its_option),
	    cmocka_unit_test(digests_are_those_of_the_whole_file),
	    cmocka_unit_test(what_the_log_tells_of_is_not_put_again),
	};

	return cmocka_run_group_tests_name("sink/uploads", tests, NULL, NULL);
}
