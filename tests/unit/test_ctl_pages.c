#include "ctl/line_walk.h"
#include "ctl/page_line.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- walking ---- */

static int
file_of(const char *text, size_t len)
{
	int fd = memfd_create("lines", 0);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	return fd;
}

struct got {
	char text[256];
	unsigned max, n;
};

static int
on_line(void *ctx, struct slice line)
{
	struct got *g = ctx;
	size_t len = strlen(g->text);

	(void)snprintf(
	    g->text + len, sizeof(g->text) - len, SLICE_FMT "|", SLICE_ARG(line));
	return ++g->n == g->max ? LINE_ENOUGH : LINE_GO_ON;
}

static void
lines_are_told_onwards_from_a_place(void **state)
{
	int fd = file_of("one\ntwo\n\nfour\nhal", 17);
	struct line_walk w = {.scan_max = 1000};
	struct got g = {.max = 2};

	(void)state;
	assert_int_equal(line_walk(fd, &w, on_line, &g), 0);
	assert_string_equal(g.text, "one|two|");
	assert_int_equal(w.at, 8);
	assert_false(w.is_over);
	assert_int_equal(line_walk(fd, &w, on_line, &g), 0);
	/* What has no end yet is not a line. */
	assert_string_equal(g.text, "one|two||four|");
	assert_int_equal(w.at, 14);
	assert_true(w.is_over);
	close(fd);
}

static void
lines_are_told_backwards_from_the_end(void **state)
{
	int fd = file_of("one\ntwo\n\nfour\nhal", 17);
	struct line_walk w = {.backwards = true, .scan_max = 1000};
	struct got g = {.max = 3};

	(void)state;
	assert_int_equal(line_walk_end(fd, &w.at), 0);
	assert_int_equal(w.at, 14);
	assert_int_equal(line_walk(fd, &w, on_line, &g), 0);
	assert_string_equal(g.text, "four||two|");
	assert_false(w.is_over);
	assert_int_equal(line_walk(fd, &w, on_line, &g), 0);
	assert_string_equal(g.text, "four||two|one|");
	assert_true(w.is_over);
	close(fd);
}

static void
a_place_within_a_line_or_behind_the_end_is_none(void **state)
{
	int fd = file_of("one\ntwo\n", 8);
	struct got g = {.max = 9};

	(void)state;
	for (int backwards = 0; backwards < 2; backwards++) {
		struct line_walk w = {.backwards = backwards, .scan_max = 10, .at = 2};

		assert_int_equal(line_walk(fd, &w, on_line, &g), -EINVAL);
		w.at = 9;
		assert_int_equal(line_walk(fd, &w, on_line, &g), -EINVAL);
		w.at = UINT64_MAX;
		assert_int_equal(line_walk(fd, &w, on_line, &g), -EINVAL);
	}
	close(fd);
}

static int
count(void *ctx, struct slice line)
{
	uint64_t *n = ctx;

	assert_true(line.len >= 9);
	(*n)++;
	return LINE_GO_ON;
}

/* A million lines, some longer than what is read at once: each is told once, in bounded
 * bites, in either direction. */
static void
a_large_file_is_walked_in_bites(void **state)
{
	enum { LINES = 1000000, BITE = 1 << 20 };
	FILE *f = tmpfile();
	char *longer = malloc(600001);
	uint64_t size;

	(void)state;
	assert_non_null(f);
	memset(longer, 'x', 600000);
	longer[600000] = '\0';
	for (int i = 0; i < LINES; i++) {
		fprintf(f, "%09d%s\n", i, i == 700000 ? longer : "");
	}
	assert_int_equal(fflush(f), 0);
	size = (uint64_t)ftello(f);
	for (int backwards = 0; backwards < 2; backwards++) {
		struct line_walk w = {.backwards = backwards, .scan_max = BITE};
		uint64_t n = 0, bites = 0, from;

		if (backwards)
			assert_int_equal(line_walk_end(fileno(f), &w.at), 0);
		do {
			from = w.at;
			assert_int_equal(line_walk(fileno(f), &w, count, &n), 0);
			bites++;
			assert_true(
			    (backwards ? from - w.at : w.at - from) <= BITE + (1 << 20));
		} while (!w.is_over);
		assert_int_equal(n, LINES);
		assert_true(bites >= size / (2 * BITE));
	}
	free(longer);
	fclose(f);
}

