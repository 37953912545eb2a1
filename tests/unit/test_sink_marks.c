#include "sink/lines.h"
#include "test_sink_kit.h"
#include <errno.h>

/* What the mark of a file of lines vouches for. */

static void
put_and_mark(struct kit_env *e, const char *url, struct buf *mark)
{
	struct sink_event ev = {
	    .kind = SINK_REJECT, .outcome = OUTCOME_TRAP, .url = slice_cstr(url)};

	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	buf_clear(mark);
	assert_int_equal(sink_mark(e->s, mark), 0);
}

static int
verified(struct kit_env *e, const struct buf *mark)
{
	return sink_verify("rejected-log", e->dir, buf_slice(mark), &e->why);
}

static void
a_mark_vouches_for_each_byte_also_of_lines_of_earlier_runs(void **state)
{
	struct kit_env *e = *state;
	struct buf mark, wrote;
	struct slice s;

	buf_init(&mark, 100);
	buf_init(&wrote, 1000);
	assert_int_equal(
	    sink_open("rejected-log", &e->conf, (struct slice){0}, &e->s, &e->why), 0);
	put_and_mark(e, "http://a.test/1", &mark);
	assert_int_equal(sink_close(e->s, false, &e->why), 0);
	assert_int_equal(
	    sink_open("rejected-log", &e->conf, buf_slice(&mark), &e->s, &e->why), 0);
	put_and_mark(e, "http://a.test/2", &mark);
	assert_int_equal(verified(e, &mark), 0);
	s = kit_file(e->dir, "rejected.log");
	assert_int_equal(buf_add_slice(&wrote, s), 0);
	for (size_t i = 0; i < wrote.len; i++) {
		wrote.ptr[i] ^= 1;
		kit_write(e->dir, "rejected.log", buf_slice(&wrote));
		assert_int_equal(verified(e, &mark), -EBADMSG);
		wrote.ptr[i] ^= 1;
	}
	kit_write(e->dir, "rejected.log", slice_head(s, s.len - 1));
	assert_int_equal(verified(e, &mark), -EBADMSG);
	kit_free(s);
	buf_release(&wrote);
	buf_release(&mark);
}

/* Its marks are lengths only, and so are those of files that it began. */
static void
marks_of_an_older_trawl_are_gone_on_with(void **state)
{
	struct kit_env *e = *state;
	struct buf mark;
	struct slice s;

	buf_init(&mark, 100);
	kit_write(e->dir, "rejected.log", SLICE_LIT("old\nnot committed\n"));
	assert_int_equal(
	    sink_open("rejected-log", &e->conf, SLICE_LIT("4"), &e->s, &e->why), 0);
	put_and_mark(e, "http://a.test/2", &mark);
	assert_slice(buf_slice(&mark), "29");
	assert_int_equal(verified(e, &mark), 0);
	s = kit_file(e->dir, "rejected.log");
	assert_slice(s, "old\ntrap\thttp://a.test/2\t-\t-\n");
	kit_free(s);
	buf_release(&mark);
}

/* So that parts of a text can be added as they come. */
static void
sums_of_lines_add_up(void **state)
{
	struct slice text = SLICE_LIT("one\n\ntwo\nthree\n");

	(void)state;
	for (size_t i = 0; i <= text.len; i++)
		if (i == 0 || text.ptr[i - 1] == '\n')
			assert_int_equal(lines_sum(slice_head(text, i)) +
					     lines_sum(slice_from(text, i)),
			    lines_sum(text));
	assert_int_not_equal(lines_sum(SLICE_LIT("one\n")), lines_sum(SLICE_LIT("one")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_mark_vouches_for_each_byte_also_of_lines_of_earlier_runs, kit_env_up,
		kit_env_down),
	    cmocka_unit_test_setup_teardown(
		marks_of_an_older_trawl_are_gone_on_with, kit_env_up, kit_env_down),
	    cmocka_unit_test(sums_of_lines_add_up),
	};

	return cmocka_run_group_tests_name("sink/marks", tests, NULL, NULL);
}
