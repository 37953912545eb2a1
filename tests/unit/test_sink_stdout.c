#include "base/clock.h"
#include "sink/jsonl.h"
#include "test_sink_kit.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lost_time.h"

struct env {
	int ends[2];
	atomic_bool hurry;
	struct sink_conf conf;
	struct sink *s;
	struct why why;
};

static int
up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	assert_int_equal(pipe2(e->ends, O_CLOEXEC), 0);
	e->conf = kit_conf("/nonexistent");
	e->conf.out_fd = e->ends[1];
	e->conf.out_wait_ms = 10000;
	e->conf.out_hurry_ms = 10;
	e->conf.hurry = &e->hurry;
	assert_int_equal(
	    sink_open("stdout", &e->conf, (struct slice){0}, &e->s, &e->why), 0);
	*state = e;
	return 0;
}

static int
down(void **state)
{
	struct env *e = *state;

	assert_int_equal(sink_close(e->s, true, NULL), 0);
	(void)close(e->ends[0]);
	(void)close(e->ends[1]);
	free(e);
	return 0;
}

static struct sink_event
page(const char *url)
{
	return (struct sink_event){.kind = SINK_FETCH,
	    .outcome = OUTCOME_OK,
	    .response = true,
	    .final = true,
	    .status = 200,
	    .url = slice_cstr(url)};
}

/* Reads what comes, slowly if asked, until the end. */
struct reader {
	int fd;
	useconds_t pause_us;
	struct buf got;
};

static void *
read_all(void *ctx)
{
	struct reader *r = ctx;
	char bytes[8192];
	ssize_t n;

	while ((n = read(r->fd, bytes, sizeof(bytes))) > 0) {
		if (buf_add(&r->got, bytes, (size_t)n) < 0)
			break;
		(void)usleep(r->pause_us);
	}
	return NULL;
}

static void
a_reader_gets_every_line_whole_however_slow_it_is(void **state)
{
	struct env *e = *state;
	struct reader r = {.fd = e->ends[0], .pause_us = 2000};
	char *title = malloc(5000);
	struct sink_event ev = page("http://a.test/"), rejected = ev;
	struct buf line;
	pthread_t thread;

	assert_non_null(title);
	memset(title, 'x', 5000);
	ev.title = slice_of(title, 5000);
	rejected.kind = SINK_REJECT;
	buf_init(&r.got, 8 << 20);
	buf_init(&line, JSONL_LINE_BYTES_MAX);
	assert_int_equal(pthread_create(&thread, NULL, read_all, &r), 0);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
		assert_int_equal(sink_put(e->s, &rejected, &e->why), 0);
	}
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	(void)close(e->ends[1]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(jsonl_line(&line, &ev), 0);
	assert_int_equal(buf_add_byte(&line, '\n'), 0);
	assert_int_equal(r.got.len, 200 * line.len);
	for (size_t i = 0; i < 200; i++)
		assert_memory_equal(r.got.ptr + i * line.len, line.ptr, line.len);
	e->ends[1] = -1;
	buf_release(&line);
	buf_release(&r.got);
	free(title);
}