static void
a_line_without_end_is_refused(void **state)
{
	size_t len = LINE_WALK_BYTES_MAX + 10;
	char *text = malloc(len);
	int fd;

	(void)state;
	memset(text, 'x', len);
	text[len - 1] = '\n';
	fd = file_of(text, len);
	for (int backwards = 0; backwards < 2; backwards++) {
		struct line_walk w = {.backwards = backwards,
		    .scan_max = 100 << 20,
		    .at = backwards ? len : 0};
		struct got g = {.max = 9};

		assert_int_equal(line_walk(fd, &w, on_line, &g), -EBADMSG);
	}
	close(fd);
	free(text);
}

/* ---- filters ---- */

#define LINE                                                                             \
	"{\"v\":1,\"url\":\"https://a.example/"                                          \
	"x\\u007fy?q=\\\"\",\"outcome\":\"http-4xx\","                                   \
	"\"status\":404,\"mime\":\"text/html\",\"title\":\"a,}\\\"url\\\":\\\"b\","      \
	"\"ms\":{\"status\":1}}"

static bool
wants(const struct page_filter *f, const char *line)
{
	struct buf room;
	int r;

	buf_init(&room, 64 << 10);
	r = page_is_wanted(f, slice_cstr(line), &room);
	assert_true(r == 0 || r == 1);
	buf_release(&room);
	return r == 1;
}

static void
filters_go_by_outcome_status_type_and_url(void **state)
{
	struct page_filter f = {0};
	struct slice bad;

	(void)state;
	assert_true(wants(&f, LINE));
	assert_true(page_filter_outcomes(&f, slice_cstr("ok"), &bad));
	assert_false(wants(&f, LINE));
	assert_true(page_filter_outcomes(&f, slice_cstr("http-4xx"), &bad));
	assert_true(wants(&f, LINE));
	assert_true(page_filter_statuses(&f, slice_cstr("200,5xx"), &bad));
	assert_false(wants(&f, LINE));
	assert_true(page_filter_statuses(&f, slice_cstr("4xx"), &bad));
	assert_true(wants(&f, LINE));
	f.mime = SLICE_LIT("TEXT/");
	f.prefix = SLICE_LIT("https://a.example/");
	f.contains = SLICE_LIT("q=\"");
	assert_true(wants(&f, LINE));
	f.contains = SLICE_LIT("x\177y");
	assert_true(wants(&f, LINE));
	f.contains = SLICE_LIT("title");
	assert_false(wants(&f, LINE));
	f.contains = (struct slice){0};
	f.mime = SLICE_LIT("image/");
	assert_false(wants(&f, LINE));
}

static void
words_that_are_no_filter_are_named(void **state)
{
	struct page_filter f = {0};
	struct slice bad;

	(void)state;
	assert_false(page_filter_outcomes(&f, slice_cstr("ok,nonsense"), &bad));
	assert_true(slice_eq(bad, SLICE_LIT("nonsense")));
	assert_false(page_filter_statuses(&f, slice_cstr("20"), &bad));
	assert_false(page_filter_statuses(&f, slice_cstr("0xx"), &bad));
	assert_false(page_filter_statuses(&f, slice_cstr("1,,"), &bad));
	f.statuses_len = 0;
	assert_false(page_filter_statuses(
	    &f, slice_cstr("200,201,202,203,204,205,206,207,208"), &bad));
}

static void
what_is_no_page_is_not_wanted(void **state)
{
	static const char *const lines[] = {"", "{", "{}", "[]", "{\"url\"",
	    "{\"url\":\"x", "{\"url\":\"\\", "nonsense", "{\"a\":{\"url\":\"x\"}}"};
	struct page_filter f = {.contains = SLICE_LIT("x")};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(wants(&f, lines[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_are_told_onwards_from_a_place),
	    cmocka_unit_test(lines_are_told_backwards_from_the_end),
	    cmocka_unit_test(a_place_within_a_line_or_behind_the_end_is_none),
	    cmocka_unit_test(a_large_file_is_walked_in_bites),
	    cmocka_unit_test(a_line_without_end_is_refused),
	    cmocka_unit_test(filters_go_by_outcome_status_type_and_url),
	    cmocka_unit_test(words_that_are_no_filter_are_named),
	    cmocka_unit_test(what_is_no_page_is_not_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