static void
lines_wait_for_the_commit_and_a_mark_for_the_lines(void **state)
{
	struct env *e = *state;
	struct sink_event ev = page("http://a.test/");
	struct buf mark;
	char bytes[4096];

	buf_init(&mark, 100);
	assert_int_equal(fcntl(e->ends[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	assert_int_equal(sink_mark(e->s, &mark), -EBUSY);
	assert_int_equal(read(e->ends[0], bytes, sizeof(bytes)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	assert_int_equal(sink_mark(e->s, &mark), 0);
	assert_int_equal(mark.len, 0);
	assert_true(read(e->ends[0], bytes, sizeof(bytes)) > 100);
	/* What was not committed when the crawl failed is not told. */
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	assert_int_equal(sink_close(e->s, false, &e->why), 0);
	e->s = NULL;
	assert_int_equal(read(e->ends[0], bytes, sizeof(bytes)), -1);
	buf_release(&mark);
}

static void
a_reader_that_is_gone_is_told(void **state)
{
	struct env *e = *state;
	struct sink_event ev = page("http://a.test/");

	(void)close(e->ends[0]);
	e->ends[0] = -1;
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	assert_int_equal(sink_sync(e->s, &e->why), -EPIPE);
	assert_string_equal(
	    e->why.text, "nobody reads standard output any more (--sink stdout)");
}

/* Puts until the pipe and the buffer are full. */
static int
put_until_it_fails(struct env *e)
{
	struct sink_event ev = page("http://a.test/");
	int r = 0;

	for (int i = 0; i < 10000 && r == 0; i++)
		r = sink_put(e->s, &ev, &e->why);
	return r;
}

static void
a_reader_that_takes_nothing_is_not_waited_for_without_end(void **state)
{
	struct env *e = *state;
	int64_t lost = lost_time_ms(), began_ms = clock_mono_ms();

	assert_int_equal(sink_close(e->s, false, NULL), 0);
	e->conf.out_wait_ms = 300;
	assert_int_equal(
	    sink_open("stdout", &e->conf, (struct slice){0}, &e->s, &e->why), 0);
	assert_int_equal(put_until_it_fails(e), -ETIMEDOUT);
	assert_in_range(clock_mono_ms() - began_ms, 300, 5000 + lost_time_ms() - lost);
	assert_non_null(strstr(e->why.text, "has taken nothing for"));
}

static void *
hurry_soon(void *ctx)
{
	(void)usleep(200 * 1000);
	atomic_store((atomic_bool *)ctx, true);
	return NULL;
}

static void
a_crawl_that_is_to_stop_does_not_wait_for_it(void **state)
{
	struct env *e = *state;
	int64_t lost = lost_time_ms(), began_ms = clock_mono_ms();
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, hurry_soon, &e->hurry), 0);
	assert_int_equal(put_until_it_fails(e), -ETIMEDOUT);
	assert_in_range(clock_mono_ms() - began_ms, 190, 5000 + lost_time_ms() - lost);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* A line is put, fails to go to `full` with `r`, and goes to the reader afterwards. */
static void
expect_kept(struct env *e, int full, int r)
{
	struct sink_event ev = page("http://a.test/");
	char bytes[4096];
	int was = dup(e->ends[1]);
	ssize_t n;

	assert_true(was >= 0 && full >= 0);
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	assert_int_equal(dup2(full, e->ends[1]), e->ends[1]);
	assert_int_equal(sink_sync(e->s, &e->why), r);
	assert_int_equal(dup2(was, e->ends[1]), e->ends[1]);
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	n = read(e->ends[0], bytes, sizeof(bytes));
	assert_true(n > 2 && bytes[0] == '{' && bytes[n - 1] == '\n');
	(void)close(was);
	(void)close(full);
}

static void
what_did_not_fit_is_kept_and_goes_out_later(void **state)
{
	int full = memfd_create("full", MFD_CLOEXEC);
	struct rlimit was, most;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	most = (struct rlimit){1 << 20, was.rlim_max};
	assert_int_equal(ftruncate(full, 1 << 20), 0);
	assert_int_equal(lseek(full, 0, SEEK_END), 1 << 20);
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &most), 0);
	expect_kept(*state, full, -ENOSPC);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
}

static void
a_device_without_room_is_no_disk_that_may_get_some(void **state)
{
	expect_kept(*state, open("/dev/full", O_WRONLY | O_CLOEXEC), -EIO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_reader_gets_every_line_whole_however_slow_it_is, up, down),
	    cmocka_unit_test_setup_teardown(
		lines_wait_for_the_commit_and_a_mark_for_the_lines, up, down),
	    cmocka_unit_test_setup_teardown(a_reader_that_is_gone_is_told, up, down),
	    cmocka_unit_test_setup_teardown(
		a_reader_that_takes_nothing_is_not_waited_for_without_end, up, down),
	    cmocka_unit_test_setup_teardown(
		a_crawl_that_is_to_stop_does_not_wait_for_it, up, down),
	    cmocka_unit_test_setup_teardown(
		what_did_not_fit_is_kept_and_goes_out_later, up, down),
	    cmocka_unit_test_setup_teardown(
		a_device_without_room_is_no_disk_that_may_get_some, up, down),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("sink/stdout", tests, NULL, NULL);
}
